// A program that is one C or C++ file, with what it names. Two tiers: tcc where it compiles the file faithfully, which takes
// milliseconds, and the optimising compiler.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/dirs.h"
#include "base/fs.h"
#include "base/mem.h"
#include "os/os.h"
#include "source/compiler.h"
#include "source/directive.h"
#include "source/explain.h"
#include "source/faithful.h"
#include "source/inputs.h"
#include "source/job.h"
#include "source/remedy.h"
#include "source/stubs.h"
#include "source/tcc.h"

enum { TRIES = 3 }; // when a file changes while it is compiled

struct single {
	struct spore__job *b;
	char *dir, *name; // of the source; the program's name
	struct spore__buf text;
	struct spore__filestate state; // of the source when TEXT was read
	struct spore__directives d;
	bool cplusplus;
	struct spore__strs pkg_cflags, pkg_libs;
	struct spore__strs read; // what the compiler may read besides the system
	const char *unfaithful;  // why tcc will not do, by the program's own files; NULL: nothing found
	struct spore__hash content;
	struct spore__strs stubs;     // code of transparent calls
	struct spore__meta stub_meta; // what that was made from

	char *stage, *files, *trace, *program; // files: what becomes the artifact
	int stage_lock;
};

static bool fail_directive(struct single *s, const char *path, char *error, char *remedy)
{
	(void)spore__job_fail(s->b, spore__xasprintf("%s: %s", path, error), remedy);
	free(error);
	return false;
}

static bool is_cplusplus(const char *path)
{
	static const char *const endings[] = {".cc", ".cpp", ".cxx", ".C", ".c++", ".cp"};
	size_t len = strlen(path);
	for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
		size_t n = strlen(endings[i]);
		if (len > n && strcmp(path + len - n, endings[i]) == 0)
			return true;
	}
	return false;
}

static void forget(struct single *s)
{
	struct spore__job *b = s->b;
	spore__directives_finish(&s->d);
	spore__buf_finish(&s->text);
	spore__strs_finish(&s->read);
	spore__strs_finish(&s->stubs);
	spore__buf_finish(&b->output);
	s->unfaithful = NULL;
	char **said[] = {&b->refused, &b->error, &b->remedy};
	for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
		free(*said[i]);
		*said[i] = NULL;
	}
}

