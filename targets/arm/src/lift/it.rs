//! Conditions, IT blocks and branches. Armv7-M ARM, sections A7.3 and A7.7.38.

use super::{Compared, Flow, Lift};
use crate::regs;
use crate::table::{Insn, Op};
use hetemu_isa::Exit;
use hetemu_isa::ir::*;

/// EPSR.IT of the instruction after one with this.
pub(crate) fn advance(it: u8) -> u8 {
    if it & 7 == 0 { 0 } else { it & 0xe0 | it << 1 & 0x1f }
}

impl Lift<'_> {
    /// Sets EPSR.IT for the next instruction.
    pub(crate) fn set_it(&mut self, it: u8) {
        self.it = it;
        let v = self.imm(it.into());
        self.b.put(regs::IT, v);
    }

    /// The condition that the IT state gives the current instruction; none if it is always.
    pub(crate) fn condition_of_it(&mut self) -> Option<Val> {
        match self.it >> 4 {
            _ if self.it == 0 => None,
            14 | 15 => None,
            cc => Some(self.condition(cc.into())),
        }
    }

    /// Whether a condition holds.
    pub(crate) fn condition(&mut self, cc: i32) -> Val {
        if let Some(Compared::Float(order)) = self.compared
            && let Some(holds) = self.ordered(cc, order)
        {
            return holds;
        }
        if let Some(Compared::Int(a, b)) = self.compared {
            let found = match cc {
                0 => Some((Cmp::Eq, a, b)),
                1 => Some((Cmp::Ne, a, b)),
                2 => Some((Cmp::LeU, b, a)),
                3 => Some((Cmp::LtU, a, b)),
                8 => Some((Cmp::LtU, b, a)),
                9 => Some((Cmp::LeU, a, b)),
                10 => Some((Cmp::LeS, b, a)),
                11 => Some((Cmp::LtS, a, b)),
                12 => Some((Cmp::LtS, b, a)),
                13 => Some((Cmp::LeS, a, b)),
                _ => None,
            };
            if let Some((op, x, y)) = found {
                return self.b.cmp(op, x, y);
            }
        }
        let zero = self.imm(0);
        let get = |l: &mut Self, slot| l.b.get(Ty::I32, slot);
        let negated = cc & 1 != 0;
        match cc >> 1 {
            0 => {
                let z = get(self, regs::ZF);
                self.b.cmp(if negated { Cmp::Ne } else { Cmp::Eq }, z, zero)
            }
            1 => {
                let c = get(self, regs::CF);
                self.b.cmp(if negated { Cmp::Eq } else { Cmp::Ne }, c, zero)
            }
            n @ (2 | 3) => {
                let v = get(self, if n == 2 { regs::NF } else { regs::VF });
                self.sign(v, !negated)
            }
            4 => {
                let (c, z) = (get(self, regs::CF), get(self, regs::ZF));
                let z = self.b.cmp(Cmp::Ne, z, zero);
                let z = self.b.cast(Cast::Zext, Ty::I32, z);
                let v = self.b.bin(Bin::And, c, z);
                self.b.cmp(if negated { Cmp::Eq } else { Cmp::Ne }, v, zero)
            }
            5 => {
                let (n, v) = (get(self, regs::NF), get(self, regs::VF));
                let v = self.b.bin(Bin::Xor, n, v);
                self.sign(v, negated)
            }
            6 => {
                let (n, v) = (get(self, regs::NF), get(self, regs::VF));
                let v = self.b.bin(Bin::Xor, n, v);
                let ge = self.sign(v, false);
                let z = get(self, regs::ZF);
                let z = self.b.cmp(Cmp::Ne, z, zero);
                let (ge, z) =
                    (self.b.cast(Cast::Zext, Ty::I32, ge), self.b.cast(Cast::Zext, Ty::I32, z));
                let v = self.b.bin(Bin::And, ge, z);
                self.b.cmp(if negated { Cmp::Eq } else { Cmp::Ne }, v, zero)
            }
            _ => self.b.iconst(Ty::Bool, 1),
        }
    }

    /// Whether the sign of a number is set, or is not.
    fn sign(&mut self, v: Val, set: bool) -> Val {
        let zero = self.imm(0);
        if set { self.b.cmp(Cmp::LtS, v, zero) } else { self.b.cmp(Cmp::LeS, zero, v) }
    }

    /// Lifts a branch or IT.
    pub(crate) fn branch(&mut self, i: &Insn) -> Flow {
        let target = self.pc.wrapping_add(4).wrapping_add(i.imm as i64 as u64) & 0xffff_ffff;
        match i.op {
            Op::B => self.jump(target, Hint::None),
            Op::Bc => {
                let c = self.condition(i.k);
                Flow::End(Exit::Branch(c, target, self.next))
            }
            Op::Cbz => {
                let v = self.r(i.rn);
                let zero = self.imm(0);
                let c = self.b.cmp(if i.s != 0 { Cmp::Ne } else { Cmp::Eq }, v, zero);
                Flow::End(Exit::Branch(c, target, self.next))
            }
            Op::Bl => {
                let lr = self.imm(self.next as u32 | 1);
                self.set_slot(regs::LR, lr);
                self.jump(target, Hint::Call(self.next))
            }
            Op::Bx => {
                let to = self.r(i.rm);
                let mut hint = if i.rm == 14 { Hint::Return } else { Hint::None };
                if i.s != 0 {
                    let lr = self.imm(self.next as u32 | 1);
                    self.set_slot(regs::LR, lr);
                    hint = Hint::Call(self.next);
                }
                self.interwork(to, hint)
            }
            Op::Tb => {
                let (base, mut index) = (self.r(i.rn), self.r(i.rm));
                if i.k == 1 {
                    index = self.b.bin_imm(Bin::Shl, index, 1);
                }
                let at = self.b.bin(Bin::Add, base, index);
                let v = self.load(i.k, at, 0, false);
                let v = self.b.bin_imm(Bin::Shl, v, 1);
                let v = self.b.bin_imm(Bin::Add, v, self.pc.wrapping_add(4));
                self.go(v, Hint::None)
            }
            _ => self.it(i),
        }
    }

    fn jump(&mut self, target: u64, hint: Hint) -> Flow {
        Flow::End(match self.pred {
            Some(c) => Exit::Branch(c, target, self.next),
            None => Exit::Jump(target, hint),
        })
    }

    /// An IT instruction. If all that it governs has one condition, and no instruction would do
    /// something else outside the IT block, it is a branch around them: what runs then is as if
    /// they stood alone.
    fn it(&mut self, i: &Insn) -> Flow {
        let it = i.imm as u8;
        if let Some((after, ahead)) = self.branch_form(it) {
            self.ahead = ahead;
            let c = self.condition((it >> 4).into());
            return Flow::End(Exit::Branch(c, self.next, after));
        }
        self.set_it(it);
        Flow::Next
    }

    /// Where the instructions that an IT governs end, if it can be a branch.
    fn branch_form(&mut self, it: u8) -> Option<(u64, u32)> {
        if self.it != 0 || it >> 4 >= 14 {
            return None;
        }
        let (mut state, mut at, mut accesses) = (it, self.next, false);
        while state != 0 {
            if state >> 4 != it >> 4 || at >> self.page_bits != self.pc >> self.page_bits {
                return None;
            }
            let (_, len, insn) = self.decode(at).ok()?;
            let end = at.wrapping_add(u64::from(len));
            if (end - 1) >> self.page_bits != self.pc >> self.page_bits {
                return None;
            }
            let insn = insn?;
            let last = advance(state) == 0;
            if insn.s == 2 || !last && sets_flags(&insn) || insn.op == Op::It {
                return None;
            }
            accesses |= !matches!(insn.op, Op::Dpr | Op::Dpi | Op::Dpm | Op::Adr | Op::Movt);
            at = end;
            state = advance(state);
        }
        let ahead = (at - self.next) as u32;
        accesses.then_some((at & 0xffff_ffff, ahead))
    }
}

/// Whether an instruction may change the flags.
fn sets_flags(i: &Insn) -> bool {
    i.s == 1 && matches!(i.op, Op::Dpr | Op::Dpi | Op::Dpm | Op::Shr)
        || matches!(i.op, Op::Msr | Op::Vmrs)
}
