//! Memory by pages, and how it is packed.
//!
//! In a program a memory is the list of its pages that are not zero; snapshots share equal ones. In
//! a file it is a list of runs, in order of address, over a background: zeros, or the same memory
//! of the base snapshot. Pages that are as the images left them when the machine started are said,
//! not stored; the digest of what the images left goes along, to be compared.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | size of the memory in bytes |
//! | 1 | background: 0 zeros, 1 the base's |
//! | 32 | SHA-256 of the initial content, zeros if no run needs it |
//! | | runs: kind (u8), first page (u64), number of pages (u32) |
//!
//! Kinds: 0 end, 1 zeros, 2 initial, 3 data compressed by zstd (its length in bytes as u32, then
//! it), 4 data as it is. Runs of data have at most 64 pages.

use crate::Error;
use crate::container::Id;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Bytes of a page, whatever pages the guest has.
pub const PAGE: usize = 4096;

/// A page's content.
pub type Page = Arc<[u8; PAGE]>;

/// Pages of a run with data.
const RUN: usize = 64;

const END: u8 = 0;
const ZEROS: u8 = 1;
const INITIAL: u8 = 2;
const PACKED: u8 = 3;
const PLAIN: u8 = 4;

/// zstd's level: the first is several times as fast as the usual third and packs RAM nearly as
/// well.
const LEVEL: i32 = 1;

/// A memory's content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    /// Its size in bytes.
    pub size: u64,
    /// Pages that are not zero, by number.
    pub pages: Vec<(u64, Page)>,
}

/// What a packed memory says of itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Survey {
    /// Size in bytes.
    pub size: u64,
    /// It needs the base's.
    pub on_base: bool,
    /// Pages with data of their own.
    pub data: u64,
    /// Pages as the images left them.
    pub initial: u64,
    /// Pages that became zero.
    pub zeros: u64,
}

/// What is stored of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored {
    /// Nothing: it is as the background.
    Background,
    /// It is zero.
    Zeros,
    /// It is as the images left it; their digest.
    Initial(Id),
    /// Its content.
    Data(Page),
}

/// Pages of a run without data that are told apart at most: a run may claim any number.
const LOOK: usize = 1 << 20;

/// What a page becomes in a file.
#[derive(PartialEq, Eq, Clone, Copy)]
enum Kind {
    Background,
    Zeros,
    Initial,
    Data,
}

impl Memory {
    /// A page that is not zero.
    pub fn page(&self, number: u64) -> Option<&Page> {
        let at = self.pages.binary_search_by_key(&number, |p| p.0).ok()?;
        self.pages.get(at).map(|p| &p.1)
    }

    /// SHA-256 of size and content.
    pub fn digest(&self) -> Id {
        let mut hash = Sha256::new();
        hash.update(self.size.to_le_bytes());
        for (number, page) in &self.pages {
            hash.update(number.to_le_bytes());
            hash.update(&page[..]);
        }
        hash.finalize().into()
    }

    /// Packs it for a file. `base`: the same memory of the snapshot that this one builds on;
    /// `initial`: what images left there, with its digest.
    pub fn pack(&self, base: Option<&Memory>, initial: Option<(&Memory, Id)>) -> Vec<u8> {
        let mut numbers: Vec<u64> = self.pages.iter().map(|p| p.0).collect();
        // Pages of the base that are zero now.
        numbers.extend(base.iter().flat_map(|b| &b.pages).map(|p| p.0));
        numbers.sort_unstable();
        numbers.dedup();
        let kind = |number: u64| {
            let before = base.and_then(|b| b.page(number));
            match self.page(number) {
                None if before.is_some() => Kind::Zeros,
                None => Kind::Background,
                Some(now) if before == Some(now) => Kind::Background,
                Some(now) if initial.and_then(|i| i.0.page(number)) == Some(now) => Kind::Initial,
                Some(_) => Kind::Data,
            }
        };
        let kinds: Vec<(u64, Kind)> = numbers.iter().map(|n| (*n, kind(*n))).collect();
        let uses = kinds.iter().any(|k| k.1 == Kind::Initial);
        let digest = initial.filter(|_| uses).map_or([0; 32], |i| i.1);
        let mut out = self.size.to_le_bytes().to_vec();
        out.push(base.is_some().into());
        out.extend(digest);
        let mut rest = &kinds[..];
        while let Some(&(first, kind)) = rest.first() {
            let most = if kind == Kind::Data { RUN } else { rest.len() };
            let follows = |(i, k): &(usize, &(u64, Kind))| k.1 == kind && k.0 == first + *i as u64;
            let count = rest.iter().take(most).enumerate().take_while(follows).count();
            let code = match kind {
                Kind::Background => None,
                Kind::Zeros => Some(ZEROS),
                Kind::Initial => Some(INITIAL),
                Kind::Data => Some(PACKED),
            };
            if code == Some(PACKED) {
                self.pack_data(first, count, &mut out);
            } else if let Some(code) = code {
                head(&mut out, code, first, count);
            }
            rest = rest.get(count..).unwrap_or_default();
        }
        head(&mut out, END, 0, 0);
        out
    }

