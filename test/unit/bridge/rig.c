#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "json.h"
#include "msgpack.h"

static const char *const kinds[SPORE__MODEL_KINDS] = {"request", "response", "error", "notification",
                                                      "cancel",  "progress", "item",  "value"};

static void add_value(struct spore__buf *b, struct spore__span value)
{
	struct spore__msgpack_writer w = {0};
	struct spore__json_error error;
	unsigned losses = 0;
	assert_int_equal(spore__msgpack_check(value.bytes, value.len), SPORE__MSGPACK_OK);
	assert_int_equal(spore__json_from_msgpack(value.bytes, value.len, &w, &losses, &error), SPORE_OK);
	spore__buf_char(b, ' ');
	spore__buf_add(b, w.data, w.len);
	if (losses & SPORE__JSON_BYTES)
		spore__buf_str(b, " (bytes)");
	spore__msgpack_writer_finish(&w);
}

static void on_message(struct spore__codec_end *e, const struct spore__model *m)
{
	struct rig *r = e->owner;
	spore__buf_str(&r->said, kinds[m->kind]);
	if (m->id.bytes != NULL)
		add_value(&r->said, m->id);
	if (m->method.bytes != NULL)
		spore__buf_printf(&r->said, " %.*s", (int)m->method.len, (const char *)m->method.bytes);
	if (m->kind == SPORE__MODEL_ERROR)
		spore__buf_printf(&r->said, " %lld %.*s", (long long)m->code, (int)m->text.len,
		                  (const char *)m->text.bytes);
	if (m->value.len > 0)
		add_value(&r->said, m->value);
	if (m->remaining_ms >= 0)
		spore__buf_printf(&r->said, " within %lld ms", (long long)m->remaining_ms);
	spore__buf_char(&r->said, '\n');
	if (m->session != NULL)
		(void)snprintf(r->session, sizeof r->session, "%s", m->session);
}

static void on_refused(struct spore__codec_end *e, const void *bytes, size_t len, const char *why)
{
	struct rig *r = e->owner;
	spore__buf_printf(&r->said, "refused: %s\n", why);
}

static void on_session_over(struct spore__codec_end *e, const char *session)
{
	struct rig *r = e->owner;
	spore__buf_str(&r->said, "session over\n");
	(void)snprintf(r->session, sizeof r->session, "%s", session);
}

static void on_written(struct spore__codec_end *e)
{
	struct rig *r = e->owner;
	r->written++;
}

static const struct spore__codec_sink sink = {on_message, on_refused, on_session_over, on_written};

static struct spore__codec_end *create(struct rig *r, const char *spec, enum spore__codec_role role)
{
	char why[256] = "";
	struct spore__codec_end *e = NULL;
	if (spore__codec_create(spec, role, &r->limits, &sink, r, &e, why, sizeof why) != SPORE_OK)
		fail_msg("%s: %s", spec, why);
	return e;
}

static char spec_kept[256];

void rig_init(struct rig *r, const char *spec, enum spore__codec_role role)
{
	*r = (struct rig){.limits = spore__codec_limits};
	(void)snprintf(spec_kept, sizeof spec_kept, "%s", spec);
	r->end = create(r, spec, role);
}

void rig_finish(struct rig *r)
{
	spore__codec_destroy(r->end);
	spore__buf_finish(&r->said);
	spore__buf_finish(&r->place);
}

struct spore__codec_end *rig_accept(struct rig *r)
{
	struct spore__codec_end *e = create(r, spec_kept, r->end->role);
	e->hub = r->end;
	e->local = r->end->local;
	return e;
}

enum spore_err rig_feed(struct spore__codec_end *e, const char *bytes, size_t len, bool slowly)
{
	enum spore_err err = SPORE_OK;
	size_t at = 0;
	for (size_t end = slowly ? 1 : len; err == SPORE_OK && end <= len; end++) {
		// A copy of its own, so that a sanitizer sees what is read behind it.
		char *copy = malloc(end - at + (end == at));
		size_t used = 0;
		assert_non_null(copy);
		memcpy(copy, bytes + at, end - at);
		err = e->ops->feed(e, copy, end - at, &used);
		assert_true(used <= end - at);
		at += used;
		free(copy);
	}
	return err;
}

static const char *take(struct rig *r, struct spore__buf *b)
{
	spore__buf_finish(&r->place);
	r->place = *b;
	*b = (struct spore__buf){0};
	return r->place.data == NULL ? "" : r->place.data;
}

const char *rig_said(struct rig *r)
{
	return take(r, &r->said);
}

const char *rig_out(struct rig *r, struct spore__codec_end *e)
{
	return take(r, &e->out);
}

static enum spore_err encode(struct rig *r, struct spore__model *m, unsigned id, const char *json)
{
	struct spore__msgpack_writer number = {0};
	struct spore__msgpack_writer value = {0};
	struct spore__json_error error;
	spore__msgpack_int(&number, id);
	m->id = (struct spore__span){number.data, number.len};
	m->remaining_ms = -1;
	m->session = r->session[0] == '\0' ? NULL : r->session;
	if (json != NULL) {
		assert_int_equal(spore__json_to_msgpack(json, strlen(json), &value, &error), SPORE_OK);
		m->value = (struct spore__span){value.data, value.len};
	}
	enum spore_err e = r->end->ops->encode(r->end, m);
	spore__msgpack_writer_finish(&value);
	spore__msgpack_writer_finish(&number);
	return e;
}

enum spore_err rig_answer(struct rig *r, unsigned id, const char *json)
{
	struct spore__model m = {.kind = SPORE__MODEL_RESPONSE};
	return encode(r, &m, id, json);
}

enum spore_err rig_fail(struct rig *r, unsigned id, int64_t code, const char *text, const char *json)
{
	struct spore__model m = {
	    .kind = SPORE__MODEL_ERROR, .code = code, .text = {(const unsigned char *)text, strlen(text)}};
	return encode(r, &m, id, json);
}

enum spore_err rig_encode(struct rig *r, enum spore__model_kind kind, unsigned id, const char *method, const char *json)
{
	struct spore__model m = {.kind = kind};
	if (method != NULL)
		m.method = (struct spore__span){(const unsigned char *)method, strlen(method)};
	return encode(r, &m, id, json);
}
