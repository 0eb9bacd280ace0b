//! Importers: each input gives a machine that passes the checker, and says what it left out.

use hetemu::{Loaded, Settings, check, find, registry};
use hetemu_graph::{Class, diff};
use hetemu_import::{Imported, Options, codes, fdt, qemu, qmp, repl, svd};
use hetemu_lang::SourceMap;
use hetemu_schema::Catalog;
use hetemu_testing::Goldens;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/import")
}

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name)).expect("a sample")
}

fn text(name: &str) -> String {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples");
    std::fs::read_to_string(samples.join(name)).expect("text")
}

/// Any input by its ending, with what was read.
fn import(name: &str, bytes: &[u8], catalog: &Catalog) -> (Imported, SourceMap) {
    let options = Options::default();
    let mut sources = SourceMap::new();
    let ending = name.rsplit('.').next().unwrap_or("");
    if ending == "dtb" {
        return (fdt::import_blob(&mut sources, name, bytes, catalog, &options), sources);
    }
    if ending == "qemu" {
        let text = String::from_utf8_lossy(bytes);
        let words: Vec<String> = text.split_whitespace().map(str::to_string).collect();
        return (qemu::import(&mut sources, &words, catalog, &options), sources);
    }
    let file = hetemu_lang::add_bytes(&mut sources, name, bytes);
    let mut used = |sources: &mut SourceMap, _: u32, path: &str| {
        let bytes = std::fs::read(folder().join(path)).ok()?;
        Some(hetemu_lang::add_bytes(sources, path.trim_start_matches("./"), &bytes))
    };
    let imported = match ending {
        "qmp" => qmp::import(&sources, file, catalog, &options),
        "dts" => fdt::import(&sources, file, catalog, &options),
        "svd" => svd::import(&sources, file, catalog, &options),
        _ => repl::import(&mut sources, file, catalog, &options, &mut used),
    };
    (imported, sources)
}

/// Each file of `tests/import` gives the machine and the messages that lie beside it;
/// `HETEMU_BLESS=1` writes them anew.
#[test]
fn every_sample_is_carried_as_written_down() {
    let registry = registry::registry();
    let catalog = registry.catalog();
    let endings = ["qmp", "dts", "dtb", "svd", "repl", "qemu"];
    let mut names: Vec<String> = std::fs::read_dir(folder())
        .expect("tests/import")
        .flatten()
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .filter(|n| endings.iter().any(|e| n.ends_with(&format!(".{e}"))))
        .collect();
    names.sort();
    assert!(names.len() > 6, "{names:?}");
    let mut goldens = Goldens::default();
    for name in names {
        let (imported, sources) = import(&name, &sample(&name), catalog);
        let mut said = String::new();
        for some in imported.diagnostics.chunks(20) {
            said.push_str(&hetemu_lang::render(some, &sources, false, 100));
        }
        for (ending, now) in [("hm", &imported.text), ("said", &said)] {
            goldens.compare(folder().join(format!("{name}.{ending}")), now);
        }
        sound(&imported, catalog);
    }
    goldens.agree();
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

fn said(imported: &Imported) -> Vec<&'static str> {
    imported.diagnostics.iter().map(|d| d.code.id()).collect()
}

#[test]
fn the_qmp_walk_through_is_the_machine_and_the_wire_that_it_leaves_implicit() {
    let registry = registry::registry();
    let catalog = registry.catalog();
    let (imported, _) = import("opentitan.qmp", &sample("opentitan.qmp"), catalog);
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
fn every_code_of_importers_has_its_page_and_is_shown_by_a_sample() {
    let registry = registry::registry();
    let mut shown = std::collections::BTreeSet::new();
    for name in ["broken.qmp", "board.dts", "board.repl", "chip.svd", "virt.qemu"] {
        let (imported, _) = import(name, &sample(name), registry.catalog());
        shown.extend(said(&imported));
    }
    for code in codes::ALL {
        let title = format!("# {}: {}", code.id(), code.title());
        assert!(code.page().starts_with(&title), "{title}");
        assert!(shown.contains(code.id()), "no sample shows {code}");
    }
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
    assert!(said(&imported).contains(&"N1207"), "{:?}", said(&imported));
}
