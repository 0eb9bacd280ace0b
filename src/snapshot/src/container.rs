//! Sections: reading and writing.

use crate::Error;
use sha2::{Digest, Sha256};
use std::io::{self, Write};

/// What every file begins with; the first byte is no text, and the line end is lost by whoever
/// takes it for text.
pub const MAGIC: [u8; 8] = *b"\x89hmsnap\n";

/// The format that is written. All up to it are read.
pub const FORMAT: u32 = 1;

/// The name of the last section.
const END: &str = "end";

/// Longest name of a section.
const NAME: usize = 4096;

/// A snapshot's name: SHA-256 of its content.
pub type Id = [u8; 32];

/// One section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Its name: what it is, and of what (`part:uart0`).
    pub name: String,
    /// The version of what is inside.
    pub version: u32,
    /// The content.
    pub bytes: Vec<u8>,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// The format that it was read in.
    pub format: u32,
    /// Its name; zeros if it was not read.
    pub id: Id,
    sections: Vec<Section>,
}

impl Default for Container {
    fn default() -> Container {
        Container { format: FORMAT, id: [0; 32], sections: Vec::new() }
    }
}

fn check(name: &[u8], version: u32, bytes: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(name);
    crc.update(&version.to_le_bytes());
    crc.update(bytes);
    crc.finalize()
}

/// Writes, and hashes what is written.
struct Hashing<W> {
    to: W,
    hash: Sha256,
}

impl<W: Write> Hashing<W> {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.to.write_all(bytes)
    }

    fn section(&mut self, name: &str, version: u32, bytes: &[u8]) -> io::Result<()> {
        let len = u16::try_from(name.len()).ok().filter(|n| usize::from(*n) <= NAME);
        let len = len.ok_or_else(|| io::Error::other("the name of a part is too long"))?;
        self.put(&len.to_le_bytes())?;
        self.put(name.as_bytes())?;
        self.put(&version.to_le_bytes())?;
        self.put(&(bytes.len() as u64).to_le_bytes())?;
        self.put(&check(name.as_bytes(), version, bytes).to_le_bytes())?;
        self.put(bytes)
    }
}

/// Takes bytes from the front.
struct Reading<'a> {
    rest: &'a [u8],
    all: usize,
}

impl<'a> Reading<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], Error> {
        let cut = Error::Cut(self.all);
        let (head, tail) = self.rest.split_at_checked(len).ok_or(cut)?;
        self.rest = tail;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let bytes = self.take(N)?;
        bytes.try_into().map_err(|_| Error::Cut(self.all))
    }
}

impl Container {
    /// Adds a section; one with the same name is replaced.
    pub fn add(&mut self, name: impl Into<String>, version: u32, bytes: Vec<u8>) {
        let name = name.into();
        self.sections.retain(|s| s.name != name);
        self.sections.push(Section { name, version, bytes });
    }

    /// A section by name.
    pub fn get(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|s| s.name == name)
    }

    /// A section that must be there.
    ///
    /// # Errors
    /// [`Error::Missing`].
    pub fn need(&self, name: &str) -> Result<&Section, Error> {
        self.get(name).ok_or_else(|| Error::Missing(name.to_string()))
    }

    /// All sections, in the order of the file.
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// Takes all sections out.
    pub fn into_sections(self) -> Vec<Section> {
        self.sections
    }

    /// Writes everything; gives the name that the file has now.
    ///
    /// # Errors
    /// Those of `to`.
    pub fn write(&self, to: impl Write) -> io::Result<Id> {
        let mut out = Hashing { to, hash: Sha256::new() };
        out.put(&MAGIC)?;
        out.put(&FORMAT.to_le_bytes())?;
        for s in &self.sections {
            out.section(&s.name, s.version, &s.bytes)?;
        }
        let id: Id = out.hash.clone().finalize().into();
        out.section(END, 0, &id)?;
        out.to.flush()?;
        Ok(id)
    }

    /// The bytes of the file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        // Writing to memory does not fail; names come from parts, which are short.
        let _ = self.write(&mut out);
        out
    }

    /// Reads a file and checks every section's checksum.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn read(bytes: &[u8]) -> Result<Container, Error> {
        let all = bytes.len();
        let rest = bytes.strip_prefix(&MAGIC).ok_or(Error::NoSnapshot)?;
        let mut reading = Reading { rest, all };
        let format = u32::from_le_bytes(reading.array()?);
        if format > FORMAT {
            return Err(Error::Newer(format));
        }
        if format == 0 {
            return Err(Error::NoSnapshot);
        }
        let mut out = Container { format, ..Container::default() };
        let mut names = std::collections::BTreeSet::new();
        loop {
            let len = usize::from(u16::from_le_bytes(reading.array()?));
            let name = reading.take(len)?;
            let version = u32::from_le_bytes(reading.array()?);
            let len = u64::from_le_bytes(reading.array()?);
            let crc = u32::from_le_bytes(reading.array()?);
            let content = reading.take(usize::try_from(len).map_err(|_| Error::Cut(all))?)?;
            let text = String::from_utf8_lossy(name).into_owned();
            if check(name, version, content) != crc || text.len() != name.len() {
                return Err(Error::Damaged(text));
            }
            if text == END {
                out.id = content.try_into().map_err(|_| Error::bad(END, "it is no SHA-256"))?;
                return Ok(out);
            }
            if !names.insert(text.clone()) {
                return Err(Error::Twice(text));
            }
            out.sections.push(Section { name: text, version, bytes: content.to_vec() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Container {
        let mut c = Container::default();
        c.add("machine", 1, vec![1, 2, 3]);
        c.add("part:uart0", 2, Vec::new());
        c
    }

    #[test]
    fn what_is_written_is_read() {
        let bytes = sample().to_bytes();
        let read = Container::read(&bytes).unwrap();
        assert_eq!(read.sections(), sample().sections());
        assert_ne!(read.id, [0; 32]);
        assert_eq!(sample().to_bytes(), bytes, "the same content has the same bytes");
        let mut other = sample();
        other.add("machine", 1, vec![1, 2, 4]);
        assert_ne!(Container::read(&other.to_bytes()).unwrap().id, read.id);
        assert_eq!(other.sections().len(), 2, "a section is replaced");
    }

    #[test]
    fn every_cut_and_every_flipped_bit_is_noticed() {
        let bytes = sample().to_bytes();
        for n in 0..bytes.len() {
            assert!(Container::read(&bytes[..n]).is_err(), "cut at {n}");
        }
        // The id itself is covered by its section's checksum.
        for bit in 0..bytes.len() * 8 {
            let mut bad = bytes.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(Container::read(&bad).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn errors_say_what_is_wrong() {
        let error = |bytes: &[u8]| Container::read(bytes).unwrap_err();
        assert_eq!(error(b"hello"), Error::NoSnapshot);
        let mut newer = sample().to_bytes();
        newer[8] = 77;
        assert_eq!(error(&newer), Error::Newer(77));
        let mut bytes = sample().to_bytes();
        bytes[8 + 4 + 2 + 7 + 16] ^= 1;
        assert_eq!(
            error(&bytes).to_string(),
            "section `machine` is damaged: its checksum does not fit"
        );
        let mut claims = MAGIC.to_vec();
        claims.extend(1u32.to_le_bytes());
        claims.extend([1, 0, b'x', 0, 0, 0, 0]);
        claims.extend(u64::MAX.to_le_bytes());
        claims.extend([0; 4]);
        assert_eq!(error(&claims), Error::Cut(claims.len()));
    }
}
