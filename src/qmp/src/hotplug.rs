//! Devices that come and go while the machine is there, where a bus allows it.

use crate::error::{Error, did_you_mean};
use crate::types::Args;
use hetemu_control::{Event, Session};
use hetemu_graph::Graph;
use hetemu_import::draft::Given;
use hetemu_import::qom::{Builder, Misfit, expected};
use hetemu_lang::source::NOWHERE;
use hetemu_machine::{NewPart, Running};
use hetemu_schema::{Catalog, DeviceType, Value};
use serde_json::json;
use std::collections::BTreeMap;

/// Tells that a device is gone.
pub(crate) fn deleted(session: &mut Session, id: &str) {
    let data = json!({"device": id, "path": format!("/machine/{id}")});
    session.tell(&Event::Other { name: "DEVICE_DELETED".into(), data: data.to_string() });
}

/// `device_add` of a machine that is ready.
pub(crate) fn add(session: &mut Session, catalog: &Catalog, args: &Args) -> Result<(), Error> {
    let driver = args.str("driver");
    let mut b = Builder::new(catalog, "");
    let Some(ty) = b.type_of(driver) else {
        return Err(crate::draft::no_type(driver, catalog));
    };
    if ty.attaches.is_none() {
        let what = format!("Device '{driver}' can not be dynamically instantiated");
        return Err(Error::new(what).hint("it sits on no child bus"));
    }
    let machine = session.machine_mut()?;
    let graph = machine.graph();
    let name = match args.text("id") {
        Some(id) => id.to_string(),
        None => free_name(ty, machine),
    };
    if graph.find_part(&name).is_some() && !machine.is_unplugged(&name) {
        return Err(Error::new(format!("Duplicate device ID '{name}'")));
    }
    let parent = match args.text("bus") {
        Some(bus) => named_parent(graph, ty, bus)?,
        None => free_parent(machine, ty)
            .ok_or_else(|| Error::new(format!("No free bus found for device '{driver}'")))?,
    };
    let part = b.d.part(&name, ty, NOWHERE);
    for (key, value) in &args.0 {
        if !matches!(key.as_str(), "driver" | "id" | "bus") || ty.prop(key).is_some() {
            b.give(part, key, value).map_err(|misfit| refused(ty, key, value, misfit))?;
        }
    }
    let set = b.d.parts.get(part).map(|p| p.set.clone()).unwrap_or_default();
    let (mut props, mut links) = (BTreeMap::new(), BTreeMap::new());
    for (key, given) in set {
        let key = key.to_string();
        match given {
            Given::Name(plug) if ty.link(&key).is_some() => drop(links.insert(key, plug)),
            Given::Int(n) => drop(props.insert(key, Value::Int(n))),
            Given::Bool(v) => drop(props.insert(key, Value::Bool(v))),
            Given::Text(s) | Given::Name(s) => drop(props.insert(key, Value::Str(s))),
        }
    }
    let new = NewPart { name, ty, props, links, parent, unit: String::new() };
    machine.plug(&new).map_err(|r| Error::new(r.message))
}

/// `device_del` of a machine that is ready.
pub(crate) fn remove(session: &mut Session, id: &str) -> Result<(), Error> {
    let name = id.rsplit('/').next().unwrap_or(id).to_string();
    let machine = session.machine_mut()?;
    let graph = machine.graph();
    let part = graph.find_part(&name).filter(|_| !machine.is_unplugged(&name));
    let Some(part) = part else {
        let there =
            graph.parts.iter().map(|p| p.name.as_str()).filter(|n| !machine.is_unplugged(n));
        let near = did_you_mean(&name, there);
        return Err(Error::not_found(id).hint(near));
    };
    if graph.part(part).on.is_none() {
        let what = format!("Device '{id}' does not support hotplugging");
        return Err(Error::new(what).hint("it sits on no child bus"));
    }
    machine.unplug(&name).map_err(|r| Error::new(r.message))?;
    deleted(session, &name);
    Ok(())
}

/// The part that `bus=` names: `virtio3`, `virtio3.virtio`.
fn named_parent(graph: &Graph, ty: &DeviceType, bus: &str) -> Result<String, Error> {
    let place = bus.rsplit('/').next().unwrap_or(bus);
    let (host, name) = match graph.find_part(place) {
        Some(_) => (place, None),
        None => place.rsplit_once('.').map_or((place, None), |(h, n)| (h, Some(n))),
    };
    let buses = graph.find_part(host).map(|id| graph.part(id).ty.buses);
    let Some(buses) = buses else { return Err(Error::new(format!("Bus '{bus}' not found"))) };
    let fits = buses.iter().any(|b| ty.sits_on(b.kind) && name.is_none_or(|n| n == b.name));
    match fits {
        true => Ok(host.to_string()),
        false => Err(Error::new(format!("'{}' can't go on bus '{bus}'", ty.name))),
    }
}

/// A part with a child bus for this type where nothing sits.
fn free_parent(machine: &Running, ty: &DeviceType) -> Option<String> {
    let graph = machine.graph();
    let used = |id: hetemu_graph::PartId| {
        graph.parts.iter().any(|p| {
            !machine.is_unplugged(&p.name) && p.on.as_ref().is_some_and(|(host, ..)| *host == id)
        })
    };
    let fits = |p: &hetemu_graph::Part| p.ty.buses.iter().any(|b| ty.sits_on(b.kind));
    let free = graph.parts().find(|(id, p)| fits(p) && !used(*id));
    free.map(|(_, p)| p.name.clone())
}

/// `blk0`, `blk1`, ...
fn free_name(ty: &DeviceType, machine: &Running) -> String {
    let stem = ty.name.rsplit('.').next().unwrap_or(ty.name);
    let free = |name: &String| machine.graph().find_part(name).is_none();
    (0..).map(|n: u32| format!("{stem}{n}")).find(free).unwrap_or_else(|| stem.to_string())
}

fn refused(ty: &DeviceType, key: &str, value: &serde_json::Value, misfit: Misfit) -> Error {
    match misfit {
        Misfit::Unknown => {
            let names = ty.props.iter().map(|p| p.name).chain(ty.links.iter().map(|l| l.name));
            let near = did_you_mean(key, names);
            Error::new(format!("Property '{}.{key}' not found", ty.name)).hint(near)
        }
        Misfit::Wrong(what) => {
            let takes = expected(ty, &key.replace('-', "_")).unwrap_or(what);
            let text = format!("Property '{}.{key}' does not accept value {value}", ty.name);
            Error::new(text).hint(format!("it takes {takes}"))
        }
    }
}
