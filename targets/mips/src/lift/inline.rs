//! Float operations as IR. Each notes itself with its operands in slots: the cause bits of FCSR,
//! which are the last one's exceptions, are computed when somebody looks at them.

use super::Lift;
use super::float::{Calc, Format, NOTED, SUBTRACTS, SUMS};
use crate::cpu::rounding;
use crate::regs;
use crate::table::{Insn, Op};
use hetemu_isa::ir::*;

impl Lift<'_> {
    /// An operation as IR.
    pub(super) fn inline(&mut self, i: &Insn, calc: Calc, flags: u64, from: Format, to: Format) {
        let ty = if from.is_wide() { Ty::F64 } else { Ty::F32 };
        let round = rounding(self.key.round.into());
        let a = self.operand(from.is_wide(), i.fs);
        let x = self.number(ty, a);
        let one = |l: &mut Self| {
            let n = if ty == Ty::F64 { 1f64.to_bits() } else { 1f32.to_bits().into() };
            l.b.iconst(ty, n)
        };
        let int = |format: Format| if format == Format::Long { Ty::I64 } else { Ty::I32 };
        let binary = matches!(calc, Calc::Add | Calc::Sub | Calc::Mul | Calc::Div);
        let b = if binary { self.operand(from.is_wide(), i.ft) } else { a };
        let mut how = calc as u64 | flags;
        let mut args = vec![a, b];
        let value = match calc {
            Calc::Add | Calc::Sub | Calc::Mul | Calc::Div => {
                let y = self.number(ty, b);
                let op = match calc {
                    Calc::Add => FBin::Add,
                    Calc::Sub => FBin::Sub,
                    Calc::Mul => FBin::Mul,
                    _ => FBin::Div,
                };
                let mut v = self.b.fbin(op, round, x, y);
                use Op::*;
                let add = matches!(i.op, MaddS | MaddD | NmaddS | NmaddD);
                let sub = matches!(i.op, MsubS | MsubD | NmsubS | NmsubD);
                if add || sub {
                    // The product is rounded, then the sum.
                    let c = self.operand(from.is_wide(), i.fr);
                    let z = self.number(ty, c);
                    v = self.b.fbin(if sub { FBin::Sub } else { FBin::Add }, round, v, z);
                    how |= SUMS | if sub { SUBTRACTS } else { 0 };
                    args.push(c);
                }
                if matches!(i.op, NmaddS | NmaddD | NmsubS | NmsubD) {
                    let bits = self.bits(v);
                    v = self.b.bin_imm(Bin::Xor, bits, 1 << if ty == Ty::F64 { 63 } else { 31 });
                }
                v
            }
            Calc::Sqrt => self.b.fsqrt(round, x),
            Calc::Recip => {
                let one = one(self);
                self.b.fbin(FBin::Div, round, one, x)
            }
            Calc::Rsqrt => {
                let root = self.b.fsqrt(round, x);
                let one = one(self);
                self.b.fbin(FBin::Div, round, one, root)
            }
            Calc::Abs | Calc::Neg => {
                // A signalling NaN is invalid, and stays what it is.
                self.b.fcmp(FCmp::Eq, x, x);
                let bits = self.bits(x);
                let sign = 1 << if ty == Ty::F64 { 63 } else { 31 };
                match calc {
                    Calc::Abs => self.b.bin_imm(Bin::And, bits, sign - 1),
                    _ => self.b.bin_imm(Bin::Xor, bits, sign),
                }
            }
            Calc::Convert => self.b.fcvt(round, if ty == Ty::F64 { Ty::F32 } else { Ty::F64 }, x),
            Calc::FromInt => {
                let n = if from == Format::Long { a } else { self.b.cast(Cast::Trunc, Ty::I32, a) };
                let ty = if to == Format::Double { Ty::F64 } else { Ty::F32 };
                self.b.itof(round, ty, true, n)
            }
            to_int => {
                let round = match to_int {
                    Calc::RoundInt => Round::Near,
                    Calc::TruncInt => Round::Zero,
                    Calc::CeilInt => Round::Up,
                    Calc::FloorInt => Round::Down,
                    _ => round,
                };
                self.b.ftoi(round, int(to), true, x)
            }
        };
        let value = self.bits(value);
        let value = self.b.cast(Cast::Zext, Ty::I64, value);
        self.note(how, &args);
        if to.is_wide() { self.set_double(i.fd, value) } else { self.set_low(i.fd, value) }
    }

    /// Notes the operation whose exceptions are the causes from now on.
    pub(super) fn note(&mut self, how: u64, args: &[Val]) {
        let how = self.b.iconst(Ty::I32, how | NOTED);
        self.b.put(regs::FOP, how);
        for (slot, v) in [regs::FA, regs::FB, regs::FC].into_iter().zip(args) {
            self.b.put(slot, *v);
        }
    }

    /// A number from 64 bits, or their low half.
    fn number(&mut self, ty: Ty, v: Val) -> Val {
        match ty {
            Ty::F64 => self.b.cast(Cast::Bits, ty, v),
            _ => {
                let v = self.b.cast(Cast::Trunc, Ty::I32, v);
                self.b.cast(Cast::Bits, ty, v)
            }
        }
    }

    /// The bits of a number.
    fn bits(&mut self, v: Val) -> Val {
        match self.b.ty(v) {
            Ty::F64 => self.b.cast(Cast::Bits, Ty::I64, v),
            Ty::F32 => self.b.cast(Cast::Bits, Ty::I32, v),
            _ => v,
        }
    }

    /// Whether a condition holds: its bits are unordered, equal, less, and signalling.
    pub(super) fn compare(&mut self, cond: u64, wide: bool, a: Val, b: Val) -> Val {
        let ty = if wide { Ty::F64 } else { Ty::F32 };
        let (a, b) = (self.number(ty, a), self.number(ty, b));
        let (lt, le) = match cond & 8 {
            0 => (FCmp::LtQ, FCmp::LeQ),
            _ => (FCmp::Lt, FCmp::Le),
        };
        let either = |l: &mut Self, op: FCmp| {
            let (x, y) = (l.b.fcmp(op, a, b), l.b.fcmp(op, b, a));
            let (x, y) = (l.b.cast(Cast::Zext, Ty::I32, x), l.b.cast(Cast::Zext, Ty::I32, y));
            let v = l.b.bin(Bin::Or, x, y);
            let zero = l.b.iconst(Ty::I32, 0);
            l.b.cmp(Cmp::Eq, v, zero)
        };
        match cond & 7 {
            0 => {
                self.b.fcmp(le, a, b);
                self.b.iconst(Ty::Bool, 0)
            }
            1 => either(self, le),
            2 => {
                if cond & 8 != 0 {
                    self.b.fcmp(le, a, b);
                }
                self.b.fcmp(FCmp::Eq, a, b)
            }
            3 => either(self, lt),
            4 => self.b.fcmp(lt, a, b),
            5 => {
                let v = self.b.fcmp(le, b, a);
                self.b.un(Un::Not, v)
            }
            6 => self.b.fcmp(le, a, b),
            _ => {
                let v = self.b.fcmp(lt, b, a);
                self.b.un(Un::Not, v)
            }
        }
    }
}
