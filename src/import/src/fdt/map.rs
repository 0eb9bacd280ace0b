//! From a device tree to a machine: `compatible` gives the type, `reg` and `ranges` rows and
//! windows, `interrupts` wires, `clocks` clocks, `chosen` plugs.
//!
//! A tree says nothing of what boots a board; RISC-V boards get the part that does, and memory at
//! the reset vector, and both are said.

use super::{NodeId, Tree, cause_names};
use crate::codes;
use crate::draft::{BusId, Draft, End, Given, PartId, What};
use crate::names;
use crate::{Imported, Options};
use hetemu_lang::{Diagnostic, Span};
use hetemu_schema::{Catalog, DeviceType, Literal, PlugKind, PropType, Signal, units};
use std::collections::{BTreeMap, BTreeSet};

/// How a binding's number becomes a property's.
type Change = fn(u32) -> u64;

/// Properties of bindings that are properties of types: name, ours, and how the number changes.
const PROPS: &[(&str, &str, Change)] = &[
    ("bank-width", "width", |n| n.into()),
    ("riscv,ndev", "sources", |n| n.into()),
    ("reg-shift", "reg_stride", |n| 1u64.checked_shl(n).unwrap_or(0)),
];

/// Nodes that need no part: what they say is said elsewhere, or by every tree anew.
const SILENT: &[&str] = &["chosen", "aliases", "cpus", "memory", "reserved-memory", "__symbols__"];

struct Map<'t, 'a> {
    tree: &'t Tree,
    d: Draft<'a>,
    main: BusId,
    parts: BTreeMap<NodeId, PartId>,
    /// Nodes that are drawn as the part of another: a core's own interrupt controller.
    controllers: BTreeMap<NodeId, PartId>,
    handles: BTreeMap<u32, NodeId>,
    cores: Vec<PartId>,
    timebase: Option<String>,
}

pub(super) fn import(
    tree: &Tree,
    stem: &str,
    diags: Vec<Diagnostic>,
    catalog: &Catalog,
    options: &Options,
) -> Imported {
    let model = tree.strings(0, "compatible").into_iter().next();
    let name = model.as_deref().map_or(stem, |m| m.rsplit(',').next().unwrap_or(m));
    let mut d = Draft::new(catalog, name);
    d.diags = diags;
    let what = tree.string(0, "model").or(model).unwrap_or_else(|| stem.to_string());
    d.doc.push(format!("{what}, imported from a device tree."));
    let main = d.bus("main");
    let mut handles = BTreeMap::new();
    for id in 0..tree.nodes.len() {
        for name in ["phandle", "linux,phandle"] {
            if let Some(handle) = tree.cell(id, name) {
                handles.entry(handle).or_insert(id);
            }
        }
    }
    let mut m = Map {
        tree,
        d,
        main,
        parts: BTreeMap::new(),
        controllers: BTreeMap::new(),
        handles,
        cores: Vec::new(),
        timebase: None,
    };
    m.cpus();
    m.children(0, main, 0);
    m.plugs();
    m.interrupts();
    m.boot();
    m.d.finish(options)
}

impl Map<'_, '_> {
    fn span(&self, id: NodeId) -> Span {
        self.tree.nodes.get(id).map_or(Span::default(), |n| n.span)
    }

    fn name(&self, id: NodeId) -> &str {
        self.tree.nodes.get(id).map_or("", |n| n.name.as_str())
    }

    fn kids(&self, id: NodeId) -> Vec<NodeId> {
        let live = |c: &NodeId| self.tree.nodes.get(*c).is_some_and(|n| !n.deleted);
        self.tree
            .nodes
            .get(id)
            .map_or(Vec::new(), |n| n.children.iter().copied().filter(live).collect())
    }

    /// Says a node that is switched off.
    fn disabled(&mut self, id: NodeId) -> bool {
        let off = self.tree.string(id, "status").is_some_and(|s| s != "okay" && s != "ok");
        if off {
            let what = format!("`{}` is disabled and left out", self.name(id));
            let span = self.span(id);
            self.d.say(Diagnostic::new(codes::N1209, span, what));
        }
        off
    }

