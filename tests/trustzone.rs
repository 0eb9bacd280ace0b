//! A secure and a non-secure program on `mps2-an505`, built here with Debian's cross compiler and
//! run beside QEMU: gates, callbacks, interrupts and faults across the security states give the
//! same output, and the same exit code.

use hetemu_testing::{root, tools};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const COMPILER: &str = "arm-none-eabi-gcc";
const QEMU: &str = "qemu-system-arm";
const MACHINE: &str = "mps2-an505";

/// Both programs: the secure one first, for the other one is linked with its gates.
fn build(folder: &Path) -> [PathBuf; 2] {
    let guests = root().join("tests/guests/trustzone");
    std::fs::create_dir_all(folder).expect("a folder");
    let gates = folder.join("gates.o");
    let link = |name: &str, more: &[String]| {
        let elf = folder.join(format!("{name}.elf"));
        let mut command = Command::new(COMPILER);
        command.args(["-mcpu=cortex-m33", "-mfloat-abi=hard", "-mfpu=fpv5-sp-d16", "-mthumb"]);
        command.args(["-O1", "-g", "-ffreestanding", "-nostartfiles", "-nostdlib", "-T"]);
        command.arg(guests.join(format!("{name}.ld"))).arg(guests.join(format!("{name}.c")));
        command.args(more).arg("-lgcc").arg("-o").arg(&elf);
        let done = command.output().expect("the compiler");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        elf
    };
    let out = format!("-Wl,--cmse-implib,--out-implib={}", gates.display());
    let secure = link("secure", &["-mcmse".into(), out]);
    let other = link("nonsecure", &[gates.display().to_string()]);
    [secure, other]
}

fn hetemu(images: &[PathBuf; 2], more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hetemu"));
    command.current_dir(root()).args(["run", MACHINE, "--semihosting"]);
    for image in images {
        command.arg("--image").arg(image);
    }
    command.args(more).output().expect("hetemu")
}

fn qemu([secure, other]: &[PathBuf; 2]) -> Output {
    let mut command = Command::new(QEMU);
    command.args(["-M", MACHINE, "-semihosting", "-display", "none", "-monitor", "none"]);
    command.args(["-serial", "stdio", "-kernel"]).arg(secure).arg("-device");
    command.arg(format!("loader,file={}", other.display())).output().expect("QEMU")
}

#[test]
fn security_states_are_as_qemus() {
    if !tools(&[COMPILER, QEMU]) {
        return;
    }
    let folder = root().join("target/trustzone");
    let images = build(&folder);
    let want = qemu(&images);
    let text = String::from_utf8_lossy(&want.stdout);
    assert_eq!(want.status.code(), Some(7), "under QEMU: {text}");
    let tiers: [&[&str]; 4] =
        [&[], &["--jit", "off"], &["--tier-up", "1"], &["--tier-up", "1", "--tier-two", "0"]];
    for engine in tiers {
        let found = hetemu(&images, engine);
        let shown = String::from_utf8_lossy(&found.stdout);
        assert_eq!(shown, text, "{engine:?}");
        assert_eq!(found.status.code(), Some(7), "{engine:?}");
    }
    // Saved in the middle, with both sides' state, the machine goes on to the same end.
    let state = folder.join("middle.hms");
    let _ = std::fs::remove_file(&state);
    let save = format!("2ms={}", state.display());
    assert_eq!(hetemu(&images, &["--save-at", &save]).stdout, want.stdout);
    let rest = hetemu(&images, &["--snapshot", &state.to_string_lossy()]);
    let after = String::from_utf8_lossy(&rest.stdout);
    let errors = String::from_utf8_lossy(&rest.stderr);
    assert!(text.ends_with(&*after) && after.len() < text.len(), "{after}{errors}");
    assert!(after.contains("secure fault handler"), "{after}{errors}");
    assert_eq!(rest.status.code(), Some(7));
}
