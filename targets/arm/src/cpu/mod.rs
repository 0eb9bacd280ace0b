//! One core: modes, exceptions, the registers of the system control space. What compiled code
//! touches lies in the slots; everything here is seen by helpers and accesses to its own registers.

mod debug;
mod exception;
mod facts;
pub(crate) mod fault;
mod float;
mod help;
mod names;
mod saved;
mod scs;

use crate::hw::dwt::Trace;
use crate::hw::mpu::{self, Mpu};
use crate::hw::nvic::{self, Nvic, Set};
use crate::hw::systick::SysTick;
use crate::lift::{self, Call, Help, Key, STORE_ALIGNED, STORE_DO, Setup};
use crate::regs;
pub use facts::Facts;
use hetemu_hw::time::SECOND;
use hetemu_hw::{LoadError, Reader, Writer};
use hetemu_isa::*;
use hetemu_schema::Endian;

/// log2 of the pages that the engine remembers; the MPU says where it must not.
const PAGE_BITS: u8 = 12;

/// Translation regimes: what else decides flushes when it changes.
const PRIVILEGED: u8 = 0;
const UNPRIVILEGED: u8 = 1;
/// Privileged in HardFault, NMI, or with FAULTMASK: the MPU may be off.
const NEGATIVE: u8 = 2;

/// Bits of CONTROL.
pub(crate) const NPRIV: u32 = 1;
pub(crate) const SPSEL: u32 = 2;
pub(crate) const FPCA: u32 = 4;

/// Bits of CCR.
const USERSETMPEND: u32 = 1 << 1;
const UNALIGN_TRP: u32 = 1 << 3;
const DIV_0_TRP: u32 = 1 << 4;
const BFHFNMIGN: u32 = 1 << 8;
const STKALIGN: u32 = 1 << 9;

/// Bits of FPCCR.
const LSPACT: u32 = 1;
const LSPEN: u32 = 1 << 30;
const ASPEN: u32 = 1 << 31;

/// Bits of FPSCR that are modes: AHP, DN, FZ, RMode.
const FPSCR_MODE: u32 = 0x07c0_0000;

/// What an input is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Input {
    External,
    NonMaskable,
    Event,
}

/// One core.
#[derive(Clone)]
pub struct Core {
    // Fixed configuration.
    facts: Facts,
    layout: Layout,
    own: Vec<(u64, u64)>,
    inputs: Vec<Input>,
    big: bool,

    // Volatile state. The registers bear the manual's names.
    /// The vector table has not been read since reset.
    fresh: bool,
    lockup: bool,
    ipsr: usize,
    control: u32,
    primask: bool,
    faultmask: bool,
    basepri: u8,
    /// The main and the process stack pointer; the one in force is in its slot.
    sp: [u32; 2],
    /// Their limits (Armv8-M).
    splim: [u32; 2],
    vtor: u32,
    scr: u32,
    ccr: u32,
    shcsr: u32,
    cfsr: u32,
    hfsr: u32,
    dfsr: u32,
    mmfar: u32,
    bfar: u32,
    actlr: u32,
    cpacr: u32,
    fpccr: u32,
    fpcar: u32,
    fpdscr: u32,
    /// The modes of FPSCR.
    fpscr: u32,
    /// The alarm for SysTick has passed.
    rearm: bool,
    /// The event register.
    event: bool,
    /// The core sleeps in WFE.
    wfe: bool,
    nvic: Nvic,
    systick: SysTick,
    mpu: Mpu,
    trace: Trace,
    /// The exception that would be taken, if its priority lets it.
    best: Option<(i32, usize)>,
    /// Where the last exception went, and its number.
    handler: Option<u64>,
    last: u32,
}

