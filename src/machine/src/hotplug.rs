//! Parts that come and go while the machine is there: on child buses whose device allows it.
//!
//! A part that went keeps its place in the graph and its slot, without a device, so that nothing
//! else is numbered anew; one of the same name takes them again.

use crate::build;
use crate::report::Report;
use crate::run::Running;
use hetemu_graph::{Part, PartId, Span};
use hetemu_schema::{DeviceType, Value};
use std::collections::BTreeMap;

/// A part to be added.
#[derive(Debug, Clone)]
pub struct NewPart {
    /// Its name, which no other part has.
    pub name: String,
    /// Its type.
    pub ty: &'static DeviceType,
    /// Values of its properties; the others have the schema's defaults.
    pub props: BTreeMap<String, Value>,
    /// Plugs by its links' names. They must exist, and nothing else may use them.
    pub links: BTreeMap<String, String>,
    /// The part that provides the child bus.
    pub parent: String,
    /// The unit address there.
    pub unit: String,
}

fn report(message: impl Into<String>) -> Report {
    Report::new("E1005", message)
}

impl Running {
    /// Whether a part was taken out.
    pub fn is_unplugged(&self, name: &str) -> bool {
        self.m.unplugged.contains(name)
    }

    /// Adds a part on a child bus.
    ///
    /// # Errors
    /// E1005: the bus takes nothing now, or the part cannot be made. Nothing has changed then.
    pub fn plug(&mut self, new: &NewPart) -> Result<(), Report> {
        let find = |name: &str| self.m.graph.find_part(name);
        let parent = find(&new.parent);
        let parent = parent.ok_or_else(|| report(format!("there is no `{}`", new.parent)))?;
        let buses = self.m.graph.part(parent).ty.buses;
        let Some(bus) = buses.iter().find(|b| new.ty.sits_on(b.kind)) else {
            let host = self.m.graph.part(parent).ty.name;
            return Err(report(format!("{} does not sit on a {host}", new.ty.name)));
        };
        let old = find(&new.name);
        if old.is_some() && !self.is_unplugged(&new.name) {
            return Err(report(format!("there is a `{}` already", new.name)));
        }
        for plug in new.links.values() {
            let used = self.m.graph.parts.iter().any(|p| {
                p.name != new.name
                    && !self.m.unplugged.contains(&p.name)
                    && p.links.values().any(|name| name == plug)
            });
            if self.m.graph.find_plug(plug).is_none() {
                return Err(report(format!("there is no plug `{plug}`")));
            }
            if used {
                return Err(report(format!("the plug `{plug}` is used already")));
            }
        }
        let mut props: BTreeMap<String, Value> = new.ty.defaults().collect();
        props.extend(new.props.clone());
        let part = Part {
            name: new.name.clone(),
            ty: new.ty,
            props,
            set: new.props.keys().cloned().collect(),
            links: new.links.clone(),
            clocks: BTreeMap::new(),
            masters: BTreeMap::new(),
            on: Some((parent, bus.name.to_string(), new.unit.clone())),
            index: None,
            doc: String::new(),
            span: Span::default(),
        };
        let parts = &mut self.m.graph.parts;
        let before = old.and_then(|id| parts.get(id.0 as usize).cloned());
        let id = old.unwrap_or(PartId(parts.len() as u32));
        match parts.get_mut(id.0 as usize) {
            Some(place) => *place = part,
            None => parts.push(part),
        }
        let done = self.plug_in(id, parent, &new.unit);
        if done.is_err() {
            match (before, self.m.graph.parts.get_mut(id.0 as usize)) {
                (Some(before), Some(place)) => *place = before,
                _ => drop(self.m.graph.parts.pop()),
            }
        }
        done
    }

