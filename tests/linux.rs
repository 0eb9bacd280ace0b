//! Debian's Linux for riscv64, unmodified, under Debian's OpenSBI: devices, several harts,
//! consoles, power-off, reboot.
//!
//! `tests/guests/fetch.sh target/guests/riscv64` brings kernel and initramfs. Without them (or
//! without the package `opensbi`) the boots are skipped with a message, unless
//! `HETEMU_REQUIRE_GUESTS=1`.

#[path = "network/ports.rs"]
mod ports;

use hetemu_testing::{files, root};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const SBI: &str = "/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.bin";

fn guest(name: &str) -> String {
    root().join("target/guests/riscv64").join(name).display().to_string()
}

/// Whether files of others are there.
fn have_linux() -> bool {
    files([SBI.to_string(), guest("kernel"), guest("initrd.gz")])
}

/// Boots with these words on the kernel's command line; gives what it prints. The run must end with
/// 0 of its own.
#[track_caller]
fn boot(bootargs: &str, arguments: &[&str]) -> String {
    boot_on("machines/riscv-virt.hm", bootargs, arguments)
}

#[track_caller]
fn boot_on(machine: &str, bootargs: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hetemu"));
    command.current_dir(root()).args(["run", machine, "--set", "ram=256MiB"]);
    for (plug, file) in
        [("firmware", SBI), ("kernel", &guest("kernel")), ("initrd", &guest("initrd.gz"))]
    {
        command.args(["--plug", &format!("{plug}={file}")]);
    }
    command.args(["--set", &format!("bootargs={bootargs}")]).args(arguments);
    command.args(["--vtimeout", "120s", "--timeout", "600s"]).stdin(Stdio::null());
    let out = command.output().expect("hetemu runs");
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let errors = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(0), "{arguments:?}\n{text}\n--- errors:\n{errors}");
    text
}

#[track_caller]
fn prints(text: &str, wanted: &[&str]) {
    let mut rest = text;
    for line in wanted {
        let Some(at) = rest.find(line) else {
            panic!("`{line}` is missing, or out of order, in\n{text}");
        };
        rest = &rest[at + line.len()..];
    }
}

/// A file that goes with the test.
struct File(PathBuf);

impl File {
    fn new(name: &str) -> File {
        File(std::env::temp_dir().join(format!("hetemu-linux-{}-{name}", std::process::id())))
    }

    /// A disk of 4 MiB with a pattern.
    fn pattern(name: &str) -> File {
        let file = File::new(name);
        let bytes: Vec<u8> = (0..4u32 << 20).map(|i| (i / 512 * 7 + i) as u8).collect();
        std::fs::write(&file.0, bytes).expect("a disk");
        file
    }

