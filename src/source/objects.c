#include "source/objects.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "os/os.h"
#include "source/diagnose.h"

// The file TREE/objects, which is right about every object it names:
//
//	options FLAG...           escaped words; others make all of it void
//	header STATE PATH         numbered from 0
//	object STATE MAIN SOURCE HEADER...      numbers, or FIRST-LAST

enum { JOBS_MAX = 256 };

struct slot {
	pid_t pid; // 0: free
	int fd;
	struct spore__object *object;
	struct spore__buf output;
};

// Thousands of these are made in a build that compiles one file: no printf.
static void add_state(struct spore__buf *out, const struct stat *st)
{
	spore__buf_int(out, st->st_size);
	spore__buf_char(out, '.');
	spore__buf_int(out, st->st_mtim.tv_sec);
	spore__buf_char(out, '.');
	spore__buf_int(out, st->st_mtim.tv_nsec);
}

static bool has_state(const struct stat *st, const char *text)
{
	struct spore__buf now = {0};
	add_state(&now, st);
	bool same = strcmp(now.data, text) == 0;
	spore__buf_finish(&now);
	return same;
}

static char *header_state(const struct spore__build *b, const char *path)
{
	struct stat st;
	struct spore__buf state = {0};
	char *full = *path == '/' ? NULL : spore__fs_join(b->dir, path);
	if (stat(full != NULL ? full : path, &st) == 0)
		add_state(&state, &st);
	else
		spore__buf_str(&state, "gone");
	free(full);
	return spore__buf_take(&state);
}

static char *flags_line(const struct spore__objects *o)
{
	struct spore__buf line = {0};
	spore__buf_str(&line, "options");
	for (size_t i = 0; i < o->flags.count; i++) {
		spore__buf_char(&line, ' ');
		spore__escape(&line, o->flags.items[i]);
	}
	return spore__buf_take(&line);
}

static int compare_source(const void *key, const void *item)
{
	return strcmp(key, ((const struct spore__object *)item)->source);
}

// A number, or two with a dash between, that are less than COUNT.
static bool parse_range(const char *word, size_t count, size_t *first, size_t *last)
{
	char *end;
	*first = strtoul(word, &end, 10);
	*last = *end == '-' ? strtoul(end + 1, &end, 10) : *first;
	return *end == '\0' && *first <= *last && *last < count;
}

static int compare_names_of_files(const void *key, const void *item)
{
	return strcmp(key, *(char *const *)item);
}

// FILES: the names in the folder of the objects, sorted.
static bool is_there(const struct spore__object *object, const struct spore__strs *files)
{
	return files->count > 0 && bsearch(spore__fs_base(object->path), files->items, files->count,
	                                   sizeof *files->items, compare_names_of_files) != NULL;
}

// "STATE MAIN SOURCE HEADER..."; CHANGED tells of each header.
static void take_object(struct spore__objects *o, char *line, const bool *changed, const struct spore__strs *files)
{
	char *save = NULL;
	char *state = strtok_r(line, " ", &save), *has_main = strtok_r(NULL, " ", &save);
	char *source = strtok_r(NULL, " ", &save);
	if (source == NULL || !spore__unescape(source))
		return;
	struct spore__object *object =
	    o->count == 0 ? NULL : bsearch(source, o->items, o->count, sizeof *o->items, compare_source);
	if (object == NULL)
		return;
	bool fresh = has_state(&object->st, state) && is_there(object, files);
	for (char *word; (word = strtok_r(NULL, " ", &save)) != NULL;) {
		size_t first, last;
		if (!parse_range(word, o->headers.count, &first, &last))
			return;
		size_t count = object->header_count + (last - first + 1);
		object->headers = spore__xrealloc(object->headers, count * sizeof *object->headers);
		for (; first <= last; first++) {
			fresh = fresh && !changed[first];
			object->headers[object->header_count++] = (unsigned)first;
		}
	}
	object->has_main = strcmp(has_main, "1") == 0;
	object->fresh = fresh;
}

