// What snprintf says and leaves when there is little room.
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int put(char *to, size_t room, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	int n = vsnprintf(to, room, format, ap);
	va_end(ap);
	return n;
}

static size_t append(char *to, size_t at, size_t room, int value)
{
	int n = snprintf(to + at, room - at, "%s%d", at ? "," : "", value);
	return n < 0 || (size_t)n >= room - at ? room : at + (size_t)n;
}

int main(void)
{
	char text[16];
	for (size_t room = 0; room <= 12; room++) {
		memset(text, '#', sizeof text);
		int n = put(text, room, "%s-%05d", "abc", 42);
		printf("%2zu: %d ", room, n);
		for (int i = 0; i < 12; i++)
			putchar(text[i] ? text[i] : '0');
		putchar('\n');
	}
	printf("%d %d\n", snprintf(NULL, 0, "%d %s", 1000, "words"), snprintf(text, sizeof text, "%s", ""));
	char list[12] = "";
	size_t at = 0;
	int i = 8;
	while (at < sizeof list)
		at = append(list, at, sizeof list, i++);
	printf("<%s> up to %d\n", list, i);
	sprintf(text, "%.3s%c%%", "xyzzy", '!');
	puts(text);
	return 0;
}
