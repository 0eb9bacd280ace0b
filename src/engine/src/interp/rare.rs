//! Operations that are executed out of line: floats, atomics, helpers.

use super::lower::Rare;
use super::run::Exec;
use crate::float::Unit;
use crate::frame::{Frame, NO_RESERVATION, WORDS};
use crate::mmu::{Acc, Outer};
use hetemu_isa::ir::{Cast, Inst, Rmw, Ty};
use hetemu_isa::{Access, Cpu, Cx, Exception, Halt, Mode, mask};
use std::sync::atomic::{Ordering::SeqCst, fence};

/// What operations work on that the interpreter and templates run out of line.
pub(crate) struct Rarely<'a, 'b> {
    pub(crate) frame: &'a mut Frame,
    pub(crate) cpu: &'a mut dyn Cpu,
    pub(crate) out: &'a mut Outer<'b>,
    pub(crate) unit: &'a Unit,
    /// Bits of an address.
    pub(crate) mask: u64,
}

impl Rarely<'_, '_> {
    fn word(&mut self, at: u16) -> u64 {
        self.frame.words()[usize::from(at) & (WORDS - 1)]
    }

    fn set(&mut self, at: u16, value: u64) {
        self.frame.words()[usize::from(at) & (WORDS - 1)] = value;
    }

    /// Runs an operation.
    pub(crate) fn run(&mut self, rare: &Rare) -> Result<(), Exception> {
        let [a, b, c] = rare.words.map(|w| self.word(w));
        let wide = rare.ty == Ty::F64;
        let unit = self.unit;
        let (value, flags) = match rare.inst {
            Inst::FBin(op, round, ..) => unit.bin(op, round, wide, a, b),
            Inst::FSqrt(round, _) => unit.sqrt(round, wide, a),
            Inst::Fma { round, neg_product, neg_addend, .. } => {
                unit.fma(round, wide, [a, b, c], neg_product, neg_addend)
            }
            Inst::FCmp(op, ..) => {
                let (holds, flags) = unit.cmp(op, wide, a, b);
                (u64::from(holds), flags)
            }
            Inst::FCvt(round, ty, _) => unit.convert(round, wide, ty == Ty::F64, a),
            Inst::FToI(round, ty, signed, _) => unit.to_int(round, wide, ty == Ty::I64, signed, a),
            Inst::IToF(round, ty, signed, _) => {
                unit.from_int(round, ty == Ty::F64, rare.ty == Ty::I64, signed, a)
            }
            Inst::FClass(_) => (u64::from(unit.class(wide, a)), 0),
            Inst::Cast(Cast::Unbox, ..) => (unit.unbox(a), 0),
            Inst::Rmw(op, mem, ..) => {
                (self.rmw(op, Acc::new(mem, rare.ty == Ty::I32), rare.ty, a, b)?, 0)
            }
            Inst::LoadReserve(ty, mem, _) => {
                let va = a & self.mask;
                let value = self.out.load(self.cpu, va, Acc::new(mem, ty == Ty::I32))?;
                self.frame.reserved = va;
                self.frame.reserved_value = value;
                (value, 0)
            }
            Inst::Call(id, _) => {
                self.out.stats.helpers += 1;
                match self.cpu.call(id, [a, b, c], self.out) {
                    Ok(done) => done,
                    Err(Halt::Raise(exception)) => return Err(exception),
                    // Compiled code leaves it to the interpreter, which refuses nothing: from
                    // there this is a target's mistake.
                    Err(Halt::Redo) => return Err(self.cpu.bus_fault(Access::Load, 0)),
                }
            }
            Inst::StoreCond(mem, ..) => {
                (self.store_cond(Acc::new(mem, rare.ty == Ty::I32), a, b)?, 0)
            }
            Inst::Fence => {
                fence(SeqCst);
                (0, 0)
            }
            _ => (0, 0),
        };
        if flags != 0 {
            let bits = unit.flag_bits(flags);
            let slot = usize::from(unit.policy.flags.0);
            self.frame.regs.0[slot] |= bits;
        }
        self.set(rare.d, value);
        Ok(())
    }

