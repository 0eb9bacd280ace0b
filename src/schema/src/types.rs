//! The shape of a schema: what the text of a machine may say about a part of one type.

use crate::{Value, units};
use std::fmt;

/// One version of one device, core or signal type.
#[derive(Debug, PartialEq)]
pub struct DeviceType {
    /// Dotted name, `lowrisc.uart`.
    pub name: &'static str,
    /// Version of the guest-visible interface; a reference without `@N` means the newest.
    pub version: u32,
    /// One sentence for lists.
    pub summary: &'static str,
    /// The document that the model follows, with its revision.
    pub spec: &'static str,
    /// Device-tree `compatible` strings, most specific first.
    pub compatible: &'static [&'static str],
    /// Names of this type in other tools (QEMU's driver names), accepted by QMP and importers only.
    pub aliases: &'static [&'static str],
    /// Set when the type should no longer be used: what to use instead.
    pub deprecated: Option<&'static str>,
    /// Typed properties, in the order of the schema.
    pub props: &'static [Property],
    /// Clock inputs.
    pub clocks: &'static [ClockPort],
    /// Reset inputs.
    pub resets: &'static [ResetPort],
    /// What a plug of the host attaches to.
    pub links: &'static [Link],
    /// Signal inputs.
    pub inputs: &'static [Signal],
    /// Signal outputs.
    pub outputs: &'static [Signal],
    /// Address regions that a bus row can map.
    pub regions: &'static [Region],
    /// Bus ports through which the part itself makes accesses (cores, DMA).
    pub masters: &'static [Master],
    /// Buses that the part provides for others to sit `on` (PCI, I2C, SPI).
    pub buses: &'static [ChildBus],
    /// The kind of child bus that a part of this type sits on, if any; several are separated by
    /// blanks ([`DeviceType::sits_on`]).
    pub attaches: Option<&'static str>,
    /// Saved-state version and where older ones came from.
    pub state: State,
    /// Present for cores only.
    pub core: Option<Core>,
}

/// A typed property, set by `name = value`.
#[derive(Debug, PartialEq)]
pub struct Property {
    /// Name in the text.
    pub name: &'static str,
    /// Value type.
    pub ty: PropType,
    /// Value if the text sets none; without it the property is required.
    pub default: Option<Literal>,
    /// Optional properties may stay unset and have no default.
    pub optional: bool,
    /// Smallest value allowed, in the type's base unit (B, Hz, ns, 1).
    pub min: Option<u64>,
    /// Largest value allowed, in the type's base unit.
    pub max: Option<u64>,
    /// May change without a new type version.
    pub unstable: bool,
    /// Not visible to the guest: host policy, logging.
    pub host: bool,
    /// One sentence; says why a limit is what it is.
    pub doc: &'static str,
}

/// Types of property values. Numbers are kept in the base unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PropType {
    /// Bytes.
    Size,
    /// An address on some bus.
    Address,
    /// Hertz.
    Frequency,
    /// Nanoseconds.
    Duration,
    /// A plain number.
    Count,
    /// `true` or `false`.
    Bool,
    /// Text in quotes.
    String,
    /// One of a list of words.
    Enum(&'static [&'static str]),
    /// The name of another part of the machine.
    Part,
}

impl PropType {
    /// A number of this type in its base unit, as people write it.
    pub fn number(self, n: u64) -> String {
        match self {
            PropType::Size => units::size(n),
            PropType::Address => units::hex(n),
            PropType::Frequency => units::frequency(n),
            PropType::Duration => units::duration(n),
            _ => n.to_string(),
        }
    }
}

impl fmt::Display for PropType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PropType::Size => "size",
            PropType::Address => "address",
            PropType::Frequency => "frequency",
            PropType::Duration => "duration",
            PropType::Count => "count",
            PropType::Bool => "bool",
            PropType::String => "string",
            PropType::Enum(words) => return f.write_str(&words.join(" | ")),
            PropType::Part => "part",
        })
    }
}

/// A value known when the schema is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Literal {
    /// A number in the base unit of its type.
    Int(u64),
    /// A truth value.
    Bool(bool),
    /// Text or an enum's word.
    Str(&'static str),
}

/// A clock input, set by `name = clock`.
#[derive(Debug, PartialEq)]
pub struct ClockPort {
    /// Name in the text.
    pub name: &'static str,
    /// May stay undriven.
    pub optional: bool,
    /// Frequency in Hz assumed when undriven.
    pub default_hz: Option<u64>,
}

/// A reset input.
#[derive(Debug, PartialEq)]
pub struct ResetPort {
    /// Name in the text.
    pub name: &'static str,
    /// May stay undriven (then the machine's own reset drives it).
    pub optional: bool,
}

/// A host attachment, set by `name = plug`.
#[derive(Debug, PartialEq)]
pub struct Link {
    /// Name in the text.
    pub name: &'static str,
    /// Which plugs fit.
    pub kind: PlugKind,
    /// May stay empty.
    pub optional: bool,
}

