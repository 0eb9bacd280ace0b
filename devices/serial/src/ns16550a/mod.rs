//! The 16550A UART (National Semiconductor PC16550D data sheet).
//!
//! Transmission takes no time: a byte goes to the plug when it is written and the holding register
//! is empty again at once, so a console costs no virtual time; the interrupt for it is raised anew
//! for every byte. Reception takes no time either, but the character timeout of the FIFO does.
//! Input waits in the plug while the FIFO is full, so only loopback overruns. The plug carries
//! bytes: there are no parity or framing errors, and word length and break do not change what is
//! sent.

mod regs;
mod saved;
#[cfg(test)]
mod tests;

use crate::schemas::NS16550A_1;
use hetemu_hw::regs::inspect;
use hetemu_hw::time::{Ps, SECOND};
use hetemu_hw::{
    BusError, Config, ConfigError, Cx, Device, InspectValue, LoadError, Model, Reader, Writer,
};
use regs::*;
use std::collections::VecDeque;

/// `ns16550a`.
pub const MODEL: Model = Model { ty: &NS16550A_1, create };

const LINE: u32 = 0;
const IRQ: u32 = 0;
const TIMEOUT: u32 = 0;
const FIFO: usize = 16;

fn create(config: &Config) -> Result<Box<dyn Device>, ConfigError> {
    Ok(Box::new(Ns16550a {
        stride: config.int("reg_stride").max(1),
        clock_hz: config.clock("clk").max(1),
        state: State::default(),
    }))
}

struct Ns16550a {
    // Fixed configuration.
    stride: u64,
    clock_hz: u64,
    // Volatile state.
    state: State,
}

#[derive(Debug, Clone)]
struct State {
    /// DLM and DLL.
    divisor: u16,
    ier: u8,
    fcr: u8,
    lcr: u8,
    mcr: u8,
    /// Errors of LSR; its other bits follow from the rest.
    errors: u8,
    msr: u8,
    scr: u8,
    rx: VecDeque<u8>,
    /// The holding register became empty and nobody has taken notice.
    thre_pending: bool,
    /// Bytes have waited in the FIFO for four character times.
    timed_out: bool,
}

impl Default for State {
    fn default() -> State {
        State {
            divisor: 1,
            ier: 0,
            fcr: 0,
            lcr: 0,
            mcr: 0,
            errors: 0,
            msr: CARRIER,
            scr: 0,
            rx: VecDeque::new(),
            thre_pending: false,
            timed_out: false,
        }
    }
}

/// The other end of the line is there and ready.
const CARRIER: u8 = MSR_CTS | MSR_DSR | MSR_DCD;

impl State {
    fn fifos(&self) -> bool {
        self.fcr & FCR_ENABLE != 0
    }

    fn depth(&self) -> usize {
        if self.fifos() { FIFO } else { 1 }
    }

    fn loopback(&self) -> bool {
        self.mcr & MCR_LOOP != 0
    }

    fn trigger(&self) -> usize {
        let levels = [1, 4, 8, 14];
        match self.fifos() {
            true => levels.get(usize::from(self.fcr >> FCR_RXTRIG_LSB)).copied().unwrap_or(1),
            false => 1,
        }
    }

    fn iir(&self) -> u8 {
        let enabled = |bit| self.ier & bit != 0;
        let source = if enabled(IER_ELSI) && self.errors != 0 {
            IIR_LINE
        } else if enabled(IER_ERBFI) && self.rx.len() >= self.trigger() {
            IIR_RECEIVED
        } else if enabled(IER_ERBFI) && self.timed_out {
            IIR_TIMEOUT
        } else if enabled(IER_ETBEI) && self.thre_pending {
            IIR_THRE
        } else if enabled(IER_EDSSI) && self.msr & MSR_CHANGES != 0 {
            IIR_MODEM
        } else {
            IIR_NONE
        };
        source | if self.fifos() { IIR_FIFOS } else { 0 }
    }

