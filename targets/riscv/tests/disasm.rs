//! The disassembler: a list of known texts, and every row against GNU objdump where that is
//! installed.

mod common;

use common::config;
use hetemu_isa::random::Random;
use hetemu_target_riscv::table::ext;
use hetemu_target_riscv::{disasm, isa::Isa, table};
use std::process::Command;

#[test]
fn known_texts() {
    let rows = include_str!("disasm.txt");
    for line in rows.lines().filter(|l| !l.starts_with('#') && !l.is_empty()) {
        let mut words = line.splitn(3, ' ');
        let mut word = || words.next().unwrap_or_default();
        let (core, code, text) = (word(), word(), word());
        let set = Isa::new(&config(core)).unwrap().set;
        let code = u32::from_str_radix(code, 16).unwrap().to_le_bytes();
        let found = disasm::disassemble(set, 0x8000_0000, &code, true).map(|d| d.text);
        assert_eq!(found.as_deref().unwrap_or("illegal"), text, "{line}");
    }
}

const OBJDUMP: &str = "riscv64-unknown-elf-objdump";

#[test]
fn agrees_with_objdump() {
    if Command::new(OBJDUMP).arg("--version").output().is_err() {
        println!("{OBJDUMP} is not installed: nothing was compared");
        return;
    }
    for (core, arch) in [("riscv.rv64", "riscv:rv64"), ("riscv.rv32", "riscv:rv32")] {
        let set = Isa::new(&config(core)).unwrap().set;
        let mut random = Random::new(3);
        let mut words: Vec<(u32, u8)> =
            (0..=0xffffu32).filter(|w| w & 3 != 3).map(|w| (w, 2)).collect();
        for row in table::ROWS.iter().filter(|r| r.len == 4 && set & r.need == r.need) {
            words.extend((0..40).map(|_| (row.encode(random.bits() as u32), 4)));
        }
        compare(set, arch, &words);
    }
}

fn compare(set: u64, arch: &str, words: &[(u32, u8)]) {
    let mut bytes = Vec::new();
    for (word, len) in words {
        bytes.extend_from_slice(&word.to_le_bytes()[..usize::from(*len)]);
    }
    let file =
        std::env::temp_dir().join(format!("hetemu-disasm-{}-{}", std::process::id(), &arch[8..]));
    std::fs::write(&file, &bytes).unwrap();
    let out = Command::new(OBJDUMP)
        .args(["-b", "binary", "-m", arch, "-M", "no-aliases", "-D", "-z"])
        .arg(&file)
        .output()
        .unwrap();
    std::fs::remove_file(&file).unwrap();
    let text = String::from_utf8_lossy(&out.stdout);
    let mut theirs = text.lines().filter_map(|l| {
        let mut cols = l.split('\t');
        let at = u64::from_str_radix(cols.next()?.trim().strip_suffix(':')?, 16).ok()?;
        let _code = cols.next()?;
        Some((at, cols.collect::<Vec<_>>().join(" ")))
    });
    let (mut at, mut wrong) = (0u64, Vec::new());
    for (word, len) in words {
        let (their_at, their) = theirs.next().unwrap();
        assert_eq!(at, their_at);
        let bytes = word.to_le_bytes();
        let ours = disasm::disassemble(set, at, &bytes[..usize::from(*len)], false);
        let ours = ours.map_or("illegal".into(), |d| d.text);
        if normal(&ours, arch) != normal(&their, arch) && !forgiven(*word, &ours, &their) {
            wrong.push(format!("{word:08x}: `{ours}`, objdump `{their}`"));
        }
        at += u64::from(*len);
    }
    assert!(
        wrong.is_empty(),
        "{arch}: {} differ\n{}",
        wrong.len(),
        wrong[..wrong.len().min(40)].join("\n")
    );
}

/// Numbers in one base, no comments, one name for what has two.
fn normal(text: &str, arch: &str) -> String {
    let text = text.split(" #").next().unwrap_or_default().trim();
    if text.starts_with(".2byte") || text.starts_with(".4byte") || text.contains("unimp") {
        return "illegal".into();
    }
    let bits = if arch.ends_with("32") { 0xffff_ffff } else { u64::MAX };
    let token = |t: &str| {
        let (sign, digits) = t.strip_prefix('-').map_or((1, t), |d| (-1i64, d));
        let n = match digits.strip_prefix("0x") {
            Some(hex) => u64::from_str_radix(hex, 16).ok(),
            None => digits.parse().ok(),
        };
        n.map_or(t.to_string(), |n| ((n as i64 * sign) as u64 & bits).to_string())
    };
    let mut out = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let word = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let n = rest.find(|c| !word(c)).unwrap_or(rest.len()).max(1);
        out += &token(&rest[..n]);
        rest = &rest[n..];
    }
    out
}

