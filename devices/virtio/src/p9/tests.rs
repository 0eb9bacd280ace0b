//! The 9P transport behind the MMIO transport, with a server that repeats.

use super::MODEL;
use crate::driver::{Driver, UNIT, slot};
use crate::mmio;
use hetemu_hw::testing::{Bench, TestCx, config};
use hetemu_hw::{Folder, FolderInfo};

/// Answers with the message, or as much of it as there is room.
struct Echo;

impl Folder for Echo {
    fn info(&self) -> FolderInfo {
        FolderInfo { tag: "echo".into() }
    }
    fn answer(&mut self, message: &[u8], room: usize) -> Vec<u8> {
        message[..message.len().min(room)].to_vec()
    }
    fn reset(&mut self) {}
}

fn with_server() -> Bench {
    let mut setup = config(mmio::MODEL.ty, &[], &[]);
    let mut own = config(MODEL.ty, &[], &[]);
    own.folders.insert("backend".into(), Echo.info());
    setup.children.insert(UNIT.into(), MODEL.ty);
    let mut cx = TestCx { memory: vec![0; 0x10000], ..TestCx::default() };
    cx.folders.insert(0, Box::new(Echo));
    cx.children.insert(UNIT.into(), (MODEL.create)(&own).unwrap());
    let mut dev = (mmio::MODEL.create)(&setup).unwrap();
    dev.reset(&mut cx);
    Bench { dev, cx }
}

/// Two descriptors by a table at 0xc000: a message, and room for its answer.
fn table(d: &mut Driver, len: u32, room: u32) {
    let out = [&0x8000u64.to_le_bytes()[..], &len.to_le_bytes(), &[1, 0, 1, 0]].concat();
    let back = [&0x9000u64.to_le_bytes()[..], &room.to_le_bytes(), &[2, 0, 0, 0]].concat();
    d.b.cx.memory[0xc000..0xc020].copy_from_slice(&[out, back].concat());
    d.offer_table(0, 0xc000, 32);
}

#[test]
fn messages_go_there_and_back() {
    let mut b = with_server();
    assert_eq!((b.r32(0x08), b.r32(0x100) & 0xffff), (9, 4));
    let config: Vec<u64> = (0x102..0x107).map(|at| b.r8(at)).collect();
    assert_eq!(config, b"echo\0".map(u64::from));
    let mut d = Driver::new(b);
    d.start_with(1 << 28 | 1, 1);
    d.b.cx.memory[0x8000..0x8009].copy_from_slice(b"a message");
    table(&mut d, 9, 100);
    assert_eq!(d.used(0), (1, 9));
    assert_eq!(d.b.cx.memory[0x9000..0x900a], *b"a message\0");
    table(&mut d, 9, 7);
    assert_eq!(d.used(0), (2, 7));
}

#[test]
fn no_room_is_an_error() {
    for (len, room) in [(9, 6), (2 << 20, 100)] {
        let mut d = Driver::new(with_server());
        d.start_with(1 << 28 | 1, 1);
        table(&mut d, len, room);
        assert_eq!(d.used(0), (0, 0));
        assert_ne!(d.b.r32(0x70) & 0x40, 0, "DEVICE_NEEDS_RESET");
    }
}

#[test]
fn without_a_plug_there_is_no_device() {
    assert_eq!(slot(Some(&MODEL), &[]).r32(0x08), 0);
}
