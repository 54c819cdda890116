#include "control.h"

#include <string.h>

static const struct {
	const char *name;
	enum spore__control_type type;
} names[] = {
    {"hello", SPORE__CONTROL_HELLO},     {"refuse", SPORE__CONTROL_REFUSE},     {"log", SPORE__CONTROL_LOG},
    {"lost", SPORE__CONTROL_LOST},       {"listens", SPORE__CONTROL_LISTENS},   {"ready", SPORE__CONTROL_READY},
    {"status", SPORE__CONTROL_STATUS},   {"stopping", SPORE__CONTROL_STOPPING}, {"stop", SPORE__CONTROL_STOP},
    {"open", SPORE__CONTROL_OPEN},       {"close", SPORE__CONTROL_CLOSE},       {"channel", SPORE__CONTROL_CHANNEL},
    {"unwired", SPORE__CONTROL_UNWIRED}, {"closed", SPORE__CONTROL_CLOSED},     {"swap", SPORE__CONTROL_SWAP},
    {"broken", SPORE__CONTROL_BROKEN},   {"alone", SPORE__CONTROL_ALONE},       {"memory", SPORE__CONTROL_MEMORY},
};

static enum spore__control_type type_of(const struct spore__msgpack_value *v)
{
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (spore__msgpack_is(v, names[i].name))
			return names[i].type;
	}
	return SPORE__CONTROL_UNKNOWN;
}

static bool take_number(struct spore__msgpack_reader *r, uint64_t *number)
{
	int64_t i;
	if (spore__msgpack_read_int(r, &i) != SPORE__MSGPACK_OK || i < 0)
		return false;
	*number = (uint64_t)i;
	return true;
}

// Texts may come as a string or as bytes, so that a program can pass on what is not UTF-8.
static bool take_text(struct spore__msgpack_reader *r, struct spore__control_message *m)
{
	struct spore__msgpack_value v;
	if (spore__msgpack_read(r, &v) != SPORE__MSGPACK_OK ||
	    (v.type != SPORE__MSGPACK_STR && v.type != SPORE__MSGPACK_BIN))
		return false;
	m->text = (const char *)v.s.bytes;
	m->text_len = v.s.len;
	return true;
}

static bool take_word(struct spore__msgpack_reader *r, struct spore__control_word *word)
{
	return spore__msgpack_read_str(r, &word->s, &word->len) == SPORE__MSGPACK_OK && word->len > 0 &&
	       word->len <= SPORE__CONTROL_NAME && memchr(word->s, '\0', word->len) == NULL;
}

static bool take_small(struct spore__msgpack_reader *r, unsigned limit, unsigned *number)
{
	uint64_t n;
	if (!take_number(r, &n) || n > limit)
		return false;
	*number = (unsigned)n;
	return true;
}

static bool take_nested(struct spore__msgpack_reader *r, bool map, struct spore__msgpack_reader *nested)
{
	uint32_t count;
	*nested = *r;
	struct spore__msgpack_reader at = *r;
	enum spore__msgpack_err e = map ? spore__msgpack_read_map(&at, &count) : spore__msgpack_read_array(&at, &count);
	return e == SPORE__MSGPACK_OK && spore__msgpack_skip(r) == SPORE__MSGPACK_OK;
}

