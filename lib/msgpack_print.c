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

static void addf(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

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

static void add_quoted(struct text *t, const unsigned char *data, size_t len)
{
	add(t, "\"", 1);
	for (size_t i = 0; i < len && !t->full; i++) {
		unsigned char c = data[i];
		if (c == '"' || c == '\\')
			addf(t, "\\%c", c);
		else if (c == '\n')
			add(t, "\\n", 2);
		else if (c < 0x20 || c == 0x7f)
			addf(t, "\\x%02x", c);
		else
			add(t, (const char *)data + i, 1);
	}
	add(t, "\"", 1);
}

static void add_hex(struct text *t, const struct spore__msgpack_value *v)
{
	add(t, "h'", 2);
	for (uint32_t i = 0; i < v->s.len && !t->full; i++)
		addf(t, "%02x", v->s.bytes[i]);
	add(t, "'", 1);
}

static void add_value(struct text *t, const struct spore__msgpack_value *v)
{
	switch (v->type) {
	case SPORE__MSGPACK_NIL:
		add(t, "nil", 3);
		return;
	case SPORE__MSGPACK_BOOL:
		addf(t, "%s", v->boolean ? "true" : "false");
		return;
	case SPORE__MSGPACK_UINT:
		addf(t, "%" PRIu64, v->u);
		return;
	case SPORE__MSGPACK_INT:
		addf(t, "%" PRId64, v->i);
		return;
	case SPORE__MSGPACK_FLOAT:
		addf(t, "%.17g", v->f);
		return;
	case SPORE__MSGPACK_STR:
		add_quoted(t, v->s.bytes, v->s.len);
		return;
	case SPORE__MSGPACK_EXT:
		addf(t, "ext(%d)", v->s.ext);
		__attribute__((fallthrough));
	case SPORE__MSGPACK_BIN:
		add_hex(t, v);
		return;
	case SPORE__MSGPACK_ARRAY:
	case SPORE__MSGPACK_MAP:
		return;
	}
}

static void print_value(struct text *t, struct spore__msgpack_reader *r)
{
	struct {
		uint64_t left;
		bool map;
	} open[SPORE__MSGPACK_DEPTH];
	size_t depth = 0;
	for (;;) {
		struct spore__msgpack_value v;
		if (spore__msgpack_read(r, &v) != SPORE__MSGPACK_OK) {
			add(t, "<malformed>", 11);
			return;
		}
		bool nests = v.type == SPORE__MSGPACK_ARRAY || v.type == SPORE__MSGPACK_MAP;
		bool map = v.type == SPORE__MSGPACK_MAP;
		if (nests && v.count > 0) {
			if (depth == SPORE__MSGPACK_DEPTH) {
				add(t, "<too deep>", 10);
				return;
			}
			add(t, map ? "{" : "[", 1);
			open[depth].left = map ? 2 * (uint64_t)v.count : v.count;
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

void spore__msgpack_print(struct spore__msgpack_reader *r, char *out, size_t size)
{
	if (size == 0)
		return;
	struct text t = {.out = out, .size = size};
	struct spore__msgpack_reader at = *r;
	print_value(&t, &at);
	if (spore__msgpack_skip(r) != SPORE__MSGPACK_OK)
		r->at = r->end;
	if (t.full && size > 4) {
		size_t from = t.len < size - 4 ? t.len : size - 4;
		memcpy(out + from, "...", 3);
		t.len = from + 3;
	}
	out[t.len] = '\0';
}
