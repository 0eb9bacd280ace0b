//! Control flow and self-modifying code: snippets with a shape, random in between.

use super::generate::{BASES, Writer};
use super::tables::{Entry, Kind, set_immediate};

/// Loop counters by depth, from x31 down; x27 to x29 belong to the shapes, x1 holds return
/// addresses.
const COUNTERS: [u32; 2] = [31, 30];
const KEEP: u32 = BASES | 1 << 1 | 0b11111 << 27;

fn addi(rd: u32, rs1: u32, n: i32) -> u32 {
    (n as u32) << 20 | rs1 << 15 | rd << 7
}

/// Branches, jumps, calls, loops.
pub fn control(w: &mut Writer<'_>) {
    w.keep = KEEP;
    let plain = w.tables.of(&[Kind::Integer, Kind::Float, Kind::Memory, Kind::Integer]);
    let function = w.rng.one_in(2).then(|| function(w, &plain));
    block(w, &plain, function, 0);
}

fn block(w: &mut Writer<'_>, plain: &[Entry], function: Option<usize>, depth: usize) {
    for _ in 0..4 + w.rng.below(8) {
        match w.rng.below(12) {
            0..4 => (0..=w.rng.below(4)).for_each(|_| w.push_random(plain)),
            4..7 => branch(w, plain),
            7 => jump(w, plain),
            8 => far_jump(w, plain),
            9 => call(w, function),
            _ => repeat(w, plain, function, depth),
        }
    }
}

/// A branch over some instructions; its operands decide whether they run.
fn branch(w: &mut Writer<'_>, plain: &[Entry]) {
    let branches = w.tables.of(&[Kind::Branch]);
    over(w, &branches, plain);
}

/// A jump that always leaves some instructions out.
fn jump(w: &mut Writer<'_>, plain: &[Entry]) {
    let names = ["jal", "c.j"];
    let jumps: Vec<Entry> = names.iter().filter_map(|n| w.tables.named(n)).collect();
    over(w, &jumps, plain);
}

fn over(w: &mut Writer<'_>, entries: &[Entry], plain: &[Entry]) {
    let Some(entry) = w.rng.pick(entries).copied() else { return };
    let Some(word) = w.tables.encode(&entry, w.keep, &mut w.rng) else { return };
    let at = w.code.len();
    w.push(word);
    for _ in 0..=w.rng.below(6) {
        w.push_random(plain);
    }
    let word = set_immediate(&entry, word, (w.code.len() - at) as i32);
    patch(w, at, word, usize::from(entry.row.len));
}

fn patch(w: &mut Writer<'_>, at: usize, word: u32, length: usize) {
    if let Some(place) = w.code.get_mut(at..at + length) {
        place.copy_from_slice(&word.to_le_bytes()[..length]);
    }
}

/// AUIPC and JALR over some instructions.
fn far_jump(w: &mut Writer<'_>, plain: &[Entry]) {
    let at = w.code.len();
    w.push_named("auipc", 28 << 7);
    let Some(jalr) = w.tables.named("jalr") else { return };
    let link = if w.rng.one_in(2) { 28 } else { 0 };
    let word = jalr.row.encode(28 << 15 | link << 7);
    let place = w.code.len();
    w.push(word);
    for _ in 0..w.rng.below(5) {
        w.push_random(plain);
    }
    // The lowest bit of the target is dropped.
    let odd = w.rng.below(2) as i32;
    let word = set_immediate(&jalr, word, (w.code.len() - at) as i32 | odd);
    patch(w, place, word, 4);
}

/// A function that is jumped over, and called later.
fn function(w: &mut Writer<'_>, plain: &[Entry]) -> usize {
    let at = w.code.len();
    w.push_named("jal", 0);
    let start = w.code.len();
    for _ in 0..2 + w.rng.below(6) {
        w.push_random(plain);
    }
    if w.rng.one_in(2) {
        w.push_named("c.jr", 1 << 7);
    } else {
        w.push_named("jalr", 1 << 15);
    }
    if let Some(jal) = w.tables.named("jal") {
        let word = set_immediate(&jal, jal.row.encode(0), (w.code.len() - at) as i32);
        patch(w, at, word, 4);
    }
    start
}

