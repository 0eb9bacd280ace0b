//! One hart: privilege modes, control registers, traps, translation. What compiled code touches
//! lies in the slots; everything here is seen by helpers only.

mod block;
mod counters;
mod csr;
mod debug;
pub(crate) mod envcfg;
mod mmu;
pub mod names;
mod pmp;
mod saved;
mod system;
mod timer;
mod trap;

use crate::isa::{Flavor, Isa};
use crate::lift::{self, Call, Key};
use crate::regs;
use crate::vector::Vector;
use counters::Counter;
use hetemu_isa::*;
use pmp::Pmp;

/// Privilege modes, as mstatus.MPP encodes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Priv {
    User = 0,
    Supervisor = 1,
    Machine = 3,
}

/// Translation regimes. What else decides (satp but for its ASID, MXR, PMP) flushes when it
/// changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Regime {
    Machine,
    Supervisor,
    /// Supervisor data accesses with mstatus.SUM.
    Sum,
    User,
}

impl Regime {
    const ALL: [Regime; 4] = [Regime::Machine, Regime::Supervisor, Regime::Sum, Regime::User];
}

// Fields of mstatus.
pub(crate) const SIE: u64 = 1 << 1;
pub(crate) const MIE: u64 = 1 << 3;
pub(crate) const SPIE: u64 = 1 << 5;
pub(crate) const MPIE: u64 = 1 << 7;
pub(crate) const SPP: u64 = 1 << 8;
pub(crate) const MPP: u64 = 3 << 11;
pub(crate) const VS: u64 = 3 << 9;
pub(crate) const FS: u64 = 3 << 13;
pub(crate) const MPRV: u64 = 1 << 17;
pub(crate) const SUM: u64 = 1 << 18;
pub(crate) const MXR: u64 = 1 << 19;
pub(crate) const TVM: u64 = 1 << 20;
pub(crate) const TW: u64 = 1 << 21;
pub(crate) const TSR: u64 = 1 << 22;

/// The bit of `Hart::lines` for the non-maskable input.
const NMI_LINE: u64 = 1 << 63;

/// One hart.
pub struct Hart {
    // Fixed configuration.
    isa: Isa,
    layout: Layout,
    hartid: u64,
    reset_vector: u64,
    timebase_hz: u64,
    /// The bit of mip that each input drives, by index.
    inputs: Vec<u32>,

    // Volatile state. The registers bear the manual's names.
    mode: Priv,
    mstatus: u64,
    mtvec: u64,
    medeleg: u64,
    mideleg: u64,
    mie: u64,
    /// Bits of mip that software sets.
    mip: u64,
    /// Bits of mip that inputs drive.
    lines: u64,
    mcounteren: u64,
    mcountinhibit: u64,
    mscratch: u64,
    mepc: u64,
    mcause: u64,
    mtval: u64,
    menvcfg: u64,
    stvec: u64,
    scounteren: u64,
    senvcfg: u64,
    sscratch: u64,
    sepc: u64,
    scause: u64,
    stval: u64,
    satp: u64,
    stimecmp: u64,
    /// `time` had reached stimecmp when the clock was looked at last.
    stip: bool,
    frm: u8,
    /// None without V, and while a vector instruction runs.
    pub(crate) vector: Option<Box<Vector>>,
    mcycle: Counter,
    minstret: Counter,
    pmp: Pmp,
    cpuctrlsts: u64,
    /// The non-maskable input rose.
    nmi_edge: bool,
    /// mstatus, mepc and mcause from before a non-maskable interrupt (Ibex), while in its handler.
    mstack: Option<(u64, u64, u64)>,
    /// Where the last trap went.
    handler: Option<u64>,
}

