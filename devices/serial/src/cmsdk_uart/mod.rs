//! The APB UART of Arm's Cortex-M System Design Kit (TRM, DDI 0479D, section 4.3).
//!
//! Transmission takes no time: the buffer is empty again at once. Input waits in the plug while the
//! receive buffer is full, so nothing overruns.

mod saved;
#[cfg(test)]
mod tests;

use crate::schemas::{ARM_CMSDK_UART_1, arm_cmsdk_uart_1 as reg};
use hetemu_hw::regs::{lanes_read, lanes_write};
use hetemu_hw::{BusError, Config, ConfigError, Cx, Device, LoadError, Model, Reader, Writer};

/// `arm.cmsdk_uart`.
pub const MODEL: Model = Model { ty: &ARM_CMSDK_UART_1, create };

const LINE: u32 = 0;
const OUT_TX: u32 = 0;
const OUT_RX: u32 = 1;
const OUT_COMBINED: u32 = 4;

/// STATE.
const RX_FULL: u32 = 2;
/// CTRL.
const TX_EN: u32 = 1;
const RX_EN: u32 = 2;
const TX_INTEN: u32 = 4;
const RX_INTEN: u32 = 8;
/// INTSTATUS.
const TX: u32 = 1;
const RX: u32 = 2;

fn create(_: &Config) -> Result<Box<dyn Device>, ConfigError> {
    Ok(Box::new(CmsdkUart { state: State::default() }))
}

struct CmsdkUart {
    state: State,
}

#[derive(Debug, Clone, Default)]
struct State {
    rx: u8,
    status: u32,
    ctrl: u32,
    interrupts: u32,
    divisor: u32,
}

impl State {
    fn value(&self, offset: u64) -> u32 {
        match offset {
            reg::DATA => self.rx.into(),
            reg::STATE => self.status,
            reg::CTRL => self.ctrl,
            reg::INTSTATUS => self.interrupts,
            reg::BAUDDIV => self.divisor,
            _ => hetemu_hw::regs::register(&ARM_CMSDK_UART_1, 0, offset)
                .and_then(|r| r.reset)
                .unwrap_or(0) as u32,
        }
    }
}

impl CmsdkUart {
    fn drive(&self, cx: &mut dyn Cx) {
        let on = self.state.interrupts;
        cx.output(OUT_TX, 0, on & TX != 0);
        cx.output(OUT_RX, 0, on & RX != 0);
        cx.output(OUT_COMBINED, 0, on != 0);
    }
}

impl Device for CmsdkUart {
    fn read(&mut self, cx: &mut dyn Cx, _: u32, offset: u64, size: u8) -> Result<u64, BusError> {
        let at = offset & !3;
        let value = lanes_read(self.state.value(at), offset, size);
        if at == reg::DATA && self.state.status & RX_FULL != 0 {
            self.state.status &= !RX_FULL;
            cx.accept_more(LINE);
        }
        Ok(value)
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
        let whole = lanes_write(self.state.value(at), offset, size, value);
        let s = &mut self.state;
        match at {
            reg::DATA if s.ctrl & TX_EN != 0 => {
                cx.send(LINE, &[whole as u8]);
                if s.ctrl & TX_INTEN != 0 {
                    s.interrupts |= TX;
                }
            }
            reg::STATE => s.status &= !(whole & 0xc),
            reg::CTRL => {
                s.ctrl = whole & 0x7f;
                cx.accept_more(LINE);
            }
            reg::INTSTATUS => {
                // Only the ones that are written clear.
                s.interrupts &= !hetemu_hw::regs::lanes_value(offset, size, value);
            }
            reg::BAUDDIV => s.divisor = whole & 0xf_ffff,
            _ => {}
        }
        self.drive(cx);
        Ok(())
    }

    fn peek(&self, _: u32, offset: u64, size: u8) -> Option<u64> {
        Some(lanes_read(self.state.value(offset & !3), offset, size))
    }

    fn reset(&mut self, cx: &mut dyn Cx) {
        self.state = State::default();
        self.drive(cx);
        cx.accept_more(LINE);
    }

    fn receive(&mut self, cx: &mut dyn Cx, _: u32, bytes: &[u8]) -> usize {
        let s = &mut self.state;
        let Some(byte) = bytes.first() else { return 0 };
        if s.ctrl & RX_EN == 0 || s.status & RX_FULL != 0 {
            return 0;
        }
        s.rx = *byte;
        s.status |= RX_FULL;
        if s.ctrl & RX_INTEN != 0 {
            s.interrupts |= RX;
        }
        self.drive(cx);
        1
    }

    fn save(&self, w: &mut Writer) {
        self.state.save(w);
    }

    fn load(&mut self, r: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
        self.state = State::load(r)?;
        Ok(())
    }
}
