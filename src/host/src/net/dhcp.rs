//! The DHCP server (RFC 2131, RFC 2132): a card gets 10.0.2.15, further cards the next ones.

use super::frame::{DNS, GATEWAY, MASK};
use super::spec::GUEST;
use std::net::Ipv4Addr;

/// Ports of servers and clients.
pub(super) const SERVER: u16 = 67;
pub(super) const CLIENT: u16 = 68;

const REQUEST: u8 = 1;
const REPLY: u8 = 2;
const COOKIE: [u8; 4] = [99, 130, 83, 99];
/// Length of the fixed part with the cookie, and the least length of a message.
const FIXED: usize = 240;
const LEAST: usize = 300;
/// A day.
const LEASE: u32 = 86_400;
/// Cards that get an address.
const CARDS: usize = 16;

/// Options.
const PAD: u8 = 0;
const SUBNET_MASK: u8 = 1;
const ROUTER: u8 = 3;
const NAME_SERVER: u8 = 6;
const REQUESTED: u8 = 50;
const LEASE_TIME: u8 = 51;
const TYPE: u8 = 53;
const SERVER_ID: u8 = 54;
const END: u8 = 255;

/// Message types.
const DISCOVER: u8 = 1;
const OFFER: u8 = 2;
const REQUESTS: u8 = 3;
const ACK: u8 = 5;
const NAK: u8 = 6;
const INFORM: u8 = 8;

/// Who has which address.
#[derive(Debug, Default)]
pub(super) struct Server {
    cards: Vec<[u8; 6]>,
}

/// What a client says.
struct Message<'a> {
    fixed: &'a [u8; FIXED],
    options: &'a [u8],
}

fn address(bytes: &[u8]) -> Option<Ipv4Addr> {
    bytes.first_chunk::<4>().map(|b| Ipv4Addr::from(*b))
}

impl<'a> Message<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Message<'a>> {
        let (fixed, options) = bytes.split_first_chunk::<FIXED>()?;
        let ethernet = fixed.first_chunk() == Some(&[REQUEST, 1, 6]);
        (ethernet && fixed.ends_with(&COOKIE)).then_some(Message { fixed, options })
    }

    fn option(&self, wanted: u8) -> Option<&'a [u8]> {
        let mut rest = self.options;
        loop {
            let (code, tail) = rest.split_first()?;
            match *code {
                PAD => rest = tail,
                END => return None,
                code => {
                    let (len, tail) = tail.split_first()?;
                    let (value, tail) = tail.split_at_checked(usize::from(*len))?;
                    if code == wanted {
                        return Some(value);
                    }
                    rest = tail;
                }
            }
        }
    }

    fn card(&self) -> Option<[u8; 6]> {
        self.fixed.get(28..34)?.try_into().ok()
    }

    /// The address that the client has already, unspecified if none.
    fn has(&self) -> Option<Ipv4Addr> {
        address(self.fixed.get(12..16)?)
    }
}

impl Server {
    /// The address of a card.
    fn of(&mut self, card: [u8; 6]) -> Option<Ipv4Addr> {
        let known = self.cards.iter().position(|c| *c == card);
        let index = match known {
            Some(index) => index,
            None if self.cards.len() < CARDS => {
                self.cards.push(card);
                self.cards.len() - 1
            }
            None => return None,
        };
        Some(Ipv4Addr::from(u32::from(GUEST) + index as u32))
    }

    /// The answer to a message, and the address to send it to.
    pub(super) fn answer(&mut self, bytes: &[u8]) -> Option<(Ipv4Addr, Vec<u8>)> {
        let message = Message::parse(bytes)?;
        let &[kind] = message.option(TYPE)? else { return None };
        if message.option(SERVER_ID).is_some_and(|id| address(id) != Some(GATEWAY)) {
            return None;
        }
        let has = message.has()?;
        let offered = self.of(message.card()?)?;
        let wanted = message.option(REQUESTED).and_then(address).unwrap_or(has);
        let (kind, yours) = match kind {
            DISCOVER => (OFFER, offered),
            REQUESTS if wanted == offered => (ACK, offered),
            REQUESTS => (NAK, Ipv4Addr::UNSPECIFIED),
            INFORM => (ACK, Ipv4Addr::UNSPECIFIED),
            _ => return None,
        };
        let to = if has.is_unspecified() || kind == NAK { Ipv4Addr::BROADCAST } else { has };
        Some((to, reply(&message, kind, yours)))
    }
}

