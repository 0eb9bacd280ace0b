//! What front ends read and write of a machine that stands still: cores by name, their registers,
//! memory through a core's or a bus's view, registers of devices by their data sheet's names.
//!
//! Nothing here has side effects on devices: memory is RAM and ROM only, and device registers are
//! those that a model shows without being read.

use crate::run::Running;
use crate::spaces;
use hetemu_engine::Space;
use hetemu_graph::{BusId, Graph};
use hetemu_isa::Layout;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A core: number of its cluster in the graph, and its number there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CoreId {
    /// Cluster.
    pub cluster: usize,
    /// Core in the cluster.
    pub core: usize,
}

impl Running {
    /// The graph that the machine was made from.
    pub fn graph(&self) -> &Graph {
        &self.m.graph
    }

    /// Every core with its name, by cluster.
    pub fn cores(&self) -> impl Iterator<Item = (CoreId, &str)> {
        self.m.core_names.iter().enumerate().flat_map(|(cluster, names)| {
            let id = move |core| CoreId { cluster, core };
            names.iter().enumerate().map(move |(core, name)| (id(core), name.as_str()))
        })
    }

    /// A core by its name (`ibex`, `hart[1]`), or a machine's or array's only or first one without
    /// its index (`hart`).
    pub fn core_named(&self, name: &str) -> Option<CoreId> {
        let exact = self.cores().find(|(_, n)| *n == name);
        let first = || self.cores().find(|(_, n)| n.split('[').next() == Some(name));
        exact.or_else(first).map(|(id, _)| id)
    }

    /// Instructions that a core has retired.
    pub fn core_retired(&self, at: CoreId) -> u64 {
        let cluster = self.m.clusters.get(at.cluster).filter(|c| at.core < c.cores());
        cluster.map_or(0, |c| c.retired(at.core))
    }

    /// Fixed facts of a core: word size, byte order, page size.
    pub fn core_layout(&self, at: CoreId) -> Option<&Layout> {
        let cluster = self.m.clusters.get(at.cluster)?;
        (at.core < cluster.cores()).then(|| cluster.cpu(at.core).layout())
    }

    /// Every register of a core by name, general ones first.
    pub fn core_registers(&self, at: CoreId) -> Vec<(String, u64)> {
        let Some(cluster) = self.m.clusters.get(at.cluster) else { return Vec::new() };
        if at.core >= cluster.cores() {
            return Vec::new();
        }
        let mut all = cluster.cpu(at.core).registers(cluster.regs(at.core));
        if all.iter().all(|(name, _)| name != "pc") {
            all.push((String::from("pc"), cluster.pc(at.core)));
        }
        all
    }

    /// A core's register by name.
    pub fn core_register(&self, at: CoreId, name: &str) -> Option<u64> {
        let all = self.core_registers(at);
        all.into_iter().find(|(n, _)| n == name).map(|(_, value)| value)
    }

    /// Sets a core's register by name; false if there is none that can be set.
    pub fn set_core_register(&mut self, at: CoreId, name: &str, value: u64) -> bool {
        let Some(cluster) = self.m.clusters.get_mut(at.cluster) else { return false };
        if at.core >= cluster.cores() {
            return false;
        }
        let (cpu, regs) = cluster.cpu_mut(at.core);
        if name == "pc" {
            let (slot, mask) = (cpu.layout().pc, cpu.layout().mask());
            regs.set(slot, value & mask);
            return true;
        }
        cluster.set_register(at.core, name, value)
    }

    /// What a core, a cluster or a bus sees.
    fn space_of(&self, view: &str) -> Option<Arc<Space>> {
        let cluster = self.core_named(view).map(|at| at.cluster);
        let named = || self.m.graph.clusters.iter().position(|c| c.name == view);
        if let Some(cluster) = cluster.or_else(named) {
            return self.m.spaces.get(cluster).cloned();
        }
        let number = self.m.graph.buses.iter().position(|bus| bus.name == view)?;
        let bus = BusId(u32::try_from(number).ok()?);
        if let Some(seen) = self.m.views.iter().position(|v| *v == bus) {
            return self.m.spaces.get(seen).cloned();
        }
        let slots = self.m.world.slots.iter().enumerate();
        let slots: BTreeMap<_, _> = slots.map(|(i, slot)| (slot.part, i)).collect();
        Some(Arc::new(spaces::view(&self.m.graph, bus, &slots, &self.m.memories)))
    }

    /// Reads memory (RAM and ROM) at a physical address as a core, a cluster or a bus of this name
    /// sees it. None if there is no such view, or a byte is not memory.
    pub fn read_physical(&self, view: &str, at: u64, len: usize) -> Option<Vec<u8>> {
        let space = self.space_of(view)?;
        let mut bytes = vec![0; len];
        space.read_ram(at, &mut bytes).then_some(bytes)
    }

    /// Writes memory at a physical address, ROM too: what a programmer or a debugger may do. False
    /// if there is no such view, or a byte is not memory; a part may then be written.
    pub fn write_physical(&mut self, view: &str, at: u64, bytes: &[u8]) -> bool {
        self.space_of(view).is_some_and(|space| space.write_rom(at, bytes))
    }

    /// Reads memory at a virtual address as a core's loads see it now, without setting accessed
    /// bits.
    pub fn read_virtual(&mut self, at: CoreId, va: u64, len: usize) -> Option<Vec<u8>> {
        let cluster = self.m.clusters.get_mut(at.cluster)?;
        let mut bytes = vec![0; len];
        (at.core < cluster.cores() && cluster.read_virt(at.core, va, &mut bytes)).then_some(bytes)
    }

    /// Writes memory at a virtual address; false, with a part written, if a byte is not RAM.
    pub fn write_virtual(&mut self, at: CoreId, va: u64, bytes: &[u8]) -> bool {
        let cluster = self.m.clusters.get_mut(at.cluster);
        cluster.is_some_and(|c| at.core < c.cores() && c.write_virt(at.core, va, bytes))
    }

    /// What a device shows of itself by name: registers (`CTRL`, `IE[1]`), their fields (`CTRL.TX`)
    /// and what the model names besides. None if there is no such device.
    pub fn device_values(&self, part: &str) -> Option<Vec<(String, u64)>> {
        let slot = self.m.world.slots.iter().find(|s| s.path == part)?;
        let device = slot.device.as_deref();
        let values = device.map(|d| hetemu_hw::regs::shown(slot.ty, d)).unwrap_or_default();
        Some(values.into_iter().map(|v| (v.name, v.value)).collect())
    }

    /// A device's value by name.
    pub fn device_value(&self, part: &str, name: &str) -> Option<u64> {
        let all = self.device_values(part)?;
        all.into_iter().find(|(n, _)| n == name).map(|(_, value)| value)
    }

    /// Every device that shows something, by path.
    pub fn device_names(&self) -> impl Iterator<Item = &str> {
        self.m.world.slots.iter().map(|s| s.path.as_str())
    }
}
