//! Security states: what belongs to an address, and the ways from one state to the other. Armv8-M
//! ARM, chapters B9 and B3 (pseudocode `SecurityCheck`, `BranchToNS`, `FunctionReturn`).

use super::exception::*;
use super::*;
use crate::hw::idau::Kind;
use crate::hw::sau::Attribution;
use crate::table::Insn;

/// The return address of functions that secure code calls in the non-secure state.
pub(super) const FNC_RETURN: u32 = 0xfeff_ffff;
/// What a frame with secure registers begins with; bit 0 is EXC_RETURN.FType.
const SIGNATURE: u32 = 0xfefa_125a;
/// Bytes of the signature, a reserved word and r4 to r11.
const CALLEE: u32 = 0x28;
/// SG.
const GATE: u32 = 0xe97f_e97f;

impl Core {
    /// Whether an address belongs to whatever state is in force.
    fn is_exempt(&self, at: u32) -> bool {
        matches!(
            at,
            0xe000_0000..=0xe000_2fff
                | 0xe000_e000..=0xe000_efff
                | 0xe002_e000..=0xe002_efff
                | 0xe004_0000..=0xe004_1fff
                | 0xe00f_f000..=0xe00f_ffff
        ) || self.facts.idau.look(at) == Kind::Exempt
    }

    /// What belongs to an address: the less secure of what the SAU and the IDAU say does not count.
    pub(super) fn attribution(&self, at: u32) -> Attribution {
        let mut found = self.sau.look(at);
        let kind = self.facts.idau.look(at);
        if matches!(kind, Kind::Secure | Kind::Callable) {
            let nsc = kind == Kind::Callable || self.callable >> (at >> 28) & 1 != 0;
            if found.ns || !nsc && found.nsc {
                found = Attribution { ns: false, nsc, ..found };
            }
        }
        found
    }

    /// Whether all of a stretch belongs to a security state alone.
    pub(super) fn is_all_of(&self, secure: bool, first: u32, last: u32) -> bool {
        self.sau.is_one(first, last)
            && self.facts.idau.is_one(first, last)
            && self.attribution(first).ns != secure
    }

    /// Whether all of a page is attributed and protected alike for code.
    pub(super) fn is_whole(&self, at: u32) -> bool {
        let size = 1 << PAGE_BITS;
        let span = self.now().mpu.span(at.into());
        span == u64::from(size) && (!self.facts.security || self.sau.is_whole(at, size))
    }

    /// Refuses accesses to what belongs to the other state.
    pub(super) fn check_security(
        &self,
        va: u64,
        access: Access,
        secure: bool,
        env: &mut dyn Env,
    ) -> Result<(), Exception> {
        let at = va as u32;
        if access != Access::Fetch {
            let refused = !secure && !self.is_exempt(at) && !self.attribution(at).ns;
            return if refused { Err(fault::attribution(va)) } else { Ok(()) };
        }
        let found = match at >> 28 {
            15 => Attribution::default(),
            _ => self.attribution(at),
        };
        match (secure, found.ns) {
            (true, true) => Err(Exception { value: va, ..fault::secure_fault(fault::INVTRAN) }),
            (true, false) | (false, true) => Ok(()),
            (false, false) => Err(self.gate(va, found, env)),
        }
    }

    /// Non-secure code has come to a secure address: a sign if there is a gate, else a fault.
    fn gate(&self, va: u64, found: Attribution, env: &mut dyn Env) -> Exception {
        let privileged = self.privileged_in(true);
        let negative = self.is_negative(true);
        let (allowed, _) = self.bank[1].mpu.look(va, privileged, negative);
        let none = Exception { value: va, ..fault::secure_fault(fault::INVEP) };
        if !found.nsc || va & 1 != 0 {
            return none;
        }
        if !allowed.exec {
            return Exception { value: va, ..fault::secure_fault(fault::IACCVIOL) };
        }
        let mut half = |at| {
            env.phys_read(at, 2).map(|h| if self.big { (h as u16).swap_bytes() } else { h as u16 })
        };
        match (half(va), half(va + 2)) {
            (Some(a), Some(b)) if u32::from(a) << 16 | u32::from(b) == GATE => {
                Exception { cause: Exception::SIGN, value: va }
            }
            (None, _) | (_, None) => fault::bus(Access::Fetch, va),
            _ => none,
        }
    }

