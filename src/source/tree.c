// A program that is a folder. Its private copy and build tree stay in the store's work/HASH/, so that the next build does only
// what changed:
//
//	lock      held while it is used
//	src/      the copy, kept equal to the user's folder; copied: what it holds
//	work/     what the build systems make out of tree
//	traced    the lines of all builds since the tree was made
//	meta      the inputs as they were at the last build, whether it worked or not
//
// The prefix that the build sees is artifacts/HASH-NAME, the same in every build, so that nothing is configured anew; when it
// is done that path is replaced inside the files by the artifact's own, which has the same length.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/dirs.h"
#include "base/fs.h"
#include "base/mem.h"
#include "os/os.h"
#include "source/build.h"
#include "source/diagnostic.h"
#include "source/inputs.h"
#include "source/job.h"
#include "source/relocate.h"
#include "source/walk.h"

enum {
	TRIES = 3,
	MAX_SECONDS = 3600,
	MAX_LOG_BYTES = 64 << 20,
};

struct tree {
	struct spore__job *b;
	char *name;
	struct spore__walk walk;
	struct spore__strs settings;
	char *candidates;

	char *work; // the folder of this source in the store
	int lock;
	char *src, *build, *trace, *traced, *record, *meta, *home, *log;
	char *prefix;
};

// "nano-7.2" is nano.
static char *project_name(const char *source)
{
	const char *base = spore__fs_base(source);
	size_t len = strlen(base);
	for (size_t i = 1; i + 1 < len; i++)
		if ((base[i] == '-' || base[i] == '_') && base[i + 1] >= '0' && base[i + 1] <= '9')
			len = i;
	char *name = spore__xstrndup(base, len);
	for (char *p = name; *p != '\0'; p++)
		if (*p <= ' ' || *p == 0x7f || strchr("'\"\\$`:;*?", *p) != NULL)
			*p = '_'; // it becomes part of the prefix, which make and shells read
	return name;
}

static bool load(struct tree *t)
{
	struct spore__job *b = t->b;
	size_t len = strlen(b->source);
	if (strncmp(b->store->root, b->source, len) == 0 && (b->store->root[len] == '/' || b->store->root[len] == '\0'))
		return spore__job_fail(b, spore__xasprintf("%s: the store %s is inside it", b->typed, b->store->root),
		                       spore__xstrdup("name a folder elsewhere in SPORE_STORE"));
	t->name = project_name(b->source);
	char *where;
	if (spore__walk_read(b->store->hashes, b->source, &t->walk, &where) != 0) {
		char *error = spore__xasprintf("%s: cannot read %s: %s", b->typed, where, strerror(errno));
		free(where);
		return spore__job_fail(b, error, spore__xstrdup("make it readable, or move it out of the folder"));
	}
	if (t->walk.file_count == 0)
		return spore__job_fail(b, spore__xasprintf("%s: the folder has no files", b->typed), NULL);
	spore__strs_add(&t->settings, "format=1");
	spore__strs_addf(&t->settings, "logic=%s", spore__index_logic());
	spore__strs_addf(&t->settings, "store=%s", b->store->root);
	spore__strs_addf(&t->settings, "target=%s", SPORE__TARGET);
	spore__strs_addf(&t->settings, "folder=%s", t->name);
	spore__strs_addf(&t->settings, "sandbox=%s", b->sandbox ? "yes" : "no");
	struct spore__hash files, hash;
	struct spore__hasher h;
	spore__walk_hash(&t->walk, &files);
	spore__hasher_init(&h);
	for (size_t i = 0; i < t->settings.count; i++)
		spore__hasher_str(&h, t->settings.items[i]);
	spore__hasher_field(&h, files.bytes, sizeof files.bytes);
	spore__hasher_finish(&h, &hash);
	t->candidates = spore__xmalloc(SPORE__HASH_HEX + 1);
	spore__hash_hex(&hash, t->candidates);
	return true;
}

static int newest_first(const void *a, const void *b)
{
	const struct spore__filestate *x = &((const struct spore__input *)a)->state;
	const struct spore__filestate *y = &((const struct spore__input *)b)->state;
	if (x->mtime_s != y->mtime_s)
		return x->mtime_s < y->mtime_s ? 1 : -1;
	return (x->mtime_ns < y->mtime_ns) - (x->mtime_ns > y->mtime_ns);
}

