//! Plain data of the graph. Parts, buses, plugs, clocks and wires are sorted by name, and refer to
//! each other by index, so that equal machines are equal values however their texts are ordered.

pub use hetemu_schema::Value;
use hetemu_schema::{DeviceType, Endian, PlugKind, SignalKind};
use std::collections::BTreeMap;

/// Index of a part in [`Graph::parts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartId(pub u32);

/// Index of a bus in [`Graph::buses`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BusId(pub u32);

/// A place in a text: file index and byte range. Facts that no text states have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// Index in [`Graph::files`].
    pub file: u32,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// A machine.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Graph {
    /// Name after `machine`.
    pub name: String,
    /// Doc comment, lines joined by `\n`.
    pub doc: String,
    /// Names of the files that the spans index.
    pub files: Vec<String>,
    /// Values of the machine's params.
    pub params: BTreeMap<String, Value>,
    /// Settings of the machine itself (`machine.log = ...`).
    pub settings: BTreeMap<String, Value>,
    /// Host plugs, by name.
    pub plugs: Vec<Plug>,
    /// Named clocks, by name.
    pub clocks: Vec<Clock>,
    /// Buses, by name.
    pub buses: Vec<Bus>,
    /// Parts, by name; elements of an array follow each other in order of their index.
    pub parts: Vec<Part>,
    /// Clusters of cores.
    pub clusters: Vec<Cluster>,
    /// Wires, by driver, then by sink.
    pub wires: Vec<Wire>,
}

/// A host plug.
#[derive(Debug, Clone, PartialEq)]
pub struct Plug {
    /// Name.
    pub name: String,
    /// What fits.
    pub kind: PlugKind,
    /// What is plugged in (`stdio`, a file), from the text or the command line.
    pub value: Option<String>,
    /// Whether `value` is a relative path of the machine's own file (as opposed to the command
    /// line's).
    pub from_text: bool,
    /// Where it is declared.
    pub span: Span,
}

/// A named clock with its resolved frequency.
#[derive(Debug, Clone, PartialEq)]
pub struct Clock {
    /// Name.
    pub name: String,
    /// Frequency in Hz.
    pub hz: u64,
    /// Where it is declared.
    pub span: Span,
}

/// What an access to nothing does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unmapped {
    /// The initiator gets a bus error.
    #[default]
    Fault,
    /// Reads give 0, writes vanish.
    Zeros,
    /// Reads give all ones, writes vanish.
    Ones,
}

/// A memory-map table.
#[derive(Debug, Clone, PartialEq)]
pub struct Bus {
    /// Name.
    pub name: String,
    /// Address bits.
    pub addr_bits: u8,
    /// Data width in bits.
    pub width: u16,
    /// Byte order that its initiators are expected to have.
    pub endian: Endian,
    /// What an access to nothing does.
    pub unmapped: Unmapped,
    /// Rows, by address, then the order of priority (a later row with `over` wins).
    pub rows: Vec<Row>,
    /// Where it is declared.
    pub span: Span,
}

/// One row of a bus map.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// First address.
    pub base: u64,
    /// Length in bytes, never 0 (a full 64-bit space is given as `u64::MAX`).
    pub size: u64,
    /// What answers.
    pub target: Target,
    /// Lies on top of what it overlaps.
    pub over: bool,
    /// Which accesses pass.
    pub access: RowAccess,
    /// What the bridge does to the bytes.
    pub lanes: Lanes,
    /// Wide accesses are split into narrow ones, low address first.
    pub split: bool,
    /// Where it stands.
    pub span: Span,
}

/// What a row maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A region of a part, from an offset on.
    Region {
        /// The part.
        part: PartId,
        /// Index in its type's `regions`.
        region: u32,
        /// Offset of the row's first byte in the region.
        offset: u64,
    },
    /// A window into another bus.
    Bus {
        /// That bus.
        bus: BusId,
        /// Its address that the row's first byte shows.
        offset: u64,
    },
}

/// Accesses that a row lets pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs)]
pub enum RowAccess {
    #[default]
    Rw,
    Ro,
    Wo,
}

