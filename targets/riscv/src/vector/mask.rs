//! Mask instructions (section 30.15) and scalar moves (section 30.16.1).

use super::check::{overlap, size};
use super::{Done, Exec, signed};

impl Exec<'_> {
    /// vmand to vmxnor.
    pub(super) fn mask_logic(&mut self, op: u32) -> Done {
        // They have no masked form.
        self.need(self.vm)?;
        let mut bits = [0u8; 64];
        let vlenb = self.v.vlenb;
        for (i, to) in bits.iter_mut().enumerate().take(self.v.vl.div_ceil(8)) {
            let a = self.v.regs[self.vs2 * vlenb + i];
            let b = self.v.regs[self.vs1 * vlenb + i];
            *to = match op & 7 {
                0 => a & !b,
                1 => a & b,
                2 => a | b,
                3 => a ^ b,
                4 => a | !b,
                5 => !(a & b),
                6 => !(a | b),
                _ => !(a ^ b),
            };
        }
        self.write_mask(&bits, true);
        Ok(0)
    }

    /// vmsbf, vmsof, vmsif, viota, vid.
    pub(super) fn mask_unary(&mut self) -> Done {
        match self.vs1 {
            1..=3 => {
                let apart = self.vd != self.vs2 && self.keeps_mask();
                self.need(apart && self.at_start())?;
                let (mut bits, mut found) = ([0u8; 64], false);
                for i in 0..self.v.vl {
                    if !self.active(i) {
                        continue;
                    }
                    let here = !found && self.v.bit(self.vs2, i);
                    let value = match self.vs1 {
                        1 => !found && !here,
                        2 => here,
                        _ => !found,
                    };
                    found |= here;
                    bits[i / 8] |= u8::from(value) << (i % 8);
                }
                self.write_mask(&bits, false);
                Ok(0)
            }
            16 => {
                let n = size(self.v.lmul);
                let apart = !overlap(self.vd, n, self.vs2, 1) && self.keeps_mask();
                self.need(apart && self.group(self.vd) && self.at_start())?;
                let mut count = 0;
                for i in 0..self.v.vl {
                    if self.active(i) {
                        self.v.set_raw(self.vd, i, self.v.sew, count);
                        count += u64::from(self.v.bit(self.vs2, i));
                    }
                }
                Ok(0)
            }
            17 => {
                self.need(self.vs2 == 0 && self.group(self.vd) && self.keeps_mask())?;
                for i in self.body() {
                    if self.active(i) {
                        self.v.set_raw(self.vd, i, self.v.sew, i as u64);
                    }
                }
                Ok(0)
            }
            _ => Err(self.illegal()),
        }
    }

    /// vmv.x.s, vcpop, vfirst.
    pub(super) fn scalar_out(&mut self) -> Done {
        match self.vs1 {
            0 => {
                self.need(self.vm)?;
                Ok(signed(self.v.raw(self.vs2, 0, self.v.sew), self.v.sew) as u64)
            }
            16 | 17 => {
                self.need(self.at_start())?;
                let mut set = (0..self.v.vl).filter(|&i| self.active(i) && self.v.bit(self.vs2, i));
                Ok(match self.vs1 {
                    16 => set.count() as u64,
                    _ => set.next().map_or(u64::MAX, |i| i as u64),
                })
            }
            _ => Err(self.illegal()),
        }
    }

    /// vmv.s.x and vfmv.s.f.
    pub(super) fn scalar_in(&mut self, value: u64) -> Done {
        self.need(self.vm && self.vs2 == 0)?;
        if self.v.vstart < self.v.vl {
            self.v.set_raw(self.vd, 0, self.v.sew, value);
        }
        Ok(0)
    }
}
