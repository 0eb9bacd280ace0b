//! The file server: messages of 9P2000.L and their answers.
//!
//! The protocol is 9P2000 with the messages that Linux added (`diod`'s protocol.md names them all).
//! Errors are Linux error numbers. Owners, extended attributes and device files are not served.

// What the C library counts with differs from one architecture to the next.
#![allow(clippy::unnecessary_cast)]

use super::fs::{self, Names, Root};
use super::wire::{In, Out};
use rustix::fs::{Dir, FileType, OFlags, Stat, Timespec, UTIME_NOW, UTIME_OMIT};
use rustix::io::{Errno, Result};
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;

/// Longest message.
const MSIZE: u32 = 512 << 10;
/// Shortest longest message: names must fit.
const SHORTEST: u32 = 4096;
/// Size, kind and tag.
const HEAD: usize = 7;
/// Names that a guest may hold, and files that it may have open: the host has only so many.
const FIDS: usize = 1 << 16;
const OPEN: usize = 400;
/// Most names of one walk.
const WALK: u16 = 16;
/// An error's answer.
const RLERROR: u8 = 7;
/// `V9FS_MAGIC`, which is what a guest asks for.
const MAGIC: u32 = 0x0102_1997;
/// Answers to a lock: granted; and to a question for one: there is none.
const LOCKED: u8 = 0;
const UNLOCKED: u8 = 2;
const REMOVEDIR: u32 = 0x200;

/// Bits of what a `setattr` sets.
const MODE: u32 = 1;
const SIZE: u32 = 8;
const ATIME: u32 = 0x10;
const MTIME: u32 = 0x20;
const ATIME_SET: u32 = 0x80;
const MTIME_SET: u32 = 0x100;
/// What a `getattr` answers: everything up to blocks.
const BASIC: u64 = 0x7ff;

struct Entry {
    name: Vec<u8>,
    kind: FileType,
    id: u64,
}

struct Open {
    file: OwnedFd,
    writes: bool,
    /// What was in a folder when it was last read from its start.
    entries: Vec<Entry>,
}

pub(super) struct Server {
    root: Root,
    msize: u32,
    fids: BTreeMap<u32, Names>,
    open: BTreeMap<u32, Open>,
}

/// The kind in a server's identity of a file.
fn qid_kind(kind: FileType) -> u8 {
    match kind {
        FileType::Directory => 0x80,
        FileType::Symlink => 2,
        _ => 0,
    }
}

/// The kind in an entry of a folder (`DT_*`).
fn entry_kind(kind: FileType) -> u8 {
    match kind {
        FileType::Fifo => 1,
        FileType::CharacterDevice => 2,
        FileType::Directory => 4,
        FileType::BlockDevice => 6,
        FileType::RegularFile => 8,
        FileType::Symlink => 10,
        FileType::Socket => 12,
        FileType::Unknown => 0,
    }
}

fn qid(out: &mut Out, stat: &Stat) {
    out.u8(qid_kind(FileType::from_raw_mode(stat.st_mode)));
    // Changes with the content, as far as the time of its last change tells.
    out.u32((stat.st_mtime as u32) ^ (stat.st_mtime_nsec as u32) << 2 ^ stat.st_size as u32);
    out.u64(id(stat.st_dev as u64, stat.st_ino as u64));
}

/// One number for a file of a folder that may have other file systems in it.
fn id(device: u64, number: u64) -> u64 {
    number ^ device.rotate_left(44)
}

/// How to open, from the flags of the protocol (those of Linux in octal).
fn flags(bits: u32) -> OFlags {
    let mut flags = match bits & 3 {
        0 => OFlags::RDONLY,
        1 => OFlags::WRONLY,
        _ => OFlags::RDWR,
    };
    flags.set(OFlags::EXCL, bits & 0o200 != 0);
    flags.set(OFlags::TRUNC, bits & 0o1000 != 0);
    flags.set(OFlags::DIRECTORY, bits & 0o200_000 != 0);
    flags
}

impl Server {
    pub(super) fn new(root: Root) -> Server {
        Server { root, msize: SHORTEST, fids: BTreeMap::new(), open: BTreeMap::new() }
    }

