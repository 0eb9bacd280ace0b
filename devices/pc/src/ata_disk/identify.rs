//! What IDENTIFY DEVICE answers (ATA/ATAPI-7, volume 1, section 6.17).

/// What a disk is, and what was set.
pub(super) struct About<'a> {
    pub(super) sectors: u64,
    pub(super) serial: &'a str,
    pub(super) model: &'a str,
    pub(super) heads: u8,
    pub(super) track: u8,
    pub(super) multiple: u8,
    pub(super) mode: u8,
}

/// Sectors that 28 bits and the geometry can name.
const MOST_28: u64 = 0x0fff_ffff;
const MOST_CHS: u64 = 16383 * 16 * 63;

/// The words.
pub(super) fn words(of: &About<'_>) -> [u16; 256] {
    let mut w = [0u16; 256];
    let mut set = |at: usize, value: u64| {
        if let Some(word) = w.get_mut(at) {
            *word = value as u16;
        }
    };
    let (heads, track) = (u64::from(of.heads), u64::from(of.track));
    let chs = of.sectors.min(MOST_CHS);
    let here = chs / (heads * track).max(1);
    // A fixed drive; default and current geometry.
    set(0, 0x0040);
    set(1, chs / (16 * 63));
    set(3, 16);
    set(6, 63);
    set(54, here);
    set(55, heads);
    set(56, track);
    set(57, here * heads * track);
    set(58, (here * heads * track) >> 16);
    // Sectors between two interrupts: most, and now.
    set(47, 0x8000 | u64::from(super::MOST_MULTIPLE));
    set(59, if of.multiple == 0 { 0 } else { 0x100 | u64::from(of.multiple) });
    // LBA, DMA, IORDY; words 64 to 70 and 88 are valid.
    set(49, 0x0f00);
    set(50, 0x4000);
    set(53, 7);
    set(60, of.sectors.min(MOST_28));
    set(61, of.sectors.min(MOST_28) >> 16);
    // Modes: which there are, and which is on.
    let on = |kind: u8| match of.mode >> 3 == kind {
        true => 0x100u64 << (of.mode & 7),
        false => 0,
    };
    set(63, 0x0007 | on(0x20 >> 3));
    set(88, 0x003f | on(0x40 >> 3));
    set(64, 3);
    for at in 65..=68 {
        set(at, 120);
    }
    // ATA/ATAPI-4 to 7; write cache, NOP; flushing, 48 bits; as much of it is on.
    set(80, 0x00f0);
    set(82, 0x4020);
    set(83, 0x7400);
    set(84, 0x4000);
    set(85, 0x4020);
    set(86, 0x3400);
    set(87, 0x4000);
    // A cable with 80 wires, device 0.
    set(93, 0x6001);
    for i in 0..4 {
        set(100 + i, of.sectors >> (16 * i));
    }
    text(&mut w, 10, 10, of.serial);
    text(&mut w, 23, 4, env!("CARGO_PKG_VERSION"));
    text(&mut w, 27, 20, of.model);
    w
}

/// Text in words: the first byte above, blanks behind.
fn text(words: &mut [u16; 256], at: usize, count: usize, text: &str) {
    let mut bytes = text.bytes().filter(u8::is_ascii).chain(std::iter::repeat(b' '));
    for word in words.iter_mut().skip(at).take(count) {
        let pair = [bytes.next().unwrap_or(b' '), bytes.next().unwrap_or(b' ')];
        *word = u16::from_be_bytes(pair);
    }
}
