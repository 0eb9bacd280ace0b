//! The 256 bytes of a PCI function's configuration space (PCI Local Bus Specification 2.2, chapter
//! 6): values, and which bits a write changes.

use hetemu_hw::pci;

/// Bytes of the space.
const LEN: usize = 256;

/// Bits of the command register.
pub(crate) const IO: u32 = 1 << 0;
pub(crate) const MEMORY: u32 = 1 << 1;
pub(crate) const MASTER: u32 = 1 << 2;

/// One function's configuration space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Space {
    bytes: [u8; LEN],
    writable: [u8; LEN],
}

impl Space {
    /// A space with the identification (vendor in the upper half, as it is written) and class,
    /// subclass, interface and revision from the highest byte on.
    pub(crate) fn new(id: u32, class: u32) -> Space {
        let mut space = Space { bytes: [0; LEN], writable: [0; LEN] };
        space.set(0, 2, id >> 16);
        space.set(2, 2, id & 0xffff);
        space.set(8, 4, class);
        space
    }

    /// Sets bytes, little-endian.
    pub(crate) fn set(&mut self, at: usize, size: usize, value: u32) {
        for (to, from) in self.bytes.iter_mut().skip(at).zip(value.to_le_bytes()).take(size) {
            *to = from;
        }
    }

    /// Lets writes change bits.
    pub(crate) fn allow(&mut self, at: usize, size: usize, mask: u32) {
        for (to, from) in self.writable.iter_mut().skip(at).zip(mask.to_le_bytes()).take(size) {
            *to = from;
        }
    }

    /// A base address register: of `size` bytes (a power of two), in I/O or memory space.
    pub(crate) fn bar(&mut self, number: usize, space: pci::Space, size: u32) {
        let kind = u32::from(space == pci::Space::Io);
        self.set(0x10 + 4 * number, 4, kind);
        self.allow(0x10 + 4 * number, 4, !(size - 1));
    }

    /// The offset of an address in what a base address register places, if the command register
    /// lets the function answer.
    pub(crate) fn hit(
        &self,
        number: usize,
        space: pci::Space,
        size: u64,
        addr: u64,
    ) -> Option<u64> {
        let base = self.word(0x10 + 4 * number);
        let (enable, mask) = match space {
            pci::Space::Io => (IO, !3),
            pci::Space::Memory => (MEMORY, !15),
        };
        let here = self.word(4) & enable != 0 && base & mask != 0;
        let offset = addr.checked_sub((base & mask).into())?;
        (here && offset < size).then_some(offset)
    }

    /// Four bytes.
    pub(crate) fn word(&self, at: usize) -> u32 {
        (0..4).fold(0, |v, i| v | u32::from(self.byte(at + i)) << (8 * i))
    }

    pub(crate) fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    pub(crate) fn read(&self, offset: u64, size: u8) -> u64 {
        let at = (offset & 0xff) as usize;
        (0..usize::from(size.min(4))).fold(0, |v, i| v | u64::from(self.byte(at + i)) << (8 * i))
    }

    pub(crate) fn write(&mut self, offset: u64, size: u8, value: u64) {
        let at = (offset & 0xff) as usize;
        let places = self.bytes.iter_mut().zip(&self.writable).skip(at).take(size.min(4).into());
        for ((to, mask), from) in places.zip(value.to_le_bytes()) {
            *to = *to & !mask | from & mask;
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Takes the values of a saved state; none if they cannot be: what cannot be written differs.
    pub(crate) fn restore(&mut self, bytes: &[u8]) -> Option<()> {
        let bytes: [u8; LEN] = bytes.try_into().ok()?;
        let same = bytes.iter().zip(&self.bytes).zip(&self.writable);
        let fixed = same.into_iter().all(|((a, b), mask)| (a ^ b) & !mask == 0);
        fixed.then(|| self.bytes = bytes)
    }
}
