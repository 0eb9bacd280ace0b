//! A flattened device tree made from the wired graph (Devicetree Specification 0.4).
//!
//! What a node says comes from the graph: `compatible` from the part's type, `reg` from the bus map
//! of the cores, interrupts from the wires, frequencies from the clocks. What a binding wants
//! beyond that is data, in [`extras`].

mod extras;
mod riscv;

use extras::{Extra, Source};
use hetemu_graph::{BusId, Flat, Graph, PartId, Value, flatten};
use hetemu_schema::{RegionKind, Signal};
use std::collections::BTreeMap;
use vm_fdt::FdtWriter;

/// What to describe.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The machine.
    pub graph: &'a Graph,
    /// The cores, in order of their nodes; they share one bus.
    pub cores: Vec<PartId>,
    /// That bus.
    pub bus: BusId,
    /// The part that is main memory.
    pub ram: PartId,
    /// Frequency of the platform timer in Hz.
    pub timebase_hz: u64,
    /// Kernel command line.
    pub bootargs: &'a str,
    /// First address and end of the initial RAM disk.
    pub initrd: Option<(u64, u64)>,
    /// Where a kernel's random numbers begin.
    pub seed: [u8; 32],
}

/// Where the registers of a part lie: region, address, length.
type Regs = Vec<(u32, u64, u64)>;

/// What is known of the tree while it is written.
struct Tree<'a> {
    req: &'a Request<'a>,
    fdt: FdtWriter,
    /// Parts on the bus that get a node, by address.
    nodes: Vec<(PartId, Regs)>,
    phandles: BTreeMap<PartId, u32>,
}

/// Makes the tree.
pub fn build(req: &Request<'_>) -> Result<Vec<u8>, vm_fdt::Error> {
    let mut nodes = mapped(req);
    nodes.sort_by_key(|(_, regs)| regs.first().map(|r| r.1));
    let mut phandles = BTreeMap::new();
    let wired = req.cores.iter().chain(nodes.iter().map(|(id, _)| id));
    for id in wired {
        phandles.insert(*id, phandles.len() as u32 + 1);
    }
    let mut tree = Tree { req, fdt: FdtWriter::new()?, nodes, phandles };
    tree.root()?;
    tree.fdt.finish()
}

/// Every part on the bus with registers and a `compatible`.
fn mapped(req: &Request<'_>) -> Vec<(PartId, Regs)> {
    let mut found: BTreeMap<PartId, Regs> = BTreeMap::new();
    for range in flatten(req.graph, req.bus) {
        let Flat::Region { part, region, offset: 0 } = range.to else { continue };
        let ty = req.graph.part(part).ty;
        let kind = ty.regions.get(region as usize).map(|r| r.kind);
        if kind != Some(RegionKind::Mmio) || ty.compatible.is_empty() {
            continue;
        }
        let regs = found.entry(part).or_default();
        if regs.iter().all(|r| r.0 != region) {
            let size = (range.last - range.start).saturating_add(1);
            regs.push((region, range.start, size));
        }
    }
    found.into_iter().collect()
}

fn cells(n: u64) -> [u32; 2] {
    [(n >> 32) as u32, n as u32]
}

