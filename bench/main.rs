//! `cargo bench`: the guest workloads of `bench/guest` on each tier, beside QEMU if it is there.
//!
//!     cargo bench -p hetemu [-- WORKLOAD ...] [--runs N] [--tier interpreter|compiled] [--no-qemu]
//!
//! Each line gives CPU seconds (user and system, all threads) of whole processes, medians of the
//! runs, which are made in turn so that a busy host slows all alike; the guest's instructions in a
//! second; and how many times faster than QEMU that is. Nothing is asserted: times are for people.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

const WORK: [&str; 10] =
    ["alu", "call", "sort", "hash", "list", "float", "trap", "device", "change", "space"];
const QEMU: &str = "qemu-system-riscv64";

/// What to run, and what came of it.
struct Runner {
    name: &'static str,
    command: Vec<String>,
}

/// CPU seconds and instructions of one run.
#[derive(Clone, Copy)]
struct Cost {
    seconds: f64,
    instructions: u64,
}

fn runners(work: &str, options: &Options) -> Vec<Runner> {
    let elf = folder().join("guest").join(format!("{work}.elf"));
    let elf = elf.to_string_lossy();
    let ours = |name, jit: &str| Runner {
        name,
        command: [env!("CARGO_BIN_EXE_hetemu"), "run", "riscv-virt", "--image", &elf, "--jit", jit]
            .into_iter()
            .chain(["--stats", "--format", "json"])
            .map(String::from)
            .collect(),
    };
    let mut list = Vec::new();
    if options.tier != Some("compiled") {
        list.push(ours("interpreter", "off"));
    }
    if options.tier != Some("interpreter") {
        list.push(ours("compiled", "on"));
    }
    if options.qemu {
        let words = ["-M", "virt", "-m", "128", "-bios", "none", "-kernel", &elf]
            .into_iter()
            .chain(["-display", "none", "-serial", "stdio", "-monitor", "none"]);
        let command = std::iter::once(QEMU).chain(words).map(String::from).collect();
        list.push(Runner { name: "qemu", command });
    }
    list
}

/// Runs a command to its end; says what went wrong otherwise.
fn cost(command: &[String]) -> Result<Cost, String> {
    let [program, words @ ..] = command else { return Err(String::from("no command")) };
    let before = children();
    let out = Command::new(program)
        .args(words)
        .stdin(Stdio::null())
        .output()
        .map_err(|e| format!("{program}: {e}"))?;
    let seconds = children() - before;
    let text = String::from_utf8_lossy(&out.stderr);
    if !out.status.success() {
        return Err(format!("{program} ended with {}: {}", out.status, text.trim()));
    }
    let json = text.lines().find(|l| l.starts_with('{'));
    let json: Option<serde_json::Value> = json.and_then(|l| serde_json::from_str(l).ok());
    let count = json.and_then(|j| j.get("instructions")?.as_u64());
    Ok(Cost { seconds, instructions: count.unwrap_or(0) })
}

/// CPU seconds of all processes that this one has started and that have ended.
fn children() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // After the name in parentheses: fields 16 and 17 of proc(5), in clock ticks.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: f64 = fields.skip(13).take(2).filter_map(|f| f.parse::<f64>().ok()).sum();
    ticks / rustix::param::clock_ticks_per_second() as f64
}

fn median(list: &mut [f64]) -> f64 {
    list.sort_by(f64::total_cmp);
    list.get(list.len() / 2).copied().unwrap_or(f64::NAN)
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bench")
}

struct Options {
    work: Vec<String>,
    runs: usize,
    tier: Option<&'static str>,
    qemu: bool,
}

impl Options {
    fn read() -> Result<Options, String> {
        let mut o = Options { work: Vec::new(), runs: 3, tier: None, qemu: true };
        let mut args = std::env::args().skip(1);
        while let Some(arg) = args.next() {
            match arg.as_str() {
                // Cargo says so to every benchmark.
                "--bench" => {}
                "--no-qemu" => o.qemu = false,
                "--runs" => {
                    let n = args.next().and_then(|n| n.parse().ok()).filter(|n| *n > 0);
                    o.runs = n.ok_or("--runs takes a number of at least 1")?;
                }
                "--tier" => match args.next().as_deref() {
                    Some("interpreter") => o.tier = Some("interpreter"),
                    Some("compiled") => o.tier = Some("compiled"),
                    _ => return Err(String::from("--tier takes `interpreter` or `compiled`")),
                },
                work if WORK.contains(&work) => o.work.push(arg),
                _ => return Err(format!("no workload `{arg}`; there are {}", WORK.join(", "))),
            }
        }
        if o.work.is_empty() {
            o.work = WORK.map(String::from).to_vec();
        }
        o.qemu &= Command::new(QEMU).arg("--version").output().is_ok();
        Ok(o)
    }
}

fn main() -> ExitCode {
    let options = match Options::read() {
        Ok(options) => options,
        Err(e) => {
            eprintln!("{e}");
            return ExitCode::from(2);
        }
    };
    let mut failed = false;
    println!("{:8} {:12} {:>9} {:>8} {:>8}", "workload", "runner", "CPU s", "MIPS", "x QEMU");
    for work in &options.work {
        let runners = runners(work, &options);
        let mut times = vec![Vec::new(); runners.len()];
        let mut counts = vec![0; runners.len()];
        for _ in 0..options.runs {
            for (i, runner) in runners.iter().enumerate() {
                match cost(&runner.command) {
                    Ok(cost) => {
                        times[i].push(cost.seconds);
                        counts[i] = cost.instructions;
                    }
                    Err(e) => {
                        eprintln!("{work}: {e}");
                        failed = true;
                    }
                }
            }
        }
        let medians: Vec<f64> = times.iter_mut().map(|t| median(t)).collect();
        let peer = medians.last().copied().filter(|_| options.qemu);
        for (i, runner) in runners.iter().enumerate() {
            let mips = counts[i] as f64 / medians[i] / 1e6;
            let mips = if counts[i] > 0 { format!("{mips:.0}") } else { String::new() };
            let ratio = peer.filter(|_| runner.name != "qemu").map(|p| p / medians[i]);
            let ratio = ratio.map_or(String::new(), |r| format!("{r:.2}"));
            let (name, seconds) = (runner.name, medians[i]);
            println!("{work:8} {name:12} {seconds:9.3} {mips:>8} {ratio:>8}");
        }
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
