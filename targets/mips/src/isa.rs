//! What one core implements, as data: word size, byte order, TLB, floating point, identification.

use crate::table::ext;
use hetemu_isa::{CoreConfig, Ty};
use hetemu_schema::Endian;

/// How addresses of mapped segments become physical.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mmu {
    /// A TLB that software fills, of so many entries.
    Tlb(usize),
    /// The fixed mapping of microcontroller cores: kuseg lies 1 GiB above itself.
    Fixed,
}

/// What a core implements.
#[derive(Debug, Clone)]
pub struct Isa {
    /// Bits of a register: 32 or 64.
    pub bits: u8,
    /// Extensions of the decode table.
    pub set: u64,
    /// Data and instructions are big-endian.
    pub big_endian: bool,
    /// Translation.
    pub mmu: Mmu,
    /// PRId.
    pub prid: u32,
    /// FIR; 0 without floating point.
    pub fir: u32,
    /// Vectored interrupts can be spaced (Config3.VInt).
    pub vint: bool,
    /// Bits of a virtual address within a 64-bit segment.
    pub seg_bits: u32,
    /// Bits of a physical address.
    pub phys_bits: u32,
}

impl Isa {
    /// The facts of a core's type and the values of its properties.
    pub fn new(config: &CoreConfig) -> Result<Isa, String> {
        let core = config.ty.core.as_ref().ok_or("the type is no core")?;
        let number = |name: &str| -> Result<u64, String> {
            let Some(text) = core.fact(name) else { return Ok(0) };
            let parsed = match text.strip_prefix("0x") {
                Some(hex) => u64::from_str_radix(hex, 16),
                None => text.parse(),
            };
            parsed.map_err(|_| format!("`{name}` is no number"))
        };
        let mmu = match core.fact("mmu") {
            Some("tlb") => {
                let n = config.int("tlb").unwrap_or(16);
                if !(1..=64).contains(&n) {
                    return Err("`tlb` is 1 to 64 entries".into());
                }
                Mmu::Tlb(n as usize)
            }
            _ => Mmu::Fixed,
        };
        let fir = number("fir")? as u32;
        let mut set = ext::M32;
        set |= if core.bits == 64 { ext::M64 } else { 0 };
        set |= if fir != 0 { ext::FPU } else { 0 };
        Ok(Isa {
            bits: core.bits,
            set,
            big_endian: config.big_endian,
            mmu,
            prid: number("prid")? as u32,
            fir,
            vint: core.fact("vint") == Some("yes"),
            seg_bits: number("segbits")? as u32,
            phys_bits: core.phys_bits.into(),
        })
    }

    /// Byte order.
    pub fn endian(&self) -> Endian {
        if self.big_endian { Endian::Big } else { Endian::Little }
    }

    /// The type of a general register.
    pub fn word(&self) -> Ty {
        if self.bits == 32 { Ty::I32 } else { Ty::I64 }
    }

    /// Whether registers have 64 bits.
    pub fn wide(&self) -> bool {
        self.bits == 64
    }

    /// The bits of a general register.
    pub fn mask(&self) -> u64 {
        if self.bits == 32 { 0xffff_ffff } else { u64::MAX }
    }

    /// The bits of a 64-bit address that count: the segment, and the address in it.
    pub fn address_bits(&self) -> u64 {
        let inside = (1u64 << self.seg_bits) - 1;
        3 << 62 | inside
    }

    /// A 32-bit value as a register holds it: sign-extended on 64-bit cores.
    pub fn extend(&self, word: u64) -> u64 {
        word as u32 as i32 as i64 as u64 & self.mask()
    }
}
