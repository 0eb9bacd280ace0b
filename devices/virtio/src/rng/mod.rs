//! The virtio entropy source (Virtio 1.2, section 5.4): it fills every buffer that the driver
//! offers.

#[cfg(test)]
mod tests;

use crate::schemas::VIRTIO_RNG_1;
use hetemu_hw::virtio::{Function, RingError, Virtqueue};
use hetemu_hw::{Config, ConfigError, Cx, Device, LoadError, Model, Reader, Writer};

/// `virtio.rng`.
pub const MODEL: Model = Model { ty: &VIRTIO_RNG_1, create };

/// Most bytes for one buffer; the driver asks again for more (section 5.4.6.1 allows less).
const MOST: u64 = 64 << 10;

/// Saved field.
const STATE: u16 = 1;

fn create(config: &Config) -> Result<Box<dyn Device>, ConfigError> {
    let seed = config.int("seed");
    Ok(Box::new(Rng { seed, state: seed }))
}

struct Rng {
    // Fixed configuration.
    /// 0 takes the machine's generator.
    seed: u64,
    // Volatile state.
    state: u64,
}

impl Rng {
    fn fill(&mut self, cx: &mut dyn Cx, into: &mut [u8]) {
        if self.seed == 0 {
            return cx.random(into);
        }
        // splitmix64 (Steele, Lea, Flood 2014): small, and every seed is good.
        for chunk in into.chunks_mut(8) {
            self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            let bytes = (z ^ (z >> 31)).to_le_bytes();
            chunk.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
        }
    }
}

impl Device for Rng {
    fn reset(&mut self, _: &mut dyn Cx) {
        self.state = self.seed;
    }

    fn virtio(&mut self) -> Option<&mut dyn Function> {
        Some(self)
    }

    fn save(&self, w: &mut Writer) {
        w.int(STATE, self.state);
    }

    fn load(&mut self, r: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
        self.state = r.int(STATE)?;
        Ok(())
    }
}

impl Function for Rng {
    fn device_id(&self) -> u32 {
        4
    }

    fn features(&self) -> u64 {
        0
    }

    fn queue_sizes(&self) -> &[u16] {
        &[8]
    }

    fn config_read(&self, _: u64, into: &mut [u8]) {
        into.fill(0);
    }

    fn config_write(&mut self, _: &mut dyn Cx, _: u64, _: &[u8]) {}

    fn activate(&mut self, _: u64) {}

    fn deactivate(&mut self) {}

    fn work(&mut self, cx: &mut dyn Cx, queues: &mut [Virtqueue]) -> Result<(), RingError> {
        let Some(queue) = queues.first_mut() else { return Ok(()) };
        while let Some(chain) = queue.pop(cx)? {
            let mut bytes = vec![0; chain.writable().min(MOST) as usize];
            self.fill(cx, &mut bytes);
            let written = chain.write(cx, 0, &bytes)?;
            queue.push(cx, chain, written as u32)?;
        }
        Ok(())
    }
}
