//! Seconds since 1970 as the clock's bytes and back.

use super::regs::*;

/// How the bytes are written, by register B.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form {
    pub(super) binary: bool,
    pub(super) hours_24: bool,
    /// The year that the century and year bytes count from.
    pub(super) base_year: i64,
}

const DAY_SECONDS: i64 = 86_400;
/// The afternoon in hours of twelve.
const PM: u8 = 0x80;

/// Days since 1970 of a date in the Gregorian calendar; months count from 1.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let of_era = y - era * 400;
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and day of days since 1970.
fn date(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let of_era = z - era * 146_097;
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let m = (5 * of_year + 2) / 153;
    let month = if m < 10 { m + 3 } else { m - 9 };
    (year + era * 400 + i64::from(month <= 2), month, of_year - (153 * m + 2) / 5 + 1)
}

impl Form {
    pub(super) fn encode(self, value: i64) -> u8 {
        let value = value.rem_euclid(100) as u8;
        if self.binary { value } else { ((value / 10) << 4) | (value % 10) }
    }

    fn decode(self, byte: u8) -> i64 {
        if self.binary { byte.into() } else { i64::from(byte >> 4) * 10 + i64::from(byte & 15) }
    }

    fn encode_hour(self, hour: i64) -> u8 {
        if self.hours_24 {
            return self.encode(hour);
        }
        let twelve = if hour % 12 == 0 { 12 } else { hour % 12 };
        self.encode(twelve) | if hour >= 12 { PM } else { 0 }
    }

    pub(super) fn decode_hour(self, byte: u8) -> i64 {
        if self.hours_24 {
            return self.decode(byte);
        }
        self.decode(byte & !PM) % 12 + if byte & PM != 0 { 12 } else { 0 }
    }

    /// The bytes of a time, by register.
    pub(super) fn bytes(self, seconds: i64) -> [(u8, u8); 8] {
        let (day, time) = (seconds.div_euclid(DAY_SECONDS), seconds.rem_euclid(DAY_SECONDS));
        let (year, month, of_month) = date(day);
        let year = year - self.base_year;
        [
            (SECONDS, self.encode(time % 60)),
            (MINUTES, self.encode(time / 60 % 60)),
            (HOURS, self.encode_hour(time / 3600)),
            // 1970 began on a Thursday; Sunday is 1.
            (WEEKDAY, self.encode((day + 4).rem_euclid(7) + 1)),
            (DAY, self.encode(of_month)),
            (MONTH, self.encode(month)),
            (YEAR, self.encode(year)),
            (CENTURY, self.encode(year.div_euclid(100))),
        ]
    }

    /// The time that these bytes say.
    pub(super) fn seconds(self, byte: impl Fn(u8) -> u8) -> i64 {
        let of = |register| self.decode(byte(register));
        let year = self.base_year + of(CENTURY) * 100 + of(YEAR);
        let day = days(year, of(MONTH).clamp(1, 12), of(DAY).clamp(1, 31));
        let hour = self.decode_hour(byte(HOURS));
        day * DAY_SECONDS + hour * 3600 + of(MINUTES) * 60 + of(SECONDS)
    }

    /// Whether the alarm bytes name this second; bytes from 0xC0 on name any.
    pub(super) fn rings(self, seconds: i64, byte: impl Fn(u8) -> u8) -> bool {
        let time = self.bytes(seconds);
        let same = |alarm: u8, register: u8| {
            let set = byte(alarm);
            set >= 0xc0 || time.iter().any(|(r, value)| *r == register && *value == set)
        };
        same(SECONDS_ALARM, SECONDS) && same(MINUTES_ALARM, MINUTES) && same(HOURS_ALARM, HOURS)
    }
}
