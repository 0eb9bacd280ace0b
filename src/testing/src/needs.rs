//! Software of others that a test runs beside: a test is skipped with a message where it is
//! missing, and fails there if `HETEMU_REQUIRE_GUESTS=1` (as in CI).

use std::path::Path;
use std::process::{Command, Stdio};

/// Whether nothing may be skipped.
pub fn required() -> bool {
    std::env::var_os("HETEMU_REQUIRE_GUESTS").is_some_and(|v| v == "1")
}

/// Says whether `what` is there, with a message if it is not.
///
/// # Panics
/// If it is missing and must not be.
#[track_caller]
pub fn have(there: bool, what: &str) -> bool {
    assert!(there || !required(), "{what}: not there");
    if !there {
        eprintln!("skipped: {what}: not there");
    }
    there
}

/// Whether all of these files are there.
///
/// # Panics
/// If one is missing and must not be.
#[track_caller]
pub fn files<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> bool {
    paths.into_iter().all(|p| have(p.as_ref().exists(), &p.as_ref().display().to_string()))
}

/// Whether all of these programs can be called.
///
/// # Panics
/// If one is missing and must not be.
#[track_caller]
pub fn tools(names: &[&str]) -> bool {
    names.iter().all(|name| have(answers(Command::new(name).arg("--version")), name))
}

/// A Python that has a package: `HETEMU_PYTHON`, the one that CI makes in `target/unicorn`, or the
/// host's.
///
/// # Panics
/// If there is none and there must be.
#[track_caller]
pub fn python(package: &str) -> Option<String> {
    let own = crate::root().join("target/unicorn/bin/python3");
    let own = if own.exists() { own.display().to_string() } else { "python3".into() };
    let python = std::env::var("HETEMU_PYTHON").unwrap_or(own);
    let there = answers(Command::new(&python).args(["-c", &format!("import {package}")]));
    have(there, &format!("package {package} of `{python}`")).then_some(python)
}

fn answers(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
}
