//! Differential runs: random programs on hetemu and on QEMU, which must leave the same state.
//!
//! A run makes snippets from the decode tables (so every instruction that the target claims to have
//! is drawn), appends them to the bare-metal harness of `harness/`, and boots the image on both.
//! The harness prints a line a snippet: a hash of every register, fcsr, the traps and the scratch
//! memory. Where lines differ, both run again and print that snippet in full.

pub mod compare;
pub mod emulators;
pub mod generate;
pub mod image;
pub mod rng;
pub mod shapes;
pub mod tables;
pub mod vector;

pub use emulators::{Engine, Qemu};

/// Word size of the core.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Xlen {
    /// RV32.
    X32,
    /// RV64.
    X64,
}

impl Xlen {
    /// Bits.
    pub fn bits(self) -> u32 {
        match self {
            Xlen::X32 => 32,
            Xlen::X64 => 64,
        }
    }
}

/// What a snippet is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// I, M, Zba, Zbb, Zbc, Zbs and their compressed forms; no memory, no jumps.
    Integer,
    /// F and D in every rounding mode, reserved ones included, and the float control registers.
    Float,
    /// Loads, stores and atomics, misaligned and across pages.
    Memory,
    /// Forward branches, jumps, calls and bounded loops around everything else.
    Control,
    /// Code that rewrites itself, with fence.i.
    Smc,
    /// V: everything but float.
    Vector,
    /// V: float instructions.
    VectorFloat,
    /// Random words and valid instructions with a wrong bit: mostly illegal, in U mode.
    Illegal,
}

impl Class {
    /// Every class with the word that names it.
    pub const ALL: [(&'static str, Class); 8] = [
        ("integer", Class::Integer),
        ("float", Class::Float),
        ("memory", Class::Memory),
        ("control", Class::Control),
        ("smc", Class::Smc),
        ("vector", Class::Vector),
        ("vfloat", Class::VectorFloat),
        ("illegal", Class::Illegal),
    ];

    /// The modes in which a class makes sense: random words may do anything outside of U mode.
    pub fn modes(self) -> &'static [Mode] {
        match self {
            Class::Integer | Class::Float => &[Mode::Machine],
            Class::Memory | Class::Control | Class::Smc => {
                &[Mode::Machine, Mode::User, Mode::Paged]
            }
            Class::Vector | Class::VectorFloat | Class::Illegal => &[Mode::User, Mode::Paged],
        }
    }

    /// The word of a class.
    pub fn word(self) -> &'static str {
        Class::ALL.iter().find(|(_, c)| *c == self).map_or("", |(w, _)| w)
    }
}

/// How snippets see memory; the harness's `MODE_*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// M mode, no protection.
    Machine,
    /// U mode; PMP allows the table and the scratch memory.
    User,
    /// U mode under Sv32 or Sv39, the scratch pages out of order.
    Paged,
}

impl Mode {
    /// Every mode with the word that names it, in the harness's order.
    pub const ALL: [(&'static str, Mode); 3] =
        [("machine", Mode::Machine), ("user", Mode::User), ("paged", Mode::Paged)];
}

/// Everything that determines the image of a run.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Word size.
    pub xlen: Xlen,
    /// What snippets are made of.
    pub class: Class,
    /// How they see memory.
    pub mode: Mode,
    /// Seed of everything random.
    pub seed: u64,
    /// Number of snippets.
    pub count: u32,
}

impl Plan {
    /// The command line of `xtask difftest` that repeats this run.
    pub fn command(&self) -> String {
        let mode = Mode::ALL.iter().find(|(_, m)| *m == self.mode).map_or("", |(w, _)| w);
        format!(
            "cargo run -p xtask -- difftest --xlen {} --class {} --mode {mode} --seed {} --count {}",
            self.xlen.bits(),
            self.class.word(),
            self.seed,
            self.count
        )
    }
}
