//! Registers by name, for debuggers and reports.

use super::Core;
use crate::lift::cp0 as reg;
use crate::regs;
use hetemu_isa::Regs;

/// Control registers that have a name here: number, select field, name as objdump has it.
pub(crate) const CP0: [((u8, u8), &str); 33] = [
    (reg::INDEX, "index"),
    (reg::RANDOM, "random"),
    (reg::ENTRY_LO0, "entrylo0"),
    (reg::ENTRY_LO1, "entrylo1"),
    (reg::CONTEXT, "context"),
    (reg::USER_LOCAL, "userlocal"),
    (reg::PAGE_MASK, "pagemask"),
    (reg::WIRED, "wired"),
    (reg::HWRENA, "hwrena"),
    (reg::BAD_VADDR, "badvaddr"),
    (reg::COUNT, "count"),
    (reg::ENTRY_HI, "entryhi"),
    (reg::COMPARE, "compare"),
    (reg::STATUS, "status"),
    (reg::INTCTL, "intctl"),
    (reg::SRSCTL, "srsctl"),
    (reg::CAUSE, "cause"),
    (reg::EPC, "epc"),
    (reg::PRID, "prid"),
    (reg::EBASE, "ebase"),
    (reg::CONFIG, "config"),
    (reg::CONFIG1, "config1"),
    (reg::CONFIG2, "config2"),
    (reg::CONFIG3, "config3"),
    (reg::LLADDR, "lladdr"),
    (reg::XCONTEXT, "xcontext"),
    (reg::DEBUG, "debug"),
    (reg::DEPC, "depc"),
    (reg::TAG_LO, "taglo"),
    (reg::DATA_LO, "datalo"),
    (reg::TAG_HI, "taghi"),
    (reg::ERROR_EPC, "errorepc"),
    (reg::DESAVE, "desave"),
];

/// The name of a control register.
pub fn cp0_name(n: u8, sel: u8) -> Option<&'static str> {
    CP0.iter().find(|(r, _)| *r == (n, sel)).map(|(_, name)| *name)
}

/// Every register with its value. Count has no time here and reads what it counts from.
pub(crate) fn registers(core: &Core, regs: &Regs) -> Vec<(String, u64)> {
    let mut all: Vec<(String, u64)> = (0..)
        .zip(regs::X)
        .map(|(n, name)| (name.to_string(), if n == 0 { 0 } else { regs.get(regs::x(n)) }))
        .collect();
    all.push(("hi".to_string(), regs.get(regs::HI)));
    all.push(("lo".to_string(), regs.get(regs::LO)));
    let pc = regs.get(regs::PC);
    all.push(("pc".to_string(), if regs::is_slot(pc) { pc + 2 } else { pc }));
    if core.isa.fir != 0 {
        all.extend((0..).zip(regs::F).map(|(n, name)| (name.to_string(), regs.get(regs::f(n)))));
        all.push(("fcsr".to_string(), core.fcsr(regs.get(regs::FCC))));
    }
    for ((n, sel), name) in CP0 {
        let value = match (n, sel) {
            reg::USER_LOCAL => regs.get(regs::USER_LOCAL),
            _ => core.register(n, sel, core.s.count),
        };
        all.push((name.to_string(), value & core.mask()));
    }
    all
}

/// Sets a register; false if there is none of the name, or it cannot be set.
pub(crate) fn set_register(core: &mut Core, regs: &mut Regs, name: &str, value: u64) -> bool {
    let value = value & core.mask();
    if let Some(n) = regs::X.iter().position(|x| *x == name) {
        if n != 0 {
            regs.set(regs::x(n as i32), value);
        }
        return true;
    }
    if let Some(n) = regs::F.iter().position(|f| *f == name).filter(|_| core.isa.fir != 0) {
        regs.set(regs::f(n as i32), value);
        return true;
    }
    let s = &mut core.s;
    match name {
        "hi" => regs.set(regs::HI, value),
        "lo" => regs.set(regs::LO, value),
        "pc" => {
            // Programs for 64-bit cores may be files of 32 bits.
            let value = if value >> 31 == 1 { core.isa.extend(value) } else { value };
            regs.set(regs::PC, core.plain(value));
        }
        "userlocal" => regs.set(regs::USER_LOCAL, value),
        "fcsr" => core.set_fcsr(value, regs),
        "badvaddr" => s.bad_vaddr = value,
        "entryhi" => s.entry_hi = value,
        "status" => core.set_status(value),
        "cause" => s.cause = value & 0x38c0_037c | s.cause & 1 << 31,
        "hwrena" => s.hwrena = value & 0x2000_000f,
        "random" | "prid" | "srsctl" | "config1" | "config2" | "config3" | "lladdr" | "debug"
        | "count" | "compare" => return false,
        _ => match CP0.iter().find(|(_, n)| *n == name) {
            Some(((n, sel), _)) => core.write(*n, *sel, true, value),
            None => return false,
        },
    }
    true
}
