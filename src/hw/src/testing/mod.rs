//! What tests of devices need: a world that records ([`TestCx`]), a device on a bench in it
//! ([`Bench`]), and checks that every device passes ([`check`]).
//!
//! Nothing here is used by a running machine; it lies in the library so that every family can use
//! it.

pub mod check;
mod cx;
mod disk;

pub use cx::TestCx;
pub use disk::{Platter, RamDisk};

use crate::config::{Config, Model};
use crate::cx::Cx;
use crate::device::{BusError, Device};
use crate::time::Ps;
use crate::{LoadError, Reader, Writer};
use hetemu_schema::{DeviceType, PropType, Value};

/// A device with the world around it.
pub struct Bench {
    /// The device under test.
    pub dev: Box<dyn Device>,
    /// The world.
    pub cx: TestCx,
}

impl Bench {
    /// A device in its state after reset.
    pub fn new(mut dev: Box<dyn Device>) -> Bench {
        let mut cx = TestCx::default();
        dev.reset(&mut cx);
        Bench { dev, cx }
    }

    /// A device of a model with the schema's defaults, some properties and clocks set.
    ///
    /// # Panics
    /// If the model refuses the configuration: a test wants to know.
    pub fn of(model: &Model, props: &[(&str, u64)], clocks: &[(&str, u64)]) -> Bench {
        match (model.create)(&config(model.ty, props, clocks)) {
            Ok(dev) => Bench::new(dev),
            Err(e) => panic!("{}: {e}", model.ty.full_name()),
        }
    }

    /// Reads region 0.
    ///
    /// # Panics
    /// On a bus error.
    #[track_caller]
    pub fn read(&mut self, offset: u64, size: u8) -> u64 {
        match self.dev.read(&mut self.cx, 0, offset, size) {
            Ok(value) => value,
            Err(e) => panic!("read {offset:#x}: {e}"),
        }
    }

    /// Writes region 0.
    ///
    /// # Panics
    /// On a bus error.
    #[track_caller]
    pub fn write(&mut self, offset: u64, size: u8, value: u64) {
        if let Err(e) = self.dev.write(&mut self.cx, 0, offset, size, value) {
            panic!("write {offset:#x}: {e}");
        }
    }

    /// Reads a 32-bit register of region 0.
    #[track_caller]
    pub fn r32(&mut self, offset: u64) -> u64 {
        self.read(offset, 4)
    }

    /// Writes a 32-bit register of region 0.
    #[track_caller]
    pub fn w32(&mut self, offset: u64, value: u64) {
        self.write(offset, 4, value);
    }

    /// Reads an 8-bit register of region 0.
    #[track_caller]
    pub fn r8(&mut self, offset: u64) -> u64 {
        self.read(offset, 1)
    }

    /// Writes an 8-bit register of region 0.
    #[track_caller]
    pub fn w8(&mut self, offset: u64, value: u64) {
        self.write(offset, 1, value);
    }

    /// Tries an access that may fail.
    pub fn try_write(&mut self, offset: u64, size: u8, value: u64) -> Result<(), BusError> {
        self.dev.write(&mut self.cx, 0, offset, size, value)
    }

    /// The level of an output line; false if it was never driven.
    pub fn output(&self, output: u32, line: u32) -> bool {
        self.cx.outputs.get(&(output, line)).copied().unwrap_or(false)
    }

    /// What was sent to a link since the last call.
    pub fn sent(&mut self, link: u32) -> Vec<u8> {
        self.cx.sent.remove(&link).unwrap_or_default()
    }

    /// Lets time pass; timers fire at their times, in order.
    ///
    /// # Panics
    /// If timers fire more than a million times: a device that starves the machine.
    pub fn advance(&mut self, by: Ps) {
        let end = self.cx.now.saturating_add(by);
        let mut fired = 0;
        while let Some((timer, at)) = self.cx.next_timer().filter(|(_, at)| *at <= end) {
            self.cx.now = at.max(self.cx.now);
            self.cx.timers.remove(&timer);
            self.dev.timer(&mut self.cx, timer);
            fired += 1;
            assert!(fired < 1_000_000, "timer {timer} fires without end");
        }
        self.cx.now = end;
    }

    /// Drives an input line.
    pub fn signal(&mut self, input: u32, line: u32, level: bool) {
        self.dev.signal(&mut self.cx, input, line, level);
    }

    /// Tells an input its frequency.
    pub fn rate(&mut self, input: u32, hz: u64) {
        self.dev.rate(&mut self.cx, input, 0, hz);
    }

    /// Offers bytes from a plug; answers how many were taken.
    pub fn receive(&mut self, link: u32, bytes: &[u8]) -> usize {
        self.dev.receive(&mut self.cx, link, bytes)
    }

    /// The machine's reset: timers of before do not fire.
    pub fn reset(&mut self) {
        self.cx.timers.clear();
        self.dev.reset(&mut self.cx);
    }

    /// The saved state.
    pub fn save(&self) -> Vec<u8> {
        let mut w = Writer::default();
        self.dev.save(&mut w);
        w.finish()
    }

    /// Loads a saved state.
    pub fn load(&mut self, state: &[u8], version: u32) -> Result<(), LoadError> {
        self.dev.load(&mut Reader::new(state), version)
    }

    /// Calls something with the device and its context.
    pub fn with<R>(&mut self, call: impl FnOnce(&mut dyn Device, &mut dyn Cx) -> R) -> R {
        call(self.dev.as_mut(), &mut self.cx)
    }
}

/// A configuration from the schema's defaults with some values set. Properties that are required
/// and not given are 1 MiB or 1, optional ones stay unset; undriven clocks without a default run at
/// 1 MHz.
pub fn config(ty: &'static DeviceType, props: &[(&str, u64)], clocks: &[(&str, u64)]) -> Config {
    let mut config = Config { path: format!("test.{}", ty.name), ..Config::default() };
    for p in ty.props {
        let given = props.iter().find(|(n, _)| *n == p.name).map(|(_, v)| *v);
        let value = match (given, p.default, p.ty) {
            (Some(v), _, PropType::Bool) => Value::Bool(v != 0),
            (Some(v), _, _) => Value::Int(v),
            (None, Some(default), _) => default.into(),
            (None, None, _) if p.optional => continue,
            (None, None, PropType::String) => Value::Str("test".into()),
            (None, None, ty) => {
                let usual = if ty == PropType::Size { 1 << 20 } else { 1 };
                Value::Int(usual.clamp(p.min.unwrap_or(1).max(1), p.max.unwrap_or(u64::MAX)))
            }
        };
        config.props.insert(p.name.into(), value);
    }
    for c in ty.clocks {
        let given = clocks.iter().find(|(n, _)| *n == c.name).map(|(_, v)| *v);
        config.clocks.insert(c.name.into(), given.or(c.default_hz).unwrap_or(1_000_000));
    }
    config.links = ty.links.iter().map(|l| l.name.to_string()).collect();
    config
}
