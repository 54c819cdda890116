#include "cli/become.h"

static const struct spore__option options[] = {
    {"follow", 'f', NULL, "go on with what is written from now on, also by tasks that do not exist yet", 0, NULL},
    {"lines", 'n', "N", "the last N records only", 0, NULL},
    {"since", 0, "TIME", "records from then on: 10m, 2h30m, 2026-01-31T12:30:00Z, 12:30", 0, NULL},
    {"until", 0, "TIME", "records up to then", 0, NULL},
    {"level", 0, "LEVEL", "records of this level or above", SPORE__COMPLETES_WORDS, "debug info warn error"},
    {"grep", 0, "REGEX", "records that match this POSIX extended regular expression", 0, NULL},
    {"stream", 0, "STREAM", "records of one stream", SPORE__COMPLETES_WORDS, "stdout stderr records events"},
    {"times", 't', NULL, "say when each record was written, in local time", 0, NULL},
    {"json", 0, NULL, "print each record as a line of JSON", 0, NULL},
    {"raw", 0, NULL, "print the bytes of the output as they are, and nothing else", 0, NULL},
    {0},
};

static const struct spore__example examples[] = {
    {"spore logs web", "the whole log of a task, over all its runs"},
    {"spore logs -f", "what all tasks of this system write, as they write it"},
    {"spore logs -n 20 --level warn web worker", "the last 20 warnings and errors of two tasks"},
    {"spore logs --since 10m --grep 'time(d )?out' web", "what matches in the last ten minutes"},
    {"spore logs --raw --stream stdout report > report.txt", "the output of a task as it was"},
    {0},
};

static int run(const struct spore__args *args)
{
	spore__command_become(args, "spore-logs", NULL);
}

const struct spore__command spore__command_logs = {
    .name = "logs",
    .operands = "[NAME...]",
    .summary = "show what tasks have written",
    .text =
        "Shows the logs of the tasks NAME, in order of time; without a name those of all tasks of the system whose "
        "manifest is in this folder or above, else of all tasks. A name is [SYSTEM/]TASK[@REPLICA]. The records of "
        "more "
        "than one task have the task's name before them.\n\n"
        "A record is a line of standard output or error, what a program logs with libspore, or an event: what spore "
        "did "
        "with the task, which begins with --. A line that is a JSON object with a message, as many loggers write it, "
        "is "
        "shown as level, message and fields. A record without a level counts as one of level info. A line counts from "
        "when its end was written. Of a line of more than 64 KiB each piece of that size is a record.\n\n"
        "Where something is missing an event says so: what was dropped because the disk was full or a reader too slow, "
        "and what a hold that was killed had not written yet. How much is kept of each task is stated with the task; "
        "the oldest goes first.\n\n"
        "On a terminal control characters are shown as escapes, and colours are used unless NO_COLOR is set. "
        "Elsewhere the lines of programs are printed as they are.\n\n"
        "With --json every record has the same members: time (when spore got it), said (when the program says it was), "
        "boot, "
        "monotonic_ns, system, task, replica (0: the only one), generation, run, said (when the program says it was), "
        "stream (stdout, stderr, tty, records, "
        "events), level, event, text, base64 (the bytes, when they are no UTF-8), continues and partial (pieces of a "
        "line), "
        "fields. What does not apply is null.\n\n"
        "Logs are read from files: no node is needed, and a reader never holds up a task.",
    .options = options,
    .examples = examples,
    .max_operands = (size_t)-1,
    .completes = SPORE__COMPLETES_TASK,
    .run = run,
};
