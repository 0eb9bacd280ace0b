//! QEMU's copy-on-write images, versions 2 and 3 (docs/interop/qcow2).
//!
//! Tables that map the disk's clusters are kept and written back when the guest flushes, in this
//! order with a sync between each two: data and reference counts; second-level tables; the
//! first-level table; and only then what is no longer referred to is free. So an image is sound
//! whenever the host stops; what can be left behind is clusters that nothing refers to.

mod header;
mod refs;

use super::raw::{open_file, read_at};
use super::{Format, Store, Trouble, store};
use crate::Error;
use flate2::{Decompress, FlushDecompress};
use header::Header;
use refs::{Refs, read_table, write_table};
use rustix::fs::{FallocateFlags, fallocate};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Flags of table entries: only one reference; compressed; reads as zeros.
const COPIED: u64 = 1 << 63;
const COMPRESSED: u64 = 1 << 62;
const ZERO: u64 = 1;
/// Where the entry leads.
const OFFSET: u64 = 0x00ff_ffff_ffff_fe00;
/// Bytes of second-level tables that are kept.
const TABLES: u64 = 16 << 20;
/// Clusters to free before a write-back is due.
const MOST_FREES: usize = 1 << 16;
/// Longest chain of images.
const DEEPEST: u32 = 64;

/// A second-level table.
struct Table {
    entries: Vec<u64>,
    dirty: bool,
    used: u64,
}

/// Where a cluster's content is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In the image below, or zeros if there is none.
    Below,
    Zeros,
    At(u64),
    /// From here, so many bytes.
    Compressed(u64, u64),
}

pub(super) struct Qcow2 {
    file: File,
    header: Header,
    below: Option<Box<dyn Store>>,
    refs: Refs,
    l1: Vec<u64>,
    /// Entries of the first-level table that are not in the file yet.
    l1_dirty: BTreeSet<usize>,
    /// By index in the first-level table.
    tables: BTreeMap<usize, Table>,
    clock: u64,
    /// Clusters that lose a reference at the next write-back.
    frees: Vec<u64>,
    /// The last compressed cluster that was read: its place and content.
    unpacked: (u64, Vec<u8>),
    writable: bool,
}

fn damaged<T>(what: impl Into<String>) -> Result<T, Trouble> {
    Err(Trouble::Damaged(what.into()))
}

impl Qcow2 {
    pub(super) fn open(path: &Path, write: bool, deep: u32) -> Result<Qcow2, Error> {
        let io = |error| Error::Io { what: path.display().to_string(), error };
        let file = open_file(path, write)?;
        let len = file.metadata().map_err(io)?.len().min(header::HEAD as u64);
        let mut head = vec![0; len as usize];
        read_at(&file, 0, &mut head).map_err(io)?;
        let header = Header::parse(&head, path, write)?;
        let below = match &header.backing {
            None => None,
            Some((name, format)) => Some(backing(path, name, format.as_deref(), deep)?),
        };
        if write && header.autoclear != 0 {
            // What newer programs keep beside the data (bitmaps) is stale once we write.
            file.write_all_at(&[0; 8], header::AUTOCLEAR).map_err(io)?;
        }
        let l1 = read_table(&file, header.l1_at, header.l1_entries).map_err(io)?;
        let refs = Refs::open(&file, &header).map_err(io)?;
        Ok(Qcow2 {
            file,
            header,
            below,
            refs,
            l1,
            l1_dirty: BTreeSet::new(),
            tables: BTreeMap::new(),
            clock: 0,
            frees: Vec::new(),
            unpacked: (0, Vec::new()),
            writable: write,
        })
    }

    /// Index in the first-level table, and in the second-level one.
    fn index(&self, at: u64) -> (usize, usize) {
        let number = at >> self.header.cluster_bits;
        let per = self.header.cluster() / 8;
        ((number / per) as usize, (number % per) as usize)
    }

