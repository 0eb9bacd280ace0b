//! Mailboxes, finishers, stubs: small devices without a family of their own.

/// The types of this family, from the `schema.kdl` of each folder.
pub mod schemas {
    include!(concat!(env!("OUT_DIR"), "/schemas.rs"));
}
