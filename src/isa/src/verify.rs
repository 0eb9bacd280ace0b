//! The rules of IR blocks: operands are defined before use and of the right type, guest
//! instructions are marked, what may fault comes before what is written, helpers stand alone.

use crate::ir::*;
use crate::layout::{Layout, SlotClass};

/// Checks a block against the rules of [`crate::ir`] and a register file.
///
/// # Errors
/// The first broken rule, with the operation's index.
pub fn verify(block: &Block, layout: &Layout) -> Result<(), String> {
    let mut v = Verifier { block, layout, started: false, put: false, count: 0 };
    if block.types.len() != block.insts.len() {
        return Err("as many types as operations".into());
    }
    if block.insts.len() > usize::from(u16::MAX) {
        return Err("too many operations".into());
    }
    for (at, inst) in block.insts.iter().enumerate() {
        let ty = v.inst(at, inst).map_err(|e| format!("%{at}: {e}"))?;
        if ty != block.types[at] {
            return Err(format!("%{at}: the type is {:?}, not {ty:?}", block.types[at]));
        }
    }
    v.exit().map_err(|e| format!("exit: {e}"))
}

struct Verifier<'a> {
    block: &'a Block,
    layout: &'a Layout,
    started: bool,
    /// The current guest instruction has written a slot.
    put: bool,
    count: u32,
}

type Checked = Result<Option<Ty>, String>;

