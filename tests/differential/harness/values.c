/* Seeded values: corners more often than chance would have them. */
#include "harness.h"

uint32_t random_state;

uint32_t random32(void)
{
    uint32_t x = random_state;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    random_state = x;
    return x * 0x9e3779b1u;
}

uint64_t random_bits(void)
{
    uint32_t high = random32();
    return (uint64_t)high << 32 | random32();
}

/* An integer register. */
word random_word(void)
{
    uint32_t how = random32();
    uint32_t n = how >> 8;
    uint64_t all = random_bits();
    switch (how & 15) {
    case 0: return 0;
    case 1: return (word)-1;
    case 2: return (word)1 << (n % __riscv_xlen);                   /* one bit */
    case 3: return ((word)1 << (n % __riscv_xlen)) - 1;             /* low bits */
    case 4: return (word)(int32_t)0x80000000;                       /* smallest 32-bit number */
    case 5: return (word)0x7fffffff + (n & 1);
    case 6: return ~(word)0 >> 1;                                   /* largest */
    case 7: return (word)1 << (__riscv_xlen - 1);                   /* smallest */
    case 8: return n & 63;                                          /* shift amounts */
    case 9: return -(word)(n & 63);
    case 10: return (word)(int32_t)all;
    case 11: return (word)(uint32_t)all;
    case 12: return (word)(all & random_bits() & random_bits());    /* few bits */
    default: return (word)all;
    }
}

static const uint32_t single[16] = {
    0x00000000, 0x80000000, 0x3f800000, 0xbf800000, 0x7f800000, 0xff800000, 0x7fc00000, 0x7f800001,
    0xffc12345, 0x00000001, 0x807fffff, 0x00800000, 0x7f7fffff, 0xff7fffff, 0x4f000000, 0x5f000000,
};

static const uint64_t twice[16] = {
    0x0000000000000000, 0x8000000000000000, 0x3ff0000000000000, 0xbff0000000000000,
    0x7ff0000000000000, 0xfff0000000000000, 0x7ff8000000000000, 0x7ff0000000000001,
    0xfff8123456789abc, 0x0000000000000001, 0x800fffffffffffff, 0x0010000000000000,
    0x7fefffffffffffff, 0xffefffffffffffff, 0x41e0000000000000, 0x43e0000000000000,
};

/* A mantissa: long runs of ones or zeros meet the roundings' ties. */
static uint64_t mantissa(uint32_t how)
{
    uint64_t bits = random_bits();
    switch (how & 7) {
    case 0: return 0;
    case 1: return ~(uint64_t)0;
    case 2: return bits & ~(uint64_t)0 << (how >> 8 & 63);
    case 3: return bits | ~(uint64_t)0 >> (how >> 8 & 63);
    default: return bits;
    }
}

/* A float register: half binary32 in its NaN box, half binary64, some neither. */
uint64_t random_float(void)
{
    uint32_t how = random32();
    uint32_t n = how >> 16;
    uint64_t box = (uint64_t)0xffffffff << 32;
    uint64_t sign = how >> 15 & 1;
    uint64_t m = mantissa(random32());
    switch (how & 15) {
    case 0:
    case 1: return box | single[n & 15];
    case 2:
    case 3:
    case 4: return box | sign << 31 | (uint64_t)(120 + n % 14) << 23 | (m & 0x7fffff);  /* near 1 */
    case 5: return box | sign << 31 | (uint64_t)(n % 255) << 23 | (m & 0x7fffff);       /* any exponent */
    case 6: return box | sign << 31 | (uint64_t)(n % 3) << 23 | (m & 0x7fffff);         /* subnormal, tiny */
    case 7: return box | sign << 31 | (uint64_t)(150 + n % 45) << 23 | (m & 0x7fffff);  /* about integers */
    case 8:
    case 9: return twice[n & 15];
    case 10:
    case 11: return sign << 63 | (uint64_t)(1016 + n % 14) << 52 | (m & 0xfffffffffffff);
    case 12: return sign << 63 | (uint64_t)(n % 2047) << 52 | (m & 0xfffffffffffff);
    case 13: return sign << 63 | (uint64_t)(n % 3) << 52 | (m & 0xfffffffffffff);
    case 14: return sign << 63 | (uint64_t)(1023 - 160 + n % 300) << 52 | (m & 0xfffffffffffff); /* about binary32's range */
    default: return single[n & 15] | (uint64_t)random32() << 32;    /* a broken box */
    }
}
