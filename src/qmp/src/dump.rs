//! An ELF core file of a machine's memory, for debuggers and crash tools.

use crate::error::Error;
use hetemu_graph::{Flat, flatten};
use hetemu_machine::Running;
use hetemu_schema::{Endian, RegionKind};
use std::io::{BufWriter, Write};

/// Bytes at a time.
const CHUNK: u64 = 1 << 16;
/// ELF header and program header of 64-bit files, whatever the core: addresses may need them.
const EHDR: u64 = 64;
const PHDR: u64 = 56;

/// Numbers of the file in the byte order of the core.
struct Out {
    bytes: Vec<u8>,
    big: bool,
}

impl Out {
    fn put(&mut self, size: usize, value: u64) {
        let bytes = value.to_le_bytes();
        let mut part: Vec<u8> = bytes.iter().take(size).copied().collect();
        if self.big {
            part.reverse();
        }
        self.bytes.extend(part);
    }
}

/// What `e_machine` is for an ISA.
fn machine_number(isa: &str) -> u64 {
    match isa {
        "riscv" => 243,
        "arm" => 40,
        "mips" => 8,
        "x86" => 62,
        _ => 0,
    }
}

/// Writes RAM and ROM as the first cluster sees it, all of it or a range of addresses.
pub(crate) fn write(m: &Running, path: &str, range: Option<(u64, u64)>) -> Result<(), Error> {
    let graph = m.graph();
    let first = graph.clusters.first().and_then(|c| c.cores.first());
    let core = first.map(|id| graph.part(*id));
    let bus = core.and_then(|p| p.masters.values().next());
    let (Some(core), Some(bus)) = (core, bus) else {
        return Err(Error::new("The machine has no core"));
    };
    let (low, high) = match range {
        None => (0, u64::MAX),
        Some((_, 0)) => return Err(Error::new("Invalid parameter 'length'")),
        Some((begin, length)) => (begin, begin.saturating_add(length - 1)),
    };
    let mut pieces = Vec::new();
    for r in flatten(graph, *bus) {
        let Flat::Region { part, region, .. } = r.to else { continue };
        let kind = graph.part(part).ty.regions.get(region as usize).map(|r| r.kind);
        let (start, last) = (r.start.max(low), r.last.min(high));
        if matches!(kind, Some(RegionKind::Ram | RegionKind::Rom)) && start <= last {
            pieces.push((start, (last - start).saturating_add(1)));
        }
    }
    if pieces.is_empty() || pieces.len() > 0xFFF0 {
        return Err(Error::new("There is no memory to dump"));
    }
    let isa = core.ty.core.as_ref().map_or("", |c| c.isa);
    let big = core.endian() == Some(Endian::Big);
    let mut head = Out { bytes: Vec::new(), big };
    head.bytes.extend([0x7f, b'E', b'L', b'F', 2, if big { 2 } else { 1 }, 1, 0]);
    head.bytes.extend([0; 8]);
    let count = pieces.len() as u64;
    // Type (core), machine, version, entry, headers, no sections, flags, sizes and counts.
    let numbers: [(usize, u64); 13] = [
        (2, 4),
        (2, machine_number(isa)),
        (4, 1),
        (8, 0),
        (8, EHDR),
        (8, 0),
        (4, 0),
        (2, EHDR),
        (2, PHDR),
        (2, count),
        (2, 0),
        (2, 0),
        (2, 0),
    ];
    numbers.iter().for_each(|(size, n)| head.put(*size, *n));
    let mut at = EHDR + PHDR * count;
    for (start, len) in &pieces {
        // PT_LOAD, rwx, offset, virtual and physical address, sizes, no alignment.
        for (size, n) in
            [(4, 1), (4, 7), (8, at), (8, *start), (8, *start), (8, *len), (8, *len), (8, 0)]
        {
            head.put(size, n);
        }
        at = at.saturating_add(*len);
    }
    let failed = |e: std::io::Error| Error::new(format!("Could not write '{path}': {e}"));
    let file = std::fs::File::create(path).map_err(failed)?;
    let mut file = BufWriter::new(file);
    file.write_all(&head.bytes).map_err(failed)?;
    for (start, len) in pieces {
        let mut done = 0;
        while done < len {
            let n = CHUNK.min(len - done);
            let bytes = m.read_physical(&core.name, start + done, n as usize);
            file.write_all(&bytes.unwrap_or_else(|| vec![0; n as usize])).map_err(failed)?;
            done += n;
        }
    }
    file.flush().map_err(failed)
}
