//! THE contract between instruction sets and the engine.
//!
//! A target crate decodes guest instructions and lifts them into the IR of this crate; the engine
//! interprets or compiles the IR and knows no ISA. Everything about a core (word size, byte order,
//! page size, register file, float policy) is data in [`Layout`] or an answer of its [`Cpu`].
//!
//! * [`ir`]: typed SSA inside a block; guest registers are numbered slots.
//! * [`Builder`]: what lifters write blocks with; folds constants on the way.
//! * [`text`], [`verify()`]: the IR's text form, its parser and its rules.
//! * [`debug`]: registers as debuggers see them.
//! * [`Cpu`], [`Target`]: what a core answers to the engine.

pub mod debug;
pub mod decode;
pub mod ir;
pub mod random;
pub mod text;

mod builder;
mod cpu;
mod eval;
mod layout;
mod verify;

pub use builder::{Builder, mask};
pub use cpu::*;
pub use debug::{DebugLayout, DebugReg, Feature, RegType};
pub use hetemu_schema::state::{LoadError, Reader, Writer};
pub use ir::{Block, Exit, Inst, Ty, Val};
pub use layout::{FloatPolicy, Layout, NanToInt, REGS, Regs, Slot, SlotClass, SlotInfo};
pub use verify::verify;
