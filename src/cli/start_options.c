#include "cli/start_options.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "cli/tasks.h"
#include "system/expand.h"
#include "system/value.h"
#include "task/wanted.h"

static _Noreturn void wrong(const char *option, const char *value, const char *why, const char *remedy)
{
	spore__die(SPORE__EXIT_USAGE, remedy, "start: --%s %s: %s", option, value, why);
}

// The place of VALUE among WORDS; dies with the nearest.
static int word(const char *option, const char *value, const char *const *words)
{
	for (int i = 0; words[i] != NULL; i++)
		if (strcmp(words[i], value) == 0)
			return i;
	struct spore__buf all = {0};
	for (size_t i = 0; words[i] != NULL; i++)
		spore__buf_printf(&all, "%s%s", i > 0 ? ", " : "one of: ", words[i]);
	const char *near = spore__nearest(value, words);
	wrong(option, value, "not known", near != NULL ? spore__xasprintf("did you mean '%s'?", near) : all.data);
}

static int64_t number(const char *option, const char *value, int64_t min, int64_t max)
{
	int64_t n;
	if (!spore__value_int(value, &n) || n < min || n > max)
		wrong(option, value, "not a number that it can be",
		      spore__xasprintf("from %lld to %lld", (long long)min, (long long)max));
	return n;
}

static char *address(const char *option, const char *value, const char *text)
{
	char *out;
	if (!spore__value_address(text, &out))
		wrong(option, value, "not an address", "as tcp:8080 or tcp:HOST:8080");
	return out;
}

static spore__texts shell(const char *command)
{
	struct spore__strs argv = {0};
	spore__strs_add(&argv, "/bin/sh");
	spore__strs_add(&argv, "-c");
	spore__strs_add(&argv, command);
	spore__texts texts = spore__wanted_texts(&argv);
	spore__strs_finish(&argv);
	return texts;
}

// What follows PREFIX in VALUE; NULL when it does not begin so or nothing follows.
static const char *after(const char *value, const char *prefix)
{
	size_t len = strlen(prefix);
	return strncmp(value, prefix, len) == 0 && value[len] != '\0' ? value + len : NULL;
}

static void take_ready(struct spore__spec *s, const char *value)
{
	const char *rest;
	if (strcmp(value, "started") == 0) {
		s->ready = SPORE__READY_STARTED;
	} else if (strcmp(value, "notify") == 0) {
		s->ready = SPORE__READY_NOTIFY;
	} else if ((rest = after(value, "fd:")) != NULL) {
		s->ready = SPORE__READY_NOTIFY;
		s->ready_fd = number("ready", rest, 3, 255);
	} else if ((rest = after(value, "tcp:")) != NULL) {
		s->ready = SPORE__READY_TCP;
		s->ready_address = address("ready", value, rest);
	} else if ((rest = after(value, "exec:")) != NULL) {
		s->ready = SPORE__READY_EXEC;
		s->ready_exec = shell(rest);
	} else if ((rest = after(value, "log:")) != NULL) {
		char why[200];
		if (!spore__value_pattern(rest, why, sizeof why))
			wrong("ready", value, spore__xasprintf("not a regular expression: %s", why),
			      "an extended one as of grep -E, such as 'log:listening|ready'");
		s->ready = SPORE__READY_LOG;
		s->ready_log = spore__xstrdup(rest);
	} else {
		wrong("ready", value, "not known",
		      "one of: started, notify, fd:N, tcp:ADDRESS, exec:COMMAND, log:REGEX");
	}
}

static void take_alive(struct spore__spec *s, const char *value)
{
	const char *rest;
	if (strcmp(value, "notify") == 0) {
		s->alive = SPORE__ALIVE_NOTIFY;
	} else if ((rest = after(value, "tcp:")) != NULL) {
		s->alive = SPORE__ALIVE_TCP;
		s->alive_address = address("alive", value, rest);
	} else if ((rest = after(value, "exec:")) != NULL) {
		s->alive = SPORE__ALIVE_EXEC;
		s->alive_exec = shell(rest);
	} else {
		wrong("alive", value, "not known", "one of: notify, tcp:ADDRESS, exec:COMMAND");
	}
}

