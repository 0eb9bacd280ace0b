//! Disks hold what is written, in every format; qemu-img finds no fault with our images.
//!
//! What needs qemu-img (Debian: qemu-utils) is skipped with a message where it is missing, unless
//! `HETEMU_REQUIRE_GUESTS=1`.

use super::*;
use hetemu_testing::{Folder, Rng, tools};
use std::process::Command;
use std::sync::{Arc, Mutex};

#[track_caller]
fn qemu_img(args: &[&str]) -> String {
    let out = Command::new("qemu-img").args(args).output().unwrap();
    let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
    assert!(out.status.success(), "{args:?}: {}{}", text(&out.stdout), text(&out.stderr));
    text(&out.stdout)
}

/// The content as qemu-img reads it.
fn content(folder: &Folder, image: &str) -> Vec<u8> {
    let raw = folder.at("content.raw");
    qemu_img(&["convert", "-O", "raw", image, &raw]);
    std::fs::read(raw).unwrap()
}

fn open_text(text: &str) -> Result<Box<dyn Block>, Error> {
    open_disk(&DiskSpec::parse(text)?.unwrap(), |_| ())
}

/// Random requests, and the same on a row of bytes. Discarded ranges may keep or lose their
/// content, so they are written right after.
fn exercise(disk: &mut dyn Block, mirror: &mut [u8], seed: u64, count: u32) {
    let mut rng = Rng(seed);
    let size = mirror.len() as u64;
    for step in 0..count {
        let len = match rng.below(4) {
            0 => 512,
            1 => 512 * (1 + rng.below(16)),
            2 => 4096,
            _ => 1 + rng.below(200_000),
        };
        let at = rng.below(size);
        let len = len.min(size - at);
        let range = at as usize..(at + len) as usize;
        match rng.below(8) {
            0..=2 => {
                let bytes: Vec<u8> =
                    (0..len).map(|i| (step as u64 * 7 + i / 64) as u8 | 1).collect();
                disk.write(at, &bytes).unwrap();
                mirror[range].copy_from_slice(&bytes);
            }
            3 => {
                disk.zero(at, len, rng.below(2) == 0).unwrap();
                mirror[range].fill(0);
            }
            4 => {
                disk.discard(at, len).unwrap();
                let bytes = vec![step as u8; len as usize];
                if rng.below(2) == 0 {
                    disk.zero(at, len, true).unwrap();
                    mirror[range].fill(0);
                } else {
                    disk.write(at, &bytes).unwrap();
                    mirror[range].copy_from_slice(&bytes);
                }
            }
            5 if step.is_multiple_of(4) => disk.flush().unwrap(),
            _ => {
                let mut got = vec![0xee; len as usize];
                disk.read(at, &mut got).unwrap();
                assert!(got == mirror[range], "step {step}: {len} bytes at {at:#x}");
            }
        }
    }
    let mut got = vec![0; mirror.len()];
    disk.read(0, &mut got).unwrap();
    assert!(got == mirror);
}

