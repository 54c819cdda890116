// What a C or C++ file says about its own build, in comments:
//
//	// spore: pkg-config sqlite3 libcurl
//	// spore: libs -lz            /* spore: std c11 */
//
// and what spore needs to know of its text before a compiler sees it.
#ifndef SPORE_SOURCE_DIRECTIVE_H
#define SPORE_SOURCE_DIRECTIVE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

// A header whose functions are called elsewhere, or are called from elsewhere.
struct spore__call_directive {
	bool serves;
	char *header; // relative to the file
	char *port;
};

struct spore__directives {
	struct spore__strs packages; // pkg-config names
	struct spore__strs cflags;
	struct spore__strs libs;    // -lNAME, -L, files
	struct spore__strs sources; // further files, relative to this one
	char *standard;             // -std=; NULL: the compiler's
	char *compiler;             // NULL: gcc or g++
	char *language;             // "c", "c++"; NULL: by the file's name
	struct spore__call_directive *calls;
	size_t call_count;
	struct spore__strs local_includes;  // names in #include "..."
	struct spore__strs system_includes; // names in #include <...>
};

struct spore__directive_key {
	const char *name;
	const char *value;
	const char *help;
};
// The known keys, ended by a NULL name; documentation comes from it.
extern const struct spore__directive_key spore__directive_keys[];

// Reads them from TEXT. False on a mistake, with *ERROR ("line 3: unknown directive 'lib'") and *REMEDY malloc'ed.
bool spore__directives_parse(const char *text, size_t len, struct spore__directives *d, char **error, char **remedy);
void spore__directives_finish(struct spore__directives *d);

#endif
