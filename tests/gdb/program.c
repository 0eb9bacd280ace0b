/* What the debugger tests run on bare riscv-virt boards: hart 0 sorts and reports, hart 1 counts. */

struct node {
    int key;
    struct node *next;
};

struct node nodes[8];
volatile unsigned long counter;
volatile int total;
volatile double half = 0.5;

static int weigh(int key, int depth)
{
    if (depth == 0)
        return key;
    return weigh(key + 1, depth - 1) + depth;
}

struct node *insert(struct node *list, struct node *node)
{
    struct node **at = &list;
    while (*at && (*at)->key < node->key)
        at = &(*at)->next;
    node->next = *at;
    *at = node;
    return list;
}

int sum(const struct node *list)
{
    int all = 0;
    for (; list; list = list->next)
        all += list->key;
    return all;
}

void finished(void)
{
    *(volatile unsigned *)0x100000 = 0x5555;
    for (;;)
        ;
}

void second(void)
{
    for (;;)
        counter++;
}

void main(void)
{
    struct node *list = 0;
    while (counter == 0)
        ;
    for (int i = 0; i < 8; i++) {
        nodes[i].key = weigh(i * 5 % 8, 3);
        list = insert(list, &nodes[i]);
        total = sum(list);
        half = half * 1.5;
    }
    finished();
}
