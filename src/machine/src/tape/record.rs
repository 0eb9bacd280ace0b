//! Writing a tape.

use super::{Kind, LONGEST, MAGIC};
use hetemu_hw::time::Ps;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A recording.
pub(crate) struct Recorder {
    to: Box<dyn Write + Send>,
    failed: Option<io::Error>,
    live: Option<bool>,
    /// Sends of each plug so far.
    sends: BTreeMap<u16, u64>,
}

pub(crate) fn lock(recorder: &Mutex<Recorder>) -> MutexGuard<'_, Recorder> {
    recorder.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Recorder {
    pub(super) fn new(to: Box<dyn Write + Send>) -> Recorder {
        Recorder { to, failed: None, live: None, sends: BTreeMap::new() }
    }

    pub(super) fn header(&mut self, now: Ps, bytes: &[u8]) {
        if let Err(e) = self.to.write_all(&MAGIC) {
            self.failed = Some(e);
        }
        self.put(Kind::Header, now, 0, bytes);
    }

    /// Writes a record. What fails is told at the end.
    pub(crate) fn put(&mut self, kind: Kind, at: Ps, plug: u16, bytes: &[u8]) {
        if self.failed.is_some() {
            return;
        }
        let Some(len) = u32::try_from(bytes.len()).ok().filter(|n| *n <= LONGEST) else {
            self.failed = Some(io::Error::other("too much came in at once"));
            return;
        };
        let mut record = vec![kind as u8];
        record.extend(at.to_le_bytes());
        record.extend(plug.to_le_bytes());
        record.extend(len.to_le_bytes());
        record.extend(bytes);
        if let Err(e) = self.to.write_all(&record) {
            self.failed = Some(e);
        }
    }

    /// A plug was sent something; `answers`: it has an answer at once.
    pub(crate) fn sent(&mut self, at: Ps, plug: u16, answers: bool) {
        let sends = self.sends.entry(plug).or_default();
        *sends += 1;
        if answers {
            let sends = sends.to_le_bytes();
            self.put(Kind::Answers, at, plug, &sends);
        }
    }

    /// Whether input may still come.
    pub(crate) fn live(&mut self, at: Ps, live: bool) {
        if self.live.replace(live) != Some(live) {
            self.put(Kind::Live, at, 0, &[live.into()]);
        }
    }

    pub(super) fn end(&mut self, now: Ps) -> io::Result<()> {
        self.put(Kind::End, now, 0, &[]);
        match self.failed.take() {
            Some(e) => Err(e),
            None => self.to.flush(),
        }
    }
}
