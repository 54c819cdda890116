#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/fs.h"
#include "base/mem.h"
#include "node/tasks_wait.h"
#include "system/node.h"

// The name of the system that WANTED means: a name, or the path of its manifest. Malloc'ed; NULL with 0 in *STATUS: there is none.
static char *find_system(struct spore__tasks *t, const char *name, const char *path, int *status)
{
	struct spore__msgpack_writer none = {0};
	struct spore__msgpack_reader list;
	uint32_t count = 0;
	char *found = NULL;
	spore__msgpack_map(&none, 0);
	enum spore_err err = spore__tasks_call(t, "systems.list", &none, true, SPORE__TASKS_PATIENCE_MS);
	*status = err == SPORE_OK ? 0 : spore__tasks_failed(t, err);
	if (*status == 0 && spore__msgpack_find(&t->rpc.m.result, "systems", &list))
		(void)spore__msgpack_read_array(&list, &count);
	for (; found == NULL && count > 0; count--) {
		char *this_name = spore__answer_text(&list, "name"), *manifest = spore__answer_text(&list, "manifest");
		if (path != NULL ? strcmp(manifest, path) == 0 : strcmp(this_name, name) == 0)
			found = spore__xstrdup(this_name);
		free(this_name);
		free(manifest);
		if (spore__msgpack_skip(&list) != SPORE__MSGPACK_OK)
			break;
	}
	return found;
}

static int end_system(struct spore__tasks *t, const char *name, const struct spore__options *o)
{
	struct spore__msgpack_writer w = {0};
	spore__msgpack_map(&w, 1 + o->logs + (o->timeout_ms >= 0));
	spore__msgpack_str(&w, "system");
	spore__msgpack_str(&w, name);
	if (o->logs) {
		spore__msgpack_str(&w, "logs");
		spore__msgpack_bool(&w, true);
	}
	if (o->timeout_ms >= 0) {
		spore__msgpack_str(&w, "timeout_ms");
		spore__msgpack_int(&w, o->timeout_ms);
	}
	enum spore_err err = spore__tasks_call(t, "systems.end", &w, true, SPORE__TASKS_FOREVER_MS);
	if (err != SPORE_OK)
		return spore__tasks_failed(t, err);
	struct spore__strs removed = {0};
	spore__answer_texts(&t->rpc.m.result, "removed", &removed);
	for (size_t i = 0; !o->json && i < removed.count; i++)
		printf("removed    %s\n", removed.items[i]);
	if (o->json)
		spore__answer_print(&t->rpc.m.result);
	spore__strs_finish(&removed);
	char *waiting = spore__tasks_waiting(&t->rpc.m.result);
	int status = waiting[0] != '\0' ? SPORE__EXIT_FAILED : SPORE__EXIT_OK;
	if (status != SPORE__EXIT_OK)
		spore__report("wait, or end them with 'spore kill'", "down: they have not ended yet: %s", waiting);
	free(waiting);
	return status;
}

int spore__system_down(const struct spore__options *o)
{
	const char *operand = o->operands.count > 0 ? o->operands.items[0] : NULL;
	bool by_name = operand != NULL && spore__name_is_valid(operand) && !spore__fs_is_dir(operand);
	char *why = NULL, *remedy = NULL, *path = NULL, *name;
	struct spore__tasks t;
	int status;
	// The manifest itself is not read: it may be wrong by now, or gone.
	if (!by_name && (path = spore__manifest_find(operand, &why, &remedy)) == NULL && operand != NULL &&
	    operand[0] == '/') {
		path = spore__xstrdup(operand);
	} else if (!by_name && path == NULL) {
		spore__report(remedy, "down: %s", why);
		free(why);
		free(remedy);
		return SPORE__EXIT_NO_SOURCE;
	}
	status = spore__tasks_open(&t, "down", false);
	if (status == 0) {
		name = find_system(&t, operand, path, &status);
		if (name != NULL)
			status = end_system(&t, name, o);
		else if (status == 0 && !o->json)
			printf("%s is not up\n", by_name ? operand : spore__system_shown(path));
		free(name);
		spore__tasks_close(&t);
	} else if (status < 0) {
		printf("%s is not up: there is no node\n", by_name ? operand : spore__system_shown(path));
		status = SPORE__EXIT_OK;
	}
	free(path);
	free(why);
	free(remedy);
	return status;
}
