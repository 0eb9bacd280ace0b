//! `hetemu lsp`: the editor server on standard input and output.

use super::complain;
use hetemu::find::{Base, Source};
use hetemu::{Settings, registry};
use hetemu_lsp::Checked;
use std::path::Path;

pub(crate) fn run() -> u8 {
    let registry = registry::registry();
    let catalog = registry.catalog();
    let check = |path: &str, text: &str| {
        let folder = Path::new(path).parent().map(Path::to_path_buf).unwrap_or_default();
        let bytes = text.as_bytes().to_vec();
        let source = Source { name: path.to_string(), bytes, base: Base::Folder(folder) };
        let loaded = hetemu::check(&source, &Settings::default(), catalog);
        Checked { diagnostics: loaded.diagnostics, sources: loaded.sources, graph: loaded.graph }
    };
    let (input, output) = (std::io::stdin().lock(), std::io::stdout().lock());
    hetemu_lsp::serve(input, output, catalog, &check).unwrap_or_else(|e| {
        complain(format!("the editor cannot be reached: {e}"));
        1
    })
}
