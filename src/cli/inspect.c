#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fs.h"
#include "base/mem.h"
#include "cli/tasks.h"
#include "os/os.h"
#include "rpc/to_json.h"

static const struct spore__option options[] = {
    {"json", 0, NULL, "print JSON: {task, spec, folder, log, tree, limits, limits_why, history, last_lines}", 0, NULL},
    {"lines", 'n', "N", "so many lines of its log (10)", 0, NULL},
    {0},
};

static const struct spore__example examples[] = {
    {"spore inspect web", "all that is known of a task"},
    {"spore inspect --json web | jq .spec", "its specification"},
    {0},
};

// Runs `spore logs` for the last lines. What it prints comes to OUT, or to standard output when that is NULL.
static void last_lines(const char *name, const char *count, struct spore__buf *out)
{
	int fds[2] = {-1, -1};
	char *self = spore__os_self();
	const char *argv[] = {self,
	                      "logs",
	                      "-n",
	                      count,
	                      out != NULL ? "--json" : "--",
	                      out != NULL ? "--" : name,
	                      out != NULL ? name : NULL,
	                      NULL};
	pid_t pid;
	int status;
	(void)fflush(stdout);
	if (self != NULL && (out == NULL || spore__os_pipe(fds) == 0)) {
		const struct spore__spawn spawn = {.argv = argv, .fds = {-1, fds[1], -1}};
		bool started = spore__os_spawn(&spawn, &pid) == 0;
		if (fds[1] >= 0)
			close(fds[1]);
		if (started && out != NULL)
			(void)spore__fs_read_fd(fds[0], out);
		if (started)
			(void)waitpid(pid, &status, 0);
		if (fds[0] >= 0)
			close(fds[0]);
	}
	free(self);
}

static char *text_member(const struct spore__msgpack_reader *map, const char *key)
{
	struct spore__msgpack_reader at;
	const char *s;
	uint32_t len;
	if (!spore__msgpack_find(map, key, &at) || spore__msgpack_read_str(&at, &s, &len) != SPORE__MSGPACK_OK)
		return spore__xstrdup("");
	return spore__xstrndup(s, len);
}

// "memory=enforced processes=not-enforced" as a map.
static void put_limits(struct spore__json *j, const char *text)
{
	struct spore__strs words = {0};
	(void)spore__strs_split(&words, text);
	spore__json_open(j, "limits", '{');
	for (size_t i = 0; i < words.count; i++) {
		char *equals = strchr(words.items[i], '=');
		if (equals == NULL)
			continue;
		*equals = '\0';
		spore__json_str(j, words.items[i], equals + 1);
	}
	spore__json_close(j, '}');
	spore__strs_finish(&words);
}

// Each line is a JSON value already.
static void put_lines(struct spore__json *j, const char *name, const char *count)
{
	struct spore__buf lines = {0};
	last_lines(name, count, &lines);
	spore__json_open(j, "last_lines", '[');
	char *more = NULL;
	for (char *line = lines.len > 0 ? strtok_r(lines.data, "\n", &more) : NULL; line != NULL;
	     line = strtok_r(NULL, "\n", &more))
		if (line[0] == '{')
			spore__json_raw(j, NULL, line);
	spore__json_close(j, ']');
	spore__buf_finish(&lines);
}

static void put_history(struct spore__json *j, struct spore__msgpack_reader at)
{
	uint32_t count = 0;
	(void)spore__msgpack_read_array(&at, &count);
	spore__json_open(j, "history", '[');
	for (bool ok = true; ok && count > 0; count--)
		ok = spore__rpc_to_json(&at, j, NULL);
	spore__json_close(j, ']');
}

static void print_json(const struct spore__msgpack_reader *result, const struct spore__task_info *t,
                       const struct spore__usage *usage, const char *lines)
{
	struct spore__buf out = {0};
	struct spore__json j = {.out = &out};
	struct spore__msgpack_reader at;
	spore__json_open(&j, NULL, '{');
	spore__task_json(&j, "task", t, usage);
	if (spore__msgpack_find(result, "spec", &at))
		(void)spore__rpc_to_json(&at, &j, "spec");
	for (size_t i = 0; i < 2; i++) {
		const char *const keys[] = {"folder", "log"};
		char *text = text_member(result, keys[i]);
		spore__json_str(&j, keys[i], text[0] != '\0' ? text : NULL);
		free(text);
	}
	spore__json_str(&j, "tree", t->hold.tree[0] != '\0' ? t->hold.tree : NULL);
	put_limits(&j, t->hold.limits);
	spore__json_str(&j, "limits_why", t->hold.limits_why[0] != '\0' ? t->hold.limits_why : NULL);
	if (spore__msgpack_find(result, "history", &at))
		put_history(&j, at);
	put_lines(&j, t->name, lines);
	spore__json_close(&j, '}');
	puts(out.data);
	spore__buf_finish(&out);
}

