//! The decoder, generated from `decode.table`.

include!(concat!(env!("OUT_DIR"), "/decode.rs"));

/// Whether an instruction that begins with these 16 bits has 16 more.
pub fn is_wide(first: u16) -> bool {
    first >> 11 >= 0b11101
}

/// Decodes the instruction that begins with `first`; `second` gives the other half if there is one.
/// The bits and the length are right also when there is no such instruction.
///
/// # Errors
/// Those of `second`.
pub fn decode<E>(
    first: u16,
    set: u64,
    second: impl FnOnce() -> Result<u16, E>,
) -> Result<(u32, u8, Option<Insn>), E> {
    if !is_wide(first) {
        let word = u32::from(first);
        return Ok((word, 2, decode16(word, set)));
    }
    let word = u32::from(first) << 16 | u32::from(second()?);
    Ok((word, 4, wide(word, set)))
}

/// The instruction of some bits, as [`decode`] has given them.
pub fn again(word: u32, len: u8, set: u64) -> Option<Insn> {
    if len == 2 { decode16(word, set) } else { wide(word, set) }
}

fn wide(word: u32, set: u64) -> Option<Insn> {
    let mut insn = decode32(word, set)?;
    if matches!(insn.op, Op::B | Op::Bl) {
        insn.imm = far(insn.imm);
    }
    Some(insn)
}

/// The offset of a branch by its fields: two of its bits are kept as equal to the sign or not.
pub fn far(offset: i32) -> i32 {
    if offset >= 0 { offset ^ 0x00c0_0000 } else { offset }
}
