#include "task/hold_protocol.h"

#include <stdbool.h>
#include <string.h>

enum { HEAD = 4, HELLO_FEATURES = 9 };

enum items {
	ITEMS_NONE,
	ITEMS_HELLO,
	ITEMS_REFUSE,
	ITEMS_NUMBER,
	ITEMS_SIZE,
	ITEMS_BYTES,
	ITEMS_MAP,
	ITEMS_SERIAL,
	ITEMS_OPEN,
	ITEMS_CHANNEL,
	ITEMS_KEEP,
	ITEMS_STOP,
	ITEMS_SWAP,
	ITEMS_MEMORY,
	ITEMS_BROKEN,
	ITEMS_FLAG,
	ITEMS_ENDS,
};

static const struct {
	const char *name;
	enum items items;
} messages[] = {
    [SPORE__HOLD_UNKNOWN] = {NULL, ITEMS_NONE},         [SPORE__HOLD_HELLO] = {"hello", ITEMS_HELLO},
    [SPORE__HOLD_REFUSE] = {"refuse", ITEMS_REFUSE},    [SPORE__HOLD_STOP] = {"stop", ITEMS_STOP},
    [SPORE__HOLD_KILL] = {"kill", ITEMS_NONE},          [SPORE__HOLD_RESTART] = {"restart", ITEMS_NONE},
    [SPORE__HOLD_SIGNAL] = {"signal", ITEMS_NUMBER},    [SPORE__HOLD_UPDATE] = {"update", ITEMS_MAP},
    [SPORE__HOLD_LEAVING] = {"leaving", ITEMS_NONE},    [SPORE__HOLD_ATTACH] = {"attach", ITEMS_SIZE},
    [SPORE__HOLD_INPUT] = {"input", ITEMS_BYTES},       [SPORE__HOLD_RESIZE] = {"resize", ITEMS_SIZE},
    [SPORE__HOLD_STATE] = {"state", ITEMS_MAP},         [SPORE__HOLD_OUTPUT_BYTES] = {"output", ITEMS_BYTES},
    [SPORE__HOLD_SKIPPED] = {"skipped", ITEMS_NUMBER},  [SPORE__HOLD_PORTS] = {"ports", ITEMS_SERIAL},
    [SPORE__HOLD_OPEN] = {"open", ITEMS_OPEN},          [SPORE__HOLD_CLOSE] = {"close", ITEMS_NUMBER},
    [SPORE__HOLD_CHANNEL] = {"channel", ITEMS_CHANNEL}, [SPORE__HOLD_WIRED] = {"wired", ITEMS_SERIAL},
    [SPORE__HOLD_OVER] = {"over", ITEMS_SERIAL},        [SPORE__HOLD_UNWIRE] = {"unwire", ITEMS_SERIAL},
    [SPORE__HOLD_MEMORY] = {"memory", ITEMS_MEMORY},    [SPORE__HOLD_SWAP] = {"swap", ITEMS_SWAP},
    [SPORE__HOLD_ENDED] = {"ended", ITEMS_SERIAL},      [SPORE__HOLD_KEEP] = {"keep", ITEMS_KEEP},
    [SPORE__HOLD_BROKEN] = {"broken", ITEMS_BROKEN},    [SPORE__HOLD_HAND] = {"hand", ITEMS_FLAG},
    [SPORE__HOLD_INHERIT] = {"inherit", ITEMS_NONE},    [SPORE__HOLD_ENDS] = {"ends", ITEMS_ENDS},
    [SPORE__HOLD_ALONE] = {"alone", ITEMS_NONE},        [SPORE__HOLD_LEND] = {"lend", ITEMS_SERIAL},
    [SPORE__HOLD_LENT] = {"lent", ITEMS_SWAP},
};

enum { MESSAGES = sizeof messages / sizeof messages[0] };

static const char feature_node[] = "node", feature_ports[] = "ports", feature_memory[] = "memory",
                  feature_swap[] = "swap", feature_early[] = "early", feature_heirs[] = "heirs",
                  feature_beside[] = "beside", feature_moves[] = "moves", feature_lends[] = "lends";

static enum spore__hold_type type_of(const struct spore__msgpack_value *name)
{
	for (size_t i = SPORE__HOLD_HELLO; i < MESSAGES; i++)
		if (spore__msgpack_is(name, messages[i].name))
			return (enum spore__hold_type)i;
	return SPORE__HOLD_UNKNOWN;
}

