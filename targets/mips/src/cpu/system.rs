//! What the helpers of lifted blocks do: one function an instruction.

use super::{Core, cause, status};
use crate::lift::Call;
use crate::regs;
use crate::table::{self, Insn, Op, ext};
use hetemu_isa::{Cpu, Cx, Env, Exception, Halt, HostCall};

/// SDBBP with this code is a semihosting call (MIPS Unified Hosting Interface, MD01069).
const UHI: i32 = 1;

impl Core {
    /// Runs a helper and moves the program counter on.
    pub(crate) fn run_helper(
        &mut self,
        call: Call,
        args: [u64; 3],
        cx: &mut Cx<'_>,
    ) -> Result<(), Exception> {
        let [word, link, target] = args;
        let word = word as u32;
        if call == Call::Slot {
            return self.run_slot(word, link as i32, target & self.mask(), cx);
        }
        let insn = table::decode32(word, self.isa.set).filter(|_| call != Call::Reserved);
        let own = |e: Exception| Exception { cause: e.cause | cause::ALONE, ..e };
        let jump = self.execute(insn.as_ref(), word, cx).map_err(own)?;
        let next = match jump {
            Some(to) => to,
            None if regs::is_slot(cx.pc) => cx.regs.get(regs::TARGET),
            None => cx.pc.wrapping_add(4),
        };
        cx.regs.set(regs::PC, next & self.mask());
        Ok(())
    }

    /// Runs the delay slot of the branch at the program counter, which links and then leads on.
    fn run_slot(
        &mut self,
        word: u32,
        link: i32,
        target: u64,
        cx: &mut Cx<'_>,
    ) -> Result<(), Exception> {
        let before = cx.regs.get(regs::x(link));
        if link != 0 {
            cx.regs.set(regs::x(link), cx.pc.wrapping_add(8) & self.mask());
        }
        let insn = table::decode32(word, self.isa.set);
        match self.execute(insn.as_ref(), word, cx) {
            Ok(jump) => {
                cx.regs.set(regs::PC, jump.unwrap_or(target) & self.mask());
                Ok(())
            }
            Err(e) => {
                cx.regs.set(regs::x(link), before);
                Err(Exception { cause: e.cause | cause::SLOT, ..e })
            }
        }
    }

    fn x(&self, n: i32, cx: &Cx<'_>) -> u64 {
        if n == 0 { 0 } else { cx.regs.get(regs::x(n)) }
    }

    fn set_x(&self, n: i32, value: u64, cx: &mut Cx<'_>) {
        if n != 0 {
            cx.regs.set(regs::x(n), value & self.mask());
        }
    }

    /// Carries out an instruction that changes control state, or raises what stands in its way.
    /// Gives the next address if that is not the next instruction's.
    fn execute(
        &mut self,
        insn: Option<&Insn>,
        word: u32,
        cx: &mut Cx<'_>,
    ) -> Result<Option<u64>, Exception> {
        let raise = |cause| Err(Exception { cause, value: u64::from(word) });
        let unusable = |n: u32| cause::UNUSABLE | n << cause::CE;
        let Some(i) = insn else { return raise(self.no_instruction(word)) };
        let key = crate::lift::Key::from_bits(self.mode(cx.regs).key);
        if table::ROWS.get(i.row as usize).is_some_and(|r| r.need & ext::M64 != 0) && !key.wide {
            return raise(cause::RESERVED);
        }
        if word >> 26 == 0x10 || i.op == Op::Cache {
            if !key.cop0 {
                return raise(unusable(0));
            }
        } else if crate::lift::is_float(i.op) && !key.float {
            return raise(unusable(1));
        }
        match i.op {
            Op::Cfc1 => {
                self.settle_fcsr(cx.regs, cx.env);
                let v = self.read_float_control(i.rd as u64, cx.regs.get(regs::FCC));
                self.set_x(i.rt, self.isa.extend(v), cx);
            }
            Op::Ctc1 => {
                self.settle_fcsr(cx.regs, cx.env);
                let v = self.x(i.rt, cx) & 0xffff_ffff;
                let codes = cx.regs.get(regs::FCC);
                let codes = self.write_float_control(i.rd as u64, v, codes)?;
                cx.regs.set(regs::FCC, codes);
            }
            Op::Syscall => return raise(cause::SYSCALL),
            Op::Sdbbp if i.imm == UHI && self.host(cx) => {}
            Op::Break | Op::Sdbbp => return raise(cause::BREAK),
            Op::Synci => cx.env.flush_code(),
            Op::Di | Op::Ei => {
                let old = self.isa.extend(self.s.status);
                self.s.status &= !status::IE;
                self.s.status |= if i.op == Op::Ei { status::IE } else { 0 };
                self.set_x(i.rt, old, cx);
            }
            Op::Tlbp => self.tlb_probe(cx.env),
            Op::Tlbr => self.tlb_read(cx.env),
            Op::Tlbwi => self.tlb_write_indexed(cx.env),
            Op::Tlbwr => self.tlb_write_random(cx.env),
            Op::Eret => {
                cx.env.clear_reservation();
                let to = self.eret();
                return Ok(Some(self.plain(to)));
            }
            Op::Deret => return Ok(Some(self.plain(self.s.depc))),
            Op::Wait => {
                if !self.wakes(cx.regs) {
                    cx.env.wait();
                }
            }
            Op::Mtc0 | Op::Dmtc0 => {
                let value = self.x(i.rt, cx);
                self.write_control(i.rd as u8, i.sel as u8, i.op == Op::Dmtc0, value, cx.env);
            }
            _ => return raise(cause::RESERVED),
        }
        Ok(None)
    }

