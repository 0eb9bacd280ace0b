//! A run that goes on from a saved state is the run that it was taken from: states are taken at
//! random points of a run, also in the middle of slices, each is set on another machine, and what
//! that one is at the next point must be the next state: registers, memory, devices, time.
//!
//! `HETEMU_SNAPSHOT_POINTS` says at how many points; 1,000 were tried by hand.

use hetemu::{Builder, Jit};
use hetemu_engine::EngineConfig;
use hetemu_hw::Reader;
use hetemu_machine::{Limit, Running, Saved, Step};
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the workspace")
}

fn points(usual: usize) -> usize {
    let said = std::env::var("HETEMU_SNAPSHOT_POINTS").ok().and_then(|v| v.parse().ok());
    said.unwrap_or(usual)
}

/// A generator of the test's own.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % end.max(1)
    }
}

/// Tiers: interpreter only, compiled as soon as possible, as users have it.
fn engines() -> [(&'static str, EngineConfig); 3] {
    let usual = EngineConfig::default();
    [
        ("interpreted", EngineConfig { jit: false, ..usual.clone() }),
        ("compiled early", EngineConfig { tier_up: 4, tier_two: 10, ..usual.clone() }),
        ("as usual", usual),
    ]
}

fn machine(builder: &Builder, engine: &EngineConfig) -> hetemu::Machine {
    let mut builder = builder.clone().seed(7).jit(Jit::Sync);
    builder.options().engine = engine.clone();
    builder.build().unwrap_or_else(|e| panic!("{e}"))
}

/// Runs so many instructions; false if the machine ended before.
fn run(machine: &mut Running, insns: u64) -> bool {
    machine.set_limit(Limit { insns, ..Limit::default() });
    loop {
        match machine.step() {
            Step::Ran => {}
            Step::Stopped => return true,
            Step::Idle(Some(at)) => machine.skip_to(at),
            Step::Idle(None) | Step::Debug(_) | Step::Ended => return false,
        }
    }
}

#[track_caller]
fn save(machine: &mut Running, like: Option<&Saved>) -> Saved {
    machine.save(like).unwrap_or_else(|e| panic!("{e}"))
}

/// Sections in which two states differ. What soft TLBs hold is left out: whether a page takes
/// stores without a look depends on what code of it was translated.
fn differing(a: &Saved, b: &Saved) -> Vec<String> {
    const TRANSLATIONS: u16 = 8;
    let find = |s: &Saved, name: &str| s.sections().iter().find(|s| s.name == name).cloned();
    let same = |name: &&str| {
        let (Some(a), Some(b)) = (find(a, name), find(b, name)) else { return false };
        let (a, b) = (Reader::new(&a.bytes), Reader::new(&b.bytes));
        name.starts_with("core:")
            && (0..64).filter(|f| *f != TRANSLATIONS).all(|f| a.bytes(f) == b.bytes(f))
    };
    a.differing(b).into_iter().filter(|name| !same(name)).map(str::to_string).collect()
}

/// States at random points of `total` instructions, each with how many come before the next.
fn states(
    machine: &mut Running,
    count: usize,
    total: u64,
    random: &mut Random,
) -> Vec<(Saved, u64)> {
    let mut at: Vec<u64> = (0..count).map(|_| random.below(total)).collect();
    at.sort_unstable();
    at.dedup();
    let mut out: Vec<(Saved, u64)> = Vec::new();
    for (i, point) in at.iter().enumerate() {
        let before = i.checked_sub(1).map_or(0, |b| at[b]);
        assert!(run(machine, point - before), "the machine ended at {before}");
        let saved = save(machine, out.last().map(|s| &s.0));
        let next = at.get(i + 1).map_or(0, |n| n - point);
        out.push((saved, next));
    }
    out
}

/// Takes states on a machine with one engine and goes on from each with another.
fn resumed(builder: &Builder, from: &EngineConfig, to: &EngineConfig, count: usize, total: u64) {
    let mut first = machine(builder, from);
    let mut random = Random(total);
    let all = states(first.machine_mut().expect("it is live"), count, total, &mut random);
    let mut second = machine(builder, to);
    let second = second.machine_mut().expect("it is live");
    for (i, pair) in all.windows(2).enumerate() {
        let [(saved, insns), (next, _)] = pair else { continue };
        second.restore(saved).unwrap_or_else(|e| panic!("{e}"));
        let again = save(second, Some(saved));
        assert_eq!(differing(&again, saved), [""; 0], "state {i} does not come back");
        assert!(run(second, *insns), "state {i}: the machine ended");
        let then = save(second, Some(next));
        assert_eq!(differing(&then, next), [""; 0], "from state {i} of {} on", all.len());
    }
}

fn opentitan() -> Builder {
    Builder::find(&root().join("machines/opentitan.hm").to_string_lossy()).expect("it is there")
}

#[test]
fn firmware_goes_on_from_any_point() {
    for (name, engine) in engines() {
        eprintln!("{name}");
        resumed(&opentitan(), &engine, &engine, points(20), 3_000_000);
    }
}

#[test]
fn what_the_interpreter_saved_goes_on_compiled() {
    let [(_, interpreted), (_, early), _] = engines();
    resumed(&opentitan(), &interpreted, &early, points(20), 1_000_000);
}

fn guest(name: &str) -> PathBuf {
    root().join("target/guests/riscv64").join(name)
}

/// Debian's Linux with so many harts, if it is there.
fn linux(harts: u32) -> Option<Builder> {
    let sbi = PathBuf::from("/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.bin");
    let files = [("firmware", sbi), ("kernel", guest("kernel")), ("initrd", guest("initrd.gz"))];
    let missing: Vec<_> = files.iter().filter(|(_, f)| !f.exists()).collect();
    let required = std::env::var_os("HETEMU_REQUIRE_GUESTS").is_some_and(|v| v == "1");
    assert!(missing.is_empty() || !required, "not there: {missing:?}");
    if !missing.is_empty() {
        eprintln!("skipped: not there: {missing:?}");
        return None;
    }
    let path = root().join("machines/riscv-virt.hm");
    let mut builder = Builder::find(&path.to_string_lossy()).expect("it is there");
    for (plug, file) in &files {
        builder = builder.plug(*plug, file.to_string_lossy());
    }
    let (ram, args) = ("256MiB", "console=ttyS0 quiet");
    Some(builder.set("ram", ram).set("cpus", harts.to_string()).set("bootargs", args))
}

#[test]
fn linux_goes_on_from_any_point() {
    let total = match std::env::var("HETEMU_SNAPSHOT_INSNS") {
        Ok(n) => n.parse().expect("a number"),
        // The kernel's beginning: tests are built without optimisation.
        Err(_) => 150_000_000,
    };
    for harts in [1, 4] {
        let Some(builder) = linux(harts) else { return };
        for (name, engine) in engines() {
            // The interpreter alone takes its time.
            let total = if engine.jit { total } else { total / 20 };
            let begin = std::time::Instant::now();
            resumed(&builder, &engine, &engine, points(20), total);
            eprintln!("{harts} harts, {name}: {total} instructions in {:?}", begin.elapsed());
        }
    }
}
