//! The RISC-V target.

/// The core types of this target, from `schema.kdl`.
pub mod schemas {
    include!(concat!(env!("OUT_DIR"), "/schemas.rs"));
}
