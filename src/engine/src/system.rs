//! What the engine asks of the machine that it runs in.

use hetemu_hw::{BusError, time::Ps};
use hetemu_isa::{Access, Exception, HostCall};

/// A stretch of device registers as a [`crate::Space`] maps it: numbers that only the machine
/// reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceRef {
    /// The machine's number of the device.
    pub device: u32,
    /// The region in its schema.
    pub region: u32,
    /// Offset in the region.
    pub offset: u64,
}

/// An access that nothing answered, or that was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unanswered {
    /// The core, by its number in the cluster.
    pub core: usize,
    /// Address of the instruction.
    pub pc: u64,
    /// Kind.
    pub access: Access,
    /// Virtual address.
    pub va: u64,
    /// Physical address.
    pub pa: u64,
    /// Bytes.
    pub size: u8,
}

/// The machine around a cluster, for the time of one [`crate::Cluster::run`].
pub trait System {
    /// A core reads device registers; `size` is 1, 2, 4 or 8, the value a number in the region's
    /// byte order. `now` is exact for the instruction.
    fn device_read(&mut self, now: Ps, at: DeviceRef, size: u8) -> Result<u64, BusError>;

    /// A core writes device registers.
    fn device_write(
        &mut self,
        now: Ps,
        at: DeviceRef,
        size: u8,
        value: u64,
    ) -> Result<(), BusError>;

    /// The time that an instruction sees which is due at `at` by the count of instructions: another
    /// one where cores run in parallel by the host's clock.
    fn now(&self, at: Ps) -> Ps {
        at
    }

    /// After every device access and helper: whether the core must stop before its next
    /// instruction, because signals wait for delivery, a deadline moved, or the machine ends.
    fn must_stop(&self) -> bool;

    /// An access that the bus does not answer, before it becomes the ISA's exception.
    fn unanswered(&mut self, what: Unanswered);

    /// A core took an exception at `pc` and goes on at `handler`.
    fn exception(&mut self, core: usize, exception: Exception, pc: u64, handler: u64);

    /// The guest calls its host (semihosting). `mem` reads and writes the core's virtual memory.
    fn host_call(&mut self, core: usize, call: HostCall, mem: &mut dyn VirtMem) -> Option<u64>;

    /// A core's own timer asks for [`crate::Cluster::alarm`] at this time, instead of the time that
    /// it asked for before; [`Ps::MAX`] asks for none.
    fn wake_at(&mut self, core: usize, at: Ps);

    /// A core took a trap, an exception (after [`System::exception`]) or an interrupt. For counts
    /// and traces: nothing may depend on it.
    fn trapped(&mut self, _now: Ps, _core: usize, _trap: Trap) {}

    /// A core is about to access a device, while [`crate::Cluster::watch_devices`] is on.
    fn accessing(&mut self, _core: usize, _pc: u64) {}

    /// A core accessed memory or a device, while [`crate::Cluster::watch_memory`] is on.
    fn accessed(&mut self, _now: Ps, _what: Accessed) {}
}

/// A trap as a core took it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trap {
    /// An interrupt, not an exception.
    pub interrupt: bool,
    /// The target's cause.
    pub cause: u32,
    /// Faulting address or instruction; 0 for interrupts.
    pub value: u64,
    /// Address of the instruction: the one that raised, or the first that has not run.
    pub pc: u64,
    /// Where the core goes on.
    pub handler: u64,
}

/// An access of a core, after it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accessed {
    /// The core, by its number in the cluster.
    pub core: usize,
    /// Address of the instruction.
    pub pc: u64,
    /// A store, not a load.
    pub store: bool,
    /// Virtual address.
    pub va: u64,
    /// Bytes.
    pub size: u8,
    /// The number in the core's byte order, zero-extended.
    pub value: u64,
}

/// A core's memory by virtual address, RAM and ROM only.
pub trait VirtMem {
    /// Reads; false if any byte cannot be read.
    fn read(&mut self, va: u64, into: &mut [u8]) -> bool;
    /// Writes; false if any byte cannot be written.
    fn write(&mut self, va: u64, bytes: &[u8]) -> bool;
}
