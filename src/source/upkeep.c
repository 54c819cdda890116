#include "source/upkeep.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/std.h"
#include "os/os.h"
#include "source/stubs.h"

enum { SIZE_TEXT = 32 };

struct kept {
	struct spore__meta meta;
	int64_t used; // seconds
	bool broken;  // its record cannot be read
};

static int longest_unused_first(const void *a, const void *b)
{
	const struct kept *x = a, *y = b;
	return (x->used > y->used) - (x->used < y->used);
}

static struct kept *load_all(struct spore__store *s, size_t *count)
{
	char *dir = spore__fs_join(s->root, "meta");
	struct spore__strs ids = {0};
	(void)spore__fs_list(dir, &ids);
	struct kept *all = spore__xcalloc(ids.count, sizeof *all);
	*count = 0;
	for (size_t i = 0; i < ids.count; i++) {
		char *path = spore__fs_join(dir, ids.items[i]);
		struct stat st;
		size_t len = strlen(ids.items[i]);
		if ((len < 5 || strcmp(ids.items[i] + len - 5, ".part") != 0) && stat(path, &st) == 0) {
			struct kept *k = &all[(*count)++];
			k->used = st.st_atim.tv_sec > st.st_mtim.tv_sec ? st.st_atim.tv_sec : st.st_mtim.tv_sec;
			k->broken = spore__meta_read(s, ids.items[i], &k->meta) != 0;
			if (k->broken) {
				spore__meta_finish(&k->meta);
				k->meta.id = spore__xstrdup(ids.items[i]);
			}
		}
		free(path);
	}
	spore__strs_finish(&ids);
	free(dir);
	if (*count > 1)
		qsort(all, *count, sizeof *all, longest_unused_first);
	return all;
}

static void free_all(struct kept *all, size_t count)
{
	for (size_t i = 0; i < count; i++)
		spore__meta_finish(&all[i].meta);
	free(all);
}

static void human_size(int64_t bytes, char out[SIZE_TEXT])
{
	static const char units[] = "BKMGT";
	double n = (double)bytes;
	size_t u = 0;
	for (; n >= 1000 && u + 1 < sizeof units - 1; u++)
		n /= 1024;
	(void)snprintf(out, SIZE_TEXT, n < 10 && u > 0 ? "%.1f%c" : "%.0f%c", n, units[u]);
}

static void human_age(int64_t seconds, char out[SIZE_TEXT])
{
	if (seconds < 0)
		seconds = 0;
	if (seconds < 120)
		(void)snprintf(out, SIZE_TEXT, "%" PRId64 "s", seconds);
	else if (seconds < 7200)
		(void)snprintf(out, SIZE_TEXT, "%" PRId64 "m", seconds / 60);
	else if (seconds < 172800)
		(void)snprintf(out, SIZE_TEXT, "%" PRId64 "h", seconds / 3600);
	else
		(void)snprintf(out, SIZE_TEXT, "%" PRId64 "d", seconds / 86400);
}

static int print_out(struct spore__buf *out)
{
	int status = out->len == 0 ? SPORE__EXIT_OK : spore__std_write(out->data, out->len);
	spore__buf_finish(out);
	return status;
}

static void artifact_json(struct spore__json *j, const struct spore__store *s, const struct kept *k)
{
	char *path = spore__store_path(s, "artifacts", k->meta.id);
	spore__json_open(j, NULL, '{');
	spore__json_str(j, "id", k->meta.id);
	spore__json_str(j, "path", path);
	spore__json_str(j, "source", k->meta.source);
	spore__json_str(j, "kind", k->meta.kind);
	spore__json_str(j, "tier", k->meta.tier);
	spore__json_str(j, "builder", k->meta.builder);
	spore__json_int(j, "size", k->meta.size);
	spore__json_int(j, "created", k->meta.created);
	spore__json_int(j, "used", k->used);
	spore__json_close(j, '}');
	free(path);
}

