//! The static schemas of device and core types.
//!
//! A schema is written in KDL beside its model and turned into the tables of this module at build
//! time, so that starting the program parses nothing. The language, the checker, QMP introspection,
//! the documentation and the models themselves read the same tables.
//!
//! Features: `build` adds the KDL reader and the code generator (build scripts use it); without it
//! this crate is plain data and has no dependencies.

#[cfg(feature = "build")]
pub mod build;
mod catalog;
pub mod doc;
pub mod sanity;
pub mod state;
mod types;
pub mod units;
mod value;

pub use catalog::{Catalog, Lookup};
pub use types::*;
pub use value::Value;
