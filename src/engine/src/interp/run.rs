//! The run loop of the interpreter.

use super::op::{Code, Op, with_codes};
use crate::cache::{ALWAYS, Cache, JumpTable};
use crate::float::Unit;
use crate::frame::{Frame, WORDS};
use crate::mmu::{Acc, Outer};
use hetemu_isa::ir::{Bin, Cmp, Ty, Un};
use hetemu_isa::{Cpu, Exception, Mode};

/// Why the interpreter was left. The program counter's slot holds the next instruction's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leave {
    /// The next block is not known here.
    Lookup,
    /// As `Lookup`, and it may be linked to this exit of this block.
    Link(u32, u8),
    /// The next block asks for attention: it has compiled code, or should have.
    Warm(u32),
    /// The block at the counter, compiled by templates, is worth a region.
    Hot,
    /// The budget is used up, or the events say what to do.
    Stop,
    /// The instruction raised; the counter is its own address.
    Raise(Exception),
}

/// What the loop works on.
pub(crate) struct Exec<'a, 'b> {
    pub(crate) frame: &'a mut Frame,
    pub(crate) cpu: &'a mut dyn Cpu,
    pub(crate) out: &'a mut Outer<'b>,
    pub(crate) jumps: &'a JumpTable,
    pub(crate) float: &'a Unit,
    /// The core's translation state: what links and jump entries must carry.
    pub(crate) key: u64,
    pub(crate) pc_slot: usize,
    /// Bits of an address.
    pub(crate) mask: u64,
    /// The mode that blocks were translated for.
    pub(crate) mode: Mode,
    /// Steps left in the budget.
    pub(crate) left: u64,
    /// Of so many at the start of the run.
    pub(crate) total: u64,
}

const N: usize = WORDS - 1;

