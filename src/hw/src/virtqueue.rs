//! Split virtqueues seen from the device (Virtual I/O Device 1.2, section 2.7), with indirect
//! descriptors (2.7.5.3) and event indexes (2.7.7, 2.7.10).
//!
//! Everything in the rings is the guest's and may be nonsense: each walk is bounded by the queue's
//! size, each address by the bus that the transport sits on.

use crate::cx::Cx;
use crate::device::BusError;
use crate::{LoadError, Reader, Writer};
use std::sync::atomic::{Ordering, fence};

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
    /// VIRTIO_F_EVENT_IDX was agreed: each side says at which index it wants to hear of the other.
    pub event_index: bool,
    /// Something was used and the driver wants an interrupt.
    interrupt: bool,
    /// Chains that may still be taken in this round.
    budget: u16,
}

impl Virtqueue {
    /// A queue of a largest size, not set up.
    pub fn new(max: u16) -> Virtqueue {
        Virtqueue { max, size: max, ..Virtqueue::default() }
    }

    /// Begins a round of work. A round takes as many chains as the queue is long: a driver that
    /// lays its rings over each other must not keep the device busy for ever.
    pub fn begin(&mut self) {
        self.budget = self.size;
    }

    /// Takes the next chain that the driver made available, in a round of [`Virtqueue::begin`].
    pub fn pop(&mut self, cx: &mut dyn Cx) -> Result<Option<Chain>, RingError> {
        if !self.ready {
            return Ok(None);
        }
        if self.size == 0 || !self.size.is_power_of_two() || self.size > self.max {
            return Err(RingError::Malformed);
        }
        let published = read16(cx, self.avail.wrapping_add(2))?;
        let waiting = published.wrapping_sub(self.next_avail);
        if waiting > self.size {
            return Err(RingError::Malformed);
        }
        if waiting == 0 && !self.ask_for_more(cx)? || self.budget == 0 {
            return Ok(None);
        }
        self.budget -= 1;
        let slot = u64::from(self.next_avail % self.size);
        let head = read16(cx, self.avail.wrapping_add(4 + 2 * slot))?;
        let chain = self.walk(cx, head)?;
        self.next_avail = self.next_avail.wrapping_add(1);
        Ok(Some(chain))
    }

    /// Says that the next chain shall be notified; true if one came just before that was said.
    fn ask_for_more(&self, cx: &mut dyn Cx) -> Result<bool, RingError> {
        if !self.event_index {
            return Ok(false);
        }
        let at = self.used.wrapping_add(4 + 8 * u64::from(self.size));
        cx.dma_write(0, at, &self.next_avail.to_le_bytes())?;
        // A driver on another core that does not see this yet has published before (2.7.13.4.1).
        fence(Ordering::SeqCst);
        Ok(read16(cx, self.avail.wrapping_add(2))? != self.next_avail)
    }

    /// Whether chains wait that this round may not take: the transport begins another one.
    pub fn starved(&self) -> bool {
        self.ready && self.size > 0 && self.budget == 0
    }

    /// Puts the last `chains` chains back, as if they had not been taken: they are too small for
    /// what is to be written, and more must come first.
    pub fn give_back(&mut self, chains: u16) {
        self.next_avail = self.next_avail.wrapping_sub(chains);
        self.budget = self.budget.saturating_add(chains);
    }

    /// Gives a chain back with `written` bytes in its writable part.
    pub fn push(&mut self, cx: &mut dyn Cx, chain: Chain, written: u32) -> Result<(), RingError> {
        self.push_all(cx, &[(chain, written)])
    }