    /// The second-level table at an index, if there is one.
    fn table(&mut self, i: usize) -> Result<Option<&mut Table>, Trouble> {
        self.clock += 1;
        if !self.tables.contains_key(&i) {
            let at = self.l1.get(i).copied().unwrap_or(0) & OFFSET;
            if at == 0 {
                return Ok(None);
            }
            if !at.is_multiple_of(self.header.cluster()) || at > 1 << 55 {
                return damaged(format!("L2 table {i} lies at {at:#x}"));
            }
            self.make_room()?;
            let entries = read_table(&self.file, at, self.header.cluster() as usize / 8)?;
            self.tables.insert(i, Table { entries, dirty: false, used: 0 });
        }
        let clock = self.clock;
        let mut table = self.tables.get_mut(&i);
        if let Some(t) = &mut table {
            t.used = clock;
        }
        Ok(table)
    }

    /// Drops the table that was not used for longest, if there are many.
    fn make_room(&mut self) -> Result<(), Trouble> {
        if self.tables.len() as u64 * self.header.cluster() < TABLES.max(self.header.cluster() * 2)
        {
            return Ok(());
        }
        let oldest = self.tables.iter().min_by_key(|(_, t)| t.used);
        if let Some((i, dirty)) = oldest.map(|(i, t)| (*i, t.dirty)) {
            if dirty {
                self.write_back()?;
            }
            self.tables.remove(&i);
        }
        Ok(())
    }

    fn entry(&mut self, at: u64) -> Result<u64, Trouble> {
        let (i, j) = self.index(at);
        Ok(self.table(i)?.and_then(|t| t.entries.get(j).copied()).unwrap_or(0))
    }

    fn place(&self, entry: u64) -> Result<Place, Trouble> {
        if entry & COMPRESSED != 0 {
            let bits = 62 - (self.header.cluster_bits - 8);
            let at = entry & ((1 << bits) - 1);
            let sectors = (entry & (COMPRESSED - 1)) >> bits;
            return Ok(Place::Compressed(at, (sectors + 1) * 512 - at % 512));
        }
        if entry & ZERO != 0 && self.header.version >= 3 {
            return Ok(Place::Zeros);
        }
        let at = entry & OFFSET;
        if at == 0 {
            return Ok(if self.below.is_some() { Place::Below } else { Place::Zeros });
        }
        if !at.is_multiple_of(self.header.cluster()) || at > 1 << 55 {
            return damaged(format!("a cluster lies at {at:#x}"));
        }
        Ok(Place::At(at))
    }

    /// Reads a part of one cluster.
    fn read_part(&mut self, place: Place, at: u64, into: &mut [u8]) -> Result<(), Trouble> {
        let inside = at & (self.header.cluster() - 1);
        match place {
            Place::Zeros => into.fill(0),
            Place::At(host) => read_at(&self.file, host + inside, into)?,
            Place::Compressed(host, len) => {
                self.unpack(host, len)?;
                let from = self.unpacked.1.get(inside as usize..);
                match from.and_then(|b| b.get(..into.len())) {
                    Some(part) => into.copy_from_slice(part),
                    None => return damaged("a compressed cluster is too short"),
                }
            }
            Place::Below => {
                let Some(below) = self.below.as_mut() else {
                    into.fill(0);
                    return Ok(());
                };
                let there = below.len().saturating_sub(at).min(into.len() as u64);
                let (now, rest) = into.split_at_mut(there as usize);
                if !now.is_empty() {
                    below.read(at, now)?;
                }
                rest.fill(0);
            }
        }
        Ok(())
    }

    fn unpack(&mut self, host: u64, len: u64) -> Result<(), Trouble> {
        if self.unpacked.0 == host && !self.unpacked.1.is_empty() {
            return Ok(());
        }
        let mut packed = vec![0; len as usize];
        read_at(&self.file, host, &mut packed)?;
        let mut bytes = vec![0; self.header.cluster() as usize];
        // Deflate without a head; bytes behind its end may belong to the next cluster.
        let mut stream = Decompress::new(false);
        let done = stream.decompress(&packed, &mut bytes, FlushDecompress::Finish);
        if done.is_err() || stream.total_out() != self.header.cluster() {
            return damaged(format!("the compressed cluster at {host:#x}"));
        }
        self.unpacked = (host, bytes);
        Ok(())
    }