/// Kinds of host plugs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PlugKind {
    /// A byte stream: terminal, socket, file.
    Serial,
    /// A disk.
    Block,
    /// A network.
    Net,
    /// A file loaded into memory: firmware, kernel.
    Image,
    /// A folder of the host that the guest sees.
    Folder,
    /// A screen with keyboard and pointer.
    Display,
}

impl PlugKind {
    /// Every kind with its word in the text.
    pub const ALL: [(&'static str, PlugKind); 6] = [
        ("serial", PlugKind::Serial),
        ("block", PlugKind::Block),
        ("net", PlugKind::Net),
        ("image", PlugKind::Image),
        ("folder", PlugKind::Folder),
        ("display", PlugKind::Display),
    ];

    /// The kind that a word of the text means.
    pub fn from_word(word: &str) -> Option<PlugKind> {
        Self::ALL.iter().find(|(w, _)| *w == word).map(|(_, k)| *k)
    }

    /// The word of this kind in the text.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, k)| *k == self).map_or("", |(w, _)| w)
    }
}

/// What a signal carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignalKind {
    /// High while the cause lasts.
    Level,
    /// Each rising edge is an event; the line has a state.
    Edge,
    /// An event without a state.
    Pulse,
    /// A frequency in hertz that may change: how a clock controller tells who runs at its clocks.
    /// Only the listener keeps it.
    Rate,
}

/// A signal port: one line or an array of lines.
#[derive(Debug, PartialEq)]
pub struct Signal {
    /// Name in the text; inputs named `in` are what `part[3]` means.
    pub name: &'static str,
    /// What it carries.
    pub kind: SignalKind,
    /// How many lines: `None` for a single one without an index.
    pub width: Option<Count>,
    /// The lowest index (PLIC sources begin at 1).
    pub first: u32,
    /// Inputs: may stay undriven. Outputs: no warning when unused.
    pub optional: bool,
    /// One sentence.
    pub doc: &'static str,
}

impl Signal {
    /// The name of the port that `part[3]` means.
    pub const DEFAULT: &'static str = "in";

    /// The last input of every core, whether its schema says so or not: while it is high the core
    /// does nothing, and when it falls the core is reset and begins.
    pub const HOLD: Signal = Signal {
        name: "hold",
        kind: SignalKind::Level,
        width: None,
        first: 0,
        optional: true,
        doc: "Held in reset while high; begins at its reset vector when it falls",
    };
}

/// A number that may come from a property: `prop * mul + add`, or just `add`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// The property that scales it.
    pub prop: Option<&'static str>,
    /// Factor on the property's value.
    pub mul: u64,
    /// Constant part.
    pub add: u64,
}

impl Count {
    /// A constant.
    pub const fn fixed(n: u64) -> Count {
        Count { prop: None, mul: 0, add: n }
    }

    /// The number, with `value` looking a property up; `None` if it is unset or does not fit.
    pub fn eval(&self, value: impl Fn(&str) -> Option<u64>) -> Option<u64> {
        match self.prop {
            None => Some(self.add),
            Some(p) => value(p)?.checked_mul(self.mul)?.checked_add(self.add),
        }
    }
}

/// Byte order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endian {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
}

/// What answers at a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegionKind {
    /// Registers: each access reaches the model.
    Mmio,
    /// RAM: reads and writes go to bytes.
    Ram,
    /// ROM: reads go to bytes, writes are ignored or fault as the type says.
    Rom,
    /// A window into a child bus of the part (PCI ECAM and apertures).
    Window,
}

/// An address region of a part.
#[derive(Debug, PartialEq)]
pub struct Region {
    /// Name; `regs` or `mem` when it is the only one.
    pub name: &'static str,
    /// What answers.
    pub kind: RegionKind,
    /// Length in bytes. `None`: the row's size decides (memories), unless `size_prop` is set.
    pub size: Option<Count>,
    /// Byte order of the registers; memories have none.
    pub endian: Option<Endian>,
    /// Access widths that the registers take, bit n = 2^n bytes (0b0111 = 1, 2 and 4).
    pub access: u8,
    /// Required alignment of the base, bytes.
    pub align: u64,
    /// Documented registers.
    pub regs: &'static [Register],
}

/// A register, or an array of them.
#[derive(Debug, PartialEq)]
pub struct Register {
    /// Byte offset in the region.
    pub offset: u64,
    /// Data-sheet name.
    pub name: &'static str,
    /// Access.
    pub access: Access,
    /// Width in bits.
    pub bits: u8,
    /// Value after reset, if it is fixed.
    pub reset: Option<u64>,
    /// Elements of an array (1 for a single register).
    pub count: u32,
    /// Distance of elements in bytes.
    pub stride: u32,
    /// Reading changes state (FIFOs, claim registers): debuggers must not.
    pub read_effect: bool,
    /// One sentence.
    pub doc: &'static str,
    /// Named bits.
    pub fields: &'static [Field],
}

