//! Random programs leave the same registers and memory here and on Unicorn, in both byte orders, on
//! every tier.
//!
//! `HETEMU_PYTHON` names a Python that has the package `unicorn`; without it, that of
//! `target/unicorn` (see `.ci/run`) or else `python3` is asked. `HETEMU_SEED`, `HETEMU_TIER` and
//! `HETEMU_LISTING` show one program.
//! Skipped with a message where there is none, unless `HETEMU_REQUIRE_GUESTS=1`.

mod common;

use common::{bytes, config};
use hetemu_engine::EngineConfig;
use hetemu_engine::testing::{Random, Rig};
use hetemu_isa::Target;
use hetemu_target_mips::{Mips, disasm, table};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

const BASE: u64 = 0x1_0000;
const DATA: u64 = 0x4_0000;
/// Bytes of the data window; base registers point to its middle.
const WINDOW: usize = 4096;
const SIZE: u64 = 0x8_0000;
/// Registers that random instructions use; gp, sp, s8 and ra have other uses.
const FREE: u32 = 28;

struct Kind {
    core: &'static str,
    mode: &'static str,
    model: &'static str,
}

const WORD: Kind = Kind { core: "mips.mips24kf", mode: "MODE_MIPS32", model: "CPU_MIPS32_24KF" };
const LONG: Kind =
    Kind { core: "mips.mips64r2", mode: "MODE_MIPS64", model: "CPU_MIPS64_MIPS64R2_GENERIC" };

/// A Python with Unicorn that runs the driver.
fn driver() -> Option<Child> {
    let python = hetemu_testing::python("unicorn")?;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/unicorn/drive.py");
    let child = Command::new(python)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    Some(child)
}

/// Instructions that random programs leave out: they leave the program, need another state, or
/// give what the manual leaves open.
fn is_left_out(name: &str) -> bool {
    let system = [
        "syscall", "break", "sdbbp", "cache", "synci", "rdhwr", "mfc0", "mtc0", "dmfc0", "dmtc0",
        "di", "ei", "rdpgpr", "wrpgpr", "tlbr", "tlbwi", "tlbwr", "tlbp", "eret", "deret", "wait",
        "ll", "sc", "lld", "scd", "ctc1", "cfc1", "mthc1", "mfhc1", "luxc1", "suxc1", "lwxc1",
        "ldxc1", "swxc1", "sdxc1", "prefx", "reserved",
    ];
    // They raise on overflow, and traps are made to raise.
    let raising = ["add", "addi", "sub", "dadd", "daddi", "dsub"];
    // Estimates, on which implementations may differ, and what leaves the cause bits of FCSR alone
    // there. Payloads of NaNs that a conversion cuts to nothing become infinities there.
    let estimates =
        ["cvt.s.d", "recip.s", "recip.d", "rsqrt.s", "rsqrt.d", "abs.s", "abs.d", "neg.s", "neg.d"];
    system.contains(&name)
        || raising.contains(&name)
        || estimates.contains(&name)
        || name.starts_with('t') && !name.starts_with("trunc")
        || name.starts_with('j')
}

/// One random instruction; none if this one does not fit.
fn instruction(r: &mut Random, row: &hetemu_isa::decode::Row, set: u64) -> Option<u32> {
    let mut word = row.encode(r.next() as u32);
    let insn = table::decode32(word, set)?;
    if table::ROWS[insn.row as usize].name != row.name {
        return None;
    }
    let register = |r: &mut Random| r.below(u64::from(FREE)) as u32;
    for piece in row.format {
        let hetemu_isa::decode::Piece::Field(n) = piece else { continue };
        let field = &table::FIELDS[*n as usize];
        let low = field.parts[0].1;
        match field.style {
            "x" => word = word & !(31 << low) | register(r) << low,
            "f" => word = word & !(31 << low) | (r.below(16) as u32 * 2) << low,
            _ => {}
        }
    }
    let memory = row.format.iter().any(|p| matches!(p, hetemu_isa::decode::Piece::Text("(")));
    if memory {
        let part =
            matches!(row.name, "lwl" | "lwr" | "swl" | "swr" | "ldl" | "ldr" | "sdl" | "sdr");
        let mask = if part { 0 } else { 7 };
        let offset = (r.next() as u32 & 0x7ff & !mask).wrapping_sub(0x400) & 0xffff;
        word = word & 0xfc1f_0000 | 28 << 21 | offset;
    }
    let i = table::decode32(word, set)?;
    let fits = match row.name {
        "ext" => i.imm + i.sel <= 32,
        "ins" => i.sel >= i.imm,
        "dext" | "dextm" | "dextu" => i.imm + i.sel <= 64,
        // Moves there, of registers that hold no sign-extended words.
        "addu" | "subu" => set & table::ext::M64 == 0 || i.rs != 0 && i.rt != 0,
        "dins" => i.sel >= i.imm,
        "dinsm" => true,
        "dinsu" => i.sel + 32 >= i.imm,
        _ => true,
    };
    fits.then_some(word)
}

