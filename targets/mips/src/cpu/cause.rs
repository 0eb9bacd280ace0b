//! Exceptions as this target encodes them: the code of Cause.ExcCode, and what else decides where
//! an exception goes and what it leaves. Volume III, section 6.2.

/// The bits of Cause.ExcCode.
pub(crate) const CODE: u32 = 0x1f;
pub(crate) const MODIFIED: u32 = 1;
pub(crate) const TLB_LOAD: u32 = 2;
pub(crate) const TLB_STORE: u32 = 3;
pub(crate) const ADDRESS_LOAD: u32 = 4;
pub(crate) const ADDRESS_STORE: u32 = 5;
pub(crate) const BUS_FETCH: u32 = 6;
pub(crate) const BUS_DATA: u32 = 7;
pub(crate) const SYSCALL: u32 = 8;
pub(crate) const BREAK: u32 = 9;
pub(crate) const RESERVED: u32 = 10;
pub(crate) const UNUSABLE: u32 = 11;
pub(crate) const OVERFLOW: u32 = 12;
pub(crate) const TRAP: u32 = 13;
pub(crate) const FLOAT: u32 = 15;

/// No entry matches: the refill vector.
pub(crate) const REFILL: u32 = 1 << 8;
/// The refill is one of a 64-bit address.
pub(crate) const WIDE: u32 = 1 << 9;
/// The instruction could not be fetched.
pub(crate) const FETCH: u32 = 1 << 10;
/// It is the instruction's own, not its delay slot's.
pub(crate) const ALONE: u32 = 1 << 11;
/// It is the delay slot's of the instruction.
pub(crate) const SLOT: u32 = 1 << 12;
/// Lowest bit of the coprocessor number.
pub(crate) const CE: u32 = 16;

/// A sentence about an exception.
pub(crate) fn describe(cause: u32) -> &'static str {
    match cause & CODE {
        0 => "interrupt",
        MODIFIED => "TLB modified",
        TLB_LOAD if cause & REFILL != 0 => "TLB refill (load or fetch)",
        TLB_LOAD => "TLB invalid (load or fetch)",
        TLB_STORE if cause & REFILL != 0 => "TLB refill (store)",
        TLB_STORE => "TLB invalid (store)",
        ADDRESS_LOAD => "address error (load or fetch)",
        ADDRESS_STORE => "address error (store)",
        BUS_FETCH => "bus error (fetch)",
        BUS_DATA => "bus error (load or store)",
        SYSCALL => "system call",
        BREAK => "breakpoint",
        RESERVED => "reserved instruction",
        UNUSABLE => "coprocessor unusable",
        OVERFLOW => "integer overflow",
        TRAP => "trap",
        FLOAT => "floating-point exception",
        _ => "unknown exception",
    }
}
