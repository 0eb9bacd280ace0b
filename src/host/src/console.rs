//! Standard input and output: a raw terminal with the Ctrl-A menu, or pipes.

use crate::Serial;
use crate::bell::Bell;
use crate::escape::{Command, Escape};
use crate::line::{Line, Typed};
use crate::terminal::RawTerminal;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::collections::VecDeque;
use std::io::{Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What the reading thread has put aside.
#[derive(Default)]
struct Inbox {
    data: Vec<u8>,
    commands: VecDeque<Command>,
    /// A person talks to the monitor: data is not for the guest.
    monitor: bool,
    eof: bool,
}

/// Output, and what is done to it.
struct Outbox {
    start: Instant,
    stamps: bool,
    line_start: bool,
    broken: bool,
}

/// The console of a run. Clones share it.
#[derive(Clone)]
pub struct Console {
    inbox: Arc<Mutex<Inbox>>,
    outbox: Arc<Mutex<Outbox>>,
    bell: Bell,
    raw: Option<Arc<RawTerminal>>,
}

fn lock<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Console {
    /// Takes over standard input and output. A terminal becomes raw until the last clone is
    /// dropped; with `read` off nothing is read.
    pub fn open(bell: &Bell, read: bool) -> std::io::Result<Console> {
        let raw = if read { RawTerminal::enter()? } else { None };
        let console = Console {
            inbox: Arc::default(),
            outbox: Arc::new(Mutex::new(Outbox {
                start: Instant::now(),
                stamps: false,
                line_start: true,
                broken: false,
            })),
            bell: bell.clone(),
            raw: raw.map(Arc::new),
        };
        // What is there from the start is taken at the start: a run with input from a file, or with
        // none, does not depend on when a thread first looks.
        let ended = read && console.raw.is_none() && !take_first(&console.inbox);
        if read && !ended {
            let (inbox, bell, menu) = (console.inbox.clone(), bell.clone(), console.raw.is_some());
            std::thread::Builder::new()
                .name("stdin".into())
                .spawn(move || read_all(std::io::stdin(), &inbox, &bell, menu))?;
        } else {
            lock(&console.inbox).eof = true;
        }
        Ok(console)
    }

    /// Whether a person sits at a raw terminal.
    pub fn interactive(&self) -> bool {
        self.raw.is_some()
    }

    /// Whether the last line of output has no end yet.
    pub fn mid_line(&self) -> bool {
        !lock(&self.outbox).line_start
    }

    /// The next command of the Ctrl-A menu.
    pub fn command(&self) -> Option<Command> {
        lock(&self.inbox).commands.pop_front()
    }

    /// Whether there is one.
    pub fn has_command(&self) -> bool {
        !lock(&self.inbox).commands.is_empty()
    }

    /// Time stamps on or off; gives the new state.
    pub fn toggle_stamps(&self) -> bool {
        let mut out = lock(&self.outbox);
        out.stamps = !out.stamps;
        out.stamps
    }

    /// Writes a text of our own.
    pub fn say(&self, text: &str) {
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(text.as_bytes());
        let _ = out.flush();
        lock(&self.outbox).line_start = text.ends_with('\n');
    }

    /// Asks for a line, with an editor that remembers those before; `None` at the end of input.
    /// While nothing is typed, `meanwhile` is called each time that the bell rings, and at least
    /// five times a second; `words` are lines that can be completed to.
    pub fn ask(
        &self,
        line: &mut Line,
        prompt: &str,
        words: &[String],
        meanwhile: &mut dyn FnMut() -> bool,
    ) -> Option<String> {
        lock(&self.inbox).monitor = true;
        self.say(&line.begin(prompt));
        let answer = loop {
            let (bytes, command, eof) = {
                let mut inbox = lock(&self.inbox);
                (std::mem::take(&mut inbox.data), inbox.commands.pop_front(), inbox.eof)
            };
            // The menu works here, too: x ends the run, c goes back.
            let word = match command {
                Some(Command::Exit) => Some("exit"),
                Some(Command::Monitor) => Some("cont"),
                _ => None,
            };
            if let Some(word) = word {
                self.say("\n");
                break Some(word.to_owned());
            }
            if bytes.is_empty() {
                if eof || !meanwhile() {
                    break None;
                }
                self.bell.wait(Duration::from_millis(200));
                continue;
            }
            let (mut done, mut show) = (None, String::new());
            for (i, b) in bytes.iter().enumerate() {
                let typed = line.feed(*b, words, &mut show);
                if typed != Typed::More {
                    done = Some((i + 1, typed));
                    break;
                }
            }
            self.say(&show);
            if let Some((used, typed)) = done {
                let rest = bytes.get(used..).unwrap_or(&[]).to_vec();
                let mut inbox = lock(&self.inbox);
                let newer = std::mem::replace(&mut inbox.data, rest);
                inbox.data.extend(newer);
                break Some(match typed {
                    Typed::Line(text) => text,
                    _ => String::from("cont"),
                });
            }
        };
        lock(&self.inbox).monitor = false;
        answer
    }
}

/// Reads what standard input has now, up to 1 MiB; false if it has ended.
fn take_first(inbox: &Mutex<Inbox>) -> bool {
    let stdin = std::io::stdin();
    let mut bytes = [0; 65536];
    for _ in 0..16 {
        let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        if !poll(&mut fds, Some(&now)).is_ok_and(|n| n > 0) {
            return true;
        }
        match rustix::io::read(&stdin, &mut bytes) {
            Ok(0) => return false,
            Ok(n) => lock(inbox).data.extend_from_slice(bytes.get(..n).unwrap_or(&[])),
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return false,
        }
    }
    true
}

fn read_all(mut from: impl Read, inbox: &Mutex<Inbox>, bell: &Bell, menu: bool) {
    let mut escape = Escape::default();
    let mut bytes = [0; 4096];
    loop {
        let n = match from.read(&mut bytes) {
            Ok(n) => n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(_) => 0,
        };
        let mut inbox = lock(inbox);
        let part = bytes.get(..n).unwrap_or(&[]);
        if part.is_empty() {
            inbox.eof = true;
        } else if menu {
            let (mut data, mut commands) = (Vec::new(), Vec::new());
            escape.feed(part, &mut data, &mut commands);
            inbox.data.extend(data);
            inbox.commands.extend(commands);
        } else {
            inbox.data.extend_from_slice(part);
        }
        drop(inbox);
        bell.ring();
        if n == 0 {
            return;
        }
    }
}

impl Serial for Console {
    fn send(&mut self, bytes: &[u8]) {
        let mut out = lock(&self.outbox);
        let mut stdout = std::io::stdout().lock();
        let result = if out.stamps {
            let mut text = Vec::with_capacity(bytes.len() + 16);
            for b in bytes {
                if std::mem::replace(&mut out.line_start, *b == b'\n') {
                    let t = out.start.elapsed();
                    text.extend(format!("[{:4}.{:03}] ", t.as_secs(), t.subsec_millis()).bytes());
                }
                text.push(*b);
            }
            stdout.write_all(&text)
        } else {
            out.line_start = bytes.last() == Some(&b'\n');
            stdout.write_all(bytes)
        };
        if result.and_then(|()| stdout.flush()).is_err() {
            out.broken = true;
            self.bell.ring();
        }
    }

    fn input(&mut self, into: &mut Vec<u8>) {
        let mut inbox = lock(&self.inbox);
        if !inbox.monitor && !inbox.data.is_empty() {
            into.append(&mut inbox.data);
        }
    }

    fn live(&self) -> bool {
        let inbox = lock(&self.inbox);
        !inbox.eof || !inbox.data.is_empty()
    }

    fn broken(&self) -> bool {
        lock(&self.outbox).broken
    }
}
