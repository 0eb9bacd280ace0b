//! An instruction set for tests: every aligned 32-bit word seeds a random, well-typed instruction.
//!
//! So any bytes are a program, self-modifying ones included. Code and data lie in a window of
//! memory that addresses are reduced to, but for some that hit the device, unmapped space or a page
//! border.

use super::{DEVICE, Random};
use hetemu_isa::ir::*;
use hetemu_isa::*;
use hetemu_schema::Endian;

/// Where memory is.
pub const BASE: u64 = 0x8000_0000;
/// Bytes of code at its beginning.
pub const CODE: u64 = 0x3000;
/// Bytes of memory.
pub const SIZE: u64 = 0x8000;

/// First float slot.
pub const F: u8 = 16;
/// First 32-bit slot.
pub const W: u8 = 24;
/// Float flags.
pub const FLAGS: Slot = Slot(28);
/// Cause of the last exception.
pub const CAUSE: Slot = Slot(29);
/// Program counter.
pub const PC: Slot = Slot(30);

/// A core of the toy set.
pub struct Toy {
    layout: Layout,
    /// Pages that stores fault on, by virtual page number.
    pub read_only: Vec<u64>,
    /// Which kinds of instructions there are.
    pub kinds: Kinds,
    /// The level of the interrupt input.
    pub pending: bool,
    big: bool,
}

/// Which kinds of instructions a [`Toy`] has besides integer ones.
#[derive(Debug, Clone, Copy)]
pub struct Kinds {
    /// Loads and stores.
    pub memory: bool,
    /// Stores into code, accesses that fault, devices.
    pub wild: bool,
    /// Float operations.
    pub float: bool,
    /// Helpers.
    pub helpers: bool,
}

impl Kinds {
    /// Everything.
    pub const ALL: Kinds = Kinds { memory: true, wild: true, float: true, helpers: true };
}

const INTERRUPT: u32 = 99;

/// The layout of the toy set.
pub fn layout(bits: u8) -> Layout {
    let mut slots = Vec::new();
    let reg = if bits == 64 { SlotClass::I64 } else { SlotClass::I32 };
    slots.extend([SlotInfo { name: "x", class: reg }; F as usize]);
    slots.extend([SlotInfo { name: "f", class: SlotClass::F64 }; (W - F) as usize]);
    slots.extend([SlotInfo { name: "w", class: SlotClass::I32 }; 6]);
    slots.push(SlotInfo { name: "pc", class: reg });
    Layout {
        slots,
        pc: PC,
        bits,
        endian: Endian::Little,
        page_bits: 12,
        regimes: 2,
        pc_align: 4,
        float: FloatPolicy {
            flags: FLAGS,
            flag_bits: [4, 3, 2, 1, 0],
            default_nan: true,
            legacy_nan: false,
            nan32: 0x7fc0_0000,
            nan64: 0x7ff8_0000_0000_0000,
            tiny_before: false,
            nan_to_int: NanToInt::Max,
        },
    }
}

impl Toy {
    /// A core with registers of 32 or 64 bits.
    pub fn new(bits: u8, kinds: Kinds) -> Toy {
        let layout = layout(bits);
        Toy {
            layout,
            read_only: vec![(BASE + SIZE - 0x1000) >> 12],
            kinds,
            pending: false,
            big: false,
        }
    }

    /// One instruction into a block. Gives the exit if it ends the block.
    pub fn emit(&self, b: &mut Builder, pc: u64, word: u32) -> Option<Exit> {
        b.start(pc, 4);
        let mut e = Emit { toy: self, b, r: Random::new(u64::from(word)), pc };
        e.instruction()
    }

    /// The type of an integer register.
    fn reg_ty(&self) -> Ty {
        if self.layout.bits == 64 { Ty::I64 } else { Ty::I32 }
    }
}

struct Emit<'a, 'b> {
    toy: &'a Toy,
    b: &'b mut Builder,
    r: Random,
    pc: u64,
}

/// Those that need no wider operand.
const UNS: usize = 11;
const ROUNDS: [Round; 5] = [Round::Near, Round::Zero, Round::Down, Round::Up, Round::NearMax];

impl Emit<'_, '_> {
    fn chance(&mut self, n: u64) -> bool {
        self.r.below(n) == 0
    }

    fn reg(&mut self) -> Slot {
        Slot(self.r.below(u64::from(F)) as u8)
    }

    fn freg(&mut self) -> Slot {
        Slot(F + self.r.below(u64::from(W - F)) as u8)
    }

    fn target(&mut self) -> u64 {
        let near = self.pc.wrapping_add((self.r.below(24) * 4).wrapping_sub(32));
        let far = BASE + self.r.below(CODE / 4) * 4;
        let to = if self.chance(4) { far } else { near };
        if to.wrapping_sub(BASE) < CODE { to } else { far }
    }

