// Protocols that have messages and no calls: each message is a value. What lies in it the option `holds` says.
#include <string.h>

#include "bridge/codec.h"

enum holds { HOLDS_TEXT, HOLDS_BYTES, HOLDS_JSON, HOLDS_MSGPACK };

struct end {
	struct spore__codec_end base;
	enum holds holds;
	struct spore__msgpack_writer value;
};

static enum spore_err init(struct spore__codec_end *e)
{
	static const char *const names[] = {"text", "bytes", "json", "msgpack"};
	const char *holds = spore__codec_option(e, "holds"), *method = spore__codec_option(e, "method");
	struct end *mine = (struct end *)e;
	if (method != NULL && !spore__json_is_utf8(method, strlen(method), NULL))
		return spore__codec_fail(e, SPORE_EINVALID, "the method is not UTF-8");
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (strcmp(names[i], holds) != 0)
			continue;
		mine->holds = (enum holds)i;
		if (mine->holds == HOLDS_MSGPACK && e->ops->framing == &spore__framing_text)
			break;
		return SPORE_OK;
	}
	return spore__codec_fail(e, SPORE_EINVALID, "holds=%s: it is text, bytes, json%s", holds,
	                         e->ops->framing == &spore__framing_text ? "" : ", or msgpack");
}

static void finish(struct spore__codec_end *e)
{
	spore__msgpack_writer_finish(&((struct end *)e)->value);
}

static enum spore_err take(struct spore__codec_end *e, const void *bytes, size_t len)
{
	struct end *mine = (struct end *)e;
	struct spore__msgpack_writer *w = &mine->value;
	switch (mine->holds) {
	case HOLDS_JSON:
		return spore__codec_get_json(e, bytes, len, w);
	case HOLDS_MSGPACK:
		if (spore__msgpack_check(bytes, len) != SPORE__MSGPACK_OK)
			return spore__codec_fail(e, SPORE_EMALFORMED, "it is not one value of MessagePack");
		spore__msgpack_raw(w, bytes, len);
		break;
	case HOLDS_TEXT:
		if (spore__json_is_utf8(bytes, len, NULL)) {
			spore__msgpack_strn(w, bytes, (uint32_t)len);
			break;
		}
		spore__msgpack_bin(w, bytes, (uint32_t)len);
		break;
	case HOLDS_BYTES:
		spore__msgpack_bin(w, bytes, (uint32_t)len);
		break;
	}
	return w->err == 0 ? SPORE_OK : SPORE_ENOMEM;
}

static enum spore_err feed(struct spore__codec_end *e, const void *bytes, size_t len, size_t *used)
{
	struct end *mine = (struct end *)e;
	mine->value.len = 0;
	mine->value.err = 0;
	*used = len;
	if (mine->holds == HOLDS_JSON && len == 0)
		return SPORE_OK; // an empty line between others
	enum spore_err err = take(e, bytes, len);
	if (err == SPORE_ENOMEM)
		return err;
	if (err != SPORE_OK) {
		e->sink->refused(e, bytes, len, e->why);
		return SPORE_OK;
	}
	const struct spore__model m = {
	    .kind = SPORE__MODEL_VALUE, .value = {mine->value.data, mine->value.len}, .remaining_ms = -1};
	e->sink->message(e, &m);
	return SPORE_OK;
}

// Strings and bytes as they are; anything else as JSON.
static enum spore_err put_plain(struct spore__codec_end *e, struct spore__span value)
{
	struct spore__msgpack_reader r = spore__msgpack_reader(value.bytes, value.len);
	struct spore__msgpack_value v;
	if (spore__msgpack_read(&r, &v) != SPORE__MSGPACK_OK)
		return spore__codec_fail(e, SPORE_EINVALID, "it is no value");
	if (v.type != SPORE__MSGPACK_STR && v.type != SPORE__MSGPACK_BIN) {
		if (v.type != SPORE__MSGPACK_ARRAY && v.type != SPORE__MSGPACK_MAP)
			e->lost |= SPORE__LOSS_TYPES;
		return spore__codec_put_json(e, value);
	}
	if (e->ops->framing == &spore__framing_text && v.s.len > 0 && memchr(v.s.bytes, '\n', v.s.len) != NULL)
		return spore__codec_fail(e, SPORE_EINVALID, "there is a newline in it");
	spore__buf_add(&e->out, v.s.bytes, v.s.len);
	return SPORE_OK;
}

static enum spore_err encode(struct spore__codec_end *e, const struct spore__model *m)
{
	struct end *mine = (struct end *)e;
	if (m->kind != SPORE__MODEL_VALUE)
		return SPORE_EUNSUPPORTED;
	size_t begun = spore__codec_begin(e);
	enum spore_err err = SPORE_OK;
	if (mine->holds == HOLDS_JSON)
		err = spore__codec_put_json(e, m->value);
	else if (mine->holds == HOLDS_MSGPACK)
		spore__buf_add(&e->out, m->value.bytes, m->value.len);
	else
		err = put_plain(e, m->value);
	if (err == SPORE_OK)
		spore__codec_commit(e, begun);
	else
		spore__codec_abandon(e, begun);
	return err;
}

enum {
	NO_CALLS = SPORE__LOSS_METHOD | SPORE__LOSS_PROGRESS | SPORE__LOSS_ITEMS | SPORE__LOSS_CANCEL |
	           SPORE__LOSS_DEADLINE | SPORE__LOSS_NOTIFICATION | SPORE__LOSS_BACK_CALLS,
};

static const char method_help[] = "the method that is called with each message, or that a callee's unasked ones have";
static const char holds_help[] = "what is in a message: text, bytes, json, msgpack";

static const struct spore__codec_option text_options[] = {
    {"method", method_help, NULL}, {"holds", holds_help, "text"}, {0}};
static const struct spore__codec_option json_options[] = {
    {"method", method_help, NULL}, {"holds", holds_help, "json"}, {0}};

#define VALUES(of, called, does, framed, options_of, lost, is_text)                                                    \
	extern const struct spore__codec_ops spore__codec_##of;                                                        \
	const struct spore__codec_ops spore__codec_##of = {                                                            \
	    .name = called,                                                                                            \
	    .help = does,                                                                                              \
	    .options = options_of,                                                                                     \
	    .losses = NO_CALLS | SPORE__LOSS_AS_JSON | (lost),                                                         \
	    .text = is_text,                                                                                           \
	    .size = sizeof(struct end),                                                                                \
	    .framing = &spore__framing_##framed,                                                                       \
	    .init = init,                                                                                              \
	    .finish = finish,                                                                                          \
	    .feed = feed,                                                                                              \
	    .encode = encode,                                                                                          \
	}

VALUES(lines, "lines", "a line is a message, text unless told otherwise", text, text_options, SPORE__LOSS_TYPES, true);
VALUES(jsonl, "jsonl", "a line is a value of JSON", text, json_options, 0, true);
VALUES(u32be, "u32be", "a length of four bytes before each message, the highest first", u32be, text_options,
       SPORE__LOSS_TYPES, false);
VALUES(u32le, "u32le", "a length of four bytes before each message, the lowest first", u32le, text_options,
       SPORE__LOSS_TYPES, false);
VALUES(varint, "varint", "a length of one to five bytes before each message, seven bits in each", varint, text_options,
       SPORE__LOSS_TYPES, false);
VALUES(netstring, "netstring", "LENGTH:MESSAGE, with a comma behind", netstring, text_options, SPORE__LOSS_TYPES,
       false);