static bool take_bytes(struct spore__msgpack_reader *r, struct spore__hold_message *m)
{
	struct spore__msgpack_value v;
	if (spore__msgpack_read(r, &v) != SPORE__MSGPACK_OK ||
	    (v.type != SPORE__MSGPACK_STR && v.type != SPORE__MSGPACK_BIN))
		return false;
	m->bytes = v.s.bytes;
	m->len = v.s.len;
	return true;
}

static bool take_map(struct spore__msgpack_reader *r, struct spore__hold_message *m)
{
	struct spore__msgpack_reader before = *r, at = *r;
	uint32_t count;
	if (spore__msgpack_read_map(&at, &count) != SPORE__MSGPACK_OK || spore__msgpack_skip(r) != SPORE__MSGPACK_OK)
		return false;
	m->map = (struct spore__msgpack_reader){.at = before.at, .end = r->at};
	return true;
}

static bool take_features(struct spore__msgpack_reader *r, struct spore__hold_message *m)
{
	uint32_t count;
	if (spore__msgpack_read_array(r, &count) != SPORE__MSGPACK_OK)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		struct spore__msgpack_reader at = *r;
		struct spore__msgpack_value v;
		if (spore__msgpack_skip(r) != SPORE__MSGPACK_OK || spore__msgpack_read(&at, &v) != SPORE__MSGPACK_OK)
			return false;
		m->node |= spore__msgpack_is(&v, feature_node);
		m->ports |= spore__msgpack_is(&v, feature_ports);
		m->memory |= spore__msgpack_is(&v, feature_memory);
		m->swaps |= spore__msgpack_is(&v, feature_swap);
		m->early |= spore__msgpack_is(&v, feature_early);
		m->heirs |= spore__msgpack_is(&v, feature_heirs);
		m->beside |= spore__msgpack_is(&v, feature_beside);
		m->moves |= spore__msgpack_is(&v, feature_moves);
		m->lends |= spore__msgpack_is(&v, feature_lends);
	}
	return true;
}

static bool take_word(struct spore__msgpack_reader *r, struct spore__hold_word *word)
{
	return spore__msgpack_read_str(r, &word->s, &word->len) == SPORE__MSGPACK_OK && word->len > 0 &&
	       word->len <= SPORE__HOLD_WORD && memchr(word->s, '\0', word->len) == NULL;
}

static bool take_number(struct spore__msgpack_reader *r, uint64_t *number)
{
	int64_t n;
	if (spore__msgpack_read_int(r, &n) != SPORE__MSGPACK_OK || n < 0)
		return false;
	*number = (uint64_t)n;
	return true;
}

static bool take_serial(struct spore__msgpack_reader *r, struct spore__hold_message *m)
{
	return spore__msgpack_read_int(r, &m->number) == SPORE__MSGPACK_OK && take_number(r, &m->serial);
}

static bool take_small(struct spore__msgpack_reader *r, int64_t limit, unsigned *number)
{
	int64_t n;
	if (spore__msgpack_read_int(r, &n) != SPORE__MSGPACK_OK || n < 0 || n > limit)
		return false;
	*number = (unsigned)n;
	return true;
}

static bool take_list(struct spore__msgpack_reader *r, struct spore__msgpack_reader *list)
{
	struct spore__msgpack_reader before = *r, at = *r;
	uint32_t count;
	if (spore__msgpack_read_array(&at, &count) != SPORE__MSGPACK_OK || spore__msgpack_skip(r) != SPORE__MSGPACK_OK)
		return false;
	*list = (struct spore__msgpack_reader){.at = before.at, .end = r->at};
	return true;
}

// What is known of an end of a channel beside its names.
static bool take_end(struct spore__msgpack_reader *r, struct spore__hold_message *m)
{
	return take_word(r, &m->kind) && take_small(r, UINT16_MAX, &m->role) &&
	       take_small(r, SPORE__HOLD_DESCRIPTORS, &m->descriptors) && take_map(r, m);
}

