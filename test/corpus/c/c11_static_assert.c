#include <assert.h>
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdnoreturn.h>
#include <stdlib.h>
struct header { uint8_t kind, flags; uint16_t length; uint32_t sum; };
_Static_assert(sizeof(struct header) == 8, "no holes");
static_assert(offsetof(struct header, sum) == 4, "in its place");
_Static_assert(CHAR_BIT == 8 && (char)-1 < 0, "plain char is signed");
static noreturn void leave(int status)
{
	printf("leaving with %d\n", status);
	exit(status);
}
static int checked(int x)
{
	assert(x > 0);
	return x * 2;
}
int main(void)
{
	_Static_assert(sizeof(int) <= sizeof(long), "order of sizes");
	struct header h = {1, 2, 3, 4};
	printf("%d %d %d %u\n", h.kind, h.flags, h.length, (unsigned)h.sum);
	printf("%d %ld\n", checked(21), __STDC_VERSION__);
	if (h.length == 3)
		leave(9);
	return 0;
}
