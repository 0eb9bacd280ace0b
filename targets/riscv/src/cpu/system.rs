//! What the calls of lifted blocks do: one function an instruction.

use super::*;
use crate::table::{self, Insn, Op};
use trap::{BREAKPOINT, ECALL_U, FETCH_MISALIGNED, ILLEGAL};

impl Hart {
    /// Runs one call and moves the program counter on.
    pub(crate) fn call(
        &mut self,
        call: Call,
        word: u32,
        len: u64,
        cx: &mut Cx<'_>,
    ) -> Result<(), Exception> {
        let illegal = Exception { cause: ILLEGAL, value: u64::from(word) };
        let insn = if len == 2 {
            table::decode16(word, self.isa.set)
        } else {
            table::decode32(word, self.isa.set)
        };
        let next = cx.pc.wrapping_add(len) & self.isa.mask();
        let Some(i) = insn.filter(|_| call != Call::Illegal) else { return Err(illegal) };
        match call {
            Call::Illegal => return Err(illegal),
            Call::Ecall => {
                return Err(Exception { cause: ECALL_U + self.mode as u32, value: 0 });
            }
            Call::Ebreak => {
                if len != 4 || !self.semihost(cx) {
                    let value = if self.isa.flavor == Flavor::Ibex { 0 } else { cx.pc };
                    return Err(Exception { cause: BREAKPOINT, value });
                }
            }
            Call::Mret => {
                if self.mode != Priv::Machine {
                    return Err(illegal);
                }
                self.mret(cx);
                return Ok(());
            }
            Call::Sret => {
                let trapped = self.mode == Priv::Supervisor && self.mstatus & TSR != 0;
                if self.mode == Priv::User || trapped {
                    return Err(illegal);
                }
                self.sret(cx);
                return Ok(());
            }
            Call::Wfi => {
                // TW's time limit is 0; U mode may wait only where there is no S mode.
                let limited = self.mode != Priv::Machine && self.mstatus & TW != 0;
                if limited || self.mode == Priv::User && self.isa.supervisor {
                    return Err(illegal);
                }
                if !self.wakes(cx.regs) {
                    cx.env.wait();
                }
            }
            Call::FenceI => cx.env.flush_code(),
            Call::SfenceVma => self.sfence(&i, cx).ok_or(illegal)?,
            Call::Csr => self.csr(&i, cx).ok_or(illegal)?,
            // Invalidations are done at once: nothing is left to order.
            Call::InvalFence if self.mode == Priv::User => return Err(illegal),
            Call::InvalFence => {}
            Call::Cbo => self.cache_block(&i, illegal, cx)?,
            Call::CasPair => self.cas_pair(&i, cx)?,
            Call::Jump => return self.jump(&i, next, cx),
        }
        cx.regs.set(regs::PC, next);
        Ok(())
    }

    fn sfence(&mut self, i: &Insn, cx: &mut Cx<'_>) -> Option<()> {
        let trapped = self.mode == Priv::Supervisor && self.mstatus & TVM != 0;
        if self.mode == Priv::User || trapped {
            return None;
        }
        // It is the register that counts, not whether it holds zero.
        let va = (i.rs1 != 0).then(|| cx.regs.get(regs::x(i.rs1)));
        let asid = (i.rs2 != 0).then(|| cx.regs.get(regs::x(i.rs2)) as u32 & self.asid(u64::MAX));
        cx.env.flush_tlb(match (va, asid) {
            (None, None) => Flush::All,
            (None, Some(asid)) => Flush::Space(asid),
            (Some(va), None) => Flush::Page(va & self.isa.mask()),
            (Some(va), Some(asid)) => Flush::PageIn(va & self.isa.mask(), asid),
        });
        Some(())
    }

    /// Forgets all translations.
    pub(crate) fn flush(&mut self, env: &mut dyn Env) {
        env.flush_tlb(Flush::All);
    }

    /// A jump or branch on a core without C, where the target must be a multiple of 4.
    fn jump(&mut self, i: &Insn, next: u64, cx: &mut Cx<'_>) -> Result<(), Exception> {
        let get = |n: i32| if n == 0 { 0 } else { cx.regs.get(regs::x(n)) };
        let (a, b) = (get(i.rs1), get(i.rs2));
        let signed = |v: u64| if self.isa.bits == 32 { i64::from(v as i32) } else { v as i64 };
        let offset = i.imm as i64 as u64;
        let taken = match i.op {
            Op::Beq => a == b,
            Op::Bne => a != b,
            Op::Blt => signed(a) < signed(b),
            Op::Bge => signed(a) >= signed(b),
            Op::Bltu => a < b,
            Op::Bgeu => a >= b,
            _ => true,
        };
        let target = match i.op {
            Op::Jalr => a.wrapping_add(offset) & !1,
            _ if taken => cx.pc.wrapping_add(offset),
            _ => next,
        } & self.isa.mask();
        if target & 2 != 0 {
            return Err(Exception { cause: FETCH_MISALIGNED, value: target });
        }
        if matches!(i.op, Op::Jal | Op::Jalr) && i.rd != 0 {
            cx.regs.set(regs::x(i.rd), next);
        }
        cx.regs.set(regs::PC, target);
        Ok(())
    }

    /// A semihosting call is an ebreak between two marks (RISC-V semihosting 0.4, section 2.1).
    /// False if this is none, or the host answers none.
    fn semihost(&mut self, cx: &mut Cx<'_>) -> bool {
        const BEFORE: u32 = 0x01f0_1013; // slli x0, x0, 0x1f
        const AFTER: u32 = 0x4070_5013; // srai x0, x0, 7
        if self.mode == Priv::User {
            return false;
        }
        let (before, after) = (cx.pc.wrapping_sub(4), cx.pc.wrapping_add(4));
        if self.code(before, cx.env) != Some(BEFORE) || self.code(after, cx.env) != Some(AFTER) {
            return false;
        }
        let op = cx.regs.get(regs::x(10));
        let param = cx.regs.get(regs::x(11));
        let call = HostCall::Semihost { op, param, word: self.isa.bits / 8 };
        let Some(answer) = cx.env.host_call(call) else { return false };
        cx.regs.set(regs::x(10), answer & self.isa.mask());
        true
    }

    /// An instruction word of the running program.
    fn code(&mut self, va: u64, env: &mut dyn Env) -> Option<u32> {
        let mut word = 0;
        for half in [2, 0] {
            let va = va.wrapping_add(half) & self.isa.mask();
            let regime = self.regime(self.mode, false);
            let pa = self.translate_in(regime, va, Access::Fetch, env).ok()?.pa;
            word = word << 16 | env.phys_read(pa, 2)? as u32;
        }
        Some(word)
    }
}
