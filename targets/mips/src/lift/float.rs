//! Floating point. Where operations may trap, or flush what is small, they are calls of the core's
//! float unit. Else they are IR (`inline`).
//!
//! With Status.FR clear a float register has 32 bits, and a value of 64 lies in an even one and
//! the odd one above it.

use super::{Key, Lift, calls};
use crate::isa::Isa;
use crate::regs;
use crate::table::{Insn, Op};
use hetemu_isa::ir::*;

/// What a call of the float unit computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
#[repr(u8)]
pub(crate) enum Calc {
    Add,
    Sub,
    Mul,
    Div,
    Sqrt,
    Recip,
    Rsqrt,
    Abs,
    Neg,
    /// To the other float format.
    Convert,
    /// To an integer, in FCSR's rounding or one of the four.
    ToInt,
    RoundInt,
    TruncInt,
    CeilInt,
    FloorInt,
    /// From an integer.
    FromInt,
}

/// The argument's bits above [`Calc`]: the operands are binary64, integers have 64 bits, cause bits
/// of the operation before are kept.
pub(crate) const WIDE: u64 = 1 << 8;
pub(crate) const LONG: u64 = 1 << 9;
pub(crate) const KEEP: u64 = 1 << 10;

/// Of an operation in [`regs::FOP`]: there is one, a third operand is added to the product, or
/// subtracted from it, it compares.
pub(super) const NOTED: u64 = 1 << 16;
pub(crate) const SUMS: u64 = 1 << 17;
pub(crate) const SUBTRACTS: u64 = 1 << 18;
pub(crate) const COMPARES: u64 = 1 << 19;

/// A value of 64 bits in a pair of registers, and the values in their slots.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pair {
    low: Val,
    high: Val,
    value: Val,
}

/// The operation in a call's first argument, whether its operands are binary64, whether its
/// integers have 64 bits.
pub(crate) fn calc_of(bits: u64) -> (Calc, bool, bool) {
    use Calc::*;
    let all = [
        Add, Sub, Mul, Div, Sqrt, Recip, Rsqrt, Abs, Neg, Convert, ToInt, RoundInt, TruncInt,
        CeilInt, FloorInt, FromInt,
    ];
    let calc = all.get(bits as usize & 0xff).copied().unwrap_or(Add);
    (calc, bits & WIDE != 0, bits & LONG != 0)
}

/// Whether an instruction needs Status.CU1.
pub(crate) fn is_float(op: Op) -> bool {
    use Op::*;
    matches!(
        op,
        Movf | Movt
            | Bc1f
            | Bc1fl
            | Bc1t
            | Bc1tl
            | Lwc1
            | Ldc1
            | Swc1
            | Sdc1
            | Mfc1
            | Mfhc1
            | Mtc1
            | Mthc1
            | Dmfc1
            | Dmtc1
            | Cfc1
            | Ctc1
            | Lwxc1
            | Ldxc1
            | Luxc1
            | Swxc1
            | Sdxc1
            | Suxc1
    ) || format(op).is_some()
}

/// The format of an arithmetic instruction's operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Single,
    Double,
    Word,
    Long,
}

impl Format {
    pub(super) fn is_wide(self) -> bool {
        matches!(self, Format::Double | Format::Long)
    }
}

/// Formats of operands and result, and what is computed: none for moves.
struct Shape {
    from: Format,
    to: Format,
    calc: Option<Calc>,
}

