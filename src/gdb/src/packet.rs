//! Packets on the wire: `$data#checksum`, acknowledgements, the interrupt byte (GDB manual,
//! appendix E.1).

/// Bytes of a packet's data, at most; what is longer is refused.
pub(crate) const MOST: usize = 0x4000;

/// What a client sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    /// A packet's data, without escapes.
    Packet(Vec<u8>),
    /// A packet whose checksum is wrong, or that is too long: to be sent again.
    Bad,
    /// Our last packet did not arrive well.
    Again,
    /// Stop the cores (Ctrl-C).
    Interrupt,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Between,
    Data,
    Sum1,
    Sum2(u8),
}

/// Takes bytes as they come.
#[derive(Debug)]
pub struct Reader {
    at: At,
    raw: Vec<u8>,
    long: bool,
}

impl Default for Reader {
    fn default() -> Reader {
        Reader { at: At::Between, raw: Vec::new(), long: false }
    }
}

impl Reader {
    /// Takes a byte; gives what it completes.
    pub fn push(&mut self, byte: u8) -> Option<Incoming> {
        match self.at {
            At::Between => match byte {
                b'$' => {
                    self.raw.clear();
                    self.long = false;
                    self.at = At::Data;
                    None
                }
                b'-' => Some(Incoming::Again),
                3 => Some(Incoming::Interrupt),
                // Acknowledgements, and noise between packets.
                _ => None,
            },
            At::Data => {
                match byte {
                    b'#' => self.at = At::Sum1,
                    // The rest of the last one was lost.
                    b'$' => {
                        self.raw.clear();
                        self.long = false;
                    }
                    _ if self.raw.len() >= MOST => self.long = true,
                    _ => self.raw.push(byte),
                }
                None
            }
            At::Sum1 => {
                self.at = At::Sum2(byte);
                None
            }
            At::Sum2(high) => {
                self.at = At::Between;
                let sum = digit(high).zip(digit(byte)).map(|(a, b)| a << 4 | b);
                if self.long || sum != Some(checksum(&self.raw)) {
                    return Some(Incoming::Bad);
                }
                Some(Incoming::Packet(unescape(&self.raw)))
            }
        }
    }
}

fn checksum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, b| sum.wrapping_add(*b))
}

fn unescape(raw: &[u8]) -> Vec<u8> {
    let mut bytes = raw.iter();
    let mut out = Vec::with_capacity(raw.len());
    while let Some(&byte) = bytes.next() {
        match byte {
            b'}' => out.extend(bytes.next().map(|b| b ^ 0x20)),
            _ => out.push(byte),
        }
    }
    out
}

/// A packet with this data.
pub fn encode(data: &[u8]) -> Vec<u8> {
    let mut out = vec![b'$'];
    for &byte in data {
        if matches!(byte, b'#' | b'$' | b'}' | b'*') {
            out.extend([b'}', byte ^ 0x20]);
        } else {
            out.push(byte);
        }
    }
    let sum = checksum(out.get(1..).unwrap_or_default());
    out.extend(format!("#{sum:02x}").into_bytes());
    out
}

/// The value of a hexadecimal digit.
pub(crate) fn digit(c: u8) -> Option<u8> {
    char::from(c).to_digit(16).map(|d| d as u8)
}

/// A hexadecimal number that is all of the text; at most 64 bits.
pub(crate) fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 16 {
        return None;
    }
    text.iter().try_fold(0, |n: u64, c| Some(n << 4 | u64::from(digit(*c)?)))
}

/// Bytes as pairs of digits.
pub(crate) fn hex(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().flat_map(|b| format!("{b:02x}").into_bytes()).collect()
}

/// Bytes from pairs of digits.
pub(crate) fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    let pairs = text.chunks(2);
    pairs
        .map(|pair| match pair {
            [a, b] => Some(digit(*a)? << 4 | digit(*b)?),
            _ => None,
        })
        .collect()
}

/// What stands before and after the first such byte.
pub(crate) fn split(text: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let i = text.iter().position(|b| *b == at)?;
    Some((text.get(..i)?, text.get(i + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Vec<Incoming> {
        let mut reader = Reader::default();
        bytes.iter().filter_map(|b| reader.push(*b)).collect()
    }

    #[test]
    fn packets_come_back() {
        for data in [&b"qSupported"[..], b"", b"a}b#c$d*e", &[0, 255, 3, b'}']] {
            assert_eq!(read(&encode(data)), [Incoming::Packet(data.to_vec())]);
        }
    }

    #[test]
    fn noise_is_survived() {
        assert_eq!(read(b"+\x03-$g#67"), {
            [Incoming::Interrupt, Incoming::Again, Incoming::Packet(b"g".to_vec())]
        });
        assert_eq!(read(b"$g#66$g#6g"), [Incoming::Bad, Incoming::Bad]);
        assert_eq!(read(b"$lost$g#67"), [Incoming::Packet(b"g".to_vec())]);
        let long = [b"$".to_vec(), vec![b'a'; 3 * MOST], b"#00$g#67".to_vec()].concat();
        assert_eq!(read(&long), [Incoming::Bad, Incoming::Packet(b"g".to_vec())]);
    }

    #[test]
    fn numbers() {
        assert_eq!(number(b"7fF"), Some(0x7ff));
        assert_eq!((number(b""), number(b"-1"), number(&[b'1'; 17])), (None, None, None));
        assert_eq!((unhex(b"00ff"), unhex(b"0"), unhex(b"0g")), (Some(vec![0, 255]), None, None));
    }
}
