//! Writes the decoder: nested matches on the bits that tell rows apart, and the static tables.

use super::parse::{Cube, FieldDef, Part, RowDef, Source, Table};
use std::collections::BTreeMap;
use std::fmt::Write;

/// The Rust text of a checked table.
pub fn emit(table: &Table) -> String {
    let mut out = String::new();
    head(table, &mut out);
    for field in &table.fields {
        extractor(field, &mut out);
    }
    for len in table.lengths() {
        let bits = len * 8;
        let _ = writeln!(
            out,
            "/// Decodes {bits} bits for a set of extensions.\n\
             #[rustfmt::skip]\n#[allow(clippy::all, unused_parens)]\n\
             pub fn decode{bits}(w: u32, set: u64) -> Option<Insn> {{"
        );
        let mut rows: Vec<(usize, &RowDef)> =
            table.rows.iter().enumerate().filter(|(_, r)| r.len == len).collect();
        // The more specific row first, wherever several remain.
        rows.sort_by_key(|(i, r)| (std::cmp::Reverse(r.cube.mask.count_ones()), *i));
        node(table, &rows, Cube { mask: 0, value: 0 }, &mut out);
        out.push_str("    None\n}\n");
    }
    statics(table, &mut out);
    out
}

fn head(table: &Table, out: &mut String) {
    out.push_str("/// Bits of a set of extensions.\npub mod ext {\n");
    for (i, ext) in table.exts.iter().enumerate() {
        let name = ext.to_uppercase();
        let _ = writeln!(out, "    /// `{ext}`\n    pub const {name}: u64 = 1 << {i};");
    }
    out.push_str("}\n/// Names of the extensions, by bit.\npub static EXTENSIONS: &[&str] = &[");
    for ext in &table.exts {
        let _ = write!(out, "{ext:?}, ");
    }
    out.push_str("];\n");
    let mut ops: Vec<String> = table.rows.iter().map(|r| camel(&r.op)).collect();
    ops.sort();
    ops.dedup();
    out.push_str(
        "/// What an instruction does.\n#[allow(missing_docs)]\n\
         #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]\npub enum Op {\n",
    );
    for op in ops {
        let _ = writeln!(out, "    {op},");
    }
    out.push_str(
        "}\n/// A decoded instruction: compressed forms are already their base operation.\n\
         #[derive(Debug, Clone, Copy, PartialEq, Eq)]\npub struct Insn {\n\
         \x20   /// Index in [`ROWS`].\n    pub row: u16,\n    /// What it does.\n    pub op: Op,\n\
         \x20   /// Length in bytes.\n    pub len: u8,\n    /// The instruction's bits.\n    pub word: u32,\n",
    );
    for operand in &table.operands {
        let _ = writeln!(out, "    /// Operand `{operand}`.\n    pub {operand}: i32,");
    }
    out.push_str("}\n");
}

fn camel(name: &str) -> String {
    let part = |p: &str| {
        let mut cs = p.chars();
        cs.next().map_or(String::new(), |c| c.to_uppercase().chain(cs).collect())
    };
    name.split(['.', '_']).map(part).collect()
}

fn extractor(field: &FieldDef, out: &mut String) {
    let mut width = 0;
    let mut terms = Vec::new();
    for &(hi, lo) in field.parts.iter().rev() {
        let n = u32::from(hi - lo) + 1;
        let mask = (1u64 << n) - 1;
        terms.push(format!("((w >> {lo}) & {mask:#x}) << {width}"));
        width += n;
    }
    let mut expr = terms.join(" | ");
    if field.sext && width < 32 {
        expr = format!("((({expr}) << {0}) as i32 >> {0}) as u32", 32 - width);
    }
    let _ = writeln!(
        out,
        "#[allow(dead_code, clippy::all)]\n#[rustfmt::skip]\n#[inline(always)]\n\
         fn f_{}(w: u32) -> i32 {{\n    ((({expr}) << {}) as i32).wrapping_add({})\n}}",
        field.name, field.shift, field.add
    );
}

