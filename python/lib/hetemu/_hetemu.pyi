"""Types of the native module."""

import os
from typing import Literal, Mapping, Sequence, final

__version__: str

class Error(Exception):
    """Something that a machine could not do."""

class MachineError(Error):
    """The machine's text has mistakes, or it cannot be made."""

    diagnostics: list[Diagnostic]

class ExpectError(Error):
    """Output did not come."""

    pattern: str
    output: str

class GuestStuck(Error):
    """The guest cannot go on."""

@final
class Diagnostic:
    """A diagnostic of a machine's text; `str()` gives it as `hetemu check` prints it."""

    code: str
    severity: Literal["error", "warning", "note"]
    message: str
    file: str
    line: int
    column: int
    text: str

@final
class Match:
    """Output that matched."""

    @property
    def bytes(self) -> bytes: ...
    @property
    def text(self) -> str: ...
    @property
    def groups(self) -> list[str]: ...

@final
class Stop:
    """Why a run stopped."""

    reason: Literal["time", "instructions", "output", "address", "exit", "stuck", "idle"]
    code: int | None
    found: Match | None
    text: str

@final
class Snapshot:
    """The state of a machine, in memory."""

    @property
    def time(self) -> float: ...

@final
class Machine:
    """A live machine, before its first instruction when it is made."""

    def __init__(
        self,
        machine: str,
        *,
        text: str | None = None,
        set: Mapping[str, str] | None = None,
        plug: Mapping[str, str] | None = None,
        profile: str | None = None,
        images: Sequence[str] | None = None,
        jit: Literal["off", "sync", "on"] = "sync",
        strict: bool = False,
        semihosting: bool | None = None,
        seed: int = 0,
        args: str | None = None,
    ) -> None: ...
    @property
    def cores(self) -> list[str]: ...
    @property
    def plugs(self) -> list[str]: ...
    @property
    def time(self) -> float: ...
    @property
    def instructions(self) -> int: ...
    @property
    def exit_code(self) -> int | None: ...
    def run(
        self,
        seconds: float | None = None,
        *,
        instructions: int | None = None,
        output: str | None = None,
        plug: str | None = None,
        address: int | None = None,
        core: str | None = None,
    ) -> Stop: ...
    def step(self, instructions: int = 1) -> Stop: ...
    def run_to_end(self, within: float = 60.0) -> int: ...
    def expect(self, pattern: str, within: float = 10.0, plug: str | None = None) -> Match: ...
    def send(self, data: str | bytes, plug: str | None = None) -> None: ...
    def output(self, plug: str | None = None) -> str: ...
    def register(self, core: str, name: str) -> int: ...
    def registers(self, core: str) -> dict[str, int]: ...
    def set_register(self, core: str, name: str, value: int) -> None: ...
    def device(self, part: str, name: str) -> int: ...
    def device_values(self, part: str) -> dict[str, int]: ...
    def read(self, view: str, address: int, length: int) -> bytes: ...
    def write(self, view: str, address: int, data: bytes) -> None: ...
    def read_virtual(self, core: str, address: int, length: int) -> bytes: ...
    def write_virtual(self, core: str, address: int, data: bytes) -> None: ...
    def symbol(self, name: str) -> int: ...
    def snapshot(self, like: Snapshot | None = None) -> Snapshot: ...
    def restore(self, state: Snapshot) -> None: ...
    def save(self, path: str | os.PathLike[str]) -> None: ...
    def load(self, path: str | os.PathLike[str]) -> None: ...
    def reset(self) -> None: ...
    def monitor(self, line: str) -> str: ...

def check(machine: str) -> list[Diagnostic]: ...
def check_text(text: str, name: str = "<text>") -> list[Diagnostic]: ...
def machines() -> list[str]: ...
