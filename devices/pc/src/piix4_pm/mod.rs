//! The power management function of the PIIX4 (Intel 290562-001, chapter 7): power-off by a write
//! of SUS_EN, and the timer, which wraps without a status; the SMBus controller does not exist.

#[cfg(test)]
mod tests;

use crate::config::Space;
use crate::schemas::INTEL_PIIX4_PM_1;
use hetemu_hw::pci::{Function, Space as Bus};
use hetemu_hw::regs::{lanes_read, lanes_value, lanes_write};
use hetemu_hw::time::ticks;
use hetemu_hw::{
    BusError, Config, ConfigError, Cx, Device, LoadError, Model, Reader, Request, Writer,
};

/// `intel.piix4_pm`.
pub const MODEL: Model = Model { ty: &INTEL_PIIX4_PM_1, create };

/// Words of the region, by offset.
const STATUS_ENABLE: u64 = 0x00;
const CONTROL: u64 = 0x04;
const TIMER: u64 = 0x08;
/// What PMSTS has, and PMEN; no source of them exists but software's.
const STATUS: u32 = 0x8d21;
const ENABLE: u32 = 0x0521;
/// PMCNTRL.
const SUS_EN: u32 = 1 << 13;
const SUS_TYP: u32 = 7 << 10;
const CONTROL_MASK: u32 = SUS_TYP | 3;
/// Configuration space: the registers answer at PMBA.
const PMREGMISC: usize = 0x80;
/// Of the timer.
const HZ: u64 = 3_579_545;

const SAVED_CONFIG: u16 = 1;
const SAVED_WORDS: u16 = 2;

fn create(_: &Config) -> Result<Box<dyn Device>, ConfigError> {
    Ok(Box::new(Piix4Pm { state: State::default() }))
}

struct Piix4Pm {
    state: State,
}

#[derive(Debug, Clone)]
struct State {
    config: Space,
    /// PMSTS and PMEN above it.
    events: u32,
    control: u32,
}

impl Default for State {
    fn default() -> State {
        let mut config = Space::new(0x8086_7113, 0x0680_0000);
        config.set(0x06, 2, 0x0280);
        config.set(0x3d, 1, 1);
        config.set(0x40, 4, 1);
        config.set(0x90, 4, 1);
        config.allow(0x04, 2, 0x0001);
        config.allow(0x3c, 1, 0xff);
        config.allow(0x40, 4, 0xffc0);
        for at in (0x44..0x80).step_by(4) {
            config.allow(at, 4, u32::MAX);
        }
        config.allow(0x80, 1, 1);
        config.allow(0x90, 4, 0xfff0);
        config.allow(0xd2, 4, u32::MAX);
        State { config, events: 0, control: 0 }
    }
}

impl Piix4Pm {
    fn drive(&self, cx: &mut dyn Cx) {
        let s = &self.state;
        cx.output(0, 0, s.control & 1 != 0 && s.events & s.events >> 16 != 0);
    }

    fn word(&self, offset: u64, now: Option<u64>) -> Option<u32> {
        Some(match offset & !3 {
            STATUS_ENABLE => self.state.events,
            CONTROL => self.state.control,
            TIMER => ticks(now?, HZ) as u32 & 0xff_ffff,
            _ => 0,
        })
    }
}

impl Device for Piix4Pm {
    fn read(&mut self, cx: &mut dyn Cx, _: u32, offset: u64, size: u8) -> Result<u64, BusError> {
        if offset > TIMER + 3 {
            cx.unimplemented("general purpose register", offset, false);
        }
        let word = self.word(offset, Some(cx.now())).unwrap_or(0);
        Ok(lanes_read(word, offset, size))
    }

    fn write(
        &mut self,
        cx: &mut dyn Cx,
        _: u32,
        offset: u64,
        size: u8,
        value: u64,
    ) -> Result<(), BusError> {
        let s = &mut self.state;
        match offset & !3 {
            STATUS_ENABLE => {
                s.events &= !(lanes_value(offset, size, value) & STATUS);
                let enable = lanes_write(s.events, offset, size, value) & ENABLE << 16;
                s.events = s.events & 0xffff | enable;
            }
            CONTROL => {
                let word = lanes_write(s.control, offset, size, value);
                s.control = word & CONTROL_MASK;
                // Type 0 is soft off.
                if word & SUS_EN != 0 && word & SUS_TYP == 0 {
                    cx.request(Request::Shutdown(0));
                }
            }
            TIMER => {}
            _ => cx.unimplemented("general purpose register", offset, true),
        }
        self.drive(cx);
        Ok(())
    }

    fn peek(&self, _: u32, offset: u64, size: u8) -> Option<u64> {
        self.word(offset, None).map(|w| lanes_read(w, offset, size))
    }

    fn reset(&mut self, cx: &mut dyn Cx) {
        self.state = State::default();
        self.drive(cx);
    }

    fn pci(&mut self) -> Option<&mut dyn Function> {
        Some(self)
    }

    fn save(&self, w: &mut Writer) {
        w.bytes(SAVED_CONFIG, self.state.config.bytes());
        w.ints(SAVED_WORDS, [self.state.events.into(), self.state.control.into()]);
    }

    fn load(&mut self, r: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
        let mut state = State::default();
        let mut words = [0; 2];
        r.ints(SAVED_WORDS, &mut words)?;
        state.config.restore(r.bytes(SAVED_CONFIG)?).ok_or(LoadError::Bad(SAVED_CONFIG))?;
        let [events, control] = words.map(u32::try_from);
        let bad = LoadError::Bad(SAVED_WORDS);
        state.events = events.ok().filter(|v| v & !(STATUS | ENABLE << 16) == 0).ok_or(bad)?;
        let bad = LoadError::Bad(SAVED_WORDS);
        state.control = control.ok().filter(|v| v & !CONTROL_MASK == 0).ok_or(bad)?;
        self.state = state;
        Ok(())
    }
}

impl Function for Piix4Pm {
    fn claims(&self, space: Bus, addr: u64) -> Option<(u32, u64)> {
        let config = &self.state.config;
        let base = u64::from(config.word(0x40) & 0xffc0);
        let on = space == Bus::Io && config.byte(PMREGMISC) & 1 != 0 && base != 0;
        let offset = addr.checked_sub(base).filter(|o| on && *o < 64)?;
        Some((0, offset))
    }

    fn config_read(&mut self, _: &mut dyn Cx, offset: u64, size: u8) -> u64 {
        self.state.config.read(offset, size)
    }

    fn config_write(&mut self, _: &mut dyn Cx, offset: u64, size: u8, value: u64) {
        self.state.config.write(offset, size, value);
    }
}
