//! The outer loop of a run: bursts of blocks, exceptions, interrupts, what slow paths left to do.

use super::{Cluster, STOP, Session, Stop};
use crate::frame::{Frame, NO_RESERVATION};
use crate::interp::{self, Exec, Leave};
use crate::jit::{self, SPENT, SlowCx};
use crate::mmu::Outer;
use crate::system::Trap;
use hetemu_isa::{Cpu, Cx, Exception};

/// The world around a core: steps of the run that are done, and the program counter. A macro, for
/// it borrows the cluster and the core field by field.
macro_rules! outer {
    ($cluster:ident, $s:ident, $c:ident, $done:expr, $pc:expr) => {
        Outer {
            core: $s.core,
            mmu: &mut $c.mmu,
            space: &$cluster.space,
            system: &mut *$s.system,
            cache: &$cluster.cache,
            listener: &$cluster.listener,
            events: &mut $c.events,
            stats: &mut $cluster.stats,
            watch: &mut $cluster.watch,
            parallel: $cluster.config.parallel,
            start: $s.start,
            ps: $s.ps,
            done: $done,
            base: $c.steps.wrapping_sub($c.raised),
            pc: $pc,
        }
    };
}

impl Cluster {
    pub(super) fn run_session(&mut self, s: &mut Session<'_>) -> Stop {
        let mut attend = true;
        let mut first = true;
        // A block whose exit may be linked to the next one.
        let mut link = None;
        // Compiled code has left the next instruction to the interpreter.
        let mut refused = false;
        // The block at the program counter is worth a region.
        let mut hot = false;
        loop {
            if attend {
                if let Some(stop) = self.attend(s, first) {
                    return stop;
                }
                link = None;
            }
            first = false;
            if refused {
                // In the middle of a block the mode may be another than at its beginning.
                self.ask_mode(s.core);
            }
            if s.left == 0 {
                return Stop::Budget;
            }
            let pc = self.cores[s.core].pc();
            let pass = self.cores[s.core].pass.take();
            if self.has_breakpoint(pc) {
                if pass != Some(pc) {
                    self.meet_breakpoint(s.core, pc);
                    return Stop::Debug;
                }
                link = None;
            }
            let block = match self.lookup(s, pc) {
                Ok(block) => block,
                Err(exception) => {
                    s.left -= 1;
                    self.raise(s, exception);
                    attend = true;
                    continue;
                }
            };
            if std::mem::take(&mut hot) {
                self.hot(s.core, block);
            }
            if let Some((from, way, key)) = link.take() {
                let c = &self.cores[s.core];
                // Unless translations were dropped meanwhile, and numbers mean other blocks.
                if key == c.key() {
                    self.cache.link(from, way, block, key, c.cpu.layout().page_bits);
                }
            }
            match self.burst(s, block, &mut refused) {
                Leave::Lookup | Leave::Stop => {}
                Leave::Link(from, way) => link = Some((from, way, self.cores[s.core].key())),
                Leave::Warm(block) => self.warm(s.core, block),
                Leave::Hot => hot = true,
                Leave::Raise(exception) => self.raise(s, exception),
            }
            attend = self.cores[s.core].events.leave;
        }
    }

