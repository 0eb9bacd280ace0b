//! What the tests of this target share.

use hetemu_isa::CoreConfig;

/// A core of a type, as a machine would describe it without setting anything but the byte order.
#[allow(dead_code, unreachable_pub)]
pub fn config(name: &str, big_endian: bool) -> CoreConfig {
    let ty = hetemu_target_mips::schemas::SCHEMAS.iter().find(|t| t.name == name).unwrap();
    CoreConfig { big_endian, clock_hz: 200_000_000, ..CoreConfig::plain(ty) }
}

/// An instruction word as a core's memory has it.
#[allow(dead_code, unreachable_pub)]
pub fn bytes(word: u32, big_endian: bool) -> [u8; 4] {
    if big_endian { word.to_be_bytes() } else { word.to_le_bytes() }
}
