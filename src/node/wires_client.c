#include "node/wires_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/nearest.h"

enum { TEXTS = 14, FLAGS = 4 };

// False when R stands before no wire.
static bool read_wire(struct spore__msgpack_reader *r, struct spore__wire_info *info)
{
	static const char *const keys[TEXTS] = {"from",      "to",    "from_protocol", "to_protocol", "system",
	                                        "transport", "state", "why",           "fault",       "bridge",
	                                        "losses",    "slow",  "listens",       "broken"};
	static const char *const flag_keys[FLAGS] = {"duplex", "redeliver", "tap", "lossless"};
	bool *const flags[FLAGS] = {&info->duplex, &info->redeliver, &info->tap, &info->lossless};
	char **const texts[TEXTS] = {&info->from,    &info->to,        &info->from_protocol, &info->to_protocol,
	                             &info->system,  &info->transport, &info->state,         &info->why,
	                             &info->fault,   &info->bridge,    &info->losses,        &info->slow,
	                             &info->listens, &info->broken};
	struct {
		const char *s;
		uint32_t len;
	} found[TEXTS];
	struct spore__msgpack_reader at;
	size_t size = 0;
	*info = (struct spore__wire_info){0};
	for (int i = 0; i < TEXTS; i++) {
		found[i].s = "";
		found[i].len = 0;
		if (spore__msgpack_find(r, keys[i], &at))
			(void)spore__msgpack_read_str(&at, &found[i].s, &found[i].len);
		size += found[i].len + 1;
	}
	if (spore__msgpack_find(r, "parked", &at))
		(void)spore__msgpack_read_int(&at, &info->parked);
	for (int i = 0; i < FLAGS; i++)
		if (spore__msgpack_find(r, flag_keys[i], &at))
			(void)spore__msgpack_read_bool(&at, flags[i]);
	if (spore__msgpack_find(r, "channels", &at))
		(void)spore__msgpack_read_int(&at, &info->channels);
	char *block = spore__xcalloc(size, 1);
	for (int i = 0; i < TEXTS; i++) {
		*texts[i] = block;
		memcpy(block, found[i].s, found[i].len);
		block += found[i].len + 1;
	}
	return spore__msgpack_skip(r) == SPORE__MSGPACK_OK;
}

enum spore_err spore__wires_list(struct spore__tasks *t, struct spore__wire_list *list)
{
	*list = (struct spore__wire_list){0};
	for (bool more = true; more;) {
		struct spore__msgpack_writer w = {0};
		struct spore__msgpack_reader r;
		uint32_t count = 0;
		spore__msgpack_map(&w, 1);
		spore__msgpack_str(&w, "skip");
		spore__msgpack_uint(&w, list->count);
		enum spore_err err = spore__tasks_call(t, "wires.list", &w, true, SPORE__TASKS_PATIENCE_MS);
		if (err != SPORE_OK)
			return err;
		more = false;
		if (spore__msgpack_find(&t->rpc.m.result, "more", &r))
			(void)spore__msgpack_read_bool(&r, &more);
		if (!spore__msgpack_find(&t->rpc.m.result, "wires", &r) ||
		    spore__msgpack_read_array(&r, &count) != SPORE__MSGPACK_OK || count == 0)
			break;
		list->items = spore__xrealloc(list->items, (list->count + count) * sizeof *list->items);
		for (uint32_t i = 0; i < count; i++)
			if (!read_wire(&r, &list->items[list->count++]))
				return SPORE_OK;
	}
	return SPORE_OK;
}

void spore__wire_list_finish(struct spore__wire_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i].from);
	free(list->items);
	*list = (struct spore__wire_list){0};
}

// One answer to ports.list. What the next one skips; -1: it was the last, or FN has seen enough.
static int64_t take_ports(const struct spore__msgpack_reader *result, spore__port_fn *fn, void *arg)
{
	struct spore__msgpack_reader port, at;
	uint32_t count = 0;
	int64_t next = -1;
	if (!spore__msgpack_find(result, "ports", &port) ||
	    spore__msgpack_read_array(&port, &count) != SPORE__MSGPACK_OK)
		return -1;
	for (; count > 0; count--)
		if (!fn(arg, &port) || spore__msgpack_skip(&port) != SPORE__MSGPACK_OK)
			return -1;
	if (!spore__msgpack_find(result, "next", &at) || spore__msgpack_read_int(&at, &next) != SPORE__MSGPACK_OK)
		return -1;
	return next;
}

enum spore_err spore__ports_each(struct spore__tasks *t, spore__port_fn *fn, void *arg)
{
	for (int64_t skip = 0; skip >= 0;) {
		struct spore__msgpack_writer w = {0};
		spore__msgpack_map(&w, 1);
		spore__msgpack_str(&w, "skip");
		spore__msgpack_int(&w, skip);
		enum spore_err err = spore__tasks_call(t, "ports.list", &w, true, SPORE__TASKS_PATIENCE_MS);
		if (err != SPORE_OK)
			return err;
		skip = take_ports(&t->rpc.m.result, fn, arg);
	}
	return SPORE_OK;
}