int spore__upkeep_list(struct spore__store *s, bool json)
{
	size_t count;
	struct kept *all = load_all(s, &count);
	struct spore__buf out = {0};
	struct spore__json j = {.out = &out};
	int64_t now = (int64_t)time(NULL);
	if (json)
		spore__json_open(&j, NULL, '[');
	else
		spore__buf_printf(&out, "%-20s %-6s %-10s %6s %6s  %s\n", "ARTIFACT", "TIER", "BUILDER", "SIZE", "USED",
		                  "SOURCE");
	for (size_t i = count; i > 0; i--) {
		const struct kept *k = &all[i - 1];
		char size[SIZE_TEXT], used[SIZE_TEXT];
		if (k->broken)
			continue;
		if (json) {
			artifact_json(&j, s, k);
			continue;
		}
		human_size(k->meta.size, size);
		human_age(now - k->used, used);
		spore__buf_printf(&out, "%-20.20s %-6s %-10s %6s %6s  %s\n", k->meta.id, k->meta.tier,
		                  k->meta.builder != NULL ? k->meta.builder : "-", size, used,
		                  k->meta.source != NULL ? k->meta.source : "-");
	}
	if (json) {
		spore__json_close(&j, ']');
		spore__buf_char(&out, '\n');
	}
	free_all(all, count);
	return print_out(&out);
}

int spore__upkeep_verify(struct spore__store *s, bool json)
{
	size_t count, bad = 0;
	struct kept *all = load_all(s, &count);
	struct spore__buf out = {0};
	struct spore__json j = {.out = &out};
	int status = SPORE__EXIT_OK;
	if (json)
		spore__json_open(&j, NULL, '[');
	for (size_t i = 0; i < count; i++) {
		struct kept *k = &all[i];
		if (!k->broken && spore__store_whole(s, &k->meta))
			continue;
		bad++;
		status = SPORE__EXIT_FAILED;
		if (spore__store_discard(s, k->meta.id) != 0)
			spore__report("look at the permissions of the store", "cannot take away %s: %s", k->meta.id,
			              strerror(errno));
		if (json)
			artifact_json(&j, s, k);
		else
			spore__buf_printf(&out, "altered: %s (%s), taken away; the next use builds it again\n",
			                  k->meta.id,
			                  k->meta.source != NULL ? k->meta.source : "its record cannot be read");
	}
	if (json) {
		spore__json_close(&j, ']');
		spore__buf_char(&out, '\n');
	} else {
		spore__buf_printf(&out, "%zu artifacts, %zu altered\n", count, bad);
	}
	free_all(all, count);
	int printed = print_out(&out);
	return printed != 0 ? printed : status;
}

struct gc {
	struct spore__store *s;
	bool dry;
	int64_t now, max_age_s, freed;
	size_t removed, in_use;
	struct spore__json json;
	struct spore__buf out;
	bool as_json;
};

static int64_t tree_bytes(const char *path)
{
	struct stat st;
	if (lstat(path, &st) != 0)
		return 0;
	if (!S_ISDIR(st.st_mode))
		return st.st_size;
	int64_t sum = 0;
	struct spore__strs names = {0};
	(void)spore__fs_list(path, &names);
	for (size_t i = 0; i < names.count; i++) {
		char *child = spore__fs_join(path, names.items[i]);
		sum += tree_bytes(child);
		free(child);
	}
	spore__strs_finish(&names);
	return sum;
}

static void removed(struct gc *g, const char *what, const char *name, int64_t bytes)
{
	g->removed++;
	g->freed += bytes;
	if (g->as_json) {
		spore__json_open(&g->json, NULL, '{');
		spore__json_str(&g->json, "what", what);
		spore__json_str(&g->json, "name", name);
		spore__json_int(&g->json, "size", bytes);
		spore__json_close(&g->json, '}');
		return;
	}
	char size[SIZE_TEXT];
	human_size(bytes, size);
	spore__buf_printf(&g->out, "%s %s %s (%s)\n", g->dry ? "would remove" : "removed", what, name, size);
}

static bool locked(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	bool is = spore__os_lock(fd, true, false) != 0;
	close(fd);
	return is;
}

