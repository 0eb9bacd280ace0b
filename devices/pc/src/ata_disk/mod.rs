//! ATA drives: the disk (ATA/ATAPI-7, volume 1; ACS-3) on buses of kind `ata` and `sata`.
//!
//! The adapter moves the data ([`hetemu_hw::ata`]); here are the commands. Of a disk without an
//! image at its plug nothing answers.

mod identify;
#[cfg(test)]
mod tests;

use crate::schemas::ATA_DISK_1;
use hetemu_hw::ata::{ABRT, DRDY, DSC, Function, IDNF, LBA, TaskFile, Transfer, UNC, Way};
use hetemu_hw::block::SECTOR;
use hetemu_hw::{BlockInfo, Config, ConfigError, Cx, Device, LoadError, Model, Reader, Writer};

/// `ata.disk`.
pub const MODEL: Model = Model { ty: &ATA_DISK_1, create };

/// The schema's link.
const BACKEND: u32 = 0;
/// Most sectors between two interrupts.
const MOST_MULTIPLE: u8 = 16;
/// The geometry that IDENTIFY tells.
const HEADS: u8 = 16;
const TRACK: u8 = 63;

const SAVED: u16 = 1;

fn create(config: &Config) -> Result<Box<dyn Device>, ConfigError> {
    let serial = match config.text("serial") {
        "" => config.path.clone(),
        text => text.to_string(),
    };
    Ok(Box::new(Disk {
        info: config.blocks.get("backend").cloned(),
        serial,
        model: config.text("model").to_string(),
        state: State::default(),
    }))
}

struct Disk {
    // Fixed configuration.
    info: Option<BlockInfo>,
    serial: String,
    model: String,
    // Volatile state.
    state: State,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct State {
    /// Sectors between two interrupts of READ MULTIPLE; 0: not set.
    multiple: u8,
    /// The geometry in force.
    heads: u8,
    track: u8,
    /// Transfer modes as SET FEATURES chose them.
    mode: u8,
    /// What data are moved: of IDENTIFY, or of sectors.
    identify: bool,
    /// The next byte, on the disk or in the answer, and the end.
    at: u64,
    end: u64,
}

impl Default for State {
    fn default() -> State {
        State {
            multiple: MOST_MULTIPLE,
            heads: HEADS,
            track: TRACK,
            mode: 0,
            identify: false,
            at: 0,
            end: 0,
        }
    }
}

/// What a command that moves sectors is.
struct Move {
    way: Way,
    wide: bool,
    dma: bool,
    multiple: bool,
}

impl Move {
    fn of(command: u8) -> Option<Move> {
        let m = |way, wide, dma, multiple| Some(Move { way, wide, dma, multiple });
        match command {
            0x20 | 0x21 => m(Way::In, false, false, false),
            0x24 => m(Way::In, true, false, false),
            0x25 => m(Way::In, true, true, false),
            0x29 => m(Way::In, true, false, true),
            0x30 | 0x31 => m(Way::Out, false, false, false),
            0x34 => m(Way::Out, true, false, false),
            0x35 | 0x3d => m(Way::Out, true, true, false),
            0x39 | 0xce => m(Way::Out, true, false, true),
            0xc4 => m(Way::In, false, false, true),
            0xc5 => m(Way::Out, false, false, true),
            0xc8 | 0xc9 => m(Way::In, false, true, false),
            0xca | 0xcb => m(Way::Out, false, true, false),
            _ => None,
        }
    }
}

impl Disk {
    fn sectors(&self) -> u64 {
        self.info.as_ref().map_or(0, |i| i.bytes / SECTOR)
    }

    /// The first sector and how many, as the registers name them; none beyond the geometry.
    fn range(&self, r: &TaskFile, wide: bool) -> Option<(u64, u64)> {
        let [low, mid, high, low2, mid2, high2] = r.lba.map(u64::from);
        let [count, count2] = r.count.map(u64::from);
        if wide {
            let first = low | mid << 8 | high << 16 | low2 << 24 | mid2 << 32 | high2 << 40;
            let count = count | count2 << 8;
            return Some((first, if count == 0 { 1 << 16 } else { count }));
        }
        let top = u64::from(r.device & 15);
        let count = if count == 0 { 256 } else { count };
        if r.device & LBA != 0 {
            return Some((low | mid << 8 | high << 16 | top << 24, count));
        }
        let (heads, track) = (u64::from(self.state.heads), u64::from(self.state.track));
        let fits = (1..=track).contains(&low) && top < heads;
        fits.then(|| (((mid | high << 8) * heads + top) * track + low - 1, count))
    }

