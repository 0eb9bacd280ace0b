// A program whose coverage and profile are known, for the board riscv-virt. Built with
//   riscv64-unknown-elf-gcc -O0 -g -fno-omit-frame-pointer -march=rv64imac_zicsr -mabi=lp64 \
//     -mcmodel=medany -nostdlib -static -Wl,-Ttext=0x80000000,--build-id=none,-N \
//     -fdebug-prefix-map=$PWD=/src lines.c -o lines.elf
__asm__(
    ".section .text.start,\"ax\"\n"
    ".global _start\n"
    ".type _start, @function\n"
    "_start:\n"
    "  la sp, stack_end\n"
    "  li s0, 0\n"
    "  call main\n"
    "1: j 1b\n"
    ".size _start, . - _start\n"
    ".bss\n"
    ".balign 16\n"
    ".space 4096\n"
    "stack_end:\n"
    ".text\n");

volatile unsigned total;

static unsigned leaf(unsigned n) {
  unsigned sum = 0;
  for (unsigned i = 0; i < 50; i++)
    sum += i * n;
  return sum;
}

static void work(unsigned n) {
  if (n > 1000000)
    total = 1;  // never
  total += leaf(n);
}

void unused(void) {
  total = 2;
}

int main(void) {
  for (unsigned n = 0; n < 2000; n++)
    work(n);
  *(volatile unsigned *)0x100000 = 0x5555;
  return 0;
}
