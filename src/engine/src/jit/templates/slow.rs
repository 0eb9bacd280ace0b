//! What blocks of templates call: operations that are not worth a template.
#![allow(unsafe_code)]

use crate::frame::{Frame, WORDS};
use crate::interp::lower::Rare;
use crate::interp::op::{Form, Kind, Op};
use crate::interp::rare::Rarely;
use crate::jit::entry::{SlowCx, sticky};
use hetemu_isa::ir::{Inst, Ty};

/// Runs an operation of the interpreter's rare ones; refuses what only the interpreter does.
pub(super) extern "C" fn rare(frame: *mut Frame, rare: *const Rare) {
    // SAFETY: compiled code passes the frame that it was entered with, whose context `enter` set,
    // and an operation of its block, which outlives its code; nothing else borrows them until the
    // code returns.
    let (frame, cx, rare) = unsafe {
        let frame = &mut *frame;
        let cx = &mut *frame.context.cast::<SlowCx<'_, '_>>();
        (frame, cx, &*rare)
    };
    cx.out.done = cx.steps.wrapping_sub(frame.left);
    let mask = cx.cpu.layout().mask();
    let va = frame.words()[usize::from(rare.words[0]) & (WORDS - 1)] & mask;
    // Atomic operations where no page table and no device has a say.
    let tlb = cx.out.mmu.tlb();
    let known = match rare.inst {
        Inst::Rmw(_, mem, ..) | Inst::StoreCond(mem, ..) => {
            tlb.writable(va, mem.bytes() - 1).is_some()
        }
        Inst::LoadReserve(_, mem, _) => tlb.readable(va, mem.bytes() - 1).is_some(),
        _ => true,
    };
    cx.out.events.compiled = true;
    let unit = cx.unit;
    let flags = matches!(rare.inst, Inst::Call(..)).then(sticky::save);
    let mut x = Rarely { frame: &mut *frame, cpu: &mut *cx.cpu, out: &mut *cx.out, unit, mask };
    let done = known && x.run(rare).is_ok();
    flags.into_iter().for_each(sticky::restore);
    cx.out.events.compiled = false;
    frame.refused = u64::from(!done);
}

/// Calls the target. What must be looked at outside of compiled code is said in the frame's `stop`.
pub(super) extern "C" fn helper(frame: *mut Frame, rare: *const Rare) {
    // SAFETY: as above.
    let (frame, cx, rare) = unsafe {
        let frame = &mut *frame;
        let cx = &mut *frame.context.cast::<SlowCx<'_, '_>>();
        (frame, cx, &*rare)
    };
    cx.settle_floats(frame);
    cx.out.done = cx.steps.wrapping_sub(frame.left);
    cx.out.pc = frame.regs.get(cx.cpu.layout().pc);
    let unit = cx.unit;
    let mut x = Rarely { frame: &mut *frame, cpu: &mut *cx.cpu, out: &mut *cx.out, unit, mask: 0 };
    let done = x.helper(rare, cx.mode);
    cx.forget_floats();
    match done {
        Ok(()) => {
            frame.stop = u64::from(cx.out.events.leave);
            frame.refused = 0;
        }
        Err(exception) => {
            cx.raised = Some(exception);
            frame.refused = 1;
        }
    }
}

/// Computes an operation of one or two operands.
pub(super) extern "C" fn calc(frame: *mut Frame, op: *const Op) {
    // SAFETY: as above.
    let (frame, op) = unsafe { (&mut *frame, &*op) };
    let words = frame.words();
    let [a, b] = [op.a, op.b].map(|w| words[usize::from(w) & (WORDS - 1)]);
    let value = match op.code.kind() {
        Kind::Bin(bin, form, immediate) => {
            let b = if immediate { op.imm as u64 } else { b };
            match form {
                Form::W64 => bin.eval64(a, b),
                Form::W32 => u64::from(bin.eval32(a as u32, b as u32)),
                Form::Sx => bin.eval32(a as u32, b as u32) as i32 as u64,
            }
        }
        Kind::Un(un, true) => un.eval(Ty::I64, a),
        Kind::Un(un, false) => un.eval(Ty::I32, u64::from(a as u32)),
        _ => return,
    };
    words[usize::from(op.d) & (WORDS - 1)] = value;
}
