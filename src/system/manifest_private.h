// What the files of the parser share.
#ifndef SPORE_SYSTEM_MANIFEST_PRIVATE_H
#define SPORE_SYSTEM_MANIFEST_PRIVATE_H

#include "system/manifest.h"
#include "system/schema.h"

struct spore__taking {
	struct spore__manifest *m;
	struct spore__yaml *y;
	const struct spore__manifest_world *world;
	struct spore__manifest_task *task; // NULL at the top
	// The map that is being read, for keys that are no field of the specification.
	void *object;
	bool (*other)(struct spore__taking *t, const struct spore__schema_key *key, const yaml_node_t *node);
};

// Reads a map of KEYS. AROUND is its own key, or NULL; WHAT it is, for messages. False when anything in it is wrong; all of it is
// looked at.
bool spore__take_keys(struct spore__taking *t, const yaml_node_t *node, const char *what,
                      const struct spore__schema_key *around, const struct spore__schema_key *keys);

// Text with its variables replaced, malloc'ed; NULL: wrong, and told. SCALAR: numbers and words are as welcome as text.
char *spore__take_text(struct spore__taking *t, const yaml_node_t *node, const char *what, bool scalar);

// The value of KEY, with the words of the table in messages: "grace must be a duration, ...".
bool spore__take_wrong(struct spore__taking *t, const struct spore__schema_key *key, const yaml_node_t *node,
                       const char *value);

// Each adds what the value of a key of its type says to OUT.
bool spore__take_texts(struct spore__taking *t, const yaml_node_t *node, const char *what, struct spore__strs *out);
bool spore__take_paths(struct spore__taking *t, const yaml_node_t *node, const char *what, struct spore__strs *out);
bool spore__take_bool(struct spore__taking *t, const struct spore__schema_key *key, const yaml_node_t *node, bool *out);
bool spore__take_variables(struct spore__taking *t, const yaml_node_t *node, const char *what, struct spore__strs *out);
// One of key->words, which live as long as the program.
const char *spore__take_word(struct spore__taking *t, const struct spore__schema_key *key, const yaml_node_t *node);

// PATH in the manifest's folder unless it is absolute; malloc'ed.
char *spore__manifest_path(const struct spore__manifest *m, const char *path);

// manifest_task.c, manifest_wire.c, manifest_check.c
bool spore__take_tasks(struct spore__taking *t, const struct spore__schema_key *key, const yaml_node_t *node);
bool spore__take_program_ports(struct spore__taking *t, const struct spore__schema_key *key, const yaml_node_t *node);
bool spore__take_wires(struct spore__taking *t, const struct spore__schema_key *key, const yaml_node_t *node);
void spore__wire_finish(struct spore__manifest_wire *w);
// manifest_listen.c: ADDRESS, whose protocol OUT has already; and the tasks of all listeners.
bool spore__take_listener(struct spore__taking *t, yaml_mark_t mark, const char *address,
                          struct spore__manifest_end *out);
void spore__manifest_listen(struct spore__manifest *m);
// manifest_ports.c: the ports that the folders of its tasks name in a spore.yaml of their own become theirs.
void spore__manifest_inherit(struct spore__manifest *m, const struct spore__manifest_world *world);
const char *spore__manifest_port_shape(
    const struct spore__manifest_port *p); // what it said, else what that means; "" where it goes without
void spore__manifest_check(struct spore__manifest *m, const struct spore__manifest_world *world);
// Is there, at TASK's source, something that can be run? (manifest_source.c)
void spore__manifest_check_source(struct spore__manifest *m, const struct spore__manifest_task *task);

#endif
