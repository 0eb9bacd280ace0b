//! Renode platform descriptions (`.repl`).
//!
//! Types are found by the aliases of the schemas. What has none becomes a stub at its place, with
//! its interrupts as a comment; so do `Tag` lines. An NVIC is part of its core here. A place that
//! only one core sees goes to a bus of that core's own, with a window into the shared one.

mod parse;

use crate::codes;
use crate::draft::{BusId, Draft, End, Given, PartId, Row, What};
use crate::names;
use crate::qmp::file_stem;
use crate::{Imported, Options};
use hetemu_lang::source::FileId;
use hetemu_lang::{Diagnostic, SourceMap, Span};
use hetemu_schema::{Catalog, DeviceType, PlugKind, PropType, Signal, units};
use parse::{Attr, Entry, Place, list, number};
use std::collections::{BTreeMap, BTreeSet};

/// Attributes that are properties of types here.
const PROPS: &[(&str, &str)] = &[
    ("size", "size"),
    ("numberOfSources", "sources"),
    ("numberOfContexts", "targets"),
    ("numberOfTargets", "harts"),
    ("hartId", "hart"),
    ("hartID", "hart"),
    ("numberOfInputs", "width"),
    ("timeProvider", "time"),
];
/// Attributes that are clocks.
const CLOCKS: &[&str] = &["frequency", "clockFrequency", "systickFrequency", "perfMhz"];
/// What every core of Renode says and no machine has to.
const SILENT: &[&str] = &["nvic", "PerformanceInMips", "genericInterruptController", "cpuId"];
/// Renode's interrupt controller of Cortex-M cores.
const NVIC: &str = "IRQControllers.NVIC";
/// A type without the family before its dot is looked for with each of these.
const CORES: &str = "CPU.";

/// Reads the files that `using` names: path as written, in the file of this number.
pub type Reader<'r> = &'r mut dyn FnMut(&mut SourceMap, FileId, &str) -> Option<FileId>;

/// Imports a description and those that it uses.
pub fn import(
    sources: &mut SourceMap,
    file: FileId,
    catalog: &Catalog,
    options: &Options,
    reader: Reader<'_>,
) -> Imported {
    let stem = sources.get(file).map_or("machine", |f| file_stem(&f.name)).to_string();
    let mut d = Draft::new(catalog, &stem);
    d.doc.push(format!("Imported from the Renode platform {stem}."));
    let mut entries = Vec::new();
    let mut read = BTreeSet::new();
    gather(sources, file, &mut d, reader, &mut entries, &mut read, 0);
    let main = d.bus("main");
    let mut m = Map {
        d,
        main,
        parts: BTreeMap::new(),
        nvics: BTreeMap::new(),
        private: BTreeMap::new(),
        guessed: Vec::new(),
    };
    let merged = merge(entries);
    m.controllers(&merged);
    for e in &merged {
        m.entry(e);
    }
    m.shrink();
    for e in &merged {
        m.attributes(e);
    }
    m.windows();
    m.plugs();
    m.d.reset_memory(main);
    m.d.finish(options)
}

/// Entries of a file behind those of the files that it uses.
fn gather(
    sources: &mut SourceMap,
    file: FileId,
    d: &mut Draft<'_>,
    reader: Reader<'_>,
    out: &mut Vec<Entry>,
    read: &mut BTreeSet<String>,
    depth: usize,
) {
    let text = sources.get(file).map_or(String::new(), |f| f.text.clone());
    let parsed = parse::parse(&text, file, &mut d.diags);
    for (path, span) in parsed.using {
        if !read.insert(path.clone()) {
            continue;
        }
        match reader(sources, file, &path).filter(|_| depth < 16) {
            Some(inner) => gather(sources, inner, d, reader, out, read, depth + 1),
            None => {
                let what = format!("`{path}` cannot be read: what it describes is missing");
                d.say(Diagnostic::new(codes::W1205, span, what));
            }
        }
    }
    out.extend(parsed.entries);
}

