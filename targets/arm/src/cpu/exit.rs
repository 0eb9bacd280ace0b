//! Return from exceptions. Armv7-M ARM, section B1.5.8; Armv8-M ARM, chapter B3 and pseudocode
//! `ExceptionReturn`.

use super::exception::*;
use super::fault::{self, parts};
use super::*;
use nvic::NMI;

/// A return as EXC_RETURN says.
#[derive(Clone, Copy)]
struct Return {
    /// To thread mode, with float state, to the secure state.
    thread: bool,
    float: bool,
    secure: bool,
    /// The stack of the frame.
    bank: usize,
    value: u32,
}

impl Core {
    /// Whether a fetch from an address is a return from an exception, or of a function that secure
    /// code has called.
    pub(super) fn is_return(&self, va: u64) -> bool {
        let v8 = self.facts.v8();
        self.ipsr != 0 && va >= if v8 { 0xff00_0000 } else { 0xf000_0000 }
            || self.facts.security && va as u32 | 1 == secure::FNC_RETURN
    }

    /// Returns from an exception, as the value that was branched to says.
    pub(super) fn exception_return(&mut self, value: u32, cx: &mut Cx<'_>) {
        self.save_sp(cx.regs);
        let (v8, security) = (self.facts.v8(), self.facts.security);
        // Non-secure code returns from its own exceptions only.
        let foreign = security && !self.secure && (value & ES != 0 || value & DCRS == 0);
        let value = if foreign { value & !ES } else { value };
        let ended = security && value & ES != 0;
        let thread = value & MODE != 0;
        let float = value & FTYPE == 0 && self.facts.fp();
        let form = match (v8, security) {
            (true, true) => value | 0x7d == 0xffff_fffd,
            (true, false) => value | 0x3c == 0xffff_ffbc && value & DCRS != 0,
            (false, _) => {
                let fixed = if self.facts.fp() { 0x1c } else { 0xc };
                value | fixed == 0xffff_fffd && value & 0xc != 4
            }
        };
        let current = if ended { self.nvic.of(self.ipsr, true) } else { self.ipsr };
        let others = self.nvic.active.iter().filter(|n| *n != current).count();
        // NONBASETHRDENA.
        let nested = !thread || others == 0 || self.now().ccr & 1 != 0 || v8;
        let active = self.nvic.active.has(current);
        if !security && self.ipsr != NMI || security && self.nvic.active_priority() >= 0 {
            self.bank[usize::from(ended)].faultmask = false;
        }
        self.nvic.deactivate(current);
        self.reconsider();
        if v8 {
            let control = &mut self.bank[usize::from(ended)].control;
            *control = *control & !SPSEL | if value & SPSEL_OF != 0 { SPSEL } else { 0 };
        }
        if security && self.clear_on_return(cx.regs) {
            return self.bad_return(fault::LSERR, true, value, cx);
        }
        if foreign {
            return self.bad_return(fault::INVER, true, value, cx);
        }
        if !(form && nested && active && (thread || others > 0)) {
            return self.bad_return(fault::INVPC, self.secure, value, cx);
        }
        self.look_at_clock(cx.env.now_ps());
        // The frame stays where it is for an exception that would come at once.
        if let Some(n) = self.due() {
            return self.take(n, value, true, cx);
        }
        let secure = security && value & BACK_S != 0;
        let select = match v8 {
            true => self.bank[usize::from(secure)].control & SPSEL != 0,
            false => value & 4 != 0,
        };
        let how = Return { thread, float, secure, bank: usize::from(thread && select), value };
        self.secure = secure;
        if let Err((bit, secure)) = self.pop_frame(how, cx) {
            return self.bad_return(bit, secure, value, cx);
        }
        cx.env.clear_reservation();
        self.event = true;
        if self.now().scr & 2 != 0 && thread && others == 0 && !self.wakes(cx.regs) {
            cx.env.wait();
        }
    }

