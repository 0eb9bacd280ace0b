//! One core: modes, exceptions, the registers of the system control space. What compiled code
//! touches lies in the slots; everything here is seen by helpers and accesses to its own registers.

mod bank;
mod debug;
mod exception;
mod exit;
mod facts;
pub(crate) mod fault;
mod float;
mod help;
mod lazy;
mod names;
mod saved;
mod scs;
mod secure;
mod special;

use crate::hw::dwt::Trace;
use crate::hw::mpu::{self, Mpu};
use crate::hw::nvic::{self, Nvic, Set};
use crate::hw::sau::Sau;
use crate::hw::systick::SysTick;
use crate::lift::{self, Call, Help, Key, STORE_ALIGNED, STORE_DO, Setup};
use crate::regs;
use bank::Bank;
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
/// The regimes of the secure state follow those of the non-secure one.
const SECURE_REGIMES: u8 = 3;

/// Bits of CONTROL.
pub(crate) const NPRIV: u32 = 1;
pub(crate) const SPSEL: u32 = 2;
pub(crate) const FPCA: u32 = 4;
/// The float state is that of secure code.
pub(crate) const SFPA: u32 = 8;

/// Bits of CCR.
const USERSETMPEND: u32 = 1 << 1;
const UNALIGN_TRP: u32 = 1 << 3;
const DIV_0_TRP: u32 = 1 << 4;
const BFHFNMIGN: u32 = 1 << 8;
const STKALIGN: u32 = 1 << 9;
const STKOFHFNMIGN: u32 = 1 << 10;

/// Bits of FPCCR.
const LSPACT: u32 = 1;
/// Saved state is the secure one's.
const FPCCR_S: u32 = 1 << 2;
const SPLIMVIOL: u32 = 1 << 9;
/// All float registers are saved as secrets.
const TS: u32 = 1 << 26;
const CLRONRETS: u32 = 1 << 27;
const CLRONRET: u32 = 1 << 28;
const LSPENS: u32 = 1 << 29;
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
    /// A block of 256 MiB that the IDAU lets non-secure code call.
    Callable,
    Rate,
}

