#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "system/node.h"

// Full names of those that NAME means: all replicas.
static int resolve(struct spore__tasks *t, char *name, struct spore__strs *out)
{
	struct spore__msgpack_writer w = {0};
	struct spore__msgpack_reader list;
	uint32_t count = 0;
	spore__tasks_put_names(&w, &name, 1, 0);
	enum spore_err err = spore__tasks_call(t, "tasks.resolve", &w, true, SPORE__TASKS_PATIENCE_MS);
	if (err != SPORE_OK)
		return spore__tasks_failed(t, err);
	if (spore__msgpack_find(&t->rpc.m.result, "tasks", &list))
		(void)spore__msgpack_read_array(&list, &count);
	for (; count > 0; count--) {
		spore__strs_take(out, spore__answer_text(&list, "name"));
		if (spore__msgpack_skip(&list) != SPORE__MSGPACK_OK)
			break;
	}
	return 0;
}

// What it runs now; malloc'ed, "" when that is no artifact.
static char *artifact_of(struct spore__tasks *t, const char *name)
{
	struct spore__msgpack_writer w = {0};
	struct spore__msgpack_reader spec;
	spore__tasks_put_name(&w, name, 0);
	if (spore__tasks_call(t, "tasks.inspect", &w, true, SPORE__TASKS_PATIENCE_MS) != SPORE_OK ||
	    !spore__msgpack_find(&t->rpc.m.result, "spec", &spec))
		return spore__xstrdup("");
	return spore__answer_text(&spec, "artifact");
}

static int roll_back(struct spore__tasks *t, const char *name)
{
	struct spore__msgpack_writer w = {0};
	spore__tasks_put_name(&w, name, 1);
	spore__msgpack_str(&w, "keep_old");
	spore__msgpack_bool(&w, true);
	enum spore_err err = spore__tasks_call(t, "tasks.rollback", &w, false, SPORE__TASKS_FOREVER_MS);
	if (err != SPORE_OK)
		return spore__tasks_failed(t, err);
	char *artifact = artifact_of(t, name);
	printf("%s is back at %s%s\n", name, artifact[0] != '\0' ? "the artifact " : "its command of before", artifact);
	free(artifact);
	return SPORE__EXIT_OK;
}

int spore__system_rollback(const struct spore__options *o)
{
	struct spore__tasks t;
	int status = spore__tasks_open(&t, "rollback", true);
	if (status != 0)
		return status;
	struct spore__strs names = {0};
	status = resolve(&t, o->operands.items[0], &names);
	for (size_t i = 0; status == 0 && i < names.count; i++)
		status = roll_back(&t, names.items[i]);
	spore__strs_finish(&names);
	spore__tasks_close(&t);
	return status;
}
