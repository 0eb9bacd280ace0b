//! Reference pages of types: what `hetemu device NAME` prints, and the same as Markdown for the
//! book.
//!
//! Both are made of one list of sections, so that they cannot drift apart.

use crate::catalog::Catalog;
use crate::types::*;
use crate::units;
use std::fmt::Write;

/// A titled table of a page.
struct Section {
    title: &'static str,
    heads: &'static [&'static str],
    rows: Vec<Vec<String>>,
}

/// The page of one type as plain text, for a terminal. `versions` are all versions of the name.
pub fn text(ty: &DeviceType, versions: &[&DeviceType]) -> String {
    let mut out = format!("{}   {}\n", ty.full_name(), ty.summary);
    for (label, value) in facts(ty) {
        _ = writeln!(out, "  {label:<11} {value}");
    }
    for section in sections(ty) {
        _ = write!(out, "\n{}\n{}", section.title.to_uppercase(), table(&section.rows, "  "));
    }
    for region in ty.regions {
        _ = writeln!(out, "\nREGION {}   {}", region.name, region_facts(region));
        out.push_str(&table(&registers(region, false), "  "));
    }
    let history = versions_rows(versions);
    if !history.is_empty() {
        _ = write!(out, "\nVERSIONS\n{}", table(&history, "  "));
    }
    out
}

/// The page of one type as Markdown, with a heading of the given depth.
pub fn markdown(ty: &DeviceType, versions: &[&DeviceType], depth: usize) -> String {
    let (h, sub) = ("#".repeat(depth.max(1)), "#".repeat(depth.max(1) + 1));
    let mut out = format!("{h} `{}`\n\n{}.\n", ty.full_name(), ty.summary);
    let facts = facts(ty);
    if !facts.is_empty() {
        out.push('\n');
    }
    for (label, value) in facts {
        _ = writeln!(out, "- {label}: {value}");
    }
    for section in sections(ty) {
        _ = write!(out, "\n{sub} {}\n\n{}", section.title, pipes(section.heads, &section.rows));
    }
    for region in ty.regions {
        _ = write!(out, "\n{sub} Region `{}`\n\n{}.\n", region.name, region_facts(region));
        if !region.regs.is_empty() {
            let heads = ["Offset", "Register", "Access", "Bits", "Reset", "Meaning"];
            _ = write!(out, "\n{}", pipes(&heads, &registers(region, true)));
        }
    }
    let history = versions_rows(versions);
    if !history.is_empty() {
        _ = write!(out, "\n{sub} Versions\n\n{}", pipes(&["Version", "Notes"], &history));
    }
    out
}

/// One line a type name that contains `filter`: name, versions, summary of the newest.
pub fn list(catalog: &Catalog, filter: &str) -> String {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for ty in catalog.iter().filter(|t| t.name.contains(filter)) {
        let version = format!("@{}", ty.version);
        match rows.last_mut() {
            Some(row) if row[0] == ty.name => {
                row[1] = format!("{} {version}", row[1]);
                row[2] = ty.summary.into();
            }
            _ => rows.push(vec![ty.name.into(), version, ty.summary.into()]),
        }
    }
    table(&rows, "")
}

fn facts(ty: &DeviceType) -> Vec<(&'static str, String)> {
    let mut out = Vec::new();
    let mut add = |label, value: String| {
        if !value.is_empty() {
            out.push((label, value));
        }
    };
    add("deprecated", ty.deprecated.unwrap_or("").into());
    add("follows", ty.spec.into());
    add("compatible", ty.compatible.join(", "));
    add("also called", ty.aliases.join(", "));
    if let Some(core) = &ty.core {
        add("core", core_facts(core));
        for (name, value) in core.facts {
            add(name, (*value).into());
        }
    }
    add(
        "sits on",
        ty.attaches
            .map_or(String::new(), |kind| format!("a bus of kind {}", kind.replace(' ', " or "))),
    );
    let buses: Vec<_> = ty.buses.iter().map(|b| format!("{} ({})", b.name, b.kind)).collect();
    add("has buses", buses.join(", "));
    out
}

fn core_facts(core: &Core) -> String {
    format!(
        "{}, {} bits, {}-endian, {} pages, {} physical address bits, starts at {}",
        core.isa,
        core.bits,
        endian(core.endian),
        units::size(core.page),
        core.phys_bits,
        units::hex(core.reset_vector)
    )
}

