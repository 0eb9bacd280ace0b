//! Breakpoints, watched memory and single steps: at the same instruction counts in every tier, and
//! without any effect on the run.

mod common;

use common::config;
use hetemu_engine::testing::{PS, Rig};
use hetemu_engine::{EngineConfig, Hit, Stop, Watched};
use hetemu_isa::Target;

const BASE: u64 = 0x8000_0000;

/// A loop that calls a function which stores to a table and loads from it.
const PROGRAM: [u32; 13] = [
    0x0000_1517, // 00: auipc a0, 1
    0x0000_0593, // 04: li a1, 0
    0x0140_00ef, // 08: jal 1c
    0x0015_8593, // 0c: addi a1, a1, 1
    0x00c6_8633, // 10: add a2, a3, a2
    0x0006_0693, // 14: mv a3, a2
    0xff1f_f06f, // 18: j 08
    0x01f5_f713, // 1c: andi a4, a1, 31
    0x0037_1713, // 20: slli a4, a4, 3
    0x00e5_0733, // 24: add a4, a0, a4
    0x0007_3783, // 28: ld a5, 0(a4)
    0x00b7_3023, // 2c: sd a1, 0(a4)
    0x0000_8067, // 30: ret
];

fn tiers() -> [(&'static str, EngineConfig); 4] {
    let fast = EngineConfig { tier_up: 1, ..EngineConfig::default() };
    [
        ("interpreter", EngineConfig { jit: false, ..EngineConfig::default() }),
        ("templates", EngineConfig { tier_two: 1 << 30, ..fast.clone() }),
        ("regions", EngineConfig { tier_two: 0, ..fast.clone() }),
        ("both", EngineConfig { tier_two: 2, ..fast }),
    ]
}

fn rig(engine: EngineConfig) -> Rig {
    let cpu = hetemu_target_riscv::RiscV.create(&config("riscv.rv64")).unwrap();
    let mut rig = Rig::new(engine, BASE, 1 << 20, cpu).unwrap();
    let code: Vec<u8> = PROGRAM.iter().flat_map(|w| w.to_le_bytes()).collect();
    assert!(rig.ram.write(0, &code));
    let pc = rig.cluster.cpu(0).layout().pc;
    rig.cluster.regs_mut(0).set(pc, BASE);
    rig
}

/// Count of instructions, address, reason.
type At = (u64, u64, Hit);

/// Runs to a count of instructions; gives where it stopped on the way: counts, addresses, reasons.
fn run(rig: &mut Rig, count: u64, stops: &mut Vec<At>) {
    loop {
        let done = rig.now / PS;
        let ran = rig.cluster.run(0, &mut rig.system, rig.now, PS, count - done);
        rig.now += ran.retired * PS;
        match rig.cluster.take_hit(0) {
            Some(hit) => stops.push((rig.now / PS, rig.cluster.pc(0) - BASE, hit)),
            None => assert_ne!(ran.stop, Stop::Debug),
        }
        if rig.now / PS == count {
            return;
        }
    }
}

/// A run with stops set on the way; gives them, and a reading of the end.
fn session(engine: EngineConfig, debug: bool) -> (Vec<At>, Vec<u64>, Vec<u8>) {
    let mut rig = rig(engine);
    let mut stops = Vec::new();
    let mut set = |rig: &mut Rig, count: u64, at: &[u64], watched: &[Watched]| {
        if debug {
            let at: Vec<u64> = at.iter().map(|a| BASE + a).collect();
            rig.cluster.set_breakpoints(&at);
            rig.cluster.set_watched(watched);
        }
        run(rig, count, &mut stops);
    };
    let word = |n: u64, read, write| {
        let first = BASE + 0x1000 + 8 * n;
        Watched { first, last: first + 7, read, write }
    };
    // Warm first; then stops in the middle of what is compiled.
    set(&mut rig, 1000, &[], &[]);
    set(&mut rig, 1100, &[0x10], &[]);
    set(&mut rig, 1200, &[0x2c, 0x1c, 0x12], &[]);
    set(&mut rig, 1300, &[0x18], &[word(3, false, true)]);
    set(&mut rig, 2000, &[], &[word(3, true, true), word(9, true, false)]);
    set(&mut rig, 3000, &[], &[]);
    set(&mut rig, 3020, &[0x08], &[]);
    // A breakpoint that was taken away stops again once it is back.
    set(&mut rig, 3021, &[], &[]);
    // One instruction at a time.
    for count in 3022..3060 {
        set(&mut rig, count, &[0x08, 0x0c], &[word(1, true, false)]);
    }
    set(&mut rig, 9001, &[], &[]);
    let memory = rig.memory();
    (stops, rig.regs().0.to_vec(), memory)
}

#[test]
fn every_tier_stops_at_the_same_instructions() {
    let [(_, oracle), rest @ ..] = tiers();
    let (stops, regs, memory) = session(oracle.clone(), true);
    let count = |f: fn(&Hit) -> bool| stops.iter().filter(|s| f(&s.2)).count();
    assert!(count(|h| *h == Hit::Breakpoint) > 30, "{stops:?}");
    assert!(count(|h| matches!(h, Hit::Watch { write: true, .. })) > 1, "{stops:?}");
    assert!(count(|h| matches!(h, Hit::Watch { write: false, .. })) > 1, "{stops:?}");
    for (name, engine) in rest {
        let other = session(engine.clone(), true);
        assert_eq!(other.0, stops, "{name}");
        assert_eq!(other.1, regs, "{name}");
        assert!(other.2 == memory, "{name}");
    }
    for (name, engine) in tiers() {
        let plain = session(engine, false);
        assert!(plain.0.is_empty());
        assert_eq!(plain.1, regs, "{name}: stops changed the run");
        assert!(plain.2 == memory, "{name}: stops changed the run");
    }
}

#[test]
fn code_beside_a_breakpoint_stays_compiled() {
    let (_, engine) = tiers().into_iter().nth(1).unwrap();
    let mut rig = rig(engine);
    run(&mut rig, 10_000, &mut Vec::new());
    // An address that is never reached, in the page.
    rig.cluster.set_breakpoints(&[BASE + 0x100]);
    let before = rig.cluster.stats();
    run(&mut rig, 100_000, &mut Vec::new());
    let after = rig.cluster.stats();
    assert_eq!(after.invalidated, before.invalidated);
    let interpreted = after.interpreted_insns - before.interpreted_insns;
    assert!(interpreted < 100, "{interpreted} instructions were interpreted");
}

#[test]
fn registers_read_back() {
    for core in ["riscv.rv64", "riscv.rv32"] {
        let cpu = hetemu_target_riscv::RiscV.create(&config(core)).unwrap();
        let mut rig = Rig::new(EngineConfig::default(), BASE, 1 << 16, cpu).unwrap();
        let layout = rig.cluster.cpu(0).debug_layout();
        let general: Vec<u32> = layout.regs().filter(|r| r.general).map(|r| r.number).collect();
        assert_eq!(general, (0..33).collect::<Vec<u32>>());
        let mut written = 0;
        for reg in layout.regs() {
            let bytes = usize::from(reg.bits) / 8;
            let value = rig.cluster.debug_read(0, reg.number, 0);
            assert_eq!(value.map(|v| v.len()), Some(bytes), "{core} {}", reg.name);
            let plain =
                reg.name == "mscratch" || reg.name == "pc" || (1..=64).contains(&reg.number);
            if plain {
                let new: Vec<u8> = (0..bytes as u8).map(|b| (b + reg.number as u8) & !3).collect();
                assert!(rig.cluster.debug_write(0, reg.number, &new), "{core} {}", reg.name);
                assert_eq!(rig.cluster.debug_read(0, reg.number, 0), Some(new), "{}", reg.name);
                assert!(!rig.cluster.debug_write(0, reg.number, &[1]), "{}", reg.name);
                written += 1;
            }
        }
        assert!(written > 32, "{core}: {written}");
        assert!(rig.cluster.debug_read(0, 1 << 20, 0).is_none());
        assert!(!rig.cluster.debug_write(0, 0x7fff_ffff, &[0; 8]));
    }
}