static void line(const char *key, const char *fmt, ...) SPORE__PRINTF(2, 3);

static void line(const char *key, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	printf("%-12s ", key);
	vprintf(fmt, ap);
	putchar('\n');
	va_end(ap);
}

static void moment_line(const char *key, int64_t at)
{
	char when[32], age[32];
	if (at == 0)
		return;
	spore__moment_text(at, when, sizeof when);
	int64_t away = spore__wall_ns() - at;
	spore__age_text(away < 0 ? -away : away, age, sizeof age);
	line(key, away < 0 ? "%s (in %s)" : "%s (%s ago)", when, age);
}

static void print_state(const struct spore__task_info *t, const struct spore__usage *usage)
{
	const struct spore__hold_state *s = &t->hold;
	char end[128], memory[32], cpu[32];
	char *note = spore__task_note(t);
	bool colour = spore__may_colour();
	line("name", "%s", t->name);
	line("state", "%s%s%s%s%s", colour ? spore__state_colour(t->state) : "", t->state, colour ? "\033[0m" : "",
	     note[0] != '\0' ? ": " : "", note);
	free(note);
	if (!t->has_hold)
		return;
	if (s->pid != 0) {
		line("process", "%" PRId64 ", run %" PRId64 ", hold %" PRId64, s->pid, s->run, s->hold);
		moment_line("started", s->started_at);
		moment_line("ready", s->ready_at);
		if (usage != NULL) {
			spore__memory_text(usage->memory_kib, memory, sizeof memory);
			spore__cpu_text(usage->cpu_us, cpu, sizeof cpu);
			line("uses", "%s of memory, %s of processor time, in %u processes", memory, cpu,
			     usage->processes);
			if (usage->peak_kib > 0) {
				spore__memory_text(usage->peak_kib, memory, sizeof memory);
				line("", "%s of memory at most, files that it read included", memory);
			}
		}
		line("healthy", "%s", s->healthy ? "yes" : "no");
	}
	line("restarts", "%" PRId64, s->restarts);
	moment_line("next", t->next_at != 0 ? t->next_at : s->next_at);
	if (s->end != SPORE__END_NONE) {
		spore__end_text(s, end, sizeof end);
		spore__memory_text(s->memory_kib, memory, sizeof memory);
		line("last end", "%s", end);
		moment_line("", s->ended_at);
		char system[32];
		spore__cpu_text((uint64_t)s->user_us, cpu, sizeof cpu);
		spore__cpu_text((uint64_t)s->system_us, system, sizeof system);
		line("", "used %s and %s in the system, %s of memory at most", cpu, system, memory);
		if (s->peak_kib > 0) {
			spore__memory_text(s->peak_kib, memory, sizeof memory);
			line("", "all together %s at most, files included", memory);
		}
	}
	if (s->lost != 0)
		line("lost", "%" PRId64 " log records", s->lost);
	line("tree", "%s", s->tree[0] != '\0' ? s->tree : "-");
	if (s->limits[0] != '\0')
		line("limits", "%s", s->limits);
	if (s->limits_why[0] != '\0')
		line("", "not all are enforced: %s", s->limits_why);
}

static void print_value(const char *key, struct spore__msgpack_reader *at)
{
	struct spore__buf out = {0};
	struct spore__json j = {.out = &out};
	struct spore__msgpack_value v;
	struct spore__msgpack_reader head = *at;
	(void)spore__msgpack_read(&head, &v);
	if (v.type == SPORE__MSGPACK_ARRAY && (strcmp(key, "env") == 0 || strcmp(key, "config") == 0)) {
		for (uint32_t i = 0; i < v.count; i++) {
			out.len = 0;
			j.comma = false;
			(void)spore__rpc_to_json(&head, &j, NULL);
			printf("  %-18s %s\n", i == 0 ? key : "", out.data);
		}
		*at = head;
	} else {
		(void)spore__rpc_to_json(at, &j, NULL);
		printf("  %-18s %s\n", key, out.data);
	}
	spore__buf_finish(&out);
}

