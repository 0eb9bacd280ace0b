//! A draft as text, and what each line of it stands for.
//!
//! The order is the data sheet's: plugs, clocks, cores, memory maps, the rest. A wire stands with
//! its driver, that of a core with the core. Equal cores in a row become an array.

use crate::draft::{Bus, Draft, End, Given, Part, PartId, What, Wire, written};
use hetemu_schema::units;
use std::collections::{BTreeMap, BTreeSet};

/// What a line states, so that it can be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Item {
    /// A part, with everything in its braces.
    Part(PartId),
    /// A property, clock, link or bus port.
    Set(PartId, &'static str),
    /// A wire.
    Wire(usize),
    /// A row of a bus.
    Row(usize, usize),
}

/// The text, and the items of its lines (from 0).
#[derive(Debug, Default)]
pub(crate) struct Written {
    pub(crate) text: String,
    pub(crate) items: Vec<Option<Item>>,
    short: bool,
}

impl Written {
    fn line(&mut self, text: &str, item: Option<Item>) {
        // A remark may quote the input: it stays one line.
        let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        self.text.push_str(clean.trim_end());
        self.text.push('\n');
        self.items.push(item);
    }
    fn gap(&mut self) {
        if !self.text.ends_with("\n\n") {
            self.line("", None);
        }
    }
}

/// A run of equal cores.
struct Array {
    name: String,
    cores: Vec<PartId>,
    /// Wires in the braces of the first core, as text.
    wires: Vec<(usize, String)>,
    /// Properties that count with the core, as text.
    counted: BTreeMap<&'static str, String>,
}

/// Writes the machine.
///
/// With `short` set, a few settings share a line; without it every line states one thing.
pub(crate) fn write(d: &Draft<'_>, short: bool) -> Written {
    let mut w = Written { short, ..Written::default() };
    w.line("hm 1", None);
    w.gap();
    for line in &d.doc {
        w.line(&format!("/// {line}"), None);
    }
    w.line(&format!("machine {}", d.name), None);
    w.gap();
    let names = d.plugs.iter().map(|p| p.name.len()).max().unwrap_or(0);
    let kinds = d.plugs.iter().map(|p| p.kind.word().len()).max().unwrap_or(0);
    for p in &d.plugs {
        let value = p.value.as_deref().map_or(String::new(), |v| match crate::draft::quotable(v) {
            _ if is_word(v) => format!(" = {v}"),
            true => format!(" = \"{v}\""),
            false => String::new(),
        });
        w.line(&format!("plug {:names$} : {:kinds$}{value}", p.name, p.kind.word()), None);
    }
    w.gap();
    for (name, hz) in &d.clocks {
        w.line(&format!("clock {name} = {}", units::frequency(*hz)), None);
    }
    let arrays = arrays(d);
    let in_array: BTreeSet<PartId> = arrays.iter().flat_map(|a| a.cores.clone()).collect();
    for (id, part) in live(d).filter(|(_, p)| p.ty.core.is_some()) {
        match arrays.iter().find(|a| a.cores.first() == Some(&id)) {
            Some(array) => {
                w.gap();
                let head = format!(
                    "{}[i < {}] : {} {{",
                    array.name,
                    array.cores.len(),
                    type_name(d, part)
                );
                w.line(&head, Some(Item::Part(id)));
                body(d, &mut w, id, Some(array), "  ");
                w.line("}", None);
            }
            None if in_array.contains(&id) => {}
            None => {
                w.gap();
                braces(d, &mut w, id, &format!("{} : {}", part.name, type_name(d, part)), "", None);
            }
        }
    }
    let declared = bus_maps(d, &mut w);
    let mut first = true;
    for (id, part) in live(d).filter(|(_, p)| p.ty.core.is_none()) {
        if declared.contains(&id) {
            continue;
        }
        if std::mem::take(&mut first) {
            w.gap();
        }
        let on = part.on.and_then(|(p, bus)| Some(format!(" on {}.{bus}", d.parts.get(p)?.name)));
        let head = format!("{} : {}{}", part.name, type_name(d, part), on.unwrap_or_default());
        braces(d, &mut w, id, &head, "", None);
    }
    if !d.remarks.is_empty() {
        w.gap();
        for r in &d.remarks {
            w.line(&format!("// {r}"), None);
        }
    }
    w
}

fn is_word(v: &str) -> bool {
    matches!(v, "stdio" | "null" | "user" | "none")
}

