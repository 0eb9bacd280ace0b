//! A machine in the making: parts of known types, rows, wires, clocks and plugs.
//!
//! Every importer fills one. It knows the schemas, so that a line that does not exist or a property
//! that no type has is said at the place in the input, and it keeps each fact's place for messages.

use crate::codes;
use crate::names;
use hetemu_lang::{Diagnostic, Span};
use hetemu_schema::{
    Catalog, DeviceType, Literal, PlugKind, PropType, Property, RegionKind, Signal, units,
};
use std::collections::{BTreeMap, BTreeSet};

/// Index of a part in [`Draft::parts`].
pub type PartId = usize;
/// Index of a bus in [`Draft::buses`].
pub type BusId = usize;

/// A value that the input gives.
#[derive(Debug, Clone, PartialEq)]
pub enum Given {
    /// A number in the base unit of whatever takes it.
    Int(u64),
    /// A truth value.
    Bool(bool),
    /// Text or a word.
    Text(String),
    /// The name of a part or clock.
    Name(String),
}

/// A part.
#[derive(Debug, Clone)]
pub struct Part {
    /// Its name in the machine.
    pub name: String,
    /// Its type.
    pub ty: &'static DeviceType,
    /// Properties, clocks, links and bus ports by the schema's names.
    pub set: BTreeMap<&'static str, Given>,
    /// `on host.pcie`: part and child bus.
    pub on: Option<(PartId, &'static str)>,
    /// What to say beside it.
    pub remark: Option<String>,
    /// Inputs that stay undriven on purpose.
    pub none: Vec<&'static str>,
    /// Where the input has it.
    pub span: Span,
    /// Dropped again.
    pub gone: bool,
}

/// What a row maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A region of a part, by its number.
    Part(PartId, usize),
    /// Another bus, from an address on.
    Bus(BusId, u64),
}

/// A row of a bus.
#[derive(Debug, Clone)]
pub struct Row {
    /// First address.
    pub base: u64,
    /// Length in bytes; of a part that knows its own, only to find overlaps.
    pub size: u64,
    /// What answers.
    pub what: What,
    /// Lies on top.
    pub over: bool,
    /// Writes do not pass.
    pub ro: bool,
    /// Where the input has it.
    pub span: Span,
    /// Dropped again.
    pub gone: bool,
}

/// A bus.
#[derive(Debug, Clone, Default)]
pub struct Bus {
    /// Its name.
    pub name: String,
    /// Address bits, where the cores do not decide.
    pub addr: Option<u8>,
    /// Data width in bits, where it is not 32.
    pub width: Option<u16>,
    /// Its rows.
    pub rows: Vec<Row>,
    /// Dropped again.
    pub gone: bool,
}

/// One end of a wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct End {
    /// The part.
    pub part: PartId,
    /// Index in the type's outputs or inputs.
    pub port: usize,
    /// The line, as the text counts.
    pub index: u32,
}

/// A wire.
#[derive(Debug, Clone)]
pub struct Wire {
    /// Driver.
    pub from: End,
    /// Sink.
    pub to: End,
    /// What to say beside it.
    pub remark: Option<String>,
    /// Where the input has it.
    pub span: Span,
    /// Dropped again.
    pub gone: bool,
}

/// A plug.
#[derive(Debug, Clone)]
pub struct Plug {
    /// Name.
    pub name: String,
    /// Kind.
    pub kind: PlugKind,
    /// What is plugged in.
    pub value: Option<String>,
}

/// A machine in the making.
#[derive(Debug)]
pub struct Draft<'a> {
    /// All types.
    pub catalog: &'a Catalog,
    /// After `machine`.
    pub name: String,
    /// Doc comment.
    pub doc: Vec<String>,
    /// Plugs.
    pub plugs: Vec<Plug>,
    /// Clocks, by name, in Hz.
    pub clocks: Vec<(String, u64)>,
    /// Buses.
    pub buses: Vec<Bus>,
    /// Parts.
    pub parts: Vec<Part>,
    /// Wires.
    pub wires: Vec<Wire>,
    /// Comments at the end of the text.
    pub remarks: Vec<String>,
    /// What was said.
    pub diags: Vec<Diagnostic>,
    names: BTreeSet<String>,
}

