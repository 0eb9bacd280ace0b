//! The image: the harness, and after it at a fixed offset the table of snippets.

use super::{Class, Mode, Plan, Xlen};

const HARNESS_32: &[u8] = include_bytes!("harness/harness32.bin");
const HARNESS_64: &[u8] = include_bytes!("harness/harness64.bin");
/// Offset of the table, `__table` of the linker script.
pub const TABLE: usize = 0x4_0000;
/// Snippets may write the table, and so themselves.
const WRITE: u32 = 4;
/// The harness goes on after the instruction that trapped.
pub const RESUME: u32 = 1;
/// x2, x8 and x9 point into the scratch memory.
pub const MEMORY: u32 = 2;
/// The f registers hold floats.
pub const FLOAT: u32 = 4;

/// One snippet, without its final ecall.
#[derive(Debug, Clone)]
pub struct Snippet {
    /// Instructions.
    pub code: Vec<u8>,
    /// Number of instructions in `code`.
    pub instructions: u32,
    /// How often it runs, each time with new registers.
    pub runs: u32,
    /// [`RESUME`], [`MEMORY`], [`FLOAT`].
    pub flags: u32,
    /// Seed of the registers.
    pub seed: u32,
}

/// The bytes to boot. `verbose` is the snippet to print in full.
pub fn build(plan: &Plan, snippets: &[Snippet], verbose: Option<u32>) -> Vec<u8> {
    let mut body = Vec::new();
    let word = |body: &mut Vec<u8>, n: u32| body.extend_from_slice(&n.to_le_bytes());
    for (number, s) in snippets.iter().enumerate() {
        // Two filler instructions of two bytes take the second half of a last word that is no word.
        let mut code = s.code.clone();
        code.extend_from_slice(&[0x01, 0x00, 0x01, 0x00]);
        code.resize(code.len().next_multiple_of(4), 0);
        if s.code.len() % 4 == 2 {
            code[s.code.len() + 4..].copy_from_slice(&[0x01, 0x00]);
        }
        let end = code.len() as u32;
        word(&mut code, 0x73);
        for n in [code.len() as u32, end, s.runs, s.flags, s.seed, number as u32] {
            word(&mut body, n);
        }
        body.extend_from_slice(&code);
    }
    let mode = Mode::ALL.iter().position(|(_, m)| *m == plan.mode).unwrap_or(0) as u32;
    let write = if plan.class == Class::Smc { WRITE } else { 0 };
    let size = (16 + body.len()).next_multiple_of(4096);
    let harness = match plan.xlen {
        Xlen::X32 => HARNESS_32,
        Xlen::X64 => HARNESS_64,
    };
    let mut image = harness.to_vec();
    image.resize(TABLE, 0);
    for n in [snippets.len() as u32, mode | write, verbose.unwrap_or(u32::MAX), size as u32] {
        word(&mut image, n);
    }
    image.extend_from_slice(&body);
    image.resize(TABLE + size, 0);
    image
}
