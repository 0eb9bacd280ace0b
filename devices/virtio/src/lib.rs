//! Virtio: the memory-mapped transport and the devices that sit on it.

pub mod blk;
pub mod console;
#[cfg(test)]
mod driver;
pub mod mmio;
pub mod net;
pub mod p9;
pub mod rng;

use hetemu_hw::{Family, Model};

/// The types of this family, from the `schema.kdl` of each folder.
pub mod schemas {
    include!(concat!(env!("OUT_DIR"), "/schemas.rs"));
}

/// Models of this family.
pub const MODELS: &[Model] =
    &[blk::MODEL, console::MODEL, mmio::MODEL, net::MODEL, p9::MODEL, rng::MODEL];

/// This family.
pub const FAMILY: Family = Family { types: schemas::SCHEMAS, models: MODELS };
