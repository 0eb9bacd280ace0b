//! The registers as GDB names them ("MIPS Features", GDB manual, appendix G.5), with a number each.

use super::Core;
use crate::regs;
use hetemu_isa::debug::{from_bytes, to_bytes};
use hetemu_isa::{Cpu, DebugLayout, DebugReg, Env, Feature, Regs};

const LO: u32 = 32;
const HI: u32 = 33;
const PC: u32 = 34;
const STATUS: u32 = 35;
const BAD_VADDR: u32 = 36;
const CAUSE: u32 = 37;
const F0: u32 = 38;
const FCSR: u32 = 70;
const FIR: u32 = 71;

impl Core {
    /// The name that [`Cpu::set_register`] knows, and the size in bits.
    fn debug_name(&self, number: u32) -> Option<(String, u16)> {
        let word = u16::from(self.isa.bits);
        let name = match number {
            0..=31 => regs::X.get(number as usize)?,
            LO => "lo",
            HI => "hi",
            PC => "pc",
            STATUS => "status",
            BAD_VADDR => "badvaddr",
            CAUSE => "cause",
            F0..FCSR => regs::F.get((number - F0) as usize)?,
            FCSR => "fcsr",
            FIR => "fir",
            _ => return None,
        };
        Some((name.to_string(), word))
    }

    pub(super) fn layout_for_debuggers(&self) -> DebugLayout {
        let word = u16::from(self.isa.bits);
        let feature = |name: &str, regs| Feature {
            name: format!("org.gnu.gdb.mips.{name}"),
            types: Vec::new(),
            regs,
        };
        let mut cpu: Vec<DebugReg> =
            (0..32).map(|n| DebugReg::general(n, &format!("r{n}"), word, "int")).collect();
        cpu.push(DebugReg::general(LO, "lo", word, "int"));
        cpu.push(DebugReg::general(HI, "hi", word, "int"));
        cpu.push(DebugReg::general(PC, "pc", word, "code_ptr"));
        let cp0 = vec![
            DebugReg::general(STATUS, "status", word, "int").group("system"),
            DebugReg::general(BAD_VADDR, "badvaddr", word, "code_ptr").group("system"),
            DebugReg::general(CAUSE, "cause", word, "int").group("system"),
        ];
        // GDB refuses a description without floats, of a core without them, too.
        let ty = if word == 32 { "ieee_single" } else { "ieee_double" };
        let mut fpu: Vec<DebugReg> =
            (0..32).map(|n| DebugReg::general(F0 + n, &format!("f{n}"), word, ty)).collect();
        fpu.push(DebugReg::general(FCSR, "fcsr", word, "int").group("float"));
        fpu.push(DebugReg::general(FIR, "fir", word, "int").group("float"));
        let features = vec![feature("cpu", cpu), feature("cp0", cp0), feature("fpu", fpu)];
        let architecture = format!("mips:isa{}r2", self.isa.bits);
        DebugLayout { architecture, features, pc: PC, sp: 29 }
    }

    pub(super) fn read_for_debuggers(
        &self,
        regs: &Regs,
        number: u32,
        _env: &dyn Env,
    ) -> Option<Vec<u8>> {
        let (name, bits) = self.debug_name(number)?;
        let value = match number {
            FIR => self.isa.fir.into(),
            F0.. if self.isa.fir == 0 => 0,
            _ => self.registers(regs).into_iter().find(|(n, _)| *n == name)?.1,
        };
        Some(to_bytes(value, bits, self.isa.endian()))
    }

    pub(super) fn write_for_debuggers(
        &mut self,
        regs: &mut Regs,
        number: u32,
        bytes: &[u8],
    ) -> bool {
        let Some((name, bits)) = self.debug_name(number) else { return false };
        let fixed = number == FIR || number >= F0 && self.isa.fir == 0;
        if bytes.len() != usize::from(bits / 8) || fixed {
            return false;
        }
        let value = from_bytes(bytes, self.isa.endian());
        self.set_register(regs, &name, value)
    }
}
