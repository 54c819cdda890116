#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "system/node.h"
#include "system/run.h"

static const char *const actions[] = {
    [SPORE__ACTION_UNCHANGED] = "unchanged", [SPORE__ACTION_CREATE] = "create", [SPORE__ACTION_REPLACE] = "replace",
    [SPORE__ACTION_UPDATE] = "update",       [SPORE__ACTION_START] = "start",
};

static bool needs_new(const char *key)
{
	for (const struct spore__spec_field *f = spore__spec_fields; f->key != NULL; f++)
		if (strcmp(f->key, key) == 0)
			return !f->live;
	return true; // of a newer node
}

static void decide(struct spore__run_item *item, const struct spore__msgpack_reader *result)
{
	char *state = spore__answer_text(result, "state");
	spore__strs_finish(&item->changed);
	item->action = SPORE__ACTION_UNCHANGED;
	item->ended = strcmp(state, "ended") == 0;
	item->hands = spore__answer_flag(result, "hands");
	if (strcmp(state, "absent") == 0) {
		item->action = SPORE__ACTION_CREATE;
	} else {
		bool asleep = strcmp(state, "stopped") == 0 || strcmp(state, "failed") == 0 ||
		              strcmp(state, "defined") == 0 || strcmp(state, "stopping") == 0;
		spore__answer_texts(result, "changed", &item->changed);
		item->action = asleep ? SPORE__ACTION_START : item->changed.count > 0 ? SPORE__ACTION_UPDATE : 0;
		for (size_t i = 0; !asleep && i < item->changed.count; i++)
			if (needs_new(item->changed.items[i]))
				item->action = SPORE__ACTION_REPLACE;
	}
	free(state);
}

static void put_start(struct spore__msgpack_writer *w, const struct spore__run *r, struct spore__run_item *item,
                      bool dry, bool keep_old)
{
	const struct spore__strs *twins = &r->tasks[item->task - r->m.tasks].twins;
	item->task->spec.replica = item->replica;
	spore__msgpack_map(w, 3 + dry + 2 * keep_old);
	spore__msgpack_str(w, "spec");
	spore__spec_encode(&item->task->spec, w, false);
	spore__msgpack_str(w, "replace");
	spore__msgpack_str(w, item->again != NULL ? "always" : "if-changed");
	spore__msgpack_str(w, "twins");
	spore__msgpack_array(w, (uint32_t)twins->count);
	for (size_t i = 0; i < twins->count; i++)
		spore__msgpack_str(w, twins->items[i]);
	if (dry) {
		spore__msgpack_str(w, "dry");
		spore__msgpack_bool(w, true);
	}
	if (keep_old) {
		spore__msgpack_str(w, "keep_old");
		spore__msgpack_bool(w, true);
		spore__msgpack_str(w, "swap");
		spore__msgpack_bool(w, true);
	}
}

// A name that another manifest has must not be taken for this one.
static int check_owner(struct spore__run *r)
{
	struct spore__msgpack_writer none = {0};
	struct spore__msgpack_reader list;
	uint32_t count = 0;
	int status = 0;
	spore__msgpack_map(&none, 0);
	enum spore_err err = spore__tasks_call(&r->node, "systems.list", &none, true, SPORE__TASKS_PATIENCE_MS);
	if (err != SPORE_OK)
		return spore__tasks_failed(&r->node, err);
	if (spore__msgpack_find(&r->node.rpc.m.result, "systems", &list))
		(void)spore__msgpack_read_array(&list, &count);
	for (; status == 0 && count > 0; count--) {
		char *name = spore__answer_text(&list, "name"), *manifest = spore__answer_text(&list, "manifest");
		if (strcmp(name, r->m.name) == 0 && manifest[0] != '\0' && strcmp(manifest, r->m.path) != 0) {
			char *remedy =
			    spore__xasprintf("give this one another name (name: in %s), or end that one: spore down %s",
			                     spore__system_shown(r->m.path), manifest);
			spore__report(remedy, "%s: there is a system %s already, of %s", r->what, name, manifest);
			free(remedy);
			status = SPORE__EXIT_SPORE;
		}
		free(name);
		free(manifest);
		if (spore__msgpack_skip(&list) != SPORE__MSGPACK_OK)
			break;
	}
	return status;
}

static bool has_task(const struct spore__run *r, const struct spore__task_info *info)
{
	const struct spore__manifest_task *t = spore__manifest_task(&r->m, info->task);
	if (t == NULL)
		return false;
	return t->replicas == 0 ? info->replica == 0 : info->replica >= 1 && info->replica <= t->replicas;
}

