//! Memories: RAM and ROM, which have no models (the machine gives their regions to the engine as
//! bytes), and flash, which takes commands.

pub mod cfi_flash;

use hetemu_hw::Family;

/// The types of this family, from the `schema.kdl` of each folder.
pub mod schemas {
    include!(concat!(env!("OUT_DIR"), "/schemas.rs"));
}

/// This family.
pub const FAMILY: Family = Family { types: schemas::SCHEMAS, models: &[cfi_flash::MODEL] };
