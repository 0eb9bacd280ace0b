//! Calls into devices, and the queue of what they cause.

use super::cx::DevCx;
use super::{Carried, Delivery, End, MOST_DELIVERIES, World};
use crate::events::Event;
use crate::report::Report;
use crate::tape::{Kind, Tape};
use hetemu_hw::{Cx, Device};
use hetemu_schema::PlugKind;
use std::sync::PoisonError;

/// Frames that a network plug may have waiting for its device; more wait at the host's end.
const FRAMES: usize = 64;

impl World {
    /// Calls a device with its context; `None` if it is in a call already or has no model.
    pub(crate) fn call<T>(
        &mut self,
        slot: usize,
        f: impl FnOnce(&mut dyn Device, &mut dyn Cx) -> T,
    ) -> Option<T> {
        let mut device = self.slots.get_mut(slot)?.device.take()?;
        let out = f(&mut *device, &mut DevCx { world: self, slot });
        if let Some(s) = self.slots.get_mut(slot) {
            s.device = Some(device);
        }
        Some(out)
    }

    /// Delivers what calls have caused, until nothing is left.
    pub(crate) fn drain(&mut self) {
        let mut count = 0;
        while let Some(next) = self.fifo.pop_front() {
            self.moves += 1;
            count += 1;
            if count > MOST_DELIVERIES {
                return self.chase(next);
            }
            match next {
                Delivery::Signal { slot, input, line, value } => match value {
                    Carried::Level(level) => {
                        self.line_at_device(slot, input, line, level);
                        self.call(slot, |dev, cx| dev.signal(cx, input, line, level));
                    }
                    Carried::Rate(hz) => {
                        self.call(slot, |dev, cx| dev.rate(cx, input, line, hz));
                    }
                },
                Delivery::Child { child } => {
                    let parent = self.slots.get(child).and_then(|s| s.parent.clone());
                    if let Some((slot, unit)) = parent {
                        self.call(slot, |dev, cx| dev.child(cx, &unit));
                    }
                }
                Delivery::Input { plug } => self.offer(plug),
            }
        }
        if !self.core_signals.is_empty() || self.events.next().is_some_and(|t| t < self.slice_end) {
            self.stop = true;
        }
    }

    /// Signals that cause each other without end: the machine is wired into an oscillator.
    fn chase(&mut self, next: Delivery) {
        let slot = match next {
            Delivery::Signal { slot, .. } | Delivery::Child { child: slot } => slot,
            Delivery::Input { plug } => {
                self.plugs.get(plug).and_then(|p| p.at).map_or(usize::MAX, |at| at.0)
            }
        };
        let path = self.slots.get(slot).map_or("?", |s| s.path.as_str());
        let what = format!("signals chase each other without end through `{path}`");
        let report = Report::new("E1106", what)
            .note("help", "parts drive each other's inputs at once: see `hetemu graph FILE --irq`");
        self.fifo.clear();
        self.finish(End::Stuck(Box::new(report)));
    }

    /// Offers a plug's waiting input to its device.
    fn offer(&mut self, plug: usize) {
        let Some(state) = self.plugs.get_mut(plug) else { return };
        let Some((slot, link)) = state.at else { return };
        if state.kind == PlugKind::Net {
            return self.offer_frames(plug, slot, link);
        }
        if state.waiting.is_empty() {
            return;
        }
        let bytes: Vec<u8> = state.waiting.iter().copied().take(4096).collect();
        let taken = self.call(slot, |dev, cx| dev.receive(cx, link, &bytes)).unwrap_or(0);
        if let Some(state) = self.plugs.get_mut(plug) {
            state.waiting.drain(..taken.min(bytes.len()));
        }
    }

    /// Offers frames to a device until it takes no more.
    fn offer_frames(&mut self, plug: usize, slot: usize, link: u32) {
        while let Some(frame) = self.plugs.get_mut(plug).and_then(|p| p.frames.pop_front()) {
            let taken = self.call(slot, |dev, cx| dev.receive(cx, link, &frame)).unwrap_or(0);
            if taken == 0 {
                if let Some(state) = self.plugs.get_mut(plug) {
                    state.frames.push_front(frame);
                }
                return;
            }
        }
    }

    /// Takes input from the host's ends of all plugs; true if there was any.
    pub(crate) fn poll_plugs(&mut self) -> bool {
        let mut any = false;
        let mut bytes = Vec::new();
        let now = self.now;
        for plug in 0..self.plugs.len() {
            let Some(state) = self.plugs.get_mut(plug) else { continue };
            let number = plug as u16;
            if state.kind == PlugKind::Net {
                let room = FRAMES.saturating_sub(state.frames.len());
                let frames: Vec<Vec<u8>> = match (&self.tape, state.net.as_mut()) {
                    (Tape::Plays(tape), _) => {
                        let mut tape = tape.lock().unwrap_or_else(PoisonError::into_inner);
                        let next = || tape.input(now, number, Kind::Frame);
                        std::iter::from_fn(next).take(room).collect()
                    }
                    (_, Some(net)) => std::iter::from_fn(|| net.receive()).take(room).collect(),
                    (_, None) => continue,
                };
                if let Tape::Records(tape) = &self.tape {
                    let mut tape = tape.lock().unwrap_or_else(PoisonError::into_inner);
                    frames.iter().for_each(|f| tape.put(Kind::Frame, now, number, f));
                }
                if !frames.is_empty() {
                    state.frames.extend(frames);
                    self.fifo.push_back(Delivery::Input { plug });
                    any = true;
                }
                continue;
            }
            bytes.clear();
            match (&self.tape, state.host.as_mut()) {
                (Tape::Plays(tape), _) => {
                    let mut tape = tape.lock().unwrap_or_else(PoisonError::into_inner);
                    while let Some(more) = tape.input(now, number, Kind::Serial) {
                        bytes.extend(more);
                    }
                }
                (_, Some(host)) => host.input(&mut bytes),
                (_, None) => continue,
            }
            if !bytes.is_empty() {
                if let Tape::Records(tape) = &self.tape {
                    let mut tape = tape.lock().unwrap_or_else(PoisonError::into_inner);
                    tape.put(Kind::Serial, now, number, &bytes);
                }
                state.waiting.extend(&bytes);
                self.fifo.push_back(Delivery::Input { plug });
                any = true;
            }
        }
        if any {
            self.drain();
        }
        any
    }

    /// Runs every event that is due.
    pub(crate) fn run_due(&mut self, upto: u64) -> Vec<(usize, usize)> {
        let mut cores = Vec::new();
        while self.end.is_none() {
            let Some((at, event)) = self.events.due(upto) else { break };
            self.now = self.now.max(at);
            match event {
                Event::Timer(slot, timer) => {
                    if let Some(s) = self.slots.get_mut(slot) {
                        s.timers.remove(&timer);
                    }
                    self.moves += 1;
                    self.call(slot, |dev, cx| dev.timer(cx, timer));
                    self.drain();
                }
                Event::Core(cluster, core) => {
                    self.alarms.remove(&(cluster, core));
                    cores.push((cluster, core));
                }
            }
        }
        cores
    }
}