fn call(w: &mut Writer<'_>, function: Option<usize>) {
    if let (Some(start), Some(jal)) = (function, w.tables.named("jal")) {
        let distance = start as i32 - w.code.len() as i32;
        w.push(set_immediate(&jal, jal.row.encode(1 << 7), distance));
    }
}

/// A counted loop.
fn repeat(w: &mut Writer<'_>, plain: &[Entry], function: Option<usize>, depth: usize) {
    let Some(&counter) = COUNTERS.get(depth) else { return };
    let rounds = if depth == 0 { 20 + w.rng.below(60) } else { 2 + w.rng.below(6) };
    w.push_named("addi", addi(counter, 0, rounds as i32));
    let start = w.code.len();
    if w.rng.one_in(3) {
        block(w, plain, function, depth + 1);
    } else {
        for _ in 0..1 + w.rng.below(12) {
            w.push_random(plain);
        }
    }
    w.push_named("addi", addi(counter, counter, -1));
    let Some(bne) = w.tables.named("bne") else { return };
    let distance = start as i32 - w.code.len() as i32;
    w.push(set_immediate(&bne, bne.row.encode(counter << 15), distance));
}

/// A loop whose body rewrites one of its own words on every round: before it runs or after.
pub fn smc(w: &mut Writer<'_>) {
    w.keep = KEEP;
    let plain = w.tables.of(&[Kind::Integer, Kind::Float, Kind::Memory]);
    for _ in 0..1 + w.rng.below(3) {
        let (first, second) = (word_of(w, &plain), word_of(w, &plain));
        let rounds = 1 + w.rng.below(40);
        w.push_named("addi", addi(31, 0, rounds as i32));
        // x29 alternates between the two words; x27 is their difference.
        constant(w, 29, first);
        constant(w, 27, first ^ second);
        let start = w.code.len();
        let before = w.rng.one_in(2);
        let early = before.then(|| place(w, first, &plain));
        let at = w.code.len();
        w.push_named("auipc", 28 << 7);
        w.push_named("xor", 27 << 20 | 29 << 15 | 29 << 7);
        let store = w.code.len();
        w.push(0x01d_e2023);
        w.push_named("fence.i", 0);
        let target = early.unwrap_or_else(|| place(w, first, &plain));
        if let Some(sw) = w.tables.named("sw") {
            let word = sw.row.encode(29 << 20 | 28 << 15);
            patch(w, store, set_immediate(&sw, word, target as i32 - at as i32), 4);
        }
        w.push_named("addi", addi(31, 31, -1));
        if let Some(bne) = w.tables.named("bne") {
            let distance = start as i32 - w.code.len() as i32;
            w.push(set_immediate(&bne, bne.row.encode(31 << 15), distance));
        }
    }
}

/// Some instructions, the word that changes, some instructions; answers where the word is.
fn place(w: &mut Writer<'_>, word: u32, plain: &[Entry]) -> usize {
    for _ in 0..w.rng.below(4) {
        w.push_random(plain);
    }
    let at = w.code.len();
    w.push(word);
    if word & 3 != 3 {
        w.push(word >> 16);
    }
    for _ in 0..w.rng.below(4) {
        w.push_random(plain);
    }
    at
}

/// Four bytes of code: one instruction or two compressed ones.
fn word_of(w: &mut Writer<'_>, plain: &[Entry]) -> u32 {
    let short: Vec<Entry> = plain.iter().filter(|e| e.row.len == 2).copied().collect();
    let long: Vec<Entry> = plain.iter().filter(|e| e.row.len == 4).copied().collect();
    let nop = 1;
    if w.rng.one_in(3) {
        let low = w.random(&short).unwrap_or(nop) & 0xffff;
        low | w.random(&short).unwrap_or(nop) << 16
    } else {
        w.random(&long).unwrap_or(nop << 16 | nop)
    }
}

/// Loads a constant's low 32 bits into a register.
fn constant(w: &mut Writer<'_>, rd: u32, n: u32) {
    let low = ((n << 20) as i32) >> 20;
    w.push_named("lui", n.wrapping_sub(low as u32) & 0xffff_f000 | rd << 7);
    w.push_named("addi", addi(rd, rd, low));
}