static void print_spec(const struct spore__msgpack_reader *result)
{
	struct spore__msgpack_reader at;
	uint32_t count = 0;
	if (!spore__msgpack_find(result, "spec", &at) || spore__msgpack_read_map(&at, &count) != SPORE__MSGPACK_OK)
		return;
	puts("specification");
	for (; count > 0; count--) {
		const char *key;
		uint32_t len;
		if (spore__msgpack_read_str(&at, &key, &len) != SPORE__MSGPACK_OK)
			return;
		char *name = spore__xstrndup(key, len);
		print_value(name, &at);
		free(name);
	}
}

static void print_history(const struct spore__msgpack_reader *result)
{
	struct spore__msgpack_reader at, value;
	uint32_t count = 0;
	if (!spore__msgpack_find(result, "history", &at) ||
	    spore__msgpack_read_array(&at, &count) != SPORE__MSGPACK_OK || count == 0)
		return;
	puts("history");
	for (; count > 0; count--) {
		struct spore__hold_state s = {0};
		int64_t generation = 0;
		char when[32], end[128];
		if (spore__msgpack_find(&at, "generation", &value))
			(void)spore__msgpack_read_int(&value, &generation);
		if (spore__msgpack_find(&at, "state", &value))
			(void)spore__state_decode(value, &s);
		spore__moment_text(s.ended_at, when, sizeof when);
		spore__end_text(&s, end, sizeof end);
		printf("  %s  generation %" PRId64 ", run %" PRId64 ": %s%s%.200s\n", when, generation, s.run, end,
		       s.why[0] != '\0' ? "; " : "", s.why);
		(void)spore__msgpack_skip(&at); // checked when it arrived
	}
}

static void print_text(const struct spore__msgpack_reader *result, const struct spore__task_info *t,
                       const struct spore__usage *usage, const char *lines)
{
	print_state(t, usage);
	for (size_t i = 0; i < 2; i++) {
		const char *const keys[] = {"folder", "log"};
		char *text = text_member(result, keys[i]);
		if (text[0] != '\0')
			line(keys[i], "%s", text);
		free(text);
	}
	print_spec(result);
	print_history(result);
	puts("last lines");
	last_lines(t->name, lines, NULL);
}

static int show(struct spore__tasks *t, const struct spore__args *args, const char *lines)
{
	struct spore__msgpack_writer w = {0};
	struct spore__msgpack_reader at;
	struct spore__task_info info = {0};
	spore__tasks_put_name(&w, args->operands[0], 0);
	enum spore_err err = spore__tasks_call(t, "tasks.inspect", &w, true, SPORE__TASKS_PATIENCE_MS);
	if (err != SPORE_OK)
		return spore__tasks_failed(t, err);
	const struct spore__msgpack_reader *result = &t->rpc.m.result;
	if (!spore__msgpack_find(result, "task", &at) || !spore__task_info_read(&at, &info)) {
		spore__report("spore node restart", "inspect: the node's answer has another form");
		spore__task_info_finish(&info);
		return SPORE__EXIT_SPORE;
	}
	struct spore__usage usage;
	spore__task_usage(&info, &usage);
	bool measured = usage.root != 0 && spore__usage_measure(&usage, 1);
	if (spore__args_has(args, "json"))
		print_json(result, &info, measured ? &usage : NULL, lines);
	else
		print_text(result, &info, measured ? &usage : NULL, lines);
	spore__task_info_finish(&info);
	return SPORE__EXIT_OK;
}

static int run(const struct spore__args *args)
{
	const char *lines = spore__args_has(args, "lines") ? spore__args_value(args, "lines") : "10";
	if (lines[strspn(lines, "0123456789")] != '\0' || lines[0] == '\0' || strlen(lines) > 6)
		spore__die(SPORE__EXIT_USAGE, "a number, as in -n 20", "inspect: --lines %s: not a number of lines",
		           lines);
	struct spore__tasks t;
	int status = spore__tasks_open(&t, "inspect", true);
	if (status == 0) {
		status = show(&t, args, lines);
		spore__tasks_close(&t);
	}
	return status;
}

const struct spore__command spore__command_inspect = {
    .name = "inspect",
    .operands = "NAME",
    .summary = "show all that is known of a task",
    .text =
        "Its state, what it uses, how its processes are found (*tree*: cgroup, subreaper, or only its process group), "
        "which of its limits are enforced, its specification with the values of secrets hidden, how its runs ended, "
        "and "
        "the last lines of its log. For one of several replicas, NAME is TASK@N.",
    .options = options,
    .examples = examples,
    .min_operands = 1,
    .max_operands = 1,
    .completes = SPORE__COMPLETES_TASK,
    .run = run,
};
