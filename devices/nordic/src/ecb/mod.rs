//! AES encryption of one block (nRF52833 Product Specification, chapter ECB; FIPS 197). Memory at
//! ECBDATAPTR holds the key, the clear text, and takes the cipher text, 16 bytes each.

use crate::frame::{self, Block, Io};
use crate::schemas::{NORDIC_ECB_1, nordic_ecb_1 as reg};
use hetemu_hw::schema::DeviceType;
use hetemu_hw::{Config, Model};

/// `nordic.ecb`.
pub const MODEL: Model = Model { ty: &NORDIC_ECB_1, create: frame::create::<Ecb> };

const BUS: u32 = 0;
const START: u32 = 0;
const ENDECB: u32 = 0;
const ERRORECB: u32 = 1;
/// A block (t_ECB).
const TIME: u64 = 7_200_000;

struct Ecb;

/// Multiplication by x in GF(2^8).
fn double(a: u8) -> u8 {
    a << 1 ^ if a & 0x80 != 0 { 0x1b } else { 0 }
}

/// The substitution of FIPS 197, 5.1.1, made of inverses: 3 generates the field, so the powers of 3
/// and of its inverse 0xf6 go through all pairs of them.
fn substitution() -> [u8; 256] {
    let mut out = [0x63; 256];
    let (mut p, mut q) = (1u8, 1u8);
    loop {
        p ^= double(p);
        q ^= q << 1;
        q ^= q << 2;
        q ^= q << 4;
        if q & 0x80 != 0 {
            q ^= 0x09;
        }
        let rotated = |n| q.rotate_left(n);
        out[usize::from(p)] = q ^ rotated(1) ^ rotated(2) ^ rotated(3) ^ rotated(4) ^ 0x63;
        if p == 1 {
            return out;
        }
    }
}

/// AES-128 of a block.
fn encrypt(key: [u8; 16], block: [u8; 16]) -> [u8; 16] {
    let boxed = substitution();
    let sub = |byte: u8| boxed[usize::from(byte)];
    let xor = |a: [u8; 16], b: [u8; 16]| std::array::from_fn(|i| a[i] ^ b[i]);
    let mut key = key;
    let mut state: [u8; 16] = xor(block, key);
    let mut constant = 1;
    for round in 1..=10 {
        for i in 0..4 {
            key[i] ^= sub(key[12 + (i + 1) % 4]) ^ if i == 0 { constant } else { 0 };
        }
        for i in 4..16 {
            key[i] ^= key[i - 4];
        }
        constant = double(constant);
        // Rows are shifted: row r of column c comes from column c + r.
        let shifted: [u8; 16] = std::array::from_fn(|i| sub(state[(i + 4 * (i % 4)) % 16]));
        state = match round {
            10 => shifted,
            _ => std::array::from_fn(|i| {
                let at = |n: usize| shifted[i / 4 * 4 + (i + n) % 4];
                double(at(0)) ^ double(at(1)) ^ at(1) ^ at(2) ^ at(3)
            }),
        };
        state = xor(state, key);
    }
    state
}

impl Block for Ecb {
    const TYPE: &'static DeviceType = &NORDIC_ECB_1;

    fn new(_: &Config) -> Ecb {
        Ecb
    }

    fn reset(&mut self, io: &mut Io<'_>) {
        io.cx.stop_timer(0);
    }

    fn task(&mut self, io: &mut Io<'_>, task: u32) {
        if task == START {
            io.cx.timer(0, io.cx.now().saturating_add(TIME));
        } else {
            io.cx.stop_timer(0);
            io.event(ERRORECB);
        }
    }

    fn timer(&mut self, io: &mut Io<'_>, _: u32) {
        let at = u64::from(io.reg(reg::ECBDATAPTR));
        let (mut key, mut text) = ([0; 16], [0; 16]);
        let read = io.cx.dma_read(BUS, at, &mut key).and(io.cx.dma_read(BUS, at + 16, &mut text));
        let done = read.and_then(|()| io.cx.dma_write(BUS, at + 32, &encrypt(key, text)));
        io.event(if done.is_ok() { ENDECB } else { ERRORECB });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hetemu_hw::testing::{Bench, check};

    /// FIPS 197, appendix C.1.
    #[test]
    fn the_standards_example() {
        check::all(&MODEL, &[]);
        let mut b = Bench::of(&MODEL, &[], &[]);
        b.cx.memory = (0..16).chain((0..16).map(|n| n * 0x11)).collect();
        b.cx.memory.resize(48, 0);
        b.w32(0x000, 1);
        b.advance(TIME);
        assert_eq!((b.r32(0x100), b.r32(0x104)), (1, 0));
        let want = 0x69c4_e0d8_6a7b_0430_d8cd_b780_70b4_c55a_u128;
        assert_eq!(b.cx.memory[32..], want.to_be_bytes());
        b.w32(0x504, 0x1000_0000);
        b.w32(0x000, 1);
        b.advance(TIME);
        assert_eq!(b.r32(0x104), 1);
    }
}