    /// An integer value of a type.
    fn int(&mut self, ty: Ty, depth: u32) -> Val {
        let other = if ty == Ty::I64 { Ty::I32 } else { Ty::I64 };
        if depth == 0 || self.chance(3) {
            if self.chance(4) {
                let n = self.r.edge();
                return self.b.iconst(ty, n);
            }
            if ty == Ty::I32 && self.chance(2) {
                let slot = Slot(W + self.r.below(4) as u8);
                return self.b.get(Ty::I32, slot);
            }
            let slot = self.reg();
            let v = self.b.get(self.toy.reg_ty(), slot);
            return self.fit(v, ty);
        }
        match self.r.below(9) {
            0 => {
                let a = self.int(ty, depth - 1);
                let op = self.r.pick(&Un::ALL[..UNS]);
                self.b.un(op, a)
            }
            1 if ty == Ty::I64 => {
                let a = self.int(ty, depth - 1);
                let op = self.r.pick(&[Un::Sext32, Un::Zext32]);
                self.b.un(op, a)
            }
            2 => {
                let a = self.int(other, depth - 1);
                self.fit(a, ty)
            }
            3 => {
                let c = self.condition(depth - 1);
                let (a, b) = (self.int(ty, depth - 1), self.int(ty, depth - 1));
                self.b.select(c, a, b)
            }
            4 => {
                let c = self.condition(depth - 1);
                self.b.cast(Cast::Zext, ty, c)
            }
            _ => {
                let (a, b) = (self.int(ty, depth - 1), self.int(ty, depth - 1));
                let op = self.r.pick(&Bin::ALL);
                self.b.bin(op, a, b)
            }
        }
    }

    fn fit(&mut self, v: Val, ty: Ty) -> Val {
        match (self.b.ty(v), ty) {
            (Ty::I64, Ty::I32) => self.b.cast(Cast::Trunc, ty, v),
            (Ty::I32, Ty::I64) => {
                let cast = self.r.pick(&[Cast::Zext, Cast::Sext]);
                self.b.cast(cast, ty, v)
            }
            _ => v,
        }
    }

    fn condition(&mut self, depth: u32) -> Val {
        let ty = self.r.pick(&[Ty::I32, Ty::I64]);
        let (a, b) = (self.int(ty, depth), self.int(ty, depth));
        let op = self.r.pick(&Cmp::ALL);
        self.b.cmp(op, a, b)
    }

    fn put_int(&mut self, ty: Ty, v: Val) {
        if ty == Ty::I32 && self.chance(3) {
            let slot = Slot(W + self.r.below(4) as u8);
            return self.b.put(slot, v);
        }
        let v = self.fit(v, self.toy.reg_ty());
        let slot = self.reg();
        self.b.put(slot, v);
    }

    /// An address, mostly in memory beyond the code.
    fn address(&mut self, size: u8) -> Val {
        let ty = self.toy.reg_ty();
        let a = self.int(ty, 1);
        let wild = self.toy.kinds.wild;
        let (base, bits) = match self.r.below(40) {
            0 if wild => (DEVICE, 0xfff),
            1 if wild => (0x4000_0000, 0xffff),
            2 | 3 if wild => (BASE, 0x2fff),
            4 if wild => (BASE + SIZE - 0x1000, 0xfff),
            _ => (BASE + 0x4000, 0x1fff),
        };
        let low = if self.chance(6) { 0 } else { (1 << size) - 1 };
        let a = self.b.bin_imm(Bin::And, a, bits & !low);
        self.b.bin_imm(Bin::Add, a, base)
    }

    fn mem(&mut self, size: u8) -> Mem {
        Mem {
            size,
            signed: self.chance(2),
            endian: if self.chance(5) { Endian::Big } else { Endian::Little },
            aligned: self.toy.kinds.wild && self.chance(8),
        }
    }

    /// A float value: F32 or F64.
    fn float(&mut self, ty: Ty) -> Val {
        let slot = self.freg();
        let v = self.b.get(Ty::F64, slot);
        if ty == Ty::F64 { v } else { self.b.cast(Cast::Unbox, Ty::F32, v) }
    }

    fn put_float(&mut self, v: Val) {
        let slot = self.freg();
        let v = if self.b.ty(v) == Ty::F32 { self.b.cast(Cast::Box, Ty::F64, v) } else { v };
        self.b.put(slot, v);
    }