    fn bus_name(&self, bus: BusId) -> String {
        self.d.buses.get(bus).map_or(String::new(), |b| b.name.clone())
    }

    fn cpus(&mut self) {
        let Some(cpus) = self.tree.find("/cpus") else { return };
        if let Some(hz) = self.tree.cell(cpus, "timebase-frequency").filter(|hz| *hz > 0) {
            self.timebase = Some(self.d.clock("timebase", hz.into()));
        }
        let mut index = 0;
        for id in self.kids(cpus) {
            let cpu = self.tree.string(id, "device_type").as_deref() == Some("cpu")
                || self.name(id).starts_with("cpu@");
            if !cpu || self.disabled(id) {
                continue;
            }
            let span = self.span(id);
            let Some(ty) = self.core_type(id) else {
                let list = self.tree.strings(id, "compatible").join(", ");
                let what = format!("there is no core here for `{list}`");
                let d = Diagnostic::new(codes::W1202, span, what);
                self.d.say(d.note("without a core nothing can run; `check` will say so"));
                continue;
            };
            let part = self.d.part(&format!("cpu{index}"), ty, span);
            index += 1;
            let main = self.bus_name(self.main);
            for m in ty.masters {
                self.d.set(part, m.name, Given::Name(main.clone()));
            }
            if let Some(hart) = self.tree.cells(id, "reg").and_then(|c| c.last().copied()) {
                self.d.set(part, "hart", Given::Int(hart.into()));
            }
            self.isa(id, part);
            self.parts.insert(id, part);
            self.cores.push(part);
            for child in self.kids(id) {
                if self.tree.prop(child, "interrupt-controller").is_some() {
                    self.controllers.insert(child, part);
                }
            }
        }
    }

