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

enum { UNDER_WAY = 32 };

struct batch {
	struct spore__tasks *t;
	const struct spore__tasks_batch *b;
	uint32_t ids[UNDER_WAY];
	size_t items[UNDER_WAY]; // which item each is about
	size_t count;
};

static enum spore_err send_item(struct batch *s, size_t item)
{
	struct spore__msgpack_writer w = {0};
	s->b->put(s->b->arg, item, &w);
	enum spore_err err = w.err != 0 ? SPORE_ENOMEM : SPORE_OK;
	if (err != SPORE_OK)
		(void)snprintf(s->t->rpc.why, sizeof s->t->rpc.why, "out of memory");
	else
		err = spore__rpc_client_send(&s->t->rpc, s->b->method, w.data, w.len, &s->ids[s->count]);
	spore__msgpack_writer_finish(&w);
	s->items[s->count++] = item; // also when it failed: it may have arrived
	return err;
}

static enum spore_err take_answer(struct batch *s)
{
	uint32_t id;
	enum spore_err err = spore__rpc_client_receive(&s->t->rpc, &id);
	for (size_t i = 0; err == SPORE_OK && i < s->count; i++) {
		if (s->ids[i] != id)
			continue;
		if (s->b->took != NULL)
			s->b->took(s->b->arg, s->items[i], &s->t->rpc.m.result);
		s->count--;
		memmove(&s->ids[i], &s->ids[i + 1], (s->count - i) * sizeof *s->ids);
		memmove(&s->items[i], &s->items[i + 1], (s->count - i) * sizeof *s->items);
		break;
	}
	return err;
}

// One by one, as often as it takes: what was under way when the node ended.
static enum spore_err call_again(struct batch *s)
{
	enum spore_err err = SPORE_OK;
	for (size_t i = 0; err == SPORE_OK && i < s->count; i++) {
		struct spore__msgpack_writer w = {0};
		s->b->put(s->b->arg, s->items[i], &w);
		err = spore__tasks_call(s->t, s->b->method, &w, true, s->b->timeout_ms);
		if (err == SPORE_OK && s->b->took != NULL)
			s->b->took(s->b->arg, s->items[i], &s->t->rpc.m.result);
	}
	s->count = 0;
	return err;
}

enum spore_err spore__tasks_call_all(struct spore__tasks *t, const struct spore__tasks_batch *b)
{
	struct batch s = {.t = t, .b = b};
	enum spore_err err = SPORE_OK;
	t->rpc.timeout_ms = b->timeout_ms;
	for (size_t next = 0; err == SPORE_OK && (next < b->count || s.count > 0);) {
		if (next < b->count && s.count < (b->one_by_one ? 1 : UNDER_WAY))
			err = send_item(&s, next++);
		else
			err = take_answer(&s);
		if (err == SPORE_ECLOSED) {
			err = call_again(&s);
			t->rpc.timeout_ms = b->timeout_ms;
		}
	}
	return err;
}