fn endian(e: Endian) -> &'static str {
    match e {
        Endian::Little => "little",
        Endian::Big => "big",
    }
}

fn sections(ty: &DeviceType) -> Vec<Section> {
    let props = ty
        .props
        .iter()
        .map(|p| vec![p.name.into(), p.ty.to_string(), default(p), range(p), notes(p)]);
    let clocks = ty.clocks.iter().map(|c| {
        let what = match (c.default_hz, c.optional) {
            (Some(hz), _) => format!("{} if not driven", units::frequency(hz)),
            (None, true) => "optional".into(),
            (None, false) => "required".into(),
        };
        vec![c.name.into(), what]
    });
    let resets = ty.resets.iter().map(|r| vec![r.name.into(), need(r.optional)]);
    let links =
        ty.links.iter().map(|l| vec![l.name.into(), l.kind.word().into(), need(l.optional)]);
    let masters = ty
        .masters
        .iter()
        .map(|m| vec![m.name.into(), format!("up to {} bytes", m.width), need(m.optional)]);
    let signals = |list: &'static [Signal]| list.iter().map(signal).collect();
    let all = [
        ("Properties", &["Name", "Type", "Default", "Range", "Meaning"][..], props.collect()),
        ("Clocks", &["Name", "Frequency"], clocks.collect()),
        ("Resets", &["Name", ""], resets.collect()),
        ("Plugs", &["Name", "Kind", ""], links.collect()),
        ("Bus ports", &["Name", "Accesses", ""], masters.collect()),
        ("Inputs", &["Name", "Kind", "", "Meaning"], signals(ty.inputs)),
        ("Outputs", &["Name", "Kind", "", "Meaning"], signals(ty.outputs)),
    ];
    let made = all.into_iter().map(|(title, heads, rows): (_, _, Vec<Vec<String>>)| Section {
        title,
        heads,
        rows,
    });
    made.filter(|s| !s.rows.is_empty()).collect()
}

fn need(optional: bool) -> String {
    if optional { "optional" } else { "required" }.into()
}

fn default(p: &Property) -> String {
    match p.default {
        Some(Literal::Int(n)) => format!("= {}", p.ty.number(n)),
        Some(Literal::Bool(b)) => format!("= {b}"),
        Some(Literal::Str(s)) if p.ty == PropType::String => format!("= {s:?}"),
        Some(Literal::Str(s)) => format!("= {s}"),
        None => need(p.optional),
    }
}

fn range(p: &Property) -> String {
    match (p.min, p.max) {
        (None, None) => String::new(),
        (min, None) => format!("{} ..", p.ty.number(min.unwrap_or(0))),
        (min, Some(max)) => {
            format!("{} .. {}", p.ty.number(min.unwrap_or(0)), p.ty.number(max))
        }
    }
}

fn notes(p: &Property) -> String {
    let mut notes: Vec<&str> = vec![p.doc];
    notes.extend(p.unstable.then_some("may change without a new version"));
    notes.extend(p.host.then_some("not visible to the guest"));
    notes.retain(|n| !n.is_empty());
    notes.join("; ")
}

fn signal(s: &Signal) -> Vec<String> {
    let kind = match s.kind {
        SignalKind::Level => "level",
        SignalKind::Edge => "edge",
        SignalKind::Pulse => "pulse",
        SignalKind::Rate => "rate",
    };
    let name = match s.width {
        None => s.name.to_string(),
        Some(count) => format!("{}[{}]", s.name, lines(count, s.first)),
    };
    vec![name, kind.into(), need(s.optional), s.doc.into()]
}

/// `0 .. 7`, `1 .. sources`, `0 .. 2*harts`.
fn lines(count: Count, first: u32) -> String {
    let last = match count.prop {
        None => (count.add + u64::from(first)).saturating_sub(1).to_string(),
        Some(p) => {
            let scaled = if count.mul == 1 { p.to_string() } else { format!("{}*{p}", count.mul) };
            let add = i128::from(count.add) + i128::from(first) - 1;
            match add {
                0 => scaled,
                n if n > 0 => format!("{scaled}+{n}"),
                n => format!("{scaled}{n}"),
            }
        }
    };
    format!("{first} .. {last}")
}

