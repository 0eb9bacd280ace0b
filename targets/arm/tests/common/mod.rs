//! What the tests of this target share.

use hetemu_isa::CoreConfig;
use hetemu_schema::{Literal, Value};

/// A core of a type, as a machine would describe it without setting anything.
#[allow(dead_code, unreachable_pub)]
pub fn config(name: &str) -> CoreConfig {
    let ty = hetemu_target_arm::schemas::SCHEMAS.iter().find(|t| t.name == name).unwrap();
    let value = |l: Literal| match l {
        Literal::Int(n) => Value::Int(n),
        Literal::Bool(b) => Value::Bool(b),
        Literal::Str(s) => Value::Str(s.to_string()),
    };
    let defaults = ty.props.iter().filter_map(|p| Some((p.name.to_string(), value(p.default?))));
    CoreConfig {
        ty,
        props: defaults.collect(),
        big_endian: false,
        timebase_hz: 10_000_000,
        clock_hz: 1_000_000_000,
        wired: Vec::new(),
    }
}

/// Every core type.
#[allow(dead_code, unreachable_pub)]
pub const CORES: [&str; 5] =
    ["arm.cortex_m0", "arm.cortex_m3", "arm.cortex_m4", "arm.cortex_m7", "arm.cortex_m33"];
