//! The tree of objects that `qom-list` and `qom-get` walk: of a live machine, or of a draft.
//!
//! ```text
//! /machine                    the machine
//! /machine/uart               a part: properties, clocks, plugs, bus ports, outputs
//! /machine/uart/regs          a region: where it is mapped, its registers
//! /machine/uart/regs/STATUS   a register: `value`, and its fields by name (live machines)
//! /machine/ibex/registers     registers of a core (live machines)
//! /machine/main               a bus
//! ```
//!
//! Every object has one path. A path that begins in the middle (`uart`, `regs/STATUS`) leads
//! somewhere if it fits one object only.

use crate::context::Context;
use crate::draft::Draft;
use crate::error::{Error, did_you_mean};
use hetemu_control::Session;
use hetemu_graph::{Graph, Target};
use hetemu_import::draft::{Given, What};
use hetemu_import::qom::Builder;
use hetemu_machine::Running;
use hetemu_schema::{Catalog, DeviceType, Literal, Register, Signal};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Where a region is mapped first: bus, address, length.
type Mapped = Option<(String, u64, u64)>;

/// A part.
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) ty: &'static DeviceType,
    /// Properties, clocks, plugs and bus ports that have a value.
    set: BTreeMap<String, Value>,
    /// Outputs with what they drive.
    wires: Vec<(String, String)>,
    regions: Vec<Mapped>,
}

/// All objects.
pub(crate) struct Model<'s> {
    machine: String,
    pub(crate) parts: Vec<Part>,
    buses: Vec<String>,
    live: Option<&'s Running>,
}

/// An object of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Root,
    Machine,
    Part(usize),
    Region(usize, usize),
    /// Part, region, register, element.
    Register(usize, usize, usize, u32),
    CoreRegisters(usize),
    Bus(usize),
}

/// A property of an object.
pub(crate) struct Property {
    pub(crate) name: String,
    pub(crate) ty: String,
    /// It has none where nothing is set, or where it leads to a child.
    pub(crate) value: Option<Value>,
}

