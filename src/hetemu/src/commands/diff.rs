//! `hetemu diff OLD NEW`: graph against graph.

use super::{DIFFERENT, OK, USAGE, complain};
use crate::cli::{Diff, DiffForm};
use hetemu::find::{self, Base, Source};
use hetemu::{Settings, registry};
use hetemu_graph::{Class, Graph, diff, semantic_hash, show};
use std::path::Path;
use std::process::Command;

pub(crate) fn run(args: &Diff) -> u8 {
    let Some(class) = Class::from_word(&args.fail_on) else {
        let words: Vec<&str> = Class::ALL.iter().map(|(w, _)| *w).collect();
        complain(format!("`{}` is no class: {}", args.fail_on, words.join(", ")));
        return USAGE;
    };
    let (old, new, git) = match args.machines.as_slice() {
        [one] if args.semantic_hash => {
            return match load(one) {
                Ok(graph) => {
                    super::print(&format!("{}\n", semantic_hash(&graph)));
                    OK
                }
                Err(code) => code,
            };
        }
        [old, new] => (old, new, None),
        // git: path, old file, hash, mode, new file, hash, mode [, new path, what happened].
        [path, old, _, _, new, _, _] | [path, old, _, _, new, _, _, _, _] => (old, new, Some(path)),
        _ => {
            complain("diff needs two machines: OLD NEW");
            return USAGE;
        }
    };
    if let Some(path) = git {
        super::print(&format!("hetemu diff {path}\n"));
        // A file that one side does not have.
        let gone = |file: &str| file == "/dev/null" || file == "nul";
        if gone(old) || gone(new) {
            super::print(if gone(old) { "a new machine\n" } else { "the machine is gone\n" });
            return OK;
        }
    }
    let (old, new) = match (load(old), load(new)) {
        (Ok(old), Ok(new)) => (old, new),
        // git stops at the first file that a program fails at; the others are wanted too.
        (Err(code), _) | (_, Err(code)) => return if git.is_some() { OK } else { code },
    };
    let d = diff(&old, &new);
    super::print(&match args.format {
        DiffForm::Text => d.text(),
        DiffForm::Json => format!("{}\n", d.json()),
        DiffForm::Markdown => d.markdown(),
        DiffForm::Svg => show::diff_svg(&old, &new, &d),
    });
    if git.is_none() && d.reaches(class) { DIFFERENT } else { OK }
}

fn load(what: &str) -> Result<Graph, u8> {
    let registry = registry::registry();
    let source = source(what).map_err(|e| {
        complain(e);
        USAGE
    })?;
    let (_, _, graph) = super::load_source(source, &Settings::default(), registry.catalog())?;
    Ok(graph)
}

/// A file, `REV:FILE` of the git repository around, or the name of a machine.
fn source(what: &str) -> Result<Source, String> {
    if Path::new(what).is_file() {
        return find::find(what);
    }
    let Some((rev, path)) = what.split_once(':').filter(|(r, p)| !r.is_empty() && !p.is_empty())
    else {
        return find::find(what);
    };
    if rev.starts_with('-') {
        return Err(format!("`{rev}` is no revision"));
    }
    // From this folder first, as a shell's completion writes it, then from the top of the
    // repository.
    let mut error = String::new();
    for spec in [format!("{rev}:./{path}"), format!("{rev}:{path}")] {
        let out = Command::new("git").args(["show", &spec]).output();
        let out = out.map_err(|e| format!("git cannot be run: {e}"))?;
        if out.status.success() {
            let folder = Path::new(path).parent().map(Path::to_path_buf).unwrap_or_default();
            return Ok(Source {
                name: what.to_string(),
                bytes: out.stdout,
                base: Base::Folder(folder),
            });
        }
        error = String::from_utf8_lossy(&out.stderr).trim().to_string();
    }
    Err(format!("{what}: {error}"))
}
