//! Instruction tests as data (see `hetemu_engine::testing::rows`), recorded on Unicorn.
//!
//! Behind the name of a section's core stands its byte order (`big`, `little`, or `any` for both).
//! Code is one word; behind it lies the slot of a branch, `addiu s0,s0,1`. Registers that a row
//! does not name are 0 before; floating point is on.

mod common;

use common::{bytes, config};
use hetemu_engine::testing::rows::{self, Case, Row, Tier};
use hetemu_isa::Target;
use hetemu_target_mips::{Mips, disasm, isa::Isa, regs, table};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/rows");
const BASE: u64 = 0x1_0000;
const SLOT: u32 = 0x2610_0001;
/// Status with the float unit on; of a core whose float registers have 32 bits.
const STATUS: u64 = 0x2040_0004;

fn word(row: &Row) -> u32 {
    row.bytes().iter().fold(0, |word, b| word << 8 | u32::from(*b))
}

fn cases(row: &Row) -> Vec<Case> {
    let (core, order) = row.core.split_once(' ').unwrap();
    let orders: &[bool] = match order {
        "big" => &[true],
        "little" => &[false],
        _ => &[true, false],
    };
    let case = |big: &bool| Case {
        cpu: Mips.create(&config(core, *big)).unwrap(),
        ram: (0, 0x8_0000),
        scratch: (0x4_0400, 0x800),
        code: (BASE, [word(row), SLOT, 0, 0, 0].iter().flat_map(|w| bytes(*w, *big)).collect()),
        start: vec![("status", STATUS), ("pc", BASE)],
        steps: 1,
        // The slot of a branch-likely is an instruction of its own.
        more: |rig| rig.regs().get(regs::PC) & 3 == 2,
        next: BASE + 4,
        cell: (4, *big),
        agree: |_, _| (),
        loose: &["count", "random"],
    };
    orders.iter().map(case).collect()
}

#[test]
fn interpreted() {
    rows::check(FOLDER, 500, Tier::Interpreter, cases);
}

#[test]
fn templates() {
    rows::check(FOLDER, 500, Tier::Templates, cases);
}

#[test]
fn regions() {
    rows::check(FOLDER, 500, Tier::Regions, cases);
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
    for row in rows::read(FOLDER) {
        let word = word(&row);
        if let Some(insn) = table::decode32(word, set) {
            seen[insn.row as usize] = true;
        }
        assert!(disasm::disassemble(set, BASE, word, true).is_some(), "{}", row.place);
    }
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
