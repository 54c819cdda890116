#include "system/wait.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "system/node.h"

enum { SLICE_MS = 1000 }; // what is waited for is told anew that often, when it is something else

static int64_t now_ms(void)
{
	struct timespec t = {0};
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static enum spore_err ask(struct spore__run *r, const struct spore__strs *names, int64_t slice_ms)
{
	struct spore__msgpack_writer w = {0};
	spore__tasks_put_names(&w, names->items, names->count, 2);
	spore__msgpack_str(&w, "until");
	spore__msgpack_str(&w, "ready");
	spore__msgpack_str(&w, "timeout_ms");
	spore__msgpack_int(&w, slice_ms);
	return spore__tasks_call(&r->node, "tasks.wait", &w, true, SPORE__TASKS_FOREVER_MS);
}

static bool is_reached(const struct spore__msgpack_reader *result)
{
	struct spore__msgpack_reader at;
	bool yes = false;
	return spore__msgpack_find(result, "reached", &at) &&
	       spore__msgpack_read_bool(&at, &yes) == SPORE__MSGPACK_OK && yes;
}

int spore__wait_ready(struct spore__run *r, int64_t timeout_ms)
{
	struct spore__strs names = {0};
	char *told = NULL;
	int64_t end = now_ms() + timeout_ms;
	int status = -1;
	spore__run_names(r, &names);
	while (status < 0 && names.count > 0) {
		int64_t begin = now_ms(), left = timeout_ms < 0 ? SLICE_MS : end > begin ? end - begin : 0;
		int64_t slice = left < SLICE_MS ? left : SLICE_MS;
		enum spore_err err = ask(r, &names, slice);
		if (err != SPORE_OK) {
			status = spore__tasks_failed(&r->node, err);
			break;
		}
		if (is_reached(&r->node.rpc.m.result)) {
			status = 0;
			break;
		}
		char *what = spore__answer_waiting(&r->node.rpc.m.result);
		bool never = now_ms() - begin < slice - slice / 10; // answered before the time was over
		if (never || (timeout_ms >= 0 && now_ms() >= end)) {
			spore__report(never ? "'spore logs' shows what they said" : "'spore ps' says how far they are",
			              "%s: not ready%s: %s", r->what, never ? "" : " in time", what);
			status = SPORE__EXIT_FAILED;
		} else if (told == NULL || strcmp(told, what) != 0) {
			(void)fprintf(stderr, "waiting for %s\n", what);
		}
		free(told);
		told = what;
	}
	free(told);
	spore__strs_finish(&names);
	return status < 0 ? 0 : status;
}
