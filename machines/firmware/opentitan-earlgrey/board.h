/* The map of machines/opentitan-earlgrey.hm: Earl Grey as today's firmware is built for it. */
#pragma once

#define BOARD_NAME "OpenTitan Earl Grey"

#define ROM_BASE   0x00008000u
#define ROM_SIZE   0x00008000u
#define RAM_BASE   0x10000000u
#define RAM_SIZE   0x00020000u
#define FLASH_BASE 0x20000000u
#define FLASH_SIZE 0x00100000u
#define UART_BASE  0x40000000u
#define TIMER_BASE 0x40100000u
#define PLIC_BASE  0x48000000u

/* UART: 16x baud generator, rate = clock * NCO / 2^20. 115,200 baud of 50 MHz. */
#define UART_NCO 2416u

/* The timer's registers lie as in the older revision under QEMU and as in today's elsewhere.
 * 24 MHz / (2399 + 1) = 10 kHz, the rate at which QEMU's model counts whatever the prescaler; 100 counts a tick. */
#define BOARD_TIMER_EITHER_LAYOUT 1
#define TIMER_PRESCALE 2399u
#define TICK_HZ        100u
#define TICK_COUNTS    100u

/* PLIC, the layout of the RISC-V PLIC specification. */
#define PLIC_SOURCES 180
#define PLIC_WORDS   6
#define PLIC_PRIO(s) (PLIC_BASE + 4 * (s))
#define PLIC_IP(w)   (PLIC_BASE + 0x1000 + 4 * (w))
#define PLIC_IE(w)   (PLIC_BASE + 0x2000 + 4 * (w))
#define PLIC_THRESHOLD (PLIC_BASE + 0x200000)
#define PLIC_CC      (PLIC_BASE + 0x200004)

/* PLIC sources of the UART. */
#define SRC_TX_WATERMARK 1
#define SRC_RX_WATERMARK 2
#define SRC_TX_EMPTY     3
#define SRC_RX_OVERFLOW  4

/* Nothing answers here: the `crash` command goes there. */
#define UNMAPPED 0x30000000u
