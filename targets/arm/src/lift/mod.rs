//! From decoded instructions to IR blocks, one file a group.
//!
//! What changes the core's control state is a helper in a block of its own; everything else is IR.
//! A block depends, besides its address, on the bits of [`Key`], with the IT state among them: a
//! block that ends inside an IT block ends in a way that has the mode asked again. Inside IT
//! blocks results are selected by the condition; loads whose condition fails read the
//! instruction's own bytes, stores are calls ([`Call::StoreIf`]). Most IT blocks with accesses need
//! none of this: they become a branch ([`Lift::it`]).

mod bits;
mod data;
mod float;
mod it;
mod media;
mod mem;
mod system;

pub(crate) use data::modified;
pub(crate) use float::FloatCall;
pub(crate) use it::advance;
pub(crate) use mem::{STORE_ALIGNED, STORE_DO};
pub(crate) use system::Help;

use crate::regs;
use crate::table::{self, Insn, Op};
use hetemu_isa::ir::*;
use hetemu_isa::{Block, Builder, Exit, Fetch, FetchFault, Mode};

/// The bits of [`Mode::key`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Key {
    /// EPSR.IT.
    pub it: u8,
    /// Misaligned accesses fault.
    pub align: bool,
    /// Divisions by zero fault.
    pub div0: bool,
    /// Floating point may be used, and its state is the running code's.
    pub float: bool,
    /// FPSCR's rounding mode.
    pub round: u8,
    /// FPSCR.FZ: subnormal numbers are zeros.
    pub flush: bool,
    /// FPSCR.DN: a NaN that results is the default one.
    pub default_nan: bool,
    /// The core is in its secure state.
    pub secure: bool,
    /// Data is big-endian.
    pub big: bool,
    /// The stack has a limit.
    pub limit: bool,
}

impl Key {
    /// As a number.
    pub fn bits(self) -> u32 {
        let flag = |on: bool, n: u32| u32::from(on) << n;
        u32::from(self.it)
            | flag(self.align, 8)
            | flag(self.div0, 9)
            | flag(self.float, 10)
            | u32::from(self.round & 3) << 11
            | flag(self.flush, 13)
            | flag(self.default_nan, 16)
            | flag(self.secure, 14)
            | flag(self.big, 15)
            | flag(self.limit, 17)
    }

    /// From a number.
    pub fn from_bits(bits: u32) -> Key {
        let flag = |n: u32| bits >> n & 1 != 0;
        Key {
            it: bits as u8,
            align: flag(8),
            div0: flag(9),
            float: flag(10),
            round: (bits >> 11 & 3) as u8,
            flush: flag(13),
            default_nan: flag(16),
            secure: flag(14),
            big: flag(15),
            limit: flag(17),
        }
    }
}

/// Numbers of [`Inst::Call`] of this target; those of floating point follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub(crate) enum Call {
    /// Stores if a bit says so: address, value, log2 of the bytes with flags.
    StoreIf,
    /// Faults if a stack pointer is below a limit: the pointer, the limit.
    CheckSp,
    /// Begins the calls of [`FloatCall`].
    Float,
}

/// What follows an instruction.
pub(crate) enum Flow {
    /// The next one.
    Next,
    /// The end of the block.
    End(Exit),
}

/// A comparison: of two integers, or of floats.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Compared {
    Int(Val, Val),
    Float(float::Order),
}

/// The state of lifting one block.
pub(crate) struct Lift<'a> {
    pub(crate) b: Builder,
    pub(crate) set: u64,
    pub(crate) key: Key,
    /// Address of the current instruction, and of the one after it.
    pub(crate) pc: u64,
    pub(crate) next: u64,
    /// EPSR.IT of the current instruction.
    pub(crate) it: u8,
    /// The condition of the current instruction, if it has one.
    pub(crate) pred: Option<Val>,
    /// The comparison that the flags are of.
    pub(crate) compared: Option<Compared>,
    /// The comparison that FPSCR's condition flags are of.
    pub(crate) order: Option<float::Order>,
    /// What is known of double registers as a whole.
    pub(crate) pairs: [Option<float::Pair>; 16],
    fetch: &'a mut Fetch<'a>,
    page_bits: u8,
    /// Bytes beyond the last instruction that the block depends on.
    ahead: u32,
}

