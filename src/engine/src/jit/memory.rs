//! Memory accesses: the inline probe of the soft TLB, and what happens when it misses.
//!
//! Accesses of a core that does not translate go past the TLB: all that must be known is whether
//! they lie in the main memory and, of stores, that no translated code does.

use super::Flat;
use super::codegen::{Generator, clif_type, plain};
use super::entry::STORE;
use crate::frame::{Frame, NO_RESERVATION};
use crate::mmu::Acc;
use crate::ram::CODE_PAGE_BITS;
use crate::tlb::{Near, TLB_BITS, Table, TlbEntry};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{
    self as clif, AtomicRmwOp, InstBuilder, MemFlagsData, Type, Value, types,
};
use hetemu_isa::ir::{Cast, Inst, Mem, Rmw, Ty, Val};
use hetemu_schema::Endian;
use std::mem::offset_of;

/// Operations of an address that are looked at to guess which memory it lies in.
const EXPRESSION: u32 = 6;

impl Generator<'_> {
    /// The virtual address, 64 bits.
    fn address(&mut self, a: Val, offset: i32) -> Value {
        self.address_at(a, i64::from(offset))
    }

    fn address_at(&mut self, a: Val, offset: i64) -> Value {
        let mut va = self.val(a);
        if offset != 0 {
            va = self.b.ins().iadd_imm_s(va, offset);
        }
        if self.b.func.dfg.value_type(va) == types::I32 {
            return self.b.ins().uextend(types::I64, va);
        }
        self.wrap(va)
    }

    /// The memory that an access is likely for, by number in `paths`: that which its address lies
    /// in with what the registers held when the region was found hot, or the largest of those in
    /// the address's sum, or the memory that most is in.
    fn likely(&self, a: Val, offset: i64, span: u64) -> Option<usize> {
        let mask = u64::MAX >> (64 - u32::from(self.layout.bits.clamp(1, 64)));
        let held = |at: u64| self.paths.flats.iter().position(|f| f.holds(at & mask, span));
        let mut leaves = Vec::new();
        let sum = self.evaluate(a, EXPRESSION, &mut leaves);
        let sum = sum.and_then(|at| held(at.wrapping_add_signed(offset)));
        let base = || leaves.iter().max().and_then(|at| held(*at));
        sum.or_else(base).or(if self.paths.flats.is_empty() { None } else { Some(0) })
    }

    /// A value with what the registers held; `leaves` gets the registers' values.
    fn evaluate(&self, v: Val, depth: u32, leaves: &mut Vec<u64>) -> Option<u64> {
        let depth = depth.checked_sub(1)?;
        match *self.insts.get(usize::from(v.0))? {
            Inst::Const(_, n) => Some(n),
            Inst::Get(_, slot) => {
                let value = self.paths.regs.get(usize::from(slot.0)).copied()?;
                leaves.push(value);
                Some(value)
            }
            Inst::Bin(op, a, b) => {
                let a = self.evaluate(a, depth, leaves);
                let b = self.evaluate(b, depth, leaves);
                Some(op.eval(self.ty(v), a?, b?))
            }
            Inst::Cast(Cast::Zext | Cast::Trunc, Ty::I32, a) => {
                self.evaluate(a, depth, leaves).map(|n| n & 0xffff_ffff)
            }
            Inst::Cast(Cast::Zext, _, a) => self.evaluate(a, depth, leaves),
            _ => None,
        }
    }

    /// The host address of an access at a constant address in memory, and its memory.
    fn fixed(&mut self, mem: Mem, a: Val, offset: i32) -> Option<(Value, Flat, u64)> {
        let Some(Inst::Const(_, n)) = self.insts.get(usize::from(a.0)) else { return None };
        let mask = u64::MAX >> (64 - u32::from(self.layout.bits.clamp(1, 64)));
        let va = n.wrapping_add_signed(offset.into()) & mask;
        if mem.aligned && va & (mem.bytes() - 1) != 0 {
            return None;
        }
        let number = self.paths.flats.iter().position(|f| f.holds(va, mem.bytes()))?;
        let (flat, start) = (*self.paths.flats.get(number)?, *self.flats.get(number)?);
        let at = va - flat.start;
        Some((self.b.ins().iadd_imm_s(start, at as i64), flat, at))
    }

    /// As [`Generator::fixed`], a store: goes on if no code lies there, and gives the block for
    /// where it does.
    fn fixed_store(&mut self, mem: Mem, a: Val, offset: i32) -> Option<(Value, clif::Block)> {
        let (host, flat, at) = self.fixed(mem, a, offset)?;
        let guard = flat.guard? + ((at >> CODE_PAGE_BITS) * 2) as usize;
        let (fast, slow) = (self.b.create_block(), self.cold());
        let guard = self.b.ins().iconst(types::I64, guard as i64);
        let count = self.b.ins().load(types::I16, plain(), guard, 0);
        self.b.ins().brif(count, slow, &[], fast, &[]);
        self.enter(fast);
        Some((host, slow))
    }

    /// Goes on where the TLB answers for `span` bytes at an address, with their host address; also
    /// gives the block for where it does not, to be written. `align`: low address bits to be zero.
    /// `likely`: the memory that it is probably in.
    fn probe(
        &mut self,
        va: Value,
        (span, align): (i64, i64),
        write: bool,
        likely: Option<usize>,
    ) -> (Value, clif::Block) {
        let (fast, slow) = (self.b.create_block(), self.cold());
        let host = self.b.append_block_param(fast, types::I64);
        let flat = likely.and_then(|n| Some((*self.paths.flats.get(n)?, *self.flats.get(n)?)));
        let flat = flat.filter(|(f, _)| f.len >= span as u64 && (!write || f.guard.is_some()));
        match flat {
            Some(flat) if flat.0.sole => {
                self.probe_flat(flat, va, (span, align), write, (fast, slow));
            }
            Some(flat) => {
                let elsewhere = self.cold();
                self.probe_flat(flat, va, (span, align), write, (fast, elsewhere));
                self.enter(elsewhere);
                self.probe_tlb(va, (span, align), write, (fast, slow));
            }
            None => self.probe_tlb(va, (span, align), write, (fast, slow)),
        }
        self.enter(fast);
        (host, slow)
    }

    /// Looks whether an address lies in a memory. `ways`: found, with the host address, or not.
    fn probe_flat(
        &mut self,
        (flat, start): (Flat, Value),
        va: Value,
        (span, align): (i64, i64),
        write: bool,
        ways: (clif::Block, clif::Block),
    ) {
        let (fast, slow) = ways;
        let at = self.b.ins().iadd_imm_s(va, (flat.start as i64).wrapping_neg());
        let mut most = flat.len - span as u64;
        let mut key = at;
        if align != 0 {
            // Low bits that must be zero become the highest.
            let bits = align.count_ones();
            key = self.b.ins().rotr_imm_u(at, i64::from(bits));
            most >>= bits;
        }
        let most = most as i64;
        let fits = self.b.ins().icmp_imm_u(IntCC::UnsignedLessThanOrEqual, key, most);
        let found = self.b.ins().iadd(start, at);
        let Some(guard) = flat.guard.filter(|_| write) else {
            self.b.ins().brif(fits, fast, &[found.into()], slow, &[]);
            return;
        };
        let inside = self.b.create_block();
        self.b.ins().brif(fits, inside, &[], slow, &[]);
        self.b.switch_to_block(inside);
        self.b.seal_block(inside);
        let page = self.b.ins().ushr_imm_u(at, i64::from(CODE_PAGE_BITS));
        let skip = self.b.ins().ishl_imm_u(page, 1);
        let guard = self.b.ins().iconst(types::I64, guard as i64);
        let guard = self.b.ins().iadd(guard, skip);
        let count = self.b.ins().load(types::I16, plain(), guard, 0);
        self.b.ins().brif(count, slow, &[], fast, &[found.into()]);
    }

    /// Looks whether the TLB knows `span` bytes at an address. `ways`: found, with the host
    /// address, or not.
    fn probe_tlb(
        &mut self,
        va: Value,
        (span, align): (i64, i64),
        write: bool,
        ways: (clif::Block, clif::Block),
    ) {
        let (fast, slow) = ways;
        let page = self.layout.page_bits;
        // The row is that of the first byte, the tag must be that of the last: both in one page.
        let last = if span > align + 1 {
            let last = self.b.ins().iadd_imm_s(va, span - 1);
            self.wrap(last)
        } else {
            va
        };
        let mut want = self.b.ins().band_imm_s(last, (!0i64 << page) | align);
        if span > align + 1 && align != 0 {
            // Low bits that must be zero are those of the first byte.
            let last = self.b.ins().band_imm_s(last, !0i64 << page);
            let low = self.b.ins().band_imm_s(va, align);
            want = self.b.ins().bor(last, low);
        }
        let far = if self.paths.near {
            let row = self.row(va, size_of::<Near>());
            let entry = self.b.ins().iadd(self.tlb, row);
            let field = if write { offset_of!(Near, write) } else { offset_of!(Near, read) };
            let offset = offset_of!(Table, near) + field;
            let tag = self.b.ins().load(types::I64, plain(), entry, offset as i32);
            let hit = self.b.ins().icmp(IntCC::Equal, tag, want);
            let found = self.b.ins().iadd(self.distance, va);
            let far = self.cold();
            self.b.ins().brif(hit, fast, &[found.into()], far, &[]);
            Some(far)
        } else {
            None
        };
        if let Some(far) = far {
            self.enter(far);
        }
        let row = self.row(va, size_of::<TlbEntry>());
        let entry = self.b.ins().iadd(self.tlb, row);
        let table = offset_of!(Table, entries) as i32;
        let field = if write { offset_of!(TlbEntry, write) } else { offset_of!(TlbEntry, read) };
        let tag = self.b.ins().load(types::I64, plain(), entry, table + field as i32);
        let hit = self.b.ins().icmp(IntCC::Equal, tag, want);
        let known = if self.paths.near { self.cold() } else { self.b.create_block() };
        self.b.ins().brif(hit, known, &[], slow, &[]);
        self.enter(known);
        let addend = table + offset_of!(TlbEntry, addend) as i32;
        let addend = self.b.ins().load(types::I64, plain(), entry, addend);
        let found = self.b.ins().iadd(addend, va);
        self.b.ins().jump(fast, &[found.into()]);
    }

    /// Where the row of an address begins in a table of so large entries.
    fn row(&mut self, va: Value, size: usize) -> Value {
        let size = size.ilog2();
        let row = self.b.ins().ushr_imm_u(va, i64::from(u32::from(self.layout.page_bits) - size));
        self.b.ins().band_imm_u(row, ((1i64 << TLB_BITS) - 1) << size)
    }

    /// An address cut to its bits.
    fn wrap(&mut self, va: Value) -> Value {
        if self.layout.bits >= 64 {
            return va;
        }
        self.b.ins().band_imm_u(va, (1i64 << self.layout.bits) - 1)
    }

    /// Probes for one access. In flat memory one that may be misaligned is not looked at; the TLB
    /// answers aligned ones only.
    fn probe_mem(
        &mut self,
        va: Value,
        mem: Mem,
        write: bool,
        likely: Option<usize>,
    ) -> (Value, clif::Block) {
        let bytes = mem.bytes() as i64;
        let flat = likely.and_then(|n| self.paths.flats.get(n));
        let flat = flat.is_some_and(|f| !write || f.guard.is_some()) && !mem.aligned;
        self.probe(va, (bytes, if flat { 0 } else { bytes - 1 }), write, likely)
    }

    /// Goes on where the memory of an access of the block is known, with its host address; also
    /// gives the block for where it is not.
    fn locate(
        &mut self,
        at: usize,
        mem: Mem,
        a: Val,
        offset: i32,
        write: bool,
    ) -> (Value, clif::Block) {
        let Some((number, from)) = self.groups.of_inst(at) else {
            let va = self.address(a, offset);
            let likely = self.likely(a, offset.into(), mem.bytes());
            return self.probe_mem(va, mem, write, likely);
        };
        let group = self.groups.list[number];
        let host = match self.hosts[number] {
            Some(host) => host,
            None => {
                let skip = i64::from(offset).wrapping_sub(from);
                let low = self.address_at(a, skip);
                let likely = self.likely(a, skip, group.span as u64);
                let what = (group.span, group.align);
                let (found, none) = self.probe(low, what, group.write, likely);
                let known = self.b.create_block();
                let host = self.b.append_block_param(known, types::I64);
                self.b.ins().jump(known, &[found.into()]);
                self.enter(none);
                let null = self.b.ins().iconst(types::I64, 0);
                self.b.ins().jump(known, &[null.into()]);
                self.enter(known);
                self.hosts[number] = Some(host);
                host
            }
        };
        let (fast, slow) = (self.b.create_block(), self.cold());
        self.b.ins().brif(host, fast, &[], slow, &[]);
        self.enter(fast);
        let place = if from == 0 { host } else { self.b.ins().iadd_imm_s(host, from) };
        (place, slow)
    }

    pub(super) fn load(&mut self, at: usize, ty: Ty, mem: Mem, a: Val, offset: i32) -> Value {
        if let Some((host, ..)) = self.fixed(mem, a, offset) {
            return self.host_load(ty, mem, host);
        }
        let (host, slow) = self.locate(at, mem, a, offset, false);
        let value = self.host_load(ty, mem, host);
        self.loaded(ty, mem, value, slow, |g| g.address(a, offset))
    }

    fn load_at(&mut self, ty: Ty, mem: Mem, a: Val, va: Value) -> Value {
        let likely = self.likely(a, 0, mem.bytes());
        let (host, slow) = self.probe_mem(va, mem, false, likely);
        let value = self.host_load(ty, mem, host);
        self.loaded(ty, mem, value, slow, |_| va)
    }

    /// Writes the slow path of a load, and joins it.
    fn loaded(
        &mut self,
        ty: Ty,
        mem: Mem,
        value: Value,
        slow: clif::Block,
        va: impl FnOnce(&mut Self) -> Value,
    ) -> Value {
        let out = clif_type(ty);
        let done = self.b.create_block();
        let result = self.b.append_block_param(done, out);
        self.b.ins().jump(done, &[value.into()]);
        self.enter(slow);
        let to32 = matches!(ty, Ty::I32 | Ty::F32);
        let va = va(self);
        self.call_memory(va, u64::from(Acc::new(mem, to32).0), None);
        self.check_refused();
        let value = self.load_frame(out, offset_of!(Frame, result));
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

    pub(super) fn store(&mut self, at: usize, mem: Mem, a: Val, offset: i32, v: Val) {
        let value = self.val(v);
        let (host, slow) = match self.fixed_store(mem, a, offset) {
            Some(place) => place,
            None => self.locate(at, mem, a, offset, true),
        };
        self.host_store(mem, host, value);
        let done = self.b.create_block();
        self.b.ins().jump(done, &[]);
        self.enter(slow);
        let va = self.address(a, offset);
        let word = self.as_word(value);
        self.call_memory(va, u64::from(Acc::new(mem, false).0) | STORE, Some(word));
        self.check_refused();
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
    fn writable(&mut self, a: Val, va: Value, mem: Mem) -> Value {
        let likely = self.likely(a, 0, mem.bytes());
        let (host, slow) = self.probe_mem(va, mem, true, likely);
        let go = self.b.create_block();
        self.b.ins().jump(go, &[]);
        self.enter(slow);
        self.refuse();
        self.enter(go);
        host
    }

    /// Where one core runs at a time, no other can come between the load and the store; else it is
    /// an atomic operation of the host.
    pub(super) fn rmw(&mut self, op: Rmw, mem: Mem, a: Val, v: Val) -> Value {
        let va = self.address(a, 0);
        let (ty, b) = (self.ty(v), self.val(v));
        let host = self.writable(a, va, mem);
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
        let value = self.load_at(ty, mem, a, va);
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
        let host = self.writable(a, va, mem);
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
