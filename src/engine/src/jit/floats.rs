//! Float operations: on the host's unit where it gives the ISA's result and flags.
//!
//! The host rounds to nearest and accrues exceptions; other roundings are computed out of line by
//! the soft float. A NaN result is replaced, or computed again out of line for its payload and its
//! flags: the branch on it also keeps the operation where it is, so that no flag is lost or
//! invented. What else the policy has otherwise than the host is looked at the same way: where
//! tininess is found before rounding, a result that is the smallest normal number may have been
//! tiny, and only the soft float knows.

use super::codegen::{Generator, clif_type};
use super::entry::{Calc, HOST_FLOAT};
use crate::frame::Frame;
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::{self as clif, InstBuilder, Value, types};
use hetemu_isa::ir::{FBin, FCmp, Inst, Round, Ty, Val};
use std::mem::offset_of;

/// The top 32 bits of the smallest normal number and of infinity, times two.
pub(super) const LEAST32: u32 = 0x0100_0000;
pub(super) const INFINITY32: u32 = 0xff00_0000;
pub(super) const LEAST64: u32 = 0x0020_0000;
pub(super) const INFINITY64: u32 = 0xffe0_0000;

impl Generator<'_> {
    pub(super) fn float(&mut self, inst: &Inst) -> Value {
        let mut operands = Vec::with_capacity(3);
        crate::interp::lower::operands(inst, |v| operands.push(v));
        let Some(&first) = operands.first() else { return self.tlb };
        let from = self.ty(first);
        let args: Vec<Value> = operands.iter().map(|v| self.val(*v)).collect();
        let Some(calc) = Calc::of(inst, from) else { return args[0] };
        if !HOST_FLOAT {
            return self.soft(inst, calc, from, &args);
        }
        match *inst {
            Inst::FBin(op, Round::Near, ..) if !matches!(op, FBin::Min | FBin::Max) => {
                let (a, b) = (args[0], args[1]);
                let value = match op {
                    FBin::Add => self.b.ins().fadd(a, b),
                    FBin::Sub => self.b.ins().fsub(a, b),
                    FBin::Mul => self.b.ins().fmul(a, b),
                    _ => self.b.ins().fdiv(a, b),
                };
                // A sum that is tiny is exact.
                match op {
                    FBin::Add | FBin::Sub => self.unless_other_nan(value, calc, &args),
                    _ => self.unless_tiny(value, calc, &args, Self::unless_other_nan),
                }
            }
            Inst::FBin(op @ (FBin::Min | FBin::Max), ..) => self.min_max(op, calc, &args),
            Inst::FSqrt(Round::Near, _) => {
                let value = self.b.ins().sqrt(args[0]);
                self.unless_other_nan(value, calc, &args)
            }
            Inst::Fma { round: Round::Near, neg_product, neg_addend, .. } if self.fma => {
                let a = if neg_product { self.b.ins().fneg(args[0]) } else { args[0] };
                let c = if neg_addend { self.b.ins().fneg(args[2]) } else { args[2] };
                let value = self.b.ins().fma(a, args[1], c);
                self.unless_tiny(value, calc, &args, Self::unless_nan)
            }
            Inst::FCmp(op, ..) => self.compare(op, calc, &args),
            Inst::FCvt(_, Ty::F64, _) => {
                let value = self.b.ins().fpromote(types::F64, args[0]);
                self.unless_other_nan(value, calc, &args)
            }
            Inst::FCvt(Round::Near, ..) => {
                let value = self.b.ins().fdemote(types::F32, args[0]);
                self.unless_tiny(value, calc, &args, Self::unless_other_nan)
            }
            Inst::FToI(Round::Zero, to, signed, v) => self.float_to_int(to, signed, v, calc, &args),
            Inst::IToF(Round::Near, to, signed, _) => self.int_to_float(to, signed, calc, args[0]),
            _ => self.soft(inst, calc, from, &args),
        }
    }

    /// Out of line.
    fn soft(&mut self, inst: &Inst, calc: Calc, from: Ty, args: &[Value]) -> Value {
        let to = match *inst {
            Inst::FCvt(_, ty, _) | Inst::FToI(_, ty, ..) | Inst::IToF(_, ty, ..) => ty,
            Inst::FCmp(..) => Ty::Bool,
            Inst::FClass(_) => Ty::I32,
            _ => from,
        };
        self.call_calc(calc, args, clif_type(to))
    }

    /// A result of the host, or if it is a NaN that of the soft float.
    fn unless_nan(&mut self, value: Value, calc: Calc, args: &[Value]) -> Value {
        let nan = self.unordered(value, value);
        self.unless(nan, value, calc, args)
    }

    /// As `unless_nan`, of an operation that raises on the host what it must: where every NaN
    /// result is the same one, nothing is left to compute.
    fn unless_other_nan(&mut self, value: Value, calc: Calc, args: &[Value]) -> Value {
        if !self.layout.float.default_nan || self.layout.float.legacy_nan {
            return self.unless_nan(value, calc, args);
        }
        let ty = self.b.func.dfg.value_type(value);
        let nan = self.unordered(value, value);
        let (other, done) = (self.cold(), self.b.create_block());
        let result = self.b.append_block_param(done, ty);
        self.b.ins().brif(nan, other, &[], done, &[clif::BlockArg::Value(value)]);
        self.enter(other);
        let constant = match ty {
            types::F32 => self.constant(Ty::F32, u64::from(self.layout.float.nan32)),
            _ => self.constant(Ty::F64, self.layout.float.nan64),
        };
        self.b.ins().jump(done, &[constant.into()]);
        self.enter(done);
        result
    }

    /// The result of an operation that may be tiny: as `otherwise`, where that makes no difference.
    fn unless_tiny(
        &mut self,
        value: Value,
        calc: Calc,
        args: &[Value],
        otherwise: fn(&mut Self, Value, Calc, &[Value]) -> Value,
    ) -> Value {
        if !self.layout.float.tiny_before {
            return otherwise(self, value, calc, args);
        }
        // The top 32 bits without the sign: one comparison finds the smallest normal number and
        // NaNs, with zeros and subnormal numbers, which lie between them, and infinities.
        let ty = self.b.func.dfg.value_type(value);
        let mut top = value;
        let (least, infinity) = if ty == types::F64 {
            let bits = self.bits(types::I64, value);
            let high = self.b.ins().ushr_imm_u(bits, 32);
            top = self.b.ins().ireduce(types::I32, high);
            (LEAST64, INFINITY64)
        } else {
            top = self.bits(types::I32, top);
            (LEAST32, INFINITY32)
        };
        let twice = self.b.ins().iadd(top, top);
        let offset = self.b.ins().iconst(types::I32, i64::from(least + 1));
        let rest = self.b.ins().isub(twice, offset);
        let limit = self.b.ins().iconst(types::I32, i64::from(infinity - least - 1));
        let odd = self.b.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, rest, limit);
        let (look, slow, done) = (self.cold(), self.cold(), self.b.create_block());
        let result = self.b.append_block_param(done, ty);
        self.b.ins().brif(odd, look, &[], done, &[clif::BlockArg::Value(value)]);
        self.enter(look);
        let nan = self.unordered(value, value);
        let number = self.b.ins().fabs(value);
        let normal = match ty {
            types::F64 => self.b.ins().f64const(f64::MIN_POSITIVE),
            _ => self.b.ins().f32const(f32::MIN_POSITIVE),
        };
        let least = self.b.ins().fcmp(FloatCC::Equal, number, normal);
        let bad = self.b.ins().bor(nan, least);
        self.b.ins().brif(bad, slow, &[], done, &[clif::BlockArg::Value(value)]);
        self.enter(slow);
        let other = self.call_calc(calc, args, ty);
        self.b.ins().jump(done, &[other.into()]);
        self.enter(done);
        result
    }

    /// `value`, or if the condition holds the result out of line.
    fn unless(&mut self, cond: Value, value: Value, calc: Calc, args: &[Value]) -> Value {
        let ty = self.b.func.dfg.value_type(value);
        let (slow, done) = (self.cold(), self.b.create_block());
        let result = self.b.append_block_param(done, ty);
        self.b.ins().brif(cond, slow, &[], done, &[clif::BlockArg::Value(value)]);
        self.enter(slow);
        let other = self.call_calc(calc, args, ty);
        self.b.ins().jump(done, &[other.into()]);
        self.enter(done);
        result
    }

    /// Numbers that differ are ordered; anything else goes out of line.
    fn min_max(&mut self, op: FBin, calc: Calc, args: &[Value]) -> Value {
        let (a, b) = (args[0], args[1]);
        let ty = self.b.func.dfg.value_type(a);
        let odd = self.b.ins().fcmp(FloatCC::UnorderedOrEqual, a, b);
        let (fast, slow, done) = (self.b.create_block(), self.cold(), self.b.create_block());
        let result = self.b.append_block_param(done, ty);
        self.b.ins().brif(odd, slow, &[], fast, &[]);
        self.enter(slow);
        let other = self.call_calc(calc, args, ty);
        self.b.ins().jump(done, &[other.into()]);
        // Only here: the host's minimum of a quiet NaN, which this may become, is invalid.
        self.enter(fast);
        let less = self.b.ins().fcmp(FloatCC::LessThan, a, b);
        let value = match op {
            FBin::Min => self.b.ins().select(less, a, b),
            _ => self.b.ins().select(less, b, a),
        };
        self.b.ins().jump(done, &[value.into()]);
        self.enter(done);
        result
    }

    /// A NaN goes out of line, for the flags.
    fn compare(&mut self, op: FCmp, calc: Calc, args: &[Value]) -> Value {
        let (a, b) = (args[0], args[1]);
        let cc = match op {
            FCmp::Eq => FloatCC::Equal,
            FCmp::Lt | FCmp::LtQ => FloatCC::LessThan,
            FCmp::Le | FCmp::LeQ => FloatCC::LessThanOrEqual,
        };
        let value = self.b.ins().fcmp(cc, a, b);
        let nan = self.unordered(a, b);
        self.unless(nan, value, calc, args)
    }

    /// What surely fits a signed 64-bit conversion; anything else goes out of line.
    fn float_to_int(&mut self, to: Ty, signed: bool, v: Val, calc: Calc, args: &[Value]) -> Value {
        let a = args[0];
        let bits = match (to, signed) {
            (Ty::I64, _) => 63,
            (_, true) => 31,
            (_, false) => 32,
        };
        let limit = |n: i32| f64::from(2).powi(n);
        let (low, high) = (if signed { -limit(bits) } else { 0.0 }, limit(bits));
        let (low, high) = match self.ty(v) {
            Ty::F64 => (self.b.ins().f64const(low), self.b.ins().f64const(high)),
            _ => (self.b.ins().f32const(low as f32), self.b.ins().f32const(high as f32)),
        };
        // False for NaNs.
        let above = self.b.ins().fcmp(FloatCC::GreaterThanOrEqual, a, low);
        let below = self.b.ins().fcmp(FloatCC::LessThan, a, high);
        let fits = self.b.ins().band(above, below);
        let out = clif_type(to);
        let (fast, slow, done) = (self.b.create_block(), self.cold(), self.b.create_block());
        let result = self.b.append_block_param(done, out);
        self.b.ins().brif(fits, fast, &[], slow, &[]);
        self.enter(slow);
        let other = self.call_calc(calc, args, out);
        self.b.ins().jump(done, &[other.into()]);
        self.enter(fast);
        let wide = self.b.ins().fcvt_to_sint_sat(types::I64, a);
        // Kept even if nobody reads it: the conversion may be inexact.
        self.store_frame(wide, offset_of!(Frame, result));
        let value = if to == Ty::I64 { wide } else { self.b.ins().ireduce(types::I32, wide) };
        self.b.ins().jump(done, &[value.into()]);
        self.enter(done);
        result
    }

    fn int_to_float(&mut self, to: Ty, signed: bool, calc: Calc, a: Value) -> Value {
        let out = clif_type(to);
        let narrow = self.b.func.dfg.value_type(a) == types::I32;
        let wide = match (narrow, signed) {
            (true, true) => self.b.ins().sextend(types::I64, a),
            (true, false) => self.b.ins().uextend(types::I64, a),
            _ => a,
        };
        if narrow || signed {
            let value = self.b.ins().fcvt_from_sint(out, wide);
            let word = self.as_word(value);
            self.store_frame(word, offset_of!(Frame, result));
            return value;
        }
        let large = self.b.ins().icmp_imm_s(IntCC::SignedLessThan, a, 0);
        let (slow, fast, done) = (self.cold(), self.b.create_block(), self.b.create_block());
        let result = self.b.append_block_param(done, out);
        self.b.ins().brif(large, slow, &[], fast, &[]);
        self.enter(slow);
        let other = self.call_calc(calc, &[a], out);
        self.b.ins().jump(done, &[other.into()]);
        self.enter(fast);
        // Converted here, so that a large operand leaves no flag of the signed conversion.
        let value = self.b.ins().fcvt_from_sint(out, wide);
        let word = self.as_word(value);
        self.store_frame(word, offset_of!(Frame, result));
        self.b.ins().jump(done, &[value.into()]);
        self.enter(done);
        result
    }
}
