//! The query table of a chip (JESD68.01, section 2).

/// What the table depends on.
pub(super) struct Geometry {
    /// Bytes of a chip, and of its sectors.
    pub(super) chip: u64,
    pub(super) sector: u64,
    /// log2 of the bytes of a chip's data bus.
    pub(super) bus: u32,
    /// log2 of the bytes that can be written at once.
    pub(super) buffer: u32,
}

/// The byte at an address of the table.
pub(super) fn byte(of: &Geometry, at: u64) -> u8 {
    let sectors = (of.chip / of.sector.max(1)).saturating_sub(1);
    let low = |v: u64| v as u8;
    match at {
        0x10 => b'Q',
        0x11 => b'R',
        0x12 => b'Y',
        // Command set 1, its table at 0x31.
        0x13 => 1,
        0x15 => 0x31,
        // 4.5 to 5.5 V; no programming voltage.
        0x1b => 0x45,
        0x1c => 0x55,
        // log2 of typical times: a word (us), a buffer (us), a sector (ms); most: times as much.
        0x1f | 0x20 => 7,
        0x21 => 10,
        0x23..=0x25 => 4,
        // log2 of the chip's bytes, its bus, its buffer.
        0x27 => low(of.chip.checked_ilog2().unwrap_or(0).into()),
        0x28 if of.bus == 1 => 1,
        0x28 if of.bus == 2 => 3,
        0x2a => low(of.buffer.into()),
        // One region of sectors: how many less one, and 256 bytes' multiples of each.
        0x2c => 1,
        0x2d => low(sectors),
        0x2e => low(sectors >> 8),
        0x2f => low(of.sector >> 8),
        0x30 => low(of.sector >> 16),
        // The command set's own table, version 1.0: no suspension; sectors are locked one by one.
        0x31 => b'P',
        0x32 => b'R',
        0x33 => b'I',
        0x34 => b'1',
        0x35 => b'0',
        0x36 => 0x20,
        0x3a => 0,
        0x3b => 1,
        0x3d => 0x50,
        _ => 0,
    }
}
