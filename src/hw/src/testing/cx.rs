//! A world that records what a device does to it.

use crate::block::Block;
use crate::cx::{Cx, Request};
use crate::device::{BusError, Device};
use crate::folder::Folder;
use crate::time::Ps;
use std::collections::BTreeMap;

/// The recording context. Memory is `memory`, from address 0; outside it DMA fails.
#[derive(Default)]
pub struct TestCx {
    /// Virtual time.
    pub now: Ps,
    /// Wall-clock time at virtual time 0, nanoseconds since 1970.
    pub wall_base_ns: u64,
    /// Levels of output lines, by (output, line).
    pub outputs: BTreeMap<(u32, u32), bool>,
    /// Pulses sent, in order.
    pub pulses: Vec<(u32, u32)>,
    /// What drivers of inputs answer to an acknowledgement, by (input, line).
    pub vectors: BTreeMap<(u32, u32), u32>,
    /// Running timers.
    pub timers: BTreeMap<u32, Ps>,
    /// Bytes sent, by link.
    pub sent: BTreeMap<u32, Vec<u8>>,
    /// Links on which the device asked for more input.
    pub more: Vec<u32>,
    /// What DMA sees.
    pub memory: Vec<u8>,
    /// The device's own regions of memory.
    pub regions: BTreeMap<u32, Vec<u8>>,
    /// Frequencies told, by (output, line).
    pub rates: BTreeMap<(u32, u32), u64>,
    /// Which of them are read as memory; all that are not here.
    pub direct: BTreeMap<u32, bool>,
    /// Accesses that the device called unimplemented: what, offset, write.
    pub unimplemented: Vec<(String, u64, bool)>,
    /// Requests to the machine.
    pub requests: Vec<Request>,
    /// Children of the device's child bus, by unit address.
    pub children: BTreeMap<String, Box<dyn Device>>,
    /// How often a child asked for its parent.
    pub told_parent: u32,
    /// Disks, by link.
    pub blocks: BTreeMap<u32, Box<dyn Block>>,
    /// Folders, by link.
    pub folders: BTreeMap<u32, Box<dyn Folder>>,
    /// State of the random generator.
    pub seed: u64,
}

impl TestCx {
    /// The timer that fires first, and when.
    pub fn next_timer(&self) -> Option<(u32, Ps)> {
        self.timers.iter().map(|(t, at)| (*t, *at)).min_by_key(|(t, at)| (*at, *t))
    }

    /// A world in the same state, without children, disks and folders.
    pub fn copy(&self) -> TestCx {
        TestCx {
            now: self.now,
            wall_base_ns: self.wall_base_ns,
            outputs: self.outputs.clone(),
            pulses: self.pulses.clone(),
            vectors: self.vectors.clone(),
            timers: self.timers.clone(),
            sent: self.sent.clone(),
            more: self.more.clone(),
            memory: self.memory.clone(),
            regions: self.regions.clone(),
            rates: self.rates.clone(),
            direct: self.direct.clone(),
            unimplemented: self.unimplemented.clone(),
            requests: self.requests.clone(),
            children: BTreeMap::new(),
            told_parent: self.told_parent,
            blocks: BTreeMap::new(),
            folders: BTreeMap::new(),
            seed: self.seed,
        }
    }

    /// The first difference from another world, for tests that two devices act alike.
    pub fn difference(&self, other: &TestCx) -> Option<String> {
        macro_rules! differ {
            ($($field:ident),*) => {
                $(if self.$field != other.$field {
                    return Some(format!(
                        "{}: {:x?} and {:x?}", stringify!($field), self.$field, other.$field
                    ));
                })*
            };
        }
        differ!(
            now,
            outputs,
            pulses,
            timers,
            sent,
            more,
            unimplemented,
            requests,
            told_parent,
            regions,
            rates,
            direct,
            seed
        );
        (self.memory != other.memory).then(|| "memory".into())
    }