/// One node: match on the bits that all its rows fix and that were not looked at yet.
fn node(table: &Table, rows: &[(usize, &RowDef)], seen: Cube, out: &mut String) {
    let common = rows.iter().fold(u32::MAX, |m, (_, r)| m & r.cube.mask) & !seen.mask;
    if rows.len() == 1 || common == 0 {
        for (i, row) in rows {
            leaf(table, *i, row, seen, out);
        }
        return;
    }
    let mut groups: BTreeMap<u32, Vec<(usize, &RowDef)>> = BTreeMap::new();
    for &(i, row) in rows {
        groups.entry(row.cube.value & common).or_default().push((i, row));
    }
    let _ = writeln!(out, "match w & {common:#x} {{");
    for (value, group) in groups {
        let _ = writeln!(out, "{value:#x} => {{");
        let seen = Cube { mask: seen.mask | common, value: seen.value | value };
        node(table, &group, seen, out);
        out.push_str("}\n");
    }
    out.push_str("_ => {}\n}\n");
}

fn leaf(table: &Table, index: usize, row: &RowDef, seen: Cube, out: &mut String) {
    let rest = row.cube.mask & !seen.mask;
    let mut conditions = Vec::new();
    if rest != 0 {
        conditions.push(format!("w & {rest:#x} == {:#x}", row.cube.value & rest));
    }
    if row.need != 0 {
        conditions.push(format!("set & {0:#x} == {0:#x}", row.need));
    }
    if conditions.is_empty() {
        conditions.push("true".to_string());
    }
    let mut result = "None".to_string();
    // `reserved` rows take words away from less specific ones.
    if row.op != "reserved" {
        let mut members = String::new();
        for (i, operand) in table.operands.iter().enumerate() {
            let source = row.binds.iter().find(|(o, _)| *o == i).map(|(_, s)| *s);
            let _ = match source {
                None => write!(members, ", {operand}: 0"),
                Some(Source::Number(n)) => write!(members, ", {operand}: {n}"),
                Some(Source::Field(f)) => {
                    write!(members, ", {operand}: f_{}(w)", table.fields[f].name)
                }
            };
        }
        result = format!(
            "Some(Insn {{ row: {index}, op: Op::{}, len: {}, word: w{members} }})",
            camel(&row.op),
            row.len
        );
    }
    let _ = writeln!(out, "if {} {{ return {result}; }}", conditions.join(" && "));
}

fn statics(table: &Table, out: &mut String) {
    out.push_str("/// Operand fields.\npub static FIELDS: &[hetemu_isa::decode::Field] = &[\n");
    for f in &table.fields {
        let _ = writeln!(
            out,
            "    hetemu_isa::decode::Field {{ name: {:?}, style: {:?}, parts: &{:?}, sext: {}, shift: {}, add: {} }},",
            f.name, f.style, f.parts, f.sext, f.shift, f.add
        );
    }
    out.push_str("];\n");
    let lists = [
        ("ROWS", "Instructions, in the order of the table", &table.rows),
        ("ALIASES", "Shorter ways to write some of them, for the disassembler", &table.aliases),
    ];
    for (name, doc, rows) in lists {
        let _ = writeln!(out, "/// {doc}.\npub static {name}: &[hetemu_isa::decode::Row] = &[");
        for row in rows {
            let pieces: Vec<String> = row.format.iter().map(piece).collect();
            let _ = writeln!(
                out,
                "    hetemu_isa::decode::Row {{ name: {:?}, len: {}, mask: {:#x}, value: {:#x}, need: {:#x}, \
                 format: &[{}], same: {:?} }},",
                row.name,
                row.len,
                row.cube.mask,
                row.cube.value,
                row.need,
                pieces.join(", "),
                row.same.map(|(a, b)| (a as u8, b as u8)),
            );
        }
        out.push_str("];\n");
    }
}

fn piece(part: &Part) -> String {
    match part {
        Part::Text(t) => format!("hetemu_isa::decode::Piece::Text({t:?})"),
        Part::Field(f) => format!("hetemu_isa::decode::Piece::Field({f})"),
    }
}