    fn core_type(&self, id: NodeId) -> Option<&'static DeviceType> {
        let list = self.tree.strings(id, "compatible");
        let isa = self.tree.string(id, "riscv,isa-base").or(self.tree.string(id, "riscv,isa"));
        let named = names::by_compatible(self.d.catalog, &list[..list.len().min(1)]);
        let named = named.filter(|t| t.core.is_some() && t.compatible.len() > 1);
        let Some(isa) = isa else {
            return names::by_compatible(self.d.catalog, &list).filter(|t| t.core.is_some());
        };
        let bits = match isa.get(..4) {
            Some("rv32") => 32,
            Some("rv64") => 64,
            _ => return named,
        };
        let generic = |t: &&'static DeviceType| {
            t.core.as_ref().is_some_and(|c| c.isa == "riscv" && c.bits == bits)
                && t.prop("isa").is_some()
        };
        named.or_else(|| self.d.catalog.iter().find(generic))
    }

    /// Extensions and translation of a RISC-V core: what the type has is kept, the rest is said.
    fn isa(&mut self, id: NodeId, part: PartId) {
        let Some(ty) = self.d.parts.get(part).map(|p| p.ty) else { return };
        let default = ty.prop("isa").and_then(|p| p.default);
        let (Some(Literal::Str(default)), Some(isa)) = (default, self.tree.string(id, "riscv,isa"))
        else {
            return;
        };
        let mut wanted = extensions(&isa);
        wanted.extend(self.tree.strings(id, "riscv,isa-extensions"));
        let has = extensions(default);
        // Parts of what every list implies.
        let implied = ["zicsr", "zifencei", "zicntr", "zihpm", "i"];
        let kept: Vec<&String> =
            has.iter().filter(|e| wanted.contains(e) || implied.contains(&e.as_str())).collect();
        let lost: BTreeSet<&str> = wanted
            .iter()
            .map(String::as_str)
            .filter(|e| !has.iter().any(|h| h == e) && known(e))
            .collect();
        let (letters, names): (Vec<&String>, Vec<&String>) =
            kept.iter().partition(|e| e.len() == 1);
        let mut text: String = default.get(..4).unwrap_or("").to_string();
        letters.iter().for_each(|l| text.push_str(l));
        names.iter().for_each(|n| {
            text.push('_');
            text.push_str(n);
        });
        self.d.set(part, "isa", Given::Text(text));
        let first = self.cores.is_empty();
        if !lost.is_empty() && first {
            let span = self.tree.prop(id, "riscv,isa").map_or(Span::default(), |p| p.span);
            let what =
                format!("`{}` does not have {}", ty.full_name(), Vec::from_iter(lost).join(", "));
            self.d.say(Diagnostic::new(codes::W1203, span, what));
        }
        let mmu = self.tree.string(id, "mmu-type").unwrap_or_else(|| "riscv,none".into());
        let word = mmu.rsplit(',').next().unwrap_or("none");
        if self.d.set(part, "mmu", Given::Text(word.into())).is_none() && first {
            let span = self.span(id);
            let what = format!("`{}` has no `{mmu}`", ty.full_name());
            self.d.say(Diagnostic::new(codes::W1203, span, what));
        }
    }

    /// Address and size cells of a node for its children.
    fn widths(&self, id: NodeId) -> (usize, usize) {
        let cell = |name, default| self.tree.cell(id, name).map_or(default, |n| n.min(4) as usize);
        (cell("#address-cells", 2), cell("#size-cells", 1))
    }

    /// `reg` as addresses and sizes.
    fn reg(&self, id: NodeId) -> Vec<(u64, u64)> {
        let parent = self.tree.nodes.get(id).map_or(0, |n| n.parent);
        let (a, s) = self.widths(parent);
        let Some(cells) = self.tree.cells(id, "reg").filter(|_| a + s > 0 && a > 0) else {
            return Vec::new();
        };
        cells.chunks_exact(a + s).map(|c| (number(&c[..a]), number(&c[a..]))).collect()
    }

    fn children(&mut self, id: NodeId, bus: BusId, depth: usize) {
        // In the order of addresses, so that numbered names count up.
        let mut kids = self.kids(id);
        kids.sort_by_key(|k| self.reg(*k).first().map(|r| r.0));
        for child in kids {
            let base = self.name(child).split('@').next().unwrap_or("").to_string();
            let memory = self.tree.string(child, "device_type").as_deref() == Some("memory")
                || (base == "memory" && id == 0);
            if memory {
                self.memory(child, bus);
            } else if SILENT.contains(&base.as_str()) || self.disabled(child) {
                continue;
            } else {
                self.device(child, bus, depth);
            }
        }
    }

    fn memory(&mut self, id: NodeId, bus: BusId) {
        let Some(ty) = self.d.memory(false) else { return };
        for (base, size) in self.reg(id).into_iter().filter(|(_, size)| *size > 0) {
            let span = self.span(id);
            let part = self.d.part("dram", ty, span);
            self.parts.entry(id).or_insert(part);
            self.d.map(bus, base, Some(size), part, 0, span);
            // A row with this size is what the memory is.
            if let Some(r) = self.d.buses.get_mut(bus).and_then(|b| b.rows.last_mut()) {
                r.size = size;
            }
        }
    }

    fn device(&mut self, id: NodeId, bus: BusId, depth: usize) {
        let list = self.tree.strings(id, "compatible");
        let has = |word: &str| list.iter().any(|c| c == word);
        if has("fixed-clock") {
            if let Some(hz) = self.tree.cell(id, "clock-frequency").filter(|hz| *hz > 0) {
                let name = self.tree.string(id, "clock-output-names");
                let name = name.unwrap_or_else(|| self.name(id).to_string());
                self.d.clock(&name, hz.into());
            }
            return;
        }
        let transparent = self.tree.prop(id, "ranges").is_some() || has("simple-bus");
        let reg = self.reg(id);
        let ty = names::by_compatible(self.d.catalog, &list);
        if transparent
            && ty.is_none()
            && depth < 32
            && (reg.is_empty() || has("simple-bus") || has("simple-mfd"))
        {
            let inner = self.window(id, bus);
            self.children(id, inner, depth + 1);
            return;
        }
        let span = self.span(id);
        // What switches the board off writes to a register that is carried by itself.
        if list.iter().any(|c| c.starts_with("syscon-")) {
            return;
        }
        if reg.is_empty() {
            if list.is_empty() && self.kids(id).is_empty() {
                return;
            }
            let what = format!("`{}` has no registers and is left out", self.name(id));
            self.d.say(Diagnostic::new(codes::W1205, span, what));
            return;
        }
        let name = self.part_name(id);
        let part = match ty.filter(|t| t.core.is_none() && !t.regions.is_empty()) {
            Some(ty) => {
                // Banks of memory are parts of their own.
                let each = if Draft::is_memory(ty) { 1 } else { reg.len() };
                let mut first = None;
                for ranges in reg.chunks(each) {
                    let part = self.d.part(&name, ty, span);
                    self.settings(id, part, bus);
                    for (n, (base, size)) in ranges.iter().enumerate().take(ty.regions.len()) {
                        self.d.map(bus, *base, Some((*size).max(1)), part, n, span);
                    }
                    first = first.or(Some(part));
                }
                let Some(part) = first else { return };
                part
            }
            None => match self.stub(id, &name, &list, &reg, bus) {
                Some(part) => part,
                None => return,
            },
        };
        self.parts.insert(id, part);
    }

    /// Rows of what hetemu does not have.
    fn stub(
        &mut self,
        id: NodeId,
        name: &str,
        list: &[String],
        reg: &[(u64, u64)],
        bus: BusId,
    ) -> Option<PartId> {
        let span = self.span(id);
        let called = if list.is_empty() { self.name(id).to_string() } else { list.join(", ") };
        let what = format!("there is no type here for `{called}`");
        let mut d = Diagnostic::new(codes::W1202, span, what);
        let mut first = None;
        for (base, size) in reg.iter().filter(|(_, size)| *size > 0) {
            let part = self.d.stub(name, *size, span)?;
            if let Some(p) = self.d.parts.get_mut(part) {
                p.remark = Some(format!("to do: {called}"));
            }
            self.d.map(bus, *base, Some(*size), part, 0, span);
            d = d.note(format!("`hm.stub` stands in at {}", units::hex(*base)));
            first = first.or(Some(part));
        }
        self.d.say(d);
        first
    }

    /// Nodes are called after what they are: `serial@10000000` is `serial`, `uart0` if labelled so.
    fn part_name(&self, id: NodeId) -> String {
        let base = |id: NodeId| self.name(id).split('@').next().unwrap_or("part");
        let own = base(id);
        let parent = self.tree.nodes.get(id).map_or(0, |n| n.parent);
        let mut twins: Vec<NodeId> =
            self.kids(parent).into_iter().filter(|k| base(*k) == own).collect();
        twins.sort_by_key(|k| self.reg(*k).first().map(|r| r.0));
        match twins.iter().position(|t| *t == id) {
            Some(n) if twins.len() > 1 => names::ident(&format!("{own}{n}")),
            _ => names::ident(own),
        }
    }

    /// The bus behind a node with `ranges`: the same one if addresses do not change.
    fn window(&mut self, id: NodeId, bus: BusId) -> BusId {
        let (child, size) = self.widths(id);
        let parent = self.tree.nodes.get(id).map_or(0, |n| n.parent);
        let (above, _) = self.widths(parent);
        let cells = self.tree.cells(id, "ranges").unwrap_or_default();
        let each = child + above + size;
        if each == 0 || child == 0 || cells.len() < each {
            return bus;
        }
        let ranges: Vec<(u64, u64, u64)> = cells
            .chunks_exact(each)
            .map(|c| {
                (number(&c[..child]), number(&c[child..child + above]), number(&c[child + above..]))
            })
            .collect();
        if ranges.iter().all(|(here, there, _)| here == there) {
            return bus;
        }
        let inner = self.d.bus(&self.part_name(id));
        let span = self.span(id);
        for (here, there, size) in ranges.into_iter().filter(|r| r.2 > 0) {
            let row = crate::draft::Row {
                base: there,
                size,
                what: What::Bus(inner, here),
                over: false,
                ro: false,
                span,
                gone: false,
            };
            if let Some(b) = self.d.buses.get_mut(bus) {
                b.rows.push(row);
            }
        }
        inner
    }

    /// Properties, clocks and bus ports of a part.
    fn settings(&mut self, id: NodeId, part: PartId, bus: BusId) {
        let Some(ty) = self.d.parts.get(part).map(|p| p.ty) else { return };
        for (theirs, ours, change) in PROPS {
            if let (Some(n), true) = (self.tree.cell(id, theirs), ty.prop(ours).is_some()) {
                let value = change(n);
                if self.d.set(part, ours, Given::Int(value)).is_none() {
                    let what =
                        format!("`{theirs} = <{n}>` is no value of `{}.{ours}`", ty.full_name());
                    let span = self.tree.prop(id, theirs).map_or(Span::default(), |p| p.span);
                    self.d.say(Diagnostic::new(codes::W1203, span, what));
                }
            }
        }
        let bus = self.bus_name(bus);
        for m in ty.masters {
            self.d.set(part, m.name, Given::Name(bus.clone()));
        }
        let Some(clock) = ty.clocks.first() else { return };
        // The platform timer counts the time base.
        let timer = ty.outputs.iter().any(|o| o.name == "mtip");
        let fixed = self.tree.cell(id, "clocks").and_then(|h| self.handles.get(&h)).copied();
        let fixed = fixed.and_then(|n| {
            let hz = self.tree.cell(n, "clock-frequency").filter(|hz| *hz > 0)?;
            let name = self.tree.string(n, "clock-output-names");
            Some((name.unwrap_or_else(|| self.name(n).to_string()), hz))
        });
        let own = self.tree.cell(id, "clock-frequency").filter(|hz| *hz > 0);
        let name = match (timer, fixed, own) {
            (true, ..) => self.timebase.clone(),
            (_, Some((name, hz)), _) => Some(self.d.clock(&name, hz.into())),
            (_, None, Some(hz)) if clock.default_hz != Some(hz.into()) => {
                let wanted = format!("{}_clk", self.part_name(id));
                Some(self.d.clock(&wanted, hz.into()))
            }
            _ => None,
        };
        if let Some(name) = name {
            self.d.set(part, clock.name, Given::Name(name));
        }
    }

    /// Serial parts get plugs; the one that `stdout-path` names, or else the first, the terminal.
    fn plugs(&mut self) {
        let stdout = self.tree.find("/chosen").and_then(|c| self.tree.string(c, "stdout-path"));
        let stdout = stdout.and_then(|path| {
            let path = path.split(':').next().unwrap_or("").to_string();
            match path.starts_with('/') {
                true => self.tree.find(&path),
                false => self.tree.find(&self.tree.string(self.tree.find("/aliases")?, &path)?),
            }
        });
        let parts: Vec<(NodeId, PartId)> = self.parts.iter().map(|(n, p)| (*n, *p)).collect();
        let serial = |d: &Draft<'_>, part: PartId| {
            let links = d.parts.get(part).map_or(&[][..], |p| p.ty.links);
            links.iter().find(|l| l.kind == PlugKind::Serial).map(|l| l.name)
        };
        let all: Vec<_> =
            parts.iter().filter_map(|(n, p)| Some((*n, *p, serial(&self.d, *p)?))).collect();
        let console = all.iter().find(|(n, ..)| Some(*n) == stdout).or(all.first()).map(|c| c.0);
        for (n, (node, part, link)) in all.iter().enumerate() {
            let value = if Some(*node) == console { "stdio" } else { "null" };
            let name = if value == "stdio" { "console".into() } else { format!("line{n}") };
            let plug = self.d.plug(&name, PlugKind::Serial, Some(value));
            self.d.set(*part, link, Given::Name(plug));
        }
    }

    /// The interrupt parent of a node: its own or the nearest above.
    fn interrupt_parent(&self, mut id: NodeId) -> Option<NodeId> {
        for _ in 0..64 {
            if let Some(handle) = self.tree.cell(id, "interrupt-parent") {
                return self.handles.get(&handle).copied();
            }
            let parent = self.tree.nodes.get(id)?.parent;
            if id == 0 {
                return None;
            }
            id = parent;
        }
        None
    }

    /// Interrupts of a node: controller and cells of each.
    fn interrupt_list(&self, id: NodeId) -> Vec<(Option<NodeId>, Vec<u32>)> {
        let cells_of = |node: Option<NodeId>| {
            let n = node.and_then(|n| self.tree.cell(n, "#interrupt-cells")).unwrap_or(1);
            (n as usize).clamp(1, 8)
        };
        if let Some(cells) = self.tree.cells(id, "interrupts-extended") {
            let mut out = Vec::new();
            let mut rest = cells.as_slice();
            while let Some((handle, after)) = rest.split_first() {
                let node = self.handles.get(handle).copied();
                let n = cells_of(node).min(after.len());
                let (spec, tail) = after.split_at(n);
                out.push((node, spec.to_vec()));
                rest = tail;
            }
            return out;
        }
        let parent = self.interrupt_parent(id);
        let cells = self.tree.cells(id, "interrupts").unwrap_or_default();
        cells.chunks_exact(cells_of(parent)).map(|c| (parent, c.to_vec())).collect()
    }

    fn interrupts(&mut self) {
        let parts: Vec<(NodeId, PartId)> = self.parts.iter().map(|(n, p)| (*n, *p)).collect();
        for (id, part) in parts {
            let Some(ty) = self.d.parts.get(part).map(|p| p.ty) else { continue };
            if ty.core.is_some() {
                continue;
            }
            let list = self.interrupt_list(id);
            let stub = ty.outputs.is_empty();
            let span = ["interrupts-extended", "interrupts"]
                .iter()
                .find_map(|n| self.tree.prop(id, n))
                .map_or(self.span(id), |p| p.span);
            if stub {
                let numbers: Vec<String> =
                    list.iter().filter_map(|(_, c)| c.first()).map(u32::to_string).collect();
                if let (false, Some(p)) = (numbers.is_empty(), self.d.parts.get_mut(part)) {
                    let remark = p.remark.get_or_insert_default();
                    remark.push_str(&format!(", interrupts {}", numbers.join(" ")));
                }
                continue;
            }
            let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
            for (n, (controller, cells)) in list.into_iter().enumerate() {
                let Some(first) = cells.first().copied() else { continue };
                let core = controller.and_then(|c| self.controllers.get(&c)).copied();
                // Contexts without a listener: -1.
                if core.is_some() && first == u32::MAX {
                    continue;
                }
                let (from, to) = match core {
                    Some(core) => self.local(part, core, n as u32, first, &mut seen),
                    None => (self.d.output_line(part, n as u32), self.source(controller, &cells)),
                };
                match (from, to) {
                    (Some(from), Some(to)) => self.d.wire(from, to, span),
                    _ => {
                        let what = format!(
                            "interrupt {n} of `{}` ({first}) has no counterpart",
                            self.name(id)
                        );
                        self.d.say(Diagnostic::new(codes::W1204, span, what));
                    }
                }
            }
        }
    }

    /// A line to a core's own inputs, by the cause's number.
    fn local(
        &mut self,
        part: PartId,
        core: PartId,
        place: u32,
        cause: u32,
        seen: &mut BTreeMap<&'static str, u32>,
    ) -> (Option<End>, Option<End>) {
        let names = cause_names(cause);
        let to = names.iter().find_map(|n| self.d.input(core, n, 0));
        let Some(ty) = self.d.parts.get(part).map(|p| p.ty) else { return (None, to) };
        // A timer and software interrupts have outputs of the same name, one a core.
        let same = ty.outputs.iter().find(|o| names.contains(&o.name)).map(|o| o.name);
        let from = match same {
            Some(name) => {
                let n = seen.entry(name).or_insert(0);
                *n += 1;
                let index = *n - 1;
                self.d.output(part, name, index)
            }
            None => self.d.output_line(part, place),
        };
        (from, to)
    }

    /// The numbered input of a controller.
    fn source(&mut self, controller: Option<NodeId>, cells: &[u32]) -> Option<End> {
        let number = *cells.first()?;
        let node = controller?;
        if let Some(part) = self.parts.get(&node).copied() {
            return self.d.input(part, Signal::DEFAULT, number);
        }
        // A controller within the core: its numbered inputs are the core's.
        let nvic = self.tree.strings(node, "compatible").iter().any(|c| c.contains("nvic"));
        let core = *self.cores.first().filter(|_| nvic)?;
        self.d.input(core, "irq", number)
    }

    /// Memory at the reset vector and the part that loads firmware, where the ISA has one.
    fn boot(&mut self) {
        let Some(core) = self.cores.first().and_then(|c| self.d.parts.get(*c)).cloned() else {
            return;
        };
        let Some(facts) = core.ty.core.as_ref() else { return };
        let Some(ty) = names::by_name(self.d.catalog, &format!("boot.{}", facts.isa)) else {
            return;
        };
        let ram = self.d.parts.iter().find(|p| p.name == "dram").map(|p| p.name.clone());
        let (Some(ram), Some(rom_ty)) = (ram, self.d.memory(true)) else { return };
        if !self.d.parts.iter().any(|p| p.ty.core.is_some() && p.ty.prop("mmu").is_some()) {
            return;
        }
        let at = facts.reset_vector;
        let span = self.span(0);
        if self.d.memory_at(self.main, at) {
            return;
        }
        let rom = self.d.part("mrom", rom_ty, span);
        self.d.map(self.main, at, Some(BOOT_ROM), rom, 0, span);
        let rom = self.d.parts.get(rom).map_or(String::new(), |p| p.name.clone());
        let what = format!(
            "a tree does not say how a board boots: `{rom}` at {} and `{}` are added",
            units::hex(at),
            ty.name
        );
        self.d.say(Diagnostic::new(codes::N1207, span, what));
        let part = self.d.part("boot", ty, span);
        for p in ty.props.iter().filter(|p| p.ty == PropType::Part) {
            let name = if p.name == "rom" { rom.clone() } else { ram.clone() };
            self.d.set(part, p.name, Given::Name(name));
        }
        let args = self.tree.find("/chosen").and_then(|c| self.tree.string(c, "bootargs"));
        if let Some(args) = args {
            self.d.set(part, "bootargs", Given::Text(args));
        }
        for link in ty.links.iter().filter(|l| l.kind == PlugKind::Image) {
            let plug = self.d.plug(link.name, PlugKind::Image, None);
            self.d.set(part, link.name, Given::Name(plug));
        }
    }
}