    /// Runs blocks, compiled and interpreted, until something must be done that changes
    /// translations or looks at the core. `refused`: the next instruction must be interpreted.
    fn burst(&mut self, s: &mut Session<'_>, first: u32, refused: &mut bool) -> Leave {
        let c = &mut self.cores[s.core];
        let key = c.key();
        c.frame.tlb = c.mmu.tlb().base();
        c.frame.distance = c.mmu.distance();
        for (place, f) in c.frame.flats.iter_mut().zip(&self.flats) {
            *place = f.host;
        }
        c.frame.jumps = c.jumps.base().cast();
        c.frame.key = key;
        let trampoline = self.jit.as_ref().map_or(0, |j| j.runtime.trampoline);
        let mut out = outer!(self, s, c, 0, 0);
        let mut exec = Exec {
            frame: &mut c.frame,
            cpu: &mut *c.cpu,
            out: &mut out,
            jumps: &c.jumps,
            float: &c.float,
            key,
            pc_slot: c.pc_slot,
            mask: c.mask,
            mode: c.mode,
            left: s.left,
            total: s.total,
        };
        let mut at = first;
        // Compiled code was left just now.
        let mut came = false;
        let leave = loop {
            let Some(block) = self.cache.get(at) else { break Leave::Lookup };
            let code = block.code.get();
            let before = exec.left;
            let leave = if code != 0 && !*refused && before >= u64::from(block.count) {
                // Compiled code counts in signed numbers.
                let given = before.min(i64::MAX as u64);
                let mut cx = SlowCx {
                    cpu: &mut *exec.cpu,
                    out: &mut *exec.out,
                    unit: exec.float,
                    steps: (exec.total - before).wrapping_add(given),
                    mode: exec.mode,
                    raised: None,
                };
                let left = jit::enter(trampoline, code, exec.frame, &mut cx, given);
                let raised = cx.raised.take();
                let done = given.saturating_sub(left);
                exec.left -= done;
                exec.out.stats.compiled_insns += done;
                *refused = exec.frame.refused != 0;
                let stats = &mut *exec.out.stats;
                match exec.frame.refused {
                    0 => stats.exits_lookup += 1,
                    SPENT => stats.exits_budget += 1,
                    _ => stats.exits_refused += 1,
                }
                if let Some(exception) = raised {
                    *refused = false;
                    exec.left -= 1;
                    break Leave::Raise(exception);
                }
                came = true;
                if exec.frame.again != 0 { Leave::Hot } else { Leave::Lookup }
            } else {
                if code == 0 && block.heat.get() == 0 && !*refused {
                    break Leave::Warm(at);
                }
                if std::mem::take(&mut came) && block.interpret && !*refused {
                    let stats = &mut *exec.out.stats;
                    stats.exits_lookup -= 1;
                    stats.exits_helper += 1;
                }
                *refused = false;
                let leave = interp::run(&mut exec, &self.cache, at);
                exec.out.stats.interpreted_insns += before - exec.left;
                leave
            };
            match leave {
                Leave::Warm(warm) if !exec.out.events.leave => at = warm,
                Leave::Lookup if !exec.out.events.leave && exec.left > 0 && !*refused => {
                    let pc = exec.frame.regs.0[exec.pc_slot] & exec.mask;
                    match exec.jumps.find(pc, key) {
                        Some(next) => at = next,
                        None => break Leave::Lookup,
                    }
                }
                leave => break leave,
            }
        };
        s.left = exec.left;
        leave
    }

