// What a confined task sees: the system, its own program, source and folder, and what it was given. Not the home folder, not the state folder
// with other tasks and the node's socket.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/os.h"
#include "task/confine.h"

// Of /proc only what is about all: the environments of other tasks are there too, and Landlock does not keep from reading these.
static const char *const system_folders[] = {
    "/usr",           "/bin",
    "/sbin",          "/lib",
    "/lib32",         "/lib64",
    "/libx32",        "/etc",
    "/opt",           "/proc/cpuinfo",
    "/proc/meminfo",  "/proc/stat",
    "/proc/loadavg",  "/proc/uptime",
    "/proc/version",  "/proc/filesystems",
    "/proc/sys",      "/nix/store",
    "/gnu/store",     "/dev/zero",
    "/dev/full",      "/dev/random",
    "/dev/urandom",   "/sys/devices/system/cpu",
    "/sys/fs/cgroup", "/run/systemd/resolve",
};

static size_t count_of(const spore__texts texts)
{
	size_t n = 0;
	while (texts != NULL && texts[n] != NULL)
		n++;
	return n;
}

static size_t copy_to(const char **to, const spore__texts texts)
{
	size_t n = count_of(texts);
	for (size_t i = 0; i < n; i++)
		to[i] = texts[i];
	return n;
}

// A folder that the state folder lies below would show all of it.
static bool shows_state(const char *folder, const char *path)
{
	size_t len = strlen(path);
	while (len > 0 && path[len - 1] == '/')
		len--;
	return strncmp(folder, path, len) == 0 && (folder[len] == '/' || folder[len] == '\0');
}

bool spore__confine_cpus(const char *text, struct spore__cpus *cpus)
{
	*cpus = (struct spore__cpus){0};
	for (const char *at = text;;) {
		char *end;
		if (*at < '0' || *at > '9')
			return false;
		unsigned long first = strtoul(at, &end, 10), last = first;
		if (*end == '-') {
			at = end + 1;
			if (*at < '0' || *at > '9')
				return false;
			last = strtoul(at, &end, 10);
		}
		if (last < first || last >= SPORE__CPUS)
			return false;
		for (unsigned long i = first; i <= last; i++)
			cpus->bits[i / SPORE__CPU_BITS] |= 1UL << (i % SPORE__CPU_BITS);
		if (*end == '\0')
			return true;
		if (*end != ',')
			return false;
		at = end + 1;
	}
}

int spore__confine_make(const struct spore__spec *s, const char *folder, struct spore__task_confine *c)
{
	const size_t system = sizeof system_folders / sizeof system_folders[0];
	*c = (struct spore__task_confine){0};
	if (!spore__os_can_confine()) {
		errno = ENOTSUP;
		return -1;
	}
	c->read = calloc(system + count_of(s->confine_read) + 5, sizeof *c->read);
	c->write = calloc(count_of(s->confine_write) + 2, sizeof *c->write);
	if (c->read == NULL || c->write == NULL)
		return -1;
	memcpy(c->read, system_folders, sizeof system_folders);
	size_t n = system + copy_to(c->read + system, s->confine_read);
	const char *const own[] = {s->argv[0], s->source, s->cwd};
	for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
		if (own[i] != NULL && own[i][0] == '/' && !shows_state(folder, own[i]))
			c->read[n++] = own[i];
	if (s->store != NULL && s->artifact != NULL &&
	    (size_t)snprintf(c->artifact, sizeof c->artifact, "%s/artifacts/%s", s->store, s->artifact) <
	        sizeof c->artifact)
		c->read[n++] = c->artifact;
	n = copy_to(c->write, s->confine_write);
	if ((size_t)snprintf(c->ports, sizeof c->ports, "%s/ports", folder) < sizeof c->ports)
		c->write[n] = c->ports;
	c->confine =
	    (struct spore__confine){.read = c->read, .write = c->write, .self = true, .network = s->confine_network};
	return 0;
}

void spore__confine_finish(struct spore__task_confine *c)
{
	free(c->read);
	free(c->write);
	c->read = c->write = NULL;
}
