//! The Galileo GT-64120 (GT-64120A data sheet): its registers, configuration cycles and interrupt
//! acknowledge cycles on PCI bus 0.
//!
//! The address decoder's registers hold what is written, and decode nothing: the machine's map says
//! where things are, at the places that firmware for the board chooses. Memory timing, DMA, timers
//! and PCI bus 1 are registers that only hold values.

#[cfg(test)]
mod tests;

use crate::schemas::GALILEO_GT64120_1;
use hetemu_hw::pci::unit;
use hetemu_hw::regs::{lanes_read, lanes_write};
use hetemu_hw::{BusError, Config, ConfigError, Cx, Device, LoadError, Model, Reader, Writer};

/// `galileo.gt64120`.
pub const MODEL: Model = Model { ty: &GALILEO_GT64120_1, create };

use crate::schemas::galileo_gt64120_1::{
    CPU_CFG, CPU_MASK, INTERRUPT_CAUSE, PCI0_CFGADDR, PCI0_CFGDATA, PCI0_CMD, PCI0_IACK,
};

/// CPU_CFG.Endianess: the processor is little-endian.
const LITTLE: u32 = 1 << 12;
/// PCI0_CMD.MByteSwap: data of configuration cycles is not swapped.
const MASTER_STRAIGHT: u32 = 1;
/// INTERRUPT_CAUSE: nobody answered a configuration cycle.
const MASTER_ABORT: u32 = 1 << 18;
/// The input of the schema.
const INTR: u32 = 0;
/// Words of the register file.
const WORDS: usize = 1024;
/// The bridge's own function: Galileo, GT-64120; host bridge.
const ID: u32 = 0x4620_11ab;
const CLASS: u32 = 0x0600_0010;

const SAVED: u16 = 1;

fn create(config: &Config) -> Result<Box<dyn Device>, ConfigError> {
    let big = config.flag("big_endian");
    Ok(Box::new(Gt64120 { big, words: reset_values(big) }))
}

struct Gt64120 {
    // Fixed configuration.
    big: bool,
    // Volatile state.
    /// Registers by offset / 4.
    words: Vec<u32>,
}

fn reset_values(big: bool) -> Vec<u32> {
    let mut words = vec![0; WORDS];
    let regs = GALILEO_GT64120_1.regions.first().map_or(&[][..], |r| r.regs);
    let fixed = regs.iter().filter_map(|r| Some((r.offset, r.reset? as u32)));
    let swapping = [(CPU_CFG, LITTLE), (PCI0_CMD, 1 << 16 | MASTER_STRAIGHT)];
    let swapping = swapping.into_iter().filter(|_| !big);
    for (offset, value) in fixed.chain(swapping) {
        if let Some(word) = words.get_mut((offset / 4) as usize) {
            *word = value;
        }
    }
    words
}

impl Gt64120 {
    fn word(&self, offset: u64) -> u32 {
        self.words.get((offset / 4) as usize).copied().unwrap_or(0)
    }

    fn set(&mut self, offset: u64, value: u32) {
        if let Some(word) = self.words.get_mut((offset / 4) as usize) {
            *word = value;
        }
    }

    fn drive(&self, cx: &mut dyn Cx) {
        let pending = self.word(INTERRUPT_CAUSE) & self.word(CPU_MASK) & !1;
        cx.output(0, 0, pending != 0);
    }

    /// Device, function and register that the configuration address names; none on other buses.
    fn target(&self) -> Option<(u32, u32, u64)> {
        let at = self.word(PCI0_CFGADDR);
        let here = at >> 31 == 1 && at >> 16 & 0xff == 0;
        here.then(|| (at >> 11 & 31, at >> 8 & 7, u64::from(at & 0xfc)))
    }

    /// Whether data of configuration cycles to a device is swapped.
    fn swapped(&self, device: u32) -> bool {
        device != 0 && self.word(PCI0_CMD) & MASTER_STRAIGHT == 0
    }

    /// A configuration cycle at the address register, data in the processor's lanes.
    fn configure(&mut self, cx: &mut dyn Cx, write: Option<u32>) -> u32 {
        let nothing = u32::MAX;
        let Some((device, function, at)) = self.target() else { return nothing };
        if device == 0 && function == 0 {
            return match (at, write) {
                (0x00, None) => ID,
                (0x08, None) => CLASS,
                (0x04, None) => 0x0280_0006,
                _ => 0,
            };
        }
        let swap = |v: u32| if self.swapped(device) { v.swap_bytes() } else { v };
        let mut answer = None;
        cx.with_child(&unit(device, function), &mut |dev, cx| {
            let Some(pci) = dev.pci() else { return };
            answer = Some(match write {
                Some(value) => {
                    pci.config_write(cx, at, 4, swap(value).into());
                    0
                }
                None => swap(pci.config_read(cx, at, 4) as u32),
            });
        });
        answer.unwrap_or_else(|| {
            self.set(INTERRUPT_CAUSE, self.word(INTERRUPT_CAUSE) | MASTER_ABORT);
            nothing
        })
    }

    /// An access of 1 or 2 bytes of CFGDATA: the bytes of the register that it means.
    fn configure_part(
        &mut self,
        cx: &mut dyn Cx,
        offset: u64,
        size: u8,
        write: Option<u64>,
    ) -> u64 {
        let old = self.configure(cx, None);
        match write {
            None => lanes_read(old, offset, size),
            Some(value) => {
                self.configure(cx, Some(lanes_write(old, offset, size, value)));
                0
            }
        }
    }
}

impl Device for Gt64120 {
    fn read(&mut self, cx: &mut dyn Cx, _: u32, offset: u64, size: u8) -> Result<u64, BusError> {
        let value = match offset & !3 {
            PCI0_CFGDATA if size == 4 => self.configure(cx, None).into(),
            PCI0_CFGDATA => self.configure_part(cx, offset, size, None),
            PCI0_IACK => {
                let vector = cx.acknowledge(INTR, 0).unwrap_or(u32::MAX);
                lanes_read(vector, offset, size)
            }
            _ => lanes_read(self.word(offset), offset, size),
        };
        self.drive(cx);
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
        let word = lanes_write(self.word(offset), offset, size, value);
        match offset & !3 {
            PCI0_CFGDATA if size == 4 => {
                self.configure(cx, Some(value as u32));
            }
            PCI0_CFGDATA => {
                self.configure_part(cx, offset, size, Some(value));
            }
            INTERRUPT_CAUSE => self.set(INTERRUPT_CAUSE, self.word(INTERRUPT_CAUSE) & word),
            PCI0_IACK => {}
            at => self.set(at, word),
        }
        self.drive(cx);
        Ok(())
    }

    fn peek(&self, _: u32, offset: u64, size: u8) -> Option<u64> {
        match offset & !3 {
            PCI0_CFGDATA | PCI0_IACK => None,
            _ => Some(lanes_read(self.word(offset), offset, size)),
        }
    }

    fn reset(&mut self, cx: &mut dyn Cx) {
        self.words = reset_values(self.big);
        self.drive(cx);
    }

    fn save(&self, w: &mut Writer) {
        w.ints(SAVED, self.words.iter().map(|v| u64::from(*v)));
    }

    fn load(&mut self, r: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
        let mut words = [0; WORDS];
        r.ints(SAVED, &mut words)?;
        let words: Result<Vec<u32>, _> = words.iter().map(|v| u32::try_from(*v)).collect();
        self.words = words.map_err(|_| LoadError::Bad(SAVED))?;
        Ok(())
    }
}
