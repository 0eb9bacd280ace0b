//! Commands that build a machine: before it exists, and, where a bus allows, while it runs.

use crate::context::Context;
use crate::error::Error;
use crate::hotplug;
use crate::types::{Args, Command, Object, Type, may, need};
use serde_json::{Value, json};

pub(super) const COMMANDS: &[Command] = &[
    Command::new(
        "device_add",
        "Adds a device. Before the machine is ready: any type, under hetemu's name or QEMU's, with \
         its properties as further arguments; `bus` puts it on a child bus. When it is ready: what \
         sits on a bus that allows it (virtio).",
        device_add,
    )
    .args(&[
        need("driver", Type::Str, "The type, `lowrisc.uart` or `ibex-uart`."),
        may("bus", Type::Str, "The bus that it sits on, `virtio0.virtio` or `virtio0`."),
        may("id", Type::Str, "Its name and path."),
    ])
    .open()
    .always(),
    Command::new(
        "device_del",
        "Removes a device. `DEVICE_DELETED` tells when it is gone.",
        device_del,
    )
    .args(&[need("id", Type::Str, "Its id or path.")])
    .always(),
    Command::new("x-sysbus-mmio-map", "As `sysbus-mmio-map`.", map).args(MAP).always().unstable(),
    Command::new("sysbus-mmio-map", "Maps a region of a device on the bus.", map)
        .args(MAP)
        .always()
        .unstable(),
    Command::new(
        "qom-set",
        "Sets a property, a clock or a plug of a device, or connects its output `property` to the \
         input `value` (`plic/unnamed-gpio-in[1]`, `plic/in[1]`); before the machine is ready.",
        qom_set,
    )
    .args(&[
        need("path", Type::Str, "The device."),
        need("property", Type::Str, "A property, or an output (`sysbus-irq[0]`, `tx_empty`)."),
        need("value", Type::Any, "Its value, or an input."),
    ])
    .always(),
    Command::new("hetemu-export-machine", "The machine as a text that `hetemu run` takes.", export)
        .args(&[may("path", Type::Str, "A file to write it to; else it is returned.")])
        .returns(Type::Object(&EXPORTED))
        .always(),
    Command::new(
        "object-add",
        "Names a host's end for a plug, before the machine is ready: the one type is `plug`.",
        object_add,
    )
    .args(&[
        need("qom-type", Type::Str, "`plug`"),
        need("id", Type::Str, "The plug's name."),
        may("value", Type::Str, "What is plugged in, as after `--plug NAME=`."),
    ])
    .open()
    .always(),
    Command::new("object-del", "Takes back what `object-add` named.", object_del)
        .args(&[need("id", Type::Str, "The plug's name.")])
        .always(),
];

const MAP: &[crate::types::Member] = &[
    need("device", Type::Str, "The device."),
    may("mmio", Type::Int, "Which of its regions; 0."),
    need("addr", Type::Int, "First address."),
    may("priority", Type::Int, "Above 0: it lies on top of what it overlaps; 0."),
];
const EXPORTED: Object = Object {
    name: "ExportedMachine",
    members: &[may("text", Type::Str, "The text, if it was not written to a file.")],
};

fn initialized_only(cx: &mut Context<'_>, too_early: &str) -> Result<(), Error> {
    match cx.draft() {
        Some(d) if !d.initialized => Err(Error::new(too_early)),
        _ => Ok(()),
    }
}

fn device_add(cx: &mut Context<'_>, args: &Args) -> Result<Value, Error> {
    initialized_only(cx, "The command is permitted only after the machine is initialized")?;
    let registry = cx.monitor.registry.clone();
    match cx.draft() {
        Some(draft) => draft.device_add(registry.catalog(), args.0.clone())?,
        None => hotplug::add(cx.session, registry.catalog(), args)?,
    }
    Ok(json!({}))
}

fn device_del(cx: &mut Context<'_>, args: &Args) -> Result<Value, Error> {
    initialized_only(cx, "The command is permitted only after the machine is initialized")?;
    let registry = cx.monitor.registry.clone();
    match cx.draft() {
        Some(draft) => {
            draft.device_del(registry.catalog(), args.str("id"))?;
            let id = args.str("id").rsplit('/').next().unwrap_or("").to_string();
            hotplug::deleted(cx.session, &id);
        }
        None => hotplug::remove(cx.session, args.str("id"))?,
    }
    Ok(json!({}))
}

fn map(cx: &mut Context<'_>, args: &Args) -> Result<Value, Error> {
    let registry = cx.monitor.registry.clone();
    match cx.draft() {
        Some(draft) if draft.initialized => draft.map(registry.catalog(), args.0.clone())?,
        _ => {
            let what = "The command is permitted only when the machine is in initialized phase";
            return Err(Error::new(what));
        }
    }
    Ok(json!({}))
}

fn qom_set(cx: &mut Context<'_>, args: &Args) -> Result<Value, Error> {
    let too_early = "The command is permitted only after the machine is initialized";
    initialized_only(cx, too_early)?;
    let registry = cx.monitor.registry.clone();
    if let Some(draft) = cx.draft() {
        draft.set(registry.catalog(), args.0.clone())?;
        return Ok(json!({}));
    }
    let (path, property) = (args.str("path"), args.str("property"));
    let model = crate::model::Model::of(cx)?;
    let place = model.find(path)?;
    let ty = model.type_name(&place);
    let name = model.path(&place).rsplit('/').next().unwrap_or("").to_string();
    Err(Error::new(format!(
        "Attempt to set property '{property}' on device '{name}' (type '{ty}') after it was realized"
    )))
}

fn export(cx: &mut Context<'_>, args: &Args) -> Result<Value, Error> {
    let registry = cx.monitor.registry.clone();
    let text = match cx.draft() {
        Some(draft) => draft.export(registry.catalog()),
        None => {
            let graph = cx.session.machine()?.graph();
            let nothing = hetemu_lang::typed::Machine::default();
            hetemu_lang::expand_graph(graph, &nothing, &hetemu_lang::SourceMap::new()).text
        }
    };
    match args.text("path") {
        None => Ok(json!({"text": text})),
        Some(path) => {
            let failed = |e: std::io::Error| Error::new(format!("Could not write '{path}': {e}"));
            std::fs::write(path, text).map_err(failed)?;
            Ok(json!({}))
        }
    }
}

fn object_add(cx: &mut Context<'_>, args: &Args) -> Result<Value, Error> {
    let (ty, id) = (args.str("qom-type"), args.str("id").to_string());
    if ty != "plug" {
        return Err(Error::new(format!("invalid object type: {ty}")).hint("the one type is 'plug'"));
    }
    let value = args.text("value").unwrap_or("null").to_string();
    let Some(draft) = cx.draft() else {
        return Err(Error::new("Plugs of a machine that is ready are not available to object-add"));
    };
    if draft.plugs.iter().any(|(name, _)| *name == id) {
        return Err(Error::new(format!("attempt to add duplicate property '{id}' to object")));
    }
    draft.plugs.push((id, value));
    Ok(json!({}))
}

fn object_del(cx: &mut Context<'_>, args: &Args) -> Result<Value, Error> {
    let id = args.str("id").to_string();
    let gone = cx.draft().is_some_and(|draft| {
        let before = draft.plugs.len();
        draft.plugs.retain(|(name, _)| *name != id);
        draft.plugs.len() != before
    });
    if gone { Ok(json!({})) } else { Err(Error::new(format!("object '{id}' not found"))) }
}
