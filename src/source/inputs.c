#include "source/inputs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/dirs.h"
#include "base/fs.h"
#include "base/mem.h"
#include "source/trace.h"

enum { TRACE_ROOM = 256 << 20 };

// Read by tools without any effect on what they make.
static const char *const no_effect[] = {
    "/proc/",
    "/sys/",
    "/dev/",
    "/etc/ld.so.cache",
    "/usr/lib/locale/",
    "/usr/share/locale/",
    "/etc/localtime",
    "/usr/share/zoneinfo/",
    NULL,
};

void spore__inputs_trace_env(const char *file, struct spore__strs *env)
{
	char *libexec = spore__dirs_libexec();
	spore__strs_addf(env, "LD_PRELOAD=%s/libspore-trace.so", libexec);
	spore__strs_addf(env, "SPORE_TRACE_FILE=%s", file);
	// A tool built with AddressSanitizer insists on being the first library otherwise.
	spore__strs_add(env, "ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0");
	free(libexec);
}

static bool below(const char *path, const char *dir)
{
	size_t len = strlen(dir);
	while (len > 1 && dir[len - 1] == '/')
		len--;
	return strncmp(path, dir, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

static bool has_prefix(const char *path, const char *const *prefixes)
{
	for (; *prefixes != NULL; prefixes++)
		if (strncmp(path, *prefixes, strlen(*prefixes)) == 0)
			return true;
	return false;
}

// Without empty and "." components. One with ".." needs the file system: links may be in between.
static char *clean(const char *path)
{
	struct spore__buf out = {0};
	bool up = false;
	for (const char *p = path; *p != '\0';) {
		p += strspn(p, "/");
		size_t len = strcspn(p, "/");
		if (len == 0)
			break;
		up = up || (len == 2 && memcmp(p, "..", 2) == 0);
		if (len != 1 || *p != '.') {
			spore__buf_char(&out, '/');
			spore__buf_add(&out, p, len);
		}
		p += len;
	}
	char *simple = spore__buf_take(&out);
	if (!up)
		return simple;
	char *real = realpath(simple, NULL);
	if (real == NULL)
		return simple;
	free(simple);
	return real;
}

// The highest folder above an absent PATH that is absent too: one line in place of all that was looked for below it.
static void to_highest_absent(char *path)
{
	for (;;) {
		char *slash = strrchr(path, '/');
		if (slash == NULL || slash == path)
			return;
		*slash = '\0';
		struct stat st;
		if (lstat(path, &st) == 0) {
			*slash = '/';
			return;
		}
	}
}

static char *relative_to(const char *path, const char *dir)
{
	if (!below(path, dir) || strcmp(dir, "/") == 0)
		return spore__xstrdup(path);
	return spore__xasprintf(".%s", path + strlen(dir));
}

static char *absolute_in(const char *path, const char *dir)
{
	if (path[0] == '/')
		return spore__xstrdup(path);
	return spore__xasprintf("%s%s", strcmp(dir, "/") == 0 ? "" : dir, path + 1);
}

static void unique(struct spore__strs *list)
{
	spore__strs_sort(list);
	size_t kept = 0;
	for (size_t i = 0; i < list->count; i++) {
		if (kept > 0 && strcmp(list->items[kept - 1], list->items[i]) == 0)
			free(list->items[i]);
		else
			list->items[kept++] = list->items[i];
	}
	list->count = kept;
	if (list->items != NULL)
		list->items[kept] = NULL;
}

// Sparse, so that it takes the room that is used; but no limit of file sizes looks at that.
static uint64_t trace_room(void)
{
	struct rlimit limit;
	const uint64_t wanted = TRACE_ROOM + sizeof(struct spore__trace_header);
	if (getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= wanted)
		return TRACE_ROOM;
	return limit.rlim_cur > sizeof(struct spore__trace_header)
	           ? (uint64_t)limit.rlim_cur - sizeof(struct spore__trace_header)
	           : 0;
}

int spore__inputs_trace_create(const char *file)
{
	struct spore__trace_header header = {.room = trace_room()};
	memcpy(header.magic, SPORE__TRACE_MAGIC, sizeof header.magic);
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int r = fd < 0 ? -1 : spore__fs_write_all(fd, &header, sizeof header);
	if (r == 0)
		r = ftruncate(fd, (off_t)(sizeof header + header.room));
	int saved = errno;
	if (fd >= 0)
		close(fd);
	errno = saved;
	return r;
}

// The lines of a trace file, or of a merged text. *WHOLE: none was lost for want of room.
static int load_trace(const char *file, struct spore__buf *text, bool *whole)
{
	struct spore__trace_header header;
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	*whole = true;
	if (fd < 0)
		return -1;
	ssize_t n = read(fd, &header, sizeof header);
	int r = n < 0 ? -1 : 0;
	if (n == (ssize_t)sizeof header && memcmp(header.magic, SPORE__TRACE_MAGIC, sizeof header.magic) == 0) {
		uint64_t used = atomic_load(&header.used);
		uint64_t room = header.room < TRACE_ROOM ? header.room : TRACE_ROOM;
		struct stat st;
		*whole = used <= room;
		uint64_t len = *whole ? used : room;
		// Nothing says that the header is true.
		uint64_t there =
		    fstat(fd, &st) == 0 && st.st_size > (off_t)sizeof header ? (uint64_t)st.st_size - sizeof header : 0;
		len = len < there ? len : there;
		char *lines = spore__xmalloc(len + 1);
		size_t have = 0;
		while (have < len && (n = read(fd, lines + have, len - have)) > 0)
			have += (size_t)n;
		// Bytes that a killed tool did not come to write.
		for (size_t i = 0; i < have; i++)
			if (lines[i] == '\0')
				lines[i] = '\n';
		spore__buf_add(text, lines, have);
		free(lines);
	} else if (r == 0) {
		r = lseek(fd, 0, SEEK_SET) == 0 ? spore__fs_read_fd(fd, text) : -1;
	}
	int saved = errno;
	close(fd);
	errno = saved;
	return r;
}

static void add_lines(char *text, struct spore__strs *lines)
{
	for (char *line = text, *next; line != NULL && (next = strchr(line, '\n')) != NULL; line = next) {
		*next++ = '\0';
		if (line[0] != '\0' && line[1] == ' ' && line[2] == '/')
			spore__strs_add(lines, line);
	}
}

// What spore gives to programs counts wherever it is installed, below a folder of temporary files as well.
static bool is_of_sdk(const char *path)
{
	char *libexec = spore__dirs_libexec(), *sdk = spore__fs_join(libexec, "sdk");
	bool is = below(path, sdk);
	free(sdk);
	free(libexec);
	return is;
}

static bool of_no_effect(const char *path, const char *const *own)
{
	bool skip = has_prefix(path, no_effect) || strcmp(spore__fs_base(path), "libspore-trace.so") == 0;
	for (; !skip && *own != NULL; own++)
		skip = below(path, *own) && !is_of_sdk(path);
	return skip;
}

// PATH is absent in the folder that was last found absent: nothing more to say.
static bool below_last(const struct spore__strs *absent, const char *path)
{
	return absent->count > 0 && below(path, absent->items[absent->count - 1]);
}

static int read_trace(const char *file, const char *const *own, struct spore__strs *read, struct spore__strs *absent,
                      bool *trusted)
{
	struct spore__buf text = {0};
	struct spore__strs raw = {0};
	bool whole, tool = false;
	int r = load_trace(file, &text, &whole);
	add_lines(text.data, &raw);
	unique(&raw); // sorted, so what is in one folder is together
	for (size_t i = 0; r == 0 && i < raw.count; i++) {
		const char *path = raw.items[i] + 2;
		bool looked = raw.items[i][0] == 'n';
		tool = tool || raw.items[i][0] == 'x';
		if (raw.items[i][0] == '!') {
			whole = false;
			continue;
		}
		if (of_no_effect(path, own) || (looked && below_last(absent, path)))
			continue;
		char *simple = clean(path);
		if (looked)
			to_highest_absent(simple);
		spore__strs_take(looked ? absent : read, simple);
	}
	*trusted = whole && tool;
	unique(read);
	unique(absent);
	spore__strs_finish(&raw);
	spore__buf_finish(&text);
	return r;
}

static bool since_then(const struct stat *st, const struct timespec *t)
{
	return st->st_ctim.tv_sec > t->tv_sec || (st->st_ctim.tv_sec == t->tv_sec && st->st_ctim.tv_nsec >= t->tv_nsec);
}

int spore__inputs_from_trace(struct spore__store *s, const char *file, const char *const *own, const char *dir,
                             const char *known, const struct timespec *since, struct spore__meta *m, char **changed,
                             bool *trusted)
{
	struct spore__strs read = {0}, absent = {0};
	*changed = NULL;
	int r = read_trace(file, own, &read, &absent, trusted);
	for (size_t i = 0; r == 0 && i < read.count; i++) {
		struct spore__hash hash;
		struct stat st;
		if (spore__hash_file(s->hashes, read.items[i], &hash, &st) != 0) {
			// Gone again. Traces of folders are of all their builds, so old names are no news there.
			if (*changed == NULL && known != NULL && errno == ENOENT)
				*changed = spore__xstrdup(read.items[i]);
			continue;
		}
		bool ours = known != NULL && strcmp(read.items[i], known) == 0;
		if (*changed == NULL && !ours && S_ISREG(st.st_mode) && since_then(&st, since))
			*changed = spore__xstrdup(read.items[i]);
		char *name = relative_to(read.items[i], dir);
		spore__meta_add_input(m, name, &hash);
		free(name);
	}
	for (size_t i = 0; r == 0 && i < absent.count; i++) {
		struct stat st;
		if (stat(absent.items[i], &st) == 0) {
			// Made meanwhile. In a folder's build also what it made itself, or what only its sandbox does not show.
			if (*changed == NULL && known != NULL)
				*changed = spore__xstrdup(absent.items[i]);
			continue;
		}
		char *name = relative_to(absent.items[i], dir);
		spore__meta_add_input(m, name, NULL);
		free(name);
	}
	int saved = errno;
	spore__strs_finish(&read);
	spore__strs_finish(&absent);
	errno = saved;
	return r;
}

// Absent files of the system stand for many: one look at the folder that they would be in is enough, since its time
// changes when a name appears in it. Not so in the source's own folder, which programs and editors write to.
static void index_absent(struct spore__index *index, const struct spore__meta *m, const char *dir)
{
	struct spore__strs folders = {0};
	for (size_t i = 0; i < m->input_count; i++) {
		if (!m->inputs[i].absent)
			continue;
		char *path = absolute_in(m->inputs[i].path, dir);
		char *parent = spore__fs_dir(path);
		struct stat st;
		if (m->inputs[i].path[0] == '.' || below(dir, parent) || stat(parent, &st) != 0)
			spore__index_add_input(index, path, NULL);
		else
			spore__strs_add(&folders, parent);
		free(parent);
		free(path);
	}
	unique(&folders);
	for (size_t i = 0; i < folders.count; i++) {
		struct stat st;
		if (stat(folders.items[i], &st) == 0)
			spore__index_add_input(index, folders.items[i], &st);
	}
	spore__strs_finish(&folders);
}

// The programs' own files: an altered artifact shows in their times.
static bool index_programs(struct spore__store *s, const struct spore__meta *m, struct spore__index *index)
{
	for (size_t i = 0; i < m->program_count; i++) {
		char *path = spore__xasprintf("%s/artifacts/%s/%s", s->root, m->id, m->programs[i].path);
		struct stat st;
		bool there = stat(path, &st) == 0;
		if (there)
			spore__index_add_made(index, path, &st);
		free(path);
		if (!there)
			return false;
		spore__index_add_program(index, m->programs[i].name, m->programs[i].path);
	}
	return true;
}

static char *copy_or_null(const char *s)
{
	return s == NULL ? NULL : spore__xstrdup(s);
}

bool spore__inputs_match(struct spore__store *s, const struct spore__meta *m, const char *dir,
                         struct spore__index *index, char **which)
{
	*index = (struct spore__index){0};
	struct timespec now = {0};
	(void)clock_gettime(CLOCK_REALTIME, &now);
	index->checked_s = now.tv_sec;
	index->checked_ns = now.tv_nsec;
	for (size_t i = 0; i < m->input_count; i++) {
		const struct spore__made_from *input = &m->inputs[i];
		char *path = absolute_in(input->path, dir);
		struct spore__hash hash;
		struct stat st;
		bool absent = spore__hash_file(s->hashes, path, &hash, &st) != 0;
		bool same = absent == input->absent && (absent || spore__hash_equal(&hash, &input->hash));
		if (same && !absent) {
			spore__index_add_input(index, path, &st);
			index->control = index->control || strcmp(spore__fs_base(path), "libspore.a") == 0;
		}
		free(path);
		if (!same) {
			if (which != NULL)
				*which = spore__xstrdup(input->path);
			return false;
		}
	}
	index_absent(index, m, dir);
	if (!index_programs(s, m, index)) {
		if (which != NULL)
			*which = spore__xstrdup("the artifact itself");
		return false;
	}
	index->id = spore__xstrdup(m->id);
	index->kind = spore__xstrdup(m->kind);
	index->tier = spore__xstrdup(m->tier);
	index->main = copy_or_null(m->main);
	for (size_t i = 0; i < m->env.count; i++)
		spore__strs_add(&index->env, m->env.items[i]);
	return true;
}

bool spore__inputs_system_same(struct spore__store *s, const struct spore__meta *m)
{
	for (size_t i = 0; i < m->input_count; i++) {
		const struct spore__made_from *input = &m->inputs[i];
		struct spore__hash hash;
		if (input->path[0] != '/')
			continue;
		bool absent = spore__hash_file(s->hashes, input->path, &hash, NULL) != 0;
		if (absent != input->absent || (!absent && !spore__hash_equal(&hash, &input->hash)))
			return false;
	}
	return true;
}

// Leaves out what is of no effect: the linker alone opens each object, more than all the headers together.
static void add_of_effect(struct spore__strs *lines, char *text, const char *const *own)
{
	struct spore__strs raw = {0};
	add_lines(text, &raw);
	for (size_t i = 0; i < raw.count; i++) {
		bool told = raw.items[i][0] == 'x' || raw.items[i][0] == '!'; // about the trace itself
		if (told || !of_no_effect(raw.items[i] + 2, own))
			spore__strs_take(lines, raw.items[i]);
		else
			free(raw.items[i]);
	}
	free(raw.items);
}

int spore__inputs_trace_merge(const char *file, const char *const *own, const char *all)
{
	struct spore__buf text = {0}, old = {0}, out = {0};
	struct spore__strs lines = {0};
	bool whole;
	int r = load_trace(file, &text, &whole);
	if (r == 0 && spore__fs_read(all, &old) != 0 && errno != ENOENT)
		r = -1;
	size_t old_len = old.len;
	char *before = spore__buf_take(&old);
	char *cut = spore__xstrdup(before);
	add_lines(cut, &lines);
	add_of_effect(&lines, text.data, own);
	if (!whole)
		spore__strs_add(&lines, "! /");
	unique(&lines);
	for (size_t i = 0; i < lines.count; i++) {
		spore__buf_str(&out, lines.items[i]);
		spore__buf_char(&out, '\n');
	}
	bool news = out.len != old_len || old_len == 0 || memcmp(out.data, before, old_len) != 0;
	if (r == 0 && news)
		r = spore__fs_write_atomic(all, out.data != NULL ? out.data : "", out.len, 0600);
	spore__strs_finish(&lines);
	spore__buf_finish(&text);
	spore__buf_finish(&out);
	free(cut);
	free(before);
	return r;
}

bool spore__inputs_recent(const struct spore__index *index)
{
	for (size_t i = 0; i < index->input_count; i++)
		if (!index->inputs[i].absent && !index->inputs[i].made &&
		    spore__index_recent(index, &index->inputs[i].state))
			return true;
	return false;
}
