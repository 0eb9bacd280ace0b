//! `hetemu device [NAME]`: types, or the page of one.

use super::{OK, USAGE, complain};
use crate::cli::{Device, DiffFormat};
use hetemu::registry;
use hetemu_graph::type_json;
use hetemu_schema::{Catalog, DeviceType, Lookup, doc};
use serde_json::{Value, json};

pub(crate) fn run(args: &Device) -> u8 {
    let registry = registry::registry();
    let catalog = registry.catalog();
    let Some(name) = &args.name else {
        let filter = args.list.as_deref().unwrap_or("");
        if args.format == DiffFormat::Json {
            let row = |t: &DeviceType| {
                let runs = registry.model(t).is_some();
                json!({"name": t.name, "version": t.version, "summary": t.summary, "runs": runs})
            };
            let all = catalog.iter().filter(|t| t.name.contains(filter));
            let list: Vec<Value> = all.map(row).collect();
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
        DiffFormat::Json => format!("{:#}\n", type_json(ty)),
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
