#include "cli/wait.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "cli/tasks.h"

static const char words[] = "started ready healthy ended";

static const struct spore__option options[] = {
    {"until", 'u', "WHAT", "started, ready (the default), healthy or ended", SPORE__COMPLETES_WORDS, words},
    {"timeout", 't', "TIME", "give up after it", 0, NULL},
    {0},
};

static const struct spore__example examples[] = {
    {"spore wait web", "until it is ready"},
    {"spore wait --until ended --timeout 1h backup", "until a task that does one thing has done it"},
    {0},
};

// What is still waited for, as one line; malloc'ed.
static char *still(const struct spore__msgpack_reader *result)
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

int spore__wait_for(struct spore__tasks *t, char *const *names, size_t count, const char *until, int64_t timeout_ms)
{
	enum { SLICE_MS = 1000 }; // on a terminal: looks that often whether it waits for something else
	bool terminal = isatty(STDERR_FILENO), never = false, done = false, late = false;
	int64_t end = now_ms() + timeout_ms;
	char *what = NULL, *told = NULL;
	while (!done && !never && !late) {
		int64_t left = timeout_ms < 0 ? -1 : end > now_ms() ? end - now_ms() : 0;
		int64_t slice = terminal && (left < 0 || left > SLICE_MS) ? SLICE_MS : left;
		enum spore_err err = ask(t, names, count, until, slice, &never);
		free(told);
		told = what;
		if (err != SPORE_OK) {
			free(told);
			return spore__tasks_failed(t, err);
		}
		done = reached(&t->rpc.m.result);
		what = still(&t->rpc.m.result);
		late = slice == left && left >= 0;
		if (terminal && !done && !never && !late && (told == NULL || strcmp(told, what) != 0))
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

static int run(const struct spore__args *args)
{
	const char *until = spore__args_has(args, "until") ? spore__args_value(args, "until") : "ready";
	struct spore__strs known = {0};
	struct spore__tasks t;
	(void)spore__strs_split(&known, words);
	if (!spore__strs_has(&known, until)) {
		const char *near = spore__nearest(until, (const char *const *)known.items);
		char *remedy =
		    near != NULL ? spore__xasprintf("did you mean '%s'?", near) : spore__xasprintf("one of: %s", words);
		spore__die(SPORE__EXIT_USAGE, remedy, "wait: --until %s: not known", until);
	}
	int64_t timeout = spore__args_has(args, "timeout")
	                      ? spore__duration_option("wait", "timeout", spore__args_value(args, "timeout"))
	                      : -1;
	int status = spore__tasks_open(&t, "wait", true);
	if (status != 0)
		return status;
	status = spore__wait_for(&t, args->operands, args->operand_count, until, timeout);
	spore__tasks_close(&t);
	spore__strs_finish(&known);
	return status;
}

const struct spore__command spore__command_wait = {
    .name = "wait",
    .operands = "NAME...",
    .summary = "wait until tasks are started, ready, healthy or ended",
    .text = "On a terminal it says what it waits for. The status is 1 when the time is over, or as soon as one of the "
            "tasks "
            "cannot get there any more.",
    .options = options,
    .examples = examples,
    .min_operands = 1,
    .max_operands = (size_t)-1,
    .completes = SPORE__COMPLETES_TASK,
    .run = run,
};
