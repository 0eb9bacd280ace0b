//! From IR blocks to three-address code.
//!
//! A value lives in a word: the slot it was read from, a temporary, or (what makes it fast) the
//! slot that it is put into, so that most guest instructions become one op. The rules:
//! * a put moves into the producing op only inside one guest instruction and never across an op
//!   that may leave the block, so that slots are exact wherever the block can be left;
//! * before a slot is overwritten, values that live in it and are read later move to temporaries;
//! * ops of 32 bits read only low halves, so truncation costs nothing where its user is such an op.

use super::op::{Code, Op, Width};
use crate::frame::{WORDS, ZERO};
use crate::mmu::Acc;
use hetemu_isa::ir::{Bin, Block, Cast, Cmp, Exit, Inst, Ty, Un, Val};
use hetemu_isa::{Layout, REGS, SlotClass};

/// A lowered block.
#[derive(Debug, Default)]
pub(crate) struct Lowered {
    pub(crate) ops: Vec<Op>,
    /// Index of the first op of each guest instruction.
    pub(crate) starts: Vec<u16>,
    /// Offset of each guest instruction from the block's address.
    pub(crate) offsets: Vec<u16>,
    pub(crate) rare: Vec<Rare>,
    /// Addresses that the block goes on at: taken or only, not taken.
    pub(crate) targets: [u64; 2],
}

/// An operation that is executed out of line, with the words of its operands and its result.
#[derive(Debug, Clone)]
pub(crate) struct Rare {
    pub(crate) inst: Inst,
    /// Type of the operands that decides the width.
    pub(crate) ty: Ty,
    pub(crate) words: [u16; 3],
    pub(crate) d: u16,
}

/// The block needs more temporaries than there are: it must be shorter.
#[derive(Debug)]
pub(crate) struct TooLarge;

/// Where a value is.
#[derive(Debug, Clone, Copy)]
enum Loc {
    None,
    Const(u64),
    Word(u16),
}

struct Lower<'a> {
    block: &'a Block,
    layout: &'a Layout,
    parallel: bool,
    out: Lowered,
    /// The value that each value is the same as, and whether only its low half counts.
    root: Vec<(u16, bool)>,
    loc: Vec<Loc>,
    last_use: Vec<u32>,
    uses: Vec<u16>,
    /// Values that live in slots.
    residents: Vec<(u8, u16)>,
    free: Vec<u16>,
    next: u16,
    /// The operation being lowered.
    at: u32,
    /// The comparison that the branch at the end does.
    fused: Option<u16>,
}

/// Lowers a block; fences are there for cores that run at the same time.
pub(crate) fn lower(block: &Block, layout: &Layout, parallel: bool) -> Result<Lowered, TooLarge> {
    let n = block.insts.len();
    let mut l = Lower {
        block,
        layout,
        parallel,
        out: Lowered::default(),
        root: Vec::with_capacity(n),
        loc: vec![Loc::None; n],
        last_use: vec![0; n],
        uses: vec![0; n],
        residents: Vec::new(),
        free: Vec::new(),
        next: REGS as u16,
        at: 0,
        fused: None,
    };
    l.analyse();
    for i in 0..n {
        l.at = i as u32;
        l.inst(i as u16)?;
        l.release(i as u16);
    }
    l.at = n as u32;
    l.exit()?;
    Ok(l.out)
}

