//! The committed guest programs are what their sources make: rebuilds them where the cross compiler
//! is installed and compares byte for byte.

use hetemu_testing::{Folder, root, tools};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// RISC-V's, which every Makefile calls, and those that it calls if it names them.
const COMPILERS: [&str; 3] = ["riscv64-unknown-elf-gcc", "arm-none-eabi-gcc", "mips-linux-gnu-gcc"];

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

/// Whether the compilers that a Makefile calls are installed.
fn compilers(makefile: &Path) -> bool {
    let text = fs::read_to_string(makefile).unwrap_or_default();
    COMPILERS.iter().all(|c| (*c != COMPILERS[0] && !text.contains(c)) || tools(&[c]))
}

fn rebuild(folder: &str) {
    let source = root().join(folder);
    let temp = Folder::new("firmware");
    let mut built = Vec::new();
    copy(&source, &temp, &mut built);
    assert!(!built.is_empty(), "{folder} holds nothing built");
    let inside = fs::read_dir(&temp).expect("a folder").flatten().map(|e| e.path());
    let mut folders: Vec<PathBuf> = inside.filter(|at| at.join("Makefile").exists()).collect();
    if folders.is_empty() {
        folders.push(temp.to_path_buf());
    }
    for at in &folders {
        if !compilers(&at.join("Makefile")) {
            built.retain(|(_, made)| !made.starts_with(at));
            continue;
        }
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
