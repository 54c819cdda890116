// spore-build: makes artifacts and keeps the store. The command line and the node start it; its arguments are theirs alone:
//
//	spore-build build [--tier=auto|fast|opt] [--no-sandbox] [--json] [--why] [--verbose] [--quiet] [--background]
//	                  [--result=FD] [--] SOURCE
//	spore-build ls|verify [--json]
//	spore-build gc [--json] [--dry-run] [--max-age=SECONDS] [--max-size=BYTES]
//
// With --result the index entry is written to that descriptor as soon as the program can be started; otherwise the path of
// the artifact's program, or of the artifact, goes to standard output.
#include <errno.h>
#include <fcntl.h>
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
#include "node/client.h"
#include "os/os.h"
#include "source/diagnostic.h"
#include "source/explain.h"
#include "source/inputs.h"
#include "source/job.h"
#include "source/progress.h"
#include "source/upkeep.h"

struct options {
	enum spore__tier tier;
	bool no_sandbox, json, why, verbose, quiet, background, dry_run;
	int result;
	int64_t max_age, max_size;
	const char *source;
};

static bool value_of(const char *arg, const char *name, const char **value)
{
	size_t len = strlen(name);
	if (strncmp(arg, name, len) != 0 || arg[len] != '=')
		return false;
	*value = arg + len + 1;
	return true;
}

static void parse(int argc, char **argv, struct options *o)
{
	*o = (struct options){.result = -1, .max_age = -1, .max_size = -1};
	const struct {
		const char *name;
		bool *flag;
	} flags[] = {
	    {"--no-sandbox", &o->no_sandbox}, {"--json", &o->json},   {"--why", &o->why},
	    {"--verbose", &o->verbose},       {"--quiet", &o->quiet}, {"--background", &o->background},
	    {"--dry-run", &o->dry_run},
	};
	for (int i = 2; i < argc; i++) {
		const char *arg = argv[i], *value;
		bool known = false;
		if (strcmp(arg, "--") == 0) {
			o->source = argv[i + 1];
			return;
		}
		for (size_t k = 0; k < sizeof flags / sizeof *flags; k++) {
			if (strcmp(arg, flags[k].name) == 0)
				*flags[k].flag = known = true;
		}
		if (value_of(arg, "--tier", &value))
			o->tier = value[0] == 'f'   ? SPORE__TIER_FAST
			          : value[0] == 'o' ? SPORE__TIER_OPT
			                            : SPORE__TIER_AUTO;
		else if (value_of(arg, "--result", &value))
			o->result = atoi(value);
		else if (value_of(arg, "--max-age", &value))
			o->max_age = strtoll(value, NULL, 10);
		else if (value_of(arg, "--max-size", &value))
			o->max_size = strtoll(value, NULL, 10);
		else if (!known && arg[0] != '-')
			o->source = arg;
		else if (!known)
			spore__die(SPORE__EXIT_USAGE, "spore-build is started by spore: use spore build",
			           "spore-build: unknown option '%s'", arg);
	}
}

static void place_json(struct spore__json *j, const char *key, long value)
{
	if (value > 0)
		spore__json_int(j, key, value);
	else
		spore__json_null(j, key);
}

static void diagnostics_json(struct spore__json *j, const char *text)
{
	struct spore__diagnostic d;
	spore__json_open(j, "diagnostics", '[');
	while (text != NULL && spore__diagnostic_next(&text, &d)) {
		spore__json_open(j, NULL, '{');
		spore__json_str(j, "file", d.file);
		place_json(j, "line", d.line);
		place_json(j, "column", d.column);
		spore__json_str(j, "severity", d.severity);
		spore__json_str(j, "message", d.message);
		spore__json_close(j, '}');
		spore__diagnostic_finish(&d);
	}
	spore__json_close(j, ']');
}

static void words_json(struct spore__json *j, const char *key, const struct spore__strs *words)
{
	spore__json_open(j, key, '[');
	for (size_t i = 0; i < words->count; i++)
		spore__json_str(j, NULL, words->items[i]);
	spore__json_close(j, ']');
}

