//! Calls of the target ([`hetemu_isa::Inst::Call`]) without leaving compiled code.
//!
//! What the target or the memory refuses is done again by the interpreter, which raises exactly.
#![allow(unsafe_code)]

use super::codegen::Generator;
use super::entry::{SlowCx, sticky};
use crate::frame::Frame;
use cranelift_codegen::ir::{InstBuilder, Value, types};
use hetemu_isa::ir::Val;
use std::mem::offset_of;

impl Generator<'_> {
    /// A call; gives its value.
    pub(super) fn call(&mut self, id: u16, args: [Val; 3]) -> Value {
        let args = args.map(|a| {
            let value = self.val(a);
            self.as_word(value)
        });
        self.call_target(id, args);
        let refused = self.load_frame(types::I64, offset_of!(Frame, refused));
        let (leave, go) = (self.cold(), self.b.create_block());
        self.b.ins().brif(refused, leave, &[], go, &[]);
        self.enter(leave);
        self.leave_here();
        self.enter(go);
        self.load_frame(types::I64, offset_of!(Frame, result))
    }
}

/// Runs a call; refuses where it raises, and where its memory does.
pub(crate) extern "C" fn slow_call(frame: *mut Frame, id: u64, a: u64, b: u64, c: u64) {
    // SAFETY: compiled code passes the frame that it was entered with, whose context `enter` set;
    // both live, and are not otherwise borrowed, until the code returns.
    let (frame, cx) = unsafe {
        let frame = &mut *frame;
        let cx = &mut *frame.context.cast::<SlowCx<'_, '_>>();
        (frame, cx)
    };
    cx.out.done = cx.steps.wrapping_sub(frame.left);
    cx.out.stats.helpers += 1;
    cx.out.events.compiled = true;
    // The target may use the float unit, whose flags are the guest's.
    let flags = sticky::save();
    let done = cx.cpu.call(id as u16, [a, b, c], &mut *cx.out);
    sticky::restore(flags);
    cx.out.events.compiled = false;
    match done {
        Ok((value, flags)) => {
            frame.result = value;
            frame.refused = 0;
            if flags != 0 {
                let slot = usize::from(cx.unit.policy.flags.0);
                frame.regs.0[slot] |= cx.unit.flag_bits(flags);
            }
        }
        Err(_) => frame.refused = 1,
    }
}
