//! The file server, asked by hand.

use super::fs::Root;
use super::server::Server;
use super::wire::{In, Out};
use super::{FolderSpec, open_folder};
use hetemu_testing::{Folder, Rng};
use std::fs;
use std::path::{Path, PathBuf};

/// A folder `inside`, beside a file that nobody in it may reach.
struct Place(Folder);

impl Place {
    fn new(name: &str) -> Place {
        let top = Folder::new(name);
        fs::create_dir_all(top.join("inside/sub")).unwrap();
        fs::write(top.join("secret"), "secret").unwrap();
        fs::write(top.join("inside/file"), "content").unwrap();
        let links = [("up", "../secret"), ("root", "/"), ("folder", ".."), ("self", "file")];
        for (name, to) in links {
            std::os::unix::fs::symlink(to, top.join("inside").join(name)).unwrap();
        }
        Place(top)
    }

    fn path(&self) -> PathBuf {
        self.0.join("inside")
    }

    fn client(&self, read_only: bool) -> Client {
        let root = Root::open(&self.path().display().to_string(), read_only).unwrap();
        let mut c = Client(Server::new(root));
        c.ok(100, |m| {
            m.u32(64 << 10);
            m.text(b"9P2000.L");
        });
        c.ok(104, |m| {
            m.u32(0);
            m.u32(!0);
            m.text(b"root");
            m.text(b"");
            m.u32(0);
        });
        c
    }
}

struct Client(Server);

const ENOENT: u32 = 2;
const EINVAL: u32 = 22;
const EROFS: u32 = 30;
const ELOOP: u32 = 40;

impl Client {
    /// The answer's body, or its error.
    fn ask(&mut self, kind: u8, fill: impl FnOnce(&mut Out)) -> Result<Vec<u8>, u32> {
        let mut m = Out::new(kind, 7);
        fill(&mut m);
        let answer = self.0.answer(&m.done(), 64 << 10);
        let mut head = In(&answer);
        assert_eq!(head.u32().unwrap() as usize, answer.len());
        let (got, tag) = (head.u8().unwrap(), head.u16().unwrap());
        assert_eq!(tag, 7);
        if got == 7 {
            return Err(head.u32().unwrap());
        }
        assert_eq!(got, kind + 1);
        Ok(answer[7..].to_vec())
    }

    #[track_caller]
    fn ok(&mut self, kind: u8, fill: impl FnOnce(&mut Out)) -> Vec<u8> {
        self.ask(kind, fill).unwrap()
    }

    /// Walks from the root; gives how far it came.
    fn walk(&mut self, new: u32, names: &[&str]) -> Result<u16, u32> {
        let answer = self.ask(110, |m| {
            m.u32(0);
            m.u32(new);
            m.u16(names.len() as u16);
            names.iter().for_each(|n| m.text(n.as_bytes()));
        })?;
        Ok(u16::from_le_bytes([answer[0], answer[1]]))
    }

    fn open(&mut self, fid: u32, flags: u32) -> Result<Vec<u8>, u32> {
        self.ask(12, |m| {
            m.u32(fid);
            m.u32(flags);
        })
    }

    fn read(&mut self, fid: u32, offset: u64, count: u32) -> Result<Vec<u8>, u32> {
        let answer = self.ask(116, |m| {
            m.u32(fid);
            m.u64(offset);
            m.u32(count);
        })?;
        assert_eq!(u32::from_le_bytes(answer[..4].try_into().unwrap()) as usize, answer.len() - 4);
        Ok(answer[4..].to_vec())
    }

    fn create(&mut self, fid: u32, name: &str, flags: u32, mode: u32) -> Result<Vec<u8>, u32> {
        self.ask(14, |m| {
            m.u32(fid);
            m.text(name.as_bytes());
            m.u32(flags);
            m.u32(mode);
            m.u32(0);
        })
    }

    fn write(&mut self, fid: u32, offset: u64, data: &[u8]) -> Result<Vec<u8>, u32> {
        self.ask(118, |m| {
            m.u32(fid);
            m.u64(offset);
            m.u32(data.len() as u32);
            m.bytes(data);
        })
    }

    fn rename(&mut self, names: [&str; 2]) -> Result<Vec<u8>, u32> {
        self.ask(74, |m| {
            for name in names {
                m.u32(0);
                m.text(name.as_bytes());
            }
        })
    }
}

