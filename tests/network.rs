//! The user network, seen by a guest that makes its frames by hand.

#[path = "network/guest.rs"]
mod guest;
#[path = "network/ports.rs"]
mod ports;

use guest::*;
use hetemu_testing::Rng;
use ports::free_port;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

#[test]
fn the_gateway_and_the_name_server_have_cards() {
    for spec in ["user", "user,restrict=on"] {
        let mut g = Guest::new(spec);
        for wanted in [GATEWAY, DNS] {
            let arp = [&[0, 1, 8, 0, 6, 4, 0, 1][..], &MAC, &ME, &[0; 6], &wanted].concat();
            g.send(&ethernet([0xff; 6], 0x0806, &arp));
            let reply = g.frame();
            assert_eq!(reply[..6], MAC);
            assert_eq!(reply[12..22], [8, 6, 0, 1, 8, 0, 6, 4, 0, 2]);
            assert_eq!((&reply[28..32], &reply[38..42]), (&wanted[..], &ME[..]));
        }
        // An address of nobody, so that a guest can take it.
        let arp = [&[0, 1, 8, 0, 6, 4, 0, 1][..], &MAC, &NOBODY, &[0; 6], &ME].concat();
        g.send(&ethernet([0xff; 6], 0x0806, &arp));
        assert_eq!(g.within(Duration::from_millis(100)), None);
    }
}

/// The value of a DHCP option.
fn option(message: &[u8], wanted: u8) -> Option<&[u8]> {
    let mut rest = &message[240..];
    while rest[0] != 255 {
        let (head, tail) = rest.split_at(2);
        let (value, tail) = tail.split_at(head[1].into());
        if head[0] == wanted {
            return Some(value);
        }
        rest = tail;
    }
    None
}

#[test]
fn a_lease() {
    let mut g = Guest::new("user");
    let mut ask = |options: &[u8]| {
        let mut m = vec![0; 240];
        m[..8].copy_from_slice(&[1, 1, 6, 0, 0xde, 0xad, 0xbe, 0xef]);
        m[28..34].copy_from_slice(&MAC);
        m[236..].copy_from_slice(&[99, 130, 83, 99]);
        m.extend(options);
        m.push(255);
        g.send(&udp((NOBODY, 68), (ALL, 67), &m));
        let frame = g.frame();
        assert_eq!(frame[..6], [0xff; 6]);
        let answer = packet(&frame).expect("IPv4");
        assert_eq!((answer.from, answer.to, be16(&answer.payload[2..])), (GATEWAY, ALL, 68));
        answer.payload[8..].to_vec()
    };
    let offer = ask(&[53, 1, 1]);
    assert_eq!((&offer[4..8], &offer[16..20]), (&[0xde, 0xad, 0xbe, 0xef][..], &ME[..]));
    assert_eq!(option(&offer, 53), Some(&[2][..]));
    let ack = ask(&[53, 1, 3, 50, 4, 10, 0, 2, 15, 54, 4, 10, 0, 2, 2]);
    assert_eq!(option(&ack, 53), Some(&[5][..]));
    assert_eq!(option(&ack, 3), Some(&GATEWAY[..]));
    assert_eq!(option(&ack, 6), Some(&DNS[..]));
    assert_eq!(option(&ack, 1), Some(&[255, 255, 255, 0][..]));
    let nak = ask(&[53, 1, 3, 50, 4, 192, 168, 1, 1]);
    assert_eq!(option(&nak, 53), Some(&[6][..]));
}

fn echo_request(to: [u8; 4]) -> Vec<u8> {
    let mut message = [&[8, 0, 0, 0, 0x12, 0x34, 0, 7][..], b"are you there?"].concat();
    let sum = checksum(&[&message]).to_be_bytes();
    message[2..4].copy_from_slice(&sum);
    ipv4(ME, to, ICMP, &message)
}

#[test]
fn the_gateway_answers_pings() {
    let mut g = Guest::new("user,restrict=on");
    for to in [GATEWAY, DNS] {
        g.send(&echo_request(to));
        assert!(g.net.answers(), "at once");
        let p = g.packet();
        assert_eq!((p.from, p.to, p.protocol), (to, ME, ICMP));
        assert_eq!((p.payload[0], &p.payload[4..8]), (0, &[0x12, 0x34, 0, 7][..]));
        assert_eq!(&p.payload[8..], b"are you there?");
    }
    g.send(&echo_request([192, 0, 2, 1]));
    let p = g.packet();
    assert_eq!((p.from, &p.payload[..2]), (GATEWAY, &[3, 0][..]), "no way there");
}

