//! `hetemu import`: machines of other tools as `.hm` text on standard output, and everything that
//! was not carried on standard error.

use super::{OK, USAGE, WRONG, complain};
use crate::cli::{Format, Import};
use hetemu::find::{Base, Source};
use hetemu::{Settings, registry};
use hetemu_import::{Imported, Options, fdt, qemu, qmp, repl, svd};
use hetemu_lang::source::FileId;
use hetemu_lang::{Severity, SourceMap};
use std::io::{IsTerminal, Write};
use std::path::Path;

/// Formats, with the endings of their files.
const FORMATS: &[(&str, &[&str])] = &[
    ("qmp", &["qmp", "qmp-shell"]),
    ("dts", &["dts", "dtsi"]),
    ("dtb", &["dtb", "dtbo"]),
    ("repl", &["repl"]),
    ("svd", &["svd"]),
];

pub(crate) fn run(args: &Import) -> u8 {
    let words: Vec<&str> = FORMATS.iter().map(|f| f.0).collect();
    if args.input.as_slice() == ["qemu"] || (args.input.is_empty() && !args.words.is_empty()) {
        return command_line(args);
    }
    let (format, file) = match args.input.as_slice() {
        [format, file] if words.contains(&format.as_str()) => (format.as_str(), file),
        [format, _] => {
            complain(format!("`{format}` is no format: {}", words.join(", ")));
            return USAGE;
        }
        [file] => {
            let ending = file.rsplit('.').next().unwrap_or("").to_ascii_lowercase();
            match FORMATS.iter().find(|f| f.1.contains(&ending.as_str())) {
                Some((format, _)) => (*format, file),
                None => {
                    let formats = words.join(", ");
                    complain(format!(
                        "say which format `{file}` has: hetemu import FORMAT FILE ({formats})"
                    ));
                    return USAGE;
                }
            }
        }
        _ => {
            complain("import needs a file: hetemu import [FORMAT] FILE");
            return USAGE;
        }
    };
    let bytes = match std::fs::read(file) {
        Ok(bytes) => bytes,
        Err(e) => {
            complain(format!("{file}: {e}"));
            return USAGE;
        }
    };
    let registry = registry::registry();
    let options = Options { name: args.name.clone(), cpu: args.cpu.clone() };
    let mut sources = SourceMap::new();
    let mut add = || hetemu_lang::add_bytes(&mut sources, file, &bytes);
    let catalog = registry.catalog();
    let imported = match format {
        "qmp" => {
            let id = add();
            qmp::import(&sources, id, catalog, &options)
        }
        "svd" => {
            let id = add();
            svd::import(&sources, id, catalog, &options)
        }
        "repl" => {
            let id = add();
            repl::import(&mut sources, id, catalog, &options, &mut used)
        }
        "dtb" => fdt::import_blob(&mut sources, file, &bytes, catalog, &options),
        _ => {
            let id = add();
            fdt::import(&sources, id, catalog, &options)
        }
    };
    finish(args, &imported, &sources, catalog)
}

/// `hetemu import qemu -- -M virt ...`
fn command_line(args: &Import) -> u8 {
    if args.words.is_empty() {
        complain("the command line goes behind `--`: hetemu import qemu -- -M virt -smp 4");
        return USAGE;
    }
    let registry = registry::registry();
    let options = Options { name: args.name.clone(), cpu: args.cpu.clone() };
    let mut sources = SourceMap::new();
    let catalog = registry.catalog();
    let imported = qemu::import(&mut sources, &args.words, catalog, &options);
    finish(args, &imported, &sources, catalog)
}

/// A file that a platform uses: beside it, or below one of the folders above it, as Renode looks
/// below its own.
fn used(sources: &mut SourceMap, by: FileId, path: &str) -> Option<FileId> {
    let from = sources.get(by)?.name.clone();
    let relative = path.trim_start_matches("./");
    for folder in Path::new(&from).ancestors().skip(1) {
        let at = folder.join(relative);
        if let Ok(bytes) = std::fs::read(&at) {
            return Some(hetemu_lang::add_bytes(sources, &at.display().to_string(), &bytes));
        }
    }
    None
}

/// Prints the machine, the messages and a summary.
fn finish(
    args: &Import,
    imported: &Imported,
    sources: &SourceMap,
    catalog: &hetemu_schema::Catalog,
) -> u8 {
    let diagnostics = &imported.diagnostics;
    match args.format {
        Format::Json => {
            let text = hetemu_lang::to_json(diagnostics, sources);
            let _ = std::io::stderr().write_all(text.as_bytes());
        }
        Format::Text if !diagnostics.is_empty() => {
            let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            // A list of what is left out is whole, unlike one of mistakes.
            for some in diagnostics.chunks(20) {
                let text = hetemu_lang::render(some, sources, colour, 100);
                let _ = std::io::stderr().write_all(text.as_bytes());
            }
        }
        Format::Text => {}
    }
    if imported.text.is_empty() {
        return WRONG;
    }
    if let Err(code) = write(args, &imported.text) {
        return code;
    }
    // What the importer could not mend: no core, for example.
    let source = Source {
        name: "the imported machine".into(),
        bytes: imported.text.clone().into_bytes(),
        base: Base::Embedded,
    };
    let checked = hetemu::check(&source, &Settings::default(), catalog);
    let errors: Vec<_> =
        checked.diagnostics.into_iter().filter(|d| d.severity == Severity::Error).collect();
    for e in &errors {
        complain(format!("the machine needs a hand before it can run: {}: {}", e.code, e.message));
    }
    if args.format == Format::Text {
        let (parts, rows, wires) = imported.counts;
        let left = imported.left_out();
        // A machine that extends another has no parts of its own to count.
        let what = match rows {
            0 => String::from("imported"),
            _ => format!(
                "imported {}, {}, {}",
                plural(parts, "part"),
                plural(rows, "row"),
                plural(wires, "wire")
            ),
        };
        complain(format!("{what}; {left} left out"));
    }
    if imported.left_out() > 0 || !errors.is_empty() { WRONG } else { OK }
}

fn write(args: &Import, text: &str) -> Result<(), u8> {
    let Some(path) = &args.output else {
        super::print(text);
        return Ok(());
    };
    std::fs::write(path, text).map_err(|e| {
        complain(format!("{path}: {e}"));
        USAGE
    })
}

fn plural(n: usize, word: &str) -> String {
    format!("{n} {word}{}", if n == 1 { "" } else { "s" })
}
