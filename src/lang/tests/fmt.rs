//! The formatter: idempotent, and the machine stays the same; on every machine of the tree and on
//! texts that were pulled out of form at random.

mod common;

use hetemu_graph::{Graph, diff};
use hetemu_lang::{Overrides, SourceMap, check, format};
use hetemu_schema::Catalog;
use hetemu_testing::Rng;
use std::path::PathBuf;

/// Every file of a machine that is whole.
fn texts() -> Vec<(String, String)> {
    let folders = ["machines", "tests/lang/samples", "src/graph/tests/machines"];
    let mut paths: Vec<PathBuf> = Vec::new();
    for f in folders {
        let entries = std::fs::read_dir(common::root().join(f)).expect("a folder");
        paths.extend(entries.flatten().map(|e| e.path()));
    }
    paths.retain(|p| p.extension().is_some_and(|e| e == "hm"));
    paths.sort();
    let text = |p: &PathBuf| std::fs::read_to_string(p).expect("a text");
    paths.iter().map(|p| (p.display().to_string(), text(p))).collect()
}

fn graph(text: &str, catalog: &Catalog) -> Option<Graph> {
    let (sources, file) = SourceMap::single("x.hm", text);
    check(&sources, file, catalog, &Overrides::default()).graph
}

#[track_caller]
fn holds(name: &str, text: &str, catalog: &Catalog) -> String {
    let once = match format(text, 0) {
        Ok(t) => t,
        Err(e) => panic!("{name}: refused: {e:?}\n{text}"),
    };
    let twice = format(&once, 0).unwrap_or_else(|e| panic!("{name}: then refused: {e:?}\n{once}"));
    assert!(once == twice, "{name}: not idempotent\n--- once\n{once}\n--- twice\n{twice}");
    let (before, after) = (graph(text, catalog), graph(&once, catalog));
    assert_eq!(before.is_some(), after.is_some(), "{name}: checks or not\n{text}\n---\n{once}");
    if let (Some(before), Some(after)) = (before, after) {
        let changes = diff(&before, &after).changes;
        assert!(changes.is_empty(), "{name}: {changes:?}\n{text}\n---\n{once}");
    }
    let comments = |t: &str| {
        let mut all: Vec<String> = t.lines().filter_map(comment).collect();
        all.sort();
        all
    };
    assert_eq!(comments(text), comments(&once), "{name}: comments\n{once}");
    once
}

/// The words of a comment.
fn comment(line: &str) -> Option<String> {
    let (before, text) = line.split_once("//")?;
    let quoted = before.matches('"').count() % 2 == 1;
    (!quoted).then(|| text.trim_start_matches('/').trim().to_string())
}

#[test]
fn formatting_keeps_every_machine_of_the_tree() {
    let catalog = common::all_types();
    for (name, text) in texts() {
        holds(&name, &text, &catalog);
    }
}

#[test]
fn shipped_machines_are_formatted() {
    let bless = std::env::var_os("HETEMU_BLESS").is_some();
    for (name, text) in texts().iter().filter(|(n, _)| n.contains("../machines/")) {
        let formatted = format(text, 0).expect("a sound text");
        if bless {
            std::fs::write(name, &formatted).expect("a writable tree");
            continue;
        }
        assert!(*text == formatted, "{name} is not in form: `hetemu fmt {name}`\n{formatted}");
    }
}

/// The text with other blanks, other hexadecimal digits, and lines in other orders.
fn mess(text: &str, rng: &mut Rng) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        let (code, comment) = match line.find("//").filter(|i| !line[..*i].contains('"')) {
            Some(i) => line.split_at(i),
            None => (line, ""),
        };
        let mut out = String::new();
        let (mut quoted, mut blanks) = (false, 0);
        for c in code.trim().chars() {
            quoted ^= c == '"';
            match c {
                ' ' if !quoted => {
                    if blanks == 0 {
                        out.push_str(&" ".repeat(1 + rng.index(3)));
                    }
                    blanks += 1;
                    continue;
                }
                '_' if !quoted && rng.one_in(2) && in_hex(&out) => {}
                _ => out.push(c),
            }
            blanks = 0;
        }
        let indent = if rng.one_in(3) { rng.index(6) } else { 2 };
        let gap = if comment.is_empty() { 0 } else { rng.index(9) };
        lines.push(format!("{}{out}{}{comment}", " ".repeat(indent), " ".repeat(gap)));
        if rng.one_in(12) && !comment.starts_with("///") {
            lines.extend((0..rng.index(4)).map(|_| String::new()));
        }
    }
    // Neighbouring rows change places; statements share a line.
    let plain = |l: &String| {
        let t = l.trim();
        !t.is_empty() && !t.contains(['{', '}', '/', '"']) && !t.starts_with("hm")
    };
    for i in 1..lines.len() {
        let row = |l: &String| plain(l) && l.trim().starts_with("0x");
        if rng.one_in(4) && row(&lines[i - 1]) && row(&lines[i]) {
            lines.swap(i - 1, i);
        } else if rng.one_in(9) && plain(&lines[i - 1]) && plain(&lines[i]) && i > 3 {
            let before = std::mem::take(&mut lines[i - 1]);
            lines[i] = format!("{before} ; {}", lines[i].trim());
        }
    }
    lines.join("\n") + rng.pick(&["", "\n", "\n\n\n"])
}

