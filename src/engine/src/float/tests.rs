//! Against the host's unit, which rounds to nearest, and against facts of IEEE 754.

use super::*;
use hetemu_isa::Slot;

fn unit() -> Unit {
    Unit::new(FloatPolicy {
        flags: Slot(0),
        flag_bits: [4, 3, 2, 1, 0],
        default_nan: true,
        legacy_nan: false,
        nan32: 0x7fc0_0000,
        nan64: 0x7ff8_0000_0000_0000,
        tiny_before: false,
        nan_to_int: NanToInt::Max,
    })
}

/// Interesting patterns, and as many random ones.
fn samples(wide: bool) -> Vec<u64> {
    let mut all: Vec<u64> = if wide {
        let one = 1.0f64.to_bits();
        vec![
            0,
            1,
            2,
            0xf_ffff_ffff_ffff,
            0x10_0000_0000_0000,
            0x10_0000_0000_0001,
            one - 1,
            one,
            one + 1,
        ]
        .into_iter()
        .chain([0x7fef_ffff_ffff_ffff, 0x7ff0_0000_0000_0000, 0x7ff8_0000_0000_0000])
        .chain([0x7ff0_0000_0000_0001, 3.5f64.to_bits(), 2e-308f64.to_bits(), 1e300f64.to_bits()])
        .chain([1e-160f64.to_bits(), 0x41df_ffff_ffc0_0000, 0x43e0_0000_0000_0000])
        .flat_map(|x| [x, x | 1 << 63])
        .collect()
    } else {
        let one = 1.0f32.to_bits();
        [0, 1, 2, 0x7f_ffff, 0x80_0000, 0x80_0001, one - 1, one, one + 1, 0x7f7f_ffff, 0x7f80_0000]
            .into_iter()
            .chain([0x7fc0_0000, 0x7f80_0001, 3.5f32.to_bits(), 1e-20f32.to_bits(), 0x4f00_0000])
            .flat_map(|x| [u64::from(x), u64::from(x | 1 << 31)])
            .collect()
    };
    let mut seed = 0x9e37_79b9_7f4a_7c15u64;
    for i in 0..150 {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        // Half of them with close exponents, so that sums and quotients meet.
        let near = if wide { seed >> 6 | 0x3fc0 << 48 } else { seed >> 38 | 0x3f00_0000 };
        let any = if i % 2 == 0 { seed } else { near };
        all.push(if wide { any } else { any & 0xffff_ffff });
    }
    all
}

/// A result with every NaN as one.
fn same(wide: bool, a: u64, b: u64) -> bool {
    let nan =
        |x: u64| if wide { f64::from_bits(x).is_nan() } else { f32::from_bits(x as u32).is_nan() };
    a == b || nan(a) && nan(b)
}

