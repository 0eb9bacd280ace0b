//! What a target answers to the engine: one [`Target`] an ISA family, one [`Cpu`] a core.
//!
//! A `Cpu` owns the state that only it understands (control registers, PMP, pending interrupts).
//! What compiled code touches lies in [`Regs`], which the engine owns and hands to every call.

use crate::debug::{self, DebugLayout};
use crate::ir::{Block, FloatOp, Round};
use crate::layout::{FloatPolicy, Layout, Regs};
use hetemu_schema::state::{LoadError, Reader, Writer};
use hetemu_schema::{DeviceType, Value};
use std::collections::BTreeMap;

/// An ISA family.
pub trait Target: Send + Sync {
    /// The name that core schemas give as `isa`.
    fn name(&self) -> &'static str;
    /// Makes a core. Errors say which property does not fit.
    fn create(&self, config: &CoreConfig) -> Result<Box<dyn Cpu>, String>;
    /// Disassembles one instruction.
    fn disassemble(&self, config: &CoreConfig, pc: u64, bytes: &[u8]) -> Option<Disasm>;
}

/// A disassembled instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disasm {
    /// Length in bytes.
    pub len: u8,
    /// Mnemonic and operands as the ISA's assembler writes them.
    pub text: String,
}

/// What a core is made from: its type and the values of the machine.
#[derive(Debug, Clone)]
pub struct CoreConfig {
    /// The core's type; `ty.core` has the facts.
    pub ty: &'static DeviceType,
    /// Values of all properties.
    pub props: BTreeMap<String, Value>,
    /// Big-endian data.
    pub big_endian: bool,
    /// Frequency in Hz of the platform timer that the core's time register shows.
    pub timebase_hz: u64,
    /// Frequency in Hz of the core's own clock.
    pub clock_hz: u64,
    /// Names of the inputs that are wired: an input that is not reads as inactive.
    pub wired: Vec<String>,
}

impl CoreConfig {
    /// A core of a type as a machine has it that sets nothing: little-endian, 100 MHz, a timer of
    /// 10 MHz, no wires.
    pub fn plain(ty: &'static DeviceType) -> CoreConfig {
        CoreConfig {
            ty,
            props: ty.defaults().collect(),
            big_endian: false,
            timebase_hz: 10_000_000,
            clock_hz: 100_000_000,
            wired: Vec::new(),
        }
    }
    /// A number property.
    pub fn int(&self, name: &str) -> Option<u64> {
        self.props.get(name)?.as_int()
    }
    /// A text or enum property.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.props.get(name)?.as_str()
    }
}

/// Kinds of memory access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Access {
    Fetch,
    Load,
    Store,
}

/// An exception as the target encodes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exception {
    /// The target's cause.
    pub cause: u32,
    /// Faulting address or instruction.
    pub value: u64,
}

impl Exception {
    /// The cause of a fetch that is no fault: the address is a sign to the core (a return from an
    /// exception). [`Cpu::raise`] acts on it; nothing is counted or reported.
    pub const SIGN: u32 = u32::MAX;
}

/// Where a virtual address leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Translation {
    /// Physical address.
    pub pa: u64,
    /// Length in bytes of the aligned power-of-two stretch around the address for which this holds;
    /// at least a page if the engine may cache it.
    pub span: u64,
    /// Loads are allowed.
    pub read: bool,
    /// Stores are allowed (and dirty bits are set).
    pub write: bool,
    /// Fetches are allowed.
    pub exec: bool,
    /// It holds in every address space of its regime ([`Mode::asid`]).
    pub global: bool,
}

/// Why code could not be lifted at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchFault(pub Exception);

/// Reads guest code for a lifter: 16 bits at a virtual address, in guest byte order.
pub type Fetch<'a> = dyn FnMut(u64) -> Result<u16, FetchFault> + 'a;

/// Where the next block runs: what its translation depends on besides its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Mode {
    /// The target's bits (float enabled, rounding mode, instruction set state); part of a block's
    /// key.
    pub key: u32,
    /// Translation regime of fetches; its own soft TLB.
    pub fetch: u8,
    /// Translation regime of loads and stores; its own soft TLB.
    pub data: u8,
    /// Address space of fetches, loads and stores, as the target numbers them (ASID, PCID).
    /// Translations that are not global are remembered for it only, and are still known when it
    /// comes back, unless flushed. 0 where there is one space.
    pub asid: u32,
}

/// One core.
pub trait Cpu: Send {
    /// The register file and fixed facts.
    fn layout(&self) -> &Layout;

    /// Sets registers to their state after reset, the program counter to the reset vector.
    fn reset(&mut self, regs: &mut Regs);

