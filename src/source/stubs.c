// An entry of the store's folder stubs/ is named by the hash of all that is known beforehand (the header's path and content, the port,
// the flags), and says what else was read:
//
//	HASH PATH         a file that was read; "-" for one that was looked for in vain
//	(an empty line)
//	the code
#include "source/stubs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/dirs.h"
#include "base/fs.h"
#include "base/mem.h"
#include "source/inputs.h"

#define PROGRAM "spore-stubs"
#define FORMAT "1"

static char *program(void)
{
	char *libexec = spore__dirs_libexec();
	char *path = spore__fs_join(libexec, PROGRAM);
	free(libexec);
	return path;
}

static bool is_there(void)
{
	char *path = program();
	bool there = spore__fs_is_executable(path);
	free(path);
	return there;
}

static char *entry_path(const struct spore__stubs *s, const struct spore__call_directive *d, const char *header,
                        const struct spore__hash *content)
{
	struct spore__hasher h;
	struct spore__hash hash;
	char hex[SPORE__HASH_HEX + 1];
	spore__hasher_init(&h);
	spore__hasher_str(&h, FORMAT);
	spore__hasher_str(&h, d->serves ? "server" : "client");
	spore__hasher_str(&h, d->port);
	spore__hasher_str(&h, header);
	for (const char *const *f = s->flags; f != NULL && *f != NULL; f++)
		spore__hasher_str(&h, *f);
	spore__hasher_field(&h, content->bytes, sizeof content->bytes);
	spore__hasher_finish(&h, &hash);
	spore__hash_hex(&hash, hex);
	return spore__store_path(s->store, "stubs", hex);
}

// One line of an entry; true: it is as it was.
static bool input_same(struct spore__store *s, char *line, struct spore__meta *m)
{
	struct spore__hash was = {0}, now;
	char *path = strchr(line, ' ');
	if (path == NULL)
		return false;
	*path++ = '\0';
	bool absent = strcmp(line, "-") == 0;
	if (!absent && (strlen(line) != SPORE__HASH_HEX || !spore__hash_from_hex(line, &was)))
		return false;
	bool gone = spore__hash_file(s->hashes, path, &now, NULL) != 0;
	if (gone != absent || (!gone && !spore__hash_equal(&was, &now)))
		return false;
	spore__meta_add_input(m, path, absent ? NULL : &was);
	return true;
}

// Reads ENTRY into TEXT, and what it was made from into M; *CODE is in TEXT. False: it is none, or something is not as it was.
static bool read_entry(struct spore__store *s, const char *entry, struct spore__buf *text, const char **code,
                       struct spore__meta *m)
{
	bool ok = spore__fs_read(entry, text) == 0 && text->data != NULL;
	char *line = text->data, *next = NULL;
	while (ok && line != NULL && *line != '\n') {
		next = strchr(line, '\n');
		ok = next != NULL;
		if (ok) {
			*next = '\0';
			ok = input_same(s, line, m);
			line = next + 1;
		}
	}
	*code = ok && line != NULL ? line + 1 : NULL;
	return *code != NULL;
}

// The code of ENTRY when all that it was made from is as it was; M gets that.
static bool take_entry(const struct spore__stubs *s, const char *entry, const char *output, struct spore__meta *m)
{
	struct spore__buf text = {0};
	const char *code;
	bool ok = read_entry(s->store, entry, &text, &code, m) &&
	          spore__fs_write_atomic(output, code, text.len - (size_t)(code - text.data), 0600) == 0;
	if (ok)
		(void)utimensat(AT_FDCWD, entry, NULL, 0); // it is in use: spore store gc looks at that
	spore__buf_finish(&text);
	return ok;
}

bool spore__stubs_fresh(struct spore__store *s, const char *path)
{
	struct spore__buf text = {0};
	struct spore__meta m = {0};
	const char *code;
	bool fresh = read_entry(s, path, &text, &code, &m);
	spore__buf_finish(&text);
	spore__meta_finish(&m);
	return fresh;
}

static void keep_entry(const char *entry, const char *output, const struct spore__meta *m)
{
	struct spore__buf text = {0}, code = {0};
	for (size_t i = 0; i < m->input_count; i++) {
		char hex[SPORE__HASH_HEX + 1] = "-";
		if (!m->inputs[i].absent)
			spore__hash_hex(&m->inputs[i].hash, hex);
		spore__buf_printf(&text, "%s %s\n", hex, m->inputs[i].path);
	}
	spore__buf_char(&text, '\n');
	if (spore__fs_read(output, &code) == 0) {
		spore__buf_add(&text, code.data, code.len);
		if (spore__fs_mkdir_for(entry) == 0) // without it the code is made again
			(void)spore__fs_write_atomic(entry, text.data, text.len, 0600);
	}
	spore__buf_finish(&text);
	spore__buf_finish(&code);
}

