//! The state of a machine, in memory and in files.

use super::wire::Wire;
use super::{Error, Machine};
use hetemu_machine::{FileError, Packing, Saved};
use std::io::BufWriter;
use std::path::Path;

fn failed(path: &Path, error: std::io::Error) -> Error {
    Error::File { path: path.display().to_string(), error }
}

impl Machine {
    /// Takes the state of everything in the machine, also in the middle of a run. Disks are the
    /// host's, and no part of it. Pages of memory that did not change are shared with `like`.
    ///
    /// ```
    /// # fn main() -> Result<(), hetemu::Error> {
    /// use std::time::Duration;
    /// let mut machine = hetemu::Builder::find("opentitan")?.build()?;
    /// machine.expect("> ", Duration::from_secs(1))?;
    /// let ready = machine.snapshot(None)?;
    /// for code in [3, 4] {
    ///     machine.restore(&ready)?;
    ///     machine.send(format!("exit {code}\r"))?;
    ///     assert_eq!(machine.run_to_end(Duration::from_secs(1))?, code);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn snapshot(&mut self, like: Option<&Saved>) -> Result<Saved, Error> {
        Ok(self.machine_mut()?.save(like)?)
    }

    /// Goes back to a state of this machine, or of one made in the same way. Patterns see only
    /// what the guest sends from then on; what was typed and not yet taken is forgotten.
    pub fn restore(&mut self, state: &Saved) -> Result<(), Error> {
        self.machine_mut()?.restore(state)?;
        self.session.restored();
        self.wires.values().for_each(Wire::forget);
        Ok(())
    }

    /// Writes a state into a file, which needs no other one. `hetemu snapshot` reads it as well.
    pub fn write_snapshot(&self, state: &Saved, path: impl AsRef<Path>) -> Result<(), Error> {
        let how = Packing { whole: true, ..Packing::default() };
        let file = std::fs::File::create(path.as_ref()).map_err(|e| failed(path.as_ref(), e))?;
        let packed = self.machine()?.pack(state, &how)?;
        packed.write(BufWriter::new(file)).map_err(|e| failed(path.as_ref(), e))?;
        Ok(())
    }

    /// Reads a state from a file that [`Machine::write_snapshot`] wrote.
    ///
    /// # Errors
    /// [`Error::Snapshot`] if it is no snapshot, or one of another machine.
    pub fn read_snapshot(&self, path: impl AsRef<Path>) -> Result<Saved, Error> {
        let bytes = std::fs::read(path.as_ref()).map_err(|e| failed(path.as_ref(), e))?;
        let file = hetemu_snapshot::Container::read(&bytes).map_err(FileError::from)?;
        Ok(self.machine()?.unpack(file, None)?)
    }
}
