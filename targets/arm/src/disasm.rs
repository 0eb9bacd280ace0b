//! The disassembler, from the decode table: operands as GNU as writes them, absolute targets.

use crate::lift;
use crate::regs;
use crate::table::{FIELDS, Op, ROWS, decode};
use hetemu_isa::Disasm;
use hetemu_isa::decode::Field;

const CONDITIONS: [&str; 16] =
    ["eq", "ne", "cs", "cc", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le", "", ""];

/// Disassembles the instruction at `pc`; `None` if it is none, or cut off.
pub fn disassemble(set: u64, pc: u64, bytes: &[u8]) -> Option<Disasm> {
    let half = |i: usize| Some(u16::from_le_bytes([*bytes.get(i)?, *bytes.get(i + 1)?]));
    let (word, len, insn) = decode(half(0)?, set, || half(2).ok_or(())).ok()?;
    let insn = insn?;
    let row = ROWS.get(insn.row as usize)?;
    let text = row.text(word, FIELDS, |field, value| operand(field, value, pc, word));
    let (name, rest) = text.split_once(' ').unwrap_or((&text, ""));
    // Conditions and the flag bit belong to the name.
    let (base, width) = name.strip_suffix(".w").map_or((name, ""), |b| (b, ".w"));
    let middle = match insn.op {
        Op::Bc => CONDITIONS[insn.k as usize & 15],
        Op::Dpr | Op::Dpm | Op::Shr if len == 4 && insn.s == 1 && insn.rd != 16 => "s",
        Op::Cps if insn.k != 0 => "id",
        Op::Cps => "ie",
        Op::It => &it_letters(insn.imm as u8),
        _ => "",
    };
    let rest = rest.trim_start_matches(',').trim();
    Some(Disasm { len, text: format!("{base}{middle}{width} {rest}").trim().to_string() })
}

/// The letters after `it`.
fn it_letters(it: u8) -> String {
    let (mut out, mut state) = (String::new(), lift::advance(it));
    while state != 0 {
        out.push(if (state ^ it) >> 4 & 1 == 0 { 't' } else { 'e' });
        state = lift::advance(state);
    }
    out
}

fn list(bits: i32) -> String {
    let names = (0..16).filter(|n| bits >> n & 1 != 0).map(|n| regs::R[n]);
    format!("{{{}}}", names.collect::<Vec<_>>().join(", "))
}

fn operand(field: &Field, value: i32, pc: u64, word: u32) -> String {
    let relative = |offset: i32| {
        format!("{:#x}", pc.wrapping_add(4).wrapping_add(offset as i64 as u64) & 0xffff_ffff)
    };
    let literal = |offset: i32| format!("[pc, #{offset}]");
    let shift = |kind: i32, n: i32| match (kind, n) {
        (0, 0) => String::new(),
        (3, 0) => ", rrx".into(),
        (kind, n) => {
            let n = if n == 0 { 32 } else { n };
            format!(", {} #{n}", ["lsl", "lsr", "asr", "ror"][kind as usize & 3])
        }
    };
    match field.style {
        "r" => regs::R[value as usize & 15].to_string(),
        "s" => format!("s{value}"),
        "d" => format!("d{value}"),
        "hash" => format!("#{value}"),
        "hash1" | "width" => format!("#{}", value + 1),
        "mod" => format!("#{}", lift::modified(value as u32).0),
        "lit" => literal(value),
        "nlit" => literal(-value),
        "rel" => relative(value),
        "rel24" => relative(crate::table::far(value)),
        "list" => list(value),
        "push" => list(value & 0xff | (value & 0x100) << 6),
        "pop" => list(value & 0xff | (value & 0x100) << 7),
        "cond" | "none" => String::new(),
        "it" => CONDITIONS[value as usize >> 4 & 15].to_string(),
        "cps" => String::new(),
        "iflags" => [(4, 'a'), (2, 'i'), (1, 'f')]
            .iter()
            .filter(|(b, _)| value & b != 0)
            .map(|(_, c)| *c)
            .collect(),
        "shift" => shift(value & 3, value >> 2),
        "rot" if value == 0 => String::new(),
        "rot" => format!(", ror #{}", 8 * value),
        "lsl" if value == 0 => String::new(),
        "lsl" => format!(", lsl #{value}"),
        "wb" => {
            if value != 0 {
                "!".into()
            } else {
                String::new()
            }
        }
        "voff" => {
            let sign = if word >> 23 & 1 == 0 { "-" } else { "" };
            format!(", #{sign}{value}]")
        }
        "index" | "dual" => {
            let (p, u, w) = match field.style {
                "index" => (value & 0x400, value & 0x200, value & 0x100),
                _ => (value & 0x400, value & 0x200, value & 0x100),
            };
            let scale = if field.style == "dual" { 4 } else { 1 };
            let sign = if u == 0 { "-" } else { "" };
            let offset = format!("#{sign}{}", (value & 0xff) * scale);
            match (p != 0, w != 0) {
                (true, false) => format!(", {offset}]"),
                (true, true) => format!(", {offset}]!"),
                _ => format!("], {offset}"),
            }
        }
        "sysm" => match value {
            0..=7 => ["apsr", "iapsr", "eapsr", "xpsr", "", "ipsr", "epsr", "iepsr"]
                [value as usize & 7]
                .into(),
            8 => "msp".into(),
            9 => "psp".into(),
            10 => "msplim".into(),
            11 => "psplim".into(),
            16 => "primask".into(),
            17 => "basepri".into(),
            18 => "basepri_max".into(),
            19 => "faultmask".into(),
            20 => "control".into(),
            n => format!("{n}"),
        },
        "barrier" if value == 15 => "sy".into(),
        _ => value.to_string(),
    }
}
