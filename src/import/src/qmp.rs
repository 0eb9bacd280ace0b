//! QMP scripts: lines of `qmp-shell` (`device_add driver=x id=y`) or JSON commands, one a line.
//!
//! Carried are the commands that build a machine: `device_add`, `sysbus-mmio-map` (with and without
//! `x-`), and `qom-set` of properties and interrupt lines. QEMU numbers interrupt lines
//! (`sysbus-irq[0]`, `unnamed-gpio-in[1]`); here they get the names of the schema, in its order.

use crate::codes;
use crate::draft::{Draft, End, Given, PartId, STUB};
use crate::names;
use crate::{Imported, Options};
use hetemu_lang::source::FileId;
use hetemu_lang::{Diagnostic, SourceMap, Span};
use hetemu_schema::{Catalog, DeviceType, PlugKind, RegionKind};
use serde_json::Value as Json;

/// One command: its name, its arguments in order, its place.
#[derive(Debug, Clone)]
pub(crate) struct Command {
    pub(crate) name: String,
    pub(crate) args: Vec<(String, Json)>,
    pub(crate) span: Span,
}

/// Commands that shape nothing that a machine describes.
const SILENT: &[&str] = &["x-machine-init", "x-exit-preconfig", "qmp_capabilities", "cont", "quit"];

/// Reads a script.
pub fn import(sources: &SourceMap, file: FileId, catalog: &Catalog, options: &Options) -> Imported {
    let text = sources.get(file).map_or("", |f| f.text.as_str());
    let stem = sources.get(file).map_or("machine", |f| file_stem(&f.name));
    let mut b = Builder::new(catalog, stem);
    b.d.doc.push(format!("Imported from the QMP script {stem}."));
    let mut at = 0u32;
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim();
        let start = at + (line.len() - line.trim_start().len()) as u32;
        let span = Span { file, start, end: start + trimmed.len() as u32 };
        at += line.len() as u32;
        if trimmed.is_empty() || trimmed.starts_with('#') || trimmed.starts_with("//") {
            continue;
        }
        match command(trimmed, span) {
            Some(c) => b.command(&c),
            None => b.d.say(Diagnostic::new(codes::E1201, span, "this line is no command")),
        }
    }
    b.cpu(options.cpu.as_deref());
    b.renamed_lines();
    b.d.finish(options)
}

/// The name of a file without folders and ending.
pub(crate) fn file_stem(name: &str) -> &str {
    let base = name.rsplit(['/', '\\']).next().unwrap_or(name);
    base.split('.').next().filter(|s| !s.is_empty()).unwrap_or("machine")
}

/// A line as `qmp-shell` reads it, or a JSON object.
fn command(line: &str, span: Span) -> Option<Command> {
    if line.starts_with('{') {
        let json: Json = serde_json::from_str(line).ok()?;
        let name = json.get("execute").or_else(|| json.get("exec-oob"))?.as_str()?.to_string();
        let args = match json.get("arguments") {
            Some(Json::Object(map)) => map.iter().map(|(k, v)| (k.clone(), v.clone())).collect(),
            _ => Vec::new(),
        };
        return Some(Command { name, args, span });
    }
    let mut words = words(line).into_iter();
    let name = words.next()?;
    if name.contains('=') {
        return None;
    }
    let mut args = Vec::new();
    for word in words {
        let (key, value) = word.split_once('=')?;
        args.push((key.to_string(), value_of(value)));
    }
    Some(Command { name, args, span })
}

/// Words; quotes and brackets keep blanks together.
fn words(line: &str) -> Vec<String> {
    let (mut out, mut word) = (Vec::new(), String::new());
    let (mut quote, mut depth) = (None, 0u32);
    for c in line.chars() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (None, '"' | '\'') if depth == 0 => {
                quote = Some(c);
                continue;
            }
            (None, '{' | '[') => depth += 1,
            (None, '}' | ']') => depth = depth.saturating_sub(1),
            (None, c) if c.is_whitespace() && depth == 0 => {
                if !word.is_empty() {
                    out.push(std::mem::take(&mut word));
                }
                continue;
            }
            _ => {}
        }
        let closing = quote.is_none() && depth == 0 && matches!(c, '"' | '\'');
        if !closing {
            word.push(c);
        }
    }
    if !word.is_empty() {
        out.push(word);
    }
    out
}

fn value_of(text: &str) -> Json {
    serde_json::from_str(text).unwrap_or_else(|_| Json::String(text.to_string()))
}

