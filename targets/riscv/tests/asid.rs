//! Address spaces: what an ASID keeps, what each form of sfence.vma forgets, and that a guest which
//! fences as the manual asks never sees a stale translation. Privileged architecture, 12.1.11 and
//! 12.2.1.

mod common;

use common::bench::{Bench, pte};
use common::config;
use hetemu_engine::EngineConfig;
use hetemu_engine::testing::{DEVICE, Random, Rig};
use hetemu_isa::{Access, Flush, Target};
use hetemu_target_riscv::RiscV;

#[test]
fn each_fence_names_what_it_forgets() {
    let mut b = Bench::new("riscv.rv64");
    b.set("a1=0x12345678,a2=0x7fff0007,a3=0");
    // The registers' numbers count, not whether they hold zero.
    for (rs1, rs2, want) in [
        (0, 0, Flush::All),
        (0, 12, Flush::Space(7)),
        (0, 13, Flush::Space(0)),
        (11, 0, Flush::Page(0x1234_5678)),
        (13, 0, Flush::Page(0)),
        (11, 12, Flush::PageIn(0x1234_5678, 7)),
        (13, 13, Flush::PageIn(0, 0)),
    ] {
        for op in [0x1200_0073, 0x1600_0073] {
            b.world.flushed = None;
            b.helper(7, op | rs2 << 20 | rs1 << 15).unwrap();
            assert_eq!(b.world.flushed, Some(want), "{op:x} {rs1} {rs2}");
        }
    }
}

#[test]
fn only_the_asid_of_satp_flushes_nothing() {
    const SV39: u64 = 8 << 60;
    for (core, asid, mode, steps) in [
        ("riscv.rv64", 44, SV39, vec![(9 << 60 | 5, Some(Flush::All)), (0, Some(Flush::All))]),
        ("riscv.rv32", 22, 1 << 31, vec![(0, Some(Flush::All))]),
    ] {
        let mut b = Bench::new(core);
        let satp = |space: u64, ppn: u64| mode | space << asid | ppn;
        let same = [
            (satp(1, 5), Some(Flush::All)),
            (satp(2, 5), None),
            (satp(3, 6), None),
            (satp(3, 6), None),
            (satp(3, 7), Some(Flush::Space(3))),
            (satp(1, 5), None),
        ];
        for (value, want) in same.into_iter().chain(steps) {
            b.world.flushed = None;
            b.set(&format!("a1={value:#x}"));
            b.csrrw(0, 0x180, 11).unwrap();
            assert_eq!(b.world.flushed, want, "{core} {value:#x}");
            assert_eq!(u64::from(b.cpu.mode(&b.regs).asid), value >> asid & 0x1ff);
        }
        // Software finds out how many bits there are.
        b.set(&format!("a1={:#x}", mode | 0xffff << asid));
        b.csrrw(0, 0x180, 11).unwrap();
        let bits = (b.get("satp") & !mode) >> asid;
        assert_eq!(bits, if core == "riscv.rv32" { 0x1ff } else { 0xffff });
    }
}

#[test]
fn global_is_what_the_leaf_or_a_pointer_to_it_says() {
    const G: u64 = 0x20;
    for (level1, level2, leaf, want) in [(0, 0, 0, false), (0, 0, G, true), (G, 0, 0, true)] {
        let mut b = Bench::new("riscv.rv64");
        b.set("pmpaddr0=0x3fffffffffffff,pmpcfg0=0x1f,satp=0x8000000000000001");
        b.world.memory.insert(0x1000, pte(0x2000, 1 | level1));
        b.world.memory.insert(0x2000, pte(0x3000, 1 | level2));
        b.world.memory.insert(0x3000, pte(0x8000_0000, 0xcf | leaf));
        let t = b.cpu.translate(1, 0, Access::Load, &mut b.world).unwrap();
        assert_eq!(t.global, want);
        let machine = b.cpu.translate(0, 0, Access::Load, &mut b.world).unwrap();
        assert!(machine.global, "no table says otherwise");
    }
}

const BASE: u64 = 0x8000_0000;
const SIZE: u64 = 0x60_0000;
/// Where supervisor and user mode see the memory.
const SEEN: [u64; 2] = [BASE, 0xc000_0000];
/// Memory that pages are mapped to: each has code that says which it is, and data.
const POOL: u64 = 0x10_0000;
const PAGES: u64 = 24;
const DATA: u64 = 0x800;
/// Virtual pages: a space's own, those that may be one large page, those that all spaces share.
const OWN: u64 = 0x4000_0000;
const LARGE: u64 = 0x4020_0000;
const SHARED: u64 = 0x4040_0000;
const SPACES: u64 = 4;