    fn lsr(&self) -> u8 {
        let ready = if self.rx.is_empty() { 0 } else { LSR_DR };
        ready | self.errors | LSR_THRE | LSR_TEMT
    }

    /// The modem inputs: the other end's, or our own outputs in loopback (section 8.6).
    fn modem_inputs(&self) -> u8 {
        if !self.loopback() {
            return CARRIER;
        }
        let pairs =
            [(MCR_RTS, MSR_CTS), (MCR_DTR, MSR_DSR), (MCR_OUT1, MSR_RI), (MCR_OUT2, MSR_DCD)];
        pairs.iter().filter(|(from, _)| self.mcr & from != 0).map(|(_, to)| to).sum()
    }

    /// Takes the modem inputs over and notes what changed; RI counts only when it falls.
    fn sample_modem(&mut self) {
        let (old, new) = (self.msr & !MSR_CHANGES, self.modem_inputs());
        let mut changes = (old ^ new) >> 4;
        if new & MSR_RI != 0 {
            changes &= !MSR_TERI;
        }
        self.msr = new | self.msr & MSR_CHANGES | changes;
    }

    /// A byte arrives by loopback.
    fn loop_back(&mut self, byte: u8) {
        if self.rx.len() < self.depth() {
            self.rx.push_back(byte);
            return;
        }
        self.errors |= LSR_OE;
        // Without FIFOs the new byte replaces the old; with them it is lost (section 8.4, bit 1).
        if !self.fifos() {
            self.rx.clear();
            self.rx.push_back(byte);
        }
    }

    /// A register's value without the effect of reading it.
    fn value(&self, reg: u64) -> u8 {
        let dlab = self.lcr & LCR_DLAB != 0;
        match reg {
            RBR if dlab => self.divisor as u8,
            RBR => self.rx.front().copied().unwrap_or(0),
            IER if dlab => (self.divisor >> 8) as u8,
            IER => self.ier,
            IIR => self.iir(),
            LCR => self.lcr,
            MCR => self.mcr,
            LSR => self.lsr(),
            MSR => self.msr,
            SCR => self.scr,
            _ => 0,
        }
    }
}

impl Ns16550a {
    /// The register at an offset; bytes between registers are empty.
    fn at(&self, offset: u64) -> Option<u64> {
        offset.is_multiple_of(self.stride).then_some(offset / self.stride).filter(|reg| *reg <= SCR)
    }

    /// Four character times (section 8.11, FIFO interrupt mode).
    fn timeout(&self) -> Ps {
        let s = &self.state;
        let flag = |bit| u64::from(s.lcr & bit != 0);
        let bits = 1 + 5 + u64::from(s.lcr & LCR_WLS) + flag(LCR_PEN) + 1 + flag(LCR_STB);
        let periods = 4 * bits * 16 * u64::from(s.divisor.max(1));
        let ps = u128::from(periods) * u128::from(SECOND) / u128::from(self.clock_hz);
        u64::try_from(ps).unwrap_or(Ps::MAX)
    }

    /// Bytes came or went: the character timeout begins again.
    fn restart_timeout(&mut self, cx: &mut dyn Cx) {
        self.state.timed_out = false;
        if self.state.fifos() && !self.state.rx.is_empty() {
            cx.timer(TIMEOUT, cx.now().saturating_add(self.timeout()));
        } else {
            cx.stop_timer(TIMEOUT);
        }
    }

    fn drive(&self, cx: &mut dyn Cx) {
        cx.output(IRQ, 0, self.state.iir() & IIR_NONE == 0);
    }

    fn transmit(&mut self, cx: &mut dyn Cx, byte: u8) {
        if self.state.loopback() {
            self.state.loop_back(byte);
            self.restart_timeout(cx);
        } else {
            cx.send(LINE, &[byte]);
        }
        self.state.thre_pending = true;
    }