static bool artifact_in_use(const struct gc *g, const char *id)
{
	char *meta = spore__store_path(g->s, "meta", id);
	char *dir = spore__store_path(g->s, "artifacts", id);
	bool used = locked(meta) || spore__os_in_use(dir);
	free(dir);
	free(meta);
	return used;
}

static bool remove_artifact(struct gc *g, const struct kept *k)
{
	if (g->dry ? artifact_in_use(g, k->meta.id) : spore__store_remove(g->s, k->meta.id) != 0) {
		if (!g->dry && errno != EBUSY)
			spore__report("look at the permissions of the store", "cannot remove %s: %s", k->meta.id,
			              strerror(errno));
		g->in_use++;
		return false;
	}
	removed(g, "artifact", k->meta.id, k->meta.size);
	return true;
}

static void collect_artifacts(struct gc *g, int64_t max_bytes)
{
	size_t count;
	struct kept *all = load_all(g->s, &count);
	int64_t total = 0;
	for (size_t i = 0; i < count; i++)
		total += all[i].meta.size;
	for (size_t i = 0; i < count; i++) {
		bool old = g->max_age_s >= 0 && g->now - all[i].used > g->max_age_s;
		bool over = max_bytes >= 0 && total > max_bytes;
		if ((old || over || all[i].broken) && remove_artifact(g, &all[i]))
			total -= all[i].meta.size;
	}
	free_all(all, count);
}

// Entries of a folder of the store that are not artifacts: GONE says whether one has no use any more.
static void collect_folder(struct gc *g, const char *kind, const char *what,
                           bool (*gone)(struct gc *g, const char *path, const char *name))
{
	char *dir = spore__fs_join(g->s->root, kind);
	struct spore__strs names = {0};
	(void)spore__fs_list(dir, &names);
	for (size_t i = 0; i < names.count; i++) {
		char *path = spore__fs_join(dir, names.items[i]);
		if (gone(g, path, names.items[i])) {
			int64_t bytes = tree_bytes(path);
			if (g->dry || spore__fs_remove_tree(path) == 0)
				removed(g, what, names.items[i], bytes);
			else
				spore__report("look at the permissions of the store", "cannot remove %s: %s", path,
				              strerror(errno));
		}
		free(path);
	}
	spore__strs_finish(&names);
	free(dir);
}

