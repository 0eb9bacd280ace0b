//! The user network: 10.0.2.0/24 with a gateway (10.0.2.2, which is also the host's loopback) and a
//! name server (10.0.2.3). What the guest sends beyond is sent again through sockets of the host.

use super::dhcp;
use super::frame::{self, DNS, ETHERNET, GATEWAY};
use super::spec::UserSpec;
use super::tcp::{Kind, Tcp};
use super::udp::Udp;
use super::wire::Ip;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetFrame, EthernetProtocol, Icmpv4DstUnreachable,
    Icmpv4Packet, Icmpv4Repr, IpProtocol, Ipv4Packet, TcpPacket, UdpPacket,
};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};

/// A network without its sockets' waiting: see [`super::thread`].
pub(super) struct Stack {
    pub(super) ip: Ip,
    pub(super) tcp: Tcp,
    pub(super) udp: Udp,
    dhcp: dhcp::Server,
    restrict: bool,
}

/// Where a guest's packet goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// To the network's name server.
    Dns,
    /// To an address of the host's world.
    Host(IpAddr),
    /// Nowhere.
    Nowhere,
}

impl Stack {
    pub(super) fn new(spec: &UserSpec) -> Stack {
        Stack {
            ip: Ip::new(),
            tcp: Tcp::new(spec.resolver),
            udp: Udp::new(spec.resolver),
            dhcp: dhcp::Server::default(),
            restrict: spec.restrict,
        }
    }

    /// A frame of the guest.
    pub(super) fn frame(&mut self, bytes: &[u8]) {
        let Ok(ethernet) = EthernetFrame::new_checked(bytes) else { return };
        match ethernet.ethertype() {
            EthernetProtocol::Arp => self.arp(ethernet.payload()),
            EthernetProtocol::Ipv4 => {
                let Ok(packet) = Ipv4Packet::new_checked(ethernet.payload()) else { return };
                let fragment = packet.more_frags() || packet.frag_offset() != 0;
                if packet.version() != 4 || !packet.verify_checksum() || fragment {
                    return;
                }
                self.ip.wire.learn(packet.src_addr(), ethernet.src_addr());
                self.packet(&packet, bytes);
            }
            _ => {}
        }
    }

    fn arp(&mut self, bytes: &[u8]) {
        let Ok(packet) = ArpPacket::new_checked(bytes) else { return };
        let Ok(ArpRepr::EthernetIpv4 {
            operation,
            source_hardware_addr: card,
            source_protocol_addr: asker,
            target_protocol_addr: wanted,
            ..
        }) = ArpRepr::parse(&packet)
        else {
            return;
        };
        self.ip.wire.learn(asker, card);
        if operation == ArpOperation::Request && matches!(wanted, GATEWAY | DNS) {
            self.ip.wire.push(frame::arp(ArpOperation::Reply, wanted, card, asker));
        }
    }

    /// Where packets to an address go.
    fn target(&self, to: Ipv4Addr) -> Target {
        let [first, ..] = to.octets();
        match to {
            DNS => Target::Dns,
            _ if self.restrict => Target::Nowhere,
            GATEWAY => Target::Host(Ipv4Addr::LOCALHOST.into()),
            // The guest's own network, and what no packet on a wire is sent to.
            _ if frame::inside(to) || matches!(first, 0 | 127 | 224..) => Target::Nowhere,
            _ => Target::Host(to.into()),
        }
    }

    fn packet(&mut self, packet: &Ipv4Packet<&[u8]>, bytes: &[u8]) {
        let (from, to) = (packet.src_addr(), packet.dst_addr());
        let target = self.target(to);
        match packet.next_header() {
            IpProtocol::Udp => self.datagram(packet, target),
            // Only a guest's own address gets any further answer.
            _ if !frame::guests(from) => {}
            IpProtocol::Tcp => {
                let Ok(segment) = TcpPacket::new_checked(packet.payload()) else { return };
                let source = SocketAddrV4::new(from, segment.src_port());
                let wanted = SocketAddrV4::new(to, segment.dst_port());
                let frame = bytes.get(..ETHERNET + usize::from(packet.total_len()));
                let Some(frame) = frame else { return };
                let kind = match (segment.rst(), segment.syn(), segment.ack()) {
                    (true, ..) => Kind::Resets,
                    (_, true, false) => Kind::Opens,
                    _ => Kind::Other,
                };
                let target = if self.restrict { Target::Nowhere } else { target };
                self.tcp.segment(&mut self.ip, frame, (source, wanted), target, kind);
            }
            IpProtocol::Icmp => self.echo(packet, target),
            _ => {}
        }
    }

