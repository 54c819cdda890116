#include "logline.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *const levels[] = {"log", "debug", "info", "warn", "error"};
enum { LEVELS = sizeof levels / sizeof levels[0] };

struct line {
	char *out;
	size_t len;
	size_t size; // room for "...\n" is left aside
	bool full;
};

static void add(struct line *l, const char *s, size_t len)
{
	if (l->full || len > l->size - l->len) {
		l->full = true;
		return;
	}
	memcpy(l->out + l->len, s, len);
	l->len += len;
}

static void addf(struct line *l, const char *format, ...) SPORE_PRINTF(2, 3);

static void addf(struct line *l, const char *format, ...)
{
	char part[96];
	va_list ap;
	va_start(ap, format);
	int n = vsnprintf(part, sizeof part, format, ap);
	va_end(ap);
	if (n > 0)
		add(l, part, (size_t)n < sizeof part ? (size_t)n : sizeof part - 1);
}

size_t spore__logline_character(const unsigned char *s, size_t len)
{
	size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	uint32_t code = n == 1 ? s[0] : s[0] & (0xffU >> (n + 1));
	if (n > len || (s[0] >= 0x80 && s[0] < 0xc2) || s[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (s[i] & 0x3f);
	}
	bool shortest = n < 3 || code >= (n == 3 ? 0x800U : 0x10000U);
	bool control =
	    code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0xd800 && code < 0xe000) || code > 0x10ffff;
	bool turns = (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069); // direction of writing
	return shortest && !control && !turns ? n : 0;
}

static void add_text(struct line *l, const char *text, size_t len, bool quoted)
{
	const unsigned char *s = (const unsigned char *)text;
	for (size_t i = 0; i < len && !l->full;) {
		size_t n = spore__logline_character(s + i, len - i);
		if (n == 0 && s[i] == '\n')
			add(l, "\\n", 2);
		else if (n == 0 && s[i] == '\t')
			add(l, "\\t", 2);
		else if (n == 0)
			addf(l, "\\x%02x", s[i]);
		else if (quoted && (s[i] == '"' || s[i] == '\\'))
			addf(l, "\\%c", s[i]);
		else
			add(l, text + i, n);
		i += n > 0 ? n : 1;
	}
}

static bool is_plain(const unsigned char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (s[i] <= ' ' || s[i] >= 0x7f || strchr("\"\\='", s[i]) != NULL)
			return false;
	}
	return len > 0;
}

static void add_string(struct line *l, const struct spore__msgpack_value *v)
{
	bool plain = is_plain(v->s.bytes, v->s.len);
	if (!plain)
		add(l, "\"", 1);
	add_text(l, (const char *)v->s.bytes, v->s.len, true);
	if (!plain)
		add(l, "\"", 1);
}

static void add_value(struct line *l, struct spore__msgpack_reader *r)
{
	struct spore__msgpack_reader at = *r;
	struct spore__msgpack_value v;
	if (spore__msgpack_read(&at, &v) != SPORE__MSGPACK_OK) {
		r->at = r->end;
		return;
	}
	if (v.type == SPORE__MSGPACK_STR) {
		add_string(l, &v);
		*r = at;
	} else if (v.type == SPORE__MSGPACK_FLOAT) {
		addf(l, "%g", v.f);
		*r = at;
	} else {
		char text[256];
		spore__msgpack_print(r, text, sizeof text);
		add_text(l, text, strlen(text), false);
	}
}

static void add_fields(struct line *l, struct spore__msgpack_reader r)
{
	uint32_t pairs;
	if (spore__msgpack_read_map(&r, &pairs) != SPORE__MSGPACK_OK)
		return;
	for (uint32_t i = 0; i < pairs && !l->full; i++) {
		add(l, " ", 1);
		add_value(l, &r);
		add(l, "=", 1);
		add_value(l, &r);
	}
}

static void add_time(struct line *l, uint64_t ns)
{
	time_t seconds = (time_t)(ns / 1000000000U);
	struct tm tm;
	if (localtime_r(&seconds, &tm) != NULL)
		addf(l, "%02d:%02d:%02d.%03u ", tm.tm_hour, tm.tm_min, tm.tm_sec, (unsigned)(ns / 1000000U % 1000U));
}

size_t spore__logline_format(const struct spore__control_message *m, const char *name, char *out, size_t size)
{
	struct line l = {.out = out, .size = size - 4};
	if (m->type == SPORE__CONTROL_LOG) {
		add_time(&l, m->time);
		addf(&l, "%-5s ", levels[m->number < LEVELS ? m->number : 0]);
	}
	if (name != NULL) {
		add_text(&l, name, strlen(name), false);
		add(&l, ": ", 2);
	}
	if (m->type == SPORE__CONTROL_LOG) {
		add_text(&l, m->text, m->text_len, false);
		add_fields(&l, m->fields);
	} else {
		addf(&l, "%" PRIu64 " log records were lost here", m->number);
	}
	if (l.full) {
		memcpy(out + l.len, "...", 3);
		l.len += 3;
	}
	out[l.len++] = '\n';
	return l.len;
}

bool spore__logline_shown(uint64_t level)
{
	const char *least = getenv("SPORE_LOG");
	for (uint64_t i = SPORE_DEBUG; least != NULL && i < LEVELS; i++) {
		if (strcmp(least, levels[i]) == 0)
			return level >= i;
	}
	return level != SPORE_DEBUG;
}
