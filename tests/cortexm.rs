//! Programs of the C library, exceptions, interrupts and devices on each Cortex-M board, built here
//! with Debian's cross compiler and run beside QEMU: the same output, and the same exit code.

use hetemu_testing::{root, tools};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const COMPILER: &str = "arm-none-eabi-gcc";
const QEMU: &str = "qemu-system-arm";

/// The program for a core, in a folder of the build.
fn build(name: &str, flags: &[&str]) -> PathBuf {
    build_from("main.c", name, flags)
}

fn build_from(source: &str, name: &str, flags: &[&str]) -> PathBuf {
    let file = |name: &str| {
        let mut command = Command::new(COMPILER);
        let out = command.args(flags).arg("-mthumb").arg(format!("-print-file-name={name}"));
        let out = out.output().expect("the compiler");
        String::from_utf8_lossy(&out.stdout).trim().to_string()
    };
    let guests = root().join("tests/guests/cortexm");
    let folder = root().join("target/cortexm");
    std::fs::create_dir_all(&folder).expect("a folder");
    let elf = folder.join(format!("{name}.elf"));
    let mut command = Command::new(COMPILER);
    command.args(flags).args(["-mthumb", "-O2", "--specs=rdimon.specs", "-nostartfiles", "-T"]);
    command.arg(guests.join("link.ld")).arg(file("crti.o")).arg(guests.join(source));
    command.args([file("rdimon-crt0.o"), file("crtn.o")]);
    command.args(["-u", "_printf_float", "-lm", "-o"]).arg(&elf);
    let done = command.output().expect("the compiler");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    elf
}

fn hetemu(machine: &str, elf: &Path, engine: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hetemu"));
    command.current_dir(root()).args(["run", machine, "--semihosting", "--image"]).arg(elf);
    command.args(engine).output().expect("hetemu")
}

fn qemu(machine: &str, elf: &Path) -> Output {
    let mut command = Command::new(QEMU);
    command.args(["-M", machine, "-semihosting", "-display", "none", "-monitor", "none"]);
    command.args(["-serial", "null", "-kernel"]).arg(elf).output().expect("QEMU")
}

#[test]
fn boards_do_what_qemus_do() {
    if !tools(&[COMPILER, QEMU]) {
        return;
    }
    let m3 = build("m3", &["-mcpu=cortex-m3"]);
    let m4 = build("m4", &["-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"]);
    let m7 = build("m7", &["-mcpu=cortex-m7", "-mfloat-abi=hard", "-mfpu=fpv5-d16"]);
    let rows =
        [("mps2-an385", &m3), ("mps2-an386", &m4), ("mps2-an500", &m7), ("netduinoplus2", &m4)];
    for (machine, elf) in rows {
        let want = qemu(machine, elf);
        let text = String::from_utf8_lossy(&want.stdout);
        assert_eq!(want.status.code(), Some(7), "{machine} under QEMU: {text}");
        let tiers: [&[&str]; 4] =
            [&[], &["--jit", "off"], &["--tier-up", "1"], &["--tier-up", "1", "--tier-two", "0"]];
        for engine in tiers {
            let found = hetemu(machine, elf, engine);
            let shown = String::from_utf8_lossy(&found.stdout);
            assert_eq!(shown, text, "{machine} {engine:?}");
            assert_eq!(found.status.code(), Some(7), "{machine} {engine:?}");
        }
    }
    // QEMU's board answers everywhere; the real one has bus errors.
    let found = hetemu("lm3s6965evb", &m3, &[]);
    let shown = String::from_utf8_lossy(&found.stdout);
    let last = shown.lines().last().unwrap_or_default();
    assert_eq!((last, found.status.code()), ("control 0", Some(7)), "{shown}");
    assert!(shown.contains("order 100 200 101 14\n"), "{shown}");
    assert!(shown.contains("bus 2\n"), "{shown}");
}

