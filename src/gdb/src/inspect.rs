//! Registers and memory of the chosen thread.

use crate::packet::{MOST, hex, number, split, unhex};
use crate::stub::{Answer, Stub};
use hetemu_machine::Running;

/// Registers are numbered below this.
const MOST_REGISTERS: u64 = 1 << 16;

impl Stub {
    /// `g`: the general registers.
    pub(crate) fn registers(&mut self, machine: &mut Running) -> Answer {
        let at = self.other;
        let Some(about) = self.description(machine, at.cluster) else { return Answer::error() };
        let mut out = Vec::new();
        for reg in about.layout.regs().filter(|r| r.general) {
            match machine.debug_read(at, reg.number) {
                Some(value) => out.extend(hex(&value)),
                None => out.extend(vec![b'x'; usize::from(reg.bits).div_ceil(8) * 2]),
            }
        }
        Answer::Reply(out)
    }

    /// `G`: all of them.
    pub(crate) fn set_registers(&mut self, machine: &mut Running, rest: &[u8]) -> Answer {
        let at = self.other;
        let Some(about) = self.description(machine, at.cluster) else { return Answer::error() };
        let mut rest = rest;
        for reg in about.layout.regs().filter(|r| r.general) {
            let digits = usize::from(reg.bits).div_ceil(8) * 2;
            let Some((value, later)) = rest.split_at_checked(digits) else {
                return Answer::ok_if(rest.is_empty());
            };
            rest = later;
            if let Some(bytes) = unhex(value)
                && machine.debug_read(at, reg.number).is_some_and(|now| now != bytes)
            {
                machine.debug_write(at, reg.number, &bytes);
            }
        }
        Answer::ok()
    }

    /// `p`: one register.
    pub(crate) fn register(&mut self, machine: &mut Running, rest: &[u8]) -> Answer {
        let at = self.other;
        let Some(about) = self.description(machine, at.cluster) else { return Answer::error() };
        let Some(n) = number(rest).filter(|n| *n < MOST_REGISTERS) else { return Answer::error() };
        match (machine.debug_read(at, n as u32), about.layout.reg(n as u32)) {
            (Some(value), _) => Answer::Reply(hex(&value)),
            (None, Some(reg)) => Answer::Reply(vec![b'x'; usize::from(reg.bits).div_ceil(8) * 2]),
            (None, None) => Answer::error(),
        }
    }

    /// `P`: sets one register.
    pub(crate) fn set_register(&mut self, machine: &mut Running, rest: &[u8]) -> Answer {
        let parsed = split(rest, b'=').and_then(|(n, value)| Some((number(n)?, unhex(value)?)));
        let Some((n, value)) = parsed.filter(|(n, _)| *n < MOST_REGISTERS) else {
            return Answer::error();
        };
        Answer::ok_if(machine.debug_write(self.other, n as u32, &value))
    }

    /// `m`: memory, as much as there is.
    pub(crate) fn memory(&mut self, machine: &mut Running, rest: &[u8]) -> Answer {
        let parsed = split(rest, b',').and_then(|(at, len)| Some((number(at)?, number(len)?)));
        let Some((address, len)) = parsed else { return Answer::error() };
        let len = len.min(MOST as u64 / 2 - 8) as usize;
        let bytes = if self.physical {
            machine.peek_physical(self.other.cluster, address, len)
        } else {
            machine.peek(self.other, address, len)
        };
        if bytes.is_empty() && len > 0 { Answer::error() } else { Answer::Reply(hex(&bytes)) }
    }

    /// `M` and `X`: sets memory.
    pub(crate) fn set_memory(
        &mut self,
        machine: &mut Running,
        rest: &[u8],
        digits: bool,
    ) -> Answer {
        let parse = || {
            let (range, data) = split(rest, b':')?;
            let (address, len) = split(range, b',')?;
            let bytes = if digits { unhex(data)? } else { data.to_vec() };
            (number(len)? == bytes.len() as u64).then_some((number(address)?, bytes))
        };
        let Some((address, bytes)) = parse() else { return Answer::error() };
        Answer::ok_if(if self.physical {
            machine.poke_physical(self.other.cluster, address, &bytes)
        } else {
            machine.poke(self.other, address, &bytes)
        })
    }
}
