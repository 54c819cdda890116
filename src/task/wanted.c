// XXH3 alone is used, compiled in: nothing to link, also with another C library.
#define XXH_INLINE_ALL
#include "task/wanted.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/mem.h"

extern char **environ;

static const char *const inherited[] = {"HOME", "PATH",     "USER", "LOGNAME", "SHELL",
                                        "LANG", "LANGUAGE", "LC_",  "TZ",      "TMPDIR"};

static bool is_inherited(const char *pair)
{
	size_t len = strcspn(pair, "=");
	for (size_t i = 0; i < sizeof inherited / sizeof *inherited; i++) {
		size_t n = strlen(inherited[i]);
		bool family = inherited[i][n - 1] == '_';
		if ((family ? len > n : len == n) && strncmp(pair, inherited[i], n) == 0)
			return pair[len] == '=';
	}
	return false;
}

void spore__wanted_base_env(struct spore__strs *env)
{
	for (size_t i = 0; environ != NULL && environ[i] != NULL; i++)
		if (is_inherited(environ[i]))
			spore__wanted_set_env(env, environ[i]);
}

void spore__wanted_set_env(struct spore__strs *env, const char *pair)
{
	size_t len = strcspn(pair, "=");
	for (size_t i = 0; i < env->count; i++)
		if (strncmp(env->items[i], pair, len) == 0 && env->items[i][len] == '=') {
			free(env->items[i]);
			env->items[i] = spore__xstrdup(pair);
			return;
		}
	spore__strs_add(env, pair);
}

spore__texts spore__wanted_texts(const struct spore__strs *strs)
{
	if (strs->count == 0)
		return NULL;
	spore__texts texts = spore__xcalloc(strs->count + 1, sizeof *texts);
	for (size_t i = 0; i < strs->count; i++)
		texts[i] = spore__xstrdup(strs->items[i]);
	return texts;
}

static void replace(char **slot, const char *value)
{
	free(*slot);
	*slot = value != NULL ? spore__xstrdup(value) : NULL;
}

static void replace_texts(spore__texts *slot, const struct spore__strs *value)
{
	for (size_t i = 0; *slot != NULL && (*slot)[i] != NULL; i++)
		free((*slot)[i]);
	free(*slot);
	*slot = spore__wanted_texts(value);
}

static void hash_file(XXH3_state_t *state, const char *path)
{
	char bytes[16384];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	for (ssize_t n; fd >= 0 && (n = read(fd, bytes, sizeof bytes)) > 0;)
		(void)XXH3_64bits_update(state, bytes, (size_t)n);
	if (fd >= 0)
		close(fd);
}

// What tells that another program is meant although the command is the same: a script's content, or the states of the files of a
// folder that is run as it is. malloc'ed; NULL where the artifact says it, and for programs of the system.
static char *version_of(const struct spore__launch *l)
{
	XXH3_state_t state;
	if (l->artifact != NULL || spore__launch_is_system_program(l->source))
		return NULL;
	XXH3_INITSTATE(&state);
	(void)XXH3_64bits_reset(&state);
	if (l->kind == SPORE__SOURCE_SCRIPT)
		hash_file(&state, l->source);
	for (size_t i = 0; l->kind != SPORE__SOURCE_SCRIPT && i < l->index.input_count; i++) {
		const struct spore__input *input = &l->index.inputs[i];
		const struct spore__filestate *s = &input->state;
		const int64_t numbers[] = {(int64_t)s->size, (int64_t)s->mode, s->mtime_s, s->mtime_ns};
		if (input->absent || S_ISDIR((mode_t)s->mode))
			continue;
		(void)XXH3_64bits_update(&state, input->path, strlen(input->path) + 1);
		(void)XXH3_64bits_update(&state, numbers, sizeof numbers);
	}
	return spore__xasprintf("%016llx", (unsigned long long)XXH3_64bits_digest(&state));
}

void spore__wanted_from_launch(struct spore__spec *s, const struct spore__launch *l, const struct spore__strs *env,
                               const char *dir)
{
	struct spore__strs whole = {0};
	spore__wanted_base_env(&whole);
	for (size_t i = 0; i < l->env.count; i++)
		spore__wanted_set_env(&whole, l->env.items[i]);
	for (size_t i = 0; env != NULL && i < env->count; i++)
		spore__wanted_set_env(&whole, env->items[i]);
	replace_texts(&s->env, &whole);
	replace_texts(&s->argv, &l->argv);
	replace(&s->source, l->source);
	replace(&s->artifact, l->artifact);
	free(s->version);
	s->version = version_of(l);
	replace(&s->store, l->artifact != NULL ? l->store : NULL);
	s->control = l->control;
	if (l->cwd != NULL || s->cwd == NULL)
		replace(&s->cwd, l->cwd != NULL ? l->cwd : dir);
	spore__strs_finish(&whole);
}