    fn echo(&mut self, packet: &Ipv4Packet<&[u8]>, target: Target) {
        let Ok(message) = Icmpv4Packet::new_checked(packet.payload()) else { return };
        let Ok(Icmpv4Repr::EchoRequest { ident, seq_no, data }) =
            Icmpv4Repr::parse(&message, &Default::default())
        else {
            return;
        };
        let (from, to) = (packet.src_addr(), packet.dst_addr());
        if matches!(to, GATEWAY | DNS) {
            let reply = Icmpv4Repr::EchoReply { ident, seq_no, data };
            return self.ip.wire.emit(frame::icmp(to, from, &reply));
        }
        let gone = match target {
            Target::Host(IpAddr::V4(host)) => self.udp.ping(from, ident, host, packet.payload()),
            _ => false,
        };
        if !gone {
            self.refuse(packet, Icmpv4DstUnreachable::NetUnreachable);
        }
    }

    /// Says that there is no way to where a packet is sent to; nothing about packets to many.
    fn refuse(&mut self, packet: &Ipv4Packet<&[u8]>, reason: Icmpv4DstUnreachable) {
        let to = packet.dst_addr();
        if !to.is_multicast() && to.octets()[3] != 255 && frame::guests(packet.src_addr()) {
            frame::unreachable(packet, reason).into_iter().for_each(|p| self.ip.wire.emit(p));
        }
    }

    fn datagram(&mut self, packet: &Ipv4Packet<&[u8]>, target: Target) {
        let (from, to) = (packet.src_addr(), packet.dst_addr());
        let Ok(datagram) = UdpPacket::new_checked(packet.payload()) else { return };
        if !datagram.verify_checksum(&from.into(), &to.into()) || datagram.dst_port() == 0 {
            return;
        }
        let data = datagram.payload();
        if datagram.dst_port() == dhcp::SERVER && (matches!(to, GATEWAY | Ipv4Addr::BROADCAST)) {
            if let Some((client, reply)) = self.dhcp.answer(data) {
                let source = SocketAddrV4::new(GATEWAY, dhcp::SERVER);
                let reply = frame::udp(source, SocketAddrV4::new(client, dhcp::CLIENT), &reply);
                self.ip.wire.emit(reply);
            }
            return;
        }
        if !frame::guests(from) {
            return;
        }
        let source = SocketAddrV4::new(from, datagram.src_port());
        let gone = match target {
            Target::Dns if datagram.dst_port() != 53 => false,
            Target::Dns if self.restrict => {
                refused(data).into_iter().for_each(|answer| {
                    let server = SocketAddrV4::new(DNS, 53);
                    self.ip.wire.emit(frame::udp(server, source, &answer));
                });
                true
            }
            Target::Dns => self.udp.ask(source, data),
            Target::Host(ip) => {
                self.udp.send(source, SocketAddr::new(ip, datagram.dst_port()), data)
            }
            // What came in by a forward is answered the same way.
            Target::Nowhere if to == GATEWAY => {
                let loopback = Ipv4Addr::LOCALHOST.into();
                self.udp.answer(source, SocketAddr::new(loopback, datagram.dst_port()), data)
            }
            Target::Nowhere => {
                self.udp.answer(source, SocketAddr::new(to.into(), datagram.dst_port()), data)
            }
        };
        if !gone {
            self.refuse(packet, Icmpv4DstUnreachable::PortUnreachable);
        }
    }

    /// Moves everything that can be moved.
    pub(super) fn work(&mut self) {
        self.udp.work(&mut self.ip);
        // What sockets send makes room for what the host has, up to what the guest takes at once.
        for _ in 0..64 {
            let moved = self.tcp.pump(&mut self.ip);
            self.ip.egress();
            if !moved || self.ip.wire.exhausted {
                break;
            }
        }
    }
}

/// The answer of a name server that does not want to (RFC 1035, section 4.1.1): the query with a
/// response's flags and code 5.
fn refused(query: &[u8]) -> Option<Vec<u8>> {
    let mut answer = query.to_vec();
    let [_, _, high, low, ..] = answer.as_mut_slice() else { return None };
    let response = *high & 0x80 != 0;
    *high |= 0x80;
    *low = 5;
    (!response && query.len() >= 12).then_some(answer)
}
