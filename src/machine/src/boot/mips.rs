//! Starts a Malta board: what its monitor YAMON does before a kernel (MIPS MD00008, chapter "YAMON
//! context"; Linux, arch/mips/fw/lib).
//!
//! A kernel finds in a0 and a1 its arguments, the name and one line, in a2 the environment (names
//! and values in turn), in a3 the size of memory; an initrd is named on the line. The boot code at
//! the reset vector programs the address decoder of the system controller as the monitor does.
//! Firmware lies in flash and is started by the core itself; all that it is given is the board's
//! revision, at 0x10 of the flash.

use super::riscv::{Board, check, memory};
use super::{Files, ImageArg, plugged, read};
use crate::phases::Realized;
use crate::report::Report;
use hetemu_graph::PartId;
use hetemu_loader::Kind;
use hetemu_schema::Endian;

/// Where arguments and environment lie, in physical memory: below any kernel.
const PROM: u64 = 0x2000;
/// Words of the table of pointers; the texts follow.
const POINTERS: usize = 16;
/// The board's revision in flash: CoreLV.
const REVISION_AT: u64 = 0x10;
const REVISION: u32 = 0x420;
/// Where the boot code goes on behind the revision.
const CODE_AT: u64 = 0x400;
/// RAM that a kernel is told of: what lies in the first segment.
const MOST_RAM: u64 = 256 << 20;
/// Alignment of an initrd, and bytes that are left free behind it.
const INITRD_ALIGN: u64 = 64 << 10;
const BOOT_MAP: u64 = 256 << 10;
/// The system controller's registers after reset, and where the monitor moves them.
const RESET_REGISTERS: u32 = 0xb400_0000;
const REGISTERS: u32 = 0xbbe0_0000;
/// Which of the interrupts 8 to 15 are levels, behind the window to PCI I/O.
const ELCR2: u32 = 0xb800_04d1;

/// A kernel to be started.
struct Program {
    entry: u64,
    arguments: [String; 2],
}

