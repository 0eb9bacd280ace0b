//! Datagrams out of and into the user network: one socket of the host for each of the guest's,
//! names through the host's resolver, and pings where the host lets anybody ping.

use super::frame::{self, DNS, GATEWAY, IPV4, MTU, UDP};
use super::resolver;
use super::wire::Ip;
use rustix::net::{AddressFamily, SocketType, ipproto};
use smoltcp::wire::{Icmpv4Packet, Icmpv4Repr};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

/// Sockets at the same time; then the one that was idle for longest goes.
const FLOWS: usize = 256;
/// How long an idle one stays (RFC 4787, REQ-5, says two minutes at least).
const IDLE: Duration = Duration::from_secs(150);
/// Datagrams that one socket may bring at once.
const AT_ONCE: usize = 32;

/// What a socket is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Everything that one port of the guest sends.
    Port,
    /// Questions of one port of the guest to the name server; the number of the server asked last.
    Names,
    /// Pings of one identifier, which stands in the place of the port.
    Ping,
    /// A forwarded port of the host; stays.
    Forward,
}

struct Flow {
    kind: Kind,
    guest: SocketAddrV4,
    socket: UdpSocket,
    used: Instant,
    readable: bool,
    /// Questions without an answer since: the next server is asked.
    unanswered: usize,
}

pub(super) struct Udp {
    flows: Vec<Flow>,
    resolver: Option<SocketAddr>,
}

/// The guest's name for an address of the host's world.
fn seen(host: SocketAddr) -> Option<SocketAddrV4> {
    match host {
        SocketAddr::V4(a) if a.ip().is_loopback() => Some(SocketAddrV4::new(GATEWAY, a.port())),
        SocketAddr::V4(a) => Some(a),
        SocketAddr::V6(_) => None,
    }
}

impl Udp {
    pub(super) fn new(resolver: Option<SocketAddr>) -> Udp {
        Udp { flows: Vec::new(), resolver }
    }

    /// Opens a port of the host for datagrams to the guest; gives its address.
    pub(super) fn forward(
        &mut self,
        host: SocketAddr,
        guest: SocketAddrV4,
    ) -> std::io::Result<SocketAddr> {
        let socket = UdpSocket::bind(host)?;
        socket.set_nonblocking(true)?;
        let bound = socket.local_addr()?;
        self.add(Kind::Forward, guest, socket);
        Ok(bound)
    }

    fn add(&mut self, kind: Kind, guest: SocketAddrV4, socket: UdpSocket) -> &mut Flow {
        if self.flows.len() >= FLOWS {
            let may_go = self.flows.iter().enumerate().filter(|(_, f)| f.kind != Kind::Forward);
            if let Some((oldest, _)) = may_go.min_by_key(|(_, f)| f.used) {
                self.flows.swap_remove(oldest);
            }
        }
        let used = Instant::now();
        self.flows.push(Flow { kind, guest, socket, used, readable: false, unanswered: 0 });
        let last = self.flows.len() - 1;
        &mut self.flows[last]
    }

    fn flow(
        &mut self,
        kind: Kind,
        guest: SocketAddrV4,
        open: impl FnOnce() -> std::io::Result<UdpSocket>,
    ) -> Option<&mut Flow> {
        let known = self.flows.iter().position(|f| f.kind == kind && f.guest == guest);
        let flow = match known {
            Some(index) => self.flows.get_mut(index)?,
            None => {
                let socket = open().ok()?;
                socket.set_nonblocking(true).ok()?;
                self.add(kind, guest, socket)
            }
        };
        flow.used = Instant::now();
        Some(flow)
    }

    /// Sends a datagram of the guest; false if that is impossible.
    pub(super) fn send(&mut self, guest: SocketAddrV4, to: SocketAddr, data: &[u8]) -> bool {
        if self.answer(guest, to, data) {
            return true;
        }
        let any = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
        let flow = self.flow(Kind::Port, guest, || UdpSocket::bind(any));
        // A full buffer loses a datagram like any other place on its way.
        flow.is_some_and(|f| match f.socket.send_to(data, to) {
            Ok(_) => true,
            Err(e) => e.kind() == std::io::ErrorKind::WouldBlock,
        })
    }

