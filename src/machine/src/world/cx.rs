//! The context that a device is called with.

use super::{Carried, CoreSignal, Delivery, End, World};
use crate::report::Report;
use crate::wiring::Sink;
use hetemu_engine::{Ram, Space};
use hetemu_hw::time::Ps;
use hetemu_hw::{Block, BusError, Cx, Device, Folder, Request};
use std::sync::Arc;

pub(crate) struct DevCx<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) slot: usize,
}

impl DevCx<'_> {
    fn route(&mut self, output: u32, line: u32, value: Carried, pulse: bool) {
        let world = &mut *self.world;
        let Some(wire) = world.routes.line_mut(self.slot, output, line) else { return };
        if let (Carried::Level(level), false) = (value, pulse) {
            if wire.level == level {
                return;
            }
            wire.level = level;
        }
        for sink in &wire.sinks {
            match *sink {
                Sink::Device { slot, input, line } => {
                    world.fifo.push_back(Delivery::Signal { slot, input, line, value });
                }
                Sink::Core { cluster, core, input, line } => {
                    world.core_signals.push_back(CoreSignal { cluster, core, input, line, value });
                    world.stop = true;
                }
            }
        }
    }

    fn own_memory(&self, region: u32) -> Option<&Ram> {
        self.world.slots.get(self.slot)?.memories.get(&region).map(|ram| &**ram)
    }

    /// The view of a bus port; a function on a child bus uses its parent's port 0.
    fn view(&self, master: u32) -> Option<&Space> {
        self.port(master).map(|view| &**view)
    }

    fn shared_view(&self, master: u32) -> Option<Arc<Space>> {
        self.port(master).cloned()
    }

    /// The context of a device on this one's child bus.
    fn child(&mut self, unit: &str) -> Option<DevCx<'_>> {
        let slot = *self.world.slots.get(self.slot)?.children.get(unit)?;
        Some(DevCx { world: &mut *self.world, slot })
    }

    fn port(&self, master: u32) -> Option<&Arc<Space>> {
        let mut slot = self.world.slots.get(self.slot)?;
        let mut port = master as usize;
        // Parents are made before their children, so this ends.
        while slot.ty.masters.is_empty() {
            slot = self.world.slots.get(slot.parent.as_ref()?.0)?;
            port = 0;
        }
        slot.views.get(port)?.as_ref()
    }
}

