//! What every peripheral of the nRF51 and nRF52 series has in common (nRF52833 Product
//! Specification, chapter Peripheral interface): tasks below 0x080, events from 0x100 on, shortcuts
//! at 0x200, interrupt enables at 0x300, the rest from 0x400 on.
//!
//! Which tasks, events and registers there are is read from the type's schema. Registers keep what
//! is written, as far as the schema lets them be written; a [`Block`] says what tasks do and what
//! else happens. Event `n` is the register at `0x100 + 4n`, bit `n` of INTEN, and a pulse on line
//! `n` of the output `event`; task `n` is the register at `4n` and line `n` of the input `task`.

use hetemu_hw::regs::{lanes_read, lanes_value, lanes_write};
use hetemu_hw::schema::{Access, DeviceType};
use hetemu_hw::{BusError, Config, ConfigError, Cx, Device, LoadError, Reader, Writer};
use std::collections::VecDeque;

const EVENTS: u64 = 0x100;
const SHORTS: u64 = 0x200;
const INTEN: u64 = 0x300;
const INTENSET: u64 = 0x304;
const INTENCLR: u64 = 0x308;

/// Words of a peripheral's 4 KiB.
const WORDS: usize = 1024;

/// Tasks that may follow from one access before the rest is dropped: shortcuts can chase each
/// other.
const CHAIN: u32 = 64;

/// Saved fields. Numbers are never reused.
const COMMON: u16 = 1;
const REGISTERS: u16 = 2;
const BLOCK: u16 = 3;

/// A shortcut: its bit in SHORTS, the event, the task.
pub(crate) type Short = (u32, u32, u32);

