//! Snippets of vector instructions: registers filled from memory and f registers, then random
//! configurations and instructions, and at the end everything to memory.

use super::generate::Writer;
use super::tables::{Entry, Kind};

/// What the end of a snippet overwrites: x27 to x31.
const SPARE: u32 = 0b11111 << 27;

const VSETVLI: u32 = 0x7057;
const OP_V: u32 = 0x57;

/// vl8re8.v or vs8r.v of eight registers at `x9 + 128 * n`, through x31.
fn all(w: &mut Writer<'_>, store: bool) {
    for n in 0..4 {
        w.push((128 * n) << 20 | 9 << 15 | 31 << 7 | 0x13);
        let opcode = if store { 0x27 } else { 0x07 };
        w.push(7 << 29 | 1 << 25 | 8 << 20 | 31 << 15 | (8 * n) << 7 | opcode);
    }
}

/// A vtype whose fields are mostly supported.
fn vtype(w: &mut Writer<'_>) -> u32 {
    let lmul = match w.rng.below(16) {
        0..6 => 0,
        6..9 => 1,
        9 | 10 => 2,
        11 => 3,
        12 => 5,
        13 => 6,
        14 => 7,
        _ => w.rng.below(8),
    };
    let sew = if w.rng.one_in(40) { w.rng.below(8) } else { w.rng.below(4) };
    // Agnostic elements may become ones, and do not here nor there.
    w.rng.below(4) << 6 | sew << 3 | lmul
}

fn configure(w: &mut Writer<'_>) {
    let kind = vtype(w);
    let rd = w.rng.below(27) & !(w.rng.below(2) * 31);
    let rd = if w.keep >> rd & 1 != 0 { 0 } else { rd };
    let avl = w.rng.below(32);
    match w.rng.below(8) {
        0..4 => w.push(0xc000_0000 | kind << 20 | avl << 15 | rd << 7 | VSETVLI),
        4 | 5 => w.push(kind << 20 | (3 + avl % 24) << 15 | 3 << 7 | VSETVLI),
        6 => w.push(kind << 20 | 10 << 7 | VSETVLI),
        _ => {
            // vsetvl of a small number, or of what a register holds.
            w.push(kind << 20 | 30 << 7 | 0x13);
            let from = if w.rng.one_in(6) { w.rng.below(32) } else { 30 };
            w.push(0x8000_0000 | from << 20 | avl << 15 | rd << 7 | VSETVLI);
        }
    }
}

/// vstart, vxrm, vxsat, vcsr.
fn control(w: &mut Writer<'_>) {
    let value = w.rng.below(32);
    let (csr, bits) = [(8, 7), (8, 31), (10, 3), (10, 3), (9, 1), (15, 7)][w.rng.below(6) as usize];
    // QEMU 10.0 keeps bits of vxrm that are not there.
    let value = value & bits;
    w.push(csr << 20 | value << 15 | 0x5073);
}

/// A random instruction, its register groups mostly aligned.
fn instruction(w: &mut Writer<'_>, entries: &[Entry]) {
    let Some(mut word) = w.random(entries) else { return };
    let align = [0, 0, 0, 1, 1, 3, 7][w.rng.below(7) as usize];
    let memory = word & 0x7f != OP_V;
    let (funct3, mode) = (word >> 12 & 7, word >> 26 & 3);
    if funct3 == 7 && !memory {
        return configure(w);
    }
    // Destinations that are x registers stay as they are.
    if memory || !(funct3 == 2 && word >> 26 == 0x10) {
        word &= !(align << 7);
    }
    if !memory && word >> 26 != 0x12 && word >> 26 != 0x13 && word >> 26 != 0x14 {
        word &= !(align << 20);
        if matches!(funct3, 0..=2) && word >> 26 != 0x10 {
            word &= !(align << 15);
        }
    }
    if memory {
        word = word & !(31 << 15) | [2, 8, 9][w.rng.below(3) as usize] << 15;
        if mode == 2 && !w.rng.one_in(4) {
            // A stride that stays near.
            let stride = w.rng.below(200).wrapping_sub(100) & 0xfff;
            w.push(stride << 20 | 30 << 7 | 0x13);
            word = word & !(31 << 20) | 30 << 20;
        }
        if mode & 1 != 0 && w.rng.one_in(2) {
            word &= !(align << 20);
        }
        if mode == 0 {
            // QEMU 10.0 fails an assertion where vstart lies beyond the end of one of these.
            w.push(8 << 20 | 0x5073);
        }
        if mode == 0 && word >> 20 & 31 == 16 {
            // QEMU 10.0 fails an assertion where a fault-only-first load lies in two pages: from
            // the begin of one it does not.
            w.push(12 << 20 | 2 << 15 | 5 << 12 | 30 << 7 | 0x13);
            w.push(12 << 20 | 30 << 15 | 1 << 12 | 30 << 7 | 0x13);
            word = word & !(7 << 29 | 31 << 15) | 30 << 15;
        }
        // Segments in all their numbers are most of the rows.
        if w.rng.one_in(2) && !(mode == 0 && word >> 20 & 31 == 8) {
            word &= !(7 << 29);
        }
    }
    w.push(word);
}

/// Fills a snippet; `floats` has the registers hold floats.
pub fn vector(w: &mut Writer<'_>, floats: bool) {
    w.keep = super::generate::BASES | SPARE;
    // What an earlier run left.
    w.push(8 << 20 | 0x5073);
    all(w, false);
    let float = |e: &Entry| {
        let word = e.row.value;
        word & 0x7f == OP_V && matches!(word >> 12 & 7, 1 | 5)
    };
    // QEMU 10.0 extends the scalar of these with zeros on RV32; the manual says with its sign.
    let slide1 = |e: &Entry| e.row.name.starts_with("vslide1") && w.tables.named("ld").is_none();
    let computing = w.tables.of(&[Kind::Vector]);
    let computing = computing.into_iter().filter(|e| !slide1(e));
    let entries: Vec<Entry> = computing.filter(|e| float(e) == floats || !floats).collect();
    let accesses = w.tables.of(&[Kind::VectorMemory]);
    let scalar = w.tables.of(&[Kind::Integer]);
    if floats {
        // Pairs of f registers of some width into every register.
        let sew = 2 + w.rng.below(2);
        w.push(0xc000_0000 | sew << 23 | 4 << 15 | VSETVLI);
        for reg in 1..32 {
            let f = [0; 2].map(|_| w.rng.below(32));
            let slide = 15 << 26 | 1 << 25 | reg << 20 | 5 << 12 | reg << 7 | OP_V;
            f.into_iter().for_each(|f| w.push(slide | f << 15));
        }
    }
    configure(w);
    for _ in 0..44 {
        match w.rng.below(40) {
            0..6 => configure(w),
            6 => control(w),
            7 => w.push_random(&scalar),
            8 => {
                let csr = w.tables.of(&[Kind::Csr]);
                w.push_random(&csr);
            }
            9..15 => instruction(w, &accesses),
            _ => instruction(w, &entries),
        }
    }
    for (rd, csr) in [(27, 0xc20), (28, 0xc21), (29, 8), (30, 15)] {
        w.push(csr << 20 | rd << 7 | 0x2073);
    }
    w.push(8 << 20 | 0x5073);
    all(w, true);
}
