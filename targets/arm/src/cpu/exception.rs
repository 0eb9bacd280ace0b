//! Entry to and return from exceptions, and which fault becomes which exception. Armv7-M ARM,
//! section B1.5.

use super::fault::{self, parts};
use super::*;
use crate::lift::advance;
use crate::table::ext;
use nvic::{BUS_FAULT, DEBUG, HARD_FAULT, MEM_MANAGE, NMI, SVC, USAGE_FAULT};

/// Bits of HFSR.
const VECTTBL: u32 = 1 << 1;
const FORCED: u32 = 1 << 30;
const DEBUGEVT: u32 = 1 << 31;

/// Bytes of a frame, and of one with float state.
const BASIC: u32 = 0x20;
const EXTENDED: u32 = 0x68;

impl Core {
    /// Reads the vector table, as the first thing after reset.
    pub(super) fn start(&mut self, cx: &mut Cx<'_>) {
        self.fresh = false;
        let at = u64::from(self.vtor);
        match (self.table_word(at, cx.env), self.table_word(at + 4, cx.env)) {
            (Some(sp), Some(pc)) => {
                cx.regs.set(regs::SP, u64::from(sp & !3));
                cx.regs.set(regs::PC, u64::from(pc ^ 1));
            }
            _ => self.lock_up(VECTTBL, cx),
        }
    }

    fn table_word(&mut self, at: u64, env: &mut dyn Env) -> Option<u32> {
        let word = env.phys_read(at, 4)? as u32;
        Some(if self.big { word.swap_bytes() } else { word })
    }

    /// The core cannot go on.
    fn lock_up(&mut self, hfsr: u32, cx: &mut Cx<'_>) {
        self.hfsr |= hfsr;
        self.lockup = true;
        cx.regs.set(regs::PC, 0xffff_fffe);
        cx.env.wait();
    }

    /// Puts the stack pointer in force after a change of what selects it.
    pub(super) fn switch_stack(&mut self, regs: &mut Regs, change: impl FnOnce(&mut Self)) {
        let before = self.stack();
        self.sp[before] = regs.get(regs::SP) as u32;
        change(self);
        regs.set(regs::SP, self.sp[self.stack()].into());
    }

    /// The program status.
    pub(super) fn xpsr(&self, regs: &Regs) -> u32 {
        let get = |slot| regs.get(slot) as u32;
        let it = get(regs::IT);
        let thumb = u32::from(get(regs::PC) & 1 == 0) << 24;
        self.apsr(regs) | (it & 3) << 25 | (it >> 2 & 0x3f) << 10 | thumb | self.ipsr as u32
    }

    /// The application's part of it.
    pub(super) fn apsr(&self, regs: &Regs) -> u32 {
        let get = |slot| regs.get(slot) as u32;
        get(regs::NF) & 1 << 31
            | u32::from(get(regs::ZF) == 0) << 30
            | get(regs::CF) << 29
            | get(regs::VF) >> 31 << 28
            | get(regs::QF) << 27
            | (get(regs::GE) & 15) << 16
    }

    /// Sets N, Z, C, V and, where there is saturation, Q.
    pub(super) fn set_flags(&self, regs: &mut Regs, apsr: u32) {
        regs.set(regs::NF, u64::from(apsr & 1 << 31));
        regs.set(regs::ZF, u64::from(apsr >> 30 & 1 == 0));
        regs.set(regs::CF, u64::from(apsr >> 29 & 1));
        regs.set(regs::VF, u64::from(apsr << 3 & 1 << 31));
        regs.set(regs::QF, u64::from(apsr >> 27 & u32::from(self.facts.main())));
    }

    pub(super) fn set_xpsr(&mut self, regs: &mut Regs, xpsr: u32) {
        self.set_flags(regs, xpsr);
        let parts = if self.facts.set & ext::DSP != 0 { xpsr >> 16 & 15 } else { 0 };
        regs.set(regs::GE, u64::from(parts));
        regs.set(regs::IT, u64::from(xpsr >> 25 & 3 | (xpsr >> 10 & 0x3f) << 2));
    }

