#include "system/schema.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "system/value.h"

static const char *const restart_words[] = {"never", "on-failure", "always", NULL};
static const char *const ready_words[] = {"started", "notify", NULL};
static const char *const alive_words[] = {"none", "notify", NULL};
static const char *const stdin_words[] = {"none", "open", NULL};
static const char *const overflow_words[] = {"block", "drop", NULL};
static const char *const after_words[] = {"started", "ready", "healthy", "completed", NULL};
static const char *const kind_words[] = {"bytes", "messages", NULL};
static const char *const shape_words[] = {"connect", "serve", "publish", "subscribe", NULL};
static const char *const as_words[] = {"fifo-in", "fifo-out", "socket", "listener", NULL};
static const char *const slow_words[] = {"block", "drop-oldest", "disconnect", NULL};

#define KEY(n, t, s, ...)                                                                                              \
	{                                                                                                              \
		.name = (n), .type = SPORE__SCHEMA_##t, .spec = (s), __VA_ARGS__                                       \
	}
#define HELP .help =

static const struct spore__schema_key secret_keys[] = {
    KEY("file", PATH, NULL, HELP "The file whose content it is, without the newline at its end"),
    KEY("env", TEXT, NULL, HELP "The variable of the caller's environment that it is taken from"),
    {0},
};

static const struct spore__schema_key stdin_keys[] = {
    KEY("file", PATH, "stdin.file", .sets = "file", HELP "The file that it reads"),
    {0},
};

static const struct spore__schema_key port_keys[] = {
    KEY("kind", WORD, NULL, .words = kind_words,
        HELP "A stream of bytes, or messages; either fits when it is not said"),
    KEY("shape", WORD, NULL, .words = shape_words, .standard = "connect",
        HELP "What the program does with it: connect to one other port, serve many, publish to many, subscribe"),
    KEY("protocol", TEXT, NULL,
        HELP "What is spoken, such as rpc, lsp or jsonl, with options of its bridge behind commas: jsonl,method=echo"),
    KEY("framing", NAME, NULL,
        HELP "How messages are told apart in a stream, lines, u32le, u32be or netstring; of a plain end lines when it "
             "is not said"),
    KEY("as", WORD, NULL, .words = as_words,
        HELP
        "What it is in the folder *SPORE_PORTS* for a program without libspore: a FIFO that it reads, a FIFO that it "
        "writes, a Unix socket that it connects to, or (listener) one that it listens on"),
    {0},
};

static const struct spore__schema_key ready_keys[] = {
    KEY("notify", TRUE, NULL, .sets = "notify", HELP "It says so itself: by libspore, sd_notify or *spore notify*"),
    KEY("tcp", ADDRESS, "ready.address", .sets = "tcp",
        HELP "As soon as a connection to this address is accepted: an IP address or localhost, and a port"),
    KEY("exec", COMMAND, "ready.exec", .sets = "exec", HELP "As soon as this command ends with status 0"),
    KEY("log", PATTERN, "ready.log", .sets = "log", HELP "As soon as a line of its output matches"),
    KEY("fd", INT, "ready.fd", .sets = "notify", HELP "As soon as it writes a newline to this descriptor"),
    KEY("timeout", DURATION, "ready.timeout_ms",
        HELP "When it is not ready after so long it has failed; 0s: it may take for ever"),
    {0},
};

static const struct spore__schema_key alive_keys[] = {
    KEY("notify", TRUE, NULL, .sets = "notify", HELP "It says so regularly, as the watchdog of sd_notify"),
    KEY("tcp", ADDRESS, "alive.address", .sets = "tcp", HELP "It accepts a connection"),
    KEY("exec", COMMAND, "alive.exec", .sets = "exec", HELP "This command ends with status 0"),
    KEY("every", DURATION, "alive.every_ms", HELP "How often it is asked"),
    KEY("timeout", DURATION, "alive.timeout_ms", HELP "How long an answer may take"),
    KEY("failures", INT, "alive.failures", HELP "After so many failures in a row it is ended as failed"),
    {0},
};

static const struct spore__schema_key restart_keys[] = {
    KEY("policy", WORD, "restart", .words = restart_words, HELP "When it is started again after it ended"),
    KEY("delay", DURATION, "restart.delay_ms",
        HELP "Before a restart; it doubles with each in a row. The first after a second at work does not wait"),
    KEY("max", DURATION, "restart.max_ms", HELP "The longest delay"),
    KEY("limit", INT, "restart.limit", HELP "After so many restarts in a row it has failed; 0: no limit"),
    KEY("reset", DURATION, "restart.reset_ms", HELP "After so long at work the row begins anew"),
    {0},
};

