//! `hetemu diff OLD NEW`: graph against graph.

use super::{DIFFERENT, OK, USAGE, complain};
use crate::cli::{Diff, DiffFormat};
use hetemu::find::{self, Base, Source};
use hetemu::{Settings, registry};
use hetemu_graph::{Class, Graph, diff, semantic_hash};
use std::path::Path;
use std::process::Command;

pub(crate) fn run(args: &Diff) -> u8 {
    let Some(class) = Class::from_word(&args.fail_on) else {
        let words: Vec<&str> = Class::ALL.iter().map(|(w, _)| *w).collect();
        complain(format!("`{}` is no class: {}", args.fail_on, words.join(", ")));
        return USAGE;
    };
    let registry = registry::registry();
    let load = |what: &str| -> Result<Graph, u8> {
        let source = source(what).map_err(|e| {
            complain(e);
            USAGE
        })?;
        let (_, _, graph) = super::load_source(source, &Settings::default(), registry.catalog())?;
        Ok(graph)
    };
    let old = match load(&args.old) {
        Ok(graph) => graph,
        Err(code) => return code,
    };
    if args.semantic_hash {
        super::print(&format!("{}\n", semantic_hash(&old)));
        return OK;
    }
    let Some(new) = &args.new else {
        complain("diff needs two machines: OLD NEW");
        return USAGE;
    };
    let new = match load(new) {
        Ok(graph) => graph,
        Err(code) => return code,
    };
    let d = diff(&old, &new);
    super::print(&match args.format {
        DiffFormat::Text => d.text(),
        DiffFormat::Json => format!("{}\n", d.json()),
        DiffFormat::Markdown => d.markdown(),
    });
    if d.reaches(class) { DIFFERENT } else { OK }
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
