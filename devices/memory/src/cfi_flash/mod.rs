//! A bank of flash chips with the Intel command set (JEP137B, command set 1; Intel 28F128J3 data
//! sheet, 290667), found by the common flash interface (JESD68.01).
//!
//! The bytes are memory of the machine's, which reads go to in array mode; commands come here as
//! writes, and reads while a chip answers something else. Chips side by side get the same commands
//! and answer alike. Nothing takes time: status says ready.

mod query;
#[cfg(test)]
mod tests;

use crate::schemas::MEMORY_CFI_FLASH_1;
use hetemu_hw::regs::mask;
use hetemu_hw::{
    BusError, Config, ConfigError, Cx, Device, InspectValue, LoadError, Model, Reader, Writer,
};
use query::Geometry;

/// `memory.cfi_flash`.
pub const MODEL: Model = Model { ty: &MEMORY_CFI_FLASH_1, create };

/// The schema's region and its link that keeps the content.
const MEM: u32 = 0;
const BACKEND: u32 = 1;
/// log2 of the bytes of a chip's write buffer.
const BUFFER: u32 = 5;

/// Commands; any other one, 0xff above all, reads the array.
const READ_IDENTIFIER: u8 = 0x90;
const READ_QUERY: u8 = 0x98;
const READ_STATUS: u8 = 0x70;
const CLEAR_STATUS: u8 = 0x50;
const PROGRAM: [u8; 2] = [0x40, 0x10];
const WRITE_BUFFER: u8 = 0xe8;
const ERASE: u8 = 0x20;
const CONFIGURE: u8 = 0x60;
const SUSPEND: u8 = 0xb0;
const CONFIRM: u8 = 0xd0;
const LOCK: u8 = 0x01;
const LOCK_DOWN: u8 = 0x2f;

/// Status: ready, erase or program failed, a command was no sequence, the sector is locked.
const READY: u8 = 0x80;
const ERASE_FAILED: u8 = 0x20;
const PROGRAM_FAILED: u8 = 0x10;
const LOCKED: u8 = 0x02;

const SAVED_STATE: u16 = 1;
const SAVED_LOCKS: u16 = 2;
const SAVED_BUFFER: u16 = 3;

fn create(config: &Config) -> Result<Box<dyn Device>, ConfigError> {
    let (size, sector) = (config.int("size"), config.int("sector"));
    let (width, chip) = (config.int("width"), config.int("chip_width"));
    let wrong = if !width.is_power_of_two() || !chip.is_power_of_two() || chip > width {
        Some("`width` and `chip_width` are 1, 2, 4 or 8, and no chip is wider than the bank".into())
    } else if !sector.is_power_of_two() || sector % width != 0 || sector / (width / chip) < 256 {
        Some("`sector` is a power of two, and at least 256 bytes of each chip".into())
    } else if size == 0 || size % sector != 0 {
        Some(format!("a flash of {size} bytes has no whole number of sectors of {sector}"))
    } else {
        None
    };
    if let Some(message) = wrong {
        return Err(ConfigError { path: config.path.clone(), message });
    }
    let sectors = usize::try_from(size / sector).unwrap_or(0);
    Ok(Box::new(Flash {
        size,
        sector,
        width,
        chip,
        id: [config.int("manufacturer") as u16, config.int("device") as u16],
        big: config.flag("big_endian"),
        state: State { locks: vec![false; sectors], ..State::default() },
    }))
}

struct Flash {
    // Fixed configuration.
    size: u64,
    sector: u64,
    /// Bytes of the bank's and of a chip's data bus.
    width: u64,
    chip: u64,
    id: [u16; 2],
    big: bool,
    state: State,
}

/// What reads answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Mode {
    #[default]
    Array,
    Status,
    Identifier,
    Query,
}

/// What the next write is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Next {
    #[default]
    Command,
    Program,
    Erase,
    Configure,
    /// How many words follow, less one.
    Count,
    /// So many words.
    Words(u32),
    Confirm,
}

#[derive(Debug, Clone, Default)]
struct State {
    mode: Mode,
    next: Next,
    status: u8,
    locks: Vec<bool>,
    /// Writes that wait for the confirmation: offset, bytes, value.
    buffer: Vec<(u64, u8, u64)>,
}

impl Flash {
    /// Has reads go where the mode wants.
    fn set(&mut self, cx: &mut dyn Cx, mode: Mode) {
        self.state.mode = mode;
        cx.memory_direct(MEM, mode == Mode::Array);
    }

    fn sector_of(&self, offset: u64) -> usize {
        usize::try_from(offset / self.sector).unwrap_or(usize::MAX)
    }

    fn locked(&self, offset: u64) -> bool {
        self.state.locks.get(self.sector_of(offset)).is_none_or(|l| *l)
    }

