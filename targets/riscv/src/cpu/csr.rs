//! Control and status registers: which are there, who may touch them, what they read and take.
//! Privileged architecture 20240411, chapters 2, 3 and 12; Ibex reference guide, chapter "CSRs".

use super::*;
use crate::lift::csr::Access;
use crate::table::{Insn, Op, ext};

/// mstatus bits that sstatus shows.
const SSTATUS: u64 = SIE | SPIE | SPP | VS | FS | SUM | MXR;
/// Exceptions that can be delegated: all but the call from M mode.
const DELEGABLE: u64 = 0xb3ff;
/// Supervisor interrupts.
const S_BITS: u64 = 1 << 1 | 1 << 5 | 1 << 9;
const M_BITS: u64 = 1 << 3 | 1 << 7 | 1 << 11;
const FAST: u64 = 0x7fff << 16;

impl Hart {
    /// Runs a Zicsr instruction; `None` means that it is illegal.
    pub(crate) fn csr(&mut self, i: &Insn, cx: &mut Cx<'_>) -> Option<()> {
        let n = i.csr as u16 & 0xfff;
        let source = match i.op {
            Op::Csrrwi | Op::Csrrsi | Op::Csrrci => i.imm as u64,
            _ if i.rs1 == 0 => 0,
            _ => cx.regs.get(regs::x(i.rs1)),
        };
        let swap = matches!(i.op, Op::Csrrw | Op::Csrrwi);
        // Set and clear do not write if the field (not the value) is zero.
        let writes = swap || i.word >> 15 & 31 != 0;
        let allowed = self.mode as u16 >= n >> 8 & 3 && !(writes && n >> 10 == 3);
        if !allowed || !self.visible(n, cx.regs) {
            return None;
        }
        let old = self.read(n, cx.regs, Some(cx.env))?;
        if writes {
            // What an input drives in mip is not what software set: it is read but not written
            // back.
            let base = match n {
                0x344 => self.mip,
                0x144 => self.mip & self.mideleg,
                _ => old,
            };
            let new = match i.op {
                Op::Csrrw | Op::Csrrwi => source,
                Op::Csrrs | Op::Csrrsi => base | source,
                _ => base & !source,
            };
            self.write(n, new & self.isa.mask(), cx);
        }
        if i.rd != 0 {
            cx.regs.set(regs::x(i.rd), old);
        }
        Some(())
    }

    /// Does what lifted code calls for: reads a clock, or reads, and perhaps changes, a register
    /// that only holds a value; gives what it held. `None` means that the instruction is illegal.
    pub(crate) fn access(&mut self, access: Access, operand: u64, env: &dyn Env) -> Option<u64> {
        let n = access.csr;
        if n >= 0xc00 {
            return if self.counter_visible(n) { self.counter(n, Some(env)) } else { None };
        }
        if (self.mode as u16) < n >> 8 & 3 {
            return None;
        }
        let old = self.held(n)?;
        let new = match access.how {
            0 => return Some(old),
            1 => operand,
            2 => old | operand,
            _ => old & !operand,
        };
        self.hold(n, new & self.isa.mask());
        Some(old)
    }

    /// The value of a register that only holds one.
    fn held(&self, n: u16) -> Option<u64> {
        Some(match n {
            0x140 => self.sscratch,
            0x141 => self.legal_pc(self.sepc),
            0x142 => self.scause,
            0x143 => self.stval,
            0x340 => self.mscratch,
            0x341 => self.legal_pc(self.mepc),
            0x342 => self.mcause,
            0x343 => self.mtval,
            _ => return None,
        })
    }

    /// Sets a register that only holds a value.
    fn hold(&mut self, n: u16, value: u64) {
        match n {
            0x140 => self.sscratch = value,
            0x141 => self.sepc = value & !1,
            0x142 => self.scause = value,
            0x143 => self.stval = value,
            0x340 => self.mscratch = value,
            0x341 => self.mepc = value & !1,
            0x342 if self.isa.flavor == Flavor::Ibex => self.mcause = value & 0x8000_001f,
            0x342 => self.mcause = value,
            0x343 => self.mtval = value,
            _ => {}
        }
    }

