#include "base/record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"

void spore__record_begin(struct spore__buf *out, const char *format, int version)
{
	spore__buf_printf(out, "%s %d\n", format, version);
}

void spore__record_word(struct spore__buf *out, const char *key, const char *value)
{
	if (value == NULL)
		return;
	spore__buf_str(out, key);
	spore__buf_char(out, ' ');
	spore__escape(out, value);
	spore__buf_char(out, '\n');
}

void spore__record_pair(struct spore__buf *out, const char *key, const char *first, const char *second)
{
	spore__buf_str(out, key);
	spore__buf_char(out, ' ');
	spore__escape(out, first);
	spore__buf_char(out, ' ');
	spore__escape(out, second);
	spore__buf_char(out, '\n');
}

void spore__record_int(struct spore__buf *out, const char *key, int64_t value)
{
	spore__buf_printf(out, "%s %" PRId64 "\n", key, value);
}

void spore__record_end(struct spore__buf *out)
{
	spore__buf_str(out, "end\n");
}

int spore__record_parse(char *text, const char *format, int version,
                        bool (*line)(void *arg, const char *key, char *rest), void *arg)
{
	char expected[64];
	(void)snprintf(expected, sizeof expected, "%s %d", format, version);
	bool first = true;
	for (char *at = text, *next; at != NULL && (next = strchr(at, '\n')) != NULL; at = next) {
		*next++ = '\0';
		if (first) {
			if (strcmp(at, expected) != 0)
				break;
			first = false;
			continue;
		}
		if (strcmp(at, "end") == 0)
			return 0;
		char *rest = strchr(at, ' ');
		if (rest == NULL)
			break;
		*rest++ = '\0';
		if (!line(arg, at, rest))
			break;
	}
	errno = EBADMSG;
	return -1;
}

bool spore__record_words(char *rest, char **words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		words[i] = rest;
		char *space = strchr(rest, ' ');
		if ((space == NULL) != (i + 1 == count))
			return false;
		if (space != NULL) {
			*space = '\0';
			rest = space + 1;
		}
		if (!spore__unescape(words[i]))
			return false;
	}
	return true;
}

bool spore__record_take(char *rest, char **slot)
{
	if (*slot != NULL || !spore__unescape(rest))
		return false;
	*slot = spore__xstrdup(rest);
	return true;
}

bool spore__record_ints(char **rest, int64_t *values, size_t count)
{
	char *p = *rest;
	for (size_t i = 0; i < count; i++) {
		bool negative = *p == '-';
		p += negative;
		uint64_t value = 0;
		int digits = 0;
		for (; *p >= '0' && *p <= '9' && digits < 20; p++, digits++)
			value = value * 10 + (uint64_t)(*p - '0');
		if (digits == 0 || (*p != ' ' && (*p != '\0' || i + 1 < count)))
			return false;
		p += *p == ' ';
		values[i] = (int64_t)(negative ? 0 - value : value);
	}
	*rest = p;
	return true;
}
