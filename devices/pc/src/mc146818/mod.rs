//! The MC146818 real-time clock with its RAM (Motorola MC146818A data sheet, 1984).
//!
//! The time is the machine's wall clock plus what the guest has set. Flags follow from the time
//! when someone looks; timers run only while an interrupt is enabled.

mod calendar;
mod regs;
mod saved;
#[cfg(test)]
mod tests;

use crate::schemas::{MC146818_1, MC146818_2};
use calendar::Form;
use hetemu_hw::time::{Ps, SECOND};
use hetemu_hw::{
    BusError, Config, ConfigError, Cx, Device, InspectValue, LoadError, Model, Reader, Writer,
};
use regs::*;

/// `mc146818@1`.
pub const MODEL: Model = Model { ty: &MC146818_1, create };
/// `mc146818@2`.
pub const MODEL_2: Model = Model { ty: &MC146818_2, create };

const IRQ: u32 = 0;
const SECOND_TIMER: u32 = 0;
const PERIOD_TIMER: u32 = 1;
const NS: i64 = 1_000_000_000;
/// UIP is set this long before an update and until it ends: tBUC + tUC with a 32,768 Hz crystal.
const UPDATE_NS: i64 = 244_000 + 1_984_000;
/// Seconds that are looked through for an alarm: a day has every time of day.
const DAY: i64 = 86_400;

fn create(config: &Config) -> Result<Box<dyn Device>, ConfigError> {
    let base_year = config.int("base_year") as i64;
    Ok(Box::new(Mc146818 { base_year, state: State::default() }))
}

struct Mc146818 {
    // Fixed configuration.
    base_year: i64,
    // Volatile state.
    state: State,
}

#[derive(Debug, Clone)]
struct State {
    index: u8,
    /// All bytes; those of the time only while SET stops it.
    cells: [u8; CELLS],
    /// What the guest added to the wall clock, seconds.
    offset: i64,
    /// The last second and period whose flags were set.
    seen_second: i64,
    seen_period: u64,
    /// Register C.
    flags: u8,
}

impl Default for State {
    fn default() -> State {
        let mut cells = [0; CELLS];
        // 32,768 Hz, a period of 1/1024 s; 24 hours, BCD.
        for (register, value) in [(A, 0x26), (B, B_24), (D, D_VRT)] {
            if let Some(cell) = cells.get_mut(usize::from(register)) {
                *cell = value;
            }
        }
        State { index: 0, cells, offset: 0, seen_second: 0, seen_period: 0, flags: 0 }
    }
}

impl State {
    fn cell(&self, register: u8) -> u8 {
        self.cells.get(usize::from(register)).copied().unwrap_or(0)
    }

    fn set_cell(&mut self, register: u8, value: u8) {
        if let Some(cell) = self.cells.get_mut(usize::from(register)) {
            *cell = value;
        }
    }
}

impl Mc146818 {
    fn form(&self) -> Form {
        let b = self.state.cell(B);
        let (binary, hours_24) = (b & B_DM != 0, b & B_24 != 0);
        Form { binary, hours_24, base_year: self.base_year }
    }

    /// Nanoseconds since 1970 as the clock has it.
    fn time_ns(&self, cx: &dyn Cx) -> i64 {
        let wall = i64::try_from(cx.wall_ns()).unwrap_or(i64::MAX);
        wall.saturating_add(self.state.offset.saturating_mul(NS))
    }

    fn seconds(&self, cx: &dyn Cx) -> i64 {
        self.time_ns(cx).div_euclid(NS)
    }

    /// Whether the time stands: SET, or the divider in reset.
    fn stands(&self) -> bool {
        self.state.cell(B) & B_SET != 0 || self.state.cell(A) & 0x60 == 0x60
    }

    /// Length of the periodic interrupt's period; none if it is off.
    fn period(&self) -> Option<Ps> {
        let rate = self.state.cell(A) & 15;
        let shift = match rate {
            0 => return None,
            1 | 2 => rate + 6,
            _ => rate - 1,
        };
        Some((SECOND << shift) / 32_768)
    }

    /// Sets the flags of what has happened since somebody looked last.
    fn catch_up(&mut self, cx: &dyn Cx) {
        let now = self.seconds(cx);
        if !self.stands() && now > self.state.seen_second {
            self.state.flags |= C_UF;
            let first = (self.state.seen_second + 1).max(now - DAY + 1);
            let (form, cell) = (self.form(), |r| self.state.cell(r));
            if (first..=now).any(|second| form.rings(second, cell)) {
                self.state.flags |= C_AF;
            }
        }
        self.state.seen_second = now;
        let period = self.period().map_or(0, |period| cx.now() / period);
        if period > self.state.seen_period {
            self.state.flags |= C_PF;
        }
        self.state.seen_period = period;
    }

