//! Accesses that compiled code does without a look at each: from one base, at page edges, beyond
//! memory, into code. Compiled code must leave what the interpreter leaves.

mod common;

use common::config;
use hetemu_engine::EngineConfig;
use hetemu_engine::testing::Rig;
use hetemu_isa::Target;
use hetemu_target_riscv::RiscV;

const BASE: u64 = 0x8000_0000;
const SIZE: u64 = 0x8000;
/// Two pages with data between them, the end of memory, and the end of addresses.
const RANGES: [(u64, u64); 4] = [
    (BASE + 0x1f80, BASE + 0x2040),
    (BASE + 0x3000, BASE + 0x3100),
    (BASE + SIZE - 0x80, BASE + SIZE + 0x20),
    (0xffff_ff80, 0x1_0000_0020),
];
const HANDLER: u64 = 0x400;
/// Instructions that the program writes.
const PATCHED: u64 = 0x500;

fn i(op: u32, rd: u32, f3: u32, rs1: u32, imm: i32) -> u32 {
    (imm as u32) << 20 | rs1 << 15 | f3 << 12 | rd << 7 | op
}

fn store(f3: u32, rs1: u32, rs2: u32, imm: i32) -> u32 {
    let imm = imm as u32;
    (imm >> 5 & 0x7f) << 25 | rs2 << 20 | rs1 << 15 | f3 << 12 | (imm & 31) << 7 | 0x23
}

fn branch(f3: u32, rs1: u32, rs2: u32, offset: i32) -> u32 {
    let o = offset as u32;
    let high = (o >> 12 & 1) << 31 | (o >> 5 & 0x3f) << 25;
    high | rs2 << 20 | rs1 << 15 | f3 << 12 | (o >> 1 & 15) << 8 | (o >> 11 & 1) << 7 | 0x63
}

fn jal(rd: u32, offset: i32) -> u32 {
    let o = offset as u32;
    let high = (o >> 20 & 1) << 31 | (o >> 1 & 0x3ff) << 21 | (o >> 11 & 1) << 20;
    high | (o >> 12 & 0xff) << 12 | rd << 7 | 0x6f
}

fn add(rd: u32, rs1: u32, rs2: u32) -> u32 {
    rs2 << 20 | rs1 << 15 | rd << 7 | 0x33
}

/// x5 is the base, x6 its end, x7 leads to the patched code; x16 to x23 hold the ranges.
fn program() -> Vec<u32> {
    let mut p = Vec::new();
    let calls: Vec<usize> = (0..4u32)
        .map(|n| {
            p.push(i(0x13, 5, 0, 16 + 2 * n, 0));
            p.push(i(0x13, 6, 0, 17 + 2 * n, 0));
            p.push(0);
            p.len() - 1
        })
        .collect();
    // Two instructions of the patched code, by two stores from one base; loads from the same page.
    p.push(i(0x13, 8, 0, 8, 1));
    p.push(i(0x13, 9, 7, 8, 0x3f)); // x9 = x8 & 63
    p.push(i(0x13, 9, 1, 9, 20)); // << 20
    p.push(i(0x13, 10, 0, 24, 0)); // addi x26, x26, 0
    p.push(add(10, 10, 9));
    p.push(store(2, 7, 10, 0));
    p.push(store(2, 7, 10, 8));
    p.push(i(0x03, 11, 2, 7, 0));
    p.push(i(0x03, 12, 2, 7, 8));
    p.push(add(25, 25, 11));
    p.push(add(25, 25, 12));
    p.push(0x0000_100f); // fence.i
    p.push(i(0x67, 1, 0, 7, 0));
    let back = -(4 * p.len() as i32);
    p.push(jal(0, back));
    // The function that accesses: whole words, parts and misaligned ones.
    let function = p.len();
    for at in calls {
        p[at] = jal(1, 4 * (function - at) as i32);
    }
    p.extend([
        i(0x03, 10, 2, 5, 0),
        i(0x03, 11, 2, 5, 8),
        i(0x03, 12, 5, 5, 18),
        i(0x03, 13, 0, 5, 31),
        add(25, 25, 10),
        add(25, 25, 11),
        store(2, 5, 25, 40),
        i(0x13, 14, 0, 5, 16),
        store(1, 14, 12, 30),
        store(0, 14, 13, 47),
        i(0x03, 15, 2, 14, 24),
        add(25, 25, 15),
        add(25, 25, 12),
        add(25, 25, 13),
        i(0x13, 5, 0, 5, 2),
    ]);
    let back = -4 * (p.len() - function) as i32;
    p.push(branch(1, 5, 6, back));
    p.push(i(0x67, 0, 0, 1, 0));
    assert!(4 * p.len() < HANDLER as usize);
    p.resize(HANDLER as usize / 4, 0);
    // Counts, and goes on after the instruction.
    p.push(i(0x73, 31, 2, 0, 0x341));
    p.push(i(0x13, 31, 0, 31, 4));
    p.push(i(0x73, 0, 1, 31, 0x341));
    p.push(i(0x13, 30, 0, 30, 1));
    p.push(0x3020_0073);
    p.resize(PATCHED as usize / 4, 0);
    p.extend([i(0x13, 26, 0, 26, 1), i(0x13, 27, 0, 27, 3), i(0x13, 26, 0, 26, 2)]);
    p.push(i(0x67, 0, 0, 1, 0));
    p
}