static bool add_name(void *names, const struct spore__msgpack_reader *port)
{
	struct spore__msgpack_reader at;
	const char *name;
	uint32_t len;
	if (spore__msgpack_find(port, "name", &at) && spore__msgpack_read_str(&at, &name, &len) == SPORE__MSGPACK_OK)
		spore__strs_addf(names, "%.*s", (int)len, name);
	return true;
}

enum spore_err spore__ports_names(struct spore__tasks *t, struct spore__strs *names)
{
	return spore__ports_each(t, add_name, names);
}

bool spore__end_is_of(const char *end, const char *system)
{
	const char *slash = strchr(end, '/');
	size_t len = slash != NULL ? (size_t)(slash - end) : 0;
	return strlen(system) == len && strncmp(end, system, len) == 0;
}

bool spore__wire_is_of(const struct spore__wire_info *w, const char *system)
{
	return spore__end_is_of(w->from, system) || spore__end_is_of(w->to, system) || strcmp(w->system, system) == 0;
}

static bool has_wires(const struct spore__wire_list *list, const char *system)
{
	for (size_t i = 0; i < list->count; i++)
		if (spore__wire_is_of(&list->items[i], system))
			return true;
	return false;
}

// Those of TASKS are sorted by their systems.
static int check_system(const struct spore__task_list *tasks, const char *what, const char *system)
{
	struct spore__strs known = {0};
	char remedy[SPORE__NAME_MAX + 32] = "'spore ps -a' lists all tasks, with their systems";
	bool found = false, is_task = false;
	for (size_t i = 0; i < tasks->count; i++) {
		const struct spore__task_info *task = &tasks->items[i];
		found |= strcmp(task->system, system) == 0;
		is_task |= strcmp(task->task, system) == 0;
		if (task->system[0] != '\0' && (i == 0 || strcmp(task->system, tasks->items[i - 1].system) != 0))
			spore__strs_add(&known, task->system);
	}
	const char *nearest = known.count > 0 ? spore__nearest(system, (const char *const *)known.items) : NULL;
	if (nearest != NULL)
		(void)snprintf(remedy, sizeof remedy, "did you mean '%s'?", nearest);
	else if (is_task)
		(void)snprintf(remedy, sizeof remedy, "that is a task: without a name all wires are listed");
	if (!found)
		spore__report(remedy, "%s: no system '%s'", what, system);
	spore__strs_finish(&known);
	return found ? SPORE__EXIT_OK : SPORE__EXIT_FAILED;
}

int spore__wires_check_systems(struct spore__tasks *t, const char *what, const struct spore__wire_list *list,
                               char *const *systems)
{
	struct spore__task_list tasks = {0};
	int status = SPORE__EXIT_OK;
	bool asked = false;
	for (size_t i = 0; systems[i] != NULL && status == SPORE__EXIT_OK; i++) {
		if (systems[i][0] == '\0' || has_wires(list, systems[i]))
			continue;
		enum spore_err err = asked ? SPORE_OK : spore__tasks_list(t, NULL, true, &tasks);
		asked = true;
		status = err != SPORE_OK ? spore__tasks_failed(t, err) : check_system(&tasks, what, systems[i]);
	}
	spore__task_list_finish(&tasks);
	return status;
}

void spore__wire_options(const char *slow, bool redeliver, bool tap, char out[SPORE__WIRE_OPTIONS])
{
	const char *const words[] = {slow != NULL ? slow : "", redeliver ? "redeliver" : "", tap ? "tap" : ""};
	size_t len = 0;
	out[0] = '\0';
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		int n = words[i][0] != '\0'
		            ? snprintf(out + len, SPORE__WIRE_OPTIONS - len, "%s%s", len > 0 ? ", " : "", words[i])
		            : 0;
		len += n > 0 && (size_t)n < SPORE__WIRE_OPTIONS - len ? (size_t)n : 0;
	}
}

static void add_reason(char out[SPORE__WIRE_REASON], const char *what, const char *text)
{
	size_t len = strlen(out);
	if (text[0] != '\0')
		(void)snprintf(out + len, SPORE__WIRE_REASON - len, "%s%s%s", len > 0 ? "; " : "", what, text);
}

void spore__wire_reason(const struct spore__wire_info *w, char out[SPORE__WIRE_REASON])
{
	bool cut = strcmp(w->fault, "cut") == 0; // the reason says so
	char parked[64] = "";
	if (w->parked > 0)
		(void)snprintf(parked, sizeof parked, "%lld parked ('spore dead')", (long long)w->parked);
	out[0] = '\0';
	add_reason(out, "listens at ", w->listens);
	add_reason(out, "", parked);
	add_reason(out, "", w->why);
	add_reason(out, "", w->broken);
	add_reason(out, "fault: ", cut ? "" : w->fault);
	add_reason(out, "lost: ", w->losses);
}
