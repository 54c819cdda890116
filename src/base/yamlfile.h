// YAML that people write, read with libyaml: everything that is wrong with a file is collected with its place, and what YAML itself
// takes for something else than it looks like (on, no, 1.10) is refused with the remedy. For the tools: memory is spore__xmalloc's.
#ifndef SPORE_BASE_YAMLFILE_H
#define SPORE_BASE_YAMLFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <yaml.h>

#include "base/buf.h"

enum {
	SPORE__YAML_TEXT = 8 << 20,       // bytes of a file at most
	SPORE__YAML_DEPTH = 64,           // lists and maps in each other
	SPORE__YAML_ANCHORS = 1000,       // names for aliases
	SPORE__YAML_VISITS = 1000 * 1000, // nodes looked at, each as often as aliases lead to it
	SPORE__YAML_FINDINGS = 100,       // further ones are not kept
};

struct spore__finding {
	size_t line, column; // from 1
	bool note;           // worth saying, not wrong
	char *text;
};

struct spore__yaml {
	const char *file; // for messages; the caller's
	yaml_document_t document;
	bool loaded;
	struct spore__finding *findings; // as they were found
	size_t count, cap;
	size_t errors; // without notes, and with those that were not kept
	size_t visits;
};

// Parses TEXT. False when it is no YAML, and the finding says why. To be finished either way.
bool spore__yaml_load(struct spore__yaml *y, const char *file, const char *text, size_t len);
void spore__yaml_finish(struct spore__yaml *y);

// The outermost value; NULL when the file is empty.
const yaml_node_t *spore__yaml_root(struct spore__yaml *y);

// Adds a finding. `wrong` returns false, so that it can be returned.
bool spore__yaml_wrong(struct spore__yaml *y, yaml_mark_t mark, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void spore__yaml_note(struct spore__yaml *y, yaml_mark_t mark, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

// "FILE:LINE:COLUMN: TEXT" of the first error that was found, malloc'ed; NULL when there was none.
char *spore__yaml_first(const struct spore__yaml *y);
// By place in the file.
void spore__yaml_sort(struct spore__yaml *y);

// "a single value", "a list", "a map".
const char *spore__yaml_kind(const yaml_node_t *node);

// What YAML 1.1 makes of the unquoted word VALUE that looks like text: "a truth value", "a number"; NULL when it is text.
const char *spore__yaml_trap(const char *value);

// A scalar as it was written, traps included; WHAT it is, for messages: "args". *OUT points into the document.
bool spore__yaml_scalar(struct spore__yaml *y, const yaml_node_t *node, const char *what, const char **out);
// Text: a scalar that is no trap.
bool spore__yaml_string(struct spore__yaml *y, const yaml_node_t *node, const char *what, const char **out);
// A list of text, appended to OUT.
bool spore__yaml_strings(struct spore__yaml *y, const yaml_node_t *node, const char *what, struct spore__strs *out);

// Calls FN for each pair of a map, in its order; keys are text, and none is there twice. False when anything was wrong, or FN said so;
// the rest is looked at all the same.
typedef bool spore__yaml_pair_fn(void *arg, const char *key, const yaml_node_t *key_node, const yaml_node_t *value);
bool spore__yaml_pairs(struct spore__yaml *y, const yaml_node_t *map, const char *what, spore__yaml_pair_fn *fn,
                       void *arg);

// Calls FN for each item of a list, as above.
typedef bool spore__yaml_item_fn(void *arg, const yaml_node_t *item);
bool spore__yaml_items(struct spore__yaml *y, const yaml_node_t *list, const char *what, spore__yaml_item_fn *fn,
                       void *arg);

// The finding for the key NAME that WHAT ("recipe") does not have: with the nearest of the NULL-terminated KNOWN, or all of them.
bool spore__yaml_unknown(struct spore__yaml *y, yaml_mark_t mark, const char *what, const char *name,
                         const char *const *known);

#endif