    fn path(&self) -> String {
        self.0.display().to_string()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[track_caller]
fn output_of(program: &str, args: &[&str]) -> String {
    let out = Command::new(program).args(args).output().expect(program);
    assert!(out.status.success(), "{program}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).into_owned()
}

/// What the guest's `devices` prints of a disk with this hash.
fn devices(harts: u32, hash: &str) -> Vec<String> {
    let lines = [
        &format!("riscv64, {harts} harts"),
        "GUEST sum 7.485471",
        "GUEST entropy 64 bytes",
        &format!("GUEST disk 8192 sectors, {hash}"),
        "GUEST disk reads back",
        "GUEST ALL OK",
        "reboot: Power down",
    ];
    lines.map(str::to_string).to_vec()
}

/// The part of a disk that the guest writes.
fn is_written(bytes: &[u8]) -> bool {
    let text = b"written by the guest\n".iter().cycle();
    bytes[256 << 10..512 << 10].iter().eq(text.take(256 << 10))
}

fn with_disk(harts: u32, disk: &File, plug: &str) {
    let hash = output_of("sha256sum", &[&disk.path()]);
    let hash = hash.get(..64).expect("a hash");
    let (cpus, plug) = (format!("cpus={harts}"), format!("disk0={plug}"));
    let text = boot("console=ttyS0 devices", &["--set", &cpus, "--plug", &plug]);
    let lines = devices(harts, hash);
    prints(&text, &lines.iter().map(String::as_str).collect::<Vec<_>>());
    for n in 1..=4 {
        prints(&text, &[&format!("GUEST process {n} done")]);
    }
}

#[test]
fn one_hart_and_a_raw_disk() {
    if !have_linux() {
        return;
    }
    let disk = File::pattern("one.img");
    with_disk(1, &disk, &disk.path());
    assert!(is_written(&std::fs::read(&disk.0).expect("the disk")));
}

#[test]
fn four_harts_and_a_qcow2_disk() {
    if !have_linux() {
        return;
    }
    let disk = File::pattern("four.img");
    if Command::new("qemu-img").arg("--version").output().is_err() {
        return with_disk(4, &disk, &format!("{},snapshot", disk.path()));
    }
    let (image, back) = (File::new("four.qcow2"), File::new("four.raw"));
    let convert = ["convert", "-f", "raw", "-O", "qcow2", &disk.path(), &image.path()];
    output_of("qemu-img", &convert);
    with_disk(4, &disk, &image.path());
    output_of("qemu-img", &["check", &image.path()]);
    output_of("qemu-img", &["convert", "-O", "raw", &image.path(), &back.path()]);
    assert!(is_written(&std::fs::read(&back.0).expect("the disk")));
}

/// A reset that the guest asks for: everything begins anew, and the disk keeps what was written.
#[test]
fn a_reboot_comes_back() {
    if !have_linux() {
        return;
    }
    let disk = File::pattern("twice.img");
    let plug = format!("disk0={}", disk.path());
    let text = boot("console=ttyS0 quiet twice", &["--set", "cpus=2", "--plug", &plug]);
    let again = ["GUEST goes", "OpenSBI v1", "GUEST", "GUEST came back"];
    prints(&text, &again);
    assert_eq!(text.matches("OpenSBI v1").count(), 2);
}

/// A folder of this host, for reading and writing and for reading alone; a link in it leads
/// nowhere.
#[test]
fn a_shared_folder() {
    if !have_linux() {
        return;
    }
    let folder = File::new("share");
    std::fs::create_dir(&folder.0).expect("a folder");
    std::fs::write(folder.0.join("hello"), "a file of the host").expect("a file");
    std::os::unix::fs::symlink("../../../../etc/hostname", folder.0.join("out")).expect("a link");
    let run = |option: &str| {
        let plug = format!("share0=folder:{},tag=share{option}", folder.path());
        boot_on("tests/guests/shared.hm", "console=ttyS0 quiet share", &["--plug", &plug])
    };
    let first = ["GUEST sees hello out", "GUEST reads a file of the host"];
    let text = run(",ro");
    prints(&text, &first);
    prints(&text, &["GUEST cannot write: ", "Read-only file system", "Power down"]);
    let text = run("");
    let written = folder.0.join("made/moved");
    let hash = output_of("sha256sum", &[&written.display().to_string()]);
    let back = format!("GUEST reads back {}, 600 1000000", hash.get(..64).expect("a hash"));
    prints(&text, &first);
    prints(&text, &[&back, "Power down"]);
    assert!(!text.contains("GUEST is out"), "{text}");
    let bytes = std::fs::read(written).expect("what the guest wrote");
    assert!(bytes.iter().eq(b"written by the guest\n".iter().cycle().take(1_000_000)));
    let link = std::fs::read_link(folder.0.join("made/link")).expect("a link");
    assert_eq!(link, Path::new("moved"));
    assert_eq!(std::fs::read_dir(folder.0.join("made")).expect("a folder").count(), 2);
}

/// A shell on the virtio console, by hand.
#[test]
fn a_shell_on_the_virtio_console() {
    if !have_linux() {
        return;
    }
    let talk = [
        ["--plug", "serial0=null"],
        ["--plug", "console0=stdio"],
        ["--expect", "GUEST .* 1 harts(?s:.*)# "],
        ["--send", "echo $((6 * 7)) $(ls /sys/class/virtio-ports)\\r"],
        ["--expect", "\n42(?s:.*)# "],
        ["--send", "poweroff -f\\r"],
        ["--expect", "Power down"],
    ];
    let text = boot("console=hvc0", talk.as_flattened());
    prints(&text, &["echo $((6 * 7))", "\n42"]);
}

/// A network without a way out: everything is answered inside, the same in every run.
#[test]
fn a_network_that_leads_nowhere() {
    if !have_linux() {
        return;
    }
    let arguments = ["--plug", "net0=user,restrict=on", "--expect", "GUEST listens"];
    let texts = [&[][..], &["--tier-up", "2", "--tier-two", "2000"]]
        .map(|engine| boot("console=ttyS0 quiet net", &[&arguments[..], engine].concat()));
    let lines = [
        "GUEST has 10.0.2.15/255.255.255.0, gateway 10.0.2.2, names 10.0.2.3",
        "GUEST reaches the gateway",
        "GUEST asked: ** server can't find guest.test: REFUSED",
        "GUEST fetched: wget: can't connect to remote host (10.0.2.2): Connection refused",
        "GUEST listens",
    ];
    prints(&texts[0], &lines);
    assert_eq!(texts[0], texts[1]);
}

/// Answers one question for an address with 192.0.2.7, and others with nothing.
fn name_server(socket: &UdpSocket) {
    let mut bytes = [0; 512];
    while let Ok((len, from)) = socket.recv_from(&mut bytes) {
        let question = &bytes[12..len];
        let is_a = question.ends_with(&[0, 1, 0, 1]);
        let answer = [&bytes[..2], &[0x81, 0x80, 0, 1, 0, is_a.into(), 0, 0, 0, 0], question];
        let mut answer = answer.concat();
        if is_a {
            answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7]);
        }
        let _ = socket.send_to(&answer, from);
    }
}

/// Out to a server on this host, with a name server of ours, and in through a forwarded port.
#[test]
fn a_network_with_the_host() {
    if !have_linux() {
        return;
    }
    let names = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let resolver = names.local_addr().expect("an address");
    std::thread::spawn(move || name_server(&names));
    let web = TcpListener::bind("127.0.0.1:0").expect("a port");
    let web_port = web.local_addr().expect("an address").port();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = web.accept().expect("the guest calls");
        let mut request = [0; 1024];
        let len = stream.read(&mut request).expect("a request");
        let _ = stream.write_all(b"HTTP/1.0 200 OK\r\nContent-Length: 8\r\n\r\nall fine");
        String::from_utf8_lossy(&request[..len]).into_owned()
    });
    let forwarded = SocketAddr::from(([127, 0, 0, 1], ports::free_port()));
    let caller = std::thread::spawn(move || {
        let end = Instant::now() + Duration::from_secs(600);
        while Instant::now() < end {
            // Until the guest listens it refuses, and the connection is cut, before or after what
            // we say; then it answers.
            if let Ok(mut stream) = TcpStream::connect(forwarded) {
                let _ = stream.write_all(b"come in");
                let _ = stream.shutdown(std::net::Shutdown::Write);
                let mut answer = String::new();
                if stream.read_to_string(&mut answer).is_ok() && answer == "heard\n" {
                    return;
                }
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    let plug = format!("net0=user,resolver={resolver},hostfwd=tcp:{forwarded}-:7");
    let text = boot(&format!("console=ttyS0 quiet net port={web_port}"), &["--plug", &plug]);
    let lines = [
        "GUEST has 10.0.2.15/255.255.255.0, gateway 10.0.2.2, names 10.0.2.3",
        "GUEST reaches the gateway",
        "GUEST asked: Name:",
        "guest.test Address: 192.0.2.7",
        "GUEST fetched: all fine",
        "GUEST listens",
        "GUEST was told: come in",
    ];
    prints(&text, &lines);
    assert!(server.join().expect("the server").starts_with("GET / HTTP/1."));
    caller.join().expect("the caller");
}
