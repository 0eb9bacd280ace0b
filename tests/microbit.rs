//! MicroPython, as others built it, on the micro:bit: sessions at its prompt. Version 1 is run
//! beside QEMU, which has that board, with the same output.
//!
//! The image is the one that uFlash carries; `.ci/run` fetches it.

use hetemu_testing::{have, root};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

const QEMU: &str = "qemu-system-arm";
/// Longest wait for a prompt.
const PATIENCE: Duration = Duration::from_secs(60);

/// The Universal Hex file, written where it can be run from; a run that must have it fails without.
fn image() -> Option<PathBuf> {
    let folder = root().join("target/microbit");
    let source = std::fs::read_to_string(folder.join("uflash.py")).ok();
    let hex =
        source.as_deref().and_then(|s| s.split("_RUNTIME = \"\"\"").nth(1)?.split('"').next());
    have(hex.is_some(), "target/microbit/uflash.py");
    let hex = hex?;
    let file = folder.join("micropython.hex");
    std::fs::write(&file, hex).expect("a file");
    Some(file)
}

/// The program of version 1 alone, for QEMU: a Universal Hex has those of the boards in order.
fn of_version_1(universal: &Path) -> PathBuf {
    let text = std::fs::read_to_string(universal).expect("the image");
    let kind = |line: &str| line.get(7..9).map(str::to_string).unwrap_or_default();
    let lines = text.lines().take_while(|line| kind(line) != "0B");
    let mut out: Vec<&str> = lines.filter(|line| !["0A", "0C"].contains(&&*kind(line))).collect();
    out.push(":00000001FF");
    let file = universal.with_file_name("v1.hex");
    std::fs::write(&file, out.join("\n")).expect("a file");
    file
}

/// What a session at the prompt shows.
fn session(mut command: Command, lines: &str) -> String {
    let streams = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let mut child = streams.spawn().expect("a program that starts");
    let (mut to, mut from) =
        (child.stdin.take().expect("its input"), child.stdout.take().expect("its output"));
    let (tell, heard) = mpsc::channel();
    std::thread::spawn(move || {
        let mut piece = [0; 4096];
        while let Ok(n @ 1..) = from.read(&mut piece) {
            if tell.send(piece[..n].to_vec()).is_err() {
                return;
            }
        }
    });
    let mut shown = Vec::new();
    let wait = |shown: &mut Vec<u8>, ends: &[&[u8]]| {
        let begin = shown.len();
        loop {
            let new = shown.get(begin..).unwrap_or_default();
            if ends.iter().any(|end| new.ends_with(end)) {
                return true;
            }
            match heard.recv_timeout(PATIENCE) {
                Ok(bytes) => shown.extend(bytes),
                Err(_) => return false,
            }
        }
    };
    let prompts: [&[u8]; 2] = [b"\n>>> ", b"\n... "];
    let mut there = wait(&mut shown, &prompts);
    for line in lines.lines() {
        // Its buffer is small: each piece waits for the echo of the one before.
        for piece in line.as_bytes().chunks(16) {
            to.write_all(piece).expect("a program that listens");
            there = there && wait(&mut shown, &[piece]);
        }
        to.write_all(b"\r").expect("a program that listens");
        there = there && wait(&mut shown, &prompts);
    }
    let _ = child.kill();
    let _ = child.wait();
    let shown = String::from_utf8_lossy(&shown).replace('\r', "");
    assert!(there, "no prompt comes: {shown}");
    shown
}

fn hetemu(machine: &str, image: &Path, engine: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hetemu"));
    command.current_dir(root()).args(["run", machine, "--image"]).arg(image).args(engine);
    command
}

fn guest(name: &str) -> PathBuf {
    root().join("tests/guests/microbit").join(name)
}

/// Holds what a session of `NAME.txt` shows against `NAME.out`.
fn as_before(name: &str, shown: &str) {
    let file = guest(&format!("{name}.out"));
    if std::env::var_os("HETEMU_BLESS").is_some() {
        std::fs::write(&file, shown).expect("a golden");
    }
    let want = std::fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(shown, want, "{}", file.display());
}

#[test]
fn version_1_is_as_qemus() {
    let Some(image) = image() else { return };
    let lines = std::fs::read_to_string(guest("v1.txt")).expect("the session");
    for engine in [&[][..], &["--jit", "off"], &["--tier-up", "1"]] {
        as_before("v1", &session(hetemu("microbit", &image, engine), &lines));
    }
    if Command::new(QEMU).arg("--version").output().is_ok() {
        let loader = format!("loader,file={}", of_version_1(&image).display());
        let mut command = Command::new(QEMU);
        command.args(["-M", "microbit", "-device", &loader, "-serial", "stdio"]);
        command.args(["-display", "none", "-monitor", "none"]);
        as_before("v1", &session(command, &lines));
    }
}

/// QEMU does not have this board: the nRF52833 with Nordic's boot loader and SoftDevice.
#[test]
fn version_2_comes_up() {
    let Some(image) = image() else { return };
    let lines = std::fs::read_to_string(guest("v2.txt")).expect("the session");
    as_before("v2", &session(hetemu("microbit-v2", &image, &[]), &lines));
}

/// Wires between pins: the edge connector, and a button that a pin presses.
#[test]
fn pins_are_wires() {
    let Some(image) = image() else { return };
    let lines = std::fs::read_to_string(guest("looped.txt")).expect("the session");
    let machine = guest("looped.hm");
    as_before("looped", &session(hetemu(&machine.to_string_lossy(), &image, &[]), &lines));
}