/// As much as QEMU's boards have at 0x1000.
const BOOT_ROM: u64 = 60 << 10;

/// Up to two cells as a number; more are an address that no bus here has.
fn number(cells: &[u32]) -> u64 {
    cells.iter().fold(0, |n, c| (n << 32) | u64::from(*c))
}

/// Letters and names of an ISA string.
fn extensions(isa: &str) -> Vec<String> {
    let rest = isa.get(4..).unwrap_or("");
    let (letters, names) = rest.split_once('_').unwrap_or((rest, ""));
    let mut out: Vec<String> = Vec::new();
    for c in letters.chars() {
        match c {
            'g' => out.extend(["i", "m", "a", "f", "d"].map(String::from)),
            c => out.push(c.to_string()),
        }
    }
    out.extend(names.split('_').filter(|n| !n.is_empty()).map(str::to_string));
    out
}

/// Whether the lack of an extension can matter: names of profiles and of facts that always hold
/// do not.
fn known(e: &str) -> bool {
    !e.starts_with("zicc")
        && !e.starts_with("zve")
        && !e.starts_with("zvl")
        && !e.starts_with("za64")
        && !["zic64b", "zmmul", "zaamo", "zalrsc", "zca", "zcd", "sdtrig", "b", "s", "u"]
            .contains(&e)
        && !e.starts_with("ss")
        && !e.starts_with("svade")
}
