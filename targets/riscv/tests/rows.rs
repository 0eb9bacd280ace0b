//! Instruction tests as data: each line of `rows/*.txt` runs on the interpreter and on compiled
//! code.
//!
//! ```text
//! core riscv.rv64
//! [b3 05 b5 00] "add a1,a0,a1" a0 = 0x1, a1 = 0x2 => a1 = 0x3
//! ```
//!
//! Registers bear their names, `[0x80100000] = N` is eight bytes of memory. What is not named
//! begins as 0 and must not change; `pc` must be the next instruction's unless it is named. Code
//! lies at 0x8000_0000. Several instructions are separated by `;` in the text, which also counts
//! them. The results were recorded on QEMU 10.0.2 but for control flow and system instructions,
//! which were written by hand from the manual.

mod common;

use common::config;
use hetemu_engine::EngineConfig;
use hetemu_engine::testing::Rig;
use hetemu_isa::Target;
use hetemu_target_riscv::{RiscV, disasm, isa::Isa};
use std::collections::BTreeMap;

const BASE: u64 = 0x8000_0000;
const SIZE: u64 = 0x20_0000;

/// Name or address, and value.
type Facts = Vec<(Place, u64)>;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Register(String),
    Memory(u64),
}

struct Row<'a> {
    code: Vec<u8>,
    text: &'a str,
    before: Facts,
    after: Facts,
}

fn number(text: &str) -> u64 {
    let text = text.trim();
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).unwrap(),
        None => text.parse().unwrap(),
    }
}

fn facts(text: &str) -> Facts {
    let parts = text.split(',').filter(|p| !p.trim().is_empty());
    let fact = |part: &str| {
        let (place, value) = part.split_once('=').unwrap();
        let place = place.trim();
        let inner = place.strip_prefix('[').and_then(|p| p.strip_suffix(']'));
        let place = inner.map_or(Place::Register(place.into()), |a| Place::Memory(number(a)));
        (place, number(value))
    };
    parts.map(fact).collect()
}

fn parse(line: &str) -> Option<Row<'_>> {
    let (code, rest) = line.strip_prefix('[')?.split_once(']')?;
    let code = code.split(' ').map(|b| u8::from_str_radix(b, 16).unwrap()).collect();
    let mut quoted = rest.splitn(3, '"').skip(1);
    let text = quoted.next()?;
    let (before, after) = quoted.next()?.split_once("=>")?;
    Some(Row { code, text, before: facts(before), after: facts(after) })
}

/// Counters and what shows float state: compared only where a row names them.
const LOOSE: [&str; 13] = [
    "cycle",
    "instret",
    "time",
    "mcycle",
    "minstret",
    "cycleh",
    "instreth",
    "timeh",
    "mcycleh",
    "minstreth",
    "fcsr",
    "mstatus",
    "sstatus",
];

fn state(rig: &Rig) -> BTreeMap<String, u64> {
    rig.cluster.cpu(0).registers(rig.regs()).into_iter().collect()
}

/// Runs a row; a message if something differs.
fn run(core: &str, row: &Row<'_>, engine: &EngineConfig, times: u32) -> Result<(), String> {
    let cpu = RiscV.create(&config(core)).unwrap();
    let mut rig = Rig::new(engine.clone(), BASE, SIZE, cpu).unwrap();
    rig.ram.write(0, &row.code);
    let count = row.text.matches(';').count() as u64 + 1;
    // Run again and again from the same state, so that the code gets hot.
    let mut before = BTreeMap::new();
    for _ in 0..times {
        rig.cluster.reset(0);
        rig.ram.write(0x10_0000, &[0; 1024]);
        let mut set = |name: &str, value| {
            let (cpu, regs) = rig.cluster.cpu_mut(0);
            assert!(cpu.set_register(regs, name, value), "no register {name}");
        };
        if core != "lowrisc.ibex" {
            // Rows of V end by storing what they made.
            let vector = row.text.ends_with("vs8r.v v16,(a1)");
            set("mstatus", if vector { 0x6600 } else { 0x6000 });
        }
        set("pc", BASE);
        for (place, value) in &row.before {
            match place {
                Place::Register(name) => set(name, *value),
                Place::Memory(at) => assert!(rig.ram.write(at - BASE, &value.to_le_bytes())),
            }
        }
        before = state(&rig);
        rig.run(count);
    }
    let mut want = before;
    want.insert("pc".into(), BASE + row.code.len() as u64);
    let mut wrong = Vec::new();
    for (place, value) in &row.after {
        match place {
            Place::Register(name) => {
                want.insert(name.clone(), *value);
            }
            Place::Memory(at) => {
                let mut found = [0; 8];
                rig.ram.read(at - BASE, &mut found);
                let found = u64::from_le_bytes(found);
                if found != *value {
                    wrong.push(format!("[{at:#x}] is {found:#x}"));
                }
            }
        }
    }
    let named = |n: &String| row.after.iter().any(|(p, _)| *p == Place::Register(n.clone()));
    for (name, found) in state(&rig) {
        let loose = LOOSE.contains(&name.as_str()) && !named(&name);
        if !loose && want.get(&name) != Some(&found) {
            wrong.push(format!("{name} is {found:#x}, not {:#x}", want.get(&name).unwrap_or(&0)));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join(", ")) }
}

