//! The RISC-V target: RV32 and RV64, I M A F D C, Zicsr Zifencei Zicond Zicbom Zicbop Zicboz Zimop
//! Zihintpause Zihintntl Zawrs Zacas Zfa Zcb Zcmop Zba Zbb Zbc Zbs, M/S/U modes, PMP with Smepmp,
//! Sv32 to Sv57 with Svinval, Svnapot, Svpbmt and Svade or Svadu, Sstc, V.
//!
//! `decode.table` is the list of instructions; [`lift`] turns them into IR; [`isa`] says what one
//! core has, from its schema; [`cpu`] is the hart: control registers, traps, translation.

pub mod cpu;
pub mod disasm;
pub mod isa;
pub mod lift;
pub mod regs;
pub mod table;
mod vector;

/// The core types of this target, from `schema.kdl`.
pub mod schemas {
    include!(concat!(env!("OUT_DIR"), "/schemas.rs"));
}

use hetemu_isa::{CoreConfig, Cpu, Disasm, Target};

/// The RISC-V family.
#[derive(Debug, Clone, Copy, Default)]
pub struct RiscV;

impl Target for RiscV {
    fn name(&self) -> &'static str {
        "riscv"
    }

    fn create(&self, config: &CoreConfig) -> Result<Box<dyn Cpu>, String> {
        Ok(Box::new(cpu::Hart::new(config)?))
    }

    fn disassemble(&self, config: &CoreConfig, pc: u64, bytes: &[u8]) -> Option<Disasm> {
        let isa = isa::Isa::new(config).ok()?;
        disasm::disassemble(isa.set, pc, bytes, true)
    }
}
