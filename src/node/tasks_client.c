#include "node/tasks_client.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fs.h"
#include "base/mem.h"

int spore__tasks_open(struct spore__tasks *t, const char *what, bool start)
{
	*t = (struct spore__tasks){.what = what};
	int status = spore__node_meet(&t->rpc, start);
	t->connected = status == 0;
	return status;
}

void spore__tasks_close(struct spore__tasks *t)
{
	if (t->connected)
		spore__node_part(&t->rpc);
	t->connected = false;
}

static bool reconnect(struct spore__tasks *t)
{
	spore__tasks_close(t);
	t->connected = spore__node_meet(&t->rpc, true) == 0;
	return t->connected;
}

enum spore_err spore__tasks_call(struct spore__tasks *t, const char *method, struct spore__msgpack_writer *params,
                                 bool again, int timeout_ms)
{
	enum { ATTEMPTS = 5 };
	enum spore_err err = SPORE_ECLOSED;
	if (params->err != 0) {
		(void)snprintf(t->rpc.why, sizeof t->rpc.why, "out of memory");
		err = SPORE_ENOMEM;
	}
	for (int i = 0; err == SPORE_ECLOSED && i < (again ? ATTEMPTS : 1); i++) {
		if (i > 0 && !reconnect(t))
			break;
		t->rpc.timeout_ms = timeout_ms;
		err = spore__rpc_client_call(&t->rpc, method, params->data, params->len);
	}
	spore__msgpack_writer_finish(params);
	return err;
}

static bool is_about_what_was_asked(enum spore_err err)
{
	return err == SPORE_ENOTFOUND || err == SPORE_EINVALID || err == SPORE_EEXISTS || err == SPORE_ETOOBIG;
}

int spore__tasks_failed(const struct spore__tasks *t, enum spore_err err)
{
	char why[sizeof t->rpc.why];
	(void)snprintf(why, sizeof why, "%s", t->rpc.why);
	char *remedy = NULL;
	for (char *p = strstr(why, "; "); p != NULL; p = strstr(p + 1, "; "))
		remedy = p;
	if (remedy != NULL) {
		*remedy = '\0';
		remedy += 2;
	} else if (err == SPORE_ECLOSED) {
		remedy = (char *)"the node ended meanwhile; 'spore ps -a' says what was done";
	} else if (err == SPORE_ETIMEOUT) {
		remedy = (char *)"'spore ps -a' says how far it is";
	}
	if (t->connected || why[0] != '\0')
		spore__report(remedy, "%s: %s", t->what, why);
	return is_about_what_was_asked(err) ? SPORE__EXIT_FAILED : SPORE__EXIT_SPORE;
}

// Where the user is, by the name that the shell knows it by where that is right: a manifest may lie below a link.
static void put_from(struct spore__msgpack_writer *w)
{
	char *here = getcwd(NULL, 0);
	spore__msgpack_str(w, "from");
	spore__msgpack_str(w, here != NULL ? here : "");
	free(here);
}

void spore__tasks_put_names(struct spore__msgpack_writer *w, char *const *names, size_t count, uint32_t more)
{
	spore__msgpack_map(w, 2 + more);
	put_from(w);
	spore__msgpack_str(w, "names");
	spore__msgpack_array(w, (uint32_t)count);
	for (size_t i = 0; i < count; i++)
		spore__msgpack_str(w, names[i]);
}

void spore__tasks_put_name(struct spore__msgpack_writer *w, const char *name, uint32_t more)
{
	spore__msgpack_map(w, 2 + more);
	put_from(w);
	spore__msgpack_str(w, "name");
	spore__msgpack_str(w, name);
}

static const struct {
	const char *key;
	bool is_text;
	size_t offset;
} members[] = {
    {"name", true, offsetof(struct spore__task_info, name)},
    {"system", true, offsetof(struct spore__task_info, system)},
    {"task", true, offsetof(struct spore__task_info, task)},
    {"state", true, offsetof(struct spore__task_info, state)},
    {"why", true, offsetof(struct spore__task_info, why)},
    {"source", true, offsetof(struct spore__task_info, source)},
    {"every", true, offsetof(struct spore__task_info, every)},
    {"replica", false, offsetof(struct spore__task_info, replica)},
    {"generation", false, offsetof(struct spore__task_info, generation)},
    {"next_at", false, offsetof(struct spore__task_info, next_at)},
    {"skipped", false, offsetof(struct spore__task_info, skipped)},
};

enum { MEMBERS = sizeof members / sizeof *members };

