//! The border between Rust and compiled code: entering it, and what it calls.
//!
//! Compiled code has the signature `tail fn(frame, left) -> left`; a trampoline makes a C function
//! of it. Slow paths come through thunks that preserve all registers, as C functions with the
//! frame, whose
//! `context` leads to the Rust side; what they give lies in the frame.
#![allow(unsafe_code)]

use crate::float::{self, Unit};
use crate::frame::Frame;
use crate::mmu::{Acc, Outer};
use hetemu_isa::ir::{Bin, FBin, FCmp, Inst, Round, Ty};
use hetemu_isa::{Cpu, Exception, Mode};

/// What slow paths of compiled code work on.
pub(crate) struct SlowCx<'a, 'b> {
    pub(crate) cpu: &'a mut dyn Cpu,
    pub(crate) out: &'a mut Outer<'b>,
    pub(crate) unit: &'a Unit,
    /// Steps of the run, less those left, are done before an instruction.
    pub(crate) steps: u64,
    /// The mode that code was translated for.
    pub(crate) mode: Mode,
    /// The instruction at which compiled code was left has raised.
    pub(crate) raised: Option<Exception>,
}

impl SlowCx<'_, '_> {
    /// Has the flags' slot say which exceptions the host's float unit has met.
    pub(crate) fn settle_floats(&self, frame: &mut Frame) {
        let mut flags = if frame.floats != 0 { sticky::flags() } else { 0 };
        if flags != 0 {
            sticky::clear();
            // Which NaNs are signalling is not the host's to say. Whatever is invalid has a NaN, or
            // does not fit an integer, and so went out of line.
            if self.unit.policy.legacy_nan {
                flags &= !float::INVALID;
            }
            let slot = usize::from(self.unit.policy.flags.0);
            frame.regs.0[slot] |= self.unit.flag_bits(flags);
        }
    }

    /// Forgets what Rust has done to the host's float unit since.
    pub(crate) fn forget_floats(&self) {
        sticky::clear();
    }
}

/// Runs compiled code; gives the steps left. The program counter's slot says where it went.
pub(crate) fn enter(
    trampoline: usize,
    code: usize,
    frame: &mut Frame,
    cx: &mut SlowCx<'_, '_>,
    left: u64,
) -> u64 {
    frame.context = std::ptr::from_mut(cx).cast();
    frame.refused = 0;
    frame.again = 0;
    frame.floats = 0;
    frame.stop = 0;
    // Reading the host's flags is slow. They are clear after compiled code with floats; only what
    // Rust has run since, devices and targets, may have raised any.
    if std::mem::take(&mut cx.out.events.host_floats) {
        sticky::clear();
    }
    // SAFETY: both addresses are code that this engine compiled with these signatures and that is
    // still in the arena. The frame and the context outlive the call, and Rust does not touch
    // either meanwhile but through the pointers that the code passes to the functions below.
    let left = unsafe {
        let call: extern "C" fn(*mut Frame, u64, usize) -> u64 = std::mem::transmute(trampoline);
        call(frame, left, code)
    };
    cx.settle_floats(frame);
    frame.context = std::ptr::null_mut();
    left
}

/// The host's accrued float exceptions.
#[cfg(target_arch = "x86_64")]
pub(super) mod sticky {
    use std::arch::asm;

    fn read() -> u32 {
        let mut csr = 0u32;
        // SAFETY: stores the control register into the variable.
        unsafe { asm!("stmxcsr [{}]", in(reg) &mut csr, options(nostack, preserves_flags)) };
        csr
    }

    fn write(csr: u32) {
        // SAFETY: only sticky flags change, which nothing in Rust relies on.
        unsafe { asm!("ldmxcsr [{}]", in(reg) &csr, options(nostack, preserves_flags, readonly)) };
    }

    /// Forgets exceptions so far.
    pub(in crate::jit) fn clear() {
        let csr = read();
        if csr & 0x3f != 0 {
            write(csr & !0x3f);
        }
    }

    /// Exceptions so far, for `restore`.
    pub(in crate::jit) fn save() -> u32 {
        read()
    }

    /// Forgets exceptions since `save`.
    pub(in crate::jit) fn restore(saved: u32) {
        let csr = read();
        if csr != saved {
            write(csr & !0x3f | saved & 0x3f);
        }
    }

    /// Exceptions as [`crate::float`] counts them.
    pub(in crate::jit) fn flags() -> u8 {
        let csr = read();
        (csr & 1 | csr >> 1 & 0x1e) as u8
    }
}

/// Other hosts compile no float operations.
#[cfg(not(target_arch = "x86_64"))]
pub(super) mod sticky {
    pub(in crate::jit) fn clear() {}
    pub(in crate::jit) fn save() -> u32 {
        0
    }
    pub(in crate::jit) fn restore(_: u32) {}
    pub(in crate::jit) fn flags() -> u8 {
        0
    }
}

/// Whether float operations of round-to-nearest run on the host's unit, and flags are read from it.
pub(crate) const HOST_FLOAT: bool = cfg!(target_arch = "x86_64");

/// Said in the frame's `refused`: too few steps are left for compiled code to go on.
pub(crate) const SPENT: u64 = 2;

/// Bit of a memory descriptor: a store.
pub(crate) const STORE: u64 = 1 << 16;

