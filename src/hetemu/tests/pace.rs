//! Whose clock an idle machine follows: a program that sleeps until its timer and powers off.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Sleeps until the timer says `pages` * 4096 (of 100 ns), then writes "pass" to the finisher.
fn sleeper(pages: u32) -> [u32; 11] {
    [
        0x0200_42b7,               // lui   t0, 0x2004      mtimecmp of hart 0
        pages << 12 | 0x0000_0337, // lui   t1, pages
        0x0062_b023,               // sd    t1, (t0)
        0x0800_0393,               // li    t2, 128         MTIE
        0x3043_9073,               // csrw  mie, t2
        0x1050_0073,               // wfi
        0x0010_02b7,               // lui   t0, 0x100       finisher
        0x0000_5337,               // lui   t1, 5
        0x5553_0313,               // addi  t1, t1, 0x555
        0x0062_a023,               // sw    t1, (t0)
        0x0000_006f,               // j     .
    ]
}

/// How long it takes on the host, with nothing on standard input.
#[track_caller]
fn sleep(pages: u32, arguments: &[&str]) -> Duration {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("sleep{pages}.bin"));
    let bytes: Vec<u8> = sleeper(pages).iter().flat_map(|w| w.to_le_bytes()).collect();
    std::fs::write(&path, bytes).expect("the test folder is writable");
    let start = Instant::now();
    let out = Command::new(env!("CARGO_BIN_EXE_hetemu"))
        .args(["run", "riscv-virt", "--timeout", "100s", "--image"])
        .arg(&path)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("hetemu runs");
    let errors = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(0), "{arguments:?}: {errors}");
    start.elapsed()
}

/// Half a second, and three minutes.
const SHORT: u32 = 0x4c5;
const LONG: u32 = 0x7_0000;

#[test]
fn nobody_there_nobody_waits() {
    sleep(LONG, &[]);
    sleep(LONG, &["--pace", "free", "--plug", "net0=user"]);
    sleep(LONG, &["--plug", "net0=user,restrict=on"]);
}

#[test]
fn the_host_s_clock_is_followed() {
    for arguments in [&["--pace", "host"][..], &["--plug", "net0=user"]] {
        let took = sleep(SHORT, arguments);
        assert!(took >= Duration::from_millis(450), "{arguments:?}: {took:?}");
    }
}
