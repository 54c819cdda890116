#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BASE 1000000000u

typedef struct {
    unsigned *limb;
    int count, room;
} big;

static void push(big *b, unsigned limb)
{
    if (b->count == b->room) {
        b->room = b->room ? b->room * 2 : 4;
        b->limb = realloc(b->limb, sizeof *b->limb * (size_t)b->room);
        if (!b->limb)
            exit(1);
    }
    b->limb[b->count++] = limb;
}

static void multiply(big *b, unsigned by)
{
    unsigned long long carry = 0;
    for (int i = 0; i < b->count; i++) {
        carry += (unsigned long long)b->limb[i] * by;
        b->limb[i] = (unsigned)(carry % BASE);
        carry /= BASE;
    }
    if (carry)
        push(b, (unsigned)carry);
}

static void add(big *a, const big *b)
{
    unsigned carry = 0;
    for (int i = 0; i < b->count || carry; i++) {
        if (i == a->count)
            push(a, 0);
        unsigned sum = a->limb[i] + carry + (i < b->count ? b->limb[i] : 0);
        carry = sum >= BASE;
        a->limb[i] = carry ? sum - BASE : sum;
    }
}

static void show(const char *title, const big *b)
{
    printf("%s %u", title, b->limb[b->count - 1]);
    for (int i = b->count - 1; i-- > 0;)
        printf("%09u", b->limb[i]);
    putchar('\n');
}

int main(void)
{
    big f = {0}, a = {0}, b = {0};
    push(&f, 1);
    for (unsigned i = 2; i <= 100; i++) {
        multiply(&f, i);
        if (i == 20 || i == 50 || i == 100)
            show("factorial", &f);
    }
    push(&a, 0);
    push(&b, 1);
    for (int i = 0; i < 300; i++) {
        add(&a, &b);
        big t = a;
        a = b;
        b = t;
    }
    show("fibonacci", &a);
    free(f.limb);
    free(a.limb);
    free(b.limb);
    return 0;
}
