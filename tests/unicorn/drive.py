"""Runs programs on Unicorn for tests that compare instruction sets with it.

A request is a line of JSON on standard input, the answer a line on standard output. Programs run one
by one on a fresh memory:

    {"arch": "MIPS", "modes": ["MODE_MIPS32", "MODE_BIG_ENDIAN"], "cpu": "CPU_MIPS32_24KF",
     "base": 65536, "code": "hex", "until": 66000, "data": 131072, "memory": "hex",
     "regs": {"A0": 1}, "show": ["A0"]}

gives {"regs": {"A0": 1}, "memory": "hex", "pc": 66000} or {"error": "..."}. Names are Unicorn's
constants without their prefix.
"""

import json
import sys

import unicorn


def constants(arch):
    return __import__(f"unicorn.{arch.lower()}_const", fromlist=["x"])


def run(request):
    arch = request["arch"]
    names = constants(arch)
    mode = 0
    for word in request["modes"]:
        mode |= getattr(unicorn, f"UC_{word}")
    machine = unicorn.Uc(getattr(unicorn, f"UC_ARCH_{arch}"), mode)
    if "cpu" in request:
        machine.ctl_set_cpu_model(getattr(names, f"UC_{request['cpu']}"))
    number = lambda name: getattr(names, f"UC_{arch}_REG_{name}")
    code, memory = bytes.fromhex(request["code"]), bytes.fromhex(request["memory"])
    page = lambda n: (n + 0xFFF) & ~0xFFF
    machine.mem_map(request["base"], page(len(code) + 16))
    machine.mem_map(request["data"], page(len(memory)))
    machine.mem_write(request["base"], code)
    machine.mem_write(request["data"], memory)
    for name, value in request["regs"].items():
        machine.reg_write(number(name), value)
    try:
        machine.emu_start(request["base"] | request.get("entry", 0), request["until"], 0, 0)
    except unicorn.UcError as error:
        return {"error": str(error), "pc": machine.reg_read(number("PC"))}
    shown = {name: machine.reg_read(number(name)) for name in request["show"]}
    after = machine.mem_read(request["data"], len(memory)).hex()
    return {"regs": shown, "memory": after, "pc": machine.reg_read(number("PC"))}


for line in sys.stdin:
    print(json.dumps(run(json.loads(line))), flush=True)
