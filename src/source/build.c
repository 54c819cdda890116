#include "source/build.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"

// What is likeliest to work, and to install well, comes first.
const struct spore__build_ops *const spore__build_systems[] = {
    &spore__build_meson,   &spore__build_cmake, &spore__build_autotools, &spore__build_configure,
    &spore__build_kconfig, &spore__build_make,  &spore__build_c,         NULL,
};

const struct spore__build_ops *spore__build_system(const char *name)
{
	if (strcmp(name, spore__build_recipe.name) == 0)
		return &spore__build_recipe;
	for (size_t i = 0; spore__build_systems[i] != NULL; i++)
		if (strcmp(name, spore__build_systems[i]->name) == 0)
			return spore__build_systems[i];
	return NULL;
}

void spore__build_log(const struct spore__build *b, const char *fmt, ...)
{
	if (b->sandbox.log_fd < 0)
		return;
	va_list ap;
	va_start(ap, fmt);
	char line[4096];
	int len = vsnprintf(line, sizeof line - 1, fmt, ap);
	va_end(ap);
	if (len < 0)
		return;
	size_t end = (size_t)len < sizeof line - 1 ? (size_t)len : sizeof line - 2;
	line[end] = '\n';
	(void)spore__fs_write_all(b->sandbox.log_fd, line, end + 1);
}

const char *spore__build_tail(const struct spore__build *b)
{
	return b->end.tail.data != NULL ? b->end.tail.data : "";
}

bool spore__build_fail(struct spore__build *b, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	char line[4096];
	(void)vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	free(b->why);
	b->why = spore__xstrdup(line);
	return false;
}

static void log_command(const struct spore__build *b, const char *const argv[])
{
	struct spore__buf line = {0};
	for (size_t i = 0; argv[i] != NULL; i++)
		spore__buf_printf(&line, " %s", argv[i]);
	spore__build_log(b, "+%s", line.data);
	spore__buf_finish(&line);
}

bool spore__build_run(struct spore__build *b, const char *cwd, const char *const argv[])
{
	spore__buf_finish(&b->end.tail);
	free(b->why);
	b->why = NULL;
	log_command(b, argv);
	if (spore__sandbox_run(&b->sandbox, cwd, argv, &b->end) != 0)
		return spore__build_fail(b, "cannot run %s: %s", argv[0], strerror(errno));
	if (b->end.timed_out)
		return spore__build_fail(b, "%s took longer than %llu seconds", argv[0],
		                         (unsigned long long)b->sandbox.max_seconds);
	if (b->end.too_much_output)
		return spore__build_fail(b, "%s printed more than %llu bytes", argv[0],
		                         (unsigned long long)b->sandbox.max_log_bytes);
	return b->end.status == 0;
}

bool spore__build_runs(struct spore__build *b, const char *cwd, const struct spore__strs *argv)
{
	return spore__build_run(b, cwd, (const char *const *)argv->items);
}

char *spore__build_tool(const struct spore__build *b, const char *name)
{
	char *wrapped = spore__fs_join(b->wrap, name);
	if (spore__fs_is_executable(wrapped))
		return wrapped;
	free(wrapped);
	return spore__fs_find_program(name, NULL);
}

void spore__strategy_finish(struct spore__strategy *s)
{
	free(s->sub);
	free(s->file);
	free(s->amends.target);
	spore__strs_finish(&s->amends.libs);
	*s = (struct spore__strategy){0};
}

void spore__strategy_copy(struct spore__strategy *to, const struct spore__strategy *from)
{
	*to = *from;
	to->sub = spore__xstrdup(from->sub);
	to->file = spore__xstrdup(from->file);
	to->amends.target = from->amends.target != NULL ? spore__xstrdup(from->amends.target) : NULL;
	to->amends.libs = (struct spore__strs){0};
	for (size_t i = 0; i < from->amends.libs.count; i++)
		spore__strs_add(&to->amends.libs, from->amends.libs.items[i]);
}

char *spore__strategy_describe(const struct spore__strategy *s)
{
	struct spore__buf out = {0};
	spore__buf_printf(&out, "%s in ./%s%s", s->ops->name, s->sub, *s->sub != '\0' ? "/" : "");
	if (strchr(s->file, '/') != NULL)
		spore__buf_printf(&out, " (%s)", s->file);
	if (s->amends.target != NULL)
		spore__buf_printf(&out, ", target %s", s->amends.target);
	const char *with = " with";
	for (int i = 0; i < SPORE__AMEND_COUNT; i++)
		if (s->amends.has[i]) {
			spore__buf_printf(&out, "%s %s", with, spore__amend_text((enum spore__amendment)i));
			with = ",";
		}
	for (size_t i = 0; i < s->amends.libs.count; i++) {
		spore__buf_printf(&out, "%s -l%s", with, s->amends.libs.items[i]);
		with = ",";
	}
	return spore__buf_take(&out);
}
