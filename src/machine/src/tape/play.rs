//! Playing a tape.

use super::{Kind, Record, Replay};
use hetemu_hw::time::Ps;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A tape that plays.
pub(crate) struct Player {
    /// Input of serial and network plugs, resets, the end: what comes at a time.
    timed: VecDeque<Record>,
    /// When it turned out whether input may still come.
    live: VecDeque<(Ps, bool)>,
    alive: bool,
    answers: BTreeSet<(u16, u64)>,
    sends: BTreeMap<u16, u64>,
    folders: BTreeMap<u16, VecDeque<Vec<u8>>>,
}

pub(crate) fn lock(player: &Mutex<Player>) -> MutexGuard<'_, Player> {
    player.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Player {
    pub(super) fn new(records: Vec<Record>) -> Player {
        let mut out = Player {
            timed: VecDeque::new(),
            live: VecDeque::new(),
            alive: false,
            answers: BTreeSet::new(),
            sends: BTreeMap::new(),
            folders: BTreeMap::new(),
        };
        for r in records {
            match r.kind {
                Kind::Header => {}
                Kind::Serial | Kind::Frame | Kind::Reset | Kind::End => out.timed.push_back(r),
                Kind::Live => out.live.push_back((r.at, r.bytes.first() == Some(&1))),
                Kind::Folder => out.folders.entry(r.plug).or_default().push_back(r.bytes),
                Kind::Answers => {
                    let sends = r.bytes.try_into().map_or(0, u64::from_le_bytes);
                    out.answers.insert((r.plug, sends));
                }
            }
        }
        out
    }

    /// Where it stands.
    pub(super) fn stand(&self, now: Ps) -> Replay {
        let next = self.timed.front();
        let over = next.is_some_and(|r| r.kind == Kind::End && r.at <= now);
        Replay { next: next.map(|r| r.at).filter(|_| !over), over }
    }

    /// The next input that is due for a plug.
    pub(crate) fn input(&mut self, now: Ps, plug: u16, kind: Kind) -> Option<Vec<u8>> {
        let due = |r: &&Record| r.kind == kind && r.at <= now && r.plug == plug;
        self.timed.front().filter(due)?;
        self.timed.pop_front().map(|r| r.bytes)
    }

    /// Whether a reset is due.
    pub(super) fn resets(&mut self, now: Ps) -> bool {
        let due = |r: &&Record| r.kind == Kind::Reset && r.at <= now;
        self.timed.front().filter(due).is_some() && self.timed.pop_front().is_some()
    }

    /// A plug was sent something: whether it had an answer at once.
    pub(crate) fn sent(&mut self, plug: u16) -> bool {
        let sends = self.sends.entry(plug).or_default();
        *sends += 1;
        self.answers.contains(&(plug, *sends))
    }

    /// Whether input might still come then.
    pub(crate) fn live(&mut self, now: Ps) -> bool {
        while let Some((_, live)) = self.live.pop_front_if(|(at, _)| *at <= now) {
            self.alive = live;
        }
        self.alive
    }

    /// The next answer of a folder.
    pub(super) fn folder(&mut self, plug: u16) -> Vec<u8> {
        let answers = self.folders.get_mut(&plug);
        answers.and_then(VecDeque::pop_front).unwrap_or_default()
    }
}
