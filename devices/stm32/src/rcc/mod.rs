//! Reset and clock control (RM0090, chapter 7).
//!
//! Oscillators and PLLs are ready at once. What their registers say becomes frequencies, which the
//! rate outputs tell to whoever runs at them. The backup domain and the flags of resets outlive the
//! machine's reset: the first one is power-on.

#[cfg(test)]
mod tests;

use crate::bank::{Bank, Write};
use crate::schemas::{ST_STM32F4_RCC_1, st_stm32f4_rcc_1 as reg};
use crate::unit::{Block, Unit};
use hetemu_hw::schema::DeviceType;
use hetemu_hw::{Config, ConfigError, Cx, Device, Model};

/// `st.stm32f4_rcc`.
pub const MODEL: Model = Model { ty: &ST_STM32F4_RCC_1, create };

const IWDG: u32 = 0;
const IRQ: u32 = 0;
/// The rate outputs, from this port on: HCLK, PCLK1, PCLK2, timers 1, timers 2, 48 MHz, RTC.
const RATES: u32 = 1;

/// CR: each oscillator's ON bit, and READY the bit above; its interrupt flag in CIR.
const HSI: u32 = 1 << 0;
const HSE: u32 = 1 << 16;
const PLL: u32 = 1 << 24;
const PLLI2S: u32 = 1 << 26;
const OSCILLATORS: [(u32, u32); 4] =
    [(HSI, 1 << 2), (HSE, 1 << 3), (PLL, 1 << 4), (PLLI2S, 1 << 5)];
/// BDCR and CSR: LSEON, LSION.
const ON: u32 = 1;
const BDRST: u32 = 1 << 16;
/// CSR.
const RMVF: u32 = 1 << 24;
const PINRSTF: u32 = 1 << 26;
const SFTRSTF: u32 = 1 << 28;
const IWDGRSTF: u32 = 1 << 29;
const WWDGRSTF: u32 = 1 << 30;
/// PLLCFGR.PLLSRC.
const FROM_HSE: u32 = 1 << 22;
/// CIR: clear bits lie 16 above the flags, enables 8.
const FLAGS: u32 = 0xbf;
/// LSI, hertz.
const LSI_HZ: u64 = 32_000;

fn create(config: &Config) -> Result<Box<dyn Device>, ConfigError> {
    Ok(Box::new(Block(Rcc {
        hsi: config.int("hsi"),
        hse: config.int("hse"),
        lse: config.int("lse"),
        bank: Bank::new(&ST_STM32F4_RCC_1),
        alive: 0,
        cause: 0,
    })))
}

#[derive(Clone)]
struct Rcc {
    // Fixed configuration, hertz.
    hsi: u64,
    hse: u64,
    lse: u64,
    // Volatile state.
    bank: Bank,
    /// 1 after the first reset.
    alive: u64,
    /// Flags of CSR that the reset under way will set.
    cause: u64,
}

/// Frequencies, in the order of the rate outputs.
type Rates = [u64; 7];

impl Rcc {
    fn on(&self, oscillator: u32) -> bool {
        let there = oscillator != HSE || self.hse != 0;
        there && self.bank.is(reg::CR, oscillator)
    }

    /// The PLL's VCO, hertz.
    fn vco(&self) -> u64 {
        let source = if self.bank.is(reg::PLLCFGR, FROM_HSE) { self.hse } else { self.hsi };
        let m = u64::from(self.bank.field(reg::PLLCFGR, 0, 6)).max(1);
        source * u64::from(self.bank.field(reg::PLLCFGR, 6, 9)) / m
    }

    /// The clock that CFGR's SWS says, hertz.
    fn sysclk(&self) -> u64 {
        match self.bank.field(reg::CFGR, 2, 2) {
            0 => self.hsi,
            1 => self.hse,
            _ => self.vco() / (2 * u64::from(self.bank.field(reg::PLLCFGR, 16, 2)) + 2),
        }
    }

    fn rates(&self) -> Rates {
        let hpre = self.bank.field(reg::CFGR, 4, 4);
        // Divisors are 2, 4, 8, 16, 64 and so on: there is no 32.
        let hclk =
            self.sysclk() >> [0, 1, 2, 3, 4, 6, 7, 8, 9][hpre.saturating_sub(7).min(8) as usize];
        let apb = |lsb| self.bank.field(reg::CFGR, lsb, 3).saturating_sub(3);
        let timers = |shift| if shift == 0 { hclk } else { (hclk >> shift) * 2 };
        let (one, two) = (apb(10), apb(13));
        let q = u64::from(self.bank.field(reg::PLLCFGR, 24, 4)).max(2);
        let pll48 = if self.on(PLL) { self.vco() / q } else { 0 };
        [hclk, hclk >> one, hclk >> two, timers(one), timers(two), pll48, self.rtc()]
    }

