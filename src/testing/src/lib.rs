//! What tests of every crate share: software that may be missing, goldens, folders that go away,
//! numbers by chance. No crate depends on it but for its tests.

mod folder;
mod golden;
mod needs;
mod rng;

pub use folder::Folder;
pub use golden::{Goldens, blessing};
pub use needs::{files, have, python, required, tools};
pub use rng::Rng;

use std::path::{Path, PathBuf};

/// The root of the source tree.
pub fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().unwrap_or(root)
}