    /// A program was loaded that begins at an address: after [`Cpu::reset`]. A core that reads its
    /// first instruction's address from a vector table has no use for it.
    fn begin(&mut self, regs: &mut Regs, entry: u64) {
        let pc = self.layout().pc;
        regs.set(pc, entry);
    }

    /// What translations depend on now. Asked after reset, helpers, exceptions, interrupts and
    /// changes from outside.
    fn mode(&self, regs: &Regs) -> Mode;

    /// Lifts guest instructions from `pc` on: at most `limit`, not beyond the end of the page of
    /// `pc` (but for a last instruction that begins in it). An instruction that does not exist
    /// lifts to code that raises. A fault while fetching the first instruction is returned; at a
    /// later one the block ends before it.
    fn lift(
        &self,
        mode: Mode,
        pc: u64,
        limit: u32,
        fetch: &mut Fetch<'_>,
    ) -> Result<Block, FetchFault>;

    /// Runs a helper of one of this core's blocks. `pc` is its instruction's address; slots are
    /// exact.
    fn helper(&mut self, id: u16, args: [u64; 3], cx: &mut Cx<'_>) -> Result<u64, Exception>;

    /// A run of the core has ended: what its code has left to be computed later is computed, for
    /// whoever looks at it now. Nothing that code can see may change.
    fn settle(&mut self, _cx: &mut Cx<'_>) {}

    /// Runs a call of one of this core's blocks ([`crate::Inst::Call`]): state of the core that no
    /// slot holds, and memory and clocks through `env`, which has no other use here. It must not
    /// change the mode, translations or pending interrupts. Gives the value, and float exceptions
    /// as bits in the order of [`FloatPolicy::flag_bits`], which go into the flags' slot. After an
    /// error the instruction may be begun again, and must then go on where it stopped.
    ///
    /// # Errors
    /// The exception, or that of `env`.
    fn call(&mut self, _id: u16, _args: [u64; 3], _env: &mut dyn Env) -> Result<(u64, u8), Halt> {
        Ok((0, 0))
    }

    /// Translates a virtual address in a regime. May set accessed and dirty bits through the
    /// context.
    fn translate(
        &mut self,
        regime: u8,
        va: u64,
        access: Access,
        env: &mut dyn Env,
    ) -> Result<Translation, Exception>;

    /// Regimes that a debugger may look through where those in force refuse an address: of code
    /// that may see more. Asked in their order.
    fn debug_regimes(&self) -> &'static [u8] {
        &[]
    }

    /// Whether a regime leads every address of a stretch (first and last) to itself now, and
    /// fetches, loads and stores that lie wholly in it are allowed, so that nobody need ask
    /// [`Cpu::translate`].
    /// Asked whenever [`Cpu::mode`] is.
    fn is_physical(&self, _regime: u8, _first: u64, _last: u64) -> bool {
        false
    }

    /// Physical addresses (first and last of each range, whole pages, sorted) at which this core's
    /// loads and stores meet registers of its own, whatever the bus has there. They never change.
    fn own_ranges(&self) -> &[(u64, u64)] {
        &[]
    }

    /// Loads 1, 2, 4 or 8 bytes, little-endian, from a register in [`Cpu::own_ranges`]; never
    /// misaligned. None is a bus error. The core is looked at after the instruction: mode,
    /// translations and pending interrupts may change.
    fn own_read(&mut self, _pa: u64, _size: u8, _env: &mut dyn Env) -> Option<u64> {
        None
    }

    /// As [`Cpu::own_read`], stores.
    fn own_write(&mut self, _pa: u64, _size: u8, _value: u64, _env: &mut dyn Env) -> Option<()> {
        None
    }

    /// The exception for an address that the bus does not answer.
    fn bus_fault(&self, access: Access, va: u64) -> Exception;

    /// The exception for a misaligned access that must be aligned.
    fn misaligned(&self, access: Access, va: u64) -> Exception;

    /// Takes an exception: the program counter's slot becomes the handler's. `pc` is the faulting
    /// instruction's address.
    fn raise(&mut self, exception: Exception, pc: u64, cx: &mut Cx<'_>);

    /// Takes the pending interrupt of highest priority, if one is enabled now: returns true and
    /// sets the program counter's slot.
    fn interrupt(&mut self, cx: &mut Cx<'_>) -> bool;

    /// Whether an interrupt would be taken now, or a waiting core would wake.
    fn wakes(&self, regs: &Regs) -> bool;

    /// The time has come that this core asked for with [`Env::wake_at`]: its own timer looks at
    /// the clock again, so that [`Cpu::wakes`] and [`Cpu::interrupt`] see it.
    fn alarm(&mut self, _now_ps: u64) {}

    /// An input of the core's schema changed (index in `ty.inputs`, line as the schema counts).
    fn signal(&mut self, input: u32, line: u32, level: bool);

    /// An input of kind `rate` has a frequency in hertz from now on (0: the clock stands).
    fn rate(&mut self, _input: u32, _hz: u64, _now_ps: u64) {}

    /// The frequency at which instructions go by, if [`Cpu::rate`] has given one.
    fn clock_hz(&self) -> Option<u64> {
        None
    }

    /// Every named register with its value, for debuggers and reports: general ones first.
    fn registers(&self, regs: &Regs) -> Vec<(String, u64)>;

    /// Sets a named register; false if there is none.
    fn set_register(&mut self, regs: &mut Regs, name: &str, value: u64) -> bool;

    /// A sentence about an exception (`load page fault`), and the mode (`S`), for reports.
    fn describe(&self, cause: u32) -> String;

    /// The name of the mode that the core runs in (`M`, `S`, `U`).
    fn mode_name(&self) -> &'static str;

    /// Whether a fault right at a trap handler's first instruction means that the guest cannot go
    /// on (the handler's address itself faults): asked by the machine for its report.
    fn handler(&self) -> Option<u64>;

    /// The cause of the interrupt that was taken last, right after [`Cpu::interrupt`] took it.
    fn interrupt_cause(&self) -> u32 {
        0
    }

    /// A sentence about the cause of an interrupt (`machine timer`), for reports.
    fn describe_interrupt(&self, cause: u32) -> String {
        format!("interrupt {cause}")
    }

    /// Writes the volatile state that lies in no slot, as numbered fields: control registers,
    /// pending interrupts, levels of inputs, what counters count from. Not the slots, which the
    /// engine saves, nor what is known from them again. False if this target cannot do that yet:
    /// such machines cannot be saved.
    fn save(&self, _w: &mut Writer) -> bool {
        false
    }

    /// Reads what [`Cpu::save`] wrote into a core that was made from the same configuration;
    /// `version` is the schema's of then. The slots have been read before. Answers nothing to the
    /// world: alarms and levels of wires are the machine's own state.
    ///
    /// # Errors
    /// A field that is missing or cannot be; the core is then good for nothing but a reset.
    fn load(&mut self, _r: &Reader<'_>, _version: u32) -> Result<(), LoadError> {
        Err(LoadError::Missing(0))
    }

    /// How the functions that are active could be found, by the ABI's convention. None if there is
    /// no convention.
    fn call_frame(&self, _regs: &Regs) -> Option<CallFrame> {
        None
    }

    /// The registers as debuggers see them: numbers, types, features that they know by name. Fixed
    /// for a core. Without one, what [`Cpu::registers`] names.
    fn debug_layout(&self) -> DebugLayout {
        let names = self.registers(&Regs::default()).into_iter().map(|(name, _)| name).collect();
        DebugLayout::of_names(self.layout(), names)
    }

    /// A register of [`Cpu::debug_layout`] by its number, as bytes in the order of the core's data.
    /// Nothing changes by it. `env` knows the time and the instructions retired. None if the
    /// register is not there now.
    fn debug_read(&self, regs: &Regs, number: u32, env: &dyn Env) -> Option<Vec<u8>> {
        debug::read_by_name(self, regs, number, env)
    }

    /// Sets a register of [`Cpu::debug_layout`]; the caller forgets translations afterwards. False
    /// if it cannot be written, or has another size.
    fn debug_write(&mut self, regs: &mut Regs, number: u32, bytes: &[u8]) -> bool {
        debug::write_by_name(self, regs, number, bytes)
    }
}

/// The chain of a call's frames. Nothing guarantees it: code may use the registers otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallFrame {
    /// The return address, if a register holds it in functions that call nothing.
    pub ra: Option<u64>,
    /// The frame pointer.
    pub fp: u64,
    /// The stack pointer: frames of callers lie above.
    pub sp: u64,
    /// Where a frame holds its return address, from its frame pointer on.
    pub ra_at: i64,
    /// Where a frame holds its caller's frame pointer.
    pub fp_at: i64,
    /// Bytes of an address.
    pub word: u8,
}

/// Why a [`Cpu::call`] did not finish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Halt {
    /// It raises.
    Raise(Exception),
    /// The engine cannot do this access here and will begin the instruction again where it can.
    Redo,
}

/// The context of a call into a [`Cpu`].
pub struct Cx<'a> {
    /// The slots.
    pub regs: &'a mut Regs,
    /// Address of the instruction.
    pub pc: u64,
    /// The rest of the world.
    pub env: &'a mut dyn Env,
}

