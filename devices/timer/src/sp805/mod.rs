//! The SP805 watchdog (Arm Watchdog Module TRM, DDI 0270B), and that of Arm's Cortex-M System
//! Design Kit (TRM, DDI 0479D, section 4.5), which differs in its identification only.
//!
//! Nothing counts: what is kept is the tick at which the counter ends next. While the interrupt is
//! pending and no reset may follow, nothing can be seen of further ends, and none is scheduled.

mod saved;
#[cfg(test)]
mod tests;

use crate::schemas::{ARM_CMSDK_WATCHDOG_1, ARM_SP805_1, arm_sp805_1 as reg};
use hetemu_hw::regs::{lanes_read, lanes_write, register};
use hetemu_hw::schema::DeviceType;
use hetemu_hw::time::{Ps, at_tick, ticks};
use hetemu_hw::{
    BusError, Config, ConfigError, Cx, Device, LoadError, Model, Reader, Request, Writer,
};

/// `arm.sp805`.
pub const MODEL: Model = Model { ty: &ARM_SP805_1, create };

/// `arm.cmsdk_watchdog`.
pub const CMSDK: Model = Model { ty: &ARM_CMSDK_WATCHDOG_1, create: create_cmsdk };

const IRQ: u32 = 0;
const END: u32 = 0;

/// WDOGCONTROL.
const INTEN: u32 = 1;
const RESEN: u32 = 2;
/// What unlocks.
const KEY: u32 = 0x1acc_e551;

/// PERIPHID3 to 0 of the Cortex-M System Design Kit.
const CMSDK_ID: u32 = 0x001b_b824;

fn create(config: &Config) -> Result<Box<dyn Device>, ConfigError> {
    make(config, &ARM_SP805_1, config.int("periph_id") as u32)
}

fn create_cmsdk(config: &Config) -> Result<Box<dyn Device>, ConfigError> {
    make(config, &ARM_CMSDK_WATCHDOG_1, CMSDK_ID)
}

fn make(
    config: &Config,
    ty: &'static DeviceType,
    periph_id: u32,
) -> Result<Box<dyn Device>, ConfigError> {
    let clock_hz = config.clock("clk").max(1);
    let state = State::default();
    Ok(Box::new(Sp805 { ty, clock_hz, periph_id, hz: clock_hz, state }))
}

struct Sp805 {
    // Fixed configuration.
    ty: &'static DeviceType,
    clock_hz: u64,
    periph_id: u32,
    // Volatile state.
    /// The clock, hertz.
    hz: u64,
    state: State,
}

#[derive(Debug, Clone)]
struct State {
    load: u32,
    /// The count while it stands.
    value: u32,
    control: u32,
    pending: bool,
    /// The reset has been asked for; until it comes the watchdog stands.
    fired: bool,
    locked: bool,
    /// The tick at which the count ends, while it runs.
    due: u64,
}

impl Default for State {
    fn default() -> State {
        State {
            load: u32::MAX,
            value: u32::MAX,
            control: 0,
            pending: false,
            fired: false,
            locked: false,
            due: 0,
        }
    }
}

impl State {
    fn runs(&self) -> bool {
        self.control & INTEN != 0 && !self.fired
    }

    fn span(&self) -> u64 {
        u64::from(self.load) + 1
    }

    fn count(&self, tick: u64) -> u32 {
        if self.runs() { self.due.saturating_sub(tick + 1) as u32 } else { self.value }
    }

    fn begin(&mut self, tick: u64) {
        self.value = self.load;
        self.due = tick.saturating_add(self.span());
    }

    /// Takes account of the ends until a tick; true if the machine is to be reset now.
    fn settle(&mut self, tick: u64) -> bool {
        if !self.runs() || tick < self.due {
            return false;
        }
        let ends = (tick - self.due) / self.span() + 1;
        let resets = self.control & RESEN != 0 && (self.pending || ends > 1);
        self.due = self.due.saturating_add(ends * self.span());
        self.pending = true;
        if resets {
            self.value = 0;
            self.fired = true;
        }
        resets
    }
}

