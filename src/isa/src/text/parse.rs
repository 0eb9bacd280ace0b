//! Parser of the IR's text form. Types are derived again, so that what parses is typed as the
//! builder would type it; `verify` judges the rest.

use super::{round, ty, word};
use crate::ir::*;
use crate::layout::{Layout, Slot};
use hetemu_schema::Endian;

/// Reads a block.
///
/// # Errors
/// The first line that does not read, with its number.
pub fn parse(text: &str, layout: &Layout) -> Result<Block, String> {
    let mut p = Parser { layout, insts: Vec::new(), types: Vec::new() };
    let mut lines = text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty());
    let (_, head) = lines.next().ok_or("no block")?;
    let pc = head.strip_prefix("block ").ok_or("line 1: `block PC` is missing")?;
    let pc = number(pc).map_err(|e| format!("line 1: {e}"))?;
    let mut exit = None;
    for (i, line) in lines {
        if exit.is_some() {
            return Err(format!("line {}: text after the exit", i + 1));
        }
        exit = p.line(line.trim()).map_err(|e| format!("line {}: {e}", i + 1))?;
    }
    let (mut next, mut count) = (pc, 0);
    for inst in &p.insts {
        if let Inst::Start { pc, len } = inst {
            next = pc.wrapping_add(u64::from(*len));
            count += 1;
        }
    }
    let len = next.wrapping_sub(pc) as u32;
    let exit = exit.ok_or("the exit is missing")?;
    Ok(Block { pc, len, count, insts: p.insts, types: p.types, exit })
}

struct Parser<'a> {
    layout: &'a Layout,
    insts: Vec<Inst>,
    types: Vec<Option<Ty>>,
}

fn number(text: &str) -> Result<u64, String> {
    let n = match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => text.parse(),
    };
    n.map_err(|_| format!("`{text}` is no number"))
}

fn val(text: &str) -> Result<Val, String> {
    let n = text.strip_prefix('%').and_then(|n| n.parse().ok());
    n.map(Val).ok_or(format!("`{text}` is no value"))
}

fn one_of<T: Copy>(all: &[T], name: impl Fn(T) -> String, text: &str) -> Result<T, String> {
    let found = all.iter().copied().find(|t| name(*t) == text);
    found.ok_or(format!("`{text}` is not known"))
}

fn type_of(text: &str) -> Result<Ty, String> {
    one_of(&[Ty::Bool, Ty::I32, Ty::I64, Ty::F32, Ty::F64], |t| ty(t).into(), text)
}

fn rounding(text: &str) -> Result<Round, String> {
    let all = [Round::Near, Round::Zero, Round::Down, Round::Up, Round::NearMax];
    one_of(&all, |r| round(r).into(), text)
}

fn access(text: &str) -> Result<Mem, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let size = match &text[..digits] {
        "8" => 0,
        "16" => 1,
        "32" => 2,
        "64" => 3,
        _ => return Err(format!("`{text}` is no access")),
    };
    let rest = &text[digits..];
    let (signed, rest) = (rest.starts_with('s'), rest.trim_start_matches('s'));
    let (big, rest) = (rest.starts_with("be"), rest.trim_start_matches("be"));
    let endian = if big { Endian::Big } else { Endian::Little };
    match rest {
        "" | "a" => Ok(Mem { size, signed, endian, aligned: rest == "a" }),
        _ => Err(format!("`{text}` is no access")),
    }
}

