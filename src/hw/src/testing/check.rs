//! Checks that every device passes: [`all`] runs them for one model.
//!
//! - [`reset_values`]: registers have the reset values of the schema.
//! - [`traffic`]: random accesses, signals, input and time neither panic nor run away; `peek`
//!   agrees with `read` and changes nothing.
//! - [`round_trip`]: a device loaded from a saved state acts as the one that was saved.
//! - [`bad_states`]: damaged saved states are refused or read, never a panic.

use super::{Bench, TestCx, config};
use crate::config::Model;
use crate::{Reader, Writer};
use hetemu_schema::{Access, RegionKind, Value};

/// A small generator of test input (splitmix64).
#[derive(Debug, Clone)]
pub struct Rng(pub u64);

impl Rng {
    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    /// A number below `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        if n == 0 { 0 } else { self.number() % n }
    }
}

/// Something that happens to a device.
#[derive(Debug, Clone)]
enum Step {
    Read(u32, u64, u8),
    Write(u32, u64, u8, u64),
    Signal(u32, u32, bool),
    Receive(u32, Vec<u8>),
    Advance(u64),
    Reset,
}

/// Makes a bench for a model; tests that need children or memory give their own.
pub type Make<'a> = &'a dyn Fn() -> Bench;

/// Runs every check on a model with the schema's defaults and `props`.
pub fn all(model: &Model, props: &[(&str, u64)]) {
    let make = || {
        let mut bench = Bench::of(model, props, &[]);
        bench.cx.memory = vec![0; 0x4000];
        bench
    };
    all_with(model, props, &make);
}

/// Runs every check on benches made by `make`.
pub fn all_with(model: &Model, props: &[(&str, u64)], make: Make<'_>) {
    reset_values(model, props, make);
    for seed in 0..8 {
        traffic(model, props, make, seed, 3_000);
        round_trip(model, props, make, seed, 400);
    }
    bad_states(model, props, make);
}

/// Registers have the reset values that the schema states.
pub fn reset_values(model: &Model, _props: &[(&str, u64)], make: Make<'_>) {
    let bench = make();
    for (i, region) in model.ty.regions.iter().enumerate() {
        for reg in region.regs {
            let Some(reset) = reg.reset else { continue };
            if reg.access == Access::Wo || reg.read_effect {
                continue;
            }
            let size = reg.bits / 8;
            let value = bench.dev.peek(i as u32, reg.offset, size);
            assert_eq!(value, Some(reset), "{}: {} after reset", model.ty.name, reg.name);
        }
    }
}

fn step(model: &Model, props: &[(&str, u64)], rng: &mut Rng) -> Step {
    let ty = model.ty;
    let value = config(ty, props, &[]).props;
    let int = |name: &str| value.get(name).and_then(Value::as_int);
    let mmio: Vec<_> =
        ty.regions.iter().enumerate().filter(|(_, r)| r.kind == RegionKind::Mmio).collect();
    let choice = rng.below(16);
    if choice < 11 && !mmio.is_empty() {
        let Some((i, region)) = mmio.get(rng.below(mmio.len() as u64) as usize) else {
            return Step::Reset;
        };
        let size = region.size.as_ref().and_then(|c| c.eval(int)).unwrap_or(0x1000);
        let widths: Vec<u8> = [1, 2, 4, 8].into_iter().filter(|w| region.access & w != 0).collect();
        let width = widths.get(rng.below(widths.len() as u64) as usize).copied().unwrap_or(4);
        let documented = region.regs.get(rng.below(region.regs.len() as u64) as usize);
        let offset = match documented {
            Some(reg) if rng.below(4) != 0 => {
                let element = rng.below(u64::from(reg.count.max(1)));
                reg.offset + element * u64::from(reg.stride)
            }
            _ => rng.below(size),
        };
        let offset = offset.min(size.saturating_sub(8)) & !(u64::from(width) - 1);
        if choice < 5 {
            return Step::Read(*i as u32, offset, width);
        }
        let bits = match rng.below(4) {
            0 => rng.number(),
            1 => rng.below(256),
            2 => rng.number() & rng.number() & rng.number(),
            _ => 1 << rng.below(32),
        };
        return Step::Write(*i as u32, offset, width, bits & (u64::MAX >> (64 - 8 * width)));
    }
    match choice {
        0..=12 if !ty.inputs.is_empty() => {
            let i = rng.below(ty.inputs.len() as u64) as usize;
            let first = ty.inputs.get(i).map_or(0, |p| p.first);
            let width = ty.inputs.get(i).and_then(|p| p.width).and_then(|w| w.eval(int));
            let line = first + rng.below(width.unwrap_or(1)) as u32;
            Step::Signal(i as u32, line, rng.below(2) == 1)
        }
        13 if !ty.links.is_empty() => {
            let bytes = (0..rng.below(100)).map(|_| rng.number() as u8).collect();
            Step::Receive(rng.below(ty.links.len() as u64) as u32, bytes)
        }
        15 if rng.below(50) == 0 => Step::Reset,
        _ => Step::Advance(1 << rng.below(40)),
    }
}

