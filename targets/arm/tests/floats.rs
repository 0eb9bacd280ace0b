//! Floating point on the host's unit against the soft unit, which the interpreter runs: every
//! operation on pairs of special numbers, in every mode of FPSCR, must leave the same results and
//! flags on every tier.

mod common;

use common::config;
use hetemu_engine::EngineConfig;
use hetemu_engine::testing::Rig;
use hetemu_isa::Target;
use hetemu_target_arm::Arm;

const BASE: u64 = 0x2000_0000;
const CODE: u64 = 0x100;
const DATA: u64 = 0x1000;
const OUT: u64 = 0x1_0000;
const SIZE: u64 = 0x2_0000;

/// Operations on s0 and s1; the result is in s2 (there before: the third operand) or s4.
const SINGLE: &[(u32, &str)] = &[
    (0xee30_1a60, "vsub.f32"),
    (0xee20_1a20, "vmul.f32"),
    (0xee20_1a60, "vnmul.f32"),
    (0xee80_1a20, "vdiv.f32"),
    (0xee00_1a20, "vmla.f32"),
    (0xee00_1a60, "vmls.f32"),
    (0xee10_1a60, "vnmla.f32"),
    (0xee10_1a20, "vnmls.f32"),
    (0xeea0_1a20, "vfma.f32"),
    (0xeea0_1a60, "vfms.f32"),
    (0xee90_1a60, "vfnma.f32"),
    (0xee90_1a20, "vfnms.f32"),
    (0xfe80_1a20, "vmaxnm.f32"),
    (0xfe80_1a60, "vminnm.f32"),
    (0xeeb1_1ac0, "vsqrt.f32 s2, s0"),
    (0xeeb4_0a60, "vcmp.f32 s0, s1"),
    (0xeeb4_0ae0, "vcmpe.f32 s0, s1"),
    (0xeeb5_0ac0, "vcmpe.f32 s0, #0.0"),
    (0xeebd_2ac0, "vcvt.s32.f32 s4, s0"),
    (0xeebd_2a40, "vcvtr.s32.f32 s4, s0"),
    (0xeeb8_1ac0, "vcvt.f32.s32 s2, s0"),
    (0xfebc_2ac0, "vcvta.s32.f32 s4, s0"),
    (0xfebd_2ac0, "vcvtn.s32.f32 s4, s0"),
    (0xfebe_2ac0, "vcvtp.s32.f32 s4, s0"),
    (0xfebf_2ac0, "vcvtm.s32.f32 s4, s0"),
    (0xeebc_2ac0, "vcvt.u32.f32 s4, s0"),
    (0xeebc_2a40, "vcvtr.u32.f32 s4, s0"),
    (0xeeb8_1a40, "vcvt.f32.u32 s2, s0"),
    (0xfebc_2a40, "vcvta.u32.f32 s4, s0"),
    (0xfebd_2a40, "vcvtn.u32.f32 s4, s0"),
    (0xfebe_2a40, "vcvtp.u32.f32 s4, s0"),
    (0xfebf_2a40, "vcvtm.u32.f32 s4, s0"),
    (0xfeb8_1a40, "vrinta.f32 s2, s0"),
    (0xeeb7_1a40, "vrintx.f32 s2, s0"),
    (0xeeb6_1ac0, "vrintz.f32 s2, s0"),
    (0xeeb6_1a40, "vrintr.f32 s2, s0"),
    (0xfeb9_1a40, "vrintn.f32 s2, s0"),
    (0xfeba_1a40, "vrintp.f32 s2, s0"),
    (0xfebb_1a40, "vrintm.f32 s2, s0"),
    (0xeeb7_2ac0, "vcvt.f64.f32 d2, s0"),
    (0xeebe_1aec, "vcvt.s32.f32 s2, s2, #7"),
    (0xeebb_1a66, "vcvt.f32.u16 s2, s2, #3"),
];

