//! The register file as slots, and the ABI names of the registers.

use hetemu_isa::{Slot, SlotClass, SlotInfo};

/// Integer registers by ABI name. Slot 0 is never read or written by lifted code.
pub const X: [&str; 32] = [
    "zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0", "a1", "a2", "a3", "a4",
    "a5", "a6", "a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4",
    "t5", "t6",
];

/// Float registers by ABI name.
pub const F: [&str; 32] = [
    "ft0", "ft1", "ft2", "ft3", "ft4", "ft5", "ft6", "ft7", "fs0", "fs1", "fa0", "fa1", "fa2",
    "fa3", "fa4", "fa5", "fa6", "fa7", "fs2", "fs3", "fs4", "fs5", "fs6", "fs7", "fs8", "fs9",
    "fs10", "fs11", "ft8", "ft9", "ft10", "ft11",
];

/// The program counter.
pub const PC: Slot = Slot(64);
/// The accrued float exceptions (fflags).
pub const FFLAGS: Slot = Slot(65);
/// Nonzero if float state changed since mstatus.FS was written; reads of mstatus show FS = Dirty
/// then.
pub const FDIRTY: Slot = Slot(66);

/// The slot of an integer register.
pub fn x(n: i32) -> Slot {
    Slot(n as u8 & 31)
}

/// The slot of a float register.
pub fn f(n: i32) -> Slot {
    Slot(32 + (n as u8 & 31))
}

/// All slots of a core whose integer registers have so many bits.
pub fn slots(bits: u8) -> Vec<SlotInfo> {
    let int = if bits == 32 { SlotClass::I32 } else { SlotClass::I64 };
    let info = |name, class| SlotInfo { name, class };
    let mut all: Vec<SlotInfo> = X.iter().map(|n| info(n, int)).collect();
    all.extend(F.iter().map(|n| info(n, SlotClass::F64)));
    all.push(info("pc", int));
    all.push(info("fflags", SlotClass::I32));
    all.push(info("fdirty", SlotClass::I32));
    all
}
