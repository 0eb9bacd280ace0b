//! The memory-mapped transport of virtio, version 2 of its registers (Virtio 1.2, section 4.2).
//!
//! It holds what the driver says about features, status and rings, and lets the function in the
//! slot work through the rings when the driver notifies or the function has something new. An empty
//! slot has device ID 0. A driver that fills a ring with nonsense gets DEVICE_NEEDS_RESET and a
//! configuration interrupt; after that nothing moves until it resets the device.

mod regs;
mod saved;
#[cfg(test)]
mod tests;

use crate::schemas::VIRTIO_MMIO_1;
use hetemu_hw::time::Ps;
use hetemu_hw::virtio::{Function, Virtqueue};
use hetemu_hw::{BusError, Config, ConfigError, Cx, Device, LoadError, Model, Reader, Writer};
use regs::*;

/// `virtio.mmio`.
pub const MODEL: Model = Model { ty: &VIRTIO_MMIO_1, create };

const IRQ: u32 = 0;
/// The timer of another round of work.
const AGAIN: u32 = 0;
const AGAIN_AFTER: Ps = 1_000_000;

fn create(config: &Config) -> Result<Box<dyn Device>, ConfigError> {
    if config.children.len() > 1 {
        let message = format!("one device fits into the slot, not {}", config.children.len());
        return Err(ConfigError { path: config.path.clone(), message });
    }
    Ok(Box::new(VirtioMmio {
        unit: config.children.keys().next().cloned(),
        found: Found::default(),
        state: State::default(),
    }))
}

struct VirtioMmio {
    // Fixed configuration.
    /// Unit address of the function, if there is one.
    unit: Option<String>,
    // Glue.
    /// What the function says of itself; asked for at reset.
    found: Found,
    // Volatile state.
    state: State,
}

#[derive(Debug, Clone, Default)]
struct Found {
    device_id: u32,
    features: u64,
}

#[derive(Debug, Clone, Default)]
struct State {
    status: u32,
    device_features_sel: u32,
    driver_features_sel: u32,
    driver_features: u64,
    queue_sel: u32,
    interrupt: u32,
    queues: Vec<Virtqueue>,
}

impl State {
    fn queue(&self) -> Option<&Virtqueue> {
        self.queues.get(self.queue_sel as usize)
    }

    fn running(&self) -> bool {
        self.status & (STATUS_DRIVER_OK | STATUS_NEEDS_RESET) == STATUS_DRIVER_OK
    }
}

/// 32 of the 64 feature bits; there are no more.
fn half(features: u64, sel: u32) -> u32 {
    features.checked_shr(sel.saturating_mul(32)).unwrap_or(0) as u32
}

fn set_half(value: &mut u64, high: bool, half: u32) {
    let shift = if high { 32 } else { 0 };
    *value = *value & !(0xffff_ffff << shift) | u64::from(half) << shift;
}

impl VirtioMmio {
    /// Calls the function in the slot; `None` if the slot is empty.
    fn function<R>(
        &self,
        cx: &mut dyn Cx,
        mut call: impl FnMut(&mut dyn Function, &mut dyn Cx) -> R,
    ) -> Option<R> {
        let mut result = None;
        cx.with_child(self.unit.as_deref()?, &mut |device, cx| {
            result = device.virtio().map(|function| call(function, cx));
        });
        result
    }

    /// Forgets what the driver set up and tells the function.
    fn reset_device(&mut self, cx: &mut dyn Cx) {
        let found = self.function(cx, |f, _| {
            f.deactivate();
            let queues = f.queue_sizes().iter().map(|max| Virtqueue::new(*max)).collect();
            (Found { device_id: f.device_id(), features: f.features() }, queues)
        });
        let (found, queues) = found.unwrap_or_default();
        self.found = found;
        self.state = State { queues, ..State::default() };
        self.drive(cx);
    }

    fn drive(&self, cx: &mut dyn Cx) {
        cx.output(IRQ, 0, self.state.interrupt != 0);
    }

