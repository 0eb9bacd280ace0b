//! Templates of integer operations.

use super::x64::{Emit, short, word, x64};
use crate::interp::op::{Form, Op};
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi};
use hetemu_isa::ir::{Bin, Cmp, Un};

impl Emit<'_> {
    /// Has `rcx` hold the second operand.
    fn second(&mut self, op: &Op, immediate: bool) {
        if immediate {
            match short(op.imm) {
                Some(n) => x64!(self; mov rcx, n),
                None => x64!(self; mov rcx, QWORD op.imm),
            }
        } else {
            x64!(self; mov rcx, [rdi + word(op.b)]);
        }
    }

    pub(super) fn bin(&mut self, op: &Op, bin: Bin, form: Form, immediate: bool) {
        let wide = form == Form::W64;
        // An operand of 32 bits: what lies above does not count.
        let imm = match (immediate, wide) {
            (false, _) => None,
            (true, true) => short(op.imm),
            (true, false) => Some(op.imm as i32),
        };
        macro_rules! simple {
            ($op:ident) => {{
                self.load(op.a);
                match (imm, immediate, wide) {
                    (Some(n), _, true) => x64!(self; $op rax, n),
                    (Some(n), _, false) => x64!(self; $op eax, n),
                    (None, false, true) => x64!(self; $op rax, [rdi + word(op.b)]),
                    (None, false, false) => x64!(self; $op eax, [rdi + word(op.b)]),
                    (None, true, _) => {
                        x64!(self; mov rcx, QWORD op.imm; $op rax, rcx);
                    }
                }
            }};
        }
        macro_rules! shift {
            ($op:ident) => {{
                let most = if wide { 63 } else { 31 };
                if !immediate {
                    x64!(self; mov rcx, [rdi + word(op.b)]);
                }
                self.load(op.a);
                match (immediate, wide) {
                    (true, true) => x64!(self; $op rax, (op.imm & most) as i8),
                    (true, false) => x64!(self; $op eax, (op.imm & most) as i8),
                    (false, true) => x64!(self; $op rax, cl),
                    (false, false) => x64!(self; $op eax, cl),
                }
            }};
        }
        match bin {
            Bin::Add => simple!(add),
            Bin::Sub => simple!(sub),
            Bin::And => simple!(and),
            Bin::Or => simple!(or),
            Bin::Xor => simple!(xor),
            Bin::Mul => {
                self.load(op.a);
                if immediate {
                    self.second(op, true);
                    x64!(self; imul rax, rcx);
                } else {
                    x64!(self; imul rax, [rdi + word(op.b)]);
                }
            }
            Bin::Shl => shift!(shl),
            Bin::ShrU => shift!(shr),
            Bin::ShrS => shift!(sar),
            Bin::Rotl => shift!(rol),
            Bin::Rotr => shift!(ror),
            Bin::MulHU if wide => {
                self.second(op, immediate);
                self.load(op.a);
                x64!(self; mul rcx; mov rax, rdx);
            }
            Bin::MulHS if wide => {
                self.second(op, immediate);
                self.load(op.a);
                x64!(self; imul rcx; mov rax, rdx);
            }
            Bin::DivU | Bin::RemU | Bin::DivS | Bin::RemS => {
                self.second(op, immediate);
                self.load(op.a);
                self.divide(bin, wide);
            }
            Bin::MulHU | Bin::MulHS | Bin::MulHSU | Bin::Clmul | Bin::ClmulH => {
                return self.calc(op);
            }
        }
        // The low half is the product's, the quotient's and so on of the low halves; what is
        // above must go.
        match form {
            Form::Sx => x64!(self; movsxd rax, eax),
            Form::W32 if bin == Bin::Mul => x64!(self; mov eax, eax),
            _ => {}
        }
        self.put(op.d);
    }

    /// `rax` by `rcx`. Division by 0 and -1 takes a way of its own: the host traps there.
    fn divide(&mut self, bin: Bin, wide: bool) {
        let signed = matches!(bin, Bin::DivS | Bin::RemS);
        let quotient = matches!(bin, Bin::DivS | Bin::DivU);
        let (zero, minus, done) = (self.label(), self.label(), self.label());
        match wide {
            true => x64!(self; test rcx, rcx),
            false => x64!(self; mov eax, eax; test ecx, ecx),
        }
        x64!(self; jz =>zero);
        match (signed, wide) {
            (false, true) => x64!(self; xor edx, edx; div rcx),
            (false, false) => x64!(self; xor edx, edx; div ecx),
            (true, true) => x64!(self; cmp rcx, -1; je =>minus; cqo; idiv rcx),
            (true, false) => x64!(self; cmp ecx, -1; je =>minus; cdq; idiv ecx),
        }
        if !quotient {
            x64!(self; mov rax, rdx);
        }
        x64!(self; jmp =>done; =>minus);
        match (quotient, wide) {
            (true, true) => x64!(self; neg rax),
            (true, false) => x64!(self; neg eax),
            (false, _) => x64!(self; xor eax, eax),
        }
        x64!(self; jmp =>done; =>zero);
        match (quotient, wide) {
            (true, true) => x64!(self; mov rax, -1),
            (true, false) => x64!(self; mov eax, -1),
            (false, _) => {}
        }
        x64!(self; =>done);
    }

    pub(super) fn un(&mut self, op: &Op, un: Un, wide: bool) {
        if un == Un::Bitrev {
            return self.calc(op);
        }
        self.load(op.a);
        match (un, wide) {
            (Un::Not, true) => x64!(self; not rax),
            (Un::Not, false) => x64!(self; not eax),
            (Un::Neg, true) => x64!(self; neg rax),
            (Un::Neg, false) => x64!(self; neg eax),
            (Un::Clz, true) => {
                x64!(self; mov ecx, 127; bsr rax, rax; cmovz rax, rcx; xor eax, 63);
            }
            (Un::Clz, false) => {
                x64!(self; mov ecx, 63; bsr eax, eax; cmovz eax, ecx; xor eax, 31);
            }
            (Un::Ctz, true) => x64!(self; mov ecx, 64; bsf rax, rax; cmovz rax, rcx),
            (Un::Ctz, false) => x64!(self; mov ecx, 32; bsf eax, eax; cmovz eax, ecx),
            (Un::Popcnt, true) => x64!(self; popcnt rax, rax),
            (Un::Popcnt, false) => x64!(self; popcnt eax, eax),
            (Un::Bswap, true) => x64!(self; bswap rax),
            (Un::Bswap, false) => x64!(self; bswap eax),
            (Un::Sext8, true) => x64!(self; movsx rax, al),
            (Un::Sext8, false) => x64!(self; movsx eax, al),
            (Un::Sext16, true) => x64!(self; movsx rax, ax),
            (Un::Sext16, false) => x64!(self; movsx eax, ax),
            (Un::Zext8, _) => x64!(self; movzx eax, al),
            (Un::Zext16, _) => x64!(self; movzx eax, ax),
            (Un::Sext32, _) => x64!(self; movsxd rax, eax),
            (Un::Zext32, _) => x64!(self; mov eax, eax),
            (Un::Bitrev, _) => {}
        }
        self.put(op.d);
    }

    fn compare(&mut self, op: &Op, wide: bool, immediate: bool) {
        self.load(op.a);
        match (immediate, wide, short(op.imm)) {
            (false, true, _) => x64!(self; cmp rax, [rdi + word(op.b)]),
            (false, false, _) => x64!(self; cmp eax, [rdi + word(op.b)]),
            (true, true, Some(0)) => x64!(self; test rax, rax),
            (true, true, Some(n)) => x64!(self; cmp rax, n),
            (true, true, None) => x64!(self; mov rcx, QWORD op.imm; cmp rax, rcx),
            (true, false, _) => x64!(self; cmp eax, op.imm as i32),
        }
    }

    pub(super) fn set(&mut self, op: &Op, cmp: Cmp, wide: bool, immediate: bool) {
        self.compare(op, wide, immediate);
        match cmp {
            Cmp::Eq => x64!(self; sete al),
            Cmp::Ne => x64!(self; setne al),
            Cmp::LtS => x64!(self; setl al),
            Cmp::LeS => x64!(self; setle al),
            Cmp::LtU => x64!(self; setb al),
            Cmp::LeU => x64!(self; setbe al),
        }
        x64!(self; movzx eax, al);
        self.put(op.d);
    }

    pub(super) fn branch(
        &mut self,
        op: &Op,
        cmp: Cmp,
        wide: bool,
        immediate: bool,
        taken: DynamicLabel,
    ) {
        self.compare(op, wide, immediate);
        match cmp {
            Cmp::Eq => x64!(self; je =>taken),
            Cmp::Ne => x64!(self; jne =>taken),
            Cmp::LtS => x64!(self; jl =>taken),
            Cmp::LeS => x64!(self; jle =>taken),
            Cmp::LtU => x64!(self; jb =>taken),
            Cmp::LeU => x64!(self; jbe =>taken),
        }
    }
}
