//! The host's name servers (resolv.conf(5)).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

const PORT: u16 = 53;

/// The host's name servers now, or the one asked for. The file changes when a host moves to
/// another network, so it is read each time.
pub(super) fn servers(given: Option<SocketAddr>) -> Vec<SocketAddr> {
    if let Some(given) = given {
        return vec![given];
    }
    let text = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let mut found = parse(&text);
    if found.is_empty() {
        // What resolv.conf(5) says of an empty file.
        found.push(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), PORT));
    }
    found
}

fn parse(text: &str) -> Vec<SocketAddr> {
    let lines = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let address = words.next().filter(|w| *w == "nameserver").and_then(|_| words.next())?;
        address.parse::<IpAddr>().ok()
    });
    lines.map(|ip| SocketAddr::new(ip, PORT)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_read() {
        let text = "# nameserver 1.1.1.1\nsearch x\nnameserver 10.0.0.1\nnameserver fe80::1%eth0\n\
                    nameserver ::1 # local\n";
        let expected: Vec<SocketAddr> =
            ["10.0.0.1:53", "[::1]:53"].iter().map(|a| a.parse().unwrap()).collect();
        assert_eq!(parse(text), expected);
    }
}