/// A program: setup, random instructions with forward branches, what shows the rest of the state.
fn program(r: &mut Random, set: u64, wide: bool, count: usize) -> Vec<u32> {
    let rows: Vec<_> = table::ROWS
        .iter()
        .filter(|row| set & row.need == row.need && !is_left_out(row.name))
        // Float registers of 32 bits take no long integers.
        .filter(|row| wide || !row.name.contains(".l"))
        // Of registers that hold no sign-extended words they give anything.
        .filter(|row| {
            let words =
                ["sra", "srav", "clz", "clo", "rotr", "rotrv", "mult", "div", "madd", "msub"];
            !wide || !words.contains(&row.name)
        })
        .collect();
    // mfc0 t0, status; lui t1, 0x2000; or t0, t0, t1; mtc0 t0, status; ehb
    // (0x2400 on 64-bit cores: float registers of 64 bits).
    let upper = if wide { 0x2400 } else { 0x2000 };
    let mut code = vec![0x4008_6000, 0x3c09_0000 | upper, 0x0109_4025, 0x4088_6000, 0xc0];
    // ctc1: rounding and flags begin as they come, no traps.
    let fcsr = r.below(4) as u32;
    code.extend([0x2408_0000 | fcsr, 0x44c8_f800]);
    for n in (0..32).step_by(2) {
        // ldc1 $fn, 8n(gp), behind the middle of the window
        code.push(0xd780_0000 | n << 16 | (8 * n + 0x100));
    }
    let pick = |r: &mut Random| loop {
        let row = rows[r.below(rows.len() as u64) as usize];
        let branch = row.name.starts_with('b');
        if branch {
            continue;
        }
        if let Some(word) = instruction(r, row, set) {
            return word;
        }
    };
    let branches: Vec<_> =
        rows.iter().filter(|row| row.name.starts_with('b') && !row.name.contains("al")).collect();
    while code.len() < count {
        if r.below(8) != 0 {
            code.push(pick(r));
            continue;
        }
        // A branch over some instructions, with its slot.
        let row = branches[r.below(branches.len() as u64) as usize];
        let over = 1 + r.below(5) as u32;
        let random = r.next() as u32;
        let word = row.encode(random) & !0xffff | over;
        let a = r.below(u64::from(FREE)) as u32;
        code.push(if row.name.starts_with("bc1") { word } else { word & !(31 << 21) | a << 21 });
        code.push(pick(r));
        for _ in 0..over {
            code.push(pick(r));
        }
    }
    // mfhi s8; sw s8, 0x7e0(gp); mflo; sw; cfc1 s8, $31; sw; the float registers.
    let (store, high, low) =
        if wide { (0xfc00_0000u32, 0x7d0, 0x7d8) } else { (0xac00_0000, 0x7e0, 0x7e4) };
    let put = |offset: u32| store | 28 << 21 | 30 << 16 | offset;
    code.extend([0xf010, put(high), 0xf012, put(low), 0x445e_f800, 0xaf9e_07e8]);
    for n in (0..32).step_by(2) {
        code.push(0xf780_0000 | n << 16 | (8 * n + 0x400));
    }
    code
}

const NAMES: [&str; 32] = [
    "ZERO", "AT", "V0", "V1", "A0", "A1", "A2", "A3", "T0", "T1", "T2", "T3", "T4", "T5", "T6",
    "T7", "S0", "S1", "S2", "S3", "S4", "S5", "S6", "S7", "T8", "T9", "K0", "K1", "GP", "SP", "FP",
    "RA",
];

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// The value of a key in a line of JSON that the driver wrote.
fn value<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(&format!("\"{key}\": "))?;
    Some(rest.split([',', '}']).next()?.trim_matches('"'))
}

