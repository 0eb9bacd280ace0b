//! TCP through the user network: the guest's connections end in sockets of a small stack, whose
//! other side are sockets of the host.
//!
//! A SYN of the guest is held until the host's connection stands; only then a socket is made for it
//! and takes it. If the host is refused, the SYN goes to the stack without a socket, and the guest
//! is refused, too.
//!
//! A connection from outside waits until the guest is there. Nothing says how long a guest boots,
//! so its SYN does not back off: the guest hears it every second, and as soon as its card is known.

use super::frame::GATEWAY;
use super::resolver;
use super::stack::Target;
use super::wire::Ip;
use rustix::net::{AddressFamily, SocketType, sockopt};
use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::{Socket, SocketBuffer, State};
use smoltcp::time::{Duration as Span, Instant as Time};
use smoltcp::wire::IpEndpoint;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

/// Connections at the same time, made and being made.
const FLOWS: usize = 512;
/// Buffers of a connection: room for several of the guest's largest segments, and for what a guest
/// takes between two looks.
const FROM_GUEST: usize = 512 << 10;
const TO_GUEST: usize = 256 << 10;
/// How long the host may try to connect.
const CONNECT: Duration = Duration::from_secs(75);
/// A guest that says nothing for so long has gone; it is asked now and then.
const GONE: Span = Span::from_secs(600);
const ASK: Span = Span::from_secs(75);
/// How often a guest is called that does not answer.
const AGAIN: Span = Span::from_secs(1);
/// Local ports of connections into the guest.
const FIRST_PORT: u16 = 49152;

/// The guest's end and the end that it talks to.
pub(super) type Pair = (SocketAddrV4, SocketAddrV4);

/// A connection of the host that does not stand yet, and the guest's SYN.
struct Pending {
    pair: Pair,
    stream: TcpStream,
    syn: Vec<u8>,
    since: Instant,
    ready: bool,
}

struct Flow {
    pair: Pair,
    handle: SocketHandle,
    stream: TcpStream,
    /// The host's socket may have something.
    readable: bool,
    /// The host's socket takes nothing now.
    blocked: bool,
    /// The host has said everything.
    host_done: bool,
    /// The guest has said everything, and the host knows.
    guest_done: bool,
    /// The guest has said that it wants no more of this connection.
    cut: bool,
    /// When the guest was called last, until it answers.
    called: Option<Time>,
}

struct Listener {
    socket: TcpListener,
    guest: SocketAddrV4,
    ready: bool,
}

pub(super) struct Tcp {
    flows: Vec<Flow>,
    pending: Vec<Pending>,
    listeners: Vec<Listener>,
    resolver: Option<SocketAddr>,
    port: u16,
}

/// What a segment of the guest is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Opens,
    Resets,
    Other,
}

/// A socket to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    Pending(usize),
    Flow(usize),
    Listener(usize),
}

fn new_socket() -> Socket<'static> {
    let buffer = |len| SocketBuffer::new(vec![0; len]);
    let mut socket = Socket::new(buffer(FROM_GUEST), buffer(TO_GUEST));
    socket.set_nagle_enabled(false);
    socket.set_keep_alive(Some(ASK));
    socket.set_timeout(Some(GONE));
    socket
}

/// Begins to connect.
fn connect(to: SocketAddr) -> std::io::Result<TcpStream> {
    let family = if to.is_ipv6() { AddressFamily::INET6 } else { AddressFamily::INET };
    let stream = TcpStream::from(rustix::net::socket(family, SocketType::STREAM, None)?);
    stream.set_nonblocking(true)?;
    match rustix::net::connect(&stream, &to) {
        Ok(()) | Err(rustix::io::Errno::INPROGRESS) => Ok(stream),
        Err(e) => Err(e.into()),
    }
}

impl Tcp {
    pub(super) fn new(resolver: Option<SocketAddr>) -> Tcp {
        let (flows, pending, listeners) = Default::default();
        Tcp { flows, pending, listeners, resolver, port: FIRST_PORT }
    }

    /// Opens a port of the host for connections to the guest; gives its address.
    pub(super) fn forward(
        &mut self,
        host: SocketAddr,
        guest: SocketAddrV4,
    ) -> std::io::Result<SocketAddr> {
        let socket = TcpListener::bind(host)?;
        socket.set_nonblocking(true)?;
        let bound = socket.local_addr()?;
        self.listeners.push(Listener { socket, guest, ready: false });
        Ok(bound)
    }

