//! Reads a decode table. Lines are `ext`, `operands`, `field`, instructions and `~` aliases;
//! `#` begins a comment.

/// Fixed bits and their values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cube {
    /// Bits that are fixed.
    pub mask: u32,
    /// Their values.
    pub value: u32,
}

impl Cube {
    /// Whether some word lies in both.
    pub fn meets(self, other: Cube) -> bool {
        self.mask & other.mask & (self.value ^ other.value) == 0
    }
    /// Whether every word of `other` lies in this one.
    pub fn covers(self, other: Cube) -> bool {
        self.mask & !other.mask == 0 && self.meets(other)
    }
    /// The number of words of `len` bytes in it.
    pub fn encodings(self, len: u8) -> u64 {
        1 << (u32::from(len) * 8 - self.mask.count_ones())
    }
    /// The bits from the highest on, `.` where free.
    pub fn text(self, len: u8) -> String {
        let bit = |i: u32| match (self.mask >> i & 1, self.value >> i & 1) {
            (0, _) => '.',
            (_, 0) => '0',
            _ => '1',
        };
        (0..u32::from(len) * 8).rev().map(bit).collect()
    }
}

#[derive(Debug)]
pub(super) struct FieldDef {
    pub(super) name: String,
    pub(super) parts: Vec<(u8, u8)>,
    pub(super) sext: bool,
    pub(super) shift: u8,
    pub(super) add: i32,
    pub(super) operand: Option<usize>,
    pub(super) style: String,
}

impl FieldDef {
    pub(super) fn mask(&self) -> u32 {
        self.parts.iter().fold(0, |m, &(hi, lo)| m | bits(hi, lo))
    }
}

