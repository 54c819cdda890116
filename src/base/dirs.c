#include "base/dirs.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fs.h"
#include "base/mem.h"
#include "os/os.h"

static const char *absolute(const char *variable)
{
	const char *value = getenv(variable);
	if (value == NULL || value[0] == '\0')
		return NULL;
	if (value[0] != '/')
		spore__die(SPORE__EXIT_SPORE, "set it to an absolute path, or unset it",
		           "%s: '%s' is not an absolute path", variable, value);
	return value;
}

static char *from_environment(const char *own, const char *xdg, const char *below_home)
{
	const char *value = absolute(own);
	if (value != NULL)
		return spore__xstrdup(value);
	value = absolute(xdg);
	if (value != NULL)
		return spore__xasprintf("%s/spore", value);
	value = absolute("HOME");
	if (value == NULL)
		spore__die(SPORE__EXIT_SPORE, "set HOME, or name the folder itself in the variable",
		           "no place to keep things: HOME, %s and %s are not set", xdg, own);
	return spore__xasprintf("%s/%s/spore", value, below_home);
}

char *spore__dirs_store(void)
{
	return from_environment("SPORE_STORE", "XDG_CACHE_HOME", ".cache");
}

char *spore__dirs_state(void)
{
	return from_environment("SPORE_STATE", "XDG_STATE_HOME", ".local/state");
}

char *spore__dirs_runtime(void)
{
	const char *value = absolute("SPORE_RUNTIME");
	if (value != NULL)
		return spore__xstrdup(value);
	value = absolute("XDG_RUNTIME_DIR");
	// A login session that ended, or one of another user after su, leaves the variable naming a folder that is no use.
	if (value != NULL && spore__fs_is_dir(value) && access(value, W_OK | X_OK) == 0)
		return spore__xasprintf("%s/spore", value);
	return spore__xasprintf("/tmp/spore-%lu", (unsigned long)getuid());
}

char *spore__dirs_libexec(void)
{
	const char *value = absolute("SPORE_LIBEXEC");
	if (value != NULL)
		return spore__xstrdup(value);
	char *self = spore__os_self();
	if (self != NULL) {
		char *dir = spore__fs_dir(self);
		char *sibling = spore__fs_join(dir, "spore-build");
		bool beside = access(sibling, X_OK) == 0;
		free(sibling);
		free(self);
		if (beside)
			return dir;
		free(dir);
	}
	return spore__xstrdup(SPORE__LIBEXEC);
}
