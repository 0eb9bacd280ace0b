//! `q` and `Q`: what the stub can do, threads, descriptions, commands of the monitor.

use crate::packet::{MOST, hex, number, split, unhex};
use crate::stub::{Answer, Stub};
use hetemu_control::{Reason, Session};
use hetemu_machine::Running;
use std::fmt::Write;

const OURS: &str = "reset           resets everything
history on|off  keeps states, for reverse-step and reverse-continue
";

/// Bytes of text in an answer.
const PIECE: usize = MOST / 2 - 16;

impl Stub {
    pub(crate) fn query(&mut self, session: &mut Session, packet: &[u8]) -> Answer {
        let (name, rest) = match packet.iter().position(|b| matches!(b, b':' | b',' | b';')) {
            Some(at) => (packet.get(..at).unwrap_or(packet), packet.get(at + 1..)),
            None => (packet, None),
        };
        let rest = rest.unwrap_or_default();
        match name {
            b"qSupported" => self.supported(rest),
            b"QStartNoAckMode" => Answer::NoAcks,
            b"qAttached" => Answer::text("1"),
            b"qC" => {
                let wait = self.wait.lock();
                let at = wait.current.unwrap_or(self.other);
                Answer::text(format!("QC{}", wait.threads.id(at, wait.processes)))
            }
            b"qfThreadInfo" => {
                self.listed = false;
                self.list()
            }
            b"qsThreadInfo" => self.list(),
            b"qThreadExtraInfo" => match (self.thread(rest), session.machine()) {
                (Some(at), Ok(machine)) => {
                    let name = self.wait.lock();
                    let name = name.threads.cores().find(|(of, _)| *of == at).map(|(_, n)| n);
                    let text = format!("{} [{}]", name.unwrap_or(""), machine.core_state(at));
                    Answer::Reply(hex(text.as_bytes()))
                }
                _ => Answer::error(),
            },
            b"qSymbol" => Answer::ok(),
            b"qXfer" => self.transfer(session, rest),
            b"qRcmd" => self.command(session, rest),
            b"qqemu.PhyMemMode" => Answer::text(if self.physical { "1" } else { "0" }),
            b"Qqemu.PhyMemMode" => {
                self.physical = rest == b"1";
                Answer::ok()
            }
            _ => Answer::unknown(),
        }
    }

    fn supported(&mut self, theirs: &[u8]) -> Answer {
        let processes = theirs.split(|b| *b == b';').any(|f| f == b"multiprocess+");
        self.wait.lock().processes = processes;
        let mut out = format!(
            "PacketSize={MOST:x};QStartNoAckMode+;vContSupported+;qXfer:features:read+;\
             qXfer:memory-map:read+;qXfer:threads:read+;swbreak+;hwbreak+;\
             ReverseStep+;ReverseContinue+"
        );
        if processes {
            out.push_str(";multiprocess+");
        }
        Answer::text(out)
    }

    /// Threads of the client's clusters, all in one packet.
    fn list(&mut self) -> Answer {
        if std::mem::replace(&mut self.listed, true) {
            return Answer::text("l");
        }
        let wait = self.wait.lock();
        let mine = wait.threads.cores().filter(|(at, _)| self.attached.contains(&at.cluster));
        let ids: Vec<String> = mine.map(|(at, _)| wait.threads.id(at, wait.processes)).collect();
        Answer::text(format!("m{}", ids.join(",")))
    }

    /// `qXfer:object:read:annex:offset,length`.
    fn transfer(&mut self, session: &Session, rest: &[u8]) -> Answer {
        let Ok(machine) = session.machine() else { return Answer::error() };
        let mut parts = rest.split(|b| *b == b':');
        let mut next = || parts.next().unwrap_or_default();
        let (object, verb, annex, range) = (next(), next(), next(), next());
        if verb != b"read" {
            return Answer::unknown();
        }
        let range = split(range, b',').and_then(|(a, b)| Some((number(a)?, number(b)?)));
        let Some((offset, len)) = range else { return Answer::error() };
        let text = match object {
            b"features" if annex == b"target.xml" => {
                match self.description(machine, self.other.cluster) {
                    Some(about) => about.xml.clone(),
                    None => return Answer::error(),
                }
            }
            b"features" => return Answer::text("E00"),
            b"memory-map" => memory_map(machine, self.other.cluster),
            b"threads" => self.threads(machine),
            _ => return Answer::unknown(),
        };
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let Some(left) = text.as_bytes().get(from..) else { return Answer::text("l") };
        // Escapes may double what is sent.
        let len = usize::try_from(len).unwrap_or(usize::MAX).min(PIECE).min(left.len());
        let piece = left.get(..len).unwrap_or(left);
        let mut out = vec![if len < left.len() { b'm' } else { b'l' }];
        out.extend(piece);
        Answer::Reply(out)
    }

