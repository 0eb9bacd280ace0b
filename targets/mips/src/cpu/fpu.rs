//! The float unit: FCSR, and arithmetic with the NaNs of MIPS. Volume I, chapter 5.
//!
//! NaNs have the legacy encoding: the highest bit of the fraction is set in a signalling one
//! (FCSR.NAN2008 is 0). The engine's unit takes the other one for granted, so that operands that
//! are NaNs never come to it.

use super::{Core, cause};
use crate::lift::{Calc, calc_of};
use hetemu_isa::ir::{FBin, FloatOp, Round};
use hetemu_isa::{Env, Exception, FloatPolicy, NanToInt};

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
    nan: u64,
}

const SINGLE: Format =
    Format { wide: false, fraction: 23, infinity: 0xff << 23, sign: 1 << 31, nan: 0x7fbf_ffff };
const DOUBLE: Format = Format {
    wide: true,
    fraction: 52,
    infinity: 0x7ff << 52,
    sign: 1 << 63,
    nan: 0x7ff7_ffff_ffff_ffff,
};

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
        match self.s.fcsr & 3 {
            0 => Round::Near,
            1 => Round::Zero,
            2 => Round::Up,
            _ => Round::Down,
        }
    }

    /// Runs an operation of the engine's unit on operands that are no NaN.
    fn unit(
        &self,
        op: FloatOp,
        round: Round,
        wide: bool,
        [a, b]: [u64; 2],
        long: bool,
        env: &mut dyn Env,
    ) -> Done {
        let (from, to) = match op {
            FloatOp::FromInt(long, _) => (long, wide),
            FloatOp::ToInt(long, _) => (wide, long),
            FloatOp::Convert(to) => (wide, to),
            _ => (wide, wide),
        };
        let _ = long;
        let size = |wide: bool| if wide { 8 } else { 4 };
        let (a, b) = (a.to_le_bytes(), b.to_le_bytes());
        let part = |bytes: &'_ [u8; 8]| bytes[..size(from)].to_vec();
        let second = if matches!(op, FloatOp::Bin(_)) { part(&b) } else { Vec::new() };
        let mut out = [0; 8];
        let args = [&part(&a)[..], &second[..], &[]];
        let flags = env.floats(&policy(), op, round, wide, args, &mut out[..size(to)]);
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
        let (calc, wide, long, keep) = calc_of(how);
        let f = Format::of(wide);
        let round = self.rounding();
        let binary = matches!(calc, Calc::Add | Calc::Sub | Calc::Mul | Calc::Div);
        let flush = self.s.fcsr & FS != 0;
        let [a, b] = [a, b].map(|v| match flush && calc != Calc::FromInt && f.is_subnormal(v) {
            true => v & f.sign,
            false => v,
        });
        let operands = if binary { vec![a, b] } else { vec![a] };
        let nan = calc != Calc::FromInt && operands.iter().any(|v| f.is_nan(*v));
        let to_int = |op: Round, core: &Core, env: &mut dyn Env| {
            let (v, flags) = core.unit(FloatOp::ToInt(long, true), op, wide, [a, b], long, env);
            // Whatever does not fit becomes the largest number.
            if flags & INVALID != 0 { (largest(long), INVALID) } else { (v, flags) }
        };
        let (value, flags) = match calc {
            Calc::Abs | Calc::Neg => {
                let flags = if f.is_signalling(a) { INVALID } else { 0 };
                (if calc == Calc::Abs { a & !f.sign } else { a ^ f.sign }, flags)
            }
            Calc::Convert if nan => convert_nan(f, Format::of(!wide), a),
            Calc::ToInt | Calc::RoundInt | Calc::TruncInt | Calc::CeilInt | Calc::FloorInt
                if nan =>
            {
                (largest(long), INVALID)
            }
            _ if nan => nan_result(f, &operands),
            Calc::Add => self.unit(FloatOp::Bin(FBin::Add), round, wide, [a, b], long, env),
            Calc::Sub => self.unit(FloatOp::Bin(FBin::Sub), round, wide, [a, b], long, env),
            Calc::Mul => self.unit(FloatOp::Bin(FBin::Mul), round, wide, [a, b], long, env),
            Calc::Div => self.unit(FloatOp::Bin(FBin::Div), round, wide, [a, b], long, env),
            Calc::Sqrt => self.unit(FloatOp::Sqrt, round, wide, [a, b], long, env),
            Calc::Recip => self.unit(FloatOp::Bin(FBin::Div), round, wide, [f.one(), a], long, env),
            Calc::Rsqrt => {
                let (root, flags) = self.unit(FloatOp::Sqrt, round, wide, [a, b], long, env);
                if f.is_nan(root) {
                    (root, flags)
                } else {
                    let op = FloatOp::Bin(FBin::Div);
                    let (v, more) = self.unit(op, round, wide, [f.one(), root], long, env);
                    (v, flags | more)
                }
            }
            Calc::Convert => self.unit(FloatOp::Convert(!wide), round, wide, [a, b], long, env),
            Calc::ToInt => to_int(round, self, env),
            Calc::RoundInt => to_int(Round::Near, self, env),
            Calc::TruncInt => to_int(Round::Zero, self, env),
            Calc::CeilInt => to_int(Round::Up, self, env),
            Calc::FloorInt => to_int(Round::Down, self, env),
            Calc::FromInt => {
                self.unit(FloatOp::FromInt(long, true), round, wide, [a, b], long, env)
            }
        };
        let to = match calc {
            Calc::Convert => Some(Format::of(!wide)),
            Calc::ToInt | Calc::RoundInt | Calc::TruncInt | Calc::CeilInt | Calc::FloorInt => None,
            _ => Some(f),
        };
        let done = match to {
            Some(f) if flush && f.is_subnormal(value) => {
                (value & f.sign, flags | INEXACT | UNDERFLOW)
            }
            _ => (value, flags),
        };
        self.settle(done.1, keep)?;
        Ok(done.0)
    }

    /// Notes the exceptions of an operation, and raises those that are enabled.
    fn settle(&mut self, flags: u64, keep: bool) -> Result<(), Exception> {
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

    /// C.cond: whether the condition holds.
    pub(crate) fn compare(&mut self, how: u64, a: u64, b: u64) -> Result<u64, Exception> {
        let f = Format::of(how & crate::lift::WIDE != 0);
        let cond = how & 15;
        let flush = self.s.fcsr & FS != 0;
        let [a, b] = [a, b].map(|v| if flush && f.is_subnormal(v) { v & f.sign } else { v });
        if f.is_nan(a) || f.is_nan(b) {
            let signalling = f.is_signalling(a) || f.is_signalling(b);
            let invalid = signalling || cond & 8 != 0;
            self.settle(if invalid { INVALID } else { 0 }, false)?;
            return Ok(cond & 1);
        }
        self.settle(0, false)?;
        // As sign and magnitude, both zeros equal.
        let order = |v: u64| {
            let magnitude = (v & !f.sign) as i64;
            if v & f.sign != 0 { -magnitude } else { magnitude }
        };
        let (a, b) = (order(a), order(b));
        Ok(u64::from(cond & 2 != 0 && a == b || cond & 4 != 0 && a < b))
    }

    /// FCSR with the condition codes in it.
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
    pub(crate) fn set_fcsr(&mut self, value: u64) -> u64 {
        self.s.fcsr = value & WRITABLE;
        value >> 23 & 1 | (value >> 25 & 0x7f) << 1
    }
}

fn largest(long: bool) -> u64 {
    if long { i64::MAX as u64 } else { i32::MAX as u64 }
}

/// The result of an operation one of whose operands is a NaN: a signalling one gives the default
/// NaN, else the first one is handed on.
fn nan_result(f: Format, operands: &[u64]) -> Done {
    if operands.iter().any(|v| f.is_signalling(*v)) {
        return (f.nan, INVALID);
    }
    (operands.iter().copied().find(|v| f.is_nan(*v)).unwrap_or(f.nan), 0)
}

fn convert_nan(from: Format, to: Format, v: u64) -> Done {
    if from.is_signalling(v) {
        return (to.nan, INVALID);
    }
    let fraction = v & ((1 << from.fraction) - 1);
    let fraction = match to.wide {
        true => fraction << (to.fraction - from.fraction),
        false => fraction >> (from.fraction - to.fraction),
    };
    let sign = if v & from.sign != 0 { to.sign } else { 0 };
    // A payload that is lost would leave an infinity.
    if fraction == 0 { (to.nan, 0) } else { (sign | to.infinity | fraction, 0) }
}
