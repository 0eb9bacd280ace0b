//! Saved state of the controller. Numbers are never reused; a frame that waits to be sent is field
//! 64 + n, its commands field 2112 + n.

use super::fifo::{Frame, Rx, Tx};
use super::mac::{COUNT, MacUnit, Phy};
use super::{EEPROM, KEPT, State};
use hetemu_hw::{LoadError, Reader, Writer};
use std::collections::VecDeque;

const KEPT_FIELD: u16 = 1;
const STATUS: u16 = 2;
const TIMES: u16 = 3;
const EEPROM_FIELD: u16 = 4;
const MAC: u16 = 5;
const PHY: u16 = 6;
const RX_DATA: u16 = 7;
const RX_FRAMES: u16 = 8;
const RX_STATUS: u16 = 9;
const TX: u16 = 10;
const TX_STATUS: u16 = 11;
/// The frame that is being put together; missing if there is none.
const OPEN: u16 = 12;
const OPEN_WORDS: u16 = 13;
const FIRST_FRAME: u16 = 64;
const FIRST_WORDS: u16 = 2112;

/// Words of all FIFOs, and frames that fit into them at most.
const WORDS: usize = 4096;
const FRAMES: usize = 2048;

fn save_words(w: &mut Writer, field: u16, words: &VecDeque<u32>) {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    w.bytes(field, &bytes);
}

fn load_words(r: &Reader<'_>, field: u16) -> Result<VecDeque<u32>, LoadError> {
    match r.bytes(field)?.as_chunks() {
        (words, []) if words.len() <= WORDS => {
            Ok(words.iter().map(|word| u32::from_le_bytes(*word)).collect())
        }
        _ => Err(LoadError::Bad(field)),
    }
}

fn save_frame(w: &mut Writer, (bytes, words): (u16, u16), frame: &Frame) {
    w.bytes(bytes, &frame.bytes);
    w.ints(words, [frame.a.into(), frame.b.into(), frame.words as u64]);
}

fn load_frame(r: &Reader<'_>, (field, words): (u16, u16)) -> Result<Frame, LoadError> {
    let bytes = r.bytes(field)?.to_vec();
    let mut all = [0; 3];
    r.ints(words, &mut all)?;
    let [a, b, count] = all;
    if bytes.len() > 4 * WORDS || count > WORDS as u64 {
        return Err(LoadError::Bad(field));
    }
    Ok(Frame { bytes, a: word(a, words)?, b: word(b, words)?, words: count as usize })
}

fn word(n: u64, field: u16) -> Result<u32, LoadError> {
    u32::try_from(n).map_err(|_| LoadError::Bad(field))
}

fn fields(first: u16) -> impl Iterator<Item = u16> {
    (first..).take(FRAMES)
}

impl State {
    pub(super) fn save(&self, w: &mut Writer) {
        w.ints(KEPT_FIELD, self.kept.map(u64::from));
        let words = [self.status, self.dropped, self.csr_command, self.e2p_command];
        let flags = [u64::from(self.e2p_open)];
        w.ints(STATUS, words.into_iter().map(u64::from).chain(flags));
        w.ints(TIMES, [self.gpt_due, self.free_since]);
        w.bytes(EEPROM_FIELD, &self.eeprom);
        w.ints(MAC, self.mac.registers.map(u64::from));
        let p = &self.mac.phy;
        let phy = [p.control, p.advertised, p.source, p.mask, p.special];
        w.ints(PHY, phy.map(u64::from));
        save_words(w, RX_DATA, &self.rx.data);
        save_words(w, RX_FRAMES, &self.rx.frames);
        save_words(w, RX_STATUS, &self.rx.status);
        let t = &self.tx;
        let words = [t.a, t.skip, t.left, t.words].map(u64::from);
        let count = [u64::from(t.begun), t.frames.len() as u64];
        w.ints(TX, words.into_iter().chain(count));
        save_words(w, TX_STATUS, &t.status);
        if let Some(frame) = &t.open {
            save_frame(w, (OPEN, OPEN_WORDS), frame);
        }
        for (ids, frame) in fields(FIRST_FRAME).zip(fields(FIRST_WORDS)).zip(&t.frames) {
            save_frame(w, ids, frame);
        }
    }

