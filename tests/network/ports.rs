//! Ports of this host for hetemu to listen at.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{TcpListener, UdpSocket};

/// A port that nobody has, and that no socket gets by chance: below the ports that the system gives
/// away.
pub(crate) fn free_port() -> u16 {
    let first = RandomState::new().build_hasher().finish() % 10_000;
    let mut ports = (first..first + 10_000).map(|n| 20_000 + (n % 10_000) as u16);
    let free = |port: &u16| {
        let address = ("127.0.0.1", *port);
        TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok()
    };
    ports.find(free).expect("a free port")
}
