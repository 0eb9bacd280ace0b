//! Register-level tests of the converters.

use super::MODEL;
use hetemu_hw::schema::Value;
use hetemu_hw::testing::{Bench, check, config};

const SR: u64 = 0x00;
const CR1: u64 = 0x04;
const CR2: u64 = 0x08;
const SQR1: u64 = 0x2c;
const SQR3: u64 = 0x34;
const JSQR: u64 = 0x38;
const JDR1: u64 = 0x3c;
const DR: u64 = 0x4c;
const CSR: u64 = 0x300;
const CCR: u64 = 0x304;

/// Virtual time of a conversion: 3 and 12 periods of 16 MHz / 2.
const SPAN: u64 = 15 * 125_000;

fn bench(levels: &str) -> Bench {
    let mut c = config(MODEL.ty, &[], &[]);
    c.props.insert("levels".into(), Value::Str(levels.into()));
    Bench::new((MODEL.create)(&c).expect("a converter"))
}

#[test]
fn every_check() {
    check::all(&MODEL, &[]);
}

#[test]
fn converts_what_stands_at_a_pin() {
    let mut b = bench("3300 1650");
    b.w32(CR1, 1 << 5);
    b.w32(SQR3, 1);
    b.w32(CR2, 1 | 1 << 30);
    b.advance(SPAN - 1);
    assert_eq!((b.r32(SR), b.output(0, 0)), (0x10, false));
    b.advance(1);
    assert_eq!((b.r32(SR), b.r32(CSR), b.output(0, 0)), (0x12, 0x12, true));
    assert_eq!((b.r32(DR), b.r32(SR), b.output(0, 0)), (2047, 0x10, false));
    // Six bits, aligned to the left of a byte.
    b.w32(CR1, 3 << 24);
    b.w32(CR2, 1 | 1 << 11 | 1 << 30);
    b.advance(SPAN);
    assert_eq!(b.r32(DR), 31 << 2);
}

#[test]
fn sequences_overrun_and_injected_ones() {
    let mut b = bench("100 200 300");
    b.w32(CR1, 1 << 8);
    b.w32(SQR1, 2 << 20);
    b.w32(SQR3, 2 << 10 | 1 << 5);
    b.w32(CR2, 1 | 1 << 10 | 1 << 30);
    let mut seen = Vec::new();
    for _ in 0..3 {
        b.advance(SPAN);
        seen.push(b.r32(DR));
    }
    assert_eq!(seen, [124, 248, 372]);
    b.w32(CR2, 1 | 1 << 10 | 1 << 30);
    b.advance(2 * SPAN);
    assert_eq!((b.r32(SR) & 0x22, b.r32(DR)), (0x22, 124));
    b.w32(JSQR, 1 << 20 | 2 << 15 | 1 << 10);
    b.w32(CR2, 1 | 1 << 22);
    assert_eq!((b.r32(JDR1), b.r32(JDR1 + 4), b.r32(SR) & 4), (248, 372, 4));
}

#[test]
fn internal_channels_are_on_the_first() {
    let mut b = bench("");
    b.w32(CCR, 1 << 23);
    for (unit, expected) in [(0, 1501), (0x100, 0)] {
        b.w32(unit + SQR3, 17);
        b.w32(unit + CR2, 1 | 1 << 30);
        b.advance(SPAN);
        assert_eq!(b.r32(unit + DR), expected);
    }
}

#[test]
fn levels_are_numbers() {
    let mut c = config(MODEL.ty, &[], &[]);
    c.props.insert("levels".into(), Value::Str("12 x".into()));
    let error = (MODEL.create)(&c).err().expect("an error");
    assert_eq!(error.message, "`levels` has `x` where millivolts belong");
}
