#include "cli/held.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "node/tasks_client.h"

enum { START_MS = 5000 };

static void member(const struct spore__msgpack_reader *map, const char *key, char *out, size_t size)
{
	struct spore__msgpack_reader at;
	const char *s = "";
	uint32_t len = 0;
	if (spore__msgpack_find(map, key, &at))
		(void)spore__msgpack_read_str(&at, &s, &len);
	(void)snprintf(out, size, "%.*s", (int)len, s);
}

// The only task of the answer. False, after a report, when there are more.
static bool take_one(struct spore__held *h, const char *what, const char *name,
                     const struct spore__msgpack_reader *result)
{
	struct spore__msgpack_reader at;
	uint32_t count = 0;
	char names[300] = "", each[SPORE__HOLD_NAME];
	if (!spore__msgpack_find(result, "tasks", &at) || spore__msgpack_read_array(&at, &count) != SPORE__MSGPACK_OK ||
	    count == 0) {
		spore__report("'spore ps -a' lists them", "%s: no task %s", what, name);
		return false;
	}
	member(&at, "name", h->name, sizeof h->name);
	member(&at, "folder", h->folder, sizeof h->folder);
	if (count == 1)
		return true;
	for (uint32_t i = 0; i < count; i++) {
		size_t len = strlen(names);
		member(&at, "name", each, sizeof each);
		(void)snprintf(names + len, sizeof names - len, "%s%s", i > 0 ? ", " : "", each);
		(void)spore__msgpack_skip(&at); // checked when it arrived
	}
	spore__report("name one of them", "%s: %s means %u tasks: %s", what, name, count, names);
	return false;
}

// What was started a moment ago may not run yet. Where it never will, resolving says what is wrong.
static void await_start(struct spore__tasks *t, char *const *names)
{
	struct spore__msgpack_writer w = {0};
	spore__tasks_put_names(&w, names, 1, 2);
	spore__msgpack_str(&w, "until");
	spore__msgpack_str(&w, "started");
	spore__msgpack_str(&w, "timeout_ms");
	spore__msgpack_int(&w, START_MS);
	(void)spore__tasks_call(t, "tasks.wait", &w, true, SPORE__TASKS_PATIENCE_MS);
}

static int resolve(struct spore__held *h, const char *what, const char *name)
{
	struct spore__tasks t;
	struct spore__msgpack_writer w = {0};
	char *const names[] = {(char *)(uintptr_t)name};
	int status = spore__tasks_open(&t, what, true);
	if (status != 0)
		return status;
	await_start(&t, names);
	spore__tasks_put_names(&w, names, 1, 0);
	enum spore_err err = spore__tasks_call(&t, "tasks.resolve", &w, true, SPORE__TASKS_PATIENCE_MS);
	if (err != SPORE_OK)
		status = spore__tasks_failed(&t, err);
	else if (!take_one(h, what, name, &t.rpc.m.result))
		status = SPORE__EXIT_FAILED;
	spore__tasks_close(&t);
	return status;
}

int spore__held_open(struct spore__held *h, const char *what, const char *name)
{
	h->dir = -1;
	spore__spec_init(&h->spec);
	int status = resolve(h, what, name);
	if (status != 0)
		return status;
	if (h->folder[0] == '\0') {
		spore__report("start it first: spore start", "%s: %s has never been started", what, h->name);
		return SPORE__EXIT_FAILED;
	}
	h->dir = open(h->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (h->dir >= 0 && spore__folder_read_spec(h->dir, &h->spec) == 0)
		return 0;
	spore__report(errno == ENOENT ? "start it first: spore start" : NULL,
	              "%s: %s: its folder %s cannot be read: %s", what, h->name, h->folder, strerror(errno));
	spore__held_finish(h);
	return SPORE__EXIT_FAILED;
}

void spore__held_finish(struct spore__held *h)
{
	if (h->dir >= 0)
		close(h->dir);
	h->dir = -1;
	spore__spec_finish(&h->spec);
}