fn live<'d>(d: &'d Draft<'_>) -> impl Iterator<Item = (PartId, &'d Part)> {
    d.parts.iter().enumerate().filter(|(_, p)| !p.gone)
}

fn live_wires<'d>(d: &'d Draft<'_>) -> impl Iterator<Item = (usize, &'d Wire)> {
    let there = |e: End| d.parts.get(e.part).is_some_and(|p| !p.gone);
    d.wires.iter().enumerate().filter(move |(_, w)| !w.gone && there(w.from) && there(w.to))
}

/// The version shows where a newer one exists.
fn type_name(d: &Draft<'_>, part: &Part) -> String {
    let newest = d.catalog.versions(part.ty.name).last().is_none_or(|t| *t == part.ty);
    if newest { part.ty.name.to_string() } else { part.ty.full_name() }
}

/// Every bus with its rows; gives the parts that rows declare.
fn bus_maps(d: &Draft<'_>, w: &mut Written) -> BTreeSet<PartId> {
    let mut declared = BTreeSet::new();
    for (b, bus) in d.buses.iter().enumerate().filter(|(_, b)| !b.gone) {
        w.gap();
        w.line(&format!("bus {} {{", bus.name), None);
        for (name, value) in [("addr", bus.addr.map(u16::from)), ("width", bus.width)] {
            if let Some(value) = value {
                w.line(&format!("  {name} = {value}"), None);
            }
        }
        if bus.addr.is_some() || bus.width.is_some() {
            w.gap();
        }
        let mut rows: Vec<(usize, &crate::draft::Row)> =
            bus.rows.iter().enumerate().filter(|(_, r)| !r.gone && there(d, r.what)).collect();
        rows.sort_by_key(|(_, r)| r.base);
        let bits = bits(bus);
        let texts: Vec<(String, String)> = rows.iter().map(|(_, r)| place(d, r, bits)).collect();
        let extent = texts.iter().map(|t| t.1.len()).max().unwrap_or(0);
        let called = |r: &crate::draft::Row| {
            let flags = [(r.over, " over"), (r.ro, " ro")];
            let flags = flags.iter().filter(|f| f.0).map(|f| f.1);
            format!("{}{}", row_name(d, r), flags.collect::<String>())
        };
        let names = rows.iter().map(|(_, r)| called(r).len()).max().unwrap_or(0);
        for ((n, row), (at, size)) in rows.iter().zip(&texts) {
            let name = called(row);
            let head = format!("  {at}{size:extent$}   {name}");
            let item = Item::Row(b, *n);
            let What::Part(id, _) = row.what else {
                w.line(&head, Some(item));
                continue;
            };
            let Some(part) = d.parts.get(id) else { continue };
            if part.ty.regions.len() == 1 && declared.insert(id) {
                let pad = " ".repeat(names - name.len().min(names));
                let head = format!("{head}{pad} : {}", type_name(d, part));
                braces(d, w, id, &head, "  ", Some(item));
            } else {
                w.line(&head, Some(item));
            }
        }
        w.line("}", None);
    }
    declared
}

fn there(d: &Draft<'_>, what: What) -> bool {
    match what {
        What::Part(id, _) => d.parts.get(id).is_some_and(|p| !p.gone),
        What::Bus(id, _) => d.buses.get(id).is_some_and(|b| !b.gone),
    }
}

/// Hexadecimal digits of the bus' addresses, in bits.
fn bits(bus: &Bus) -> u8 {
    let last = bus.rows.iter().filter(|r| !r.gone).map(|r| r.base.saturating_add(r.size - 1)).max();
    let needed = 64 - last.unwrap_or(0).leading_zeros() as u8;
    bus.addr.unwrap_or(32).max(needed.min(64)).div_ceil(4) * 4
}

/// Address and extent of a row. What knows its own size has none.
fn place(d: &Draft<'_>, row: &crate::draft::Row, bits: u8) -> (String, String) {
    let says = match row.what {
        What::Part(id, region) => d.parts.get(id).is_some_and(|p| {
            p.ty.regions.get(region).is_some_and(|r| r.size.is_none())
                && !p.set.contains_key("size")
        }),
        What::Bus(..) => true,
    };
    let size = if says { format!(" + {:>8}", units::size(row.size)) } else { String::new() };
    (units::address(row.base, bits), size)
}