    pub(super) fn store_word(
        &mut self,
        at: u32,
        value: u32,
        env: &mut dyn Env,
    ) -> Result<(), Exception> {
        let value = if self.big { value.swap_bytes() } else { value };
        env.virt_write(self, at.into(), 2, value.into()).map_err(raised)
    }

    pub(super) fn load_word(&mut self, at: u32, env: &mut dyn Env) -> Result<u32, Exception> {
        let value = env.virt_read(self, at.into(), 2).map_err(raised)? as u32;
        Ok(if self.big { value.swap_bytes() } else { value })
    }

    /// Takes an exception of an instruction.
    pub(super) fn fault(&mut self, e: Exception, pc: u64, cx: &mut Cx<'_>) {
        let (mut n, bit, at) = parts(e.cause);
        if let Some(bit) = bit {
            self.note(bit, at.then_some(e.value as u32));
        }
        let mut back = pc;
        if n == SVC {
            back = pc.wrapping_add(2) & 0xffff_ffff;
            let it = advance(cx.regs.get(regs::IT) as u8);
            cx.regs.set(regs::IT, it.into());
        }
        if n == DEBUG {
            self.dfsr |= 2;
        }
        match self.escalate(n) {
            Some(to) => n = to,
            None => return self.lock_up(FORCED, cx),
        }
        self.enter(n, back, cx);
    }

    /// Sets a bit of CFSR, and where it was.
    fn note(&mut self, bit: u32, at: Option<u32>) {
        if !self.facts.main() {
            return;
        }
        self.cfsr |= 1 << bit;
        match at {
            Some(at) if bit < 8 => {
                self.mmfar = at;
                self.cfsr |= 1 << fault::MMARVALID;
            }
            Some(at) => {
                self.bfar = at;
                self.cfsr |= 1 << fault::BFARVALID;
            }
            None => {}
        }
    }

    /// The exception that a fault becomes: itself if it is enabled and may preempt what runs, else
    /// a HardFault; none if that may not either.
    fn escalate(&mut self, n: usize) -> Option<usize> {
        let enabled = match n {
            _ if !self.facts.main() => n == SVC,
            MEM_MANAGE => self.shcsr >> 16 & 1 != 0,
            BUS_FAULT => self.shcsr >> 17 & 1 != 0,
            USAGE_FAULT => self.shcsr >> 18 & 1 != 0,
            DEBUG => self.trace.demcr >> 16 & 1 != 0,
            _ => true,
        };
        let now = self.priority();
        if enabled && self.nvic.grouped(self.nvic.raw(n)) < now {
            return Some(n);
        }
        if now <= -1 {
            return None;
        }
        self.hfsr |= if n == DEBUG { DEBUGEVT } else { FORCED };
        Some(HARD_FAULT)
    }

    /// Enters an exception: the instruction at `back` runs after it.
    pub(super) fn enter(&mut self, n: usize, back: u64, cx: &mut Cx<'_>) {
        let (lr, failed) = self.push_frame(back as u32, cx);
        self.take(n, lr, cx);
        if let Some(bit) = failed {
            // The derived exception comes first, if it may.
            self.derived(bit);
        }
    }

    /// A fault while state is saved or restored is pending.
    fn derived(&mut self, bit: u32) {
        self.note(bit, None);
        let (n, ..) = parts(fault::fault(bit).cause);
        if let Some(n) = self.escalate(n) {
            self.nvic.pending.put(n, true);
            self.reconsider();
        }
    }