/// Byte order conversion of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lanes {
    /// Nothing is said: both sides have one byte order.
    #[default]
    Same,
    /// Byte addresses are kept; words look reversed to the other order.
    Bytes,
    /// Each 16-bit unit is swapped.
    Swap16,
    /// Each 32-bit unit is swapped.
    Swap32,
    /// Each 64-bit unit is swapped.
    Swap64,
}

/// A part: a device, a core, a memory or a piece of glue.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Name and stable path: `uart`, `rv[2]`, later `soc.uart`.
    pub name: String,
    /// Its type.
    pub ty: &'static DeviceType,
    /// Values of all properties of the type: set ones and defaults. Optional unset ones are absent.
    /// For memories `size` is always there (from the row if the text sets none).
    pub props: BTreeMap<String, Value>,
    /// Names of the properties that the text set itself.
    pub set: Vec<String>,
    /// Links: name of the schema's link, name of the plug.
    pub links: BTreeMap<String, String>,
    /// Clock inputs: name of the schema's clock, frequency in Hz, name of the machine's clock.
    pub clocks: BTreeMap<String, (u64, String)>,
    /// Bus ports: name of the schema's master, bus.
    pub masters: BTreeMap<String, BusId>,
    /// `on host.pcie @ 1f.0`: part, child bus name, unit address.
    pub on: Option<(PartId, String, String)>,
    /// The element of an array that it is.
    pub index: Option<u32>,
    /// Doc comment.
    pub doc: String,
    /// Where it is declared.
    pub span: Span,
}

/// Cores of one ISA that share a view, a translation cache and float policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Cluster {
    /// Name of the array, or of the single core.
    pub name: String,
    /// Its cores, in order.
    pub cores: Vec<PartId>,
}

/// One end of a wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Port {
    /// The part.
    pub part: PartId,
    /// Index in its type's `outputs` (driver) or `inputs` (sink).
    pub port: u32,
    /// Line of an array; 0 for a single line. As the text counts (from the schema's `first`).
    pub index: u32,
}

/// A wire from one output to one input.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wire {
    /// The driver.
    pub from: Port,
    /// The sink.
    pub to: Port,
    /// What it carries.
    pub kind: SignalKind,
    /// Where it stands.
    pub span: Span,
}

impl Graph {
    /// The part of an id. Ids come from this graph only.
    pub fn part(&self, id: PartId) -> &Part {
        &self.parts[id.0 as usize]
    }
    /// The bus of an id. Ids come from this graph only.
    pub fn bus(&self, id: BusId) -> &Bus {
        &self.buses[id.0 as usize]
    }
    /// A part by name.
    pub fn find_part(&self, name: &str) -> Option<PartId> {
        self.parts.iter().position(|p| p.name == name).map(|i| PartId(i as u32))
    }
    /// A plug by name.
    pub fn find_plug(&self, name: &str) -> Option<&Plug> {
        self.plugs.iter().find(|p| p.name == name)
    }
    /// Every part with its id.
    pub fn parts(&self) -> impl Iterator<Item = (PartId, &Part)> {
        self.parts.iter().enumerate().map(|(i, p)| (PartId(i as u32), p))
    }
    /// Every core with its id.
    pub fn cores(&self) -> impl Iterator<Item = (PartId, &Part)> {
        self.parts().filter(|(_, p)| p.ty.core.is_some())
    }
    /// Every bus port of every part: part, name of the port, bus.
    pub fn initiators(&self) -> impl Iterator<Item = (PartId, &str, BusId)> {
        self.parts()
            .flat_map(|(id, p)| p.masters.iter().map(move |(name, bus)| (id, name.as_str(), *bus)))
    }
}

impl Part {
    /// A number property.
    pub fn int(&self, name: &str) -> Option<u64> {
        self.props.get(name)?.as_int()
    }
    /// A text or enum property.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.props.get(name)?.as_str()
    }
    /// The byte order of a core.
    pub fn endian(&self) -> Option<Endian> {
        let core = self.ty.core.as_ref()?;
        Some(match self.text("endian") {
            Some("big") => Endian::Big,
            Some("little") => Endian::Little,
            _ => core.endian,
        })
    }
    /// The length in bytes of one of the type's regions.
    pub fn region_size(&self, region: u32) -> Option<u64> {
        let r = self.ty.regions.get(region as usize)?;
        match r.size {
            Some(count) => count.eval(|p| self.int(p)),
            None => self.int("size"),
        }
    }
}
