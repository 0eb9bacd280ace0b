//! The I2C interface of the Stellaris microcontrollers (LM3S6965 data sheet, chapter
//! Inter-Integrated Circuit Interface).
//!
//! Bytes take their time on the wire. Nothing sits on the bus, so nobody acknowledges a master, but
//! for the module's own slave in loopback.

mod saved;
#[cfg(test)]
mod tests;

use crate::schemas::{TI_STELLARIS_I2C_1, ti_stellaris_i2c_1 as reg};
use hetemu_hw::regs::{lanes_read, lanes_value, lanes_write};
use hetemu_hw::time::{at_tick, ticks};
use hetemu_hw::{BusError, Config, ConfigError, Cx, Device, LoadError, Model, Reader, Writer};

/// `ti.stellaris_i2c`.
pub const MODEL: Model = Model { ty: &TI_STELLARIS_I2C_1, create };

const IRQ: u32 = 0;
const BYTE: u32 = 0;

/// I2CMCS, written.
const RUN: u32 = 1;
const START: u32 = 2;
const STOP: u32 = 4;
/// Read.
const BUSY: u32 = 1;
const ERROR: u32 = 2;
const ADDRESS_REFUSED: u32 = 4;
const DATA_REFUSED: u32 = 8;
const IDLE: u32 = 0x20;
const BUS_BUSY: u32 = 0x40;
/// I2CMCR.
const LOOPBACK: u32 = 0x01;
const MASTER: u32 = 0x10;
const SLAVE: u32 = 0x20;
/// I2CSCSR.
const RECEIVED: u32 = 1;
const WANTED: u32 = 2;
const FIRST: u32 = 4;
/// Periods of the clock in a bit, by I2CMTPR + 1: low and high phases of SCL.
const PERIODS: u64 = 2 * (6 + 4);
/// Bits of a byte with its acknowledgement.
const BITS: u64 = 9;

fn create(config: &Config) -> Result<Box<dyn Device>, ConfigError> {
    let clock_hz = config.clock("clk").max(1);
    Ok(Box::new(I2c { clock_hz, hz: clock_hz, state: State::new() }))
}

struct I2c {
    // Fixed configuration.
    clock_hz: u64,
    // Volatile state.
    /// The clock, hertz.
    hz: u64,
    state: State,
}

#[derive(Debug, Clone, Default)]
struct State {
    address: u32,
    data: u32,
    period: u32,
    mask: u32,
    raw: u32,
    config: u32,
    /// ERROR, ADRACK, DATACK and BUSBSY.
    status: u32,
    /// What was written to I2CMCS and is not done; 0: nothing.
    command: u32,
    /// The tick at which its bytes are over; 0: it waits for the slave.
    due: u64,
    /// The slave has acknowledged its address.
    addressed: bool,
    own: u32,
    active: bool,
    /// RREQ, TREQ and FBR.
    slave: u32,
    received: u32,
    slave_mask: u32,
    slave_raw: u32,
}

impl State {
    fn new() -> State {
        State { period: 1, ..State::default() }
    }

    fn bit(&self) -> u64 {
        PERIODS * (u64::from(self.period) + 1)
    }

    fn receives(&self) -> bool {
        self.address & 1 != 0
    }

    fn command(&mut self, value: u32, tick: u64) {
        if self.config & MASTER == 0 || self.command != 0 {
            return;
        }
        if value & RUN != 0 {
            let start = if value & START != 0 { BITS + 1 } else { 0 };
            self.command = value & 15;
            self.status = self.status & BUS_BUSY | if value & START != 0 { BUS_BUSY } else { 0 };
            self.due = tick + (BITS + start) * self.bit();
        } else if value & STOP != 0 {
            self.release();
        }
    }

    fn release(&mut self) {
        self.status &= !BUS_BUSY;
        self.addressed = false;
    }

    /// The bytes of a command are over.
    fn advance(&mut self) {
        self.due = 0;
        let start = self.command & START != 0;
        if start && self.slave & (RECEIVED | WANTED) == 0 {
            let answers = LOOPBACK | SLAVE;
            self.addressed =
                self.config & answers == answers && self.active && self.own == self.address >> 1;
        }
        if !self.addressed {
            self.status |= ERROR | if start { ADDRESS_REFUSED } else { DATA_REFUSED };
            return self.done();
        }
        if self.receives() {
            // The slave holds the clock until software has given it a byte.
            self.slave |= WANTED;
            self.slave_raw = 1;
        } else if self.slave & RECEIVED == 0 {
            self.received = self.data;
            self.slave = RECEIVED | if start { FIRST } else { 0 };
            self.slave_raw = 1;
            self.done();
        }
    }

