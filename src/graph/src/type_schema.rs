//! JSON Schema (draft 7) of what can be set of each type, for editors and other tools: one
//! definition a type and version, with its ports under `x-hetemu`.

use crate::types::type_json;
use hetemu_schema::*;
use serde_json::{Map, Value as Json, json};

/// The schema of all types of a catalogue. A part is an object of its settings, with `type` as
/// `name@version`; sizes are bytes, frequencies hertz, durations nanoseconds.
pub fn json_schema(catalog: &Catalog) -> Json {
    let mut definitions = Map::new();
    let mut any = Vec::new();
    for ty in catalog.iter() {
        let name = ty.full_name();
        // `/` and `~` cannot be in a type's name, so the pointer needs no escapes.
        any.push(json!({ "$ref": format!("#/definitions/{name}") }));
        definitions.insert(name, type_schema(ty));
    }
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "https://hetemu.org/schema/types.json",
        "title": "Device and core types of hetemu",
        "anyOf": any,
        "definitions": definitions,
    })
}

fn type_schema(ty: &DeviceType) -> Json {
    let mut properties = Map::new();
    let mut required = vec![json!("type")];
    properties.insert("type".into(), json!({ "const": ty.full_name() }));
    for p in ty.props {
        properties.insert(p.name.into(), prop(p));
        if p.default.is_none() && !p.optional {
            required.push(json!(p.name));
        }
    }
    let mut name = |name: &str, what: String, needed: bool| {
        properties.insert(name.into(), json!({ "type": "string", "description": what }));
        if needed {
            required.push(json!(name));
        }
    };
    for c in ty.clocks {
        name(c.name, "name of a clock".into(), c.default_hz.is_none() && !c.optional);
    }
    for l in ty.links {
        name(l.name, format!("name of a {} plug", l.kind.word()), !l.optional);
    }
    for m in ty.masters {
        name(m.name, "name of a bus".into(), !m.optional);
    }
    let mut ports = Map::new();
    let whole = type_json(ty);
    for key in ["inputs", "outputs", "buses", "regions", "core", "state"] {
        if let Some(value) = whole.get(key) {
            ports.insert(key.into(), value.clone());
        }
    }
    json!({
        "title": ty.full_name(),
        "description": ty.summary,
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
        "x-hetemu": ports,
    })
}

fn prop(p: &Property) -> Json {
    let mut out = Map::new();
    let (ty, unit) = match p.ty {
        PropType::Size => ("integer", " (bytes)"),
        PropType::Frequency => ("integer", " (Hz)"),
        PropType::Duration => ("integer", " (ns)"),
        PropType::Address | PropType::Count => ("integer", ""),
        PropType::Bool => ("boolean", ""),
        PropType::Part => ("string", " (name of a part)"),
        PropType::String | PropType::Enum(_) => ("string", ""),
    };
    out.insert("type".into(), json!(ty));
    out.insert("description".into(), json!(format!("{}{unit}", p.doc).trim()));
    if let PropType::Enum(words) = p.ty {
        out.insert("enum".into(), json!(words));
    }
    match p.default {
        Some(Literal::Int(n)) => _ = out.insert("default".into(), json!(n)),
        Some(Literal::Bool(b)) => _ = out.insert("default".into(), json!(b)),
        Some(Literal::Str(s)) => _ = out.insert("default".into(), json!(s)),
        None => {}
    }
    if ty == "integer" {
        out.insert("minimum".into(), json!(p.min.unwrap_or(0)));
        if let Some(max) = p.max {
            out.insert("maximum".into(), json!(max));
        }
    }
    Json::Object(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::catalog;

    #[test]
    fn every_type_has_a_definition() {
        let catalog = catalog();
        let schema = json_schema(&catalog);
        let definitions = schema["definitions"].as_object().expect("definitions");
        assert_eq!(definitions.len(), catalog.iter().count());
        for any in schema["anyOf"].as_array().expect("a list") {
            let to = any["$ref"].as_str().expect("a reference").trim_start_matches('#');
            assert!(schema.pointer(to).is_some(), "{to}");
        }
        let plic = &definitions["riscv.plic@1"];
        assert_eq!(plic["properties"]["sources"]["maximum"], 1023);
        assert_eq!(plic["additionalProperties"], false);
        assert_eq!(plic["x-hetemu"]["inputs"][0]["first"], 1);
    }
}
