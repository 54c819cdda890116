#include "logs/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "node/client.h"
#include "rpc/client.h"

enum { PATIENCE_MS = 10000 };

void spore__log_names_finish(struct spore__log_names *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->items[i].folder);
	free(n->items);
	spore__strs_finish(&n->unknown);
	free(n->why);
	free(n->remedy);
	*n = (struct spore__log_names){0};
}

static bool same(const struct spore__hold_name *a, const struct spore__hold_name *b)
{
	return strcmp(a->system, b->system) == 0 && strcmp(a->task, b->task) == 0 && a->replica == b->replica;
}

static void add(struct spore__log_names *n, const char *state, const struct spore__hold_name *name)
{
	char folder[SPORE__HOLD_NAME];
	if (n->count == n->cap) {
		n->cap = n->cap > 0 ? 2 * n->cap : 16;
		n->items = spore__xrealloc(n->items, n->cap * sizeof *n->items);
	}
	spore__log_folder_format(name, folder);
	struct spore__log_name *item = &n->items[n->count++];
	item->name = *name;
	item->name.generation = 0;
	item->folder = spore__xasprintf("%s/logs/%s/%s", state, name->system[0] != '\0' ? name->system : "_", folder);
}

// One that may have been named twice.
static void add_once(struct spore__log_names *n, const char *state, const struct spore__hold_name *name)
{
	for (size_t i = 0; i < n->count; i++)
		if (same(&n->items[i].name, name))
			return;
	add(n, state, name);
}

static void unknown(struct spore__log_names *n, const char *name, char *why, char *remedy)
{
	spore__strs_add(&n->unknown, name);
	if (n->why == NULL) {
		n->why = why;
		n->remedy = remedy;
		return;
	}
	free(why);
	free(remedy);
}

// ---- the node

static bool read_text(const struct spore__msgpack_reader *map, const char *key, char out[SPORE__NAME_MAX + 1])
{
	struct spore__msgpack_reader at;
	const char *s;
	uint32_t len;
	out[0] = '\0';
	if (!spore__msgpack_find(map, key, &at))
		return true;
	if (spore__msgpack_read_str(&at, &s, &len) != SPORE__MSGPACK_OK || len > SPORE__NAME_MAX)
		return false;
	memcpy(out, s, len);
	out[len] = '\0';
	return true;
}

// False: it has not the form that it should have.
static bool read_tasks(struct spore__log_names *n, const char *state, const struct spore__msgpack_reader *result,
                       void (*take)(struct spore__log_names *n, const char *state, const struct spore__hold_name *name))
{
	struct spore__msgpack_reader list, at;
	uint32_t count;
	if (!spore__msgpack_find(result, "tasks", &list) ||
	    spore__msgpack_read_array(&list, &count) != SPORE__MSGPACK_OK)
		return false;
	for (; count > 0; count--) {
		struct spore__hold_name name = {0};
		if (!read_text(&list, "system", name.system) || !read_text(&list, "task", name.task) ||
		    (spore__msgpack_find(&list, "replica", &at) &&
		     spore__msgpack_read_int(&at, &name.replica) != SPORE__MSGPACK_OK))
			return false;
		if (!spore__name_is_valid(name.task) ||
		    (name.system[0] != '\0' && !spore__name_is_valid(name.system)) ||
		    spore__msgpack_skip(&list) != SPORE__MSGPACK_OK)
			return false;
		take(n, state, &name);
	}
	return true;
}

static enum spore_err ask(struct spore__rpc_client *c, struct spore__log_names *n, const char *state, const char *name)
{
	struct spore__msgpack_writer w = {0};
	char *from = getcwd(NULL, 0);
	spore__msgpack_map(&w, (name != NULL) + (from != NULL));
	if (name != NULL) {
		spore__msgpack_str(&w, "names");
		spore__msgpack_array(&w, 1);
		spore__msgpack_str(&w, name);
	}
	if (from != NULL) {
		spore__msgpack_str(&w, "from");
		spore__msgpack_str(&w, from);
	}
	enum spore_err err = w.err == 0 ? spore__rpc_client_call(c, "tasks.resolve", w.data, w.len) : SPORE_ENOMEM;
	if (err == SPORE_OK && !read_tasks(n, state, &c->m.result, name != NULL ? add_once : add))
		err = SPORE_EMALFORMED;
	spore__msgpack_writer_finish(&w);
	free(from);
	return err;
}

// A connection on which hello was said; false when there is no node.
static bool meet(struct spore__rpc_client *c, bool start)
{
	struct spore__node_problem problem;
	int fd = spore__node_connect(start, PATIENCE_MS, &problem);
	if (fd < 0)
		return false;
	spore__rpc_client_init(c, fd, PATIENCE_MS);
	if (spore__rpc_client_hello(c, "spore-logs") == SPORE_OK)
		return true;
	close(fd);
	spore__rpc_client_finish(c);
	return false;
}

// ---- the folders

struct wanted {
	char system[SPORE__NAME_MAX + 1];
	bool any_system;
	const char *folder; // TASK[@REPLICA]
};