static int find_removed(struct spore__run *r)
{
	struct spore__task_list list;
	spore__strs_finish(&r->removed);
	enum spore_err err = spore__tasks_list(&r->node, r->m.name, true, &list);
	int status = err == SPORE_OK ? 0 : spore__tasks_failed(&r->node, err);
	for (size_t i = 0; status == 0 && i < list.count; i++)
		if (!has_task(r, &list.items[i]))
			spore__strs_add(&r->removed, list.items[i].name);
	spore__task_list_finish(&list);
	return status;
}

static void put_dry(void *arg, size_t i, struct spore__msgpack_writer *w)
{
	struct spore__run *r = arg;
	put_start(w, r, &r->items[i], true, false);
}

static void take_dry(void *arg, size_t i, const struct spore__msgpack_reader *result)
{
	struct spore__run *r = arg;
	decide(&r->items[i], result);
}

int spore__run_plan(struct spore__run *r, bool start)
{
	int status = r->met ? 0 : spore__tasks_open(&r->node, r->what, start);
	if (status < 0) { // no node, so nothing is there
		for (size_t i = 0; i < r->count; i++)
			r->items[i].action = SPORE__ACTION_CREATE;
		spore__run_wire_all(r);
		return 0;
	}
	if (status != 0)
		return status;
	r->met = true;
	status = check_owner(r);
	if (status == 0)
		status = find_removed(r);
	if (status == 0) {
		const struct spore__tasks_batch dry = {.method = "tasks.start",
		                                       .count = r->count,
		                                       .put = put_dry,
		                                       .took = take_dry,
		                                       .arg = r,
		                                       .timeout_ms = SPORE__TASKS_PATIENCE_MS};
		enum spore_err err = spore__tasks_call_all(&r->node, &dry);
		status = err == SPORE_OK ? 0 : spore__tasks_failed(&r->node, err);
	}
	if (status == 0)
		spore__run_again(r);
	return status == 0 ? spore__run_wire(r, true) : status;
}

bool spore__run_differs(const struct spore__run *r)
{
	bool differs = r->removed.count + r->wired.count + r->rewired.count + r->unwired.count > 0;
	for (size_t i = 0; i < r->count; i++)
		differs = differs || r->items[i].action != SPORE__ACTION_UNCHANGED;
	return differs;
}

static const char *reason_of(const struct spore__run *r, const struct spore__run_item *item)
{
	const char *built = r->tasks[item->task - r->m.tasks].reason;
	if (spore__strs_has(&item->changed, "version"))
		return built != NULL ? built : item->task->source;
	return spore__strs_has(&item->changed, "artifact") ? built : NULL;
}

static void print_why(const struct spore__run *r, const struct spore__run_item *item)
{
	const char *reason = reason_of(r, item), *before = "  (";
	for (size_t k = 0; k < item->changed.count; k++, before = ", ")
		printf("%s%s", before, item->changed.items[k]);
	if (reason != NULL)
		printf("; %s changed", spore__system_shown(reason));
	if (item->again != NULL)
		printf(item->ended ? "%sit has ended, and %s/%s is wired to it"
		                   : "%sit shares a pipe with %s/%s, which is replaced",
		       item->changed.count > 0 ? "; " : before, r->m.name, item->again->name);
	puts(item->changed.count > 0 || item->again != NULL ? ")" : "");
}

void spore__run_print(const struct spore__run *r)
{
	size_t same = 0;
	for (size_t i = 0; i < r->removed.count; i++)
		printf("%-9s  %s\n", "remove", r->removed.items[i]);
	for (size_t i = 0; i < r->count; i++) {
		const struct spore__run_item *item = &r->items[i];
		if (item->action == SPORE__ACTION_UNCHANGED) {
			same++;
			continue;
		}
		printf("%-9s  %s/%s", actions[item->action], r->m.name, item->name);
		print_why(r, item);
	}
	spore__run_print_wires(r);
	if (same > 0)
		printf("%-9s  %zu task%s of %s\n", "unchanged", same, same == 1 ? "" : "s", r->m.name);
	(void)fflush(stdout); // before what is printed by others
}

