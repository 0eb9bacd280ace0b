// Workloads of `cargo bench`: each main() computes for a while and returns 0 if the sum is right.
// Built once for each name, with -DWORK_<name> (build.sh); run in S mode under Sv39, 4 KiB pages.
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long u64;

// Page tables: RAM's first 64 MiB in 4 KiB pages, devices below 1 GiB in one piece.
static u64 root[512] __attribute__((aligned(4096)));
static u64 middle[512] __attribute__((aligned(4096)));
static u64 leaf[32][512] __attribute__((aligned(4096)));

u64 map(void)
{
    root[0] = 0xc7;
    root[2] = (u64)middle >> 12 << 10 | 1;
    for (int i = 0; i < 32; i++) {
        middle[i] = (u64)leaf[i] >> 12 << 10 | 1;
        for (int j = 0; j < 512; j++)
            leaf[i][j] = (0x80000UL + i * 512 + j) << 10 | 0xcf;
    }
    return 8UL << 60 | (u64)root >> 12;
}

static u64 state = 88172645463325252UL;
static u64 random64(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

#if defined(WORK_alu)           // dependent integer operations, no memory
int main(void)
{
    u64 a = 1, b = 2;
    for (u32 i = 0; i < 40000000; i++) {
        a = (a * 5 + b) ^ (a >> 11);
        b = b + (a << 3) - i;
    }
    return !(a ^ b);
}
#elif defined(WORK_call)        // calls and returns
static u64 __attribute__((noinline)) ack(u64 m, u64 n)
{
    if (m == 0)
        return n + 1;
    if (n == 0)
        return ack(m - 1, 1);
    return ack(m - 1, ack(m, n - 1));
}
int main(void)
{
    u64 sum = 0;
    for (int i = 0; i < 40; i++)
        sum += ack(2, 300) + ack(3, 5);
    return sum != 40 * (603 + 253);
}
#elif defined(WORK_sort)        // loads, stores and branches that are hard to foresee
static u32 list[1 << 16];
int main(void)
{
    for (int round = 0; round < 12; round++) {
        for (u32 i = 0; i < 1 << 16; i++)
            list[i] = random64();
        for (u32 gap = 1 << 15; gap; gap = gap == 2 ? 1 : gap * 5 / 11)
            for (u32 i = gap; i < 1 << 16; i++) {
                u32 x = list[i], j = i;
                for (; j >= gap && list[j - gap] > x; j -= gap)
                    list[j] = list[j - gap];
                list[j] = x;
            }
        for (u32 i = 1; i < 1 << 16; i++)
            if (list[i - 1] > list[i])
                return 1;
    }
    return 0;
}
#elif defined(WORK_hash)        // bytes and table look-ups
static u8 text[1 << 16];
static u32 table[256];
int main(void)
{
    for (u32 i = 0; i < 256; i++) {
        u32 c = i;
        for (int k = 0; k < 8; k++)
            c = c & 1 ? 0xedb88320 ^ c >> 1 : c >> 1;
        table[i] = c;
    }
    for (u32 i = 0; i < sizeof text; i++)
        text[i] = random64();
    u32 crc = ~0u;
    for (int round = 0; round < 400; round++)
        for (u32 i = 0; i < sizeof text; i++)
            crc = table[(crc ^ text[i]) & 255] ^ crc >> 8;
    return crc == 0;
}
#elif defined(WORK_list)        // a chain of pointers through 8 MiB
struct node { struct node *next; u64 pad[7]; };
static struct node nodes[1 << 17];
int main(void)
{
    static u32 order[1 << 17];
    for (u32 i = 0; i < 1 << 17; i++)
        order[i] = i;
    for (u32 i = (1 << 17) - 1; i; i--) {
        u32 j = random64() % (i + 1), t = order[i];
        order[i] = order[j];
        order[j] = t;
    }
    for (u32 i = 0; i < 1 << 17; i++)
        nodes[order[i]].next = &nodes[order[(i + 1) & ((1 << 17) - 1)]];
    struct node *at = nodes;
    for (u32 i = 0; i < 20 << 17; i++)
        at = at->next;
    return at != nodes;
}
#elif defined(WORK_float)       // double precision
static double a[96][96], b[96][96], c[96][96];
int main(void)
{
    for (int i = 0; i < 96; i++)
        for (int j = 0; j < 96; j++) {
            a[i][j] = (i * j) % 7 + 0.5;
            b[i][j] = i == j;
        }
    for (int round = 0; round < 25; round++)
        for (int i = 0; i < 96; i++)
            for (int j = 0; j < 96; j++) {
                double s = 0;
                for (int k = 0; k < 96; k++)
                    s += a[i][k] * b[k][j];
                c[i][j] = s;
            }
    for (int i = 0; i < 96; i++)
        for (int j = 0; j < 96; j++)
            if (c[i][j] != a[i][j])
                return 1;
    return 0;
}
#elif defined(WORK_trap)        // calls of machine mode
int main(void)
{
    for (u32 i = 0; i < 2000000; i++)
        __asm__ volatile("ecall" ::: "memory");
    return 0;
}
#elif defined(WORK_device)      // reads of a device register
int main(void)
{
    u32 empty = 0;
    for (u32 i = 0; i < 4000000; i++)
        empty += *(volatile u8 *)0x10000005 >> 5 & 1;
    return empty != 4000000;
}
#elif defined(WORK_change)      // code that is written anew before each run
static u32 code[1024] __attribute__((aligned(4096)));
int main(void)
{
    u64 sum = 0;
    for (u32 i = 0; i < 50000; i++) {
        u32 *f = code + i % 64 * 16;
        for (int k = 0; k < 14; k++)
            f[k] = ((i + k) & 0x7ff) << 20 | 10 << 15 | 10 << 7 | 0x13;
        f[14] = 0x8067;
        __asm__ volatile("fence.i" ::: "memory");
        sum += ((u64(*)(u64))f)(0) == 14 * (i & 0x7ff) + 91 || (i & 0x7ff) > 0x3f0;
    }
    return sum != 50000;
}
#elif defined(WORK_space)       // another address space, and 32 pages of it
static u8 pages[32 * 4096] __attribute__((aligned(4096)));
int main(void)
{
    u64 sum = 0, satp;
    __asm__ volatile("csrr %0, satp" : "=r"(satp));
    for (u32 i = 0; i < 100000; i++) {
        __asm__ volatile("csrw satp, %0\n\tsfence.vma" ::"r"(satp ^ (u64)(i & 1) << 44) : "memory");
        for (u32 k = 0; k < 32; k++)
            sum += ++((volatile u8 *)pages)[k * 4096 + k];
    }
    return sum == 0;
}
#endif
