//! Goldens: what a test finds must be what a file says. `HETEMU_BLESS=1` writes the files anew;
//! read the difference before you commit it.

use std::path::Path;

/// Whether goldens are to be written.
pub fn blessing() -> bool {
    std::env::var_os("HETEMU_BLESS").is_some()
}

/// Compares with files, and tells of all that differ at the end.
#[derive(Debug, Default)]
pub struct Goldens(Vec<String>);

impl Goldens {
    /// What was found must be what the file says; a file that is not there says nothing.
    ///
    /// # Panics
    /// If the file is to be written and cannot be.
    pub fn compare(&mut self, path: impl AsRef<Path>, found: &str) {
        let path = path.as_ref();
        if std::fs::read_to_string(path).unwrap_or_default() == found {
            return;
        }
        let name = path.display();
        if blessing() {
            std::fs::write(path, found).unwrap_or_else(|e| panic!("{name}: {e}"));
        } else {
            self.0.push(format!("=== {name}: now\n{found}"));
        }
    }

    /// # Panics
    /// If something differed.
    #[track_caller]
    pub fn agree(self) {
        assert!(self.0.is_empty(), "{}\nHETEMU_BLESS=1 accepts this", self.0.join("\n"));
    }

    /// Compares with one file.
    ///
    /// # Panics
    /// If it differs.
    #[track_caller]
    pub fn one(path: impl AsRef<Path>, found: &str) {
        let mut all = Goldens::default();
        all.compare(path, found);
        all.agree();
    }
}
