#include "bridge/text.h"

#include <string.h>

#include "json.h"

void spore__text_value(struct spore__msgpack_writer *w, const void *bytes, size_t len)
{
	if (spore__json_is_utf8(bytes, len, NULL))
		spore__msgpack_strn(w, bytes, (uint32_t)len);
	else
		spore__msgpack_bin(w, bytes, (uint32_t)len);
}

bool spore__text_number(const char *s, size_t len, uint64_t max, uint64_t *number)
{
	uint64_t n = 0;
	if (len == 0)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		unsigned digit = (unsigned)(s[i] - '0');
		if (n > max / 10 || n * 10 > max - digit)
			return false;
		n = n * 10 + digit;
	}
	*number = n;
	return true;
}

static unsigned char lower(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c | 0x20) : c;
}

bool spore__text_is(const void *bytes, size_t len, const char *s)
{
	const unsigned char *p = bytes;
	size_t i = 0;
	for (; i < len && s[i] != '\0'; i++)
		if (lower(p[i]) != lower((unsigned char)s[i]))
			return false;
	return i == len && s[i] == '\0';
}

void spore__text_line(struct spore__buf *b, const void *bytes, size_t len)
{
	const unsigned char *p = bytes;
	for (size_t i = 0; i < len; i++)
		spore__buf_char(b, p[i] < 0x20 || p[i] == 0x7f ? ' ' : (char)p[i]);
}

bool spore__text_secret(const char *secret, const void *bytes, size_t len)
{
	const unsigned char *p = bytes;
	size_t want = strlen(secret);
	volatile unsigned char differs = len != want;
	for (size_t i = 0; i < len; i++)
		differs = differs | (unsigned char)(p[i] ^ (unsigned char)secret[want == 0 ? 0 : i % want]);
	return differs == 0;
}