fn row_name(d: &Draft<'_>, row: &crate::draft::Row) -> String {
    match row.what {
        What::Part(id, region) => {
            let Some(p) = d.parts.get(id) else { return String::new() };
            match p.ty.regions.get(region) {
                Some(r) if p.ty.regions.len() > 1 => format!("{}.{}", p.name, r.name),
                _ => p.name.clone(),
            }
        }
        What::Bus(id, at) => {
            let name = d.buses.get(id).map_or("", |b| b.name.as_str());
            if at == 0 { name.to_string() } else { format!("{name} @ {}", units::hex(at)) }
        }
    }
}

/// A declaration with its braces: none if there is nothing in them, one line if it is short.
fn braces(
    d: &Draft<'_>,
    w: &mut Written,
    id: PartId,
    head: &str,
    indent: &str,
    item: Option<Item>,
) {
    let item = item.or(Some(Item::Part(id)));
    let mut inner = Written::default();
    body(d, &mut inner, id, None, &format!("{indent}  "));
    let remark = d.parts.get(id).and_then(|p| p.remark.as_deref());
    let remark = remark.map_or(String::new(), |r| format!("   // {r}"));
    let lines: Vec<&str> = inner.text.lines().collect();
    match lines.as_slice() {
        [] => w.line(&format!("{head}{remark}"), item),
        [one] if head.len() + one.len() < 90 && !one.contains("//") => {
            let item = inner.items.first().copied().flatten().or(item);
            w.line(&format!("{head} {{ {} }}{remark}", one.trim()), item);
        }
        few if w.short && few.len() <= 3 && !inner.text.contains("//") && {
            let len: usize = few.iter().map(|l| l.trim().len() + 2).sum();
            head.len() + len + remark.len() < 92
        } =>
        {
            let plain = |l: &&str| l.split_whitespace().collect::<Vec<_>>().join(" ");
            let joined: Vec<String> = few.iter().map(plain).collect();
            w.line(&format!("{head} {{ {} }}{remark}", joined.join(", ")), item);
        }
        _ => {
            w.line(&format!("{head} {{{remark}"), item);
            for (line, item) in lines.iter().zip(&inner.items) {
                w.line(line, *item);
            }
            w.line(&format!("{indent}}}"), None);
        }
    }
}

/// What stands in the braces of a part: settings, then wires, each group aligned.
fn body(d: &Draft<'_>, w: &mut Written, id: PartId, array: Option<&Array>, indent: &str) {
    let Some(part) = d.parts.get(id) else { return };
    // (left, sign, right, item)
    let mut lines: Vec<(String, &str, String, Item)> = Vec::new();
    let order = (part.ty.masters.iter().map(|m| m.name))
        .chain(part.ty.clocks.iter().map(|c| c.name))
        .chain(part.ty.props.iter().map(|p| p.name))
        .chain(part.ty.links.iter().map(|l| l.name));
    for name in order {
        let Some(value) = part.set.get(name) else { continue };
        let counted = array.and_then(|a| a.counted.get(name)).cloned();
        if let Some(text) = counted.or_else(|| written(part, name, value)) {
            lines.push((name.to_string(), "=", text, Item::Set(id, name)));
        }
    }
    for name in &part.none {
        lines.push(((*name).to_string(), "<-", "none".into(), Item::Part(id)));
    }
    let core = part.ty.core.is_some();
    let remark = |w: &Wire| w.remark.as_ref().map_or(String::new(), |r| format!("   // {r}"));
    match array {
        Some(array) => {
            for (n, from) in &array.wires {
                let Some(wire) = d.wires.get(*n) else { continue };
                let text = format!("{from}{}", remark(wire));
                lines.push((own(part, wire.to, true), "<-", text, Item::Wire(*n)));
            }
        }
        None => {
            for (n, wire) in live_wires(d) {
                let to_core = d.parts.get(wire.to.part).is_some_and(|p| p.ty.core.is_some());
                if core && wire.to.part == id {
                    let text = format!("{}{}", d.end_text(wire.from, false), remark(wire));
                    lines.push((own(part, wire.to, true), "<-", text, Item::Wire(n)));
                } else if wire.from.part == id && !to_core {
                    let text = format!("{}{}", d.end_text(wire.to, true), remark(wire));
                    lines.push((own(part, wire.from, false), "->", text, Item::Wire(n)));
                }
            }
        }
    }
    let left = lines.iter().map(|l| l.0.len()).max().unwrap_or(0);
    let arrows = lines.iter().any(|l| l.1 != "=");
    for (name, sign, value, item) in lines {
        let sign = if arrows && sign == "=" { "= " } else { sign };
        w.line(&format!("{indent}{name:left$} {sign} {value}"), Some(item));
    }
}