    /// SG of non-secure code: the secure state goes on behind it.
    pub(super) fn enter_gate(&mut self, cx: &mut Cx<'_>) {
        let lr = cx.regs.get(regs::LR) & !1;
        cx.regs.set(regs::LR, lr);
        cx.regs.set(regs::IT, 0);
        self.switch_stack(cx.regs, |core| core.secure = true);
        cx.regs.set(regs::PC, cx.pc.wrapping_add(4) & 0xffff_ffff);
    }

    /// BXNS and BLXNS: to the non-secure state if bit 0 of the address is clear. Gives the address.
    pub(super) fn branch_ns(
        &mut self,
        i: &Insn,
        next: u64,
        cx: &mut Cx<'_>,
    ) -> Result<u64, Exception> {
        if !self.secure {
            return Err(fault::fault(fault::UNDEFINSTR));
        }
        let to = cx.regs.get(regs::r(i.rm)) as u32;
        let link = next as u32 | 1;
        let call = i.s != 0;
        if to & 1 != 0 {
            if call {
                cx.regs.set(regs::LR, link.into());
            }
            return Ok(u64::from(to ^ 1));
        }
        if call {
            let sp = (cx.regs.get(regs::SP) as u32).wrapping_sub(8);
            if sp < self.limit() {
                return Err(fault::fault(fault::STKOF));
            }
            let sfpa = u32::from(self.float & SFPA != 0) << 20;
            self.store_word(sp, link, cx.env)?;
            self.store_word(sp.wrapping_add(4), self.ipsr as u32 | sfpa, cx.env)?;
            cx.regs.set(regs::SP, sp.into());
            cx.regs.set(regs::LR, FNC_RETURN.into());
        }
        self.switch_stack(cx.regs, |core| {
            if call && core.ipsr != 0 {
                // Which exception it is does not concern others.
                core.ipsr = 1;
            }
            core.float &= !SFPA;
            core.secure = false;
        });
        Ok(to.into())
    }

    /// The return from a function that BLXNS has called.
    pub(super) fn function_return(&mut self, value: u32, cx: &mut Cx<'_>) {
        self.save_sp(cx.regs);
        let bank = self.stack_of(true);
        let regime = self.regime_of(true, self.privileged_in(true));
        let frame = self.bank[1].sp[bank];
        let back = value ^ 1;
        let mut word = |at| self.load_in(regime, at, cx.env);
        let (to, xpsr) = match (word(frame), word(frame.wrapping_add(4))) {
            (Ok(to), Ok(xpsr)) => (to, xpsr),
            (Err(e), _) | (_, Err(e)) => {
                let e = Exception {
                    cause: e.cause | fault::secure_fault(fault::STKOF).cause & !0xffff,
                    ..e
                };
                return self.fault(e, back.into(), cx);
            }
        };
        let number = xpsr as usize & 0x1ff;
        if !(self.ipsr == 0 && number == 0 || self.ipsr == 1 && number != 0) {
            return self.fault(fault::fault(fault::INVPC), back.into(), cx);
        }
        self.bank[1].sp[bank] = frame.wrapping_add(8);
        (self.secure, self.ipsr) = (true, number);
        self.float = self.float & !SFPA | if xpsr & 1 << 20 != 0 { SFPA } else { 0 };
        self.load_sp(cx.regs);
        cx.regs.set(regs::IT, 0);
        cx.regs.set(regs::PC, u64::from(to ^ 1));
    }

