//! Saved state of the transport. Numbers are never reused; queue n is field 16 + n.

use super::State;
use hetemu_hw::virtio::Virtqueue;
use hetemu_hw::{LoadError, Reader, Writer};

const STATUS: u16 = 1;
const DEVICE_FEATURES_SEL: u16 = 2;
const DRIVER_FEATURES_SEL: u16 = 3;
const DRIVER_FEATURES: u16 = 4;
const QUEUE_SEL: u16 = 5;
const INTERRUPT: u16 = 6;
const QUEUES: u16 = 16;

impl State {
    pub(super) fn save(&self, w: &mut Writer) {
        w.int(STATUS, self.status.into());
        w.int(DEVICE_FEATURES_SEL, self.device_features_sel.into());
        w.int(DRIVER_FEATURES_SEL, self.driver_features_sel.into());
        w.int(DRIVER_FEATURES, self.driver_features);
        w.int(QUEUE_SEL, self.queue_sel.into());
        w.int(INTERRUPT, self.interrupt.into());
        for (field, queue) in (QUEUES..).zip(&self.queues) {
            queue.save(w, field);
        }
    }

    /// `fresh` are the queues that the function in the slot has.
    pub(super) fn load(r: &Reader<'_>, fresh: &[Virtqueue]) -> Result<State, LoadError> {
        let word = |field| u32::try_from(r.int(field)?).map_err(|_| LoadError::Bad(field));
        let mut queues = fresh.to_vec();
        for (field, queue) in (QUEUES..).zip(&mut queues) {
            queue.load(r, field)?;
        }
        Ok(State {
            status: word(STATUS)?,
            device_features_sel: word(DEVICE_FEATURES_SEL)?,
            driver_features_sel: word(DRIVER_FEATURES_SEL)?,
            driver_features: r.int(DRIVER_FEATURES)?,
            queue_sel: word(QUEUE_SEL)?,
            interrupt: word(INTERRUPT)?,
            queues,
        })
    }
}
