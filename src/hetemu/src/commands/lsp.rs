//! `hetemu lsp`: the editor server on standard input and output.

use super::complain;
use hetemu::find::{Base, Shelf, Source};
use hetemu::{Settings, registry};
use hetemu_lang::Library;
use hetemu_lsp::{Checked, Ground};
use std::path::Path;

pub(crate) fn run() -> u8 {
    let registry = registry::registry();
    let catalog = registry.catalog();
    let check = |path: &str, text: &str, library: &dyn Library| {
        let folder = Path::new(path).parent().map(Path::to_path_buf).unwrap_or_default();
        let bytes = text.as_bytes().to_vec();
        let source = Source { name: path.to_string(), bytes, base: Base::Folder(folder) };
        let loaded = hetemu::check_from(&source, &Settings::default(), catalog, library);
        let (diagnostics, sources) = (loaded.diagnostics, loaded.sources);
        Checked { diagnostics, sources, graph: loaded.graph, ingredients: loaded.ingredients }
    };
    let place = |name: &str| {
        let path = Path::new(name).is_file().then(|| std::path::absolute(name).ok()).flatten()?;
        path.to_str().map(String::from)
    };
    let ground = Ground { catalog, check: &check, library: &Shelf, place: &place };
    let (input, output) = (std::io::stdin().lock(), std::io::stdout().lock());
    hetemu_lsp::serve(input, output, &ground).unwrap_or_else(|e| {
        complain(format!("the editor cannot be reached: {e}"));
        1
    })
}
