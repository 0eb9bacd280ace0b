//! Vector loads and stores (section 30.7).
//!
//! An access that raises leaves vstart at its element, and the instruction, begun again, goes on
//! there. Elements that are next to each other in memory are moved page by page.

use super::check::{aligned, clear_of, overlap, size};
use super::{Done, Exec};
use hetemu_isa::Halt;

/// Where elements lie.
enum Place {
    /// One after the other.
    Unit,
    /// At equal distances.
    Strided(u64),
    /// At offsets from a register group of elements of so many bytes (log2).
    Indexed(u8),
}

/// An access: its elements in memory and in registers.
struct Shape {
    load: bool,
    place: Place,
    /// log2 of an element's bytes.
    eew: u8,
    /// log2 of the registers of one field.
    emul: i8,
    /// Fields of a segment.
    fields: usize,
    /// Elements, or segments.
    count: usize,
    /// A fault after the first element shortens the vector.
    fault_first: bool,
}

impl Exec<'_> {
    /// Loads and stores.
    pub(super) fn access(&mut self, load: bool) -> Done {
        let eew = match self.word >> 12 & 7 {
            0 => 0,
            5 => 1,
            6 => 2,
            7 => 3,
            _ => return Err(self.illegal()),
        };
        let fields = (self.word >> 29 & 7) as usize + 1;
        // Elements wider than 64 bits are reserved.
        self.need(self.word >> 28 & 1 == 0)?;
        let mode = self.word >> 26 & 3;
        let vlenb = self.v.vlenb;
        let mut shape = Shape {
            load,
            place: Place::Unit,
            eew,
            emul: 0,
            fields,
            count: self.v.vl,
            fault_first: false,
        };
        match (mode, self.vs2) {
            (0, 8) => {
                // Whole registers, whatever vtype is; stores are of bytes.
                let lmul = fields.trailing_zeros() as i8;
                let legal = fields.is_power_of_two() && self.vm && (load || eew == 0);
                self.need(legal && aligned(self.vd, lmul))?;
                (shape.fields, shape.count) = (1, (fields * vlenb) >> eew);
                return self.contiguous(&shape);
            }
            (0, 11) => {
                self.need(eew == 0 && fields == 1 && self.vm && !self.v.vill)?;
                shape.count = self.v.vl.div_ceil(8);
                return self.contiguous(&shape);
            }
            (0, 0) => {}
            (0, 16) if load => shape.fault_first = true,
            (0, _) => return Err(self.illegal()),
            (2, _) => shape.place = Place::Strided(self.y),
            _ => shape.place = Place::Indexed(eew),
        }
        self.need(!self.v.vill)?;
        let lmul = self.v.lmul;
        let emul = lmul + eew as i8 - self.v.sew as i8;
        self.need((-3..=3).contains(&emul))?;
        if let Place::Indexed(_) = shape.place {
            (shape.eew, shape.emul) = (self.v.sew, lmul);
            self.need(self.indexed(eew, emul, fields, load))?;
        } else {
            shape.emul = emul;
        }
        let registers = fields * size(shape.emul);
        let fits = registers <= 8 && self.vd + registers <= 32;
        self.need(fits && aligned(self.vd, shape.emul) && (self.keeps_mask() || !load))?;
        match shape.place {
            Place::Unit if fields == 1 && self.vm => self.contiguous(&shape),
            _ => self.each(&shape),
        }
    }

    /// Whether the index group is legal with the data.
    fn indexed(&self, eew: u8, emul: i8, fields: usize, load: bool) -> bool {
        if eew == 3 && self.hart.mask() >> 32 == 0 || !aligned(self.vs2, emul) {
            return false;
        }
        let (sew, lmul) = (self.v.sew, self.v.lmul);
        if !self.apart(None) || !self.keeps_mask() {
            return false;
        }
        // Data and indexes of a store are sources of two widths.
        if !load && eew != sew && overlap(self.vd, size(lmul), self.vs2, size(emul)) {
            return false;
        }
        (0..if load { fields } else { 0 }).all(|field| {
            let vd = self.vd + field * size(lmul);
            let clear = clear_of(vd, lmul, self.vs2, emul);
            (eew == sew || clear || eew > sew && vd == self.vs2)
                && (fields == 1 || !overlap(vd, size(lmul), self.vs2, size(emul)))
        })
    }

    /// One element: to or from the bytes of a register.
    fn element(&mut self, load: bool, va: u64, eew: u8, at: usize) -> Result<(), Halt> {
        let va = va & self.hart.mask();
        let bytes = &mut self.v.regs[at..at + (1 << eew)];
        if load {
            if !self.env.virt_read_block(va, bytes) {
                let value = self.env.virt_read(self.hart, va, eew)?;
                bytes.copy_from_slice(&value.to_le_bytes()[..1 << eew]);
            }
        } else if !self.env.virt_write_block(va, bytes) {
            let mut raw = [0; 8];
            raw[..1 << eew].copy_from_slice(bytes);
            self.env.virt_write(self.hart, va, eew, u64::from_le_bytes(raw))?;
        }
        Ok(())
    }

    /// Elements in a row, not masked.
    fn contiguous(&mut self, shape: &Shape) -> Done {
        let (base, to) = (self.x, self.vd * self.v.vlenb);
        let mut i = self.v.vstart;
        while i < shape.count {
            let at = i << shape.eew;
            let va = base.wrapping_add(at as u64) & self.hart.mask();
            // As many elements as the page has room for.
            let room = 4096 - (va as usize & 4095);
            let n = (room >> shape.eew).min(shape.count - i);
            let bytes = &mut self.v.regs[to + at..to + at + (n << shape.eew)];
            let done = n > 0
                && if shape.load {
                    self.env.virt_read_block(va, bytes)
                } else {
                    self.env.virt_write_block(va, bytes)
                };
            if done {
                i += n;
                continue;
            }
            let done = self.element(shape.load, va, shape.eew, to + at);
            if self.stopped(shape, i, done)? {
                break;
            }
            i += 1;
        }
        Ok(0)
    }

    /// Elements or segments one by one.
    fn each(&mut self, shape: &Shape) -> Done {
        let vlenb = self.v.vlenb;
        let bytes = 1usize << shape.eew;
        let segment = (shape.fields * bytes) as u64;
        let apart = size(shape.emul) * vlenb;
        for i in self.v.vstart..shape.count {
            if !self.active(i) {
                continue;
            }
            let offset = match shape.place {
                Place::Unit => segment.wrapping_mul(i as u64),
                Place::Strided(stride) => stride.wrapping_mul(i as u64),
                Place::Indexed(eew) => self.v.raw(self.vs2, i, eew),
            };
            let base = self.x.wrapping_add(offset);
            for field in 0..shape.fields {
                let va = base.wrapping_add((field * bytes) as u64);
                let at = self.vd * vlenb + field * apart + i * bytes;
                let done = self.element(shape.load, va, shape.eew, at);
                if self.stopped(shape, i, done)? {
                    return Ok(0);
                }
            }
        }
        Ok(0)
    }

    /// Whether the access ends here; vstart says where if it raises.
    fn stopped(&mut self, shape: &Shape, i: usize, done: Result<(), Halt>) -> Result<bool, Halt> {
        match done {
            Ok(()) => Ok(false),
            Err(Halt::Raise(_)) if shape.fault_first && i > 0 => {
                self.v.vl = i;
                Ok(true)
            }
            Err(halt) => {
                self.v.vstart = i;
                Err(halt)
            }
        }
    }
}