impl Core {
    /// A core as its type and the machine describe it.
    ///
    /// # Errors
    /// A property that does not fit, in a sentence.
    pub fn new(config: &CoreConfig) -> Result<Core, String> {
        let facts = Facts::new(config)?;
        let mut inputs = Vec::new();
        for input in config.ty.own_inputs() {
            inputs.push(match input.name {
                "irq" => Input::External,
                "nmi" => Input::NonMaskable,
                "event" => Input::Event,
                name => return Err(format!("no use is known for input `{name}`")),
            });
        }
        let big = config.big_endian;
        let layout = Layout {
            slots: regs::slots(),
            pc: regs::PC,
            bits: 32,
            endian: if big { Endian::Big } else { Endian::Little },
            page_bits: PAGE_BITS,
            regimes: 3,
            pc_align: 2,
            float: FloatPolicy {
                flags: regs::FFLAGS,
                flag_bits: [0, 1, 2, 3, 4],
                default_nan: false,
                legacy_nan: false,
                nan32: 0x7fc0_0000,
                nan64: 0x7ff8_0000_0000_0000,
                tiny_before: true,
                nan_to_int: NanToInt::Zero,
            },
        };
        let mut own = Vec::new();
        if facts.bit_band {
            own.extend([(0x2200_0000, 0x23ff_ffff), (0x4200_0000, 0x43ff_ffff)]);
        }
        own.push((0xe000_0000, 0xe00f_ffff));
        let period = (SECOND / config.clock_hz.max(1)).max(1);
        let nvic = Nvic::new(facts.irqs, facts.priority_bits);
        let mut core = Core {
            nvic,
            systick: SysTick::new(period),
            mpu: Mpu::new(facts.mpu, facts.v8()),
            trace: Trace::new(period),
            facts,
            layout,
            own,
            inputs,
            big,
            fresh: true,
            lockup: false,
            ipsr: 0,
            control: 0,
            primask: false,
            faultmask: false,
            basepri: 0,
            sp: [0; 2],
            splim: [0; 2],
            vtor: 0,
            scr: 0,
            ccr: 0,
            shcsr: 0,
            cfsr: 0,
            hfsr: 0,
            dfsr: 0,
            mmfar: 0,
            bfar: 0,
            actlr: 0,
            cpacr: 0,
            fpccr: 0,
            fpcar: 0,
            fpdscr: 0,
            fpscr: 0,
            rearm: false,
            event: false,
            wfe: false,
            best: None,
            handler: None,
            last: 0,
        };
        core.clear();
        Ok(core)
    }

    /// The state after reset. Inputs keep their levels.
    fn clear(&mut self) {
        (self.fresh, self.lockup, self.rearm) = (true, false, false);
        (self.ipsr, self.control, self.basepri) = (0, 0, 0);
        (self.primask, self.faultmask, self.event, self.wfe) = (false, false, false, false);
        (self.sp, self.splim) = ([0; 2], [0; 2]);
        self.vtor = self.facts.vectors;
        self.ccr = if self.facts.main() { STKALIGN } else { STKALIGN | UNALIGN_TRP };
        for register in [
            &mut self.scr,
            &mut self.shcsr,
            &mut self.cfsr,
            &mut self.hfsr,
            &mut self.dfsr,
            &mut self.mmfar,
            &mut self.bfar,
            &mut self.actlr,
            &mut self.cpacr,
            &mut self.fpcar,
            &mut self.fpdscr,
            &mut self.fpscr,
        ] {
            *register = 0;
        }
        self.fpccr = if self.facts.fp() { ASPEN | LSPEN } else { 0 };
        self.nvic.reset();
        self.systick.reset();
        self.mpu.reset();
        self.trace.reset();
        (self.handler, self.last) = (None, 0);
        self.reconsider();
    }

    /// Whether the running code is privileged.
    fn privileged(&self) -> bool {
        self.ipsr != 0 || self.control & NPRIV == 0
    }

    /// Which stack pointer is in force: 0 main, 1 process.
    fn stack(&self) -> usize {
        usize::from(self.ipsr == 0 && self.control & SPSEL != 0)
    }

    /// Floating point may be used by the running code.
    fn float_allowed(&self) -> bool {
        match self.cpacr >> 20 & 3 {
            1 => self.privileged(),
            3 => true,
            _ => false,
        }
    }

    /// The priority that the running code has.
    fn priority(&self) -> i32 {
        let mut p = self.nvic.active_priority();
        if self.basepri != 0 {
            p = p.min(self.nvic.grouped(self.basepri.into()));
        }
        if self.primask {
            p = p.min(0);
        }
        if self.faultmask {
            p = p.min(-1);
        }
        p
    }

    /// What is pending, enabled, or active has changed.
    fn reconsider(&mut self) {
        self.best = self.nvic.best();
    }

    fn regime(&self) -> u8 {
        match self.privileged() {
            false => UNPRIVILEGED,
            true if self.mpu.control & 1 != 0 && self.priority() < 0 => NEGATIVE,
            true => PRIVILEGED,
        }
    }

    /// Whether a pending exception would be taken.
    fn due(&self) -> Option<usize> {
        let (priority, n) = self.best?;
        (priority < self.priority()).then_some(n)
    }

    /// Looks at the clock.
    fn look_at_clock(&mut self, now: u64) {
        self.rearm |= now >= self.systick.next();
        if self.systick.update(now) {
            self.pend(nvic::SYS_TICK);
        }
    }

    /// An exception is pending from now on.
    fn pend(&mut self, n: usize) {
        self.nvic.pending.put(n, true);
        self.reconsider();
        // SEVONPEND.
        self.event |= self.scr & 16 != 0;
    }
}

