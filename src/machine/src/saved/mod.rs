//! The whole state of a machine between two instructions, and back.
//!
//! A [`Saved`] lies in memory and shares with other ones every page that is the same, so that many
//! can be kept. A run that goes on from one is the run that it was taken from: the same
//! instructions at the same times, in every tier. It becomes a file by way of
//! [`hetemu_snapshot::Container`] (`file`).
//!
//! Sections: `machine` (time, slice, events, wires), `part:NAME` for every device with a state,
//! `core:NAME` (the engine's share) and `cpu:NAME` (the target's) for every core, `plug:NAME` for
//! input that waits, `memory:PART.REGION`. Their numbers are the state versions of the schemas, or
//! those of this module. Parts are named, never numbered, so that a machine with more parts can
//! take a state, too.
//!
//! Disks and folders are the host's and no part of it: a state names the disks that it needs, and
//! is restored only if they hold what they held then.

mod disks;
mod file;
mod world;

pub use disks::Disk;
pub use file::{About, FileError, Packing};

use crate::report::Report;
use crate::run::Running;
use hetemu_hw::time::Ps;
use hetemu_isa::{LoadError, Reader, Writer};
use hetemu_schema::{DeviceType, State};
use hetemu_snapshot::{Memory, Section};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Version of `core:` sections.
const CORE: u32 = 1;

/// The state of a machine, in memory.
#[derive(Debug, Clone, Default)]
pub struct Saved {
    /// Virtual time.
    at: Ps,
    /// Instructions that all cores have retired.
    retired: u64,
    /// Everything but memory, in the order of the machine.
    sections: Vec<Section>,
    /// By section name.
    memories: BTreeMap<String, Arc<Memory>>,
}

impl Saved {
    /// Virtual time at which it was taken.
    pub fn at(&self) -> Ps {
        self.at
    }

    /// Instructions that all cores had retired.
    pub fn retired(&self) -> u64 {
        self.retired
    }

    /// The state of everything but memory.
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// Memories by the names of their sections.
    pub fn memories(&self) -> &BTreeMap<String, Arc<Memory>> {
        &self.memories
    }

    fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|s| s.name == name)
    }

    /// Whether both are the same state of one machine.
    pub fn is_same(&self, other: &Saved) -> bool {
        self.sections == other.sections && self.memories == other.memories
    }

    /// Names of the sections in which two states differ.
    pub fn differing<'a>(&'a self, other: &'a Saved) -> Vec<&'a str> {
        let mut out: Vec<&str> = Vec::new();
        for (a, b) in [(self, other), (other, self)] {
            let sections = a.sections.iter().filter(|s| b.section(&s.name) != Some(*s));
            out.extend(sections.map(|s| s.name.as_str()));
            let memories = a.memories.iter().filter(|(name, m)| b.memories.get(*name) != Some(*m));
            out.extend(memories.map(|(name, _)| name.as_str()));
        }
        out.sort_unstable();
        out.dedup();
        out
    }
}

/// Why the state could not be read, by a section's name.
pub(crate) fn unreadable(section: &str, e: &LoadError) -> Report {
    Report::new("E1204", format!("the saved state of `{section}` does not fit: {e}"))
}

/// Whether a type reads states of a version.
fn reads(state: &State, version: u32) -> bool {
    state.version == version || state.from.iter().any(|(v, _)| *v == version)
}

fn old_state(name: &str, ty: &DeviceType, version: u32) -> Report {
    let what = format!("the saved state of `{name}` has version {version}, which nothing converts");
    Report::new("E1205", what)
        .note("note", format!("{} has state {}", ty.full_name(), ty.state.version))
}

