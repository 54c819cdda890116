#include "bridge/dead.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static uint64_t hash_of(const char *from, const char *to)
{
	const char *const parts[] = {from, to};
	uint64_t h = UINT64_C(14695981039346656037); // FNV-1a
	for (size_t i = 0; i < 2; i++) {
		for (const char *s = parts[i]; *s != '\0'; s++)
			h = (h ^ (unsigned char)*s) * UINT64_C(1099511628211);
		h = (h ^ '>') * UINT64_C(1099511628211);
	}
	return h;
}

static bool is_whole(int fd, const void *bytes, size_t len, off_t at)
{
	return pwrite(fd, bytes, len, at) == (ssize_t)len;
}

static bool read_head(int fd, struct spore__dead_head *head)
{
	if (pread(fd, head, sizeof *head, 0) != (ssize_t)sizeof *head || head->magic != SPORE__DEAD_MAGIC)
		return false;
	for (int i = 0; i < 2; i++)
		head->names[i][sizeof head->names[i] - 1] = '\0';
	return true;
}

static bool lock(int fd, short type)
{
	struct flock l = {.l_type = type, .l_whence = SEEK_SET};
	int rc;
	while ((rc = fcntl(fd, F_SETLKW, &l)) != 0 && errno == EINTR)
		;
	return rc == 0;
}

static bool begin(int fd, const char *from, const char *to)
{
	struct spore__dead_head head = {.magic = SPORE__DEAD_MAGIC};
	(void)snprintf(head.names[0], sizeof head.names[0], "%s", from);
	(void)snprintf(head.names[1], sizeof head.names[1], "%s", to);
	return ftruncate(fd, 0) == 0 && is_whole(fd, &head, sizeof head, 0) && ftruncate(fd, SPORE__DEAD_HEAD) == 0;
}

