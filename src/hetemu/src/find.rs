//! Where machines and profiles come from: a path, a name in a `machines` or `profiles` folder, or
//! the binary itself. [`Shelf`] finds the texts that a text names.

use hetemu_lang::{Library, Text};
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

/// Names and texts of the shipped profiles, a file each.
pub fn shipped_profiles() -> impl Iterator<Item = (&'static str, &'static str)> {
    let files = embedded::PROFILES.iter();
    files.filter_map(|(name, bytes)| {
        Some((name.strip_suffix(".toml")?, std::str::from_utf8(bytes).ok()?))
    })
}

/// Folders of a kind: below the working directory, and beside the program.
fn folders(kind: &str) -> Vec<PathBuf> {
    let mut out = vec![PathBuf::from(kind)];
    if let Ok(exe) = std::env::current_exe()
        && let Some(dir) = exe.parent()
    {
        out.push(dir.join(kind));
        out.push(dir.join("../share/hetemu").join(kind));
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
    if what.contains('/') || what.ends_with(".hm") || what.ends_with(".toml") {
        return read(path);
    }
    for folder in folders("machines") {
        let path = folder.join(format!("{what}.hm"));
        if path.is_file() {
            return read(&path);
        }
    }
    if let Some(bytes) = embedded(&format!("{what}.hm")) {
        let name = format!("machines/{what}.hm");
        return Ok(Source { name, bytes: bytes.to_vec(), base: Base::Embedded });
    }
    if let Some(source) = profile(what) {
        return Ok(source);
    }
    let known: Vec<&str> = shipped().chain(shipped_profiles().map(|(n, _)| n)).collect();
    Err(format!(
        "there is no file `{what}` and no machine or profile of that name; shipped: {}",
        known.join(", ")
    ))
}

/// A profile, `NAME` (the newest version) or `NAME@VERSION`.
fn profile(what: &str) -> Option<Source> {
    let (name, version) = match what.split_once('@') {
        Some((name, v)) => (name, Some(v.parse::<u32>().ok()?)),
        None => (what, None),
    };
    let mut best: Option<(u32, Text)> = None;
    for text in Shelf.named(name, "") {
        let Some(found) = profile_of(&text).filter(|p| p.name.text == name) else { continue };
        let fits = version.is_none_or(|v| v == found.version);
        if fits && best.as_ref().is_none_or(|(v, _)| found.version > *v) {
            best = Some((found.version, text));
        }
    }
    let (_, text) = best?;
    let path = Path::new(&text.name);
    let base = match path.is_file() {
        true => Base::Folder(path.parent().map(Path::to_path_buf).unwrap_or_default()),
        false => Base::Embedded,
    };
    Some(Source { name: text.name, bytes: text.text.into_bytes(), base })
}

/// Whether a word names a profile: one that can be found by name, or a file that is one.
pub fn is_profile(what: &str) -> bool {
    if what.ends_with(".toml") {
        return Path::new(what).is_file();
    }
    profile(what).is_some()
}

/// What a text says as a profile; mistakes are not reported here.
pub fn profile_of(text: &Text) -> Option<hetemu_lang::Profile> {
    let toml = text.name.ends_with(".toml");
    toml.then(|| hetemu_lang::read_profile(&text.text, 0, &mut Default::default())).flatten()
}

/// Every profile that can be found, the nearest of each name and version, sorted.
pub fn profiles() -> Vec<(Text, hetemu_lang::Profile)> {
    let mut texts: Vec<Text> = Vec::new();
    for folder in folders("profiles") {
        texts.extend(texts_of(&folder, |stem, _| !stem.is_empty()));
    }
    texts.extend(shipped_profiles().map(|(name, text)| Text {
        name: format!("profiles/{name}.toml"),
        text: text.to_string(),
    }));
    let mut out: Vec<(Text, hetemu_lang::Profile)> = Vec::new();
    for text in texts {
        let Some(p) = profile_of(&text) else { continue };
        let key = (&p.name.text, p.version);
        if out.iter().all(|(_, q)| (&q.name.text, q.version) != key) {
            out.push((text, p));
        }
    }
    out.sort_by(|(_, a), (_, b)| (&a.name.text, a.version).cmp(&(&b.name.text, b.version)));
    out
}

/// Texts of a folder whose stem (without a version) and extension are wanted.
fn texts_of(folder: &Path, wanted: impl Fn(&str, &str) -> bool) -> Vec<Text> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
    paths.sort();
    let mut out = Vec::new();
    for path in paths {
        let stem = path.file_stem().and_then(|s| s.to_str()).unwrap_or("");
        let ext = path.extension().and_then(|e| e.to_str()).unwrap_or("");
        let stem = stem.split('@').next().unwrap_or(stem);
        if matches!(ext, "hm" | "toml")
            && wanted(stem, ext)
            && let Ok(text) = std::fs::read_to_string(&path)
        {
            let name = path.display().to_string();
            out.push(Text { name: name.trim_start_matches("./").to_string(), text });
        }
    }
    out
}