static void attempts_json(struct spore__json *j, const struct spore__folder_result *r)
{
	spore__json_open(j, "attempts", '[');
	for (size_t i = 0; i < r->attempt_count; i++) {
		spore__json_open(j, NULL, '{');
		spore__json_str(j, "what", r->attempts[i].what);
		spore__json_str(j, "why", r->attempts[i].why);
		spore__json_close(j, '}');
	}
	spore__json_close(j, ']');
}

static char *artifact_path(const struct spore__job *b)
{
	// A command that is run as it is has no artifact.
	return b->index.id == NULL || b->index.args.count > 0 ? NULL
	                                                      : spore__store_path(b->store, "artifacts", b->index.id);
}

static int print_json(const struct spore__job *b, bool ok, double seconds)
{
	struct spore__buf out = {0};
	struct spore__json j = {.out = &out};
	char *path = artifact_path(b);
	spore__json_open(&j, NULL, '{');
	spore__json_bool(&j, "ok", ok);
	spore__json_str(&j, "source", b->source);
	spore__json_str(&j, "id", b->index.id);
	spore__json_str(&j, "path", path);
	spore__json_str(&j, "kind", b->index.kind);
	spore__json_str(&j, "tier", b->index.tier);
	spore__json_bool(&j, "cached", b->cached);
	spore__json_str(&j, "main", b->index.main);
	spore__json_open(&j, "programs", '[');
	for (size_t i = 0; i < b->index.program_count; i++)
		spore__json_str(&j, NULL, b->index.programs[i].path);
	spore__json_close(&j, ']');
	spore__json_str(&j, "build_system", b->folder.build_system);
	spore__json_str(&j, "not_fast", b->refused);
	attempts_json(&j, &b->folder);
	words_json(&j, "missing", &b->folder.missing);
	words_json(&j, "packages", &b->folder.packages);
	diagnostics_json(&j, b->output.data);
	spore__json_str(&j, "error", b->error);
	spore__json_str(&j, "remedy", b->remedy);
	spore__json_str(&j, "log", b->log);
	spore__json_bool(&j, "sandbox", b->sandbox);
	spore__json_int(&j, "milliseconds", (int64_t)(seconds * 1000));
	spore__json_close(&j, '}');
	spore__buf_char(&out, '\n');
	int status = spore__std_write(out.data, out.len);
	spore__buf_finish(&out);
	free(path);
	return status;
}

static void print_failure(const struct spore__job *b)
{
	if (b->output.len > 0)
		(void)spore__fs_write_all(STDERR_FILENO, b->output.data, b->output.len);
	struct spore__buf remedy = {0};
	bool told = b->folder.attempt_count == 1 && b->folder.missing.count == 0; // by the error itself
	for (size_t i = 0; !told && i < b->folder.attempt_count; i++)
		if (b->folder.attempts[i].why != NULL)
			spore__buf_printf(&remedy, "%stried %s: %s", remedy.len > 0 ? "\n  " : "",
			                  b->folder.attempts[i].what, b->folder.attempts[i].why);
	for (size_t i = 0; i < b->folder.missing.count; i++)
		spore__buf_printf(&remedy, "%s%s", i == 0 ? (remedy.len > 0 ? "\n  missing: " : "missing: ") : ", ",
		                  b->folder.missing.items[i]);
	if (b->remedy != NULL)
		spore__buf_printf(&remedy, "%s%s", remedy.len > 0 ? "\n  " : "", b->remedy);
	if (b->log != NULL)
		spore__buf_printf(&remedy, "%slog: %s", remedy.len > 0 ? "\n  " : "", b->log);
	// Reports have a limit; what was tried may be long.
	struct spore__buf all = {0};
	spore__buf_printf(&all, "spore: %s\n", b->error);
	if (remedy.len > 0)
		spore__buf_printf(&all, "  %s\n", remedy.data);
	(void)spore__fs_write_all(STDERR_FILENO, all.data, all.len);
	spore__buf_finish(&all);
	spore__buf_finish(&remedy);
}

