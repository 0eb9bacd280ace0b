/*
 * demo: what `riscv-virt` runs when it is given no image. It reads the device tree that reset hands over in a1, prints the
 * model, the memory and the harts, lets each hart say hello in turn (woken by a software interrupt), and powers off
 * through the finisher. One source for RV64 and RV32; device tree format: Devicetree Specification, chapter 5.
 */
#include <stdint.h>
#include "map.h"

#define MMIO8(a) (*(volatile uint8_t *)(uintptr_t)(a))
#define MMIO32(a) (*(volatile uint32_t *)(uintptr_t)(a))

static void put_char(char c) {
    if (c == '\n') put_char('\r');
    while (!(MMIO8(UART_BASE + 5) & 0x20)) {}
    MMIO8(UART_BASE) = (uint8_t)c;
}

static void put_text(const char *s) {
    while (*s) put_char(*s++);
}

static void put_dec(uint32_t v) {
    if (v > 9) put_dec(v / 10);
    put_char('0' + v % 10);
}

static void put_hex(uint32_t v, int digits) {
    for (int i = digits - 1; i >= 0; i--) put_char("0123456789abcdef"[v >> (4 * i) & 15]);
}

static uint32_t big(const void *p) {
    const uint8_t *b = p;
    return (uint32_t)b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3];
}

static int same(const char *a, const char *b) {
    while (*a && *a == *b) a++, b++;
    return *a == *b;
}

static int begins(const char *s, const char *with) {
    while (*with) if (*s++ != *with++) return 0;
    return 1;
}

struct found { const char *model; uint32_t harts, memory_base[2], memory_size[2], timebase; };

/* One walk over the structure block. Nodes of interest lie at depth 1 (memory) and 2 (cpus/cpu@N). Returns 0 if it is no tree. */
static int read_tree(const char *tree, struct found *f) {
    if (!tree || big(tree) != 0xd00dfeed) return 0;
    const char *at = tree + big(tree + 8), *strings = tree + big(tree + 12);
    const char *end = tree + big(tree + 4);
    int depth = 0, memory = 0, cpus = 0;
    while (at < end) {
        uint32_t token = big(at);
        at += 4;
        if (token == 1) {
            depth++;
            if (depth == 2) {
                memory = begins(at, "memory@");
                cpus = same(at, "cpus");
            }
            if (depth == 3 && cpus && begins(at, "cpu@")) f->harts++;
            while (*at) at++;
            at = tree + ((at + 1 - tree + 3) & ~3l);
        } else if (token == 2) {
            depth--;
        } else if (token == 3) {
            uint32_t length = big(at);
            const char *name = strings + big(at + 4), *value = at + 8;
            if (depth == 1 && same(name, "model")) f->model = value;
            if (depth == 2 && cpus && same(name, "timebase-frequency") && length == 4) f->timebase = big(value);
            if (depth == 2 && memory && same(name, "reg") && length == 16) {
                for (int i = 0; i < 2; i++) {
                    f->memory_base[i] = big(value + 4 * i);
                    f->memory_size[i] = big(value + 8 + 4 * i);
                }
            }
            at = tree + ((value + length - tree + 3) & ~3l);
        } else if (token == 9) {
            return 1;
        } else if (token != 4) {
            return 0;
        }
    }
    return 0;
}

static volatile uint32_t turn = 0xffffffff;

static void greet(uint32_t hart) {
    put_text("hart ");
    put_dec(hart);
    put_text(": hello\n");
}

void hart_main(uint32_t hart, const char *tree) {
    if (hart) {
        __asm__ volatile("csrw mie, %0" :: "r"(8));
        do {
            __asm__ volatile("wfi");
            __asm__ volatile("fence" ::: "memory");
        } while (turn != hart);
        MMIO32(ACLINT_SWI + 4 * hart) = 0;
        greet(hart);
        __asm__ volatile("fence" ::: "memory");
        turn = 0;
        return;
    }

    struct found f = { 0, 0, { 0, 0 }, { 0, 0 }, 0 };
    put_text("\nhetemu riscv-virt demo, RV");
    put_dec(__riscv_xlen);
    put_text("\n");
    if (read_tree(tree, &f)) {
        put_text("model ");
        put_text(f.model ? f.model : "?");
        put_text("\nmemory 0x");
        if (f.memory_base[0]) put_hex(f.memory_base[0], 8);
        put_hex(f.memory_base[1], 8);
        put_text(", ");
        put_dec(f.memory_size[0] << 12 | f.memory_size[1] >> 20);
        put_text(" MiB\ntimebase ");
        put_dec(f.timebase);
        put_text(" Hz\nharts ");
        put_dec(f.harts);
        put_text("\n");
    } else {
        put_text("no device tree in a1\n");
        f.harts = 1;
    }
    greet(0);
    for (uint32_t other = 1; other < f.harts && other < MAX_HARTS; other++) {
        turn = other;
        __asm__ volatile("fence" ::: "memory");
        MMIO32(ACLINT_SWI + 4 * other) = 1;
        while (turn == other) {}
    }
    put_text("powering off\n");
    MMIO32(FINISHER) = 0x5555;
}

void *memset(void *to, int value, __SIZE_TYPE__ n) {
    char *p = to;
    while (n--) *p++ = (char)value;
    return to;
}
