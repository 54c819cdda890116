#include "cli/wiring.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/json.h"
#include "node/tasks_client.h"
#include "rpc/to_json.h"

static void put(struct spore__msgpack_writer *w, const char *key, const char *value)
{
	spore__msgpack_str(w, key);
	spore__msgpack_str(w, value);
}

// PORT, or PORT(PROTOCOL).
static void put_end(struct spore__msgpack_writer *w, const char *what, const char *key, const char *protocol_key,
                    const char *text)
{
	const char *bracket = strchr(text, '(');
	size_t len = strlen(text);
	if (bracket != NULL && (text[len - 1] != ')' || bracket + 2 >= text + len))
		spore__die(SPORE__EXIT_USAGE, "a protocol after a port is written 'TASK.PORT(NAME)'",
		           "%s: '%s' is no port", what, text);
	size_t name = bracket != NULL ? (size_t)(bracket - text) : len;
	while (bracket != NULL && name > 0 && text[name - 1] == ' ')
		name--;
	spore__msgpack_str(w, key);
	spore__msgpack_strn(w, text, (uint32_t)name);
	spore__msgpack_str(w, protocol_key);
	if (bracket != NULL)
		spore__msgpack_strn(w, bracket + 1, (uint32_t)(text + len - bracket - 2));
	else
		spore__msgpack_nil(w);
}

// What is not asked for is nil: of a wire that is there it stays as it is.
static void put_flag(struct spore__msgpack_writer *w, const char *key, bool flag)
{
	spore__msgpack_str(w, key);
	if (flag)
		spore__msgpack_bool(w, true);
	else
		spore__msgpack_nil(w);
}

static void put_params(struct spore__msgpack_writer *w, const struct spore__args *args, const char *what,
                       const char *slow, bool add)
{
	char folder[PATH_MAX];
	spore__msgpack_map(w, 2);
	spore__msgpack_str(w, "wires");
	spore__msgpack_array(w, 1);
	spore__msgpack_map(w, 8);
	put_end(w, what, "from", "from_protocol", args->operands[0]);
	put_end(w, what, "to", "to_protocol", args->operands[1]);
	put(w, "slow", slow);
	put_flag(w, "redeliver", add && spore__args_has(args, "redeliver"));
	put_flag(w, "tap", add && spore__args_has(args, "tap"));
	put_flag(w, "lossless", add && spore__args_has(args, "lossless"));
	put(w, "from", getcwd(folder, sizeof folder) != NULL ? folder : "");
}

// A port that is not there yet is waited for.
static void say_doubts(const struct spore__tasks *t, const char *what)
{
	struct spore__msgpack_reader list, at;
	uint32_t count = 0, len;
	const char *why;
	if (!spore__msgpack_find(&t->rpc.m.result, "doubtful", &list) ||
	    spore__msgpack_read_array(&list, &count) != SPORE__MSGPACK_OK)
		return;
	for (; count > 0; count--) {
		if (spore__msgpack_find(&list, "why", &at) &&
		    spore__msgpack_read_str(&at, &why, &len) == SPORE__MSGPACK_OK)
			spore__report(NULL, "%s: note: %.*s: the wire waits for it", what, (int)len, why);
		if (spore__msgpack_skip(&list) != SPORE__MSGPACK_OK)
			break;
	}
}

int spore__wiring_call(const struct spore__args *args, const char *what, const char *method)
{
	struct spore__tasks t;
	struct spore__msgpack_writer w = {0};
	bool add = strcmp(what, "wire") == 0;
	const char *slow = add ? spore__args_value(args, "slow") : NULL;
	if (slow != NULL && strcmp(slow, "block") != 0 && strcmp(slow, "drop-oldest") != 0 &&
	    strcmp(slow, "disconnect") != 0)
		spore__die(SPORE__EXIT_USAGE, "block, drop-oldest or disconnect", "%s: --slow=%s is none of these",
		           what, slow);
	int status = spore__tasks_open(&t, what, true);
	if (status != 0)
		return status;
	put_params(&w, args, what, slow, add);
	enum spore_err err = spore__tasks_call(&t, method, &w, add, SPORE__TASKS_PATIENCE_MS);
	status = err == SPORE_OK ? SPORE__EXIT_OK : spore__tasks_failed(&t, err);
	if (err == SPORE_OK && add)
		say_doubts(&t, what);
	if (err == SPORE_OK && spore__args_has(args, "json")) {
		struct spore__buf out = {0};
		struct spore__json j = {.out = &out};
		struct spore__msgpack_reader r = t.rpc.m.result;
		(void)spore__rpc_to_json(&r, &j, NULL);
		puts(out.data);
		spore__buf_finish(&out);
	}
	spore__tasks_close(&t);
	return status;
}
