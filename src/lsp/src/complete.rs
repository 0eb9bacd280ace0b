//! Completion: types, ports, properties, names, free addresses and free interrupts.

use crate::document::Document;
use crate::free;
use crate::hover::{element, find, own_text, prop_type};
use hetemu_graph::Graph;
use hetemu_lang::outline::{Kind, Role, Statement, all, around};
use hetemu_schema::{Catalog, DeviceType, PlugKind, PropType, Signal};
use serde_json::{Value, json};

/// `CompletionItemKind` of the protocol.
const FIELD: u32 = 5;
const VARIABLE: u32 = 6;
const CLASS: u32 = 7;
const PROPERTY: u32 = 10;
const UNIT: u32 = 11;
const VALUE: u32 = 12;
const ENUM: u32 = 13;
const KEYWORD: u32 = 14;
const REFERENCE: u32 = 18;
const EVENT: u32 = 23;

/// A proposal: what is shown, what it is, what stands beside it.
fn item(label: impl Into<String>, kind: u32, detail: impl Into<String>) -> Value {
    json!({ "label": label.into(), "kind": kind, "detail": detail.into() })
}

/// With another text to insert.
fn with(mut item: Value, text: String) -> Value {
    if let Some(o) = item.as_object_mut() {
        o.insert("insertText".into(), json!(text));
    }
    item
}

/// As listed, not by the alphabet.
fn ordered(items: Vec<Value>) -> Vec<Value> {
    let number = |(i, mut v): (usize, Value)| {
        if let Some(o) = v.as_object_mut() {
            o.insert("sortText".into(), json!(format!("{i:04}")));
        }
        v
    };
    items.into_iter().enumerate().map(number).collect()
}

pub(crate) fn complete(d: &mut Document, catalog: &Catalog, at: usize) -> Value {
    let outer: Vec<Statement> = around(d.outline(), at as u32).into_iter().cloned().collect();
    let place = outer.last().map(|s| s.kind);
    let text = d.text.clone();
    let before = text.get(..at).unwrap_or("");
    let line = before.rsplit(['\n', ';', '{', '}']).next().unwrap_or("");
    // In a part's braces a comma separates, outside of brackets.
    let in_part = matches!(place, Some(Kind::Part | Kind::Row));
    let open = line.rfind('[').is_some_and(|o| line.rfind(']').is_none_or(|c| c < o));
    let line = match line.rfind(',').filter(|_| in_part && !open) {
        Some(i) => line.get(i + 1..).unwrap_or(""),
        None => line,
    };
    if line.contains("//") || line.matches('"').count() % 2 == 1 {
        return json!([]);
    }
    let owner = outer.last().filter(|_| in_part);
    let ty = owner.and_then(|s| s.ty.as_deref()).and_then(|t| find(catalog, t));
    let cx = Cx { d, catalog, ty };
    let items = match last_sign(line) {
        Some(("->", rest)) => cx.sinks(rest),
        Some(("<-", rest)) => cx.drivers(rest),
        Some(("=", rest)) => {
            let left = line.split('=').next().unwrap_or("").trim();
            match cx.ty {
                Some(ty) => cx.values(ty, left),
                None => cx.plain_values(left, rest),
            }
        }
        Some((":", _)) => cx.types(line),
        _ if line.trim_start().contains('.') => cx.sinks(line.trim_start()),
        _ => match (place, cx.ty) {
            (Some(Kind::Bus), _) => cx.row(&outer, line),
            (_, Some(ty)) => cx.own(ty, owner),
            (None, _) if line.trim().is_empty() || !line.trim_start().contains(' ') => keywords(),
            _ => Vec::new(),
        },
    };
    json!({ "isIncomplete": false, "items": ordered(items) })
}

/// The last sign that decides what can follow, and the text after it.
fn last_sign(line: &str) -> Option<(&'static str, &str)> {
    let signs = ["->", "<-", "=", ":"];
    let found = signs.iter().filter_map(|s| Some((line.rfind(s)?, *s)));
    let (at, sign) = found.max_by_key(|(at, s)| (*at, s.len()))?;
    Some((sign, line.get(at + sign.len()..)?.trim_start()))
}

fn keywords() -> Vec<Value> {
    let words = [
        ("machine", "machine name"),
        ("param", "param name : type = value in a .. b"),
        ("plug", "plug name : kind = what"),
        ("clock", "clock name = frequency"),
        ("let", "let name = value"),
        ("bus", "bus name { rows }"),
        ("require", "require a >= b, \"reason\""),
    ];
    words.iter().map(|(w, form)| item(*w, KEYWORD, *form)).collect()
}

struct Cx<'a> {
    d: &'a mut Document,
    catalog: &'a Catalog,
    /// The type of the part in whose braces the cursor stands.
    ty: Option<&'static DeviceType>,
}

