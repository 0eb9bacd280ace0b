//! Saved state of a hart: what no slot holds. Numbers are never reused.

use super::counters::Counter;
use super::*;

const MODE: u16 = 1;
/// Registers of `Hart::words`, in its order.
const WORDS: u16 = 2;
const STIP: u16 = 3;
const FRM: u16 = 4;
const COUNTERS: u16 = 5;
const NMI_EDGE: u16 = 6;
/// Missing outside of the handler of a non-maskable interrupt.
const MSTACK: u16 = 7;
/// Missing before the first trap.
const HANDLER: u16 = 8;
const PMP_CFG: u16 = 9;
const PMP_ADDR: u16 = 10;
const MSECCFG: u16 = 11;
/// Missing without V: vl, vstart, vxrm, vxsat, and vtype as the register reads on RV64.
const VECTOR: u16 = 12;
const VECTOR_REGS: u16 = 13;

impl Hart {
    /// Registers that are one number; the order is that of saved states.
    pub(super) fn words_mut(&mut self) -> [&mut u64; 24] {
        [
            &mut self.mstatus,
            &mut self.mtvec,
            &mut self.medeleg,
            &mut self.mideleg,
            &mut self.mie,
            &mut self.mip,
            &mut self.lines,
            &mut self.mcounteren,
            &mut self.mcountinhibit,
            &mut self.mscratch,
            &mut self.mepc,
            &mut self.mcause,
            &mut self.mtval,
            &mut self.menvcfg,
            &mut self.stvec,
            &mut self.scounteren,
            &mut self.senvcfg,
            &mut self.sscratch,
            &mut self.sepc,
            &mut self.scause,
            &mut self.stval,
            &mut self.satp,
            &mut self.stimecmp,
            &mut self.cpuctrlsts,
        ]
    }

    fn words(&self) -> [u64; 24] {
        [
            self.mstatus,
            self.mtvec,
            self.medeleg,
            self.mideleg,
            self.mie,
            self.mip,
            self.lines,
            self.mcounteren,
            self.mcountinhibit,
            self.mscratch,
            self.mepc,
            self.mcause,
            self.mtval,
            self.menvcfg,
            self.stvec,
            self.scounteren,
            self.senvcfg,
            self.sscratch,
            self.sepc,
            self.scause,
            self.stval,
            self.satp,
            self.stimecmp,
            self.cpuctrlsts,
        ]
    }

    pub(super) fn write_state(&self, w: &mut Writer) {
        w.int(MODE, self.mode as u64);
        w.ints(WORDS, self.words());
        w.int(STIP, self.stip.into());
        w.int(FRM, self.frm.into());
        w.ints(COUNTERS, [self.mcycle.parts(), self.minstret.parts()].into_iter().flatten());
        w.int(NMI_EDGE, self.nmi_edge.into());
        if let Some((status, pc, cause)) = self.mstack {
            w.ints(MSTACK, [status, pc, cause]);
        }
        if let Some(handler) = self.handler {
            w.int(HANDLER, handler);
        }
        let entries = 0..self.pmp.entries();
        w.bytes(PMP_CFG, &entries.clone().map(|i| self.pmp.cfg(i)).collect::<Vec<_>>());
        w.ints(PMP_ADDR, entries.map(|i| self.pmp.addr(i)));
        w.int(MSECCFG, self.pmp.mseccfg());
        if let Some(vector) = &self.vector {
            let (vxrm, vxsat) = (vector.vxrm.into(), vector.vxsat.into());
            let [vl, vstart] = [vector.vl, vector.vstart].map(|n| n as u64);
            w.ints(VECTOR, [vl, vstart, vxrm, vxsat, vector.vtype(64)]);
            w.bytes(VECTOR_REGS, &vector.regs);
        }
    }

    pub(super) fn read_state(&mut self, r: &Reader<'_>) -> Result<(), LoadError> {
        let flag = |field| match r.int(field)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(LoadError::Bad(field)),
        };
        let maybe = |found: Result<u64, LoadError>| match found {
            Ok(value) => Ok(Some(value)),
            Err(LoadError::Missing(_)) => Ok(None),
            Err(e) => Err(e),
        };
        let mode = match r.int(MODE)? {
            0 => Priv::User,
            1 => Priv::Supervisor,
            3 => Priv::Machine,
            _ => return Err(LoadError::Bad(MODE)),
        };
        let frm = u8::try_from(r.int(FRM)?).ok().filter(|f| *f < 8).ok_or(LoadError::Bad(FRM))?;
        let (stip, nmi_edge, handler) = (flag(STIP)?, flag(NMI_EDGE)?, maybe(r.int(HANDLER))?);
        let mut counters = [0; 4];
        r.ints(COUNTERS, &mut counters)?;
        let mut stack = [0; 3];
        let mstack = match r.ints(MSTACK, &mut stack) {
            Ok(()) => Some(stack.into()),
            Err(LoadError::Missing(_)) => None,
            Err(e) => return Err(e),
        };
        let mut addr = vec![0; self.pmp.entries()];
        r.ints(PMP_ADDR, &mut addr)?;
        self.pmp
            .restore(r.bytes(PMP_CFG)?, &addr, r.int(MSECCFG)?)
            .ok_or(LoadError::Bad(PMP_CFG))?;
        if let Some(vector) = &mut self.vector {
            let mut words = [0; 5];
            r.ints(VECTOR, &mut words)?;
            vector.restore(words, r.bytes(VECTOR_REGS)?).ok_or(LoadError::Bad(VECTOR))?;
        }
        let mut words = [0; 24];
        r.ints(WORDS, &mut words)?;
        for (to, from) in self.words_mut().into_iter().zip(words) {
            *to = from;
        }
        let [cycle, instret] = [[counters[0], counters[1]], [counters[2], counters[3]]];
        (self.mcycle, self.minstret) = (Counter::of(cycle), Counter::of(instret));
        (self.mode, self.stip, self.frm) = (mode, stip, frm);
        (self.nmi_edge, self.mstack, self.handler) = (nmi_edge, mstack, handler);
        Ok(())
    }
}
