#include <stdint.h>
#include <stdio.h>
#include <string.h>
static int decode(const unsigned char *s, uint32_t *out)
{
	int n = s[0] < 0x80 ? 1 : s[0] >> 5 == 6 ? 2 : s[0] >> 4 == 14 ? 3 : s[0] >> 3 == 30 ? 4 : 0;
	static const unsigned char first[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	if (n == 0)
		return -1;
	*out = s[0] & first[n];
	for (int i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return -1;
		*out = *out << 6 | (s[i] & 0x3f);
	}
	return *out < least[n] || *out > 0x10ffff || (*out >= 0xd800 && *out < 0xe000) ? -1 : n;
}
static int encode(uint32_t c, char *out)
{
	if (c < 0x80) { out[0] = (char)c; return 1; }
	int n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	for (int i = n - 1; i > 0; i--, c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3f));
	out[0] = (char)((0xf0 << (4 - n)) | c);
	return n;
}
int main(void)
{
	static const char *const texts[] = {"plain", "caf\xc3\xa9", "\xe2\x82\xac\xf0\x9f\x98\x80", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "a\xff" "b", "\xe2\x82"};
	int bad = 0;
	for (unsigned t = 0; t < sizeof texts / sizeof *texts; t++) {
		for (const unsigned char *p = (const unsigned char *)texts[t]; *p != 0;) {
			uint32_t c;
			char again[5] = "";
			int n = decode(p, &c);
			if (n < 0) {
				printf(" bad:%02x", *p++);
				bad++;
				continue;
			}
			printf(" U+%04X", (unsigned)c);
			if (encode(c, again) != n || memcmp(again, p, (size_t)n) != 0)
				return 99;
			p += n;
		}
		putchar('\n');
	}
	return bad;
}
