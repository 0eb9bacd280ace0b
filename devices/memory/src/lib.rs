//! Memories: RAM and ROM. They have no models: the machine gives their regions to the engine as
//! bytes.

use hetemu_hw::Family;

/// The types of this family, from the `schema.kdl` of each folder.
pub mod schemas {
    include!(concat!(env!("OUT_DIR"), "/schemas.rs"));
}

/// This family.
pub const FAMILY: Family = Family { types: schemas::SCHEMAS, models: &[] };