// Runs the program; what it read goes to M. 1, 0 or -1. *KEEP: M is all of it, and nothing changed meanwhile.
static int run(const struct spore__stubs *s, const struct spore__call_directive *d, const char *header,
               const char *output, struct spore__meta *m, struct spore__buf *said, bool *keep)
{
	struct spore__compiler c = *s->compiler;
	char *trace = spore__store_scratch(s->store), *changed = NULL;
	struct spore__strs argv = {0};
	struct timespec since = {0};
	bool trusted = false;
	int status = -1;
	*keep = false;
	if (trace == NULL || spore__inputs_trace_create(trace) != 0)
		goto done;
	(void)clock_gettime(CLOCK_REALTIME, &since);
	since.tv_sec -= 1; // a header that is as young may be changing: its code is made again
	c.trace = trace;
	c.input = NULL;
	spore__strs_take(&argv, program());
	spore__strs_add(&argv, d->serves ? "server" : "client");
	spore__strs_addf(&argv, "--port=%s", d->port);
	spore__strs_addf(&argv, "--output=%s", output);
	spore__strs_add(&argv, header);
	spore__strs_add(&argv, "--");
	for (const char *const *f = s->flags; f != NULL && *f != NULL; f++)
		spore__strs_add(&argv, *f);
	status = spore__compiler_run(&c, (const char *const *)argv.items, said);
	const char *const own[] = {c.stage, NULL};
	if (status == 0 &&
	    spore__inputs_from_trace(s->store, trace, own, "/", NULL, &since, m, &changed, &trusted) == 0)
		*keep = trusted && changed == NULL;
done:
	spore__strs_finish(&argv);
	free(changed);
	int saved = errno;
	if (trace != NULL)
		(void)unlink(trace);
	free(trace);
	errno = saved;
	return status < 0 ? -1 : status == 0;
}

static bool has_input(const struct spore__meta *m, const char *path)
{
	for (size_t i = 0; i < m->input_count; i++)
		if (strcmp(m->inputs[i].path, path) == 0)
			return true;
	return false;
}

void spore__stubs_inputs(const struct spore__meta *from, const char *root, struct spore__meta *to)
{
	size_t len = strlen(root);
	for (size_t i = 0; i < from->input_count; i++) {
		const char *path = from->inputs[i].path;
		bool below = len > 1 && strncmp(path, root, len) == 0 && path[len] == '/';
		char *name = below ? spore__xasprintf(".%s", path + len) : spore__xstrdup(path);
		if (!has_input(to, name))
			spore__meta_add_input(to, name, from->inputs[i].absent ? NULL : &from->inputs[i].hash);
		free(name);
	}
}

// Writes the code that D asks for to the file OUTPUT, in the compiler's stage. 1: done; 0: the header cannot be had or be carried, SAID
// has the words of it; -1 with errno.
static int make(const struct spore__stubs *s, const struct spore__call_directive *d, const char *output,
                struct spore__meta *m, struct spore__buf *said)
{
	struct spore__hash content;
	struct spore__meta found = {0};
	char *joined = d->header[0] == '/' ? spore__xstrdup(d->header) : spore__fs_join(s->dir, d->header);
	char *header = realpath(joined, NULL), *entry = NULL;
	int r = 1;
	if (header == NULL || spore__hash_file(s->store->hashes, header, &content, NULL) != 0) {
		spore__buf_printf(said, "%s:1:1: error: cannot read it: %s\n", d->header, strerror(errno));
		r = 0;
		goto done;
	}
	entry = entry_path(s, d, header, &content);
	if (!take_entry(s, entry, output, &found)) {
		bool keep;
		spore__meta_finish(&found);
		found = (struct spore__meta){0};
		r = run(s, d, header, output, &found, said, &keep);
		if (r > 0 && keep)
			keep_entry(entry, output, &found);
	}
	if (r > 0)
		spore__stubs_inputs(&found, s->dir, m);
done:
	free(joined);
	free(header);
	free(entry);
	int saved = errno;
	spore__meta_finish(&found);
	errno = saved;
	return r;
}

static bool compile(const struct spore__stubs *s, struct spore__job *b, const char *code, const char *object)
{
	struct spore__strs argv = {0};
	char *cc = spore__fs_find_program("gcc", NULL);
	spore__strs_take(&argv, cc != NULL ? cc : spore__xstrdup("/usr/bin/gcc"));
	spore__strs_add(&argv, "-O2");
	for (const char *const *f = s->flags; f != NULL && *f != NULL; f++)
		if (strncmp(*f, "-D", 2) == 0 || strncmp(*f, "-I", 2) == 0)
			spore__strs_add(&argv, *f);
	spore__strs_add(&argv, "-c");
	spore__strs_add(&argv, "-o");
	spore__strs_add(&argv, object);
	spore__strs_add(&argv, code);
	bool ok = spore__compiler_run(s->compiler, (const char *const *)argv.items, &b->output) == 0;
	spore__strs_finish(&argv);
	return ok || spore__job_fail(b, spore__xasprintf("%s: the code of its calls does not compile", b->typed), NULL);
}

static bool fail(struct spore__job *b, const struct spore__call_directive *d, int r)
{
	if (!is_there())
		return spore__job_fail(b,
		                       spore__xasprintf("%s: this spore was built without transparent calls", b->typed),
		                       spore__xstrdup("install libclang-dev and build spore again"));
	if (r < 0)
		return spore__job_fail_store(b, "cannot make the code of calls");
	return spore__job_fail(
	    b, spore__xasprintf("%s: the functions of %s cannot be called from elsewhere", b->typed, d->header),
	    spore__xstrdup("the notes above say what helps; docs/transparent-calls.md has the rules"));
}

bool spore__stubs_all(const struct spore__stubs *s, struct spore__job *b, const struct spore__directives *d,
                      bool objects, struct spore__strs *made, struct spore__meta *m)
{
	bool ok = true;
	for (size_t i = 0; ok && i < d->call_count; i++) {
		char *code = spore__xasprintf("%s/calls-%zu.c", s->compiler->stage, i),
		     *object = spore__xasprintf("%s.o", code);
		int r = make(s, &d->calls[i], code, m, &b->output);
		ok = r > 0 ? !objects || compile(s, b, code, object) : fail(b, &d->calls[i], r);
		spore__strs_add(made, objects ? object : code);
		free(code);
		free(object);
	}
	return ok;
}