impl Cx for DevCx<'_> {
    fn now(&self) -> Ps {
        self.world.now
    }

    fn output(&mut self, output: u32, line: u32, level: bool) {
        self.route(output, line, Carried::Level(level), false);
    }

    fn rate(&mut self, output: u32, line: u32, hz: u64) {
        self.route(output, line, Carried::Rate(hz), true);
    }

    fn pulse(&mut self, output: u32, line: u32) {
        self.route(output, line, Carried::Level(true), true);
    }

    fn acknowledge(&mut self, input: u32, line: u32) -> Option<u32> {
        let sink = Sink::Device { slot: self.slot, input, line };
        let (slot, output, line) = self.world.routes.driver(sink)?;
        self.world.call(slot, |dev, cx| dev.acknowledge(cx, output, line))?
    }

    fn timer(&mut self, timer: u32, at: Ps) {
        self.world.set_timer(self.slot, timer, at);
    }

    fn stop_timer(&mut self, timer: u32) {
        self.world.stop_timer(self.slot, timer);
    }

    fn dma_read(&mut self, master: u32, addr: u64, into: &mut [u8]) -> Result<(), BusError> {
        let view = self.view(master).ok_or(BusError)?;
        if view.read_ram(addr, into) { Ok(()) } else { Err(BusError) }
    }

    fn dma_write(&mut self, master: u32, addr: u64, bytes: &[u8]) -> Result<(), BusError> {
        let view = self.view(master).ok_or(BusError)?;
        if view.write_ram(addr, bytes) { Ok(()) } else { Err(BusError) }
    }

    fn memory_read(&mut self, region: u32, offset: u64, into: &mut [u8]) -> Result<(), BusError> {
        let ram = self.own_memory(region).ok_or(BusError)?;
        if ram.read(offset, into) { Ok(()) } else { Err(BusError) }
    }

    fn memory_write(&mut self, region: u32, offset: u64, bytes: &[u8]) -> Result<(), BusError> {
        let ram = self.own_memory(region).ok_or(BusError)?;
        if ram.write(offset, bytes) { Ok(()) } else { Err(BusError) }
    }

    fn bus_read(&mut self, master: u32, addr: u64, size: u8) -> Result<u64, BusError> {
        let view = self.shared_view(master).ok_or(BusError)?;
        self.world.bridge_read(&view, addr, size)
    }

    fn bus_write(&mut self, master: u32, addr: u64, size: u8, value: u64) -> Result<(), BusError> {
        let view = self.shared_view(master).ok_or(BusError)?;
        self.world.bridge_write(&view, addr, size, value)
    }

    fn child_bus_read(
        &mut self,
        unit: &str,
        master: u32,
        addr: u64,
        size: u8,
    ) -> Result<u64, BusError> {
        self.child(unit).ok_or(BusError)?.bus_read(master, addr, size)
    }

    fn child_bus_write(
        &mut self,
        unit: &str,
        master: u32,
        addr: u64,
        size: u8,
        value: u64,
    ) -> Result<(), BusError> {
        self.child(unit).ok_or(BusError)?.bus_write(master, addr, size, value)
    }

    fn same_way(&mut self) {
        self.world.ways.same();
    }

    fn ways_change(&mut self) {
        self.world.ways.forget();
    }

    fn memory_direct(&mut self, region: u32, direct: bool) {
        if let Some(ram) = self.own_memory(region)
            && ram.is_direct() != direct
        {
            ram.set_direct(direct);
            self.world.stop = true;
        }
    }

    fn send(&mut self, link: u32, bytes: &[u8]) {
        let slot = self.world.slots.get(self.slot);
        if let Some(plug) = slot.and_then(|s| s.links.get(link as usize).copied().flatten()) {
            self.world.plug_send(plug, bytes);
        }
    }

    fn accept_more(&mut self, link: u32) {
        let slot = self.world.slots.get(self.slot);
        if let Some(plug) = slot.and_then(|s| s.links.get(link as usize).copied().flatten())
            && self
                .world
                .plugs
                .get(plug)
                .is_some_and(|p| !p.waiting.is_empty() || !p.frames.is_empty())
        {
            self.world.fifo.push_back(Delivery::Input { plug });
        }
    }

    fn block(&mut self, link: u32) -> Option<&mut dyn Block> {
        let plug = self.world.slots.get(self.slot)?.stores.get(&link)?;
        Some(self.world.stores.block.get_mut(plug)?.as_mut())
    }

    fn folder(&mut self, link: u32) -> Option<&mut dyn Folder> {
        let plug = self.world.slots.get(self.slot)?.stores.get(&link)?;
        Some(self.world.stores.folder.get_mut(plug)?.as_mut())
    }

    fn random(&mut self, into: &mut [u8]) {
        for chunk in into.chunks_mut(8) {
            let bytes = self.world.next_random().to_le_bytes();
            for (to, from) in chunk.iter_mut().zip(bytes) {
                *to = from;
            }
        }
    }

    fn wall_ns(&self) -> u64 {
        self.world.wall_ns.wrapping_add(self.world.now / 1000)
    }

    fn unimplemented(&mut self, what: &str, offset: u64, write: bool) {
        let world = &mut *self.world;
        let Some(slot) = world.slots.get(self.slot) else { return };
        world.counts.unimplemented(&slot.path, what, offset, write);
        if world.strict && world.end.is_none() {
            let verb = if write { "writes" } else { "reads" };
            let what = if what.is_empty() { "a register" } else { what };
            let message =
                format!("the guest {verb} {what} of `{}`, which is not implemented", slot.path);
            let report = Report::new("E1105", message)
                .note("access", format!("offset {offset:#x} of {}", slot.ty.full_name()))
                .note("note", "--strict stops here; without it the access reads 0 and is counted");
            world.finish(End::Stuck(Box::new(report)));
        }
    }

    fn request(&mut self, request: Request) {
        match request {
            Request::Shutdown(code) => self.world.finish(End::Exit(code)),
            Request::Reset => {
                self.world.reset_wanted = true;
                self.world.stop = true;
            }
        }
    }

    fn tell_parent(&mut self) {
        self.world.fifo.push_back(Delivery::Child { child: self.slot });
    }

    fn with_child(
        &mut self,
        unit: &str,
        call: &mut dyn FnMut(&mut dyn Device, &mut dyn Cx),
    ) -> bool {
        let slot = self.world.slots.get(self.slot);
        let Some(child) = slot.and_then(|s| s.children.get(unit).copied()) else { return false };
        self.world.call(child, |dev, cx| call(dev, cx)).is_some()
    }
}
