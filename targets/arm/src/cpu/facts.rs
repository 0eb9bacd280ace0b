//! What one core implements, as data: the facts of its type and the values of the machine.

use crate::hw::idau::Idau;
use crate::table::ext;
use hetemu_isa::CoreConfig;
use hetemu_schema::Value;

/// What a core implements.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Extensions of the decode table.
    pub set: u64,
    /// CPUID.
    pub cpuid: u32,
    /// External interrupts.
    pub irqs: usize,
    /// Bits of a priority that exist.
    pub priority_bits: u32,
    /// MPU regions; with the security extension of the secure one.
    pub mpu: usize,
    /// Regions of the non-secure MPU.
    pub mpu_ns: usize,
    /// The security extension of Armv8-M.
    pub security: bool,
    /// Regions of the security attribution unit.
    pub sau: usize,
    /// The implementation-defined attribution.
    pub(crate) idau: Idau,
    /// Non-secure vector table at reset.
    pub vectors_ns: u32,
    /// The bit-band aliases exist.
    pub bit_band: bool,
    /// The external private peripheral bus is the machine's.
    pub external_ppb: bool,
    /// Clocks of the core in one of SysTick's reference clock; 0: there is none.
    pub systick_ref: u64,
    /// Vector table at reset.
    pub vectors: u32,
    /// Comparators of the DWT; its cycle counter exists on cores with any.
    pub dwt: bool,
}

impl Facts {
    /// The facts of a core's type and the values of its properties, the latter first.
    ///
    /// # Errors
    /// A value that does not fit, in a sentence.
    pub fn new(config: &CoreConfig) -> Result<Facts, String> {
        let core = config.ty.core.as_ref().ok_or("the type is no core")?;
        let arch = core.fact("arch").unwrap_or("armv7-m");
        let number = |name: &str| -> Option<u64> {
            let fact = || {
                let text = core.fact(name)?;
                match text.strip_prefix("0x") {
                    Some(hex) => u64::from_str_radix(hex, 16).ok(),
                    None => text.parse().ok(),
                }
            };
            config.int(name).or_else(fact)
        };
        let yes = |name: &str| match config.props.get(name) {
            Some(Value::Bool(on)) => *on,
            _ => core.fact(name) == Some("yes"),
        };
        let mut set = match arch {
            "armv6-m" => 0,
            "armv7-m" => ext::MAIN,
            "armv7e-m" => ext::MAIN | ext::DSP,
            "armv8-m" => ext::MAIN | ext::DSP | ext::V8,
            other => return Err(format!("architecture `{other}` is not known")),
        };
        if yes("fpu") {
            set |= ext::FP;
            match core.fact("fp").unwrap_or("fpv4-sp") {
                "fpv4-sp" => {}
                "fpv5-sp" => set |= ext::FP5,
                "fpv5-d" => set |= ext::FP5 | ext::DP,
                other => return Err(format!("floating point `{other}` is not known")),
            }
        }
        let security = yes("security") && set & ext::V8 != 0;
        if security {
            set |= ext::SEC;
        }
        let small = set & ext::MAIN == 0;
        let mpu = number("mpu").unwrap_or(0).min(16) as usize;
        Ok(Facts {
            set,
            cpuid: number("cpuid").unwrap_or(0) as u32,
            irqs: number("irqs").unwrap_or(32).min(240) as usize,
            priority_bits: if small { 2 } else { number("priority_bits").unwrap_or(3) as u32 },
            mpu,
            mpu_ns: number("mpu_ns").map_or(mpu, |n| n.min(16) as usize),
            security,
            sau: number("sau").unwrap_or(8).min(8) as usize,
            idau: Idau::new(config.text("idau").unwrap_or_default())?,
            vectors_ns: number("reset_vector_ns").unwrap_or(0) as u32 & !0x7f,
            bit_band: yes("bit_band"),
            external_ppb: yes("external_ppb"),
            systick_ref: config.int("systick_ref").unwrap_or(0),
            vectors: number("reset_vector").unwrap_or(core.reset_vector) as u32 & !0x7f,
            dwt: !small,
        })
    }

    /// Armv7-M and later: not the small instruction set of Armv6-M.
    pub fn main(&self) -> bool {
        self.set & ext::MAIN != 0
    }

    /// Armv8-M.
    pub fn v8(&self) -> bool {
        self.set & ext::V8 != 0
    }

    /// Floating point.
    pub fn fp(&self) -> bool {
        self.set & ext::FP != 0
    }
}
