#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct __attribute__((packed)) bmp {
    char magic[2];
    uint32_t size;
    uint16_t reserved[2];
    uint32_t offset;
    uint32_t header;
    int32_t width, height;
    uint16_t planes, bits;
};

struct mixed {
    char tag;
    struct bmp b;
    int after;
} __attribute__((packed));

struct loose { char tag; int32_t x; uint8_t y; uint64_t z; };

static void __attribute__((noinline)) show(const unsigned char *p, size_t n)
{
    while (n--)
        printf("%02x", *p++);
    putchar('\n');
}

static int before_main __attribute__((unused));
static void setup(void) __attribute__((constructor));
static void setup(void) { before_main = 7; printf("constructor\n"); }
static void __attribute__((destructor)) teardown(void) { printf("destructor\n"); fflush(stdout); }

int main(void)
{
    struct bmp b = {{'B', 'M'}, 70, {0, 0}, 54, 40, 2, -2, 1, 24};
    printf("%zu %zu %zu, %zu %zu\n", sizeof b, offsetof(struct bmp, offset), offsetof(struct bmp, bits), sizeof(struct mixed),
           sizeof(struct loose));
    show((unsigned char *)&b, sizeof b);
    struct mixed m;
    memset(&m, 0xee, sizeof m);
    m.tag = 'x';
    m.b = b;
    m.after = -1;
    m.b.width += 1000;
    show((unsigned char *)&m, sizeof m);
    printf("%d %d %d\n", m.b.width, m.after, before_main);
    return 0;
}
