//! Recordings of all that comes into a machine from outside, and runs that need nothing else.
//!
//! A machine is deterministic but for what reaches it through its plugs, and for when: input of
//! serial and network plugs, answers of shared folders, whether more may come at all, resets from
//! outside, and the clock and random numbers that it begins with. A tape holds each of these with
//! the virtual time at which the machine took it. Replayed on the same machine with the same
//! images and disks, the machine is given them at the same times, and so does the same.
//!
//! # Form
//! The magic, then records: kind (u8), virtual time (u64, ps), plug (u16), length (u32), bytes;
//! little-endian. The first is the header. A tape is written as it goes: one that is cut off, as
//! by a host that died, ends where it is cut.
//!
//! What debuggers and clients write into a machine is not on the tape.

mod folder;
mod play;
mod record;

pub(crate) use play::Player;
pub(crate) use record::Recorder;

use crate::report::Report;
use crate::run::Running;
use hetemu_graph::semantic_hash;
use hetemu_hw::time::Ps;
use hetemu_isa::{Reader, Writer};
use sha2::{Digest, Sha256};
use std::io::Write;
use std::sync::{Arc, Mutex};

/// What every tape begins with; the last byte is the format's number.
const MAGIC: [u8; 8] = *b"\x89hmtape\x01";

/// Longest content of a record.
const LONGEST: u32 = 1 << 26;

/// What came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Header = 1,
    /// Bytes of a serial plug.
    Serial = 2,
    /// A frame of a network plug.
    Frame = 3,
    /// After so many sends (u64) a plug had an answer at once.
    Answers = 4,
    /// Whether input may still come (one byte).
    Live = 5,
    /// An answer of a folder.
    Folder = 6,
    /// A reset from outside.
    Reset = 7,
    /// The run was ended from outside.
    End = 8,
}

impl Kind {
    fn of(byte: u8) -> Option<Kind> {
        use Kind::*;
        let all = [Header, Serial, Frame, Answers, Live, Folder, Reset, End];
        all.into_iter().find(|k| *k as u8 == byte)
    }
}

/// One thing that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) kind: Kind,
    pub(crate) at: Ps,
    pub(crate) plug: u16,
    pub(crate) bytes: Vec<u8>,
}

/// The records of a tape up to its end, or to where it is cut or damaged.
fn records(bytes: &[u8]) -> Option<Vec<Record>> {
    let mut rest = bytes.strip_prefix(&MAGIC)?;
    let mut out = Vec::new();
    while let Some((head, tail)) = rest.split_first_chunk::<15>() {
        let [kind, a, b, c, d, e, f, g, h, p, q, l, m, n, o] = *head;
        let len = u32::from_le_bytes([l, m, n, o]);
        let (Some(kind), true) = (Kind::of(kind), len <= LONGEST) else { break };
        let Some((bytes, tail)) = tail.split_at_checked(len as usize) else { break };
        let (at, plug) = (u64::from_le_bytes([a, b, c, d, e, f, g, h]), u16::from_le_bytes([p, q]));
        out.push(Record { kind, at, plug, bytes: bytes.to_vec() });
        rest = tail;
    }
    Some(out)
}

/// Where a tape that plays stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replay {
    /// When the next thing on it comes in; None after the last.
    pub next: Option<Ps>,
    /// The recorded run was ended from outside here.
    pub over: bool,
}

/// What a machine has to do with a tape.
#[derive(Default)]
pub(crate) enum Tape {
    #[default]
    None,
    Records(Arc<Mutex<Recorder>>),
    Plays(Arc<Mutex<Player>>),
}

// Fields of the header.
const HASH: u16 = 1;
const RANDOM: u16 = 2;
const WALL: u16 = 3;
const NOW: u16 = 4;
const STEPS: u16 = 5;
/// SHA-256 of all memory when the recording began.
const MEMORY: u16 = 6;
/// Names of plugs, a line each: what records count.
const PLUGS: u16 = 7;
/// What each disk held: a line each, name, bytes, SHA-256.
const DISKS: u16 = 8;

impl Running {
    /// Where the machine stands, as a tape's header says it.
    fn stand(&mut self) -> Result<Vec<u8>, Report> {
        let mut w = Writer::default();
        w.bytes(HASH, semantic_hash(&self.declared_graph()).as_bytes());
        w.int(RANDOM, self.m.world.random);
        w.int(WALL, self.m.world.wall_ns);
        w.int(NOW, self.now());
        w.int(STEPS, self.m.clusters.iter().flat_map(|c| (0..c.cores()).map(|i| c.steps(i))).sum());
        let mut hash = Sha256::new();
        for ram in self.m.memories.values() {
            for (number, page) in ram.save_pages(&[]) {
                hash.update(number.to_le_bytes());
                hash.update(&page[..]);
            }
        }
        w.bytes(MEMORY, &hash.finalize());
        w.bytes(PLUGS, self.plug_names().join("\n").as_bytes());
        let mut disks = String::new();
        for (name, disk) in self.disks()? {
            let sha256: String = disk.sha256.iter().map(|b| format!("{b:02x}")).collect();
            disks.push_str(&format!("{name} {} {sha256}\n", disk.bytes));
        }
        w.bytes(DISKS, disks.as_bytes());
        Ok(w.finish())
    }

