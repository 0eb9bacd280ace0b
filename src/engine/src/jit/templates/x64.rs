//! The frame of a block's code on x86-64: its entry, its exits, and what it calls.
//!
//! `rdi` is the frame, `rsi` the steps left, which the entry charges for the whole block. All else
//! that a C function may change is free; `rax` holds the last result ([`Emit::held`]).

use super::slow;
use super::{Source, Stubs};
use crate::cache::{JUMP_BITS, JumpEntry};
use crate::frame::{Frame, ZERO};
use crate::interp::op::{Code, Kind, Op};
use crate::jit::entry::{SPENT, slow_memory};
use dynasmrt::x64::X64Relocation;
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi, VecAssembler, dynasm};
use std::mem::offset_of;

/// Appends host instructions.
macro_rules! x64 {
    ($emit:expr; $($code:tt)*) => { dynasmrt::dynasm!($emit.asm; .arch x64; $($code)*) };
}
pub(super) use x64;

/// Where a word lies from the frame on.
pub(super) fn word(word: u16) -> i32 {
    i32::from(word) * 8
}

/// A number as an immediate that is sign-extended to 64 bits.
pub(super) fn short(n: i64) -> Option<i32> {
    i32::try_from(n).ok()
}

/// What lies behind the block's end, for what happens rarely.
pub(super) struct Cold {
    pub(super) from: DynamicLabel,
    pub(super) back: DynamicLabel,
    /// The word stored, of a store.
    pub(super) value: Option<u16>,
    /// The descriptor of the access.
    pub(super) desc: i32,
    pub(super) insn: usize,
}

/// Writes a block.
pub(super) struct Emit<'a> {
    pub(super) asm: VecAssembler<X64Relocation>,
    pub(super) source: &'a Source<'a>,
    entry: DynamicLabel,
    /// The word that `rax` equals.
    pub(super) held: Option<u16>,
    /// The guest instruction being written.
    pub(super) insn: usize,
    /// A helper has been called in the block.
    called: bool,
    /// The block has said that it uses the host's float unit.
    pub(super) floats: bool,
    pub(super) cold: Vec<Cold>,
    /// Operations done out of line: from where, back to where, and which.
    pub(super) rare_cold: Vec<(DynamicLabel, DynamicLabel, i64)>,
    pub(super) looks: Vec<super::floats::Look>,
    /// What the operation gives need not be stored.
    pass: bool,
    /// Where each guest instruction is left to the interpreter, if it may be.
    leaves: Vec<Option<DynamicLabel>>,
}

/// The code of a block; none if it does not fit.
pub(crate) fn block(source: &Source<'_>) -> Option<Vec<u8>> {
    let mut asm = VecAssembler::new_with_capacity(0, 64 * source.block.ops.len(), 0, 0, 16, 0, 32);
    let entry = asm.new_dynamic_label();
    let leaves = vec![None; source.block.count as usize];
    let mut e = Emit {
        asm,
        source,
        entry,
        held: None,
        insn: 0,
        called: false,
        pass: false,
        floats: false,
        cold: Vec::new(),
        rare_cold: Vec::new(),
        looks: Vec::new(),
        leaves,
    };
    e.write();
    e.asm.finalize().ok()
}

