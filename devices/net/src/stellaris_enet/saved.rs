//! Saved state of the controller. Numbers are never reused.

use super::phy::{COUNT, Phy};
use super::{FIFO, KEPT, State};
use hetemu_hw::{LoadError, Reader, Writer};
use std::collections::VecDeque;

const KEPT_FIELD: u16 = 1;
const STATUS: u16 = 2;
const TX: u16 = 3;
const RX: u16 = 4;
const FRAMES: u16 = 5;
const PHY: u16 = 6;

fn save_words(w: &mut Writer, field: u16, words: &VecDeque<u32>) {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    w.bytes(field, &bytes);
}

fn load_words(r: &Reader<'_>, field: u16) -> Result<VecDeque<u32>, LoadError> {
    match r.bytes(field)?.as_chunks() {
        (words, []) if words.len() <= FIFO / 4 => {
            Ok(words.iter().map(|word| u32::from_le_bytes(*word)).collect())
        }
        _ => Err(LoadError::Bad(field)),
    }
}

impl State {
    pub(super) fn save(&self, w: &mut Writer) {
        w.ints(KEPT_FIELD, self.kept.map(u64::from));
        w.ints(STATUS, [self.raw.into(), u64::from(self.requested)]);
        w.bytes(TX, &self.tx);
        save_words(w, RX, &self.rx);
        save_words(w, FRAMES, &self.frames);
        let p = &self.phy;
        let more = [p.interrupts, p.leds];
        w.ints(PHY, p.kept.into_iter().chain(more).map(u64::from));
    }

    pub(super) fn load(r: &Reader<'_>) -> Result<State, LoadError> {
        let mut s = State::default();
        let mut kept = [0; KEPT.len()];
        r.ints(KEPT_FIELD, &mut kept)?;
        for ((to, from), (_, mask, _)) in s.kept.iter_mut().zip(kept).zip(KEPT) {
            *to = u32::try_from(from).map_err(|_| LoadError::Bad(KEPT_FIELD))? & mask;
        }
        let mut status = [0; 2];
        r.ints(STATUS, &mut status)?;
        let [raw, requested] = status;
        if raw > 0x7f || requested > 1 {
            return Err(LoadError::Bad(STATUS));
        }
        (s.raw, s.requested) = (raw as u32, requested != 0);
        s.tx = r.bytes(TX)?.to_vec();
        if s.tx.len() > FIFO {
            return Err(LoadError::Bad(TX));
        }
        (s.rx, s.frames) = (load_words(r, RX)?, load_words(r, FRAMES)?);
        if s.frames.iter().map(|n| u64::from(*n)).sum::<u64>() != s.rx.len() as u64 {
            return Err(LoadError::Bad(FRAMES));
        }
        s.phy = load_phy(r)?;
        Ok(s)
    }
}

fn load_phy(r: &Reader<'_>) -> Result<Phy, LoadError> {
    let half = |n: u64| u16::try_from(n).map_err(|_| LoadError::Bad(PHY));
    let mut all = [0; COUNT + 2];
    r.ints(PHY, &mut all)?;
    let [kept @ .., interrupts, leds] = all;
    let mut phy = Phy { interrupts: half(interrupts)?, leds: half(leds)?, ..Phy::default() };
    for (to, from) in phy.kept.iter_mut().zip(kept) {
        *to = half(from)?;
    }
    Ok(phy)
}
