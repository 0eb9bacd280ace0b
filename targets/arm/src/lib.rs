//! The Arm target: the M profile, from Armv6-M to Armv8-M with its DSP and floating-point
//! extensions.
//!
//! `decode.table` is the list of instructions; [`lift`] turns them into IR; [`cpu`] is the core:
//! exceptions and control registers; `hw` are the devices inside it.

pub mod cpu;
pub mod disasm;
mod hw;
pub mod lift;
pub mod regs;
pub mod table;

/// The types of this family, from the `schema.kdl` of each folder.
pub mod schemas {
    include!(concat!(env!("OUT_DIR"), "/schemas.rs"));
}

use hetemu_isa::{CoreConfig, Cpu, Disasm, Target};

/// The Arm family.
#[derive(Debug, Clone, Copy, Default)]
pub struct Arm;

impl Target for Arm {
    fn name(&self) -> &'static str {
        "arm"
    }

    fn create(&self, config: &CoreConfig) -> Result<Box<dyn Cpu>, String> {
        Ok(Box::new(cpu::Core::new(config)?))
    }

    fn disassemble(&self, config: &CoreConfig, pc: u64, bytes: &[u8]) -> Option<Disasm> {
        let facts = cpu::Facts::new(config).ok()?;
        disasm::disassemble(facts.set, pc, bytes)
    }
}
