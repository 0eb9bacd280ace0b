//! Cache-block management (Zicbom) and the atomics of two registers (Zacas).
//!
//! There is no cache: an instruction of Zicbom only checks that it may be executed, and that its
//! address may be read or written.

use super::*;
use crate::table::{Insn, Op};
use mmu::access_fault;

impl Hart {
    /// cbo.inval, cbo.clean and cbo.flush.
    pub(crate) fn cache_block(
        &mut self,
        i: &Insn,
        illegal: Exception,
        cx: &mut Cx<'_>,
    ) -> Result<(), Exception> {
        let field = if i.op == Op::CboInval { envcfg::CBIE } else { envcfg::CBCFE };
        if !self.enabled(field) {
            return Err(illegal);
        }
        let va = self.value(i.rs1, cx);
        let regime = self.regime(self.data_mode(), true);
        if self.translate_in(regime, va, Access::Load, cx.env).is_err() {
            self.translate_in(regime, va, Access::Store, cx.env)?;
        }
        Ok(())
    }

    fn value(&self, n: i32, cx: &Cx<'_>) -> u64 {
        if n == 0 { 0 } else { cx.regs.get(regs::x(n)) & self.isa.mask() }
    }

    /// The halves, low one first, in a pair of registers; x0 is a pair of zeros.
    fn pair(&self, n: i32, cx: &Cx<'_>) -> [u64; 2] {
        if n == 0 { [0; 2] } else { [self.value(n, cx), self.value(n + 1, cx)] }
    }

    /// amocas.q, and amocas.d of RV32: compares two words of memory with a pair of registers, and
    /// swaps them with another one if they are equal.
    pub(crate) fn cas_pair(&mut self, i: &Insn, cx: &mut Cx<'_>) -> Result<(), Exception> {
        let va = self.value(i.rs1, cx);
        let word = self.isa.bits / 8;
        let bytes = 2 * u64::from(word);
        if va & (bytes - 1) != 0 {
            return Err(self.misaligned(Access::Store, va));
        }
        let regime = self.regime(self.data_mode(), true);
        let t = self.translate_in(regime, va, Access::Store, cx.env)?;
        let denied = access_fault(Access::Store, va);
        if t.span < bytes || !t.read {
            return Err(denied);
        }
        let high = t.pa + u64::from(word);
        let mut old = [0; 2];
        for (half, pa) in old.iter_mut().zip([t.pa, high]) {
            *half = cx.env.phys_read(pa, word).ok_or(denied)?;
        }
        let new = if old == self.pair(i.rd, cx) { self.pair(i.rs2, cx) } else { old };
        for (half, pa) in new.into_iter().zip([t.pa, high]) {
            cx.env.phys_write(pa, word, half).ok_or(denied)?;
        }
        if i.rd != 0 {
            cx.regs.set(regs::x(i.rd), old[0]);
            cx.regs.set(regs::x(i.rd + 1), old[1]);
        }
        Ok(())
    }
}
