//! Programs and the tables that are handed to them: ELF, Intel HEX and raw images, Linux images,
//! device trees.
//!
//! Everything here is pure: bytes in, plain data out. The machine decides where the bytes go.

pub mod elf;
pub mod fdt;
mod hex;
mod image;
mod symbols;

pub use image::{Image, Kind, MAX_IMAGE, Segment, load};
pub use symbols::{Symbol, Symbols};

/// Why an image cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The file begins like an ELF file and is not a sound one.
    #[error("not a sound ELF file: {0}")]
    Elf(String),
    /// The ELF file is no program that could be run: an object file, a core dump.
    #[error(
        "an ELF file that cannot be run ({0}): only executables and position-independent ones can"
    )]
    NotExecutable(&'static str),
    /// A line of an Intel HEX file is not a record.
    #[error("not a sound Intel HEX file: line {line}: {what}")]
    Hex {
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// The compressed stream is damaged or does not end.
    #[error("damaged gzip data: {0}")]
    Gzip(String),
    /// Larger than anything that is meant to be loaded.
    #[error("larger than {} MiB when unpacked", MAX_IMAGE >> 20)]
    TooLarge,
    /// There is nothing in it.
    #[error("the file is empty")]
    Empty,
}
