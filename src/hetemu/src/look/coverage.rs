//! What of the programs has run: modules and the blocks in them.

use super::drcov::{self, Block, Module};
use super::lcov;
use hetemu_engine::Executed;
use hetemu_machine::Loaded;
use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endianness, elf};

/// A program whose code may have run.
#[derive(Debug, Clone)]
pub struct Program {
    /// Its file.
    pub path: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// How far it lies from its own addresses.
    pub base: u64,
    /// Where it lies, if the file does not say: address and length.
    pub ranges: Vec<(u64, u64)>,
}

/// What has run, in a file's form.
#[derive(Debug)]
pub struct Report {
    /// The file.
    pub bytes: Vec<u8>,
    /// Blocks that lie in a program, and that lie in none.
    pub blocks: (usize, usize),
    /// lcov: lines that have run, of so many.
    pub lines: Option<(usize, usize)>,
}

impl Program {
    /// An image that a machine has loaded.
    pub fn of(loaded: &Loaded, bytes: Vec<u8>) -> Program {
        let (path, base, ranges) = (loaded.path.clone(), loaded.base, loaded.ranges.clone());
        Program { path, bytes, base, ranges }
    }

    /// Where its code runs: executable segments of an ELF file by virtual address, else where it
    /// was loaded.
    pub fn code(&self) -> Vec<(u64, u64)> {
        let found = match self.bytes.get(..5) {
            Some(b"\x7fELF\x01") => segments::<elf::FileHeader32<Endianness>>(&self.bytes),
            Some(b"\x7fELF\x02") => segments::<elf::FileHeader64<Endianness>>(&self.bytes),
            _ => None,
        };
        match found {
            Some(list) => list.iter().map(|(at, n)| (at.wrapping_add(self.base), *n)).collect(),
            None => self.ranges.clone(),
        }
    }
}

fn segments<H: FileHeader<Endian = Endianness>>(bytes: &[u8]) -> Option<Vec<(u64, u64)>> {
    let header = H::parse(bytes).ok()?;
    let endian = header.endian().ok()?;
    let headers = header.program_headers(endian, bytes).ok()?.iter();
    let loads = headers.filter(|h| h.p_type(endian) == elf::PT_LOAD);
    let code = loads.filter(|h| h.p_flags(endian) & elf::PF_X == elf::PF_X);
    Some(code.map(|h| (h.p_vaddr(endian).into(), h.p_memsz(endian).into())).collect())
}

/// Coverage as drcov has it.
pub fn drcov(programs: &[Program], executed: &[Executed]) -> Report {
    let mut modules = Vec::new();
    for program in programs {
        for (base, len) in program.code() {
            modules.push(Module {
                base,
                end: base.saturating_add(len),
                path: program.path.clone(),
            });
        }
    }
    modules.sort_by_key(|m| (m.base, m.end));
    modules.dedup();
    let mut blocks = Vec::new();
    for block in executed {
        let inside = |m: &Module| m.base <= block.va && block.va < m.end;
        let Some(module) = modules.iter().position(inside) else { continue };
        let start = block.va - modules.get(module).map_or(0, |m| m.base);
        let (Ok(start), Ok(module)) = (u32::try_from(start), u16::try_from(module)) else {
            continue;
        };
        let size = u16::try_from(block.len).unwrap_or(u16::MAX);
        blocks.push(Block { start, size, module });
    }
    let (inside, all) = (blocks.len(), executed.len());
    let bytes = drcov::write(&modules, &blocks);
    Report { bytes, blocks: (inside, all - inside), lines: None }
}

/// Coverage by the programs' lines.
pub fn lcov(programs: &[Program], executed: &[Executed]) -> Report {
    let ranges: Vec<(u64, u64)> = programs.iter().flat_map(Program::code).collect();
    let inside = |e: &&Executed| {
        ranges.iter().any(|(at, len)| e.va.checked_sub(*at).is_some_and(|skip| skip < *len))
    };
    let n = executed.iter().filter(inside).count();
    let (text, lines) = lcov::write(programs, executed);
    Report { bytes: text.into_bytes(), blocks: (n, executed.len() - n), lines: Some(lines) }
}
