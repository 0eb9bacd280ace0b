//! The object model of QMP on a machine in the making: `device_add`, `sysbus-mmio-map` and
//! `qom-set` with QEMU's names of types, properties, lines and paths.
//!
//! The importer of scripts and the QMP server fill the same [`Draft`] through this one mapping.

use crate::codes;
use crate::draft::{Draft, End, Given, PartId, STUB};
use crate::names;
use hetemu_lang::{Diagnostic, Span};
use hetemu_schema::{Catalog, DeviceType, PlugKind, RegionKind};
use serde_json::Value as Json;

/// One command: its name, its arguments in order, its place.
#[derive(Debug, Clone)]
pub struct Command {
    /// As QMP calls it.
    pub name: String,
    /// Names and values.
    pub args: Vec<(String, Json)>,
    /// Where a script has it.
    pub span: Span,
}

/// Commands that shape nothing that a machine describes.
const SILENT: &[&str] = &["x-machine-init", "x-exit-preconfig", "qmp_capabilities", "cont", "quit"];

/// A number: JSON's, or text in any base, with QEMU's suffixes.
pub fn number(v: &Json) -> Option<u64> {
    match v {
        Json::Number(n) => n.as_u64(),
        Json::String(s) => integer(s),
        _ => None,
    }
}

/// `0x4000`, `16384`, `16K`, `1.5G`.
pub fn integer(text: &str) -> Option<u64> {
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

/// Why a value is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Misfit {
    /// The type has nothing of that name.
    Unknown,
    /// The type has it, and takes something else: what.
    Wrong(String),
}

/// A machine that commands of QEMU build.
#[derive(Debug)]
pub struct Builder<'a> {
    /// The machine.
    pub d: Draft<'a>,
    /// The bus that everything is mapped on.
    pub main: usize,
    /// QEMU's id of each part.
    ids: Vec<(String, PartId)>,
    /// Parts whose numbered lines got names: part, first span.
    named: Vec<(PartId, Span)>,
}

