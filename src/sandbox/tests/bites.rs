//! The sandbox bites: a child process confines itself and tries what it must not do, with threads
//! that ran before and after, and what it must still be able to do. (Confined is for good, so each
//! case runs in a process of its own: this test's program, called again.)

#![cfg(target_os = "linux")]

use hetemu_sandbox::{Confined, Needs, confine};
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::mpsc::channel;

const CASE: &str = "HETEMU_SANDBOX_CASE";

/// Runs a case in a child.
fn case(name: &str) {
    let me = std::env::current_exe().expect("this program");
    let out = Command::new(me)
        .args(["--exact", "child", "--nocapture", "--test-threads", "1"])
        .env(CASE, name)
        .output()
        .expect("a child");
    let text = String::from_utf8_lossy(&out.stdout);
    let errors = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success() && text.contains("all done"), "{name}:\n{text}\n{errors}");
}

#[test]
fn nothing_needed() {
    case("nothing");
}

#[test]
fn a_folder_and_no_more() {
    case("folder");
}

#[test]
fn sockets_but_no_files() {
    case("sockets");
}

#[test]
fn child() {
    match std::env::var(CASE).as_deref() {
        Ok("nothing") => nothing(),
        Ok("folder") => folder(),
        Ok("sockets") => sockets(),
        _ => return,
    }
    println!("all done");
}

/// Whether the kernel has what is needed; else there is nothing to show.
fn applied(confined: &Confined) -> bool {
    if let Err(e) = &confined.calls {
        println!("skipped: {e}; all done");
    }
    confined.calls.is_ok()
}

#[track_caller]
fn refused<T>(what: std::io::Result<T>) {
    let kind = what.err().map(|e| e.kind());
    assert_eq!(kind, Some(ErrorKind::PermissionDenied));
}

fn must_not() {
    refused(Command::new("/bin/true").spawn());
    refused(Command::new("/bin/true").status());
    refused(std::fs::read("/etc/passwd"));
    refused(std::fs::File::create(std::env::temp_dir().join("hetemu-sandbox-escape")));
    refused(std::fs::read_dir("/"));
}

fn nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a socket");
    let at = listener.local_addr().expect("an address");
    let mut client = TcpStream::connect(at).expect("a client");
    let mut open = std::fs::File::open("/etc/passwd").expect("a file");
    // A thread that ran before.
    let (go, wait) = channel::<()>();
    let before = std::thread::spawn(move || {
        wait.recv().expect("a word");
        must_not();
        refused(TcpStream::connect(at));
    });
    let confined = confine(&Needs::default());
    if !applied(&confined) {
        return;
    }
    assert_eq!(confined.files, Ok(()));
    must_not();
    refused(TcpListener::bind("127.0.0.1:0"));
    refused(TcpStream::connect(at));
    refused(std::os::unix::net::UnixStream::pair());
    go.send(()).expect("the thread");
    before.join().expect("refused there, too");
    // What is open stays open, clients come in, threads and memory are there.
    let (mut server, _) = listener.accept().expect("a client");
    client.write_all(b"x").expect("a byte");
    let mut byte = [0];
    server.read_exact(&mut byte).expect("a byte");
    open.read_exact(&mut byte).expect("a byte");
    let after = std::thread::spawn(|| {
        must_not();
        vec![1u8; 64 << 20].iter().map(|b| u64::from(*b)).sum::<u64>()
    });
    assert_eq!(after.join().expect("a thread"), 64 << 20);
    std::thread::sleep(std::time::Duration::from_millis(1));
}

fn folder() {
    let mine = std::env::temp_dir().join(format!("hetemu-sandbox-{}", std::process::id()));
    let (inside, outside) = (mine.join("in"), mine.join("out"));
    for folder in [&inside, &outside] {
        std::fs::create_dir_all(folder).expect("a folder");
        std::fs::write(folder.join("text"), "x").expect("a file");
    }
    let needs = Needs { folders: vec![inside.clone()], ..Needs::default() };
    let confined = confine(&needs);
    if !applied(&confined) {
        return;
    }
    refused(Command::new("/bin/true").status());
    assert_eq!(std::fs::read(inside.join("text")).expect("a file"), b"x");
    std::fs::write(inside.join("new"), "y").expect("a new file");
    std::fs::rename(inside.join("new"), inside.join("newer")).expect("a name");
    std::fs::remove_file(inside.join("newer")).expect("removed");
    if confined.files.is_ok() {
        refused(std::fs::read(outside.join("text")));
        refused(std::fs::write(outside.join("new"), "y"));
        refused(std::fs::read("/etc/passwd"));
        refused(std::fs::remove_file(outside.join("text")));
    }
}

fn sockets() {
    let needs = Needs { sockets: true, ..Needs::default() };
    if !applied(&confine(&needs)) {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("a socket");
    TcpStream::connect(listener.local_addr().expect("an address")).expect("a client");
    must_not();
}
