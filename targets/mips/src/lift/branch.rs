//! Jumps and branches with their delay slots. Volume I, section 4.1.3 ("Jump and Branch
//! Instructions"); volume II for each.

use super::{Call, Lift};
use crate::regs;
use crate::table::{Insn, Op};
use hetemu_isa::ir::*;
use hetemu_isa::{Block, Exit};

/// What kind of branch an instruction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kind {
    test: Test,
    /// It links to register 31 (or rd).
    links: bool,
    /// The slot is skipped if it is not taken.
    pub(crate) likely: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Test {
    Register,
    Always,
    Eq,
    Ne,
    Ltz,
    Gez,
    Lez,
    Gtz,
    Float(bool),
}

/// The kind of branch that an operation is, if it is one.
pub(crate) fn kind(op: Op) -> Option<Kind> {
    let (test, links, likely) = match op {
        Op::J => (Test::Always, false, false),
        Op::Jal => (Test::Always, true, false),
        Op::Jr => (Test::Register, false, false),
        Op::Jalr => (Test::Register, true, false),
        Op::Beq => (Test::Eq, false, false),
        Op::Beql => (Test::Eq, false, true),
        Op::Bne => (Test::Ne, false, false),
        Op::Bnel => (Test::Ne, false, true),
        Op::Blez => (Test::Lez, false, false),
        Op::Blezl => (Test::Lez, false, true),
        Op::Bgtz => (Test::Gtz, false, false),
        Op::Bgtzl => (Test::Gtz, false, true),
        Op::Bltz => (Test::Ltz, false, false),
        Op::Bltzl => (Test::Ltz, false, true),
        Op::Bgez => (Test::Gez, false, false),
        Op::Bgezl => (Test::Gez, false, true),
        Op::Bltzal => (Test::Ltz, true, false),
        Op::Bltzall => (Test::Ltz, true, true),
        Op::Bgezal => (Test::Gez, true, false),
        Op::Bgezall => (Test::Gez, true, true),
        Op::Bc1f => (Test::Float(false), false, false),
        Op::Bc1fl => (Test::Float(false), false, true),
        Op::Bc1t => (Test::Float(true), false, false),
        Op::Bc1tl => (Test::Float(true), false, true),
        _ => return None,
    };
    Some(Kind { test, links, likely })
}

/// Where a branch leads.
#[derive(Clone, Copy)]
enum To {
    Known(u64),
    Register(Val),
}

