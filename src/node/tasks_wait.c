#include "node/tasks_wait.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

char *spore__tasks_waiting(const struct spore__msgpack_reader *result)
{
	struct spore__buf out = {0};
	struct spore__msgpack_reader at, value;
	uint32_t count = 0;
	if (spore__msgpack_find(result, "waiting", &at))
		(void)spore__msgpack_read_array(&at, &count);
	for (; count > 0; count--) {
		const char *name = "", *why = "";
		uint32_t name_len = 0, why_len = 0;
		if (spore__msgpack_find(&at, "name", &value))
			(void)spore__msgpack_read_str(&value, &name, &name_len);
		if (spore__msgpack_find(&at, "why", &value))
			(void)spore__msgpack_read_str(&value, &why, &why_len);
		spore__buf_printf(&out, "%s%.*s%s%.*s", out.len > 0 ? "; " : "", (int)name_len, name,
		                  why_len > 0 ? ": " : "", (int)why_len, why);
		(void)spore__msgpack_skip(&at); // checked when it arrived
	}
	return out.len > 0 ? spore__buf_take(&out) : spore__xstrdup("");
}

static bool reached(const struct spore__msgpack_reader *result)
{
	struct spore__msgpack_reader at;
	bool yes = false;
	if (spore__msgpack_find(result, "reached", &at))
		(void)spore__msgpack_read_bool(&at, &yes);
	return yes;
}

static int64_t now_ms(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

// One call. *NEVER: it was answered before SLICE_MS (-1: none) had passed although it is not reached, so it will not be.
static enum spore_err ask(struct spore__tasks *t, char *const *names, size_t count, const char *until, int64_t slice_ms,
                          bool *never)
{
	struct spore__msgpack_writer w = {0};
	int64_t begin = now_ms();
	spore__tasks_put_names(&w, names, count, 1 + (slice_ms >= 0));
	spore__msgpack_str(&w, "until");
	spore__msgpack_str(&w, until);
	if (slice_ms >= 0) {
		spore__msgpack_str(&w, "timeout_ms");
		spore__msgpack_int(&w, slice_ms);
	}
	enum spore_err err = spore__tasks_call(t, "tasks.wait", &w, true, SPORE__TASKS_FOREVER_MS);
	*never = err == SPORE_OK && !reached(&t->rpc.m.result) &&
	         (slice_ms < 0 || now_ms() - begin < slice_ms - slice_ms / 10);
	return err;
}

int spore__tasks_wait(struct spore__tasks *t, char *const *names, size_t count, const char *until, int64_t timeout_ms,
                      bool tell)
{
	enum { SLICE_MS = 1000 }; // looks that often whether it waits for something else
	bool never = false, done = false, late = false;
	int64_t end = now_ms() + timeout_ms;
	char *what = NULL, *told = NULL;
	while (!done && !never && !late) {
		int64_t left = timeout_ms < 0 ? -1 : end > now_ms() ? end - now_ms() : 0;
		int64_t slice = tell && (left < 0 || left > SLICE_MS) ? SLICE_MS : left;
		enum spore_err err = ask(t, names, count, until, slice, &never);
		free(told);
		told = what;
		if (err != SPORE_OK) {
			free(told);
			return spore__tasks_failed(t, err);
		}
		done = reached(&t->rpc.m.result);
		what = spore__tasks_waiting(&t->rpc.m.result);
		late = slice == left && left >= 0;
		if (tell && !done && !never && !late && (told == NULL || strcmp(told, what) != 0))
			(void)fprintf(stderr, "waiting for %s\n", what);
	}
	if (!done)
		spore__report(never ? "'spore logs' shows what they said" : "'spore ps' says how far they are",
		              "%s: not %s%s%s%s", t->what, until, never ? "" : " in time", what[0] != '\0' ? ": " : "",
		              what);
	free(told);
	free(what);
	return done ? SPORE__EXIT_OK : SPORE__EXIT_FAILED;
}
