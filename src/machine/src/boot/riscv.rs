//! Starts a RISC-V board: firmware, kernel, initrd, device tree and reset code.
//!
//! Registers at the firmware's entry are those of the SBI boot convention: a0 the hart, a1 the
//! device tree, a2 the `fw_dynamic` information of OpenSBI (docs/firmware/fw_dynamic.md). The
//! places are those that firmware for the `virt` board is built for: firmware at the start of RAM,
//! the kernel behind it at the next 2 MiB (4 MiB on 32 bits), the device tree below the top of RAM
//! or 3 GiB.

use super::{Files, ImageArg, plugged, read};
use crate::phases::Realized;
use crate::report::Report;
use hetemu_graph::{Flat, PartId, flatten};
use hetemu_loader::{Image, Kind, fdt};

/// "OSBI", the magic of `struct fw_dynamic_info`.
const DYNAMIC_MAGIC: u64 = 0x4942_534f;
/// The version of it that has `boot_hart`.
const DYNAMIC_VERSION: u64 = 2;
/// S mode, as `next_mode` counts.
const NEXT_S: u64 = 1;
/// Byte offsets behind the reset code.
const ENTRY: u32 = 24;
const TREE: u32 = 32;
const INFO: u32 = 40;

pub(super) struct Board {
    pub(super) bits: u8,
    pub(super) ram: (u64, u64),
    pub(super) cluster: usize,
}

impl Board {
    /// Alignment of a kernel: one superpage.
    fn superpage(&self) -> u64 {
        if self.bits == 32 { 4 << 20 } else { 2 << 20 }
    }
    fn end(&self) -> u64 {
        self.ram.0.saturating_add(self.ram.1)
    }
}

pub(super) fn boot(
    m: &mut Realized,
    part: PartId,
    image: Option<&ImageArg>,
    files: &dyn Files,
) -> Result<(), Report> {
    let (rom, rom_at) = memory(m, part, "rom")?;
    let (ram, ram_at) = memory(m, part, "ram")?;
    let bits = m.graph.cores().next().and_then(|(_, p)| p.ty.core.as_ref()).map_or(64, |c| c.bits);
    let ram_size = m.graph.part(ram).region_size(0).unwrap_or(0);
    let board = Board { bits, ram: (ram_at, ram_size), cluster: 0 };

    let plug = |m: &Realized, link: &str| {
        plugged(m, part, link).map(|p| (p.value.clone().unwrap_or_default(), p.from_text))
    };
    let firmware = image.map(|i| (i.path.clone(), false)).or_else(|| plug(m, "firmware"));
    let mut entry = ram_at;
    let mut end = ram_at;
    if let Some((path, from_text)) = &firmware {
        (entry, end) = put(m, &board, read(files, path, *from_text)?, path, ram_at)?;
        m.loads.last_is_file(path, files.open(path, *from_text));
    }
    let mut kernel_entry = 0;
    if let Some((path, from_text)) = plug(m, "kernel") {
        let base = end.next_multiple_of(board.superpage());
        (kernel_entry, end) = put(m, &board, read(files, &path, from_text)?, &path, base)?;
        m.loads.last_is_file(&path, files.open(&path, from_text));
        if firmware.is_none() {
            entry = kernel_entry;
        }
    } else if firmware.is_none() {
        return Err(Report::new("E1009", "there is no program: neither firmware nor kernel").note(
            "help",
            "give one with `--image FILE` or `--plug firmware=FILE` or `--plug kernel=FILE`",
        ));
    }
    let mut initrd = None;
    if let Some((path, from_text)) = plug(m, "initrd") {
        // Behind what the kernel uses while it unpacks itself.
        let base = end.max(ram_at.saturating_add((ram_size / 2).min(128 << 20)));
        let mut bytes = files
            .read(&path, from_text)
            .map_err(|e| Report::new("E1003", format!("image `{path}` cannot be read: {e}")))?;
        let base = base.next_multiple_of(4096);
        let len = bytes.len() as u64;
        check(m, &board, base, len, &path)?;
        if let Some(space) = m.spaces.get(board.cluster).cloned() {
            m.loads.push_space(&space, base, std::mem::take(&mut bytes), len);
            m.loads.last_is_file(&path, files.open(&path, from_text));
        }
        initrd = Some((base, base + len));
    }
    let tree = device_tree(m, part, ram, initrd)?;
    let len = tree.len() as u64;
    let top = if ram_at < 3 << 30 { board.end().min(3 << 30) } else { board.end() };
    let tree_at = top.saturating_sub(len.max(1)) & !(board.superpage().min(2 << 20) - 1);
    let tree_at = if tree_at < end { top.saturating_sub(len) & !7 } else { tree_at };
    check(m, &board, tree_at, len, "the device tree")?;
    let code = reset_code(bits, entry, tree_at, kernel_entry);
    check(
        m,
        &board,
        rom_at,
        code.len() as u64,
        &format!("the reset code of `{}`", m.graph.part(rom).name),
    )?;
    if let Some(space) = m.spaces.get(board.cluster).cloned() {
        m.loads.push_space(&space, tree_at, tree, len);
        let len = code.len() as u64;
        m.loads.push_space(&space, rom_at, code, len);
    }
    // The reset code starts the program, whatever its entry.
    m.entries.clear();
    Ok(())
}

