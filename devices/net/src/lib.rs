//! Ethernet controllers.

mod ethernet;
pub mod lan9118;
pub mod stellaris_enet;

use hetemu_hw::{Family, Model};

/// The types of this family, from the `schema.kdl` of each folder.
pub mod schemas {
    include!(concat!(env!("OUT_DIR"), "/schemas.rs"));
}

/// Models of this family.
pub const MODELS: &[Model] = &[lan9118::MODEL, stellaris_enet::MODEL];

/// This family.
pub const FAMILY: Family = Family { types: schemas::SCHEMAS, models: MODELS };
