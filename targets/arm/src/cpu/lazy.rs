//! Whose the float registers are, and when they are saved: CONTROL.FPCA and SFPA, FPCCR, lazy
//! preservation, VLSTM and VLLDM. Armv7-M ARM, section B1.5.7; Armv8-M ARM, chapter B3.

use super::exception::*;
use super::fault;
use super::*;
use crate::table::Insn;

/// Bits of FPCCR.
const USER: u32 = 1 << 1;
const THREAD: u32 = 1 << 3;
const HFRDY: u32 = 1 << 4;
const MMRDY: u32 = 1 << 5;
const BFRDY: u32 = 1 << 6;
const SFRDY: u32 = 1 << 7;
const MONRDY: u32 = 1 << 8;
const UFRDY: u32 = 1 << 10;
/// Those that each security state has of its own.
const BANKED: u32 = LSPACT | USER | THREAD | MMRDY | SPLIMVIOL | UFRDY | ASPEN;
/// Those that only the secure state sees.
const SECRET: u32 = FPCCR_S | SFRDY | TS | CLRONRETS | LSPENS;
/// Those that a core of Armv7-M has.
const SMALL: u32 = 0xc000_017b;

impl Core {
    /// Non-secure code may use floating point as far as the secure state cares.
    pub(super) fn nonsecure_float(&self) -> bool {
        !self.facts.security || self.nsacr >> 10 & 1 != 0
    }

    /// The fault that floating point is for code of a state, if it is one.
    fn float_fault(&self, secure: bool, privileged: bool) -> Option<(u32, bool)> {
        let open = match self.bank[usize::from(secure)].cpacr >> 20 & 3 {
            1 => privileged,
            3 => true,
            _ => false,
        };
        if !open {
            return Some((fault::NOCP, secure));
        }
        (!secure && !self.nonsecure_float()).then_some((fault::NOCP, true))
    }

    /// The running code needs float state of its own that is not there yet.
    fn wants_float_state(&self) -> bool {
        let there = self.float & FPCA != 0 && (!self.secure || self.float & SFPA != 0);
        self.now().fpccr & ASPEN != 0 && !there
    }

    /// Whether float instructions run as they are: see [`Core::begin_float`] for what else.
    pub(super) fn float_is_ready(&self) -> bool {
        self.float_fault(self.secure, self.privileged()).is_none()
            && self.bank[self.float_owner()].fpccr & LSPACT == 0
            && self.float_owner() == self.state()
            && !self.wants_float_state()
    }

    /// A float instruction where float state is not the running code's: refused, or made so; then
    /// the instruction begins again.
    pub(super) fn begin_float(&mut self, cx: &mut Cx<'_>) -> Result<(), Exception> {
        if let Some((bit, secure)) = self.float_fault(self.secure, self.privileged()) {
            return Err(self.at(bit, secure));
        }
        if self.bank[self.float_owner()].fpccr & LSPACT != 0 {
            self.preserve(cx)?;
        }
        let first = self.first();
        if self.facts.security {
            let mine = if self.secure { FPCCR_S } else { 0 };
            self.bank[first].fpccr = self.bank[first].fpccr & !FPCCR_S | mine;
        }
        if self.wants_float_state() {
            self.float = FPCA | if self.secure { SFPA } else { 0 };
            let modes = self.now().fpdscr & FPSCR_MODE;
            self.set_fpscr(cx.regs, modes);
        }
        cx.regs.set(regs::PC, cx.pc);
        Ok(())
    }

    /// A fault of a security state.
    fn at(&self, bit: u32, secure: bool) -> Exception {
        if secure && !self.secure { fault::secure_fault(bit) } else { fault::fault(bit) }
    }

    /// Saves the state that an exception or VLSTM has left for later.
    fn preserve(&mut self, cx: &mut Cx<'_>) -> Result<(), Exception> {
        let owner = self.float_owner();
        let secure = owner == 1;
        let fpccr = self.bank[owner].fpccr;
        let privileged = fpccr & USER == 0;
        if let Some((bit, secure)) = self.float_fault(secure, privileged) {
            return Err(self.at(bit, secure));
        }
        if fpccr & SPLIMVIOL != 0 {
            return Err(self.at(fault::STKOF, secure));
        }
        let regime = self.regime_of(secure, privileged);
        let (at, all) = (self.bank[owner].fpcar & !7, secure && fpccr & TS != 0);
        if let Err(e) = self.save_float(at, all, regime, cx) {
            let bit = match stacking(e, fault::MLSPERR, fault::LSPERR) {
                fault::AUVIOL => fault::SFLSPERR,
                bit => bit,
            };
            return Err(self.at(bit, secure));
        }
        self.bank[owner].fpccr &= !LSPACT;
        if all {
            self.clear_float(cx.regs, 32);
        }
        Ok(())
    }