    /// Of secure code that other code interrupts, the callee's registers are saved too. Gives
    /// EXC_RETURN and the fault if there was one.
    pub(super) fn save_callee(
        &mut self,
        to_secure: bool,
        lr: u32,
        chained: bool,
        cx: &mut Cx<'_>,
    ) -> (u32, Option<u32>) {
        if !self.facts.security || lr & BACK_S == 0 {
            return (lr | DCRS, None);
        }
        // An exception of the other state that has just ended has them saved.
        let saved = chained && lr & ES == 0;
        if to_secure {
            return (if saved { lr & !DCRS } else { lr }, None);
        }
        if lr & DCRS == 0 || saved {
            return (lr | DCRS, None);
        }
        let thread = lr & MODE != 0;
        let control = self.bank[1].control;
        let bank = usize::from(thread && control & SPSEL != 0);
        let regime = self.regime_of(true, !thread || control & NPRIV == 0);
        let frame = self.bank[1].sp[bank].wrapping_sub(CALLEE);
        let ignored = self.bank[1].ccr & STKOFHFNMIGN != 0 && self.is_negative(true);
        let limit = self.bank[1].splim[bank];
        if frame < limit && !ignored {
            self.bank[1].sp[bank] = limit;
            return (lr, Some(fault::STKOF));
        }
        let mut failed = self.store_in(regime, frame, SIGNATURE | lr >> 4 & 1, cx.env);
        for n in 4..12 {
            let value = cx.regs.get(regs::r(n)) as u32;
            let at = frame.wrapping_add(4 * n as u32 - 8);
            failed = failed.and_then(|()| self.store_in(regime, at, value, cx.env));
        }
        self.bank[1].sp[bank] = frame;
        let bit = failed.err().map(|e| stacking(e, fault::MSTKERR, fault::STKERR));
        (lr | DCRS, bit)
    }

    /// Takes what [`Core::save_callee`] has saved. Gives where the rest of the frame is.
    pub(super) fn pop_callee(
        &mut self,
        frame: u32,
        regime: u8,
        value: u32,
        cx: &mut Cx<'_>,
    ) -> Result<u32, (u32, bool)> {
        let unstacking = |e| (stacking(e, fault::MUNSTKERR, fault::UNSTKERR), true);
        let found = self.load_in(regime, frame, cx.env).map_err(unstacking)?;
        if found != SIGNATURE | value >> 4 & 1 {
            return Err((fault::INVIS, true));
        }
        for n in 4..12 {
            let at = frame.wrapping_add(4 * n as u32 - 8);
            let word = self.load_in(regime, at, cx.env).map_err(unstacking)?;
            cx.regs.set(regs::r(n), word.into());
        }
        Ok(frame.wrapping_add(CALLEE))
    }

    /// Non-secure handlers find nothing of secure code in the registers.
    pub(super) fn clear_for_others(&mut self, lr: u32, regs: &mut Regs) {
        let all = lr & BACK_S != 0;
        for n in (0..13).filter(|n| all || !(4..12).contains(n)) {
            regs.set(regs::r(n), 0);
        }
        self.set_xpsr(regs, 0);
    }

    /// TT, TTT, TTA, TTAT: what protects an address. `how`: 1 as unprivileged code, 2 as the
    /// non-secure state.
    pub(super) fn test_target(&self, at: u64, how: i32) -> Result<u32, Exception> {
        let other = how & 2 != 0;
        if other && !self.secure {
            return Err(fault::fault(fault::UNDEFINSTR));
        }
        let secure = self.secure && !other;
        let privileged = self.privileged_in(secure) && how & 1 == 0;
        let mut value = 0;
        let (mut read, mut write) = (false, false);
        if self.privileged() || other {
            let mpu = &self.bank[usize::from(secure)].mpu;
            let (allowed, _) = mpu.look(at, privileged, self.is_negative(secure));
            (read, write) = (allowed.read, allowed.write);
            value |= allowed.region.map_or(0, |n| u32::from(n) | 1 << 16);
            value |= u32::from(read) << 18 | u32::from(write) << 19;
        }
        if self.secure {
            let found = self.attribution(at as u32);
            let ns = if self.is_exempt(at as u32) { false } else { found.ns };
            value |= u32::from(read && ns) << 20 | u32::from(write && ns) << 21;
            value |= u32::from(!ns) << 22;
            value |= found.region.map_or(0, |n| u32::from(n) << 8 | 1 << 17);
            let number = self.facts.idau.number(at as u32);
            value |= number.map_or(0, |n| u32::from(n) << 24 | 1 << 23);
        }
        Ok(value)
    }
}
