//! Memory by pages, for saved states: what is not zero, and what changed.
//!
//! The pages that the host has given tell which may hold something at all: a large memory that is
//! hardly used is saved in no time. Linux says so in `/proc/self/pagemap` (bits 63 and 62: present,
//! swapped); where that cannot be read, all are looked at.

use super::{CODE_PAGE_BITS, Ram};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// Bytes of a page.
const PAGE: usize = 1 << CODE_PAGE_BITS;

/// A page's content, shared by all who know the same.
type Page = Arc<[u8; PAGE]>;

const ZEROS: [u8; PAGE] = [0; PAGE];

impl Ram {
    fn page(&self, number: u64) -> Option<&[u8; PAGE]> {
        let at = usize::try_from(number).ok()?.checked_mul(PAGE)?;
        // The mapping is whole pages, though the memory may be shorter.
        let inside = at < self.code.len() << CODE_PAGE_BITS;
        // SAFETY: the page lies in the mapping. Nobody writes meanwhile: no core runs while a
        // state is saved or restored, and the reference does not outlive that.
        inside.then(|| unsafe { &*self.base.as_ptr().add(at).cast::<[u8; PAGE]>() })
    }

    /// Numbers of pages that may be other than zero, ascending.
    fn touched(&self) -> Vec<u64> {
        let pages = self.code.len();
        self.resident(pages).unwrap_or_else(|| (0..pages as u64).collect())
    }

    /// Pages that the host has given. None if it does not say.
    fn resident(&self, pages: usize) -> Option<Vec<u64>> {
        const CHUNK: usize = 1 << 14;
        // The host's own pages may be larger.
        let host = rustix::param::page_size();
        if host != PAGE {
            return None;
        }
        let file = File::open("/proc/self/pagemap").ok()?;
        let first = self.base.as_ptr() as usize / PAGE;
        let (mut out, mut bytes) = (Vec::new(), vec![0; CHUNK * 8]);
        for from in (0..pages).step_by(CHUNK) {
            let count = (pages - from).min(CHUNK);
            let bytes = bytes.get_mut(..count * 8)?;
            file.read_exact_at(bytes, (first + from) as u64 * 8).ok()?;
            let (words, _) = bytes.as_chunks::<8>();
            let there = words.iter().zip(from as u64..);
            out.extend(there.filter(|(w, _)| u64::from_le_bytes(**w) >> 62 != 0).map(|(_, n)| n));
        }
        Some(out)
    }

    /// Every page that is not zero, by number. Pages that are as in `like` (sorted) are shared with
    /// it. No core may run meanwhile.
    pub fn save_pages(&self, like: &[(u64, Page)]) -> Vec<(u64, Page)> {
        let mut out = Vec::with_capacity(like.len());
        let mut known = like.iter().peekable();
        for number in self.touched() {
            let Some(now) = self.page(number) else { continue };
            while known.next_if(|k| k.0 < number).is_some() {}
            match known.next_if(|k| k.0 == number) {
                Some((_, page)) if **page == *now => out.push((number, page.clone())),
                _ if *now == ZEROS => {}
                _ => out.push((number, Arc::new(*now))),
            }
        }
        out
    }

    /// Sets the content to what [`Ram::save_pages`] gave. Only what differs is written, and told
    /// to clusters that have translated it. No core may run meanwhile.
    pub fn restore_pages(&self, pages: &[(u64, Page)]) {
        let mut saved = pages.iter().peekable();
        for number in self.touched() {
            while let Some((n, page)) = saved.next_if(|s| s.0 < number) {
                self.restore_page(*n, page);
            }
            match saved.next_if(|s| s.0 == number) {
                Some((n, page)) => self.restore_page(*n, page),
                None => self.restore_page(number, &ZEROS),
            }
        }
        for (n, page) in saved {
            self.restore_page(*n, page);
        }
    }

    fn restore_page(&self, number: u64, to: &[u8; PAGE]) {
        if self.page(number).is_some_and(|now| now != to) {
            let at = number << CODE_PAGE_BITS;
            let len = self.len.saturating_sub(at).min(PAGE as u64) as usize;
            self.write(at, to.get(..len).unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_come_back_and_are_shared() {
        let ram = Ram::new(0x10_1800).unwrap();
        ram.write(0x1234, &[1]);
        ram.write(0x10_17ff, &[2]);
        let first = ram.save_pages(&[]);
        assert_eq!(first.iter().map(|p| p.0).collect::<Vec<_>>(), [1, 0x101]);
        ram.write(0x5000, &[3]);
        ram.write(0x1234, &[9]);
        ram.write(0x10_17ff, &[0]);
        let second = ram.save_pages(&first);
        assert_eq!(second.iter().map(|p| p.0).collect::<Vec<_>>(), [1, 5]);
        ram.restore_pages(&first);
        let third = ram.save_pages(&first);
        assert!(third.len() == 2 && third.iter().zip(&first).all(|(a, b)| Arc::ptr_eq(&a.1, &b.1)));
        ram.restore_pages(&second);
        assert_eq!(ram.save_pages(&[]), second);
    }

    #[test]
    fn what_nobody_touched_is_not_looked_at() {
        let ram = Ram::new(1 << 36).unwrap();
        ram.write(0x8_0000_0000, &[1]);
        if ram.resident(1).is_some() {
            assert_eq!(ram.save_pages(&[]).len(), 1);
        }
    }
}
