#!/bin/sh
# Builds the workloads of `cargo bench` (the results are committed). Needs gcc-riscv64-unknown-elf.
set -eu
cd "$(dirname "$0")"
for work in alu call sort hash list float trap device change space; do
    riscv64-unknown-elf-gcc -O2 -march=rv64gc_zicsr_zifencei -mabi=lp64d -mcmodel=medany \
        -ffreestanding -nostdlib -nostartfiles -fno-tree-loop-distribute-patterns \
        -Wl,--build-id=none -DWORK_$work -T link.ld start.S work.c -o $work.elf
    riscv64-unknown-elf-strip $work.elf
done
