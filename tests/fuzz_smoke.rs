//! The fuzzers' entry points on mutated samples: nothing that comes from outside may panic.
//!
//! `HETEMU_FUZZ_ITERATIONS` asks for more than the few rounds of an ordinary test run.

#[path = "differential/rng.rs"]
#[allow(dead_code, unreachable_pub)]
mod rng;

#[path = "../fuzz/entry.rs"]
#[allow(unreachable_pub)]
mod entry;

use hetemu_testing::root;
use rng::Rng;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// Files with an ending, below a folder.
fn samples(folder: &str, ending: &str) -> Vec<Vec<u8>> {
    fn walk(at: &Path, ending: &str, into: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(at).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, ending, into);
            } else if path.to_string_lossy().ends_with(ending) {
                into.push(path);
            }
        }
    }
    let mut paths = Vec::new();
    walk(&root().join(folder), ending, &mut paths);
    paths.sort();
    assert!(!paths.is_empty(), "no *{ending} in {folder}");
    paths.iter().map(|p| fs::read(p).expect("a sample")).collect()
}

fn iterations(usual: u64) -> u64 {
    let asked = std::env::var("HETEMU_FUZZ_ITERATIONS").ok().and_then(|n| n.parse().ok());
    asked.unwrap_or(usual)
}

/// Damages a sample: bytes, runs of bytes, lines, and pieces of another sample.
fn mutate(rng: &mut Rng, samples: &[Vec<u8>], longest: usize) -> Vec<u8> {
    const TOKENS: [&str; 12] = [
        "{",
        "}",
        "\"",
        "0xffff_ffff_ffff_ffff",
        "->",
        " : ",
        "[",
        "..",
        "//",
        "\n",
        "\u{e9}",
        "-1",
    ];
    let mut out = rng.pick(samples).cloned().unwrap_or_default();
    for _ in 0..=rng.below(8) {
        let at = rng.below(out.len() as u32 + 1) as usize;
        let end = (at + rng.below(40) as usize).min(out.len());
        match rng.below(9) {
            0 => out.truncate(at),
            1 => drop(out.drain(at..end)),
            2 => {
                let piece = out[at..end].to_vec();
                out.splice(at..at, piece);
            }
            3 => {
                let token = rng.pick(&TOKENS).copied().unwrap_or("");
                out.splice(at..at, token.bytes());
            }
            4 => {
                let other = rng.pick(samples).cloned().unwrap_or_default();
                let from = rng.below(other.len() as u32 + 1) as usize;
                let until = (from + rng.below(200) as usize).min(other.len());
                out.splice(at..end, other[from..until].iter().copied());
            }
            5 => {
                let mut lines: Vec<&[u8]> = out.split(|b| *b == b'\n').collect();
                let (a, b) = (rng.below(lines.len() as u32), rng.below(lines.len() as u32));
                lines.swap(a as usize, b as usize);
                out = lines.join(&b'\n');
            }
            6 => out.iter_mut().skip(at).take(1).for_each(|b| *b = [0, 0xff, 0x7f, 0x80][end % 4]),
            _ => out.iter_mut().skip(at).take(1).for_each(|b| *b ^= 1 << (end % 8)),
        }
    }
    out.truncate(longest);
    out
}

/// Runs an entry point; a panic's input is kept in a file that the message names.
fn run(name: &str, rounds: u64, make: impl Fn(&mut Rng) -> Vec<u8>, call: impl Fn(&[u8])) {
    for round in 0..rounds {
        let input = make(&mut Rng::new(0x5eed, round));
        if catch_unwind(AssertUnwindSafe(|| call(&input))).is_err() {
            let file = std::env::temp_dir().join(format!("hetemu-fuzz-{name}-{round}"));
            let kept = fs::write(&file, &input);
            panic!("{name} panics in round {round}; input in {} ({kept:?})", file.display());
        }
    }
}

#[test]
fn machine_texts() {
    let registry = hetemu::registry::registry();
    let mut texts = samples("machines", ".hm");
    texts.extend(samples("tests/lang", ".hm"));
    let make = |rng: &mut Rng| mutate(rng, &texts, 20_000);
    run("machine", iterations(400), make, |bytes| entry::machine(bytes, registry.catalog()));
}

#[test]
fn imports() {
    let registry = hetemu::registry::registry();
    let endings = [".qmp", ".dts", ".dtb", ".repl", ".svd", ".qemu"];
    for (n, ending) in endings.iter().enumerate() {
        let files = samples("tests/import", ending);
        let make = |rng: &mut Rng| {
            let mut input = vec![n as u8];
            input.extend(mutate(rng, &files, 20_000));
            input
        };
        run("import", iterations(60), make, |bytes| entry::import(bytes, registry.catalog()));
    }
}

