//! The virtio disk (Virtio 1.2, section 5.2).
//!
//! A request is done when the driver notifies: the host's end of the plug returns when it is
//! done, and in virtual time that takes none. So a run depends on what the disk holds, and never on
//! how fast the host is. Without a plug the slot is empty.

mod saved;
mod spec;
#[cfg(test)]
mod tests;

use crate::schemas::VIRTIO_BLK_1;
use hetemu_hw::block::SECTOR;
use hetemu_hw::virtio::{Chain, Function, RingError, Virtqueue};
use hetemu_hw::{Block, BlockInfo, Config, ConfigError, Cx, Device, LoadError};
use hetemu_hw::{Model, Reader, Writer};
use spec::*;

/// `virtio.blk`.
pub const MODEL: Model = Model { ty: &VIRTIO_BLK_1, create };

const BACKEND: u32 = 0;
/// Bytes that are moved at a time.
const PIECE: usize = 128 << 10;

fn create(config: &Config) -> Result<Box<dyn Device>, ConfigError> {
    let name = match config.text("serial") {
        "" => &config.path,
        serial => serial,
    };
    let mut id = [0; ID];
    id.iter_mut().zip(name.bytes()).for_each(|(to, from)| *to = from);
    let queues = config.int("queues").clamp(1, 16) as usize;
    let info = config.blocks.get("backend").cloned();
    let read_only = config.flag("readonly") || info.as_ref().is_some_and(|i| i.read_only);
    Ok(Box::new(Blk {
        info,
        read_only,
        id,
        queues: vec![QUEUE; queues],
        buffer: Vec::new(),
        features: 0,
        writeback: true,
    }))
}

struct Blk {
    // Fixed configuration.
    /// `None` without a plug.
    info: Option<BlockInfo>,
    read_only: bool,
    id: [u8; ID],
    queues: Vec<u16>,
    // Glue.
    /// Kept between requests, so that they need no new one.
    buffer: Vec<u8>,
    // Volatile state.
    /// What the driver agreed to; 0 while it is not live.
    features: u64,
    /// The driver flushes when it wants writes to last; else each write lasts.
    writeback: bool,
}

/// How a request ended, and the bytes that it wrote to the driver's buffers.
type Done = Result<u64, u8>;

impl Blk {
    fn sectors(&self) -> u64 {
        self.info.as_ref().map_or(0, |i| i.bytes / SECTOR)
    }

    /// The range of a request in bytes, if it lies on the disk.
    fn range(&self, sector: u64, bytes: u64) -> Result<u64, u8> {
        let end = sector.checked_mul(SECTOR).and_then(|at| at.checked_add(bytes)).ok_or(S_IOERR)?;
        if !bytes.is_multiple_of(SECTOR) || end > self.sectors() * SECTOR {
            return Err(S_IOERR);
        }
        Ok(sector * SECTOR)
    }

    /// Does one request and gives its chain back.
    fn request(
        &mut self,
        cx: &mut dyn Cx,
        queue: &mut Virtqueue,
        chain: Chain,
    ) -> Result<(), RingError> {
        let mut head = [0; HEAD as usize];
        // Without a head or a byte for the status nothing can be answered.
        let room = chain.writable().checked_sub(1).ok_or(RingError::Malformed)?;
        if chain.read(cx, 0, &mut head)? < head.len() {
            return Err(RingError::Malformed);
        }
        let head = u128::from_le_bytes(head);
        let (kind, sector) = (head as u32, (head >> 64) as u64);
        let done = match kind {
            T_IN => self.read(cx, &chain, sector, room)?,
            T_OUT => self.write(cx, &chain, sector)?,
            T_FLUSH => disk(cx).and_then(|d| d.flush().map(|()| 0).map_err(|_| S_IOERR)),
            T_GET_ID => {
                let len = (ID as u64).min(room);
                chain.write(cx, 0, self.id.get(..len as usize).unwrap_or(&[]))?;
                Ok(len)
            }
            T_DISCARD | T_WRITE_ZEROES => self.ranges(cx, &chain, kind)?,
            _ => Err(S_UNSUPP),
        };
        let (written, status) = match done {
            Ok(written) => (written, S_OK),
            Err(status) => (0, status),
        };
        chain.write(cx, room, &[status])?;
        // The used length says how far the buffer is filled from its start (2.7.8): the status
        // byte is the last one of it, so all of it counts when the request went well.
        let used = if status == S_OK && written == room { room + 1 } else { written };
        queue.push(cx, chain, u32::try_from(used).unwrap_or(u32::MAX))
    }

