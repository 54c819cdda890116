#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/dirs.h"
#include "base/err.h"
#include "base/fs.h"
#include "base/mem.h"
#include "cli/start_options.h"
#include "cli/tasks.h"
#include "node/client.h"
#include "node/tasks_wait.h"
#include "os/os.h"
#include "rpc/to_json.h"
#include "source/launch.h"
#include "system/value.h"
#include "task/wanted.h"

static const struct spore__option options[] = {
    {"name", 'n', "NAME", "the task's name; else that of SOURCE without its ending", 0, NULL},
    {"restart", 'r', "POLICY", "start it again: never (the default), on-failure, always", SPORE__COMPLETES_WORDS,
     "never on-failure always"},
    {"env", 'e', "NAME[=VALUE]", "a variable of its environment; without value the one it has here; may be repeated", 0,
     NULL},
    {"env-file", 0, "FILE", "variables from a file; may be repeated", SPORE__COMPLETES_FILE, NULL},
    {"secret", 0, "NAME[=VALUE]", "as --env, but the value is never shown", 0, NULL},
    {"config", 0, "KEY=VALUE", "a configuration value for libspore; may be repeated", 0, NULL},
    {"cwd", 'C', "FOLDER", "where it starts; else the current folder", SPORE__COMPLETES_FILE, NULL},
    {"stdin", 0, "FILE", "its standard input; open: a pipe that stays open; else there is nothing to read",
     SPORE__COMPLETES_FILE, NULL},
    {"tty", 't', NULL, "give it a pseudo-terminal; see spore attach", 0, NULL},
    {"ready", 0, "HOW", "it is ready: started (the default), notify, fd:N, tcp:ADDRESS, exec:COMMAND, log:REGEX", 0,
     NULL},
    {"ready-timeout", 0, "TIME", "it has failed when it is not ready by then (1m); 0s: it may take for ever", 0, NULL},
    {"alive", 0, "HOW", "look every 10 seconds whether it lives: notify, tcp:ADDRESS, exec:COMMAND", 0, NULL},
    {"after", 0, "NAME[:WHEN]", "start it once that task is started, ready (the default), healthy or completed",
     SPORE__COMPLETES_TASK, NULL},
    {"stop-signal", 0, "SIGNAL", "what asks it to end (TERM)", SPORE__COMPLETES_WORDS, "TERM INT HUP QUIT USR1 USR2"},
    {"grace", 0, "TIME", "how long it may take to end until it is killed (5s)", 0, NULL},
    {"limit", 'l', "WHAT=AMOUNT",
     "memory=512M, cpu=1.5, files=1024, processes=64, core=1G; required: refuse to start it when one cannot be "
     "enforced",
     0, NULL},
    {"nice", 0, "N", "its priority, from -20 to 19", 0, NULL},
    {"cpus", 0, "LIST", "the processors it may use, as 0,2-3", 0, NULL},
    {"confine", 0, NULL, "no view of other tasks, of the home folder and of the node", 0, NULL},
    {"every", 0, "PERIOD", "run it again and again: 30s, 1h, or five fields as of cron", 0, NULL},
    {"replicas", 0, "N", "so many of it: NAME@1 to NAME@N", 0, NULL},
    {"replace", 0, NULL, "when a task of that name runs, stop it and start this one; only if anything differs", 0,
     NULL},
    {"swap", 0, NULL,
     "with --replace: the one that runs goes on until this one is ready, which takes over its channels without losing "
     "a message",
     0, NULL},
    {"wait", 'w', NULL, "return when it is ready; status 1 when it fails before that", 0, NULL},
    {"bin", 'b', "PROGRAM", "run this program of a folder that installs several", 0, NULL},
    {"fast", 0, NULL, "use the fast compiler (tcc), or fail where it cannot compile the file faithfully", 0, NULL},
    {"opt", 'O', NULL, "use the optimising compiler, and wait for it", 0, NULL},
    {"control", 0, NULL, "give the program a control descriptor (SPORE_FD) although it does not link libspore", 0,
     NULL},
    {"no-sandbox", 0, NULL, "build without confinement", 0, NULL},
    {"json", 0, NULL, "print a JSON array of {name, generation, state, changed}", 0, NULL},
    {"verbose", 'v', NULL, "show every line that the build prints", 0, NULL},
    {0},
};