impl Tree<'_> {
    fn root(&mut self) -> Result<(), vm_fdt::Error> {
        let root = self.fdt.begin_node("")?;
        self.fdt.property_u32("#address-cells", 2)?;
        self.fdt.property_u32("#size-cells", 2)?;
        self.fdt.property_string("compatible", "riscv-virtio")?;
        self.fdt.property_string("model", &format!("{},hetemu", self.req.graph.name))?;
        self.aliases()?;
        self.chosen()?;
        self.memory()?;
        self.cpus()?;
        let soc = self.fdt.begin_node("soc")?;
        self.fdt.property_u32("#address-cells", 2)?;
        self.fdt.property_u32("#size-cells", 2)?;
        self.fdt.property_string("compatible", "simple-bus")?;
        self.fdt.property_null("ranges")?;
        for (id, regs) in std::mem::take(&mut self.nodes) {
            self.device(id, &regs)?;
            self.nodes.push((id, regs));
        }
        self.fdt.end_node(soc)?;
        self.power()?;
        self.fdt.end_node(root)
    }

    /// The first part by address that a serial plug can attach to.
    fn console(&self) -> Option<String> {
        let serial =
            |id: PartId| self.req.graph.part(id).ty.links.iter().any(|l| l.kind.word() == "serial");
        let (id, regs) = self.nodes.iter().find(|(id, _)| serial(*id))?;
        Some(format!("/soc/{}", self.node_name(*id, regs)))
    }

    fn aliases(&mut self) -> Result<(), vm_fdt::Error> {
        let Some(console) = self.console() else { return Ok(()) };
        let node = self.fdt.begin_node("aliases")?;
        self.fdt.property_string("serial0", &console)?;
        self.fdt.end_node(node)
    }

    fn chosen(&mut self) -> Result<(), vm_fdt::Error> {
        let node = self.fdt.begin_node("chosen")?;
        if let Some(console) = self.console() {
            self.fdt.property_string("stdout-path", &console)?;
        }
        if !self.req.bootargs.is_empty() {
            // Text from the user: a NUL would end it early, so it does.
            let args = self.req.bootargs.split('\0').next().unwrap_or("");
            self.fdt.property_string("bootargs", args)?;
        }
        if let Some((start, end)) = self.req.initrd {
            self.fdt.property_u64("linux,initrd-start", start)?;
            self.fdt.property_u64("linux,initrd-end", end)?;
        }
        self.fdt.property("rng-seed", &self.req.seed)?;
        self.fdt.end_node(node)
    }

    fn memory(&mut self) -> Result<(), vm_fdt::Error> {
        for range in flatten(self.req.graph, self.req.bus) {
            let Flat::Region { part, .. } = range.to else { continue };
            if part != self.req.ram || !range.via.is_empty() {
                continue;
            }
            let node = self.fdt.begin_node(&format!("memory@{:x}", range.start))?;
            self.fdt.property_string("device_type", "memory")?;
            let size = (range.last - range.start).saturating_add(1);
            let reg = [cells(range.start), cells(size)].concat();
            self.fdt.property_array_u32("reg", &reg)?;
            self.fdt.end_node(node)?;
        }
        Ok(())
    }

    fn extra(&self, id: PartId) -> Option<&'static Extra> {
        extras::find(self.req.graph.part(id).ty.compatible)
    }

    fn node_name(&self, id: PartId, regs: &Regs) -> String {
        let at = regs.first().map_or(0, |r| r.1);
        let word = match self.extra(id) {
            Some(extra) => extra.node.to_string(),
            None => {
                let name = self.req.graph.part(id).name.rsplit('.').next().unwrap_or("device");
                name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
            }
        };
        format!("{word}@{at:x}")
    }

    fn device(&mut self, id: PartId, regs: &Regs) -> Result<(), vm_fdt::Error> {
        let part = self.req.graph.part(id);
        let node = self.fdt.begin_node(&self.node_name(id, regs))?;
        let compatible = part.ty.compatible.iter().map(|s| (*s).to_string()).collect();
        self.fdt.property_string_list("compatible", compatible)?;
        let reg: Vec<u32> = regs.iter().flat_map(|r| [cells(r.1), cells(r.2)].concat()).collect();
        self.fdt.property_array_u32("reg", &reg)?;
        if let Some(phandle) = self.phandles.get(&id) {
            self.fdt.property_phandle(*phandle)?;
        }
        self.interrupts(id)?;
        if let Some(extra) = self.extra(id) {
            for (name, source) in extra.props {
                self.extra_property(id, name, *source)?;
            }
        }
        self.fdt.end_node(node)
    }

    fn extra_property(
        &mut self,
        id: PartId,
        name: &str,
        source: Source,
    ) -> Result<(), vm_fdt::Error> {
        let part = self.req.graph.part(id);
        let int = |p: &str| part.props.get(p).and_then(Value::as_int);
        match source {
            Source::Flag => self.fdt.property_null(name),
            Source::Const(n) => self.fdt.property_u32(name, n),
            Source::Prop(p) => self.fdt.property_u32(name, int(p).unwrap_or(0) as u32),
            Source::Shift(p) => match int(p).unwrap_or(1) {
                n if n > 1 && n.is_power_of_two() => {
                    self.fdt.property_u32(name, n.trailing_zeros())
                }
                _ => Ok(()),
            },
            Source::Clock(c) => {
                let default = part.ty.clock(c).and_then(|c| c.default_hz);
                let hz = part.clocks.get(c).map(|c| c.0).or(default);
                self.fdt.property_u32(name, hz.unwrap_or(0) as u32)
            }
        }
    }

    /// Wires to an interrupt controller give `interrupts`, wires to cores `interrupts-extended`.
    fn interrupts(&mut self, id: PartId) -> Result<(), vm_fdt::Error> {
        let graph = self.req.graph;
        let mut lines: Vec<_> = graph.wires.iter().filter(|w| w.from.part == id).collect();
        lines.sort_by_key(|w| (w.from.index, w.from.port));
        let (mut parent, mut numbers, mut direct) = (None, Vec::new(), Vec::new());
        for wire in lines {
            let sink = graph.part(wire.to.part);
            let Some(input) = sink.ty.inputs.get(wire.to.port as usize) else { continue };
            if let Some(phandle) = self.phandles.get(&wire.to.part) {
                if sink.ty.core.is_some() {
                    if let Some(cause) = riscv::cause(input.name) {
                        // Contexts that no core listens to keep their place.
                        let place = wire.from.index as usize;
                        while self.is_controller(id) && direct.len() / 2 < place {
                            direct.extend([*phandle, u32::MAX]);
                        }
                        direct.extend([*phandle, cause]);
                    }
                } else if input.name == Signal::DEFAULT && parent.is_none_or(|p| p == *phandle) {
                    parent = Some(*phandle);
                    numbers.push(wire.to.index);
                }
            }
        }
        if let Some(parent) = parent {
            self.fdt.property_u32("interrupt-parent", parent)?;
            self.fdt.property_array_u32("interrupts", &numbers)?;
        }
        if !direct.is_empty() {
            self.fdt.property_array_u32("interrupts-extended", &direct)?;
        }
        Ok(())
    }

    fn is_controller(&self, id: PartId) -> bool {
        self.req.graph.part(id).ty.inputs.iter().any(|i| i.name == Signal::DEFAULT)
    }

    /// Nodes that say how to power off and reset through a `syscon` register.
    fn power(&mut self) -> Result<(), vm_fdt::Error> {
        let is_test = |id: PartId| self.req.graph.part(id).ty.compatible.contains(&"sifive,test0");
        let Some((id, _)) = self.nodes.iter().find(|(id, _)| is_test(*id)) else { return Ok(()) };
        let Some(phandle) = self.phandles.get(id).copied() else { return Ok(()) };
        for (name, value) in [("poweroff", 0x5555), ("reboot", 0x7777)] {
            let node = self.fdt.begin_node(name)?;
            self.fdt.property_string("compatible", &format!("syscon-{name}"))?;
            self.fdt.property_u32("regmap", phandle)?;
            self.fdt.property_u32("offset", 0)?;
            self.fdt.property_u32("value", value)?;
            self.fdt.end_node(node)?;
        }
        Ok(())
    }
}
