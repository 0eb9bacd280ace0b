//! The server: sockets and threads around [`crate::protocol`].
//!
//! One thread takes clients, one after the other, and reads what they send; one writes. Commands
//! that need the machine are calls of its queue. With `oob` one thread more carries out commands in
//! their order, while the reading one lets those overtake that may. What a client sends or does not
//! read costs its own connection only: lines wait up to a limit, and the machine never waits.

use crate::context::{Monitor, carry_out};
use crate::error::Error;
use crate::protocol::{Talk, Work, greeting, line, reply};
use hetemu_control::{Event, Handle, Reason};
use serde_json::{Map, Value, json};
use std::collections::VecDeque;
use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Bytes that may wait to be read before answers wait, too.
const PATIENCE: usize = 1 << 20;
/// Bytes that may wait to be read before the connection is closed.
const TOO_MUCH: usize = 32 << 20;
/// Commands that may wait behind one that is carried out.
const QUEUE: usize = 8;
/// How long the end of the program waits for what was said to be written.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// A client's connection.
pub struct Connection {
    /// What it sends.
    pub input: Box<dyn Read + Send>,
    /// What it gets.
    pub output: Box<dyn Write + Send>,
    /// Ends both, from any thread.
    pub close: Box<dyn Fn() + Send + Sync>,
}

/// Where clients come from.
pub trait Listener: Send {
    /// Waits for the next one; `None`: there is none any more.
    fn next(&mut self) -> Option<Connection>;
}

#[derive(Default)]
struct Waiting {
    lines: VecDeque<String>,
    bytes: usize,
    /// Commands that are carried out.
    busy: u32,
    /// A line is being written.
    writing: bool,
    /// No more lines are taken: those that wait are written.
    finishing: bool,
    closed: bool,
}

/// Lines on their way to a client.
struct Outbox {
    waiting: Mutex<Waiting>,
    changed: Condvar,
    close: Box<dyn Fn() + Send + Sync>,
}

impl Outbox {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A line that may wait until the client has read others.
    fn answer(&self, line: String) {
        let mut w = self.lock();
        while w.bytes > PATIENCE && !w.closed {
            w = self.changed.wait(w).unwrap_or_else(PoisonError::into_inner);
        }
        self.push(w, line);
    }

    /// A line that cannot wait: the machine's thread says it.
    fn event(&self, line: String) {
        self.push(self.lock(), line);
    }

    fn push(&self, mut w: MutexGuard<'_, Waiting>, line: String) {
        if w.closed || w.finishing {
            return;
        }
        if w.bytes > TOO_MUCH {
            w.closed = true;
            (self.close)();
        } else {
            w.bytes += line.len();
            w.lines.push_back(line);
        }
        self.changed.notify_all();
    }

    fn busy(&self, more: bool) {
        let mut w = self.lock();
        w.busy = if more { w.busy + 1 } else { w.busy.saturating_sub(1) };
        self.changed.notify_all();
    }

    /// Writes lines until the end.
    fn write_all(&self, mut output: Box<dyn Write + Send>) {
        loop {
            let mut w = self.lock();
            w.writing = false;
            self.changed.notify_all();
            while w.lines.is_empty() && !w.closed && !w.finishing {
                w = self.changed.wait(w).unwrap_or_else(PoisonError::into_inner);
            }
            let Some(line) = w.lines.pop_front().filter(|_| !w.closed) else {
                w.closed = true;
                self.changed.notify_all();
                return;
            };
            w.bytes -= line.len();
            w.writing = true;
            drop(w);
            if output.write_all(line.as_bytes()).and_then(|()| output.flush()).is_err() {
                let mut w = self.lock();
                (w.closed, w.writing) = (true, false);
                self.changed.notify_all();
                return;
            }
        }
    }

    /// Waits, not for long, until everything is said and written, and closes.
    fn finish(&self, limit: Duration) {
        let mut w = self.lock();
        let quiet = |w: &mut Waiting| (w.busy > 0 || !w.lines.is_empty() || w.writing) && !w.closed;
        w = match self.changed.wait_timeout_while(w, limit, quiet) {
            Ok((w, _)) => w,
            Err(e) => e.into_inner().0,
        };
        w.finishing = true;
        self.changed.notify_all();
        drop(w);
        (self.close)();
    }
}

/// A running server.
pub struct Server {
    client: Arc<Mutex<Option<Arc<Outbox>>>>,
    over: Arc<AtomicBool>,
}

