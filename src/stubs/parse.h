// Inside of the parser: what parse.c, notes.c and shape.c share.
#ifndef SPORE_STUBS_PARSE_H
#define SPORE_STUBS_PARSE_H

#include <clang-c/Index.h>

#include "stubs/model.h"

struct spore__stub_reader {
	struct spore__stub_model *m;
	CXTranslationUnit unit;
	const char *what; // what is being read, for messages: a function or a structure
	bool failed;      // it cannot be carried
};

// What a comment says where C says too little: /* spore: out len=n */
struct spore__stub_notes {
	bool in, out, inout, text, bytes, one, given, lent, null, skip, value;
	char *length; // may be NULL, as is
	char *method;
};

// A declaration and what is said about it.
struct spore__stub_item {
	CXCursor cursor;
	CXType type;
	char *name;
	struct spore__stub_notes notes;
	char *help;              // may be NULL
	unsigned from, to, line; // offsets in the file; the line it ends in
	bool used;
};

// Says what is wrong at CURSOR, and what helps.
void spore__stub_refuse(struct spore__stub_reader *r, CXCursor cursor, const char *remedy, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

// The words behind "spore:" in COMMENT; false: one of them is unknown, and R has failed.
bool spore__stub_notes_read(struct spore__stub_reader *r, CXCursor cursor, const char *comment,
                            struct spore__stub_notes *notes);
// Gives each comment within WHOLE to the item that it is about.
void spore__stub_notes_find(struct spore__stub_reader *r, CXCursor whole, struct spore__stub_item *items, size_t count);
// A comment as a sentence or two; malloc'ed, NULL when nothing is left.
char *spore__stub_help(const char *comment);

char *spore__stub_string(CXString s);    // malloc'ed, disposes of S
char *spore__stub_spelling(CXType type); // without const in front
struct spore__stub_item spore__stub_item(struct spore__stub_reader *r, CXCursor cursor, const char *instead);

// Makes slots of ITEMS, the members of a structure or the parameters of a callback: only what is passed in. False: refused.
bool spore__stub_members(struct spore__stub_reader *r, struct spore__stub_item *items, size_t count,
                         struct spore__stub_slot **slots, size_t *slot_count);
// The slot of items[*at], and of those that belong to it (their length), which become `used`. LENGTH: the index of its length, or COUNT.
bool spore__stub_shape(struct spore__stub_reader *r, struct spore__stub_item *items, size_t count, size_t at,
                       struct spore__stub_slot *slot, size_t *length);
// What a function returns; a length may be among ITEMS.
bool spore__stub_result(struct spore__stub_reader *r, CXCursor function, CXType type,
                        const struct spore__stub_notes *notes, struct spore__stub_item *items, size_t count,
                        struct spore__stub_slot *slot, size_t *length);
#endif
