//! What tests of the engine and of targets run code with: not part of the engine's interface.
//!
//! * [`Rig`]: memory, one core, a machine that answers nothing; runs it at a chosen tier.
//! * [`rows`]: a target's instruction tests, which are data.
//! * [`toy`]: an instruction set whose every 32-bit word is a random, valid piece of IR.
//! * [`naive`]: a plain evaluator of the IR, to compare the tiers with.

pub mod naive;
pub mod rows;
pub mod toy;

use crate::{
    Cluster, DeviceRef, EngineConfig, Ram, Ran, Space, Swap, System, Unanswered, Unmapped, VirtMem,
};
use hetemu_hw::{BusError, time::Ps};
use hetemu_isa::{Cpu, Exception, HostCall, Regs};
use std::sync::Arc;

/// A machine whose only device remembers what is done to it.
#[derive(Debug, Default)]
pub struct Quiet {
    /// Accesses: time, offset, size, value written (or none for a read).
    pub accesses: Vec<(Ps, u64, u8, Option<u64>)>,
    /// Exceptions: cause, address of the instruction.
    pub exceptions: Vec<(u32, u64)>,
    /// What was not answered.
    pub unanswered: Vec<(u64, u64)>,
    /// Whether every device access stops the run.
    pub stop_at_device: bool,
    stop: bool,
}

impl System for Quiet {
    fn device_read(&mut self, now: Ps, at: DeviceRef, size: u8) -> Result<u64, BusError> {
        self.accesses.push((now, at.offset, size, None));
        self.stop |= self.stop_at_device;
        Ok(at.offset.wrapping_mul(0x0101_0101_0101_0101) >> (64 - 8 * u32::from(size)))
    }
    fn device_write(&mut self, now: Ps, at: DeviceRef, size: u8, v: u64) -> Result<(), BusError> {
        self.accesses.push((now, at.offset, size, Some(v)));
        self.stop |= self.stop_at_device;
        if at.offset == 0xff8 { Err(BusError) } else { Ok(()) }
    }
    fn must_stop(&self) -> bool {
        self.stop
    }
    fn unanswered(&mut self, what: Unanswered) {
        self.unanswered.push((what.pc, what.va));
    }
    fn exception(&mut self, _: usize, exception: Exception, pc: u64, _: u64) {
        self.exceptions.push((exception.cause, pc));
    }
    fn host_call(&mut self, _: usize, _: HostCall, _: &mut dyn VirtMem) -> Option<u64> {
        None
    }
    fn wake_at(&mut self, _: usize, _: Ps) {}
}

/// Where a [`Rig`]'s device is.
pub const DEVICE: u64 = 0x1000_0000;

/// One core with memory.
pub struct Rig {
    /// The cluster.
    pub cluster: Cluster,
    /// Its memory.
    pub ram: Arc<Ram>,
    /// The space.
    pub space: Arc<Space>,
    /// The machine.
    pub system: Quiet,
    /// Virtual time.
    pub now: Ps,
}

/// Picoseconds of an instruction in a [`Rig`].
pub const PS: u64 = 1000;

impl Rig {
    /// Memory of `len` bytes at `base`, and a core that is reset.
    pub fn new(
        config: EngineConfig,
        base: u64,
        len: u64,
        cpu: Box<dyn Cpu>,
    ) -> std::io::Result<Rig> {
        let ram = Ram::new(len)?;
        let device = DeviceRef { device: 0, region: 0, offset: 0 };
        let space = Space::builder(Unmapped::Fault, 56)
            .device(DEVICE, 0x1000, device, 0xf, false, Swap::None, false)
            .ram(base, len, &ram, 0, true, Swap::None)
            .build();
        let space = Arc::new(space);
        let mut cluster = Cluster::new(config, space.clone(), vec![cpu]);
        cluster.reset(0);
        Ok(Rig { cluster, ram, space, system: Quiet::default(), now: 0 })
    }

    /// Runs so many instructions, whatever stops in between; fewer if the core waits.
    pub fn run(&mut self, budget: u64) -> Ran {
        let mut left = budget;
        loop {
            self.system.stop = false;
            let ran = self.cluster.run(0, &mut self.system, self.now, PS, left);
            self.now += ran.retired * PS;
            left -= ran.retired;
            if left == 0 || ran.stop == crate::Stop::Wait {
                return Ran { retired: budget - left, stop: ran.stop };
            }
        }
    }

    /// The core's slots.
    pub fn regs(&self) -> &Regs {
        self.cluster.regs(0)
    }

    /// All of memory.
    pub fn memory(&self) -> Vec<u8> {
        let mut all = vec![0; self.ram.len() as usize];
        self.ram.read(0, &mut all);
        all
    }
}

/// Random numbers: xorshift64*, from any seed.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// Begins a sequence.
    pub fn new(seed: u64) -> Random {
        let mut r = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d);
        if r.0 == 0 {
            r.0 = 1;
        }
        r.next();
        r
    }

    /// The next number.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Below `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        (self.next() >> 16) % n.max(1)
    }

    /// One of a list.
    pub fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len() as u64) as usize]
    }

    /// A number that is often at the edge of something.
    pub fn edge(&mut self) -> u64 {
        match self.below(8) {
            0 => 0,
            1 => u64::MAX,
            2 => 1 << self.below(64),
            3 => (1u64 << self.below(64)).wrapping_sub(1),
            4 => self.next() & 0xffff_ffff,
            5 => self.next() as i32 as u64,
            6 => self.below(64),
            _ => self.next(),
        }
    }
}
