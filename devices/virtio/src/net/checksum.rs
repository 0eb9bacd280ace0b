//! Checksums of the internet protocols (RFC 1071): filled in for the driver, verified for it.

/// Internet protocol numbers.
const TCP: u8 = 6;
const UDP: u8 = 17;
/// EtherType of IPv4, and where its header begins.
const IPV4: [u8; 2] = [0x08, 0x00];
const HEADER: usize = 14;

/// The one's complement sum of 16-bit words in network order, not yet inverted.
fn sum(bytes: &[u8], start: u32) -> u16 {
    // Words in the host's order: the sum of swapped words is the swapped sum (RFC 1071, 2B).
    let (words, rest) = bytes.as_chunks::<2>();
    let mut total: u64 = words.iter().map(|w| u64::from(u16::from_ne_bytes(*w))).sum();
    if let [last] = rest {
        total += u64::from(u16::from_ne_bytes([*last, 0]));
    }
    let folded = u64::from(u16::from_be(fold(total))) + u64::from(start);
    fold(folded)
}

fn fold(mut total: u64) -> u16 {
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    total as u16
}

/// Fills in the checksum that the driver left out: of everything from `start`, into the field
/// `offset` bytes after it, which holds the sum of the pseudo header. False if that is no place.
pub(super) fn complete(frame: &mut [u8], start: u16, offset: u16) -> bool {
    let Some(covered) = frame.get_mut(usize::from(start)..) else { return false };
    let at = usize::from(offset);
    // 0 means "no checksum" in UDP; both zeros are the same number.
    let value = match !sum(covered, 0) {
        0 => 0xffff,
        value => value,
    };
    match covered.get_mut(at..at + 2) {
        Some(field) => {
            field.copy_from_slice(&value.to_be_bytes());
            true
        }
        None => false,
    }
}

/// Whether the frame is a whole TCP or UDP packet over IPv4 whose checksum is right.
pub(super) fn verified(frame: &[u8]) -> bool {
    let Some(packet) = frame.get(HEADER..).filter(|_| frame.get(12..14) == Some(&IPV4)) else {
        return false;
    };
    let Some(&[first, _, high, low, _, _, more, rest, _, protocol]) = packet.first_chunk::<10>()
    else {
        return false;
    };
    let (header, total) =
        (4 * usize::from(first & 0xf), usize::from(u16::from_be_bytes([high, low])));
    // A fragment's checksum covers what is elsewhere.
    if first >> 4 != 4 || header < 20 || more & 0x3f != 0 || rest != 0 {
        return false;
    }
    let (Some(addresses), Some(payload)) = (packet.get(12..20), packet.get(header..total)) else {
        return false;
    };
    let field = match protocol {
        TCP => payload.get(16..18),
        UDP => payload.get(6..8),
        _ => None,
    };
    if field.is_none() || protocol == UDP && field == Some(&[0, 0]) {
        return false;
    }
    let pseudo = u32::from(sum(addresses, u32::from(protocol))) + payload.len() as u32;
    sum(payload, pseudo) == 0xffff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_odd_and_even_lengths() {
        // The example of RFC 1071, section 3.
        assert_eq!(sum(&[0, 1, 0xf2, 3, 0xf4, 0xf5, 0xf6, 0xf7], 0), 0xddf2);
        assert_eq!(sum(&[0x12, 0x34, 0x56], 0), 0x6834);
        assert_eq!(sum(&[0xff, 0xff, 0, 1], 0), 1);
    }

    #[test]
    fn what_is_filled_in_is_verified() {
        let mut frame = vec![0; 14 + 20 + 8 + 5];
        frame[12] = 8;
        let packet = &mut frame[14..];
        packet[0] = 0x45;
        packet[3] = 33;
        packet[9] = UDP;
        packet[12..20].copy_from_slice(&[10, 0, 2, 15, 10, 0, 2, 2]);
        packet[20..28].copy_from_slice(&[0, 7, 0, 9, 0, 13, 0, 0]);
        packet[28..33].copy_from_slice(b"hello");
        let pseudo = sum(&packet[12..20], 17 + 13).to_be_bytes();
        assert!(!verified(&frame), "no checksum");
        frame[40..42].copy_from_slice(&pseudo);
        assert!(!verified(&frame), "of the pseudo header only");
        assert!(complete(&mut frame, 34, 6));
        assert!(verified(&frame));
        for at in [23, 30, 34, 46] {
            let mut bad = frame.clone();
            bad[at] ^= 1;
            assert!(!verified(&bad), "byte {at} is another");
        }
        for len in 0..frame.len() {
            assert!(!verified(&frame[..len]), "cut to {len}");
        }
        assert!(!complete(&mut frame, 46, 6));
        assert!(!complete(&mut frame, 60, 0));
    }
}