fn format(op: Op) -> Option<Shape> {
    use Calc::{Abs, Add, Sub, ToInt, TruncInt};
    use Calc::{CeilInt, Convert, Div, FloorInt, FromInt, Mul, Neg, Recip, RoundInt, Rsqrt, Sqrt};
    use Format::*;
    let (from, to, calc) = match op {
        Op::AddS => (Single, Single, Some(Add)),
        Op::AddD => (Double, Double, Some(Add)),
        Op::SubS => (Single, Single, Some(Sub)),
        Op::SubD => (Double, Double, Some(Sub)),
        Op::MulS | Op::MaddS | Op::MsubS | Op::NmaddS | Op::NmsubS => (Single, Single, Some(Mul)),
        Op::MulD | Op::MaddD | Op::MsubD | Op::NmaddD | Op::NmsubD => (Double, Double, Some(Mul)),
        Op::DivS => (Single, Single, Some(Div)),
        Op::DivD => (Double, Double, Some(Div)),
        Op::SqrtS => (Single, Single, Some(Sqrt)),
        Op::SqrtD => (Double, Double, Some(Sqrt)),
        Op::AbsS => (Single, Single, Some(Abs)),
        Op::AbsD => (Double, Double, Some(Abs)),
        Op::NegS => (Single, Single, Some(Neg)),
        Op::NegD => (Double, Double, Some(Neg)),
        Op::RecipS => (Single, Single, Some(Recip)),
        Op::RecipD => (Double, Double, Some(Recip)),
        Op::RsqrtS => (Single, Single, Some(Rsqrt)),
        Op::RsqrtD => (Double, Double, Some(Rsqrt)),
        Op::MovS | Op::MovfS | Op::MovtS | Op::MovzS | Op::MovnS | Op::CCondS => {
            (Single, Single, None)
        }
        Op::MovD | Op::MovfD | Op::MovtD | Op::MovzD | Op::MovnD | Op::CCondD => {
            (Double, Double, None)
        }
        Op::RoundLS => (Single, Long, Some(RoundInt)),
        Op::RoundLD => (Double, Long, Some(RoundInt)),
        Op::RoundWS => (Single, Word, Some(RoundInt)),
        Op::RoundWD => (Double, Word, Some(RoundInt)),
        Op::TruncLS => (Single, Long, Some(TruncInt)),
        Op::TruncLD => (Double, Long, Some(TruncInt)),
        Op::TruncWS => (Single, Word, Some(TruncInt)),
        Op::TruncWD => (Double, Word, Some(TruncInt)),
        Op::CeilLS => (Single, Long, Some(CeilInt)),
        Op::CeilLD => (Double, Long, Some(CeilInt)),
        Op::CeilWS => (Single, Word, Some(CeilInt)),
        Op::CeilWD => (Double, Word, Some(CeilInt)),
        Op::FloorLS => (Single, Long, Some(FloorInt)),
        Op::FloorLD => (Double, Long, Some(FloorInt)),
        Op::FloorWS => (Single, Word, Some(FloorInt)),
        Op::FloorWD => (Double, Word, Some(FloorInt)),
        Op::CvtLS => (Single, Long, Some(ToInt)),
        Op::CvtLD => (Double, Long, Some(ToInt)),
        Op::CvtWS => (Single, Word, Some(ToInt)),
        Op::CvtWD => (Double, Word, Some(ToInt)),
        Op::CvtSD => (Double, Single, Some(Convert)),
        Op::CvtDS => (Single, Double, Some(Convert)),
        Op::CvtSW => (Word, Single, Some(FromInt)),
        Op::CvtSL => (Long, Single, Some(FromInt)),
        Op::CvtDW => (Word, Double, Some(FromInt)),
        Op::CvtDL => (Long, Double, Some(FromInt)),
        _ => return None,
    };
    Some(Shape { from, to, calc })
}

/// Whether the mode of the float registers forbids an instruction: values of 64 bits in odd
/// registers of 32, and what needs registers of 64.
pub(crate) fn is_illegal(_isa: &Isa, key: Key, i: &Insn) -> bool {
    if key.fr {
        return false;
    }
    let odd = |n: i32| n & 1 != 0;
    match i.op {
        Op::Ldc1 | Op::Sdc1 | Op::Dmfc1 | Op::Dmtc1 => odd(i.ft) || odd(i.fs),
        Op::Ldxc1 => odd(i.fd),
        Op::Sdxc1 => odd(i.fs),
        Op::Luxc1 | Op::Suxc1 => true,
        _ => format(i.op).is_some_and(|s| {
            s.from == Format::Long
                || s.to == Format::Long
                || s.from == Format::Double && (odd(i.fs) || odd(i.ft) || odd(i.fr))
                || s.to == Format::Double && odd(i.fd)
        }),
    }
}

