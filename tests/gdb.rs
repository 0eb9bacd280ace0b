//! Debian's GDB on the server of `hetemu run --gdb` and on QEMU's, with the same scripts: what it
//! prints must be the same. A program with its sources, OpenSBI, U-Boot and Linux, on two harts.
//!
//! Needs the packages gdb-multiarch, qemu-system-misc, gcc-riscv64-unknown-elf, opensbi and
//! u-boot-qemu, and the kernel of `tests/guests/fetch.sh`. Without them the runs are skipped with a
//! message, unless `HETEMU_REQUIRE_GUESTS=1`.

use hetemu_testing::{Folder, files, root, tools};
use regex::Regex;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const SBI: &str = "/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.bin";
const UBOOT: &str = "/usr/lib/u-boot/qemu-riscv64_smode/u-boot.bin";

fn guest(name: &str) -> String {
    root().join("target/guests/riscv64").join(name).display().to_string()
}

/// Whether programs and files of others are there.
fn have(others: &[&str]) -> bool {
    tools(&["gdb-multiarch", "qemu-system-riscv64", "riscv64-unknown-elf-gcc"]) && files(others)
}

fn tool(program: &str, arguments: &[&str]) {
    let out = Command::new(program).args(arguments).output().expect(program);
    assert!(out.status.success(), "{program}: {}", String::from_utf8_lossy(&out.stderr));
}

/// The program of the tests, with what GDB knows of it.
fn program(folder: &Path) -> String {
    let elf = folder.join("program.elf").display().to_string();
    let source = |name: &str| root().join("tests/gdb").join(name).display().to_string();
    let options = "-g -O1 -fno-inline -fno-omit-frame-pointer -march=rv64gc -mabi=lp64d \
                   -mcmodel=medany -nostdlib -nostartfiles \
                   -Wl,-N,-Ttext=0x80000000,--build-id=none";
    let mut arguments: Vec<&str> = options.split_whitespace().collect();
    let (start, main) = (source("start.S"), source("program.c"));
    arguments.extend(["-o", &elf, &start, &main]);
    tool("riscv64-unknown-elf-gcc", &arguments);
    elf
}

/// A machine that runs beside us.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(mut command: Command, socket: &Path) -> Running {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let running = Running(command.spawn().expect("it starts"));
    let until = Instant::now() + Duration::from_secs(60);
    while !socket.exists() {
        assert!(Instant::now() < until, "no socket at {}", socket.display());
        std::thread::sleep(Duration::from_millis(20));
    }
    running
}

fn hetemu(socket: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hetemu"));
    command.current_dir(root()).args(["run", "machines/riscv-virt.hm", "--set", "cpus=2"]);
    command.args(["--timeout", "300s", "--gdb", &format!("unix:{}", socket.display())]);
    command.args(arguments);
    command
}

fn qemu(socket: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("qemu-system-riscv64");
    command.args(["-M", "virt", "-smp", "2", "-nographic", "-S", "-gdb", "chardev:gdb"]);
    let path = socket.display();
    let chardev = format!("socket,id=gdb,path={path},server=on,wait=off");
    command.args(["-chardev", &chardev]).args(arguments);
    command
}

/// What GDB prints for a script.
fn transcript(name: &str, folder: &Path, socket: &Path, elf: Option<&str>) -> String {
    let script = std::fs::read_to_string(root().join("tests/gdb").join(name)).expect("a script");
    let before = "set pagination off\nset confirm off\nset width 0\nset remotetimeout 60\n\
                  set python print-stack none\nset architecture riscv:rv64\n\
                  set trace-commands on\n";
    let file = folder.join(socket.file_stem().expect("a name")).with_extension("gdb");
    let text = format!("{before}target remote {}\n{script}", socket.display());
    std::fs::write(&file, text).expect("a file");
    let mut command = Command::new("timeout");
    command.args(["200", "gdb-multiarch", "-nx", "-q", "-batch"]).args(elf);
    let out = command.arg("-x").arg(&file).output().expect("gdb runs");
    let errors = String::from_utf8_lossy(&out.stderr);
    let failed = errors.lines().find(|l| l.contains("Error in sourced command file"));
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(out.status.success() && failed.is_none(), "{errors}\n{text}");
    normal(&text)
}

