#include <stdint.h>
#include <stdio.h>
#include <string.h>
static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static size_t encode(char *out, const uint8_t *in, size_t n)
{
	char *o = out;
	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)in[i] << 16 | (i + 1 < n ? in[i + 1] << 8 : 0) | (i + 2 < n ? in[i + 2] : 0);
		*o++ = digits[v >> 18];
		*o++ = digits[v >> 12 & 63];
		*o++ = i + 1 < n ? digits[v >> 6 & 63] : '=';
		*o++ = i + 2 < n ? digits[v & 63] : '=';
	}
	*o = '\0';
	return (size_t)(o - out);
}
static int decode(uint8_t *out, const char *in)
{
	int n = 0, bits = 0;
	uint32_t v = 0;
	for (; *in != '\0' && *in != '='; in++) {
		const char *d = strchr(digits, *in);
		if (d == NULL)
			return -1;
		v = v << 6 | (uint32_t)(d - digits);
		if ((bits += 6) >= 8)
			out[n++] = (uint8_t)(v >> (bits -= 8));
	}
	return n;
}
int main(void)
{
	uint8_t data[64], back[80];
	char text[100];
	for (size_t n = 0; n <= 64; n += 1 + n / 4) {
		for (size_t i = 0; i < n; i++)
			data[i] = (uint8_t)(i * 73 + n);
		size_t len = encode(text, data, n);
		int m = decode(back, text);
		printf("%2zu -> %2zu %s %s\n", n, len, text, m == (int)n && memcmp(data, back, n) == 0 ? "ok" : "BAD");
	}
	return decode(back, "ab*d") == -1 ? 0 : 1;
}
