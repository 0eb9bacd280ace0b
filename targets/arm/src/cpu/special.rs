//! MRS, MSR and CPS: the special registers. Armv7-M ARM, section B5; Armv8-M ARM, chapter D1.

use super::*;

/// The number of a register names that of the non-secure state.
const NS: u32 = 0x80;

impl Core {
    /// CONTROL as a security state sees it.
    pub(super) fn control(&self, secure: bool) -> u32 {
        let float = self.float & if secure { FPCA | SFPA } else { FPCA };
        self.bank[usize::from(secure)].control | float
    }

    /// Sets CONTROL of a security state.
    pub(super) fn set_control(&mut self, regs: &mut Regs, value: u32, secure: bool) {
        let handler = self.ipsr != 0;
        // In the state's own handlers SPSEL is not written; the other state's may be.
        let select = !handler || secure != self.secure;
        let mut float = if self.facts.fp() { FPCA } else { 0 };
        if secure && float != 0 {
            float |= SFPA;
        }
        if !secure && !self.nonsecure_float() {
            float = 0;
        }
        self.switch_stack(regs, |core| {
            let legal = if select { NPRIV | SPSEL } else { NPRIV };
            let control = &mut core.bank[usize::from(secure)].control;
            *control = *control & !legal | value & legal;
            core.float = core.float & !float | value & float;
        });
    }

    /// MRS.
    pub(super) fn mrs(&self, which: u32, regs: &Regs) -> u32 {
        let privileged = self.privileged();
        let main = self.facts.main();
        match which {
            0..=7 => {
                let ipsr = if which & 1 != 0 { self.ipsr as u32 } else { 0 };
                let apsr = if which & 4 == 0 { self.apsr(regs) } else { 0 };
                return ipsr | apsr;
            }
            20 => return self.control(self.secure),
            0x98 if self.secure => return self.bank[0].sp[self.stack_of(false)],
            _ if !privileged || which & NS != 0 && !self.secure => return 0,
            _ => {}
        }
        let secure = self.secure && which & NS == 0;
        let bank = &self.bank[usize::from(secure)];
        let sp = |n: usize| {
            let force = secure == self.secure && self.stack() == n;
            if force { regs.get(regs::SP) as u32 } else { bank.sp[n] }
        };
        match which & !NS {
            8 => sp(0),
            9 => sp(1),
            n @ (10 | 11) if self.facts.v8() => bank.splim[n as usize - 10],
            16 => bank.primask.into(),
            17 | 18 if main => bank.basepri.into(),
            19 if main => bank.faultmask.into(),
            20 => self.control(secure),
            _ => 0,
        }
    }

    /// MSR. `mask`: 2 the flags, 1 GE.
    pub(super) fn msr(
        &mut self,
        which: u32,
        mask: i32,
        value: u32,
        cx: &mut Cx<'_>,
    ) -> Result<(), Exception> {
        let main = self.facts.main();
        match which {
            0..=3 => {
                if mask & 2 != 0 || !main {
                    self.set_flags(cx.regs, value);
                }
                if mask & 1 != 0 && self.facts.set & crate::table::ext::DSP != 0 {
                    cx.regs.set(regs::GE, u64::from(value >> 16 & 15));
                }
                return Ok(());
            }
            0x98 if self.secure => {
                let n = self.stack_of(false);
                if value & !3 < self.bank[0].splim[n] {
                    return Err(fault::fault(fault::STKOF));
                }
                self.bank[0].sp[n] = value & !3;
                return Ok(());
            }
            20 if !self.privileged() => {
                // Of CONTROL unprivileged code of Armv8-M may write what is of its float state.
                let mine = self.secure || self.nonsecure_float();
                if self.facts.v8() && self.facts.fp() && mine {
                    let legal = if self.secure { FPCA | SFPA } else { FPCA };
                    self.float = self.float & !legal | value & legal;
                }
                return Ok(());
            }
            _ if !self.privileged() || which & NS != 0 && !self.secure => return Ok(()),
            _ => {}
        }
        let secure = self.secure && which & NS == 0;
        let current = secure == self.secure;
        let priority = self.priority();
        let stack = self.stack();
        let legal = self.nvic.legal(value as u8);
        let bank = &mut self.bank[usize::from(secure)];
        match which & !NS {
            n @ (8 | 9) => {
                let n = n as usize - 8;
                if current && stack == n {
                    cx.regs.set(regs::SP, u64::from(value & !3));
                } else {
                    bank.sp[n] = value & !3;
                }
            }
            n @ (10 | 11) if self.facts.v8() => bank.splim[n as usize - 10] = value & !7,
            16 => bank.primask = value & 1 != 0,
            17 if main => bank.basepri = legal,
            18 if main && legal != 0 && (bank.basepri == 0 || legal < bank.basepri) => {
                bank.basepri = legal;
            }
            19 if main && (value & 1 == 0 || !current || priority > -1) => {
                bank.faultmask = value & 1 != 0;
            }
            20 => self.set_control(cx.regs, value, secure),
            _ => {}
        }
        cx.regs.set(regs::SPLIM, self.limit().into());
        Ok(())
    }

    /// CPSIE and CPSID: `which` has bits for PRIMASK and FAULTMASK.
    pub(super) fn cps(&mut self, which: i32, on: bool, regs: &mut Regs) {
        if !self.privileged() {
            return;
        }
        let fault = which & 1 != 0 && self.facts.main() && (!on || self.priority() > -1);
        let bank = self.now_mut();
        if which & 2 != 0 {
            bank.primask = on;
        }
        if fault {
            bank.faultmask = on;
        }
        regs.set(regs::SPLIM, self.limit().into());
    }
}
