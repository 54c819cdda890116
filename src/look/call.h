// The parts of `spore call`: what is written and what is read.
#ifndef SPORE_LOOK_CALL_H
#define SPORE_LOOK_CALL_H

#include <stdbool.h>

#include "msgpack.h"

// Appends the parameters that OPERANDS (ended by NULL) say: an array or a map. Reports and ends the process when they make no sense.
void spore__call_params(struct spore__msgpack_writer *w, char *const *operands);

// Prints the value that R stands before as JSON, with KEY (may be NULL) as the only member of an object, and a newline.
void spore__call_print(struct spore__msgpack_reader r, const char *key);
// Prints what `$/describe` answered, for people.
void spore__call_print_methods(struct spore__msgpack_reader r);
// Of the maps in the list NAME of the map at R: their names, each on a line. PROTOCOLS: only those that are ports for calls.
void spore__call_print_names(struct spore__msgpack_reader r, const char *name, bool protocols);
// Reports an error of METHOD, for people or (JSON) on standard output. DATA may be empty.
void spore__call_print_error(const char *method, bool json, int64_t code, const char *text, size_t len,
                             struct spore__msgpack_reader data);

#endif