impl Hart {
    /// A hart as its type and the machine describe it.
    ///
    /// # Errors
    /// A property that does not fit, in a sentence.
    pub fn new(config: &CoreConfig) -> Result<Hart, String> {
        let isa = Isa::new(config)?;
        if config.big_endian {
            return Err("RISC-V cores are little-endian here".into());
        }
        let core = config.ty.core.as_ref().ok_or("the type is no core")?;
        let mut inputs = Vec::new();
        for input in config.ty.own_inputs() {
            inputs.push(match input.name {
                "ssip" => 1,
                "msip" | "software" => 3,
                "stip" => 5,
                "mtip" | "timer" => 7,
                "seip" => 9,
                "meip" | "external" => 11,
                "fast" => 16,
                "nmi" => NMI_LINE.trailing_zeros(),
                name => return Err(format!("no interrupt is known for input `{name}`")),
            });
        }
        let layout = Layout {
            slots: regs::slots(isa.bits),
            pc: regs::PC,
            bits: isa.bits,
            endian: core.endian,
            page_bits: core.page.trailing_zeros() as u8,
            regimes: Regime::ALL.len() as u8,
            pc_align: if isa.has(crate::table::ext::ZCA) { 2 } else { 4 },
            float: FloatPolicy {
                flags: regs::FFLAGS,
                flag_bits: [4, 3, 2, 1, 0],
                default_nan: true,
                legacy_nan: false,
                nan32: 0x7fc0_0000,
                nan64: 0x7ff8_0000_0000_0000,
                tiny_before: false,
                nan_to_int: NanToInt::Max,
            },
        };
        let mut hart = Hart {
            hartid: config.int("hart").unwrap_or(0),
            reset_vector: config.int("reset_vector").unwrap_or(core.reset_vector) & isa.mask(),
            timebase_hz: config.timebase_hz,
            inputs,
            pmp: Pmp::new(isa.pmp, isa.bits, isa.smepmp),
            isa,
            layout,
            mode: Priv::Machine,
            mstatus: 0,
            mtvec: 0,
            medeleg: 0,
            mideleg: 0,
            mie: 0,
            mip: 0,
            lines: 0,
            mcounteren: 0,
            mcountinhibit: 0,
            mscratch: 0,
            mepc: 0,
            mcause: 0,
            mtval: 0,
            menvcfg: 0,
            stvec: 0,
            scounteren: 0,
            senvcfg: 0,
            sscratch: 0,
            sepc: 0,
            scause: 0,
            stval: 0,
            satp: 0,
            stimecmp: u64::MAX,
            stip: false,
            frm: 0,
            vector: None,
            mcycle: Counter::default(),
            minstret: Counter::default(),
            cpuctrlsts: 0,
            nmi_edge: false,
            mstack: None,
            handler: None,
        };
        hart.clear();
        Ok(hart)
    }

    /// The state after reset. Inputs keep their levels.
    fn clear(&mut self) {
        let ibex = self.isa.flavor == Flavor::Ibex;
        self.mode = Priv::Machine;
        let lines = self.lines;
        self.words_mut().into_iter().for_each(|word| *word = 0);
        self.lines = lines;
        // Ibex comes out of reset with MPIE set and MPP = U (its reference guide, mstatus).
        self.mstatus = if ibex { MPIE } else { 0 };
        self.mtvec = if ibex { self.reset_vector & !0xff | 1 } else { 0 };
        self.stimecmp = u64::MAX;
        self.stip = false;
        self.frm = 0;
        self.vector = self.isa.vlen.map(|bits| Box::new(Vector::new(bits)));
        self.mcycle = Counter::default();
        self.minstret = Counter::default();
        self.pmp = Pmp::new(self.isa.pmp, self.isa.bits, self.isa.smepmp);
        self.mstack = None;
        self.nmi_edge = false;
        self.handler = None;
        if self.lowest() == Priv::Machine {
            self.mstatus |= MPP;
        }
    }

    /// The least privileged mode.
    fn lowest(&self) -> Priv {
        if self.isa.user { Priv::User } else { Priv::Machine }
    }

    /// The mode that loads and stores act in.
    fn data_mode(&self) -> Priv {
        match self.mode {
            Priv::Machine if self.mstatus & MPRV != 0 => self.mpp(),
            mode => mode,
        }
    }

