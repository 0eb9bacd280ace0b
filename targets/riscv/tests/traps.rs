//! Interrupts and translation of a hart, through the `Cpu` interface, in a world of one page table.

mod common;

use common::bench::{Bench, pte};
use common::config;
use hetemu_isa::*;
use hetemu_target_riscv::regs;

/// Inputs that are high, registers, and the cause and mode that follow (none: no interrupt).
#[test]
fn interrupts() {
    let standard = "mtvec=0x1001,stvec=0x2001,pc=0x4000";
    type Taken = Option<(u64, u64, u64)>;
    let rows: &[(&str, &[&str], &str, Taken)] = &[
        // cause, mode after, pc after
        ("riscv.rv64", &["mtip"], "mie=0x80,mstatus=8", Some((7, 3, 0x101c))),
        ("riscv.rv64", &["mtip"], "mie=0x80,mstatus=0", None),
        ("riscv.rv64", &["mtip"], "mie=0,mstatus=8", None),
        ("riscv.rv64", &["mtip", "msip", "meip"], "mie=0x888,mstatus=8", Some((11, 3, 0x102c))),
        ("riscv.rv64", &["mtip", "msip"], "mie=0x888,mstatus=8", Some((3, 3, 0x100c))),
        ("riscv.rv64", &["mtip"], "mie=0x80,mstatus=0,priv=1", Some((7, 3, 0x101c))),
        ("riscv.rv64", &["seip"], "mie=0x200,mstatus=8", Some((9, 3, 0x1024))),
        ("riscv.rv64", &["seip"], "mideleg=0x200,mie=0x200,mstatus=0xa", None),
        ("riscv.rv64", &["seip"], "mideleg=0x200,mie=0x200,mstatus=2,priv=1", Some((9, 1, 0x2024))),
        ("riscv.rv64", &["seip"], "mideleg=0x200,mie=0x200,mstatus=0,priv=1", None),
        ("riscv.rv64", &["seip"], "mideleg=0x200,mie=0x200,mstatus=0,priv=0", Some((9, 1, 0x2024))),
        (
            "riscv.rv64",
            &["seip", "mtip"],
            "mideleg=0x200,mie=0x280,mstatus=2,priv=1",
            Some((7, 3, 0x101c)),
        ),
        ("riscv.rv64", &[], "mideleg=0x222,mie=0x222,mip=0x22,priv=0", Some((1, 1, 0x2004))),
        ("riscv.rv64", &["nmi"], "mstatus=0", Some((0, 3, 0x1000))),
        ("riscv.rv32", &["meip"], "mie=0x800,mstatus=8,mtvec=0x1000", Some((11, 3, 0x1000))),
        ("lowrisc.ibex", &["timer", "external"], "mie=0x880,mstatus=8", Some((11, 3, 0x102c))),
        ("lowrisc.ibex", &["software", "timer"], "mie=0x88,mstatus=8", Some((3, 3, 0x100c))),
        ("lowrisc.ibex", &["external", "fast"], "mie=0x7fff0800,mstatus=8", Some((18, 3, 0x1048))),
        ("lowrisc.ibex", &["nmi", "fast"], "mie=0x7fff0800,mstatus=0", Some((31, 3, 0x107c))),
    ];
    for (core, lines, set, want) in rows {
        let mut b = Bench::new(core);
        b.set(if *core == "lowrisc.ibex" { "mtvec=0x1001,pc=0x4000" } else { standard });
        b.set(set);
        let ty = config(core).ty;
        for name in *lines {
            let input = ty.inputs.iter().position(|i| i.name == *name).unwrap();
            b.cpu.signal(input as u32, if *name == "fast" { 2 } else { 0 }, true);
        }
        let taken = b.interrupt();
        let what = format!("{core} {lines:?} {set}");
        assert_eq!(taken, want.is_some(), "{what}");
        let Some((cause, mode, pc)) = want else { continue };
        let (cause_name, pc_name) =
            if *mode == 1 { ("scause", "sepc") } else { ("mcause", "mepc") };
        let flag = if core.ends_with("64") { 1 << 63 } else { 1 << 31 };
        assert_eq!(b.get(cause_name), flag | cause, "{what}");
        assert_eq!((b.get("priv"), b.get("pc"), b.get(pc_name)), (*mode, *pc, 0x4000), "{what}");
        assert_eq!(b.cpu.handler(), Some(*pc));
        // No other one while this one's handler has them off.
        assert!(!b.interrupt() || b.get("mcause") != flag | cause, "{what}");
    }
}