/// An empty image of 64 KiB clusters, made by hand: head, refcount table and block, L1 table.
fn empty_qcow2(path: &str, size: u64) {
    let mut bytes = vec![0u8; 4 << 16];
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(0, b"QFI\xfb\0\0\0\x03");
    put(20, &16u32.to_be_bytes());
    put(24, &size.to_be_bytes());
    put(36, &(size.div_ceil(1 << 29) as u32).to_be_bytes());
    put(40, &(3u64 << 16).to_be_bytes());
    put(48, &(1u64 << 16).to_be_bytes());
    put(56, &1u32.to_be_bytes());
    put(96, &4u32.to_be_bytes());
    put(100, &104u32.to_be_bytes());
    put(1 << 16, &(2u64 << 16).to_be_bytes());
    for cluster in 0..4 {
        put((2 << 16) + 2 * cluster, &1u16.to_be_bytes());
    }
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn plugs_say_the_format() {
    let spec = |t: &str| DiskSpec::parse(t).map(|s| s.map(|s| (s.format, s.path, s.read_only)));
    assert_eq!(spec("null").unwrap(), None);
    for (text, format, path, read_only) in [
        ("disk.img", Format::Raw, "disk.img", false),
        ("/a/b.QCOW2,ro", Format::Qcow2, "/a/b.QCOW2", true),
        ("raw:disk.qcow2", Format::Raw, "disk.qcow2", false),
        ("qcow2:disk,snapshot,ro", Format::Qcow2, "disk", true),
        ("file:a,b.raw", Format::Raw, "a,b.raw", false),
        ("raw:/dev/sda", Format::Raw, "/dev/sda", false),
    ] {
        assert_eq!(spec(text).unwrap(), Some((format, path.into(), read_only)), "{text}");
    }
    for bad in ["disk", "raw:", ",ro", "disk.txt", "nbd:localhost"] {
        assert!(matches!(spec(bad), Err(Error::Disk { .. })), "{bad}");
    }
}

#[test]
fn a_raw_disk_is_its_file() {
    let f = Folder::new("disk");
    let path = f.at("disk.img");
    // The last sector is cut off.
    std::fs::write(&path, vec![9; 1_000_100]).unwrap();
    let mut mirror = vec![9; 1_000_448];
    mirror[1_000_100..].fill(0);
    let mut disk = open_text(&path).unwrap();
    assert_eq!(disk.info().bytes, 1_000_448);
    exercise(disk.as_mut(), &mut mirror, 1, 400);
    assert!(disk.read(1_000_448, &mut [0]).is_err());
    assert!(disk.write(u64::MAX, &[0]).is_err());
    drop(disk);
    let mut file = std::fs::read(&path).unwrap();
    file.resize(mirror.len(), 0);
    assert!(file == mirror);
}

#[test]
fn a_snapshot_leaves_the_image_as_it_is() {
    let f = Folder::new("disk");
    let path = f.at("disk.img");
    let before: Vec<u8> = (0..1_000_000u32).map(|i| (i / 99) as u8).collect();
    std::fs::write(&path, &before).unwrap();
    let mut mirror = before.clone();
    mirror.resize(1_000_448, 0);
    let mut disk = open_text(&format!("{path},snapshot")).unwrap();
    exercise(disk.as_mut(), &mut mirror, 2, 400);
    drop(disk);
    assert!(std::fs::read(&path).unwrap() == before);
}

#[test]
fn a_read_only_disk_refuses_changes() {
    let f = Folder::new("disk");
    let path = f.at("disk.img");
    std::fs::write(&path, vec![1; 4096]).unwrap();
    let mut disk = open_text(&format!("{path},ro")).unwrap();
    assert!(disk.info().read_only);
    assert!(disk.write(0, &[0; 512]).is_err() && disk.zero(0, 512, true).is_err());
    assert!(disk.discard(0, 512).is_err() && disk.flush().is_ok());
}

#[test]
fn one_writer_at_a_time() {
    let f = Folder::new("disk");
    let path = f.at("disk.img");
    std::fs::write(&path, vec![1; 4096]).unwrap();
    let first = open_text(&path).unwrap();
    assert!(matches!(open_text(&path), Err(Error::Disk { .. })));
    assert!(open_text(&format!("{path},ro")).is_err());
    drop(first);
    let _readers =
        (open_text(&format!("{path},ro")).unwrap(), open_text(&format!("{path},ro")).unwrap());
}

#[test]
fn a_guest_cannot_change_the_format() {
    let f = Folder::new("disk");
    let path = f.at("disk.img");
    empty_qcow2(&path, 1 << 20);
    let Err(Error::Disk { what, help }) = open_text(&path) else { panic!("it was opened") };
    assert!(what.contains("holds a qcow2 image") && help.contains("raw:"), "{what} {help}");
    assert_eq!(open_text(&format!("raw:{path}")).unwrap().info().bytes, 4 << 16);
    assert_eq!(open_text(&format!("qcow2:{path}")).unwrap().info().bytes, 1 << 20);
}

#[test]
fn failures_are_told_once() {
    let f = Folder::new("disk");
    let path = f.at("disk.qcow2");
    empty_qcow2(&path, 1 << 20);
    // An L1 entry that leads nowhere.
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[3 << 16..][..8].copy_from_slice(&0x1234_0200u64.to_be_bytes());
    std::fs::write(&path, bytes).unwrap();
    let said = Arc::new(Mutex::new(Vec::new()));
    let spec = DiskSpec::parse(&path).unwrap().unwrap();
    let to = said.clone();
    let mut disk = open_disk(&spec, move |t| to.lock().unwrap().push(t.to_string())).unwrap();
    assert!(disk.read(0, &mut [0; 512]).is_err() && disk.read(512, &mut [0; 512]).is_err());
    let said = said.lock().unwrap();
    assert_eq!(said.len(), 1);
    assert!(said[0].contains("damaged"), "{said:?}");
}

#[test]
fn a_qcow2_disk_holds_what_is_written() {
    let f = Folder::new("disk");
    let path = f.at("disk.qcow2");
    let size = 5 << 20;
    empty_qcow2(&path, size as u64);
    let mut mirror = vec![0; size];
    for seed in 0..4 {
        let mut disk = open_text(&path).unwrap();
        exercise(disk.as_mut(), &mut mirror, seed, 150);
    }
    if tools(&["qemu-img"]) {
        qemu_img(&["check", &path]);
        assert!(content(&f, &path) == mirror);
    }
}

#[test]
fn images_of_qemu_img_stay_sound() {
    if !tools(&["qemu-img"]) {
        return;
    }
    let size = 3 << 20;
    for options in [
        "compat=0.10",
        "compat=1.1",
        "compat=1.1,lazy_refcounts=on",
        "cluster_size=512",
        "cluster_size=4096,refcount_bits=1",
        "cluster_size=4096,refcount_bits=64",
        "cluster_size=2M,refcount_bits=8",
        "preallocation=metadata",
    ] {
        let f = Folder::new("disk");
        let path = f.at("disk.qcow2");
        qemu_img(&["create", "-q", "-f", "qcow2", "-o", options, &path, &size.to_string()]);
        let mut mirror = vec![0; size];
        for seed in 0..2 {
            let mut disk = open_text(&path).unwrap();
            exercise(disk.as_mut(), &mut mirror, seed, 100);
        }
        qemu_img(&["check", &path]);
        assert!(content(&f, &path) == mirror, "{options}");
    }
}

#[test]
fn the_refcount_table_grows() {
    if !tools(&["qemu-img"]) {
        return;
    }
    let f = Folder::new("disk");
    let path = f.at("disk.qcow2");
    // With clusters of 512 bytes one table counts 8 MiB.
    let options = "cluster_size=512";
    qemu_img(&["create", "-q", "-f", "qcow2", "-o", options, &path, "24M"]);
    let mut disk = open_text(&path).unwrap();
    let bytes = vec![5; 24 << 20];
    disk.write(0, &bytes).unwrap();
    drop(disk);
    qemu_img(&["check", &path]);
    assert!(content(&f, &path) == bytes);
}

#[test]
fn images_below_are_read_and_never_written() {
    if !tools(&["qemu-img"]) {
        return;
    }
    for (format, compat, convert) in [
        ("raw", "1.1", &["-O", "raw"][..]),
        ("qcow2", "1.1", &["-O", "qcow2"]),
        ("qcow2", "0.10", &["-O", "qcow2", "-c"]),
    ] {
        let f = Folder::new("disk");
        let (plain, base, top) = (f.at("plain.raw"), f.at("base"), f.at("top.qcow2"));
        // The image below is shorter than the one on it.
        let mut mirror: Vec<u8> = (0..2u32 << 20).map(|i| (i / 1000) as u8).collect();
        std::fs::write(&plain, &mirror).unwrap();
        let mut args = vec!["convert", "-f", "raw"];
        args.extend(convert);
        qemu_img(&[&args[..], &[&plain, &base]].concat());
        let below = std::fs::read(&base).unwrap();
        let options = format!("compat={compat}");
        // The name is relative to the image's own folder.
        let create = ["create", "-q", "-f", "qcow2", "-o", &options, "-F", format, "-b", "base"];
        qemu_img(&[&create[..], &[&top, "3M"]].concat());
        mirror.resize(3 << 20, 0);
        let mut disk = open_text(&top).unwrap();
        exercise(disk.as_mut(), &mut mirror, 3, 150);
        drop(disk);
        qemu_img(&["check", &top]);
        assert!(content(&f, &top) == mirror);
        assert!(std::fs::read(&base).unwrap() == below);
    }
}

#[test]
fn compressed_images_and_their_snapshots() {
    if !tools(&["qemu-img"]) {
        return;
    }
    let f = Folder::new("disk");
    let (plain, path) = (f.at("plain.raw"), f.at("disk.qcow2"));
    let before: Vec<u8> = (0..2u32 << 20).map(|i| (i / 777) as u8).collect();
    std::fs::write(&plain, &before).unwrap();
    qemu_img(&["convert", "-f", "raw", "-O", "qcow2", "-c", &plain, &path]);
    qemu_img(&["snapshot", "-c", "first", &path]);
    let mut mirror = before.clone();
    let mut disk = open_text(&path).unwrap();
    exercise(disk.as_mut(), &mut mirror, 4, 150);
    drop(disk);
    qemu_img(&["check", &path]);
    assert!(content(&f, &path) == mirror);
    qemu_img(&["snapshot", "-a", "first", &path]);
    qemu_img(&["check", &path]);
    assert!(content(&f, &path) == before);
}

#[test]
fn what_is_not_read_is_refused_with_a_way_out() {
    let f = Folder::new("disk");
    let path = f.at("disk.qcow2");
    type Spoil = fn(&mut Vec<u8>);
    let cases: [(&str, Spoil); 9] = [
        ("no qcow2 image", |b| b[0] = 0),
        ("version 4", |b| b[7] = 4),
        ("encrypted", |b| b[35] = 1),
        ("another file", |b| b[79] = 4),
        ("subclusters", |b| b[79] = 16),
        ("zstd", |b| {
            b[79] = 8;
            b[104] = 1;
        }),
        ("not closed cleanly", |b| b[79] = 1),
        ("damaged", |b| b[23] = 40),
        ("damaged", |b| b[39] = 0),
    ];
    for (what, spoil) in cases {
        empty_qcow2(&path, 1 << 20);
        let mut bytes = std::fs::read(&path).unwrap();
        spoil(&mut bytes);
        std::fs::write(&path, bytes).unwrap();
        match open_text(&path) {
            Err(Error::Disk { what: said, help }) => {
                assert!(said.contains(what) && !help.is_empty(), "{what}: {said}");
            }
            _ => panic!("{what}: it was opened"),
        }
    }
}

/// Whatever lies in the file: an error, and no panic.
#[test]
fn damaged_images_are_survived() {
    let f = Folder::new("disk");
    let path = f.at("disk.qcow2");
    empty_qcow2(&path, 1 << 20);
    drop(open_text(&path).map(|mut d| d.write(1000, &[3; 300_000])));
    let good = std::fs::read(&path).unwrap();
    let mut rng = Rng(5);
    for _ in 0..150 {
        let mut bytes = good.clone();
        for _ in 0..1 + rng.below(4) {
            // Mostly where the tables are.
            let at = match rng.below(4) {
                0 => rng.below(112),
                1 => (1 + rng.below(3)) << 16 | rng.below(16),
                2 => 4 << 16 | rng.below(64),
                _ => rng.below(bytes.len() as u64),
            };
            if let Some(b) = bytes.get_mut(at as usize) {
                *b = rng.below(256) as u8;
            }
        }
        std::fs::write(&path, &bytes).unwrap();
        let Ok(mut disk) = open_text(&path) else { continue };
        let size = disk.info().bytes;
        let mut piece = vec![0; 70_000];
        for _ in 0..8 {
            let at = rng.below(size.max(1)).min(1 << 20);
            let _ = disk.read(at, &mut piece);
            let _ = disk.write(at, &piece[..5000]);
            let _ = disk.zero(at, 70_000, true);
            let _ = disk.flush();
        }
    }
}