impl Verifier<'_> {
    fn exit(&mut self) -> Result<(), String> {
        let b = self.block;
        if self.count != b.count {
            return Err(format!("{} instructions, not {}", self.count, b.count));
        }
        let end = b.insts.len();
        match b.exit {
            Exit::Branch(c, ..) => self.is(end, c, Ty::Bool),
            Exit::Indirect(a, _) => self.is(end, a, self.word()),
            Exit::Jump(..) => Ok(()),
            Exit::Resume => Ok(()),
        }
    }

    /// The type of addresses and integer registers.
    fn word(&self) -> Ty {
        if self.layout.bits == 32 { Ty::I32 } else { Ty::I64 }
    }

    fn ty(&self, at: usize, v: Val) -> Result<Ty, String> {
        let i = usize::from(v.0);
        if i >= at {
            return Err(format!("%{i} is used before it is defined"));
        }
        self.block.types[i].ok_or(format!("%{i} has no value"))
    }

    fn is(&self, at: usize, v: Val, ty: Ty) -> Result<(), String> {
        let found = self.ty(at, v)?;
        if found == ty { Ok(()) } else { Err(format!("%{} is {found:?}, not {ty:?}", v.0)) }
    }

    fn int(&self, at: usize, v: Val) -> Result<Ty, String> {
        match self.ty(at, v)? {
            ty @ (Ty::I32 | Ty::I64) => Ok(ty),
            ty => Err(format!("%{} is {ty:?}, not an integer", v.0)),
        }
    }

    fn float(&self, at: usize, v: Val) -> Result<Ty, String> {
        match self.ty(at, v)? {
            ty @ (Ty::F32 | Ty::F64) => Ok(ty),
            ty => Err(format!("%{} is {ty:?}, not a float", v.0)),
        }
    }

    fn pair(&self, at: usize, a: Val, b: Val, ty: Ty) -> Result<(), String> {
        self.is(at, a, ty)?;
        self.is(at, b, ty)
    }

    fn slot(&self, slot: crate::Slot, ty: Ty) -> Result<(), String> {
        let info = self.layout.slots.get(usize::from(slot.0)).ok_or("no such slot")?;
        let fits = match info.class {
            SlotClass::I32 => matches!(ty, Ty::I32 | Ty::Bool),
            SlotClass::I64 => matches!(ty, Ty::I32 | Ty::I64 | Ty::Bool),
            SlotClass::F64 => matches!(ty, Ty::F32 | Ty::F64),
        };
        if fits { Ok(()) } else { Err(format!("{} holds no {ty:?}", info.name)) }
    }

    /// An access: it must come before the instruction's writes.
    fn access(&self, at: usize, mem: Mem, addr: Val) -> Result<(), String> {
        self.is(at, addr, self.word())?;
        if mem.size > 3 {
            return Err("an access of more than 8 bytes".into());
        }
        self.faults()
    }

    fn faults(&self) -> Result<(), String> {
        if self.put { Err("it may fault after a put".into()) } else { Ok(()) }
    }

    /// The type that an access moves.
    fn moved(ty: Ty, mem: Mem) -> Result<(), String> {
        let fits = match ty {
            Ty::I32 => mem.size <= 2,
            Ty::I64 => true,
            Ty::F32 => mem.size == 2,
            Ty::F64 => mem.size == 3,
            Ty::Bool => false,
        };
        if fits { Ok(()) } else { Err(format!("{} bytes of {ty:?}", mem.bytes())) }
    }

    fn inst(&mut self, at: usize, inst: &Inst) -> Checked {
        if !self.started && !matches!(inst, Inst::Start { .. }) {
            return Err("an operation before the first instruction".into());
        }
        match *inst {
            Inst::Start { len, .. } => {
                (self.started, self.put) = (true, false);
                self.count += 1;
                if len == 0 { Err("no length".into()) } else { Ok(None) }
            }
            Inst::Const(ty, n) if n & !crate::mask(ty) != 0 => Err("bits above the type".into()),
            Inst::Const(ty, _) => Ok(Some(ty)),
            Inst::Get(ty, slot) => self.slot(slot, ty).map(|()| Some(ty)),
            Inst::Put(slot, v) => {
                self.slot(slot, self.ty(at, v)?)?;
                self.put = true;
                Ok(None)
            }
            Inst::Un(op, a) => {
                let ty = self.int(at, a)?;
                match op {
                    Un::Sext32 | Un::Zext32 if ty != Ty::I64 => Err("it is for I64".into()),
                    _ => Ok(Some(ty)),
                }
            }
            Inst::Bin(_, a, b) => {
                let ty = self.int(at, a)?;
                self.is(at, b, ty)?;
                Ok(Some(ty))
            }
            Inst::Cmp(_, a, b) => {
                let ty = self.int(at, a)?;
                self.is(at, b, ty)?;
                Ok(Some(Ty::Bool))
            }
            Inst::Select(c, a, b) => {
                self.is(at, c, Ty::Bool)?;
                let ty = self.ty(at, a)?;
                self.is(at, b, ty)?;
                Ok(Some(ty))
            }
            Inst::Cast(cast, ty, a) => self.cast(at, cast, ty, a),
            Inst::Load(ty, mem, addr, _) => {
                self.access(at, mem, addr)?;
                Self::moved(ty, mem)?;
                Ok(Some(ty))
            }
            Inst::Store(mem, addr, _, v) => {
                self.access(at, mem, addr)?;
                Self::moved(self.ty(at, v)?, mem)?;
                Ok(None)
            }
            Inst::Rmw(_, mem, addr, v) => {
                self.access(at, mem, addr)?;
                let ty = self.int(at, v)?;
                Self::moved(ty, mem)?;
                Ok(Some(ty))
            }
            Inst::LoadReserve(ty, mem, addr) => {
                self.access(at, mem, addr)?;
                Self::moved(ty, mem)?;
                Ok(Some(ty))
            }
            Inst::StoreCond(mem, addr, v) => {
                self.access(at, mem, addr)?;
                Self::moved(self.int(at, v)?, mem)?;
                Ok(Some(Ty::Bool))
            }
            Inst::Fence => Ok(None),
            Inst::Call(_, args) => {
                self.faults()?;
                for arg in args {
                    self.int(at, arg)?;
                }
                Ok(Some(Ty::I64))
            }
            Inst::Helper(_, args) => {
                self.faults()?;
                for arg in args.into_iter().flatten() {
                    self.int(at, arg)?;
                }
                if self.block.count == 1 { Ok(Some(Ty::I64)) } else { Err("not alone".into()) }
            }
            _ => self.float_inst(at, inst),
        }
    }

    fn float_inst(&self, at: usize, inst: &Inst) -> Checked {
        match *inst {
            Inst::FBin(_, _, a, b) => {
                let ty = self.float(at, a)?;
                self.is(at, b, ty)?;
                Ok(Some(ty))
            }
            Inst::FSqrt(_, a) => self.float(at, a).map(Some),
            Inst::Fma { args: [a, b, c], .. } => {
                let ty = self.float(at, a)?;
                self.pair(at, b, c, ty)?;
                Ok(Some(ty))
            }
            Inst::FCmp(_, a, b) => {
                let ty = self.float(at, a)?;
                self.is(at, b, ty)?;
                Ok(Some(Ty::Bool))
            }
            Inst::FCvt(_, ty, a) => match (self.float(at, a)?, ty) {
                (Ty::F32, Ty::F64) | (Ty::F64, Ty::F32) => Ok(Some(ty)),
                (from, _) => Err(format!("from {from:?} to {ty:?}")),
            },
            Inst::FToI(_, ty, _, a) => {
                self.float(at, a)?;
                if matches!(ty, Ty::I32 | Ty::I64) {
                    Ok(Some(ty))
                } else {
                    Err("to a float".into())
                }
            }
            Inst::IToF(_, ty, _, a) => {
                self.int(at, a)?;
                if matches!(ty, Ty::F32 | Ty::F64) { Ok(Some(ty)) } else { Err("to an int".into()) }
            }
            Inst::FClass(a) => self.float(at, a).map(|_| Some(Ty::I32)),
            _ => Err("unknown".into()),
        }
    }

    fn cast(&self, at: usize, cast: Cast, ty: Ty, a: Val) -> Checked {
        let from = self.ty(at, a)?;
        let fits = match cast {
            Cast::Zext => matches!((from, ty), (Ty::Bool, Ty::I32 | Ty::I64) | (Ty::I32, Ty::I64)),
            Cast::Sext => (from, ty) == (Ty::I32, Ty::I64),
            Cast::Trunc => (from, ty) == (Ty::I64, Ty::I32),
            Cast::Bits => matches!(
                (from, ty),
                (Ty::I32, Ty::F32) | (Ty::F32, Ty::I32) | (Ty::I64, Ty::F64) | (Ty::F64, Ty::I64)
            ),
            Cast::Box => (from, ty) == (Ty::F32, Ty::F64),
            Cast::Unbox => (from, ty) == (Ty::F64, Ty::F32),
        };
        if fits { Ok(Some(ty)) } else { Err(format!("{cast:?} from {from:?} to {ty:?}")) }
    }
}