/// Ibex: `mret` from the non-maskable handler brings back what it interrupted.
#[test]
fn ibex_nmi_returns() {
    let mut b = Bench::new("lowrisc.ibex");
    b.set("mtvec=0x1001,pc=0x4000,mepc=0x500,mcause=7,mstatus=0x1880");
    b.cpu.signal(4, 0, true);
    assert!(b.interrupt() && !b.interrupt());
    assert_eq!(b.get("mepc"), 0x4000);
    let mut cx = Cx { regs: &mut b.regs, pc: 0x107c, env: &mut b.world };
    let mret = 0x3020_0073;
    b.cpu.helper(3, [mret, 4, 0], &mut cx).unwrap();
    assert_eq!(b.regs.get(regs::PC), 0x4000);
    assert_eq!((b.get("mepc"), b.get("mcause"), b.get("mstatus")), (0x500, 7, 0x1880));
}

/// One table at 0x1000 for every level; entry 0 leads on. Regimes: 1 S, 2 S with SUM, 3 U.
#[test]
fn walks() {
    use Access::*;
    const RWX_AD: u64 = 0xcf;
    const USER: u64 = 0x10;
    // satp mode, leaf level, leaf, regime, mstatus, access, answer: address and r, w, x or a cause.
    type Want = Result<(u64, u8), u32>;
    let all = 7;
    let rows: &[(u64, u32, u64, u8, &str, Access, Want)] = &[
        (8, 0, pte(0x8000_3000, RWX_AD), 1, "0", Load, Ok((0x8000_3123, all))),
        (9, 0, pte(0x8000_3000, RWX_AD), 1, "0", Fetch, Ok((0x8000_3123, all))),
        (8, 0, pte(0x8000_3000, RWX_AD), 3, "0", Load, Err(13)),
        (8, 0, pte(0x8000_3000, RWX_AD | USER), 3, "0", Store, Ok((0x8000_3123, all))),
        (8, 0, pte(0x8000_3000, RWX_AD | USER), 1, "0", Load, Err(13)),
        (8, 0, pte(0x8000_3000, RWX_AD | USER), 2, "0x40000", Load, Ok((0x8000_3123, 3))),
        (8, 0, pte(0x8000_3000, RWX_AD | USER), 1, "0", Fetch, Err(12)),
        (8, 0, pte(0x8000_3000, 0xc9), 1, "0", Load, Err(13)),
        (8, 0, pte(0x8000_3000, 0xc9), 1, "0x80000", Load, Ok((0x8000_3123, 5))),
        (8, 0, pte(0x8000_3000, 0xc3), 1, "0", Store, Err(15)),
        (8, 0, pte(0x8000_3000, 0xce), 1, "0", Load, Err(13)),
        (8, 0, pte(0x8000_3000, 0xc5), 1, "0", Load, Err(13)),
        (8, 0, pte(0x8000_3000, RWX_AD) | 1 << 63, 1, "0", Load, Err(13)),
        (8, 0, pte(0x8000_3000, RWX_AD) | 1 << 54, 1, "0", Load, Err(13)),
        (8, 1, pte(0x8020_0000, RWX_AD), 1, "0", Load, Ok((0x8020_0123, all))),
        (8, 1, pte(0x8000_1000, RWX_AD), 1, "0", Load, Err(13)),
        (8, 2, pte(0x8000_0000, RWX_AD), 1, "0", Load, Ok((0x8000_0123, all))),
        // A and D are set by the walk; without D the page is not writable yet.
        (8, 0, pte(0x8000_3000, 0x0f), 1, "0", Load, Ok((0x8000_3123, 5))),
        (8, 0, pte(0x8000_3000, 0x0f), 1, "0", Store, Ok((0x8000_3123, all))),
        // A pointer where a leaf must be, a pointer with A, a table that is not memory.
        (8, 0, pte(0x1000, 1), 1, "0", Load, Err(13)),
        (8, 1, pte(0x1000, 0x41), 1, "0", Load, Err(13)),
        (8, 1, pte(0x9_0000, 1), 1, "0", Load, Err(5)),
        (8, 1, pte(0x9_0000, 1), 1, "0", Fetch, Err(1)),
    ];
    for (mode, level, leaf, regime, mstatus, access, want) in rows {
        let mut b = Bench::new("riscv.rv64");
        b.set("pmpaddr0=0x3fffffffffffff,pmpcfg0=0x1f");
        b.set(&format!("mstatus={mstatus},satp={:#x}", mode << 60 | 1));
        // The entry of level n is n, so that one table serves them all.
        let levels = *mode as u32 - 5;
        for l in 0..levels {
            let at = 0x1000 + 8 * u64::from(l);
            let entry = if l == *level { *leaf } else { pte(0x1000, 1) };
            b.world.memory.insert(at, entry);
        }
        let va: u64 = (0..levels).fold(0x123, |va, l| va | u64::from(l) << (12 + 9 * l));
        let low = va & ((0x1000 << (9 * level)) - 1) & !0xfff;
        let found = b.cpu.translate(*regime, va, *access, &mut b.world);
        let flags =
            |t: &Translation| u8::from(t.read) | u8::from(t.write) << 1 | u8::from(t.exec) << 2;
        let shown = found.map(|t| (t.pa - low, flags(&t))).map_err(|e| e.cause);
        assert_eq!(shown, *want, "{mode} {level} {leaf:#x} {regime} {mstatus} {access:?}");
        if let Ok(t) = found {
            assert_eq!(t.span, 0x1000 << (9 * level));
            let entry = b.world.memory[&(0x1000 + 8 * u64::from(*level))];
            assert!(entry & 0x40 != 0 && (*access != Store || entry & 0x80 != 0));
        }
    }
    // Addresses that are no sign extension.
    let mut b = Bench::new("riscv.rv64");
    b.set(&format!("pmpaddr0=0x3fffffffffffff,pmpcfg0=0x1f,satp={:#x}", 8u64 << 60 | 1));
    let found = b.cpu.translate(1, 1 << 39, Access::Load, &mut b.world);
    assert_eq!(found.unwrap_err(), Exception { cause: 13, value: 1 << 39 });
}

