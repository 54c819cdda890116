// Base64 both ways, with all lengths of padding and with bad input.
#include <stdio.h>
#include <string.h>

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static size_t encode(const unsigned char *in, size_t len, char *out)
{
	char *o = out;
	for (size_t i = 0; i < len; i += 3) {
		unsigned long v = (unsigned long)in[i] << 16;
		if (i + 1 < len)
			v |= (unsigned long)in[i + 1] << 8;
		if (i + 2 < len)
			v |= in[i + 2];
		*o++ = letters[v >> 18];
		*o++ = letters[v >> 12 & 63];
		*o++ = i + 1 < len ? letters[v >> 6 & 63] : '=';
		*o++ = i + 2 < len ? letters[v & 63] : '=';
	}
	*o = '\0';
	return (size_t)(o - out);
}

static long decode(const char *in, unsigned char *out)
{
	unsigned long v = 0;
	int bits = 0;
	long n = 0;
	for (; *in && *in != '='; in++) {
		const char *at = strchr(letters, *in);
		if (at == NULL)
			return -1;
		v = v << 6 | (unsigned long)(at - letters);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out[n++] = (unsigned char)(v >> bits);
			v &= (1ul << bits) - 1;
		}
	}
	return n;
}

int main(void)
{
	static const char *const texts[] = {"", "f", "fo", "foo", "foob", "fooba", "foobar", "\x01\x80\xfe\xff"};
	char text[64];
	unsigned char back[64];
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		size_t len = strlen(texts[i]);
		size_t n = encode((const unsigned char *)texts[i], len, text);
		long m = decode(text, back);
		printf("%zu -> %2zu '%s' -> %ld %s\n", len, n, text, m,
		       m == (long)len && !memcmp(back, texts[i], len) ? "same" : "DIFFERENT");
	}
	printf("bad: %ld %ld\n", decode("ab*d", back), decode("====", back));
	return 0;
}
