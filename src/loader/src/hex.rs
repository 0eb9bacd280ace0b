//! Intel HEX (Intel Hexadecimal Object File Format Specification, revision A), and the Universal
//! Hex of the micro:bit (spec-universal-hex), which holds a program for each of several boards.

use crate::{Error, Image, Kind, MAX_IMAGE, Segment};
use std::collections::BTreeMap;

/// Whether a file is Intel HEX: lines of a colon and hexadecimal digits.
pub(crate) fn looks(bytes: &[u8]) -> bool {
    let mut head = bytes.trim_ascii_start().iter().take(11);
    head.next() == Some(&b':') && head.len() == 10 && head.all(u8::is_ascii_hexdigit)
}

/// The bytes of one program, by address.
#[derive(Default)]
struct Bytes {
    pieces: BTreeMap<u64, Vec<u8>>,
    /// Where the piece begins that the last record belongs to.
    last: u64,
}

impl Bytes {
    fn add(&mut self, addr: u64, data: &[u8]) {
        if let Some(piece) = self.pieces.get_mut(&self.last)
            && self.last + piece.len() as u64 == addr
        {
            piece.extend_from_slice(data);
        } else {
            self.last = addr;
            self.pieces.insert(addr, data.to_vec());
        }
    }

    fn segments(self) -> Vec<Segment> {
        let mut out: Vec<Segment> = Vec::new();
        for (addr, bytes) in self.pieces.into_iter().filter(|(_, bytes)| !bytes.is_empty()) {
            match out.last_mut() {
                Some(before) if before.addr + before.size == addr => {
                    before.bytes.extend_from_slice(&bytes);
                    before.size = before.bytes.len() as u64;
                }
                _ => out.push(Segment { addr, size: bytes.len() as u64, bytes }),
            }
        }
        out
    }
}

/// A record: its address, type and data.
fn record(line: &[u8]) -> Result<(u64, u8, Vec<u8>), &'static str> {
    let digits = line.strip_prefix(b":").ok_or("a record begins with a colon")?;
    let digit = |c: u8| char::from(c).to_digit(16).map(|d| d as u8);
    let pairs = digits.chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    });
    let all: Option<Vec<u8>> = pairs.collect();
    let all = all.ok_or("a record is pairs of hexadecimal digits")?;
    if all.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)) != 0 {
        return Err("the checksum is wrong");
    }
    match all.as_slice() {
        [len, high, low, kind, data @ .., _] if data.len() == usize::from(*len) => {
            Ok((u64::from(*high) << 8 | u64::from(*low), *kind, data.to_vec()))
        }
        _ => Err("the record's length is wrong"),
    }
}

fn number(data: &[u8]) -> u64 {
    data.iter().take(4).fold(0, |n, byte| n << 8 | u64::from(*byte))
}

/// Reads a file.
pub(crate) fn load(bytes: &[u8]) -> Result<Image, Error> {
    // Programs by board; one that is for no board in particular is under none.
    let mut boards: BTreeMap<Option<u16>, Bytes> = BTreeMap::new();
    let mut board = None;
    let (mut base, mut entry, mut total) = (0, None, 0);
    for (n, line) in bytes.split(|b| *b == b'\n').enumerate() {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        let bad = |what: &str| Error::Hex { line: n + 1, what: what.to_string() };
        let (addr, kind, data) = record(line).map_err(bad)?;
        match kind {
            // Type 0x0d is data of boards whose own loaders must not take type 0.
            0x00 | 0x0d => {
                total += data.len() as u64;
                if total > MAX_IMAGE {
                    return Err(Error::TooLarge);
                }
                boards.entry(board).or_default().add(base + addr, &data);
            }
            0x01 => break,
            0x02 => base = number(&data) << 4,
            0x04 => base = number(&data) << 16,
            0x03 => {}
            0x05 => entry = Some(number(&data)),
            0x0a => board = data.get(..2).map(|id| number(id) as u16),
            0x0b | 0x0c | 0x0e => {}
            other => return Err(bad(&format!("there is no record type {other:#04x}"))),
        }
    }
    let mut image = Image {
        kind: Kind::Hex,
        segments: boards.remove(&None).unwrap_or_default().segments(),
        entry,
        bits: None,
        big_endian: None,
        machine: None,
        symbols: Default::default(),
        base: 0,
        boards: Vec::new(),
    };
    image.boards.extend(boards.into_iter().filter_map(|(id, bytes)| Some((id?, bytes.segments()))));
    if image.segments.is_empty() && image.boards.is_empty() {
        return Err(Error::Empty);
    }
    Ok(image)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load;

    fn line(addr: u16, kind: u8, data: &[u8]) -> String {
        let mut all = vec![data.len() as u8, (addr >> 8) as u8, addr as u8, kind];
        all.extend_from_slice(data);
        let sum = all.iter().fold(0u8, |sum, byte| sum.wrapping_sub(*byte));
        all.push(sum);
        format!(":{}\r\n", all.iter().map(|b| format!("{b:02X}")).collect::<String>())
    }

    #[test]
    fn records_become_segments() {
        let text = [
            line(0, 4, &[0, 1]),
            line(0xfffe, 0, &[1, 2]),
            line(0, 4, &[0, 2]),
            line(0, 0, &[3]),
            line(0, 2, &[0x10, 0]),
            line(8, 0, &[9]),
            line(0, 5, &[0, 1, 0xff, 0xff]),
            line(0, 1, &[]),
        ];
        let image = load(text.concat().as_bytes()).unwrap();
        assert!(!image.floats());
        assert_eq!(image.entry, Some(0x1_ffff));
        let found: Vec<_> = image.segments.iter().map(|s| (s.addr, s.bytes.clone())).collect();
        assert_eq!(found, [(0x1_0008, vec![9]), (0x1_fffe, vec![1, 2, 3])]);
    }

    #[test]
    fn a_universal_hex_has_a_program_for_each_board() {
        let text = [
            line(0, 4, &[0, 0]),
            line(0, 0x0a, &[0x99, 0, 0xc0, 0xde]),
            line(0, 0, &[1]),
            line(0, 0x0b, &[0xff]),
            line(0, 4, &[0, 0]),
            line(0, 0x0a, &[0x99, 3, 0xc0, 0xde]),
            line(0, 0x0d, &[2, 3]),
            line(0, 1, &[]),
        ];
        let image = load(text.concat().as_bytes()).unwrap();
        assert!(image.segments.is_empty());
        let bytes = |id| image.boards.iter().find(|b| b.0 == id).map(|b| b.1[0].bytes.clone());
        assert_eq!((bytes(0x9900), bytes(0x9903)), (Some(vec![1]), Some(vec![2, 3])));
    }

    #[test]
    fn damage_is_told_with_its_line() {
        let good = line(0, 0, &[1, 2]);
        for (bad, what) in [
            (good.replace(":02", ":03"), "checksum"),
            (format!("{}0\r\n", good.trim()), "pairs"),
            (line(0, 0x42, &[]), "record type"),
            (good.replace(':', ""), "colon"),
        ] {
            let e = load(format!("{good}{bad}").as_bytes()).unwrap_err();
            assert!(matches!(&e, Error::Hex { line: 2, what: w } if w.contains(what)), "{e}");
        }
    }
}
