//! System control of the Stellaris microcontrollers (LM3S6965 data sheet, chapter System Control).
//!
//! The system clock that software chooses is told to whoever listens to `sysclk`; the PLL takes its
//! time to lock.

mod saved;
#[cfg(test)]
mod tests;

use crate::schemas::{TI_STELLARIS_SYSCTL_1, ti_stellaris_sysctl_1 as reg};
use hetemu_hw::regs::{lanes_read, lanes_value, lanes_write, register};
use hetemu_hw::time::{Ps, SECOND};
use hetemu_hw::{BusError, Config, ConfigError, Cx, Device, LoadError, Model, Reader, Writer};

/// `ti.stellaris_sysctl`.
pub const MODEL: Model = Model { ty: &TI_STELLARIS_SYSCTL_1, create };

const IRQ: u32 = 0;
const SYSCLK: u32 = 1;
const LOCKED: u32 = 0;

/// From power to lock: T_READY of the data sheet.
const LOCK_TIME: Ps = SECOND / 2000;

/// RIS, IMC, MISC.
const PLLL: u32 = 1 << 6;
const INTERRUPTS: u32 = PLLL | 1 << 1;
/// RESC.
const POR: u32 = 1 << 1;
const CAUSES: u32 = 0x3f;
/// RCC and RCC2.
const PWRDN: u32 = 1 << 13;
const XTAL: u32 = 15 << 6;
const USERCC2: u32 = 1 << 31;
const BYPASS: u32 = 1 << 11;
const USESYSDIV: u32 = 1 << 22;
/// The internal oscillator, nominally.
const INTERNAL_HZ: u64 = 12_000_000;

/// Registers that keep what is written, and which of their bits do.
const WRITABLE: [(u64, u32); 18] = [
    (reg::IMC, INTERRUPTS),
    (reg::RCC, 0x0fde_2bf3),
    (reg::RCC2, 0x9f80_2870),
    (reg::PBORCTL, 0x2),
    (reg::LDOPCTL, 0x3f),
    (reg::SRCR0, 0x0011_0048),
    (reg::SRCR1, 0x030f_5317),
    (reg::SRCR2, 0x5000_007f),
    (reg::RCGC0, 0x0011_0f48),
    (reg::RCGC1, 0x030f_5317),
    (reg::RCGC2, 0x5000_007f),
    (reg::SCGC0, 0x0011_0f48),
    (reg::SCGC1, 0x030f_5317),
    (reg::SCGC2, 0x5000_007f),
    (reg::DCGC0, 0x0011_0f48),
    (reg::DCGC1, 0x030f_5317),
    (reg::DCGC2, 0x5000_007f),
    (reg::DSLPCLKCFG, 0x1f80_0070),
];

/// The flash's registers, in the order of [`State::flash`]: read and program protection, what the
/// user keeps. Their bits fall only.
const FLASH: [u64; 11] = [
    reg::FMPRE0,
    reg::FMPRE0 + 4,
    reg::FMPRE0 + 8,
    reg::FMPRE0 + 12,
    reg::FMPPE0,
    reg::FMPPE0 + 4,
    reg::FMPPE0 + 8,
    reg::FMPPE0 + 12,
    reg::USER_DBG,
    reg::USER_REG0,
    reg::USER_REG1,
];
/// What they hold when nobody has written them.
const FRESH: [u32; FLASH.len()] = {
    let mut all = [u32::MAX; FLASH.len()];
    all[8] = 0xffff_fffe;
    all
};
/// USER_DBG, USER_REG0 and USER_REG1: may be written, once.
const NOT_WRITTEN: u32 = 1 << 31;

/// Crystals by RCC.XTAL, hertz, from 4 on.
const CRYSTALS: [u64; 12] = [
    3_579_545, 3_686_400, 4_000_000, 4_096_000, 4_915_200, 5_000_000, 5_120_000, 6_000_000,
    6_144_000, 7_372_800, 8_000_000, 8_192_000,
];
const PLL_HZ: u64 = 400_000_000;

