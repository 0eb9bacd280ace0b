//! Integer instructions of one width: arithmetic, logic, shifts, comparisons, multiplication,
//! moves (sections 30.11.1, 30.11.4 to 30.11.16).

use super::check::{aligned, clear_of};
use super::elem::{Elem, by_sew};
use super::{Done, Exec, Src};

/// Bytes that are worked on at a time: the smallest VLEN.
const CHUNK: usize = 16;

impl Exec<'_> {
    /// `d = f(vs2, src, d)` for every active element. `f` has no effects: it is asked for other
    /// elements of the same chunk too.
    #[inline(always)]
    fn map<T: Elem>(&mut self, src: Src, f: impl Fn(T, T, T) -> T) -> Done {
        let lanes = CHUNK / T::SIZE;
        let (start, vl, vlenb) = (self.v.vstart, self.v.vl, self.v.vlenb);
        let (a_at, d_at) = (self.vs2 * vlenb, self.vd * vlenb);
        let chunk = |regs: &[u8], at: usize| -> [u8; CHUNK] {
            let mut bytes = [0; CHUNK];
            bytes.copy_from_slice(&regs[at..at + CHUNK]);
            bytes
        };
        let (b_at, mut b) = match src {
            Src::V(reg) => (Some(reg * vlenb), [0; CHUNK]),
            Src::X(x) => {
                let mut splat = [0; CHUNK];
                for k in 0..lanes {
                    T::of(x).write(&mut splat, k * T::SIZE);
                }
                (None, splat)
            }
        };
        let mut i = start & !(lanes - 1);
        while i < vl {
            let at = i * T::SIZE;
            let a = chunk(&self.v.regs, a_at + at);
            let d = chunk(&self.v.regs, d_at + at);
            if let Some(b_at) = b_at {
                b = chunk(&self.v.regs, b_at + at);
            }
            let mut out = [0; CHUNK];
            for k in 0..lanes {
                let k = k * T::SIZE;
                f(T::read(&a, k), T::read(&b, k), T::read(&d, k)).write(&mut out, k);
            }
            let whole = i >= start && i + lanes <= vl;
            if !(whole && self.vm) {
                let result = out;
                out = d;
                for k in 0..lanes {
                    if i + k >= start && i + k < vl && self.active(i + k) {
                        T::read(&result, k * T::SIZE).write(&mut out, k * T::SIZE);
                    }
                }
            }
            self.v.regs[d_at + at..d_at + at + CHUNK].copy_from_slice(&out);
            i += lanes;
        }
        Ok(0)
    }

    /// Bit of vd = `f(vs2, src, mask bit)`: comparisons and carries.
    #[inline(always)]
    fn bits<T: Elem>(&mut self, src: Src, all: bool, f: impl Fn(T, T, bool) -> bool) -> Done {
        // The destination may be one of the sources, so it is written at the end.
        let mut bits = [0u8; 64];
        for i in self.body() {
            let a: T = self.v.get(self.vs2, i);
            let b = match src {
                Src::V(reg) => self.v.get(reg, i),
                Src::X(x) => T::of(x),
            };
            let mask = self.v.mask(i);
            bits[i / 8] |= u8::from(f(a, b, mask)) << (i % 8);
        }
        self.write_mask(&bits, all);
        Ok(0)
    }

    /// Writes bits to vd from vstart to vl, active ones only unless `all`.
    pub(super) fn write_mask(&mut self, bits: &[u8; 64], all: bool) {
        let at = self.vd * self.v.vlenb;
        let (start, vl) = (self.v.vstart, self.v.vl);
        if start == 0 && (all || self.vm) {
            let whole = vl / 8;
            self.v.regs[at..at + whole].copy_from_slice(&bits[..whole]);
            if vl % 8 != 0 {
                let keep = !0u8 << (vl % 8);
                let byte = &mut self.v.regs[at + whole];
                *byte = *byte & keep | bits[whole] & !keep;
            }
            return;
        }
        let (vm, v0) = (self.vm || all, self.vd == 0);
        // vd may be the mask itself: its byte is read before it is written.
        let bytes = bits.iter().enumerate().take(vl.div_ceil(8)).skip(start / 8);
        for (byte, new) in bytes {
            let mask = self.v.regs[byte];
            let mut take = if vm { !0 } else { mask };
            for k in 0..8 {
                if byte * 8 + k < start || byte * 8 + k >= vl {
                    take &= !(1 << k);
                }
            }
            let old = if v0 { mask } else { self.v.regs[at + byte] };
            self.v.regs[at + byte] = old & !take | new & take;
        }
    }

    /// OPIVV, OPIVX, OPIVI.
    pub(super) fn opi(&mut self, src: Src) -> Done {
        let imm = self.word >> 12 & 7 == 3;
        let vs1 = matches!(src, Src::V(_)).then_some(self.vs1);
        let scalar = vs1.is_none();
        // Shift amounts and indexes are unsigned.
        let unsigned = if imm { Src::X(self.uimm()) } else { src };
        let op = self.word >> 26;
        let sew = self.v.sew;
        macro_rules! bin {
            ($legal:expr, $src:expr, $f:expr) => {{
                self.need($legal && self.single(vs1))?;
                let src = $src;
                by_sew!(sew, self.map::<U>(src, |a, b, _| ($f)(a, b)))
            }};
        }
        macro_rules! cmp {
            ($legal:expr, $f:expr) => {{
                self.need($legal && self.to_mask(vs1))?;
                by_sew!(sew, self.bits::<U>(src, false, |a: U, b: U, _| ($f)(a, b)))
            }};
        }
        match op {
            0x00 => bin!(true, src, |a: U, b: U| a.wrapping_add(b)),
            0x02 => bin!(!imm, src, |a: U, b: U| a.wrapping_sub(b)),
            0x03 => bin!(scalar, src, |a: U, b: U| b.wrapping_sub(a)),
            0x04 => bin!(!imm, src, |a: U, b: U| a.min(b)),
            0x05 => bin!(!imm, src, |a: U, b: U| (a as S).min(b as S) as U),
            0x06 => bin!(!imm, src, |a: U, b: U| a.max(b)),
            0x07 => bin!(!imm, src, |a: U, b: U| (a as S).max(b as S) as U),
            0x09 => bin!(true, src, |a: U, b: U| a & b),
            0x0a => bin!(true, src, |a: U, b: U| a | b),
            0x0b => bin!(true, src, |a: U, b: U| a ^ b),
            0x0c => self.gather(unsigned),
            0x0e if scalar => self.slide_up(unsigned),
            0x0e => self.gather16(),
            0x0f if scalar => self.slide_down(unsigned),
            0x10 | 0x12 => {
                // The mask is the carry; vd must not be it.
                let groups = [Some(self.vd), Some(self.vs2), vs1].into_iter().flatten();
                let legal = !self.vm && self.vd != 0 && groups.into_iter().all(|r| self.group(r));
                self.need(legal && !(imm && op == 0x12))?;
                self.carry(src, op == 0x12)
            }
            0x11 | 0x13 => {
                self.need(self.to_mask(vs1) && !(imm && op == 0x13))?;
                let vm = self.vm;
                if op == 0x11 {
                    let f = move |c: bool| !vm && c;
                    by_sew!(sew, {
                        self.bits::<U>(src, true, |a: U, b: U, c| {
                            let (sum, first) = a.overflowing_add(b);
                            first | sum.overflowing_add(f(c) as U).1
                        })
                    })
                } else {
                    let f = move |c: bool| !vm && c;
                    by_sew!(sew, {
                        self.bits::<U>(src, true, |a: U, b: U, c| {
                            let (rest, first) = a.overflowing_sub(b);
                            first | rest.overflowing_sub(f(c) as U).1
                        })
                    })
                }
            }
            0x17 => self.merge(src),
            0x18 => cmp!(true, |a: U, b: U| a == b),
            0x19 => cmp!(true, |a: U, b: U| a != b),
            0x1a => cmp!(!imm, |a: U, b: U| a < b),
            0x1b => cmp!(!imm, |a: U, b: U| (a as S) < b as S),
            0x1c => cmp!(true, |a: U, b: U| a <= b),
            0x1d => cmp!(true, |a: U, b: U| a as S <= b as S),
            0x1e => cmp!(scalar, |a: U, b: U| a > b),
            0x1f => cmp!(scalar, |a: U, b: U| a as S > b as S),
            0x25 => bin!(true, unsigned, |a: U, b: U| a.wrapping_shl(b as u32)),
            0x28 => bin!(true, unsigned, |a: U, b: U| a.wrapping_shr(b as u32)),
            0x29 => bin!(true, unsigned, |a: U, b: U| (a as S).wrapping_shr(b as u32) as U),
            0x20..=0x23 | 0x27 | 0x2a | 0x2b => self.fixed(src, unsigned),
            0x2c..=0x2f => self.narrow(unsigned),
            0x30 | 0x31 if !scalar => self.reduce_wide(op == 0x31),
            _ => Err(self.illegal()),
        }
    }

    fn carry(&mut self, src: Src, subtract: bool) -> Done {
        by_sew!(self.v.sew, {
            for i in self.body() {
                let a: U = self.v.get(self.vs2, i);
                let b: U = match src {
                    Src::V(reg) => self.v.get(reg, i),
                    Src::X(x) => x as U,
                };
                let c = U::from(self.v.mask(i));
                let value = if subtract {
                    a.wrapping_sub(b).wrapping_sub(c)
                } else {
                    a.wrapping_add(b).wrapping_add(c)
                };
                self.v.set(self.vd, i, value);
            }
        });
        Ok(0)
    }

    /// vmerge, vmv.v, vfmerge, vfmv.v.f.
    pub(super) fn merge(&mut self, src: Src) -> Done {
        let vs1 = matches!(src, Src::V(_)).then_some(self.vs1);
        let group = self.group(self.vd) && vs1.is_none_or(|r| self.group(r));
        if self.vm {
            self.need(group && self.vs2 == 0)?;
            return by_sew!(self.v.sew, self.map::<U>(src, |_, b, _| b));
        }
        self.need(group && self.group(self.vs2) && self.vd != 0 && self.apart(vs1))?;
        by_sew!(self.v.sew, {
            for i in self.body() {
                let value: U = match src {
                    _ if !self.v.mask(i) => self.v.get(self.vs2, i),
                    Src::V(reg) => self.v.get(reg, i),
                    Src::X(x) => x as U,
                };
                self.v.set(self.vd, i, value);
            }
        });
        Ok(0)
    }

    /// OPMVV, OPMVX.
    pub(super) fn opm(&mut self, src: Src) -> Done {
        let vs1 = matches!(src, Src::V(_)).then_some(self.vs1);
        let scalar = vs1.is_none();
        let op = self.word >> 26;
        let sew = self.v.sew;
        macro_rules! tri {
            ($f:expr) => {{
                self.need(self.single(vs1))?;
                by_sew!(sew, self.map::<U>(src, $f))
            }};
        }
        match op {
            0x00..=0x07 if !scalar => self.reduce(op),
            0x08..=0x0b => self.fixed(src, src),
            0x0e if scalar => self.slide1_up(self.x),
            0x0f if scalar => self.slide1_down(self.x),
            0x10 if scalar => self.scalar_in(self.x),
            0x10 => self.scalar_out(),
            0x12 if !scalar => self.extend(),
            0x14 if !scalar => self.mask_unary(),
            0x17 if !scalar => self.compress(),
            0x18..=0x1f if !scalar => self.mask_logic(op),
            0x20 => tri!(|a: U, b: U, _| a.checked_div(b).unwrap_or(U::MAX)),
            0x21 => tri!(|a: U, b: U, _| match b {
                0 => U::MAX,
                _ => (a as S).wrapping_div(b as S) as U,
            }),
            0x22 => tri!(|a: U, b: U, _| a.checked_rem(b).unwrap_or(a)),
            0x23 => tri!(|a: U, b: U, _| match b {
                0 => a,
                _ => (a as S).wrapping_rem(b as S) as U,
            }),
            0x24 => tri!(|a: U, b: U, _| ((a as W * b as W) >> U::BITS) as U),
            0x25 => tri!(|a: U, b: U, _| a.wrapping_mul(b)),
            0x26 => tri!(|a: U, b: U, _| ((a as S as X).wrapping_mul(b as X) >> U::BITS) as U),
            0x27 => tri!(|a: U, b: U, _| ((a as S as X * b as S as X) >> U::BITS) as U),
            0x29 => tri!(|a: U, b: U, d: U| b.wrapping_mul(d).wrapping_add(a)),
            0x2b => tri!(|a: U, b: U, d: U| a.wrapping_sub(b.wrapping_mul(d))),
            0x2d => tri!(|a: U, b: U, d: U| a.wrapping_mul(b).wrapping_add(d)),
            0x2f => tri!(|a: U, b: U, d: U| d.wrapping_sub(a.wrapping_mul(b))),
            0x30..=0x3f => self.widen(src),
            _ => Err(self.illegal()),
        }
    }

    /// vzext and vsext (section 30.11.3).
    fn extend(&mut self) -> Done {
        let by = match self.vs1 {
            2 | 3 => 3,
            4 | 5 => 2,
            6 | 7 => 1,
            _ => return Err(self.illegal()),
        };
        let sign = self.vs1 & 1 != 0;
        let (sew, lmul) = (self.v.sew, self.v.lmul);
        let from = lmul - by;
        let legal = sew as i8 >= by
            && self.keeps_mask()
            && self.apart(None)
            && self.group(self.vd)
            && aligned(self.vs2, from)
            && self.vs2 != self.vd
            && clear_of(self.vd, lmul, self.vs2, from);
        self.need(legal)?;
        let narrow = sew - by as u8;
        for i in self.body() {
            if self.active(i) {
                let value = self.v.raw(self.vs2, i, narrow);
                let value = if sign { super::signed(value, narrow) as u64 } else { value };
                self.v.set_raw(self.vd, i, sew, value);
            }
        }
        Ok(0)
    }
}
