//! OpenTitan's interrupt controller rv_plic in both register layouts (OpenTitan book, IP block
//! rv_plic). What it does is [`Gateways`]; this file is where its registers lie.
//!
//! A software interrupt (MSIP0) is an output of its own. Priorities have two bits.

mod regs;
mod saved;
#[cfg(test)]
mod tests;

use crate::gateway::Gateways;
use crate::schemas::{LOWRISC_PLIC_1, LOWRISC_PLIC_2};
use hetemu_hw::{
    BusError, Config, ConfigError, Cx, Device, InspectValue, LoadError, Model, Reader, Writer,
};
use regs::{Layout, PRIO_MASK, Reg};

/// Version 1: packed registers.
pub const MODEL_1: Model = Model { ty: &LOWRISC_PLIC_1, create: |c| create(c, Layout::packed) };
/// Version 2: the addresses of the RISC-V PLIC.
pub const MODEL_2: Model = Model { ty: &LOWRISC_PLIC_2, create: |c| create(c, Layout::sparse) };

const TARGET: u32 = 0;
const MSIP: u32 = 1;

fn create(config: &Config, layout: fn(u64) -> Layout) -> Result<Box<dyn Device>, ConfigError> {
    let sources = config.int("sources").clamp(1, 255);
    Ok(Box::new(LowriscPlic {
        layout: layout(sources),
        core: Gateways::new(sources as u32, 1),
        msip: false,
    }))
}

struct LowriscPlic {
    // Fixed configuration.
    layout: Layout,
    // Volatile state.
    core: Gateways,
    msip: bool,
}

impl LowriscPlic {
    fn drive(&self, cx: &mut dyn Cx) {
        cx.output(TARGET, 0, self.core.interrupts(0));
        cx.output(MSIP, 0, self.msip);
    }

    fn value(&self, reg: Reg) -> u32 {
        match reg {
            Reg::Ip(word) => self.core.pending(word),
            Reg::Le(word) => self.core.edges(word),
            Reg::Prio(source) => self.core.priority(source).unwrap_or(0),
            Reg::Ie(word) => self.core.enable(0, word).unwrap_or(0),
            Reg::Threshold => self.core.threshold(0).unwrap_or(0),
            Reg::Cc => self.core.best(0).map_or(0, |(source, _)| source),
            Reg::Msip => self.msip.into(),
            Reg::AlertTest => 0,
        }
    }
}

impl Device for LowriscPlic {
    fn read(&mut self, cx: &mut dyn Cx, _: u32, offset: u64, _: u8) -> Result<u64, BusError> {
        self.core.settle();
        let Some(reg) = self.layout.at(offset) else {
            cx.unimplemented("reserved register", offset, false);
            return Ok(0);
        };
        let value = self.value(reg);
        if reg == Reg::Cc {
            self.core.claim(0);
            self.drive(cx);
        }
        Ok(value.into())
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
        match self.layout.at(offset) {
            Some(Reg::Le(word)) => self.core.set_edges(word, value),
            Some(Reg::Prio(source)) => self.core.set_priority(source, value & PRIO_MASK),
            Some(Reg::Ie(word)) => self.core.set_enable(0, word, value),
            Some(Reg::Threshold) => {
                if let Some(t) = self.core.target(0) {
                    t.threshold = value & PRIO_MASK;
                }
            }
            Some(Reg::Cc) => self.core.complete(value),
            Some(Reg::Msip) => self.msip = value & 1 != 0,
            Some(Reg::Ip(_) | Reg::AlertTest) => {}
            None => cx.unimplemented("reserved register", offset, true),
        }
        self.drive(cx);
        Ok(())
    }

    fn peek(&self, _: u32, offset: u64, _: u8) -> Option<u64> {
        self.layout.at(offset).map(|reg| self.value(reg).into())
    }

    fn signal(&mut self, cx: &mut dyn Cx, _: u32, line: u32, level: bool) {
        self.core.line(line, level);
        self.drive(cx);
    }

    fn reset(&mut self, cx: &mut dyn Cx) {
        self.core.reset();
        self.msip = false;
        self.drive(cx);
    }

    fn save(&self, w: &mut Writer) {
        self.core.save(w);
        saved::save(self, w);
    }

    fn load(&mut self, r: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
        saved::load(self, r)
    }

    fn inspect(&self) -> Vec<InspectValue> {
        let named = self.layout.registers(self.core.words());
        named
            .into_iter()
            .map(|(name, reg)| InspectValue { name, value: self.value(reg).into() })
            .collect()
    }
}