static int read_source(struct single *s)
{
	struct stat st;
	int fd = open(s->b->source, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -1;
	// The state first: whatever changes the file from now on changes that too.
	int r = fstat(fd, &st) == 0 ? spore__fs_read_fd(fd, &s->text) : -1;
	int saved = errno;
	close(fd);
	if (r == 0)
		spore__filestate_of(&st, &s->state);
	errno = saved;
	return r;
}

static bool load(struct single *s)
{
	struct spore__job *b = s->b;
	forget(s);
	if (read_source(s) != 0)
		return spore__job_fail(b, spore__xasprintf("%s: cannot read it: %s", b->typed, strerror(errno)), NULL);
	spore__buf_str(&s->text, ""); // an empty file is a string too
	spore__hash_bytes(s->text.data, s->text.len, &s->content);
	char *error, *remedy;
	if (!spore__directives_parse(s->text.data, s->text.len, &s->d, &error, &remedy))
		return fail_directive(s, b->typed, error, remedy);
	s->cplusplus =
	    s->d.language != NULL ? strcmp(s->d.language, "c++") == 0 : is_cplusplus(spore__fs_base(b->source));
	return true;
}

// Has the source changed since it was read, perhaps there and back?
static bool source_changed(const struct single *s)
{
	struct spore__hash hash;
	struct spore__filestate state;
	struct stat st;
	if (spore__hash_file(s->b->store->hashes, s->b->source, &hash, &st) != 0)
		return true;
	spore__filestate_of(&st, &state);
	return !spore__filestate_equal(&state, &s->state) || !spore__hash_equal(&hash, &s->content);
}

// The time from which on every change of the source shows in its state: one in the same tick of the clock as its last would not.
static int begin_watch(const struct single *s, struct timespec *since)
{
	const struct timespec pause = {.tv_nsec = 500000};
	for (int i = 0; i < 60; i++) {
		if (spore__os_file_clock(since) != 0)
			return -1;
		if (since->tv_sec > s->state.ctime_s ||
		    (since->tv_sec == s->state.ctime_s && since->tv_nsec > s->state.ctime_ns))
			return 0;
		(void)nanosleep(&pause, NULL);
	}
	return 0; // the file is of a clock that runs ahead
}

static bool includes(const struct single *s, const char *header)
{
	return spore__strs_has(&s->d.system_includes, header) || spore__strs_has(&s->d.local_includes, header);
}

// One of the program's own files, and what it includes: adds its folder to what may be read. Stops tcc where the file speaks
// against it.
static void visit(struct single *s, const char *path, struct spore__strs *seen);

static void visit_all(struct single *s, const char *dir, const struct spore__strs *names, struct spore__strs *seen)
{
	for (size_t i = 0; i < names->count; i++) {
		char *path =
		    names->items[i][0] == '/' ? spore__xstrdup(names->items[i]) : spore__fs_join(dir, names->items[i]);
		visit(s, path, seen);
		free(path);
	}
}

static void visit(struct single *s, const char *path, struct spore__strs *seen)
{
	enum { FILES_MAX = 1000 };
	char *real = realpath(path, NULL);
	if (real == NULL || spore__strs_has(seen, real) || seen->count >= FILES_MAX) {
		free(real);
		return;
	}
	spore__strs_add(seen, real);
	struct spore__buf text = {0};
	struct spore__directives d = {0};
	char *dir = spore__fs_dir(real), *error = NULL, *remedy = NULL;
	if (!spore__strs_has(&s->read, dir))
		spore__strs_add(&s->read, dir);
	if (spore__fs_read(real, &text) == 0 && text.data != NULL) {
		const char *why = spore__faithful_refusal(text.data, text.len);
		if (why != NULL && s->unfaithful == NULL)
			s->unfaithful = why;
		(void)spore__directives_parse(text.data, text.len, &d, &error,
		                              &remedy); // directives count in the main file only
		visit_all(s, dir, &d.local_includes, seen);
	}
	free(error);
	free(remedy);
	free(dir);
	free(real);
	spore__directives_finish(&d);
	spore__buf_finish(&text);
}

// The compiler may read the folders of the program's own files, and those named with -I.
static void collect_readable(struct single *s)
{
	struct spore__strs seen = {0};
	spore__strs_add(&s->read, s->dir);
	visit(s, s->b->source, &seen);
	visit_all(s, s->dir, &s->d.sources, &seen);
	for (size_t i = 0; i < s->d.call_count; i++) {
		char *path = spore__fs_join(s->dir, s->d.calls[i].header);
		visit(s, path, &seen);
		free(path);
	}
	for (size_t i = 0; i < s->d.cflags.count; i++) {
		const char *flag = s->d.cflags.items[i];
		if (strncmp(flag, "-I", 2) != 0 || flag[2] == '\0')
			continue;
		char *dir = flag[2] == '/' ? spore__xstrdup(flag + 2) : spore__fs_join(s->dir, flag + 2);
		spore__strs_add(&s->read, dir);
		for (size_t k = 0; k < s->d.local_includes.count; k++) {
			char *path = spore__fs_join(dir, s->d.local_includes.items[k]);
			visit(s, path, &seen);
			free(path);
		}
		free(dir);
	}
	spore__strs_finish(&seen);
}

// What decides the result besides the contents of files.
static void settings(const struct single *s, bool fast, struct spore__strs *out)
{
	spore__strs_add(out, "format=1");
	spore__strs_addf(out, "store=%s", s->b->store->root);
	spore__strs_addf(out, "target=%s", SPORE__TARGET);
	spore__strs_addf(out, "language=%s", s->cplusplus ? "c++" : "c");
	spore__strs_addf(out, "file=%s", spore__fs_base(s->b->source));
	spore__strs_addf(out, "tier=%s", fast ? "fast" : "opt");
}

static char *candidates(const struct single *s, bool fast)
{
	struct spore__hasher h;
	struct spore__hash hash;
	struct spore__strs list = {0};
	settings(s, fast, &list);
	spore__hasher_init(&h);
	for (size_t i = 0; i < list.count; i++)
		spore__hasher_str(&h, list.items[i]);
	spore__hasher_field(&h, s->content.bytes, sizeof s->content.bytes);
	spore__hasher_finish(&h, &hash);
	spore__strs_finish(&list);
	char *hex = spore__xmalloc(SPORE__HASH_HEX + 1);
	spore__hash_hex(&hash, hex);
	return hex;
}

static bool lookup(struct single *s, bool fast)
{
	char *hex = candidates(s, fast);
	struct spore__strs list = {0};
	settings(s, fast, &list);
	bool found = spore__job_lookup(s->b, hex, &list, s->dir);
	spore__strs_finish(&list);
	free(hex);
	return found;
}

// tcc leaves nothing beside the program: the whole stage becomes the artifact. Others want room for temporary files, or for code that is made.
static bool begin_stage(struct single *s, bool fast)
{
	s->stage = spore__store_stage(s->b->store, &s->stage_lock);
	if (s->stage == NULL)
		return spore__job_fail_store(s->b, "cannot begin");
	s->files = fast && s->d.call_count == 0 ? spore__xstrdup(s->stage) : spore__fs_join(s->stage, "out");
	char *bin = spore__fs_join(s->files, "bin");
	s->trace = spore__store_scratch(s->b->store);
	s->program = spore__fs_join(bin, s->name);
	bool ok = spore__fs_mkdirs(bin, 0700) == 0;
	free(bin);
	return ok ? true : spore__job_fail_store(s->b, "cannot begin");
}

static void end_stage(struct single *s)
{
	if (s->stage != NULL)
		(void)spore__fs_remove_tree(s->stage);
	if (s->trace != NULL)
		(void)unlink(s->trace);
	if (s->stage_lock >= 0)
		close(s->stage_lock);
	s->stage_lock = -1;
	free(s->stage);
	free(s->files);
	free(s->trace);
	free(s->program);
	s->stage = s->files = s->trace = s->program = NULL;
}

static struct spore__compiler compiler(const struct single *s, const char *cwd, const char *input)
{
	return (struct spore__compiler){
	    .stage = s->stage,
	    .trace = s->trace,
	    .read = (const char *const *)s->read.items,
	    .cwd = cwd,
	    .input = input,
	    .confined = s->b->sandbox,
	};
}

static bool ask_pkg_config(struct single *s, const char *what, struct spore__strs *answer)
{
	if (s->d.packages.count == 0)
		return true;
	char *tool = spore__fs_find_program("pkg-config", NULL);
	if (tool == NULL)
		return spore__job_fail(
		    s->b,
		    spore__xasprintf("%s: it names pkg-config packages, and pkg-config is not installed", s->b->typed),
		    spore__xstrdup("sudo apt-get install pkg-config"));
	struct spore__strs argv = {0};
	spore__strs_take(&argv, tool);
	spore__strs_add(&argv, what);
	for (size_t i = 0; i < s->d.packages.count; i++)
		spore__strs_add(&argv, s->d.packages.items[i]);
	struct spore__buf said = {0};
	const struct spore__compiler c = compiler(s, s->stage, NULL);
	int status = spore__compiler_run(&c, (const char *const *)argv.items, &said);
	spore__strs_finish(&argv);
	bool ok = status == 0 && (said.data == NULL || spore__strs_split(answer, said.data));
	if (!ok)
		spore__explain_packages(s->b, &s->d.packages);
	spore__buf_finish(&said);
	return ok;
}

static void add_all(struct spore__strs *argv, const struct spore__strs *words)
{
	for (size_t i = 0; i < words->count; i++)
		spore__strs_add(argv, words->items[i]);
}

// -I is relative to the source, wherever the compiler runs.
static void add_cflags(const struct single *s, struct spore__strs *argv)
{
	for (size_t i = 0; i < s->d.cflags.count; i++) {
		const char *flag = s->d.cflags.items[i];
		if (strncmp(flag, "-I", 2) == 0 && flag[2] != '/' && flag[2] != '\0')
			spore__strs_addf(argv, "-I%s/%s", s->dir, flag + 2);
		else
			spore__strs_add(argv, flag);
	}
}

static void add_libs(const struct single *s, struct spore__strs *argv)
{
	for (size_t i = 0; i < s->d.libs.count; i++) {
		const char *lib = s->d.libs.items[i];
		if (strncmp(lib, "-L", 2) == 0 && lib[2] != '/')
			spore__strs_addf(argv, "-L%s/%s", s->dir, lib + 2);
		else if (lib[0] == '-' || lib[0] == '/')
			spore__strs_add(argv, lib);
		else
			spore__strs_addf(argv, "%s/%s", s->dir, lib);
	}
	add_all(argv, &s->pkg_libs);
}

static void add_sources(const struct single *s, struct spore__strs *argv)
{
	for (size_t i = 0; i < s->d.sources.count; i++)
		spore__strs_take(argv, s->d.sources.items[i][0] == '/' ? spore__xstrdup(s->d.sources.items[i])
		                                                       : spore__fs_join(s->dir, s->d.sources.items[i]));
}

static bool uses_libspore(const struct single *s)
{
	static const char *const headers[] = {"spore/spore.h", "spore/chan.h", "spore/value.h", "spore/rpc.h",
	                                      "spore/call.h"};
	if (s->d.call_count > 0)
		return true;
	for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
		if (includes(s, headers[i]))
			return true;
	}
	return false;
}

