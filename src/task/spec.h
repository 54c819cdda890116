// What is wanted of a task: all that a hold needs to run it without asking anyone, and what the node needs to know when. The
// client makes it from a command line or a manifest, the node keeps it, the hold carries it out.
//
// It travels and is kept as one MessagePack map. Its keys are those of spore__spec_fields; a field that has its default is left
// out, an unknown key is passed over, so that an older hold can be given the specification of a newer node.
#ifndef SPORE_TASK_SPEC_H
#define SPORE_TASK_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "msgpack.h"
#include "spore/spore.h"

enum {
	SPORE__NAME_MAX = 63,         // of a system, task or profile, in bytes
	SPORE__SPEC_MAX = 512 * 1024, // of an encoded specification, in bytes
	SPORE__REPLICAS_MAX = 1000,
};

// A list of strings, NULL-terminated, malloc'ed with its strings; NULL: empty.
typedef char **spore__texts;

enum spore__restart { SPORE__RESTART_NEVER, SPORE__RESTART_ON_FAILURE, SPORE__RESTART_ALWAYS };

enum spore__ready {
	SPORE__READY_STARTED, // as soon as it runs
	SPORE__READY_NOTIFY,  // it says so: libspore, sd_notify, or a newline on the descriptor `ready.fd`
	SPORE__READY_TCP,     // a connection to `ready.address` is accepted
	SPORE__READY_EXEC,    // `ready.exec` ends with 0
	SPORE__READY_LOG,     // a line of its output matches `ready.log`
};

enum spore__alive { SPORE__ALIVE_NONE, SPORE__ALIVE_TCP, SPORE__ALIVE_EXEC, SPORE__ALIVE_NOTIFY };

enum spore__stdin {
	SPORE__STDIN_NULL, // end of file at once
	SPORE__STDIN_OPEN, // a pipe that stays open until the stop
	SPORE__STDIN_FILE, // the file `stdin_file`
};

enum spore__overflow {
	SPORE__OVERFLOW_BLOCK, // the program waits until its log can be written
	SPORE__OVERFLOW_DROP,  // what cannot be written is dropped and counted
};

// When a task may start, seen from another one.
enum spore__condition { SPORE__AFTER_STARTED, SPORE__AFTER_READY, SPORE__AFTER_HEALTHY, SPORE__AFTER_COMPLETED };

// Zeroed is not a valid specification: use spore__spec_init. Strings are malloc'ed, NULL when there is none.
struct spore__spec {
	// who
	char *system; // "": none, as of `spore start`
	char *task;
	int64_t replica; // 0: the only one, else from 1

	// what
	char *source;         // as a person would name it: an absolute path, or path:NAME
	char *artifact;       // its ID; NULL: a script or a program of the system
	char *version;        // of a script or the command of a folder: another one when its files change; else NULL
	char *store;          // where the artifact is; the hold keeps it from being collected
	spore__texts argv;    // argv[0] is the absolute path that is executed
	spore__texts env;     // NAME=VALUE; the whole environment but for what spore adds
	spore__texts secrets; // names of those of env that are never shown
	spore__texts config;  // KEY=VALUE, for spore_config()
	char *cwd;
	bool control; // give it SPORE_FD
	bool tty;     // a pseudo-terminal as its stdin, stdout and stderr
	enum spore__stdin stdin_from;
	char *stdin_file;
	// The full name of the port that it is wired to; NULL: it is not. The hold waits for it before each start that needs it
	char *wire_stdin, *wire_stdout, *wire_stdio;
	// In its place: it is wired with `tap: true`, to whatever. Pumps carry it
	bool tap_stdin, tap_stdout, tap_stdio;

	// restart
	enum spore__restart restart;
	int64_t restart_delay_ms; // before the first restart in a row; doubles, with jitter
	int64_t restart_max_ms;   // ... up to this
	int64_t restart_limit;    // restarts in a row, then it has failed; 0: no limit
	int64_t restart_reset_ms; // after so long at work the row begins anew

	// stop: the ladder
	bool stop_stdin; // end of file on stdin first
	int64_t stop_signal;
	int64_t stop_grace_ms; // then SIGKILL to all that it started

	// readiness, liveness
	enum spore__ready ready;
	char *ready_address; // HOST:PORT
	spore__texts ready_exec;
	char *ready_log; // POSIX extended regular expression
	int64_t ready_fd;
	int64_t ready_timeout_ms; // 0: it may take for ever; else it is ended as failed
	enum spore__alive alive;
	char *alive_address;
	spore__texts alive_exec;
	int64_t alive_every_ms, alive_timeout_ms, alive_failures;

	// limits, priority, confinement; 0 is none
	int64_t limit_memory, limit_files, limit_processes, limit_core;
	int64_t limit_cpu_milli; // thousandths of a processor
	bool limits_required;    // refuse to start it when one of them cannot be enforced
	int64_t nice;
	char *affinity; // processors, as "0,2-3"; NULL: all
	bool confine;
	bool confine_network;
	spore__texts confine_read, confine_write;

	// log
	int64_t log_bytes; // kept on disk at most, per task
	int64_t log_files; // in so many files
	enum spore__overflow overflow;

	// for the node
	spore__texts after; // "TASK CONDITION", of the same system
	char *every;        // a duration such as 30s, or five fields as of cron; NULL: not periodic
	spore__texts profiles;
	spore__texts ports; // that it declares: "NAME KIND SHAPE PROTOCOL", - for what is not said (task/port.h)
	bool enabled;       // false: defined, but started only by name
};

enum spore__spec_type { SPORE__SPEC_STR, SPORE__SPEC_TEXTS, SPORE__SPEC_INT, SPORE__SPEC_BOOL, SPORE__SPEC_ENUM };

struct spore__spec_field {
	const char *key; // NULL ends the table
	enum spore__spec_type type;
	size_t offset;            // in struct spore__spec
	const char *const *words; // of an enum, by value, NULL-terminated; they travel, not the numbers
	int64_t standard;         // default of an int, bool or enum
	int64_t min, max;         // of an int
	bool live;                // a change needs no new instance
};

// Every field; encoding, decoding, comparison and `inspect` come from it.
extern const struct spore__spec_field spore__spec_fields[];

void spore__spec_init(struct spore__spec *s);   // all defaults
void spore__spec_finish(struct spore__spec *s); // frees what it points to; it is initialised again

// Appends the map to W; the error is in w->err. SHOWN: for people, with "***" as the values of secrets.
void spore__spec_encode(const struct spore__spec *s, struct spore__msgpack_writer *w, bool shown);

// Decodes the map that R stands before into S, which is initialised first; to be finished either way. SPORE_EINVALID,
// SPORE_EMALFORMED, SPORE_ETOOBIG, SPORE_ENOMEM: WHY (may be NULL) says what is wrong, naming the field.
enum spore_err spore__spec_decode(struct spore__msgpack_reader r, struct spore__spec *s, char *why, size_t size);

// Calls FN(ARG, field) for each field in which A and B differ.
void spore__spec_compare(const struct spore__spec *a, const struct spore__spec *b,
                         void (*fn)(void *arg, const struct spore__spec_field *field), void *arg);

// Moves the fields that are `live` from FROM to S; FROM, still to be finished, gets those of S.
void spore__spec_take_live(struct spore__spec *s, struct spore__spec *from);

// May it be the name of a system or task? A letter or digit, then letters, digits, `_` and `-`.
bool spore__name_is_valid(const char *name);

// The full name in OUT: [SYSTEM/]TASK[@REPLICA].
void spore__spec_name(const struct spore__spec *s, char *out, size_t size);

#endif
