//! Boots real firmware to a banner or a prompt: Debian's OpenSBI and U-Boot, unmodified, and the
//! shipped programs. Every boot runs on the interpreter and with compiled code, and both must print
//! the same.
//!
//! Debian's files (packages `opensbi`, `u-boot-qemu`) are skipped with a message where they are not
//! installed, unless `HETEMU_REQUIRE_GUESTS=1`.

use hetemu_testing::{files, root};
use std::process::{Command, Stdio};

/// One boot: what runs, what is said, how it ends.
#[derive(Default)]
struct Boot<'a> {
    /// Machine.
    machine: &'a str,
    /// Further arguments.
    arguments: &'a [&'a str],
    /// `--expect` and `--send`, in turn; an empty text to send is none.
    talk: &'a [(&'a str, &'a str)],
    /// What the output must contain besides, in this order.
    prints: &'a [&'a str],
    /// Exit code.
    code: i32,
}

impl Boot<'_> {
    fn on(&self, engine: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hetemu"));
        command.current_dir(root()).arg("run").arg(self.machine).args(self.arguments).args(engine);
        for (expect, send) in self.talk {
            command.args(["--expect", expect]);
            if !send.is_empty() {
                command.args(["--send", send]);
            }
        }
        command.args(["--vtimeout", "60s", "--timeout", "300s"]).stdin(Stdio::null());
        let out = command.output().expect("hetemu runs");
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        let errors = String::from_utf8_lossy(&out.stderr);
        let code = out.status.code();
        assert_eq!(code, Some(self.code), "{engine:?}\n{text}\n--- errors:\n{errors}");
        let mut rest = text.as_str();
        for wanted in self.prints {
            let Some(at) = rest.find(wanted) else {
                panic!("{engine:?}: `{wanted}` is missing, or out of order, in\n{text}");
            };
            rest = &rest[at + wanted.len()..];
        }
        text
    }

    #[track_caller]
    fn run(&self) {
        let interpreted = self.on(&["--jit", "off"]);
        let compiled = self.on(&[]);
        let early = self.on(&["--tier-up", "2", "--tier-two", "200"]);
        for other in [&compiled, &early] {
            let differ = interpreted.lines().zip(other.lines()).find(|(a, b)| a != b);
            assert_eq!(differ, None, "compiled code prints something else");
            assert_eq!(interpreted.len(), other.len(), "compiled code prints more or less");
        }
    }
}

const SBI64: &str = "/usr/lib/riscv64-linux-gnu/opensbi/generic";
const SBI32: &str = "/usr/lib/riscv32-linux-gnu/opensbi/generic";
const UBOOT_M: &str = "/usr/lib/u-boot/qemu-riscv64/u-boot.bin";
const UBOOT_S: &str = "/usr/lib/u-boot/qemu-riscv64_smode/u-boot.bin";

fn opensbi(folder: &str, bits: u32, name: &str, base: &str) {
    let file = format!("{folder}/{name}");
    if !files([&file]) {
        return;
    }
    let core = format!("cpu=riscv.rv{bits}");
    Boot {
        machine: "machines/riscv-virt.hm",
        arguments: &["--set", &core, "--image", &file],
        talk: &[("Boot HART MEDELEG +: 0x[0-9a-f]+\r?\n", "")],
        prints: &[
            "OpenSBI v1",
            "Platform HART Count       : 1",
            "Platform IPI Device       : aclint-mswi",
            "Platform Timer Device     : aclint-mtimer @ 10000000Hz",
            "Platform Console Device   : uart8250",
            base,
            "Boot HART PMP Count       : 16",
        ],
        ..Boot::default()
    }
    .run();
}

#[test]
fn opensbi_rv64_jump() {
    opensbi(SBI64, 64, "fw_jump.bin", "Boot HART Base ISA        : rv64imafdc");
}

#[test]
fn opensbi_rv64_dynamic() {
    opensbi(SBI64, 64, "fw_dynamic.bin", "Boot HART Base ISA        : rv64imafdc");
}

#[test]
fn opensbi_rv32_jump() {
    opensbi(SBI32, 32, "fw_jump.bin", "Boot HART Base ISA        : rv32imafdc");
}

#[test]
fn opensbi_rv32_dynamic() {
    opensbi(SBI32, 32, "fw_dynamic.bin", "Boot HART Base ISA        : rv32imafdc");
}

/// The ELF files are position-independent and linked at 0.
#[test]
fn opensbi_as_elf() {
    opensbi(SBI64, 64, "fw_jump.elf", "Boot HART Base ISA        : rv64imafdc");
}

#[test]
fn opensbi_on_four_cores() {
    let file = format!("{SBI64}/fw_dynamic.bin");
    if !files([&file]) {
        return;
    }
    Boot {
        machine: "machines/riscv-virt.hm",
        arguments: &["--set", "cpus=4", "--image", &file],
        talk: &[("Boot HART MEDELEG +: 0x[0-9a-f]+\r?\n", "")],
        prints: &["Platform HART Count       : 4"],
        ..Boot::default()
    }
    .run();
}

