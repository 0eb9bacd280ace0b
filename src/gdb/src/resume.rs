//! Letting cores go: `vCont`, `c`, `s`.

use crate::ids::Named;
use crate::packet::{number, split};
use crate::stub::{Answer, Stub};
use hetemu_control::{Session, Status};
use hetemu_machine::{Back, CoreId, Range};

/// What a thread is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Continue,
    Step(Option<Range>),
}

impl Stub {
    /// `vCont`: for each thread the leftmost action that names it; the others stand still.
    pub(crate) fn resume(&mut self, session: &mut Session, actions: &[u8]) -> Answer {
        let mut parsed = Vec::new();
        for action in actions.split(|b| *b == b';').filter(|a| !a.is_empty()) {
            let (what, id) = match split(action, b':') {
                Some((what, id)) => (what, Some(id)),
                None => (action, None),
            };
            let named = match id {
                None => Named::All(None),
                Some(id) => match self.wait.lock().threads.parse(id) {
                    Some(named) => named,
                    None => return Answer::error(),
                },
            };
            let what = match what.split_first() {
                Some((b'c' | b'C', _)) => Action::Continue,
                Some((b's' | b'S', _)) => Action::Step(None),
                Some((b'r', range)) => {
                    let range = split(range, b',')
                        .and_then(|(from, to)| Some((number(from)?, number(to)?)));
                    let Some((from, to)) = range else { return Answer::error() };
                    Action::Step((to > from).then(|| (from, to - 1)))
                }
                _ => return Answer::error(),
            };
            if parsed.len() >= 256 {
                return Answer::error();
            }
            parsed.push((what, named));
        }
        self.act(session, &parsed)
    }

    /// `c`, `s` and the like, of the chosen thread; an address to go on at may follow.
    pub(crate) fn go(&mut self, session: &mut Session, kind: u8, rest: &[u8]) -> Answer {
        let address = match kind {
            b'C' | b'S' => split(rest, b';').map_or(&b""[..], |(_, address)| address),
            _ => rest,
        };
        if kind == b'b' {
            return self.back(session, rest);
        }
        let chosen = match self.run {
            Named::One(at) => Some(at),
            _ => None,
        };
        let stepping = matches!(kind, b's' | b'S');
        let at = chosen.or(self.wait.lock().current).unwrap_or(self.other);
        if let Some(pc) = number(address) {
            let Ok(machine) = session.machine_mut() else { return Answer::error() };
            machine.set_core_register(at, "pc", pc);
        }
        // Without `vCont` a client means all threads, and steps one.
        let mut actions = Vec::new();
        if stepping {
            actions.push((Action::Step(None), Named::One(at)));
        }
        actions.push((Action::Continue, Named::All(None)));
        self.act(session, &actions)
    }

    /// `bs` and `bc`: one instruction back, or back to the last stop.
    fn back(&mut self, session: &mut Session, rest: &[u8]) -> Answer {
        let chosen = match self.run {
            Named::One(at) => Some(at),
            _ => None,
        };
        let at = chosen.or(self.wait.lock().current).unwrap_or(self.other);
        let Ok(machine) = session.machine_mut() else { return Answer::error() };
        if machine.history().is_none() {
            return Answer::text("E.no history is kept: `monitor history on` begins it");
        }
        let went = match rest {
            b"s" => machine.step_back(at),
            b"c" => {
                self.set_stops(machine);
                machine.run_back()
            }
            _ => return Answer::unknown(),
        };
        match went {
            Ok(Back::Stop(stop)) => {
                session.went_back();
                Answer::text(self.wait.lock().stopped(stop))
            }
            Ok(Back::Begin) => {
                session.went_back();
                Answer::text(self.wait.lock().beginning())
            }
            Err(report) => Answer::text(format!("E.{}", report.message)),
        }
    }

    fn act(&mut self, session: &mut Session, actions: &[(Action, Named)]) -> Answer {
        let mut steps: Vec<(CoreId, Option<Range>)> = Vec::new();
        let mut held = Vec::new();
        let mut alone = true;
        {
            let wait = self.wait.lock();
            let mine = wait.threads.cores().filter(|(at, _)| self.attached.contains(&at.cluster));
            for (at, _) in mine {
                match actions.iter().find(|(_, named)| named.means(at)) {
                    Some((Action::Continue, _)) => alone = false,
                    Some((Action::Step(range), _)) => {
                        alone &= range.is_none();
                        steps.push((at, *range));
                    }
                    None => held.push(at),
                }
            }
        }
        if session.status() == Status::Shutdown {
            // It can be looked at, but nothing goes on.
            return Answer::text(self.over(session));
        }
        let Ok(machine) = session.machine_mut() else { return Answer::error() };
        // A core that is to do one instruction passes its breakpoint anyway: GDB takes all away
        // for such a step, and sets them again right after it.
        if !(alone && steps.len() == 1) {
            self.set_stops(machine);
        }
        machine.set_steps(&steps, &held);
        {
            let mut wait = self.wait.lock();
            wait.waiting = true;
            wait.last = None;
        }
        match session.resume() {
            Ok(()) => Answer::Later,
            Err(_) => {
                self.wait.lock().waiting = false;
                Answer::error()
            }
        }
    }

    /// The machine is over: what a client that wants to go on is told.
    fn over(&self, session: &Session) -> String {
        let outcome = session.machine().ok().and_then(hetemu_machine::Running::outcome);
        let wait = self.wait.lock();
        let code = match outcome {
            Some(hetemu_machine::Outcome::Exit(code)) => format!("W{:02x}", code as u8),
            _ => String::from("X06"),
        };
        match wait.current.filter(|_| wait.processes) {
            Some(at) => format!("{code};process:{:x}", at.cluster + 1),
            None => code,
        }
    }
}