    pub(super) fn reset(&mut self) {
        self.fids.clear();
        self.open.clear();
    }

    pub(super) fn answer(&mut self, message: &[u8], room: usize) -> Vec<u8> {
        let mut head = In(message);
        let (Ok(size), Ok(kind), Ok(tag)) = (head.u32(), head.u8(), head.u16()) else {
            return Vec::new();
        };
        let body = usize::try_from(size).ok().and_then(|size| message.get(HEAD..size));
        let room = room.min(self.msize as usize);
        let mut out = Out::new(kind.wrapping_add(1), tag);
        let done = match body {
            Some(body) => self.message(kind, &mut In(body), &mut out, room),
            None => Err(Errno::INVAL),
        };
        let done = if out.len() > room { done.and(Err(Errno::MSGSIZE)) } else { done };
        if let Err(e) = done {
            out = Out::new(RLERROR, tag);
            out.u32(e.raw_os_error().unsigned_abs());
        }
        if out.len() > room { Vec::new() } else { out.done() }
    }

    fn message(&mut self, kind: u8, m: &mut In<'_>, out: &mut Out, room: usize) -> Result<()> {
        match kind {
            8 => self.statfs(m, out),
            12 => self.lopen(m, out),
            14 => self.lcreate(m, out),
            16 => self.symlink(m, out),
            20 => self.rename(m),
            22 => self.readlink(m, out),
            24 => self.getattr(m, out),
            26 => self.setattr(m),
            40 => self.readdir(m, out, room),
            50 => self.fsync(m),
            52 => {
                // The guest's own kernel keeps locks; nobody else has any here.
                self.names(m)?;
                out.u8(LOCKED);
                Ok(())
            }
            54 => self.getlock(m, out),
            70 => self.link(m),
            72 => self.mkdir(m, out),
            74 => self.renameat(m),
            76 => self.unlinkat(m),
            100 => self.version(m, out),
            104 => self.attach(m, out),
            // Everything is answered at once: there is nothing to flush.
            108 => Ok(()),
            110 => self.walk(m, out),
            116 => self.read(m, out, room),
            118 => self.write(m, out),
            120 => self.clunk(m.u32()?),
            122 => self.remove(m),
            _ => Err(Errno::OPNOTSUPP),
        }
    }

    fn names(&self, m: &mut In<'_>) -> Result<&Names> {
        self.fids.get(&m.u32()?).ok_or(Errno::BADF)
    }

    /// A folder and a name in it.
    fn inside(&self, m: &mut In<'_>) -> Result<Names> {
        let names = self.names(m)?;
        fs::join(names, m.text()?)
    }

    fn version(&mut self, m: &mut In<'_>, out: &mut Out) -> Result<()> {
        let (msize, version) = (m.u32()?, m.text()?);
        if msize < SHORTEST {
            return Err(Errno::MSGSIZE);
        }
        self.reset();
        self.msize = msize.min(MSIZE);
        out.u32(self.msize);
        out.text(if version == b"9P2000.L" { version } else { b"unknown" });
        Ok(())
    }

    fn attach(&mut self, m: &mut In<'_>, out: &mut Out) -> Result<()> {
        let (fid, _, _, name) = (m.u32()?, m.u32()?, m.text()?, m.text()?);
        if !matches!(name, b"" | b"/") {
            return Err(Errno::NOENT);
        }
        let stat = self.root.stat(&[])?;
        self.hold(fid, Names::new())?;
        qid(out, &stat);
        Ok(())
    }

    /// Gives a path a number.
    fn hold(&mut self, fid: u32, names: Names) -> Result<()> {
        if self.fids.contains_key(&fid) {
            return Err(Errno::BADF);
        }
        if self.fids.len() >= FIDS {
            return Err(Errno::NFILE);
        }
        self.fids.insert(fid, names);
        Ok(())
    }

    fn clunk(&mut self, fid: u32) -> Result<()> {
        self.open.remove(&fid);
        self.fids.remove(&fid).map(drop).ok_or(Errno::BADF)
    }

