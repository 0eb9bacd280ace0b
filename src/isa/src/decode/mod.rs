//! Decode tables: one line an instruction, compiled at build time.
//!
//! A target's `decode.table` names its extensions, its operand fields and its instructions as bit
//! patterns. The compiler (`build`, feature `build`, for build scripts) checks them and writes a
//! nested match on the discriminating bits; what is here is what the generated code, disassemblers
//! and generators of random programs use at run time. The table's syntax stands in [`build`'s
//! parser](self).
//!
//! ```text
//! ext      rv32 rv64 i m                      # conditions, numbered from bit 0 of a set
//! operands rd rs1 imm                         # members of the generated `Insn`
//! field    imm_b = sext(31 : 7 : 30..25 : 11..8) << 1 -> imm rel
//! addi     | ............ ..... 000 ..... 0010011 | i   | rd,rs1,imm_i
//! c.addi   | 000 . ..... ..... 01                | i c | rd,imm_ci | addi rd=rd rs1=rd imm=imm_ci
//! ~nop     | 000000000000 00000 000 00000 0010011 | i   |
//! ```

#[cfg(any(test, feature = "build"))]
mod check;
#[cfg(any(test, feature = "build"))]
mod emit;
#[cfg(any(test, feature = "build"))]
mod parse;

#[cfg(any(test, feature = "build"))]
pub mod build;

/// An operand field of an encoding.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Name in the table.
    pub name: &'static str,
    /// How the disassembler writes it; the target gives the words their meaning.
    pub style: &'static str,
    /// Bit ranges (highest, lowest), from the most significant part on.
    pub parts: &'static [(u8, u8)],
    /// The highest bit is the sign.
    pub sext: bool,
    /// Zero bits below the lowest part.
    pub shift: u8,
    /// Added to the value.
    pub add: i32,
}

impl Field {
    /// The field's value in an instruction.
    pub fn get(&self, word: u32) -> i32 {
        let (mut value, mut width) = (0u32, 0u32);
        for &(hi, lo) in self.parts {
            let n = u32::from(hi - lo) + 1;
            let bits = (u64::from(word) >> lo) & ((1u64 << n) - 1);
            value = ((u64::from(value) << n) | bits) as u32;
            width += n;
        }
        if self.sext && width < 32 {
            value = ((value << (32 - width)) as i32 >> (32 - width)) as u32;
        }
        ((value << self.shift) as i32).wrapping_add(self.add)
    }
}

/// A piece of an assembler format.
#[derive(Debug, Clone, Copy)]
pub enum Piece {
    /// Printed as it is.
    Text(&'static str),
    /// Index of a field.
    Field(u8),
}

/// One line of a table.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Mnemonic.
    pub name: &'static str,
    /// Length in bytes.
    pub len: u8,
    /// Bits that are fixed.
    pub mask: u32,
    /// Their values.
    pub value: u32,
    /// Extensions that must all be present.
    pub need: u64,
    /// Operands as the assembler writes them.
    pub format: &'static [Piece],
    /// Aliases: two fields that must be equal.
    pub same: Option<(u8, u8)>,
}

impl Row {
    /// Whether a word is this instruction (or a more specific one).
    pub fn matches(&self, word: u32, set: u64, fields: &[Field]) -> bool {
        let same = |(a, b): (u8, u8)| match (fields.get(a as usize), fields.get(b as usize)) {
            (Some(a), Some(b)) => a.get(word) == b.get(word),
            _ => false,
        };
        word & self.mask == self.value && set & self.need == self.need && self.same.is_none_or(same)
    }

    /// An encoding of this instruction with the free bits taken from `random`.
    pub fn encode(&self, random: u32) -> u32 {
        let width = if self.len >= 4 { u32::MAX } else { (1 << (8 * u32::from(self.len))) - 1 };
        (self.value | random & !self.mask) & width
    }

