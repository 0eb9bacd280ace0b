//! How numbers with units are written: one spelling for every output, the one that the formatter of
//! the language uses too.

/// An address of a bus with so many address bits: `0x0C00_0000`.
pub fn address(value: u64, bits: u8) -> String {
    let digits = usize::from(bits.max(1)).div_ceil(4);
    grouped(&format!("{value:0digits$X}"))
}

/// A number in hexadecimal as short as it is: `0x10`, `0x4000_0000`.
pub fn hex(value: u64) -> String {
    grouped(&format!("{value:X}"))
}

fn grouped(digits: &str) -> String {
    let mut out = String::from("0x");
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(4) {
            out.push('_');
        }
        out.push(c);
    }
    out
}

/// A length in bytes: `64 KiB`, `6 B`.
pub fn size(bytes: u64) -> String {
    const UNITS: [(&str, u32); 4] = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let fits = |shift: &u32| bytes >> shift != 0 && bytes & ((1 << shift) - 1) == 0;
    match UNITS.iter().find(|(_, shift)| fits(shift)) {
        Some((unit, shift)) => format!("{} {unit}", bytes >> shift),
        None => format!("{bytes} B"),
    }
}

/// A frequency: `24 MHz`, `1.193182 MHz`, `32768 Hz`.
pub fn frequency(hz: u64) -> String {
    scaled(hz, &[("GHz", 9), ("MHz", 6), ("kHz", 3)], "Hz")
}

/// A duration given in nanoseconds: `50 us`.
pub fn duration(ns: u64) -> String {
    scaled(ns, &[("s", 9), ("ms", 6), ("us", 3)], "ns")
}

/// The largest unit that is not above the value, exactly.
fn scaled(value: u64, units: &[(&str, u32)], base: &str) -> String {
    let Some((unit, power)) = units.iter().find(|(_, p)| value >= 10u64.pow(*p)) else {
        return format!("{value} {base}");
    };
    let (whole, rest) = (value / 10u64.pow(*power), value % 10u64.pow(*power));
    let digits = format!("{rest:0width$}", width = *power as usize);
    match digits.trim_end_matches('0') {
        "" => format!("{whole} {unit}"),
        digits => format!("{whole}.{digits} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_data_sheets_write_them() {
        assert_eq!(address(0x3F8, 16), "0x03F8");
        assert_eq!(address(0xC00_0000, 32), "0x0C00_0000");
        assert_eq!(address(0x1_0000_0000, 36), "0x1_0000_0000");
        assert_eq!(hex(0x10), "0x10");
        assert_eq!(hex(0x1_0000), "0x1_0000");
        assert_eq!(
            (size(65536), size(0x18000), size(6)),
            ("64 KiB".into(), "96 KiB".into(), "6 B".into())
        );
        assert_eq!((size(0), size(3 << 40)), ("0 B".into(), "3 TiB".into()));
        assert_eq!(frequency(1_193_182), "1.193182 MHz");
        assert_eq!(frequency(1_200_000_000), "1.2 GHz");
        assert_eq!(frequency(999), "999 Hz");
        assert_eq!(duration(50_000), "50 us");
    }
}
