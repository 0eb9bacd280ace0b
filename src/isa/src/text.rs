//! The IR's text form and its parser: what goldens are written in and what `--dump` prints.
//!
//! One operation a line, `%N = name.type ...`; instructions begin with `@PC+LEN`; slots are `$name`
//! or
//! `$N`; the exit is the last line. The text holds all of a block: parsing gives it back.
//!
//! ```text
//! block 0x80000000
//! @0x80000000+4
//! %1 = get.i64 $a1
//! %2 = const.i64 0x1
//! %3 = add %1 %2
//! $a0 = %3
//! jump 0x80000004
//! ```

mod parse;

pub use parse::parse;

use crate::ir::*;
use crate::layout::{Layout, Slot};
use hetemu_schema::Endian;
use std::fmt::Write;

/// Writes a block.
pub fn print(block: &Block, layout: &Layout) -> String {
    let mut out = format!("block {:#x}\n", block.pc);
    for (at, inst) in block.insts.iter().enumerate() {
        if block.types.get(at).copied().flatten().is_some() {
            let _ = write!(out, "%{at} = ");
        }
        let _ = writeln!(out, "{}", operation(inst, layout));
    }
    let _ = writeln!(out, "{}", exit(&block.exit));
    out
}

fn exit(exit: &Exit) -> String {
    let hint = |h: &Hint| match h {
        Hint::None => String::new(),
        Hint::Call(back) => format!(" call {back:#x}"),
        Hint::Return => " return".into(),
    };
    match exit {
        Exit::Jump(to, h) => format!("jump {to:#x}{}", hint(h)),
        Exit::Branch(c, a, b) => format!("branch %{} {a:#x} {b:#x}", c.0),
        Exit::Indirect(a, h) => format!("indirect %{}{}", a.0, hint(h)),
        Exit::Resume => "resume".into(),
    }
}

fn slot(slot: Slot, layout: &Layout) -> String {
    match layout.slots.get(usize::from(slot.0)) {
        Some(info) => format!("${}", info.name),
        None => format!("${}", slot.0),
    }
}

pub(crate) fn ty(ty: Ty) -> &'static str {
    match ty {
        Ty::Bool => "bool",
        Ty::I32 => "i32",
        Ty::I64 => "i64",
        Ty::F32 => "f32",
        Ty::F64 => "f64",
    }
}

pub(crate) fn round(r: Round) -> &'static str {
    match r {
        Round::Near => "near",
        Round::Zero => "zero",
        Round::Down => "down",
        Round::Up => "up",
        Round::NearMax => "nearmax",
    }
}

/// `8s`, `32`, `64be`, `32a`: bits, signed, big-endian, must be aligned.
fn mem(m: Mem) -> String {
    let signed = if m.signed { "s" } else { "" };
    let endian = if m.endian == Endian::Big { "be" } else { "" };
    let aligned = if m.aligned { "a" } else { "" };
    format!("{}{signed}{endian}{aligned}", m.bytes() * 8)
}

/// The lower-case name of an operation.
pub(crate) fn word(op: &dyn std::fmt::Debug) -> String {
    format!("{op:?}").to_ascii_lowercase()
}

fn operation(inst: &Inst, layout: &Layout) -> String {
    let v = |v: &Val| format!("%{}", v.0);
    match inst {
        Inst::Start { pc, len } => format!("@{pc:#x}+{len}"),
        Inst::Const(t, n) => format!("const.{} {n:#x}", ty(*t)),
        Inst::Get(t, s) => format!("get.{} {}", ty(*t), slot(*s, layout)),
        Inst::Put(s, a) => format!("{} = {}", slot(*s, layout), v(a)),
        Inst::Un(op, a) => format!("{} {}", word(op), v(a)),
        Inst::Bin(op, a, b) => format!("{} {} {}", word(op), v(a), v(b)),
        Inst::Cmp(op, a, b) => format!("cmp.{} {} {}", word(op), v(a), v(b)),
        Inst::Select(c, a, b) => format!("select {} {} {}", v(c), v(a), v(b)),
        Inst::Cast(c, t, a) => format!("cast.{}.{} {}", word(c), ty(*t), v(a)),
        Inst::Load(t, m, a, o) => format!("load.{}.{} {} {o}", ty(*t), mem(*m), v(a)),
        Inst::Store(m, a, o, x) => format!("store.{} {} {o} {}", mem(*m), v(a), v(x)),
        Inst::Rmw(op, m, a, x) => format!("rmw.{}.{} {} {}", word(op), mem(*m), v(a), v(x)),
        Inst::LoadReserve(t, m, a) => format!("lr.{}.{} {}", ty(*t), mem(*m), v(a)),
        Inst::StoreCond(m, a, x) => format!("sc.{} {} {}", mem(*m), v(a), v(x)),
        Inst::Fence => "fence".into(),
        Inst::FBin(op, r, a, b) => format!("f{}.{} {} {}", word(op), round(*r), v(a), v(b)),
        Inst::FSqrt(r, a) => format!("fsqrt.{} {}", round(*r), v(a)),
        Inst::Fma { round: r, neg_product, neg_addend, args: [a, b, c] } => {
            let sign = |neg: &bool| if *neg { '-' } else { '+' };
            let signs = [sign(neg_product), sign(neg_addend)];
            format!("fma.{} {}{} {} {} {}", round(*r), signs[0], signs[1], v(a), v(b), v(c))
        }
        Inst::FCmp(op, a, b) => format!("fcmp.{} {} {}", word(op), v(a), v(b)),
        Inst::FCvt(r, t, a) => format!("fcvt.{}.{} {}", round(*r), ty(*t), v(a)),
        Inst::FToI(r, t, s, a) => format!("ftoi.{}.{}.{} {}", round(*r), ty(*t), sign(*s), v(a)),
        Inst::IToF(r, t, s, a) => format!("itof.{}.{}.{} {}", round(*r), ty(*t), sign(*s), v(a)),
        Inst::FClass(a) => format!("fclass {}", v(a)),
        Inst::Call(id, [a, b, c]) => format!("call {id} {} {} {}", v(a), v(b), v(c)),
        Inst::Helper(id, args) => {
            let args: Vec<String> = args.iter().flatten().map(v).collect();
            format!("helper {id} {}", args.join(" ")).trim_end().to_string()
        }
    }
}

fn sign(signed: bool) -> &'static str {
    if signed { "s" } else { "u" }
}
