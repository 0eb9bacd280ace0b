//! Several instruction sets in one machine: `trio`, whose three programs pass messages round, and
//! `babel`, in which every instruction set that there is works at once.

use hetemu::{Builder, Stop};
use hetemu_machine::Outcome;
use hetemu_testing::root;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

const PASS: &str = "\
trio: 4 harts of RV64, a Cortex-M4, a big-endian MIPS core
m4: up
rv: got 256, wrong 0
m4: passed 256, wrong 0
be: passed 256, wrong 0
counter 768 of 768
TRIO PASS
";

fn trio(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hetemu"));
    command.current_dir(root()).args(["run", "machines/trio.hm", "--timeout", "200s"]);
    command.args(arguments).stdin(Stdio::null()).output().expect("hetemu runs")
}

#[track_caller]
fn passes(arguments: &[&str]) {
    let out = trio(arguments);
    let text = String::from_utf8_lossy(&out.stdout).replace('\r', "");
    let errors = String::from_utf8_lossy(&out.stderr);
    assert_eq!(text, PASS, "{arguments:?}\n{errors}");
    assert_eq!(out.status.code(), Some(0), "{arguments:?}\n{errors}");
}

#[test]
fn trio_passes_on_every_engine() {
    passes(&[]);
    passes(&["--jit", "off"]);
    passes(&["--jit", "sync", "--tier-up", "1", "--tier-two", "20"]);
    passes(&["--jit", "sync", "--tier-two", "0"]);
}

#[test]
fn trio_passes_in_turns_of_any_length() {
    for quantum in ["50ns", "1us", "1ms"] {
        for jit in ["off", "sync"] {
            passes(&["--jit", jit, "--set", &format!("machine.quantum={quantum}")]);
        }
    }
}

#[test]
fn trio_is_the_same_every_time() {
    let trace = || {
        let out = trio(&["--trace", "state,mmio,irq,trap,wait,plug"]);
        assert_eq!(out.status.code(), Some(0));
        out.stderr
    };
    let first = trace();
    assert!(first.len() > 100_000, "hardly any trace: {}", String::from_utf8_lossy(&first));
    for n in 1..100 {
        assert!(trace() == first, "run {n} differs");
    }
}

#[test]
fn trio_passes_in_parallel_every_time() {
    for _ in 0..100 {
        passes(&["--parallel"]);
    }
}

const CORES: [&str; 8] = ["rv64", "rv32", "m0", "m4", "m33", "mips_b", "mips_l", "mips64"];

/// What can be seen of a core every few milliseconds: its registers, and its text in shared RAM.
type Seen = Vec<(Vec<(String, u64)>, Vec<u8>)>;

fn machine(jit: hetemu::Jit, only: Option<&str>) -> hetemu::Machine {
    let builder = match only {
        None => Builder::find(&root().join("machines/babel.hm").to_string_lossy()).expect("babel"),
        Some(core) => {
            let others = CORES.iter().filter(|c| **c != core);
            let removed: String = others
                .map(|c| {
                    let program = if c.starts_with("rv") { "ram" } else { "rom" };
                    let wires = if *c == "rv64" { "remove uart.irq\n" } else { "" };
                    format!("{wires}remove {c}\nremove {c}_{program}\n")
                })
                .collect();
            let text = format!("hm 1\nmachine alone extends babel\n{removed}");
            Builder::text("alone.hm", text)
        }
    };
    let mut builder = builder.jit(jit);
    builder.options().engine.tier_up = 4;
    builder.options().engine.tier_two = 1000;
    builder.build().unwrap_or_else(|e| panic!("{only:?}: {e}"))
}

