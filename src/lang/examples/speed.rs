//! Measures `check` and `diff` on generated machines of 1,000 and 10,000 devices:
//! `cargo run --release -p hetemu-lang --example speed [COUNT...]`.

use hetemu_lang::{Overrides, SourceMap, check};
use hetemu_schema::Catalog;
use std::fmt::Write;
use std::time::Instant;

fn main() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/lang/types.kdl");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let types = match hetemu_schema::build::read(&text, path) {
        Ok(types) => types,
        Err(e) => return eprintln!("{e:?}"),
    };
    let catalog = Catalog::new(types.into_iter().map(|t| &*Box::leak(Box::new(t))));
    let args: Vec<usize> = std::env::args().skip(1).filter_map(|a| a.parse().ok()).collect();
    let sizes = if args.is_empty() { vec![1_000, 10_000] } else { args };
    for n in sizes {
        let text = machine(n);
        let lines = text.lines().count();
        let (sources, file) = SourceMap::single("generated.hm", text);
        let mut times: Vec<_> = (0..7)
            .map(|_| {
                let start = Instant::now();
                let checked = check(&sources, file, &catalog, &Overrides::default());
                let time = start.elapsed();
                assert!(checked.graph.is_some(), "{:?}", checked.diagnostics.first());
                time
            })
            .collect();
        times.sort();
        println!("{n} devices, {lines} lines: best {:?}, median {:?} of 7", times[0], times[3]);
        composed(n, &catalog);
        // Every tenth device changed, one name changed, one device gone.
        let changed = sources.get(file).map_or(String::new(), |f| f.text.clone());
        let changed = changed.replace("5[5", "5[6").replace("uart77 ", "other ");
        let start = Instant::now();
        let (again, second) = SourceMap::single("changed.hm", changed);
        let (a, b) = (
            check(&sources, file, &catalog, &Overrides::default()).graph,
            check(&again, second, &catalog, &Overrides::default()).graph,
        );
        let read = start.elapsed();
        if let (Some(a), Some(b)) = (a, b) {
            let start = Instant::now();
            let d = hetemu_graph::diff(&a, &b);
            let text = d.text().len();
            let time = start.elapsed();
            let changes = d.changes.len();
            println!(
                "  diff of two: read {read:?}, compared {time:?}: {changes} changes, {text} B"
            );
        }
    }
}

/// A core, RAM, a controller for every 100 UARTs, and the UARTs, each wired.
fn machine(n: usize) -> String {
    let mut out = String::from("hm 1\n\nmachine big\n\nclock osc = 24 MHz\n\n");
    out.push_str("cpu : t.core64 {\n  bus = main\n  clk = osc\n  ext <- plic0.target[0]\n}\n\n");
    out.push_str("bus main {\n  0x0000_0000 + 64 MiB  ram : memory.ram\n");
    for i in 0..n.div_ceil(100) {
        let at = 0x1_0000_0000u64 + 0x1_0000 * i as u64;
        let _ = writeln!(out, "  {at:#x}  plic{i} : t.plic {{ sources = 120 }}");
    }
    for i in 0..n {
        let at = 0x2_0000_0000u64 + 0x1000 * i as u64;
        let _ = writeln!(
            out,
            "  {at:#x}  uart{i} : t.uart {{\n    clk = osc\n    irq -> plic{}[{}]\n  }}",
            i / 100,
            i % 100 + 1
        );
    }
    out.push_str("}\n");
    out
}

/// A machine of as many modules as needed for so many devices, above a base, and its expansion.
fn composed(n: usize, catalog: &Catalog) {
    struct One(String);
    impl hetemu_lang::Library for One {
        fn path(&self, _: &str, _: &str) -> Result<hetemu_lang::Text, String> {
            Err("nothing".into())
        }
        fn named(&self, name: &str, _: &str) -> Vec<hetemu_lang::Text> {
            let module = "hm 1\nmodule four\nclock clk\nbus io {\n\
                 0x0000 a : t.uart@1 { clk = clk }\n0x1000 b : t.uart@1 { clk = clk }\n\
                 0x2000 c : t.timer { clk = clk }\n0x3000 d : t.timer { clk = clk }\n}\n";
            let text = match name {
                "four" => module.to_string(),
                "base" => self.0.clone(),
                _ => return Vec::new(),
            };
            vec![hetemu_lang::Text { name: format!("{name}.hm"), text }]
        }
        fn names(&self) -> Vec<String> {
            Vec::new()
        }
    }
    let mut base = String::from("hm 1\nmachine base\nclock osc = 24 MHz\n");
    let mut above = String::from("hm 1\nmachine x extends base\n");
    base.push_str("cpu : t.core64 { bus = main }\n");
    let mut rows = String::from("0x0 + 64 KiB ram : memory.ram\n");
    for i in 0..n.min(16_000) / 4 {
        _ = writeln!(base, "m{i} : four {{ clk = osc }}");
        _ = writeln!(rows, "{:#x} + 16 KiB m{i}.io", 0x1000_0000 + i * 0x1_0000);
        if i % 10 == 0 {
            _ = writeln!(above, "m{i}.a.depth = {}", 1 + i % 100);
        }
    }
    _ = writeln!(base, "bus main {{\n{rows}}}");
    let library = One(base);
    let (mut sources, file) = SourceMap::single("x.hm", above);
    let start = Instant::now();
    let overrides = Overrides::default();
    let checked = hetemu_lang::check_with(&mut sources, file, catalog, &overrides, &library);
    let time = start.elapsed();
    let parts = checked.graph.as_ref().map_or(0, |g| g.parts.len());
    let start = Instant::now();
    let text = hetemu_lang::expand(&checked, &sources).map_or(0, |e| e.text.len());
    println!("  composed, {parts} parts: {time:?}; expanded to {text} B in {:?}", start.elapsed());
}