    pub(super) fn load(r: &Reader<'_>) -> Result<State, LoadError> {
        let mut s = State::new([0; 6]);
        let mut kept = [0; KEPT.len()];
        r.ints(KEPT_FIELD, &mut kept)?;
        for ((to, from), (_, mask, _)) in s.kept.iter_mut().zip(kept).zip(KEPT) {
            *to = word(from, KEPT_FIELD)? & mask;
        }
        let mut all = [0; 5];
        r.ints(STATUS, &mut all)?;
        let [status, dropped, csr, e2p, open] = all;
        (s.status, s.dropped) = (word(status, STATUS)?, word(dropped, STATUS)?);
        (s.csr_command, s.e2p_command) = (word(csr, STATUS)?, word(e2p, STATUS)?);
        s.e2p_open = open == 1;
        let mut times = [0; 2];
        r.ints(TIMES, &mut times)?;
        [s.gpt_due, s.free_since] = times;
        let eeprom: Result<[u8; EEPROM], _> = r.bytes(EEPROM_FIELD)?.try_into();
        s.eeprom = eeprom.map_err(|_| LoadError::Bad(EEPROM_FIELD))?;
        s.mac = load_mac(r)?;
        s.rx = load_rx(r)?;
        s.tx = load_tx(r)?;
        Ok(s)
    }
}

fn load_mac(r: &Reader<'_>) -> Result<MacUnit, LoadError> {
    let mut unit = MacUnit::default();
    let mut registers = [0; COUNT];
    r.ints(MAC, &mut registers)?;
    for (to, from) in unit.registers.iter_mut().zip(registers) {
        *to = word(from, MAC)?;
    }
    let mut phy = [0; 5];
    r.ints(PHY, &mut phy)?;
    let half = |n: u64| u16::try_from(n).map_err(|_| LoadError::Bad(PHY));
    let [control, advertised, source, mask, special] = phy;
    unit.phy = Phy {
        control: half(control)?,
        advertised: half(advertised)?,
        source: half(source)?,
        mask: half(mask)?,
        special: half(special)?,
    };
    Ok(unit)
}

fn load_rx(r: &Reader<'_>) -> Result<Rx, LoadError> {
    let data = load_words(r, RX_DATA)?;
    let frames = load_words(r, RX_FRAMES)?;
    if frames.iter().map(|n| *n as usize).sum::<usize>() != data.len() {
        return Err(LoadError::Bad(RX_FRAMES));
    }
    Ok(Rx { data, frames, status: load_words(r, RX_STATUS)? })
}

fn load_tx(r: &Reader<'_>) -> Result<Tx, LoadError> {
    let mut all = [0; 6];
    r.ints(TX, &mut all)?;
    let [a, skip, left, words, begun, count] = all;
    // A buffer is shorter than 2 KiB and what aligns it.
    if skip > 31 || left > 0x7ff || words > 1024 || begun > 1 || count > FRAMES as u64 {
        return Err(LoadError::Bad(TX));
    }
    if a != 0 && begun == 1 && words == 0 {
        return Err(LoadError::Bad(TX));
    }
    let mut tx = Tx {
        a: word(a, TX)?,
        skip: skip as u32,
        left: left as u32,
        words: words as u32,
        begun: begun != 0,
        status: load_words(r, TX_STATUS)?,
        ..Tx::default()
    };
    tx.open = match r.bytes(OPEN) {
        Ok(_) => Some(load_frame(r, (OPEN, OPEN_WORDS))?),
        Err(LoadError::Missing(_)) => None,
        Err(e) => return Err(e),
    };
    let ids = fields(FIRST_FRAME).zip(fields(FIRST_WORDS));
    for ids in ids.take(count as usize) {
        tx.frames.push_back(load_frame(r, ids)?);
    }
    Ok(tx)
}
