//! Bus-level tests of the clock.

use super::regs::*;
use super::{MODEL, MODEL_2};
use hetemu_hw::testing::{Bench, check};

const SECOND: u64 = 1_000_000_000_000;
/// 2023-11-14 22:13:20, a Tuesday.
const START: u64 = 1_700_000_000_000_000_000;

fn rtc() -> Bench {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.cx.wall_base_ns = START;
    b.reset();
    get(&mut b, C);
    b
}

fn get(b: &mut Bench, register: u8) -> u64 {
    b.w8(0, register.into());
    b.r8(1)
}

fn set(b: &mut Bench, register: u8, value: u8) {
    b.w8(0, register.into());
    b.w8(1, value.into());
}

fn time(b: &mut Bench) -> [u64; 8] {
    [CENTURY, YEAR, MONTH, DAY, WEEKDAY, HOURS, MINUTES, SECONDS].map(|r| get(b, r))
}

#[test]
fn every_check() {
    check::all(&MODEL, &[]);
    check::all(&MODEL_2, &[("base_year", 2000)]);
}

#[test]
fn tells_the_time_in_every_form() {
    let mut b = rtc();
    assert_eq!(time(&mut b), [0x20, 0x23, 0x11, 0x14, 3, 0x22, 0x13, 0x20]);
    set(&mut b, B, B_24 | B_DM);
    assert_eq!(time(&mut b), [20, 23, 11, 14, 3, 22, 13, 20]);
    set(&mut b, B, 0);
    assert_eq!(get(&mut b, HOURS), 0x90, "ten in the evening");
    b.advance(47 * SECOND);
    assert_eq!([get(&mut b, MINUTES), get(&mut b, SECONDS)], [0x14, 0x07]);
}

#[test]
fn can_be_set_and_runs_on_from_there() {
    let mut b = rtc();
    set(&mut b, B, B_24 | B_SET);
    for (r, v) in [(CENTURY, 0x20), (YEAR, 0x24), (MONTH, 2), (DAY, 0x28), (HOURS, 0x23)] {
        set(&mut b, r, v);
    }
    set(&mut b, MINUTES, 0x59);
    set(&mut b, SECONDS, 0x58);
    b.advance(10 * SECOND);
    assert_eq!(get(&mut b, SECONDS), 0x58, "it stands");
    set(&mut b, B, B_24);
    b.advance(2 * SECOND);
    assert_eq!(time(&mut b), [0x20, 0x24, 2, 0x29, 5, 0, 0, 0], "2024 is a leap year");
    b.reset();
    b.advance(SECOND);
    assert_eq!(get(&mut b, SECONDS), 1, "the battery keeps it");
}

#[test]
fn an_update_shows_and_interrupts() {
    let mut b = rtc();
    assert_eq!(get(&mut b, A), 0x26);
    b.advance(SECOND - 1_000_000_000);
    assert_eq!(get(&mut b, A), 0xa6);
    set(&mut b, B, B_24 | B_UIE);
    assert!(!b.output(0, 0));
    b.advance(1_000_000_000);
    assert!(b.output(0, 0));
    assert_eq!(get(&mut b, C), (C_IRQF | C_UF | C_PF).into());
    assert!(!b.output(0, 0));
    assert_eq!(get(&mut b, C), 0);
}

#[test]
fn an_alarm_rings() {
    let mut b = rtc();
    set(&mut b, SECONDS_ALARM, 0x25);
    set(&mut b, MINUTES_ALARM, 0x13);
    set(&mut b, HOURS_ALARM, 0xff);
    set(&mut b, B, B_24 | B_AIE);
    b.advance(4 * SECOND);
    assert!(!b.output(0, 0));
    b.advance(SECOND);
    assert!(b.output(0, 0));
    assert_ne!(get(&mut b, C) & u64::from(C_AF), 0);
}

#[test]
fn periods_come_1024_times_a_second() {
    let mut b = rtc();
    set(&mut b, B, B_24 | B_PIE);
    let mut count = 0;
    for _ in 0..4096 {
        b.advance(SECOND / 4096);
        if b.output(0, 0) {
            count += 1;
            get(&mut b, C);
        }
    }
    assert_eq!(count, 1024);
}