#[test]
fn uboot_in_machine_mode() {
    if !files([UBOOT_M]) {
        return;
    }
    Boot {
        machine: "machines/riscv-virt.hm",
        arguments: &["--image", UBOOT_M],
        talk: &[
            ("Hit any key to stop autoboot", "\\r"),
            ("=> ", "version\\r"),
            ("U-Boot 20(?s:.*)=> ", "bdinfo\\r"),
            ("Build +=(?s:.*)=> ", "md.l 80000000 4\\r"),
            ("80000000: (?s:.*)=> ", "poweroff\\r"),
        ],
        prints: &[
            "U-Boot 20",
            "DRAM:  128 MiB",
            "=> version",
            "=> bdinfo",
            "-> start    = 0x0000000080000000",
            "-> size     = 0x0000000008000000",
            "Build       = 64-bit",
            "80000000: f1402573 84ae822a 00000193 00085297",
            "poweroff",
        ],
        ..Boot::default()
    }
    .run();
}

#[test]
fn uboot_on_a_network() {
    if !files([UBOOT_M]) {
        return;
    }
    Boot {
        machine: "machines/riscv-virt.hm",
        arguments: &["--image", UBOOT_M, "--plug", "net0=user,restrict=on"],
        talk: &[
            ("Hit any key to stop autoboot", "\\r"),
            ("=> ", "setenv autoload no; dhcp\\r"),
            ("bound(?s:.*)=> ", "ping 10.0.2.2\\r"),
            ("10.0.2.2 is alive(?s:.*)=> ", "poweroff\\r"),
        ],
        prints: &[
            "virtio-net#",
            "DHCP client bound to address 10.0.2.15",
            "host 10.0.2.2 is alive",
        ],
        ..Boot::default()
    }
    .run();
}

fn uboot_under(sbi: &str) {
    let firmware = format!("{SBI64}/{sbi}");
    if !files([firmware.as_str(), UBOOT_S]) {
        return;
    }
    let kernel = format!("kernel={UBOOT_S}");
    Boot {
        machine: "machines/riscv-virt.hm",
        arguments: &["--image", &firmware, "--plug", &kernel],
        talk: &[
            ("Hit any key to stop autoboot", "\\r"),
            ("=> ", "version\\r"),
            ("U-Boot 20(?s:.*)=> ", "sbi\\r"),
            ("OpenSBI 1(?s:.*)=> ", "md.l 80200000 4\\r"),
            ("80200000: (?s:.*)=> ", "poweroff\\r"),
        ],
        prints: &[
            "OpenSBI v1",
            "U-Boot 20",
            "DRAM:  128 MiB",
            "SBI 2.0",
            "80200000: 84ae822a 00000193 00085297 db02b283",
            "poweroff",
        ],
        ..Boot::default()
    }
    .run();
}

#[test]
fn uboot_under_fw_jump() {
    uboot_under("fw_jump.bin");
}

#[test]
fn uboot_under_fw_dynamic() {
    uboot_under("fw_dynamic.bin");
}

/// The firmware's memory is closed to U-Boot: an exception, and a reset of the machine.
#[test]
fn uboot_meets_pmp_and_resets() {
    let firmware = format!("{SBI64}/fw_jump.bin");
    if !files([firmware.as_str(), UBOOT_S]) {
        return;
    }
    let kernel = format!("kernel={UBOOT_S}");
    Boot {
        machine: "machines/riscv-virt.hm",
        arguments: &["--image", &firmware, "--plug", &kernel],
        talk: &[
            ("Hit any key to stop autoboot", "\\r"),
            ("=> ", "md.l 80000000 4\\r"),
            ("resetting(?s:.*)OpenSBI v1(?s:.*)Hit any key", ""),
        ],
        prints: &["Unhandled exception: Load access fault", "TVAL: 0000000080000000"],
        ..Boot::default()
    }
    .run();
}

#[test]
fn opentitan_hello() {
    Boot {
        machine: "machines/opentitan.hm",
        arguments: &["--strict"],
        talk: &[
            ("hello: UART, PLIC and timer are up(?s:.*)> ", "echo real interrupts\\r"),
            ("\nreal interrupts\r?\n> ", "help\\r"),
            ("end the run with code N\r?\n> ", "ticks\\r"),
            ("[1-9][0-9]* ticks, [0-9.]+ s\r?\n> ", "exit 7\\r"),
        ],
        prints: &["echo real interrupts", "ticks", "exit 7"],
        code: 7,
    }
    .run();
}

#[test]
fn opentitan_selftest() {
    Boot {
        machine: "machines/opentitan.hm",
        arguments: &["--strict", "--plug", "firmware=machines/firmware/opentitan/selftest.elf"],
        prints: &["PASS"],
        ..Boot::default()
    }
    .run();
}

#[test]
fn earlgrey_hello() {
    Boot {
        machine: "machines/opentitan-earlgrey.hm",
        talk: &[
            ("hello: UART, PLIC and timer are up(?s:.*)> ", "echo earl grey\\r"),
            ("\nearl grey\r?\n> ", "exit 3\\r"),
        ],
        code: 3,
        ..Boot::default()
    }
    .run();
}

#[test]
fn earlgrey_selftest() {
    let firmware = "firmware=machines/firmware/opentitan-earlgrey/selftest.elf";
    Boot {
        machine: "machines/opentitan-earlgrey.hm",
        arguments: &["--plug", firmware],
        prints: &["PASS"],
        ..Boot::default()
    }
    .run();
}

#[test]
fn riscv_virt_demo() {
    for bits in ["32", "64"] {
        let core = format!("cpu=riscv.rv{bits}");
        let image = format!("machines/firmware/riscv-virt/demo-rv{bits}.elf");
        Boot {
            machine: "machines/riscv-virt.hm",
            arguments: &["--set", &core, "--image", &image],
            prints: &["hetemu riscv-virt demo, RV", bits, "memory 0x", "hello", "powering off"],
            ..Boot::default()
        }
        .run();
    }
}
