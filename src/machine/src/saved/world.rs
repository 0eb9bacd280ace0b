//! The state of what lies between parts: time, slices, events, levels of wires, waiting input.
//! Numbers are never reused.

use super::{Saved, unreadable};
use crate::events::Event;
use crate::htif::Htif;
use crate::phases::Realized;
use crate::report::Report;
use crate::run::{Running, Slice};
use crate::trouble::Watch;
use crate::world::{Carried, CoreSignal, World};
use hetemu_graph::PartId;
use hetemu_isa::{LoadError, Reader, Writer};
use hetemu_snapshot::Section;
use std::collections::BTreeMap;

/// Version of the section.
const VERSION: u32 = 1;
pub(super) const NAME: &str = "machine";

const NOW: u16 = 1;
/// Local times of all cores, in order.
const TIMES: u16 = 2;
/// End, latest time, and the core whose turn is not over or [`NONE`]; missing between slices.
const SLICE: u16 = 3;
/// The search for closed loops: see `Running::save_world`.
const QUIET: u16 = 4;
const RESETS: u16 = 5;
/// Parts by number, a line each: what [`EVENTS`] means.
const PARTS: u16 = 6;
/// Number of the last event, then time, number, kind, part or core, timer of each.
const EVENTS: u16 = 7;
/// Output lines that are high, a line each: `PART OUTPUT LINE`.
const LINES: u16 = 8;
const RANDOM: u16 = 9;
const WALL: u16 = 10;
const ERRNO: u16 = 11;
const FLAGS: u16 = 12;
/// Core, input, line and level of signals that no core has seen.
const SIGNALS: u16 = 13;
/// What the exceptions of each core look like, in order; words of [`Watch::words`].
const WATCHES: u16 = 14;
const QUANTUM: u16 = 15;
/// Words of HTIF: its view's cluster, tohost, fromhost or [`NONE`]. Missing without.
const HTIF: u16 = 16;
const RETIRED: u16 = 17;

const NONE: u64 = u64::MAX;
const TIMER: u64 = 0;
const ALARM: u64 = 1;

fn bad(field: u16) -> Report {
    unreadable(NAME, &LoadError::Bad(field))
}

/// The field, if it is there.
fn maybe<T>(found: Result<T, LoadError>) -> Result<Option<T>, LoadError> {
    match found {
        Ok(value) => Ok(Some(value)),
        Err(LoadError::Missing(_)) => Ok(None),
        Err(e) => Err(e),
    }
}

impl Realized {
    /// The name of a memory's section.
    pub(super) fn memory_name(&self, part: PartId, region: u32) -> String {
        let part = self.graph.part(part);
        let region = part.ty.regions.get(region as usize).map_or("", |r| r.name);
        format!("memory:{}.{region}", part.name)
    }

    /// All cores in order, as cluster and number in it.
    pub(super) fn cores(&self) -> Vec<(usize, usize)> {
        let names = self.core_names.iter().enumerate();
        names.flat_map(|(c, cores)| (0..cores.len()).map(move |i| (c, i))).collect()
    }
}

impl Running {
    pub(super) fn save_world(&self) -> Section {
        let world = &self.m.world;
        let cores = self.m.cores();
        let number =
            |at: (usize, usize)| cores.iter().position(|c| *c == at).map_or(NONE, |n| n as u64);
        let mut w = Writer::default();
        w.int(NOW, world.now);
        // Cores on threads of their own have the machine's time.
        let parallel = self.m.options.engine.parallel;
        let own = |t: &u64| if parallel { world.now } else { *t };
        w.ints(TIMES, self.times.iter().flatten().map(own));
        if let Some(slice) = &self.slice {
            w.ints(
                SLICE,
                [slice.end, slice.last, slice.turn.map_or(NONE, number), world.slice_end],
            );
        }
        let helpers: u64 = self.m.clusters.iter().map(|c| c.stats().helpers).sum();
        let (left, before) = self.probe.map_or((NONE, 0), |(left, m)| (left.into(), m));
        w.ints(
            QUIET,
            [
                self.quiet.into(),
                self.circle.0,
                self.circle.1.into(),
                left,
                before,
                world.moves,
                self.moves,
                // Counts of the engine begin anew with it.
                helpers.wrapping_sub(self.helpers),
            ],
        );
        w.int(RESETS, self.resets.into());
        let names: Vec<&str> = world.slots.iter().map(|s| s.path.as_str()).collect();
        w.bytes(PARTS, names.join("\n").as_bytes());
        let mut events = vec![world.events.sequence()];
        for ((at, sequence), event) in world.events.all() {
            events.extend([at, sequence]);
            events.extend(match event {
                Event::Timer(slot, timer) => [TIMER, slot as u64, timer.into()],
                Event::Core(cluster, core) => [ALARM, number((cluster, core)), 0],
            });
        }
        w.ints(EVENTS, events);
        w.bytes(LINES, self.high_lines().as_bytes());
        w.int(RANDOM, world.random);
        w.int(WALL, world.wall_ns);
        w.int(ERRNO, world.errno);
        let flags = [world.answers, world.reset_wanted, world.stop];
        w.ints(FLAGS, flags.map(u64::from));
        let signals = world.core_signals.iter().flat_map(|s| {
            let core = number((s.cluster, s.core));
            [core, s.input.into(), s.line.into(), s.value.word()]
        });
        w.ints(SIGNALS, signals);
        w.ints(WATCHES, world.watches.iter().flatten().flat_map(Watch::words));
        w.int(QUANTUM, self.quantum);
        if let Some(htif) = &world.htif {
            let view = self.m.spaces.iter().position(|s| std::sync::Arc::ptr_eq(s, &htif.space));
            let view = view.map_or(NONE, |v| v as u64);
            w.ints(HTIF, [view, htif.tohost, htif.fromhost.unwrap_or(NONE)]);
        }
        w.int(RETIRED, self.retired());
        Section { name: NAME.into(), version: VERSION, bytes: w.finish() }
    }

