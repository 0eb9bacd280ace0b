//! Instruction tests as data (see `hetemu_engine::testing::rows`), recorded on QEMU 10.0.2 but for
//! control flow and system instructions, which were written by hand from the manual.
//!
//! Code is bytes; several instructions are separated by `;` in the text. A cell of memory has
//! eight bytes. Registers that a row does not name are 0 before; floating point is on, and vectors
//! are for the rows of V, which end by storing what they made.

mod common;

use common::config;
use hetemu_engine::testing::rows::{self, Case, Row, Tier};
use hetemu_isa::Target;
use hetemu_target_riscv::{RiscV, disasm, isa::Isa};
use std::collections::BTreeMap;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/rows");
const BASE: u64 = 0x8000_0000;

/// Counters and what shows float state.
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

fn cases(row: &Row) -> Vec<Case> {
    let code = row.bytes();
    let mut start = vec![("pc", BASE)];
    if row.core != "lowrisc.ibex" {
        let vector = row.text.ends_with("vs8r.v v16,(a1)");
        start.push(("mstatus", if vector { 0x6600 } else { 0x6000 }));
    }
    vec![Case {
        cpu: RiscV.create(&config(&row.core)).unwrap(),
        ram: (BASE, 0x20_0000),
        scratch: (BASE + 0x10_0000, 1024),
        start,
        steps: row.text.matches(';').count() as u64 + 1,
        more: |_| false,
        next: BASE + code.len() as u64,
        code: (BASE, code),
        cell: (8, false),
        agree: |_, _| (),
        loose: &LOOSE,
    }]
}

#[test]
fn interpreted() {
    rows::check(FOLDER, 2800, Tier::Interpreter, cases);
}

#[test]
fn templates() {
    rows::check(FOLDER, 2800, Tier::Templates, cases);
}

#[test]
fn regions() {
    rows::check(FOLDER, 2800, Tier::Regions, cases);
}

/// Each instruction of the table has a row, for each word size that has it.
#[test]
fn every_instruction_has_a_row() {
    use hetemu_target_riscv::table::{ROWS, decode};
    let mut seen: BTreeMap<&str, Vec<bool>> = BTreeMap::new();
    let cores = ["riscv.rv32", "riscv.rv64"];
    let sets = cores.map(|c| (c, Isa::new(&config(c)).unwrap().set));
    for (core, _) in sets {
        seen.insert(core, vec![false; ROWS.len()]);
    }
    for row in rows::read(FOLDER) {
        let Some(seen) = seen.get_mut(row.core.as_str()) else { continue };
        let set = sets.iter().find(|(c, _)| *c == row.core).unwrap().1;
        let code = row.bytes();
        let mut at = 0;
        while let Some(half) = code.get(at..at + 2) {
            let low = u16::from_le_bytes([half[0], half[1]]);
            let high = || {
                let b = code.get(at + 2..at + 4).ok_or(())?;
                Ok::<u16, ()>(u16::from_le_bytes([b[0], b[1]]))
            };
            let Ok((_, len, insn)) = decode(low, set, high) else { break };
            if let Some(insn) = insn {
                seen[insn.row as usize] = true;
            }
            at += usize::from(len);
        }
        let listed = disasm::disassemble(set, BASE, &code, false);
        assert!(listed.is_some() || row.text.contains("unimp"), "{}", row.place);
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