// Prints what `spore build` is asked for: the program's path where there is one, else the artifact's.
static void print_path(const struct spore__job *b)
{
	char *path = artifact_path(b);
	const struct spore__program *program = spore__index_program(&b->index, NULL);
	if (b->index.args.count > 0)
		(void)printf("%s\n", b->source);
	else if (path != NULL)
		(void)printf("%s%s%s\n", path, program != NULL ? "/" : "", program != NULL ? program->path : "");
	free(path);
}

// One builder for a source at a time, but who wants to start a file at once does not wait for the optimised build of what it
// was before. The descriptor, or -1 when there is no place for a lock: then both build, and the second finds the artifact there.
static int lock_source(const struct spore__job *b, bool folder, struct spore__progress *progress)
{
	const char *name = b->tier == SPORE__TIER_OPT && !folder ? "opt-lock" : "lock";
	char *path = spore__index_path(b->store->root, b->source, name);
	int fd = -1;
	if (spore__fs_mkdir_for(path) == 0)
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	free(path);
	if (fd >= 0 && spore__os_lock(fd, true, false) != 0) {
		spore__progress_line(progress, "waiting for another build of it");
		if (spore__os_lock(fd, true, true) != 0) {
			close(fd);
			fd = -1;
		}
	}
	return fd;
}

// Too young to be trusted by a start: it tells --why that there was a build, and settle writes it again.
static bool is_recent(const struct spore__job *b)
{
	return !b->unstored && b->index.id != NULL && spore__inputs_recent(&b->index);
}

static int write_index(const struct spore__job *b)
{
	if (b->unstored)
		return 0;
	struct spore__buf text = {0};
	char *path = spore__index_path(b->store->root, b->source, b->index.tier[0] == 'f' ? "fast" : "opt");
	spore__index_write(&b->index, &text);
	// Renaming over a file makes ext4 write to the disk at once (auto_da_alloc), which takes longer than a fast build.
	(void)unlink(path);
	int r = spore__fs_write_atomic(path, text.data, text.len, 0600);
	int saved = errno;
	free(path);
	spore__buf_finish(&text);
	errno = saved;
	return r;
}

// A file that was saved just before the build could be saved again with the same time. Looks again when the clock has moved
// on, so that the next start may trust the times.
static void settle(struct spore__job *b)
{
	const struct timespec tick = {.tv_nsec = 30000000};
	if (!is_recent(b))
		return;
	(void)nanosleep(&tick, NULL);
	struct spore__meta m;
	struct spore__index now;
	char *dir = strcmp(b->index.kind, "folder") == 0 ? spore__xstrdup(b->source) : spore__fs_dir(b->source);
	if (spore__meta_read(b->store, b->index.id, &m) == 0) {
		if (spore__inputs_match(b->store, &m, dir, &now, NULL)) {
			// Folders of the source are in the old entry only; their times are proven by now.
			b->index.checked_s = now.checked_s;
			b->index.checked_ns = now.checked_ns;
			if (spore__index_fresh(&b->index, NULL))
				(void)write_index(b);
		}
		spore__index_finish(&now);
	}
	spore__meta_finish(&m);
	free(dir);
}

// The program may start; what the next start needs is written meanwhile.
static void deliver(struct spore__job *b)
{
	struct spore__buf text = {0};
	spore__index_write(&b->index, &text);
	(void)spore__fs_write_all(b->result, text.data,
	                          text.len); // the client may be gone: its program is not wanted any more
	close(b->result);
	b->ready = NULL;
	spore__buf_finish(&text);
}

