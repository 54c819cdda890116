#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct a { char c; int i; char d; };
struct b { char c; double d; short s; };
struct c { struct a a; char tail; struct b b; };
struct d { char c[3]; uint16_t s; uint64_t l; };
union u { char c[13]; int i; double d; };
struct f { union u u; float f; void *p; _Bool b; };
struct g { char x; struct { char y; int z; }; short w; };

#define SHOW(t, m) printf("%-8s %-4s at %zu\n", #t, #m, offsetof(t, m))
int main(void)
{
	SHOW(struct a, i); SHOW(struct a, d);
	SHOW(struct b, d); SHOW(struct b, s);
	SHOW(struct c, tail); SHOW(struct c, b); SHOW(struct c, b.s);
	SHOW(struct d, s); SHOW(struct d, l);
	SHOW(struct f, f); SHOW(struct f, p); SHOW(struct f, b);
	SHOW(struct g, y); SHOW(struct g, z); SHOW(struct g, w);
	printf("%zu %zu %zu %zu %zu %zu %zu\n", sizeof(struct a), sizeof(struct b), sizeof(struct c), sizeof(struct d),
	       sizeof(union u), sizeof(struct f), sizeof(struct g));
	printf("%zu %zu %zu\n", _Alignof(struct a), _Alignof(union u), _Alignof(struct g));
	return (int)(sizeof(struct c) % 100);
}
