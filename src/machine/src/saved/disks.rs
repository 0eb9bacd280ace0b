//! Disks beside a saved state.
//!
//! What lies on a disk is not saved: it is the host's. A state says of every disk how long it is
//! and what it holds (SHA-256), and is set only on a machine whose disks hold the same: a guest
//! that goes on with what it knows of a file system over another one would damage it. For the
//! hash all that the guest was told is written is flushed first.

use super::{Saved, unreadable};
use crate::report::Report;
use crate::run::Running;
use hetemu_hw::Block;
use hetemu_isa::{LoadError, Reader, Writer};
use hetemu_snapshot::Section;
use sha2::{Digest, Sha256};

/// Version of the sections.
const VERSION: u32 = 1;

const BYTES: u16 = 1;
const SHA256: u16 = 2;

/// What a saved state says of a disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// Bytes.
    pub bytes: u64,
    /// SHA-256 of its content.
    pub sha256: [u8; 32],
}

/// Bytes that are read at once.
const CHUNK: usize = 1 << 20;

fn look(block: &mut dyn Block) -> Option<Disk> {
    let bytes = block.info().bytes;
    block.flush().ok()?;
    let (mut hash, mut buffer, mut at) = (Sha256::new(), vec![0; CHUNK], 0);
    while at < bytes {
        let len = (bytes - at).min(CHUNK as u64) as usize;
        let part = buffer.get_mut(..len)?;
        block.read(at, part).ok()?;
        hash.update(part);
        at += len as u64;
    }
    Some(Disk { bytes, sha256: hash.finalize().into() })
}

impl Saved {
    /// The disks that the state needs, by the plugs' names.
    pub fn disks(&self) -> Result<Vec<(String, Disk)>, Report> {
        let named = self.sections.iter().filter_map(|s| Some((s.name.strip_prefix("disk:")?, s)));
        named
            .map(|(name, section)| {
                let r = Reader::new(&section.bytes);
                let fits = |e: LoadError| unreadable(&section.name, &e);
                let sha256 = r.bytes(SHA256).map_err(fits)?.try_into();
                let sha256 = sha256.map_err(|_| fits(LoadError::Bad(SHA256)))?;
                Ok((name.to_string(), Disk { bytes: r.int(BYTES).map_err(fits)?, sha256 }))
            })
            .collect()
    }
}

impl Running {
    /// What every disk holds now, by the plugs' names.
    ///
    /// # Errors
    /// E1207: one cannot be read.
    pub fn disks(&mut self) -> Result<Vec<(String, Disk)>, Report> {
        let mut out = Vec::new();
        for (name, block) in &mut self.m.world.stores.block {
            let Some(disk) = look(block.as_mut()) else {
                return Err(Report::new("E1207", format!("disk `{name}` cannot be read")));
            };
            out.push((name.clone(), disk));
        }
        Ok(out)
    }

    pub(super) fn save_disks(&mut self) -> Result<Vec<Section>, Report> {
        let mut out = Vec::new();
        for (name, disk) in self.disks()? {
            let mut w = Writer::default();
            w.int(BYTES, disk.bytes);
            w.bytes(SHA256, &disk.sha256);
            let name = format!("disk:{name}");
            out.push(Section { name, version: VERSION, bytes: w.finish() });
        }
        Ok(out)
    }

    /// Whether the machine's disks hold what they held when the state was taken.
    pub(super) fn disks_are(&mut self, saved: &Saved) -> Result<(), Report> {
        for (name, was) in saved.disks()? {
            let disk = self.m.world.stores.block.get_mut(&name);
            let is = disk.and_then(|block| look(block.as_mut()));
            let what = match is {
                None => "is not there",
                Some(is) if is.bytes != was.bytes => "has another length",
                Some(is) if is != was => "holds something else",
                Some(_) => continue,
            };
            let what = format!("disk `{name}` {what} than when the state was saved");
            let what = what.replace("there than", "there, as it was");
            return Err(Report::new("E1207", what).note(
                "help",
                "a state goes with its disks: copy each when you save, and give the copy",
            ));
        }
        Ok(())
    }
}
