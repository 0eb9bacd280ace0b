//! The committed guest programs are what their sources make: rebuilds them where the cross compiler
//! is installed and compares byte for byte.

use hetemu_testing::root;
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

/// The compiler that a Makefile calls and that is not installed, if there is one.
fn missing(makefile: &Path) -> Option<&'static str> {
    let text = fs::read_to_string(makefile).unwrap_or_default();
    let called = |c: &&&str| **c == COMPILERS[0] || text.contains(**c);
    let there =
        |c: &str| Command::new(c).arg("--version").output().is_ok_and(|o| o.status.success());
    COMPILERS.iter().filter(called).find(|c| !there(c)).copied()
}

fn rebuild(folder: &str) {
    let required = std::env::var_os("HETEMU_REQUIRE_GUESTS").is_some_and(|v| v == "1");
    let source = root().join(folder);
    let name = folder.replace('/', "-");
    let temp = std::env::temp_dir().join(format!("hetemu-{}-{name}", std::process::id()));
    let mut built = Vec::new();
    copy(&source, &temp, &mut built);
    assert!(!built.is_empty(), "{folder} holds nothing built");
    let inside = fs::read_dir(&temp).expect("a folder").flatten().map(|e| e.path());
    let mut folders: Vec<PathBuf> = inside.filter(|at| at.join("Makefile").exists()).collect();
    if folders.is_empty() {
        folders.push(temp.clone());
    }
    for at in &folders {
        if let Some(compiler) = missing(&at.join("Makefile")) {
            assert!(!required, "{compiler} is not installed");
            eprintln!("skipped: {compiler} is not installed");
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