/// The texts that a text names: beside it, in the folders, and what is shipped.
#[derive(Debug, Clone, Copy, Default)]
pub struct Shelf;

impl Shelf {
    fn folders(beside: &str) -> Vec<PathBuf> {
        let mut all = Vec::new();
        let path = Path::new(beside);
        if path.is_file()
            && let Some(folder) = path.parent()
        {
            let here = folder.as_os_str().is_empty();
            all.push(if here { PathBuf::from(".") } else { folder.to_path_buf() });
        }
        all.extend(folders("machines"));
        all.extend(folders("profiles"));
        all
    }

    /// Shipped texts: name as messages have it, stem, text.
    fn shipped() -> impl Iterator<Item = (String, &'static str, &'static str)> {
        let machines = embedded::FILES.iter().map(|(n, b)| ("machines", *n, *b));
        let profiles = embedded::PROFILES.iter().map(|(n, b)| ("profiles", *n, *b));
        machines.chain(profiles).filter_map(|(folder, name, bytes)| {
            let stem = name.strip_suffix(".hm").or_else(|| name.strip_suffix(".toml"))?;
            let stem = stem.split('@').next().unwrap_or(stem);
            let text = std::str::from_utf8(bytes).ok()?;
            Some((format!("{folder}/{name}"), stem, text))
        })
    }
}

impl Library for Shelf {
    fn path(&self, path: &str, beside: &str) -> Result<Text, String> {
        let folder = Path::new(beside).parent().map(Path::to_path_buf).unwrap_or_default();
        let full = folder.join(path);
        let name = full.display().to_string();
        let error = match std::fs::read_to_string(&full) {
            Ok(text) => return Ok(Text { name, text }),
            Err(e) => e.to_string(),
        };
        let mut shipped = Shelf::shipped();
        let found = shipped.find(|(n, ..)| *n == name);
        found.map(|(name, _, text)| Text { name, text: text.to_string() }).ok_or(error)
    }

    fn named(&self, name: &str, beside: &str) -> Vec<Text> {
        if name.is_empty() || name.contains(['/', '\\']) {
            return Vec::new();
        }
        let mut out: Vec<Text> = Vec::new();
        for folder in Shelf::folders(beside) {
            out.extend(texts_of(&folder, |stem, _| stem == name));
        }
        for (path, stem, text) in Shelf::shipped() {
            let text = Text { name: path, text: text.to_string() };
            if stem == name && !out.contains(&text) {
                out.push(text);
            }
        }
        out
    }

    fn names(&self) -> Vec<String> {
        let mut out: Vec<String> = Shelf::shipped().map(|(_, stem, _)| stem.to_string()).collect();
        for folder in Shelf::folders("") {
            let texts = texts_of(&folder, |stem, _| !stem.is_empty());
            out.extend(texts.iter().filter_map(|t| {
                let stem = Path::new(&t.name).file_stem()?.to_str()?;
                Some(stem.split('@').next().unwrap_or(stem).to_string())
            }));
        }
        out.sort();
        out.dedup();
        out
    }
}

/// Machines that a bare name finds in folders: name and path, sorted.
pub fn in_folders() -> Vec<(String, PathBuf)> {
    let mut out: Vec<(String, PathBuf)> = Vec::new();
    for folder in folders("machines") {
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
            // A base that is shipped names files that are shipped.
            Base::Folder(folder) => match embedded(path) {
                Some(bytes) if !folder.join(path).exists() => Ok(bytes.to_vec()),
                _ => plain(&folder.join(path)),
            },
            Base::Embedded => embedded(path)
                .map(<[u8]>::to_vec)
                .ok_or_else(|| String::from("it is not among the shipped files")),
        }
    }

    fn open(&self, path: &str, from_text: bool) -> Option<std::fs::File> {
        let path = match self {
            _ if !from_text || Path::new(path).is_absolute() => PathBuf::from(path),
            Base::Folder(folder) => folder.join(path),
            Base::Embedded => return None,
        };
        // What is no plain file cannot be read twice.
        path.is_file().then(|| std::fs::File::open(path).ok()).flatten()
    }
}
