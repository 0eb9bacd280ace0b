//! Runs cores: the IR interpreter (the oracle), the Cranelift JIT, soft MMU, virtual time.
//!
//! * [`Ram`], [`Space`]: guest memory, and what one initiator sees of it and of devices.
//! * [`Cluster`]: cores of one ISA that share a view, a translation cache and float policy.
//! * [`System`]: what the engine asks of the machine around it.
//! * [`float`]: exact soft float, the definition of every float operation of the IR.

pub mod float;
#[doc(hidden)]
pub mod testing;

mod cache;
mod cluster;
mod frame;
mod interp;
mod jit;
mod mmu;
mod ram;
mod space;
mod system;
mod tlb;

pub use cluster::{
    Cluster, CodeRange, EngineConfig, Executed, Hit, Line, Ran, Stats, Stop, Watched,
};
pub use mmu::Port;
pub use ram::Ram;
pub use space::{Entry, Kind, Space, SpaceBuilder, Swap, Unmapped};
pub use system::{Accessed, DeviceRef, System, Trap, Unanswered, VirtMem};
