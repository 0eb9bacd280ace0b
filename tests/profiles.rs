//! What is shipped, as graphs: a profile's released version never changes for the guest, and every
//! machine is the one that it expands to.
//!
//! The graph of a released version lies in `tests/frozen/NAME@VERSION.json`. `HETEMU_BLESS=1`
//! writes the one of a new version, and changes none: what a guest sees differently is a new
//! version.

use hetemu::find::{self, Base, Shelf, Source};
use hetemu::{Loaded, Settings, registry};
use hetemu_graph::{Class, Detail, Graph, diff, json_text};
use hetemu_schema::Catalog;
use hetemu_testing::root;
use std::collections::BTreeSet;

fn load(source: &Source, catalog: &Catalog) -> Loaded {
    let loaded = hetemu::check(source, &Settings::default(), catalog);
    let shown = hetemu_lang::render(&loaded.diagnostics, &loaded.sources, false, 100);
    assert!(loaded.graph.is_some(), "{}\n{shown}", source.name);
    loaded
}

fn graph(source: &Source, catalog: &Catalog) -> Graph {
    load(source, catalog).graph.unwrap_or_default()
}

/// The shipped profiles: name, version, whether it is open, its text.
fn profiles() -> Vec<(String, u32, bool, Source)> {
    find::shipped_profiles()
        .map(|(name, text)| {
            let source = Source {
                name: format!("profiles/{name}.toml"),
                bytes: text.as_bytes().to_vec(),
                base: Base::Embedded,
            };
            let text = hetemu_lang::Text { name: source.name.clone(), text: text.into() };
            let p = find::profile_of(&text).unwrap_or_else(|| panic!("{name} is no profile"));
            (p.name.text, p.version, p.open, source)
        })
        .collect()
}

#[test]
fn released_profiles_never_change_for_the_guest() {
    let registry = registry::registry();
    let bless = std::env::var_os("HETEMU_BLESS").is_some();
    let folder = root().join("tests/frozen");
    let mut known = BTreeSet::new();
    let mut wrong = Vec::new();
    for (name, version, open, source) in profiles() {
        let file = format!("{name}@{version}.json");
        let path = folder.join(&file);
        if open {
            assert!(!path.is_file(), "{name}@{version} is open and has a frozen graph");
            continue;
        }
        let now = json_text(&graph(&source, registry.catalog()), Detail::Guest);
        known.insert(file.clone());
        match std::fs::read_to_string(&path) {
            Ok(frozen) if frozen == now => {}
            Ok(_) => wrong.push(format!(
                "{name}@{version}: what a guest sees has changed. A released version stays as it \
                 is: make the change a new version."
            )),
            Err(_) if bless => std::fs::write(&path, &now).expect("a writable tree"),
            Err(_) => wrong.push(format!("{name}@{version}: no {file}; HETEMU_BLESS=1 writes it")),
        }
    }
    for entry in std::fs::read_dir(&folder).expect("tests/frozen").flatten() {
        let file = entry.file_name().to_string_lossy().into_owned();
        if file.ends_with(".json") && !known.contains(&file) {
            wrong.push(format!("{file} is frozen, and its profile is gone"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_change_under_the_same_version_is_found() {
    let registry = registry::registry();
    for (name, _, _, source) in profiles() {
        let graph = graph(&source, registry.catalog());
        let now = json_text(&graph, Detail::Guest);
        let mut other = graph.clone();
        let row = other.buses.iter_mut().flat_map(|b| &mut b.rows).next().expect("a row");
        row.size += 0x1000;
        assert_ne!(json_text(&other, Detail::Guest), now, "{name}");
        let mut other = graph.clone();
        other.doc.push_str("more");
        other.plugs.clear();
        assert_eq!(json_text(&other, Detail::Guest), now, "{name}: plugs are the host's");
    }
}

/// Every shipped machine and profile.
fn shipped() -> Vec<Source> {
    let machine = |name: &str| Source {
        name: format!("machines/{name}.hm"),
        bytes: find::embedded(&format!("{name}.hm")).unwrap_or_default().to_vec(),
        base: Base::Embedded,
    };
    let mut all: Vec<Source> = find::shipped().map(machine).collect();
    all.extend(profiles().into_iter().map(|(.., source)| source));
    all
}

#[test]
fn machines_are_what_they_expand_to() {
    let registry = registry::registry();
    let mut count = 0;
    for source in shipped() {
        let loaded = load(&source, registry.catalog());
        if loaded.typed.alone {
            continue;
        }
        let graph = loaded.graph.unwrap_or_default();
        let text = hetemu_lang::expand_graph(&graph, &loaded.typed, &loaded.sources).text;
        let expanded =
            Source { name: "expanded.hm".into(), bytes: text.into_bytes(), base: Base::Embedded };
        let again = self::graph(&expanded, registry.catalog());
        let changes = diff(&graph, &again);
        for (word, class) in Class::ALL {
            assert!(!changes.reaches(class), "{} {word}\n{}", source.name, changes.text());
        }
        count += 1;
    }
    assert!(count >= 7, "{count}");
}

#[test]
fn names_find_the_newest_version_and_a_pinned_one() {
    use hetemu_lang::Library;
    let texts = Shelf.named("riscv-virt", "");
    assert!(texts.iter().any(|t| t.name.ends_with(".toml")), "{texts:?}");
    let source = find::find("riscv-virt@1").expect("a profile");
    assert!(source.name.ends_with("riscv-virt.toml"), "{}", source.name);
    assert!(find::find("riscv-virt@99").is_err());
}
