//! A folder for files of one test.

use std::ops::Deref;
use std::path::{Path, PathBuf};

/// An empty folder of the host's temporary files, which goes away with this.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Makes one; the name is for people who find it.
    ///
    /// # Panics
    /// If the host does not allow it.
    #[track_caller]
    pub fn new(name: &str) -> Folder {
        let temp = std::env::temp_dir();
        let own = format!("hetemu-{name}-{}", std::process::id());
        // Tests run at the same time: the first number that nobody has.
        for n in 0.. {
            let path = temp.join(format!("{own}-{n}"));
            match std::fs::create_dir(&path) {
                Ok(()) => return Folder(path),
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(e) => panic!("{}: {e}", path.display()),
            }
        }
        unreachable!("numbers do not end")
    }

    /// A path in it, as arguments take it.
    pub fn at(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Deref for Folder {
    type Target = Path;
    fn deref(&self) -> &Path {
        &self.0
    }
}

impl AsRef<Path> for Folder {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