    fn rtc(&self) -> u64 {
        let ready = |at, hz| if self.bank.is(at, ON) { hz } else { 0 };
        let enabled = self.bank.is(reg::BDCR, 1 << 15);
        match self.bank.field(reg::BDCR, 8, 2) {
            _ if !enabled => 0,
            1 => ready(reg::BDCR, self.lse),
            2 => ready(reg::CSR, LSI_HZ),
            3 if self.on(HSE) => self.hse / u64::from(self.bank.field(reg::CFGR, 16, 5)).max(1),
            _ => 0,
        }
    }

    /// What is ready, and which clock drives the system, after a change.
    fn follow(&mut self) {
        for (on, flag) in OSCILLATORS {
            let (before, now) = (self.bank.is(reg::CR, on << 1), self.on(on));
            self.bank.put(reg::CR, on << 1, now);
            self.bank.put(reg::CIR, flag, now && !before || self.bank.is(reg::CIR, flag));
        }
        for (at, flag, there) in [(reg::CSR, 1, true), (reg::BDCR, 2, self.lse != 0)] {
            let (before, now) = (self.bank.is(at, ON << 1), there && self.bank.is(at, ON));
            self.bank.put(at, ON << 1, now);
            self.bank.put(reg::CIR, flag, now && !before || self.bank.is(reg::CIR, flag));
        }
        let wanted = self.bank.field(reg::CFGR, 0, 2);
        let ready = match wanted {
            0 => self.on(HSI),
            1 => self.on(HSE),
            2 => self.on(PLL),
            _ => false,
        };
        if ready {
            self.bank.put(reg::CFGR, 3 << 2, false);
            self.bank.put(reg::CFGR, wanted << 2, true);
        }
    }

    /// Oscillators that cannot be stopped because the system runs at them.
    fn needed(&self) -> u32 {
        let source = if self.bank.is(reg::PLLCFGR, FROM_HSE) { HSE } else { HSI };
        match self.bank.field(reg::CFGR, 2, 2) {
            0 => HSI,
            1 => HSE,
            _ => PLL | source,
        }
    }
}

impl Unit for Rcc {
    const TYPE: &'static DeviceType = &ST_STM32F4_RCC_1;

    fn bank(&self) -> &Bank {
        &self.bank
    }

    fn bank_mut(&mut self) -> &mut Bank {
        &mut self.bank
    }

    fn words(&mut self) -> Vec<&mut u64> {
        vec![&mut self.alive, &mut self.cause]
    }

    fn write(&mut self, _: &mut dyn Cx, write: Write) {
        match write.at {
            reg::CR => {
                let needed = self.needed();
                self.bank.keep(&write);
                self.bank.put(reg::CR, needed, true);
            }
            // The main PLL's settings hold while it runs.
            reg::PLLCFGR if self.on(PLL) => {}
            reg::CIR => {
                let flags = self.bank.get(reg::CIR) & FLAGS & !(write.bits >> 16);
                self.bank.keep(&write);
                self.bank.put(reg::CIR, FLAGS, false);
                self.bank.put(reg::CIR, flags, true);
            }
            reg::BDCR => {
                self.bank.keep(&write);
                if self.bank.is(reg::BDCR, BDRST) {
                    self.bank.set(reg::BDCR, BDRST);
                }
            }
            reg::CSR => {
                self.bank.keep(&write);
                if write.bits & RMVF != 0 {
                    let kept = self.bank.get(reg::CSR) & 3;
                    self.bank.set(reg::CSR, kept);
                }
            }
            _ => self.bank.keep(&write),
        }
        self.follow();
    }

    fn signal(&mut self, _: &mut dyn Cx, input: u32, _: u32, level: bool) {
        if level {
            self.cause |= u64::from(if input == IWDG { IWDGRSTF } else { WWDGRSTF });
        }
    }

    fn reset(&mut self) {
        let before = std::mem::replace(&mut self.bank, Bank::new(Self::TYPE));
        let cause = match std::mem::take(&mut self.cause) as u32 {
            0 => SFTRSTF,
            cause => cause,
        };
        if std::mem::replace(&mut self.alive, 1) != 0 {
            self.bank.set(reg::BDCR, before.get(reg::BDCR));
            let flags = before.get(reg::CSR) & !(RMVF - 1);
            self.bank.set(reg::CSR, flags | cause | PINRSTF);
        }
    }

    fn drive(&mut self, cx: &mut dyn Cx) {
        let cir = self.bank.get(reg::CIR);
        cx.output(IRQ, 0, cir & cir >> 8 & 0x3f != 0);
        for (port, hz) in (RATES..).zip(self.rates()) {
            cx.rate(port, 0, hz);
        }
    }
}
