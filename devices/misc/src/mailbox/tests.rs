//! Bus-level tests of the mailbox.

use super::MODEL;
use super::regs::*;
use hetemu_hw::testing::{Bench, check};

fn mailbox() -> Bench {
    Bench::of(&MODEL, &[("channels", 3), ("depth", 2)], &[])
}

#[test]
fn every_check() {
    check::all(&MODEL, &[]);
    check::all(&MODEL, &[("channels", 32), ("depth", 255)]);
}

#[test]
fn words_come_out_in_order_on_their_channel() {
    let mut b = mailbox();
    b.w32(0x10 + CH_SEND, 0xaaaa_0001);
    b.w32(0x10 + CH_SEND, 0xaaaa_0002);
    assert!(b.output(0, 1) && !b.output(0, 0) && !b.output(0, 2));
    assert_eq!(b.r32(0x10 + CH_STATUS), 0x203);
    assert_eq!(b.r32(0x10 + CH_RECEIVE), 0xaaaa_0001);
    assert_eq!(b.r32(0x10 + CH_STATUS), 0x101);
    assert_eq!(b.r32(0x10 + CH_RECEIVE), 0xaaaa_0002);
    assert!(!b.output(0, 1));
    assert_eq!(b.r32(0x10 + CH_RECEIVE), 0);
}

#[test]
fn a_full_channel_loses_the_new_word_and_says_so() {
    let mut b = mailbox();
    for word in 1..=3 {
        b.w32(CH_SEND, word);
    }
    assert_eq!(b.r32(CH_STATUS), 0x207);
    assert_eq!(b.r32(CH_RECEIVE), 1);
    assert_eq!(b.r32(CH_STATUS), 0x101);
    assert_eq!(b.r32(CH_RECEIVE), 2);
}

#[test]
fn interrupts_can_be_disabled() {
    let mut b = mailbox();
    b.w32(CH_ENABLE, 0);
    b.w32(CH_SEND, 1);
    assert!(!b.output(0, 0));
    b.w32(CH_ENABLE, 1);
    assert!(b.output(0, 0));
}

#[test]
fn channels_that_are_not_there_are_counted() {
    let mut b = mailbox();
    b.w32(0x30, 1);
    assert_eq!(b.r32(0x34), 0);
    assert_eq!(b.cx.unimplemented.len(), 2);
}