macro_rules! interpreter {
    (
        bins { $($bin:ident: $b64:ident $b32:ident $bs:ident $b64i:ident $b32i:ident $bsi:ident,)* }
        uns { $($un:ident: $u64:ident $u32:ident,)* }
        cmps { $($cmp:ident: $s64:ident $s32:ident $s64i:ident $s32i:ident
                 $j64:ident $j32:ident $j64i:ident $j32i:ident,)* }
    ) => {
        /// Runs blocks from `first` on until something must be decided elsewhere.
        /// The first one is run whatever it asks for.
        pub(crate) fn run(x: &mut Exec<'_, '_>, cache: &Cache, first: u32) -> Leave {
            let mut forced = true;
            let mut left = x.left;
            // Steps held back so that the loop stops at the next block.
            let mut held = 0;
            let mut at = first;
            let (mask, key) = (x.mask, x.key);
            loop {
                let Some(block) = cache.get(at) else {
                    x.left = left + held;
                    return Leave::Lookup;
                };
                let count = u64::from(block.count);
                let mut ops: &[Op] = &block.ops;
                // Instructions of this block that will have been run when `ops` ends.
                let mut charged = count;
                if left >= count {
                    let heat = block.heat.get();
                    if heat != 0 {
                        block.heat.set(heat - 1);
                    } else if !forced {
                        x.frame.regs.0[x.pc_slot] = block.va;
                        x.left = left + held;
                        return Leave::Warm(at);
                    }
                } else {
                    x.frame.regs.0[x.pc_slot] = block.va;
                    if left == 0 {
                        x.left = held;
                        return Leave::Stop;
                    }
                    charged = left;
                    ops = &ops[..block.start_of(left as usize)];
                }
                forced = false;
                left -= charged;
                let mut end = charged;
                let mut it = ops.iter();
                // Which target the block goes on at; none if `ops` ended before its last op.
                let mut way = None;
                while let Some(op) = it.next() {
                    let f = x.frame.words();
                    let (a, d) = (f[usize::from(op.a) & N], usize::from(op.d) & N);
                    macro_rules! b { () => { f[usize::from(op.b) & N] }; }
                    // The position of the op, and the instruction it belongs to.
                    macro_rules! nth {
                        () => {{
                            let pos = ops.len() - it.len() - 1;
                            block.insn_of(pos)
                        }};
                    }
                    macro_rules! slow {
                        ($n:ident, $call:expr, $ok:pat => $done:expr) => {{
                            let $n = nth!();
                            x.out.done = x.total - (left + held + charged - $n as u64);
                            x.out.pc = block.pc_of($n);
                            match $call {
                                Ok($ok) => $done,
                                Err(exception) => {
                                    x.frame.regs.0[x.pc_slot] = block.pc_of($n);
                                    x.left = left + held + charged - $n as u64 - 1;
                                    return Leave::Raise(exception);
                                }
                            }
                            if x.out.events.leave && held == 0 {
                                // Finish the guest instruction, then leave.
                                let next = $n + 1;
                                if (next as u64) < charged {
                                    let pos = ops.len() - it.len();
                                    ops = &ops[..block.start_of(next)];
                                    it = ops[pos.min(ops.len())..].iter();
                                    end = next as u64;
                                } else {
                                    held = left;
                                    left = 0;
                                }
                            }
                        }};
                    }
                    macro_rules! load {
                        ($low:literal, $get:ident, $v:ident => $value:expr) => {{
                            let va = a.wrapping_add(op.imm as u64) & mask;
                            if let Some(host) = x.out.mmu.tlb().readable(va, $low) {
                                let $v = host.$get();
                                x.frame.words()[d] = $value;
                            } else {
                                slow!(n, x.out.load(x.cpu, va, Acc(op.b)), v => x.frame.words()[d] = v)
                            }
                        }};
                    }
                    macro_rules! store {
                        ($low:literal, $put:ident, $ty:ty) => {{
                            let value = f[d];
                            let va = a.wrapping_add(op.imm as u64) & mask;
                            if let Some(host) = x.out.mmu.tlb().writable(va, $low) {
                                host.$put(value as $ty);
                            } else {
                                slow!(n, x.out.store(x.cpu, va, Acc(op.b), value), () => ())
                            }
                        }};
                    }
                    match op.code {
                        $(
                            Code::$b64 => f[d] = Bin::$bin.eval64(a, b!()),
                            Code::$b32 => f[d] = u64::from(Bin::$bin.eval32(a as u32, b!() as u32)),
                            Code::$bs => {
                                f[d] = Bin::$bin.eval32(a as u32, b!() as u32) as i32 as u64;
                            }
                            Code::$b64i => f[d] = Bin::$bin.eval64(a, op.imm as u64),
                            Code::$b32i => {
                                f[d] = u64::from(Bin::$bin.eval32(a as u32, op.imm as u32));
                            }
                            Code::$bsi => {
                                f[d] = Bin::$bin.eval32(a as u32, op.imm as u32) as i32 as u64;
                            }
                        )*
                        $(
                            Code::$u64 => f[d] = Un::$un.eval(Ty::I64, a),
                            Code::$u32 => f[d] = Un::$un.eval(Ty::I32, u64::from(a as u32)),
                        )*
                        $(
                            Code::$s64 => f[d] = u64::from(Cmp::$cmp.eval(Ty::I64, a, b!())),
                            Code::$s32 => {
                                f[d] = u64::from(Cmp::$cmp.eval(
                                    Ty::I32, u64::from(a as u32), u64::from(b!() as u32)));
                            }
                            Code::$s64i => f[d] = u64::from(Cmp::$cmp.eval(Ty::I64, a, op.imm as u64)),
                            Code::$s32i => {
                                f[d] = u64::from(Cmp::$cmp.eval(
                                    Ty::I32, u64::from(a as u32), u64::from(op.imm as u32)));
                            }
                            Code::$j64 => way = Some(!Cmp::$cmp.eval(Ty::I64, a, b!()) as u8),
                            Code::$j32 => {
                                way = Some(!Cmp::$cmp.eval(
                                    Ty::I32, u64::from(a as u32), u64::from(b!() as u32)) as u8);
                            }
                            Code::$j64i => way = Some(!Cmp::$cmp.eval(Ty::I64, a, op.imm as u64) as u8),
                            Code::$j32i => {
                                way = Some(!Cmp::$cmp.eval(
                                    Ty::I32, u64::from(a as u32), u64::from(op.imm as u32)) as u8);
                            }
                        )*
                        Code::Imm => f[d] = op.imm as u64,
                        Code::Mov => f[d] = a,
                        Code::Load8U => load!(0, load8, v => u64::from(v)),
                        Code::Load8S => load!(0, load8, v => v as i8 as u64),
                        Code::Load8S32 => load!(0, load8, v => u64::from(v as i8 as u32)),
                        Code::Load16U => load!(1, load16, v => u64::from(v)),
                        Code::Load16S => load!(1, load16, v => v as i16 as u64),
                        Code::Load16S32 => load!(1, load16, v => u64::from(v as i16 as u32)),
                        Code::Load32U => load!(3, load32, v => u64::from(v)),
                        Code::Load32S => load!(3, load32, v => v as i32 as u64),
                        Code::Load64 => load!(7, load64, v => v),
                        Code::Load => {
                            let va = a.wrapping_add(op.imm as u64) & mask;
                            slow!(n, x.out.load(x.cpu, va, Acc(op.b)), v => x.frame.words()[d] = v)
                        }
                        Code::Store8 => store!(0, store8, u8),
                        Code::Store16 => store!(1, store16, u16),
                        Code::Store32 => store!(3, store32, u32),
                        Code::Store64 => store!(7, store64, u64),
                        Code::Store => {
                            let value = f[d];
                            let va = a.wrapping_add(op.imm as u64) & mask;
                            slow!(n, x.out.store(x.cpu, va, Acc(op.b), value), () => ())
                        }
                        Code::Select => {
                            let c = f[op.imm as usize & N];
                            f[d] = if c != 0 { a } else { b!() };
                        }
                        Code::Rare => {
                            let Some(rare) = block.rare.get(op.imm as usize) else { continue };
                            slow!(n, x.rare(rare), () => ())
                        }
                        Code::Helper => {
                            let Some(rare) = block.rare.get(op.imm as usize) else { continue };
                            slow!(n, x.helper(rare), () => ())
                        }
                        Code::Jump => way = Some(0),
                        Code::Indirect => {
                            let pc = a & mask;
                            x.frame.regs.0[x.pc_slot] = pc;
                            if block.guess_pc.get() == pc && block.guess_key.get() == key {
                                at = block.guess.get();
                                way = Some(2);
                            } else if let Some(to) = x.jumps.find(pc, key) {
                                block.guess_pc.set(pc);
                                block.guess_key.set(key);
                                block.guess.set(to);
                                at = to;
                                way = Some(2);
                            } else {
                                x.left = left + held;
                                return Leave::Lookup;
                            }
                        }
                        Code::Resume => {
                            x.left = left + held;
                            x.out.events.leave = true;
                            return Leave::Lookup;
                        }
                    }
                }
                match way {
                    Some(2) => {}
                    Some(way) => {
                        let link = &block.links[usize::from(way & 1)];
                        let k = link.key.get();
                        if k == key || k == ALWAYS {
                            at = link.block.get();
                        } else {
                            x.frame.regs.0[x.pc_slot] = block.targets[usize::from(way & 1)];
                            x.left = left + held;
                            return Leave::Link(at, way);
                        }
                    }
                    None => {
                        x.frame.regs.0[x.pc_slot] = block.pc_of(end as usize);
                        x.left = left + held + (charged - end);
                        return Leave::Stop;
                    }
                }
            }
        }
    };
}
with_codes!(interpreter);
