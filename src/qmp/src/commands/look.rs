//! Commands that look at types and objects, and change nothing.

use crate::context::Context;
use crate::error::Error;
use crate::model::{Model, literal, type_word};
use crate::types::{Args, Command, Enum, Member, Object, Type, may, need};
use crate::{draft, dump};
use hetemu_schema::{DeviceType, PlugKind, RegionKind};
use serde_json::{Value, json};

pub(super) const COMMANDS: &[Command] = &[
    Command::new("qom-list", "The properties of an object, children among them.", qom_list)
        .args(&[need("path", Type::Str, "The object; `/machine` is the whole machine.")])
        .returns(Type::List(&Type::Object(&PROPERTY_INFO)))
        .always(),
    Command::new(
        "qom-get",
        "The value of a property; of a register as a number (`uart/regs/STATUS`, `value`) or with \
         its fields (`uart/regs`, `STATUS`).",
        qom_get,
    )
    .args(&[need("path", Type::Str, "The object."), need("property", Type::Str, "The property.")])
    .returns(Type::Any)
    .always(),
    Command::new("qom-list-types", "The types of devices and cores.", qom_list_types)
        .args(&[
            may(
                "implements",
                Type::Str,
                "Only those of a kind: `device`, `core`, `memory`, the \
                 kind of a child bus (`virtio`), or a type's own name.",
            ),
            may("abstract", Type::Bool, "No type is abstract: this changes nothing."),
            may("machine", Type::Bool, "Only those that this machine has a place for."),
        ])
        .returns(Type::List(&Type::Object(&TYPE_INFO)))
        .always(),
    Command::new(
        "qom-list-properties",
        "The properties of a type, with its ports.",
        list_properties,
    )
    .args(&[need("typename", Type::Str, "The type.")])
    .returns(Type::List(&Type::Object(&PROPERTY_INFO)))
    .always(),
    Command::new(
        "device-list-properties",
        "The properties that `device_add` and `qom-set` set.",
        list_properties,
    )
    .args(&[need("typename", Type::Str, "The type.")])
    .returns(Type::List(&Type::Object(&PROPERTY_INFO)))
    .always(),
    Command::new("query-cpus-fast", "The cores, each with its own ISA.", query_cpus)
        .returns(Type::List(&Type::Object(&CPU_INFO))),
    Command::new("query-chardev", "Serial plugs and servers, with where they lead.", query_chardev)
        .returns(Type::List(&Type::Object(&CHARDEV_INFO)))
        .always(),
    Command::new("query-block", "Disks.", query_block)
        .returns(Type::List(&Type::Object(&BLOCK_INFO)))
        .always(),
    Command::new("query-memory-devices", "Memories, with their addresses.", query_memory)
        .returns(Type::List(&Type::Object(&MEMORY_INFO))),
    Command::new("query-stats", "What was counted.", query_stats)
        .args(&[
            need("target", TARGET, "Of the machine, or of each core."),
            may("vcpus", Type::List(&Type::Str), "Only of these cores, by path."),
        ])
        .returns(Type::List(&Type::Object(&STATS))),
    Command::new(
        "human-monitor-command",
        "A line as a person would type it at the monitor (`help`, `info registers`, `x/4wx ADDR`).",
        human,
    )
    .args(&[
        need("command-line", Type::Str, "The line."),
        may("cpu-index", Type::Int, "The core that it is about; 0."),
    ])
    .returns(Type::Str),
    Command::new(
        "dump-guest-memory",
        "Writes the memory that the first cluster sees to an ELF core file.",
        dump_memory,
    )
    .args(&[
        need("paging", Type::Bool, "`false`: by physical addresses; the other is not available."),
        need("protocol", Type::Str, "`file:PATH`"),
        may("detach", Type::Bool, "The file is written when the command returns, anyway."),
        may("begin", Type::Int, "First address."),
        may("length", Type::Int, "Bytes."),
        may("format", Type::Enum(&FORMAT), "The form of the file."),
    ]),
];

