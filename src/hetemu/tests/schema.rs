//! The canonical JSON of every machine is valid against its JSON Schema and the same in every run.

use hetemu::{Settings, check, find, registry};
use hetemu_graph::{DIFF_SCHEMA, Detail, GRAPH_SCHEMA, Graph, diff, json_text};
use serde_json::{Value, json};

/// Every shipped machine and the samples of the tests.
fn machines() -> Vec<(String, Graph)> {
    let registry = registry::registry();
    let samples = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/samples/");
    let mut names: Vec<String> = find::shipped().map(str::to_string).collect();
    names.extend(["opentitan", "q35", "trio"].map(|n| format!("{samples}{n}.hm")));
    let graph = |name: &String| {
        let source = find::find(name).expect("a machine");
        check(&source, &Settings::default(), registry.catalog()).graph
    };
    let all: Vec<_> = names.iter().filter_map(|n| Some((n.clone(), graph(n)?))).collect();
    assert!(all.len() >= 6, "only {} machines", all.len());
    all
}

/// What of JSON Schema 2020-12 our schemas use; anything else in one is a mistake.
struct Checker<'s> {
    root: &'s Value,
    wrong: Vec<String>,
}

impl Checker<'_> {
    fn check(&mut self, schema: &Value, v: &Value, at: &str) {
        for (word, arg) in schema.as_object().expect("a schema") {
            let fits = match word.as_str() {
                "$schema" | "$id" | "$defs" | "title" | "description" => true,
                "$ref" => {
                    let path = arg.as_str().expect("a path").trim_start_matches('#');
                    let inner = self.root.pointer(path).expect("a definition").clone();
                    self.check(&inner, v, at);
                    true
                }
                "type" => match arg {
                    Value::Array(all) => all.iter().any(|t| is(t, v)),
                    one => is(one, v),
                },
                "const" => arg == v,
                "enum" => arg.as_array().expect("values").contains(v),
                "minimum" => v.as_u64().is_none_or(|n| n >= arg.as_u64().expect("a number")),
                "maximum" => v.as_u64().is_none_or(|n| n <= arg.as_u64().expect("a number")),
                "minLength" => v.as_str().is_none_or(|s| !s.is_empty()),
                "minItems" => v.as_array().is_none_or(|a| !a.is_empty()),
                "required" => arg.as_array().expect("names").iter().all(|n| {
                    v.as_object().is_none_or(|o| o.contains_key(n.as_str().expect("a name")))
                }),
                "items" => {
                    for (i, item) in v.as_array().into_iter().flatten().enumerate() {
                        self.check(arg, item, &format!("{at}[{i}]"));
                    }
                    true
                }
                "properties" => {
                    for (name, inner) in arg.as_object().expect("properties") {
                        if let Some(v) = v.get(name) {
                            self.check(inner, v, &format!("{at}.{name}"));
                        }
                    }
                    true
                }
                "additionalProperties" => self.additional(schema, arg, v, at),
                "anyOf" | "oneOf" => {
                    let all = arg.as_array().expect("schemas").clone();
                    let fitting = all.iter().filter(|s| self.fits(s, v)).count();
                    if word == "anyOf" { fitting > 0 } else { fitting == 1 }
                }
                other => panic!("the checker does not know `{other}`"),
            };
            if !fits {
                self.wrong.push(format!("{at}: {word} {arg} does not fit {v}"));
            }
        }
    }

    fn additional(&mut self, schema: &Value, arg: &Value, v: &Value, at: &str) -> bool {
        let known = schema.get("properties").and_then(Value::as_object);
        let own = v.as_object().into_iter().flatten();
        let others: Vec<_> =
            own.filter(|(k, _)| known.is_none_or(|p| !p.contains_key(*k))).collect();
        if arg == &json!(false) {
            return others.is_empty();
        }
        for (name, v) in others {
            self.check(arg, v, &format!("{at}.{name}"));
        }
        true
    }

    fn fits(&self, schema: &Value, v: &Value) -> bool {
        let mut inner = Checker { root: self.root, wrong: Vec::new() };
        inner.check(schema, v, "");
        inner.wrong.is_empty()
    }
}

fn is(ty: &Value, v: &Value) -> bool {
    match ty.as_str().expect("a type") {
        "object" => v.is_object(),
        "array" => v.is_array(),
        "string" => v.is_string(),
        "integer" => v.is_u64() || v.is_i64(),
        "boolean" => v.is_boolean(),
        "null" => v.is_null(),
        other => panic!("the checker does not know the type `{other}`"),
    }
}

fn faults(schema: &str, v: &Value) -> Vec<String> {
    let root: Value = serde_json::from_str(schema).expect("JSON");
    let mut c = Checker { root: &root, wrong: Vec::new() };
    c.check(&root.clone(), v, "$");
    c.wrong
}

#[test]
fn every_machine_is_valid_and_stable() {
    let (first, second) = (machines(), machines());
    for ((name, g), (_, again)) in first.iter().zip(&second) {
        for detail in [Detail::Full, Detail::Guest] {
            let text = json_text(g, detail);
            assert_eq!(text, json_text(again, detail), "{name}: another run, another text");
            let v: Value = serde_json::from_str(&text).expect("JSON");
            assert_eq!(faults(GRAPH_SCHEMA, &v), Vec::<String>::new(), "{name} {detail:?}");
        }
    }
}

#[test]
fn every_diff_is_valid() {
    let all = machines();
    for (a, old) in &all {
        for (b, new) in &all {
            let wrong = faults(DIFF_SCHEMA, &diff(old, new).json());
            assert_eq!(wrong, Vec::<String>::new(), "{a} and {b}");
        }
    }
}

#[test]
fn the_schema_refuses_what_is_no_graph() {
    let (_, g) = machines().remove(0);
    let sound: Value = serde_json::from_str(&json_text(&g, Detail::Full)).expect("JSON");
    type Break = fn(&mut Value);
    let breaks: &[Break] = &[
        |v| v["version"] = json!(2),
        |v| v["extra"] = json!(1),
        |v| v["buses"][0]["endian"] = json!("middle"),
        |v| v["buses"][0]["rows"][0]["size"] = json!(0),
        |v| drop(v["parts"][0].as_object_mut().expect("a part").remove("type")),
        |v| v["wires"] = json!({}),
    ];
    for (i, change) in breaks.iter().enumerate() {
        let mut broken = sound.clone();
        change(&mut broken);
        assert!(!faults(GRAPH_SCHEMA, &broken).is_empty(), "break {i} passes");
    }
}
