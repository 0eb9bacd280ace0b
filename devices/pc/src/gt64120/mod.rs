//! The Galileo GT-64120 (GT-64120A data sheet): its registers, configuration cycles and interrupt
//! acknowledge cycles on PCI bus 0.
//!
//! The address decoder finds its own registers (ISD) and the windows to PCI I/O and memory wherever
//! the registers put them, in the region `decode`. The windows to RAM and to the boot device do not
//! move: the machine's rows say where those are. Memory timing, DMA, timers and PCI bus 1 are
//! registers that only hold values, and PCI sees RAM at the addresses that the processor has.

#[cfg(test)]
mod tests;

use crate::config;
use crate::decode::Decoder;
use crate::schemas::GALILEO_GT64120_1;
use hetemu_hw::pci::{self, Cycle, unit};
use hetemu_hw::regs::{lanes_read, lanes_write, mask};
use hetemu_hw::{BusError, Config, ConfigError, Cx, Device, LoadError, Model, Reader, Writer};

/// `galileo.gt64120`.
pub const MODEL: Model = Model { ty: &GALILEO_GT64120_1, create };

use crate::schemas::galileo_gt64120_1::{
    CPU_CFG, CPU_MASK, INTERRUPT_CAUSE, ISD, PCI0_CFGADDR, PCI0_CFGDATA, PCI0_CMD, PCI0_IACK,
    PCI0IOHD, PCI0IOLD, PCI0IOREMAP, PCI0M0HD, PCI0M0LD, PCI0M0REMAP, PCI0M1HD, PCI0M1LD,
    PCI0M1REMAP,
};

/// The windows to PCI bus 0: low and high decode, remap.
const WINDOWS: [(pci::Space, u64, u64, u64); 3] = [
    (pci::Space::Io, PCI0IOLD, PCI0IOHD, PCI0IOREMAP),
    (pci::Space::Memory, PCI0M0LD, PCI0M0HD, PCI0M0REMAP),
    (pci::Space::Memory, PCI0M1LD, PCI0M1HD, PCI0M1REMAP),
];
/// The decoder compares addresses in units of 2 MiB: 15 bits of them below, the lowest 7 above; a
/// write of a low decode register sets 11 bits of the remap register.
const UNIT_BITS: u32 = 21;
const LOW_MASK: u32 = 0x7fff;
const HIGH_MASK: u32 = 0x7f;
const REMAP_MASK: u32 = 0x7ff;
/// The region of the decoder.
const DECODE: u32 = 1;

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
const ID: u32 = 0x11ab_4620;
const CLASS: u32 = 0x0600_0010;

const SAVED: u16 = 1;
const SAVED_CONFIG: u16 = 2;

fn create(config: &Config) -> Result<Box<dyn Device>, ConfigError> {
    let big = config.flag("big_endian");
    let units = config.children.keys().cloned().collect();
    let bus = Decoder::new(units);
    Ok(Box::new(Gt64120 { big, bus, words: reset_values(big), config: own_config() }))
}

struct Gt64120 {
    // Fixed configuration.
    big: bool,
    /// Who sits on PCI bus 0.
    bus: Decoder,
    // Volatile state.
    /// Registers by offset / 4.
    words: Vec<u32>,
    /// Its own function on the bus.
    config: config::Space,
}

