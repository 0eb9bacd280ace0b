//! What one core implements, as data: word size, extensions, privilege modes, translation, PMP.

use crate::table::{EXTENSIONS, ext};
use hetemu_isa::{CoreConfig, Ty};
use hetemu_schema::Value;

/// The widest address translation that satp takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Mmu {
    None,
    Sv32,
    Sv39,
    Sv48,
    Sv57,
}

/// What the trap vector and the interrupts look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavor {
    /// As the privileged architecture leaves it open: direct or vectored, PLIC inputs.
    Standard,
    /// Ibex: vectored only, fast interrupts, CSRs of its own.
    Ibex,
}

/// What a core implements.
#[derive(Debug, Clone)]
pub struct Isa {
    /// Bits of a register: 32 or 64.
    pub bits: u8,
    /// Extensions of the decode table.
    pub set: u64,
    /// Names of all extensions, letters and words, as the device tree gives them.
    pub names: Vec<String>,
    /// User mode.
    pub user: bool,
    /// Supervisor mode.
    pub supervisor: bool,
    /// Widest translation.
    pub mmu: Mmu,
    /// PMP entries.
    pub pmp: usize,
    /// Smepmp.
    pub smepmp: bool,
    /// Counters cycle and instret can be read below machine mode.
    pub zicntr: bool,
    /// The time CSR exists.
    pub time: bool,
    /// Supervisor timer compare.
    pub sstc: bool,
    /// Translation of 64 KiB by one of sixteen equal entries.
    pub svnapot: bool,
    /// The fields of menvcfg.
    pub menvcfg: u64,
    /// Bytes of a cache block, as Zicbom and Zicboz count.
    pub cache_block: u64,
    /// A PTE without A or D faults instead of being updated.
    pub svade: bool,
    /// Bits of a vector register, with V.
    pub vlen: Option<usize>,
    /// Traps and interrupts.
    pub flavor: Flavor,
}

impl Isa {
    /// The facts of a core's type and the values of its properties, the latter first.
    pub fn new(config: &CoreConfig) -> Result<Isa, String> {
        let core = config.ty.core.as_ref().ok_or("the type is no core")?;
        let word = |name: &str| -> Option<String> {
            match config.props.get(name) {
                Some(Value::Str(s)) => Some(s.clone()),
                Some(Value::Int(n)) => Some(n.to_string()),
                _ => core.fact(name).map(str::to_string),
            }
        };
        let text = word("isa").ok_or("the type has no `isa`")?;
        let names = split(&text, core.bits)?;
        let has = |n: &str| names.iter().any(|e| e == n);
        let modes = word("modes").unwrap_or_else(|| "m".into());
        let supervisor = modes.contains('s');
        let mut set = if core.bits == 32 { ext::RV32 } else { ext::RV64 };
        for (bit, name) in EXTENSIONS.iter().enumerate().skip(2) {
            if has(name) {
                set |= 1 << bit;
            }
        }
        if set & ext::C != 0 {
            set |= ext::ZCA;
        }
        set = if supervisor { set | ext::S } else { set & !ext::S };
        if set & ext::D != 0 && set & ext::F == 0 {
            return Err("`d` needs `f`".into());
        }
        let mmu = match word("mmu").as_deref().unwrap_or("none") {
            _ if !supervisor => Mmu::None,
            "none" => Mmu::None,
            "sv32" if core.bits == 32 => Mmu::Sv32,
            "sv39" if core.bits == 64 => Mmu::Sv39,
            "sv48" if core.bits == 64 => Mmu::Sv48,
            "sv57" if core.bits == 64 => Mmu::Sv57,
            other => return Err(format!("mmu `{other}` does not fit {} bits", core.bits)),
        };
        let mut vlen = None;
        if set & ext::V != 0 {
            if set & ext::D == 0 {
                return Err("`v` needs `d`".into());
            }
            let bits: usize = word("vlen").map_or(Ok(128), |n| n.parse()).unwrap_or(0);
            if !bits.is_power_of_two() || !(128..=512).contains(&bits) {
                return Err("`vlen` is 128, 256 or 512".into());
            }
            vlen = Some(bits);
        }
        let pmp = word("pmp").and_then(|n| n.parse().ok()).unwrap_or(0);
        let flavor = match word("mtvec").as_deref() {
            Some("vectored") => Flavor::Ibex,
            _ => Flavor::Standard,
        };
        let cache_block = word("cache_block").map_or(Some(64), |n| n.parse().ok());
        let cache_block = cache_block
            .filter(|n: &u64| n.is_power_of_two() && (8..=4096).contains(n))
            .ok_or("`cache_block` is a power of two from 8 to 4096")?;
        let standard = flavor == Flavor::Standard;
        Ok(Isa {
            bits: core.bits,
            set,
            user: modes.contains('u'),
            supervisor,
            mmu,
            pmp,
            smepmp: has("smepmp") || word("smepmp").as_deref() == Some("yes"),
            // A device tree may leave the counters out of its string: a core with modes has them.
            zicntr: has("zicntr") || standard,
            time: standard,
            sstc: has("sstc") && supervisor,
            svnapot: has("svnapot"),
            menvcfg: menvcfg(&names, supervisor),
            cache_block,
            svade: has("svade"),
            vlen,
            flavor,
            names,
        })
    }

