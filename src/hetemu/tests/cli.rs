//! Every command from outside: what it prints, and its exit code.

use hetemu_testing::root;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn hetemu(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hetemu"));
    command.current_dir(root()).args(args).stdin(Stdio::null());
    command.output().expect("hetemu runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A file of this test run.
fn file(name: &str, bytes: &[u8]) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, bytes).expect("the test folder is writable");
    path.display().to_string()
}

/// Arguments, exit code, what standard output and standard error contain.
#[track_caller]
fn expect(args: &[&str], code: i32, out: &[&str], err: &[&str]) -> String {
    let o = hetemu(args);
    let (stdout, stderr) = (text(&o.stdout), text(&o.stderr));
    let all = format!("{args:?}\n--- output:\n{stdout}\n--- errors:\n{stderr}");
    assert_eq!(o.status.code(), Some(code), "{all}");
    for (whole, wanted) in [(&stdout, out), (&stderr, err)] {
        for w in wanted {
            assert!(whole.contains(w), "`{w}` is missing: {all}");
        }
    }
    stdout
}

const OPENTITAN: &str = "machines/opentitan.hm";

#[test]
fn the_main_job() {
    let talk = ["--expect", "> ", "--send", "exit 7\\r", "--vtimeout", "5s"];
    let mut args = vec!["run", OPENTITAN, "--strict"];
    args.extend(talk);
    expect(&args, 7, &["hello: UART, PLIC and timer are up"], &[]);
    // Found by name from any folder, with its firmware.
    let o = Command::new(env!("CARGO_BIN_EXE_hetemu"))
        .current_dir(std::env::temp_dir())
        .args(["run", "opentitan"])
        .args(talk)
        .stdin(Stdio::null())
        .output()
        .expect("hetemu runs");
    assert_eq!(o.status.code(), Some(7), "{}", text(&o.stderr));
}

#[test]
fn scripts_and_limits() {
    expect(&["run", OPENTITAN, "--expect", "type h..p", "--vtimeout", "5s"], 0, &[], &[]);
    let missing = ["run", OPENTITAN, "--expect", "no such text", "--vtimeout", "100ms"];
    expect(&missing, 4, &["type help"], &["did not come: no such text", "ibex waits at", "main"]);
    expect(&["run", OPENTITAN, "--timeout", "200ms"], 4, &[], &["no end within 200ms"]);
    // The guest ends before the expectation is met.
    let early = ["run", OPENTITAN, "--expect", "> ", "--send", "exit 0\\r", "--expect", "more"];
    expect(&early, 4, &[], &["the guest ended"]);
}

#[test]
fn runs_are_the_same_every_time() {
    let args = [
        "run",
        OPENTITAN,
        "--expect",
        "> ",
        "--send",
        "ticks\\r",
        "--expect",
        "ticks, ",
        "--expect",
        "> ",
        "--send",
        "exit 3\\r",
        "--stats",
        "--format",
        "json",
    ];
    let run = || {
        let o = hetemu(&args);
        assert_eq!(o.status.code(), Some(3));
        let line = text(&o.stderr).lines().find(|l| l.starts_with('{')).map(str::to_string);
        let stats: serde_json::Value = serde_json::from_str(&line.unwrap_or_default()).unwrap();
        (text(&o.stdout), stats["instructions"].clone(), stats["virtual_ps"].clone())
    };
    let first = run();
    assert!(first.1.as_u64().is_some_and(|n| n > 100_000), "{first:?}");
    assert_eq!(first, run());
}

#[test]
fn check_prints_a_line_a_machine() {
    let all = ["check", OPENTITAN, "machines/riscv-virt.hm", "machines/opentitan-earlgrey.hm"];
    let out = expect(&all, 0, &["opentitan      ok    7 parts", "checked 3 machines in"], &[]);
    assert_eq!(out.lines().count(), 4, "{out}");
    expect(&["check", "riscv-virt", "--set", "cpu=rv32", "--set", "cpus=4"], 0, &["ok"], &[]);
    expect(&["check", "riscv-virt", "--set", "cpu=rv128"], 1, &["1 error"], &["rv128"]);
    expect(&["check", "/no/such/file.hm"], 2, &[], &["/no/such/file.hm"]);

    let row = "bus m {\n  0 + 4 GB ram : memory.ram\n}\n";
    let text = format!("hm 1\nmachine bad\nc : lowrisc.ibex {{ bus = m }}\n{row}");
    let bad = file("bad.hm", text.as_bytes());
    expect(&["check", &bad], 1, &["error"], &["E0201", "GiB"]);
    let json = expect(&["check", &bad, "--format", "json"], 1, &["E0201"], &[]);
    for line in json.lines() {
        let one: serde_json::Value = serde_json::from_str(line).expect("an object a line");
        assert!(one["code"].is_string() && one["spans"].is_array(), "{line}");
    }
    expect(&["check", &bad, "--format", "github"], 1, &["::error file=", "title=E0201"], &[]);
}

