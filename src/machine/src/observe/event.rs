//! What a trace consists of: events in the order in which they happened, with virtual times.

use hetemu_hw::time::Ps;
use hetemu_loader::Symbols;
use std::io;

/// Kinds of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Instructions.
    Exec,
    /// Loads and stores.
    Mem,
    /// Accesses of device registers by cores.
    Mmio,
    /// Changes of interrupt lines, and interrupts that cores take.
    Irq,
    /// Exceptions and interrupts that cores take.
    Trap,
    /// Cores that wait for an interrupt.
    Wait,
    /// What plugs send to the host.
    Plug,
    /// Hashes of cores' registers.
    State,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 8] = [
        Kind::Exec,
        Kind::Mem,
        Kind::Mmio,
        Kind::Irq,
        Kind::Trap,
        Kind::Wait,
        Kind::Plug,
        Kind::State,
    ];

    /// The name on the command line and in traces.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Exec => "exec",
            Kind::Mem => "mem",
            Kind::Mmio => "mmio",
            Kind::Irq => "irq",
            Kind::Trap => "trap",
            Kind::Wait => "wait",
            Kind::Plug => "plug",
            Kind::State => "state",
        }
    }

    /// The kind of a name.
    pub fn parse(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|k| k.name() == name)
    }
}

/// An event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Virtual time, in picoseconds.
    pub at: Ps,
    /// The core: its cluster and its number there.
    pub core: Option<(usize, usize)>,
    /// Address of the instruction.
    pub pc: Option<u64>,
    /// What happened.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// An instruction was run.
    Exec {
        /// Its bytes, in the order of memory.
        bytes: Vec<u8>,
        /// It as the assembler writes it.
        text: String,
        /// Registers that have another value than before.
        writes: Vec<(&'static str, u64)>,
    },
    /// A core accessed memory or a device.
    Mem {
        /// Not a load.
        store: bool,
        /// Virtual address.
        va: u64,
        /// Bytes.
        size: u8,
        /// The number.
        value: u64,
    },
    /// A core accessed a device.
    Mmio {
        /// The part.
        device: String,
        /// The register, if the schema documents it.
        register: Option<String>,
        /// Offset in the region.
        offset: u64,
        /// Address on the core's bus, if it has one.
        pa: Option<u64>,
        /// Not a load.
        store: bool,
        /// Bytes.
        size: u8,
        /// The number; none if the device refused.
        value: Option<u64>,
    },
    /// An interrupt line changed.
    Line {
        /// The part or core at its end.
        target: String,
        /// The input there.
        input: String,
        /// The new level.
        level: bool,
    },
    /// A core took a trap.
    Trap {
        /// Not an exception.
        interrupt: bool,
        /// The instruction set's number.
        cause: u32,
        /// It in words.
        name: String,
        /// Faulting address or instruction.
        value: u64,
        /// Where the core goes on.
        handler: u64,
    },
    /// A core waited from the event's time on.
    Wait {
        /// Until then; none if it still does.
        until: Option<Ps>,
    },
    /// A plug sent something to the host.
    Sent {
        /// The plug.
        plug: String,
        /// What.
        bytes: Vec<u8>,
    },
    /// A hash of a core's registers.
    State {
        /// Instructions that the core has begun.
        steps: u64,
        /// The hash.
        hash: u64,
    },
}

impl Event {
    /// Its kind. An interrupt that a core takes counts as `irq`, too.
    pub fn kind(&self) -> Kind {
        match self.what {
            What::Exec { .. } => Kind::Exec,
            What::Mem { .. } => Kind::Mem,
            What::Mmio { .. } => Kind::Mmio,
            What::Line { .. } => Kind::Irq,
            What::Trap { .. } => Kind::Trap,
            What::Wait { .. } => Kind::Wait,
            What::Sent { .. } => Kind::Plug,
            What::State { .. } => Kind::State,
        }
    }
}

/// What events only number.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// Cores, by cluster.
    pub cores: Vec<Vec<String>>,
    /// Digits of an address, by cluster.
    pub digits: Vec<usize>,
    /// Symbols of all programs.
    pub symbols: Symbols,
}

impl Names {
    /// The name of an event's core.
    pub fn core(&self, event: &Event) -> &str {
        let name = event.core.and_then(|(c, i)| self.cores.get(c)?.get(i));
        name.map_or("-", String::as_str)
    }

    /// An address as hex, as wide as the event's core has them.
    pub fn address(&self, event: &Event, addr: u64) -> String {
        let digits = event.core.and_then(|(c, _)| self.digits.get(c)).copied().unwrap_or(8);
        format!("0x{addr:0digits$x}")
    }

    /// `main+0x10`, if there is a symbol.
    pub fn place(&self, addr: u64) -> Option<String> {
        let (symbol, far) = self.symbols.at(addr)?;
        Some(if far == 0 { symbol.name.clone() } else { format!("{}+{far:#x}", symbol.name) })
    }
}

/// Takes a trace.
pub trait TraceSink: Send {
    /// The next event. After an error nothing more comes.
    fn event(&mut self, event: &Event, names: &Names) -> io::Result<()>;
    /// There are no more.
    fn finish(&mut self, names: &Names) -> io::Result<()>;
}