static bool is_about_what_was_asked(enum spore_err err)
{
	return err == SPORE_ENOTFOUND || err == SPORE_EINVALID || err == SPORE_EEXISTS || err == SPORE_ETOOBIG ||
	       err == SPORE_ECANCELLED; // a program that did not become ready
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

void spore__tasks_say_not_swapped(const char *command, const struct spore__msgpack_reader *result)
{
	struct spore__msgpack_reader at;
	const char *why;
	uint32_t len;
	if (!spore__msgpack_find(result, "not_swapped", &at) ||
	    spore__msgpack_read_str(&at, &why, &len) != SPORE__MSGPACK_OK)
		return;
	// It has been replaced: that is no remedy any more.
	static const char remedy[] = "; use 'spore restart'";
	uint32_t tail = sizeof remedy - 1;
	if (len > tail && memcmp(why + len - tail, remedy, tail) == 0)
		len -= tail;
	spore__report(NULL, "%s: note: replaced without its channels: %.*s", command, (int)len, why);
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

enum { TEXTS = 7, NUMBERS = 4, MEMBERS = TEXTS + NUMBERS };

static const struct {
	const char *key;
	size_t offset;
} members[MEMBERS] = {
    {"name", offsetof(struct spore__task_info, name)},
    {"system", offsetof(struct spore__task_info, system)},
    {"task", offsetof(struct spore__task_info, task)},
    {"state", offsetof(struct spore__task_info, state)},
    {"why", offsetof(struct spore__task_info, why)},
    {"source", offsetof(struct spore__task_info, source)},
    {"every", offsetof(struct spore__task_info, every)},
    {"replica", offsetof(struct spore__task_info, replica)},
    {"generation", offsetof(struct spore__task_info, generation)},
    {"next_at", offsetof(struct spore__task_info, next_at)},
    {"skipped", offsetof(struct spore__task_info, skipped)},
};

static void *member(struct spore__task_info *info, size_t i)
{
	return (char *)info + members[i].offset;
}

// What KEY says, R standing before its value, and behind it afterwards. Each value is read once: lists are long.
static bool take_member(struct spore__task_info *info, struct spore__msgpack_value *texts,
                        const struct spore__msgpack_value *key, struct spore__msgpack_reader *r)
{
	const struct spore__msgpack_reader before = *r;
	struct spore__msgpack_value v;
	size_t i = 0;
	if (spore__msgpack_is(key, "hold")) {
		info->has_hold = spore__state_read(r, &info->hold) == SPORE_OK;
		if (info->has_hold)
			return true;
		*r = before;
		return spore__msgpack_skip(r) == SPORE__MSGPACK_OK;
	}
	while (i < MEMBERS && !spore__msgpack_is(key, members[i].key))
		i++;
	if (spore__msgpack_read(r, &v) != SPORE__MSGPACK_OK)
		return false;
	if (v.type == SPORE__MSGPACK_ARRAY || v.type == SPORE__MSGPACK_MAP) {
		*r = before;
		return spore__msgpack_skip(r) == SPORE__MSGPACK_OK;
	}
	if (i < TEXTS && v.type == SPORE__MSGPACK_STR)
		texts[i] = v;
	else if (i >= TEXTS && i < MEMBERS && v.type == SPORE__MSGPACK_INT)
		*(int64_t *)member(info, i) = v.i;
	else if (v.type == SPORE__MSGPACK_BOOL && spore__msgpack_is(key, "wanted"))
		info->wanted = v.boolean;
	return true;
}

// As far as a string of C goes.
static size_t text_length(const struct spore__msgpack_value *v)
{
	return v->s.len > 0 ? strnlen((const char *)v->s.bytes, v->s.len) : 0;
}

bool spore__task_info_read(struct spore__msgpack_reader *r, struct spore__task_info *info)
{
	struct spore__msgpack_value texts[TEXTS] = {0};
	uint32_t count;
	*info = (struct spore__task_info){0};
	bool ok = spore__msgpack_read_map(r, &count) == SPORE__MSGPACK_OK;
	for (; ok && count > 0; count--) {
		struct spore__msgpack_value key;
		ok = spore__msgpack_read(r, &key) == SPORE__MSGPACK_OK && key.type == SPORE__MSGPACK_STR &&
		     take_member(info, texts, &key, r);
	}
	size_t size = 0;
	for (size_t i = 0; i < TEXTS; i++)
		size += text_length(&texts[i]) + 1;
	char *at = spore__xmalloc(size);
	for (size_t i = 0; i < TEXTS; i++) {
		size_t len = text_length(&texts[i]);
		*(char **)member(info, i) = at;
		if (len > 0)
			memcpy(at, texts[i].s.bytes, len);
		at[len] = '\0';
		at += len + 1;
	}
	return ok && info->name[0] != '\0';
}

void spore__task_info_finish(struct spore__task_info *info)
{
	free(info->name);
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

static bool take_tasks(struct spore__msgpack_reader *r, struct spore__task_list *list)
{
	uint32_t count;
	if (spore__msgpack_read_array(r, &count) != SPORE__MSGPACK_OK)
		return false;
	list->items = spore__xrealloc(list->items, (list->count + count + 1) * sizeof *list->items);
	for (; count > 0; count--)
		if (!spore__task_info_read(r, &list->items[list->count++]))
			return false;
	return true;
}

// Adds the tasks of one answer. False when it has another form.
static bool take_page(struct spore__tasks *t, struct spore__task_list *list, bool *more)
{
	struct spore__msgpack_reader r = t->rpc.m.result;
	size_t before = list->count;
	uint32_t count;
	bool said = false, there = false;
	if (spore__msgpack_read_map(&r, &count) != SPORE__MSGPACK_OK)
		return false;
	for (bool ok; count > 0; count--) {
		struct spore__msgpack_value key;
		ok = spore__msgpack_read(&r, &key) == SPORE__MSGPACK_OK;
		if (ok && spore__msgpack_is(&key, "tasks"))
			ok = there = take_tasks(&r, list);
		else if (ok && spore__msgpack_is(&key, "more"))
			ok = spore__msgpack_read_bool(&r, &said) == SPORE__MSGPACK_OK;
		else
			ok = ok && spore__msgpack_skip(&r) == SPORE__MSGPACK_OK;
		if (!ok)
			return false;
	}
	*more = said && list->count > before; // something came, so that asking for more comes to an end
	return there;
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