    fn read(
        &mut self,
        cx: &mut dyn Cx,
        chain: &Chain,
        sector: u64,
        room: u64,
    ) -> Result<Done, RingError> {
        let at = match self.range(sector, room) {
            Ok(at) => at,
            Err(status) => return Ok(Err(status)),
        };
        let mut done = 0;
        while done < room {
            let n = (room - done).min(PIECE as u64);
            self.buffer.resize(n as usize, 0);
            if let Err(status) =
                disk(cx).and_then(|d| d.read(at + done, &mut self.buffer).map_err(|_| S_IOERR))
            {
                return Ok(Err(status));
            }
            chain.write(cx, done, &self.buffer)?;
            done += n;
        }
        Ok(Ok(room))
    }

    fn write(&mut self, cx: &mut dyn Cx, chain: &Chain, sector: u64) -> Result<Done, RingError> {
        let len = chain.readable() - HEAD;
        let at = match self.range(sector, len) {
            Ok(_) if self.read_only => return Ok(Err(S_IOERR)),
            Ok(at) => at,
            Err(status) => return Ok(Err(status)),
        };
        let mut done = 0;
        while done < len {
            let n = (len - done).min(PIECE as u64);
            self.buffer.resize(n as usize, 0);
            chain.read(cx, HEAD + done, &mut self.buffer)?;
            if let Err(status) =
                disk(cx).and_then(|d| d.write(at + done, &self.buffer).map_err(|_| S_IOERR))
            {
                return Ok(Err(status));
            }
            done += n;
        }
        Ok(self.last(cx).map(|()| 0))
    }

    /// Without a write-back cache a change lasts when its request is done (5.2.6.2).
    fn last(&self, cx: &mut dyn Cx) -> Result<(), u8> {
        let cached = match self.features & F_CONFIG_WCE {
            0 => self.features & F_FLUSH != 0,
            _ => self.writeback,
        };
        if cached { Ok(()) } else { disk(cx)?.flush().map_err(|_| S_IOERR) }
    }

    /// Discards or zeroes a list of ranges.
    fn ranges(&self, cx: &mut dyn Cx, chain: &Chain, kind: u32) -> Result<Done, RingError> {
        let len = chain.readable() - HEAD;
        if len == 0 || !len.is_multiple_of(RANGE) || len / RANGE > u64::from(MOST_RANGES) {
            return Ok(Err(S_IOERR));
        }
        for i in 0..len / RANGE {
            let mut raw = [0; RANGE as usize];
            chain.read(cx, HEAD + i * RANGE, &mut raw)?;
            let raw = u128::from_le_bytes(raw);
            let (sector, count, flags) = (raw as u64, (raw >> 64) as u32, (raw >> 96) as u32);
            // Reserved flags, and unmap of a discard, are refused as unsupported (5.2.6.2).
            if flags & !UNMAP != 0 || kind == T_DISCARD && flags != 0 {
                return Ok(Err(S_UNSUPP));
            }
            let bytes = u64::from(count) * SECTOR;
            let at = match self.range(sector, bytes) {
                Ok(at) if count <= MOST_SECTORS && !self.read_only => at,
                _ => return Ok(Err(S_IOERR)),
            };
            let done = disk(cx).and_then(|d| {
                let done = match kind {
                    T_DISCARD => d.discard(at, bytes),
                    _ => d.zero(at, bytes, flags & UNMAP != 0),
                };
                done.map_err(|_| S_IOERR)
            });
            if let Err(status) = done {
                return Ok(Err(status));
            }
        }
        Ok(self.last(cx).map(|()| 0))
    }