#[test]
fn a_connection_out() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let to = (GATEWAY, port);
    let mut g = Guest::new("user");
    let theirs = g.connect(40000, to);
    let (mut host, _) = listener.accept().unwrap();
    g.tcp(40000, to, 1001, theirs, ACK | PSH, b"hello");
    let mut five = [0; 5];
    host.read_exact(&mut five).unwrap();
    assert_eq!(&five, b"hello");
    host.write_all(b"hi yourself").unwrap();
    let mut data = Vec::new();
    while data.len() < 11 {
        let s = g.segment();
        data.extend(s.data);
    }
    assert_eq!(data, b"hi yourself");
    g.tcp(40000, to, 1006, theirs + 11, ACK, &[]);
    // Each side says its end, and the other one hears it.
    drop(host);
    let fin = loop {
        let s = g.segment();
        if s.flags & FIN != 0 {
            break s;
        }
    };
    assert_eq!(fin.seq, theirs + 11);
    g.tcp(40000, to, 1006, theirs + 12, ACK | FIN, &[]);
    assert_eq!(g.segment().ack, 1007);
}

#[test]
fn a_guest_that_is_done_first() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = (GATEWAY, listener.local_addr().unwrap().port());
    let mut g = Guest::new("user");
    let theirs = g.connect(40001, to);
    let (mut host, _) = listener.accept().unwrap();
    g.tcp(40001, to, 1001, theirs, ACK | PSH | FIN, b"last words");
    let mut all = String::new();
    host.read_to_string(&mut all).unwrap();
    assert_eq!(all, "last words");
    host.write_all(b"still here").unwrap();
    let data: Vec<u8> =
        std::iter::repeat_with(|| g.segment().data).find(|d| !d.is_empty()).unwrap();
    assert_eq!(data, b"still here");
}

#[test]
fn refused_connections_are_refused() {
    // A port that nobody listens at.
    let port = free_port();
    for spec in ["user", "user,restrict=on"] {
        let mut g = Guest::new(spec);
        g.announce();
        for to in [(GATEWAY, port), (DNS, 80), ([10, 0, 2, 99], 80), ([127, 0, 0, 1], port)] {
            g.tcp(40000, to, 7, 0, SYN, &[]);
            let answer = g.segment();
            assert_eq!((answer.from, answer.flags, answer.ack), (to, RST | ACK, 8), "{to:?}");
        }
    }
}

#[test]
fn restricted_guests_reach_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let listening = listener.local_addr().unwrap().port();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut g = Guest::new("user,restrict=on");
    assert!(!g.net.live(), "nothing comes from outside");
    g.tcp(40000, (GATEWAY, listening), 7, 0, SYN, &[]);
    assert_eq!(g.segment().flags, RST | ACK);
    g.send(&udp((ME, 5000), (GATEWAY, socket.local_addr().unwrap().port()), b"x"));
    assert_eq!(g.packet().payload[..2], [3, 3], "port unreachable");
    let question = [0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, b'a', 0, 0, 1, 0, 1];
    g.send(&udp((ME, 5001), (DNS, 53), &question));
    let answer = g.packet();
    assert_eq!((answer.from, be16(&answer.payload[2..])), (DNS, 5001));
    assert_eq!(answer.payload[8..14], [0xab, 0xcd, 0x81, 5, 0, 1]);
    assert_eq!(answer.payload[14..], question[6..]);
}

#[test]
fn datagrams_out_and_back() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let to = (GATEWAY, socket.local_addr().unwrap().port());
    let mut g = Guest::new("user");
    g.send(&udp((ME, 5000), to, b"ping"));
    let mut bytes = [0; 100];
    let (len, from) = socket.recv_from(&mut bytes).unwrap();
    assert_eq!(&bytes[..len], b"ping");
    socket.send_to(b"pong", from).unwrap();
    let p = g.packet();
    assert_eq!((p.from, p.to, p.protocol), (GATEWAY, ME, UDP));
    assert_eq!((be16(&p.payload), be16(&p.payload[2..])), (to.1, 5000));
    assert_eq!(&p.payload[8..], b"pong");
}

#[test]
fn names_are_asked_of_the_resolver() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut g = Guest::new(&format!("user,resolver={}", server.local_addr().unwrap()));
    g.send(&udp((ME, 5353), (DNS, 53), b"question"));
    let mut bytes = [0; 100];
    let (len, from) = server.recv_from(&mut bytes).unwrap();
    assert_eq!(&bytes[..len], b"question");
    server.send_to(b"answer", from).unwrap();
    let p = g.packet();
    assert_eq!((p.from, be16(&p.payload), be16(&p.payload[2..])), (DNS, 53, 5353));
    assert_eq!(&p.payload[8..], b"answer");
}