// R is behind the name, LEFT items are there.
static bool take_items(struct spore__msgpack_reader *r, uint32_t left, struct spore__control_message *m)
{
	switch (m->type) {
	case SPORE__CONTROL_HELLO:
		return take_number(r, &m->number) && take_nested(r, false, &m->features) &&
		       take_nested(r, true, &m->fields);
	case SPORE__CONTROL_REFUSE:
		return take_number(r, &m->number) && take_text(r, m);
	case SPORE__CONTROL_LOG:
		return take_number(r, &m->number) && take_number(r, &m->time) && take_text(r, m) &&
		       take_nested(r, true, &m->fields);
	case SPORE__CONTROL_STATUS:
		return take_text(r, m);
	case SPORE__CONTROL_LOST:
		return take_number(r, &m->number);
	case SPORE__CONTROL_STOP:
		return take_number(r, &m->number) && spore__msgpack_read_flag(r, left - 1, &m->swap);
	case SPORE__CONTROL_SWAP:
		return take_word(r, &m->port) && take_number(r, &m->serial) &&
		       spore__msgpack_read_flag(r, left - 2, &m->swap);
	case SPORE__CONTROL_OPEN:
		return take_word(r, &m->port) && take_word(r, &m->kind) && take_word(r, &m->shape) &&
		       take_nested(r, true, &m->fields);
	case SPORE__CONTROL_CLOSE:
		return take_word(r, &m->port);
	case SPORE__CONTROL_CHANNEL:
		return take_word(r, &m->port) && take_number(r, &m->serial) && take_word(r, &m->kind) &&
		       take_small(r, UINT16_MAX, &m->role) &&
		       take_small(r, SPORE__CONTROL_DESCRIPTORS, &m->descriptors) && take_nested(r, true, &m->fields);
	case SPORE__CONTROL_UNWIRED:
	case SPORE__CONTROL_MEMORY:
		return take_word(r, &m->port) && take_number(r, &m->serial);
	case SPORE__CONTROL_CLOSED:
		return take_word(r, &m->port) && take_number(r, &m->number) && take_text(r, m);
	case SPORE__CONTROL_BROKEN:
		return take_word(r, &m->port) && take_word(r, &m->peer) && take_word(r, &m->kind);
	case SPORE__CONTROL_LISTENS:
	case SPORE__CONTROL_READY:
	case SPORE__CONTROL_STOPPING:
	case SPORE__CONTROL_ALONE:
	case SPORE__CONTROL_UNKNOWN:
		return true;
	}
	return false;
}

enum spore_err spore__control_decode(const void *bytes, size_t len, struct spore__control_message *m, size_t *used)
{
	const unsigned char *p = bytes;
	struct spore__msgpack_value name;
	uint32_t count;
	if (len < SPORE__CONTROL_HEAD)
		return SPORE_EAGAIN;
	size_t body = (size_t)p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 | (size_t)p[3] << 24;
	if (body > SPORE__CONTROL_FRAME - SPORE__CONTROL_HEAD)
		return SPORE_ETOOBIG;
	if (len - SPORE__CONTROL_HEAD < body)
		return SPORE_EAGAIN;
	*m = (struct spore__control_message){.text = "", .body = p + SPORE__CONTROL_HEAD, .body_len = body};
	if (spore__msgpack_check(m->body, body) != SPORE__MSGPACK_OK)
		return SPORE_EMALFORMED;
	struct spore__msgpack_reader r = spore__msgpack_reader(m->body, body);
	if (spore__msgpack_read_array(&r, &count) != SPORE__MSGPACK_OK || count == 0 ||
	    spore__msgpack_read(&r, &name) != SPORE__MSGPACK_OK || name.type != SPORE__MSGPACK_STR)
		return SPORE_EMALFORMED;
	m->type = type_of(&name);
	if (!take_items(&r, count - 1, m))
		return SPORE_EMALFORMED;
	*used = SPORE__CONTROL_HEAD + body;
	return SPORE_OK;
}

void spore__control_print(const struct spore__control_message *m, char *out, size_t size)
{
	struct spore__msgpack_reader r = spore__msgpack_reader(m->body, m->body_len);
	spore__msgpack_print(&r, out, size);
}

// ---- encoding

static size_t begin(struct spore__msgpack_writer *w, const char *name, uint32_t items)
{
	size_t at = w->len;
	spore__msgpack_raw(w, "\0\0\0\0", SPORE__CONTROL_HEAD);
	spore__msgpack_array(w, items);
	spore__msgpack_str(w, name);
	return at;
}

static void end(struct spore__msgpack_writer *w, size_t at)
{
	if (w->err != 0)
		return;
	size_t body = w->len - at - SPORE__CONTROL_HEAD;
	for (unsigned i = 0; i < SPORE__CONTROL_HEAD; i++)
		w->data[at + i] = (unsigned char)(body >> (8 * i));
}

// LEN cut off to LIMIT, not within a character of UTF-8.
static uint32_t cut(const char *text, size_t len, size_t limit)
{
	if (len <= limit)
		return (uint32_t)len;
	while (limit > 0 && ((unsigned char)text[limit] & 0xc0) == 0x80)
		limit--;
	return (uint32_t)limit;
}

static void put_text(struct spore__msgpack_writer *w, const char *text)
{
	text = text != NULL ? text : "";
	spore__msgpack_strn(w, text, cut(text, strlen(text), SPORE__CONTROL_TEXT));
}

static void put_pairs(struct spore__msgpack_writer *w, const char *const *values)
{
	uint32_t pairs = 0;
	while (values != NULL && values[2 * pairs] != NULL)
		pairs++;
	spore__msgpack_map(w, pairs);
	for (uint32_t i = 0; i < 2 * pairs; i++)
		spore__msgpack_str(w, values[i]);
}

