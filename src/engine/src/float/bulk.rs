//! One float operation over many elements, for vector instructions.
//!
//! The unit defines every result. Where the host's unit gives the same (IEEE 754 binary formats,
//! its own rounding and exceptions, tininess after rounding) it does the work, many elements at a
//! time; any NaN sends the whole operation to the unit, which knows the policy's.
#![allow(unsafe_code)]

use super::Unit;
use hetemu_isa::ir::{FloatOp, Round};

/// The bytes of a result element of an operation.
fn result_bytes(op: FloatOp, wide: bool) -> usize {
    match op {
        FloatOp::Cmp(_) => 1,
        FloatOp::Convert(to) | FloatOp::ToInt(to, _) => 4 << u8::from(to),
        _ => 4 << u8::from(wide),
    }
}

/// The bytes of an operand element.
fn operand_bytes(op: FloatOp, wide: bool) -> usize {
    match op {
        FloatOp::FromInt(from, _) => 4 << u8::from(from),
        _ => 4 << u8::from(wide),
    }
}

/// Runs an operation: see [`hetemu_isa::Env::floats`].
pub fn run(
    unit: &Unit,
    op: FloatOp,
    round: Round,
    wide: bool,
    args: [&[u8]; 3],
    out: &mut [u8],
) -> u8 {
    #[cfg(target_arch = "x86_64")]
    if unit.policy.default_nan
        && !unit.policy.tiny_before
        && let Some(flags) = host::run(op, round, wide, args, out)
    {
        return flags;
    }
    soft(unit, op, round, wide, args, out)
}

fn soft(
    unit: &Unit,
    op: FloatOp,
    round: Round,
    wide: bool,
    args: [&[u8]; 3],
    out: &mut [u8],
) -> u8 {
    let bytes = operand_bytes(op, wide);
    let get = |from: &[u8], i: usize| {
        let mut raw = [0; 8];
        if let Some(part) = from.get(i * bytes..(i + 1) * bytes) {
            raw[..bytes].copy_from_slice(part);
        }
        u64::from_le_bytes(raw)
    };
    let mut all = 0;
    for (i, element) in out.chunks_exact_mut(result_bytes(op, wide)).enumerate() {
        let [a, b, c] = args.map(|x| get(x, i));
        let (value, flags) = match op {
            FloatOp::Bin(op) => unit.bin(op, round, wide, a, b),
            FloatOp::Sqrt => unit.sqrt(round, wide, a),
            FloatOp::Fma(product, addend) => unit.fma(round, wide, [a, b, c], product, addend),
            FloatOp::Cmp(op) => {
                let (holds, flags) = unit.cmp(op, wide, a, b);
                (u64::from(holds), flags)
            }
            FloatOp::Convert(to) => unit.convert(round, wide, to, a),
            FloatOp::ToInt(to, signed) => unit.to_int(round, wide, to, signed, a),
            FloatOp::FromInt(from, signed) => unit.from_int(round, wide, from, signed, a),
        };
        all |= flags;
        let n = element.len();
        element.copy_from_slice(&value.to_le_bytes()[..n]);
    }
    all
}

#[cfg(target_arch = "x86_64")]
mod host {
    use hetemu_isa::ir::{FBin, FCmp, FloatOp, Round};
    use std::arch::asm;
    use std::hint::black_box;

    /// A loop over elements; false if the unit must do it.
    type Kernel = unsafe fn([&[u8]; 3], &mut [u8]) -> bool;

    fn control() -> u32 {
        let mut csr = 0u32;
        // SAFETY: stores the control register into the variable.
        unsafe { asm!("stmxcsr [{}]", in(reg) &mut csr, options(nostack, preserves_flags)) };
        csr
    }

    fn set_control(csr: u32) {
        // SAFETY: callers put back what they found before any other code runs.
        unsafe { asm!("ldmxcsr [{}]", in(reg) &csr, options(nostack, preserves_flags)) };
    }