pub(super) fn boot(
    m: &mut Realized,
    part: PartId,
    image: Option<&ImageArg>,
    files: &dyn Files,
) -> Result<(), Report> {
    let (rom, rom_at) = memory(m, part, "rom")?;
    let (ram, ram_at) = memory(m, part, "ram")?;
    let core = m.graph.cores().next().map(|(_, p)| (p.ty.core.as_ref(), p.endian()));
    let (core, endian) = core.unwrap_or((None, None));
    let (bits, big) = (core.map_or(32, |c| c.bits), endian == Some(Endian::Big));
    let ram_size = m.graph.part(ram).region_size(0).unwrap_or(0);
    let board = Board { bits, ram: (ram_at, ram_size), cluster: 0 };
    let word = |v: u32| if big { v.to_be_bytes() } else { v.to_le_bytes() };

    let plug = |m: &Realized, link: &str| {
        plugged(m, part, link).map(|p| (p.value.clone().unwrap_or_default(), p.from_text))
    };
    let kernel = plug(m, "kernel");
    let mut program = None;
    let mut has_firmware =
        m.graph.part(rom).links.contains_key("image") && plugged(m, rom, "image").is_some();
    // Or a disk keeps the flash.
    let mut kept = m.graph.part(rom).links.values();
    has_firmware |= kept.any(|plug| m.world.stores.block.contains_key(plug));
    for (path, from_text) in kernel.into_iter().chain(image.map(|i| (i.path.clone(), false))) {
        let mut loaded = read(files, &path, from_text)?;
        if !matches!(loaded.kind, Kind::Elf) {
            // A raw image is firmware, for the flash.
            loaded.place(rom_at);
            m.load_placed(board.cluster, loaded, &path, false)?;
            has_firmware = true;
            continue;
        }
        let entry = loaded.entry.unwrap_or(0);
        let end = loaded.bounds().map_or(ram_at, |b| b.1.saturating_add(1));
        m.load_placed(board.cluster, loaded, &path, false)?;
        m.loads.last_is_file(&path, files.open(&path, from_text));
        let mut line = m.graph.part(part).text("bootargs").unwrap_or("").to_string();
        if let Some((initrd, from_text)) = plug(m, "initrd") {
            let bytes = files.read(&initrd, from_text).map_err(|e| {
                Report::new("E1003", format!("image `{initrd}` cannot be read: {e}"))
            })?;
            let len = bytes.len() as u64;
            // At the top of RAM, for a kernel may move itself up to random places; behind it is
            // room for the map of pages that old kernels lay there.
            let top = ram_at + ram_size.min(MOST_RAM);
            let base = top.saturating_sub(len + BOOT_MAP) & !(INITRD_ALIGN - 1);
            if base < end {
                let message = format!("`{initrd}` does not fit into RAM behind `{path}`");
                return Err(Report::new("E1006", message));
            }
            check(m, &board, base, len, &initrd)?;
            if let Some(space) = m.spaces.get(board.cluster).cloned() {
                m.loads.push_space(&space, base, bytes, len);
                m.loads.last_is_file(&initrd, files.open(&initrd, from_text));
            }
            let segment = if bits == 64 { 0xffff_ffff_8000_0000 } else { 0x8000_0000 };
            let at = segment + base;
            line = format!("rd_start={at:#x} rd_size={len} {line}");
        }
        program = Some(Program { entry, arguments: [path, line] });
    }
    let mut texts = vec![(rom_at + REVISION_AT, word(REVISION).to_vec())];
    match program {
        Some(p) => {
            let size = ram_size.min(MOST_RAM);
            texts.push((PROM, environment(&p, size, ram_size, word)));
            let code = boot_code(p.entry as u32, size as u32, big);
            let bytes = |code: Vec<u32>| code.into_iter().flat_map(word).collect::<Vec<u8>>();
            let jump = (rom_at as u32 & 0x0fff_ffff) + CODE_AT as u32;
            texts.push((rom_at, bytes(vec![0x0800_0000 | jump >> 2, 0])));
            texts.push((rom_at + CODE_AT, bytes(code)));
        }
        None if has_firmware => {}
        None => {
            return Err(Report::new("E1009", "there is no program: neither firmware nor kernel")
                .note("help", "give one with `--plug kernel=FILE` or `--plug firmware=FILE`"));
        }
    }
    for (at, bytes) in texts {
        let len = bytes.len() as u64;
        check(m, &board, at, len, &format!("what `{}` leaves", m.graph.part(part).name))?;
        if let Some(space) = m.spaces.get(board.cluster).cloned() {
            m.loads.push_space(&space, at, bytes, len);
        }
    }
    // The core starts where it does, in flash.
    m.entries.clear();
    Ok(())
}

/// Arguments and environment as pointers and texts.
fn environment(p: &Program, size: u64, all: u64, word: impl Fn(u32) -> [u8; 4]) -> Vec<u8> {
    let (size, all) = (size.to_string(), all.to_string());
    let variables =
        [("memsize", size.as_str()), ("ememsize", all.as_str()), ("modetty0", "38400n8r")];
    let strings = p.arguments.iter().map(String::as_str);
    let strings = strings.chain(variables.iter().flat_map(|(name, value)| [*name, *value]));
    let (mut pointers, mut text) = (Vec::new(), Vec::new());
    let base = PROM as u32 + (POINTERS * 4) as u32 + 0x8000_0000;
    for s in strings {
        pointers.push(base + text.len() as u32);
        text.extend(s.bytes());
        text.push(0);
    }
    pointers.resize(POINTERS, 0);
    pointers.into_iter().flat_map(word).chain(text).collect()
}

