//! What all Ethernet controllers share: addresses, checksums, lengths (IEEE 802.3).

use hetemu_hw::{Config, ConfigError};

/// An Ethernet address.
pub(crate) type Mac = [u8; 6];

/// Of a frame without its check sequence: the shortest on a wire, and the longest with a VLAN tag.
pub(crate) const SHORTEST: usize = 60;
pub(crate) const LONGEST: usize = 1518;
/// Two addresses and a type.
pub(crate) const HEADER: usize = 14;

/// The address in the property `mac`: six bytes in hexadecimal, between colons or hyphens; not a
/// group's.
pub(crate) fn address(config: &Config) -> Result<Mac, ConfigError> {
    let text = config.text("mac");
    let mut mac = Mac::default();
    let mut parts = text.split([':', '-']);
    let mut parse = || {
        for byte in &mut mac {
            let part = parts.next().filter(|p| p.len() <= 2 && !p.starts_with('+'))?;
            *byte = u8::from_str_radix(part, 16).ok()?;
        }
        (parts.next().is_none() && mac[0] & 1 == 0).then_some(mac)
    };
    parse().ok_or_else(|| {
        let message = format!(
            "`{text}` is no address of a card: six bytes like 52:54:00:12:34:56, the first one even"
        );
        ConfigError { path: config.path.clone(), message }
    })
}

/// The CRC of the frame check sequence, not inverted: least significant bit first.
fn crc(bytes: &[u8]) -> u32 {
    bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            crc >> 1 ^ if crc & 1 != 0 { 0xedb8_8320 } else { 0 }
        })
    })
}

/// The four bytes of the frame check sequence, in the order of the wire.
pub(crate) fn check_sequence(frame: &[u8]) -> [u8; 4] {
    (!crc(frame)).to_le_bytes()
}

/// The upper six bits of an address's CRC, most significant first, which hash filters take.
pub(crate) fn hash(mac: &Mac) -> u32 {
    crc(mac).reverse_bits() >> 26
}

/// A frame as it is on a wire: at least as long as the shortest.
pub(crate) fn padded(frame: &[u8]) -> Vec<u8> {
    let mut bytes = frame.to_vec();
    bytes.resize(bytes.len().max(SHORTEST), 0);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums() {
        // The check value of CRC-32.
        assert_eq!(check_sequence(b"123456789"), 0xcbf4_3926u32.to_le_bytes());
        // A frame and its check sequence leave the same rest always.
        let mut frame = padded(b"anything");
        frame.extend(check_sequence(&frame.clone()));
        assert_eq!(crc(&frame), 0xdebb_20e3);
        assert_eq!(frame.len(), 64);
    }
}