    /// Runs the operation if the host can; the exceptions.
    pub(super) fn run(
        op: FloatOp,
        round: Round,
        wide: bool,
        args: [&[u8]; 3],
        out: &mut [u8],
    ) -> Option<u8> {
        let kernel = kernel(op, wide)?;
        let rounding = match round {
            Round::Near => 0,
            Round::Down => 1,
            Round::Up => 2,
            Round::Zero => 3,
            Round::NearMax => return None,
        };
        let before = control();
        set_control(0x1f80 | rounding << 13);
        // The call is opaque, so that it stays between the two changes of the register.
        // SAFETY: `kernel` gives what the host's features allow.
        let done = unsafe { black_box(kernel)(args, out) };
        let after = control();
        set_control(before);
        done.then_some((after & 1 | after >> 1 & 0x1e) as u8)
    }

    macro_rules! kernels {
        ($module:ident, $float:ty, $bits:ty, $exponent:literal) => {
            mod $module {
                const EXPONENT: $bits = $exponent;
                const SIZE: usize = size_of::<$float>();

                fn get(x: &[u8]) -> $float {
                    let mut raw = [0; SIZE];
                    raw.copy_from_slice(x);
                    <$float>::from_le_bytes(raw)
                }

                fn nan(x: $float) -> bool {
                    x.to_bits() << 1 > EXPONENT << 1
                }

                /// As an integer that orders like the number, -0 below +0.
                fn key(x: $float) -> $bits {
                    let bits = x.to_bits();
                    let sign = <$bits>::MAX << (SIZE * 8 - 1);
                    if bits & sign != 0 { !bits } else { bits | sign }
                }

                #[inline(always)]
                pub(super) fn two(
                    [a, b, _]: [&[u8]; 3],
                    out: &mut [u8],
                    f: impl Fn($float, $float) -> $float,
                ) -> bool {
                    let mut bad = false;
                    let pairs = a.chunks_exact(SIZE).zip(b.chunks_exact(SIZE));
                    for ((a, b), to) in pairs.zip(out.chunks_exact_mut(SIZE)) {
                        let value = f(get(a), get(b));
                        bad |= nan(value);
                        to.copy_from_slice(&value.to_le_bytes());
                    }
                    !bad
                }

                #[inline(always)]
                pub(super) fn three(
                    [a, b, c]: [&[u8]; 3],
                    out: &mut [u8],
                    f: impl Fn($float, $float, $float) -> $float,
                ) -> bool {
                    let mut bad = false;
                    let args = a.chunks_exact(SIZE).zip(b.chunks_exact(SIZE));
                    let args = args.zip(c.chunks_exact(SIZE));
                    for (((a, b), c), to) in args.zip(out.chunks_exact_mut(SIZE)) {
                        let value = f(get(a), get(b), get(c));
                        bad |= nan(value);
                        to.copy_from_slice(&value.to_le_bytes());
                    }
                    !bad
                }

                #[inline(always)]
                fn compare(
                    [a, b, _]: [&[u8]; 3],
                    out: &mut [u8],
                    f: impl Fn($float, $float) -> bool,
                ) -> bool {
                    let mut bad = false;
                    let pairs = a.chunks_exact(SIZE).zip(b.chunks_exact(SIZE));
                    for ((a, b), to) in pairs.zip(out) {
                        let (a, b) = (get(a), get(b));
                        bad |= nan(a) | nan(b);
                        *to = u8::from(f(a, b));
                    }
                    !bad
                }

                pub(super) unsafe fn add(args: [&[u8]; 3], out: &mut [u8]) -> bool {
                    two(args, out, |a, b| a + b)
                }
                pub(super) unsafe fn sub(args: [&[u8]; 3], out: &mut [u8]) -> bool {
                    two(args, out, |a, b| a - b)
                }
                pub(super) unsafe fn mul(args: [&[u8]; 3], out: &mut [u8]) -> bool {
                    two(args, out, |a, b| a * b)
                }
                pub(super) unsafe fn div(args: [&[u8]; 3], out: &mut [u8]) -> bool {
                    two(args, out, |a, b| a / b)
                }
                /// Any NaN operand goes to the unit, so order is all that is left.
                pub(super) unsafe fn min(args: [&[u8]; 3], out: &mut [u8]) -> bool {
                    let pick = |a, b| if nan(a) || key(b) >= key(a) && !nan(b) { a } else { b };
                    two(args, out, pick)
                }
                pub(super) unsafe fn max(args: [&[u8]; 3], out: &mut [u8]) -> bool {
                    let pick = |a, b| if nan(a) || key(b) <= key(a) && !nan(b) { a } else { b };
                    two(args, out, pick)
                }
                pub(super) unsafe fn sqrt(args: [&[u8]; 3], out: &mut [u8]) -> bool {
                    two([args[0], args[0], &[]], out, |a, _| a.sqrt())
                }
                pub(super) unsafe fn eq(args: [&[u8]; 3], out: &mut [u8]) -> bool {
                    compare(args, out, |a, b| a == b)
                }
                pub(super) unsafe fn lt(args: [&[u8]; 3], out: &mut [u8]) -> bool {
                    compare(args, out, |a, b| a < b)
                }
                pub(super) unsafe fn le(args: [&[u8]; 3], out: &mut [u8]) -> bool {
                    compare(args, out, |a, b| a <= b)
                }
                #[target_feature(enable = "avx2,fma")]
                pub(super) unsafe fn fma(args: [&[u8]; 3], out: &mut [u8]) -> bool {
                    three(args, out, |a, b, c| a.mul_add(b, c))
                }
                #[target_feature(enable = "avx2,fma")]
                pub(super) unsafe fn fms(args: [&[u8]; 3], out: &mut [u8]) -> bool {
                    three(args, out, |a, b, c| a.mul_add(b, -c))
                }
                #[target_feature(enable = "avx2,fma")]
                pub(super) unsafe fn fnma(args: [&[u8]; 3], out: &mut [u8]) -> bool {
                    three(args, out, |a, b, c| (-a).mul_add(b, c))
                }
                #[target_feature(enable = "avx2,fma")]
                pub(super) unsafe fn fnms(args: [&[u8]; 3], out: &mut [u8]) -> bool {
                    three(args, out, |a, b, c| (-a).mul_add(b, -c))
                }
            }
        };
    }
    kernels!(single, f32, u32, 0x7f80_0000);
    kernels!(double, f64, u64, 0x7ff0_0000_0000_0000);

