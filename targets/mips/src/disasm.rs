//! The disassembler, from the decode table: operands as GNU as writes them, absolute jump targets.

use crate::cpu::names::cp0_name;
use crate::regs;
use crate::table::{ALIASES, FIELDS, ROWS, decode32};
use hetemu_isa::Disasm;
use hetemu_isa::decode::Field;

/// Disassembles the instruction at `pc`; `None` if it is none.
pub fn disassemble(set: u64, pc: u64, word: u32, aliases: bool) -> Option<Disasm> {
    let insn = decode32(word, set)?;
    let row = ROWS.get(insn.row as usize)?;
    let short = ALIASES.iter().filter(|_| aliases).find(|a| a.matches(word, set, FIELDS));
    let row = short.unwrap_or(row);
    let text = row.text(word, FIELDS, |field, value| operand(field, value, pc, word));
    // An operand that says nothing is left out, with the comma after or before it.
    let text = text.replace(",\u{0}", "").replace("\u{0},", "").replace(" \u{0}", "");
    Some(Disasm { len: 4, text })
}

fn operand(field: &Field, value: i32, pc: u64, word: u32) -> String {
    let low = (word >> 6 & 31) as i32;
    let next = pc.wrapping_add(4);
    match field.style {
        "x" => regs::X[value as usize & 31].to_string(),
        "f" => format!("$f{value}"),
        "hex" => format!("{value:#x}"),
        "rel" => format!("{:#x}", next.wrapping_add(value as i64 as u64)),
        "abs" => format!("{:#x}", next & !0xfff_ffff | value as u64),
        "msb" => (value - low + 1).to_string(),
        "msb32" => (value + 33 - low).to_string(),
        "c0" => cp0_name(value as u8, (word & 7) as u8)
            .map_or_else(|| format!("${value}"), |name| format!("c0_{name}")),
        "sel" if cp0_name((word >> 11 & 31) as u8, value as u8).is_some() => "\u{0}".into(),
        "hwr" | "fcr" => format!("${value}"),
        "cc" if value == 0 => "\u{0}".into(),
        "cc" => format!("$fcc{value}"),
        "code" if value == 0 => "\u{0}".into(),
        "code" => format!("{value:#x}"),
        _ => value.to_string(),
    }
}
