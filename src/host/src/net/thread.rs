//! The thread of a user network: it waits for the guest's frames and for the host's sockets, and
//! never lets the machine wait.

use super::spec::{Protocol, UserSpec};
use super::stack::Stack;
use super::{Forward, Net};
use crate::Error;
use crate::bell::Bell;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use smoltcp::time::Instant as Time;
use std::collections::VecDeque;
use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Frames of the guest that may wait for the thread; then they are lost, as on a wire.
const INBOX: usize = 1024;
/// Frames that wait for the guest; when they get this few again, the thread goes on.
const FEW: usize = 64;
/// Longest wait: sockets of datagrams are forgotten when they are idle.
const LONGEST: Duration = Duration::from_secs(30);

#[derive(Default)]
struct Shared {
    from_guest: Mutex<VecDeque<Vec<u8>>>,
    to_guest: Mutex<VecDeque<Vec<u8>>>,
    /// Length of `to_guest`, to look at without a lock.
    waiting: AtomicUsize,
    /// The thread has more to send when the guest has taken some.
    held: AtomicBool,
    over: AtomicBool,
}

fn lock<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The machine's side.
pub(super) struct Threaded {
    shared: Arc<Shared>,
    wake: PipeWriter,
    thread: Option<JoinHandle<()>>,
}

impl Threaded {
    pub(super) fn start(spec: &UserSpec, bell: &Bell) -> Result<Threaded, Error> {
        let mut stack = Stack::new(spec);
        for Forward { protocol, host, guest } in &spec.forwards {
            let (name, bound) = match protocol {
                Protocol::Tcp => ("tcp", stack.tcp.forward(*host, *guest)),
                Protocol::Udp => ("udp", stack.udp.forward(*host, *guest)),
            };
            let what = format!("hostfwd={name}:{host}-{guest}");
            let bound = bound.map_err(|error| Error::Io { what, error })?;
            if host.port() == 0 {
                eprintln!("net: {name} {bound} leads to {guest}");
            }
        }
        let io = |error| Error::Io { what: "user".into(), error };
        let (sleeper, wake) = pipe().map_err(io)?;
        for end in [sleeper.as_fd(), wake.as_fd()] {
            rustix::io::ioctl_fionbio(end, true).map_err(|e| io(e.into()))?;
        }
        let shared = Arc::new(Shared::default());
        let worker = Worker { stack, shared: shared.clone(), sleeper, bell: bell.clone() };
        let thread = std::thread::Builder::new().name("net".into()).spawn(|| worker.run());
        Ok(Threaded { shared, wake, thread: Some(thread.map_err(io)?) })
    }

    fn wake(&mut self) {
        // A full pipe wakes as well.
        let _ = self.wake.write(&[0]);
    }
}

impl Net for Threaded {
    fn send(&mut self, frame: &[u8]) {
        let mut inbox = lock(&self.shared.from_guest);
        let first = inbox.is_empty();
        if inbox.len() < INBOX {
            inbox.push_back(frame.to_vec());
        }
        drop(inbox);
        if first {
            self.wake();
        }
    }

    fn receive(&mut self) -> Option<Vec<u8>> {
        if self.shared.waiting.load(Ordering::Acquire) == 0 {
            return None;
        }
        let (frame, left) = {
            let mut queue = lock(&self.shared.to_guest);
            let frame = queue.pop_front();
            self.shared.waiting.store(queue.len(), Ordering::Release);
            (frame, queue.len())
        };
        if left < FEW && self.shared.held.swap(false, Ordering::AcqRel) {
            self.wake();
        }
        frame
    }

    fn live(&self) -> bool {
        true
    }
}

impl Drop for Threaded {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Release);
        self.wake();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Worker {
    stack: Stack,
    shared: Arc<Shared>,
    sleeper: PipeReader,
    bell: Bell,
}

impl Worker {
    fn run(mut self) {
        let start = Instant::now();
        while !self.shared.over.load(Ordering::Acquire) {
            let micros = i64::try_from(start.elapsed().as_micros()).unwrap_or(i64::MAX);
            self.stack.ip.now = Time::from_micros(micros);
            self.stack.ip.wire.beyond = self.shared.waiting.load(Ordering::Acquire);
            let frames = std::mem::take(&mut *lock(&self.shared.from_guest));
            for frame in &frames {
                self.stack.frame(frame);
            }
            self.stack.work();
            self.deliver();
            if !self.wait() {
                return;
            }
        }
    }

    /// Hands frames to the machine and wakes it.
    fn deliver(&mut self) {
        let out = &mut self.stack.ip.wire.out;
        // Said before the frames are handed over, so that the machine cannot miss it.
        self.shared.held.store(self.stack.ip.wire.exhausted, Ordering::Release);
        if out.is_empty() {
            return;
        }
        let mut queue = lock(&self.shared.to_guest);
        queue.append(out);
        self.shared.waiting.store(queue.len(), Ordering::Release);
        drop(queue);
        self.bell.ring();
    }

    /// Waits for frames, sockets, or the stack's next time; false if that is impossible.
    fn wait(&mut self) -> bool {
        let Stack { ip, tcp, udp, .. } = &mut self.stack;
        let mut limit = LONGEST;
        // A stack that is held back has no time of its own; the machine wakes it.
        let delays = [ip.iface.poll_delay(ip.now, &ip.sockets), tcp.delay(ip.now)];
        if !ip.wire.exhausted
            && let Some(delay) = delays.into_iter().flatten().min()
        {
            limit = limit.min(Duration::from(delay).max(Duration::from_millis(1)));
        } else if self.shared.waiting.load(Ordering::Acquire) < FEW
            && self.shared.held.swap(false, Ordering::AcqRel)
        {
            // It has taken them already.
            limit = Duration::ZERO;
        }
        let mut fds = vec![PollFd::new(&self.sleeper, PollFlags::IN)];
        let mut waits = Vec::new();
        for (wait, fd, read, write) in tcp.waits(ip) {
            let mut flags = PollFlags::empty();
            flags.set(PollFlags::IN, read);
            flags.set(PollFlags::OUT, write);
            fds.push(PollFd::from_borrowed_fd(fd, flags));
            waits.push(wait);
        }
        fds.extend(udp.waits().map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        let limit = Timespec {
            tv_sec: i64::try_from(limit.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: limit.subsec_nanos().into(),
        };
        match poll(&mut fds, Some(&limit)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return false,
        }
        let ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        drop(fds);
        let mut ready = ready.into_iter();
        if ready.next() == Some(true) {
            let _ = self.sleeper.read(&mut [0; 256]);
        }
        for wait in waits {
            if ready.next() == Some(true) {
                tcp.ready(wait);
            }
        }
        for (number, _) in ready.enumerate().filter(|(_, ready)| *ready) {
            udp.ready(number);
        }
        true
    }
}
