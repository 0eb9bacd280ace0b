//! A person at a terminal: raw mode, the Ctrl-A menu, and the terminal as it was, however a run
//! ends.

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Termios, tcgetattr};
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

struct Session {
    child: Child,
    keys: File,
    screen: Receiver<Vec<u8>>,
    seen: String,
    terminal: File,
    before: Termios,
}

fn modes(t: &Termios) -> (u32, u32, u32) {
    (t.local_modes.bits(), t.input_modes.bits(), t.output_modes.bits())
}

impl Session {
    fn start(args: &[&str]) -> Session {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pty");
        grantpt(&ours).expect("a pty");
        unlockpt(&ours).expect("a pty");
        let name = ptsname(&ours, Vec::new()).expect("a pty").to_string_lossy().into_owned();
        let terminal = File::options().read(true).write(true).open(name).expect("a pty");
        let before = tcgetattr(&terminal).expect("a terminal");
        let end = || terminal.try_clone().expect("a terminal");
        let child = Command::new(env!("CARGO_BIN_EXE_hetemu"))
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
            .args(args)
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .expect("hetemu runs");
        let keys = File::from(ours);
        let mut from = keys.try_clone().expect("a pty");
        let (to, screen) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(n) = from.read(&mut bytes) {
                if n == 0 || to.send(bytes[..n].to_vec()).is_err() {
                    return;
                }
            }
        });
        Session { child, keys, screen, seen: String::new(), terminal, before }
    }

    /// Waits for a text on the screen; what came before it is forgotten.
    #[track_caller]
    fn see(&mut self, text: &str) {
        let late = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(at) = self.seen.find(text) {
                self.seen.drain(..at + text.len());
                return;
            }
            assert!(Instant::now() < late, "`{text}` does not come: {}", self.seen);
            if let Ok(bytes) = self.screen.recv_timeout(Duration::from_millis(100)) {
                self.seen.push_str(&String::from_utf8_lossy(&bytes));
            }
        }
    }

    fn type_in(&mut self, text: &str) {
        self.keys.write_all(text.as_bytes()).expect("a pty");
    }

    #[track_caller]
    fn is_raw(&self) {
        let now = tcgetattr(&self.terminal).expect("a terminal");
        assert!(
            !now.local_modes.intersects(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG)
        );
    }

    #[track_caller]
    fn ends(&mut self, code: i32) {
        let late = Instant::now() + Duration::from_secs(60);
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                break status;
            }
            assert!(Instant::now() < late, "the run does not end");
            std::thread::sleep(Duration::from_millis(10));
        };
        assert_eq!(status.code(), Some(code));
        let after = tcgetattr(&self.terminal).expect("a terminal");
        assert_eq!(modes(&after), modes(&self.before), "the terminal is as it was");
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const RUN: &[&str] = &["run", "machines/opentitan.hm"];

#[test]
fn menu_monitor_and_exit() {
    let mut s = Session::start(RUN);
    s.see("> ");
    s.is_raw();
    s.type_in("echo typed\r");
    s.see("\ntyped");
    s.type_in("\x01h");
    s.see("Ctrl-A x       end the run");
    s.type_in("\x01s");
    s.see("instructions, ");
    s.type_in("\x01t");
    s.see("time stamps on");
    s.type_in("\x01t");
    s.see("time stamps off");
    s.type_in("\x01c");
    s.see("(hetemu) ");
    s.type_in("info regs\r");
    s.see("mtvec");
    s.type_in("info mtree\r");
    s.see("0x1000_0000 .. 0x1000_FFFF");
    s.type_in("frobnicate\r");
    s.see("no command");
    // Completed, then brought back.
    s.type_in("info ua\t\r");
    s.see("STATUS");
    s.type_in("info sta\ttu\x1b[A\r");
    s.see("STATUS");
    s.type_in("info status\r");
    s.see("VM status: paused");
    s.type_in("cont\r");
    s.type_in("echo back\r");
    s.see("\nback");
    // Ctrl-C is the guest's.
    s.type_in("\x03");
    s.see("^C");
    s.type_in("\x01x");
    s.ends(0);
}

#[test]
fn the_terminal_is_given_back() {
    for (keys, code) in [("exit 9\r", 9), ("crash\r", 5)] {
        let mut s = Session::start(RUN);
        s.see("> ");
        s.is_raw();
        s.type_in(keys);
        s.ends(code);
    }
    for (signal, code) in [(Signal::TERM, 143), (Signal::HUP, 129), (Signal::INT, 130)] {
        let mut s = Session::start(RUN);
        s.see("> ");
        s.is_raw();
        let pid = Pid::from_child(&s.child);
        kill_process(pid, signal).expect("a signal");
        s.ends(code);
    }
    // A machine that cannot start.
    let mut s = Session::start(&["run", "machines/opentitan.hm", "--image", "/no/such"]);
    s.ends(2);
}
