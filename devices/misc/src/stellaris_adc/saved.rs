//! Saved state of the converter. Numbers are never reused; sequencer n is fields 16 + 2n and
//! 17 + 2n.

use super::sequencer::Sequencer;
use super::{DEPTH, State};
use hetemu_hw::{LoadError, Reader, Writer};

const REGISTERS: u16 = 1;
const FREE: u16 = 2;
const FIRST: u16 = 16;

impl State {
    pub(super) fn save(&self, w: &mut Writer) {
        let all = [
            self.active,
            self.raw,
            self.mask,
            self.overflow,
            self.underflow,
            self.events,
            self.priorities,
            self.average,
            self.loopback,
            self.count,
        ];
        w.ints(REGISTERS, all.map(u64::from));
        w.int(FREE, self.free);
        for (field, s) in (FIRST..).step_by(2).zip(&self.sequencers) {
            let words = [s.mux, s.control, s.head].map(u64::from);
            let due = [s.due.is_some().into(), s.due.unwrap_or(0)];
            w.ints(field, words.into_iter().chain(due));
            let bytes: Vec<u8> = s.fifo.iter().flat_map(|v| v.to_le_bytes()).collect();
            w.bytes(field + 1, &bytes);
        }
    }

    pub(super) fn load(r: &Reader<'_>) -> Result<State, LoadError> {
        let mut all = [0; 10];
        r.ints(REGISTERS, &mut all)?;
        let limits = [15, 15, 15, 15, 15, 0xffff, 0x3333, 7, 1, 15];
        if all.iter().zip(limits).any(|(value, limit)| *value > limit) {
            return Err(LoadError::Bad(REGISTERS));
        }
        let [active, raw, mask, overflow, underflow, events, priorities, average, loopback, count] =
            all.map(|n| n as u32);
        let mut sequencers: [Sequencer; 4] = Default::default();
        let fields = (FIRST..).step_by(2);
        for ((field, depth), s) in fields.zip(DEPTH).zip(&mut sequencers) {
            *s = sequencer(r, field, depth)?;
        }
        Ok(State {
            active,
            raw,
            mask,
            overflow,
            underflow,
            events,
            priorities,
            average,
            loopback,
            count,
            free: r.int(FREE)?,
            sequencers,
        })
    }
}

fn sequencer(r: &Reader<'_>, field: u16, depth: usize) -> Result<Sequencer, LoadError> {
    let word = |n: u64| u32::try_from(n).map_err(|_| LoadError::Bad(field));
    let mut all = [0; 5];
    r.ints(field, &mut all)?;
    let [mux, control, head, runs, due] = all;
    let (values, []) = r.bytes(field + 1)?.as_chunks() else {
        return Err(LoadError::Bad(field + 1));
    };
    if head >= depth as u64 || runs > 1 || values.len() > depth {
        return Err(LoadError::Bad(field));
    }
    Ok(Sequencer {
        mux: word(mux)?,
        control: word(control)?,
        head: word(head)?,
        due: (runs == 1).then_some(due),
        fifo: values.iter().map(|v| u16::from_le_bytes(*v)).collect(),
    })
}
