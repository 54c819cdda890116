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

static void put_params(struct spore__msgpack_writer *w, const struct spore__args *args, const char *slow,
                       bool redeliver)
{
	char folder[PATH_MAX];
	spore__msgpack_map(w, 2);
	spore__msgpack_str(w, "wires");
	spore__msgpack_array(w, 1);
	spore__msgpack_map(w, 2 + (uint32_t)(slow != NULL) + (uint32_t)redeliver);
	put(w, "from", args->operands[0]);
	put(w, "to", args->operands[1]);
	if (slow != NULL)
		put(w, "slow", slow);
	if (redeliver) {
		spore__msgpack_str(w, "redeliver");
		spore__msgpack_bool(w, true);
	}
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
	put_params(&w, args, slow, add && spore__args_has(args, "redeliver"));
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
