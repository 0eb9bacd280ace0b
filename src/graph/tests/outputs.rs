//! Every output of the crate on machines read from text, compared with stored goldens.
//!
//! `HETEMU_BLESS=1 cargo test -p hetemu-graph` writes the goldens anew; read the difference before
//! you keep it.

use hetemu_graph::{Class, Detail, Graph, Span, show};
use hetemu_lang::{Overrides, SourceMap};
use hetemu_schema::{Catalog, DeviceType};
use hetemu_testing::Goldens;
use std::path::{Path, PathBuf};

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

fn schemas(dir: &Path, out: &mut Vec<&'static DeviceType>) {
    for entry in std::fs::read_dir(dir).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            schemas(&path, out);
        } else if entry.file_name() == "schema.kdl" {
            let text = std::fs::read_to_string(&path).expect("readable");
            let types = hetemu_schema::build::read(&text, "schema.kdl").expect("sound");
            out.extend(types.into_iter().map(|t| &*Box::leak(Box::new(t))));
        }
    }
}

fn catalog() -> Catalog {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut types = Vec::new();
    schemas(&root.join("devices"), &mut types);
    schemas(&root.join("targets"), &mut types);
    Catalog::new(types)
}

fn check(name: &str, text: &str) -> (Graph, SourceMap) {
    let (sources, file) = SourceMap::single(format!("{name}.hm"), text);
    let checked = hetemu_lang::check(&sources, file, &catalog(), &Overrides::default());
    let messages: Vec<_> = checked.diagnostics.iter().map(|d| format!("{d:?}")).collect();
    (checked.graph.unwrap_or_else(|| panic!("{name}: {messages:#?}")), sources)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(here().join(format!("machines/{name}.hm"))).expect("a machine")
}

fn machine(name: &str) -> Graph {
    check(name, &text(name)).0
}

fn golden(name: &str, got: &str) {
    Goldens::one(here().join("goldens").join(name), got);
}

#[test]
fn views() {
    let g = machine("trio");
    let views = ["rv", "m4", "be"].map(|name| show::view_text(&g, name).expect("an initiator"));
    golden("trio.views.txt", &views.join("\n"));
    let pc = show::view_text(&machine("q35"), "cpu").expect("an initiator");
    golden("q35.view.txt", &pc);
    let ot = show::view_text(&machine("opentitan"), "ibex").expect("an initiator");
    golden("opentitan.view.txt", &ot);
}

#[test]
fn interrupts_and_clocks() {
    golden("trio.irq.txt", &show::irq_text(&machine("trio")));
    golden("q35.irq.txt", &show::irq_text(&machine("q35")));
    golden("opentitan.irq.txt", &show::irq_text(&machine("opentitan")));
    golden("trio.clocks.txt", &show::clocks_text(&machine("trio")));
}

#[test]
fn canonical_json() {
    golden("opentitan.json", &hetemu_graph::json_text(&machine("opentitan"), Detail::Full));
    golden("opentitan.guest.json", &hetemu_graph::json_text(&machine("opentitan"), Detail::Guest));
}

#[test]
fn pictures() {
    let g = machine("trio");
    golden("trio.dot", &show::dot(&g));
    golden("trio.mmd", &show::mermaid(&g));
    golden("trio.map.svg", &show::maps_svg(&g));
    golden("trio.blocks.svg", &show::block_svg(&g));
    golden("q35.map.svg", &show::map_svg(&machine("q35"), "cpu").expect("an initiator"));
}

#[test]
fn a_diff() {
    let (old, new) = (machine("opentitan"), machine("opentitan-next"));
    let d = hetemu_graph::diff(&old, &new);
    golden("opentitan.diff.svg", &show::diff_svg(&old, &new, &d));
    golden("opentitan.diff.txt", &d.text());
    golden("opentitan.diff.md", &d.markdown());
    let json = serde_json::to_string_pretty(&d.json()).expect("plain values");
    golden("opentitan.diff.json", &(json + "\n"));
    assert!(d.reaches(Class::Guest));
}

#[test]
fn explanations() {
    let (g, sources) = check("trio", &text("trio"));
    let place = |span: Span| sources.get(span.file).map(|_| sources.place(span));
    let mut out = String::new();
    for (initiator, at) in [
        ("m4", 0x5000_0010),
        ("be", 0x1F00_0004),
        ("m4", 0x7000_0005),
        ("m4", 0x7000_1000),
        ("rv", 0x0C00_2004),
        ("rv[3]", 0x4000_0000),
        ("be", 0x1000_1234),
    ] {
        out += &format!("> {initiator} {at:#x}\n");
        out += &hetemu_graph::explain_address(&g, initiator, at, &place).expect("an initiator");
    }
    for name in ["mbox", "uart0.irq", "plic[11]", "rv[1].meip", "shared.size", "uart0.clk", "osc"] {
        out += &format!("> {name}\n");
        out += &hetemu_graph::explain_name(&g, name, &place).expect("a name");
    }
    golden("trio.explain.txt", &out);
}

/// How a machine is written never shows: order, units, comments, spelling of numbers.
#[test]
fn the_same_machine_in_other_words_is_the_same_machine() {
    let original = text("opentitan");
    let reworded = original
        .replace("///", "//")
        .replace("0x0000_8000 +  16 KiB", "0x8000 .. 0xBFFF")
        .replace("64 KiB ", "0x1_0000")
        .replace("512 KiB", "0x8_0000")
        .replace("plic[1]", "plic[ 1 ] // first");
    assert_ne!(original, reworded);
    // The core stands before the bus in one text and behind it in the other.
    let (head, bus) = reworded.split_once("bus main").expect("a bus");
    let (head, core) = head.split_once("ibex :").expect("a core");
    let reworded = format!("{head}bus main{bus}\nibex :{core}");
    let (a, b) = (machine("opentitan"), check("opentitan", &reworded).0);
    let d = hetemu_graph::diff(&a, &b);
    assert_eq!(d.class(), Some(Class::Cosmetic), "the doc comment went: {d}");
    assert_eq!(d.changes.len(), 1, "{d}");
    assert_eq!(hetemu_graph::semantic_hash(&a), hetemu_graph::semantic_hash(&b));
    let next = hetemu_graph::semantic_hash(&machine("opentitan-next"));
    assert_ne!(hetemu_graph::semantic_hash(&a), next);
}

/// The shipped schemas and the sample machines agree: nothing to warn about.
#[test]
fn the_samples_check_without_warnings() {
    for name in ["opentitan", "trio", "q35"] {
        let (sources, file) = SourceMap::single(format!("{name}.hm"), text(name));
        let checked = hetemu_lang::check(&sources, file, &catalog(), &Overrides::default());
        let worse =
            checked.diagnostics.iter().filter(|d| d.severity != hetemu_lang::Severity::Note);
        let worse: Vec<_> = worse.map(|d| format!("{d:?}")).collect();
        assert!(worse.is_empty(), "{name}: {worse:#?}");
    }
}
