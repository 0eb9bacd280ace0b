//! Memory accesses: the inline probe of the soft TLB, and what happens when it misses.

use super::codegen::{Generator, clif_type, plain};
use super::entry::STORE;
use crate::frame::{Frame, NO_RESERVATION};
use crate::mmu::Acc;
use crate::tlb::{TLB_BITS, TlbEntry};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{AtomicRmwOp, InstBuilder, MemFlagsData, Type, Value, types};
use hetemu_isa::ir::{Mem, Rmw, Ty, Val};
use hetemu_schema::Endian;
use std::mem::offset_of;

impl Generator<'_> {
    /// The virtual address, 64 bits.
    fn address(&mut self, a: Val, offset: i32) -> Value {
        let mut va = self.val(a);
        if offset != 0 {
            va = self.b.ins().iadd_imm_s(va, i64::from(offset));
        }
        if self.b.func.dfg.value_type(va) == types::I32 {
            return self.b.ins().uextend(types::I64, va);
        }
        if self.layout.bits < 64 {
            let mask = (1i64 << self.layout.bits) - 1;
            return self.b.ins().band_imm_u(va, mask);
        }
        va
    }

    /// Whether the TLB answers for an address, and its entry.
    fn probe(&mut self, va: Value, mem: Mem, tag: usize) -> (Value, Value) {
        let size = size_of::<TlbEntry>().ilog2();
        let page = u32::from(self.layout.page_bits);
        let row = self.b.ins().ushr_imm_u(va, i64::from(page - size));
        let row = self.b.ins().band_imm_u(row, ((1i64 << TLB_BITS) - 1) << size);
        let entry = self.b.ins().iadd(self.tlb, row);
        let tag = self.b.ins().load(types::I64, plain(), entry, tag as i32);
        let mask = (!0i64 << page) | (mem.bytes() as i64 - 1);
        let want = self.b.ins().band_imm_s(va, mask);
        (self.b.ins().icmp(IntCC::Equal, tag, want), entry)
    }

    fn host(&mut self, entry: Value, va: Value) -> Value {
        let offset = offset_of!(TlbEntry, addend) as i32;
        let addend = self.b.ins().load(types::I64, plain(), entry, offset);
        self.b.ins().iadd(addend, va)
    }

    pub(super) fn load(&mut self, ty: Ty, mem: Mem, a: Val, offset: i32) -> Value {
        let va = self.address(a, offset);
        self.load_at(ty, mem, va)
    }

    fn load_at(&mut self, ty: Ty, mem: Mem, va: Value) -> Value {
        let out = clif_type(ty);
        let (hit, entry) = self.probe(va, mem, offset_of!(TlbEntry, read));
        let (fast, slow, done) = (self.b.create_block(), self.cold(), self.b.create_block());
        let result = self.b.append_block_param(done, out);
        self.b.ins().brif(hit, fast, &[], slow, &[]);
        self.enter(slow);
        let to32 = matches!(ty, Ty::I32 | Ty::F32);
        self.call_memory(va, u64::from(Acc::new(mem, to32).0), va);
        self.check_refused();
        let value = self.load_frame(out, offset_of!(Frame, result));
        self.b.ins().jump(done, &[value.into()]);
        self.enter(fast);
        let host = self.host(entry, va);
        let value = self.host_load(ty, mem, host);
        self.b.ins().jump(done, &[value.into()]);
        self.enter(done);
        result
    }

    /// After a slow path: leaves if it refused, else goes on.
    fn check_refused(&mut self) {
        let refused = self.load_frame(types::I64, offset_of!(Frame, refused));
        let (leave, go) = (self.cold(), self.cold());
        self.b.ins().brif(refused, leave, &[], go, &[]);
        self.enter(leave);
        self.leave_here();
        self.enter(go);
    }

    /// Loads from the host.
    fn host_load(&mut self, ty: Ty, mem: Mem, p: Value) -> Value {
        let out = clif_type(ty);
        let float = matches!(ty, Ty::F32 | Ty::F64);
        let raw = int_type(mem);
        if mem.endian == Endian::Big && mem.size > 0 || float {
            if float && mem.endian == Endian::Little {
                return self.b.ins().load(out, plain(), p, 0);
            }
            let value = self.b.ins().load(raw, plain(), p, 0);
            let value = self.b.ins().bswap(value);
            if float {
                return self.bits(out, value);
            }
            return self.extend(out, mem.signed, value);
        }
        let i = self.b.ins();
        match (mem.size, mem.signed, out) {
            (0, false, _) => i.uload8(out, plain(), p, 0),
            (0, true, _) => i.sload8(out, plain(), p, 0),
            (1, false, _) => i.uload16(out, plain(), p, 0),
            (1, true, _) => i.sload16(out, plain(), p, 0),
            (2, false, types::I64) => i.uload32(plain(), p, 0),
            (2, true, types::I64) => i.sload32(plain(), p, 0),
            _ => i.load(out, plain(), p, 0),
        }
    }

    fn extend(&mut self, out: Type, signed: bool, value: Value) -> Value {
        if self.b.func.dfg.value_type(value) == out {
            value
        } else if signed {
            self.b.ins().sextend(out, value)
        } else {
            self.b.ins().uextend(out, value)
        }
    }

    pub(super) fn store(&mut self, mem: Mem, a: Val, offset: i32, v: Val) {
        let va = self.address(a, offset);
        let value = self.val(v);
        let (hit, entry) = self.probe(va, mem, offset_of!(TlbEntry, write));
        let (fast, slow, done) = (self.b.create_block(), self.cold(), self.b.create_block());
        self.b.ins().brif(hit, fast, &[], slow, &[]);
        self.enter(slow);
        let word = self.as_word(value);
        self.call_memory(va, u64::from(Acc::new(mem, false).0) | STORE, word);
        self.check_refused();
        self.b.ins().jump(done, &[]);
        self.enter(fast);
        let host = self.host(entry, va);
        self.host_store(mem, host, value);
        self.b.ins().jump(done, &[]);
        self.enter(done);
    }

    /// Stores to the host.
    fn host_store(&mut self, mem: Mem, p: Value, value: Value) {
        let ty = self.b.func.dfg.value_type(value);
        if mem.endian == Endian::Big && mem.size > 0 {
            let word = self.as_word(value);
            let raw = int_type(mem);
            let low = if raw == types::I64 { word } else { self.b.ins().ireduce(raw, word) };
            let swapped = self.b.ins().bswap(low);
            self.b.ins().store(plain(), swapped, p, 0);
            return;
        }
        let value = match (mem.size, ty) {
            // Narrower than the float: its low bytes.
            (0..=1, types::F32 | types::F64) | (2, types::F64) => self.as_word(value),
            _ => value,
        };
        let wide = self.b.func.dfg.value_type(value) == types::I64;
        match mem.size {
            0 => self.b.ins().istore8(plain(), value, p, 0),
            1 => self.b.ins().istore16(plain(), value, p, 0),
            2 if wide => self.b.ins().istore32(plain(), value, p, 0),
            _ => self.b.ins().store(plain(), value, p, 0),
        };
    }

    /// The host address of an aligned store that the TLB answers; leaves otherwise.
    fn writable(&mut self, va: Value, mem: Mem) -> Value {
        let (hit, entry) = self.probe(va, mem, offset_of!(TlbEntry, write));
        let (fast, slow) = (self.b.create_block(), self.cold());
        self.b.ins().brif(hit, fast, &[], slow, &[]);
        self.enter(slow);
        self.refuse();
        self.enter(fast);
        self.host(entry, va)
    }

    /// Where one core runs at a time, no other can come between the load and the store; else it is
    /// an atomic operation of the host.
    pub(super) fn rmw(&mut self, op: Rmw, mem: Mem, a: Val, v: Val) -> Value {
        let va = self.address(a, 0);
        let (ty, b) = (self.ty(v), self.val(v));
        let host = self.writable(va, mem);
        if self.parallel() {
            if mem.endian == Endian::Big && mem.size > 0 || int_type(mem) != clif_type(ty) {
                // No target has these yet: the interpreter can do them.
                self.refuse();
                let dead = self.b.create_block();
                self.enter(dead);
                return b;
            }
            let op = match op {
                Rmw::Swap => AtomicRmwOp::Xchg,
                Rmw::Add => AtomicRmwOp::Add,
                Rmw::And => AtomicRmwOp::And,
                Rmw::Or => AtomicRmwOp::Or,
                Rmw::Xor => AtomicRmwOp::Xor,
                Rmw::MinS => AtomicRmwOp::Smin,
                Rmw::MaxS => AtomicRmwOp::Smax,
                Rmw::MinU => AtomicRmwOp::Umin,
                Rmw::MaxU => AtomicRmwOp::Umax,
            };
            return self.b.ins().atomic_rmw(clif_type(ty), shared(), op, host, b);
        }
        let old = self.host_load(ty, mem, host);
        let compare = |g: &mut Self, cc: IntCC| -> Value {
            let c = g.b.ins().icmp(cc, old, b);
            g.b.ins().select(c, old, b)
        };
        let new = match op {
            Rmw::Swap => b,
            Rmw::Add => self.b.ins().iadd(old, b),
            Rmw::And => self.b.ins().band(old, b),
            Rmw::Or => self.b.ins().bor(old, b),
            Rmw::Xor => self.b.ins().bxor(old, b),
            Rmw::MinS => compare(self, IntCC::SignedLessThan),
            Rmw::MaxS => compare(self, IntCC::SignedGreaterThan),
            Rmw::MinU => compare(self, IntCC::UnsignedLessThan),
            Rmw::MaxU => compare(self, IntCC::UnsignedGreaterThan),
        };
        self.host_store(mem, host, new);
        old
    }

    pub(super) fn load_reserve(&mut self, ty: Ty, mem: Mem, a: Val) -> Value {
        let va = self.address(a, 0);
        let value = self.load_at(ty, mem, va);
        self.store_frame(va, offset_of!(Frame, reserved));
        let word = self.as_word(value);
        self.store_frame(word, offset_of!(Frame, reserved_value));
        if self.parallel() && !cfg!(target_arch = "x86_64") {
            // It may be an acquire, which every load of x86 is.
            self.b.ins().fence();
        }
        value
    }

    pub(super) fn store_cond(&mut self, mem: Mem, a: Val, v: Val) -> Value {
        let va = self.address(a, 0);
        let (ty, value) = (self.ty(v), self.val(v));
        let host = self.writable(va, mem);
        let reserved = self.load_frame(types::I64, offset_of!(Frame, reserved));
        let none = self.b.ins().iconst(types::I64, NO_RESERVATION as i64);
        self.store_frame(none, offset_of!(Frame, reserved));
        let held = self.b.ins().icmp(IntCC::Equal, reserved, va);
        if self.parallel() {
            return self.swap_if_held(held, ty, mem, host, value);
        }
        let old = self.host_load(ty, mem, host);
        let old = self.as_word(old);
        let seen = self.load_frame(types::I64, offset_of!(Frame, reserved_value));
        let same = self.b.ins().icmp(IntCC::Equal, old, seen);
        let ok = self.b.ins().band(held, same);
        let (write, done) = (self.b.create_block(), self.b.create_block());
        self.b.ins().brif(ok, write, &[], done, &[]);
        self.enter(write);
        self.host_store(mem, host, value);
        self.b.ins().jump(done, &[]);
        self.enter(done);
        ok
    }

    /// Stores if the reservation is held and what was read is still there, in one go. (A value
    /// that changed and came back cannot be told from one that did not.)
    fn swap_if_held(&mut self, held: Value, ty: Ty, mem: Mem, host: Value, v: Value) -> Value {
        let (raw, big) = (int_type(mem), mem.endian == Endian::Big && mem.size > 0);
        if raw != clif_type(ty) || big {
            self.refuse();
            let dead = self.b.create_block();
            self.enter(dead);
            return held;
        }
        let (swap, done) = (self.b.create_block(), self.b.create_block());
        let ok = self.b.append_block_param(done, types::I8);
        let no = self.b.ins().iconst(types::I8, 0);
        self.b.ins().brif(held, swap, &[], done, &[no.into()]);
        self.enter(swap);
        let seen = self.load_frame(raw, offset_of!(Frame, reserved_value));
        let old = self.b.ins().atomic_cas(shared(), host, seen, v);
        let same = self.b.ins().icmp(IntCC::Equal, old, seen);
        self.b.ins().jump(done, &[same.into()]);
        self.enter(done);
        ok
    }
}

/// How atomic operations access memory.
fn shared() -> MemFlagsData {
    MemFlagsData::new().with_notrap().with_aligned()
}

/// The integer of so many bytes.
fn int_type(mem: Mem) -> Type {
    match mem.size {
        0 => types::I8,
        1 => types::I16,
        2 => types::I32,
        _ => types::I64,
    }
}