/// A number: JSON's, or text in any base, with QEMU's suffixes.
pub(crate) fn number(v: &Json) -> Option<u64> {
    match v {
        Json::Number(n) => n.as_u64(),
        Json::String(s) => integer(s),
        _ => None,
    }
}

/// `0x4000`, `16384`, `16K`, `1.5G`.
pub(crate) fn integer(text: &str) -> Option<u64> {
    let text = text.trim();
    if let Some(hex) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return u64::from_str_radix(&hex.replace('_', ""), 16).ok();
    }
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match text.get(digits.len()..)?.to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => return None,
    };
    match digits.parse::<u64>() {
        Ok(n) => n.checked_mul(1 << shift),
        Err(_) => {
            let f: f64 = digits.parse().ok().filter(|f: &f64| f.is_finite() && *f >= 0.0)?;
            let bytes = f * (1u64 << shift) as f64;
            (bytes < u64::MAX as f64).then_some(bytes as u64)
        }
    }
}

/// A machine that commands of QEMU build.
pub(crate) struct Builder<'a> {
    pub(crate) d: Draft<'a>,
    pub(crate) main: usize,
    /// QEMU's id of each part.
    ids: Vec<(String, PartId)>,
    /// Parts whose numbered lines got names: part, first span.
    named: Vec<(PartId, Span)>,
}

