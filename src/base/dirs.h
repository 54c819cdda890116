// Where spore keeps things, from the environment; every path is absolute and malloc'ed, the folder itself may not exist yet.
// A relative or missing HOME and XDG variable is refused with spore__die.
#ifndef SPORE_BASE_DIRS_H
#define SPORE_BASE_DIRS_H

char *spore__dirs_store(void); // $SPORE_STORE, else $XDG_CACHE_HOME/spore, else ~/.cache/spore
char *spore__dirs_state(void); // $SPORE_STATE, else $XDG_STATE_HOME/spore, else ~/.local/state/spore
char *spore__dirs_runtime(
    void); // $SPORE_RUNTIME, else $XDG_RUNTIME_DIR/spore, else /tmp/spore-UID (made 0700 and checked by the node)
// The folder of spore's other programs (spore-build, spore-node), found from the running program: beside it in a build
// folder, else the installed libexec folder; $SPORE_LIBEXEC overrides it. Never NULL.
char *spore__dirs_libexec(void);

#endif