    /// Output lines that are high.
    fn high_lines(&self) -> String {
        let world = &self.m.world;
        let mut out = String::new();
        for (slot, output, line, level) in world.routes.levels() {
            if let Some(s) = world.slots.get(slot).filter(|_| level)
                && let Some(port) = s.ty.outputs.get(output as usize)
            {
                out.push_str(&format!("{} {} {line}\n", s.path, port.name));
            }
        }
        out
    }

    pub(super) fn load_world(&mut self, saved: &Saved) -> Result<(), Report> {
        let Some(section) = saved.section(NAME).filter(|s| s.version == VERSION) else {
            return Err(Report::new(
                "E1204",
                "the saved state has no section `machine` of version 1",
            ));
        };
        let r = Reader::new(&section.bytes);
        let fits = |e: LoadError| unreadable(NAME, &e);
        let cores = self.m.cores();
        let core = |n: u64| usize::try_from(n).ok().and_then(|n| cores.get(n)).copied();

        let mut times = vec![0; cores.len()];
        r.ints(TIMES, &mut times).map_err(fits)?;
        let mut slice = [0; 4];
        let slice = maybe(r.ints(SLICE, &mut slice)).map_err(fits)?.map(|()| slice);
        let mut quiet = [0; 8];
        r.ints(QUIET, &mut quiet).map_err(fits)?;
        let mut flags = [0; 3];
        r.ints(FLAGS, &mut flags).map_err(fits)?;
        let watches = r.int_list(WATCHES).map_err(fits)?;
        let (watches, []) = watches.as_chunks() else { return Err(bad(WATCHES)) };
        if watches.len() != cores.len() {
            return Err(bad(WATCHES));
        }

        self.load_events(&r)?;
        self.load_lines(&r)?;
        let world = &mut self.m.world;
        world.now = r.int(NOW).map_err(fits)?;
        world.random = r.int(RANDOM).map_err(fits)?;
        world.wall_ns = r.int(WALL).map_err(fits)?;
        world.errno = r.int(ERRNO).map_err(fits)?;
        [world.answers, world.reset_wanted, world.stop] = flags.map(|f| f != 0);
        world.fifo.clear();
        world.ways.forget();
        world.suspicion = None;
        world.core_signals.clear();
        let signals = r.int_list(SIGNALS).map_err(fits)?;
        for &[at, input, line, value] in signals.as_chunks::<4>().0 {
            let (cluster, core) = core(at).ok_or_else(|| bad(SIGNALS))?;
            let [input, line] = [input, line].map(|n| u32::try_from(n).unwrap_or(u32::MAX));
            let signal = CoreSignal { cluster, core, input, line, value: Carried::of(value) };
            world.core_signals.push_back(signal);
        }
        for (watch, words) in world.watches.iter_mut().flatten().zip(watches) {
            *watch = Watch::of(words);
        }
        let mut htif = [0; 3];
        if maybe(r.ints(HTIF, &mut htif)).map_err(fits)?.is_some() {
            let [view, tohost, fromhost] = htif;
            let space = usize::try_from(view).ok().and_then(|v| self.m.spaces.get(v));
            let space = space.ok_or_else(|| bad(HTIF))?.clone();
            let fromhost = (fromhost != NONE).then_some(fromhost);
            world.htif = Some(Htif { space, tohost, fromhost });
        }
        world.slice_end = slice.map_or(0, |s| s[3]);

        let mut times = times.into_iter();
        for time in self.times.iter_mut().flatten() {
            *time = times.next().unwrap_or(0);
        }
        let ordered = !self.m.options.engine.parallel;
        self.slice = match slice.filter(|_| ordered) {
            None => None,
            Some([end, last, NONE, _]) => Some(Slice { end, last, turn: None }),
            Some([end, last, turn, _]) => {
                let turn = Some(core(turn).ok_or_else(|| bad(SLICE))?);
                Some(Slice { end, last, turn })
            }
        };
        let small = |n: u64, field| u32::try_from(n).map_err(|_| bad(field));
        let [calm, hash, times, left, before, moves, moved, helpers] = quiet;
        self.quiet = small(calm, QUIET)?;
        self.circle = (hash, small(times, QUIET)?);
        self.probe = if left == NONE { None } else { Some((small(left, QUIET)?, before)) };
        (self.m.world.moves, self.moves) = (moves, moved);
        let now: u64 = self.m.clusters.iter().map(|c| c.stats().helpers).sum();
        self.helpers = now.wrapping_sub(helpers);
        self.resets = small(r.int(RESETS).map_err(fits)?, RESETS)?;
        self.quantum = r.int(QUANTUM).map_err(fits)?.max(1);
        Ok(())
    }

