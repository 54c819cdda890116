// What a client of RESP says of its connection itself, which the codec answers.
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "bridge/resp_codec.h"
#include "bridge/text.h"

void spore__resp_error(struct spore__buf *out, const char *kind, const void *text, size_t len)
{
	spore__buf_char(out, '-');
	spore__buf_str(out, kind);
	spore__buf_char(out, ' ');
	spore__text_line(out, text, len);
	spore__buf_add(out, "\r\n", 2);
}

void spore__resp_error_str(struct spore__buf *out, const char *kind, const char *text)
{
	spore__resp_error(out, kind, text, strlen(text));
}

bool spore__resp_next(struct spore__resp_args *a, struct spore__span *arg)
{
	if (a->left == 0)
		return false;
	a->left--;
	*arg = spore__resp_next_arg(&a->at);
	return true;
}

static bool next_is(struct spore__resp_args *a, const char *word)
{
	struct spore__span arg;
	return spore__resp_next(a, &arg) && spore__text_is(arg.bytes, arg.len, word);
}

static void local_ping(struct spore__resp *r, struct spore__resp_args *a, struct spore__buf *out)
{
	struct spore__span text;
	if (spore__resp_next(a, &text))
		spore__resp_bulk(out, text.bytes, text.len);
	else
		spore__buf_str(out, "+PONG\r\n");
}

static bool password(struct spore__resp *r, struct spore__span given)
{
	const char *token = spore__codec_option(&r->base, "token");
	r->known = r->known || (token != NULL && spore__text_secret(token, given.bytes, given.len));
	return r->known;
}

static void local_auth(struct spore__resp *r, struct spore__resp_args *a, struct spore__buf *out)
{
	struct spore__span given = {0};
	while (spore__resp_next(a, &given)) // the last, a user's name may be before it
		;
	if (spore__codec_option(&r->base, "token") == NULL)
		spore__resp_error_str(out, "ERR", "AUTH is not asked for");
	else if (given.bytes == NULL || !password(r, given))
		spore__resp_error_str(out, "WRONGPASS", "invalid username-password pair or user is disabled.");
	else
		spore__buf_str(out, "+OK\r\n");
}

static void pair(struct spore__buf *out, const char *name, const char *value)
{
	spore__resp_bulk(out, name, strlen(name));
	spore__resp_bulk(out, value, strlen(value));
}

static void local_hello(struct spore__resp *r, struct spore__resp_args *a, struct spore__buf *out)
{
	struct spore__span version, word, given;
	bool resp3 = r->resp3;
	if (spore__resp_next(a, &version)) {
		if (version.len != 1 || (version.bytes[0] != '2' && version.bytes[0] != '3')) {
			spore__resp_error_str(out, "NOPROTO", "unsupported protocol version");
			return;
		}
		resp3 = version.bytes[0] == '3';
	}
	while (spore__resp_next(a, &word)) {
		if (spore__text_is(word.bytes, word.len, "auth") && spore__resp_next(a, &word) &&
		    spore__resp_next(a, &given) && !password(r, given)) {
			spore__resp_error_str(out, "WRONGPASS", "invalid username-password pair or user is disabled.");
			return;
		}
	}
	if (!r->known) {
		spore__resp_error_str(out, "NOAUTH", "HELLO must be called with the client already authenticated");
		return;
	}
	r->resp3 = resp3;
	spore__buf_str(out, resp3 ? "%6\r\n" : "*12\r\n");
	pair(out, "server", "spore");
	pair(out, "version", SPORE__VERSION);
	spore__buf_str(out, resp3 ? "$5\r\nproto\r\n:3\r\n" : "$5\r\nproto\r\n:2\r\n");
	pair(out, "mode", "standalone");
	pair(out, "role", "master");
	spore__buf_str(out, "$7\r\nmodules\r\n*0\r\n");
}

static void local_client(struct spore__resp *r, struct spore__resp_args *a, struct spore__buf *out)
{
	struct spore__span what = {0};
	if (spore__resp_next(a, &what) && spore__text_is(what.bytes, what.len, "id"))
		spore__buf_str(out, ":1\r\n");
	else if (what.bytes != NULL && spore__text_is(what.bytes, what.len, "getname"))
		spore__buf_str(out, r->resp3 ? "_\r\n" : "$-1\r\n");
	else
		spore__buf_str(out, "+OK\r\n");
}

