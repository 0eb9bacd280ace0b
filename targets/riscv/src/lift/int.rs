//! I and M: arithmetic, comparisons, jumps. Unprivileged ISA, chapters 2, 4 and 13.

use super::{Flow, Lift};
use crate::table::{Insn, Op};
use hetemu_isa::Exit;
use hetemu_isa::ir::*;

impl Lift<'_> {
    /// Lifts an instruction of I or M; `None` if it is none of them.
    pub(crate) fn int(&mut self, i: &Insn) -> Option<Flow> {
        match i.op {
            Op::Lui => {
                let v = self.imm(i.imm);
                self.set_x(i.rd, v);
            }
            Op::Auipc => {
                let v = self.b.iconst(self.xt, self.target(i.imm));
                self.set_x(i.rd, v);
            }
            Op::Jal => return Some(self.jal(i)),
            Op::Jalr => return Some(self.jalr(i)),
            Op::Beq => return Some(self.branch(Cmp::Eq, false, i)),
            Op::Bne => return Some(self.branch(Cmp::Ne, false, i)),
            Op::Blt => return Some(self.branch(Cmp::LtS, false, i)),
            Op::Bge => return Some(self.branch(Cmp::LeS, true, i)),
            Op::Bltu => return Some(self.branch(Cmp::LtU, false, i)),
            Op::Bgeu => return Some(self.branch(Cmp::LeU, true, i)),
            Op::Fence => self.b.fence(),
            _ => match (binary(i.op), compare(i.op), word(i.op)) {
                (Some((op, imm)), _, _) => {
                    let a = self.x(i.rs1);
                    let b = if imm { self.imm(i.imm) } else { self.x(i.rs2) };
                    let v = self.b.bin(op, a, b);
                    self.set_x(i.rd, v);
                }
                (_, Some((op, imm)), _) => {
                    let a = self.x(i.rs1);
                    let b = if imm { self.imm(i.imm) } else { self.x(i.rs2) };
                    let v = self.b.cmp(op, a, b);
                    self.set_bool(i.rd, v);
                }
                (_, _, Some((op, imm))) => {
                    let a = self.w(i.rs1);
                    let b = if imm { self.b.iconst(Ty::I32, i.imm as u64) } else { self.w(i.rs2) };
                    let v = self.b.bin(op, a, b);
                    self.set_w(i.rd, v);
                }
                _ => return None,
            },
        }
        Some(Flow::Next)
    }

    /// The hint of a jump by its registers: x1 and x5 are link registers (section 2.5.1).
    fn hint(&self, rd: i32, rs1: i32) -> Hint {
        let link = |r| r == 1 || r == 5;
        if link(rd) {
            Hint::Call(self.next)
        } else if link(rs1) {
            Hint::Return
        } else {
            Hint::None
        }
    }

    fn link(&mut self, rd: i32) {
        let v = self.b.iconst(self.xt, self.next);
        self.set_x(rd, v);
    }

    fn jal(&mut self, i: &Insn) -> Flow {
        let target = self.target(i.imm);
        self.link(i.rd);
        Flow::End(Exit::Jump(target, self.hint(i.rd, 0)))
    }

    fn jalr(&mut self, i: &Insn) -> Flow {
        let a = self.x(i.rs1);
        let a = self.b.bin_imm(Bin::Add, a, i.imm as i64 as u64);
        let target = self.b.bin_imm(Bin::And, a, !1);
        self.link(i.rd);
        Flow::End(Exit::Indirect(target, self.hint(i.rd, i.rs1)))
    }

    fn branch(&mut self, op: Cmp, swap: bool, i: &Insn) -> Flow {
        let target = self.target(i.imm);
        let (a, b) = (self.x(i.rs1), self.x(i.rs2));
        let (a, b) = if swap { (b, a) } else { (a, b) };
        let taken = self.b.cmp(op, a, b);
        match self.b.constant(taken) {
            Some(0) => Flow::End(Exit::Jump(self.next, Hint::None)),
            Some(_) => Flow::End(Exit::Jump(target, Hint::None)),
            None => Flow::End(Exit::Branch(taken, target, self.next)),
        }
    }
}

/// Operations in the register's width: the IR's, and whether the second operand is an immediate.
fn binary(op: Op) -> Option<(Bin, bool)> {
    Some(match op {
        Op::Addi => (Bin::Add, true),
        Op::Xori => (Bin::Xor, true),
        Op::Ori => (Bin::Or, true),
        Op::Andi => (Bin::And, true),
        Op::Slli => (Bin::Shl, true),
        Op::Srli => (Bin::ShrU, true),
        Op::Srai => (Bin::ShrS, true),
        Op::Rori => (Bin::Rotr, true),
        Op::Add => (Bin::Add, false),
        Op::Sub => (Bin::Sub, false),
        Op::Xor => (Bin::Xor, false),
        Op::Or => (Bin::Or, false),
        Op::And => (Bin::And, false),
        Op::Sll => (Bin::Shl, false),
        Op::Srl => (Bin::ShrU, false),
        Op::Sra => (Bin::ShrS, false),
        Op::Rol => (Bin::Rotl, false),
        Op::Ror => (Bin::Rotr, false),
        Op::Mul => (Bin::Mul, false),
        Op::Mulh => (Bin::MulHS, false),
        Op::Mulhu => (Bin::MulHU, false),
        Op::Mulhsu => (Bin::MulHSU, false),
        Op::Div => (Bin::DivS, false),
        Op::Divu => (Bin::DivU, false),
        Op::Rem => (Bin::RemS, false),
        Op::Remu => (Bin::RemU, false),
        Op::Clmul => (Bin::Clmul, false),
        Op::Clmulh => (Bin::ClmulH, false),
        _ => return None,
    })
}

fn compare(op: Op) -> Option<(Cmp, bool)> {
    Some(match op {
        Op::Slti => (Cmp::LtS, true),
        Op::Sltiu => (Cmp::LtU, true),
        Op::Slt => (Cmp::LtS, false),
        Op::Sltu => (Cmp::LtU, false),
        _ => return None,
    })
}

/// Operations on the low 32 bits whose result is sign-extended (RV64 only).
fn word(op: Op) -> Option<(Bin, bool)> {
    Some(match op {
        Op::Addiw => (Bin::Add, true),
        Op::Slliw => (Bin::Shl, true),
        Op::Srliw => (Bin::ShrU, true),
        Op::Sraiw => (Bin::ShrS, true),
        Op::Roriw => (Bin::Rotr, true),
        Op::Addw => (Bin::Add, false),
        Op::Subw => (Bin::Sub, false),
        Op::Sllw => (Bin::Shl, false),
        Op::Srlw => (Bin::ShrU, false),
        Op::Sraw => (Bin::ShrS, false),
        Op::Rolw => (Bin::Rotl, false),
        Op::Rorw => (Bin::Rotr, false),
        Op::Mulw => (Bin::Mul, false),
        Op::Divw => (Bin::DivS, false),
        Op::Divuw => (Bin::DivU, false),
        Op::Remw => (Bin::RemS, false),
        Op::Remuw => (Bin::RemU, false),
        _ => return None,
    })
}
