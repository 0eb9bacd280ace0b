//! Graphs built by hand, for the tests of this crate.
//!
//! The builder takes names in any order and gives what the language would: sorted, indexed, sizes
//! and defaults resolved. Types are the shipped ones, read from their files.

use crate::model::*;
use hetemu_schema::{Catalog, DeviceType, Endian, Lookup, PlugKind};
use std::collections::BTreeMap;

const SCHEMAS: &[&str] = &[
    include_str!("../../../devices/memory/src/ram/schema.kdl"),
    include_str!("../../../devices/memory/src/rom/schema.kdl"),
    include_str!("../../../devices/serial/src/lowrisc_uart/schema.kdl"),
    include_str!("../../../devices/serial/src/ns16550a/schema.kdl"),
    include_str!("../../../devices/serial/src/cmsdk_uart/schema.kdl"),
    include_str!("../../../devices/irq/src/lowrisc_plic/schema.kdl"),
    include_str!("../../../devices/irq/src/riscv_plic/schema.kdl"),
    include_str!("../../../devices/irq/src/signal/schema.kdl"),
    include_str!("../../../devices/timer/src/riscv_clint/schema.kdl"),
    include_str!("../../../devices/spi/src/lowrisc_spi_host/schema.kdl"),
    include_str!("../../../devices/misc/src/mailbox/schema.kdl"),
    include_str!("../../../devices/pc/src/gsi/schema.kdl"),
    include_str!("../../../targets/riscv/src/cores/schema.kdl"),
    include_str!("../../../targets/arm/src/cores/schema.kdl"),
    include_str!("../../../targets/mips/src/cores/schema.kdl"),
];

/// The shipped types that the tests use.
pub(crate) fn catalog() -> Catalog {
    let types = SCHEMAS.iter().flat_map(|text| {
        hetemu_schema::build::read(text, "schema.kdl").expect("shipped schemas are sound")
    });
    Catalog::new(types.map(|t| &*Box::leak(Box::new(t))))
}

/// A machine in the making.
pub(crate) struct Machine {
    catalog: Catalog,
    graph: Graph,
    rows: Vec<(String, String, Row)>,
    wires: Vec<(String, String)>,
    masters: Vec<(String, String, String)>,
    line: u32,
}

impl Machine {
    pub(crate) fn new(name: &str) -> Machine {
        Machine {
            catalog: catalog(),
            graph: Graph {
                name: name.into(),
                files: vec![format!("{name}.hm")],
                ..Graph::default()
            },
            rows: Vec::new(),
            wires: Vec::new(),
            masters: Vec::new(),
            line: 0,
        }
    }

    /// Spans are invented: every fact gets ten bytes of its own.
    fn span(&mut self) -> Span {
        self.line += 1;
        Span { file: 0, start: self.line * 10, end: self.line * 10 + 5 }
    }

    pub(crate) fn clock(mut self, name: &str, hz: u64) -> Self {
        let span = self.span();
        self.graph.clocks.push(Clock { name: name.into(), hz, span });
        self
    }

    pub(crate) fn plug(mut self, name: &str, kind: PlugKind, value: Option<&str>) -> Self {
        let span = self.span();
        let value = value.map(str::to_string);
        self.graph.plugs.push(Plug { name: name.into(), kind, value, from_text: true, span });
        self
    }

    pub(crate) fn bus(self, name: &str) -> Self {
        self.bus_with(name, |_| {})
    }

    pub(crate) fn bus_with(mut self, name: &str, change: impl FnOnce(&mut Bus)) -> Self {
        let span = self.span();
        let mut bus = Bus {
            name: name.into(),
            addr_bits: 32,
            width: 32,
            endian: Endian::Little,
            unmapped: Unmapped::Fault,
            rows: Vec::new(),
            span,
        };
        change(&mut bus);
        self.graph.buses.push(bus);
        self
    }