impl Lower<'_> {
    fn ty(&self, v: u16) -> Ty {
        self.block.types.get(usize::from(v)).copied().flatten().unwrap_or(Ty::I64)
    }

    /// Finds values that are the same as others, and where each is used last.
    fn analyse(&mut self) {
        let block = self.block;
        for (i, inst) in block.insts.iter().enumerate() {
            let i = i as u16;
            let root = match *inst {
                Inst::Cast(Cast::Zext, _, v) if !self.root[usize::from(v.0)].1 => {
                    self.root[usize::from(v.0)]
                }
                Inst::Cast(Cast::Bits, _, v) => self.root[usize::from(v.0)],
                Inst::Cast(Cast::Trunc, _, v) => (self.root[usize::from(v.0)].0, true),
                _ => (i, false),
            };
            self.root.push(root);
        }
        let roots = std::mem::take(&mut self.root);
        for (i, inst) in block.insts.iter().enumerate() {
            operands(inst, |v| self.touch(&roots, v, i as u32));
        }
        let end = block.insts.len() as u32;
        if let Exit::Branch(v, ..) | Exit::Indirect(v, _) = block.exit {
            self.touch(&roots, v, end);
        }
        if let Exit::Branch(v, ..) = block.exit
            && roots[usize::from(v.0)].0 == v.0
            && self.uses[usize::from(v.0)] == 1
            && let Some(Inst::Cmp(_, a, b)) = block.insts.get(usize::from(v.0))
        {
            self.fused = Some(v.0);
            self.touch(&roots, *a, end);
            self.touch(&roots, *b, end);
        }
        self.root = roots;
    }

    fn touch(&mut self, roots: &[(u16, bool)], v: Val, at: u32) {
        let v = usize::from(v.0);
        let root = usize::from(roots[v].0);
        self.uses[root] += 1;
        if root != v {
            self.uses[v] += 1;
        }
        self.last_use[root] = self.last_use[root].max(at);
    }

    fn temp(&mut self) -> Result<u16, TooLarge> {
        if let Some(t) = self.free.pop() {
            return Ok(t);
        }
        if self.next >= (WORDS - 8) as u16 {
            return Err(TooLarge);
        }
        self.next += 1;
        Ok(self.next - 1)
    }

    fn push(&mut self, code: Code, d: u16, a: u16, b: u16, imm: i64) {
        self.out.ops.push(Op { code, d, a, b, imm });
    }

    /// A new temporary that holds a value's result.
    fn result(&mut self, v: u16) -> Result<u16, TooLarge> {
        let t = self.temp()?;
        self.loc[usize::from(v)] = Loc::Word(t);
        Ok(t)
    }

    /// Frees the temporaries of values that are not read any more.
    fn release(&mut self, i: u16) {
        let mut dead = [u16::MAX; 4];
        let mut n = 0;
        operands(&self.block.insts[usize::from(i)], |v| {
            if n < 4 {
                dead[n] = self.root[usize::from(v.0)].0;
                n += 1;
            }
        });
        dead[..n].sort_unstable();
        let mut before = u16::MAX;
        for &v in &dead[..n] {
            if v != before && self.last_use[usize::from(v)] <= u32::from(i) {
                self.drop_value(v);
            }
            before = v;
        }
        // A result that nobody reads (of an operation with effects).
        if self.uses[usize::from(i)] == 0 {
            self.drop_value(i);
        }
    }

    fn drop_value(&mut self, v: u16) {
        if let Loc::Word(w) = self.loc[usize::from(v)] {
            if usize::from(w) >= REGS && w != ZERO {
                self.free.push(w);
            } else {
                self.residents.retain(|r| r.1 != v);
            }
            self.loc[usize::from(v)] = Loc::None;
        }
    }

    fn constant(&self, v: Val) -> Option<u64> {
        let (root, low) = self.root[usize::from(v.0)];
        match self.loc[usize::from(root)] {
            Loc::Const(n) if low => Some(n & 0xffff_ffff),
            Loc::Const(n) => Some(n),
            _ => None,
        }
    }

    /// A word whose low half (all of it, if the value is wider) is the value.
    fn low(&mut self, v: Val) -> Result<u16, TooLarge> {
        let root = self.root[usize::from(v.0)].0;
        match self.loc[usize::from(root)] {
            Loc::Word(w) => Ok(w),
            Loc::Const(0) => Ok(ZERO),
            Loc::Const(n) => {
                let t = self.temp()?;
                self.push(Code::Imm, t, 0, 0, n as i64);
                self.loc[usize::from(root)] = Loc::Word(t);
                Ok(t)
            }
            Loc::None => Ok(ZERO),
        }
    }

    /// A word that is the value, zero-extended.
    fn exact(&mut self, v: Val) -> Result<u16, TooLarge> {
        let (root, is_low) = self.root[usize::from(v.0)];
        if !is_low || matches!(self.loc[usize::from(root)], Loc::Const(0)) {
            return self.low(v);
        }
        let from = self.low(v)?;
        let t = self.result(v.0)?;
        self.push(Code::Zext3264, t, from, 0, 0);
        // The extended copy is a value of its own from here on.
        self.root[usize::from(v.0)] = (v.0, false);
        self.last_use[usize::from(v.0)] = self.last_use[usize::from(root)];
        Ok(t)
    }

    /// Moves values that live in a slot, and are read after now, out of it.
    fn evict(&mut self, slot: u8) -> Result<(), TooLarge> {
        let mut i = 0;
        while let Some(&(s, v)) = self.residents.get(i) {
            if s != slot {
                i += 1;
                continue;
            }
            self.residents.swap_remove(i);
            if self.last_use[usize::from(v)] > self.at {
                let t = self.temp()?;
                self.push(Code::Mov, t, u16::from(slot), 0, 0);
                self.loc[usize::from(v)] = Loc::Word(t);
            } else {
                self.loc[usize::from(v)] = Loc::None;
            }
        }
        Ok(())
    }

    fn inst(&mut self, i: u16) -> Result<(), TooLarge> {
        let at = usize::from(i);
        let wide = |ty: Ty| matches!(ty, Ty::I64 | Ty::F64);
        match self.block.insts[at] {
            Inst::Start { pc, .. } => {
                self.out.starts.push(self.out.ops.len() as u16);
                self.out.offsets.push(pc.wrapping_sub(self.block.pc) as u16);
            }
            Inst::Const(_, n) => self.loc[at] = Loc::Const(n),
            Inst::Get(..)
            | Inst::Un(..)
            | Inst::Bin(..)
            | Inst::Cmp(..)
            | Inst::Select(..)
            | Inst::Cast(..)
                if self.uses[at] == 0 => {}
            Inst::Get(ty, slot) => {
                let class = self.layout.slots.get(usize::from(slot.0)).map(|s| s.class);
                if !wide(ty) && class != Some(SlotClass::I32) {
                    let d = self.result(i)?;
                    self.push(Code::Zext3264, d, u16::from(slot.0), 0, 0);
                } else {
                    self.loc[at] = Loc::Word(u16::from(slot.0));
                    self.residents.push((slot.0, i));
                }
            }
            Inst::Put(slot, v) => self.put(slot.0, v)?,
            Inst::Un(Un::Not, a) if self.ty(a.0) == Ty::Bool => {
                let a = self.exact(a)?;
                let d = self.result(i)?;
                self.push(Code::Xor64I, d, a, 0, 1);
            }
            Inst::Un(op, a) => {
                let ty = self.ty(a.0);
                let a = self.low(a)?;
                let d = self.result(i)?;
                self.push(Code::un(op, wide(ty)), d, a, 0, 0);
            }
            Inst::Bin(op, a, b) => self.bin(i, op, a, b)?,
            Inst::Cmp(..) if self.fused == Some(i) => {}
            Inst::Cmp(op, a, b) => {
                let ty = self.ty(a.0);
                let (code, a, b, imm) = self.compare(op, ty, a, b, Code::set)?;
                let d = self.result(i)?;
                self.push(code, d, a, b, imm);
            }
            Inst::Select(c, a, b) => {
                let (c, a, b) = (self.exact(c)?, self.exact(a)?, self.exact(b)?);
                let d = self.result(i)?;
                self.push(Code::Select, d, a, b, i64::from(c));
            }
            Inst::Cast(cast, _, v) => self.cast(i, cast, v)?,
            Inst::Load(ty, mem, addr, offset) => {
                let (a, imm) = self.address(addr, offset)?;
                let d = self.result(i)?;
                self.push(Code::load(mem, !wide(ty)), d, a, Acc::new(mem, !wide(ty)).0, imm);
            }
            Inst::Store(mem, addr, offset, v) => {
                let (a, imm) = self.address(addr, offset)?;
                let d = if mem.size == 3 { self.exact(v)? } else { self.low(v)? };
                self.push(Code::store(mem), d, a, Acc::new(mem, false).0, imm);
            }
            Inst::Fence if !self.parallel => {}
            inst @ Inst::Fence => self.rare(Code::Rare, i, inst, Ty::I64, [ZERO; 3])?,
            inst @ Inst::Helper(_, args) => {
                let [a, b, c] = args.map(|a| a.map_or(Ok(ZERO), |a| self.exact(a)));
                let words = [a?, b?, c?];
                for slot in 0..self.layout.slots.len() {
                    self.evict(slot as u8)?;
                }
                self.rare(Code::Helper, i, inst, Ty::I64, words)?;
            }
            inst => {
                let mut words = [ZERO; 3];
                let mut list = [Val(0); 3];
                let mut n = 0;
                operands(&inst, |v| {
                    if n < 3 {
                        list[n] = v;
                        n += 1;
                    }
                });
                for k in 0..n {
                    words[k] = self.exact(list[k])?;
                }
                let ty = match inst {
                    Inst::Rmw(_, _, _, v) | Inst::StoreCond(_, _, v) => self.ty(v.0),
                    Inst::LoadReserve(ty, ..) => ty,
                    _ => self.ty(list[0].0),
                };
                if is_float(&inst) || matches!(inst, Inst::Call(..)) {
                    // It ORs into the flags.
                    self.evict(self.layout.float.flags.0)?;
                }
                self.rare(Code::Rare, i, inst, ty, words)?;
            }
        }
        Ok(())
    }

    fn rare(
        &mut self,
        code: Code,
        i: u16,
        inst: Inst,
        ty: Ty,
        words: [u16; 3],
    ) -> Result<(), TooLarge> {
        let d = self.result(i)?;
        let at = self.out.rare.len();
        self.out.rare.push(Rare { inst, ty, words, d });
        self.push(code, d, 0, 0, at as i64);
        Ok(())
    }

    /// The word and the offset of an address.
    fn address(&mut self, addr: Val, offset: i32) -> Result<(u16, i64), TooLarge> {
        if self.ty(addr.0) == Ty::I32 && self.layout.bits > 32 {
            // Wraps at 32 bits on a core whose addresses do not.
            let a = self.low(addr)?;
            let t = self.temp()?;
            self.push(Code::bin(Bin::Add, Width::W32, true), t, a, 0, i64::from(offset));
            self.free.push(t);
            return Ok((t, 0));
        }
        if let Some(n) = self.constant(addr) {
            return Ok((ZERO, n.wrapping_add(offset as i64 as u64) as i64));
        }
        Ok((self.low(addr)?, i64::from(offset)))
    }

    fn bin(&mut self, i: u16, op: Bin, a: Val, b: Val) -> Result<(), TooLarge> {
        let width = if self.ty(a.0) == Ty::I64 { Width::W64 } else { Width::W32 };
        let commutes = matches!(op, Bin::Add | Bin::Mul | Bin::And | Bin::Or | Bin::Xor);
        let (a, b) = if commutes && self.constant(a).is_some() { (b, a) } else { (a, b) };
        let (code, a, b, imm) = match self.constant(b) {
            Some(n) => (Code::bin(op, width, true), self.low(a)?, 0, n as i64),
            None => (Code::bin(op, width, false), self.low(a)?, self.low(b)?, 0),
        };
        let d = self.result(i)?;
        self.push(code, d, a, b, imm);
        Ok(())
    }

    fn compare(
        &mut self,
        op: Cmp,
        ty: Ty,
        a: Val,
        b: Val,
        code: fn(Cmp, bool, bool) -> Code,
    ) -> Result<(Code, u16, u16, i64), TooLarge> {
        let wide = ty == Ty::I64;
        let (low_a, imm) = (self.low(a)?, self.constant(b));
        Ok(match imm {
            Some(n) => {
                let n = if wide { n as i64 } else { i64::from(n as u32 as i32) };
                (code(op, wide, true), low_a, 0, n)
            }
            None => (code(op, wide, false), low_a, self.low(b)?, 0),
        })
    }

    fn cast(&mut self, i: u16, cast: Cast, v: Val) -> Result<(), TooLarge> {
        if self.root[usize::from(i)].0 != i {
            return Ok(());
        }
        match cast {
            Cast::Sext => {
                let (root, _) = self.root[usize::from(v.0)];
                // A 32-bit operation that only this reads becomes its sign-extending form.
                if root == v.0
                    && self.uses[usize::from(v.0)] == 1
                    && let Loc::Word(w) = self.loc[usize::from(v.0)]
                    && let Some(last) = self.out.ops.last_mut()
                    && last.d == w
                    && usize::from(w) >= REGS
                    && let Some(code) = last.code.sign_extended()
                {
                    last.code = code;
                    self.loc[usize::from(i)] = Loc::Word(w);
                    self.loc[usize::from(v.0)] = Loc::None;
                    return Ok(());
                }
                let a = self.low(v)?;
                let d = self.result(i)?;
                self.push(Code::Sext3264, d, a, 0, 0);
            }
            Cast::Zext => {
                let a = self.low(v)?;
                let d = self.result(i)?;
                self.push(Code::Zext3264, d, a, 0, 0);
            }
            Cast::Box => {
                let a = self.low(v)?;
                let d = self.result(i)?;
                self.push(Code::Or64I, d, a, 0, (!0u64 << 32) as i64);
            }
            Cast::Unbox => {
                let a = self.exact(v)?;
                let inst = self.block.insts[usize::from(i)];
                self.rare(Code::Rare, i, inst, Ty::F64, [a, ZERO, ZERO])?;
            }
            Cast::Trunc | Cast::Bits => {}
        }
        Ok(())
    }

    fn put(&mut self, slot: u8, v: Val) -> Result<(), TooLarge> {
        let (root, is_low) = self.root[usize::from(v.0)];
        let word = u16::from(slot);
        if let Loc::Const(n) = self.loc[usize::from(root)] {
            self.evict(slot)?;
            let n = if is_low { n & 0xffff_ffff } else { n };
            self.push(Code::Imm, word, 0, 0, n as i64);
            return Ok(());
        }
        let from = self.exact(v)?;
        let root = self.root[usize::from(v.0)].0;
        if from == word {
            return Ok(());
        }
        if self.fold(slot, root, from) {
            return Ok(());
        }
        self.evict(slot)?;
        self.push(Code::Mov, word, from, 0, 0);
        Ok(())
    }

    /// Has the op that made a temporary write the slot instead, if nothing can tell.
    fn fold(&mut self, slot: u8, root: u16, from: u16) -> bool {
        if usize::from(from) < REGS || from == ZERO {
            return false;
        }
        let live = |&(s, v): &(u8, u16)| s == slot && self.last_use[usize::from(v)] > self.at;
        if self.residents.iter().any(live) {
            return false;
        }
        let first = self.out.starts.last().map_or(0, |s| usize::from(*s));
        let word = u16::from(slot);
        let Some(back) =
            self.out.ops[first..].iter().rposition(|op| op.d == from && !op.code.reads_d())
        else {
            return false;
        };
        let producer = first + back;
        let reads = |op: &Op, w: u16| {
            op.a == w
                || op.code.reads_b() && op.b == w
                || op.code.reads_d() && op.d == w
                || op.code == Code::Select && op.imm == i64::from(w)
        };
        let blocks = |op: &Op| op.code.may_leave() || reads(op, word) || op.d == word;
        if self.out.ops[producer + 1..].iter().any(blocks) {
            return false;
        }
        self.residents.retain(|r| r.0 != slot);
        self.out.ops[producer].d = word;
        if let Some(rare) = self.rare_of(producer) {
            rare.d = word;
        }
        for op in &mut self.out.ops[producer + 1..] {
            if op.a == from {
                op.a = word;
            }
            if op.code.reads_b() && op.b == from {
                op.b = word;
            }
            if op.code == Code::Select && op.imm == i64::from(from) {
                op.imm = i64::from(word);
            }
        }
        self.free.push(from);
        self.loc[usize::from(root)] = Loc::Word(word);
        self.residents.push((slot, root));
        true
    }

    fn rare_of(&mut self, op: usize) -> Option<&mut Rare> {
        let op = self.out.ops[op];
        matches!(op.code, Code::Rare | Code::Helper)
            .then(|| self.out.rare.get_mut(op.imm as usize))
            .flatten()
    }

    fn exit(&mut self) -> Result<(), TooLarge> {
        match self.block.exit {
            Exit::Jump(to, _) => {
                self.out.targets[0] = to;
                self.push(Code::Jump, ZERO, 0, 0, 0);
            }
            Exit::Branch(v, taken, not) => {
                self.out.targets = [taken, not];
                if let Some(c) = self.fused
                    && let Some(&Inst::Cmp(op, a, b)) = self.block.insts.get(usize::from(c))
                {
                    let ty = self.ty(a.0);
                    let (code, a, b, imm) = self.compare(op, ty, a, b, Code::branch)?;
                    self.push(code, ZERO, a, b, imm);
                } else {
                    let a = self.exact(v)?;
                    self.push(Code::branch(Cmp::Ne, true, true), ZERO, a, 0, 0);
                }
            }
            Exit::Indirect(v, _) => {
                let a = self.exact(v)?;
                self.push(Code::Indirect, ZERO, a, 0, 0);
            }
            Exit::Resume => self.push(Code::Resume, ZERO, 0, 0, 0),
        }
        Ok(())
    }
}