    /// Saves s0 to s15 and FPSCR, and s16 to s31 if all.
    fn save_float(
        &mut self,
        at: u32,
        all: bool,
        regime: u8,
        cx: &mut Cx<'_>,
    ) -> Result<(), Exception> {
        for n in 0..if all { 32 } else { 16 } {
            let v = cx.regs.get(regs::s(n)) as u32;
            self.store_in(regime, at.wrapping_add(place(n)), v, cx.env)?;
        }
        let fpscr = self.fpscr_value(cx.regs);
        self.store_in(regime, at.wrapping_add(0x40), fpscr, cx.env)
    }

    /// Takes what [`Core::save_float`] has saved.
    fn restore_float(
        &mut self,
        at: u32,
        all: bool,
        regime: u8,
        cx: &mut Cx<'_>,
    ) -> Result<(), Exception> {
        for n in 0..if all { 32 } else { 16 } {
            let v = self.load_in(regime, at.wrapping_add(place(n)), cx.env)?;
            cx.regs.set(regs::s(n), v.into());
        }
        let v = self.load_in(regime, at.wrapping_add(0x40), cx.env)?;
        self.set_fpscr(cx.regs, v);
        Ok(())
    }

    fn clear_float(&mut self, regs: &mut Regs, count: i32) {
        for n in 0..count {
            regs.set(regs::s(n), 0);
        }
        self.set_fpscr(regs, 0);
    }

    /// The float part of an exception's frame, now or later; `fits`: the rest of it was saved.
    /// Errors are a bit of CFSR or SFSR with the state that it is of.
    pub(super) fn push_float(
        &mut self,
        frame: u32,
        fits: bool,
        cx: &mut Cx<'_>,
    ) -> Result<(), (u32, bool)> {
        let secure = self.secure;
        let at = frame.wrapping_add(BASIC);
        if self.facts.security && self.bank[self.float_owner()].fpccr & LSPACT != 0 {
            return Err((fault::LSERR, true));
        }
        if !secure && !self.nonsecure_float() {
            return Err((fault::NOCP, true));
        }
        if self.bank[self.first()].fpccr & LSPEN != 0 {
            self.note_float(at, true);
            return Ok(());
        }
        if !fits {
            return Ok(());
        }
        if self.facts.v8()
            && let Some(refused) = self.float_fault(secure, self.privileged())
        {
            return Err(refused);
        }
        let all = secure && self.bank[1].fpccr & TS != 0;
        let saved = self.save_float(at, all, self.regime(), cx);
        saved.map_err(|e| (stacking(e, fault::MSTKERR, fault::STKERR), secure))?;
        if all {
            self.clear_float(cx.regs, 32);
        }
        Ok(())
    }

    /// Float state is to be saved at an address when it is needed: pseudocode `UpdateFPCCR`.
    fn note_float(&mut self, at: u32, limited: bool) {
        let (secure, first) = (self.secure, self.first());
        let ready = |core: &Core, n: usize, s: bool| {
            let id = core.nvic.of(n, s);
            let enabled = core.nvic.enabled.has(id);
            enabled && core.nvic.group_of(id) < core.priority()
        };
        let bit = |on: bool, bit: u32| if on { bit } else { 0 };
        let mut own = LSPACT
            | bit(!self.privileged(), USER)
            | bit(self.ipsr == 0, THREAD)
            | bit(ready(self, nvic::MEM_MANAGE, secure), MMRDY);
        let mut shared = bit(ready(self, nvic::HARD_FAULT, secure), HFRDY)
            | bit(ready(self, nvic::BUS_FAULT, false), BFRDY);
        if self.facts.v8() {
            own |= bit(limited && at < self.limit(), SPLIMVIOL);
            own |= bit(ready(self, nvic::USAGE_FAULT, secure), UFRDY);
        }
        if self.facts.security {
            shared |= bit(secure, FPCCR_S) | bit(ready(self, nvic::SECURE_FAULT, true), SFRDY);
        }
        let bank = self.now_mut();
        bank.fpcar = at & !7;
        bank.fpccr = bank.fpccr & !(BANKED & !ASPEN) | own;
        let bank = &mut self.bank[first];
        bank.fpccr = bank.fpccr & !(HFRDY | BFRDY | SFRDY | FPCCR_S) | shared;
    }

