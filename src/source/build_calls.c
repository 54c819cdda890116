#include "source/build_calls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/dirs.h"
#include "base/fs.h"
#include "base/mem.h"

// The file TREE/calls: a line for each directive, "SOURCE calls|serves HEADER PORT", words escaped.
#define NOTES "calls"

static void add(struct spore__folder_calls *c, const char *source, bool serves, const char *header, const char *port)
{
	c->items = spore__xrealloc(c->items, (c->count + 1) * sizeof *c->items);
	c->items[c->count++] = (struct spore__folder_call){
	    .source = spore__xstrdup(source),
	    .d = {.serves = serves, .header = spore__xstrdup(header), .port = spore__xstrdup(port)},
	};
}

void spore__folder_calls_finish(struct spore__folder_calls *c)
{
	for (size_t i = 0; i < c->count; i++) {
		free(c->items[i].source);
		free(c->items[i].d.header);
		free(c->items[i].d.port);
		free(c->items[i].object);
	}
	free(c->items);
	*c = (struct spore__folder_calls){0};
}

// Headers are relative to the file that names them: here, to the folder.
static char *header_of(const char *source, const char *header)
{
	char *dir = spore__fs_dir(source);
	char *path = *header == '/' || strcmp(dir, ".") == 0 ? spore__xstrdup(header) : spore__fs_join(dir, header);
	free(dir);
	return path;
}

static bool parse(struct spore__folder_calls *c, struct spore__build *b, const char *source, const char *text,
                  size_t len)
{
	struct spore__directives d;
	char *error, *remedy;
	bool ok = spore__directives_parse(text, len, &d, &error, &remedy);
	// Other directives are for files by themselves; a mistake in those is none here.
	if (!ok && (strstr(error, "'calls'") != NULL || strstr(error, "'serves'") != NULL))
		(void)spore__build_fail(b, "%s: %s%s%s", source, error, remedy != NULL ? "; " : "",
		                        remedy != NULL ? remedy : "");
	else
		ok = true;
	for (size_t i = 0; ok && i < d.call_count; i++) {
		char *header = header_of(source, d.calls[i].header);
		add(c, source, d.calls[i].serves, header, d.calls[i].port);
		free(header);
	}
	free(error);
	free(remedy);
	spore__directives_finish(&d);
	return ok;
}

static bool look(struct spore__folder_calls *c, struct spore__build *b, const char *source)
{
	struct spore__buf text = {0};
	char *path = spore__fs_join(b->dir, source);
	bool ok = true;
	if (spore__fs_read(path, &text) == 0 && text.data != NULL && strstr(text.data, "spore:") != NULL)
		ok = parse(c, b, source, text.data, text.len);
	free(path);
	spore__buf_finish(&text);
	return ok;
}

static void take_notes(struct spore__folder_calls *c, char *notes, const struct spore__objects *o)
{
	char *save = NULL;
	for (char *line = strtok_r(notes, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
		char *word = NULL, *source = strtok_r(line, " ", &word), *what = strtok_r(NULL, " ", &word);
		char *header = strtok_r(NULL, " ", &word), *port = strtok_r(NULL, " ", &word);
		if (port == NULL || !spore__unescape(source) || !spore__unescape(header))
			continue;
		for (size_t i = 0; i < o->count; i++)
			if (o->items[i].fresh && strcmp(o->items[i].source, source) == 0)
				add(c, source, *what == 's', header, port);
	}
}

static void keep_notes(const struct spore__folder_calls *c, const char *path)
{
	struct spore__buf out = {0};
	for (size_t i = 0; i < c->count; i++) {
		if (*c->items[i].source == '\0')
			continue;
		spore__escape(&out, c->items[i].source);
		spore__buf_str(&out, c->items[i].d.serves ? " serves " : " calls ");
		spore__escape(&out, c->items[i].d.header);
		spore__buf_printf(&out, " %s\n", c->items[i].d.port);
	}
	(void)spore__fs_write_atomic(path, out.data != NULL ? out.data : "", out.len,
	                             0600); // without it all are looked at
	spore__buf_finish(&out);
}

// "sums.h via sums" of the recipe, as if a file said it.
static bool take_recipe(struct spore__folder_calls *c, struct spore__build *b, const struct spore__strs *list,
                        const char *word)
{
	bool ok = true;
	for (size_t i = 0; ok && i < list->count; i++) {
		char *text = spore__xasprintf("// spore: %s %s\n", word, list->items[i]);
		ok = parse(c, b, "spore.yaml", text, strlen(text));
		free(text);
	}
	for (size_t i = 0; i < c->count; i++)
		if (strcmp(c->items[i].source, "spore.yaml") == 0)
			*c->items[i].source = '\0';
	return ok;
}

bool spore__folder_calls_find(struct spore__folder_calls *c, struct spore__build *b, const struct spore__objects *o)
{
	char *path = spore__fs_join(b->tree, NOTES), *notes = spore__text_file(b->tree, NOTES);
	bool ok = true, looked = notes == NULL;
	if (notes != NULL)
		take_notes(c, notes, o);
	for (size_t i = 0; ok && i < o->count; i++) {
		if (notes != NULL && o->items[i].fresh)
			continue;
		ok = look(c, b, o->items[i].source);
		looked = true;
	}
	if (ok && looked)
		keep_notes(c, path);
	ok = ok && take_recipe(c, b, &b->recipe->calls, "calls") && take_recipe(c, b, &b->recipe->serves, "serves");
	free(notes);
	free(path);
	return ok;
}

bool spore__folder_calls_serves(const struct spore__folder_calls *c, const char *source)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->items[i].d.serves && strcmp(c->items[i].source, source) == 0)
			return true;
	return false;
}

