#include "bridge/start.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/os.h"

// [[name, spec, how, serves, reads, writes, count, ended], [...], state, record]
enum { ITEMS = 4, END_ITEMS = 8 };

void spore__bridge_start_encode(const struct spore__bridge_start *s, struct spore__msgpack_writer *w)
{
	spore__msgpack_array(w, ITEMS);
	for (int i = 0; i < 2; i++) {
		const struct spore__bridge_start_end *e = &s->ends[i];
		spore__msgpack_array(w, END_ITEMS);
		spore__msgpack_str(w, e->name);
		spore__msgpack_str(w, e->spec);
		spore__msgpack_str(w, e->how);
		spore__msgpack_bool(w, e->role == SPORE__CODEC_PEER_SERVES);
		spore__msgpack_bool(w, e->reads);
		spore__msgpack_bool(w, e->writes);
		spore__msgpack_int(w, e->count);
		spore__msgpack_int(w, e->ended);
	}
	spore__msgpack_str(w, s->state);
	spore__msgpack_str(w, s->record);
}

static bool take_text(struct spore__msgpack_reader *r, char *out, size_t size)
{
	const char *text;
	uint32_t len;
	if (spore__msgpack_read_str(r, &text, &len) != SPORE__MSGPACK_OK || len >= size ||
	    memchr(text, '\0', len) != NULL)
		return false;
	memcpy(out, text, len);
	out[len] = '\0';
	return true;
}

static bool take_end(struct spore__msgpack_reader *r, struct spore__bridge_start_end *e)
{
	uint32_t items;
	bool serves;
	int64_t count;
	if (spore__msgpack_read_array(r, &items) != SPORE__MSGPACK_OK || items != END_ITEMS ||
	    !take_text(r, e->name, sizeof e->name) || !take_text(r, e->spec, sizeof e->spec) ||
	    !take_text(r, e->how, sizeof e->how) || spore__msgpack_read_bool(r, &serves) != SPORE__MSGPACK_OK ||
	    spore__msgpack_read_bool(r, &e->reads) != SPORE__MSGPACK_OK ||
	    spore__msgpack_read_bool(r, &e->writes) != SPORE__MSGPACK_OK ||
	    spore__msgpack_read_int(r, &count) != SPORE__MSGPACK_OK || count < 1 || count > SPORE__BRIDGE_FDS ||
	    spore__msgpack_read_int(r, &e->ended) != SPORE__MSGPACK_OK)
		return false;
	e->role = serves ? SPORE__CODEC_PEER_SERVES : SPORE__CODEC_PEER_CALLS;
	e->count = (int)count;
	return true;
}

bool spore__bridge_start_decode(struct spore__bridge_start *s, const void *bytes, size_t len)
{
	struct spore__msgpack_reader r = spore__msgpack_reader(bytes, len);
	uint32_t items;
	*s = (struct spore__bridge_start){0};
	return spore__msgpack_check(bytes, len) == SPORE__MSGPACK_OK &&
	       spore__msgpack_read_array(&r, &items) == SPORE__MSGPACK_OK && items == ITEMS &&
	       take_end(&r, &s->ends[0]) && take_end(&r, &s->ends[1]) && take_text(&r, s->state, sizeof s->state) &&
	       take_text(&r, s->record, sizeof s->record);
}

bool spore__bridge_record_read(const char *folder, uint64_t serial, struct spore__bridge_record *out)
{
	char path[PATH_MAX];
	if ((size_t)snprintf(path, sizeof path, "%s/bridge-%" PRIu64, folder, serial) >= sizeof path)
		return false;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return false;
	// A bridge that was killed leaves the file, and no lock.
	bool alive = spore__os_lock(fd, false, false) != 0;
	bool good =
	    alive && pread(fd, out, sizeof *out, 0) == (ssize_t)sizeof *out && out->magic == SPORE__BRIDGE_MAGIC;
	close(fd);
	return good;
}

void spore__bridge_record_told(const char *folder, uint64_t serial, int side, int64_t ended)
{
	char path[PATH_MAX];
	if ((size_t)snprintf(path, sizeof path, "%s/bridge-%" PRIu64, folder, serial) >= sizeof path)
		return;
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return;
	const off_t at = (off_t)(offsetof(struct spore__bridge_record, told) + (size_t)side * sizeof ended);
	(void)!pwrite(fd, &ended, sizeof ended, at); // else it is told once more
	close(fd);
}