    /// Mnemonic and operands, with `print` writing one field's value.
    pub fn text(
        &self,
        word: u32,
        fields: &[Field],
        mut print: impl FnMut(&Field, i32) -> String,
    ) -> String {
        let mut out = String::from(self.name);
        if !self.format.is_empty() {
            out.push(' ');
        }
        for piece in self.format {
            match piece {
                Piece::Text(t) => out.push_str(t),
                Piece::Field(n) => {
                    if let Some(field) = fields.get(*n as usize) {
                        out.push_str(&print(field, field.get(word)));
                    }
                }
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::build::compile_text;
    use super::{Field, Piece, Row};

    const HEAD: &str = "ext rv32 rv64 a b\noperands rd imm\nfield rd = 3..0 -> rd x\n\
                        field imm = sext(7..4 : 15) << 1 -> imm dec\n";

    fn errors(rows: &str) -> String {
        compile_text(&format!("{HEAD}{rows}")).err().unwrap_or_default().join("\n")
    }

    #[test]
    fn overlaps_name_both_lines() {
        let e = errors("one | 0000 0000 0-0- .... | a | rd\nfoo | 0000 0000 0--0 .... | a | rd");
        assert!(e.contains("line 5 (one) and line 6 (foo) both match"), "{e}");
        assert!(e.contains("both match 000000000.00...."), "{e}");
    }

    #[test]
    fn a_specific_row_or_another_word_size_is_no_overlap() {
        let wide = "wide | 0000 0000 0000 .... | a | rd\n";
        for other in [
            "nop | 0000 0000 0000 0000 | a |",
            "reserved | 0000 0000 0000 1111 | a |",
            "c | 0000 0001 0000 .... | a | rd",
        ] {
            assert_eq!(errors(&format!("{wide}{other}")), "");
        }
        let pair = |a, b| {
            format!("x | 0000 0000 0000 .... | {a} | rd\ny | 0000 0000 0000 .... | {b} | rd")
        };
        assert_eq!(errors(&pair("rv32", "rv64")), "");
        assert!(errors(&pair("a", "b")).contains("both match"));
        // Two rows that cross are fine once a third decides for what they share.
        let cross = "p | 0000 0000 0000 0--- | a |\nq | 0000 0000 0000 --00 | a |\n";
        assert!(errors(cross).contains("both match"));
        assert_eq!(errors(&format!("{cross}r | 0000 0000 0000 0-00 | a |")), "");
    }

    #[test]
    fn bits_that_nothing_reads() {
        let e = errors("one | .000 0000 0000 .... | a | rd");
        assert!(e.contains("line 5 (one): no field reads ?..............."), "{e}");
        assert_eq!(errors("one | -000 0000 0000 .... | a | rd"), "");
    }

    #[test]
    fn mistakes_have_lines() {
        for (row, says) in [
            ("one | 000 | a |", "3 bits"),
            ("one | 0000 0000 0000 000x | a |", "`x` in the pattern"),
            ("one | 0000 0000 0000 0000 | z |", "no ext `z`"),
            ("one | 0000 0000 0000 .... | a | rs", "no field `rs`"),
            ("one | 0000 0000 0000 0000 | a | | two q=1", "no operand `q`"),
            ("one", "a row is"),
            ("field f = 3..9 -> rd x", "bits 3..9"),
            ("field f = 3..0", "is missing"),
        ] {
            let e = errors(row);
            assert!(e.starts_with("line 5: ") && e.contains(says), "{row}: {e}");
        }
    }

    #[test]
    fn holes_are_counted() {
        let table = format!("{HEAD}one | 1000 0000 0000 .... | a | rd\n");
        let (_, report) = compile_text(&table).unwrap();
        assert!(report.starts_with("# 2 bytes: 65520 encodings in 12 holes"), "{report}");
    }

    #[test]
    fn fields_and_texts() {
        let rd = Field { name: "rd", style: "x", parts: &[(3, 0)], sext: false, shift: 0, add: 8 };
        let imm = Field {
            name: "imm",
            style: "dec",
            parts: &[(7, 4), (15, 15)],
            sext: true,
            shift: 1,
            add: 0,
        };
        assert_eq!(rd.get(0x8a5), 13);
        assert_eq!((imm.get(0x8050), imm.get(0x80f0), imm.get(0x0080)), (22, -2, -32));
        let format = &[Piece::Field(0), Piece::Text(","), Piece::Field(1)];
        let row =
            Row { name: "op", len: 2, mask: 0x7f00, value: 0x100, need: 2, format, same: None };
        let fields = [rd, imm];
        assert_eq!(row.text(0x81f5, &fields, |f, v| format!("{}{v}", f.style)), "op x13,dec-2");
        assert!(row.matches(0x81f5, 3, &fields) && !row.matches(0x81f5, 1, &fields));
        assert_eq!(row.encode(u32::MAX), 0x81ff);
    }
}