    /// Whether an extension of the decode table is there.
    pub fn has(&self, bit: u64) -> bool {
        self.set & bit != 0
    }

    /// The type of an integer register.
    pub fn xlen(&self) -> Ty {
        if self.bits == 32 { Ty::I32 } else { Ty::I64 }
    }

    /// The bits of an integer register.
    pub fn mask(&self) -> u64 {
        if self.bits == 32 { 0xffff_ffff } else { u64::MAX }
    }
}

/// The fields of menvcfg that extensions bring.
fn menvcfg(names: &[String], supervisor: bool) -> u64 {
    use crate::cpu::envcfg::*;
    let fields = [
        ("zicbom", CBIE | CBCFE),
        ("zicboz", CBZE),
        ("svadu", ADUE),
        ("svpbmt", PBMTE),
        ("sstc", if supervisor { STCE } else { 0 }),
    ];
    let there = fields.iter().filter(|(name, _)| names.iter().any(|n| n == name));
    there.fold(FIOM, |all, (_, bits)| all | bits)
}

/// The extensions in `rv64imac_zba`: letters, then words between underscores; `g` is spelled out.
fn split(text: &str, bits: u8) -> Result<Vec<String>, String> {
    let text = text.to_ascii_lowercase();
    let rest = text
        .strip_prefix(&format!("rv{bits}"))
        .ok_or(format!("isa `{text}` does not begin with `rv{bits}`"))?;
    let mut names = Vec::new();
    for (i, part) in rest.split('_').enumerate() {
        // Multi-letter names may follow the letters without an underscore only from `z`, `s` or `x`
        // on.
        let letters = if i == 0 { part } else { "" };
        for c in letters.chars() {
            match c {
                'g' => {
                    let all = ["i", "m", "a", "f", "d", "zicsr", "zifencei"];
                    names.extend(all.map(str::to_string));
                }
                'a'..='z' => names.push(c.to_string()),
                _ => return Err(format!("isa `{text}`: `{c}`")),
            }
        }
        match part {
            _ if i == 0 || part.is_empty() => {}
            "b" => names.extend(["zba", "zbb", "zbs"].map(str::to_string)),
            _ => names.push(part.to_string()),
        }
    }
    if !names.iter().any(|n| n == "i") {
        return Err(format!("isa `{text}` has no base `i`"));
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn isa_strings() {
        for (text, bits, names) in [
            ("rv32imc_zba", 32, "i m c zba"),
            ("RV64GC", 64, "i m a f d zicsr zifencei c"),
            ("rv64i_b_zicsr", 64, "i zba zbb zbs zicsr"),
        ] {
            assert_eq!(split(text, bits).unwrap().join(" "), names);
        }
        for text in ["rv64i", "rv32", "rv32m", "x", "rv32i9"] {
            assert!(split(text, 32).is_err(), "{text}");
        }
    }
}
