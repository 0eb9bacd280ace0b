//! The console behind the MMIO transport.

use super::MODEL;
use crate::driver::{Driver, slot};
use hetemu_hw::testing::Bench;

fn console() -> Driver {
    Driver::new(slot(Some(&MODEL), &[]))
}

#[test]
fn output_goes_to_the_plug() {
    let mut d = console();
    d.start(2);
    d.b.cx.memory[0xc000..0xc005].copy_from_slice(b"hello");
    d.offer(1, 0xc000, 5, false);
    assert_eq!(d.b.sent(0), b"hello");
    assert_eq!(d.used(1), (1, 0));
}

#[test]
fn input_fills_buffers_in_order() {
    let mut d = console();
    assert_eq!(d.input(b"early"), 0, "the plug keeps it");
    d.start(2);
    assert_eq!(d.b.cx.more.last(), Some(&0));
    d.offer(0, 0xc000, 4, true);
    assert_eq!(d.used(0).0, 0);
    assert_eq!(d.input(b"abcdef"), 6);
    assert!(d.b.output(0, 0));
    assert_eq!(d.used(0), (1, 4));
    assert_eq!(&d.b.cx.memory[0xc000..0xc004], b"abcd");
    d.offer(0, 0xc100, 4, true);
    assert_eq!(d.used(0), (2, 2));
    assert_eq!(&d.b.cx.memory[0xc100..0xc102], b"ef");
}

#[test]
fn input_without_buffers_is_bounded() {
    let mut d = console();
    d.start(2);
    assert_eq!(d.input(&[1; 5000]), 4096);
    assert_eq!(d.input(&[1; 10]), 0);
}

#[test]
fn state_survives() {
    let mut d = console();
    d.start(2);
    d.input(b"waiting");
    let mut old = Bench::new((MODEL.create)(&Default::default()).unwrap());
    old.dev = d.b.cx.children.remove(crate::driver::UNIT).unwrap();
    let mut new = Bench::new((MODEL.create)(&Default::default()).unwrap());
    assert_eq!(new.load(&old.save(), 1), Ok(()));
    assert_eq!(new.save(), old.save());
}
