//! Templates of float operations: on the host's unit where it gives the guest's result and flags.
//!
//! As in regions, the host rounds to nearest and accrues exceptions, and whatever gives or meets a
//! NaN, or may have been tiny where that is found before rounding, is done once more out of line,
//! which knows the result and its flags.

use super::x64::{Emit, word, x64};
use crate::frame::Frame;
use crate::interp::lower::Rare;
use crate::jit::floats::{INFINITY32, INFINITY64, LEAST32, LEAST64};
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi};
use hetemu_isa::ir::{Cast, FBin, FCmp, Inst, Round, Ty};
use std::mem::offset_of;

/// A second look at a result in `xmm0`, of single precision in `eax` also, that the first one could
/// not tell: it is fine, or to be done out of line.
pub(super) struct Look {
    from: DynamicLabel,
    fine: DynamicLabel,
    slow: DynamicLabel,
    wide: bool,
}

impl Emit<'_> {
    /// Writes an operation if there is a template for it.
    pub(super) fn float(&mut self, rare: &Rare) -> bool {
        if let Inst::Cast(Cast::Unbox, ..) = rare.inst {
            self.unbox(rare);
            return true;
        }
        let wide = matches!(rare.ty, Ty::F64 | Ty::I64);
        let [a, b, c] = rare.words.map(word);
        /// The operation of double or single precision.
        macro_rules! either {
            ($double:ident $single:ident $($operands:tt)*) => {
                match wide {
                    true => x64!(self; $double $($operands)*),
                    false => x64!(self; $single $($operands)*),
                }
            };
        }
        match rare.inst {
            Inst::FBin(op, Round::Near, ..) if !matches!(op, FBin::Min | FBin::Max) => {
                self.computes();
                either!(movsd movss xmm0, [rdi + a]);
                match op {
                    FBin::Add => either!(addsd addss xmm0, [rdi + b]),
                    FBin::Sub => either!(subsd subss xmm0, [rdi + b]),
                    FBin::Mul => either!(mulsd mulss xmm0, [rdi + b]),
                    _ => either!(divsd divss xmm0, [rdi + b]),
                }
                // A sum that is tiny is exact.
                self.result(rare, wide, !matches!(op, FBin::Add | FBin::Sub));
            }
            Inst::FSqrt(Round::Near, _) => {
                self.computes();
                either!(sqrtsd sqrtss xmm0, [rdi + a]);
                self.result(rare, wide, false);
            }
            Inst::Fma { round: Round::Near, neg_product, neg_addend, .. }
                if is_x86_feature_detected!("fma") =>
            {
                self.computes();
                either!(movsd movss xmm0, [rdi + a]);
                either!(movsd movss xmm1, [rdi + b]);
                match (neg_product, neg_addend) {
                    (false, false) => either!(vfmadd213sd vfmadd213ss xmm0, xmm1, [rdi + c]),
                    (false, true) => either!(vfmsub213sd vfmsub213ss xmm0, xmm1, [rdi + c]),
                    (true, false) => either!(vfnmadd213sd vfnmadd213ss xmm0, xmm1, [rdi + c]),
                    (true, true) => either!(vfnmsub213sd vfnmsub213ss xmm0, xmm1, [rdi + c]),
                }
                self.result(rare, wide, true);
            }
            Inst::FCmp(op, ..) => {
                self.computes();
                either!(movsd movss xmm0, [rdi + a]);
                either!(ucomisd ucomiss xmm0, [rdi + b]);
                let (slow, back) = (self.label(), self.label());
                x64!(self; jp =>slow);
                match op {
                    FCmp::Eq => x64!(self; sete al),
                    FCmp::Lt | FCmp::LtQ => x64!(self; setb al),
                    FCmp::Le | FCmp::LeQ => x64!(self; setbe al),
                }
                x64!(self; movzx eax, al);
                self.put(rare.d);
                self.again(rare, slow, back);
            }
            Inst::FCvt(_, Ty::F64, _) => {
                self.computes();
                x64!(self; cvtss2sd xmm0, [rdi + a]);
                self.result(rare, true, false);
            }
            Inst::FCvt(Round::Near, ..) => {
                self.computes();
                x64!(self; cvtsd2ss xmm0, [rdi + a]);
                self.result(rare, false, true);
            }
            Inst::IToF(Round::Near, to, signed, _) if signed || !wide => {
                self.computes();
                match (wide, signed) {
                    (true, _) => x64!(self; mov rax, [rdi + a]),
                    (false, true) => x64!(self; movsxd rax, DWORD [rdi + a]),
                    (false, false) => x64!(self; mov eax, [rdi + a]),
                }
                self.held = None;
                x64!(self; pxor xmm0, xmm0);
                match to {
                    Ty::F64 => x64!(self; cvtsi2sd xmm0, rax; movsd [rdi + word(rare.d)], xmm0),
                    _ => {
                        x64!(self; cvtsi2ss xmm0, rax; movd eax, xmm0);
                        self.put(rare.d);
                    }
                }
            }
            Inst::FToI(Round::Zero, to, true, _) => {
                self.computes();
                let (slow, back) = (self.label(), self.label());
                // What does not fit gives the least number, and is invalid as it must.
                if to == Ty::I64 {
                    either!(cvttsd2si cvttss2si rax, [rdi + a]);
                    x64!(self; mov rcx, QWORD i64::MIN; cmp rax, rcx);
                } else {
                    either!(cvttsd2si cvttss2si eax, [rdi + a]);
                    x64!(self; cmp eax, i32::MIN);
                }
                x64!(self; je =>slow);
                self.put(rare.d);
                self.again(rare, slow, back);
            }
            Inst::FToI(Round::Zero, to, false, _) => {
                self.computes();
                let (slow, back) = (self.label(), self.label());
                either!(movsd movss xmm0, [rdi + a]);
                x64!(self; pxor xmm1, xmm1);
                // What is negative, or does not fit, must not come to the conversion.
                either!(ucomisd ucomiss xmm0, xmm1);
                x64!(self; jp =>slow; jb =>slow);
                let limit = if to == Ty::I64 { 2f64.powi(63) } else { 2f64.powi(32) };
                if wide {
                    x64!(self; mov rax, QWORD limit.to_bits() as i64; movq xmm1, rax);
                } else {
                    x64!(self; mov eax, (limit as f32).to_bits() as i32; movd xmm1, eax);
                }
                either!(ucomisd ucomiss xmm0, xmm1);
                x64!(self; jae =>slow);
                either!(cvttsd2si cvttss2si rax, xmm0);
                self.put(rare.d);
                self.again(rare, slow, back);
            }
            _ => return false,
        }
        true
    }

    /// Says that the host's unit has flags of the guest.
    fn computes(&mut self) {
        if !std::mem::replace(&mut self.floats, true) {
            let floats = offset_of!(Frame, floats) as i32;
            x64!(self; mov QWORD [rdi + floats], 1);
        }
    }

    /// Stores `xmm0`, unless it is a NaN, or may have been tiny where that is not the host's.
    fn result(&mut self, rare: &Rare, wide: bool, tiny: bool) {
        let (slow, back) = (self.label(), self.label());
        if tiny && self.source.layout.float.tiny_before {
            let (look, fine) = (self.label(), self.label());
            // The top 32 bits without the sign: one comparison finds the smallest normal number and
            // NaNs, with zeros and subnormal numbers, which lie between them, and infinities.
            if wide {
                x64!(self
                    ; movq rax, xmm0
                    ; shr rax, 32
                    ; lea ecx, [rax + rax - (LEAST64 + 1) as i32]
                    ; cmp ecx, (INFINITY64 - LEAST64 - 1) as i32
                    ; jae =>look
                    ; =>fine
                    ; movsd [rdi + word(rare.d)], xmm0
                );
                self.held = None;
            } else {
                x64!(self
                    ; movd eax, xmm0
                    ; lea ecx, [rax + rax - (LEAST32 + 1) as i32]
                    ; cmp ecx, (INFINITY32 - LEAST32 - 1) as i32
                    ; jae =>look
                    ; =>fine
                );
                self.put(rare.d);
            }
            self.looks.push(Look { from: look, fine, slow, wide });
        } else if wide {
            x64!(self; ucomisd xmm0, xmm0; jp =>slow; movsd [rdi + word(rare.d)], xmm0);
            self.held = None;
        } else {
            x64!(self; ucomiss xmm0, xmm0; jp =>slow; movd eax, xmm0);
            self.put(rare.d);
        }
        self.again(rare, slow, back);
    }

    /// Has an operation done out of line from `slow` on, and goes on here.
    fn again(&mut self, rare: &Rare, slow: DynamicLabel, back: DynamicLabel) {
        let place = std::ptr::from_ref(rare) as i64;
        x64!(self; =>back);
        // The word may have been written by either.
        self.held = None;
        self.rare_cold.push((slow, back, place));
    }

    /// Writes what [`Emit::again`] promised, and the second looks.
    pub(super) fn floats_slow(&mut self) {
        for Look { from, fine, slow, wide } in std::mem::take(&mut self.looks) {
            x64!(self; =>from);
            if wide {
                let least = i64::from(LEAST64) << 32;
                x64!(self
                    ; ucomisd xmm0, xmm0
                    ; jp =>slow
                    ; movq rax, xmm0
                    ; add rax, rax
                    ; mov rcx, QWORD least
                    ; cmp rax, rcx
                );
            } else {
                x64!(self
                    ; ucomiss xmm0, xmm0
                    ; jp =>slow
                    ; lea ecx, [rax + rax]
                    ; cmp ecx, LEAST32 as i32
                );
            }
            x64!(self; je =>slow; jmp =>fine);
        }
        let stub = offset_of!(Frame, rare) as i32;
        for (slow, back, place) in std::mem::take(&mut self.rare_cold) {
            // They do not refuse, and do not ask for the time: any count of steps will do.
            x64!(self
                ; =>slow
                ; mov rdx, QWORD place
                ; xor ecx, ecx
                ; call QWORD [rdi + stub]
                ; jmp =>back
            );
        }
    }

    /// The low half of a word whose high half is all ones, else a NaN.
    fn unbox(&mut self, rare: &Rare) {
        let (a, boxed) = (word(rare.words[0]), self.label());
        let nan = self.source.layout.float.nan32 as i32;
        x64!(self
            ; mov eax, [rdi + a]
            ; cmp DWORD [rdi + a + 4], -1
            ; je =>boxed
            ; mov eax, nan
            ; =>boxed
        );
        self.put(rare.d);
    }
}
