//! What the tests of this target share.

use hetemu_isa::CoreConfig;

/// A core of a type, as a machine would describe it without setting anything.
#[allow(dead_code, unreachable_pub)]
pub fn config(name: &str) -> CoreConfig {
    let ty = hetemu_target_arm::schemas::SCHEMAS.iter().find(|t| t.name == name).unwrap();
    CoreConfig { clock_hz: 1_000_000_000, ..CoreConfig::plain(ty) }
}

/// Every core type.
#[allow(dead_code, unreachable_pub)]
pub const CORES: [&str; 5] =
    ["arm.cortex_m0", "arm.cortex_m3", "arm.cortex_m4", "arm.cortex_m7", "arm.cortex_m33"];
