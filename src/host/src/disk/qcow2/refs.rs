//! Reference counts of an image's clusters: which are free, and how they are taken
//! (docs/interop/qcow2, "Host cluster management").
//!
//! Counts are written when they change. A cluster's count is in the file before anything refers to
//! it durably: the caller syncs in between.

use super::header::{Header, REFCOUNT_TABLE};
use crate::disk::Trouble;
use crate::disk::raw::read_at;
use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;

/// Blocks of counts that are kept.
const KEPT: usize = 64;

pub(super) struct Refs {
    cluster: u64,
    order: u32,
    table_at: u64,
    table: Vec<u64>,
    blocks: BTreeMap<u64, Vec<u8>>,
    /// No cluster before this one is free.
    hint: u64,
    /// Ranges of clusters that are never free, whatever their counts say.
    fixed: Vec<(u64, u64)>,
}

pub(super) fn read_table(file: &File, at: u64, entries: usize) -> std::io::Result<Vec<u64>> {
    let mut bytes = vec![0; entries * 8];
    read_at(file, at, &mut bytes)?;
    let words = bytes.chunks_exact(8).filter_map(|c| c.try_into().ok());
    Ok(words.map(u64::from_be_bytes).collect())
}

pub(super) fn write_table(file: &File, at: u64, entries: &[u64]) -> std::io::Result<()> {
    let bytes: Vec<u8> = entries.iter().flat_map(|e| e.to_be_bytes()).collect();
    file.write_all_at(&bytes, at)
}

fn damaged<T>(what: impl Into<String>) -> Result<T, Trouble> {
    Err(Trouble::Damaged(what.into()))
}

impl Refs {
    pub(super) fn open(file: &File, header: &Header) -> std::io::Result<Refs> {
        let cluster = header.cluster();
        let entries = u64::from(header.refcount_clusters) * cluster / 8;
        let l1 = header.l1_at / cluster;
        let l1_end = l1 + (header.l1_entries as u64 * 8).div_ceil(cluster).max(1);
        Ok(Refs {
            cluster,
            order: header.refcount_order,
            table_at: header.refcounts_at,
            table: read_table(file, header.refcounts_at, entries as usize)?,
            blocks: BTreeMap::new(),
            hint: 0,
            fixed: vec![(0, 1), (l1, l1_end)],
        })
    }

    /// Counts in a block.
    fn per_block(&self) -> u64 {
        (self.cluster * 8) >> self.order
    }

    fn block(&mut self, file: &File, index: u64) -> Result<Option<&mut Vec<u8>>, Trouble> {
        let Some(at) = self.table.get(index as usize).copied().filter(|at| *at != 0) else {
            return Ok(None);
        };
        if !at.is_multiple_of(self.cluster) || at > 1 << 55 {
            return damaged(format!("refcount block {index} lies at {at:#x}"));
        }
        if !self.blocks.contains_key(&index) {
            // They are written through, so any can go.
            if self.blocks.len() >= KEPT {
                self.blocks.pop_first();
            }
            let mut bytes = vec![0; self.cluster as usize];
            read_at(file, at, &mut bytes)?;
            self.blocks.insert(index, bytes);
        }
        Ok(self.blocks.get_mut(&index))
    }

    pub(super) fn get(&mut self, file: &File, cluster: u64) -> Result<u64, Trouble> {
        let (per, order) = (self.per_block(), self.order);
        Ok(match self.block(file, cluster / per)? {
            Some(block) => count(block, order, cluster % per),
            None => 0,
        })
    }

    fn set(&mut self, file: &File, cluster: u64, value: u64) -> Result<(), Trouble> {
        let (per, order) = (self.per_block(), self.order);
        let index = cluster / per;
        let Some(block) = self.block(file, index)? else {
            return damaged(format!("cluster {cluster:#x} is not counted"));
        };
        let bytes = set_count(block, order, cluster % per, value);
        let part = block.get(bytes.clone()).unwrap_or(&[]).to_vec();
        let at = self.table.get(index as usize).copied().unwrap_or(0) + bytes.start as u64;
        Ok(file.write_all_at(&part, at)?)
    }

    /// One reference less; true if none is left.
    pub(super) fn release(&mut self, file: &File, cluster: u64) -> Result<bool, Trouble> {
        let Some(left) = self.get(file, cluster)?.checked_sub(1) else {
            return damaged(format!("cluster {cluster:#x} is used and its refcount is 0"));
        };
        self.set(file, cluster, left)?;
        if left == 0 {
            self.hint = self.hint.min(cluster);
        }
        Ok(left == 0)
    }

