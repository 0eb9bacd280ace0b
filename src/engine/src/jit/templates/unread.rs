//! Which operations of a block need not be written, and which results need not be stored.
//!
//! The interpreter can stop before every instruction, so its code keeps all slots exact. A block of
//! templates is left only where an operation may leave it, and after the instruction of such a one:
//! what is put into a slot and put anew before the next such place is seen by nobody. Flags that
//! every instruction sets are like that.

use super::reads_a;
use crate::cache::CachedBlock;
use crate::frame::WORDS;
use crate::interp::op::{Code, Kind, Op};
use hetemu_isa::REGS;
use hetemu_isa::ir::{Bin, Un};

/// What is known of one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Fate {
    /// Nobody reads what it gives.
    pub(super) skip: bool,
    /// Only the next one that is written reads it, as its first operand.
    pub(super) pass: bool,
}

/// A set of words.
#[derive(Clone, Copy)]
struct Words([u64; WORDS / 64]);

impl Words {
    fn add(&mut self, word: u16) {
        let word = usize::from(word) % WORDS;
        self.0[word / 64] |= 1 << (word % 64);
    }
    fn remove(&mut self, word: u16) {
        let word = usize::from(word) % WORDS;
        self.0[word / 64] &= !(1 << (word % 64));
    }
    fn has(&self, word: u16) -> bool {
        let word = usize::from(word) % WORDS;
        self.0[word / 64] >> (word % 64) & 1 != 0
    }
    fn add_slots(&mut self) {
        self.0[..REGS / 64].fill(u64::MAX);
    }
}

/// The next operation that is written, seen from one before it.
struct Next {
    op: Op,
    insn: usize,
    /// What is read after it.
    after: Words,
}

/// The fates of a block's operations.
pub(super) fn fates(block: &CachedBlock) -> Vec<Fate> {
    let ops = &block.ops;
    let mut fates = vec![Fate::default(); ops.len()];
    let mut live = Words([0; WORDS / 64]);
    live.add_slots();
    let mut next: Option<Next> = None;
    let mut insn = block.count.max(1) as usize - 1;
    let mut leaves = has_leaving(block, insn);
    for (i, op) in ops.iter().enumerate().rev() {
        while insn > 0 && i < block.start_of(insn) {
            insn -= 1;
            leaves = has_leaving(block, insn);
            if leaves {
                // The core may be looked at after it.
                live.add_slots();
            }
        }
        let after = live;
        let pure = is_pure(op.code);
        if pure && !live.has(op.d) {
            fates[i].skip = true;
            continue;
        }
        if let Some(next) = &next
            && (pure || is_load(op.code))
            && takes(&next.op, op.d)
        {
            let slot = usize::from(op.d) < REGS;
            let seen = slot && (next.op.code.may_leave() || leaves && next.insn != insn);
            let gone = !next.after.has(op.d) || writes(&next.op) == Some(op.d);
            fates[i].pass = gone && !seen;
        }
        if let Some(d) = writes(op) {
            live.remove(d);
        }
        if op.code.may_leave() {
            live.add_slots();
        }
        reads(block, op, |word| live.add(word));
        next = Some(Next { op: *op, insn, after });
    }
    fates
}

/// Whether an instruction has an operation that may leave the block.
fn has_leaving(block: &CachedBlock, insn: usize) -> bool {
    let ops = block.ops.get(block.start_of(insn)..block.start_of(insn + 1)).unwrap_or_default();
    ops.iter().any(|op| op.code.may_leave())
}

/// Whether an operation does nothing but to give a word.
fn is_pure(code: Code) -> bool {
    match code.kind() {
        Kind::Bin(..) | Kind::Un(..) | Kind::Set(..) => true,
        Kind::Branch(..) => false,
        Kind::Other => matches!(code, Code::Imm | Code::Mov | Code::Select),
    }
}

fn is_load(code: Code) -> bool {
    code.may_leave() && !code.reads_d() && !matches!(code, Code::Rare | Code::Helper)
}

/// The word that an operation writes, but for those out of line.
fn writes(op: &Op) -> Option<u16> {
    (is_pure(op.code) || is_load(op.code)).then_some(op.d)
}

fn reads(block: &CachedBlock, op: &Op, mut f: impl FnMut(u16)) {
    if let Code::Rare | Code::Helper = op.code {
        if let Some(rare) = block.rare.get(op.imm as usize) {
            rare.words.iter().for_each(|word| f(*word));
        }
        return;
    }
    if reads_a(op.code) {
        f(op.a);
    }
    if op.code.reads_b() {
        f(op.b);
    }
    if op.code == Code::Select {
        f(op.imm as u16);
    }
    if op.code.reads_d() {
        f(op.d);
    }
}

/// Whether an operation reads a word as what it begins with, and nowhere else.
fn takes(op: &Op, word: u16) -> bool {
    let first = match op.code.kind() {
        Kind::Bin(bin, form, _) => match bin {
            Bin::MulHU | Bin::MulHS => form == crate::interp::op::Form::W64,
            Bin::MulHSU | Bin::Clmul | Bin::ClmulH => false,
            _ => true,
        },
        Kind::Un(un, _) => un != Un::Bitrev,
        Kind::Set(..) | Kind::Branch(..) => true,
        Kind::Other => matches!(op.code, Code::Mov | Code::Indirect) || is_access(op.code),
    };
    let elsewhere = op.code.reads_b() && op.b == word || op.code.reads_d() && op.d == word;
    first && op.a == word && !elsewhere
}

fn is_access(code: Code) -> bool {
    code.may_leave() && !matches!(code, Code::Rare | Code::Helper)
}