#[test]
fn check_places_images() {
    let good = "machines/firmware/opentitan/hello.elf";
    expect(&["check", OPENTITAN, "--image", good], 0, &[], &[]);
    let other = "machines/firmware/riscv-virt/demo-rv32.elf";
    expect(&["check", OPENTITAN, "--image", other], 1, &[], &["E0903", "nearest memory"]);
    for (format, parts) in [
        ("json", &["\"code\":\"E0903\"", "nearest memory", "\"view\":\"ibex\""][..]),
        ("sarif", &["\"ruleId\": \"E0903\"", "sees as unmapped"]),
        ("github", &["::error file=", "title=E0903"]),
        ("junit", &["<failure", "E0903"]),
    ] {
        expect(&["check", OPENTITAN, "--image", other, "--format", format], 1, parts, &[]);
        let found = expect(&["check", OPENTITAN, "--image", good, "--format", format], 0, &[], &[]);
        assert!(!found.contains("E0903\""), "{found}");
    }
    expect(&["run", OPENTITAN, "--image", other], 1, &[], &["E0903", "nearest memory"]);
    let wide = "machines/firmware/riscv-virt/demo-rv64.elf";
    expect(&["run", OPENTITAN, "--image", wide], 1, &[], &["E1008", "64-bit"]);
    expect(&["run", OPENTITAN, "--image", "/no/such.elf"], 2, &[], &["E1003", "/no/such.elf"]);
    expect(&["run", "malta", "--image", "kernel=/x"], 2, &[], &["E1003", "--plug kernel=/x"]);
    let odd = file("odd.elf", b"\x7fELF\x02\x01\x01 and no more");
    expect(&["run", OPENTITAN, "--image", &odd], 2, &[], &["E1003", "ELF"]);
}

#[test]
fn graphs_in_every_form() {
    let view = ["0x1000_0000 .. 0x1000_FFFF", "memory.ram", "lowrisc.uart"];
    expect(&["graph", OPENTITAN, "--view", "ibex"], 0, &view, &[]);
    expect(&["graph", OPENTITAN, "--view", "nobody"], 2, &[], &["ibex"]);
    expect(
        &["graph", OPENTITAN, "--irq"],
        0,
        &["uart.rx_watermark -> plic[2] -> ibex.external"],
        &[],
    );
    expect(&["graph", OPENTITAN, "--clocks"], 0, &["50 MHz"], &[]);
    expect(&["graph", OPENTITAN, "--dot"], 0, &["digraph"], &[]);
    expect(&["graph", OPENTITAN, "--mermaid"], 0, &["uart"], &[]);
    expect(&["graph", OPENTITAN, "--svg"], 0, &["<svg", "</svg>"], &[]);
    expect(&["graph", OPENTITAN, "--svg=blocks"], 0, &["<svg"], &[]);
    let json = expect(&["graph", OPENTITAN, "--json"], 0, &[], &[]);
    let graph: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert!(graph["parts"].as_array().is_some_and(|p| p.len() == 7));
}