/// Whether an operation may OR into the float flags.
pub(crate) fn is_float(inst: &Inst) -> bool {
    matches!(
        inst,
        Inst::FBin(..)
            | Inst::FSqrt(..)
            | Inst::Fma { .. }
            | Inst::FCmp(..)
            | Inst::FCvt(..)
            | Inst::FToI(..)
            | Inst::IToF(..)
    )
}

/// Calls back with each operand, in order.
pub(crate) fn operands(inst: &Inst, mut f: impl FnMut(Val)) {
    match *inst {
        Inst::Start { .. } | Inst::Const(..) | Inst::Get(..) | Inst::Fence => {}
        Inst::Put(_, a)
        | Inst::Un(_, a)
        | Inst::Cast(_, _, a)
        | Inst::Load(_, _, a, _)
        | Inst::LoadReserve(_, _, a)
        | Inst::FSqrt(_, a)
        | Inst::FCvt(_, _, a)
        | Inst::FToI(_, _, _, a)
        | Inst::IToF(_, _, _, a)
        | Inst::FClass(a) => f(a),
        Inst::Bin(_, a, b)
        | Inst::Cmp(_, a, b)
        | Inst::Store(_, a, _, b)
        | Inst::Rmw(_, _, a, b)
        | Inst::StoreCond(_, a, b)
        | Inst::FBin(_, _, a, b)
        | Inst::FCmp(_, a, b) => {
            f(a);
            f(b);
        }
        Inst::Select(a, b, c) | Inst::Fma { args: [a, b, c], .. } | Inst::Call(_, [a, b, c]) => {
            f(a);
            f(b);
            f(c);
        }
        Inst::Helper(_, args) => args.into_iter().flatten().for_each(f),
    }
}