fn rig(core: &str, set: &[(&str, u64)], jit: bool) -> Rig {
    let cpu = RiscV.create(&config(core)).unwrap();
    let engine = EngineConfig { jit, tier_up: 3, tier_two: 5, ..EngineConfig::default() };
    let mut rig = Rig::new(engine, BASE, SIZE, cpu).unwrap();
    let bytes: Vec<u8> = program().iter().flat_map(|w| w.to_le_bytes()).collect();
    assert!(rig.ram.write(0, &bytes));
    let fill: Vec<u8> = (0x1000..SIZE).map(|n| ((n * n) >> 3) as u8).collect();
    assert!(rig.ram.write(0x1000, &fill));
    let mask = if core.ends_with("32") { 0xffff_ffff } else { u64::MAX };
    let (cpu, regs) = rig.cluster.cpu_mut(0);
    for (name, value) in [("pc", BASE), ("mtvec", BASE + HANDLER)].iter().chain(set) {
        assert!(cpu.set_register(regs, name, *value), "{name}");
    }
    for (n, (from, to)) in RANGES.iter().enumerate() {
        (regs.0[16 + 2 * n], regs.0[17 + 2 * n]) = (from & mask, to & mask);
    }
    regs.0[7] = BASE + PATCHED;
    regs.0[24] = u64::from(i(0x13, 26, 0, 26, 0));
    rig
}

#[test]
fn accesses_from_one_base() {
    // Everything allowed; a rule that ends inside memory, so that no stretch is free of looks; one
    // that takes the right to store from two pages.
    let open: &[(&str, u64)] = &[];
    let part: &[(&str, u64)] = &[("pmpaddr0", (BASE + 0x4000) >> 2), ("pmpcfg0", 0x0f)];
    let locked: &[(&str, u64)] = &[
        ("pmpaddr0", (BASE + 0x2000) >> 2),
        ("pmpaddr1", (BASE + 0x4000) >> 2),
        ("pmpcfg0", 0x8d << 8),
    ];
    for core in ["riscv.rv64", "riscv.rv32"] {
        for (n, set) in [open, part, locked].into_iter().enumerate() {
            let (mut a, mut b) = (rig(core, set, false), rig(core, set, true));
            for round in 0..40 {
                let steps = 700 + round * 97;
                assert_eq!(a.run(steps).retired, b.run(steps).retired);
                assert_eq!(a.regs(), b.regs(), "{core}, rule {n}, round {round}");
                assert!(a.memory() == b.memory(), "{core}, rule {n}, round {round}");
                assert_eq!(a.system.exceptions, b.system.exceptions);
            }
            assert!(a.regs().0[30] > 10, "some accesses fault");
            assert!(a.regs().0[26] > 10, "patched code runs");
            let stats = b.cluster.stats();
            assert!(stats.compiled_insns > stats.interpreted_insns / 8, "{stats:?}");
        }
    }
}
