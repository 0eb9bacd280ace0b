//! A validator of JSON Schema (draft 7), as much of it as our schemas and SARIF's use. A keyword
//! that it does not know is an error, so that nothing is skipped in silence.

use regex::Regex;
use serde_json::Value;

/// What is wrong with a value, one line a finding.
pub(crate) fn validate(schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    check(schema, schema, value, "$", &mut found);
    found
}

fn check(root: &Value, schema: &Value, v: &Value, at: &str, found: &mut Vec<String>) {
    let Some(rules) = schema.as_object() else {
        if schema == &Value::Bool(false) {
            found.push(format!("{at}: nothing may stand here"));
        }
        return;
    };
    if let Some(Value::String(to)) = rules.get("$ref") {
        let target = root.pointer(to.trim_start_matches('#')).expect("a reference that leads on");
        check(root, target, v, at, found);
    }
    for (key, rule) in rules {
        one(root, rules, (key, rule), v, at, found);
    }
}

fn one(
    root: &Value,
    rules: &serde_json::Map<String, Value>,
    (key, rule): (&str, &Value),
    v: &Value,
    at: &str,
    found: &mut Vec<String>,
) {
    let mut say = |what: String| found.push(format!("{at}: {what}"));
    match key {
        "$ref" | "$schema" | "$id" | "$comment" | "$defs" | "title" | "description" | "default"
        | "format" | "definitions" | "examples" => {}
        "type" => {
            let kinds: Vec<&str> = match rule {
                Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
                other => other.as_str().into_iter().collect(),
            };
            let is = |kind: &&str| match *kind {
                "object" => v.is_object(),
                "array" => v.is_array(),
                "string" => v.is_string(),
                "boolean" => v.is_boolean(),
                "null" => v.is_null(),
                "integer" => v.is_i64() || v.is_u64(),
                "number" => v.is_number(),
                other => panic!("type {other}"),
            };
            if !kinds.iter().any(is) {
                say(format!("{v} is not {rule}"));
            }
        }
        "enum" => {
            if !rule.as_array().is_some_and(|l| l.contains(v)) {
                say(format!("{v} is none of {rule}"));
            }
        }
        "const" if rule != v => say(format!("{v} is not {rule}")),
        "const" => {}
        "pattern" => {
            let regex = Regex::new(rule.as_str().expect("a text")).expect("a pattern");
            if v.as_str().is_some_and(|s| !regex.is_match(s)) {
                say(format!("{v} does not match {rule}"));
            }
        }
        "minimum" if v.as_f64() < rule.as_f64() && v.is_number() => say(format!("{v} < {rule}")),
        "maximum" if v.as_f64() > rule.as_f64() && v.is_number() => say(format!("{v} > {rule}")),
        "minimum" | "maximum" => {}
        "minItems" => {
            let least = rule.as_u64().expect("a number") as usize;
            if v.as_array().is_some_and(|l| l.len() < least) {
                say(format!("fewer than {least}"));
            }
        }
        "uniqueItems" => {
            let twice = |l: &Vec<Value>| (1..l.len()).any(|i| l[..i].contains(&l[i]));
            if rule == &Value::Bool(true) && v.as_array().is_some_and(twice) {
                say("an element stands here twice".into());
            }
        }
        "required" => {
            let names = rule.as_array().into_iter().flatten().filter_map(Value::as_str);
            for name in names {
                if v.as_object().is_some_and(|o| !o.contains_key(name)) {
                    say(format!("no `{name}`"));
                }
            }
        }
        "properties" => {
            for (name, schema) in rule.as_object().into_iter().flatten() {
                if let Some(v) = v.get(name) {
                    check(root, schema, v, &format!("{at}.{name}"), found);
                }
            }
        }
        "additionalProperties" => {
            let known = rules.get("properties").and_then(Value::as_object);
            for (name, v) in v.as_object().into_iter().flatten() {
                if known.is_none_or(|k| !k.contains_key(name)) {
                    check(root, rule, v, &format!("{at}.{name}"), found);
                }
            }
        }
        "items" => {
            for (i, v) in v.as_array().into_iter().flatten().enumerate() {
                check(root, rule, v, &format!("{at}[{i}]"), found);
            }
        }
        "anyOf" | "oneOf" => {
            let fits = |schema: &&Value| {
                let mut found = Vec::new();
                check(root, schema, v, at, &mut found);
                found.is_empty()
            };
            let n = rule.as_array().into_iter().flatten().filter(fits).count();
            if n == 0 || key == "oneOf" && n > 1 {
                say(format!("{n} of {key} fit"));
            }
        }
        other => panic!("the keyword {other} is not known here"),
    }
}
