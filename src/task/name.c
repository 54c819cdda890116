// The names of holds and of logs as they stand on disk.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "task/folder.h"

static const char *shown(const char *system)
{
	return system[0] != '\0' ? system : "_";
}

void spore__log_folder_format(const struct spore__hold_name *name, char *out)
{
	if (name->replica > 0)
		(void)snprintf(out, SPORE__HOLD_NAME, "%s@%" PRId64, name->task, name->replica);
	else
		(void)snprintf(out, SPORE__HOLD_NAME, "%s", name->task);
}

void spore__hold_name_format(const struct spore__hold_name *name, char *out)
{
	char task[SPORE__HOLD_NAME];
	spore__log_folder_format(name, task);
	(void)snprintf(out, SPORE__HOLD_NAME, "%.*s.%.*s.%" PRId64, SPORE__NAME_MAX, shown(name->system),
	               SPORE__NAME_MAX + 21, task, name->generation);
}

// A number from 1 as it is printed, and nothing else: each name stands for one thing only.
static bool number(const char *text, int64_t max, int64_t *n)
{
	if (text[0] < '1' || text[0] > '9' || strlen(text) > 18 || text[strspn(text, "0123456789")] != '\0')
		return false;
	*n = strtoll(text, NULL, 10);
	return *n <= max;
}

static bool system_name(const char *text, size_t len, char *out)
{
	if (len > SPORE__NAME_MAX)
		return false;
	memcpy(out, text, len);
	out[len] = '\0';
	if (strcmp(out, "_") != 0)
		return spore__name_is_valid(out);
	out[0] = '\0';
	return true;
}

static bool task_name(const char *text, size_t len, struct spore__hold_name *name)
{
	char copy[SPORE__HOLD_NAME];
	if (len >= sizeof copy)
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	char *at = strchr(copy, '@');
	if (at != NULL)
		*at = '\0';
	if ((at != NULL && !number(at + 1, SPORE__REPLICAS_MAX, &name->replica)) || !spore__name_is_valid(copy))
		return false;
	memcpy(name->task, copy, strlen(copy) + 1);
	return true;
}

bool spore__log_folder_parse(const char *system, const char *folder, struct spore__hold_name *name)
{
	*name = (struct spore__hold_name){0};
	return system_name(system, strlen(system), name->system) && task_name(folder, strlen(folder), name);
}

bool spore__hold_name_parse(const char *text, struct spore__hold_name *name)
{
	*name = (struct spore__hold_name){0};
	const char *task = strchr(text, '.');
	const char *generation = task != NULL ? strchr(task + 1, '.') : NULL;
	return generation != NULL && system_name(text, (size_t)(task - text), name->system) &&
	       task_name(task + 1, (size_t)(generation - task - 1), name) &&
	       number(generation + 1, INT64_MAX, &name->generation);
}
