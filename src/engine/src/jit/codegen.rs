//! From the IR of a region to Cranelift's.

use super::Runtime;
use super::compiler::{Job, signature, tail_signature};
use super::entry::Calc;
use super::ints::condition;
use super::region::Region;
use crate::cache::{JUMP_BITS, JumpEntry};
use crate::frame::Frame;
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::{self as clif, InstBuilder, MemFlagsData, SigRef, Type, Value, types};
use cranelift_codegen::isa::{CallConv, TargetFrontendConfig};
use cranelift_frontend::{FunctionBuilder, Variable};
use hetemu_isa::ir::{Block, Exit, Hint, Inst, Ty, Val};
use hetemu_isa::{Layout, REGS, Slot, SlotClass};
use std::collections::{BTreeMap, HashMap};
use std::mem::offset_of;

/// A set of slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct SlotSet([u64; REGS / 64]);

impl SlotSet {
    fn add(&mut self, slot: Slot) {
        self.0[usize::from(slot.0) / 64] |= 1 << (slot.0 % 64);
    }
    fn join(&mut self, other: &SlotSet) {
        for (a, b) in self.0.iter_mut().zip(other.0) {
            *a |= b;
        }
    }
    fn iter(self) -> impl Iterator<Item = usize> {
        (0..REGS).filter(move |i| self.0[i / 64] >> (i % 64) & 1 != 0)
    }
}

/// How the generator accesses memory that is always there.
pub(super) fn plain() -> MemFlagsData {
    MemFlagsData::new().with_notrap()
}

/// Writes one function.
pub(super) struct Generator<'a> {
    pub(super) b: FunctionBuilder<'a>,
    pub(super) region: &'a Region,
    pub(super) layout: &'a Layout,
    runtime: Runtime,
    links: HashMap<u64, usize>,
    counter: Option<usize>,
    /// Slots are stored when they are put, not at exits: less code, for the first tier.
    through: bool,
    /// Where cold exits end: takes the program counter and the steps left.
    leave: clif::Block,
    /// The host has fused multiply-add.
    pub(super) fma: bool,
    vars: Vec<Option<Variable>>,
    left: Variable,
    pub(super) frame: Value,
    pub(super) tlb: Value,
    heads: BTreeMap<u64, clif::Block>,
    sites: Vec<u64>,
    tail: SigRef,
    memory: SigRef,
    calc: SigRef,
    /// Slots that may differ from the frame where code is being written.
    dirty: SlotSet,
    /// The values of the block being written, and their types.
    vals: Vec<Option<Value>>,
    types: Vec<Option<Ty>>,
    /// The guest instruction being written, and how many of the block have not been done before it.
    pc: u64,
    rest: u32,
}