    /// The configuration space (5.2.4).
    fn config(&self) -> [u8; 60] {
        let mut out = [0; 60];
        let mut put = |at: usize, bytes: &[u8]| {
            if let Some(to) = out.get_mut(at..at + bytes.len()) {
                to.copy_from_slice(bytes);
            }
        };
        put(0, &self.sectors().to_le_bytes());
        put(12, &u32::from(QUEUE - 2).to_le_bytes());
        put(20, &(SECTOR as u32).to_le_bytes());
        let cluster = self.info.as_ref().map_or(0, |i| i.cluster) / SECTOR;
        // physical_block_exp, alignment_offset, min_io_size, opt_io_size.
        put(26, &1u16.to_le_bytes());
        put(28, &u32::try_from(cluster).unwrap_or(0).to_le_bytes());
        put(WRITEBACK as usize, &[self.writeback.into()]);
        put(34, &(self.queues.len() as u16).to_le_bytes());
        // Discard: sectors, ranges, alignment. Write zeroes: sectors, ranges, may unmap.
        put(36, &MOST_SECTORS.to_le_bytes());
        put(40, &MOST_RANGES.to_le_bytes());
        put(44, &u32::try_from(cluster.max(1)).unwrap_or(1).to_le_bytes());
        put(48, &MOST_SECTORS.to_le_bytes());
        put(52, &MOST_RANGES.to_le_bytes());
        put(56, &[1]);
        out
    }
}

fn disk(cx: &mut dyn Cx) -> Result<&mut dyn Block, u8> {
    cx.block(BACKEND).ok_or(S_IOERR)
}

impl Device for Blk {
    fn reset(&mut self, _: &mut dyn Cx) {
        self.deactivate();
    }

    fn virtio(&mut self) -> Option<&mut dyn Function> {
        Some(self)
    }

    fn save(&self, w: &mut Writer) {
        self.save_state(w);
    }

    fn load(&mut self, r: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
        self.load_state(r)
    }
}

impl Function for Blk {
    fn device_id(&self) -> u32 {
        if self.info.is_some() { 2 } else { 0 }
    }

    fn features(&self) -> u64 {
        let always = F_SEG_MAX | F_BLK_SIZE | F_TOPOLOGY | F_FLUSH | F_CONFIG_WCE;
        let changes = if self.read_only { F_RO } else { F_DISCARD | F_WRITE_ZEROES };
        always | changes | if self.queues.len() > 1 { F_MQ } else { 0 }
    }

    fn queue_sizes(&self) -> &[u16] {
        &self.queues
    }

    fn config_read(&self, offset: u64, into: &mut [u8]) {
        let config = self.config();
        for (at, to) in (offset..).zip(into) {
            *to = usize::try_from(at).ok().and_then(|at| config.get(at)).copied().unwrap_or(0);
        }
    }

    fn config_write(&mut self, cx: &mut dyn Cx, offset: u64, bytes: &[u8]) {
        if offset != WRITEBACK || self.features & F_CONFIG_WCE == 0 {
            return;
        }
        let Some(value) = bytes.first() else { return };
        self.writeback = value & 1 != 0;
        // What was written under the cache's rule lasts from here on, too.
        if !self.writeback
            && let Ok(disk) = disk(cx)
        {
            let _ = disk.flush();
        }
    }

    fn activate(&mut self, features: u64) {
        self.features = features;
    }

    fn deactivate(&mut self) {
        self.features = 0;
        self.writeback = true;
    }

    fn work(&mut self, cx: &mut dyn Cx, queues: &mut [Virtqueue]) -> Result<(), RingError> {
        for queue in queues {
            while let Some(chain) = queue.pop(cx)? {
                self.request(cx, queue, chain)?;
            }
        }
        Ok(())
    }
}