/// What a core may ask of the engine and the machine.
pub trait Env {
    /// Virtual time in picoseconds, exact for the instruction.
    fn now_ps(&self) -> u64;
    /// Instructions that this core has retired before the current one.
    fn retired(&self) -> u64;
    /// Reads 1, 2, 4 or 8 bytes of physical memory, little-endian, not devices (page walks).
    fn phys_read(&mut self, pa: u64, size: u8) -> Option<u64>;
    /// Writes physical memory, not devices. Translated code there is dropped.
    fn phys_write(&mut self, pa: u64, size: u8, value: u64) -> Option<()>;
    /// Writes physical memory as [`Env::phys_write`] if it still holds `old`; false, and nothing
    /// done, if another core was quicker (accessed and dirty bits of page tables).
    fn phys_update(&mut self, pa: u64, size: u8, old: u64, new: u64) -> Option<bool> {
        let _ = old;
        self.phys_write(pa, size, new).map(|()| true)
    }
    /// Loads `1 << size` bytes of virtual memory as the core's loads do, little-endian and
    /// zero-extended; any alignment. For [`Cpu::call`]; `cpu` is the core itself.
    /// None of this group does anything in a world that has no cores to run.
    fn virt_read(&mut self, _cpu: &mut dyn Cpu, _va: u64, _size: u8) -> Result<u64, Halt> {
        Err(Halt::Redo)
    }
    /// Stores the low `1 << size` bytes of a value to virtual memory.
    fn virt_write(
        &mut self,
        _cpu: &mut dyn Cpu,
        _va: u64,
        _size: u8,
        _value: u64,
    ) -> Result<(), Halt> {
        Err(Halt::Redo)
    }
    /// Loads bytes if they lie in one page that is known to be memory: the quick way of what
    /// [`Env::virt_read`] does. False if nothing was done.
    fn virt_read_block(&mut self, _va: u64, _into: &mut [u8]) -> bool {
        false
    }
    /// As [`Env::virt_read_block`], stores.
    fn virt_write_block(&mut self, _va: u64, _bytes: &[u8]) -> bool {
        false
    }
    /// One float operation over packed little-endian elements, binary64 if `wide`. Operands that
    /// the operation does not have are empty. Gives the exceptions that any element raised, as
    /// bits in the order of [`FloatPolicy::flag_bits`].
    fn floats(
        &mut self,
        _policy: &FloatPolicy,
        _op: FloatOp,
        _round: Round,
        _wide: bool,
        _args: [&[u8]; 3],
        _out: &mut [u8],
    ) -> u8 {
        0
    }
    /// Forgets cached translations of addresses.
    fn flush_tlb(&mut self, what: Flush);
    /// Translated code may be stale: an instruction-cache barrier. Precise tracking of writes to
    /// code makes this cheap; the pre-decoded state is refetched.
    fn flush_code(&mut self);
    /// The core stops until [`Cpu::wakes`].
    fn wait(&mut self);
    /// The core spins, waiting for another one: it may be left alone for a while. May be asked in
    /// [`Cpu::call`].
    ///
    /// # Errors
    /// [`Halt::Redo`], to be handed on.
    fn pause(&mut self) -> Result<(), Halt> {
        Ok(())
    }
    /// Asks for [`Cpu::alarm`] at this virtual time (a timer comparator inside the core), instead
    /// of the time asked for before; `u64::MAX` asks for none.
    fn wake_at(&mut self, ps: u64);
    /// A semihosting call or another request of the guest to its host.
    fn host_call(&mut self, call: HostCall) -> Option<u64>;
    /// Drops this core's reservation of LL/SC.
    fn clear_reservation(&mut self);
}

