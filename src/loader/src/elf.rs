//! ELF files of either word size and byte order (System V gABI, chapters 4 and 5).

use crate::{Error, Image, Kind, MAX_IMAGE, Segment, Symbol, Symbols};
use object::Endianness;
use object::elf::{
    EM_MIPS, ET_DYN, ET_EXEC, FileHeader32, FileHeader64, PT_LOAD, STT_FUNC, STT_NOTYPE, STT_OBJECT,
};
use object::read::elf::{FileHeader, ProgramHeader, Sym};

/// Reads an ELF executable.
pub fn load(bytes: &[u8]) -> Result<Image, Error> {
    match bytes.get(4) {
        Some(1) => read::<FileHeader32<Endianness>>(bytes, 32),
        Some(2) => read::<FileHeader64<Endianness>>(bytes, 64),
        _ => Err(Error::Elf("the class is neither 32 nor 64 bits".into())),
    }
}

fn read<H: FileHeader<Endian = Endianness>>(bytes: &[u8], bits: u8) -> Result<Image, Error> {
    let bad = |e: object::read::Error| Error::Elf(e.to_string());
    let header = H::parse(bytes).map_err(bad)?;
    let endian = header.endian().map_err(bad)?;
    let kind = match header.e_type(endian) {
        ET_EXEC => Kind::Elf,
        ET_DYN => Kind::ElfRelocatable,
        object::elf::ET_REL => return Err(Error::NotExecutable("an object file")),
        object::elf::ET_CORE => return Err(Error::NotExecutable("a core dump")),
        _ => return Err(Error::NotExecutable("of an unknown type")),
    };
    let machine = header.e_machine(endian);
    let mut segments = Vec::new();
    let mut total = 0u64;
    let entry: u64 = header.e_entry(endian).into();
    let mut entry_phys = None;
    for ph in header.program_headers(endian, bytes).map_err(bad)? {
        if ph.p_type(endian) != PT_LOAD {
            continue;
        }
        let size: u64 = ph.p_memsz(endian).into();
        let (addr, va): (u64, u64) = (ph.p_paddr(endian).into(), ph.p_vaddr(endian).into());
        if size == 0 {
            continue;
        }
        let data = ph
            .data(endian, bytes)
            .map_err(|()| Error::Elf("a segment lies outside of the file".into()))?;
        let data = data.get(..data.len().min(size as usize)).unwrap_or(data);
        total = total.saturating_add(size);
        if total > MAX_IMAGE || addr.checked_add(size - 1).is_none() {
            return Err(Error::TooLarge);
        }
        // MIPS programs are linked to the unmapped segments, load addresses and all: the bytes go
        // to physical memory, and the program runs where it is linked.
        let physical = if machine == EM_MIPS { unsegmented(addr) } else { addr };
        let addr = match physical == addr {
            true => {
                if entry.wrapping_sub(va) < size {
                    entry_phys = Some(addr.wrapping_add(entry.wrapping_sub(va)));
                }
                addr
            }
            false => physical,
        };
        segments.push(Segment { addr, bytes: data.to_vec(), size });
    }
    segments.sort_by_key(|s| s.addr);
    Ok(Image {
        kind,
        segments,
        entry: Some(entry_phys.unwrap_or(entry)),
        bits: Some(bits),
        big_endian: Some(endian == Endianness::Big),
        machine: Some(machine.0),
        symbols: symbols(header, endian, bytes),
        base: 0,
        boards: Vec::new(),
    })
}

/// The physical address of one in kseg0 or kseg1 (MIPS volume III, section 4.3), as 32 bits or
/// sign-extended.
fn unsegmented(addr: u64) -> u64 {
    match (addr >> 32, addr as u32 >> 29) {
        (0 | 0xffff_ffff, 4 | 5) => addr & 0x1fff_ffff,
        _ => addr,
    }
}

