/*
 * Runs every snippet of the table and prints a line for each: its number and a hash of all that it left in the
 * x and f registers, fcsr, the trap that ended it, and the scratch memory. The snippet to be looked at closer is
 * printed in full. Two emulators that agree print the same text.
 */
#include "harness.h"

extern const struct table __table;

static uint32_t hash[2];

static void mix32(uint32_t n)
{
    hash[0] = (hash[0] ^ n) * 0x01000193u;
    hash[0] ^= hash[0] >> 15;
    hash[1] = (hash[1] + n) * 0x85ebca6bu;
    hash[1] = hash[1] << 13 | hash[1] >> 19;
}

static void mix(uint64_t n)
{
    mix32((uint32_t)n);
    mix32((uint32_t)(n >> 32));
}

static void seed(struct context *c, const struct snippet *s, word memory)
{
    for (int i = 0; i < 32; i++) {
        c->f[i] = s->flags & FLAG_FLOAT ? random_float() : random_bits();
    }
    for (int i = 1; i < 32; i++) {
        c->x[i] = random_word();
    }
    uint32_t n = random32();
    /* Reserved rounding modes now and then: 5 to 7 make dynamic rounding illegal. */
    c->fcsr = (n & 0x1f) | ((n >> 8 & 63) ? (n >> 16) % 5 : 5 + (n >> 16) % 3) << 5;
    if (s->flags & FLAG_MEMORY) {
        word middle = memory + 4096;
        c->x[2] = middle - (n >> 5 & 0x30);
        c->x[8] = middle + (n >> 20 & 0x3f) - 32;
        c->x[9] = middle - (n >> 26 & 7) * 8;
    }
}

static void show(const struct context *c)
{
    for (int i = 1; i < 32; i++) {
        print(" x");
        print_hex((unsigned)(i / 10 * 16 + i % 10), 2);
        print("=");
        print_hex(c->x[i], 2 * XB);
    }
    for (int i = 0; i < 32; i++) {
        print(" f");
        print_hex((unsigned)(i / 10 * 16 + i % 10), 2);
        print("=");
        print_hex(c->f[i], 16);
    }
    print(" fcsr=");
    print_hex(c->fcsr, 2);
}

static void show_trap(const struct context *c, word start)
{
    print("trap cause=");
    print_hex(c->cause, 2);
    print(" pc=");
    print_hex(c->pc - start, 2 * XB);
    print(" tval=");
    print_hex(c->tval, 2 * XB);
    print(" status=");
    print_hex(c->status, 2 * XB);
    print("\n");
}

/* One run; traps on the way are part of the hash. */
static void once(struct context *c, const struct snippet *s, int verbose)
{
    word start = (word)(uintptr_t)(s + 1);
    c->pc = start;
    for (int traps = 0; traps < 64; traps++) {
        enter(c);
        if (verbose) {
            show_trap(c, start);
        }
        word offset = c->pc - start;
        mix32((uint32_t)c->cause);
        mix(offset);
        mix(c->tval);
        if (offset >= s->end || !(s->flags & FLAG_RESUME)) {
            break;
        }
        c->pc += (*(const uint16_t *)c->pc & 3) == 3 ? 4 : 2;
    }
}

static void run(const struct snippet *s, word memory, int verbose)
{
    static struct context c;
    random_state = s->seed | 1;
    hash[0] = hash[1] = 0;
    if (s->flags & FLAG_MEMORY) {
        for (int i = 0; i < SCRATCH_SIZE; i += 4) {
            *(uint32_t *)(scratch_page(i >> 12) + (i & 4095)) = random32();
        }
    }
    for (uint32_t i = 0; i < s->runs; i++) {
        seed(&c, s, memory);
        if (verbose) {
            print("in  ");
            print_hex(i, 4);
            show(&c);
            print("\n");
        }
        once(&c, s, verbose);
        for (int j = 1; j < 32; j++) {
            mix(c.x[j]);
        }
        for (int j = 0; j < 32; j++) {
            mix(c.f[j]);
        }
        mix32((uint32_t)c.fcsr);
        mix32((uint32_t)c.status);
        if (verbose) {
            print("out ");
            print_hex(i, 4);
            show(&c);
            print("\n");
        }
    }
    if (s->flags & FLAG_MEMORY) {
        for (int i = 0; i < SCRATCH_SIZE; i += 4) {
            uint32_t n = *(const uint32_t *)(scratch_page(i >> 12) + (i & 4095));
            mix32(n);
            if (verbose) {
                print(i & 31 ? " " : "\nmem ");
                print_hex(n, 8);
            }
        }
        if (verbose) {
            print("\n");
        }
    }
}

void main(void)
{
    const struct table *table = &__table;
    word memory = protect(table);
    const struct snippet *s = (const struct snippet *)(table + 1);
    for (uint32_t i = 0; i < table->count; i++) {
        run(s, memory, s->number == table->verbose);
        print_hex(s->number, 8);
        print(" ");
        print_hex((uint64_t)hash[0] << 32 | hash[1], 16);
        print("\n");
        s = (const struct snippet *)((const uint8_t *)(s + 1) + s->size);
    }
    print("done\n");
}