    fn walk(&mut self, m: &mut In<'_>, out: &mut Out) -> Result<()> {
        let fid = m.u32()?;
        let (new, count) = (m.u32()?, m.u16()?);
        let mut names = self.fids.get(&fid).ok_or(Errno::BADF)?.clone();
        if count > WALK {
            return Err(Errno::INVAL);
        }
        let at = out.len();
        out.u16(0);
        let mut steps = 0;
        while steps < count {
            let step = match m.text()? {
                // Nothing is above the folder (walk(5)).
                b".." => {
                    names.pop();
                    Ok(names.clone())
                }
                name => fs::join(&names, name),
            };
            match step.and_then(|names| Ok((self.root.stat(&names)?, names))) {
                Ok((stat, there)) => {
                    qid(out, &stat);
                    names = there;
                }
                Err(e) if steps == 0 => return Err(e),
                Err(_) => break,
            }
            steps += 1;
        }
        out.set_u16(at, steps);
        if steps < count {
            return Ok(());
        }
        if new == fid {
            self.open.remove(&fid);
            self.fids.insert(fid, names);
            return Ok(());
        }
        self.hold(new, names)
    }

    /// Keeps what was opened; gives what it is.
    fn opened(&mut self, fid: u32, file: OwnedFd, bits: u32, out: &mut Out) -> Result<()> {
        qid(out, &rustix::fs::fstat(&file)?);
        // As much at once as a message holds.
        out.u32(0);
        self.open.insert(fid, Open { file, writes: bits & 3 != 0, entries: Vec::new() });
        Ok(())
    }

    fn may_open(&self, fid: u32, bits: u32) -> Result<()> {
        if bits & 3 != 0 || bits & 0o1000 != 0 {
            self.root.may_change()?;
        }
        if self.open.contains_key(&fid) {
            return Err(Errno::BADF);
        }
        if self.open.len() >= OPEN { Err(Errno::MFILE) } else { Ok(()) }
    }

    fn lopen(&mut self, m: &mut In<'_>, out: &mut Out) -> Result<()> {
        let (fid, bits) = (m.u32()?, m.u32()?);
        let names = self.fids.get(&fid).ok_or(Errno::BADF)?;
        self.may_open(fid, bits)?;
        let file = self.root.open_content(names, flags(bits & !0o200))?;
        self.opened(fid, file, bits, out)
    }

    fn lcreate(&mut self, m: &mut In<'_>, out: &mut Out) -> Result<()> {
        let fid = m.u32()?;
        let names = self.fids.get(&fid).ok_or(Errno::BADF)?;
        let names = fs::join(names, m.text()?)?;
        let (bits, mode, _) = (m.u32()?, m.u32()?, m.u32()?);
        self.root.may_change()?;
        self.may_open(fid, bits)?;
        let file = self.root.create(&names, flags(bits), mode)?;
        self.fids.insert(fid, names);
        self.opened(fid, file, bits, out)
    }

    /// The answer to what made something.
    fn made(&self, names: &Names, out: &mut Out) -> Result<()> {
        qid(out, &self.root.stat(names)?);
        Ok(())
    }

    fn symlink(&mut self, m: &mut In<'_>, out: &mut Out) -> Result<()> {
        let (names, to) = (self.inside(m)?, m.text()?);
        self.root.may_change()?;
        self.root.symlink(&names, to)?;
        self.made(&names, out)
    }

    fn mkdir(&mut self, m: &mut In<'_>, out: &mut Out) -> Result<()> {
        let (names, mode) = (self.inside(m)?, m.u32()?);
        self.root.may_change()?;
        self.root.make_folder(&names, mode)?;
        self.made(&names, out)
    }

    fn link(&mut self, m: &mut In<'_>) -> Result<()> {
        let folder = self.names(m)?;
        let (old, new) = (self.names(m)?, fs::join(folder, m.text()?)?);
        self.root.may_change()?;
        self.root.link(old, &new)
    }

    fn rename(&mut self, m: &mut In<'_>) -> Result<()> {
        let old = self.names(m)?.clone();
        let new = self.inside(m)?;
        self.moved(&old, &new)
    }

