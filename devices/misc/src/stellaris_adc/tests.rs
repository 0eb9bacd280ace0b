//! Bus-level tests of the converter.

use super::*;
use hetemu_hw::testing::{Bench, check};

/// Of a sample.
const US: u64 = 1_000_000;

#[test]
fn every_check() {
    check::all(&MODEL, &[]);
    check::all(&MODEL, &[("ain0", 1023), ("ain1", 5), ("temperature", 147)]);
}

fn adc() -> Bench {
    let props = [("ain0", 100), ("ain1", 300), ("ain2", 1023), ("ain3", 1)];
    Bench::of(&MODEL, &props, &[])
}

#[test]
fn a_sequence_of_samples() {
    let mut b = adc();
    b.w32(reg::ADCSSMUX0, 0x10_3210);
    b.w32(reg::ADCSSCTL0, 0x68_1000);
    b.w32(reg::ADCIM, 1);
    b.w32(reg::ADCPSSI, 1);
    b.advance(10 * US);
    assert_eq!(b.r32(reg::ADCSSFSTAT0), 0x100, "not enabled");
    b.w32(reg::ADCACTSS, 1);
    b.w32(reg::ADCPSSI, 1);
    b.advance(6 * US - 1);
    assert!(!b.output(0, 0));
    b.advance(1);
    assert_eq!((b.output(0, 0), b.r32(reg::ADCRIS), b.r32(reg::ADCSSFSTAT0)), (true, 1, 0x60));
    // Pins 0 to 2, pair 3 (the same two pins twice over), the temperature, pin 1.
    let values: Vec<u64> = (0..6).map(|_| b.r32(reg::ADCSSFIFO0)).collect();
    assert_eq!(values, [100, 300, 1023, 1023, 556, 300]);
    assert_eq!(b.r32(reg::ADCSSFSTAT0), 0x166);
    b.r32(reg::ADCSSFIFO0);
    assert_eq!(b.r32(reg::ADCUSTAT), 1);
    b.w32(reg::ADCISC, 1);
    assert!(!b.output(0, 0));
}

#[test]
fn pairs_are_differences() {
    let mut b = adc();
    b.w32(reg::ADCSSMUX1, 0x10);
    b.w32(reg::ADCSSCTL1, 0x31);
    b.w32(reg::ADCACTSS, 2);
    b.w32(reg::ADCPSSI, 2);
    b.advance(2 * US);
    assert_eq!([reg::ADCSSFIFO1; 2].map(|at| b.r32(at)), [412, 1023]);
}

#[test]
fn priorities_decide_and_full_fifos_overflow() {
    let mut b = adc();
    b.w32(reg::ADCSSCTL1, 6);
    b.w32(reg::ADCSSCTL3, 6);
    b.w32(reg::ADCSSPRI, 0x0213);
    b.w32(reg::ADCACTSS, 0xa);
    b.w32(reg::ADCPSSI, 0xa);
    b.advance(US);
    assert_eq!(b.r32(reg::ADCRIS), 8);
    b.advance(US);
    assert_eq!(b.r32(reg::ADCRIS), 0xa);
    b.w32(reg::ADCPSSI, 8);
    b.advance(US);
    assert_eq!((b.r32(reg::ADCOSTAT), b.r32(reg::ADCSSFSTAT3)), (8, 0x1000));
}

#[test]
fn timers_trigger_and_some_never_stop() {
    let mut b = adc();
    b.w32(reg::ADCTMLB, 1);
    b.w32(reg::ADCSSCTL2, 6);
    b.w32(reg::ADCEMUX, 0x500);
    b.w32(reg::ADCACTSS, 4);
    b.w32(reg::ADCPSSI, 4);
    assert!(b.cx.timers.is_empty());
    b.signal(0, 2, true);
    b.advance(US);
    assert_eq!(b.r32(reg::ADCRIS), 4);
    b.w32(reg::ADCEMUX, 0xf00);
    b.advance(3 * US);
    let values: Vec<u64> = (0..4).map(|_| b.r32(reg::ADCSSFIFO2)).collect();
    assert_eq!(values, [0, 0x40, 0x80, 0xc0]);
}