    fn mpp(&self) -> Priv {
        match self.mstatus >> 11 & 3 {
            0 => Priv::User,
            1 => Priv::Supervisor,
            _ => Priv::Machine,
        }
    }

    fn regime(&self, mode: Priv, data: bool) -> Regime {
        match mode {
            Priv::Machine => Regime::Machine,
            Priv::Supervisor if data && self.mstatus & SUM != 0 => Regime::Sum,
            Priv::Supervisor => Regime::Supervisor,
            Priv::User => Regime::User,
        }
    }

    /// The ASID in a value of satp: all the bits that the manual allows are there.
    pub(crate) fn asid(&self, satp: u64) -> u32 {
        match self.isa.bits {
            32 => satp as u32 >> 22 & 0x1ff,
            _ => (satp >> 44) as u32 & 0xffff,
        }
    }

    /// mstatus.FS, with what lifted code did since it was written.
    fn fs(&self, regs: &Regs) -> u64 {
        let fs = self.mstatus >> 13 & 3;
        if fs != 0 && regs.get(regs::FDIRTY) != 0 { 3 } else { fs }
    }

    /// Vector instructions are allowed.
    pub(crate) fn vector_on(&self) -> bool {
        self.mstatus & VS != 0
    }

    /// Vector state has changed.
    pub(crate) fn vector_dirty(&mut self) {
        self.mstatus |= VS;
    }

    /// The bits of an integer register.
    pub(crate) fn mask(&self) -> u64 {
        self.isa.mask()
    }

    pub(crate) fn frm(&self) -> u8 {
        self.frm
    }

    pub(crate) fn float_policy(&self) -> FloatPolicy {
        self.layout.float
    }

    /// Pending interrupts: what inputs drive and what software has set, or Sstc has.
    fn pending(&self) -> u64 {
        let pending = (self.lines | self.mip) & !NMI_LINE;
        if !self.stce() {
            return pending;
        }
        pending & !timer::STIP | if self.stip { timer::STIP } else { 0 }
    }

    /// Whether a non-maskable interrupt is due: Ibex looks at the level and cannot nest them,
    /// others cannot return from one and take each edge.
    fn nmi(&self) -> bool {
        match self.isa.flavor {
            Flavor::Ibex => self.lines & NMI_LINE != 0 && self.mstack.is_none(),
            Flavor::Standard => self.nmi_edge,
        }
    }
}

/// The illegal-instruction exception of a vector instruction.
pub(crate) fn illegal(word: u32) -> Halt {
    Halt::Raise(Exception { cause: trap::ILLEGAL, value: word.into() })
}

impl Cpu for Hart {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn reset(&mut self, regs: &mut Regs) {
        self.clear();
        *regs = Regs::default();
        regs.set(regs::PC, self.reset_vector);
    }

    fn mode(&self, regs: &Regs) -> Mode {
        let fs = self.fs(regs);
        let cbze = self.enabled(envcfg::CBZE);
        let key = Key { float: fs != 0, dirty: fs == 3, frm: self.frm, cbze };
        Mode {
            key: key.bits(),
            fetch: self.regime(self.mode, false) as u8,
            data: self.regime(self.data_mode(), true) as u8,
            asid: self.asid(self.satp),
        }
    }

    fn is_physical(&self, regime: u8, first: u64, last: u64) -> bool {
        regime == Regime::Machine as u8 && self.pmp.is_open(first, last)
    }

    fn lift(
        &self,
        mode: Mode,
        pc: u64,
        limit: u32,
        fetch: &mut Fetch<'_>,
    ) -> Result<Block, FetchFault> {
        lift::lift(&self.isa, mode, pc, limit, self.layout.page_bits, fetch)
    }

    fn helper(&mut self, id: u16, args: [u64; 3], cx: &mut Cx<'_>) -> Result<u64, Exception> {
        self.call(Call::from_id(id), args[0] as u32, args[1], cx)?;
        Ok(0)
    }

