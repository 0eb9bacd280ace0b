//! Register-level tests of the flash.

use super::MODEL;
use hetemu_hw::testing::{Bench, check};

const KEYR: u64 = 0x04;
const SR: u64 = 0x0c;
const CR: u64 = 0x10;
const OPTKEYR: u64 = 0x08;
const OPTCR: u64 = 0x14;

fn bench() -> Bench {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.cx.regions.insert(1, vec![0xff; 1 << 20]);
    b
}

fn open(b: &mut Bench) {
    b.w32(KEYR, 0x4567_0123);
    b.w32(KEYR, 0xcdef_89ab);
}

/// Stores to the memory.
fn store(b: &mut Bench, at: u64, size: u8, value: u64) {
    assert_eq!(b.dev.write(&mut b.cx, 1, at, size, value), Ok(()));
}

fn cells(b: &Bench, at: usize) -> &[u8] {
    b.cx.regions.get(&1).and_then(|m| m.get(at..at + 4)).unwrap_or(&[])
}

#[test]
fn every_check() {
    check::all_with(&MODEL, &[], &bench);
}

#[test]
fn opens_with_the_keys_only() {
    let mut b = bench();
    b.w32(CR, 1);
    assert_eq!(b.r32(CR), 0x8000_0000);
    open(&mut b);
    assert_eq!(b.r32(CR), 0);
    b.w32(CR, 0x8000_0000);
    b.w32(KEYR, 0x4567_0123);
    b.w32(KEYR, 1);
    // A wrong key locks until the next reset.
    open(&mut b);
    assert_eq!(b.r32(CR), 0x8000_0000);
    b.reset();
    open(&mut b);
    assert_eq!(b.r32(CR), 0);
}

#[test]
fn programs_bits_to_0_and_erases_sectors() {
    let mut b = bench();
    open(&mut b);
    b.w32(CR, 1 | 2 << 8 | 1 << 24);
    store(&mut b, 0x8000, 4, 0x1234_5678);
    assert_eq!((b.r32(SR), cells(&b, 0x8000)), (1, &[0x78, 0x56, 0x34, 0x12][..]));
    assert!(b.output(0, 0));
    b.w32(SR, 1);
    store(&mut b, 0x8000, 4, 0xffff_00ff);
    assert_eq!((b.r32(SR), cells(&b, 0x8000)), (1, &[0x78, 0, 0x34, 0x12][..]));
    store(&mut b, 0xbffc, 4, 0);
    store(&mut b, 0xc000, 4, 0);
    // Sector 2 is 0x8000 to 0xbfff.
    b.w32(CR, 2 | 2 << 3 | 1 << 16);
    assert_eq!((cells(&b, 0x8000), cells(&b, 0xbffc)), (&[0xff; 4][..], &[0xff; 4][..]));
    assert_eq!(cells(&b, 0xc000), [0; 4]);
    assert_eq!(b.r32(CR), 2 | 2 << 3);
    b.w32(CR, 4 | 1 << 16);
    assert_eq!(cells(&b, 0xc000), [0xff; 4]);
}

#[test]
fn refuses_what_the_manual_refuses() {
    let mut b = bench();
    store(&mut b, 0, 4, 0);
    assert_eq!((b.r32(SR), cells(&b, 0)), (0x80, &[0xff; 4][..]));
    open(&mut b);
    b.w32(SR, 0x80);
    b.w32(CR, 1);
    store(&mut b, 0, 4, 0);
    assert_eq!((b.r32(SR), cells(&b, 0)), (0x40, &[0xff; 4][..]));
    b.w32(SR, 0x40);
    store(&mut b, 1, 1, 0);
    assert_eq!((b.r32(SR), cells(&b, 0)), (0, &[0xff, 0, 0xff, 0xff][..]));
    // Sector 0 is protected.
    b.w32(OPTKEYR, 0x0819_2a3b);
    b.w32(OPTKEYR, 0x4c5d_6e7f);
    b.w32(OPTCR, 0x0ffe_aaec);
    store(&mut b, 0, 1, 0);
    b.w32(CR, 2 | 1 << 16);
    assert_eq!((b.r32(SR), cells(&b, 0)), (0x10, &[0xff, 0, 0xff, 0xff][..]));
}
