#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "cli/become.h"
#include "os/os.h"

static const struct spore__option options[] = {
    {"calls", 0, NULL, "the code of who calls: HEADER's functions, which call the port", 0, NULL},
    {"serves", 0, NULL, "the code of who is called: answers with HEADER's functions", 0, NULL},
    {"port", 'p', "PORT", "the port that is called or served; otherwise the header's name", 0, NULL},
    {"cflags", 0, "FLAGS", "flags of the compiler, to read the header: -I and -D", 0, NULL},
    {"from", 0, "FILE", "a header, from the JSON of a description; - is standard input", 0, NULL},
    {"name", 0, "NAME", "what functions begin with in such a header; otherwise the file's or the task's name", 0, NULL},
    {"output", 'o', "FILE", "write it there", 0, NULL},
    {0},
};

static const struct spore__example examples[] = {
    {"spore stubs report.api > report.h", "the functions of a service, whatever its language"},
    {"spore stubs --calls sums.h -p sums -o calls.c", "for a build system of its own"},
    {0},
};

// Standard input becomes what the service says of itself.
static void ask(const char *port)
{
	int fds[2];
	pid_t pid;
	char *self = spore__os_self();
	if (self == NULL || spore__os_pipe(fds) != 0)
		spore__die(SPORE__EXIT_SPORE, NULL, "cannot ask %s: %s", port, strerror(errno));
	const char *const argv[] = {self, "call", "--json", "--describe", port, NULL};
	const struct spore__spawn s = {.argv = argv, .fds = {STDIN_FILENO, fds[1], STDERR_FILENO}};
	if (spore__os_spawn(&s, &pid) != 0 || dup2(fds[0], STDIN_FILENO) < 0)
		spore__die(SPORE__EXIT_SPORE, NULL, "cannot ask %s: %s", port, strerror(errno));
	close(fds[0]);
	close(fds[1]);
	free(self);
}

static int run(const struct spore__args *args)
{
	bool code = spore__args_has(args, "calls") || spore__args_has(args, "serves");
	if (code && args->operand_count == 0)
		spore__die(SPORE__EXIT_USAGE, "spore stubs --calls HEADER", "stubs: no header");
	if (spore__args_has(args, "calls") && spore__args_has(args, "serves"))
		spore__die(SPORE__EXIT_USAGE, "one file for each", "stubs: --calls and --serves together");
	if (!code && !spore__args_has(args, "from")) {
		if (args->operand_count == 0)
			spore__die(SPORE__EXIT_USAGE, "spore stubs NAME.PORT, or --calls HEADER",
			           "stubs: nothing to make code from");
		ask(args->operands[0]);
	}
	spore__command_become(args, "spore-stubs", "stubs");
}

const struct spore__command spore__command_stubs = {
    .name = "stubs",
    .operands = "[NAME.PORT|HEADER]",
    .summary = "a C header of a service, or the code behind a header",
    .text = "Prints a C header with a function for each method that the service at NAME.PORT has, typed as far as it "
            "says. A program that says "
            "// spore: calls FILE.h via PORT calls them as any other function.\n\nWith --calls or --serves it prints "
            "the C code that spore makes from a "
            "header by itself for programs that it builds, for those that another build system builds: compile it with "
            "the rest, "
            "and link with -lspore. docs/transparent-calls.md says what a header may have in it.",
    .options = options,
    .examples = examples,
    .min_operands = 0,
    .max_operands = 1,
    .completes = SPORE__COMPLETES_PORT,
    .run = run,
};