/// A transcript without what may differ: names of threads, who of two harts was first, what stands
/// at other addresses because other things ran before.
fn normal(text: &str) -> String {
    let rules = [
        (r#"(?m)^\+target remote.*\n|^\[Switching to Thread.*\n|^warning: .*\n"#, ""),
        (r#"(?m)^determining executable.*\n|^  Id   Target Id.*\n"#, ""),
        (r#" (?:"hart\[\d\]"|\(CPU#\d \[.*?\]\))"#, ""),
        (r" \([MSU] mode(?:, waiting)?\)", ""),
        (r"(?m)^([* ]) (\d) +Thread 1\.(\d) *", "$1 $2 thread $3 "),
        (r"(?m)^  (\d thread \d) .*", "  $1"),
        (r"Thread \d hit", "A thread hit"),
        // The other hart is somewhere in its loop.
        (r"(?m)^#0 .*second \(\) at .*\n\d+\t.*", "#0 second"),
    ];
    let mut text = text.to_string();
    for (pattern, with) in rules {
        text = Regex::new(pattern).expect("a pattern").replace_all(&text, with).into_owned();
    }
    text
}

/// Runs a script on both; gives what GDB prints.
#[track_caller]
fn compare(
    script: &str,
    folder: &Path,
    elf: Option<&str>,
    ours: &[&str],
    theirs: &[&str],
) -> String {
    let (one, two) = (folder.join("hetemu.socket"), folder.join("qemu.socket"));
    let machines = (start(hetemu(&one, ours), &one), start(qemu(&two, theirs), &two));
    let mode = std::fs::metadata(&one).expect("the socket").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let (ours, theirs) = std::thread::scope(|s| {
        let theirs = s.spawn(|| transcript(script, folder, &two, elf));
        (transcript(script, folder, &one, elf), theirs.join().expect("GDB on QEMU"))
    });
    drop(machines);
    if ours != theirs {
        let line = ours.lines().zip(theirs.lines()).position(|(a, b)| a != b);
        panic!("{script}: line {line:?} differs\n--- hetemu:\n{ours}\n--- QEMU:\n{theirs}");
    }
    ours
}

#[track_caller]
fn says(text: &str, wanted: &[&str]) {
    for part in wanted {
        assert!(text.contains(part), "`{part}` is missing in\n{text}");
    }
}

#[test]
fn a_program_with_its_sources() {
    if !have(&[]) {
        return;
    }
    let folder = Folder::new("gdb-program");
    let elf = program(&folder);
    let firmware = format!("firmware={elf}");
    let ours = ["-S", "--plug", &firmware];
    let text = compare("program.gdb", &folder, Some(&elf), &ours, &["-bios", &elf]);
    says(&text, &["#4  0x", "in main () at ", "Hardware watchpoint", "Value returned is $"]);
}

#[test]
fn back_and_forth() {
    if !have(&[]) {
        return;
    }
    let folder = Folder::new("gdb-reverse");
    let elf = program(&folder);
    let socket = folder.join("hetemu.socket");
    let firmware = format!("firmware={elf}");
    let machine = start(hetemu(&socket, &["-S", "--plug", &firmware]), &socket);
    let text = transcript("reverse.gdb", &folder, &socket, Some(&elf));
    drop(machine);
    let mut rest = text.as_str();
    for line in [
        "$1 = 100\n",
        "+print $pc\n$3 = (void (*)()) 0x",
        "<main+",
        "+print $pc\n$4 = (void (*)()) 0x800000a0 <finished>\n",
        "A thread hit Breakpoint 2, weigh (key=5, depth=depth@entry=1)",
        "$6 = 88\n",
        "A thread hit Breakpoint 2, weigh (key=5, depth=depth@entry=2)",
        "Old value = 50\nNew value = 34\n",
        "Old value = 34\nNew value = 23\n",
        "Old value = 23\nNew value = 34\n",
        "Old value = 34\nNew value = 50\n",
        "No more reverse-execution history.\n0x0000000000001000",
        "$8 = 100\n",
    ] {
        let Some(at) = rest.find(line) else { panic!("`{line}` is missing, or not there\n{text}") };
        rest = &rest[at + line.len()..];
    }
    // Going back and on again is the same run.
    let counters: Vec<&str> = text.split("+print counter\n").skip(1).collect();
    let values = counters.iter().map(|c| c.lines().next().and_then(|l| l.split(" = ").nth(1)));
    let values: Vec<Option<&str>> = values.collect();
    assert!(values.len() == 2 && values[0].is_some() && values[0] == values[1], "{values:?}");
}

#[test]
fn opensbi_and_uboot() {
    if !have(&[SBI, UBOOT]) {
        return;
    }
    let folder = Folder::new("gdb-firmware");
    let (firmware, kernel) = (format!("firmware={SBI}"), format!("kernel={UBOOT}"));
    let ours = ["-S", "--plug", &firmware, "--plug", &kernel];
    let theirs = ["-bios", SBI, "-kernel", UBOOT];
    let text = compare("opensbi.gdb", &folder, None, &ours, &theirs);
    says(&text, &["hit Breakpoint 1, 0x0000000080000000", "hit Breakpoint 2, "]);
    let text = compare("uboot.gdb", &folder, None, &ours, &theirs);
    says(&text, &["prv:1 [Supervisor]"]);
}

/// An ELF file with the kernel's symbols, as it tells them itself.
fn symbols(folder: &Path, plugs: &[&str]) -> String {
    let names = [
        "_start_kernel",
        "start_kernel",
        "kernel_init",
        "ret_from_fork",
        "do_execveat_common",
        "__riscv_sys_execve",
        "vfs_write",
        "system_state",
    ];
    let ask = format!("grep -w -e {} /proc/kallsyms; echo DO\"\"NE\\n", names.join(" -e "));
    let mut command = Command::new(env!("CARGO_BIN_EXE_hetemu"));
    command.current_dir(root()).args(["run", "machines/riscv-virt.hm"]).args(plugs);
    command.args(["--set", "bootargs=console=ttyS0 nokaslr", "--expect", "# "]);
    command.args(["--send", &ask, "--expect", "DONE", "--timeout", "200s"]).stdin(Stdio::null());
    let out = command.output().expect("hetemu runs");
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let base = 0xffff_ffff_8000_0000;
    let mut source = String::from(".section .kern,\"ax\",@nobits\nbase: .space 0x2000000\n");
    let mut found = 0;
    for line in text.lines() {
        let [address, kind, name] = line.split_whitespace().collect::<Vec<_>>()[..] else {
            continue;
        };
        let Ok(address) = u64::from_str_radix(address, 16) else { continue };
        if address >= base && matches!(kind, "t" | "T" | "D" | "B" | "d" | "b") {
            let at = address - base;
            source += &format!(".globl {name}\n.type {name},@function\n.set {name}, base+{at}\n");
            found += 1;
        }
    }
    assert!(found >= 8, "{text}");
    let path = |name: &str| folder.join(name).display().to_string();
    std::fs::write(path("k.s"), source).expect("a file");
    tool("riscv64-unknown-elf-as", &["-o", &path("k.o"), &path("k.s")]);
    let place = "--section-start=.kern=0xffffffff80000000";
    let entry = ["-e", "0", "-o", &path("k.elf"), &path("k.o")];
    tool("riscv64-unknown-elf-ld", &[&["-N", "--no-relax", place][..], &entry].concat());
    path("k.elf")
}

#[test]
fn linux() {
    let (kernel, initrd) = (guest("kernel"), guest("initrd.gz"));
    if !have(&[SBI, &kernel, &initrd]) {
        return;
    }
    let folder = Folder::new("gdb-linux");
    let plugs = [format!("firmware={SBI}"), format!("kernel={kernel}"), format!("initrd={initrd}")];
    let mut ours = vec!["--set", "ram=256MiB"];
    ours.extend(plugs.iter().flat_map(|p| ["--plug", p]));
    let elf = symbols(&folder, &ours);
    let words = "console=ttyS0 nokaslr selftest";
    let bootargs = format!("bootargs={words}");
    ours.extend(["-S", "--set", &bootargs]);
    let theirs =
        ["-m", "256M", "-bios", SBI, "-kernel", &kernel, "-initrd", &initrd, "-append", words];
    let text = compare("linux.gdb", &folder, Some(&elf), &ours, &theirs);
    says(&text, &["in start_kernel ()", "in __riscv_sys_execve ()", "in vfs_write ()"]);
}

/// A client of few words.
struct Client(UnixStream);

impl Client {
    fn new(socket: &Path) -> Client {
        let stream = UnixStream::connect(socket).expect("a server");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a limit");
        let mut client = Client(stream);
        assert_eq!(client.ask("QStartNoAckMode"), "OK");
        client
    }

    fn send(&mut self, packet: &str) {
        let sum = packet.bytes().fold(0u8, |a, b| a.wrapping_add(b));
        self.0.write_all(format!("${packet}#{sum:02x}").as_bytes()).expect("it is sent");
    }

    fn answer(&mut self) -> String {
        let mut text = Vec::new();
        let mut byte = [0];
        while !text.ends_with(b"#") {
            self.0.read_exact(&mut byte).expect("an answer");
            text.push(byte[0]);
        }
        self.0.read_exact(&mut [0; 2]).expect("a checksum");
        let text = String::from_utf8_lossy(&text).into_owned();
        text.trim_start_matches('+').trim_start_matches('$').trim_end_matches('#').to_string()
    }

    fn ask(&mut self, packet: &str) -> String {
        self.send(packet);
        self.answer()
    }
}

#[test]
fn debuggers_come_and_go() {
    if !have(&[]) {
        return;
    }
    let folder = Folder::new("gdb-attach");
    let elf = program(&folder);
    let socket = folder.join("s");
    let firmware = format!("firmware={elf}");
    let mut running = start(hetemu(&socket, &["-S", "--plug", &firmware]), &socket);
    let mut client = Client::new(&socket);
    let ours = client.ask("qSupported:multiprocess+;swbreak+");
    assert!(ours.contains("multiprocess+") && ours.contains("qXfer:features:read+"), "{ours}");
    assert_eq!(client.ask("?"), "T05thread:p1.1;");
    assert_eq!(client.ask("qfThreadInfo"), "mp1.1,p1.2");
    assert_eq!(client.ask("qsThreadInfo"), "l");
    // Another one at the same time is sent away.
    let mut other = UnixStream::connect(&socket).expect("a server");
    assert_eq!(other.read(&mut [0; 8]).unwrap_or(0), 0);
    // Hart 1 alone, which counts for ever: stopped by the client.
    client.send("vCont;c:p1.2");
    std::thread::sleep(Duration::from_millis(200));
    client.0.write_all(&[3]).expect("it is sent");
    let stop = client.answer();
    assert!(stop.starts_with("T02thread:"), "{stop}");
    // Gone without a word: the machine goes on, and ends.
    drop(client);
    let code = running.0.wait().expect("an end").code();
    assert_eq!(code, Some(0));
    assert!(!socket.exists());

    // One that stays to the end hears how it was.
    let _running = start(hetemu(&socket, &["-S", "--plug", &firmware]), &socket);
    let mut client = Client::new(&socket);
    client.ask("qSupported:multiprocess+");
    assert_eq!(client.ask("Z0,1000,4"), "OK");
    assert_eq!(client.ask("vCont;s:p1.1"), "T05thread:p1.1;");
    // Hart 1 stands where hart 0 stood.
    assert_eq!(client.ask("vCont;c"), "T05thread:p1.2;");
    assert_eq!(client.ask("z0,1000,4"), "OK");
    assert_eq!(client.ask("vCont;c"), "W00;process:1");
}

#[test]
fn three_instruction_sets_in_one_session() {
    if !have(&[]) {
        return;
    }
    let folder = Folder::new("gdb-trio");
    let socket = folder.join("trio.sock");
    let mut command = Command::new(env!("CARGO_BIN_EXE_hetemu"));
    command.current_dir(root()).args(["run", "machines/trio.hm", "--paused", "--timeout", "300s"]);
    let _running = {
        command.args(["--gdb", &format!("unix:{}", socket.display())]);
        start(command, &socket)
    };
    let mut gdb = Command::new("timeout");
    gdb.current_dir(root()).args(["200", "gdb-multiarch", "-nx", "-q", "-batch"]);
    gdb.args(["-ex", "set pagination off", "-ex", "set confirm off", "-ex", "set width 0"]);
    gdb.args(["-ex", "file machines/firmware/trio/be.elf", "-ex"]);
    gdb.arg(format!("target extended-remote {}", socket.display()));
    let out = gdb.args(["-x", "tests/gdb/trio.gdb"]).output().expect("gdb runs");
    let text = String::from_utf8_lossy(&out.stdout);
    let errors = String::from_utf8_lossy(&out.stderr);
    for line in [
        "1.1  Thread 1.1 \"be\" (kernel mode) 0xbfc00000 in _start ()",
        "2.1  Thread 2.2 \"m4\" (thread mode) 0x00000000 in vectors ()",
        "3.4  Thread 3.6 \"rv[3]\" (M mode)   0x0000000000010000 in _start ()",
        "Thread 2.1 \"m4\" hit Breakpoint 1.1",
        "Thread 1.1 \"be\" hit Breakpoint 1.2",
        "=> 0xbfc00504 <mailbox_irq+16>:\tlui\ts1,0xb000",
        "#1  0xbfc00408 in _start ()",
    ] {
        assert!(text.contains(line), "no line with {line}:\n{text}\n{errors}");
    }
}
