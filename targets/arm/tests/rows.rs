//! Instruction tests as data: each line of `rows/*.txt` runs on the interpreter, on templates and
//! on regions.
//!
//! ```text
//! core arm.cortex_m3
//! eb010002 "add.w r0, r1, r2" r1 = 0x1, r2 = 0x2 => r0 = 0x3
//! ```
//!
//! One or more instructions (the first halfword on top), what objdump writes for them, registers
//! by their names and words of memory (`[0x20008000] = N`) before and after. What is not named
//! before is 0 (`xpsr`: only the Thumb bit), and what is not named after must not change; `pc`
//! must be behind the instructions unless it is named, and `msp` is `sp` unless it is named. With
//! the security extension a name is that of the state in force; all is secure before, unless
//! `sau_ctrl` is 2 and `idau` behind the core's name does not say so.

mod common;

use hetemu_engine::EngineConfig;
use hetemu_engine::testing::Rig;
use hetemu_isa::{CoreConfig, Target};
use hetemu_schema::Value;
use hetemu_target_arm::{Arm, cpu, disasm, table};
use std::collections::BTreeMap;

const RAM: u64 = 0x2000_0000;
const CODE: u64 = 0x2000_2000;
const SIZE: u64 = 0x2_0000;
const THUMB: u64 = 0x0100_0000;

/// A core by its line, which may say what the system attributes.
fn config(line: &str) -> CoreConfig {
    let (name, idau) = line.split_once(" idau ").unwrap_or((line, ""));
    let mut config = common::config(name);
    if !idau.is_empty() {
        config.props.insert("idau".into(), Value::Str(idau.into()));
    }
    config
}

type Facts<'a> = Vec<(&'a str, u64)>;

struct Row<'a> {
    code: Vec<u16>,
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
    let (hex, _) = line.split_once(" \"")?;
    let half = |i: usize| u16::from_str_radix(hex.get(i..i + 4)?, 16).ok();
    let code = (0..hex.len()).step_by(4).map(half).collect::<Option<Vec<u16>>>()?;
    let (before, after) = line.split('"').nth(2)?.split_once("=>")?;
    Some(Row { code, before: facts(before), after: facts(after) })
}

impl Row<'_> {
    fn bytes(&self) -> Vec<u8> {
        self.code.iter().flat_map(|h| h.to_le_bytes()).collect()
    }

    /// Where its instructions begin, in halfwords.
    fn starts(&self) -> Vec<usize> {
        let (mut at, mut all) = (0, Vec::new());
        while let Some(first) = self.code.get(at) {
            all.push(at);
            at += if table::is_wide(*first) { 2 } else { 1 };
        }
        all
    }
}

fn place(name: &str) -> Option<u64> {
    name.strip_prefix('[')?.strip_suffix(']').map(number)
}

fn state(rig: &Rig) -> BTreeMap<String, u64> {
    rig.cluster.cpu(0).registers(rig.regs()).into_iter().collect()
}