    fn done(&mut self) {
        if self.command & STOP != 0 {
            self.release();
        }
        self.command = 0;
        self.raw = 1;
    }

    /// Software has read what the slave received.
    fn taken(&mut self, tick: u64) {
        self.slave &= !(RECEIVED | FIRST);
        if self.command != 0 && self.due == 0 && !self.receives() {
            self.due = tick + 1;
        }
    }

    fn value(&self, offset: u64) -> Option<u32> {
        Some(match offset {
            reg::I2CMSA => self.address,
            reg::I2CMCS if self.command != 0 => self.status | BUSY,
            reg::I2CMCS => self.status | IDLE,
            reg::I2CMDR => self.data,
            reg::I2CMTPR => self.period,
            reg::I2CMIMR => self.mask,
            reg::I2CMRIS => self.raw,
            reg::I2CMMIS => self.raw & self.mask,
            reg::I2CMCR => self.config,
            reg::I2CSOAR => self.own,
            reg::I2CSCSR => self.slave,
            reg::I2CSDR => self.received,
            reg::I2CSIMR => self.slave_mask,
            reg::I2CSRIS => self.slave_raw,
            reg::I2CSMIS => self.slave_raw & self.slave_mask,
            reg::I2CMICR | reg::I2CSICR => 0,
            _ => return None,
        })
    }
}

impl I2c {
    fn update(&self, cx: &mut dyn Cx) {
        let s = &self.state;
        cx.output(IRQ, 0, s.raw & s.mask != 0 || s.slave_raw & s.slave_mask != 0);
        if s.command != 0 && s.due != 0 {
            cx.timer(BYTE, at_tick(s.due, self.hz));
        } else {
            cx.stop_timer(BYTE);
        }
    }
}

impl Device for I2c {
    fn read(&mut self, cx: &mut dyn Cx, _: u32, offset: u64, size: u8) -> Result<u64, BusError> {
        let at = offset & !3;
        let Some(value) = self.state.value(at) else {
            cx.unimplemented("reserved register", offset, false);
            return Ok(0);
        };
        if at == reg::I2CSDR {
            self.state.taken(ticks(cx.now(), self.hz));
            self.update(cx);
        }
        Ok(lanes_read(value, offset, size))
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
        let tick = ticks(cx.now(), self.hz);
        let Some(old) = self.state.value(at) else {
            cx.unimplemented("reserved register", offset, true);
            return Ok(());
        };
        let written = lanes_value(offset, size, value);
        let whole = lanes_write(old, offset, size, value);
        let s = &mut self.state;
        match at {
            reg::I2CMSA => s.address = whole & 0xff,
            reg::I2CMCS => s.command(written, tick),
            reg::I2CMDR => s.data = whole & 0xff,
            reg::I2CMTPR => s.period = whole & 0xff,
            reg::I2CMIMR => s.mask = whole & 1,
            reg::I2CMICR => s.raw &= !written,
            reg::I2CMCR => s.config = whole & (LOOPBACK | MASTER | SLAVE),
            reg::I2CSOAR => s.own = whole & 0x7f,
            reg::I2CSCSR => s.active = written & 1 != 0,
            reg::I2CSDR if s.slave & WANTED != 0 => {
                s.slave &= !WANTED;
                s.data = written & 0xff;
                s.done();
            }
            reg::I2CSIMR => s.slave_mask = whole & 1,
            reg::I2CSICR => s.slave_raw &= !written,
            _ => {}
        }
        self.update(cx);
        Ok(())
    }

    fn peek(&self, _: u32, offset: u64, size: u8) -> Option<u64> {
        self.state.value(offset & !3).map(|value| lanes_read(value, offset, size))
    }

    fn timer(&mut self, cx: &mut dyn Cx, _: u32) {
        if self.state.command != 0 {
            self.state.advance();
        }
        self.update(cx);
    }

    fn reset(&mut self, cx: &mut dyn Cx) {
        self.state = State::new();
        self.update(cx);
    }

    fn rate(&mut self, cx: &mut dyn Cx, _: u32, _: u32, hz: u64) {
        let old = ticks(cx.now(), self.hz);
        self.hz = if hz == 0 { self.clock_hz } else { hz };
        let s = &mut self.state;
        if s.due != 0 {
            s.due = ticks(cx.now(), self.hz).saturating_add(s.due.saturating_sub(old));
        }
        self.update(cx);
    }

    fn save(&self, w: &mut Writer) {
        w.int(saved::HZ, self.hz);
        self.state.save(w);
    }

    fn load(&mut self, r: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
        self.hz = saved::hz(r, self.clock_hz)?;
        self.state = State::load(r)?;
        Ok(())
    }
}
