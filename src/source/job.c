#include "source/job.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "source/inputs.h"

void spore__job_finish(struct spore__job *b)
{
	spore__index_finish(&b->index);
	spore__buf_finish(&b->output);
	spore__folder_result_finish(&b->folder);
	free(b->error);
	free(b->remedy);
	free(b->log);
	free(b->refused);
}

bool spore__job_fail(struct spore__job *b, char *error, char *remedy)
{
	free(b->error);
	free(b->remedy);
	b->error = error;
	b->remedy = remedy;
	return false;
}

bool spore__job_fail_store(struct spore__job *b, const char *what)
{
	int why = errno;
	bool full = why == ENOSPC || why == EDQUOT;
	const char *remedy = full           ? "free some space there (spore store gc), then try again"
	                     : why == EFBIG ? "raise the limit of the size of files (ulimit -f)"
	                                    : "look at the folder's permissions, or name another one in SPORE_STORE";
	char *error = spore__xasprintf("%s: %s in the store %s: %s", b->typed, what, b->store->root, strerror(why));
	return spore__job_fail(b, error, spore__xstrdup(remedy));
}

bool spore__job_disk_full(const struct spore__job *b)
{
	enum { LEAST = 1 << 20 };
	struct statvfs st;
	return statvfs(b->store->root, &st) == 0 && (uint64_t)st.f_bavail * st.f_frsize < LEAST;
}

static bool settings_equal(const struct spore__strs *a, const struct spore__strs *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	return true;
}

// True when the artifact's own files are in the states that the last index entry saw, so that its content is known.
static bool known_whole(const struct spore__index *last, const struct spore__index *now)
{
	if (last->id == NULL || strcmp(last->id, now->id) != 0)
		return false;
	size_t seen = 0, expected = 0;
	for (size_t i = 0; i < now->input_count; i++) {
		if (!now->inputs[i].made)
			continue;
		expected++;
		for (size_t k = 0; k < last->input_count; k++)
			seen += last->inputs[k].made && strcmp(last->inputs[k].path, now->inputs[i].path) == 0 &&
			        spore__filestate_equal(&last->inputs[k].state, &now->inputs[i].state);
	}
	return seen == expected;
}

static bool is_whole(struct spore__job *b, const struct spore__meta *m)
{
	struct spore__index last;
	char *path = spore__index_path(b->store->root, b->source, m->tier[0] == 'f' ? "fast" : "opt");
	bool whole =
	    (spore__index_read(path, &last) == 0 && known_whole(&last, &b->index)) || spore__store_whole(b->store, m);
	spore__index_finish(&last);
	free(path);
	return whole;
}

void spore__job_trust(struct spore__job *b, struct spore__meta *m, bool trusted)
{
	struct timespec now = {0};
	b->unstored = !trusted;
	if (trusted)
		return;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	spore__strs_addf(&m->settings, "build=%ld.%lld.%ld", (long)getpid(), (long long)now.tv_sec, now.tv_nsec);
}

bool spore__job_lookup(struct spore__job *b, const char *candidates, const struct spore__strs *settings,
                       const char *dir)
{
	struct spore__strs ids = {0};
	spore__store_candidates(b->store, candidates, &ids);
	bool found = false;
	for (size_t i = 0; !found && i < ids.count; i++) {
		struct spore__meta m;
		if (spore__meta_read(b->store, ids.items[i], &m) == 0 && settings_equal(&m.settings, settings)) {
			found = spore__inputs_match(b->store, &m, dir, &b->index, NULL);
			if (found && !is_whole(b, &m)) {
				(void)spore__store_discard(b->store, m.id);
				found = false;
			}
			if (!found)
				spore__index_finish(&b->index);
		}
		spore__meta_finish(&m);
	}
	spore__strs_finish(&ids);
	b->cached = found;
	if (found && b->ready != NULL)
		b->ready(b);
	return found;
}

bool spore__job_commit(struct spore__job *b, struct spore__meta *m, const char *name, const char *files,
                       const char *candidates, const char *dir, bool *changed)
{
	*changed = false;
	m->source = spore__xstrdup(b->source);
	if (m->id == NULL)
		m->id = spore__meta_id(m, name);
	if (spore__store_commit(b->store, m, files) != 0)
		return spore__job_fail_store(b, "cannot keep the artifact");
	char *which = NULL;
	if (spore__inputs_match(b->store, m, dir, &b->index, &which)) {
		if (b->ready != NULL)
			b->ready(b);
		if (b->unstored) // nobody may find it by inputs that are not all
			return true;
		if (spore__store_add_candidate(b->store, candidates, m->id) == 0)
			return true;
		return spore__job_fail_store(b, "cannot list the artifact");
	}
	*changed = true;
	spore__index_finish(&b->index);
	char *error = spore__xasprintf("%s: %s changed while it was being built", b->typed, which);
	free(which);
	return spore__job_fail(b, error, spore__xstrdup("run it again when the file is complete"));
}

void spore__job_keep_log(struct spore__job *b, const char *name, const struct spore__buf *text)
{
	char *file = spore__xasprintf("%s-%ld.%ld.log", name, (long)time(NULL), (long)getpid());
	char *path = spore__store_path(b->store, "logs", file);
	free(file);
	if (spore__fs_write_atomic(path, text->data != NULL ? text->data : "", text->len, 0600) == 0) {
		free(b->log);
		b->log = path;
	} else {
		free(path);
	}
}
