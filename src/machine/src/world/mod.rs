//! Everything around the cores: device slots, wires, timers, plugs, counts.

mod bus;
mod cx;
mod deliver;
mod look;
mod system;
mod ways;

use crate::events::{Event, Events, Key};
use crate::htif::Htif;
use crate::observe::{Observer, Traps};
use crate::plug::{NetPlug, SerialPlug, Stores};
use crate::report::Report;
use crate::stats::Counts;
use crate::tape::Tape;
use crate::trouble::Watch;
use crate::wiring::Routes;
use hetemu_engine::{Ram, Space, Unanswered};
use hetemu_graph::PartId;
use hetemu_hw::{Device, time::Ps};
use hetemu_schema::{DeviceType, PlugKind};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, PoisonError};
use ways::Ways;

/// Deliveries after one call before the machine says that signals chase each other.
const MOST_DELIVERIES: u32 = 100_000;

/// A device and what is known of it.
pub(crate) struct Slot {
    pub(crate) part: PartId,
    pub(crate) path: String,
    pub(crate) ty: &'static DeviceType,
    /// Taken out during a call.
    pub(crate) device: Option<Box<dyn Device>>,
    /// What each bus port sees, by index in the schema.
    pub(crate) views: Vec<Option<Arc<Space>>>,
    /// Its own memory, by index of the region in the schema.
    pub(crate) memories: BTreeMap<u32, Arc<Ram>>,
    /// The plug at each link, by index in the schema.
    pub(crate) links: Vec<Option<usize>>,
    /// The plug at each link that has a disk or a folder, by index in the schema.
    pub(crate) stores: BTreeMap<u32, String>,
    /// The slot that this one sits on, and its unit address there.
    pub(crate) parent: Option<(usize, String)>,
    /// Slots on this one's child bus, by unit address.
    pub(crate) children: BTreeMap<String, usize>,
    /// Running timers.
    pub(crate) timers: BTreeMap<u32, Key>,
    /// Reads and writes of cores.
    pub(crate) accesses: [u64; 2],
}

/// A serial or network plug.
pub(crate) struct PlugState {
    pub(crate) name: String,
    pub(crate) kind: PlugKind,
    pub(crate) host: Option<Box<dyn SerialPlug>>,
    /// Input that no device has taken yet.
    pub(crate) waiting: VecDeque<u8>,
    pub(crate) net: Option<Box<dyn NetPlug>>,
    /// Frames that no device has taken yet.
    pub(crate) frames: VecDeque<Vec<u8>>,
    /// The slot and link that it is attached to.
    pub(crate) at: Option<(usize, u32)>,
}

/// A change at a core's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CoreSignal {
    pub(crate) cluster: usize,
    pub(crate) core: usize,
    pub(crate) input: u32,
    pub(crate) line: u32,
    pub(crate) value: Carried,
}

/// What a wire carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carried {
    Level(bool),
    /// Hertz.
    Rate(u64),
}

impl Carried {
    /// As a number of a saved state.
    pub(crate) fn word(self) -> u64 {
        match self {
            Carried::Level(level) => level.into(),
            Carried::Rate(hz) => hz.saturating_add(2),
        }
    }

    /// From a number of a saved state.
    pub(crate) fn of(word: u64) -> Carried {
        word.checked_sub(2).map_or(Carried::Level(word != 0), Carried::Rate)
    }
}

/// A delivery to a device.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Delivery {
    Signal {
        slot: usize,
        input: u32,
        line: u32,
        value: Carried,
    },
    /// A child told its parent.
    Child {
        child: usize,
    },
    /// Waiting input of a plug is offered.
    Input {
        plug: usize,
    },
}

/// Why a machine ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// The guest's exit code.
    Exit(i32),
    /// The guest cannot go on.
    Stuck(Box<Report>),
}

/// A thing to report that needs the core's registers.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Suspicion {
    /// Compare the registers of this core with the last time.
    Compare(usize, usize),
    /// The handler of this core faults.
    DoubleFault(usize, usize),
    /// Strict: a core touched what nothing answers.
    Unanswered(usize, Unanswered),
}

pub(crate) struct World {
    pub(crate) slots: Vec<Slot>,
    pub(crate) routes: Routes,
    pub(crate) ways: Ways,
    pub(crate) fifo: VecDeque<Delivery>,
    pub(crate) core_signals: VecDeque<CoreSignal>,
    pub(crate) events: Events,
    /// The alarm that each core waits for, by cluster and core.
    pub(crate) alarms: BTreeMap<(usize, usize), Key>,
    pub(crate) plugs: Vec<PlugState>,
    /// Disks and folders, by the plugs' names.
    pub(crate) stores: Stores,
    pub(crate) counts: Counts,
    pub(crate) now: Ps,
    /// The end of what the cores may run to before the machine looks again.
    pub(crate) slice_end: Ps,
    /// The cluster that runs.
    pub(crate) cluster: usize,
    /// Names of the cores, by cluster.
    pub(crate) core_names: Vec<Vec<String>>,
    /// The core must stop before its next instruction.
    pub(crate) stop: bool,
    pub(crate) end: Option<End>,
    pub(crate) reset_wanted: bool,
    pub(crate) suspicion: Option<Suspicion>,
    pub(crate) watches: Vec<Vec<Watch>>,
    pub(crate) last_unanswered: Vec<Vec<Option<Unanswered>>>,
    pub(crate) strict: bool,
    pub(crate) semihosting: bool,
    pub(crate) cmdline: String,
    pub(crate) errno: u64,
    /// Where the guest reads semihosting's list of features.
    pub(crate) features_at: u64,
    pub(crate) console: Option<usize>,
    /// The plug that a core's instrumentation trace goes to, by cluster and core.
    pub(crate) traces: BTreeMap<(usize, usize), usize>,
    pub(crate) htif: Option<Htif>,
    pub(crate) random: u64,
    pub(crate) wall_ns: u64,
    /// Device accesses and deliveries so far: something outside of the cores moved.
    pub(crate) moves: u64,
    /// A plug has input that answers what was sent.
    pub(crate) answers: bool,
    /// Traps by core.
    pub(crate) traps: Vec<Vec<Traps>>,
    /// The recording that is made or played.
    pub(crate) tape: Tape,
    /// What is sent has been sent before: nobody is to hear it.
    pub(crate) muted: bool,
    /// Who looks on, if someone does.
    pub(crate) observer: Option<Box<Observer>>,
}

