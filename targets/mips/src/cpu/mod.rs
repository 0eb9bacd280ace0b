//! One core: modes, control registers, exceptions, translation, the float unit. What compiled code
//! touches lies in the slots; everything here is seen by helpers and calls only.

pub(crate) mod cause;
mod cp0;
mod debug;
mod fpu;
pub mod names;
mod saved;
mod system;
mod timer;
mod tlb;
mod trap;

use crate::isa::{Isa, Mmu};
use crate::lift::{self, Call, Key, calls};
use crate::regs;
pub(crate) use fpu::rounding;
use hetemu_isa::*;
use hetemu_schema::state::{LoadError, Reader, Writer};
use tlb::Entry;

/// Translation regimes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Regime {
    Kernel,
    Supervisor,
    User,
    /// Kernel mode with Status.ERL: the lowest 2 GiB are not mapped.
    Error,
}

impl Regime {
    const ALL: [Regime; 4] = [Regime::Kernel, Regime::Supervisor, Regime::User, Regime::Error];
}

/// Fields of Status.
pub(crate) mod status {
    pub(crate) const IE: u64 = 1 << 0;
    pub(crate) const EXL: u64 = 1 << 1;
    pub(crate) const ERL: u64 = 1 << 2;
    pub(crate) const KSU: u64 = 3 << 3;
    pub(crate) const UX: u64 = 1 << 5;
    pub(crate) const SX: u64 = 1 << 6;
    pub(crate) const KX: u64 = 1 << 7;
    pub(crate) const IM: u64 = 0xff << 8;
    pub(crate) const NMI: u64 = 1 << 19;
    pub(crate) const BEV: u64 = 1 << 22;
    pub(crate) const PX: u64 = 1 << 23;
    pub(crate) const FR: u64 = 1 << 26;
    pub(crate) const CU0: u64 = 1 << 28;
    pub(crate) const CU1: u64 = 1 << 29;
}

/// Fields of Cause.
pub(crate) mod cause_reg {
    pub(crate) const CODE: u64 = 0x1f << 2;
    pub(crate) const IP_SOFT: u64 = 3 << 8;
    pub(crate) const WP: u64 = 1 << 22;
    pub(crate) const IV: u64 = 1 << 23;
    pub(crate) const DC: u64 = 1 << 27;
    pub(crate) const CE: u64 = 3 << 28;
    pub(crate) const TI: u64 = 1 << 30;
    pub(crate) const BD: u64 = 1 << 31;
}

/// Registers and signals, with the manual's names. All are numbers, so that saved state is a list.
#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    pub(crate) index: u64,
    pub(crate) entry_lo: [u64; 2],
    pub(crate) context: u64,
    pub(crate) page_mask: u64,
    pub(crate) wired: u64,
    pub(crate) hwrena: u64,
    pub(crate) bad_vaddr: u64,
    pub(crate) entry_hi: u64,
    pub(crate) compare: u64,
    pub(crate) status: u64,
    pub(crate) intctl: u64,
    /// Cause but for the bits that inputs and the timer drive.
    pub(crate) cause: u64,
    pub(crate) epc: u64,
    pub(crate) ebase: u64,
    pub(crate) config: u64,
    pub(crate) xcontext: u64,
    pub(crate) tag: [u64; 4],
    pub(crate) error_epc: u64,
    pub(crate) depc: u64,
    pub(crate) desave: u64,
    /// KScratch1 to 6 and what else has no function.
    pub(crate) scratch: [u64; 6],
    /// FCSR but for the condition codes.
    pub(crate) fcsr: u64,
    /// Count is this plus the ticks since the start, or this alone while it stands still.
    pub(crate) count: u64,
    /// The tick at which Count reaches Compare next.
    pub(crate) due: u64,
    /// Count has reached Compare (Cause.TI).
    pub(crate) timer: u64,
    /// Levels of the hardware interrupt lines, bit 2 of Cause.IP on.
    pub(crate) lines: u64,
    /// Level of the non-maskable input, and whether it rose.
    pub(crate) nmi: u64,
    pub(crate) nmi_edge: u64,
    /// What Random is made from.
    pub(crate) random: u64,
}