fn watch(jit: hetemu::Jit, only: Option<&str>) -> Vec<Seen> {
    let mut machine = machine(jit, only);
    let cores: Vec<&str> = CORES.iter().copied().filter(|c| only.is_none_or(|o| o == *c)).collect();
    let mut seen = vec![Seen::new(); cores.len()];
    for _ in 0..12 {
        if let Stop::Ended(_) | Stop::Idle(_) = machine.run_for(Duration::from_millis(5)).unwrap() {
            break;
        }
        for (core, seen) in cores.iter().zip(&mut seen) {
            let id = machine.core(core).unwrap();
            let registers = machine.machine().unwrap().core_registers(id);
            let slot = CORES.iter().position(|c| c == core).unwrap_or(0) as u64 * 64;
            let at = machine.machine().unwrap().graph().clusters[id.cluster].name.clone();
            let shared = [0x2000_0000, 0x6000_0000, 0x1000_0000]
                .iter()
                .find_map(|base| machine.read_memory(&at, base + slot, 64).ok());
            seen.push((registers, shared.expect("shared RAM")));
        }
    }
    seen
}

#[track_caller]
fn as_alone(jit: hetemu::Jit) {
    let together = watch(jit, None);
    for (core, together) in CORES.iter().zip(&together) {
        let alone = watch(jit, Some(core)).remove(0);
        assert!(!alone.is_empty(), "{core} has done nothing");
        for (n, (a, b)) in alone.iter().zip(together).enumerate() {
            assert_eq!(a, b, "{core} after {} ms", 5 * (n + 1));
        }
    }
}

#[test]
fn every_instruction_set_at_once_as_each_alone() {
    as_alone(hetemu::Jit::Off);
    as_alone(hetemu::Jit::Sync);
}

#[test]
fn every_instruction_set_finds_the_same() {
    let mut machine = machine(hetemu::Jit::On, None);
    let code = machine.run_to_end(Duration::from_secs(2)).unwrap();
    let text = machine.output_on(Some("console")).unwrap();
    assert_eq!((code, machine.outcome()), (0, Some(Outcome::Exit(0))), "{text}");
    assert_eq!(text.lines().count(), CORES.len() + 1, "{text}");
    assert!(text.ends_with("BABEL PASS: 8 cores\r\n"), "{text}");
}

#[test]
fn an_application_processor_asks_a_microcontroller() {
    let uboot = "/usr/lib/u-boot/qemu-riscv64/u-boot.bin";
    if !hetemu_testing::files([uboot]) {
        return;
    }
    let mut machine = Builder::find(&root().join("machines/a-plus-m.hm").to_string_lossy())
        .and_then(|b| b.plug("firmware", uboot).build())
        .unwrap_or_else(|e| panic!("{e}"));
    let minute = Duration::from_secs(60);
    machine.expect_on(Some("serial0"), "stop autoboot", minute).unwrap();
    machine.send_on(Some("serial0"), "\r").unwrap();
    machine.expect_on(Some("serial0"), "=> ", minute).unwrap();
    // A word for the Cortex-M4, and a second later its answer and its heartbeats.
    machine.send_on(Some("serial0"), "mw.l 30000014 29; sleep 1; md.l 30000008 1\r").unwrap();
    machine.expect_on(Some("serial0"), "30000008: 0000002a", minute).unwrap();
    let log = machine.output_on(Some("rtos0")).unwrap();
    assert!(log.starts_with("m4: up\r\n") && log.contains("m4: beat 10\r\n"), "{log}");
}

#[test]
fn trio_goes_on_from_a_saved_state() {
    let trio = root().join("machines/trio.hm");
    let make = || Builder::find(&trio.to_string_lossy()).and_then(Builder::build).expect("trio");
    let second = Duration::from_secs(1);
    let mut machine = make();
    machine.run_for(Duration::from_micros(2345)).unwrap();
    let saved = machine.snapshot(None).unwrap();
    assert_eq!(machine.run_to_end(second).unwrap(), 0);
    let whole = (machine.time(), machine.instructions());
    // Another machine, which has not run, and the first one again.
    let mut other = make();
    for machine in [&mut other, &mut machine] {
        machine.restore(&saved).unwrap();
        assert_eq!(machine.run_to_end(second).unwrap(), 0);
        assert_eq!((machine.time(), machine.instructions()), whole);
    }
    assert!(other.output().unwrap().ends_with("TRIO PASS\r\n"));
}
