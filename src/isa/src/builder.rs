//! What lifters write blocks with.
//!
//! The builder gives each operation its type, folds integer constants, and forwards a slot's value
//! from its last put or get inside the block, so that lifters can be naive. Operations whose
//! operand types do not fit are a lifter's bug: they are caught by `verify` in tests, never by a
//! panic here.

use crate::ir::*;
use crate::layout::{REGS, Slot};

/// Builds one block.
pub struct Builder {
    pc: u64,
    next: u64,
    count: u32,
    insts: Vec<Inst>,
    types: Vec<Option<Ty>>,
    /// The value that each slot holds now, if it is known.
    known: Vec<Option<Val>>,
}

impl Builder {
    /// Begins a block at a virtual address.
    pub fn new(pc: u64) -> Builder {
        Builder {
            pc,
            next: pc,
            count: 0,
            insts: Vec::with_capacity(64),
            types: Vec::with_capacity(64),
            known: vec![None; REGS],
        }
    }

    /// Guest instructions so far.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Operations so far; a block must stay below [`u16::MAX`] of them.
    pub fn len(&self) -> usize {
        self.insts.len()
    }

    /// Whether nothing was emitted yet.
    pub fn is_empty(&self) -> bool {
        self.insts.is_empty()
    }

    /// Begins a guest instruction.
    pub fn start(&mut self, pc: u64, len: u8) {
        self.count += 1;
        self.next = pc.wrapping_add(u64::from(len));
        self.push(Inst::Start { pc, len }, None);
    }

    /// Ends the block.
    pub fn finish(self, exit: Exit) -> Block {
        Block {
            pc: self.pc,
            len: self.next.wrapping_sub(self.pc) as u32,
            count: self.count,
            insts: self.insts,
            types: self.types,
            exit,
        }
    }

    fn push(&mut self, inst: Inst, ty: Option<Ty>) -> Val {
        let val = Val(self.insts.len() as u16);
        self.insts.push(inst);
        self.types.push(ty);
        val
    }

    /// The type of a value.
    pub fn ty(&self, val: Val) -> Ty {
        self.types.get(val.0 as usize).copied().flatten().unwrap_or(Ty::I64)
    }

    /// The constant that a value is, if it is one.
    pub fn constant(&self, val: Val) -> Option<u64> {
        match self.insts.get(val.0 as usize) {
            Some(Inst::Const(_, n)) => Some(*n),
            _ => None,
        }
    }

    /// A constant, cut to its type.
    pub fn iconst(&mut self, ty: Ty, n: u64) -> Val {
        self.push(Inst::Const(ty, n & mask(ty)), Some(ty))
    }

    /// Reads a slot.
    pub fn get(&mut self, ty: Ty, slot: Slot) -> Val {
        if let Some(v) = self.known[slot.0 as usize]
            && self.ty(v) == ty
        {
            return v;
        }
        let v = self.push(Inst::Get(ty, slot), Some(ty));
        self.known[slot.0 as usize] = Some(v);
        v
    }

    /// Writes a slot.
    pub fn put(&mut self, slot: Slot, val: Val) {
        self.push(Inst::Put(slot, val), None);
        self.known[slot.0 as usize] = Some(val);
    }

    /// Integer operation of one operand.
    pub fn un(&mut self, op: Un, a: Val) -> Val {
        let ty = self.ty(a);
        match self.constant(a) {
            Some(x) => self.iconst(ty, op.eval(ty, x)),
            None => self.push(Inst::Un(op, a), Some(ty)),
        }
    }

    /// Integer operation of two operands.
    pub fn bin(&mut self, op: Bin, a: Val, b: Val) -> Val {
        let ty = self.ty(a);
        match (self.constant(a), self.constant(b)) {
            (Some(x), Some(y)) => self.iconst(ty, op.eval(ty, x, y)),
            (_, Some(0)) if op.zero_is_neutral() => a,
            _ => self.push(Inst::Bin(op, a, b), Some(ty)),
        }
    }

    /// Integer operation with a constant.
    pub fn bin_imm(&mut self, op: Bin, a: Val, n: u64) -> Val {
        let ty = self.ty(a);
        let b = self.iconst(ty, n);
        self.bin(op, a, b)
    }

    /// Integer comparison.
    pub fn cmp(&mut self, op: Cmp, a: Val, b: Val) -> Val {
        let ty = self.ty(a);
        match (self.constant(a), self.constant(b)) {
            (Some(x), Some(y)) => self.iconst(Ty::Bool, u64::from(op.eval(ty, x, y))),
            _ => self.push(Inst::Cmp(op, a, b), Some(Ty::Bool)),
        }
    }

    /// `if c { a } else { b }`.
    pub fn select(&mut self, c: Val, a: Val, b: Val) -> Val {
        let ty = self.ty(a);
        match self.constant(c) {
            Some(0) => b,
            Some(_) => a,
            None => self.push(Inst::Select(c, a, b), Some(ty)),
        }
    }

