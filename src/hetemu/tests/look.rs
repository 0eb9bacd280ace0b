//! Looking into a run: traces, profiles, coverage, counts. What they must say is known from the
//! programs.

use hetemu::look::drcov;
use hetemu_testing::root;
use serde_json::Value;
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

fn file(name: &str) -> String {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name).display().to_string()
}

/// Runs, and gives what the run wrote to a file that is named as the last argument.
#[track_caller]
fn written(args: &[&str], flag: &str, name: &str) -> Vec<u8> {
    let path = file(name);
    let flag = format!("{flag}{path}");
    let mut all = args.to_vec();
    all.extend(flag.split_whitespace());
    let o = hetemu(&all);
    assert_eq!(o.status.code(), Some(0), "{all:?}\n{}", text(&o.stderr));
    std::fs::read(&path).expect("the output")
}

const HELLO: [&str; 6] = ["run", "machines/opentitan.hm", "--expect", "> ", "--vtimeout", "5s"];
/// Many traps, timer interrupts and PMP regions.
const SELFTEST: [&str; 6] = [
    "run",
    "machines/opentitan.hm",
    "--image",
    "machines/firmware/opentitan/selftest.elf",
    "--vtimeout",
    "20s",
];
const LINES: [&str; 4] =
    ["run", "machines/riscv-virt.hm", "--image", "src/hetemu/tests/samples/lines.elf"];

fn with<'a>(base: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [base, more].concat()
}

#[test]
fn a_trace_is_text() {
    let args = with(&HELLO, &["--trace-limit", "3"]);
    let trace = text(&written(&args, "--trace exec=", "exec.txt"));
    let head = "0.000000000000 ibex exec  0x00008080 _start                    0fff8197  \
                auipc gp,0xfff8              gp=0x10000080\n\
                0.000000020000 ibex exec  0x00008084 _start+0x4                78018193  \
                addi gp,gp,1920              gp=0x10000800\n\
                0.000000040000 ibex exec  0x00008088 _start+0x8                10008117  \
                auipc sp,0x10008             sp=0x10010088\n";
    assert_eq!(trace, head);
    // Without a file it goes to standard error, and the guest's output stays as it is.
    let o = hetemu(&with(&HELLO, &["--trace", "mmio:uart,plug", "--trace-limit", "3"]));
    assert_eq!(
        text(&o.stderr),
        "0.000010160000 ibex mmio  0x000089d0 uart_init+0xa  write 4 uart.CTRL (0x40000010) = \
         0x09700003\n\
         0.000012820000 ibex mmio  0x000089ea put_char+0x16  read 4 uart.STATUS (0x40000014) = \
         0x0000003c\n\
         0.000012900000 ibex mmio  0x000089f2 put_char+0x1e  write 4 uart.WDATA (0x4000001c) = \
         0x0000000d\n"
    );
    assert_eq!(o.stdout, hetemu(&HELLO).stdout);
}

#[test]
fn filters_choose() {
    let trace = text(&written(&HELLO, "--trace exec:main,mem:trap=", "filters.txt"));
    assert!(trace.lines().count() > 10);
    for line in trace.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[2] {
            "exec" => assert!(words[4].starts_with("main"), "{line}"),
            "mem" => assert!(line.contains(" trap = ") || line.contains(" trap+"), "{line}"),
            _ => panic!("{line}"),
        }
    }
    // From one time to another.
    let window = ["--trace-start", "1ms", "--trace-end", "1001us"];
    let trace = text(&written(&with(&HELLO, &window), "--trace exec=", "window.txt"));
    assert_eq!(trace.lines().count(), 50, "50 MHz for a microsecond");
    assert!(trace.lines().all(|l| l.starts_with("0.00100")), "{trace}");
    let none = with(&HELLO, &["--trace", "mmio", "--trace-start", "4s"]);
    assert_eq!(text(&hetemu(&none).stderr), "");
}

/// The trace of two runs is the same, and of runs that are divided in other ways.
#[test]
fn traces_are_the_same_every_time() {
    let kinds = "--trace exec,irq,trap,mmio,wait,plug=";
    let limit = with(&SELFTEST, &["--trace-limit", "30k"]);
    let first = written(&limit, kinds, "first.txt");
    assert!(first.len() > 1 << 20);
    assert!(first == written(&limit, kinds, "second.txt"), "the second trace is another");
    for quantum in ["7us", "100us"] {
        let set = format!("machine.quantum={quantum}");
        let other = written(&with(&limit, &["--set", &set]), kinds, "quantum.txt");
        assert!(first == other, "another trace with a quantum of {quantum}");
    }
}