void spore__control_put_hello(struct spore__msgpack_writer *w, const char *const *features, const char *const *values)
{
	size_t at = begin(w, "hello", 4);
	uint32_t count = 0;
	while (features != NULL && features[count] != NULL)
		count++;
	spore__msgpack_uint(w, SPORE__CONTROL_MAJOR);
	spore__msgpack_array(w, count);
	for (uint32_t i = 0; i < count; i++)
		spore__msgpack_str(w, features[i]);
	put_pairs(w, values);
	end(w, at);
}

void spore__control_put_refuse(struct spore__msgpack_writer *w, enum spore_err code, const char *text)
{
	size_t at = begin(w, "refuse", 3);
	spore__msgpack_uint(w, (uint64_t)code);
	put_text(w, text);
	end(w, at);
}

struct cut_field {
	const struct spore_field *field;
	uint32_t key_len;
	uint32_t len; // of a string or bytes
};

static size_t value_len(const struct spore_field *f)
{
	if (f->kind != SPORE_KIND_STR && f->kind != SPORE_KIND_BYTES)
		return 0;
	if (f->value.str.data == NULL)
		return 0;
	if (f->kind == SPORE_KIND_STR && f->value.str.len == (size_t)-1)
		return strlen(f->value.str.data);
	return f->value.str.len;
}

// Chooses what of FIELDS goes into LEFT bytes. Returns how many do.
static uint32_t choose(const struct spore_field *fields, size_t count, size_t left, struct cut_field *chosen)
{
	enum { HEADS = 16 }; // formats and numbers of a key and its value
	uint32_t n = 0;
	for (size_t i = 0; i < count && n < SPORE__CONTROL_FIELDS; i++) {
		const struct spore_field *f = &fields[i];
		if (f->key == NULL || f->kind == SPORE_KIND_NONE)
			continue;
		size_t key_len = strlen(f->key);
		if (left < HEADS || key_len > left - HEADS)
			break;
		left -= HEADS + key_len;
		uint32_t len = cut(f->value.str.data, value_len(f), left);
		left -= len;
		chosen[n++] = (struct cut_field){.field = f, .key_len = (uint32_t)key_len, .len = len};
	}
	return n;
}

static void put_field(struct spore__msgpack_writer *w, const struct cut_field *c)
{
	const struct spore_field *f = c->field;
	spore__msgpack_strn(w, f->key, c->key_len);
	switch (f->kind) {
	case SPORE_KIND_STR:
		spore__msgpack_strn(w, f->value.str.data, c->len);
		return;
	case SPORE_KIND_INT:
		spore__msgpack_int(w, f->value.i);
		return;
	case SPORE_KIND_UINT:
		spore__msgpack_uint(w, f->value.u);
		return;
	case SPORE_KIND_FLOAT:
		spore__msgpack_float(w, f->value.f);
		return;
	case SPORE_KIND_BOOL:
		spore__msgpack_bool(w, f->value.b);
		return;
	case SPORE_KIND_BYTES:
		spore__msgpack_bin(w, f->value.str.data, c->len);
		return;
	case SPORE_KIND_NONE:
		break;
	}
	spore__msgpack_nil(w); // a kind of a later version
}

void spore__control_put_log(struct spore__msgpack_writer *w, enum spore_level level, uint64_t time, const char *text,
                            const struct spore_field *fields, size_t count)
{
	struct cut_field chosen[SPORE__CONTROL_FIELDS];
	text = text != NULL ? text : "";
	uint32_t len = cut(text, strlen(text), SPORE__CONTROL_TEXT);
	uint32_t n = choose(fields, count, SPORE__CONTROL_RECORD - len, chosen);
	size_t at = begin(w, "log", 5);
	spore__msgpack_uint(w, (uint64_t)level);
	spore__msgpack_uint(w, time);
	spore__msgpack_strn(w, text, len);
	spore__msgpack_map(w, n);
	for (uint32_t i = 0; i < n; i++)
		put_field(w, &chosen[i]);
	end(w, at);
}

void spore__control_put_lost(struct spore__msgpack_writer *w, uint64_t count)
{
	size_t at = begin(w, "lost", 2);
	spore__msgpack_uint(w, count);
	end(w, at);
}

void spore__control_put_listens(struct spore__msgpack_writer *w)
{
	end(w, begin(w, "listens", 1));
}

