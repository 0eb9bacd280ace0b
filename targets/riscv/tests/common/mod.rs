//! What the tests of this target share.

#[allow(dead_code, unreachable_pub, missing_docs)]
pub mod bench;

use hetemu_isa::{CoreConfig, Exception, FetchFault};

/// A core of a type, as a machine would describe it without setting anything.
#[allow(dead_code, unreachable_pub)]
pub fn config(name: &str) -> CoreConfig {
    let ty = hetemu_target_riscv::schemas::SCHEMAS.iter().find(|t| t.name == name).unwrap();
    CoreConfig::plain(ty)
}

/// Fetches from bytes at an address; beyond them is a fault.
#[allow(dead_code, unreachable_pub)]
pub fn fetch_from(pc: u64, code: &[u8]) -> impl FnMut(u64) -> Result<u16, FetchFault> + '_ {
    move |at| {
        let i = at.wrapping_sub(pc) as usize;
        match code.get(i..i.wrapping_add(2)) {
            Some(b) => Ok(u16::from_le_bytes([b[0], b[1]])),
            None => Err(FetchFault(Exception { cause: 1, value: at })),
        }
    }
}
