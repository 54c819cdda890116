#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/fs.h"
#include "cli/command.h"
#include "cli/held.h"

static const struct spore__example examples[] = {
    {"spore exec web env", "what the task finds in its environment"},
    {"spore exec db sh", "a shell in its folder, with its environment"},
    {"spore exec web sh -c 'curl -s localhost:$PORT/health'", "ask it as it would ask itself"},
    {0},
};

// The task's, and the terminal of whoever asks.
static void make_environment(const struct spore__held *h, struct spore__strs *env, const char **path)
{
	const char *term = getenv("TERM");
	*path = "/usr/local/bin:/usr/bin:/bin";
	for (size_t i = 0; h->spec.env != NULL && h->spec.env[i] != NULL; i++) {
		const char *pair = h->spec.env[i];
		if (strncmp(pair, "TERM=", 5) == 0 || strncmp(pair, "SPORE_TASK=", 11) == 0)
			continue;
		if (strncmp(pair, "PATH=", 5) == 0)
			*path = pair + 5;
		spore__strs_addf(env, "%s", pair);
	}
	spore__strs_addf(env, "SPORE_TASK=%s", h->name);
	if (term != NULL)
		spore__strs_addf(env, "TERM=%s", term);
}

static int run(const struct spore__args *args)
{
	struct spore__held h;
	struct spore__strs env = {0};
	const char *path, *name = args->operands[1];
	int status = spore__held_open(&h, "exec", args->operands[0]);
	if (status != 0)
		return status;
	if (h.spec.cwd != NULL && chdir(h.spec.cwd) != 0)
		spore__die(SPORE__EXIT_SPORE, NULL, "exec: %s: %s", h.spec.cwd, strerror(errno));
	make_environment(&h, &env, &path);
	char *program = strchr(name, '/') != NULL ? strdup(name) : spore__fs_find_program(name, path);
	if (program == NULL)
		spore__die(SPORE__EXIT_NO_SOURCE, "its PATH is not yours: 'spore exec NAME env' shows it",
		           "exec: %s: not found in the PATH of %s", name, h.name);
	(void)execve(program, args->operands + 1, env.items);
	spore__die(errno == ENOENT ? SPORE__EXIT_NO_SOURCE : SPORE__EXIT_NOT_RUNNABLE, NULL, "exec: %s: %s", program,
	           strerror(errno));
}

const struct spore__command spore__command_exec = {
    .name = "exec",
    .operands = "NAME COMMAND [ARG...]",
    .summary = "run a command with the environment and in the folder of a task",
    .text =
        "The command runs in the foreground, as a child of whoever asks and not of the task: it is neither logged nor "
        "ended with it, and neither confined nor limited as it is. The environment is that of the task's "
        "specification, "
        "secrets included, and the TERM of this terminal; COMMAND is searched for in its PATH. The task need not run, "
        "but has to have been started once. The status is that of the command; 127: it was not found, 126: it cannot "
        "be "
        "executed.",
    .examples = examples,
    .min_operands = 2,
    .max_operands = (size_t)-1,
    .operands_end_options = true,
    .completes = SPORE__COMPLETES_TASK,
    .run = run,
};