static void take_limit(struct spore__spec *s, const char *value)
{
	static const char *const names[] = {"memory", "cpu", "files", "processes", "core", "required", NULL};
	size_t len = strcspn(value, "=");
	char *name = spore__xstrndup(value, len);
	const char *amount = value[len] == '=' ? value + len + 1 : "";
	int which = word("limit", name, names);
	free(name);
	bool ok = true;
	if (which == 0)
		ok = spore__value_size(amount, &s->limit_memory) && s->limit_memory > 0;
	else if (which == 1)
		ok = spore__value_cpu(amount, &s->limit_cpu_milli);
	else if (which == 2)
		ok = spore__value_int(amount, &s->limit_files) && s->limit_files > 0 && s->limit_files <= INT32_MAX;
	else if (which == 3)
		ok = spore__value_int(amount, &s->limit_processes) && s->limit_processes > 0 &&
		     s->limit_processes <= INT32_MAX;
	else if (which == 4)
		ok = spore__value_size(amount, &s->limit_core);
	else if ((ok = value[len] == '\0'))
		s->limits_required = true;
	if (!ok)
		wrong("limit", value, "not an amount",
		      "as memory=512M, cpu=1.5, files=1024, processes=64, core=1G, required");
}

static char *take_after(const char *value)
{
	static const char *const conditions[] = {"started", "ready", "healthy", "completed", NULL};
	size_t len = strcspn(value, ":");
	char *name = spore__xstrndup(value, len);
	int condition = value[len] == ':' ? word("after", value + len + 1, conditions) : 1;
	if (!spore__name_is_valid(name))
		wrong("after", value, "not a name of a task", "as --after db or --after db:ready");
	char *text = spore__xasprintf("%s %s", name, conditions[condition]);
	free(name);
	return text;
}

static const char *own_variable(void *arg, const char *name)
{
	(void)arg;
	return getenv(name);
}

static void take_env_file(const char *file, struct spore__strs *env)
{
	struct spore__buf text = {0};
	char *why = NULL;
	if (spore__fs_read(file, &text) != 0)
		spore__die(SPORE__EXIT_USAGE, "check its path and permissions", "start: --env-file %s: %s", file,
		           strerror(errno));
	if (!spore__envfile_parse(file, text.data != NULL ? text.data : "", text.len, own_variable, NULL, env, &why))
		spore__die(SPORE__EXIT_USAGE, "lines are NAME=VALUE; spore-manifest(7) says more", "start: %s", why);
	spore__buf_finish(&text);
}

// NAME=VALUE as it is, of NAME alone the value that this process has.
static char *take_env(const char *option, const char *value)
{
	size_t len = strcspn(value, "=");
	if (!spore__is_variable_name(value, len))
		wrong(option, value, "not a name of a variable",
		      "as --env NAME=VALUE, or --env NAME for the value it has here");
	if (value[len] == '=')
		return spore__xstrdup(value);
	const char *own = getenv(value);
	if (own == NULL)
		wrong(option, value, "it is not set here", "set it, or give its value: NAME=VALUE");
	return spore__xasprintf("%s=%s", value, own);
}

static void take_environment(const struct spore__args *args, struct spore__spec *s, struct spore__strs *env)
{
	const char *value;
	struct spore__strs secrets = {0};
	for (size_t i = 0; (value = spore__args_nth(args, "env-file", i)) != NULL; i++)
		take_env_file(value, env);
	for (size_t k = 0; k < 2; k++) {
		const char *option = k == 0 ? "env" : "secret";
		for (size_t i = 0; (value = spore__args_nth(args, option, i)) != NULL; i++) {
			char *pair = take_env(option, value);
			spore__wanted_set_env(env, pair);
			if (k == 1)
				spore__strs_take(&secrets, spore__xstrndup(pair, strcspn(pair, "=")));
			free(pair);
		}
	}
	s->secrets = spore__wanted_texts(&secrets);
	spore__strs_finish(&secrets);
}

static spore__texts list(const struct spore__args *args, const char *option, char *(*take)(const char *))
{
	struct spore__strs all = {0};
	const char *value;
	for (size_t i = 0; (value = spore__args_nth(args, option, i)) != NULL; i++)
		spore__strs_take(&all, take(value));
	spore__texts texts = spore__wanted_texts(&all);
	spore__strs_finish(&all);
	return texts;
}

