//! A device tree as source.

use super::{NodeId, Tree};
use std::fmt::Write;

/// The source of a tree: `/dts-v1/;` and the root node.
pub fn to_source(tree: &Tree) -> String {
    let mut out = String::from("/dts-v1/;\n\n");
    node(tree, 0, 0, &mut out);
    out
}

fn node(tree: &Tree, id: NodeId, depth: usize, out: &mut String) {
    let Some(n) = tree.nodes.get(id).filter(|n| !n.deleted) else { return };
    let indent = "\t".repeat(depth);
    let name: String = if id == 0 { "/".into() } else { n.name.chars().map(name_char).collect() };
    _ = writeln!(out, "{indent}{name} {{");
    for p in &n.props {
        let name: String = p.name.chars().map(name_char).collect();
        let value = value(&p.value);
        let sign = if value.is_empty() { "" } else { " = " };
        _ = writeln!(out, "{indent}\t{name}{sign}{value};");
    }
    for (i, child) in n.children.iter().enumerate() {
        if i > 0 || !n.props.is_empty() {
            out.push('\n');
        }
        node(tree, *child, depth + 1, out);
    }
    _ = writeln!(out, "{indent}}};");
}

/// What may stand in a name.
fn name_char(c: char) -> char {
    if c.is_ascii_alphanumeric() || ",._+-?#@".contains(c) { c } else { '_' }
}

/// Strings where the bytes look like text, cells where they are whole ones, bytes otherwise.
fn value(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return String::new();
    }
    if let Some(strings) = strings(bytes) {
        let quoted: Vec<String> = strings
            .iter()
            .map(|s| format!("\"{}\"", s.replace('\\', "\\\\").replace('"', "\\\"")))
            .collect();
        return quoted.join(", ");
    }
    if bytes.len().is_multiple_of(4) {
        let cells: Vec<String> = bytes
            .chunks_exact(4)
            .map(|c| format!("{:#x}", u32::from_be_bytes([c[0], c[1], c[2], c[3]])))
            .collect();
        return format!("<{}>", cells.join(" "));
    }
    let hex: Vec<String> = bytes.iter().map(|b| format!("{b:02x}")).collect();
    format!("[{}]", hex.join(" "))
}

fn strings(bytes: &[u8]) -> Option<Vec<&str>> {
    let body = bytes.strip_suffix(&[0])?;
    let parts = body.split(|b| *b == 0).map(|s| std::str::from_utf8(s).ok());
    let parts: Vec<&str> = parts.collect::<Option<_>>()?;
    let text = |s: &&str| !s.is_empty() && s.bytes().all(|b| (b' '..=b'~').contains(&b));
    parts.iter().all(text).then_some(parts)
}
