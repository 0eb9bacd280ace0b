//! The file that a machine's saved state lies in: named, numbered sections with checksums, and
//! memory by pages. Pure: it knows neither machines nor files.
//!
//! # Format 1
//! Numbers are little-endian. A file is the magic, the format's number (u32), then sections:
//!
//! | bytes | what |
//! |---|---|
//! | 2 | length of the name |
//! | n | name, UTF-8 |
//! | 4 | number: the version of what is inside, counted by who wrote it |
//! | 8 | length of the content |
//! | 4 | CRC-32 of name, number and content |
//! | m | content |
//!
//! The last section is named `end` and holds the SHA-256 of all bytes before it: the snapshot's
//! [`Id`], by which another one can name it as its base. [`memory`] has the content of memories.
//!
//! Whatever bytes a reader is given, it answers with an error or a container; what it allocates is
//! bounded by the bytes it was given, and for memories by the size that the caller expects.

mod container;
pub mod memory;

pub use container::{Container, FORMAT, Id, MAGIC, Section};
pub use memory::{Memory, PAGE, Page, Stored, Survey};

/// Packs a text.
pub fn pack_text(text: &str) -> Vec<u8> {
    zstd::bulk::compress(text.as_bytes(), 3).unwrap_or_default()
}

/// Unpacks what [`pack_text`] gave, of at most so many bytes.
pub fn unpack_text(packed: &[u8], most: usize) -> Option<String> {
    use std::io::Read;
    let mut text = String::new();
    // Bytes are made as they are read: what a few claim to be costs nothing.
    let reader = zstd::stream::read::Decoder::with_buffer(packed).ok()?;
    reader.take(most as u64).read_to_string(&mut text).ok()?;
    Some(text)
}

/// Why bytes are no snapshot that can be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The magic is not there.
    #[error("this is not a snapshot")]
    NoSnapshot,
    /// A later program wrote it.
    #[error("format {0} is newer than this program, which reads up to {FORMAT}")]
    Newer(u32),
    /// The end is missing.
    #[error("the file is cut off after {0} bytes")]
    Cut(usize),
    /// A checksum does not fit.
    #[error("section `{0}` is damaged: its checksum does not fit")]
    Damaged(String),
    /// The bytes of a section are not what it must hold.
    #[error("section `{section}` cannot be read: {what}")]
    Bad {
        /// Its name.
        section: String,
        /// What is wrong.
        what: String,
    },
    /// Two sections have one name.
    #[error("section `{0}` is there twice")]
    Twice(String),
    /// A section is not there.
    #[error("section `{0}` is missing")]
    Missing(String),
}

impl Error {
    /// The code of it, for `hetemu explain` and for machines.
    pub fn code(&self) -> &'static str {
        match self {
            Error::NoSnapshot => "E1201",
            Error::Newer(_) => "E1202",
            _ => "E1203",
        }
    }

    /// What is wrong with a section.
    pub fn bad(section: &str, what: impl Into<String>) -> Error {
        Error::Bad { section: section.to_string(), what: what.into() }
    }
}