// R is behind the name, LEFT items are there.
static bool take_items(struct spore__msgpack_reader *r, uint32_t left, struct spore__hold_message *m)
{
	switch (messages[m->type].items) {
	case ITEMS_NONE:
		return true;
	case ITEMS_HELLO:
		return spore__msgpack_read_int(r, &m->number) == SPORE__MSGPACK_OK && take_features(r, m);
	case ITEMS_REFUSE:
		return spore__msgpack_read_int(r, &m->number) == SPORE__MSGPACK_OK && take_bytes(r, m);
	case ITEMS_NUMBER:
		return spore__msgpack_read_int(r, &m->number) == SPORE__MSGPACK_OK;
	case ITEMS_STOP:
		return spore__msgpack_read_int(r, &m->number) == SPORE__MSGPACK_OK &&
		       spore__msgpack_read_flag(r, left - 1, &m->swap);
	case ITEMS_SWAP:
		return take_serial(r, m) && spore__msgpack_read_flag(r, left - 2, &m->swap);
	case ITEMS_MEMORY:
		return take_serial(r, m) && spore__msgpack_read_flag(r, left - 2, &m->watches);
	case ITEMS_SIZE:
		return spore__msgpack_read_int(r, &m->number) == SPORE__MSGPACK_OK &&
		       spore__msgpack_read_int(r, &m->columns) == SPORE__MSGPACK_OK;
	case ITEMS_BYTES:
		return take_bytes(r, m);
	case ITEMS_MAP:
		return take_map(r, m);
	case ITEMS_SERIAL:
		return take_serial(r, m);
	case ITEMS_OPEN:
		return spore__msgpack_read_int(r, &m->number) == SPORE__MSGPACK_OK && take_word(r, &m->port) &&
		       take_word(r, &m->kind) && take_word(r, &m->shape) && take_map(r, m) && take_list(r, &m->list) &&
		       take_list(r, &m->held) && (left < 8 || take_number(r, &m->told));
	case ITEMS_BROKEN:
		return spore__msgpack_read_int(r, &m->number) == SPORE__MSGPACK_OK && take_word(r, &m->peer) &&
		       take_word(r, &m->kind);
	case ITEMS_KEEP:
		return take_word(r, &m->port) && take_number(r, &m->serial) && take_end(r, m);
	case ITEMS_CHANNEL:
		return take_serial(r, m) && take_end(r, m);
	case ITEMS_FLAG:
		return spore__msgpack_read_bool(r, &m->swap) == SPORE__MSGPACK_OK;
	case ITEMS_ENDS:
		return take_small(r, SPORE__HOLD_DESCRIPTORS, &m->descriptors) && take_list(r, &m->list);
	}
	return false;
}

enum spore_err spore__hold_decode(const void *bytes, size_t len, struct spore__hold_message *m, size_t *used)
{
	const unsigned char *p = bytes;
	struct spore__msgpack_value name;
	uint32_t count;
	if (len < HEAD)
		return SPORE_EAGAIN;
	size_t body = (size_t)p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 | (size_t)p[3] << 24;
	if (body > SPORE__HOLD_FRAME - HEAD)
		return SPORE_ETOOBIG;
	if (len - HEAD < body)
		return SPORE_EAGAIN;
	if (spore__msgpack_check(p + HEAD, body) != SPORE__MSGPACK_OK)
		return SPORE_EMALFORMED;
	struct spore__msgpack_reader r = spore__msgpack_reader(p + HEAD, body);
	if (spore__msgpack_read_array(&r, &count) != SPORE__MSGPACK_OK || count == 0 ||
	    spore__msgpack_read(&r, &name) != SPORE__MSGPACK_OK || name.type != SPORE__MSGPACK_STR)
		return SPORE_EMALFORMED;
	*m = (struct spore__hold_message){.type = type_of(&name), .bytes = (const unsigned char *)""};
	if (!take_items(&r, count - 1, m))
		return SPORE_EMALFORMED;
	*used = HEAD + body;
	return SPORE_OK;
}

// ---- encoding

static size_t begin(struct spore__msgpack_writer *w, enum spore__hold_type type, uint32_t items)
{
	size_t at = w->len;
	spore__msgpack_raw(w, "\0\0\0\0", HEAD);
	spore__msgpack_array(w, 1 + items);
	spore__msgpack_str(w, messages[type].name);
	return at;
}

static void end(struct spore__msgpack_writer *w, size_t at)
{
	if (w->err != 0)
		return;
	size_t body = w->len - at - HEAD;
	for (unsigned i = 0; i < HEAD; i++)
		w->data[at + i] = (unsigned char)(body >> (8 * i));
}

void spore__hold_put(struct spore__msgpack_writer *w, enum spore__hold_type type)
{
	end(w, begin(w, type, 0));
}

// The features are those before the first NULL.
static void put_hello(struct spore__msgpack_writer *w, const char *const features[HELLO_FEATURES])
{
	size_t at = begin(w, SPORE__HOLD_HELLO, 3);
	uint32_t count = 0;
	while (features[count] != NULL)
		count++;
	spore__msgpack_int(w, SPORE__HOLD_MAJOR);
	spore__msgpack_array(w, count);
	for (uint32_t i = 0; i < count; i++)
		spore__msgpack_str(w, features[i]);
	spore__msgpack_map(w, 0);
	end(w, at);
}

