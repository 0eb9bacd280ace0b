//! The float unit: FCSR, and arithmetic with the NaNs of MIPS. Volume I, chapter 5.
//!
//! NaNs have the legacy encoding: the highest bit of the fraction is set in a signalling one
//! (FCSR.NAN2008 is 0).
//!
//! While no trap is enabled and FS is clear, operations are IR, and FCSR lags behind: flags gather
//! in a slot of their own, and the causes are those of an operation that slots name
//! ([`regs::FOP`]), which is done again when somebody looks. Else each is a call of what is here.

use super::{Core, cause};
use crate::lift::{COMPARES, Calc, KEEP, SUBTRACTS, SUMS, WIDE, calc_of};
use crate::regs;
use hetemu_isa::ir::{FBin, FloatOp, Round};
use hetemu_isa::{Env, Exception, FloatPolicy, NanToInt, Regs};

/// Exceptions in the order of FCSR's fields, from the lowest bit on; the engine counts the other
/// way round.
const INEXACT: u64 = 1;
const UNDERFLOW: u64 = 2;
const INVALID: u64 = 16;

/// FCSR's fields: flags, enables, causes, flush to zero.
const FLAGS_LSB: u32 = 2;
const ENABLES_LSB: u32 = 7;
const CAUSES_LSB: u32 = 12;
const CAUSES: u64 = 0x3f << CAUSES_LSB;
const FS: u64 = 1 << 24;
/// What a write can change, but for condition codes.
const WRITABLE: u64 = CAUSES | 0x1f << ENABLES_LSB | 0x1f << FLAGS_LSB | FS | 3;

/// Of the engine's unit.
pub(crate) fn policy() -> FloatPolicy {
    FloatPolicy {
        flags: crate::regs::FLAGS,
        flag_bits: [4, 3, 2, 1, 0],
        default_nan: false,
        legacy_nan: true,
        nan32: 0x7fbf_ffff,
        nan64: 0x7ff7_ffff_ffff_ffff,
        tiny_before: false,
        nan_to_int: NanToInt::Largest,
    }
}

/// A format's bits.
#[derive(Clone, Copy)]
struct Format {
    wide: bool,
    fraction: u32,
    infinity: u64,
    sign: u64,
}

const SINGLE: Format = Format { wide: false, fraction: 23, infinity: 0xff << 23, sign: 1 << 31 };
const DOUBLE: Format = Format { wide: true, fraction: 52, infinity: 0x7ff << 52, sign: 1 << 63 };

impl Format {
    fn of(wide: bool) -> Format {
        if wide { DOUBLE } else { SINGLE }
    }
    fn is_nan(self, v: u64) -> bool {
        v & !self.sign > self.infinity
    }
    fn is_signalling(self, v: u64) -> bool {
        self.is_nan(v) && v >> (self.fraction - 1) & 1 != 0
    }
    fn is_subnormal(self, v: u64) -> bool {
        v & self.infinity == 0 && v & !self.sign != 0
    }
    fn one(self) -> u64 {
        if self.wide { 1023 << 52 } else { 127 << 23 }
    }
}

/// A result and its exceptions.
type Done = (u64, u64);

impl Core {
    fn rounding(&self) -> Round {
        rounding(self.s.fcsr & 3)
    }

    /// Runs an operation of the engine's unit.
    fn unit(
        &self,
        op: FloatOp,
        round: Round,
        wide: bool,
        args: [u64; 2],
        env: &mut dyn Env,
    ) -> Done {
        let (from, to) = match op {
            FloatOp::FromInt(long, _) => (long, wide),
            FloatOp::ToInt(long, _) => (wide, long),
            FloatOp::Convert(to) => (wide, to),
            _ => (wide, wide),
        };
        let size = |wide: bool| if wide { 8 } else { 4 };
        let [a, b] = args.map(u64::to_le_bytes);
        let second = if matches!(op, FloatOp::Bin(_)) { size(from) } else { 0 };
        let mut out = [0; 8];
        let args = [&a[..size(from)], &b[..second], &[]];
        let flags = env.floats(&self.layout.float, op, round, wide, args, &mut out[..size(to)]);
        // Invalid is the engine's lowest bit and FCSR's highest.
        let flags = (0..5).filter(|i| flags >> i & 1 != 0).fold(0, |all, i| all | 1 << (4 - i));
        (u64::from_le_bytes(out), flags)
    }

