//! Two clusters of different word sizes share memory: one core holds the other one in reset, gives
//! it a program, lets it begin, stops it, changes the program and lets it begin again; and stores
//! of the one end reservations of the other.

use std::process::{Command, Output, Stdio};

const MACHINE: &str = "hm 1

machine hold

plug code : image

clock fast = 10 MHz
clock slow = 1 MHz

boss   : riscv.rv64 { bus = big, clk = fast, modes = m, reset_vector = 0 }
worker : riscv.rv32 { bus = small, clk = slow, modes = m, reset_vector = 0x1000_0000 }

bus big {
  0x0000_0000 +  4 KiB  rom    : memory.rom { image = code }
  0x0010_0000           finish : sifive.test
  0x1000_0000 + 64 KiB  shared : memory.ram
  0x2000_0000           rst    : hm.reset_control { hold[0] -> worker.hold }
}

bus small {
  0x1000_0000 + 64 KiB  shared
}
";

/// For the first core: copies the worker's program (`lui t0, 0x10000; li t1, 20; sw t1, 0x100(t0);
/// j .`), clears HOLD, waits for the word at 0x100, sets HOLD, clears the word, puts `li t1, 22` in
/// place of the second instruction, clears HOLD, waits again, and ends with the sum of both words.
const BOSS: [u32; 36] = [
    0x1000_02b7,
    0x2000_03b7,
    0x0010_0f37,
    0x0000_0f97,
    0x070f_8f93,
    0x0040_0593,
    0x000f_a503,
    0x00a2_a023,
    0x004f_8f93,
    0x0042_8293,
    0xfff5_8593,
    0xfe05_96e3,
    0x1000_02b7,
    0x0003_a023,
    0x1002_ae03,
    0xfe0e_0ee3,
    0x0010_0e93,
    0x01d3_a023,
    0x1002_a023,
    0x000f_a503,
    0x00a2_a223,
    0x0003_a023,
    0x1002_ae83,
    0xfe0e_8ee3,
    0x01de_0e33,
    0x010e_1e13,
    0x0000_3eb7,
    0x333e_8e9b,
    0x01de_6e33,
    0x01cf_2023,
    0x0000_006f,
    0x1000_02b7,
    0x0140_0313,
    0x1062_a023,
    0x0000_006f,
    0x0160_0313,
];

/// For the first core: starts the worker, whose program stores 7 to the word at 0x200 again and
/// again (or, with [`ELSEWHERE`], to the one at 0x280); then `lr.w` of that word, which is 7; a
/// loop of 100 rounds; `sc.w`; ends with what that gave.
const RESERVE: [u32; 35] = [
    0x1000_02b7,
    0x0010_0f37,
    0x2000_03b7,
    0x0070_0593,
    0x20b2_a023,
    0x0000_0f97,
    0x068f_8f93,
    0x0040_0593,
    0x000f_a503,
    0x00a2_a023,
    0x004f_8f93,
    0x0042_8293,
    0xfff5_8593,
    0xfe05_96e3,
    0x1000_02b7,
    0x0003_a023,
    0x3e80_0613,
    0xfff6_0613,
    0xfe06_1ee3,
    0x2002_8293,
    0x1002_a52f,
    0x0640_0613,
    0xfff6_0613,
    0xfe06_1ee3,
    0x18a2_a6af,
    0x0106_9693,
    0x0000_3eb7,
    0x333e_8e9b,
    0x01d6_e6b3,
    0x00df_2023,
    0x0000_006f,
    0x1000_02b7,
    0x0070_0313,
    0x2062_a023,
    0xffdf_f06f,
];
/// The worker's store, and the one that hits another line: `sw t1, 0x280(t0)`.
const STORE: u32 = 0x2062_a023;
const ELSEWHERE: u32 = 0x2862_a023;

fn run(code: &[u32], arguments: &[&str]) -> Output {
    let number = (std::process::id(), code.len(), code.contains(&ELSEWHERE));
    let name = format!("hetemu-{number:?}-hold-{}", arguments.join(""));
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&folder).expect("a folder");
    let machine = folder.join("hold.hm");
    std::fs::write(&machine, MACHINE).expect("a file");
    let code: Vec<u8> = code.iter().flat_map(|w| w.to_le_bytes()).collect();
    std::fs::write(folder.join("boss.bin"), code).expect("a file");
    let mut command = Command::new(env!("CARGO_BIN_EXE_hetemu"));
    command.args(["run", &machine.to_string_lossy(), "--timeout", "100s", "--plug"]);
    command.arg(format!("code={}", folder.join("boss.bin").display()));
    let out = command.args(arguments).stdin(Stdio::null()).output().expect("hetemu runs");
    let _ = std::fs::remove_dir_all(&folder);
    out
}

#[test]
fn a_core_starts_stops_and_restarts_another() {
    for engine in [&["--jit", "off"][..], &["--jit", "sync", "--tier-up", "1"], &["--parallel"]] {
        let out = run(&BOSS, engine);
        let errors = String::from_utf8_lossy(&out.stderr);
        assert_eq!(out.status.code(), Some(42), "{engine:?}: {errors}");
    }
}

#[test]
fn a_store_of_another_cluster_ends_a_reservation_even_if_it_changes_nothing() {
    let elsewhere = RESERVE.map(|word| if word == STORE { ELSEWHERE } else { word });
    for engine in [&["--jit", "off"][..], &["--jit", "sync", "--tier-up", "1"]] {
        let short = [engine, &["--set", "machine.quantum=3us"]].concat();
        let codes = [&RESERVE, &elsewhere].map(|code| run(code, &short).status.code());
        assert_eq!(codes, [Some(1), Some(0)], "{engine:?}");
    }
}

#[test]
fn who_is_held_is_said() {
    // A few instructions of the boss, who has not come to the reset controller yet.
    let out = run(&BOSS, &["--vtimeout", "1us", "--set", "machine.quantum=50ns"]);
    let errors = String::from_utf8_lossy(&out.stderr);
    assert!(errors.contains("worker is held in reset at"), "{errors}");
}