/// One core.
pub struct Core {
    // Fixed configuration.
    pub(crate) isa: Isa,
    layout: Layout,
    reset_vector: u64,
    /// Frequency of Count in Hz.
    count_hz: u64,
    /// Which input a number is.
    inputs: Vec<Input>,
    // Volatile state.
    pub(crate) s: State,
    pub(crate) tlb: Vec<Entry>,
    /// Replaced entries that still translate, the oldest first.
    pub(crate) kept: Vec<Entry>,
    /// Where the last exception went.
    handler: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Input {
    Irq,
    Nmi,
}

impl Core {
    /// A core as its type and the machine describe it.
    ///
    /// # Errors
    /// A property that does not fit, in a sentence.
    pub fn new(config: &CoreConfig) -> Result<Core, String> {
        let isa = Isa::new(config)?;
        let core = config.ty.core.as_ref().ok_or("the type is no core")?;
        let mut inputs = Vec::new();
        for input in config.ty.own_inputs() {
            inputs.push(match input.name {
                "irq" => Input::Irq,
                "nmi" => Input::Nmi,
                name => return Err(format!("no interrupt is known for input `{name}`")),
            });
        }
        let layout = Layout {
            slots: regs::slots(isa.bits),
            pc: regs::PC,
            bits: isa.bits,
            endian: isa.endian(),
            page_bits: core.page.trailing_zeros() as u8,
            regimes: Regime::ALL.len() as u8,
            // The delay slot of a branch-likely has an even address of its own.
            pc_align: 2,
            float: fpu::policy(),
        };
        let vector = config.int("reset_vector").unwrap_or(core.reset_vector);
        // The physical address is reached through kseg1.
        let reset_vector = isa.extend(vector & 0x1fff_ffff | 0xa000_0000);
        let entries = if let Mmu::Tlb(n) = isa.mmu { n } else { 0 };
        let mut core = Core {
            reset_vector,
            // Count advances every other cycle (RDHWR CCRes reads 2).
            count_hz: (config.clock_hz / 2).max(1),
            inputs,
            isa,
            layout,
            s: State::default(),
            tlb: vec![Entry::default(); entries],
            kept: Vec::new(),
            handler: None,
        };
        core.clear();
        Ok(core)
    }

    /// The state after reset. Inputs keep their levels.
    fn clear(&mut self) {
        let (lines, nmi) = (self.s.lines, self.s.nmi);
        self.s = State {
            status: status::BEV | status::ERL,
            ebase: self.isa.extend(0x8000_0000),
            config: 2,
            random: 1,
            due: u64::MAX,
            lines,
            nmi,
            ..State::default()
        };
        self.tlb.fill(Entry::default());
        self.kept.clear();
        self.handler = None;
    }

    /// The regime of the current mode.
    pub(crate) fn regime(&self) -> Regime {
        let status = self.s.status;
        if status & status::ERL != 0 {
            return Regime::Error;
        }
        if status & status::EXL != 0 {
            return Regime::Kernel;
        }
        match status & status::KSU {
            0 => Regime::Kernel,
            0x08 => Regime::Supervisor,
            _ => Regime::User,
        }
    }

    /// Whether the mode is kernel mode.
    pub(crate) fn is_kernel(&self) -> bool {
        matches!(self.regime(), Regime::Kernel | Regime::Error)
    }

    /// The bits of a register.
    pub(crate) fn mask(&self) -> u64 {
        self.isa.mask()
    }
}

impl Cpu for Core {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn reset(&mut self, regs: &mut Regs) {
        self.clear();
        *regs = Regs::default();
        regs.set(regs::PC, self.reset_vector);
    }

    fn mode(&self, _regs: &Regs) -> Mode {
        let on = |bit: u64| self.s.status & bit != 0;
        let kernel = self.is_kernel();
        let cop0 = kernel || on(status::CU0);
        let wide = self.isa.wide()
            && match self.regime() {
                Regime::User => on(status::UX) || on(status::PX),
                Regime::Supervisor => on(status::SX),
                _ => true,
            };
        let key = Key {
            cop0,
            float: on(status::CU1) && self.isa.fir != 0,
            fr: on(status::FR),
            wide,
            user_local: cop0 || self.s.hwrena >> 29 & 1 != 0,
            special: self.is_special(),
            round: (self.s.fcsr & 3) as u8,
        };
        let regime = self.regime() as u8;
        Mode { key: key.bits(), fetch: regime, data: regime, asid: self.s.entry_hi as u32 & 0xff }
    }

    fn lift(
        &self,
        mode: Mode,
        pc: u64,
        limit: u32,
        fetch: &mut Fetch<'_>,
    ) -> Result<Block, FetchFault> {
        if pc & 1 != 0 {
            let cause = cause::ADDRESS_LOAD | cause::FETCH;
            return Err(FetchFault(Exception { cause, value: pc }));
        }
        lift::lift(&self.isa, mode, pc, limit, self.layout.page_bits, fetch)
    }

    fn helper(&mut self, id: u16, args: [u64; 3], cx: &mut Cx<'_>) -> Result<u64, Exception> {
        self.run_helper(Call::from_id(id), args, cx)?;
        Ok(0)
    }

