//! Mailboxes, finishers, stubs: small devices without a family of their own.

pub mod cmsdk_gpio;
pub mod debug_exit;
pub mod mailbox;
pub mod malta_fpga;
pub mod mps2_fpgaio;
pub mod mps2_scc;
pub mod pl061;
pub mod reset_control;
pub mod sbcon_i2c;
pub mod sie200_mpc;
pub mod sifive_test;
pub mod sse_secctl;
pub mod stellaris_adc;
pub mod stellaris_i2c;
pub mod stellaris_sysctl;
pub mod stub;

use hetemu_hw::{Family, Model};

/// The types of this family, from the `schema.kdl` of each folder.
pub mod schemas {
    include!(concat!(env!("OUT_DIR"), "/schemas.rs"));
}

/// Models of this family.
pub const MODELS: &[Model] = &[
    cmsdk_gpio::MODEL,
    debug_exit::MODEL,
    mailbox::MODEL,
    malta_fpga::MODEL,
    mps2_fpgaio::MODEL,
    mps2_scc::MODEL,
    pl061::MODEL,
    reset_control::MODEL,
    sbcon_i2c::MODEL,
    sie200_mpc::MODEL,
    sifive_test::MODEL,
    sse_secctl::MODEL,
    stellaris_adc::MODEL,
    stellaris_i2c::MODEL,
    stellaris_sysctl::MODEL,
    stub::MODEL,
];

/// This family.
pub const FAMILY: Family = Family { types: schemas::SCHEMAS, models: MODELS };