impl Emit<'_> {
    fn write(&mut self) {
        let block = self.source.block;
        let count = block.count as i32;
        let (ask, spent) = (self.label(), self.label());
        let entry = self.entry;
        x64!(self
            ; =>entry
            ; mov rax, QWORD self.source.counter as i64
            ; dec QWORD [rax]
            ; js =>ask
            ; sub rsi, count
            ; jl =>spent
        );
        let fates = super::unread::fates(block);
        for ((i, op), fate) in block.ops.iter().enumerate().zip(fates) {
            while block.start_of(self.insn + 1) <= i && self.insn + 1 < block.count as usize {
                self.insn += 1;
            }
            if !fate.skip {
                self.pass = fate.pass;
                self.op(op);
            }
        }
        self.memory_slow();
        self.floats_slow();
        for n in 0..self.leaves.len() {
            if let Some(label) = self.leaves[n] {
                x64!(self; =>label);
                self.set_pc(block.pc_of(n));
                x64!(self; lea rax, [rsi + (count - n as i32)]; ret);
            }
        }
        x64!(self; =>spent);
        self.set_pc(block.va);
        let (refused, again) = (offset_of!(Frame, refused) as i32, offset_of!(Frame, again) as i32);
        x64!(self
            ; mov QWORD [rdi + refused], SPENT as i32
            ; lea rax, [rsi + count]
            ; ret
            ; =>ask
        );
        self.set_pc(block.va);
        x64!(self; mov QWORD [rdi + again], 1; mov rax, rsi; ret);
    }

    pub(super) fn label(&mut self) -> DynamicLabel {
        self.asm.new_dynamic_label()
    }

    /// Steps that are charged already for the guest instruction being written and what follows.
    pub(super) fn charged(&self, insn: usize) -> i32 {
        self.source.block.count as i32 - insn as i32
    }

    /// Where a guest instruction is left to the interpreter.
    pub(super) fn leave(&mut self, insn: usize) -> DynamicLabel {
        if let Some(label) = self.leaves.get(insn).copied().flatten() {
            return label;
        }
        let label = self.label();
        if let Some(place) = self.leaves.get_mut(insn) {
            *place = Some(label);
        }
        label
    }

    /// Has `rax` hold a word.
    pub(super) fn load(&mut self, from: u16) {
        if self.held == Some(from) {
            return;
        }
        if from == ZERO {
            x64!(self; xor eax, eax);
        } else {
            x64!(self; mov rax, [rdi + word(from)]);
        }
        self.held = None;
    }

    /// Stores `rax` to a word, unless the next operation alone reads it.
    pub(super) fn put(&mut self, to: u16) {
        if !self.pass {
            x64!(self; mov [rdi + word(to)], rax);
        }
        self.held = Some(to);
    }

    fn op(&mut self, op: &Op) {
        match op.code.kind() {
            Kind::Bin(bin, form, immediate) => return self.bin(op, bin, form, immediate),
            Kind::Un(un, wide) => return self.un(op, un, wide),
            Kind::Set(cmp, wide, immediate) => return self.set(op, cmp, wide, immediate),
            Kind::Branch(cmp, wide, immediate) => {
                let taken = self.label();
                self.branch(op, cmp, wide, immediate, taken);
                self.go(1);
                x64!(self; =>taken);
                return self.go(0);
            }
            Kind::Other => {}
        }
        match op.code {
            Code::Imm => match short(op.imm) {
                Some(n) => {
                    x64!(self; mov QWORD [rdi + word(op.d)], n);
                    if self.held == Some(op.d) {
                        self.held = None;
                    }
                }
                None => {
                    x64!(self; mov rax, QWORD op.imm);
                    self.put(op.d);
                }
            },
            Code::Mov => {
                self.load(op.a);
                self.put(op.d);
            }
            Code::Select => {
                let condition = word(op.imm as u16);
                self.load(op.b);
                x64!(self; cmp QWORD [rdi + condition], 0; cmovne rax, [rdi + word(op.a)]);
                self.put(op.d);
            }
            Code::Rare => {
                let Some(rare) = self.source.block.rare.get(op.imm as usize) else { return };
                if self.float(rare) {
                    return;
                }
                let place = std::ptr::from_ref(rare) as i64;
                let steps = self.charged(self.insn);
                let leave = self.leave(self.insn);
                let stub = offset_of!(Frame, rare) as i32;
                x64!(self
                    ; mov rdx, QWORD place
                    ; mov ecx, steps
                    ; call QWORD [rdi + stub]
                    ; jne =>leave
                );
                self.held = None;
            }
            Code::Jump => self.go(0),
            Code::Indirect => self.go_to_word(op.a),
            Code::Helper => self.helper(op),
            Code::Resume => {
                self.stop();
                let slot = word(u16::from(self.source.layout.pc.0));
                x64!(self; mov rax, [rdi + slot]);
                self.cut();
                self.look_up();
            }
            _ if op.code.reads_d() => self.memory_store(op),
            _ => self.memory_load(op),
        }
    }

    /// Has the target called; its instruction's address is what it finds in the counter.
    fn helper(&mut self, op: &Op) {
        let Some(rare) = self.source.block.rare.get(op.imm as usize) else { return };
        let (place, stub) = (std::ptr::from_ref(rare) as i64, offset_of!(Frame, helper) as i32);
        let (steps, leave) = (self.charged(self.insn), self.leave(self.insn));
        self.set_pc(self.source.block.pc_of(self.insn));
        x64!(self
            ; mov rdx, QWORD place
            ; mov ecx, steps
            ; call QWORD [rdi + stub]
            ; jne =>leave
        );
        self.held = None;
        self.called = true;
    }

    /// Leaves at the address in the counter, if a helper has done what must be looked at.
    fn stop(&mut self) {
        if self.called {
            let (go, stop) = (self.label(), offset_of!(Frame, stop) as i32);
            x64!(self
                ; cmp QWORD [rdi + stop], 0
                ; je =>go
                ; mov rax, rsi
                ; ret
                ; =>go
            );
        }
    }

    /// Has [`slow::calc`] compute an operation.
    pub(super) fn calc(&mut self, op: &Op) {
        let stub = offset_of!(Frame, calc) as i32;
        let place = std::ptr::from_ref(op) as i64;
        x64!(self; mov rdx, QWORD place; call QWORD [rdi + stub]);
        self.held = None;
    }

    fn set_pc(&mut self, pc: u64) {
        let slot = word(u16::from(self.source.layout.pc.0));
        match short(pc as i64) {
            Some(pc) => x64!(self; mov QWORD [rdi + slot], pc),
            None => x64!(self; mov rax, QWORD pc as i64; mov [rdi + slot], rax),
        }
    }

    /// Goes on at one of the block's targets.
    fn go(&mut self, way: usize) {
        let block = self.source.block;
        let to = block.targets[way];
        if to == block.va && !self.called {
            let entry = self.entry;
            x64!(self; jmp =>entry);
            return;
        }
        self.set_pc(to);
        self.stop();
        if let Some(link) = self.source.links[way] {
            x64!(self; mov rcx, QWORD link as i64; jmp QWORD [rcx]);
            return;
        }
        // Another page: what it leads to depends on the core's translations.
        let shift = self.source.layout.pc_align.max(1).ilog2();
        let index = (to >> shift) as usize & ((1 << JUMP_BITS) - 1);
        let entry = (index * size_of::<JumpEntry>()) as i32;
        let jumps = offset_of!(Frame, jumps) as i32;
        x64!(self; mov rcx, [rdi + jumps]);
        match short(to as i64) {
            Some(to) => x64!(self; mov rax, to),
            None => x64!(self; mov rax, QWORD to as i64),
        }
        self.dispatch(entry);
    }

    /// Goes on at a computed address.
    fn go_to_word(&mut self, to: u16) {
        let slot = word(u16::from(self.source.layout.pc.0));
        self.load(to);
        self.cut();
        x64!(self; mov [rdi + slot], rax);
        if self.called {
            self.stop();
            x64!(self; mov rax, [rdi + slot]);
        }
        self.look_up();
    }

    /// Goes on at the address in `rax`.
    fn look_up(&mut self) {
        let jumps = offset_of!(Frame, jumps) as i32;
        let align = self.source.layout.pc_align.max(1).ilog2() as i8;
        let scale = size_of::<JumpEntry>().ilog2() as i8 - align;
        let row = ((size_of::<JumpEntry>() << JUMP_BITS) - size_of::<JumpEntry>()) as i32;
        x64!(self
            ; mov ecx, eax
            ; shl ecx, scale
            ; and ecx, row
            ; add rcx, [rdi + jumps]
        );
        self.dispatch(0);
    }

    /// Goes on at the address in `rax` if an entry of the jump table at `rcx` leads there.
    fn dispatch(&mut self, entry: i32) {
        let [pc, key, code] =
            [offset_of!(JumpEntry, pc), offset_of!(JumpEntry, key), offset_of!(JumpEntry, code)]
                .map(|field| entry + field as i32);
        let core_key = offset_of!(Frame, key) as i32;
        let none = self.label();
        x64!(self
            ; cmp [rcx + pc], rax
            ; jne =>none
            ; mov rdx, [rdi + core_key]
            ; cmp [rcx + key], rdx
            ; jne =>none
            ; jmp QWORD [rcx + code]
            ; =>none
            ; mov rax, rsi
            ; ret
        );
    }

    /// Cuts the address in `rax` to its bits.
    pub(super) fn cut(&mut self) {
        match self.source.layout.bits {
            64.. => {}
            32 => x64!(self; mov eax, eax),
            bits => x64!(self; mov rcx, QWORD (1i64 << bits) - 1; and rax, rcx),
        }
    }
}

