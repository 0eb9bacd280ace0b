//! Instruction tests as data: each line of `rows/*.txt` runs on the interpreter and on compiled
//! code, in the byte orders that its section names.
//!
//! ```text
//! core mips.mips24kf any
//! 00622821 "addu a1,v1,v0" v0 = 0x1, v1 = 0x2 => a1 = 0x3
//! ```
//!
//! An instruction word, what GNU objdump writes for it, registers by their names and words of
//! memory (`[0x40800] = N`) before and after. What is not named before is 0, and what is not named
//! after must not change; `pc` must be the next instruction's unless it is named. Behind a branch
//! lies its slot, `addiu s0,s0,1`. The results were recorded on Unicorn.

mod common;

use common::{bytes, config};
use hetemu_engine::EngineConfig;
use hetemu_engine::testing::Rig;
use hetemu_isa::Target;
use hetemu_target_mips::{Mips, disasm, isa::Isa, table};
use std::collections::BTreeMap;

const BASE: u64 = 0x1_0000;
const SIZE: u64 = 0x8_0000;
const SLOT: u32 = 0x2610_0001;
/// Status with the float unit on; of a core whose float registers have 32 bits.
const STATUS: u64 = 0x2040_0004;

type Facts<'a> = Vec<(&'a str, u64)>;

struct Row<'a> {
    word: u32,
    before: Facts<'a>,
    after: Facts<'a>,
}

fn number(text: &str) -> u64 {
    u64::from_str_radix(text.trim().strip_prefix("0x").unwrap(), 16).unwrap()
}

fn facts(text: &str) -> Facts<'_> {
    let parts = text.split(',').filter(|p| !p.trim().is_empty());
    parts.map(|p| p.split_once('=').map(|(n, v)| (n.trim(), number(v))).unwrap()).collect()
}

fn parse(line: &str) -> Option<Row<'_>> {
    let word = u32::from_str_radix(line.get(..8)?, 16).ok()?;
    let (before, after) = line.split('"').nth(2)?.split_once("=>")?;
    Some(Row { word, before: facts(before), after: facts(after) })
}

fn place(name: &str) -> Option<u64> {
    name.strip_prefix('[')?.strip_suffix(']').map(number)
}

fn state(rig: &Rig) -> BTreeMap<String, u64> {
    rig.cluster.cpu(0).registers(rig.regs()).into_iter().collect()
}

fn run(core: &str, big: bool, row: &Row<'_>, engine: &EngineConfig, times: u32) -> Vec<String> {
    let cpu = Mips.create(&config(core, big)).unwrap();
    let mut rig = Rig::new(engine.clone(), 0, SIZE, cpu).unwrap();
    for (i, word) in [row.word, SLOT, 0, 0, 0].into_iter().enumerate() {
        rig.ram.write(BASE + 4 * i as u64, &bytes(word, big));
    }
    let mut before = BTreeMap::new();
    for _ in 0..times {
        rig.cluster.reset(0);
        let (cpu, regs) = rig.cluster.cpu_mut(0);
        assert!(cpu.set_register(regs, "status", STATUS));
        for (name, value) in row.before.iter().chain(&[("pc", BASE)]) {
            match place(name) {
                Some(at) => assert!(rig.ram.write(at, &bytes(*value as u32, big))),
                None => {
                    let (cpu, regs) = rig.cluster.cpu_mut(0);
                    assert!(cpu.set_register(regs, name, *value), "no register {name}");
                }
            }
        }
        before = state(&rig);
        rig.run(1);
        // The slot of a branch-likely is an instruction of its own.
        let pc = rig.regs().get(hetemu_target_mips::regs::PC);
        if pc & 3 == 2 {
            rig.run(1);
        }
    }
    let mut want = before;
    want.insert("pc".into(), BASE + 4);
    let mut wrong = Vec::new();
    for (name, value) in &row.after {
        let Some(at) = place(name) else {
            want.insert(name.to_string(), *value);
            continue;
        };
        let mut found = [0; 4];
        rig.ram.read(at, &mut found);
        let found = if big { u32::from_be_bytes(found) } else { u32::from_le_bytes(found) };
        if u64::from(found) != *value {
            wrong.push(format!("[{at:#x}] is {found:#x}"));
        }
    }
    for (name, found) in state(&rig) {
        let loose = matches!(name.as_str(), "count" | "random");
        if !loose && want.get(&name) != Some(&found) {
            wrong.push(format!("{name} is {found:#x}, not {:#x}", want.get(&name).unwrap_or(&0)));
        }
    }
    wrong
}

/// Calls with each row, its core and its byte orders; gives the number of rows.
fn each(mut call: impl FnMut(&str, &[bool], &Row<'_>, &str)) -> usize {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/rows");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    let mut count = 0;
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let (mut core, mut orders) = ("", &[true, false][..]);
        for line in text.lines() {
            if let Some(head) = line.strip_prefix("core ") {
                let (name, order) = head.split_once(' ').unwrap();
                core = name;
                orders = match order {
                    "big" => &[true],
                    "little" => &[false],
                    _ => &[true, false],
                };
            } else if let Some(row) = parse(line) {
                count += 1;
                call(core, orders, &row, line);
            } else {
                assert!(line.is_empty() || line.starts_with('#'), "{line}");
            }
        }
    }
    count
}

fn all(engine: EngineConfig, times: u32) {
    let mut wrong = Vec::new();
    let count = each(|core, orders, row, line| {
        for big in orders {
            let differs = run(core, *big, row, &engine, times);
            if !differs.is_empty() {
                wrong.push(format!("big {big}: {line}\n    {}", differs.join(", ")));
            }
        }
    });
    assert!(count > 500, "{count} rows");
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

/// Every instruction has a row, but for those of the system (`exceptions.rs`), those that Unicorn
/// does otherwise, and those whose result memory alone shows.
#[test]
fn every_instruction_has_a_row() {
    let other = [
        "syscall", "break", "sdbbp", "cache", "synci", "rdhwr", "mfc0", "mtc0", "dmfc0", "dmtc0",
        "di", "ei", "rdpgpr", "wrpgpr", "tlbr", "tlbwi", "tlbwr", "tlbp", "eret", "deret", "wait",
        "ctc1", "cfc1", "abs.s", "abs.d", "neg.s", "neg.d", "ll", "sc", "lld", "scd", "prefx",
        "pref", "sync", "luxc1", "suxc1", "dmfc1", "dmtc1",
    ];
    let mut seen = vec![false; table::ROWS.len()];
    let set = Isa::new(&config("mips.mips64r2", true)).unwrap().set;
    each(|_, _, row, line| {
        if let Some(insn) = table::decode32(row.word, set) {
            seen[insn.row as usize] = true;
        }
        assert!(disasm::disassemble(set, BASE, row.word, true).is_some(), "{line}");
    });
    let missing: Vec<&str> = table::ROWS
        .iter()
        .zip(seen)
        .filter(|(r, seen)| {
            let traps = r.name.starts_with('t') && !r.name.contains('.');
            !seen && !traps && !other.contains(&r.name) && !r.name.contains(".l")
        })
        .map(|(r, _)| r.name)
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
