//! Between the IP stack and the guest's Ethernet: smoltcp's device, and who has which card.

use super::frame::{self, ETHERNET, GATEWAY};
use smoltcp::iface::{Config, Interface, PollIngressSingleResult, PollResult, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;
use smoltcp::wire::{
    ArpOperation, EthernetAddress, EthernetProtocol, HardwareAddress, IpCidr, IpProtocol, Ipv4Cidr,
    Ipv4Packet, TcpPacket,
};
use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddrV4};

/// Frames that may wait for the guest before TCP holds back what it has.
const WAITING: usize = 256;
/// Frames that may wait at all; then they are lost, as on a wire.
const MOST: usize = 1024;

/// Frames to the guest.
#[derive(Default)]
pub(super) struct Wire {
    /// One packet for the stack, in its frame.
    rx: Option<Vec<u8>>,
    pub(super) out: VecDeque<Vec<u8>>,
    neighbours: BTreeMap<Ipv4Addr, EthernetAddress>,
    /// Frames that wait further on.
    pub(super) beyond: usize,
    /// TCP had more to send.
    pub(super) exhausted: bool,
    /// A guest's card is known now that was not.
    pub(super) learned: bool,
    /// Calls of ours that the guest may not have answered yet, by our end: the packet.
    calls: BTreeMap<SocketAddrV4, Vec<u8>>,
}

impl Wire {
    /// Remembers a guest's card.
    pub(super) fn learn(&mut self, ip: Ipv4Addr, card: EthernetAddress) {
        if frame::guests(ip) && card.is_unicast() {
            self.learned |= self.neighbours.insert(ip, card) != Some(card);
        }
    }

    /// Repeats a call: the same SYN once more.
    pub(super) fn call_again(&mut self, ours: SocketAddrV4) {
        if let Some(packet) = self.calls.get(&ours).filter(|_| self.has_room()) {
            self.emit(packet.clone());
        }
    }

    /// A call is answered, or given up.
    pub(super) fn answered(&mut self, ours: SocketAddrV4) {
        self.calls.remove(&ours);
    }

    fn has_room(&self) -> bool {
        self.out.len() + self.beyond < WAITING
    }

    /// Sends a frame to the guest.
    pub(super) fn push(&mut self, frame: Vec<u8>) {
        if self.out.len() + self.beyond < MOST {
            self.out.push_back(frame);
        }
    }

    /// Sends an IPv4 packet with room for an Ethernet header before it. If the guest's card is not
    /// known, it is asked for and the packet is lost: TCP sends it again.
    pub(super) fn emit(&mut self, mut packet: Vec<u8>) {
        let Some(to) = packet.get(ETHERNET + 16..).and_then(|b| b.first_chunk::<4>()) else {
            return;
        };
        let to = Ipv4Addr::from(*to);
        if to == Ipv4Addr::BROADCAST {
            frame::head(&mut packet, EthernetAddress::BROADCAST, EthernetProtocol::Ipv4);
        } else if let Some(card) = self.neighbours.get(&to) {
            frame::head(&mut packet, *card, EthernetProtocol::Ipv4);
        } else {
            let all = EthernetAddress::BROADCAST;
            packet = frame::arp(ArpOperation::Request, GATEWAY, all, to);
        }
        self.push(packet);
    }
}

pub(super) struct Rx(Vec<u8>);

impl RxToken for Rx {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.0.get(ETHERNET..).unwrap_or_default())
    }
}

pub(super) struct Tx<'a>(&'a mut Wire);

impl TxToken for Tx<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut packet = vec![0; ETHERNET + len];
        let result = f(packet.get_mut(ETHERNET..).unwrap_or_default());
        if let Some(ours) = caller(&packet) {
            self.0.calls.insert(ours, packet.clone());
        }
        self.0.emit(packet);
        result
    }
}

impl Device for Wire {
    type RxToken<'a> = Rx;
    type TxToken<'a> = Tx<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Rx, Tx<'_>)> {
        Some((Rx(self.rx.take()?), Tx(self)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Tx<'_>> {
        if !self.has_room() {
            self.exhausted = true;
            return None;
        }
        Some(Tx(self))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut caps = DeviceCapabilities::default();
        caps.medium = Medium::Ip;
        // What the guest says of itself limits segments to it; from it they come as long as IP
        // allows.
        caps.max_transmission_unit = 0xffff;
        caps
    }
}

/// Our end of the connection that a packet wants to open.
fn caller(packet: &[u8]) -> Option<SocketAddrV4> {
    let packet = Ipv4Packet::new_checked(packet.get(ETHERNET..)?).ok()?;
    let tcp = packet.next_header() == IpProtocol::Tcp;
    let segment = TcpPacket::new_checked(packet.payload()).ok().filter(|_| tcp)?;
    let opens = segment.syn() && !segment.ack();
    opens.then(|| SocketAddrV4::new(packet.src_addr(), segment.src_port()))
}

/// The IP stack.
pub(super) struct Ip {
    pub(super) iface: Interface,
    pub(super) sockets: SocketSet<'static>,
    pub(super) wire: Wire,
    pub(super) now: Instant,
}

impl Ip {
    pub(super) fn new() -> Ip {
        let mut wire = Wire::default();
        let config = Config::new(HardwareAddress::Ip);
        let mut iface = Interface::new(config, &mut wire, Instant::ZERO);
        iface.update_ip_addrs(|addresses| {
            // The list is empty and has room.
            let _ = addresses.push(IpCidr::Ipv4(Ipv4Cidr::new(GATEWAY, 24)));
        });
        // Every address outside is answered for.
        iface.set_any_ip(true);
        Ip { iface, sockets: SocketSet::new(Vec::new()), wire, now: Instant::ZERO }
    }

    /// Gives the stack a TCP packet of the guest. One that no socket takes is refused with a reset.
    pub(super) fn feed(&mut self, frame: &[u8]) {
        self.wire.rx = Some(frame.to_vec());
        let Ip { iface, sockets, wire, now } = self;
        while iface.poll_ingress_single(*now, wire, sockets) != PollIngressSingleResult::None {}
    }

    /// Sends what sockets have to send.
    pub(super) fn egress(&mut self) {
        self.wire.exhausted = false;
        let Ip { iface, sockets, wire, now } = self;
        while iface.poll_egress(*now, wire, sockets) != PollResult::None {}
    }
}