static void add_header(struct spore__objects *o, const char *path, char *state)
{
	spore__strs_add(&o->headers, path);
	spore__strs_take(&o->states, state);
}

static void list_objects(const struct spore__build *b, struct spore__strs *files)
{
	char *dir = spore__fs_join(b->tree, "o");
	if (spore__fs_list(dir, files) != 0)
		spore__strs_finish(files); // then all are compiled
	free(dir);
}

void spore__objects_load(struct spore__objects *o, const struct spore__build *b)
{
	char *text = spore__text_file(b->tree, "objects"), *flags = flags_line(o), *save = NULL;
	char *line = text != NULL ? strtok_r(text, "\n", &save) : NULL;
	bool usable = line != NULL && strcmp(line, flags) == 0;
	bool *changed = NULL;
	size_t cap = 0;
	struct spore__strs files = {0};
	if (usable)
		list_objects(b, &files);
	for (line = usable ? strtok_r(NULL, "\n", &save) : NULL; line != NULL; line = strtok_r(NULL, "\n", &save)) {
		if (strncmp(line, "object ", 7) == 0) {
			take_object(o, line + 7, changed, &files);
			continue;
		}
		char *path = strncmp(line, "header ", 7) == 0 ? strchr(line + 7, ' ') : NULL;
		if (path == NULL)
			break;
		*path++ = '\0';
		if (!spore__unescape(path))
			break;
		char *now = header_state(b, path);
		if (o->headers.count == cap) {
			cap = cap == 0 ? 256 : cap * 2;
			changed = spore__xrealloc(changed, cap * sizeof *changed);
		}
		changed[o->headers.count] = strcmp(now, line + 7) != 0;
		add_header(o, path, now);
	}
	spore__strs_finish(&files);
	free(changed);
	free(flags);
	free(text);
}

// Mostly a few ranges: headers are numbered as they are met.
static void add_ranges(struct spore__buf *out, const unsigned *numbers, size_t count)
{
	for (size_t i = 0; i < count;) {
		size_t end = i + 1;
		while (end < count && numbers[end] == numbers[end - 1] + 1)
			end++;
		spore__buf_char(out, ' ');
		spore__buf_int(out, numbers[i]);
		if (end > i + 1) {
			spore__buf_char(out, '-');
			spore__buf_int(out, numbers[end - 1]);
		}
		i = end;
	}
}

static int save(const struct spore__objects *o, const struct spore__build *b)
{
	struct spore__buf out = {0};
	char *flags = flags_line(o);
	spore__buf_str(&out, flags);
	spore__buf_char(&out, '\n');
	free(flags);
	for (size_t i = 0; i < o->headers.count; i++) {
		spore__buf_str(&out, "header ");
		spore__buf_str(&out, o->states.items[i]);
		spore__buf_char(&out, ' ');
		spore__escape(&out, o->headers.items[i]);
		spore__buf_char(&out, '\n');
	}
	for (size_t i = 0; i < o->count; i++) {
		const struct spore__object *object = &o->items[i];
		if (!object->fresh)
			continue;
		spore__buf_str(&out, "object ");
		add_state(&out, &object->st);
		spore__buf_str(&out, object->has_main ? " 1 " : " 0 ");
		spore__escape(&out, object->source);
		add_ranges(&out, object->headers, object->header_count);
		spore__buf_char(&out, '\n');
	}
	char *path = spore__fs_join(b->tree, "objects");
	int r = spore__fs_write_atomic(path, out.data, out.len, 0600);
	free(path);
	spore__buf_finish(&out);
	return r;
}

struct name {
	const char *path;
	unsigned index;
};

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct name *)a)->path, ((const struct name *)b)->path);
}

// Names of headers to their numbers, for one round of compilations.
struct names {
	struct name *items;
	size_t count;
};