impl<'a> Generator<'a> {
    pub(super) fn new(mut b: FunctionBuilder<'a>, job: &'a Job, fma: bool) -> Generator<'a> {
        let (region, layout) = (&job.region, &*job.layout);
        let tail = b.import_signature(tail_signature());
        let memory = b.import_signature(signature(CallConv::PreserveAll, 4));
        let calc = b.import_signature(signature(CallConv::PreserveAll, 5));
        let entry = b.create_block();
        b.append_block_params_for_function_params(entry);
        b.switch_to_block(entry);
        b.seal_block(entry);
        let frame = b.block_params(entry)[0];
        let start = b.block_params(entry)[1];
        let left = b.declare_var(types::I64);
        b.def_var(left, start);
        let leave = b.create_block();
        b.set_cold_block(leave);
        b.append_block_param(leave, types::I64);
        b.append_block_param(leave, types::I64);
        let tlb = b.ins().load(types::I64, plain(), frame, offset_of!(Frame, tlb) as i32);
        Generator {
            b,
            region,
            layout,
            runtime: job.runtime,
            links: job.links.iter().copied().collect(),
            counter: job.counter,
            through: !job.hottest,
            leave,
            fma,
            vars: vec![None; REGS],
            left,
            frame,
            tlb,
            heads: BTreeMap::new(),
            sites: region.return_sites(),
            tail,
            memory,
            calc,
            dirty: SlotSet::default(),
            vals: Vec::new(),
            types: Vec::new(),
            pc: 0,
            rest: 0,
        }
    }

    /// Writes everything.
    pub(super) fn run(mut self, config: TargetFrontendConfig) {
        self.count_entry();
        self.load_slots();
        for pc in self.region.blocks.keys() {
            self.heads.insert(*pc, self.b.create_block());
        }
        let dirty = if self.through { BTreeMap::new() } else { self.flow() };
        if self.region.has_floats() {
            let one = self.b.ins().iconst(types::I64, 1);
            self.store_frame(one, offset_of!(Frame, floats));
        }
        self.choose_entry();
        for (pc, block) in &self.region.blocks {
            self.dirty = dirty.get(pc).copied().unwrap_or_default();
            self.block(*pc, block);
        }
        self.b.switch_to_block(self.leave);
        let [pc, left] = [0, 1].map(|i| self.b.block_params(self.leave)[i]);
        self.set_pc(pc);
        self.b.ins().return_(&[left]);
        self.b.seal_all_blocks();
        self.b.finalize(config);
    }

    /// Counts down; at the end the region asks to be compiled again instead of being run.
    fn count_entry(&mut self) {
        let Some(counter) = self.counter else { return };
        let at = self.b.ins().iconst(types::I64, counter as i64);
        let count = self.b.ins().load(types::I64, plain(), at, 0);
        let count = self.b.ins().iadd_imm_s(count, -1);
        self.b.ins().store(plain(), count, at, 0);
        let over = self.b.ins().icmp_imm_s(IntCC::SignedLessThan, count, 0);
        let (ask, go) = (self.cold(), self.b.create_block());
        self.b.ins().brif(over, ask, &[], go, &[]);
        self.enter(ask);
        self.store_frame(count, offset_of!(Frame, again));
        let left = self.b.use_var(self.left);
        self.b.ins().return_(&[left]);
        self.enter(go);
    }

    /// Goes to the block that the program counter names; leaves if it is none that can be entered.
    fn choose_entry(&mut self) {
        let entries: Vec<u64> = self.region.entries().collect();
        if let [head] = entries[..] {
            let head = self.heads[&head];
            self.b.ins().jump(head, &[]);
            return;
        }
        let mut pc = self.load_frame(types::I64, usize::from(self.layout.pc.0) * 8);
        if self.layout.bits < 64 {
            pc = self.b.ins().band_imm_u(pc, (1 << self.layout.bits) - 1);
        }
        for entry in entries {
            let here = self.b.ins().icmp_imm_s(IntCC::Equal, pc, entry as i64);
            let other = self.b.create_block();
            self.b.ins().brif(here, self.heads[&entry], &[], other, &[]);
            self.enter(other);
        }
        // Nothing leads here; the interpreter would go on.
        let one = self.b.ins().iconst(types::I64, 1);
        self.store_frame(one, offset_of!(Frame, refused));
        let left = self.b.use_var(self.left);
        self.b.ins().return_(&[left]);
    }

    /// Loads every slot that the region names.
    fn load_slots(&mut self) {
        let mut used = SlotSet::default();
        for inst in self.region.blocks.values().flat_map(|b| &b.insts) {
            if let Inst::Get(_, slot) | Inst::Put(slot, _) = inst {
                used.add(*slot);
            }
        }
        for slot in used.iter() {
            let ty = self.slot_type(slot);
            let var = self.b.declare_var(ty);
            let value = self.b.ins().load(ty, plain(), self.frame, slot as i32 * 8);
            self.b.def_var(var, value);
            self.vars[slot] = Some(var);
        }
    }

    fn slot_type(&self, slot: usize) -> Type {
        match self.layout.slots.get(slot).map(|s| s.class) {
            Some(SlotClass::I32) => types::I32,
            Some(SlotClass::F64) => types::F64,
            _ => types::I64,
        }
    }

    /// For each block the slots that may have been written on a way to it.
    fn flow(&self) -> BTreeMap<u64, SlotSet> {
        let mut into: BTreeMap<u64, SlotSet> = BTreeMap::new();
        loop {
            let before = into.clone();
            for (pc, block) in &self.region.blocks {
                let mut out = into.get(pc).copied().unwrap_or_default();
                for inst in &block.insts {
                    if let Inst::Put(slot, _) = inst {
                        out.add(*slot);
                    }
                }
                for to in self.targets(*pc, block) {
                    if self.region.blocks.contains_key(&to) {
                        into.entry(to).or_default().join(&out);
                    }
                }
            }
            if into == before {
                return into;
            }
        }
    }

    /// Addresses that a block may go on at inside the region.
    fn targets(&self, pc: u64, block: &Block) -> Vec<u64> {
        match block.exit {
            Exit::Jump(to, _) => vec![to],
            Exit::Branch(_, a, b) => vec![a, b],
            Exit::Indirect(_, hint) => {
                let mut list: Vec<u64> =
                    self.region.guesses.get(&pc).copied().into_iter().collect();
                if hint == Hint::Return {
                    list.extend(self.sites.iter().copied());
                }
                list.retain(|pc| self.region.blocks.contains_key(pc));
                list.dedup();
                list.truncate(4);
                list
            }
            Exit::Resume => Vec::new(),
        }
    }

    fn block(&mut self, pc: u64, block: &Block) {
        let head = self.heads[&pc];
        self.b.switch_to_block(head);
        let left = self.b.use_var(self.left);
        let after = self.b.ins().iadd_imm_s(left, -i64::from(block.count));
        let short = self.b.ins().icmp_imm_s(IntCC::SignedLessThan, after, 0);
        let (stop, go) = (self.cold(), self.b.create_block());
        self.b.ins().brif(short, stop, &[], go, &[]);
        self.enter(stop);
        self.leave_at(pc, left);
        self.enter(go);
        self.b.def_var(self.left, after);

        self.vals = vec![None; block.insts.len()];
        self.types = block.types.clone();
        self.rest = block.count + 1;
        for (i, inst) in block.insts.iter().enumerate() {
            let value = self.inst(inst);
            self.vals[i] = value;
        }
        self.exit(pc, block);
    }

    /// A block for what happens rarely.
    pub(super) fn cold(&mut self) -> clif::Block {
        let block = self.b.create_block();
        self.b.set_cold_block(block);
        block
    }

    /// Goes on writing in a block whose predecessors are all known.
    pub(super) fn enter(&mut self, block: clif::Block) {
        self.b.switch_to_block(block);
        self.b.seal_block(block);
    }

    /// Stores slots that may differ from the frame.
    fn flush(&mut self) {
        for slot in self.dirty.iter() {
            let Some(var) = self.vars[slot] else { continue };
            let value = self.b.use_var(var);
            self.store_slot(slot, value);
        }
    }

    fn store_slot(&mut self, slot: usize, mut value: Value) {
        if self.slot_type(slot) == types::I32 {
            value = self.b.ins().uextend(types::I64, value);
        }
        self.b.ins().store(plain(), value, self.frame, slot as i32 * 8);
    }

    fn set_pc_const(&mut self, pc: u64) {
        let pc = self.b.ins().iconst(types::I64, pc as i64);
        self.set_pc(pc);
    }

    fn set_pc(&mut self, pc: Value) {
        self.b.ins().store(plain(), pc, self.frame, i32::from(self.layout.pc.0) * 8);
    }

    /// Leaves before the instruction being written, to the interpreter. In a block of its own.
    pub(super) fn leave_here(&mut self) {
        let left = self.b.use_var(self.left);
        let left = self.b.ins().iadd_imm_s(left, i64::from(self.rest));
        self.leave_at(self.pc, left);
    }

    /// Leaves for the interpreter at an address.
    fn leave_at(&mut self, pc: u64, left: Value) {
        self.flush();
        let pc = self.b.ins().iconst(types::I64, pc as i64);
        self.b.ins().jump(self.leave, &[pc.into(), left.into()]);
    }

    /// Leaves as `leave_here` does, saying that the interpreter must do the instruction.
    pub(super) fn refuse(&mut self) {
        let one = self.b.ins().iconst(types::I64, 1);
        self.store_frame(one, offset_of!(Frame, refused));
        self.leave_here();
    }

    pub(super) fn load_frame(&mut self, ty: Type, offset: usize) -> Value {
        self.b.ins().load(ty, plain(), self.frame, offset as i32)
    }

    pub(super) fn store_frame(&mut self, value: Value, offset: usize) {
        self.b.ins().store(plain(), value, self.frame, offset as i32);
    }

    /// Calls the slow path of memory.
    pub(super) fn call_memory(&mut self, va: Value, desc: u64, value: Value) {
        let target = self.b.ins().iconst(types::I64, self.runtime.memory as i64);
        let desc = self.b.ins().iconst(types::I64, desc as i64);
        self.b.ins().call_indirect(self.memory, target, &[self.frame, va, desc, value]);
    }

    /// Computes out of line; gives the frame's result, of a type.
    pub(super) fn call_calc(&mut self, calc: Calc, args: &[Value], ty: Type) -> Value {
        let target = self.b.ins().iconst(types::I64, self.runtime.calc as i64);
        let desc = self.b.ins().iconst(types::I64, calc.pack() as i64);
        let mut list = vec![self.frame, desc];
        for arg in args {
            list.push(self.as_word(*arg));
        }
        while list.len() < 5 {
            list.push(desc);
        }
        self.b.ins().call_indirect(self.calc, target, &list);
        self.load_frame(ty, offset_of!(Frame, result))
    }

    /// Has the target do a call.
    pub(super) fn call_target(&mut self, id: u16, args: [Value; 3]) {
        let target = self.b.ins().iconst(types::I64, self.runtime.call as i64);
        let id = self.b.ins().iconst(types::I64, i64::from(id));
        let [a, b, c] = args;
        self.b.ins().call_indirect(self.calc, target, &[self.frame, id, a, b, c]);
    }

    /// Any value as 64 bits, zero-extended.
    pub(super) fn as_word(&mut self, value: Value) -> Value {
        match self.b.func.dfg.value_type(value) {
            types::I64 => value,
            types::F64 => self.b.ins().bitcast(types::I64, MemFlagsData::new(), value),
            types::F32 => {
                let bits = self.b.ins().bitcast(types::I32, MemFlagsData::new(), value);
                self.b.ins().uextend(types::I64, bits)
            }
            _ => self.b.ins().uextend(types::I64, value),
        }
    }

    pub(super) fn bits(&mut self, ty: Type, value: Value) -> Value {
        if self.b.func.dfg.value_type(value) == ty {
            return value;
        }
        self.b.ins().bitcast(ty, MemFlagsData::new(), value)
    }

    pub(super) fn val(&mut self, v: Val) -> Value {
        match self.vals.get(usize::from(v.0)).copied().flatten() {
            Some(value) => value,
            // Only an operand that `verify` refuses.
            None => self.b.ins().iconst(types::I64, 0),
        }
    }

    /// Whether other cores run at the same time.
    pub(super) fn parallel(&self) -> bool {
        self.runtime.parallel
    }

    pub(super) fn ty(&self, v: Val) -> Ty {
        self.types.get(usize::from(v.0)).copied().flatten().unwrap_or(Ty::I64)
    }

    fn inst(&mut self, inst: &Inst) -> Option<Value> {
        Some(match *inst {
            Inst::Start { pc, .. } => {
                self.pc = pc;
                self.rest -= 1;
                return None;
            }
            Inst::Const(ty, n) => self.constant(ty, n),
            Inst::Get(ty, slot) => self.get(ty, slot),
            Inst::Put(slot, v) => {
                self.put(slot, v);
                return None;
            }
            Inst::Un(op, a) => self.un(op, a),
            Inst::Bin(op, a, b) => self.bin(inst, op, a, b),
            Inst::Cmp(op, a, b) => {
                let (a, b) = (self.val(a), self.val(b));
                self.b.ins().icmp(condition(op), a, b)
            }
            Inst::Select(c, a, b) => {
                let (c, a, b) = (self.val(c), self.val(a), self.val(b));
                self.b.ins().select(c, a, b)
            }
            Inst::Cast(cast, ty, v) => self.cast(cast, ty, v),
            Inst::Load(ty, mem, a, offset) => self.load(ty, mem, a, offset),
            Inst::Store(mem, a, offset, v) => {
                self.store(mem, a, offset, v);
                return None;
            }
            Inst::Rmw(op, mem, a, v) => self.rmw(op, mem, a, v),
            Inst::LoadReserve(ty, mem, a) => self.load_reserve(ty, mem, a),
            Inst::StoreCond(mem, a, v) => self.store_cond(mem, a, v),
            Inst::Call(id, args) => self.call(id, args),
            Inst::Fence => {
                if self.parallel() {
                    self.b.ins().fence();
                }
                return None;
            }
            Inst::Helper(..) => return None,
            _ => self.float(inst),
        })
    }

    fn get(&mut self, ty: Ty, slot: Slot) -> Value {
        let Some(var) = self.vars[usize::from(slot.0)] else { return self.constant(ty, 0) };
        let value = self.b.use_var(var);
        match (self.b.func.dfg.value_type(value), ty) {
            (types::F64, Ty::F64) | (types::I64, Ty::I64) | (types::I32, Ty::I32) => value,
            (from, _) => {
                let word = if from == types::F64 { self.bits(types::I64, value) } else { value };
                let word = if from == types::I32 { self.as_word(word) } else { word };
                match ty {
                    Ty::I64 => word,
                    Ty::F64 => self.bits(types::F64, word),
                    Ty::I32 => self.b.ins().ireduce(types::I32, word),
                    Ty::Bool => self.b.ins().ireduce(types::I8, word),
                    Ty::F32 => {
                        let half = self.b.ins().ireduce(types::I32, word);
                        self.bits(types::F32, half)
                    }
                }
            }
        }
    }

    fn put(&mut self, slot: Slot, v: Val) {
        let value = self.val(v);
        let Some(var) = self.vars[usize::from(slot.0)] else { return };
        let to = self.slot_type(usize::from(slot.0));
        let value = if self.b.func.dfg.value_type(value) == to {
            value
        } else {
            let word = self.as_word(value);
            match to {
                types::I32 => self.b.ins().ireduce(types::I32, word),
                types::F64 => self.bits(types::F64, word),
                _ => word,
            }
        };
        self.b.def_var(var, value);
        if self.through {
            self.store_slot(usize::from(slot.0), value);
        } else {
            self.dirty.add(slot);
        }
    }

    fn exit(&mut self, pc: u64, block: &Block) {
        match block.exit {
            Exit::Jump(to, _) => {
                let (to, out) = self.way(to);
                self.b.ins().jump(to, &[]);
                self.outside(to, out);
            }
            Exit::Branch(v, yes, no) => {
                let c = self.val(v);
                let (yes, out_yes) = self.way(yes);
                let (no, out_no) = self.way(no);
                self.b.ins().brif(c, yes, &[], no, &[]);
                self.outside(yes, out_yes);
                self.outside(no, out_no);
            }
            Exit::Indirect(v, _) => {
                let mut to = self.val(v);
                if self.b.func.dfg.value_type(to) == types::I32 {
                    to = self.b.ins().uextend(types::I64, to);
                }
                for target in self.targets(pc, block) {
                    let hit = self.b.ins().icmp_imm_s(IntCC::Equal, to, target as i64);
                    let other = self.b.create_block();
                    self.b.ins().brif(hit, self.heads[&target], &[], other, &[]);
                    self.enter(other);
                }
                self.flush();
                self.dispatch(to);
            }
            Exit::Resume => {
                // Not in a region.
                self.refuse();
            }
        }
    }

    /// The block for a known target: a head, or one to be written by `outside`.
    fn way(&mut self, to: u64) -> (clif::Block, Option<u64>) {
        match self.heads.get(&to) {
            Some(head) => (*head, None),
            None => (self.b.create_block(), Some(to)),
        }
    }

    /// Leaves the region for a known address.
    fn outside(&mut self, block: clif::Block, to: Option<u64>) {
        let Some(to) = to else { return };
        self.enter(block);
        self.flush();
        match self.links.get(&to).copied() {
            Some(slot) => {
                self.set_pc_const(to);
                let slot = self.b.ins().iconst(types::I64, slot as i64);
                let code = self.b.ins().load(types::I64, plain(), slot, 0);
                let left = self.b.use_var(self.left);
                self.b.ins().return_call_indirect(self.tail, code, &[self.frame, left]);
            }
            None => {
                let to = self.b.ins().iconst(types::I64, to as i64);
                self.dispatch(to);
            }
        }
    }

    /// Leaves the region for any address, through the jump table. Slots are flushed.
    fn dispatch(&mut self, pc: Value) {
        self.set_pc(pc);
        let left = self.b.use_var(self.left);
        let shift = i64::from(self.layout.pc_align.max(1).ilog2());
        let table = self.load_frame(types::I64, offset_of!(Frame, jumps));
        let low = self.b.ins().ushr_imm_u(pc, shift);
        let index = self.b.ins().band_imm_u(low, (1 << JUMP_BITS) - 1);
        let skip = self.b.ins().ishl_imm_u(index, i64::from(size_of::<JumpEntry>().ilog2()));
        let entry = self.b.ins().iadd(table, skip);
        let field =
            |g: &mut Self, offset: usize| g.b.ins().load(types::I64, plain(), entry, offset as i32);
        let entry_pc = field(self, offset_of!(JumpEntry, pc));
        let same = self.b.ins().icmp(IntCC::Equal, entry_pc, pc);
        let (check, none) = (self.b.create_block(), self.cold());
        let go = self.b.create_block();
        self.b.ins().brif(same, check, &[], none, &[]);
        self.enter(check);
        let entry_key = field(self, offset_of!(JumpEntry, key));
        let key = self.load_frame(types::I64, offset_of!(Frame, key));
        let valid = self.b.ins().icmp(IntCC::Equal, entry_key, key);
        self.b.ins().brif(valid, go, &[], none, &[]);
        self.enter(go);
        let code = field(self, offset_of!(JumpEntry, code));
        self.b.ins().return_call_indirect(self.tail, code, &[self.frame, left]);
        self.enter(none);
        self.b.ins().return_(&[left]);
    }

    /// Whether two floats are unordered.
    pub(super) fn unordered(&mut self, a: Value, b: Value) -> Value {
        self.b.ins().fcmp(FloatCC::Unordered, a, b)
    }
}

/// Cranelift's type of a value.
pub(super) fn clif_type(ty: Ty) -> Type {
    match ty {
        Ty::Bool => types::I8,
        Ty::I32 => types::I32,
        Ty::I64 => types::I64,
        Ty::F32 => types::F32,
        Ty::F64 => types::F64,
    }
}
