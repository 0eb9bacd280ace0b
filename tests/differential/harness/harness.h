/* The harness of the differential runs: see main.c. */
#ifndef HARNESS_H
#define HARNESS_H
#include "asm.h"
#include <stddef.h>
#include <stdint.h>

typedef unsigned long word;

/* Machine state of a snippet; start.S knows the offsets. */
struct context {
    uint64_t f[32];
    word x[32];
    word pc, fcsr, cause, tval, status;
};
_Static_assert(offsetof(struct context, x) == CTX_X, "asm.h");
_Static_assert(offsetof(struct context, pc) == CTX_PC, "asm.h");
_Static_assert(offsetof(struct context, status) == CTX_STATUS, "asm.h");

/* The table at __table: this, then for each snippet its head and its code. */
struct table {
    uint32_t count;
    uint32_t mode;              /* MODE_*, and MODE_WRITE if snippets below M mode may write the table */
    uint32_t verbose;           /* number of the snippet to print in full, or ~0 */
    uint32_t size;              /* of the table in bytes, a multiple of 4096 */
};
enum { MODE_M = 0, MODE_U = 1, MODE_PAGED = 2, MODE_WRITE = 4 };

struct snippet {
    uint32_t size;              /* of the code in bytes, a multiple of 4 */
    uint32_t end;               /* offset of the final ecall */
    uint32_t runs;              /* how often, with new registers each time */
    uint32_t flags;             /* FLAG_* */
    uint32_t seed;
    uint32_t number;            /* printed; differs from the position in reduced tables */
};
enum {
    FLAG_RESUME = 1,            /* go on after the instruction that trapped */
    FLAG_MEMORY = 2,            /* x2, x8, x9 point into the scratch memory, which is seeded and hashed */
    FLAG_FLOAT = 4,             /* seed f registers with floats rather than noise */
};

/* Scratch memory: two pages, so that accesses around the middle cross. */
#define SCRATCH_SIZE 8192
extern uint8_t scratch[3 * 4096];

/* values.c */
extern uint32_t random_state;
uint32_t random32(void);
word random_word(void);
uint64_t random_float(void);
uint64_t random_bits(void);

/* paging.c: protection and translation; give the address at which snippets see the scratch memory. */
word protect(const struct table *table);
uint8_t *scratch_page(unsigned page);

/* print.c */
void print(const char *text);
void print_hex(uint64_t value, unsigned digits);
void report_lost(word cause, word epc, word tval);

/* start.S */
void enter(struct context *context);
#endif
