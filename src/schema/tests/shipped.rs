//! The schemas that ship: all are sound, and the compiled tables say what the files say.

use hetemu_schema::build::read;
use hetemu_schema::{Catalog, DeviceType, Lookup, sanity};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn files(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, out);
        } else if entry.file_name() == "schema.kdl" {
            out.push(path);
        }
    }
}

fn shipped() -> Vec<DeviceType> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut all = Vec::new();
    for dir in ["devices", "targets"] {
        files(&root.join(dir), &mut all);
    }
    all.sort();
    let mut types = Vec::new();
    for file in all {
        let text = std::fs::read_to_string(&file).expect("readable");
        match read(&text, &file.display().to_string()) {
            Ok(more) => types.extend(more),
            Err(errors) => panic!("{errors:#?}"),
        }
    }
    types
}

#[test]
fn all_are_sound_and_unique() {
    let types = shipped();
    let mut seen = BTreeSet::new();
    for t in &types {
        assert_eq!(sanity::faults(t), [""; 0], "{}", t.full_name());
        assert!(seen.insert((t.name, t.version)), "{} twice", t.full_name());
        assert!(!t.summary.ends_with('.'), "{}: summaries are titles", t.full_name());
    }
    // Names in other tools are unique too: an importer must find one type.
    let mut aliases = BTreeSet::new();
    for t in &types {
        for a in t.aliases {
            let newest = types.iter().filter(|o| o.name == t.name).all(|o| o.version <= t.version);
            assert!(aliases.insert(*a) || !newest, "alias {a} twice");
        }
    }
}

#[test]
fn versions_follow_each_other_and_know_where_they_come_from() {
    let types = shipped();
    for t in &types {
        if t.version > 1 {
            let older = types.iter().any(|o| o.name == t.name && o.version == t.version - 1);
            assert!(older, "{} without its predecessor", t.full_name());
        }
        for (old, _) in t.state.from {
            assert!(*old < t.state.version, "{}", t.full_name());
        }
    }
}

#[test]
fn compiled_tables_equal_the_files() {
    let types = shipped();
    let compiled = hetemu_dev_pc::schemas::SCHEMAS
        .iter()
        .chain(hetemu_target_arm::schemas::SCHEMAS)
        .chain(hetemu_target_mips::schemas::SCHEMAS);
    let mut n = 0;
    for table in compiled {
        let file = types.iter().find(|t| t.name == table.name && t.version == table.version);
        assert_eq!(file, Some(*table));
        n += 1;
    }
    assert!(n >= 10, "{n}");
}

#[test]
fn catalogue_finds_names_and_versions() {
    let catalog = Catalog::new(hetemu_dev_pc::schemas::SCHEMAS.iter().copied());
    let version = |found| match found {
        Lookup::Found(t) => Some(t.version),
        _ => None,
    };
    assert_eq!(version(catalog.find("mc146818", None)), Some(2));
    assert_eq!(version(catalog.find("mc146818", Some(1))), Some(1));
    assert_eq!(catalog.find("mc146818", Some(3)), Lookup::NoVersion);
    assert_eq!(catalog.find("mc146819", None), Lookup::NoName);
    assert_eq!(catalog.versions("mc146818").len(), 2);
}

#[test]
fn constants_bear_the_data_sheets_names() {
    use hetemu_dev_pc::schemas::intel_hpet_1 as hpet;
    assert_eq!((hpet::GEN_CONF, hpet::GEN_CONF_LEG_RT_CNF), (0x10, 2));
    assert_eq!((hpet::TIM_COMP, hpet::TIM_COMP_COUNT, hpet::TIM_COMP_STRIDE), (0x108, 3, 0x20));
    assert_eq!((hpet::outputs::IRQ, hpet::regions::REGS), (0, 0));
}