int spore__dead_open(const char *state, const char *from, const char *to, bool make)
{
	char path[PATH_MAX];
	struct spore__dead_head there;
	if ((size_t)snprintf(path, sizeof path, "%s/dead", state) + 24 >= sizeof path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (make && mkdir(path, 0700) != 0 && errno != EEXIST)
		return -1;
	(void)snprintf(path + strlen(path), 24, "/%016" PRIx64, hash_of(from, to));
	int fd = open(path, O_RDWR | (make ? O_CREAT : 0) | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -1;
	bool good = lock(fd, F_WRLCK) && (read_head(fd, &there) || (make && begin(fd, from, to)));
	int saved = good ? 0 : errno != 0 ? errno : EINVAL;
	(void)lock(fd, F_UNLCK);
	if (good)
		return fd;
	close(fd);
	errno = saved;
	return -1;
}

static uint32_t entry_magic(void)
{
	return (uint32_t)SPORE__DEAD_MAGIC;
}

static size_t size_of(const struct spore__dead_entry *e)
{
	return sizeof *e + e->reason + e->kept;
}

// Where the next entry goes: behind the last whole one.
static off_t end_of(int fd)
{
	struct spore__dead_entry e;
	struct stat st;
	off_t at = SPORE__DEAD_HEAD;
	if (fstat(fd, &st) != 0)
		return at;
	while (pread(fd, &e, sizeof e, at) == (ssize_t)sizeof e && e.magic == entry_magic() &&
	       at + (off_t)size_of(&e) <= st.st_size)
		at += (off_t)size_of(&e);
	return at;
}

static int park(int fd, struct spore__dead_entry *e, const char *reason, const void *bytes)
{
	struct spore__dead_head head;
	if (!read_head(fd, &head)) {
		errno = EINVAL;
		return -1;
	}
	off_t at = end_of(fd);
	bool room = at + (off_t)size_of(e) <= SPORE__DEAD_FILE;
	e->number = ++head.parked;
	head.unkept += !room;
	// The entry's own head last: without it there is none.
	if (room && ((e->kept > 0 && !is_whole(fd, bytes, e->kept, at + (off_t)sizeof *e + e->reason)) ||
	             (e->reason > 0 && !is_whole(fd, reason, e->reason, at + (off_t)sizeof *e)) ||
	             !is_whole(fd, e, sizeof *e, at)))
		return -1;
	return is_whole(fd, &head, sizeof head, 0) ? 0 : -1;
}

uint64_t spore__dead_park(int fd, const struct spore__dead_message *m)
{
	struct spore__dead_entry e = {.magic = entry_magic(),
	                              .side = (uint8_t)m->side,
	                              .raw = m->raw,
	                              .place = m->place,
	                              .wall_ns = m->wall_ns,
	                              .len = m->len};
	e.kept = (uint32_t)(m->kept < SPORE__DEAD_BYTES ? m->kept : SPORE__DEAD_BYTES);
	e.reason = (uint16_t)strnlen(m->reason, SPORE__DEAD_REASON - 1);
	if (!lock(fd, F_WRLCK))
		return 0;
	int rc = park(fd, &e, m->reason, m->bytes), saved = errno;
	(void)lock(fd, F_UNLCK);
	errno = saved;
	return rc == 0 ? e.number : 0;
}

static bool each(int fd, bool (*fn)(void *arg, struct spore__dead_entry *entry, const char *reason, const void *bytes),
                 void *arg, unsigned char *bytes)
{
	struct spore__dead_entry e;
	off_t end = end_of(fd);
	for (off_t at = SPORE__DEAD_HEAD; at < end; at += (off_t)size_of(&e)) {
		char reason[SPORE__DEAD_REASON];
		if (pread(fd, &e, sizeof e, at) != (ssize_t)sizeof e || e.reason >= sizeof reason ||
		    e.kept > SPORE__DEAD_BYTES ||
		    pread(fd, reason, e.reason, at + (off_t)sizeof e) != (ssize_t)e.reason ||
		    pread(fd, bytes, e.kept, at + (off_t)sizeof e + e.reason) != (ssize_t)e.kept)
			return false;
		reason[e.reason] = '\0';
		uint32_t was = e.state;
		bool more = fn(arg, &e, reason, bytes);
		if (e.state != was &&
		    !is_whole(fd, &e.state, sizeof e.state, at + (off_t)offsetof(struct spore__dead_entry, state)))
			return false;
		if (!more)
			break;
	}
	return true;
}

bool spore__dead_each(int fd, struct spore__dead_head *head,
                      bool (*fn)(void *arg, struct spore__dead_entry *entry, const char *reason, const void *bytes),
                      void *arg)
{
	unsigned char *bytes = malloc(SPORE__DEAD_BYTES);
	bool good = bytes != NULL && lock(fd, F_WRLCK);
	if (good) {
		good = read_head(fd, head) && each(fd, fn, arg, bytes);
		(void)lock(fd, F_UNLCK);
	}
	free(bytes);
	return good;
}

void spore__dead_tidy(int fd)
{
	struct spore__dead_entry e;
	if (!lock(fd, F_WRLCK))
		return;
	off_t end = end_of(fd);
	bool any = false;
	for (off_t at = SPORE__DEAD_HEAD; at < end && !any; at += (off_t)size_of(&e))
		any = pread(fd, &e, sizeof e, at) != (ssize_t)sizeof e || e.state == SPORE__DEAD_PARKED ||
		      e.state == SPORE__DEAD_DUE;
	if (!any)
		(void)!ftruncate(fd, SPORE__DEAD_HEAD);
	(void)lock(fd, F_UNLCK);
}

void spore__dead_count(const char *state, const char *from, const char *to, uint64_t *waiting, uint64_t *parked)
{
	char path[PATH_MAX];
	struct spore__dead_head head;
	struct spore__dead_entry e;
	*waiting = *parked = 0;
	if ((size_t)snprintf(path, sizeof path, "%s/dead/%016" PRIx64, state, hash_of(from, to)) >= sizeof path)
		return;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return;
	if (read_head(fd, &head)) {
		*parked = head.parked;
		off_t end = end_of(fd);
		for (off_t at = SPORE__DEAD_HEAD; at < end; at += (off_t)size_of(&e)) {
			if (pread(fd, &e, sizeof e, at) != (ssize_t)sizeof e)
				break;
			*waiting += e.state == SPORE__DEAD_PARKED || e.state == SPORE__DEAD_DUE;
		}
	}
	close(fd);
}
