//! From decoded instructions to IR blocks, one file a group.
//!
//! A branch is lifted together with its delay slot as one instruction of eight bytes: the condition
//! first, then the slot's operations, then what both write. So a fault in the slot finds the state
//! before the branch, as EPC and Cause.BD want it, and nothing comes between the two. A
//! branch-likely, which may skip its slot, ends its block; its slot is a block of its own, which
//! ends where the branch leads. The address of that block is the branch's plus 2, which no
//! instruction can have: the program counter alone says that the slot is next.
//!
//! What changes the core's control state is a helper in a block of its own; everything else is IR.
//! A block depends, besides its address, on the bits of [`Key`].

mod branch;
mod cop0;
mod float;
mod inline;
mod int;
mod mem;
mod wide;

pub(crate) use cop0::Call;
pub(crate) use cop0::cp0;
pub(crate) use float::{COMPARES, Calc, KEEP, SUBTRACTS, SUMS, WIDE, calc_of, is_float};

use float::Pair;

use crate::isa::Isa;
use crate::regs;
use crate::table::{self, Insn, ext};
use hetemu_isa::ir::*;
use hetemu_isa::{Block, Builder, Exit, Fetch, FetchFault, Mode};

/// Calls ([`hetemu_isa::Cpu::call`]) of this target.
pub(crate) mod calls {
    /// Raises the second argument's exception if the first is not 0.
    pub(crate) const TRAP: u16 = 0;
    /// Reads a register of CP0: its number and select field, whether all 64 bits are wanted.
    pub(crate) const READ: u16 = 1;
    /// Writes a register of CP0 on which nothing depends but instructions that read it.
    pub(crate) const WRITE: u16 = 2;
    /// Reads a hardware register.
    pub(crate) const HWR: u16 = 3;
    /// Stores some bytes of a word: operation, address, value.
    pub(crate) const STORE_PART: u16 = 4;
    /// A float operation: [`super::Calc`] as bits, operands.
    pub(crate) const FLOAT: u16 = 5;
    /// A float comparison: [`the condition`] as bits, operands.
    pub(crate) const COMPARE: u16 = 6;
}

/// The bits of [`Mode::key`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Key {
    /// Coprocessor 0 can be used.
    pub cop0: bool,
    /// Status.CU1.
    pub float: bool,
    /// Status.FR: float registers have 64 bits.
    pub fr: bool,
    /// Operations of 64 bits are allowed.
    pub wide: bool,
    /// UserLocal can be read.
    pub user_local: bool,
    /// Float operations may trap, or flush what is small: they are calls.
    pub special: bool,
    /// FCSR.RM.
    pub round: u8,
}

impl Key {
    /// As a number.
    pub fn bits(self) -> u32 {
        let all = [self.cop0, self.float, self.fr, self.wide, self.user_local, self.special];
        let bits = all.iter().rev().fold(0, |bits, on| bits << 1 | u32::from(*on));
        bits | u32::from(self.round & 3) << 6
    }
    /// From a number.
    pub fn from_bits(bits: u32) -> Key {
        let bit = |n: u32| bits >> n & 1 != 0;
        Key {
            cop0: bit(0),
            float: bit(1),
            fr: bit(2),
            wide: bit(3),
            user_local: bit(4),
            special: bit(5),
            round: (bits >> 6 & 3) as u8,
        }
    }
}

/// The state of lifting one block.
pub(crate) struct Lift<'a> {
    pub(crate) b: Builder,
    pub(crate) isa: &'a Isa,
    pub(crate) key: Key,
    /// Address of the current instruction.
    pub(crate) pc: u64,
    /// The general register type.
    pub(crate) xt: Ty,
    /// The register that the branch around the current delay slot links to, and the value: seen by
    /// the slot, written after it.
    pub(crate) link: Option<(i32, Val)>,
    /// Values of 64 bits that pairs of float registers hold, with the halves that were put there.
    pub(crate) pairs: [Option<Pair>; 16],
    /// A condition code that a comparison of this block has set.
    pub(crate) compared: Option<(i32, Val)>,
}

/// Operations a block may hold; the longest instruction stays far below the rest of the range.
const MAX_OPS: usize = 4000;

/// Whether the instruction words of a core include this as a branch.
pub(crate) fn is_branch(isa: &Isa, word: u32) -> bool {
    table::decode32(word, isa.set).is_some_and(|i| branch::kind(i.op).is_some())
}

