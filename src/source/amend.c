// How a build is changed without touching its files: wrappers of the compilers, first on PATH, so that every build
// system takes the change the same way.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "source/build.h"

static const struct {
	const char *key;  // in the notes between builds
	const char *text; // in messages
	const char *c;    // flags added in front for C and C++, may be NULL
	const char *last; // flags added at the end for C only, may be NULL
	const char *cxx;  // flags added at the end for C++ only, may be NULL
} amendments[SPORE__AMEND_COUNT] = {
    [SPORE__AMEND_COMMON] = {"common", "-fcommon", "-fcommon", NULL, NULL},
    [SPORE__AMEND_NO_WERROR] = {"no-werror", "-Wno-error", NULL, "-Wno-error", "-Wno-error -fpermissive"},
    [SPORE__AMEND_GNU89] = {"gnu89", "-std=gnu89", NULL, "-std=gnu89 -fgnu89-inline", NULL},
    [SPORE__AMEND_GNU_SOURCE] = {"gnu-source", "-D_GNU_SOURCE", "-D_GNU_SOURCE", NULL, NULL},
    [SPORE__AMEND_CXX14] = {"cxx14", "-std=gnu++14", NULL, NULL, "-std=gnu++14"},
    [SPORE__AMEND_NO_PIE] = {"no-pie", "-no-pie", "-no-pie -fno-pie", NULL, NULL},
    [SPORE__AMEND_ERRNO] = {"errno", "-include errno.h", "-include errno.h", NULL, NULL},
    [SPORE__AMEND_OWNER] = {"owner", "without changing owners", NULL, NULL, NULL},
    [SPORE__AMEND_PLAIN] = {"plain", "a plain ./configure", NULL, NULL, NULL},
    [SPORE__AMEND_SERIAL] = {"serial", "one job at a time", NULL, NULL, NULL},
    [SPORE__AMEND_KEEP] = {"keep", "errors beside the program ignored", NULL, NULL, NULL},
    [SPORE__AMEND_PATCHES] = {"patches", "debian/patches", NULL, NULL, NULL},
    [SPORE__AMEND_RULES] = {"rules", "the options of debian/rules", NULL, NULL, NULL},
    [SPORE__AMEND_UNPATCHED] = {"unpatched", "debian/patches taken back", NULL, NULL, NULL},
    [SPORE__AMEND_REGENERATE] = {"regenerate", "configure made anew", NULL, NULL, NULL},
    [SPORE__AMEND_SHIPPED] = {"shipped", "the configure that came with it", NULL, NULL, NULL},
};

static const char *const c_compilers[] = {"cc", "gcc", "c89", "c99", "clang", "x86_64-linux-gnu-gcc", NULL};
static const char *const cxx_compilers[] = {"c++", "g++", "clang++", "x86_64-linux-gnu-g++", NULL};

static const char owner_script[] = "#!/bin/sh\nexit 0\n";
static const char install_script[] = "#!/bin/sh\n"
                                     "n=$#\n"
                                     "while [ $n -gt 0 ]; do\n"
                                     "  a=$1; shift; n=$((n-1))\n"
                                     "  case $a in\n"
                                     "  -o|-g|--owner|--group) shift; n=$((n-1));;\n"
                                     "  --owner=*|--group=*) ;;\n"
                                     "  *) set -- \"$@\" \"$a\";;\n"
                                     "  esac\n"
                                     "done\n"
                                     "exec %s \"$@\"\n";

const char *spore__amend_text(enum spore__amendment a)
{
	return amendments[a].text;
}

const char *spore__amend_key(enum spore__amendment a)
{
	return amendments[a].key;
}

static int write_script(const char *dir, const char *name, const char *text)
{
	char *path = spore__fs_join(dir, name);
	int r = spore__fs_write_atomic(path, text, strlen(text), 0700);
	free(path);
	return r;
}

static void add_flags(struct spore__buf *out, const char *flags)
{
	if (flags != NULL)
		spore__buf_printf(out, " %s", flags);
}

static int wrap_compiler(const struct spore__build *b, const char *name, bool cxx)
{
	char *real = spore__fs_find_program(name, NULL);
	if (real == NULL)
		return 0;
	const struct spore__amends *am = &b->strategy->amends;
	struct spore__buf script = {0};
	spore__buf_str(&script, "#!/bin/sh\n");
	if (am->has[SPORE__AMEND_NO_WERROR])
		spore__buf_str(&script, "for a do shift; case $a in -Werror|-Werror=*|-pedantic-errors) ;; "
		                        "*) set -- \"$@\" \"$a\";; esac; done\n");
	spore__buf_printf(&script, "exec %s", real);
	for (int i = 0; i < SPORE__AMEND_COUNT; i++)
		if (am->has[i])
			add_flags(&script, amendments[i].c);
	spore__buf_str(&script, " \"$@\"");
	for (int i = 0; i < SPORE__AMEND_COUNT; i++)
		if (am->has[i])
			add_flags(&script, cxx ? amendments[i].cxx : amendments[i].last);
	for (size_t i = 0; i < am->libs.count; i++)
		spore__buf_printf(&script, " -l%s", am->libs.items[i]);
	spore__buf_char(&script, '\n');
	int r = write_script(b->wrap, name, script.data);
	spore__buf_finish(&script);
	free(real);
	return r;
}

static bool wants_compiler(const struct spore__amends *am)
{
	for (int i = 0; i < SPORE__AMEND_COUNT; i++)
		if (am->has[i] && (amendments[i].c != NULL || amendments[i].last != NULL || amendments[i].cxx != NULL))
			return true;
	return am->libs.count > 0;
}

int spore__amend_wrap(struct spore__build *b)
{
	const struct spore__amends *am = &b->strategy->amends;
	if (spore__fs_empty(b->wrap, 0700) != 0)
		return -1;
	int r = 0;
	if (wants_compiler(am)) {
		for (size_t i = 0; r == 0 && c_compilers[i] != NULL; i++)
			r = wrap_compiler(b, c_compilers[i], false);
		for (size_t i = 0; r == 0 && cxx_compilers[i] != NULL; i++)
			r = wrap_compiler(b, cxx_compilers[i], true);
	}
	if (r == 0 && am->has[SPORE__AMEND_OWNER]) {
		char *real = spore__fs_find_program("install", NULL);
		char *text = spore__xasprintf(install_script, real != NULL ? real : "/usr/bin/install");
		r = write_script(b->wrap, "install", text);
		if (r == 0)
			r = write_script(b->wrap, "chown", owner_script);
		if (r == 0)
			r = write_script(b->wrap, "chgrp", owner_script);
		free(text);
		free(real);
	}
	return r;
}
