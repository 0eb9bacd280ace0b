//! Registers by name, for debuggers and reports.

use super::*;

/// What an exception number is called.
pub(super) fn exception(n: usize) -> String {
    let name = match n {
        1 => "reset",
        2 => "NMI",
        3 => "HardFault",
        4 => "MemManage",
        5 => "BusFault",
        6 => "UsageFault",
        7 => "SecureFault",
        11 => "SVCall",
        12 => "DebugMonitor",
        14 => "PendSV",
        15 => "SysTick",
        n if n >= nvic::EXTERNAL => return format!("interrupt {}", n - nvic::EXTERNAL),
        n => return format!("exception {n}"),
    };
    name.to_string()
}

pub(super) fn registers(core: &Core, regs: &Regs) -> Vec<(String, u64)> {
    let mut all: Vec<(String, u64)> = regs::R
        .iter()
        .enumerate()
        .map(|(n, name)| (name.to_string(), regs.get(regs::r(n as i32)) & 0xffff_ffff))
        .collect();
    // An odd program counter is one without the Thumb bit.
    all[15].1 &= !1;
    let sp = |n: usize| {
        if core.stack() == n { regs.get(regs::SP) } else { core.sp[n].into() }
    };
    let mut add = |name: &str, value: u64| all.push((name.to_string(), value));
    add("xpsr", core.xpsr(regs).into());
    add("msp", sp(0));
    add("psp", sp(1));
    add("primask", core.primask.into());
    if core.facts.main() {
        add("basepri", core.basepri.into());
        add("faultmask", core.faultmask.into());
    }
    add("control", core.control.into());
    if core.facts.v8() {
        add("msplim", core.splim[0].into());
        add("psplim", core.splim[1].into());
    }
    if core.facts.fp() {
        for (n, name) in regs::S.iter().enumerate() {
            add(name, regs.get(regs::s(n as i32)));
        }
        add("fpscr", core.fpscr_value(regs).into());
    }
    if core.facts.main() {
        for (name, value) in
            [("cfsr", core.cfsr), ("hfsr", core.hfsr), ("mmfar", core.mmfar), ("bfar", core.bfar)]
        {
            add(name, value.into());
        }
    }
    add("vtor", core.vtor.into());
    all
}

pub(super) fn set_register(core: &mut Core, regs: &mut Regs, name: &str, value: u64) -> bool {
    let value = value & 0xffff_ffff;
    let word = value as u32;
    let find = |names: &[&str]| names.iter().position(|n| *n == name);
    let general = find(&regs::R).or(match name {
        "r13" => Some(13),
        "r14" => Some(14),
        "r15" => Some(15),
        _ => None,
    });
    if let Some(n) = general {
        // Before the vector table is read only a debugger's word counts.
        if n == 13 || n == 15 {
            core.fresh = false;
        }
        let value = match n {
            13 => value & !3,
            15 => value & !1,
            _ => value,
        };
        regs.set(regs::r(n as i32), value);
        return true;
    }
    if let Some(n) = find(&regs::S).filter(|_| core.facts.fp()) {
        regs.set(regs::s(n as i32), value);
        return true;
    }
    match name {
        "xpsr" | "cpsr" => {
            core.set_xpsr(regs, word);
            let pc = regs.get(regs::PC) & !1;
            regs.set(regs::PC, pc | u64::from(word >> 24 & 1 == 0));
            core.switch_stack(regs, |core| core.ipsr = word as usize & 0xff);
        }
        "msp" | "psp" => {
            let n = usize::from(name == "psp");
            if core.stack() == n { regs.set(regs::SP, value & !3) } else { core.sp[n] = word & !3 }
        }
        "primask" => core.primask = word & 1 != 0,
        "basepri" => core.basepri = core.nvic.legal(word as u8),
        "faultmask" => core.faultmask = word & 1 != 0,
        "control" => core.switch_stack(regs, |core| core.control = word & (NPRIV | SPSEL | FPCA)),
        "msplim" | "psplim" if core.facts.v8() => core.splim[usize::from(name == "psplim")] = word,
        "fpscr" if core.facts.fp() => core.set_fpscr(regs, word),
        "cfsr" => core.cfsr = word,
        "hfsr" => core.hfsr = word,
        "mmfar" => core.mmfar = word,
        "bfar" => core.bfar = word,
        "vtor" => core.vtor = word & 0xffff_ff80,
        "cpacr" if core.facts.fp() => core.cpacr = word & 0x00f0_0000,
        _ => return false,
    }
    true
}