    /// Plugs by the numbers of a tape: those that move bytes, then folders.
    fn plug_names(&self) -> Vec<String> {
        let moving = self.m.world.plugs.iter().map(|p| p.name.clone());
        moving.chain(self.m.world.stores.folder.keys().cloned()).collect()
    }

    /// Records from now on, to the machine's end or [`Running::end_tape`].
    ///
    /// # Errors
    /// E1210: cores run at the same time, or a tape is in use; E1207: a disk cannot be read.
    pub fn record(&mut self, to: Box<dyn Write + Send>) -> Result<(), Report> {
        self.may_use_tape()?;
        let header = self.stand()?;
        let mut recorder = Recorder::new(to);
        recorder.header(self.now(), &header);
        recorder.live(self.now(), self.m.world.live());
        let recorder = Arc::new(Mutex::new(recorder));
        let first = self.m.world.plugs.len();
        folder::record(&mut self.m.world.stores, &recorder, first);
        self.m.world.tape = Tape::Records(recorder);
        Ok(())
    }

    /// Runs with what a tape holds instead of what comes from outside. The machine must stand where
    /// the recorded one stood when the recording began. What the guest sends still goes out.
    ///
    /// # Errors
    /// E1211: it is no tape, or one of another machine, program or disk.
    pub fn replay(&mut self, tape: &[u8]) -> Result<(), Report> {
        self.may_use_tape()?;
        let wrong = |what: String| Report::new("E1211", format!("the recording {what}"));
        let Some(records) = records(tape) else { return Err(wrong("is none".into())) };
        let mut records = records.into_iter();
        let Some(header) = records.next().filter(|r| r.kind == Kind::Header) else {
            return Err(wrong("has no beginning".into()));
        };
        let there = Reader::new(&header.bytes);
        // Random numbers and the clock go on as they did.
        if let (Ok(random), Ok(wall)) = (there.int(RANDOM), there.int(WALL)) {
            (self.m.world.random, self.m.world.wall_ns) = (random, wall);
        }
        let here = self.stand()?;
        let here = Reader::new(&here);
        let facts = [
            (HASH, "is of another machine: `hetemu diff` compares two"),
            (PLUGS, "is of a machine with other plugs"),
            (NOW, "begins at another time: give the --snapshot that it began with"),
            (STEPS, "begins elsewhere: give the --snapshot that it began with"),
            (MEMORY, "is of other programs: memory differs where it begins"),
            (DISKS, "is of other disks: give copies that hold what they held when it began"),
        ];
        for (field, what) in facts {
            if here.bytes(field) != there.bytes(field) {
                return Err(wrong(what.into()));
            }
        }
        let player = Arc::new(Mutex::new(Player::new(records.collect())));
        let first = self.m.world.plugs.len();
        folder::play(&mut self.m.world.stores, &player, first);
        self.m.world.tape = Tape::Plays(player);
        Ok(())
    }

    /// Records a piece of a history: without a description of where it begins, and without folders.
    pub(crate) fn start_reel(&mut self, to: Box<dyn Write + Send>) {
        let mut recorder = Recorder::new(to);
        recorder.header(self.now(), &[]);
        recorder.live(self.now(), self.m.world.live());
        self.m.world.tape = Tape::Records(Arc::new(Mutex::new(recorder)));
    }

    /// Ends a piece of a history, or that it plays.
    pub(crate) fn stop_reel(&mut self) {
        self.m.world.tape = Tape::None;
    }

    /// Plays a piece of a history.
    pub(crate) fn play_reel(&mut self, bytes: &[u8]) {
        let records = records(bytes).unwrap_or_default();
        self.m.world.tape = Tape::Plays(Arc::new(Mutex::new(Player::new(records))));
    }

    pub(crate) fn may_use_tape(&self) -> Result<(), Report> {
        if self.m.options.engine.parallel {
            let what = "recordings need cores that run one after another";
            return Err(Report::new("E1210", what).note("help", "leave --parallel out"));
        }
        match self.m.world.tape {
            Tape::None => Ok(()),
            _ => Err(Report::new("E1210", "the machine records or replays already")),
        }
    }

    /// While a tape plays: what comes next.
    pub fn replays(&self) -> Option<Replay> {
        match &self.m.world.tape {
            Tape::Plays(player) => Some(play::lock(player).stand(self.now())),
            _ => None,
        }
    }

    /// Ends a recording; nothing is left to be written.
    ///
    /// # Errors
    /// What writing failed with, then or earlier.
    pub fn end_tape(&mut self) -> Result<(), String> {
        let now = self.now();
        match std::mem::take(&mut self.m.world.tape) {
            Tape::Records(recorder) => record::lock(&recorder).end(now).map_err(|e| e.to_string()),
            _ => Ok(()),
        }
    }

    /// A reset from outside comes at its time, if a tape says so.
    pub(crate) fn reset_by_tape(&mut self) {
        let now = self.now();
        let Tape::Plays(player) = &self.m.world.tape else { return };
        if play::lock(player).resets(now) {
            self.m.world.end = None;
            self.reset_again();
        }
    }

    /// Notes a reset from outside.
    pub(crate) fn note_reset(&mut self) {
        let now = self.now();
        if let Tape::Records(recorder) = &self.m.world.tape {
            record::lock(recorder).put(Kind::Reset, now, 0, &[]);
        }
    }
}

#[cfg(test)]
mod tests;
