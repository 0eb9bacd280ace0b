//! Names of cores in the protocol: a process for each cluster, a thread for each core.
//!
//! Processes are numbered from 1 on in the order of the clusters, threads from 1 on through all
//! cores of the machine, so that a client that knows of no processes can still tell them apart.

use crate::packet::{number, split};
use hetemu_machine::{CoreId, Running};

/// The cores of a machine.
#[derive(Debug, Clone, Default)]
pub(crate) struct Threads {
    all: Vec<(CoreId, String)>,
}

/// A thread as a packet names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Named {
    /// Every one, of this cluster if one is named.
    All(Option<usize>),
    /// Any one, of this cluster if one is named.
    Any(Option<usize>),
    /// This one.
    One(CoreId),
}

impl Named {
    /// Whether it means a core.
    pub(crate) fn means(self, at: CoreId) -> bool {
        match self {
            Named::All(cluster) | Named::Any(cluster) => cluster.is_none_or(|c| c == at.cluster),
            Named::One(one) => one == at,
        }
    }
}

impl Threads {
    pub(crate) fn of(machine: &Running) -> Threads {
        Threads { all: machine.cores().map(|(at, name)| (at, name.to_string())).collect() }
    }

    /// The cores, and their names.
    pub(crate) fn cores(&self) -> impl Iterator<Item = (CoreId, &str)> {
        self.all.iter().map(|(at, name)| (*at, name.as_str()))
    }

    /// The first core of a cluster.
    pub(crate) fn first_of(&self, cluster: usize) -> Option<CoreId> {
        self.cores().map(|(at, _)| at).find(|at| at.cluster == cluster)
    }

    /// The number of a thread.
    pub(crate) fn number(&self, at: CoreId) -> usize {
        self.all.iter().position(|(of, _)| *of == at).map_or(0, |i| i + 1)
    }

    /// A thread as the client names it.
    pub(crate) fn id(&self, at: CoreId, processes: bool) -> String {
        let thread = self.number(at);
        match processes {
            true => format!("p{:x}.{thread:x}", at.cluster + 1),
            false => format!("{thread:x}"),
        }
    }

    /// The thread of `thread-id` (GDB manual, appendix E.2).
    pub(crate) fn parse(&self, text: &[u8]) -> Option<Named> {
        let (process, thread) = match text.strip_prefix(b"p") {
            None => (None, text),
            Some(rest) => {
                let (process, thread) = split(rest, b'.').unwrap_or((rest, b"-1"));
                match process {
                    b"-1" | b"0" => (None, thread),
                    _ => (Some(number(process)?.checked_sub(1)? as usize), thread),
                }
            }
        };
        match thread {
            b"-1" => Some(Named::All(process)),
            _ => match number(thread)? {
                0 => Some(Named::Any(process)),
                n => {
                    let (at, _) = self.all.get(usize::try_from(n).ok()? - 1)?;
                    process.is_none_or(|p| p == at.cluster).then_some(Named::One(*at))
                }
            },
        }
    }
}