    fn pack_data(&self, first: u64, count: usize, out: &mut Vec<u8>) {
        let mut plain = Vec::with_capacity(count * PAGE);
        for number in first..first + count as u64 {
            let page = self.page(number).map_or(&[0; PAGE], |p| &**p);
            plain.extend_from_slice(page);
        }
        match zstd::bulk::compress(&plain, LEVEL) {
            Ok(packed) if packed.len() < plain.len() => {
                head(out, PACKED, first, count);
                out.extend((packed.len() as u32).to_le_bytes());
                out.extend(packed);
            }
            _ => {
                head(out, PLAIN, first, count);
                out.extend(plain);
            }
        }
    }

    /// Unpacks what [`Memory::pack`] gave, for a memory of so many bytes; `name` is the section's,
    /// for errors. `initial` is asked only if it is needed.
    ///
    /// # Errors
    /// [`Error::Bad`]: the bytes are no such memory, or do not fit the base or the images.
    pub fn unpack(
        name: &str,
        bytes: &[u8],
        size: u64,
        base: Option<&Memory>,
        initial: impl FnOnce() -> Option<(Arc<Memory>, Id)>,
    ) -> Result<Memory, Error> {
        let bad = |what: &str| Error::bad(name, what);
        let mut runs = Runs::of(name, bytes)?;
        if runs.size != size {
            let what = format!("it is of a memory of {} bytes, not {size}", runs.size);
            return Err(Error::bad(name, what));
        }
        let base = match runs.on_base {
            true => Some(base.ok_or_else(|| bad("its base is missing"))?),
            false => None,
        };
        let initial = match runs.digest {
            [0, ..] if runs.digest == [0; 32] => None,
            digest => {
                let differs = "the images of the machine are not those that it was saved with";
                let found = initial().filter(|(_, d)| *d == digest);
                Some(found.ok_or_else(|| bad(differs))?.0)
            }
        };
        let mut pages: Vec<(u64, Page)> = Vec::new();
        let mut below = base.map_or(&[][..], |b| &b.pages[..]);
        while let Some(run) = runs.next()? {
            let (first, end) = (run.first, run.first + u64::from(run.count));
            let before = below.partition_point(|p| p.0 < first);
            pages.extend_from_slice(below.get(..before).unwrap_or_default());
            below = below.get(below.partition_point(|p| p.0 < end)..).unwrap_or_default();
            match run.content {
                Content::Zeros => {}
                Content::Initial => {
                    let image = initial.as_ref().ok_or_else(|| bad("it needs the images"))?;
                    let found = (first..end).filter_map(|n| Some((n, image.page(n)?.clone())));
                    // A run may claim any number of pages; those there are bound it.
                    pages.extend(found.take(image.pages.len()));
                }
                Content::Data(data) => {
                    let (data, _) = data.as_chunks::<PAGE>();
                    pages.extend((first..).zip(data).map(|(n, page)| (n, Arc::new(*page))));
                }
            }
        }
        pages.extend_from_slice(below);
        Ok(Memory { size, pages })
    }

