//! Talks with the QMP server on the raw socket: `tests/qmp/*.talk`, byte by byte.
//!
//! The first line has the arguments of `hetemu run`; `> ` is sent (with `\n`, `\xHH`), what stands
//! below is what must come back, with the host's clock and paths replaced. `HETEMU_BLESS=1` writes
//! it.

use hetemu_testing::root;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Answered in order, whatever came before it, by this.
const MARK: &str = "{\"id\":\"mark\"}";
const MARKED: &str = "{\"id\": \"mark\", \"error\"";

/// A program that serves a socket, ended with the test.
struct Server {
    child: Child,
    socket: PathBuf,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.socket);
    }
}

fn start(name: &str, args: &[&str]) -> Server {
    let socket = std::env::temp_dir().join(format!("hetemu-{name}-{}", std::process::id()));
    let _ = std::fs::remove_file(&socket);
    let child = Command::new(env!("CARGO_BIN_EXE_hetemu"))
        .args(["run", "--qmp", &format!("unix:{},server,wait=off", socket.display())])
        .args(args)
        .current_dir(root())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("hetemu");
    Server { child, socket }
}

impl Server {
    fn connect(&self) -> UnixStream {
        let begin = Instant::now();
        loop {
            if let Ok(stream) = UnixStream::connect(&self.socket) {
                let limit = Some(Duration::from_secs(60));
                stream.set_read_timeout(limit).expect("a limit");
                return stream;
            }
            assert!(begin.elapsed() < Duration::from_secs(60), "no socket");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Exit code and standard output.
    fn end(mut self) -> (i32, String) {
        let mut out = String::new();
        if let Some(mut stdout) = self.child.stdout.take() {
            let _ = stdout.read_to_string(&mut out);
        }
        let code = self.child.wait().expect("an end").code();
        assert!(!self.socket.exists(), "the socket is left behind");
        (code.unwrap_or(-1), out)
    }
}

/// `\n`, `\xHH` and `\\` of a line.
fn unescaped(text: &str) -> Vec<u8> {
    let (bytes, mut out, mut i) = (text.as_bytes(), Vec::new(), 0);
    while i < bytes.len() {
        let hex = text.get(i + 2..i + 4).and_then(|d| u8::from_str_radix(d, 16).ok());
        match (bytes[i], bytes.get(i + 1), hex) {
            (b'\\', Some(b'x'), Some(byte)) => {
                out.push(byte);
                i += 4;
            }
            (b'\\', Some(b'N'), _) => {
                out.push(b'\n');
                i += 2;
            }
            (byte, ..) => {
                out.push(byte);
                i += 1;
            }
        }
    }
    out
}

/// What differs from run to run.
fn normal(line: &str) -> String {
    let mut out = line.to_string();
    if let Some(at) = out.find("\"seconds\": ")
        && let Some(end) = out[at..].find('}')
    {
        out.replace_range(at..at + end, "...");
    }
    if let Some(at) = out.find("\"thread-id\": ") {
        let digits = out[at + 13..].chars().take_while(char::is_ascii_digit).count();
        out.replace_range(at + 13..at + 13 + digits, "...");
    }
    let temp = std::env::temp_dir().display().to_string();
    while let Some(at) = out.find(&temp) {
        let rest: String = out[at..].chars().take_while(|c| !"\",".contains(*c)).collect();
        out.replace_range(at..at + rest.len(), "TEMP");
    }
    out
}

fn talk(path: &Path) {
    let name = path.file_stem().and_then(|s| s.to_str()).expect("a name");
    let text = std::fs::read_to_string(path).expect("a talk");
    let mut lines = text.lines();
    let head = lines.next().unwrap_or("");
    let server = start(name, &head.split_whitespace().skip(1).collect::<Vec<_>>());
    let mut stream = server.connect();
    let mode = std::fs::metadata(&server.socket).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut from = BufReader::new(stream.try_clone().expect("a clone"));
    let mut out = format!("{head}\n");
    let mut read = |until: &str| {
        let mut out = String::new();
        loop {
            let mut line = Vec::new();
            match from.read_until(b'\n', &mut line) {
                Ok(n) if n > 0 => {}
                _ => return out + "<EOF>\n",
            }
            let line = String::from_utf8(line).expect("ASCII");
            let line = line.strip_suffix("\r\n").expect("CR LF");
            if line.starts_with(until) && until == MARKED {
                return out;
            }
            out.push_str(&normal(line));
            out.push('\n');
            if line.starts_with(until) {
                return out;
            }
        }
    };
    out.push_str(&read("{\"QMP\""));
    for line in lines {
        let Some(sent) = line.strip_prefix("> ") else {
            if line.starts_with('#') || line.is_empty() {
                out.push_str(&format!("{line}\n"));
            }
            continue;
        };
        out.push_str(&format!("{line}\n"));
        let mut bytes = unescaped(sent);
        // What ends the program is followed by the end of the talk.
        if !sent.contains("\"quit\"") {
            bytes.extend(MARK.bytes());
        }
        let _ = stream.write_all(&bytes);
        out.push_str(&read(MARKED));
        if out.ends_with("<EOF>\n") {
            break;
        }
    }
    drop(stream);
    if out.ends_with("<EOF>\n") {
        assert_eq!(server.end().0, 0);
    }
    if std::env::var_os("HETEMU_BLESS").is_some() {
        std::fs::write(path, &out).expect("blessed");
        return;
    }
    assert!(out == text, "{}:\n{}", path.display(), hetemu::text_diff(name, &text, &out));
}

#[test]
fn talks() {
    let folder = root().join("tests/qmp");
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(&folder).expect("talks").map(|e| e.expect("one").path()).collect();
    paths.retain(|p| p.extension().is_some_and(|e| e == "talk"));
    paths.sort();
    assert!(!paths.is_empty());
    paths.iter().for_each(|p| talk(p));
}

/// A second client waits until the first leaves, then negotiates anew.
#[test]
fn one_client_at_a_time() {
    let server = start("turns", &["--preconfig", "--serial", "null"]);
    let first = server.connect();
    let mut second = server.connect();
    let short = Some(Duration::from_millis(100));
    second.set_read_timeout(short).expect("a limit");
    assert!(second.read(&mut [0; 64]).is_err(), "a greeting for the second");
    let mut greeting = [0; 8];
    let mut one = &first;
    one.read_exact(&mut greeting).expect("a greeting for the first");
    drop(first);
    second.set_read_timeout(Some(Duration::from_secs(60))).expect("a limit");
    second.read_exact(&mut greeting).expect("a greeting for the second");
    second
        .write_all(b"{'execute':'qmp_capabilities'}{'execute':'quit'}")
        .expect("a socket that takes it");
    let mut rest = String::new();
    second.read_to_string(&mut rest).expect("the rest");
    assert!(rest.ends_with("{\"return\": {}}\r\n"), "{rest}");
    assert_eq!(server.end().0, 0);
}

/// A client that never reads costs itself only.
#[test]
fn a_client_that_does_not_read() {
    let server = start("deaf", &["--preconfig", "--serial", "null"]);
    let stream = server.connect();
    stream.set_write_timeout(Some(Duration::from_secs(2))).expect("a limit");
    let asked = b"{'execute':'query-qmp-schema'}".repeat(64);
    let mut to = &stream;
    let _ = to.write_all(b"{'execute':'qmp_capabilities'}");
    for _ in 0..200 {
        if to.write_all(&asked).is_err() {
            break;
        }
    }
    let status = format!("/proc/{}/status", server.child.id());
    let status = std::fs::read_to_string(status).expect("Linux");
    let rss = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).expect("its memory");
    let kib: u64 = rss.trim().trim_end_matches(" kB").parse().expect("a number");
    assert!(kib < 100 << 10, "{kib} KiB");
    drop(stream);
    let mut next = server.connect();
    next.write_all(b"{'execute':'qmp_capabilities'}{'execute':'quit'}").expect("taken");
    let mut rest = String::new();
    next.read_to_string(&mut rest).expect("the rest");
    assert!(rest.contains("SHUTDOWN"), "{rest}");
}

/// Standard input and output serve one client; when it leaves a draft, nobody can finish it.
#[test]
fn a_client_at_standard_input() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_hetemu"))
        .args(["run", "--preconfig", "--qmp", "stdio"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("hetemu");
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(b"{'execute':'qmp_capabilities'}{'execute':'query-status'}").expect("taken");
    drop(input);
    let out = child.wait_with_output().expect("an end");
    assert_eq!(out.status.code(), Some(0));
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(text.contains("{\"status\": \"prelaunch\", \"running\": false}"), "{text}");
}

/// A line of `qmp-shell` as it sends it: decimal numbers, `true`, and texts.
fn shell_line(line: &str) -> String {
    let mut words = line.split_whitespace();
    let name = words.next().expect("a command");
    let value = |v: &str| match v.parse::<i64>() {
        Ok(n) => n.to_string(),
        Err(_) if matches!(v, "true" | "false") => v.to_string(),
        Err(_) => format!("\"{v}\""),
    };
    let pair = |w: &str| w.split_once('=').map(|(k, v)| format!("\"{k}\":{}", value(v)));
    let args: Vec<String> = words.filter_map(pair).collect();
    format!("{{\"execute\":\"{name}\",\"arguments\":{{{}}}}}", args.join(","))
}

/// The walk-through's script builds the machine that the importer makes of it, and with a timer
/// the shipped firmware runs on it.
#[test]
fn the_script_builds_the_machine() {
    let hello = "machines/firmware/opentitan/hello.elf";
    let out = std::env::temp_dir().join(format!("hetemu-export-{}.hm", std::process::id()));
    let args = ["--preconfig", "--cpu", "lowrisc-ibex", "--serial", "stdio", "--name", "opentitan"];
    let args = [&args[..], &["--image", hello, "--semihosting", "--expect", "type help"]].concat();
    let server = start("script", &args);
    let mut stream = server.connect();
    let mut from = BufReader::new(stream.try_clone().expect("a clone"));
    let mut say = |line: &str| {
        stream.write_all(line.as_bytes()).expect("taken");
        loop {
            let mut answer = String::new();
            assert!(from.read_line(&mut answer).expect("an answer") > 0, "no answer to {line}");
            if answer.contains("\"return\"") {
                return;
            }
            assert!(answer.contains("\"QMP\"") || answer.contains("\"event\""), "{line}: {answer}");
        }
    };
    say("{\"execute\":\"qmp_capabilities\"}");
    let script = std::fs::read_to_string(root().join("tests/import/opentitan.qmp")).expect("it");
    let lines = script.lines().filter(|l| !l.trim().is_empty() && !l.starts_with('#'));
    let all: Vec<&str> = lines.collect();
    let (last, build) = all.split_last().expect("lines");
    assert_eq!(last.trim(), "x-exit-preconfig");
    build.iter().for_each(|line| say(&shell_line(line)));
    say(&shell_line(&format!("hetemu-export-machine path={}", out.display())));
    let diff = Command::new(env!("CARGO_BIN_EXE_hetemu"))
        .args(["diff", "tests/import/opentitan.qmp.hm"])
        .arg(&out)
        .current_dir(root())
        .output()
        .expect("hetemu diff");
    let _ = std::fs::remove_file(&out);
    let said = String::from_utf8_lossy(&diff.stdout);
    assert_eq!(diff.status.code(), Some(0), "{said}");
    assert!(said.contains("0 guest-visible, 0 host-only"), "{said}");
    for line in [
        "device_add driver=ibex-timer id=timer",
        "sysbus-mmio-map device=timer addr=1074790400",
        "qom-set path=timer property=sysbus-irq[0] value=ibex/timer",
        "x-exit-preconfig",
    ] {
        say(&shell_line(line));
    }
    let (code, text) = server.end();
    assert!(text.contains("hello: UART, PLIC and timer are up"), "{text}");
    assert_eq!(code, 0);
}