fn create(config: &Config) -> Result<Box<dyn Device>, ConfigError> {
    let fixed = [
        (reg::DID0, "did0"),
        (reg::DID1, "did1"),
        (reg::DC0, "dc0"),
        (reg::DC1, "dc1"),
        (reg::DC2, "dc2"),
        (reg::DC3, "dc3"),
        (reg::DC4, "dc4"),
    ];
    let fixed = fixed.map(|(offset, name)| (offset, config.int(name) as u32));
    let user = ["user0", "user1"].map(|name| config.int(name) as u32);
    Ok(Box::new(Sysctl { fixed, state: State::new(user) }))
}

struct Sysctl {
    // Fixed configuration.
    fixed: [(u64, u32); 7],
    // Volatile state.
    state: State,
}

#[derive(Debug, Clone)]
struct State {
    raw: u32,
    cause: u32,
    /// In the order of [`WRITABLE`].
    registers: [u32; WRITABLE.len()],
    usecrl: u32,
    /// Not lost by a reset. In the order of [`FLASH`].
    flash: [u32; FLASH.len()],
}

fn reset_value(offset: u64) -> u32 {
    register(&TI_STELLARIS_SYSCTL_1, 0, offset).and_then(|r| r.reset).unwrap_or(0) as u32
}

impl State {
    fn new(user: [u32; 2]) -> State {
        let mut flash = FRESH;
        flash[9..].copy_from_slice(&user);
        State::with(flash)
    }

    fn with(flash: [u32; FLASH.len()]) -> State {
        let registers = WRITABLE.map(|(offset, _)| reset_value(offset));
        State { raw: 0, cause: POR, registers, usecrl: 0x31, flash }
    }

    /// A register of the flash, by its offset or the shorter name of the first.
    fn flash(&mut self, offset: u64) -> Option<&mut u32> {
        let offset = match offset {
            reg::FMPRE => reg::FMPRE0,
            reg::FMPPE => reg::FMPPE0,
            other => other,
        };
        let index = FLASH.iter().position(|at| *at == offset)?;
        self.flash.get_mut(index)
    }

    fn flash_value(&self, offset: u64) -> Option<u32> {
        self.clone().flash(offset).copied()
    }

    /// The frequency that software has chosen for the system, hertz (data sheet, figure of the main
    /// clock tree); `None` where a source is off or reserved.
    fn system_hz(&self) -> Option<u64> {
        let [rcc, rcc2] = [reg::RCC, reg::RCC2].map(|at| self.kept(at).unwrap_or(0));
        let second = rcc2 & USERCC2 != 0;
        let chosen = if second { rcc2 } else { rcc };
        let crystal = (self.crystal() as usize).checked_sub(4).and_then(|i| CRYSTALS.get(i));
        let bypass = chosen & BYPASS != 0;
        let source = match (chosen >> 4 & if second { 7 } else { 3 }, bypass) {
            // The PLL's own divisor by two comes before SYSDIV.
            (_, false) => PLL_HZ / 2,
            (0, _) => *crystal?,
            (1, _) => INTERNAL_HZ,
            (2, _) => INTERNAL_HZ / 4,
            (3, _) => 30_000,
            (7, _) => 32_768,
            _ => return None,
        };
        let divides = rcc & USESYSDIV != 0;
        let divisor = if second { rcc2 >> 23 & 0x3f } else { rcc >> 23 & 0xf };
        Some(if divides { source / (u64::from(divisor) + 1) } else { source })
    }

    fn kept(&self, offset: u64) -> Option<u32> {
        let index = WRITABLE.iter().position(|(at, _)| *at == offset)?;
        self.registers.get(index).copied()
    }

    fn pll_on(&self) -> bool {
        let [rcc, rcc2] = [reg::RCC, reg::RCC2].map(|at| self.kept(at).unwrap_or(0));
        let power = if rcc2 & USERCC2 != 0 { rcc2 } else { rcc };
        power & PWRDN == 0
    }

    fn crystal(&self) -> u32 {
        (self.kept(reg::RCC).unwrap_or(0) & XTAL) >> 6
    }
}