static bool ended(long pid)
{
	return pid > 0 && kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

// NAME.PID.part: what a process that was killed came to write of NAME (spore__fs_write_atomic).
static bool part_gone(struct gc *g, const char *path, const char *name)
{
	(void)g, (void)path;
	size_t len = strlen(name), end = sizeof ".part" - 1;
	if (len <= end || strcmp(name + len - end, ".part") != 0)
		return false;
	size_t at = len - end;
	while (at > 0 && name[at - 1] >= '0' && name[at - 1] <= '9')
		at--;
	return at > 0 && name[at - 1] == '.' && ended(strtol(name + at, NULL, 10));
}

static void collect_parts(struct gc *g)
{
	static const char *const kinds[] = {".", "meta", "candidates", "stubs"};
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		collect_folder(g, kinds[i], "unfinished record", part_gone);
	char *work = spore__fs_join(g->s->root, "work");
	struct spore__strs names = {0};
	(void)spore__fs_list(work, &names);
	for (size_t i = 0; i < names.count; i++) {
		char *kind = spore__fs_join("work", names.items[i]);
		collect_folder(g, kind, "unfinished record", part_gone);
		free(kind);
	}
	spore__strs_finish(&names);
	free(work);
}

// Files in memory of processes that were killed.
static void collect_scratch(struct gc *g)
{
	char *dir = spore__store_scratch_folder(g->s);
	struct spore__strs names = {0};
	(void)spore__fs_list(dir, &names);
	for (size_t i = 0; i < names.count; i++) {
		long pid = strtol(names.items[i], NULL, 10);
		char *path = spore__fs_join(dir, names.items[i]);
		bool gone = strstr(names.items[i], ".trace") != NULL && ended(pid);
		if (gone && (g->dry || unlink(path) == 0))
			removed(g, "trace", names.items[i], 0);
		free(path);
	}
	spore__strs_finish(&names);
	free(dir);
}

static bool stage_gone(struct gc *g, const char *path, const char *name)
{
	(void)g, (void)name;
	return !locked(path);
}

static bool is_old(const struct gc *g, const char *path)
{
	struct stat st;
	return g->max_age_s >= 0 && stat(path, &st) == 0 && g->now - st.st_mtim.tv_sec > g->max_age_s;
}

static bool work_gone(struct gc *g, const char *path, const char *name)
{
	(void)name;
	char *meta = spore__fs_join(path, "meta"); // written by each build
	char *lock = spore__fs_join(path, "lock");
	bool gone = (is_old(g, meta) || (access(meta, F_OK) != 0 && is_old(g, path))) && !locked(lock);
	free(lock);
	free(meta);
	return gone;
}

static bool log_gone(struct gc *g, const char *path, const char *name)
{
	(void)name;
	return is_old(g, path);
}

// An artifact's folder without a record: of a build that was cut short, unless it is the prefix of one that is running.
static bool artifact_gone(struct gc *g, const char *path, const char *name)
{
	(void)path;
	char *meta = spore__store_path(g->s, "meta", name);
	bool gone = access(meta, F_OK) != 0;
	free(meta);
	char *hex = spore__xstrndup(name, SPORE__HASH_HEX);
	char *lock = spore__xasprintf("%s/work/%s/lock", g->s->root, hex);
	gone = gone && !locked(lock) && !spore__os_in_use(path);
	free(lock);
	free(hex);
	return gone;
}

static bool candidates_gone(struct gc *g, const char *path, const char *name)
{
	(void)path;
	struct spore__strs ids = {0};
	spore__store_candidates(g->s, name, &ids);
	bool any = false;
	for (size_t i = 0; i < ids.count; i++) {
		char *meta = spore__store_path(g->s, "meta", ids.items[i]);
		any = any || access(meta, F_OK) == 0;
		free(meta);
	}
	spore__strs_finish(&ids);
	return !any;
}

// Code of transparent calls: of a header that is another one now or gone, or not used for long. It is made again where it is missed.
static bool stubs_gone(struct gc *g, const char *path, const char *name)
{
	(void)name;
	return is_old(g, path) || !spore__stubs_fresh(g->s, path);
}

static bool is_lock(const char *name)
{
	return strcmp(name, "lock") == 0 || strcmp(name, "opt-lock") == 0;
}

static bool remove_lock(const char *dir, const char *name)
{
	char *lock = spore__fs_join(dir, name);
	bool gone = !locked(lock) && (unlink(lock) == 0 || errno == ENOENT);
	free(lock);
	return gone;
}

// Index entries whose artifact is gone, and the folders that they leave empty. True when DIR is empty afterwards.
static bool collect_index(struct gc *g, const char *dir)
{
	struct spore__strs names = {0};
	bool empty = true;
	(void)spore__fs_list(dir, &names);
	for (size_t i = 0; i < names.count; i++) {
		char *path = spore__fs_join(dir, names.items[i]);
		bool gone = false;
		if (names.items[i][0] == '+') {
			gone = collect_index(g, path) && !g->dry && rmdir(path) == 0;
		} else if (strcmp(names.items[i], "fast") == 0 || strcmp(names.items[i], "opt") == 0) {
			struct spore__index index;
			gone = spore__index_read(path, &index) != 0;
			char *meta = gone ? NULL : spore__store_path(g->s, "meta", index.id);
			gone = gone || access(meta, F_OK) != 0;
			free(meta);
			spore__index_finish(&index);
			gone = gone && !g->dry && unlink(path) == 0;
		} else if (part_gone(g, path, names.items[i])) {
			gone = !g->dry && unlink(path) == 0;
		}
		empty = empty && (gone || is_lock(names.items[i])); // locks stay while an entry does
		free(path);
	}
	if (empty && !g->dry)
		empty = remove_lock(dir, "lock") && remove_lock(dir, "opt-lock");
	spore__strs_finish(&names);
	return empty;
}

int spore__upkeep_gc(struct spore__store *s, int64_t max_age_s, int64_t max_bytes, bool dry, bool json)
{
	struct gc g = {.s = s, .dry = dry, .now = (int64_t)time(NULL), .max_age_s = max_age_s, .as_json = json};
	g.json.out = &g.out;
	if (json)
		spore__json_open(&g.json, NULL, '[');
	collect_artifacts(&g, max_bytes);
	collect_scratch(&g);
	collect_parts(&g);
	collect_folder(&g, "stage", "unfinished build", stage_gone);
	collect_folder(&g, "artifacts", "unfinished artifact", artifact_gone);
	collect_folder(&g, "work", "build folder", work_gone);
	collect_folder(&g, "logs", "log", log_gone);
	collect_folder(&g, "candidates", "list", candidates_gone);
	collect_folder(&g, "stubs", "code of calls", stubs_gone);
	char *index = spore__fs_join(s->root, "index");
	(void)collect_index(&g, index);
	free(index);
	if (json) {
		spore__json_close(&g.json, ']');
		spore__buf_char(&g.out, '\n');
	} else {
		char size[SIZE_TEXT];
		human_size(g.freed, size);
		spore__buf_printf(&g.out, "%zu removed, %s freed, %zu in use\n", g.removed, size, g.in_use);
	}
	return print_out(&g.out);
}

static void say_difference(struct spore__store *s, const struct spore__made_from *input, const char *dir, size_t *count)
{
	char *path =
	    input->path[0] == '/' ? spore__xstrdup(input->path) : spore__xasprintf("%s%s", dir, input->path + 1);
	struct spore__hash hash;
	bool absent = spore__hash_file(s->hashes, path, &hash, NULL) != 0;
	const char *what = NULL;
	if (input->absent && !absent)
		what = "appeared";
	else if (!input->absent && absent)
		what = "gone";
	else if (!absent && !spore__hash_equal(&hash, &input->hash))
		what = "changed";
	if (what != NULL) {
		++*count;
		(void)fprintf(stderr, "%s: %s\n", what, input->path[0] == '/' ? input->path : input->path + 2);
	}
	free(path);
}

static bool why_of(struct spore__store *s, const char *source, const char *tier, bool *known)
{
	char *path = spore__index_path(s->root, source, tier);
	struct spore__index index;
	struct spore__meta m = {0};
	size_t differences = 0;
	*known = spore__index_read(path, &index) == 0 && spore__meta_read(s, index.id, &m) == 0;
	if (*known) {
		char *dir = strcmp(m.kind, "folder") == 0 ? spore__xstrdup(source) : spore__fs_dir(source);
		for (size_t i = 0; i < m.input_count; i++)
			say_difference(s, &m.inputs[i], dir, &differences);
		if (differences == 0 && !spore__store_whole(s, &m)) {
			differences++;
			(void)fprintf(stderr, "altered: the artifact %s itself\n", m.id);
		}
		// A new file in a folder changes no file: the folder's own time tells.
		for (size_t i = 0; differences == 0 && strcmp(m.kind, "folder") == 0 && i < index.input_count; i++) {
			struct stat st;
			struct spore__filestate now;
			const struct spore__input *input = &index.inputs[i];
			if (input->absent || !S_ISDIR(input->state.mode) ||
			    strncmp(input->path, source, strlen(source)) != 0 || stat(input->path, &st) != 0)
				continue;
			spore__filestate_of(&st, &now);
			if (!spore__filestate_equal(&now, &input->state))
				(void)fprintf(stderr, "names changed in: %s\n", input->path);
		}
		if (differences == 0)
			(void)fprintf(stderr, "no input changed since the artifact %s\n", m.id);
		free(dir);
	}
	spore__meta_finish(&m);
	spore__index_finish(&index);
	free(path);
	return differences > 0;
}

void spore__upkeep_why(struct spore__store *s, const char *typed, const char *source)
{
	bool known;
	(void)why_of(s, source, "opt", &known);
	if (!known)
		(void)why_of(s, source, "fast", &known);
	if (!known)
		(void)fprintf(stderr, "never built: the store has no artifact of %s\n", typed);
}