static const struct spore__schema_key stop_keys[] = {
    KEY("stdin", BOOL, "stop.stdin", HELP "Close its stdin first"),
    KEY("signal", SIGNAL, "stop.signal", HELP "The signal that asks it to end"),
    KEY("grace", DURATION, "stop.grace_ms", HELP "After so long SIGKILL goes to all that it started"),
    {0},
};

static const struct spore__schema_key limit_keys[] = {
    KEY("memory", SIZE, "limits.memory",
        HELP "Memory of all its processes together; without control groups address space of each"),
    KEY("cpu", CPU, "limits.cpu_milli", HELP "Processors that it may keep busy; needs control groups"),
    KEY("files", INT, "limits.files", HELP "Open files of a process"),
    KEY("processes", INT, "limits.processes", HELP "Processes and threads; needs control groups"),
    KEY("core", SIZE, "limits.core", HELP "The largest core file"),
    KEY("required", BOOL, "limits.required", HELP "Refuse to start it where one of them cannot be enforced"),
    {0},
};

static const struct spore__schema_key confine_keys[] = {
    KEY("network", BOOL, "confine.network", HELP "It may use IP; local sockets stay closed"),
    KEY("read", PATHS, "confine.read", HELP "What it may read, beside the system and its artifact"),
    KEY("write", PATHS, "confine.write", HELP "What it may write"),
    {0},
};

static const struct spore__schema_key log_keys[] = {
    KEY("size", SIZE, "log.bytes", HELP "What is kept on disk at most"),
    KEY("files", INT, "log.files", HELP "In so many files"),
    KEY("overflow", WORD, "log.overflow", .words = overflow_words,
        HELP "When the log cannot be written: the program waits, or lines are dropped and counted"),
    {0},
};

static const struct spore__schema_key place_keys[] = {
    KEY("arch", NAME, NULL, HELP "The architecture of the machine"),
    KEY("node", NAME, NULL, HELP "The machine"),
    {0},
};

static const struct spore__schema_key task_keys[] = {
    KEY("source", SOURCE, NULL, .required = true,
        HELP "What is built and run: a C or C++ file, a script, a folder; or path:NAME, a program of the system"),
    KEY("bin", TEXT, NULL, HELP "The program to run, when the source has several"),
    KEY("args", TEXTS, NULL, HELP "Its arguments"),
    KEY("env", VARIABLES, NULL, HELP "Variables of its environment"),
    KEY("env_file", PATHS, NULL, HELP "Files with variables of its environment; *env* counts before them"),
    KEY("secrets", SECRETS, NULL, .keys = secret_keys,
        HELP "Variables of its environment whose values are never shown"),
    KEY("config", VARIABLES, "config", HELP "Values that a program with libspore asks for"),
    KEY("cwd", PATH, "cwd", .standard = "the manifest's folder", HELP "The folder that it runs in"),
    KEY("tty", BOOL, "tty", HELP "Give it a terminal of its own, for *spore attach*"),
    KEY("stdin", MAP, "stdin", .words = stdin_words, .keys = stdin_keys, .standard = "none",
        HELP "What it reads: nothing, a pipe that stays open until it is stopped, or a file"),
    KEY("control", BOOL, "control", HELP "Give it a control descriptor although it does not link libspore"),
    KEY("after", AFTER, "after", .words = after_words,
        HELP "Tasks that have to be so far before it starts; in a list they have to be ready"),
    KEY("ready", MAP, "ready", .words = ready_words, .keys = ready_keys, HELP "When it is ready"),
    KEY("alive", MAP, "alive", .words = alive_words, .keys = alive_keys,
        HELP "How it is found out that it still works"),
    KEY("restart", MAP, "restart", .words = restart_words, .keys = restart_keys,
        HELP "When it is started again after it ended"),
    KEY("stop", MAP, NULL, .keys = stop_keys, HELP "How it is stopped"),
    KEY("limits", MAP, NULL, .keys = limit_keys, HELP "What it may use; without a limit it is free"),
    KEY("nice", INT, "nice", HELP "Its priority, from -20 (first) to 19 (last)"),
    KEY("affinity", CPUS, "affinity", HELP "The processors that it runs on"),
    KEY("confine", MAP, "confine", .keys = confine_keys,
        HELP "Let it see only the system's programs, its artifact and what is named"),
    KEY("every", EVERY, "every",
        HELP "Run it again and again: so long after each start, or at times written as for cron"),
    KEY("replicas", COUNT, NULL, .standard = "1", HELP "Run so many of it, called NAME@1, NAME@2 and so on"),
    KEY("profiles", NAMES, "profiles", HELP "Start it only with one of these profiles, or by its name"),
    KEY("log", MAP, NULL, .keys = log_keys, HELP "How its log is kept"),
    KEY("ports", MAPS, NULL, .keys = port_keys, HELP "Its named ends for wires"),
    KEY("place", MAP, NULL, .keys = place_keys, HELP "Where it runs in a mesh, which is not made yet"),
    {0},
};