    /// Writes the address of the sector at which a command ended.
    fn tell_place(&self, r: &mut TaskFile, wide: bool, sector: u64) {
        let [b0, b1, b2, b3, b4, b5, ..] = sector.to_le_bytes();
        if wide {
            r.lba = [b0, b1, b2, b3, b4, b5];
        } else if r.device & LBA != 0 {
            r.lba = [b0, b1, b2, 0, 0, 0];
            r.device = r.device & 0xf0 | b3 & 15;
        }
    }

    fn sectors_of(&self, r: &mut TaskFile, wide: bool) -> Option<(u64, u64)> {
        let range = self.range(r, wide).filter(|(first, count)| {
            first.checked_add(*count).is_some_and(|end| end <= self.sectors())
        });
        if range.is_none() {
            r.fail(IDNF);
        }
        range
    }

    fn features(&mut self, r: &mut TaskFile) {
        match r.features[0] {
            // Transfer mode: PIO default, PIO, multiword DMA, Ultra DMA.
            0x03 if matches!(r.count[0], 0x00 | 0x01 | 0x08..=0x0c | 0x20..=0x22 | 0x40..=0x45) => {
                self.state.mode = r.count[0];
                r.done();
            }
            // Caches, power management, read look-ahead, reverting to defaults.
            0x02 | 0x05 | 0x42 | 0x55 | 0x66 | 0x82 | 0x85 | 0xaa | 0xc2 | 0xcc => r.done(),
            _ => r.fail(ABRT),
        }
    }

    fn simple(&mut self, cx: &mut dyn Cx, r: &mut TaskFile) {
        match r.command {
            // RECALIBRATE, SEEK.
            0x10..=0x1f | 0x70..=0x7f => r.done(),
            // READ VERIFY SECTORS.
            0x40..=0x42 => {
                if self.sectors_of(r, r.command == 0x42).is_some() {
                    r.done();
                }
            }
            // EXECUTE DEVICE DIAGNOSTIC.
            0x90 => {
                *r = TaskFile { command: r.command, device: r.device & 0x10, ..self.signature() }
            }
            // INITIALIZE DEVICE PARAMETERS.
            0x91 => {
                self.state.heads = (r.device & 15) + 1;
                self.state.track = r.count[0];
                r.done();
            }
            // SET MULTIPLE MODE.
            0xc6 => {
                let n = r.count[0];
                if n <= MOST_MULTIPLE && (n == 0 || n.is_power_of_two()) {
                    self.state.multiple = n;
                    r.done();
                } else {
                    r.fail(ABRT);
                }
            }
            // CHECK POWER MODE: active.
            0xe5 | 0x98 => {
                r.count[0] = 0xff;
                r.done();
            }
            // STANDBY, IDLE and their IMMEDIATE forms.
            0xe0..=0xe3 | 0xe6 | 0x94..=0x97 | 0x99 => r.done(),
            // FLUSH CACHE.
            0xe7 | 0xea => match cx.block(BACKEND).map(|b| b.flush()) {
                Some(Ok(())) => r.done(),
                _ => r.fail(ABRT),
            },
            0xef => self.features(r),
            // READ NATIVE MAX ADDRESS.
            0xf8 | 0x27 => {
                let wide = r.command == 0x27;
                let last = self.sectors().saturating_sub(1);
                let most = if wide { u64::MAX } else { 0x0fff_ffff };
                self.tell_place(r, wide, last.min(most));
                r.done();
            }
            _ => {
                cx.unimplemented("a command of the drive", r.command.into(), true);
                r.fail(ABRT);
            }
        }
    }

    fn signature(&self) -> TaskFile {
        TaskFile {
            count: [1, 0],
            lba: [1, 0, 0, 0, 0, 0],
            error: 1,
            status: DRDY | DSC,
            ..TaskFile::default()
        }
    }

