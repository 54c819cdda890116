#include "source/index.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/record.h"

#define FORMAT "spore-index"
// The number is for versions under way: it grows when the same folder would become something else.
#define LOGIC SPORE__VERSION "-1"
enum { VERSION = 1 };

const char *spore__index_logic(void)
{
	return LOGIC;
}

void spore__filestate_of(const struct stat *st, struct spore__filestate *out)
{
	*out = (struct spore__filestate){
	    .dev = (uint64_t)st->st_dev,
	    .ino = (uint64_t)st->st_ino,
	    // A folder's size tells nothing that its times do not.
	    .size = S_ISDIR(st->st_mode) ? 0 : (uint64_t)st->st_size,
	    .mode = (uint64_t)st->st_mode,
	    .mtime_s = st->st_mtim.tv_sec,
	    .mtime_ns = st->st_mtim.tv_nsec,
	    .ctime_s = st->st_ctim.tv_sec,
	    .ctime_ns = st->st_ctim.tv_nsec,
	};
}

bool spore__filestate_equal(const struct spore__filestate *a, const struct spore__filestate *b)
{
	return a->ino == b->ino && a->size == b->size && a->mtime_s == b->mtime_s && a->mtime_ns == b->mtime_ns &&
	       a->ctime_s == b->ctime_s && a->ctime_ns == b->ctime_ns && a->dev == b->dev && a->mode == b->mode;
}

char *spore__index_path(const char *store, const char *source, const char *file)
{
	// The plus signs keep folders of sources apart from the files of an entry.
	struct spore__buf path = {0};
	spore__buf_printf(&path, "%s/index", store);
	for (const char *p = source; *p != '\0';) {
		p += strspn(p, "/");
		size_t len = strcspn(p, "/");
		if (len == 0)
			break;
		spore__buf_str(&path, "/+");
		spore__buf_add(&path, p, len);
		p += len;
	}
	spore__buf_printf(&path, "/%s", file);
	return spore__buf_take(&path);
}

void spore__index_add_input(struct spore__index *index, const char *path, const struct stat *st)
{
	if ((index->input_count & (index->input_count - 1)) == 0) {
		size_t cap = index->input_count == 0 ? 1 : index->input_count * 2;
		index->inputs = spore__xrealloc(index->inputs, cap * sizeof *index->inputs);
	}
	struct spore__input *input = &index->inputs[index->input_count++];
	*input = (struct spore__input){.path = spore__xstrdup(path), .absent = st == NULL};
	if (st != NULL)
		spore__filestate_of(st, &input->state);
}

void spore__index_add_made(struct spore__index *index, const char *path, const struct stat *st)
{
	spore__index_add_input(index, path, st);
	index->inputs[index->input_count - 1].made = true;
}

void spore__index_add_program(struct spore__index *index, const char *name, const char *path)
{
	size_t size = (index->program_count + 1) * sizeof *index->programs;
	index->programs = spore__xrealloc(index->programs, size);
	index->programs[index->program_count++] = (struct spore__program){spore__xstrdup(name), spore__xstrdup(path)};
}

void spore__index_finish(struct spore__index *index)
{
	for (size_t i = 0; i < index->input_count; i++)
		free(index->inputs[i].path);
	for (size_t i = 0; i < index->program_count; i++) {
		free(index->programs[i].name);
		free(index->programs[i].path);
	}
	free(index->inputs);
	free(index->programs);
	free(index->logic);
	free(index->id);
	free(index->kind);
	free(index->tier);
	free(index->main);
	spore__strs_finish(&index->env);
	spore__strs_finish(&index->args);
	*index = (struct spore__index){0};
}

void spore__index_write(const struct spore__index *index, struct spore__buf *out)
{
	spore__record_begin(out, FORMAT, VERSION);
	spore__record_word(out, "logic", LOGIC);
	spore__record_word(out, "id", index->id);
	spore__record_word(out, "kind", index->kind);
	spore__record_word(out, "tier", index->tier);
	spore__buf_printf(out, "checked %" PRId64 " %" PRId64 "\n", index->checked_s, index->checked_ns);
	for (size_t i = 0; i < index->program_count; i++)
		spore__record_pair(out, "prog", index->programs[i].name, index->programs[i].path);
	spore__record_word(out, "main", index->main);
	for (size_t i = 0; i < index->env.count; i++)
		spore__record_word(out, "env", index->env.items[i]);
	for (size_t i = 0; i < index->args.count; i++)
		spore__record_word(out, "arg", index->args.items[i]);
	if (index->control)
		spore__record_word(out, "control", "yes");
	for (size_t i = 0; i < index->input_count; i++) {
		const struct spore__input *input = &index->inputs[i];
		const struct spore__filestate *s = &input->state;
		if (input->absent) {
			spore__record_word(out, "none", input->path);
			continue;
		}
		const int64_t numbers[] = {(int64_t)s->dev, (int64_t)s->ino, (int64_t)s->size, (int64_t)s->mode,
		                           s->mtime_s,      s->mtime_ns,     s->ctime_s,       s->ctime_ns};
		spore__buf_str(out, input->made ? "made " : "file ");
		for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++) {
			spore__buf_int(out, numbers[k]);
			spore__buf_char(out, ' ');
		}
		spore__escape(out, input->path);
		spore__buf_char(out, '\n');
	}
	spore__record_end(out);
}

