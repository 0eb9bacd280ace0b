//! The IR's meaning, spelled out value by value: slow, and without a thought of speed.

use super::toy::{self, Toy};
use super::{DEVICE, PS, Quiet};
use crate::float::Unit;
use crate::interp::rmw;
use crate::{DeviceRef, Space, System};
use hetemu_isa::ir::*;
use hetemu_isa::*;
use hetemu_schema::Endian;
use std::sync::Arc;

/// A toy core that runs one instruction after the other.
pub struct Naive {
    /// Slots.
    pub regs: Regs,
    /// Steps so far.
    pub steps: u64,
    /// The machine.
    pub system: Quiet,
    raised: u64,
    space: Arc<Space>,
    cpu: Toy,
    unit: Unit,
    mask: u64,
    reserved: Option<(u64, u64)>,
}

struct NoEnv {
    now: u64,
    retired: u64,
}

impl Env for NoEnv {
    fn now_ps(&self) -> u64 {
        self.now
    }
    fn retired(&self) -> u64 {
        self.retired
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

impl Naive {
    /// A core on a space.
    pub fn new(space: Arc<Space>, mut cpu: Toy) -> Naive {
        let mut regs = Regs::default();
        cpu.reset(&mut regs);
        let unit = Unit::new(cpu.layout().float);
        let mask = if cpu.layout().bits == 64 { u64::MAX } else { 0xffff_ffff };
        let system = Quiet::default();
        Naive { regs, steps: 0, raised: 0, system, space, cpu, unit, mask, reserved: None }
    }

    fn env(&self) -> NoEnv {
        NoEnv { now: self.steps * PS, retired: self.steps - self.raised }
    }

    fn access(&mut self, access: Access, va: u64, mem: Mem) -> Result<(), Exception> {
        if va & (mem.bytes() - 1) != 0 && mem.aligned {
            return Err(self.cpu.misaligned(access, va));
        }
        let mut env = self.env();
        self.cpu.translate(0, va, access, &mut env)?;
        if (va & 0xfff) + mem.bytes() > 0x1000 {
            let next = (va | 0xfff).wrapping_add(1) & self.mask;
            self.cpu.translate(0, next, access, &mut env)?;
        }
        Ok(())
    }

    fn crosses(va: u64, mem: Mem) -> bool {
        (va & 0xfff) + mem.bytes() > 0x1000
    }

    fn in_device(va: u64) -> bool {
        va & !0xfff == DEVICE
    }

    /// The bytes, little-endian.
    fn read(&mut self, va: u64, mem: Mem) -> Result<u64, Exception> {
        self.access(Access::Load, va, mem)?;
        let mut raw = [0; 8];
        let part = &mut raw[..mem.bytes() as usize];
        if Self::crosses(va, mem) {
            let ok = part.iter_mut().zip(0..).all(|(byte, i)| {
                self.space.read_ram(va.wrapping_add(i) & self.mask, std::slice::from_mut(byte))
            });
            return if ok {
                Ok(u64::from_le_bytes(raw))
            } else {
                Err(self.cpu.misaligned(Access::Load, va))
            };
        }
        if Self::in_device(va) {
            if va & (mem.bytes() - 1) != 0 {
                return Err(self.cpu.misaligned(Access::Load, va));
            }
            let at = DeviceRef { device: 0, region: 0, offset: va - DEVICE };
            let now = self.steps * PS;
            return self
                .system
                .device_read(now, at, mem.bytes() as u8)
                .map_err(|_| self.cpu.bus_fault(Access::Load, va));
        }
        if self.space.read_ram(va, part) {
            Ok(u64::from_le_bytes(raw))
        } else {
            Err(self.cpu.bus_fault(Access::Load, va))
        }
    }

    fn write(&mut self, va: u64, mem: Mem, raw: u64) -> Result<(), Exception> {
        self.access(Access::Store, va, mem)?;
        let raw = raw.to_le_bytes();
        let part = &raw[..mem.bytes() as usize];
        let at = |i: usize| va.wrapping_add(i as u64) & self.mask;
        if Self::crosses(va, mem) {
            if (0..part.len()).any(|i| !self.space.read_ram(at(i), &mut [0])) {
                return Err(self.cpu.misaligned(Access::Store, va));
            }
            for (i, byte) in part.iter().enumerate() {
                self.space.write_ram(at(i), std::slice::from_ref(byte));
            }
            return Ok(());
        }
        if Self::in_device(va) {
            if va & (mem.bytes() - 1) != 0 {
                return Err(self.cpu.misaligned(Access::Store, va));
            }
            let at = DeviceRef { device: 0, region: 0, offset: va - DEVICE };
            let value = u64::from_le_bytes(raw) & (u64::MAX >> (64 - 8 * mem.bytes()));
            let now = self.steps * PS;
            return self
                .system
                .device_write(now, at, mem.bytes() as u8, value)
                .map_err(|_| self.cpu.bus_fault(Access::Store, va));
        }
        if self.space.write_ram(va, part) {
            Ok(())
        } else {
            Err(self.cpu.bus_fault(Access::Store, va))
        }
    }

    fn order(mem: Mem, raw: u64) -> u64 {
        if mem.endian == Endian::Big { raw.swap_bytes() >> (64 - 8 * mem.bytes()) } else { raw }
    }

    fn load(&mut self, ty: Ty, va: u64, mem: Mem) -> Result<u64, Exception> {
        let raw = Self::order(mem, self.read(va, mem)?);
        let shift = 64 - 8 * mem.bytes();
        let wide = if mem.signed { ((raw << shift) as i64 >> shift) as u64 } else { raw };
        Ok(wide & mask(ty))
    }

    fn store(&mut self, va: u64, mem: Mem, v: u64) -> Result<(), Exception> {
        let shift = 64 - 8 * mem.bytes();
        self.write(va, mem, Self::order(mem, v << shift >> shift))
    }

    fn check_store(&mut self, va: u64, mem: Mem) -> Result<(), Exception> {
        self.access(Access::Store, va, mem)?;
        if Self::in_device(va) || self.space.read_ram(va, &mut [0]) {
            return Ok(());
        }
        Err(self.cpu.bus_fault(Access::Store, va))
    }

    /// Takes an interrupt before the next instruction.
    pub fn interrupt(&mut self) {
        let pc = self.regs.get(toy::PC);
        self.cpu.pending = true;
        let env = &mut self.env();
        self.cpu.interrupt(&mut Cx { regs: &mut self.regs, pc, env });
    }

    /// Runs one instruction.
    pub fn step(&mut self) {
        let pc = self.regs.get(toy::PC);
        let space = self.space.clone();
        let mut fetch = |va: u64| {
            let mut half = [0; 2];
            let fault = FetchFault(Exception { cause: 1, value: va });
            if space.read_ram(va, &mut half) { Ok(u16::from_le_bytes(half)) } else { Err(fault) }
        };
        let mode = self.cpu.mode(&self.regs);
        let done = match self.cpu.lift(mode, pc, 1, &mut fetch) {
            Ok(block) => self.block(&block),
            Err(fault) => Err(fault.0),
        };
        if let Err(exception) = done {
            let env = &mut self.env();
            self.cpu.raise(exception, pc, &mut Cx { regs: &mut self.regs, pc, env });
            self.raised += 1;
        }
        self.steps += 1;
    }

    fn block(&mut self, block: &Block) -> Result<(), Exception> {
        let mut vals = vec![0u64; block.insts.len()];
        for i in 0..block.insts.len() {
            vals[i] = self.inst(block, &vals, i)?;
        }
        let v = |v: Val| vals[usize::from(v.0)];
        let next = match block.exit {
            Exit::Jump(to, _) => to,
            Exit::Branch(c, yes, no) => {
                if v(c) != 0 {
                    yes
                } else {
                    no
                }
            }
            Exit::Indirect(to, _) => v(to),
            Exit::Resume => return Ok(()),
        };
        self.regs.set(toy::PC, next & self.mask);
        Ok(())
    }

    fn inst(&mut self, block: &Block, vals: &[u64], i: usize) -> Result<u64, Exception> {
        let v = |v: Val| vals[usize::from(v.0)];
        let ty = |v: Val| block.types[usize::from(v.0)].unwrap_or(Ty::I64);
        let wide = |x: Val| ty(x) == Ty::F64;
        let at = |a: Val, offset: i32| {
            v(a).wrapping_add(offset as u64)
                & if ty(a) == Ty::I32 { 0xffff_ffff } else { self.mask }
        };
        let (value, flags) = match block.insts[i] {
            Inst::Start { .. } | Inst::Fence => (0, 0),
            Inst::Const(ty, n) => (n & mask(ty), 0),
            Inst::Get(ty, slot) => (self.regs.get(slot) & mask(ty), 0),
            Inst::Put(slot, x) => {
                self.regs.set(slot, v(x));
                (0, 0)
            }
            Inst::Un(Un::Not, a) if ty(a) == Ty::Bool => (v(a) ^ 1, 0),
            Inst::Un(op, a) => (op.eval(ty(a), v(a)), 0),
            Inst::Bin(op, a, b) => (op.eval(ty(a), v(a), v(b)), 0),
            Inst::Cmp(op, a, b) => (u64::from(op.eval(ty(a), v(a), v(b))), 0),
            Inst::Select(c, a, b) => (if v(c) != 0 { v(a) } else { v(b) }, 0),
            Inst::Cast(cast, to, a) => {
                let x = v(a);
                let y = match cast {
                    Cast::Zext | Cast::Bits => x,
                    Cast::Sext => x as u32 as i32 as u64,
                    Cast::Trunc => x & mask(to),
                    Cast::Box => x | !0 << 32,
                    Cast::Unbox => self.unit.unbox(x),
                };
                (y, 0)
            }
            Inst::Load(ty, mem, a, offset) => (self.load(ty, at(a, offset), mem)?, 0),
            Inst::Store(mem, a, offset, x) => {
                self.store(at(a, offset), mem, v(x))?;
                (0, 0)
            }
            Inst::Rmw(op, mem, a, x) => {
                let va = at(a, 0);
                self.check_store(va, mem)?;
                let old = self.load(ty(x), va, mem)?;
                self.store(va, mem, rmw(op, ty(x), old, v(x)))?;
                (old, 0)
            }
            Inst::LoadReserve(ty, mem, a) => {
                let va = at(a, 0);
                let value = self.load(ty, va, mem)?;
                self.reserved = Some((va, value));
                (value, 0)
            }
            Inst::StoreCond(mem, a, x) => {
                let va = at(a, 0);
                self.check_store(va, mem)?;
                let held = self.reserved.take();
                let old = self.load(ty(x), va, mem)?;
                let ok = held == Some((va, old));
                if ok {
                    self.store(va, mem, v(x))?;
                }
                (u64::from(ok), 0)
            }
            Inst::FBin(op, r, a, b) => self.unit.bin(op, r, wide(a), v(a), v(b)),
            Inst::FSqrt(r, a) => self.unit.sqrt(r, wide(a), v(a)),
            Inst::Fma { round, neg_product, neg_addend, args } => {
                self.unit.fma(round, wide(args[0]), args.map(v), neg_product, neg_addend)
            }
            Inst::FCmp(op, a, b) => {
                let (holds, flags) = self.unit.cmp(op, wide(a), v(a), v(b));
                (u64::from(holds), flags)
            }
            Inst::FCvt(r, to, a) => self.unit.convert(r, wide(a), to == Ty::F64, v(a)),
            Inst::FToI(r, to, signed, a) => {
                self.unit.to_int(r, wide(a), to == Ty::I64, signed, v(a))
            }
            Inst::IToF(r, to, signed, a) => {
                self.unit.from_int(r, to == Ty::F64, ty(a) == Ty::I64, signed, v(a))
            }
            Inst::FClass(a) => (u64::from(self.unit.class(wide(a), v(a))), 0),
            Inst::Call(id, args) => {
                let mut env = self.env();
                match self.cpu.call(id, args.map(v), &mut env) {
                    Ok(done) => done,
                    Err(Halt::Raise(exception)) => return Err(exception),
                    Err(Halt::Redo) => return Err(self.cpu.bus_fault(Access::Load, 0)),
                }
            }
            Inst::Helper(id, args) => {
                let args = args.map(|a| a.map_or(0, v));
                let pc = self.regs.get(toy::PC);
                let env = &mut self.env();
                (self.cpu.helper(id, args, &mut Cx { regs: &mut self.regs, pc, env })?, 0)
            }
        };
        if flags != 0 {
            let old = self.regs.get(toy::FLAGS);
            self.regs.set(toy::FLAGS, old | self.unit.flag_bits(flags));
        }
        Ok(value)
    }
}
