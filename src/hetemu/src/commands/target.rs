//! `hetemu target [NAME]`: instruction sets and their core types.

use super::{OK, USAGE, complain};
use crate::cli::{Format, Target};
use hetemu::registry;
use hetemu_schema::{DeviceType, doc};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(crate) fn run(args: &Target) -> u8 {
    let registry = registry::registry();
    let mut isas: BTreeMap<&str, Vec<&'static DeviceType>> = BTreeMap::new();
    for ty in registry.catalog().iter() {
        if let Some(core) = &ty.core {
            isas.entry(core.isa).or_default().push(ty);
        }
    }
    let runs = |isa: &str| registry.target(isa).is_some();
    if let Some(name) = &args.name {
        if let Some(ty) = super::device::find(registry.catalog(), name).filter(|t| t.core.is_some())
        {
            super::print(&match args.format {
                Format::Text => doc::text(ty, registry.catalog().versions(ty.name)),
                Format::Json => format!("{:#}\n", hetemu_graph::type_json(ty)),
            });
            return OK;
        }
        isas.retain(|isa, _| isa == name);
        if isas.is_empty() {
            complain(format!(
                "there is no target and no core type `{name}`; `hetemu target` lists all"
            ));
            return USAGE;
        }
    }
    if args.format == Format::Json {
        let list: Vec<Value> = isas
            .iter()
            .map(|(isa, types)| {
                let cores: Vec<Value> = types.iter().map(|t| core(t)).collect();
                json!({"name": isa, "runs": runs(isa), "cores": cores})
            })
            .collect();
        super::print(&format!("{}\n", json!(list)));
        return OK;
    }
    for (isa, types) in isas {
        let state = if runs(isa) { "runs" } else { "checks only" };
        super::print(&format!("{isa} ({state})\n"));
        for t in types {
            let Some(c) = &t.core else { continue };
            let order = if c.endian == hetemu_schema::Endian::Big { "big" } else { "little" };
            super::print(&format!(
                "  {:20} {:2} bits, {order}-endian, reset vector {:#x}  {}\n",
                t.full_name(),
                c.bits,
                c.reset_vector,
                t.summary
            ));
        }
    }
    OK
}

fn core(ty: &DeviceType) -> Value {
    let Some(c) = &ty.core else { return Value::Null };
    let facts: BTreeMap<&str, &str> = c.facts.iter().copied().collect();
    json!({"name": ty.name, "version": ty.version, "summary": ty.summary, "bits": c.bits,
        "big_endian": c.endian == hetemu_schema::Endian::Big, "page": c.page,
        "physical_bits": c.phys_bits, "reset_vector": c.reset_vector, "facts": facts})
}