fn run(core: &str, row: &Row<'_>, engine: &EngineConfig, times: u32) -> Vec<String> {
    let cpu = Arm.create(&config(core)).unwrap();
    let mut rig = Rig::new(engine.clone(), RAM, SIZE, cpu).unwrap();
    rig.ram.write(CODE - RAM, &row.bytes());
    let mut want = BTreeMap::new();
    let mut words = BTreeMap::new();
    for _ in 0..times {
        rig.cluster.reset(0);
        let (cpu, regs) = rig.cluster.cpu_mut(0);
        if cpu.set_register(regs, "cpacr", 0xf << 20) {
            cpu.set_register(regs, "control", 0xc);
        }
        for (name, value) in [("vtor", RAM), ("sp", 0), ("lr", 0), ("xpsr", THUMB), ("pc", CODE)] {
            assert!(cpu.set_register(regs, name, value), "no register {name}");
        }
        for (name, value) in &row.before {
            match place(name) {
                Some(at) => {
                    assert!(rig.ram.write(at - RAM, &(*value as u32).to_le_bytes()));
                    words.insert(at, *value);
                }
                None => {
                    let (cpu, regs) = rig.cluster.cpu_mut(0);
                    assert!(cpu.set_register(regs, name, *value), "no register {name}");
                }
            }
        }
        want = state(&rig);
        rig.run(row.starts().len() as u64);
    }
    want.insert("pc".into(), CODE + 2 * row.code.len() as u64);
    for (name, value) in &row.after {
        if let Some(at) = place(name) {
            words.insert(at, *value);
            continue;
        }
        if *name == "sp" {
            want.insert("msp".into(), *value);
            if let Some(own) = own(&want, row, "msp") {
                want.insert(own, *value);
            }
        }
        want.insert(name.to_string(), *value);
        if let Some(own) = own(&want, row, name) {
            want.insert(own, *value);
        }
    }
    let names: Vec<String> = want.keys().cloned().collect();
    for name in names {
        if let Some(value) = own(&want, row, &name).and_then(|own| want.get(&own).copied()) {
            want.insert(name, value);
        }
    }
    let mut wrong = Vec::new();
    for (at, value) in words {
        let mut found = [0; 4];
        rig.ram.read(at - RAM, &mut found);
        let found = u32::from_le_bytes(found);
        if u64::from(found) != value {
            wrong.push(format!("[{at:#x}] is {found:#x}, not {value:#x}"));
        }
    }
    let found = state(&rig);
    for (name, value) in &want {
        if found.get(name) != Some(value) {
            let found = found.get(name).unwrap_or(&0);
            wrong.push(format!("{name} is {found:#x}, not {value:#x}"));
        }
    }
    wrong
}

/// A register that both security states have by the name of the one that the row leaves in force.
fn own(want: &BTreeMap<String, u64>, row: &Row<'_>, name: &str) -> Option<String> {
    let named = row.after.iter().find(|(n, _)| *n == "secure").map(|(_, v)| v);
    let secure = named.or(want.get("secure"))?;
    let own = format!("{name}{}", if *secure != 0 { "_s" } else { "_ns" });
    want.contains_key(&own).then_some(own)
}

/// Calls with each row and its core; gives the number of rows.
fn each(mut call: impl FnMut(&str, &Row<'_>, &str)) -> usize {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/rows");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    let mut count = 0;
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let mut core = "";
        for line in text.lines() {
            if let Some(name) = line.strip_prefix("core ") {
                core = name;
            } else if let Some(row) = parse(line) {
                count += 1;
                call(core, &row, line);
            } else {
                assert!(line.is_empty() || line.starts_with('#'), "{line}");
            }
        }
    }
    count
}

fn all(engine: EngineConfig, times: u32) {
    let mut wrong = Vec::new();
    let count = each(|core, row, line| {
        let differs = run(core, row, &engine, times);
        if !differs.is_empty() {
            wrong.push(format!("{core}: {line}\n    {}", differs.join(", ")));
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
    all(EngineConfig { tier_up: 1, ..EngineConfig::default() }, 3);
}

#[test]
fn regions() {
    all(EngineConfig { tier_up: 1, tier_two: 0, ..EngineConfig::default() }, 3);
}

/// Every line of the table has a row, but for what waits.
#[test]
fn every_instruction_has_a_row() {
    let other = OTHER;
    let mut seen = vec![false; table::ROWS.len()];
    each(|core, row, line| {
        let set = cpu::Facts::new(&config(core)).unwrap().set;
        let bytes = row.bytes();
        for at in row.starts() {
            let shown = disasm::disassemble(set, CODE + 2 * at as u64, &bytes[2 * at..]);
            assert!(shown.is_some(), "{core}: {line}");
            let second = row.code.get(at + 1).copied().ok_or(());
            if let Ok((_, _, Some(insn))) = table::decode(row.code[at], set, || second) {
                seen[insn.row as usize] = true;
            }
        }
    });
    let rows = table::ROWS.iter().zip(seen);
    let missing: Vec<&str> =
        rows.filter(|(r, seen)| !seen && !other.contains(&r.name)).map(|(r, _)| r.name).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// What has no row.
const OTHER: [&str; 7] = ["wfe", "wfi", "wfe.w", "wfi.w", "reserved", "hint", "hint.w"];