    /// Calls back with the core and the world around it, between instructions.
    pub(super) fn outside<R>(
        &mut self,
        s: &mut Session<'_>,
        f: impl FnOnce(&mut dyn Cpu, &mut Frame, &mut Outer<'_>) -> R,
    ) -> R {
        let c = &mut self.cores[s.core];
        let pc = c.pc();
        let mut out = outer!(self, s, c, s.total - s.left, pc);
        f(&mut *c.cpu, &mut c.frame, &mut out)
    }

    /// Has the core compute what its code has left for later.
    pub(super) fn settle_core(&mut self, s: &mut Session<'_>) {
        self.outside(s, |cpu, frame, out| {
            let pc = out.pc;
            cpu.settle(&mut Cx { regs: &mut frame.regs, pc, env: out });
        });
    }

    /// Has the core take an exception of the instruction at the program counter.
    fn raise(&mut self, s: &mut Session<'_>, exception: Exception) {
        if exception.cause == STOP {
            s.left += 1;
            self.cores[s.core].events.leave = true;
            return;
        }
        let sign = exception.cause == Exception::SIGN;
        self.stats.exceptions += u64::from(!sign);
        // The step of the instruction is charged already, but it has not retired.
        s.left += 1;
        let pc = self.cores[s.core].pc();
        self.outside(s, |cpu, frame, out| {
            cpu.raise(exception, pc, &mut Cx { regs: &mut frame.regs, pc, env: out });
        });
        s.left -= 1;
        let c = &mut self.cores[s.core];
        c.raised += 1;
        c.events.leave = true;
        c.events.host_floats = true;
        if sign {
            return;
        }
        let handler = c.pc();
        s.system.exception(s.core, exception, pc, handler);
        let Exception { cause, value } = exception;
        let now = s.now();
        s.system.trapped(now, s.core, Trap { interrupt: false, cause, value, pc, handler });
    }

    /// Sees to everything that happened, and looks at interrupts and mode.
    fn attend(&mut self, s: &mut Session<'_>, first: bool) -> Option<Stop> {
        self.absorb();
        self.settle(s.core);
        let c = &mut self.cores[s.core];
        if c.waiting {
            if !c.cpu.wakes(&c.frame.regs) {
                return Some(Stop::Wait);
            }
            c.waiting = false;
        }
        let pause = std::mem::take(&mut c.events.pause);
        if !first && s.system.must_stop() {
            return Some(Stop::Event);
        }
        if pause && !first {
            return Some(Stop::Pause);
        }
        if c.events.hit.is_some() {
            return Some(Stop::Debug);
        }
        let taken = self.outside(s, |cpu, frame, out| {
            let pc = out.pc;
            cpu.interrupt(&mut Cx { regs: &mut frame.regs, pc, env: out }).then(|| {
                let handler = frame.regs.get(cpu.layout().pc);
                Trap { interrupt: true, cause: cpu.interrupt_cause(), value: 0, pc, handler }
            })
        });
        if let Some(trap) = taken {
            self.stats.interrupts += 1;
            let now = s.now();
            s.system.trapped(now, s.core, trap);
        }
        self.settle(s.core);
        self.ask_mode(s.core);
        None
    }

    /// Asks a core for its mode.
    fn ask_mode(&mut self, core: usize) {
        let c = &mut self.cores[core];
        let mode = c.cpu.mode(&c.frame.regs);
        let mut flat = 0;
        for f in self.flats.iter().filter(|_| !c.mmu.is_watched()) {
            let last = f.start + (f.len - 1);
            let here = |r: &u8| c.cpu.is_physical(*r, f.start, last);
            flat |= u8::from([mode.data, mode.fetch].iter().all(here)) << f.number;
        }
        if mode != c.mode || flat != c.flat {
            c.mode = mode;
            c.flat = flat;
            c.mmu.set_mode(mode);
            c.take_epoch(&mut self.cache);
            let part = (mode.key, mode.fetch, flat);
            let index = self.modes.iter().position(|m| *m == part).unwrap_or_else(|| {
                self.modes.push(part);
                self.modes.len() - 1
            });
            c.mode_index = index as u16;
        }
    }

    /// Does what slow paths have left to do.
    fn settle(&mut self, core: usize) {
        let c = &mut self.cores[core];
        c.events.leave = false;
        if std::mem::take(&mut c.events.flushed) {
            c.take_epoch(&mut self.cache);
        }
        if std::mem::take(&mut c.events.unreserve) {
            c.frame.reserved = NO_RESERVATION;
        }
        c.waiting |= std::mem::take(&mut c.events.wait);
        if std::mem::take(&mut c.events.refetch) {
            self.absorb();
            self.compare_code();
        }
        let c = &mut self.cores[core];
        if !c.events.dirty.is_empty() {
            for (host, len) in std::mem::take(&mut c.events.dirty) {
                self.invalidate(host, len);
            }
        }
    }

    pub(super) fn invalidate(&mut self, host: usize, len: u64) {
        let dropped = self.cache.invalidate(host, len);
        if dropped > 0 {
            self.stats.invalidated += dropped as u64;
            self.unlink_stale();
            self.rekey();
        }
    }
}
