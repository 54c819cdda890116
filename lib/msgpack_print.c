#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "msgpack.h"

struct text {
	char *out;
	size_t len;
	size_t size;
	bool full;
};

static void add(struct text *t, const char *s, size_t len)
{
	if (t->full)
		return;
	if (len >= t->size - t->len) {
		t->full = true;
		return;
	}
	memcpy(t->out + t->len, s, len);
	t->len += len;
}

static void addf(struct text *t, const char *format, ...) SPORE_PRINTF(2, 3);

static void addf(struct text *t, const char *format, ...)
{
	char part[64];
	va_list ap;
	va_start(ap, format);
	int n = vsnprintf(part, sizeof part, format, ap);
	va_end(ap);
	if (n > 0)
		add(t, part, (size_t)n < sizeof part ? (size_t)n : sizeof part - 1);
}

static void add_quoted(struct text *t, const char *data, size_t len)
{
	add(t, "\"", 1);
	for (size_t i = 0; i < len && !t->full; i++) {
		unsigned char c = (unsigned char)data[i];
		if (c == '"' || c == '\\')
			addf(t, "\\%c", c);
		else if (c == '\n')
			add(t, "\\n", 2);
		else if (c < 0x20 || c == 0x7f)
			addf(t, "\\x%02x", c);
		else
			add(t, data + i, 1);
	}
	add(t, "\"", 1);
}

static void add_hex(struct text *t, const struct spore__mp_value *v)
{
	add(t, "h'", 2);
	for (uint32_t i = 0; i < v->len && !t->full; i++)
		addf(t, "%02x", (unsigned char)v->is.data[i]);
	add(t, "'", 1);
}

static void add_value(struct text *t, const struct spore__mp_value *v)
{
	switch (v->kind) {
	case SPORE__MP_NIL:
		add(t, "nil", 3);
		return;
	case SPORE__MP_BOOL:
		addf(t, "%s", v->is.b ? "true" : "false");
		return;
	case SPORE__MP_UINT:
		addf(t, "%" PRIu64, v->is.u);
		return;
	case SPORE__MP_INT:
		addf(t, "%" PRId64, v->is.i);
		return;
	case SPORE__MP_FLOAT:
		addf(t, "%.17g", v->is.f);
		return;
	case SPORE__MP_STR:
		add_quoted(t, v->is.data, v->len);
		return;
	case SPORE__MP_EXT:
		addf(t, "ext(%d)", v->ext);
		__attribute__((fallthrough));
	case SPORE__MP_BIN:
		add_hex(t, v);
		return;
	case SPORE__MP_ARRAY:
	case SPORE__MP_MAP:
		return;
	}
}

static void print_value(struct text *t, struct spore__mp_reader *r)
{
	struct {
		uint64_t left;
		bool map;
	} open[SPORE__MP_DEPTH];
	size_t depth = 0;
	for (;;) {
		struct spore__mp_value v;
		if (spore__mp_read(r, &v) != SPORE_OK) {
			add(t, "<malformed>", 11);
			return;
		}
		bool nests = v.kind == SPORE__MP_ARRAY || v.kind == SPORE__MP_MAP;
		bool map = v.kind == SPORE__MP_MAP;
		if (nests && v.len > 0) {
			if (depth == SPORE__MP_DEPTH) {
				add(t, "<too deep>", 10);
				return;
			}
			add(t, map ? "{" : "[", 1);
			open[depth].left = map ? 2 * (uint64_t)v.len : v.len;
			open[depth++].map = map;
			continue;
		}
		if (nests)
			add(t, map ? "{}" : "[]", 2);
		else
			add_value(t, &v);
		while (depth > 0 && --open[depth - 1].left == 0)
			add(t, open[--depth].map ? "}" : "]", 1);
		if (depth == 0)
			return;
		bool key_done = open[depth - 1].map && open[depth - 1].left % 2 == 1;
		add(t, key_done ? ": " : ", ", 2);
	}
}

void spore__mp_print(struct spore__mp_reader *r, char *out, size_t size)
{
	if (size == 0)
		return;
	struct text t = {.out = out, .size = size};
	struct spore__mp_reader at = *r;
	print_value(&t, &at);
	if (spore__mp_skip(r) != SPORE_OK)
		r->at = r->end;
	if (t.full && size > 4) {
		size_t from = t.len < size - 4 ? t.len : size - 4;
		memcpy(out + from, "...", 3);
		t.len = from + 3;
	}
	out[t.len] = '\0';
}