#[test]
fn sv32_and_protected_tables() {
    let mut b = Bench::new("riscv.rv32");
    b.set("pmpaddr0=0xffffffff,pmpcfg0=0x1f,satp=0x80000001");
    // A 4 MiB page beyond 32 bits: entry 1, odd, in the high half of a word.
    b.world.memory.insert(0x1000, (0x8000_0000 | 0xcf) << 32);
    let t = b.cpu.translate(1, 0x0040_0123, Access::Store, &mut b.world).unwrap();
    assert_eq!((t.pa, t.span, t.write), (0x2_0000_0123, 0x40_0000, true));
    // The table itself is out of reach: an access fault, not a page fault.
    b.set("pmpcfg0=0,pmpaddr1=0x400,pmpaddr2=0x800,pmpcfg0=0x080f00,pmpaddr3=0xffffffff");
    b.set("pmpcfg0=0x1f080f00");
    let e = b.cpu.translate(1, 0x0040_0123, Access::Store, &mut b.world).unwrap_err();
    assert_eq!(e.cause, 7);
    // M mode is not translated; a locked rule cuts its stretch.
    let t = b.cpu.translate(0, 0x1234, Access::Load, &mut b.world).unwrap();
    assert_eq!((t.pa, t.read), (0x1234, true));
    assert_eq!(t.span, 0x1000);
}

#[test]
fn counters_and_time() {
    let mut b = Bench::new("riscv.rv64");
    let csr = |b: &mut Bench, word: u64| {
        let mut cx = Cx { regs: &mut b.regs, pc: 0, env: &mut b.world };
        b.cpu.helper(8, [word, 4, 0], &mut cx).map(|_| b.regs.get(regs::x(10)))
    };
    let read = |n: u64| n << 20 | 2 << 12 | 10 << 7 | 0x73;
    assert_eq!(csr(&mut b, read(0xb02)), Ok(100));
    // 5 us of a 10 MHz time base.
    assert_eq!(csr(&mut b, read(0xc01)), Ok(50));
    // A written counter counts on from the next instruction; an inhibited one stands.
    b.set("a1=1000");
    assert_eq!(csr(&mut b, 0xb02 << 20 | 11 << 15 | 1 << 12 | 0x73), Ok(50));
    assert_eq!(csr(&mut b, read(0xb02)), Ok(999));
    b.set("a1=4");
    csr(&mut b, 0x320 << 20 | 11 << 15 | 1 << 12 | 0x73).unwrap();
    assert_eq!(csr(&mut b, read(0xb02)), Ok(1000));
    // Below machine mode the enables decide.
    b.set("priv=0");
    assert!(csr(&mut b, read(0xc01)).is_err());
    b.set("mcounteren=2");
    assert!(csr(&mut b, read(0xc01)).is_err());
    b.set("scounteren=2");
    assert_eq!(csr(&mut b, read(0xc01)), Ok(50));
}
