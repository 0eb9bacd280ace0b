//! The parts of a PC. Their schemas stand, so that machines check; the models of those that are
//! missing follow.

pub mod ata_disk;
mod config;
mod decode;
pub mod gt64120;
pub mod i8254;
pub mod i8259;
mod ide;
pub mod mc146818;
pub mod pcnet;
pub mod piix4;
pub mod piix4_ide;
pub mod piix4_pm;

use hetemu_hw::{Family, Model};

/// The types of this family, from the `schema.kdl` of each folder.
pub mod schemas {
    include!(concat!(env!("OUT_DIR"), "/schemas.rs"));
}

/// Models of this family.
pub const MODELS: &[Model] = &[
    ata_disk::MODEL,
    gt64120::MODEL,
    i8254::MODEL,
    i8259::MODEL,
    mc146818::MODEL,
    mc146818::MODEL_2,
    pcnet::MODEL,
    piix4::MODEL,
    piix4_ide::MODEL,
    piix4_pm::MODEL,
];

/// This family.
pub const FAMILY: Family = Family { types: schemas::SCHEMAS, models: MODELS };
