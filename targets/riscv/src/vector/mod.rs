//! The vector extension V 1.0. RISC-V "V" vector extension, version 1.0 (unprivileged ISA
//! 20240411, chapter 30): state, vtype, and the way from an instruction to its group's file.
//!
//! Vector registers are the hart's own state, not slots: lifted code calls [`Hart::vector`] for
//! every vector instruction, inside its block. What the specification leaves to the
//! implementation: tail and inactive elements keep their values (undisturbed), vl is the smaller
//! of AVL and VLMAX, sums are taken in order, misaligned elements are allowed, any vstart below
//! VLEN is accepted by instructions that work element by element.

mod check;
mod elem;
mod estimate;
mod fixed;
mod float;
mod int;
mod mask;
mod mem;
mod perm;
mod wide;

use crate::cpu::{Hart, illegal};
use elem::Elem;
use hetemu_isa::{Env, Halt};

/// The result of an instruction: what goes to a scalar register, if any does.
type Done = Result<u64, Halt>;

/// The vector state of a hart.
#[derive(Debug, Clone)]
pub(crate) struct Vector {
    /// Bytes of a register.
    pub(crate) vlenb: usize,
    /// The registers, one after the other.
    pub(crate) regs: Vec<u8>,
    pub(crate) vl: usize,
    pub(crate) vstart: usize,
    /// Fixed-point rounding.
    pub(crate) vxrm: u8,
    /// Fixed-point saturation.
    pub(crate) vxsat: bool,
    /// The low bits of vtype.
    vtype: u8,
    vill: bool,
    /// log2 of the element's bytes.
    sew: u8,
    /// log2 of the registers in a group.
    lmul: i8,
}

impl Vector {
    /// The state after reset of registers of so many bits.
    pub(crate) fn new(vlen: usize) -> Vector {
        let vlenb = vlen / 8;
        Vector {
            vlenb,
            regs: vec![0; 32 * vlenb],
            vl: 0,
            vstart: 0,
            vxrm: 0,
            vxsat: false,
            vtype: 0,
            vill: true,
            sew: 0,
            lmul: 0,
        }
    }

    /// Sets everything, as it once was: vl, vstart, vxrm, vxsat, vtype (as on RV64), and the
    /// registers. None if this cannot be.
    pub(crate) fn restore(&mut self, words: [u64; 5], regs: &[u8]) -> Option<()> {
        let [vl, vstart, vxrm, vxsat, vtype] = words;
        let mut new = Vector::new(self.vlenb * 8);
        if vtype >> 63 == 0 {
            new.set_vtype(vtype);
        }
        let fits = new.vtype(64) == vtype
            && vl <= if new.vill { 0 } else { new.vlmax() as u64 }
            && vstart < self.vlenb as u64 * 8
            && vxrm < 4
            && vxsat < 2
            && regs.len() == self.regs.len();
        if !fits {
            return None;
        }
        (new.vl, new.vstart, new.regs) = (vl as usize, vstart as usize, regs.to_vec());
        (new.vxrm, new.vxsat) = (vxrm as u8, vxsat != 0);
        *self = new;
        Some(())
    }

    /// The register vtype on a hart of so many bits.
    pub(crate) fn vtype(&self, bits: u8) -> u64 {
        if self.vill { 1 << (bits - 1) } else { self.vtype.into() }
    }

    /// The register vcsr.
    pub(crate) fn vcsr(&self) -> u64 {
        u64::from(self.vxrm) << 1 | u64::from(self.vxsat)
    }

    /// Sets vstart, which has as many bits as the largest element index needs.
    pub(crate) fn set_vstart(&mut self, value: u64) {
        self.vstart = value as usize & (self.vlenb * 8 - 1);
    }

    /// Elements of a group of registers.
    fn vlmax(&self) -> usize {
        let bytes = self.vlenb >> self.sew;
        if self.lmul < 0 { bytes >> -self.lmul } else { bytes << self.lmul }
    }

    /// Sets vtype from its bits (section 30.3.4); what is not supported sets vill.
    fn set_vtype(&mut self, value: u64) {
        let lmul = (value & 7) as i8;
        let lmul = if lmul > 4 { lmul - 8 } else { lmul };
        let sew = (value >> 3 & 7) as u8;
        self.vtype = value as u8;
        (self.sew, self.lmul) = (sew & 3, if lmul == 4 { 0 } else { lmul });
        self.vill = value >> 8 != 0 || lmul == 4 || sew > 3 || self.vlmax() == 0;
        if self.vill {
            (self.vtype, self.sew, self.lmul) = (0, 0, 0);
        }
    }

    /// Bit of the mask register.
    fn mask(&self, i: usize) -> bool {
        self.regs[i / 8] >> (i % 8) & 1 != 0
    }

    /// Bit of a register.
    fn bit(&self, reg: usize, i: usize) -> bool {
        self.regs[reg * self.vlenb + i / 8] >> (i % 8) & 1 != 0
    }

    /// Element of a group that begins at a register.
    fn get<T: Elem>(&self, reg: usize, i: usize) -> T {
        T::read(&self.regs, reg * self.vlenb + i * T::SIZE)
    }

    fn set<T: Elem>(&mut self, reg: usize, i: usize, value: T) {
        let at = reg * self.vlenb + i * T::SIZE;
        value.write(&mut self.regs, at);
    }