const FORMAT: Enum = Enum { name: "DumpGuestMemoryFormat", values: &["elf"] };
const TARGET: Type = Type::Enum(&Enum { name: "StatsTarget", values: &["vm", "vcpu"] });
const PROPERTY_INFO: Object = Object {
    name: "ObjectPropertyInfo",
    members: &[
        need("name", Type::Str, "The name."),
        need("type", Type::Str, "`string`, `uint64`, `child<...>`, `link<...>`."),
        may("description", Type::Str, "One sentence."),
        may("default-value", Type::Any, "The value if nothing sets it."),
    ],
};
const TYPE_INFO: Object = Object {
    name: "ObjectTypeInfo",
    members: &[
        need("name", Type::Str, "The name."),
        may("abstract", Type::Bool, "Never."),
        may("parent", Type::Str, "`device`, `core` or `memory`."),
    ],
};
const CPU_INFO: Object = Object {
    name: "CpuInfoFast",
    members: &[
        need("cpu-index", Type::Int, "Its number, over all clusters."),
        need("qom-path", Type::Str, "Its path."),
        need("thread-id", Type::Int, "The process: cores have no threads of their own."),
        need("target", Type::Str, "Its ISA."),
        need("cluster", Type::Str, "Its cluster."),
    ],
};
const CHARDEV_INFO: Object = Object {
    name: "ChardevInfo",
    members: &[
        need("label", Type::Str, "Name."),
        need("filename", Type::Str, "Where it leads."),
        need("frontend-open", Type::Bool, "A device uses it."),
    ],
};
const BLOCK_INFO: Object = Object {
    name: "BlockInfo",
    members: &[
        need("device", Type::Str, "The plug."),
        need("type", Type::Str, "`hd`"),
        need("removable", Type::Bool, "Never."),
        need("locked", Type::Bool, "Never."),
        may("qdev", Type::Str, "The device that uses it."),
        may("inserted", Type::Any, "`file`: what is plugged in."),
    ],
};
const MEMORY_INFO: Object = Object {
    name: "MemoryDeviceInfo",
    members: &[
        need("type", Type::Str, "`ram` or `rom`"),
        need("data", Type::Any, "`id`, `bus`, `addr`, `size`, `hotpluggable`."),
    ],
};
const STATS: Object = Object {
    name: "StatsResult",
    members: &[
        need("provider", Type::Str, "`hetemu`"),
        may("qom-path", Type::Str, "The core."),
        need("stats", Type::List(&Type::Object(&STAT)), "Names and values."),
    ],
};
const STAT: Object = Object { name: "Stats", members: STAT_MEMBERS };
const STAT_MEMBERS: &[Member] =
    &[need("name", Type::Str, "What."), need("value", Type::Int, "How many.")];

fn model<'s>(cx: &'s mut Context<'_>) -> Result<Model<'s>, Error> {
    Model::of(cx)
}

fn qom_list(cx: &mut Context<'_>, args: &Args) -> Result<Value, Error> {
    let model = model(cx)?;
    let place = model.find(args.str("path"))?;
    let all = model.properties(&place);
    Ok(all.iter().map(|p| json!({"name": p.name, "type": p.ty})).collect())
}

fn qom_get(cx: &mut Context<'_>, args: &Args) -> Result<Value, Error> {
    let model = model(cx)?;
    let place = model.find(args.str("path"))?;
    let property = args.str("property");
    let all = model.properties(&place);
    let numbered = model.numbered(&place, property);
    let wanted = numbered.unwrap_or_else(|| property.replace('-', "_"));
    let hit = all.iter().find(|p| p.name == property || p.name == wanted);
    let Some(hit) = hit else {
        let what = format!("Property '{}.{property}' not found", model.type_name(&place));
        let near = crate::error::did_you_mean(property, all.iter().map(|p| p.name.as_str()));
        return Err(Error::new(what).hint(near));
    };
    match &hit.value {
        Some(value) => Ok(value.clone()),
        None => Ok(json!("")),
    }
}

/// The kind that a type counts as, after QOM's parent types.
fn parent(ty: &DeviceType) -> &'static str {
    match ty {
        t if t.core.is_some() => "core",
        t if hetemu_import::draft::Draft::is_memory(t) => "memory",
        _ => "device",
    }
}

