//! The last steps of every import: what is implicit elsewhere is written down, and what the checker
//! would refuse is taken out and said.

use crate::codes;
use crate::draft::{Draft, End, Given, What};
use crate::write::{Item, Written, write};
use crate::{Imported, Options};
use hetemu_lang::source::NOWHERE;
use hetemu_lang::{Diagnostic, Overrides, Severity, SourceMap, Span, check};
use hetemu_schema::{RegionKind, Signal, units};

/// More rounds than any input needs; each takes out at least one line.
const ROUNDS: usize = 64;

impl Draft<'_> {
    /// Whether something is called so.
    pub(crate) fn names_with(&self, name: &str) -> bool {
        self.parts.iter().any(|p| p.name == name)
            || self.buses.iter().any(|b| b.name == name)
            || self.plugs.iter().any(|p| p.name == name)
            || self.clocks.iter().any(|c| c.0 == name)
    }

    /// Makes the text.
    pub fn finish(mut self, options: &Options) -> Imported {
        if let Some(name) = &options.name {
            self.name = crate::names::machine(name);
        }
        self.drop_empty_buses();
        self.memory_sizes();
        self.overlaps();
        self.implicit_wires(true);
        let written = self.repaired();
        let rows = self.buses.iter().flat_map(|b| &b.rows).filter(|r| !r.gone).count();
        let parts = self.parts.iter().filter(|p| !p.gone).count();
        let wires = self.wires.iter().filter(|w| !w.gone).count();
        // One printer for every machine file; a text that it cannot lay out stays as it is.
        let text = hetemu_lang::format(&written.text, 0).unwrap_or(written.text);
        let mut diagnostics = self.diags;
        let key = |d: &Diagnostic| (d.span().file, d.span().start, d.code);
        diagnostics.sort_by_key(key);
        diagnostics.dedup();
        Imported { text, diagnostics, counts: (parts, rows, wires) }
    }

    /// The machine as it stands, for the checker: nothing is taken out, and nothing is added.
    pub fn text(&mut self) -> String {
        self.memory_sizes();
        write(self, false).text
    }

    /// As [`Draft::text`], laid out for people.
    pub fn formatted(&mut self) -> String {
        self.memory_sizes();
        let text = write(self, true).text;
        hetemu_lang::format(&text, 0).unwrap_or(text)
    }

    /// Wires that other tools make in code: from a controller to its core. What is added is told.
    pub fn connect_cores(&mut self) {
        self.implicit_wires(false);
    }

    /// Buses that nothing is on, and windows into them.
    fn drop_empty_buses(&mut self) {
        for b in 0..self.buses.len() {
            let Some(bus) = self.buses.get_mut(b).filter(|b| b.rows.is_empty()) else { continue };
            bus.gone = true;
            let name = bus.name.clone();
            for row in self.buses.iter_mut().flat_map(|b| &mut b.rows) {
                row.gone |= matches!(row.what, What::Bus(id, _) if id == b);
            }
            for p in &mut self.parts {
                p.set.retain(|_, v| *v != Given::Name(name.clone()));
            }
        }
    }

    /// A memory's size stands in its first row.
    fn memory_sizes(&mut self) {
        let mut seen = std::collections::BTreeSet::new();
        for row in self.buses.iter_mut().flat_map(|b| &mut b.rows).filter(|r| !r.gone) {
            let What::Part(id, 0) = row.what else { continue };
            let Some(p) = self.parts.get_mut(id).filter(|p| p.ty.regions.len() == 1) else {
                continue;
            };
            let sized = p.ty.regions.first().is_some_and(|r| r.size.is_none());
            if sized
                && seen.insert(id)
                && let Some(Given::Int(n)) = p.set.remove("size")
            {
                row.size = n.max(1);
            }
        }
    }

    /// Rows that overlap: what lies within another lies over it, anything else goes.
    fn overlaps(&mut self) {
        for b in 0..self.buses.len() {
            let Some(bus) = self.buses.get(b) else { continue };
            let mut order: Vec<usize> = (0..bus.rows.len()).collect();
            order.sort_by_key(|i| bus.rows.get(*i).map(|r| (r.base, u64::MAX - r.size)));
            let (mut below, mut above): (Option<usize>, Option<usize>) = (None, None);
            let mut said = Vec::new();
            for i in order {
                let Some(rows) = self.buses.get_mut(b).map(|b| &mut b.rows) else { continue };
                let last = |rows: &[crate::draft::Row], i: Option<usize>| {
                    i.and_then(|i| rows.get(i)).map(|r| r.base.saturating_add(r.size - 1))
                };
                let Some((base, end)) = rows.get(i).map(|r| r.base).zip(last(rows, Some(i))) else {
                    continue;
                };
                let (low, high) = (last(rows, below), last(rows, above));
                if low.is_none_or(|l| base > l) {
                    below = Some(i);
                } else if low.is_some_and(|l| end <= l) && high.is_none_or(|h| base > h) {
                    if let Some(r) = rows.get_mut(i) {
                        r.over = true;
                    }
                    above = Some(i);
                } else if let Some(r) = rows.get_mut(i) {
                    r.gone = true;
                    said.push((r.what, r.base, r.span, below));
                }
            }
            for (what, base, span, below) in said {
                let name = self.what_name(what);
                let other = below
                    .and_then(|i| self.buses.get(b)?.rows.get(i).map(|r| (r.what, r.span)))
                    .map(|(w, s)| (self.what_name(w), s));
                let (other, there) = other.unwrap_or((String::from("another row"), NOWHERE));
                let text =
                    format!("`{name}` at {} overlaps `{other}` and is left out", units::hex(base));
                self.say(Diagnostic::new(codes::W1206, span, text).also(there, "this lies there"));
                self.drop_unmapped(what);
            }
        }
    }

    /// A part whose last row went goes too.
    fn drop_unmapped(&mut self, what: What) {
        let What::Part(id, _) = what else { return };
        let mapped = self.buses.iter().flat_map(|b| &b.rows).any(|r| !r.gone && r.what == what);
        if let (false, Some(p)) = (mapped, self.parts.get_mut(id)) {
            p.gone = true;
        }
    }

    fn what_name(&self, what: What) -> String {
        match what {
            What::Part(id, _) => self.parts.get(id).map_or(String::new(), |p| p.name.clone()),
            What::Bus(id, _) => self.buses.get(id).map_or(String::new(), |b| b.name.clone()),
        }
    }

    /// Required inputs that nothing drives. Of cores: other tools connect a controller to its core
    /// in code. Others stay undriven, and the text says so if it is to.
    fn implicit_wires(&mut self, undriven: bool) {
        for id in 0..self.parts.len() {
            let Some(p) = self.parts.get(id).filter(|p| !p.gone) else { continue };
            let (ty, name, span) = (p.ty, p.name.clone(), p.span);
            for (port, input) in ty.inputs.iter().enumerate() {
                let end = End { part: id, port, index: input.first };
                let driven =
                    self.wires.iter().any(|w| !w.gone && w.to.part == id && w.to.port == port);
                if input.optional || driven {
                    continue;
                }
                match self.controller_output() {
                    Some(from) if ty.core.is_some() => {
                        let text = self.end_text(from, false);
                        let said = format!(
                            "1 wire was implicit and is added: {text} -> {name}.{}",
                            input.name
                        );
                        self.say(Diagnostic::new(codes::N1207, span, said));
                        self.wires.push(crate::draft::Wire {
                            from,
                            to: end,
                            remark: Some(String::from("implicit in the input")),
                            span,
                            gone: false,
                        });
                    }
                    _ if !undriven => {}
                    _ => {
                        if let Some(p) = self.parts.get_mut(id) {
                            p.none.push(input.name);
                        }
                    }
                }
            }
        }
    }

    /// A free required output of a part that has numbered interrupt inputs.
    fn controller_output(&mut self) -> Option<End> {
        for id in 0..self.parts.len() {
            let Some(p) = self.parts.get(id).filter(|p| !p.gone && p.ty.core.is_none()) else {
                continue;
            };
            let controller =
                p.ty.inputs.iter().any(|i| i.name == Signal::DEFAULT && i.width.is_some());
            if !controller || p.ty.regions.is_empty() {
                continue;
            }
            for (port, s) in p.ty.outputs.iter().enumerate() {
                let width = self.width(id, s).unwrap_or(0).min(4096) as u32;
                let free = (s.first..s.first.saturating_add(width)).map(|index| End {
                    part: id,
                    port,
                    index,
                });
                let used = |e: &End| self.wires.iter().any(|w| !w.gone && w.from == *e);
                if let Some(end) = free.into_iter().find(|e| !used(e)) {
                    return Some(end);
                }
            }
        }
        None
    }

    /// Writes, checks, takes out what an error blames, and again.
    fn repaired(&mut self) -> Written {
        for _ in 0..ROUNDS {
            let written = write(self, false);
            let (sources, file) = SourceMap::single("import.hm", written.text.as_str());
            let checked = check(&sources, file, self.catalog, &Overrides::default());
            let errors = checked.diagnostics.iter().filter(|d| d.severity == Severity::Error);
            let mut taken = Vec::new();
            for e in errors {
                let line = |s: Span| sources.get(s.file).map(|f| f.line_col(s.start).0 - 1);
                let items = e.labels.iter().filter_map(|l| line(l.span));
                let item = items.filter_map(|l| written.items.get(l).copied().flatten()).next();
                if let Some(item) = item
                    && !taken.contains(&item)
                {
                    taken.push(item);
                    self.take_out(item, &format!("{}: {}", e.code, e.message));
                }
            }
            if taken.is_empty() {
                break;
            }
        }
        write(self, true)
    }

    fn take_out(&mut self, item: Item, why: &str) {
        let (what, span, code) = match item {
            Item::Part(id) => {
                let Some(p) = self.parts.get_mut(id) else { return };
                p.gone = true;
                (format!("`{}`", p.name), p.span, codes::W1206)
            }
            Item::Set(id, name) => {
                let Some(p) = self.parts.get_mut(id) else { return };
                p.set.remove(name);
                (format!("`{}.{name}`", p.name), p.span, codes::W1203)
            }
            Item::Wire(n) => {
                let Some(w) = self.wires.get_mut(n) else { return };
                w.gone = true;
                let w = w.clone();
                let text =
                    format!("{} -> {}", self.end_text(w.from, false), self.end_text(w.to, true));
                (text, w.span, codes::W1204)
            }
            Item::Row(b, n) => {
                let Some(r) = self.buses.get_mut(b).and_then(|b| b.rows.get_mut(n)) else { return };
                r.gone = true;
                let (what, span) = (r.what, r.span);
                let name = self.what_name(what);
                self.drop_unmapped(what);
                (format!("`{name}`"), span, codes::W1206)
            }
        };
        self.say(Diagnostic::new(
            code,
            span,
            format!("{what} is left out, because it would not pass: {why}"),
        ));
    }

    /// Memory at an address, if a core could fetch from there.
    pub(crate) fn memory_at(&self, bus: usize, at: u64) -> bool {
        self.buses.get(bus).is_some_and(|b| {
            b.rows.iter().any(|r| {
                let holds = at >= r.base && at - r.base < r.size && !r.gone;
                let What::Part(id, region) = r.what else { return false };
                let kind =
                    self.parts.get(id).and_then(|p| p.ty.regions.get(region)).map(|r| r.kind);
                holds && matches!(kind, Some(RegionKind::Ram | RegionKind::Rom))
            })
        })
    }

    /// Cores whose reset vector shows no memory start at the flash instead, or else at the first
    /// memory; where there is none at all, a placeholder is added.
    pub(crate) fn reset_memory(&mut self, bus: usize) {
        let cores: Vec<usize> = (0..self.parts.len())
            .filter(|i| self.parts.get(*i).is_some_and(|p| p.ty.core.is_some() && !p.gone))
            .collect();
        for id in cores {
            let Some(p) = self.parts.get(id) else { continue };
            let (span, name) = (p.span, p.name.clone());
            let vector = p.ty.core.as_ref().map_or(0, |c| c.reset_vector);
            if self.memory_at(bus, vector) || p.ty.prop("reset_vector").is_none() {
                continue;
            }
            let mut memories: Vec<(bool, u64)> = Vec::new();
            for r in self.buses.get(bus).map_or(&[][..], |b| &b.rows).iter().filter(|r| !r.gone) {
                let What::Part(part, _) = r.what else { continue };
                if let Some(m) = self.parts.get(part).filter(|p| Draft::is_memory(p.ty)) {
                    let code = m.name.to_ascii_lowercase();
                    let code = ["flash", "rom", "ddr", "dram"].iter().any(|w| code.contains(w));
                    memories.push((!code, r.base));
                }
            }
            memories.sort_unstable();
            match memories.first() {
                Some((_, base)) => {
                    self.set(id, "reset_vector", Given::Int(*base));
                    let at = units::hex(*base);
                    let what = format!("`{name}` starts at {at}, where its memory is");
                    self.say(Diagnostic::new(codes::N1207, span, what));
                }
                None => {
                    let Some(ty) = self.memory(true) else { continue };
                    let part = self.part("flash", ty, span);
                    self.map(bus, vector & !0xFFFF, Some(1 << 20), part, 0, span);
                    let what =
                        "the input has no memory: a placeholder is added at the reset vector";
                    self.say(Diagnostic::new(codes::N1207, span, what));
                }
            }
        }
    }
}
