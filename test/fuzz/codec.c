// Any bytes to one codec, whose name the build gives (CODEC): as a client's and as a server's, whole and in pieces. What it hands on are whole values and names, what
// it makes of them can be encoded again, and it keeps no more than its limits allow.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/codec.h"
#include "target.h"

static struct spore__codec_end *other;

static void on_message(struct spore__codec_end *e, const struct spore__model *m)
{
	check((unsigned)m->kind < SPORE__MODEL_KINDS);
	check(m->value.len == 0 || spore__msgpack_check(m->value.bytes, m->value.len) == SPORE__MSGPACK_OK);
	check(m->id.len == 0 || spore__msgpack_check(m->id.bytes, m->id.len) == SPORE__MSGPACK_OK);
	check(spore__json_is_utf8(m->method.bytes, m->method.len, NULL));
	check(spore__json_is_utf8(m->text.bytes, m->text.len, NULL));
	if (m->kind == SPORE__MODEL_REQUEST && m->id.len > 0) {
		const struct spore__model answer = {
		    .kind = SPORE__MODEL_RESPONSE,
		    .id = m->id,
		    .value = m->value.len > 0 ? m->value : (struct spore__span){(const uint8_t *)"\xc0", 1},
		    .remaining_ms = -1,
		    .session = m->session};
		(void)e->ops->encode(e, &answer);
	}
	if (other != NULL)
		(void)other->ops->encode(other, m);
}

static void on_refused(struct spore__codec_end *e, const void *bytes, size_t len, const char *why)
{
	(void)e;
	check((bytes != NULL || len == 0) && why != NULL && why[0] != '\0');
}

static void on_session_over(struct spore__codec_end *e, const char *session)
{
	(void)e;
	(void)session;
}

static void on_written(struct spore__codec_end *e)
{
	(void)e;
}

static const struct spore__codec_sink sink = {
    .message = on_message, .refused = on_refused, .session_over = on_session_over, .written = on_written};

static struct spore__codec_end *create(enum spore__codec_role role, const struct spore__codec_limits *limits)
{
	struct spore__codec_end *e = NULL;
	char why[256];
	if (spore__codec_create(CODEC, role, limits, &sink, NULL, &e, why, sizeof why) != SPORE_OK)
		return NULL; // not in this role
	e->local = true;
	if (e->ops->tick != NULL)
		(void)e->ops->tick(e, 1000);
	return e;
}

static void feed(struct spore__codec_end *e, const uint8_t *data, size_t size, size_t step)
{
	size_t at = 0, have = 0, used;
	enum spore_err err = SPORE_OK;
	while (err == SPORE_OK && !e->over && at + have < size) {
		have = have + step < size - at ? have + step : size - at;
		uint8_t *copy = malloc(have); // so that a sanitizer sees each byte too far
		check(copy != NULL);
		memcpy(copy, data + at, have);
		err = spore__codec_feed(e, copy, have, &used);
		check(used <= have);
		free(copy);
		at += used;
		have -= used;
		check(e->out.len < (1 << 20));
	}
	if (err == SPORE_OK && !e->over)
		(void)spore__codec_feed_end(e, data + at, size - at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct spore__codec_limits limits = spore__codec_limits;
	limits.message = 4096;
	if (size > 4096)
		return 0;
	for (int role = 0; role < 2; role++) {
		static const size_t steps[] = {4096, 1};
		for (size_t i = 0; i < 2; i++) {
			struct spore__codec_end *e = create((enum spore__codec_role)role, &limits);
			if (e == NULL)
				continue;
			other = create((enum spore__codec_role)(1 - role), &limits);
			feed(e, data, size, steps[i]);
			spore__codec_destroy(other);
			spore__codec_destroy(e);
			other = NULL;
		}
	}
	return 0;
}