#[cfg(test)]
mod tests {
    use super::verify;
    use crate::*;
    use hetemu_schema::Endian;

    fn layout() -> Layout {
        let slot = |name, class| SlotInfo { name, class };
        Layout {
            slots: vec![
                slot("a", SlotClass::I64),
                slot("f", SlotClass::F64),
                slot("pc", SlotClass::I64),
            ],
            pc: Slot(2),
            bits: 64,
            endian: Endian::Little,
            page_bits: 12,
            regimes: 1,
            pc_align: 2,
            float: FloatPolicy {
                flags: Slot(0),
                flag_bits: [4, 3, 2, 1, 0],
                default_nan: true,
                legacy_nan: false,
                nan32: 0x7fc0_0000,
                nan64: 0x7ff8_0000_0000_0000,
                tiny_before: false,
                nan_to_int: NanToInt::Max,
            },
        }
    }

    /// Each block breaks one rule, and the text form says which operation does.
    #[test]
    fn broken_rules() {
        let rows = [
            ("%1 = get.i64 $a\n%2 = add %1 %1", ""),
            ("%1 = get.f64 $f\n%2 = fadd.near %1 %1\n$f = %2", ""),
            ("%1 = const.i32 0x1\n%2 = load.i64.64 %1 0", "%2: %1 is I32, not I64"),
            ("%1 = get.i64 $f", "%1: f holds no I64"),
            ("%1 = get.i64 $a\n%2 = get.f64 $f\n%3 = add %1 %2", "%3: %2 is F64, not I64"),
            ("%1 = add %2 %2\n%2 = get.i64 $a", "%1: %2 is used before it is defined"),
            ("%1 = get.i64 $a\n$a = %1\n%3 = load.i64.8 %1 0", "%3: it may fault after a put"),
            ("%1 = get.i64 $a\nstore.64 %1 0 %1\nstore.64 %1 8 %1", ""),
            ("%1 = get.i64 $a\n$a = %1\nstore.64 %1 8 %1", "%3: it may fault after a put"),
            ("%1 = get.i64 $a\nstore.64 %1 0 %1\n@0x4+4\nstore.64 %1 8 %1", ""),
            ("%1 = const.i32 0x1\n%2 = cast.box.f64 %1", "%2: Box from I32 to F64"),
            ("%1 = const.i32 0x1\n%2 = sext32 %1", "%2: it is for I64"),
            ("%1 = get.i64 $a\n%2 = load.i32.64 %1 0", "%2: 8 bytes of I32"),
            ("%1 = helper 3\n@0x4+4", "%1: not alone"),
        ];
        for (body, says) in rows {
            // The types of values before their definition are not known to the parser.
            let text = format!("block 0x0\n@0x0+4\n{body}\njump 0x4\n");
            let mut block = text::parse(&text, &layout()).unwrap();
            if body.contains("%1 = add %2") {
                block.types[1] = Some(Ty::I64);
            }
            let found = verify(&block, &layout()).err().unwrap_or_default();
            assert_eq!(found, says, "{text}");
        }
    }

    #[test]
    fn types_must_be_what_operations_give() {
        let mut block =
            text::parse("block 0x0\n@0x0+4\n%1 = get.i64 $a\njump 0x4\n", &layout()).unwrap();
        block.types[1] = Some(Ty::I32);
        assert!(verify(&block, &layout()).unwrap_err().contains("the type is"));
        block.types[1] = Some(Ty::I64);
        block.count = 2;
        assert_eq!(verify(&block, &layout()).unwrap_err(), "exit: 1 instructions, not 2");
    }

    #[test]
    fn text_that_does_not_parse() {
        for (text, says) in [
            ("", "no block"),
            ("block 0x0\n@0x0+4\n", "the exit is missing"),
            ("block 0x0\n@0x0+4\n%2 = get.i64 $a\nresume", "line 3: %2 should be %1"),
            ("block 0x0\n@0x0+4\n%1 = foo $a\nresume", "line 3: `$a` is no value"),
            ("block 0x0\nresume\nresume", "line 3: text after the exit"),
            ("block 0x0\n@0x0+4\n%1 = get.i64 $zz\nresume", "line 3: `zz` is no number"),
            ("block 0x0\n%0 = load.i64.65 %0 0\nresume", "line 2: `65` is no access"),
        ] {
            assert_eq!(text::parse(text, &layout()).unwrap_err(), says, "{text}");
        }
    }
}