    /// A return that faults: the exception begins without a new frame.
    fn bad_return(&mut self, bit: u32, secure: bool, value: u32, cx: &mut Cx<'_>) {
        self.note(bit, None, secure);
        let (n, ..) = parts(fault::fault(bit).cause);
        match self.escalate(n, secure) {
            Some(n) => {
                self.nvic.pending.put(n, true);
                let n = self.most_urgent(n);
                self.take(n, value, true, cx);
            }
            None => {
                self.load_sp(cx.regs);
                self.lock_up(FORCED, cx);
            }
        }
    }

    /// Takes the state from a frame; the stack pointers are in their banks. Errors are bits of CFSR
    /// and SFSR with the security state that they are of.
    fn pop_frame(&mut self, how: Return, cx: &mut Cx<'_>) -> Result<(), (u32, bool)> {
        let Return { thread, float, secure, bank, value } = how;
        let state = usize::from(secure);
        let privileged = !thread || self.bank[state].control & NPRIV == 0;
        let regime = self.regime_of(secure, privileged);
        let unstacking = |e| (stacking(e, fault::MUNSTKERR, fault::UNSTKERR), secure);
        let mut frame = self.bank[state].sp[bank];
        if secure && (value & ES == 0 || value & DCRS == 0) {
            frame = self.pop_callee(frame, regime, value, cx)?;
        }
        let mut words = [0; 8];
        for (i, word) in words.iter_mut().enumerate() {
            let at = frame.wrapping_add(4 * i as u32);
            *word = self.load_in(regime, at, cx.env).map_err(unstacking)?;
        }
        let xpsr = words[7];
        if (xpsr & 0x1ff == 0) != thread {
            return Err((fault::INVPC, secure));
        }
        let mut size = BASIC;
        if float {
            size = self.pop_float(frame, regime, secure, privileged, cx)?;
        }
        for (n, word) in [0, 1, 2, 3, 12, 14].into_iter().zip(words) {
            cx.regs.set(regs::r(n), word.into());
        }
        let pad = if xpsr & 1 << 9 != 0 && self.now().ccr & STKALIGN != 0 { 4 } else { 0 };
        self.bank[state].sp[bank] = frame.wrapping_add(size) | pad;
        self.ipsr = xpsr as usize & 0x1ff;
        if !self.facts.v8() {
            let control = &mut self.bank[0].control;
            *control = *control & !SPSEL | if bank == 1 { SPSEL } else { 0 };
        }
        self.float = if float { FPCA } else { 0 };
        if secure && xpsr & 1 << 20 != 0 {
            self.float |= SFPA;
        }
        self.set_xpsr(cx.regs, xpsr);
        self.load_sp(cx.regs);
        let arm = u32::from(xpsr >> 24 & 1 == 0);
        cx.regs.set(regs::PC, u64::from(words[6] & !1 | arm));
        Ok(())
    }

    /// Reads a word as code of a translation regime would.
    pub(super) fn load_in(
        &mut self,
        regime: u8,
        at: u32,
        env: &mut dyn Env,
    ) -> Result<u32, Exception> {
        let to = self.translate(regime, at.into(), Access::Load, env)?;
        match env.phys_read(to.pa, 4) {
            Some(word) if self.big => Ok((word as u32).swap_bytes()),
            Some(word) => Ok(word as u32),
            None => Err(fault::bus(Access::Load, at.into())),
        }
    }

    /// Writes a word as code of a translation regime would.
    pub(super) fn store_in(
        &mut self,
        regime: u8,
        at: u32,
        value: u32,
        env: &mut dyn Env,
    ) -> Result<(), Exception> {
        let to = self.translate(regime, at.into(), Access::Store, env)?;
        let value = if self.big { value.swap_bytes() } else { value };
        env.phys_write(to.pa, 4, value.into()).ok_or_else(|| fault::bus(Access::Store, at.into()))
    }
}
