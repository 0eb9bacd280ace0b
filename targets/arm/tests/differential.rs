//! Random Thumb programs beside unicorn (the PyPI package): the same registers, flags and memory,
//! on the interpreter, templates and regions. A million instructions; `HETEMU_INSTRUCTIONS` asks
//! for another number. Skipped where Python has no unicorn, unless `HETEMU_REQUIRE_GUESTS` is set.

mod common;

use common::config;
use hetemu_engine::EngineConfig;
use hetemu_engine::testing::Rig;
use hetemu_isa::Target;
use hetemu_isa::decode::{Piece, Row};
use hetemu_isa::random::{Random, instruction};
use hetemu_target_arm::{Arm, cpu::Facts, disasm, table};
use hetemu_testing::python;
use std::fmt::Write;
use std::io::Write as _;
use std::process::{Command, Stdio};

const BASE: u64 = 0x2000_0000;
const CODE: u64 = 0x2000_2000;
const DATA: u64 = 0x2000_8000;
const SIZE: u64 = 0x2_0000;
const DATA_SIZE: usize = 0x1_0000;

/// What is not compared here: control flow, system, what waits, and hints.
const OUT: [&str; 40] = [
    "b", "b.w", "bl", "bx", "blx", "bxns", "blxns", "cbz", "cbnz", "tbb", "tbh", "svc", "bkpt",
    "udf", "udf.w", "cps", "it", "msr", "mrs", "hint", "hint.w", "yield", "wfe", "wfi", "sev",
    "yield.w", "wfe.w", "wfi.w", "sev.w", "isb", "clrex", "tt", "ttt", "tta", "ttat", "sg", "vmsr",
    "reserved", "vlstm", "vlldm",
];

/// Python with unicorn: of the tests' own environment, or the system's.
/// Runs of each program, with other registers.
const RUNS: usize = 8;

#[derive(Clone)]
struct Program {
    code: Vec<u8>,
    /// r0 to r14, apsr, s0 to s31.
    regs: Vec<u32>,
}

fn put(code: &mut Vec<u8>, word: u32, len: u8) {
    if len == 4 {
        code.extend_from_slice(&((word >> 16) as u16).to_le_bytes());
    }
    code.extend_from_slice(&(word as u16).to_le_bytes());
}

/// `movw` or `movt`.
fn move_wide(code: &mut Vec<u8>, top: bool, reg: u32, imm: u32) {
    let base = if top { 0xf2c0_0000 } else { 0xf240_0000 };
    let fields = (imm >> 12 & 15) << 16 | (imm >> 11 & 1) << 26 | (imm >> 8 & 7) << 12 | imm & 0xff;
    put(code, base | fields | reg << 8, 4);
}

fn field(row: &Row, word: u32, name: &str) -> Option<i32> {
    let all = row.format.iter().filter_map(|p| match p {
        Piece::Field(f) => table::FIELDS.get(*f as usize),
        Piece::Text(_) => None,
    });
    all.into_iter().find(|f| f.name == name).map(|f| f.get(word))
}

