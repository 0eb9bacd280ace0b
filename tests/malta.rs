//! Linux and U-Boot of Debian on the Malta boards, unmodified: the disk, the network card, flash.
//!
//! `tests/guests/fetch.sh target/guests/mipsel mipsel` brings the little-endian kernel; a
//! big-endian one and its initramfs are taken from the folder that HETEMU_MALTA_BE names, if it
//! does. What is not there is skipped with a message, unless `HETEMU_REQUIRE_GUESTS=1`.

use hetemu_testing::{files, root};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const UBOOT: &str = "/usr/lib/u-boot/maltael/u-boot.bin";

/// A file that goes with the test.
struct File(PathBuf);

impl File {
    fn new(name: &str, bytes: &[u8]) -> File {
        let name = format!("hetemu-malta-{}-{name}", std::process::id());
        let file = File(std::env::temp_dir().join(name));
        std::fs::write(&file.0, bytes).expect("a file");
        file
    }

    /// A disk of 4 MiB with a pattern.
    fn pattern(name: &str) -> File {
        let bytes: Vec<u8> = (0..4u32 << 20).map(|i| (i / 512 * 7 + i) as u8).collect();
        File::new(name, &bytes)
    }

    fn path(&self) -> String {
        self.0.display().to_string()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Runs a machine to an end of its own; gives what it prints.
#[track_caller]
fn run(machine: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hetemu"));
    command.current_dir(root()).args(["run", machine]).args(arguments);
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

#[test]
fn debian_on_a_disk_of_the_ide_channels() {
    let folder = root().join("target/guests/mipsel");
    let (kernel, initrd) = (folder.join("kernel"), folder.join("initrd.gz"));
    if !files([&kernel, &initrd]) {
        return;
    }
    let disk = File::pattern("disk.img");
    let sum = Command::new("sha256sum").arg(&disk.0).output().expect("sha256sum");
    let sum = String::from_utf8_lossy(&sum.stdout).into_owned();
    let (kernel, initrd) = (kernel.display().to_string(), initrd.display().to_string());
    let plugs =
        [format!("kernel={kernel}"), format!("initrd={initrd}"), format!("disk0={}", disk.path())];
    let mut arguments: Vec<&str> = plugs.iter().flat_map(|p| ["--plug", p]).collect();
    arguments.extend(["--set", "bootargs=console=ttyS0 devices"]);
    let text = run("machines/malta-le.hm", &arguments);
    let hash = format!("GUEST disk 8192 sectors, {}", sum.get(..64).expect("a hash"));
    prints(&text, &["HETEMU DISK", &hash, "GUEST disk reads back", "GUEST ALL OK"]);
    let bytes = std::fs::read(&disk.0).expect("the disk");
    let written = b"written by the guest\n".iter().cycle();
    assert!(bytes[256 << 10..512 << 10].iter().eq(written.take(256 << 10)));

    // The network card: everything is answered inside.
    let plug = ["--plug", "net0=user,restrict=on"];
    let mut arguments: Vec<&str> = plugs[..2].iter().flat_map(|p| ["--plug", p]).collect();
    arguments.extend(plug);
    let talk = [
        ("[~/] # ", "ifconfig eth0 up; udhcpc -q -n -i eth0 -s /init\\r"),
        ("GUEST has 10.0.2.15(?s:.*)# ", "ping -c 2 10.0.2.2\\r"),
        ("2 packets received(?s:.*)# ", "poweroff -f\\r"),
    ];
    for (expect, send) in &talk {
        arguments.extend(["--expect", expect, "--send", send]);
    }
    arguments.extend(["--set", "bootargs=console=ttyS0"]);
    let text = run("machines/malta-le.hm", &arguments);
    prints(&text, &["PCnet/FAST III 79C973", "gateway 10.0.2.2", "0% packet loss"]);
}

/// The image as the flash of the little-endian board has it.
fn uboot(name: &str) -> File {
    let mut flash = std::fs::read(UBOOT).expect("U-Boot");
    flash.resize(4 << 20, 0xff);
    File::new(name, &flash)
}

fn talk(machine: &str, plugs: &[&str], talk: &[(&str, &str)]) -> String {
    let mut arguments: Vec<&str> = plugs.iter().flat_map(|p| ["--plug", *p]).collect();
    for (expect, send) in talk {
        arguments.extend(["--expect", expect, "--send", send]);
    }
    // What comes last ends the run.
    arguments.extend(["--expect", "kept: yes"]);
    run(machine, &arguments)
}

#[test]
fn uboot_with_its_flash_and_a_network() {
    if !files([Path::new(UBOOT)]) {
        return;
    }
    let flash = uboot("flash.img");
    let plug = format!("flash0={}", flash.path());
    let prompt = "maltael # ";
    let after = |what: &str| format!("{what}(?s:.*){prompt}");
    let (build, sectors) = (after("U-Boot 20"), after("Sector Start Addresses"));
    let (saved, bound) = (after("OK"), after("bound"));
    let alive = after("is alive");
    let text = talk(
        "machines/malta-le.hm",
        &[&plug, "net0=user,restrict=on"],
        &[
            (prompt, "version\\r"),
            (&build, "flinfo\\r"),
            (&sectors, "setenv kept yes; saveenv\\r"),
            (&saved, "setenv autoload no; dhcp\\r"),
            (&bound, "ping 10.0.2.2\\r"),
            (&alive, "echo kept: $kept\\r"),
        ],
    );
    prints(&text, &["pcnet#0", "CFI conformant", "4 MB in 64 Sectors", "Erased 2 sectors"]);
    // Another run finds what this one has saved.
    talk("machines/malta-le.hm", &[&plug], &[(prompt, "echo kept: $kept\\r")]);
}

#[test]
fn linux_big_endian_to_power_off() {
    let Some(folder) = std::env::var_os("HETEMU_MALTA_BE").map(PathBuf::from) else {
        eprintln!("skipped: HETEMU_MALTA_BE names no folder with kernel and initrd.gz");
        return;
    };
    let (kernel, initrd) = (folder.join("kernel"), folder.join("initrd.gz"));
    if !files([&kernel, &initrd]) {
        return;
    }
    let kernel = format!("kernel={}", kernel.display());
    let initrd = format!("initrd={}", initrd.display());
    let bootargs = "bootargs=console=ttyS0 selftest";
    let arguments = ["--plug", &kernel, "--plug", &initrd, "--set", bootargs];
    prints(&run("machines/malta.hm", &arguments), &["HETEMU-SELFTEST-OK"]);
}
