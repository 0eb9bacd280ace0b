//! Where machines come from: a path, a name in a `machines` folder, or the binary itself.

use hetemu_machine::Files;
use std::path::{Path, PathBuf};

mod embedded {
    include!(concat!(env!("OUT_DIR"), "/embedded.rs"));
}

/// A machine's text, and where relative paths in it lead.
#[derive(Debug, Clone)]
pub struct Source {
    /// As messages name it.
    pub name: String,
    /// Content.
    pub bytes: Vec<u8>,
    /// Its folder.
    pub base: Base,
}

/// Where relative paths of a machine's text begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Base {
    /// A folder.
    Folder(PathBuf),
    /// The files in the binary.
    Embedded,
}

/// A shipped file by its path below `machines/`.
pub fn embedded(path: &str) -> Option<&'static [u8]> {
    embedded::FILES.iter().find(|(name, _)| *name == path).map(|(_, bytes)| *bytes)
}

/// Names of the shipped machines.
pub fn shipped() -> impl Iterator<Item = &'static str> {
    embedded::FILES.iter().filter_map(|(name, _)| name.strip_suffix(".hm"))
}

/// Folders in which a bare name is looked for.
fn folders() -> Vec<PathBuf> {
    let mut out = vec![PathBuf::from("machines")];
    if let Ok(exe) = std::env::current_exe()
        && let Some(dir) = exe.parent()
    {
        out.push(dir.join("machines"));
        out.push(dir.join("../share/hetemu/machines"));
    }
    out
}

fn read(path: &Path) -> Result<Source, String> {
    let bytes = std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
    Ok(Source { name: path.display().to_string(), bytes, base: Base::Folder(folder) })
}

/// A machine by path or name.
pub fn find(what: &str) -> Result<Source, String> {
    let path = Path::new(what);
    if path.is_file() {
        return read(path);
    }
    if what.contains('/') || what.ends_with(".hm") {
        return read(path);
    }
    for folder in folders() {
        let path = folder.join(format!("{what}.hm"));
        if path.is_file() {
            return read(&path);
        }
    }
    if let Some(bytes) = embedded(&format!("{what}.hm")) {
        let name = format!("machines/{what}.hm");
        return Ok(Source { name, bytes: bytes.to_vec(), base: Base::Embedded });
    }
    let known: Vec<&str> = shipped().collect();
    Err(format!(
        "there is no file `{what}` and no machine of that name; shipped: {}",
        known.join(", ")
    ))
}

/// Machines that a bare name finds in folders: name and path, sorted.
pub fn in_folders() -> Vec<(String, PathBuf)> {
    let mut out: Vec<(String, PathBuf)> = Vec::new();
    for folder in folders() {
        let Ok(entries) = std::fs::read_dir(folder) else { continue };
        for path in entries.flatten().map(|e| e.path()) {
            let stem = path.file_stem().and_then(|s| s.to_str());
            if path.extension().is_some_and(|e| e == "hm")
                && let Some(name) = stem
                && out.iter().all(|(n, _)| n != name)
            {
                out.push((name.to_string(), path));
            }
        }
    }
    out.sort();
    out
}

impl Files for Base {
    fn read(&self, path: &str, from_text: bool) -> Result<Vec<u8>, String> {
        let plain = |p: &Path| std::fs::read(p).map_err(|e| e.to_string());
        if !from_text || Path::new(path).is_absolute() {
            return plain(Path::new(path));
        }
        match self {
            Base::Folder(folder) => plain(&folder.join(path)),
            Base::Embedded => embedded(path)
                .map(<[u8]>::to_vec)
                .ok_or_else(|| String::from("it is not among the shipped files")),
        }
    }
}
