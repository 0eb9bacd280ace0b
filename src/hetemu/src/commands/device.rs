//! `hetemu device [NAME]`: types, or the page of one.

use super::{OK, USAGE, complain};
use crate::cli::{Device, DiffFormat};
use hetemu::registry;
use hetemu_schema::{Catalog, DeviceType, Lookup, doc};
use serde_json::{Value, json};

pub(crate) fn run(args: &Device) -> u8 {
    let registry = registry::registry();
    let catalog = registry.catalog();
    let Some(name) = &args.name else {
        let filter = args.list.as_deref().unwrap_or("");
        if args.format == DiffFormat::Json {
            let all = catalog.iter().filter(|t| t.name.contains(filter));
            let list: Vec<Value> = all
                .map(|t| json!({"name": t.name, "version": t.version, "summary": t.summary, "runs": registry.model(t).is_some()}))
                .collect();
            super::print(&format!("{}\n", json!(list)));
        } else {
            super::print(&doc::list(catalog, filter));
        }
        return OK;
    };
    let Some(ty) = find(catalog, name) else {
        complain(format!("there is no device type `{name}`; `hetemu device` lists all"));
        return USAGE;
    };
    let versions = catalog.versions(ty.name);
    super::print(&match args.format {
        DiffFormat::Text => doc::text(ty, versions),
        DiffFormat::Markdown => doc::markdown(ty, versions, 1),
        DiffFormat::Json => format!("{:#}\n", page(ty)),
    });
    OK
}

/// A type by `name` or `name@version`.
pub(super) fn find(catalog: &Catalog, name: &str) -> Option<&'static DeviceType> {
    let (name, version) = match name.split_once('@') {
        Some((n, v)) => (n, Some(v.parse().ok()?)),
        None => (name, None),
    };
    match catalog.find(name, version) {
        Lookup::Found(ty) => Some(ty),
        _ => None,
    }
}

/// A type as JSON.
pub(super) fn page(ty: &DeviceType) -> Value {
    let props: Vec<Value> = ty
        .props
        .iter()
        .map(|p| {
            json!({"name": p.name, "type": format!("{:?}", p.ty).to_lowercase(), "required":
                p.default.is_none() && !p.optional, "default": p.default.map(|d| format!("{d:?}")),
                "min": p.min, "max": p.max, "doc": p.doc})
        })
        .collect();
    let signals = |list: &[hetemu_schema::Signal]| -> Vec<Value> {
        list.iter()
            .map(|s| json!({"name": s.name, "kind": format!("{:?}", s.kind).to_lowercase(), "array": s.width.is_some(), "first": s.first, "optional": s.optional, "doc": s.doc}))
            .collect()
    };
    let regions: Vec<Value> = ty
        .regions
        .iter()
        .map(|r| {
            let regs: Vec<Value> = r
                .regs
                .iter()
                .map(|g| {
                    let fields: Vec<Value> = g
                        .fields
                        .iter()
                        .map(|f| json!({"name": f.name, "lsb": f.lsb, "msb": f.msb}))
                        .collect();
                    json!({"offset": g.offset, "name": g.name, "access": g.access.word(), "bits": g.bits,
                        "reset": g.reset, "count": g.count, "stride": g.stride, "doc": g.doc, "fields": fields})
                })
                .collect();
            json!({"name": r.name, "kind": format!("{:?}", r.kind).to_lowercase(), "widths": r.access, "registers": regs})
        })
        .collect();
    json!({"name": ty.name, "version": ty.version, "summary": ty.summary, "spec": ty.spec,
        "compatible": ty.compatible, "properties": props, "inputs": signals(ty.inputs),
        "outputs": signals(ty.outputs), "regions": regions})
}