/// Operations a block may hold; the longest instruction stays far below the rest of the range.
const MAX_OPS: usize = 3000;

/// What does not change from block to block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setup {
    pub(crate) set: u64,
    pub(crate) page_bits: u8,
}

/// Lifts a block: see [`hetemu_isa::Cpu::lift`].
pub(crate) fn lift(
    setup: Setup,
    mode: Mode,
    pc: u64,
    limit: u32,
    fetch: &mut Fetch<'_>,
) -> Result<Block, FetchFault> {
    let key = Key::from_bits(mode.key);
    let mut relay = |at: u64| fetch(at);
    let mut cx = Lift {
        b: Builder::new(pc),
        set: setup.set,
        key,
        pc,
        next: pc,
        it: key.it,
        pred: None,
        compared: None,
        order: None,
        pairs: [None; 16],
        fetch: &mut relay,
        page_bits: setup.page_bits,
        ahead: 0,
    };
    loop {
        let at = cx.next;
        let first = cx.b.count() == 0;
        let stop = !first
            && (cx.b.count() >= limit
                || at >> cx.page_bits != pc >> cx.page_bits
                || cx.b.len() > MAX_OPS
                || (key.it != 0 && cx.it == 0));
        if stop {
            return Ok(cx.finish(Exit::Jump(at, Hint::None)));
        }
        let (word, len, insn) = match cx.decode(at) {
            Ok(d) => d,
            Err(fault) if first => return Err(fault),
            Err(_) => return Ok(cx.finish(Exit::Jump(at, Hint::None))),
        };
        let insn = insn.filter(|i| cx.allowed(i));
        let help = insn.map_or(Some(Help::Undefined), |i| cx.help(&i));
        if help.is_some() && !first {
            return Ok(cx.finish(Exit::Jump(at, Hint::None)));
        }
        let next = at.wrapping_add(u64::from(len)) & 0xffff_ffff;
        (cx.pc, cx.next) = (at, next);
        cx.b.start(at, len);
        cx.pred = cx.condition_of_it();
        if let (None, Some(insn)) = (help, insn) {
            let now = cx.it;
            let flow = cx.instruction(&insn);
            if insn.op != Op::It && now != 0 {
                cx.set_it(advance(now));
            }
            match flow {
                Flow::Next => continue,
                Flow::End(exit) => return Ok(cx.finish(exit)),
            }
        }
        let args = [u64::from(word), u64::from(len)].map(|n| cx.b.iconst(Ty::I64, n));
        let pred = match cx.pred {
            Some(c) => cx.b.cast(Cast::Zext, Ty::I64, c),
            None => cx.b.iconst(Ty::I64, 1),
        };
        cx.b.helper(help.unwrap_or(Help::Undefined) as u16, &[args[0], args[1], pred]);
        return Ok(cx.b.finish(Exit::Resume));
    }
}