/// Picoseconds of a clock.
fn period(hz: u64) -> u64 {
    (SECOND / hz.max(1)).max(1)
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
    /// The security state in force; never with no security extension.
    secure: bool,
    /// What both security states have: non-secure, secure.
    bank: [Bank; 2],
    /// CONTROL.FPCA and SFPA.
    float: u32,
    hfsr: u32,
    dfsr: u32,
    bfar: u32,
    sfsr: u32,
    sfar: u32,
    nsacr: u32,
    /// AIRCR.SYSRESETREQS.
    reset_is_secure: bool,
    /// Blocks of 256 MiB that the IDAU lets non-secure code call.
    callable: u16,
    /// The modes of FPSCR.
    fpscr: u32,
    /// The alarm for SysTick has passed.
    rearm: bool,
    /// The event register.
    event: bool,
    /// The core sleeps in WFE.
    wfe: bool,
    nvic: Nvic,
    sau: Sau,
    /// What a clock controller has said.
    clock_hz: Option<u64>,
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
                "nsc" => Input::Callable,
                "rate" => Input::Rate,
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
            regimes: if facts.security { 2 * SECURE_REGIMES } else { SECURE_REGIMES },
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
        if facts.external_ppb {
            own.extend([(0xe000_0000, 0xe004_1fff), (0xe00f_f000, 0xe00f_ffff)]);
        } else {
            own.push((0xe000_0000, 0xe00f_ffff));
        }
        let period = period(config.clock_hz);
        let mut core = Core {
            nvic: Nvic::new(facts.irqs, facts.priority_bits, facts.security),
            bank: [false, true].map(|secure| Bank::new(&facts, period, secure)),
            sau: Sau::new(facts.sau),
            clock_hz: None,
            trace: Trace::new(period),
            facts,
            layout,
            own,
            inputs,
            big,
            fresh: true,
            lockup: false,
            ipsr: 0,
            secure: false,
            float: 0,
            hfsr: 0,
            dfsr: 0,
            bfar: 0,
            sfsr: 0,
            sfar: 0,
            nsacr: 0,
            reset_is_secure: false,
            callable: 0,
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
        (self.ipsr, self.secure, self.float) = (0, self.facts.security, 0);
        (self.event, self.wfe, self.reset_is_secure) = (false, false, false);
        for (bank, secure) in self.bank.iter_mut().zip([false, true]) {
            bank.reset(&self.facts, secure);
        }
        for register in [
            &mut self.hfsr,
            &mut self.dfsr,
            &mut self.bfar,
            &mut self.sfsr,
            &mut self.sfar,
            &mut self.nsacr,
            &mut self.fpscr,
        ] {
            *register = 0;
        }
        self.nvic.reset();
        self.sau.reset();
        self.trace.reset();
        (self.handler, self.last) = (None, 0);
        self.reconsider();
    }

    /// Whether the running code is privileged.
    fn privileged(&self) -> bool {
        self.privileged_in(self.secure)
    }

    /// Which stack pointer is in force: 0 main, 1 process.
    fn stack(&self) -> usize {
        self.stack_of(self.secure)
    }

    /// The priority that the running code has.
    fn priority(&self) -> i32 {
        self.priority_with(true)
    }

    /// What is pending, enabled, or active has changed.
    fn reconsider(&mut self) {
        self.best = self.nvic.best();
    }

    /// The regime of accesses of a security state.
    fn regime_of(&self, secure: bool, privileged: bool) -> u8 {
        let first = if secure { SECURE_REGIMES } else { 0 };
        let mpu = &self.bank[usize::from(secure)].mpu;
        first
            + match privileged {
                false => UNPRIVILEGED,
                true if mpu.control & 1 != 0 && self.is_negative(secure) => NEGATIVE,
                true => PRIVILEGED,
            }
    }

    fn regime(&self) -> u8 {
        self.regime_of(self.secure, self.privileged())
    }

    /// Whether a pending exception would be taken.
    fn due(&self) -> Option<usize> {
        let (priority, n) = self.best?;
        (priority < self.priority()).then_some(n)
    }

    /// Looks at the clock.
    fn look_at_clock(&mut self, now: u64) {
        self.rearm |= now >= self.next_tick();
        for secure in [false, true] {
            if self.bank[usize::from(secure)].systick.update(now) {
                self.pend(self.nvic.of(nvic::SYS_TICK, secure));
            }
        }
    }

    /// When to look at the clock again.
    fn next_tick(&self) -> u64 {
        self.bank[0].systick.next().min(self.bank[1].systick.next())
    }

    /// An exception is pending from now on.
    fn pend(&mut self, n: usize) {
        self.nvic.pending.put(n, true);
        self.reconsider();
        self.event |= self.sev_on_pend();
    }

    fn sev_on_pend(&self) -> bool {
        self.bank.iter().any(|b| b.scr & 16 != 0)
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
        regs.set(regs::PC, self.now().vtor.into());
    }

    fn begin(&mut self, _: &mut Regs, _: u64) {
        // Programs are entered through their vector table.
    }

    fn mode(&self, regs: &Regs) -> Mode {
        let now = self.now();
        let key = Key {
            it: regs.get(regs::IT) as u8,
            align: now.ccr & UNALIGN_TRP != 0,
            div0: now.ccr & DIV_0_TRP != 0,
            float: self.facts.fp() && self.float_is_ready(),
            round: (self.fpscr >> 22) as u8 & 3,
            flush: self.fpscr >> 24 & 1 != 0,
            default_nan: self.fpscr >> 25 & 1 != 0,
            secure: self.secure,
            big: self.big,
            limit: regs.get(regs::SPLIM) != 0,
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
        // Where protection changes within a page, a block stays on one side.
        let page_bits = if self.is_whole(pc as u32) { PAGE_BITS } else { 5 };
        let setup = Setup { set: self.facts.set, page_bits };
        lift::lift(setup, mode, pc, limit, fetch)
    }

    fn helper(&mut self, id: u16, args: [u64; 3], cx: &mut Cx<'_>) -> Result<u64, Exception> {
        self.help(Help::from_id(id), args[0] as u32, args[1] as u8, args[2] != 0, cx)?;
        Ok(0)
    }

    fn call(&mut self, id: u16, args: [u64; 3], env: &mut dyn Env) -> Result<(u64, u8), Halt> {
        if id == Call::CheckSp as u16 {
            let [sp, limit, _] = args;
            let fits = sp >= limit;
            return if fits { Ok((0, 0)) } else { Err(Halt::Raise(fault::fault(fault::STKOF))) };
        }
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
        env: &mut dyn Env,
    ) -> Result<Translation, Exception> {
        let va = va & 0xffff_ffff;
        if access == Access::Fetch && self.is_return(va) {
            // What `bx` has left of it: bit 0 is inverted.
            return Err(Exception { cause: Exception::SIGN, value: va ^ 1 });
        }
        let secure = regime >= SECURE_REGIMES;
        let class = regime % SECURE_REGIMES;
        let privileged = class != UNPRIVILEGED;
        let whole = |read, write, exec| Translation {
            pa: va,
            span: 1 << PAGE_BITS,
            read,
            write,
            exec,
            global: true,
        };
        let mut most = 1 << PAGE_BITS;
        if self.facts.security {
            self.check_security(va, access, secure, env)?;
            if !self.sau.is_whole(va as u32, 1 << PAGE_BITS) {
                most = 32;
            }
        }
        if va >> 20 == 0xe00 && access != Access::Fetch {
            // Of the private peripheral bus all may write to the ITM's stimulus ports.
            let open = privileged
                || va < 0xe000_1000
                || va == 0xe000_ef00 && self.bank[usize::from(secure)].ccr & USERSETMPEND != 0;
            return if open {
                Ok(Translation { span: 32, ..whole(true, true, false) })
            } else {
                Err(fault::bus(access, va))
            };
        }
        let mpu = &self.bank[usize::from(secure)].mpu;
        let (allowed, span) = mpu.look(va, privileged, class == NEGATIVE);
        if !allowed.permits(access) {
            return Err(fault::protection(access, va));
        }
        Ok(Translation { span: span.min(most), ..whole(allowed.read, allowed.write, allowed.exec) })
    }

    fn debug_regimes(&self) -> &'static [u8] {
        if self.facts.security { &[SECURE_REGIMES + PRIVILEGED] } else { &[PRIVILEGED] }
    }

    fn is_physical(&self, regime: u8, first: u64, last: u64) -> bool {
        // One of the eight parts of the default memory map, which allow the same all over.
        let part = first >> 29 == last >> 29 && mpu::executable(first);
        let apart = |(a, b): &(u64, u64)| *b < first || last < *a;
        let secure = regime >= SECURE_REGIMES;
        let mpu = &self.bank[usize::from(secure)].mpu;
        part && !mpu.is_on(regime % SECURE_REGIMES == NEGATIVE)
            && self.own.iter().all(apart)
            && (!self.facts.security || self.is_all_of(secure, first as u32, last as u32))
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
            return match exception.value as u32 {
                to if to | 1 == secure::FNC_RETURN => self.function_return(to, cx),
                to @ 0xf000_0000.. => self.exception_return(to, cx),
                _ => self.enter_gate(cx),
            };
        }
        self.fault(exception, pc, cx);
    }

    fn interrupt(&mut self, cx: &mut Cx<'_>) -> bool {
        if self.fresh {
            self.start(cx);
        }
        self.look_at_clock(cx.env.now_ps());
        if std::mem::take(&mut self.rearm) {
            cx.env.wake_at(self.next_tick());
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
        priority < self.priority_with(false)
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
            Some(Input::Callable) => {
                let bit = 1 << (line & 15);
                self.callable = self.callable & !bit | if level { bit } else { 0 };
                return;
            }
            Some(Input::Rate) | None => return,
        };
        let before = self.nvic.pending;
        self.nvic.input(n, level);
        self.event |= self.sev_on_pend() && before != self.nvic.pending;
        self.reconsider();
    }

    fn rate(&mut self, _input: u32, hz: u64, now_ps: u64) {
        if hz == 0 {
            return; // A core that stands still cannot be told from one that is about to go on.
        }
        self.look_at_clock(now_ps);
        self.clock_hz = Some(hz);
        self.bank.iter_mut().for_each(|b| b.systick.pace(period(hz), now_ps));
        self.trace.pace(period(hz), now_ps);
        self.rearm = true;
    }

    fn clock_hz(&self) -> Option<u64> {
        self.clock_hz
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
        match (self.ipsr != 0, self.privileged(), self.secure) {
            (true, _, false) => "handler",
            (false, true, false) => "thread",
            (false, false, false) => "unprivileged thread",
            (true, _, true) => "secure handler",
            (false, true, true) => "secure thread",
            (false, false, true) => "secure unprivileged thread",
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