const V: u64 = 1;
const R: u64 = 2;
const W: u64 = 4;
const X: u64 = 8;
const U: u64 = 16;
const G: u64 = 32;
const AD: u64 = 0xc0;

// Places of code in the first page.
const CSRW: u64 = 0x10;
const FENCES: u64 = 0x20;
const LOAD: u64 = 0x40;
const STORE: u64 = 0x60;
const ECALL: u32 = 0x73;

fn addi(rd: u32, rs1: u32, imm: u32) -> u32 {
    (imm & 0xfff) << 20 | rs1 << 15 | rd << 7 | 0x13
}

/// Spaces of a guest, and a hart.
struct Guest {
    rig: Rig,
    asids: Vec<u64>,
    current: u64,
}

/// A table of a space: 0 is the root, 1 the next, 2 and 3 the last ones.
fn table(space: u64, n: u64) -> u64 {
    0x2000 + (space * 4 + n) * 0x1000
}

const SHARED_TABLE: u64 = 0x2000 + SPACES * 4 * 0x1000;

impl Guest {
    fn new(jit: bool, global_pointer: bool) -> Guest {
        let cpu = RiscV.create(&config("riscv.rv64")).unwrap();
        let engine = EngineConfig { jit, tier_up: 2, tier_two: 20, ..EngineConfig::default() };
        let rig = Rig::new(engine, BASE, SIZE, cpu).unwrap();
        let put = |at: u64, words: &[u32]| {
            let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
            assert!(rig.ram.write(at, &bytes));
        };
        let again = [addi(13, 13, 0xfff), 0xfe06_9ce3, ECALL];
        let spin = 0x6f;
        put(0, &[spin]);
        put(CSRW, &[0x1805_9073, spin]);
        for (n, fence) in [0u32, 12 << 20, 11 << 15, 12 << 20 | 11 << 15].into_iter().enumerate() {
            put(FENCES + 8 * n as u64, &[0x1200_0073 | fence, spin]);
        }
        put(LOAD, &[0x0005_b503, again[0], again[1], again[2]]);
        put(STORE, &[0x00a5_b023, again[0], again[1], again[2]]);
        for n in 0..PAGES + 4 {
            put(page(n), &[addi(10, 0, n as u32 + 100), ECALL]);
            put(page(n) + DATA, &[n as u32, 7]);
        }
        let mut g = Guest { rig, asids: (1..=SPACES).collect(), current: 0 };
        for space in 0..SPACES {
            let leaf = V | R | W | X | AD | G;
            g.set(table(space, 0) + 8 * 2, pte(BASE, leaf));
            g.set(table(space, 0) + 8 * 3, pte(BASE, leaf | U));
            g.set(table(space, 0) + 8, pte(BASE + table(space, 1), V));
            for n in [0, 1] {
                g.set(table(space, 1) + 8 * n, pte(BASE + table(space, 2 + n), V));
            }
            let pointer = if global_pointer { V | G } else { V };
            g.set(table(space, 1) + 8 * 2, pte(BASE + SHARED_TABLE, pointer));
        }
        let (cpu, regs) = g.rig.cluster.cpu_mut(0);
        for (name, value) in [("pmpaddr0", u64::MAX >> 10), ("pmpcfg0", 0x1f), ("mtvec", BASE)] {
            assert!(cpu.set_register(regs, name, value));
        }
        g.switch(0);
        g
    }

    fn set(&mut self, at: u64, value: u64) {
        assert!(self.rig.ram.write(at, &value.to_le_bytes()));
    }

    fn get(&self, at: u64) -> u64 {
        let mut bytes = [0; 8];
        assert!(self.rig.ram.read(at, &mut bytes));
        u64::from_le_bytes(bytes)
    }

    /// Runs code with registers set, until it is in the trap handler or spins.
    fn run(&mut self, mode: u64, pc: u64, registers: &[(&str, u64)]) {
        let (cpu, regs) = self.rig.cluster.cpu_mut(0);
        for (name, value) in [("priv", mode), ("pc", pc)].iter().chain(registers) {
            assert!(cpu.set_register(regs, name, *value), "{name}");
        }
        self.rig.run(40);
    }

    fn switch(&mut self, space: u64) {
        self.current = space;
        let root = (BASE + table(space, 0)) >> 12;
        let satp = 8 << 60 | self.asids[space as usize] << 44 | root;
        self.run(3, BASE + CSRW, &[("a1", satp)]);
    }

