// The file WORK/notes: `system`, `sub`, `file`, `amend`, `lib` and `target` lines with escaped values, an empty line, the key.
#include "source/notes.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"

static void add_line(struct spore__buf *out, const char *word, const char *value)
{
	spore__buf_printf(out, "%s ", word);
	spore__escape(out, value);
	spore__buf_char(out, '\n');
}

int spore__notes_write(const char *work, const char *key, const struct spore__strategy *s)
{
	struct spore__buf out = {0};
	add_line(&out, "system", s->ops->name);
	add_line(&out, "sub", s->sub);
	add_line(&out, "file", s->file);
	for (int i = 0; i < SPORE__AMEND_COUNT; i++)
		if (s->amends.has[i])
			add_line(&out, "amend", spore__amend_key((enum spore__amendment)i));
	for (size_t i = 0; i < s->amends.libs.count; i++)
		add_line(&out, "lib", s->amends.libs.items[i]);
	if (s->amends.target != NULL)
		add_line(&out, "target", s->amends.target);
	spore__buf_printf(&out, "\n%s", key);
	char *path = spore__fs_join(work, "notes");
	int r = spore__fs_write_atomic(path, out.data, out.len, 0600);
	free(path);
	spore__buf_finish(&out);
	return r;
}

static void set(char **member, const char *value)
{
	free(*member);
	*member = spore__xstrdup(value);
}

static void take_line(struct spore__strategy *s, char *line)
{
	char *value = strchr(line, ' ');
	if (value == NULL)
		return;
	*value++ = '\0';
	if (!spore__unescape(value))
		return;
	if (strcmp(line, "system") == 0)
		s->ops = spore__build_system(value);
	else if (strcmp(line, "sub") == 0)
		set(&s->sub, value);
	else if (strcmp(line, "file") == 0)
		set(&s->file, value);
	else if (strcmp(line, "target") == 0)
		set(&s->amends.target, value);
	else if (strcmp(line, "lib") == 0)
		spore__strs_add(&s->amends.libs, value);
	for (int i = 0; strcmp(line, "amend") == 0 && i < SPORE__AMEND_COUNT; i++)
		if (strcmp(value, spore__amend_key((enum spore__amendment)i)) == 0)
			s->amends.has[i] = true;
}

bool spore__notes_read(const char *work, const char *key, struct spore__strategy *strategy)
{
	char *text = spore__text_file(work, "notes");
	char *end = text != NULL ? strstr(text, "\n\n") : NULL;
	struct spore__strategy s = {0};
	bool ok = false;
	if (end != NULL && strcmp(end + 2, key) == 0) {
		*end = '\0';
		char *save = NULL;
		for (char *line = strtok_r(text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save))
			take_line(&s, line);
		ok = s.ops != NULL && s.sub != NULL && s.file != NULL;
	}
	free(text);
	if (ok)
		*strategy = s;
	else
		spore__strategy_finish(&s);
	return ok;
}

void spore__notes_remove(const char *work)
{
	char *path = spore__fs_join(work, "notes");
	(void)unlink(path);
	free(path);
}
