//! What a machine holds: registers, memory, devices, symbols.

use super::{Error, Machine};
use hetemu_machine::CoreId;

impl Machine {
    /// A core's number by its name.
    pub fn core(&self, name: &str) -> Result<CoreId, Error> {
        let machine = self.machine()?;
        machine.core_named(name).ok_or_else(|| self.no_name(name, self.cores()))
    }

    fn no_name(&self, name: &str, known: Vec<String>) -> Error {
        let known = known.iter().map(String::as_str);
        let meant = hetemu_lang::diag::suggest::nearest(name, known).map(str::to_string);
        Error::NoName { name: name.to_string(), meant }
    }

    /// A core's register by name: `pc`, `a0`, `mstatus`.
    ///
    /// ```
    /// # fn main() -> Result<(), hetemu::Error> {
    /// let mut machine = hetemu::Builder::find("opentitan")?.build()?;
    /// machine.step(1)?;
    /// let pc = machine.register("ibex", "pc")?;
    /// machine.set_register("ibex", "a0", 0x1234)?;
    /// assert_eq!(machine.register("ibex", "a0")?, 0x1234);
    /// let code = machine.read_memory("ibex", pc, 4)?;
    /// assert_eq!(code.len(), 4);
    /// # Ok(())
    /// # }
    /// ```
    pub fn register(&self, core: &str, name: &str) -> Result<u64, Error> {
        let at = self.core(core)?;
        let machine = self.machine()?;
        machine.core_register(at, name).ok_or_else(|| {
            let known = machine.core_registers(at).into_iter().map(|(n, _)| n).collect();
            self.no_name(name, known)
        })
    }

    /// Sets a core's register.
    pub fn set_register(&mut self, core: &str, name: &str, value: u64) -> Result<(), Error> {
        let at = self.core(core)?;
        self.register(core, name)?;
        match self.machine_mut()?.set_core_register(at, name, value) {
            true => Ok(()),
            false => Err(Error::Value(format!("`{core}.{name}` cannot be set"))),
        }
    }

    /// A device's register (`CTRL`), field (`CTRL.TX`) or other value by name, without the effects
    /// that reading has.
    pub fn device(&self, part: &str, name: &str) -> Result<u64, Error> {
        let machine = self.machine()?;
        let values = machine.device_values(part).ok_or_else(|| {
            self.no_name(part, machine.device_names().map(str::to_string).collect())
        })?;
        let found = values.iter().find(|(n, _)| n == name).map(|(_, value)| *value);
        found.ok_or_else(|| self.no_name(name, values.into_iter().map(|(n, _)| n).collect()))
    }

    /// Reads memory (RAM and ROM) at a physical address as a core, a cluster or a bus sees it.
    pub fn read_memory(&self, view: &str, at: u64, len: usize) -> Result<Vec<u8>, Error> {
        let no = || self.no_memory(view, at, len);
        let machine = self.machine()?;
        // A stretch that is no memory must not cost the host's.
        let last = at.wrapping_add(len.saturating_sub(1) as u64);
        machine.read_physical(view, last, 1).ok_or_else(no)?;
        machine.read_physical(view, at, len).ok_or_else(no)
    }

    /// Writes memory, ROM too.
    pub fn write_memory(&mut self, view: &str, at: u64, bytes: &[u8]) -> Result<(), Error> {
        match self.machine_mut()?.write_physical(view, at, bytes) {
            true => Ok(()),
            false => Err(self.no_memory(view, at, bytes.len())),
        }
    }

    /// What sees memory: cores, clusters, buses.
    fn views(&self) -> Vec<String> {
        let mut all = self.cores();
        if let Ok(machine) = self.machine() {
            let graph = machine.graph();
            all.extend(graph.clusters.iter().map(|c| c.name.clone()));
            all.extend(graph.buses.iter().map(|b| b.name.clone()));
        }
        all.sort_unstable();
        all.dedup();
        all
    }

    fn no_memory(&self, view: &str, at: u64, len: usize) -> Error {
        let known = self.views();
        if known.iter().any(|name| name == view) || self.core(view).is_ok() {
            return Error::NoMemory { view: view.to_string(), at, len };
        }
        let known = hetemu_lang::diag::suggest::list(known.iter().map(String::as_str));
        Error::NoView { name: view.to_string(), known }
    }

    /// Reads memory at a virtual address of a core, as it translates it now.
    pub fn read_virtual(&mut self, core: &str, va: u64, len: usize) -> Result<Vec<u8>, Error> {
        let at = self.core(core)?;
        let bytes = self.machine_mut()?.read_virtual(at, va, len);
        bytes.ok_or_else(|| Error::NoMemory { view: core.to_string(), at: va, len })
    }

    /// Writes memory at a virtual address of a core, RAM only.
    pub fn write_virtual(&mut self, core: &str, va: u64, bytes: &[u8]) -> Result<(), Error> {
        let at = self.core(core)?;
        match self.machine_mut()?.write_virtual(at, va, bytes) {
            true => Ok(()),
            false => Err(Error::NoMemory { view: core.to_string(), at: va, len: bytes.len() }),
        }
    }

    /// Whether numbers in memory have their highest byte first as a core of this name, or the first
    /// core of a cluster, reads them. Of buses: as their initiators are expected to.
    pub fn is_big_endian(&self, view: &str) -> bool {
        let Ok(machine) = self.machine() else { return false };
        let number = || machine.graph().clusters.iter().position(|c| c.name == view);
        let first = || number().map(|cluster| CoreId { cluster, core: 0 });
        let bus = || machine.graph().buses.iter().find(|b| b.name == view).map(|b| b.endian);
        let core = machine.core_named(view).or_else(first);
        let endian = core.and_then(|at| machine.core_layout(at)).map(|l| l.endian).or_else(bus);
        endian == Some(hetemu_schema::Endian::Big)
    }

    /// The address of a symbol of the images that are loaded.
    pub fn symbol(&self, name: &str) -> Result<u64, Error> {
        let symbols = self.machine()?.symbols();
        symbols
            .find(name)
            .ok_or_else(|| self.no_name(name, symbols.iter().map(|s| s.name.clone()).collect()))
    }

    /// What the Ctrl-A c monitor of `hetemu run` answers.
    pub fn monitor(&mut self, line: &str) -> Result<String, Error> {
        Ok(self.machine_mut()?.monitor(line))
    }
}
