//! A machine after all of its composition, as one text: flat, every value worked out, each with the
//! place that decided it. The text is a machine itself, and the same one: `diff` finds nothing.
//!
//! It is written from the graph, so that nothing but what a machine is can show in it; the typed
//! machine only says who decided. Params are worked out too: they stand at the top as comments.

use crate::Checked;
use crate::compose::paths;
use crate::expr::Expr;
use crate::source::{NOWHERE, SourceMap, Span, join};
use crate::syntax::ast::{Extent, Part as Text};
use crate::typed::Machine;
use hetemu_graph::names;
use hetemu_graph::{Bus, BusId, Graph, Lanes, Part, PartId, Row, RowAccess, Target, Value};
use hetemu_schema::{PropType, RegionKind, Signal};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write;

/// A value and who decided it.
#[derive(Debug, Clone)]
pub struct Fact {
    /// `uart.clk`, `main 0x4000_0000`, `plic.target[0]`.
    pub path: String,
    /// As the text says it.
    pub value: String,
    /// Where it was decided; nowhere for defaults of types.
    pub by: Span,
    /// Where it was decided otherwise before, the last one first.
    pub instead: Vec<Span>,
    /// Names that its expression refers to, with the places that decided them.
    pub from: Vec<(String, Span)>,
    /// `default of ns16550a@1`, where no text decided.
    pub default: Option<String>,
}

/// An expanded machine.
#[derive(Debug, Clone)]
pub struct Expanded {
    /// The machine as one text.
    pub text: String,
    /// Every value.
    pub facts: Vec<Fact>,
}

impl Expanded {
    /// Every value as JSON, with the text.
    pub fn json(&self, sources: &SourceMap) -> serde_json::Value {
        let place = |span: &Span| {
            let file = sources.get(span.file)?;
            Some(json!({ "file": file.name, "line": file.line_col(span.start).0 }))
        };
        let fact = |f: &Fact| {
            let instead: Vec<_> = f.instead.iter().filter_map(place).collect();
            let from: Vec<_> =
                f.from.iter().map(|(n, s)| json!({ "name": n, "by": place(s) })).collect();
            json!({
                "path": f.path,
                "value": f.value,
                "by": place(&f.by),
                "instead": instead,
                "from": from,
                "default": f.default,
            })
        };
        let facts: Vec<_> = self.facts.iter().map(fact).collect();
        json!({ "format": "hetemu-expand", "version": 1, "facts": facts, "text": self.text })
    }
}

/// Writes a checked machine out; `None` if it has errors.
pub fn expand(checked: &Checked, sources: &SourceMap) -> Option<Expanded> {
    Some(expand_graph(checked.graph.as_ref()?, &checked.typed, sources))
}

/// Writes a graph out; the typed machine says who decided what.
pub fn expand_graph(g: &Graph, m: &Machine, sources: &SourceMap) -> Expanded {
    let mut history: HashMap<&str, Vec<Span>> = HashMap::new();
    for d in &m.history {
        history.entry(&d.path).or_default().push(d.span);
    }
    let mut w = Writer {
        g,
        m,
        sources,
        texts: m.parts.iter().map(|p| (p.name.text.as_str(), p)).collect(),
        history,
        var: variable(g, m),
        out: String::new(),
        block: Vec::new(),
        facts: Vec::new(),
        done: BTreeSet::new(),
        homes: homes(g),
        sizes: m.buses.iter().flat_map(|b| &b.rows).filter_map(size_of).collect(),
    };
    w.machine();
    // In the form of the formatter; a name that it could not read would leave the text as it is.
    let text = crate::fmt::format(&w.out, 0).unwrap_or(w.out);
    Expanded { text, facts: w.facts }
}

struct Writer<'a> {
    g: &'a Graph,
    m: &'a Machine,
    sources: &'a SourceMap,
    texts: HashMap<&'a str, &'a Text>,
    history: HashMap<&'a str, Vec<Span>>,
    /// The variable of arrays.
    var: String,
    out: String,
    /// Lines whose comments stand below each other.
    block: Vec<(String, String)>,
    facts: Vec<Fact>,
    /// Names of arrays and single parts that have been declared.
    done: BTreeSet<String>,
    /// Bus and row that a part can be declared in.
    homes: HashMap<PartId, (usize, usize)>,
    /// Sizes of rows as their texts have them, by file and first byte.
    sizes: HashMap<(u32, u32), &'a Expr>,
}

