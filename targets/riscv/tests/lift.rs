//! The lifter against the IR's rules, on random instructions of every core type.

mod common;

use common::{config, fetch_from};
use hetemu_isa::random::{Random, instruction};
use hetemu_isa::{Mode, Target, text, verify};
use hetemu_target_riscv::{RiscV, disasm, isa::Isa, lift::Key, table};

const CORES: [&str; 4] = ["riscv.rv32", "riscv.rv64", "riscv.rv64gc", "lowrisc.ibex"];

/// Every block of random programs keeps the rules, and its text parses back to it.
#[test]
fn random_blocks_verify() {
    for name in CORES {
        let config = config(name);
        let cpu = RiscV.create(&config).unwrap();
        let set = Isa::new(&config).unwrap().set;
        let mut random = Random::new(1);
        let mut insts = 0;
        for n in 0..4000u64 {
            let mut code = Vec::new();
            while code.len() < 60 {
                let (row, word) =
                    instruction(&mut random, table::ROWS, table::FIELDS, set, |_| true).unwrap();
                let len = usize::from(table::ROWS[row].len);
                code.extend_from_slice(&word.to_le_bytes()[..len]);
            }
            let key = Key { float: n % 8 != 0, dirty: n % 2 == 0, frm: (n % 7) as u8, cbze: true };
            let mode = Mode { key: key.bits(), ..Mode::default() };
            let pc = if cpu.layout().bits == 32 { 0xffff_f000 } else { 0xffff_ffff_8000_0f00 };
            let mut fetch = fetch_from(pc, &code);
            let block = cpu.lift(mode, pc, 64, &mut fetch).unwrap();
            let shown = text::print(&block, cpu.layout());
            assert_eq!(verify(&block, cpu.layout()), Ok(()), "{name}\n{shown}");
            assert_eq!(text::parse(&shown, cpu.layout()).as_ref(), Ok(&block), "{shown}");
            insts += block.count;
        }
        assert!(insts > 6000, "{name}: {insts} instructions");
    }
}

/// Each row's encodings decode to that row or to a more specific one, and disassemble.
#[test]
fn rows_decode() {
    for name in CORES {
        let set = Isa::new(&config(name)).unwrap().set;
        let mut random = Random::new(7);
        for (index, row) in table::ROWS.iter().enumerate() {
            if set & row.need != row.need || row.name == "reserved" {
                continue;
            }
            let mut hits = 0;
            for _ in 0..200 {
                let word = row.encode(random.bits() as u32);
                let insn = match row.len {
                    2 => table::decode16(word, set),
                    _ => table::decode32(word, set),
                };
                let Some(insn) = insn else { continue };
                let found = &table::ROWS[insn.row as usize];
                if insn.row as usize == index {
                    hits += 1;
                } else {
                    assert!(found.mask & row.mask == row.mask, "{} for {}", found.name, row.name);
                }
                assert!(disasm::disassemble(set, 0, &word.to_le_bytes(), true).is_some());
            }
            assert!(hits > 50, "{name}: {} found {hits} times", row.name);
        }
    }
}

/// What the 16-bit space has no instruction for, counted: a change of the table shows.
#[test]
fn compressed_space() {
    let legal = |set: u64| {
        (0..=0xffffu32).filter(move |w| w & 3 != 3 && table::decode16(*w, set).is_some())
    };
    let set = |name| Isa::new(&config(name)).unwrap().set;
    assert_eq!(legal(set("riscv.rv64gc")).count(), 46743);
    assert_eq!(legal(set("lowrisc.ibex")).count(), 28823);
}