    /// 0: all, 1: a space, 2: a page, 3: a page in a space.
    fn fence(&mut self, form: u64, va: u64, space: u64) {
        let asid = self.asids[space as usize];
        self.run(3, BASE + FENCES + 8 * form, &[("a1", va), ("a2", asid | 0xab_0000)]);
    }

    /// Where an address leads, by the tables alone; none if the access faults.
    fn walk(&self, va: u64, access: Access, user: bool, sum: bool) -> Option<u64> {
        let mut at = table(self.current, 0);
        for level in (0..3).rev() {
            let shift = 12 + 9 * level;
            let entry = self.get(at + (va >> shift & 511) * 8);
            if entry & V == 0 {
                return None;
            }
            let to = (entry >> 10 << 12) - BASE;
            if entry & (R | W | X) == 0 {
                at = to;
                continue;
            }
            let need = match access {
                Access::Fetch => X,
                Access::Load => R,
                Access::Store => W,
            };
            let private = match (user, entry & U != 0) {
                (true, users) => !users,
                (false, users) => users && (access == Access::Fetch || !sum),
            };
            let refused = private || entry & need == 0;
            return (!refused).then_some(to | va & ((1 << shift) - 1));
        }
        None
    }

    /// Accesses a page in a mode, and compares with what the tables say.
    fn access(&mut self, r: &mut Random, va: u64, what: &str) {
        let (user, sum) = (r.below(2) == 1, r.below(2) == 1);
        let access = r.pick(&[Access::Fetch, Access::Load, Access::Store]);
        let mode = u64::from(!user);
        let seen = SEEN[usize::from(user)];
        let status = u64::from(sum) << 18;
        let (pc, at) = match access {
            Access::Fetch => (va, va),
            Access::Load => (seen + LOAD, va + DATA),
            Access::Store => (seen + STORE, va + DATA),
        };
        let want = self.walk(at, access, user, sum);
        let value = r.next();
        let before = want.map(|at| self.get(at));
        let registers = [("mstatus", status), ("a0", value), ("a1", at), ("a3", 6)];
        self.run(mode, pc, &registers);
        let all = {
            let cluster = &self.rig.cluster;
            cluster.cpu(0).registers(cluster.regs(0))
        };
        let get = |name: &str| all.iter().find(|(n, _)| n == name).unwrap().1;
        let (cause, a0) = (get("mcause"), get("a0"));
        let tell = format!("{what}: {access:?} {va:#x} user {user} sum {sum}");
        let Some(want) = want else {
            let fault = match access {
                Access::Fetch => 12,
                Access::Load => 13,
                Access::Store => 15,
            };
            assert_eq!((cause, get("mtval")), (fault, at), "{tell}");
            return;
        };
        assert_eq!(cause, if user { 8 } else { 9 }, "{tell}");
        match access {
            Access::Fetch => {
                assert_eq!(a0, before.unwrap() >> 20 & 0xfff, "{tell}");
            }
            Access::Load => assert_eq!(Some(a0), before, "{tell}"),
            Access::Store => assert_eq!(self.get(want), value, "{tell}"),
        }
    }
}

/// Where a page of the pool begins; the last ones are those of large pages.
fn page(n: u64) -> u64 {
    match n.checked_sub(PAGES) {
        None => POOL + n * 0x1000,
        Some(n) => 0x20_0000 + (n / 2) * 0x20_0000 + (n % 2) * 0x1000,
    }
}

fn random_leaf(r: &mut Random, to: u64) -> u64 {
    if r.below(6) == 0 {
        return 0;
    }
    let rights = r.pick(&[R, R | W, R | X, R | W | X, R | W | X, X]);
    pte(BASE + to, V | rights | AD | r.pick(&[0, U]))
}

