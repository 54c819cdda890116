#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/json.h"
#include "cli/command.h"
#include "node/meet.h"

enum {
	PATIENCE_MS = 10000,
	ATTEMPTS = 5,
};

static const struct spore__option json_only[] = {
    {"json", 0, NULL, "print JSON", 0, NULL},
    {0},
};

// False when there is no node: only without START. Other failures end the process.
static bool meet(struct spore__rpc_client *c, bool start)
{
	int status = spore__node_meet(c, start);
	if (status > 0)
		exit(status);
	return status == 0;
}

// Meets and asks; a node that is killed in between is not the one that answers. False as above.
static bool ask(struct spore__rpc_client *c, const char *method, bool start)
{
	for (int i = 1; meet(c, start); i++) {
		enum spore_err err = spore__rpc_client_call(c, method, NULL, 0);
		if (err == SPORE_OK)
			return true;
		if (err != SPORE_ECLOSED || i == ATTEMPTS)
			spore__die(SPORE__EXIT_SPORE, "node.log in the state folder may say why", "node: %s: %s",
			           method, c->why);
		spore__node_part(c);
	}
	return false;
}

static int64_t member(const struct spore__msgpack_reader *map, const char *key)
{
	struct spore__msgpack_reader at;
	int64_t n = -1;
	if (spore__msgpack_find(map, key, &at))
		(void)spore__msgpack_read_int(&at, &n);
	return n;
}

// A string of the map, malloc'ed; NULL when it has none.
static char *words(const struct spore__msgpack_reader *map, const char *key)
{
	struct spore__msgpack_reader at;
	const char *s;
	uint32_t len;
	if (!spore__msgpack_find(map, key, &at) || spore__msgpack_read_str(&at, &s, &len) != SPORE__MSGPACK_OK)
		return NULL;
	return strndup(s, len);
}

static int start(const struct spore__args *args)
{
	struct spore__rpc_client c;
	(void)args;
	(void)ask(&c, "node.status", true);
	printf("running, process %" PRId64 "\n", member(&c.m.result, "pid"));
	spore__node_part(&c);
	return SPORE__EXIT_OK;
}

static int stop(const struct spore__args *args)
{
	struct spore__rpc_client c;
	(void)args;
	if (!ask(&c, "node.stop", false)) {
		puts("not running");
		return SPORE__EXIT_OK;
	}
	int64_t running = member(&c.m.result, "running");
	if (spore__rpc_client_wait_closed(&c, PATIENCE_MS) != SPORE_OK)
		spore__die(SPORE__EXIT_SPORE, "'spore node status' says its process", "node: it did not stop: %s",
		           c.why);
	spore__node_part(&c);
	if (running > 0)
		printf("stopped; %" PRId64 " task%s running without it\n", running,
		       running == 1 ? " goes on" : "s go on");
	else
		puts("stopped");
	return SPORE__EXIT_OK;
}

static int restart(const struct spore__args *args)
{
	int status = stop(args);
	return status == SPORE__EXIT_OK ? start(args) : status;
}

static void print_json(const struct spore__msgpack_reader *result)
{
	static const char *const texts[] = {"version", "address", "state_error", "corrupted"};
	static const char *const numbers[] = {"pid", "uptime_s", "private_kib", "tasks", "running"};
	static const char *const states[] = {"queued", "running", "done", "failed"};
	struct spore__buf out = {0};
	struct spore__json j = {.out = &out};
	spore__json_open(&j, NULL, '{');
	spore__json_bool(&j, "running", result != NULL);
	for (size_t i = 0; result != NULL && i < sizeof texts / sizeof texts[0]; i++) {
		char *text = words(result, texts[i]);
		spore__json_str(&j, texts[i], text);
		free(text);
	}
	for (size_t i = 0; result != NULL && i < sizeof numbers / sizeof numbers[0]; i++)
		if (member(result, numbers[i]) >= 0)
			spore__json_int(&j, numbers[i], member(result, numbers[i]));
	struct spore__msgpack_reader builds;
	if (result != NULL && spore__msgpack_find(result, "builds", &builds)) {
		spore__json_open(&j, "builds", '{');
		for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
			spore__json_int(&j, states[i], member(&builds, states[i]));
		spore__json_close(&j, '}');
	}
	spore__json_close(&j, '}');
	puts(out.data);
	spore__buf_finish(&out);
}

