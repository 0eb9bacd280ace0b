//! Importers: each input gives a machine that passes the checker, and says what it left out.

use hetemu::{Loaded, Settings, check, find, registry};
use hetemu_graph::{Class, diff};
use hetemu_import::{Imported, Options, fdt, qmp};
use hetemu_lang::SourceMap;
use hetemu_schema::Catalog;

fn sample(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/samples/");
    std::fs::read(format!("{folder}{name}")).expect("a sample")
}

fn text(name: &str) -> String {
    String::from_utf8(sample(name)).expect("text")
}

fn checked(name: &str, text: &str, catalog: &Catalog) -> Loaded {
    let source = find::Source {
        name: name.into(),
        bytes: text.as_bytes().to_vec(),
        base: find::Base::Embedded,
    };
    check(&source, &Settings::default(), catalog)
}

/// The machine, which must have no error.
fn sound(imported: &Imported, catalog: &Catalog) -> hetemu_graph::Graph {
    let loaded = checked("imported.hm", &imported.text, catalog);
    assert!(loaded.graph.is_some(), "{}\n{:#?}", imported.text, loaded.diagnostics);
    loaded.graph.expect("a graph")
}

fn codes(imported: &Imported) -> Vec<&'static str> {
    imported.diagnostics.iter().map(|d| d.code.id()).collect()
}

#[test]
fn the_qmp_walk_through_is_the_machine_and_the_wire_that_it_leaves_implicit() {
    let registry = registry::registry();
    let catalog = registry.catalog();
    let (sources, file) = SourceMap::single("opentitan.qmp", text("opentitan.qmp"));
    let imported = qmp::import(&sources, file, catalog, &Options::default());
    assert_eq!(imported.left_out(), 0, "{:#?}", imported.diagnostics);
    let new = sound(&imported, catalog);
    let sample = checked("opentitan.hm", &text("opentitan.hm"), catalog).graph.expect("a graph");
    let d = diff(&sample, &new);
    assert!(d.changes.iter().all(|c| c.class == Class::Cosmetic), "{d}");
    // The wire that the script leaves implicit is added and said.
    let added =
        imported.diagnostics.iter().any(|d| d.message.contains("plic.target[0] -> ibex.external"));
    assert!(added, "{:#?}", imported.diagnostics);
    let without = imported.text.replace("external <- plic.target[0]", "external <- none");
    let d = diff(&sample, &checked("w.hm", &without, catalog).graph.expect("a graph"));
    let seen: Vec<_> = d.changes.iter().filter(|c| c.class <= Class::Guest).collect();
    assert_eq!(seen.len(), 1, "{d}");
    assert_eq!(seen[0].fact, "plic.target[0]");
}

#[test]
fn qmp_says_what_it_cannot_carry() {
    let registry = registry::registry();
    let catalog = registry.catalog();
    let script = "\
device_add driver=ibex-uart id=u colour=blue
device_add driver=nonesuch id=n
x-sysbus-mmio-map device=u addr=0x1000
x-sysbus-mmio-map device=n addr=8192
x-sysbus-mmio-map device=u mmio=7 addr=0
qom-set path=u property=sysbus-irq[0] value=n/unnamed-gpio-in[1]
qom-set path=gone property=x value=1
migrate uri=file:x
not a command at all
{\"execute\": \"device_add\", \"arguments\": {\"driver\": \"sysbus-memory\", \"id\": \"r\", \"size\": \"16K\"}}
{\"execute\": \"sysbus-mmio-map\", \"arguments\": {\"device\": \"r\", \"addr\": 32768}}
";
    let (sources, file) = SourceMap::single("x.qmp", script);
    let imported = qmp::import(&sources, file, catalog, &Options::default());
    sound(&imported, catalog);
    for code in ["W1202", "W1203", "W1204", "W1205", "W1206", "E1201"] {
        assert!(codes(&imported).contains(&code), "{code}: {:?}", codes(&imported));
    }
    assert!(imported.text.contains("+   16 KiB") || imported.text.contains("+ 16 KiB"));
    assert!(imported.text.contains("n : hm.stub"), "{}", imported.text);
}

#[test]
fn qemus_own_device_tree_gives_its_board() {
    let registry = registry::registry();
    let catalog = registry.catalog();
    let mut sources = SourceMap::new();
    let imported = fdt::import_blob(
        &mut sources,
        "virt.dtb",
        &sample("virt.dtb"),
        catalog,
        &Options::default(),
    );
    let g = sound(&imported, catalog);
    assert_eq!(g.clusters.len(), 1, "four harts are one cluster");
    assert_eq!(g.clusters[0].cores.len(), 4);
    for wire in [
        "serial.irq -> plic[10]",
        "clint.mtip[3] -> cpu[3].mtip",
        "plic.target[7] -> cpu[3].seip",
        "rtc.irq -> plic[11]",
        "virtio_mmio0.irq -> plic[1]",
    ] {
        let all: Vec<String> = g
            .wires
            .iter()
            .map(|w| {
                let port = |p, input| hetemu_graph::names::port(&g, p, input);
                format!("{} -> {}", port(w.from, false), port(w.to, true))
            })
            .collect();
        assert!(all.iter().any(|w| w == wire), "{wire} in {all:#?}");
    }
    let boot = g.parts.iter().find(|p| p.ty.name == "boot.riscv").expect("a boot part");
    assert_eq!(boot.text("ram"), Some("dram"));
    assert!(codes(&imported).contains(&"N1207"), "{:?}", codes(&imported));
}
