//! The parts of a PC. Their schemas stand, so that machines check; the models of those that are
//! missing follow.

pub mod i8254;
pub mod i8259;
pub mod mc146818;

use hetemu_hw::{Family, Model};

/// The types of this family, from the `schema.kdl` of each folder.
pub mod schemas {
    include!(concat!(env!("OUT_DIR"), "/schemas.rs"));
}

/// Models of this family.
pub const MODELS: &[Model] = &[i8254::MODEL, i8259::MODEL, mc146818::MODEL, mc146818::MODEL_2];

/// This family.
pub const FAMILY: Family = Family { types: schemas::SCHEMAS, models: MODELS };