static void add_sdk(const struct single *s, struct spore__strs *argv, bool libraries)
{
	if (!uses_libspore(s))
		return;
	char *libexec = spore__dirs_libexec();
	if (libraries) {
		spore__strs_addf(argv, "-L%s/sdk/lib", libexec);
		spore__strs_add(argv, "-lspore");
	} else {
		spore__strs_addf(argv, "-I%s/sdk/include", libexec);
	}
	free(libexec);
}

// What speaks against tcc in the program's own files; NULL: nothing.
static char *refusal(struct single *s)
{
	if (s->cplusplus)
		return spore__xstrdup("it is C++");
	if (s->d.compiler != NULL)
		return spore__xasprintf("it names its compiler, %s", s->d.compiler);
	if (s->d.sources.count > 0)
		return spore__xstrdup("it has several files");
	const char *why = spore__faithful_refuses_flags((const char *const *)s->d.cflags.items);
	if (why == NULL && s->d.standard != NULL)
		why = "it names its standard";
	if (why == NULL)
		why = s->unfaithful;
	return why == NULL ? NULL : spore__xstrdup(why);
}

// The first line of what tcc said that is more than a position.
static char *first_complaint(const char *said)
{
	while (said != NULL && strncmp(said, "In file included", 16) == 0) {
		said = strchr(said, '\n');
		said = said == NULL ? NULL : said + 1;
	}
	if (said == NULL || *said == '\0')
		return spore__xstrdup("tcc failed without a word");
	return spore__xasprintf("tcc: %.*s", (int)strcspn(said, "\n"), said);
}