/// Where objdump 2.40 and this table differ on purpose: what it does not know without an attribute
/// in the file, orderings and rounding fields that mean nothing, hints, CSRs of other extensions,
/// shifts by 32 and more on RV32.
fn forgiven(word: u32, ours: &str, theirs: &str) -> bool {
    let name = ours.split(' ').next().unwrap_or_default();
    let row = table::ROWS.iter().find(|r| r.name == name && word & r.mask == r.value);
    let zb = ext::ZBA | ext::ZBB | ext::ZBC | ext::ZBS;
    let unordered = |t: &str| t.replace(".aqrl", "").replace(".aq", "").replace(".rl", "");
    row.is_some_and(|r| r.need & (zb | NEW) != 0)
        || word & 0xe383 == 0x6101
        || word & 0xfe00_7fff == 0x6013
        || name.starts_with("csr") && ours.contains(",0x")
        || ours == "illegal" && word >> 12 & 1 == 1 && theirs.starts_with("c.s")
        || [0x0001, 0x6101].contains(&word)
        || name.starts_with("fence") && word & 0xf00f_ff80 != 0
        || unordered(theirs) == ours
        || theirs.contains("unknown") && ours.contains(",rm")
        || ["fcvt.d.w", "fcvt.d.wu", "fcvt.d.s"].contains(&name)
        || theirs.contains("li64")
        || theirs.contains("ai64")
}

/// Extensions that objdump 2.40 does not know, or shows only with an attribute.
const NEW: u64 = ext::ZICOND
    | ext::ZICBOM
    | ext::ZICBOP
    | ext::ZICBOZ
    | ext::ZIHINTPAUSE
    | ext::ZIHINTNTL
    | ext::ZAWRS
    | ext::ZIMOP
    | ext::ZCB
    | ext::ZCMOP
    | ext::ZACAS
    | ext::ZFA
    | ext::V
    | ext::SVINVAL;
/// Those of them that its assembler knows.
const ASSEMBLED: u64 =
    ext::ZICBOM | ext::ZICBOP | ext::ZICBOZ | ext::ZIHINTPAUSE | ext::ZAWRS | ext::SVINVAL | ext::V;

/// Bit manipulation and others, which that objdump shows only with an attribute: assembled again.
#[test]
fn assembles_again() {
    let tool = |name: &str| format!("riscv64-unknown-elf-{name}");
    if Command::new(tool("as")).arg("--version").output().is_err() {
        println!("no assembler is installed: nothing was compared");
        return;
    }
    for (core, arch, abi) in [("riscv.rv64", "rv64", "lp64"), ("riscv.rv32", "rv32", "ilp32")] {
        let set = Isa::new(&config(core)).unwrap().set;
        let mut random = Random::new(5);
        let (mut text, mut bytes) = (String::new(), Vec::new());
        let zb = ext::ZBA | ext::ZBB | ext::ZBC | ext::ZBS | ASSEMBLED;
        let known = |r: &&hetemu_isa::decode::Row| {
            r.need & zb != 0 && r.need & NEW & !ASSEMBLED == 0 && set & r.need == r.need
        };
        for row in table::ROWS.iter().filter(known) {
            for _ in 0..20 {
                let word = row.encode(random.bits() as u32).to_le_bytes();
                text += &disasm::disassemble(set, 0, &word, false).unwrap().text;
                text.push('\n');
                bytes.extend_from_slice(&word);
            }
        }
        let base = std::env::temp_dir().join(format!("hetemu-as-{}-{arch}", std::process::id()));
        let file = |ext| base.with_extension(ext);
        std::fs::write(file("s"), text).unwrap();
        let words = "zicbom_zicbop_zicboz_zihintpause_zawrs_svinval_zba_zbb_zbc_zbs";
        let march = format!("-march={arch}ifdv_{words}");
        let run = |cmd: &mut Command| assert!(cmd.status().unwrap().success());
        run(Command::new(tool("as"))
            .args([&march, &format!("-mabi={abi}"), "-o"])
            .arg(file("o"))
            .arg(file("s")));
        run(Command::new(tool("objcopy")).args(["-O", "binary"]).arg(file("o")).arg(file("bin")));
        let again = std::fs::read(file("bin")).unwrap();
        for ext in ["s", "o", "bin"] {
            let _ = std::fs::remove_file(file(ext));
        }
        assert!(!bytes.is_empty() && again == bytes, "{arch}");
    }
}