fn reply(message: &Message<'_>, kind: u8, yours: Ipv4Addr) -> Vec<u8> {
    let mut out = Vec::with_capacity(LEAST);
    out.extend([REPLY, 1, 6, 0]);
    // Transaction, seconds, flags and the client's address are the client's.
    out.extend(message.fixed.get(4..16).unwrap_or_default());
    out.extend(yours.octets());
    out.extend(GATEWAY.octets());
    out.extend(message.fixed.get(24..44).unwrap_or_default());
    out.resize(FIXED - COOKIE.len(), 0);
    out.extend(COOKIE);
    let mut option = |code: u8, value: &[u8]| {
        out.extend([code, value.len() as u8]);
        out.extend(value);
    };
    option(TYPE, &[kind]);
    option(SERVER_ID, &GATEWAY.octets());
    if kind != NAK {
        if !yours.is_unspecified() {
            option(LEASE_TIME, &LEASE.to_be_bytes());
        }
        option(SUBNET_MASK, &MASK.octets());
        option(ROUTER, &GATEWAY.octets());
        option(NAME_SERVER, &DNS.octets());
    }
    out.push(END);
    out.resize(out.len().max(LEAST), PAD);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(card: u8, kind: u8, options: &[u8]) -> Vec<u8> {
        let mut m = vec![0; FIXED];
        m[..3].copy_from_slice(&[1, 1, 6]);
        m[4..8].copy_from_slice(&[9, 8, 7, 6]);
        m[33] = card;
        m[236..].copy_from_slice(&COOKIE);
        m.extend([0, 12, 2, b'h', b'i', TYPE, 1, kind]);
        m.extend(options);
        m.push(END);
        m
    }

    #[track_caller]
    fn option(reply: &[u8], wanted: u8) -> Vec<u8> {
        let fixed = reply.first_chunk().unwrap();
        let m = Message { fixed, options: &reply[FIXED..] };
        m.option(wanted).unwrap_or_default().to_vec()
    }

    #[test]
    fn a_lease() {
        let mut s = Server::default();
        let (to, offer) = s.answer(&message(1, DISCOVER, &[])).unwrap();
        assert_eq!(to, Ipv4Addr::BROADCAST);
        assert_eq!(
            (&offer[..8], &offer[16..20]),
            (&[2, 1, 6, 0, 9, 8, 7, 6][..], &[10, 0, 2, 15][..])
        );
        assert_eq!(option(&offer, TYPE), [OFFER]);
        let request =
            message(1, REQUESTS, &[REQUESTED, 4, 10, 0, 2, 15, SERVER_ID, 4, 10, 0, 2, 2]);
        let (_, ack) = s.answer(&request).unwrap();
        assert_eq!(option(&ack, TYPE), [ACK]);
        assert_eq!(option(&ack, SUBNET_MASK), [255, 255, 255, 0]);
        assert_eq!(option(&ack, ROUTER), [10, 0, 2, 2]);
        assert_eq!(option(&ack, NAME_SERVER), [10, 0, 2, 3]);
        assert_eq!(option(&ack, LEASE_TIME), [0, 1, 0x51, 0x80]);
        let (_, other) = s.answer(&message(2, DISCOVER, &[])).unwrap();
        assert_eq!(other[16..20], [10, 0, 2, 16]);
        let mut renewal = message(1, REQUESTS, &[]);
        renewal[12..16].copy_from_slice(&[10, 0, 2, 15]);
        let (to, ack) = s.answer(&renewal).unwrap();
        assert_eq!((to, option(&ack, TYPE)), (GUEST, vec![ACK]));
    }

    #[test]
    fn wrong_wishes_are_refused() {
        let mut s = Server::default();
        let (_, nak) = s.answer(&message(1, REQUESTS, &[REQUESTED, 4, 192, 168, 0, 9])).unwrap();
        assert_eq!((option(&nak, TYPE), &nak[16..20]), (vec![NAK], &[0; 4][..]));
        let other_server = message(1, REQUESTS, &[SERVER_ID, 4, 10, 0, 2, 9]);
        assert_eq!(s.answer(&other_server), None);
        assert_eq!(s.answer(&message(1, 7, &[])), None, "release");
        for card in 0..CARDS as u8 {
            assert!(s.answer(&message(card, DISCOVER, &[])).is_some());
        }
        assert_eq!(s.answer(&message(99, DISCOVER, &[])), None);
    }

    #[test]
    fn damaged_messages_have_no_answer() {
        let good = message(1, DISCOVER, &[]);
        for len in 0..good.len() - 1 {
            assert_eq!(Server::default().answer(&good[..len]), None, "cut to {len}");
        }
        let endless = [&good[..FIXED], &[TYPE, 200]].concat();
        assert_eq!(Server::default().answer(&endless), None);
    }
}
