//! The IDE function of the PIIX4 (Intel 290562-001, chapter 5): two channels at the ports that PCs
//! have, and the bus master where its base address says.

#[cfg(test)]
mod tests;

use crate::config::{IO, MASTER, Space};
use crate::ide::Channel;
use crate::schemas::INTEL_PIIX4_IDE_1;
use hetemu_hw::pci::{self, Function};
use hetemu_hw::{BusError, Config, ConfigError, Cx, Device, LoadError, Model, Reader, Writer};

/// `intel.piix4_ide`.
pub const MODEL: Model = Model { ty: &INTEL_PIIX4_IDE_1, create };

/// The region of the bus master; those of the channels come before it, two each.
const MASTER_REGION: u32 = 4;
/// The bus master's base address register.
const BAR: usize = 4;
/// IDETIM of the primary channel, and of the secondary one behind it: decode enable.
const IDETIM: usize = 0x40;
const IDE: u8 = 0x80;
/// Ports of the channels: command block and control.
const PORTS: [(u64, u64); 2] = [(0x1f0, 0x3f6), (0x170, 0x376)];

const SAVED_CONFIG: u16 = 1;
const SAVED_CHANNELS: [u16; 2] = [10, 20];

fn create(config: &Config) -> Result<Box<dyn Device>, ConfigError> {
    let unit = |n: u32| {
        let name = n.to_string();
        config.children.contains_key(&name).then_some(name)
    };
    if let Some(other) =
        config.children.keys().find(|k| !matches!(k.as_str(), "0" | "1" | "2" | "3"))
    {
        let message = format!(
            "no drive can sit at `{other}`: 0 and 1 are on the primary channel, 2 and 3 on the \
             secondary one"
        );
        return Err(ConfigError { path: config.path.clone(), message });
    }
    let channels = [[unit(0), unit(1)], [unit(2), unit(3)]].map(Channel::new);
    Ok(Box::new(Piix4Ide { config: own_config(), channels }))
}

struct Piix4Ide {
    // Volatile state.
    config: Space,
    channels: [Channel; 2],
}

fn own_config() -> Space {
    let mut config = Space::new(0x8086_7111, 0x0101_8000);
    config.set(0x06, 2, 0x0280);
    config.bar(BAR, pci::Space::Io, 16);
    // Command, timings, Ultra DMA control and timing.
    config.allow(0x04, 2, IO | MASTER);
    config.allow(0x0d, 1, 0xf0);
    config.allow(0x20, 4, 0xfff0);
    config.allow(0x40, 4, u32::MAX);
    config.allow(0x44, 1, 0xff);
    config.allow(0x48, 1, 0x0f);
    config.allow(0x4a, 2, 0x3333);
    config
}

impl Piix4Ide {
    fn drive(&self, cx: &mut dyn Cx) {
        for (line, channel) in self.channels.iter().enumerate() {
            cx.output(0, line as u32, channel.line());
        }
    }

    /// The channel of a region, and whether it is its command block.
    fn channel(&mut self, region: u32) -> (&mut Channel, bool) {
        let [first, second] = &mut self.channels;
        (if region < 2 { first } else { second }, region & 1 == 0)
    }
}

impl Device for Piix4Ide {
    fn read(
        &mut self,
        cx: &mut dyn Cx,
        region: u32,
        offset: u64,
        size: u8,
    ) -> Result<u64, BusError> {
        if region == MASTER_REGION {
            let [first, second] = &self.channels;
            let channel = if offset & 8 == 0 { first } else { second };
            return Ok(channel.master_read(offset, size));
        }
        let value = match self.channel(region) {
            (channel, true) => channel.read(cx, offset, size),
            (channel, false) => channel.alternate(cx),
        };
        self.drive(cx);
        Ok(value)
    }

    fn write(
        &mut self,
        cx: &mut dyn Cx,
        region: u32,
        offset: u64,
        size: u8,
        value: u64,
    ) -> Result<(), BusError> {
        if region == MASTER_REGION {
            let [first, second] = &mut self.channels;
            let channel = if offset & 8 == 0 { first } else { second };
            channel.master_write(cx, offset, size, value);
        } else {
            match self.channel(region) {
                (channel, true) => channel.write(cx, offset, size, value),
                (channel, false) => channel.write_control(cx, value as u8),
            }
        }
        self.drive(cx);
        Ok(())
    }

    fn peek(&self, region: u32, offset: u64, size: u8) -> Option<u64> {
        let [first, second] = &self.channels;
        let of = |second_one: bool| if second_one { second } else { first };
        (region == MASTER_REGION).then(|| of(offset & 8 != 0).master_read(offset, size))
    }

    fn reset(&mut self, cx: &mut dyn Cx) {
        self.config = own_config();
        self.channels.iter_mut().for_each(|c| c.reset(cx));
        self.drive(cx);
    }

    fn pci(&mut self) -> Option<&mut dyn Function> {
        Some(self)
    }

    fn save(&self, w: &mut Writer) {
        w.bytes(SAVED_CONFIG, self.config.bytes());
        self.channels.iter().zip(SAVED_CHANNELS).for_each(|(c, base)| c.save(w, base));
    }

    fn load(&mut self, r: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
        let mut config = own_config();
        config.restore(r.bytes(SAVED_CONFIG)?).ok_or(LoadError::Bad(SAVED_CONFIG))?;
        let mut channels = self.channels.clone();
        for (channel, base) in channels.iter_mut().zip(SAVED_CHANNELS) {
            channel.load(r, base)?;
        }
        (self.config, self.channels) = (config, channels);
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

    fn claims(&self, space: pci::Space, addr: u64) -> Option<(u32, u64)> {
        if space != pci::Space::Io {
            return None;
        }
        if let Some(offset) = self.config.hit(BAR, space, 16, addr) {
            return Some((MASTER_REGION, offset));
        }
        let on = self.config.word(4) & IO != 0;
        (0..2).zip(PORTS).find_map(|(n, (command, control))| {
            let decodes = self.config.byte(IDETIM + 2 * n as usize + 1) & IDE != 0;
            let region = 2 * n;
            match addr {
                _ if !on || !decodes => None,
                a if a == control => Some((region + 1, 0)),
                a if (command..command + 8).contains(&a) => Some((region, a - command)),
                _ => None,
            }
        })
    }
}