/// The code that blocks call. None if the host lacks what templates use.
pub(crate) fn stubs() -> Option<Stubs<Vec<u8>>> {
    if !is_x86_feature_detected!("popcnt") {
        return None;
    }
    let [va, desc, value, left, refused, result] = [
        offset_of!(Frame, va),
        offset_of!(Frame, desc),
        offset_of!(Frame, value),
        offset_of!(Frame, left),
        offset_of!(Frame, refused),
        offset_of!(Frame, result),
    ]
    .map(|field| field as i32);
    let stub = |write: &dyn Fn(&mut VecAssembler<X64Relocation>)| {
        let mut asm = VecAssembler::new(0);
        write(&mut asm);
        asm.finalize().ok()
    };
    // Address, descriptor, value and steps charged in rax, rcx, r8 and rdx; gives the result in
    // rax, and not equal if it was refused.
    let memory = stub(&|asm| {
        dynasm!(asm
            ; .arch x64
            ; add rdx, rsi
            ; mov [rdi + va], rax
            ; mov [rdi + desc], rcx
            ; mov [rdi + value], r8
            ; mov [rdi + left], rdx
            ; push rdi
            ; push rsi
            ; mov rax, QWORD slow_memory as *const () as i64
            ; call rax
            ; pop rsi
            ; pop rdi
            ; cmp QWORD [rdi + refused], 0
            ; mov rax, [rdi + result]
            ; ret
        );
    })?;
    // The operation and the steps charged in rdx and rcx; not equal if it was refused.
    let run = |target: i64| {
        stub(&|asm| {
            dynasm!(asm
                ; .arch x64
                ; add rcx, rsi
                ; mov [rdi + left], rcx
                ; push rdi
                ; push rsi
                ; mov rsi, rdx
                ; mov rax, QWORD target
                ; call rax
                ; pop rsi
                ; pop rdi
                ; cmp QWORD [rdi + refused], 0
                ; ret
            );
        })
    };
    let rare = run(slow::rare as *const () as i64)?;
    let helper = run(slow::helper as *const () as i64)?;
    // The operation in rdx.
    let calc = stub(&|asm| {
        dynasm!(asm
            ; .arch x64
            ; push rdi
            ; push rsi
            ; mov rsi, rdx
            ; mov rax, QWORD slow::calc as *const () as i64
            ; call rax
            ; pop rsi
            ; pop rdi
            ; ret
        );
    })?;
    Some(Stubs { memory, rare, calc, helper })
}
