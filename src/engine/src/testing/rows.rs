//! Instruction tests as data: each line of a target's `tests/rows/*.txt` runs on the interpreter,
//! on templates and on regions.
//!
//! ```text
//! core arm.cortex_m3
//! # a comment
//! eb010002 "add.w r0, r1, r2" r1 = 0x1, r2 = 0x2 => r0 = 0x3
//! ```
//!
//! The instruction's code as its target writes it (several may follow one another), what an
//! independent disassembler writes for it, then registers by their names and cells of memory
//! (`[0x20008000] = N`) before and after. What is not named before is as the target's [`Case`] has
//! it; what is not named after must not change.

use super::Rig;
use crate::EngineConfig;
use hetemu_isa::Cpu;
use std::collections::BTreeMap;
use std::path::Path;

/// Registers and cells of memory, by name.
pub type Facts = Vec<(String, u64)>;

/// A line.
#[derive(Debug, Clone)]
pub struct Row {
    /// The words behind `core` of its section.
    pub core: String,
    /// Its code as it is written.
    pub code: String,
    /// Its instructions as a disassembler writes them.
    pub text: String,
    /// What holds before.
    pub before: Facts,
    /// What holds after.
    pub after: Facts,
    /// File, number of the line, and the line.
    pub place: String,
}

impl Row {
    /// The code as bytes: hexadecimal digits in brackets or not, blanks between them or not.
    pub fn bytes(&self) -> Vec<u8> {
        let digits: Vec<u32> = self.code.chars().filter_map(|c| c.to_digit(16)).collect();
        digits.chunks(2).map(|d| d.iter().fold(0, |b, d| b << 4 | *d as u8)).collect()
    }
}

/// A row as its target runs it.
pub struct Case {
    /// The core.
    pub cpu: Box<dyn Cpu>,
    /// Base and length in bytes of the memory.
    pub ram: (u64, u64),
    /// Address and length in bytes of what rows write; 0 before each.
    pub scratch: (u64, usize),
    /// Where the code goes, and the bytes.
    pub code: (u64, Vec<u8>),
    /// Registers that are set before those of the row; `pc` among them.
    pub start: Vec<(&'static str, u64)>,
    /// Instructions.
    pub steps: u64,
    /// Whether what ran needs one more step (a delay slot that is an instruction of its own).
    pub more: fn(&Rig) -> bool,
    /// The register `pc` after, if the row does not name it.
    pub next: u64,
    /// Bytes of a cell of memory, and whether it is big-endian.
    pub cell: (usize, bool),
    /// Makes what shall hold after a row agree, where a register has several names.
    pub agree: fn(&mut BTreeMap<String, u64>, &Row),
    /// Registers that are compared only where a row names them.
    pub loose: &'static [&'static str],
}

fn number(text: &str) -> Option<u64> {
    let text = text.trim();
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

fn facts(text: &str) -> Option<Facts> {
    let parts = text.split(',').filter(|p| !p.trim().is_empty());
    parts
        .map(|p| p.split_once('=').and_then(|(n, v)| Some((n.trim().into(), number(v)?))))
        .collect()
}

fn parse(line: &str, core: &str, place: String) -> Option<Row> {
    let mut parts = line.splitn(3, '"');
    let (code, text) = (parts.next()?.trim(), parts.next()?);
    let (before, after) = parts.next()?.split_once("=>")?;
    let (before, after) = (facts(before)?, facts(after)?);
    Some(Row { core: core.into(), code: code.into(), text: text.into(), before, after, place })
}

/// All rows of a folder.
///
/// # Panics
/// On a line that is none, or a folder that cannot be read.
pub fn read(folder: &str) -> Vec<Row> {
    let entries = std::fs::read_dir(Path::new(folder)).unwrap_or_else(|e| panic!("{folder}: {e}"));
    let mut files: Vec<_> = entries.flatten().map(|f| f.path()).collect();
    files.sort();
    let mut rows = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut core = "";
        for (line, number) in text.lines().zip(1..) {
            let place = format!("{name}:{number}: {line}");
            if let Some(name) = line.strip_prefix("core ") {
                core = name;
            } else if !line.is_empty() && !line.starts_with('#') {
                let row = parse(line, core, place.clone());
                rows.push(row.unwrap_or_else(|| panic!("no row: {place}")));
            }
        }
    }
    rows
}

