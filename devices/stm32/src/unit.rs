//! What the peripherals of this family share: a [`Unit`] says what its registers do, [`Block`]
//! makes a device of it.

use crate::bank::{Bank, Write, part};
use hetemu_hw::schema::DeviceType;
use hetemu_hw::time::Ps;
use hetemu_hw::{BusError, Cx, Device, LoadError, Reader, Writer};

/// The fields of a saved state. Numbers are never reused.
const REGISTERS: u16 = 1;
const WORDS: u16 = 2;

/// A peripheral. Its state is its bank and its words; [`Unit::drive`] follows from them.
pub(crate) trait Unit: Send + Clone {
    /// The schema.
    const TYPE: &'static DeviceType;

    fn bank(&self) -> &Bank;
    fn bank_mut(&mut self) -> &mut Bank;

    /// State beside the registers, in an order that never changes but at the end.
    fn words(&mut self) -> Vec<&mut u64> {
        Vec::new()
    }

    /// Whether what was loaded can be.
    fn sane(&self) -> bool {
        true
    }

    /// Takes account of the time until now.
    fn settle(&mut self, _cx: &mut dyn Cx) {}

    /// A register as it reads; without a time, only if it does not depend on it.
    fn value(&self, at: u64, _now: Option<Ps>) -> Option<u32> {
        Some(if self.bank().reads(at) { self.bank().get(at) } else { 0 })
    }

    /// A register has been read. True if that changed something.
    fn after_read(&mut self, _cx: &mut dyn Cx, _at: u64) -> bool {
        false
    }

    /// A register is written.
    fn write(&mut self, _cx: &mut dyn Cx, write: Write) {
        self.bank_mut().keep(&write);
    }

    /// Software stores to another region than the registers.
    fn write_region(
        &mut self,
        _cx: &mut dyn Cx,
        _region: u32,
        _offset: u64,
        _size: u8,
        _value: u64,
    ) -> Result<(), BusError> {
        Err(BusError)
    }

    fn signal(&mut self, _cx: &mut dyn Cx, _input: u32, _line: u32, _level: bool) {}
    fn rate(&mut self, _cx: &mut dyn Cx, _input: u32, _hz: u64) {}
    fn timer(&mut self, _cx: &mut dyn Cx, _timer: u32) {}
    fn receive(&mut self, _cx: &mut dyn Cx, bytes: &[u8]) -> usize {
        bytes.len()
    }

    /// To the state after the machine's reset.
    fn reset(&mut self) {
        *self.bank_mut() = Bank::new(Self::TYPE);
        self.words().into_iter().for_each(|word| *word = 0);
    }

    /// Drives outputs and sets timers.
    fn drive(&mut self, _cx: &mut dyn Cx) {}
}

/// A unit as a device.
pub(crate) struct Block<U>(pub(crate) U);

impl<U: Unit> Device for Block<U> {
    fn read(
        &mut self,
        cx: &mut dyn Cx,
        region: u32,
        offset: u64,
        size: u8,
    ) -> Result<u64, BusError> {
        let at = offset & !3;
        if region != 0 || !self.0.bank().has(at) {
            cx.unimplemented("", offset, false);
            return Ok(0);
        }
        self.0.settle(cx);
        let value = self.0.value(at, Some(cx.now())).unwrap_or(0);
        if self.0.after_read(cx, at) {
            self.0.drive(cx);
        }
        Ok(part(value, offset, size))
    }

    fn write(
        &mut self,
        cx: &mut dyn Cx,
        region: u32,
        offset: u64,
        size: u8,
        value: u64,
    ) -> Result<(), BusError> {
        if region != 0 {
            let done = self.0.write_region(cx, region, offset, size, value);
            self.0.drive(cx);
            return done;
        }
        if !self.0.bank().has(offset & !3) {
            cx.unimplemented("", offset, true);
            return Ok(());
        }
        self.0.settle(cx);
        let write = self.0.bank().write(offset, size, value);
        self.0.write(cx, write);
        self.0.drive(cx);
        Ok(())
    }

    fn peek(&self, region: u32, offset: u64, size: u8) -> Option<u64> {
        let at = offset & !3;
        if region != 0 || !self.0.bank().has(at) {
            return None;
        }
        self.0.value(at, None).map(|value| part(value, offset, size))
    }

    fn signal(&mut self, cx: &mut dyn Cx, input: u32, line: u32, level: bool) {
        self.0.settle(cx);
        self.0.signal(cx, input, line, level);
        self.0.drive(cx);
    }

    fn rate(&mut self, cx: &mut dyn Cx, input: u32, _: u32, hz: u64) {
        self.0.settle(cx);
        self.0.rate(cx, input, hz);
        self.0.drive(cx);
    }

    fn timer(&mut self, cx: &mut dyn Cx, timer: u32) {
        self.0.settle(cx);
        self.0.timer(cx, timer);
        self.0.drive(cx);
    }

    fn receive(&mut self, cx: &mut dyn Cx, _: u32, bytes: &[u8]) -> usize {
        self.0.settle(cx);
        let taken = self.0.receive(cx, bytes);
        self.0.drive(cx);
        taken
    }

    fn reset(&mut self, cx: &mut dyn Cx) {
        self.0.reset();
        self.0.drive(cx);
    }

    fn save(&self, w: &mut Writer) {
        let mut unit = self.0.clone();
        unit.bank().save(w, REGISTERS);
        w.ints(WORDS, unit.words().into_iter().map(|word| *word));
    }

    fn load(&mut self, r: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
        let mut unit = self.0.clone();
        unit.bank_mut().load(r, REGISTERS)?;
        let mut words = vec![0; unit.words().len()];
        r.ints(WORDS, &mut words)?;
        unit.words().into_iter().zip(words).for_each(|(to, from)| *to = from);
        if !unit.sane() {
            return Err(LoadError::Bad(WORDS));
        }
        self.0 = unit;
        Ok(())
    }
}