impl<'a> Builder<'a> {
    /// An empty machine with one bus, `main`.
    pub fn new(catalog: &'a Catalog, name: &str) -> Builder<'a> {
        let mut d = Draft::new(catalog, name);
        let main = d.bus("main");
        Builder { d, main, ids: Vec::new(), named: Vec::new() }
    }

    /// Carries out a command; what it could not do is told in the draft.
    pub fn command(&mut self, c: &Command) {
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
    pub fn device_add(&mut self, c: &Command) {
        let text = |key: &str| arg(c, key).and_then(Json::as_str).map(str::to_string);
        let Some(driver) = text("driver") else {
            self.d.say(Diagnostic::new(codes::E1201, c.span, "`device_add` needs `driver`"));
            return;
        };
        let id = text("id").unwrap_or_else(|| driver.clone());
        let Some(ty) = self.type_of(&driver) else {
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
            let own = ["driver", "id", "readonly"].contains(&key.as_str());
            if key == "bus" && ty.attaches.is_some() {
                let place = value.as_str().unwrap_or_default();
                if self.attach(part, place).is_none() {
                    let what = format!("`{place}` is no bus that `{}` can sit on", ty.full_name());
                    self.d.say(Diagnostic::new(codes::W1204, c.span, what));
                }
            } else if !own || ty.prop(key).is_some() {
                self.property(part, key, value, c.span);
            }
        }
        let main = self.d.buses.get(self.main).map(|b| b.name.clone()).unwrap_or_default();
        for m in ty.masters {
            let set = self.d.parts.get(part).is_some_and(|p| p.set.contains_key(m.name));
            if !set {
                self.d.set(part, m.name, Given::Name(main.clone()));
            }
        }
    }

    /// The type of one of QEMU's names, or of its own.
    pub fn type_of(&self, driver: &str) -> Option<&'static DeviceType> {
        let exact = || self.d.catalog.iter().find(|t| t.full_name() == driver);
        let own = || names::by_name(self.d.catalog, driver).or_else(exact);
        names::by_alias(self.d.catalog, driver).or_else(own)
    }

    /// Puts a part on a child bus: `virtio0`, `virtio0.virtio`, or QEMU's `virtio-mmio-bus.0`.
    fn attach(&mut self, part: PartId, place: &str) -> Option<()> {
        let ty = self.d.parts.get(part)?.ty;
        let fits = |id: PartId| {
            let buses = self.d.parts.get(id)?.ty.buses;
            buses.iter().find(|b| ty.sits_on(b.kind)).map(|b| (id, b.name))
        };
        let named = || {
            let (host, bus) = place.rsplit_once('.').unwrap_or((place, ""));
            let id = self.find(host)?;
            fits(id).filter(|(_, name)| bus.is_empty() || *name == bus)
        };
        let counted = || {
            let n: usize = place.rsplit_once('.')?.1.parse().ok()?;
            (0..self.d.parts.len()).filter_map(fits).nth(n)
        };
        let on = self.find(place).and_then(fits).or_else(named).or_else(counted)?;
        self.d.parts.get_mut(part)?.on = Some(on);
        Some(())
    }

    /// QEMU has one memory; here what the guest only reads is another type.
    fn readonly(&self, ty: &'static DeviceType, c: &Command) -> &'static DeviceType {
        let ro = arg(c, "readonly").is_some_and(|v| {
            v.as_bool().unwrap_or_else(|| matches!(v.as_str(), Some("on" | "true" | "yes")))
        });
        let ram = ty.regions.first().is_some_and(|r| r.kind == RegionKind::Ram);
        if ro && ram { self.d.memory(true).unwrap_or(ty) } else { ty }
    }

    /// One property of a part, under QEMU's name; a misfit is told in the draft.
    pub(crate) fn property(&mut self, part: PartId, key: &str, value: &Json, span: Span) {
        let Some(ty) = self.d.parts.get(part).map(|p| p.ty) else { return };
        if self.give(part, key, value).is_err() {
            let what = format!("`{}` has no property for `{key} = {value}`", ty.full_name());
            self.d.say(Diagnostic::new(codes::W1203, span, what));
        }
    }

    /// Gives a part a property, a clock, a plug or a bus, under QEMU's name or its own.
    pub fn give(&mut self, part: PartId, key: &str, value: &Json) -> Result<(), Misfit> {
        let Some(ty) = self.d.parts.get(part).map(|p| p.ty) else { return Err(Misfit::Unknown) };
        let kind = match key {
            "chardev" => Some(PlugKind::Serial),
            "drive" => Some(PlugKind::Block),
            "netdev" => Some(PlugKind::Net),
            _ => None,
        };
        let link = kind.and_then(|kind| ty.links.iter().find(|l| l.kind == kind));
        if let Some(link) = link.or_else(|| ty.link(key)) {
            let wrong = || Misfit::Wrong(format!("the name of a plug ({})", link.kind.word()));
            let name = value.as_str().filter(|n| !n.is_empty()).ok_or_else(wrong)?;
            let plugged = (link.kind == PlugKind::Serial).then_some("stdio");
            let plug = self.d.plug(name, link.kind, plugged);
            self.d.set(part, link.name, Given::Name(plug));
            return Ok(());
        }
        if ty.master(key).is_some() {
            let name = value.as_str().unwrap_or_default();
            let name = name.rsplit('/').next().unwrap_or(name);
            if !self.d.buses.iter().any(|b| b.name == name) {
                return Err(Misfit::Wrong(String::from("the name of a bus")));
            }
            self.d.set(part, key, Given::Name(name.to_string()));
            return Ok(());
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
        let mut misfit = Misfit::Unknown;
        for name in candidates {
            let Some(expected) = expected(ty, &name) else { continue };
            let text = value.as_str().map(|s| Given::Text(s.to_string()));
            // A part is named by its path.
            let part_name = value.as_str().and_then(|path| {
                let id = self.find(path)?;
                self.d.parts.get(id).map(|p| Given::Name(p.name.clone()))
            });
            let forms = [given.clone(), text, part_name];
            if forms.into_iter().flatten().any(|g| self.d.set(part, &name, g).is_some()) {
                return Ok(());
            }
            misfit = Misfit::Wrong(expected);
        }
        Err(misfit)
    }

    /// The part of a path, whose last name is its id.
    pub fn find(&self, path: &str) -> Option<PartId> {
        let last = path.rsplit('/').next().unwrap_or(path);
        self.ids.iter().rev().find(|(id, _)| id == path || id == last).map(|(_, p)| *p)
    }

    /// Takes over the parts of another machine, so that paths to them lead somewhere.
    pub fn copy_ids(&mut self, other: &Builder<'_>) {
        self.d.parts.clone_from(&other.d.parts);
        self.ids.clone_from(&other.ids);
    }

    /// Every part that a command made, with its id.
    pub fn ids(&self) -> impl Iterator<Item = (&str, PartId)> {
        self.ids.iter().map(|(id, part)| (id.as_str(), *part))
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
        let ty = self.d.parts.get(part).map(|p| p.ty);
        if ty.is_some_and(|ty| ty.input(&property).is_some()) && value.as_str() == Some("none") {
            let name = ty.and_then(|ty| ty.input(&property)).map(|i| i.name);
            if let Some(p) = self.d.parts.get_mut(part) {
                p.none.extend(name);
            }
            return;
        }
        if !self.is_line(part, &property) {
            self.property(part, &property, &value, c.span);
            return;
        }
        let from = self.line(part, &property);
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

    /// Whether a property of QOM is a line: `sysbus-irq[0]`, `tx_empty`.
    pub fn is_line(&self, part: PartId, property: &str) -> bool {
        let numbered = property.strip_suffix(']').and_then(|p| p.split_once('['));
        let ty = self.d.parts.get(part).map(|p| p.ty);
        numbered.is_some_and(|(_, i)| i.parse::<u32>().is_ok())
            || ty.is_some_and(|ty| ty.output(property).is_some())
    }

    /// The output that a property of QOM is.
    pub fn line(&mut self, part: PartId, property: &str) -> Option<End> {
        let numbered = property.strip_suffix(']').and_then(|p| p.split_once('['));
        let (name, index) = match numbered {
            Some((name, index)) => (name, index.parse().ok()?),
            None => (property, 0),
        };
        match name {
            "sysbus-irq" | "unnamed-gpio-out" => self.d.output_line(part, index),
            name => self.d.output(part, &names::ident(name), index),
        }
    }

    /// `plic/unnamed-gpio-in[1]`, `ibex/external`
    pub fn sink(&mut self, path: &str) -> Option<End> {
        let (device, line) = path.rsplit_once('/')?;
        let part = self.find(device)?;
        let numbered = line.strip_suffix(']').and_then(|l| l.split_once('['));
        let (name, index) = match numbered {
            Some((name, index)) => (name, index.parse().ok()?),
            None => (line, 0),
        };
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
    pub fn cpu(&mut self, wanted: Option<&str>) {
        let span = Span { file: 0, start: 0, end: 0 };
        let cores = || self.d.catalog.iter().filter(|t| t.core.is_some());
        let ty = match wanted {
            Some(name) => {
                let hit = self.core_type(name);
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
        let name = self.d.parts.get(part).map(|p| p.name.clone()).unwrap_or_default();
        self.ids.push((name, part));
        let main = self.d.buses.get(self.main).map(|b| b.name.clone()).unwrap_or_default();
        for m in ty.masters {
            self.d.set(part, m.name, Given::Name(main.clone()));
        }
    }

    /// The core type of a word after `-cpu`.
    pub fn core_type(&self, name: &str) -> Option<&'static DeviceType> {
        let head = format!("{name}-");
        let alias = |a: &&str| *a == name || a.starts_with(&head);
        let fits = |t: &&'static DeviceType| {
            t.name == name || t.name.rsplit('.').next() == Some(name) || t.aliases.iter().any(alias)
        };
        self.d.catalog.iter().filter(|t| t.core.is_some()).find(fits)
    }

    /// Says once a part which names its numbered lines got.
    pub(crate) fn renamed_lines(&mut self) {
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

/// What a property or clock of a type takes, in words; `None` if there is none of the name.
pub fn expected(ty: &DeviceType, name: &str) -> Option<String> {
    let Some(prop) = ty.prop(name) else {
        return ty.clock(name).map(|_| String::from("frequency"));
    };
    let number = |n: u64| prop.ty.number(n);
    Some(match (prop.min, prop.max) {
        (Some(min), Some(max)) => format!("{} from {} to {}", prop.ty, number(min), number(max)),
        (Some(min), None) => format!("{}, at least {}", prop.ty, number(min)),
        (None, Some(max)) => format!("{}, at most {}", prop.ty, number(max)),
        (None, None) => prop.ty.to_string(),
    })
}
