#include "node/names.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"

bool spore__name_parse(const char *text, struct spore__name *name)
{
	*name = (struct spore__name){0};
	const char *slash = strchr(text, '/');
	if (slash != NULL) {
		size_t len = (size_t)(slash - text);
		if (len >= sizeof name->system)
			return false;
		memcpy(name->system, text, len);
		name->has_system = true;
		text = slash + 1;
		if (!spore__name_is_valid(name->system))
			return false;
	}
	size_t len = strcspn(text, "@");
	if (len >= sizeof name->task)
		return false;
	memcpy(name->task, text, len);
	if (text[len] == '@') {
		const char *digits = text + len + 1;
		char *end;
		name->replica = digits[0] >= '1' && digits[0] <= '9' ? strtol(digits, &end, 10) : 0;
		if (name->replica < 1 || name->replica > SPORE__REPLICAS_MAX || *end != '\0')
			return false;
	}
	return spore__name_is_valid(name->task);
}

struct spore__system *spore__names_system_of(const struct spore__table *t, const char *from)
{
	for (size_t len = strlen(from); len > 0;) {
		for (size_t i = 0; i < t->system_count; i++) {
			const char *manifest = t->systems[i]->manifest;
			const char *slash = manifest != NULL ? strrchr(manifest, '/') : NULL;
			if (slash != NULL && (size_t)(slash - manifest) == len && strncmp(manifest, from, len) == 0)
				return t->systems[i];
		}
		while (len > 0 && from[len - 1] != '/')
			len--;
		while (len > 0 && from[len - 1] == '/')
			len--;
	}
	return NULL;
}

// "did you mean" for NAME among the tasks of SYSTEM (NULL: all).
static void say_unknown(const struct spore__table *t, const char *system, const char *name, char *why, size_t size)
{
	const char **words = malloc((t->count + 1) * sizeof *words);
	size_t n = 0;
	for (size_t i = 0; words != NULL && i < t->count; i++)
		if ((system == NULL || strcmp(t->tasks[i]->system->name, system) == 0) &&
		    (n == 0 || strcmp(words[n - 1], t->tasks[i]->name) != 0))
			words[n++] = t->tasks[i]->name;
	const char *nearest = NULL;
	if (words != NULL) {
		words[n] = NULL;
		nearest = spore__nearest(name, words);
	}
	const char *in = system != NULL && system[0] != '\0' ? " in system " : "", *what = in[0] != '\0' ? system : "";
	if (nearest != NULL)
		(void)snprintf(why, size, "no task '%s'%s%s; did you mean '%s'?", name, in, what, nearest);
	else
		(void)snprintf(why, size, "no task '%s'%s%s; 'spore ps -a' lists them", name, in, what);
	free(words);
}

static enum spore_err say_unknown_system(const struct spore__table *t, const char *name, char *why, size_t size)
{
	const char **words = malloc((t->system_count + 1) * sizeof *words);
	const char *nearest = NULL;
	if (words != NULL) {
		for (size_t i = 0; i < t->system_count; i++)
			words[i] = t->systems[i]->name;
		words[t->system_count] = NULL;
		nearest = spore__nearest(name, words);
	}
	if (nearest != NULL && nearest[0] != '\0')
		(void)snprintf(why, size, "no system '%s'; did you mean '%s'?", name, nearest);
	else
		(void)snprintf(why, size, "no system '%s'; 'spore ps -a' lists all tasks", name);
	free(words);
	return SPORE_ENOTFOUND;
}

// The only system that has a task of that name; NULL: none or several, which WHY names then.
static const struct spore__system *only_system(const struct spore__table *t, const char *name, char *why, size_t size)
{
	const struct spore__system *found = NULL;
	char list[300] = "";
	size_t systems = 0, len = 0;
	for (size_t i = 0; i < t->system_count; i++) {
		size_t count;
		(void)spore__table_range(t, t->systems[i]->name, name, &count);
		if (count == 0)
			continue;
		found = t->systems[i];
		if (len < sizeof list)
			len += (size_t)snprintf(list + len, sizeof list - len, "%s%s/%s", systems > 0 ? ", " : "",
			                        found->name, name);
		systems++;
	}
	if (systems == 1)
		return found;
	if (systems > 1)
		(void)snprintf(why, size, "'%s' is not clear: %s; name one of them", name, list);
	return NULL;
}

// The system that is meant where none is said; NULL: WHY says why none.
static const char *choose_system(const struct spore__table *t, const char *name, const char *from, char *why,
                                 size_t size)
{
	const struct spore__system *here = spore__names_system_of(t, from);
	size_t count = 0;
	if (here != NULL) {
		(void)spore__table_range(t, here->name, name, &count);
		if (count > 0)
			return here->name;
	}
	(void)spore__table_range(t, "", name, &count);
	if (count > 0)
		return "";
	why[0] = '\0';
	const struct spore__system *only = only_system(t, name, why, size);
	if (only == NULL && why[0] == '\0')
		say_unknown(t, NULL, name, why, size);
	return only != NULL ? only->name : NULL;
}

enum spore_err spore__names_find(const struct spore__table *t, const char *text, const char *from, size_t *first,
                                 size_t *count, char *why, size_t size)
{
	struct spore__name n;
	if (!spore__name_parse(text, &n)) {
		(void)snprintf(why, size, "'%.200s' is no name of a task: [SYSTEM/]TASK[@REPLICA]", text);
		return SPORE_EINVALID;
	}
	const char *system = n.system;
	if (!n.has_system)
		system = choose_system(t, n.task, from, why, size);
	else if (spore__table_system(t, n.system) == NULL)
		return say_unknown_system(t, n.system, why, size);
	if (system == NULL)
		return strstr(why, "not clear") != NULL ? SPORE_EINVALID : SPORE_ENOTFOUND;
	*first = spore__table_range(t, system, n.task, count);
	if (*count == 0) {
		say_unknown(t, system, n.task, why, size);
		return SPORE_ENOTFOUND;
	}
	if (n.replica == 0)
		return SPORE_OK;
	size_t behind = spore__table_behind(t, system, n.task, n.replica);
	if (spore__table_find(t, system, n.task, n.replica) == NULL) {
		(void)snprintf(why, size, "no task '%.200s'; there are %zu of %s", text, *count, n.task);
		return SPORE_ENOTFOUND;
	}
	*first = behind - 1;
	*count = 1;
	return SPORE_OK;
}
