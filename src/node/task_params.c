#include "node/task_params.h"

#include <stdlib.h>
#include <string.h>

#include "node/names.h"

void spore__fail_unwritten(struct spore__rpc_call *call, const struct spore__tasks *t)
{
	int primary = t->db->code & 0xff;
	bool locked = primary == SQLITE_BUSY || primary == SQLITE_LOCKED;
	spore__rpc_call_fail(call, SPORE_ESYSTEM, "the state cannot be written: %s; %s", t->db->error,
	                     locked ? "end the program that has node.db open" : "free some space on its disk");
}

void spore__selection_finish(struct spore__selection *s)
{
	for (size_t i = 0; i < s->count; i++)
		s->tasks[i]->visited = false;
	free(s->tasks);
	*s = (struct spore__selection){0};
}

bool spore__selection_add(struct spore__selection *s, struct spore__task *task)
{
	if (task->visited)
		return true;
	if (s->count == s->cap) {
		size_t cap = s->cap == 0 ? 16 : s->cap * 2;
		struct spore__task **tasks = realloc(s->tasks, cap * sizeof(struct spore__task *));
		if (tasks == NULL)
			return false;
		s->tasks = tasks;
		s->cap = cap;
	}
	task->visited = true;
	s->tasks[s->count++] = task;
	return true;
}

static bool add_range(struct spore__tasks *t, struct spore__selection *s, size_t first, size_t count)
{
	for (size_t i = first; i < first + count; i++)
		if (!spore__selection_add(s, t->table.tasks[i]))
			return false;
	return true;
}

static bool no_memory(struct spore__rpc_call *call)
{
	spore__rpc_call_fail(call, SPORE_ENOMEM, "out of memory");
	return false;
}

static bool add_name(struct spore__tasks *t, struct spore__rpc_call *call, const struct spore__msgpack_value *v,
                     const char *from, struct spore__selection *s)
{
	char name[SPORE__FULL_NAME], why[512];
	size_t first, count;
	if (!spore__rpc_text(v, name, sizeof name)) {
		spore__rpc_call_fail(call, SPORE_EINVALID, "the parameter 'names' is a list of names");
		return false;
	}
	enum spore_err err = spore__names_find(&t->table, name, from, &first, &count, why, sizeof why);
	if (err != SPORE_OK) {
		spore__rpc_call_fail(call, err, "%s", why);
		return false;
	}
	return add_range(t, s, first, count) || no_memory(call);
}

static bool add_names(struct spore__tasks *t, struct spore__rpc_call *call, struct spore__msgpack_reader r,
                      const char *from, struct spore__selection *s)
{
	struct spore__msgpack_value v;
	uint32_t count;
	if (spore__msgpack_read_array(&r, &count) != SPORE__MSGPACK_OK || count > SPORE__NAMES_MAX) {
		spore__rpc_call_fail(call, SPORE_EINVALID, "the parameter 'names' is a list of at most %d names",
		                     SPORE__NAMES_MAX);
		return false;
	}
	for (uint32_t i = 0; i < count; i++) {
		struct spore__msgpack_reader at = r;
		(void)spore__msgpack_skip(&r); // it was checked when it arrived
		if (spore__msgpack_read(&at, &v) != SPORE__MSGPACK_OK || !add_name(t, call, &v, from, s)) {
			return false;
		}
	}
	return true;
}

bool spore__selection_take(struct spore__tasks *t, struct spore__rpc_call *call, bool all, struct spore__selection *s)
{
	char from[PATH_MAX];
	struct spore__msgpack_reader names;
	struct spore__msgpack_value head = {.type = SPORE__MSGPACK_NIL};
	*s = (struct spore__selection){0};
	if (!spore__param_text(call, 1, "from", from, sizeof from))
		return false;
	bool given = spore__rpc_param_at(spore__rpc_call_params(call), 0, "names", &names);
	if (given) {
		struct spore__msgpack_reader at = names;
		(void)spore__msgpack_read(&at, &head);
		given = head.type != SPORE__MSGPACK_ARRAY || head.count > 0;
	}
	bool good;
	if (given) {
		good = add_names(t, call, names, from, s);
	} else if (all) {
		const struct spore__system *here = spore__names_system_of(&t->table, from);
		size_t first = 0, count = t->table.count;
		if (here != NULL)
			first = spore__table_range(&t->table, here->name, NULL, &count);
		good = add_range(t, s, first, count) || no_memory(call);
	} else {
		good = false;
		spore__rpc_call_fail(call, SPORE_EINVALID, "the parameter 'names' is missing or empty");
	}
	if (!good)
		spore__selection_finish(s);
	return good;
}

bool spore__param_bool(struct spore__rpc_call *call, uint32_t index, const char *name, bool *value)
{
	struct spore__msgpack_value v;
	*value = false;
	if (!spore__rpc_param(spore__rpc_call_params(call), index, name, &v))
		return true;
	if (v.type != SPORE__MSGPACK_BOOL) {
		spore__rpc_call_fail(call, SPORE_EINVALID, "the parameter '%s' is no bool", name);
		return false;
	}
	*value = v.boolean;
	return true;
}

bool spore__param_int(struct spore__rpc_call *call, uint32_t index, const char *name, int64_t min, int64_t max,
                      int64_t missing, int64_t *value)
{
	struct spore__msgpack_value v;
	*value = missing;
	if (!spore__rpc_param(spore__rpc_call_params(call), index, name, &v))
		return true;
	if (v.type != SPORE__MSGPACK_INT || v.i < min || v.i > max) {
		spore__rpc_call_fail(call, SPORE_EINVALID, "the parameter '%s' is a number from %lld to %lld", name,
		                     (long long)min, (long long)max);
		return false;
	}
	*value = v.i;
	return true;
}

bool spore__param_text(struct spore__rpc_call *call, uint32_t index, const char *name, char *out, size_t size)
{
	struct spore__msgpack_value v;
	out[0] = '\0';
	if (!spore__rpc_param(spore__rpc_call_params(call), index, name, &v))
		return true;
	return spore__rpc_call_string(call, index, name, out, size);
}

bool spore__param_word(struct spore__rpc_call *call, uint32_t index, const char *name, const char *const *words,
                       int missing, int *value)
{
	struct spore__msgpack_value v;
	char list[256] = "";
	*value = missing;
	if (!spore__rpc_param(spore__rpc_call_params(call), index, name, &v))
		return true;
	for (int i = 0; words[i] != NULL; i++) {
		if (spore__msgpack_is(&v, words[i])) {
			*value = i;
			return true;
		}
		(void)strncat(list, i > 0 ? ", " : "", sizeof list - strlen(list) - 1);
		(void)strncat(list, words[i], sizeof list - strlen(list) - 1);
	}
	spore__rpc_call_fail(call, SPORE_EINVALID, "the parameter '%s' is one of %s", name, list);
	return false;
}

bool spore__param_timeout(struct spore__rpc_call *call, uint32_t index, int64_t *ms)
{
	return spore__param_int(call, index, "timeout_ms", 0, INT32_MAX, -1, ms);
}
