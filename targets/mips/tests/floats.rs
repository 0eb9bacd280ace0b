//! Floating point on the host's unit against the soft unit, which the interpreter runs: every
//! operation on pairs of special numbers, in every rounding mode, must leave the same results,
//! flags and causes on every tier.

mod common;

use common::{bytes, config};
use hetemu_engine::EngineConfig;
use hetemu_engine::testing::Rig;
use hetemu_isa::Target;
use hetemu_target_mips::Mips;

/// Programs lie in kseg0.
const KSEG0: u64 = 0xffff_ffff_8000_0000;
const CODE: u64 = 0x100;
const DATA: u64 = 0x1000;
const OUT: u64 = 0x1_8000;
const SIZE: u64 = 0x3_0000;

/// Operations on f0 and f2, with f4 as the addend, to f6 or condition code 0.
const SINGLE: &[(u32, &str)] = &[
    (0x4602_0180, "add.s"),
    (0x4602_0181, "sub.s"),
    (0x4602_0182, "mul.s"),
    (0x4602_0183, "div.s"),
    (0x4c82_01a0, "madd.s"),
    (0x4c82_01a8, "msub.s"),
    (0x4c82_01b0, "nmadd.s"),
    (0x4c82_01b8, "nmsub.s"),
    (0x4600_0184, "sqrt.s"),
    (0x4600_0195, "recip.s"),
    (0x4600_0196, "rsqrt.s"),
    (0x4600_0185, "abs.s"),
    (0x4600_0187, "neg.s"),
    (0x4600_01a4, "cvt.w.s"),
    (0x4600_01a5, "cvt.l.s"),
    (0x4600_018c, "round.w.s"),
    (0x4600_018d, "trunc.w.s"),
    (0x4600_018e, "ceil.w.s"),
    (0x4600_018f, "floor.w.s"),
    (0x4600_0188, "round.l.s"),
    (0x4600_0189, "trunc.l.s"),
    (0x4600_018a, "ceil.l.s"),
    (0x4600_018b, "floor.l.s"),
    (0x4600_01a1, "cvt.d.s"),
    (0x4680_01a0, "cvt.s.w"),
    (0x46a0_01a0, "cvt.s.l"),
    (0x4602_0030, "c.f.s"),
    (0x4602_0031, "c.un.s"),
    (0x4602_0032, "c.eq.s"),
    (0x4602_0033, "c.ueq.s"),
    (0x4602_0034, "c.olt.s"),
    (0x4602_0035, "c.ult.s"),
    (0x4602_0036, "c.ole.s"),
    (0x4602_0037, "c.ule.s"),
    (0x4602_0038, "c.sf.s"),
    (0x4602_0039, "c.ngle.s"),
    (0x4602_003a, "c.seq.s"),
    (0x4602_003b, "c.ngl.s"),
    (0x4602_003c, "c.lt.s"),
    (0x4602_003d, "c.nge.s"),
    (0x4602_003e, "c.le.s"),
    (0x4602_003f, "c.ngt.s"),
];

const DOUBLE: &[(u32, &str)] = &[
    (0x4622_0180, "add.d"),
    (0x4622_0181, "sub.d"),
    (0x4622_0182, "mul.d"),
    (0x4622_0183, "div.d"),
    (0x4c82_01a1, "madd.d"),
    (0x4c82_01a9, "msub.d"),
    (0x4c82_01b1, "nmadd.d"),
    (0x4c82_01b9, "nmsub.d"),
    (0x4620_0184, "sqrt.d"),
    (0x4620_0195, "recip.d"),
    (0x4620_0196, "rsqrt.d"),
    (0x4620_0185, "abs.d"),
    (0x4620_0187, "neg.d"),
    (0x4620_01a4, "cvt.w.d"),
    (0x4620_01a5, "cvt.l.d"),
    (0x4620_018c, "round.w.d"),
    (0x4620_018d, "trunc.w.d"),
    (0x4620_018e, "ceil.w.d"),
    (0x4620_018f, "floor.w.d"),
    (0x4620_0188, "round.l.d"),
    (0x4620_0189, "trunc.l.d"),
    (0x4620_018a, "ceil.l.d"),
    (0x4620_018b, "floor.l.d"),
    (0x4620_01a0, "cvt.s.d"),
    (0x4680_01a1, "cvt.d.w"),
    (0x46a0_01a1, "cvt.d.l"),
    (0x4622_0030, "c.f.d"),
    (0x4622_0031, "c.un.d"),
    (0x4622_0032, "c.eq.d"),
    (0x4622_0033, "c.ueq.d"),
    (0x4622_0034, "c.olt.d"),
    (0x4622_0035, "c.ult.d"),
    (0x4622_0036, "c.ole.d"),
    (0x4622_0037, "c.ule.d"),
    (0x4622_0038, "c.sf.d"),
    (0x4622_0039, "c.ngle.d"),
    (0x4622_003a, "c.seq.d"),
    (0x4622_003b, "c.ngl.d"),
    (0x4622_003c, "c.lt.d"),
    (0x4622_003d, "c.nge.d"),
    (0x4622_003e, "c.le.d"),
    (0x4622_003f, "c.ngt.d"),
];