    fn float_op(&mut self) {
        let ty = self.r.pick(&[Ty::F32, Ty::F64]);
        let round = if self.chance(2) { Round::Near } else { self.r.pick(&ROUNDS) };
        let int = self.r.pick(&[Ty::I32, Ty::I64]);
        let a = self.float(ty);
        match self.r.below(10) {
            0 => {
                let v = self.b.fsqrt(round, a);
                self.put_float(v);
            }
            1 => {
                let (p, n) = (self.chance(2), self.chance(2));
                let args = [a, self.float(ty), self.float(ty)];
                let v = self.b.fma(round, p, n, args);
                self.put_float(v);
            }
            2 => {
                let op = self.r.pick(&[FCmp::Eq, FCmp::Lt, FCmp::Le, FCmp::LtQ, FCmp::LeQ]);
                let b = self.float(ty);
                let v = self.b.fcmp(op, a, b);
                let v = self.b.cast(Cast::Zext, Ty::I32, v);
                self.put_int(Ty::I32, v);
            }
            3 => {
                let to = if ty == Ty::F32 { Ty::F64 } else { Ty::F32 };
                let v = self.b.fcvt(round, to, a);
                self.put_float(v);
            }
            4 => {
                let signed = self.chance(2);
                let v = self.b.ftoi(round, int, signed, a);
                self.put_int(int, v);
            }
            5 => {
                let signed = self.chance(2);
                let n = self.int(int, 0);
                let v = self.b.itof(round, ty, signed, n);
                self.put_float(v);
            }
            6 => {
                // Bits in and out, and class.
                let n = self.int(Ty::I64, 1);
                let v = self.b.cast(Cast::Bits, Ty::F64, n);
                self.put_float(v);
                let c = self.b.fclass(a);
                self.put_int(Ty::I32, c);
            }
            _ => {
                use FBin::*;
                let op = self.r.pick(&[Add, Sub, Mul, Div, Min, Max]);
                let b = self.float(ty);
                let v = self.b.fbin(op, round, a, b);
                self.put_float(v);
            }
        }
    }

    fn memory_op(&mut self) {
        let size = self.r.below(4) as u8;
        let mut mem = self.mem(size);
        let ty = if size == 3 || self.chance(2) { Ty::I64 } else { Ty::I32 };
        let offset = if self.chance(2) { 0 } else { self.r.below(64) as i32 - 32 };
        match self.r.below(9) {
            0..=3 => {
                let a = self.address(size);
                let v = self.b.load(ty, mem, a, offset);
                self.put_int(ty, v);
            }
            4..=6 => {
                let a = self.address(size);
                let v = self.int(ty, 1);
                self.b.store(mem, a, offset, v);
                if self.chance(3) {
                    // As post-increment: a put after an access that may fault.
                    let v = self.int(Ty::I64, 1);
                    self.put_int(Ty::I64, v);
                }
            }
            7 => {
                use Rmw::*;
                mem.size = 2 + self.r.below(2) as u8;
                let ty = if mem.size == 3 { Ty::I64 } else { Ty::I32 };
                let a = self.address(mem.size);
                let v = self.int(ty, 1);
                let op = self.r.pick(&[Swap, Add, And, Or, Xor, MinS, MaxS, MinU, MaxU]);
                let old = self.b.rmw(op, mem, a, v);
                self.put_int(ty, old);
            }
            _ => {
                mem.size = 2 + self.r.below(2) as u8;
                let ty = if mem.size == 3 { Ty::I64 } else { Ty::I32 };
                let a = self.toy.reg_ty();
                let a = self.b.iconst(a, BASE + 0x4000 + self.r.clone().below(2) * 8);
                if self.chance(2) {
                    let v = self.b.load_reserve(ty, mem, a);
                    self.put_int(ty, v);
                } else {
                    let v = self.int(ty, 1);
                    let ok = self.b.store_cond(mem, a, v);
                    let ok = self.b.cast(Cast::Zext, Ty::I32, ok);
                    self.put_int(Ty::I32, ok);
                }
            }
        }
    }

    fn instruction(&mut self) -> Option<Exit> {
        let next = self.pc.wrapping_add(4);
        let kinds = self.toy.kinds;
        match self.r.below(64) {
            0..=7 => {
                let c = self.condition(1);
                let to = self.target();
                Some(Exit::Branch(c, to, next))
            }
            8 => Some(Exit::Jump(self.target(), Hint::None)),
            9 => {
                let ty = self.toy.reg_ty();
                let v = self.int(ty, 0);
                let v = self.b.bin_imm(Bin::And, v, 0x1ffc);
                let v = self.b.bin_imm(Bin::Add, v, BASE);
                if self.chance(2) {
                    let link = self.b.iconst(ty, next);
                    let slot = self.reg();
                    self.b.put(slot, link);
                }
                Some(Exit::Indirect(v, Hint::None))
            }
            10 if kinds.helpers && self.b.count() == 1 => {
                let arg = self.int(Ty::I64, 0);
                let id = self.r.below(4) as u16;
                let v = self.b.helper(id, &[arg]);
                self.put_int(Ty::I64, v);
                Some(Exit::Jump(next, Hint::None))
            }
            11..=28 if kinds.memory => {
                self.memory_op();
                None
            }
            29..=44 if kinds.float => {
                self.float_op();
                None
            }
            _ => {
                let ty = self.r.pick(&[Ty::I32, Ty::I64]);
                let v = self.int(ty, 3);
                self.put_int(ty, v);
                if self.chance(4) {
                    let v = self.int(ty, 1);
                    self.put_int(ty, v);
                }
                None
            }
        }
    }
}