/// Changes tables and address spaces at random, fences as little as is right, and accesses.
fn torture(seed: u64, jit: bool) {
    let mut r = Random::new(seed);
    let global_pointer = seed % 2 == 1;
    let mut g = Guest::new(jit, global_pointer);
    let steps = if cfg!(debug_assertions) { 1500 } else { 4000 };
    for step in 0..steps {
        let tell = format!("seed {seed} jit {jit} step {step}");
        let space = r.below(SPACES);
        match r.below(16) {
            0..=2 => g.switch(space),
            3 | 4 => {
                let n = r.below(8);
                let to = page(r.below(PAGES));
                let leaf = random_leaf(&mut r, to);
                g.set(table(space, 2) + 8 * n, leaf);
                g.fence(r.below(4), OWN + n * 0x1000, space);
            }
            5 => {
                let n = r.below(4);
                let to = page(r.below(PAGES));
                let leaf = random_leaf(&mut r, to) | if global_pointer { 0 } else { G };
                g.set(SHARED_TABLE + 8 * n, if leaf & V == 0 { 0 } else { leaf });
                g.fence(r.pick(&[0, 2]), SHARED + n * 0x1000, space);
            }
            6 => {
                // A large page, or a table of small ones: a fence of a page reaches leaves only.
                let at = table(space, 1) + 8;
                let large = page(PAGES + 2 * r.below(2));
                let was_leaf = g.get(at) & (R | X) != 0;
                let entry = match r.below(2) {
                    0 => pte(BASE + table(space, 3), V),
                    _ => random_leaf(&mut r, large),
                };
                g.set(at, entry);
                let leaves = was_leaf && entry & (R | X) != 0;
                let form = if leaves { r.below(4) } else { r.below(2) };
                g.fence(form, LARGE + r.below(512) * 0x1000, space);
            }
            7 => {
                let n = r.below(2);
                let to = page(r.below(PAGES));
                let leaf = random_leaf(&mut r, to);
                g.set(table(space, 3) + 8 * n, leaf);
                g.fence(r.below(4), LARGE + n * 0x1000, space);
            }
            8 if step % 8 == 0 => {
                // Two spaces change numbers.
                let other = r.below(SPACES);
                g.asids.swap(space as usize, other as usize);
                let current = g.current;
                g.switch(current);
                g.fence(1, 0, space);
                g.fence(1, 0, other);
            }
            n => {
                let va = match n % 4 {
                    0 | 1 => OWN + r.below(8) * 0x1000,
                    2 => LARGE + r.below(2) * 0x1000,
                    _ => SHARED + r.below(4) * 0x1000,
                };
                g.access(&mut r, va, &tell);
            }
        }
    }
    let stats = g.rig.cluster.stats();
    assert!(!jit || stats.compiled_insns > 1000, "{stats:?}");
    assert!(stats.tlb_misses > 100);
}

#[test]
fn no_stale_translation_is_seen_interpreted() {
    (0..4).for_each(|seed| torture(seed, false));
}

#[test]
fn no_stale_translation_is_seen_compiled() {
    (0..4).for_each(|seed| torture(seed, true));
}

#[test]
fn a_space_that_comes_back_is_still_known() {
    let mut g = Guest::new(true, false);
    let leaf = |n: u64| pte(BASE + page(n), V | R | W | U | AD);
    for space in 0..SPACES {
        for n in 0..8 {
            g.set(table(space, 2) + 8 * n, leaf(space + n));
        }
    }
    let visit = |g: &mut Guest, space: u64| {
        let before = g.rig.cluster.stats().tlb_misses;
        g.switch(space);
        for n in 0..8 {
            let va = OWN + n * 0x1000 + DATA;
            g.run(0, SEEN[1] + LOAD, &[("a1", va), ("a3", 6)]);
            assert_eq!(g.rig.regs().0[10], 7 << 32 | (space + n));
        }
        g.rig.cluster.stats().tlb_misses - before
    };
    for space in 0..SPACES {
        assert_eq!(visit(&mut g, space), 8);
    }
    for space in 0..SPACES {
        assert_eq!(visit(&mut g, space), 0);
    }
    // One space is forgotten, and one page of another.
    g.fence(1, 0, 1);
    g.fence(3, OWN + 0x3000, 2);
    assert_eq!([0, 1, 2, 3].map(|space| visit(&mut g, space)), [0, 8, 1, 0]);
    g.fence(2, OWN, 0);
    assert_eq!([0, 1, 2, 3].map(|space| visit(&mut g, space)), [1, 1, 1, 1]);
    g.fence(0, 0, 0);
    assert_eq!([0, 1, 2, 3].map(|space| visit(&mut g, space)), [8, 8, 8, 8]);
}

#[test]
fn a_large_page_of_devices_is_forgotten_as_one() {
    for form in 0..4 {
        let mut g = Guest::new(true, false);
        g.set(table(0, 1) + 8, pte(DEVICE, V | R | W | AD));
        g.fence(0, 0, 0);
        let load = |g: &mut Guest| {
            g.run(1, SEEN[0] + LOAD, &[("a1", LARGE + 8), ("a3", 6)]);
            let all = g.rig.cluster.cpu(0).registers(g.rig.cluster.regs(0));
            all.into_iter().find(|(name, _)| name == "mcause").unwrap().1
        };
        assert_eq!(load(&mut g), 9);
        g.set(table(0, 1) + 8, 0);
        g.fence(form, LARGE + 0x5000, 0);
        assert_eq!(load(&mut g), 13, "form {form}");
    }
}