/// Interpreter and compiled code, and any division of the run, come by the same states.
#[test]
fn states_are_the_same_in_every_tier() {
    let trace = |more: &[&str], every: &str, name: &str| {
        let kinds = format!("--trace state:{every},trap=");
        text(&written(&with(&SELFTEST, more), &kinds, name))
    };
    let oracle = trace(&["--jit", "off"], "1000", "oracle.txt");
    assert!(oracle.lines().filter(|l| l.contains("hash")).count() > 100);
    assert!(oracle.contains("machine timer") && oracle.contains("exception"));
    for (i, more) in [
        &["--jit", "on"][..],
        &["--tier-up", "1"],
        &["--tier-up", "1", "--tier-two", "0"],
        &["--tier-up", "20", "--tier-two", "50"],
        &["--tier-up", "20", "--set", "machine.quantum=3us"],
        &["--tier-up", "20", "--profile", "-", "--profile-every", "77"],
    ]
    .into_iter()
    .enumerate()
    {
        let other = trace(more, "1000", &format!("tier{i}.txt"));
        assert!(oracle == other, "{more:?} comes by other states");
    }
    // Hashes at other counts agree where they meet.
    let rare = trace(&["--tier-up", "5"], "17000", "rare.txt");
    let met = rare.lines().filter(|l| l.contains("hash"));
    assert!(met.clone().count() > 5);
    met.for_each(|l| assert!(oracle.contains(l), "{l}"));
}

/// So do several harts that work on the same words.
#[test]
fn harts_come_by_the_same_states() {
    let base = [
        "run",
        "machines/riscv-virt.hm",
        "--set",
        "cpus=4",
        "--image",
        "src/hetemu/tests/samples/harts.elf",
    ];
    let trace = |more: &[&str], name: &str| {
        text(&written(&with(&base, more), "--trace state:1000,wait,mmio=", name))
    };
    let oracle = trace(&["--jit", "off"], "harts.txt");
    for hart in 0..4 {
        let own = oracle.lines().filter(|l| l.contains(&format!(" hart[{hart}] state ")));
        assert!(own.count() > 100, "{oracle}");
    }
    for more in [&["--tier-up", "1"][..], &["--tier-up", "100"], &["--profile", "-"]] {
        assert!(oracle == trace(more, "harts2.txt"), "{more:?} comes by other states");
    }
    let exec = |more: &[&str], name: &str| {
        let limit = ["--trace-limit", "5k", "--trace-core", "hart[1]"];
        written(&[&base[..], &limit, more].concat(), "--trace exec=", name)
    };
    let (first, second) = (exec(&[], "exec1.txt"), exec(&["--jit", "off"], "exec2.txt"));
    assert!(first == second && text(&first).lines().all(|l| l.contains(" hart[1] exec ")));
}

/// Looking changes nothing.
#[test]
fn a_traced_run_is_the_same_run() {
    let counts = |more: &[&str]| {
        let stats = ["--stats", "--format", "json"];
        let o = hetemu(&[&SELFTEST[..], &stats, more].concat());
        let err = text(&o.stderr);
        let line = err.lines().find(|l| l.starts_with('{')).expect("counts");
        let v: Value = serde_json::from_str(line).expect("JSON");
        (o.status.code(), o.stdout, v["instructions"].clone(), v["virtual_ps"].clone())
    };
    let plain = counts(&[]);
    for flags in ["--trace mem,exec=", "--trace irq,trap=", "--profile ", "--coverage "] {
        let limit = if flags.contains("trace") { " --trace-limit 20k" } else { "" };
        let flags = format!("{flags}{}{limit}", file("same.out"));
        let flags: Vec<&str> = flags.split_whitespace().collect();
        assert!(plain == counts(&flags), "{flags:?}");
    }
}

#[test]
fn a_trace_for_perfetto() {
    let bytes = written(&SELFTEST, "--trace irq,trap,mmio:timer,wait,plug=", "trace.json");
    let v: Value = serde_json::from_slice(&bytes).expect("JSON");
    let events = v["traceEvents"].as_array().expect("events");
    let named = |ph: &str, name: &str| events.iter().any(|e| e["ph"] == ph && e["name"] == name);
    assert!(events.iter().any(|e| e["ph"] == "M" && e["args"]["name"] == "ibex"));
    assert!(named("i", "machine timer") && events.iter().any(|e| e["cat"] == "mmio"));
    assert!(events.iter().any(|e| e["ph"] == "C" && e["cat"] == "irq"));
    assert!(events.iter().all(|e| e["ph"] == "M" || e["ts"].is_number()));
    let waits = events.iter().filter(|e| e["ph"] == "X");
    assert!(waits.clone().all(|e| e["dur"].as_f64().is_some_and(|d| d >= 0.0)));
}