/// NaNs of both kinds, of which the highest bit of the fraction makes signalling ones.
const NUMBERS32: &[u64] = &[
    0,
    1,
    0x7f_ffff,
    0x80_0000,
    0x80_0001,
    0x2000_0001,
    0x1fff_fffe,
    0x3f00_0000,
    0x3f7f_ffff,
    0x3f80_0000,
    0x3fc0_0000,
    0x4b7f_ffff,
    0x4f00_0000,
    0x4f7f_ffff,
    0x5f00_0000,
    0x7f7f_ffff,
    0x7f80_0000,
    0x7f80_0001,
    0x7fc0_1234,
    0x7fbf_ffff,
];

const NUMBERS64: &[u64] = &[
    0,
    1,
    0xf_ffff_ffff_ffff,
    0x10_0000_0000_0000,
    0x10_0000_0000_0001,
    0x2000_0000_0000_0001,
    0x1fff_ffff_ffff_fffe,
    0x380f_ffff_ffff_e000,
    0x380f_ffff_e000_0000,
    0x3fe0_0000_0000_0000,
    0x3fef_ffff_ffff_ffff,
    0x3ff0_0000_0000_0000,
    0x3ff8_0000_0000_0000,
    0x41df_ffff_ffe0_0000,
    0x43e0_0000_0000_0000,
    0x7fef_ffff_ffff_ffff,
    0x7ff0_0000_0000_0000,
    0x7ff0_0000_0000_0001,
    0x7ff8_0000_0000_1234,
    0x7ff7_ffff_ffff_ffff,
];

/// Rows of three operands.
fn rows(wide: bool) -> Vec<[u64; 3]> {
    let sign = if wide { 1 << 63 } else { 1 << 31 };
    let all: Vec<u64> = if wide { NUMBERS64 } else { NUMBERS32 }.to_vec();
    let all: Vec<u64> = all.iter().flat_map(|n| [*n, n | sign]).collect();
    let n = all.len();
    (0..n * n).map(|i| [all[i / n], all[i % n], all[(i * 11 + i / n) % n]]).collect()
}

/// A program of which `each` says whether FCSR is read and cleared for every row, or read once.
fn program(op: u32, each: bool) -> Vec<u32> {
    // ctc1 a2; ldc1 f0, f2, f4 from a0; the operation; sdc1 f6, 0(a1); movt t1, a3; sw t1, 12(a1)
    let mut code = vec![0x44c6_f800, 0xd480_0000, 0xd482_0008, 0xd484_0010, op];
    code.extend([0xf4a6_0000, 0x00e1_6801, 0xacad_000c]);
    if each {
        // cfc1 t0; sw t0, 8(a1); ctc1 a2
        code.extend([0x444c_f800, 0xacac_0008, 0x44c6_f800]);
    }
    // addiu a0, 24; addiu a1, 16; addiu a3, -1; bnez a3, behind the first; nop
    code.extend([0x2484_0018, 0x24a5_0010, 0x24e7_ffff, 0x14e0_0000, 0]);
    let bne = code.len() - 2;
    code[bne] |= (1 - (bne as i32 + 1)) as u32 & 0xffff;
    // cfc1 t0; sw t0, 8(a1); b .; nop
    code.extend([0x444c_f800, 0xacac_0008, 0x1000_ffff, 0]);
    code
}

