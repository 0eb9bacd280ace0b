//! The core-local interruptor of SiFive, which is an ACLINT MSWI at 0 and an ACLINT MTIMER at
//! 0x4000 (RISC-V ACLINT Specification 1.0-rc4, sections 2 and 3).
//!
//! MTIME is virtual time in periods of `clk`; it is not cleared by a reset, so that it stays equal
//! to the harts' `time` counter, which shows the same virtual time. MTIMECMP has its largest value
//! after a reset: the specification leaves it open, and a timer interrupt before firmware asks for
//! one helps nobody.

mod regs;
mod saved;
#[cfg(test)]
mod tests;

use crate::schemas::{RISCV_CLINT_1, riscv_clint_1::outputs};
use hetemu_hw::regs::mask;
use hetemu_hw::time::{Ps, at_tick, ticks};
use hetemu_hw::{
    BusError, Config, ConfigError, Cx, Device, InspectValue, LoadError, Model, Reader, Writer,
};
use regs::Word;

/// `riscv.clint`.
pub const MODEL: Model = Model { ty: &RISCV_CLINT_1, create };

fn create(config: &Config) -> Result<Box<dyn Device>, ConfigError> {
    let harts = config.int("harts").clamp(1, regs::MAX_HARTS) as usize;
    Ok(Box::new(RiscvClint {
        hz: config.clock("clk").max(1),
        msip: vec![false; harts],
        mtimecmp: vec![u64::MAX; harts],
        mtime_offset: 0,
    }))
}

struct RiscvClint {
    // Fixed configuration.
    hz: u64,
    // Volatile state.
    msip: Vec<bool>,
    mtimecmp: Vec<u64>,
    /// MTIME less the periods of `clk` since time 0.
    mtime_offset: u64,
}

impl RiscvClint {
    fn mtime(&self, now: Ps) -> u64 {
        ticks(now, self.hz).wrapping_add(self.mtime_offset)
    }

    /// Drives a hart's timer line, or starts the timer that will.
    fn compare(&self, cx: &mut dyn Cx, hart: usize) {
        let Some(&at) = self.mtimecmp.get(hart) else { return };
        let line = hart as u32;
        let now = self.mtime(cx.now());
        cx.output(outputs::MTIP, line, now >= at);
        let due = at.checked_sub(now).filter(|left| *left > 0);
        let tick = due.and_then(|left| ticks(cx.now(), self.hz).checked_add(left));
        match tick.map(|t| at_tick(t, self.hz)) {
            // The end of time stands for never.
            Some(ps) if ps < Ps::MAX => cx.timer(line, ps),
            _ => cx.stop_timer(line),
        }
    }

    /// The 64 bits around an offset; `None` where no register is.
    fn word(&self, word: Word, now: Option<Ps>) -> Option<u64> {
        Some(match word {
            Word::Msip(first) => {
                let bit = |hart: usize| self.msip.get(hart).copied().map(u64::from);
                bit(first)? | bit(first + 1).unwrap_or(0) << 32
            }
            Word::Mtimecmp(hart) => self.mtimecmp.get(hart).copied()?,
            Word::Mtime => self.mtime(now?),
        })
    }
}

impl Device for RiscvClint {
    fn read(&mut self, cx: &mut dyn Cx, _: u32, offset: u64, size: u8) -> Result<u64, BusError> {
        match Word::at(offset).and_then(|w| self.word(w, Some(cx.now()))) {
            Some(value) => Ok((value >> (8 * (offset & 7))) & mask(size)),
            None => {
                cx.unimplemented("reserved register", offset, false);
                Ok(0)
            }
        }
    }

    fn write(
        &mut self,
        cx: &mut dyn Cx,
        _: u32,
        offset: u64,
        size: u8,
        value: u64,
    ) -> Result<(), BusError> {
        let word = Word::at(offset);
        let Some((word, old)) = word.and_then(|w| Some((w, self.word(w, Some(cx.now()))?))) else {
            cx.unimplemented("reserved register", offset, true);
            return Ok(());
        };
        let lanes = mask(size) << (8 * (offset & 7));
        let new = old & !lanes | (value << (8 * (offset & 7))) & lanes;
        match word {
            Word::Msip(first) => {
                for (hart, bit) in [(first, new & 1), (first + 1, (new >> 32) & 1)] {
                    if let Some(msip) = self.msip.get_mut(hart) {
                        *msip = bit != 0;
                        cx.output(outputs::MSIP, hart as u32, *msip);
                    }
                }
            }
            Word::Mtimecmp(hart) => {
                if let Some(at) = self.mtimecmp.get_mut(hart) {
                    *at = new;
                }
                self.compare(cx, hart);
            }
            Word::Mtime => {
                self.mtime_offset = new.wrapping_sub(ticks(cx.now(), self.hz));
                for hart in 0..self.mtimecmp.len() {
                    self.compare(cx, hart);
                }
            }
        }
        Ok(())
    }

    fn peek(&self, _: u32, offset: u64, size: u8) -> Option<u64> {
        let value = self.word(Word::at(offset)?, None)?;
        Some((value >> (8 * (offset & 7))) & mask(size))
    }

    fn timer(&mut self, cx: &mut dyn Cx, timer: u32) {
        self.compare(cx, timer as usize);
    }

    fn reset(&mut self, cx: &mut dyn Cx) {
        self.mtime_offset = 0;
        self.msip.fill(false);
        self.mtimecmp.fill(u64::MAX);
        for hart in 0..self.msip.len() {
            cx.output(outputs::MSIP, hart as u32, false);
            self.compare(cx, hart);
        }
    }

    fn save(&self, w: &mut Writer) {
        saved::save(self, w);
    }

    fn load(&mut self, r: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
        saved::load(self, r)
    }

    fn inspect(&self) -> Vec<InspectValue> {
        let msip = self.msip.iter().enumerate();
        let mut values: Vec<_> = msip
            .map(|(hart, on)| InspectValue { name: format!("MSIP[{hart}]"), value: (*on).into() })
            .collect();
        values.extend(
            self.mtimecmp
                .iter()
                .enumerate()
                .map(|(hart, at)| InspectValue { name: format!("MTIMECMP[{hart}]"), value: *at }),
        );
        values
    }
}