    /// A float operation: see [`crate::lift::calls::FLOAT`].
    pub(crate) fn calculate(
        &mut self,
        how: u64,
        a: u64,
        b: u64,
        env: &mut dyn Env,
    ) -> Result<u64, Exception> {
        let (value, flags) = self.compute(how, a, b, env);
        self.note(flags, how & KEEP != 0)?;
        Ok(value)
    }

    fn compute(&self, how: u64, a: u64, b: u64, env: &mut dyn Env) -> Done {
        let (calc, wide, long) = calc_of(how);
        let f = Format::of(wide);
        let round = self.rounding();
        let flush = self.s.fcsr & FS != 0;
        let [a, b] = [a, b].map(|v| match flush && calc != Calc::FromInt && f.is_subnormal(v) {
            true => v & f.sign,
            false => v,
        });
        let bin = |op| (FloatOp::Bin(op), round, [a, b]);
        let to_int = |round| (FloatOp::ToInt(long, true), round, [a, b]);
        let (op, round, args) = match calc {
            Calc::Abs | Calc::Neg => {
                let flags = if f.is_signalling(a) { INVALID } else { 0 };
                return (if calc == Calc::Abs { a & !f.sign } else { a ^ f.sign }, flags);
            }
            Calc::Add => bin(FBin::Add),
            Calc::Sub => bin(FBin::Sub),
            Calc::Mul => bin(FBin::Mul),
            Calc::Div => bin(FBin::Div),
            Calc::Sqrt | Calc::Rsqrt => (FloatOp::Sqrt, round, [a, b]),
            Calc::Recip => (FloatOp::Bin(FBin::Div), round, [f.one(), a]),
            Calc::Convert => (FloatOp::Convert(!wide), round, [a, b]),
            Calc::ToInt => to_int(round),
            Calc::RoundInt => to_int(Round::Near),
            Calc::TruncInt => to_int(Round::Zero),
            Calc::CeilInt => to_int(Round::Up),
            Calc::FloorInt => to_int(Round::Down),
            Calc::FromInt => (FloatOp::FromInt(long, true), round, [a, b]),
        };
        let (mut value, mut flags) = self.unit(op, round, wide, args, env);
        if calc == Calc::Rsqrt {
            let op = FloatOp::Bin(FBin::Div);
            let (v, more) = self.unit(op, round, wide, [f.one(), value], env);
            (value, flags) = (v, flags | more);
        }
        let to = match op {
            FloatOp::Convert(_) => Some(Format::of(!wide)),
            FloatOp::ToInt(..) => None,
            _ => Some(f),
        };
        match to {
            Some(f) if flush && f.is_subnormal(value) => {
                (value & f.sign, flags | INEXACT | UNDERFLOW)
            }
            _ => (value, flags),
        }
    }

    /// Notes the exceptions of an operation, and raises those that are enabled.
    fn note(&mut self, flags: u64, keep: bool) -> Result<(), Exception> {
        if !keep {
            self.s.fcsr &= !CAUSES;
        }
        self.s.fcsr |= flags << CAUSES_LSB;
        if flags & self.s.fcsr >> ENABLES_LSB & 0x1f != 0 {
            return Err(Exception { cause: cause::FLOAT, value: 0 });
        }
        self.s.fcsr |= flags << FLAGS_LSB;
        Ok(())
    }

    /// Has FCSR say what lifted code has left to be computed: the flags, and the causes of the last
    /// operation, which is done again for them.
    pub(crate) fn settle_fcsr(&mut self, regs: &mut Regs, env: &mut dyn Env) {
        self.s.fcsr |= std::mem::take(&mut regs.0[usize::from(regs::FLAGS.0)]) << FLAGS_LSB;
        let how = std::mem::take(&mut regs.0[usize::from(regs::FOP.0)]);
        if how == 0 {
            return;
        }
        let [a, b, c] = [regs::FA, regs::FB, regs::FC].map(|slot| regs.get(slot));
        let flags = if how & COMPARES != 0 {
            self.order(how, a, b).1
        } else {
            let (value, flags) = self.compute(how, a, b, env);
            let sum = if how & SUBTRACTS != 0 { Calc::Sub } else { Calc::Add };
            let sum = sum as u64 | how & WIDE;
            let more = if how & SUMS != 0 { self.compute(sum, value, c, env).1 } else { 0 };
            flags | more
        };
        self.s.fcsr = self.s.fcsr & !CAUSES | flags << CAUSES_LSB;
    }

