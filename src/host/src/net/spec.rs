//! What stands after `=` of a network plug.

use crate::Error;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};

/// A network back end, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetSpec {
    /// Nothing.
    Null,
    /// A user-mode network.
    User(UserSpec),
}

/// Settings of a user-mode network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserSpec {
    /// Ports of the host that lead into the guest.
    pub forwards: Vec<Forward>,
    /// The guest reaches nothing outside; forwards still lead in.
    pub restrict: bool,
    /// The name server that 10.0.2.3 asks, instead of the host's.
    pub resolver: Option<SocketAddr>,
}

/// Transport protocols.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Connections.
    Tcp,
    /// Datagrams.
    Udp,
}

/// A port of the host that leads to a port of the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forward {
    /// What is forwarded.
    pub protocol: Protocol,
    /// Where the host listens; port 0 takes a free one.
    pub host: SocketAddr,
    /// Where it leads.
    pub guest: SocketAddrV4,
}

/// The address that a guest gets if it asks.
pub(crate) const GUEST: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 15);

impl NetSpec {
    /// Reads a plug's value.
    pub fn parse(text: &str) -> Result<NetSpec, Error> {
        let mut words = text.split(',');
        match words.next() {
            Some("null" | "none") if text.len() == 4 => return Ok(NetSpec::Null),
            Some("user") => {}
            _ => return Err(Error::UnknownNet(text.to_string())),
        }
        let mut user = UserSpec::default();
        for word in words {
            let wrong = || Error::NetOption(word.to_string());
            match word.split_once('=').unwrap_or((word, "")) {
                ("hostfwd", rule) => user.forwards.push(forward(rule).ok_or_else(wrong)?),
                ("restrict", "on" | "yes") => user.restrict = true,
                ("restrict", "off" | "no") => user.restrict = false,
                ("resolver", at) => user.resolver = Some(address(at, 53).ok_or_else(wrong)?),
                _ => return Err(wrong()),
            }
        }
        Ok(NetSpec::User(user))
    }
}

/// `ADDR` or `ADDR:PORT`.
fn address(text: &str, port: u16) -> Option<SocketAddr> {
    let alone = |ip: IpAddr| SocketAddr::new(ip, port);
    text.parse().ok().or_else(|| text.parse().ok().map(alone))
}

/// `tcp:[ADDR]:PORT-[ADDR]:PORT`; without addresses the host's loopback and the guest's usual one.
fn forward(rule: &str) -> Option<Forward> {
    let (protocol, rest) = rule.split_once(':')?;
    let protocol = match protocol {
        "tcp" | "" => Protocol::Tcp,
        "udp" => Protocol::Udp,
        _ => return None,
    };
    let (host, guest) = rest.rsplit_once('-')?;
    let (address, port) = host.rsplit_once(':')?;
    let address = match address {
        "" => Ipv4Addr::LOCALHOST.into(),
        _ => address.trim_matches(['[', ']']).parse().ok()?,
    };
    let host = SocketAddr::new(address, port.parse().ok()?);
    let (address, port) = guest.rsplit_once(':')?;
    let address = if address.is_empty() { GUEST } else { address.parse().ok()? };
    let guest = SocketAddrV4::new(address, port.parse().ok().filter(|p| *p != 0)?);
    Some(Forward { protocol, host, guest })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specs_are_read() {
        assert_eq!(NetSpec::parse("null").unwrap(), NetSpec::Null);
        let plain = UserSpec::default();
        assert_eq!(NetSpec::parse("user").unwrap(), NetSpec::User(plain));
        let text = "user,hostfwd=tcp:127.0.0.1:2222-:22,hostfwd=udp::53-10.0.2.20:5353,restrict=on,\
                    resolver=9.9.9.9";
        let NetSpec::User(user) = NetSpec::parse(text).unwrap() else { panic!("a user network") };
        assert!(user.restrict);
        assert_eq!(user.resolver, Some("9.9.9.9:53".parse().unwrap()));
        let forward = |protocol, host: &str, guest: &str| Forward {
            protocol,
            host: host.parse().unwrap(),
            guest: guest.parse().unwrap(),
        };
        let expected = [
            forward(Protocol::Tcp, "127.0.0.1:2222", "10.0.2.15:22"),
            forward(Protocol::Udp, "127.0.0.1:53", "10.0.2.20:5353"),
        ];
        assert_eq!(user.forwards, expected);
    }

    #[test]
    fn mistakes_are_named() {
        for bad in ["", "stdio", "user2", "null,restrict=on", "tap:x"] {
            assert!(matches!(NetSpec::parse(bad), Err(Error::UnknownNet(_))), "{bad}");
        }
        for bad in [
            "",
            "restrict",
            "restrict=maybe",
            "hostfwd=tcp:2222-22",
            "hostfwd=tcp::2222",
            "hostfwd=tcp::2222-:0",
            "hostfwd=tcp::99999-:22",
            "hostfwd=sctp::1-:2",
            "resolver=",
        ] {
            let e = NetSpec::parse(&format!("user,{bad}")).unwrap_err();
            assert!(matches!(&e, Error::NetOption(o) if o == bad), "{bad}: {e}");
        }
    }
}
