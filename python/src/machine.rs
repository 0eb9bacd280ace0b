//! The machine.

use crate::errors::{ExpectError, GuestStuck, raise};
use hetemu::Until;
use hetemu_machine::Outcome;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use regex::bytes::Regex;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Virtual time and instructions between two looks at signals of the process.
const LOOK: Duration = Duration::from_millis(50);
const LOOK_INSNS: u64 = 20_000_000;

/// Output that matched.
#[pyclass(frozen, module = "hetemu")]
pub struct Match(hetemu::Match);

#[pymethods]
impl Match {
    /// What the whole pattern matched.
    #[getter]
    fn bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.text)
    }

    /// The same as text; what is no UTF-8 is replaced.
    #[getter]
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.text).into_owned()
    }

    /// What the groups in parentheses matched, as text; empty if they took no part.
    #[getter]
    fn groups(&self) -> Vec<String> {
        self.0.groups.iter().map(|g| String::from_utf8_lossy(g).into_owned()).collect()
    }

    fn __repr__(&self) -> String {
        format!("<Match {:?}>", self.text())
    }
}

/// Why a run stopped.
#[pyclass(frozen, get_all, module = "hetemu")]
pub struct Stop {
    /// `time`, `instructions`, `output`, `address`, `exit`, `stuck` or `idle` (every core waits for
    /// nothing)
    reason: &'static str,
    /// The guest's exit code, after `exit`.
    code: Option<i32>,
    /// What matched, after `output`.
    found: Option<Py<Match>>,
    /// A sentence, or the whole report after `stuck` and `idle`.
    text: String,
}

#[pymethods]
impl Stop {
    fn __repr__(&self) -> String {
        format!("<Stop {}: {}>", self.reason, self.text.lines().next().unwrap_or(""))
    }
}

/// The state of a machine.
#[pyclass(frozen, module = "hetemu")]
pub struct Snapshot(Arc<hetemu_machine::Saved>);

#[pymethods]
impl Snapshot {
    /// Virtual time in seconds at which it was taken.
    #[getter]
    fn time(&self) -> f64 {
        self.0.at() as f64 / 1e12
    }

    fn __repr__(&self) -> String {
        format!("<Snapshot at {:.9} s>", self.time())
    }
}

fn seconds(s: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(s).map_err(|e| PyValueError::new_err(e.to_string()))
}

/// A live machine. It runs in virtual time, only while it is told to: the same calls give the same
/// run every time.
#[pyclass(frozen, module = "hetemu")]
pub struct Machine(Mutex<hetemu::Machine>);

impl Machine {
    fn lock(&self) -> MutexGuard<'_, hetemu::Machine> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something while other threads of Python run.
    fn with<R: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut hetemu::Machine) -> Result<R, hetemu::Error> + Send,
    ) -> PyResult<R> {
        py.detach(|| work(&mut self.lock())).map_err(raise)
    }

    /// Runs in pieces, so that Ctrl-C is seen.
    fn runs(
        &self,
        py: Python<'_>,
        until: &Until,
        time: Option<Duration>,
        insns: Option<u64>,
    ) -> PyResult<hetemu::Stop> {
        let (mut time, mut insns) = (time, insns);
        loop {
            let piece = time.map_or(LOOK, |t| t.min(LOOK));
            let mut now = until.clone().time(piece);
            if let Some(n) = insns {
                now = now.instructions(n.min(LOOK_INSNS));
            }
            let before = self.with(py, |m| Ok((m.time(), m.instructions())))?;
            let stop = self.with(py, |m| m.run(&now))?;
            let after = self.with(py, |m| Ok((m.time(), m.instructions())))?;
            time = time.map(|t| t.saturating_sub(after.0.saturating_sub(before.0)));
            let done = match stop {
                hetemu::Stop::Instructions => LOOK_INSNS,
                _ => after.1.saturating_sub(before.1),
            };
            insns = insns.map(|n| n.saturating_sub(done.min(n)));
            match &stop {
                hetemu::Stop::Time if time != Some(Duration::ZERO) => py.check_signals()?,
                hetemu::Stop::Instructions if insns != Some(0) => py.check_signals()?,
                _ => return Ok(stop),
            }
        }
    }
}

