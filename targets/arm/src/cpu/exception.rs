//! Entry to exceptions, and which fault becomes which exception. Armv7-M ARM, section B1.5; Armv8-M
//! ARM, chapter B3. Returns are in `exit.rs`.

use super::fault::{self, parts};
use super::*;
use crate::lift::advance;
use crate::table::ext;
use nvic::{BUS_FAULT, DEBUG, HARD_FAULT, MEM_MANAGE, NMI, SECURE_FAULT, SVC, USAGE_FAULT};

/// Bits of HFSR.
const VECTTBL: u32 = 1 << 1;
pub(super) const FORCED: u32 = 1 << 30;
const DEBUGEVT: u32 = 1 << 31;

/// Bytes of a frame, of one with float state, and of one with all of that.
pub(super) const BASIC: u32 = 0x20;
pub(super) const EXTENDED: u32 = 0x68;
pub(super) const WHOLE: u32 = 0xa8;

/// Bits of EXC_RETURN (Armv8-M).
pub(super) const ES: u32 = 1;
pub(super) const SPSEL_OF: u32 = 1 << 2;
pub(super) const MODE: u32 = 1 << 3;
pub(super) const FTYPE: u32 = 1 << 4;
pub(super) const DCRS: u32 = 1 << 5;
pub(super) const BACK_S: u32 = 1 << 6;