    /// What is stored of each page; those not named are as the background.
    ///
    /// # Errors
    /// [`Error::Bad`].
    pub fn stored(name: &str, bytes: &[u8]) -> Result<BTreeMap<u64, Stored>, Error> {
        let mut runs = Runs::of(name, bytes)?;
        let mut out = BTreeMap::new();
        while let Some(run) = runs.next()? {
            let pages = run.first..run.first + u64::from(run.count);
            match run.content {
                Content::Zeros => out.extend(pages.map(|n| (n, Stored::Zeros)).take(LOOK)),
                Content::Initial => {
                    out.extend(pages.map(|n| (n, Stored::Initial(runs.digest))).take(LOOK));
                }
                Content::Data(data) => {
                    let (data, _) = data.as_chunks::<PAGE>();
                    let data = data.iter().map(|page| Stored::Data(Arc::new(*page)));
                    out.extend(pages.zip(data));
                }
            }
        }
        Ok(out)
    }

    /// What a packed memory says of itself; nothing is unpacked.
    ///
    /// # Errors
    /// [`Error::Bad`].
    pub fn survey(name: &str, bytes: &[u8]) -> Result<Survey, Error> {
        let mut runs = Runs::of(name, bytes)?;
        runs.look = true;
        let mut out = Survey { size: runs.size, on_base: runs.on_base, ..Survey::default() };
        while let Some(run) = runs.next()? {
            let count = u64::from(run.count);
            match run.content {
                Content::Zeros => out.zeros += count,
                Content::Initial => out.initial += count,
                Content::Data(_) => out.data += count,
            }
        }
        Ok(out)
    }
}

fn head(out: &mut Vec<u8>, kind: u8, first: u64, count: usize) {
    out.push(kind);
    out.extend(first.to_le_bytes());
    out.extend((count as u32).to_le_bytes());
}

enum Content {
    Zeros,
    Initial,
    Data(Vec<u8>),
}

struct Run {
    first: u64,
    count: u32,
    content: Content,
}

/// Reads runs one after the other.
struct Runs<'a> {
    name: &'a str,
    rest: &'a [u8],
    size: u64,
    on_base: bool,
    digest: Id,
    /// The first page that the next run may have, and the number of all.
    next: u64,
    pages: u64,
    /// Data is left where it is.
    look: bool,
}

