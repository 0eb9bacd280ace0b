//! From the IR of a region to Cranelift's.

use super::compiler::{Job, signature, tail_signature};
use super::entry::{Calc, SPENT};
use super::flow::{Flow, SlotSet, targets};
use super::groups::Groups;
use super::ints::condition;
use super::region::Region;
use super::{Flat, Paths, Runtime};
use crate::cache::{JUMP_BITS, JumpEntry};
use crate::frame::Frame;
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::{self as clif, InstBuilder, MemFlagsData, SigRef, Type, Value, types};
use cranelift_codegen::isa::{CallConv, TargetFrontendConfig};
use cranelift_frontend::{FunctionBuilder, Variable};
use hetemu_isa::ir::{Block, Exit, Inst, Ty, Val};
use hetemu_isa::{Layout, REGS, Slot, SlotClass};
use std::collections::{BTreeMap, HashMap};
use std::mem::offset_of;

/// How the generator accesses memory that is always there.
pub(super) fn plain() -> MemFlagsData {
    MemFlagsData::new().with_notrap()
}

/// Where a block goes on.
struct Way {
    block: clif::Block,
    to: u64,
    /// The block is still to be written.
    open: bool,
}

/// Writes one function.
pub(super) struct Generator<'a> {
    pub(super) b: FunctionBuilder<'a>,
    pub(super) region: &'a Region,
    pub(super) layout: &'a Layout,
    runtime: Runtime,
    links: HashMap<u64, usize>,
    /// Where cold exits end: takes the program counter and the steps left.
    leave: clif::Block,
    /// The host has fused multiply-add.
    pub(super) fma: bool,
    vars: Vec<Option<Variable>>,
    left: Variable,
    pub(super) frame: Value,
    pub(super) tlb: Value,
    pub(super) paths: &'a Paths,
    /// Of near pages, and where flat memories lie: if `paths` says so.
    pub(super) distance: Value,
    pub(super) flats: Vec<Value>,
    /// Operations of the block being written.
    pub(super) insts: &'a [Inst],
    /// Of the block being written, with the host addresses of groups that were looked at.
    pub(super) groups: Groups,
    pub(super) hosts: Vec<Option<Value>>,
    heads: BTreeMap<u64, clif::Block>,
    sites: Vec<u64>,
    flow: Flow,
    tail: SigRef,
    memory: SigRef,
    calc: SigRef,
    /// Slots that may differ from the frame where code is being written.
    dirty: SlotSet,
    /// The values of the block being written, and their types.
    vals: Vec<Option<Value>>,
    types: Vec<Option<Ty>>,
    /// The guest instruction being written, and how many were done before it that `left` does not
    /// know of.
    pc: u64,
    done: u32,
}