impl Lift<'_> {
    /// Lifts an instruction of this group; false if it is none.
    pub(crate) fn float(&mut self, i: &Insn) -> bool {
        match i.op {
            Op::Lwc1 | Op::Ldc1 => {
                let a = self.x(i.rs);
                self.load_float(i.op == Op::Ldc1, a, i.imm, i.ft);
            }
            Op::Lwxc1 | Op::Ldxc1 | Op::Luxc1 => {
                let a = self.indexed(i);
                self.load_float(i.op != Op::Lwxc1, a, 0, i.fd);
            }
            Op::Swc1 | Op::Sdc1 => {
                let a = self.x(i.rs);
                self.store_float(i.op == Op::Sdc1, a, i.imm, i.ft);
            }
            Op::Swxc1 | Op::Sdxc1 | Op::Suxc1 => {
                let a = self.indexed(i);
                self.store_float(i.op != Op::Swxc1, a, 0, i.fs);
            }
            Op::Mfc1 => {
                let v = self.single(i.fs);
                self.set_w(i.rt, v);
            }
            Op::Dmfc1 => {
                let v = self.double(i.fs);
                self.set_x(i.rt, v);
            }
            Op::Mfhc1 => {
                let v = self.double(i.fs & if self.key.fr { 31 } else { 30 });
                let v = self.b.bin_imm(Bin::ShrU, v, 32);
                let v = self.b.cast(Cast::Trunc, Ty::I32, v);
                self.set_w(i.rt, v);
            }
            Op::Mtc1 => {
                let v = self.w(i.rt);
                let v = self.b.cast(Cast::Zext, Ty::I64, v);
                self.set_low(i.fs, v);
            }
            Op::Dmtc1 => {
                let v = self.x(i.rt);
                self.set_double(i.fs, v);
            }
            Op::Mthc1 => {
                let n = i.fs & if self.key.fr { 31 } else { 30 };
                let old = self.double(n);
                let low = self.b.bin_imm(Bin::And, old, 0xffff_ffff);
                let v = self.w(i.rt);
                let v = self.b.cast(Cast::Zext, Ty::I64, v);
                let v = self.b.bin_imm(Bin::Shl, v, 32);
                let v = self.b.bin(Bin::Or, v, low);
                self.set_double(n, v);
            }
            Op::CCondS | Op::CCondD => {
                let wide = i.op == Op::CCondD;
                let how = i.imm as u64 & 15 | if wide { WIDE } else { 0 };
                let (a, b) = (self.operand(wide, i.fs), self.operand(wide, i.ft));
                let (v, holds) = if self.key.special {
                    let how = self.b.iconst(Ty::I64, how);
                    let v = self.b.call(calls::COMPARE, [how, a, b]);
                    (self.b.cast(Cast::Trunc, Ty::I32, v), None)
                } else {
                    let holds = self.compare(how, wide, a, b);
                    self.note(how | COMPARES, &[a, b]);
                    (self.b.cast(Cast::Zext, Ty::I32, holds), Some((i.sel & 7, holds)))
                };
                self.compared = holds;
                let v = self.b.bin_imm(Bin::Shl, v, i.sel as u64 & 7);
                let codes = self.b.get(Ty::I32, regs::FCC);
                let codes = self.b.bin_imm(Bin::And, codes, !(1u64 << (i.sel & 7)));
                let codes = self.b.bin(Bin::Or, codes, v);
                self.b.put(regs::FCC, codes);
            }
            _ => return self.arithmetic(i),
        }
        true
    }

    fn arithmetic(&mut self, i: &Insn) -> bool {
        let Some(Shape { from, to, calc }) = format(i.op) else { return false };
        let (wide, long) = (from.is_wide(), matches!(to, Format::Long) || from == Format::Long);
        let Some(calc) = calc else {
            self.float_move(i, wide);
            return true;
        };
        let flags = if from == Format::Double || to == Format::Double && calc == Calc::FromInt {
            WIDE
        } else {
            0
        } | if long { LONG } else { 0 };
        if !self.key.special {
            self.inline(i, calc, flags, from, to);
            return true;
        }
        let how = self.b.iconst(Ty::I64, calc as u64 | flags);
        let a = self.operand(wide, i.fs);
        let b = self.operand(wide, i.ft);
        let mut v = self.b.call(calls::FLOAT, [how, a, b]);
        use Op::*;
        if matches!(i.op, MaddS | MaddD | MsubS | MsubD | NmaddS | NmaddD | NmsubS | NmsubD) {
            // The product is rounded, then the sum.
            let sub = matches!(i.op, MsubS | MsubD | NmsubS | NmsubD);
            let calc = if sub { Calc::Sub } else { Calc::Add };
            let how = self.b.iconst(Ty::I64, calc as u64 | flags | KEEP);
            let c = self.operand(wide, i.fr);
            v = self.b.call(calls::FLOAT, [how, v, c]);
            if matches!(i.op, NmaddS | NmaddD | NmsubS | NmsubD) {
                let how = self.b.iconst(Ty::I64, Calc::Neg as u64 | flags | KEEP);
                v = self.b.call(calls::FLOAT, [how, v, v]);
            }
        }
        if to.is_wide() {
            self.set_double(i.fd, v)
        } else {
            self.set_low(i.fd, v)
        }
        true
    }

    fn float_move(&mut self, i: &Insn, wide: bool) {
        let a = self.operand(wide, i.fs);
        let v = match i.op {
            Op::MovS | Op::MovD => a,
            Op::MovfS | Op::MovfD | Op::MovtS | Op::MovtD => {
                let held = self.condition(i.sel);
                let old = self.operand(wide, i.fd);
                match i.op {
                    Op::MovtS | Op::MovtD => self.b.select(held, a, old),
                    _ => self.b.select(held, old, a),
                }
            }
            _ => {
                let zero = self.b.iconst(self.xt, 0);
                let c = self.x(i.rt);
                let op = if matches!(i.op, Op::MovzS | Op::MovzD) { Cmp::Eq } else { Cmp::Ne };
                let c = self.b.cmp(op, c, zero);
                let old = self.operand(wide, i.fd);
                self.b.select(c, a, old)
            }
        };
        if wide { self.set_double(i.fd, v) } else { self.set_low(i.fd, v) }
    }

    /// Base and index. LUXC1 and SUXC1 ignore the low three bits.
    fn indexed(&mut self, i: &Insn) -> Val {
        let (a, b) = (self.x(i.rs), self.x(i.rt));
        let v = self.b.bin(Bin::Add, a, b);
        match i.op {
            Op::Luxc1 | Op::Suxc1 => self.b.bin_imm(Bin::And, v, !7),
            _ => v,
        }
    }

    fn load_float(&mut self, wide: bool, addr: Val, offset: i32, to: i32) {
        if wide {
            let v = self.b.load(Ty::I64, self.access(3, false), addr, offset);
            self.set_double(to, v);
        } else {
            let v = self.b.load(Ty::I64, self.access(2, false), addr, offset);
            self.set_low(to, v);
        }
    }

    fn store_float(&mut self, wide: bool, addr: Val, offset: i32, from: i32) {
        if wide {
            let v = self.double(from);
            self.b.store(self.access(3, false), addr, offset, v);
        } else {
            let v = self.single(from);
            self.b.store(self.access(2, false), addr, offset, v);
        }
    }

    /// The low 32 bits of a float register.
    fn single(&mut self, n: i32) -> Val {
        let v = self.b.get(Ty::I64, regs::f(n));
        self.b.cast(Cast::Trunc, Ty::I32, v)
    }

    /// An operand of arithmetic, as 64 bits.
    pub(super) fn operand(&mut self, wide: bool, n: i32) -> Val {
        if wide {
            return self.double(n);
        }
        let v = self.single(n);
        self.b.cast(Cast::Zext, Ty::I64, v)
    }

    /// 64 bits of a float register, or of a pair.
    fn double(&mut self, n: i32) -> Val {
        if self.key.fr {
            return self.b.get(Ty::I64, regs::f(n));
        }
        let (first, second) = (regs::f(n & 30), regs::f(n | 1));
        let (low, high) = (self.b.get(Ty::I64, first), self.b.get(Ty::I64, second));
        if let Some(p) =
            self.pairs[(n >> 1) as usize & 15].filter(|p| (p.low, p.high) == (low, high))
        {
            return p.value;
        }
        let bits = self.operand(false, n & 30);
        let upper = self.b.bin_imm(Bin::Shl, high, 32);
        let value = self.b.bin(Bin::Or, upper, bits);
        self.pairs[(n >> 1) as usize & 15] = Some(Pair { low, high, value });
        value
    }

    pub(super) fn set_double(&mut self, n: i32, v: Val) {
        if self.key.fr {
            return self.b.put(regs::f(n), v);
        }
        let low = self.b.bin_imm(Bin::And, v, 0xffff_ffff);
        let high = self.b.bin_imm(Bin::ShrU, v, 32);
        self.b.put(regs::f(n & 30), low);
        self.b.put(regs::f(n | 1), high);
        self.pairs[(n >> 1) as usize & 15] = Some(Pair { low, high, value: v });
    }

    /// Sets a float register to 32 bits, given zero-extended. Of a register of 64 bits the upper
    /// half is kept: that is unpredictable, and what software that mixes formats hopes for.
    pub(super) fn set_low(&mut self, n: i32, v: Val) {
        if !self.key.fr {
            return self.b.put(regs::f(n), v);
        }
        let old = self.b.get(Ty::I64, regs::f(n));
        let high = self.b.bin_imm(Bin::And, old, !0xffff_ffff);
        let v = self.b.bin(Bin::Or, high, v);
        self.b.put(regs::f(n), v);
    }
}