fn qom_list_types(cx: &mut Context<'_>, args: &Args) -> Result<Value, Error> {
    let registry = cx.monitor.registry.clone();
    let kinds: Vec<&str> = if args.flag("machine") {
        let model = model(cx)?;
        model.parts.iter().flat_map(|p| p.ty.buses).map(|b| b.kind).collect()
    } else {
        Vec::new()
    };
    let wanted = args.text("implements");
    let implements = |t: &DeviceType| {
        wanted.is_none_or(|w| {
            let kind = w == parent(t) || (w == "device" && t.core.is_none());
            kind || t.sits_on(w) || t.name == w || t.aliases.contains(&w)
        })
    };
    let draft = cx.session.is_draft();
    let fits = |t: &DeviceType| {
        let place = match t.attaches {
            Some(_) => kinds.iter().any(|k| t.sits_on(k)),
            None => draft,
        };
        !args.flag("machine") || place
    };
    let all = registry.catalog().iter().filter(|t| implements(t) && fits(t));
    Ok(all.map(|t| json!({"name": t.name, "parent": parent(t)})).collect())
}

fn list_properties(cx: &mut Context<'_>, args: &Args) -> Result<Value, Error> {
    let registry = cx.monitor.registry.clone();
    let catalog = registry.catalog();
    let name = args.str("typename");
    let builder = hetemu_import::qom::Builder::new(catalog, "");
    let Some(ty) = builder.type_of(name) else {
        return Err(draft::no_type(name, catalog).class(crate::error::Class::DeviceNotFound));
    };
    let mut out = Vec::new();
    for p in ty.props {
        let mut entry = json!({"name": p.name, "type": type_word(p.ty), "description": p.doc});
        if let (Some(default), Some(map)) = (p.default, entry.as_object_mut()) {
            map.insert("default-value".into(), literal(default));
        }
        out.push(entry);
    }
    let port =
        |name: &str, ty: String, doc: &str| json!({"name": name, "type": ty, "description": doc});
    out.extend(ty.clocks.iter().map(|c| port(c.name, "uint64".into(), "A clock, in Hz.")));
    for l in ty.links {
        out.push(port(l.name, format!("link<{}>", l.kind.word()), "A plug."));
    }
    out.extend(ty.masters.iter().map(|m| port(m.name, "link<bus>".into(), "A bus.")));
    let lines = |s: &hetemu_schema::Signal| {
        if s.width.is_some() { format!("{}[*]", s.name) } else { s.name.to_string() }
    };
    out.extend(ty.outputs.iter().map(|o| port(&lines(o), "link<irq>".into(), o.doc)));
    out.extend(ty.inputs.iter().map(|i| port(&lines(i), "child<irq>".into(), i.doc)));
    Ok(Value::Array(out))
}

fn query_cpus(cx: &mut Context<'_>, _: &Args) -> Result<Value, Error> {
    let machine = cx.session.machine()?;
    let graph = machine.graph();
    let mut out = Vec::new();
    for cluster in &graph.clusters {
        for id in &cluster.cores {
            let part = graph.part(*id);
            out.push(json!({
                "cpu-index": out.len(),
                "qom-path": format!("/machine/{}", part.name),
                "thread-id": std::process::id(),
                "target": part.ty.core.as_ref().map_or("", |c| c.isa),
                "cluster": cluster.name,
            }));
        }
    }
    Ok(Value::Array(out))
}

/// Plugs: name, kind, what is plugged in, the part that uses it.
fn plugs(cx: &mut Context<'_>) -> Vec<(String, PlugKind, Option<String>, Option<String>)> {
    let registry = cx.monitor.registry.clone();
    if let Some(draft) = cx.draft() {
        let b = draft.builder(registry.catalog());
        let given = |name: &str| {
            let hit = draft.plugs.iter().find(|(n, _)| n == name);
            hit.map(|(_, v)| v.clone()).or_else(|| draft.serial.clone())
        };
        return b.d.plugs.iter().map(|p| (p.name.clone(), p.kind, given(&p.name), None)).collect();
    }
    let Ok(machine) = cx.session.machine() else { return Vec::new() };
    let graph = machine.graph();
    let user = |plug: &str| {
        let uses = |p: &&hetemu_graph::Part| {
            !machine.is_unplugged(&p.name) && p.links.values().any(|name| name == plug)
        };
        graph.parts.iter().find(uses).map(|p| format!("/machine/{}", p.name))
    };
    let plugs = graph.plugs.iter();
    plugs.map(|p| (p.name.clone(), p.kind, p.value.clone(), user(&p.name))).collect()
}