fn compare(kind: &Kind, big: bool, programs: u32, count: usize) {
    let Some(mut child) = driver() else { return };
    let (mut to, from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut from = BufReader::new(from);
    let mut wrong = Vec::new();
    let wide = kind.core.contains("64");
    let config = config(kind.core, big);
    let set = hetemu_target_mips::isa::Isa::new(&config).unwrap().set;
    let mut executed = 0;
    let only = std::env::var("HETEMU_SEED").ok().and_then(|v| v.parse::<u32>().ok());
    for seed in 0..programs {
        if only.is_some_and(|n| n != seed) {
            continue;
        }
        let mut r = Random::new(u64::from(seed) + 1);
        let code = program(&mut r, set, wide, count);
        let image: Vec<u8> = code.iter().flat_map(|w| bytes(*w, big)).collect();
        let memory: Vec<u8> = (0..WINDOW / 8).flat_map(|_| edge(&mut r).to_le_bytes()).collect();
        let word = |v: u64| if wide { v } else { v & 0xffff_ffff };
        let mut regs: Vec<u64> = (0..32).map(|_| word(r.edge())).collect();
        (regs[0], regs[28]) = (0, DATA + WINDOW as u64 / 2);
        let until = BASE + image.len() as u64;
        let list = (1..32).map(|n| format!("\"{}\": {}", NAMES[n], regs[n]));
        let shown = (1..32).map(|n| format!("\"{}\"", NAMES[n]));
        let order = if big { "MODE_BIG_ENDIAN" } else { "MODE_LITTLE_ENDIAN" };
        writeln!(
            to,
            "{{\"arch\": \"MIPS\", \"modes\": [\"{}\", \"{order}\"], \"cpu\": \"{}\", \
             \"base\": {BASE}, \"code\": \"{}\", \"until\": {until}, \"data\": {DATA}, \
             \"memory\": \"{}\", \"regs\": {{{}}}, \"show\": [{}]}}",
            kind.mode,
            kind.model,
            hex(&image),
            hex(&memory),
            list.collect::<Vec<_>>().join(", "),
            shown.collect::<Vec<_>>().join(", "),
        )
        .unwrap();
        let mut line = String::new();
        from.read_line(&mut line).unwrap();
        let tier = std::env::var("HETEMU_TIER").ok().and_then(|v| v.parse().ok());
        let engine = match tier.unwrap_or(seed % 20) {
            0 => EngineConfig { tier_up: 1, tier_two: 0, ..EngineConfig::default() },
            1..=4 => EngineConfig { tier_up: 1, ..EngineConfig::default() },
            _ => EngineConfig { jit: false, ..EngineConfig::default() },
        };
        let mut rig = Rig::new(engine, 0, SIZE, Mips.create(&config).unwrap()).unwrap();
        rig.ram.write(BASE, &image);
        rig.ram.write(DATA, &memory);
        // A loop on itself behind the program.
        let end = [bytes(0x1000_ffff, big), bytes(0, big)].concat();
        rig.ram.write(until, &end);
        let set_register = |rig: &mut Rig, name: &str, v: u64| {
            let (cpu, regs) = rig.cluster.cpu_mut(0);
            assert!(cpu.set_register(regs, name, v), "{name}");
        };
        for (n, v) in regs.iter().enumerate() {
            set_register(&mut rig, hetemu_target_mips::regs::X[n], *v);
        }
        set_register(&mut rig, "pc", BASE);
        rig.run(code.len() as u64 + 8);
        executed += code.len();
        let state: BTreeMap<String, u64> =
            rig.cluster.cpu(0).registers(rig.regs()).into_iter().collect();
        let mut different = Vec::new();
        if let Some(error) = value(&line, "error") {
            different.push(format!("unicorn: {error}"));
        }
        if state["pc"] != until {
            different.push(format!(
                "pc {:x}, epc {:x}, cause {:x}",
                state["pc"], state["epc"], state["cause"]
            ));
        }
        for n in 1..32 {
            let ours = state[hetemu_target_mips::regs::X[n]];
            let theirs = value(&line, NAMES[n]).and_then(|v| v.parse::<u64>().ok()).unwrap_or(1);
            if word(theirs) != ours {
                different.push(format!("{} {ours:x} not {theirs:x}", NAMES[n]));
            }
        }
        let mut after = vec![0; WINDOW];
        rig.ram.read(DATA, &mut after);
        let theirs = value(&line, "memory").unwrap_or("");
        let ours = hex(&after);
        if ours != theirs {
            let at =
                ours.bytes().zip(theirs.bytes()).position(|(a, b)| a != b).unwrap_or(0) / 16 * 16;
            let part = |s: &str| s.get(at..at + 16).unwrap_or("").to_string();
            different.push(format!("memory at {:x}: {} not {}", at / 2, part(&ours), part(theirs)));
        }
        if !different.is_empty() {
            let mut listing = String::new();
            if std::env::var_os("HETEMU_LISTING").is_some() {
                for (i, w) in code.iter().enumerate() {
                    let pc = BASE + 4 * i as u64;
                    let text =
                        disasm::disassemble(set, pc, *w, true).map_or(String::new(), |d| d.text);
                    listing += &format!("    {pc:x} {w:08x} {text}\n");
                }
            }
            wrong.push(format!("program {seed}: {}\n{listing}", different.join(", ")));
        }
    }
    drop(to);
    let _ = child.wait();
    let shown = wrong.iter().take(10).cloned().collect::<Vec<_>>().join("\n");
    assert!(wrong.is_empty(), "{} of {programs} programs differ\n{shown}", wrong.len());
    println!("{executed} instructions, no difference");
}

/// A double word that is often a number, an edge or a NaN of either size.
fn edge(r: &mut Random) -> u64 {
    match r.below(4) {
        0 => f64::from(r.next() as i32).to_bits(),
        1 => u64::from((r.next() as i16 as f32).to_bits()) * 0x1_0000_0001,
        _ => r.edge(),
    }
}

#[test]
fn big_endian_words() {
    compare(&WORD, true, 250, 4000);
}

#[test]
fn little_endian_words() {
    compare(&WORD, false, 250, 4000);
}

#[test]
fn big_endian_long() {
    compare(&LONG, true, 60, 4000);
}

#[test]
fn little_endian_long() {
    compare(&LONG, false, 60, 4000);
}
