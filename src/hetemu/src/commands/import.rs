//! `hetemu import`: machines of other tools as `.hm` text on standard output, and everything that
//! was not carried on standard error.

use super::{OK, USAGE, WRONG, complain};
use crate::cli::{Format, Import};
use hetemu::registry;
use hetemu_import::{Imported, Options, fdt, qmp};
use hetemu_lang::{Overrides, Severity, SourceMap};
use std::io::{IsTerminal, Write};

/// Formats, with the endings of their files.
const FORMATS: &[(&str, &[&str])] =
    &[("qmp", &["qmp", "qmp-shell"]), ("dts", &["dts", "dtsi"]), ("dtb", &["dtb", "dtbo"])];

pub(crate) fn run(args: &Import) -> u8 {
    let words: Vec<&str> = FORMATS.iter().map(|f| f.0).collect();
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
        "dtb" => fdt::import_blob(&mut sources, file, &bytes, catalog, &options),
        _ => {
            let id = add();
            fdt::import(&sources, id, catalog, &options)
        }
    };
    finish(args, &imported, &sources, catalog)
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
            let text = hetemu_lang::render(diagnostics, sources, colour, 100);
            let _ = std::io::stderr().write_all(text.as_bytes());
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
    let (made, file) = SourceMap::single("the imported machine", imported.text.as_str());
    let checked = hetemu_lang::check(&made, file, catalog, &Overrides::default());
    let errors: Vec<_> =
        checked.diagnostics.into_iter().filter(|d| d.severity == Severity::Error).collect();
    for e in &errors {
        complain(format!("the machine needs a hand before it can run: {}: {}", e.code, e.message));
    }
    if args.format == Format::Text {
        let (parts, rows, wires) = imported.counts;
        let left = imported.left_out();
        complain(format!(
            "imported {}, {}, {}; {left} left out",
            plural(parts, "part"),
            plural(rows, "row"),
            plural(wires, "wire")
        ));
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