/// Lifts a block: see [`hetemu_isa::Cpu::lift`].
pub fn lift(
    isa: &Isa,
    mode: Mode,
    pc: u64,
    limit: u32,
    page_bits: u8,
    fetch: &mut Fetch<'_>,
) -> Result<Block, FetchFault> {
    let key = Key::from_bits(mode.key);
    let mut set = isa.set;
    if !key.wide {
        set &= !ext::M64;
    }
    let mut cx = Lift {
        b: Builder::new(pc),
        isa,
        key,
        pc,
        xt: isa.word(),
        link: None,
        pairs: [None; 16],
        compared: None,
    };
    let mut word_at = |va: u64| -> Result<u32, FetchFault> {
        let (first, second) = (fetch(va)?, fetch(va.wrapping_add(2) & isa.mask())?);
        let (high, low) = if isa.big_endian { (first, second) } else { (second, first) };
        Ok(u32::from(high) << 16 | u32::from(low))
    };
    if regs::is_slot(pc) {
        let word = word_at(pc.wrapping_add(2) & isa.mask())?;
        cx.b.start(pc, 6);
        return Ok(cx.slot_block(table::decode32(word, set), word));
    }
    let mut at = pc;
    loop {
        let first = cx.b.count() == 0;
        let stop = !first
            && (cx.b.count() >= limit
                || at >> page_bits != pc >> page_bits
                || cx.b.len() > MAX_OPS);
        if stop {
            return Ok(cx.b.finish(Exit::Jump(at, Hint::None)));
        }
        let word = match word_at(at) {
            Ok(word) => word,
            Err(fault) if first => return Err(fault),
            Err(_) => return Ok(cx.b.finish(Exit::Jump(at, Hint::None))),
        };
        cx.pc = at;
        let insn = table::decode32(word, set);
        let next = at.wrapping_add(4) & isa.mask();
        let call = cop0::call(isa, key, insn.as_ref());
        let kind = insn.and_then(|i| branch::kind(i.op)).filter(|_| call.is_none());
        if let (Some(kind), Some(insn)) = (kind, insn) {
            if kind.likely {
                cx.b.start(at, 4);
                return Ok(cx.likely(kind, &insn));
            }
            let slot = match word_at(next) {
                Ok(word) => word,
                Err(fault) if first => return Err(fault),
                Err(_) => return Ok(cx.b.finish(Exit::Jump(at, Hint::None))),
            };
            let slot_insn = table::decode32(slot, set);
            let plain = match &slot_insn {
                Some(i) if cop0::call(isa, key, Some(i)).is_none() => {
                    branch::kind(i.op).is_none().then_some(*i)
                }
                _ => None,
            };
            if plain.is_none() && !first {
                return Ok(cx.b.finish(Exit::Jump(at, Hint::None)));
            }
            cx.b.start(at, 8);
            return Ok(cx.branch(kind, &insn, slot, plain.as_ref()));
        }
        if let (None, Some(insn)) = (call, insn) {
            cx.b.start(at, 4);
            cx.instruction(&insn);
            at = next;
            continue;
        }
        if !first {
            return Ok(cx.b.finish(Exit::Jump(at, Hint::None)));
        }
        cx.b.start(at, 4);
        cx.helper(call.unwrap_or(Call::Reserved), word);
        return Ok(cx.b.finish(Exit::Resume));
    }
}

impl Lift<'_> {
    /// Lifts one instruction that is neither a branch nor a helper.
    pub(crate) fn instruction(&mut self, i: &Insn) {
        let done = self.int(i) || self.memory(i) || self.wide(i) || self.cop0(i) || self.float(i);
        debug_assert!(done, "{:?} is not lifted", i.op);
    }

    fn helper(&mut self, call: Call, word: u32) {
        let args = [u64::from(word), 0, 0].map(|n| self.b.iconst(Ty::I64, n));
        self.b.helper(call as u16, &args);
    }

    /// The block of a delay slot whose branch was taken before.
    fn slot_block(mut self, insn: Option<Insn>, word: u32) -> Block {
        let call = cop0::call(self.isa, self.key, insn.as_ref());
        match insn.filter(|i| call.is_none() && branch::kind(i.op).is_none()) {
            Some(i) => {
                let target = self.b.get(self.xt, regs::TARGET);
                self.instruction(&i);
                self.b.finish(Exit::Indirect(target, Hint::None))
            }
            None => {
                self.helper(call.unwrap_or(Call::Reserved), word);
                self.b.finish(Exit::Resume)
            }
        }
    }

    /// The value of a general register.
    pub(crate) fn x(&mut self, n: i32) -> Val {
        match (n, self.link) {
            (0, _) => self.b.iconst(self.xt, 0),
            (_, Some((link, value))) if link == n => value,
            _ => self.b.get(self.xt, regs::x(n)),
        }
    }

    /// The low 32 bits of a general register.
    pub(crate) fn w(&mut self, n: i32) -> Val {
        let v = self.x(n);
        self.b.cast(Cast::Trunc, Ty::I32, v)
    }

    /// Sets a general register; what goes to register 0 is dropped.
    pub(crate) fn set_x(&mut self, n: i32, v: Val) {
        if n != 0 {
            self.b.put(regs::x(n), v);
            self.link = self.link.filter(|(link, _)| *link != n);
        }
    }

    /// Sets a general register to the sign extension of 32 bits.
    pub(crate) fn set_w(&mut self, n: i32, v: Val) {
        let v = self.b.cast(Cast::Sext, self.xt, v);
        self.set_x(n, v);
    }

    /// Sets a general register to a truth value.
    pub(crate) fn set_bool(&mut self, n: i32, v: Val) {
        let v = self.b.cast(Cast::Zext, self.xt, v);
        self.set_x(n, v);
    }

    /// A sign-extended immediate.
    pub(crate) fn imm(&mut self, n: i32) -> Val {
        self.b.iconst(self.xt, n as i64 as u64)
    }

    /// Raises an exception if something holds.
    pub(crate) fn trap(&mut self, cond: Val, cause: u32) {
        let cond = self.b.cast(Cast::Zext, Ty::I64, cond);
        let cause = self.b.iconst(Ty::I64, cause.into());
        self.b.call(calls::TRAP, [cond, cause, cause]);
    }
}
