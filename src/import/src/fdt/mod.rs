//! Device trees (Devicetree Specification 0.4): sources, blobs, and the machines they describe.
//!
//! A blob is written as source first and that source is imported, so that every message has a line
//! that a person can read.

mod blob;
mod map;
mod print;
mod source;

use crate::codes;
use crate::{Imported, Options};
use hetemu_lang::source::FileId;
use hetemu_lang::{Diagnostic, SourceMap, Span};
use hetemu_schema::Catalog;

pub use blob::read as read_blob;
pub use print::to_source;

/// Index of a node in [`Tree::nodes`].
pub type NodeId = usize;

/// A device tree. Node 0 is the root.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    /// Nodes; a child stands behind its parent.
    pub nodes: Vec<Node>,
}

/// A node.
#[derive(Debug, Clone, Default)]
pub struct Node {
    /// Name with its unit address.
    pub name: String,
    /// Where it stands.
    pub span: Span,
    /// The node above; the root's is itself.
    pub parent: NodeId,
    /// In order.
    pub children: Vec<NodeId>,
    /// In order.
    pub props: Vec<Prop>,
    /// `/delete-node/` took it out.
    pub deleted: bool,
}

/// A property.
#[derive(Debug, Clone, Default)]
pub struct Prop {
    /// Name.
    pub name: String,
    /// Big-endian bytes.
    pub value: Vec<u8>,
    /// Where it stands.
    pub span: Span,
}

impl Tree {
    /// The bytes of a property.
    pub fn prop(&self, node: NodeId, name: &str) -> Option<&Prop> {
        self.nodes.get(node)?.props.iter().find(|p| p.name == name)
    }

    /// The cells of a property; bytes that are no whole cell are left out.
    pub fn cells(&self, node: NodeId, name: &str) -> Option<Vec<u32>> {
        let bytes = &self.prop(node, name)?.value;
        Some(bytes.chunks_exact(4).map(|c| u32::from_be_bytes([c[0], c[1], c[2], c[3]])).collect())
    }

    /// The first cell.
    pub fn cell(&self, node: NodeId, name: &str) -> Option<u32> {
        self.cells(node, name)?.first().copied()
    }

    /// The strings of a property.
    pub fn strings(&self, node: NodeId, name: &str) -> Vec<String> {
        let Some(p) = self.prop(node, name) else { return Vec::new() };
        let parts = p.value.split(|b| *b == 0).filter(|s| !s.is_empty());
        parts.map(|s| String::from_utf8_lossy(s).into_owned()).collect()
    }

    /// The first string.
    pub fn string(&self, node: NodeId, name: &str) -> Option<String> {
        self.strings(node, name).into_iter().next()
    }

    /// A node by its path from the root, with or without unit addresses.
    pub fn find(&self, path: &str) -> Option<NodeId> {
        let mut at = 0;
        for name in path.split('/').filter(|n| !n.is_empty()) {
            let fits = |id: &&NodeId| {
                self.nodes.get(**id).is_some_and(|n| {
                    !n.deleted && (n.name == name || n.name.split('@').next() == Some(name))
                })
            };
            at = *self.nodes.get(at)?.children.iter().find(fits)?;
        }
        Some(at)
    }
}

/// Imports a device tree source.
pub fn import(sources: &SourceMap, file: FileId, catalog: &Catalog, options: &Options) -> Imported {
    let text = sources.get(file).map_or("", |f| f.text.as_str());
    let mut diags = Vec::new();
    let tree = source::parse(text, file, &mut diags);
    if tree.nodes.len() < 2 {
        let span = Span { file, start: 0, end: 0 };
        diags.push(Diagnostic::new(codes::E1201, span, "this is no device tree: it has no nodes"));
        return Imported { diagnostics: diags, ..Imported::default() };
    }
    let stem = sources.get(file).map_or("machine", |f| crate::qmp::file_stem(&f.name));
    map::import(&tree, stem, diags, catalog, options)
}

/// Imports a blob: adds its source to the map, and imports that.
pub fn import_blob(
    sources: &mut SourceMap,
    name: &str,
    bytes: &[u8],
    catalog: &Catalog,
    options: &Options,
) -> Imported {
    match blob::read(bytes) {
        Ok(tree) => {
            let file = sources.add(format!("{name} (as source)"), print::to_source(&tree));
            import(sources, file, catalog, options)
        }
        Err(why) => {
            let file = sources.add(name, "");
            let span = Span { file, start: 0, end: 0 };
            let diagnostics = vec![Diagnostic::new(codes::E1201, span, why)];
            Imported { diagnostics, ..Imported::default() }
        }
    }
}

/// Names of the local interrupts of RISC-V (Privileged ISA 1.12, table 3.6), as types call them.
pub(crate) fn cause_names(cause: u32) -> &'static [&'static str] {
    match cause {
        1 => &["ssip"],
        3 => &["msip", "software"],
        5 => &["stip"],
        7 => &["mtip", "timer"],
        9 => &["seip"],
        11 => &["meip", "external"],
        _ => &[],
    }
}