    /// Takes a free cluster: its place in the file.
    pub(super) fn take(&mut self, file: &File) -> Result<u64, Trouble> {
        let mut cluster = self.hint;
        loop {
            let index = cluster / self.per_block();
            if index >= self.table.len() as u64 {
                self.grow(file)?;
                continue;
            }
            if self.block(file, index)?.is_none() {
                self.new_block(file, index)?;
            }
            if self.get(file, cluster)? == 0 {
                break;
            }
            cluster += 1;
        }
        if self.fixed.iter().any(|(from, to)| (*from..*to).contains(&cluster)) {
            return damaged(format!("cluster {cluster:#x} is a table and its refcount is 0"));
        }
        self.set(file, cluster, 1)?;
        self.hint = cluster + 1;
        Ok(cluster * self.cluster)
    }

    /// A block for counts of clusters that are all free: it lies in the first of them.
    fn new_block(&mut self, file: &File, index: u64) -> Result<(), Trouble> {
        let at = index * self.per_block() * self.cluster;
        let mut block = vec![0; self.cluster as usize];
        set_count(&mut block, self.order, 0, 1);
        file.write_all_at(&block, at)?;
        file.sync_data()?;
        file.write_all_at(&at.to_be_bytes(), self.table_at + index * 8)?;
        if let Some(entry) = self.table.get_mut(index as usize) {
            *entry = at;
        }
        self.blocks.insert(index, block);
        Ok(())
    }

    /// A table of twice the length, behind everything that the old one counts, with the blocks that
    /// count it.
    fn grow(&mut self, file: &File) -> Result<(), Trouble> {
        let (per, cluster) = (self.per_block(), self.cluster);
        let old = (self.table_at / cluster, self.table.len() as u64 * 8 / cluster);
        let first = self.table.len() as u64;
        let clusters = old.1 * 2;
        if clusters * cluster > 8 << 20 {
            return Err(std::io::Error::from(std::io::ErrorKind::FileTooLarge).into());
        }
        let mut blocks = 1;
        while blocks * per < blocks + clusters {
            blocks += 1;
        }
        let mut table = self.table.clone();
        table.resize((clusters * cluster / 8) as usize, 0);
        let base = first * per;
        for i in 0..blocks {
            let mut block = vec![0; cluster as usize];
            for c in 0..per {
                if i * per + c < blocks + clusters {
                    set_count(&mut block, self.order, c, 1);
                }
            }
            let at = (base + i) * cluster;
            file.write_all_at(&block, at)?;
            if let Some(entry) = table.get_mut((first + i) as usize) {
                *entry = at;
            }
        }
        let table_at = (base + blocks) * cluster;
        write_table(file, table_at, &table)?;
        file.sync_data()?;
        let mut head = table_at.to_be_bytes().to_vec();
        head.extend((clusters as u32).to_be_bytes());
        file.write_all_at(&head, REFCOUNT_TABLE)?;
        file.sync_data()?;
        (self.table, self.table_at) = (table, table_at);
        for c in old.0..old.0 + old.1 {
            self.release(file, c)?;
        }
        Ok(())
    }
}

/// A count of a block. Counts of whole bytes are big-endian; smaller ones begin at the low bits.
fn count(block: &[u8], order: u32, index: u64) -> u64 {
    if order < 3 {
        let bit = index << order;
        let byte = block.get((bit / 8) as usize).copied().unwrap_or(0);
        return u64::from(byte) >> (bit % 8) & ((1 << (1 << order)) - 1);
    }
    let width = 1usize << (order - 3);
    let at = index as usize * width;
    let bytes = block.get(at..at + width).unwrap_or(&[]);
    bytes.iter().fold(0, |n, b| n << 8 | u64::from(*b))
}

/// Sets a count; answers which bytes changed.
fn set_count(block: &mut [u8], order: u32, index: u64, value: u64) -> std::ops::Range<usize> {
    if order < 3 {
        let bit = index << order;
        let mask = ((1u16 << (1 << order)) - 1) as u8;
        let at = (bit / 8) as usize;
        if let Some(byte) = block.get_mut(at) {
            *byte = *byte & !(mask << (bit % 8)) | (value as u8 & mask) << (bit % 8);
        }
        return at..at + 1;
    }
    let width = 1usize << (order - 3);
    let at = index as usize * width;
    let bytes = value.to_be_bytes();
    if let (Some(to), Some(from)) = (block.get_mut(at..at + width), bytes.get(8 - width..)) {
        to.copy_from_slice(from);
    }
    at..at + width
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_many_widths() {
        for order in 0..=6 {
            let mut block = vec![0; 64];
            let bytes = set_count(&mut block, order, 3, 1);
            assert!(bytes.end <= 64);
            assert_eq!((count(&block, order, 3), count(&block, order, 2)), (1, 0), "{order}");
            set_count(&mut block, order, 3, 0);
            assert_eq!(block, [0; 64]);
        }
        let mut block = vec![0; 8];
        set_count(&mut block, 1, 1, 2);
        assert_eq!(block[0], 0b1000);
        set_count(&mut block, 4, 1, 0x102);
        assert_eq!(block[2..4], [1, 2]);
    }
}