/// The size of a row as its text has it.
fn size_of(row: &crate::syntax::ast::Row) -> Option<((u32, u32), &Expr)> {
    match &row.extent {
        Extent::Size(e) | Extent::To(e) => Some(((row.place.file, row.place.start), e)),
        Extent::Type => None,
    }
}

/// The bus and row that each part can be declared in: one that shows all of it.
fn homes(g: &Graph) -> HashMap<PartId, (usize, usize)> {
    let mut out = HashMap::new();
    for (b, bus) in g.buses.iter().enumerate() {
        for (i, row) in bus.rows.iter().enumerate() {
            let Target::Region { part: id, region: at, offset: 0 } = row.target else { continue };
            let part = g.part(id);
            let Some((region, r)) = crate::check::default_region(part.ty) else { continue };
            let all = part.region_size(region as u32);
            let window = all.is_none() && r.kind == RegionKind::Window;
            let whole = at as usize == region && (all == Some(row.size) || window);
            if whole && part.index.is_none() {
                out.entry(id).or_insert((b, i));
            }
        }
    }
    out
}

/// A name for the index of arrays that means nothing else.
fn variable(g: &Graph, m: &Machine) -> String {
    let taken = |v: &str| {
        g.parts.iter().any(|p| stem(&p.name) == v) || m.declared().any(|(n, _)| n.text == v)
    };
    let long = (0..).map(|k| format!("i{k}"));
    let mut all = ["i", "k", "n", "x"].map(String::from).into_iter().chain(long);
    all.find(|v| !taken(v)).unwrap_or_default()
}

/// The name of an array, or of a single part.
fn stem(name: &str) -> &str {
    name.split('[').next().unwrap_or(name)
}

/// Whether a text can stand without quotes.
fn is_word(s: &str) -> bool {
    let first = s.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    first && s.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && s != "true" && s != "false"
}

fn quoted(s: &str) -> String {
    // The language has no escapes; what cannot be written is left out.
    let plain: String = s.chars().filter(|c| *c != '"' && *c != '\n' && *c != '\r').collect();
    format!("\"{plain}\"")
}

fn value(v: &Value, ty: Option<PropType>) -> String {
    match (v, ty) {
        (Value::Str(s), Some(PropType::Part)) => s.clone(),
        (Value::Str(s), Some(PropType::String)) => quoted(s),
        (Value::Str(s), _) => {
            let number = !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
            if is_word(s) || number { s.clone() } else { quoted(s) }
        }
        (Value::List(list), _) => {
            let items: Vec<_> = list.iter().map(|v| value(v, ty)).collect();
            format!("[{}]", items.join(", "))
        }
        _ => names::value(v, ty),
    }
}

