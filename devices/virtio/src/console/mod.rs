//! The virtio console with one port and no features (Virtio 1.2, section 5.3): queue 0 receives,
//! queue 1 transmits.

#[cfg(test)]
mod tests;

use crate::schemas::VIRTIO_CONSOLE_1;
use hetemu_hw::virtio::{Function, RingError, Virtqueue};
use hetemu_hw::{Config, ConfigError, Cx, Device, LoadError, Model, Reader, Writer};
use std::collections::VecDeque;

/// `virtio.console`.
pub const MODEL: Model = Model { ty: &VIRTIO_CONSOLE_1, create };

const LINE: u32 = 0;
/// Input that waits for the driver to offer buffers.
const INPUT: usize = 4096;
/// Longest output in one chain; more is nonsense.
const OUTPUT: u64 = 1 << 20;

/// Saved fields.
const ACTIVE: u16 = 1;
const WAITING: u16 = 2;

fn create(_: &Config) -> Result<Box<dyn Device>, ConfigError> {
    Ok(Box::new(Console::default()))
}

#[derive(Debug, Default)]
struct Console {
    // Volatile state.
    active: bool,
    input: VecDeque<u8>,
}

impl Console {
    fn receive_queue(&mut self, cx: &mut dyn Cx, queue: &mut Virtqueue) -> Result<(), RingError> {
        let before = self.input.len();
        while !self.input.is_empty() {
            let Some(chain) = queue.pop(cx)? else { break };
            let n = self.input.len().min(usize::try_from(chain.writable()).unwrap_or(INPUT));
            let bytes: Vec<u8> = self.input.drain(..n).collect();
            let written = chain.write(cx, 0, &bytes)?;
            queue.push(cx, chain, written as u32)?;
        }
        if self.input.len() < before {
            cx.accept_more(LINE);
        }
        Ok(())
    }

    fn transmit_queue(cx: &mut dyn Cx, queue: &mut Virtqueue) -> Result<(), RingError> {
        while let Some(chain) = queue.pop(cx)? {
            if chain.readable() > OUTPUT {
                return Err(RingError::Malformed);
            }
            let mut bytes = vec![0; chain.readable() as usize];
            chain.read(cx, 0, &mut bytes)?;
            cx.send(LINE, &bytes);
            queue.push(cx, chain, 0)?;
        }
        Ok(())
    }
}

impl Device for Console {
    fn reset(&mut self, cx: &mut dyn Cx) {
        *self = Console::default();
        cx.accept_more(LINE);
    }

    fn receive(&mut self, cx: &mut dyn Cx, _: u32, bytes: &[u8]) -> usize {
        if !self.active {
            return 0;
        }
        let room = INPUT.saturating_sub(self.input.len()).min(bytes.len());
        self.input.extend(bytes.iter().take(room));
        if room > 0 {
            cx.tell_parent();
        }
        room
    }

    fn virtio(&mut self) -> Option<&mut dyn Function> {
        Some(self)
    }

    fn save(&self, w: &mut Writer) {
        w.int(ACTIVE, self.active.into());
        w.bytes(WAITING, &self.input.iter().copied().collect::<Vec<_>>());
    }

    fn load(&mut self, r: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
        let input = r.bytes(WAITING)?;
        if input.len() > INPUT {
            return Err(LoadError::Bad(WAITING));
        }
        self.active = r.int(ACTIVE)? == 1;
        self.input = input.to_vec().into();
        Ok(())
    }
}

impl Function for Console {
    fn device_id(&self) -> u32 {
        3
    }

    fn features(&self) -> u64 {
        0
    }

    fn queue_sizes(&self) -> &[u16] {
        &[128, 128]
    }

    fn config_read(&self, _: u64, into: &mut [u8]) {
        // Size, ports and emergency write come with features that are not offered.
        into.fill(0);
    }

    fn config_write(&mut self, _: &mut dyn Cx, _: u64, _: &[u8]) {}

    fn activate(&mut self, _: u64) {
        self.active = true;
    }

    fn deactivate(&mut self) {
        self.active = false;
    }

    fn work(&mut self, cx: &mut dyn Cx, queues: &mut [Virtqueue]) -> Result<(), RingError> {
        if let [receive, transmit, ..] = queues {
            Self::transmit_queue(cx, transmit)?;
            self.receive_queue(cx, receive)?;
            // Input that came before the driver was ready, or before there was room.
            if self.input.is_empty() {
                cx.accept_more(LINE);
            }
        }
        Ok(())
    }
}
