/* Console output by polling, number parsing and the like: what both firmwares share. */
#pragma once
#include <stdint.h>
#include <board.h>

/* OpenTitan UART registers, offsets from UART_BASE. */
#define UART(reg) MMIO32(UART_BASE + UART_##reg)
#define UART_INTR_STATE   0x00
#define UART_INTR_ENABLE  0x04
#define UART_INTR_TEST    0x08
#define UART_ALERT_TEST   0x0c
#define UART_CTRL         0x10
#define UART_STATUS       0x14
#define UART_RDATA        0x18
#define UART_WDATA        0x1c
#define UART_FIFO_CTRL    0x20
#define UART_FIFO_STATUS  0x24
#define UART_OVRD         0x28
#define UART_VAL          0x2c
#define UART_TIMEOUT_CTRL 0x30

#define CTRL_TX    (1u << 0)
#define CTRL_RX    (1u << 1)
#define CTRL_SLPBK (1u << 4)
#define CTRL_PARITY_EN  (1u << 6)
#define CTRL_PARITY_ODD (1u << 7)
#define CTRL_NCO(n) ((uint32_t)(n) << 16)

#define STATUS_TXFULL  (1u << 0)
#define STATUS_RXFULL  (1u << 1)
#define STATUS_TXEMPTY (1u << 2)
#define STATUS_TXIDLE  (1u << 3)
#define STATUS_RXIDLE  (1u << 4)
#define STATUS_RXEMPTY (1u << 5)

#define FIFO_RXRST (1u << 0)
#define FIFO_TXRST (1u << 1)
#define FIFO_RXILVL(n) ((uint32_t)(n) << 2)
#define FIFO_TXILVL(n) ((uint32_t)(n) << 5)

/* Interrupt bits of version 1 of the block. */
#define INTR_TX_WATERMARK (1u << 0)
#define INTR_RX_WATERMARK (1u << 1)
#define INTR_TX_EMPTY     (1u << 2)
#define INTR_RX_OVERFLOW  (1u << 3)
#define INTR_RX_TIMEOUT   (1u << 6)

/* OpenTitan RISC-V timer registers, offsets from TIMER_BASE. The interrupt group and the counter group changed places once. */
#define TIMER(reg) MMIO32(TIMER_BASE + TIMER_##reg)
#ifdef BOARD_TIMER_EITHER_LAYOUT
extern uint32_t timer_intr_group, timer_count_group;
#define TIMER_INTR_GROUP  timer_intr_group
#define TIMER_COUNT_GROUP timer_count_group
#else
#define TIMER_INTR_GROUP  0x100
#define TIMER_COUNT_GROUP 0x10c
#endif
#define TIMER_CTRL          0x004
#define TIMER_INTR_ENABLE   (TIMER_INTR_GROUP + 0x0)
#define TIMER_INTR_STATE    (TIMER_INTR_GROUP + 0x4)
#define TIMER_INTR_TEST     (TIMER_INTR_GROUP + 0x8)
#define TIMER_CFG           (TIMER_COUNT_GROUP + 0x0)
#define TIMER_V_LOWER       (TIMER_COUNT_GROUP + 0x4)
#define TIMER_V_UPPER       (TIMER_COUNT_GROUP + 0x8)
#define TIMER_COMPARE_LOWER (TIMER_COUNT_GROUP + 0xc)
#define TIMER_COMPARE_UPPER (TIMER_COUNT_GROUP + 0x10)

void uart_init(void);
void uart_drain(void);
void put_char(char c);
void put_text(const char *s);
void put_hex(uint32_t v);
void put_dec(uint32_t v);
/* Decimal, or hexadecimal after 0x. Returns 0 if the text is no number or has more after it. */
int parse_number(const char *s, uint32_t *out);
/* Ends the run through semihosting with `code`; waits for ever where nobody serves that. */
void leave(uint32_t code) __attribute__((noreturn));
/* Finds the layout where the board may have either; to be called before any other use of the timer. */
void timer_init(void);
uint64_t timer_now(void);
void timer_compare(uint64_t at);
