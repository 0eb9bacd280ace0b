//! Peripherals of Nordic Semiconductor's nRF51 and nRF52 series.
//!
//! All of them are a small `Block` in one frame, which knows tasks, events, shortcuts and
//! interrupts from the schema.

pub mod clock_power;
mod counter;
pub mod ficr;
mod frame;
pub mod gpio;
pub mod nvmc;
pub mod rng;
pub mod rtc;
pub mod temp;
pub mod timer;
pub mod twi;
pub mod uart;

use hetemu_hw::{Family, Model};

/// The types of this family, from the `schema.kdl` of each folder.
pub mod schemas {
    include!(concat!(env!("OUT_DIR"), "/schemas.rs"));
}

/// Models of this family.
pub const MODELS: &[Model] = &[
    clock_power::MODEL,
    ficr::MODEL,
    gpio::MODEL,
    nvmc::MODEL,
    rng::MODEL,
    rtc::MODEL,
    temp::MODEL,
    timer::MODEL,
    twi::MODEL,
    uart::MODEL,
];

/// This family.
pub const FAMILY: Family = Family { types: schemas::SCHEMAS, models: MODELS };