/// Its own function: the windows to RAM, devices and registers that PCI sees by reset. They hold
/// what is written and move nothing.
fn own_config() -> config::Space {
    let mut space = config::Space::new(ID, CLASS);
    space.set(0x04, 2, 0x0006);
    space.set(0x06, 2, 0x0280);
    space.allow(0x04, 2, 0x0147);
    let bars = [8, 0x0100_0008, 0x1c00_0000, 0x1f00_0000, 0x1400_0000, 0x1400_0001];
    for (n, value) in bars.into_iter().enumerate() {
        space.set(0x10 + 4 * n, 4, value);
        space.allow(0x10 + 4 * n, 4, 0xffff_f000);
    }
    space.set(0x3d, 1, 1);
    space.allow(0x3c, 1, 0xff);
    space
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
        if write.is_some() {
            self.bus.forget();
            cx.ways_change();
        }
        if device == 0 && function == 0 {
            if let Some(value) = write {
                self.config.write(at, 4, value.into());
            }
            return self.config.read(at, 4) as u32;
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

/// Where an address of the processor leads.
enum Way {
    /// A register, by its offset.
    Register(u64),
    /// A cycle on PCI.
    Pci(pci::Space, u64),
}

impl Gt64120 {
    fn way(&self, addr: u64) -> Option<Way> {
        let unit = (addr >> UNIT_BITS) as u32;
        if self.word(ISD) & LOW_MASK == unit {
            return Some(Way::Register(addr & 0xfff));
        }
        WINDOWS.iter().find_map(|(space, low, high, remap)| {
            let low = self.word(*low) & LOW_MASK;
            let high = low & !HIGH_MASK | self.word(*high) & HIGH_MASK;
            if !(low..=high).contains(&unit) {
                return None;
            }
            // Bits in which both ends agree come from the remap register. But in I/O space, where
            // 16 bits are what anybody decodes, software for the board leaves it alone.
            let free = (low ^ high).checked_ilog2().map_or(0, |top| (2 << top) - 1);
            let moved = match space {
                pci::Space::Io => 0,
                pci::Space::Memory => self.word(*remap) & !free,
            };
            let unit = unit & free | moved;
            let inside = addr & ((1 << UNIT_BITS) - 1);
            Some(Way::Pci(*space, u64::from(unit) << UNIT_BITS | inside))
        })
    }

    /// An access to a register, or to what lies behind a window.
    fn access(
        &mut self,
        cx: &mut dyn Cx,
        addr: u64,
        size: u8,
        write: Option<u64>,
    ) -> Result<u64, BusError> {
        if size == 8 {
            let parts = [(0, write), (4, write.map(|v| v >> 32))];
            let [low, high] = parts.map(|(at, write)| self.access(cx, addr + at, 4, write));
            return Ok(low? | high? << 32);
        }
        match (self.way(addr), write) {
            (Some(Way::Register(at)), Some(value)) => {
                self.register_write(cx, at, size, value);
                Ok(0)
            }
            (Some(Way::Register(at)), None) => Ok(self.register_read(cx, at, size)),
            (Some(Way::Pci(space, addr)), _) => {
                let cycle = Cycle { space, addr, size, write };
                self.bus.cycle(cx, cycle).unwrap_or_else(|| {
                    self.set(INTERRUPT_CAUSE, self.word(INTERRUPT_CAUSE) | MASTER_ABORT);
                    self.drive(cx);
                    Ok(mask(size))
                })
            }
            (None, _) => {
                cx.unimplemented("an address that nothing decodes", addr, write.is_some());
                Ok(0)
            }
        }
    }

    fn register_read(&mut self, cx: &mut dyn Cx, offset: u64, size: u8) -> u64 {
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
        value
    }

    fn register_write(&mut self, cx: &mut dyn Cx, offset: u64, size: u8, value: u64) {
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
            at => {
                self.set(at, word);
                cx.ways_change();
            }
        }
        if let Some((_, _, _, remap)) = WINDOWS.iter().find(|w| w.1 == offset & !3) {
            self.set(*remap, word & REMAP_MASK);
        }
        self.drive(cx);
    }
}

impl Device for Gt64120 {
    fn read(
        &mut self,
        cx: &mut dyn Cx,
        region: u32,
        offset: u64,
        size: u8,
    ) -> Result<u64, BusError> {
        match region {
            DECODE => self.access(cx, offset, size, None),
            _ => Ok(self.register_read(cx, offset, size)),
        }
    }

    fn write(
        &mut self,
        cx: &mut dyn Cx,
        region: u32,
        offset: u64,
        size: u8,
        value: u64,
    ) -> Result<(), BusError> {
        match region {
            DECODE => self.access(cx, offset, size, Some(value)).map(|_| ()),
            _ => {
                self.register_write(cx, offset, size, value);
                Ok(())
            }
        }
    }

    fn peek(&self, region: u32, offset: u64, size: u8) -> Option<u64> {
        let offset = match region {
            DECODE => match self.way(offset)? {
                Way::Register(at) if size < 8 => at,
                _ => return None,
            },
            _ => offset,
        };
        match offset & !3 {
            PCI0_CFGDATA | PCI0_IACK => None,
            _ => Some(lanes_read(self.word(offset), offset, size)),
        }
    }

    fn reset(&mut self, cx: &mut dyn Cx) {
        self.words = reset_values(self.big);
        self.config = own_config();
        self.bus.forget();
        cx.ways_change();
        self.drive(cx);
    }

    fn save(&self, w: &mut Writer) {
        w.ints(SAVED, self.words.iter().map(|v| u64::from(*v)));
        w.bytes(SAVED_CONFIG, self.config.bytes());
    }

    fn load(&mut self, r: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
        let mut words = [0; WORDS];
        r.ints(SAVED, &mut words)?;
        let mut config = own_config();
        config.restore(r.bytes(SAVED_CONFIG)?).ok_or(LoadError::Bad(SAVED_CONFIG))?;
        let words: Result<Vec<u32>, _> = words.iter().map(|v| u32::try_from(*v)).collect();
        self.words = words.map_err(|_| LoadError::Bad(SAVED))?;
        self.config = config;
        self.bus.forget();
        Ok(())
    }
}
