/* What an STM32F405 does with its clocks, timers, flash, pins and watchdog, through the registers. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define REG(a) (*(volatile uint32_t *)(a))
#define RCC 0x40023800
#define TIM2 0x40000000
#define FLASH 0x40023C00
#define GPIOA 0x40020000
#define EXTI 0x40013C00
#define USART1 0x40011000
#define I2C1 0x40005400
#define SYSTICK 0xE000E010
#define ISER 0xE000E100

static volatile int ticks, edges;

void TIM2_IRQ(void) {
    REG(TIM2 + 0x10) = 0;
    ticks++;
}

void EXTI0_IRQ(void) {
    REG(EXTI + 0x14) = 1;
    edges++;
}

static void reset(void);
static void fault(void) { puts("fault"); exit(1); }
extern uint32_t __stack_top[], __data_start[], __data_end[], __data_load[];
extern void _start(void);

__attribute__((section(".vectors"), used)) static void *const vectors[98] = {
    [0] = __stack_top, [1] = reset, [2] = fault, [3] = fault, [4] = fault, [5] = fault, [6] = fault,
    [16 + 6] = EXTI0_IRQ, [16 + 28] = TIM2_IRQ,
};

__attribute__((noreturn)) static void reset(void) {
    REG(0xE000ED88) = 0xF << 20; /* the compiler may use the float unit */
    for (uint32_t *d = __data_start, *s = __data_load; d < __data_end;) {
        *d++ = *s++;
    }
    _start();
    for (;;) { }
}

/* Counts of TIM2, a million a second, while SysTick counts a thousand times `hclk` thousandths. */
static uint32_t against_systick(uint32_t hclk) {
    REG(SYSTICK + 4) = hclk / 1000 - 1;
    REG(SYSTICK + 8) = 0;
    REG(SYSTICK) = 5;
    uint32_t first = REG(TIM2 + 0x24);
    for (int i = 0; i < 10; i++) {
        while (!(REG(SYSTICK) & 0x10000)) { }
    }
    uint32_t last = REG(TIM2 + 0x24);
    REG(SYSTICK) = 0;
    return (last - first + 50) / 100;
}

int main(void) {
    REG(TIM2 + 0x28) = 16 - 1;
    REG(TIM2 + 0x14) = 1;
    REG(TIM2) = 1;
    printf("slow %u\n", (unsigned)against_systick(16000000));
    /* HSE 25 MHz / 25 * 336 / 2 = 168 MHz; AHB 1, APB1 4, APB2 2. */
    REG(FLASH) = 0x705;
    REG(RCC) |= 1 << 16;
    while (!(REG(RCC) & 1 << 17)) { }
    REG(RCC + 4) = 7 << 24 | 1 << 22 | 336 << 6 | 25;
    REG(RCC) |= 1 << 24;
    while (!(REG(RCC) & 1 << 25)) { }
    REG(RCC + 8) = 5 << 10 | 4 << 13 | 2;
    while ((REG(RCC + 8) & 12) != 8) { }
    /* Timers on APB1 run at 84 MHz. */
    REG(TIM2 + 0x28) = 84 - 1;
    REG(TIM2 + 0x14) = 1;
    printf("fast %u\n", (unsigned)against_systick(168000000));

    REG(TIM2 + 0x10) = 0;
    REG(TIM2 + 0x2C) = 999;
    REG(TIM2 + 0x0C) = 1;
    REG(ISER) = 1 << 28 | 1 << 6;
    while (ticks < 5) { __asm__ volatile("wfi"); }
    REG(TIM2 + 0x0C) = 0;
    printf("ticks %d\n", ticks);

    REG(GPIOA) |= 1;
    REG(EXTI) = 1;
    REG(EXTI + 8) = 1;
    for (int i = 0; i < 3; i++) {
        REG(GPIOA + 0x18) = 1;
        REG(GPIOA + 0x18) = 1 << 16;
    }
    printf("edges %d\n", edges);

    volatile uint32_t *cell = (uint32_t *)0x080E0000;
    REG(FLASH + 4) = 0x45670123;
    REG(FLASH + 4) = 0xCDEF89AB;
    REG(FLASH + 16) = 2 | 11 << 3 | 1 << 16;
    while (REG(FLASH + 12) & 1 << 16) { }
    uint32_t blank = *cell;
    REG(FLASH + 16) = 1 | 2 << 8;
    *cell = 0x12345678;
    REG(FLASH + 16) = 1u << 31;
    *cell = 0;
    printf("flash %08x %08x %02x\n", (unsigned)blank, (unsigned)*cell, (unsigned)REG(FLASH + 12));

    REG(I2C1) = 0x101;
    uint32_t start = REG(I2C1 + 20);
    REG(I2C1 + 16) = 0xA0;
    printf("i2c %x %x\n", (unsigned)start, (unsigned)REG(I2C1 + 20));

    REG(USART1 + 8) = 84000000 / 115200;
    REG(USART1 + 12) = 0x200C;
    REG(TIM2 + 0x2C) = 0xFFFFFFFF;
    REG(TIM2 + 0x14) = 1;
    for (int i = 0; i < 100; i++) {
        while (!(REG(USART1) & 0x80)) { }
        REG(USART1 + 4) = 'x';
    }
    while (!(REG(USART1) & 0x40)) { }
    /* 1000 bits at 115,200 baud take 8.68 ms. */
    printf("line %u\n", (unsigned)(REG(TIM2 + 0x24) + 50) / 100);
    printf("core %08x\n", (unsigned)REG(0xE0042000));
    exit(5);
}
