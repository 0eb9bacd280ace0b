"""The shipped OpenTitan machine and its firmware, from pytest."""

import threading

import pytest

import hetemu


@pytest.fixture(params=["off", "sync", "on"])
def machine(request):
    """A machine at the prompt of its firmware, on each engine."""
    machine = hetemu.Machine("opentitan", jit=request.param)
    machine.expect("> ", within=1.0)
    return machine


@pytest.fixture(scope="module")
def ready():
    """A machine and its state at the prompt, to go back to before each test."""
    machine = hetemu.Machine("opentitan")
    machine.expect("> ", within=1.0)
    return machine, machine.snapshot()


def test_talks_and_leaves(machine):
    machine.send("echo one two\r")
    found = machine.expect(r"one (\w+)\r\n> ")
    assert found.groups == ["two"]
    machine.send(b"exit 7\r")
    assert machine.run_to_end(within=1.0) == 7
    assert machine.exit_code == 7


@pytest.mark.parametrize("code", [0, 1, 42])
def test_goes_on_from_a_snapshot(ready, code):
    machine, state = ready
    machine.restore(state)
    assert machine.time == state.time
    machine.send(f"exit {code}\r")
    assert machine.run_to_end(within=1.0) == code


def test_runs_exactly_so_far():
    machine = hetemu.Machine("opentitan")
    assert machine.run(0.001).reason == "time"
    assert machine.time == 0.001
    before = machine.instructions
    assert machine.step(10).reason == "instructions"
    assert machine.instructions == before + 10
    machine = hetemu.Machine("opentitan")
    main = machine.symbol("main")
    assert machine.run(1.0, address=main).reason == "address"
    assert machine.register("ibex", "pc") == main


def test_looks_inside(machine):
    assert machine.device("uart", "CTRL.TX") == 1
    assert machine.device_values("uart")["CTRL"] & 3 == 3
    machine.set_register("ibex", "a0", 0x1234)
    assert machine.registers("ibex")["a0"] == 0x1234
    machine.write("main", 0x1000_0FF0, b"hetemu")
    assert machine.read("ibex", 0x1000_0FF0, 6) == b"hetemu"
    assert "ibex" in machine.monitor("info regs")


def test_the_same_every_time():
    def once():
        machine = hetemu.Machine("opentitan", seed=5)
        machine.send("ticks\rexit 0\r")
        machine.run_to_end()
        return machine.time, machine.instructions, machine.output()

    assert once() == once()


def test_mistakes_are_told(machine):
    with pytest.raises(hetemu.ExpectError) as failed:
        machine.expect("never", within=0.01)
    assert failed.value.pattern == "never"
    machine.send("crash\r")
    with pytest.raises(hetemu.GuestStuck, match="E1103"):
        machine.run_to_end(within=1.0)
    with pytest.raises(hetemu.Error, match="did you mean `CTRL.TX`"):
        machine.device("uart", "CTRL.TXX")
    with pytest.raises(FileNotFoundError):
        hetemu.Machine("no-such-machine")
    with pytest.raises(ValueError):
        machine.expect("(")


def test_checks():
    assert [d for d in hetemu.check("opentitan") if d.severity == "error"] == []
    assert "opentitan" in hetemu.machines()
    wrong = "hm 1\n\nmachine x\n\ncpu : lowrisc.ibex { bus = mian }\n"
    codes = [d.code for d in hetemu.check_text(wrong, "x.hm")]
    assert "E0302" in codes
    with pytest.raises(hetemu.MachineError) as failed:
        hetemu.Machine("x.hm", text=wrong)
    assert [d.line for d in failed.value.diagnostics if d.code == "E0302"] == [5]


def test_files_of_states(tmp_path):
    machine = hetemu.Machine("opentitan")
    machine.expect("hello")
    machine.save(tmp_path / "hello.snap")
    other = hetemu.Machine("opentitan", jit="off")
    other.load(tmp_path / "hello.snap")
    assert (other.time, other.instructions) == (machine.time, machine.instructions)
    other.expect("> ")


def test_machines_in_threads():
    """Two machines run at once: the interpreter's lock is given back."""
    outputs = []

    def once():
        machine = hetemu.Machine("opentitan")
        machine.expect("> ")
        outputs.append(machine.output())

    threads = [threading.Thread(target=once) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outputs) == 2 and outputs[0] == outputs[1]