static void print_status(const struct spore__msgpack_reader *result)
{
	struct spore__msgpack_reader builds;
	char *version = words(result, "version"), *address = words(result, "address");
	char *error = words(result, "state_error"), *corrupted = words(result, "corrupted");
	printf("running, process %" PRId64 ", version %s, for %" PRId64 " s\n", member(result, "pid"),
	       version != NULL ? version : "?", member(result, "uptime_s"));
	printf("address: %s\n", address != NULL ? address : "?");
	if (member(result, "private_kib") >= 0)
		printf("memory: %" PRId64 " KiB of its own\n", member(result, "private_kib"));
	if (member(result, "tasks") >= 0)
		printf("tasks: %" PRId64 " defined, %" PRId64 " running\n", member(result, "tasks"),
		       member(result, "running"));
	if (spore__msgpack_find(result, "builds", &builds))
		printf("background builds: %" PRId64 " queued, %" PRId64 " running, %" PRId64 " done, %" PRId64
		       " failed\n",
		       member(&builds, "queued"), member(&builds, "running"), member(&builds, "done"),
		       member(&builds, "failed"));
	if (error != NULL)
		printf("its state cannot be used: %s\n", error);
	if (corrupted != NULL)
		printf("its state was corrupted and begun anew; the old one is kept as %s\n", corrupted);
	free(version);
	free(address);
	free(error);
	free(corrupted);
}

static int status(const struct spore__args *args)
{
	struct spore__rpc_client c;
	bool json = spore__args_has(args, "json");
	if (!ask(&c, "node.status", false)) {
		if (json)
			print_json(NULL);
		else
			puts("not running");
		return SPORE__EXIT_FAILED;
	}
	if (json)
		print_json(&c.m.result);
	else
		print_status(&c.m.result);
	spore__node_part(&c);
	return SPORE__EXIT_OK;
}

static void print_build_json(struct spore__json *j, const struct spore__msgpack_reader *build)
{
	static const char *const texts[] = {"source", "state", "reason"};
	static const char *const times[] = {"asked", "ended"};
	spore__json_open(j, NULL, '{');
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		char *text = words(build, texts[i]);
		spore__json_str(j, texts[i], text);
		free(text);
	}
	for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
		if (member(build, times[i]) >= 0)
			spore__json_int(j, times[i], member(build, times[i]));
	spore__json_close(j, '}');
}

static void print_build(const struct spore__msgpack_reader *build)
{
	char *source = words(build, "source"), *state = words(build, "state"), *reason = words(build, "reason");
	printf("%-8s %s\n", state != NULL ? state : "?", source != NULL ? source : "?");
	for (char *more = NULL, *line = reason != NULL ? strtok_r(reason, "\n", &more) : NULL; line != NULL;
	     line = strtok_r(NULL, "\n", &more))
		printf("         %s\n", line);
	free(source);
	free(state);
	free(reason);
}

static int builds(const struct spore__args *args)
{
	struct spore__rpc_client c;
	struct spore__msgpack_reader list;
	struct spore__buf out = {0};
	struct spore__json j = {.out = &out};
	uint32_t count = 0;
	bool json = spore__args_has(args, "json");
	(void)ask(&c, "builds.list", true);
	if (!spore__msgpack_find(&c.m.result, "builds", &list) ||
	    spore__msgpack_read_array(&list, &count) != SPORE__MSGPACK_OK)
		spore__die(SPORE__EXIT_SPORE, "spore node restart", "node: builds.list: an answer of another form");
	spore__json_open(&j, NULL, '[');
	for (; count > 0; count--) {
		if (json)
			print_build_json(&j, &list);
		else
			print_build(&list);
		(void)spore__msgpack_skip(&list); // checked when it arrived
	}
	spore__json_close(&j, ']');
	if (json)
		puts(out.data);
	spore__buf_finish(&out);
	spore__node_part(&c);
	return SPORE__EXIT_OK;
}

static const struct spore__command start_command = {
    .name = "start",
    .operands = "",
    .summary = "start the node when it does not run, and wait until it is ready",
    .run = start,
};

static const struct spore__command stop_command = {
    .name = "stop",
    .operands = "",
    .summary = "stop the node; tasks go on running, and what it has still to build is kept for the next one",
    .run = stop,
};

static const struct spore__command restart_command = {
    .name = "restart",
    .operands = "",
    .summary = "replace the node by a new one, such as one of another version; tasks go on running undisturbed",
    .run = restart,
};

static const struct spore__command status_command = {
    .name = "status",
    .operands = "",
    .summary = "say whether the node runs, and how it is; status 1 when it does not run",
    .options = json_only,
    .run = status,
};

static const struct spore__command builds_command = {
    .name = "builds",
    .operands = "",
    .summary = "list the background builds: running, queued, and the latest that ended, with the reasons of failures",
    .options = json_only,
    .run = builds,
};

static const struct spore__command *const commands[] = {&start_command,  &stop_command,   &restart_command,
                                                        &status_command, &builds_command, NULL};

const struct spore__command spore__command_node = {
    .name = "node",
    .operands = "",
    .summary = "look after the node, the process that works in the background",
    .text =
        "There is one node per user and machine. Commands start it when they need it, so it is seldom started by hand. "
        "It "
        "makes the optimised builds of what was run, one at a time, at low priority, and looks after background tasks: "
        "it knows what is wanted, starts it in order and at its times, and says how it is. The tasks themselves do not "
        "need it: each has a process of its own, spore-hold, which starts the node again when it was killed, but not "
        "when "
        "it was stopped. The node keeps its state and its log, node.log, in the state folder. With SPORE_NO_NODE=1 in "
        "the environment nothing starts it.",
    .commands = commands,
};