// redis-benchmark asks for two settings, and wants a name and a value.
static void local_config(struct spore__resp *r, struct spore__resp_args *a, struct spore__buf *out)
{
	struct spore__span name;
	if (!next_is(a, "get")) {
		spore__resp_error_str(out, "ERR", "there is nothing to be set");
		return;
	}
	spore__buf_str(out, r->resp3 ? "%1\r\n" : "*2\r\n");
	if (!spore__resp_next(a, &name))
		name = (struct spore__span){0};
	spore__resp_bulk(out, name.bytes, name.len);
	spore__resp_bulk(out, "", 0);
}

static void local_command(struct spore__resp *r, struct spore__resp_args *a, struct spore__buf *out)
{
	struct spore__span what;
	if (!spore__resp_next(a, &what))
		spore__buf_str(out, "*0\r\n");
	else if (spore__text_is(what.bytes, what.len, "count"))
		spore__buf_str(out, ":0\r\n");
	else
		spore__buf_str(out, r->resp3 && spore__text_is(what.bytes, what.len, "docs") ? "%0\r\n" : "*0\r\n");
}

static void local_ok(struct spore__resp *r, struct spore__resp_args *a, struct spore__buf *out)
{
	spore__buf_str(out, "+OK\r\n");
}

static void local_reset(struct spore__resp *r, struct spore__resp_args *a, struct spore__buf *out)
{
	r->resp3 = false;
	spore__strs_finish(&r->subscribed);
	spore__buf_str(out, "+RESET\r\n");
}

static void local_quit(struct spore__resp *r, struct spore__resp_args *a, struct spore__buf *out)
{
	spore__buf_str(out, "+OK\r\n");
	r->base.over = true;
}

static void local_subscribe(struct spore__resp *r, struct spore__resp_args *a, struct spore__buf *out)
{
	enum { MOST = 1024 };
	struct spore__span name;
	if (a->left == 0)
		spore__resp_error_str(out, "ERR", "wrong number of arguments for 'subscribe' command");
	while (spore__resp_next(a, &name)) {
		char *copy = spore__xstrndup((const char *)name.bytes, name.len);
		if (!spore__strs_has(&r->subscribed, copy) && r->subscribed.count < MOST)
			spore__strs_add(&r->subscribed, copy);
		free(copy);
		spore__buf_str(out, r->resp3 ? ">3\r\n$9\r\nsubscribe\r\n" : "*3\r\n$9\r\nsubscribe\r\n");
		spore__resp_bulk(out, name.bytes, name.len);
		spore__buf_printf(out, ":%zu\r\n", r->subscribed.count);
	}
}

static void local_unsubscribe(struct spore__resp *r, struct spore__resp_args *a, struct spore__buf *out)
{
	struct spore__span name = {0};
	if (a->left == 0)
		spore__strs_finish(&r->subscribed);
	do {
		(void)spore__resp_next(a, &name);
		struct spore__strs kept = {0};
		for (size_t i = 0; i < r->subscribed.count; i++)
			if (!spore__span_is(name, r->subscribed.items[i]))
				spore__strs_add(&kept, r->subscribed.items[i]);
		spore__strs_finish(&r->subscribed);
		r->subscribed = kept;
		spore__buf_str(out, r->resp3 ? ">3\r\n$11\r\nunsubscribe\r\n" : "*3\r\n$11\r\nunsubscribe\r\n");
		if (name.bytes == NULL)
			spore__buf_str(out, r->resp3 ? "_\r\n" : "$-1\r\n");
		else
			spore__resp_bulk(out, name.bytes, name.len);
		spore__buf_printf(out, ":%zu\r\n", r->subscribed.count);
	} while (a->left > 0);
}

static const struct spore__resp_local locals[] = {
    {"ping", local_ping, false},
    {"hello", local_hello, true},
    {"auth", local_auth, true},
    {"quit", local_quit, true},
    {"client", local_client, false},
    {"config", local_config, false},
    {"command", local_command, false},
    {"select", local_ok, false},
    {"reset", local_reset, false},
    {"subscribe", local_subscribe, false},
    {"unsubscribe", local_unsubscribe, false},
};

const struct spore__resp_local *spore__resp_local_of(const struct spore__span *name)
{
	for (size_t i = 0; i < sizeof locals / sizeof *locals; i++)
		if (spore__text_is(name->bytes, name->len, locals[i].name))
			return &locals[i];
	return NULL;
}
