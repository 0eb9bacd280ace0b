//! One image file, whatever its format: segments with their load addresses, the entry, symbols.
//!
//! Formats: ELF (System V gABI, chapter 5); the RISC-V and arm64 Linux `Image` header (Linux,
//! Documentation/arch/riscv/boot-image-header.rst and Documentation/arch/arm64/booting.rst); Intel
//! HEX; gzip (RFC 1952) around any of them; anything else is raw bytes.

use crate::{Error, Symbols, elf};
use std::io::Read;

/// The largest image that is unpacked.
pub const MAX_IMAGE: u64 = 1 << 30;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// ELF with absolute load addresses.
    Elf,
    /// ELF that can be loaded anywhere: its addresses count from 0.
    ElfRelocatable,
    /// A Linux `Image`: raw, to be placed `text_offset` above an aligned RAM base.
    Linux {
        /// Offset of the image from a 2 MiB (4 MiB on 32 bits) aligned base.
        text_offset: u64,
        /// Memory that the kernel needs from its start on.
        image_size: u64,
    },
    /// Intel HEX: every byte has its address.
    Hex,
    /// Bytes without an address.
    Raw,
}

/// Bytes at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Physical (load) address; 0 for raw images.
    pub addr: u64,
    /// Bytes of the file.
    pub bytes: Vec<u8>,
    /// Length in memory: the rest after `bytes` is zero.
    pub size: u64,
}

/// A loaded file.
#[derive(Debug, Clone)]
pub struct Image {
    /// What it is.
    pub kind: Kind,
    /// Segments by address; none is empty.
    pub segments: Vec<Segment>,
    /// Where execution begins, if the file says so.
    pub entry: Option<u64>,
    /// Word size in bits, if the file says so.
    pub bits: Option<u8>,
    /// Byte order, if the file says so.
    pub big_endian: Option<bool>,
    /// ELF machine number (`e_machine`), if it is ELF.
    pub machine: Option<u16>,
    /// Symbols for reports and debuggers.
    pub symbols: Symbols,
    /// How far [`Image::place`] has moved it.
    pub base: u64,
    /// Programs for one board each, by the board's number (Universal Hex); they come on top of
    /// `segments`.
    pub boards: Vec<(u16, Vec<Segment>)>,
}

impl Image {
    /// Moves a relocatable or raw image to an address: everything is counted from there.
    pub fn place(&mut self, base: u64) {
        for s in &mut self.segments {
            s.addr = s.addr.wrapping_add(base);
        }
        self.entry = Some(self.entry.unwrap_or(0).wrapping_add(base));
        self.symbols.shift(base);
        self.base = self.base.wrapping_add(base);
    }

    /// Whether the file leaves the address open.
    pub fn floats(&self) -> bool {
        !matches!(self.kind, Kind::Elf | Kind::Hex)
    }

    /// First and last address, if anything is loaded.
    pub fn bounds(&self) -> Option<(u64, u64)> {
        let first = self.segments.iter().map(|s| s.addr).min()?;
        let last = self.segments.iter().map(|s| s.addr.saturating_add(s.size - 1)).max()?;
        Some((first, last))
    }
}

/// Reads an image.
pub fn load(bytes: &[u8]) -> Result<Image, Error> {
    if bytes.is_empty() {
        return Err(Error::Empty);
    }
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut out = Vec::new();
        let limit = MAX_IMAGE + 1;
        let mut unpack = flate2::read::MultiGzDecoder::new(bytes).take(limit);
        unpack.read_to_end(&mut out).map_err(|e| Error::Gzip(e.to_string()))?;
        if out.len() as u64 > MAX_IMAGE {
            return Err(Error::TooLarge);
        }
        return load_plain(&out);
    }
    load_plain(bytes)
}

fn load_plain(bytes: &[u8]) -> Result<Image, Error> {
    if bytes.is_empty() {
        return Err(Error::Empty);
    }
    if bytes.starts_with(b"\x7fELF") {
        return elf::load(bytes);
    }
    if crate::hex::looks(bytes) {
        return crate::hex::load(bytes);
    }
    let kind = linux(bytes).unwrap_or(Kind::Raw);
    let size = match kind {
        Kind::Linux { image_size, .. } => image_size.max(bytes.len() as u64),
        _ => bytes.len() as u64,
    };
    Ok(Image {
        kind,
        segments: vec![Segment { addr: 0, bytes: bytes.to_vec(), size }],
        entry: None,
        bits: None,
        big_endian: None,
        machine: None,
        symbols: Symbols::default(),
        base: 0,
        boards: Vec::new(),
    })
}

fn linux(bytes: &[u8]) -> Option<Kind> {
    let word = |at: usize| -> Option<u64> {
        Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
    };
    let magic = bytes.get(56..60)?;
    if magic != b"RSC\x05" && magic != b"ARM\x64" {
        return None;
    }
    let (text_offset, image_size) = (word(8)?, word(16)?);
    (image_size <= MAX_IMAGE).then_some(Kind::Linux { text_offset, image_size })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn linux_header() -> Vec<u8> {
        let mut image = vec![0u8; 64];
        image[8..16].copy_from_slice(&0x20_0000u64.to_le_bytes());
        image[16..24].copy_from_slice(&0x1000u64.to_le_bytes());
        image[56..60].copy_from_slice(b"RSC\x05");
        image
    }

    #[test]
    fn a_raw_file_is_placed_where_one_says() {
        let mut image = load(&[1, 2, 3]).unwrap();
        assert!(image.floats());
        image.place(0x8000_0000);
        assert_eq!(image.bounds(), Some((0x8000_0000, 0x8000_0002)));
        assert_eq!(image.entry, Some(0x8000_0000));
    }

    #[test]
    fn linux_images_are_seen_through_gzip() {
        let plain = linux_header();
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(&plain).unwrap();
        let packed = gz.finish().unwrap();
        for bytes in [&plain, &packed] {
            let image = load(bytes).unwrap();
            assert_eq!(image.kind, Kind::Linux { text_offset: 0x20_0000, image_size: 0x1000 });
            assert_eq!(image.segments[0].bytes, plain);
            assert_eq!(image.segments[0].size, 0x1000);
        }
        assert!(matches!(load(&packed[..packed.len() - 9]), Err(Error::Gzip(_))));
    }

    #[test]
    fn nothing_from_outside_panics() {
        assert_eq!(load(&[]).unwrap_err(), Error::Empty);
        let elf = {
            let mut e = b"\x7fELF\x02\x01\x01".to_vec();
            e.resize(200, 0xff);
            e
        };
        for n in 1..elf.len() {
            let _ = load(&elf[..n]);
        }
    }
}