fn query_chardev(cx: &mut Context<'_>, _: &Args) -> Result<Value, Error> {
    let mut out: Vec<Value> = cx
        .monitor
        .servers
        .iter()
        .map(|c| json!({"frontend-open": true, "filename": c.filename, "label": c.label}))
        .collect();
    for (name, kind, value, user) in plugs(cx) {
        if kind == PlugKind::Serial {
            let filename = value.unwrap_or_else(|| "null".into());
            out.push(json!({"frontend-open": user.is_some(), "filename": filename, "label": name}));
        }
    }
    Ok(Value::Array(out))
}

fn query_block(cx: &mut Context<'_>, _: &Args) -> Result<Value, Error> {
    let mut out = Vec::new();
    for (name, kind, value, user) in plugs(cx) {
        if kind != PlugKind::Block {
            continue;
        }
        let mut entry = json!({"device": name, "locked": false, "removable": false, "type": "hd"});
        if let Some(map) = entry.as_object_mut() {
            if let Some(user) = user {
                map.insert("qdev".into(), json!(user));
            }
            if let Some(value) = value.filter(|v| v != "null") {
                let ro = value.split(',').any(|w| w == "ro");
                map.insert("inserted".into(), json!({"file": value, "ro": ro}));
            }
        }
        out.push(entry);
    }
    Ok(Value::Array(out))
}

fn query_memory(cx: &mut Context<'_>, _: &Args) -> Result<Value, Error> {
    let graph = cx.session.machine()?.graph();
    let mut out = Vec::new();
    for bus in &graph.buses {
        for row in &bus.rows {
            let hetemu_graph::Target::Region { part, region, offset: 0 } = row.target else {
                continue;
            };
            let p = graph.part(part);
            let kind = match p.ty.regions.get(region as usize).map(|r| r.kind) {
                Some(RegionKind::Ram) => "ram",
                Some(RegionKind::Rom) => "rom",
                _ => continue,
            };
            let data = json!({
                "id": p.name, "bus": bus.name, "addr": row.base, "size": row.size,
                "hotpluggable": false,
            });
            out.push(json!({"type": kind, "data": data}));
        }
    }
    Ok(Value::Array(out))
}

fn query_stats(cx: &mut Context<'_>, args: &Args) -> Result<Value, Error> {
    let machine = cx.session.machine()?;
    let stat = |name: &str, value: u64| json!({"name": name, "value": value});
    if args.str("target") == "vm" {
        let counts = machine.counts();
        let stats = vec![
            stat("instructions", machine.retired()),
            stat("virtual-time-ns", machine.now() / 1000),
            stat("resets", u64::from(machine.resets())),
            stat("unimplemented-accesses", counts.unimplemented_total()),
            stat("unmapped-accesses", counts.unmapped_total()),
        ];
        return Ok(json!([{"provider": "hetemu", "stats": stats}]));
    }
    let only = args.get("vcpus").and_then(Value::as_array);
    let mut out = Vec::new();
    for (at, name) in machine.cores() {
        let path = format!("/machine/{name}");
        if only.is_some_and(|l| !l.iter().any(|v| v.as_str() == Some(&path))) {
            continue;
        }
        let stats = [stat("instructions", machine.core_retired(at))];
        out.push(json!({"provider": "hetemu", "qom-path": path, "stats": stats}));
    }
    Ok(Value::Array(out))
}

fn human(cx: &mut Context<'_>, args: &Args) -> Result<Value, Error> {
    let line = args.str("command-line").trim().to_string();
    let text = cx.session.monitor(&line).unwrap_or_else(|| format!("unknown command: '{line}'\n"));
    Ok(json!(text.replace('\n', "\r\n")))
}

fn dump_memory(cx: &mut Context<'_>, args: &Args) -> Result<Value, Error> {
    if args.flag("paging") {
        return Err(Error::new("paging is not available: a dump is by physical addresses"));
    }
    let protocol = args.str("protocol");
    let Some(path) = protocol.strip_prefix("file:") else {
        let what = "parameter 'protocol' must start with 'file:' or 'fd:'";
        return Err(Error::new(what).hint("here, with 'file:'"));
    };
    let (begin, length) = (args.int("begin"), args.int("length"));
    if begin.is_some() != length.is_some() {
        let missing = if begin.is_some() { "length" } else { "begin" };
        return Err(Error::new(format!("Parameter '{missing}' is missing")));
    }
    let range = begin.zip(length);
    dump::write(cx.session.machine()?, path, range)?;
    Ok(json!({}))
}