/// Runs every row of a folder, in each of the cases that its target makes of it.
///
/// # Panics
/// If there are fewer rows than `least`, or something differs.
pub fn check(folder: &str, least: usize, tier: Tier, cases: impl Fn(&Row) -> Vec<Case>) {
    let rows = read(folder);
    assert!(rows.len() >= least, "{} rows", rows.len());
    let mut wrong = Vec::new();
    for row in &rows {
        for case in cases(row) {
            let differs = run(case, row, tier);
            if !differs.is_empty() {
                wrong.push(format!("{}: {}\n    {}", row.core, row.place, differs.join(", ")));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {} rows\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

/// What runs a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    /// The interpreter.
    Interpreter,
    /// Templates.
    Templates,
    /// Regions.
    Regions,
}

impl Tier {
    fn engine(self) -> EngineConfig {
        let plain = EngineConfig::default();
        match self {
            Tier::Interpreter => EngineConfig { jit: false, ..plain },
            Tier::Templates => EngineConfig { tier_up: 1, ..plain },
            Tier::Regions => EngineConfig { tier_up: 1, tier_two: 0, ..plain },
        }
    }

    /// How often a row runs from the same state, so that its code gets hot.
    fn times(self) -> u32 {
        if self == Tier::Interpreter { 1 } else { 4 }
    }
}

fn place(name: &str) -> Option<u64> {
    number(name.strip_prefix('[')?.strip_suffix(']')?)
}

fn state(rig: &Rig) -> BTreeMap<String, u64> {
    rig.cluster.cpu(0).registers(rig.regs()).into_iter().collect()
}

/// What is other than the row says.
fn run(case: Case, row: &Row, tier: Tier) -> Vec<String> {
    let (base, len) = case.ram;
    let (size, big) = case.cell;
    let mut rig = Rig::new(tier.engine(), base, len, case.cpu).expect("memory");
    rig.ram.write(case.code.0 - base, &case.code.1);
    let mut want = BTreeMap::new();
    let mut cells = BTreeMap::new();
    for _ in 0..tier.times() {
        rig.cluster.reset(0);
        let (at, len) = case.scratch;
        assert!(rig.ram.write(at - base, &vec![0; len]));
        let start = case.start.iter().map(|(n, v)| (*n, *v));
        let before = row.before.iter().map(|(n, v)| (&**n, *v));
        for (name, value) in start.chain(before) {
            if let Some(at) = place(name) {
                let mut bytes = value.to_le_bytes()[..size].to_vec();
                if big {
                    bytes.reverse();
                }
                assert!(rig.ram.write(at - base, &bytes), "{}: {name}", row.place);
                cells.insert(at, value);
            } else {
                let (cpu, regs) = rig.cluster.cpu_mut(0);
                assert!(cpu.set_register(regs, name, value), "{}: no {name}", row.place);
            }
        }
        want = state(&rig);
        rig.run(case.steps);
        if (case.more)(&rig) {
            rig.run(1);
        }
    }
    want.insert("pc".into(), case.next);
    for (name, value) in &row.after {
        if let Some(at) = place(name) {
            cells.insert(at, *value);
            continue;
        }
        want.insert(name.clone(), *value);
    }
    (case.agree)(&mut want, row);
    let mut wrong = Vec::new();
    for (at, value) in cells {
        let mut found = [0; 8];
        rig.ram.read(at - base, &mut found[..size]);
        if big {
            found[..size].reverse();
        }
        let found = u64::from_le_bytes(found);
        if found != value {
            wrong.push(format!("[{at:#x}] is {found:#x}, not {value:#x}"));
        }
    }
    for (name, found) in state(&rig) {
        let named = || row.after.iter().any(|(n, _)| *n == name);
        let want = want.get(&name).copied().unwrap_or(0);
        if want != found && (named() || !case.loose.contains(&&*name)) {
            wrong.push(format!("{name} is {found:#x}, not {want:#x}"));
        }
    }
    wrong
}
