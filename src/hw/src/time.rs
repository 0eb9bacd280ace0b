//! Virtual time: picoseconds since the machine's reset into life. 2^64 ps are 213 days.

/// A point in virtual time, or a distance, in picoseconds.
pub type Ps = u64;

/// Picoseconds of a second.
pub const SECOND: Ps = 1_000_000_000_000;

/// The number of whole periods of `hz` in `ps`.
pub fn ticks(ps: Ps, hz: u64) -> u64 {
    (u128::from(ps) * u128::from(hz) / u128::from(SECOND)) as u64
}

/// The earliest time at which `ticks` periods of `hz` are over; saturates at the end of time.
pub fn at_tick(ticks: u64, hz: u64) -> Ps {
    let ps = (u128::from(ticks) * u128::from(SECOND)).div_ceil(u128::from(hz.max(1)));
    u64::try_from(ps).unwrap_or(Ps::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_and_times_are_inverse() {
        for hz in [1, 10_000, 10_000_000, 50_000_000, 3_686_400] {
            for n in [0, 1, 7, 1000, 123_456_789] {
                if at_tick(n, hz) == Ps::MAX {
                    continue; // beyond the end of time
                }
                assert_eq!(ticks(at_tick(n, hz), hz), n);
                if n > 0 {
                    assert_eq!(ticks(at_tick(n, hz) - 1, hz), n - 1);
                }
            }
        }
        assert_eq!(at_tick(u64::MAX, 1), Ps::MAX);
    }
}
