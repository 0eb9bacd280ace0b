//! `hetemu fmt`: machine files in the one style.

use super::{DIFFERENT, OK, USAGE, WRONG, complain, print};
use crate::cli::Fmt;
use hetemu_lang::{SourceMap, render};
use std::io::{IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

pub(crate) fn run(args: &Fmt) -> u8 {
    let mut files = Vec::new();
    let mut worst = OK;
    for what in &args.files {
        match what.as_str() {
            "-" => worst = worst.max(stdin(args.check)),
            _ => collect(Path::new(what), &mut files),
        }
    }
    for file in files {
        // A file that cannot be read says so, and the others are formatted.
        worst = worst.max(match one(&file, args.check) {
            DIFFERENT if worst == OK => DIFFERENT,
            DIFFERENT => worst,
            code => code,
        });
    }
    worst
}

/// A file, or every machine file below a folder.
fn collect(path: &Path, into: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(path) else {
        into.push(path.to_path_buf());
        return;
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() && !path.is_symlink() {
            collect(&path, into);
        } else if path.extension().is_some_and(|e| e == "hm") {
            into.push(path);
        }
    }
}

fn one(path: &Path, check: bool) -> u8 {
    let name = path.display().to_string();
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) => {
            complain(format!("{name}: {e}"));
            return USAGE;
        }
    };
    let Some(formatted) = formatted(&name, &text) else { return WRONG };
    if formatted == text {
        return OK;
    }
    if check {
        print(&hetemu::text_diff(&name, &text, &formatted));
        return DIFFERENT;
    }
    match std::fs::write(path, formatted) {
        Ok(()) => {
            complain(format!("{name}: formatted"));
            OK
        }
        Err(e) => {
            complain(format!("{name}: {e}"));
            USAGE
        }
    }
}

fn stdin(check: bool) -> u8 {
    let mut text = String::new();
    if let Err(e) = std::io::stdin().read_to_string(&mut text) {
        complain(format!("standard input: {e}"));
        return USAGE;
    }
    let Some(formatted) = formatted("stdin", &text) else { return WRONG };
    if !check {
        print(&formatted);
        return OK;
    }
    if formatted == text {
        return OK;
    }
    print(&hetemu::text_diff("stdin", &text, &formatted));
    DIFFERENT
}

/// The text in form; what cannot be read is told instead.
fn formatted(name: &str, text: &str) -> Option<String> {
    let (sources, file) = SourceMap::single(name, text);
    match hetemu_lang::format(text, file) {
        Ok(formatted) => Some(formatted),
        Err(errors) => {
            let mut err = std::io::stderr();
            let colour = err.is_terminal() && std::env::var_os("NO_COLOR").is_none();
            let _ = err.write_all(render(&errors, &sources, colour, 100).as_bytes());
            complain(format!("{name} is left as it is: it cannot be read"));
            None
        }
    }
}