// 1: compiled; 0: tcc will not, b->refused says why; -1: failed.
static int compile_fast(struct single *s)
{
	char *libexec = spore__dirs_libexec();
	struct spore__strs flags = {0}, libs = {0};
	spore__faithful_flags(libexec, &flags);
	free(libexec);
	add_cflags(s, &flags);
	add_all(&flags, &s->pkg_cflags);
	add_sdk(s, &flags, false);
	add_libs(s, &libs);
	add_sdk(s, &libs, true);
	if (includes(s, "math.h"))
		spore__strs_add(&libs, "-lm");
	struct spore__buf said = {0};
	const struct spore__tcc job = {
	    .flags = (const char *const *)flags.items,
	    .libs = (const char *const *)libs.items,
	    .source = spore__fs_base(s->b->source),
	    .more = (const char *const *)s->stubs.items,
	    .program = s->program,
	};
	const struct spore__compiler c = compiler(s, s->dir, NULL);
	int status = spore__tcc_run(&c, &job, &said);
	int saved = errno;
	bool silent = said.len == 0;
	if (status > 0 && silent && spore__job_disk_full(s->b)) {
		saved = ENOSPC; // what it said, or the trace, had no room
		status = -1;
	}
	if (status != 0 || !silent) {
		s->b->refused = first_complaint(said.data);
	}
	spore__strs_finish(&flags);
	spore__strs_finish(&libs);
	spore__buf_finish(&said);
	errno = saved;
	return status < 0 ? -1 : status == 0 && silent;
}

