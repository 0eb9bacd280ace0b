//! The decoder, generated from `decode.table`.

include!(concat!(env!("OUT_DIR"), "/decode.rs"));

/// Decodes the instruction whose first 16 bits are `low`; `high` gives the next 16 if they are
/// needed. The bits and the length are right also when there is no such instruction.
pub fn decode<E>(
    low: u16,
    set: u64,
    high: impl FnOnce() -> Result<u16, E>,
) -> Result<(u32, u8, Option<Insn>), E> {
    if low & 3 != 3 {
        let word = u32::from(low);
        return Ok((word, 2, decode16(word, set)));
    }
    let word = u32::from(high()?) << 16 | u32::from(low);
    Ok((word, 4, decode32(word, set)))
}
