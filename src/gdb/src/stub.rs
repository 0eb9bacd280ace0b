//! One client's session: what each packet does and is answered with.

use crate::ids::Named;
use crate::packet::{number, split};
use crate::wait::SharedWait;
use hetemu_control::{Error, Reason, Session, Status};
use hetemu_isa::DebugLayout;
use hetemu_machine::{CoreId, Debugger, Running, Watched};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What becomes of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// This is sent back.
    Reply(Vec<u8>),
    /// The cores run; what is sent back comes when they stop.
    Later,
    /// This is sent back, and acknowledgements end.
    NoAcks,
    /// This is sent back, and the connection ends.
    Bye(Vec<u8>),
}

impl Answer {
    pub(crate) fn ok() -> Answer {
        Answer::text("OK")
    }

    pub(crate) fn text(text: impl Into<String>) -> Answer {
        Answer::Reply(text.into().into_bytes())
    }

    /// An error. GDB shows numbers only, and takes them all alike.
    pub(crate) fn error() -> Answer {
        Answer::text("E01")
    }

    /// The packet is not known.
    pub(crate) fn unknown() -> Answer {
        Answer::Reply(Vec::new())
    }

    pub(crate) fn ok_if(done: bool) -> Answer {
        if done { Answer::ok() } else { Answer::error() }
    }
}

/// Breakpoints of a cluster, and watched memory, that a client may set.
const MOST_STOPS: usize = 4096;

/// How a cluster's registers are described.
#[derive(Debug)]
pub(crate) struct Description {
    pub(crate) layout: DebugLayout,
    pub(crate) xml: String,
}

/// A client's session.
#[derive(Debug)]
pub struct Stub {
    /// The only cluster that the client may see.
    only: Option<usize>,
    pub(crate) who: Option<Debugger>,
    pub(crate) attached: BTreeSet<usize>,
    /// The thread of registers and memory, and that of `c` and `s`.
    pub(crate) other: CoreId,
    pub(crate) run: Named,
    pub(crate) wait: SharedWait,
    descriptions: BTreeMap<usize, Arc<Description>>,
    breakpoints: BTreeMap<usize, BTreeSet<u64>>,
    watched: BTreeMap<usize, Vec<(u8, Watched)>>,
    /// Breakpoints or watched memory changed since the cores ran last.
    pub(crate) changed: bool,
    /// The client ends the machine when it goes.
    kills: bool,
    /// Addresses are physical (`Qqemu.PhyMemMode`).
    pub(crate) physical: bool,
    /// The threads were listed.
    pub(crate) listed: bool,
}

impl Stub {
    /// For clients of one cluster, or of all.
    pub fn new(only: Option<usize>) -> Stub {
        Stub {
            only,
            who: None,
            attached: BTreeSet::new(),
            other: CoreId { cluster: only.unwrap_or(0), core: 0 },
            run: Named::Any(None),
            wait: SharedWait::default(),
            descriptions: BTreeMap::new(),
            breakpoints: BTreeMap::new(),
            watched: BTreeMap::new(),
            changed: false,
            kills: false,
            physical: false,
            listed: false,
        }
    }

    /// A client has come: the machine is stopped, as the protocol has it. `tell` is given what the
    /// client is to hear when the cores stop, on the machine's thread, and must not wait.
    ///
    /// # Errors
    /// There is no machine yet.
    pub fn connect(
        &mut self,
        session: &mut Session,
        mut tell: impl FnMut(Vec<u8>) -> bool + Send + 'static,
    ) -> Result<(), Error> {
        let machine = session.machine_mut()?;
        let who = machine.debugger();
        machine.attach(who);
        self.who = Some(who);
        let first = machine.cores().map(|(at, _)| at).find(|at| self.sees(at.cluster));
        self.other = first.unwrap_or(self.other);
        self.attached = first.iter().map(|at| at.cluster).collect();
        {
            let mut wait = self.wait.lock();
            wait.threads = crate::ids::Threads::of(machine);
            wait.current = first;
            wait.attached = self.attached.iter().copied().collect();
        }
        session.pause()?;
        session.keep_wreck(true);
        let wait = self.wait.clone();
        session.listen(Box::new(move |event, _| {
            let packet = wait.lock().hear(event);
            packet.is_none_or(|packet| tell(packet.into_bytes()))
        }));
        Ok(())
    }