static bool generate(struct spore__build *b, const struct spore__objects *o, const struct spore__folder_call *call,
                     const char *code)
{
	struct spore__strs argv = {0};
	char *libexec = spore__dirs_libexec(), *program = spore__fs_join(libexec, "spore-stubs");
	bool there = spore__fs_is_executable(program);
	spore__strs_take(&argv, program);
	spore__strs_add(&argv, call->d.serves ? "server" : "client");
	spore__strs_addf(&argv, "--port=%s", call->d.port);
	spore__strs_addf(&argv, "--output=%s", code);
	spore__strs_take(&argv, *call->d.header == '/' ? spore__xstrdup(call->d.header)
	                                               : spore__fs_join(b->dir, call->d.header));
	spore__strs_add(&argv, "--");
	spore__strs_addf(&argv, "-I%s/sdk/include", libexec);
	for (size_t i = 0; i < o->flags.count; i++)
		if (strncmp(o->flags.items[i], "-I", 2) == 0 || strncmp(o->flags.items[i], "-D", 2) == 0)
			spore__strs_add(&argv, o->flags.items[i]);
	bool ok = there ? spore__tool_run(b, b->dir, (const char *const *)argv.items)
	                : spore__build_fail(b,
	                                    "it asks for calls of %s, and this spore was built without them: install "
	                                    "libclang-dev and build it again",
	                                    call->d.header);
	spore__strs_finish(&argv);
	free(libexec);
	return ok;
}

static bool compile(struct spore__build *b, const struct spore__objects *o, const char *code, const char *object)
{
	struct spore__strs argv = {0};
	char *cc = spore__build_tool(b, "cc");
	spore__strs_take(&argv, cc != NULL ? cc : spore__xstrdup("/usr/bin/cc"));
	for (size_t i = 0; i < o->flags.count; i++)
		if (*o->flags.items[i] == '-')
			spore__strs_add(&argv, o->flags.items[i]);
	spore__strs_add(&argv, "-w"); // what is made is no concern of who reads the warnings
	spore__strs_add(&argv, "-c");
	spore__strs_add(&argv, "-o");
	spore__strs_add(&argv, object);
	spore__strs_add(&argv, code);
	bool ok = spore__tool_run(b, b->dir, (const char *const *)argv.items);
	spore__strs_finish(&argv);
	return ok;
}

static bool same_file(const char *a, const char *b)
{
	struct spore__buf one = {0}, two = {0};
	bool same = spore__fs_read(a, &one) == 0 && spore__fs_read(b, &two) == 0 && one.len == two.len &&
	            (one.len == 0 || memcmp(one.data, two.data, one.len) == 0);
	spore__buf_finish(&one);
	spore__buf_finish(&two);
	return same;
}

bool spore__folder_calls_build(struct spore__folder_calls *c, struct spore__build *b, const struct spore__objects *o)
{
	bool ok = true, any = false; // an object that was compiled: structures of a header may be others, too
	for (size_t i = 0; i < o->count; i++)
		any = any || !o->items[i].fresh;
	for (size_t i = 0; ok && i < c->count; i++) {
		char *code = spore__xasprintf("%s/calls-%zu.c", b->tree, i), *fresh = spore__xasprintf("%s.new", code);
		c->items[i].object = spore__xasprintf("%s/calls-%zu.o", b->tree, i);
		ok = generate(b, o, &c->items[i], fresh);
		bool same = ok && !any && same_file(code, fresh) && spore__fs_is_file(c->items[i].object);
		if (ok && !same) {
			c->changed = true;
			ok = rename(fresh, code) == 0 ||
			     spore__build_fail(b, "cannot write to %s: %s", b->tree, strerror(errno));
			ok = ok && compile(b, o, code, c->items[i].object);
		}
		free(code);
		free(fresh);
	}
	return ok;
}
