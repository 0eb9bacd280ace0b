//! What the integer operations mean, once: the builder folds with it and the interpreter runs it.

use crate::builder::mask;
use crate::ir::{Bin, Cmp, Ty, Un};

impl Un {
    /// The result for an operand kept zero-extended.
    #[inline(always)]
    pub fn eval(self, ty: Ty, a: u64) -> u64 {
        let wide = ty == Ty::I64;
        match self {
            Un::Not => !a & mask(ty),
            Un::Neg => a.wrapping_neg() & mask(ty),
            Un::Clz if wide => u64::from(a.leading_zeros()),
            Un::Clz => u64::from((a as u32).leading_zeros()),
            Un::Ctz if wide => u64::from(a.trailing_zeros()),
            Un::Ctz => u64::from((a as u32).trailing_zeros()),
            Un::Popcnt => u64::from(a.count_ones()),
            Un::Bswap if wide => a.swap_bytes(),
            Un::Bswap => u64::from((a as u32).swap_bytes()),
            Un::Bitrev if wide => a.reverse_bits(),
            Un::Bitrev => u64::from((a as u32).reverse_bits()),
            Un::Sext8 => a as i8 as u64 & mask(ty),
            Un::Sext16 => a as i16 as u64 & mask(ty),
            Un::Zext8 => a as u8 as u64,
            Un::Zext16 => a as u16 as u64,
            Un::Sext32 => a as i32 as u64,
            Un::Zext32 => a as u32 as u64,
        }
    }
}

impl Bin {
    /// Whether `x op 0` is `x`.
    pub fn zero_is_neutral(self) -> bool {
        use Bin::*;
        matches!(self, Add | Sub | Or | Xor | Shl | ShrU | ShrS | Rotl | Rotr)
    }

    /// The result for operands kept zero-extended.
    #[inline(always)]
    pub fn eval(self, ty: Ty, a: u64, b: u64) -> u64 {
        if ty == Ty::I64 { self.eval64(a, b) } else { u64::from(self.eval32(a as u32, b as u32)) }
    }

    /// 64-bit operation.
    #[inline(always)]
    pub fn eval64(self, a: u64, b: u64) -> u64 {
        let (sa, sb) = (a as i64, b as i64);
        match self {
            Bin::Add => a.wrapping_add(b),
            Bin::Sub => a.wrapping_sub(b),
            Bin::Mul => a.wrapping_mul(b),
            Bin::MulHS => ((i128::from(sa) * i128::from(sb)) >> 64) as u64,
            Bin::MulHU => ((u128::from(a) * u128::from(b)) >> 64) as u64,
            Bin::MulHSU => ((i128::from(sa) * i128::from(b)) >> 64) as u64,
            Bin::DivS if b == 0 => u64::MAX,
            Bin::DivS => sa.wrapping_div(sb) as u64,
            Bin::DivU => a.checked_div(b).unwrap_or(u64::MAX),
            Bin::RemS if b == 0 => a,
            Bin::RemS => sa.wrapping_rem(sb) as u64,
            Bin::RemU => a.checked_rem(b).unwrap_or(a),
            Bin::And => a & b,
            Bin::Or => a | b,
            Bin::Xor => a ^ b,
            Bin::Shl => a << (b & 63),
            Bin::ShrU => a >> (b & 63),
            Bin::ShrS => (sa >> (b & 63)) as u64,
            Bin::Rotl => a.rotate_left((b & 63) as u32),
            Bin::Rotr => a.rotate_right((b & 63) as u32),
            Bin::Clmul => clmul(a, b) as u64,
            Bin::ClmulH => (clmul(a, b) >> 64) as u64,
        }
    }

    /// 32-bit operation.
    #[inline(always)]
    pub fn eval32(self, a: u32, b: u32) -> u32 {
        let (sa, sb) = (a as i32, b as i32);
        match self {
            Bin::Add => a.wrapping_add(b),
            Bin::Sub => a.wrapping_sub(b),
            Bin::Mul => a.wrapping_mul(b),
            Bin::MulHS => ((i64::from(sa) * i64::from(sb)) >> 32) as u32,
            Bin::MulHU => ((u64::from(a) * u64::from(b)) >> 32) as u32,
            Bin::MulHSU => ((i64::from(sa) * i64::from(b)) >> 32) as u32,
            Bin::DivS if b == 0 => u32::MAX,
            Bin::DivS => sa.wrapping_div(sb) as u32,
            Bin::DivU => a.checked_div(b).unwrap_or(u32::MAX),
            Bin::RemS if b == 0 => a,
            Bin::RemS => sa.wrapping_rem(sb) as u32,
            Bin::RemU => a.checked_rem(b).unwrap_or(a),
            Bin::And => a & b,
            Bin::Or => a | b,
            Bin::Xor => a ^ b,
            Bin::Shl => a << (b & 31),
            Bin::ShrU => a >> (b & 31),
            Bin::ShrS => (sa >> (b & 31)) as u32,
            Bin::Rotl => a.rotate_left(b & 31),
            Bin::Rotr => a.rotate_right(b & 31),
            Bin::Clmul => clmul(a.into(), b.into()) as u32,
            Bin::ClmulH => (clmul(a.into(), b.into()) >> 32) as u32,
        }
    }
}

/// The carry-less product.
fn clmul(a: u64, b: u64) -> u128 {
    (0..64).filter(|i| b >> i & 1 == 1).fold(0, |p, i| p ^ u128::from(a) << i)
}

impl Cmp {
    /// The result for operands kept zero-extended.
    #[inline(always)]
    pub fn eval(self, ty: Ty, a: u64, b: u64) -> bool {
        let signed = |x: u64| if ty == Ty::I64 { x as i64 } else { i64::from(x as u32 as i32) };
        match self {
            Cmp::Eq => a == b,
            Cmp::Ne => a != b,
            Cmp::LtS => signed(a) < signed(b),
            Cmp::LeS => signed(a) <= signed(b),
            Cmp::LtU => a < b,
            Cmp::LeU => a <= b,
        }
    }
}
