//! Measures the start of a machine: from just before the process is made to its first instruction.
//!
//!     cargo build --release && cargo run --release --example startup [MACHINE] [RUNS]
//!
//! The child says when it ran its first instruction on the host's monotonic clock (`--stats
//! --format json`), which this process reads before it starts the child.

use std::process::{Command, ExitCode, Stdio};

fn now_ns() -> u64 {
    let t = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    (t.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(t.tv_nsec as u64)
}

fn once(hetemu: &std::path::Path, machine: &str) -> Option<(f64, f64)> {
    let before = now_ns();
    let out = Command::new(hetemu)
        .args(["run", machine, "--vtimeout", "1us", "--stats", "--format", "json"])
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&out.stderr);
    let line = text.lines().find(|l| l.starts_with('{'))?;
    let json: serde_json::Value = serde_json::from_str(line).ok()?;
    let first = json.get("first_instruction_monotonic_ns")?.as_u64()?;
    let check = json.get("check_us")?.as_u64()?;
    Some((first.saturating_sub(before) as f64 / 1e6, check as f64 / 1e3))
}

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let machine = args.next().unwrap_or_else(|| String::from("opentitan"));
    let runs: usize = args.next().and_then(|n| n.parse().ok()).unwrap_or(50);
    let Some(hetemu) = std::env::current_exe()
        .ok()
        .and_then(|exe| Some(exe.parent()?.parent()?.join("hetemu")))
        .filter(|p| p.is_file())
    else {
        eprintln!("build the program first: cargo build --release");
        return ExitCode::from(2);
    };
    let mut times: Vec<(f64, f64)> = (0..runs).filter_map(|_| once(&hetemu, &machine)).collect();
    if times.is_empty() {
        eprintln!("`hetemu run {machine}` does not start");
        return ExitCode::FAILURE;
    }
    times.sort_by(|a, b| a.0.total_cmp(&b.0));
    let at =
        |q: f64| times.get(((times.len() - 1) as f64 * q) as usize).copied().unwrap_or_default();
    println!(
        "{machine}: process start to first instruction, {} runs: best {:.2} ms, median {:.2} ms, \
         90% {:.2} ms (checked after {:.2} ms of it)",
        times.len(),
        at(0.0).0,
        at(0.5).0,
        at(0.9).0,
        at(0.5).1
    );
    ExitCode::SUCCESS
}
