#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct packet {
	uint8_t version;
	uint16_t length;
	uint32_t sequence;
	uint8_t flags;
	uint64_t stamp;
	char name[5];
};

struct nested {
	char c;
	struct { short s; struct { double d; char e; } deep; } in;
	char last;
};

union any { char c; short s; int i; long l; double d; void *p; };

_Static_assert(sizeof(uint32_t) == 4, "four bytes");
_Static_assert(offsetof(struct packet, length) == 2, "aligned");
_Static_assert(sizeof(union any) == 8, "a word");
static_assert(sizeof(struct packet) == 32, "padded");

#define SHOW(type, member) printf("%-22s at %2zu, %2zu bytes\n", #type "." #member, offsetof(type, member), sizeof(((type *)0)->member))

int main(void)
{
	SHOW(struct packet, version);
	SHOW(struct packet, length);
	SHOW(struct packet, sequence);
	SHOW(struct packet, flags);
	SHOW(struct packet, stamp);
	SHOW(struct packet, name);
	SHOW(struct nested, in.s);
	SHOW(struct nested, in.deep.d);
	SHOW(struct nested, in.deep.e);
	SHOW(struct nested, last);
	printf("sizes %zu %zu %zu\n", sizeof(struct packet), sizeof(struct nested), sizeof(union any));
	printf("alignment %zu %zu %zu %zu\n", _Alignof(char), _Alignof(struct nested), _Alignof(double), _Alignof(uint16_t[7]));
	int x = 3;
	assert(x == 3 && "never seen");
	{
		static_assert(1 + 1 == 2, "inside a block");
	}
	return (int)offsetof(struct packet, name[3]);
}