impl<'a> Runs<'a> {
    fn of(name: &'a str, bytes: &'a [u8]) -> Result<Runs<'a>, Error> {
        let (size, pages) = (0, 0);
        let mut runs = Runs {
            name,
            rest: bytes,
            size,
            on_base: false,
            digest: [0; 32],
            next: 0,
            pages,
            look: false,
        };
        runs.size = u64::from_le_bytes(runs.array()?);
        runs.pages = runs.size.div_ceil(PAGE as u64);
        runs.on_base = match runs.array::<1>()? {
            [0] => false,
            [1] => true,
            _ => return Err(runs.bad("its background is unknown")),
        };
        runs.digest = runs.array()?;
        Ok(runs)
    }

    fn bad(&self, what: &str) -> Error {
        Error::bad(self.name, what)
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], Error> {
        let (head, tail) =
            self.rest.split_at_checked(len).ok_or_else(|| self.bad("it is cut off"))?;
        self.rest = tail;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let bytes = self.take(N)?;
        bytes.try_into().map_err(|_| self.bad("it is cut off"))
    }

    fn next(&mut self) -> Result<Option<Run>, Error> {
        let [kind] = self.array()?;
        let first = u64::from_le_bytes(self.array()?);
        let count = u32::from_le_bytes(self.array()?);
        if kind == END {
            return if self.rest.is_empty() { Ok(None) } else { Err(self.bad("it goes on")) };
        }
        let end = first.checked_add(count.into()).filter(|end| *end <= self.pages);
        let Some(end) = end.filter(|_| first >= self.next && count > 0) else {
            return Err(self.bad("a run lies outside or out of order"));
        };
        self.next = end;
        let len = count as usize * PAGE;
        if matches!(kind, PACKED | PLAIN) && count as usize > RUN {
            return Err(self.bad("a run is too long"));
        }
        let content = match kind {
            ZEROS => Content::Zeros,
            INITIAL => Content::Initial,
            PLAIN => Content::Data(self.take(len)?.to_vec()),
            PACKED => {
                let packed = u32::from_le_bytes(self.array()?) as usize;
                let packed = self.take(packed)?;
                if self.look {
                    Content::Data(Vec::new())
                } else {
                    let data = zstd::bulk::decompress(packed, len).ok();
                    let whole = data.filter(|d| d.len() == len);
                    Content::Data(whole.ok_or_else(|| self.bad("a run cannot be unpacked"))?)
                }
            }
            _ => return Err(self.bad("the kind of a run is unknown")),
        };
        Ok(Some(Run { first, count, content }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(pages: &[(u64, u8)]) -> Memory {
        let page = |fill: u8| {
            let mut bytes = [fill; PAGE];
            // Something that cannot be packed, and something that can.
            let mut state = u64::from(fill) + 1;
            if fill & 1 == 1 {
                bytes.fill_with(|| {
                    state =
                        state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                    (state >> 56) as u8
                });
            }
            Arc::new(bytes)
        };
        Memory { size: 1 << 20, pages: pages.iter().map(|(n, f)| (*n, page(*f))).collect() }
    }

    fn none() -> Option<(Arc<Memory>, Id)> {
        None
    }

    #[test]
    fn packed_memory_comes_back() {
        let all: Vec<(u64, u8)> = (3..140).map(|n| (n, n as u8)).chain([(255, 2)]).collect();
        for pages in [&[][..], &[(0, 1)], &all] {
            let m = memory(pages);
            let packed = m.pack(None, None);
            assert_eq!(Memory::unpack("m", &packed, 1 << 20, None, none), Ok(m));
        }
        let few = memory(&[(7, 2)]).pack(None, None);
        assert!(few.len() < 120, "{}", few.len());
    }

    #[test]
    fn what_the_base_or_the_images_have_is_not_stored() {
        let base = memory(&[(1, 1), (2, 3), (9, 5), (100, 7)]);
        let now = memory(&[(1, 1), (2, 9), (50, 11), (100, 7)]);
        let packed = now.pack(Some(&base), None);
        assert_eq!(Memory::unpack("m", &packed, 1 << 20, Some(&base), none), Ok(now.clone()));
        let survey = Memory::survey("m", &packed).unwrap();
        assert_eq!((survey.data, survey.zeros, survey.on_base), (2, 1, true));
        assert!(Memory::unpack("m", &packed, 1 << 20, None, none).is_err());

        let image = Arc::new(memory(&[(1, 1), (50, 11)]));
        let known = Some((&*image, image.digest()));
        let packed = now.pack(None, known);
        let survey = Memory::survey("m", &packed).unwrap();
        assert_eq!((survey.data, survey.initial), (2, 2));
        let here = |image: &Arc<Memory>| {
            let found = Some((image.clone(), image.digest()));
            Memory::unpack("m", &packed, 1 << 20, None, || found)
        };
        assert_eq!(here(&image), Ok(now));
        let other = here(&Arc::new(memory(&[(1, 1)]))).unwrap_err();
        assert!(other.to_string().contains("images of the machine are not those"), "{other}");
    }

    #[test]
    fn bad_bytes_are_errors() {
        let packed = memory(&[(1, 1), (2, 2), (80, 2)]).pack(None, None);
        for n in 0..packed.len() {
            assert!(Memory::unpack("m", &packed[..n], 1 << 20, None, none).is_err());
        }
        for at in 0..packed.len() {
            let mut bad = packed.clone();
            bad[at] ^= 0x55;
            let _ = Memory::unpack("m", &bad, 1 << 20, None, none);
            let _ = Memory::survey("m", &bad);
        }
        let wrong = Memory::unpack("m", &packed, 1 << 21, None, none).unwrap_err();
        assert!(wrong.to_string().contains("of a memory of 1048576 bytes, not 2097152"));
    }
}
