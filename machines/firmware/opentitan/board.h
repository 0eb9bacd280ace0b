/* The map of machines/opentitan.hm: the OpenTitan Earl Grey subset with early (version 1) blocks. */
#pragma once

#define BOARD_NAME "OpenTitan Earl Grey subset"
#define BOARD_SUBSET 1

#define ROM_BASE   0x00008000u
#define ROM_SIZE   0x00004000u
#define RAM_BASE   0x10000000u
#define RAM_SIZE   0x00010000u
#define FLASH_BASE 0x20000000u
#define FLASH_SIZE 0x00080000u
#define UART_BASE  0x40000000u
#define TIMER_BASE 0x40100000u
#define PLIC_BASE  0x41010000u

/* UART: 16x baud generator, rate = clock * NCO / 2^20. 115,200 baud of 50 MHz. */
#define UART_NCO 2416u

/* Timer: 50 MHz / (49 + 1) = 1 MHz; 10,000 counts are one tick of 100 Hz. */
#define TIMER_PRESCALE 49u
#define TICK_HZ        100u
#define TICK_COUNTS    10000u

/* PLIC, the early layout as generated for 80 sources and one target. */
#define PLIC_SOURCES 80
#define PLIC_WORDS   3
#define PLIC_IP(w)   (PLIC_BASE + 0x000 + 4 * (w))
#define PLIC_LE(w)   (PLIC_BASE + 0x00c + 4 * (w))
#define PLIC_PRIO(s) (PLIC_BASE + 0x018 + 4 * (s))
#define PLIC_IE(w)   (PLIC_BASE + 0x200 + 4 * (w))
#define PLIC_THRESHOLD (PLIC_BASE + 0x20c)
#define PLIC_CC      (PLIC_BASE + 0x210)
#define PLIC_MSIP    (PLIC_BASE + 0x214)

/* PLIC sources of the UART. */
#define SRC_TX_WATERMARK 1
#define SRC_RX_WATERMARK 2
#define SRC_TX_EMPTY     3
#define SRC_RX_OVERFLOW  4

/* Nothing answers here: the `crash` command goes there. */
#define UNMAPPED 0x30000000u
