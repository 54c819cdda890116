#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/dirs.h"
#include "base/err.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/std.h"
#include "cli/command.h"
#include "os/os.h"

static const struct spore__option options[] = {
    {"json", 0, NULL, "print JSON", 0, NULL},
    {0},
};

struct report {
	bool json;
	struct spore__json j;
	struct spore__buf out;
	bool failed; // something without which nothing builds
};

static void line(struct report *r, const char *what, bool good, bool needed, const char *detail)
{
	r->failed = r->failed || (needed && !good);
	if (r->json) {
		spore__json_open(&r->j, NULL, '{');
		spore__json_str(&r->j, "what", what);
		spore__json_bool(&r->j, "ok", good);
		spore__json_bool(&r->j, "needed", needed);
		spore__json_str(&r->j, "detail", detail);
		spore__json_close(&r->j, '}');
		return;
	}
	spore__buf_printf(&r->out, "%-8s %-22s %s\n", good ? "ok" : needed ? "MISSING" : "absent", what, detail);
}

static void program(struct report *r, const char *name, const char *package, bool needed, const char *use)
{
	char *path = spore__fs_find_program(name, NULL);
	char *detail = path != NULL ? spore__xasprintf("%s: %s", path, use)
	                            : spore__xasprintf("%s; sudo apt-get install %s", use, package);
	line(r, name, path != NULL, needed, detail);
	free(detail);
	free(path);
}

static void folder(struct report *r, const char *what, char *path)
{
	bool made = spore__fs_mkdirs(path, 0700) == 0;
	bool good = made && access(path, W_OK | X_OK) == 0;
	char *detail = good ? spore__xstrdup(path) : spore__xasprintf("%s cannot be written", path);
	line(r, what, good, true, detail);
	free(detail);
	free(path);
}

static int run(const struct spore__args *args)
{
	struct report r = {.json = spore__args_has(args, "json")};
	r.j.out = &r.out;
	if (r.json)
		spore__json_open(&r.j, NULL, '[');
	folder(&r, "store", spore__dirs_store());
	folder(&r, "state", spore__dirs_state());
	folder(&r, "runtime", spore__dirs_runtime());
	char *libexec = spore__dirs_libexec();
	static const char *const parts[] = {"spore-build",  "spore-node", "spore-logs",        "spore-look",
	                                    "spore-bridge", "spore-pump", "libspore-trace.so", "tcc-prelude.h"};
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		char *path = spore__fs_join(libexec, parts[i]);
		line(&r, parts[i], access(path, R_OK) == 0, true, path);
		free(path);
	}
	free(libexec);
	program(&r, "gcc", "gcc", true, "compiles C");
	program(&r, "g++", "g++", false, "compiles C++");
	program(&r, "tcc", "tcc", false, "first start of a C file in milliseconds");
	program(&r, "bwrap", "bubblewrap", false, "confines the builds of folders");
	program(&r, "pkg-config", "pkg-config", false, "finds libraries");
	program(&r, "make", "make", false, "builds folders");
	program(&r, "cmake", "cmake", false, "builds folders");
	program(&r, "meson", "meson", false, "builds folders");
	line(&r, "Landlock", spore__os_can_confine(), false,
	     spore__os_can_confine() ? "confines the compilers of single files"
	                             : "this kernel does not confine compilers");
	if (r.json) {
		spore__json_close(&r.j, ']');
		spore__buf_char(&r.out, '\n');
	}
	int status = spore__std_write(r.out.data, r.out.len);
	spore__buf_finish(&r.out);
	if (status != SPORE__EXIT_OK)
		return status;
	return r.failed ? SPORE__EXIT_FAILED : SPORE__EXIT_OK;
}

const struct spore__command spore__command_doctor = {
    .name = "doctor",
    .operands = "",
    .summary = "check that this machine has what spore uses",
    .text = "Status 1 when something is missing without which nothing can be built.",
    .options = options,
    .run = run,
};