    /// Gives several chains back at once: a driver on another core sees all of them or none.
    pub fn push_all(&mut self, cx: &mut dyn Cx, chains: &[(Chain, u32)]) -> Result<(), RingError> {
        if self.size == 0 {
            return Err(RingError::Malformed);
        }
        let before = self.next_used;
        for (chain, written) in chains {
            let slot = u64::from(self.next_used % self.size);
            let mut entry = [0; 8];
            let (id, len) = entry.split_at_mut(4);
            id.copy_from_slice(&u32::from(chain.head).to_le_bytes());
            len.copy_from_slice(&written.to_le_bytes());
            cx.dma_write(0, self.used.wrapping_add(4 + 8 * slot), &entry)?;
            self.next_used = self.next_used.wrapping_add(1);
        }
        // A driver on another core sees the entries before the index that covers them.
        fence(Ordering::SeqCst);
        cx.dma_write(0, self.used.wrapping_add(2), &self.next_used.to_le_bytes())?;
        fence(Ordering::SeqCst);
        self.interrupt |= if self.event_index {
            let at = self.avail.wrapping_add(4 + 2 * u64::from(self.size));
            let event = read16(cx, at)?;
            // The wanted index lies among the new ones (2.7.10.1).
            let new = self.next_used.wrapping_sub(before);
            self.next_used.wrapping_sub(event).wrapping_sub(1) < new
        } else {
            read16(cx, self.avail)? & AVAIL_NO_INTERRUPT == 0
        };
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

    /// Back to what it was before the driver set it up.
    pub fn reset(&mut self) {
        *self = Virtqueue { event_index: self.event_index, ..Virtqueue::new(self.max) };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestCx;

    const DESC: usize = 0x1000;
    const AVAIL: usize = 0x2000;
    const USED: usize = 0x3000;

    fn queue() -> (Virtqueue, TestCx) {
        let mut q = Virtqueue::new(8);
        (q.desc, q.avail, q.used) = (DESC as u64, AVAIL as u64, USED as u64);
        q.ready = true;
        q.begin();
        (q, TestCx { memory: vec![0; 0x8000], ..TestCx::default() })
    }

    fn put(cx: &mut TestCx, at: usize, bytes: &[u8]) {
        cx.memory[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn desc(cx: &mut TestCx, at: usize, addr: u64, len: u32, flags: u16, next: u16) {
        put(cx, at, &addr.to_le_bytes());
        put(cx, at + 8, &len.to_le_bytes());
        put(cx, at + 12, &flags.to_le_bytes());
        put(cx, at + 14, &next.to_le_bytes());
    }

    fn offer(cx: &mut TestCx, heads: &[u16]) {
        put(cx, AVAIL + 2, &(heads.len() as u16).to_le_bytes());
        for (i, head) in heads.iter().enumerate() {
            put(cx, AVAIL + 4 + 2 * i, &head.to_le_bytes());
        }
    }

    #[test]
    fn chains_are_read_and_written_across_descriptors() {
        let (mut q, mut cx) = queue();
        put(&mut cx, 0x4000, b"abcdef");
        desc(&mut cx, DESC, 0x4000, 3, NEXT, 2);
        desc(&mut cx, DESC + 32, 0x4003, 3, NEXT, 1);
        desc(&mut cx, DESC + 16, 0x5000, 2, WRITE | NEXT, 3);
        desc(&mut cx, DESC + 48, 0x6000, 9, WRITE, 0);
        offer(&mut cx, &[0]);
        let chain = q.pop(&mut cx).unwrap().unwrap();
        assert_eq!((chain.readable(), chain.writable()), (6, 11));
        let mut got = [0; 4];
        assert_eq!(chain.read(&mut cx, 1, &mut got), Ok(4));
        assert_eq!(&got, b"bcde");
        assert_eq!(chain.read(&mut cx, 4, &mut got), Ok(2));
        assert_eq!(chain.write(&mut cx, 1, b"xyz"), Ok(3));
        assert_eq!((cx.memory[0x5001], &cx.memory[0x6000..0x6002]), (b'x', &b"yz"[..]));
        assert_eq!(q.pop(&mut cx), Ok(None));
        q.push(&mut cx, chain, 5).unwrap();
        assert_eq!(cx.memory[USED..USED + 12], [0, 0, 1, 0, 0, 0, 0, 0, 5, 0, 0, 0]);
        assert!(q.take_interrupt() && !q.take_interrupt());
    }

    #[test]
    fn an_indirect_table_is_one_chain() {
        let (mut q, mut cx) = queue();
        desc(&mut cx, DESC, 0x4000, 32, INDIRECT, 0);
        desc(&mut cx, 0x4000, 0x5000, 4, NEXT, 1);
        desc(&mut cx, 0x4010, 0x6000, 8, WRITE, 0);
        offer(&mut cx, &[0]);
        let chain = q.pop(&mut cx).unwrap().unwrap();
        assert_eq!((chain.readable(), chain.writable()), (4, 8));
        put(&mut cx, AVAIL, &AVAIL_NO_INTERRUPT.to_le_bytes());
        q.push(&mut cx, chain, 0).unwrap();
        assert!(!q.take_interrupt());
    }

    #[test]
    fn nonsense_is_an_error() {
        type Build = fn(&mut TestCx);
        let cases: [(&str, Build); 8] = [
            ("head beyond the queue", |cx| offer(cx, &[8])),
            ("link beyond the queue", |cx| desc(cx, DESC, 0x4000, 1, NEXT, 9)),
            ("a loop", |cx| desc(cx, DESC, 0x4000, 1, NEXT, 0)),
            ("more than the queue holds", |cx| put(cx, AVAIL + 2, &9u16.to_le_bytes())),
            ("indirect with next", |cx| desc(cx, DESC, 0x4000, 16, INDIRECT | NEXT, 0)),
            ("half a descriptor", |cx| desc(cx, DESC, 0x4000, 24, INDIRECT, 0)),
            ("indirect in indirect", |cx| {
                desc(cx, DESC, 0x4000, 16, INDIRECT, 0);
                desc(cx, 0x4000, 0x4000, 16, INDIRECT, 0);
            }),
            ("readable after writable", |cx| {
                desc(cx, DESC, 0x4000, 1, WRITE | NEXT, 1);
                desc(cx, DESC + 16, 0x4000, 1, 0, 0);
            }),
        ];
        for (name, build) in cases {
            let (mut q, mut cx) = queue();
            offer(&mut cx, &[0]);
            build(&mut cx);
            assert_eq!(q.pop(&mut cx), Err(RingError::Malformed), "{name}");
        }
        let (mut q, mut cx) = queue();
        q.avail = 1 << 40;
        assert_eq!(q.pop(&mut cx), Err(RingError::Bus(BusError)));
        q.size = 3;
        assert_eq!(q.pop(&mut cx), Err(RingError::Malformed));
    }

    #[test]
    fn event_indexes_say_who_wants_to_hear() {
        let (mut q, mut cx) = queue();
        q.event_index = true;
        desc(&mut cx, DESC, 0x4000, 8, WRITE, 0);
        offer(&mut cx, &[0, 0, 0]);
        // The driver wants to hear of the second used entry only.
        put(&mut cx, AVAIL + 4 + 16, &1u16.to_le_bytes());
        for interrupt in [false, true, false] {
            let chain = q.pop(&mut cx).unwrap().unwrap();
            q.push(&mut cx, chain, 0).unwrap();
            assert_eq!(q.take_interrupt(), interrupt);
        }
        assert_eq!(cx.memory[USED + 4 + 64], 0, "there was more");
        assert_eq!(q.pop(&mut cx), Ok(None));
        assert_eq!(cx.memory[USED + 4 + 64], 3, "the fourth shall be notified");
    }

    #[test]
    fn chains_can_be_put_back_and_used_together() {
        let (mut q, mut cx) = queue();
        for i in 0..2 {
            desc(&mut cx, DESC + 16 * i, 0x4000 + 0x100 * i as u64, 8, WRITE, 0);
        }
        offer(&mut cx, &[0, 1]);
        let first = q.pop(&mut cx).unwrap().unwrap();
        q.pop(&mut cx).unwrap().unwrap();
        q.give_back(2);
        assert_eq!(q.pop(&mut cx), Ok(Some(first.clone())));
        let second = q.pop(&mut cx).unwrap().unwrap();
        assert_eq!(q.pop(&mut cx), Ok(None));
        q.push_all(&mut cx, &[(first, 8), (second, 3)]).unwrap();
        assert_eq!(
            cx.memory[USED + 2..USED + 20],
            [2, 0, 0, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0]
        );
    }

    #[test]
    fn rings_over_each_other_end() {
        let (mut q, mut cx) = queue();
        // The used index is the available index: each use makes another chain available.
        q.used = q.avail;
        offer(&mut cx, &[0]);
        let mut taken = 0;
        while let Ok(Some(chain)) = q.pop(&mut cx) {
            q.next_used = q.next_avail;
            q.push(&mut cx, chain, 0).unwrap();
            taken += 1;
            assert!(taken <= 8);
        }
    }
}