impl Cpu for Core {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn reset(&mut self, regs: &mut Regs) {
        self.clear();
        *regs = Regs::default();
        regs.set(regs::LR, 0xffff_ffff);
        // The table is read before the first instruction.
        regs.set(regs::PC, self.vtor.into());
    }

    fn begin(&mut self, _: &mut Regs, _: u64) {
        // Programs are entered through their vector table.
    }

    fn mode(&self, regs: &Regs) -> Mode {
        let float = self.facts.fp()
            && self.float_allowed()
            && self.fpccr & LSPACT == 0
            && (self.control & FPCA != 0 || self.fpccr & ASPEN == 0);
        let key = Key {
            it: regs.get(regs::IT) as u8,
            align: self.ccr & UNALIGN_TRP != 0,
            div0: self.ccr & DIV_0_TRP != 0,
            float,
            round: (self.fpscr >> 22) as u8 & 3,
            flush: self.fpscr >> 24 & 1 != 0,
            default_nan: self.fpscr >> 25 & 1 != 0,
            secure: false,
            big: self.big,
        };
        let regime = self.regime();
        Mode { key: key.bits(), fetch: regime, data: regime, asid: 0 }
    }

    fn lift(
        &self,
        mode: Mode,
        pc: u64,
        limit: u32,
        fetch: &mut Fetch<'_>,
    ) -> Result<Block, FetchFault> {
        if pc & 1 != 0 {
            return Err(FetchFault(fault::fault(fault::INVSTATE)));
        }
        let setup = Setup { set: self.facts.set, page_bits: PAGE_BITS };
        lift::lift(setup, mode, pc, limit, fetch)
    }

    fn helper(&mut self, id: u16, args: [u64; 3], cx: &mut Cx<'_>) -> Result<u64, Exception> {
        self.help(Help::from_id(id), args[0] as u32, args[1] as u8, args[2] != 0, cx)?;
        Ok(0)
    }

    fn call(&mut self, id: u16, args: [u64; 3], env: &mut dyn Env) -> Result<(u64, u8), Halt> {
        if id != Call::StoreIf as u16 {
            return self.float_call(id, args, env);
        }
        let [at, value, how] = args;
        if how & STORE_DO == 0 {
            return Ok((0, 0));
        }
        let size = how as u8 & 3;
        if how & STORE_ALIGNED != 0 && at & ((1 << size) - 1) != 0 {
            return Err(Halt::Raise(fault::fault(fault::UNALIGNED)));
        }
        let value = if how & 16 != 0 { value.swap_bytes() >> (64 - (8u32 << size)) } else { value };
        env.virt_write(self, at, size, value)?;
        Ok((0, 0))
    }

    fn translate(
        &mut self,
        regime: u8,
        va: u64,
        access: Access,
        _env: &mut dyn Env,
    ) -> Result<Translation, Exception> {
        let va = va & 0xffff_ffff;
        if access == Access::Fetch && self.ipsr != 0 && va >= 0xf000_0000 {
            // What `bx` has left of it: bit 0 is inverted.
            return Err(Exception { cause: Exception::SIGN, value: va ^ 1 });
        }
        let privileged = regime != UNPRIVILEGED;
        let whole = |read, write, exec| Translation {
            pa: va,
            span: 1 << PAGE_BITS,
            read,
            write,
            exec,
            global: true,
        };
        if va >> 20 == 0xe00 && access != Access::Fetch {
            // Of the private peripheral bus all may write to the ITM's stimulus ports.
            let open =
                privileged || va < 0xe000_1000 || va == 0xe000_ef00 && self.ccr & USERSETMPEND != 0;
            return if open {
                Ok(Translation { span: 32, ..whole(true, true, false) })
            } else {
                Err(fault::bus(access, va))
            };
        }
        let (allowed, span) = self.mpu.look(va, privileged, regime == NEGATIVE);
        if !allowed.permits(access) {
            return Err(fault::protection(access, va));
        }
        Ok(Translation { span, ..whole(allowed.read, allowed.write, allowed.exec) })
    }

    fn is_physical(&self, regime: u8, first: u64, last: u64) -> bool {
        // One of the eight parts of the default memory map, which allow the same all over.
        let part = first >> 29 == last >> 29 && mpu::executable(first);
        let apart = |(a, b): &(u64, u64)| *b < first || last < *a;
        part && !self.mpu.is_on(regime == NEGATIVE) && self.own.iter().all(apart)
    }

    fn own_ranges(&self) -> &[(u64, u64)] {
        &self.own
    }

