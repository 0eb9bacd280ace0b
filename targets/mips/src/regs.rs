//! The register file as slots, and the names of the registers (o32 ABI).

use hetemu_isa::{Slot, SlotClass, SlotInfo};

/// General registers by ABI name. Slot 0 is never read or written by lifted code.
pub const X: [&str; 32] = [
    "zero", "at", "v0", "v1", "a0", "a1", "a2", "a3", "t0", "t1", "t2", "t3", "t4", "t5", "t6",
    "t7", "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "t8", "t9", "k0", "k1", "gp", "sp", "s8",
    "ra",
];

/// Float registers. With Status.FR clear a slot holds 32 bits.
pub const F: [&str; 32] = [
    "f0", "f1", "f2", "f3", "f4", "f5", "f6", "f7", "f8", "f9", "f10", "f11", "f12", "f13", "f14",
    "f15", "f16", "f17", "f18", "f19", "f20", "f21", "f22", "f23", "f24", "f25", "f26", "f27",
    "f28", "f29", "f30", "f31",
];

/// The upper half of products, the remainder.
pub const HI: Slot = Slot(64);
/// The lower half of products, the quotient.
pub const LO: Slot = Slot(65);
/// The program counter.
pub const PC: Slot = Slot(66);
/// Float exceptions that FCSR, which is state of the core, does not have yet, as its flags.
pub const FLAGS: Slot = Slot(67);
/// The eight float condition codes of FCSR, from bit 0 on.
pub const FCC: Slot = Slot(68);
/// UserLocal, which user mode reads as hardware register 29.
pub const USER_LOCAL: Slot = Slot(69);
/// Where the branch-likely leads whose delay slot is next.
pub const TARGET: Slot = Slot(70);

/// The last float operation, whose exceptions are the causes that FCSR does not have yet, as
/// [`crate::lift::calls::FLOAT`] takes it; 0 if it has. Its operands follow.
pub const FOP: Slot = Slot(71);
/// The first operand.
pub const FA: Slot = Slot(72);
/// The second operand.
pub const FB: Slot = Slot(73);
/// What a product is added to.
pub const FC: Slot = Slot(74);

/// Whether a program counter stands for the delay slot of the branch-likely two bytes before it.
pub fn is_slot(pc: u64) -> bool {
    pc & 3 == 2
}

/// The slot of a general register.
pub fn x(n: i32) -> Slot {
    Slot(n as u8 & 31)
}

/// The slot of a float register.
pub fn f(n: i32) -> Slot {
    Slot(32 + (n as u8 & 31))
}

/// All slots of a core whose general registers have so many bits.
pub fn slots(bits: u8) -> Vec<SlotInfo> {
    let int = if bits == 32 { SlotClass::I32 } else { SlotClass::I64 };
    let info = |name, class| SlotInfo { name, class };
    let mut all: Vec<SlotInfo> = X.iter().map(|n| info(n, int)).collect();
    all.extend(F.iter().map(|n| info(n, SlotClass::I64)));
    for (name, class) in [
        ("hi", int),
        ("lo", int),
        ("pc", int),
        ("flags", SlotClass::I32),
        ("fcc", SlotClass::I32),
        ("userlocal", int),
        ("target", int),
        ("fop", SlotClass::I32),
        ("fa", SlotClass::I64),
        ("fb", SlotClass::I64),
        ("fc", SlotClass::I64),
    ] {
        all.push(info(name, class));
    }
    all
}