/// What one kind of peripheral does.
pub(crate) trait Block: Send + Sized + 'static {
    /// Its type.
    const TYPE: &'static DeviceType;
    /// Its shortcuts.
    const SHORTS: &'static [Short] = &[];

    /// It has no tasks and events: every register is just kept.
    const PLAIN: bool = false;

    /// A block in its state after reset.
    fn new(config: &Config) -> Self;

    /// Back to the state after reset; registers have their reset values.
    fn reset(&mut self, io: &mut Io<'_>);

    /// A task is triggered.
    fn task(&mut self, _io: &mut Io<'_>, _task: u32) {}

    /// What a register reads that is not simply kept. `None`: it is kept.
    fn read(&mut self, _io: &mut Io<'_>, _offset: u64) -> Option<u32> {
        None
    }

    /// Whether [`Block::read`] answers for a register, so that nobody can look at it.
    fn hides(&self, _offset: u64) -> bool {
        false
    }

    /// A register was written; it keeps the value already if it can be read back.
    fn wrote(&mut self, _io: &mut Io<'_>, _offset: u64, _value: u32) {}

    /// Cores store to memory of the block's own.
    fn stored(
        &mut self,
        _io: &mut Io<'_>,
        _region: u32,
        _offset: u64,
        _size: u8,
        _value: u64,
    ) -> Result<(), BusError> {
        Err(BusError)
    }

    /// After everything that happened at once, before time goes on.
    fn settle(&mut self, _io: &mut Io<'_>) {}

    /// A timer is due.
    fn timer(&mut self, _io: &mut Io<'_>, _timer: u32) {}

    /// An input other than `task` changed.
    fn signal(&mut self, _io: &mut Io<'_>, _input: u32, _line: u32, _level: bool) {}

    /// Bytes from a plug: how many are taken.
    fn receive(&mut self, _io: &mut Io<'_>, _bytes: &[u8]) -> usize {
        0
    }

    /// Numbers that are the block's state beside the registers.
    fn save(&self) -> Vec<u64> {
        Vec::new()
    }

    /// Takes them again; false if they cannot be.
    fn load(&mut self, numbers: &[u64]) -> bool {
        numbers.is_empty()
    }
}

/// Registers, events and the world, for a block.
pub(crate) struct Io<'a> {
    pub(crate) cx: &'a mut dyn Cx,
    frame: &'a mut Frame,
}

impl Io<'_> {
    /// What a register keeps.
    pub(crate) fn reg(&self, offset: u64) -> u32 {
        self.frame.get(offset)
    }

    /// Sets a register.
    pub(crate) fn set(&mut self, offset: u64, value: u32) {
        self.frame.set(offset, value);
    }

    /// Registers that are the same, one after the other.
    pub(crate) fn array(&self, first: u64, n: u32) -> u32 {
        self.frame.get(first + 4 * u64::from(n))
    }

    /// A write to one of three registers in a row: the value, and ones that set and clear it.
    pub(crate) fn set_clear(&mut self, first: u64, offset: u64, value: u32) {
        let before = [first, first + 4, first + 8].into_iter().find(|at| *at != offset);
        let before = before.map_or(0, |at| self.reg(at));
        let after = match offset - first {
            0 => value,
            4 => before | value,
            _ => before & !value,
        };
        (0..3).for_each(|n| self.set(first + 4 * n, after));
    }

    /// An event happens.
    pub(crate) fn event(&mut self, event: u32) {
        self.frame.events |= 1u32.checked_shl(event).unwrap_or(0);
        self.frame.happened.push_back(event);
        if let Some(output) = self.frame.event {
            self.cx.pulse(output, event);
        }
    }

    /// Events whose interrupts are enabled.
    pub(crate) fn interrupts(&self) -> u32 {
        self.frame.inten
    }

    /// Whether an event's interrupt is enabled.
    pub(crate) fn wanted(&self, event: u32) -> bool {
        self.frame.inten & 1u32.checked_shl(event).unwrap_or(0) != 0
    }
}

struct Frame {
    // Fixed configuration.
    ty: &'static DeviceType,
    access: Box<[Option<Access>; WORDS]>,
    shorts_mask: u32,
    plain: bool,
    /// Indexes of the ports of these names.
    irq: Option<u32>,
    event: Option<u32>,
    task: Option<u32>,
    // Volatile state.
    regs: Box<[u32; WORDS]>,
    events: u32,
    shorts: u32,
    inten: u32,
    happened: VecDeque<u32>,
}

impl Frame {
    fn new(ty: &'static DeviceType, shorts: &[Short], plain: bool) -> Frame {
        let mut access = Box::new([None; WORDS]);
        for (offset, _, kind) in documented(ty) {
            if let Some(slot) = access.get_mut(offset as usize / 4) {
                *slot = Some(kind);
            }
        }
        let place = |p: Option<usize>| p.map(|i| i as u32);
        let out = |name: &str| place(ty.outputs.iter().position(|o| o.name == name));
        let mut frame = Frame {
            ty,
            access,
            shorts_mask: shorts.iter().fold(0, |mask, s| mask | 1 << s.0),
            plain,
            irq: out("irq"),
            event: out("event"),
            task: place(ty.inputs.iter().position(|i| i.name == "task")),
            regs: Box::new([0; WORDS]),
            events: 0,
            shorts: 0,
            inten: 0,
            happened: VecDeque::new(),
        };
        frame.clear();
        frame
    }

    fn clear(&mut self) {
        (self.events, self.shorts, self.inten) = (0, 0, 0);
        self.happened.clear();
        self.regs.fill(0);
        for (offset, reset, _) in documented(self.ty) {
            self.set(offset, reset);
        }
    }

    fn get(&self, offset: u64) -> u32 {
        self.regs.get(offset as usize / 4).copied().unwrap_or(0)
    }

    fn set(&mut self, offset: u64, value: u32) {
        if let Some(reg) = self.regs.get_mut(offset as usize / 4) {
            *reg = value;
        }
    }

    fn access(&self, offset: u64) -> Option<Access> {
        self.access.get(offset as usize / 4).copied().flatten()
    }

    /// What a register reads without its block.
    fn value(&self, offset: u64) -> u32 {
        match offset {
            _ if self.plain => self.get(offset),
            0..EVENTS => 0,
            EVENTS..SHORTS => self.events >> ((offset - EVENTS) / 4).min(31) & 1,
            SHORTS => self.shorts,
            INTEN | INTENSET | INTENCLR => self.inten,
            _ => self.get(offset),
        }
    }

    /// Whether a task exists.
    fn has_task(&self, task: u32) -> bool {
        task < 32 && self.access(4 * u64::from(task)).is_some()
    }
}

/// Every register of a type's first region: offset, value after reset, access.
fn documented(ty: &'static DeviceType) -> impl Iterator<Item = (u64, u32, Access)> {
    ty.regions.iter().take(1).flat_map(|r| r.regs).flat_map(|reg| {
        let element = |i| reg.offset + u64::from(i) * u64::from(reg.stride);
        let reset = reg.reset.unwrap_or(0) as u32;
        (0..reg.count.max(1)).map(move |i| (element(i), reset, reg.access))
    })
}

/// A block in its frame.
pub(crate) struct Peripheral<B> {
    frame: Frame,
    block: B,
}

/// Makes a peripheral: what a [`hetemu_hw::Model`] wants.
pub(crate) fn create<B: Block>(config: &Config) -> Result<Box<dyn Device>, ConfigError> {
    let frame = Frame::new(B::TYPE, B::SHORTS, B::PLAIN);
    Ok(Box::new(Peripheral { frame, block: B::new(config) }))
}

impl<B: Block> Peripheral<B> {
    /// Calls the block, then lets follow what follows.
    fn with<R>(&mut self, cx: &mut dyn Cx, call: impl FnOnce(&mut B, &mut Io<'_>) -> R) -> R {
        let mut io = Io { cx, frame: &mut self.frame };
        let result = call(&mut self.block, &mut io);
        for _ in 0..CHAIN {
            let Some(event) = io.frame.happened.pop_front() else { break };
            for (bit, on, task) in B::SHORTS {
                if *on == event && io.frame.shorts >> bit & 1 != 0 {
                    self.block.task(&mut io, *task);
                }
            }
        }
        self.block.settle(&mut io);
        self.frame.happened.clear();
        self.drive(cx);
        result
    }

    fn drive(&self, cx: &mut dyn Cx) {
        if let Some(irq) = self.frame.irq {
            cx.output(irq, 0, self.frame.events & self.frame.inten != 0);
        }
    }
}

impl<B: Block> Device for Peripheral<B> {
    fn read(
        &mut self,
        cx: &mut dyn Cx,
        region: u32,
        offset: u64,
        size: u8,
    ) -> Result<u64, BusError> {
        if region != 0 {
            return Err(BusError);
        }
        let at = offset & !3;
        if self.frame.access(at).is_none() {
            cx.unimplemented("register", at, false);
            return Ok(0);
        }
        let value = match self.block.hides(at) {
            true => self.with(cx, |block, io| block.read(io, at)),
            false => None,
        };
        Ok(lanes_read(value.unwrap_or_else(|| self.frame.value(at)), offset, size))
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
            return self.with(cx, |block, io| block.stored(io, region, offset, size, value));
        }
        let at = offset & !3;
        let Some(access) = self.frame.access(at) else {
            cx.unimplemented("register", at, true);
            return Ok(());
        };
        let written = lanes_value(offset, size, value);
        let old = self.frame.value(at);
        let whole = lanes_write(old, offset, size, value);
        let frame = &mut self.frame;
        match at {
            0..EVENTS => {
                if written & 1 != 0 {
                    self.with(cx, |block, io| block.task(io, (at / 4) as u32));
                }
                return Ok(());
            }
            EVENTS..SHORTS => {
                let bit = 1 << ((at - EVENTS) / 4).min(31);
                frame.events = frame.events & !bit | if whole != 0 { bit } else { 0 };
            }
            SHORTS => frame.shorts = whole & frame.shorts_mask,
            INTEN => frame.inten = whole,
            INTENSET => frame.inten |= written,
            INTENCLR => frame.inten &= !written,
            _ => match access {
                Access::Rw => frame.set(at, whole),
                Access::Rw1c => frame.set(at, old & !written),
                Access::Rw1s => frame.set(at, old | written),
                Access::Ro | Access::Wo | Access::Rc => {}
            },
        }
        self.with(cx, |block, io| block.wrote(io, at, whole));
        Ok(())
    }

    fn peek(&self, region: u32, offset: u64, size: u8) -> Option<u64> {
        let at = offset & !3;
        let seen = region == 0 && !self.block.hides(at);
        seen.then(|| {
            let known = self.frame.access(at).is_some();
            lanes_read(if known { self.frame.value(at) } else { 0 }, offset, size)
        })
    }

    fn signal(&mut self, cx: &mut dyn Cx, input: u32, line: u32, level: bool) {
        if Some(input) != self.frame.task {
            self.with(cx, |block, io| block.signal(io, input, line, level));
        } else if level && self.frame.has_task(line) {
            self.with(cx, |block, io| block.task(io, line));
        }
    }

    fn timer(&mut self, cx: &mut dyn Cx, timer: u32) {
        self.with(cx, |block, io| block.timer(io, timer));
    }

    fn reset(&mut self, cx: &mut dyn Cx) {
        self.frame.clear();
        self.with(cx, |block, io| block.reset(io));
    }

    fn receive(&mut self, cx: &mut dyn Cx, _: u32, bytes: &[u8]) -> usize {
        self.with(cx, |block, io| block.receive(io, bytes))
    }

    fn save(&self, w: &mut Writer) {
        let frame = &self.frame;
        w.ints(COMMON, [frame.events, frame.shorts, frame.inten].map(u64::from));
        let changed = documented(frame.ty).filter(|(at, reset, _)| frame.get(*at) != *reset);
        w.ints(REGISTERS, changed.map(|(at, ..)| at << 32 | u64::from(frame.get(at))));
        w.ints(BLOCK, self.block.save());
    }

    fn load(&mut self, r: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
        let mut common = [0; 3];
        r.ints(COMMON, &mut common)?;
        let [events, shorts, inten] = common.map(|n| n as u32);
        let frame = &mut self.frame;
        frame.clear();
        (frame.events, frame.shorts, frame.inten) = (events, shorts & frame.shorts_mask, inten);
        for number in r.int_list(REGISTERS)? {
            let offset = number >> 32;
            if offset & 3 != 0 || frame.access(offset).is_none() {
                return Err(LoadError::Bad(REGISTERS));
            }
            frame.set(offset, number as u32);
        }
        if !self.block.load(&r.int_list(BLOCK)?) {
            return Err(LoadError::Bad(BLOCK));
        }
        Ok(())
    }
}
