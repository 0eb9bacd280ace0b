//! Cores of one ISA that share a view and a translation cache.

use crate::space::Space;
use crate::system::System;
use hetemu_hw::time::Ps;
use hetemu_isa::{Access, Cpu, Regs};
use std::sync::Arc;

/// How a cluster runs.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// Compile hot code (else everything is interpreted).
    pub jit: bool,
    /// Executions of a block before it is compiled.
    pub tier_up: u32,
    /// Guest instructions that one compiled region may have.
    pub max_region: u32,
    /// Guest instructions that one block may have.
    pub max_block: u32,
}

impl Default for EngineConfig {
    fn default() -> Self {
        EngineConfig { jit: true, tier_up: 2000, max_region: 256, max_block: 64 }
    }
}

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The budget is used up.
    Budget,
    /// The core waits for an interrupt.
    Wait,
    /// [`System::must_stop`] said so.
    Event,
}

/// What a run did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ran {
    /// Steps of the core's clock: instructions that retired or raised an exception. The core's time
    /// has advanced by so many `ps_per_insn`; never more than the budget.
    pub retired: u64,
    /// Why it ended.
    pub stop: Stop,
}

/// Counts of a cluster since it was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Stats {
    pub interpreted_insns: u64,
    pub compiled_insns: u64,
    pub blocks: u64,
    pub regions: u64,
    pub region_insns: u64,
    pub code_bytes: u64,
    pub tlb_misses: u64,
    pub invalidated: u64,
    pub exceptions: u64,
    pub interrupts: u64,
    pub device_accesses: u64,
}

/// Cores of one ISA that share a view and a translation cache.
pub struct Cluster {}

impl Cluster {
    /// Makes a cluster. Its cores are not reset.
    pub fn new(config: EngineConfig, space: Arc<Space>, cpus: Vec<Box<dyn Cpu>>) -> Cluster {
        todo!()
    }

    /// Number of cores.
    pub fn cores(&self) -> usize {
        todo!()
    }

    /// Resets a core: registers, translations, reservation.
    pub fn reset(&mut self, core: usize) {
        todo!()
    }

    /// Runs a core for at most `budget` instructions from virtual time `start` on, each of which takes
    /// `ps_per_insn`. Interrupts are looked at on entry, and after every helper, exception and device
    /// access.
    pub fn run(
        &mut self,
        core: usize,
        system: &mut dyn System,
        start: Ps,
        ps_per_insn: u64,
        budget: u64,
    ) -> Ran {
        todo!()
    }

    /// An input of a core changed (index in its type's inputs).
    pub fn signal(&mut self, core: usize, input: u32, line: u32, level: bool) {
        todo!()
    }

    /// Whether a core waits for an interrupt and none would wake it.
    pub fn waiting(&self, core: usize) -> bool {
        todo!()
    }

    /// A core's slots.
    pub fn regs(&self, core: usize) -> &Regs {
        todo!()
    }

    /// A core's slots, to change. The core's mode is asked anew at its next run.
    pub fn regs_mut(&mut self, core: usize) -> &mut Regs {
        todo!()
    }

    /// A core's own state.
    pub fn cpu(&self, core: usize) -> &dyn Cpu {
        todo!()
    }

    /// A core's own state and its slots, to change.
    pub fn cpu_mut(&mut self, core: usize) -> (&mut dyn Cpu, &mut Regs) {
        todo!()
    }

    /// Instructions that a core has retired since it was made.
    pub fn retired(&self, core: usize) -> u64 {
        todo!()
    }

    /// A core's program counter.
    pub fn pc(&self, core: usize) -> u64 {
        todo!()
    }

    /// Reads a core's memory by virtual address, RAM and ROM only, as its data accesses see it now.
    pub fn read_virt(&mut self, core: usize, va: u64, into: &mut [u8]) -> bool {
        todo!()
    }

    /// Writes a core's memory by virtual address, RAM only.
    pub fn write_virt(&mut self, core: usize, va: u64, bytes: &[u8]) -> bool {
        todo!()
    }

    /// The physical address of a core's virtual one, if the access is allowed now.
    pub fn translate(&mut self, core: usize, va: u64, access: Access) -> Option<u64> {
        todo!()
    }

    /// Counts.
    pub fn stats(&self) -> Stats {
        todo!()
    }
}