/// Which translations of this core to forget, of all regimes. More may be forgotten than is asked
/// for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flush {
    /// All.
    All,
    /// Those of an address space that are not global.
    Space(u32),
    /// Those of the page at this virtual address, in all address spaces, global ones too.
    Page(u64),
    /// Those of the page at this virtual address in an address space that are not global.
    PageIn(u64, u32),
}

/// Requests of a guest to its host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostCall {
    /// Arm and RISC-V semihosting: operation and parameter, words of so many bytes. The answer is
    /// the operation's result; none if semihosting is off.
    Semihost {
        /// Operation number.
        op: u64,
        /// Parameter or address of the parameter block (virtual; identity mapped as the ABI asks).
        param: u64,
        /// Bytes of a word in the parameter block.
        word: u8,
    },
    /// MIPS Unified Hosting Interface: operation and arguments. The answer has the result in its
    /// low half, as 32 bits, and the error number in its high half.
    Uhi {
        /// Operation number.
        op: u64,
        /// The argument registers.
        args: [u64; 4],
        /// The bits of an address that is not mapped which are its physical address.
        unmapped: u64,
        /// Words in memory are big-endian.
        big_endian: bool,
    },
    /// The core asks for a reset of the machine that it is in.
    Reset,
    /// Instrumentation trace: a number of so many bytes on a channel.
    Trace {
        /// The channel (stimulus port).
        channel: u32,
        /// The number.
        value: u64,
        /// Its bytes: 1, 2 or 4.
        size: u8,
    },
}
