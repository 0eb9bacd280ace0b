//! The ISA bridge of the PIIX4 south bridge (Intel 290562-001, chapters 4 and 7): function 0.
//!
//! Its configuration space, the edge/level registers and the reset port. The interrupt controllers,
//! the timer and the clock that the bridge has are parts of their own.

#[cfg(test)]
mod tests;

use crate::config::Space;
use crate::schemas::INTEL_PIIX4_1;
use hetemu_hw::pci::{Function, Space as Bus};
use hetemu_hw::{
    BusError, Config, ConfigError, Cx, Device, LoadError, Model, Reader, Request, Writer,
};

/// `intel.piix4`.
pub const MODEL: Model = Model { ty: &INTEL_PIIX4_1, create };

/// The region of the edge/level registers; the other is the reset port.
const ELCR: u32 = 0;
/// What the edge/level registers take: IRQ 0, 1, 2, 8 and 13 are always edges.
const ELCR_MASK: [u8; 2] = [0xf8, 0xde];
/// The port to the ISA bus, whose I/O addresses have 16 bits.
const ISA: u32 = 0;
const ISA_LAST: u64 = 0xffff;
/// Outputs of the schema.
const OUT_IRQ: u32 = 0;
const OUT_LEVEL: u32 = 1;
/// PIRQRC, of PIRQA to PIRQD: the interrupt in the low bits, or not routed. Interrupts 0 to 2, 8
/// and 13 cannot be had.
const PIRQRC: usize = 0x60;
const PIRQ_OFF: u8 = 0x80;
const ROUTES: u16 = 0xdef8;
/// RC.
const SRST: u8 = 2;
const RCPU: u8 = 4;

const SAVED_CONFIG: u16 = 1;
const SAVED_PORTS: u16 = 2;

fn create(_: &Config) -> Result<Box<dyn Device>, ConfigError> {
    Ok(Box::new(Piix4 { config: config(), elcr: [0; 2], rc: 0, pirq: 0 }))
}

struct Piix4 {
    // Volatile state.
    config: Space,
    elcr: [u8; 2],
    rc: u8,
    /// Levels of PIRQA to PIRQD.
    pirq: u8,
}

impl Piix4 {
    /// The interrupts that routed lines assert.
    fn routed(&self) -> u16 {
        let line = |n: u8| {
            let route = self.config.byte(PIRQRC + usize::from(n));
            let on = self.pirq >> n & 1 != 0 && route & PIRQ_OFF == 0;
            if on { 1 << (route & 15) & ROUTES } else { 0 }
        };
        (0..4).fold(0, |all, n| all | line(n))
    }

    fn drive(&self, cx: &mut dyn Cx) {
        let (irq, level) = (self.routed(), u16::from_le_bytes(self.elcr));
        for line in 0..16 {
            cx.output(OUT_IRQ, line, irq >> line & 1 != 0);
            cx.output(OUT_LEVEL, line, level >> line & 1 != 0);
        }
    }
}

fn config() -> Space {
    let mut config = Space::new(0x8086_7110, 0x0601_0000);
    // The device has several functions.
    config.set(0x0e, 1, 0x80);
    config.set(0x04, 2, 0x0007);
    config.set(0x06, 2, 0x0200);
    config.set(0x4c, 1, 0x4d);
    config.set(0x4e, 1, 0x03);
    config.set(0x60, 4, 0x8080_8080);
    config.set(0x69, 1, 0x02);
    config.set(0x70, 1, 0x80);
    config.set(0x76, 2, 0x0c0c);
    config.allow(0x04, 2, 0x0008);
    for at in (0x4c..0xd0).step_by(4) {
        config.allow(at, 4, u32::MAX);
    }
    config
}

impl Device for Piix4 {
    fn read(
        &mut self,
        _: &mut dyn Cx,
        region: u32,
        offset: u64,
        size: u8,
    ) -> Result<u64, BusError> {
        self.peek(region, offset, size).ok_or(BusError)
    }

    fn write(
        &mut self,
        cx: &mut dyn Cx,
        region: u32,
        offset: u64,
        _: u8,
        value: u64,
    ) -> Result<(), BusError> {
        let (at, value) = (usize::from(offset & 1 != 0), value as u8);
        if region == ELCR {
            self.elcr[at] = value & ELCR_MASK[at];
            self.drive(cx);
        } else {
            self.rc = value & SRST;
            if value & RCPU != 0 {
                cx.request(Request::Reset);
            }
        }
        Ok(())
    }

    fn peek(&self, region: u32, offset: u64, _: u8) -> Option<u64> {
        let elcr = self.elcr[usize::from(offset & 1 != 0)];
        Some(if region == ELCR { elcr } else { self.rc }.into())
    }

    fn signal(&mut self, cx: &mut dyn Cx, _: u32, line: u32, level: bool) {
        let bit = 1 << (line & 3);
        self.pirq = if level { self.pirq | bit } else { self.pirq & !bit };
        self.drive(cx);
    }

    fn reset(&mut self, cx: &mut dyn Cx) {
        *self = Piix4 { config: config(), elcr: [0; 2], rc: 0, pirq: 0 };
        self.drive(cx);
    }

    fn pci(&mut self) -> Option<&mut dyn Function> {
        Some(self)
    }

    fn save(&self, w: &mut Writer) {
        w.bytes(SAVED_CONFIG, self.config.bytes());
        w.bytes(SAVED_PORTS, &[self.elcr[0], self.elcr[1], self.rc, self.pirq]);
    }

    fn load(&mut self, r: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
        let bad = LoadError::Bad(SAVED_PORTS);
        let &[first, second, rc, pirq] = r.bytes(SAVED_PORTS)? else { return Err(bad) };
        let elcr = [first, second];
        let fits = elcr.iter().zip(ELCR_MASK).all(|(v, mask)| v & !mask == 0)
            && rc & !SRST == 0
            && pirq < 16;
        let mut config = config();
        config.restore(r.bytes(SAVED_CONFIG)?).ok_or(LoadError::Bad(SAVED_CONFIG))?;
        if !fits {
            return Err(bad);
        }
        *self = Piix4 { config, elcr, rc, pirq };
        Ok(())
    }
}

impl Function for Piix4 {
    fn config_read(&mut self, _: &mut dyn Cx, offset: u64, size: u8) -> u64 {
        self.config.read(offset, size)
    }

    fn config_write(&mut self, cx: &mut dyn Cx, offset: u64, size: u8, value: u64) {
        self.config.write(offset, size, value);
        self.drive(cx);
    }

    fn passes_on(&self, space: Bus, addr: u64) -> Option<u32> {
        (space == Bus::Io && addr <= ISA_LAST).then_some(ISA)
    }
}
