// What a confined task sees, and on which processors it runs: from its specification, for its hold and for `spore exec`.
#ifndef SPORE_TASK_CONFINE_H
#define SPORE_TASK_CONFINE_H

#include <limits.h>

#include "os/os.h"
#include "task/spec.h"

struct spore__task_confine {
	struct spore__confine confine;
	const char **read, **write; // malloc'ed
	char artifact[PATH_MAX];
	char ports[PATH_MAX];
};
// Of a confined task S, whose hold has the folder FOLDER. -1 with errno; ENOTSUP: this kernel cannot. To be finished either way.
int spore__confine_make(const struct spore__spec *s, const char *folder, struct spore__task_confine *c);
void spore__confine_finish(struct spore__task_confine *c);

// Numbers as "0,2-3". False: they are none.
bool spore__confine_cpus(const char *text, struct spore__cpus *cpus);

#endif
