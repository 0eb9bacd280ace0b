//! A guest on the other end of a network plug: frames made by hand, without any network code of
//! ours.

use hetemu_host::{Bell, Net, NetSpec, open_net};
use std::time::{Duration, Instant};

pub(crate) const MAC: [u8; 6] = [0x52, 0x54, 0, 0x12, 0x34, 0x56];
pub(crate) const ME: [u8; 4] = [10, 0, 2, 15];
pub(crate) const GATEWAY: [u8; 4] = [10, 0, 2, 2];
pub(crate) const DNS: [u8; 4] = [10, 0, 2, 3];
pub(crate) const NOBODY: [u8; 4] = [0; 4];
pub(crate) const ALL: [u8; 4] = [255; 4];

pub(crate) const ICMP: u8 = 1;
pub(crate) const TCP: u8 = 6;
pub(crate) const UDP: u8 = 17;

pub(crate) const FIN: u8 = 1;
pub(crate) const SYN: u8 = 2;
pub(crate) const RST: u8 = 4;
pub(crate) const PSH: u8 = 8;
pub(crate) const ACK: u8 = 16;

/// The one's complement sum, inverted.
pub(crate) fn checksum(parts: &[&[u8]]) -> u16 {
    let bytes = parts.concat();
    let mut sum: u32 =
        bytes.chunks(2).map(|c| u32::from(c[0]) << 8 | u32::from(*c.get(1).unwrap_or(&0))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !sum as u16
}

pub(crate) fn ethernet(to: [u8; 6], kind: u16, payload: &[u8]) -> Vec<u8> {
    [&to[..], &MAC, &kind.to_be_bytes(), payload].concat()
}

pub(crate) fn ipv4(from: [u8; 4], to: [u8; 4], protocol: u8, payload: &[u8]) -> Vec<u8> {
    let total = (20 + payload.len() as u16).to_be_bytes();
    let mut head =
        [&[0x45, 0, total[0], total[1], 0, 1, 0, 0, 64, protocol, 0, 0], &from[..], &to].concat();
    let sum = checksum(&[&head]).to_be_bytes();
    head[10..12].copy_from_slice(&sum);
    ethernet([0xff; 6], 0x0800, &[&head[..], payload].concat())
}

fn pseudo(from: [u8; 4], to: [u8; 4], protocol: u8, len: usize) -> Vec<u8> {
    [&from[..], &to, &[0, protocol], &(len as u16).to_be_bytes()].concat()
}

pub(crate) fn udp(from: ([u8; 4], u16), to: ([u8; 4], u16), data: &[u8]) -> Vec<u8> {
    let len = 8 + data.len();
    let mut datagram = [
        &from.1.to_be_bytes()[..],
        &to.1.to_be_bytes(),
        &(len as u16).to_be_bytes(),
        &[0, 0],
        data,
    ]
    .concat();
    let sum = checksum(&[&pseudo(from.0, to.0, UDP, len), &datagram]).to_be_bytes();
    datagram[6..8].copy_from_slice(&sum);
    ipv4(from.0, to.0, UDP, &datagram)
}

/// A packet from the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Packet {
    pub(crate) from: [u8; 4],
    pub(crate) to: [u8; 4],
    pub(crate) protocol: u8,
    pub(crate) payload: Vec<u8>,
}

/// A TCP segment from the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) from: ([u8; 4], u16),
    pub(crate) port: u16,
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    pub(crate) flags: u8,
    pub(crate) data: Vec<u8>,
}

pub(crate) fn be16(bytes: &[u8]) -> u16 {
    u16::from_be_bytes(bytes[..2].try_into().expect("two bytes"))
}

pub(crate) fn be32(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(bytes[..4].try_into().expect("four bytes"))
}

