// The one description of a manifest's keys. Parsing, messages, the JSON schema and spore-manifest(7) come from it.
#ifndef SPORE_SYSTEM_SCHEMA_H
#define SPORE_SYSTEM_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "task/spec.h"

enum spore__schema_type {
	SPORE__SCHEMA_VERSION,   // the number 1
	SPORE__SCHEMA_NAME,      // a name of letters, digits, _ and -
	SPORE__SCHEMA_NAMES,     // a list of them
	SPORE__SCHEMA_TEXT,      // text; as all below that become text, with ${NAME} replaced
	SPORE__SCHEMA_PATH,      // a path, relative to the manifest's folder
	SPORE__SCHEMA_PATHS,     // a path or a list of them
	SPORE__SCHEMA_SOURCE,    // a source: a path, or path:NAME
	SPORE__SCHEMA_TEXTS,     // a list of text
	SPORE__SCHEMA_COMMAND,   // a line for sh, or a list of words
	SPORE__SCHEMA_BOOL,      // true or false
	SPORE__SCHEMA_TRUE,      // only true: there to choose
	SPORE__SCHEMA_WORD,      // one of words
	SPORE__SCHEMA_INT,       // within the limits of the specification's field
	SPORE__SCHEMA_COUNT,     // 1 and more, at most SPORE__REPLICAS_MAX
	SPORE__SCHEMA_SIZE,      // 512M
	SPORE__SCHEMA_DURATION,  // 5s
	SPORE__SCHEMA_CPU,       // 1.5
	SPORE__SCHEMA_SIGNAL,    // TERM
	SPORE__SCHEMA_ADDRESS,   // 8080, HOST:8080
	SPORE__SCHEMA_PATTERN,   // an extended regular expression
	SPORE__SCHEMA_CPUS,      // 0,2-3
	SPORE__SCHEMA_EVERY,     // 30s, "0 4 * * *"
	SPORE__SCHEMA_VARIABLES, // a map of names to text
	SPORE__SCHEMA_SECRETS,   // a map of names to maps of `keys`
	SPORE__SCHEMA_AFTER,     // a map of tasks to `words`, or a list of tasks
	SPORE__SCHEMA_MAP,       // a map of `keys`; with words: or one of them; with a bool field: or true, false
	SPORE__SCHEMA_MAPS,      // a map of names to maps of `keys`
	SPORE__SCHEMA_WIRES,     // a list of "A.PORT -> B.PORT", or maps of `keys`
	SPORE__SCHEMA_RECIPE,    // src/source/recipe.h
};

struct spore__schema_key {
	const char *name; // NULL ends a list
	enum spore__schema_type type;
	const char *spec; // key of the field of struct spore__spec that it is kept in; NULL: handled by name
	const char *sets; // word that the field of the map around it becomes; a map has one key with this at most
	const struct spore__schema_key *keys;
	const char *const *words; // NULL-terminated
	const char *standard;     // what holds when it is left out, where the field does not say
	bool required;
	const char *help; // a sentence without a full stop
};

extern const struct spore__schema_key spore__schema_top[];

// What a value of KEY looks like, for messages and the manual: "a duration, such as 5s, 200ms or 1h". Malloc'ed.
char *spore__schema_wanted(const struct spore__schema_key *key);

// The field that KEY is kept in; NULL when there is none.
const struct spore__spec_field *spore__schema_field(const struct spore__schema_key *key);

// What holds when KEY is left out, as one would write it; malloc'ed, NULL when there is nothing to say.
char *spore__schema_standard(const struct spore__schema_key *key);

// The JSON schema (draft 2020-12) of a manifest.
void spore__schema_json(struct spore__buf *out);

// The section of the keys, in scdoc's language.
void spore__schema_man(struct spore__buf *out);

#endif