    /// Whether the current mode gets at a register, beyond what its number says.
    fn visible(&self, n: u16, regs: &Regs) -> bool {
        match n {
            0x001..=0x003 => self.fs(regs) != 0,
            0x14d | 0x15d => self.stimecmp_visible(),
            0x008..=0x00a | 0x00f | 0xc20..=0xc22 => self.vector_on(),
            0x180 => self.mode != Priv::Supervisor || self.mstatus & TVM == 0,
            0xc00..=0xc1f | 0xc80..=0xc9f => self.counter_visible(n),
            _ => true,
        }
    }

    fn counter_visible(&self, n: u16) -> bool {
        let bit = n & 31;
        let m = self.mode == Priv::Machine || self.mcounteren >> bit & 1 == 1;
        let user_under_s = self.mode == Priv::User && self.isa.supervisor;
        m && (!user_under_s || self.scounteren >> bit & 1 == 1)
    }

    /// cycle, time, instret, or a high half. Without a world they read 0.
    fn counter(&self, n: u16, env: Option<&dyn Env>) -> Option<u64> {
        let there = if n & 31 == 1 { self.isa.time } else { self.isa.zicntr };
        let retired = env.map_or(0, |e| e.retired());
        let value = match n & 31 {
            0 => self.mcycle.get(retired),
            1 => env.map_or(0, |e| hetemu_hw::time::ticks(e.now_ps(), self.timebase_hz)),
            _ => self.minstret.get(retired),
        };
        there.then_some(if n < 0xc80 { value } else { value >> 32 })
    }

    /// A register's value; `None` if there is no such register. Without a world the clocks read 0.
    pub(crate) fn read(&self, n: u16, regs: &Regs, env: Option<&dyn Env>) -> Option<u64> {
        let (rv32, f) = (self.isa.bits == 32, self.isa.has(ext::F));
        let retired = env.map_or(0, |e| e.retired());
        let high = |value: u64| rv32.then_some(value >> 32);
        let value = match n {
            0x001 if f => regs.get(regs::FFLAGS),
            0x002 if f => self.frm.into(),
            0x003 if f => regs.get(regs::FFLAGS) | u64::from(self.frm) << 5,

            0x008..=0x00f | 0xc20..=0xc22 => self.read_vector(n)?,

            0x100..=0x1ff if !self.isa.supervisor => return None,
            0x100 => self.read_mstatus(regs) & (SSTATUS | 3 << 32 | self.sd_bit()),
            0x104 => self.mie & self.mideleg,
            0x105 => self.stvec,
            0x106 => self.scounteren,
            0x10a => self.senvcfg,
            0x140..=0x143 | 0x340..=0x343 => self.held(n)?,
            0x144 => self.pending_now(env) & self.mideleg,
            0x14d if self.isa.sstc => self.stimecmp,
            0x15d if self.isa.sstc && rv32 => self.stimecmp >> 32,
            0x180 => self.satp,

            0x300 => self.read_mstatus(regs),
            0x301 => self.misa(),
            0x302 if self.isa.supervisor => self.medeleg,
            0x303 if self.isa.supervisor => self.mideleg,
            0x304 => self.mie,
            0x305 => self.mtvec,
            0x306 if self.isa.user => self.mcounteren,
            0x30a if self.isa.user => self.menvcfg,
            0x310 if rv32 => 0,
            0x31a if rv32 && self.isa.user => self.menvcfg >> 32,
            0x320 => self.mcountinhibit,
            0x323..=0x33f => 0,
            0x344 => self.pending_now(env),
            0x747 if self.isa.smepmp => self.pmp.mseccfg(),
            0x757 if self.isa.smepmp && rv32 => 0,
            0x3a0..=0x3af => self.read_pmpcfg(usize::from(n - 0x3a0))?,
            0x3b0..=0x3ef if usize::from(n - 0x3b0) < self.pmp.entries() => {
                self.pmp.addr(usize::from(n - 0x3b0))
            }
            // Debug triggers: none.
            0x7a0..=0x7a3 => 0,
            0x5a8 | 0x7a8 | 0x7aa if self.isa.flavor == Flavor::Ibex => 0,
            0x7c0 if self.isa.flavor == Flavor::Ibex => self.cpuctrlsts,
            0x7c1 if self.isa.flavor == Flavor::Ibex => 0,

            0xb00 => self.mcycle.get(retired),
            0xb02 => self.minstret.get(retired),
            0xb80 => high(self.mcycle.get(retired))?,
            0xb82 => high(self.minstret.get(retired))?,
            0xb03..=0xb1f => 0,
            0xb83..=0xb9f if rv32 => 0,
            0xc00..=0xc02 => self.counter(n, env)?,
            0xc80..=0xc82 if rv32 => self.counter(n, env)?,
            0xc03..=0xc1f if self.isa.zicntr => 0,
            0xc83..=0xc9f if rv32 && self.isa.zicntr => 0,
            0xf11 | 0xf13 | 0xf15 => 0,
            0xf12 if self.isa.flavor == Flavor::Ibex => 22,
            0xf12 => 0,
            0xf14 => self.hartid,
            _ => return None,
        };
        Some(value & self.isa.mask())
    }

