//! Security control of the SSE-200 (TRM 101104): what firmware sets for the memories' and the
//! peripherals' protection controllers.

mod saved;
#[cfg(test)]
mod tests;

use crate::schemas::ARM_SSE_SECCTL_1;
use crate::schemas::arm_sse_secctl_1::{nonsecure as ns, secure as reg};
use hetemu_hw::regs::{lanes_read, lanes_write, register};
use hetemu_hw::{BusError, Config, ConfigError, Cx, Device, LoadError, Model, Reader, Writer};

/// `arm.sse_secctl`.
pub const MODEL: Model = Model { ty: &ARM_SSE_SECCTL_1, create };

/// Regions.
const SECURE: u32 = 0;
const NONSECURE: u32 = 1;
/// Outputs.
const NSC_CODE: u32 = 0;
const NSC_RAM: u32 = 1;
const MPC_IRQ: u32 = 2;

/// Registers that keep what is written: region, offset, and which of their bits do.
const WRITABLE: [(u32, u64, u32); 41] = [
    (SECURE, reg::SPCSECCTRL, 0x1),
    (SECURE, reg::BUSWAIT, 0x1),
    (SECURE, reg::SECRESPCFG, 0x1),
    (SECURE, reg::NSCCFG, 0x3),
    (SECURE, reg::SECPPCINTEN, 0xffffffff),
    (SECURE, reg::SECMSCINTEN, 0xffffffff),
    (SECURE, reg::BRGINTEN, 0xffffffff),
    (SECURE, reg::AHBNSPPC0, 0xffff),
    (SECURE, reg::AHBNSPPCEXP0, 0xffff),
    (SECURE, reg::AHBNSPPCEXP1, 0xffff),
    (SECURE, reg::AHBNSPPCEXP2, 0xffff),
    (SECURE, reg::AHBNSPPCEXP3, 0xffff),
    (SECURE, reg::APBNSPPC0, 0xffff),
    (SECURE, reg::APBNSPPC1, 0xffff),
    (SECURE, reg::APBNSPPCEXP0, 0xffff),
    (SECURE, reg::APBNSPPCEXP1, 0xffff),
    (SECURE, reg::APBNSPPCEXP2, 0xffff),
    (SECURE, reg::APBNSPPCEXP3, 0xffff),
    (SECURE, reg::AHBSPPPC0, 0xffff),
    (SECURE, reg::AHBSPPPCEXP0, 0xffff),
    (SECURE, reg::AHBSPPPCEXP1, 0xffff),
    (SECURE, reg::AHBSPPPCEXP2, 0xffff),
    (SECURE, reg::AHBSPPPCEXP3, 0xffff),
    (SECURE, reg::APBSPPPC0, 0xffff),
    (SECURE, reg::APBSPPPC1, 0xffff),
    (SECURE, reg::APBSPPPCEXP0, 0xffff),
    (SECURE, reg::APBSPPPCEXP1, 0xffff),
    (SECURE, reg::APBSPPPCEXP2, 0xffff),
    (SECURE, reg::APBSPPPCEXP3, 0xffff),
    (SECURE, reg::NSMSCEXP, 0xffffffff),
    (NONSECURE, ns::AHBNSPPPC0, 0xffff),
    (NONSECURE, ns::AHBNSPPPCEXP0, 0xffff),
    (NONSECURE, ns::AHBNSPPPCEXP1, 0xffff),
    (NONSECURE, ns::AHBNSPPPCEXP2, 0xffff),
    (NONSECURE, ns::AHBNSPPPCEXP3, 0xffff),
    (NONSECURE, ns::APBNSPPPC0, 0xffff),
    (NONSECURE, ns::APBNSPPPC1, 0xffff),
    (NONSECURE, ns::APBNSPPPCEXP0, 0xffff),
    (NONSECURE, ns::APBNSPPPCEXP1, 0xffff),
    (NONSECURE, ns::APBNSPPPCEXP2, 0xffff),
    (NONSECURE, ns::APBNSPPPCEXP3, 0xffff),
];

fn create(_: &Config) -> Result<Box<dyn Device>, ConfigError> {
    Ok(Box::new(SecCtl { state: State::default() }))
}

struct SecCtl {
    // Volatile state.
    state: State,
}

#[derive(Debug, Clone, Default)]
struct State {
    mpc: u32,
    /// In the order of [`WRITABLE`].
    registers: Vec<u32>,
}

impl State {
    fn kept(&self, region: u32, offset: u64) -> Option<u32> {
        let index = WRITABLE.iter().position(|(r, at, _)| (*r, *at) == (region, offset))?;
        Some(self.registers.get(index).copied().unwrap_or(0))
    }
}

impl SecCtl {
    fn value(&self, region: u32, offset: u64) -> Option<u32> {
        if (region, offset) == (SECURE, reg::SECMPCINTSTATUS) {
            return Some(self.state.mpc);
        }
        self.state.kept(region, offset).or_else(|| {
            let register = register(&ARM_SSE_SECCTL_1, region, offset)?;
            Some(register.reset.unwrap_or(0) as u32)
        })
    }

    fn drive(&self, cx: &mut dyn Cx) {
        let nsc = self.state.kept(SECURE, reg::NSCCFG).unwrap_or(0);
        cx.output(NSC_CODE, 0, nsc & 1 != 0);
        cx.output(NSC_RAM, 0, nsc & 2 != 0);
        cx.output(MPC_IRQ, 0, self.state.mpc != 0);
    }
}

impl Device for SecCtl {
    fn read(
        &mut self,
        cx: &mut dyn Cx,
        region: u32,
        offset: u64,
        size: u8,
    ) -> Result<u64, BusError> {
        let value = self.peek(region, offset, size);
        if value.is_none() {
            cx.unimplemented("reserved register", offset, false);
        }
        Ok(value.unwrap_or(0))
    }

    fn write(
        &mut self,
        cx: &mut dyn Cx,
        region: u32,
        offset: u64,
        size: u8,
        value: u64,
    ) -> Result<(), BusError> {
        let at = offset & !3;
        let Some(old) = self.value(region, at) else {
            cx.unimplemented("reserved register", offset, true);
            return Ok(());
        };
        let whole = lanes_write(old, offset, size, value);
        self.state.registers.resize(WRITABLE.len(), 0);
        let all = self.state.registers.iter_mut().zip(WRITABLE);
        for (kept, (.., mask)) in all.filter(|(_, (r, a, _))| (*r, *a) == (region, at)) {
            *kept = whole & mask;
        }
        self.drive(cx);
        Ok(())
    }

    fn peek(&self, region: u32, offset: u64, size: u8) -> Option<u64> {
        self.value(region, offset & !3).map(|value| lanes_read(value, offset, size))
    }

    fn signal(&mut self, cx: &mut dyn Cx, _: u32, line: u32, level: bool) {
        let bit = 1 << (line & 31);
        self.state.mpc = self.state.mpc & !bit | if level { bit } else { 0 };
        self.drive(cx);
    }

    fn reset(&mut self, cx: &mut dyn Cx) {
        self.state = State { mpc: self.state.mpc, ..State::default() };
        self.drive(cx);
    }

    fn save(&self, w: &mut Writer) {
        self.state.save(w);
    }

    fn load(&mut self, r: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
        self.state = State::load(r)?;
        Ok(())
    }
}