    /// Converts elements that are no NaN.
    unsafe fn widen(args: [&[u8]; 3], out: &mut [u8]) -> bool {
        let mut bad = false;
        for (a, to) in args[0].chunks_exact(4).zip(out.chunks_exact_mut(8)) {
            let mut raw = [0; 4];
            raw.copy_from_slice(a);
            let value = f64::from(f32::from_le_bytes(raw));
            bad |= value.is_nan();
            to.copy_from_slice(&value.to_le_bytes());
        }
        !bad
    }

    unsafe fn narrow(args: [&[u8]; 3], out: &mut [u8]) -> bool {
        let mut bad = false;
        for (a, to) in args[0].chunks_exact(8).zip(out.chunks_exact_mut(4)) {
            let mut raw = [0; 8];
            raw.copy_from_slice(a);
            let value = f64::from_le_bytes(raw) as f32;
            bad |= value.is_nan();
            to.copy_from_slice(&value.to_le_bytes());
        }
        !bad
    }

    fn kernel(op: FloatOp, wide: bool) -> Option<Kernel> {
        macro_rules! of {
            ($name:ident) => {
                Some(if wide { double::$name as Kernel } else { single::$name })
            };
        }
        match op {
            FloatOp::Bin(FBin::Add) => of!(add),
            FloatOp::Bin(FBin::Sub) => of!(sub),
            FloatOp::Bin(FBin::Mul) => of!(mul),
            FloatOp::Bin(FBin::Div) => of!(div),
            FloatOp::Bin(FBin::Min) => of!(min),
            FloatOp::Bin(FBin::Max) => of!(max),
            FloatOp::Sqrt => of!(sqrt),
            FloatOp::Cmp(FCmp::Eq) => of!(eq),
            FloatOp::Cmp(FCmp::Lt | FCmp::LtQ) => of!(lt),
            FloatOp::Cmp(FCmp::Le | FCmp::LeQ) => of!(le),
            FloatOp::Fma(product, addend)
                if is_x86_feature_detected!("fma") && is_x86_feature_detected!("avx2") =>
            {
                match (product, addend) {
                    (false, false) => of!(fma),
                    (false, true) => of!(fms),
                    (true, false) => of!(fnma),
                    (true, true) => of!(fnms),
                }
            }
            FloatOp::Convert(true) if !wide => Some(widen),
            FloatOp::Convert(false) if wide => Some(narrow),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Random, toy};
    use hetemu_isa::ir::{FBin, FCmp};

    const OPS: [FloatOp; 20] = [
        FloatOp::Bin(FBin::Add),
        FloatOp::Bin(FBin::Sub),
        FloatOp::Bin(FBin::Mul),
        FloatOp::Bin(FBin::Div),
        FloatOp::Bin(FBin::Min),
        FloatOp::Bin(FBin::Max),
        FloatOp::Sqrt,
        FloatOp::Fma(false, false),
        FloatOp::Fma(false, true),
        FloatOp::Fma(true, false),
        FloatOp::Fma(true, true),
        FloatOp::Cmp(FCmp::Eq),
        FloatOp::Cmp(FCmp::Lt),
        FloatOp::Cmp(FCmp::LeQ),
        FloatOp::Convert(false),
        FloatOp::Convert(true),
        FloatOp::ToInt(false, true),
        FloatOp::ToInt(true, false),
        FloatOp::FromInt(false, true),
        FloatOp::FromInt(true, false),
    ];

    /// Numbers near the edges of a format, few NaNs.
    fn number(r: &mut Random, wide: bool) -> u64 {
        let (fraction, exponent) = if wide { (52, 11) } else { (23, 8) };
        let top = (1u64 << exponent) - 1;
        let e = match r.below(10) {
            0 => 0,
            1 => 1,
            2 => top - 1,
            3 if r.below(4) == 0 => top,
            4..=6 => top / 2 + r.below(60) - 30 + r.below(2),
            _ => r.below(top),
        };
        let f = r.edge() & ((1 << fraction) - 1);
        let f = if e == top && r.below(2) == 0 { 0 } else { f };
        r.below(2) << (fraction + exponent) | e << fraction | f
    }

    #[test]
    fn the_host_gives_what_the_unit_does() {
        let unit = Unit::new(toy::layout(64).float);
        let mut r = Random::new(5);
        let rounds = [Round::Near, Round::Zero, Round::Down, Round::Up, Round::NearMax];
        for i in 0..40_000 {
            let (op, round, wide) = (r.pick(&OPS), r.pick(&rounds), r.below(2) == 1);
            let n = 1 + r.below(9) as usize;
            let bytes = operand_bytes(op, wide);
            let [a, b, c] = [0; 3].map(|_| {
                let mut all = Vec::new();
                for _ in 0..n {
                    let raw = match op {
                        FloatOp::FromInt(..) => r.edge(),
                        _ => number(&mut r, wide),
                    };
                    all.extend_from_slice(&raw.to_le_bytes()[..bytes]);
                }
                all
            });
            let args = [&a[..], &b[..], &c[..]];
            let mut want = vec![0; n * result_bytes(op, wide)];
            let mut found = want.clone();
            let flags = soft(&unit, op, round, wide, args, &mut want);
            let got = run(&unit, op, round, wide, args, &mut found);
            assert_eq!((found, got), (want, flags), "{i}: {op:?} {round:?} {wide} {args:x?}");
        }
    }
}
