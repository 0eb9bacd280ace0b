//! The committed guest programs are what their sources make: rebuilds them where the cross compiler
//! is installed and compares byte for byte.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const COMPILER: &str = "riscv64-unknown-elf-gcc";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the workspace")
}

fn is_built(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "elf" || e == "bin")
}

/// Copies sources, and lists the built files that stand beside them.
fn copy(from: &Path, to: &Path, built: &mut Vec<(PathBuf, PathBuf)>) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy(&source, &target, built);
        } else if is_built(&source) {
            built.push((source, target));
        } else {
            fs::copy(&source, &target).expect("a copy");
        }
    }
}

fn rebuild(folder: &str) {
    if !Command::new(COMPILER).arg("--version").output().is_ok_and(|o| o.status.success()) {
        let required = std::env::var_os("HETEMU_REQUIRE_GUESTS").is_some_and(|v| v == "1");
        assert!(!required, "{COMPILER} is not installed");
        eprintln!("skipped: {COMPILER} is not installed");
        return;
    }
    let source = root().join(folder);
    let name = folder.replace('/', "-");
    let temp = std::env::temp_dir().join(format!("hetemu-{}-{name}", std::process::id()));
    let mut built = Vec::new();
    copy(&source, &temp, &mut built);
    assert!(!built.is_empty(), "{folder} holds nothing built");
    let mut makefiles = vec![temp.clone()];
    makefiles.extend(fs::read_dir(&temp).expect("a folder").flatten().map(|e| e.path()));
    for at in makefiles.iter().filter(|at| at.join("Makefile").exists()) {
        let out = Command::new("make").arg("-C").arg(at).output().expect("make");
        let errors = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "{folder}: {errors}");
    }
    let mut wrong = Vec::new();
    for (committed, made) in &built {
        let same = match (fs::read(committed), fs::read(made)) {
            (Ok(a), Ok(b)) => a == b,
            _ => false,
        };
        if !same {
            wrong.push(committed.display().to_string());
        }
    }
    // A temporary folder that stays does no harm.
    let _ = fs::remove_dir_all(&temp);
    assert!(wrong.is_empty(), "not what the sources make: {}", wrong.join(", "));
}

#[test]
fn firmware_of_machines() {
    rebuild("machines/firmware");
}

#[test]
fn harness_of_the_differential_runs() {
    rebuild("tests/differential/harness");
}