impl Server {
    /// Serves clients of a listener, on threads of its own. With `wait` the machine is let run when
    /// the first one comes.
    pub fn start(
        mut listener: Box<dyn Listener>,
        handle: Handle,
        monitor: Arc<Monitor>,
        wait: bool,
    ) -> std::io::Result<Server> {
        let client = Arc::new(Mutex::new(None));
        let over = Arc::new(AtomicBool::new(false));
        let (current, ending) = (client.clone(), over.clone());
        let mut waits = wait;
        std::thread::Builder::new().name("qmp".into()).spawn(move || {
            while let Some(connection) = listener.next() {
                if std::mem::take(&mut waits) {
                    let _ = handle.post(|session| drop(session.resume()));
                }
                serve(connection, &handle, &monitor, &current);
                if ending.load(Ordering::Acquire) {
                    return;
                }
            }
            // No client can come any more: nobody would ever finish a draft.
            let _ = handle.post(|session| {
                if session.is_draft() {
                    session.quit(Reason::Host);
                }
            });
        })?;
        Ok(Server { client, over })
    }

    /// The session is over: what was said is written, then the connection ends.
    pub fn finish(&self) {
        self.over.store(true, Ordering::Release);
        let client = self.client.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(outbox) = client {
            outbox.finish(LAST_WORDS);
        }
    }
}

/// Talks with one client until it leaves.
fn serve(
    connection: Connection,
    handle: &Handle,
    monitor: &Arc<Monitor>,
    current: &Arc<Mutex<Option<Arc<Outbox>>>>,
) {
    let Connection { mut input, output, close } = connection;
    let outbox = Outbox { waiting: Mutex::default(), changed: Condvar::new(), close };
    let outbox = Arc::new(outbox);
    *current.lock().unwrap_or_else(PoisonError::into_inner) = Some(outbox.clone());
    let writer = {
        let outbox = outbox.clone();
        std::thread::Builder::new().name("qmp-out".into()).spawn(move || outbox.write_all(output))
    };
    let Ok(writer) = writer else { return };
    outbox.answer(greeting());
    let negotiated = Arc::new(AtomicBool::new(false));
    listen(handle, &outbox, &negotiated);

    std::thread::scope(|threads| {
        let mut talk = Talk::default();
        let (mut work, mut bytes) = (Vec::new(), [0; 4096]);
        let mut lane: Option<std::sync::mpsc::SyncSender<Work>> = None;
        loop {
            let n = match input.read(&mut bytes) {
                Ok(0) => break,
                Ok(n) => n,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(_) => break,
            };
            for byte in bytes.get(..n).unwrap_or(&[]) {
                talk.feed(*byte, &mut work);
                if work.is_empty() {
                    continue;
                }
                negotiated.store(talk.negotiated(), Ordering::Release);
                for item in work.drain(..) {
                    let overtakes = matches!(item, Work::Run { oob: true, .. });
                    match &lane {
                        Some(lane) if !overtakes => {
                            if lane.send(item).is_err() {
                                return;
                            }
                        }
                        _ => do_work(item, &outbox, handle, monitor),
                    }
                }
                if talk.out_of_band() && lane.is_none() {
                    let (sender, receiver) = sync_channel::<Work>(QUEUE);
                    let outbox = outbox.clone();
                    threads.spawn(move || {
                        for item in receiver {
                            do_work(item, &outbox, handle, monitor);
                        }
                    });
                    lane = Some(sender);
                }
            }
            if outbox.lock().closed {
                break;
            }
        }
    });
    *current.lock().unwrap_or_else(PoisonError::into_inner) = None;
    outbox.lock().finishing = true;
    outbox.changed.notify_all();
    // A client may close its sending side and still read: what was said is written.
    let _ = writer.join();
    (outbox.close)();
}

fn do_work(work: Work, outbox: &Outbox, handle: &Handle, monitor: &Arc<Monitor>) {
    match work {
        Work::Answer { result, id } => outbox.answer(reply(result, id)),
        Work::Run { command, args, id, .. } => {
            outbox.busy(true);
            let result = carry_out(handle, monitor, command, args);
            outbox.answer(reply(result, id));
            outbox.busy(false);
        }
    }
}

/// Tells a client of events from now on.
fn listen(handle: &Handle, outbox: &Arc<Outbox>, negotiated: &Arc<AtomicBool>) {
    let (outbox, negotiated) = (Arc::downgrade(outbox), negotiated.clone());
    let _ = handle.post(move |session| {
        session.listen(Box::new(move |event, _| {
            let Some(outbox) = outbox.upgrade() else { return false };
            if let (true, Some(text)) = (negotiated.load(Ordering::Acquire), event_line(event)) {
                outbox.event(text);
            }
            true
        }));
    });
}

