//! What the helpers of lifted blocks do: one function an instruction.

use super::exception::stacking;
use super::*;
use crate::lift::advance;
use crate::table::{self, Insn};

impl Core {
    /// Runs one helper and moves the program counter on.
    pub(super) fn help(
        &mut self,
        help: Help,
        word: u32,
        len: u8,
        does: bool,
        cx: &mut Cx<'_>,
    ) -> Result<(), Exception> {
        let next = cx.pc.wrapping_add(len.into()) & 0xffff_ffff;
        if does {
            let insn = table::again(word, len, self.facts.set);
            match (help, insn) {
                (Help::Undefined, _) | (_, None) => return Err(self.undefined(word)),
                (Help::Float, Some(_)) => return self.begin_float(cx),
                (help, Some(i)) => {
                    if let Some(to) = self.run(help, &i, next, cx)? {
                        cx.regs.set(regs::PC, to);
                        return Ok(());
                    }
                }
            }
        }
        let it = advance(cx.regs.get(regs::IT) as u8);
        cx.regs.set(regs::IT, it.into());
        cx.regs.set(regs::PC, next);
        Ok(())
    }

    /// An instruction that does not exist; those of coprocessors fault as such.
    fn undefined(&self, word: u32) -> Exception {
        let coprocessor = word >> 29 == 7 && word >> 26 & 3 == 3 && word >> 24 & 3 != 3;
        let none = coprocessor && !(self.facts.fp() && matches!(word >> 8 & 15, 10 | 11));
        fault::fault(if none { fault::NOCP } else { fault::UNDEFINSTR })
    }

    /// Gives the address to go on at, if it is not the next one.
    fn run(
        &mut self,
        help: Help,
        i: &Insn,
        next: u64,
        cx: &mut Cx<'_>,
    ) -> Result<Option<u64>, Exception> {
        match help {
            Help::Svc => return Err(fault::svc()),
            Help::Bkpt => {
                if i.imm != 0xab || !self.semihost(cx) {
                    return Err(fault::breakpoint());
                }
            }
            Help::Msr => {
                let value = cx.regs.get(regs::r(i.rn)) as u32;
                self.msr(i.imm as u32, i.k, value, cx);
            }
            Help::Mrs => {
                let value = self.mrs(i.imm as u32, cx.regs);
                cx.regs.set(regs::r(i.rd), value.into());
            }
            Help::Cps if self.privileged() => {
                let on = i.k != 0;
                if i.imm & 2 != 0 {
                    self.primask = on;
                }
                if i.imm & 1 != 0 && self.facts.main() && (!on || self.priority() > -1) {
                    self.faultmask = on;
                }
            }
            Help::Cps => {}
            Help::Wfi => {
                if !self.wakes(cx.regs) {
                    cx.env.wait();
                }
            }
            Help::Wfe => {
                if !std::mem::take(&mut self.event) && !self.wakes(cx.regs) {
                    self.wfe = true;
                    cx.env.wait();
                }
            }
            Help::Sev => self.event = true,
            Help::Isb => cx.env.flush_code(),
            Help::Clrex => cx.env.clear_reservation(),
            Help::Div => {
                let (a, b) = (cx.regs.get(regs::r(i.rn)) as u32, cx.regs.get(regs::r(i.rm)) as u32);
                if b == 0 {
                    return Err(fault::fault(fault::DIVBYZERO));
                }
                let v = match i.k {
                    0 => (a as i32).wrapping_div(b as i32) as u32,
                    _ => a / b,
                };
                cx.regs.set(regs::r(i.rd), v.into());
            }
            Help::Vmsr => {
                let value = cx.regs.get(regs::r(i.rd)) as u32;
                self.set_fpscr(cx.regs, value);
            }
            Help::Vmrs => {
                let value = self.fpscr_value(cx.regs);
                cx.regs.set(regs::r(i.rd), value.into());
            }
            Help::Tt => {
                let at = cx.regs.get(regs::r(i.rn));
                let value = self.test_target(at, i.k & 1 != 0);
                cx.regs.set(regs::r(i.rd), value.into());
            }
            // Without the security extension a gateway is no more than a mark.
            Help::Sg => {}
            _ => return Err(fault::fault(fault::UNDEFINSTR)),
        }
        let _ = next;
        Ok(None)
    }

    /// A semihosting call (Arm semihosting, release 3). False if the host answers none.
    fn semihost(&mut self, cx: &mut Cx<'_>) -> bool {
        let call = HostCall::Semihost {
            op: cx.regs.get(regs::r(0)),
            param: cx.regs.get(regs::r(1)),
            word: 4,
        };
        let Some(answer) = cx.env.host_call(call) else { return false };
        cx.regs.set(regs::r(0), answer & 0xffff_ffff);
        true
    }

