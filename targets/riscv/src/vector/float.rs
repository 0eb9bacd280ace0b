//! Float instructions (sections 30.13 and 30.14.3). Elements are packed, computed by the engine's
//! unit many at a time, and put back; reductions go one by one.

use super::elem::Elem;
use super::estimate::Format;
use super::{Done, Exec, Src};
use hetemu_isa::ir::{FBin, FCmp, FloatOp, Round};

/// Bytes of the largest group: eight registers of 512 bits.
const GROUP: usize = 8 * 64;

/// Packed elements.
type Pack = [u8; GROUP];

pub(super) const INVALID: u8 = 1;
pub(super) const DIV_BY_ZERO: u8 = 2;
pub(super) const OVERFLOW: u8 = 4;
pub(super) const INEXACT: u8 = 16;

impl Exec<'_> {
    fn round(&self) -> Round {
        match self.hart.frm() {
            0 => Round::Near,
            1 => Round::Zero,
            2 => Round::Down,
            3 => Round::Up,
            _ => Round::NearMax,
        }
    }

    fn wide(&self) -> bool {
        self.v.sew == 3
    }

    /// The float register operand as an element: a binary32 must be boxed.
    fn boxed(&self) -> u64 {
        match self.v.sew {
            3 => self.x,
            _ if self.x >> 32 == 0xffff_ffff => self.x & 0xffff_ffff,
            _ => 0x7fc0_0000,
        }
    }

    /// Active elements of a group, packed; their number.
    fn pack(&self, src: Src, sew: u8, into: &mut Pack) -> usize {
        let bytes = 1usize << sew;
        let body = self.body();
        if let (Src::V(reg), true) = (src, self.vm) {
            let at = reg * self.v.vlenb;
            let n = body.len() * bytes;
            into[..n].copy_from_slice(&self.v.regs[at + body.start * bytes..][..n]);
            return body.len();
        }
        let mut n = 0;
        for i in body {
            if self.active(i) {
                let value = match src {
                    Src::V(reg) => self.v.raw(reg, i, sew),
                    Src::X(x) => x,
                };
                into[n * bytes..][..bytes].copy_from_slice(&value.to_le_bytes()[..bytes]);
                n += 1;
            }
        }
        n
    }

    /// Packed results to the active elements of vd.
    fn unpack(&mut self, sew: u8, from: &Pack) {
        let bytes = 1usize << sew;
        let at = self.vd * self.v.vlenb;
        let body = self.body();
        if self.vm {
            let n = body.len() * bytes;
            self.v.regs[at + body.start * bytes..][..n].copy_from_slice(&from[..n]);
            return;
        }
        let mut n = 0;
        for i in body {
            if self.active(i) {
                let to = at + i * bytes;
                self.v.regs[to..to + bytes].copy_from_slice(&from[n * bytes..][..bytes]);
                n += 1;
            }
        }
    }

    /// Has the unit compute `n` elements.
    fn compute(
        &mut self,
        op: FloatOp,
        round: Round,
        wide: bool,
        args: [&Pack; 3],
        n: usize,
    ) -> Pack {
        let operand = match op {
            FloatOp::FromInt(from, _) => 4 << u8::from(from),
            _ => 4 << u8::from(wide),
        };
        let result = match op {
            FloatOp::Cmp(_) => 1,
            FloatOp::Convert(to) | FloatOp::ToInt(to, _) => 4 << u8::from(to),
            _ => 4 << u8::from(wide),
        };
        let mut out = [0; GROUP];
        let policy = self.hart.float_policy();
        let args = args.map(|a| &a[..n * operand]);
        let to = &mut out[..n * result];
        self.flags |= self.env.floats(&policy, op, round, wide, args, to);
        out
    }

    /// OPFVV, OPFVF.
    pub(super) fn opf(&mut self, src: Src) -> Done {
        let vs1 = matches!(src, Src::V(_)).then_some(self.vs1);
        let scalar = vs1.is_none();
        let op = self.word >> 26;
        // Conversions between integers and floats also name widths below 32.
        if op == 0x12 {
            self.need(!scalar)?;
            return self.convert();
        }
        self.need(self.v.sew >= 2)?;
        let src = if scalar { Src::X(self.boxed()) } else { src };
        let x = self.boxed();
        match op {
            0x00 => self.two(FBin::Add, src, false),
            0x02 => self.two(FBin::Sub, src, false),
            0x04 => self.two(FBin::Min, src, false),
            0x06 => self.two(FBin::Max, src, false),
            0x20 => self.two(FBin::Div, src, false),
            0x21 if scalar => self.two(FBin::Div, src, true),
            0x24 => self.two(FBin::Mul, src, false),
            0x27 if scalar => self.two(FBin::Sub, src, true),
            0x01 | 0x03 | 0x05 | 0x07 if !scalar => self.reduce_float(op),
            0x08..=0x0a => self.sign(src, op & 3),
            0x0e if scalar => self.slide1_up(x),
            0x0f if scalar => self.slide1_down(x),
            0x10 if scalar => self.scalar_in(x),
            0x10 => {
                self.need(self.vm && self.vs1 == 0)?;
                let value = self.v.raw(self.vs2, 0, self.v.sew);
                Ok(if self.wide() { value } else { value | !0 << 32 })
            }
            0x13 if !scalar => self.unary(),
            0x17 if scalar => self.merge(src),
            0x18 => self.compare(FCmp::Eq, src, false, false),
            0x19 => self.compare(FCmp::Le, src, false, false),
            0x1b => self.compare(FCmp::Lt, src, false, false),
            0x1c => self.compare(FCmp::Eq, src, false, true),
            0x1d if scalar => self.compare(FCmp::Lt, src, true, false),
            0x1f if scalar => self.compare(FCmp::Le, src, true, false),
            0x28..=0x2f => self.multiply_add(src, op),
            0x31 | 0x33 if !scalar => self.reduce_float_wide(),
            0x30 | 0x32 | 0x34 | 0x36 | 0x38 | 0x3c..=0x3f => self.widen_float(src, op),
            _ => Err(self.illegal()),
        }
    }

    /// Packs `vs2` and `src`, or the other way round; gives the number of elements.
    fn operands(&self, src: Src, reverse: bool, a: &mut Pack, b: &mut Pack) -> usize {
        let (first, second) = if reverse { (b, a) } else { (a, b) };
        let n = self.pack(Src::V(self.vs2), self.v.sew, first);
        self.pack(src, self.v.sew, second);
        n
    }

    /// `vs2 op src`, or the other way round.
    fn two(&mut self, op: FBin, src: Src, reverse: bool) -> Done {
        let vs1 = matches!(src, Src::V(_)).then_some(self.vs1);
        self.need(self.single(vs1))?;
        let (mut a, mut b) = ([0; GROUP], [0; GROUP]);
        let sew = self.v.sew;
        let n = self.operands(src, reverse, &mut a, &mut b);
        let (round, wide) = (self.round(), self.wide());
        let out = self.compute(FloatOp::Bin(op), round, wide, [&a, &b, &a], n);
        self.unpack(sew, &out);
        Ok(0)
    }

    /// The eight forms of multiply-add.
    fn multiply_add(&mut self, src: Src, op: u32) -> Done {
        let vs1 = matches!(src, Src::V(_)).then_some(self.vs1);
        self.need(self.single(vs1))?;
        let (mut a, mut b, mut d) = ([0; GROUP], [0; GROUP], [0; GROUP]);
        let sew = self.v.sew;
        let n = self.pack(Src::V(self.vs2), sew, &mut a);
        self.pack(src, sew, &mut b);
        self.pack(Src::V(self.vd), sew, &mut d);
        // The first four multiply by vd and add vs2.
        if op < 0x2c {
            std::mem::swap(&mut a, &mut d);
        }
        let fma = negations(op);
        let (round, wide) = (self.round(), self.wide());
        let out = self.compute(fma, round, wide, [&b, &a, &d], n);
        self.unpack(sew, &out);
        Ok(0)
    }

    /// Widening addition, subtraction, multiplication and multiply-add.
    fn widen_float(&mut self, src: Src, op: u32) -> Done {
        let vs1 = matches!(src, Src::V(_)).then_some(self.vs1);
        let wide = matches!(op, 0x34 | 0x36);
        self.need(self.v.sew == 2 && self.widens(vs1, wide))?;
        let (mut a, mut b, mut d) = ([0; GROUP], [0; GROUP], [0; GROUP]);
        let n = self.pack(Src::V(self.vs2), if wide { 3 } else { 2 }, &mut a);
        self.pack(src, 2, &mut b);
        let up = FloatOp::Convert(true);
        if !wide {
            a = self.compute(up, Round::Near, false, [&a, &a, &a], n);
        }
        b = self.compute(up, Round::Near, false, [&b, &b, &b], n);
        let what = match op {
            0x30 | 0x34 => FloatOp::Bin(FBin::Add),
            0x32 | 0x36 => FloatOp::Bin(FBin::Sub),
            0x38 => FloatOp::Bin(FBin::Mul),
            _ => {
                self.pack(Src::V(self.vd), 3, &mut d);
                negations(op)
            }
        };
        let round = self.round();
        let out = self.compute(what, round, true, [&a, &b, &d], n);
        self.unpack(3, &out);
        Ok(0)
    }

    /// vfsgnj, vfsgnjn, vfsgnjx.
    fn sign(&mut self, src: Src, kind: u32) -> Done {
        let vs1 = matches!(src, Src::V(_)).then_some(self.vs1);
        self.need(self.single(vs1))?;
        let sew = self.v.sew;
        let sign = 1u64 << ((8 << sew) - 1);
        for i in self.body() {
            if !self.active(i) {
                continue;
            }
            let a = self.v.raw(self.vs2, i, sew);
            let b = match src {
                Src::V(reg) => self.v.raw(reg, i, sew),
                Src::X(x) => x,
            };
            let value = match kind {
                0 => a & !sign | b & sign,
                1 => a & !sign | !b & sign,
                _ => a ^ b & sign,
            };
            self.v.set_raw(self.vd, i, sew, value);
        }
        Ok(0)
    }

    /// Comparisons; vmfne is the complement of vmfeq.
    fn compare(&mut self, op: FCmp, src: Src, reverse: bool, not: bool) -> Done {
        let vs1 = matches!(src, Src::V(_)).then_some(self.vs1);
        self.need(self.to_mask(vs1))?;
        let (mut a, mut b) = ([0; GROUP], [0; GROUP]);
        let n = self.operands(src, reverse, &mut a, &mut b);
        let wide = self.wide();
        let out = self.compute(FloatOp::Cmp(op), Round::Near, wide, [&a, &b, &a], n);
        let mut bits = [0u8; 64];
        let mut results = out.iter();
        for i in self.body() {
            if self.active(i) {
                let holds = results.next().is_some_and(|r| (*r != 0) != not);
                bits[i / 8] |= u8::from(holds) << (i % 8);
            }
        }
        self.write_mask(&bits, false);
        Ok(0)
    }

    /// vfsqrt, vfrsqrt7, vfrec7, vfclass.
    fn unary(&mut self) -> Done {
        self.need(matches!(self.vs1, 0 | 4 | 5 | 16) && self.single(None))?;
        let (sew, wide, round) = (self.v.sew, self.wide(), self.round());
        if self.vs1 == 0 {
            let mut a = [0; GROUP];
            let n = self.pack(Src::V(self.vs2), sew, &mut a);
            let out = self.compute(FloatOp::Sqrt, round, wide, [&a, &a, &a], n);
            self.unpack(sew, &out);
            return Ok(0);
        }
        let f = Format::of(wide);
        for i in self.body() {
            if self.active(i) {
                let a = self.v.raw(self.vs2, i, sew);
                let (value, flags) = match self.vs1 {
                    4 => f.reciprocal_root(a),
                    5 => f.reciprocal(a, round),
                    _ => (f.class(a), 0),
                };
                self.flags |= flags;
                self.v.set_raw(self.vd, i, sew, value);
            }
        }
        Ok(0)
    }

    /// Conversions (section 30.13.17 and on).
    fn convert(&mut self) -> Done {
        let (kind, sew) = (self.vs1, self.v.sew);
        // The width of the float (of the wider one, if both are).
        let (group, what) = (kind >> 3, kind & 7);
        let float_sew = match (group, what) {
            (0, _) => sew,
            (1, 2 | 3) => sew + 1,
            (1, _) => sew,
            (2, 2..=5) => sew,
            _ => sew + 1,
        };
        let legal = match group {
            0 => what != 4 && what != 5 && self.single(None),
            1 => what != 5 && self.widens(None, false),
            2 => self.narrows(None),
            _ => false,
        };
        self.need(legal && (2..=3).contains(&float_sew))?;
        let (from, to) = match group {
            0 => (sew, sew),
            1 => (sew, sew + 1),
            _ => (sew + 1, sew),
        };
        let (toward_zero, sign) = (what >= 6, what & 1 != 0);
        let round = if toward_zero { Round::Zero } else { self.round() };
        let mut a = [0; GROUP];
        let n = self.pack(Src::V(self.vs2), from, &mut a);
        let out = match what {
            4 | 5 => {
                let odd = what == 5;
                let round = if odd { Round::Zero } else { round };
                let up = to == 3;
                if odd {
                    self.convert_to_odd(&a, n)
                } else {
                    self.compute(FloatOp::Convert(up), round, from == 3, [&a, &a, &a], n)
                }
            }
            2 | 3 => {
                let (mut ints, mut from) = (a, from);
                if from == 1 {
                    (ints, from) = (widen_ints(&a, n, sign), 2);
                }
                let op = FloatOp::FromInt(from == 3, sign);
                self.compute(op, round, to == 3, [&ints, &ints, &ints], n)
            }
            _ => {
                let op = FloatOp::ToInt(to == 3, sign);
                if to == 1 {
                    self.convert_to_short(&a, n, round, sign)
                } else {
                    self.compute(op, round, from == 3, [&a, &a, &a], n)
                }
            }
        };
        self.unpack(to, &out);
        Ok(0)
    }

    /// To binary32, inexact results to the odd one of the two neighbours.
    fn convert_to_odd(&mut self, a: &Pack, n: usize) -> Pack {
        let mut out = [0; GROUP];
        for i in 0..n {
            let mut one = [0; GROUP];
            one[..8].copy_from_slice(&a[i * 8..i * 8 + 8]);
            let before = std::mem::take(&mut self.flags);
            let mut done =
                self.compute(FloatOp::Convert(false), Round::Zero, true, [&one, &one, &one], 1);
            done[0] |= u8::from(self.flags & INEXACT != 0);
            self.flags |= before;
            out[i * 4..i * 4 + 4].copy_from_slice(&done[..4]);
        }
        out
    }

    /// From binary32 to integers of 16 bits.
    fn convert_to_short(&mut self, a: &Pack, n: usize, round: Round, sign: bool) -> Pack {
        let mut out = [0; GROUP];
        for i in 0..n {
            let mut one = [0; GROUP];
            one[..4].copy_from_slice(&a[i * 4..i * 4 + 4]);
            let before = std::mem::take(&mut self.flags);
            let done =
                self.compute(FloatOp::ToInt(false, sign), round, false, [&one, &one, &one], 1);
            let value = u32::read(&done, 0);
            let (value, fits) = if sign {
                let v = (value as i32).clamp(i16::MIN.into(), i16::MAX.into());
                (v as u16, v == value as i32)
            } else {
                let v = value.min(u16::MAX.into());
                (v as u16, v == value)
            };
            self.flags = before | if fits { self.flags } else { INVALID };
            out[i * 2..i * 2 + 2].copy_from_slice(&value.to_le_bytes());
        }
        out
    }

    /// One operation on single elements.
    fn one(&mut self, op: FloatOp, round: Round, wide: bool, a: u64, b: u64) -> u64 {
        let result_wide = if let FloatOp::Convert(to) = op { to } else { wide };
        let (a, b) = (a.to_le_bytes(), b.to_le_bytes());
        let n = 4 << u8::from(wide);
        let mut out = [0; 8];
        let to = &mut out[..4 << u8::from(result_wide)];
        let policy = self.hart.float_policy();
        self.flags |= self.env.floats(&policy, op, round, wide, [&a[..n], &b[..n], &[]], to);
        u64::from_le_bytes(out)
    }

    /// Sums (in order, both kinds), minimum, maximum.
    fn reduce_float(&mut self, op: u32) -> Done {
        self.need(self.group(self.vs2) && self.at_start())?;
        if self.v.vl == 0 {
            return Ok(0);
        }
        let op = match op {
            5 => FBin::Min,
            7 => FBin::Max,
            _ => FBin::Add,
        };
        let (sew, wide, round) = (self.v.sew, self.wide(), self.round());
        let mut all = self.v.raw(self.vs1, 0, sew);
        for i in 0..self.v.vl {
            if self.active(i) {
                let value = self.v.raw(self.vs2, i, sew);
                all = self.one(FloatOp::Bin(op), round, wide, all, value);
            }
        }
        self.v.set_raw(self.vd, 0, sew, all);
        Ok(0)
    }

    /// Widening sums, in order.
    fn reduce_float_wide(&mut self) -> Done {
        self.need(self.group(self.vs2) && self.at_start() && self.v.sew == 2)?;
        if self.v.vl == 0 {
            return Ok(0);
        }
        let round = self.round();
        let mut all = self.v.raw(self.vs1, 0, 3);
        for i in 0..self.v.vl {
            if self.active(i) {
                let value = self.v.raw(self.vs2, i, 2);
                let value = self.one(FloatOp::Convert(true), round, false, value, 0);
                all = self.one(FloatOp::Bin(FBin::Add), round, true, all, value);
            }
        }
        self.v.set_raw(self.vd, 0, 3, all);
        Ok(0)
    }
}

/// Product and addend are negated: macc, nmacc, msac, nmsac and the like, by the low bits.
fn negations(op: u32) -> FloatOp {
    match op & 3 {
        0 => FloatOp::Fma(false, false),
        1 => FloatOp::Fma(true, true),
        2 => FloatOp::Fma(false, true),
        _ => FloatOp::Fma(true, false),
    }
}

/// Integers of 16 bits to 32.
fn widen_ints(a: &Pack, n: usize, sign: bool) -> Pack {
    let mut out = [0; GROUP];
    for i in 0..n {
        let value = u16::from_le_bytes([a[2 * i], a[2 * i + 1]]);
        let value = if sign { value as i16 as u32 } else { value.into() };
        out[4 * i..4 * i + 4].copy_from_slice(&value.to_le_bytes());
    }
    out
}
