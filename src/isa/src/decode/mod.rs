//! Decode tables: one line an instruction, compiled at build time.
//!
//! A target's `decode.table` names its extensions, its operand fields and its instructions as bit
//! patterns. The compiler (`build`, feature `build`, for build scripts) checks them and writes a nested match
//! on the discriminating bits; what is here is what the generated code, disassemblers and generators
//! of random programs use at run time. The table's syntax stands in [`build`'s parser](self).
//!
//! ```text
//! ext      rv32 rv64 i m                      # conditions, numbered from bit 0 of a set
//! operands rd rs1 imm                         # members of the generated `Insn`
//! field    imm_b = sext(31 : 7 : 30..25 : 11..8) << 1 -> imm rel
//! addi     | ............ ..... 000 ..... 0010011 | i   | rd,rs1,imm_i
//! c.addi   | 000 . ..... ..... 01                | i c | rd,imm_ci | addi rd=rd rs1=rd imm=imm_ci
//! ~nop     | 000000000000 00000 000 00000 0010011 | i   |
//! ```

#[cfg(feature = "build")]
mod check;
#[cfg(feature = "build")]
mod emit;
#[cfg(feature = "build")]
mod parse;

#[cfg(feature = "build")]
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