impl World {
    pub(crate) fn new(
        slots: Vec<Slot>,
        plugs: Vec<PlugState>,
        core_names: Vec<Vec<String>>,
    ) -> World {
        let watches = core_names.iter().map(|c| vec![Watch::default(); c.len()]).collect();
        let traps = core_names.iter().map(|c| vec![Traps::default(); c.len()]).collect();
        let last_unanswered = core_names.iter().map(|c| vec![None; c.len()]).collect();
        let serial = |p: &PlugState| p.kind == PlugKind::Serial;
        let console = plugs
            .iter()
            .position(|p| serial(p) && p.at.is_some())
            .or_else(|| plugs.iter().position(serial));
        World {
            slots,
            routes: Routes::default(),
            ways: Ways::default(),
            fifo: VecDeque::new(),
            core_signals: VecDeque::new(),
            events: Events::default(),
            alarms: BTreeMap::new(),
            plugs,
            stores: Stores::default(),
            counts: Counts::default(),
            now: 0,
            slice_end: 0,
            cluster: 0,
            core_names,
            stop: false,
            end: None,
            reset_wanted: false,
            suspicion: None,
            watches,
            last_unanswered,
            strict: false,
            semihosting: false,
            cmdline: String::new(),
            errno: 0,
            features_at: 0,
            console,
            traces: BTreeMap::new(),
            htif: None,
            random: 0,
            wall_ns: 0,
            moves: 0,
            answers: false,
            traps,
            tape: Tape::None,
            muted: false,
            observer: None,
        }
    }

    pub(crate) fn core_name(&self, cluster: usize, core: usize) -> &str {
        self.core_names.get(cluster).and_then(|c| c.get(core)).map_or("?", String::as_str)
    }

    pub(crate) fn finish(&mut self, end: End) {
        self.end.get_or_insert(end);
        self.stop = true;
    }

    /// Whether input may still come from the host, or came then.
    pub(crate) fn live(&self) -> bool {
        if let Tape::Plays(tape) = &self.tape {
            return tape.lock().unwrap_or_else(PoisonError::into_inner).live(self.now);
        }
        let live = |p: &PlugState| {
            p.at.is_some()
                && (p.host.as_ref().is_some_and(|h| h.live())
                    || p.net.as_ref().is_some_and(|n| n.live()))
        };
        let live = self.plugs.iter().any(live);
        if let Tape::Records(tape) = &self.tape {
            tape.lock().unwrap_or_else(PoisonError::into_inner).live(self.now, live);
        }
        live
    }

    /// A device's timer, replacing an earlier one.
    pub(crate) fn set_timer(&mut self, slot: usize, timer: u32, at: Ps) {
        self.stop_timer(slot, timer);
        let key = self.events.add(at, Event::Timer(slot, timer));
        if let Some(s) = self.slots.get_mut(slot) {
            s.timers.insert(timer, key);
        }
        if at < self.slice_end {
            self.stop = true;
        }
    }

    pub(crate) fn stop_timer(&mut self, slot: usize, timer: u32) {
        if let Some(key) = self.slots.get_mut(slot).and_then(|s| s.timers.remove(&timer)) {
            self.events.remove(key);
        }
    }

    /// The next number of the machine's own generator (splitmix64).
    pub(crate) fn next_random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Sends to the console plug, for calls of the guest to its host.
    pub(crate) fn console_send(&mut self, bytes: &[u8]) {
        if let Some(plug) = self.console {
            self.plug_send(plug, bytes);
        }
    }

    pub(crate) fn plug_send(&mut self, plug: usize, bytes: &[u8]) {
        let Some(state) = self.plugs.get_mut(plug) else { return };
        if let Some(observer) = self.observer.as_mut().filter(|_| !self.muted) {
            observer.sent(self.now, &state.name, bytes);
        }
        let mut answers = if self.muted {
            false
        } else if let Some(host) = state.host.as_mut() {
            host.send(bytes);
            host.answers()
        } else if let Some(net) = state.net.as_mut() {
            net.send(bytes);
            net.answers()
        } else {
            false
        };
        match &self.tape {
            Tape::None => {}
            Tape::Records(tape) => {
                let mut tape = tape.lock().unwrap_or_else(PoisonError::into_inner);
                tape.sent(self.now, plug as u16, answers);
            }
            Tape::Plays(tape) => {
                answers = tape.lock().unwrap_or_else(PoisonError::into_inner).sent(plug as u16);
            }
        }
        self.stop |= answers;
        self.answers |= answers;
    }
}