    /// A part with properties as `name=value` words: numbers, words, plugs, clocks, buses.
    pub(crate) fn part(mut self, name: &str, ty: &str, settings: &str) -> Self {
        let span = self.span();
        let (base, version) = ty.split_once('@').unwrap_or((ty, ""));
        let Lookup::Found(ty) = self.catalog.find(base, version.parse().ok()) else {
            panic!("no type {ty}");
        };
        let mut part = Part {
            name: name.into(),
            ty,
            props: BTreeMap::new(),
            set: Vec::new(),
            links: BTreeMap::new(),
            clocks: BTreeMap::new(),
            masters: BTreeMap::new(),
            on: None,
            index: name.split_once('[').and_then(|(_, i)| i.trim_end_matches(']').parse().ok()),
            doc: String::new(),
            span,
        };
        for p in ty.props {
            if let Some(default) = p.default {
                part.props.insert(p.name.into(), default.into());
            }
        }
        for word in settings.split_whitespace() {
            let (key, value) = word.split_once('=').expect("name=value");
            self.set(&mut part, ty, key, value);
        }
        self.graph.parts.push(part);
        self
    }

    fn set(&mut self, part: &mut Part, ty: &DeviceType, key: &str, value: &str) {
        if ty.prop(key).is_some() {
            let value = value.parse().map_or_else(|_| Value::Str(value.into()), Value::Int);
            part.props.insert(key.into(), value);
            part.set.push(key.into());
        } else if ty.link(key).is_some() {
            part.links.insert(key.into(), value.into());
        } else if ty.clock(key).is_some() {
            let clock = self.graph.clocks.iter().find(|c| c.name == value).expect("a clock");
            part.clocks.insert(key.into(), (clock.hz, value.into()));
        } else if ty.master(key).is_some() {
            self.masters.push((part.name.clone(), key.into(), value.into()));
        } else {
            panic!("{} has no {key}", ty.name);
        }
    }

    /// A row: bus, address, what it maps (`uart`, `host.ecam`, `soc`).
    pub(crate) fn row(self, bus: &str, base: u64, what: &str) -> Self {
        self.row_with(bus, base, what, |_| {})
    }

    /// A row of a given size, for memories.
    pub(crate) fn mem(self, bus: &str, base: u64, size: u64, what: &str) -> Self {
        self.row_with(bus, base, what, |r| r.size = size)
    }

    /// A row with everything else changed by `change`; offsets are those of the target.
    pub(crate) fn row_with(
        mut self,
        bus: &str,
        base: u64,
        what: &str,
        change: impl FnOnce(&mut Row),
    ) -> Self {
        let span = self.span();
        let mut row = Row {
            base,
            size: 0,
            target: Target::Bus { bus: BusId(0), offset: 0 },
            over: false,
            access: RowAccess::Rw,
            lanes: Lanes::Same,
            split: false,
            span,
        };
        change(&mut row);
        self.rows.push((bus.into(), what.into(), row));
        self
    }

    pub(crate) fn wire(mut self, from: &str, to: &str) -> Self {
        self.wires.push((from.into(), to.into()));
        self
    }

