//! Tier 0: IR blocks as three-address code, run by one `match`.
//!
//! The oracle: what compiled code does is defined by what this does, and everything rare (devices,
//! exceptions, helpers) is done only here.

pub(crate) mod lower;
pub(crate) mod op;
pub(crate) mod rare;
mod run;

pub(crate) use rare::rmw;
pub(crate) use run::{Exec, Leave, run};
