//! What each security state has of its own (Armv8-M ARM, section B3.2 and the register pages that
//! say "banked between security states"). A core without the security extension has one bank, the
//! non-secure one.

use super::*;

/// Registers of one security state. They bear the manual's names.
#[derive(Debug, Clone)]
pub(super) struct Bank {
    /// CONTROL.nPRIV and SPSEL; the float bits are the core's.
    pub(super) control: u32,
    pub(super) primask: bool,
    pub(super) faultmask: bool,
    pub(super) basepri: u8,
    /// The main and the process stack pointer; the one in force is in its slot.
    pub(super) sp: [u32; 2],
    /// Their limits (Armv8-M).
    pub(super) splim: [u32; 2],
    pub(super) vtor: u32,
    pub(super) scr: u32,
    pub(super) ccr: u32,
    pub(super) shcsr: u32,
    /// The bits of BusFault are those of the non-secure bank in both states.
    pub(super) cfsr: u32,
    pub(super) mmfar: u32,
    pub(super) actlr: u32,
    pub(super) cpacr: u32,
    pub(super) fpccr: u32,
    pub(super) fpcar: u32,
    pub(super) fpdscr: u32,
    pub(super) systick: SysTick,
    pub(super) mpu: Mpu,
}

impl Bank {
    pub(super) fn new(facts: &Facts, period: u64, secure: bool) -> Bank {
        let mut bank = Bank {
            control: 0,
            primask: false,
            faultmask: false,
            basepri: 0,
            sp: [0; 2],
            splim: [0; 2],
            vtor: 0,
            scr: 0,
            ccr: 0,
            shcsr: 0,
            cfsr: 0,
            mmfar: 0,
            actlr: 0,
            cpacr: 0,
            fpccr: 0,
            fpcar: 0,
            fpdscr: 0,
            systick: SysTick::new(period, facts.systick_ref),
            mpu: Mpu::new(if secure { facts.mpu } else { facts.mpu_ns }, facts.v8()),
        };
        bank.reset(facts, secure);
        bank
    }

    /// The state after reset.
    pub(super) fn reset(&mut self, facts: &Facts, secure: bool) {
        let Bank { systick, mpu, .. } = self;
        systick.reset();
        mpu.reset();
        (self.control, self.basepri) = (0, 0);
        (self.primask, self.faultmask) = (false, false);
        (self.sp, self.splim) = ([0; 2], [0; 2]);
        for register in [
            &mut self.scr,
            &mut self.shcsr,
            &mut self.cfsr,
            &mut self.mmfar,
            &mut self.actlr,
            &mut self.cpacr,
            &mut self.fpcar,
            &mut self.fpdscr,
            &mut self.fpccr,
        ] {
            *register = 0;
        }
        self.vtor = if secure || !facts.security { facts.vectors } else { facts.vectors_ns };
        self.ccr = if facts.main() { STKALIGN } else { STKALIGN | UNALIGN_TRP };
        if facts.v8() {
            self.ccr |= 1;
        }
        if facts.fp() {
            // What is not banked is in the bank of a core's first state.
            let first = secure == facts.security;
            self.fpccr = ASPEN | if first { LSPEN } else { 0 } | if secure { FPCCR_S } else { 0 };
        }
    }
}

impl Core {
    /// The bank of the security state in force.
    pub(super) fn state(&self) -> usize {
        usize::from(self.secure)
    }

    /// What the security state in force has of its own.
    pub(super) fn now(&self) -> &Bank {
        &self.bank[self.state()]
    }

    /// As [`Core::now`], to change it.
    pub(super) fn now_mut(&mut self) -> &mut Bank {
        &mut self.bank[usize::from(self.secure)]
    }

    /// The bank with the bits of FPCCR that are not banked.
    pub(super) fn first(&self) -> usize {
        usize::from(self.facts.security)
    }

    /// The bank that holds saved float state: the one that FPCCR.S names.
    pub(super) fn float_owner(&self) -> usize {
        usize::from(self.bank[self.first()].fpccr & FPCCR_S != 0)
    }

    /// Whether a security state sees its own register whole: without the extension there is one.
    pub(super) fn sees_all(&self, secure: bool) -> bool {
        secure || !self.facts.security
    }

    /// Whether code of a security state is privileged in the mode in force.
    pub(super) fn privileged_in(&self, secure: bool) -> bool {
        self.ipsr != 0 || self.bank[usize::from(secure)].control & NPRIV == 0
    }

    /// Which stack pointer a security state uses: 0 main, 1 process.
    pub(super) fn stack_of(&self, secure: bool) -> usize {
        let select = self.bank[usize::from(secure)].control & SPSEL != 0;
        usize::from(self.ipsr == 0 && select)
    }

    /// Puts the stack pointer in force where the others are.
    pub(super) fn save_sp(&mut self, regs: &Regs) {
        let n = self.stack();
        self.now_mut().sp[n] = regs.get(regs::SP) as u32;
    }

    /// Takes the stack pointer in force, with its limit.
    pub(super) fn load_sp(&mut self, regs: &mut Regs) {
        regs.set(regs::SP, self.now().sp[self.stack()].into());
        regs.set(regs::SPLIM, self.limit().into());
    }

    /// The limit of the stack in force; 0 if there is none, or it does not count now.
    pub(super) fn limit(&self) -> u32 {
        let ignored = self.now().ccr & STKOFHFNMIGN != 0 && self.is_negative(self.secure);
        if ignored { 0 } else { self.now().splim[self.stack()] }
    }

    /// Puts the stack pointer in force after a change of what selects it.
    pub(super) fn switch_stack(&mut self, regs: &mut Regs, change: impl FnOnce(&mut Self)) {
        self.save_sp(regs);
        change(self);
        self.load_sp(regs);
    }

    /// HardFault or NMI of a security state runs, or its FAULTMASK is set: stack limits and its MPU
    /// may be off.
    pub(super) fn is_negative(&self, secure: bool) -> bool {
        let active = |n| self.nvic.active.has(n) && self.nvic.is_secure(n) == secure;
        let hard = self.nvic.of(nvic::HARD_FAULT, secure);
        self.bank[usize::from(secure)].faultmask || active(hard) || active(nvic::NMI)
    }

    /// The priority that the running code has; `masks`: PRIMASK counts too.
    pub(super) fn priority_with(&self, masks: bool) -> i32 {
        let mut p = self.nvic.active_priority();
        let states = if self.facts.security { 2 } else { 1 };
        for (b, secure) in self.bank.iter().zip([false, true]).take(states) {
            if b.basepri != 0 {
                p = p.min(self.nvic.grouped(b.basepri.into(), secure));
            }
            if b.primask && masks {
                p = p.min(self.nvic.lowered(0, secure));
            }
            if b.faultmask {
                p = p.min(match (self.nvic.bfhfnmins, secure) {
                    _ if !self.facts.security => -1,
                    (true, true) => -3,
                    (true, false) | (false, true) => -1,
                    (false, false) => self.nvic.lowered(0, false),
                });
            }
        }
        p
    }
}
