//! CMSIS-SVD files (CMSIS 5, System View Description): a bus of stubs at the addresses of the
//! peripherals, with their registers and interrupts as comments.
//!
//! An SVD says which registers there are and nothing of what they do, and it has no memories.
//! [`read`] gives what it says as plain data, for other users of such files.

use crate::codes;
use crate::draft::{Draft, Given};
use crate::names;
use crate::{Imported, Options};
use hetemu_lang::source::FileId;
use hetemu_lang::{Diagnostic, SourceMap, Span};
use hetemu_schema::{Catalog, DeviceType, units};
use roxmltree::{Document, Node, ParsingOptions};
use std::collections::BTreeMap;
use std::ops::Range;

/// What an SVD says of a chip.
#[derive(Debug, Clone, Default)]
pub struct Device {
    /// Name of the chip.
    pub name: String,
    /// One sentence.
    pub description: String,
    /// `CM4`, or empty.
    pub cpu: String,
    /// Bits of an interrupt's priority.
    pub priority_bits: Option<u64>,
    /// Peripherals, in the order of the file.
    pub peripherals: Vec<Peripheral>,
}

/// A peripheral.
#[derive(Debug, Clone, Default)]
pub struct Peripheral {
    /// Name.
    pub name: String,
    /// One sentence.
    pub description: String,
    /// First address.
    pub base: u64,
    /// Address blocks: offset and length in bytes.
    pub blocks: Vec<(u64, u64)>,
    /// Interrupts: name and number.
    pub interrupts: Vec<(String, u64)>,
    /// Names of the registers, in the order of the file.
    pub registers: Vec<String>,
    /// Its bytes in the file.
    pub range: Range<usize>,
}

/// Reads a file; what is wrong with it and where otherwise.
pub fn read(text: &str) -> Result<Device, (String, usize)> {
    let text = text.trim_start_matches('\u{feff}');
    let options = ParsingOptions { allow_dtd: false, nodes_limit: 4_000_000 };
    let doc = Document::parse_with_options(text, options).map_err(|e| {
        let pos = e.pos();
        let line = text.split_inclusive('\n').take(pos.row.saturating_sub(1) as usize);
        let start: usize = line.map(str::len).sum();
        (format!("this is no sound XML: {e}"), start)
    })?;
    let root = doc.root_element();
    if !root.has_tag_name("device") {
        return Err((format!("this is no SVD: its root is `{}`", root.tag_name().name()), 0));
    }
    let cpu = child(root, "cpu");
    let mut out = Device {
        name: value(root, "name"),
        description: value(root, "description"),
        cpu: cpu.map_or(String::new(), |c| value(c, "name")),
        priority_bits: cpu.and_then(|c| number(&value(c, "nvicPrioBits"))),
        peripherals: Vec::new(),
    };
    let list = child(root, "peripherals").map_or(Vec::new(), |p| elements(p, "peripheral"));
    let mut derived: BTreeMap<String, String> = BTreeMap::new();
    for p in list {
        let name = value(p, "name");
        if let Some(from) = p.attribute("derivedFrom") {
            derived.insert(name.clone(), from.to_string());
        }
        let blocks = elements(p, "addressBlock")
            .into_iter()
            .filter_map(|b| Some((number(&value(b, "offset"))?, number(&value(b, "size"))?)));
        let interrupts = elements(p, "interrupt")
            .into_iter()
            .filter_map(|i| Some((value(i, "name"), number(&value(i, "value"))?)));
        let registers = child(p, "registers").map_or(Vec::new(), |r| {
            let own = r.descendants().filter(|n| n.has_tag_name("register"));
            own.map(|n| value(n, "name")).collect()
        });
        out.peripherals.push(Peripheral {
            name,
            description: value(p, "description"),
            base: number(&value(p, "baseAddress")).unwrap_or(u64::MAX),
            blocks: blocks.collect(),
            interrupts: interrupts.collect(),
            registers,
            range: p.range(),
        });
    }
    // What is derived has what it does not say itself.
    for i in 0..out.peripherals.len() {
        let from = out.peripherals.get(i).and_then(|p| derived.get(&p.name));
        let Some(from) = from.and_then(|f| out.peripherals.iter().find(|p| p.name == *f)).cloned()
        else {
            continue;
        };
        if let Some(p) = out.peripherals.get_mut(i) {
            if p.blocks.is_empty() {
                p.blocks = from.blocks;
            }
            if p.registers.is_empty() {
                p.registers = from.registers;
            }
            if p.description.is_empty() {
                p.description = from.description;
            }
        }
    }
    Ok(out)
}