    fn threads(&self, machine: &Running) -> String {
        let wait = self.wait.lock();
        let mut out = String::from("<?xml version=\"1.0\"?>\n<threads>\n");
        for (at, name) in wait.threads.cores() {
            if self.attached.contains(&at.cluster) {
                let id = wait.threads.id(at, wait.processes);
                let state = machine.core_state(at);
                let _ = writeln!(
                    out,
                    "<thread id=\"{id}\" core=\"{}\" name=\"{name}\">{state}</thread>",
                    at.core
                );
            }
        }
        out.push_str("</threads>\n");
        out
    }

    /// A line of the monitor, in pairs of digits.
    fn command(&mut self, session: &mut Session, rest: &[u8]) -> Answer {
        let Some(line) = unhex(rest) else { return Answer::error() };
        let line = String::from_utf8_lossy(&line);
        let line = line.trim();
        let text = match line {
            "quit" | "q" => {
                session.quit(Reason::Host);
                String::from("the machine has ended\n")
            }
            "reset" | "system_reset" => match session.reset(Reason::Host) {
                Ok(()) => String::from("reset\n"),
                Err(e) => format!("{e}\n"),
            },
            "history on" => match session.machine_mut().map(Running::keep_history) {
                Ok(Ok(())) => String::from("history begins here\n"),
                Ok(Err(report)) => format!("{}\n", report.message),
                Err(e) => format!("{e}\n"),
            },
            "history off" => {
                if let Ok(machine) = session.machine_mut() {
                    machine.forget_history();
                }
                String::from("no history is kept\n")
            }
            "history" => match session.machine().ok().and_then(Running::history) {
                Some((states, steps)) => format!("{states} states, {steps} instructions back\n"),
                None => String::from("no history is kept\n"),
            },
            _ => match session.machine_mut() {
                Ok(machine) if line == "help" => {
                    format!("{}{OURS}", machine.monitor(line))
                }
                Ok(machine) => machine.monitor(line),
                Err(e) => format!("{e}\n"),
            },
        };
        if text.is_empty() {
            return Answer::ok();
        }
        if text.len() <= PIECE {
            return Answer::Reply(hex(text.as_bytes()));
        }
        // What is longer is cut at the end of a line.
        let head: String = text.chars().take(PIECE - 64).collect();
        let head = head.rsplit_once('\n').map_or(head.as_str(), |(head, _)| head);
        Answer::Reply(hex(format!("{head}\n(more lines do not fit a packet)\n").as_bytes()))
    }
}

/// What GDB may access. Of cores that translate addresses nothing is said: the map is of the
/// addresses that a debugger uses, and those are virtual.
fn memory_map(machine: &Running, cluster: usize) -> String {
    let mut out = String::from("<?xml version=\"1.0\"?>\n<!DOCTYPE memory-map PUBLIC ");
    out.push_str("\"+//IDN gnu.org//DTD GDB Memory Map V1.0//EN\" ");
    out.push_str("\"http://sourceware.org/gdb/gdb-memory-map.dtd\">\n<memory-map>\n");
    let mut ram = |start: u64, len: u64| {
        let _ = writeln!(out, "<memory type=\"ram\" start=\"{start:#x}\" length=\"{len:#x}\"/>");
    };
    if machine.translates(cluster) {
        // 2^64 is no number of 64 bits: two halves.
        ram(0, 1 << 63);
        ram(1 << 63, 1 << 63);
    } else {
        // ROM and flash can be written by debuggers, so that `load` works: they are RAM to GDB.
        for s in machine.stretches(cluster) {
            ram(s.start, (s.last - s.start).saturating_add(1));
        }
    }
    out.push_str("</memory-map>\n");
    out
}