    /// The second-level table at an index for writing: there, and referred to only once.
    fn own_table(&mut self, i: usize) -> Result<&mut Table, Trouble> {
        let old = self.l1.get(i).copied().unwrap_or(0);
        if old & COPIED == 0 || old & OFFSET == 0 {
            let entries = match self.table(i)? {
                Some(table) => table.entries.clone(),
                None => vec![0; self.header.cluster() as usize / 8],
            };
            self.make_room()?;
            let at = self.refs.take(&self.file)?;
            if old & OFFSET != 0 {
                self.frees.push((old & OFFSET) >> self.header.cluster_bits);
            }
            if let Some(l1) = self.l1.get_mut(i) {
                *l1 = at | COPIED;
            }
            self.l1_dirty.insert(i);
            self.tables.insert(i, Table { entries, dirty: true, used: self.clock });
        }
        match self.table(i)? {
            Some(table) => Ok(table),
            None => damaged("an L2 table is missing"),
        }
    }

    /// Sets a cluster's entry.
    fn set_entry(&mut self, at: u64, entry: u64) -> Result<(), Trouble> {
        let (i, j) = self.index(at);
        let table = self.own_table(i)?;
        if let Some(e) = table.entries.get_mut(j) {
            *e = entry;
            table.dirty = true;
        }
        Ok(())
    }

    /// What an entry led to loses a reference at the next write-back.
    fn release(&mut self, entry: u64) {
        let bits = self.header.cluster_bits;
        match self.place(entry) {
            Ok(Place::Compressed(at, len)) => {
                self.frees.extend(at >> bits..=(at + len - 1) >> bits);
            }
            // A cluster that reads as zeros may still have its room.
            _ if entry & OFFSET != 0 => self.frees.push((entry & OFFSET) >> bits),
            _ => {}
        }
    }

    /// Writes a part of one cluster.
    fn write_part(&mut self, at: u64, bytes: &[u8]) -> Result<(), Trouble> {
        let cluster = self.header.cluster();
        let inside = at & (cluster - 1);
        let (i, _) = self.index(at);
        self.own_table(i)?;
        let entry = self.entry(at)?;
        let place = self.place(entry)?;
        if let (Place::At(host), true) = (place, entry & COPIED != 0) {
            return Ok(self.file.write_all_at(bytes, host + inside)?);
        }
        let new = self.refs.take(&self.file)?;
        if bytes.len() as u64 == cluster {
            self.file.write_all_at(bytes, new)?;
        } else {
            let start = at - inside;
            let mut whole = vec![0; cluster as usize];
            self.read_part(place, start, &mut whole)?;
            if let Some(to) = whole.get_mut(inside as usize..inside as usize + bytes.len()) {
                to.copy_from_slice(bytes);
            }
            self.file.write_all_at(&whole, new)?;
        }
        self.set_entry(at, new | COPIED)?;
        self.release(entry);
        self.unpacked.1.clear();
        Ok(())
    }

    /// Everything that is kept goes to the file, and lasts.
    fn write_back(&mut self) -> Result<(), Trouble> {
        self.file.sync_data()?;
        if self.tables.values().any(|t| t.dirty) {
            for (i, table) in &mut self.tables {
                let at = self.l1.get(*i).copied().unwrap_or(0) & OFFSET;
                if table.dirty && at != 0 {
                    write_table(&self.file, at, &table.entries)?;
                    table.dirty = false;
                }
            }
            self.file.sync_data()?;
        }
        if !self.l1_dirty.is_empty() {
            for i in std::mem::take(&mut self.l1_dirty) {
                let entry = self.l1.get(i).copied().unwrap_or(0);
                self.file.write_all_at(&entry.to_be_bytes(), self.header.l1_at + 8 * i as u64)?;
            }
            self.file.sync_data()?;
        }
        for cluster in std::mem::take(&mut self.frees) {
            if self.refs.release(&self.file, cluster)? {
                // Room that the host can have back; it may not know how.
                let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
                let at = cluster << self.header.cluster_bits;
                let _ = fallocate(&self.file, flags, at, self.header.cluster());
            }
        }
        Ok(())
    }