    fn call(&mut self, id: u16, args: [u64; 3], env: &mut dyn Env) -> Result<(u64, u8), Halt> {
        let raise = |cause, value| Err(Halt::Raise(Exception { cause, value }));
        let [a, b, c] = args;
        let value = match id {
            calls::TRAP if a != 0 => return raise(b as u32, 0),
            calls::TRAP => 0,
            calls::READ => self.read(a as u8, b as u8, c != 0, env),
            calls::WRITE => {
                self.write(a as u8, (a >> 8) as u8, a >> 16 & 1 != 0, b);
                0
            }
            calls::HWR => match self.hardware_register(a, env) {
                Some(value) => value,
                None => return raise(cause::RESERVED, 0),
            },
            calls::STORE_PART => {
                self.store_part(a, b, c, env)?;
                0
            }
            calls::FLOAT => self.calculate(a, b, c, env).map_err(Halt::Raise)?,
            calls::COMPARE => self.compare(a, b, c).map_err(Halt::Raise)?,
            _ => return raise(cause::RESERVED, 0),
        };
        Ok((value, 0))
    }

    fn settle(&mut self, cx: &mut Cx<'_>) {
        self.settle_fcsr(cx.regs, cx.env);
    }

    fn translate(
        &mut self,
        regime: u8,
        va: u64,
        access: Access,
        _env: &mut dyn Env,
    ) -> Result<Translation, Exception> {
        let regime = Regime::ALL.get(regime as usize).copied().unwrap_or(Regime::User);
        self.translate_in(regime, va & self.mask(), access)
    }

    fn bus_fault(&self, access: Access, va: u64) -> Exception {
        let cause = match access {
            Access::Fetch => cause::BUS_FETCH | cause::FETCH,
            _ => cause::BUS_DATA,
        };
        Exception { cause, value: va }
    }

    fn misaligned(&self, access: Access, va: u64) -> Exception {
        tlb::address_error(access, va)
    }

    fn raise(&mut self, exception: Exception, pc: u64, cx: &mut Cx<'_>) {
        self.take_exception(exception, pc, cx);
    }

    fn interrupt(&mut self, cx: &mut Cx<'_>) -> bool {
        self.look_at_clock(cx.env.now_ps());
        self.take_interrupt(cx)
    }

    fn wakes(&self, _regs: &Regs) -> bool {
        self.pending() & self.s.status & status::IM != 0 || self.s.nmi_edge != 0
    }

    fn alarm(&mut self, now_ps: u64) {
        self.look_at_clock(now_ps);
    }

    fn signal(&mut self, input: u32, line: u32, level: bool) {
        match self.inputs.get(input as usize) {
            Some(Input::Irq) => {
                let bit = 1 << (10 + (line % 6));
                if level { self.s.lines |= bit } else { self.s.lines &= !bit }
            }
            Some(Input::Nmi) => {
                self.s.nmi_edge |= u64::from(level && self.s.nmi == 0);
                self.s.nmi = level.into();
            }
            None => {}
        }
    }

    fn registers(&self, regs: &Regs) -> Vec<(String, u64)> {
        names::registers(self, regs)
    }

    fn set_register(&mut self, regs: &mut Regs, name: &str, value: u64) -> bool {
        names::set_register(self, regs, name, value)
    }

    fn save(&self, w: &mut Writer) -> bool {
        self.write_state(w);
        true
    }

    fn load(&mut self, r: &Reader<'_>, _version: u32) -> Result<(), LoadError> {
        self.read_state(r)
    }

    fn debug_layout(&self) -> DebugLayout {
        self.layout_for_debuggers()
    }

    fn debug_read(&self, regs: &Regs, number: u32, env: &dyn Env) -> Option<Vec<u8>> {
        self.read_for_debuggers(regs, number, env)
    }

    fn debug_write(&mut self, regs: &mut Regs, number: u32, bytes: &[u8]) -> bool {
        self.write_for_debuggers(regs, number, bytes)
    }

    fn describe(&self, cause: u32) -> String {
        cause::describe(cause).to_string()
    }

    fn mode_name(&self) -> &'static str {
        match self.regime() {
            Regime::User => "user",
            Regime::Supervisor => "supervisor",
            _ => "kernel",
        }
    }

    fn handler(&self) -> Option<u64> {
        self.handler
    }

    fn describe_interrupt(&self, cause: u32) -> String {
        match cause {
            0 | 1 => format!("software interrupt {cause}"),
            7 if self.s.timer != 0 => "timer".to_string(),
            n => format!("hardware interrupt {}", n.wrapping_sub(2)),
        }
    }

    fn interrupt_cause(&self) -> u32 {
        let pending = self.pending() & self.s.status & status::IM;
        (pending >> 8).checked_ilog2().unwrap_or(0)
    }

    fn call_frame(&self, regs: &Regs) -> Option<CallFrame> {
        // o32: with a frame pointer, the return address and the caller's frame pointer lie at the
        // top of the frame, but how large the frame is no register says: only ra is certain.
        let reg = |n| regs.get(regs::x(n)) & self.mask();
        let word = self.isa.bits / 8;
        Some(CallFrame { ra: Some(reg(31)), fp: 0, sp: reg(29), ra_at: 0, fp_at: 0, word })
    }
}