fn child<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    node.children().find(|n| n.has_tag_name(name))
}

fn elements<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Vec<Node<'a, 'i>> {
    node.children().filter(|n| n.has_tag_name(name)).collect()
}

fn value(node: Node<'_, '_>, name: &str) -> String {
    let text = child(node, name).and_then(|n| n.text()).unwrap_or("");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `0x40`, `64`, `#1010`, `0b1010`.
fn number(text: &str) -> Option<u64> {
    let text = text.trim().trim_start_matches('+').to_ascii_lowercase();
    if let Some(hex) = text.strip_prefix("0x") {
        return u64::from_str_radix(hex, 16).ok();
    }
    if let Some(bits) = text.strip_prefix('#').or_else(|| text.strip_prefix("0b")) {
        return u64::from_str_radix(bits, 2).ok();
    }
    text.parse().ok()
}

/// Where a Cortex-M core keeps its own registers.
const PRIVATE: std::ops::RangeInclusive<u64> = 0xE000_0000..=0xE00F_FFFF;
/// Names of registers that one comment line takes.
const SHOWN: usize = 8;

/// Imports a file.
pub fn import(sources: &SourceMap, file: FileId, catalog: &Catalog, options: &Options) -> Imported {
    let text = sources.get(file).map_or("", |f| f.text.as_str());
    let skipped = text.len() - text.trim_start_matches('\u{feff}').len();
    let device = match read(text) {
        Ok(device) => device,
        Err((why, at)) => {
            let at = (at + skipped) as u32;
            let d = Diagnostic::new(codes::E1201, Span { file, start: at, end: at }, why);
            return Imported { diagnostics: vec![d], ..Imported::default() };
        }
    };
    let start = Span { file, start: 0, end: 0 };
    let span = |p: &Peripheral| {
        let start = p.range.start + skipped;
        Span { file, start: start as u32, end: start as u32 + "<peripheral>".len() as u32 }
    };
    let mut d = Draft::new(catalog, &device.name);
    d.doc.push(format!("{}, imported from its SVD.", device.name));
    if !device.description.is_empty() {
        d.doc.push(device.description.clone());
    }
    let main = d.bus("main");
    let most = device.peripherals.iter().flat_map(|p| &p.interrupts).map(|i| i.1).max();
    let core = core(&mut d, &device, start);
    if let (Some(core), Some(most)) = (core, most) {
        d.set(core, "irqs", Given::Int(most + 1));
        if let Some(bits) = device.priority_bits {
            d.set(core, "priority_bits", Given::Int(bits));
        }
    }
    let arm = core.and_then(|c| d.parts.get(c)).is_some_and(|p| p.ty.prop("irqs").is_some());
    let (mut stubs, mut own) = (0usize, Vec::new());
    for p in &device.peripherals {
        if arm && PRIVATE.contains(&p.base) {
            own.push(p.name.clone());
            continue;
        }
        if p.blocks.is_empty() || p.base == u64::MAX {
            let what = format!("`{}` has no address block", p.name);
            d.say(Diagnostic::new(codes::W1206, span(p), what));
            continue;
        }
        for (offset, size) in p.blocks.iter().filter(|b| b.1 > 0) {
            let base = p.base.saturating_add(*offset);
            let name = p.name.to_ascii_lowercase();
            let Some(part) = d.stub(&name, *size, span(p)) else { continue };
            d.map(main, base, Some(*size), part, 0, span(p));
            stubs += 1;
            let remark = remark(p);
            if let Some(part) = d.parts.get_mut(part).filter(|_| !remark.is_empty()) {
                part.remark = Some(remark);
            }
        }
    }
    if !own.is_empty() {
        let what = format!("left to the core, whose registers they are: {}", own.join(", "));
        d.say(Diagnostic::new(codes::N1208, start, what));
    }
    if stubs > 0 {
        let what = format!("an SVD says no behaviour: {stubs} peripherals are stubs");
        d.say(Diagnostic::new(codes::W1202, start, what));
    }
    interrupt_table(&mut d, &device);
    d.reset_memory(main);
    memory(&mut d, main, start);
    d.finish(options)
}

/// `USART1_IRQ 37; SR DR BRR ... (7 registers)`
fn remark(p: &Peripheral) -> String {
    let mut out: Vec<String> = Vec::new();
    if !p.interrupts.is_empty() {
        let all: Vec<String> = p.interrupts.iter().map(|(n, i)| format!("{n} = {i}")).collect();
        out.push(format!("irq {}", all.join(", ")));
    }
    if !p.registers.is_empty() {
        let mut names = p.registers.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(" ");
        if p.registers.len() > SHOWN {
            names.push_str(&format!(" ... ({} registers)", p.registers.len()));
        }
        out.push(names);
    }
    out.join("; ")
}

/// Every interrupt, by number, as a comment.
fn interrupt_table(d: &mut Draft<'_>, device: &Device) {
    let mut all: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for p in &device.peripherals {
        for (name, number) in &p.interrupts {
            let text = format!("{name} ({})", p.name.to_ascii_lowercase());
            let names = all.entry(*number).or_default();
            if !names.contains(&text) {
                names.push(text);
            }
        }
    }
    if all.is_empty() {
        return;
    }
    d.remarks.push(String::from("Interrupts:"));
    for (number, names) in all {
        d.remarks.push(format!("{number:>4}  {}", names.join(", ")));
    }
}

/// The core that the SVD names, or the nearest.
fn core(d: &mut Draft<'_>, device: &Device, span: Span) -> Option<usize> {
    let cpu = device.cpu.to_ascii_uppercase();
    let number = cpu.strip_prefix("CM").map(|n| n.replace("PLUS", "+").to_ascii_lowercase());
    let exact = number
        .as_ref()
        .and_then(|n| names::by_compatible(d.catalog, &[format!("arm,cortex-m{n}")]));
    let cortex = |t: &&'static DeviceType| t.core.is_some() && t.prop("irqs").is_some();
    let riscv = |t: &&'static DeviceType| {
        t.core.as_ref().is_some_and(|c| c.isa == "riscv" && c.bits == 32) && t.prop("isa").is_some()
    };
    let nearest = match () {
        () if exact.is_some() => exact,
        () if cpu.contains("RV") || cpu.contains("RISC") => d.catalog.iter().find(riscv),
        () if number.is_some() || cpu.is_empty() => d.catalog.iter().find(cortex),
        () => None,
    };
    let shown = if cpu.is_empty() { "no core at all" } else { device.cpu.as_str() };
    let Some(ty) = nearest else {
        let what = format!("there is no core here for `{shown}`");
        d.say(Diagnostic::new(codes::W1202, span, what));
        return None;
    };
    if exact.is_none() {
        let what = format!("the SVD says {shown}: `{}` stands in", ty.name);
        d.say(Diagnostic::new(codes::W1202, span, what));
    }
    let part = d.part("cpu", ty, span);
    let main = d.buses.first().map(|b| b.name.clone()).unwrap_or_default();
    for m in ty.masters {
        d.set(part, m.name, Given::Name(main.clone()));
    }
    Some(part)
}

/// RAM where Cortex-M chips have it.
fn memory(d: &mut Draft<'_>, bus: usize, span: Span) {
    const SRAM: u64 = 0x2000_0000;
    let taken = d.buses.get(bus).is_some_and(|b| {
        b.rows.iter().any(|r| r.base <= SRAM + 0x3_FFFF && r.base.saturating_add(r.size) > SRAM)
    });
    let Some(ty) = d.memory(false).filter(|_| !taken) else { return };
    let part = d.part("sram", ty, span);
    d.map(bus, SRAM, Some(256 << 10), part, 0, span);
    let at = units::hex(SRAM);
    let what = format!("an SVD has no memories: 256 KiB of RAM at {at} are a placeholder");
    d.say(Diagnostic::new(codes::N1207, span, what));
}