/// Timers, watchdog, serial ports, converter, system control and Ethernet through their registers.
#[test]
fn devices_do_what_qemus_do() {
    if !tools(&[COMPILER, QEMU]) {
        return;
    }
    let m3 = "-mcpu=cortex-m3";
    let mps2 = build_from("boards.c", "mps2", &[m3]);
    let mps2_m7 = build_from("boards.c", "mps2-m7", &["-mcpu=cortex-m7", "-DENET_BASE=0xA0000000"]);
    let lm3s = build_from("boards.c", "lm3s", &[m3, "-DSTELLARIS"]);
    let rows = [
        ("mps2-an385", &mps2),
        ("mps2-an386", &mps2),
        ("mps2-an500", &mps2_m7),
        ("lm3s6965evb", &lm3s),
    ];
    for (machine, elf) in rows {
        let want = qemu(machine, elf);
        let text = String::from_utf8_lossy(&want.stdout);
        assert_eq!(want.status.code(), Some(9), "{machine} under QEMU: {text}");
        for engine in [&[][..], &["--jit", "off"]] {
            let found = hetemu(machine, elf, engine);
            let shown = String::from_utf8_lossy(&found.stdout);
            assert_eq!(shown, text, "{machine} {engine:?}");
            assert_eq!(found.status.code(), Some(9), "{machine} {engine:?}");
        }
    }
}

/// A question to the network and its answer, through both kinds of Ethernet controller.
#[test]
fn boards_talk_to_the_network() {
    if !tools(&[COMPILER]) {
        return;
    }
    let m3 = ["-mcpu=cortex-m3", "-DARP"];
    let rows = [
        ("mps2-an385", build_from("boards.c", "mps2-arp", &m3)),
        ("lm3s6965evb", build_from("boards.c", "lm3s-arp", &[&m3[..], &["-DSTELLARIS"]].concat())),
    ];
    for (machine, elf) in rows {
        let found = hetemu(machine, &elf, &["--plug", "net0=user,restrict=on", "--timeout", "60s"]);
        let shown = String::from_utf8_lossy(&found.stdout);
        // To this station, ARP, a reply, of 10.0.2.2, to this station.
        let want = "answer 5452 56341200 608 2000406 a 202 5452 56341200\n";
        assert_eq!((&*shown, found.status.code()), (want, Some(9)), "{machine}");
    }
}

/// The clock tree and what follows it, flash, pins and interrupts of the STM32F405: QEMU has no
/// clocks there, so what must come is known from the manual.
#[test]
fn an_stm32_follows_its_clocks() {
    if !tools(&[COMPILER]) {
        return;
    }
    let flags = ["-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"];
    let elf = build_from("stm32.c", "stm32", &flags);
    let line = "x".repeat(100);
    let want = format!(
        "slow 100\nfast 100\nticks 5\nedges 3\nflash ffffffff 12345678 80\ni2c 1 400\n\
         {line}line 87\ncore 100f6413\n"
    );
    for engine in [&[][..], &["--jit", "off"], &["--tier-up", "1"]] {
        let found = hetemu("netduinoplus2", &elf, engine);
        let shown = String::from_utf8_lossy(&found.stdout);
        assert_eq!((shown.as_ref(), found.status.code()), (want.as_str(), Some(5)), "{engine:?}");
    }
}

/// Armv6-M and Armv8-M have no shipped board: the program runs on one with just memory.
#[test]
fn other_cores_run_it_too() {
    if !tools(&[COMPILER, QEMU]) {
        return;
    }
    let rows = [
        ("cortex_m0", &["-mcpu=cortex-m0"][..], "undefined 1 00000000"),
        ("cortex_m33", &["-mcpu=cortex-m33", "-mfloat-abi=hard"], "undefined 1 00010000"),
    ];
    for (core, flags, undefined) in rows {
        let elf = build(core, flags);
        let machine = root().join(format!("target/cortexm/{core}.hm"));
        let text = format!(
            "hm 1\n\nmachine m\n\nplug serial0  : serial = stdio\nplug firmware : image\n\ncpu : arm.{core} {{ bus = main }}\n\n\
             bus main {{\n  0x0000_0000 + 256 KiB   flash : memory.rom {{ image = firmware }}\n  \
             0x2000_0000 +  64 KiB   sram  : memory.ram\n}}\n"
        );
        std::fs::write(&machine, text).expect("a text");
        for engine in [&[][..], &["--jit", "off"]] {
            let found = hetemu(&machine.to_string_lossy(), &elf, engine);
            let shown = String::from_utf8_lossy(&found.stdout);
            assert_eq!(found.status.code(), Some(7), "{core}: {shown}");
            assert!(shown.starts_with("sorted 541 746998381 91.000000\n"), "{core}: {shown}");
            assert!(shown.contains("calls 2 nested 1 order 100 200 101 14\n"), "{core}: {shown}");
            assert!(shown.contains(undefined), "{core}: {shown}");
        }
    }
}
