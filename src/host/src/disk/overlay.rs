//! Snapshot mode: what is written goes to a temporary file that no name leads to; the image below
//! stays as it is.

use super::{Store, Trouble, raw::read_at};
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::os::unix::fs::FileExt;

/// Bytes that are copied before the first write to a part of them.
const PAGE: u64 = 4096;

pub(super) struct Overlay {
    below: Box<dyn Store>,
    file: File,
    /// A bit for each page that lies in the file.
    here: Vec<u64>,
}

/// A file without a name in the folder for temporary files.
fn nameless() -> std::io::Result<File> {
    let dir = std::env::temp_dir();
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    if let Ok(fd) = rustix::fs::open(&dir, flags, Mode::RUSR | Mode::WUSR) {
        return Ok(File::from(fd));
    }
    // A file system without O_TMPFILE: the name goes as soon as it has come.
    let path = dir.join(format!("hetemu-{}-{:p}", std::process::id(), &flags));
    let mut options = File::options();
    let file = options.read(true).write(true).create_new(true).open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

impl Overlay {
    pub(super) fn new(below: Box<dyn Store>) -> std::io::Result<Overlay> {
        let pages = below.len().div_ceil(PAGE);
        Ok(Overlay { below, file: nameless()?, here: vec![0; pages.div_ceil(64) as usize] })
    }

    fn has(&self, page: u64) -> bool {
        self.here.get((page / 64) as usize).is_some_and(|w| w >> (page % 64) & 1 != 0)
    }

    fn mark(&mut self, page: u64) {
        if let Some(word) = self.here.get_mut((page / 64) as usize) {
            *word |= 1 << (page % 64);
        }
    }

    /// Copies the page around an offset if only part of it will be written.
    fn bring(&mut self, at: u64) -> Result<(), Trouble> {
        let page = at / PAGE;
        if !self.has(page) {
            let start = page * PAGE;
            let mut bytes = vec![0; (self.below.len() - start).min(PAGE) as usize];
            self.below.read(start, &mut bytes)?;
            self.file.write_all_at(&bytes, start)?;
            self.mark(page);
        }
        Ok(())
    }
}

impl Store for Overlay {
    fn len(&self) -> u64 {
        self.below.len()
    }

    fn read(&mut self, at: u64, into: &mut [u8]) -> Result<(), Trouble> {
        let (mut at, mut rest) = (at, into);
        while !rest.is_empty() {
            // As many pages at once as lie in the same place.
            let here = self.has(at / PAGE);
            let mut end = (at / PAGE + 1) * PAGE;
            while end < at + rest.len() as u64 && self.has(end / PAGE) == here {
                end += PAGE;
            }
            let n = (end - at).min(rest.len() as u64);
            let (now, later) = rest.split_at_mut(n as usize);
            if here {
                read_at(&self.file, at, now)?;
            } else {
                self.below.read(at, now)?;
            }
            (at, rest) = (at + n, later);
        }
        Ok(())
    }

    fn write(&mut self, at: u64, bytes: &[u8]) -> Result<(), Trouble> {
        let end = at + bytes.len() as u64;
        if bytes.is_empty() {
            return Ok(());
        }
        if !at.is_multiple_of(PAGE) {
            self.bring(at)?;
        }
        if !end.is_multiple_of(PAGE) && end < self.len() {
            self.bring(end)?;
        }
        self.file.write_all_at(bytes, at)?;
        for page in at / PAGE..end.div_ceil(PAGE) {
            self.mark(page);
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Trouble> {
        // It ends with the run, so it need not outlive the host.
        Ok(())
    }

    fn zero(&mut self, at: u64, len: u64, _: bool) -> Result<(), Trouble> {
        super::write_zeros(self, at, len)
    }

    fn discard(&mut self, _: u64, _: u64) -> Result<(), Trouble> {
        Ok(())
    }
}