    /// What one chip answers at an offset.
    fn answer(&self, offset: u64) -> u64 {
        let word = offset % self.size.max(1) / self.width;
        match self.state.mode {
            Mode::Identifier => match word & 0xff {
                at @ (0 | 1) => self.id.get(at as usize).copied().unwrap_or(0).into(),
                _ => self.locked(offset).into(),
            },
            Mode::Query => {
                let chips = self.width / self.chip;
                let geometry = Geometry {
                    chip: self.size / chips,
                    sector: self.sector / chips,
                    bus: self.chip.trailing_zeros(),
                    buffer: BUFFER,
                };
                query::byte(&geometry, word & 0xff).into()
            }
            _ => (self.state.status | READY).into(),
        }
    }

    /// The chips' answers, as bytes of the bank from the lowest address on.
    fn lanes(&self, offset: u64, size: u8) -> u64 {
        let answer = self.answer(offset) & mask(self.chip as u8);
        let chips = 0..self.width / self.chip;
        let word = chips.fold(0u64, |word, i| word | answer << (8 * self.chip * i));
        let bytes = (0..u64::from(size)).map(|i| {
            let at = (offset + i) % self.width;
            let lane = if self.big { self.width - 1 - at } else { at };
            word >> (8 * lane) & 0xff
        });
        bytes.enumerate().fold(0, |v, (i, b)| v | b << (8 * i))
    }

    /// The command that a write carries, in its lowest bits as the bank counts them.
    fn command(&self, size: u8, value: u64) -> u8 {
        let top = 8 * (u32::from(size.clamp(1, 8)) - 1);
        (if self.big { value >> top } else { value }) as u8
    }

    /// Clears bits; false if the sector is locked or the host fails.
    fn program(&mut self, cx: &mut dyn Cx, offset: u64, size: u8, value: u64) -> bool {
        let len = usize::from(size.min(8));
        let mut bytes = [0; 8];
        let Some(bytes) = bytes.get_mut(..len) else { return false };
        if self.locked(offset) {
            self.state.status |= LOCKED;
            return false;
        }
        if cx.memory_read(MEM, offset, bytes).is_err() {
            return false;
        }
        bytes.iter_mut().zip(value.to_le_bytes()).for_each(|(b, v)| *b &= v);
        cx.memory_write(MEM, offset, bytes).is_ok() && keep(cx, offset, bytes)
    }

    fn erase(&mut self, cx: &mut dyn Cx, offset: u64) -> bool {
        if self.locked(offset) {
            self.state.status |= LOCKED;
            return false;
        }
        let start = offset & !(self.sector - 1);
        let ones = vec![0xff; usize::try_from(self.sector).unwrap_or(0)];
        cx.memory_write(MEM, start, &ones).is_ok() && keep(cx, start, &ones)
    }

    fn fail(&mut self, bits: u8) {
        self.state.status |= bits;
    }

    fn first(&mut self, cx: &mut dyn Cx, command: u8) {
        let (mode, next) = match command {
            READ_IDENTIFIER => (Mode::Identifier, Next::Command),
            READ_QUERY => (Mode::Query, Next::Command),
            READ_STATUS | SUSPEND | CONFIRM => (Mode::Status, Next::Command),
            CLEAR_STATUS => {
                self.state.status = 0;
                (self.state.mode, Next::Command)
            }
            c if PROGRAM.contains(&c) => (Mode::Status, Next::Program),
            WRITE_BUFFER => (Mode::Status, Next::Count),
            ERASE => (Mode::Status, Next::Erase),
            CONFIGURE => (Mode::Status, Next::Configure),
            _ => (Mode::Array, Next::Command),
        };
        self.state.next = next;
        self.set(cx, mode);
    }
}

/// Writes to the disk that keeps the content; there may be none, or a shorter one.
fn keep(cx: &mut dyn Cx, offset: u64, bytes: &[u8]) -> bool {
    let Some(disk) = cx.block(BACKEND) else { return true };
    let info = disk.info();
    let room = info.bytes.saturating_sub(offset).min(bytes.len() as u64);
    let bytes = bytes.get(..room as usize).unwrap_or_default();
    bytes.is_empty() || info.read_only || disk.write(offset, bytes).is_ok()
}

