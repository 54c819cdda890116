// Variables in text: the one rule of manifests and environment files.
#ifndef SPORE_SYSTEM_EXPAND_H
#define SPORE_SYSTEM_EXPAND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

// The value of the variable NAME, or NULL when it is not set; valid until the next call.
typedef const char *spore__variable_fn(void *arg, const char *name);

// Appends TEXT to OUT with ${NAME} replaced by the variable's value, and ${NAME:-WORDS} by it or, when it is not set or empty, by WORDS (no } in
// them). $${ is a plain ${, and any other $ is left as it is. False with *WHY, malloc'ed, when a variable is not set or a brace
// not closed.
bool spore__expand(const char *text, spore__variable_fn *variable, void *arg, struct spore__buf *out, char **why);

// As the whole of a variable's name: a letter or _, then letters, digits and _.
bool spore__is_variable_name(const char *name, size_t len);

// Reads an environment file: lines NAME=VALUE, perhaps after `export`; empty lines and lines that begin with # say nothing. VALUE is one
// word of a shell: '...' as it is, "..." and no quotes with \ before a character that is meant as such, and expanded as above with
// the lines before, then VARIABLE. Appends NAME=VALUE to OUT. False with *WHY, "FILE:LINE: what is wrong", malloc'ed.
bool spore__envfile_parse(const char *file, const char *text, size_t len, spore__variable_fn *variable, void *arg,
                          struct spore__strs *out, char **why);

// The value of NAME among NAME=VALUE, the last one first; NULL.
const char *spore__env_find(const struct spore__strs *env, const char *name);

#endif
