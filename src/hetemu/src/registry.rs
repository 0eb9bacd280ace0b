//! Everything that this program knows by name. A new family of devices, or a new target, is one
//! line.

use hetemu_hw::{Family, schema::DeviceType};
use hetemu_isa::Target;
use hetemu_machine::Registry;

/// Families of devices.
const FAMILIES: &[Family] = &[
    hetemu_dev_memory::FAMILY,
    hetemu_dev_serial::FAMILY,
    hetemu_dev_irq::FAMILY,
    hetemu_dev_stm32::FAMILY,
    hetemu_dev_timer::FAMILY,
    hetemu_dev_spi::FAMILY,
    hetemu_dev_virtio::FAMILY,
    hetemu_dev_misc::FAMILY,
    hetemu_dev_pc::FAMILY,
    hetemu_dev_net::FAMILY,
    hetemu_dev_nordic::FAMILY,
];

/// Core types, by target.
const CORES: &[&[&DeviceType]] = &[
    hetemu_target_riscv::schemas::SCHEMAS,
    hetemu_target_arm::schemas::SCHEMAS,
    hetemu_target_mips::schemas::SCHEMAS,
    hetemu_target_x86::schemas::SCHEMAS,
];

/// Targets that run.
fn targets() -> Vec<Box<dyn Target>> {
    vec![
        Box::new(hetemu_target_riscv::RiscV),
        Box::new(hetemu_target_arm::Arm),
        Box::new(hetemu_target_mips::Mips),
    ]
}

/// All of it.
pub fn registry() -> Registry {
    let cores = CORES.iter().flat_map(|types| types.iter().copied());
    Registry::new(FAMILIES.iter().copied(), cores, targets())
}