    fn write_fcr(&mut self, cx: &mut dyn Cx, value: u8) {
        let s = &mut self.state;
        let toggled = (value ^ s.fcr) & FCR_ENABLE != 0;
        // With bit 0 clear the other bits are not programmed (section 8.5).
        s.fcr = if value & FCR_ENABLE != 0 { value & FCR_KEPT } else { 0 };
        if toggled || value & FCR_ENABLE != 0 && value & FCR_RXRST != 0 {
            s.rx.clear();
            cx.accept_more(LINE);
            self.restart_timeout(cx);
        }
    }
}

impl Device for Ns16550a {
    fn read(&mut self, cx: &mut dyn Cx, _: u32, offset: u64, _: u8) -> Result<u64, BusError> {
        let Some(reg) = self.at(offset) else { return Ok(0) };
        let value = self.state.value(reg);
        match reg {
            RBR if self.state.lcr & LCR_DLAB == 0 => {
                if self.state.rx.pop_front().is_some() {
                    cx.accept_more(LINE);
                    self.restart_timeout(cx);
                }
            }
            // Reading the source clears it, if it is the one shown.
            IIR if value & 0x0f == IIR_THRE => self.state.thre_pending = false,
            LSR => self.state.errors = 0,
            MSR => self.state.msr &= !MSR_CHANGES,
            _ => return Ok(value.into()),
        }
        self.drive(cx);
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
        let Some(reg) = self.at(offset) else { return Ok(()) };
        let value = value as u8;
        let s = &mut self.state;
        let dlab = s.lcr & LCR_DLAB != 0;
        match reg {
            RBR if dlab => s.divisor = s.divisor & 0xff00 | u16::from(value),
            RBR => self.transmit(cx, value),
            IER if dlab => s.divisor = s.divisor & 0x00ff | u16::from(value) << 8,
            IER => {
                // The register is empty when its interrupt is enabled: that counts as an event.
                if value & !s.ier & IER_ETBEI != 0 {
                    s.thre_pending = true;
                }
                s.ier = value & IER_MASK;
            }
            IIR => self.write_fcr(cx, value),
            LCR => s.lcr = value,
            MCR => {
                let was = s.loopback();
                s.mcr = value & MCR_MASK;
                s.sample_modem();
                if was && !s.loopback() {
                    cx.accept_more(LINE);
                }
            }
            SCR => s.scr = value,
            // LSR and MSR are for reading; writes are for factory tests.
            _ => {}
        }
        self.drive(cx);
        Ok(())
    }

    fn peek(&self, _: u32, offset: u64, _: u8) -> Option<u64> {
        Some(self.at(offset).map_or(0, |reg| self.state.value(reg).into()))
    }

    fn timer(&mut self, cx: &mut dyn Cx, _: u32) {
        self.state.timed_out = self.state.fifos() && !self.state.rx.is_empty();
        self.drive(cx);
    }

    fn reset(&mut self, cx: &mut dyn Cx) {
        self.state = State::default();
        cx.stop_timer(TIMEOUT);
        self.drive(cx);
        cx.accept_more(LINE);
    }

    fn receive(&mut self, cx: &mut dyn Cx, _: u32, bytes: &[u8]) -> usize {
        if self.state.loopback() {
            return 0;
        }
        let room = self.state.depth().saturating_sub(self.state.rx.len()).min(bytes.len());
        self.state.rx.extend(bytes.iter().take(room));
        if room > 0 {
            self.restart_timeout(cx);
            self.drive(cx);
        }
        room
    }

    fn save(&self, w: &mut Writer) {
        self.state.save(w);
    }

    fn load(&mut self, r: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
        self.state = State::load(r)?;
        Ok(())
    }

    fn inspect(&self) -> Vec<InspectValue> {
        let mut values = inspect(&NS16550A_1, |_, offset, _| Some(self.state.value(offset).into()));
        let own = [("divisor", u64::from(self.state.divisor)), ("fcr", self.state.fcr.into())];
        values.extend(own.map(|(name, value)| InspectValue { name: name.into(), value }));
        values
    }
}