    /// Writes a register that exists; what it does not take is dropped.
    fn write(&mut self, n: u16, value: u64, cx: &mut Cx<'_>) {
        let ibex = self.isa.flavor == Flavor::Ibex;
        let retired = cx.env.retired();
        let m_bits = M_BITS | if ibex { FAST } else { 0 };
        let mie_mask = m_bits | if self.isa.supervisor { S_BITS } else { 0 };
        match n {
            0x001 => self.set_float(value, self.frm.into(), cx),
            0x002 => self.set_float(cx.regs.get(regs::FFLAGS), value, cx),
            0x003 => self.set_float(value, value >> 5, cx),

            0x008..=0x00f => self.write_vector(n, value),
            0x100 => {
                let kept = self.mstatus & !SSTATUS;
                self.set_mstatus(kept | value & SSTATUS, cx);
            }
            0x104 => self.mie = self.mie & !self.mideleg | value & self.mideleg,
            0x105 => self.stvec = value & !2,
            0x106 => self.scounteren = value & 0xffff_ffff,
            0x10a => {
                self.senvcfg =
                    envcfg::legal(self.senvcfg, value, self.isa.menvcfg & envcfg::SENVCFG)
            }
            0x140..=0x143 | 0x340..=0x343 => self.hold(n, value),
            0x144 => {
                let mask = self.mideleg & 1 << 1;
                self.mip = self.mip & !mask | value & mask;
            }
            0x14d => {
                self.stimecmp = self.join(self.stimecmp, value);
                self.set_alarm(cx.env);
            }
            0x15d => {
                self.stimecmp = value << 32 | self.stimecmp & 0xffff_ffff;
                self.set_alarm(cx.env);
            }
            0x180 => self.set_satp(value, cx),

            0x300 => self.set_mstatus(value, cx),
            0x302 => self.medeleg = value & DELEGABLE,
            0x303 => self.mideleg = value & S_BITS,
            0x304 => self.mie = value & mie_mask,
            0x305 if ibex => self.mtvec = value & !0xff | 1,
            0x305 => self.mtvec = value & !2,
            // Ibex's counters are for machine mode only.
            0x306 if !ibex => self.mcounteren = value & 0xffff_ffff,
            0x30a if !ibex => self.set_menvcfg(self.menvcfg & !self.isa.mask() | value, cx),
            0x31a if !ibex => {
                self.set_menvcfg(value << 32 | self.menvcfg & 0xffff_ffff, cx);
            }
            0x320 => {
                self.mcountinhibit = value & 0xffff_fffd;
                self.mcycle.inhibit(value & 1 != 0, retired);
                self.minstret.inhibit(value & 4 != 0, retired);
            }
            0x344 if self.isa.supervisor => {
                // While stimecmp drives STIP, what software had set stays behind it.
                let mask = S_BITS & !if self.stce() { timer::STIP } else { 0 };
                self.mip = self.mip & !mask | value & mask;
            }
            0x747 => {
                self.pmp.set_mseccfg(value);
                self.flush(cx.env);
            }
            0x3a0..=0x3af => {
                let first = usize::from(n - 0x3a0) * 4;
                for i in 0..usize::from(self.isa.bits / 8) {
                    self.pmp.set_cfg(first + i, (value >> (8 * i)) as u8);
                }
                self.flush(cx.env);
            }
            0x3b0..=0x3ef => {
                self.pmp.set_addr(usize::from(n - 0x3b0), value);
                self.flush(cx.env);
            }
            0x7c0 => self.cpuctrlsts = value & 0xff,
            0xb00 => {
                let low = self.join(self.mcycle.get(retired), value);
                self.mcycle.set(low, retired);
            }
            0xb02 => {
                let low = self.join(self.minstret.get(retired), value);
                self.minstret.set(low, retired);
            }
            0xb80 => {
                let low = self.mcycle.get(retired) & 0xffff_ffff;
                self.mcycle.set(value << 32 | low, retired);
            }
            0xb82 => {
                let low = self.minstret.get(retired) & 0xffff_ffff;
                self.minstret.set(value << 32 | low, retired);
            }
            _ => {}
        }
    }