#[test]
fn files_are_read_and_written() {
    let place = Place::new("9p-files");
    let mut c = place.client(false);
    assert_eq!(c.walk(1, &["file"]), Ok(1));
    c.open(1, 0).unwrap();
    assert_eq!(c.read(1, 3, 100).unwrap(), b"tent");
    assert_eq!(c.read(1, u64::MAX, 100), Err(EINVAL));
    assert_eq!(c.write(1, 0, b"x"), Err(9), "open for reading only");
    assert_eq!(c.walk(2, &["sub"]), Ok(1));
    c.create(2, "new", 0o302, 0o6640).unwrap();
    c.write(2, 0, b"0123456789").unwrap();
    // Size, and what is held follows a folder to its new name.
    c.rename(["sub", "moved"]).unwrap();
    c.ok(26, |m| {
        m.u32(2);
        [9, 0o600, 0, 0].into_iter().for_each(|n| m.u32(n));
        [4, 0, 0, 0, 0].into_iter().for_each(|n| m.u64(n));
    });
    let made = place.path().join("moved/new");
    assert_eq!(fs::read(&made).unwrap(), b"0123");
    let mode = std::os::unix::fs::PermissionsExt::mode(&made.metadata().unwrap().permissions());
    assert_eq!(mode & 0o7777, 0o600);
    let attributes = c.ok(24, |m| {
        m.u32(2);
        m.u64(0x7ff);
    });
    assert_eq!(attributes.len(), 153);
    assert_eq!(attributes[49..57], 4u64.to_le_bytes());
    c.ok(120, |m| m.u32(2));
    assert_eq!(c.ask(120, |m| m.u32(2)), Err(9));
}

#[test]
fn folders_are_listed_in_order() {
    let place = Place::new("9p-list");
    let mut c = place.client(false);
    c.walk(1, &[]).unwrap();
    c.open(1, 0o200_000).unwrap();
    let (mut offset, mut names) = (0, Vec::new());
    loop {
        // Room for two or three names.
        let answer = c.ok(40, |m| {
            m.u32(1);
            m.u64(offset);
            m.u32(80);
        });
        let mut list = In(&answer[4..]);
        if list.0.is_empty() {
            break;
        }
        while !list.0.is_empty() {
            list.bytes(13).unwrap();
            offset = list.u64().unwrap();
            let kind = list.u8().unwrap();
            names.push((kind, String::from_utf8(list.text().unwrap().to_vec()).unwrap()));
        }
    }
    let names: Vec<_> = names.iter().map(|(k, n)| (*k, n.as_str())).collect();
    let links = [(10, "folder"), (10, "root"), (10, "self"), (4, "sub"), (10, "up")];
    assert_eq!(names, [&[(4, "."), (4, ".."), (8, "file")][..], &links].concat());
}

#[test]
fn nothing_leads_out() {
    let place = Place::new("9p-out");
    let mut c = place.client(false);
    for (names, far) in [
        (&["..", "secret"][..], Ok(1)),
        (&["../secret"], Err(EINVAL)),
        (&["/etc"], Err(EINVAL)),
        (&["sub/../../secret"], Err(EINVAL)),
        (&["folder", "secret"], Ok(1)),
        (&["root", "etc"], Ok(1)),
        (&["sub", "..", "..", "..", "secret"], Ok(4)),
        (&[""], Err(EINVAL)),
        (&["."], Err(EINVAL)),
        (&["a\0b"], Err(EINVAL)),
        (&["nothing"], Err(ENOENT)),
    ] {
        assert_eq!(c.walk(5, names), far, "{names:?}");
        assert_eq!(c.open(5, 0), Err(9), "{names:?}: not held");
    }
    // Links are read, never followed.
    for (fid, name) in [(10, "up"), (11, "root"), (12, "self"), (13, "folder")] {
        c.walk(fid, &[name]).unwrap();
        assert_eq!(c.open(fid, 0), Err(ELOOP), "{name}");
        assert_eq!(c.create(fid, "x", 0o101, 0o600), Err(ELOOP), "{name}");
        let sized = c.ask(26, |m| {
            m.u32(fid);
            [9, 0o777, 0, 0].into_iter().for_each(|n| m.u32(n));
            [0; 5].into_iter().for_each(|n| m.u64(n));
        });
        assert_eq!(sized, Err(ELOOP), "{name}");
    }
    c.walk(20, &[]).unwrap();
    assert_eq!(c.create(20, "up", 0o1101, 0o600), Err(ELOOP));
    assert_eq!(c.create(20, "../new", 0o101, 0o600), Err(EINVAL));
    assert_eq!(c.rename(["file", "../file"]), Err(EINVAL));
    let link = c.ok(22, |m| m.u32(10));
    assert_eq!(link[2..], *b"../secret");
    // A file that becomes a link while the guest holds it.
    c.walk(30, &["sub"]).unwrap();
    fs::remove_dir(place.path().join("sub")).unwrap();
    std::os::unix::fs::symlink("..", place.path().join("sub")).unwrap();
    assert_eq!(c.create(30, "new", 0o101, 0o600), Err(ELOOP));
    assert_eq!(fs::read_dir(&place.0).unwrap().count(), 2);
    assert_eq!(fs::read(place.0.join("secret")).unwrap(), b"secret");
}

