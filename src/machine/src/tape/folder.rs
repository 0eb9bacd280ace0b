//! Shared folders on a tape: what the host's end answered.

use super::Kind;
use super::play::{self, Player};
use super::record::{self, Recorder};
use crate::plug::Stores;
use hetemu_hw::{Folder, FolderInfo};
use std::sync::{Arc, Mutex};

struct Recorded {
    host: Box<dyn Folder>,
    plug: u16,
    tape: Arc<Mutex<Recorder>>,
}

impl Folder for Recorded {
    fn info(&self) -> FolderInfo {
        self.host.info()
    }
    fn answer(&mut self, message: &[u8], room: usize) -> Vec<u8> {
        let answer = self.host.answer(message, room);
        record::lock(&self.tape).put(Kind::Folder, 0, self.plug, &answer);
        answer
    }
    fn reset(&mut self) {
        self.host.reset();
    }
}

struct Played {
    info: FolderInfo,
    plug: u16,
    tape: Arc<Mutex<Player>>,
}

impl Folder for Played {
    fn info(&self) -> FolderInfo {
        self.info.clone()
    }
    fn answer(&mut self, _: &[u8], room: usize) -> Vec<u8> {
        let mut answer = play::lock(&self.tape).folder(self.plug);
        answer.truncate(room);
        answer
    }
    fn reset(&mut self) {}
}

/// Records what all folders answer; their numbers begin with `first`.
pub(super) fn record(stores: &mut Stores, tape: &Arc<Mutex<Recorder>>, first: usize) {
    for (n, (name, host)) in std::mem::take(&mut stores.folder).into_iter().enumerate() {
        let recorded = Recorded { host, plug: (first + n) as u16, tape: tape.clone() };
        stores.folder.insert(name, Box::new(recorded));
    }
}

/// Has all folders answer what they answered.
pub(super) fn play(stores: &mut Stores, tape: &Arc<Mutex<Player>>, first: usize) {
    for (n, folder) in stores.folder.values_mut().enumerate() {
        let played = Played { info: folder.info(), plug: (first + n) as u16, tape: tape.clone() };
        *folder = Box::new(played);
    }
}
