//! Registers of the transport (Virtio 1.2, section 4.2.2) and the device status (section 2.1).

pub(super) use crate::schemas::virtio_mmio_1::{
    CONFIG, CONFIG_GENERATION, DEVICE_FEATURES, DEVICE_FEATURES_SEL, DEVICE_ID, DRIVER_FEATURES,
    DRIVER_FEATURES_SEL, INTERRUPT_ACK, INTERRUPT_STATUS, MAGIC_VALUE, QUEUE_DESC_HIGH,
    QUEUE_DESC_LOW, QUEUE_DEVICE_HIGH, QUEUE_DEVICE_LOW, QUEUE_DRIVER_HIGH, QUEUE_DRIVER_LOW,
    QUEUE_NOTIFY, QUEUE_NUM, QUEUE_NUM_MAX, QUEUE_READY, QUEUE_RESET, QUEUE_SEL, SHMBASE_HIGH,
    SHMLEN_LOW, SHMSEL, STATUS, VENDOR_ID, VERSION,
};

/// "virt", little-endian.
pub(super) const MAGIC: u32 = 0x7472_6976;
/// "hete".
pub(super) const VENDOR: u32 = 0x6574_6568;

pub(super) const INTERRUPT_USED: u32 = 1 << 0;
pub(super) const INTERRUPT_CONFIG: u32 = 1 << 1;

pub(super) const STATUS_DRIVER_OK: u32 = 1 << 2;
pub(super) const STATUS_FEATURES_OK: u32 = 1 << 3;
pub(super) const STATUS_NEEDS_RESET: u32 = 1 << 6;
/// Bits that the driver writes.
pub(super) const STATUS_DRIVER: u32 = 0x8f;

/// Feature bits of the transport (chapter 6).
pub(super) const F_INDIRECT_DESC: u64 = 1 << 28;
pub(super) const F_EVENT_IDX: u64 = 1 << 29;
pub(super) const F_VERSION_1: u64 = 1 << 32;
