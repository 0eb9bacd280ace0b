//! F and D. Unprivileged ISA, chapters 21 and 22. Zfa's own operations are in `zfa`.
//!
//! A float register is 64 bits wide; a binary32 value is boxed under ones. The first instructions
//! that write float state while mstatus.FS is not Dirty also set the slot that makes it so; once
//! the mode's key says Dirty that costs nothing.

use super::{Flow, Key, Lift};
use crate::regs;
use crate::table::{Insn, Op};
use hetemu_isa::ir::*;

/// What kind of operation a float instruction is.
enum Kind {
    Bin(FBin),
    Sqrt,
    /// Negated product, negated addend.
    Fma(bool, bool),
    /// Sign injection: copy, inverse, exclusive or.
    Sign(u8),
    Cmp(FCmp),
    /// To an integer: its type, signed.
    ToInt(Ty, bool),
    /// From an integer: its type, signed.
    FromInt(Ty, bool),
    /// To the other float type; the operand's type is given.
    Convert(Ty),
    Class,
    /// The bits to an integer register.
    Move,
    /// The bits from an integer register.
    MoveBack,
    /// A constant.
    Constant,
    /// Minimum or maximum where a NaN wins.
    MinMax(FBin),
    /// To an integral float: whether that may be inexact.
    Integral(bool),
    /// To an integer modulo 2^32.
    Modular,
    /// The high half to an integer register.
    MoveHigh,
    /// The bits from two integer registers.
    MovePair,
}

fn kind(op: Op) -> Option<(Ty, Kind)> {
    use Kind::*;
    use Ty::{F32 as S, F64 as D, I32, I64};
    Some(match op {
        Op::FaddS => (S, Bin(FBin::Add)),
        Op::FsubS => (S, Bin(FBin::Sub)),
        Op::FmulS => (S, Bin(FBin::Mul)),
        Op::FdivS => (S, Bin(FBin::Div)),
        Op::FminS => (S, Bin(FBin::Min)),
        Op::FmaxS => (S, Bin(FBin::Max)),
        Op::FsqrtS => (S, Sqrt),
        Op::FmaddS => (S, Fma(false, false)),
        Op::FmsubS => (S, Fma(false, true)),
        Op::FnmsubS => (S, Fma(true, false)),
        Op::FnmaddS => (S, Fma(true, true)),
        Op::FsgnjS => (S, Sign(0)),
        Op::FsgnjnS => (S, Sign(1)),
        Op::FsgnjxS => (S, Sign(2)),
        Op::FeqS => (S, Cmp(FCmp::Eq)),
        Op::FltS => (S, Cmp(FCmp::Lt)),
        Op::FleS => (S, Cmp(FCmp::Le)),
        Op::FcvtWS => (S, ToInt(I32, true)),
        Op::FcvtWuS => (S, ToInt(I32, false)),
        Op::FcvtLS => (S, ToInt(I64, true)),
        Op::FcvtLuS => (S, ToInt(I64, false)),
        Op::FcvtSW => (S, FromInt(I32, true)),
        Op::FcvtSWu => (S, FromInt(I32, false)),
        Op::FcvtSL => (S, FromInt(I64, true)),
        Op::FcvtSLu => (S, FromInt(I64, false)),
        Op::FclassS => (S, Class),
        Op::FmvXW => (S, Move),
        Op::FmvWX => (S, MoveBack),
        Op::FcvtSD => (S, Convert(D)),
        Op::FcvtDS => (D, Convert(S)),
        Op::FaddD => (D, Bin(FBin::Add)),
        Op::FsubD => (D, Bin(FBin::Sub)),
        Op::FmulD => (D, Bin(FBin::Mul)),
        Op::FdivD => (D, Bin(FBin::Div)),
        Op::FminD => (D, Bin(FBin::Min)),
        Op::FmaxD => (D, Bin(FBin::Max)),
        Op::FsqrtD => (D, Sqrt),
        Op::FmaddD => (D, Fma(false, false)),
        Op::FmsubD => (D, Fma(false, true)),
        Op::FnmsubD => (D, Fma(true, false)),
        Op::FnmaddD => (D, Fma(true, true)),
        Op::FsgnjD => (D, Sign(0)),
        Op::FsgnjnD => (D, Sign(1)),
        Op::FsgnjxD => (D, Sign(2)),
        Op::FeqD => (D, Cmp(FCmp::Eq)),
        Op::FltD => (D, Cmp(FCmp::Lt)),
        Op::FleD => (D, Cmp(FCmp::Le)),
        Op::FcvtWD => (D, ToInt(I32, true)),
        Op::FcvtWuD => (D, ToInt(I32, false)),
        Op::FcvtLD => (D, ToInt(I64, true)),
        Op::FcvtLuD => (D, ToInt(I64, false)),
        Op::FcvtDW => (D, FromInt(I32, true)),
        Op::FcvtDWu => (D, FromInt(I32, false)),
        Op::FcvtDL => (D, FromInt(I64, true)),
        Op::FcvtDLu => (D, FromInt(I64, false)),
        Op::FclassD => (D, Class),
        Op::FmvXD => (D, Move),
        Op::FmvDX => (D, MoveBack),
        Op::FliS => (S, Constant),
        Op::FminmS => (S, MinMax(FBin::Min)),
        Op::FmaxmS => (S, MinMax(FBin::Max)),
        Op::FroundS => (S, Integral(false)),
        Op::FroundnxS => (S, Integral(true)),
        Op::FleqS => (S, Cmp(FCmp::LeQ)),
        Op::FltqS => (S, Cmp(FCmp::LtQ)),
        Op::FliD => (D, Constant),
        Op::FminmD => (D, MinMax(FBin::Min)),
        Op::FmaxmD => (D, MinMax(FBin::Max)),
        Op::FroundD => (D, Integral(false)),
        Op::FroundnxD => (D, Integral(true)),
        Op::FleqD => (D, Cmp(FCmp::LeQ)),
        Op::FltqD => (D, Cmp(FCmp::LtQ)),
        Op::FcvtmodWD => (D, Modular),
        Op::FmvhXD => (D, MoveHigh),
        Op::FmvpDX => (D, MovePair),
        _ => return None,
    })
}

