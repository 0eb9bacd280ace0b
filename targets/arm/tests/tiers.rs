//! Random programs of every core type: one instruction a block, long blocks and compiled code must
//! leave the same registers and memory after the same number of instructions.

mod common;

use common::{CORES, config};
use hetemu_engine::EngineConfig;
use hetemu_engine::testing::Rig;
use hetemu_isa::Target;
use hetemu_isa::random::{Random, instruction};
use hetemu_target_arm::{Arm, cpu::Facts, table};

const BASE: u64 = 0x2000_0000;
const SIZE: u64 = 0x2_0000;
/// Bytes of vectors and code; the rest is data.
const CODE: usize = 0x1000;

/// What leaves the program or traps: seldom taken.
const RARE: [&str; 18] = [
    "bx", "blx", "bl", "b.w", "bkpt", "svc", "udf", "udf.w", "cps", "msr", "pop", "tbb", "tbh",
    "mov", "add", "ldm", "b", "vmsr",
];

fn put(code: &mut Vec<u8>, word: u32, len: u8) {
    if len == 4 {
        code.extend_from_slice(&((word >> 16) as u16).to_le_bytes());
    }
    code.extend_from_slice(&(word as u16).to_le_bytes());
}

fn program(random: &mut Random, set: u64) -> Vec<u8> {
    let mut code = Vec::new();
    while code.len() + 12 < CODE - 0x100 {
        if random.below(10) == 0 {
            // A base register back into the data.
            let reg = random.below(8) as u32;
            put(&mut code, 0x4800 | reg << 8 | random.below(32) as u32, 2);
        }
        let keep = |r: &hetemu_isa::decode::Row| {
            !["wfi", "wfe", "wfi.w", "wfe.w", "reserved"].contains(&r.name)
        };
        let Some((row, word)) = instruction(random, table::ROWS, table::FIELDS, set, keep) else {
            continue;
        };
        let row = &table::ROWS[row];
        if RARE.contains(&row.name) && random.below(12) != 0 {
            continue;
        }
        let mut word = word;
        // Hints that wait would end the run.
        if row.name.starts_with("hint") {
            continue;
        }
        // Offsets stay small, and so do branches.
        if row.name == "bl" || row.name == "b.w" {
            word = word & !0x07ff_07f0 | 0x2800;
        }
        put(&mut code, word, row.len);
    }
    code
}

/// Runs of each program, from other places with other registers.
const BURSTS: u64 = 60;

struct State {
    registers: Vec<(String, u64)>,
    memory: Vec<u8>,
    exceptions: usize,
}

fn run(core: &str, seed: u64, code: &[u8], engine: EngineConfig, steps: &[u64]) -> Vec<State> {
    let mut random = Random::new(seed + 1000);
    let mut setup = config(core);
    setup.props.insert("reset_vector".into(), hetemu_schema::Value::Int(BASE));
    let mut rig = Rig::new(engine, BASE, SIZE, Arm.create(&setup).unwrap()).unwrap();
    let mut vectors = vec![0u32; 64];
    vectors[0] = BASE as u32 + 0xc000;
    for v in vectors.iter_mut().skip(1) {
        *v = BASE as u32 + 0x101 + (random.below(CODE as u64 / 4) as u32 & !3);
    }
    let bytes: Vec<u8> = vectors.iter().flat_map(|v| v.to_le_bytes()).collect();
    rig.ram.write(0, &bytes);
    rig.ram.write(0x100, code);
    // Literals and data: often addresses.
    let data: Vec<u8> = (0..0x4000)
        .flat_map(|_| {
            let near = BASE as u32 + 0x2000 + (random.below(0x8000) as u32 & !3);
            let v = if random.below(2) == 0 { near } else { random.value() as u32 };
            v.to_le_bytes()
        })
        .collect();
    rig.ram.write(CODE as u64, &data);
    let mut states = Vec::new();
    let starts = starts(code);
    for burst in 0..BURSTS {
        // Programs that fault twice lock the core up: each burst begins anew.
        rig.cluster.reset(0);
        let (cpu, regs) = rig.cluster.cpu_mut(0);
        for n in 0..13 {
            let near = BASE + 0x4000 + (random.below(0x4000) & !3);
            let v = if random.below(4) != 0 { near } else { random.value() };
            cpu.set_register(regs, &format!("r{n}"), v);
        }
        for n in 0..32 {
            cpu.set_register(regs, &format!("s{n}"), random.value());
        }
        cpu.set_register(
            regs,
            "fpscr",
            random.bits() & if burst & 1 != 0 { 0x03c0_0000 } else { 0 },
        );
        cpu.set_register(regs, "cpacr", 0xf << 20);
        cpu.set_register(regs, "xpsr", 0x0100_0000 | random.bits() & 0xf800_0000);
        cpu.set_register(regs, "sp", BASE + 0xc000);
        let at = starts[random.below(starts.len() as u64) as usize];
        cpu.set_register(regs, "pc", BASE + 0x100 + at);
        for step in steps {
            rig.run(*step);
            let mut registers = rig.cluster.cpu(0).registers(rig.regs());
            registers.push(("retired".into(), rig.cluster.retired(0)));
            let exceptions = rig.system.exceptions.len();
            let memory = if burst + 1 == BURSTS { rig.memory() } else { Vec::new() };
            states.push(State { registers, memory, exceptions });
        }
    }
    states
}

/// Where instructions begin.
fn starts(code: &[u8]) -> Vec<u64> {
    let (mut at, mut all) = (0, Vec::new());
    while let Some(half) = code.get(at..at + 2) {
        all.push(at as u64);
        at += if table::is_wide(u16::from_le_bytes([half[0], half[1]])) { 4 } else { 2 };
    }
    all
}

#[test]
fn tiers_agree() {
    let programs = std::env::var("HETEMU_PROGRAMS").ok().and_then(|n| n.parse().ok()).unwrap_or(6);
    let plain = EngineConfig { jit: false, max_block: 1, ..EngineConfig::default() };
    let blocks = EngineConfig { jit: false, ..EngineConfig::default() };
    let templates = EngineConfig { tier_up: 1, ..EngineConfig::default() };
    let regions = EngineConfig { tier_two: 0, ..templates.clone() };
    let both = EngineConfig { tier_two: 2, ..templates.clone() };
    let steps = [1, 7, 60, 1];
    let (mut exceptions, mut retired) = (0, 0);
    for core in CORES {
        for seed in 0..programs {
            let set = Facts::new(&config(core)).unwrap().set;
            let code = program(&mut Random::new(seed), set);
            let want = run(core, seed, &code, plain.clone(), &steps);
            let tiers = [
                ("blocks", &blocks),
                ("templates", &templates),
                ("regions", &regions),
                ("both", &both),
            ];
            for (name, engine) in tiers {
                let found = run(core, seed, &code, engine.clone(), &steps);
                for (i, (want, found)) in want.iter().zip(&found).enumerate() {
                    let what = format!("{core}, seed {seed}, {name}, stretch {i}");
                    assert_eq!(want.registers, found.registers, "{what}");
                    assert!(want.memory == found.memory, "{what}: memory");
                    assert_eq!(want.exceptions, found.exceptions, "{what}");
                }
            }
            exceptions += want.last().map_or(0, |s| s.exceptions);
            retired += want.last().map_or(0, |s| s.registers.last().unwrap().1);
        }
    }
    // Programs that only fault, or lock up at once, would show nothing.
    println!("{retired} instructions, {exceptions} exceptions");
    assert!(retired > programs * 5 * 500, "{retired} instructions");
}