impl<'a> Draft<'a> {
    /// An empty machine.
    pub fn new(catalog: &'a Catalog, name: &str) -> Draft<'a> {
        Draft {
            catalog,
            name: names::machine(name),
            doc: Vec::new(),
            plugs: Vec::new(),
            clocks: Vec::new(),
            buses: Vec::new(),
            parts: Vec::new(),
            wires: Vec::new(),
            remarks: Vec::new(),
            diags: Vec::new(),
            names: BTreeSet::from([String::from("machine"), String::from("none")]),
        }
    }

    /// Adds a message and gives its place in the list.
    pub fn say(&mut self, d: Diagnostic) {
        self.diags.push(d);
    }

    /// A free name that begins like the wanted one.
    pub fn unique(&mut self, wanted: &str) -> String {
        let base = names::ident(wanted);
        let mut name = base.clone();
        let mut n = 2u32;
        while !self.names.insert(name.clone()) {
            name = format!("{base}_{n}");
            n += 1;
        }
        name
    }

    /// A new part.
    pub fn part(&mut self, wanted: &str, ty: &'static DeviceType, span: Span) -> PartId {
        let name = self.unique(wanted);
        let part = Part {
            name,
            ty,
            set: BTreeMap::new(),
            on: None,
            remark: None,
            none: Vec::new(),
            span,
            gone: false,
        };
        self.parts.push(part);
        self.parts.len() - 1
    }

    /// A new bus.
    pub fn bus(&mut self, wanted: &str) -> BusId {
        let name = self.unique(wanted);
        self.buses.push(Bus { name, ..Bus::default() });
        self.buses.len() - 1
    }

    /// The plug of a name and kind, made if it is not there; its name in the text.
    pub fn plug(&mut self, wanted: &str, kind: PlugKind, value: Option<&str>) -> String {
        let wanted = names::ident(wanted);
        if let Some(p) = self.plugs.iter_mut().find(|p| p.name == wanted && p.kind == kind) {
            if p.value.is_none() {
                p.value = value.map(str::to_string);
            }
            return p.name.clone();
        }
        let name = self.unique(&wanted);
        self.plugs.push(Plug { name: name.clone(), kind, value: value.map(str::to_string) });
        name
    }

    /// A clock; its name in the text. One of the same name and frequency is shared.
    pub fn clock(&mut self, wanted: &str, hz: u64) -> String {
        let ident = names::ident(wanted);
        if let Some((name, _)) = self.clocks.iter().find(|(n, f)| *n == ident && *f == hz) {
            return name.clone();
        }
        let name = self.unique(&ident);
        self.clocks.push((name.clone(), hz));
        name
    }

    /// The part of a name in the text.
    pub fn find(&self, name: &str) -> Option<PartId> {
        self.parts.iter().position(|p| p.name == name)
    }

    /// Sets what the schema calls so; `None` if it has no such name or the value does not fit.
    pub fn set(&mut self, part: PartId, name: &str, value: Given) -> Option<()> {
        let p = self.parts.get_mut(part)?;
        if let Some(prop) = p.ty.prop(name) {
            let value = coerced(prop, value)?;
            p.set.insert(prop.name, value);
            return Some(());
        }
        let other = (p.ty.clocks.iter().map(|c| c.name))
            .chain(p.ty.links.iter().map(|l| l.name))
            .chain(p.ty.masters.iter().map(|m| m.name))
            .find(|n| *n == name)?;
        p.set.insert(other, value);
        Some(())
    }

    /// The value of a number property: set, or the default.
    pub fn int(&self, part: PartId, name: &str) -> Option<u64> {
        let p = self.parts.get(part)?;
        match p.set.get(name) {
            Some(Given::Int(n)) => Some(*n),
            Some(_) => None,
            None => match p.ty.prop(name)?.default {
                Some(Literal::Int(n)) => Some(n),
                _ => None,
            },
        }
    }

    /// Length of a region of a part, if it is known.
    pub fn region_size(&self, part: PartId, region: usize) -> Option<u64> {
        let r = self.parts.get(part)?.ty.regions.get(region)?;
        match r.size {
            Some(count) => count.eval(|p| self.int(part, p)),
            None => self.int(part, "size"),
        }
    }

    /// Maps a region of a part. The size decides for memories and stubs; others know theirs.
    pub fn map(
        &mut self,
        bus: BusId,
        base: u64,
        size: Option<u64>,
        part: PartId,
        region: usize,
        span: Span,
    ) {
        let own = self.region_size(part, region);
        let size = own.or(size).unwrap_or(0x1000).max(1);
        let row = Row {
            base,
            size,
            what: What::Part(part, region),
            over: false,
            ro: false,
            span,
            gone: false,
        };
        if let Some(b) = self.buses.get_mut(bus) {
            b.rows.push(row);
        }
    }

    /// A part whose type is not known, at a place of this size.
    pub fn stub(&mut self, wanted: &str, size: u64, span: Span) -> Option<PartId> {
        let ty = names::by_name(self.catalog, STUB)?;
        let id = self.part(wanted, ty, span);
        self.set(id, "size", Given::Int(size.max(1)));
        Some(id)
    }

    /// The n-th output line of a part, counting through arrays in the order of the schema; arrays
    /// that a property scales grow as far as they may.
    pub fn output_line(&mut self, part: PartId, n: u32) -> Option<End> {
        let ty = self.parts.get(part)?.ty;
        let mut left = u64::from(n);
        for (port, s) in ty.outputs.iter().enumerate() {
            let width = self.width(part, s).unwrap_or(1);
            let last = port + 1 == ty.outputs.len();
            if left < width || (last && s.width.is_some()) {
                let index = u32::try_from(left).ok()?.checked_add(s.first)?;
                return self.end(part, port, index, false);
            }
            left -= width;
        }
        None
    }

    /// An output by name and line.
    pub fn output(&mut self, part: PartId, name: &str, index: u32) -> Option<End> {
        let ty = self.parts.get(part)?.ty;
        let port = ty.outputs.iter().position(|s| s.name == name)?;
        self.end(part, port, index, false)
    }

    /// An input by name and line.
    pub fn input(&mut self, part: PartId, name: &str, index: u32) -> Option<End> {
        let ty = self.parts.get(part)?.ty;
        let port = ty.inputs.iter().position(|s| s.name == name)?;
        self.end(part, port, index, true)
    }

    /// How many lines a port has now.
    pub fn width(&self, part: PartId, s: &Signal) -> Option<u64> {
        match s.width {
            None => Some(1),
            Some(count) => count.eval(|p| self.int(part, p)),
        }
    }

    /// The end, if the line exists or can be made to exist by the property that scales the port.
    fn end(&mut self, part: PartId, port: usize, index: u32, input: bool) -> Option<End> {
        let ty = self.parts.get(part)?.ty;
        let s = if input { ty.inputs.get(port)? } else { ty.outputs.get(port)? };
        let end = End { part, port, index };
        let Some(count) = s.width else { return (index == 0).then_some(end) };
        let line = u64::from(index.checked_sub(s.first)?);
        let now = self.width(part, s).unwrap_or(0);
        if line < now {
            return Some(end);
        }
        let name = count.prop?;
        let wanted = (line + 1).checked_sub(count.add)?.div_ceil(count.mul.max(1));
        let prop = ty.prop(name)?;
        if prop.max.is_some_and(|max| wanted > max) {
            return None;
        }
        self.set(part, name, Given::Int(wanted))?;
        Some(end)
    }

    /// A wire. An input that has a driver already gets an OR gate before it.
    pub fn wire(&mut self, from: End, to: End, span: Span) {
        let taken = self.wires.iter().position(|w| w.to == to && !w.gone);
        let Some(first) = taken else {
            self.wires.push(Wire { from, to, remark: None, span, gone: false });
            return;
        };
        if self.wires.get(first).is_some_and(|w| w.from == from) {
            return;
        }
        let Some(gate_ty) = names::by_alias(self.catalog, OR_GATE) else { return };
        let driver = self.wires.get(first).map_or(from, |w| w.from);
        let gate = match self.parts.get(driver.part) {
            Some(p) if p.ty == gate_ty => driver.part,
            _ => {
                let sink = self.end_text(to, true);
                let gate = self.part(&format!("{sink}_or"), gate_ty, span);
                let (Some(a), Some(out)) = (self.input(gate, "in", 0), self.output_line(gate, 0))
                else {
                    return;
                };
                if let Some(w) = self.wires.get_mut(first) {
                    w.to = a;
                }
                self.wires.push(Wire { from: out, to, remark: None, span, gone: false });
                let what = format!("`{sink}` has several drivers: an OR gate stands before it");
                self.say(Diagnostic::new(codes::N1208, span, what).path(sink));
                gate
            }
        };
        let free = (0..1024).find(|i| {
            let used = |w: &Wire| w.to.part == gate && w.to.index == *i && !w.gone;
            !self.wires.iter().any(used)
        });
        if let Some(end) = free.and_then(|i| self.input(gate, "in", i)) {
            self.wires.push(Wire { from, to: end, remark: None, span, gone: false });
        }
    }

    /// `plic[3]`, `uart.tx_empty`.
    pub fn end_text(&self, e: End, input: bool) -> String {
        let Some(p) = self.parts.get(e.part) else { return String::new() };
        let s = if input { p.ty.inputs.get(e.port) } else { p.ty.outputs.get(e.port) };
        let Some(s) = s else { return p.name.clone() };
        let index = if s.width.is_some() { format!("[{}]", e.index) } else { String::new() };
        match input && s.name == Signal::DEFAULT {
            true => format!("{}{index}", p.name),
            false => format!("{}.{}{index}", p.name, s.name),
        }
    }

    /// Whether a part is a memory.
    pub fn is_memory(ty: &DeviceType) -> bool {
        ty.regions.first().is_some_and(|r| matches!(r.kind, RegionKind::Ram | RegionKind::Rom))
    }

    /// The plain memory type of a kind: the one with a single region and least to say of it.
    pub fn memory(&self, rom: bool) -> Option<&'static DeviceType> {
        let wanted = if rom { RegionKind::Rom } else { RegionKind::Ram };
        let plain =
            |t: &&DeviceType| matches!(t.regions, [r] if r.kind == wanted && r.size.is_none());
        self.catalog.iter().filter(plain).min_by_key(|t| t.props.len())
    }
}

