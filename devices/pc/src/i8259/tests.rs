//! Bus-level tests of the 8259A.

use super::regs::*;
use super::{IN, MODEL};
use hetemu_hw::testing::{Bench, check};

/// A master with vectors from 0x20 and a slave at input 2, as PCs have it.
fn master(icw4: u64) -> Bench {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w8(COMMAND, 0x11);
    b.w8(DATA, 0x20);
    b.w8(DATA, 0x04);
    b.w8(DATA, icw4);
    b
}

fn ack(b: &mut Bench) -> u32 {
    b.dev.acknowledge(&mut b.cx, 0, 0).expect("a vector")
}

#[test]
fn every_check() {
    check::all(&MODEL, &[]);
}

#[test]
fn the_lowest_number_comes_first_and_ends() {
    let mut b = master(1);
    b.signal(IN, 4, true);
    b.signal(IN, 1, true);
    assert!(b.output(0, 0));
    assert_eq!(ack(&mut b), 0x21);
    assert!(!b.output(0, 0), "4 waits for the end of 1");
    b.w8(COMMAND, 0x0b);
    assert_eq!(b.r8(COMMAND), 0x02);
    b.w8(COMMAND, 0x20);
    assert!(b.output(0, 0));
    assert_eq!(ack(&mut b), 0x24);
    b.w8(COMMAND, 0x64);
    assert_eq!(b.r8(COMMAND), 0);
}

#[test]
fn an_edge_counts_once_and_a_line_that_falls_is_spurious() {
    let mut b = master(1);
    b.signal(IN, 3, true);
    assert_eq!(ack(&mut b), 0x23);
    b.w8(COMMAND, 0x20);
    assert!(!b.output(0, 0), "still high, no new edge");
    b.signal(IN, 3, false);
    b.signal(IN, 3, true);
    assert!(b.output(0, 0));
    b.signal(IN, 3, false);
    assert!(!b.output(0, 0));
    assert_eq!(ack(&mut b), 0x27);
    b.w8(COMMAND, 0x0b);
    assert_eq!(b.r8(COMMAND), 0, "the spurious one is not in service");
}

#[test]
fn level_triggered_inputs_ask_again() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w8(COMMAND, 0x1b);
    b.w8(DATA, 0x40);
    b.w8(DATA, 1);
    b.signal(IN, 5, true);
    assert_eq!(ack(&mut b), 0x45);
    b.w8(COMMAND, 0x20);
    assert!(b.output(0, 0));
    b.signal(IN, 5, false);
    assert!(!b.output(0, 0));
}

#[test]
fn masks_hide_and_special_mask_lets_lower_ones_through() {
    let mut b = master(1);
    b.w8(DATA, 0x02);
    b.signal(IN, 1, true);
    assert!(!b.output(0, 0));
    b.signal(IN, 0, true);
    assert_eq!(ack(&mut b), 0x20);
    b.signal(IN, 6, true);
    assert!(!b.output(0, 0));
    b.w8(DATA, 0x03);
    b.w8(COMMAND, 0x68);
    assert_eq!((b.output(0, 0), ack(&mut b)), (true, 0x26));
}

#[test]
fn a_slave_answers_for_its_input() {
    let mut b = master(1);
    b.cx.vectors.insert((IN, 2), 0x73);
    b.signal(IN, 2, true);
    assert_eq!(ack(&mut b), 0x73);
    b.w8(COMMAND, 0x0b);
    assert_eq!(b.r8(COMMAND), 0x04);
}

#[test]
fn priorities_rotate() {
    let mut b = master(1);
    b.w8(COMMAND, 0xc3);
    b.signal(IN, 3, true);
    b.signal(IN, 4, true);
    assert_eq!(ack(&mut b), 0x24, "3 is the lowest now");
    b.w8(COMMAND, 0xa0);
    b.signal(IN, 5, true);
    assert_eq!(ack(&mut b), 0x25, "4 was served and is the lowest");
}

#[test]
fn interrupts_end_by_themselves_if_they_are_told_to() {
    let mut b = master(3);
    b.signal(IN, 0, true);
    assert_eq!(ack(&mut b), 0x20);
    b.w8(COMMAND, 0x0b);
    assert_eq!(b.r8(COMMAND), 0);
}

#[test]
fn a_poll_acknowledges() {
    let mut b = master(1);
    b.signal(IN, 6, true);
    b.w8(COMMAND, 0x0c);
    assert_eq!(b.r8(COMMAND), 0x86);
    b.w8(COMMAND, 0x0c);
    assert_eq!(b.r8(COMMAND), 0);
}

#[test]
fn an_input_may_be_a_level() {
    let mut b = master(1);
    b.signal(super::LEVEL, 3, true);
    b.signal(IN, 3, true);
    assert_eq!(ack(&mut b), 0x23);
    b.w8(COMMAND, 0x20);
    assert!(b.output(0, 0), "still high");
    b.signal(IN, 3, false);
    assert!(!b.output(0, 0));
}
