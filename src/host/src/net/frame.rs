//! Frames and packets that the user network makes itself.

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol,
    EthernetRepr, Icmpv4DstUnreachable, Icmpv4Packet, Icmpv4Repr, IpAddress, IpProtocol,
    Ipv4Packet, Ipv4Repr, UdpPacket, UdpRepr,
};
use std::net::{Ipv4Addr, SocketAddrV4};

/// Length of an Ethernet header.
pub(super) const ETHERNET: usize = 14;
/// Length of IPv4 and UDP headers without options.
pub(super) const IPV4: usize = 20;
pub(super) const UDP: usize = 8;
/// Longest packet on an Ethernet.
pub(super) const MTU: usize = 1500;

/// The network, its gateway, and its name server; both have one card.
pub(super) const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 2);
pub(super) const DNS: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 3);
pub(super) const MASK: Ipv4Addr = Ipv4Addr::new(255, 255, 255, 0);
pub(super) const MAC: EthernetAddress = EthernetAddress([0x52, 0x55, 10, 0, 2, 2]);

/// Whether an address lies in the network.
pub(super) fn inside(a: Ipv4Addr) -> bool {
    a & MASK == GATEWAY & MASK
}

/// Whether an address can be a guest's.
pub(super) fn guests(a: Ipv4Addr) -> bool {
    inside(a) && !matches!(a.octets()[3], 0 | 2 | 3 | 255)
}

/// Puts an Ethernet header into the first bytes.
pub(super) fn head(frame: &mut [u8], to: EthernetAddress, ethertype: EthernetProtocol) {
    let repr = EthernetRepr { src_addr: MAC, dst_addr: to, ethertype };
    if frame.len() >= ETHERNET {
        repr.emit(&mut EthernetFrame::new_unchecked(frame));
    }
}

/// An ARP request or reply of the gateway's card.
pub(super) fn arp(
    operation: ArpOperation,
    ours: Ipv4Addr,
    to: EthernetAddress,
    theirs: Ipv4Addr,
) -> Vec<u8> {
    let target = if operation == ArpOperation::Request { EthernetAddress([0; 6]) } else { to };
    let repr = ArpRepr::EthernetIpv4 {
        operation,
        source_hardware_addr: MAC,
        source_protocol_addr: ours,
        target_hardware_addr: target,
        target_protocol_addr: theirs,
    };
    let mut frame = vec![0; ETHERNET + repr.buffer_len()];
    head(&mut frame, to, EthernetProtocol::Arp);
    if let Some(packet) = frame.get_mut(ETHERNET..) {
        repr.emit(&mut ArpPacket::new_unchecked(packet));
    }
    frame
}

/// An IPv4 packet, with room for an Ethernet header before it, whose payload `fill` writes.
fn ipv4(
    from: Ipv4Addr,
    to: Ipv4Addr,
    protocol: IpProtocol,
    len: usize,
    fill: impl FnOnce(&mut [u8]),
) -> Vec<u8> {
    let mut frame = vec![0; ETHERNET + IPV4 + len];
    let repr = Ipv4Repr {
        src_addr: from,
        dst_addr: to,
        next_header: protocol,
        payload_len: len,
        hop_limit: 64,
    };
    if let Some(packet) = frame.get_mut(ETHERNET..) {
        let checksums = ChecksumCapabilities::default();
        repr.emit(&mut Ipv4Packet::new_unchecked(&mut *packet), &checksums);
        fill(packet.get_mut(IPV4..).unwrap_or_default());
    }
    frame
}

/// A UDP datagram in an IPv4 packet, with room for an Ethernet header before it.
pub(super) fn udp(from: SocketAddrV4, to: SocketAddrV4, data: &[u8]) -> Vec<u8> {
    let repr = UdpRepr { src_port: from.port(), dst_port: to.port() };
    ipv4(*from.ip(), *to.ip(), IpProtocol::Udp, UDP + data.len(), |bytes| {
        let (source, target) = (IpAddress::Ipv4(*from.ip()), IpAddress::Ipv4(*to.ip()));
        repr.emit(
            &mut UdpPacket::new_unchecked(bytes),
            &source,
            &target,
            data.len(),
            |payload| payload.copy_from_slice(data),
            &ChecksumCapabilities::default(),
        );
    })
}

/// An ICMP message in an IPv4 packet, with room for an Ethernet header before it.
pub(super) fn icmp(from: Ipv4Addr, to: Ipv4Addr, repr: &Icmpv4Repr<'_>) -> Vec<u8> {
    ipv4(from, to, IpProtocol::Icmp, repr.buffer_len(), |bytes| {
        repr.emit(&mut Icmpv4Packet::new_unchecked(bytes), &ChecksumCapabilities::default());
    })
}

/// "There is no way there", about a packet that the gateway does not pass on (RFC 792).
pub(super) fn unreachable(
    packet: &Ipv4Packet<&[u8]>,
    reason: Icmpv4DstUnreachable,
) -> Option<Vec<u8>> {
    let header = Ipv4Repr::parse(packet, &ChecksumCapabilities::default()).ok()?;
    let payload = packet.payload();
    let data = payload.get(..payload.len().min(8))?;
    let repr = Icmpv4Repr::DstUnreachable { reason, header, data };
    Some(icmp(GATEWAY, packet.src_addr(), &repr))
}
