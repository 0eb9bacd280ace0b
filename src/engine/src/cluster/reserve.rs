//! Reservations of cores that do not run, while another one does.
//!
//! A reservation outlives turns of other cores unless one stores to its line. Where it lies is
//! handed to whoever runs, in this cluster or another one that shares the memory, whose stores to
//! such a page then all come by (`mmu/watch.rs`).

use super::Cluster;
use crate::frame::NO_RESERVATION;

/// Turns of other cores that a reservation outlives: guests leave some behind that nobody will ask
/// for, and a watched page is slow to store to.
const MOST_AWAY: u32 = 64;

/// Where a reserved line lies on the host.
#[derive(Debug, Clone, Copy)]
pub struct Line(usize);

impl Cluster {
    /// A turn begins, of a core of this cluster or of another one (`None`): the reservations of
    /// all others grow older.
    pub fn begin_turn(&mut self, core: Option<usize>) {
        for (i, c) in self.cores.iter_mut().enumerate() {
            if Some(i) == core {
                c.away = 0;
            } else if c.frame.reserved != NO_RESERVATION {
                c.away += 1;
                if c.away >= MOST_AWAY {
                    c.frame.reserved = NO_RESERVATION;
                }
            }
        }
    }

    /// What cores other than `but` have reserved.
    pub fn reserved(&mut self, but: Option<usize>) -> Vec<(usize, Line)> {
        let mut lines = Vec::new();
        for (i, c) in self.cores.iter_mut().enumerate() {
            let va = c.frame.reserved;
            if Some(i) == but || va == NO_RESERVATION {
                continue;
            }
            match c.mmu.tlb().readable(va, 0) {
                Some(host) => lines.push((i, Line(host.addr()))),
                None => c.frame.reserved = NO_RESERVATION,
            }
        }
        lines
    }

    /// Has the runs that follow watch what cores of other clusters have reserved. Gives which of
    /// the lines of the last call were stored to since, by their places.
    pub fn watch_foreign(&mut self, lines: Vec<Line>) -> Vec<usize> {
        let (_, lost) = std::mem::replace(&mut self.foreign, (lines, Vec::new()));
        lost
    }

    /// Ends a core's reservation.
    pub fn unreserve(&mut self, core: usize) {
        if let Some(c) = self.cores.get_mut(core) {
            c.frame.reserved = NO_RESERVATION;
        }
    }

    /// Watches the lines of all others during a run of this core.
    pub(super) fn watch_others(&mut self, core: usize) {
        self.watch.clear();
        let cores = self.cores.len();
        let own = if cores > 1 { self.reserved(Some(core)) } else { Vec::new() };
        let foreign = self.foreign.0.iter().enumerate().map(|(i, line)| (cores + i, *line));
        for (who, line) in own.into_iter().chain(foreign) {
            let (line, len) = self.watch.add(who, line.0);
            self.cores[core].mmu.protect(line, len);
        }
    }

    /// After a run: ends the reservations whose lines were stored to.
    pub(super) fn end_lost(&mut self) {
        for who in self.watch.lost() {
            match self.cores.get_mut(who) {
                Some(core) => core.frame.reserved = NO_RESERVATION,
                None => self.foreign.1.push(who - self.cores.len()),
            }
        }
    }
}
