// The table of commands is sound, and the parser takes what it says.
#include <ctype.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/fs.h"
#include "cli/command.h"

// Runs the command line ARGV (NULL-terminated) in a child, as it may exit. Returns its status; OUT is what it printed.
static int run(const char *const argv[], struct spore__buf *out)
{
	int fds[2], status, count = 0;
	while (argv[count] != NULL)
		count++;
	assert_int_equal(pipe(fds), 0);
	(void)fflush(NULL);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		(void)dup2(fds[1], STDOUT_FILENO);
		(void)dup2(fds[1], STDERR_FILENO);
		(void)close(fds[0]);
		int end = spore__command_main(count, (char *const *)argv);
		(void)fflush(NULL);
		_exit(end);
	}
	(void)close(fds[1]);
	assert_int_equal(spore__fs_read_fd(fds[0], out), 0);
	(void)close(fds[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

#define RUN(...) run((const char *const[]){"spore", __VA_ARGS__, NULL}, &out)

static void prints(const struct spore__buf *out, const char *text)
{
	if (out->data == NULL || strstr(out->data, text) == NULL)
		fail_msg("\"%s\" is not in: %s", text, out->data != NULL ? out->data : "(nothing)");
}

static void check_phrase(const char *text)
{
	assert_non_null(text);
	size_t len = strlen(text);
	assert_true(len > 0);
	assert_true(text[len - 1] != '.' && text[len - 1] != ' ');
	assert_null(strchr(text, '\n'));
}

static void check_options(const struct spore__command *c)
{
	for (const struct spore__option *o = c->options; o != NULL && o->name != NULL; o++) {
		check_phrase(o->help);
		assert_true(o->name[0] != '-');
		assert_string_not_equal(o->name, "help");
		assert_true(o->letter == '\0' || (isalnum((unsigned char)o->letter) && o->letter != 'h'));
		assert_true(o->value != NULL || o->completes == SPORE__COMPLETES_NOTHING);
		assert_true((o->completes == SPORE__COMPLETES_WORDS) == (o->words != NULL));
		for (const struct spore__option *other = c->options; other != o; other++) {
			assert_string_not_equal(o->name, other->name);
			assert_true(o->letter == '\0' || o->letter != other->letter);
		}
	}
}

static void check_commands(const struct spore__command *const *commands)
{
	for (size_t i = 0; commands[i] != NULL; i++) {
		const struct spore__command *c = commands[i];
		check_phrase(c->summary);
		assert_non_null(c->operands);
		assert_true((c->run == NULL) == (c->commands != NULL));
		assert_true(c->max_operands >= c->min_operands);
		assert_true((c->max_operands == 0) == (c->operands[0] == '\0'));
		assert_true(c->second == SPORE__COMPLETES_NOTHING || c->max_operands > 1);
		check_options(c);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(c->name, commands[k]->name);
		if (c->commands != NULL)
			check_commands(c->commands);
	}
}

static void test_table(void **state)
{
	(void)state;
	check_commands(spore__commands);
}

static void test_help(void **state)
{
	(void)state;
	struct spore__buf out = {0};
	for (size_t i = 0; spore__commands[i] != NULL; i++) {
		out.len = 0;
		assert_int_equal(RUN("help", spore__commands[i]->name), SPORE__EXIT_OK);
		prints(&out, spore__commands[i]->name);
		for (const struct spore__option *o = spore__commands[i]->options; o != NULL && o->name != NULL; o++)
			prints(&out, o->name);
		struct spore__buf same = {0};
		assert_int_equal(run((const char *const[]){"spore", spore__commands[i]->name, "--help", NULL}, &same),
		                 SPORE__EXIT_OK);
		assert_string_equal(same.data, out.data);
		spore__buf_finish(&same);
	}
	out.len = 0;
	assert_int_equal(RUN("help", "store", "gc"), SPORE__EXIT_OK);
	prints(&out, "max-age");
	out.len = 0;
	assert_int_equal(RUN("store", "-h"), SPORE__EXIT_OK);
	prints(&out, "usage: spore store COMMAND [ARGUMENT...]\n\nspore store: ");
	spore__buf_finish(&out);
}

static void check_width(const struct spore__command *const *commands, const char *parent)
{
	for (size_t i = 0; commands[i] != NULL; i++) {
		struct spore__buf out = {0};
		const char *const argv[] = {"spore", "help", parent != NULL ? parent : commands[i]->name,
		                            parent != NULL ? commands[i]->name : NULL, NULL};
		assert_int_equal(run(argv, &out), SPORE__EXIT_OK);
		for (const char *line = out.data; *line != '\0';) {
			size_t len = strcspn(line, "\n");
			if (len > 80)
				fail_msg("wider than a terminal: %.*s", (int)len, line);
			assert_true(len == 0 || line[len - 1] != ' ');
			line += len + (line[len] == '\n');
		}
		spore__buf_finish(&out);
		if (commands[i]->commands != NULL)
			check_width(commands[i]->commands, commands[i]->name);
	}
}

static void test_help_fits(void **state)
{
	(void)state;
	check_width(spore__commands, NULL);
}

// What could not be printed is a failure.
static void test_full(void **state)
{
	(void)state;
	(void)fflush(NULL);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		int full = open("/dev/full", O_WRONLY);
		if (full < 0)
			_exit(SPORE__EXIT_SPORE); // only Linux has it
		(void)dup2(full, STDOUT_FILENO);
		(void)close(STDERR_FILENO);
		const char *const argv[] = {"spore", "help", NULL};
		_exit(spore__command_main(2, (char *const *)argv));
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), SPORE__EXIT_SPORE);
}