/// Whether an operation is one of this file's.
pub(crate) fn is_float(op: Op) -> bool {
    kind(op).is_some()
}

/// Whether an operation has a rounding-mode field.
pub(crate) fn rounds(op: Op) -> bool {
    use Kind::*;
    match kind(op).map(|k| k.1) {
        Some(Bin(FBin::Min | FBin::Max) | MinMax(_) | Sign(_) | Cmp(_) | Class) => false,
        Some(Move | MoveBack | MoveHigh | MovePair | Constant | Modular) => false,
        kind => kind.is_some(),
    }
}

/// The rounding of an rm field, where 7 means frm; `None` for reserved values.
pub(crate) fn round(key: Key, rm: i32) -> Option<Round> {
    match if rm == 7 { i32::from(key.frm) } else { rm } {
        0 => Some(Round::Near),
        1 => Some(Round::Zero),
        2 => Some(Round::Down),
        3 => Some(Round::Up),
        4 => Some(Round::NearMax),
        _ => None,
    }
}

impl Lift<'_> {
    /// Lifts an instruction of F or D but for loads and stores; the caller has checked FS and rm.
    pub(crate) fn float(&mut self, i: &Insn) -> Flow {
        let Some((ty, kind)) = kind(i.op) else { return Flow::Next };
        let round = round(self.key, i.rm).unwrap_or(Round::Near);
        match kind {
            Kind::Bin(op) => {
                let (a, b) = (self.f(ty, i.rs1), self.f(ty, i.rs2));
                let v = self.b.fbin(op, round, a, b);
                self.set_f(ty, i.rd, v);
            }
            Kind::Sqrt => {
                let a = self.f(ty, i.rs1);
                let v = self.b.fsqrt(round, a);
                self.set_f(ty, i.rd, v);
            }
            Kind::Fma(product, addend) => {
                let args = [self.f(ty, i.rs1), self.f(ty, i.rs2), self.f(ty, i.rs3)];
                let v = self.b.fma(round, product, addend, args);
                self.set_f(ty, i.rd, v);
            }
            Kind::Sign(how) => self.sign(ty, how, i),
            Kind::Cmp(op) => {
                let (a, b) = (self.f(ty, i.rs1), self.f(ty, i.rs2));
                let v = self.b.fcmp(op, a, b);
                self.set_bool(i.rd, v);
                self.dirty();
            }
            Kind::ToInt(to, signed) => {
                let a = self.f(ty, i.rs1);
                let v = self.b.ftoi(round, to, signed, a);
                if to == Ty::I32 {
                    self.set_w(i.rd, v)
                } else {
                    self.set_x(i.rd, v)
                }
                self.dirty();
            }
            Kind::FromInt(from, signed) => {
                let a = if from == Ty::I32 { self.w(i.rs1) } else { self.x(i.rs1) };
                let v = self.b.itof(round, ty, signed, a);
                self.set_f(ty, i.rd, v);
            }
            Kind::Convert(from) => {
                let a = self.f(from, i.rs1);
                let v = self.b.fcvt(round, ty, a);
                self.set_f(ty, i.rd, v);
            }
            Kind::Class => {
                let a = self.f(ty, i.rs1);
                let v = self.b.fclass(a);
                let v = self.b.cast(Cast::Zext, self.xt, v);
                self.set_x(i.rd, v);
            }
            Kind::Move => {
                let v = self.b.get(Ty::F64, regs::f(i.rs1));
                let v = self.b.cast(Cast::Bits, Ty::I64, v);
                if ty == Ty::F64 {
                    self.set_x(i.rd, v);
                } else {
                    let v = self.b.cast(Cast::Trunc, Ty::I32, v);
                    self.set_w(i.rd, v);
                }
            }
            Kind::Constant => self.fli(ty, i),
            Kind::MinMax(op) => self.minmax(ty, op, i),
            Kind::Integral(inexact) => self.fround(ty, inexact, round, i),
            Kind::Modular => self.fcvtmod(i),
            Kind::MoveHigh => self.high_half(i),
            Kind::MovePair => self.join_halves(i),
            Kind::MoveBack => {
                let v = if ty == Ty::F64 { self.x(i.rs1) } else { self.w(i.rs1) };
                let v = self.b.cast(Cast::Bits, ty, v);
                self.set_f(ty, i.rd, v);
            }
        }
        Flow::Next
    }

    fn sign(&mut self, ty: Ty, how: u8, i: &Insn) {
        let (int, top) = if ty == Ty::F32 { (Ty::I32, 0x8000_0000) } else { (Ty::I64, 1 << 63) };
        let (a, b) = (self.f(ty, i.rs1), self.f(ty, i.rs2));
        if how == 0 && i.rs1 == i.rs2 {
            return self.set_f(ty, i.rd, a);
        }
        let (a, b) = (self.b.cast(Cast::Bits, int, a), self.b.cast(Cast::Bits, int, b));
        let b = if how == 1 { self.b.un(Un::Not, b) } else { b };
        let sign = self.b.bin_imm(Bin::And, b, top);
        let v = if how == 2 {
            self.b.bin(Bin::Xor, a, sign)
        } else {
            let a = self.b.bin_imm(Bin::And, a, top - 1);
            self.b.bin(Bin::Or, a, sign)
        };
        let v = self.b.cast(Cast::Bits, ty, v);
        self.set_f(ty, i.rd, v);
    }

    /// The value of a float register in a type.
    pub(crate) fn f(&mut self, ty: Ty, n: i32) -> Val {
        let v = self.b.get(Ty::F64, regs::f(n));
        if ty == Ty::F64 { v } else { self.b.cast(Cast::Unbox, Ty::F32, v) }
    }

    pub(crate) fn set_f(&mut self, ty: Ty, n: i32, v: Val) {
        if ty == Ty::F64 { self.set_f64(n, v) } else { self.set_f32(n, v) }
    }

    /// Sets a float register to a boxed binary32.
    pub(crate) fn set_f32(&mut self, n: i32, v: Val) {
        let v = self.b.cast(Cast::Box, Ty::F64, v);
        self.set_f64(n, v);
    }

    /// Sets a float register.
    pub(crate) fn set_f64(&mut self, n: i32, v: Val) {
        self.b.put(regs::f(n), v);
        self.dirty();
    }

    /// Makes mstatus.FS Dirty, if it is not known to be.
    pub(crate) fn dirty(&mut self) {
        if !self.key.dirty {
            let one = self.b.iconst(Ty::I32, 1);
            self.b.put(regs::FDIRTY, one);
        }
    }
}
