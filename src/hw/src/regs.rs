//! Registers by byte lanes, and their names for people.

use crate::device::{Device, InspectValue};
use hetemu_schema::{Access, DeviceType, Register};

/// The bits of a number of `size` bytes (1, 2, 4, 8).
pub fn mask(size: u8) -> u64 {
    u64::MAX >> (64 - 8 * u32::from(size.clamp(1, 8)))
}

/// The bits of the aligned 32-bit register around `offset` that an access of `size` bytes covers.
pub fn lanes(offset: u64, size: u8) -> u32 {
    ((mask(size.min(4)) << (8 * (offset & 3))) & 0xffff_ffff) as u32
}

/// What an access of `size` bytes at `offset` reads of the aligned 32-bit register around it.
pub fn lanes_read(register: u32, offset: u64, size: u8) -> u64 {
    u64::from(register & lanes(offset, size)) >> (8 * (offset & 3))
}

/// The bits that an access of `size` bytes at `offset` writes, in their place in the aligned 32-bit
/// register around it; others are 0.
pub fn lanes_value(offset: u64, size: u8, value: u64) -> u32 {
    (value << (8 * (offset & 3))) as u32 & lanes(offset, size)
}

/// The aligned 32-bit register around `offset` after a write of `size` bytes.
pub fn lanes_write(register: u32, offset: u64, size: u8, value: u64) -> u32 {
    register & !lanes(offset, size) | lanes_value(offset, size, value)
}

/// The documented register whose first 4 bytes are at a (rounded down) offset of a region.
pub fn register(ty: &'static DeviceType, region: u32, offset: u64) -> Option<&'static Register> {
    let regs = ty.regions.get(region as usize)?.regs;
    regs.iter().find(|r| r.offset == offset & !3)
}

/// Whether a write covers every byte of a register that has a field. The register blocks that
/// OpenTitan generates answer other writes with a bus error.
pub fn covers(reg: &Register, offset: u64, size: u8) -> bool {
    let top = reg.fields.iter().map(|f| f.msb).max().unwrap_or(reg.bits.saturating_sub(1));
    let needed = mask(top.min(31) / 8 + 1) as u32;
    lanes(offset, size) & needed == needed
}

/// A device's state by name: what it says itself, else the registers of its schema.
pub fn shown(ty: &'static DeviceType, device: &dyn Device) -> Vec<InspectValue> {
    let own = device.inspect();
    if own.is_empty() { inspect(ty, |region, at, size| device.peek(region, at, size)) } else { own }
}

/// Readable registers and their fields by name, through `peek` (region, offset, size). What `peek`
/// cannot give is left out. Elements of arrays are `NAME[3]`, fields `NAME.FIELD`.
pub fn inspect(
    ty: &'static DeviceType,
    peek: impl Fn(u32, u64, u8) -> Option<u64>,
) -> Vec<InspectValue> {
    let mut values = Vec::new();
    for (index, region) in ty.regions.iter().enumerate() {
        for reg in region.regs.iter().filter(|r| r.access != Access::Wo) {
            for element in 0..reg.count.max(1) {
                let offset = reg.offset + u64::from(element) * u64::from(reg.stride);
                let Some(value) = peek(index as u32, offset, reg.bits / 8) else { continue };
                let name = match reg.count {
                    0 | 1 => reg.name.to_string(),
                    _ => format!("{}[{element}]", reg.name),
                };
                for field in reg.fields {
                    let bits = u64::MAX >> 63u8.saturating_sub(field.msb.saturating_sub(field.lsb));
                    let value = (value >> field.lsb.min(63)) & bits;
                    values.push(InspectValue { name: format!("{name}.{}", field.name), value });
                }
                values.push(InspectValue { name, value });
            }
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_are_little_endian() {
        assert_eq!(lanes(0, 4), 0xffff_ffff);
        assert_eq!(lanes(6, 2), 0xffff_0000);
        assert_eq!(lanes_read(0x1234_5678, 1, 1), 0x56);
        assert_eq!(lanes_read(0x1234_5678, 0, 8), 0x1234_5678);
        assert_eq!(lanes_write(0x1234_5678, 3, 1, 0xab), 0xab34_5678);
        assert_eq!(lanes_write(0x1234_5678, 0, 4, 0x1_0000_0001), 1);
    }
}
