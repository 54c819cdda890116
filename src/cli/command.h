// One table entry per command: parsing, help, manual pages and shell completion all come from it.
// Each command is one file, `src/cli/NAME.c`, and only its entry leaves it; `table.c` lists them.
#ifndef SPORE_CLI_COMMAND_H
#define SPORE_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

struct spore__args;

// What an operand or an option's value is, for completion.
enum spore__completes {
	SPORE__COMPLETES_NOTHING,
	SPORE__COMPLETES_SOURCE, // files and folders
	SPORE__COMPLETES_FILE,
	SPORE__COMPLETES_WORDS,   // those in `words`
	SPORE__COMPLETES_COMMAND, // names of spore's commands
	SPORE__COMPLETES_TASK,    // names of tasks
	SPORE__COMPLETES_PORT,    // names of ports
	SPORE__COMPLETES_END,     // names of ports and of tasks
	SPORE__COMPLETES_CALL,    // first a port, then a method of its program
};

struct spore__option {
	const char *name;  // without dashes; NULL ends the list
	char letter;       // '\0': none
	const char *value; // metavariable of the value, e.g. "NAME"; NULL: a flag
	const char *help;  // one sentence, no full stop
	enum spore__completes completes;
	const char *words; // for SPORE__COMPLETES_WORDS, separated by spaces
};

struct spore__example {
	const char *command; // NULL ends the list
	const char *does;
};

struct spore__command {
	const char *name;
	const char *operands;                // as shown in the synopsis, e.g. "SOURCE [ARG...]"; "" for none
	const char *summary;                 // one line, no full stop
	const char *text;                    // paragraphs of the manual page (scdoc), also printed by `spore help NAME`
	const struct spore__option *options; // may be NULL
	const struct spore__command *const *commands; // subcommands, NULL-terminated; then `run` is NULL. May be NULL
	const struct spore__example *examples;        // may be NULL
	size_t min_operands;
	size_t max_operands;                        // SIZE_MAX: no limit
	bool operands_end_options;                  // the first operand ends the options: the rest belongs to a program
	enum spore__completes completes;            // the first operand; each one, when they are tasks
	enum spore__completes second;               // the second one, of others than tasks
	int (*run)(const struct spore__args *args); // returns the exit status
};

struct spore__args {
	const struct spore__command *command;
	char *const *operands; // NULL-terminated, points into argv
	size_t operand_count;
	// Private: what was given, in order: indexes of command->options, and values.
	struct {
		size_t option;
		const char *value;
	} * given;
	size_t given_count;
};

// The option NAME was given. NAME must be in the table (checked: aborts otherwise, a mistake of ours).
bool spore__args_has(const struct spore__args *args, const char *name);
// Its (last) value, or NULL when it was not given.
const char *spore__args_value(const struct spore__args *args, const char *name);
// The value of its I-th occurrence, from 0; NULL behind the last.
const char *spore__args_nth(const struct spore__args *args, const char *name, size_t i);

// The commands of `spore`, NULL-terminated.
extern const struct spore__command *const spore__commands[];

// The one of COMMANDS called NAME. When there is none it reports that with the nearest and exits (usage). PATH is what leads to
// COMMANDS: "spore", "spore store".
const struct spore__command *spore__command_find(const char *path, const struct spore__command *const *commands,
                                                 const char *name);

// Finds the command in argv[1..], parses its options and runs it. Prints help for --help, the version for --version;
// an unknown command or option is reported with the nearest known one. Returns the exit status.
int spore__command_main(int argc, char *const argv[]);

#endif
