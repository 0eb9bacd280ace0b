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
    let mut add = |name: &str, value: u64| all.push((name.to_string(), value));
    add("xpsr", core.xpsr(regs).into());
    for name in special(core) {
        add(name, get_special(core, regs, name, core.secure).unwrap_or(0).into());
    }
    if core.facts.fp() {
        for (n, name) in regs::S.iter().enumerate() {
            add(name, regs.get(regs::s(n as i32)));
        }
        add("fpscr", core.fpscr_value(regs).into());
    }
    for name in core.status() {
        add(name, get_status(core, name, core.secure).unwrap_or(0).into());
    }
    if core.facts.security {
        add("secure", core.secure.into());
        for (suffix, secure) in [("_ns", false), ("_s", true)] {
            for name in special(core) {
                let value = get_special(core, regs, name, secure).unwrap_or(0);
                add(&format!("{name}{suffix}"), value.into());
            }
            for name in BANKED {
                let value = get_status(core, name, secure).unwrap_or(0);
                add(&format!("{name}{suffix}"), value.into());
            }
        }
        add("sfsr", core.sfsr.into());
        add("sfar", core.sfar.into());
        add("sau_ctrl", core.sau.read(0).into());
    }
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
        "fpscr" if core.facts.fp() => core.set_fpscr(regs, word),
        "hfsr" => core.hfsr = word,
        "bfar" => core.bfar = word,
        "sfsr" if core.facts.security => core.sfsr = word,
        "sfar" if core.facts.security => core.sfar = word,
        "sau_ctrl" if core.facts.security => core.sau.write(0, word),
        "nsacr" if core.facts.security => core.nsacr = word & 0xc00,
        "secure" if core.facts.security => {
            core.switch_stack(regs, |core| core.secure = word & 1 != 0);
        }
        _ => {
            let (plain, secure) = match (name.strip_suffix("_ns"), name.strip_suffix("_s")) {
                (Some(plain), _) if core.facts.security => (plain, false),
                (_, Some(plain)) if core.facts.security => (plain, true),
                _ => (name, core.secure),
            };
            return set_banked(core, regs, plain, word, secure);
        }
    }
    true
}

/// Sets a register that both security states have.
fn set_banked(core: &mut Core, regs: &mut Regs, name: &str, word: u32, secure: bool) -> bool {
    let legal = core.nvic.legal(word as u8);
    let known = special(core).contains(&name) || core.status().contains(&name) || name == "cpacr";
    if !known || name == "cpacr" && !core.facts.fp() {
        return false;
    }
    core.save_sp(regs);
    let shared = if core.facts.fp() { FPCA | if secure { SFPA } else { 0 } } else { 0 };
    let bank = &mut core.bank[usize::from(secure)];
    match name {
        "msp" => bank.sp[0] = word & !3,
        "psp" => bank.sp[1] = word & !3,
        "msplim" => bank.splim[0] = word & !7,
        "psplim" => bank.splim[1] = word & !7,
        "primask" => bank.primask = word & 1 != 0,
        "basepri" => bank.basepri = legal,
        "faultmask" => bank.faultmask = word & 1 != 0,
        "control" => {
            bank.control = word & (NPRIV | SPSEL);
            core.float = core.float & !shared | word & shared;
        }
        "mmfar" => bank.mmfar = word,
        "vtor" => bank.vtor = word & 0xffff_ff80,
        "cpacr" => bank.cpacr = word & 0x00f0_0000,
        "cfsr" => bank.cfsr = word,
        _ => return false,
    }
    core.load_sp(regs);
    true
}

/// Of [`Core::status`], those that each security state has.
pub(super) const BANKED: [&str; 3] = ["cfsr", "mmfar", "vtor"];

/// The special registers that a core has beside those of its whole.
pub(super) fn special(core: &Core) -> Vec<&'static str> {
    let mut all = vec!["msp", "psp", "primask"];
    if core.facts.main() {
        all.extend(["basepri", "faultmask"]);
    }
    all.push("control");
    if core.facts.v8() {
        all.extend(["msplim", "psplim"]);
    }
    all
}

fn get_special(core: &Core, regs: &Regs, name: &str, secure: bool) -> Option<u32> {
    let bank = &core.bank[usize::from(secure)];
    let sp = |n: usize| {
        let force = secure == core.secure && core.stack() == n;
        if force { regs.get(regs::SP) as u32 } else { bank.sp[n] }
    };
    Some(match name {
        "msp" => sp(0),
        "psp" => sp(1),
        "primask" => bank.primask.into(),
        "basepri" => bank.basepri.into(),
        "faultmask" => bank.faultmask.into(),
        "control" => core.control(secure),
        "msplim" => bank.splim[0],
        "psplim" => bank.splim[1],
        _ => return None,
    })
}

fn get_status(core: &Core, name: &str, secure: bool) -> Option<u32> {
    let bank = &core.bank[usize::from(secure)];
    Some(match name {
        "cfsr" => bank.cfsr & !0xff00 | core.bank[0].cfsr & 0xff00,
        "hfsr" => core.hfsr,
        "mmfar" => bank.mmfar,
        "bfar" => core.bfar,
        "vtor" => bank.vtor,
        _ => return None,
    })
}

impl Core {
    /// The registers of the system control space that are shown by name.
    pub(super) fn status(&self) -> Vec<&'static str> {
        if self.facts.main() { vec!["cfsr", "hfsr", "mmfar", "bfar", "vtor"] } else { vec!["vtor"] }
    }
}
