//! Loads and stores. Armv7-M ARM, sections A5.3.5 to A5.3.9; exclusive and ordered ones of
//! Armv8-M too.
//!
//! Single accesses may be misaligned unless CCR says otherwise, all others may not.

use super::{Call, Flow, Lift};
use crate::regs;
use crate::table::{Insn, Op};
use hetemu_isa::ir::*;
use hetemu_schema::Endian;

/// The last operand of [`Call::StoreIf`]: the store is done, and must be aligned; below are log2 of
/// the bytes and, at bit 4, big-endian order.
pub(crate) const STORE_DO: u64 = 1 << 8;
pub(crate) const STORE_ALIGNED: u64 = 1 << 9;

/// log2 of the bytes that an access has, and whether it is signed.
fn size(k: i32) -> (u8, bool) {
    match k {
        0 => (2, false),
        1 => (1, false),
        2 => (0, false),
        3 => (1, true),
        _ => (0, true),
    }
}

impl Lift<'_> {
    pub(crate) fn mem(&self, k: i32, aligned: bool) -> Mem {
        let (size, signed) = size(k);
        let endian = if self.key.big { Endian::Big } else { Endian::Little };
        Mem { size, signed, endian, aligned: aligned || self.key.align }
    }

    /// Loads, under a condition from an address that bears it.
    pub(crate) fn load(&mut self, k: i32, base: Val, offset: i32, aligned: bool) -> Val {
        let mem = self.mem(k, aligned);
        match self.pred {
            None => self.b.load(Ty::I32, mem, base, offset),
            Some(c) => {
                let at = self.b.bin_imm(Bin::Add, base, offset as u32 as u64);
                let here = self.imm((self.pc & !3) as u32);
                let at = self.b.select(c, at, here);
                self.b.load(Ty::I32, mem, at, 0)
            }
        }
    }

    /// Stores, if the condition holds.
    pub(crate) fn store(&mut self, k: i32, base: Val, offset: i32, v: Val, aligned: bool) {
        let mem = self.mem(k, aligned);
        let Some(c) = self.pred else { return self.b.store(mem, base, offset, v) };
        let at = self.b.bin_imm(Bin::Add, base, offset as u32 as u64);
        let aligned = if mem.aligned { STORE_ALIGNED } else { 0 };
        let big = u64::from(self.key.big) << 4;
        let does = self.b.iconst(Ty::I64, STORE_DO | aligned | big | u64::from(mem.size));
        let not = self.b.iconst(Ty::I64, 0);
        let how = self.b.select(c, does, not);
        let (at, v) = (self.b.cast(Cast::Zext, Ty::I64, at), self.b.cast(Cast::Zext, Ty::I64, v));
        self.b.call(Call::StoreIf as u16, [at, v, how]);
    }

    /// A register whose value has been loaded.
    fn loaded(&mut self, n: i32, v: Val) -> Flow {
        if n == 15 {
            return self.interwork(v, Hint::None);
        }
        self.set_r(n, v);
        Flow::Next
    }

    /// Lifts an access to memory.
    pub(crate) fn memory(&mut self, i: &Insn) -> Flow {
        match i.op {
            Op::Li => {
                let base = self.r(i.rn);
                let v = self.load(i.k, base, i.imm, false);
                self.loaded(i.rd, v)
            }
            Op::Lr => {
                let at = self.index(i);
                let v = self.load(i.k, at, 0, false);
                self.loaded(i.rd, v)
            }
            Op::Ldl => {
                let offset = if i.x != 0 { i.imm } else { -i.imm };
                let at = self.imm(self.aligned_pc().wrapping_add(offset as u32));
                let v = self.load(i.k, at, 0, false);
                self.loaded(i.rd, v)
            }
            Op::Lx => {
                let (base, offset) = self.indexed(i);
                let before = i.imm & 0x400 != 0;
                self.check_write_back(i.imm & 0x100 != 0, i.rn, base, offset);
                let v = self.load(i.k, base, if before { offset } else { 0 }, false);
                self.write_back(i.imm & 0x100 != 0, i.rn, base, offset);
                self.loaded(i.rd, v)
            }
            Op::Si => {
                let (base, v) = (self.r(i.rn), self.r(i.rd));
                self.store(i.k, base, i.imm, v, false);
                Flow::Next
            }
            Op::Sr => {
                let (at, v) = (self.index(i), self.r(i.rd));
                self.store(i.k, at, 0, v, false);
                Flow::Next
            }
            Op::Sx => {
                let (base, offset) = self.indexed(i);
                let before = i.imm & 0x400 != 0;
                let v = self.r(i.rd);
                self.check_write_back(i.imm & 0x100 != 0, i.rn, base, offset);
                self.store(i.k, base, if before { offset } else { 0 }, v, false);
                self.write_back(i.imm & 0x100 != 0, i.rn, base, offset);
                Flow::Next
            }
            Op::Ldm => {
                let wb = i.x == 1 || i.x == 2 && i.imm >> i.rn & 1 == 0;
                self.load_many(i.rn, i.imm, i.k & 4 != 0, wb)
            }
            Op::Stm => self.store_many(i.rn, i.imm, i.k & 4 != 0, i.x != 0),
            Op::Push => self.store_many(13, i.imm & 0xff | (i.imm & 0x100) << 6, true, true),
            Op::Pop => self.load_many(13, i.imm & 0xff | (i.imm & 0x100) << 7, false, true),
            Op::Ldrd | Op::Strd => self.dual(i),
            Op::Pld => Flow::Next,
            _ => self.exclusive(i),
        }
    }

    /// The sum of a base and a register shifted left.
    fn index(&mut self, i: &Insn) -> Val {
        let (base, v) = (self.r(i.rn), self.r(i.rm));
        let v = self.b.bin_imm(Bin::Shl, v, i.sa as u64 & 3);
        self.b.bin(Bin::Add, base, v)
    }

    /// Base and offset of the forms with eight bits; above those are P, U and W.
    fn indexed(&mut self, i: &Insn) -> (Val, i32) {
        let offset = i.imm & 0xff;
        (self.r(i.rn), if i.imm & 0x200 != 0 { offset } else { -offset })
    }

    fn write_back(&mut self, on: bool, n: i32, base: Val, offset: i32) {
        if on {
            let mut v = self.b.bin_imm(Bin::Add, base, offset as u32 as u64);
            if n == 13 {
                v = self.b.bin_imm(Bin::And, v, 0xffff_fffc);
            }
            self.set_slot(regs::r(n), v);
        }
    }

    /// A stack that would grow beyond its limit faults before anything is done.
    pub(crate) fn check_write_back(&mut self, on: bool, n: i32, base: Val, offset: i32) {
        if on && n == 13 && offset < 0 && self.key.limit {
            let v = self.b.bin_imm(Bin::Add, base, offset as u32 as u64);
            self.check_sp(v);
        }
    }

    fn load_many(&mut self, rn: i32, list: i32, down: bool, wb: bool) -> Flow {
        let bytes = 4 * (list as u32 & 0xffff).count_ones() as i32;
        let base = self.r(rn);
        let mut offset = if down { -bytes } else { 0 };
        self.check_write_back(wb, rn, base, offset);
        let mut found = Vec::with_capacity(16);
        for n in (0..16).filter(|n| list >> n & 1 != 0) {
            found.push((n, self.load(0, base, offset, true)));
            offset += 4;
        }
        self.write_back(wb, rn, base, if down { -bytes } else { bytes });
        let mut to = None;
        for (n, v) in found {
            if n == 15 { to = Some(v) } else { self.set_r(n, v) }
        }
        match to {
            Some(v) => self.interwork(v, if rn == 13 { Hint::Return } else { Hint::None }),
            None => Flow::Next,
        }
    }

    fn store_many(&mut self, rn: i32, list: i32, down: bool, wb: bool) -> Flow {
        let bytes = 4 * (list as u32 & 0xffff).count_ones() as i32;
        let base = self.r(rn);
        let mut offset = if down { -bytes } else { 0 };
        self.check_write_back(wb, rn, base, offset);
        for n in (0..15).filter(|n| list >> n & 1 != 0) {
            let v = self.r(n);
            self.store(0, base, offset, v, true);
            offset += 4;
        }
        self.write_back(wb, rn, base, if down { -bytes } else { bytes });
        Flow::Next
    }

    /// Two words. `x` holds P, U and W.
    fn dual(&mut self, i: &Insn) -> Flow {
        let base = if i.rn == 15 { self.imm(self.aligned_pc()) } else { self.r(i.rn) };
        let offset = if i.x & 2 != 0 { i.imm } else { -i.imm };
        let at = if i.x & 4 != 0 { offset } else { 0 };
        self.check_write_back(i.x & 1 != 0, i.rn, base, offset);
        if i.op == Op::Ldrd {
            let a = self.load(0, base, at, true);
            let b = self.load(0, base, at + 4, true);
            self.write_back(i.x & 1 != 0, i.rn, base, offset);
            self.set_r(i.rd, a);
            self.set_r(i.ra, b);
        } else {
            let (a, b) = (self.r(i.rd), self.r(i.ra));
            self.store(0, base, at, a, true);
            self.store(0, base, at + 4, b, true);
            self.write_back(i.x & 1 != 0, i.rn, base, offset);
        }
        Flow::Next
    }

    /// Exclusive and ordered accesses.
    fn exclusive(&mut self, i: &Insn) -> Flow {
        let mem = self.mem(i.k, true);
        let mut at = self.r(i.rn);
        if i.imm != 0 {
            at = self.b.bin_imm(Bin::Add, at, i.imm as u64);
        }
        if let (Some(c), Op::Ldrex | Op::Strex) = (self.pred, i.op) {
            // A line that nothing is reserved in.
            let here = self.imm((self.pc & !3) as u32);
            at = self.b.select(c, at, here);
        }
        match i.op {
            Op::Ldrex => {
                let v = self.b.load_reserve(Ty::I32, mem, at);
                self.set_r(i.rd, v);
            }
            Op::Strex => {
                let v = self.r(i.rd);
                let done = self.b.store_cond(mem, at, v);
                let done = self.b.cast(Cast::Zext, Ty::I32, done);
                let failed = self.b.bin_imm(Bin::Xor, done, 1);
                self.set_r(i.ra, failed);
            }
            Op::Lda => {
                let v = self.load(i.k, at, 0, true);
                self.b.fence();
                self.set_r(i.rd, v);
            }
            _ => {
                let v = self.r(i.rd);
                self.b.fence();
                self.store(i.k, at, 0, v, true);
            }
        }
        Flow::Next
    }

    /// A single-precision register's bits.
    pub(crate) fn single(&mut self, n: i32) -> Val {
        self.b.get(Ty::I32, regs::s(n))
    }
}