#[test]
fn editor_sessions() {
    let registry = hetemu::registry::registry();
    let mut texts = samples("machines", ".hm");
    texts.extend(samples("tests/lang", ".hm"));
    let make = |rng: &mut Rng| mutate(rng, &texts, 10_000);
    run("editor", iterations(60), make, |bytes| entry::editor(bytes, registry.catalog()));
}

#[test]
fn formatted_texts() {
    let mut texts = samples("machines", ".hm");
    texts.extend(samples("tests/lang", ".hm"));
    run("formatter", iterations(1_000), |rng| mutate(rng, &texts, 10_000), entry::formatter);
}

/// Requests of the recorded talks, as a client would send them, and damaged.
#[test]
fn qmp_talks() {
    let registry = std::sync::Arc::new(hetemu::registry::registry());
    let mut talks = Vec::new();
    for talk in samples("tests/qmp", ".talk") {
        let text = String::from_utf8_lossy(&talk).into_owned();
        let sent = text.lines().filter_map(|l| l.strip_prefix("> "));
        let sent: Vec<&str> = sent.filter(|l| !l.contains("\"quit\"")).collect();
        let live = if text.contains("--preconfig") { "" } else { "!" };
        talks.push(format!("{live}{}", sent.join("\n")).into_bytes());
    }
    let make = |rng: &mut Rng| mutate(rng, &talks, 20_000);
    run("qmp", iterations(60), make, |bytes| entry::qmp(bytes, &registry));
}

#[test]
fn schema_files() {
    let mut texts = samples("devices", "schema.kdl");
    texts.extend(samples("targets", "schema.kdl"));
    run("schema", iterations(400), |rng| mutate(rng, &texts, 20_000), entry::schema);
}

#[test]
fn images() {
    let files = samples("machines/firmware", ".elf");
    run("image", iterations(2_000), |rng| mutate(rng, &files, 1 << 20), entry::image);
    // Damage in the headers hits more checks than damage anywhere.
    let heads: Vec<Vec<u8>> = files.iter().map(|f| f[..f.len().min(512)].to_vec()).collect();
    run("image-head", iterations(5_000), |rng| mutate(rng, &heads, 4096), entry::image);
}

#[test]
fn snapshots() {
    let mut files = samples("tests/snapshots", ".hms");
    files.push(b"\x89hmtape\x01\x01".to_vec());
    let mut machine = hetemu::Builder::find("opentitan").expect("it is shipped").build();
    let machine = machine.as_mut().expect("a sound machine");
    let running = machine.machine_mut().expect("it is live");
    let saved = running.save(None).expect("a state");
    let file = running.pack(&saved, &Default::default()).expect("a file");
    let make = |rng: &mut Rng| match rng.below(4) {
        0 => mutate(rng, &files, 20_000),
        // A section, how, and what it becomes.
        _ => (0..rng.below(60)).map(|_| rng.below(256) as u8).collect(),
    };
    let running = std::cell::RefCell::new(running);
    let entry = |bytes: &[u8]| entry::snapshot(bytes, &file, &mut running.borrow_mut());
    run("snapshot", iterations(400), make, entry);
}

#[test]
fn device_registers() {
    let models = entry::models(&hetemu::registry::registry());
    assert!(models.len() > 10, "only {} models", models.len());
    let make = |rng: &mut Rng| {
        let mut input = vec![rng.below(models.len() as u32) as u8];
        input.extend((0..200 + rng.below(800)).map(|_| rng.next() as u8));
        input
    };
    run("registers", iterations(2_000), make, |bytes| entry::registers(bytes, &models));
}

#[test]
fn instructions() {
    let registry = hetemu::registry::registry();
    let make = |rng: &mut Rng| {
        let mut input = vec![rng.next() as u8, rng.next() as u8];
        for _ in 0..64 {
            // Half the words look like 32-bit instructions, so that fields are random and not
            // lengths.
            let word = rng.next() as u32 | if rng.one_in(2) { 3 } else { 0 };
            input.extend_from_slice(&word.to_le_bytes());
        }
        input
    };
    run("code", iterations(2_000), make, |bytes| entry::code(bytes, &registry));
}

#[test]
fn debugger_sessions() {
    let packets = samples("tests/gdb", "packets.txt");
    let lines: Vec<Vec<u8>> =
        packets[0].split(|b| *b == b'\n').map(|l| [l, b"\n"].concat()).collect();
    let make = |rng: &mut Rng| {
        let mut input = Vec::new();
        for _ in 0..=rng.below(30) {
            input.extend(rng.pick(&lines).cloned().unwrap_or_default());
        }
        match rng.below(3) {
            0 => input,
            _ => mutate(rng, &[input, packets[0].clone()], 10_000),
        }
    };
    run("debugger", iterations(60), make, entry::debugger);
}