    fn own_read(&mut self, pa: u64, size: u8, env: &mut dyn Env) -> Option<u64> {
        if pa < 0xe000_0000 {
            return self.read_bit(pa, env);
        }
        let raw = self.read_private(pa as u32 & !3, env)?;
        let value = u64::from(raw) >> (8 * (pa & 3));
        let value = if size < 4 { value & ((1 << (8 * size)) - 1) } else { value };
        // Its registers are little-endian whatever the data is.
        Some(value)
    }

    fn own_write(&mut self, pa: u64, size: u8, value: u64, env: &mut dyn Env) -> Option<()> {
        if pa < 0xe000_0000 {
            return self.write_bit(pa, value, env);
        }
        let shift = 8 * (pa as u32 & 3);
        let mask = if size < 4 { ((1u32 << (8 * size)) - 1) << shift } else { u32::MAX };
        self.write_private(pa as u32 & !3, (value as u32) << shift & mask, mask, env)
    }

    fn bus_fault(&self, access: Access, va: u64) -> Exception {
        fault::bus(access, va)
    }

    fn misaligned(&self, access: Access, _va: u64) -> Exception {
        fault::fault(if access == Access::Fetch { fault::INVSTATE } else { fault::UNALIGNED })
    }

    fn raise(&mut self, exception: Exception, pc: u64, cx: &mut Cx<'_>) {
        if exception.cause == Exception::SIGN {
            return self.exception_return(exception.value as u32, cx);
        }
        self.fault(exception, pc, cx);
    }

    fn interrupt(&mut self, cx: &mut Cx<'_>) -> bool {
        if self.fresh {
            self.start(cx);
        }
        self.look_at_clock(cx.env.now_ps());
        if std::mem::take(&mut self.rearm) {
            cx.env.wake_at(self.systick.next());
        }
        if self.lockup && self.due().is_none() {
            cx.env.wait();
            return false;
        }
        if std::mem::take(&mut self.wfe) {
            self.event = false;
        }
        let Some(n) = self.due() else { return false };
        self.lockup = false;
        let back = cx.regs.get(regs::PC);
        self.enter(n, back, cx);
        true
    }

    fn wakes(&self, _regs: &Regs) -> bool {
        if self.lockup {
            return self.due().is_some();
        }
        if self.fresh || self.wfe && self.event {
            return true;
        }
        // PRIMASK does not keep a core asleep.
        let Some((priority, _)) = self.best else { return false };
        let mut now = self.nvic.active_priority();
        if self.basepri != 0 {
            now = now.min(self.nvic.grouped(self.basepri.into()));
        }
        if self.faultmask {
            now = now.min(-1);
        }
        priority < now
    }

    fn alarm(&mut self, now_ps: u64) {
        self.look_at_clock(now_ps);
    }

    fn signal(&mut self, input: u32, line: u32, level: bool) {
        let n = match self.inputs.get(input as usize) {
            Some(Input::External) => nvic::EXTERNAL + line as usize,
            Some(Input::NonMaskable) => nvic::NMI,
            Some(Input::Event) => {
                self.event |= level;
                return;
            }
            None => return,
        };
        let before = self.nvic.pending;
        self.nvic.input(n, level);
        self.event |= self.scr & 16 != 0 && before != self.nvic.pending;
        self.reconsider();
    }

    fn registers(&self, regs: &Regs) -> Vec<(String, u64)> {
        names::registers(self, regs)
    }

    fn set_register(&mut self, regs: &mut Regs, name: &str, value: u64) -> bool {
        names::set_register(self, regs, name, value)
    }

    fn describe(&self, cause: u32) -> String {
        fault::describe(cause).to_string()
    }

    fn mode_name(&self) -> &'static str {
        match (self.ipsr != 0, self.control & NPRIV != 0) {
            (true, _) => "handler",
            (false, false) => "thread",
            (false, true) => "unprivileged thread",
        }
    }

    fn handler(&self) -> Option<u64> {
        self.handler
    }

    fn interrupt_cause(&self) -> u32 {
        self.last
    }

    fn describe_interrupt(&self, cause: u32) -> String {
        names::exception(cause as usize)
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

    fn call_frame(&self, regs: &Regs) -> Option<CallFrame> {
        // GCC and LLVM keep frame pointer and return address side by side in r7's chain.
        let reg = |slot| regs.get(slot);
        Some(CallFrame {
            ra: Some(reg(regs::LR) & !1),
            fp: reg(regs::r(7)),
            sp: reg(regs::SP),
            ra_at: 4,
            fp_at: 0,
            word: 4,
        })
    }
}

/// Whether a set has anything.
pub(crate) fn any(set: &Set) -> bool {
    set.0.iter().any(|w| *w != 0)
}
