#include <stdio.h>
#include <string.h>
#include <stddef.h>

typedef int (*cmp_fn)(const void *, const void *);

static void exchange(unsigned char *a, unsigned char *b, size_t size)
{
    while (size--) {
        unsigned char t = *a;
        *a++ = *b;
        *b++ = t;
    }
}

static void sift(unsigned char *base, size_t root, size_t n, size_t size, cmp_fn cmp)
{
    for (;;) {
        size_t child = root * 2 + 1;
        if (child >= n)
            return;
        if (child + 1 < n && cmp(base + child * size, base + (child + 1) * size) < 0)
            child++;
        if (cmp(base + root * size, base + child * size) >= 0)
            return;
        exchange(base + root * size, base + child * size, size);
        root = child;
    }
}

static void heapsort_any(void *array, size_t n, size_t size, cmp_fn cmp)
{
    unsigned char *base = array;
    for (size_t i = n / 2; i-- > 0;)
        sift(base, i, n, size, cmp);
    for (size_t i = n; i-- > 1;) {
        exchange(base, base + i * size, size);
        sift(base, 0, i, size, cmp);
    }
}

struct city { const char *name; double area; unsigned short founded; };

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct city *)a)->name, ((const struct city *)b)->name);
}

static int by_area(const void *a, const void *b)
{
    double x = ((const struct city *)a)->area, y = ((const struct city *)b)->area;
    return (x > y) - (x < y);
}

static int by_year(const void *a, const void *b)
{
    const struct city *x = a, *y = b;
    return (int)x->founded - (int)y->founded;
}

static int by_char(const void *a, const void *b) { return *(const char *)a - *(const char *)b; }

int main(void)
{
    struct city c[] = {
        {"Ulm", 118.69, 854}, {"Bern", 51.62, 1191}, {"Graz", 127.58, 1128}, {"Linz", 95.99, 799},
        {"Chur", 28.09, 1464}, {"Trento", 157.92, 1111}, {"Basel", 23.91, 374},
    };
    cmp_fn orders[] = {by_name, by_area, by_year};
    const char *titles[] = {"name", "area", "year"};
    for (int o = 0; o < 3; o++) {
        heapsort_any(c, sizeof c / sizeof *c, sizeof *c, orders[o]);
        printf("by %s:\n", titles[o]);
        for (size_t i = 0; i < sizeof c / sizeof *c; i++)
            printf("  %-8s %7.2f %4hu\n", c[i].name, c[i].area, c[i].founded);
    }
    char letters[] = "thequickbrownfoxjumpsoverthelazydog";
    heapsort_any(letters, strlen(letters), 1, by_char);
    puts(letters);
    return 0;
}
