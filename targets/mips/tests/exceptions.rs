//! Exceptions, delay slots, the TLB, interrupts: small programs in hand-made words, in both byte
//! orders, on the interpreter and on compiled code.

mod common;

use common::{bytes, config};
use hetemu_engine::EngineConfig;
use hetemu_engine::testing::Rig;
use hetemu_isa::Target;
use hetemu_target_mips::Mips;
use std::collections::BTreeMap;

/// Programs lie in kseg0; handlers at EBase, 0x8000_0000.
const BASE: u64 = 0x8000_1000;
const SIZE: u64 = 0x8_0000;
const NOP: u32 = 0;
/// Status in kernel mode, vectors in RAM, float unit on.
const KERNEL: u64 = 0x2000_0000;

/// Runs a program for some steps with registers; each order and engine must leave the same.
fn run(code: &[u32], before: &[(&str, u64)], steps: u64) -> BTreeMap<String, u64> {
    let engines = [
        EngineConfig { jit: false, ..EngineConfig::default() },
        EngineConfig { tier_up: 1, ..EngineConfig::default() },
        EngineConfig { tier_up: 1, tier_two: 0, ..EngineConfig::default() },
    ];
    let mut all = Vec::new();
    for big in [true, false] {
        for engine in &engines {
            let cpu = Mips.create(&config("mips.mips24kf", big)).unwrap();
            let mut rig = Rig::new(engine.clone(), 0, SIZE, cpu).unwrap();
            for (i, word) in code.iter().enumerate() {
                rig.ram.write((BASE & 0xf_ffff) + 4 * i as u64, &bytes(*word, big));
            }
            // Handlers that stand still: b .; nop
            for at in [0, 0x180, 0x200] {
                rig.ram.write(at, &[bytes(0x1000_ffff, big), bytes(NOP, big)].concat());
            }
            let first = [("status", KERNEL), ("pc", BASE)];
            for (name, value) in first.iter().chain(before) {
                let (cpu, regs) = rig.cluster.cpu_mut(0);
                assert!(cpu.set_register(regs, name, *value), "{name}");
            }
            // Time is looked at when a run begins.
            for _ in 0..steps {
                rig.run(1);
            }
            let state: BTreeMap<String, u64> =
                rig.cluster.cpu(0).registers(rig.regs()).into_iter().collect();
            all.push(state);
        }
    }
    let mut first = all[0].clone();
    for other in &mut all {
        // The byte order shows here.
        other.insert("config".into(), 0);
    }
    first.insert("config".into(), 0);
    assert!(all.iter().all(|s| *s == first), "{all:#?}");
    first
}

/// Exception code, whether it was in a delay slot, EPC, and where it went.
fn taken(s: &BTreeMap<String, u64>) -> (u64, bool, u64, u64) {
    (s["cause"] >> 2 & 31, s["cause"] >> 31 != 0, s["epc"], s["pc"])
}

#[test]
fn system_calls_and_their_like() {
    for (word, code) in [
        (0x0000_000c, 8),  // syscall
        (0x0000_000d, 9),  // break
        (0x0000_0028, 10), // no instruction
        (0x4840_0000, 11), // cfc2
        (0x0109_4020, 12), // add t0,t0,t1
        (0x0109_0034, 0),  // teq t0,t1: not equal
        (0x0108_0034, 13), // teq t0,t0
        (0x8d0a_0001, 4),  // lw t2,1(t0)
        (0xad0a_0002, 5),  // sw t2,2(t0)
    ] {
        let s = run(&[word, NOP, NOP], &[("t0", 0x7fff_fff0), ("t1", 0x7000_0000)], 2);
        if code == 0 {
            assert_eq!(s["pc"], BASE + 8, "{word:x}");
        } else {
            assert_eq!(taken(&s), (code, false, BASE, 0x8000_0180), "{word:x}");
            assert_eq!(s["status"], KERNEL | 2);
        }
    }
}

#[test]
fn what_faults_in_a_slot_is_the_branch_s() {
    // jal; lw t2,1(t0): the link is not written.
    let jal = 0x0c00_0000 | (BASE as u32 + 0x40) >> 2 & 0x3ff_ffff;
    for branch in [jal, 0x1000_0004, 0x1100_0004, 0x5100_0004] {
        // beql with its slot skipped goes on behind it.
        let s = run(&[NOP, branch, 0x8d0a_0001, NOP, NOP], &[("t0", 0x4000_0000), ("ra", 5)], 4);
        if branch == 0x5100_0004 {
            assert_eq!((s["pc"], s["cause"] >> 31), (BASE + 0x14, 0));
            continue;
        }
        assert_eq!(taken(&s), (4, true, BASE + 4, 0x8000_0180), "{branch:x}");
        assert_eq!((s["badvaddr"], s["ra"]), (0x4000_0001, 5));
    }
    // A branch-likely that is taken: its slot is an instruction of its own.
    let s = run(&[0x5000_0004, 0x8d0a_0001], &[("t0", 0x4000_0000)], 3);
    assert_eq!(taken(&s), (4, true, BASE, 0x8000_0180));
    // A slot that is no plain instruction: syscall, and mtc0 v0,epc.
    let s = run(&[0x1000_0004, 0x0000_000c], &[], 2);
    assert_eq!(taken(&s), (8, true, BASE, 0x8000_0180));
    let s = run(&[0x1000_0004, 0x4082_7000, NOP, NOP, NOP, NOP], &[("v0", 0x1234)], 1);
    assert_eq!((s["epc"], s["pc"]), (0x1234, BASE + 0x14));
    // di in the slot of jal: the link is there, the branch is taken.
    let s = run(&[jal, 0x4160_6000], &[("status", KERNEL | 1)], 1);
    assert_eq!((s["status"], s["ra"], s["pc"]), (KERNEL, BASE + 8, BASE + 0x40));
}