    /// A float instruction where float state is not the running code's: refused, or made so; then
    /// the instruction begins again.
    fn begin_float(&mut self, cx: &mut Cx<'_>) -> Result<(), Exception> {
        if !self.float_allowed() {
            return Err(fault::fault(fault::NOCP));
        }
        if self.fpccr & LSPACT != 0 {
            let at = self.fpcar & !7;
            self.save_float(at, cx.regs, cx.env)
                .map_err(|e| fault::fault(stacking(e, fault::MLSPERR, fault::LSPERR)))?;
            self.fpccr &= !LSPACT;
        }
        if self.fpccr & ASPEN != 0 && self.control & FPCA == 0 {
            self.control |= FPCA;
            self.fpscr = self.fpdscr & FPSCR_MODE;
        }
        cx.regs.set(regs::PC, cx.pc);
        Ok(())
    }

    /// FPSCR.
    pub(super) fn fpscr_value(&self, regs: &Regs) -> u32 {
        self.fpscr | regs.get(regs::FFLAGS) as u32 | regs.get(regs::FCC) as u32
    }

    pub(super) fn set_fpscr(&mut self, regs: &mut Regs, value: u32) {
        self.fpscr = value & FPSCR_MODE;
        regs.set(regs::FFLAGS, u64::from(value & 0x9f));
        regs.set(regs::FCC, u64::from(value & 0xf000_0000));
    }

    /// MRS.
    fn mrs(&self, which: u32, regs: &Regs) -> u32 {
        let privileged = self.privileged();
        let sp = |n: usize| {
            if self.stack() == n { regs.get(regs::SP) as u32 } else { self.sp[n] }
        };
        let main = self.facts.main();
        match which {
            0..=7 => {
                let ipsr = if which & 1 != 0 { self.ipsr as u32 } else { 0 };
                let apsr = if which & 4 == 0 { self.apsr(regs) } else { 0 };
                ipsr | apsr
            }
            20 => self.control,
            _ if !privileged => 0,
            8 => sp(0),
            9 => sp(1),
            10 | 11 if self.facts.v8() => self.splim[which as usize - 10],
            16 => self.primask.into(),
            17 | 18 if main => self.basepri.into(),
            19 if main => self.faultmask.into(),
            _ => 0,
        }
    }

    /// MSR. `mask`: 2 the flags, 1 GE.
    fn msr(&mut self, which: u32, mask: i32, value: u32, cx: &mut Cx<'_>) {
        let main = self.facts.main();
        match which {
            0..=3 => {
                if mask & 2 != 0 || !main {
                    self.set_flags(cx.regs, value);
                }
                if mask & 1 != 0 && self.facts.set & crate::table::ext::DSP != 0 {
                    cx.regs.set(regs::GE, u64::from(value >> 16 & 15));
                }
            }
            _ if !self.privileged() => {}
            8 | 9 => {
                let n = which as usize - 8;
                if self.stack() == n {
                    cx.regs.set(regs::SP, u64::from(value & !3));
                } else {
                    self.sp[n] = value & !3;
                }
            }
            10 | 11 if self.facts.v8() => self.splim[which as usize - 10] = value & !7,
            16 => self.primask = value & 1 != 0,
            17 if main => self.basepri = self.nvic.legal(value as u8),
            18 if main => {
                let new = self.nvic.legal(value as u8);
                if new != 0 && (self.basepri == 0 || new < self.basepri) {
                    self.basepri = new;
                }
            }
            19 if main && (value & 1 == 0 || self.priority() > -1) => {
                self.faultmask = value & 1 != 0;
            }
            20 => {
                let handler = self.ipsr != 0;
                let fp = self.facts.fp();
                self.switch_stack(cx.regs, |core| {
                    let mut legal = if handler { NPRIV } else { NPRIV | SPSEL };
                    if fp {
                        legal |= FPCA;
                    }
                    core.control = core.control & !legal | value & legal;
                });
            }
            _ => {}
        }
    }

    /// TT and TTT: what the MPU says of an address, without the security extension.
    fn test_target(&self, at: u64, unprivileged: bool) -> u32 {
        let privileged = self.privileged() && !unprivileged;
        let (allowed, _) = self.mpu.look(at, privileged, false);
        let region = match allowed.region {
            Some(n) => u32::from(n) | 1 << 16,
            None => 0,
        };
        let shown = self.privileged();
        let bits = u32::from(allowed.read) << 18 | u32::from(allowed.write) << 19;
        bits | if shown { region } else { 0 }
    }
}
