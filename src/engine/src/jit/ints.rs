//! Integer operations, conversions of bits, constants.

use super::codegen::{Generator, clif_type};
use super::entry::Calc;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self as clif, InstBuilder, Type, Value, types};
use hetemu_isa::ir::{Bin, Cast, Cmp, Inst, Ty, Un, Val};

impl Generator<'_> {
    pub(super) fn constant(&mut self, ty: Ty, n: u64) -> Value {
        match ty {
            Ty::Bool => self.b.ins().iconst(types::I8, (n & 1) as i64),
            Ty::I32 => self.b.ins().iconst(types::I32, i64::from(n as u32)),
            Ty::I64 => self.b.ins().iconst(types::I64, n as i64),
            Ty::F32 => self.b.ins().f32const(clif::immediates::Ieee32::with_bits(n as u32)),
            Ty::F64 => self.b.ins().f64const(clif::immediates::Ieee64::with_bits(n)),
        }
    }

    pub(super) fn un(&mut self, op: Un, a: Val) -> Value {
        let (ty, a) = (self.ty(a), self.val(a));
        let clif_ty = self.b.func.dfg.value_type(a);
        let narrow = |g: &mut Self, ty, signed| {
            let low = g.b.ins().ireduce(ty, a);
            if signed { g.b.ins().sextend(clif_ty, low) } else { g.b.ins().uextend(clif_ty, low) }
        };
        match op {
            Un::Not if ty == Ty::Bool => self.b.ins().bxor_imm_u(a, 1),
            Un::Not => self.b.ins().bnot(a),
            Un::Neg => self.b.ins().ineg(a),
            Un::Clz => self.b.ins().clz(a),
            Un::Ctz => self.b.ins().ctz(a),
            Un::Popcnt => self.b.ins().popcnt(a),
            Un::Bswap => self.b.ins().bswap(a),
            Un::Bitrev => self.b.ins().bitrev(a),
            Un::Sext8 => narrow(self, types::I8, true),
            Un::Sext16 => narrow(self, types::I16, true),
            Un::Zext8 => narrow(self, types::I8, false),
            Un::Zext16 => narrow(self, types::I16, false),
            Un::Sext32 | Un::Zext32 if ty != Ty::I64 => a,
            Un::Sext32 => narrow(self, types::I32, true),
            Un::Zext32 => narrow(self, types::I32, false),
        }
    }

    pub(super) fn bin(&mut self, inst: &Inst, op: Bin, x: Val, y: Val) -> Value {
        let wide = self.ty(x) == Ty::I64;
        let (a, b) = (self.val(x), self.val(y));
        match op {
            Bin::Add => self.b.ins().iadd(a, b),
            Bin::Sub => self.b.ins().isub(a, b),
            Bin::Mul => self.b.ins().imul(a, b),
            Bin::MulHS | Bin::MulHU | Bin::MulHSU if wide => self.high(op, a, b),
            Bin::MulHS | Bin::MulHU | Bin::MulHSU => {
                let extend = |g: &mut Self, v, signed| {
                    if signed {
                        g.b.ins().sextend(types::I64, v)
                    } else {
                        g.b.ins().uextend(types::I64, v)
                    }
                };
                let a = extend(self, a, op != Bin::MulHU);
                let b = extend(self, b, op == Bin::MulHS);
                let product = self.b.ins().imul(a, b);
                let high = self.b.ins().ushr_imm_u(product, 32);
                self.b.ins().ireduce(types::I32, high)
            }
            Bin::DivS | Bin::DivU | Bin::RemS | Bin::RemU => self.divide(op, a, b),
            Bin::And => self.b.ins().band(a, b),
            Bin::Or => self.b.ins().bor(a, b),
            Bin::Xor => self.b.ins().bxor(a, b),
            Bin::Shl => self.b.ins().ishl(a, b),
            Bin::ShrU => self.b.ins().ushr(a, b),
            Bin::ShrS => self.b.ins().sshr(a, b),
            Bin::Rotl => self.b.ins().rotl(a, b),
            Bin::Rotr => self.b.ins().rotr(a, b),
            Bin::Clmul | Bin::ClmulH => {
                let ty = self.b.func.dfg.value_type(a);
                match Calc::of(inst, self.ty(x)) {
                    Some(calc) => self.call_calc(calc, &[a, b], ty),
                    None => a,
                }
            }
        }
    }

    fn high(&mut self, op: Bin, a: Value, b: Value) -> Value {
        match op {
            Bin::MulHS => self.b.ins().smulhi(a, b),
            Bin::MulHU => self.b.ins().umulhi(a, b),
            _ => {
                // As unsigned, minus b * 2^64 if a is negative.
                let high = self.b.ins().umulhi(a, b);
                let sign = self.b.ins().sshr_imm_u(a, 63);
                let less = self.b.ins().band(sign, b);
                self.b.ins().isub(high, less)
            }
        }
    }

    /// Total division: the operands that would trap are replaced.
    fn divide(&mut self, op: Bin, a: Value, b: Value) -> Value {
        let ty = self.b.func.dfg.value_type(a);
        let zero = self.b.ins().icmp_imm_s(IntCC::Equal, b, 0);
        let signed = matches!(op, Bin::DivS | Bin::RemS);
        let bad = if signed {
            let min = if ty == types::I64 { i64::MIN } else { i64::from(i32::MIN) };
            let least = self.b.ins().iconst(ty, min & ty_mask(ty));
            let least = self.b.ins().icmp(IntCC::Equal, a, least);
            let ones = self.b.ins().icmp_imm_s(IntCC::Equal, b, -1);
            let over = self.b.ins().band(least, ones);
            self.b.ins().bor(zero, over)
        } else {
            zero
        };
        let one = self.b.ins().iconst(ty, 1);
        let safe = self.b.ins().select(bad, one, b);
        match op {
            Bin::DivS | Bin::DivU => {
                let q =
                    if signed { self.b.ins().sdiv(a, safe) } else { self.b.ins().udiv(a, safe) };
                let ones = self.b.ins().iconst(ty, ty_mask(ty));
                self.b.ins().select(zero, ones, q)
            }
            _ => {
                let r =
                    if signed { self.b.ins().srem(a, safe) } else { self.b.ins().urem(a, safe) };
                self.b.ins().select(zero, a, r)
            }
        }
    }

    pub(super) fn cast(&mut self, cast: Cast, ty: Ty, v: Val) -> Value {
        let value = self.val(v);
        let to = clif_type(ty);
        if self.b.func.dfg.value_type(value) == to {
            return value;
        }
        match cast {
            Cast::Zext => self.b.ins().uextend(to, value),
            Cast::Sext => self.b.ins().sextend(to, value),
            Cast::Trunc => self.b.ins().ireduce(to, value),
            Cast::Bits => self.bits(to, value),
            Cast::Box => {
                let word = self.as_word(value);
                let high = self.b.ins().iconst(types::I64, (!0u64 << 32) as i64);
                let boxed = self.b.ins().bor(word, high);
                self.bits(types::F64, boxed)
            }
            Cast::Unbox => {
                let word = self.as_word(value);
                let high = self.b.ins().ushr_imm_u(word, 32);
                let good = self.b.ins().icmp_imm_u(IntCC::Equal, high, 0xffff_ffff);
                let low = self.b.ins().ireduce(types::I32, word);
                let nan = self.b.ins().iconst(types::I32, i64::from(self.layout.float.nan32));
                let half = self.b.ins().select(good, low, nan);
                self.bits(types::F32, half)
            }
        }
    }
}

fn ty_mask(ty: Type) -> i64 {
    if ty == types::I64 { -1 } else { 0xffff_ffff }
}

/// Cranelift's condition of a comparison.
pub(super) fn condition(op: Cmp) -> IntCC {
    match op {
        Cmp::Eq => IntCC::Equal,
        Cmp::Ne => IntCC::NotEqual,
        Cmp::LtS => IntCC::SignedLessThan,
        Cmp::LeS => IntCC::SignedLessThanOrEqual,
        Cmp::LtU => IntCC::UnsignedLessThan,
        Cmp::LeU => IntCC::UnsignedLessThanOrEqual,
    }
}
