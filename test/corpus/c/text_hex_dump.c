#include <ctype.h>
#include <stdio.h>
#include <string.h>
static unsigned dump(const void *data, size_t n)
{
	const unsigned char *p = data;
	unsigned sum = 0;
	for (size_t at = 0; at < n; at += 16) {
		printf("%06zx ", at);
		for (size_t i = at; i < at + 16; i++)
			if (i < n)
				printf("%s%02x", i % 8 ? " " : "  ", p[i]);
			else
				printf("   %s", i % 8 ? "" : " ");
		printf("  |");
		for (size_t i = at; i < at + 16 && i < n; i++) {
			putchar(isprint(p[i]) ? p[i] : '.');
			sum = (sum << 1 | sum >> 31) ^ p[i];
		}
		puts("|");
	}
	return sum;
}
struct sample { char tag[4]; float f; double d; long l; short s[3]; unsigned char u; };
int main(void)
{
	char text[75];
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (char)(i * 7 + 20);
	printf("%08x\n", dump(text, sizeof text));
	struct sample s;
	memset(&s, 0, sizeof s);
	memcpy(s.tag, "TAG!", 4);
	s.f = -1.5f; s.d = 1 / 3.0; s.l = -2; s.s[1] = 0x1234; s.u = 0xfe;
	printf("%08x\n", dump(&s, sizeof s));
	return 0;
}