/// A block that is not modelled.
pub(crate) const STUB: &str = "hm.stub";
/// What QEMU calls a gate that ties lines together.
const OR_GATE: &str = "or-irq";

/// The value as the property takes it.
fn coerced(prop: &Property, value: Given) -> Option<Given> {
    let fits = |n: u64| prop.min.is_none_or(|m| n >= m) && prop.max.is_none_or(|m| n <= m);
    match (prop.ty, value) {
        (
            PropType::Size
            | PropType::Address
            | PropType::Frequency
            | PropType::Duration
            | PropType::Count,
            Given::Int(n),
        ) => fits(n).then_some(Given::Int(n)),
        (PropType::Bool, Given::Bool(b)) => Some(Given::Bool(b)),
        (PropType::Bool, Given::Int(n @ 0..=1)) => Some(Given::Bool(n == 1)),
        (PropType::String, Given::Text(t)) => quotable(&t).then_some(Given::Text(t)),
        (PropType::Enum(words), Given::Text(t)) => {
            words.iter().find(|w| w.eq_ignore_ascii_case(&t)).map(|w| Given::Text((*w).into()))
        }
        (PropType::Part, Given::Name(n)) => Some(Given::Name(n)),
        _ => None,
    }
}

/// Whether a text can stand between quotes: the language has no escapes.
pub(crate) fn quotable(text: &str) -> bool {
    !text.contains(['"', '\n', '\r', '\0'])
}

