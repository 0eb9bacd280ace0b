//! Bus-level tests of the board's registers.

use super::MODEL;
use hetemu_hw::Request;
use hetemu_hw::testing::{Bench, check};

#[test]
fn every_check() {
    check::all(&MODEL, &[]);
}

#[test]
fn the_display_shows_words_and_characters() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w32(0x410, 0xc0ffee);
    b.w32(0x418, b'L'.into());
    b.w32(0x450, b'X'.into());
    let shown = b.with(|dev, _| dev.inspect()).pop().unwrap();
    assert_eq!(&shown.value.to_be_bytes(), b"L0C0FFEX");
}

#[test]
fn status_and_reset() {
    let mut b = Bench::of(&MODEL, &[("big_endian", 1)], &[]);
    assert_eq!(b.r32(0x208), 0x12);
    b.w32(0x500, 0x41);
    assert!(b.cx.requests.is_empty());
    b.w32(0x500, 0x42);
    assert_eq!(b.cx.requests, [Request::Reset]);
}
