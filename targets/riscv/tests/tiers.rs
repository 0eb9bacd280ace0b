//! Random programs of every core type: one instruction a block, long blocks and compiled code must
//! leave the same registers and memory after the same number of instructions.

mod common;

use common::config;
use hetemu_engine::EngineConfig;
use hetemu_engine::testing::Rig;
use hetemu_isa::Target;
use hetemu_isa::random::{Random, instruction};
use hetemu_target_riscv::{RiscV, isa::Isa, table};

const BASE: u64 = 0x8000_0000;
const SIZE: u64 = 0x2_0000;
/// Bytes of code; the rest is data.
const CODE: usize = 0x1000;

/// What leaves the program or traps: seldom taken.
const RARE: [&str; 10] =
    ["jal", "c.j", "c.jalr", "ecall", "ebreak", "c.ebreak", "mret", "sret", "csr", "sfence"];

fn program(random: &mut Random, set: u64) -> Vec<u8> {
    let mut code = Vec::new();
    while code.len() + 8 < CODE {
        if random.below(12) == 0 {
            // A base register back into the data: auipc s0 or sp, some pages on.
            let pages = 1 + random.below(12) as u32;
            let reg = if random.below(2) == 0 { 8 } else { 2 };
            code.extend_from_slice(&(pages << 12 | reg << 7 | 0x17).to_le_bytes());
        }
        let keep = |r: &hetemu_isa::decode::Row| !["wfi", "reserved"].contains(&r.name);
        let Some((row, mut word)) = instruction(random, table::ROWS, table::FIELDS, set, keep)
        else {
            continue;
        };
        let row = &table::ROWS[row];
        if RARE.iter().any(|n| row.name.starts_with(n)) && random.below(10) != 0 {
            continue;
        }
        let memory = row.len == 4 && [0x03, 0x07, 0x23, 0x27, 0x2f].contains(&(word & 0x7f));
        if memory && random.below(8) != 0 {
            word = word & !(31 << 15) | 8 << 15;
        }
        if row.len == 4 && (word & 0x7f) == 0x63 {
            // Branches stay near, so that programs loop.
            word = near(word, 0x7c00_0080);
        }
        if row.name == "jal" {
            word = near(word, 0x781f_f000);
        }
        code.extend_from_slice(&word.to_le_bytes()[..usize::from(row.len)]);
    }
    code
}

/// Makes the high bits of an offset copies of its sign.
fn near(word: u32, high: u32) -> u32 {
    word & !high | (word >> 31).wrapping_neg() & high
}

struct State {
    registers: Vec<(String, u64)>,
    memory: Vec<u8>,
    exceptions: usize,
}

fn run(core: &str, seed: u64, engine: EngineConfig, steps: &[u64]) -> Vec<State> {
    let mut random = Random::new(seed);
    let setup = config(core);
    // Vector instructions at random are mostly illegal; they have runs of their own.
    let set = Isa::new(&setup).unwrap().set & !table::ext::V;
    let code = program(&mut random, set);
    let mut rig = Rig::new(engine, BASE, SIZE, RiscV.create(&setup).unwrap()).unwrap();
    rig.ram.write(0, &code);
    let data: Vec<u8> = (0..0x8000).map(|_| random.bits() as u8).collect();
    rig.ram.write(CODE as u64, &data);
    let (cpu, regs) = rig.cluster.cpu_mut(0);
    for n in 1..32 {
        cpu.set_register(regs, &format!("x{n}"), random.value());
        cpu.set_register(regs, &format!("f{n}"), random.value());
    }
    cpu.set_register(regs, "mstatus", 0x6000);
    cpu.set_register(regs, "mtvec", BASE + random.below(CODE as u64 / 2) / 256 * 256);
    cpu.set_register(regs, "pmpaddr0", u64::MAX);
    cpu.set_register(regs, "pmpcfg0", 0x1f);
    cpu.set_register(regs, "pc", BASE);
    let mut states = Vec::new();
    for step in steps {
        rig.run(*step);
        let mut registers = rig.cluster.cpu(0).registers(rig.regs());
        registers.push(("retired".into(), rig.cluster.retired(0)));
        let exceptions = rig.system.exceptions.len();
        states.push(State { registers, memory: rig.memory(), exceptions });
    }
    states
}

#[test]
fn tiers_agree() {
    let programs = std::env::var("HETEMU_PROGRAMS").ok().and_then(|n| n.parse().ok()).unwrap_or(60);
    let plain = EngineConfig { jit: false, max_block: 1, ..EngineConfig::default() };
    let blocks = EngineConfig { jit: false, ..EngineConfig::default() };
    let templates = EngineConfig { tier_up: 1, ..EngineConfig::default() };
    let regions = EngineConfig { tier_two: 0, ..templates.clone() };
    let both = EngineConfig { tier_two: 2, ..templates.clone() };
    let small = EngineConfig { max_region: 1, code_bytes: 32 << 10, ..both.clone() };
    let steps = [1, 7, 100, 1000, 3000, 1];
    let mut exceptions = 0;
    for core in ["riscv.rv64", "riscv.rv32", "lowrisc.ibex"] {
        for seed in 0..programs {
            let want = run(core, seed, plain.clone(), &steps);
            let tiers = [
                ("blocks", &blocks),
                ("templates", &templates),
                ("regions", &regions),
                ("both", &both),
                ("small", &small),
            ];
            for (name, engine) in tiers {
                let found = run(core, seed, engine.clone(), &steps);
                for (i, (want, found)) in want.iter().zip(&found).enumerate() {
                    let what = format!("{core}, seed {seed}, {name}, stretch {i}");
                    assert_eq!(want.registers, found.registers, "{what}");
                    assert!(want.memory == found.memory, "{what}: memory");
                    assert_eq!(want.exceptions, found.exceptions, "{what}");
                }
            }
            exceptions += want.last().map_or(0, |s| s.exceptions);
        }
    }
    // Programs that only fault would show nothing.
    let insts = programs as usize * 3 * 4109;
    assert!(exceptions < insts / 2, "{exceptions} exceptions in {insts} instructions");
}