/// Whether the manual says what an encoding does.
fn predictable(row: &Row, word: u32, insn: &table::Insn) -> bool {
    use table::Op::*;
    let registers = row.format.iter().filter_map(|p| match p {
        Piece::Field(f) => table::FIELDS.get(*f as usize).filter(|f| f.style == "r"),
        Piece::Text(_) => None,
    });
    let mut stack_free = true;
    for f in registers {
        let n = f.get(word);
        let base = matches!(f.name, "rn") && matches!(insn.op, Li | Si | Lx | Sx | Ldrd | Strd);
        if n == 15 || n == 13 && !base {
            stack_free = false;
        }
    }
    let i = insn;
    let distinct = |a: i32, b: i32| a != b;
    stack_free
        && match i.op {
            Lx | Sx if i.rn == 13 && i.imm & 3 != 0 => false,
            Lx | Sx => i.imm & 0x500 != 0 && i.imm & 0x700 != 0x600 && distinct(i.rd, i.rn),
            Ldrd => {
                i.x != 0
                    && i.x != 2
                    && distinct(i.rd, i.ra)
                    && distinct(i.rd, i.rn)
                    && distinct(i.ra, i.rn)
            }
            Strd => i.x != 0 && i.x != 2 && distinct(i.rd, i.rn) && distinct(i.ra, i.rn),
            Ldm | Stm => {
                let few = (i.imm as u32).count_ones() >= 2;
                few && i.imm & 0xa000 == 0 && i.imm >> i.rn & 1 == 0
            }
            Push => i.imm != 0,
            Pop => i.imm & 0xff != 0 && i.imm & 0x100 == 0,
            Ldrex => false,
            Strex => false,
            Bfi => i.imm >= i.sa,
            Bfx => i.sa + i.imm < 32,
            Sat => !(i.st == 1 && i.sa == 0),
            Mull | Umaal | Smlalh | Smlald => distinct(i.rd, i.ra),
            Par => i.x != 3,
            Vldm | Vstm => {
                let n = if i.x != 0 { i.imm >> 1 } else { i.imm };
                let end = if i.x != 0 { 2 * (i.rd + n) } else { i.rd + n };
                n > 0 && end <= 32 && (i.x == 0 || i.imm & 1 == 0) && i.k != 1 && i.k != 0
            }
            Vldr | Vstr | Vmovi | Vun | Vcmp | Vrint | Vcvt | Vitof | Vftoi | Vhalf | Vop
            | Vsel | Vmaxnm | Vmovh => {
                let double = |name: &str| field(row, word, name).is_none_or(|n| n < 16);
                double("dd") && double("dn") && double("dm")
            }
            Vmov2 => {
                let n = if i.x != 0 { 2 * i.rm } else { i.rm };
                n < 31 && distinct(i.rd, i.ra) && field(row, word, "dm").is_none_or(|n| n < 16)
            }
            Vfix => {
                let size = if i.k & 4 != 0 { 32 } else { 16 };
                i.imm <= size && field(row, word, "dd").is_none_or(|n| n < 16)
            }
            _ => true,
        }
}

/// The register that an access is based on, and the one that is added.
fn bases(i: &table::Insn) -> Option<(i32, Option<i32>)> {
    use table::Op::*;
    Some(match i.op {
        Li | Lx | Si | Sx | Ldm | Stm | Ldrd | Strd | Lda | Stl | Vldr | Vstr | Vldm | Vstm => {
            (i.rn, None)
        }
        Lr | Sr => (i.rn, Some(i.rm)),
        _ => return None,
    })
}

fn program(random: &mut Random, set: u64) -> (Program, u64) {
    let (mut code, mut count) = (Vec::new(), 0);
    let mut left_in_it = 0;
    if set & table::ext::DSP != 0 {
        // uadd8 r0, r0, r1: unicorn keeps GE from program to program.
        put(&mut code, 0xfa80_f041, 4);
        count += 1;
    }
    while code.len() < 0x300 || left_in_it > 0 {
        let keep = |r: &Row| !OUT.contains(&r.name);
        let Some((_, word)) = instruction(random, table::ROWS, table::FIELDS, set, keep) else {
            continue;
        };
        let len = if word >> 16 == 0 { 2 } else { 4 };
        // These name their operand twice.
        let twice = |w: u32| w & 0xfff0_f0c0 == 0xfa90_f080 || w & 0xfff0_f0f0 == 0xfab0_f080;
        let word = if twice(word) { word & !0xf_0000 | (word & 15) << 16 } else { word };
        let Some(insn) = table::again(word, len, set) else { continue };
        let row = &table::ROWS[insn.row as usize];
        if OUT.contains(&row.name) || !predictable(row, word, &insn) {
            continue;
        }
        if let Some((base, index)) = bases(&insn) {
            if left_in_it > 0 || Some(base) == index || base == 15 {
                continue;
            }
            if base != 13 {
                let at = 0x2001_0000 + (random.below(0x400) as u32 & !3);
                move_wide(&mut code, false, base as u32, at & 0xffff);
                move_wide(&mut code, true, base as u32, at >> 16);
                count += 2;
            }
            if let Some(index) = index {
                move_wide(&mut code, false, index as u32, random.below(0x400) as u32);
                count += 1;
            }
        } else if left_in_it == 0 && random.below(12) == 0 {
            let mask = 1 + random.below(15) as u32;
            let cond = random.below(14) as u32;
            put(&mut code, 0xbf00 | cond << 4 | mask, 2);
            left_in_it = 4 - mask.trailing_zeros();
            count += 1;
        }
        put(&mut code, word, len);
        left_in_it -= u32::from(left_in_it > 0);
        count += 1;
    }
    put(&mut code, 0xe7fe, 2);
    (Program { code, regs: registers(random) }, count)
}