    /// The store's permission counts even for an operation that would store what was there.
    fn rmw(&mut self, op: Rmw, acc: Acc, ty: Ty, va: u64, b: u64) -> Result<u64, Exception> {
        let va = va & self.mask;
        self.out.check_store(self.cpu, va, acc)?;
        if self.out.parallel
            && let Some(shared) = self.out.shared_memory(self.cpu, va, acc)?
        {
            let mut raw = shared.host.load(acc.size());
            loop {
                let old = acc.extend(raw);
                let seen = shared.host.swap_if(acc.size(), raw, acc.raw(rmw(op, ty, old, b)));
                if seen == raw {
                    self.out.stored(&shared, acc);
                    return Ok(old);
                }
                raw = seen;
            }
        }
        let old = self.out.load(self.cpu, va, acc)?;
        let new = rmw(op, ty, old, b);
        self.out.store(self.cpu, va, acc, new)?;
        Ok(old)
    }

    /// 1 if it stored. Fails if the reservation is of another address or the value has changed.
    fn store_cond(&mut self, acc: Acc, va: u64, value: u64) -> Result<u64, Exception> {
        let va = va & self.mask;
        self.out.check_store(self.cpu, va, acc)?;
        let held = std::mem::replace(&mut self.frame.reserved, NO_RESERVATION) == va;
        if self.out.parallel
            && held
            && let Some(shared) = self.out.shared_memory(self.cpu, va, acc)?
        {
            let seen = acc.raw(self.frame.reserved_value);
            let done = shared.host.swap_if(acc.size(), seen, acc.raw(value)) == seen;
            if done {
                self.out.stored(&shared, acc);
            }
            return Ok(u64::from(done));
        }
        let old = self.out.load_on(self.cpu, va, acc)?;
        if !held || old != self.frame.reserved_value {
            return Ok(0);
        }
        self.out.store(self.cpu, va, acc, value)?;
        Ok(1)
    }

    /// Calls the target in a mode; has the run left if something must be looked at then.
    pub(crate) fn helper(&mut self, rare: &Rare, mode: Mode) -> Result<(), Exception> {
        let Inst::Helper(id, _) = rare.inst else { return Ok(()) };
        let args = rare.words.map(|w| self.word(w));
        let pc = self.out.pc;
        self.out.stats.helpers += 1;
        let mut cx = Cx { regs: &mut self.frame.regs, pc, env: &mut *self.out };
        let value = self.cpu.helper(id, args, &mut cx)?;
        self.out.events.host_floats = true;
        self.set(rare.d, value);
        // It may have changed anything that decides how the core goes on.
        if self.cpu.mode(&self.frame.regs) != mode
            || self.cpu.wakes(&self.frame.regs)
            || self.out.system.must_stop()
        {
            self.out.events.leave = true;
        }
        Ok(())
    }
}

impl<'b> Exec<'_, 'b> {
    /// Runs an operation.
    pub(super) fn rare(&mut self, rare: &Rare) -> Result<(), Exception> {
        self.rarely().run(rare)
    }

    fn rarely(&mut self) -> Rarely<'_, 'b> {
        Rarely {
            frame: &mut *self.frame,
            cpu: &mut *self.cpu,
            out: &mut *self.out,
            unit: self.float,
            mask: self.mask,
        }
    }

    /// Calls the target.
    pub(super) fn helper(&mut self, rare: &Rare) -> Result<(), Exception> {
        let mode = self.mode;
        self.rarely().helper(rare, mode)
    }
}

/// What an atomic operation leaves in memory.
pub(crate) fn rmw(op: Rmw, ty: Ty, old: u64, b: u64) -> u64 {
    let signed = |x: u64| if ty == Ty::I64 { x as i64 } else { i64::from(x as u32 as i32) };
    let new = match op {
        Rmw::Swap => b,
        Rmw::Add => old.wrapping_add(b),
        Rmw::And => old & b,
        Rmw::Or => old | b,
        Rmw::Xor => old ^ b,
        Rmw::MinS => {
            if signed(old) < signed(b) {
                old
            } else {
                b
            }
        }
        Rmw::MaxS => {
            if signed(old) > signed(b) {
                old
            } else {
                b
            }
        }
        Rmw::MinU => old.min(b),
        Rmw::MaxU => old.max(b),
    };
    new & mask(ty)
}
