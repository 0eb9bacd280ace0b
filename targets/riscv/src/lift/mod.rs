//! From decoded instructions to IR blocks, one file a group.
//!
//! What changes the core's control state is a helper in a block of its own; everything else is IR.
//! A block depends, besides its address, on the bits of [`Key`].

mod bits;
pub(crate) mod csr;
mod extra;
mod float;
mod int;
mod mem;
mod system;
mod vector;
pub(crate) mod zfa;

pub(crate) use system::Call;
pub(crate) use vector::Call as VectorCall;

use crate::isa::Isa;
use crate::regs;
use crate::table::{self, Insn, Op};
use hetemu_isa::ir::*;
use hetemu_isa::{Block, Builder, Exit, Fetch, FetchFault, Mode};

/// The bits of [`Mode::key`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// mstatus.FS is not Off.
    pub float: bool,
    /// mstatus.FS is Dirty.
    pub dirty: bool,
    /// frm.
    pub frm: u8,
    /// cbo.zero is enabled.
    pub cbze: bool,
}

impl Key {
    /// As a number.
    pub fn bits(self) -> u32 {
        u32::from(self.float)
            | u32::from(self.dirty) << 1
            | u32::from(self.frm & 7) << 2
            | u32::from(self.cbze) << 31
    }
    /// From a number.
    pub fn from_bits(bits: u32) -> Key {
        Key {
            float: bits & 1 != 0,
            dirty: bits & 2 != 0,
            frm: (bits >> 2 & 7) as u8,
            cbze: bits >> 31 != 0,
        }
    }
}

/// What follows an instruction.
pub(crate) enum Flow {
    /// The next one.
    Next,
    /// The end of the block.
    End(Exit),
}

/// The state of lifting one block.
pub(crate) struct Lift<'a> {
    pub(crate) b: Builder,
    pub(crate) isa: &'a Isa,
    pub(crate) key: Key,
    /// Address of the current instruction, and of the one after it.
    pub(crate) pc: u64,
    pub(crate) next: u64,
    /// The integer register type.
    pub(crate) xt: Ty,
}

/// Operations a block may hold; the longest instruction stays far below the rest of the range.
const MAX_OPS: usize = 4000;

/// Lifts a block: see [`hetemu_isa::Cpu::lift`].
pub fn lift(
    isa: &Isa,
    mode: Mode,
    pc: u64,
    limit: u32,
    page_bits: u8,
    fetch: &mut Fetch<'_>,
) -> Result<Block, FetchFault> {
    let mut cx = Lift {
        b: Builder::new(pc),
        isa,
        key: Key::from_bits(mode.key),
        pc,
        next: pc,
        xt: isa.xlen(),
    };
    loop {
        let at = cx.next;
        let first = cx.b.count() == 0;
        let stop = !first
            && (cx.b.count() >= limit
                || at >> page_bits != pc >> page_bits
                || cx.b.len() > MAX_OPS);
        if stop {
            return Ok(cx.b.finish(Exit::Jump(at, Hint::None)));
        }
        let second = at.wrapping_add(2) & isa.mask();
        let decoded = fetch(at).and_then(|low| table::decode(low, isa.set, || fetch(second)));
        let (word, len, insn) = match decoded {
            Ok(d) => d,
            Err(fault) if first => return Err(fault),
            Err(_) => return Ok(cx.b.finish(Exit::Jump(at, Hint::None))),
        };
        let next = at.wrapping_add(u64::from(len)) & isa.mask();
        let call = insn.map_or(Some(Call::Illegal), |i| system::call(isa, cx.key, at, &i));
        if let (None, Some(insn)) = (call, insn) {
            (cx.pc, cx.next) = (at, next);
            cx.b.start(at, len);
            match cx.instruction(&insn) {
                Flow::Next => continue,
                Flow::End(exit) => return Ok(cx.b.finish(exit)),
            }
        }
        if !first {
            return Ok(cx.b.finish(Exit::Jump(at, Hint::None)));
        }
        cx.b.start(at, len);
        let args = [u64::from(word), u64::from(len)].map(|n| cx.b.iconst(Ty::I64, n));
        cx.b.helper(call.unwrap_or(Call::Illegal) as u16, &args);
        return Ok(cx.b.finish(Exit::Resume));
    }
}

impl Lift<'_> {
    fn instruction(&mut self, i: &Insn) -> Flow {
        use Op::*;
        match i.op {
            Lb | Lh | Lw | Lbu | Lhu | Lwu | Ld | Sb | Sh | Sw | Sd | Flw | Fld | Fsw | Fsd
            | LrW | ScW | AmoswapW | AmoaddW | AmoxorW | AmoandW | AmoorW | AmominW | AmomaxW
            | AmominuW | AmomaxuW | LrD | ScD | AmoswapD | AmoaddD | AmoxorD | AmoandD | AmoorD
            | AmominD | AmomaxD | AmominuD | AmomaxuD => self.memory(i),
            Vector => self.vector(i),
            Pause | WrsNto | WrsSto => self.pause(),
            _ if float::is_float(i.op) => self.float(i),
            Csrrw | Csrrs | Csrrc | Csrrwi | Csrrsi | Csrrci => {
                match csr::Access::of(self.isa, i) {
                    Some(access) => self.csr(access, i),
                    None => self.vector_csr(i),
                }
            }
            _ => match self.int(i).or_else(|| self.extra(i)) {
                Some(flow) => flow,
                None => self.bit(i),
            },
        }
    }

    /// The value of an integer register.
    pub(crate) fn x(&mut self, n: i32) -> Val {
        match n {
            0 => self.b.iconst(self.xt, 0),
            _ => self.b.get(self.xt, regs::x(n)),
        }
    }

    /// The low 32 bits of an integer register.
    pub(crate) fn w(&mut self, n: i32) -> Val {
        let v = self.x(n);
        self.b.cast(Cast::Trunc, Ty::I32, v)
    }

    /// Sets an integer register; what goes to x0 is dropped.
    pub(crate) fn set_x(&mut self, n: i32, v: Val) {
        if n != 0 {
            self.b.put(regs::x(n), v);
        }
    }

    /// Sets an integer register to the sign extension of 32 bits.
    pub(crate) fn set_w(&mut self, n: i32, v: Val) {
        let v = self.b.cast(Cast::Sext, self.xt, v);
        self.set_x(n, v);
    }

    /// Sets an integer register to a truth value.
    pub(crate) fn set_bool(&mut self, n: i32, v: Val) {
        let v = self.b.cast(Cast::Zext, self.xt, v);
        self.set_x(n, v);
    }

    /// A sign-extended immediate.
    pub(crate) fn imm(&mut self, n: i32) -> Val {
        self.b.iconst(self.xt, n as i64 as u64)
    }

    /// An address relative to the instruction's.
    pub(crate) fn target(&self, offset: i32) -> u64 {
        self.pc.wrapping_add(offset as i64 as u64) & self.isa.mask()
    }
}