// A #! line is no C: the compiler gets the text on standard input, with that line made a comment, and is told the name.
static char *without_shebang(const struct single *s)
{
	if (s->text.len < 2 || memcmp(s->text.data, "#!", 2) != 0)
		return NULL;
	struct spore__buf text = {0};
	spore__buf_str(&text, "# 1 \"");
	for (const char *p = s->b->typed; *p != '\0'; p++) {
		if (*p == '"' || *p == '\\')
			spore__buf_char(&text, '\\');
		spore__buf_char(&text, *p);
	}
	spore__buf_str(&text, "\"\n//");
	spore__buf_add(&text, s->text.data + 2, s->text.len - 2);
	char *path = spore__fs_join(s->stage, "script");
	bool ok = spore__fs_write_atomic(path, text.data, text.len, 0600) == 0;
	spore__buf_finish(&text);
	if (ok)
		return path;
	free(path);
	return NULL;
}

static bool optimising_command(struct single *s, const char *script, struct spore__strs *argv)
{
	const char *name = s->d.compiler != NULL ? s->d.compiler : s->cplusplus ? "g++" : "gcc";
	char *cc = spore__fs_find_program(name, NULL);
	if (cc == NULL) {
		return spore__job_fail(s->b,
		                       spore__xasprintf("%s: the compiler %s is not installed", s->b->typed, name),
		                       spore__remedy_compiler(name));
	}
	spore__strs_take(argv, cc);
	spore__strs_add(argv, "-O2");
	spore__strs_add(argv, "-pipe");
	spore__strs_add(argv, "-pthread");
	if (s->b->colour)
		spore__strs_add(argv, "-fdiagnostics-color=always");
	// __FILE__ is the file's name below its folder, so that moving the folder does not change the program.
	spore__strs_addf(argv, "-fmacro-prefix-map=%s/=", s->dir);
	char *typed_dir = spore__fs_dir(s->b->typed);
	spore__strs_addf(argv, "-fmacro-prefix-map=%s/=", typed_dir);
	free(typed_dir);
	if (s->d.standard != NULL)
		spore__strs_addf(argv, "-std=%s", s->d.standard);
	add_cflags(s, argv);
	add_all(argv, &s->pkg_cflags);
	add_sdk(s, argv, false);
	spore__strs_add(argv, "-o");
	spore__strs_add(argv, s->program);
	if (script != NULL)
		spore__strs_addf(argv, "-iquote%s", s->dir);
	spore__strs_add(argv, "-x");
	spore__strs_add(argv, s->cplusplus ? "c++" : "c");
	const bool plain = s->b->typed[0] != '-' && s->b->typed[0] != '@'; // no option, nor a file of options
	spore__strs_addf(argv, "%s%s", script == NULL && !plain ? "./" : "", script != NULL ? "-" : s->b->typed);
	if (!s->cplusplus) {
		add_all(argv, &s->stubs);
		spore__strs_add(argv, "-x");
		spore__strs_add(argv, "none");
	} else {
		spore__strs_add(argv, "-x");
		spore__strs_add(argv, "none");
		add_all(argv, &s->stubs); // objects: they are C
	}
	add_sources(s, argv);
	add_libs(s, argv);
	add_sdk(s, argv, true);
	spore__strs_add(argv, "-Wl,--as-needed");
	spore__strs_add(argv, "-lm");
	return true;
}

