//! The virtio network card (Virtio 1.2, section 5.1): queue 0 receives, queue 1 transmits, queue 2
//! takes commands.
//!
//! Frames from the plug wait here until the driver has offered buffers for them; when many wait,
//! the plug keeps the rest. Checksums are filled in and verified here, so that every back end sees
//! whole frames; large TCP segments are handed to the back end as they are.

mod checksum;
mod control;
mod saved;
#[cfg(test)]
mod tests;

use crate::schemas::VIRTIO_NET_1;
use control::{Filter, Mac};
use hetemu_hw::virtio::{Function, RingError, Virtqueue};
use hetemu_hw::{Config, ConfigError, Cx, Device, LoadError, Model, Reader, Writer};
use std::collections::VecDeque;

/// `virtio.net`.
pub const MODEL: Model = Model { ty: &VIRTIO_NET_1, create };

const BACKEND: u32 = 0;
/// Frames that wait for buffers.
const FRAMES: usize = 64;
/// Longest frame that is taken from a plug, and from a driver: 64 KiB of IP after a header with a
/// VLAN tag.
const LONGEST_IN: usize = 0xffff + 18;
const LONGEST_OUT: usize = LONGEST_IN;
/// Shortest thing that is a frame: two addresses and a type.
const SHORTEST: usize = 14;

/// Feature bits (section 5.1.3).
const F_CSUM: u64 = 1 << 0;
const F_GUEST_CSUM: u64 = 1 << 1;
const F_MTU: u64 = 1 << 3;
const F_MAC: u64 = 1 << 5;
const F_HOST_TSO4: u64 = 1 << 11;
const F_MRG_RXBUF: u64 = 1 << 15;
const F_STATUS: u64 = 1 << 16;
const F_CTRL_VQ: u64 = 1 << 17;
const F_CTRL_RX: u64 = 1 << 18;
const F_CTRL_RX_EXTRA: u64 = 1 << 20;
const F_CTRL_MAC_ADDR: u64 = 1 << 23;
const FEATURES: u64 = F_CSUM
    | F_GUEST_CSUM
    | F_MTU
    | F_MAC
    | F_HOST_TSO4
    | F_MRG_RXBUF
    | F_STATUS
    | F_CTRL_VQ
    | F_CTRL_RX
    | F_CTRL_RX_EXTRA
    | F_CTRL_MAC_ADDR;

/// Length of `struct virtio_net_hdr` with `num_buffers`, which modern drivers always have.
const HEADER: usize = 12;
/// Flags in its first byte.
const NEEDS_CSUM: u8 = 1;
const DATA_VALID: u8 = 2;

fn create(config: &Config) -> Result<Box<dyn Device>, ConfigError> {
    let text = config.text("mac");
    let Some(mac) = address(text) else {
        let message = format!(
            "`{text}` is no address of a card: six bytes like 52:54:00:12:34:56, the first one even"
        );
        return Err(ConfigError { path: config.path.clone(), message });
    };
    Ok(Box::new(Net {
        own_mac: mac,
        mtu: u16::try_from(config.int("mtu")).unwrap_or(u16::MAX),
        link_up: config.links.iter().any(|l| l == "backend"),
        active: false,
        features: 0,
        mac,
        filter: Filter::default(),
        input: VecDeque::new(),
    }))
}

/// Six bytes in hexadecimal, between colons or hyphens; not a group's.
fn address(text: &str) -> Option<Mac> {
    let mut mac = Mac::default();
    let mut parts = text.split([':', '-']);
    for byte in &mut mac {
        let part = parts.next().filter(|p| p.len() <= 2 && !p.starts_with('+'))?;
        *byte = u8::from_str_radix(part, 16).ok()?;
    }
    (parts.next().is_none() && mac[0] & 1 == 0).then_some(mac)
}

struct Net {
    // Fixed configuration.
    own_mac: Mac,
    mtu: u16,
    link_up: bool,
    // Volatile state.
    active: bool,
    features: u64,
    mac: Mac,
    filter: Filter,
    input: VecDeque<Vec<u8>>,
}

impl Net {
    /// Back to what it is before a driver comes.
    fn forget(&mut self) {
        self.active = false;
        self.features = 0;
        self.mac = self.own_mac;
        self.filter = Filter::default();
        self.input.clear();
    }