#[pymethods]
impl Machine {
    /// Makes a machine: a file, or the name of a shipped machine or profile.
    #[new]
    #[pyo3(signature = (
        machine, *, text = None, set = None, plug = None, profile = None, images = None,
        jit = "sync", strict = false, semihosting = None, seed = 0, args = None,
    ))]
    #[allow(clippy::too_many_arguments)]
    fn new(
        py: Python<'_>,
        machine: &str,
        text: Option<String>,
        set: Option<BTreeMap<String, String>>,
        plug: Option<BTreeMap<String, String>>,
        profile: Option<String>,
        images: Option<Vec<String>>,
        jit: &str,
        strict: bool,
        semihosting: Option<bool>,
        seed: u64,
        args: Option<String>,
    ) -> PyResult<Machine> {
        let jit = match jit {
            "off" => hetemu::Jit::Off,
            "sync" => hetemu::Jit::Sync,
            "on" => hetemu::Jit::On,
            _ => return Err(PyValueError::new_err("jit is `off`, `sync` or `on`")),
        };
        let mut b = match text {
            Some(text) => hetemu::Builder::text(machine, text),
            None => hetemu::Builder::find(machine).map_err(raise)?,
        };
        b = b.jit(jit).strict(strict).seed(seed);
        b = set.into_iter().flatten().fold(b, |b, (name, value)| b.set(name, value));
        b = plug.into_iter().flatten().fold(b, |b, (name, value)| b.plug(name, value));
        b = images.into_iter().flatten().fold(b, |b, file| b.image(&file));
        b = profile.into_iter().fold(b, |b, name| b.profile(name));
        b = semihosting.into_iter().fold(b, |b, on| b.semihosting(on));
        b = args.into_iter().fold(b, |b, line| b.args(line));
        let made = py.detach(|| b.build()).map_err(raise)?;
        Ok(Machine(Mutex::new(made)))
    }

    /// Names of the cores.
    #[getter]
    fn cores(&self) -> Vec<String> {
        self.lock().cores()
    }

    /// Names of the serial plugs that can be talked to.
    #[getter]
    fn plugs(&self) -> Vec<String> {
        self.lock().plugs().map(str::to_string).collect()
    }

    /// Virtual time in seconds.
    #[getter]
    fn time(&self) -> f64 {
        self.lock().time().as_secs_f64()
    }

    /// Instructions that all cores have retired.
    #[getter]
    fn instructions(&self) -> u64 {
        self.lock().instructions()
    }

    /// The guest's exit code, once it has ended.
    #[getter]
    fn exit_code(&self) -> Option<i32> {
        match self.lock().outcome()? {
            Outcome::Exit(code) => Some(code),
            Outcome::Stuck(_) => None,
        }
    }

    /// Runs until whatever comes first: so many seconds of virtual time, so many instructions of
    /// all cores together, output that matches, an address that a core (any, or this one) comes to,
    /// the guest's end.
    #[pyo3(signature = (
        seconds = None, *, instructions = None, output = None, plug = None, address = None,
        core = None,
    ))]
    #[allow(clippy::too_many_arguments)]
    fn run(
        &self,
        py: Python<'_>,
        seconds: Option<f64>,
        instructions: Option<u64>,
        output: Option<&str>,
        plug: Option<&str>,
        address: Option<u64>,
        core: Option<&str>,
    ) -> PyResult<Stop> {
        let time = seconds.map(self::seconds).transpose()?;
        let mut until = Until::end();
        if let Some(pattern) = output {
            until = until.output(plug, pattern_of(pattern)?);
        }
        if let Some(at) = address {
            until = until.reaches(core, at);
        }
        if time.is_none() && instructions.is_none() {
            until = until.alone();
        }
        let stop = self.runs(py, &until, time, instructions)?;
        let text = stop.reason();
        let (mut code, mut found) = (None, None);
        let reason = match stop {
            hetemu::Stop::Time => "time",
            hetemu::Stop::Instructions => "instructions",
            hetemu::Stop::Output(hit) => {
                found = Some(Py::new(py, Match(hit))?);
                "output"
            }
            hetemu::Stop::Debug(_) => "address",
            hetemu::Stop::Ended(Outcome::Exit(n)) => {
                code = Some(n);
                "exit"
            }
            hetemu::Stop::Ended(Outcome::Stuck(_)) => "stuck",
            hetemu::Stop::Idle(_) => "idle",
        };
        Ok(Stop { reason, code, found, text })
    }

    /// Runs so many instructions of all cores together.
    #[pyo3(signature = (instructions = 1))]
    fn step(&self, py: Python<'_>, instructions: u64) -> PyResult<Stop> {
        self.run(py, None, Some(instructions), None, None, None, None)
    }

    /// Runs to the guest's end and gives its exit code.
    #[pyo3(signature = (within = 60.0))]
    fn run_to_end(&self, py: Python<'_>, within: f64) -> PyResult<i32> {
        let stop = self.runs(py, &Until::end().alone(), Some(seconds(within)?), None)?;
        match stop {
            hetemu::Stop::Ended(Outcome::Exit(code)) => Ok(code),
            hetemu::Stop::Ended(Outcome::Stuck(_)) | hetemu::Stop::Idle(_) => {
                Err(GuestStuck::new_err(stop.reason()))
            }
            _ => Err(ExpectError::new_err(format!("the guest did not end within {within} s"))),
        }
    }

    /// Waits for output that matches a regular expression, from the end of the last match on.
    #[pyo3(signature = (pattern, within = 10.0, plug = None))]
    fn expect(
        &self,
        py: Python<'_>,
        pattern: &str,
        within: f64,
        plug: Option<&str>,
    ) -> PyResult<Match> {
        let until = Until::end().output(plug, pattern_of(pattern)?);
        match self.runs(py, &until, Some(seconds(within)?), None)? {
            hetemu::Stop::Output(found) => Ok(Match(found)),
            stop => {
                let output = self.lock().rest(plug).map_err(raise)?;
                Err(raise(hetemu::Error::Expected { pattern: pattern.to_string(), stop, output }))
            }
        }
    }

    /// Types a text or bytes at the console, or at a plug.
    #[pyo3(signature = (data, plug = None))]
    fn send(&self, data: &Bound<'_, PyAny>, plug: Option<&str>) -> PyResult<()> {
        let bytes: Vec<u8> = match data.extract::<String>() {
            Ok(text) => text.into_bytes(),
            Err(_) => data.extract()?,
        };
        self.lock().send_on(plug, bytes).map_err(raise)
    }

    /// Everything that the guest has said on the console, or on a plug.
    #[pyo3(signature = (plug = None))]
    fn output(&self, plug: Option<&str>) -> PyResult<String> {
        self.lock().output_on(plug).map_err(raise)
    }

    /// A core's register by name.
    fn register(&self, core: &str, name: &str) -> PyResult<u64> {
        self.lock().register(core, name).map_err(raise)
    }

    /// Every register of a core by name.
    fn registers(&self, core: &str) -> PyResult<BTreeMap<String, u64>> {
        let machine = self.lock();
        let at = machine.core(core).map_err(raise)?;
        Ok(machine.machine().map_err(raise)?.core_registers(at).into_iter().collect())
    }

    /// Sets a core's register.
    fn set_register(&self, core: &str, name: &str, value: u64) -> PyResult<()> {
        self.lock().set_register(core, name, value).map_err(raise)
    }

    /// A device's register (`CTRL`) or field (`CTRL.TX`), without the effects that reading has.
    fn device(&self, part: &str, name: &str) -> PyResult<u64> {
        self.lock().device(part, name).map_err(raise)
    }

    /// Everything that a device shows, by name.
    fn device_values(&self, part: &str) -> PyResult<BTreeMap<String, u64>> {
        let machine = self.lock();
        let values = machine.machine().map_err(raise)?.device_values(part);
        let values = values.ok_or_else(|| PyValueError::new_err(format!("no part `{part}`")))?;
        Ok(values.into_iter().collect())
    }

    /// Reads memory at a physical address as a core, a cluster or a bus sees it.
    fn read<'py>(
        &self,
        py: Python<'py>,
        view: &str,
        address: u64,
        length: usize,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = self.lock().read_memory(view, address, length).map_err(raise)?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// Writes memory, ROM too.
    fn write(&self, view: &str, address: u64, data: Vec<u8>) -> PyResult<()> {
        self.lock().write_memory(view, address, &data).map_err(raise)
    }

    /// Reads memory at a virtual address of a core, as it translates it now.
    fn read_virtual<'py>(
        &self,
        py: Python<'py>,
        core: &str,
        address: u64,
        length: usize,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = self.lock().read_virtual(core, address, length).map_err(raise)?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// Writes memory at a virtual address of a core.
    fn write_virtual(&self, core: &str, address: u64, data: Vec<u8>) -> PyResult<()> {
        self.lock().write_virtual(core, address, &data).map_err(raise)
    }

    /// The address of a symbol of the loaded images.
    fn symbol(&self, name: &str) -> PyResult<u64> {
        self.lock().symbol(name).map_err(raise)
    }

    /// Takes the state of everything in the machine.
    #[pyo3(signature = (like = None))]
    fn snapshot(&self, py: Python<'_>, like: Option<&Snapshot>) -> PyResult<Snapshot> {
        let like = like.map(|s| s.0.clone());
        let saved = self.with(py, |m| m.snapshot(like.as_deref()))?;
        Ok(Snapshot(Arc::new(saved)))
    }

    /// Goes back to a state.
    fn restore(&self, py: Python<'_>, state: &Snapshot) -> PyResult<()> {
        let saved = state.0.clone();
        self.with(py, |m| m.restore(&saved))
    }

    /// Writes the state into a file.
    fn save(&self, py: Python<'_>, path: std::path::PathBuf) -> PyResult<()> {
        self.with(py, |m| {
            let state = m.snapshot(None)?;
            m.write_snapshot(&state, path)
        })
    }

    /// Goes on from a file that `save` or `hetemu snapshot` wrote.
    fn load(&self, py: Python<'_>, path: std::path::PathBuf) -> PyResult<()> {
        self.with(py, |m| {
            let state = m.read_snapshot(path)?;
            m.restore(&state)
        })
    }

    /// The board's reset button.
    fn reset(&self) -> PyResult<()> {
        self.lock().reset().map_err(raise)
    }

    /// What the monitor of `hetemu run` (Ctrl-A c) answers.
    fn monitor(&self, line: &str) -> PyResult<String> {
        self.lock().monitor(line).map_err(raise)
    }

    fn __repr__(&self) -> String {
        let machine = self.lock();
        let name = machine.machine().map(|m| m.graph().name.clone()).unwrap_or_default();
        format!("<Machine {name} at {:.9} s>", machine.time().as_secs_f64())
    }
}

fn pattern_of(text: &str) -> PyResult<Regex> {
    Regex::new(text).map_err(|e| PyValueError::new_err(e.to_string()))
}
