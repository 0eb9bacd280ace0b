//! Machines made of others, as a person works with them: check, expand, explain, lock, compare with
//! a vendor's file.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder of its own, gone with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path =
            std::env::temp_dir().join(format!("hetemu-compose-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder");
        Folder(path)
    }
    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.join(name), text).expect("a file");
    }
    fn samples(&self) {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/lang/samples");
        for name in ["my-vm.hm", "overlay-trace.hm"] {
            std::fs::copy(from.join(name), self.0.join(name)).expect("a sample");
        }
    }
    fn hetemu(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hetemu"));
        command.args(args).current_dir(&self.0).output().expect("the program")
    }
    /// Standard output and error of a command that must end with a code.
    fn says(&self, args: &[&str], code: i32) -> String {
        let o = self.hetemu(args);
        let text =
            String::from_utf8_lossy(&o.stdout).into_owned() + &String::from_utf8_lossy(&o.stderr);
        assert_eq!(o.status.code(), Some(code), "{args:?}\n{text}");
        text
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn the_sample_is_checked_expanded_and_explained() {
    let f = Folder::new("sample");
    f.samples();
    assert!(f.says(&["check", "my-vm.hm"], 0).contains("my-vm          ok"));
    let text = f.says(&["expand", "my-vm.hm"], 0);
    for line in [
        "mc146818@2 {  // my-vm.hm:19, instead of machines/q35.hm:",
        "\"52:54:00:12:34:56\"  // my-vm.hm:15",
        "ram = 4 GiB",
        "instead of profiles/q35-minimal.toml:",
    ] {
        assert!(text.contains(line), "no `{line}` in\n{text}");
    }
    assert!(!text.contains("hpet"), "{text}");
    f.write("flat.hm", &text);
    f.says(&["check", "flat.hm"], 0);
    let same = f.says(&["diff", "my-vm.hm", "flat.hm", "--fail-on", "cosmetic"], 0);
    assert!(same.trim_end().ends_with("equal"), "{same}");
    let why = f.says(&["explain", "my-vm.hm", "uart.irq"], 0);
    assert!(why.contains("my-vm.hm:20") && why.contains("<- decides"), "{why}");
    assert!(why.contains("replaced"), "{why}");
    let json = f.says(&["expand", "my-vm.hm", "--format", "json"], 0);
    let v: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let facts = v["facts"].as_array().expect("facts");
    let ram = facts.iter().find(|f| f["path"] == "ram").expect("ram");
    assert_eq!((&ram["value"], &ram["by"]["line"]), (&"4 GiB".into(), &8.into()));
    assert!(facts.iter().any(|f| f["path"] == "cpu.model" && f["value"] == "\"x86.skylake\""));
    // It checks, and `run` says what is missing to run it.
    let run = f.says(&["run", "my-vm.hm"], 1);
    assert!(run.contains("no target `x86`") && run.contains("intel.ioapic@1: ioapic"), "{run}");
}

#[test]
fn a_lock_holds_versions_and_contents() {
    let f = Folder::new("lock");
    f.write("base.toml", "profile = \"base\"\nversion = 1\nmachine = \"opentitan\"\n");
    f.write("x.hm", "hm 1\n\nmachine x extends base\n");
    assert!(f.says(&["check", "x.hm", "--locked"], 1).contains("E0905"));
    f.says(&["check", "x.hm", "--lock"], 0);
    f.says(&["check", "x.hm", "--locked"], 0);
    // A newer version appears: the locked one stays.
    f.write(
        "base@2.toml",
        "profile = \"base\"\nversion = 2\nmachine = \"opentitan\"\n[set]\n\"uart.tx_depth\" = 1\n",
    );
    f.says(&["check", "x.hm", "--locked"], 0);
    // The locked one changes: found.
    f.write("base.toml", "profile = \"base\"\nversion = 1\nmachine = \"opentitan-earlgrey\"\n");
    let said = f.says(&["check", "x.hm", "--locked"], 1);
    assert!(said.contains("profile base@1` changed since hetemu.lock"), "{said}");
    // A lock that is no lock.
    f.write("hetemu.lock", "machine = 3\n");
    assert!(f.says(&["check", "x.hm"], 1).contains("the lock cannot be read"));
}

#[test]
fn profiles_are_listed_run_and_put_above_machines() {
    let f = Folder::new("profiles");
    let list = f.says(&["profiles"], 0);
    assert!(list.contains("riscv-virt@1") && list.contains("frozen"), "{list}");
    assert!(list.lines().any(|l| l.starts_with("q35-minimal@1") && l.contains("open")), "{list}");
    f.write(
        "big.toml",
        "profile = \"big\"\nversion = 1\nmachine = \"riscv-virt\"\n[set]\ncpus = 3\n",
    );
    let cores = |args: &[&str]| {
        let v: serde_json::Value = serde_json::from_str(&f.says(args, 0)).expect("JSON");
        v["clusters"][0]["cores"].as_array().map_or(0, Vec::len)
    };
    assert_eq!(cores(&["graph", "riscv-virt", "--json"]), 1);
    assert_eq!(cores(&["graph", "riscv-virt", "--profile", "big.toml", "--json"]), 3);
    assert_eq!(cores(&["graph", "riscv-virt", "--profile", "riscv-virt-smp", "--json"]), 4);
    let set = ["graph", "riscv-virt", "--profile", "big.toml", "--set", "cpus=2", "--json"];
    assert_eq!(cores(&set), 2);
    let wrong = f.says(&["check", "opentitan", "--profile", "big.toml"], 1);
    assert!(wrong.contains("E0704"), "{wrong}");
    // A program of a profile's machine, by the profile's name.
    let args = ["run", "opentitan@1", "--expect", "timer are up", "--timeout", "60s"];
    f.says(&args, 0);
}

#[test]
fn a_vendor_file_is_compared() {
    let f = Folder::new("svd");
    let peripheral = |name: &str, base: &str, irq: u32| {
        format!(
            "<peripheral><name>{name}</name><baseAddress>{base}</baseAddress>\
             <interrupt><name>tx_watermark</name><value>{irq}</value></interrupt></peripheral>"
        )
    };
    let svd = |p: &str| format!("<device><name>x</name><peripherals>{p}</peripherals></device>");
    f.write("good.svd", &svd(&peripheral("UART", "0x40000000", 1)));
    f.write("number.svd", &svd(&peripheral("UART", "0x40000000", 7)));
    f.write("place.svd", &svd(&peripheral("UART", "0x40010000", 1)));
    f.write("broken.svd", "<device>");
    f.says(&["check", "opentitan", "--svd", "good.svd"], 0);
    assert!(f.says(&["check", "opentitan", "--svd", "number.svd"], 1).contains("E0408"));
    assert!(f.says(&["check", "opentitan", "--svd", "place.svd"], 1).contains("E0510"));
    f.says(&["check", "opentitan", "--svd", "broken.svd"], 2);
    f.says(&["check", "opentitan", "--svd", "nowhere.svd"], 2);
}
