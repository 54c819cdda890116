#include <stdio.h>
#include <string.h>

#define COLOURS(X) \
	X(RED, 0xff0000, "warm") \
	X(GREEN, 0x00ff00, "fresh") \
	X(BLUE, 0x0000ff, "cold") \
	X(GREY, 0x808080, "dull")

enum colour {
#define X(name, value, mood) COLOUR_##name,
	COLOURS(X)
#undef X
	COLOUR_COUNT
};

static const char *const names[] = {
#define X(name, value, mood) #name,
	COLOURS(X)
#undef X
};

static unsigned value_of(enum colour c)
{
	switch (c) {
#define X(name, value, mood) \
	case COLOUR_##name: \
		return value;
		COLOURS(X)
#undef X
	default:
		return 0;
	}
}

#define STR(x) #x
#define XSTR(x) STR(x)
#define CAT(a, b) a##b
#define XCAT(a, b) CAT(a, b)
#define LINE_NAME XCAT(line_, __LINE__)
#define COUNT_ARGS(...) COUNT_PICK(__VA_ARGS__, 5, 4, 3, 2, 1)
#define COUNT_PICK(a, b, c, d, e, n, ...) n
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define LOG(fmt, ...) printf("%s: " fmt "\n", __func__, __VA_ARGS__)
#define EMPTY
#define CALL(f, args) f args
#define SELF (SELF + 1)

#undef SELF
enum { SELF = 41 };
#define SELF (SELF + 1)
static int SELF_value(void)
{
	return SELF;
}

int main(void)
{
	for (int c = 0; c < COLOUR_COUNT; c++)
		printf("%-6s %06x\n", names[c], value_of((enum colour)c));
#define X(name, value, mood) printf("%s is %s; ", names[COLOUR_##name], mood);
	COLOURS(X)
#undef X
	putchar('\n');
	int LINE_NAME = 5;
	printf("%s %s %d\n", STR(COLOUR_COUNT + 1), XSTR(MAX(1, 2)), line_65);
	printf("%d %d %d\n", COUNT_ARGS(a), COUNT_ARGS(a, b, c), COUNT_ARGS(1, 2, 3, 4, 5));
	LOG("%d and %s", MAX(3, 7), "text");
	CALL(printf, ("%s%s\n", STR(EMPTY) "empty", STR("quoted \"x\" \\n")));
	printf("%d\n", SELF_value());
#if defined(COLOURS) && !defined EMPTY_NOT && (3 * 5 % 4 == 3) && 'A' == 65
	puts("the condition holds");
#elif 1
	puts("wrong branch");
#endif
	return (int)strlen(XSTR(LINE_NAME));
}