    /// Notes that data were moved, or could not be.
    fn moved(&mut self, r: &mut TaskFile, len: u64, good: bool) -> bool {
        let wide = Move::of(r.command).is_some_and(|m| m.wide);
        if !good {
            self.tell_place(r, wide, self.state.at / SECTOR);
            r.fail(if Move::of(r.command).is_some_and(|m| m.way == Way::In) { UNC } else { ABRT });
            return false;
        }
        self.state.at += len;
        if self.state.at >= self.state.end {
            if !self.state.identify {
                self.tell_place(r, wide, (self.state.end / SECTOR).saturating_sub(1));
                r.count = [0; 2];
            }
            r.done();
        }
        true
    }
}

impl Function for Disk {
    fn reset(&mut self) -> TaskFile {
        self.state = State::default();
        self.signature()
    }

    fn command(&mut self, cx: &mut dyn Cx, r: &mut TaskFile) -> Option<Transfer> {
        self.state.identify = r.command == 0xec;
        if self.state.identify {
            (self.state.at, self.state.end) = (0, SECTOR);
            let block = SECTOR as u32;
            return Some(Transfer {
                way: Way::In,
                bytes: SECTOR,
                block,
                dma: false,
                packet: false,
            });
        }
        let Some(m) = Move::of(r.command) else {
            self.simple(cx, r);
            return None;
        };
        let read_only = self.info.as_ref().is_none_or(|i| i.read_only);
        if m.multiple && self.state.multiple == 0 || m.way == Way::Out && read_only {
            r.fail(ABRT);
            return None;
        }
        let (first, count) = self.sectors_of(r, m.wide)?;
        (self.state.at, self.state.end) = (first * SECTOR, (first + count) * SECTOR);
        let block = if m.multiple { self.state.multiple.into() } else { 1 };
        let block = block * SECTOR as u32;
        Some(Transfer { way: m.way, bytes: count * SECTOR, block, dma: m.dma, packet: false })
    }

    fn data_in(&mut self, cx: &mut dyn Cx, r: &mut TaskFile, into: &mut [u8]) -> bool {
        let len = into.len() as u64;
        if len > self.state.end.saturating_sub(self.state.at) {
            return self.moved(r, 0, false);
        }
        let good = if self.state.identify {
            let words = identify::words(&identify::About {
                sectors: self.sectors(),
                serial: &self.serial,
                model: &self.model,
                heads: self.state.heads,
                track: self.state.track,
                multiple: self.state.multiple,
                mode: self.state.mode,
            });
            let bytes = words.iter().flat_map(|w| w.to_le_bytes()).skip(self.state.at as usize);
            into.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
            true
        } else {
            let at = self.state.at;
            cx.block(BACKEND).is_some_and(|b| b.read(at, into).is_ok())
        };
        self.moved(r, len, good)
    }

    fn data_out(&mut self, cx: &mut dyn Cx, r: &mut TaskFile, bytes: &[u8]) -> bool {
        let len = bytes.len() as u64;
        let (at, room) = (self.state.at, self.state.end.saturating_sub(self.state.at));
        let good = len <= room && cx.block(BACKEND).is_some_and(|b| b.write(at, bytes).is_ok());
        let flush = matches!(r.command, 0x3d | 0xce) && at + len == self.state.end;
        let good = good && (!flush || cx.block(BACKEND).is_some_and(|b| b.flush().is_ok()));
        self.moved(r, len, good)
    }
}

impl Device for Disk {
    fn reset(&mut self, _: &mut dyn Cx) {
        self.state = State::default();
    }

    fn ata(&mut self) -> Option<&mut dyn Function> {
        self.info.is_some().then_some(self as &mut dyn Function)
    }

    fn save(&self, w: &mut Writer) {
        let s = &self.state;
        let small = [s.multiple, s.heads, s.track, s.mode, s.identify.into()].map(u64::from);
        w.ints(SAVED, small.into_iter().chain([s.at, s.end]));
    }

    fn load(&mut self, r: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
        let bad = LoadError::Bad(SAVED);
        let mut all = [0; 7];
        r.ints(SAVED, &mut all)?;
        let [multiple, heads, track, mode, identify, at, end] = all;
        let [Ok(multiple), Ok(heads), Ok(track), Ok(mode)] =
            [multiple, heads, track, mode].map(u8::try_from)
        else {
            return Err(bad);
        };
        if multiple > MOST_MULTIPLE || heads > 16 || identify > 1 || at > end {
            return Err(bad);
        }
        let identify = identify == 1;
        self.state = State { multiple, heads, track, mode, identify, at, end };
        Ok(())
    }
}
