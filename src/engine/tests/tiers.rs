//! Random programs of the toy set, run naively and on every tier: equal state at equal counts.

use hetemu_engine::EngineConfig;
use hetemu_engine::testing::naive::Naive;
use hetemu_engine::testing::toy::{self, Kinds, Toy};
use hetemu_engine::testing::{Random, Rig};
use hetemu_isa::Regs;

fn program(seed: u64) -> Vec<u8> {
    let mut r = Random::new(seed);
    (0..toy::SIZE / 8).flat_map(|_| r.edge().to_le_bytes()).collect()
}

/// Code of random words; the rest of memory and the registers of random numbers.
fn prepare(seed: u64, regs: &mut Regs) -> Vec<u8> {
    let mut memory = program(seed);
    let mut r = Random::new(seed ^ 0xabcd);
    for byte in &mut memory[..toy::CODE as usize] {
        *byte = r.next() as u8;
    }
    for slot in 0..toy::W {
        regs.0[usize::from(slot)] = r.edge();
    }
    for slot in toy::F..toy::W {
        // Singles in boxes, and doubles.
        let n = r.edge();
        regs.0[usize::from(slot)] = if r.below(2) == 0 { n } else { n | !0 << 32 };
    }
    for slot in toy::W..toy::W + 4 {
        regs.0[usize::from(slot)] = r.edge() & 0xffff_ffff;
    }
    memory
}

fn rig(config: &EngineConfig, bits: u8, kinds: Kinds, seed: u64) -> Rig {
    let cpu = Box::new(Toy::new(bits, kinds));
    let mut rig = Rig::new(config.clone(), toy::BASE, toy::SIZE, cpu).unwrap();
    let memory = prepare(seed, rig.cluster.regs_mut(0));
    rig.ram.write(0, &memory);
    if bits == 32 {
        for slot in 0..toy::F {
            rig.cluster.regs_mut(0).0[usize::from(slot)] &= 0xffff_ffff;
        }
    }
    rig
}

/// Runs a program on one configuration and naively, in pieces of random lengths.
fn check(config: &EngineConfig, bits: u8, kinds: Kinds, seed: u64, steps: u64) {
    let mut fast = rig(config, bits, kinds, seed);
    let slow = rig(config, bits, kinds, seed);
    fast.system.stop_at_device = seed % 2 == 1;
    let mut naive = Naive::new(slow.space.clone(), Toy::new(bits, kinds));
    naive.regs = slow.regs().clone();
    let mut r = Random::new(seed);
    let mut done = 0;
    let longest = [1, 3, 40, 200, 400, 1000][r.below(6) as usize];
    while done < steps {
        let piece = 1 + r.below(longest);
        if r.below(4) == 0 {
            // Programs soon find a loop that they never leave.
            let pc = toy::BASE + r.below(toy::CODE / 4) * 4;
            fast.cluster.regs_mut(0).set(toy::PC, pc);
            naive.regs.set(toy::PC, pc);
        }
        if r.below(6) == 0 {
            // As DMA would: anything in the code, behind the engine's back.
            let (at, word) = (r.below(toy::CODE / 4) * 4, (r.next() as u32).to_le_bytes());
            assert!(fast.ram.write(at, &word) && slow.ram.write(at, &word));
        }
        if kinds.helpers && r.below(6) == 0 {
            fast.cluster.signal(0, 0, 0, true);
            naive.interrupt();
        }
        let ran = fast.run(piece);
        assert_eq!(ran.retired, piece);
        let before = naive.regs.get(toy::PC);
        for _ in 0..piece {
            naive.step();
        }
        done += piece;
        if fast.regs() != &naive.regs {
            let slots: Vec<_> = (0..64)
                .filter(|&i| fast.regs().0[i] != naive.regs.0[i])
                .map(|i| format!("slot {i}: {:#x}, naive {:#x}", fast.regs().0[i], naive.regs.0[i]))
                .collect();
            panic!(
                "seed {seed}, {bits} bits, {before:#x} + {piece} of {done}: {}",
                slots.join("; ")
            );
        }
    }
    assert!(fast.memory() == slow.memory(), "seed {seed}: memory");
    assert_eq!(fast.system.accesses, naive.system.accesses, "seed {seed}: device accesses");
    if std::env::var_os("HETEMU_STATS").is_some() {
        eprintln!("{seed}: {:?}", fast.cluster.stats());
    }
}

fn seeds() -> u64 {
    std::env::var("HETEMU_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(16)
}

fn all(config: &EngineConfig, kinds: Kinds) {
    for seed in 0..seeds() {
        check(config, if seed % 3 == 0 { 32 } else { 64 }, kinds, seed, 4000);
    }
}

fn interpreter() -> EngineConfig {
    EngineConfig { jit: false, ..EngineConfig::default() }
}

const INTEGER: Kinds = Kinds { memory: false, wild: false, float: false, helpers: false };

#[test]
fn interpreter_integer() {
    all(&interpreter(), INTEGER);
}

#[test]
fn interpreter_memory() {
    all(&interpreter(), Kinds { memory: true, ..INTEGER });
}

#[test]
fn interpreter_float() {
    all(&interpreter(), Kinds { float: true, ..INTEGER });
}

#[test]
fn interpreter_everything() {
    all(&interpreter(), Kinds::ALL);
}

/// Regions alone.
fn compiled(tier_up: u32, max_region: u32) -> EngineConfig {
    EngineConfig { tier_up, tier_two: 0, max_region, ..EngineConfig::default() }
}

/// Templates alone.
fn templates(tier_up: u32) -> EngineConfig {
    EngineConfig { tier_up, tier_two: u32::MAX, ..EngineConfig::default() }
}

#[test]
fn templates_integer() {
    all(&templates(0), INTEGER);
}

#[test]
fn templates_memory() {
    all(&templates(1), Kinds { memory: true, ..INTEGER });
}

#[test]
fn templates_float() {
    all(&templates(0), Kinds { float: true, ..INTEGER });
}

#[test]
fn templates_everything() {
    all(&templates(0), Kinds::ALL);
    all(&EngineConfig { max_block: 1, ..templates(0) }, Kinds::ALL);
    all(&EngineConfig { code_bytes: 16 << 10, ..templates(0) }, Kinds::ALL);
}

#[test]
fn compiled_integer() {
    all(&compiled(0, 50), INTEGER);
}

#[test]
fn compiled_memory() {
    all(&compiled(2, 50), Kinds { memory: true, ..INTEGER });
}

#[test]
fn compiled_float() {
    all(&compiled(1, 50), Kinds { float: true, ..INTEGER });
}

#[test]
fn both() {
    let both = EngineConfig { tier_two: 2, ..compiled(1, 50) };
    all(&both, Kinds { memory: true, ..INTEGER });
    all(&both, Kinds::ALL);
    all(&EngineConfig { code_bytes: 24 << 10, ..both }, Kinds::ALL);
}

#[test]
fn compiled_in_the_background() {
    all(&EngineConfig { background: true, tier_two: 20, ..compiled(1, 50) }, Kinds::ALL);
}

#[test]
fn compiled_with_little_room() {
    all(&EngineConfig { code_bytes: 16 << 10, ..compiled(0, 20) }, Kinds::ALL);
}

#[test]
fn compiled_everything() {
    all(&compiled(0, 1), Kinds::ALL);
    all(&compiled(1, 50), Kinds::ALL);
    all(&compiled(20, 400), Kinds::ALL);
}
