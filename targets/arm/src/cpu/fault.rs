//! Faults as exceptions: their numbers with the status bits that they set. Armv7-M ARM, sections
//! B1.5.14 and B3.2.15; of SecureFault Armv8-M ARM, SFSR.

use crate::hw::nvic::{BUS_FAULT, DEBUG, MEM_MANAGE, SECURE_FAULT, SVC, USAGE_FAULT};
use hetemu_isa::{Access, Exception};

/// The value is the address that a fault is about: MMFAR or BFAR.
const ADDRESS: u32 = 1 << 16;

/// The fault goes to the secure state, whichever is in force.
const SECURELY: u32 = 1 << 17;

/// Bits of CFSR.
pub(crate) const IACCVIOL: u32 = 0;
pub(crate) const DACCVIOL: u32 = 1;
pub(crate) const MUNSTKERR: u32 = 3;
pub(crate) const MSTKERR: u32 = 4;
pub(crate) const MLSPERR: u32 = 5;
pub(crate) const MMARVALID: u32 = 7;
pub(crate) const IBUSERR: u32 = 8;
pub(crate) const PRECISERR: u32 = 9;
pub(crate) const UNSTKERR: u32 = 11;
pub(crate) const STKERR: u32 = 12;
pub(crate) const LSPERR: u32 = 13;
pub(crate) const BFARVALID: u32 = 15;
pub(crate) const UNDEFINSTR: u32 = 16;
pub(crate) const INVSTATE: u32 = 17;
pub(crate) const INVPC: u32 = 18;
pub(crate) const NOCP: u32 = 19;
pub(crate) const STKOF: u32 = 20;
pub(crate) const UNALIGNED: u32 = 24;
pub(crate) const DIVBYZERO: u32 = 25;

/// Bits of SFSR, behind those of CFSR.
pub(crate) const SFSR: u32 = 32;
pub(crate) const INVEP: u32 = SFSR;
pub(crate) const INVIS: u32 = SFSR + 1;
pub(crate) const INVER: u32 = SFSR + 2;
pub(crate) const AUVIOL: u32 = SFSR + 3;
pub(crate) const INVTRAN: u32 = SFSR + 4;
pub(crate) const SFLSPERR: u32 = SFSR + 5;
pub(crate) const SFARVALID: u32 = SFSR + 6;
pub(crate) const LSERR: u32 = SFSR + 7;

/// A fault that sets a bit of CFSR or SFSR.
pub(crate) fn fault(bit: u32) -> Exception {
    let n = match bit {
        0..8 => MEM_MANAGE,
        8..16 => BUS_FAULT,
        SFSR.. => SECURE_FAULT,
        _ => USAGE_FAULT,
    };
    Exception { cause: n as u32 | (bit + 1) << 8, value: 0 }
}

fn fault_at(bit: u32, address: u64) -> Exception {
    let mut e = fault(bit);
    e.cause |= ADDRESS;
    e.value = address;
    e
}

/// A fault that goes to the secure state.
pub(crate) fn secure_fault(bit: u32) -> Exception {
    let mut e = fault(bit);
    e.cause |= SECURELY;
    e
}

/// Whether an exception goes to the secure state, whichever is in force.
pub(crate) fn is_secure(cause: u32) -> bool {
    cause & SECURELY != 0
}

/// A non-secure access to a secure address.
pub(crate) fn attribution(va: u64) -> Exception {
    fault_at(AUVIOL, va)
}

/// An access that the MPU refuses.
pub(crate) fn protection(access: Access, va: u64) -> Exception {
    match access {
        Access::Fetch => Exception { value: va, ..fault(IACCVIOL) },
        _ => fault_at(DACCVIOL, va),
    }
}

/// An access that nothing answers.
pub(crate) fn bus(access: Access, va: u64) -> Exception {
    match access {
        Access::Fetch => Exception { value: va, ..fault(IBUSERR) },
        _ => fault_at(PRECISERR, va),
    }
}

/// A supervisor call.
pub(crate) fn svc() -> Exception {
    Exception { cause: SVC as u32, value: 0 }
}

/// A breakpoint that no debugger and no host takes.
pub(crate) fn breakpoint() -> Exception {
    Exception { cause: DEBUG as u32, value: 0 }
}

/// The number of an exception, its bit of CFSR and SFSR, and whether its value is an address.
pub(crate) fn parts(cause: u32) -> (usize, Option<u32>, bool) {
    let bit = (cause >> 8 & 0xff).checked_sub(1);
    (cause as usize & 0xff, bit, cause & ADDRESS != 0)
}

/// What a cause is called.
pub(crate) fn describe(cause: u32) -> &'static str {
    match parts(cause) {
        (_, Some(bit), _) => match bit {
            IACCVIOL => "instruction access violation",
            DACCVIOL => "data access violation",
            MUNSTKERR => "access violation on exception return",
            MSTKERR => "access violation on exception entry",
            MLSPERR => "access violation saving float state",
            IBUSERR => "instruction bus error",
            PRECISERR => "precise data bus error",
            UNSTKERR => "bus error on exception return",
            STKERR => "bus error on exception entry",
            LSPERR => "bus error saving float state",
            UNDEFINSTR => "undefined instruction",
            INVSTATE => "not in Thumb state",
            INVPC => "invalid exception return",
            NOCP => "no coprocessor",
            STKOF => "stack overflow",
            UNALIGNED => "unaligned access",
            DIVBYZERO => "division by zero",
            INVEP => "invalid entry point of secure code",
            INVIS => "invalid integrity signature",
            INVER => "invalid exception return to secure code",
            AUVIOL => "non-secure access to a secure address",
            INVTRAN => "invalid transition to non-secure code",
            SFLSPERR => "security violation saving float state",
            LSERR => "lazy float state error",
            _ => "fault",
        },
        (11, ..) => "SVCall",
        (12, ..) => "breakpoint",
        _ => "exception",
    }
}