// What was edited last is likeliest to be edited next: then the client, which looks in this order, need not look at all the rest.
static void order_index(struct tree *t)
{
	struct spore__index *index = &t->b->index;
	if (index->input_count > 1)
		qsort(index->inputs, index->input_count, sizeof *index->inputs, newest_first);
}

// The folders' times tell the client of new files.
static void index_folders(struct tree *t)
{
	for (size_t i = 0; i < t->walk.folder_count; i++) {
		char *path = t->walk.folders[i].path[0] == '\0' ? spore__xstrdup(t->b->source)
		                                                : spore__fs_join(t->b->source, t->walk.folders[i].path);
		spore__index_add_input(&t->b->index, path, &t->walk.folders[i].st);
		free(path);
	}
}

static bool open_work(struct tree *t)
{
	struct spore__hash hash;
	struct spore__hasher h;
	char hex[SPORE__HASH_HEX + 1];
	spore__hasher_init(&h);
	spore__hasher_str(&h, t->b->source);
	spore__hasher_str(&h, t->b->sandbox ? "sandbox" : "open");
	spore__hasher_finish(&h, &hash);
	spore__hash_hex(&hash, hex);
	t->work = spore__store_path(t->b->store, "work", hex);
	t->src = spore__fs_join(t->work, "src");
	t->build = spore__fs_join(t->work, "work");
	t->trace = spore__store_scratch(t->b->store);
	t->traced = spore__fs_join(t->work, "traced");
	t->record = spore__fs_join(t->work, "copied");
	t->meta = spore__fs_join(t->work, "meta");
	t->home = spore__fs_join(t->work, "home");
	t->log = spore__fs_join(t->work, "log");
	t->prefix = spore__xasprintf("%s/artifacts/%s-%s", t->b->store->root, hex, t->name);
	char *lock = spore__fs_join(t->work, "lock");
	if (spore__fs_mkdirs(t->work, 0700) == 0)
		t->lock = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	free(lock);
	if (t->lock < 0 || spore__os_lock(t->lock, true, true) != 0)
		return spore__job_fail_store(t->b, "cannot use the build folder");
	return true;
}

// A build tree that was made with other headers or tools is of no use: not every build system would notice.
static bool tree_usable(struct tree *t)
{
	struct spore__buf text = {0};
	struct spore__meta last = {0};
	bool usable = spore__fs_read(t->meta, &text) == 0 && text.data != NULL &&
	              spore__meta_parse(text.data, &last) == 0 && spore__inputs_system_same(t->b->store, &last);
	spore__meta_finish(&last);
	spore__buf_finish(&text);
	return usable;
}

static bool prepare(struct tree *t)
{
	if (!tree_usable(t)) {
		(void)unlink(t->record);
		(void)unlink(t->traced);
		if (spore__fs_remove_tree(t->build) != 0)
			return spore__job_fail_store(t->b, "cannot clear the build folder");
	}
	(void)unlink(t->meta); // until this build has ended the tree is of unknown worth
	size_t changed;
	int r = spore__walk_sync(t->b->store->hashes, &t->walk, t->b->source, t->src, t->record, &changed);
	if (r != 0 && errno == EAGAIN)
		return spore__job_fail(t->b,
		                       spore__xasprintf("%s: its files change while they are copied", t->b->typed),
		                       spore__xstrdup("run it again when whatever writes them has finished"));
	if (r == 0)
		r = spore__fs_mkdirs(t->build, 0700);
	if (r == 0)
		r = spore__fs_mkdirs(t->home, 0700);
	if (r == 0)
		r = spore__fs_remove_tree(t->prefix);
	if (r == 0)
		r = spore__fs_mkdirs(t->prefix, 0700);
	if (r == 0)
		r = spore__inputs_trace_create(t->trace);
	return r == 0 ? true : spore__job_fail_store(t->b, "cannot copy the source");
}

static void read_log(struct tree *t, struct spore__buf *text)
{
	if (spore__fs_read(t->log, text) != 0)
		spore__buf_finish(text);
}

