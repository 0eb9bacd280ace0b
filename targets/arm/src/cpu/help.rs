//! What the helpers of lifted blocks do: one function an instruction.

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
                self.msr(i.imm as u32, i.k, value, cx)?;
            }
            Help::Mrs => {
                let value = self.mrs(i.imm as u32, cx.regs);
                cx.regs.set(regs::r(i.rd), value.into());
            }
            Help::Cps => self.cps(i.imm, i.k != 0, cx.regs),
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
                let value = self.test_target(at, i.k)?;
                cx.regs.set(regs::r(i.rd), value.into());
            }
            // A gate is seen when non-secure code fetches it; else it is no more than a mark.
            Help::Sg => {}
            Help::Bxns => {
                let to = self.branch_ns(i, next, cx)?;
                let it = advance(cx.regs.get(regs::IT) as u8);
                cx.regs.set(regs::IT, it.into());
                return Ok(Some(to));
            }
            Help::Vlstm => self.vlstm(i, cx)?,
            Help::Vlldm => self.vlldm(i, cx)?,
            _ => return Err(fault::fault(fault::UNDEFINSTR)),
        }
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

    /// FPSCR.
    pub(super) fn fpscr_value(&self, regs: &Regs) -> u32 {
        self.fpscr | regs.get(regs::FFLAGS) as u32 | regs.get(regs::FCC) as u32
    }

    pub(super) fn set_fpscr(&mut self, regs: &mut Regs, value: u32) {
        self.fpscr = value & FPSCR_MODE;
        regs.set(regs::FFLAGS, u64::from(value & 0x9f));
        regs.set(regs::FCC, u64::from(value & 0xf000_0000));
    }
}