/// Operations on d0 and d1; the result is in d2, there before: the third operand.
const DOUBLE: &[(u32, &str)] = &[
    (0xee30_2b41, "vsub.f64"),
    (0xee20_2b01, "vmul.f64"),
    (0xee20_2b41, "vnmul.f64"),
    (0xee80_2b01, "vdiv.f64"),
    (0xee00_2b01, "vmla.f64"),
    (0xee00_2b41, "vmls.f64"),
    (0xee10_2b41, "vnmla.f64"),
    (0xee10_2b01, "vnmls.f64"),
    (0xeea0_2b01, "vfma.f64"),
    (0xeea0_2b41, "vfms.f64"),
    (0xee90_2b41, "vfnma.f64"),
    (0xee90_2b01, "vfnms.f64"),
    (0xfe80_2b01, "vmaxnm.f64"),
    (0xfe80_2b41, "vminnm.f64"),
    (0xeeb1_2bc0, "vsqrt.f64 d2, d0"),
    (0xeeb4_0b41, "vcmp.f64 d0, d1"),
    (0xeeb4_0bc1, "vcmpe.f64 d0, d1"),
    (0xeeb5_0bc0, "vcmpe.f64 d0, #0.0"),
    (0xeebd_2bc0, "vcvt.s32.f64 s4, d0"),
    (0xeebd_2b40, "vcvtr.s32.f64 s4, d0"),
    (0xeeb8_2bc0, "vcvt.f64.s32 d2, s0"),
    (0xfebc_2bc0, "vcvta.s32.f64 s4, d0"),
    (0xfebd_2bc0, "vcvtn.s32.f64 s4, d0"),
    (0xfebe_2bc0, "vcvtp.s32.f64 s4, d0"),
    (0xfebf_2bc0, "vcvtm.s32.f64 s4, d0"),
    (0xeebc_2bc0, "vcvt.u32.f64 s4, d0"),
    (0xeebc_2b40, "vcvtr.u32.f64 s4, d0"),
    (0xeeb8_2b40, "vcvt.f64.u32 d2, s0"),
    (0xfebc_2b40, "vcvta.u32.f64 s4, d0"),
    (0xfebd_2b40, "vcvtn.u32.f64 s4, d0"),
    (0xfebe_2b40, "vcvtp.u32.f64 s4, d0"),
    (0xfebf_2b40, "vcvtm.u32.f64 s4, d0"),
    (0xfeb8_2b40, "vrinta.f64 d2, d0"),
    (0xeeb7_2b40, "vrintx.f64 d2, d0"),
    (0xeeb6_2bc0, "vrintz.f64 d2, d0"),
    (0xeeb6_2b40, "vrintr.f64 d2, d0"),
    (0xfeb9_2b40, "vrintn.f64 d2, d0"),
    (0xfeba_2b40, "vrintp.f64 d2, d0"),
    (0xfebb_2b40, "vrintm.f64 d2, d0"),
    (0xeeb7_2bc0, "vcvt.f32.f64 s4, d0"),
    (0xeebe_2bec, "vcvt.s32.f64 d2, d2, #7"),
    (0xeebb_2b66, "vcvt.f64.u16 d2, d2, #3"),
];

const NUMBERS32: &[u64] = &[
    0,
    1,
    0x7f_ffff,
    0x80_0000,
    0x80_0001,
    // Their product rounds up to the smallest normal number, but is not tiny after rounding.
    0x2000_0001,
    0x1fff_fffe,
    0x3300_0000,
    0x3f00_0000,
    0x3f7f_ffff,
    0x3f80_0000,
    0x3f80_0001,
    0x3fc0_0000,
    0x4b7f_ffff,
    0x4f00_0000,
    0x4f7f_ffff,
    0x4f80_0000,
    0x7f7f_ffff,
    0x7f80_0000,
    0x7f80_0001,
    0x7fc0_1234,
];

const NUMBERS64: &[u64] = &[
    0,
    1,
    0xf_ffff_ffff_ffff,
    0x10_0000_0000_0000,
    0x10_0000_0000_0001,
    0x2000_0000_0000_0001,
    0x1fff_ffff_ffff_fffe,
    // Rounds up to the smallest normal number of binary32.
    0x380f_ffff_ffff_e000,
    0x380f_ffff_e000_0000,
    0x3fe0_0000_0000_0000,
    0x3fef_ffff_ffff_ffff,
    0x3ff0_0000_0000_0000,
    0x3ff0_0000_0000_0001,
    0x3ff8_0000_0000_0000,
    0x41df_ffff_ffe0_0000,
    0x41e0_0000_0000_0000,
    0x41ef_ffff_fff0_0000,
    0x7fef_ffff_ffff_ffff,
    0x7ff0_0000_0000_0000,
    0x7ff0_0000_0000_0001,
    0x7ff8_0000_0000_1234,
];

/// Rows of three operands.
fn rows(wide: bool) -> Vec<[u64; 3]> {
    let sign = if wide { 1 << 63 } else { 1 << 31 };
    let all: Vec<u64> = if wide { NUMBERS64 } else { NUMBERS32 }.to_vec();
    let all: Vec<u64> = all.iter().flat_map(|n| [*n, n | sign]).collect();
    let n = all.len();
    (0..n * n).map(|i| [all[i / n], all[i % n], all[(i * 11 + i / n) % n]]).collect()
}