/// Whether a text ends in a hexadecimal number.
fn in_hex(text: &str) -> bool {
    let word = text.rsplit(|c: char| !c.is_alphanumeric() && c != '_').next();
    word.is_some_and(|w| w.starts_with("0x"))
}

/// A machine of memories, serial ports and wires, written with any style.
fn random_machine(rng: &mut Rng) -> String {
    let mut out = String::from("hm 1\n\nmachine x\n\nclock c = 50MHz\n");
    let mut rows: Vec<String> = Vec::new();
    let n = 1 + rng.index(12);
    for i in 0..n {
        let base = 0x1000_0000u64 + ((i as u64) << 24) + ((rng.index(4) as u64) << 16);
        let base = match rng.index(3) {
            0 => format!("{base}"),
            1 => format!("{base:#x}"),
            _ => format!("0x{:08X}", base),
        };
        let size = rng.pick(&["+ 4 KiB", "+0x1000", "+ 0x1_000", "+ (2 * 2 KiB)", "+ 64KiB"]);
        let comment = rng.pick(&["", "", " // why", "//x", " // {"]);
        rows.push(match rng.index(4) {
            0 => format!("{base} u{i}:ns16550a{{clk=c,irq->plic[{}]}}{comment}", 1 + i),
            1 => format!("/// doc {i}\n{base} {size} m{i} : memory.ram{comment}"),
            2 => format!(
                "{base} u{i} : ns16550a {{{comment}\n irq -> plic[{}]\nclk  =c\n// end\n}}",
                1 + i
            ),
            _ => format!("// before {i}\n{base}{size}   m{i}:memory.rom{comment}"),
        });
        if rng.one_in(4) {
            rows.push(String::new());
        }
    }
    let plic = "0x0C00_0000 plic : riscv.plic { sources=31, targets = 1 }";
    rows.insert(rng.index(rows.len()), plic.into());
    rows.insert(0, "0x1000+4KiB boot:memory.rom".into());
    out.push_str("cpu : riscv.rv32 { meip <- plic.target[0], clk=c\nbus = main }\n");
    out.push_str(&format!("bus main {{\n{}\n}}\n", rows.join("\n")));
    out.push_str(rng.pick(&["", "// the end", "require boot.size >= 1 KiB,\"why\"\n"]));
    out
}

fn rounds(usual: usize) -> usize {
    std::env::var("HETEMU_ROUNDS").ok().and_then(|r| r.parse().ok()).unwrap_or(usual)
}

#[test]
fn machines_out_of_form_stay_the_same_machines() {
    let catalog = common::all_types();
    let mut rng = Rng(0x9E37_79B9_7F4A_7C15);
    let mut whole = 0;
    for _ in 0..rounds(4) {
        for (name, text) in texts() {
            let wild = mess(&text, &mut rng);
            let formatted = holds(&name, &wild, &catalog);
            // What was only pulled apart, and not reordered by its author, comes back the same.
            let changes = graph(&text, &catalog).zip(graph(&formatted, &catalog));
            let changes = changes.map(|(a, b)| diff(&a, &b).changes);
            assert!(changes.is_none_or(|c| c.is_empty()), "{name}\n{wild}\n---\n{formatted}");
        }
    }
    for _ in 0..rounds(4) * 25 {
        let text = random_machine(&mut rng);
        holds("random", &text, &catalog);
        whole += usize::from(graph(&text, &catalog).is_some());
    }
    assert!(whole > 20, "only {whole} random machines were whole");
}

#[test]
fn every_case_of_the_language_is_formatted_or_refused() {
    let entries = std::fs::read_dir(common::data()).expect("tests/lang").flatten();
    let catalog = common::test_types();
    let (mut formatted, mut refused) = (0, 0);
    for path in entries.map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == "hm")) {
        let text = std::fs::read_to_string(&path).expect("a case");
        match format(&text, 0) {
            Ok(_) => {
                holds(&path.display().to_string(), &text, &catalog);
                formatted += 1;
            }
            Err(errors) => {
                assert!(!errors.is_empty());
                refused += 1;
            }
        }
    }
    assert!(formatted > 50 && refused > 15, "{formatted} formatted, {refused} refused");
}

#[test]
fn the_style() {
    let text = "hm 1
machine x
plug a:serial=stdio
plug longer : net
clock c=50MHz
cpu[i<4] : riscv.rv32 { bus=main, meip<-plic.target[2*i+1] }
bus main {
  addr=32
// memory
  0x20000000 + 1MiB flash:memory.rom //where code is
  0x1000 +0x10 b : ns16550a {
    irq->plic[1] // first
    clk=c
  }

  // aliases
  3000 flash@0x10 over
}
machine.log=[bus,irq]
require flash.size>=1MiB,\"why\"
";
    let expected = "hm 1

machine x
plug a      : serial = stdio
plug longer : net
clock c = 50 MHz
cpu[i < 4] : riscv.rv32 { bus = main, meip <- plic.target[2*i + 1] }
bus main {
  addr = 32
  0x0000_1000 + 0x10    b     : ns16550a {
    clk =  c
    irq -> plic[1]  // first
  }
  // memory
  0x2000_0000 + 1 MiB   flash : memory.rom  // where code is

  // aliases
  0x0000_0BB8           flash @ 0x10 over
}
machine.log = [bus, irq]
require flash.size >= 1 MiB, \"why\"
";
    let formatted = format(text, 0).expect("a sound text");
    assert!(formatted == expected, "{formatted}");
}
