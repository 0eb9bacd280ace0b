//! The x86 core types. Their schemas stand, so that machines check; the instruction sets follow.

/// The types of this family, from the `schema.kdl` of each folder.
pub mod schemas {
    include!(concat!(env!("OUT_DIR"), "/schemas.rs"));
}