static const struct spore__schema_key wire_keys[] = {
    KEY("from", TEXT, NULL, .required = true, HELP "The port that writes, TASK.PORT; or listen ADDRESS (PROTOCOL)"),
    KEY("to", TEXT, NULL, .required = true, HELP "The port that reads, TASK.PORT"),
    KEY("duplex", BOOL, NULL, .standard = "false", HELP "Both write and read"),
    KEY("slow", WORD, NULL, .words = slow_words,
        HELP "What happens when the reader, a subscriber, is slow; otherwise as it says itself"),
    KEY("tap", BOOL, NULL, .standard = "false",
        HELP "Let a stdin or stdout at its ends be watched, and wired otherwise while its program runs; others can be "
             "anyway"),
    KEY("redeliver", BOOL, NULL, .standard = "false",
        HELP "Deliver again what a reader that died had not released; it may come twice"),
    KEY("open", BOOL, NULL, .standard = "false", HELP "A listener: other machines may call without a token"),
    KEY("lossless", BOOL, NULL, .standard = "false",
        HELP "Refuse a bridge between its ports in which anything would be lost"),
    {0},
};

const struct spore__schema_key spore__schema_top[] = {
    KEY("spore", VERSION, NULL, .required = true, HELP "The version of this format: 1"),
    KEY("name", NAME, NULL, .standard = "the folder's name", HELP "The system's name"),
    KEY("tasks", MAPS, NULL, .keys = task_keys, HELP "The tasks by name"),
    KEY("wires", WIRES, NULL, .keys = wire_keys,
        HELP
        "Connections of ports: A.PORT -> B.PORT, or A.PORT <> B.PORT where both write, a protocol in brackets after a "
        "port. Where protocols differ a bridge comes between. listen ADDRESS (PROTOCOL) <> A.PORT offers a port to "
        "whoever connects"),
    KEY("ports", MAPS, NULL, .keys = port_keys,
        HELP "The ports of this folder as a program: each task of it has them, in whatever system"),
    KEY("recipe", RECIPE, NULL, HELP "How this folder is built as a program: see *spore-sources*(7)"),
    {0},
};

const struct spore__spec_field *spore__schema_field(const struct spore__schema_key *key)
{
	if (key->spec == NULL)
		return NULL;
	for (const struct spore__spec_field *f = spore__spec_fields; f->key != NULL; f++)
		if (strcmp(f->key, key->spec) == 0)
			return f;
	abort(); // the table names a field that is none
}

static void list_words(struct spore__buf *out, const char *const *words, const char *last)
{
	for (size_t i = 0; words[i] != NULL; i++)
		spore__buf_printf(out, "%s%s", i == 0 ? "" : words[i + 1] == NULL ? last : ", ", words[i]);
}

