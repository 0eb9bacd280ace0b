//! Serial ports.

pub mod cmsdk_uart;
pub mod lowrisc_uart;
pub mod ns16550a;
pub mod pl011;

use hetemu_hw::{Family, Model};

/// The types of this family, from the `schema.kdl` of each folder.
pub mod schemas {
    include!(concat!(env!("OUT_DIR"), "/schemas.rs"));
}

/// Models of this family.
pub const MODELS: &[Model] = &[
    cmsdk_uart::MODEL,
    lowrisc_uart::MODEL_1,
    lowrisc_uart::MODEL_2,
    ns16550a::MODEL,
    pl011::MODEL,
];

/// This family.
pub const FAMILY: Family = Family { types: schemas::SCHEMAS, models: MODELS };
