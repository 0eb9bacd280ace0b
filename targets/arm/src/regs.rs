//! The register file as slots. What lifted code neither reads nor writes is in the core itself.

use hetemu_isa::{Slot, SlotClass, SlotInfo};

/// General registers: r0 to r12, the stack pointer in force, the link register, the next address.
pub const R: [&str; 16] = [
    "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "sp", "lr",
    "pc",
];

/// Single-precision registers.
pub const S: [&str; 32] = [
    "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "s12", "s13", "s14",
    "s15", "s16", "s17", "s18", "s19", "s20", "s21", "s22", "s23", "s24", "s25", "s26", "s27",
    "s28", "s29", "s30", "s31",
];

/// The stack pointer in force.
pub const SP: Slot = Slot(13);
/// The link register.
pub const LR: Slot = Slot(14);
/// The program counter. Its lowest bit says that the core is not in Thumb state: the next
/// instruction faults.
pub const PC: Slot = Slot(15);
/// A result whose sign is APSR.N.
pub const NF: Slot = Slot(16);
/// A result that is 0 if APSR.Z is set.
pub const ZF: Slot = Slot(17);
/// APSR.C, 0 or 1.
pub const CF: Slot = Slot(18);
/// A number whose sign is APSR.V.
pub const VF: Slot = Slot(19);
/// APSR.Q, 0 or 1.
pub const QF: Slot = Slot(20);
/// APSR.GE, four bits.
pub const GE: Slot = Slot(21);
/// EPSR.IT: of the next instruction.
pub const IT: Slot = Slot(22);
/// The cumulative exceptions of FPSCR, in its bits.
pub const FFLAGS: Slot = Slot(23);
/// FPSCR.NZCV, in its bits.
pub const FCC: Slot = Slot(24);
/// The limit of the stack in force; 0 if there is none.
pub const SPLIM: Slot = Slot(25);
/// s0; the others follow.
pub const S0: u8 = 32;

/// The slot of a general register.
pub fn r(n: i32) -> Slot {
    Slot(n as u8 & 15)
}

/// The slot of a single-precision register.
pub fn s(n: i32) -> Slot {
    Slot(S0 + (n as u8 & 31))
}

/// All slots.
pub fn slots() -> Vec<SlotInfo> {
    let info = |name| SlotInfo { name, class: SlotClass::I32 };
    let mut all: Vec<SlotInfo> = R.iter().map(|n| info(n)).collect();
    let flags = ["nf", "zf", "cf", "vf", "qf", "ge", "it", "fflags", "fcc", "splim"];
    all.extend(flags.iter().map(|n| info(n)));
    let free = ["-26", "-27", "-28", "-29", "-30", "-31"];
    all.extend(free.iter().map(|n| info(n)));
    all.extend(S.iter().map(|n| info(n)));
    all
}
