//! SPI hosts.

pub mod lowrisc_spi_host;
pub mod pl022;

use hetemu_hw::{Family, Model};

/// The types of this family, from the `schema.kdl` of each folder.
pub mod schemas {
    include!(concat!(env!("OUT_DIR"), "/schemas.rs"));
}

/// Models of this family.
pub const MODELS: &[Model] = &[lowrisc_spi_host::MODEL, pl022::MODEL];

/// This family.
pub const FAMILY: Family = Family { types: schemas::SCHEMAS, models: MODELS };