/// A program with frame pointers: whole stacks, and each sample in the function that runs.
#[test]
fn a_profile_has_stacks() {
    for jit in ["on", "off"] {
        let args = with(&LINES, &["--profile-every", "97", "--jit", jit]);
        let folded = text(&written(&args, "--profile ", "folded.txt"));
        let mut all = 0;
        for line in folded.lines() {
            let (stack, n) = line.rsplit_once(' ').expect("a count");
            let n: u64 = n.parse().expect("a number");
            all += n;
            let known = [
                "hart[0];_start",
                "hart[0];_start;main",
                "hart[0];_start;main;work",
                "hart[0];_start;main;work;leaf",
                "hart[0];[M_mode]",
            ];
            // In a prologue or epilogue a frame is half made.
            assert!(known.contains(&stack) || n * 20 < all, "{folded}");
        }
        let own = folded.lines().find(|l| l.starts_with("hart[0];_start;main;work;leaf "));
        let own: u64 = own.and_then(|l| l.rsplit(' ').next()?.parse().ok()).unwrap_or(0);
        assert!(all > 5000 && own * 10 > all * 8, "{own} of {all}\n{folded}");
    }
    let o = hetemu(&with(&LINES, &["--profile", "-"]));
    let table = text(&o.stderr);
    let first = table.lines().nth(2).expect("a row");
    assert!(table.starts_with("profile ") && first.ends_with("  leaf"), "{table}");
}

#[test]
fn coverage_by_blocks() {
    for jit in ["on", "off"] {
        let args = with(&LINES, &["--jit", jit]);
        let (modules, blocks) =
            drcov::parse(&written(&args, "--coverage ", "lines.drcov")).expect("drcov");
        let [module] = &modules[..] else { panic!("{modules:?}") };
        assert_eq!(module.base, 0x8000_0000);
        assert!(module.path.ends_with("lines.elf"));
        let elf = std::fs::read(root().join(LINES[3])).expect("the program");
        let symbols = hetemu::look::symbols(&elf, 0).expect("symbols");
        let ran = |name: &str| {
            let (addr, len) = symbols.range(name).expect("a function");
            blocks.iter().any(|b| {
                let at = module.base + u64::from(b.start);
                at < addr + len && at + u64::from(b.size) > addr
            })
        };
        for (name, expected) in
            [("_start", true), ("main", true), ("work", true), ("leaf", true), ("unused", false)]
        {
            assert_eq!(ran(name), expected, "{name}, jit {jit}");
        }
    }
}

#[test]
fn coverage_by_lines() {
    let info = text(&written(&LINES, "--coverage ", "lines.info"));
    let source = std::fs::read_to_string(root().join("src/hetemu/tests/samples/lines.c"));
    let source = source.expect("the source");
    let line = |what: &str| source.lines().position(|l| l.contains(what)).expect("a line") + 1;
    let has = |l: String| assert!(info.lines().any(|i| i == l), "no {l}\n{info}");
    has(String::from("SF:/src/lines.c"));
    for (what, hits) in
        [("sum += i * n", 1), ("// never", 0), ("total += leaf(n)", 1), ("total = 2", 0)]
    {
        has(format!("DA:{},{hits}", line(what)));
    }
    has(format!("FN:{},main", line("int main")));
    has(String::from("FNDA:1,main"));
    has(String::from("FNDA:0,unused"));
    has(String::from("end_of_record"));
    // A program without line tables gives an empty file, and says so.
    let o = hetemu(&with(&HELLO, &["--coverage", &file("none.info")]));
    assert!(text(&o.stderr).contains("no program has line tables"), "{}", text(&o.stderr));
}

