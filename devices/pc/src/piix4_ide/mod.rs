//! The IDE function of the PIIX4 (Intel 290562-001, chapter 5) as a machine without drives has it:
//! configuration space alone.

#[cfg(test)]
mod tests;

use crate::config::Space;
use crate::schemas::INTEL_PIIX4_IDE_1;
use hetemu_hw::pci::Function;
use hetemu_hw::{Config, ConfigError, Cx, Device, LoadError, Model, Reader, Writer};

/// `intel.piix4_ide`.
pub const MODEL: Model = Model { ty: &INTEL_PIIX4_IDE_1, create };

const SAVED_CONFIG: u16 = 1;

fn create(_: &Config) -> Result<Box<dyn Device>, ConfigError> {
    Ok(Box::new(Piix4Ide { config: config() }))
}

struct Piix4Ide {
    // Volatile state.
    config: Space,
}

fn config() -> Space {
    let mut config = Space::new(0x8086_7111, 0x0101_8000);
    config.set(0x06, 2, 0x0280);
    config.set(0x20, 4, 1);
    // Command, bus master base, timings, Ultra DMA control and timing.
    config.allow(0x04, 2, 0x0005);
    config.allow(0x0d, 1, 0xf0);
    config.allow(0x20, 4, 0xfff0);
    config.allow(0x40, 4, u32::MAX);
    config.allow(0x44, 1, 0xff);
    config.allow(0x48, 1, 0x0f);
    config.allow(0x4a, 2, 0x3333);
    config
}

impl Device for Piix4Ide {
    fn reset(&mut self, _: &mut dyn Cx) {
        self.config = config();
    }

    fn pci(&mut self) -> Option<&mut dyn Function> {
        Some(self)
    }

    fn save(&self, w: &mut Writer) {
        w.bytes(SAVED_CONFIG, self.config.bytes());
    }

    fn load(&mut self, r: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
        let mut config = config();
        config.restore(r.bytes(SAVED_CONFIG)?).ok_or(LoadError::Bad(SAVED_CONFIG))?;
        self.config = config;
        Ok(())
    }
}

impl Function for Piix4Ide {
    fn config_read(&mut self, _: &mut dyn Cx, offset: u64, size: u8) -> u64 {
        self.config.read(offset, size)
    }

    fn config_write(&mut self, _: &mut dyn Cx, offset: u64, size: u8, value: u64) {
        self.config.write(offset, size, value);
    }
}