impl Cpu for Toy {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn reset(&mut self, regs: &mut Regs) {
        *regs = Regs::default();
        regs.set(PC, BASE);
    }

    fn mode(&self, _: &Regs) -> Mode {
        Mode { key: u32::from(self.big), fetch: 0, data: u8::from(self.big), asid: 0 }
    }

    fn lift(
        &self,
        _: Mode,
        pc: u64,
        limit: u32,
        fetch: &mut Fetch<'_>,
    ) -> Result<Block, FetchFault> {
        let mut b = Builder::new(pc);
        let mut at = pc;
        loop {
            let half = fetch(at).and_then(|low| Ok((low, fetch(at.wrapping_add(2))?)));
            let (low, high) = match half {
                Ok(halves) => halves,
                Err(fault) if b.is_empty() => return Err(fault),
                Err(_) => return Ok(b.finish(Exit::Jump(at, Hint::None))),
            };
            let word = u32::from(low) | u32::from(high) << 16;
            // A helper has a block of its own.
            let alone = Random::new(u64::from(word)).below(64) == 10 && self.kinds.helpers;
            if alone && !b.is_empty() {
                return Ok(b.finish(Exit::Jump(at, Hint::None)));
            }
            if let Some(exit) = self.emit(&mut b, at, word) {
                return Ok(b.finish(exit));
            }
            at = at.wrapping_add(4);
            if b.count() >= limit || at & 0xfff == 0 {
                return Ok(b.finish(Exit::Jump(at, Hint::None)));
            }
        }
    }

    fn helper(&mut self, id: u16, args: [u64; 3], cx: &mut Cx<'_>) -> Result<u64, Exception> {
        match id {
            0 => cx.env.flush_tlb(Flush::All),
            1 => self.big = !self.big,
            2 => return Err(Exception { cause: 7, value: args[0] }),
            _ => return Ok(cx.env.now_ps() ^ cx.env.retired()),
        }
        Ok(args[0])
    }

    fn translate(
        &mut self,
        _: u8,
        va: u64,
        access: Access,
        _: &mut dyn Env,
    ) -> Result<Translation, Exception> {
        let writable = !self.read_only.contains(&(va >> 12));
        if access == Access::Store && !writable {
            return Err(Exception { cause: 15, value: va });
        }
        Ok(Translation {
            pa: va,
            span: 0x1000,
            read: true,
            write: writable,
            exec: true,
            global: true,
        })
    }

    fn bus_fault(&self, access: Access, va: u64) -> Exception {
        Exception { cause: 1 + access as u32, value: va }
    }

    fn misaligned(&self, access: Access, va: u64) -> Exception {
        Exception { cause: 4 + access as u32, value: va }
    }

    fn raise(&mut self, exception: Exception, pc: u64, cx: &mut Cx<'_>) {
        let seen = exception.cause ^ exception.value as u32 ^ cx.regs.get(CAUSE) as u32;
        cx.regs.set(CAUSE, u64::from(seen));
        // Goes on somewhere, so that a program that faults at once gets around.
        cx.regs.set(PC, BASE + (pc.wrapping_add(exception.value & 0x7fc) & 0x1ffc));
    }

    fn interrupt(&mut self, cx: &mut Cx<'_>) -> bool {
        if std::mem::take(&mut self.pending) {
            let pc = cx.regs.get(PC);
            self.raise(Exception { cause: INTERRUPT, value: 0 }, pc, cx);
            return true;
        }
        false
    }

    fn wakes(&self, _: &Regs) -> bool {
        true
    }
    fn signal(&mut self, _: u32, _: u32, level: bool) {
        self.pending = level;
    }
    fn registers(&self, _: &Regs) -> Vec<(String, u64)> {
        Vec::new()
    }
    fn set_register(&mut self, _: &mut Regs, _: &str, _: u64) -> bool {
        false
    }
    fn describe(&self, cause: u32) -> String {
        format!("cause {cause}")
    }
    fn mode_name(&self) -> &'static str {
        "-"
    }
    fn handler(&self) -> Option<u64> {
        None
    }
}