void spore__hold_put_hello(struct spore__msgpack_writer *w)
{
	put_hello(w, (const char *const[HELLO_FEATURES]){NULL});
}

void spore__hold_put_hello_node(struct spore__msgpack_writer *w)
{
	put_hello(w, (const char *const[HELLO_FEATURES]){feature_node});
}

void spore__hold_put_hello_ports(struct spore__msgpack_writer *w, bool node)
{
	put_hello(w, (const char *const[HELLO_FEATURES]){feature_ports, node ? feature_node : NULL});
}

void spore__hold_put_hello_memory(struct spore__msgpack_writer *w)
{
	put_hello(w, (const char *const[HELLO_FEATURES]){feature_ports, feature_memory});
}

void spore__hold_put_hello_swap(struct spore__msgpack_writer *w)
{
	put_hello(w, (const char *const[HELLO_FEATURES]){feature_ports, feature_memory, feature_swap, feature_early,
	                                                 feature_heirs, feature_moves, feature_lends});
}

void spore__hold_put_hello_beside(struct spore__msgpack_writer *w)
{
	put_hello(w, (const char *const[HELLO_FEATURES]){feature_ports, feature_memory, feature_swap, feature_early,
	                                                 feature_heirs, feature_moves, feature_lends, feature_beside});
}

void spore__hold_put_stop_swap(struct spore__msgpack_writer *w, int64_t grace)
{
	size_t at = begin(w, SPORE__HOLD_STOP, 2);
	spore__msgpack_int(w, grace);
	spore__msgpack_bool(w, true);
	end(w, at);
}

static void put_verdict(struct spore__msgpack_writer *w, enum spore__hold_type type, uint64_t id, uint64_t serial,
                        bool verdict)
{
	size_t at = begin(w, type, 3);
	spore__msgpack_uint(w, id);
	spore__msgpack_uint(w, serial);
	spore__msgpack_bool(w, verdict);
	end(w, at);
}

void spore__hold_put_swap(struct spore__msgpack_writer *w, uint64_t id, uint64_t serial, bool on)
{
	put_verdict(w, SPORE__HOLD_SWAP, id, serial, on);
}

void spore__hold_put_lent(struct spore__msgpack_writer *w, uint64_t id, uint64_t serial, bool done)
{
	put_verdict(w, SPORE__HOLD_LENT, id, serial, done);
}

void spore__hold_put_broken(struct spore__msgpack_writer *w, uint64_t id, const struct spore__hold_word *peer,
                            const struct spore__hold_word *transport)
{
	size_t at = begin(w, SPORE__HOLD_BROKEN, 3);
	spore__msgpack_uint(w, id);
	spore__msgpack_strn(w, peer->s, peer->len);
	spore__msgpack_strn(w, transport->s, transport->len);
	end(w, at);
}

void spore__hold_put_hand(struct spore__msgpack_writer *w, bool on)
{
	size_t at = begin(w, SPORE__HOLD_HAND, 1);
	spore__msgpack_bool(w, on);
	end(w, at);
}

void spore__hold_put_ends(struct spore__msgpack_writer *w, unsigned count, const void *ends, size_t len)
{
	size_t at = begin(w, SPORE__HOLD_ENDS, 2);
	spore__msgpack_uint(w, count);
	spore__msgpack_raw(w, ends, len);
	end(w, at);
}

void spore__hold_put_refuse(struct spore__msgpack_writer *w, enum spore_err code, const char *text)
{
	size_t at = begin(w, SPORE__HOLD_REFUSE, 2);
	spore__msgpack_int(w, (int64_t)code);
	spore__msgpack_str(w, text);
	end(w, at);
}

void spore__hold_put_number(struct spore__msgpack_writer *w, enum spore__hold_type type, int64_t number)
{
	size_t at = begin(w, type, 1);
	spore__msgpack_int(w, number);
	end(w, at);
}

void spore__hold_put_size(struct spore__msgpack_writer *w, enum spore__hold_type type, int64_t rows, int64_t columns)
{
	size_t at = begin(w, type, 2);
	spore__msgpack_int(w, rows);
	spore__msgpack_int(w, columns);
	end(w, at);
}

void spore__hold_put_bytes(struct spore__msgpack_writer *w, enum spore__hold_type type, const void *bytes, uint32_t len)
{
	size_t at = begin(w, type, 1);
	spore__msgpack_bin(w, bytes, len);
	end(w, at);
}