    fn range(&self, addr: u64, len: usize) -> Result<std::ops::Range<usize>, BusError> {
        let start = usize::try_from(addr).map_err(|_| BusError)?;
        let end = start.checked_add(len).ok_or(BusError)?;
        if end > self.memory.len() { Err(BusError) } else { Ok(start..end) }
    }
}

impl Cx for TestCx {
    fn now(&self) -> Ps {
        self.now
    }
    fn output(&mut self, output: u32, line: u32, level: bool) {
        self.outputs.insert((output, line), level);
    }
    fn pulse(&mut self, output: u32, line: u32) {
        self.pulses.push((output, line));
    }
    fn acknowledge(&mut self, input: u32, line: u32) -> Option<u32> {
        self.vectors.get(&(input, line)).copied()
    }
    fn timer(&mut self, timer: u32, at: Ps) {
        self.timers.insert(timer, at);
    }
    fn stop_timer(&mut self, timer: u32) {
        self.timers.remove(&timer);
    }
    fn dma_read(&mut self, _: u32, addr: u64, into: &mut [u8]) -> Result<(), BusError> {
        let range = self.range(addr, into.len())?;
        into.copy_from_slice(self.memory.get(range).ok_or(BusError)?);
        Ok(())
    }
    fn dma_write(&mut self, _: u32, addr: u64, bytes: &[u8]) -> Result<(), BusError> {
        let range = self.range(addr, bytes.len())?;
        self.memory.get_mut(range).ok_or(BusError)?.copy_from_slice(bytes);
        Ok(())
    }
    fn memory_read(&mut self, region: u32, offset: u64, into: &mut [u8]) -> Result<(), BusError> {
        let bytes = self.regions.get(&region).ok_or(BusError)?;
        let from = usize::try_from(offset).ok().and_then(|at| bytes.get(at..)?.get(..into.len()));
        into.copy_from_slice(from.ok_or(BusError)?);
        Ok(())
    }
    fn memory_write(&mut self, region: u32, offset: u64, bytes: &[u8]) -> Result<(), BusError> {
        let all = self.regions.get_mut(&region).ok_or(BusError)?;
        let at = usize::try_from(offset).map_err(|_| BusError)?;
        let to = all.get_mut(at..).and_then(|rest| rest.get_mut(..bytes.len()));
        to.ok_or(BusError)?.copy_from_slice(bytes);
        Ok(())
    }
    fn rate(&mut self, output: u32, line: u32, hz: u64) {
        self.rates.insert((output, line), hz);
    }
    fn memory_direct(&mut self, region: u32, direct: bool) {
        self.direct.insert(region, direct);
    }
    fn send(&mut self, link: u32, bytes: &[u8]) {
        self.sent.entry(link).or_default().extend_from_slice(bytes);
    }
    fn accept_more(&mut self, link: u32) {
        self.more.push(link);
    }
    fn block(&mut self, link: u32) -> Option<&mut dyn Block> {
        Some(self.blocks.get_mut(&link)?.as_mut())
    }
    fn folder(&mut self, link: u32) -> Option<&mut dyn Folder> {
        Some(self.folders.get_mut(&link)?.as_mut())
    }
    fn random(&mut self, into: &mut [u8]) {
        for byte in into {
            self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            *byte = (self.seed >> 56) as u8;
        }
    }
    fn wall_ns(&self) -> u64 {
        self.wall_base_ns.wrapping_add(self.now / 1000)
    }
    fn unimplemented(&mut self, what: &str, offset: u64, write: bool) {
        self.unimplemented.push((what.into(), offset, write));
    }
    fn request(&mut self, request: Request) {
        self.requests.push(request);
    }
    fn with_child(
        &mut self,
        unit: &str,
        call: &mut dyn FnMut(&mut dyn Device, &mut dyn Cx),
    ) -> bool {
        let Some(mut child) = self.children.remove(unit) else { return false };
        call(child.as_mut(), self);
        self.children.insert(unit.into(), child);
        true
    }
    fn tell_parent(&mut self) {
        self.told_parent += 1;
    }
}