/// The memory that a property names, and its first address.
pub(super) fn memory(m: &Realized, boot: PartId, prop: &str) -> Result<(PartId, u64), Report> {
    let part = m.graph.part(boot);
    let name = part.text(prop).unwrap_or("");
    let wrong = || {
        Report::new(
            "E1009",
            format!("`{}.{prop}` names `{name}`, which is no memory of the first core", part.name),
        )
    };
    let id = m.graph.find_part(name).ok_or_else(wrong)?;
    let view = m.views.first().ok_or_else(wrong)?;
    let at = flatten(&m.graph, *view).iter().find_map(|r| match r.to {
        Flat::Region { part, region, offset: 0 } if part == id => {
            m.memories.contains_key(&(part, region)).then_some(r.start)
        }
        _ => None,
    });
    Ok((id, at.ok_or_else(wrong)?))
}

pub(super) fn check(
    m: &Realized,
    board: &Board,
    at: u64,
    len: u64,
    what: &str,
) -> Result<(), Report> {
    let Some(space) = m.spaces.get(board.cluster) else { return Ok(()) };
    m.must_be_memory(board.cluster, space, at, len, what)
}

/// Loads a program, at `base` if it can be anywhere: its entry and its end.
fn put(
    m: &mut Realized,
    board: &Board,
    mut image: Image,
    path: &str,
    base: u64,
) -> Result<(u64, u64), Report> {
    match image.kind {
        Kind::Elf => {}
        // A Linux image keeps its distance from an aligned base, which the base has already.
        Kind::Linux { text_offset, .. } if base == board.ram.0 => image.place(base + text_offset),
        _ => image.place(base),
    }
    let entry = image.entry.unwrap_or(base);
    let last = image.bounds().map_or(base, |b| b.1);
    m.load_placed(board.cluster, image, path, false)?;
    Ok((entry, last.saturating_add(1)))
}

fn device_tree(
    m: &Realized,
    boot: PartId,
    ram: PartId,
    initrd: Option<(u64, u64)>,
) -> Result<Vec<u8>, Report> {
    let cores: Vec<PartId> = m.graph.clusters.first().map(|c| c.cores.clone()).unwrap_or_default();
    let timebase_hz = cores.first().map_or(0, |id| crate::build::timebase(&m.graph, *id));
    let mut seed = [0u8; 32];
    let mut x = m.options.seed ^ 0x5851_f42d_4c95_7f2d;
    for byte in &mut seed {
        x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *byte = (x >> 56) as u8;
    }
    let Some(bus) = m.views.first().copied() else { return Ok(Vec::new()) };
    let bootargs = m.graph.part(boot).text("bootargs").unwrap_or("");
    let request =
        fdt::Request { graph: &m.graph, cores, bus, ram, timebase_hz, bootargs, initrd, seed };
    fdt::build(&request)
        .map_err(|e| Report::new("E1009", format!("the device tree cannot be made: {e}")))
}

/// auipc t0, 0; csrr a0, mhartid; load a1, TREE(t0); addi a2, t0, INFO; load t0, ENTRY(t0); jr t0;
/// entry and device tree as 64-bit words; `struct fw_dynamic_info` in words of the core.
fn reset_code(bits: u8, entry: u64, tree: u64, next: u64) -> Vec<u8> {
    const T0: u32 = 5;
    const A1: u32 = 11;
    const A2: u32 = 12;
    let width = if bits == 32 { 2 } else { 3 };
    let load = |rd: u32, offset: u32| offset << 20 | T0 << 15 | width << 12 | rd << 7 | 0x03;
    let code: [u32; 6] = [
        T0 << 7 | 0x17,
        0xf140_2573,
        load(A1, TREE),
        INFO << 20 | T0 << 15 | A2 << 7 | 0x13,
        load(T0, ENTRY),
        T0 << 15 | 0x67,
    ];
    let mut out: Vec<u8> = code.iter().flat_map(|w| w.to_le_bytes()).collect();
    out.extend(entry.to_le_bytes());
    out.extend(tree.to_le_bytes());
    for word in [DYNAMIC_MAGIC, DYNAMIC_VERSION, next, NEXT_S, 0, 0] {
        match bits {
            32 => out.extend((word as u32).to_le_bytes()),
            _ => out.extend(word.to_le_bytes()),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reset_code_has_its_data_where_it_looks() {
        let code = reset_code(64, 0x8000_0000, 0x87e0_0000, 0x8020_0000);
        let word =
            |at: u32| u64::from_le_bytes(code[at as usize..at as usize + 8].try_into().unwrap());
        assert_eq!((word(ENTRY), word(TREE)), (0x8000_0000, 0x87e0_0000));
        assert_eq!((word(INFO), word(INFO + 16)), (DYNAMIC_MAGIC, 0x8020_0000));
        // ld a1, 32(t0) and lw t0, 24(t0), as the assembler has them.
        assert_eq!(code[8..12], 0x0202_b583u32.to_le_bytes());
        assert_eq!(reset_code(32, 0, 0, 0)[16..20], 0x0182_a283u32.to_le_bytes());
    }
}
