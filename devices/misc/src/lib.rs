//! Mailboxes, finishers, stubs: small devices without a family of their own.

pub mod debug_exit;
pub mod mailbox;
pub mod malta_fpga;
pub mod pl061;
pub mod reset_control;
pub mod sie200_mpc;
pub mod sifive_test;
pub mod sse_secctl;
pub mod stellaris_sysctl;
pub mod stub;

use hetemu_hw::{Family, Model};

/// The types of this family, from the `schema.kdl` of each folder.
pub mod schemas {
    include!(concat!(env!("OUT_DIR"), "/schemas.rs"));
}

/// Models of this family.
pub const MODELS: &[Model] = &[
    debug_exit::MODEL,
    mailbox::MODEL,
    malta_fpga::MODEL,
    pl061::MODEL,
    reset_control::MODEL,
    sie200_mpc::MODEL,
    sifive_test::MODEL,
    sse_secctl::MODEL,
    stellaris_sysctl::MODEL,
    stub::MODEL,
];

/// This family.
pub const FAMILY: Family = Family { types: schemas::SCHEMAS, models: MODELS };