static const char *const forms[] = {
    [SPORE__SCHEMA_VERSION] = "1",
    [SPORE__SCHEMA_NAME] = "a name of letters, digits, _ and -, 63 characters at most",
    [SPORE__SCHEMA_NAMES] = "a list of names",
    [SPORE__SCHEMA_TEXT] = "text",
    [SPORE__SCHEMA_PATH] = "a path, relative to the manifest's folder",
    [SPORE__SCHEMA_PATHS] = "a path, relative to the manifest's folder, or a list of them",
    [SPORE__SCHEMA_SOURCE] = "a path, relative to the manifest's folder, or path:NAME",
    [SPORE__SCHEMA_TEXTS] = "a list of text",
    [SPORE__SCHEMA_COMMAND] = "a list of words, or a line for sh",
    [SPORE__SCHEMA_BOOL] = "true or false",
    [SPORE__SCHEMA_TRUE] = "true",
    [SPORE__SCHEMA_SIZE] = "a size, such as 65536, 64K, 512M or 2G",
    [SPORE__SCHEMA_DURATION] = "a duration, such as 200ms, 5s or 1h",
    [SPORE__SCHEMA_CPU] = "a number of processors, such as 2 or 0.5",
    [SPORE__SCHEMA_SIGNAL] = "a signal, such as TERM, INT or 10",
    [SPORE__SCHEMA_ADDRESS] = "a port such as 8080, or HOST:PORT",
    [SPORE__SCHEMA_PATTERN] = "an extended regular expression",
    [SPORE__SCHEMA_CPUS] = "numbers of processors, such as 0,2-3",
    [SPORE__SCHEMA_EVERY] =
        "a duration of 1s or more, the five fields of cron in quotes, such as \"0 4 * * *\", or @daily",
    [SPORE__SCHEMA_VARIABLES] = "a map of names to text",
    [SPORE__SCHEMA_SECRETS] = "a map of names to { file: PATH } or { env: NAME }",
    [SPORE__SCHEMA_AFTER] = "a map of tasks to started, ready, healthy or completed, or a list of tasks",
    [SPORE__SCHEMA_MAP] = "a map",
    [SPORE__SCHEMA_MAPS] = "a map of names to maps",
    [SPORE__SCHEMA_WIRES] = "a list of wires, such as A.PORT -> B.PORT",
    [SPORE__SCHEMA_RECIPE] = "a map",
};

char *spore__schema_wanted(const struct spore__schema_key *key)
{
	const struct spore__spec_field *field = spore__schema_field(key);
	struct spore__buf out = {0};
	if (key->type == SPORE__SCHEMA_WORD || (key->type == SPORE__SCHEMA_MAP && key->words != NULL)) {
		list_words(&out, key->words, key->type == SPORE__SCHEMA_MAP ? ", " : " or ");
		if (key->type == SPORE__SCHEMA_MAP)
			spore__buf_str(&out, " or a map");
	} else if (key->type == SPORE__SCHEMA_MAP && field != NULL && field->type == SPORE__SPEC_BOOL) {
		spore__buf_str(&out, "true, false or a map");
	} else if (key->type == SPORE__SCHEMA_COUNT) {
		spore__buf_printf(&out, "a whole number from 1 to %d", SPORE__REPLICAS_MAX);
	} else if (key->type == SPORE__SCHEMA_INT && field->max < INT32_MAX) {
		spore__buf_printf(&out, "a whole number from %" PRId64 " to %" PRId64, field->min, field->max);
	} else if (key->type == SPORE__SCHEMA_INT) {
		spore__buf_printf(&out, "a whole number, %" PRId64 " or more", field->min);
	} else {
		spore__buf_str(&out, forms[key->type]);
	}
	return spore__buf_take(&out);
}

char *spore__schema_standard(const struct spore__schema_key *key)
{
	const struct spore__spec_field *f = spore__schema_field(key);
	if (key->standard != NULL)
		return spore__xstrdup(key->standard);
	if (f == NULL)
		return NULL;
	switch (key->type) {
	case SPORE__SCHEMA_BOOL:
		return spore__xstrdup(f->standard != 0 ? "true" : "false");
	case SPORE__SCHEMA_MAP:
		return spore__xstrdup(f->type == SPORE__SPEC_ENUM ? f->words[f->standard]
		                      : f->standard != 0          ? "true"
		                                                  : "false");
	case SPORE__SCHEMA_WORD:
		return spore__xstrdup(f->words[f->standard]);
	case SPORE__SCHEMA_DURATION:
		return spore__value_show_duration(f->standard);
	case SPORE__SCHEMA_SIZE:
		return f->standard == 0 ? NULL : spore__value_show_size(f->standard);
	case SPORE__SCHEMA_SIGNAL:
		return spore__value_show_signal(f->standard);
	case SPORE__SCHEMA_INT:
		return key->sets != NULL || strncmp(key->spec, "limits.", 7) == 0
		           ? NULL
		           : spore__xasprintf("%" PRId64, f->standard);
	default:
		return NULL;
	}
}