/// A program of which `each` says whether flags are read and cleared for every row, or read once.
fn program(op: u32, wide: bool, each: bool) -> Vec<u16> {
    let mut code = vec![0xeee1, 0x4a10];
    let top = code.len();
    // vldmia r0!, {d0-d2} or {s0-s2}; the operation; vstmia r1!, {s2-s5}
    code.extend(if wide { [0xecb0, 0x0b06] } else { [0xecb0, 0x0a03] });
    code.extend([(op >> 16) as u16, op as u16, 0xeca1, 0x1a04]);
    if each {
        // vmrs r5, fpscr; str r5, [r1], #4; vmsr fpscr, r4
        code.extend([0xeef1, 0x5a10, 0xf841, 0x5b04, 0xeee1, 0x4a10]);
    }
    // subs r3, #1; bne top
    code.extend([0x3b01, 0xd100]);
    let back = top as i32 - (code.len() as i32 - 1) - 2;
    *code.last_mut().unwrap() |= back as u16 & 0xff;
    // vmrs r5, fpscr; str r5, [r1], #4; b .
    code.extend([0xeef1, 0x5a10, 0xf841, 0x5b04, 0xe7fe]);
    code
}

fn rig(engine: EngineConfig, data: &[u8], code: &[u16]) -> Rig {
    let mut setup = config("arm.cortex_m7");
    setup.props.insert("reset_vector".into(), hetemu_schema::Value::Int(BASE));
    let rig = Rig::new(engine, BASE, SIZE, Arm.create(&setup).unwrap()).unwrap();
    let bytes: Vec<u8> = code.iter().flat_map(|half| half.to_le_bytes()).collect();
    assert!(rig.ram.write(CODE, &bytes) && rig.ram.write(DATA, data));
    rig
}

fn run(rig: &mut Rig, rows: u64, each: bool, mode: u64) -> Vec<u8> {
    let (cpu, regs) = rig.cluster.cpu_mut(0);
    let set = [
        ("cpacr", 0xf << 20),
        ("xpsr", 0x0100_0000),
        ("fpscr", 0),
        ("r0", BASE + DATA),
        ("r1", BASE + OUT),
        ("r3", rows),
        ("r4", mode),
        ("pc", BASE + CODE),
    ];
    for (name, value) in set {
        assert!(cpu.set_register(regs, name, value), "{name}");
    }
    rig.run(1 + rows * if each { 8 } else { 5 } + 3);
    let mut out = vec![0; (SIZE - OUT) as usize];
    assert!(rig.ram.read(OUT, &mut out));
    out
}

fn all(ops: &[(u32, &str)], wide: bool) {
    let rows = rows(wide);
    let bytes = if wide { 8 } else { 4 };
    let data: Vec<u8> =
        rows.iter().flatten().flat_map(|n| n.to_le_bytes()[..bytes].to_vec()).collect();
    let rows = rows.len() as u64;
    assert!(data.len() as u64 <= OUT - DATA && rows * 20 + 4 <= SIZE - OUT);
    let templates = EngineConfig { tier_up: 1, ..EngineConfig::default() };
    let regions = EngineConfig { tier_two: 0, ..templates.clone() };
    let mut seen = 0;
    for (op, name) in ops {
        for each in [false, true] {
            let code = program(*op, wide, each);
            let make = |engine: EngineConfig| rig(engine, &data, &code);
            let mut plain = make(EngineConfig { jit: false, ..EngineConfig::default() });
            let mut fast = [make(templates.clone()), make(regions.clone())];
            // RMode, FZ and DN.
            for mode in 0..16 {
                // One by one is slow, and tells where it went wrong.
                if each && mode > 4 {
                    continue;
                }
                let want = run(&mut plain, rows, each, mode << 22);
                for (rig, tier) in fast.iter_mut().zip(["templates", "regions"]) {
                    let found = run(rig, rows, each, mode << 22);
                    if want != found {
                        let size = if each { 20 } else { 16 };
                        let at = want.iter().zip(&found).position(|(a, b)| a != b).unwrap();
                        let row = at / size;
                        let part = |all: &[u8]| all[row * size..][..size].to_vec();
                        let (want, found) = (part(&want), part(&found));
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
    all(SINGLE, false);
}

#[test]
fn double() {
    all(DOUBLE, true);
}