    /// Drives the interrupt and starts the timers that may raise it.
    fn drive(&mut self, cx: &mut dyn Cx) {
        self.catch_up(cx);
        let enabled = self.state.cell(B) & (B_PIE | B_AIE | B_UIE);
        self.state.flags &= !C_IRQF;
        if self.state.flags & enabled != 0 {
            self.state.flags |= C_IRQF;
        }
        let raised = self.state.flags & C_IRQF != 0;
        cx.output(IRQ, 0, raised);
        cx.stop_timer(SECOND_TIMER);
        cx.stop_timer(PERIOD_TIMER);
        if !raised && enabled & (B_AIE | B_UIE) != 0 && !self.stands() {
            let left = NS - self.time_ns(cx).rem_euclid(NS);
            cx.timer(SECOND_TIMER, cx.now().saturating_add(left as u64 * 1000));
        }
        if let Some(period) = self.period().filter(|_| !raised && enabled & B_PIE != 0) {
            cx.timer(PERIOD_TIMER, (cx.now() / period).saturating_add(1).saturating_mul(period));
        }
    }

    fn value(&self, cx: &dyn Cx, register: u8) -> u8 {
        let cell = self.state.cell(register);
        match register {
            A => {
                let before = NS - self.time_ns(cx).rem_euclid(NS);
                if before <= UPDATE_NS && !self.stands() { cell | A_UIP } else { cell }
            }
            C => self.state.flags,
            _ if self.stands() => cell,
            _ => {
                let time = self.form().bytes(self.seconds(cx));
                time.iter().find(|(r, _)| *r == register).map_or(cell, |(_, value)| *value)
            }
        }
    }

    /// Puts the time into its bytes, where the guest can change it.
    fn stop(&mut self, cx: &dyn Cx) {
        for (register, value) in self.form().bytes(self.seconds(cx)) {
            self.state.set_cell(register, value);
        }
    }

    /// Goes on from the time in the bytes.
    fn go_on(&mut self, cx: &dyn Cx) {
        let set = self.form().seconds(|r| self.state.cell(r));
        let wall = i64::try_from(cx.wall_ns()).unwrap_or(i64::MAX).div_euclid(NS);
        self.state.offset = set.saturating_sub(wall);
        self.state.seen_second = set;
    }

    fn set(&mut self, cx: &dyn Cx, register: u8, value: u8) {
        let stood = self.stands();
        let time = matches!(register, SECONDS | MINUTES | HOURS | WEEKDAY..=YEAR | CENTURY);
        match register {
            A => self.change(cx, A, value & !A_UIP),
            B => {
                // SET ends updates, and with them their interrupt.
                let off = if value & B_SET != 0 { B_UIE } else { 0 };
                self.change(cx, B, value & !off);
            }
            C | D => {}
            _ if time && !stood => {
                self.stop(cx);
                self.state.set_cell(register, value);
                self.go_on(cx);
            }
            _ => self.state.set_cell(register, value),
        }
    }

    /// Writes a control register that may stop the time or let it go on.
    fn change(&mut self, cx: &dyn Cx, register: u8, value: u8) {
        let stood = self.stands();
        if !stood {
            self.stop(cx);
        }
        self.state.set_cell(register, value);
        if stood && !self.stands() {
            self.go_on(cx);
        }
    }
}

impl Device for Mc146818 {
    fn read(&mut self, cx: &mut dyn Cx, _: u32, offset: u64, _: u8) -> Result<u64, BusError> {
        if offset == INDEX {
            return Ok(0xff);
        }
        // Only C shows flags; the others need not be caught up with to be read, and guests spin on
        // A's UIP.
        if self.state.index != C {
            return Ok(self.value(cx, self.state.index).into());
        }
        self.drive(cx);
        let value = self.value(cx, C);
        self.state.flags = 0;
        self.drive(cx);
        Ok(value.into())
    }

    fn write(
        &mut self,
        cx: &mut dyn Cx,
        _: u32,
        offset: u64,
        _: u8,
        value: u64,
    ) -> Result<(), BusError> {
        if offset == INDEX {
            // The highest bit masks NMIs on a PC, elsewhere it is nothing.
            self.state.index = value as u8 & 0x7f;
            return Ok(());
        }
        self.catch_up(cx);
        self.set(cx, self.state.index, value as u8);
        self.drive(cx);
        Ok(())
    }

    fn timer(&mut self, cx: &mut dyn Cx, _: u32) {
        self.drive(cx);
    }

    fn reset(&mut self, cx: &mut dyn Cx) {
        // RESET: interrupts off and flags clear; the battery keeps the rest.
        let b = self.state.cell(B) & !(B_PIE | B_AIE | B_UIE | B_SQWE);
        self.state.set_cell(B, b);
        self.catch_up(cx);
        self.state.flags = 0;
        self.drive(cx);
    }

    fn save(&self, w: &mut Writer) {
        self.state.save(w);
    }

    fn load(&mut self, r: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
        // Version 1 is version 2 with a base year of 0, which is configuration.
        self.state = State::load(r)?;
        Ok(())
    }

    fn inspect(&self) -> Vec<InspectValue> {
        let value =
            |(name, r)| InspectValue { name: String::from(name), value: self.state.cell(r).into() };
        [("A", A), ("B", B), ("D", D)].into_iter().map(value).collect()
    }
}