    fn renameat(&mut self, m: &mut In<'_>) -> Result<()> {
        let (old, new) = (self.inside(m)?, self.inside(m)?);
        self.moved(&old, &new)
    }

    /// Renames, and what was held there or below is held at its new place.
    fn moved(&mut self, old: &Names, new: &Names) -> Result<()> {
        self.root.may_change()?;
        self.root.rename(old, new)?;
        for names in self.fids.values_mut() {
            if let Some(below) = names.strip_prefix(old.as_slice()) {
                *names = [new.as_slice(), below].concat();
            }
        }
        Ok(())
    }

    fn unlinkat(&mut self, m: &mut In<'_>) -> Result<()> {
        let (names, flags) = (self.inside(m)?, m.u32()?);
        self.root.may_change()?;
        self.root.remove(&names, flags & REMOVEDIR != 0)
    }

    /// Removes a file, and forgets its number whether that went well or not (remove(5)).
    fn remove(&mut self, m: &mut In<'_>) -> Result<()> {
        let fid = m.u32()?;
        let names = self.fids.get(&fid).ok_or(Errno::BADF)?.clone();
        self.clunk(fid)?;
        self.root.may_change()?;
        let stat = self.root.stat(&names)?;
        self.root.remove(&names, FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
    }

    fn readlink(&mut self, m: &mut In<'_>, out: &mut Out) -> Result<()> {
        out.text(&self.root.read_link(self.names(m)?)?);
        Ok(())
    }

    /// An open file still is what it was when nothing has its name any more.
    fn stat(&self, fid: u32) -> Result<Stat> {
        let names = self.fids.get(&fid).ok_or(Errno::BADF)?;
        match self.open.get(&fid) {
            Some(open) => rustix::fs::fstat(&open.file),
            None => self.root.stat(names),
        }
    }

    fn getattr(&mut self, m: &mut In<'_>, out: &mut Out) -> Result<()> {
        let stat = self.stat(m.u32()?)?;
        out.u64(BASIC);
        qid(out, &stat);
        out.u32(stat.st_mode);
        out.u32(stat.st_uid);
        out.u32(stat.st_gid);
        let numbers = [
            stat.st_nlink as u64,
            stat.st_rdev as u64,
            stat.st_size as u64,
            stat.st_blksize as u64,
            stat.st_blocks as u64,
            stat.st_atime as u64,
            stat.st_atime_nsec as u64,
            stat.st_mtime as u64,
            stat.st_mtime_nsec as u64,
            stat.st_ctime as u64,
            stat.st_ctime_nsec as u64,
        ];
        // Birth (seconds, nanoseconds), generation, version of the data: not known.
        numbers.into_iter().chain([0; 4]).for_each(|n| out.u64(n));
        Ok(())
    }

    fn setattr(&mut self, m: &mut In<'_>) -> Result<()> {
        let fid = m.u32()?;
        let names = self.fids.get(&fid).ok_or(Errno::BADF)?;
        let (valid, mode, _, _, size) = (m.u32()?, m.u32()?, m.u32()?, m.u32()?, m.u64()?);
        let mut time = |changes: u32, set: u32| -> Result<Timespec> {
            let (sec, nsec) = (m.u64()?, m.u64()?);
            if nsec >= 1_000_000_000 {
                return Err(Errno::INVAL);
            }
            Ok(match (valid & changes != 0, valid & set != 0) {
                (false, _) => Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
                (true, false) => Timespec { tv_sec: 0, tv_nsec: UTIME_NOW },
                (true, true) => Timespec { tv_sec: sec as i64, tv_nsec: nsec as _ },
            })
        };
        let (atime, mtime) = (time(ATIME, ATIME_SET)?, time(MTIME, MTIME_SET)?);
        self.root.may_change()?;
        if valid & SIZE != 0 {
            match self.open.get(&fid).filter(|o| o.writes) {
                Some(open) => rustix::fs::ftruncate(&open.file, size)?,
                None => self.root.set_len(names, size)?,
            }
        }
        if valid & MODE != 0 {
            self.root.set_mode(names, mode)?;
        }
        if valid & (ATIME | MTIME) != 0 {
            self.root.set_times(names, atime, mtime)?;
        }
        Ok(())
    }

    fn statfs(&mut self, m: &mut In<'_>, out: &mut Out) -> Result<()> {
        self.names(m)?;
        let s = self.root.space()?;
        out.u32(MAGIC);
        out.u32(s.f_bsize as u32);
        for n in [s.f_blocks, s.f_bfree, s.f_bavail, s.f_files, s.f_ffree, 0] {
            out.u64(n);
        }
        out.u32(255);
        Ok(())
    }

    fn fsync(&mut self, m: &mut In<'_>) -> Result<()> {
        let open = self.open.get(&m.u32()?).ok_or(Errno::BADF)?;
        rustix::fs::fsync(&open.file)
    }

    fn getlock(&mut self, m: &mut In<'_>, out: &mut Out) -> Result<()> {
        self.names(m)?;
        let (_, start, length, process, client) =
            (m.u8()?, m.u64()?, m.u64()?, m.u32()?, m.text()?);
        out.u8(UNLOCKED);
        out.u64(start);
        out.u64(length);
        out.u32(process);
        out.text(client);
        Ok(())
    }

    fn read(&mut self, m: &mut In<'_>, out: &mut Out, room: usize) -> Result<()> {
        let open = self.open.get(&m.u32()?).ok_or(Errno::BADF)?;
        let (offset, count) = (m.u64()?, m.u32()?);
        let most = room.saturating_sub(out.len() + 4);
        let mut bytes = vec![0; most.min(count as usize)];
        let n = rustix::io::pread(&open.file, &mut bytes, offset)?;
        out.u32(n as u32);
        out.bytes(bytes.get(..n).unwrap_or_default());
        Ok(())
    }

    fn write(&mut self, m: &mut In<'_>, out: &mut Out) -> Result<()> {
        let open = self.open.get(&m.u32()?).ok_or(Errno::BADF)?;
        let (offset, count) = (m.u64()?, m.u32()?);
        let bytes = m.bytes(count as usize)?;
        out.u32(rustix::io::pwrite(&open.file, bytes, offset)? as u32);
        Ok(())
    }

    fn readdir(&mut self, m: &mut In<'_>, out: &mut Out, room: usize) -> Result<()> {
        let fid = m.u32()?;
        let (offset, count) = (m.u64()?, m.u32()?);
        let above = match self.fids.get(&fid).ok_or(Errno::BADF)?.split_last() {
            Some((_, above)) => self.root.stat(above).ok(),
            None => None,
        };
        let open = self.open.get_mut(&fid).ok_or(Errno::BADF)?;
        if offset == 0 {
            open.entries = entries(&open.file, above)?;
        }
        let (at, first) = (out.len(), usize::try_from(offset).map_err(|_| Errno::INVAL)?);
        out.u32(0);
        let end = (out.len() + count as usize).min(room);
        for (number, entry) in open.entries.iter().enumerate().skip(first) {
            if out.len() + 24 + entry.name.len() > end {
                break;
            }
            out.u8(qid_kind(entry.kind));
            out.u32(0);
            out.u64(entry.id);
            out.u64(number as u64 + 1);
            out.u8(entry_kind(entry.kind));
            out.text(&entry.name);
        }
        out.set_u32(at, (out.len() - at - 4) as u32);
        Ok(())
    }
}

/// What is in a folder, by name, so that the order is the same everywhere.
fn entries(folder: &OwnedFd, above: Option<Stat>) -> Result<Vec<Entry>> {
    let stat = rustix::fs::fstat(folder)?;
    let mut entries = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let (name, kind) = (entry.file_name().to_bytes().to_vec(), entry.file_type());
        let id = match (name.as_slice(), &above) {
            // Nothing is above the folder.
            (b"..", Some(above)) => id(above.st_dev as u64, above.st_ino as u64),
            (b"..", None) => id(stat.st_dev as u64, stat.st_ino as u64),
            _ => id(stat.st_dev as u64, entry.ino()),
        };
        entries.push(Entry { name, kind, id });
    }
    entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}
