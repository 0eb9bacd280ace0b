//! The register file of a core as the engine sees it: numbered 64-bit slots.

use hetemu_schema::Endian;

/// Slots of a core's register file.
pub const REGS: usize = 256;

/// Index of a 64-bit slot of guest state, below [`REGS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub u8);

/// The slots of one core. Values narrower than 64 bits are kept zero-extended.
#[repr(transparent)]
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Regs(pub [u64; REGS]);

impl Default for Regs {
    fn default() -> Self {
        Regs([0; REGS])
    }
}

impl Regs {
    /// The value of a slot.
    #[inline(always)]
    pub fn get(&self, slot: Slot) -> u64 {
        self.0[slot.0 as usize]
    }
    /// Sets a slot.
    #[inline(always)]
    pub fn set(&mut self, slot: Slot, value: u64) {
        self.0[slot.0 as usize] = value;
    }
}

/// The host register class that compiled code keeps a slot in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotClass {
    /// 32-bit integer.
    I32,
    /// 64-bit integer.
    I64,
    /// 64-bit float (holds narrower ones as the ISA boxes them).
    F64,
}

/// One slot.
#[derive(Debug, Clone, Copy)]
pub struct SlotInfo {
    /// The register's name (`a0`, `pc`).
    pub name: &'static str,
    /// How compiled code keeps it.
    pub class: SlotClass,
}

/// The fixed facts of a core that the engine compiles into its code.
#[derive(Debug, Clone)]
pub struct Layout {
    /// Slots in use, from 0 on.
    pub slots: Vec<SlotInfo>,
    /// The slot of the program counter.
    pub pc: Slot,
    /// Bits of a virtual address and of an integer register: 32 or 64.
    pub bits: u8,
    /// Byte order of data.
    pub endian: Endian,
    /// log2 of the smallest page.
    pub page_bits: u8,
    /// Number of translation regimes that [`crate::Cpu::regime`] can answer.
    pub regimes: u8,
    /// Shortest instruction in bytes: the alignment of the program counter.
    pub pc_align: u8,
    /// Floating point.
    pub float: FloatPolicy,
}

impl Layout {
    /// The bits of an address.
    pub fn mask(&self) -> u64 {
        if self.bits >= 64 { u64::MAX } else { (1 << self.bits) - 1 }
    }
}

/// How the ISA's floating point differs from the host's.
#[derive(Debug, Clone, Copy)]
pub struct FloatPolicy {
    /// The slot into which float operations OR their accrued exceptions.
    pub flags: Slot,
    /// Bit numbers in that slot: invalid, divide by zero, overflow, underflow, inexact.
    pub flag_bits: [u8; 5],
    /// Every NaN result is the default NaN (else the first operand's payload is kept, quieted).
    pub default_nan: bool,
    /// The fraction's highest bit is set in signalling NaNs instead of quiet ones, and a signalling
    /// operand gives the default NaN (MIPS with FCSR.NAN2008 clear).
    pub legacy_nan: bool,
    /// The default NaN, binary32.
    pub nan32: u32,
    /// The default NaN, binary64.
    pub nan64: u64,
    /// Tininess is detected before rounding (Arm) instead of after (RISC-V, x86).
    pub tiny_before: bool,
    /// What a NaN becomes as an integer.
    pub nan_to_int: NanToInt,
}

impl FloatPolicy {
    /// Of several NaNs Arm keeps a signalling one before a quiet one, and an addend before factors
    /// (Armv7-M ARM, section A2.5.4); others the first operand.
    pub fn signalling_first(&self) -> bool {
        self.nan_to_int == NanToInt::Zero
    }
}

/// What conversion of a NaN to an integer gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NanToInt {
    /// The largest integer (RISC-V).
    Max,
    /// The largest integer, and so does whatever else does not fit (MIPS).
    Largest,
    /// Zero (Arm).
    Zero,
    /// The smallest signed integer, all ones unsigned (x86).
    Min,
}