static int build_source(struct spore__store *store, const struct options *o, struct spore__job *b, char *real)
{
	struct spore__progress progress;
	*b = (struct spore__job){
	    .store = store,
	    .typed = o->source,
	    .source = real,
	    .tier = o->tier,
	    .sandbox = !o->no_sandbox,
	    .colour = isatty(STDERR_FILENO) == 1 && !o->json && getenv("NO_COLOR") == NULL,
	    .progress = spore__progress_line,
	    .progress_arg = &progress,
	    .ready = o->result >= 0 ? deliver : NULL,
	    .result = o->result,
	};
	spore__progress_begin(&progress, spore__fs_base(real), o->quiet || o->json, o->verbose);
	bool folder = spore__fs_is_dir(real);
	int lock = lock_source(b, folder, &progress);
	if (o->why) // a build that has just delivered its program has the lock until its entry is there
		spore__upkeep_why(store, o->source, real);
	bool ok = folder ? spore__job_tree(b) : spore__job_single(b);
	if (ok && b->index.id != NULL && write_index(b) != 0)
		ok = errno == ENAMETOOLONG || b->cached || is_recent(b)
		         ? true
		         : spore__job_fail_store(b, "cannot keep the index entry");
	spore__progress_end(&progress);
	if (lock >= 0)
		close(lock);
	return ok ? SPORE__EXIT_OK : SPORE__EXIT_SPORE;
}

static double seconds_since(const struct timespec *t)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - t->tv_sec) + (double)(now.tv_nsec - t->tv_nsec) / 1e9;
}

static int build_command(const struct options *o)
{
	struct timespec start;
	struct spore__store store;
	(void)clock_gettime(CLOCK_MONOTONIC, &start);
	if (o->source == NULL)
		spore__die(SPORE__EXIT_USAGE, "use spore build SOURCE", "spore-build: no source");
	char *real = realpath(o->source, NULL);
	if (real == NULL)
		spore__die(SPORE__EXIT_NO_SOURCE, "check the path; a program on PATH is run as path:NAME",
		           "%s: no such source: %s", o->source, strerror(errno));
	spore__store_open(&store);
	if (o->no_sandbox && !o->background)
		spore__report(NULL, "building %s without the sandbox: its build can do whatever you can", o->source);
	struct spore__job b;
	int status = build_source(&store, o, &b, real);
	int printed = SPORE__EXIT_OK;
	if (o->json && (status != 0 || o->result < 0))
		printed = print_json(&b, status == 0, seconds_since(&start));
	else if (status != 0)
		print_failure(&b);
	else if (b.output.len > 0 && !o->background && !o->quiet)
		(void)spore__fs_write_all(STDERR_FILENO, b.output.data, b.output.len);
	if (status == 0 && b.index.id != NULL) {
		if (o->result < 0 && !o->json)
			print_path(&b);
		printed = spore__std_end(printed);
		settle(&b);
		// Last: who finds the optimised program has to find which one of the fast compiler it replaces.
		if (b.index.tier[0] == 'f' && o->tier == SPORE__TIER_AUTO)
			spore__node_optimise(real);
	}
	spore__job_finish(&b);
	spore__store_finish(&store);
	free(real);
	return status != 0 ? status : printed;
}

int main(int argc, char **argv)
{
	struct options o;
	const char *command = argc > 1 ? argv[1] : "";
	(void)signal(SIGXFSZ, SIG_IGN); // a limit of file sizes becomes an error with its name
	parse(argc, argv, &o);
	if (strcmp(command, "build") == 0)
		return build_command(&o);
	struct spore__store store;
	int status = SPORE__EXIT_USAGE;
	if (strcmp(command, "ls") != 0 && strcmp(command, "verify") != 0 && strcmp(command, "gc") != 0)
		spore__die(SPORE__EXIT_USAGE, "spore-build is started by spore: see spore help",
		           "spore-build: no such command '%s'", command);
	spore__store_open(&store);
	if (strcmp(command, "ls") == 0)
		status = spore__upkeep_list(&store, o.json);
	else if (strcmp(command, "verify") == 0)
		status = spore__upkeep_verify(&store, o.json);
	else
		status = spore__upkeep_gc(&store, o.max_age, o.max_size, o.dry_run, o.json);
	spore__store_finish(&store);
	return status;
}