impl<'a> Builder<'a> {
    pub(crate) fn new(catalog: &'a Catalog, name: &str) -> Builder<'a> {
        let mut d = Draft::new(catalog, name);
        let main = d.bus("main");
        Builder { d, main, ids: Vec::new(), named: Vec::new() }
    }

    fn command(&mut self, c: &Command) {
        match c.name.as_str() {
            "device_add" => self.device_add(c),
            "x-sysbus-mmio-map" | "sysbus-mmio-map" => self.map(c),
            "qom-set" => self.qom_set(c),
            name if SILENT.contains(&name) || name.starts_with("query-") => {}
            name => {
                let what = format!("`{name}` describes no part of a machine");
                self.d.say(Diagnostic::new(codes::W1205, c.span, what));
            }
        }
    }

    /// A device of QEMU; `None` if nothing here has its name and no place is known.
    pub(crate) fn device_add(&mut self, c: &Command) {
        let text = |key: &str| arg(c, key).and_then(Json::as_str).map(str::to_string);
        let Some(driver) = text("driver") else {
            self.d.say(Diagnostic::new(codes::E1201, c.span, "`device_add` needs `driver`"));
            return;
        };
        let id = text("id").unwrap_or_else(|| driver.clone());
        let Some(ty) = names::by_alias(self.d.catalog, &driver)
            .or_else(|| names::by_name(self.d.catalog, &driver))
        else {
            let what = format!("there is no type here for QEMU's `{driver}`");
            let mut d = Diagnostic::new(codes::W1202, c.span, what);
            if let Some(part) = self.d.stub(&id, 0x1000, c.span) {
                d = d.note("`hm.stub` stands in for it, 4 KiB long, if it is mapped");
                if let Some(p) = self.d.parts.get_mut(part) {
                    p.remark = Some(format!("to do: {driver}"));
                }
                self.ids.push((id, part));
            }
            self.d.say(d);
            return;
        };
        let ty = self.readonly(ty, c);
        let part = self.d.part(&id, ty, c.span);
        self.ids.push((id, part));
        for (key, value) in &c.args {
            if !["driver", "id", "readonly"].contains(&key.as_str()) || ty.prop(key).is_some() {
                self.property(part, key, value, c.span);
            }
        }
        let main = self.d.buses.get(self.main).map(|b| b.name.clone()).unwrap_or_default();
        for m in ty.masters {
            self.d.set(part, m.name, Given::Name(main.clone()));
        }
    }

    /// QEMU has one memory; here what the guest only reads is another type.
    fn readonly(&self, ty: &'static DeviceType, c: &Command) -> &'static DeviceType {
        let ro = arg(c, "readonly").is_some_and(|v| {
            v.as_bool().unwrap_or_else(|| matches!(v.as_str(), Some("on" | "true" | "yes")))
        });
        let ram = ty.regions.first().is_some_and(|r| r.kind == RegionKind::Ram);
        if ro && ram { self.d.memory(true).unwrap_or(ty) } else { ty }
    }

    /// One property of a part, under QEMU's name.
    pub(crate) fn property(&mut self, part: PartId, key: &str, value: &Json, span: Span) {
        let Some(ty) = self.d.parts.get(part).map(|p| p.ty) else { return };
        let kind = match key {
            "chardev" => Some(PlugKind::Serial),
            "drive" => Some(PlugKind::Block),
            "netdev" => Some(PlugKind::Net),
            _ => None,
        };
        let link = kind.and_then(|kind| ty.links.iter().find(|l| l.kind == kind));
        if let (Some(link), Some(name)) = (link, value.as_str()) {
            let plugged = (link.kind == PlugKind::Serial).then_some("stdio");
            let plug = self.d.plug(name, link.kind, plugged);
            self.d.set(part, link.name, Given::Name(plug));
            return;
        }
        let plain = key.replace('-', "_");
        let candidates = [plain.clone(), plain.trim_start_matches("num_").to_string()];
        let given = match value {
            Json::Bool(b) => Some(Given::Bool(*b)),
            Json::String(s) if matches!(s.as_str(), "on" | "off" | "true" | "false") => {
                Some(Given::Bool(matches!(s.as_str(), "on" | "true")))
            }
            _ => None,
        };
        let given = given
            .or_else(|| number(value).map(Given::Int))
            .or_else(|| value.as_str().map(|s| Given::Text(s.to_string())));
        for name in candidates {
            if ty.prop(&name).is_none() && ty.clock(&name).is_none() {
                continue;
            }
            if let Some(given) = given.clone()
                && self.d.set(part, &name, given).is_some()
            {
                return;
            }
            let texts = value.as_str().map(|s| Given::Text(s.to_string()));
            if let Some(text) = texts
                && self.d.set(part, &name, text).is_some()
            {
                return;
            }
        }
        let what = format!("`{}` has no property for `{key} = {value}`", ty.full_name());
        self.d.say(Diagnostic::new(codes::W1203, span, what));
    }

    fn find(&self, path: &str) -> Option<PartId> {
        let last = path.rsplit('/').next().unwrap_or(path);
        self.ids.iter().rev().find(|(id, _)| id == path || id == last).map(|(_, p)| *p)
    }

    fn map(&mut self, c: &Command) {
        let device = arg(c, "device").and_then(Json::as_str).unwrap_or_default().to_string();
        let (Some(part), Some(addr)) = (self.find(&device), arg(c, "addr").and_then(number)) else {
            let what = format!("`{device}` is no device of this script, or `addr` is no number");
            self.d.say(Diagnostic::new(codes::W1206, c.span, what));
            return;
        };
        let index = arg(c, "mmio").and_then(number).unwrap_or(0) as usize;
        let regions = self.d.parts.get(part).map_or(0, |p| p.ty.regions.len());
        if index >= regions {
            let what = format!("`{device}` has {regions} regions, and this maps number {index}");
            self.d.say(Diagnostic::new(codes::W1206, c.span, what));
            return;
        }
        self.d.map(self.main, addr, None, part, index, c.span);
        let above = arg(c, "priority").and_then(Json::as_i64).unwrap_or(0) > 0;
        if let Some(row) = self.d.buses.get_mut(self.main).and_then(|b| b.rows.last_mut()) {
            row.over = above;
        }
    }

    fn qom_set(&mut self, c: &Command) {
        let text = |key: &str| arg(c, key).and_then(Json::as_str).unwrap_or_default().to_string();
        let (path, property) = (text("path"), text("property"));
        let Some(part) = self.find(&path) else {
            let what = format!("`{path}` is no device of this script");
            self.d.say(Diagnostic::new(codes::W1204, c.span, what));
            return;
        };
        let value = arg(c, "value").cloned().unwrap_or(Json::Null);
        let line = property.strip_suffix(']').and_then(|p| p.split_once('['));
        let Some((name, index)) = line.and_then(|(n, i)| Some((n, i.parse::<u32>().ok()?))) else {
            self.property(part, &property, &value, c.span);
            return;
        };
        let from = match name {
            "sysbus-irq" | "unnamed-gpio-out" => self.d.output_line(part, index),
            name => self.d.output(part, &names::ident(name), index),
        };
        let sink = value.as_str().unwrap_or_default();
        let to = self.sink(sink);
        match (from, to) {
            (Some(from), Some(to)) => {
                if !self.named.iter().any(|(p, _)| *p == part) {
                    self.named.push((part, c.span));
                }
                self.d.wire(from, to, c.span);
            }
            (None, _) => {
                let ty = self.d.parts.get(part).map_or("", |p| p.ty.name);
                let what = format!("`{path}` ({ty}) has no output for `{property}`");
                self.d.say(Diagnostic::new(codes::W1204, c.span, what));
            }
            (_, None) => {
                let what = format!("`{sink}` is no input of a device of this script");
                self.d.say(Diagnostic::new(codes::W1204, c.span, what));
            }
        }
    }

    /// `plic/unnamed-gpio-in[1]`
    fn sink(&mut self, path: &str) -> Option<End> {
        let (device, line) = path.rsplit_once('/')?;
        let part = self.find(device)?;
        let (name, index) = line.strip_suffix(']')?.split_once('[')?;
        let index = index.parse().ok()?;
        match name {
            "unnamed-gpio-in" => {
                let ty = self.d.parts.get(part)?.ty;
                let port = ty.inputs.first()?.name;
                self.d.input(part, port, index)
            }
            name => self.d.input(part, &names::ident(name), index),
        }
    }

    /// The core: QEMU's command line names it, scripts do not.
    pub(crate) fn cpu(&mut self, wanted: Option<&str>) {
        let span = Span { file: 0, start: 0, end: 0 };
        let cores = || self.d.catalog.iter().filter(|t| t.core.is_some());
        let ty = match wanted {
            Some(name) => {
                let fits = |t: &&&'static DeviceType| {
                    t.name == name
                        || t.name.rsplit('.').next() == Some(name)
                        || t.aliases
                            .iter()
                            .any(|a| *a == name || a.starts_with(&format!("{name}-")))
                };
                let hit = cores().collect::<Vec<_>>();
                let hit = hit.iter().find(fits).copied();
                if hit.is_none() {
                    let known: Vec<&str> = cores().map(|t| t.name).collect();
                    let what = format!("there is no core here for `{name}`");
                    let d = Diagnostic::new(codes::W1202, span, what);
                    self.d.say(d.note(format!("cores are {}", known.join(", "))));
                }
                hit
            }
            None => {
                // A core of the same vendor as the parts, if there is just one.
                let vendors: Vec<&str> = self
                    .d
                    .parts
                    .iter()
                    .filter_map(|p| p.ty.name.split_once('.'))
                    .map(|(v, _)| v)
                    .collect();
                let all: Vec<_> = cores()
                    .filter(|t| t.name.split_once('.').is_some_and(|(v, _)| vendors.contains(&v)))
                    .collect();
                if let [one] = all.as_slice() {
                    let what = format!(
                        "the script leaves the core to QEMU's `-cpu`: `{}` is taken, the only core of the same maker",
                        one.name
                    );
                    let d = Diagnostic::new(codes::N1207, span, what);
                    self.d.say(d.help("`--cpu NAME` takes another"));
                    Some(*one)
                } else {
                    let d = Diagnostic::new(
                        codes::W1202,
                        span,
                        "the script leaves the core to QEMU's `-cpu`",
                    );
                    self.d.say(d.help("`--cpu NAME` says which"));
                    None
                }
            }
        };
        let Some(ty) = ty else { return };
        let part = self.d.part(&names::stem(ty), ty, span);
        let main = self.d.buses.get(self.main).map(|b| b.name.clone()).unwrap_or_default();
        for m in ty.masters {
            self.d.set(part, m.name, Given::Name(main.clone()));
        }
    }

    /// Says once a part which names its numbered lines got.
    fn renamed_lines(&mut self) {
        for (part, span) in std::mem::take(&mut self.named) {
            let Some(p) = self.d.parts.get(part).cloned() else { continue };
            let mut lines: Vec<End> =
                self.d.wires.iter().filter(|w| w.from.part == part).map(|w| w.from).collect();
            lines.sort_unstable();
            let names: Vec<&str> =
                lines.iter().filter_map(|e| p.ty.outputs.get(e.port)).map(|s| s.name).collect();
            let what = format!(
                "numbered interrupt lines of `{}` are named {} ({})",
                p.name,
                names.join(", "),
                p.ty.full_name()
            );
            self.d.say(Diagnostic::new(codes::N1208, span, what).path(p.name));
        }
        // A stub that nothing maps says nothing.
        for id in 0..self.d.parts.len() {
            let mapped = self
                .d
                .buses
                .iter()
                .flat_map(|b| &b.rows)
                .any(|r| matches!(r.what, crate::draft::What::Part(p, _) if p == id));
            if let Some(p) = self.d.parts.get_mut(id)
                && p.ty.name == STUB
                && !mapped
            {
                p.gone = true;
            }
        }
    }
}

fn arg<'c>(c: &'c Command, key: &str) -> Option<&'c Json> {
    c.args.iter().find(|(k, _)| k == key).map(|(_, v)| v)
}
