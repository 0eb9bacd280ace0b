//! Traps: entry, return, priorities. Privileged architecture, sections 3.1.6 to 3.1.9 and 3.3.2;
//! Ibex reference guide, chapter "Exceptions and Interrupts".

use super::*;

pub(crate) const FETCH_MISALIGNED: u32 = 0;
pub(crate) const ILLEGAL: u32 = 2;
pub(crate) const BREAKPOINT: u32 = 3;
pub(crate) const LOAD_MISALIGNED: u32 = 4;
pub(crate) const STORE_MISALIGNED: u32 = 6;
pub(crate) const ECALL_U: u32 = 8;

/// Interrupts from the highest priority down.
const STANDARD: [u32; 6] = [11, 3, 7, 9, 1, 5];

/// Ibex's non-maskable interrupt.
const IBEX_NMI: u64 = 31;
/// The cause of a non-maskable interrupt whose source is not told (section 3.5); its vector, which
/// the manual leaves open, is mtvec's base.
const UNKNOWN_NMI: u64 = 0;

pub(crate) fn describe(cause: u32) -> &'static str {
    match cause {
        0 => "misaligned fetch",
        1 => "fetch access fault",
        2 => "illegal instruction",
        3 => "breakpoint",
        4 => "misaligned load",
        5 => "load access fault",
        6 => "misaligned store",
        7 => "store access fault",
        8 => "call from U mode",
        9 => "call from S mode",
        11 => "call from M mode",
        12 => "fetch page fault",
        13 => "load page fault",
        15 => "store page fault",
        _ => "unknown exception",
    }
}

/// Interrupts by cause (table of mcause).
pub(crate) fn describe_interrupt(cause: u32, flavor: Flavor) -> String {
    let name = match cause {
        0 | 31 if flavor == Flavor::Ibex || cause == 0 => "non-maskable",
        1 => "supervisor software",
        3 => "machine software",
        5 => "supervisor timer",
        7 => "machine timer",
        9 => "supervisor external",
        11 => "machine external",
        13 => "counter overflow",
        16..=30 => return format!("fast {}", cause - 16),
        _ => return format!("interrupt {cause}"),
    };
    name.to_string()
}

impl Hart {
    pub(crate) fn take_exception(&mut self, e: Exception, pc: u64, cx: &mut Cx<'_>) {
        let to_s = self.mode != Priv::Machine && self.medeleg >> (e.cause & 63) & 1 == 1;
        self.enter(u64::from(e.cause), false, e.value, pc, to_s, cx);
    }

    /// Takes the interrupt of highest priority that is pending and enabled.
    pub(crate) fn take_interrupt(&mut self, cx: &mut Cx<'_>) -> bool {
        let pc = cx.regs.get(regs::PC);
        if self.mstack.is_some() {
            return false;
        }
        if self.nmi() {
            self.nmi_edge = false;
            let cause = if self.isa.flavor == Flavor::Ibex {
                self.mstack = Some((self.mstatus, self.mepc, self.mcause));
                IBEX_NMI
            } else {
                UNKNOWN_NMI
            };
            self.enter(cause, true, 0, pc, false, cx);
            return true;
        }
        let pending = self.pending() & self.mie;
        if pending == 0 {
            return false;
        }
        let m_on = self.mode != Priv::Machine || self.mstatus & MIE != 0;
        let s_on = match self.mode {
            Priv::Machine => false,
            Priv::Supervisor => self.mstatus & SIE != 0,
            Priv::User => true,
        };
        let m = if m_on { pending & !self.mideleg } else { 0 };
        let s = if s_on { pending & self.mideleg } else { 0 };
        for (set, to_s) in [(m, false), (s, true)] {
            if let Some(cause) = self.first(set) {
                self.enter(cause.into(), true, 0, pc, to_s, cx);
                return true;
            }
        }
        false
    }

    fn first(&self, set: u64) -> Option<u32> {
        // Ibex's fast interrupts come before all others, the lowest number first.
        let fast = (16..31).filter(|_| self.isa.flavor == Flavor::Ibex);
        fast.chain(STANDARD).find(|i| set >> i & 1 == 1)
    }

    fn enter(&mut self, cause: u64, irq: bool, tval: u64, pc: u64, to_s: bool, cx: &mut Cx<'_>) {
        let flag = if irq { 1 << (self.isa.bits - 1) } else { 0 };
        let tval = tval & self.isa.mask();
        let tvec = if to_s {
            self.sepc = pc;
            self.scause = cause | flag;
            self.stval = tval;
            let enabled = self.mstatus & SIE != 0;
            self.mstatus &= !(SIE | SPIE | SPP);
            self.mstatus |= if enabled { SPIE } else { 0 };
            self.mstatus |= if self.mode == Priv::Supervisor { SPP } else { 0 };
            self.mode = Priv::Supervisor;
            self.stvec
        } else {
            self.mepc = pc;
            self.mcause = cause | flag;
            self.mtval = tval;
            let enabled = self.mstatus & MIE != 0;
            self.mstatus &= !(MIE | MPIE | MPP);
            self.mstatus |= if enabled { MPIE } else { 0 };
            self.mstatus |= (self.mode as u64) << 11;
            self.mode = Priv::Machine;
            self.mtvec
        };
        let vectored = irq && tvec & 3 == 1;
        let target = (tvec & !3).wrapping_add(if vectored { cause * 4 } else { 0 });
        let target = target & self.isa.mask();
        self.handler = Some(target);
        cx.regs.set(regs::PC, target);
        // A reservation must not survive into what the handler switches to.
        cx.env.clear_reservation();
    }

    pub(crate) fn mret(&mut self, cx: &mut Cx<'_>) {
        let mpp = self.mpp();
        let mpie = self.mstatus & MPIE != 0;
        self.mstatus &= !(MIE | MPP);
        self.mstatus |= MPIE | if mpie { MIE } else { 0 } | (self.lowest() as u64) << 11;
        if mpp != Priv::Machine {
            self.mstatus &= !MPRV;
        }
        self.mode = mpp;
        cx.regs.set(regs::PC, self.legal_pc(self.mepc));
        if let Some((mstatus, mepc, mcause)) = self.mstack.take() {
            let kept = MPIE | MPP;
            self.mstatus = self.mstatus & !kept | mstatus & kept;
            (self.mepc, self.mcause) = (mepc, mcause);
        }
    }

    pub(crate) fn sret(&mut self, cx: &mut Cx<'_>) {
        let to = if self.mstatus & SPP != 0 { Priv::Supervisor } else { Priv::User };
        let spie = self.mstatus & SPIE != 0;
        self.mstatus &= !(SIE | SPP | MPRV);
        self.mstatus |= SPIE | if spie { SIE } else { 0 };
        self.mode = to;
        cx.regs.set(regs::PC, self.legal_pc(self.sepc));
    }

    /// An exception program counter as it reads: aligned to an instruction.
    pub(crate) fn legal_pc(&self, pc: u64) -> u64 {
        pc & !(u64::from(self.layout.pc_align) - 1)
    }
}
