//! Lines of a program's source by address, from its DWARF line tables (DWARF 5, section 6.2).

use super::coverage::Program;
use flate2::read::ZlibDecoder;
use gimli::{AttributeValue, Dwarf, EndianSlice, LineRow, RunTimeEndian, Unit};
use object::{CompressionFormat, Object, ObjectSection};
use std::collections::HashMap;
use std::io::Read;

/// The largest section that is unpacked.
const MAX_SECTION: u64 = 1 << 30;

/// Code of one line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Row {
    pub(super) file: String,
    pub(super) line: u64,
    /// First address, and the address after the last.
    pub(super) start: u64,
    pub(super) end: u64,
}

type Reader<'a> = EndianSlice<'a, RunTimeEndian>;

/// All lines of a program, at the addresses that it runs at. What is damaged is left out.
pub(super) fn rows(program: &Program) -> Vec<Row> {
    let Ok(file) = object::File::parse(&*program.bytes) else { return Vec::new() };
    let endian = if file.is_little_endian() { RunTimeEndian::Little } else { RunTimeEndian::Big };
    let mut sections = HashMap::new();
    for section in file.sections() {
        let Ok(name) = section.name() else { continue };
        if name.starts_with(".debug_")
            && let Some(bytes) = unpacked(&section)
        {
            sections.insert(name.to_string(), bytes);
        }
    }
    let load = |id: gimli::SectionId| -> Result<Reader<'_>, gimli::Error> {
        let bytes = sections.get(id.name()).map_or(&[][..], Vec::as_slice);
        Ok(EndianSlice::new(bytes, endian))
    };
    let Ok(dwarf) = Dwarf::load(load) else { return Vec::new() };
    let mut out = Vec::new();
    let mut units = dwarf.units();
    while let Ok(Some(header)) = units.next() {
        let Ok(unit) = dwarf.unit(header) else { continue };
        let _ = add(&dwarf, &unit, &mut out);
    }
    // What the linker dropped has addresses near 0.
    let code = program.code();
    out.retain_mut(|row| {
        row.start = row.start.wrapping_add(program.base);
        row.end = row.end.wrapping_add(program.base);
        code.iter().any(|(at, len)| row.start.checked_sub(*at).is_some_and(|skip| skip < *len))
    });
    out
}

fn unpacked<'a>(section: &impl ObjectSection<'a>) -> Option<Vec<u8>> {
    let data = section.compressed_data().ok()?;
    match data.format {
        CompressionFormat::None => Some(data.data.to_vec()),
        CompressionFormat::Zlib if data.uncompressed_size <= MAX_SECTION => {
            let mut out = Vec::new();
            ZlibDecoder::new(data.data).take(MAX_SECTION).read_to_end(&mut out).ok()?;
            Some(out)
        }
        _ => None,
    }
}

fn add(
    dwarf: &Dwarf<Reader<'_>>,
    unit: &Unit<Reader<'_>>,
    out: &mut Vec<Row>,
) -> gimli::Result<()> {
    let Some(program) = unit.line_program.clone() else { return Ok(()) };
    let mut names = HashMap::new();
    let mut last: Option<(u64, u64, u64)> = None;
    let mut rows = program.rows();
    while let Some((header, row)) = rows.next_row()? {
        let now = row.address();
        if let Some((file, line, start)) = last.take()
            && now > start
            && line > 0
        {
            let name = names.entry(file).or_insert_with(|| path(dwarf, unit, header, file));
            if let Some(name) = name {
                out.push(Row { file: name.clone(), line, start, end: now });
            }
        }
        last = (!row.end_sequence()).then(|| (row.file_index(), line(row), now));
    }
    Ok(())
}

fn line(row: &LineRow) -> u64 {
    row.line().map_or(0, |n| n.get())
}

/// A file's path: the unit's folder, the file's folder, its name.
fn path(
    dwarf: &Dwarf<Reader<'_>>,
    unit: &Unit<Reader<'_>>,
    header: &gimli::LineProgramHeader<Reader<'_>>,
    index: u64,
) -> Option<String> {
    let text = |value: AttributeValue<Reader<'_>>| {
        let raw = dwarf.attr_string(unit, value).ok()?;
        Some(raw.to_string_lossy().into_owned())
    };
    let file = header.file(index)?;
    let mut out = text(file.path_name())?;
    let mut before = |folder: String| {
        if !out.starts_with('/') && !folder.is_empty() {
            out = format!("{}/{out}", folder.trim_end_matches('/'));
        }
    };
    // Index 0 is the unit's own folder, which before version 5 is not in the list.
    if let Some(folder) = file.directory(header)
        && (file.directory_index() != 0 || header.version() >= 5)
    {
        before(text(folder)?);
    }
    if let Some(folder) = unit.comp_dir {
        before(folder.to_string_lossy().into_owned());
    }
    Some(out.trim_start_matches("./").to_string())
}
