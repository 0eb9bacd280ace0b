//! Timers and clocks.

pub mod cmsdk_dualtimer;
pub mod cmsdk_timer;
pub mod goldfish_rtc;
pub mod lowrisc_timer;
pub mod riscv_clint;
pub mod sp805;
pub mod stellaris_gptm;

use hetemu_hw::{Family, Model};

/// The types of this family, from the `schema.kdl` of each folder.
pub mod schemas {
    include!(concat!(env!("OUT_DIR"), "/schemas.rs"));
}

/// Models of this family.
pub const MODELS: &[Model] = &[
    cmsdk_dualtimer::MODEL,
    cmsdk_timer::MODEL,
    goldfish_rtc::MODEL,
    lowrisc_timer::MODEL,
    riscv_clint::MODEL,
    sp805::CMSDK,
    sp805::MODEL,
    stellaris_gptm::MODEL,
];

/// This family.
pub const FAMILY: Family = Family { types: schemas::SCHEMAS, models: MODELS };