static bool parse_file(struct spore__index *index, char *text, bool made)
{
	int64_t n[8];
	if (!spore__record_ints(&text, n, 8) || !spore__unescape(text) || text[0] != '/')
		return false;
	spore__index_add_input(index, text, NULL);
	struct spore__input *input = &index->inputs[index->input_count - 1];
	input->absent = false;
	input->made = made;
	input->state = (struct spore__filestate){
	    .dev = (uint64_t)n[0],
	    .ino = (uint64_t)n[1],
	    .size = (uint64_t)n[2],
	    .mode = (uint64_t)n[3],
	    .mtime_s = n[4],
	    .mtime_ns = n[5],
	    .ctime_s = n[6],
	    .ctime_ns = n[7],
	};
	return true;
}

static bool parse_line(void *arg, const char *key, char *rest)
{
	struct spore__index *index = arg;
	if (strcmp(key, "file") == 0 || strcmp(key, "made") == 0)
		return parse_file(index, rest, key[0] == 'm');
	if (strcmp(key, "none") == 0) {
		if (!spore__unescape(rest) || rest[0] != '/')
			return false;
		spore__index_add_input(index, rest, NULL);
		return true;
	}
	if (strcmp(key, "logic") == 0)
		return spore__record_take(rest, &index->logic);
	if (strcmp(key, "id") == 0)
		return spore__record_take(rest, &index->id) && strchr(index->id, '/') == NULL;
	if (strcmp(key, "kind") == 0)
		return spore__record_take(rest, &index->kind);
	if (strcmp(key, "tier") == 0)
		return spore__record_take(rest, &index->tier);
	if (strcmp(key, "main") == 0)
		return spore__record_take(rest, &index->main);
	if (strcmp(key, "env") == 0 || strcmp(key, "arg") == 0) {
		if (!spore__unescape(rest))
			return false;
		spore__strs_add(key[0] == 'e' ? &index->env : &index->args, rest);
		return true;
	}
	if (strcmp(key, "control") == 0) {
		index->control = strcmp(rest, "yes") == 0;
		return true;
	}
	if (strcmp(key, "checked") == 0) {
		int64_t n[2];
		if (!spore__record_ints(&rest, n, 2))
			return false;
		index->checked_s = n[0];
		index->checked_ns = n[1];
		return true;
	}
	char *words[2];
	if (strcmp(key, "prog") != 0 || !spore__record_words(rest, words, 2))
		return false;
	spore__index_add_program(index, words[0], words[1]);
	return true;
}

int spore__index_parse(char *text, struct spore__index *index)
{
	if (spore__record_parse(text, FORMAT, VERSION, parse_line, index) != 0)
		return -1;
	if (index->id == NULL || index->kind == NULL || index->tier == NULL) {
		errno = EBADMSG;
		return -1;
	}
	return 0;
}

int spore__index_read(const char *path, struct spore__index *index)
{
	*index = (struct spore__index){0};
	struct spore__buf text = {0};
	int r = spore__fs_read(path, &text);
	if (r == 0) {
		if (text.data == NULL) {
			errno = EBADMSG;
			r = -1;
		} else {
			r = spore__index_parse(text.data, index);
		}
	}
	int saved = errno;
	spore__buf_finish(&text);
	errno = saved;
	return r;
}

// Kernel clocks for file times advance in ticks of up to 10 ms; file systems without nanoseconds in steps of 1 or 2 s.
bool spore__index_recent(const struct spore__index *index, const struct spore__filestate *s)
{
	const int64_t checked_s = index->checked_s, checked_ns = index->checked_ns;
	const int64_t tick_ns = 20000000;
	bool coarse = s->ctime_ns == 0 && s->mtime_ns == 0;
	if (coarse)
		return s->ctime_s >= checked_s - 2;
	int64_t seconds = checked_s - s->ctime_s;
	if (seconds > 1)
		return false;
	return seconds * 1000000000 + checked_ns - s->ctime_ns < tick_ns;
}

static bool unchanged(const struct spore__index *index, bool proven, const char **which)
{
	for (size_t i = 0; i < index->input_count; i++) {
		const struct spore__input *input = &index->inputs[i];
		struct stat st;
		struct spore__filestate now;
		bool absent = stat(input->path, &st) != 0;
		bool same = absent == input->absent;
		if (same && !absent) {
			spore__filestate_of(&st, &now);
			same = spore__filestate_equal(&now, &input->state) &&
			       (!proven || input->made || !spore__index_recent(index, &now));
		}
		if (!same) {
			if (which != NULL)
				*which = input->path;
			return false;
		}
	}
	return true;
}

bool spore__index_fresh(const struct spore__index *index, const char **which)
{
	return unchanged(index, true, which);
}

bool spore__index_same(const struct spore__index *index, const char **which)
{
	return unchanged(index, false, which);
}

const struct spore__program *spore__index_program(const struct spore__index *index, const char *name)
{
	if (name == NULL)
		name = index->main;
	for (size_t i = 0; name != NULL && i < index->program_count; i++)
		if (strcmp(index->programs[i].name, name) == 0)
			return &index->programs[i];
	return NULL;
}
