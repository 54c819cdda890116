#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/fs.h"
#include "base/mem.h"
#include "cli/command.h"
#include "cli/held.h"
#include "os/os.h"
#include "task/confine.h"
#include "task/state.h"

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
	if (faccessat(h->dir, "ports", F_OK, 0) == 0)
		spore__strs_addf(env, "SPORE_PORTS=%s/ports", h->folder);
	if (term != NULL)
		spore__strs_addf(env, "TERM=%s", term);
}

// The cgroup of the run that goes on, when the task is limited by it: the open file to enter it by. -1: there is none.
static int open_cgroup(const struct spore__held *h, bool *limited)
{
	struct spore__hold_state state;
	char path[sizeof state.cgroup + 16];
	const struct spore__spec *s = &h->spec;
	*limited = (s->limit_memory > 0 || s->limit_processes > 0 || s->limit_cpu_milli > 0) &&
	           spore__folder_read_state(h->dir, &state) == 0 && state.pid != 0 && state.cgroup[0] != '\0' &&
	           (strstr(state.limits, "memory=enforced") != NULL ||
	            strstr(state.limits, "processes=enforced") != NULL || strstr(state.limits, "cpu=enforced") != NULL);
	if (!*limited)
		return -1;
	(void)snprintf(path, sizeof path, "%s/cgroup.procs", state.cgroup);
	return open(path, O_WRONLY | O_CLOEXEC);
}

// What the task may use and see, and no more.
static void become(const struct spore__held *h, const char *program, char *const *words, char *const *env)
{
	struct spore__task_confine confine;
	struct spore__cpus cpus;
	size_t count = 0;
	while (words[count] != NULL)
		count++;
	const char **argv = spore__xmalloc((count + 1) * sizeof *argv);
	memcpy(argv, words, (count + 1) * sizeof *argv);
	argv[0] = program;
	bool limited;
	const struct spore__spec *spec = &h->spec;
	const char *const remedy = "nothing was executed: the task itself is confined";
	if (spec->confine && spore__confine_make(spec, h->folder, &confine) != 0)
		spore__die(SPORE__EXIT_SPORE, remedy, "exec: %s: it cannot be confined: %s", h->name, strerror(errno));
	struct spore__rlimits rlimits = {.files = (uint64_t)spec->limit_files, .core = (uint64_t)spec->limit_core};
	struct spore__spawn s = {
	    .argv = argv,
	    .envp = (const char *const *)env,
	    .fds = {-1, -1, -1},
	    .cgroup = open_cgroup(h, &limited),
	    .nice = spec->nice > 0 || geteuid() == 0 ? (int)spec->nice : 0,
	    .limits = &rlimits,
	    .confine = spec->confine ? &confine.confine : NULL,
	};
	if (spec->affinity != NULL && spore__confine_cpus(spec->affinity, &cpus) && spore__os_can_pin(&cpus))
		s.cpus = &cpus;
	if (limited && s.cgroup >= 0 && write(s.cgroup, "0", 1) != 1) {
		close(s.cgroup);
		s.cgroup = -1;
	}
	if (limited && s.cgroup < 0 && spec->limits_required)
		spore__die(SPORE__EXIT_SPORE, "limits.required: nothing is executed outside of them",
		           "exec: %s: its cgroup cannot be entered from here: %s", h->name, strerror(errno));
	if (limited && s.cgroup < 0)
		spore__report("from a shell in a cgroup of the user's own it can be entered",
		              "exec: %s: its cgroup cannot be entered from here, so the command does not count towards "
		              "its limits",
		              h->name);
	if (s.cgroup < 0)
		rlimits.memory = (uint64_t)spec->limit_memory;
	(void)spore__os_become(&s);
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
	become(&h, program, args->operands + 1, env.items);
	spore__die(errno == ENOENT ? SPORE__EXIT_NO_SOURCE : SPORE__EXIT_NOT_RUNNABLE, NULL, "exec: %s: %s", program,
	           strerror(errno));
}

const struct spore__command spore__command_exec = {
    .name = "exec",
    .operands = "NAME COMMAND [ARG...]",
    .summary = "run a command with the environment and in the folder of a task",
    .text =
        "The command runs in the foreground, as a child of whoever asks and not of the task: it is neither logged nor "
        "ended with it. It is confined as the task is, and has its limits: those of each process, and where the task "
        "is limited by a control group it is in that too, counts towards its limits, and ends with its run. The "
        "environment is that of the task's "
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