impl Device for Flash {
    fn read(&mut self, cx: &mut dyn Cx, _: u32, offset: u64, size: u8) -> Result<u64, BusError> {
        if self.state.mode != Mode::Array {
            return Ok(self.lanes(offset, size));
        }
        let mut bytes = [0; 8];
        let into = bytes.get_mut(..usize::from(size)).ok_or(BusError)?;
        cx.memory_read(MEM, offset, into)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn write(
        &mut self,
        cx: &mut dyn Cx,
        _: u32,
        offset: u64,
        size: u8,
        value: u64,
    ) -> Result<(), BusError> {
        let command = self.command(size, value);
        let next = std::mem::take(&mut self.state.next);
        match next {
            Next::Command => self.first(cx, command),
            Next::Program => {
                if !self.program(cx, offset, size, value) {
                    self.fail(PROGRAM_FAILED);
                }
            }
            Next::Erase if command == CONFIRM => {
                if !self.erase(cx, offset) {
                    self.fail(ERASE_FAILED);
                }
            }
            Next::Configure if matches!(command, CONFIRM | LOCK | LOCK_DOWN) => {
                let sector = self.sector_of(offset);
                if let Some(lock) = self.state.locks.get_mut(sector) {
                    *lock = command != CONFIRM;
                }
            }
            // Not a sequence.
            Next::Erase | Next::Configure => self.fail(ERASE_FAILED | PROGRAM_FAILED),
            Next::Count => {
                self.state.buffer.clear();
                let words = u32::from(command) + 1;
                // A driver may see the bank as narrower than it is.
                let chips = (self.width / self.chip) as u32;
                if words * u32::from(size) <= chips << BUFFER {
                    self.state.next = Next::Words(words);
                } else {
                    self.fail(ERASE_FAILED | PROGRAM_FAILED);
                }
            }
            Next::Words(left) => {
                self.state.buffer.push((offset, size, value));
                self.state.next = if left > 1 { Next::Words(left - 1) } else { Next::Confirm };
            }
            Next::Confirm => {
                let buffer = std::mem::take(&mut self.state.buffer);
                let good = command == CONFIRM
                    && buffer.into_iter().all(|(at, size, v)| self.program(cx, at, size, v));
                if !good {
                    self.fail(if command == CONFIRM { 0 } else { ERASE_FAILED } | PROGRAM_FAILED);
                }
            }
        }
        Ok(())
    }

    fn reset(&mut self, cx: &mut dyn Cx) {
        let locks = vec![false; self.state.locks.len()];
        self.state = State { locks, ..State::default() };
        self.set(cx, Mode::Array);
    }

    fn save(&self, w: &mut Writer) {
        let s = &self.state;
        let mode = match s.mode {
            Mode::Array => 0,
            Mode::Status => 1,
            Mode::Identifier => 2,
            Mode::Query => 3,
        };
        let (next, words) = match s.next {
            Next::Command => (0, 0),
            Next::Program => (1, 0),
            Next::Erase => (2, 0),
            Next::Configure => (3, 0),
            Next::Count => (4, 0),
            Next::Words(n) => (5, n),
            Next::Confirm => (6, 0),
        };
        w.ints(SAVED_STATE, [mode, next, words.into(), s.status.into()]);
        w.bytes(SAVED_LOCKS, &s.locks.iter().map(|l| u8::from(*l)).collect::<Vec<_>>());
        let all = s.buffer.iter().flat_map(|(at, size, v)| {
            [at.to_le_bytes(), u64::from(*size).to_le_bytes(), v.to_le_bytes()]
        });
        w.bytes(SAVED_BUFFER, &all.flatten().collect::<Vec<u8>>());
    }

    fn load(&mut self, r: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
        let bad = |field| Err(LoadError::Bad(field));
        let mut all = [0; 4];
        r.ints(SAVED_STATE, &mut all)?;
        let [mode, next, words, status] = all;
        let mode = match mode {
            0 => Mode::Array,
            1 => Mode::Status,
            2 => Mode::Identifier,
            3 => Mode::Query,
            _ => return bad(SAVED_STATE),
        };
        let next = match (next, words) {
            (0, 0) => Next::Command,
            (1, 0) => Next::Program,
            (2, 0) => Next::Erase,
            (3, 0) => Next::Configure,
            (4, 0) => Next::Count,
            (5, 1..=256) => Next::Words(words as u32),
            (6, 0) => Next::Confirm,
            _ => return bad(SAVED_STATE),
        };
        let Ok(status) = u8::try_from(status) else { return bad(SAVED_STATE) };
        let locks = r.bytes(SAVED_LOCKS)?;
        if locks.len() != self.state.locks.len() || locks.iter().any(|l| *l > 1) {
            return bad(SAVED_LOCKS);
        }
        let bytes = r.bytes(SAVED_BUFFER)?;
        if bytes.len() % 24 != 0 || bytes.len() > 24 * 256 {
            return bad(SAVED_BUFFER);
        }
        let number = |b: &[u8]| b.iter().rev().fold(0, |v, b| v << 8 | u64::from(*b));
        let mut buffer = Vec::new();
        for write in bytes.chunks(24) {
            let mut parts = write.chunks(8).map(number);
            let parts = (parts.next(), parts.next(), parts.next());
            match parts {
                (Some(at), Some(size @ (1 | 2 | 4 | 8)), Some(value)) => {
                    buffer.push((at, size as u8, value));
                }
                _ => return bad(SAVED_BUFFER),
            }
        }
        let locks = locks.iter().map(|l| *l == 1).collect();
        self.state = State { mode, next, status, locks, buffer };
        Ok(())
    }

    fn loaded(&mut self, cx: &mut dyn Cx) {
        self.set(cx, self.state.mode);
    }

    fn inspect(&self) -> Vec<InspectValue> {
        let mode = self.state.mode as u64;
        let all = [("MODE", mode), ("STATUS", u64::from(self.state.status | READY))];
        all.map(|(name, value)| InspectValue { name: name.into(), value }).to_vec()
    }
}