    /// Takes whole clusters out of the map; `zero`: they must read as zeros.
    fn drop_cluster(&mut self, at: u64, zero: bool) -> Result<(), Trouble> {
        let entry = self.entry(at)?;
        let below = self.below.is_some();
        match (self.place(entry)?, below, self.header.version) {
            (Place::Zeros, ..) => return Ok(()),
            (Place::Below, ..) if !zero => return Ok(()),
            // Without the flag for zeros what is below would shine through.
            (_, true, 2) if zero => {
                let zeros = vec![0; self.header.cluster() as usize];
                return self.write_part(at, &zeros);
            }
            (_, true, 2) => return Ok(()),
            _ => {}
        }
        self.set_entry(at, if below { ZERO } else { 0 })?;
        self.release(entry);
        if self.frees.len() > MOST_FREES {
            self.write_back()?;
        }
        Ok(())
    }

    /// Calls for each part of a range that lies in one cluster: where, how long.
    fn parts(&self, at: u64, len: u64) -> impl Iterator<Item = (u64, u64)> + use<> {
        let cluster = self.header.cluster();
        let (mut at, mut left) = (at, len);
        std::iter::from_fn(move || {
            let n = (cluster - at % cluster).min(left);
            let part = (at, n);
            (at, left) = (at + n, left - n);
            (n > 0).then_some(part)
        })
    }
}

/// Opens the image below. A guest must not decide its format, so a guess is none.
fn backing(
    path: &Path,
    name: &str,
    format: Option<&str>,
    deep: u32,
) -> Result<Box<dyn Store>, Error> {
    let refuse = |what: String, help: &str| Error::Disk { what, help: help.to_string() };
    let shown = path.display();
    if deep >= DEEPEST {
        return Err(refuse(
            format!("{shown} has more than {DEEPEST} images below it"),
            "merge some: `qemu-img convert -O qcow2 IMAGE NEW.qcow2`",
        ));
    }
    if name.split('/').next().is_some_and(|first| first.contains(':')) {
        return Err(refuse(
            format!("{shown} lies on `{name}`, which is no file"),
            "convert it: `qemu-img convert -O qcow2 IMAGE NEW.qcow2`",
        ));
    }
    let format = match format {
        Some("raw") => Format::Raw,
        Some("qcow2") => Format::Qcow2,
        other => {
            let says = other.map_or(String::from("does not say which format"), |f| {
                format!("says that `{f}` is the format that")
            });
            return Err(refuse(
                format!("{shown} {says} its backing file {name} has"),
                "say it: `qemu-img rebase -u -F raw -b BACKING IMAGE`, or -F qcow2",
            ));
        }
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    store(format, &folder.join(name), false, deep + 1)
}

impl Store for Qcow2 {
    fn len(&self) -> u64 {
        self.header.size.next_multiple_of(512)
    }

    fn cluster(&self) -> u64 {
        self.header.cluster()
    }

    fn read(&mut self, at: u64, into: &mut [u8]) -> Result<(), Trouble> {
        let mut rest = into;
        for (at, len) in self.parts(at, rest.len() as u64) {
            let (now, later) = rest.split_at_mut(len as usize);
            let entry = self.entry(at)?;
            let place = self.place(entry)?;
            self.read_part(place, at, now)?;
            rest = later;
        }
        Ok(())
    }

    fn write(&mut self, at: u64, bytes: &[u8]) -> Result<(), Trouble> {
        let mut rest = bytes;
        for (at, len) in self.parts(at, bytes.len() as u64) {
            let (now, later) = rest.split_at(len as usize);
            self.write_part(at, now)?;
            rest = later;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Trouble> {
        if self.writable { self.write_back() } else { Ok(()) }
    }

    fn zero(&mut self, at: u64, len: u64, _: bool) -> Result<(), Trouble> {
        let cluster = self.header.cluster();
        for (at, len) in self.parts(at, len) {
            if len == cluster {
                self.drop_cluster(at, true)?;
                continue;
            }
            let entry = self.entry(at)?;
            if self.place(entry)? != Place::Zeros {
                self.write_part(at, &vec![0; len as usize])?;
            }
        }
        Ok(())
    }

    fn discard(&mut self, at: u64, len: u64) -> Result<(), Trouble> {
        let cluster = self.header.cluster();
        for (at, _) in self.parts(at, len).filter(|(_, len)| *len == cluster) {
            self.drop_cluster(at, false)?;
        }
        Ok(())
    }
}
