//! `run --sandbox`: runs are the same under it, and the process really is confined while it runs.

#![cfg(target_os = "linux")]

use std::io::{Read, Write};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

fn run(args: &[&str]) -> Output {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut command = Command::new(env!("CARGO_BIN_EXE_hetemu"));
    command.current_dir(root).arg("run").args(args).stdin(Stdio::null());
    command.output().expect("hetemu runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn runs_are_the_same() {
    let talk = ["opentitan", "--expect", "> ", "--send", "exit 7\\r", "--vtimeout", "5s"];
    for more in [&["--jit", "on", "--tier-up", "2", "--tier-two", "50"][..], &["--jit", "off"]] {
        let runs = ["off", "auto", "on"].map(|mode| {
            let sandbox = format!("--sandbox={mode}");
            let mut args = talk.to_vec();
            args.extend(more);
            args.push(&sandbox);
            let out = run(&args);
            (out.status.code(), text(&out.stdout), text(&out.stderr))
        });
        assert_eq!(runs[0].0, Some(7), "{runs:?}");
        assert_eq!(runs[0], runs[1]);
        assert_eq!(runs[0].1, runs[2].1);
    }
}

#[test]
fn what_stays_open_is_told() {
    let folder = env!("CARGO_TARGET_TMPDIR");
    let coverage = format!("{folder}/sandbox.drcov");
    let _ = std::fs::remove_file(&coverage);
    let talk = ["opentitan", "--expect", "> ", "--vtimeout", "5s", "--sandbox", "--coverage"];
    let out = run(&[&talk[..], &[&coverage]].concat());
    let told = text(&out.stderr);
    assert_eq!(out.status.code(), Some(0), "{told}");
    assert!(told.contains(&format!("the run needs writing {coverage}")), "{told}");
    assert!(std::fs::metadata(&coverage).is_ok_and(|m| m.len() > 0), "the coverage was written");
    let out = run(&["--preconfig", "--qmp", "stdio", "--sandbox=on"]);
    assert_eq!(out.status.code(), Some(2), "{}", text(&out.stderr));
}

/// The kernel's own word for it, of a run that waits.
#[test]
fn the_kernel_says_so() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_hetemu"))
        .args(["run", "opentitan", "--pace", "host"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("hetemu runs");
    let mut seen = Vec::new();
    let mut out = child.stdout.take().expect("a pipe");
    let begun = Instant::now();
    while !text(&seen).contains("> ") && begun.elapsed() < Duration::from_secs(60) {
        let mut some = [0; 256];
        let n = out.read(&mut some).expect("output");
        seen.extend_from_slice(&some[..n]);
    }
    let tasks = std::fs::read_dir(format!("/proc/{}/task", child.id())).expect("threads");
    let modes: Vec<String> = tasks
        .flatten()
        .map(|t| std::fs::read_to_string(t.path().join("status")).unwrap_or_default())
        .filter_map(|s| Some(s.lines().find(|l| l.starts_with("Seccomp:"))?.to_string()))
        .collect();
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(b"exit 5\r").expect("a line");
    drop(input);
    assert_eq!(child.wait().expect("an end").code(), Some(5));
    assert!(!modes.is_empty());
    // 2: filtered.
    assert!(modes.iter().all(|m| m.ends_with('2')), "{modes:?}");
}
