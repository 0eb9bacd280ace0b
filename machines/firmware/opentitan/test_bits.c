/* Zba, Zbb, Zbc, Zbs and M against plain C: each instruction on pairs of awkward operands. */
#include "selftest.h"
#include "rv.h"

static const uint32_t samples[] = {
    0, 1, 2, 0x1f, 0x20, 0x7f, 0x80, 0xff, 0x8000, 0xffff, 0x12345678, 0x7fffffff, 0x80000000, 0x80000001, 0xdeadbeef, 0xffffffff,
};
#define COUNT (sizeof samples / sizeof samples[0])

#define OP2(name, text, reference) \
    static uint32_t do_##name(uint32_t a, uint32_t b) { \
        uint32_t r; \
        __asm__ volatile(".option push\n.option arch, +zba, +zbb, +zbc, +zbs\n" text "\n.option pop" : "=r"(r) : "r"(a), "r"(b)); \
        return r; \
    } \
    static uint32_t want_##name(uint32_t a, uint32_t b) { (void)a; (void)b; reference }

static uint64_t carryless(uint32_t a, uint32_t b) {
    uint64_t r = 0, shifted = a;
    for (; b; b >>= 1, shifted <<= 1) if (b & 1) r ^= shifted;
    return r;
}
static uint32_t ones(uint32_t a) {
    uint32_t n = 0;
    for (int i = 0; i < 32; i++) n += a >> i & 1;
    return n;
}
static uint32_t left_rotated(uint32_t a, uint32_t n) {
    for (n &= 31; n; n--) a = a << 1 | a >> 31;
    return a;
}

OP2(sh1add, "sh1add %0, %1, %2", return b + a * 2;)
OP2(sh2add, "sh2add %0, %1, %2", return b + a * 4;)
OP2(sh3add, "sh3add %0, %1, %2", return b + a * 8;)
OP2(andn, "andn %0, %1, %2", return a & ~b;)
OP2(orn, "orn %0, %1, %2", return a | ~b;)
OP2(xnor, "xnor %0, %1, %2", return ~(a ^ b);)
OP2(clz, "clz %0, %1", uint32_t n = 0; while (n < 32 && !(a >> (31 - n) & 1)) n++; return n;)
OP2(ctz, "ctz %0, %1", uint32_t n = 0; while (n < 32 && !(a >> n & 1)) n++; return n;)
OP2(cpop, "cpop %0, %1", return ones(a);)
OP2(max, "max %0, %1, %2", return (int32_t)a > (int32_t)b ? a : b;)
OP2(maxu, "maxu %0, %1, %2", return a > b ? a : b;)
OP2(min, "min %0, %1, %2", return (int32_t)a < (int32_t)b ? a : b;)
OP2(minu, "minu %0, %1, %2", return a < b ? a : b;)
OP2(sext_b, "sext.b %0, %1", return (a & 0xff) | (a & 0x80 ? 0xffffff00 : 0);)
OP2(sext_h, "sext.h %0, %1", return (a & 0xffff) | (a & 0x8000 ? 0xffff0000 : 0);)
OP2(zext_h, "zext.h %0, %1", return a & 0xffff;)
OP2(rol, "rol %0, %1, %2", return left_rotated(a, b);)
OP2(ror, "ror %0, %1, %2", return left_rotated(a, 32 - (b & 31));)
OP2(rori, "rori %0, %1, 13", return left_rotated(a, 19);)
OP2(rev8, "rev8 %0, %1", return a << 24 | (a & 0xff00) << 8 | (a >> 8 & 0xff00) | a >> 24;)
OP2(orc_b, "orc.b %0, %1", uint32_t r = 0; for (int i = 0; i < 32; i += 8) if (a >> i & 0xff) r |= 0xffu << i; return r;)
OP2(clmul, "clmul %0, %1, %2", return (uint32_t)carryless(a, b);)
OP2(clmulh, "clmulh %0, %1, %2", return (uint32_t)(carryless(a, b) >> 32);)
OP2(clmulr, "clmulr %0, %1, %2", return (uint32_t)(carryless(a, b) >> 31);)
OP2(bclr, "bclr %0, %1, %2", return a & ~(1u << (b & 31));)
OP2(bset, "bset %0, %1, %2", return a | 1u << (b & 31);)
OP2(binv, "binv %0, %1, %2", return a ^ 1u << (b & 31);)
OP2(bext, "bext %0, %1, %2", return a >> (b & 31) & 1;)
OP2(bclri, "bclri %0, %1, 31", return a & 0x7fffffff;)
OP2(bseti, "bseti %0, %1, 31", return a | 0x80000000;)
OP2(binvi, "binvi %0, %1, 7", return a ^ 0x80;)
OP2(bexti, "bexti %0, %1, 31", return a >> 31;)