fn apply(bench: &mut Bench, step: &Step) -> String {
    match step {
        Step::Read(region, offset, size) => {
            let value = bench.dev.read(&mut bench.cx, *region, *offset, *size);
            format!("{value:x?}")
        }
        Step::Write(region, offset, size, value) => {
            format!("{:?}", bench.dev.write(&mut bench.cx, *region, *offset, *size, *value))
        }
        Step::Signal(input, line, level) => {
            bench.signal(*input, *line, *level);
            String::new()
        }
        Step::Receive(link, bytes) => {
            let taken = bench.receive(*link, bytes);
            assert!(taken <= bytes.len(), "took {taken} of {} bytes", bytes.len());
            format!("{taken}")
        }
        Step::Advance(by) => {
            bench.advance(*by);
            String::new()
        }
        Step::Reset => {
            bench.reset();
            String::new()
        }
    }
}

/// Random traffic: no panic, no state without bound, `peek` agrees with `read`.
pub fn traffic(model: &Model, props: &[(&str, u64)], make: Make<'_>, seed: u64, steps: u32) {
    let mut rng = Rng(seed);
    let mut bench = make();
    for _ in 0..steps {
        let next = step(model, props, &mut rng);
        if let Step::Read(region, offset, size) = next
            && let Some(peeked) = bench.dev.peek(region, offset, size)
        {
            assert_eq!(bench.dev.peek(region, offset, size), Some(peeked));
            let read = bench.dev.read(&mut bench.cx, region, offset, size);
            assert_eq!(read, Ok(peeked), "{}: {next:x?} and peek", model.ty.name);
        } else {
            apply(&mut bench, &next);
        }
        bench.cx.sent.clear();
        bench.cx.pulses.clear();
        bench.cx.more.clear();
        bench.cx.requests.clear();
        bench.cx.unimplemented.clear();
    }
    assert!(bench.save().len() < 1 << 20, "{}: the state grew without bound", model.ty.name);
    drop(crate::regs::shown(model.ty, bench.dev.as_ref()));
}

/// Saves after random traffic, loads into a fresh device, and holds the futures of both together.
pub fn round_trip(model: &Model, props: &[(&str, u64)], make: Make<'_>, seed: u64, steps: u32) {
    let mut rng = Rng(seed ^ 0xabcd);
    let mut a = make();
    let mut history = Vec::new();
    for _ in 0..rng.below(u64::from(steps)) {
        let next = step(model, props, &mut rng);
        apply(&mut a, &next);
        history.push(next);
    }
    let mut b = make();
    let state = a.save();
    if let Err(e) = b.load(&state, model.ty.state.version) {
        panic!("{}: {e}", model.ty.name);
    }
    assert_eq!(b.save(), state, "{}: saved again", model.ty.name);
    let children = std::mem::take(&mut b.cx.children);
    b.cx = TestCx { children, ..a.cx.copy() };
    for _ in 0..steps {
        let next = step(model, props, &mut rng);
        let (left, right) = (apply(&mut a, &next), apply(&mut b, &next));
        let place = || format!("{} seed {seed}: after {next:x?}", model.ty.name);
        assert_eq!(left, right, "{}", place());
        if let Some(what) = a.cx.difference(&b.cx) {
            panic!("{}: {what}", place());
        }
    }
}

/// Damaged states neither panic nor leave a device that does.
pub fn bad_states(model: &Model, props: &[(&str, u64)], make: Make<'_>) {
    let mut rng = Rng(77);
    let mut source = make();
    for _ in 0..200 {
        apply(&mut source, &step(model, props, &mut rng));
    }
    let good = source.save();
    for _ in 0..300 {
        let mut bad = good.clone();
        for _ in 0..=rng.below(3) {
            let at = rng.below(bad.len() as u64) as usize;
            match rng.below(3) {
                0 => bad.truncate(at),
                1 => bad.iter_mut().skip(at).take(1).for_each(|b| *b = 0xff),
                _ => bad.iter_mut().skip(at).take(1).for_each(|b| *b ^= 1 << rng.below(8)),
            }
        }
        let mut target = make();
        if target.dev.load(&mut Reader::new(&bad), model.ty.state.version).is_ok() {
            for _ in 0..30 {
                apply(&mut target, &step(model, props, &mut rng));
            }
            target.dev.save(&mut Writer::default());
        }
    }
}
