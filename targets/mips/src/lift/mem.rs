//! Loads and stores of general registers. All must be aligned but those that move a part of a word
//! (LWL, LWR and their like), which are made for addresses that are not.

use super::{Lift, calls};
use crate::table::{Insn, Op};
use hetemu_isa::ir::*;

impl Lift<'_> {
    /// How an access of `1 << size` bytes is done.
    pub(super) fn access(&self, size: u8, signed: bool) -> Mem {
        Mem { size, signed, endian: self.isa.endian(), aligned: true }
    }

    /// Lifts an instruction of this group; false if it is none.
    pub(crate) fn memory(&mut self, i: &Insn) -> bool {
        match i.op {
            Op::Lb => self.load(i, 0, true),
            Op::Lbu => self.load(i, 0, false),
            Op::Lh => self.load(i, 1, true),
            Op::Lhu => self.load(i, 1, false),
            Op::Lw => self.load(i, 2, true),
            Op::Lwu => self.load(i, 2, false),
            Op::Ld => self.load(i, 3, false),
            Op::Sb => self.store(i, 0),
            Op::Sh => self.store(i, 1),
            Op::Sw => self.store(i, 2),
            Op::Sd => self.store(i, 3),
            Op::Lwl | Op::Lwr => self.load_part(i, 2),
            Op::Ldl | Op::Ldr => self.load_part(i, 3),
            Op::Swl | Op::Swr | Op::Sdl | Op::Sdr => {
                let wide = matches!(i.op, Op::Sdl | Op::Sdr);
                let left = matches!(i.op, Op::Swl | Op::Sdl);
                let how = self.b.iconst(Ty::I64, u64::from(wide) | u64::from(left) << 1);
                let a = self.address(i);
                let v = self.x(i.rt);
                self.b.call(calls::STORE_PART, [how, a, v]);
            }
            Op::Ll | Op::Lld => {
                let a = self.address(i);
                if i.op == Op::Ll {
                    let v = self.b.load_reserve(Ty::I32, self.access(2, false), a);
                    self.set_w(i.rt, v);
                } else {
                    let v = self.b.load_reserve(Ty::I64, self.access(3, false), a);
                    self.set_x(i.rt, v);
                }
            }
            Op::Sc | Op::Scd => {
                let (size, v) = match i.op {
                    Op::Sc => (2, self.w(i.rt)),
                    _ => (3, self.x(i.rt)),
                };
                let a = self.address(i);
                let stored = self.b.store_cond(self.access(size, false), a, v);
                self.set_bool(i.rt, stored);
            }
            _ => return false,
        }
        true
    }

    /// The address as a value.
    pub(super) fn address(&mut self, i: &Insn) -> Val {
        let a = self.x(i.rs);
        self.b.bin_imm(Bin::Add, a, i.imm as i64 as u64)
    }

    fn load(&mut self, i: &Insn, size: u8, signed: bool) {
        let a = self.x(i.rs);
        let v = self.b.load(self.xt, self.access(size, signed), a, i.imm);
        self.set_x(i.rt, v);
    }

    fn store(&mut self, i: &Insn, size: u8) {
        let (a, v) = (self.x(i.rs), self.x(i.rt));
        self.b.store(self.access(size, false), a, i.imm, v);
    }

    /// LWL, LWR, LDL, LDR: the part of the aligned word around the address that lies on its side of
    /// it, merged into the register.
    fn load_part(&mut self, i: &Insn, size: u8) {
        let left = matches!(i.op, Op::Lwl | Op::Ldl);
        let ty = if size == 2 { Ty::I32 } else { Ty::I64 };
        let last = (1u64 << size) - 1;
        let a = self.address(i);
        let at = self.b.bin_imm(Bin::And, a, last);
        let base = self.b.bin_imm(Bin::And, a, !last);
        let word = self.b.load(ty, self.access(size, false), base, 0);
        // How far the word moves, in bytes: the address counts from the other end if the order is
        // the other one.
        let at = if left == self.isa.big_endian { at } else { self.b.bin_imm(Bin::Xor, at, last) };
        let at = self.b.bin_imm(Bin::Shl, at, 3);
        let by = match (self.xt, ty) {
            (Ty::I64, Ty::I32) => self.b.cast(Cast::Trunc, Ty::I32, at),
            _ => at,
        };
        let op = if left { Bin::Shl } else { Bin::ShrU };
        let all = self.b.iconst(ty, u64::MAX);
        let moved = self.b.bin(op, word, by);
        let taken = self.b.bin(op, all, by);
        let kept = self.b.un(Un::Not, taken);
        let old = if size == 2 { self.w(i.rt) } else { self.x(i.rt) };
        let old = self.b.bin(Bin::And, old, kept);
        let v = self.b.bin(Bin::Or, old, moved);
        if size == 2 { self.set_w(i.rt, v) } else { self.set_x(i.rt, v) }
    }
}
