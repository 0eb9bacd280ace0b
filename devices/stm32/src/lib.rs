//! Peripherals of ST's STM32F2 and F4 microcontrollers (RM0033, RM0090).

mod bank;
mod unit;

pub mod adc;
pub mod crc;
pub mod dbgmcu;
pub mod exti;
pub mod flash;
pub mod gpio;
pub mod i2c;
pub mod iwdg;
pub mod pwr;
pub mod rcc;
pub mod rng;
pub mod signature;
pub mod spi;
pub mod syscfg;
pub mod tim;
pub mod usart;
pub mod wwdg;

use hetemu_hw::{Family, Model};

/// The types of this family, from the `schema.kdl` of each folder.
pub mod schemas {
    include!(concat!(env!("OUT_DIR"), "/schemas.rs"));
}

/// Models of this family.
pub const MODELS: &[Model] = &[
    adc::MODEL,
    crc::MODEL,
    dbgmcu::MODEL,
    exti::MODEL,
    flash::MODEL,
    gpio::MODEL,
    i2c::MODEL,
    iwdg::MODEL,
    pwr::MODEL,
    rcc::MODEL,
    rng::MODEL,
    signature::MODEL,
    spi::MODEL,
    syscfg::MODEL,
    tim::MODEL,
    usart::MODEL,
    wwdg::MODEL,
];

/// This family.
pub const FAMILY: Family = Family { types: schemas::SCHEMAS, models: MODELS };
