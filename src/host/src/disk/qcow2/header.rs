//! The head of an image (QEMU's docs/interop/qcow2, "Header", "Header extensions").
//!
//! What this reader does not know is refused with the command that makes it readable.

use super::super::spec::QCOW2_MAGIC;
use crate::Error;
use std::path::Path;

/// Longest part of the file that is looked at for the head: a cluster of any size.
pub(super) const HEAD: usize = 2 << 20;
/// Incompatible features.
const DIRTY: u64 = 1 << 0;
const CORRUPT: u64 = 1 << 1;
const DATA_FILE: u64 = 1 << 2;
const COMPRESSION: u64 = 1 << 3;
const EXTENDED_L2: u64 = 1 << 4;
/// Header extensions.
const END: u32 = 0;
const BACKING_FORMAT: u32 = 0xe279_2aca;
/// Largest tables, as QEMU allows them: bytes.
const MOST_L1: u64 = 32 << 20;
const MOST_REFCOUNTS: u64 = 8 << 20;
/// Longest name of a backing file.
const MOST_NAME: usize = 1023;

/// Offsets in the file of what changes.
pub(super) const REFCOUNT_TABLE: u64 = 48;
pub(super) const AUTOCLEAR: u64 = 88;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) version: u32,
    pub(super) cluster_bits: u32,
    /// Bytes of the disk.
    pub(super) size: u64,
    pub(super) l1_entries: usize,
    pub(super) l1_at: u64,
    pub(super) refcounts_at: u64,
    pub(super) refcount_clusters: u32,
    /// Width of a refcount: 1 << order bits.
    pub(super) refcount_order: u32,
    pub(super) autoclear: u64,
    /// Name and format of the image below.
    pub(super) backing: Option<(String, Option<String>)>,
}

fn be32(bytes: &[u8], at: usize) -> u32 {
    let part = bytes.get(at..at + 4).and_then(|b| b.try_into().ok());
    part.map_or(0, u32::from_be_bytes)
}

fn be64(bytes: &[u8], at: usize) -> u64 {
    let part = bytes.get(at..at + 8).and_then(|b| b.try_into().ok());
    part.map_or(0, u64::from_be_bytes)
}

impl Header {
    /// Reads the head from the file's first bytes. `write`: the image is to be written, too.
    pub(super) fn parse(bytes: &[u8], path: &Path, write: bool) -> Result<Header, Error> {
        let name = path.display();
        let refuse = |what: String, help: String| Error::Disk { what, help };
        let damaged = |what: &str| {
            refuse(
                format!("{name} is damaged: {what}"),
                format!("see what `qemu-img check {name}` says"),
            )
        };
        let convert = |what: &str| {
            refuse(
                format!("{name} {what}, which hetemu does not read"),
                format!("convert it: `qemu-img convert -O qcow2 {name} NEW.qcow2`"),
            )
        };
        if bytes.get(..4) != Some(&QCOW2_MAGIC) {
            return Err(refuse(
                format!("{name} is no qcow2 image"),
                format!("write raw:{name} if its bytes are the disk's own"),
            ));
        }
        let version = be32(bytes, 4);
        if !(2..=3).contains(&version) {
            return Err(convert(&format!("has version {version} of the format")));
        }
        let new = version == 3;
        let incompatible = if new { be64(bytes, 72) } else { 0 };
        if be32(bytes, 32) != 0 {
            return Err(convert("is encrypted"));
        }
        for (bit, what) in [
            (DATA_FILE, "keeps its data in another file"),
            (EXTENDED_L2, "has subclusters (extended L2 entries)"),
        ] {
            if incompatible & bit != 0 {
                return Err(convert(what));
            }
        }
        if incompatible & !(DIRTY | CORRUPT | COMPRESSION) != 0 {
            return Err(convert("uses features of a newer version"));
        }
        if incompatible & COMPRESSION != 0 && bytes.get(104) != Some(&0) {
            return Err(convert("is compressed with zstd"));
        }
        if write && incompatible & (DIRTY | CORRUPT) != 0 {
            return Err(refuse(
                format!("{name} was not closed cleanly and must be repaired before it is written"),
                format!("repair it with `qemu-img check -r all {name}`, or use it with ,ro"),
            ));
        }
        let header = Header {
            version,
            cluster_bits: be32(bytes, 20),
            size: be64(bytes, 24),
            l1_entries: be32(bytes, 36) as usize,
            l1_at: be64(bytes, 40),
            refcounts_at: be64(bytes, REFCOUNT_TABLE as usize),
            refcount_clusters: be32(bytes, 56),
            refcount_order: if new { be32(bytes, 96) } else { 4 },
            autoclear: if new { be64(bytes, AUTOCLEAR as usize) } else { 0 },
            backing: None,
        };
        if !(9..=21).contains(&header.cluster_bits) {
            return Err(damaged("clusters of an impossible size"));
        }
        let cluster = header.cluster();
        if header.size > 1 << 60 || header.refcount_order > 6 {
            return Err(damaged("an impossible size"));
        }
        // An L2 table maps cluster / 8 clusters.
        let needed = header.size.div_ceil(cluster * (cluster / 8));
        let l1_bytes = header.l1_entries as u64 * 8;
        if needed > header.l1_entries as u64 || l1_bytes > MOST_L1 {
            return Err(damaged("its L1 table does not fit the size"));
        }
        let refcounts = u64::from(header.refcount_clusters) * cluster;
        if refcounts == 0 || refcounts > MOST_REFCOUNTS {
            return Err(damaged("its refcount table has an impossible size"));
        }
        let places = [header.l1_at, header.refcounts_at];
        if places.iter().any(|at| !at.is_multiple_of(cluster) || *at == 0 || *at > 1 << 55) {
            return Err(damaged("a table lies at an impossible place"));
        }
        let format = backing_format(bytes, if new { be32(bytes, 100) as usize } else { 72 });
        let at = be64(bytes, 8);
        let len = be32(bytes, 16) as usize;
        let backing = if at == 0 {
            None
        } else {
            let at = usize::try_from(at).unwrap_or(usize::MAX);
            let text = at.checked_add(len).and_then(|end| bytes.get(at..end));
            let text = text.filter(|_| len <= MOST_NAME && at < cluster as usize);
            let text = text.and_then(|t| std::str::from_utf8(t).ok());
            let text = text.ok_or_else(|| damaged("the name of its backing file"))?;
            (!text.is_empty()).then(|| (text.to_string(), format))
        };
        Ok(Header { backing, ..header })
    }

    /// Bytes of a cluster.
    pub(super) fn cluster(&self) -> u64 {
        1 << self.cluster_bits
    }
}

/// The extension that says the backing file's format.
fn backing_format(bytes: &[u8], mut at: usize) -> Option<String> {
    // Extensions end within the first cluster; each has a head of eight bytes.
    while at.checked_add(8)? <= bytes.len() {
        let (kind, len) = (be32(bytes, at), be32(bytes, at + 4) as usize);
        let data = bytes.get(at + 8..(at + 8).checked_add(len)?)?;
        match kind {
            END => return None,
            BACKING_FORMAT => return std::str::from_utf8(data).ok().map(str::to_string),
            _ => at = (at + 8).checked_add(len.next_multiple_of(8))?,
        }
    }
    None
}
