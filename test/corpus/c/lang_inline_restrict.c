#include <stdio.h>
#include <string.h>

static inline unsigned rotate(unsigned x, int n) { return x << (n & 31) | x >> (-n & 31); }
static inline int clamp(int x, int lo, int hi) { return x < lo ? lo : x > hi ? hi : x; }
inline static double lerp(double a, double b, double t) { return a + (b - a) * t; }

static void saxpy(int n, float a, const float *restrict x, float *restrict y)
{
    for (int i = 0; i < n; i++)
        y[i] += a * x[i];
}

static int middle(const int v[static 3])
{
    return clamp(v[1], v[0], v[2]);
}

static size_t copy(char *restrict to, const char *restrict from, size_t room)
{
    size_t n = 0;
    for (; from[n] && n + 1 < room; n++)
        to[n] = from[n];
    if (room)
        to[n] = '\0';
    return n;
}

int main(void)
{
    float x[6] = {1, 2, 3, 4, 5, 6}, y[6] = {0.5f};
    saxpy(6, 1.5f, x, y);
    for (int i = 0; i < 6; i++)
        printf("%g ", y[i]);
    printf("\n%08x %08x %08x\n", rotate(0x12345678, 8), rotate(1, 31), rotate(0xf000000f, 0));
    printf("%g %d\n", lerp(-1, 3, 0.125), middle((int[]){10, 99, 20}));
    char small[6];
    size_t n = copy(small, "truncated", sizeof small);
    printf("%s %zu\n", small, n);
    volatile const int fixed = 11;
    const volatile int *p = &fixed;
    printf("%d\n", *p + fixed);
    return clamp(500, 0, 99);
}