fn region_facts(r: &Region) -> String {
    let kind = match r.kind {
        RegionKind::Mmio => "registers",
        RegionKind::Ram => "RAM",
        RegionKind::Rom => "ROM",
        RegionKind::Window => "window",
    };
    let size = match r.size {
        None => "as long as its row".to_string(),
        Some(Count { prop: None, add, .. }) => units::size(add),
        Some(Count { prop: Some(p), mul, add }) => {
            let scaled = if mul == 1 { p.to_string() } else { format!("{mul}*{p}") };
            if add == 0 { format!("{scaled} bytes") } else { format!("{scaled}+{add} bytes") }
        }
    };
    let mut out = format!("{kind}, {size}");
    if r.kind == RegionKind::Mmio {
        let widths: Vec<String> =
            (0..4).filter(|n| r.access & (1 << n) != 0).map(|n| (1 << n).to_string()).collect();
        let order = r.endian.map_or(String::new(), |e| format!(", {}-endian", endian(e)));
        _ = write!(out, "{order}, accesses of {} bytes", widths.join(", "));
    }
    out
}

/// Offset, name, access, bits, reset, meaning; fields follow their register.
fn registers(region: &Region, code: bool) -> Vec<Vec<String>> {
    let most = region.regs.iter().map(|r| r.offset).max().unwrap_or(0);
    let bits = if most < 0x100 {
        8
    } else if most < 0x1000 {
        12
    } else {
        32
    };
    let mut rows = Vec::new();
    for r in region.regs {
        let name = match r.count {
            0 | 1 => r.name.to_string(),
            n => format!("{}[0 .. {}]", r.name, n - 1),
        };
        let mut doc = r.doc.to_string();
        if r.count > 1 && r.stride != u32::from(r.bits / 8) {
            let apart = format!("{} apart", units::hex(r.stride.into()));
            doc = if doc.is_empty() { apart } else { format!("{doc}; {apart}") };
        }
        if r.read_effect && doc.is_empty() {
            doc = "Reading changes state".into();
        }
        rows.push(vec![
            units::address(r.offset, bits),
            if code { format!("`{name}`") } else { name },
            r.access.word().into(),
            r.bits.to_string(),
            r.reset.map_or(String::new(), units::hex),
            doc,
        ]);
        for f in r.fields {
            let span = match f.lsb == f.msb {
                true => f.lsb.to_string(),
                false => format!("{} .. {}", f.lsb, f.msb),
            };
            rows.push(vec![
                String::new(),
                format!("  {}", f.name),
                f.access.map_or("", Access::word).into(),
                span,
                String::new(),
                String::new(),
            ]);
        }
    }
    rows
}

fn versions_rows(versions: &[&DeviceType]) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for ty in versions {
        let mut notes = vec![ty.summary.to_string()];
        notes.extend(ty.deprecated.map(|d| format!("deprecated: {d}")));
        notes.extend(ty.state.from.iter().map(|(v, what)| format!("state from {v}: {what}")));
        rows.push(vec![format!("@{}", ty.version), notes.join("; ")]);
    }
    if versions.len() > 1 { rows } else { Vec::new() }
}

/// Columns as wide as their widest cell, without trailing blanks.
fn table(rows: &[Vec<String>], indent: &str) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |i: usize| {
        rows.iter().filter_map(|r| r.get(i)).map(|c| c.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut out = String::new();
    for row in rows {
        let mut line = indent.to_string();
        for (cell, w) in row.iter().zip(&widths).filter(|(_, w)| **w > 0) {
            _ = write!(line, "{cell:w$}   ");
        }
        _ = writeln!(out, "{}", line.trim_end());
    }
    out
}

fn pipes(heads: &[&str], rows: &[Vec<String>]) -> String {
    let used: Vec<usize> = (0..heads.len())
        .filter(|i| rows.iter().any(|r| r.get(*i).is_some_and(|c| !c.is_empty())))
        .collect();
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut out = line(used.iter().map(|i| heads[*i].to_string()).collect());
    out.push_str(&line(used.iter().map(|_| "---".to_string()).collect()));
    for row in rows {
        let cell = |i: &usize| row.get(*i).map_or(String::new(), |c| c.replace('|', "\\|"));
        out.push_str(&line(used.iter().map(cell).collect()));
    }
    out
}
