//! Channels of 32-bit words between cores, each with a FIFO and an interrupt. The page `doc.md` is
//! the specification.

mod regs;
mod saved;
#[cfg(test)]
mod tests;

use crate::schemas::HM_MAILBOX_1;
use hetemu_hw::{
    BusError, Config, ConfigError, Cx, Device, InspectValue, LoadError, Model, Reader, Writer,
};
use regs::*;
use std::collections::VecDeque;

/// `hm.mailbox`.
pub const MODEL: Model = Model { ty: &HM_MAILBOX_1, create };

const IRQ: u32 = 0;

fn create(config: &Config) -> Result<Box<dyn Device>, ConfigError> {
    let channels = config.int("channels").clamp(1, CHANNELS) as usize;
    Ok(Box::new(Mailbox {
        depth: config.int("depth").clamp(1, 255) as usize,
        channels: vec![Channel::default(); channels],
    }))
}

struct Mailbox {
    // Fixed configuration.
    depth: usize,
    // Volatile state.
    channels: Vec<Channel>,
}

#[derive(Debug, Clone)]
struct Channel {
    words: VecDeque<u32>,
    lost: bool,
    enabled: bool,
}

impl Default for Channel {
    fn default() -> Channel {
        Channel { words: VecDeque::new(), lost: false, enabled: true }
    }
}

impl Mailbox {
    fn drive(&self, cx: &mut dyn Cx, index: usize) {
        let high = self.channels.get(index).is_some_and(|c| c.enabled && !c.words.is_empty());
        cx.output(IRQ, index as u32, high);
    }

    fn value(&self, reg: u64, index: usize) -> Option<u32> {
        let channel = self.channels.get(index)?;
        Some(match reg {
            CH_STATUS => {
                let level = channel.words.len();
                let mut value = (level as u32) << STATUS_LEVEL_LSB;
                value |= if level > 0 { STATUS_READY } else { 0 };
                value |= if level >= self.depth { STATUS_FULL } else { 0 };
                value | if channel.lost { STATUS_LOST } else { 0 }
            }
            CH_SEND => 0,
            CH_RECEIVE => channel.words.front().copied().unwrap_or(0),
            CH_ENABLE => channel.enabled.into(),
            _ => return None,
        })
    }
}

impl Device for Mailbox {
    fn read(&mut self, cx: &mut dyn Cx, _: u32, offset: u64, _: u8) -> Result<u64, BusError> {
        let (reg, index) = place(offset);
        let Some(value) = self.value(reg, index) else {
            cx.unimplemented("reserved register", offset, false);
            return Ok(0);
        };
        if let (CH_RECEIVE, Some(channel)) = (reg, self.channels.get_mut(index)) {
            channel.words.pop_front();
            channel.lost = false;
            self.drive(cx, index);
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
        let (reg, index) = place(offset);
        let Some(channel) = self.channels.get_mut(index) else {
            cx.unimplemented("reserved register", offset, true);
            return Ok(());
        };
        match reg {
            CH_SEND if channel.words.len() < self.depth => channel.words.push_back(value as u32),
            CH_SEND => channel.lost = true,
            CH_ENABLE => channel.enabled = value & 1 != 0,
            _ => {}
        }
        self.drive(cx, index);
        Ok(())
    }

    fn peek(&self, _: u32, offset: u64, _: u8) -> Option<u64> {
        let (reg, index) = place(offset);
        self.value(reg, index).map(u64::from)
    }

    fn reset(&mut self, cx: &mut dyn Cx) {
        for index in 0..self.channels.len() {
            if let Some(channel) = self.channels.get_mut(index) {
                *channel = Channel::default();
            }
            self.drive(cx, index);
        }
    }

    fn save(&self, w: &mut Writer) {
        saved::save(&self.channels, w);
    }

    fn load(&mut self, r: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
        self.channels = saved::load(r, self.channels.len(), self.depth)?;
        Ok(())
    }

    fn inspect(&self) -> Vec<InspectValue> {
        let names =
            [(CH_STATUS, "CH_STATUS"), (CH_RECEIVE, "CH_RECEIVE"), (CH_ENABLE, "CH_ENABLE")];
        let channels = 0..self.channels.len();
        channels
            .flat_map(|index| names.map(|(reg, name)| (index, reg, name)))
            .filter_map(|(index, reg, name)| {
                let value = self.value(reg, index)?.into();
                Some(InspectValue { name: format!("{name}[{index}]"), value })
            })
            .collect()
    }
}
