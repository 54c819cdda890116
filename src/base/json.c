#include "base/json.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

// The length of the UTF-8 sequence at S of LEN bytes (RFC 3629), 0 when it is not one.
static size_t utf8_length(const unsigned char *s, size_t left)
{
	if (s[0] < 0x80)
		return 1;
	size_t len = s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 : s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : 0;
	if (len > left)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
	    (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return len;
}

// As they are, but for what JSON wants escaped.
static size_t plain_length(const unsigned char *s, size_t left)
{
	size_t len = 0;
	while (len < left && s[len] >= 0x20 && s[len] < 0x80 && s[len] != '"' && s[len] != '\\')
		len++;
	return len;
}

static void quoted(struct spore__buf *out, const char *text, size_t size)
{
	const unsigned char *s = (const unsigned char *)text, *end = s + size;
	spore__buf_char(out, '"');
	while (s < end) {
		size_t len = plain_length(s, (size_t)(end - s));
		if (len == 0)
			len = utf8_length(s, (size_t)(end - s));
		if (len == 0)
			spore__buf_str(out, "\\ufffd");
		else if (*s == '"' || *s == '\\')
			spore__buf_printf(out, "\\%c", *s);
		else if (*s == '\n')
			spore__buf_str(out, "\\n");
		else if (*s < 0x20)
			spore__buf_printf(out, "\\u%04x", *s);
		else
			spore__buf_add(out, s, len);
		s += len > 0 ? len : 1;
	}
	spore__buf_char(out, '"');
}

bool spore__json_is_text(const char *bytes, size_t len)
{
	const unsigned char *s = (const unsigned char *)bytes;
	for (size_t n; len > 0; s += n, len -= n) {
		n = plain_length(s, len);
		if (n == 0 && (n = utf8_length(s, len)) == 0)
			return false;
	}
	return true;
}

static void begin(struct spore__json *j, const char *key)
{
	if (j->comma)
		spore__buf_char(j->out, ',');
	j->comma = true;
	if (key != NULL) {
		quoted(j->out, key, strlen(key));
		spore__buf_char(j->out, ':');
	}
}

void spore__json_open(struct spore__json *j, const char *key, char bracket)
{
	begin(j, key);
	spore__buf_char(j->out, bracket);
	j->comma = false;
}

void spore__json_close(struct spore__json *j, char bracket)
{
	spore__buf_char(j->out, bracket);
	j->comma = true;
}

void spore__json_str(struct spore__json *j, const char *key, const char *value)
{
	if (value == NULL)
		spore__json_null(j, key);
	else
		spore__json_strn(j, key, value, strlen(value));
}

void spore__json_strn(struct spore__json *j, const char *key, const char *text, size_t len)
{
	begin(j, key);
	quoted(j->out, text, len);
}

void spore__json_raw(struct spore__json *j, const char *key, const char *json)
{
	begin(j, key);
	spore__buf_str(j->out, json);
}

void spore__json_null(struct spore__json *j, const char *key)
{
	begin(j, key);
	spore__buf_str(j->out, "null");
}

void spore__json_float(struct spore__json *j, const char *key, double value)
{
	begin(j, key);
	if (isfinite(value))
		spore__buf_printf(j->out, "%.17g", value);
	else
		spore__buf_str(j->out, "null");
}

void spore__json_int(struct spore__json *j, const char *key, int64_t value)
{
	begin(j, key);
	spore__buf_printf(j->out, "%" PRId64, value);
}

void spore__json_bool(struct spore__json *j, const char *key, bool value)
{
	begin(j, key);
	spore__buf_str(j->out, value ? "true" : "false");
}
