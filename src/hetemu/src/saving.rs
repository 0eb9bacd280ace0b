//! Saving the state of a running machine at the virtual times of `--save-at`.

use crate::cli::state::State;
use hetemu_control::snapshot::{self, How};
use hetemu_hw::time::Ps;
use hetemu_machine::{Limit, Report, Running, Step};
use std::path::PathBuf;

/// States that are to be saved.
#[derive(Default)]
pub(crate) struct Saving {
    /// When and where to, by time.
    pending: Vec<(Ps, PathBuf)>,
    how: How,
    incremental: bool,
    /// The run is over when all are saved.
    ends: bool,
    /// What went wrong.
    pub(crate) failed: Vec<Report>,
}

impl Saving {
    pub(crate) fn new(args: &State) -> Saving {
        let ps = |t: std::time::Duration| Ps::try_from(t.as_nanos().saturating_mul(1000));
        let pending = args.save_at.iter();
        let mut pending: Vec<(Ps, PathBuf)> =
            pending.map(|(t, file)| (ps(*t).unwrap_or(Ps::MAX), file.clone())).collect();
        pending.sort_by_key(|p| p.0);
        pending.reverse();
        let base = args.snapshot.clone().filter(|_| args.incremental);
        let how = How { base, whole: args.whole };
        Saving {
            pending,
            how,
            incremental: args.incremental,
            ends: args.save_only,
            failed: Vec::new(),
        }
    }

    /// When the next state is due.
    pub(crate) fn next(&self) -> Option<Ps> {
        self.pending.last().map(|p| p.0)
    }

    /// Whether the run is over because all is saved.
    pub(crate) fn done(&self) -> bool {
        self.ends && self.pending.is_empty()
    }

    /// Saves what is due.
    pub(crate) fn due(&mut self, machine: &mut Running) {
        while let Some((_, file)) = self.pending.pop_if(|p| p.0 <= machine.now()) {
            match snapshot::save(machine, &file, &self.how) {
                Ok(_) if self.incremental => self.how.base = Some(file),
                Ok(_) => {}
                Err(e) => self.failed.push(e.report()),
            }
        }
    }

    /// A step that ends where a state is due.
    pub(crate) fn step(&mut self, machine: &mut Running) -> Step {
        self.due(machine);
        let Some(at) = self.next() else { return machine.step() };
        machine.set_limit(Limit { at, ..Limit::default() });
        let step = machine.step();
        machine.set_limit(Limit::default());
        if step == Step::Stopped {
            self.due(machine);
            return Step::Ran;
        }
        step
    }
}