/// A port as its own part calls it.
fn own(part: &Part, e: End, input: bool) -> String {
    let s = if input { part.ty.inputs.get(e.port) } else { part.ty.outputs.get(e.port) };
    let Some(s) = s else { return String::new() };
    let index = if s.width.is_some() { format!("[{}]", e.index) } else { String::new() };
    format!("{}{index}", s.name)
}

/// Runs of cores that differ only by what counts with them.
fn arrays(d: &Draft<'_>) -> Vec<Array> {
    let cores: Vec<(PartId, &Part)> = live(d).filter(|(_, p)| p.ty.core.is_some()).collect();
    let mut out = Vec::new();
    let mut at = 0;
    while at < cores.len() {
        let Some((first, head)) = cores.get(at).copied() else { break };
        let Some(stem) = head.name.strip_suffix('0') else {
            at += 1;
            continue;
        };
        let same = |k: usize| {
            cores.get(at + k).is_some_and(|(_, p)| {
                p.name == format!("{stem}{k}")
                    && p.ty == head.ty
                    && p.none == head.none
                    && p.set.keys().eq(head.set.keys())
            })
        };
        let n = (0..).take_while(|k| same(*k)).count();
        let ids: Vec<PartId> = cores.iter().skip(at).take(n).map(|c| c.0).collect();
        let taken = d.names_with(stem.trim_end_matches('_'));
        match (n > 1 && !taken).then(|| array(d, stem.trim_end_matches('_'), first, &ids)).flatten()
        {
            Some(array) => {
                out.push(array);
                at += n;
            }
            None => at += 1,
        }
    }
    out
}

fn array(d: &Draft<'_>, name: &str, first: PartId, cores: &[PartId]) -> Option<Array> {
    let part = |id: &PartId| d.parts.get(*id);
    let mut counted = BTreeMap::new();
    for (key, value) in &part(&first)?.set {
        let all: Vec<&Given> =
            cores.iter().map(|c| part(c)?.set.get(key)).collect::<Option<_>>()?;
        if all.iter().all(|v| *v == value) {
            continue;
        }
        let numbers: Vec<u64> = all
            .iter()
            .map(|v| if let Given::Int(n) = v { Some(*n) } else { None })
            .collect::<Option<_>>()?;
        counted.insert(*key, linear(&numbers)?);
    }
    let into = |id: PartId| {
        let mut all: Vec<(usize, &Wire)> = live_wires(d).filter(|(_, w)| w.to.part == id).collect();
        all.sort_by_key(|(_, w)| w.to);
        all
    };
    // What a core drives cannot be said in an array.
    if live_wires(d).any(|(_, w)| cores.contains(&w.from.part)) {
        return None;
    }
    let of: Vec<Vec<(usize, &Wire)>> = cores.iter().map(|c| into(*c)).collect();
    let mut wires = Vec::new();
    for (k, (n, w)) in of.first()?.iter().enumerate() {
        let twins: Vec<&Wire> =
            of.iter().map(|l| l.get(k).map(|(_, w)| *w)).collect::<Option<_>>()?;
        let fits = |t: &&Wire| {
            (t.to.port, t.to.index) == (w.to.port, w.to.index)
                && (t.from.part, t.from.port) == (w.from.part, w.from.port)
        };
        if !twins.iter().all(fits) {
            return None;
        }
        let lines: Vec<u64> = twins.iter().map(|t| u64::from(t.from.index)).collect();
        let driver = d.parts.get(w.from.part)?;
        let port = driver.ty.outputs.get(w.from.port)?;
        wires.push((*n, format!("{}.{}[{}]", driver.name, port.name, linear(&lines)?)));
    }
    if of.iter().any(|l| l.len() != wires.len()) {
        return None;
    }
    Some(Array { name: name.to_string(), cores: cores.to_vec(), wires, counted })
}

/// `i`, `2*i + 1`: an expression that gives these numbers for i = 0, 1, ...
fn linear(numbers: &[u64]) -> Option<String> {
    let (first, second) = (*numbers.first()?, *numbers.get(1)?);
    let step = second.checked_sub(first).filter(|s| *s > 0)?;
    let fits =
        |(i, n): (usize, &u64)| step.checked_mul(i as u64)?.checked_add(first).map(|v| v == *n);
    if !numbers.iter().enumerate().all(|e| fits(e) == Some(true)) {
        return None;
    }
    let scaled = if step == 1 { String::from("i") } else { format!("{step}*i") };
    Some(if first == 0 { scaled } else { format!("{scaled} + {first}") })
}
