//! Several cores: in turn and in parallel they keep the rules of one memory, and a machine ends,
//! hangs and starts again as it does with one.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

fn run(arguments: &[&str]) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut command = Command::new(env!("CARGO_BIN_EXE_hetemu"));
    command.current_dir(root).args(["run", "machines/riscv-virt.hm", "--set", "cpus=4"]);
    command.args(arguments).stdin(Stdio::null());
    command.output().expect("hetemu runs")
}

const PASS: &str = "counters ok\nlocks ok\nmessages ok\nbuffers ok\npatches ok\nCORES PASS\n";

fn cores(bits: &str, more: &[&str]) {
    let core = format!("cpu=riscv.rv{bits}");
    let image = format!("machines/firmware/riscv-virt/cores-rv{bits}.elf");
    let out = run(&[&["--set", &core, "--image", &image, "--timeout", "600s"], more].concat());
    let text = String::from_utf8_lossy(&out.stdout).replace('\r', "");
    let errors = String::from_utf8_lossy(&out.stderr);
    assert_eq!(text, format!("cores: 4 harts, RV{bits}\n{PASS}"), "{more:?}\n{errors}");
    assert_eq!(out.status.code(), Some(0), "{more:?}\n{errors}");
}

#[test]
fn in_turn() {
    cores("64", &[]);
    cores("32", &["--tier-up", "5", "--tier-two", "50"]);
}

#[test]
fn in_short_turns() {
    // Shorter than the loops that hold reservations.
    cores("64", &["--set", "machine.quantum=37ns", "--tier-up", "5"]);
}

#[test]
fn in_turn_without_compiled_code() {
    cores("64", &["--jit", "off"]);
}

#[test]
fn in_parallel() {
    cores("64", &["--parallel"]);
    cores("64", &["--parallel", "--tier-up", "5", "--tier-two", "20"]);
    cores("32", &["--parallel"]);
}

#[test]
fn in_parallel_without_compiled_code() {
    cores("64", &["--parallel", "--jit", "off"]);
}

#[test]
fn harts_wake_each_other() {
    let demo = "machines/firmware/riscv-virt/demo-rv64.elf";
    for _ in 0..5 {
        let out = run(&["--image", demo, "--parallel", "--timeout", "100s"]);
        let text = String::from_utf8_lossy(&out.stdout);
        for hart in 0..4 {
            assert!(text.contains(&format!("hart {hart}: hello")), "{text}");
        }
        assert_eq!(out.status.code(), Some(0), "{text}");
    }
}

#[test]
fn the_host_can_end_a_run() {
    // An endless loop on every hart: j .
    let file = std::env::temp_dir().join(format!("hetemu-{}-loop.bin", std::process::id()));
    std::fs::write(&file, 0x6fu32.to_le_bytes()).expect("a file");
    let image = format!("firmware={}", file.display());
    let began = Instant::now();
    let out = run(&["--plug", &image, "--parallel", "--timeout", "3s"]);
    let vtime = run(&["--plug", &image, "--parallel", "--vtimeout", "300ms"]);
    let _ = std::fs::remove_file(&file);
    assert_eq!((out.status.code(), vtime.status.code()), (Some(4), Some(4)));
    let errors = String::from_utf8_lossy(&out.stderr);
    assert!(errors.contains("hart[3] runs at 0x8000_0000"), "{errors}");
    assert!(began.elapsed() < Duration::from_secs(60));
}

#[test]
fn sleepers_that_nothing_wakes_hang() {
    // wfi; j back to it.
    let file = std::env::temp_dir().join(format!("hetemu-{}-wfi.bin", std::process::id()));
    let code: Vec<u8> =
        [0x1050_0073u32, 0xffdf_f06f].iter().flat_map(|w| w.to_le_bytes()).collect();
    std::fs::write(&file, code).expect("a file");
    let image = format!("firmware={}", file.display());
    let out = run(&["--plug", &image, "--parallel", "--timeout", "100s"]);
    let _ = std::fs::remove_file(&file);
    let errors = String::from_utf8_lossy(&out.stderr);
    assert!(errors.contains("E1101"), "{errors}");
    assert_eq!(out.status.code(), Some(5), "{errors}");
}

#[test]
fn what_needs_an_order_is_refused() {
    let demo = "machines/firmware/riscv-virt/demo-rv64.elf";
    let out = run(&["--image", demo, "--parallel", "--trace", "irq", "--timeout", "100s"]);
    let errors = String::from_utf8_lossy(&out.stderr);
    assert!(errors.contains("E1010"), "{errors}");
    assert_eq!(out.status.code(), Some(2));
}