// What KEY says, R standing before its value, which stays. One pass over the map for all of them: lists are long.
static void take_member(struct spore__task_info *info, const struct spore__msgpack_value *key,
                        struct spore__msgpack_reader r)
{
	const char *text;
	uint32_t len;
	size_t i = 0;
	if (spore__msgpack_is(key, "wanted")) {
		(void)spore__msgpack_read_bool(&r, &info->wanted);
	} else if (spore__msgpack_is(key, "hold")) {
		info->has_hold = spore__state_decode(r, &info->hold) == SPORE_OK;
	} else {
		while (i < MEMBERS && !spore__msgpack_is(key, members[i].key))
			i++;
		if (i == MEMBERS)
			return;
		char *at = (char *)info + members[i].offset;
		if (!members[i].is_text)
			(void)spore__msgpack_read_int(&r, (int64_t *)(void *)at);
		else if (*(char **)(void *)at == NULL && spore__msgpack_read_str(&r, &text, &len) == SPORE__MSGPACK_OK)
			*(char **)(void *)at = spore__xstrndup(text, len);
	}
}

bool spore__task_info_read(struct spore__msgpack_reader r, struct spore__task_info *info)
{
	uint32_t count;
	*info = (struct spore__task_info){0};
	bool ok = spore__msgpack_read_map(&r, &count) == SPORE__MSGPACK_OK;
	for (; ok && count > 0; count--) {
		struct spore__msgpack_value key;
		ok = spore__msgpack_read(&r, &key) == SPORE__MSGPACK_OK && key.type == SPORE__MSGPACK_STR;
		if (ok)
			take_member(info, &key, r);
		ok = ok && spore__msgpack_skip(&r) == SPORE__MSGPACK_OK;
	}
	for (size_t i = 0; i < MEMBERS; i++) {
		char **at = (char **)(void *)((char *)info + members[i].offset);
		if (members[i].is_text && *at == NULL)
			*at = spore__xstrdup("");
	}
	return ok && info->name[0] != '\0';
}

void spore__task_info_finish(struct spore__task_info *info)
{
	for (size_t i = 0; i < MEMBERS; i++)
		if (members[i].is_text)
			free(*(char **)(void *)((char *)info + members[i].offset));
	*info = (struct spore__task_info){0};
}

static void put_page(struct spore__msgpack_writer *w, const char *system, bool all, const char *after)
{
	spore__msgpack_map(w, 1U + (system != NULL) + (after != NULL));
	spore__msgpack_str(w, "all");
	spore__msgpack_bool(w, all);
	if (system != NULL) {
		spore__msgpack_str(w, "system");
		spore__msgpack_str(w, system);
	}
	if (after != NULL) {
		spore__msgpack_str(w, "after");
		spore__msgpack_str(w, after);
	}
}

// Adds the tasks of one answer. False when it has another form.
static bool take_page(struct spore__tasks *t, struct spore__task_list *list, bool *more)
{
	struct spore__msgpack_reader at;
	uint32_t count;
	*more = false;
	if (!spore__msgpack_find(&t->rpc.m.result, "tasks", &at) ||
	    spore__msgpack_read_array(&at, &count) != SPORE__MSGPACK_OK)
		return false;
	list->items = spore__xrealloc(list->items, (list->count + count + 1) * sizeof *list->items);
	for (bool ok = true; count > 0; count--) {
		ok = spore__task_info_read(at, &list->items[list->count++]);
		if (!ok || spore__msgpack_skip(&at) != SPORE__MSGPACK_OK)
			return false;
		*more = true; // something came, so that asking for more comes to an end
	}
	bool said = false;
	if (spore__msgpack_find(&t->rpc.m.result, "more", &at))
		(void)spore__msgpack_read_bool(&at, &said);
	*more = *more && said;
	return true;
}

enum spore_err spore__tasks_list(struct spore__tasks *t, const char *system, bool all, struct spore__task_list *list)
{
	*list = (struct spore__task_list){0};
	for (bool more = true; more;) {
		struct spore__msgpack_writer w = {0};
		put_page(&w, system, all, list->count > 0 ? list->items[list->count - 1].name : NULL);
		enum spore_err err = spore__tasks_call(t, "tasks.list", &w, true, SPORE__TASKS_PATIENCE_MS);
		if (err != SPORE_OK)
			return err;
		if (!take_page(t, list, &more)) {
			(void)snprintf(t->rpc.why, sizeof t->rpc.why,
			               "the node's list of tasks has another form; spore node restart");
			return SPORE_EMALFORMED;
		}
	}
	return SPORE_OK;
}

void spore__task_list_finish(struct spore__task_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		spore__task_info_finish(&list->items[i]);
	free(list->items);
	*list = (struct spore__task_list){0};
}