/// Named bits of a register.
#[derive(Debug, PartialEq)]
pub struct Field {
    /// Data-sheet name.
    pub name: &'static str,
    /// Lowest bit.
    pub lsb: u8,
    /// Highest bit.
    pub msb: u8,
    /// Access, where it differs from the register's.
    pub access: Option<Access>,
}

/// Register access as data sheets print it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Access {
    Rw,
    Ro,
    Wo,
    Rw1c,
    Rw1s,
    Rc,
}

impl Access {
    /// Every access with its word.
    pub const ALL: [(&'static str, Access); 6] = [
        ("rw", Access::Rw),
        ("ro", Access::Ro),
        ("wo", Access::Wo),
        ("rw1c", Access::Rw1c),
        ("rw1s", Access::Rw1s),
        ("rc", Access::Rc),
    ];

    /// The access that a word means.
    pub fn from_word(word: &str) -> Option<Access> {
        Self::ALL.iter().find(|(w, _)| *w == word).map(|(_, a)| *a)
    }

    /// The word of this access.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, a)| *a == self).map_or("", |(w, _)| w)
    }
}

/// A port through which a part makes accesses, set by `name = bus`.
#[derive(Debug, PartialEq)]
pub struct Master {
    /// Name in the text, `bus` for cores.
    pub name: &'static str,
    /// May stay unconnected.
    pub optional: bool,
    /// Widest access in bytes.
    pub width: u8,
}

/// A bus that a part provides.
#[derive(Debug, PartialEq)]
pub struct ChildBus {
    /// Name in the text: `host.pcie`.
    pub name: &'static str,
    /// Kind: `pci`, `i2c`, `spi`.
    pub kind: &'static str,
}

/// Saved state: its version, and how older versions map onto it.
#[derive(Debug, PartialEq)]
pub struct State {
    /// Current version.
    pub version: u32,
    /// Older versions that can be read, with what changed.
    pub from: &'static [(u32, &'static str)],
}

/// What is special about a core type. All of it is data of the core, nothing a constant of the
/// program.
#[derive(Debug, PartialEq)]
pub struct Core {
    /// The target that executes it, `riscv`.
    pub isa: &'static str,
    /// Word size in bits.
    pub bits: u8,
    /// Byte order; a property `endian` overrides it where the schema has one.
    pub endian: Endian,
    /// Smallest page, bytes.
    pub page: u64,
    /// Physical address bits.
    pub phys_bits: u8,
    /// Where execution begins if no property `reset_vector` and no image says otherwise.
    pub reset_vector: u64,
    /// Further facts that only the target reads (`isa = "rv32imc_zba"`), as name and value.
    pub facts: &'static [(&'static str, &'static str)],
}

impl Core {
    /// A fact by name.
    pub fn fact(&self, name: &str) -> Option<&'static str> {
        self.facts.iter().find(|(n, _)| *n == name).map(|(_, v)| *v)
    }
}

impl DeviceType {
    /// The values of properties that have a default.
    pub fn defaults(&self) -> impl Iterator<Item = (String, Value)> + use<> {
        self.props.iter().filter_map(|p| Some((p.name.to_string(), p.default?.into())))
    }
    /// The inputs that its model or instruction set answers: all but [`Signal::HOLD`], which is the
    /// last one of a core.
    pub fn own_inputs(&self) -> &'static [Signal] {
        match self.inputs {
            [own @ .., last] if self.core.is_some() && last.name == Signal::HOLD.name => own,
            all => all,
        }
    }
    /// Whether a part of this type sits on a child bus of a kind.
    pub fn sits_on(&self, kind: &str) -> bool {
        self.attaches.is_some_and(|all| all.split_whitespace().any(|k| k == kind))
    }
    /// Property by name.
    pub fn prop(&self, name: &str) -> Option<&'static Property> {
        self.props.iter().find(|p| p.name == name)
    }
    /// Input by name.
    pub fn input(&self, name: &str) -> Option<&'static Signal> {
        self.inputs.iter().find(|p| p.name == name)
    }
    /// Output by name.
    pub fn output(&self, name: &str) -> Option<&'static Signal> {
        self.outputs.iter().find(|p| p.name == name)
    }
    /// Region by name.
    pub fn region(&self, name: &str) -> Option<&'static Region> {
        self.regions.iter().find(|p| p.name == name)
    }
    /// Link by name.
    pub fn link(&self, name: &str) -> Option<&'static Link> {
        self.links.iter().find(|p| p.name == name)
    }
    /// Clock input by name.
    pub fn clock(&self, name: &str) -> Option<&'static ClockPort> {
        self.clocks.iter().find(|p| p.name == name)
    }
    /// Bus port by name.
    pub fn master(&self, name: &str) -> Option<&'static Master> {
        self.masters.iter().find(|p| p.name == name)
    }
    /// `name@version`.
    pub fn full_name(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }
}