#[test]
fn jumps_to_where_nothing_can_be() {
    // jr t0; nop
    for (to, bad) in [(BASE + 1, BASE + 1), (BASE + 2, BASE + 3)] {
        let s = run(&[0x0100_0008, NOP], &[("t0", to)], 2);
        assert_eq!(taken(&s), (4, false, bad, 0x8000_0180));
        assert_eq!(s["badvaddr"], bad);
    }
}

#[test]
fn the_tlb_refills_finds_and_protects() {
    // lw t2,0(t0) from a page that nobody maps: the refill vector.
    let s = run(&[0x8d0a_0000], &[("t0", 0x0040_2468), ("entryhi", 7)], 2);
    assert_eq!(taken(&s), (2, false, BASE, 0x8000_0000));
    assert_eq!((s["badvaddr"], s["entryhi"]), (0x0040_2468, 0x0040_2007));
    assert_eq!(s["context"], 0x0040_2468 >> 9 & 0x7f_fff0);
    // With EXL set it is the general one, and EPC stays.
    let s = run(&[0x8d0a_0000], &[("t0", 0x0040_2468), ("status", KERNEL | 2), ("epc", 9)], 2);
    assert_eq!(taken(&s), (2, false, 9, 0x8000_0180));
    // tlbwi; lw t2,0(t0); sw t2,4(t0): mapped, and not writable.
    let map = [
        ("t0", 0x0040_3468),
        ("entryhi", 0x0040_2007),
        // Even page invalid; odd page at 0x1000, valid, clean, of this address space.
        ("entrylo1", 0x0000_005a),
        ("index", 3),
    ];
    let s = run(&[0x4200_0002, 0x8d0a_0000, 0xad0a_0004], &map, 4);
    assert_eq!(taken(&s), (1, false, BASE + 8, 0x8000_0180));
    // tlbp finds it; the even page is there and not valid.
    let s = run(&[0x4200_0002, 0x4200_0008, 0x8d0a_f000], &map, 4);
    assert_eq!((s["index"], taken(&s)), (3, (2, false, BASE + 8, 0x8000_0180)));
    // Another address space does not see it: mtc0 t1,entryhi
    let mut other = map.to_vec();
    other.push(("t1", 0x0040_2008));
    let s = run(&[0x4200_0002, 0x4089_5000, 0x8d0a_0000], &other, 4);
    assert_eq!(taken(&s), (2, false, BASE + 8, 0x8000_0000));
    // What was translated is forgotten when its entry is written: mtc0 zero,entrylo1; tlbwi.
    let s = run(&[0x4200_0002, 0x8d0a_0000, 0x4080_1800, 0x4200_0002, 0x8d0a_0000], &map, 6);
    assert_eq!(taken(&s), (2, false, BASE + 16, 0x8000_0180));
}

#[test]
fn replaced_entries_translate_until_software_looks() {
    // tlbwr; mtc0 t1,entryhi; tlbwr; lw t2,0(t0) by the first: there is one place for both.
    let map = [
        ("wired", 15),
        ("entrylo0", 0x107),
        ("entrylo1", 0x107),
        ("entryhi", 0x0040_0000),
        ("t0", 0x0040_0000),
        ("t1", 0x0080_0000),
    ];
    let begin = [0x4200_0006, 0x4089_5000, 0x4200_0006, 0x8d0a_0000];
    let s = run(&begin, &map, 4);
    assert_eq!((s["pc"], s["badvaddr"]), (BASE + 16, 0));
    let then = |more: &[u32]| {
        let code = [&begin[..], more, &[0x8d0a_0000]].concat();
        taken(&run(&code, &map, code.len() as u64 + 1))
    };
    let refill = |n: u64| (2, false, BASE + 4 * n, 0x8000_0000);
    // tlbp of the first, which is not found: mtc0 t0,entryhi; tlbp.
    assert_eq!(then(&[0x4088_5000, 0x4200_0008]), refill(6));
    // tlbr of any; tlbwi elsewhere.
    assert_eq!(then(&[0x4200_0001]), refill(5));
    assert_eq!(then(&[0x4200_0002]), refill(5));
}