#[test]
fn agrees_with_the_host_to_nearest() {
    let u = unit();
    for a in samples(true) {
        let x = f64::from_bits(a);
        assert!(same(true, u.sqrt(Round::Near, true, a).0, x.sqrt().to_bits()), "sqrt {x:e}");
        let narrow = (x as f32).to_bits().into();
        assert!(same(false, u.convert(Round::Near, true, false, a).0, narrow), "narrow {x:e}");
        for b in samples(true) {
            let y = f64::from_bits(b);
            let near = |op| u.bin(op, Round::Near, true, a, b).0;
            assert!(same(true, near(FBin::Add), (x + y).to_bits()), "{x:e} + {y:e}");
            assert!(same(true, near(FBin::Sub), (x - y).to_bits()), "{x:e} - {y:e}");
            assert!(same(true, near(FBin::Mul), (x * y).to_bits()), "{x:e} * {y:e}");
            assert!(same(true, near(FBin::Div), (x / y).to_bits()), "{x:e} / {y:e}");
            for c in [a, b, a ^ 1 << 63, (x * y).to_bits() ^ 1 << 63, 1, 0x3ff0_0000_0000_0000] {
                let got = u.fma(Round::Near, true, [a, b, c], false, false).0;
                let want = x.mul_add(y, f64::from_bits(c)).to_bits();
                assert!(same(true, got, want), "fma {x:e} {y:e} {:e}", f64::from_bits(c));
            }
            assert_eq!(u.cmp(FCmp::Eq, true, a, b).0, x == y);
            assert_eq!(u.cmp(FCmp::Lt, true, a, b).0, x < y);
            assert_eq!(u.cmp(FCmp::Le, true, a, b).0, x <= y);
        }
    }
    for a in samples(false) {
        let x = f32::from_bits(a as u32);
        assert!(same(false, u.sqrt(Round::Near, false, a).0, x.sqrt().to_bits().into()), "{x:e}");
        assert!(same(true, u.convert(Round::Near, false, true, a).0, f64::from(x).to_bits()));
        for b in samples(false) {
            let y = f32::from_bits(b as u32);
            let near = |op| u.bin(op, Round::Near, false, a, b).0;
            assert!(same(false, near(FBin::Add), (x + y).to_bits().into()), "{x:e} + {y:e}");
            assert!(same(false, near(FBin::Mul), (x * y).to_bits().into()), "{x:e} * {y:e}");
            assert!(same(false, near(FBin::Div), (x / y).to_bits().into()), "{x:e} / {y:e}");
            let got = u.fma(Round::Near, false, [a, b, a], false, true).0;
            assert!(same(false, got, x.mul_add(y, -x).to_bits().into()), "fma {x:e} {y:e}");
        }
    }
}

#[test]
fn integers() {
    let u = unit();
    for a in samples(true) {
        let x = f64::from_bits(a);
        if x.is_nan() {
            continue;
        }
        assert_eq!(u.to_int(Round::Zero, true, true, true, a).0, x as i64 as u64, "{x:e}");
        assert_eq!(u.to_int(Round::Zero, true, true, false, a).0, x as u64, "{x:e}");
        assert_eq!(u.to_int(Round::Zero, true, false, true, a).0, (x as i32 as u32).into());
        assert_eq!(u.to_int(Round::Zero, true, false, false, a).0, (x as u32).into());
        // Patterns are good integers, too.
        assert_eq!(u.from_int(Round::Near, true, true, true, a).0, (a as i64 as f64).to_bits());
        assert_eq!(u.from_int(Round::Near, true, true, false, a).0, (a as f64).to_bits());
        assert_eq!(
            u.from_int(Round::Near, false, true, true, a).0,
            (a as i64 as f32).to_bits().into()
        );
        assert_eq!(
            u.from_int(Round::Near, false, false, false, a).0,
            (a as u32 as f32).to_bits().into()
        );
    }
    // The flags of values that round into range, and out of it.
    let cases = [(-0.5, 0, INEXACT), (-1.0, 0, INVALID), (4294967295.5, 0xffff_ffff, INVALID)];
    for (x, value, flags) in cases {
        assert_eq!(
            u.to_int(Round::Near, true, false, false, f64::to_bits(x)),
            (value, flags),
            "{x}"
        );
    }
}

#[test]
fn every_rounding_brackets_the_exact_result() {
    let u = unit();
    for a in samples(true) {
        for b in samples(true) {
            let at = |r| u.bin(FBin::Mul, r, true, a, b);
            let (down, flags) = at(Round::Down);
            let (up, _) = at(Round::Up);
            let (d, p) = (f64::from_bits(down), f64::from_bits(up));
            if d.is_nan() {
                continue;
            }
            if flags & INEXACT == 0 {
                assert_eq!(down, up);
                continue;
            }
            assert_eq!(
                ordered(Format::of(true), down) + 1,
                ordered(Format::of(true), up),
                "{d:e} {p:e}"
            );
            let near = at(Round::Near).0;
            assert!(near == down || near == up);
            let toward = at(Round::Zero).0;
            assert_eq!(toward, if d.is_sign_negative() { up } else { down });
        }
    }
}

