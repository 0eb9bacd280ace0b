/* How each instruction set orders its stores and sleeps. */
#if defined(__riscv)
#define SYNC() __asm__ volatile("fence" ::: "memory")
#define WAIT() __asm__ volatile("wfi")
#elif defined(__arm__)
#define SYNC() __asm__ volatile("dmb" ::: "memory")
#define WAIT() __asm__ volatile("wfi")
#else
#define SYNC() __asm__ volatile("sync" ::: "memory")
#define WAIT() __asm__ volatile("wait")
#endif
