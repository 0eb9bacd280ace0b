//! Tapes as bytes: what is written is played, what is damaged ends there.

use super::*;
use std::io;

#[derive(Clone, Default)]
struct Bytes(Arc<Mutex<Vec<u8>>>);

impl Write for Bytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn tape() -> Vec<u8> {
    let bytes = Bytes::default();
    let mut r = Recorder::new(Box::new(bytes.clone()));
    r.header(0, b"head");
    r.live(0, true);
    r.put(Kind::Serial, 5, 0, b"ab");
    r.sent(6, 1, false);
    r.sent(7, 1, true);
    r.live(7, true);
    r.put(Kind::Frame, 8, 1, b"frame");
    r.put(Kind::Folder, 0, 2, b"answer");
    r.put(Kind::Reset, 9, 0, b"");
    r.live(10, false);
    r.end(20).unwrap();
    bytes.0.lock().unwrap().clone()
}

#[test]
fn what_was_recorded_is_played() {
    let all = records(&tape()).unwrap();
    assert_eq!(all[0], Record { kind: Kind::Header, at: 0, plug: 0, bytes: b"head".to_vec() });
    let mut p = Player::new(all);
    assert!(p.live(0));
    assert_eq!(p.stand(0), Replay { next: Some(5), over: false });
    assert_eq!(p.input(4, 0, Kind::Serial), None, "it is not due");
    assert_eq!(p.input(5, 1, Kind::Serial), None, "it is another plug's");
    assert_eq!(p.input(5, 0, Kind::Serial), Some(b"ab".to_vec()));
    assert_eq!([p.sent(1), p.sent(1), p.sent(1)], [false, true, false]);
    assert!(!p.resets(100), "what comes before comes first");
    assert_eq!(p.input(8, 1, Kind::Frame), Some(b"frame".to_vec()));
    assert_eq!((p.folder(2), p.folder(2)), (b"answer".to_vec(), vec![]));
    assert!(p.resets(9) && !p.resets(9));
    assert!(p.live(9) && !p.live(10));
    assert_eq!(p.stand(19), Replay { next: Some(20), over: false });
    assert_eq!(p.stand(20), Replay { next: None, over: true });
}

#[test]
fn a_tape_that_is_cut_or_damaged_ends_there() {
    let tape = tape();
    assert!(records(b"no tape").is_none());
    let whole = records(&tape).unwrap();
    for n in MAGIC.len()..tape.len() {
        let cut = records(&tape[..n]).unwrap();
        assert!(cut.len() < whole.len() && whole.starts_with(&cut));
    }
    for at in 0..tape.len() {
        let mut bad = tape.clone();
        bad[at] ^= 0xff;
        let _ = records(&bad);
    }
}
