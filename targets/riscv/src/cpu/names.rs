//! Registers by name, for debuggers, reports and the disassembler.

use super::{Hart, Priv};
use crate::regs;
use crate::table::ext;
use hetemu_isa::Regs;

/// Names of the CSRs, by number.
pub static CSRS: &[(u16, &str)] = &[
    (0x001, "fflags"),
    (0x002, "frm"),
    (0x003, "fcsr"),
    (0x008, "vstart"),
    (0x009, "vxsat"),
    (0x00a, "vxrm"),
    (0x00f, "vcsr"),
    (0x100, "sstatus"),
    (0x104, "sie"),
    (0x105, "stvec"),
    (0x106, "scounteren"),
    (0x10a, "senvcfg"),
    (0x140, "sscratch"),
    (0x141, "sepc"),
    (0x142, "scause"),
    (0x143, "stval"),
    (0x144, "sip"),
    (0x14d, "stimecmp"),
    (0x15d, "stimecmph"),
    (0x180, "satp"),
    (0x300, "mstatus"),
    (0x301, "misa"),
    (0x302, "medeleg"),
    (0x303, "mideleg"),
    (0x304, "mie"),
    (0x305, "mtvec"),
    (0x306, "mcounteren"),
    (0x30a, "menvcfg"),
    (0x310, "mstatush"),
    (0x31a, "menvcfgh"),
    (0x320, "mcountinhibit"),
    (0x340, "mscratch"),
    (0x341, "mepc"),
    (0x342, "mcause"),
    (0x343, "mtval"),
    (0x344, "mip"),
    (0x3a0, "pmpcfg0"),
    (0x3a1, "pmpcfg1"),
    (0x3a2, "pmpcfg2"),
    (0x3a3, "pmpcfg3"),
    (0x3b0, "pmpaddr0"),
    (0x3b1, "pmpaddr1"),
    (0x3b2, "pmpaddr2"),
    (0x3b3, "pmpaddr3"),
    (0x3b4, "pmpaddr4"),
    (0x3b5, "pmpaddr5"),
    (0x3b6, "pmpaddr6"),
    (0x3b7, "pmpaddr7"),
    (0x3b8, "pmpaddr8"),
    (0x3b9, "pmpaddr9"),
    (0x3ba, "pmpaddr10"),
    (0x3bb, "pmpaddr11"),
    (0x3bc, "pmpaddr12"),
    (0x3bd, "pmpaddr13"),
    (0x3be, "pmpaddr14"),
    (0x3bf, "pmpaddr15"),
    (0x747, "mseccfg"),
    (0x757, "mseccfgh"),
    (0x7a0, "tselect"),
    (0x7a1, "tdata1"),
    (0x7a2, "tdata2"),
    (0x7a3, "tdata3"),
    (0x7c0, "cpuctrlsts"),
    (0x7c1, "secureseed"),
    (0xb00, "mcycle"),
    (0xb02, "minstret"),
    (0xb80, "mcycleh"),
    (0xb82, "minstreth"),
    (0xc00, "cycle"),
    (0xc01, "time"),
    (0xc02, "instret"),
    (0xc20, "vl"),
    (0xc21, "vtype"),
    (0xc22, "vlenb"),
    (0xc80, "cycleh"),
    (0xc81, "timeh"),
    (0xc82, "instreth"),
    (0xf11, "mvendorid"),
    (0xf12, "marchid"),
    (0xf13, "mimpid"),
    (0xf14, "mhartid"),
    (0xf15, "mconfigptr"),
];

/// A CSR's name, or its number where it has none.
pub fn csr_name(n: u16) -> String {
    if let Ok(i) = CSRS.binary_search_by_key(&n, |(n, _)| *n) {
        return CSRS[i].1.to_string();
    }
    match n {
        0x3a4..=0x3af => format!("pmpcfg{}", n - 0x3a0),
        0x3c0..=0x3ef => format!("pmpaddr{}", n - 0x3b0),
        0x323..=0x33f => format!("mhpmevent{}", n - 0x320),
        0xb03..=0xb1f => format!("mhpmcounter{}", n - 0xb00),
        0xb83..=0xb9f => format!("mhpmcounter{}h", n - 0xb80),
        0xc03..=0xc1f => format!("hpmcounter{}", n - 0xc00),
        0xc83..=0xc9f => format!("hpmcounter{}h", n - 0xc80),
        _ => format!("{n:#x}"),
    }
}

pub(crate) fn registers(hart: &Hart, regs: &Regs) -> Vec<(String, u64)> {
    let mut all = vec![("pc".to_string(), regs.get(regs::PC))];
    for (i, name) in regs::X.iter().enumerate().skip(1) {
        all.push((name.to_string(), regs.get(regs::x(i as i32))));
    }
    if hart.isa.has(ext::F) {
        for (i, name) in regs::F.iter().enumerate() {
            all.push((name.to_string(), regs.get(regs::f(i as i32))));
        }
    }
    all.push(("priv".to_string(), hart.mode as u64));
    for &(n, name) in CSRS {
        if let Some(value) = hart.read(n, regs, None) {
            all.push((name.to_string(), value));
        }
    }
    all
}

pub(crate) fn set_register(hart: &mut Hart, regs: &mut Regs, name: &str, value: u64) -> bool {
    let value_x = value & hart.isa.mask();
    let numbered = |letter: char| -> Option<i32> {
        let n: i32 = name.strip_prefix(letter)?.parse().ok()?;
        (0..32).contains(&n).then_some(n)
    };
    let by_name = |names: &[&str]| names.iter().position(|n| *n == name).map(|i| i as i32);
    if name == "pc" {
        regs.set(regs::PC, hart.legal_pc(value_x));
        return true;
    }
    if name == "priv" {
        let mode = match value {
            0 if hart.isa.user => Priv::User,
            1 if hart.isa.supervisor => Priv::Supervisor,
            3 => Priv::Machine,
            _ => return false,
        };
        hart.mode = mode;
        return true;
    }
    let x = by_name(&regs::X).or_else(|| (name == "fp").then_some(8)).or_else(|| numbered('x'));
    if let Some(n) = x {
        if n != 0 {
            regs.set(regs::x(n), value_x);
        }
        return true;
    }
    if let Some(n) = by_name(&regs::F).or_else(|| numbered('f')) {
        if hart.isa.has(ext::F) {
            regs.set(regs::f(n), value);
        }
        return hart.isa.has(ext::F);
    }
    match CSRS.iter().find(|(_, csr)| *csr == name) {
        Some(&(n, _)) => hart.poke(n, value, regs),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::CSRS;

    #[test]
    fn csr_names_are_sorted() {
        assert!(CSRS.windows(2).all(|w| w[0].0 < w[1].0));
    }
}