/// Later entries of a name add to the first.
fn merge(entries: Vec<Entry>) -> Vec<Entry> {
    let mut out: Vec<Entry> = Vec::new();
    let mut at: BTreeMap<String, usize> = BTreeMap::new();
    for e in entries {
        match at.get(&e.name).and_then(|i| out.get_mut(*i)) {
            Some(first) => {
                if e.ty.is_some() {
                    first.ty = e.ty;
                }
                if !e.places.is_empty() {
                    first.places = e.places;
                }
                first.attrs.extend(e.attrs);
            }
            None => {
                at.insert(e.name.clone(), out.len());
                out.push(e);
            }
        }
    }
    out
}

struct Map<'a> {
    d: Draft<'a>,
    main: BusId,
    /// By Renode's name.
    parts: BTreeMap<String, PartId>,
    /// An NVIC's name, and its core's.
    nvics: BTreeMap<String, String>,
    /// Buses of single cores.
    private: BTreeMap<String, BusId>,
    /// Rows of stubs whose size is a guess.
    guessed: Vec<(BusId, usize)>,
}

impl Map<'_> {
    /// Which core each NVIC belongs to.
    fn controllers(&mut self, entries: &[Entry]) {
        let first = entries
            .iter()
            .find(|e| e.ty.as_deref().is_some_and(|t| t.starts_with(CORES)))
            .map(|e| e.name.clone());
        for e in entries.iter().filter(|e| e.ty.as_deref() == Some(NVIC)) {
            let owner = entries.iter().find(|c| {
                c.attrs
                    .iter()
                    .any(|a| matches!(a, Attr::Value(k, v, _) if k == "nvic" && *v == e.name))
            });
            if let Some(core) = owner.map(|c| c.name.clone()).or_else(|| first.clone()) {
                self.nvics.insert(e.name.clone(), core);
            }
        }
    }

    fn entry(&mut self, e: &Entry) {
        if e.name == "sysbus" {
            return;
        }
        let Some(ty) = &e.ty else {
            let what = format!("`{}` has no type in these files", e.name);
            self.d.say(Diagnostic::new(codes::W1205, e.span, what));
            return;
        };
        if ty == NVIC {
            return;
        }
        if ty.starts_with(CORES) {
            self.core(e, ty);
            return;
        }
        let on_bus: Vec<&Place> =
            e.places.iter().filter(|p| p.on == "sysbus" && p.base.is_some()).collect();
        let known = names::by_alias(self.d.catalog, ty);
        let Some(known) = known else {
            self.stub(e, ty, &on_bus);
            return;
        };
        if on_bus.is_empty() && !known.regions.is_empty() {
            let on = e.places.first().map_or("nothing", |p| p.on.as_str());
            let what = format!("`{}` sits on `{on}`, not on the system bus", e.name);
            self.d.say(Diagnostic::new(codes::W1206, e.span, what));
            return;
        }
        let part = self.d.part(&e.name, known, e.span);
        self.parts.insert(e.name.clone(), part);
        for (theirs, ours) in PROPS {
            let value = e.attrs.iter().rev().find_map(|a| match a {
                Attr::Value(k, v, _) if k == theirs => number(v),
                _ => None,
            });
            if let Some(n) = value {
                self.d.set(part, ours, Given::Int(n));
            }
        }
        for p in &on_bus {
            let region = if p.region.is_some() { None } else { Some(0) };
            match region {
                Some(0) => {
                    let bus = self.bus_of(p);
                    self.d.map(bus, p.base.unwrap_or(0), p.size, part, 0, e.span);
                }
                _ => {
                    let name = p.region.as_deref().unwrap_or("");
                    let what = format!("`{}` has no region `{name}`", known.full_name());
                    self.d.say(Diagnostic::new(codes::W1206, e.span, what));
                }
            }
        }
        let main = self.d.buses.get(self.main).map(|b| b.name.clone()).unwrap_or_default();
        for m in known.masters {
            self.d.set(part, m.name, Given::Name(main.clone()));
        }
    }

    fn stub(&mut self, e: &Entry, ty: &str, places: &[&Place]) {
        let what = format!("there is no type here for Renode's `{ty}`");
        let d = Diagnostic::new(codes::W1202, e.span, what).path(e.name.clone());
        if places.is_empty() {
            let on = e.places.first().map_or("nothing", |p| p.on.as_str());
            self.d.say(d.note(format!("it sits on `{on}` and is left out")));
            return;
        }
        let mut d = d;
        let wires: Vec<String> = e
            .attrs
            .iter()
            .filter_map(|a| match a {
                Attr::Wire(from, to, _) => Some(format!("{from} -> {to}").trim().to_string()),
                _ => None,
            })
            .collect();
        for p in places {
            let base = p.base.unwrap_or(0);
            let size = p.size.filter(|s| *s > 0);
            let Some(part) = self.d.stub(&e.name, size.unwrap_or(GUESS), e.span) else { return };
            self.parts.entry(e.name.clone()).or_insert(part);
            let bus = self.bus_of(p);
            self.d.map(bus, base, size, part, 0, e.span);
            if let (None, Some(b)) = (size, self.d.buses.get(bus)) {
                self.guessed.push((bus, b.rows.len() - 1));
            }
            if let Some(p) = self.d.parts.get_mut(part) {
                let wires = if wires.is_empty() {
                    String::new()
                } else {
                    format!(": {}", wires.join("; "))
                };
                p.remark = Some(format!("to do: {ty}{wires}"));
            }
            d = d.note(format!("`hm.stub` stands in at {}", units::hex(base)));
        }
        self.d.say(d);
    }

    fn bus_of(&mut self, p: &Place) -> BusId {
        let Some(cpu) = &p.cpu else { return self.main };
        if let Some(bus) = self.private.get(cpu) {
            return *bus;
        }
        let bus = self.d.bus(&format!("{cpu}_bus"));
        self.private.insert(cpu.clone(), bus);
        bus
    }

    fn core(&mut self, e: &Entry, ty: &str) {
        let cpu_type = e.attrs.iter().find_map(|a| match a {
            Attr::Value(k, v, _) if k == "cpuType" => Some(v.trim_matches('"').to_string()),
            _ => None,
        });
        let exact = cpu_type.as_ref().and_then(|t| {
            names::by_compatible(self.d.catalog, &[format!("arm,{t}")]).filter(|t| t.core.is_some())
        });
        let by_name = names::by_alias(self.d.catalog, ty).filter(|t| t.core.is_some());
        let called = cpu_type.clone().unwrap_or_else(|| ty.to_string());
        let Some(found) = exact.or(by_name).or_else(|| self.stand_in(ty)) else {
            let what = format!("there is no core here for Renode's `{ty}` ({called})");
            let d = Diagnostic::new(codes::W1202, e.span, what).path(e.name.clone());
            self.d.say(d.note("without a core nothing can run; `check` will say so"));
            return;
        };
        let arm = found.prop("isa").is_none();
        if (exact.is_none() && arm && cpu_type.is_some()) || by_name.is_none() {
            let what = format!("`{}` stands in for the core `{called}`", found.name);
            self.d.say(Diagnostic::new(codes::W1202, e.span, what).path(e.name.clone()));
        }
        let part = self.d.part(&e.name, found, e.span);
        self.parts.insert(e.name.clone(), part);
        let main = self.d.buses.get(self.main).map(|b| b.name.clone()).unwrap_or_default();
        for m in found.masters {
            self.d.set(part, m.name, Given::Name(main.clone()));
        }
        if let (Some(isa), Some(_)) = (&cpu_type, found.prop("isa")) {
            let isa = isa.replacen("gc", "imafdc", 1).replacen("64g_", "64imafd_", 1);
            self.d.set(part, "isa", Given::Text(isa));
        }
    }

    /// A core of the same word size and family for one that is not here.
    fn stand_in(&self, ty: &str) -> Option<&'static DeviceType> {
        let bits = if ty.contains("RiscV64") || ty.contains("Riscv64") { 64 } else { 32 };
        let riscv = ty.contains("Risc") || ty.contains("risc");
        let fits = |t: &&'static DeviceType| {
            t.core.as_ref().is_some_and(|c| c.isa == "riscv" && c.bits == bits)
                && t.prop("isa").is_some()
        };
        self.d.catalog.iter().find(fits).filter(|_| riscv)
    }

    /// Stubs of unknown size end before their neighbours.
    fn shrink(&mut self) {
        for (bus, n) in std::mem::take(&mut self.guessed) {
            let Some(rows) = self.d.buses.get(bus).map(|b| &b.rows) else { continue };
            let Some((base, what)) = rows.get(n).map(|r| (r.base, r.what)) else { continue };
            let next = rows.iter().map(|r| r.base).filter(|b| *b > base).min();
            let size = next.map_or(GUESS, |n| (n - base).min(GUESS));
            if let Some(r) = self.d.buses.get_mut(bus).and_then(|b| b.rows.get_mut(n)) {
                r.size = size;
            }
            if let What::Part(part, _) = what {
                self.d.set(part, "size", Given::Int(size));
            }
        }
    }

    fn attributes(&mut self, e: &Entry) {
        for a in &e.attrs {
            match a {
                Attr::Script(line, span) => self.script(e, line, *span),
                Attr::Value(key, value, span) => self.value(e, key, value, *span),
                Attr::Wire(from, to, span) => self.wires(e, from, to, *span),
            }
        }
    }

    /// `Tag <0x1000, 0x1FFF> "NAME"` is a stub; other lines are for Renode's monitor.
    fn script(&mut self, e: &Entry, line: &str, span: Span) {
        let tag = line.strip_prefix("Tag").filter(|_| e.name == "sysbus");
        let (base, size) = tag.map_or((None, None), parse::range);
        let (Some(base), Some(size)) = (base, size) else {
            let what = format!("`{line}` is for Renode's monitor");
            self.d.say(Diagnostic::new(codes::W1205, span, what));
            return;
        };
        let name = line.split('"').nth(1).unwrap_or("tag").to_ascii_lowercase();
        let Some(part) = self.d.stub(&name, size.max(1), span) else { return };
        if let Some(p) = self.d.parts.get_mut(part) {
            p.remark = Some(format!("to do: {line}"));
        }
        self.d.map(self.main, base, Some(size), part, 0, span);
        let what = format!("a tag is a stub here: `{name}` at {}", units::hex(base));
        self.d.say(Diagnostic::new(codes::N1208, span, what));
    }

    fn value(&mut self, e: &Entry, key: &str, value: &str, span: Span) {
        let Some(part) = self.parts.get(&e.name).copied() else { return };
        let Some(ty) = self.d.parts.get(part).map(|p| p.ty) else { return };
        if ty.name == crate::draft::STUB || SILENT.contains(&key) || key == "cpuType" {
            return;
        }
        let ours = PROPS.iter().find(|(theirs, _)| *theirs == key).map(|p| p.1);
        let number = number(value);
        if let Some(ours) = ours {
            let given = match ty.prop(ours).map(|p| p.ty) {
                Some(PropType::Part) => self
                    .parts
                    .get(value)
                    .and_then(|p| self.d.parts.get(*p))
                    .map(|p| Given::Name(p.name.clone())),
                Some(_) => number.map(Given::Int),
                None => None,
            };
            if given.is_some_and(|v| self.d.set(part, ours, v).is_some()) {
                return;
            }
        }
        if let (true, Some(hz), Some(clock)) =
            (CLOCKS.contains(&key), number.filter(|n| *n > 0), ty.clocks.first())
        {
            let name = self.d.clock(&format!("{}_clk", e.name), hz);
            self.d.set(part, clock.name, Given::Name(name));
            return;
        }
        // NS16550: registers four bytes apart.
        if key == "wideRegisters" && ty.prop("reg_stride").is_some() {
            let stride = if value.eq_ignore_ascii_case("true") { 4 } else { 1 };
            self.d.set(part, "reg_stride", Given::Int(stride));
            return;
        }
        let what = format!("`{}` has nothing for `{key}: {}`", ty.full_name(), one_line(value));
        self.d.say(Diagnostic::new(codes::W1203, span, what).path(format!("{}.{key}", e.name)));
    }

    fn wires(&mut self, e: &Entry, from: &str, to: &str, span: Span) {
        // An NVIC and its core are one part here.
        if self.nvics.contains_key(&e.name) {
            return;
        }
        let Some(part) = self.parts.get(&e.name).copied() else { return };
        let stub = self.d.parts.get(part).is_some_and(|p| p.ty.outputs.is_empty());
        if stub {
            return;
        }
        let sources = if from.is_empty() { vec![String::new()] } else { list(from) };
        for sink in to.split('|').map(str::trim) {
            let Some((target, lines)) = sink.split_once('@') else {
                self.lost(e, from, sink, span);
                continue;
            };
            let lines = list(lines);
            for (n, line) in lines.iter().enumerate() {
                let source = sources.get(n).or(sources.last()).map_or("", String::as_str);
                let line: Option<u32> = line.parse().ok();
                let ends = line.and_then(|l| self.ends(part, source, target, l));
                match ends {
                    Some((a, b)) => self.d.wire(a, b, span),
                    None => self.lost(e, source, sink, span),
                }
            }
        }
    }

    fn lost(&mut self, e: &Entry, from: &str, to: &str, span: Span) {
        let gap = if from.is_empty() { "" } else { " " };
        let what = format!("`{}`: {from}{gap}-> {to} has no counterpart", e.name);
        self.d.say(Diagnostic::new(codes::W1204, span, what).path(e.name.clone()));
    }

    fn ends(&mut self, part: PartId, source: &str, target: &str, line: u32) -> Option<(End, End)> {
        let ty = self.d.parts.get(part)?.ty;
        let core = self.nvics.get(target).and_then(|c| self.parts.get(c)).copied();
        if let Some(core) = core {
            return Some((self.source(part, source)?, self.d.input(core, "irq", line)?));
        }
        let sink = *self.parts.get(target)?;
        if self.d.parts.get(sink)?.ty.core.is_some() {
            let names = crate::fdt::cause_names(line);
            let to = names.iter().find_map(|n| self.d.input(sink, n, 0))?;
            let same: Vec<&str> =
                ty.outputs.iter().map(|o| o.name).filter(|o| names.contains(o)).collect();
            let from = match (same.first(), source.parse::<u32>()) {
                // A core-local interruptor: software, then timer, core by core.
                (Some(name), Ok(n)) => self.d.output(part, name, n / 2)?,
                _ => self.source(part, source)?,
            };
            return Some((from, to));
        }
        Some((self.source(part, source)?, self.d.input(sink, Signal::DEFAULT, line)?))
    }

    fn source(&mut self, part: PartId, source: &str) -> Option<End> {
        if let Ok(n) = source.parse::<u32>() {
            return self.d.output_line(part, n);
        }
        let ty = self.d.parts.get(part)?.ty;
        let plain = |s: &str| s.replace('_', "").to_ascii_lowercase();
        let named = ty.outputs.iter().find(|o| plain(o.name) == plain(source)).map(|o| o.name);
        match named {
            Some(name) => self.d.output(part, name, 0),
            None if source.is_empty() || source == "IRQ" || ty.outputs.len() == 1 => {
                self.d.output_line(part, 0)
            }
            None => None,
        }
    }

    /// A core with rows of its own sees the shared bus through a window.
    fn windows(&mut self) {
        for (cpu, bus) in std::mem::take(&mut self.private) {
            let Some(core) = self.parts.get(&cpu).copied() else { continue };
            let Some(span) = self.d.parts.get(core).map(|p| p.span) else { continue };
            let name = self.d.buses.get(bus).map(|b| b.name.clone()).unwrap_or_default();
            let masters = self.d.parts.get(core).map_or(&[][..], |p| p.ty.masters);
            for m in masters {
                self.d.set(core, m.name, Given::Name(name.clone()));
            }
            let main = self.main;
            let row = |over| Row {
                base: 0,
                size: 1 << 32,
                what: What::Bus(main, 0),
                over,
                ro: false,
                span,
                gone: false,
            };
            if let Some(b) = self.d.buses.get_mut(bus) {
                b.rows.iter_mut().for_each(|r| r.over = true);
                b.rows.push(row(false));
            }
        }
    }

    /// The first serial part is the terminal.
    fn plugs(&mut self) {
        let mut n = 0;
        for id in 0..self.d.parts.len() {
            let links = self.d.parts.get(id).map_or(&[][..], |p| p.ty.links);
            let Some(link) = links.iter().find(|l| l.kind == PlugKind::Serial) else { continue };
            let value = if n == 0 { "stdio" } else { "null" };
            let plug = self.d.plug(&format!("serial{n}"), PlugKind::Serial, Some(value));
            self.d.set(id, link.name, Given::Name(plug));
            n += 1;
        }
    }
}

/// What a peripheral of Renode mostly takes.
const GUESS: u64 = 0x1000;

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