    /// C.cond: whether the condition holds.
    pub(crate) fn compare(&mut self, how: u64, a: u64, b: u64) -> Result<u64, Exception> {
        let (holds, flags) = self.order(how, a, b);
        self.note(flags, false)?;
        Ok(u64::from(holds))
    }

    fn order(&self, how: u64, a: u64, b: u64) -> (bool, u64) {
        let f = Format::of(how & WIDE != 0);
        let cond = how & 15;
        let flush = self.s.fcsr & FS != 0;
        let [a, b] = [a, b].map(|v| if flush && f.is_subnormal(v) { v & f.sign } else { v });
        if f.is_nan(a) || f.is_nan(b) {
            let signalling = f.is_signalling(a) || f.is_signalling(b);
            let invalid = signalling || cond & 8 != 0;
            return (cond & 1 != 0, if invalid { INVALID } else { 0 });
        }
        // As sign and magnitude, both zeros equal.
        let order = |v: u64| {
            let magnitude = (v & !f.sign) as i64;
            if v & f.sign != 0 { -magnitude } else { magnitude }
        };
        let (a, b) = (order(a), order(b));
        (cond & 2 != 0 && a == b || cond & 4 != 0 && a < b, 0)
    }

    /// Whether operations need the unit of this file: traps are enabled, or small numbers flushed.
    pub(crate) fn is_special(&self) -> bool {
        self.s.fcsr & (FS | 0x1f << ENABLES_LSB) != 0
    }

    /// FCSR with the condition codes in it, once it is settled.
    pub(crate) fn fcsr(&self, codes: u64) -> u64 {
        self.s.fcsr | (codes & 1) << 23 | (codes >> 1 & 0x7f) << 25
    }

    /// CFC1.
    pub(crate) fn read_float_control(&self, n: u64, codes: u64) -> u64 {
        match n {
            0 => self.isa.fir.into(),
            25 => codes & 0xff,
            26 => self.s.fcsr & (CAUSES | 0x1f << FLAGS_LSB),
            28 => self.s.fcsr & (0x1f << ENABLES_LSB | 3) | (self.s.fcsr >> 24 & 1) << 2,
            31 => self.fcsr(codes),
            _ => 0,
        }
    }

    /// CTC1: the new condition codes.
    pub(crate) fn write_float_control(
        &mut self,
        n: u64,
        value: u64,
        codes: u64,
    ) -> Result<u64, Exception> {
        let mut codes = codes;
        let old = self.s.fcsr;
        self.s.fcsr = match n {
            25 => {
                codes = value & 0xff;
                old
            }
            26 => {
                let mask = CAUSES | 0x1f << FLAGS_LSB;
                old & !mask | value & mask
            }
            28 => {
                let mask = 0x1f << ENABLES_LSB | 3;
                old & !mask & !FS | value & mask | (value >> 2 & 1) << 24
            }
            31 => {
                codes = value >> 23 & 1 | (value >> 25 & 0x7f) << 1;
                value & WRITABLE
            }
            _ => old,
        };
        // An unimplemented operation cannot be masked.
        let enabled = self.s.fcsr >> ENABLES_LSB & 0x1f | 0x20;
        if self.s.fcsr >> CAUSES_LSB & enabled != 0 {
            return Err(Exception { cause: cause::FLOAT, value: 0 });
        }
        Ok(codes)
    }

    /// Sets FCSR from a debugger; gives the condition codes.
    pub(crate) fn set_fcsr(&mut self, value: u64, regs: &mut Regs) {
        self.s.fcsr = value & WRITABLE;
        let codes = value >> 23 & 1 | (value >> 25 & 0x7f) << 1;
        for (slot, value) in [(regs::FCC, codes), (regs::FLAGS, 0), (regs::FOP, 0)] {
            regs.set(slot, value);
        }
    }
}

/// The rounding of a field RM.
pub(crate) fn rounding(mode: u64) -> Round {
    match mode & 3 {
        0 => Round::Near,
        1 => Round::Zero,
        2 => Round::Up,
        _ => Round::Down,
    }
}
