"""Machines from texts that read like datasheets: made, run, looked into, talked to.

Times are seconds of virtual time, patterns are regular expressions in Rust's syntax. A machine runs
only while it is told to, so the same calls give the same run every time.

>>> import hetemu
>>> machine = hetemu.Machine("opentitan")
>>> machine.expect("hello", within=1.0).text
'hello'
"""

from ._hetemu import (
    Diagnostic,
    Error,
    ExpectError,
    GuestStuck,
    Machine,
    MachineError,
    Match,
    Snapshot,
    Stop,
    __version__,
    check,
    check_text,
    machines,
)

__all__ = [
    "Diagnostic",
    "Error",
    "ExpectError",
    "GuestStuck",
    "Machine",
    "MachineError",
    "Match",
    "Snapshot",
    "Stop",
    "__version__",
    "check",
    "check_text",
    "machines",
]
