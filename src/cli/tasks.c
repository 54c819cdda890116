#include "cli/tasks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "rpc/to_json.h"
#include "system/value.h"

static void print_json(struct spore__msgpack_reader result)
{
	struct spore__buf out = {0};
	struct spore__json j = {.out = &out};
	(void)spore__rpc_to_json(&result, &j, NULL);
	puts(out.data);
	spore__buf_finish(&out);
}

// A string of a map in a list, cut off at SIZE.
static void member(const struct spore__msgpack_reader *map, const char *key, char *out, size_t size)
{
	struct spore__msgpack_reader at;
	const char *s = "";
	uint32_t len = 0;
	if (spore__msgpack_find(map, key, &at))
		(void)spore__msgpack_read_str(&at, &s, &len);
	(void)snprintf(out, size, "%.*s", (int)len, s);
}

// Reports each entry of the list KEY; true when there was one.
static bool report_each(const char *what, const struct spore__msgpack_reader *result, const char *key,
                        const char *second, const char *fmt, const char *remedy)
{
	struct spore__msgpack_reader at;
	uint32_t count = 0;
	if (!spore__msgpack_find(result, key, &at) || spore__msgpack_read_array(&at, &count) != SPORE__MSGPACK_OK)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		char name[256], text[512], line[1024];
		member(&at, "name", name, sizeof name);
		member(&at, second, text, sizeof text);
		(void)snprintf(line, sizeof line, fmt, name, text);
		spore__report(remedy, "%s: %s", what, line);
		(void)spore__msgpack_skip(&at); // checked when it arrived
	}
	return count > 0;
}

int spore__names_call(const struct spore__args *args, const struct spore__names_call *call)
{
	struct spore__tasks t;
	struct spore__msgpack_writer w = {0};
	int status = spore__tasks_open(&t, call->what, true);
	if (status != 0)
		return status;
	spore__tasks_put_names(&w, args->operands, args->operand_count, call->more != NULL ? call->more(args) : 0);
	if (call->put != NULL)
		call->put(&w, args);
	enum spore_err err = spore__tasks_call(&t, call->method, &w, call->again, SPORE__TASKS_FOREVER_MS);
	if (err != SPORE_OK) {
		status = spore__tasks_failed(&t, err);
	} else {
		const struct spore__msgpack_reader *result = &t.rpc.m.result;
		if (spore__args_has(args, "json"))
			print_json(*result);
		bool left = report_each(call->what, result, "survivors", "processes", "%s: these cannot be ended: %s",
		                        "they wait for a disk or the network in the kernel; stop it again later");
		left |= report_each(call->what, result, "waiting", "why", "%s: not yet: %s",
		                    "'spore ps' says how far it is");
		status = left ? SPORE__EXIT_FAILED : SPORE__EXIT_OK;
	}
	spore__tasks_close(&t);
	return status;
}

int64_t spore__duration_option(const char *what, const char *option, const char *value)
{
	int64_t ms;
	if (!spore__value_duration(value, &ms))
		spore__die(SPORE__EXIT_USAGE, "as 500ms, 10s, 1m30s", "%s: --%s %s: not a duration", what, option,
		           value);
	return ms;
}

int64_t spore__signal_option(const char *what, const char *option, const char *value)
{
	int64_t number;
	if (!spore__value_signal(value, &number))
		spore__die(SPORE__EXIT_USAGE, "as TERM, SIGTERM or 15; 'kill -l' lists them",
		           "%s: --%s %s: not a signal", what, option, value);
	return number;
}

static void put_moment(struct spore__json *j, const char *key, int64_t ns)
{
	if (ns != 0)
		spore__json_int(j, key, ns);
	else
		spore__json_null(j, key);
}

static void put_text(struct spore__json *j, const char *key, const char *text)
{
	spore__json_str(j, key, text[0] != '\0' ? text : NULL);
}

static void put_peak(struct spore__json *j, int64_t kib)
{
	if (kib > 0)
		spore__json_int(j, "peak_kib", kib);
	else
		spore__json_null(j, "peak_kib");
}

static void put_end(struct spore__json *j, const struct spore__hold_state *s)
{
	if (s->end == SPORE__END_NONE) {
		spore__json_null(j, "last_end");
		return;
	}
	spore__json_open(j, "last_end", '{');
	spore__json_str(j, "how", spore__end_word(s->end));
	if (s->end == SPORE__END_EXITED)
		spore__json_int(j, "code", s->code);
	if (s->end == SPORE__END_SIGNALLED)
		spore__json_int(j, "signal", s->signal);
	spore__json_bool(j, "core", s->core);
	put_moment(j, "at", s->ended_at);
	spore__json_int(j, "user_us", s->user_us);
	spore__json_int(j, "system_us", s->system_us);
	spore__json_int(j, "memory_kib", s->memory_kib);
	put_peak(j, s->peak_kib);
	spore__json_close(j, '}');
}

static void put_use(struct spore__json *j, const struct spore__usage *usage)
{
	if (usage == NULL) {
		spore__json_null(j, "cpu_us");
		spore__json_null(j, "memory_kib");
		spore__json_null(j, "peak_kib");
		spore__json_null(j, "processes");
		return;
	}
	spore__json_int(j, "cpu_us", (int64_t)usage->cpu_us);
	spore__json_int(j, "memory_kib", usage->memory_kib);
	put_peak(j, usage->peak_kib);
	spore__json_int(j, "processes", usage->processes);
}

void spore__task_json(struct spore__json *j, const char *key, const struct spore__task_info *t,
                      const struct spore__usage *usage)
{
	const struct spore__hold_state *s = &t->hold;
	spore__json_open(j, key, '{');
	spore__json_str(j, "name", t->name);
	put_text(j, "system", t->system);
	spore__json_str(j, "task", t->task);
	spore__json_int(j, "replica", t->replica);
	spore__json_str(j, "state", t->state);
	spore__json_bool(j, "wanted", t->wanted);
	spore__json_bool(j, "ready", s->phase == SPORE__PHASE_RUNNING && t->has_hold);
	spore__json_bool(j, "healthy", s->healthy);
	if (s->pid != 0)
		spore__json_int(j, "pid", s->pid);
	else
		spore__json_null(j, "pid");
	spore__json_int(j, "generation", t->generation);
	spore__json_int(j, "run", s->run);
	spore__json_int(j, "restarts", s->restarts);
	put_moment(j, "started_at", s->started_at);
	put_moment(j, "ready_at", s->ready_at);
	put_moment(j, "ended_at", s->ended_at);
	put_moment(j, "next_at", t->next_at != 0 ? t->next_at : s->next_at);
	put_end(j, s);
	put_use(j, usage);
	put_text(j, "why", t->why[0] != '\0' ? t->why : s->why);
	put_text(j, "status", s->status);
	put_text(j, "survivors", s->survivors);
	put_text(j, "source", t->source);
	put_text(j, "every", t->every);
	spore__json_int(j, "skipped", t->skipped);
	spore__json_close(j, '}');
}
