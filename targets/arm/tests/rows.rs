//! Instruction tests as data (see `hetemu_engine::testing::rows`), recorded on Unicorn.
//!
//! Code is halfwords, of a 32-bit instruction the first one on top. Registers that a row does not
//! name are 0 before, but for `xpsr`, which has the Thumb bit; floating point is on. With the
//! security extension a name is that of the state in force; all is secure before, unless
//! `sau_ctrl` is 2 and `idau` behind the core's name does not say so.

mod common;

use hetemu_engine::testing::rows::{self, Case, Row, Tier};
use hetemu_isa::{CoreConfig, Target};
use hetemu_schema::Value;
use hetemu_target_arm::{Arm, cpu, disasm, table};
use std::collections::BTreeMap;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/rows");
const RAM: u64 = 0x2000_0000;
const CODE: u64 = 0x2000_2000;
const THUMB: u64 = 0x0100_0000;

/// A core by its section, which may say what the system attributes.
fn config(section: &str) -> CoreConfig {
    let (name, idau) = section.split_once(" idau ").unwrap_or((section, ""));
    let mut config = common::config(name);
    if !idau.is_empty() {
        config.props.insert("idau".into(), Value::Str(idau.into()));
    }
    config
}

fn halfwords(row: &Row) -> Vec<u16> {
    row.bytes().chunks(2).map(|b| u16::from_be_bytes([b[0], b[1]])).collect()
}

fn bytes(code: &[u16]) -> Vec<u8> {
    code.iter().flat_map(|h| h.to_le_bytes()).collect()
}

/// Where the instructions begin, in halfwords.
fn starts(code: &[u16]) -> Vec<usize> {
    let (mut at, mut all) = (0, Vec::new());
    while let Some(first) = code.get(at) {
        all.push(at);
        at += if table::is_wide(*first) { 2 } else { 1 };
    }
    all
}

fn case(row: &Row) -> Case {
    let config = config(&row.core);
    let code = halfwords(row);
    let mut start = vec![("vtor", RAM), ("sp", 0), ("lr", 0), ("xpsr", THUMB), ("pc", CODE)];
    if cpu::Facts::new(&config).unwrap().set & table::ext::FP != 0 {
        start.extend([("cpacr", 0xf << 20), ("control", 0xc)]);
    }
    Case {
        cpu: Arm.create(&config).unwrap(),
        ram: (RAM, 0x2_0000),
        scratch: (RAM + 0x8000, 0x2000),
        code: (CODE, bytes(&code)),
        start,
        steps: starts(&code).len() as u64,
        more: |_| false,
        next: CODE + 2 * code.len() as u64,
        cell: (4, false),
        agree,
        loose: &[],
    }
}

/// `sp` is `msp`; with the security extension a name is that of the state that a row leaves in
/// force.
fn agree(want: &mut BTreeMap<String, u64>, row: &Row) {
    let secure = want.get("secure").map(|s| if *s != 0 { "_s" } else { "_ns" });
    let own = |want: &BTreeMap<String, u64>, name: &str| {
        let own = format!("{name}{}", secure?);
        want.contains_key(&own).then_some(own)
    };
    for (name, value) in &row.after {
        let name = if name == "sp" { "msp" } else { name };
        if let Some(of) = want.get_mut(name) {
            *of = *value;
        }
        if let Some(own) = own(want, name) {
            want.insert(own, *value);
        }
    }
    for name in want.keys().cloned().collect::<Vec<_>>() {
        if let Some(value) = own(want, &name).and_then(|own| want.get(&own).copied()) {
            want.insert(name, value);
        }
    }
}

fn all(tier: Tier) {
    rows::check(FOLDER, 500, tier, |row| vec![case(row)]);
}

#[test]
fn interpreted() {
    all(Tier::Interpreter);
}

#[test]
fn templates() {
    all(Tier::Templates);
}

#[test]
fn regions() {
    all(Tier::Regions);
}

/// Every line of the table has a row, but for what waits.
#[test]
fn every_instruction_has_a_row() {
    let mut seen = vec![false; table::ROWS.len()];
    for row in rows::read(FOLDER) {
        let set = cpu::Facts::new(&config(&row.core)).unwrap().set;
        let code = halfwords(&row);
        let bytes = bytes(&code);
        for at in starts(&code) {
            let shown = disasm::disassemble(set, CODE + 2 * at as u64, &bytes[2 * at..]);
            assert!(shown.is_some(), "{}: {}", row.core, row.place);
            let second = code.get(at + 1).copied().ok_or(());
            if let Ok((_, _, Some(insn))) = table::decode(code[at], set, || second) {
                seen[insn.row as usize] = true;
            }
        }
    }
    let rows = table::ROWS.iter().zip(seen);
    let missing: Vec<&str> =
        rows.filter(|(r, seen)| !seen && !OTHER.contains(&r.name)).map(|(r, _)| r.name).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// What has no row.
const OTHER: [&str; 7] = ["wfe", "wfi", "wfe.w", "wfi.w", "reserved", "hint", "hint.w"];
