//! Fixed-point instructions: saturation and rounding (section 30.12).

use super::elem::by_sew;
use super::{Done, Exec, Src, signed};

/// Shifts right by `by` and rounds as vxrm says (section 30.3.8).
fn round(value: i128, by: u32, vxrm: u8) -> i128 {
    if by == 0 {
        return value;
    }
    let cut = value & ((1 << by) - 1);
    let half = 1 << (by - 1);
    let kept = value >> by;
    let up = match vxrm {
        0 => cut >= half,
        1 => cut > half || cut == half && kept & 1 != 0,
        2 => false,
        _ => cut != 0 && kept & 1 == 0,
    };
    kept + i128::from(up)
}

impl Exec<'_> {
    /// vsadd, vssub, vaadd, vasub, vsmul, vssrl, vssra. `unsigned` is the source whose immediate
    /// is not sign-extended.
    pub(super) fn fixed(&mut self, src: Src, unsigned: Src) -> Done {
        let vs1 = matches!(src, Src::V(_)).then_some(self.vs1);
        let (op, f3) = (self.word >> 26, self.word >> 12 & 7);
        // vssubu, vssub and vsmul have no immediate form.
        self.need(self.single(vs1) && !(f3 == 3 && matches!(op, 0x22 | 0x23 | 0x27)))?;
        let sew = self.v.sew;
        let bits = 8u32 << sew;
        let vxrm = self.v.vxrm;
        if op == 0x20 || op == 0x22 {
            return self.saturate(src, op == 0x22);
        }
        for i in self.body() {
            if !self.active(i) {
                continue;
            }
            let a = self.v.raw(self.vs2, i, sew);
            let b = match if op >= 0x2a { unsigned } else { src } {
                Src::V(reg) => self.v.raw(reg, i, sew),
                Src::X(x) => x & (u64::MAX >> (64 - bits)),
            };
            let (ua, ub) = (i128::from(a), i128::from(b));
            let (sa, sb) = (i128::from(signed(a, sew)), i128::from(signed(b, sew)));
            let amount = b as u32 & (bits - 1);
            let value = match op {
                0x21 => self.clip(sa + sb, 0, true),
                0x23 => self.clip(sa - sb, 0, true),
                0x27 => self.clip(sa * sb, bits - 1, true),
                0x2a => round(ua, amount, vxrm) as u64,
                0x2b => round(sa, amount, vxrm) as u64,
                0x08 => round(ua + ub, 1, vxrm) as u64,
                0x09 => round(sa + sb, 1, vxrm) as u64,
                0x0a => round(ua - ub, 1, vxrm) as u64,
                _ => round(sa - sb, 1, vxrm) as u64,
            };
            self.v.set_raw(self.vd, i, sew, value);
        }
        Ok(0)
    }

    /// vsaddu and vssubu.
    fn saturate(&mut self, src: Src, subtract: bool) -> Done {
        by_sew!(self.v.sew, {
            for i in self.body() {
                if !self.active(i) {
                    continue;
                }
                let a: U = self.v.get(self.vs2, i);
                let b: U = match src {
                    Src::V(reg) => self.v.get(reg, i),
                    Src::X(x) => x as U,
                };
                let (value, over) =
                    if subtract { a.overflowing_sub(b) } else { a.overflowing_add(b) };
                let limit = if subtract { 0 } else { U::MAX };
                self.v.vxsat |= over;
                self.v.set(self.vd, i, if over { limit } else { value });
            }
        });
        Ok(0)
    }

    /// Shifts, rounds and saturates to the current element.
    pub(super) fn clip(&mut self, value: i128, by: u32, sign: bool) -> u64 {
        let bits = 8u32 << self.v.sew;
        let value = round(value, by, self.v.vxrm);
        let (least, most) =
            if sign { (-1 << (bits - 1), (1 << (bits - 1)) - 1) } else { (0, (1 << bits) - 1) };
        let clipped = value.clamp(least, most);
        self.v.vxsat |= clipped != value;
        clipped as u64
    }
}