impl Sp805 {
    fn tick(&self, now: Ps) -> u64 {
        ticks(now, self.hz)
    }

    fn register(&self, offset: u64, tick: u64) -> u32 {
        let s = &self.state;
        match offset {
            reg::WDOGLOAD => s.load,
            reg::WDOGVALUE => s.count(tick),
            reg::WDOGCONTROL => s.control,
            reg::WDOGRIS => s.pending.into(),
            reg::WDOGMIS => (s.pending && s.control & INTEN != 0).into(),
            reg::WDOGLOCK => s.locked.into(),
            reg::WDOGPERIPHID0 => self.periph_id & 0xff,
            reg::WDOGPERIPHID1 => self.periph_id >> 8 & 0xff,
            reg::WDOGPERIPHID2 => self.periph_id >> 16 & 0xff,
            reg::WDOGPERIPHID3 => self.periph_id >> 24,
            _ => register(self.ty, 0, offset).and_then(|r| r.reset).unwrap_or(0) as u32,
        }
    }

    fn settle(&mut self, cx: &mut dyn Cx, tick: u64) {
        if self.state.settle(tick) {
            cx.request(Request::Reset);
        }
    }

    fn update(&self, cx: &mut dyn Cx) {
        let s = &self.state;
        cx.output(IRQ, 0, s.pending && s.control & INTEN != 0);
        if s.runs() && (!s.pending || s.control & RESEN != 0) {
            cx.timer(END, at_tick(s.due, self.hz));
        } else {
            cx.stop_timer(END);
        }
    }
}

impl Device for Sp805 {
    fn read(&mut self, cx: &mut dyn Cx, _: u32, offset: u64, size: u8) -> Result<u64, BusError> {
        let tick = self.tick(cx.now());
        self.settle(cx, tick);
        Ok(lanes_read(self.register(offset & !3, tick), offset, size))
    }

    fn write(
        &mut self,
        cx: &mut dyn Cx,
        _: u32,
        offset: u64,
        size: u8,
        value: u64,
    ) -> Result<(), BusError> {
        let tick = self.tick(cx.now());
        self.settle(cx, tick);
        let at = offset & !3;
        let whole = lanes_write(self.register(at, tick), offset, size, value);
        let s = &mut self.state;
        match at {
            reg::WDOGLOCK => s.locked = whole != KEY,
            _ if s.locked => {}
            reg::WDOGLOAD => {
                s.load = whole;
                s.begin(tick);
            }
            reg::WDOGCONTROL => {
                let (ran, count) = (s.runs(), s.count(tick));
                s.control = whole & (INTEN | RESEN);
                match (ran, s.runs()) {
                    (false, true) => s.begin(tick),
                    (true, false) => s.value = count,
                    _ => {}
                }
            }
            reg::WDOGINTCLR => {
                s.pending = false;
                s.begin(tick);
            }
            _ => {}
        }
        self.update(cx);
        Ok(())
    }

    fn peek(&self, _: u32, offset: u64, size: u8) -> Option<u64> {
        // A count that runs is not known without the time.
        let at = offset & !3;
        let known = at != reg::WDOGVALUE || !self.state.runs();
        known.then(|| lanes_read(self.register(at, 0), offset, size))
    }

    fn timer(&mut self, cx: &mut dyn Cx, _: u32) {
        let tick = self.tick(cx.now());
        self.settle(cx, tick);
        self.update(cx);
    }

    fn reset(&mut self, cx: &mut dyn Cx) {
        self.state = State::default();
        self.update(cx);
    }

    fn rate(&mut self, cx: &mut dyn Cx, _: u32, _: u32, hz: u64) {
        let old = self.tick(cx.now());
        self.settle(cx, old);
        self.hz = if hz == 0 { self.clock_hz } else { hz };
        let new = self.tick(cx.now());
        self.state.due = new.saturating_add(self.state.due.saturating_sub(old));
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