    /// The float part of a frame that a return takes. Gives the bytes of the whole frame.
    pub(super) fn pop_float(
        &mut self,
        frame: u32,
        regime: u8,
        secure: bool,
        privileged: bool,
        cx: &mut Cx<'_>,
    ) -> Result<u32, (u32, bool)> {
        if !secure && self.facts.security && self.bank[1].fpccr & LSPACT != 0 {
            return Err((fault::LSERR, true));
        }
        let all = secure && self.bank[1].fpccr & TS != 0;
        let own = &mut self.bank[usize::from(secure)];
        if own.fpccr & LSPACT != 0 {
            // Nothing was saved, and nothing has changed.
            own.fpccr &= !LSPACT;
        } else {
            if self.facts.v8()
                && let Some(refused) = self.float_fault(secure, privileged)
            {
                return Err(refused);
            }
            let at = frame.wrapping_add(BASIC);
            let popped = self.restore_float(at, all, regime, cx);
            popped.map_err(|e| (stacking(e, fault::MUNSTKERR, fault::UNSTKERR), secure))?;
        }
        Ok(if all { WHOLE } else { EXTENDED })
    }

    /// What a return clears of float state. True if that has not been saved yet.
    pub(super) fn clear_on_return(&mut self, regs: &mut Regs) -> bool {
        let shared = self.bank[self.first()].fpccr;
        if shared & CLRONRET == 0 || self.float & FPCA == 0 {
            return false;
        }
        if self.bank[1].fpccr & LSPACT != 0 {
            return true;
        }
        self.clear_float(regs, 16);
        false
    }

    /// FPCCR as a security state sees it.
    pub(super) fn fpccr_value(&self, view: bool) -> u32 {
        let own = self.bank[usize::from(view)].fpccr & BANKED;
        let shared = self.bank[self.first()].fpccr & !BANKED;
        let faults = HFRDY | BFRDY;
        let hidden = match (self.sees_all(view), self.nvic.bfhfnmins) {
            (true, _) => 0,
            (false, true) => SECRET,
            (false, false) => SECRET | faults,
        };
        own | shared & !hidden
    }

    pub(super) fn set_fpccr(&mut self, value: u32, view: bool) {
        let first = self.first();
        if !self.facts.v8() {
            self.bank[0].fpccr = value & SMALL;
            return;
        }
        let own = &mut self.bank[usize::from(view)];
        own.fpccr = own.fpccr & !BANKED | value & BANKED;
        let now = self.bank[first].fpccr;
        let mut legal = HFRDY | BFRDY | MONRDY | LSPEN | CLRONRET;
        if view {
            legal |= SECRET;
        } else if self.facts.security {
            if now & LSPENS != 0 {
                legal &= !LSPEN;
            }
            if now & CLRONRETS != 0 {
                legal &= !CLRONRET;
            }
            if !self.nvic.bfhfnmins {
                legal &= !(HFRDY | BFRDY);
            }
        }
        self.bank[first].fpccr = now & !legal | value & legal;
    }

    /// VLSTM: secure code is about to call other code, and puts its float state away, if it has
    /// any.
    pub(super) fn vlstm(&mut self, i: &Insn, cx: &mut Cx<'_>) -> Result<(), Exception> {
        let Some(at) = self.lazy_address(i, cx)? else { return Ok(()) };
        if self.bank[self.float_owner()].fpccr & LSPACT != 0 {
            return Err(fault::fault(fault::LSERR));
        }
        if at & 7 != 0 {
            return Err(fault::fault(fault::UNALIGNED));
        }
        if self.bank[1].fpccr & LSPEN != 0 {
            self.note_float(at, false);
        } else {
            let all = self.bank[1].fpccr & TS != 0;
            self.save_float(at, all, self.regime(), cx)?;
            if all {
                self.clear_float(cx.regs, 32);
            }
        }
        self.float &= !FPCA;
        Ok(())
    }

    /// VLLDM: secure code takes back what VLSTM has put away.
    pub(super) fn vlldm(&mut self, i: &Insn, cx: &mut Cx<'_>) -> Result<(), Exception> {
        let Some(at) = self.lazy_address(i, cx)? else { return Ok(()) };
        if self.bank[1].fpccr & LSPACT != 0 {
            self.bank[1].fpccr &= !LSPACT;
        } else {
            if at & 7 != 0 {
                return Err(fault::fault(fault::UNALIGNED));
            }
            let all = self.bank[1].fpccr & TS != 0;
            self.restore_float(at, all, self.regime(), cx)?;
        }
        self.float |= FPCA;
        Ok(())
    }

    /// Where VLSTM and VLLDM keep the state; none if there is no secure one.
    fn lazy_address(&self, i: &Insn, cx: &Cx<'_>) -> Result<Option<u32>, Exception> {
        if !self.secure {
            return Err(fault::fault(fault::UNDEFINSTR));
        }
        if !self.facts.fp() || self.float & SFPA == 0 {
            return Ok(None);
        }
        if let Some((bit, secure)) = self.float_fault(true, self.privileged()) {
            return Err(self.at(bit, secure));
        }
        Ok(Some(cx.regs.get(regs::r(i.rn)) as u32))
    }
}

/// Where a register lies in what is saved: FPSCR and a reserved word come between.
fn place(n: i32) -> u32 {
    4 * n as u32 + if n >= 16 { 8 } else { 0 }
}