static bool parse_name(const char *text, struct wanted *w)
{
	const char *slash = strchr(text, '/');
	*w = (struct wanted){.any_system = slash == NULL, .folder = slash != NULL ? slash + 1 : text};
	size_t len = slash != NULL ? (size_t)(slash - text) : 0;
	if (len > SPORE__NAME_MAX)
		return false;
	memcpy(w->system, text, len);
	struct spore__hold_name name;
	return spore__log_folder_parse(len > 0 ? w->system : "_", w->folder, &name);
}

static bool matches(const struct wanted *w, const struct spore__hold_name *name)
{
	struct spore__hold_name asked;
	(void)spore__log_folder_parse("_", w->folder, &asked);
	return strcmp(asked.task, name->task) == 0 && (asked.replica == 0 || asked.replica == name->replica) &&
	       (w->any_system || strcmp(w->system, name->system) == 0);
}

static void scan_system(struct spore__log_names *all, const char *state, const char *logs, const char *system)
{
	struct spore__strs tasks = {0};
	char *folder = spore__fs_join(logs, system);
	if (spore__fs_list(folder, &tasks) == 0) {
		for (size_t i = 0; i < tasks.count; i++) {
			struct spore__hold_name name;
			if (spore__log_folder_parse(system, tasks.items[i], &name))
				add(all, state, &name);
		}
	}
	free(folder);
	spore__strs_finish(&tasks);
}

static void scan(struct spore__log_names *all, const char *state)
{
	struct spore__strs systems = {0};
	char *logs = spore__fs_join(state, "logs");
	if (spore__fs_list(logs, &systems) == 0)
		for (size_t i = 0; i < systems.count; i++)
			scan_system(all, state, logs, systems.items[i]);
	free(logs);
	spore__strs_finish(&systems);
}

// The system that a name without one means: none, else the only one that has such a task. *OTHER: another has it too.
static const char *system_of(const struct spore__log_names *all, const struct wanted *w, const char **other)
{
	const char *system = NULL;
	*other = NULL;
	for (size_t i = 0; i < all->count; i++) {
		const char *candidate = all->items[i].name.system;
		if (!matches(w, &all->items[i].name))
			continue;
		if (candidate[0] == '\0') {
			*other = NULL;
			return candidate;
		}
		if (system != NULL && strcmp(system, candidate) != 0)
			*other = candidate;
		else
			system = candidate;
	}
	return system;
}

// False: it means nothing, and N says why.
static bool find(struct spore__log_names *n, const struct spore__log_names *all, const char *state, const char *text)
{
	struct wanted w;
	const char *other;
	if (!parse_name(text, &w)) {
		unknown(n, text, spore__xasprintf("%s: this is no name of a task", text),
		        spore__xstrdup("a name is [SYSTEM/]TASK[@REPLICA]"));
		return false;
	}
	const char *system = system_of(all, &w, &other);
	if (system == NULL) {
		unknown(n, text, spore__xasprintf("%s: there is no log of such a task", text),
		        spore__xstrdup("'spore ps -a' lists the tasks"));
		return false;
	}
	if (other != NULL) {
		unknown(n, text, spore__xasprintf("%s: several systems have such a task", text),
		        spore__xasprintf("name one of them: %s/%s, %s/%s", system, w.folder, other, w.folder));
		return false;
	}
	for (size_t i = 0; i < all->count; i++)
		if (matches(&w, &all->items[i].name) && strcmp(all->items[i].name.system, system) == 0)
			add_once(n, state, &all->items[i].name);
	return true;
}

// ---- both

// What a removed task has left is found by its folder: the node does not know it any more.
static void ask_all(struct spore__rpc_client *c, struct spore__log_names *n, const struct spore__log_names *all,
                    const char *state, char *const *names)
{
	if (names[0] == NULL)
		(void)ask(c, n, state, NULL);
	for (size_t i = 0; names[i] != NULL; i++) {
		enum spore_err err = ask(c, n, state, names[i]);
		if (err == SPORE_EINVALID) { // not clear: the node says what it may mean
			unknown(n, names[i], spore__xstrdup(c->why), NULL);
		} else if (err != SPORE_OK && !find(n, all, state, names[i]) && err == SPORE_ENOTFOUND &&
		           n->unknown.count == 1) {
			free(n->why); // the node knows more names
			n->why = spore__xstrdup(c->why);
			free(n->remedy);
			n->remedy = NULL;
		}
	}
}

void spore__log_names_resolve(struct spore__log_names *n, const char *state, char *const *names, bool start)
{
	static bool silent;
	struct spore__rpc_client c;
	struct spore__log_names all = {0};
	spore__log_names_finish(n);
	scan(&all, state);
	if (!silent && meet(&c, start)) {
		ask_all(&c, n, &all, state, names);
		close(c.fd);
		spore__rpc_client_finish(&c);
	} else {
		silent = true;
		for (size_t i = 0; names[i] != NULL; i++)
			(void)find(n, &all, state, names[i]);
	}
	if (names[0] == NULL && n->count == 0)
		for (size_t i = 0; i < all.count; i++)
			add(n, state, &all.items[i].name);
	spore__log_names_finish(&all);
}