    /// Saves what the callee of a handler may change. Gives EXC_RETURN, and the fault if there was
    /// one.
    fn push_frame(&mut self, back: u32, cx: &mut Cx<'_>) -> (u32, Option<u32>) {
        let bank = self.stack();
        let sp = cx.regs.get(regs::SP) as u32;
        let float = self.facts.fp() && self.control & FPCA != 0;
        let aligned = self.ccr & STKALIGN != 0;
        let padded = aligned && sp & 4 != 0;
        let mut frame = sp.wrapping_sub(if float { EXTENDED } else { BASIC });
        if aligned {
            frame &= !4;
        }
        let xpsr = self.xpsr(cx.regs) & !(1 << 24 | 1 << 9)
            | u32::from(back & 1 == 0) << 24
            | u32::from(padded) << 9;
        let get = |n: i32| cx.regs.get(regs::r(n)) as u32;
        let words = [get(0), get(1), get(2), get(3), get(12), get(14), back & !1, xpsr];
        let mut failed = None;
        if self.facts.v8() && frame < self.splim[bank] {
            frame = self.splim[bank];
            failed = Some(fault::STKOF);
        } else {
            for (i, word) in words.into_iter().enumerate() {
                if let Err(e) = self.store_word(frame.wrapping_add(4 * i as u32), word, cx.env) {
                    failed = Some(stacking(e, fault::MSTKERR, fault::STKERR));
                    break;
                }
            }
        }
        if float && failed.is_none() {
            if self.fpccr & LSPEN != 0 {
                // Later, if the handler uses floating point at all.
                self.fpcar = frame.wrapping_add(BASIC);
                let user = u32::from(!self.privileged()) << 1;
                let thread = u32::from(self.ipsr == 0) << 3;
                self.fpccr = self.fpccr & (ASPEN | LSPEN) | LSPACT | user | thread;
            } else {
                failed = self
                    .save_float(frame.wrapping_add(BASIC), cx.regs, cx.env)
                    .err()
                    .map(|e| stacking(e, fault::MSTKERR, fault::STKERR));
            }
        }
        cx.regs.set(regs::SP, frame.into());
        let thread = self.ipsr == 0;
        let lr = if self.facts.v8() {
            0xffff_ffa0 | u32::from(thread) << 3
        } else {
            0xffff_ffe1 | u32::from(thread) << 3
        };
        (lr | u32::from(!float) << 4 | (bank as u32) << 2, failed)
    }

    /// Saves s0 to s15 and FPSCR.
    pub(super) fn save_float(
        &mut self,
        at: u32,
        regs: &mut Regs,
        env: &mut dyn Env,
    ) -> Result<(), Exception> {
        for n in 0..16 {
            let v = regs.get(regs::s(n)) as u32;
            self.store_word(at.wrapping_add(4 * n as u32), v, env)?;
        }
        let fpscr = self.fpscr_value(regs);
        self.store_word(at.wrapping_add(0x40), fpscr, env)
    }

    /// Begins a handler; the state is saved.
    fn take(&mut self, n: usize, lr: u32, cx: &mut Cx<'_>) {
        let at = u64::from(self.vtor) + 4 * n as u64;
        let Some(vector) = self.table_word(at, cx.env) else {
            if n == HARD_FAULT || n == NMI {
                return self.lock_up(VECTTBL, cx);
            }
            self.hfsr |= VECTTBL;
            return self.take(HARD_FAULT, lr, cx);
        };
        self.nvic.activate(n);
        self.reconsider();
        self.switch_stack(cx.regs, |core| {
            core.ipsr = n;
            core.control &= !(SPSEL | FPCA);
        });
        cx.regs.set(regs::LR, lr.into());
        cx.regs.set(regs::IT, 0);
        cx.regs.set(regs::PC, u64::from(vector ^ 1));
        cx.env.clear_reservation();
        self.event = true;
        self.handler = Some(u64::from(vector & !1));
        self.last = n as u32;
    }

