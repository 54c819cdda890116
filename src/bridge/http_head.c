// What the head of a message of HTTP says.
#include <ctype.h>
#include <string.h>

#include "bridge/http1.h"
#include "bridge/text.h"

struct spore__span spore__http_find(const struct spore__http_head *h, const char *name, bool *twice)
{
	struct spore__span found = {0};
	if (twice != NULL)
		*twice = false;
	for (size_t i = 0; i < h->count; i++) {
		if (!spore__text_is(h->headers[i].name.bytes, h->headers[i].name.len, name))
			continue;
		if (found.bytes == NULL)
			found = h->headers[i].value;
		else if (twice != NULL)
			*twice = true;
	}
	return found;
}

bool spore__http_has(const struct spore__http_head *h, const char *name, const char *word)
{
	for (size_t i = 0; i < h->count; i++) {
		if (!spore__text_is(h->headers[i].name.bytes, h->headers[i].name.len, name))
			continue;
		const unsigned char *p = h->headers[i].value.bytes;
		const unsigned char *end = p + h->headers[i].value.len;
		while (p < end) {
			while (p < end && (*p == ' ' || *p == ',' || *p == '\t'))
				p++;
			const unsigned char *comma = memchr(p, ',', (size_t)(end - p));
			const unsigned char *stop = comma == NULL ? end : comma;
			const unsigned char *semi = memchr(p, ';', (size_t)(stop - p));
			const unsigned char *last = semi == NULL ? stop : semi;
			while (last > p && (last[-1] == ' ' || last[-1] == '\t'))
				last--;
			if (spore__text_is(p, (size_t)(last - p), word))
				return true;
			p = stop;
		}
	}
	return false;
}

enum spore_err spore__http_target(struct spore__span target, struct spore__span *path, struct spore__span *query)
{
	const unsigned char *p = target.bytes;
	const unsigned char *end = p + target.len;
	if (target.len > 7 && spore__text_is(p, 7, "http://")) {
		const unsigned char *slash = memchr(p + 7, '/', target.len - 7);
		if (slash == NULL)
			return SPORE_EMALFORMED;
		p = slash;
	}
	if (p == end || *p != '/' || memchr(p, '#', (size_t)(end - p)) != NULL)
		return SPORE_EMALFORMED;
	const unsigned char *mark = memchr(p, '?', (size_t)(end - p));
	*path = (struct spore__span){p, (size_t)((mark == NULL ? end : mark) - p)};
	*query = mark == NULL ? (struct spore__span){0} : (struct spore__span){mark + 1, (size_t)(end - mark - 1)};
	return SPORE_OK;
}

static int digit(unsigned char c)
{
	return isdigit(c) ? c - '0' : isxdigit(c) ? (c | 0x20) - 'a' + 10 : -1;
}

bool spore__http_unescape(struct spore__buf *out, struct spore__span s, bool plus)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = s.bytes[i];
		if (c == '%') {
			if (s.len - i < 3 || digit(s.bytes[i + 1]) < 0 || digit(s.bytes[i + 2]) < 0)
				return false;
			c = (unsigned char)(digit(s.bytes[i + 1]) * 16 + digit(s.bytes[i + 2]));
			i += 2;
			if (c == '\0')
				return false;
		} else if (c == '+' && plus) {
			c = ' ';
		}
		spore__buf_char(out, (char)c);
	}
	return true;
}

void spore__http_escape(struct spore__buf *out, struct spore__span s, const char *plain)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = s.bytes[i];
		if (isalnum(c) || (c != '\0' && c < 0x80 && strchr(plain, c) != NULL))
			spore__buf_char(out, (char)c);
		else
			spore__buf_printf(out, "%%%02X", c);
	}
}
