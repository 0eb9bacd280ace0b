//! What a system attributes to addresses beside the security attribution unit: the
//! implementation-defined attribution unit (Armv8-M ARM, chapter B9). The machine's text says it.
//!
//! ```text
//! "none"     nothing
//! "bit28"    bit 28 of an address: secure, as on Arm's own systems
//! "0x0c00_0000-0x0fff_ffff callable, 0x5000_0000-0x5fff_ffff secure"
//! ```

/// What a range is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Left to the security attribution unit.
    Open,
    /// Secure; a wire may make it callable.
    Secure,
    /// Secure and callable from the non-secure state.
    Callable,
    /// Of whatever state is in force.
    Exempt,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Range {
    first: u32,
    last: u32,
    kind: Kind,
    /// IREGION of TT.
    number: u8,
}

/// The unit: the first range that holds an address decides.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Idau(Vec<Range>);

impl Idau {
    /// From a text.
    ///
    /// # Errors
    /// What is wrong with it, in a sentence.
    pub(crate) fn new(text: &str) -> Result<Idau, String> {
        match text.trim() {
            "" | "none" => return Ok(Idau::default()),
            "bit28" => return Ok(Idau::bit_28()),
            _ => {}
        }
        let mut all = Vec::new();
        for (number, part) in (0..).zip(text.split(',')) {
            let part = part.trim();
            let wrong = || {
                format!(
                    "`idau` is `none`, `bit28` or a list of ranges like \
                     `0x1000_0000-0x1fff_ffff secure` with `secure`, `callable` or `exempt`; \
                     `{part}` is none"
                )
            };
            let (range, kind) = part.split_once(char::is_whitespace).ok_or_else(wrong)?;
            let (first, last) = range.split_once('-').ok_or_else(wrong)?;
            let (first, last) = (number_of(first).ok_or_else(wrong)?, number_of(last));
            let last = last.filter(|l| *l > first).ok_or_else(wrong)?;
            let kind = match kind.trim() {
                "secure" => Kind::Secure,
                "callable" => Kind::Callable,
                "exempt" => Kind::Exempt,
                _ => return Err(wrong()),
            };
            if first & 0xfff != 0 || last & 0xfff != 0xfff {
                return Err(format!("`idau`: `{part}` must be of whole pages of 4 KiB"));
            }
            all.push(Range { first, last, kind, number });
        }
        Ok(Idau(all))
    }

    fn bit_28() -> Idau {
        let mut all = Vec::new();
        for at in [0xe000_0000, 0xf000_0000u32] {
            let number = (at >> 28) as u8;
            all.push(Range { first: at, last: at | 0xf_ffff, kind: Kind::Exempt, number });
        }
        for n in 0..16 {
            let (first, kind) = (n << 28, if n & 1 != 0 { Kind::Secure } else { Kind::Open });
            all.push(Range { first, last: first | 0xfff_ffff, kind, number: n as u8 });
        }
        Idau(all)
    }

    fn range(&self, at: u32) -> Option<&Range> {
        self.0.iter().find(|r| (r.first..=r.last).contains(&at))
    }

    /// What an address is.
    pub(crate) fn look(&self, at: u32) -> Kind {
        self.range(at).map_or(Kind::Open, |r| r.kind)
    }

    /// The region of an address.
    pub(crate) fn number(&self, at: u32) -> Option<u8> {
        self.range(at).map(|r| r.number)
    }

    /// Whether a stretch is all of one kind: first and last address.
    pub(crate) fn is_one(&self, start: u32, end: u32) -> bool {
        let apart = |r: &Range| r.last < start || r.first > end;
        let whole = |r: &Range| r.first <= start && r.last >= end;
        self.0.iter().find(|r| !apart(r)).is_none_or(whole)
    }
}

fn number_of(text: &str) -> Option<u32> {
    let digits = text.trim().strip_prefix("0x")?.replace('_', "");
    u32::from_str_radix(&digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bit_28_says_what_is_secure() {
        let i = Idau::new("bit28").unwrap();
        assert_eq!((i.look(0x0fff_ffff), i.look(0x1000_0000)), (Kind::Open, Kind::Secure));
        assert_eq!((i.look(0xe00f_ffff), i.look(0xf00f_ffff)), (Kind::Exempt, Kind::Exempt));
        assert_eq!((i.look(0xe010_0000), i.number(0x3000_0000)), (Kind::Open, Some(3)));
        assert!(i.is_one(0x1000_0000, 0x1fff_ffff) && !i.is_one(0x1000_0000, 0x2000_0000));
    }

    #[test]
    fn ranges_are_read() {
        let text = "0x0c00_0000-0x0fff_ffff callable, 0x5000_0000-0x5fff_ffff secure,\
                    0xe000_0000-0xe00f_ffff exempt";
        let i = Idau::new(text).unwrap();
        assert_eq!((i.look(0x0bff_ffff), i.look(0x0c00_0000)), (Kind::Open, Kind::Callable));
        assert_eq!((i.number(0x5000_0000), i.number(0)), (Some(1), None));
        assert!(!i.is_one(0x0bff_f000, 0x0c00_0fff));
        for wrong in ["bit 28", "0x1000-0x1fff", "0x1000-0x1ffe secure", "5-7 secure", "x", ","] {
            assert!(Idau::new(wrong).is_err(), "{wrong}");
        }
    }
}
