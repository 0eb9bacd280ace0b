//! Text to syntax tree. Parsing never fails: it gives a tree and diagnostics.
//!
//! [`split`] cuts the text into statements, [`parser`] reads the head of each with the grammar
//! `grammar/hm.pest`, [`build`] turns the result into [`ast`], and [`mistakes`] recognises what
//! people write by mistake. A statement that cannot be read is dropped; its name is kept as
//! unknown.

pub mod ast;
mod build;
mod file;
pub(crate) mod mistakes;
mod parser;
pub(crate) mod split;
mod stmt;

pub use file::{parse, parse_setting};