    /// Sends a datagram of a guest's port that a port of the host is forwarded to through the
    /// latter; false if there is none.
    pub(super) fn answer(&mut self, guest: SocketAddrV4, to: SocketAddr, data: &[u8]) -> bool {
        let mut forwards = self.flows.iter().filter(|f| f.kind == Kind::Forward);
        forwards.find(|f| f.guest == guest).is_some_and(|f| f.socket.send_to(data, to).is_ok())
    }

    /// Asks the host's name server.
    pub(super) fn ask(&mut self, guest: SocketAddrV4, question: &[u8]) -> bool {
        let servers = resolver::servers(self.resolver);
        // One socket speaks one family.
        let Some(six) = servers.first().map(SocketAddr::is_ipv6) else { return false };
        let any: IpAddr =
            if six { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
        let servers: Vec<_> = servers.into_iter().filter(|s| s.is_ipv6() == six).collect();
        let flow = self.flow(Kind::Names, guest, || UdpSocket::bind(SocketAddr::new(any, 0)));
        let Some(flow) = flow else { return false };
        let next = servers.get(flow.unanswered % servers.len().max(1));
        flow.unanswered = flow.unanswered.wrapping_add(1);
        next.is_some_and(|server| flow.socket.send_to(question, server).is_ok())
    }

    /// Sends an echo request out; false if the host does not let us.
    pub(super) fn ping(
        &mut self,
        guest: Ipv4Addr,
        ident: u16,
        to: Ipv4Addr,
        message: &[u8],
    ) -> bool {
        let flow = self.flow(Kind::Ping, SocketAddrV4::new(guest, ident), || {
            let kind = SocketType::DGRAM;
            Ok(rustix::net::socket(AddressFamily::INET, kind, Some(ipproto::ICMP))?.into())
        });
        let to = SocketAddr::new(to.into(), 0);
        flow.is_some_and(|f| f.socket.send_to(message, to).is_ok())
    }

    /// Takes what has come in, and forgets what is idle.
    pub(super) fn work(&mut self, ip: &mut Ip) {
        let now = Instant::now();
        self.flows.retain(|f| f.kind == Kind::Forward || now - f.used < IDLE);
        for flow in self.flows.iter_mut().filter(|f| f.readable) {
            flow.readable = false;
            let mut bytes = [0; 65536];
            for _ in 0..AT_ONCE {
                let Ok((len, from)) = flow.socket.recv_from(&mut bytes) else { break };
                flow.used = now;
                let data = bytes.get(..len).unwrap_or_default();
                flow.deliver(ip, from, data);
            }
        }
    }

    /// Sockets to wait for, in the order of their numbers.
    pub(super) fn waits(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.flows.iter().map(|f| f.socket.as_fd())
    }

    /// A socket has something.
    pub(super) fn ready(&mut self, number: usize) {
        if let Some(flow) = self.flows.get_mut(number) {
            flow.readable = true;
        }
    }
}

impl Flow {
    fn deliver(&mut self, ip: &mut Ip, from: SocketAddr, data: &[u8]) {
        // The network has no fragments.
        if data.len() > MTU - IPV4 - UDP {
            return;
        }
        let source = match self.kind {
            Kind::Names => {
                self.unanswered = 0;
                Some(SocketAddrV4::new(DNS, 53))
            }
            _ => seen(from),
        };
        let Some(source) = source else { return };
        if self.kind != Kind::Ping {
            return ip.wire.emit(frame::udp(source, self.guest, data));
        }
        // The host has put an identifier of its own into the message.
        let reply =
            Icmpv4Packet::new_checked(data).ok().and_then(|packet| {
                match Icmpv4Repr::parse(&packet, &Default::default()) {
                    Ok(Icmpv4Repr::EchoReply { seq_no, data, .. }) => {
                        let ident = self.guest.port();
                        let reply = Icmpv4Repr::EchoReply { ident, seq_no, data };
                        Some(frame::icmp(*source.ip(), *self.guest.ip(), &reply))
                    }
                    _ => None,
                }
            });
        reply.into_iter().for_each(|r| ip.wire.emit(r));
    }
}