/// The keys that programs rely on.
#[test]
fn counts_keep_their_names() {
    let o = hetemu(&with(&LINES, &["--stats", "--format", "json", "--tier-up", "2"]));
    let v: Value = serde_json::from_slice(&o.stderr).expect("JSON");
    let keys = |v: &Value| -> Vec<String> {
        v.as_object().map(|o| o.keys().cloned().collect()).unwrap_or_default()
    };
    assert_eq!(
        keys(&v).join(" "),
        "check_us start_us first_instruction_monotonic_ns run_us cpu_us peak_memory_bytes \
         instructions mips virtual_ps resets engine traps devices"
    );
    let engine = &v["engine"][0];
    let wanted = "cluster interpreted_insns compiled_insns blocks templates regions evicted \
                  region_insns code_bytes \
                  compile_us invalidated exits tlb_misses tlb_flushes helpers exceptions \
                  interrupts device_accesses";
    for key in wanted.split_whitespace() {
        assert!(!engine[key].is_null(), "{key}: {engine}");
    }
    for key in ["lookup", "budget", "helper", "refused"] {
        assert!(engine["exits"][key].is_u64(), "{key}: {engine}");
    }
    assert!(engine["compiled_insns"].as_u64() > Some(100_000), "{engine}");
    assert_eq!(v["devices"][0].to_string(), r#"{"device":"finish","reads":0,"writes":1}"#);
    let o = hetemu(&with(&SELFTEST, &["--stats", "--format", "json"]));
    let err = text(&o.stderr);
    let line = err.lines().find(|l| l.starts_with('{')).expect("counts");
    let v: Value = serde_json::from_str(line).expect("JSON");
    let traps = v["traps"].as_array().expect("traps");
    let timer = traps.iter().find(|t| t["name"] == "machine timer").expect("the timer");
    assert_eq!((&timer["core"], &timer["kind"]), (&"ibex".into(), &"interrupt".into()));
    let sum = |kind: &str| -> u64 {
        traps.iter().filter(|t| t["kind"] == kind).filter_map(|t| t["count"].as_u64()).sum()
    };
    assert_eq!(Some(sum("exception")), v["engine"][0]["exceptions"].as_u64());
    assert_eq!(Some(sum("interrupt")), v["engine"][0]["interrupts"].as_u64());
}

#[test]
fn counts_for_people() {
    let o = hetemu(&with(&SELFTEST, &["--stats"]));
    let err = text(&o.stderr);
    for wanted in
        ["start ", "run ", "host ", "interpreted ", "compiled ", "traps of ibex", "devices", "uart"]
    {
        assert!(err.contains(wanted), "{wanted}\n{err}");
    }
}

#[test]
fn compiled_code_has_names() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hetemu"));
    let child = command
        .current_dir(root())
        .args(LINES)
        .args(["--perf-map", "--tier-up", "10"])
        .stdin(Stdio::null())
        .spawn()
        .expect("hetemu runs");
    let path = format!("/tmp/perf-{}.map", child.id());
    let o = child.wait_with_output().expect("it ends");
    assert_eq!(o.status.code(), Some(0));
    let map = std::fs::read_to_string(&path).expect("the map");
    let _ = std::fs::remove_file(&path);
    assert!(map.contains(" guest:"), "{map}");
    for line in map.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let hex = |i: usize| u64::from_str_radix(words[i], 16).expect("hex");
        assert!(words.len() == 3 && hex(0) > 0 && hex(1) > 0, "{line}");
    }
}

#[test]
fn the_machines_text_may_ask_for_a_log() {
    let text_of = root().join("machines/opentitan.hm");
    let machine = std::fs::read_to_string(text_of).expect("the machine");
    let path = root().join("machines").join(format!("log-test-{}.hm", std::process::id()));
    std::fs::write(&path, format!("{machine}\nmachine.log = [bus, trap]\n")).expect("writable");
    let name = path.display().to_string();
    let o = hetemu(&["run", &name, "--expect", "> ", "--vtimeout", "5s"]);
    let _ = std::fs::remove_file(&path);
    let err = text(&o.stderr);
    assert_eq!(o.status.code(), Some(0), "{err}");
    assert!(err.contains(" mmio ") && err.contains("uart.CTRL"), "{err}");
}

#[test]
fn mistakes_are_named() {
    let no_folder = file("none/x");
    let bad = file("bad.map");
    std::fs::write(&bad, "not a map\n").expect("writable");
    let to_file = format!("exec={no_folder}");
    for (flags, wanted) in [
        (&["--trace", "exce"][..], &["E1010", "`exce`", "exec, mem"][..]),
        (&["--trace", "exec:nowhere"], &["E1010", "`nowhere`"]),
        (&["--trace", "mmio:nobody"], &["E1010", "`nobody`", "uart"]),
        (&["--trace", "exec:9-1"], &["E1010", "range"]),
        (&["--trace", "exec="], &["E1010", "no name"]),
        (&["--trace", "exec", "--trace-core", "m4"], &["E1010", "`m4`", "ibex"]),
        (&["--trace-limit", "3"], &["E1010", "--trace-limit", "--trace"]),
        (&["--trace", "exec", "--parallel"], &["E1010", "--parallel"]),
        (&["--profile", "-", "--parallel"], &["E1010", "--parallel"]),
        (&["--trace", &to_file], &["E1011", "none/x"]),
        (&["--profile", &no_folder], &["E1011", "profile"]),
        (&["--coverage", &no_folder], &["E1011", "coverage"]),
        (&["--symbols", "/no/such.map"], &["E1012", "/no/such.map"]),
        (&["--symbols", &bad], &["E1012", "no list of addresses"]),
    ] {
        let o = hetemu(&with(&HELLO, flags));
        let err = text(&o.stderr);
        assert_eq!(o.status.code(), Some(2), "{flags:?}\n{err}");
        for w in wanted {
            assert!(err.contains(w), "{flags:?}: `{w}` is missing:\n{err}");
        }
    }
    for code in ["E1010", "E1011", "E1012"] {
        assert!(text(&hetemu(&["explain", code]).stdout).starts_with(&format!("# {code}: ")));
    }
}
