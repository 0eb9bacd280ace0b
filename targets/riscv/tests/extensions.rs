//! Extensions of the privileged architecture, through the `Cpu` interface: Sstc, Svnapot, Svpbmt,
//! Svadu, Svinval.

mod common;

use common::bench::{Bench, pte};
use common::config;
use hetemu_isa::*;
use hetemu_schema::Value;
use hetemu_target_riscv::regs;

const STCE: &str = "menvcfg=0x8000000000000000";
const STIP: u64 = 1 << 5;
/// Of the 10 MHz time base.
const TICK: u64 = 100_000;

/// stimecmp asks for an alarm at its time, which makes STIP pending and wakes; a later stimecmp
/// clears it.
#[test]
fn stimecmp_is_an_alarm() {
    let mut b = Bench::new("riscv.rv64");
    b.set(STCE);
    b.set("mie=0x20,mideleg=0x20,stvec=0x2000,priv=1,mcounteren=2,mstatus=2,a1=60");
    b.csrrw(0, 0x14d, 11).unwrap();
    assert_eq!(b.world.alarm, Some(60 * TICK));
    assert_eq!(b.get("sip"), 0);
    assert!(!b.cpu.wakes(&b.regs) && !b.interrupt());
    // One picosecond early is too early; the machine calls at the time itself.
    b.world.now = 60 * TICK - 1;
    assert!(!b.interrupt());
    b.world.now = 60 * TICK;
    b.cpu.alarm(b.world.now);
    assert!(b.cpu.wakes(&b.regs));
    assert_eq!(b.get("mip"), STIP);
    assert!(b.interrupt());
    assert_eq!((b.get("scause"), b.get("pc")), (1 << 63 | 5, 0x2000));
    // A time to come: no longer pending, and another alarm.
    b.set("a1=100");
    b.csrrw(0, 0x14d, 11).unwrap();
    assert_eq!((b.get("mip"), b.world.alarm), (0, Some(100 * TICK)));
    // A time that has passed: pending at once, and no alarm.
    b.set("a1=60");
    b.csrrw(0, 0x14d, 11).unwrap();
    assert_eq!((b.get("mip"), b.world.alarm), (STIP, Some(u64::MAX)));
    // The end of time means never.
    b.set("a1=0xffffffffffffffff");
    b.csrrw(0, 0x14d, 11).unwrap();
    assert_eq!((b.get("mip"), b.world.alarm), (0, Some(u64::MAX)));
}

/// A running program sees STIP at the instruction at which the time has come, whoever calls.
#[test]
fn sip_reads_the_clock() {
    let mut b = Bench::new("riscv.rv64");
    b.set(STCE);
    b.set("mideleg=0x20,a1=51");
    b.csrrw(0, 0x14d, 11).unwrap();
    for (now, want) in [(51 * TICK - 1, 0), (51 * TICK, STIP)] {
        b.world.now = now;
        b.csrr(10, 0x144).unwrap();
        assert_eq!(b.regs.get(regs::x(10)), want);
        b.csrr(10, 0x344).unwrap();
        assert_eq!(b.regs.get(regs::x(10)), want);
    }
}

/// Without STCE software owns STIP, and stimecmp does nothing; with it writes to STIP do nothing.
#[test]
fn stce_decides_who_drives_stip() {
    let mut b = Bench::new("riscv.rv64");
    b.set("a1=1");
    b.csrrw(0, 0x14d, 11).unwrap();
    assert_eq!((b.get("mip"), b.world.alarm), (0, Some(u64::MAX)));
    b.set("a1=0x20");
    b.csrrw(0, 0x344, 11).unwrap();
    assert_eq!(b.get("mip"), STIP);
    b.set("a1=0x8000000000000000,a2=0x1000");
    b.csrrw(0, 0x14d, 12).unwrap();
    b.csrrw(0, 0x30a, 11).unwrap();
    assert_eq!((b.get("mip"), b.world.alarm), (0, Some(0x1000 * TICK)));
    // Writes to STIP are lost now.
    b.csrrw(0, 0x344, 0).unwrap();
    b.csrrw(0, 0x30a, 0).unwrap();
    assert_eq!(b.get("mip"), STIP);
    // stimecmp is in the past: setting the enable is enough.
    b.csrrw(0, 0x30a, 0).unwrap();
    b.csrrw(0, 0x14d, 0).unwrap();
    b.csrrw(0, 0x344, 0).unwrap();
    assert_eq!(b.get("mip"), 0);
    b.csrrw(0, 0x30a, 11).unwrap();
    assert_eq!(b.get("mip"), STIP);
}

