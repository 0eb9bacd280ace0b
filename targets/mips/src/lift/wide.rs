//! Integer instructions of MIPS64 release 2.

use super::Lift;
use crate::regs;
use crate::table::{Insn, Op};
use hetemu_isa::ir::*;

impl Lift<'_> {
    /// Lifts an instruction of this group; false if it is none.
    pub(crate) fn wide(&mut self, i: &Insn) -> bool {
        if let Some((op, by)) = shift(i.op) {
            let far = matches!(i.op, Op::Dsll32 | Op::Dsrl32 | Op::Dsra32 | Op::Drotr32);
            let a = self.x(i.rt);
            let b = match by {
                true => self.x(i.rs),
                false => self.imm(i.imm + if far { 32 } else { 0 }),
            };
            let v = self.b.bin(op, a, b);
            self.set_x(i.rd, v);
            return true;
        }
        match i.op {
            Op::Dadd | Op::Daddu | Op::Dsub | Op::Dsubu | Op::Daddi | Op::Daddiu => {
                let imm = matches!(i.op, Op::Daddi | Op::Daddiu);
                let op = if matches!(i.op, Op::Dsub | Op::Dsubu) { Bin::Sub } else { Bin::Add };
                let a = self.x(i.rs);
                let b = if imm { self.imm(i.imm) } else { self.x(i.rt) };
                let v = self.b.bin(op, a, b);
                if matches!(i.op, Op::Dadd | Op::Daddi | Op::Dsub) {
                    self.overflow(op, a, b, v);
                }
                self.set_x(i.rd_or_rt(imm), v);
            }
            Op::Dmult | Op::Dmultu => {
                let (a, b) = (self.x(i.rs), self.x(i.rt));
                let high = if i.op == Op::Dmult { Bin::MulHS } else { Bin::MulHU };
                let (lo, hi) = (self.b.bin(Bin::Mul, a, b), self.b.bin(high, a, b));
                self.b.put(regs::HI, hi);
                self.b.put(regs::LO, lo);
            }
            Op::Ddiv | Op::Ddivu => {
                let (a, b) = (self.x(i.rs), self.x(i.rt));
                let (lo, hi) = self.divide(i.op == Op::Ddiv, a, b);
                self.b.put(regs::HI, hi);
                self.b.put(regs::LO, lo);
            }
            Op::Dclz | Op::Dclo => {
                let a = self.x(i.rs);
                let a = if i.op == Op::Dclo { self.b.un(Un::Not, a) } else { a };
                let v = self.b.un(Un::Clz, a);
                self.set_x(i.rd, v);
            }
            Op::Dsbh => {
                let a = self.x(i.rt);
                let v = self.swap_pairs(a, 8, 0x00ff_00ff_00ff_00ff);
                self.set_x(i.rd, v);
            }
            Op::Dshd => {
                // Halfwords in reverse order: within words, then the words.
                let a = self.x(i.rt);
                let v = self.swap_pairs(a, 16, 0x0000_ffff_0000_ffff);
                let v = self.b.bin_imm(Bin::Rotl, v, 32);
                self.set_x(i.rd, v);
            }
            Op::Dext | Op::Dextm | Op::Dextu => {
                let a = self.x(i.rs);
                let v = self.extract(a, i.imm, i.sel);
                self.set_x(i.rt, v);
            }
            Op::Dins | Op::Dinsm | Op::Dinsu => {
                let msb = i.sel + if i.op == Op::Dins { 0 } else { 32 };
                let (a, old) = (self.x(i.rs), self.x(i.rt));
                let v = self.insert(old, a, i.imm, msb + 1 - i.imm);
                self.set_x(i.rt, v);
            }
            _ => return false,
        }
        true
    }
}

/// Shifts of 64 bits, and whether a register says how far.
fn shift(op: Op) -> Option<(Bin, bool)> {
    Some(match op {
        Op::Dsll | Op::Dsll32 => (Bin::Shl, false),
        Op::Dsrl | Op::Dsrl32 => (Bin::ShrU, false),
        Op::Dsra | Op::Dsra32 => (Bin::ShrS, false),
        Op::Drotr | Op::Drotr32 => (Bin::Rotr, false),
        Op::Dsllv => (Bin::Shl, true),
        Op::Dsrlv => (Bin::ShrU, true),
        Op::Dsrav => (Bin::ShrS, true),
        Op::Drotrv => (Bin::Rotr, true),
        _ => return None,
    })
}