    fn offered(&self) -> u64 {
        match self.found.device_id {
            0 => 0,
            _ => self.found.features | F_INDIRECT_DESC | F_EVENT_IDX | F_VERSION_1,
        }
    }

    /// Tells the queues what was agreed on.
    fn agree(&mut self, features: u64) {
        for queue in &mut self.state.queues {
            queue.event_index = features & F_EVENT_IDX != 0;
        }
    }

    /// Lets the function work through its rings.
    fn work(&mut self, cx: &mut dyn Cx) {
        if !self.state.running() {
            return;
        }
        let mut queues = std::mem::take(&mut self.state.queues);
        queues.iter_mut().for_each(Virtqueue::begin);
        let result = self.function(cx, |f, cx| f.work(cx, &mut queues));
        for queue in &mut queues {
            if queue.take_interrupt() {
                self.state.interrupt |= INTERRUPT_USED;
            }
        }
        // What one round may not take is for another, a little later: no driver, however fast or
        // false, keeps the machine in here.
        if matches!(result, Some(Ok(()))) && queues.iter().any(Virtqueue::starved) {
            cx.timer(AGAIN, cx.now().saturating_add(AGAIN_AFTER));
        }
        self.state.queues = queues;
        if let Some(Err(_)) = result {
            self.state.status |= STATUS_NEEDS_RESET;
            self.state.interrupt |= INTERRUPT_CONFIG;
        }
        self.drive(cx);
    }

    fn write_status(&mut self, cx: &mut dyn Cx, value: u32) {
        if value & 0xff == 0 {
            return self.reset_device(cx);
        }
        let mut new = value & STATUS_DRIVER | self.state.status & STATUS_NEEDS_RESET;
        let features = self.state.driver_features;
        // Section 3.1.1, step 5: the device refuses by leaving FEATURES_OK clear.
        if features & !self.offered() != 0 || features & F_VERSION_1 == 0 {
            new &= !STATUS_FEATURES_OK;
        }
        // Without agreed features the device does not go live.
        if new & STATUS_FEATURES_OK == 0 {
            new &= !STATUS_DRIVER_OK;
        }
        let live = new & !self.state.status & STATUS_DRIVER_OK != 0;
        self.state.status = new;
        if live {
            self.agree(features);
            self.function(cx, |f, _| f.activate(features));
            self.work(cx);
        }
    }

    fn write_queue(&mut self, reg: u64, value: u32) {
        let index = self.state.queue_sel as usize;
        let Some(queue) = self.state.queues.get_mut(index) else { return };
        match reg {
            // A size that is none makes the ring malformed when it is used.
            QUEUE_NUM => queue.size = u16::try_from(value).unwrap_or(0),
            QUEUE_READY if value & 1 == 0 => queue.reset(),
            QUEUE_READY => queue.ready = true,
            QUEUE_DESC_LOW => set_half(&mut queue.desc, false, value),
            QUEUE_DESC_HIGH => set_half(&mut queue.desc, true, value),
            QUEUE_DRIVER_LOW => set_half(&mut queue.avail, false, value),
            QUEUE_DRIVER_HIGH => set_half(&mut queue.avail, true, value),
            QUEUE_DEVICE_LOW => set_half(&mut queue.used, false, value),
            QUEUE_DEVICE_HIGH => set_half(&mut queue.used, true, value),
            _ => {}
        }
    }

    /// A register's value; `None` if there is none.
    fn value(&self, reg: u64) -> Option<u32> {
        let s = &self.state;
        Some(match reg {
            MAGIC_VALUE => MAGIC,
            VERSION => 2,
            DEVICE_ID => self.found.device_id,
            VENDOR_ID => VENDOR,
            DEVICE_FEATURES => half(self.offered(), s.device_features_sel),
            QUEUE_NUM_MAX => s.queue().map_or(0, |q| q.max.into()),
            QUEUE_READY => s.queue().map_or(0, |q| q.ready.into()),
            INTERRUPT_STATUS => s.interrupt,
            STATUS => s.status,
            // There are no shared memory regions.
            SHMLEN_LOW..=SHMBASE_HIGH => u32::MAX,
            // VIRTIO_F_RING_RESET is not offered.
            QUEUE_RESET | CONFIG_GENERATION => 0,
            DEVICE_FEATURES_SEL | DRIVER_FEATURES | DRIVER_FEATURES_SEL | QUEUE_SEL | QUEUE_NUM
            | QUEUE_NOTIFY | INTERRUPT_ACK | QUEUE_DESC_LOW | QUEUE_DESC_HIGH
            | QUEUE_DRIVER_LOW | QUEUE_DRIVER_HIGH | QUEUE_DEVICE_LOW | QUEUE_DEVICE_HIGH
            | SHMSEL => 0,
            _ => return None,
        })
    }
}

