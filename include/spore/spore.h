// libspore: what a program may use to take part in spore. Every function works the same under a hold (SPORE_FD), in a plain
// terminal and as a service of systemd; the program needs no code for the difference.
//
//	#include <spore/spore.h>
//
//	int main(void)
//	{
//		spore_ready();
//		while (!spore_stop_requested())
//			spore_log(SPORE_INFO, "working", spore_int("round", 1));
//	}
//
// Threads: every function may be called from any thread, none from a signal handler. A child made by fork is not the program any
// more: it logs to standard error, and what it says about readiness and status goes nowhere.
// Beside the one of spore_stop_callback there is a thread of the library's own once a port is open (spore/chan.h).
// No function ends the program, raises SIGPIPE or prints anything but log records (and the trace: SPORE_TRACE=1).
#ifndef SPORE_SPORE_H
#define SPORE_SPORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define SPORE_EXPORT __attribute__((visibility("default")))
#define SPORE_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define SPORE_EXPORT
#define SPORE_PRINTF(fmt, args)
#endif

#ifdef __cplusplus
extern "C" {
#endif

// Errors. The numbers never change: they travel to other languages and machines.
enum spore_err {
	SPORE_OK = 0,
	SPORE_EINVALID = 1,      // an argument or a parameter makes no sense
	SPORE_ENOMEM = 2,        // out of memory; nothing else happened
	SPORE_ETIMEOUT = 3,      // the deadline passed
	SPORE_ECLOSED = 4,       // the other side is gone
	SPORE_ETOOBIG = 5,       // over a limit on size
	SPORE_ETOODEEP = 6,      // over a limit on nesting
	SPORE_EMALFORMED = 7,    // bytes that are not what they should be
	SPORE_EVERSION = 8,      // the other side speaks another major version
	SPORE_EBUSY = 9,         // too much at once: try again later
	SPORE_ENOTFOUND = 10,    // no such thing
	SPORE_EEXISTS = 11,      // it is there already
	SPORE_EDENIED = 12,      // not allowed
	SPORE_ECANCELLED = 13,   // stopped at the caller's wish
	SPORE_EUNSUPPORTED = 14, // not on this machine, or not in this version
	SPORE_ESYSTEM = 15,      // the operating system said no; errno tells more where there is one
	SPORE_EAGAIN = 16,       // not yet: more bytes are needed
	SPORE_ERETURNED = 17,    // the other side is here again, or another one
	SPORE_EEND = 18,         // the other side has said all that it wanted to say
	SPORE_ENOTWIRED = 19,    // a port without a peer
	SPORE_EREMOTE = 20,      // the other side answered with an error of its own (spore/rpc.h)
};

// A short text for E, "unknown error" for a number that is none. Static.
SPORE_EXPORT const char *spore_err_text(enum spore_err e);

// The version of the library that runs, as "0.1.0". Static.
SPORE_EXPORT const char *spore_version(void);

// ---- log

enum spore_level {
	SPORE_DEBUG = 1, // outside spore shown only with SPORE_LOG=debug
	SPORE_INFO = 2,
	SPORE_WARN = 3,
	SPORE_ERROR = 4,
};

enum spore_kind {
	SPORE_KIND_NONE = 0,
	SPORE_KIND_STR = 1,
	SPORE_KIND_INT = 2,
	SPORE_KIND_UINT = 3,
	SPORE_KIND_FLOAT = 4,
	SPORE_KIND_BOOL = 5,
	SPORE_KIND_BYTES = 6,
};

// A named value in a record. Borrows what it points to, for the call only.
struct spore_field {
	const char *key;
	enum spore_kind kind;
	union {
		struct {
			const void *data; // SPORE_KIND_STR and SPORE_KIND_BYTES
			size_t len;       // SPORE_KIND_STR: (size_t)-1 means up to the NUL
		} str;
		int64_t i;
		uint64_t u;
		double f;
		bool b;
	} value;
};

// Writes one record: a message and COUNT fields (at most 64; more are cut off, as is what is over 60 KiB).
//
// Under a hold this waits while the hold is behind (back-pressure, so that no record is lost), but for at most five seconds
// without progress: from then on records are dropped and counted until the hold reads again, which gets the count first. When the
// hold is gone, and outside spore, the record is one line on standard error.
SPORE_EXPORT void spore_log_record(enum spore_level level, const char *message, const struct spore_field *fields,
                                   size_t count);

// The same with the fields as arguments: spore_log(SPORE_INFO, "listening", spore_int("port", 80), spore_str("host", h));
#define spore_log(level, ...) spore_log_list(level, __VA_ARGS__, spore_no_field())
// For spore_log: fields (struct spore_field by value) up to spore_no_field().
SPORE_EXPORT void spore_log_list(enum spore_level level, const char *message, ...);

// The same with a message as of printf (4095 bytes at most), without fields.
SPORE_EXPORT void spore_logf(enum spore_level level, const char *format, ...) SPORE_PRINTF(2, 3);

static inline struct spore_field spore_no_field(void)
{
	struct spore_field f;
	f.key = NULL;
	f.kind = SPORE_KIND_NONE;
	f.value.u = 0;
	return f;
}

static inline struct spore_field spore_str(const char *key, const char *value) // VALUE may be NULL
{
	struct spore_field f;
	f.key = key;
	f.kind = SPORE_KIND_STR;
	f.value.str.data = value != NULL ? value : "";
	f.value.str.len = (size_t)-1;
	return f;
}

static inline struct spore_field spore_bytes(const char *key, const void *data, size_t len)
{
	struct spore_field f;
	f.key = key;
	f.kind = SPORE_KIND_BYTES;
	f.value.str.data = data;
	f.value.str.len = len;
	return f;
}

static inline struct spore_field spore_int(const char *key, int64_t value)
{
	struct spore_field f;
	f.key = key;
	f.kind = SPORE_KIND_INT;
	f.value.i = value;
	return f;
}

static inline struct spore_field spore_uint(const char *key, uint64_t value)
{
	struct spore_field f;
	f.key = key;
	f.kind = SPORE_KIND_UINT;
	f.value.u = value;
	return f;
}

static inline struct spore_field spore_float(const char *key, double value)
{
	struct spore_field f;
	f.key = key;
	f.kind = SPORE_KIND_FLOAT;
	f.value.f = value;
	return f;
}

static inline struct spore_field spore_bool(const char *key, bool value)
{
	struct spore_field f;
	f.key = key;
	f.kind = SPORE_KIND_BOOL;
	f.value.b = value;
	return f;
}

// ---- stop
//
// The stop request is, whichever comes first: the hold's message, the end of the hold, SIGINT or SIGTERM. It comes once and stays.
// The first call of a function of this part takes SIGINT and SIGTERM over where they have their default action (a handler of the
// program's own and an ignored signal are left alone; calls that wait are interrupted with EINTR); a second signal ends the program at once
// (one within 0.2 seconds of the first is taken for the same).

// Has the program been asked to stop? Does not block, but the first true answer says spore_stopping().
SPORE_EXPORT bool spore_stop_requested(void);

// A descriptor for poll: when it is readable call spore_stop_requested(). It may become readable for other reasons, which that
// call consumes; once a stop was requested it stays readable. Do not read, write or close it: it is the library's. A program that closes
// every descriptor it does not know (closefrom) asks for it afterwards, or again: it is another one then, which tells of signals alone, as
// its hold cannot be heard any more.
// -1 when descriptors ran out (then the functions beside it work all the same).
SPORE_EXPORT int spore_stop_fd(void);

// Calls FN(ARG) once, when a stop is requested, on a thread that the library starts for this and that blocks all signals. Replaces an
// earlier callback that was not called yet; FN NULL removes it. When FN is set after the request it is called at once, on that thread.
SPORE_EXPORT enum spore_err spore_stop_callback(void (*fn)(void *arg), void *arg);

// Waits for a stop request, TIMEOUT_MS at most (-1: for ever). True when there is one.
SPORE_EXPORT bool spore_stop_wait(int timeout_ms);

// ---- state

// Says that the program does its work from now on. Further calls change nothing. Waits for a busy hold as spore_log does.
SPORE_EXPORT void spore_ready(void);

// Says in a few words what the program is doing ("12 clients"); the last text counts. NULL is "".
SPORE_EXPORT void spore_status(const char *text);

// Says that the program is on its way down. Done by itself when it takes note of a stop request (spore_stop_requested() is true).
SPORE_EXPORT void spore_stopping(void);

// ---- configuration

// The configuration value named KEY: what the task states, else the environment variable SPORE_CONFIG_KEY (KEY in capitals, each
// character that is no letter or digit replaced by _), else FALLBACK, which may be NULL. The string stays valid while the program runs,
// unless it changes that variable. The first call under a hold may wait for it, five seconds at most.
SPORE_EXPORT const char *spore_config(const char *key, const char *fallback);

#ifdef __cplusplus
}
#endif

#endif