fn registers(random: &mut Random) -> Vec<u32> {
    let mut regs: Vec<u32> = (0..15).map(|_| random.value() as u32).collect();
    regs[13] = 0x2001_0000;
    // Unicorn does not let GE be set.
    regs.push(random.bits() as u32 & 0xf800_0000);
    for n in 0..32 {
        let float = (random.below(2000) as f32 - 900.0) / 7.0;
        regs.push(if n % 5 == 0 { random.value() as u32 } else { float.to_bits() });
    }
    regs
}

fn run(core: &str, p: &Program, data: &[u8], count: u64, engine: &EngineConfig) -> Vec<u32> {
    run_in(&mut rig(core, p, engine), p, data, count)
}

fn rig(core: &str, p: &Program, engine: &EngineConfig) -> Rig {
    let cpu = Arm.create(&config(core)).unwrap();
    let rig = Rig::new(engine.clone(), BASE, SIZE, cpu).unwrap();
    rig.ram.write(CODE - BASE, &p.code);
    rig
}

fn run_in(rig: &mut Rig, p: &Program, data: &[u8], count: u64) -> Vec<u32> {
    rig.ram.write(DATA - BASE, data);
    rig.cluster.reset(0);
    let (cpu, regs) = rig.cluster.cpu_mut(0);
    let names = hetemu_target_arm::regs::R;
    cpu.set_register(regs, "cpacr", 0xf << 20);
    cpu.set_register(regs, "control", 4);
    for (name, value) in names.iter().zip(&p.regs[..15]) {
        cpu.set_register(regs, name, u64::from(*value));
    }
    cpu.set_register(regs, "xpsr", u64::from(p.regs[15] | 1 << 24));
    for (name, value) in hetemu_target_arm::regs::S.iter().zip(&p.regs[16..]) {
        cpu.set_register(regs, name, u64::from(*value));
    }
    cpu.set_register(regs, "pc", CODE);
    rig.run(count + 8);
    let all = rig.cluster.cpu(0).registers(rig.regs());
    let get = |n: &str| all.iter().find(|(name, _)| name == n).map_or(0, |(_, v)| *v as u32);
    let mut out: Vec<u32> = names[..15].iter().map(|n| get(n)).collect();
    out.push(get("xpsr") & 0xf80f_0000);
    out.extend(hetemu_target_arm::regs::S.iter().map(|n| get(n)));
    out.push(get("fpscr"));
    let mut found = vec![0; DATA_SIZE];
    rig.ram.read(DATA - BASE, &mut found);
    out.push(crc32(&found));
    if get("pc") != CODE as u32 + p.code.len() as u32 - 2 {
        out.push(get("pc"));
    }
    out
}

fn crc32(bytes: &[u8]) -> u32 {
    let table: Vec<u32> = (0..256u32)
        .map(|n| (0..8).fold(n, |c, _| if c & 1 != 0 { c >> 1 ^ 0xedb8_8320 } else { c >> 1 }))
        .collect();
    !bytes.iter().fold(!0, |c, b| c >> 8 ^ table[((c ^ u32::from(*b)) & 0xff) as usize])
}