/// PLLCFG: F and R with crystal * F / (R + 1) nearest to the PLL's frequency; of equals the
/// smallest.
fn divisors(crystal: u32) -> u32 {
    let index = (crystal as usize).checked_sub(4);
    let hz = index.and_then(|i| CRYSTALS.get(i)).copied().unwrap_or(6_000_000);
    let pairs = (1..=32u64).map(|r| (r, (PLL_HZ * r + hz / 2) / hz)).filter(|(_, f)| *f < 512);
    // Errors are compared over a common denominator, in millihertz.
    let best = pairs.min_by_key(|(r, f)| (hz * f * 1000 / r).abs_diff(PLL_HZ * 1000));
    best.map_or(0, |(r, f)| (f << 5 | (r - 1)) as u32)
}

impl Sysctl {
    fn value(&self, offset: u64) -> Option<u32> {
        let s = &self.state;
        match offset {
            reg::RIS => Some(s.raw),
            reg::MISC => Some(s.raw & s.kept(reg::IMC).unwrap_or(0)),
            reg::RESC => Some(s.cause),
            reg::PLLCFG => Some(divisors(s.crystal())),
            reg::USECRL => Some(s.usecrl),
            _ => {
                let fixed = self.fixed.iter().find(|(at, _)| *at == offset);
                let kept = || s.kept(offset).or_else(|| s.flash_value(offset));
                fixed.map(|(_, value)| *value).or_else(kept)
            }
        }
    }

    fn drive(&self, cx: &mut dyn Cx) {
        cx.output(IRQ, 0, self.value(reg::MISC).unwrap_or(0) != 0);
        if let Some(hz) = self.state.system_hz() {
            cx.rate(SYSCLK, 0, hz);
        }
    }

    /// Keeps a register; the PLL begins to lock when it gets power or another crystal.
    fn keep(&mut self, cx: &mut dyn Cx, offset: u64, value: u32) {
        let before = (self.state.pll_on(), self.state.crystal());
        let all = self.state.registers.iter_mut().zip(WRITABLE);
        for (kept, (_, mask)) in all.filter(|(_, (at, _))| *at == offset) {
            *kept = *kept & !mask | value & mask;
        }
        let after = (self.state.pll_on(), self.state.crystal());
        if before != after {
            if after.0 {
                cx.timer(LOCKED, cx.now().saturating_add(LOCK_TIME));
            } else {
                cx.stop_timer(LOCKED);
            }
        }
    }
}

impl Device for Sysctl {
    fn read(&mut self, cx: &mut dyn Cx, _: u32, offset: u64, size: u8) -> Result<u64, BusError> {
        let value = self.peek(0, offset, size);
        if value.is_none() {
            cx.unimplemented("reserved register", offset, false);
        }
        Ok(value.unwrap_or(0))
    }

    fn write(
        &mut self,
        cx: &mut dyn Cx,
        _: u32,
        offset: u64,
        size: u8,
        value: u64,
    ) -> Result<(), BusError> {
        let at = offset & !3;
        let Some(old) = self.value(at) else {
            cx.unimplemented("reserved register", offset, true);
            return Ok(());
        };
        let whole = lanes_write(old, offset, size, value);
        match at {
            reg::MISC => self.state.raw &= !lanes_value(offset, size, value),
            reg::RESC => self.state.cause &= whole & CAUSES,
            reg::USECRL => self.state.usecrl = whole & 0xff,
            _ => match self.state.flash(at) {
                // The upper three are written once, the others lose bits.
                Some(kept) if FLASH[8..].contains(&at) => {
                    if *kept & NOT_WRITTEN != 0 {
                        *kept = whole;
                    }
                }
                Some(kept) => *kept &= whole,
                None => self.keep(cx, at, whole),
            },
        }
        self.drive(cx);
        Ok(())
    }

    fn peek(&self, _: u32, offset: u64, size: u8) -> Option<u64> {
        self.value(offset & !3).map(|value| lanes_read(value, offset, size))
    }

    fn timer(&mut self, cx: &mut dyn Cx, _: u32) {
        self.state.raw |= PLLL;
        self.drive(cx);
    }

    fn reset(&mut self, cx: &mut dyn Cx) {
        self.state = State::with(self.state.flash);
        cx.stop_timer(LOCKED);
        self.drive(cx);
    }

    fn save(&self, w: &mut Writer) {
        self.state.save(w);
    }

    fn load(&mut self, r: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
        self.state = State::load(r, self.state.flash)?;
        Ok(())
    }
}