impl Parser<'_> {
    fn line(&mut self, line: &str) -> Result<Option<Exit>, String> {
        if let Some(start) = line.strip_prefix('@') {
            let (pc, len) = start.split_once('+').ok_or("`@PC+LEN`")?;
            let len = number(len)?.try_into().map_err(|_| "the length")?;
            self.push(Inst::Start { pc: number(pc)?, len }, None);
            return Ok(None);
        }
        if line.starts_with('$') {
            let (slot, v) = line.split_once(" = ").ok_or("`$SLOT = %N`")?;
            let inst = Inst::Put(self.slot(slot)?, val(v)?);
            self.push(inst, None);
            return Ok(None);
        }
        let body = match line.split_once(" = ") {
            Some((name, body)) if usize::from(val(name)?.0) == self.insts.len() => body,
            Some((name, _)) => return Err(format!("{name} should be %{}", self.insts.len())),
            None => line,
        };
        let mut words = body.split_whitespace();
        let head = words.next().unwrap_or_default();
        let args: Vec<&str> = words.collect();
        if let Some(exit) = self.exit(head, &args)? {
            return Ok(Some(exit));
        }
        let (inst, ty) = self.operation(head, &args)?;
        self.push(inst, ty);
        Ok(None)
    }

    fn push(&mut self, inst: Inst, ty: Option<Ty>) {
        self.insts.push(inst);
        self.types.push(ty);
    }

    fn slot(&self, text: &str) -> Result<Slot, String> {
        let name = text.strip_prefix('$').ok_or(format!("`{text}` is no slot"))?;
        let known = self.layout.slots.iter().position(|s| s.name == name);
        let n = known.map(|n| n as u64).map_or_else(|| number(name), Ok)?;
        u8::try_from(n).map(Slot).map_err(|_| format!("slot {n}"))
    }

    fn ty(&self, v: Val) -> Option<Ty> {
        self.types.get(usize::from(v.0)).copied().flatten()
    }

    fn exit(&self, head: &str, args: &[&str]) -> Result<Option<Exit>, String> {
        let hint = |rest: &[&str]| match rest {
            [] => Ok(Hint::None),
            ["return"] => Ok(Hint::Return),
            ["call", back] => number(back).map(Hint::Call),
            _ => Err("a hint is `call PC` or `return`".to_string()),
        };
        Ok(Some(match (head, args) {
            ("jump", [to, rest @ ..]) => Exit::Jump(number(to)?, hint(rest)?),
            ("branch", [c, a, b]) => Exit::Branch(val(c)?, number(a)?, number(b)?),
            ("indirect", [a, rest @ ..]) => Exit::Indirect(val(a)?, hint(rest)?),
            ("resume", []) => Exit::Resume,
            _ => return Ok(None),
        }))
    }

    fn operation(&self, head: &str, args: &[&str]) -> Result<(Inst, Option<Ty>), String> {
        let dotted: Vec<&str> = head.split('.').collect();
        let offset = |t: &str| t.parse::<i32>().map_err(|_| format!("offset `{t}`"));
        let signed = |t: &str| match t {
            "s" => Ok(true),
            "u" => Ok(false),
            _ => Err(format!("sign `{t}`")),
        };
        let one = |r: Result<Val, String>| r.map(|v| (v, self.ty(v)));
        Ok(match (dotted.as_slice(), args) {
            (["const", t], [n]) => (Inst::Const(type_of(t)?, number(n)?), Some(type_of(t)?)),
            (["get", t], [s]) => (Inst::Get(type_of(t)?, self.slot(s)?), Some(type_of(t)?)),
            (["cmp", op], [a, b]) => {
                let op = one_of(&Cmp::ALL, |o| word(&o), op)?;
                (Inst::Cmp(op, val(a)?, val(b)?), Some(Ty::Bool))
            }
            (["select"], [c, a, b]) => {
                let (a, t) = one(val(a))?;
                (Inst::Select(val(c)?, a, val(b)?), t)
            }
            (["cast", c, t], [a]) => {
                let c = one_of(&Cast::ALL, |c| word(&c), c)?;
                (Inst::Cast(c, type_of(t)?, val(a)?), Some(type_of(t)?))
            }
            (["load", t, m], [a, o]) => {
                (Inst::Load(type_of(t)?, access(m)?, val(a)?, offset(o)?), Some(type_of(t)?))
            }
            (["store", m], [a, o, v]) => {
                (Inst::Store(access(m)?, val(a)?, offset(o)?, val(v)?), None)
            }
            (["rmw", op, m], [a, v]) => {
                let (v, t) = one(val(v))?;
                (Inst::Rmw(one_of(&Rmw::ALL, |o| word(&o), op)?, access(m)?, val(a)?, v), t)
            }
            (["lr", t, m], [a]) => {
                (Inst::LoadReserve(type_of(t)?, access(m)?, val(a)?), Some(type_of(t)?))
            }
            (["sc", m], [a, v]) => (Inst::StoreCond(access(m)?, val(a)?, val(v)?), Some(Ty::Bool)),
            (["fence"], []) => (Inst::Fence, None),
            (["call"], [id, a, b, c]) => {
                let id = number(id)?.try_into().map_err(|_| "the call's number")?;
                (Inst::Call(id, [val(a)?, val(b)?, val(c)?]), Some(Ty::I64))
            }
            (["helper"], [id, args @ ..]) if args.len() <= 3 => {
                let mut vals = [None; 3];
                for (to, arg) in vals.iter_mut().zip(args) {
                    *to = Some(val(arg)?);
                }
                let id = number(id)?.try_into().map_err(|_| "the helper's number")?;
                (Inst::Helper(id, vals), Some(Ty::I64))
            }
            (["fsqrt", r], [a]) => {
                let (a, t) = one(val(a))?;
                (Inst::FSqrt(rounding(r)?, a), t)
            }
            (["fma", r], [signs, a, b, c]) => {
                let (a, t) = one(val(a))?;
                let neg = |i: usize| signs.as_bytes().get(i) == Some(&b'-');
                let args = [a, val(b)?, val(c)?];
                let (neg_product, neg_addend) = (neg(0), neg(1));
                (Inst::Fma { round: rounding(r)?, neg_product, neg_addend, args }, t)
            }
            (["fcmp", op], [a, b]) => (
                Inst::FCmp(one_of(&FCmp::ALL, |o| word(&o), op)?, val(a)?, val(b)?),
                Some(Ty::Bool),
            ),
            (["fcvt", r, t], [a]) => {
                (Inst::FCvt(rounding(r)?, type_of(t)?, val(a)?), Some(type_of(t)?))
            }
            (["ftoi", r, t, s], [a]) => {
                (Inst::FToI(rounding(r)?, type_of(t)?, signed(s)?, val(a)?), Some(type_of(t)?))
            }
            (["itof", r, t, s], [a]) => {
                (Inst::IToF(rounding(r)?, type_of(t)?, signed(s)?, val(a)?), Some(type_of(t)?))
            }
            (["fclass"], [a]) => (Inst::FClass(val(a)?), Some(Ty::I32)),
            ([op], [a]) => {
                let (a, t) = one(val(a))?;
                (Inst::Un(one_of(&Un::ALL, |o| word(&o), op)?, a), t)
            }
            ([op], [a, b]) => {
                let (a, t) = one(val(a))?;
                (Inst::Bin(one_of(&Bin::ALL, |o| word(&o), op)?, a, val(b)?), t)
            }
            ([op, r], [a, b]) if op.starts_with('f') => {
                let (a, t) = one(val(a))?;
                let op = one_of(&FBin::ALL, |o| format!("f{}", word(&o)), op)?;
                (Inst::FBin(op, rounding(r)?, a, val(b)?), t)
            }
            _ => return Err(format!("`{head}` with {} operands", args.len())),
        })
    }
}
