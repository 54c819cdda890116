// Files of the store that others may have written, and binaries that a build made; the first byte says which. They are given as
// files, since that is what is read.
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "source/diagnose.h"
#include "source/hash.h"
#include "source/inputs.h"
#include "source/notes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char place[] = "/tmp/spore-fuzz-XXXXXX";

static void remove_folder(void)
{
	char command[sizeof place + 16];
	(void)snprintf(command, sizeof command, "rm -rf '%s'", place);
	if (system(command) != 0)
		perror(command);
}

static char *folder(void)
{
	static char *made;
	if (made == NULL) {
		made = mkdtemp(place);
		if (made == NULL || atexit(remove_folder) != 0)
			abort();
	}
	return made;
}

static char *put(const char *name, const uint8_t *data, size_t size)
{
	char *path = spore__fs_join(folder(), name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || spore__fs_write_all(fd, data, size) != 0)
		abort();
	close(fd);
	return path;
}

static void take(char *path)
{
	(void)unlink(path);
	free(path);
}

static void hashes(const uint8_t *data, size_t size)
{
	char *path = put("hashes", data, size);
	struct spore__hashcache *cache = spore__hashcache_create(folder());
	struct spore__hash hash;
	(void)spore__hash_file(cache, path, &hash, NULL);
	spore__hashcache_destroy(cache);
	take(path);
}

// A trace that tools wrote, into what earlier ones gave.
static void trace(const uint8_t *data, size_t size)
{
	static const char *const own[] = {"/own", NULL};
	size_t half = size / 2;
	char *path = put("trace", data, half), *all = put("traced", data + half, size - half);
	if (spore__inputs_trace_merge(path, own, all) != 0)
		abort();
	struct spore__buf once = {0}, twice = {0};
	if (spore__fs_read(all, &once) != 0 || spore__inputs_trace_merge(path, own, all) != 0 ||
	    spore__fs_read(all, &twice) != 0)
		abort();
	if (once.len != twice.len || (once.len > 0 && memcmp(once.data, twice.data, once.len) != 0))
		abort(); // the same again adds nothing
	spore__buf_finish(&once);
	spore__buf_finish(&twice);
	take(path);
	take(all);
}

static void binary(const uint8_t *data, size_t size)
{
	char *path = put("binary", data, size);
	(void)spore__programs_is_elf(path);
	(void)spore__symbols_defines(path, "main");
	take(path);
}

static void notes(const uint8_t *data, size_t size)
{
	char *path = put("notes", data, size);
	struct spore__strategy strategy;
	if (spore__notes_read(folder(), "key", &strategy)) {
		if (strategy.ops == NULL || strategy.sub == NULL || strategy.file == NULL)
			abort();
		free(spore__strategy_describe(&strategy));
		spore__strategy_finish(&strategy);
	}
	take(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const kinds[])(const uint8_t *data, size_t size) = {hashes, trace, binary, notes};
	if (size > 0)
		kinds[data[0] % (sizeof kinds / sizeof *kinds)](data + 1, size - 1);
	return 0;
}