    /// Conversion of bits.
    pub fn cast(&mut self, cast: Cast, ty: Ty, a: Val) -> Val {
        let from = self.ty(a);
        match (cast, self.constant(a)) {
            (Cast::Zext | Cast::Sext | Cast::Trunc | Cast::Bits, _) if from == ty => a,
            (Cast::Bits | Cast::Trunc, None) if let Some(before) = self.cast_back(cast, ty, a) => {
                before
            }
            (Cast::Zext | Cast::Trunc | Cast::Bits, Some(n)) => self.iconst(ty, n),
            (Cast::Sext, Some(n)) => self.iconst(ty, n as u32 as i32 as i64 as u64),
            _ => self.push(Inst::Cast(cast, ty, a), Some(ty)),
        }
    }

    /// The value that a value was cast from, if the cast takes it back there.
    fn cast_back(&self, cast: Cast, ty: Ty, a: Val) -> Option<Val> {
        match (cast, self.insts.get(usize::from(a.0))?) {
            (Cast::Bits, Inst::Cast(Cast::Bits, _, v))
            | (Cast::Trunc, Inst::Cast(Cast::Zext | Cast::Sext, _, v)) => {
                (self.ty(*v) == ty).then_some(*v)
            }
            _ => None,
        }
    }

    /// Loads from `addr + offset`.
    pub fn load(&mut self, ty: Ty, mem: Mem, addr: Val, offset: i32) -> Val {
        self.push(Inst::Load(ty, mem, addr, offset), Some(ty))
    }

    /// Stores to `addr + offset`.
    pub fn store(&mut self, mem: Mem, addr: Val, offset: i32, val: Val) {
        self.push(Inst::Store(mem, addr, offset, val), None);
    }

    /// Atomic read-modify-write; gives the old value, in the operand's type.
    pub fn rmw(&mut self, op: Rmw, mem: Mem, addr: Val, val: Val) -> Val {
        let ty = self.ty(val);
        self.push(Inst::Rmw(op, mem, addr, val), Some(ty))
    }

    /// Loads and reserves.
    pub fn load_reserve(&mut self, ty: Ty, mem: Mem, addr: Val) -> Val {
        self.push(Inst::LoadReserve(ty, mem, addr), Some(ty))
    }

    /// Stores if the reservation holds.
    pub fn store_cond(&mut self, mem: Mem, addr: Val, val: Val) -> Val {
        self.push(Inst::StoreCond(mem, addr, val), Some(Ty::Bool))
    }

    /// Memory fence.
    pub fn fence(&mut self) {
        self.push(Inst::Fence, None);
    }

    /// Float operation of two operands.
    pub fn fbin(&mut self, op: FBin, round: Round, a: Val, b: Val) -> Val {
        let ty = self.ty(a);
        self.push(Inst::FBin(op, round, a, b), Some(ty))
    }

    /// Square root.
    pub fn fsqrt(&mut self, round: Round, a: Val) -> Val {
        let ty = self.ty(a);
        self.push(Inst::FSqrt(round, a), Some(ty))
    }

    /// Fused multiply-add.
    pub fn fma(
        &mut self,
        round: Round,
        neg_product: bool,
        neg_addend: bool,
        args: [Val; 3],
    ) -> Val {
        let ty = self.ty(args[0]);
        self.push(Inst::Fma { round, neg_product, neg_addend, args }, Some(ty))
    }

    /// Float comparison.
    pub fn fcmp(&mut self, op: FCmp, a: Val, b: Val) -> Val {
        self.push(Inst::FCmp(op, a, b), Some(Ty::Bool))
    }

    /// Float to float.
    pub fn fcvt(&mut self, round: Round, ty: Ty, a: Val) -> Val {
        self.push(Inst::FCvt(round, ty, a), Some(ty))
    }

    /// Float to integer.
    pub fn ftoi(&mut self, round: Round, ty: Ty, signed: bool, a: Val) -> Val {
        self.push(Inst::FToI(round, ty, signed, a), Some(ty))
    }

    /// Integer to float.
    pub fn itof(&mut self, round: Round, ty: Ty, signed: bool, a: Val) -> Val {
        self.push(Inst::IToF(round, ty, signed, a), Some(ty))
    }

    /// IEEE class of a float.
    pub fn fclass(&mut self, a: Val) -> Val {
        self.push(Inst::FClass(a), Some(Ty::I32))
    }

    /// Calls the target without ending the block.
    pub fn call(&mut self, id: u16, args: [Val; 3]) -> Val {
        self.push(Inst::Call(id, args), Some(Ty::I64))
    }

    /// Calls a helper of the target. What is known of slots is forgotten.
    pub fn helper(&mut self, id: u16, args: &[Val]) -> Val {
        let at = |i: usize| args.get(i).copied();
        let v = self.push(Inst::Helper(id, [at(0), at(1), at(2)]), Some(Ty::I64));
        self.known.fill(None);
        v
    }
}

/// The bits of a type.
pub fn mask(ty: Ty) -> u64 {
    match ty {
        Ty::Bool => 1,
        Ty::I32 | Ty::F32 => 0xffff_ffff,
        Ty::I64 | Ty::F64 => u64::MAX,
    }
}
