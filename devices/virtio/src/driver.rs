//! A driver's side of the MMIO transport, for tests: memory from 0, rings of queue n at n * 0x4000.

use crate::mmio;
use hetemu_hw::testing::{Bench, TestCx, config};
use hetemu_hw::{Device, Model};

/// Unit address of the function.
pub(crate) const UNIT: &str = "0";

pub(crate) struct Driver {
    pub(crate) b: Bench,
    avail: [u16; 3],
    descs: [u16; 3],
}

/// A transport with a function in its slot, after reset.
pub(crate) fn slot(function: Option<&Model>, props: &[(&str, u64)]) -> Bench {
    let mut setup = config(mmio::MODEL.ty, &[], &[]);
    let mut cx = TestCx { memory: vec![0; 0x10000], ..TestCx::default() };
    if let Some(model) = function {
        setup.children.insert(UNIT.into(), model.ty);
        let mut child = (model.create)(&config(model.ty, props, &[])).unwrap();
        child.reset(&mut cx);
        cx.children.insert(UNIT.into(), child);
    }
    let mut dev: Box<dyn Device> = (mmio::MODEL.create)(&setup).unwrap();
    dev.reset(&mut cx);
    Bench { dev, cx }
}

impl Driver {
    pub(crate) fn new(b: Bench) -> Driver {
        Driver { b, avail: [0; 3], descs: [0; 3] }
    }

    /// Section 3.1.1 with queues of 8.
    pub(crate) fn start(&mut self, queues: u64) {
        self.start_with(0, queues);
    }

    /// The same with low feature bits.
    pub(crate) fn start_with(&mut self, features: u64, queues: u64) {
        for status in [0, 1, 3] {
            self.b.w32(0x70, status);
        }
        for (half, value) in [(0, features), (1, 1)] {
            self.b.w32(0x24, half);
            self.b.w32(0x20, value);
        }
        self.b.w32(0x70, 0xb);
        assert_eq!(self.b.r32(0x70), 0xb);
        for queue in 0..queues {
            self.b.w32(0x30, queue);
            assert_ne!(self.b.r32(0x34), 0);
            self.b.w32(0x38, 8);
            for (reg, at) in [(0x80, 0), (0x90, 0x1000), (0xa0, 0x2000)] {
                self.b.w32(reg, queue * 0x4000 + at);
            }
            self.b.w32(0x44, 1);
        }
        self.b.w32(0x70, 0xf);
    }

    fn put(&mut self, at: u64, bytes: &[u8]) {
        let at = at as usize;
        self.b.cx.memory[at..at + bytes.len()].copy_from_slice(bytes);
    }

    /// Offers one buffer and notifies.
    pub(crate) fn offer(&mut self, queue: u16, addr: u64, len: u32, write: bool) {
        self.offer_raw(queue, addr, len, u16::from(write) * 2);
    }

    /// Offers a chain by an indirect table and notifies.
    pub(crate) fn offer_table(&mut self, queue: u16, addr: u64, len: u32) {
        self.offer_raw(queue, addr, len, 4);
    }

    fn offer_raw(&mut self, queue: u16, addr: u64, len: u32, flags: u16) {
        let (q, base) = (usize::from(queue), u64::from(queue) * 0x4000);
        let slot = self.descs[q] % 8;
        self.descs[q] += 1;
        let desc = base + 16 * u64::from(slot);
        self.put(desc, &addr.to_le_bytes());
        self.put(desc + 8, &len.to_le_bytes());
        self.put(desc + 12, &flags.to_le_bytes());
        let ring = base + 0x1000;
        self.put(ring + 4 + 2 * u64::from(self.avail[q] % 8), &slot.to_le_bytes());
        self.avail[q] = self.avail[q].wrapping_add(1);
        let index = self.avail[q].to_le_bytes();
        self.put(ring + 2, &index);
        self.b.w32(0x50, queue.into());
    }

    /// The used index and the length of the last used entry.
    pub(crate) fn used(&self, queue: u16) -> (u16, u32) {
        let base = usize::from(queue) * 0x4000 + 0x2000;
        let memory = &self.b.cx.memory;
        let index = u16::from_le_bytes([memory[base + 2], memory[base + 3]]);
        let last = base + 4 + 8 * usize::from(index.wrapping_sub(1) % 8) + 4;
        (index, u32::from_le_bytes(memory[last..last + 4].try_into().unwrap()))
    }

    /// Input from the plug of the function, and what the machine does then.
    pub(crate) fn input(&mut self, bytes: &[u8]) -> usize {
        let mut child = self.b.cx.children.remove(UNIT).unwrap();
        let taken = child.receive(&mut self.b.cx, 0, bytes);
        self.b.cx.children.insert(UNIT.into(), child);
        if std::mem::take(&mut self.b.cx.told_parent) > 0 {
            self.b.with(|dev, cx| dev.child(cx, UNIT));
        }
        taken
    }
}