    fn call(&mut self, id: u16, args: [u64; 3], env: &mut dyn Env) -> Result<(u64, u8), Halt> {
        if id == lift::csr::CALL {
            let [what, operand, word] = args;
            let value = self.access(lift::csr::Access::from_bits(what), operand, env);
            return value.map(|v| (v, 0)).ok_or(illegal(word as u32));
        }
        if id == lift::csr::PAUSE {
            return env.pause().map(|()| (0, 0));
        }
        if id == lift::VectorCall::Csr as u16 {
            let value = self.read_vector(args[1] as u16).filter(|_| self.vector_on());
            return value.map(|v| (v, 0)).ok_or(illegal(args[0] as u32));
        }
        self.vector(args[0] as u32, args[1], args[2], env)
    }

    fn translate(
        &mut self,
        regime: u8,
        va: u64,
        access: Access,
        env: &mut dyn Env,
    ) -> Result<Translation, Exception> {
        let regime = Regime::ALL.get(regime as usize).copied().unwrap_or(Regime::User);
        self.translate_in(regime, va & self.isa.mask(), access, env)
    }

    fn bus_fault(&self, access: Access, va: u64) -> Exception {
        mmu::access_fault(access, va)
    }

    fn misaligned(&self, access: Access, va: u64) -> Exception {
        let cause = match access {
            Access::Fetch => trap::FETCH_MISALIGNED,
            Access::Load => trap::LOAD_MISALIGNED,
            Access::Store => trap::STORE_MISALIGNED,
        };
        Exception { cause, value: va }
    }

    fn raise(&mut self, exception: Exception, pc: u64, cx: &mut Cx<'_>) {
        self.take_exception(exception, pc, cx);
    }

    fn interrupt(&mut self, cx: &mut Cx<'_>) -> bool {
        if self.stce() {
            self.look_at_clock(cx.env.now_ps());
        }
        self.take_interrupt(cx)
    }

    fn wakes(&self, _regs: &Regs) -> bool {
        self.pending() & self.mie != 0 || self.nmi()
    }

    fn alarm(&mut self, now_ps: u64) {
        self.look_at_clock(now_ps);
    }

    fn save(&self, w: &mut Writer) -> bool {
        self.write_state(w);
        true
    }

    fn load(&mut self, r: &Reader<'_>, _version: u32) -> Result<(), LoadError> {
        self.read_state(r)
    }

    fn signal(&mut self, input: u32, line: u32, level: bool) {
        let Some(&first) = self.inputs.get(input as usize) else { return };
        let bit = 1u64 << (first.wrapping_add(line) & 63);
        self.nmi_edge |= bit == NMI_LINE && level && self.lines & bit == 0;
        if level { self.lines |= bit } else { self.lines &= !bit }
    }

    fn registers(&self, regs: &Regs) -> Vec<(String, u64)> {
        names::registers(self, regs)
    }

    fn set_register(&mut self, regs: &mut Regs, name: &str, value: u64) -> bool {
        names::set_register(self, regs, name, value)
    }

    fn describe(&self, cause: u32) -> String {
        trap::describe(cause).to_string()
    }

    fn mode_name(&self) -> &'static str {
        match self.mode {
            Priv::Machine => "M",
            Priv::Supervisor => "S",
            Priv::User => "U",
        }
    }

    fn handler(&self) -> Option<u64> {
        self.handler
    }

    fn interrupt_cause(&self) -> u32 {
        let cause = if self.mode == Priv::Machine { self.mcause } else { self.scause };
        cause as u32 & 0x3f
    }

    fn describe_interrupt(&self, cause: u32) -> String {
        trap::describe_interrupt(cause, self.isa.flavor)
    }

    fn call_frame(&self, regs: &Regs) -> Option<CallFrame> {
        // psABI, "Frame Pointer Convention": a frame is named by the stack pointer before it; the
        // words below are the return address and the caller's frame pointer.
        let word = self.isa.bits / 8;
        let reg = |n| regs.get(regs::x(n)) & self.isa.mask();
        Some(CallFrame {
            ra: Some(reg(1)),
            fp: reg(8),
            sp: reg(2),
            ra_at: -i64::from(word),
            fp_at: -2 * i64::from(word),
            word,
        })
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
}
