//! `run --stats`: times and counts of a run, for people and for programs.

use crate::cli::Format;
use hetemu_engine::Stats;
use hetemu_hw::time::SECOND;
use hetemu_machine::{Running, TrapCount};
use serde_json::{Value, json};
use std::io::Write;
use std::time::{Duration, Instant};

/// Times of a start.
pub(super) struct Timing {
    pub(super) started: Instant,
    pub(super) checked: Duration,
    pub(super) ready: Duration,
    /// The host's monotonic clock at the first instruction, so that a parent process can measure
    /// from before it started us.
    pub(super) first_ns: u64,
}

/// The host's monotonic clock.
pub(super) fn monotonic_ns() -> u64 {
    clock(rustix::time::ClockId::Monotonic)
}

fn clock(id: rustix::time::ClockId) -> u64 {
    let t = rustix::time::clock_gettime(id);
    (t.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(t.tv_nsec as u64)
}

/// The most memory that this process had, in bytes, if the host says so.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// Prints to standard error.
pub(super) fn print(machine: &Running, timing: &Timing, format: Format) {
    let total = timing.started.elapsed();
    let run = total.saturating_sub(timing.ready);
    let cpu_ns = clock(rustix::time::ClockId::ProcessCPUTime);
    let text = match format {
        Format::Json => format!("{}\n", as_json(machine, timing, run, cpu_ns)),
        Format::Text => as_text(machine, timing, run, cpu_ns),
    };
    let _ = std::io::stderr().write_all(text.as_bytes());
}

fn mips(machine: &Running, run: Duration) -> f64 {
    machine.retired() as f64 / run.as_secs_f64().max(1e-9) / 1e6
}

fn as_json(machine: &Running, timing: &Timing, run: Duration, cpu_ns: u64) -> Value {
    let engine = machine.engine_stats().into_iter().map(|(name, s)| {
        json!({
            "cluster": name,
            "interpreted_insns": s.interpreted_insns,
            "compiled_insns": s.compiled_insns,
            "blocks": s.blocks,
            "templates": s.templates,
            "regions": s.regions,
            "evicted": s.evicted,
            "region_insns": s.region_insns,
            "code_bytes": s.code_bytes,
            "compile_us": s.compile_ns / 1000,
            "invalidated": s.invalidated,
            "exits": {
                "lookup": s.exits_lookup,
                "budget": s.exits_budget,
                "helper": s.exits_helper,
                "refused": s.exits_refused,
            },
            "tlb_misses": s.tlb_misses,
            "tlb_flushes": s.tlb_flushes,
            "helpers": s.helpers,
            "exceptions": s.exceptions,
            "interrupts": s.interrupts,
            "device_accesses": s.device_accesses,
        })
    });
    let traps = machine.trap_counts().into_iter().map(|t| {
        json!({"core": t.core, "kind": if t.interrupt { "interrupt" } else { "exception" },
            "cause": t.cause, "name": t.name, "count": t.count})
    });
    let devices = machine
        .device_counts()
        .into_iter()
        .map(|(name, reads, writes)| json!({"device": name, "reads": reads, "writes": writes}));
    json!({
        "check_us": timing.checked.as_micros() as u64,
        "start_us": timing.ready.as_micros() as u64,
        "first_instruction_monotonic_ns": timing.first_ns,
        "run_us": run.as_micros() as u64,
        "cpu_us": cpu_ns / 1000,
        "peak_memory_bytes": peak_memory(),
        "instructions": machine.retired(),
        "mips": (mips(machine, run) * 10.0).round() / 10.0,
        "virtual_ps": machine.now(),
        "resets": machine.resets(),
        "engine": engine.collect::<Vec<_>>(),
        "traps": traps.collect::<Vec<_>>(),
        "devices": devices.collect::<Vec<_>>(),
    })
}

fn as_text(machine: &Running, timing: &Timing, run: Duration, cpu_ns: u64) -> String {
    let ms = |d: Duration| d.as_secs_f64() * 1e3;
    let mut out = format!(
        "start      {:.2} ms to the first instruction, {:.2} ms of it for reading and checking\n",
        ms(timing.ready),
        ms(timing.checked)
    );
    out.push_str(&format!(
        "run        {:.3} s, {} instructions, {:.1} MIPS, {:.6} s of virtual time\n",
        run.as_secs_f64(),
        grouped(machine.retired()),
        mips(machine, run),
        machine.now() as f64 / SECOND as f64
    ));
    let memory = match peak_memory() {
        Some(n) => format!(", {:.1} MiB of memory at most", n as f64 / f64::from(1 << 20)),
        None => String::new(),
    };
    out.push_str(&format!("host       {:.3} s of processor time{memory}\n", cpu_ns as f64 / 1e9));
    for (name, s) in machine.engine_stats() {
        out.push_str(&format!("{name}\n"));
        for (label, text) in cluster(&s) {
            out.push_str(&format!("  {label:13}{text}\n"));
        }
    }
    traps(&mut out, &machine.trap_counts());
    let devices = machine.device_counts();
    if !devices.is_empty() {
        out.push_str("devices\n");
    }
    let wide = devices.iter().map(|d| d.0.chars().count()).max().unwrap_or(0).max(12);
    for (name, reads, writes) in devices {
        let (reads, writes) = (grouped(reads), grouped(writes));
        out.push_str(&format!("  {name:wide$} {reads:>13} reads {writes:>13} writes\n"));
    }
    out
}

fn cluster(s: &Stats) -> Vec<(&'static str, String)> {
    let all = (s.interpreted_insns + s.compiled_insns).max(1);
    let percent = |n: u64| n as f64 * 100.0 / all as f64;
    let mut out = vec![
        (
            "interpreted",
            format!(
                "{:>13} instructions {:5.1} %",
                grouped(s.interpreted_insns),
                percent(s.interpreted_insns)
            ),
        ),
        (
            "compiled",
            format!(
                "{:>13} instructions {:5.1} %",
                grouped(s.compiled_insns),
                percent(s.compiled_insns)
            ),
        ),
        (
            "blocks",
            format!(
                "{:>13} translated, {} compiled by templates, {} dropped by writes",
                grouped(s.blocks),
                grouped(s.templates),
                grouped(s.invalidated)
            ),
        ),
    ];
    if s.regions + s.templates > 0 {
        out.push((
            "regions",
            format!(
                "{:>13} of {} instructions, {} evicted",
                grouped(s.regions),
                grouped(s.region_insns),
                grouped(s.evicted)
            ),
        ));
        out.push((
            "code",
            format!(
                "{:>13.1} KiB, {:.1} ms to compile",
                s.code_bytes as f64 / 1024.0,
                s.compile_ns as f64 / 1e6
            ),
        ));
        let exits = s.exits_lookup + s.exits_budget + s.exits_helper + s.exits_refused;
        out.push((
            "exits",
            format!(
                "{:>13} of compiled code: {} lookup, {} budget, {} helper, {} refused",
                grouped(exits),
                grouped(s.exits_lookup),
                grouped(s.exits_budget),
                grouped(s.exits_helper),
                grouped(s.exits_refused)
            ),
        ));
    }
    let tlb = format!("{:>13} misses, {} flushes", grouped(s.tlb_misses), grouped(s.tlb_flushes));
    out.push(("tlb", tlb));
    out.push(("helpers", format!("{:>13} calls", grouped(s.helpers))));
    out
}

fn traps(out: &mut String, counts: &[TrapCount]) {
    let mut core = "";
    for t in counts {
        if core != t.core {
            out.push_str(&format!("traps of {}\n", t.core));
            core = &t.core;
        }
        let kind = if t.interrupt { "interrupt" } else { "exception" };
        out.push_str(&format!("  {kind:12} {:>13} {} ({})\n", grouped(t.count), t.name, t.cause));
    }
}

/// 1234567 as `1_234_567`.
fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push('_');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped() {
        let all = [0, 7, 999, 1000, 1_234_567].map(grouped);
        assert_eq!(all, ["0", "7", "999", "1_000", "1_234_567"]);
    }
}