impl Device for VirtioMmio {
    fn read(&mut self, cx: &mut dyn Cx, _: u32, offset: u64, size: u8) -> Result<u64, BusError> {
        if let Some(at) = offset.checked_sub(CONFIG) {
            let mut bytes = [0; 8];
            self.function(cx, |f, _| {
                if let Some(bytes) = bytes.get_mut(..usize::from(size)) {
                    f.config_read(at, bytes);
                }
            });
            return Ok(u64::from_le_bytes(bytes));
        }
        // Section 4.2.2.2: a driver uses 32-bit accesses for control registers.
        match self.value(offset).filter(|_| size == 4) {
            Some(value) => Ok(value.into()),
            None => {
                cx.unimplemented("reserved register", offset, false);
                Ok(0)
            }
        }
    }

    fn write(
        &mut self,
        cx: &mut dyn Cx,
        _: u32,
        offset: u64,
        size: u8,
        value: u64,
    ) -> Result<(), BusError> {
        if let Some(at) = offset.checked_sub(CONFIG) {
            let bytes = value.to_le_bytes();
            self.function(cx, |f, cx| {
                if let Some(bytes) = bytes.get(..usize::from(size)) {
                    f.config_write(cx, at, bytes);
                }
            });
            return Ok(());
        }
        if size != 4 || self.value(offset).is_none() {
            cx.unimplemented("reserved register", offset, true);
            return Ok(());
        }
        let value = value as u32;
        let s = &mut self.state;
        match offset {
            DEVICE_FEATURES_SEL => s.device_features_sel = value,
            DRIVER_FEATURES_SEL => s.driver_features_sel = value,
            // Features are fixed once they are agreed on.
            DRIVER_FEATURES if s.status & STATUS_FEATURES_OK == 0 && s.driver_features_sel < 2 => {
                set_half(&mut s.driver_features, s.driver_features_sel == 1, value);
            }
            QUEUE_SEL => s.queue_sel = value,
            QUEUE_NOTIFY => self.work(cx),
            INTERRUPT_ACK => {
                s.interrupt &= !value;
                self.drive(cx);
            }
            STATUS => self.write_status(cx, value),
            reg => self.write_queue(reg, value),
        }
        Ok(())
    }

    fn peek(&self, _: u32, offset: u64, size: u8) -> Option<u64> {
        self.value(offset).filter(|_| size == 4).map(u64::from)
    }

    fn timer(&mut self, cx: &mut dyn Cx, _: u32) {
        self.work(cx);
    }

    fn child(&mut self, cx: &mut dyn Cx, _: &str) {
        self.work(cx);
    }

    /// Drivers look for a device when they are bound to the slot; there is no signal for it.
    fn children_changed(&mut self, cx: &mut dyn Cx, units: &[String]) -> bool {
        if units.len() > 1 {
            return false;
        }
        self.unit = units.first().cloned();
        self.reset_device(cx);
        true
    }

    fn reset(&mut self, cx: &mut dyn Cx) {
        self.reset_device(cx);
    }

    fn save(&self, w: &mut Writer) {
        self.state.save(w);
    }

    fn load(&mut self, r: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
        self.state = State::load(r, &self.state.queues)?;
        if self.state.status & STATUS_FEATURES_OK != 0 {
            self.agree(self.state.driver_features);
        }
        Ok(())
    }
}