    /// What an encoding raises that is no instruction here: of a coprocessor that is not there, or
    /// of none.
    fn no_instruction(&self, word: u32) -> u32 {
        let float = self.s.status & status::CU1 != 0 && self.isa.fir != 0;
        match word >> 26 {
            0x11 | 0x13 | 0x31 | 0x35 | 0x39 | 0x3d if !float => cause::UNUSABLE | 1 << cause::CE,
            0x10 if !self.is_kernel() && self.s.status & status::CU0 == 0 => cause::UNUSABLE,
            // LWC2 and its like; the opcodes of LDC2 are there on all cores.
            0x12 | 0x32 | 0x36 | 0x3a | 0x3e => cause::UNUSABLE | 2 << cause::CE,
            _ => cause::RESERVED,
        }
    }

    /// A semihosting call: the operation in t9, arguments in a0 to a3, results in v0 and v1. False
    /// if the host answers none.
    fn host(&mut self, cx: &mut Cx<'_>) -> bool {
        if !self.is_kernel() {
            return false;
        }
        let get = |n| cx.regs.get(regs::x(n));
        let call = HostCall::Uhi {
            op: get(25),
            args: [get(4), get(5), get(6), get(7)],
            unmapped: 0x1fff_ffff,
            big_endian: self.isa.big_endian,
        };
        let Some(answer) = cx.env.host_call(call) else { return false };
        self.set_x(2, self.isa.extend(answer), cx);
        self.set_x(3, self.isa.extend(answer >> 32), cx);
        true
    }

    /// SWL, SWR, SDL, SDR: the bytes of a value that lie on the address's side of the word around
    /// it. `how`: bit 0 a word of 64 bits, bit 1 left.
    pub(crate) fn store_part(
        &mut self,
        how: u64,
        va: u64,
        value: u64,
        env: &mut dyn Env,
    ) -> Result<(), Halt> {
        let size = if how & 1 != 0 { 8 } else { 4 };
        let (left, va) = (how & 2 != 0, va & self.mask());
        let at = va & (size - 1);
        // Where the most significant byte of the register lies.
        let count = match left == self.isa.big_endian {
            true => size - at,
            false => at + 1,
        };
        let first = match left == self.isa.big_endian {
            true => va,
            false => va & !(size - 1),
        };
        for i in 0..count {
            // The byte of the register, from its least significant one on.
            let byte = match (left, self.isa.big_endian) {
                (true, true) => size - 1 - i,
                (true, false) => size - count + i,
                (false, true) => count - 1 - i,
                (false, false) => i,
            };
            let va = first.wrapping_add(i) & self.mask();
            env.virt_write(self, va, 0, value >> (8 * byte))?;
        }
        Ok(())
    }
}
