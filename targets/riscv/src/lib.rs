//! The RISC-V target: RV32 and RV64, I M A F D C, Zicsr Zifencei Zba Zbb Zbc Zbs, M/S/U modes, PMP with
//! Smepmp, Sv32 to Sv57.
//!
//! `decode.table` is the list of instructions; [`lift`] turns them into IR; [`isa`] says what one core
//! has, from its schema.

pub mod isa;
pub mod lift;
pub mod regs;
pub mod table;

/// The core types of this target, from `schema.kdl`.
pub mod schemas {
    include!(concat!(env!("OUT_DIR"), "/schemas.rs"));
}
