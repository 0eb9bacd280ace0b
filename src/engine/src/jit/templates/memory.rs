//! Templates of loads and stores: the probe of the soft TLB, and the host access.

use super::x64::{Cold, Emit, short, word, x64};
use crate::frame::Frame;
use crate::interp::op::Op;
use crate::jit::entry::STORE;
use crate::mmu::Acc;
use crate::tlb::{TLB_BITS, Table, TlbEntry};
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi};
use std::mem::offset_of;

impl Emit<'_> {
    /// Computes the address into `rax` and probes: `rcx` becomes what leads from there to the
    /// host, unless the TLB has no answer.
    fn probe(&mut self, op: &Op, acc: Acc, write: bool) -> DynamicLabel {
        self.load(op.a);
        self.held = None;
        match short(op.imm) {
            Some(0) => {}
            Some(n) => x64!(self; add rax, n),
            None => x64!(self; mov rcx, QWORD op.imm; add rax, rcx),
        }
        self.cut();
        let page = u32::from(self.source.layout.page_bits);
        let size = size_of::<TlbEntry>().ilog2();
        let tag = (!0i32 << page) | (acc.bytes() as i32 - 1);
        let row = ((1i32 << TLB_BITS) - 1) << size;
        let field = if write { offset_of!(TlbEntry, write) } else { offset_of!(TlbEntry, read) };
        let table = offset_of!(Table, entries);
        let (field, addend) =
            ((table + field) as i32, (table + offset_of!(TlbEntry, addend)) as i32);
        let tlb = offset_of!(Frame, tlb) as i32;
        let slow = self.label();
        x64!(self
            ; mov rcx, rax
            ; mov rdx, rax
            ; shr rcx, (page - size) as i8
            ; and rdx, tag
            ; and ecx, row
            ; add rcx, [rdi + tlb]
            ; cmp rdx, [rcx + field]
            ; jne =>slow
            ; mov rcx, [rcx + addend]
        );
        slow
    }

    fn slowly(&mut self, from: DynamicLabel, value: Option<u16>, desc: i32) {
        let (back, insn) = (self.label(), self.insn);
        x64!(self; =>back);
        self.cold.push(Cold { from, back, value, desc, insn });
    }

    pub(super) fn memory_load(&mut self, op: &Op) {
        let acc = Acc(op.b);
        let slow = self.probe(op, acc, false);
        let (signed, to32) = (acc.signed(), acc.to32());
        match (acc.size(), acc.big()) {
            (0, _) if !signed => x64!(self; movzx eax, BYTE [rax + rcx]),
            (0, _) if to32 => x64!(self; movsx eax, BYTE [rax + rcx]),
            (0, _) => x64!(self; movsx rax, BYTE [rax + rcx]),
            (1, false) if !signed => x64!(self; movzx eax, WORD [rax + rcx]),
            (1, false) if to32 => x64!(self; movsx eax, WORD [rax + rcx]),
            (1, false) => x64!(self; movsx rax, WORD [rax + rcx]),
            (1, true) => {
                x64!(self; movzx eax, WORD [rax + rcx]; rol ax, 8);
                match (signed, to32) {
                    (false, _) => {}
                    (true, true) => x64!(self; movsx eax, ax),
                    (true, false) => x64!(self; movsx rax, ax),
                }
            }
            (2, false) if signed && !to32 => x64!(self; movsxd rax, DWORD [rax + rcx]),
            (2, big) => {
                x64!(self; mov eax, [rax + rcx]);
                if big {
                    x64!(self; bswap eax);
                    if signed && !to32 {
                        x64!(self; movsxd rax, eax);
                    }
                }
            }
            (_, big) => {
                x64!(self; mov rax, [rax + rcx]);
                if big {
                    x64!(self; bswap rax);
                }
            }
        }
        self.slowly(slow, None, i32::from(acc.0));
        self.put(op.d);
    }

    pub(super) fn memory_store(&mut self, op: &Op) {
        let acc = Acc(op.b);
        let slow = self.probe(op, acc, true);
        x64!(self; mov r8, [rdi + word(op.d)]);
        match (acc.size(), acc.big()) {
            (0, _) => x64!(self; mov [rax + rcx], r8b),
            (1, false) => x64!(self; mov [rax + rcx], r8w),
            (1, true) => x64!(self; rol r8w, 8; mov [rax + rcx], r8w),
            (2, false) => x64!(self; mov [rax + rcx], r8d),
            (2, true) => x64!(self; bswap r8d; mov [rax + rcx], r8d),
            (_, false) => x64!(self; mov [rax + rcx], r8),
            (_, true) => x64!(self; bswap r8; mov [rax + rcx], r8),
        }
        self.slowly(slow, Some(op.d), i32::from(acc.0) | STORE as i32);
    }

    /// Writes what accesses do that the TLB does not answer.
    pub(super) fn memory_slow(&mut self) {
        let stub = offset_of!(Frame, memory) as i32;
        for Cold { from, back, value, desc, insn } in std::mem::take(&mut self.cold) {
            let (steps, leave) = (self.charged(insn), self.leave(insn));
            x64!(self; =>from);
            if let Some(value) = value {
                x64!(self; mov r8, [rdi + word(value)]);
            }
            x64!(self
                ; mov ecx, desc
                ; mov edx, steps
                ; call QWORD [rdi + stub]
                ; je =>back
                ; jmp =>leave
            );
        }
    }
}