impl<'a> Generator<'a> {
    pub(super) fn new(mut b: FunctionBuilder<'a>, job: &'a Job, fma: bool) -> Generator<'a> {
        let (region, layout) = (&job.region, &*job.layout);
        let tail = b.import_signature(tail_signature());
        let memory = b.import_signature(signature(CallConv::PreserveAll, 1));
        let calc = b.import_signature(signature(CallConv::PreserveAll, 5));
        let entry = b.create_block();
        b.append_block_params_for_function_params(entry);
        b.switch_to_block(entry);
        b.seal_block(entry);
        let frame = b.block_params(entry)[0];
        let start = b.block_params(entry)[1];
        let sites = region.return_sites();
        let flow = Flow::of(region, &sites);
        let left = b.declare_var(types::I64);
        b.def_var(left, start);
        let leave = b.create_block();
        b.set_cold_block(leave);
        b.append_block_param(leave, types::I64);
        b.append_block_param(leave, types::I64);
        let paths = &job.paths;
        let mut field = |at: usize| b.ins().load(types::I64, plain(), frame, at as i32);
        let tlb = field(offset_of!(Frame, tlb));
        let distance = if paths.near { field(offset_of!(Frame, distance)) } else { tlb };
        let place = |f: &Flat| offset_of!(Frame, flats) + f.number * size_of::<usize>();
        let flats = paths.flats.iter().map(|f| field(place(f))).collect();
        Generator {
            b,
            region,
            layout,
            runtime: job.runtime,
            links: job.links.iter().copied().collect(),
            leave,
            fma,
            vars: vec![None; REGS],
            left,
            frame,
            tlb,
            paths,
            distance,
            flats,
            insts: &[],
            groups: Groups::default(),
            hosts: Vec::new(),
            heads: BTreeMap::new(),
            sites,
            flow,
            tail,
            memory,
            calc,
            dirty: SlotSet::default(),
            vals: Vec::new(),
            types: Vec::new(),
            pc: 0,
            done: 0,
        }
    }

    /// Writes everything; gives whether the optimiser may see it.
    pub(super) fn run(mut self, config: TargetFrontendConfig) -> bool {
        self.load_slots();
        for pc in self.region.blocks.keys() {
            self.heads.insert(*pc, self.b.create_block());
        }
        if self.region.has_floats() {
            let one = self.b.ins().iconst(types::I64, 1);
            self.store_frame(one, offset_of!(Frame, floats));
        }
        self.choose_entry();
        for (pc, block) in &self.region.blocks {
            self.dirty = self.flow.dirty(*pc);
            self.block(*pc, block);
        }
        self.b.switch_to_block(self.leave);
        let [pc, left] = [0, 1].map(|i| self.b.block_params(self.leave)[i]);
        self.set_pc(pc);
        self.b.ins().return_(&[left]);
        self.b.seal_all_blocks();
        self.b.finalize(config);
        !self.flow.fragile
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

    fn block(&mut self, pc: u64, block: &'a Block) {
        let head = self.heads[&pc];
        self.b.switch_to_block(head);
        let budget = self.flow.budget(pc);
        if let Some(need) = budget.check {
            let left = self.b.use_var(self.left);
            let short = self.b.ins().icmp_imm_s(IntCC::SignedLessThan, left, i64::from(need));
            let (stop, go) = (self.cold(), self.b.create_block());
            self.b.ins().brif(short, stop, &[], go, &[]);
            self.enter(stop);
            // There may be enough left for some of it: that is the interpreter's.
            let spent = self.b.ins().iconst(types::I64, SPENT as i64);
            self.store_frame(spent, offset_of!(Frame, refused));
            self.leave_at(pc, left);
            self.enter(go);
        }

        self.done = budget.before.wrapping_sub(1);
        self.body(block);
        let mut done = budget.before + block.count;
        if budget.twice {
            self.done = done;
            self.turn(pc, block);
            self.done = done.wrapping_sub(1);
            self.body(block);
            done += block.count;
        }
        self.done = done;
        if budget.charge {
            self.charge();
        }
        self.exit(pc, block);
    }

    /// Writes the operations of a block.
    fn body(&mut self, block: &'a Block) {
        self.insts = &block.insts;
        self.vals = vec![None; block.insts.len()];
        self.types = block.types.clone();
        self.groups = Groups::of(block, self.layout.bits);
        self.hosts = vec![None; self.groups.list.len()];
        for (i, inst) in block.insts.iter().enumerate() {
            let value = self.inst(i, inst);
            self.vals[i] = value;
        }
    }

    /// Goes on where the block follows itself, and leaves the other way.
    fn turn(&mut self, pc: u64, block: &Block) {
        let Exit::Branch(v, yes, no) = block.exit else { return };
        let (again, out) = (self.b.create_block(), self.b.create_block());
        let (ways, other) = if yes == pc { ([again, out], no) } else { ([out, again], yes) };
        let c = self.val(v);
        self.b.ins().brif(c, ways[0], &[], ways[1], &[]);
        self.enter(out);
        let (left, done) = (self.b.use_var(self.left), self.done);
        self.charge();
        let way = self.way(pc, other);
        self.b.ins().jump(way.block, &[]);
        self.finish(pc, way);
        // What was charged there is not charged here.
        self.enter(again);
        self.b.def_var(self.left, left);
        self.done = done;
    }

    /// Charges what is done.
    fn charge(&mut self) {
        let left = self.left_here();
        self.b.def_var(self.left, left);
        self.done = 0;
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
        self.store_slots(self.dirty);
    }

    fn store_slots(&mut self, slots: SlotSet) {
        for slot in slots.iter() {
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
        let left = self.left_here();
        self.leave_at(self.pc, left);
    }

    /// Steps left before the instruction being written.
    fn left_here(&mut self) -> Value {
        let left = self.b.use_var(self.left);
        if self.done == 0 {
            return left;
        }
        self.b.ins().iadd_imm_s(left, -i64::from(self.done))
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

    /// Calls the slow path of memory. The operands go through the frame: fixed registers would be
    /// in the way of the hot path's.
    pub(super) fn call_memory(&mut self, va: Value, desc: u64, value: Option<Value>) {
        self.store_frame(va, offset_of!(Frame, va));
        if let Some(value) = value {
            self.store_frame(value, offset_of!(Frame, value));
        }
        let desc = self.b.ins().iconst(types::I64, desc as i64);
        self.store_frame(desc, offset_of!(Frame, desc));
        let left = self.left_here();
        self.store_frame(left, offset_of!(Frame, left));
        let target = self.b.ins().iconst(types::I64, self.runtime.memory as i64);
        self.b.ins().call_indirect(self.memory, target, &[self.frame]);
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
        let left = self.left_here();
        self.store_frame(left, offset_of!(Frame, left));
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

    fn inst(&mut self, at: usize, inst: &Inst) -> Option<Value> {
        Some(match *inst {
            Inst::Start { pc, .. } => {
                self.pc = pc;
                self.done = self.done.wrapping_add(1);
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
            Inst::Load(ty, mem, a, offset) => self.load(at, ty, mem, a, offset),
            Inst::Store(mem, a, offset, v) => {
                self.store(at, mem, a, offset, v);
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
        self.dirty.add(slot);
    }

    fn exit(&mut self, pc: u64, block: &Block) {
        match block.exit {
            Exit::Jump(to, _) => {
                let way = self.way(pc, to);
                self.b.ins().jump(way.block, &[]);
                self.finish(pc, way);
            }
            Exit::Branch(v, yes, no) => {
                let c = self.val(v);
                let (yes, no) = (self.way(pc, yes), self.way(pc, no));
                self.b.ins().brif(c, yes.block, &[], no.block, &[]);
                self.finish(pc, yes);
                self.finish(pc, no);
            }
            Exit::Indirect(v, _) => {
                let mut to = self.val(v);
                if self.b.func.dfg.value_type(to) == types::I32 {
                    to = self.b.ins().uextend(types::I64, to);
                }
                for target in targets(self.region, &self.sites, pc, block) {
                    let hit = self.b.ins().icmp_imm_s(IntCC::Equal, to, target as i64);
                    let way = self.way(pc, target);
                    let other = self.b.create_block();
                    self.b.ins().brif(hit, way.block, &[], other, &[]);
                    self.finish(pc, way);
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

    /// The way from a block to a known target: a head, or a block to be written by `finish`.
    fn way(&mut self, from: u64, to: u64) -> Way {
        match self.heads.get(&to) {
            Some(head) if self.flow.clean(from, to).is_empty() => {
                Way { block: *head, to, open: false }
            }
            _ => Way { block: self.b.create_block(), to, open: true },
        }
    }

    /// Writes what is to be done on a way.
    fn finish(&mut self, from: u64, way: Way) {
        if !way.open {
            return;
        }
        let Some(head) = self.heads.get(&way.to).copied() else {
            return self.outside(way.block, way.to);
        };
        self.enter(way.block);
        self.store_slots(self.flow.clean(from, way.to));
        self.b.ins().jump(head, &[]);
    }

    /// Leaves the region for a known address.
    fn outside(&mut self, block: clif::Block, to: u64) {
        self.enter(block);
        self.flush();
        match self.links.get(&to).copied() {
            Some(slot) => {
                self.set_pc_const(to);
                let slot = self.b.ins().iconst(types::I64, slot as i64);
                let code = self.b.ins().load(types::I64, plain(), slot, 0);
                let left = self.left_here();
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
        let left = self.left_here();
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