void spore__run_print_json(const struct spore__run *r)
{
	struct spore__buf out = {0};
	struct spore__json j = {.out = &out};
	spore__json_open(&j, NULL, '{');
	spore__json_str(&j, "system", r->m.name);
	spore__json_str(&j, "manifest", r->m.path);
	spore__json_bool(&j, "differs", spore__run_differs(r));
	spore__json_open(&j, "tasks", '[');
	for (size_t i = 0; i < r->count; i++) {
		const struct spore__run_item *item = &r->items[i];
		spore__json_open(&j, NULL, '{');
		spore__json_str(&j, "name", item->name);
		spore__json_str(&j, "action", actions[item->action]);
		spore__json_open(&j, "changed", '[');
		for (size_t k = 0; k < item->changed.count; k++)
			spore__json_str(&j, NULL, item->changed.items[k]);
		spore__json_close(&j, ']');
		spore__json_str(&j, "reason", reason_of(r, item));
		spore__json_str(&j, "again_for", item->again != NULL ? item->again->name : NULL);
		spore__json_close(&j, '}');
	}
	spore__json_close(&j, ']');
	spore__json_open(&j, "removed", '[');
	for (size_t i = 0; i < r->removed.count; i++)
		spore__json_str(&j, NULL, r->removed.items[i]);
	spore__json_close(&j, ']');
	spore__run_json_wires(r, &j);
	spore__json_close(&j, '}');
	puts(out.data);
	spore__buf_finish(&out);
}

static enum spore_err claim(struct spore__run *r)
{
	struct spore__msgpack_writer w = {0};
	uint32_t count = 0;
	for (size_t i = 0; i < r->m.count; i++)
		count += r->m.tasks[i].replicas > 0 ? (uint32_t)r->m.tasks[i].replicas : 1;
	spore__msgpack_map(&w, 3);
	spore__msgpack_str(&w, "system");
	spore__msgpack_str(&w, r->m.name);
	spore__msgpack_str(&w, "manifest");
	spore__msgpack_str(&w, r->m.path);
	spore__msgpack_str(&w, "tasks");
	spore__msgpack_array(&w, count);
	for (size_t i = 0; i < r->m.count; i++) {
		const struct spore__manifest_task *t = &r->m.tasks[i];
		for (int64_t n = t->replicas > 0 ? 1 : 0; n <= t->replicas; n++) {
			char name[SPORE__NAME_MAX + 32];
			(void)snprintf(name, sizeof name, n > 0 ? "%s@%lld" : "%s", t->name, (long long)n);
			spore__msgpack_str(&w, name);
		}
	}
	return spore__tasks_call(&r->node, "systems.begin", &w, true, SPORE__TASKS_FOREVER_MS);
}

struct apply {
	struct spore__run *r;
	size_t *items; // indices of those that are not unchanged
	bool keep_old;
};

static bool keeps(const struct apply *a, size_t i)
{
	return a->keep_old && a->r->items[a->items[i]].action == SPORE__ACTION_REPLACE;
}

static void put_real(void *arg, size_t i, struct spore__msgpack_writer *w)
{
	struct apply *a = arg;
	put_start(w, a->r, &a->r->items[a->items[i]], false, keeps(a, i));
}

static void took_real(void *arg, size_t i, const struct spore__msgpack_reader *result)
{
	const struct apply *a = arg;
	(void)i;
	spore__tasks_say_not_swapped(a->r->what, result);
}

int spore__run_apply(struct spore__run *r, bool keep_old)
{
	struct apply a = {.r = r, .keep_old = keep_old, .items = spore__xcalloc(r->count + 1, sizeof *a.items)};
	struct spore__tasks_batch real = {.method = "tasks.start",
	                                  .put = put_real,
	                                  .took = took_real,
	                                  .arg = &a,
	                                  .timeout_ms = SPORE__TASKS_PATIENCE_MS};
	enum spore_err err = claim(r);
	for (size_t i = 0; i < r->count; i++) {
		if (r->items[i].action == SPORE__ACTION_UNCHANGED)
			continue;
		a.items[real.count] = i;
		if (keeps(&a, real.count++)) { // the next only when this one is ready
			real.timeout_ms = SPORE__TASKS_FOREVER_MS;
			real.one_by_one = true;
		}
	}
	// First, so that a program whose readiness takes its peer has it.
	int wired = err == SPORE_OK ? spore__run_wire(r, false) : 0;
	if (err == SPORE_OK && wired == 0)
		err = spore__tasks_call_all(&r->node, &real);
	free(a.items);
	if (wired != 0)
		return wired;
	return err == SPORE_OK ? 0 : spore__tasks_failed(&r->node, err);
}
