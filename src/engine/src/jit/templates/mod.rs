//! Tier 1: a block as soon as it is warm, each of its operations a fixed run of host instructions.
//!
//! The operations are the interpreter's ([`Op`]), so nothing is lifted or lowered again, and words
//! of the frame stay what the interpreter would make them: the block can be left before every
//! operation that may. Making this code takes some ten nanoseconds an operation, a thousandth of
//! what the second tier costs. Blocks are functions of the same kind as regions, are led to in the
//! same ways, and count their runs down to the point where a region around them is worth its price.
//!
//! Hosts without templates go from the interpreter to regions at once.

#[cfg(target_arch = "x86_64")]
mod alu;
#[cfg(target_arch = "x86_64")]
mod floats;
#[cfg(target_arch = "x86_64")]
mod memory;
#[cfg(target_arch = "x86_64")]
mod slow;
#[cfg(target_arch = "x86_64")]
mod unread;
#[cfg(target_arch = "x86_64")]
mod x64;

use crate::cache::CachedBlock;
use crate::interp::op::{Code, Kind, Op};
use hetemu_isa::Layout;

#[cfg(target_arch = "x86_64")]
pub(crate) use x64::{block, stubs};

/// Out-of-line code that blocks call, as pieces for the arena.
pub(crate) struct Stubs<T> {
    /// Loads and stores that the TLB does not answer.
    pub(crate) memory: T,
    /// Operations that `slow::rare` runs.
    pub(crate) rare: T,
    /// Operations that `slow::calc` runs.
    pub(crate) calc: T,
    /// Helpers, which `slow::helper` runs.
    pub(crate) helper: T,
}

/// What a block's code is made from.
pub(crate) struct Source<'a> {
    pub(crate) block: &'a CachedBlock,
    pub(crate) layout: &'a Layout,
    /// Address of the count of runs that are left until a region is asked for.
    pub(crate) counter: usize,
    /// Addresses of the words that lead to the block's targets, where they are within reach.
    pub(crate) links: [Option<usize>; 2],
}

impl Source<'_> {
    /// Whether templates can run the block: not where it names slots that are exact only outside
    /// compiled code, nor where it changes the mode without calling the target.
    pub(crate) fn fits(&self) -> bool {
        let has = |code| self.block.ops.iter().any(|op| op.code == code);
        if has(Code::Resume) && !has(Code::Helper) {
            return false;
        }
        let [pc, flags] = [self.layout.pc, self.layout.float.flags].map(|s| u16::from(s.0));
        let special = |word: u16| word == pc || word == flags;
        let names = |op: &Op| {
            let out_of_line = matches!(op.code, Code::Rare | Code::Helper);
            let rare = self.block.rare.get(op.imm as usize).filter(|_| out_of_line);
            // The counter may be set for whoever goes on.
            op.d == flags
                || op.d == pc && op.code.reads_d()
                || reads_a(op.code) && special(op.a)
                || op.code.reads_b() && special(op.b)
                || op.code == Code::Select && special(op.imm as u16)
                || rare.is_some_and(|r| r.words.iter().any(|w| special(*w)))
        };
        !self.block.ops.iter().any(names)
    }
}

/// Whether `a` is a word that is read.
fn reads_a(code: Code) -> bool {
    code.kind() != Kind::Other
        || !matches!(code, Code::Imm | Code::Rare | Code::Helper | Code::Jump | Code::Resume)
}

/// Hosts without templates.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn stubs() -> Option<Stubs<Vec<u8>>> {
    None
}

/// Hosts without templates.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn block(_: &Source<'_>) -> Option<Vec<u8>> {
    None
}