    /// A 64-bit register of which a write changes as much as a word holds.
    fn join(&self, old: u64, value: u64) -> u64 {
        old & !self.isa.mask() | value
    }

    fn set_float(&mut self, flags: u64, frm: u64, cx: &mut Cx<'_>) {
        cx.regs.set(regs::FFLAGS, flags & 31);
        self.frm = (frm & 7) as u8;
        cx.regs.set(regs::FDIRTY, 1);
    }

    pub(crate) fn read_vector(&self, n: u16) -> Option<u64> {
        let v = self.vector.as_ref()?;
        Some(match n {
            0x008 => v.vstart as u64,
            0x009 => v.vxsat.into(),
            0x00a => v.vxrm.into(),
            0x00f => v.vcsr(),
            0xc20 => v.vl as u64,
            0xc21 => v.vtype(self.isa.bits),
            0xc22 => v.vlenb as u64,
            _ => return None,
        })
    }

    fn write_vector(&mut self, n: u16, value: u64) {
        let Some(v) = &mut self.vector else { return };
        match n {
            0x008 => v.set_vstart(value),
            0x009 => v.vxsat = value & 1 != 0,
            0x00a => v.vxrm = (value & 3) as u8,
            _ => (v.vxsat, v.vxrm) = (value & 1 != 0, (value >> 1 & 3) as u8),
        }
        self.vector_dirty();
    }

    fn sd_bit(&self) -> u64 {
        1 << (self.isa.bits - 1)
    }

    fn misa(&self) -> u64 {
        let letter = |c: char| 1u64 << (c as u32 - 'a' as u32);
        let mut value = (u64::from(self.isa.bits) / 32) << (self.isa.bits - 2);
        for name in &self.isa.names {
            let mut letters = name.chars();
            if let (Some(c @ 'a'..='z'), None) = (letters.next(), letters.next()) {
                value |= letter(c);
            }
        }
        value &= !(letter('s') | letter('u') | letter('g'));
        value |= if self.isa.supervisor { letter('s') } else { 0 };
        value | if self.isa.user { letter('u') } else { 0 }
    }

    fn read_mstatus(&self, regs: &Regs) -> u64 {
        let fs = self.fs(regs);
        let mut value = self.mstatus & !FS | fs << 13;
        if fs == 3 || self.mstatus & VS == VS {
            value |= self.sd_bit();
        }
        if self.isa.bits == 64 {
            value |= if self.isa.user { 2 << 32 } else { 0 };
            value |= if self.isa.supervisor { 2 << 34 } else { 0 };
        }
        value
    }