    /// A segment of the guest, in its frame.
    pub(super) fn segment(
        &mut self,
        ip: &mut Ip,
        frame: &[u8],
        pair: Pair,
        target: Target,
        kind: Kind,
    ) {
        if kind != Kind::Opens {
            ip.feed(frame);
            let flow = self.flows.iter_mut().filter(|_| kind == Kind::Resets);
            if let Some(flow) = flow.into_iter().find(|f| f.pair == pair) {
                let state = ip.sockets.get::<Socket<'_>>(flow.handle).state();
                flow.cut |= state == State::Closed;
            }
            return;
        }
        if self.pending.iter().any(|p| p.pair == pair) {
            return;
        }
        if let Some(index) = self.flows.iter().position(|f| f.pair == pair) {
            let state =
                self.flows.get(index).map(|f| ip.sockets.get::<Socket<'_>>(f.handle).state());
            if !matches!(state, Some(State::TimeWait | State::Closed)) {
                return ip.feed(frame);
            }
            // The guest uses the port anew.
            let old = self.flows.swap_remove(index);
            ip.sockets.remove(old.handle);
            ip.wire.answered(old.pair.1);
        }
        let to = match target {
            Target::Host(host) => Some(SocketAddr::new(host, pair.1.port())),
            Target::Dns if pair.1.port() == 53 => resolver::servers(self.resolver).first().copied(),
            _ => None,
        };
        let full = self.flows.len() + self.pending.len() >= FLOWS;
        match to.filter(|_| !full).map(connect) {
            Some(Ok(stream)) => {
                let (syn, since) = (frame.to_vec(), Instant::now());
                self.pending.push(Pending { pair, stream, syn, since, ready: false });
            }
            // No socket: refused.
            _ => ip.feed(frame),
        }
    }

    /// Moves data both ways; true if something moved.
    pub(super) fn pump(&mut self, ip: &mut Ip) -> bool {
        self.connected(ip);
        self.accept(ip);
        self.call(ip);
        let mut moved = false;
        self.flows.retain_mut(|flow| {
            moved |= flow.pump(ip);
            let socket = ip.sockets.get::<Socket<'_>>(flow.handle);
            let over = socket.state() == State::Closed && socket.remote_endpoint().is_none();
            if over {
                if flow.cut || !flow.host_done || !flow.guest_done {
                    // The guest has cut it, or does not answer: so do we.
                    let _ = sockopt::set_socket_linger(&flow.stream, Some(Duration::ZERO));
                }
                ip.sockets.remove(flow.handle);
                ip.wire.answered(flow.pair.1);
            }
            !over
        });
        moved
    }

    /// Connections of the host that stand now, or never will.
    fn connected(&mut self, ip: &mut Ip) {
        let now = Instant::now();
        let late = |p: &Pending| now - p.since > CONNECT;
        let done = self.pending.extract_if(.., |p| p.ready || late(p));
        for Pending { pair, stream, syn, ready, .. } in done.collect::<Vec<_>>() {
            let stands = ready && matches!(sockopt::socket_error(&stream), Ok(Ok(())));
            let mut socket = new_socket();
            let listens = stands && socket.listen(IpEndpoint::from(pair.1)).is_ok();
            if !listens {
                ip.feed(&syn);
                continue;
            }
            let handle = ip.sockets.add(socket);
            ip.feed(&syn);
            self.begin(ip, pair, handle, stream);
        }
    }

    /// Connections from outside.
    fn accept(&mut self, ip: &mut Ip) {
        for index in 0..self.listeners.len() {
            while self.flows.len() + self.pending.len() < FLOWS {
                let Some(listener) = self.listeners.get_mut(index).filter(|l| l.ready) else {
                    break;
                };
                let guest = listener.guest;
                let Ok((stream, _)) = listener.socket.accept() else {
                    listener.ready = false;
                    break;
                };
                if stream.set_nonblocking(true).is_err() {
                    continue;
                }
                let ours = SocketAddrV4::new(GATEWAY, self.free_port());
                let mut socket = new_socket();
                let (to, from) = (IpEndpoint::from(guest), IpEndpoint::from(ours));
                if socket.connect(ip.iface.context(), to, from).is_ok() {
                    let handle = ip.sockets.add(socket);
                    self.begin(ip, (guest, ours), handle, stream);
                    let last = self.flows.last_mut().filter(|f| f.handle == handle);
                    last.into_iter().for_each(|f| f.called = Some(ip.now));
                }
            }
        }
    }

    /// Calls guests that have not answered.
    fn call(&mut self, ip: &mut Ip) {
        let learned = std::mem::take(&mut ip.wire.learned);
        for flow in &mut self.flows {
            let Some(last) = flow.called else { continue };
            if ip.sockets.get::<Socket<'_>>(flow.handle).state() != State::SynSent {
                flow.called = None;
                ip.wire.answered(flow.pair.1);
            } else if learned || ip.now >= last + AGAIN {
                flow.called = Some(ip.now);
                ip.wire.call_again(flow.pair.1);
            }
        }
    }

