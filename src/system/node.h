// Answers of the node's that several commands read.
#ifndef SPORE_SYSTEM_NODE_H
#define SPORE_SYSTEM_NODE_H

#include "base/buf.h"
#include "node/tasks_client.h"
#include "system/command.h"

// The text KEY of the map MAP, malloc'ed; "" when it has none.
char *spore__answer_text(const struct spore__msgpack_reader *map, const char *key);
// The list of texts KEY, appended to OUT.
void spore__answer_texts(const struct spore__msgpack_reader *map, const char *key, struct spore__strs *out);
// Whether KEY is true. False where there is none.
bool spore__answer_flag(const struct spore__msgpack_reader *map, const char *key);
// The answer as a line of JSON on standard output.
void spore__answer_print(const struct spore__msgpack_reader *map);

#endif