impl Running {
    /// Takes the state, between any two steps, also in the middle of a slice. Pages that are as in
    /// `like`, an earlier state of this machine, are shared with it. Changes nothing about the run.
    ///
    /// # Errors
    /// E1206: the machine has ended, or a core's target cannot be saved.
    pub fn save(&mut self, like: Option<&Saved>) -> Result<Saved, Report> {
        if self.m.world.end.is_some() {
            return Err(Report::new(
                "E1206",
                "the machine is over: there is nothing to go on with",
            ));
        }
        let mut sections = vec![self.save_world()];
        for slot in &self.m.world.slots {
            let Some(device) = &slot.device else { continue };
            let mut w = Writer::default();
            device.save(&mut w);
            let (version, bytes) = (slot.ty.state.version, w.finish());
            if version > 0 || !bytes.is_empty() {
                sections.push(Section { name: format!("part:{}", slot.path), version, bytes });
            }
        }
        for (c, names) in self.m.core_names.iter().enumerate() {
            let (Some(cluster), Some(infos)) = (self.m.clusters.get(c), self.m.infos.get(c)) else {
                continue;
            };
            for (core, (name, info)) in names.iter().zip(infos).enumerate() {
                let (mut engine, mut cpu) = (Writer::default(), Writer::default());
                cluster.save(core, &mut engine);
                if !cluster.cpu(core).save(&mut cpu) {
                    let what =
                        format!("`{name}` cannot be saved: its target has no saved state yet");
                    return Err(Report::new("E1206", what));
                }
                let (ty, bytes) = (info.config.ty, engine.finish());
                sections.push(Section { name: format!("core:{name}"), version: CORE, bytes });
                let (version, bytes) = (ty.state.version, cpu.finish());
                sections.push(Section { name: format!("cpu:{name}"), version, bytes });
            }
        }
        for (name, bytes) in self.m.world.save_plugs() {
            sections.push(Section { name: format!("plug:{name}"), version: 1, bytes });
        }
        sections.extend(self.save_disks()?);
        let mut memories = BTreeMap::new();
        for ((part, region), ram) in &self.m.memories {
            let name = self.m.memory_name(*part, *region);
            let old = like.and_then(|l| l.memories.get(&name)).filter(|m| m.size == ram.len());
            let pages = ram.save_pages(old.map_or(&[][..], |m| &m.pages[..]));
            memories.insert(name, Arc::new(Memory { size: ram.len(), pages }));
        }
        Ok(Saved { at: self.now(), retired: self.retired(), sections, memories })
    }

    /// Sets the state. The machine must be the one that it was taken from, or one that can take it
    /// (`hetemu_graph::diff` says so); parts that the state does not know stay as they are.
    ///
    /// # Errors
    /// E1204, E1205: a part's state does not fit; the machine is as it was before.
    pub fn restore(&mut self, saved: &Saved) -> Result<(), Report> {
        self.disks_are(saved)?;
        let ended = self.m.world.end.take();
        let before = self.save(Some(saved));
        if let Err(report) = self.set(saved) {
            // What it was can be set again: it was taken from this machine just now.
            if let Ok(before) = before {
                let _ = self.set(&before);
            }
            self.m.world.end = ended;
            return Err(report);
        }
        Ok(())
    }

    /// As [`Running::restore`] with a state of this very run, without the way back: for going back
    /// and forth in it.
    ///
    /// # Errors
    /// As [`Running::restore`]; the machine is good for nothing then but another state.
    pub fn rewind(&mut self, saved: &Saved) -> Result<(), Report> {
        self.m.world.end = None;
        self.set(saved)
    }

    fn set(&mut self, saved: &Saved) -> Result<(), Report> {
        for ((part, region), ram) in &self.m.memories {
            let name = self.m.memory_name(*part, *region);
            let Some(memory) = saved.memories.get(&name) else { continue };
            if memory.size != ram.len() {
                let sizes = format!("{} bytes, not {}", memory.size, ram.len());
                return Err(Report::new("E1204", format!("the saved `{name}` has {sizes}")));
            }
            ram.restore_pages(&memory.pages);
        }
        for slot in &mut self.m.world.slots {
            let name = format!("part:{}", slot.path);
            let (Some(device), Some(section)) = (&mut slot.device, saved.section(&name)) else {
                continue;
            };
            if !reads(&slot.ty.state, section.version) {
                return Err(old_state(&slot.path, slot.ty, section.version));
            }
            device
                .load(&mut Reader::new(&section.bytes), section.version)
                .map_err(|e| unreadable(&slot.path, &e))?;
        }
        for (c, names) in self.m.core_names.iter().enumerate() {
            let (Some(cluster), Some(infos)) = (self.m.clusters.get_mut(c), self.m.infos.get(c))
            else {
                continue;
            };
            for (core, (name, info)) in names.iter().zip(infos).enumerate() {
                let ty = info.config.ty;
                let find = |kind: &str| saved.section(&format!("{kind}:{name}"));
                let (Some(engine), Some(cpu)) = (find("core"), find("cpu")) else { continue };
                if engine.version != CORE || !reads(&ty.state, cpu.version) {
                    return Err(old_state(name, ty, cpu.version));
                }
                // The slots first: a target may look at them.
                cluster
                    .load(core, &Reader::new(&engine.bytes))
                    .map_err(|e| unreadable(&format!("core:{name}"), &e))?;
                let (own, _) = cluster.cpu_mut(core);
                own.load(&Reader::new(&cpu.bytes), cpu.version)
                    .map_err(|e| unreadable(name, &e))?;
            }
        }
        for (cluster, core) in self.m.cores() {
            self.m.pace(cluster, core);
        }
        self.load_world(saved)?;
        self.m.world.load_plugs(saved)?;
        for slot in 0..self.m.world.slots.len() {
            self.m.world.call(slot, |dev, cx| dev.loaded(cx));
        }
        self.resumed();
        Ok(())
    }
}
