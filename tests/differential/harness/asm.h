/* Offsets into struct context, shared by C (which asserts them) and assembly. */
#ifndef ASM_H
#define ASM_H
#define XB (__riscv_xlen / 8)
#define CTX_F 0             /* f0..f31, 8 bytes each */
#define CTX_X 256           /* x0..x31; x0's place holds the harness's stack pointer */
#define CTX_PC (CTX_X + 32 * XB)
#define CTX_FCSR (CTX_PC + XB)
#define CTX_CAUSE (CTX_FCSR + XB)
#define CTX_TVAL (CTX_CAUSE + XB)
#define CTX_STATUS (CTX_TVAL + XB)
#endif