impl<'s> Model<'s> {
    /// Of what a command works on.
    pub(crate) fn of(cx: &'s mut Context<'_>) -> Result<Model<'s>, Error> {
        let registry = cx.monitor.registry.clone();
        Model::of_session(cx.session, registry.catalog())
    }

    /// Of a session.
    pub(crate) fn of_session(
        session: &'s mut Session,
        catalog: &Catalog,
    ) -> Result<Model<'s>, Error> {
        if let Some(draft) = session.draft_mut::<Draft>() {
            return Ok(Model::of_draft(&draft.builder(catalog)));
        }
        let live = session.machine()?;
        let mut model = Model { live: Some(live), ..Model::of_graph(live.graph()) };
        model.parts.retain(|p| !live.is_unplugged(&p.name));
        Ok(model)
    }

    fn of_graph(g: &Graph) -> Model<'s> {
        let parts = g.parts().map(|(id, p)| {
            let mut set: BTreeMap<String, Value> = BTreeMap::new();
            set.extend(p.props.iter().map(|(k, v)| (k.clone(), plain(v))));
            set.extend(p.clocks.iter().map(|(k, (hz, _))| (k.clone(), json!(hz))));
            set.extend(p.links.iter().map(|(k, plug)| (k.clone(), json!(plug))));
            let bus = |b: &hetemu_graph::BusId| json!(format!("/machine/{}", g.bus(*b).name));
            set.extend(p.masters.iter().map(|(k, b)| (k.clone(), bus(b))));
            let wires = g.wires.iter().filter(|w| w.from.part == id).filter_map(|w| {
                let output = p.ty.outputs.get(w.from.port as usize)?;
                let sink = g.part(w.to.part);
                let input = sink.ty.inputs.get(w.to.port as usize)?;
                let to = format!("/machine/{}/{}", sink.name, line(input, w.to.index));
                Some((line(output, w.from.index), to))
            });
            let mapped = |region: usize| {
                let row = |b: &'_ hetemu_graph::Bus| {
                    let fits = |r: &&hetemu_graph::Row| {
                        matches!(r.target, Target::Region { part, region: n, .. }
                            if part == id && n as usize == region)
                    };
                    b.rows.iter().find(fits).map(|r| (b.name.clone(), r.base, r.size))
                };
                g.buses.iter().find_map(row)
            };
            Part {
                name: p.name.clone(),
                ty: p.ty,
                set,
                wires: wires.collect(),
                regions: (0..p.ty.regions.len()).map(mapped).collect(),
            }
        });
        Model {
            machine: g.name.clone(),
            parts: parts.collect(),
            buses: g.buses.iter().map(|b| b.name.clone()).collect(),
            live: None,
        }
    }

    fn of_draft(b: &Builder<'_>) -> Model<'s> {
        let d = &b.d;
        let name = |id: usize| d.parts.get(id).map_or(String::new(), |p| p.name.clone());
        let parts = d.parts.iter().enumerate().map(|(id, p)| {
            let mut set = BTreeMap::new();
            for prop in p.ty.props {
                if let Some(default) = prop.default {
                    set.insert(prop.name.to_string(), literal(default));
                }
            }
            for (key, value) in &p.set {
                let value = match value {
                    Given::Int(n) => json!(n),
                    Given::Bool(b) => json!(b),
                    Given::Name(n) if p.ty.master(key).is_some() => json!(format!("/machine/{n}")),
                    Given::Text(t) | Given::Name(t) => json!(t),
                };
                set.insert((*key).to_string(), value);
            }
            let wires = d.wires.iter().filter(|w| w.from.part == id).filter_map(|w| {
                let output = p.ty.outputs.get(w.from.port)?;
                let sink = d.parts.get(w.to.part)?;
                let input = sink.ty.inputs.get(w.to.port)?;
                let to = format!("/machine/{}/{}", name(w.to.part), line(input, w.to.index));
                Some((line(output, w.from.index), to))
            });
            let mapped = |region: usize| {
                d.buses.iter().find_map(|bus| {
                    let row = bus.rows.iter().find(|r| r.what == What::Part(id, region))?;
                    Some((bus.name.clone(), row.base, row.size))
                })
            };
            Part {
                name: p.name.clone(),
                ty: p.ty,
                set,
                wires: wires.collect(),
                regions: (0..p.ty.regions.len()).map(mapped).collect(),
            }
        });
        Model {
            machine: d.name.clone(),
            parts: parts.collect(),
            buses: d.buses.iter().map(|b| b.name.clone()).collect(),
            live: None,
        }
    }

    /// The one path of an object.
    pub(crate) fn path(&self, place: &Place) -> String {
        let part = |p: usize| self.parts.get(p).map_or("", |p| p.name.as_str());
        let region = |p: usize, r: usize| {
            let ty = self.parts.get(p).map(|p| p.ty);
            ty.and_then(|ty| ty.regions.get(r)).map_or("", |r| r.name)
        };
        match *place {
            Place::Root => "/".into(),
            Place::Machine => "/machine".into(),
            Place::Part(p) => format!("/machine/{}", part(p)),
            Place::Region(p, r) => format!("/machine/{}/{}", part(p), region(p, r)),
            Place::CoreRegisters(p) => format!("/machine/{}/registers", part(p)),
            Place::Bus(b) => format!("/machine/{}", self.buses.get(b).map_or("", String::as_str)),
            Place::Register(p, r, n, i) => {
                let name = self.register(place).map_or(String::new(), |reg| element(reg, i));
                let _ = n;
                format!("/machine/{}/{}/{name}", part(p), region(p, r))
            }
        }
    }

    fn register(&self, place: &Place) -> Option<&'static Register> {
        let Place::Register(p, r, n, _) = *place else { return None };
        self.parts.get(p)?.ty.regions.get(r)?.regs.get(n)
    }

    /// Children with their names.
    fn children(&self, place: &Place) -> Vec<(String, Place)> {
        match *place {
            Place::Root => vec![("machine".into(), Place::Machine)],
            Place::Machine => {
                let parts = self.parts.iter().enumerate();
                let parts = parts.map(|(i, p)| (p.name.clone(), Place::Part(i)));
                let buses = self.buses.iter().enumerate();
                parts.chain(buses.map(|(i, b)| (b.clone(), Place::Bus(i)))).collect()
            }
            Place::Part(p) => {
                let Some(ty) = self.parts.get(p).map(|p| p.ty) else { return Vec::new() };
                let regions = ty.regions.iter().enumerate();
                let regions = regions.map(|(i, r)| (r.name.to_string(), Place::Region(p, i)));
                let core = ty.core.is_some() && self.live.is_some();
                let own = core.then(|| ("registers".to_string(), Place::CoreRegisters(p)));
                regions.chain(own).collect()
            }
            Place::Region(p, r) => {
                let ty = self.parts.get(p).map(|p| p.ty);
                let regs = ty.and_then(|ty| ty.regions.get(r)).map_or(&[][..], |r| r.regs);
                let all = regs.iter().enumerate().flat_map(|(n, reg)| {
                    let count = if reg.count > 1 { reg.count } else { 1 };
                    (0..count).map(move |i| (element(reg, i), Place::Register(p, r, n, i)))
                });
                all.collect()
            }
            Place::Register(..) | Place::CoreRegisters(_) | Place::Bus(_) => Vec::new(),
        }
    }

    fn step(&self, from: &Place, name: &str) -> Option<Place> {
        // QEMU keeps what a client added in containers.
        if *from == Place::Machine && matches!(name, "peripheral" | "peripheral-anon") {
            return Some(Place::Machine);
        }
        self.children(from).into_iter().find(|(n, _)| n == name).map(|(_, place)| place)
    }

    fn walk<'n>(&self, from: Place, mut names: impl Iterator<Item = &'n str>) -> Option<Place> {
        names.try_fold(from, |at, name| self.step(&at, name))
    }

    /// The object of a path, or of the end of one.
    pub(crate) fn find(&self, path: &str) -> Result<Place, Error> {
        let names = || path.split('/').filter(|n| !n.is_empty());
        if path.starts_with('/') {
            return self.walk(Place::Root, names()).ok_or_else(|| self.missing(path));
        }
        let begins = self.every().into_iter().filter_map(|p| self.walk(p, names()));
        let mut found: Vec<Place> = Vec::new();
        for place in begins {
            if !found.contains(&place) {
                found.push(place);
            }
        }
        // A part's own name means the part, whatever else ends so.
        let part = self.parts.iter().position(|p| p.name == path).map(Place::Part);
        match (part, found.as_slice()) {
            _ if path.is_empty() => Err(Error::new("Path '' is ambiguous")),
            (Some(part), _) => Ok(part),
            (None, [one]) => Ok(*one),
            (None, []) => Err(self.missing(path)),
            (None, many) => {
                let all: Vec<String> = many.iter().take(4).map(|p| self.path(p)).collect();
                let what = format!("Path '{path}' is ambiguous");
                Err(Error::new(what).hint(all.join(", ")))
            }
        }
    }

    fn missing(&self, path: &str) -> Error {
        let last = path.rsplit('/').next().unwrap_or(path);
        let near = did_you_mean(last, self.parts.iter().map(|p| p.name.as_str()));
        Error::not_found(path).hint(near)
    }

    /// Objects that a path may begin at: all but registers.
    fn every(&self) -> Vec<Place> {
        let mut out = vec![Place::Root, Place::Machine];
        for (p, part) in self.parts.iter().enumerate() {
            out.push(Place::Part(p));
            out.extend((0..part.ty.regions.len()).map(|r| Place::Region(p, r)));
        }
        out
    }

    /// The type that QOM calls an object by.
    pub(crate) fn type_name(&self, place: &Place) -> String {
        match *place {
            Place::Root | Place::CoreRegisters(_) => "container".into(),
            Place::Machine => format!("{}-machine", self.machine),
            Place::Part(p) => self.parts.get(p).map_or(String::new(), |p| p.ty.name.into()),
            Place::Region(..) => "memory-region".into(),
            Place::Register(..) => "register".into(),
            Place::Bus(_) => "bus".into(),
        }
    }

    /// Every property of an object, children last.
    pub(crate) fn properties(&self, place: &Place) -> Vec<Property> {
        let prop = |name: &str, ty: &str, value: Value| Property {
            name: name.into(),
            ty: ty.into(),
            value: Some(value),
        };
        let mut out = vec![prop("type", "string", json!(self.type_name(place)))];
        match *place {
            Place::Part(p) => self.of_part(p, &mut out),
            Place::Region(p, r) => {
                let mapped = self.parts.get(p).and_then(|p| p.regions.get(r)).cloned().flatten();
                if let Some((bus, base, size)) = mapped {
                    out.push(prop("container", "link<bus>", json!(format!("/machine/{bus}"))));
                    out.push(prop("addr", "uint64", json!(base)));
                    out.push(prop("size", "uint64", json!(size)));
                }
                self.of_registers(p, r, &mut out);
            }
            Place::Register(p, _, _, i) => {
                if let (Some(reg), Some(values)) = (self.register(place), self.values(p)) {
                    let name = element(reg, i);
                    out.extend(self.register_value(reg, &name, &values));
                    for f in reg.fields {
                        let value = field(&values, reg, &name, f);
                        out.push(Property { name: f.name.into(), ty: "uint64".into(), value });
                    }
                }
            }
            Place::CoreRegisters(p) => {
                let name = self.parts.get(p).map_or("", |p| p.name.as_str());
                let live = self.live.and_then(|m| Some((m, m.core_named(name)?)));
                let all = live.map_or(Vec::new(), |(m, at)| m.core_registers(at));
                out.extend(all.into_iter().map(|(n, v)| prop(&n, "uint64", json!(v))));
            }
            Place::Root | Place::Machine | Place::Bus(_) => {}
        }
        for (name, child) in self.children(place) {
            if let Place::Register(..) = child {
                continue;
            }
            let ty = format!("child<{}>", self.type_name(&child));
            out.push(Property { name, ty, value: Some(json!(self.path(&child))) });
        }
        out
    }

    fn of_part(&self, p: usize, out: &mut Vec<Property>) {
        let Some(part) = self.parts.get(p) else { return };
        let mut add = |name: &str, ty: String| {
            let value = part.set.get(name).cloned();
            out.push(Property { name: name.into(), ty, value });
        };
        for prop in part.ty.props {
            add(prop.name, type_word(prop.ty));
        }
        for clock in part.ty.clocks {
            add(clock.name, "uint64".into());
        }
        for link in part.ty.links {
            add(link.name, format!("link<{}>", link.kind.word()));
        }
        for master in part.ty.masters {
            add(master.name, "link<bus>".into());
        }
        for (name, to) in &part.wires {
            let value = Some(json!(to));
            out.push(Property { name: name.clone(), ty: "link<irq>".into(), value });
        }
        // Arrays may be long: of those, what is connected.
        let single = part.ty.outputs.iter().filter(|o| o.width.is_none());
        for o in single.filter(|o| part.wires.iter().all(|(name, _)| name != o.name)) {
            out.push(Property { name: o.name.into(), ty: "link<irq>".into(), value: None });
        }
    }

    /// The name of QEMU's `sysbus-irq[n]` of a part: its outputs count through in their order.
    pub(crate) fn numbered(&self, place: &Place, property: &str) -> Option<String> {
        let (name, index) = property.strip_suffix(']')?.split_once('[')?;
        let Place::Part(p) = *place else { return None };
        let part =
            self.parts.get(p).filter(|_| matches!(name, "sysbus-irq" | "unnamed-gpio-out"))?;
        let mut left: u64 = index.parse().ok()?;
        for o in part.ty.outputs {
            let value = |name: &str| part.set.get(name).and_then(Value::as_u64);
            let width = o.width.map_or(Some(1), |count| count.eval(value)).unwrap_or(1);
            if left < width {
                let index = u32::try_from(left).ok()?.checked_add(o.first)?;
                return Some(line(o, index));
            }
            left -= width;
        }
        None
    }

    /// Registers of a region as properties: an object with the value and its fields.
    fn of_registers(&self, p: usize, r: usize, out: &mut Vec<Property>) {
        let Some(values) = self.values(p) else { return };
        for (name, place) in self.children(&Place::Region(p, r)) {
            let Some(reg) = self.register(&place) else { continue };
            let Some(value) = number(&values, &name) else { continue };
            let mut decoded = json!({"value": value});
            if let Some(map) = decoded.as_object_mut() {
                for f in reg.fields {
                    if let Some(v) = field(&values, reg, &name, f) {
                        map.insert(f.name.into(), v);
                    }
                }
            }
            out.push(Property { name, ty: "register".into(), value: Some(decoded) });
        }
    }

    fn register_value(
        &self,
        reg: &Register,
        name: &str,
        values: &BTreeMap<String, u64>,
    ) -> Vec<Property> {
        let value = number(values, name).map(|v| json!(v));
        let of = |name: &str, ty: &str, value| Property { name: name.into(), ty: ty.into(), value };
        vec![
            of("value", "uint64", value),
            of("offset", "uint64", Some(json!(reg.offset))),
            of("access", "string", Some(json!(reg.access.word()))),
        ]
    }

    /// What the device shows of itself.
    fn values(&self, p: usize) -> Option<BTreeMap<String, u64>> {
        let part = self.parts.get(p)?;
        Some(self.live?.device_values(&part.name)?.into_iter().collect())
    }
}