// 1: compiled; 0: not, the error is set; -1: failed.
static int compile_optimised(struct single *s)
{
	struct spore__strs argv = {0};
	char *script = without_shebang(s);
	int r = optimising_command(s, script, &argv) ? 1 : 0;
	if (r == 1) {
		const struct spore__compiler c = compiler(s, NULL, script);
		int status = spore__compiler_run(&c, (const char *const *)argv.items, &s->b->output);
		r = status < 0 ? -1 : status == 0;
		if (r == 0)
			spore__explain_compile(s->b, &s->d, s->dir, status);
	}
	int saved = errno;
	spore__strs_finish(&argv);
	free(script);
	errno = saved;
	return r;
}

// What the trace cannot know: the source as it was read here, and files beside it that a compiler got on standard input.
static void add_source_input(struct single *s, struct spore__meta *m)
{
	char *name = spore__xasprintf("./%s", spore__fs_base(s->b->source));
	for (size_t i = 0; i < m->input_count; i++) {
		if (strcmp(m->inputs[i].path, name) == 0) {
			free(name);
			return;
		}
	}
	spore__meta_add_input(m, name, &s->content);
	free(name);
}

// Stores what was compiled. *AGAIN: an input changed meanwhile.
static bool keep(struct single *s, bool fast, const char *builder, const struct timespec *since, bool *again)
{
	struct spore__meta m = {
	    .kind = spore__xstrdup("file"),
	    .tier = spore__xstrdup(fast ? "fast" : "opt"),
	    .builder = spore__xstrdup(builder),
	    .main = spore__xstrdup(s->name),
	};
	const char *const own[] = {s->stage, NULL};
	char *changed = NULL;
	bool trusted, ok = false;
	char *hex = candidates(s, fast);
	settings(s, fast, &m.settings);
	char *path = spore__xasprintf("bin/%s", s->name);
	spore__meta_add_program(&m, s->name, path);
	free(path);
	if (spore__inputs_from_trace(s->b->store, s->trace, own, s->dir, s->b->source, since, &m, &changed, &trusted) !=
	    0) {
		(void)spore__job_fail_store(s->b, "cannot read what the compiler read");
		goto done;
	}
	spore__job_trust(s->b, &m, trusted);
	add_source_input(s, &m);
	spore__stubs_inputs(&s->stub_meta, "/", &m);
	*again = changed != NULL || source_changed(s);
	if (*again)
		goto done;
	ok = spore__job_commit(s->b, &m, s->name, s->files, hex, s->dir, again);
done:
	free(changed);
	spore__meta_finish(&m);
	free(hex);
	return ok;
}

// The code that the directives ask for.
static bool make_stubs(struct single *s)
{
	struct spore__strs flags = {0};
	const struct spore__compiler c = compiler(s, s->stage, NULL);
	spore__strs_finish(&s->stubs);
	spore__meta_finish(&s->stub_meta);
	s->stub_meta = (struct spore__meta){0};
	if (s->d.call_count == 0)
		return true;
	add_cflags(s, &flags);
	add_all(&flags, &s->pkg_cflags);
	add_sdk(s, &flags, false);
	const struct spore__stubs stubs = {
	    .store = s->b->store, .compiler = &c, .dir = s->dir, .flags = (const char *const *)flags.items};
	// C++ is compiled with other flags than C.
	bool ok = spore__stubs_all(&stubs, s->b, &s->d, s->cplusplus, &s->stubs, &s->stub_meta);
	spore__strs_finish(&flags);
	return ok;
}

static bool prepare(struct single *s, bool fast)
{
	end_stage(s);
	if (!begin_stage(s, fast))
		return false;
	if (spore__inputs_trace_create(s->trace) != 0)
		return spore__job_fail_store(s->b, "cannot begin");
	spore__strs_finish(&s->pkg_cflags);
	spore__strs_finish(&s->pkg_libs);
	return ask_pkg_config(s, "--cflags", &s->pkg_cflags) && ask_pkg_config(s, "--libs", &s->pkg_libs) &&
	       make_stubs(s);
}