impl Lift<'_> {
    /// Decodes what is at an address.
    fn decode(&mut self, at: u64) -> Result<(u32, u8, Option<Insn>), FetchFault> {
        let first = (self.fetch)(at)?;
        let second = at.wrapping_add(2) & 0xffff_ffff;
        let fetch = &mut self.fetch;
        table::decode(first, self.set, || fetch(second))
    }

    /// Ends the block; if the IT state began or ends inside an IT block, so that the mode is asked.
    fn finish(mut self, exit: Exit) -> Block {
        let mut exit = exit;
        if self.key.it != 0 || self.it != 0 {
            let to = match exit {
                Exit::Jump(to, _) => Some(self.b.iconst(Ty::I32, to)),
                Exit::Branch(c, yes, no) => {
                    let (yes, no) = (self.imm(yes as u32), self.imm(no as u32));
                    Some(self.b.select(c, yes, no))
                }
                Exit::Indirect(to, _) => Some(to),
                Exit::Resume => None,
            };
            if let Some(to) = to {
                self.b.put(regs::PC, to);
            }
            exit = Exit::Resume;
        }
        let mut block = self.b.finish(exit);
        block.len += self.ahead;
        block
    }

    fn instruction(&mut self, i: &Insn) -> Flow {
        use Op::*;
        match i.op {
            Dpr | Dpi | Dpm | Shr | Adr | Movt => self.data(i),
            Mul | Mla | Mull | Div | Ext | Rev | Clz | Bfx | Bfi | Sat => self.bits(i),
            Pkh | Sat16 | Par | Qadd | Sel | Smulh | Smlad | Smlaw | Smmul | Usad | Smlalh
            | Smlald | Umaal => self.media(i),
            Li | Lx | Lr | Ldl | Si | Sx | Sr | Ldm | Stm | Push | Pop | Ldrd | Strd | Ldrex
            | Strex | Lda | Stl | Pld => self.memory(i),
            B | Bc | Bl | Bx | Cbz | Tb | It => self.branch(i),
            Hint | Dmb | Dsb => self.hint(i),
            _ => self.float(i),
        }
    }

    /// A constant.
    pub(crate) fn imm(&mut self, n: u32) -> Val {
        self.b.iconst(Ty::I32, n.into())
    }

    /// The value of a general register; of the program counter 4 beyond the instruction.
    pub(crate) fn r(&mut self, n: i32) -> Val {
        match n {
            15 => self.imm(self.pc.wrapping_add(4) as u32),
            _ => self.b.get(Ty::I32, regs::r(n)),
        }
    }

    /// The program counter that addresses are relative to.
    pub(crate) fn aligned_pc(&self) -> u32 {
        (self.pc.wrapping_add(4) & !3) as u32
    }

    /// Sets a slot, if the condition holds.
    pub(crate) fn set_slot(&mut self, slot: hetemu_isa::Slot, v: Val) {
        let v = match self.pred {
            Some(c) => {
                let old = self.b.get(Ty::I32, slot);
                self.b.select(c, v, old)
            }
            None => v,
        };
        self.b.put(slot, v);
    }

    /// Sets a general register but the program counter. The stack pointer is a multiple of 4.
    pub(crate) fn set_r(&mut self, n: i32, v: Val) {
        let v = if n == 13 {
            self.check_sp(v);
            self.b.bin_imm(Bin::And, v, 0xffff_fffc)
        } else {
            v
        };
        self.set_slot(regs::r(n), v);
    }

    /// Faults if a stack pointer is below its limit, where there is one (Armv8-M ARM, section
    /// B3.20).
    pub(crate) fn check_sp(&mut self, v: Val) {
        if !self.key.limit {
            return;
        }
        let v = match self.pred {
            Some(c) => {
                let most = self.imm(u32::MAX);
                self.b.select(c, v, most)
            }
            None => v,
        };
        let limit = self.b.get(Ty::I32, regs::SPLIM);
        let args = [v, limit].map(|v| self.b.cast(Cast::Zext, Ty::I64, v));
        let none = self.b.iconst(Ty::I64, 0);
        self.b.call(Call::CheckSp as u16, [args[0], args[1], none]);
    }

    /// Goes to a value as `bx` does: bit 0 is the Thumb state. The next fetch sees what it means.
    pub(crate) fn interwork(&mut self, v: Val, hint: Hint) -> Flow {
        let to = self.b.bin_imm(Bin::Xor, v, 1);
        self.go(to, hint)
    }

    /// Goes to a computed address, if the condition holds.
    pub(crate) fn go(&mut self, to: Val, hint: Hint) -> Flow {
        let to = match self.pred {
            Some(c) => {
                let next = self.imm(self.next as u32);
                self.b.select(c, to, next)
            }
            None => to,
        };
        Flow::End(Exit::Indirect(to, hint))
    }
}
