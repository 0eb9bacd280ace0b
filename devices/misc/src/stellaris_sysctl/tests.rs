//! Bus-level tests of the Stellaris system control.

use super::MODEL;
use hetemu_hw::testing::{Bench, check};
use hetemu_hw::time::SECOND;

const RIS: u64 = 0x050;
const IMC: u64 = 0x054;
const MISC: u64 = 0x058;
const RCC: u64 = 0x060;
const PLLCFG: u64 = 0x064;
const RCC2: u64 = 0x070;

#[test]
fn every_check() {
    check::all(&MODEL, &[]);
    check::all(&MODEL, &[("user0", 0x00_5452), ("user1", 0x56_3412)]);
}

#[test]
fn says_what_chip_it_is() {
    let mut b = Bench::of(&MODEL, &[("did1", 0x1073_402a)], &[]);
    let all = [0x00, 0x04, 0x08, 0x10, 0x14, 0x18, 0x1c].map(|at| b.r32(at));
    let expected =
        [0x1001_0002, 0x1073_402a, 0xff_007f, 0x11_33ff, 0x30f_5317, 0xf0f_87ff, 0x5000_007f];
    assert_eq!(all, expected);
    b.w32(0, 0);
    assert_eq!(b.r32(0), 0x1001_0002);
}

#[test]
fn the_pll_locks_after_half_a_millisecond() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w32(IMC, 0x40);
    let rcc = b.r32(RCC);
    b.w32(RCC, rcc & !0x2000);
    b.advance(SECOND / 2001);
    assert_eq!((b.r32(RIS), b.output(0, 0)), (0, false));
    b.advance(SECOND / 1000);
    assert_eq!((b.r32(RIS), b.r32(MISC), b.output(0, 0)), (0x40, 0x40, true));
    b.w32(MISC, 0x40);
    assert_eq!((b.r32(RIS), b.output(0, 0)), (0, false));
    // Of RCC2, once it is in use, without power; then with it.
    b.w32(RCC2, 0x8780_2810);
    b.w32(RCC2, 0x8780_0810);
    b.advance(SECOND / 1000);
    assert_eq!(b.r32(RIS), 0x40);
}

#[test]
fn the_crystal_decides_the_divisors() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    assert_eq!(b.r32(PLLCFG), 200 << 5 | 2, "6 MHz");
    b.w32(RCC, 14 << 6);
    assert_eq!(b.r32(PLLCFG), 50 << 5, "8 MHz");
}

#[test]
fn gates_keep_the_bits_that_exist() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w32(0x108, 0xffff_ffff);
    b.w8(0x104, 0x03);
    assert_eq!((b.r32(0x108), b.r32(0x104)), (0x5000_007f, 3));
    b.w32(0x5c, 0);
    assert_eq!(b.r32(0x5c), 0);
}

#[test]
fn the_flash_keeps_what_the_user_wrote() {
    let mut b = Bench::of(&MODEL, &[("user0", 0x12_3456)], &[]);
    assert_eq!(
        [0x1e0, 0x1e4, 0x1d0, 0x140].map(|at| b.r32(at)),
        [0x12_3456, !0u32 as u64, 0xffff_fffe, 0x31]
    );
    b.w32(0x1e0, 1);
    b.w32(0x1e4, 0x77);
    b.w32(0x134, 0xffff_fff0);
    b.w32(0x134, 0xffff_ff0f);
    b.w32(0x140, 11);
    b.reset();
    let all = [0x1e0, 0x1e4, 0x134, 0x400, 0x404, 0x140].map(|at| b.r32(at));
    assert_eq!(all, [0x12_3456, 0x77, 0xffff_ff00, 0xffff_ff00, 0xffff_ffff, 0x31]);
}

#[test]
fn software_chooses_the_system_clock() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    assert_eq!(b.cx.rates.get(&(1, 0)), Some(&12_000_000), "the internal oscillator");
    // An 8 MHz crystal: by the PLL divided by 4, then by 7; itself divided by 4; by RCC2 and its
    // divisor of 10; the hibernation module's.
    for (at, value, hz) in [
        (RCC, 0x01c0_0380, 50_000_000),
        (RCC, 0x0340_0380, 28_571_428),
        (RCC, 0x01c0_0b80, 2_000_000),
        (RCC2, 0x8480_0000, 20_000_000),
        (RCC2, 0x8000_0870, 32_768),
    ] {
        b.w32(at, value);
        assert_eq!(b.cx.rates.get(&(1, 0)), Some(&hz), "{value:#x}");
    }
    b.reset();
    assert_eq!(b.cx.rates.get(&(1, 0)), Some(&12_000_000));
}