static const struct spore__example examples[] = {
    {"spore start server.c 8080", "build it when needed, run it in the background; its name is server"},
    {"spore start --name web --restart always --ready tcp:8080 --wait ./web", "return when it accepts connections"},
    {"spore start --every 1h path:backup /data", "a program of the system, every hour"},
    {"spore start web", "begin a task again that was stopped"},
    {0},
};

struct starting {
	const struct spore__args *args;
	struct spore__tasks t;
	struct spore__launch launch;
	struct spore__spec spec;
	struct spore__strs names; // started
	struct spore__buf out;
	struct spore__json json;
};

static bool may_be_task(const char *text)
{
	for (const char *p = text; *p != '\0'; p++)
		if (strchr("_-@/", *p) == NULL &&
		    !((*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z')))
			return false;
	return text[0] != '\0' && text[0] != '/';
}

static void put_started(struct starting *s)
{
	struct spore__msgpack_reader at;
	const char *name = NULL;
	uint32_t len = 0;
	if (spore__msgpack_find(&s->t.rpc.m.result, "name", &at))
		(void)spore__msgpack_read_str(&at, &name, &len);
	if (name != NULL)
		spore__strs_take(&s->names, spore__xstrndup(name, len));
	spore__tasks_say_not_swapped("start", &s->t.rpc.m.result);
	at = s->t.rpc.m.result;
	(void)spore__rpc_to_json(&at, &s->json, NULL);
}

// The end of both ways to start: says the names, and waits if asked to.
static int finish(struct starting *s)
{
	int status = SPORE__EXIT_OK;
	spore__json_close(&s->json, ']');
	if (spore__args_has(s->args, "json"))
		puts(s->out.data);
	else
		for (size_t i = 0; i < s->names.count; i++)
			puts(s->names.items[i]);
	if (spore__args_has(s->args, "wait") && s->names.count > 0) {
		(void)fflush(stdout);
		status = spore__tasks_wait(&s->t, s->names.items, s->names.count, "ready", -1, isatty(STDERR_FILENO));
	}
	return status;
}

// `start NAME...` of tasks that are defined.
static int begin(struct starting *s)
{
	struct spore__msgpack_writer w = {0};
	struct spore__msgpack_reader at;
	uint32_t count = 0;
	const char *name = s->args->operands[0];
	spore__tasks_put_names(&w, s->args->operands, s->args->operand_count, 0);
	enum spore_err err = spore__tasks_call(&s->t, "tasks.begin", &w, true, SPORE__TASKS_PATIENCE_MS);
	if (err == SPORE_ENOTFOUND && s->args->operand_count == 1) {
		spore__report(
		    "name a source (a C or C++ file, a script, a folder); a program of the system is path:NAME",
		    "start: %s: no such source, and %s", name, s->t.rpc.why);
		return SPORE__EXIT_NO_SOURCE;
	}
	if (err != SPORE_OK)
		return spore__tasks_failed(&s->t, err);
	if (spore__msgpack_find(&s->t.rpc.m.result, "started", &at))
		(void)spore__msgpack_read_array(&at, &count);
	for (; count > 0; count--) {
		const char *text;
		uint32_t len;
		if (spore__msgpack_read_str(&at, &text, &len) != SPORE__MSGPACK_OK)
			break;
		spore__strs_take(&s->names, spore__xstrndup(text, len));
		spore__json_open(&s->json, NULL, '{');
		spore__json_strn(&s->json, "name", text, len);
		spore__json_close(&s->json, '}');
	}
	return finish(s);
}

static int start_one(struct starting *s, int64_t replica)
{
	struct spore__msgpack_writer w = {0};
	char name[2 * SPORE__NAME_MAX + 32];
	s->spec.replica = replica;
	spore__spec_name(&s->spec, name, sizeof name);
	bool swap = spore__args_has(s->args, "swap");
	spore__msgpack_map(&w, swap ? 4 : 2);
	spore__msgpack_str(&w, "spec");
	spore__spec_encode(&s->spec, &w, false);
	spore__msgpack_str(&w, "replace");
	spore__msgpack_str(&w, spore__args_has(s->args, "replace") ? "if-changed" : "refuse");
	if (swap) {
		spore__msgpack_str(&w, "keep_old");
		spore__msgpack_bool(&w, true);
		spore__msgpack_str(&w, "swap");
		spore__msgpack_bool(&w, true);
	}
	enum spore_err err = spore__tasks_call(&s->t, "tasks.start", &w, false, SPORE__TASKS_FOREVER_MS);
	if (err == SPORE_EEXISTS) {
		spore__report("stop it first, put this one in its place with --replace, or give this one a --name",
		              "start: a task '%s' runs already", name);
		return SPORE__EXIT_FAILED;
	}
	if (err != SPORE_OK)
		return spore__tasks_failed(&s->t, err);
	put_started(s);
	return SPORE__EXIT_OK;
}

// Others of that name that are not of these replicas any more: with --replicas 2 in place of 3, or of one alone.
static int remove_surplus(struct starting *s, int64_t replicas)
{
	struct spore__task_list list;
	struct spore__strs names = {0};
	enum spore_err err = spore__tasks_list(&s->t, NULL, true, &list);
	for (size_t i = 0; i < list.count; i++) {
		const struct spore__task_info *t = &list.items[i];
		bool ours = replicas == 0 ? t->replica == 0 : t->replica >= 1 && t->replica <= replicas;
		if (t->system[0] == '\0' && strcmp(t->task, s->spec.task) == 0 && !ours)
			spore__strs_add(&names, t->name);
	}
	if (err == SPORE_OK && names.count > 0) {
		struct spore__msgpack_writer w = {0};
		spore__msgpack_map(&w, 1);
		spore__msgpack_str(&w, "names");
		spore__msgpack_array(&w, (uint32_t)names.count);
		for (size_t i = 0; i < names.count; i++)
			spore__msgpack_str(&w, names.items[i]);
		err = spore__tasks_call(&s->t, "tasks.remove", &w, false, SPORE__TASKS_FOREVER_MS);
	}
	spore__strs_finish(&names);
	spore__task_list_finish(&list);
	return err == SPORE_OK ? 0 : spore__tasks_failed(&s->t, err);
}

static int start_all(struct starting *s)
{
	const char *text = spore__args_value(s->args, "replicas");
	int64_t replicas = 0;
	if (text != NULL && (!spore__value_int(text, &replicas) || replicas < 1 || replicas > SPORE__REPLICAS_MAX)) {
		spore__report("from 1 to 1000", "start: --replicas %s: not a number that it can be", text);
		return SPORE__EXIT_USAGE;
	}
	int status = 0;
	for (int64_t i = replicas == 0 ? 0 : 1; status == 0 && i <= replicas; i++)
		status = start_one(s, i);
	if (status == 0 && spore__args_has(s->args, "replace"))
		status = remove_surplus(s, replicas);
	return status;
}

// The ports that the program of a folder says it has, in its spore.yaml. 0, or the exit status after a report.
static int take_ports(struct starting *s)
{
	struct spore__buf out = {0};
	struct spore__strs lines = {0};
	int fds[2], how = 0;
	pid_t pid;
	char *path = spore__fs_join(s->launch.source, "spore.yaml");
	bool says = access(path, F_OK) == 0;
	free(path);
	if (!says)
		return 0; // a file, or a folder that says nothing
	char *libexec = spore__dirs_libexec(), *program = spore__fs_join(libexec, "spore-system");
	const char *const argv[] = {program, "ports", "--", s->launch.source, NULL};
	bool good = spore__os_pipe(fds) == 0;
	if (good) {
		const struct spore__spawn spawn = {.argv = argv, .fds = {-1, fds[1], STDERR_FILENO}};
		good = spore__os_spawn(&spawn, &pid) == 0;
		close(fds[1]);
		if (good)
			(void)spore__fs_read_fd(fds[0], &out);
		close(fds[0]);
		while (good && waitpid(pid, &how, 0) < 0 && errno == EINTR)
			;
	}
	if (!good)
		spore__report("install spore whole, or name the folder of its programs in SPORE_LIBEXEC",
		              "cannot start %s: %s", program, strerror(errno));
	for (char *line = out.data, *end; good && line != NULL && (end = strchr(line, '\n')) != NULL; line = end + 1)
		spore__strs_take(&lines, spore__xstrndup(line, (size_t)(end - line)));
	s->spec.ports = lines.items;
	spore__buf_finish(&out);
	free(program);
	free(libexec);
	return !good ? SPORE__EXIT_SPORE : WIFEXITED(how) ? WEXITSTATUS(how) : SPORE__EXIT_SPORE;
}

static int start_source(struct starting *s)
{
	const struct spore__args *args = s->args;
	struct spore__strs env = {0};
	spore__start_options(args, &s->spec, &env);
	const struct spore__launch_wish wish = {
	    .source = args->operands[0],
	    .bin = spore__args_value(args, "bin"),
	    .args = (const char *const *)args->operands + 1,
	    .tier = spore__args_has(args, "fast")  ? SPORE__TIER_FAST
	            : spore__args_has(args, "opt") ? SPORE__TIER_OPT
	                                           : SPORE__TIER_AUTO,
	    .absolute = true,
	    .control = spore__args_has(args, "control"),
	    .no_sandbox = spore__args_has(args, "no-sandbox"),
	    .verbose = spore__args_has(args, "verbose"),
	};
	int status = spore__launch(&wish, &s->launch);
	if (status == 0)
		status = take_ports(s);
	if (status == 0)
		status = spore__tasks_open(&s->t, "start", true);
	if (status == 0) {
		char *here = getcwd(NULL, 0);
		spore__wanted_from_launch(&s->spec, &s->launch, &env, here != NULL ? here : "/");
		free(here);
		status = start_all(s);
		if (status == 0)
			status = finish(s);
		if (s->launch.fast && !s->launch.built && wish.tier == SPORE__TIER_AUTO)
			spore__node_optimise(s->launch.source);
	}
	spore__strs_finish(&env);
	return status;
}

static bool begins_again(const struct spore__args *args)
{
	static const char *const allowed[] = {"wait", "json"};
	size_t known = 0;
	for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
		known += spore__args_has(args, allowed[i]);
	return args->given_count == known && may_be_task(args->operands[0]) && access(args->operands[0], F_OK) != 0;
}

static int run(const struct spore__args *args)
{
	struct starting s = {.args = args, .launch = {.held = -1}};
	int status;
	s.json.out = &s.out;
	if (spore__args_has(args, "fast") && spore__args_has(args, "opt"))
		spore__die(SPORE__EXIT_USAGE, "give one of them", "start: --fast and --opt exclude each other");
	if (spore__args_has(args, "swap") && !spore__args_has(args, "replace"))
		spore__die(SPORE__EXIT_USAGE,
		           "give --replace too; what runs unchanged is swapped with spore restart --swap",
		           "start: --swap says how the one that runs is replaced");
	spore__spec_init(&s.spec);
	spore__json_open(&s.json, NULL, '[');
	if (begins_again(args)) {
		status = spore__tasks_open(&s.t, "start", true);
		if (status == 0)
			status = begin(&s);
	} else {
		status = start_source(&s);
	}
	spore__tasks_close(&s.t);
	spore__launch_finish(&s.launch);
	spore__spec_finish(&s.spec);
	spore__strs_finish(&s.names);
	spore__buf_finish(&s.out);
	return status;
}

const struct spore__command spore__command_start = {
    .name = "start",
    .operands = "SOURCE [ARG...]",
    .summary = "build a source if needed, and run it in the background, supervised; prints the task's name",
    .text =
        "SOURCE is what *spore run* takes. Its output goes to the task's log (*spore logs*), its stdin is empty. It "
        "goes on "
        "when the terminal closes, and is started again as its restart policy says, also when the node is gone. When "
        "SOURCE is no file but the name of a task that is defined and does not run, that begins again.\n\n"
        "The environment is not the terminal's: HOME, PATH, USER, LOGNAME, SHELL, LANG, LANGUAGE, LC\\_\\*, TZ and "
        "TMPDIR as "
        "they are here, what the source asks for, then *--env-file*, *--env* and *--secret*. The program finds its "
        "name "
        "in SPORE\\_TASK. The program of a folder has the ports that its spore.yaml says.\n\n"
        "A task of that name that runs is left alone, and the status is 1, unless *--replace* is given. With "
        "*--swap* it is left alone too when the new one does not become ready, or, where it does not say when it is, "
        "ends within a second; one whose channels cannot be handed "
        "over, since its stdin or stdout is wired, is replaced as without.",
    .options = options,
    .examples = examples,
    .min_operands = 1,
    .max_operands = (size_t)-1,
    .operands_end_options = true,
    .completes = SPORE__COMPLETES_SOURCE,
    .run = run,
};
