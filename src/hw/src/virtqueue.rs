//! Split virtqueues seen from the device (Virtual I/O Device 1.2, section 2.7), with indirect
//! descriptors (2.7.5.3) and without event indexes.
//!
//! Everything in the rings is the guest's and may be nonsense: each walk is bounded by the queue's
//! size, each address by the bus that the transport sits on.

use crate::cx::Cx;
use crate::device::BusError;
use crate::state::{LoadError, Reader, Writer};

/// Descriptor flags (2.7.5).
const NEXT: u16 = 1;
const WRITE: u16 = 2;
const INDIRECT: u16 = 4;
/// The driver asks for no interrupt (2.7.6).
const AVAIL_NO_INTERRUPT: u16 = 1;
/// Longest chain, whatever the queue's size; also bounds what one request may take.
const MAX_CHAIN: usize = 1024;

/// A ring that the driver filled with nonsense; the device needs a reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RingError {
    /// A descriptor, ring or buffer lies where no memory is.
    #[error("a virtqueue address is not memory")]
    Bus(#[from] BusError),
    /// An index beyond the queue, a chain that loops, or an indirect table of a wrong shape.
    #[error("a virtqueue is malformed")]
    Malformed,
}

/// A buffer chain that the driver made available: readable parts, then writable parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chain {
    head: u16,
    readable: Vec<(u64, u32)>,
    writable: Vec<(u64, u32)>,
}

impl Chain {
    /// Bytes that the device may read.
    pub fn readable(&self) -> u64 {
        self.readable.iter().map(|(_, len)| u64::from(*len)).sum()
    }

    /// Bytes that the device may write.
    pub fn writable(&self) -> u64 {
        self.writable.iter().map(|(_, len)| u64::from(*len)).sum()
    }

    /// Reads from `at` of the readable part; answers how many bytes there were.
    pub fn read(&self, cx: &mut dyn Cx, at: u64, into: &mut [u8]) -> Result<usize, RingError> {
        let mut done = 0;
        for (addr, len) in pieces(&self.readable, at, into.len()) {
            let Some(part) = into.get_mut(done..done + len) else { break };
            cx.dma_read(0, addr, part)?;
            done += len;
        }
        Ok(done)
    }

    /// Writes to `at` of the writable part; answers how many bytes there was room for.
    pub fn write(&self, cx: &mut dyn Cx, at: u64, bytes: &[u8]) -> Result<usize, RingError> {
        let mut done = 0;
        for (addr, len) in pieces(&self.writable, at, bytes.len()) {
            let Some(part) = bytes.get(done..done + len) else { break };
            cx.dma_write(0, addr, part)?;
            done += len;
        }
        Ok(done)
    }
}

/// The address ranges of up to `len` bytes from `at` of a scattered buffer.
fn pieces(parts: &[(u64, u32)], at: u64, len: usize) -> impl Iterator<Item = (u64, usize)> {
    let (mut skip, mut left) = (at, len);
    parts.iter().filter_map(move |&(addr, part)| {
        let before = skip.min(u64::from(part));
        skip -= before;
        let n = (u64::from(part) - before).min(left as u64);
        left -= n as usize;
        (n > 0).then(|| (addr.wrapping_add(before), n as usize))
    })
}

/// A queue as the transport's registers describe it, and how far the device has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Virtqueue {
    /// The largest size that the function offers.
    pub max: u16,
    /// The driver's size, a power of two up to `max`.
    pub size: u16,
    /// The driver enabled the queue.
    pub ready: bool,
    /// Address of the descriptor table.
    pub desc: u64,
    /// Address of the available ring.
    pub avail: u64,
    /// Address of the used ring.
    pub used: u64,
    /// The available entry that is looked at next.
    next_avail: u16,
    /// The used entry that is written next.
    next_used: u16,
    /// Something was used and the driver wants an interrupt.
    interrupt: bool,
}

impl Virtqueue {
    /// A queue of a largest size, not set up.
    pub fn new(max: u16) -> Virtqueue {
        Virtqueue { max, size: max, ..Virtqueue::default() }
    }

    /// Takes the next chain that the driver made available.
    pub fn pop(&mut self, cx: &mut dyn Cx) -> Result<Option<Chain>, RingError> {
        if !self.ready {
            return Ok(None);
        }
        if self.size == 0 || !self.size.is_power_of_two() || self.size > self.max {
            return Err(RingError::Malformed);
        }
        let published = read16(cx, self.avail.wrapping_add(2))?;
        let waiting = published.wrapping_sub(self.next_avail);
        if waiting == 0 {
            return Ok(None);
        }
        if waiting > self.size {
            return Err(RingError::Malformed);
        }
        let slot = u64::from(self.next_avail % self.size);
        let head = read16(cx, self.avail.wrapping_add(4 + 2 * slot))?;
        let chain = self.walk(cx, head)?;
        self.next_avail = self.next_avail.wrapping_add(1);
        Ok(Some(chain))
    }

