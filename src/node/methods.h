// The tables of methods; each ends with an empty entry. methods.c joins them.
#ifndef SPORE_NODE_METHODS_H
#define SPORE_NODE_METHODS_H

#include "node/node.h"

extern const struct spore__rpc_method spore__start_methods[];     // start_methods.c
extern const struct spore__rpc_method spore__task_methods[];      // task_methods.c
extern const struct spore__rpc_method spore__swap_methods[];      // swap_methods.c
extern const struct spore__rpc_method spore__query_methods[];     // task_queries.c
extern const struct spore__rpc_method spore__system_methods[];    // system_methods.c
extern const struct spore__rpc_method spore__wire_methods[];      // wire_methods.c
extern const struct spore__rpc_method spore__fault_methods[];     // fault_methods.c
extern const struct spore__rpc_method spore__bridged_methods[];   // bridged.c
extern const struct spore__rpc_method spore__wire_list_methods[]; // wire_lists.c

#endif
