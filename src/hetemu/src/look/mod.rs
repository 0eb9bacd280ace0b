//! Outputs of looking into a running machine, each in the form that other tools read.

pub mod coverage;
pub mod drcov;
pub mod lcov;
mod lines;
pub mod perf;
pub mod perfetto;
pub mod text;

use hetemu_loader::{Symbols, load};

/// Symbols of a file: an ELF file, or a list as System.map, /proc/kallsyms and `nm` have it; moved
/// up by so many bytes.
///
/// # Errors
/// What is wrong with the file, in a sentence.
pub fn symbols(bytes: &[u8], by: u64) -> Result<Symbols, String> {
    let mut symbols = if bytes.starts_with(b"\x7fELF") {
        load(bytes).map_err(|e| e.to_string())?.symbols
    } else {
        let text = std::str::from_utf8(bytes).ok().and_then(Symbols::parse_map);
        text.ok_or("it is no ELF file and no list of addresses, types and names")?
    };
    if symbols.is_empty() {
        return Err(String::from("it has no symbols"));
    }
    symbols.shift(by);
    Ok(symbols)
}