void spore__hold_put_map(struct spore__msgpack_writer *w, enum spore__hold_type type, const void *map, size_t len)
{
	size_t at = begin(w, type, 1);
	spore__msgpack_raw(w, map, len);
	end(w, at);
}

void spore__hold_put_ports(struct spore__msgpack_writer *w, int64_t run, uint64_t count)
{
	size_t at = begin(w, SPORE__HOLD_PORTS, 2);
	spore__msgpack_int(w, run);
	spore__msgpack_uint(w, count);
	end(w, at);
}

void spore__hold_put_open_told(struct spore__msgpack_writer *w, uint64_t id, const void *items, size_t len,
                               const uint64_t *serials, size_t count, uint64_t told)
{
	enum { ITEMS = 5 };
	size_t at = begin(w, SPORE__HOLD_OPEN, 1 + ITEMS + 1 + (told != 0));
	spore__msgpack_uint(w, id);
	spore__msgpack_raw(w, items, len);
	spore__msgpack_array(w, (uint32_t)count);
	for (size_t i = 0; i < count; i++)
		spore__msgpack_uint(w, serials[i]);
	if (told != 0)
		spore__msgpack_uint(w, told);
	end(w, at);
}

void spore__hold_put_open(struct spore__msgpack_writer *w, uint64_t id, const void *items, size_t len,
                          const uint64_t *serials, size_t count)
{
	spore__hold_put_open_told(w, id, items, len, serials, count, 0);
}

void spore__hold_put_serial(struct spore__msgpack_writer *w, enum spore__hold_type type, uint64_t id, uint64_t serial)
{
	size_t at = begin(w, type, 2);
	spore__msgpack_uint(w, id);
	spore__msgpack_uint(w, serial);
	end(w, at);
}

static void put_text(struct spore__msgpack_writer *w, const char *key, const char *text)
{
	spore__msgpack_str(w, key);
	spore__msgpack_str(w, text);
}

static void put_true(struct spore__msgpack_writer *w, const char *key)
{
	spore__msgpack_str(w, key);
	spore__msgpack_bool(w, true);
}

void spore__hold_put_watch(struct spore__msgpack_writer *w, uint64_t id, uint64_t serial)
{
	size_t at = begin(w, SPORE__HOLD_MEMORY, 3);
	spore__msgpack_uint(w, id);
	spore__msgpack_uint(w, serial);
	spore__msgpack_bool(w, true);
	end(w, at);
}

void spore__hold_put_channel(struct spore__msgpack_writer *w, uint64_t id, uint64_t serial, const char *transport,
                             unsigned role, unsigned count, const char *peer)
{
	spore__hold_put_subscription(w, id, serial, transport, role, count, peer, NULL, false, false, false);
}

void spore__hold_put_subscription(struct spore__msgpack_writer *w, uint64_t id, uint64_t serial, const char *transport,
                                  unsigned role, unsigned count, const char *peer, const char *slow, bool redeliver,
                                  bool early, bool moves)
{
	size_t at = begin(w, SPORE__HOLD_CHANNEL, 6);
	spore__msgpack_uint(w, id);
	spore__msgpack_uint(w, serial);
	spore__msgpack_str(w, transport);
	spore__msgpack_uint(w, role);
	spore__msgpack_uint(w, count);
	spore__msgpack_map(w, (uint32_t)(peer != NULL) + (uint32_t)(slow != NULL) + (uint32_t)redeliver +
	                          (uint32_t)early + (uint32_t)moves);
	if (peer != NULL)
		put_text(w, "peer", peer);
	if (slow != NULL)
		put_text(w, "slow", slow);
	if (redeliver)
		put_true(w, "redeliver");
	if (early)
		put_true(w, "early");
	if (moves)
		put_true(w, "moves");
	end(w, at);
}

void spore__hold_put_keep(struct spore__msgpack_writer *w, const char *port, uint64_t serial, const char *transport,
                          unsigned role, unsigned count, const char *peer, bool redeliver,
                          const struct spore__hold_face *face)
{
	size_t at = begin(w, SPORE__HOLD_KEEP, 6);
	spore__msgpack_str(w, port);
	spore__msgpack_uint(w, serial);
	spore__msgpack_str(w, transport);
	spore__msgpack_uint(w, role);
	spore__msgpack_uint(w, count);
	spore__msgpack_map(w, 4 + (uint32_t)redeliver);
	put_text(w, "peer", peer);
	put_text(w, "kind", face->kind);
	put_text(w, "shape", face->shape);
	put_text(w, "protocol", face->protocol);
	if (redeliver)
		put_true(w, "redeliver");
	end(w, at);
}
