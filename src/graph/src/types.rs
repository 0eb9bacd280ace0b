//! Device and core types as JSON, for `hetemu device --json`, editors and other tools.
//!
//! The words are those of the schema files (`src/schema/FORM.md`); numbers are in base units (B,
//! Hz, ns).

use crate::json::{endian_word, signal_word};
use hetemu_schema::*;
use serde_json::{Map, Value as Json, json};

/// One version of a type, with everything that its schema says.
pub fn type_json(ty: &DeviceType) -> Json {
    let mut out = Map::new();
    out.insert("name".into(), json!(ty.name));
    out.insert("version".into(), json!(ty.version));
    out.insert("summary".into(), json!(ty.summary));
    let mut add = |key: &str, value: Json| {
        let empty = match &value {
            Json::Null => true,
            Json::String(s) => s.is_empty(),
            Json::Array(list) => list.is_empty(),
            _ => false,
        };
        if !empty {
            out.insert(key.into(), value);
        }
    };
    add("spec", json!(ty.spec));
    add("deprecated", json!(ty.deprecated));
    add("compatible", json!(ty.compatible));
    add("aliases", json!(ty.aliases));
    add("on", json!(ty.attaches));
    add("props", ty.props.iter().map(prop).collect());
    let clock =
        |c: &ClockPort| json!({ "name": c.name, "optional": c.optional, "default": c.default_hz });
    add("clocks", ty.clocks.iter().map(clock).collect());
    let reset = |r: &ResetPort| json!({ "name": r.name, "optional": r.optional });
    add("resets", ty.resets.iter().map(reset).collect());
    let link = |l: &Link| json!({ "name": l.name, "type": l.kind.word(), "optional": l.optional });
    add("links", ty.links.iter().map(link).collect());
    add("inputs", ty.inputs.iter().map(signal).collect());
    add("outputs", ty.outputs.iter().map(signal).collect());
    let master = |m: &Master| json!({ "name": m.name, "width": m.width, "optional": m.optional });
    add("masters", ty.masters.iter().map(master).collect());
    let bus = |b: &ChildBus| json!({ "name": b.name, "kind": b.kind });
    add("buses", ty.buses.iter().map(bus).collect());
    add("regions", ty.regions.iter().map(region).collect());
    add("core", ty.core.as_ref().map_or(Json::Null, core));
    let from = |(v, what): &(u32, &str)| json!({ "version": v, "what": what });
    let from: Vec<Json> = ty.state.from.iter().map(from).collect();
    out.insert("state".into(), json!({ "version": ty.state.version, "from": from }));
    Json::Object(out)
}

/// Every type of a catalogue, by name, then version.
pub fn types_json(catalog: &Catalog) -> Json {
    catalog.iter().map(type_json).collect()
}

fn prop(p: &Property) -> Json {
    let (ty, values) = match p.ty {
        PropType::Size => ("size", None),
        PropType::Address => ("address", None),
        PropType::Frequency => ("frequency", None),
        PropType::Duration => ("duration", None),
        PropType::Count => ("count", None),
        PropType::Bool => ("bool", None),
        PropType::String => ("string", None),
        PropType::Enum(words) => ("enum", Some(words)),
        PropType::Part => ("part", None),
    };
    let default = match p.default {
        None => Json::Null,
        Some(Literal::Int(n)) => json!(n),
        Some(Literal::Bool(b)) => json!(b),
        Some(Literal::Str(s)) => json!(s),
    };
    let mut out = json!({
        "name": p.name,
        "type": ty,
        "default": default,
        "required": p.default.is_none() && !p.optional,
        "min": p.min,
        "max": p.max,
        "unstable": p.unstable,
        "host": p.host,
        "doc": p.doc,
    });
    if let (Some(values), Some(map)) = (values, out.as_object_mut()) {
        map.insert("values".into(), json!(values));
    }
    out
}

/// A number, or the text of an expression in a property.
fn count(c: Option<Count>) -> Json {
    match c {
        None => Json::Null,
        Some(Count { prop: None, add, .. }) => json!(add),
        Some(Count { prop: Some(p), mul, add }) => {
            let scaled = if mul == 1 { p.to_string() } else { format!("{mul}*{p}") };
            json!(if add == 0 { scaled } else { format!("{scaled}+{add}") })
        }
    }
}

fn signal(s: &Signal) -> Json {
    json!({
        "name": s.name,
        "kind": signal_word(s.kind),
        "width": count(s.width),
        "first": s.first,
        "optional": s.optional,
        "doc": s.doc,
    })
}

fn region(r: &Region) -> Json {
    let kind = match r.kind {
        RegionKind::Mmio => "mmio",
        RegionKind::Ram => "ram",
        RegionKind::Rom => "rom",
        RegionKind::Window => "window",
    };
    let widths: Vec<u32> = (0..4).filter(|n| r.access & (1 << n) != 0).map(|n| 1 << n).collect();
    json!({
        "name": r.name,
        "kind": kind,
        "size": count(r.size),
        "endian": r.endian.map(endian_word),
        "access": widths,
        "align": r.align,
        "regs": r.regs.iter().map(register).collect::<Json>(),
    })
}

fn register(r: &Register) -> Json {
    let field = |f: &Field| {
        let access = f.access.unwrap_or(r.access).word();
        json!({ "name": f.name, "lsb": f.lsb, "msb": f.msb, "access": access })
    };
    json!({
        "offset": r.offset,
        "name": r.name,
        "access": r.access.word(),
        "bits": r.bits,
        "reset": r.reset,
        "count": r.count,
        "stride": r.stride,
        "read_effect": r.read_effect,
        "doc": r.doc,
        "fields": r.fields.iter().map(field).collect::<Json>(),
    })
}

fn core(c: &Core) -> Json {
    let facts: Map<String, Json> =
        c.facts.iter().map(|(name, value)| ((*name).into(), json!(value))).collect();
    json!({
        "isa": c.isa,
        "bits": c.bits,
        "endian": endian_word(c.endian),
        "page": c.page,
        "phys_bits": c.phys_bits,
        "reset_vector": c.reset_vector,
        "facts": facts,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::catalog;

    #[test]
    fn a_type_says_everything() {
        let catalog = catalog();
        let Lookup::Found(plic) = catalog.find("riscv.plic", None) else { panic!("no plic") };
        let v = type_json(plic);
        assert_eq!((&v["name"], &v["version"]), (&json!("riscv.plic"), &json!(1)));
        assert_eq!(v["props"][0]["default"], 31);
        assert_eq!(v["props"][0]["max"], 1023);
        assert_eq!(
            (&v["inputs"][0]["width"], &v["inputs"][0]["first"]),
            (&json!("sources"), &json!(1))
        );
        assert_eq!(v["regions"][0]["size"], 64 << 20);
        assert_eq!(v["regions"][0]["regs"][4]["read_effect"], true);
        assert_eq!(v.get("core"), None);
        let Lookup::Found(ibex) = catalog.find("lowrisc.ibex", None) else { panic!("no ibex") };
        assert_eq!(type_json(ibex)["core"]["facts"]["modes"], "mu");
        let all = types_json(&catalog);
        assert_eq!(all.as_array().map(Vec::len), Some(catalog.iter().count()));
    }
}