    /// The client is gone: nothing of it stays, and the machine goes on, or ends if that was asked.
    /// To be called after [`Answer::Bye`], too, once that is sent.
    pub fn disconnect(&mut self, session: &mut Session) {
        self.wait.lock().waiting = false;
        let Some(who) = self.who.take() else { return };
        if let Ok(machine) = session.machine_mut() {
            machine.detach(who);
            machine.forget_history();
        }
        session.keep_wreck(false);
        if self.kills {
            session.quit(Reason::Host);
        } else if matches!(session.status(), Status::Paused | Status::Debug | Status::Prelaunch) {
            let _ = session.resume();
        }
    }

    /// Whether a client of this stub may see a cluster.
    pub(crate) fn sees(&self, cluster: usize) -> bool {
        self.only.is_none_or(|only| only == cluster)
    }

    /// The interrupt byte came: gives what is sent back now.
    pub fn interrupt(&mut self, session: &mut Session) -> Option<Vec<u8>> {
        if let Ok(machine) = session.machine_mut() {
            machine.set_steps(&[], &[]);
        }
        // The listener hears of it, unless the machine stood still already.
        let _ = session.pause();
        let mut wait = self.wait.lock();
        wait.waiting.then(|| wait.interrupted().into_bytes())
    }

    /// A packet came.
    pub fn packet(&mut self, session: &mut Session, packet: &[u8]) -> Answer {
        let Some((kind, rest)) = packet.split_first() else { return Answer::unknown() };
        let chosen = self.wait.lock().chosen();
        self.other = chosen.unwrap_or(self.other);
        match kind {
            b'!' => return Answer::ok(),
            b'?' => return Answer::text(self.wait.lock().standing()),
            b'D' => return self.detach(session, rest),
            b'H' => return self.choose(rest),
            b'T' => return Answer::ok_if(self.thread(rest).is_some()),
            b'k' => {
                self.kills = true;
                return Answer::Bye(Vec::new());
            }
            b'R' => return Answer::ok_if(session.reset(Reason::Host).is_ok()),
            b'c' | b'C' | b's' | b'S' | b'b' => return self.go(session, *kind, rest),
            b'q' | b'Q' => return self.query(session, packet),
            b'v' => return self.verbose(session, packet),
            b'Z' | b'z' => return self.stop_at(packet),
            _ => {}
        }
        let Ok(machine) = session.machine_mut() else { return Answer::error() };
        match kind {
            b'g' => self.registers(machine),
            b'G' => self.set_registers(machine, rest),
            b'p' => self.register(machine, rest),
            b'P' => self.set_register(machine, rest),
            b'm' => self.memory(machine, rest),
            b'M' => self.set_memory(machine, rest, true),
            b'X' => self.set_memory(machine, rest, false),
            _ => Answer::unknown(),
        }
    }

    fn verbose(&mut self, session: &mut Session, packet: &[u8]) -> Answer {
        if packet == b"vCont?" {
            return Answer::text("vCont;c;C;s;S;r");
        }
        if let Some(actions) = packet.strip_prefix(b"vCont;") {
            return self.resume(session, actions);
        }
        if let Some(process) = packet.strip_prefix(b"vAttach;") {
            return self.attach(session, process);
        }
        if packet == b"vKill" || packet.starts_with(b"vKill;") {
            self.kills = true;
            return Answer::Bye(b"OK".to_vec());
        }
        Answer::unknown()
    }

    /// Another cluster becomes the client's.
    fn attach(&mut self, session: &mut Session, process: &[u8]) -> Answer {
        let cluster = number(process).and_then(|n| usize::try_from(n).ok()?.checked_sub(1));
        let first =
            cluster.filter(|c| self.sees(*c)).and_then(|c| self.wait.lock().threads.first_of(c));
        let Some(first) = first else { return Answer::error() };
        self.attached.insert(first.cluster);
        self.other = first;
        let _ = session.pause();
        let mut wait = self.wait.lock();
        wait.attached = self.attached.iter().copied().collect();
        wait.current = Some(first);
        wait.last = None;
        Answer::text(wait.standing())
    }

    /// Lets go of a cluster, or of all.
    fn detach(&mut self, session: &mut Session, rest: &[u8]) -> Answer {
        match rest.strip_prefix(b";").and_then(number).and_then(|n| usize::try_from(n).ok()) {
            Some(process) => {
                let cluster = process.wrapping_sub(1);
                if !self.attached.remove(&cluster) {
                    return Answer::error();
                }
                self.forget(session, cluster);
            }
            None if rest.is_empty() => self.attached.clear(),
            None => return Answer::error(),
        }
        self.wait.lock().attached = self.attached.iter().copied().collect();
        if self.attached.is_empty() {
            // The machine goes on when the client is gone: it may end at once.
            return Answer::Bye(b"OK".to_vec());
        }
        Answer::ok()
    }

