//! What makes a table wrong: two rows that claim one word, and bits that nothing reads.

use super::parse::{Cube, RowDef, Source, Table};

/// Checks a table.
///
/// # Errors
/// Every overlap with both lines, and every row whose free bits are read by no field.
pub fn check(table: &Table) -> Result<(), Vec<String>> {
    let mut errors = Vec::new();
    for (i, a) in table.rows.iter().enumerate() {
        unread(table, a, &mut errors);
        for b in &table.rows[i + 1..] {
            if overlap(table, a, b) {
                errors.push(format!(
                    "line {} ({}) and line {} ({}) both match {}",
                    a.line,
                    a.name,
                    b.line,
                    b.name,
                    Cube { mask: a.cube.mask | b.cube.mask, value: a.cube.value | b.cube.value }
                        .text(a.len)
                ));
            }
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// Two rows that can both be there claim a word, neither is the more specific one, and no third row
/// decides for the words that they share.
fn overlap(table: &Table, a: &RowDef, b: &RowDef) -> bool {
    let one_of = |x: &str, y: &str| {
        let bit = |n| table.exts.iter().position(|e| e == n).map_or(0, |i| 1u64 << i);
        let (x, y) = (bit(x), bit(y));
        a.need & x != 0 && b.need & y != 0 || a.need & y != 0 && b.need & x != 0
    };
    let narrower = a.cube != b.cube && (a.cube.covers(b.cube) || b.cube.covers(a.cube));
    let both = Cube { mask: a.cube.mask | b.cube.mask, value: a.cube.value | b.cube.value };
    let decided = |c: &RowDef| c.len == a.len && c.cube == both && c.cube != a.cube;
    a.len == b.len
        && a.cube.meets(b.cube)
        && !narrower
        && !one_of("rv32", "rv64")
        && !table.rows.iter().any(decided)
}

fn unread(table: &Table, row: &RowDef, errors: &mut Vec<String>) {
    let mut read = row.cube.mask | row.ignored;
    for part in &row.format {
        if let super::parse::Part::Field(f) = part {
            read |= table.fields[*f].mask();
        }
    }
    for (_, source) in &row.binds {
        if let Source::Field(f) = source {
            read |= table.fields[*f].mask();
        }
    }
    let all = if row.len == 2 { 0xffff } else { u32::MAX };
    if !read & all != 0 {
        let left = Cube { mask: !read & all, value: 0 }.text(row.len).replace('0', "?");
        errors.push(format!("line {} ({}): no field reads {left}", row.line, row.name));
    }
}

/// The encodings of a length that no row claims, whatever the extensions.
pub fn holes(table: &Table, len: u8) -> Vec<Cube> {
    let rows: Vec<Cube> = table.rows.iter().filter(|r| r.len == len).map(|r| r.cube).collect();
    let mut out = Vec::new();
    split(Cube { mask: 0, value: 0 }, &rows, &mut out);
    out
}

fn split(cube: Cube, rows: &[Cube], out: &mut Vec<Cube>) {
    let rows: Vec<Cube> = rows.iter().copied().filter(|r| r.meets(cube)).collect();
    if rows.is_empty() {
        out.push(cube);
        return;
    }
    if rows.iter().any(|r| r.covers(cube)) {
        return;
    }
    // The bit that most rows fix keeps the list of holes short.
    let free = |i: &u32| cube.mask >> i & 1 == 0;
    let fixed = |i: &u32| rows.iter().filter(|r| r.mask >> i & 1 == 1).count();
    let Some(bit) = (0..32).filter(free).max_by_key(fixed) else { return };
    for value in [0, 1 << bit] {
        split(Cube { mask: cube.mask | 1 << bit, value: cube.value | value }, &rows, out);
    }
}
