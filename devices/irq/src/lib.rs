//! Interrupt controllers and signal glue.

pub mod gateway;
pub mod lowrisc_plic;
pub mod riscv_plic;
pub mod signal;

use hetemu_hw::{Family, Model};

/// The types of this family, from the `schema.kdl` of each folder.
pub mod schemas {
    include!(concat!(env!("OUT_DIR"), "/schemas.rs"));
}

/// Models of this family.
pub const MODELS: &[Model] = &[
    lowrisc_plic::MODEL_1,
    lowrisc_plic::MODEL_2,
    riscv_plic::MODEL,
    signal::OR,
    signal::NOT,
    signal::LATCH,
];

/// This family.
pub const FAMILY: Family = Family { types: schemas::SCHEMAS, models: MODELS };
