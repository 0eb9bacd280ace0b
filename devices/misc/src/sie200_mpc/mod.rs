//! The memory protection controller of Arm's SIE-200 (TRM, DDI 0571).
//!
//! The table is kept; accesses are not looked at.

mod saved;
#[cfg(test)]
mod tests;

use crate::schemas::{ARM_SIE200_MPC_1, arm_sie200_mpc_1 as reg};
use hetemu_hw::regs::{inspect, lanes_read, lanes_value, lanes_write, register};
use hetemu_hw::{
    BusError, Config, ConfigError, Cx, Device, InspectValue, LoadError, Model, Reader, Writer,
};

/// `arm.sie200_mpc`.
pub const MODEL: Model = Model { ty: &ARM_SIE200_MPC_1, create };

const IRQ: u32 = 0;

/// CTRL.
const AUTOINC: u32 = 1 << 8;
const LOCKDOWN: u32 = 1 << 31;
const CTRL: u32 = LOCKDOWN | AUTOINC | 1 << 6 | 1 << 4;

fn create(config: &Config) -> Result<Box<dyn Device>, ConfigError> {
    let (memory, block) = (config.int("memory"), config.int("block"));
    if !block.is_power_of_two() {
        let message = "`block` must be a power of two".to_string();
        return Err(ConfigError { path: config.path.clone(), message });
    }
    let blocks = memory.div_ceil(block);
    let words = blocks.div_ceil(32).max(1) as usize;
    Ok(Box::new(Mpc { shift: block.trailing_zeros() - 5, state: State::new(words) }))
}

struct Mpc {
    // Fixed configuration.
    /// BLK_CFG.
    shift: u32,
    // Volatile state.
    state: State,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct State {
    ctrl: u32,
    index: u32,
    status: u32,
    enable: u32,
    table: Vec<u32>,
}

impl State {
    fn new(words: usize) -> State {
        State { ctrl: 0, index: 0, status: 0, enable: 0, table: vec![0; words] }
    }

    fn word(&self) -> u32 {
        self.table.get(self.index as usize).copied().unwrap_or(0)
    }

    /// A whole word of the table was accessed.
    fn step(&mut self, size: u8) {
        if self.ctrl & AUTOINC != 0 && size == 4 {
            self.index = (self.index + 1) % self.table.len() as u32;
        }
    }
}

impl Mpc {
    fn value(&self, offset: u64) -> Option<u32> {
        let s = &self.state;
        Some(match offset {
            reg::CTRL => s.ctrl | s.ctrl << 1 & 1 << 7,
            reg::BLK_MAX => s.table.len() as u32 - 1,
            reg::BLK_CFG => self.shift,
            reg::BLK_IDX => s.index,
            reg::BLK_LUT => s.word(),
            reg::INT_STAT => s.status,
            reg::INT_EN => s.enable,
            reg::INT_CLEAR | reg::INT_SET => 0,
            _ => register(&ARM_SIE200_MPC_1, 0, offset)?.reset.unwrap_or(0) as u32,
        })
    }

    fn drive(&self, cx: &mut dyn Cx) {
        cx.output(IRQ, 0, self.state.status & self.state.enable != 0);
    }
}

impl Device for Mpc {
    fn read(&mut self, cx: &mut dyn Cx, _: u32, offset: u64, size: u8) -> Result<u64, BusError> {
        let value = self.peek(0, offset, size);
        match value {
            Some(_) if offset & !3 == reg::BLK_LUT => self.state.step(size),
            Some(_) => {}
            None => cx.unimplemented("reserved register", offset, false),
        }
        Ok(value.unwrap_or(0))
    }

    fn write(
        &mut self,
        cx: &mut dyn Cx,
        _: u32,
        offset: u64,
        size: u8,
        value: u64,
    ) -> Result<(), BusError> {
        let at = offset & !3;
        let Some(old) = self.value(at) else {
            cx.unimplemented("reserved register", offset, true);
            return Ok(());
        };
        let whole = lanes_write(old, offset, size, value);
        let s = &mut self.state;
        let open = s.ctrl & LOCKDOWN == 0;
        match at {
            reg::CTRL if open => s.ctrl = whole & CTRL,
            reg::BLK_IDX => s.index = whole % s.table.len() as u32,
            reg::BLK_LUT if open => {
                let index = s.index as usize;
                if let Some(word) = s.table.get_mut(index) {
                    *word = whole;
                }
                s.step(size);
            }
            reg::INT_CLEAR => s.status &= !lanes_value(offset, size, value),
            reg::INT_SET => s.status |= lanes_value(offset, size, value) & 1,
            reg::INT_EN if open => s.enable = whole & 1,
            _ => {}
        }
        self.drive(cx);
        Ok(())
    }

    fn peek(&self, _: u32, offset: u64, size: u8) -> Option<u64> {
        self.value(offset & !3).map(|value| lanes_read(value, offset, size))
    }

    fn reset(&mut self, cx: &mut dyn Cx) {
        self.state = State::new(self.state.table.len());
        self.drive(cx);
    }

    fn save(&self, w: &mut Writer) {
        self.state.save(w);
    }

    fn load(&mut self, r: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
        self.state = State::load(r, self.state.table.len())?;
        Ok(())
    }

    fn inspect(&self) -> Vec<InspectValue> {
        let mut all =
            inspect(&ARM_SIE200_MPC_1, |region, offset, size| self.peek(region, offset, size));
        let words = self.state.table.iter().enumerate();
        all.extend(
            words
                .filter(|(_, w)| **w != 0)
                .map(|(n, w)| InspectValue { name: format!("BLK_LUT[{n}]"), value: u64::from(*w) }),
        );
        all
    }
}