static void test_mistakes(void **state)
{
	(void)state;
	static const struct {
		const char *const argv[6];
		const char *says;
	} cases[] = {
	    {{"spore", "rnu", "x"}, "did you mean 'spore run'"},
	    {{"spore", "store", "lss"}, "did you mean 'spore store ls'"},
	    {{"spore", "run", "--wacth", "x"}, "did you mean --watch"},
	    {{"spore", "run"}, "an operand is missing"},
	    {{"spore", "build", "a", "b"}, "too many operands"},
	    {{"spore", "--versoin"}, "did you mean --version"},
	    {{"spore", "help", "stroe"}, "did you mean 'spore store'"},
	    {{"spore", "help", "store", "lss"}, "did you mean 'spore store ls'"},
	    {{"spore", "help", "run", "x"}, "no commands of its own"},
	    {{"spore", "/dev/null"}, "to run it: spore run /dev/null"},
	    {{"spore", "-"}, "unknown command '-'"},
	    {{"spore", "store", "--json"}, "spore store COMMAND --json"},
	    {{"spore", "store"}, "which of its commands"},
	    {{"spore", "store", "gc", "--max-age"}, "needs a value"},
	    {{"spore", "store", "gc", "--max-age=3x"}, "is no age"},
	    {{"spore", "store", "ls", "--json=1"}, "takes no value"},
	    {{"spore", "run", "-Z", "x"}, "unknown option '-Z'"},
	    {{"spore", "--fast", "x"}, "after its name"},
	    {{"spore", "run", "--fast", "--opt", "x"}, "exclude each other"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct spore__buf out = {0};
		assert_int_equal(run(cases[i].argv, &out), SPORE__EXIT_USAGE);
		prints(&out, cases[i].says);
		assert_int_equal(strncmp(out.data, "spore: ", 7), 0);
		// WHAT comes next, not the name again; and a remedy.
		assert_int_not_equal(strncmp(out.data, "spore: spore", 12), 0);
		prints(&out, "\n  ");
		spore__buf_finish(&out);
	}
}

static void test_options_end(void **state)
{
	(void)state;
	struct spore__buf out = {0};
	// What follows the source is the program's, options too.
	assert_int_equal(RUN("run", "path:echo", "--help", "-x"), 0);
	assert_string_equal(out.data, "--help -x\n");
	out.len = 0;
	assert_int_equal(RUN("run", "--", "path:echo", "--", "y"), 0);
	assert_string_equal(out.data, "-- y\n");
	spore__buf_finish(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_table), cmocka_unit_test(test_help),     cmocka_unit_test(test_help_fits),
	    cmocka_unit_test(test_full),  cmocka_unit_test(test_mistakes), cmocka_unit_test(test_options_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
