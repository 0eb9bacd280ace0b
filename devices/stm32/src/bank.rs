//! Registers that keep what is written: offsets, reset values and the bits that software can write
//! are those of the schema.

use hetemu_hw::regs::{lanes, lanes_read, lanes_value, lanes_write};
use hetemu_hw::schema::{Access, DeviceType, Register};
use hetemu_hw::{LoadError, Reader, Writer};

/// The values of a type's registers, in the order of its schema.
#[derive(Debug, Clone)]
pub(crate) struct Bank {
    ty: &'static DeviceType,
    values: Vec<u32>,
}

/// A write to a register: what it brings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Write {
    /// The register's offset.
    pub(crate) at: u64,
    /// The register before, with the bytes that were written replaced.
    pub(crate) whole: u32,
    /// The bits that were written, in their place; others are 0.
    pub(crate) bits: u32,
    /// Which bits were written.
    pub(crate) lanes: u32,
}

impl Write {
    /// Bits that were written as 0: those of a `rc_w0` flag are cleared.
    pub(crate) fn zeros(&self) -> u32 {
        self.lanes & !self.bits
    }
}

fn registers(ty: &'static DeviceType) -> &'static [Register] {
    ty.regions.first().map_or(&[], |r| r.regs)
}

/// The number of values that a register has.
fn width(reg: &Register) -> usize {
    reg.count.max(1) as usize
}

/// The bits of a register that keep what is written.
fn writable(reg: &Register) -> u32 {
    let kept = |access| access == Access::Rw;
    if reg.fields.is_empty() {
        return if kept(reg.access) { u32::MAX } else { 0 };
    }
    let fields = reg.fields.iter().filter(|f| kept(f.access.unwrap_or(reg.access)));
    fields.fold(0, |bits, f| {
        let width = u32::from(f.msb.saturating_sub(f.lsb)) + 1;
        bits | (u32::MAX >> 32u32.saturating_sub(width)) << (f.lsb & 31)
    })
}

impl Bank {
    pub(crate) fn new(ty: &'static DeviceType) -> Bank {
        let reset = |r: &Register| vec![r.reset.unwrap_or(0) as u32; width(r)];
        Bank { ty, values: registers(ty).iter().flat_map(reset).collect() }
    }

    /// The register at an offset, and the number of its value.
    fn find(&self, at: u64) -> Option<(&'static Register, usize)> {
        let mut first = 0;
        for reg in registers(self.ty) {
            let stride = u64::from(reg.stride).max(4);
            let element = at.checked_sub(reg.offset).map(|n| (n / stride, n % stride));
            if let Some((n, 0)) = element
                && n < width(reg) as u64
            {
                return Some((reg, first + n as usize));
            }
            first += width(reg);
        }
        None
    }

    /// Whether there is a register at an offset.
    pub(crate) fn has(&self, at: u64) -> bool {
        self.find(at).is_some()
    }

    /// Whether the register at an offset can be read.
    pub(crate) fn reads(&self, at: u64) -> bool {
        self.find(at).is_some_and(|(reg, _)| reg.access != Access::Wo)
    }

    /// A register's value; 0 if there is none.
    pub(crate) fn get(&self, at: u64) -> u32 {
        self.find(at).and_then(|(_, i)| self.values.get(i)).copied().unwrap_or(0)
    }

    /// Sets a register, whatever software can write of it.
    pub(crate) fn set(&mut self, at: u64, value: u32) {
        if let Some((_, i)) = self.find(at)
            && let Some(to) = self.values.get_mut(i)
        {
            *to = value;
        }
    }

    /// Sets or clears bits of a register.
    pub(crate) fn put(&mut self, at: u64, bits: u32, on: bool) {
        let value = self.get(at);
        self.set(at, if on { value | bits } else { value & !bits });
    }

    /// Whether all of some bits are set.
    pub(crate) fn is(&self, at: u64, bits: u32) -> bool {
        self.get(at) & bits == bits
    }

    /// Bits of a register, shifted down.
    pub(crate) fn field(&self, at: u64, lsb: u32, width: u32) -> u32 {
        self.get(at) >> (lsb & 31) & (u32::MAX >> 32u32.saturating_sub(width))
    }

    /// Keeps what a write brings, as far as software can write it.
    pub(crate) fn keep(&mut self, write: &Write) {
        if let Some((reg, _)) = self.find(write.at) {
            let bits = writable(reg);
            self.set(write.at, self.get(write.at) & !bits | write.whole & bits);
        }
    }

    /// The write of an access.
    pub(crate) fn write(&self, offset: u64, size: u8, value: u64) -> Write {
        let at = offset & !3;
        Write {
            at,
            whole: lanes_write(self.get(at), offset, size, value),
            bits: lanes_value(offset, size, value),
            lanes: lanes(offset, size),
        }
    }

    pub(crate) fn save(&self, w: &mut Writer, field: u16) {
        w.ints(field, self.values.iter().map(|v| u64::from(*v)));
    }

    pub(crate) fn load(&mut self, r: &Reader<'_>, field: u16) -> Result<(), LoadError> {
        let mut values = vec![0; self.values.len()];
        r.ints(field, &mut values)?;
        for (to, from) in self.values.iter_mut().zip(values) {
            *to = u32::try_from(from).map_err(|_| LoadError::Bad(field))?;
        }
        Ok(())
    }
}

/// What an access reads of a register's value.
pub(crate) fn part(value: u32, offset: u64, size: u8) -> u64 {
    lanes_read(value, offset, size)
}
