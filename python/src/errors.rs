//! Errors as Python's exceptions.

use pyo3::exceptions::{PyException, PyFileNotFoundError, PyOSError, PyValueError};
use pyo3::prelude::*;

pyo3::create_exception!(hetemu, Error, PyException, "Something that a machine could not do.");
pyo3::create_exception!(
    hetemu,
    MachineError,
    Error,
    "The machine's text has mistakes (`diagnostics` has them), or it cannot be made."
);
pyo3::create_exception!(
    hetemu,
    ExpectError,
    Error,
    "Output did not come: `pattern` is what was waited for, `output` what came instead."
);
pyo3::create_exception!(hetemu, GuestStuck, Error, "The guest cannot go on: the report says why.");

/// The exception of an error.
pub(crate) fn raise(e: hetemu::Error) -> PyErr {
    let text = e.to_string();
    match e {
        hetemu::Error::NotFound(_) => PyFileNotFoundError::new_err(text),
        hetemu::Error::File { .. } => PyOSError::new_err(text),
        hetemu::Error::Value(_) | hetemu::Error::Pattern(_) => PyValueError::new_err(text),
        hetemu::Error::Wrong(loaded) => {
            let all = crate::diagnostics(&loaded);
            with(MachineError::new_err(text), |py, e| e.setattr(py, "diagnostics", all))
        }
        hetemu::Error::Missing(_) => MachineError::new_err(text),
        hetemu::Error::Report(r) if r.code.starts_with("E11") => GuestStuck::new_err(text),
        hetemu::Error::Report(_) => MachineError::new_err(text),
        hetemu::Error::Expected { pattern, output, .. } => {
            with(ExpectError::new_err(text), |py, e| {
                e.setattr(py, "pattern", pattern)?;
                e.setattr(py, "output", output)
            })
        }
        _ => Error::new_err(text),
    }
}

/// An exception with more attributes.
fn with(e: PyErr, set: impl FnOnce(Python<'_>, &Py<PyAny>) -> PyResult<()>) -> PyErr {
    Python::attach(|py| {
        let value: Py<PyAny> = e.value(py).clone().unbind().into_any();
        match set(py, &value) {
            Ok(()) => e,
            Err(other) => other,
        }
    })
}
