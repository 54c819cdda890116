// From what a source's program is (source/launch.h) to the specification of a task. For the tools that ask for tasks: memory that
// runs out ends the process.
#ifndef SPORE_TASK_WANTED_H
#define SPORE_TASK_WANTED_H

#include "base/buf.h"
#include "source/launch.h"
#include "task/spec.h"

// Appends NAME=VALUE of those variables of this process that every task gets: HOME, PATH, USER, LOGNAME, SHELL, LANG, LANGUAGE, LC_*, TZ and
// TMPDIR. The rest of an environment is what its task names: a task must not depend on the terminal that it was started from.
void spore__wanted_base_env(struct spore__strs *env);

// Sets NAME=VALUE in ENV, in place of an earlier one of that name.
void spore__wanted_set_env(struct spore__strs *env, const char *pair);

// Copies of the strings, for a member of a specification; NULL when there are none.
spore__texts spore__wanted_texts(const struct spore__strs *strs);

// Sets what L says: source, artifact, version, store, argv, control and env (the base, what the source asks for, then ENV), and cwd: where L has
// none and S has none yet, DIR. The caller keeps L until the node has the specification, so that the artifact stays.
void spore__wanted_from_launch(struct spore__spec *s, const struct spore__launch *l, const struct spore__strs *env,
                               const char *dir);

#endif
