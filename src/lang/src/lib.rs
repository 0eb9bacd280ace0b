//! The machine description language: text to wired graph, and everything that can be wrong with it.
pub mod diag;
pub mod expr;
pub mod source;
pub mod syntax;
