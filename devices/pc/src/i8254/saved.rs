//! Saved state of the 8254. Numbers are never reused; counter n has fields from 16 n + 16.

use super::counter::{Access, Counter};
use hetemu_hw::{LoadError, Reader, Writer};

const MODE: u16 = 0;
const RELOAD: u16 = 1;
const START: u16 = 2;
const FLAGS: u16 = 3;
/// 0 for none, else one more than the value.
const HELD: u16 = 4;
const LOW: u16 = 5;
const LATCHED: u16 = 6;
const STATUS: u16 = 7;

pub(super) fn save(counters: &[Counter; 3], w: &mut Writer) {
    for (n, c) in (0..).zip(counters) {
        let at = |field: u16| n * 16 + 16 + field;
        let access = match c.access {
            Access::Low => 1,
            Access::High => 2,
            Access::Both => 3,
        };
        w.int(at(MODE), access << 4 | u64::from(c.mode));
        w.int(at(RELOAD), c.reload.into());
        w.int(at(START), c.start);
        let flags = [c.bcd, c.running, c.loaded, c.gate, c.high_next];
        w.int(at(FLAGS), flags.iter().rev().fold(0, |all, f| all << 1 | u64::from(*f)));
        w.int(at(HELD), c.held.map_or(0, |v| v.saturating_add(1)));
        w.int(at(LOW), c.low.map_or(0, |v| u64::from(v) + 1));
        w.int(at(LATCHED), c.latched.map_or(0, |v| u64::from(v) + 1));
        w.int(at(STATUS), c.status.map_or(0, |v| u64::from(v) + 1));
    }
}

pub(super) fn load(r: &Reader<'_>) -> Result<[Counter; 3], LoadError> {
    let one = |n: u16| {
        let at = |field: u16| n * 16 + 16 + field;
        let most = |field: u16, most: u64| {
            r.int(at(field))
                .and_then(|v| if v <= most { Ok(v) } else { Err(LoadError::Bad(at(field))) })
        };
        let mode = most(MODE, 0x35)?;
        let access = match mode >> 4 {
            1 => Access::Low,
            2 => Access::High,
            3 => Access::Both,
            _ => return Err(LoadError::Bad(at(MODE))),
        };
        if mode & 15 > 5 {
            return Err(LoadError::Bad(at(MODE)));
        }
        let flags = most(FLAGS, 31)?;
        let flag = |bit: u32| flags >> bit & 1 != 0;
        Ok(Counter {
            mode: (mode & 15) as u8,
            access,
            reload: most(RELOAD, 0xffff)? as u16,
            start: r.int(at(START))?,
            bcd: flag(0),
            running: flag(1),
            loaded: flag(2),
            gate: flag(3),
            high_next: flag(4),
            held: r.int(at(HELD))?.checked_sub(1),
            low: most(LOW, 0x100)?.checked_sub(1).map(|v| v as u8),
            latched: most(LATCHED, 0x1_0000)?.checked_sub(1).map(|v| v as u16),
            status: most(STATUS, 0x100)?.checked_sub(1).map(|v| v as u8),
        })
    };
    Ok([one(0)?, one(1)?, one(2)?])
}