#[test]
fn eret_and_user_mode() {
    // eret to a user program in kseg0, which it may not fetch.
    let s = run(&[0x4200_0018], &[("epc", BASE + 0x20), ("status", KERNEL | 0x12)], 2);
    assert_eq!(taken(&s), (4, false, BASE + 0x20, 0x8000_0180));
    // mfc0 in user mode, mapped: tlbwr; eret; at 0x0040_1000: mfc0 v0,c0_prid.
    let before = [
        ("entrylo0", 0x0000_0000),
        ("entrylo1", 0x0000_005f),
        ("entryhi", 0x0040_0000),
        ("epc", 0x0040_1008),
        ("status", KERNEL | 0x12),
        ("entrylo0", 1),
    ];
    let s = run(&[0x4200_0002, 0x4200_0018, 0x4002_7800], &before, 3);
    assert_eq!(taken(&s), (11, false, 0x0040_1008, 0x8000_0180));
    assert_eq!(s["cause"] >> 28 & 3, 0);
}

#[test]
fn interrupts_and_the_timer() {
    // A software interrupt: mtc0 t0,cause with it enabled.
    let on = [("status", KERNEL | 0x101), ("t0", 0x100)];
    let s = run(&[0x4088_6800, NOP, NOP], &on, 2);
    assert_eq!(taken(&s), (0, false, BASE + 4, 0x8000_0180));
    // Cause.IV: the vector of interrupts.
    let special = [("status", KERNEL | 0x101), ("t0", 0x0080_0100)];
    let s = run(&[0x4088_6800, NOP, NOP], &special, 2);
    assert_eq!(taken(&s), (0, false, BASE + 4, 0x8000_0200));
    // mtc0 t0,compare, soon; then a loop of branch and slot, which is never split.
    let timer = [("status", KERNEL | 0x8001), ("t0", 100)];
    let s = run(&[0x4088_5800, 0x2529_0001, 0x1000_fffe, 0x254a_0001], &timer, 2000);
    assert_eq!((s["cause"] >> 30 & 1, s["cause"] >> 15 & 1, s["cause"] >> 31), (1, 1, 0));
    assert!(matches!(s["epc"] - BASE, 4 | 8), "{:x}", s["epc"]);
    let behind = if s["epc"] - BASE == 4 { 0 } else { 1 };
    assert_eq!(s["t1"] - s["t2"], behind);
    // The same with branch-likely, whose slot is an instruction of its own.
    let s = run(&[0x4088_5800, 0x2529_0001, 0x5000_fffe, 0x254a_0001], &timer, 2000);
    assert!(matches!(s["epc"] - BASE, 4 | 8), "{:x}", s["epc"]);
    assert_eq!(s["cause"] >> 31, 0);
}

#[test]
fn float_registers_of_both_widths_and_traps() {
    // div.s $f0,$f2,$f4 by zero: a flag and a cause; with the enable a trap.
    let one = 0x3f80_0000;
    let s = run(&[0x4604_1003], &[("f2", one)], 1);
    assert_eq!((s["f0"], s["fcsr"]), (0x7f80_0000, 0x8020));
    let s = run(&[0x4604_1003], &[("f2", one), ("fcsr", 0x400)], 2);
    assert_eq!((s["f0"], s["fcsr"]), (0, 0x8400));
    assert_eq!(taken(&s), (15, false, BASE, 0x8000_0180));
    // A legacy signalling NaN has the highest bit of its fraction set.
    let s = run(&[0x4604_1000], &[("f2", 0x7fc0_0000), ("f4", one)], 1);
    assert_eq!((s["f0"], s["fcsr"]), (0x7fbf_ffff, 0x1_0040));
    let s = run(&[0x4604_1000], &[("f2", 0x7f80_0001), ("f4", one)], 1);
    assert_eq!((s["f0"], s["fcsr"]), (0x7f80_0001, 0));
    // Without CU1: coprocessor 1 unusable. With FR clear an odd register holds no double.
    let s = run(&[0x4604_1000], &[("status", 0)], 2);
    assert_eq!((taken(&s).0, s["cause"] >> 28 & 3), (11, 1));
    let s = run(&[0x4625_1000], &[], 2);
    assert_eq!(taken(&s).0, 10);
}

#[test]
fn linked_loads_and_hardware_registers() {
    // ll t1,0(t0); addiu t1,t1,1; sc t1,0(t0); lw t2,0(t0)
    let s = run(&[0xc109_0000, 0x2529_0001, 0xe109_0000, 0x8d0a_0000], &[("t0", 0x8000_4000)], 4);
    assert_eq!((s["t1"], s["t2"]), (1, 1));
    // sc alone fails.
    let s = run(&[0xe109_0000, 0x8d0a_0000], &[("t0", 0x8000_4000), ("t1", 7)], 2);
    assert_eq!((s["t1"], s["t2"]), (0, 0));
    // rdhwr v0,$29; rdhwr v1,$3
    let s = run(&[0x7c02_e83b, 0x7c03_183b], &[("userlocal", 0x1234)], 2);
    assert_eq!((s["v0"], s["v1"]), (0x1234, 2));
}
