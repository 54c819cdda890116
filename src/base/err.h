// How spore's programs report failure: `spore: WHAT: WHY` on standard error, then the remedy on a line of its own.
#ifndef SPORE_BASE_ERR_H
#define SPORE_BASE_ERR_H

#include <stdarg.h>
#include <stddef.h>

// Exit statuses of the command line (docs/design.md, command line).
enum spore__exit {
	SPORE__EXIT_OK = 0,
	SPORE__EXIT_FAILED = 1,         // a check that was asked for found something (`store verify`)
	SPORE__EXIT_USAGE = 2,          // the command line itself is wrong
	SPORE__EXIT_SPORE = 125,        // spore failed: a build, the store, the node
	SPORE__EXIT_NOT_RUNNABLE = 126, // the source is there but nothing in it can be run
	SPORE__EXIT_NO_SOURCE = 127,    // no such source
};

#define SPORE__PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

// Prints `spore: MESSAGE` and, when REMEDY is not NULL, `  REMEDY` on the next line. MESSAGE is WHAT: WHY.
// Writes each report with one write(2), so reports of several processes do not mix.
void spore__report(const char *remedy, const char *fmt, ...) SPORE__PRINTF(2, 3);
void spore__reportv(const char *remedy, const char *fmt, va_list ap);

// spore__report, then exit(STATUS).
_Noreturn void spore__die(enum spore__exit status, const char *remedy, const char *fmt, ...) SPORE__PRINTF(3, 4);

#endif