    /// Element of `1 << sew` bytes, zero-extended.
    fn raw(&self, reg: usize, i: usize, sew: u8) -> u64 {
        match sew {
            0 => self.get::<u8>(reg, i).into(),
            1 => self.get::<u16>(reg, i).into(),
            2 => self.get::<u32>(reg, i).into(),
            _ => self.get::<u64>(reg, i),
        }
    }

    fn set_raw(&mut self, reg: usize, i: usize, sew: u8, value: u64) {
        match sew {
            0 => self.set(reg, i, value as u8),
            1 => self.set(reg, i, value as u16),
            2 => self.set(reg, i, value as u32),
            _ => self.set(reg, i, value),
        }
    }
}

/// Sign extension from `8 << sew` bits.
fn signed(value: u64, sew: u8) -> i64 {
    let shift = 64 - (8 << sew);
    (value << shift) as i64 >> shift
}

/// The second source of an instruction.
#[derive(Debug, Clone, Copy)]
enum Src {
    /// A group of registers.
    V(usize),
    /// A scalar.
    X(u64),
}

/// One instruction being run.
struct Exec<'a> {
    v: &'a mut Vector,
    hart: &'a mut Hart,
    env: &'a mut dyn Env,
    word: u32,
    vd: usize,
    vs1: usize,
    vs2: usize,
    /// Unmasked.
    vm: bool,
    /// The scalar operand: rs1's value.
    x: u64,
    /// rs2's value.
    y: u64,
    /// Float exceptions.
    flags: u8,
}

impl Hart {
    /// Runs a vector instruction; the value for its scalar destination, and float exceptions.
    pub(crate) fn vector(
        &mut self,
        word: u32,
        x: u64,
        y: u64,
        env: &mut dyn Env,
    ) -> Result<(u64, u8), Halt> {
        if !self.vector_on() {
            return Err(illegal(word));
        }
        let Some(mut v) = self.vector.take() else { return Err(illegal(word)) };
        let field = |at: u32| (word >> at & 31) as usize;
        let (vd, vs1, vs2, vm) = (field(7), field(15), field(20), word >> 25 & 1 != 0);
        let mut exec = Exec { v: &mut v, hart: self, env, word, vd, vs1, vs2, vm, x, y, flags: 0 };
        let done = exec.run();
        let flags = exec.flags;
        self.vector = Some(v);
        if done != Err(illegal(word)) {
            self.vector_dirty();
        }
        Ok((done?, flags))
    }
}

impl Exec<'_> {
    fn illegal(&self) -> Halt {
        illegal(self.word)
    }

    /// Goes on only if the encoding is legal.
    fn need(&self, legal: bool) -> Result<(), Halt> {
        if legal { Ok(()) } else { Err(self.illegal()) }
    }

    fn run(&mut self) -> Done {
        let done = match (self.word & 0x7f, self.word >> 12 & 7) {
            (0x07, _) => self.access(true)?,
            (0x27, _) => self.access(false)?,
            (_, 7) => self.vset()?,
            _ if self.v.vill => return Err(self.illegal()),
            (_, 3) if self.word >> 26 == 0x27 => self.move_whole()?,
            (_, 1) => self.opf(Src::V(self.vs1))?,
            (_, 5) => self.opf(Src::X(self.x))?,
            (_, 0) => self.opi(Src::V(self.vs1))?,
            (_, 3) => self.opi(Src::X(((self.vs1 as i64) << 59 >> 59) as u64))?,
            (_, 4) => self.opi(Src::X(self.x))?,
            (_, 2) => self.opm(Src::V(self.vs1))?,
            _ => self.opm(Src::X(self.x))?,
        };
        self.v.vstart = 0;
        Ok(done)
    }

    /// vsetvli, vsetivli, vsetvl (section 30.6).
    fn vset(&mut self) -> Done {
        let (vtype, avl) = match self.word >> 30 {
            0 | 1 => (self.word >> 20 & 0x7ff, None),
            3 => (self.word >> 20 & 0x3ff, Some(self.vs1 as u64)),
            _ if self.word >> 25 == 0x40 => {
                // A bit above the fields, vill too, is reserved.
                let high = u32::from(self.y >> 8 != 0) << 8;
                (self.y as u32 & 0xff | high, None)
            }
            _ => return Err(self.illegal()),
        };
        let avl = match avl {
            Some(avl) => avl,
            None if self.vs1 != 0 => self.x & self.hart.mask(),
            None if self.vd != 0 => u64::MAX,
            None => self.v.vl as u64,
        };
        self.v.set_vtype(vtype.into());
        let max = if self.v.vill { 0 } else { self.v.vlmax() };
        self.v.vl = avl.min(max as u64) as usize;
        Ok(self.v.vl as u64)
    }

    /// Whether an element takes part.
    fn active(&self, i: usize) -> bool {
        self.vm || self.v.mask(i)
    }

    /// Elements from vstart to vl, none if it lies beyond.
    fn body(&self) -> std::ops::Range<usize> {
        self.v.vstart.min(self.v.vl)..self.v.vl
    }

    /// The immediate or register number in the place of vs1.
    fn uimm(&self) -> u64 {
        self.vs1 as u64
    }
}
