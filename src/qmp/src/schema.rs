//! `query-qmp-schema`: the commands and events as QEMU's introspection describes its own.
//!
//! Names of objects, enumerations and lists are numbers, as clients must not rely on them.

use crate::commands::{self, EVENTS};
use crate::types::{Enum, Member, Object, Type};
use serde_json::{Map, Value, json};

#[derive(Default)]
struct Maker {
    /// What each type is, with its number; equal types share one.
    known: Vec<(String, Value)>,
}

/// All entities.
pub(crate) fn entities() -> Value {
    let mut maker = Maker::default();
    let mut out = Vec::new();
    for c in commands::all() {
        let arg = maker.members(c.args);
        let ret = match c.returns {
            Some(ty) => maker.ty(ty),
            None => maker.members(&[]),
        };
        let mut entry = json!({
            "name": c.name, "meta-type": "command", "arg-type": arg, "ret-type": ret,
        });
        if let Some(map) = entry.as_object_mut() {
            if c.oob() {
                map.insert("allow-oob".into(), json!(true));
            }
            if !c.features.is_empty() {
                map.insert("features".into(), json!(c.features));
            }
        }
        out.push(entry);
    }
    for e in EVENTS {
        let arg = maker.members(e.data);
        out.push(json!({"name": e.name, "meta-type": "event", "arg-type": arg}));
    }
    for (word, json_type) in BUILTINS {
        out.push(json!({"name": word, "meta-type": "builtin", "json-type": json_type}));
    }
    out.extend(maker.known.into_iter().map(|(_, entity)| entity));
    Value::Array(out)
}

const BUILTINS: [(&str, &str); 5] = [
    ("str", "string"),
    ("int", "int"),
    ("number", "number"),
    ("bool", "boolean"),
    ("any", "value"),
];

impl Maker {
    /// The name of a type, made if it is new.
    fn ty(&mut self, ty: Type) -> String {
        match ty {
            Type::Str => "str".into(),
            Type::Int => "int".into(),
            Type::Number => "number".into(),
            Type::Bool => "bool".into(),
            Type::Any => "any".into(),
            Type::List(element) => {
                let element = self.ty(*element);
                let name = format!("[{element}]");
                let entity = json!({"name": name, "meta-type": "array", "element-type": element});
                if !self.known.iter().any(|(key, _)| *key == name) {
                    self.known.push((name.clone(), entity));
                }
                name
            }
            Type::Object(Object { members, .. }) => self.members(members),
            Type::Enum(Enum { values, .. }) => {
                let members: Vec<Value> = values.iter().map(|v| json!({"name": v})).collect();
                self.numbered(json!({"meta-type": "enum", "members": members, "values": values}))
            }
        }
    }

    fn members(&mut self, members: &[Member]) -> String {
        let all: Vec<Value> = members
            .iter()
            .map(|m| {
                let mut entry = json!({"name": m.name, "type": self.ty(m.ty)});
                if let (true, Some(map)) = (m.optional, entry.as_object_mut()) {
                    map.insert("default".into(), Value::Null);
                }
                entry
            })
            .collect();
        self.numbered(json!({"meta-type": "object", "members": all}))
    }

    fn numbered(&mut self, entity: Value) -> String {
        let key = entity.to_string();
        if let Some((_, known)) = self.known.iter().find(|(k, _)| *k == key) {
            return known.get("name").and_then(Value::as_str).unwrap_or("").to_string();
        }
        let name = self.known.len().to_string();
        let mut named = Map::new();
        named.insert("name".into(), json!(name));
        if let Value::Object(map) = entity {
            named.extend(map);
        }
        self.known.push((key, Value::Object(named)));
        name
    }
}