impl Core {
    /// Reads the vector table, as the first thing after reset.
    pub(super) fn start(&mut self, cx: &mut Cx<'_>) {
        self.fresh = false;
        let at = u64::from(self.now().vtor);
        match (self.table_word(at, cx.env), self.table_word(at + 4, cx.env)) {
            (Some(sp), Some(pc)) => {
                cx.regs.set(regs::SP, u64::from(sp & !3));
                cx.regs.set(regs::SPLIM, 0);
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
    pub(super) fn lock_up(&mut self, hfsr: u32, cx: &mut Cx<'_>) {
        self.hfsr |= hfsr;
        self.lockup = true;
        cx.regs.set(regs::PC, 0xffff_fffe);
        cx.env.wait();
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

    /// Takes an exception of an instruction.
    pub(super) fn fault(&mut self, e: Exception, pc: u64, cx: &mut Cx<'_>) {
        let (n, bit, at) = parts(e.cause);
        let secure = self.secure || fault::is_secure(e.cause);
        if let Some(bit) = bit {
            self.note(bit, at.then_some(e.value as u32), secure);
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
        match self.escalate(n, secure) {
            Some(n) => self.enter(n, back, cx),
            None => self.lock_up(FORCED, cx),
        }
    }

    /// Sets a bit of CFSR or SFSR, and where it was.
    pub(super) fn note(&mut self, bit: u32, at: Option<u32>, secure: bool) {
        if !self.facts.main() {
            return;
        }
        let own = &mut self.bank[usize::from(secure)];
        match bit {
            fault::SFSR.. => {
                self.sfsr |= 1 << (bit - fault::SFSR);
                if let Some(at) = at {
                    self.sfar = at;
                    self.sfsr |= 1 << (fault::SFARVALID - fault::SFSR);
                }
            }
            8..16 => {
                self.bank[0].cfsr |= 1 << bit;
                if let Some(at) = at {
                    self.bfar = at;
                    self.bank[0].cfsr |= 1 << fault::BFARVALID;
                }
            }
            _ => {
                own.cfsr |= 1 << bit;
                if let Some(at) = at {
                    own.mmfar = at;
                    own.cfsr |= 1 << fault::MMARVALID;
                }
            }
        }
    }

    /// The exception that a fault of a security state becomes: that of its number if it is enabled
    /// and may preempt what runs, else a HardFault; none if that may not either.
    pub(super) fn escalate(&mut self, n: usize, secure: bool) -> Option<usize> {
        let id = self.nvic.of(n, secure);
        let enabled = match n {
            _ if !self.facts.main() => n == SVC,
            MEM_MANAGE | BUS_FAULT | USAGE_FAULT | SECURE_FAULT => self.nvic.enabled.has(id),
            DEBUG => self.trace.demcr >> 16 & 1 != 0,
            _ => true,
        };
        let now = self.priority();
        if enabled && self.nvic.group_of(id) < now {
            return Some(id);
        }
        // Of a fault that one state has alone the HardFault is that state's.
        let secure = if nvic::is_banked(n) { secure } else { self.nvic.is_secure(id) };
        let hard = self.nvic.of(HARD_FAULT, secure);
        if self.nvic.group_of(hard) >= now {
            return None;
        }
        self.hfsr |= if n == DEBUG { DEBUGEVT } else { FORCED };
        Some(hard)
    }

    /// Enters an exception: the instruction at `back` runs after it.
    pub(super) fn enter(&mut self, n: usize, back: u64, cx: &mut Cx<'_>) {
        self.save_sp(cx.regs);
        self.nvic.pending.put(n, true);
        let (lr, failed) = self.push_frame(back as u32, cx);
        if self.lockup {
            return self.load_sp(cx.regs);
        }
        let n = if failed { self.most_urgent(n) } else { n };
        self.take(n, lr, false, cx);
    }

    /// The exception to take where another one was derived: the one of higher priority. Derived
    /// ones are enabled.
    pub(super) fn most_urgent(&mut self, n: usize) -> usize {
        self.reconsider();
        match self.best {
            Some((priority, best)) if priority < self.nvic.group_of(n) => best,
            _ => n,
        }
    }

    /// A fault of a security state while its state is saved or restored is pending. Gives the
    /// exception; none if the core locks up.
    pub(super) fn derived(&mut self, bit: u32, secure: bool) -> Option<usize> {
        self.note(bit, None, secure);
        let (n, ..) = parts(fault::fault(bit).cause);
        let n = self.escalate(n, secure)?;
        self.nvic.pending.put(n, true);
        self.reconsider();
        Some(n)
    }

    /// Saves what the callee of a handler may change; the stack pointer is in its bank. Gives
    /// EXC_RETURN, and whether a fault is pending for it.
    fn push_frame(&mut self, back: u32, cx: &mut Cx<'_>) -> (u32, bool) {
        let (bank, state, secure) = (self.stack(), self.state(), self.secure);
        let sp = self.now().sp[bank];
        let active = self.facts.fp() && self.float & FPCA != 0;
        let float = active && (secure || self.nonsecure_float());
        let secrets = secure && self.bank[1].fpccr & TS != 0;
        let aligned = self.now().ccr & STKALIGN != 0;
        let padded = aligned && sp & 4 != 0;
        let mut frame = sp.wrapping_sub(match (float, secrets) {
            (false, _) => BASIC,
            (true, false) => EXTENDED,
            (true, true) => WHOLE,
        });
        if aligned {
            frame &= !4;
        }
        let xpsr = self.xpsr(cx.regs) & !(1 << 24 | 1 << 20 | 1 << 9)
            | u32::from(back & 1 == 0) << 24
            | u32::from(secure && self.float & SFPA != 0) << 20
            | u32::from(padded) << 9;
        let get = |n: i32| cx.regs.get(regs::r(n)) as u32;
        let words = [get(0), get(1), get(2), get(3), get(12), get(14), back & !1, xpsr];
        let limit = if self.facts.v8() { self.limit() } else { 0 };
        let mut failed = None;
        if frame < limit {
            frame = limit;
            failed = Some(fault::STKOF);
        } else {
            for (i, word) in words.into_iter().enumerate() {
                if let Err(e) = self.store_word(frame.wrapping_add(4 * i as u32), word, cx.env) {
                    failed = Some(stacking(e, fault::MSTKERR, fault::STKERR));
                    break;
                }
            }
        }
        let mut pended = false;
        if active {
            match self.push_float(frame, failed.is_none(), cx) {
                Ok(()) => {}
                Err((bit, to)) => {
                    pended = true;
                    if self.derived(bit, to).is_none() {
                        self.lock_up(FORCED, cx);
                    }
                }
            }
        }
        if let Some(bit) = failed {
            pended = true;
            if self.derived(bit, secure).is_none() {
                self.lock_up(FORCED, cx);
            }
        }
        self.bank[state].sp[bank] = frame;
        let thread = u32::from(self.ipsr == 0);
        let ftype = u32::from(!float) << 4;
        let lr = if self.facts.v8() {
            0xffff_ffa0 | u32::from(secure) << 6 | thread << 3
        } else {
            0xffff_ffe1 | thread << 3 | (bank as u32) << 2
        };
        (lr | ftype, pended)
    }

    /// Begins a handler. The state is saved and the stack pointers are in their banks; `lr` is
    /// EXC_RETURN of what was interrupted, `chained` that of an exception that has just ended.
    pub(super) fn take(&mut self, n: usize, lr: u32, chained: bool, cx: &mut Cx<'_>) {
        let secure = self.nvic.is_secure(n);
        let mut lr = lr;
        if self.facts.v8() {
            let (all, bit) = self.save_callee(secure, lr, chained, cx);
            lr = all;
            if let Some(bit) = bit {
                return match self.derived(bit, true) {
                    Some(_) => {
                        self.nvic.pending.put(n, true);
                        let n = self.most_urgent(n);
                        // What was not saved is not tried again.
                        self.take(n, lr & !ES | DCRS, true, cx)
                    }
                    None => self.lock_up(FORCED, cx),
                };
            }
            let control = self.bank[usize::from(secure)].control;
            lr = lr & !(SPSEL_OF | ES) | if control & SPSEL != 0 { SPSEL_OF } else { 0 };
            lr |= u32::from(secure);
        }
        let at = self.bank[usize::from(secure)].vtor.wrapping_add(4 * (n % nvic::SECURE) as u32);
        let open = secure || !self.facts.security || self.attribution(at).ns;
        let vector = if open { self.table_word(at.into(), cx.env) } else { None };
        let Some(vector) = vector else {
            self.hfsr |= VECTTBL;
            let hard = self.nvic.of(HARD_FAULT, secure || !open);
            if n == hard || n == NMI || self.nvic.group_of(hard) >= self.priority() {
                return self.lock_up(VECTTBL, cx);
            }
            self.nvic.pending.put(n, true);
            return self.take(hard, lr, true, cx);
        };
        self.nvic.activate(n);
        self.reconsider();
        if self.facts.security && !secure {
            self.clear_for_others(lr, cx.regs);
        }
        self.secure = secure;
        self.ipsr = n % nvic::SECURE;
        self.now_mut().control &= !SPSEL;
        self.float = 0;
        self.load_sp(cx.regs);
        cx.regs.set(regs::LR, lr.into());
        cx.regs.set(regs::IT, 0);
        cx.regs.set(regs::PC, u64::from(vector ^ 1));
        cx.env.clear_reservation();
        self.event = true;
        self.handler = Some(u64::from(vector & !1));
        self.last = (n % nvic::SECURE) as u32;
    }

    /// The exception whose handler runs.
    pub(super) fn current(&self) -> usize {
        let secure = nvic::SECURE + self.ipsr;
        if self.nvic.active.has(secure) && self.secure { secure } else { self.ipsr }
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
    match parts(e.cause).0 {
        MEM_MANAGE => refused,
        SECURE_FAULT => fault::AUVIOL,
        _ => unanswered,
    }
}