static bool run_build(struct tree *t)
{
	struct spore__job *b = t->b;
	int log = open(t->log, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (log < 0)
		return spore__job_fail_store(b, "cannot write the log");
	char *libexec = spore__dirs_libexec();
	char *sdk = spore__fs_join(libexec, "sdk");
	const char *const read[] = {libexec, NULL};
	const char *const write_paths[] = {t->src, t->build, t->prefix, t->trace, NULL};
	struct spore__sandbox sandbox = {
	    .confined = b->sandbox,
	    .read = read,
	    .write = write_paths,
	    .home = t->home,
	    .log_fd = log,
	    .max_seconds = MAX_SECONDS,
	    .max_log_bytes = MAX_LOG_BYTES,
	    .progress = b->progress,
	    .progress_arg = b->progress_arg,
	};
	spore__inputs_trace_env(t->trace, &sandbox.env);
	// libspore is found without flags.
	spore__strs_addf(&sandbox.env, "C_INCLUDE_PATH=%s/include", sdk);
	spore__strs_addf(&sandbox.env, "CPLUS_INCLUDE_PATH=%s/include", sdk);
	spore__strs_addf(&sandbox.env, "LIBRARY_PATH=%s/lib", sdk);
	spore__strs_addf(&sandbox.env, "PKG_CONFIG_PATH=%s/lib/pkgconfig", sdk);
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	const struct spore__folder folder = {
	    .name = t->name,
	    .origin = b->typed,
	    .src = t->src,
	    .work = t->build,
	    .prefix = t->prefix,
	    .sandbox = &sandbox,
	    .jobs = cores > 0 ? (unsigned)cores : 1,
	};
	bool ok = spore__folder_build(&folder, &b->folder);
	if (!ok && spore__job_disk_full(b)) {
		errno = ENOSPC;
		(void)spore__job_fail_store(b, "cannot build it");
	} else if (!ok) {
		const char *why = b->folder.error != NULL ? b->folder.error : "it cannot be built";
		const char *remedy = b->folder.remedy;
		(void)spore__job_fail(b, spore__xstrdup(why), remedy != NULL ? spore__xstrdup(remedy) : NULL);
	}
	spore__strs_finish(&sandbox.env);
	free(sdk);
	free(libexec);
	close(log);
	return ok;
}

// Fills M with everything that went into the build.
static bool describe(struct tree *t, const struct timespec *since, struct spore__meta *m, char **changed)
{
	struct spore__job *b = t->b;
	const char *const own[] = {t->work, t->prefix, b->store->root, b->source, "/tmp", "/var/tmp", NULL};
	bool trusted;
	m->kind = spore__xstrdup("folder");
	m->tier = spore__xstrdup("opt");
	m->builder = spore__xstrdup(b->folder.build_system != NULL ? b->folder.build_system : "none");
	for (size_t i = 0; i < t->settings.count; i++)
		spore__strs_add(&m->settings, t->settings.items[i]);
	if (spore__inputs_trace_merge(t->trace, own, t->traced) != 0 ||
	    spore__inputs_from_trace(b->store, t->traced, own, b->source, NULL, since, m, changed, &trusted) != 0)
		return spore__job_fail_store(b, "cannot read what the build read");
	spore__job_trust(b, m, trusted);
	for (size_t i = 0; i < t->walk.file_count; i++) {
		char *path = spore__xasprintf("./%s", t->walk.files[i].path);
		struct spore__hash content = t->walk.files[i].hash;
		char *full = spore__fs_join(b->source, t->walk.files[i].path);
		// The walk hashes a link's own target; what the lookup compares is what a reader finds there.
		if (S_ISLNK(t->walk.files[i].st.st_mode) &&
		    spore__hash_file(b->store->hashes, full, &content, NULL) != 0)
			spore__meta_add_input(m, path, NULL);
		else
			spore__meta_add_input(m, path, &content);
		free(full);
		free(path);
	}
	for (size_t i = 0; i < b->folder.run_env.count; i++)
		spore__strs_add(&m->env, b->folder.run_env.items[i]);
	for (size_t i = 0; i < b->folder.programs.count; i++)
		spore__meta_add_program(m, spore__fs_base(b->folder.programs.items[i]), b->folder.programs.items[i]);
	if (b->folder.main_known)
		m->main = spore__xstrdup(spore__fs_base(b->folder.programs.items[0]));
	return true;
}

static void remember_inputs(struct tree *t, struct spore__meta *m)
{
	struct spore__buf text = {0};
	char *id = m->id;
	m->id = (char *)"-";
	if (m->tree == NULL)
		m->tree = spore__xstrdup("-");
	spore__meta_write(m, &text);
	m->id = id;
	(void)spore__fs_write_atomic(t->meta, text.data, text.len, 0600);
	spore__buf_finish(&text);
}

static bool store(struct tree *t, struct spore__meta *m)
{
	struct spore__job *b = t->b;
	m->id = spore__meta_id(m, t->name);
	const char *placeholder = spore__fs_base(t->prefix);
	char *where = NULL;
	if (spore__relocate(t->prefix, placeholder, m->id, &where) != 0) {
		(void)spore__job_fail_store(b, "cannot give the artifact its own path");
		free(where);
		return false;
	}
	for (size_t i = 0; i < m->env.count; i++)
		spore__relocate_text(m->env.items[i], placeholder, m->id);
	bool changed;
	return spore__job_commit(b, m, t->name, t->prefix, t->candidates, b->source, &changed);
}

static bool build(struct tree *t)
{
	struct spore__job *b = t->b;
	struct timespec since;
	if (!open_work(t))
		return false;
	// Who had the lock may have built this very source.
	if (spore__job_lookup(b, t->candidates, &t->settings, b->source))
		return true;
	if (spore__os_file_clock(&since) != 0 || !prepare(t))
		return false;
	bool ok = run_build(t);
	struct spore__meta m = {0};
	char *changed = NULL;
	if (!describe(t, &since, &m, &changed)) {
		ok = false;
	} else {
		if (changed == NULL)
			remember_inputs(t, &m);
		if (ok && changed != NULL)
			ok = spore__job_fail(b, spore__xasprintf("%s: %s changed during the build", b->typed, changed),
			                     spore__xstrdup("run it again"));
		else if (ok)
			ok = store(t, &m);
	}
	if (!ok) {
		struct spore__buf text = {0};
		read_log(t, &text);
		spore__job_keep_log(b, t->name, &text);
		if (text.data != NULL)
			spore__diagnostic_excerpt(text.data, &b->output);
		spore__buf_finish(&text);
	}
	spore__meta_finish(&m);
	(void)spore__fs_remove_tree(t->prefix);
	free(changed);
	return ok;
}

// A recipe with `run:` has nothing to build: the index says the command, and any change of the folder's files makes it be looked at
// again. False when there is no such recipe, or none that can be understood, which the build reports.
static bool run_as_it_is(struct tree *t)
{
	struct spore__job *b = t->b;
	struct spore__recipe recipe = {0};
	struct timespec now;
	char *error = NULL, *text = spore__text_file(b->source, "spore.yaml");
	bool found = text != NULL && spore__recipe_parse("spore.yaml", text, strlen(text), &recipe, &error) &&
	             recipe.run.count > 0 && spore__os_file_clock(&now) == 0;
	if (found) {
		b->index = (struct spore__index){
		    .id = spore__xstrdup("-"),
		    .kind = spore__xstrdup("folder"),
		    .tier = spore__xstrdup("opt"),
		    .checked_s = now.tv_sec,
		    .checked_ns = now.tv_nsec,
		    .args = recipe.run,
		    .env = recipe.run_env,
		};
		recipe.run = recipe.run_env = (struct spore__strs){0}; // handed over
		for (size_t i = 0; i < t->walk.file_count; i++) {
			char *path = spore__fs_join(b->source, t->walk.files[i].path);
			spore__index_add_input(&b->index, path, &t->walk.files[i].st);
			free(path);
		}
	}
	spore__recipe_finish(&recipe);
	free(error);
	free(text);
	return found;
}

bool spore__job_tree(struct spore__job *b)
{
	struct tree t = {.b = b, .lock = -1};
	void (*ready)(struct spore__job *) = b->ready;
	b->ready = NULL; // the entry is not whole before it has the folders
	bool ok =
	    load(&t) && (run_as_it_is(&t) || spore__job_lookup(b, t.candidates, &t.settings, b->source) || build(&t));
	if (ok && b->index.id != NULL) {
		order_index(&t);
		index_folders(&t);
		if (ready != NULL)
			ready(b);
	}
	if (t.trace != NULL)
		(void)unlink(t.trace);
	if (t.lock >= 0)
		close(t.lock);
	char **owned[] = {&t.name,   &t.candidates, &t.work, &t.src,  &t.build, &t.trace,
	                  &t.traced, &t.record,     &t.meta, &t.home, &t.log,   &t.prefix};
	for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
		free(*owned[i]);
	spore__strs_finish(&t.settings);
	spore__walk_finish(&t.walk);
	return ok;
}