/// A value as the text writes it; `None` where it is the default.
pub(crate) fn written(part: &Part, name: &str, value: &Given) -> Option<String> {
    let prop = part.ty.prop(name);
    if let Some(default) = prop.and_then(|p| p.default) {
        let same = match (default, value) {
            (Literal::Int(a), Given::Int(b)) => a == *b,
            (Literal::Bool(a), Given::Bool(b)) => a == *b,
            (Literal::Str(a), Given::Text(b)) => a == b,
            _ => false,
        };
        if same {
            return None;
        }
    }
    Some(match (prop.map(|p| p.ty), value) {
        (Some(PropType::Size), Given::Int(n)) => units::size(*n),
        (Some(PropType::Address), Given::Int(n)) => units::address(*n, 32),
        (Some(PropType::Frequency), Given::Int(n)) => units::frequency(*n),
        (Some(PropType::Duration), Given::Int(n)) => units::duration(*n),
        (None, Given::Int(n)) => units::frequency(*n),
        (_, Given::Int(n)) => n.to_string(),
        (_, Given::Bool(b)) => b.to_string(),
        (Some(PropType::String), Given::Text(t)) => format!("\"{t}\""),
        (_, Given::Text(t)) => t.clone(),
        (_, Given::Name(n)) => n.clone(),
    })
}
