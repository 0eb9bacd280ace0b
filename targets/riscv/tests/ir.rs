//! What instructions lift to: one line each in `ir.txt`, operations separated by `|`. With
//! `UPDATE_EXPECT=1` the file is written anew.

mod common;

use common::{config, fetch_from};
use hetemu_isa::{Mode, Target, text, verify};
use hetemu_target_riscv::{RiscV, lift::Key};

const PC: u64 = 0x8000_0000;

fn lifted(core: &str, code: &[u8]) -> String {
    let cpu = RiscV.create(&config(core)).unwrap();
    let key = Key { float: true, dirty: true, frm: 0, cbze: true };
    let mode = Mode { key: key.bits(), ..Mode::default() };
    let block = cpu.lift(mode, PC, 8, &mut fetch_from(PC, code)).unwrap();
    assert_eq!(verify(&block, cpu.layout()), Ok(()));
    let text = text::print(&block, cpu.layout());
    let lines: Vec<&str> = text.lines().skip(1).collect();
    lines.join(" | ")
}

#[test]
fn lifted_text() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/ir.txt");
    let text = std::fs::read_to_string(file).unwrap();
    let mut now = String::new();
    for line in text.lines() {
        if line.starts_with('#') || line.is_empty() {
            now += &format!("{line}\n");
            continue;
        }
        let (head, _) = line.split_once(" => ").unwrap_or((line, ""));
        let (core, rest) = head.split_once(" [").unwrap();
        let (code, _) = rest.split_once(']').unwrap();
        let code: Vec<u8> = code.split(' ').map(|b| u8::from_str_radix(b, 16).unwrap()).collect();
        now += &format!("{head} => {}\n", lifted(core, &code));
    }
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(file, &now).unwrap();
    }
    for (want, found) in text.lines().zip(now.lines()) {
        assert_eq!(want, found);
    }
}
