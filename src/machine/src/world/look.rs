//! What the world tells those who look on.

use super::{Carried, CoreSignal, World};
use crate::spaces::REGION_MASK;
use hetemu_engine::DeviceRef;
use hetemu_graph::register_at;
use hetemu_hw::time::Ps;
use hetemu_schema::{Access, Signal};

impl World {
    /// Counts an access of a core: 0 a read, 1 a write.
    pub(super) fn count(&mut self, slot: usize, way: usize) {
        if let Some(n) = self.slots.get_mut(slot).and_then(|s| s.accesses.get_mut(way)) {
            *n += 1;
        }
    }

    pub(super) fn note_access(
        &mut self,
        now: Ps,
        at: DeviceRef,
        size: u8,
        store: bool,
        value: Option<u64>,
    ) {
        let Some(observer) = &mut self.observer else { return };
        let (slot, region) = (at.device as usize, at.region & REGION_MASK);
        let named = || {
            let Some(s) = self.slots.get(slot) else { return (String::from("?"), None) };
            let regs = s.ty.regions.get(region as usize).map_or(&[][..], |r| r.regs);
            // One address may be two registers, one read and one written.
            let other = if store { Access::Ro } else { Access::Wo };
            let fits = regs.iter().filter(|r| r.access != other);
            let exact = fits.into_iter().find(|r| r.offset == at.offset && r.count <= 1);
            let name = match exact {
                Some(r) => Some(r.name.to_string()),
                None => register_at(regs, at.offset).map(|(_, name, within)| match within {
                    0 => name,
                    n => format!("{name}+{n}"),
                }),
            };
            (s.path.clone(), name)
        };
        let place = (slot, region, at.offset);
        observer.mmio(now, self.cluster, place, named, (size, store, value));
    }

    /// A line of a device is about to change.
    pub(super) fn line_at_device(&mut self, slot: usize, input: u32, line: u32, level: bool) {
        let Some(observer) = self.observer.as_mut().filter(|o| o.wants_lines()) else { return };
        let Some(s) = self.slots.get(slot) else { return };
        observer.line(self.now, &s.path, input_name(s.ty.inputs, input, line), level);
    }

    /// A line of a core is about to change.
    pub(crate) fn line_at_core(&mut self, s: &CoreSignal) {
        let Some(observer) = self.observer.as_mut().filter(|o| o.wants_lines()) else { return };
        let Carried::Level(level) = s.value else { return };
        let name = self.core_names.get(s.cluster).and_then(|c| c.get(s.core));
        let input = input_name(observer.inputs(s.cluster), s.input, s.line);
        observer.line(self.now, name.map_or("?", String::as_str), input, level);
    }
}

/// `irq[3]`, or `external` of an input with one line.
fn input_name(inputs: &[Signal], input: u32, line: u32) -> String {
    match inputs.get(input as usize) {
        Some(signal) if signal.width.is_none() => signal.name.to_string(),
        Some(signal) => format!("{}[{line}]", signal.name),
        None => format!("input {input}[{line}]"),
    }
}
