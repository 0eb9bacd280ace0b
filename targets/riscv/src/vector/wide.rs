//! Integer instructions of two widths and reductions (sections 30.11.2, 30.11.7, 30.11.12,
//! 30.11.14, 30.12.5, 30.14).

use super::elem::{Elem, by_narrow_sew, by_sew};
use super::{Done, Exec, Src};

impl Exec<'_> {
    /// `d = f(vs2, src, d)` where d is twice as wide. Where the destination overlaps a source,
    /// it is the destination's highest part, so going up never overtakes.
    #[inline(always)]
    fn map_wide<T: Elem, D: Elem>(
        &mut self,
        src: Src,
        wide: bool,
        f: impl Fn(u64, u64, u64) -> u64,
    ) -> Done {
        for i in self.body() {
            if !self.active(i) {
                continue;
            }
            let a = if wide {
                self.v.get::<D>(self.vs2, i).raw()
            } else {
                self.v.get::<T>(self.vs2, i).raw()
            };
            let b = match src {
                Src::V(reg) => self.v.get::<T>(reg, i).raw(),
                Src::X(x) => T::of(x).raw(),
            };
            let d = self.v.get::<D>(self.vd, i).raw();
            self.v.set(self.vd, i, D::of(f(a, b, d)));
        }
        Ok(0)
    }

    /// Widening addition, subtraction, multiplication, multiply-add.
    pub(super) fn widen(&mut self, src: Src) -> Done {
        let op = self.word >> 26;
        let vs1 = matches!(src, Src::V(_)).then_some(self.vs1);
        let wide = (0x34..=0x37).contains(&op);
        // vwmaccus has only a scalar form.
        self.need(self.widens(vs1, wide) && op != 0x39 && !(op == 0x3e && vs1.is_some()))?;
        // `s` and `u` bring an operand to the wide type, with and without its sign.
        macro_rules! go {
            ($s:ident $u:ident $a:ident $b:ident $d:ident: $value:expr) => {
                by_narrow_sew!(self.v.sew, {
                    #[allow(unused)]
                    let ($s, $u) = (|n: u64| n as U as S as u64, |n: u64| n as U as u64);
                    self.map_wide::<U, W>(src, wide, |$a, $b, $d| $value)
                })
            };
        }
        match op {
            0x30 => go!(s u a b _d: u(a).wrapping_add(u(b))),
            0x31 => go!(s u a b _d: s(a).wrapping_add(s(b))),
            0x32 => go!(s u a b _d: u(a).wrapping_sub(u(b))),
            0x33 => go!(s u a b _d: s(a).wrapping_sub(s(b))),
            0x34 => go!(s u a b _d: a.wrapping_add(u(b))),
            0x35 => go!(s u a b _d: a.wrapping_add(s(b))),
            0x36 => go!(s u a b _d: a.wrapping_sub(u(b))),
            0x37 => go!(s u a b _d: a.wrapping_sub(s(b))),
            0x38 => go!(s u a b _d: u(a).wrapping_mul(u(b))),
            0x3a => go!(s u a b _d: s(a).wrapping_mul(u(b))),
            0x3b => go!(s u a b _d: s(a).wrapping_mul(s(b))),
            0x3c => go!(s u a b d: d.wrapping_add(u(a).wrapping_mul(u(b)))),
            0x3d => go!(s u a b d: d.wrapping_add(s(a).wrapping_mul(s(b)))),
            // vs2 times the scalar: which of the two is signed.
            0x3e => go!(s u a b d: d.wrapping_add(s(a).wrapping_mul(u(b)))),
            0x3f => go!(s u a b d: d.wrapping_add(u(a).wrapping_mul(s(b)))),
            _ => Err(self.illegal()),
        }
    }

    /// Narrowing shifts and clips: vs2 is twice as wide. A destination that overlaps it is its
    /// lowest part, so going up never overtakes.
    pub(super) fn narrow(&mut self, src: Src) -> Done {
        let op = self.word >> 26;
        let vs1 = matches!(src, Src::V(_)).then_some(self.vs1);
        self.need(self.narrows(vs1))?;
        let sew = self.v.sew;
        let bits = 8u32 << sew;
        for i in self.body() {
            if !self.active(i) {
                continue;
            }
            let a = self.v.raw(self.vs2, i, sew + 1);
            let by = match src {
                Src::V(reg) => self.v.raw(reg, i, sew),
                Src::X(x) => x,
            };
            let by = by as u32 & (2 * bits - 1);
            let value = match op {
                0x2c => a >> by,
                0x2d => (super::signed(a, sew + 1) >> by) as u64,
                0x2e => self.clip(i128::from(a), by, false),
                _ => self.clip(i128::from(super::signed(a, sew + 1)), by, true),
            };
            self.v.set_raw(self.vd, i, sew, value);
        }
        Ok(0)
    }

    /// Reductions of one width.
    pub(super) fn reduce(&mut self, op: u32) -> Done {
        self.need(self.group(self.vs2) && self.at_start())?;
        if self.v.vl == 0 {
            return Ok(0);
        }
        macro_rules! go {
            ($f:expr) => {
                by_sew!(self.v.sew, {
                    let mut all: U = self.v.get(self.vs1, 0);
                    if self.vm {
                        for i in 0..self.v.vl {
                            all = ($f)(all, self.v.get::<U>(self.vs2, i));
                        }
                    } else {
                        for i in 0..self.v.vl {
                            if self.v.mask(i) {
                                all = ($f)(all, self.v.get::<U>(self.vs2, i));
                            }
                        }
                    }
                    self.v.set(self.vd, 0, all);
                })
            };
        }
        match op {
            0 => go!(|a: U, b: U| a.wrapping_add(b)),
            1 => go!(|a: U, b: U| a & b),
            2 => go!(|a: U, b: U| a | b),
            3 => go!(|a: U, b: U| a ^ b),
            4 => go!(|a: U, b: U| a.min(b)),
            5 => go!(|a: U, b: U| (a as S).min(b as S) as U),
            6 => go!(|a: U, b: U| a.max(b)),
            _ => go!(|a: U, b: U| (a as S).max(b as S) as U),
        }
        Ok(0)
    }

    /// Widening sums.
    pub(super) fn reduce_wide(&mut self, sign: bool) -> Done {
        self.need(self.group(self.vs2) && self.at_start() && self.v.sew < 3)?;
        if self.v.vl == 0 {
            return Ok(0);
        }
        let sew = self.v.sew;
        let mut all = self.v.raw(self.vs1, 0, sew + 1);
        for i in 0..self.v.vl {
            if self.active(i) {
                let value = self.v.raw(self.vs2, i, sew);
                let value = if sign { super::signed(value, sew) as u64 } else { value };
                all = all.wrapping_add(value);
            }
        }
        self.v.set_raw(self.vd, 0, sew + 1, all);
        Ok(0)
    }
}