/// A core type and what Status says of float registers.
type Kind = (&'static str, u64);

const NARROW: Kind = ("mips.mips24kf", 0x2000_0000);
const WIDE: Kind = ("mips.mips64r2", 0x2400_0000);

fn rig(engine: EngineConfig, kind: Kind, data: &[u8], code: &[u32]) -> Rig {
    let cpu = Mips.create(&config(kind.0, true)).unwrap();
    let rig = Rig::new(engine, 0, SIZE, cpu).unwrap();
    let words: Vec<u8> = code.iter().flat_map(|word| bytes(*word, true)).collect();
    assert!(rig.ram.write(CODE, &words) && rig.ram.write(DATA, data));
    rig
}

fn run(rig: &mut Rig, kind: Kind, rows: u64, each: bool, mode: u64) -> Vec<u8> {
    let (cpu, regs) = rig.cluster.cpu_mut(0);
    let set = [
        ("status", kind.1),
        ("fcsr", 0),
        ("a0", KSEG0 + DATA),
        ("a1", KSEG0 + OUT),
        ("a2", mode),
        ("a3", rows),
        ("pc", KSEG0 + CODE),
    ];
    for (name, value) in set {
        assert!(cpu.set_register(regs, name, value), "{name}");
    }
    rig.run(1 + rows * if each { 14 } else { 11 } + 3);
    let fcsr = rig.cluster.cpu(0).registers(rig.regs()).into_iter().find(|r| r.0 == "fcsr");
    let mut out = vec![0; (SIZE - OUT) as usize];
    assert!(rig.ram.read(OUT, &mut out));
    out.extend(fcsr.unwrap().1.to_le_bytes());
    out
}

/// Long integers are not for float registers of 32 bits.
fn is_long(name: &str) -> bool {
    name.contains(".l") && !name.starts_with("c.")
}

fn all(ops: &[(u32, &str)], wide: bool, kind: Kind) {
    let rows = rows(wide);
    let data: Vec<u8> = rows.iter().flatten().flat_map(|n| n.to_be_bytes()).collect();
    let rows = rows.len() as u64;
    assert!(data.len() as u64 <= OUT - DATA && rows * 16 + 16 <= SIZE - OUT);
    let templates = EngineConfig { tier_up: 1, ..EngineConfig::default() };
    let regions = EngineConfig { tier_two: 0, ..templates.clone() };
    let mut seen = 0;
    for (op, name) in ops {
        if kind == NARROW && is_long(name) {
            continue;
        }
        for each in [false, true] {
            let code = program(*op, each);
            let make = |engine: EngineConfig| rig(engine, kind, &data, &code);
            let mut plain = make(EngineConfig { jit: false, ..EngineConfig::default() });
            let mut fast = [make(templates.clone()), make(regions.clone())];
            for mode in 0..4 {
                let want = run(&mut plain, kind, rows, each, mode);
                for (rig, tier) in fast.iter_mut().zip(["templates", "regions"]) {
                    let found = run(rig, kind, rows, each, mode);
                    if want != found {
                        let row = want.iter().zip(&found).position(|(a, b)| a != b).unwrap() / 16;
                        let part = |all: &[u8]| all[row * 16..].iter().take(16).copied().collect();
                        let (want, found): (Vec<u8>, Vec<u8>) = (part(&want), part(&found));
                        panic!("{name}, {tier}, mode {mode}, row {row}: {found:x?}, not {want:x?}");
                    }
                }
                seen += want.iter().filter(|b| **b != 0).count();
            }
        }
    }
    assert!(seen > 10_000);
}

#[test]
fn single() {
    all(SINGLE, false, WIDE);
}

#[test]
fn double() {
    all(DOUBLE, true, WIDE);
}

#[test]
fn in_pairs_of_registers() {
    all(DOUBLE, true, NARROW);
}