    fn set_mstatus(&mut self, value: u64, cx: &mut Cx<'_>) {
        let mut mask = MIE | MPIE;
        mask |= if self.isa.user { MPRV | TW } else { 0 };
        mask |= if self.isa.has(ext::F) { FS } else { 0 };
        mask |= if self.isa.has(ext::V) { VS } else { 0 };
        if self.isa.supervisor {
            mask |= SIE | SPIE | SPP | SUM | MXR | TVM | TSR;
        }
        let legal = match value >> 11 & 3 {
            0 => self.isa.user,
            1 => self.isa.supervisor,
            2 => false,
            _ => true,
        };
        let mut new = self.mstatus & !mask | value & mask;
        if legal {
            new = new & !MPP | value & MPP;
        } else if self.isa.flavor == Flavor::Ibex {
            new &= !MPP;
        }
        let mxr_changed = (new ^ self.mstatus) & MXR != 0;
        self.mstatus = new;
        cx.regs.set(regs::FDIRTY, 0);
        if mxr_changed {
            self.flush(cx.env);
        }
    }

    fn set_menvcfg(&mut self, value: u64, cx: &mut Cx<'_>) {
        let new = envcfg::legal(self.menvcfg, value, self.isa.menvcfg);
        let changed = self.menvcfg ^ new;
        self.menvcfg = new;
        if changed & (envcfg::ADUE | envcfg::PBMTE) != 0 {
            self.flush(cx.env);
        }
        if changed & envcfg::STCE != 0 {
            self.set_alarm(cx.env);
        }
    }

    /// A mode that is not there leaves satp as it is.
    fn set_satp(&mut self, value: u64, cx: &mut Cx<'_>) {
        use crate::isa::Mmu;
        let top = match self.isa.mmu {
            _ if self.isa.bits == 32 => 0,
            Mmu::None | Mmu::Sv32 => 0,
            Mmu::Sv39 => 8,
            Mmu::Sv48 => 9,
            Mmu::Sv57 => 10,
        };
        let legal = match (self.isa.mmu, self.isa.bits) {
            (Mmu::None, _) => return,
            (_, 32) => true,
            _ => value >> 60 == 0 || (8..=top).contains(&(value >> 60)),
        };
        if !legal {
            return;
        }
        let old = std::mem::replace(&mut self.satp, value);
        let mode = |satp: u64| if self.isa.bits == 32 { satp >> 31 } else { satp >> 60 };
        let asid = self.asid(value);
        if mode(old) != mode(value) {
            self.flush(cx.env);
        } else if old != value && self.asid(old) == asid {
            // Software must fence here. Much of it was only ever run where this is done for it.
            cx.env.flush_tlb(Flush::Space(asid));
        }
    }

    fn read_pmpcfg(&self, n: usize) -> Option<u64> {
        let word = usize::from(self.isa.bits / 8);
        if n * 4 >= self.pmp.entries() || word == 8 && n % 2 == 1 {
            return None;
        }
        Some((0..word).fold(0, |v, i| v | u64::from(self.pmp.cfg(n * 4 + i)) << (8 * i)))
    }

    /// Writes a register from outside, as machine mode would; false if there is none.
    pub(crate) fn poke(&mut self, n: u16, value: u64, regs: &mut Regs) -> bool {
        if self.read(n, regs, None).is_none() || n >> 10 == 3 {
            return false;
        }
        let mut nothing = Nothing;
        let mut cx = Cx { regs, pc: 0, env: &mut nothing };
        self.write(n, value & self.isa.mask(), &mut cx);
        true
    }
}

/// The world while a debugger writes: it flushes by itself.
struct Nothing;

impl Env for Nothing {
    fn now_ps(&self) -> u64 {
        0
    }
    fn retired(&self) -> u64 {
        0
    }
    fn phys_read(&mut self, _: u64, _: u8) -> Option<u64> {
        None
    }
    fn phys_write(&mut self, _: u64, _: u8, _: u64) -> Option<()> {
        None
    }
    fn flush_tlb(&mut self, _: Flush) {}
    fn flush_code(&mut self) {}
    fn wait(&mut self) {}
    fn wake_at(&mut self, _: u64) {}
    fn host_call(&mut self, _: HostCall) -> Option<u64> {
        None
    }
    fn clear_reservation(&mut self) {}
}
