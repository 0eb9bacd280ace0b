//! The MIPS target: MIPS32 and MIPS64 release 2 of either byte order, with the software-filled TLB
//! or the fixed mapping, CP0, floating point.
//!
//! `decode.table` is the list of instructions; [`lift`] turns them into IR; [`isa`] says what one
//! core has, from its schema; [`cpu`] is the core: control registers, exceptions, translation.
//!
//! A branch and its delay slot are one instruction of the IR, eight bytes long: they are begun
//! together, counted once, and an interrupt is never between them (see [`lift`]).

pub mod cpu;
pub mod disasm;
pub mod isa;
pub mod lift;
pub mod regs;
pub mod table;

/// The types of this family, from the `schema.kdl` of each folder.
pub mod schemas {
    include!(concat!(env!("OUT_DIR"), "/schemas.rs"));
}

use hetemu_isa::{CoreConfig, Cpu, Disasm, Target};

/// The MIPS family.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mips;

impl Target for Mips {
    fn name(&self) -> &'static str {
        "mips"
    }

    fn create(&self, config: &CoreConfig) -> Result<Box<dyn Cpu>, String> {
        Ok(Box::new(cpu::Core::new(config)?))
    }

    fn disassemble(&self, config: &CoreConfig, pc: u64, bytes: &[u8]) -> Option<Disasm> {
        let isa = isa::Isa::new(config).ok()?;
        let word: [u8; 4] = bytes.get(..4)?.try_into().ok()?;
        let word = match isa.big_endian {
            true => u32::from_be_bytes(word),
            false => u32::from_le_bytes(word),
        };
        disasm::disassemble(isa.set, pc & isa.mask(), word, true)
    }
}
