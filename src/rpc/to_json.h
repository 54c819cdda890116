// What an rpc peer said, as JSON for people and other programs.
#ifndef SPORE_RPC_TO_JSON_H
#define SPORE_RPC_TO_JSON_H

#include "base/json.h"
#include "msgpack.h"

// Writes the value that R stands before as the member KEY (NULL: none) and moves R behind it. Binary data and extensions become strings, a key
// of a map that is no string its digits or "?". False, with null written, when it is malformed.
bool spore__rpc_to_json(struct spore__msgpack_reader *r, struct spore__json *j, const char *key);

#endif