#[test]
fn tininess_is_decided_after_rounding() {
    let u = unit();
    let smallest = f64::MIN_POSITIVE;
    // Just below the smallest normal number: rounds to it at subnormal precision. With an unbounded
    // exponent (1 - 2^-54) rounds up to it (not tiny), (1 - 2^-53) stays below it (tiny).
    let near_one = |ulps: i32| 1.0 - f64::EPSILON / 2.0 * f64::from(ulps);
    let product = |x: f64| u.bin(FBin::Mul, Round::Near, true, smallest.to_bits(), x.to_bits());
    assert_eq!(product(near_one(1)), (smallest.to_bits(), UNDERFLOW | INEXACT));
    let [a, b] = [smallest * (1.0 + f64::EPSILON), near_one(2)].map(f64::to_bits);
    // (1 + 2^-52)(1 - 2^-52) = 1 - 2^-104.
    assert_eq!(u.bin(FBin::Mul, Round::Near, true, a, b), (smallest.to_bits(), INEXACT));
    let before = Unit::new(FloatPolicy { tiny_before: true, ..u.policy });
    assert_eq!(before.bin(FBin::Mul, Round::Near, true, a, b).1, UNDERFLOW | INEXACT);
}

#[test]
fn flags_and_nans() {
    let u = unit();
    let [inf, zero, one] = [f64::INFINITY, 0.0, 1.0].map(f64::to_bits);
    let (nan, signalling) = (u.policy.nan64, 0x7ff0_0000_0000_0001);
    let bin = |op, a, b| u.bin(op, Round::Near, true, a, b);
    assert_eq!(bin(FBin::Sub, inf, inf), (nan, INVALID));
    assert_eq!(bin(FBin::Mul, inf, zero), (nan, INVALID));
    assert_eq!(bin(FBin::Div, one, zero), (inf, DIV_BY_ZERO));
    assert_eq!(bin(FBin::Div, zero, zero), (nan, INVALID));
    assert_eq!(bin(FBin::Add, nan, one), (nan, 0));
    assert_eq!(bin(FBin::Add, signalling, one), (nan, INVALID));
    assert_eq!(bin(FBin::Min, signalling, one), (one, INVALID));
    assert_eq!(bin(FBin::Max, nan, nan), (nan, 0));
    assert_eq!(bin(FBin::Min, zero, zero | 1 << 63).0, 1 << 63);
    assert_eq!(bin(FBin::Max, zero | 1 << 63, zero).0, zero);
    assert_eq!(u.fma(Round::Near, true, [inf, zero, nan], false, false), (nan, INVALID));
    assert_eq!(u.cmp(FCmp::Eq, true, nan, one), (false, 0));
    assert_eq!(u.cmp(FCmp::Lt, true, nan, one), (false, INVALID));
    assert_eq!(u.cmp(FCmp::LtQ, true, nan, one), (false, 0));
    assert_eq!(u.flag_bits(INVALID | INEXACT), 0b1_0001);
    assert_eq!(u.unbox(0x3f80_0000), 0x7fc0_0000);
    let classes = [f64::NEG_INFINITY, -1.0, -1e-310, -0.0, 0.0, 1e-310, 1.0, f64::INFINITY];
    for (i, x) in classes.into_iter().enumerate() {
        assert_eq!(u.class(true, x.to_bits()), 1 << i, "{x}");
    }
    assert_eq!((u.class(true, signalling), u.class(true, nan)), (1 << 8, 1 << 9));
    let max = f64::MAX.to_bits();
    assert_eq!(u.bin(FBin::Add, Round::Near, true, max, max), (inf, OVERFLOW | INEXACT));
    assert_eq!(u.bin(FBin::Add, Round::Zero, true, max, max), (max, OVERFLOW | INEXACT));
}