    /// Makes the device of a part that stands in the graph, and tells its parent.
    fn plug_in(&mut self, id: PartId, parent: PartId, unit: &str) -> Result<(), Report> {
        let world = &mut self.m.world;
        let (plugs, stores) = (&world.plugs, &world.stores);
        let made = build::slot(&self.m.graph, &self.m.registry, id, plugs, stores)?;
        let name = &self.m.graph.part(id).name;
        let none = || report(format!("`{name}` has a schema and no model"));
        let mut made = made.ok_or_else(none)?;
        let host = world.slots.iter().position(|s| s.part == parent);
        let host = host.ok_or_else(|| report("the bus has no model"))?;
        if world.slots.get(host).is_some_and(|s| s.children.contains_key(unit)) {
            let taken = world.slots.get(host).and_then(|s| s.children.get(unit));
            let who = taken.and_then(|s| world.slots.get(*s)).map_or("", |s| s.path.as_str());
            return Err(report(format!("`{who}` sits there already")));
        }
        made.parent = Some((host, unit.to_string()));
        let old = world.slots.iter().position(|s| s.part == id);
        let slot = old.unwrap_or(world.slots.len());
        for (link, plug) in made.links.iter().enumerate() {
            if let Some(state) = plug.and_then(|p| world.plugs.get_mut(p)) {
                state.at = Some((slot, link as u32));
            }
        }
        match world.slots.get_mut(slot) {
            Some(place) => *place = made,
            None => world.slots.push(made),
        }
        if let Some(host) = world.slots.get_mut(host) {
            host.children.insert(unit.to_string(), slot);
        }
        world.call(slot, |device, cx| device.reset(cx));
        if !self.tell_host(host) {
            self.take_out(host, unit, slot);
            return Err(report("the bus takes nothing while the machine is there"));
        }
        self.m.unplugged.remove(&self.m.graph.part(id).name.clone());
        Ok(())
    }

    /// Takes a part off its child bus.
    ///
    /// # Errors
    /// E1005: there is none of this name, or its bus lets nothing go.
    pub fn unplug(&mut self, name: &str) -> Result<(), Report> {
        let world = &self.m.world;
        let slot = world.slots.iter().position(|s| s.path == name && s.device.is_some());
        let slot = slot.ok_or_else(|| report(format!("there is no device `{name}`")))?;
        let parent = world.slots.get(slot).and_then(|s| s.parent.clone());
        let Some((host, unit)) = parent else {
            return Err(report(format!("`{name}` sits on no child bus")));
        };
        if let Some(s) = self.m.world.slots.get_mut(host) {
            s.children.remove(&unit);
        }
        if !self.tell_host(host) {
            if let Some(s) = self.m.world.slots.get_mut(host) {
                s.children.insert(unit, slot);
            }
            return Err(report("the bus lets nothing go while the machine is there"));
        }
        self.take_out(host, &unit, slot);
        self.m.unplugged.insert(name.to_string());
        Ok(())
    }

    /// Tells the device that provides a bus what sits there now; false if that cannot be.
    fn tell_host(&mut self, host: usize) -> bool {
        let world = &mut self.m.world;
        let units = world.slots.get(host).map(|s| s.children.keys().cloned().collect());
        let units: Vec<String> = units.unwrap_or_default();
        world.ways.forget();
        let told = world.call(host, |device, cx| device.children_changed(cx, &units));
        world.drain();
        self.deliver();
        told == Some(true)
    }

    fn take_out(&mut self, host: usize, unit: &str, slot: usize) {
        let world = &mut self.m.world;
        if let Some(s) = world.slots.get_mut(host) {
            s.children.remove(unit);
        }
        let timers: Vec<u32> = match world.slots.get(slot) {
            Some(s) => s.timers.keys().copied().collect(),
            None => Vec::new(),
        };
        for timer in timers {
            world.stop_timer(slot, timer);
        }
        for plug in world.plugs.iter_mut().filter(|p| p.at.is_some_and(|at| at.0 == slot)) {
            plug.at = None;
        }
        if let Some(s) = world.slots.get_mut(slot) {
            (s.device, s.parent) = (None, None);
        }
    }
}
