//! The disassembler, from the decode table: operands as GNU as writes them, absolute jump targets.

use crate::cpu::names::csr_name;
use crate::regs;
use crate::table::{ALIASES, FIELDS, ROWS, decode};
use hetemu_isa::Disasm;
use hetemu_isa::decode::Field;

/// Disassembles the instruction at `pc`; `None` if it is none, or cut off.
pub fn disassemble(set: u64, pc: u64, bytes: &[u8], aliases: bool) -> Option<Disasm> {
    let half = |i: usize| Some(u16::from_le_bytes([*bytes.get(i)?, *bytes.get(i + 1)?]));
    let (word, len, insn) = decode(half(0)?, set, || half(2).ok_or(())).ok()?;
    let row = ROWS.get(insn?.row as usize)?;
    let short = ALIASES.iter().filter(|a| aliases && a.len == len);
    let row = short.into_iter().find(|a| a.matches(word, set, FIELDS)).unwrap_or(row);
    let text = row.text(word, FIELDS, |field, value| operand(field, value, pc));
    Some(Disasm { len, text })
}

fn operand(field: &Field, value: i32, pc: u64) -> String {
    let name = |names: &[&str; 32]| names[value as usize & 31].to_string();
    match field.style {
        "x" => name(&regs::X),
        "f" => name(&regs::F),
        "v" => format!("v{}", value & 31),
        "vm" if value == 0 => ",v0.t".into(),
        "vm" => String::new(),
        "vtype" => vtype(value),
        "fli" => crate::lift::zfa::constant_text(value),
        "hex" => format!("{value:#x}"),
        "upper" => format!("{:#x}", value as u32 >> 12),
        "rel" => format!("{:#x}", pc.wrapping_add(value as i64 as u64)),
        "csr" => csr_name(value as u16 & 0xfff),
        "order" => {
            let mut set = String::new();
            for (bit, c) in [(8, 'i'), (4, 'o'), (2, 'r'), (1, 'w')] {
                if value & bit != 0 {
                    set.push(c);
                }
            }
            if set.is_empty() { "0".into() } else { set }
        }
        "rm" => match value {
            0 => ",rne".into(),
            1 => ",rtz".into(),
            2 => ",rdn".into(),
            3 => ",rup".into(),
            4 => ",rmm".into(),
            7 => String::new(),
            n => format!(",rm{n}"),
        },
        _ => value.to_string(),
    }
}

/// The immediate of vsetvli: `e32,m1,ta,ma`, or a number if a field is reserved.
fn vtype(value: i32) -> String {
    const LMUL: [&str; 8] = ["m1", "m2", "m4", "m8", "", "mf8", "mf4", "mf2"];
    let lmul = LMUL[value as usize & 7];
    let sew = value >> 3 & 7;
    if lmul.is_empty() || sew > 3 || value >> 8 != 0 {
        return value.to_string();
    }
    let tail = if value & 64 != 0 { "ta" } else { "tu" };
    let mask = if value & 128 != 0 { "ma" } else { "mu" };
    format!("e{},{lmul},{tail},{mask}", 8 << sew)
}