// One round. *AGAIN as in keep.
static bool compile(struct single *s, bool *again)
{
	struct timespec since;
	bool fast = s->b->tier != SPORE__TIER_OPT && s->b->refused == NULL;
	*again = false;
	if (begin_watch(s, &since) != 0 || !prepare(s, fast))
		return false;
	if (fast) {
		int r = compile_fast(s);
		if (r < 0)
			return spore__job_fail_store(s->b, "cannot run tcc");
		if (r > 0)
			return keep(s, true, "tcc", &since, again);
		if (s->b->tier == SPORE__TIER_FAST || lookup(s, false) || !prepare(s, false))
			return s->b->index.id != NULL;
	}
	int r = compile_optimised(s);
	if (r < 0)
		return spore__job_fail_store(s->b, "cannot run the compiler");
	if (r == 0 && source_changed(s))
		*again = true; // perhaps it was written in part
	const char *builder = s->d.compiler != NULL ? s->d.compiler : s->cplusplus ? "g++" : "gcc";
	return r > 0 && keep(s, false, builder, &since, again);
}

static bool sources_exist(struct single *s)
{
	for (size_t i = 0; i < s->d.sources.count; i++) {
		const char *name = s->d.sources.items[i];
		char *path = *name == '/' ? spore__xstrdup(name) : spore__fs_join(s->dir, name);
		bool there = spore__fs_is_file(path);
		free(path);
		if (!there)
			return spore__job_fail(
			    s->b, spore__xasprintf("%s: it names the source %s, which is not there", s->b->typed, name),
			    spore__xstrdup("correct the name in // spore: sources; it is relative to this file"));
	}
	return true;
}

// One round, from reading the source on. *AGAIN: it changed meanwhile.
static bool attempt(struct single *s, bool *again)
{
	struct spore__job *b = s->b;
	*again = false;
	if (!load(s) || !sources_exist(s))
		return false;
	if (b->tier != SPORE__TIER_FAST && lookup(s, false))
		return true;
	if (b->tier != SPORE__TIER_OPT && lookup(s, true))
		return true;
	collect_readable(s);
	if (b->tier != SPORE__TIER_OPT)
		b->refused = refusal(s);
	if ((b->tier != SPORE__TIER_FAST || b->refused == NULL) && compile(s, again))
		return true;
	if (!*again && b->tier == SPORE__TIER_FAST && b->refused != NULL && b->error == NULL)
		return spore__job_fail(
		    b, spore__xasprintf("%s: the fast compiler cannot be used: %s", b->typed, b->refused),
		    spore__xstrdup("run it without --fast"));
	return false;
}

static bool build(struct single *s)
{
	const char *base = spore__fs_base(s->b->source);
	const char *dot = strrchr(base, '.');
	s->dir = spore__fs_dir(s->b->source);
	s->name = dot != NULL && dot > base ? spore__xstrndup(base, (size_t)(dot - base)) : spore__xstrdup(base);
	bool again = true;
	for (int i = 0; again && i < TRIES; i++) {
		const struct timespec tick = {.tv_nsec = i * 30000000L}; // a header saved in the same tick looks new
		(void)nanosleep(&tick, NULL);
		if (attempt(s, &again))
			return true;
	}
	if (!again)
		return false;
	spore__buf_finish(&s->b->output); // of a text that is no more
	return spore__job_fail(s->b, spore__xasprintf("%s: it keeps changing while it is compiled", s->b->typed),
	                       spore__xstrdup("run it again when whatever writes it has finished"));
}

bool spore__job_single(struct spore__job *b)
{
	struct single s = {.b = b, .stage_lock = -1};
	bool ok = build(&s);
	if (!ok && b->output.len > 0)
		spore__job_keep_log(b, s.name, &b->output);
	end_stage(&s);
	spore__directives_finish(&s.d);
	spore__buf_finish(&s.text);
	spore__strs_finish(&s.pkg_cflags);
	spore__strs_finish(&s.pkg_libs);
	spore__strs_finish(&s.read);
	spore__strs_finish(&s.stubs);
	spore__meta_finish(&s.stub_meta);
	free(s.dir);
	free(s.name);
	return ok;
}