impl Cx<'_> {
    fn types(&self, line: &str) -> Vec<Value> {
        let first = line.split_whitespace().next().unwrap_or("");
        if first == "plug" {
            return PlugKind::ALL.iter().map(|(w, _)| item(*w, ENUM, "kind of plug")).collect();
        }
        if first == "param" {
            let words = ["size", "count", "frequency", "duration", "address", "bool", "string"];
            return words.iter().map(|w| item(*w, ENUM, "type of a param")).collect();
        }
        let mut out: Vec<Value> = Vec::new();
        let mut last: Option<&DeviceType> = None;
        for ty in self.catalog.iter().filter(|t| t.deprecated.is_none()) {
            // The versions of a name follow each other; the newest stands for all.
            if last.is_some_and(|l| l.name == ty.name) {
                out.pop();
            }
            out.push(item(ty.name, CLASS, ty.summary));
            last = Some(ty);
        }
        out
    }

    /// What the braces of a part can still say.
    fn own(&self, ty: &'static DeviceType, owner: Option<&Statement>) -> Vec<Value> {
        let said: Vec<&str> = owner
            .iter()
            .flat_map(|s| &s.items)
            .filter_map(|i| i.words.first())
            .filter(|w| w.role == Role::Own)
            .map(|w| w.text.as_str())
            .collect();
        let mut out = Vec::new();
        let mut add = |name: &str, kind: u32, detail: String, sign: &str| {
            if !said.contains(&name) {
                let mut v = with(item(name, kind, detail), format!("{name} {sign} "));
                if let (Some(o), Some(text)) = (v.as_object_mut(), own_text(ty, name)) {
                    let doc = json!({ "kind": "markdown", "value": text });
                    o.insert("documentation".into(), doc);
                }
                out.push(v);
            }
        };
        for m in ty.masters {
            add(m.name, REFERENCE, "bus port".into(), "=");
        }
        for c in ty.clocks {
            add(c.name, UNIT, "clock".into(), "=");
        }
        for l in ty.links {
            add(l.name, REFERENCE, format!("{} plug", l.kind.word()), "=");
        }
        for p in ty.props {
            add(p.name, PROPERTY, prop_type(p), "=");
        }
        for s in ty.inputs {
            add(s.name, EVENT, "input".into(), "<-");
        }
        for s in ty.outputs {
            add(s.name, EVENT, "output".into(), "->");
        }
        out
    }

    /// Declared names of some kinds.
    fn names(&mut self, kinds: &[Kind], detail: &str) -> Vec<Value> {
        let statements = self.d.outline();
        let of = all(statements).into_iter().filter(|s| kinds.contains(&s.kind));
        let named = of.filter_map(|s| {
            let name = s.name.as_ref()?;
            let what = s.ty.clone().unwrap_or_else(|| detail.to_string());
            Some(item(name.text.as_str(), VARIABLE, what))
        });
        named.collect()
    }

    fn values(mut self, ty: &'static DeviceType, left: &str) -> Vec<Value> {
        if ty.clock(left).is_some() {
            return self.names(&[Kind::Clock], "clock");
        }
        if ty.master(left).is_some() {
            return self.names(&[Kind::Bus], "bus");
        }
        if let Some(link) = ty.link(left) {
            let word = link.kind.word();
            let plugs = self.names(&[Kind::Plug], "plug");
            return plugs.into_iter().filter(|p| p["detail"] == word).collect();
        }
        match ty.prop(left).map(|p| p.ty) {
            Some(PropType::Enum(words)) => words.iter().map(|w| item(*w, ENUM, "")).collect(),
            Some(PropType::Bool) => ["true", "false"].map(|w| item(w, VALUE, "")).to_vec(),
            Some(PropType::Part) => self.names(&[Kind::Part, Kind::Row], "part"),
            _ => self.names(&[Kind::Param, Kind::Let], "value"),
        }
    }

    /// Behind `=` outside of parts.
    fn plain_values(mut self, left: &str, _rest: &str) -> Vec<Value> {
        let first = left.split_whitespace().next().unwrap_or("");
        match first {
            "plug" => {
                let words = if left.ends_with("serial") {
                    &["stdio", "null", "pty"][..]
                } else if left.ends_with("net") {
                    &["user", "null"][..]
                } else {
                    &["null"][..]
                };
                words.iter().map(|w| item(*w, VALUE, "")).collect()
            }
            "clock" => self.names(&[Kind::Clock], "clock"),
            "unmapped" => ["fault", "zeros", "ones"].map(|w| item(w, ENUM, "")).to_vec(),
            "endian" => ["little", "big"].map(|w| item(w, ENUM, "")).to_vec(),
            _ => self.names(&[Kind::Param, Kind::Let, Kind::Clock], "value"),
        }
    }

    /// Behind `->`: inputs that are still free; behind `part.` or `part[`, those of that part.
    fn sinks(&self, rest: &str) -> Vec<Value> {
        let Some(g) = &self.d.graph else { return Vec::new() };
        let head = rest.split(['.', '[']).next().unwrap_or("").trim();
        if rest.contains('[') {
            return self.free_lines(g, rest);
        }
        if rest.contains('.') {
            return element(g, head).map_or(Vec::new(), |(_, p)| ports(p.ty));
        }
        let mut out = Vec::new();
        for (id, part) in g.parts() {
            for (i, input) in part.ty.inputs.iter().enumerate() {
                let driven = g.wires.iter().any(|w| w.to.part == id && w.to.port as usize == i);
                let name = input_name(&part.name, input);
                match input.width {
                    None if !driven => out.push(item(name, EVENT, part.ty.summary)),
                    None => {}
                    Some(_) => {
                        if let Some(n) = free::lines(g, id, i).first() {
                            let what = format!("first free line of {}", part.ty.name);
                            out.push(item(format!("{name}[{n}]"), EVENT, what));
                        }
                    }
                }
            }
        }
        out
    }

    /// Behind `plic[`: the lines that nothing drives.
    fn free_lines(&self, g: &Graph, rest: &str) -> Vec<Value> {
        let path = rest.rsplit_once('[').map_or(rest, |(path, _)| path).trim();
        let (part, port) = path.split_once('.').unwrap_or((path, Signal::DEFAULT));
        let Some((id, p)) = element(g, part) else { return Vec::new() };
        let Some(input) = p.ty.inputs.iter().position(|i| i.name == port) else {
            return Vec::new();
        };
        let lines = free::lines(g, id, input);
        lines.iter().map(|n| item(n.to_string(), VALUE, "free")).collect()
    }

    /// Behind `<-`: outputs, and `none`.
    fn drivers(&self, rest: &str) -> Vec<Value> {
        let mut out = vec![item("none", KEYWORD, "stays unconnected, on purpose")];
        let Some(g) = &self.d.graph else { return out };
        if rest.contains('.') {
            let head = rest.split(['.', '[']).next().unwrap_or("").trim();
            let ports =
                |ty: &DeviceType| ty.outputs.iter().map(|o| item(o.name, EVENT, o.doc)).collect();
            return element(g, head).map_or(Vec::new(), |(_, p)| ports(p.ty));
        }
        for (id, part) in g.parts() {
            for (i, o) in part.ty.outputs.iter().enumerate() {
                let used = g.wires.iter().any(|w| w.from.part == id && w.from.port as usize == i);
                let index = if o.width.is_some() { format!("[{}]", o.first) } else { "".into() };
                let what = if used { "drives something already" } else { "free" };
                out.push(item(format!("{}.{}{index}", part.name, o.name), EVENT, what));
            }
        }
        out
    }

    /// At the beginning of a row: addresses that are free; behind one, what can be mapped.
    fn row(mut self, outer: &[Statement], line: &str) -> Vec<Value> {
        let number = line.trim_start().starts_with(|c: char| c.is_ascii_digit());
        if number && line.ends_with(' ') {
            return self.names(&[Kind::Part, Kind::Row, Kind::Bus], "bus");
        }
        let name = outer.last().and_then(|s| s.name.as_ref()).map(|n| n.text.clone());
        let graph = self.d.graph.as_ref();
        let bus = graph.and_then(|g| g.buses.iter().find(|b| Some(&b.name) == name.as_ref()));
        let mut out = Vec::new();
        if let Some(bus) = bus {
            for gap in free::addresses(bus) {
                let text = hetemu_graph::names::at(bus, gap.start);
                out.push(item(text, VALUE, format!("{} are free from here", gap.size)));
            }
        }
        if !number {
            for setting in ["addr", "width", "endian", "unmapped"] {
                out.push(with(item(setting, FIELD, "of the bus"), format!("{setting} = ")));
            }
        }
        out
    }
}

fn input_name(part: &str, input: &Signal) -> String {
    match input.name {
        Signal::DEFAULT => part.to_string(),
        name => format!("{part}.{name}"),
    }
}

/// Everything that can follow a part's dot.
fn ports(ty: &'static DeviceType) -> Vec<Value> {
    let inputs = ty.inputs.iter().map(|i| item(i.name, EVENT, "input"));
    let outputs = ty.outputs.iter().map(|o| item(o.name, EVENT, "output"));
    let regions = ty.regions.iter().map(|r| item(r.name, FIELD, "region"));
    let buses = ty.buses.iter().map(|b| item(b.name, REFERENCE, format!("{} bus", b.kind)));
    let props = ty.props.iter().map(|p| item(p.name, PROPERTY, prop_type(p)));
    inputs.chain(outputs).chain(regions).chain(buses).chain(props).collect()
}