#[test]
fn diffs_have_classes() {
    let source = std::fs::read_to_string(root().join(OPENTITAN)).unwrap();
    let bigger = file("bigger.hm", source.replace(" 64 KiB", "128 KiB").as_bytes());
    expect(&["diff", OPENTITAN, &bigger], 3, &["64 KiB -> 128 KiB", "guest-visible"], &[]);
    expect(&["diff", OPENTITAN, &bigger, "--format", "json"], 3, &["128"], &[]);
    expect(&["diff", OPENTITAN, OPENTITAN], 0, &[], &[]);
    let plug = file("plug.hm", source.replace("serial = stdio", "serial = null").as_bytes());
    expect(&["diff", OPENTITAN, &plug], 0, &["serial stdio -> serial null"], &[]);
    expect(&["diff", OPENTITAN, &plug, "--fail-on", "host"], 3, &[], &[]);
    expect(&["diff", OPENTITAN, &plug, "--fail-on", "hast"], 2, &[], &["hast"]);
    expect(&["diff", "nosuchrev:machines/opentitan.hm", OPENTITAN], 2, &[], &["nosuchrev"]);
    let svg =
        expect(&["diff", OPENTITAN, &bigger, "--format", "svg"], 3, &["64 KiB → 128 KiB"], &[]);
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    // As git calls an external diff program: never a failure, or git would stop.
    let git = ["diff", OPENTITAN, OPENTITAN, "0", "100644", &bigger, "1", "100644"];
    expect(&git, 0, &["hetemu diff machines/opentitan.hm", "64 KiB -> 128 KiB"], &[]);
    let new = ["diff", OPENTITAN, "/dev/null", "0", "0", &bigger, "1", "100644"];
    expect(&new, 0, &["a new machine"], &[]);
    expect(&["diff", OPENTITAN, &bigger, OPENTITAN], 2, &[], &["two machines"]);
    let hash = |f: &str| expect(&["diff", "--semantic-hash", f], 0, &[], &[]);
    assert_eq!(hash(OPENTITAN), hash(&plug));
    assert_ne!(hash(OPENTITAN), hash(&bigger));
}

#[test]
fn imports_and_exports() {
    let qmp = "tests/import/opentitan.qmp";
    let machine =
        expect(&["import", qmp], 0, &["uart  : lowrisc.uart@1"], &["6 parts", "0 left out"]);
    let made = file("made.hm", machine.as_bytes());
    expect(&["check", &made], 0, &["ok"], &[]);
    expect(&["fmt", "--check", &made], 0, &[], &[]);
    expect(
        &["import", "tests/import/board.repl"],
        1,
        &["hm.stub"],
        &["W1202", "base.repl", "left out"],
    );
    let json = ["import", "svd", "tests/import/chip.svd", "--format", "json"];
    expect(&json, 1, &["machine acme32f4"], &["\"code\":\"W1202\""]);
    expect(&["import", "machines/opentitan.hm"], 2, &[], &["say which format"]);
    expect(&["import", "qmp", "no-such-file"], 2, &[], &["no-such-file"]);
    expect(&["import", "dtb", OPENTITAN], 1, &[], &["E1201"]);
    let words = ["import", "qemu", "--", "-M", "virt", "-smp", "4", "-m", "1G", "-bios", "none"];
    let machine = expect(&words, 0, &["extends riscv-virt", "cpus = 4", "ram  = 1 GiB"], &[]);
    let made = file("command.hm", machine.as_bytes());
    expect(&["check", &made], 0, &["ok"], &[]);
    expect(&["explain", "w1202"], 0, &["hm.stub"], &[]);
    // A tree that we make is one that we read.
    expect(&["export", "dts", "riscv-virt"], 0, &["/dts-v1/;", "riscv,plic0"], &[]);
    let dtb = file("virt.dtb", b"");
    expect(&["export", "dtb", "riscv-virt", "-o", &dtb], 0, &[], &[]);
    expect(&["import", &dtb], 0, &["boot.riscv", "virtio.mmio"], &["0 left out"]);
}

#[test]
fn explain_codes_and_facts() {
    expect(&["explain", "E0405"], 0, &["E0405"], &[]);
    expect(&["explain", "e1103"], 0, &["trap handler"], &[]);
    expect(&["explain", "E9999"], 2, &[], &["E0405", "E1103"]);
    expect(
        &["explain", OPENTITAN, "uart.rx_watermark"],
        0,
        &["plic[2]", "machines/opentitan.hm:"],
        &[],
    );
    expect(
        &["explain", OPENTITAN, "0x4000_0000", "--as", "ibex"],
        0,
        &["uart.regs", "INTR_STATE"],
        &[],
    );
    expect(&["explain", OPENTITAN, "nothing.here"], 2, &[], &["nothing.here"]);
}

