//! The parts of a PC. Their schemas stand, so that machines check; their models follow.

/// The types of this family, from the `schema.kdl` of each folder.
pub mod schemas {
    include!(concat!(env!("OUT_DIR"), "/schemas.rs"));
}