void spore__control_put_ready(struct spore__msgpack_writer *w)
{
	end(w, begin(w, "ready", 1));
}

void spore__control_put_status(struct spore__msgpack_writer *w, const char *text)
{
	size_t at = begin(w, "status", 2);
	put_text(w, text);
	end(w, at);
}

void spore__control_put_stopping(struct spore__msgpack_writer *w)
{
	end(w, begin(w, "stopping", 1));
}

void spore__control_put_stop(struct spore__msgpack_writer *w, uint64_t grace_ms)
{
	size_t at = begin(w, "stop", 2);
	spore__msgpack_uint(w, grace_ms);
	end(w, at);
}

void spore__control_put_stop_swap(struct spore__msgpack_writer *w, uint64_t grace_ms)
{
	size_t at = begin(w, "stop", 3);
	spore__msgpack_uint(w, grace_ms);
	spore__msgpack_bool(w, true);
	end(w, at);
}

void spore__control_put_swap(struct spore__msgpack_writer *w, const char *port, uint64_t serial, bool on)
{
	size_t at = begin(w, "swap", 4);
	spore__msgpack_str(w, port);
	spore__msgpack_uint(w, serial);
	spore__msgpack_bool(w, on);
	end(w, at);
}

void spore__control_put_open(struct spore__msgpack_writer *w, const char *port, const char *kind, const char *shape,
                             const char *const *options)
{
	size_t at = begin(w, "open", 5);
	spore__msgpack_str(w, port);
	spore__msgpack_str(w, kind);
	spore__msgpack_str(w, shape);
	put_pairs(w, options);
	end(w, at);
}

void spore__control_put_broken(struct spore__msgpack_writer *w, const char *port, const char *peer,
                               const char *transport)
{
	size_t at = begin(w, "broken", 4);
	spore__msgpack_str(w, port);
	spore__msgpack_str(w, peer);
	spore__msgpack_str(w, transport);
	end(w, at);
}

void spore__control_put_close(struct spore__msgpack_writer *w, const char *port)
{
	size_t at = begin(w, "close", 2);
	spore__msgpack_str(w, port);
	end(w, at);
}

void spore__control_put_subscription(struct spore__msgpack_writer *w, const char *port, uint64_t serial,
                                     const char *transport, unsigned role, unsigned count, const char *peer,
                                     const char *slow, bool redeliver, bool early, bool moves)
{
	const char *values[11] = {NULL}, **to = values;
	if (peer != NULL) {
		*to++ = "peer";
		*to++ = peer;
	}
	if (slow != NULL) {
		*to++ = "slow";
		*to++ = slow;
	}
	if (redeliver) {
		*to++ = "redeliver";
		*to++ = "true";
	}
	if (early) {
		*to++ = "early";
		*to++ = "true";
	}
	if (moves) {
		*to++ = "moves";
		*to++ = "true";
	}
	size_t at = begin(w, "channel", 7);
	spore__msgpack_str(w, port);
	spore__msgpack_uint(w, serial);
	spore__msgpack_str(w, transport);
	spore__msgpack_uint(w, role);
	spore__msgpack_uint(w, count);
	put_pairs(w, values);
	end(w, at);
}

void spore__control_put_channel(struct spore__msgpack_writer *w, const char *port, uint64_t serial,
                                const char *transport, unsigned role, unsigned count, const char *peer)
{
	spore__control_put_subscription(w, port, serial, transport, role, count, peer, NULL, false, false, false);
}

void spore__control_put_unwired(struct spore__msgpack_writer *w, const char *port, uint64_t serial)
{
	size_t at = begin(w, "unwired", 3);
	spore__msgpack_str(w, port);
	spore__msgpack_uint(w, serial);
	end(w, at);
}

void spore__control_put_memory(struct spore__msgpack_writer *w, const char *port, uint64_t serial)
{
	size_t at = begin(w, "memory", 3);
	spore__msgpack_str(w, port);
	spore__msgpack_uint(w, serial);
	end(w, at);
}

void spore__control_put_alone(struct spore__msgpack_writer *w)
{
	end(w, begin(w, "alone", 1));
}

void spore__control_put_closed(struct spore__msgpack_writer *w, const char *port, enum spore_err code, const char *text)
{
	size_t at = begin(w, "closed", 4);
	spore__msgpack_str(w, port);
	spore__msgpack_uint(w, (uint64_t)code);
	put_text(w, text);
	end(w, at);
}