#[test]
fn read_only_is_read_only() {
    let place = Place::new("9p-ro");
    let mut c = place.client(true);
    c.walk(1, &["file"]).unwrap();
    c.walk(2, &[]).unwrap();
    for flags in [1, 2, 0o1000] {
        assert_eq!(c.open(1, flags), Err(EROFS));
    }
    assert_eq!(c.create(2, "x", 0, 0o600), Err(EROFS));
    assert_eq!(c.rename(["file", "x"]), Err(EROFS));
    let mkdir = c.ask(72, |m| {
        m.u32(2);
        m.text(b"d");
        m.u32(0o755);
        m.u32(0);
    });
    assert_eq!(mkdir, Err(EROFS));
    let unlink = c.ask(76, |m| {
        m.u32(2);
        m.text(b"file");
        m.u32(0);
    });
    assert_eq!(unlink, Err(EROFS));
    assert_eq!(c.ask(122, |m| m.u32(1)), Err(EROFS));
    c.walk(3, &["file"]).unwrap();
    c.open(3, 0).unwrap();
    assert_eq!(c.read(3, 0, 100).unwrap(), b"content");
}

#[test]
fn plugs() {
    let spec = |t: &str| FolderSpec::parse(t).unwrap();
    assert_eq!(spec("null"), None);
    let s = spec("folder:/a/b,c,tag=x,ro").unwrap();
    assert_eq!((s.path.as_str(), s.tag.as_str(), s.read_only), ("/a/b,c", "x", true));
    let s = spec("folder:/a/work").unwrap();
    assert_eq!((s.path.as_str(), s.tag.as_str(), s.read_only), ("/a/work", "work", false));
    for bad in ["folder:", "/a", "folder:,ro", "folder:/a,tag=", "folder:/a,tag=b/c"] {
        assert!(FolderSpec::parse(bad).is_err(), "{bad}");
    }
    let spec = spec("folder:/no/such/folder").unwrap();
    assert!(open_folder(&spec).is_err());
}

/// Messages that are nearly right. Every answer fits, and nothing outside changes.
#[test]
fn nonsense_is_survived() {
    let place = Place::new("9p-nonsense");
    let mut server = place.client(false).0;
    let mut rng = Rng(1);
    let kinds =
        [8, 12, 14, 16, 20, 22, 24, 26, 40, 50, 52, 54, 70, 72, 74, 76, 110, 116, 118, 120, 122];
    let names: [&[u8]; 8] = [b"file", b"sub", b"..", b"up", b"root", b"", b"new", b"a/b"];
    for round in 0..20_000 {
        if round % 100 == 0 {
            server = place.client(false).0;
        }
        let kind = match rng.below(20) {
            0 => rng.below(256) as u8,
            n => kinds[(n + rng.below(20)) as usize % kinds.len()],
        };
        let mut m = Out::new(kind, 0);
        for _ in 0..rng.below(10) {
            match rng.below(6) {
                0 | 1 => m.u32(rng.below(4) as u32),
                2 => m.text(names[rng.below(8) as usize]),
                3 => m.u16(rng.below(3) as u16),
                4 => m.u64(rng.below(2) * rng.below(1 << 40)),
                _ => m.u8(rng.below(256) as u8),
            }
        }
        let mut message = m.done();
        match rng.below(8) {
            0 => message.truncate(rng.below(message.len() as u64) as usize),
            1 => message[0] = rng.below(256) as u8,
            _ => {}
        }
        let room = rng.below(200) as usize;
        let answer = server.answer(&message, room);
        assert!(answer.len() <= room);
    }
    let left = |p: &Path| fs::read_dir(p).unwrap().count();
    assert_eq!(left(&place.0), 2);
    assert_eq!(fs::read(place.0.join("secret")).unwrap(), b"secret");
}