    fn load_events(&mut self, r: &Reader<'_>) -> Result<(), Report> {
        let fits = |e: LoadError| unreadable(NAME, &e);
        let cores = self.m.cores();
        let world = &mut self.m.world;
        let parts = String::from_utf8_lossy(r.bytes(PARTS).map_err(fits)?).into_owned();
        let slots: BTreeMap<&str, usize> =
            world.slots.iter().enumerate().map(|(i, s)| (s.path.as_str(), i)).collect();
        let parts: Vec<Option<usize>> = parts.split('\n').map(|p| slots.get(p).copied()).collect();
        let words = r.int_list(EVENTS).map_err(fits)?;
        let Some((sequence, words)) = words.split_first() else { return Err(bad(EVENTS)) };
        world.events.clear();
        world.alarms.clear();
        for slot in &mut world.slots {
            slot.timers.clear();
        }
        let (events, []) = words.as_chunks::<5>() else { return Err(bad(EVENTS)) };
        for &[at, number, kind, who, timer] in events {
            let (who, key) = (usize::try_from(who).unwrap_or(usize::MAX), (at, number));
            match kind {
                TIMER => {
                    // The part may be gone, where the machine may differ.
                    let Some(slot) = parts.get(who).ok_or_else(|| bad(EVENTS))? else { continue };
                    let timer = u32::try_from(timer).map_err(|_| bad(EVENTS))?;
                    world.events.put(key, Event::Timer(*slot, timer));
                    if let Some(s) = world.slots.get_mut(*slot) {
                        s.timers.insert(timer, key);
                    }
                }
                ALARM => {
                    let (cluster, core) = *cores.get(who).ok_or_else(|| bad(EVENTS))?;
                    world.events.put(key, Event::Core(cluster, core));
                    world.alarms.insert((cluster, core), key);
                }
                _ => return Err(bad(EVENTS)),
            }
        }
        world.events.set_sequence(*sequence);
        Ok(())
    }

    fn load_lines(&mut self, r: &Reader<'_>) -> Result<(), Report> {
        let bytes = r.bytes(LINES).map_err(|e| unreadable(NAME, &e))?;
        let text = String::from_utf8_lossy(bytes);
        let world = &mut self.m.world;
        world.routes.reset();
        for line in text.lines() {
            let mut words = line.split(' ');
            let (Some(part), Some(output), Some(line)) = (words.next(), words.next(), words.next())
            else {
                return Err(bad(LINES));
            };
            let slot = world.slots.iter().position(|s| s.path == part);
            let found = slot.and_then(|slot| {
                let outputs = world.slots.get(slot)?.ty.outputs;
                let port = outputs.iter().position(|o| o.name == output)?;
                world.routes.line_mut(slot, port as u32, line.parse().ok()?)
            });
            if let Some(line) = found {
                line.level = true;
            }
        }
        Ok(())
    }
}

const WAITING: u16 = 1;
/// Frames, each behind its length.
const FRAMES: u16 = 2;

impl World {
    /// Input that no device has taken, by plug; only where there is some.
    pub(super) fn save_plugs(&self) -> Vec<(String, Vec<u8>)> {
        let mut out = Vec::new();
        for plug in self.plugs.iter().filter(|p| !p.waiting.is_empty() || !p.frames.is_empty()) {
            let mut w = Writer::default();
            w.bytes(WAITING, &plug.waiting.iter().copied().collect::<Vec<u8>>());
            let mut frames = Vec::new();
            for frame in &plug.frames {
                frames.extend((frame.len() as u32).to_le_bytes());
                frames.extend(frame);
            }
            w.bytes(FRAMES, &frames);
            out.push((plug.name.clone(), w.finish()));
        }
        out
    }

    pub(super) fn load_plugs(&mut self, saved: &Saved) -> Result<(), Report> {
        for plug in &mut self.plugs {
            plug.waiting.clear();
            plug.frames.clear();
            let Some(section) = saved.section(&format!("plug:{}", plug.name)) else { continue };
            let r = Reader::new(&section.bytes);
            let fits = |e: LoadError| unreadable(&plug.name, &e);
            plug.waiting = r.bytes(WAITING).map_err(fits)?.iter().copied().collect();
            let mut rest = r.bytes(FRAMES).map_err(fits)?;
            while let Some((len, tail)) = rest.split_first_chunk() {
                let frame = tail.split_at_checked(u32::from_le_bytes(*len) as usize);
                let (frame, tail) = frame.ok_or_else(|| fits(LoadError::Bad(FRAMES)))?;
                plug.frames.push_back(frame.to_vec());
                rest = tail;
            }
        }
        Ok(())
    }
}
