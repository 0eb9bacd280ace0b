//! The RISC-V platform-level interrupt controller with the memory map of its specification 1.0.0
//! (chapter 3): priorities at 0, pending bits at 0x1000, enable bits at 0x2000 with 0x80 bytes a
//! context, threshold and claim at 0x20_0000 with 0x1000 bytes a context.

mod regs;
#[cfg(test)]
mod tests;

use crate::gateway::Gateways;
use crate::schemas::RISCV_PLIC_1;
use hetemu_hw::{
    BusError, Config, ConfigError, Cx, Device, InspectValue, LoadError, Model, Reader, Writer,
};
use regs::Reg;

/// `riscv.plic`.
pub const MODEL: Model = Model { ty: &RISCV_PLIC_1, create };

fn create(config: &Config) -> Result<Box<dyn Device>, ConfigError> {
    let sources = config.int("sources").clamp(1, regs::MAX_SOURCES) as u32;
    let targets = config.int("targets").clamp(1, regs::MAX_TARGETS) as u32;
    let bits = config.int("priority_bits").clamp(1, 32) as u32;
    Ok(Box::new(RiscvPlic {
        priority_mask: u32::MAX >> (32 - bits),
        core: Gateways::new(sources, targets),
    }))
}

struct RiscvPlic {
    // Fixed configuration.
    priority_mask: u32,
    // Volatile state.
    core: Gateways,
}

impl RiscvPlic {
    fn drive(&self, cx: &mut dyn Cx) {
        for target in 0..self.core.targets() {
            cx.output(0, target as u32, self.core.interrupts(target));
        }
    }

    /// A register's value without the effect of reading it; `None` if there is none.
    fn value(&self, reg: Reg) -> Option<u32> {
        match reg {
            Reg::Priority(source) => self.core.priority(source),
            Reg::Pending(word) => (word < self.core.words()).then(|| self.core.pending(word)),
            Reg::Enable(target, word) => self.core.enable(target, word),
            Reg::Threshold(target) => self.core.threshold(target),
            Reg::Claim(target) => {
                self.core.threshold(target)?;
                Some(self.core.best(target).map_or(0, |(source, _)| source))
            }
        }
    }

    /// Places of the map that this size of controller does not use: they read 0 and that is no
    /// mistake of the guest, which may clear all of them.
    fn unused(&self, reg: Reg) -> bool {
        match reg {
            Reg::Priority(_) | Reg::Pending(_) => true,
            Reg::Enable(target, _) => target < self.core.targets(),
            Reg::Threshold(_) | Reg::Claim(_) => false,
        }
    }
}

impl Device for RiscvPlic {
    fn read(&mut self, cx: &mut dyn Cx, _: u32, offset: u64, _: u8) -> Result<u64, BusError> {
        self.core.settle();
        let reg = Reg::at(offset);
        match reg.and_then(|r| self.value(r)) {
            Some(value) => {
                if let Some(Reg::Claim(target)) = reg {
                    self.core.claim(target);
                    self.drive(cx);
                }
                Ok(value.into())
            }
            None => {
                if !reg.is_some_and(|r| self.unused(r)) {
                    cx.unimplemented("reserved register", offset, false);
                }
                Ok(0)
            }
        }
    }

    fn write(
        &mut self,
        cx: &mut dyn Cx,
        _: u32,
        offset: u64,
        _: u8,
        value: u64,
    ) -> Result<(), BusError> {
        self.core.settle();
        let value = value as u32;
        let reg = Reg::at(offset);
        match reg.filter(|r| self.value(*r).is_some()) {
            Some(Reg::Priority(source)) => {
                self.core.set_priority(source, value & self.priority_mask);
            }
            Some(Reg::Pending(_)) => {}
            Some(Reg::Enable(target, word)) => self.core.set_enable(target, word, value),
            Some(Reg::Threshold(target)) => {
                if let Some(t) = self.core.target(target) {
                    t.threshold = value & self.priority_mask;
                }
            }
            // Section 9: a source that the target does not enable is ignored.
            Some(Reg::Claim(target)) => {
                if self.core.enables(target, value) {
                    self.core.complete(value);
                }
            }
            None => {
                if !reg.is_some_and(|r| self.unused(r)) {
                    cx.unimplemented("reserved register", offset, true);
                }
                return Ok(());
            }
        }
        self.drive(cx);
        Ok(())
    }

    fn peek(&self, _: u32, offset: u64, _: u8) -> Option<u64> {
        Reg::at(offset).and_then(|r| self.value(r)).map(u64::from)
    }

    fn signal(&mut self, cx: &mut dyn Cx, _: u32, line: u32, level: bool) {
        self.core.line(line, level);
        self.drive(cx);
    }

    fn reset(&mut self, cx: &mut dyn Cx) {
        self.core.reset();
        self.drive(cx);
    }

    fn save(&self, w: &mut Writer) {
        self.core.save(w);
    }

    fn load(&mut self, r: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
        self.core.load(r, self.priority_mask)
    }

    fn inspect(&self) -> Vec<InspectValue> {
        regs::inspect(&self.core)
    }
}