    fn forget(&mut self, session: &mut Session, cluster: usize) {
        self.breakpoints.remove(&cluster);
        self.watched.remove(&cluster);
        self.publish();
        if let (Some(who), Ok(machine)) = (self.who, session.machine_mut()) {
            machine.set_breakpoints(who, cluster, &[]);
            machine.set_watched(who, cluster, &[]);
        }
    }

    /// The core that a packet means, if it is the client's.
    pub(crate) fn thread(&self, text: &[u8]) -> Option<CoreId> {
        let wait = self.wait.lock();
        match wait.threads.parse(text)? {
            Named::One(at) => Some(at).filter(|at| self.attached.contains(&at.cluster)),
            named => {
                let mine = |at: &CoreId| self.attached.contains(&at.cluster) && named.means(*at);
                let current = wait.current.into_iter();
                current.chain(wait.threads.cores().map(|(at, _)| at)).find(mine)
            }
        }
    }

    fn choose(&mut self, rest: &[u8]) -> Answer {
        let Some((kind, id)) = rest.split_first() else { return Answer::error() };
        match kind {
            b'g' => match self.thread(id) {
                Some(at) => self.other = at,
                None => return Answer::error(),
            },
            b'c' => {
                let named = self.wait.lock().threads.parse(id);
                match named {
                    Some(named) => self.run = named,
                    None => return Answer::error(),
                }
            }
            _ => return Answer::error(),
        }
        Answer::ok()
    }

    /// The description of a cluster's registers.
    pub(crate) fn description(
        &mut self,
        machine: &Running,
        cluster: usize,
    ) -> Option<Arc<Description>> {
        if let Some(known) = self.descriptions.get(&cluster) {
            return Some(known.clone());
        }
        let layout = machine.debug_layout(CoreId { cluster, core: 0 })?;
        let made = Arc::new(Description { xml: layout.xml(), layout });
        self.descriptions.insert(cluster, made.clone());
        Some(made)
    }

    /// `Z` and `z`: breakpoints and watched memory of the chosen thread's process.
    fn stop_at(&mut self, packet: &[u8]) -> Answer {
        let parse = || {
            let (set, rest) = packet.split_first()?;
            let (kind, rest) = split(rest, b',')?;
            let (address, rest) = split(rest, b',')?;
            let len = split(rest, b';').map_or(rest, |(len, _)| len);
            Some((*set == b'Z', kind, number(address)?, number(len)?))
        };
        let Some((set, kind, address, len)) = parse() else { return Answer::error() };
        let cluster = self.other.cluster;
        let [kind @ b'0'..=b'4'] = kind else { return Answer::unknown() };
        self.changed = true;
        if matches!(kind, b'0' | b'1') {
            let all = self.breakpoints.entry(cluster).or_default();
            if !set {
                all.remove(&address);
            } else if all.len() < MOST_STOPS {
                all.insert(address);
            } else {
                return Answer::error();
            }
            return Answer::ok();
        }
        let watched = Watched {
            first: address,
            last: address.saturating_add(len.max(1) - 1),
            read: matches!(kind, b'3' | b'4'),
            write: matches!(kind, b'2' | b'4'),
        };
        let all = self.watched.entry(cluster).or_default();
        let found = all.iter().position(|w| *w == (*kind, watched));
        match (set, found) {
            (true, None) if all.len() < MOST_STOPS => all.push((*kind, watched)),
            (true, None) => return Answer::error(),
            (false, Some(at)) => {
                all.remove(at);
            }
            _ => {}
        }
        self.publish();
        Answer::ok()
    }

    /// Tells the listener what is watched.
    fn publish(&self) {
        let all = self.watched.iter().flat_map(|(c, list)| list.iter().map(|(_, w)| (*c, *w)));
        self.wait.lock().watched = all.collect();
    }

    /// Hands breakpoints and watched memory to the machine. GDB takes all away at each stop and
    /// sets them again before the cores go on; code is translated anew only for what has changed.
    pub(crate) fn set_stops(&mut self, machine: &mut Running) {
        let Some(who) = self.who.filter(|_| std::mem::take(&mut self.changed)) else { return };
        for cluster in &self.attached {
            let breakpoints = self.breakpoints.get(cluster).into_iter().flatten();
            let breakpoints: Vec<u64> = breakpoints.copied().collect();
            machine.set_breakpoints(who, *cluster, &breakpoints);
            let watched = self.watched.get(cluster).into_iter().flatten();
            let watched: Vec<Watched> = watched.map(|(_, w)| *w).collect();
            machine.set_watched(who, *cluster, &watched);
        }
    }
}
