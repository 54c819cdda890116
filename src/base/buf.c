#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void spore__buf_finish(struct spore__buf *b)
{
	free(b->data);
	*b = (struct spore__buf){0};
}

static void reserve(struct spore__buf *b, size_t more)
{
	size_t need = b->len + more + 1;
	if (need <= b->cap)
		return;
	size_t cap = b->cap < 64 ? 64 : b->cap * 2;
	b->cap = cap < need ? need : cap;
	b->data = spore__xrealloc(b->data, b->cap);
}

void spore__buf_add(struct spore__buf *b, const void *bytes, size_t len)
{
	reserve(b, len);
	if (len > 0)
		memcpy(b->data + b->len, bytes, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void spore__buf_str(struct spore__buf *b, const char *s)
{
	spore__buf_add(b, s, strlen(s));
}

void spore__buf_char(struct spore__buf *b, char c)
{
	spore__buf_add(b, &c, 1);
}

void spore__buf_printf(struct spore__buf *b, const char *fmt, ...)
{
	enum { LIKELY = 128 };
	va_list ap;
	reserve(b, LIKELY);
	size_t room = b->cap - b->len;
	va_start(ap, fmt);
	int len = vsnprintf(b->data + b->len, room, fmt, ap);
	va_end(ap);
	if (len >= 0 && (size_t)len >= room) {
		reserve(b, (size_t)len);
		va_start(ap, fmt);
		(void)vsnprintf(b->data + b->len, (size_t)len + 1, fmt, ap);
		va_end(ap);
	}
	b->len += len < 0 ? 0 : (size_t)len;
	b->data[b->len] = '\0';
}

void spore__buf_int(struct spore__buf *b, int64_t value)
{
	char digits[21];
	size_t at = sizeof digits;
	uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	do
		digits[--at] = (char)('0' + rest % 10);
	while ((rest /= 10) > 0);
	if (value < 0)
		digits[--at] = '-';
	spore__buf_add(b, digits + at, sizeof digits - at);
}

char *spore__buf_take(struct spore__buf *b)
{
	reserve(b, 0);
	b->data[b->len] = '\0';
	char *s = b->data;
	*b = (struct spore__buf){0};
	return s;
}

void spore__strs_finish(struct spore__strs *s)
{
	for (size_t i = 0; i < s->count; i++)
		free(s->items[i]);
	free(s->items);
	*s = (struct spore__strs){0};
}

void spore__strs_take(struct spore__strs *s, char *item)
{
	if (s->count + 2 > s->cap) {
		s->cap = s->cap < 8 ? 8 : s->cap * 2;
		s->items = spore__xrealloc(s->items, s->cap * sizeof *s->items);
	}
	s->items[s->count++] = item;
	s->items[s->count] = NULL;
}

void spore__strs_add(struct spore__strs *s, const char *item)
{
	spore__strs_take(s, spore__xstrdup(item));
}

void spore__strs_addf(struct spore__strs *s, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	spore__strs_take(s, spore__xvasprintf(fmt, ap));
	va_end(ap);
}

bool spore__strs_has(const struct spore__strs *s, const char *item)
{
	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->items[i], item) == 0)
			return true;
	return false;
}

// One word from *TEXT, which moves behind it. NULL at the end or, with *ok false, on an unclosed quote.
static char *split_word(const char **text, bool *ok)
{
	const char *p = *text;
	while (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r')
		p++;
	if (*p == '\0')
		return NULL;
	struct spore__buf word = {0};
	char quote = '\0';
	for (; *p != '\0'; p++) {
		if (quote == '\0' && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
			break;
		if (quote != '\0' && *p == quote) {
			quote = '\0';
		} else if (quote == '\0' && (*p == '\'' || *p == '"')) {
			quote = *p;
		} else if (*p == '\\' && quote != '\'' && p[1] != '\0') {
			spore__buf_char(&word, *++p);
		} else {
			spore__buf_char(&word, *p);
		}
	}
	*text = p;
	*ok = quote == '\0';
	return spore__buf_take(&word);
}

bool spore__strs_split(struct spore__strs *s, const char *text)
{
	bool ok = true;
	for (char *word; (word = split_word(&text, &ok)) != NULL;) {
		if (!ok) {
			free(word);
			return false;
		}
		spore__strs_take(s, word);
	}
	return true;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void spore__strs_sort(struct spore__strs *s)
{
	if (s->count > 1)
		qsort(s->items, s->count, sizeof *s->items, compare);
}