    fn transmit(&self, cx: &mut dyn Cx, queue: &mut Virtqueue) -> Result<(), RingError> {
        while let Some(chain) = queue.pop(cx)? {
            let len = usize::try_from(chain.readable()).unwrap_or(usize::MAX);
            // What is no frame is dropped, as on a wire.
            if (HEADER + SHORTEST..=HEADER + LONGEST_OUT).contains(&len) {
                let mut header = [0; HEADER];
                let mut frame = vec![0; len - HEADER];
                chain.read(cx, 0, &mut header)?;
                chain.read(cx, HEADER as u64, &mut frame)?;
                let [flags, _, _, _, _, _, start_low, start_high, offset_low, offset_high, ..] =
                    header;
                let start = u16::from_le_bytes([start_low, start_high]);
                let offset = u16::from_le_bytes([offset_low, offset_high]);
                let asks = flags & NEEDS_CSUM != 0 && self.features & F_CSUM != 0;
                if !asks || checksum::complete(&mut frame, start, offset) {
                    cx.send(BACKEND, &frame);
                }
            }
            queue.push(cx, chain, 0)?;
        }
        Ok(())
    }

    fn deliver(&mut self, cx: &mut dyn Cx, queue: &mut Virtqueue) -> Result<(), RingError> {
        while let Some(frame) = self.input.front() {
            let needed = (HEADER + frame.len()) as u64;
            let (mut chains, mut room) = (Vec::new(), 0);
            while room < needed {
                let Some(chain) = queue.pop(cx)? else { break };
                room += chain.writable();
                chains.push((chain, 0));
                if self.features & F_MRG_RXBUF == 0 {
                    break;
                }
            }
            let count = chains.len() as u16;
            if room < needed {
                queue.give_back(count);
                if count == 0 || self.features & F_MRG_RXBUF != 0 {
                    break;
                }
                // The driver's buffers will never hold it.
                self.input.pop_front();
                continue;
            }
            let mut bytes = vec![0; HEADER];
            if self.features & F_GUEST_CSUM != 0 && checksum::verified(frame) {
                bytes[0] = DATA_VALID;
            }
            bytes[10..].copy_from_slice(&count.to_le_bytes());
            bytes.extend_from_slice(frame);
            let mut rest = bytes.as_slice();
            for (chain, written) in &mut chains {
                let n = chain.write(cx, 0, rest)?;
                *written = n as u32;
                rest = rest.get(n..).unwrap_or(&[]);
            }
            queue.push_all(cx, &chains)?;
            self.input.pop_front();
        }
        if self.input.len() < FRAMES {
            cx.accept_more(BACKEND);
        }
        Ok(())
    }
}

impl Device for Net {
    fn reset(&mut self, cx: &mut dyn Cx) {
        self.forget();
        cx.accept_more(BACKEND);
    }

    fn receive(&mut self, cx: &mut dyn Cx, _: u32, frame: &[u8]) -> usize {
        let fits = (SHORTEST..=LONGEST_IN).contains(&frame.len());
        if !self.active || !fits || !self.filter.passes(&self.mac, frame) {
            return frame.len();
        }
        if self.input.len() >= FRAMES {
            return 0;
        }
        if self.input.is_empty() {
            cx.tell_parent();
        }
        self.input.push_back(frame.to_vec());
        frame.len()
    }

    fn virtio(&mut self) -> Option<&mut dyn Function> {
        Some(self)
    }

    fn save(&self, w: &mut Writer) {
        self.write_state(w);
    }

    fn load(&mut self, r: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
        self.read_state(r)
    }
}

impl Function for Net {
    fn device_id(&self) -> u32 {
        // Without another end the slot is empty: firmware would wait for an answer.
        if self.link_up { 1 } else { 0 }
    }

    fn features(&self) -> u64 {
        FEATURES
    }

    fn queue_sizes(&self) -> &[u16] {
        &[256, 256, 64]
    }

    fn config_read(&self, offset: u64, into: &mut [u8]) {
        // struct virtio_net_config: mac, status, max_virtqueue_pairs, mtu.
        let mut config = [0; 12];
        config[..6].copy_from_slice(&self.mac);
        config[6] = self.link_up.into();
        config[8] = 1;
        config[10..].copy_from_slice(&self.mtu.to_le_bytes());
        for (byte, at) in into.iter_mut().zip(offset..) {
            let at = usize::try_from(at).unwrap_or(usize::MAX);
            *byte = config.get(at).copied().unwrap_or(0);
        }
    }

    fn config_write(&mut self, _: &mut dyn Cx, _: u64, _: &[u8]) {
        // The address is set by a command; everything else is read-only.
    }

    fn activate(&mut self, features: u64) {
        self.active = true;
        self.features = features;
    }

    fn deactivate(&mut self) {
        self.forget();
    }

    fn work(&mut self, cx: &mut dyn Cx, queues: &mut [Virtqueue]) -> Result<(), RingError> {
        let [receive, transmit, commands, ..] = queues else { return Ok(()) };
        while let Some(chain) = commands.pop(cx)? {
            let written = self.filter.command(cx, &mut self.mac, &chain)?;
            commands.push(cx, chain, written)?;
        }
        self.transmit(cx, transmit)?;
        self.deliver(cx, receive)
    }
}
