//! What the tests of this target share.

use hetemu_isa::CoreConfig;
use hetemu_schema::{Literal, Value};

/// A core of a type, as a machine would describe it without setting anything but the byte order.
#[allow(dead_code, unreachable_pub)]
pub fn config(name: &str, big_endian: bool) -> CoreConfig {
    let ty = hetemu_target_mips::schemas::SCHEMAS.iter().find(|t| t.name == name).unwrap();
    let value = |l: Literal| match l {
        Literal::Int(n) => Value::Int(n),
        Literal::Bool(b) => Value::Bool(b),
        Literal::Str(s) => Value::Str(s.to_string()),
    };
    let defaults = ty.props.iter().filter_map(|p| Some((p.name.to_string(), value(p.default?))));
    CoreConfig {
        ty,
        props: defaults.collect(),
        big_endian,
        timebase_hz: 10_000_000,
        clock_hz: 200_000_000,
        wired: Vec::new(),
    }
}

/// An instruction word as a core's memory has it.
#[allow(dead_code, unreachable_pub)]
pub fn bytes(word: u32, big_endian: bool) -> [u8; 4] {
    if big_endian { word.to_be_bytes() } else { word.to_le_bytes() }
}
