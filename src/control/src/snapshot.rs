//! Saved states in files: what `hetemu snapshot`, QMP's `snapshot-save` and `migrate` to `file:`,
//! and the library share.

use hetemu_machine::{About, FileError, Packing, Report, Running, Saved};
use hetemu_snapshot::{Container, Error as Format, Id};
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Longest chain of files that build on each other.
const CHAIN: usize = 256;

/// Why a state was not written or read.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The host's file system.
    #[error("`{}`: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What it says.
        error: io::Error,
    },
    /// The file is no snapshot, or a damaged one.
    #[error("`{}`: {error}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: Format,
    },
    /// The state does not fit the machine, or the machine cannot be saved.
    #[error("{}", .0.message)]
    State(Report),
}

impl SnapshotError {
    /// As a report, as for everything else that a machine says.
    pub fn report(&self) -> Report {
        let (code, message) = match self {
            SnapshotError::State(report) => return report.clone(),
            SnapshotError::Io { .. } => ("E1003", format!("the snapshot {self}")),
            SnapshotError::Format { error, .. } => (error.code(), format!("the snapshot {self}")),
        };
        Report { code, message, notes: Vec::new() }
    }
}

/// How a state is written.
#[derive(Debug, Clone, Default)]
pub struct How {
    /// A snapshot of this machine, on which the new file builds: only what differs is written. The
    /// new file needs it then, in the same folder.
    pub base: Option<PathBuf>,
    /// What images hold is written, too; else the file needs them to be read.
    pub whole: bool,
}

fn io_at(path: &Path) -> impl FnOnce(io::Error) -> SnapshotError + '_ {
    move |error| SnapshotError::Io { path: path.to_path_buf(), error }
}

fn format_at(path: &Path) -> impl FnOnce(Format) -> SnapshotError + '_ {
    move |error| SnapshotError::Format { path: path.to_path_buf(), error }
}

/// Reads a file, checked and not unpacked.
///
/// # Errors
/// It cannot be read, or is no snapshot.
pub fn open(path: &Path) -> Result<Container, SnapshotError> {
    let bytes = fs::read(path).map_err(io_at(path))?;
    Container::read(&bytes).map_err(format_at(path))
}

/// Takes the machine's state and writes it. Whoever reads the path sees the old file or the whole
/// new one.
///
/// # Errors
/// See [`SnapshotError`].
pub fn save(machine: &mut Running, path: &Path, how: &How) -> Result<Id, SnapshotError> {
    let saved = machine.save(None).map_err(SnapshotError::State)?;
    write(machine, &saved, path, how)
}

/// Writes a state that was taken before.
///
/// # Errors
/// See [`SnapshotError`].
pub fn write(
    machine: &Running,
    saved: &Saved,
    path: &Path,
    how: &How,
) -> Result<Id, SnapshotError> {
    let base = match &how.base {
        None => None,
        Some(base) => {
            let id = open(base)?.id;
            let name = base.file_name().map(|n| n.to_string_lossy().into_owned());
            Some((read(machine, base)?, id, name.unwrap_or_default()))
        }
    };
    let base = base.as_ref().map(|(saved, id, name)| (saved, *id, name.as_str()));
    let packing = Packing { base, whole: how.whole };
    let container = machine.pack(saved, &packing).map_err(SnapshotError::State)?;
    let mut name = path.file_name().map(|n| n.to_os_string()).unwrap_or_default();
    name.push(format!(".{}.new", std::process::id()));
    let new = path.with_file_name(name);
    let written = fs::File::create(&new).and_then(|file| {
        let mut file = BufWriter::new(file);
        let id = container.write(&mut file)?;
        file.flush()?;
        file.get_ref().sync_all()?;
        Ok(id)
    });
    let done = written.and_then(|id| fs::rename(&new, path).map(|()| id));
    if done.is_err() {
        // It may not even be there.
        let _ = fs::remove_file(&new);
    }
    done.map_err(io_at(path))
}

/// Reads a state for this machine, with all that it builds on. Nothing is set.
///
/// # Errors
/// See [`SnapshotError`]; E1208 if the machine is another one, with the difference.
pub fn read(machine: &Running, path: &Path) -> Result<Saved, SnapshotError> {
    let mut chain = vec![(path.to_path_buf(), open(path)?)];
    while let Some((last, container)) = chain.last() {
        let Some((id, name)) = About::of(container).map_err(format_at(last))?.base else { break };
        // A name, not a path: a snapshot must not lead out of its folder.
        let name = Path::new(&name).file_name().map(|n| n.to_os_string()).unwrap_or_default();
        let below = last.with_file_name(name);
        let base = open(&below).map_err(|e| {
            let message = format!("`{}` builds on another snapshot: {e}", last.display());
            SnapshotError::State(Report { code: "E1209", message, notes: Vec::new() })
        })?;
        if base.id != id || chain.len() >= CHAIN {
            let message = format!(
                "`{}` is not the file that `{}` builds on",
                below.display(),
                last.display()
            );
            return Err(SnapshotError::State(Report { code: "E1209", message, notes: Vec::new() }));
        }
        chain.push((below, base));
    }
    let mut saved: Option<Saved> = None;
    while let Some((path, container)) = chain.pop() {
        let about = About::of(&container).map_err(format_at(&path))?;
        machine.takes(&about).map_err(SnapshotError::State)?;
        saved = Some(machine.unpack(container, saved.as_ref()).map_err(|e| match e {
            FileError::Container(error) => SnapshotError::Format { path: path.clone(), error },
            FileError::NeedsBase { .. } => format_at(&path)(Format::Missing("base".into())),
            FileError::State(report) => SnapshotError::State(report),
        })?);
    }
    saved.ok_or_else(|| format_at(path)(Format::NoSnapshot))
}

/// Reads a state and sets it.
///
/// # Errors
/// As [`read`]; the machine is as it was then.
pub fn load(machine: &mut Running, path: &Path) -> Result<(), SnapshotError> {
    let saved = read(machine, path)?;
    machine.restore(&saved).map_err(SnapshotError::State)
}