fn number(values: &BTreeMap<String, u64>, name: &str) -> Option<u64> {
    values.get(name).copied()
}

/// A field: as the model shows it, or cut out of the register.
fn field(
    values: &BTreeMap<String, u64>,
    reg: &Register,
    name: &str,
    f: &hetemu_schema::Field,
) -> Option<Value> {
    let _ = reg;
    if let Some(v) = values.get(&format!("{name}.{}", f.name)) {
        return Some(json!(v));
    }
    let width = u32::from(f.msb.checked_sub(f.lsb)?) + 1;
    let mask = u64::MAX.checked_shr(64u32.checked_sub(width)?).unwrap_or(0);
    Some(json!(values.get(name)?.checked_shr(u32::from(f.lsb))? & mask))
}

/// `CTRL`, `IE[1]`
fn element(reg: &Register, i: u32) -> String {
    if reg.count > 1 { format!("{}[{i}]", reg.name) } else { reg.name.to_string() }
}

/// `tx_empty`, `in[1]`
fn line(s: &Signal, index: u32) -> String {
    if s.width.is_some() { format!("{}[{index}]", s.name) } else { s.name.to_string() }
}

/// The word that QOM has for a type of a property.
pub(crate) fn type_word(ty: hetemu_schema::PropType) -> String {
    use hetemu_schema::PropType;
    match ty {
        PropType::Size | PropType::Address | PropType::Frequency => "uint64".into(),
        PropType::Duration | PropType::Count => "uint64".into(),
        PropType::Bool => "bool".into(),
        PropType::String | PropType::Enum(_) => "string".into(),
        PropType::Part => "link<device>".into(),
    }
}

/// A schema's constant.
pub(crate) fn literal(l: Literal) -> Value {
    match l {
        Literal::Int(n) => json!(n),
        Literal::Bool(b) => json!(b),
        Literal::Str(s) => json!(s),
    }
}

/// A property's value.
fn plain(v: &hetemu_schema::Value) -> Value {
    if let Some(b) = v.as_bool() {
        json!(b)
    } else if let Some(n) = v.as_int() {
        json!(n)
    } else {
        json!(v.as_str().unwrap_or_default())
    }
}
