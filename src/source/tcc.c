#include "source/tcc.h"

#include <errno.h>
#include <fcntl.h>
#include <libtcc.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "os/os.h"
#include "source/trace.h"

// Only in the child that compiles.
static struct spore__trace_header *trace;
static uint64_t trace_room;

static void record(char what, const char *path)
{
	char line[PATH_MAX * 2], cwd[PATH_MAX] = "";
	if (path[0] != '/' && getcwd(cwd, sizeof cwd) == NULL)
		cwd[0] = '\n'; // no line can say it
	int len = snprintf(line, sizeof line, "%c %s%s%s\n", what, cwd, path[0] == '/' ? "" : "/", path);
	if (len > 0 && (size_t)len < sizeof line && strchr(line, '\n') == line + len - 1)
		spore__trace_add(trace, trace_room, line, (uint64_t)len);
	else
		spore__trace_add(trace, trace_room, SPORE__TRACE_INCOMPLETE, sizeof SPORE__TRACE_INCOMPLETE - 1);
}

// libtcc opens everything that it reads with open(2); the linker sends it here (--wrap=open).
int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
	va_list ap;
	va_start(ap, flags);
	mode_t mode = (flags & O_CREAT) != 0 ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	int fd = __real_open(path, flags, mode);
	int saved = errno;
	if (trace != NULL && (flags & O_ACCMODE) == O_RDONLY && (fd >= 0 || errno == ENOENT || errno == ENOTDIR))
		record(fd >= 0 ? 'r' : 'n', path);
	errno = saved;
	return fd;
}

// libtcc does not look whether its program could be written: a full disk would leave a part of it, and all well.
static int write_error;

int __real_fclose(FILE *f);
int __wrap_fclose(FILE *f);
int __wrap_fclose(FILE *f)
{
	bool bad = ferror(f) != 0;
	errno = 0;
	int r = __real_fclose(f);
	if (bad || r != 0)
		write_error = errno != 0 ? errno : EIO;
	return r;
}

static int map_trace(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -1;
	void *map = MAP_FAILED;
	if (fstat(fd, &st) == 0 && (size_t)st.st_size > sizeof *trace)
		map = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (map == MAP_FAILED)
		return -1;
	trace = map;
	trace_room = (uint64_t)st.st_size - sizeof *trace;
	return 0;
}

static void say(void *arg, const char *message)
{
	(void)arg;
	(void)fprintf(stderr, "%s\n", message);
}

static bool apply_flag(TCCState *tcc, const char *const **at)
{
	const char *flag = **at;
	if (strncmp(flag, "-I", 2) == 0)
		return tcc_add_include_path(tcc, flag + 2) == 0;
	if (strncmp(flag, "-U", 2) == 0) {
		tcc_undefine_symbol(tcc, flag + 2);
		return true;
	}
	if (strncmp(flag, "-D", 2) == 0) {
		char *name = spore__xstrdup(flag + 2);
		char *value = strchr(name, '=');
		if (value != NULL)
			*value++ = '\0';
		tcc_define_symbol(tcc, name, value != NULL ? value : "1");
		free(name);
		return true;
	}
	if (strcmp(flag, "-pthread") == 0) {
		tcc_define_symbol(tcc, "_REENTRANT", "1");
		return true;
	}
	if (strcmp(flag, "-include") == 0 && (*at)[1] != NULL) {
		char *option = spore__xasprintf("-include \"%s\"", *++*at);
		tcc_set_options(tcc, option);
		free(option);
		return true;
	}
	// Warnings of the optimising compiler that this one does not know are no concern here.
	if (strncmp(flag, "-W", 2) == 0)
		tcc_set_options(tcc, flag);
	return strncmp(flag, "-W", 2) == 0;
}

static bool add_library(TCCState *tcc, const char *lib)
{
	if (strncmp(lib, "-l", 2) == 0)
		return tcc_add_library(tcc, lib + 2) == 0;
	if (strncmp(lib, "-L", 2) == 0)
		return tcc_add_library_path(tcc, lib + 2) == 0;
	return lib[0] != '-' && tcc_add_file(tcc, lib) == 0;
}

struct call {
	const struct spore__compiler *compiler;
	const struct spore__tcc *job;
	const char *self;
};

// libtcc reckons constants of type double in long double and rounds twice. What rounds to double in the first place gives what the
// running program would. Constants of type long double suffer; faithful_shape.c refuses them.
static void round_doubles(void)
{
#if defined __x86_64__ || defined __i386__
	const unsigned short control = 0x27f; // 53 bits, to nearest, no traps
	__asm__ volatile("fldcw %0" : : "m"(control));
#endif
}

static int compile(void *arg)
{
	const struct call *call = arg;
	const struct spore__tcc *job = call->job;
	if (map_trace(call->compiler->trace) != 0)
		return 1;
	record('x', call->self);
	round_doubles();
	TCCState *tcc = tcc_new();
	if (tcc == NULL)
		return 1;
	tcc_set_error_func(tcc, NULL, say);
	bool ok = true;
	for (const char *const *f = job->flags; ok && f != NULL && *f != NULL; f++) {
		ok = apply_flag(tcc, &f);
		if (!ok)
			(void)fprintf(stderr, "it has no flag %s\n", *f);
	}
	ok = ok && tcc_set_output_type(tcc, TCC_OUTPUT_EXE) == 0 && tcc_add_file(tcc, job->source) == 0;
	for (const char *const *f = job->more; ok && f != NULL && *f != NULL; f++)
		ok = tcc_add_file(tcc, *f) == 0;
	for (const char *const *l = job->libs; ok && l != NULL && *l != NULL; l++) {
		ok = add_library(tcc, *l);
		if (!ok)
			(void)fprintf(stderr, "it cannot link %s\n", *l);
	}
	write_error = 0;
	errno = 0;
	if (ok && tcc_output_file(tcc, job->program) != 0) {
		ok = false;
		if (errno == ENOSPC || errno == EDQUOT)
			write_error = errno; // it could not even create it
	}
	if (write_error > 1 && write_error < 128)
		return write_error;
	return ok ? 0 : 1; // the process ends: nothing to give back
}

int spore__tcc_run(const struct spore__compiler *c, const struct spore__tcc *job, struct spore__buf *output)
{
	char *self = spore__os_self();
	const struct call call = {.compiler = c, .job = job, .self = self != NULL ? self : "/"};
	int status = spore__compiler_call(c, compile, (void *)&call, output);
	int saved = errno;
	free(self);
	if (status == 128 + SIGBUS) {
		saved = ENOSPC; // there was no room for the trace, which is written through a mapping
		status = -1;
	} else if (status > 1 && status < 128) {
		saved = status; // why the program could not be written
		status = -1;
	}
	errno = saved;
	return status;
}