fn unicorn(python: &str, core: &str, data: &[u8], programs: &[Program]) -> Vec<Option<Vec<u32>>> {
    let mut text = format!("core {core}\ndata ");
    data.iter().for_each(|b| write!(text, "{b:02x}").unwrap());
    for p in programs {
        text.push('\n');
        p.code.iter().for_each(|b| write!(text, "{b:02x}").unwrap());
        p.regs.iter().for_each(|r| write!(text, " {r:x}").unwrap());
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/thumb_peer.py");
    let mut child = Command::new(python)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let feeder = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let out = child.wait_with_output().unwrap();
    feeder.join().unwrap().unwrap();
    let parse = |line: &str| {
        let words = line.split(' ').map(|w| u32::from_str_radix(w, 16).ok());
        words.collect::<Option<Vec<u32>>>()
    };
    String::from_utf8_lossy(&out.stdout).lines().map(parse).collect()
}

fn differences(want: &[u32], found: &[u32], p: &Program, set: u64) -> String {
    let mut out = String::new();
    for (i, (w, f)) in want.iter().zip(found).enumerate().filter(|(_, (w, f))| w != f) {
        let _ = writeln!(out, "  value {i} is {f:#x}, not {w:#x}");
    }
    if found.len() > want.len() {
        let _ = writeln!(out, "  it ended at {:#x}", found[want.len()]);
    }
    let mut at = 0;
    while at < p.code.len() {
        let shown = disasm::disassemble(set, CODE + at as u64, &p.code[at..]);
        let (len, text) = shown.map_or((2, "?".into()), |d| (usize::from(d.len), d.text));
        let _ = writeln!(out, "    {:x}: {text}", CODE + at as u64);
        at += len;
    }
    out
}

/// A program cut after so many bytes.
fn cut(p: &Program, len: usize) -> Program {
    let mut code = p.code[..len].to_vec();
    put(&mut code, 0xe7fe, 2);
    Program { code, regs: p.regs.clone() }
}

/// The shortest beginning of a program that differs.
fn shorten(python: &str, core: &str, p: &Program, data: &[u8], engine: &EngineConfig) -> String {
    let set = Facts::new(&config(core)).unwrap().set;
    let (mut at, mut ends, mut inside) = (0, Vec::new(), 0);
    while at + 2 < p.code.len() {
        let first = u16::from_le_bytes([p.code[at], p.code[at + 1]]);
        at += if table::is_wide(first) { 4 } else { 2 };
        inside = if first >> 8 == 0xbf && first & 15 != 0 {
            4 - (first & 15).trailing_zeros()
        } else {
            inside.saturating_sub(1)
        };
        // What ends a program must not stand in an IT block.
        if inside == 0 {
            ends.push(at);
        }
    }
    let all: Vec<Program> = ends.iter().map(|e| cut(p, *e)).collect();
    let want = unicorn(python, core, data, &all);
    for (n, (p, want)) in all.iter().zip(want).enumerate() {
        let found = run(core, p, data, 2 * n as u64 + 8, engine);
        if let Some(want) = want.filter(|w| *w != found) {
            let from = p.code.len().saturating_sub(48);
            let tail = Program { code: p.code[from..].to_vec(), regs: Vec::new() };
            return differences(&want, &found, &tail, set);
        }
    }
    "  no beginning of it differs".into()
}

#[test]
fn as_unicorn_does() {
    let Some(python) = python("unicorn") else { return };
    let wanted: u64 =
        std::env::var("HETEMU_INSTRUCTIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    let interpreter = EngineConfig { jit: false, ..EngineConfig::default() };
    let templates = EngineConfig { tier_up: 1, ..EngineConfig::default() };
    let (mut total, mut faults, mut programs) = (0, 0, 0);
    let mut wrong = Vec::new();
    for core in ["arm.cortex_m3", "arm.cortex_m4", "arm.cortex_m7", "arm.cortex_m33"] {
        let mut random = Random::new(core.len() as u64);
        // Nor has its M7 double precision.
        let set = Facts::new(&config(core)).unwrap().set & !table::ext::DP;
        let data: Vec<u8> = (0..DATA_SIZE).map(|_| random.bits() as u8).collect();
        let (mut all, mut counts, mut sum) = (Vec::new(), Vec::new(), 0);
        while sum < wanted / 4 {
            let (p, count) = program(&mut random, set);
            for _ in 0..RUNS {
                let regs = registers(&mut random);
                all.push(Program { code: p.code.clone(), regs });
                counts.push(count);
            }
            sum += count * RUNS as u64;
        }
        let want = unicorn(&python, core, &data, &all);
        assert_eq!(want.len(), all.len(), "{core}: unicorn ended early");
        let mut same = None;
        for (n, ((p, count), want)) in all.iter().zip(counts).zip(want).enumerate() {
            programs += 1;
            let Some(want) = want else {
                faults += 1;
                continue;
            };
            total += count;
            let engine = if (n / RUNS).is_multiple_of(8) { &templates } else { &interpreter };
            if n % RUNS == 0 {
                same = Some(rig(core, p, engine));
            }
            let Some(rig) = &mut same else { continue };
            let mut found = run_in(rig, p, &data, count);
            if core == "arm.cortex_m3" {
                found[16..49].fill(0);
            }
            if found != want && wrong.len() < 8 {
                let mut shown = shorten(&python, core, p, &data, engine);
                if shown.starts_with("  no") {
                    shown += &differences(
                        &want,
                        &found,
                        &Program { code: Vec::new(), regs: Vec::new() },
                        set,
                    );
                }
                wrong.push(format!("{core}, program {n}\n{shown}"));
            }
        }
    }
    eprintln!("{total} instructions in {programs} programs, of which {faults} faulted");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(total >= wanted * 9 / 10, "{total} instructions, {faults} of {programs} faulted");
}