#[test]
fn forwarded_ports_lead_in() {
    let port = free_port();
    let mut g = Guest::new(&format!("user,restrict=on,hostfwd=tcp:127.0.0.1:{port}-:22"));
    let mut host = TcpStream::connect(("127.0.0.1", port)).unwrap();
    // The first SYN is lost, since nobody knew our card.
    let syn = g.segment();
    assert_eq!((syn.from.0, syn.port, syn.flags), (GATEWAY, 22, SYN));
    g.tcp(22, syn.from, 50, syn.seq + 1, SYN | ACK, &[]);
    assert_eq!(g.segment().flags, ACK);
    g.tcp(22, syn.from, 51, syn.seq + 1, ACK | PSH, b"SSH-2.0\n");
    let mut banner = [0; 8];
    host.read_exact(&mut banner).unwrap();
    assert_eq!(&banner, b"SSH-2.0\n");
    g.tcp(22, syn.from, 59, syn.seq + 1, RST | ACK, &[]);
    assert!(host.read(&mut banner).is_err(), "cut on both sides");
}

/// A guest that boots for long: it is reached as soon as its card is known, and once a second while
/// it is silent. The same call is repeated, since a slow guest may be about to answer it.
#[test]
fn a_call_waits_for_the_guest() {
    let port = free_port();
    let mut g = Guest::new(&format!("user,hostfwd=tcp:127.0.0.1:{port}-:22"));
    let mut host = TcpStream::connect(("127.0.0.1", port)).unwrap();
    host.write_all(b"anybody there?").unwrap();
    host.shutdown(Shutdown::Write).unwrap();
    let start = Instant::now();
    let silent = Duration::from_millis(3500);
    while let Some(left) = silent.checked_sub(start.elapsed()) {
        let frame = g.within(left);
        assert!(frame.is_none_or(|f| be16(&f[12..]) == 0x0806), "nobody's card is known");
    }
    g.announce();
    let (known, first) = (Instant::now(), g.segment());
    // Retransmissions that back off come after 1, 3, 7 and 15 s.
    assert!(known.elapsed() < Duration::from_secs(3), "at once");
    let again: Vec<_> = (0..4).map(|_| g.segment()).collect();
    assert!(again.iter().all(|s| *s == first), "{again:?}");
    assert!(known.elapsed() < Duration::from_secs(20), "each second");
    g.tcp(22, first.from, 50, first.seq + 1, SYN | ACK, &[]);
    let data = std::iter::repeat_with(|| g.segment()).find(|s| !s.data.is_empty()).unwrap();
    assert_eq!(data.data, b"anybody there?");
}

/// A guest that takes no connection, or leaves one after its last word, says so to the host, too.
#[test]
fn resets_are_passed_on() {
    let port = free_port();
    let mut g = Guest::new(&format!("user,hostfwd=tcp:127.0.0.1:{port}-:22"));
    g.announce();
    for end in [RST, FIN, FIN | RST] {
        let mut host = TcpStream::connect(("127.0.0.1", port)).unwrap();
        host.shutdown(Shutdown::Write).unwrap();
        let syn = std::iter::repeat_with(|| g.segment()).find(|s| s.flags == SYN).unwrap();
        let mut ours = 50;
        g.tcp(22, syn.from, ours, syn.seq + 1, SYN | ACK, &[]);
        ours += 1;
        let fin = std::iter::repeat_with(|| g.segment()).find(|s| s.flags & FIN != 0).unwrap();
        if end & FIN != 0 {
            g.tcp(22, syn.from, ours, fin.seq, ACK | FIN, &[]);
            ours += 1;
        }
        if end & RST != 0 {
            g.tcp(22, syn.from, ours, fin.seq + 1, RST | ACK, &[]);
        } else {
            g.tcp(22, syn.from, ours, fin.seq + 1, ACK, &[]);
        }
        let heard = host.read(&mut [0]);
        match end {
            FIN => assert_eq!(heard.unwrap(), 0, "a clean end"),
            RST => assert!(heard.is_err(), "no end that the guest has said"),
            // The end and the reset come one after the other.
            _ => assert!(heard.is_err() || host.write(b"x").and(host.write(b"x")).is_err()),
        }
    }
}

#[test]
fn forwarded_datagrams_lead_in() {
    let port = free_port();
    let mut g = Guest::new(&format!("user,hostfwd=udp:127.0.0.1:{port}-:69"));
    g.announce();
    let host = UdpSocket::bind("127.0.0.1:0").unwrap();
    host.send_to(b"read", ("127.0.0.1", port)).unwrap();
    let p = g.packet();
    let peer = be16(&p.payload);
    assert_eq!((p.from, be16(&p.payload[2..])), (GATEWAY, 69));
    g.send(&udp((ME, 69), (GATEWAY, peer), b"data"));
    let mut bytes = [0; 100];
    let (len, from) = host.recv_from(&mut bytes).unwrap();
    assert_eq!((&bytes[..len], from.port()), (&b"data"[..], port));
}

