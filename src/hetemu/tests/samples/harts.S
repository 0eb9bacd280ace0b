// Four harts that fight for one word, for the board riscv-virt. Built with
//   riscv64-unknown-elf-gcc -march=rv64imac_zicsr -mabi=lp64 -nostdlib -static \
//     -Wl,-Ttext=0x80000000,--build-id=none,-N harts.S -o harts.elf
.global _start
.type _start,@function
_start:
  csrr t0, mhartid
  la t1, counter
  li t2, 20000
  slli t3, t0, 2
  addi t3, t3, 1
1: amoadd.w a0, t3, (t1)
  lr.w a1, (t1)
  addi a1, a1, 1
  sc.w a2, a1, (t1)
  addi t2, t2, -1
  bnez t2, 1b
  la t4, done
  li a3, 1
  amoadd.w x0, a3, (t4)
  bnez t0, 3f
2: lw a4, (t4)
  li a5, 4
  bne a4, a5, 2b
  li a0, 0x100000
  li a1, 0x5555
  sw a1, (a0)
3: wfi
  j 3b
.size _start, .-_start
.data
.balign 4096
counter: .word 0
done: .word 0
