//! The Python package's own module: `hetemu::Machine` with Python's types.
//!
//! Times are seconds as floats, patterns are bytes' regular expressions of Rust. The interpreter's
//! lock is given back while a machine runs, and Ctrl-C ends a run.

mod errors;
mod machine;

use pyo3::prelude::*;

/// A diagnostic of a machine's text.
#[pyclass(frozen, get_all, module = "hetemu")]
#[derive(Clone)]
pub struct Diagnostic {
    /// `E0405`
    code: String,
    /// `error`, `warning` or `note`
    severity: String,
    /// What is wrong.
    message: String,
    /// The file.
    file: String,
    /// Its line, from 1 on.
    line: usize,
    /// Its column, from 1 on.
    column: usize,
    /// As `hetemu check` prints it.
    text: String,
}

#[pymethods]
impl Diagnostic {
    fn __repr__(&self) -> String {
        format!("<{} {} {}:{}: {}>", self.severity, self.code, self.file, self.line, self.message)
    }

    fn __str__(&self) -> String {
        self.text.clone()
    }
}

/// Every diagnostic of a check.
fn diagnostics(loaded: &hetemu::Loaded) -> Vec<Diagnostic> {
    let one = |d: &hetemu_lang::Diagnostic| {
        let file = loaded.sources.get(d.span().file);
        let (line, column) = file.map_or((0, 0), |f| f.line_col(d.span().start));
        let text = hetemu_lang::render(std::slice::from_ref(d), &loaded.sources, false, 100);
        Diagnostic {
            code: d.code.id().to_string(),
            severity: d.severity.word().to_string(),
            message: d.message.clone(),
            file: file.map(|f| f.name.clone()).unwrap_or_default(),
            line,
            column,
            text,
        }
    };
    loaded.diagnostics.iter().map(one).collect()
}

/// The native module.
#[pymodule]
mod _hetemu {
    #[pymodule_export]
    use super::Diagnostic;
    #[pymodule_export]
    use super::errors::{Error, ExpectError, GuestStuck, MachineError};
    #[pymodule_export]
    use super::machine::{Machine, Match, Snapshot, Stop};
    use pyo3::prelude::*;

    /// Finds every mistake of a machine: a file, or the name of a shipped machine.
    #[pyfunction]
    fn check(machine: &str) -> PyResult<Vec<Diagnostic>> {
        let builder = hetemu::Builder::find(machine).map_err(super::errors::raise)?;
        Ok(super::diagnostics(&builder.check()))
    }

    /// Finds every mistake of a machine's text.
    #[pyfunction]
    #[pyo3(signature = (text, name = "<text>"))]
    fn check_text(text: &str, name: &str) -> Vec<Diagnostic> {
        super::diagnostics(&hetemu::Builder::text(name, text).check())
    }

    /// Names of the shipped machines.
    #[pyfunction]
    fn machines() -> Vec<&'static str> {
        let mut all: Vec<_> = hetemu::find::shipped().collect();
        all.sort_unstable();
        all
    }

    #[pymodule_init]
    fn init(m: &Bound<'_, PyModule>) -> PyResult<()> {
        m.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
