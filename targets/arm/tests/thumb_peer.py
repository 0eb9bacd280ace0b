"""Runs Thumb programs on unicorn for tests/differential.rs.

Standard input: `core NAME`, `data HEX` (the memory at DATA), then a line a program: code, r0 to r14,
apsr, s0 to s31 as hexadecimal words. A line of results for each: the same registers, fpscr and a
checksum of the data, or `fault`.
"""
import struct
import sys
import zlib

from unicorn import UC_ARCH_ARM, UC_MODE_MCLASS, UC_MODE_THUMB, Uc, UcError
from unicorn import arm_const as arm

BASE, CODE, DATA = 0x20000000, 0x20002000, 0x20008000
MODELS = {
    "arm.cortex_m3": arm.UC_CPU_ARM_CORTEX_M3,
    "arm.cortex_m4": arm.UC_CPU_ARM_CORTEX_M4,
    "arm.cortex_m7": arm.UC_CPU_ARM_CORTEX_M7,
    "arm.cortex_m33": arm.UC_CPU_ARM_CORTEX_M33,
}
R = [getattr(arm, f"UC_ARM_REG_R{n}") for n in range(13)] + [arm.UC_ARM_REG_SP, arm.UC_ARM_REG_LR]
S = [getattr(arm, f"UC_ARM_REG_S{n}") for n in range(32)]


def main():
    uc, data, last = None, b"", b""
    for line in sys.stdin:
        word, _, rest = line.strip().partition(" ")
        if word == "core":
            core = rest
            uc = Uc(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS)
            uc.ctl_set_cpu_model(MODELS[core])
            uc.mem_map(BASE, 0x20000)
            last = b""
            floats = core != "arm.cortex_m3"
            continue
        if word == "data":
            data = bytes.fromhex(rest)
            continue
        code = bytes.fromhex(word)
        values = [int(v, 16) for v in rest.split()]
        if code != last:
            uc.mem_write(CODE, code.ljust(DATA - CODE, b"\0"))
            uc.ctl_remove_cache(CODE, DATA)
            last = code
        uc.mem_write(DATA, data)
        for reg, value in zip(R, values):
            uc.reg_write(reg, value)
        uc.reg_write(arm.UC_ARM_REG_XPSR, 0x01000000)
        uc.reg_write(arm.UC_ARM_REG_APSR, values[15])
        if floats:
            for reg, value in zip(S, values[16:]):
                uc.reg_write(reg, value)
            uc.reg_write(arm.UC_ARM_REG_FPSCR, 0)
        try:
            uc.emu_start(CODE | 1, CODE + len(code) - 2)
        except UcError as error:
            at = uc.reg_read(arm.UC_ARM_REG_PC)
            print(f"fault: {error}, at {at:x}", uc.mem_read(at, 4).hex(), file=sys.stderr)
            print("fault")
            continue
        out = [uc.reg_read(r) for r in R] + [uc.reg_read(arm.UC_ARM_REG_XPSR) & 0xF80F0000]
        if floats:
            out += [uc.reg_read(r) for r in S] + [uc.reg_read(arm.UC_ARM_REG_FPSCR)]
        else:
            out += [0] * 33
        out.append(zlib.crc32(bytes(uc.mem_read(DATA, len(data)))))
        print(" ".join(f"{v & 0xFFFFFFFF:x}" for v in out))


main()