fn bits(hi: u8, lo: u8) -> u32 {
    (((1u64 << (hi - lo + 1)) - 1) << lo) as u32
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Text(String),
    Field(usize),
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Source {
    Field(usize),
    Number(i32),
}

#[derive(Debug)]
pub(super) struct RowDef {
    pub(super) line: usize,
    pub(super) name: String,
    pub(super) len: u8,
    pub(super) cube: Cube,
    /// Bits written `-`: free and without meaning.
    pub(super) ignored: u32,
    pub(super) need: u64,
    pub(super) format: Vec<Part>,
    /// The operation that is lifted, and where its operands come from.
    pub(super) op: String,
    pub(super) binds: Vec<(usize, Source)>,
    pub(super) same: Option<(usize, usize)>,
}

/// A parsed table.
#[derive(Debug, Default)]
pub struct Table {
    pub(super) exts: Vec<String>,
    pub(super) operands: Vec<String>,
    pub(super) fields: Vec<FieldDef>,
    pub(super) rows: Vec<RowDef>,
    pub(super) aliases: Vec<RowDef>,
}

impl Table {
    /// The instruction lengths in use, bytes.
    pub fn lengths(&self) -> Vec<u8> {
        let mut all: Vec<u8> = self.rows.iter().map(|r| r.len).collect();
        all.sort();
        all.dedup();
        all
    }

    fn field(&self, name: &str) -> Result<usize, String> {
        self.fields.iter().position(|f| f.name == name).ok_or(format!("no field `{name}`"))
    }

    fn operand(&self, name: &str) -> Result<usize, String> {
        self.operands.iter().position(|o| o == name).ok_or(format!("no operand `{name}`"))
    }
}

/// Reads a table.
///
/// # Errors
/// Every line that does not read, with its number.
pub fn parse(text: &str) -> Result<Table, Vec<String>> {
    let mut table = Table::default();
    let mut errors = Vec::new();
    for (i, line) in text.lines().enumerate() {
        let code = line.split('#').next().unwrap_or_default().trim();
        if !code.is_empty()
            && let Err(e) = statement(&mut table, i + 1, code)
        {
            errors.push(format!("line {}: {e}\n  {line}", i + 1));
        }
    }
    if errors.is_empty() { Ok(table) } else { Err(errors) }
}

fn statement(table: &mut Table, line: usize, code: &str) -> Result<(), String> {
    let words = |rest: &str| rest.split_whitespace().map(str::to_string).collect::<Vec<_>>();
    if let Some(rest) = code.strip_prefix("ext ") {
        table.exts.extend(words(rest));
        if table.exts.len() > 64 {
            return Err("more than 64 extensions".into());
        }
    } else if let Some(rest) = code.strip_prefix("operands ") {
        table.operands.extend(words(rest));
    } else if let Some(rest) = code.strip_prefix("field ") {
        let field = field(table, rest)?;
        table.fields.push(field);
    } else {
        let (alias, code) = match code.strip_prefix('~') {
            Some(rest) => (true, rest),
            None => (false, code),
        };
        let row = row(table, line, code, alias)?;
        if alias { table.aliases.push(row) } else { table.rows.push(row) }
    }
    Ok(())
}

/// `NAME = [sext(]HI..LO : ...[)] [<< N] [+ N] -> OPERAND STYLE`; the operand may be `_`.
fn field(table: &Table, text: &str) -> Result<FieldDef, String> {
    let (name, rest) = text.split_once('=').ok_or("a field is `NAME = BITS -> OPERAND STYLE`")?;
    let (expr, target) = rest.split_once("->").ok_or("`-> OPERAND STYLE` is missing")?;
    let (operand, style) = target.trim().split_once(' ').ok_or("the style is missing")?;
    let operand = if operand == "_" { None } else { Some(table.operand(operand)?) };
    let number = |s: &str| s.trim().parse::<u8>().map_err(|_| format!("`{s}` is no number"));
    let (expr, add) = match expr.split_once('+') {
        Some((e, n)) => (e, i32::from(number(n)?)),
        None => (expr, 0),
    };
    let (expr, shift) = match expr.split_once("<<") {
        Some((e, n)) => (e, number(n)?),
        None => (expr, 0),
    };
    let expr = expr.trim();
    let inner = expr.strip_prefix("sext(").and_then(|e| e.strip_suffix(')'));
    let mut parts = Vec::new();
    for part in inner.unwrap_or(expr).split(':') {
        let (hi, lo) = part.split_once("..").unwrap_or((part, part));
        let (hi, lo) = (number(hi)?, number(lo)?);
        if hi < lo || hi > 31 {
            return Err(format!("bits {hi}..{lo}"));
        }
        parts.push((hi, lo));
    }
    Ok(FieldDef {
        name: name.trim().to_string(),
        parts,
        sext: inner.is_some(),
        shift,
        add,
        operand,
        style: style.trim().to_string(),
    })
}

/// `NAME | BITS | EXT... | FORMAT [| OP operand=source...]`; for aliases the last is `field=field`.
fn row(table: &Table, line: usize, code: &str, alias: bool) -> Result<RowDef, String> {
    let cols: Vec<&str> = code.split('|').map(str::trim).collect();
    let [name, pattern, exts, format, more @ ..] = cols.as_slice() else {
        return Err("a row is `NAME | BITS | EXTENSIONS | FORMAT`".into());
    };
    let pattern: String = pattern.chars().filter(|c| !c.is_whitespace()).collect();
    let len = match pattern.len() {
        16 => 2,
        32 => 4,
        n => return Err(format!("{n} bits")),
    };
    let (mut cube, mut ignored) = (Cube { mask: 0, value: 0 }, 0);
    for (c, i) in pattern.chars().zip((0..pattern.len()).rev()) {
        match c {
            '0' | '1' => {
                cube.mask |= 1 << i;
                cube.value |= u32::from(c == '1') << i;
            }
            '.' => {}
            '-' => ignored |= 1 << i,
            _ => return Err(format!("`{c}` in the pattern")),
        }
    }
    let mut need = 0;
    for ext in exts.split_whitespace() {
        let bit = table.exts.iter().position(|e| e == ext).ok_or(format!("no ext `{ext}`"))?;
        need |= 1 << bit;
    }
    let format = pieces(table, format)?;
    let mut op = name.to_string();
    let (mut binds, mut same) = (Vec::new(), None);
    match more {
        [] => {
            for part in &format {
                if let Part::Field(f) = part
                    && let Some(operand) = table.fields[*f].operand
                {
                    binds.push((operand, Source::Field(*f)));
                }
            }
        }
        [text] => {
            let mut words = text.split_whitespace();
            if !alias {
                op = words.next().ok_or("the operation is missing")?.to_string();
            }
            for word in words {
                let (to, from) = word.split_once('=').ok_or(format!("`{word}` is no binding"))?;
                if alias {
                    same = Some((table.field(to)?, table.field(from)?));
                    continue;
                }
                let source = match from.parse() {
                    Ok(n) => Source::Number(n),
                    Err(_) => Source::Field(table.field(from)?),
                };
                binds.push((table.operand(to)?, source));
            }
        }
        _ => return Err("too many columns".into()),
    }
    Ok(RowDef { line, name: name.to_string(), len, cube, ignored, need, format, op, binds, same })
}

/// Splits a format into fields and text; words that are no field stand in quotes (`'sp'`).
fn pieces(table: &Table, format: &str) -> Result<Vec<Part>, String> {
    let mut out: Vec<Part> = Vec::new();
    let mut rest = format;
    while let Some(c) = rest.chars().next() {
        let end = |p: fn(char) -> bool| rest.find(|c| !p(c)).unwrap_or(rest.len());
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if c == '\'' {
            let (text, tail) = rest[1..].split_once('\'').ok_or("an open quote")?;
            out.push(Part::Text(text.to_string()));
            rest = tail;
        } else if word(c) {
            let n = end(|c| c.is_ascii_alphanumeric() || c == '_');
            out.push(Part::Field(table.field(&rest[..n])?));
            rest = &rest[n..];
        } else {
            let n = end(|c| !(c.is_ascii_alphanumeric() || c == '_' || c == '\''));
            out.push(Part::Text(rest[..n].to_string()));
            rest = &rest[n..];
        }
    }
    Ok(out)
}
