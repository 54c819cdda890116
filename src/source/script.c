#include "source/script.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fs.h"
#include "base/mem.h"

static const struct {
	const char *ending, *interpreter, *package; // no interpreter: a compiled language
} kinds[] = {
    {".c", NULL, NULL},         {".cc", NULL, NULL},       {".cpp", NULL, NULL},      {".cxx", NULL, NULL},
    {".C", NULL, NULL},         {".c++", NULL, NULL},      {".cp", NULL, NULL},       {".py", "python3", "python3"},
    {".sh", "sh", "dash"},      {".bash", "bash", "bash"}, {".js", "node", "nodejs"}, {".mjs", "node", "nodejs"},
    {".cjs", "node", "nodejs"},
};

static const char *ending_of(const char *path)
{
	const char *dot = strrchr(spore__fs_base(path), '.');
	return dot != NULL ? dot : "";
}

// The beginning of the file, NUL-terminated; its length, or -1 with errno.
static ssize_t read_head(const char *real, char *head, size_t size)
{
	int fd = open(real, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t n = fd < 0 ? -1 : read(fd, head, size - 1);
	int saved = errno;
	if (fd >= 0)
		close(fd);
	head[n < 0 ? 0 : n] = '\0';
	errno = saved;
	return n;
}

static bool has_control_bytes(const char *head, size_t len)
{
	return memchr(head, '\0', len) != NULL;
}

// "#!/usr/bin/env -S spore run": a script whose interpreter is spore is a C file.
static bool names_spore(const char *line)
{
	struct spore__strs words = {0};
	bool found = false;
	(void)spore__strs_split(&words, line);
	for (size_t i = 0; i < words.count; i++)
		found = found || strcmp(spore__fs_base(words.items[i]), "spore") == 0;
	spore__strs_finish(&words);
	return found;
}

// As the kernel does: the interpreter and at most one argument. execve(2).
static void add_interpreter(const char *line, struct spore__strs *argv)
{
	const char *p = line + strspn(line, " \t");
	size_t len = strcspn(p, " \t");
	spore__strs_take(argv, spore__xstrndup(p, len));
	p += len;
	p += strspn(p, " \t");
	len = strlen(p);
	while (len > 0 && (p[len - 1] == ' ' || p[len - 1] == '\t' || p[len - 1] == '\r'))
		len--;
	if (len > 0)
		spore__strs_take(argv, spore__xstrndup(p, len));
}

int spore__script_kind(const char *typed, const char *real, enum spore__source_kind *kind, struct spore__strs *argv,
                       char **error, char **remedy)
{
	*kind = SPORE__SOURCE_BUILT;
	*error = *remedy = NULL;
	if (spore__fs_is_dir(real))
		return 0;
	const char *ending = ending_of(real), *why = NULL, *advice = NULL;
	size_t k = 0;
	while (k < sizeof kinds / sizeof *kinds && strcmp(ending, kinds[k].ending) != 0)
		k++;
	bool known = k < sizeof kinds / sizeof *kinds, regular = spore__fs_is_file(real);
	if (regular && known && kinds[k].interpreter == NULL)
		return 0;
	char head[512];
	ssize_t len = regular ? read_head(real, head, sizeof head) : 0;
	char *interpreter = NULL;
	if (!regular) {
		why = "it is neither a file nor a folder";
		advice = "name a file or a folder";
	} else if (len < 0) {
		*error = spore__xasprintf("%s: cannot read it: %s", typed, strerror(errno));
		advice = "check its permissions";
	} else if (len > 2 && head[0] == '#' && head[1] == '!') {
		head[strcspn(head, "\n")] = '\0';
		if (!known && names_spore(head + 2))
			return 0;
		add_interpreter(head + 2, argv);
	} else if (known) {
		interpreter = spore__fs_find_program(kinds[k].interpreter, getenv("PATH"));
		if (interpreter != NULL) {
			spore__strs_take(argv, interpreter);
		} else {
			*error =
			    spore__xasprintf("%s: its interpreter %s is not installed", typed, kinds[k].interpreter);
			*remedy = spore__xasprintf("sudo apt-get install %s", kinds[k].package);
		}
	} else if (len >= 4 && (memcmp(head, "\177ELF", 4) == 0 || has_control_bytes(head, (size_t)len))) {
		why = "it is a binary, and spore runs sources";
		advice = "name its source; a program of the system is run as path:NAME";
	} else {
		why = "spore does not know what kind of source it is";
		advice = "give it an ending that tells (.c, .cpp, .py, .sh, .js) or a #! line";
	}
	if (why != NULL)
		*error = spore__xasprintf("%s: %s", typed, why);
	if (advice != NULL)
		*remedy = spore__xstrdup(advice);
	*kind = SPORE__SOURCE_SCRIPT;
	return *error == NULL ? 0 : SPORE__EXIT_NOT_RUNNABLE;
}