    /// Puts back the chain that [`Virtqueue::pop`] gave last: the device cannot use it yet.
    pub fn unpop(&mut self) {
        self.next_avail = self.next_avail.wrapping_sub(1);
    }

    /// Gives a chain back with `written` bytes in its writable part.
    pub fn push(&mut self, cx: &mut dyn Cx, chain: Chain, written: u32) -> Result<(), RingError> {
        if self.size == 0 {
            return Err(RingError::Malformed);
        }
        let slot = u64::from(self.next_used % self.size);
        let mut entry = [0; 8];
        let (id, len) = entry.split_at_mut(4);
        id.copy_from_slice(&u32::from(chain.head).to_le_bytes());
        len.copy_from_slice(&written.to_le_bytes());
        cx.dma_write(0, self.used.wrapping_add(4 + 8 * slot), &entry)?;
        self.next_used = self.next_used.wrapping_add(1);
        cx.dma_write(0, self.used.wrapping_add(2), &self.next_used.to_le_bytes())?;
        if read16(cx, self.avail)? & AVAIL_NO_INTERRUPT == 0 {
            self.interrupt = true;
        }
        Ok(())
    }

    /// Whether the driver is to be interrupted for what was used since the last call.
    pub fn take_interrupt(&mut self) -> bool {
        std::mem::take(&mut self.interrupt)
    }

    fn walk(&self, cx: &mut dyn Cx, head: u16) -> Result<Chain, RingError> {
        let mut chain = Chain { head, ..Chain::default() };
        let mut table = (self.desc, u32::from(self.size));
        let mut next = Some(u32::from(head));
        let mut indirect = false;
        let mut seen = 0;
        while let Some(index) = next {
            if index >= table.1 || seen == MAX_CHAIN.min(table.1 as usize) {
                return Err(RingError::Malformed);
            }
            seen += 1;
            let mut raw = [0; 16];
            cx.dma_read(0, table.0.wrapping_add(16 * u64::from(index)), &mut raw)?;
            let raw = u128::from_le_bytes(raw);
            let (addr, len) = (raw as u64, (raw >> 64) as u32);
            let (flags, link) = ((raw >> 96) as u16, (raw >> 112) as u16);
            if flags & INDIRECT != 0 {
                // One level only, and nothing may follow the table (2.7.5.3.1).
                if indirect || flags & NEXT != 0 || len == 0 || len % 16 != 0 {
                    return Err(RingError::Malformed);
                }
                (table, indirect, next, seen) = ((addr, len / 16), true, Some(0), 0);
                continue;
            }
            if flags & WRITE != 0 {
                chain.writable.push((addr, len));
            } else if chain.writable.is_empty() {
                chain.readable.push((addr, len));
            } else {
                return Err(RingError::Malformed);
            }
            next = (flags & NEXT != 0).then_some(u32::from(link));
        }
        Ok(chain)
    }

    /// Writes the queue's state as one field.
    pub fn save(&self, w: &mut Writer, field: u16) {
        let numbers = [
            u64::from(self.size),
            u64::from(self.ready),
            self.desc,
            self.avail,
            self.used,
            u64::from(self.next_avail),
            u64::from(self.next_used),
        ];
        w.ints(field, numbers);
    }

    /// Reads it back.
    pub fn load(&mut self, r: &Reader<'_>, field: u16) -> Result<(), LoadError> {
        let mut n = [0; 7];
        r.ints(field, &mut n)?;
        let [size, ready, desc, avail, used, next_avail, next_used] = n;
        let small = |v| u16::try_from(v).map_err(|_| LoadError::Bad(field));
        self.size = small(size)?;
        self.ready = ready == 1;
        (self.desc, self.avail, self.used) = (desc, avail, used);
        self.next_avail = small(next_avail)?;
        self.next_used = small(next_used)?;
        Ok(())
    }
}

fn read16(cx: &mut dyn Cx, addr: u64) -> Result<u16, RingError> {
    let mut raw = [0; 2];
    cx.dma_read(0, addr, &mut raw)?;
    Ok(u16::from_le_bytes(raw))
}