impl Writer<'_> {
    fn place(&self, span: Span) -> Option<String> {
        let file = self.sources.get(span.file)?;
        Some(format!("{}:{}", file.name, file.line_col(span.start).0))
    }

    /// A line with who decided it; the fact is kept.
    fn line(&mut self, text: String, fact: Fact) {
        let mut comment = match &fact.default {
            Some(d) => d.clone(),
            None => self.place(fact.by).unwrap_or_default(),
        };
        for (name, span) in &fact.from {
            if let Some(place) = self.place(*span) {
                _ = write!(comment, ", {name} {place}");
            }
        }
        let instead: Vec<String> = fact.instead.iter().filter_map(|s| self.place(*s)).collect();
        if !instead.is_empty() {
            _ = write!(comment, ", instead of {}", instead.join(", "));
        }
        self.block.push((text, comment));
        self.facts.push(fact);
    }

    fn plain(&mut self, text: impl Into<String>) {
        self.block.push((text.into(), String::new()));
    }

    /// Writes the lines so far, comments below each other.
    fn flush(&mut self) {
        let width = |s: &str| s.chars().count();
        let widest = self.block.iter().filter(|(_, c)| !c.is_empty()).map(|(t, _)| width(t));
        let column = widest.filter(|w| *w <= 64).max().unwrap_or(0);
        for (text, comment) in std::mem::take(&mut self.block) {
            let pad = column.saturating_sub(width(&text));
            match comment.is_empty() {
                true => _ = writeln!(self.out, "{text}"),
                false => _ = writeln!(self.out, "{text}{:pad$}  // {comment}", ""),
            }
        }
    }

    fn gap(&mut self) {
        self.flush();
        if !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }

    fn doc(&mut self, doc: &str, indent: &str) {
        for line in doc.lines() {
            self.plain(format!("{indent}/// {line}").trim_end().to_string());
        }
    }

    /// What is known of the one who decided `path`, by the place where it is said now.
    fn fact(&self, path: &str, value: &str, by: Span, expr: Option<&Expr>) -> Fact {
        let all = self.history.get(path).map_or(&[][..], Vec::as_slice);
        let (by, before) = match all.split_last() {
            Some((last, before)) => (*last, before),
            None => (by, &[][..]),
        };
        let mut from = Vec::new();
        if let Some(e) = expr {
            let mut e = e.clone();
            paths::expr(&mut e, None, &mut |p| {
                let name = p.head().to_string();
                if let Some(span) = self.decider(&name)
                    && !from.iter().any(|(n, _)| *n == name)
                {
                    from.push((name, span));
                }
            });
        }
        let instead = before.iter().rev().copied().collect();
        let (path, value) = (path.to_string(), value.to_string());
        Fact { path, value, by, instead, from, default: None }
    }

    /// Where a param or a named value got what it is.
    fn decider(&self, name: &str) -> Option<Span> {
        let param = self.m.params.iter().find(|p| p.name.text == name);
        let param = param.and_then(|p| p.default.as_ref()).map(|e| e.span);
        param.or_else(|| Some(self.m.lets.iter().find(|(n, _)| n.text == name)?.1.span))
    }

    fn machine(&mut self) {
        self.plain("hm 1");
        self.gap();
        self.doc(&self.g.doc.clone(), "");
        let name = self.g.name.clone();
        self.plain(format!("machine {name}"));
        self.gap();
        self.params();
        self.settings();
        for p in &self.g.plugs {
            let said = self.m.plugs.iter().find(|q| q.name.text == p.name);
            let by = said.and_then(|q| q.value.as_ref()).map_or(p.span, |v| v.span);
            let word = p.kind.word();
            let shown = p.value.as_ref().map(|v| if is_word(v) { v.clone() } else { quoted(v) });
            let text = match &shown {
                Some(v) => format!("plug {} : {word} = {v}", p.name),
                None => format!("plug {} : {word}", p.name),
            };
            let fact = self.fact(&p.name, shown.as_deref().unwrap_or(""), by, None);
            self.line(text, fact);
        }
        self.gap();
        for c in &self.g.clocks {
            let said = self.m.clocks.iter().find(|(n, _)| n.text == c.name).map(|(_, e)| e);
            let hz = names::frequency(c.hz);
            let fact = self.fact(&c.name, &hz, said.map_or(c.span, |e| e.span), said);
            self.line(format!("clock {} = {hz}", c.name), fact);
        }
        self.gap();
        for i in 0..self.g.parts.len() {
            let id = PartId(i as u32);
            if self.home(id).is_none() {
                self.declare(id, None);
                self.gap();
            }
        }
        for i in 0..self.g.buses.len() {
            self.bus(BusId(i as u32));
            self.gap();
        }
        self.single_values();
        self.gap();
        self.wires();
        self.flush();
        let end = self.out.trim_end().len();
        self.out.truncate(end);
        self.out.push('\n');
    }

    fn params(&mut self) {
        for p in &self.m.params {
            let Some(v) = self.g.params.get(&p.name.text) else { continue };
            let ty = match p.ty.name.as_str() {
                "size" => Some(PropType::Size),
                "address" => Some(PropType::Address),
                "frequency" => Some(PropType::Frequency),
                "duration" => Some(PropType::Duration),
                "string" => Some(PropType::String),
                _ => None,
            };
            let shown = value(v, ty);
            let by = p.default.as_ref().map_or(p.name.span, |e| e.span);
            let fact = self.fact(&p.name.text, &shown, by, None);
            self.line(format!("// param {} = {shown}", p.name), fact);
        }
        self.gap();
    }

    fn settings(&mut self) {
        for (name, v) in &self.g.settings {
            let said = self.m.settings.iter().find(|s| s.path.dotted() == *name);
            let by = said.map_or(NOWHERE, |s| join(s.path.span, s.value.span));
            let shown = value(v, crate::check::machine_setting(name));
            let path = format!("machine.{name}");
            let fact = self.fact(&path, &shown, by, said.map(|s| &s.value));
            self.line(format!("{path} = {shown}"), fact);
        }
        self.gap();
    }

    fn home(&self, id: PartId) -> Option<(usize, usize)> {
        self.homes.get(&id).copied()
    }

    /// `name : type { ... }`, all elements of an array at once; `row` is what stands before it.
    fn declare(&mut self, id: PartId, row: Option<(String, String)>) {
        let g = self.g;
        let part = g.part(id);
        let name = stem(&part.name).to_string();
        if !self.done.insert(name.clone()) {
            return;
        }
        let group: Vec<&Part> = match part.index {
            None => vec![part],
            Some(_) => {
                g.parts.iter().filter(|p| p.index.is_some() && stem(&p.name) == name).collect()
            }
        };
        let indent = if row.is_some() { "  " } else { "" };
        self.doc(&part.doc.clone(), indent);
        let (before, flags) = row.clone().unwrap_or_default();
        let array = match part.index {
            Some(_) => format!("[{} < {}]", self.var, group.len()),
            None => String::new(),
        };
        let on = part.on.as_ref().map_or(String::new(), |(host, bus, at)| {
            let host = stem(&g.part(*host).name).to_string();
            let at = if at.is_empty() { String::new() } else { format!(" @ {at}") };
            format!(" on {host}.{bus}{at}")
        });
        let ty = part.ty.full_name();
        let mut lines = self.values(&name, &group, row.is_some());
        for s in part.ty.inputs.iter().filter(|s| !s.optional) {
            lines.extend(self.tied(&name, &group, s));
        }
        let open = if lines.is_empty() { "" } else { " {" };
        let head = format!("{indent}{before}{name}{flags}{array} : {ty}{on}{open}");
        let said = self.texts.get(name.as_str()).copied();
        let by = said.map_or(part.span, |t| join(t.name.span, t.ty.span));
        let fact = self.fact(&name, &ty, by, None);
        self.line(head, fact);
        let close = !lines.is_empty();
        for (text, fact) in lines {
            match fact {
                Some(fact) => self.line(format!("{indent}  {text}"), fact),
                None => self.plain(format!("{indent}  {text}")),
            }
        }
        if close {
            self.plain(format!("{indent}}}"));
        }
        self.defaults(&name, part);
    }

    /// `input <- none` for what must be driven and is not.
    fn tied(&self, name: &str, group: &[&Part], s: &Signal) -> Option<(String, Option<Fact>)> {
        let first = group.first()?;
        let number = first.ty.inputs.iter().position(|i| std::ptr::eq(i, s))? as u32;
        let id = self.g.find_part(&first.name)?;
        let driven = self.g.wires.iter().any(|w| w.to.part == id && w.to.port == number);
        let wires = self.texts.get(name).map_or(&[][..], |t| t.wires.as_slice());
        let by = wires.iter().find(|w| w.to.head() == s.name && w.from.head() == "none");
        let all = if s.width.is_some() { "[*]" } else { "" };
        let fact =
            self.fact(&format!("{name}.{}", s.name), "none", by.map_or(NOWHERE, |w| w.span), None);
        (!driven).then(|| (format!("{}{all} <- none", s.name), Some(fact)))
    }

    /// Where the text says `name.key = ...`.
    fn said(&self, name: &str, key: &str) -> (Span, Option<&Expr>) {
        let all = self.texts.get(name).map_or(&[][..], |t| t.settings.as_slice());
        match all.iter().find(|s| s.path.dotted() == key) {
            Some(s) => (join(s.path.span, s.value.span), Some(&s.value)),
            None => (NOWHERE, None),
        }
    }

    /// The lines of the braces: what is the same for all elements, or follows their index.
    fn values(&self, name: &str, group: &[&Part], in_row: bool) -> Vec<(String, Option<Fact>)> {
        let mut out = Vec::new();
        for (key, shown) in self.keys(group, in_row) {
            if let Some(shown) = self.common(&shown) {
                let (by, expr) = self.said(name, &key);
                let fact = self.fact(&format!("{name}.{key}"), &shown, by, expr);
                out.push((format!("{key} = {shown}"), Some(fact)));
            }
        }
        out
    }

    /// One value for all elements; numbers may follow the index.
    fn common(&self, all: &[Option<Shown>]) -> Option<String> {
        let first = all.first()?.as_ref()?;
        if all.iter().all(|v| v.as_ref().is_some_and(|v| v.text == first.text)) {
            return Some(first.text.clone());
        }
        let numbers: Option<Vec<u64>> = all.iter().map(|v| v.as_ref()?.number).collect();
        let numbers = numbers?;
        let [a, b, ..] = numbers.as_slice() else { return None };
        let step = b.checked_sub(*a)?;
        let follows = |(k, v): (usize, &u64)| {
            (k as u64).checked_mul(step).and_then(|n| n.checked_add(*a)) == Some(*v)
        };
        if !numbers.iter().enumerate().all(follows) {
            return None;
        }
        let var = &self.var;
        let scaled = if step == 1 { var.clone() } else { format!("{step}*{var}") };
        Some(if *a == 0 { scaled } else { format!("{scaled} + {a}") })
    }

    /// Every name that `=` sets, with its value for each element.
    fn keys(&self, group: &[&Part], in_row: bool) -> Vec<(String, Vec<Option<Shown>>)> {
        let Some(first) = group.first() else { return Vec::new() };
        let ty = first.ty;
        let mut out = Vec::new();
        let mut add = |key: &str, f: &dyn Fn(&Part) -> Option<Shown>| {
            let all: Vec<Option<Shown>> = group.iter().map(|p| f(p)).collect();
            if all.iter().any(Option::is_some) {
                out.push((key.to_string(), all));
            }
        };
        for m in ty.masters {
            add(m.name, &|p| Some(Shown::word(&self.g.bus(*p.masters.get(m.name)?).name)));
        }
        for c in ty.clocks {
            add(c.name, &|p| {
                let (hz, clock) = p.clocks.get(c.name)?;
                if clock.is_empty() && c.default_hz == Some(*hz) {
                    return None;
                }
                let named = self.g.clocks.iter().any(|c| c.name == *clock);
                Some(if named { Shown::word(clock) } else { Shown::word(&names::frequency(*hz)) })
            });
        }
        for p in ty.props {
            let sized = p.name == "size" && ty.regions.iter().any(|r| r.size.is_none());
            add(p.name, &|part| {
                let v = part.props.get(p.name)?;
                let set = part.set.iter().any(|s| s == p.name);
                if !set && (in_row || !sized) {
                    return None;
                }
                let number = match (v, p.ty) {
                    (Value::Int(n), PropType::Count | PropType::Address | PropType::Size) => {
                        Some(*n)
                    }
                    _ => None,
                };
                Some(Shown { text: value(v, Some(p.ty)), number })
            });
        }
        for l in ty.links {
            add(l.name, &|p| p.links.get(l.name).map(|plug| Shown::word(plug)));
        }
        out
    }

    /// Values that no text set, for the list of facts.
    fn defaults(&mut self, name: &str, part: &Part) {
        for p in part.ty.props {
            let Some(literal) = p.default.map(Value::from) else { continue };
            if part.set.iter().any(|s| s == p.name) {
                continue;
            }
            let shown = value(&literal, Some(p.ty));
            let mut fact = self.fact(&format!("{name}.{}", p.name), &shown, NOWHERE, None);
            fact.default = Some(format!("default of {}", part.ty.full_name()));
            self.facts.push(fact);
        }
    }

    /// What differs from element to element without following the index.
    fn single_values(&mut self) {
        let mut groups: BTreeMap<&str, Vec<&Part>> = BTreeMap::new();
        for p in self.g.parts.iter().filter(|p| p.index.is_some()) {
            groups.entry(stem(&p.name)).or_default().push(p);
        }
        for (name, group) in groups {
            for (key, all) in self.keys(&group, false) {
                if self.common(&all).is_some() {
                    continue;
                }
                for (p, v) in group.iter().zip(&all) {
                    let Some(v) = v else { continue };
                    let (by, expr) = self.said(name, &key);
                    let path = format!("{}.{key}", p.name);
                    let fact = self.fact(&path, &v.text, by, expr);
                    self.line(format!("{path} = {}", v.text), fact);
                }
            }
        }
    }

    fn bus(&mut self, id: BusId) {
        let g = self.g;
        let bus = g.bus(id);
        let said = self.m.buses.iter().find(|b| b.name.text == bus.name);
        let fact = self.fact(&bus.name, "bus", bus.span, None);
        self.line(format!("bus {} {{", bus.name), fact);
        let endian = match bus.endian {
            hetemu_schema::Endian::Little => "little",
            hetemu_schema::Endian::Big => "big",
        };
        let facts = [
            ("addr", bus.addr_bits.to_string()),
            ("width", bus.width.to_string()),
            ("endian", endian.to_string()),
            ("unmapped", bus.unmapped.word().to_string()),
        ];
        for (key, v) in facts {
            let set = said.and_then(|b| b.settings.iter().find(|s| s.path.dotted() == key));
            let path = format!("{}.{key}", bus.name);
            let by = set.map_or(NOWHERE, |s| join(s.path.span, s.value.span));
            let mut fact = self.fact(&path, &v, by, set.map(|s| &s.value));
            if set.is_none() {
                fact.default = Some(String::from("follows from its cores"));
            }
            self.line(format!("  {key} = {v}"), fact);
        }
        if !bus.rows.is_empty() {
            self.gap();
        }
        for (i, row) in bus.rows.iter().enumerate() {
            self.row(id, bus, i, row);
        }
        self.plain("}");
    }

    fn row(&mut self, id: BusId, bus: &Bus, number: usize, row: &Row) {
        let g = self.g;
        let at = names::at(bus, row.base);
        let mut flags = String::new();
        for word in [
            if row.over { "over" } else { "" },
            RowAccess::word(row.access),
            Lanes::word(row.lanes),
            if row.split { "split" } else { "" },
        ] {
            if !word.is_empty() {
                _ = write!(flags, " {word}");
            }
        }
        // A full 64-bit space has no size that could be written.
        let place = match row.size {
            u64::MAX => format!("{at} .. 0xFFFF_FFFF_FFFF_FFFE"),
            n => format!("{at} + {}", names::size(n)),
        };
        let (target, offset) = match row.target {
            Target::Bus { bus, offset } => (g.bus(bus).name.clone(), offset),
            Target::Region { part, region, offset } => {
                let p = g.part(part);
                if self.home(part) == Some((id.0 as usize, number)) {
                    self.declare(part, Some((format!("{place}  "), flags)));
                    return;
                }
                let default = crate::check::default_region(p.ty).map(|(i, _)| i);
                let region = match default == Some(region as usize) {
                    true => String::new(),
                    false => {
                        p.ty.regions
                            .get(region as usize)
                            .map_or(String::new(), |r| format!(".{}", r.name))
                    }
                };
                (format!("{}{region}", p.name), offset)
            }
        };
        let offset = if offset == 0 { String::new() } else { format!(" @ {}", names::hex(offset)) };
        let text = format!("  {place}  {target}{offset}{flags}");
        let path = format!("{} {at}", bus.name);
        let said = self.sizes.get(&(row.span.file, row.span.start)).copied();
        let mut fact = self.fact(&path, &format!("{target}{offset}"), row.span, None);
        if let Some(e) = said {
            fact.from = self.fact(&path, "", row.span, Some(e)).from;
        }
        self.line(text, fact);
    }

    /// Every wire by itself, lines that follow each other in one.
    fn wires(&mut self) {
        let wires = &self.g.wires;
        let mut i = 0;
        while let Some(w) = wires.get(i) {
            let mut n = 1;
            while let Some(next) = wires.get(i + n) {
                let k = n as u32;
                let follows = next.from == hetemu_graph::Port { index: w.from.index + k, ..w.from }
                    && next.to == hetemu_graph::Port { index: w.to.index + k, ..w.to }
                    && next.span == w.span;
                if !follows {
                    break;
                }
                n += 1;
            }
            let end = |p: hetemu_graph::Port, input: bool| {
                let one = names::port(self.g, p, input);
                match (n, one.strip_suffix(&format!("[{}]", p.index))) {
                    (2.., Some(head)) => format!("{head}[{}..{}]", p.index, p.index + n as u32 - 1),
                    _ => one,
                }
            };
            let (from, to) = (end(w.from, false), end(w.to, true));
            let fact = self.wire_fact(&from, &to, w.span);
            self.line(format!("{from} -> {to}"), fact);
            i += n;
        }
    }

    fn wire_fact(&self, from: &str, to: &str, by: Span) -> Fact {
        let key = [from, to].into_iter().find(|k| self.history.contains_key(k));
        let mut fact = self.fact(key.unwrap_or(from), to, by, None);
        fact.path = from.to_string();
        fact.by = by;
        fact
    }
}

/// A value as the text says it, and the number that it is.
struct Shown {
    text: String,
    number: Option<u64>,
}

impl Shown {
    fn word(text: &str) -> Shown {
        Shown { text: text.to_string(), number: None }
    }
}