static char *take_config(const char *value)
{
	if (value[0] == '=' || strchr(value, '=') == NULL)
		wrong("config", value, "no value", "as --config KEY=VALUE");
	return spore__xstrdup(value);
}

static void take_stdin(struct spore__spec *s, const char *value)
{
	s->stdin_from = SPORE__STDIN_OPEN;
	if (strcmp(value, "open") == 0)
		return;
	s->stdin_from = SPORE__STDIN_FILE;
	s->stdin_file = realpath(value, NULL);
	if (s->stdin_file == NULL)
		wrong("stdin", value, strerror(errno), "a file, or the word open for a pipe that stays open");
}

static void take_policy(const struct spore__args *args, struct spore__spec *s)
{
	static const char *const restarts[] = {"never", "on-failure", "always", NULL};
	const char *value;
	if ((value = spore__args_value(args, "restart")) != NULL)
		s->restart = (enum spore__restart)word("restart", value, restarts);
	if ((value = spore__args_value(args, "stop-signal")) != NULL)
		s->stop_signal = spore__signal_option("start", "stop-signal", value);
	if ((value = spore__args_value(args, "grace")) != NULL)
		s->stop_grace_ms = spore__duration_option("start", "grace", value);
	if ((value = spore__args_value(args, "ready")) != NULL)
		take_ready(s, value);
	if ((value = spore__args_value(args, "ready-timeout")) != NULL)
		s->ready_timeout_ms = spore__duration_option("start", "ready-timeout", value);
	if ((value = spore__args_value(args, "alive")) != NULL)
		take_alive(s, value);
	if ((value = spore__args_value(args, "every")) != NULL) {
		if (!spore__value_every(value))
			wrong("every", value, "not a period", "as 30s, 1h, or five fields as of cron: '0 4 * * *'");
		s->every = spore__xstrdup(value);
	}
	s->after = list(args, "after", take_after);
	s->config = list(args, "config", take_config);
	for (size_t i = 0; (value = spore__args_nth(args, "limit", i)) != NULL; i++)
		take_limit(s, value);
}

static void take_surroundings(const struct spore__args *args, struct spore__spec *s)
{
	const char *value;
	if ((value = spore__args_value(args, "cwd")) != NULL) {
		s->cwd = realpath(value, NULL);
		if (s->cwd == NULL || !spore__fs_is_dir(s->cwd))
			wrong("cwd", value, s->cwd == NULL ? strerror(errno) : "not a folder", "name a folder");
	}
	if ((value = spore__args_value(args, "stdin")) != NULL)
		take_stdin(s, value);
	if ((value = spore__args_value(args, "nice")) != NULL)
		s->nice = number("nice", value, -20, 19);
	if ((value = spore__args_value(args, "cpus")) != NULL) {
		if (!spore__value_cpus(value))
			wrong("cpus", value, "not a list of processors", "as 0,2-3");
		s->affinity = spore__xstrdup(value);
	}
	s->tty = spore__args_has(args, "tty");
	s->confine = spore__args_has(args, "confine");
}

void spore__start_options(const struct spore__args *args, struct spore__spec *s, struct spore__strs *env)
{
	const char *name = spore__args_value(args, "name");
	spore__spec_init(s);
	if (name != NULL && !spore__name_is_valid(name))
		wrong("name", name, "it cannot be a name",
		      "a letter or digit, then letters, digits, _ and -, 63 at most");
	s->task = name != NULL ? spore__xstrdup(name) : spore__start_name(args->operands[0]);
	if (!spore__name_is_valid(s->task))
		spore__die(SPORE__EXIT_USAGE, "give it a name with --name", "start: %s: no name can be made of it",
		           args->operands[0]);
	take_policy(args, s);
	take_surroundings(args, s);
	take_environment(args, s, env);
}

char *spore__start_name(const char *source)
{
	const char *path = after(source, "path:");
	char *real = path == NULL ? realpath(source, NULL) : NULL; // of `.` and `..` too
	char *name = spore__xstrdup(spore__fs_base(path != NULL ? path : real != NULL ? real : source));
	char *dot = strrchr(name, '.');
	if (dot != NULL && dot != name)
		*dot = '\0';
	size_t len = strlen(name);
	if (len > SPORE__NAME_MAX)
		name[SPORE__NAME_MAX] = '\0';
	for (char *p = name; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p) && *p != '_')
			*p = '-';
	free(real);
	return name;
}