/* M: long division and products by shift and add, so that the reference does not use what it checks. */
static uint64_t product(uint32_t a, uint32_t b) {
    uint64_t r = 0, shifted = a;
    for (; b; b >>= 1, shifted <<= 1) if (b & 1) r += shifted;
    return r;
}
static uint32_t quotient(uint32_t a, uint32_t b, uint32_t *rest) {
    uint32_t q = 0;
    uint64_t r = 0;
    if (!b) {
        *rest = a;
        return 0xffffffff;
    }
    for (int i = 31; i >= 0; i--) {
        r = r << 1 | (a >> i & 1);
        if (r >= b) {
            r -= b;
            q |= 1u << i;
        }
    }
    *rest = (uint32_t)r;
    return q;
}
static uint32_t size(uint32_t a) { return a >> 31 ? -a : a; }
static uint32_t signed_quotient(uint32_t a, uint32_t b, uint32_t *rest) {
    uint32_t q = quotient(size(a), size(b), rest);
    if (!b) {
        *rest = a;
        return 0xffffffff;
    }
    if (a >> 31) *rest = -*rest;
    return (a ^ b) >> 31 ? -q : q;
}

OP2(mul, "mul %0, %1, %2", return (uint32_t)product(a, b);)
OP2(mulh, "mulh %0, %1, %2", return (uint32_t)(product(a, b) >> 32) - (a >> 31 ? b : 0) - (b >> 31 ? a : 0);)
OP2(mulhsu, "mulhsu %0, %1, %2", return (uint32_t)(product(a, b) >> 32) - (a >> 31 ? b : 0);)
OP2(mulhu, "mulhu %0, %1, %2", return (uint32_t)(product(a, b) >> 32);)
OP2(div, "div %0, %1, %2", uint32_t r; return signed_quotient(a, b, &r);)
OP2(divu, "divu %0, %1, %2", uint32_t r; return quotient(a, b, &r);)
OP2(rem, "rem %0, %1, %2", uint32_t r; signed_quotient(a, b, &r); return r;)
OP2(remu, "remu %0, %1, %2", uint32_t r; quotient(a, b, &r); return r;)

struct row { const char *name; uint32_t (*get)(uint32_t, uint32_t), (*want)(uint32_t, uint32_t); };
#define ROW(name) { #name, do_##name, want_##name }

static void table(const struct row *rows, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t a = 0; a < COUNT; a++)
            for (uint32_t b = 0; b < COUNT; b++)
                check(rows[i].name, rows[i].get(samples[a], samples[b]), rows[i].want(samples[a], samples[b]));
}

void test_bits(void) {
    static const struct row rows[] = {
        ROW(sh1add), ROW(sh2add), ROW(sh3add), ROW(andn), ROW(orn), ROW(xnor), ROW(clz), ROW(ctz), ROW(cpop), ROW(max),
        ROW(maxu), ROW(min), ROW(minu), ROW(sext_b), ROW(sext_h), ROW(zext_h), ROW(rol), ROW(ror), ROW(rori), ROW(rev8),
        ROW(orc_b), ROW(clmul), ROW(clmulh), ROW(clmulr), ROW(bclr), ROW(bset), ROW(binv), ROW(bext), ROW(bclri), ROW(bseti),
        ROW(binvi), ROW(bexti),
    };
    group("bit-manipulation");
    table(rows, sizeof rows / sizeof rows[0]);
    group_end();
}

void test_muldiv(void) {
    static const struct row rows[] = {
        ROW(mul), ROW(mulh), ROW(mulhsu), ROW(mulhu), ROW(div), ROW(divu), ROW(rem), ROW(remu),
    };
    group("multiply-divide");
    table(rows, sizeof rows / sizeof rows[0]);
    group_end();
}