    /// Sorts and resolves.
    pub(crate) fn build(mut self) -> Graph {
        let mut g = std::mem::take(&mut self.graph);
        g.plugs.sort_by(|a, b| a.name.cmp(&b.name));
        g.clocks.sort_by(|a, b| a.name.cmp(&b.name));
        g.buses.sort_by(|a, b| a.name.cmp(&b.name));
        let key = |p: &Part| (p.name.split('[').next().unwrap_or("").to_string(), p.index);
        g.parts.sort_by_key(key);
        for (part, port, bus) in &self.masters {
            let bus = find_bus(&g, bus).expect("a bus");
            let id = g.find_part(part).expect("a part");
            g.parts[id.0 as usize].masters.insert(port.clone(), bus);
        }
        for (bus, what, mut row) in std::mem::take(&mut self.rows) {
            let (_, start) = match row.target {
                Target::Bus { offset, .. } | Target::Region { offset, .. } => ((), offset),
            };
            row.target = match find_bus(&g, &what) {
                Some(bus) => Target::Bus { bus, offset: start },
                None => {
                    let (name, region) = what.split_once('.').unwrap_or((&what, ""));
                    let part = g.find_part(name).expect("a part");
                    let ty = g.part(part).ty;
                    let region = ty.regions.iter().position(|r| r.name == region).unwrap_or(0);
                    let whole = g.part(part).region_size(region as u32);
                    if row.size == 0 {
                        row.size = whole.expect("a size") - start;
                    }
                    if whole.is_none() {
                        let size = Value::Int(row.size);
                        g.parts[part.0 as usize].props.insert("size".into(), size);
                    }
                    Target::Region { part, region: region as u32, offset: start }
                }
            };
            let id = find_bus(&g, &bus).expect("a bus");
            g.buses[id.0 as usize].rows.push(row);
        }
        for bus in &mut g.buses {
            bus.rows.sort_by_key(|r| (r.base, r.over));
        }
        for (from, to) in std::mem::take(&mut self.wires) {
            let span = self.span();
            let from = port(&g, &from, false);
            let kind = g.part(from.part).ty.outputs[from.port as usize].kind;
            g.wires.push(Wire { from, to: port(&g, &to, true), kind, span });
        }
        g.wires.sort_by_key(|w| (w.from, w.to));
        let mut clusters: BTreeMap<String, Vec<PartId>> = BTreeMap::new();
        for (id, core) in g.cores() {
            let name = core.name.split('[').next().unwrap_or("");
            clusters.entry(name.into()).or_default().push(id);
        }
        g.clusters = clusters.into_iter().map(|(name, cores)| Cluster { name, cores }).collect();
        g
    }
}

fn find_bus(g: &Graph, name: &str) -> Option<BusId> {
    g.buses.iter().position(|b| b.name == name).map(|i| BusId(i as u32))
}

/// `rv[1].meip`, `plic[3]`, `mbox.irq[0]`.
fn port(g: &Graph, text: &str, input: bool) -> Port {
    let (part, rest) = g
        .parts()
        .filter_map(|(id, p)| Some((id, text.strip_prefix(p.name.as_str())?)))
        .filter(|(_, rest)| rest.starts_with(['.', '[']))
        .max_by_key(|(id, _)| g.part(*id).name.len())
        .unwrap_or_else(|| panic!("no part in {text}"));
    let rest = rest.strip_prefix('.').unwrap_or(rest);
    let (name, index) = rest.split_once('[').unwrap_or((rest, "0]"));
    let name = if name.is_empty() { "in" } else { name };
    let index = index.trim_end_matches(']').parse().expect("an index");
    let ty = g.part(part).ty;
    let list = if input { ty.inputs } else { ty.outputs };
    let port = list.iter().position(|s| s.name == name).unwrap_or_else(|| panic!("{text}"));
    Port { part, port: port as u32, index }
}

/// `samples/opentitan.hm`.
pub(crate) fn opentitan() -> Machine {
    Machine::new("opentitan")
        .plug("serial0", PlugKind::Serial, Some("stdio"))
        .bus("main")
        .part("ibex", "lowrisc.ibex", "bus=main")
        .part("rom", "memory.rom", "")
        .part("ram", "memory.ram", "")
        .part("flash", "memory.rom", "")
        .part("uart", "lowrisc.uart@1", "line=serial0")
        .part("plic", "lowrisc.plic@1", "")
        .mem("main", 0x8000, 16 << 10, "rom")
        .mem("main", 0x1000_0000, 64 << 10, "ram")
        .mem("main", 0x2000_0000, 512 << 10, "flash")
        .row("main", 0x4000_0000, "uart")
        .row("main", 0x4101_0000, "plic")
        .wire("plic.target[0]", "ibex.external")
        .wire("uart.tx_watermark", "plic[1]")
        .wire("uart.rx_watermark", "plic[2]")
        .wire("uart.tx_empty", "plic[3]")
        .wire("uart.rx_overflow", "plic[4]")
}