/// Symbols help reports only: damaged tables give none.
fn symbols<H: FileHeader<Endian = Endianness>>(
    header: &H,
    endian: Endianness,
    bytes: &[u8],
) -> Symbols {
    let mut list = Vec::new();
    let Ok(sections) = header.sections(endian, bytes) else { return Symbols::default() };
    let Ok(table) = sections.symbols(endian, bytes, object::elf::SHT_SYMTAB) else {
        return Symbols::default();
    };
    for sym in table.iter() {
        let kind = sym.st_type();
        if !matches!(kind, STT_FUNC | STT_OBJECT | STT_NOTYPE) || sym.st_shndx(endian).0 == 0 {
            continue;
        }
        let Ok(name) = sym.name(endian, table.strings()) else { continue };
        let Ok(name) = std::str::from_utf8(name) else { continue };
        // Mapping symbols of the psABIs ($x, $d) and local labels name nothing.
        if name.is_empty() || name.starts_with('$') || name.starts_with(".L") {
            continue;
        }
        let (addr, size): (u64, u64) = (sym.st_value(endian).into(), sym.st_size(endian).into());
        list.push(Symbol { addr, size, name: name.into(), function: kind == STT_FUNC });
    }
    Symbols::new(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program of one segment, little- or big-endian, 32 or 64 bits.
    pub(crate) fn tiny(bits: u8, big: bool, e_type: u16, addr: u64, code: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let put = |out: &mut Vec<u8>, n: u64, len: usize| {
            let le = n.to_le_bytes();
            let part = le[..len].iter().copied();
            if big { out.extend(part.rev()) } else { out.extend(part) }
        };
        let w = if bits == 64 { 8 } else { 4 };
        let (ehsize, phsize) = if bits == 64 { (64u64, 56u64) } else { (52, 32) };
        out.extend(b"\x7fELF");
        out.extend([if bits == 64 { 2 } else { 1 }, if big { 2 } else { 1 }, 1, 0]);
        out.extend([0; 8]);
        put(&mut out, e_type.into(), 2);
        put(&mut out, 243, 2);
        put(&mut out, 1, 4);
        put(&mut out, addr + 4, w);
        put(&mut out, ehsize, w);
        put(&mut out, 0, w);
        put(&mut out, 0, 4);
        for n in [ehsize, phsize, 1, 0, 0, 0] {
            put(&mut out, n, 2);
        }
        let offset = ehsize + phsize;
        put(&mut out, 1, 4);
        if bits == 64 {
            put(&mut out, 5, 4);
        }
        for n in [offset, addr + 0x10_0000, addr, code.len() as u64, code.len() as u64 + 8] {
            put(&mut out, n, w);
        }
        if bits == 32 {
            put(&mut out, 5, 4);
        }
        put(&mut out, 4, w);
        out.extend(code);
        out
    }

    #[test]
    fn all_four_kinds_are_read() {
        for (bits, big) in [(32, false), (32, true), (64, false), (64, true)] {
            // The entry of the file is virtual; what is loaded runs at load addresses.
            let image =
                load(&tiny(bits, big, 2, 0x8000_0000 - 0x10_0000, &[1, 2, 3, 4, 5, 6])).unwrap();
            assert_eq!(image.kind, Kind::Elf);
            assert_eq!((image.bits, image.big_endian), (Some(bits), Some(big)));
            assert_eq!(image.segments.len(), 1);
            assert_eq!(image.segments[0].size, 14);
            assert_eq!(image.segments[0].bytes, [1, 2, 3, 4, 5, 6]);
            assert_eq!(image.machine, Some(243));
        }
    }

    #[test]
    fn a_damaged_file_is_refused() {
        let good = tiny(32, false, 2, 0x1000, &[0; 16]);
        for n in 0..good.len() {
            let _ = load(&good[..n]);
        }
        for i in 0..good.len() {
            let mut bad = good.clone();
            bad[i] ^= 0xff;
            let _ = load(&bad);
        }
        assert_eq!(
            load(&tiny(32, false, 1, 0, &[0])).unwrap_err(),
            Error::NotExecutable("an object file")
        );
    }
}
