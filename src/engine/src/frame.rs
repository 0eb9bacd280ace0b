//! What compiled code and the interpreter touch of a core, in one piece of memory.
//!
//! Guest slots lie at offset 0, temporaries of the interpreter after them, then what compiled code
//! needs: its address is the first argument of all compiled code.
#![allow(unsafe_code)]

use crate::tlb::Table;
use hetemu_isa::{REGS, Regs};
use std::ffi::c_void;
use std::ptr::null_mut;

/// Words of the interpreter's operand array: slots, then temporaries.
pub(crate) const WORDS: usize = 1024;

/// The word that is always zero.
pub(crate) const ZERO: u16 = (WORDS - 1) as u16;

/// Memories that a core without translation may read past the TLB.
pub(crate) const FLATS: usize = 4;

/// No reservation.
pub(crate) const NO_RESERVATION: u64 = u64::MAX;

/// One core's memory.
#[repr(C, align(64))]
pub(crate) struct Frame {
    /// Guest slots.
    pub(crate) regs: Regs,
    /// Temporaries of the interpreter; the last one is always zero.
    temps: [u64; WORDS - REGS],
    /// The data TLB of the regime in force.
    pub(crate) tlb: *const Table,
    /// The distance of its near pages.
    pub(crate) distance: usize,
    /// Where the memories lie that a core without translation reads past the TLB.
    pub(crate) flats: [usize; FLATS],
    /// The core's table of jump targets.
    pub(crate) jumps: *const c_void,
    /// What an entry of the jump table must say to be valid now.
    pub(crate) key: u64,
    /// What blocks of templates call.
    pub(crate) memory: usize,
    pub(crate) rare: usize,
    pub(crate) calc: usize,
    pub(crate) helper: usize,
    /// The context of slow paths while compiled code runs.
    pub(crate) context: *mut c_void,
    /// Operands of the slow path of memory.
    pub(crate) va: u64,
    pub(crate) desc: u64,
    pub(crate) value: u64,
    /// Steps left before the instruction that calls a slow path of memory, or the target.
    pub(crate) left: u64,
    /// What a slow path gives.
    pub(crate) result: u64,
    /// Not 0: the slow path did nothing, and the instruction must be interpreted.
    pub(crate) refused: u64,
    /// Not 0: after a call of the target the core must be looked at before the next instruction.
    pub(crate) stop: u64,
    /// Not 0: the block at the program counter has run often enough for a region around it, and
    /// has done nothing now.
    pub(crate) again: u64,
    /// Not 0: compiled code with float operations on the host's unit has run.
    pub(crate) floats: u64,
    /// Address of the reservation of load-reserve, or [`NO_RESERVATION`].
    pub(crate) reserved: u64,
    /// What was read there.
    pub(crate) reserved_value: u64,
}

// SAFETY: the pointers lead to memory that the same core owns, or are null while no code runs.
unsafe impl Send for Frame {}

impl Frame {
    pub(crate) fn new() -> Box<Frame> {
        Box::new(Frame {
            regs: Regs::default(),
            temps: [0; WORDS - REGS],
            tlb: std::ptr::null(),
            distance: 0,
            flats: [0; FLATS],
            jumps: std::ptr::null(),
            key: 0,
            memory: 0,
            rare: 0,
            calc: 0,
            helper: 0,
            context: null_mut(),
            va: 0,
            desc: 0,
            value: 0,
            left: 0,
            result: 0,
            refused: 0,
            stop: 0,
            again: 0,
            floats: 0,
            reserved: NO_RESERVATION,
            reserved_value: 0,
        })
    }

    /// Slots and temporaries as one array.
    #[inline(always)]
    pub(crate) fn words(&mut self) -> &mut [u64; WORDS] {
        // SAFETY: `Frame` is `repr(C)` and begins with `Regs`, which is transparent over `[u64;
        // REGS]`, followed without padding by the other words.
        unsafe { &mut *std::ptr::from_mut(self).cast::<[u64; WORDS]>() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::mem::offset_of;

    #[test]
    fn words_are_contiguous() {
        assert_eq!(offset_of!(Frame, regs), 0);
        assert_eq!(offset_of!(Frame, temps), REGS * 8);
        assert_eq!(offset_of!(Frame, tlb), WORDS * 8);
    }
}