/// `samples/trio.hm`.
pub(crate) fn trio() -> Machine {
    let mut m = Machine::new("trio")
        .plug("console", PlugKind::Serial, Some("stdio"))
        .plug("mcu_log", PlugKind::Serial, Some("null"))
        .plug("rv_boot", PlugKind::Image, None)
        .plug("m4_boot", PlugKind::Image, None)
        .plug("be_boot", PlugKind::Image, None)
        .clock("osc", 24_000_000)
        .clock("core", 1_200_000_000)
        .clock("slow", 120_000_000)
        .bus_with("soc", |b| b.width = 64)
        .bus("mcu")
        .bus_with("dsp", |b| b.endian = Endian::Big);
    for i in 0..4 {
        m = m
            .part(&format!("rv[{i}]"), "riscv.rv64gc", &format!("bus=soc clk=core hart={i}"))
            .wire(&format!("clint.msip[{i}]"), &format!("rv[{i}].msip"))
            .wire(&format!("clint.mtip[{i}]"), &format!("rv[{i}].mtip"))
            .wire(&format!("plic.target[{}]", 2 * i), &format!("rv[{i}].meip"))
            .wire(&format!("plic.target[{}]", 2 * i + 1), &format!("rv[{i}].seip"));
    }
    m.part("m4", "arm.cortex_m4", "bus=mcu clk=slow irqs=32")
        .part("be", "mips.m14k", "bus=dsp clk=slow endian=big")
        .wire("uart1.rx", "m4.irq[0]")
        .wire("uart1.tx", "m4.irq[1]")
        .wire("mbox.irq[1]", "m4.irq[5]")
        .wire("mbox.irq[2]", "be.irq[2]")
        .wire("mbox.irq[0]", "plic[11]")
        .wire("uart0.irq", "plic[10]")
        .part("bootrom", "memory.rom", "image=rv_boot")
        .part("clint", "riscv.clint", "harts=4 clk=osc")
        .part("plic", "riscv.plic", "sources=31 targets=8")
        .part("uart0", "ns16550a", "clk=osc line=console")
        .part("shared", "memory.ram", "")
        .part("mbox", "hm.mailbox", "channels=3")
        .part("dram", "memory.ram", "")
        .part("itcm", "memory.ram", "image=m4_boot")
        .part("dtcm", "memory.ram", "")
        .part("uart1", "arm.cmsdk_uart", "clk=slow line=mcu_log")
        .part("sram", "memory.ram", "")
        .part("be_rom", "memory.rom", "image=be_boot")
        .mem("soc", 0x0001_0000, 128 << 10, "bootrom")
        .row("soc", 0x0200_0000, "clint")
        .row("soc", 0x0C00_0000, "plic")
        .row("soc", 0x1000_0000, "uart0")
        .mem("soc", 0x2000_0000, 1 << 20, "shared")
        .row("soc", 0x3000_0000, "mbox")
        .mem("soc", 0x8000_0000, 2 << 30, "dram")
        .mem("mcu", 0, 256 << 10, "itcm")
        .mem("mcu", 0x2000_0000, 128 << 10, "dtcm")
        .row("mcu", 0x4000_0000, "uart1")
        .row("mcu", 0x5000_0000, "mbox")
        .mem("mcu", 0x6000_0000, 1 << 20, "shared")
        .row_with("mcu", 0x7000_0000, "soc", |r| {
            r.size = 16 << 20;
            r.target = Target::Bus { bus: BusId(0), offset: 0x1000_0000 };
        })
        .mem("dsp", 0, 1 << 20, "sram")
        .row_with("dsp", 0x1000_0000, "shared", |r| r.lanes = Lanes::Bytes)
        .row_with("dsp", 0x1F00_0000, "mbox", |r| r.lanes = Lanes::Swap32)
        .mem("dsp", 0x1FC0_0000, 256 << 10, "be_rom")
}