static void names_init(struct names *n, const struct spore__objects *o)
{
	n->count = o->headers.count;
	n->items = spore__xmalloc((n->count + 1) * sizeof *n->items);
	for (size_t i = 0; i < n->count; i++)
		n->items[i] = (struct name){o->headers.items[i], (unsigned)i};
	qsort(n->items, n->count, sizeof *n->items, compare_names);
}

static unsigned header_index(struct names *n, struct spore__objects *o, const struct spore__build *b, const char *path)
{
	size_t low = 0, high = n->count;
	while (low < high) {
		size_t mid = (low + high) / 2;
		int order = strcmp(path, n->items[mid].path);
		if (order == 0)
			return n->items[mid].index;
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	add_header(o, path, header_state(b, path));
	n->items = spore__xrealloc(n->items, (n->count + 2) * sizeof *n->items);
	memmove(n->items + low + 1, n->items + low, (n->count - low) * sizeof *n->items);
	n->items[low] = (struct name){o->headers.items[o->headers.count - 1], (unsigned)(o->headers.count - 1)};
	n->count++;
	return n->items[low].index;
}

// "object: source header \<newline> header": a backslash keeps a space in a name.
static bool read_dependencies(struct names *n, struct spore__objects *o, struct spore__object *object,
                              const struct spore__build *b)
{
	char *path = spore__xasprintf("%s.d", object->path);
	struct spore__buf text = {0};
	bool ok = spore__fs_read(path, &text) == 0 && text.data != NULL;
	char *p = ok ? strstr(text.data, ": ") : NULL;
	struct spore__buf word = {0};
	object->header_count = 0;
	for (p = p != NULL ? p + 1 : NULL; p != NULL && *p != '\0';) {
		p += strspn(p, " \\\n");
		word.len = 0;
		for (; *p != '\0' && *p != ' ' && *p != '\n'; p++) {
			if (*p == '\\' && (p[1] == ' ' || p[1] == '#' || p[1] == '\\'))
				p++;
			else if (*p == '$' && p[1] == '$')
				p++;
			spore__buf_char(&word, *p);
		}
		if (word.len == 0 || strcmp(word.data, object->source) == 0)
			continue;
		object->headers =
		    spore__xrealloc(object->headers, (object->header_count + 1) * sizeof *object->headers);
		object->headers[object->header_count++] = header_index(n, o, b, word.data);
	}
	spore__buf_finish(&word);
	spore__buf_finish(&text);
	(void)unlink(path);
	free(path);
	return ok;
}

static int start(struct slot *s, const struct spore__objects *o, struct spore__object *object, struct spore__build *b,
                 const char *compilers[2])
{
	struct spore__strs argv = {0};
	int fds[2];
	if (spore__os_pipe(fds) != 0)
		return -1;
	spore__strs_add(&argv, compilers[object->cxx]);
	for (size_t i = 0; i < o->flags.count && o->flags.items[i][0] == '-'; i++)
		spore__strs_add(&argv, o->flags.items[i]);
	spore__strs_add(&argv, "-MD");
	spore__strs_add(&argv, "-MF");
	spore__strs_addf(&argv, "%s.d", object->path);
	spore__strs_add(&argv, "-c");
	spore__strs_add(&argv, object->source);
	spore__strs_add(&argv, "-o");
	spore__strs_add(&argv, object->path);
	int r = spore__tool_start(b, b->dir, (const char *const *)argv.items, fds[1], &s->pid);
	int saved = errno;
	close(fds[1]);
	if (r != 0)
		close(fds[0]);
	s->fd = fds[0];
	s->object = object;
	if (r == 0 && b->sandbox.progress != NULL)
		b->sandbox.progress(b->sandbox.progress_arg, object->source);
	spore__build_log(b, "+ %s -c %s", compilers[object->cxx], object->source);
	spore__strs_finish(&argv);
	errno = saved;
	return r;
}

// The compilation in S has closed its output.
static bool finish_slot(struct slot *s, struct names *n, struct spore__objects *o, struct spore__build *b)
{
	int status = 0;
	while (waitpid(s->pid, &status, 0) < 0 && errno == EINTR)
		;
	close(s->fd);
	s->pid = 0;
	if (s->output.len > 0) {
		spore__buf_add(&b->end.tail, s->output.data, s->output.len);
		if (b->sandbox.log_fd >= 0)
			(void)spore__fs_write_all(b->sandbox.log_fd, s->output.data, s->output.len);
	}
	spore__buf_finish(&s->output);
	bool ok = WIFEXITED(status) && WEXITSTATUS(status) == 0 && read_dependencies(n, o, s->object, b);
	if (ok) {
		s->object->fresh = true;
		s->object->has_main = spore__symbols_defines(s->object->path, "main");
	}
	return ok;
}

// Waits for output or the end of one of the compilations.
static bool attend(struct slot *slots, size_t count, struct names *n, struct spore__objects *o, struct spore__build *b)
{
	struct pollfd polled[JOBS_MAX];
	bool ok = true;
	for (size_t i = 0; i < count; i++)
		polled[i] = (struct pollfd){.fd = slots[i].pid != 0 ? slots[i].fd : -1, .events = POLLIN};
	if (poll(polled, (nfds_t)count, -1) < 0)
		return true;
	for (size_t i = 0; i < count; i++) {
		char chunk[16384];
		if (slots[i].pid == 0 || polled[i].revents == 0)
			continue;
		ssize_t len = read(slots[i].fd, chunk, sizeof chunk);
		if (len > 0)
			spore__buf_add(&slots[i].output, chunk, (size_t)len);
		else if (len == 0 || errno != EINTR)
			ok = finish_slot(&slots[i], n, o, b) && ok;
	}
	return ok;
}

bool spore__objects_compile(struct spore__objects *o, struct spore__build *b, size_t *compiled)
{
	struct slot slots[JOBS_MAX] = {0};
	size_t count = b->f->jobs == 0 ? 1 : b->f->jobs < JOBS_MAX ? b->f->jobs : JOBS_MAX;
	size_t next = 0, running = 0, todo = 0;
	for (size_t i = 0; i < o->count; i++)
		todo += !o->items[i].fresh;
	*compiled = todo;
	if (todo == 0)
		return true;
	char *c = spore__build_tool(b, "cc"), *cxx = spore__build_tool(b, "c++");
	const char *compilers[2] = {c, cxx};
	struct names names;
	names_init(&names, o);
	spore__buf_finish(&b->end.tail);
	bool ok = c != NULL && (cxx != NULL || !o->any_cxx);
	if (!ok)
		(void)spore__build_fail(b, "%s is not installed", c == NULL ? "cc" : "c++");
	for (;;) {
		running = 0;
		for (size_t i = 0; i < count; i++) {
			while ((ok || b->keep_going) && slots[i].pid == 0 && next < o->count) {
				struct spore__object *object = &o->items[next++];
				if (object->fresh)
					continue;
				if (start(&slots[i], o, object, b, compilers) != 0)
					ok = spore__build_fail(b, "cannot run %s: %s", compilers[object->cxx],
					                       strerror(errno));
			}
			running += slots[i].pid != 0;
		}
		if (running == 0)
			break;
		ok = attend(slots, count, &names, o, b) && ok;
	}
	free(names.items);
	free(c);
	free(cxx);
	if (save(o, b) != 0)
		return spore__build_fail(b, "cannot write to %s: %s", b->tree, strerror(errno));
	return ok;
}

void spore__objects_finish(struct spore__objects *o)
{
	for (size_t i = 0; i < o->count; i++) {
		free(o->items[i].source);
		free(o->items[i].path);
		free(o->items[i].headers);
	}
	free(o->items);
	spore__strs_finish(&o->flags);
	spore__strs_finish(&o->headers);
	spore__strs_finish(&o->states);
	*o = (struct spore__objects){0};
}