    /// How long until a guest is to be called again.
    pub(super) fn delay(&self, now: Time) -> Option<Span> {
        let next = self.flows.iter().filter_map(|f| f.called).min()? + AGAIN;
        Some(if next > now { next - now } else { Span::ZERO })
    }

    fn free_port(&mut self) -> u16 {
        // There are far more ports than flows.
        loop {
            self.port = self.port.checked_add(1).unwrap_or(FIRST_PORT);
            if !self.flows.iter().any(|f| f.pair.1 == SocketAddrV4::new(GATEWAY, self.port)) {
                return self.port;
            }
        }
    }

    fn begin(&mut self, ip: &mut Ip, pair: Pair, handle: SocketHandle, stream: TcpStream) {
        let open = ip.sockets.get::<Socket<'_>>(handle).remote_endpoint().is_some();
        if !open {
            // The SYN was none that a socket takes.
            ip.sockets.remove(handle);
            return;
        }
        let _ = stream.set_nodelay(true);
        self.flows.push(Flow {
            pair,
            handle,
            stream,
            readable: false,
            blocked: false,
            host_done: false,
            guest_done: false,
            cut: false,
            called: None,
        });
    }

    /// Sockets to wait for: for input, for output, or both.
    pub(super) fn waits<'a>(
        &'a self,
        ip: &'a Ip,
    ) -> impl Iterator<Item = (Wait, BorrowedFd<'a>, bool, bool)> {
        let pending = self.pending.iter().enumerate();
        let pending = pending.map(|(i, p)| (Wait::Pending(i), p.stream.as_fd(), false, true));
        let flows = self.flows.iter().enumerate().filter_map(|(i, f)| {
            let room = ip.sockets.get::<Socket<'_>>(f.handle).can_send();
            let read = room && !f.host_done && !f.readable;
            (read || f.blocked).then(|| (Wait::Flow(i), f.stream.as_fd(), read, f.blocked))
        });
        let room = self.flows.len() + self.pending.len() < FLOWS;
        let listeners = self.listeners.iter().enumerate().filter(move |_| room);
        let listeners = listeners.map(|(i, l)| (Wait::Listener(i), l.socket.as_fd(), true, false));
        pending.chain(flows).chain(listeners)
    }

    /// A socket has something, or takes something.
    pub(super) fn ready(&mut self, wait: Wait) {
        match wait {
            Wait::Pending(i) => self.pending.get_mut(i).into_iter().for_each(|p| p.ready = true),
            Wait::Flow(i) => self.flows.get_mut(i).into_iter().for_each(|f| {
                f.readable = !f.host_done;
                f.blocked = false;
            }),
            Wait::Listener(i) => {
                self.listeners.get_mut(i).into_iter().for_each(|l| l.ready = true);
            }
        }
    }
}

impl Flow {
    fn pump(&mut self, ip: &mut Ip) -> bool {
        let socket = ip.sockets.get_mut::<Socket<'_>>(self.handle);
        self.outward(socket) | self.inward(socket)
    }

    fn outward(&mut self, socket: &mut Socket<'_>) -> bool {
        let mut moved = false;
        while !self.blocked && socket.can_recv() {
            let written = socket.recv(|bytes| match self.stream.write(bytes) {
                Ok(n) => (n, Ok(n)),
                Err(e) => (0, Err(e.kind())),
            });
            match written {
                Ok(Ok(n)) if n > 0 => moved = true,
                Ok(Err(ErrorKind::Interrupted)) => {}
                Ok(Err(ErrorKind::WouldBlock)) => self.blocked = true,
                _ => {
                    socket.abort();
                    self.host_done = true;
                    return true;
                }
            }
        }
        let last = matches!(
            socket.state(),
            State::CloseWait | State::LastAck | State::Closing | State::TimeWait
        );
        if last && !socket.can_recv() && !self.guest_done {
            self.guest_done = true;
            let _ = self.stream.shutdown(Shutdown::Write);
        }
        moved
    }

    fn inward(&mut self, socket: &mut Socket<'_>) -> bool {
        let mut moved = false;
        while self.readable && !self.host_done && socket.can_send() {
            let read = socket.send(|room| match self.stream.read(room) {
                Ok(n) => (n, Ok(n)),
                Err(e) => (0, Err(e.kind())),
            });
            match read {
                Ok(Ok(0)) => {
                    self.host_done = true;
                    socket.close();
                    moved = true;
                }
                Ok(Ok(_)) => moved = true,
                Ok(Err(ErrorKind::Interrupted)) => {}
                Ok(Err(ErrorKind::WouldBlock)) => self.readable = false,
                _ => {
                    self.host_done = true;
                    socket.abort();
                    moved = true;
                }
            }
        }
        moved
    }
}