/// The monitor's last steps: the address decoder, the arguments, the jump to the kernel.
fn boot_code(entry: u32, memory: u32, big: bool) -> Vec<u32> {
    const T0: u32 = 8;
    const T1: u32 = 9;
    const RA: u32 = 31;
    const SP: u32 = 29;
    let mut code = Vec::new();
    let set = |code: &mut Vec<u32>, register: u32, value: u32| {
        code.push(0x3c00_0000 | register << 16 | value >> 16);
        code.push(0x3400_0000 | register << 21 | register << 16 | value & 0xffff);
    };
    // PCI I/O at 0x1800_0000, PCI memory at 0x1000_0000 and 0x1820_0000, in units of 2 MiB.
    let registers = [
        (RESET_REGISTERS, 0x68, 0xdf),
        (REGISTERS, 0x48, 0xc0),
        (REGISTERS, 0x50, 0x40),
        (REGISTERS, 0xf0, 0x00),
        (REGISTERS, 0x58, 0x80),
        (REGISTERS, 0x60, 0x3f),
        (REGISTERS, 0x80, 0xc1),
        (REGISTERS, 0x88, 0x5e),
    ];
    for (base, offset, value) in registers {
        // The controller's registers are little-endian.
        let value: u32 = value;
        set(&mut code, T0, base + offset);
        set(&mut code, T1, if big { value.swap_bytes() } else { value });
        code.push(0xac00_0000 | T0 << 21 | T1 << 16);
    }
    // What the monitor sets up of the south bridge: interrupts 10 and 11 for PCI, as levels; the
    // IDE channels; power management at 0x1000 and the SMBus at 0x1100.
    let bridge = [
        (0x8000_5060, 0x0b0b_0a0a),
        (0x8000_5140, 0x8000_8000),
        (0x8000_5340, 0x1001),
        (0x8000_5380, 0x0001),
        (0x8000_5390, 0x1101),
        (0x8000_53d0, 0x0009_0000),
    ];
    for (at, value) in bridge {
        let at: u32 = at;
        for (offset, value) in [(0xcf8, if big { at.swap_bytes() } else { at }), (0xcfc, value)] {
            set(&mut code, T0, REGISTERS + offset);
            set(&mut code, T1, value);
            code.push(0xac00_0000 | T0 << 21 | T1 << 16);
        }
    }
    set(&mut code, T0, ELCR2);
    set(&mut code, T1, 0x0c);
    code.push(0xa000_0000 | T0 << 21 | T1 << 16);
    let prom = PROM as u32 + 0x8000_0000;
    for (register, value) in
        [(SP, prom - 64), (4, 2), (5, prom), (6, prom + 8), (7, memory), (RA, entry)]
    {
        set(&mut code, register, value);
    }
    // jr ra; nop
    code.extend([RA << 21 | 8, 0]);
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_lead_to_their_texts() {
        let p = Program { entry: 0, arguments: ["vmlinux".into(), "console=ttyS0".into()] };
        let bytes = environment(&p, 1 << 26, 1 << 29, u32::to_be_bytes);
        let text = |n: usize| {
            let at = u32::from_be_bytes(bytes[4 * n..4 * n + 4].try_into().unwrap());
            let at = (at - 0x8000_2000) as usize;
            let end = at + bytes[at..].iter().position(|b| *b == 0).unwrap();
            String::from_utf8(bytes[at..end].to_vec()).unwrap()
        };
        assert_eq!((text(1).as_str(), text(3).as_str()), ("console=ttyS0", "67108864"));
        assert_eq!((text(4).as_str(), text(5).as_str()), ("ememsize", "536870912"));
        assert_eq!(bytes[4 * 8..4 * 9], [0; 4]);
    }

    #[test]
    fn the_boot_code_sets_what_it_is_told() {
        let code = boot_code(0x8010_0000, 1 << 28, true);
        // lui t0, 0xb400; ori t0, t0, 0x68; lui t1, 0xdf00; ori t1, t1, 0; sw t1, 0(t0)
        assert_eq!(code[..5], [0x3c08_b400, 0x3508_0068, 0x3c09_df00, 0x3529_0000, 0xad09_0000]);
        assert_eq!(code[code.len() - 4..], [0x3c1f_8010, 0x37ff_0000, 0x03e0_0008, 0]);
    }
}
