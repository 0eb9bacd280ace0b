/* The places of the RISC-V `virt` map that the demo uses; both C and assembly read this. */
#pragma once
#define FINISHER   0x00100000
#define ACLINT_SWI 0x02000000
#define MTIME      0x0200bff8
#define UART_BASE  0x10000000
#define MAX_HARTS  8
#define STACK_SHIFT 11
