//! A run that goes on from a saved state is the run that it was taken from: states are taken at
//! random points of a run, also in the middle of slices, each is set on another machine, and what
//! that one is at the next point must be the next state: registers, memory, devices, time.
//!
//! States go through files, build on each other, and are refused by other machines; a state of the
//! previous format is kept in `tests/snapshots`. A recorded run replays alike.
//!
//! `HETEMU_SNAPSHOT_POINTS` says at how many points; 1,000 were tried by hand.

use hetemu::{Builder, Jit};
use hetemu_engine::EngineConfig;
use hetemu_hw::Reader;
use hetemu_machine::{Limit, Running, Saved, Step};
use hetemu_testing::root;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

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
    if !hetemu_testing::files(files.iter().map(|(_, f)| f)) {
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
        Err(_) => 15_000_000,
    };
    // Tests are built without optimisation: four harts are the harder case.
    let all = if std::env::var_os("HETEMU_SNAPSHOT_INSNS").is_some() { 1 } else { 4 };
    for harts in all..=4 {
        let Some(builder) = linux(harts) else { return };
        for (name, engine) in engines() {
            // The interpreter alone takes its time.
            let total = if engine.jit { total } else { total / 20 };
            let begin = std::time::Instant::now();
            resumed(&builder, &engine, &engine, points(10), total);
            eprintln!("{harts} harts, {name}: {total} instructions in {:?}", begin.elapsed());
        }
    }
}

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("hetemu-snap-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder");
        Folder(path)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.join(name), text).expect("a file");
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.0.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// Runs the program in this folder; `stdin` is typed in pieces, with pauses.
    fn hetemu(&self, arguments: &str, stdin: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hetemu"));
        command.current_dir(&self.0).args(arguments.split(' ').filter(|a| !a.is_empty()));
        command.stdin(if stdin.is_empty() { Stdio::null() } else { Stdio::piped() });
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        if let Some(mut to) = child.stdin.take() {
            for text in stdin {
                std::thread::sleep(std::time::Duration::from_millis(150));
                to.write_all(text.as_bytes()).expect("it reads");
            }
        }
        child.wait_with_output().expect("it ends")
    }

    #[track_caller]
    fn ends(&self, code: i32, arguments: &str) -> String {
        let out = self.hetemu(arguments, &[]);
        let text = [&out.stdout[..], &out.stderr[..]].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        assert_eq!(out.status.code(), Some(code), "{arguments}\n{text}");
        text
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A folder with the shipped machine, as it is and changed.
fn workshop(name: &str) -> Folder {
    let folder = Folder::new(name);
    let text = std::fs::read_to_string(root().join("machines/opentitan.hm")).expect("it is there");
    let firmware = root().join("machines/firmware").display().to_string();
    let text = text.replace("firmware/", &format!("{firmware}/"));
    folder.write("one.hm", &text);
    folder.write("newer.hm", &text.replace("lowrisc.uart@1", "lowrisc.uart@2"));
    folder.write("larger.hm", &text.replace("64 KiB", "128 KiB"));
    folder
}

#[test]
fn a_trace_from_a_saved_state_is_the_trace_of_a_run_without_a_stop() {
    let f = workshop("trace");
    let look = "--trace exec,trap,irq,plug,state:700=x.trace --trace-start 1ms --trace-end 1200us";
    f.ends(4, &format!("run one.hm --vtimeout 1250us {look}"));
    let whole = f.read("x.trace");
    assert!(whole.len() > 100_000, "only {} bytes of trace", whole.len());
    f.ends(0, "snapshot save one.hm --at 1ms --to a.hms");
    f.ends(4, &format!("run one.hm --snapshot a.hms --vtimeout 1250us {look}"));
    assert!(f.read("x.trace") == whole, "the traces differ");
}

#[test]
fn files_build_on_each_other_and_are_checked() {
    let f = workshop("files");
    f.ends(
        0,
        "run one.hm --save-at 1ms=a.hms --save-at 2ms=b.hms --save-at 3ms=c.hms \
               --incremental --expect help",
    );
    let (first, third) = (f.read("a.hms").len(), f.read("c.hms").len());
    assert!(first < 12_000 && third < 12_000, "{first} and {third} bytes for 2 pages");
    let shown = f.ends(0, "snapshot inspect c.hms");
    for wanted in
        ["opentitan", "virtual time  3ms", "builds on     b.hms", "part:uart", "rest as in"]
    {
        assert!(shown.contains(wanted), "`{wanted}` is missing in\n{shown}");
    }
    let changes = f.ends(3, "snapshot diff a.hms c.hms");
    for wanted in ["1ms -> 3ms", "core:ibex  pc", "memory:ram.mem"] {
        assert!(changes.contains(wanted), "`{wanted}` is missing in\n{changes}");
    }
    assert!(!changes.contains("memory:rom"), "the ROM did not change:\n{changes}");
    // The chain leads to the end that the run without a stop has.
    let end = f.ends(7, "run one.hm --snapshot c.hms --send exit\\x207\\r --vtimeout 1s");
    assert!(end.contains("exit 7"), "{end}");
    std::fs::write(f.0.join("a.hms"), f.read("b.hms")).expect("a file");
    assert!(f.ends(2, "run one.hm --snapshot c.hms").contains("E1209"));
    std::fs::remove_file(f.0.join("b.hms")).expect("it is there");
    assert!(f.ends(2, "run one.hm --snapshot c.hms").contains("`c.hms` builds on"));
    assert!(f.ends(2, "run one.hm --snapshot one.hm").contains("E1201"));
}

#[test]
fn another_machine_refuses_and_a_newer_type_converts() {
    let f = workshop("other");
    f.ends(0, "snapshot save one.hm --at 30ms --to a.hms");
    let refused = f.ends(2, "run larger.hm --snapshot a.hms");
    for wanted in ["E1208", "size   64 KiB -> 128 KiB", "not loadable"] {
        assert!(refused.contains(wanted), "`{wanted}` is missing in\n{refused}");
    }
    // Version 2 of the UART has its own numbers of interrupts: state 1 has a converter.
    f.ends(0, "snapshot save newer.hm --snapshot a.hms --at 31ms --to b.hms");
    let shown = f.ends(0, "snapshot inspect b.hms");
    assert!(shown.contains("part:uart         v2"), "{shown}");
    let refused = f.ends(2, "run one.hm --snapshot b.hms");
    assert!(
        refused.contains("E1208") && refused.contains("uart state 2 -> 1 has none"),
        "{refused}"
    );
}

#[test]
fn a_state_of_the_first_format_is_read() {
    let f = workshop("first");
    let kept = root().join("tests/snapshots/opentitan-format1.hms");
    let kept = kept.display();
    assert!(f.ends(0, &format!("snapshot inspect {kept}")).contains("format        1"));
    for machine in ["one.hm", "newer.hm"] {
        let end = "--send exit\\x205\\r --vtimeout 1s";
        f.ends(5, &format!("run {machine} --snapshot {kept} {end}"));
    }
}

#[test]
fn a_recorded_run_replays_alike() {
    let f = workshop("tape");
    let look = "--trace plug,irq,state:1000=x.trace --timeout 100s";
    let typed = ["echo recorded\r", "echo twice\r", "exit 7\r"];
    let first = f.hetemu(&format!("run one.hm --record r.tape {look}"), &typed);
    assert_eq!(first.status.code(), Some(7), "{}", String::from_utf8_lossy(&first.stderr));
    let trace = f.read("x.trace");
    let again = f.hetemu(&format!("run one.hm --replay r.tape {look}"), &[]);
    assert_eq!(again.status.code(), Some(7), "{}", String::from_utf8_lossy(&again.stderr));
    assert_eq!(again.stdout, first.stdout);
    assert!(f.read("x.trace") == trace, "the traces differ");
    assert!(f.ends(2, "run larger.hm --replay r.tape").contains("E1211"));
    assert!(f.ends(2, "run one.hm --replay one.hm").contains("E1211"));
}
