//! Peripherals of Nordic Semiconductor's nRF51 and nRF52 series.
//!
//! All of them are a small `Block` in one frame, which knows tasks, events, shortcuts and
//! interrupts from the schema.

pub mod adc;
pub mod clock_power;
mod counter;
pub mod ecb;
pub mod egu;
pub mod ficr;
mod frame;
pub mod gpio;
pub mod gpiote;
pub mod nvmc;
pub mod ppi;
pub mod pwm;
pub mod radio;
pub mod rng;
pub mod rtc;
pub mod saadc;
pub mod temp;
pub mod timer;
pub mod twi;
pub mod uart;
pub mod wdt;

use hetemu_hw::{Family, Model};

/// The types of this family, from the `schema.kdl` of each folder.
pub mod schemas {
    include!(concat!(env!("OUT_DIR"), "/schemas.rs"));
}

/// Models of this family.
pub const MODELS: &[Model] = &[
    adc::MODEL,
    clock_power::MODEL,
    ecb::MODEL,
    egu::MODEL,
    ficr::MODEL,
    gpio::MODEL,
    gpiote::MODEL,
    nvmc::MODEL,
    ppi::MODEL,
    pwm::MODEL,
    radio::MODEL,
    rng::MODEL,
    rtc::MODEL,
    saadc::MODEL,
    temp::MODEL,
    timer::MODEL,
    twi::MODEL,
    uart::MODEL,
    wdt::MODEL,
];

/// This family.
pub const FAMILY: Family = Family { types: schemas::SCHEMAS, models: MODELS };