/// A load or store that the TLB did not answer. Refuses whatever only the interpreter does.
pub(crate) extern "C" fn slow_memory(frame: *mut Frame) {
    // SAFETY: compiled code passes the frame that it was entered with, whose context `enter` set;
    // both live, and are not otherwise borrowed, until the code returns.
    let (frame, cx) = unsafe {
        let frame = &mut *frame;
        let cx = &mut *frame.context.cast::<SlowCx<'_, '_>>();
        (frame, cx)
    };
    let (va, desc, value) = (frame.va, frame.desc, frame.value);
    let acc = Acc(desc as u16);
    cx.out.done = cx.steps.wrapping_sub(frame.left);
    // A device may use the float unit, whose flags are the guest's: now, or if code with floats
    // comes next. Before such code they are clear.
    let flags = if frame.floats != 0 { Some(sticky::save()) } else { None };
    let done = if desc & STORE == 0 {
        cx.out.quick_load(cx.cpu, va, acc).map(|value| frame.result = value)
    } else {
        cx.out.quick_store(cx.cpu, va, acc, value)
    };
    match flags {
        Some(flags) => sticky::restore(flags),
        None if cx.out.events.host_floats => sticky::clear(),
        None => {}
    }
    frame.refused = u64::from(done.is_none());
}

/// A computation that is not inline: `desc` is a [`Calc`], packed.
pub(crate) extern "C" fn slow_calc(frame: *mut Frame, desc: u64, a: u64, b: u64, c: u64) {
    // SAFETY: as in `slow_memory`.
    let (frame, unit) = unsafe {
        let frame = &mut *frame;
        let cx = &*frame.context.cast::<SlowCx<'_, '_>>();
        (frame, cx.unit)
    };
    let (value, flags) = Calc::unpack(desc).run(unit, a, b, c);
    frame.result = value;
    if flags != 0 {
        frame.regs.0[usize::from(unit.policy.flags.0)] |= unit.flag_bits(flags);
    }
}

const ROUNDS: [Round; 5] = [Round::Near, Round::Zero, Round::Down, Round::Up, Round::NearMax];
const FBINS: [FBin; 6] = [FBin::Add, FBin::Sub, FBin::Mul, FBin::Div, FBin::Min, FBin::Max];
const FCMPS: [FCmp; 5] = [FCmp::Eq, FCmp::Lt, FCmp::Le, FCmp::LtQ, FCmp::LeQ];
const BINS: [Bin; 2] = [Bin::Clmul, Bin::ClmulH];

/// A computation as compiled code names it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Calc {
    kind: u8,
    sub: u8,
    round: u8,
    /// Operand is wide, result is wide, signed or negated product, negated addend.
    bits: u8,
}

impl Calc {
    /// A float operation; `ty` is its first operand's type.
    pub(crate) fn of(inst: &Inst, ty: Ty) -> Option<Calc> {
        let at = |r: Round| ROUNDS.iter().position(|x| *x == r).unwrap_or(0) as u8;
        let wide = u8::from(matches!(ty, Ty::F64 | Ty::I64));
        let (kind, sub, round, bits) = match *inst {
            Inst::FBin(op, r, ..) => (0, FBINS.iter().position(|x| *x == op)? as u8, at(r), wide),
            Inst::FSqrt(r, _) => (1, 0, at(r), wide),
            Inst::Fma { round, neg_product, neg_addend, .. } => {
                let bits = wide | u8::from(neg_product) << 2 | u8::from(neg_addend) << 3;
                (2, 0, at(round), bits)
            }
            Inst::FCmp(op, ..) => (3, FCMPS.iter().position(|x| *x == op)? as u8, 0, wide),
            Inst::FCvt(r, to, _) => (4, 0, at(r), wide | u8::from(to == Ty::F64) << 1),
            Inst::FToI(r, to, signed, _) => {
                (5, 0, at(r), wide | u8::from(to == Ty::I64) << 1 | u8::from(signed) << 2)
            }
            Inst::IToF(r, to, signed, _) => {
                (6, 0, at(r), wide | u8::from(to == Ty::F64) << 1 | u8::from(signed) << 2)
            }
            Inst::FClass(_) => (7, 0, 0, wide),
            Inst::Bin(op, ..) => (8, BINS.iter().position(|x| *x == op)? as u8, 0, wide),
            _ => return None,
        };
        Some(Calc { kind, sub, round, bits })
    }

    /// As one number.
    pub(crate) fn pack(self) -> u64 {
        u64::from(u32::from_le_bytes([self.kind, self.sub, self.round, self.bits]))
    }

    fn unpack(desc: u64) -> Calc {
        let [kind, sub, round, bits] = (desc as u32).to_le_bytes();
        Calc { kind, sub, round, bits }
    }

    fn run(self, unit: &Unit, a: u64, b: u64, c: u64) -> (u64, u8) {
        let sub = usize::from(self.sub);
        let round = ROUNDS[usize::from(self.round) % ROUNDS.len()];
        let [wide, to, third, fourth] = [1, 2, 4, 8].map(|bit| self.bits & bit != 0);
        match self.kind {
            0 => unit.bin(FBINS[sub % FBINS.len()], round, wide, a, b),
            1 => unit.sqrt(round, wide, a),
            2 => unit.fma(round, wide, [a, b, c], third, fourth),
            3 => {
                let (holds, flags) = unit.cmp(FCMPS[sub % FCMPS.len()], wide, a, b);
                (u64::from(holds), flags)
            }
            4 => unit.convert(round, wide, to, a),
            5 => unit.to_int(round, wide, to, third, a),
            6 => unit.from_int(round, to, wide, third, a),
            7 => (u64::from(unit.class(wide, a)), 0),
            _ => {
                let ty = if wide { Ty::I64 } else { Ty::I32 };
                (BINS[sub % BINS.len()].eval(ty, a, b), 0)
            }
        }
    }
}

const _: () = assert!(float::INVALID == 1 && float::INEXACT == 16);
