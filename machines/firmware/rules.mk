# Shared by the boards: flags that leave no path, time or build id in the result, so that a rebuild is the same byte for byte.
CROSS ?= riscv64-unknown-elf-
CC := $(CROSS)gcc
CFLAGS := -Os -g0 -std=gnu11 -Wall -Wextra -Werror -ffreestanding -fno-builtin -fno-pic -fno-common -ffunction-sections \
  -fno-tree-loop-distribute-patterns -fno-ident -mcmodel=medany
LDFLAGS := -nostdlib -nostartfiles -static -Wl,--build-id=none -Wl,--gc-sections -Wl,-z,max-page-size=4 -Wl,--no-warn-rwx-segments
