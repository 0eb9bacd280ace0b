//! Permutations: slides, gathers, compression, whole-register moves (sections 30.16.3 to
//! 30.16.6).

use super::check::{aligned, overlap, size};
use super::elem::by_sew;
use super::{Done, Exec, Src};

impl Exec<'_> {
    /// A scalar index or amount, as wide as an integer register.
    fn amount(&self, src: Src) -> usize {
        match src {
            Src::X(x) => usize::try_from(x & self.hart.mask()).unwrap_or(usize::MAX),
            Src::V(_) => 0,
        }
    }

    pub(super) fn slide_up(&mut self, src: Src) -> Done {
        self.need(self.single(None) && self.vd != self.vs2)?;
        let by = self.amount(src);
        let first = self.v.vstart.max(by);
        by_sew!(self.v.sew, {
            for i in first..self.v.vl {
                if self.active(i) {
                    let value: U = self.v.get(self.vs2, i - by);
                    self.v.set(self.vd, i, value);
                }
            }
        });
        Ok(0)
    }

    pub(super) fn slide_down(&mut self, src: Src) -> Done {
        self.need(self.single(None))?;
        let (by, max) = (self.amount(src), self.v.vlmax());
        by_sew!(self.v.sew, {
            for i in self.body() {
                if self.active(i) {
                    let from = i.saturating_add(by);
                    let value: U = if from < max { self.v.get(self.vs2, from) } else { 0 };
                    self.v.set(self.vd, i, value);
                }
            }
        });
        Ok(0)
    }

    /// vslide1up and vfslide1up.
    pub(super) fn slide1_up(&mut self, x: u64) -> Done {
        self.need(self.single(None) && self.vd != self.vs2)?;
        by_sew!(self.v.sew, {
            for i in self.body() {
                if self.active(i) {
                    let value: U = if i == 0 { x as U } else { self.v.get(self.vs2, i - 1) };
                    self.v.set(self.vd, i, value);
                }
            }
        });
        Ok(0)
    }

    /// vslide1down and vfslide1down.
    pub(super) fn slide1_down(&mut self, x: u64) -> Done {
        self.need(self.single(None))?;
        let last = self.v.vl.wrapping_sub(1);
        by_sew!(self.v.sew, {
            for i in self.body() {
                if self.active(i) {
                    let value: U = if i == last { x as U } else { self.v.get(self.vs2, i + 1) };
                    self.v.set(self.vd, i, value);
                }
            }
        });
        Ok(0)
    }

    /// vrgather.vv, .vx, .vi.
    pub(super) fn gather(&mut self, src: Src) -> Done {
        let vs1 = matches!(src, Src::V(_)).then_some(self.vs1);
        let apart = self.vd != self.vs2 && vs1 != Some(self.vd);
        self.need(self.single(vs1) && apart)?;
        let (max, scalar) = (self.v.vlmax(), self.amount(src));
        by_sew!(self.v.sew, {
            for i in self.body() {
                if self.active(i) {
                    let from = match src {
                        Src::V(reg) => {
                            usize::try_from(self.v.get::<U>(reg, i)).unwrap_or(usize::MAX)
                        }
                        Src::X(_) => scalar,
                    };
                    let value: U = if from < max { self.v.get(self.vs2, from) } else { 0 };
                    self.v.set(self.vd, i, value);
                }
            }
        });
        Ok(0)
    }

    /// vrgatherei16.
    pub(super) fn gather16(&mut self) -> Done {
        let lmul = self.v.lmul;
        let index = lmul + 1 - self.v.sew as i8;
        let legal = (-3..=3).contains(&index)
            && self.single(Some(self.vs1).filter(|r| *r == 0))
            && (index == lmul || !overlap(self.vs1, size(index), self.vs2, size(lmul)))
            && aligned(self.vs1, index)
            && !overlap(self.vd, size(lmul), self.vs2, size(lmul))
            && !overlap(self.vd, size(lmul), self.vs1, size(index));
        self.need(legal)?;
        let max = self.v.vlmax();
        by_sew!(self.v.sew, {
            for i in self.body() {
                if self.active(i) {
                    let from = usize::from(self.v.get::<u16>(self.vs1, i));
                    let value: U = if from < max { self.v.get(self.vs2, from) } else { 0 };
                    self.v.set(self.vd, i, value);
                }
            }
        });
        Ok(0)
    }

    /// vcompress.
    pub(super) fn compress(&mut self) -> Done {
        let n = size(self.v.lmul);
        let apart = self.vd != self.vs2 && !overlap(self.vd, n, self.vs1, 1);
        self.need(self.vm && self.single(None) && apart && self.at_start())?;
        let mut to = 0;
        by_sew!(self.v.sew, {
            for i in 0..self.v.vl {
                if self.v.bit(self.vs1, i) {
                    let value: U = self.v.get(self.vs2, i);
                    self.v.set(self.vd, to, value);
                    to += 1;
                }
            }
        });
        Ok(0)
    }

    /// vmv1r.v to vmv8r.v.
    pub(super) fn move_whole(&mut self) -> Done {
        let n = self.vs1 + 1;
        let lmul = n.trailing_zeros() as i8;
        let legal = n.is_power_of_two() && n <= 8 && self.vm;
        self.need(legal && aligned(self.vd, lmul) && aligned(self.vs2, lmul))?;
        let vlenb = self.v.vlenb;
        // vstart counts elements of the current width.
        let skip = (self.v.vstart << self.v.sew).min(n * vlenb);
        let from = self.vs2 * vlenb;
        self.v.regs.copy_within(from + skip..from + n * vlenb, self.vd * vlenb + skip);
        Ok(0)
    }
}
