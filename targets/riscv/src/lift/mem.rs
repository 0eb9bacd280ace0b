//! Loads, stores, atomics. Unprivileged ISA, sections 2.6, 4.3, 14; float ones of 21 and 22.
//!
//! Plain accesses may be misaligned (the engine does them bytewise), atomic ones may not.

use super::{Flow, Lift};
use crate::regs;
use crate::table::{Insn, Op};
use hetemu_isa::ir::*;
use hetemu_schema::Endian;

/// A plain access of `1 << size` bytes.
pub(super) fn plain(size: u8, signed: bool) -> Mem {
    Mem { size, signed, endian: Endian::Little, aligned: false }
}

impl Lift<'_> {
    /// Lifts an access to memory.
    pub(crate) fn memory(&mut self, i: &Insn) -> Flow {
        match i.op {
            Op::Lb => self.load(i, plain(0, true)),
            Op::Lh => self.load(i, plain(1, true)),
            Op::Lw => self.load(i, plain(2, true)),
            Op::Lbu => self.load(i, plain(0, false)),
            Op::Lhu => self.load(i, plain(1, false)),
            Op::Lwu => self.load(i, plain(2, false)),
            Op::Ld => self.load(i, plain(3, false)),
            Op::Sb => self.store(i, 0),
            Op::Sh => self.store(i, 1),
            Op::Sw => self.store(i, 2),
            Op::Sd => self.store(i, 3),
            Op::Flw => {
                let a = self.x(i.rs1);
                let v = self.b.load(Ty::F32, plain(2, false), a, i.imm);
                self.set_f32(i.rd, v);
            }
            Op::Fld => {
                let a = self.x(i.rs1);
                let v = self.b.load(Ty::F64, plain(3, false), a, i.imm);
                self.set_f64(i.rd, v);
            }
            Op::Fsw => {
                // The low half as it is: a store does not check the boxing.
                let a = self.x(i.rs1);
                let v = self.b.get(Ty::F64, regs::f(i.rs2));
                let v = self.b.cast(Cast::Bits, Ty::I64, v);
                self.b.store(plain(2, false), a, i.imm, v);
            }
            Op::Fsd => {
                let a = self.x(i.rs1);
                let v = self.b.get(Ty::F64, regs::f(i.rs2));
                self.b.store(plain(3, false), a, i.imm, v);
            }
            _ => self.atomic(i),
        }
        Flow::Next
    }

    fn load(&mut self, i: &Insn, mem: Mem) {
        let a = self.x(i.rs1);
        let v = self.b.load(self.xt, mem, a, i.imm);
        self.set_x(i.rd, v);
    }

    fn store(&mut self, i: &Insn, size: u8) {
        let (a, v) = (self.x(i.rs1), self.x(i.rs2));
        self.b.store(plain(size, false), a, i.imm, v);
    }

    fn atomic(&mut self, i: &Insn) {
        let word = (i.word >> 12 & 7) == 2;
        let mem = Mem { aligned: true, ..plain(if word { 2 } else { 3 }, false) };
        let ty = if word { Ty::I32 } else { Ty::I64 };
        let a = self.x(i.rs1);
        let v = match i.op {
            Op::LrW | Op::LrD => self.b.load_reserve(ty, mem, a),
            Op::ScW | Op::ScD => {
                let v = if word { self.w(i.rs2) } else { self.x(i.rs2) };
                let stored = self.b.store_cond(mem, a, v);
                let stored = self.b.cast(Cast::Zext, self.xt, stored);
                let failed = self.b.bin_imm(Bin::Xor, stored, 1);
                return self.set_x(i.rd, failed);
            }
            op => {
                let v = if word { self.w(i.rs2) } else { self.x(i.rs2) };
                self.b.rmw(rmw(op), mem, a, v)
            }
        };
        if word { self.set_w(i.rd, v) } else { self.set_x(i.rd, v) }
    }
}

fn rmw(op: Op) -> Rmw {
    use Op::*;
    match op {
        AmoaddW | AmoaddD => Rmw::Add,
        AmoxorW | AmoxorD => Rmw::Xor,
        AmoandW | AmoandD => Rmw::And,
        AmoorW | AmoorD => Rmw::Or,
        AmominW | AmominD => Rmw::MinS,
        AmomaxW | AmomaxD => Rmw::MaxS,
        AmominuW | AmominuD => Rmw::MinU,
        AmomaxuW | AmomaxuD => Rmw::MaxU,
        _ => Rmw::Swap,
    }
}
