//! The virtio 9P transport (Virtio 1.2, section 5.19): it carries messages between the guest and
//! the host's end of a folder plug, which knows what they mean.
//!
//! A message is answered when the driver notifies, and in virtual time that takes none.

#[cfg(test)]
mod tests;

use crate::schemas::VIRTIO_9P_1;
use hetemu_hw::virtio::{Chain, Function, RingError, Virtqueue};
use hetemu_hw::{Config, ConfigError, Cx, Device, LoadError, Model, Reader, Writer};

/// `virtio.9p`.
pub const MODEL: Model = Model { ty: &VIRTIO_9P_1, create };

const BACKEND: u32 = 0;
/// VIRTIO_9P_MOUNT_TAG.
const F_MOUNT_TAG: u64 = 1;
/// Longest message of a guest.
const LONGEST: u64 = 1 << 20;
/// Shortest answer: size, type and tag.
const HEAD: u64 = 7;
/// Longest tag.
const TAG: usize = 255;

fn create(config: &Config) -> Result<Box<dyn Device>, ConfigError> {
    let plug = config.folders.get("backend");
    let tag = match (config.text("tag"), plug) {
        ("", Some(info)) => info.tag.clone(),
        (tag, _) => tag.to_string(),
    };
    let mut tag = tag.into_bytes();
    tag.truncate(TAG);
    Ok(Box::new(P9 { there: plug.is_some(), tag }))
}

struct P9 {
    // Fixed configuration.
    there: bool,
    tag: Vec<u8>,
}

fn answer(cx: &mut dyn Cx, queue: &mut Virtqueue, chain: Chain) -> Result<(), RingError> {
    let (len, room) = (chain.readable(), chain.writable());
    if len > LONGEST || room < HEAD {
        return Err(RingError::Malformed);
    }
    let mut message = vec![0; len as usize];
    chain.read(cx, 0, &mut message)?;
    let room = usize::try_from(room).unwrap_or(usize::MAX);
    let answer = cx.folder(BACKEND).map_or(Vec::new(), |f| f.answer(&message, room));
    let written = chain.write(cx, 0, &answer)?;
    queue.push(cx, chain, u32::try_from(written).unwrap_or(u32::MAX))
}

impl Device for P9 {
    fn reset(&mut self, cx: &mut dyn Cx) {
        cx.folder(BACKEND).into_iter().for_each(|f| f.reset());
    }

    fn virtio(&mut self) -> Option<&mut dyn Function> {
        Some(self)
    }

    // Nothing changes here, and the host's end begins anew.
    fn save(&self, _: &mut Writer) {}

    fn load(&mut self, _: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
        Ok(())
    }
}

impl Function for P9 {
    fn device_id(&self) -> u32 {
        if self.there { 9 } else { 0 }
    }

    fn features(&self) -> u64 {
        F_MOUNT_TAG
    }

    fn queue_sizes(&self) -> &[u16] {
        &[128]
    }

    /// Length and bytes of the tag (5.19.4).
    fn config_read(&self, offset: u64, into: &mut [u8]) {
        let config = [&(self.tag.len() as u16).to_le_bytes()[..], &self.tag].concat();
        for (at, to) in (offset..).zip(into) {
            *to = usize::try_from(at).ok().and_then(|at| config.get(at)).copied().unwrap_or(0);
        }
    }

    fn config_write(&mut self, _: &mut dyn Cx, _: u64, _: &[u8]) {}

    fn activate(&mut self, _: u64) {}

    fn deactivate(&mut self) {}

    fn work(&mut self, cx: &mut dyn Cx, queues: &mut [Virtqueue]) -> Result<(), RingError> {
        let Some(queue) = queues.first_mut() else { return Ok(()) };
        while let Some(chain) = queue.pop(cx)? {
            answer(cx, queue, chain)?;
        }
        Ok(())
    }
}