/// The halves of RV32 make one comparator.
#[test]
fn stimecmp_has_two_halves_on_rv32() {
    let mut b = Bench::new("riscv.rv32");
    b.set("menvcfgh=0x80000000,a1=1,a2=2");
    b.csrrw(0, 0x14d, 11).unwrap();
    assert_eq!(b.world.alarm, Some(u64::MAX));
    b.csrrw(0, 0x15d, 12).unwrap();
    assert_eq!((b.get("stimecmp"), b.get("stimecmph")), (1, 2));
    assert_eq!(b.world.alarm, Some((2 << 32 | 1) * TICK));
}

/// Leaves of Sv39 at level 0 or 1 with bits of extensions, menvcfg, and the answer of a load of
/// address 0x5123: physical address and span, or the cause.
#[test]
fn napot_and_memory_types() {
    const AD: u64 = 0xcf;
    const N: u64 = 1 << 63;
    const PBMTE: &str = "menvcfg=0x4000000000000000";
    type Want = Result<(u64, u64), u32>;
    let rows: &[(u32, u64, &str, Want)] = &[
        (0, pte(0x8000_8000, AD) | N, "", Ok((0x8000_5123, 0x1_0000))),
        (0, pte(0x8000_4000, AD) | N, "", Err(13)),
        (0, pte(0x8000_9000, AD) | N, "", Err(13)),
        (1, pte(0x8020_0000, AD) | N, "", Err(13)),
        (0, pte(0x8000_3000, AD) | 1 << 61, "", Err(13)),
        (0, pte(0x8000_3000, AD) | 1 << 61, PBMTE, Ok((0x8000_3123, 0x1000))),
        (0, pte(0x8000_3000, AD) | 2 << 61, PBMTE, Ok((0x8000_3123, 0x1000))),
        (0, pte(0x8000_3000, AD) | 3 << 61, PBMTE, Err(13)),
        (0, pte(0x8000_8000, AD) | N | 1 << 61, PBMTE, Ok((0x8000_5123, 0x1_0000))),
        (0, pte(0x8000_3000, AD) | 1 << 60, PBMTE, Err(13)),
        // A pointer has none of these.
        (0, pte(0x3000, 1) | N, "", Err(13)),
        (0, pte(0x3000, 1) | 1 << 61, PBMTE, Err(13)),
    ];
    for (level, leaf, envcfg, want) in rows {
        let mut b = Bench::new("riscv.rv64");
        b.set("pmpaddr0=0x3fffffffffffff,pmpcfg0=0x1f,satp=0x8000000000000001");
        b.set(envcfg);
        b.world.memory.insert(0x1000, if *level == 1 { *leaf } else { pte(0x2000, 1) });
        b.world.memory.insert(0x2000, pte(0x3000, 1));
        b.world.memory.insert(0x3000 + 8 * 5, *leaf);
        let found = b.cpu.translate(1, 0x5123, Access::Load, &mut b.world);
        let found = found.map(|t| (t.pa, t.span)).map_err(|e| e.cause);
        assert_eq!(found, *want, "{level} {leaf:#x} {envcfg}");
    }
}

/// Svadu: menvcfg.ADUE decides whether the walk sets A and D; changing it flushes.
#[test]
fn adue() {
    let mut config = config("riscv.rv64");
    config.props.insert("isa".into(), Value::Str("rv64imac_zicsr_svadu".into()));
    let mut b = Bench::of(&config);
    b.set("pmpaddr0=0x3fffffffffffff,pmpcfg0=0x1f,satp=0x8000000000000001");
    for at in [0x1000, 0x2000] {
        b.world.memory.insert(at, pte(at + 0x1000, 1));
    }
    b.world.memory.insert(0x3000, pte(0x8000_0000, 0xf));
    let fault = b.cpu.translate(1, 0, Access::Load, &mut b.world).unwrap_err();
    assert_eq!(fault.cause, 13);
    b.set("a1=0x2000000000000000");
    b.csrrw(0, 0x30a, 11).unwrap();
    assert_eq!(b.world.flushed, Some(Flush::All));
    assert!(b.cpu.translate(1, 0, Access::Load, &mut b.world).is_ok());
    assert_eq!(b.world.memory[&0x3000] & 0xc0, 0x40);
}

/// sinval.vma forgets what sfence.vma would.
#[test]
fn sinval_flushes() {
    let mut b = Bench::new("riscv.rv64");
    b.set("a1=0x12345678");
    b.helper(7, 0x1605_8073).unwrap();
    assert!(b.world.flushed.is_some());
}

/// Without the extensions there are no such registers and fields.
#[test]
fn what_is_not_there() {
    let mut b = Bench::new("riscv.rv64gc");
    assert!(b.csrr(10, 0x14d).is_err());
    b.set("a1=0xffffffffffffffff");
    b.csrrw(0, 0x30a, 11).unwrap();
    assert_eq!(b.get("menvcfg"), 1);
}