/// An event as clients get it.
fn event_line(event: &Event) -> Option<String> {
    let by = |why: &Reason, guest: &str, host: &str| {
        let reason = match why {
            Reason::Guest => guest,
            Reason::Host => host,
            Reason::Person => "host-ui",
        };
        Some(json!({"guest": *why == Reason::Guest, "reason": reason}))
    };
    let (name, data) = match event {
        Event::Resumed => ("RESUME", None),
        Event::Stopped => ("STOP", None),
        Event::Debug(_) | Event::Ended(_) => return None,
        Event::Powerdown => ("POWERDOWN", None),
        Event::Reset(why) => ("RESET", by(why, "guest-reset", "host-qmp-system-reset")),
        Event::Shutdown(why) => ("SHUTDOWN", by(why, "guest-shutdown", "host-qmp-quit")),
        Event::Other { name, data } => (name.as_str(), serde_json::from_str(data).ok()),
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut map = Map::new();
    let stamp = json!({"seconds": now.as_secs(), "microseconds": now.subsec_micros()});
    map.insert("timestamp".into(), stamp);
    map.insert("event".into(), json!(name));
    if let Some(data) = data {
        map.insert("data".into(), data);
    }
    Some(line(&Value::Object(map)))
}

/// What is wrong with the text after `--qmp`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SpecError(String);

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A socket of the file system.
    Unix(String),
    /// Host and port.
    Tcp(String),
    /// Standard input and output.
    Stdio,
}

/// The text after `--qmp`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// Where.
    pub address: Address,
    /// The machine waits until a client comes.
    pub wait: bool,
}

impl Spec {
    /// `unix:PATH`, `tcp:HOST:PORT` or `stdio`, with QEMU's `,server` and `,wait=off`.
    pub fn parse(text: &str) -> Result<Spec, SpecError> {
        let mut words = text.split(',');
        let place = words.next().unwrap_or("");
        let (mut server, mut wait) = (false, None);
        for word in words {
            match word {
                "server" | "server=on" => server = true,
                "server=off" => {
                    let what = "hetemu listens and does not connect: leave out `server=off`";
                    return Err(SpecError(what.into()));
                }
                "wait" | "wait=on" => wait = Some(true),
                "nowait" | "wait=off" => wait = Some(false),
                other => return Err(SpecError(format!("`{other}` is not one of server, wait"))),
            }
        }
        let address = match place.split_once(':') {
            Some(("unix", path)) if !path.is_empty() => Address::Unix(path.into()),
            Some(("tcp", at)) => Address::Tcp(tcp(at)?),
            None if place == "stdio" => Address::Stdio,
            _ => {
                let what = format!("`{place}` is not unix:PATH, tcp:HOST:PORT or stdio");
                return Err(SpecError(what));
            }
        };
        let waits = wait.unwrap_or(server) && address != Address::Stdio;
        Ok(Spec { address, wait: waits })
    }

    /// As `query-chardev` shows it.
    pub fn shown(&self) -> String {
        match &self.address {
            Address::Unix(path) => format!("unix:{path},server=on"),
            Address::Tcp(at) => format!("tcp:{at},server=on"),
            Address::Stdio => "stdio".into(),
        }
    }
}

/// `HOST:PORT`; without a host, this machine alone.
fn tcp(at: &str) -> Result<String, SpecError> {
    let (host, port) = at.rsplit_once(':').unwrap_or(("", at));
    if port.parse::<u16>().is_err() {
        return Err(SpecError(format!("`{port}` is no port")));
    }
    let host = if host.is_empty() { "127.0.0.1" } else { host };
    Ok(format!("{host}:{port}"))
}

/// An error of a server that could not begin.
pub fn cannot_listen(spec: &Spec, e: &std::io::Error) -> Error {
    Error::new(format!("{}: {e}", spec.shown()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specs() {
        let of = |t: &str| Spec::parse(t).map_err(|e| e.to_string());
        let unix = Address::Unix("./qmp-sock".into());
        assert_eq!(of("unix:./qmp-sock,server"), Ok(Spec { address: unix.clone(), wait: true }));
        assert_eq!(of("unix:./qmp-sock"), Ok(Spec { address: unix.clone(), wait: false }));
        assert_eq!(
            of("unix:./qmp-sock,server=on,wait=off"),
            Ok(Spec { address: unix, wait: false })
        );
        let tcp = Address::Tcp("127.0.0.1:4444".into());
        assert_eq!(of("tcp::4444").map(|s| s.address), Ok(tcp));
        assert_eq!(of("stdio,server").map(|s| s.wait), Ok(false));
        assert_eq!(of("udp:1"), Err("`udp:1` is not unix:PATH, tcp:HOST:PORT or stdio".into()));
    }
}
