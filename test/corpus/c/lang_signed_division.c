#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

static int floor_div(int a, int b) { int q = a / b; return q * b != a && (a < 0) != (b < 0) ? q - 1 : q; }
static unsigned isqrt(unsigned long n)
{
    unsigned long r = 0, bit = 1UL << 62;
    while (bit > n)
        bit >>= 2;
    for (; bit; bit >>= 2)
        if (n >= r + bit) { n -= r + bit; r = (r >> 1) + bit; }
        else r >>= 1;
    return (unsigned)r;
}

int main(void)
{
    static const int a[] = {7, -7, 7, -7, INT_MIN, INT_MAX, 0, -1}, b[] = {2, 2, -2, -2, 2, -3, 5, INT_MAX};
    for (int i = 0; i < 8; i++) {
        div_t d = div(a[i], b[i]);
        printf("%d/%d = %d r %d, floor %d, unsigned %u\n", a[i], b[i], d.quot, d.rem, floor_div(a[i], b[i]), (unsigned)a[i] / (unsigned)b[i]);
    }
    static const int powers[] = {1, 2, 4, 8, 1024, 1 << 30};
    volatile int x = -1000003;
    for (int i = 0; i < 6; i++)
        printf("%d %d %u; ", x / powers[i], x % powers[i], (unsigned)x % (unsigned)powers[i]);
    printf("\n");
    volatile int64_t l = INT64_MIN;
    printf("%" PRId64 " %" PRId64 " %" PRIu64 "\n", l / 10, l % 1000, (uint64_t)l / 10);
    printf("%d %d %d %d %d\n", x / 3, x / -7, x % 10, x / 100 * 100, x / 1000003);
    volatile uint64_t u = UINT64_MAX;
    printf("%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", u / 3, u % 1000000007, u / (u - 1));
    printf("%u %u %u %u\n", isqrt(0), isqrt(99), isqrt(1UL << 40), isqrt(ULONG_MAX));
    volatile short s = -321;
    volatile signed char c = -128;
    printf("%d %d %d %d\n", s / 10, s % 10, c / 3, -c);
    return 0;
}
