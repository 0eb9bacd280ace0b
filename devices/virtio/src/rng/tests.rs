//! The entropy source behind the MMIO transport.

use super::MODEL;
use crate::driver::{Driver, slot};

fn bytes(seed: u64) -> Vec<u8> {
    let mut d = Driver::new(slot(Some(&MODEL), &[("seed", seed)]));
    d.start(1);
    d.offer(0, 0x8000, 61, true);
    assert_eq!(d.used(0), (1, 61));
    assert_eq!(d.b.cx.memory[0x8000 + 61], 0);
    d.b.cx.memory[0x8000..0x8000 + 61].to_vec()
}

#[test]
fn equal_seeds_give_equal_bytes() {
    assert_eq!(bytes(7), bytes(7));
    assert_ne!(bytes(7), bytes(8));
    assert_ne!(bytes(0), bytes(7));
    assert!(bytes(7).iter().filter(|b| **b == 0).count() < 10);
}

#[test]
fn many_buffers() {
    let mut d = Driver::new(slot(Some(&MODEL), &[]));
    d.start(1);
    for n in 1..=20 {
        d.offer(0, 0x8000, 4, true);
        assert_eq!(d.used(0).0, n);
    }
}

#[test]
fn a_huge_buffer_gets_some() {
    let mut d = Driver::new(slot(Some(&MODEL), &[]));
    d.b.cx.memory.resize(0x8000 + (64 << 10), 0);
    d.start(1);
    d.offer(0, 0x8000, u32::MAX, true);
    assert_eq!(d.used(0), (1, 64 << 10));
}