impl Lift<'_> {
    /// A branch and its delay slot: lifted as it is, or left to a helper.
    pub(super) fn branch(mut self, kind: Kind, i: &Insn, word: u32, slot: Option<&Insn>) -> Block {
        let over = self.pc.wrapping_add(8) & self.isa.mask();
        let to = self.destination(kind, i);
        let taken = self.taken(kind, i);
        let rd = self.link_register(kind, i);
        let hint = match (kind.links, kind.test) {
            (true, _) => Hint::Call(over),
            (_, Test::Register) if i.rs == 31 => Hint::Return,
            _ => Hint::None,
        };
        let Some(slot) = slot else {
            // The helper runs the slot, and then leads on.
            let target = self.select_target(taken, to, over);
            let target = self.b.cast(Cast::Zext, Ty::I64, target);
            let word = self.b.iconst(Ty::I64, word.into());
            let rd = self.b.iconst(Ty::I64, rd as u64);
            self.b.helper(Call::Slot as u16, &[word, rd, target]);
            return self.b.finish(Exit::Resume);
        };
        if rd != 0 {
            let value = self.b.iconst(self.xt, over);
            self.link = Some((rd, value));
        }
        self.instruction(slot);
        if let Some((rd, value)) = self.link.take() {
            self.b.put(regs::x(rd), value);
        }
        let exit = match (self.b.constant(taken), to) {
            (Some(0), _) => Exit::Jump(over, Hint::None),
            (Some(_), To::Known(to)) => Exit::Jump(to, hint),
            (None, To::Known(to)) => Exit::Branch(taken, to, over),
            (_, To::Register(to)) => Exit::Indirect(to, hint),
        };
        self.b.finish(exit)
    }

    /// A branch-likely: what is next is the slot, or what follows it.
    pub(super) fn likely(mut self, kind: Kind, i: &Insn) -> Block {
        let over = self.pc.wrapping_add(8) & self.isa.mask();
        let to = self.destination(kind, i);
        let taken = self.taken(kind, i);
        let To::Known(target) = to else { return self.b.finish(Exit::Jump(over, Hint::None)) };
        let target = self.b.iconst(self.xt, target);
        if kind.links {
            let value = self.b.iconst(self.xt, over);
            self.set_x(31, value);
        }
        self.b.put(regs::TARGET, target);
        let slot = self.pc.wrapping_add(2);
        let exit = match self.b.constant(taken) {
            Some(0) => Exit::Jump(over, Hint::None),
            Some(_) => Exit::Jump(slot, Hint::None),
            None => Exit::Branch(taken, slot, over),
        };
        self.b.finish(exit)
    }

    fn link_register(&self, kind: Kind, i: &Insn) -> i32 {
        match (kind.links, kind.test) {
            (false, _) => 0,
            (_, Test::Register) => i.rd,
            _ => 31,
        }
    }

    fn destination(&mut self, kind: Kind, i: &Insn) -> To {
        let next = self.pc.wrapping_add(4);
        match kind.test {
            Test::Register => {
                // An address that is even and not a multiple of 4 would stand for a slot: it is
                // made an odd one, which is as wrong.
                let to = self.x(i.rs);
                let bit = self.b.bin_imm(Bin::ShrU, to, 1);
                let bit = self.b.bin_imm(Bin::And, bit, 1);
                To::Register(self.b.bin(Bin::Or, to, bit))
            }
            Test::Always => To::Known((next & !0xfff_ffff | i.imm as u32 as u64) & self.isa.mask()),
            _ => To::Known(next.wrapping_add(i.imm as i64 as u64) & self.isa.mask()),
        }
    }

    fn select_target(&mut self, taken: Val, to: To, over: u64) -> Val {
        let to = match to {
            To::Known(to) => self.b.iconst(self.xt, to),
            To::Register(to) => to,
        };
        let over = self.b.iconst(self.xt, over);
        self.b.select(taken, to, over)
    }

    fn taken(&mut self, kind: Kind, i: &Insn) -> Val {
        let zero = self.b.iconst(self.xt, 0);
        let (op, a, b) = match kind.test {
            Test::Always | Test::Register => return self.b.iconst(Ty::Bool, 1),
            Test::Eq if i.rs == i.rt => return self.b.iconst(Ty::Bool, 1),
            Test::Eq => (Cmp::Eq, self.x(i.rs), self.x(i.rt)),
            Test::Ne => (Cmp::Ne, self.x(i.rs), self.x(i.rt)),
            Test::Ltz => (Cmp::LtS, self.x(i.rs), zero),
            Test::Gez => (Cmp::LeS, zero, self.x(i.rs)),
            Test::Lez => (Cmp::LeS, self.x(i.rs), zero),
            Test::Gtz => (Cmp::LtS, zero, self.x(i.rs)),
            Test::Float(on) => {
                let held = self.condition(i.sel);
                if on {
                    return held;
                }
                let yes = self.b.iconst(Ty::Bool, 1);
                let no = self.b.iconst(Ty::Bool, 0);
                return self.b.select(held, no, yes);
            }
        };
        self.b.cmp(op, a, b)
    }

    /// A float condition code.
    pub(crate) fn condition(&mut self, cc: i32) -> Val {
        if let Some((_, v)) = self.compared.filter(|(known, _)| *known == cc & 7) {
            return v;
        }
        let codes = self.b.get(Ty::I32, regs::FCC);
        let bit = self.b.bin_imm(Bin::And, codes, 1 << (cc & 7));
        let zero = self.b.iconst(Ty::I32, 0);
        self.b.cmp(Cmp::Ne, bit, zero)
    }
}