    /// Returns from an exception, as the value that was branched to says.
    pub(super) fn exception_return(&mut self, value: u32, cx: &mut Cx<'_>) {
        let thread = value & 8 != 0;
        let bank = usize::from(thread && value & 4 != 0);
        let float = value & 16 == 0;
        let form = match self.facts.v8() {
            true => value | 0x3c == 0xffff_ffbc,
            false => {
                let fixed = if self.facts.fp() { 0x1c } else { 0xc };
                value | fixed == 0xffff_fffd && value & 0xc != 4
            }
        };
        let others = self.nvic.active.iter().filter(|n| *n != self.ipsr).count();
        // NONBASETHRDENA.
        let nested = !thread || others == 0 || self.ccr & 1 != 0 || self.facts.v8();
        let active = self.nvic.active.has(self.ipsr);
        if self.nvic.raw(self.ipsr) > -2 || self.ipsr == HARD_FAULT {
            self.faultmask = false;
        }
        self.nvic.deactivate(self.ipsr);
        self.reconsider();
        if !(form && nested && active && (thread || others > 0)) {
            return self.bad_return(fault::INVPC, value, cx);
        }
        self.look_at_clock(cx.env.now_ps());
        // The frame stays where it is for an exception that would come at once.
        self.sp[0] = cx.regs.get(regs::SP) as u32;
        if let Some(n) = self.due() {
            return self.take(n, value, cx);
        }
        if let Err(bit) = self.pop_frame(bank, thread, float, cx) {
            return self.bad_return(bit, value, cx);
        }
        cx.env.clear_reservation();
        self.event = true;
        if self.scr & 2 != 0 && thread && others == 0 && !self.wakes(cx.regs) {
            cx.env.wait();
        }
    }

    /// A return that faults: the exception begins without a new frame.
    fn bad_return(&mut self, bit: u32, value: u32, cx: &mut Cx<'_>) {
        self.note(bit, None);
        let (n, ..) = parts(fault::fault(bit).cause);
        match self.escalate(n) {
            Some(n) => self.take(n, value, cx),
            None => self.lock_up(FORCED, cx),
        }
    }

    fn pop_frame(
        &mut self,
        bank: usize,
        thread: bool,
        float: bool,
        cx: &mut Cx<'_>,
    ) -> Result<(), u32> {
        let frame = self.sp[bank];
        let unstacking = |e| stacking(e, fault::MUNSTKERR, fault::UNSTKERR);
        let mut words = [0; 8];
        for (i, word) in words.iter_mut().enumerate() {
            let at = frame.wrapping_add(4 * i as u32);
            *word = self.load_word(at, cx.env).map_err(unstacking)?;
        }
        let xpsr = words[7];
        if (xpsr & 0x1ff == 0) != thread {
            return Err(fault::INVPC);
        }
        if float && self.fpccr & LSPACT != 0 {
            // Nothing was saved, and nothing has changed.
            self.fpccr &= !LSPACT;
        } else if float {
            let at = frame.wrapping_add(BASIC);
            for n in 0..16 {
                let v = self.load_word(at.wrapping_add(4 * n as u32), cx.env);
                cx.regs.set(regs::s(n), v.map_err(unstacking)?.into());
            }
            let v = self.load_word(at.wrapping_add(0x40), cx.env).map_err(unstacking)?;
            self.set_fpscr(cx.regs, v);
        }
        for (n, word) in [0, 1, 2, 3, 12, 14].into_iter().zip(words) {
            cx.regs.set(regs::r(n), word.into());
        }
        let size = if float { EXTENDED } else { BASIC };
        let pad = if xpsr & 1 << 9 != 0 && self.ccr & STKALIGN != 0 { 4 } else { 0 };
        self.sp[bank] = frame.wrapping_add(size) | pad;
        self.ipsr = xpsr as usize & 0x1ff;
        self.control &= !(SPSEL | FPCA);
        if bank == 1 {
            self.control |= SPSEL;
        }
        if float {
            self.control |= FPCA;
        }
        self.set_xpsr(cx.regs, xpsr);
        cx.regs.set(regs::SP, self.sp[self.stack()].into());
        let arm = u32::from(xpsr >> 24 & 1 == 0);
        cx.regs.set(regs::PC, u64::from(words[6] & !1 | arm));
        Ok(())
    }
}

fn raised(halt: Halt) -> Exception {
    match halt {
        Halt::Raise(e) => e,
        Halt::Redo => fault::fault(fault::PRECISERR),
    }
}

/// The bit that a refused or unanswered access sets while state is saved or restored.
pub(super) fn stacking(e: Exception, refused: u32, unanswered: u32) -> u32 {
    if parts(e.cause).0 == MEM_MANAGE { refused } else { unanswered }
}
