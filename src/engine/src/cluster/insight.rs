//! What can be seen of a running cluster: what has run, what was compiled, each access of memory.
//!
//! Nothing here costs anything while it is off: blocks are noted when they are translated, regions
//! when they are compiled, and watched accesses are those that no soft TLB answers.

use super::Cluster;
use crate::cache::BlockKey;
use std::collections::BTreeMap;

/// A block that was entered at least once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Executed {
    /// Virtual address.
    pub va: u64,
    /// Bytes of code.
    pub len: u32,
    /// Instructions.
    pub insns: u32,
}

/// Compiled code in the host's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeRange {
    /// Host address.
    pub host: usize,
    /// Bytes of machine code.
    pub len: usize,
    /// Virtual address of the guest code that it begins with.
    pub va: u64,
    /// Guest instructions.
    pub insns: u32,
}

/// Blocks by virtual address and length.
pub(super) type Blocks = BTreeMap<(u64, u32), u32>;

impl Cluster {
    /// Has blocks noted from now on: a block is translated just before its first execution.
    pub fn record_blocks(&mut self) {
        self.executed.get_or_insert_default();
    }

    /// Blocks that have run since [`Cluster::record_blocks`], by address; they may overlap.
    pub fn executed(&self) -> Vec<Executed> {
        let blocks = self.executed.iter().flatten();
        blocks.map(|(&(va, len), &insns)| Executed { va, len, insns }).collect()
    }

    pub(super) fn note_block(&mut self, key: &BlockKey, len: u32, insns: u32) {
        if let Some(blocks) = &mut self.executed {
            blocks.insert((key.va, len), insns);
        }
    }

    /// Has compiled code noted from now on.
    pub fn record_code(&mut self) {
        if let Some(jit) = &mut self.jit {
            jit.record();
        }
    }

    /// Compiled code since [`Cluster::record_code`], in the order of compiling. Addresses come
    /// again when code was dropped: the last one holds.
    pub fn compiled(&self) -> &[CodeRange] {
        self.jit.as_ref().map_or(&[], |j| j.recorded())
    }

    /// Has the machine told who accesses a device ([`crate::System::accessing`]).
    pub fn watch_devices(&mut self, on: bool) {
        for core in &mut self.cores {
            core.mmu.watch_devices(on);
        }
    }

    /// Has every load and store of the cores told to the machine
    /// ([`crate::System::accessed`]). Only the interpreter does that: the cluster must have been
    /// made without a JIT.
    pub fn watch_memory(&mut self, on: bool) {
        for core in &mut self.cores {
            core.mmu.watch(on);
        }
    }
}
