//! The wired graph: a machine as plain data, fully resolved and sorted, with the place in the text
//! of every fact.
//!
//! `lang` (and QMP through it) makes a [`Graph`]; `check`, `diff`, `graph`, `explain`, `doc` and
//! the live machine only read it. Everything here is pure.

mod datasheet;
mod diff;
mod explain;
mod json;
mod model;
pub mod names;
mod read;
pub mod show;
#[cfg(test)]
mod testing;
mod type_schema;
mod types;
mod view;

pub use datasheet::{datasheet_html, datasheet_markdown, datasheet_pictures};
pub use diff::{Change, Class, Diff, SavedStates, Sign, diff};
pub use explain::{Locate, explain_address, explain_name, register_at};
pub use json::{DIFF_SCHEMA, Detail, GRAPH_SCHEMA, json_text, semantic_hash, to_json};
pub use model::*;
pub use read::{ReadError, from_json};
pub use type_schema::json_schema;
pub use types::{type_json, types_json};
pub use view::{Flat, Range, flatten};