#[test]
fn lists() {
    expect(&["device"], 0, &["lowrisc.uart", "boot.riscv", "memory.ram"], &[]);
    expect(&["device", "lowrisc.uart"], 0, &["INTR_STATE", "rx_watermark"], &[]);
    expect(&["device", "lowrisc.uarrt"], 2, &[], &["lowrisc.uarrt"]);
    expect(&["target"], 0, &["riscv (runs)", "lowrisc.ibex@1"], &[]);
    expect(&["target", "riscv.rv64"], 0, &["RISC-V"], &[]);
    expect(&["machines"], 0, &["opentitan", "opentitan-earlgrey", "riscv-virt"], &[]);
    for args in [
        ["device", "--format", "json"],
        ["target", "--format", "json"],
        ["machines", "--format", "json"],
    ] {
        let json = expect(&args, 0, &[], &[]);
        assert!(
            serde_json::from_str::<serde_json::Value>(&json).is_ok_and(|v| v.is_array()),
            "{args:?}"
        );
    }
    expect(&["completions", "bash"], 0, &["hetemu"], &[]);
    expect(&["frobnicate"], 2, &[], &["frobnicate"]);
    expect(&["run"], 2, &[], &["Usage"]);
    expect(&["--help"], 0, &["check", "explain"], &[]);
}

#[test]
fn machines_without_models_are_told() {
    let trio = "src/hetemu/tests/samples/trio.hm";
    expect(
        &["check", trio],
        0,
        &["trio           ok   18 parts   22 wires    3 views   1 note"],
        &[],
    );
    expect(
        &["run", "q35-minimal"],
        1,
        &[],
        &["E1001", "`cpu[0]` cannot run", "intel.hpet@1: hpet"],
    );
    expect(
        &["run", "src/hetemu/tests/samples/opentitan.hm", "--vtimeout", "1ms"],
        5,
        &[],
        &["E1103"],
    );
    expect(&["run", OPENTITAN, "--plug", "serial0=ftp:x"], 2, &[], &["E1004", "ftp:x"]);
    expect(&["run", "riscv-virt"], 2, &[], &["E1009", "--image"]);
}

#[test]
fn several_back_ends() {
    let out = format!("{}/serial.txt", env!("CARGO_TARGET_TMPDIR"));
    let plug = format!("serial0=file:{out}");
    let args = ["run", OPENTITAN, "--plug", &plug, "--expect", "type help", "--vtimeout", "1s"];
    let stdout = expect(&args, 0, &[], &[]);
    assert_eq!(stdout, "");
    assert!(std::fs::read_to_string(out).is_ok_and(|t| t.contains("type help")));
}

#[test]
fn stubs_are_counted_by_name() {
    let earlgrey = "machines/opentitan-earlgrey.hm";
    let talk =
        ["--expect", "> ", "--send", "mem 0x40040014\\r", "--expect", "> ", "--send", "exit 2\\r"];
    let mut args = vec!["run", earlgrey, "--vtimeout", "5s"];
    args.extend(talk);
    expect(&args, 2, &["00000000"], &["1 access to registers that are not implemented", "gpio"]);
    args.push("--strict");
    expect(&args, 4, &[], &["E1105", "of `gpio`, which is not implemented"]);
}

#[test]
fn wires_that_oscillate_are_told() {
    let source = std::fs::read_to_string(root().join(OPENTITAN)).unwrap();
    let text = format!("{source}\ninverter : signal.not {{ out -> inverter }}\n");
    let text = text.replace(
        "firmware/opentitan",
        &format!("{}/machines/firmware/opentitan", root().display()),
    );
    let ring = file("ring.hm", text.as_bytes());
    expect(&["run", &ring, "--vtimeout", "1ms"], 5, &[], &["E1106", "`inverter`"]);
}

#[test]
fn standard_input_may_be_a_file() {
    let keys = file("keys.txt", b"echo from a file\rexit 6\r");
    let o = Command::new(env!("CARGO_BIN_EXE_hetemu"))
        .current_dir(root())
        .args(["run", OPENTITAN, "--vtimeout", "5s"])
        .stdin(std::fs::File::open(keys).expect("it was written"))
        .output()
        .expect("hetemu runs");
    assert_eq!(o.status.code(), Some(6), "{}", text(&o.stderr));
    assert!(text(&o.stdout).contains("\nfrom a file"), "{}", text(&o.stdout));
}