/// A megabyte each way at the same time, in segments longer than an Ethernet carries.
#[test]
fn much_data_both_ways() {
    const LEN: usize = 1 << 20;
    let pattern: Vec<u8> = (0..LEN).map(|i| (i ^ i >> 9) as u8).collect();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = (GATEWAY, listener.local_addr().unwrap().port());
    let mut g = Guest::new("user");
    let first = g.connect(40000, to);
    let (host, _) = listener.accept().unwrap();
    let (mut reader, mut writer) = (host.try_clone().unwrap(), host);
    let data = pattern.clone();
    let out = std::thread::spawn(move || writer.write_all(&data).unwrap());
    let inward = std::thread::spawn(move || {
        let mut got = vec![0; LEN];
        reader.read_exact(&mut got).unwrap();
        got
    });
    let (mut sent, mut acked, mut got) = (0, 0, Vec::<u8>::new());
    while acked < LEN || got.len() < LEN {
        while sent < LEN && sent - acked < 60_000 {
            let n = (LEN - sent).min(30_000);
            let ack = first.wrapping_add(got.len() as u32);
            g.tcp(40000, to, 1001 + sent as u32, ack, ACK, &pattern[sent..sent + n]);
            sent += n;
        }
        let s = g.segment();
        acked = acked.max(s.ack.wrapping_sub(1001) as usize);
        if s.seq == first.wrapping_add(got.len() as u32) {
            got.extend(&s.data);
        }
        if !s.data.is_empty() {
            let ack = first.wrapping_add(got.len() as u32);
            g.tcp(40000, to, 1001 + sent as u32, ack, ACK, &[]);
        }
    }
    assert_eq!(got, pattern);
    assert_eq!(inward.join().unwrap(), pattern);
    out.join().unwrap();
}

/// Frames that are nearly right, and some that are not at all. Whatever comes back is a frame.
#[test]
fn nonsense_is_survived() {
    let mut rng = Rng(1);
    let port = free_port();
    for spec in ["user,restrict=on", "user"] {
        let mut g = Guest::new(spec);
        let question = [0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, b'a', 0, 0, 1, 0, 1];
        let mut lease = vec![0; 250];
        lease[..3].copy_from_slice(&[1, 1, 6]);
        lease[236..243].copy_from_slice(&[99, 130, 83, 99, 53, 1, 1]);
        let arp = [&[0, 1, 8, 0, 6, 4, 0, 1][..], &MAC, &ME, &[0; 6], &GATEWAY].concat();
        let good = [
            ethernet([0xff; 6], 0x0806, &arp),
            echo_request(GATEWAY),
            udp((ME, 9), (DNS, 54), &question),
            udp((NOBODY, 68), (ALL, 67), &lease),
            udp((ME, 9), (GATEWAY, port), b"x"),
        ];
        for round in 0..60_000u64 {
            let mut frame = match rng.below(8) {
                0 => (0..rng.below(200)).map(|_| rng.below(256) as u8).collect(),
                1 => {
                    let flags = rng.below(64) as u8;
                    let (seq, ack) = (rng.below(1 << 32) as u32, rng.below(1 << 32) as u32);
                    let data = vec![0; rng.below(40) as usize];
                    g.tcp(rng.below(4) as u16, (GATEWAY, port), seq, ack, flags, &data);
                    continue;
                }
                n => good[(n as usize - 2) % good.len()].clone(),
            };
            for _ in 0..rng.below(4) {
                let Some(at) = (frame.len() as u64).checked_sub(1) else { break };
                let at = rng.below(at + 1) as usize;
                match rng.below(6) {
                    0 => frame.truncate(at),
                    _ => frame[at] = rng.below(256) as u8,
                }
            }
            // The header's sum is right, so that what it says is looked at.
            if frame.len() >= 34 && frame[12..14] == [8, 0] && rng.below(2) == 0 {
                frame[24..26].fill(0);
                let sum = checksum(&[&frame[14..34]]).to_be_bytes();
                frame[24..26].copy_from_slice(&sum);
            }
            // Nothing leaves for anywhere but this host.
            let there = frame.get(30..34).is_some_and(|to| to[0] != 10 && to[0] != 127);
            if there && spec == "user" {
                continue;
            }
            g.send(&frame);
            while let Some(answer) = g.net.receive() {
                assert!(answer.len() >= 42, "round {round}: {answer:x?}");
            }
        }
        // It still works.
        while g.within(Duration::from_millis(200)).is_some() {}
        g.send(&echo_request(GATEWAY));
        let p = std::iter::repeat_with(|| g.packet()).find(|p| p.protocol == ICMP).unwrap();
        assert_eq!(p.payload[0], 0);
    }
}
