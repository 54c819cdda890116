#include "transport_rig.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chan/framing.h"
#include "chan/transport.h"
#include "rough.h"

enum {
	VARIANTS = 24,
	CASES = 16,
};

static struct variant variants[VARIANTS];
static unsigned variant_count;

void open_pair(const struct variant *v, struct pair *p)
{
	struct spore__channel_end ends[2];
	memset(p, 0, sizeof *p);
	assert_int_equal(spore__channel_make(v->transport, &v->sizes, ends), SPORE_OK);
	if (v->rough) {
		struct spore__channel_end other[2];
		assert_int_equal(spore__channel_make(v->transport, &v->sizes, other), SPORE_OK);
		const char *seed = getenv("SPORE_TEST_SEED");
		uint32_t begin = seed != NULL ? (uint32_t)strtoul(seed, NULL, 10) : 1;
		p->rough = rough_start(ends[1].fds[0], other[0].fds[0], begin, 0);
		assert_non_null(p->rough);
		ends[1].count = 0;
		other[0].count = 0;
		ends[1] = other[1];
	}
	assert_int_equal(spore__chan_create(&ends[0], &p->a), SPORE_OK);
	assert_int_equal(spore__chan_create(&ends[1], &p->b), SPORE_OK);
}

void close_pair(struct pair *p)
{
	spore_chan_close(p->a);
	spore_chan_close(p->b);
	rough_stop(p->rough);
}

uint32_t next(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

// What message NUMBER of a direction has at each place.
static unsigned char byte_of(uint32_t number, size_t i)
{
	unsigned char byte = (unsigned char)(number * 31 + i * 7 + (i >> 8));
	return byte != '\n' ? byte : '\r'; // which no line has
}

// Bytes of a message repeat after so many that no piece of memory is as long: they are copied and compared in pieces of a table, which the
// thread sanitizer watches as well and many times faster than it does single bytes.
enum { PERIOD = 65521 };
static unsigned char table[2 * PERIOD];

static void make_table(void)
{
	for (size_t i = 0; i < sizeof table; i++)
		table[i] = byte_of(0, i % PERIOD);
}

static const unsigned char *piece_of(uint32_t number, size_t at, size_t left, size_t *len)
{
	*len = left < PERIOD ? left : PERIOD;
	return table + (at + (size_t)number * 7919) % PERIOD;
}

void fill(unsigned char *to, size_t len, uint32_t number)
{
	for (size_t i = 0, n; i < len; i += n) {
		const unsigned char *piece = piece_of(number, i, len - i, &n);
		memcpy(to + i, piece, n);
	}
}

bool is_filled(const unsigned char *from, size_t len, uint32_t number)
{
	for (size_t i = 0, n; i < len; i += n) {
		const unsigned char *piece = piece_of(number, i, len - i, &n);
		if (memcmp(from + i, piece, n) != 0)
			return false;
	}
	return true;
}

// ---- the variants

static void add(const char *transport, bool rough, struct spore__channel_sizes sizes_of, const char *label)
{
	struct spore__channel_end ends[2];
	if (variant_count == VARIANTS || spore__channel_make(transport, NULL, ends) != SPORE_OK)
		return; // not on this platform
	spore__channel_end_close(&ends[0]);
	spore__channel_end_close(&ends[1]);
	variants[variant_count++] = (struct variant){
	    .transport = transport, .rough = rough, .sizes = sizes_of, .label = label, .gone = SPORE_ECLOSED};
	const struct spore__framing *framing = spore__transport_find(transport, strlen(transport))->framing;
	if (framing != NULL && framing->plain)
		variants[variant_count - 1].gone = SPORE_EEND;
}

int transport_rig_run(const char *group, const struct CMUnitTest *cases, size_t count)
{
	static struct CMUnitTest tests[CASES * VARIANTS];
	static char names[CASES * VARIANTS][64];
	const struct spore__channel_sizes usual = {0}, small = {.cells = 64, .heap = 64 * 1024, .large = 16 << 20};
	assert_true(count <= CASES);
	for (size_t i = 0; spore__transports[i] != NULL; i++) {
		const char *name = spore__transports[i]->name;
		if (spore__transports[i]->framing != NULL && spore__transports[i]->framing->chunks)
			continue; // no messages: test_framing
		add(name, false, usual, "");
		if (spore__transports[i]->needs_linux)
			add(name, false, small, ", small");
		else
			add(name, true, usual, ", rough");
	}
	size_t n = 0;
	for (unsigned v = 0; v < variant_count; v++) {
		for (size_t i = 0; i < count; i++, n++) {
			snprintf(names[n], sizeof names[n], "%s (%s%s)", cases[i].name, variants[v].transport,
			         variants[v].label);
			tests[n] = cases[i];
			tests[n].name = names[n];
			tests[n].initial_state = &variants[v];
		}
	}
	(void)signal(SIGPIPE, SIG_DFL);
	make_table();
	return _cmocka_run_group_tests(group, tests, n, NULL, NULL);
}