/// Reads an IPv4 packet; checks its checksums.
pub(crate) fn packet(frame: &[u8]) -> Option<Packet> {
    if be16(&frame[12..]) != 0x0800 {
        return None;
    }
    let ip = &frame[14..];
    assert_eq!((ip[0], checksum(&[&ip[..20]])), (0x45, 0), "a header");
    let total = usize::from(be16(&ip[2..]));
    let (from, to) = (ip[12..16].try_into().unwrap(), ip[16..20].try_into().unwrap());
    let (protocol, payload) = (ip[9], ip[20..total].to_vec());
    match protocol {
        ICMP => assert_eq!(checksum(&[&payload]), 0, "of the message"),
        _ => {
            let pseudo = pseudo(from, to, protocol, payload.len());
            assert_eq!(checksum(&[&pseudo, &payload]), 0, "of the payload");
        }
    }
    Some(Packet { from, to, protocol, payload })
}

pub(crate) fn segment(p: &Packet) -> Segment {
    let t = &p.payload;
    assert_eq!(p.protocol, TCP);
    let data = t[usize::from(t[12] >> 4) * 4..].to_vec();
    let (from, port) = ((p.from, be16(t)), be16(&t[2..]));
    Segment { from, port, seq: be32(&t[4..]), ack: be32(&t[8..]), flags: t[13], data }
}

/// The guest.
pub(crate) struct Guest {
    pub(crate) net: Box<dyn Net>,
    bell: Bell,
}

impl Guest {
    pub(crate) fn new(spec: &str) -> Guest {
        let bell = Bell::new();
        let spec = NetSpec::parse(spec).expect("a back end");
        let net = open_net(&spec, &bell).expect("it opens");
        Guest { net, bell }
    }

    pub(crate) fn send(&mut self, frame: &[u8]) {
        self.net.send(frame);
    }

    /// The next frame, if one comes in time.
    pub(crate) fn within(&mut self, limit: Duration) -> Option<Vec<u8>> {
        let end = Instant::now() + limit;
        loop {
            if let Some(frame) = self.net.receive() {
                return Some(frame);
            }
            let left = end.checked_duration_since(Instant::now())?;
            self.bell.wait(left);
        }
    }

    /// The next frame. Requests for our card are answered.
    #[track_caller]
    pub(crate) fn frame(&mut self) -> Vec<u8> {
        loop {
            let frame = self.within(Duration::from_secs(20)).expect("a frame");
            if be16(&frame[12..]) == 0x0806 && be16(&frame[20..]) == 1 && frame[38..42] == ME {
                self.announce();
                continue;
            }
            return frame;
        }
    }

    #[track_caller]
    pub(crate) fn packet(&mut self) -> Packet {
        packet(&self.frame()).expect("IPv4")
    }

    #[track_caller]
    pub(crate) fn segment(&mut self) -> Segment {
        segment(&self.packet())
    }

    /// Says which card we have: an ARP reply to the gateway.
    pub(crate) fn announce(&mut self) {
        let arp = [&[0, 1, 8, 0, 6, 4, 0, 2][..], &MAC, &ME, &[0; 6], &GATEWAY].concat();
        self.send(&ethernet([0xff; 6], 0x0806, &arp));
    }

    /// Sends a segment.
    pub(crate) fn tcp(
        &mut self,
        port: u16,
        to: ([u8; 4], u16),
        seq: u32,
        ack: u32,
        flags: u8,
        data: &[u8],
    ) {
        let head = [
            &port.to_be_bytes()[..],
            &to.1.to_be_bytes(),
            &seq.to_be_bytes(),
            &ack.to_be_bytes(),
            &[0x50, flags, 0xff, 0xff, 0, 0, 0, 0],
        ];
        let mut segment = [&head.concat()[..], data].concat();
        let sum = checksum(&[&pseudo(ME, to.0, TCP, segment.len()), &segment]).to_be_bytes();
        segment[16..18].copy_from_slice(&sum);
        self.send(&ipv4(ME, to.0, TCP, &segment));
    }

    /// Opens a connection; gives the other side's first number.
    #[track_caller]
    pub(crate) fn connect(&mut self, port: u16, to: ([u8; 4], u16)) -> u32 {
        self.tcp(port, to, 1000, 0, SYN, &[]);
        let answer = self.segment();
        assert_eq!((answer.flags, answer.ack), (SYN | ACK, 1001), "{answer:?}");
        assert_eq!((answer.from, answer.port), (to, port));
        self.tcp(port, to, 1001, answer.seq + 1, ACK, &[]);
        answer.seq + 1
    }
}