/// Runs every file of rows.
fn all(engine: EngineConfig, times: u32) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/rows");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    let (mut count, mut wrong) = (0, Vec::new());
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let mut core = "";
        for (i, line) in text.lines().enumerate() {
            if let Some(name) = line.strip_prefix("core ") {
                core = name;
            } else if let Some(row) = parse(line) {
                count += 1;
                if let Err(e) = run(core, &row, &engine, times) {
                    let name = file.file_name().unwrap_or_default().to_string_lossy();
                    wrong.push(format!("{name}:{}: {line}\n    {e}", i + 1));
                }
            } else {
                assert!(line.is_empty() || line.starts_with('#'), "{}:{}", file.display(), i + 1);
            }
        }
    }
    assert!(count > 2800, "{count} rows");
    assert!(wrong.is_empty(), "{} of {count} rows\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn interpreted() {
    all(EngineConfig { jit: false, ..EngineConfig::default() }, 1);
}

#[test]
fn templates() {
    all(EngineConfig { tier_up: 1, ..EngineConfig::default() }, 4);
}

#[test]
fn regions() {
    all(EngineConfig { tier_up: 1, tier_two: 0, ..EngineConfig::default() }, 4);
}

/// Each instruction of the table has a row, for each word size that has it.
#[test]
fn every_instruction_has_a_row() {
    use hetemu_target_riscv::table::{ROWS, decode};
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/rows");
    let mut seen: BTreeMap<&str, Vec<bool>> = BTreeMap::new();
    let cores = ["riscv.rv32", "riscv.rv64"];
    let sets = cores.map(|c| (c, Isa::new(&config(c)).unwrap().set));
    for (core, _) in sets {
        seen.insert(core, vec![false; ROWS.len()]);
    }
    for file in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let mut core = "";
        for line in text.lines() {
            core = line.strip_prefix("core ").unwrap_or(core);
            let (Some(row), Some(seen)) = (parse(line), seen.get_mut(core)) else { continue };
            let set = sets.iter().find(|(c, _)| *c == core).unwrap().1;
            let mut at = 0;
            while let Some(half) = row.code.get(at..at + 2) {
                let low = u16::from_le_bytes([half[0], half[1]]);
                let high = || {
                    let b = row.code.get(at + 2..at + 4).ok_or(())?;
                    Ok::<u16, ()>(u16::from_le_bytes([b[0], b[1]]))
                };
                let Ok((_, len, insn)) = decode(low, set, high) else { break };
                if let Some(insn) = insn {
                    seen[insn.row as usize] = true;
                }
                at += usize::from(len);
            }
            let listed = disasm::disassemble(set, BASE, &row.code, false);
            assert!(listed.is_some() || row.text.contains("unimp"), "{line}");
        }
    }
    for (core, set) in sets {
        let missing: Vec<&str> = ROWS
            .iter()
            .zip(&seen[core])
            .filter(|(r, seen)| !**seen && r.name != "reserved" && set & r.need == r.need)
            .map(|(r, _)| r.name)
            .collect();
        assert!(missing.is_empty(), "{core}: {missing:?}");
    }
}
