#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../os/os.h"
#include "chan/pub_record.h"

bool spore__pub_shape_of(uint32_t log, uint64_t large, struct spore__pub_shape *s)
{
	enum { LEAST = 4096, MOST = 256 * 1024 * 1024 };
	if (log < LEAST || log > MOST || (log & (log - 1)) != 0 || large % SPORE__PUB_PAGE != 0 ||
	    large > UINT64_C(1) << 40)
		return false;
	*s = (struct spore__pub_shape){.log = log, .large = large, .large_at = SPORE__PUB_PAGE + (uint64_t)log};
	s->size = s->large_at + large;
	return true;
}

enum spore_err spore__pub_map(int memory, struct spore__pub_shape *s, unsigned char **map)
{
	struct spore__pub_header h;
	uint64_t size;
	if (spore__io_publication_check(memory, &size) != 0)
		return errno == ENOSYS ? SPORE_EUNSUPPORTED : SPORE_EINVALID;
	if (size < SPORE__PUB_PAGE)
		return SPORE_EINVALID;
	void *page = spore__io_map(memory, 0, SPORE__PUB_PAGE, SPORE__IO_READ);
	if (page == NULL)
		return SPORE_ENOMEM;
	memcpy(&h, page, sizeof h);
	(void)munmap(page, SPORE__PUB_PAGE);
	if (h.cookie != SPORE__PUB_COOKIE || h.layout != SPORE__PUB_LAYOUT)
		return SPORE_EVERSION;
	// What is there now stays: the seal says so.
	if (!spore__pub_shape_of(h.log, h.large, s) || s->size != size ||
	    !spore__io_memory_present(memory, 0, s->large_at))
		return SPORE_EINVALID;
	*map = spore__io_map(memory, 0, (size_t)s->large_at, SPORE__IO_READ);
	return *map != NULL ? SPORE_OK : SPORE_ENOMEM;
}

void spore__pub_unmap(unsigned char *map, const struct spore__pub_shape *s)
{
	(void)munmap(map, (size_t)s->large_at);
}

enum spore_err spore__cursor_map(int memory, unsigned how, struct spore__cursor **c)
{
	uint64_t size;
	if (spore__io_memory_check(memory, &size) != 0)
		return errno == ENOSYS ? SPORE_EUNSUPPORTED : SPORE_EINVALID;
	if (size != SPORE__PUB_PAGE || !spore__io_memory_present(memory, 0, SPORE__PUB_PAGE))
		return SPORE_EINVALID;
	struct spore__cursor *page = spore__io_map(memory, 0, SPORE__PUB_PAGE, how);
	if (page == NULL)
		return SPORE_ENOMEM;
	if (page->cookie != SPORE__CURSOR_COOKIE || page->layout != SPORE__PUB_LAYOUT) {
		spore__cursor_unmap(page);
		return SPORE_EVERSION;
	}
	*c = page;
	return SPORE_OK;
}

// Is there a record at AT, and was it still there after the looks before?
static bool is_there(const unsigned char *map, uint64_t at)
{
	return at % SPORE__PUB_ALIGN == 0 && spore__pub_is_whole(map, at) &&
	       at < atomic_load_explicit(&spore__pub_says_of(map)->head, memory_order_relaxed);
}

enum spore_err spore__pub_find_last(const unsigned char *map, const struct spore__pub_shape *s, uint64_t latest,
                                    uint64_t head, struct spore__pub_last *last)
{
	struct spore__pub_found f;
	uint64_t at = latest != SPORE__PUB_NOWHERE ? latest : 0;
	*last = (struct spore__pub_last){.at = at};
	for (; at < head; at = f.end) {
		bool good = at % SPORE__PUB_ALIGN == 0 && head - at <= s->log && spore__pub_parse(map, s, at, head, &f);
		if (!spore__pub_is_whole(map, at))
			return SPORE_EAGAIN;
		if (!good)
			return SPORE_EMALFORMED;
		if (spore__pub_is_message(&f))
			*last = (struct spore__pub_last){.any = true, .at = at, .found = f};
	}
	return SPORE_OK;
}

bool spore__pub_published(const unsigned char *map, const struct spore__pub_shape *s, uint64_t *number)
{
	struct spore__pub_last last;
	uint64_t latest = atomic_load_explicit(&spore__pub_says_of(map)->latest, memory_order_acquire);
	uint64_t head = atomic_load_explicit(&spore__pub_says_of(map)->head, memory_order_acquire);
	enum spore_err e = spore__pub_find_last(map, s, latest, head, &last);
	*number = e == SPORE_OK && last.any ? last.found.number + 1 : 0;
	return e == SPORE_OK;
}

// A message takes up to a quarter of the log, and what is left at its end may be as much. Of large ones there is no room long before.
bool spore__pub_is_full(const unsigned char *map, const struct spore__pub_shape *s, uint64_t released)
{
	uint64_t head = atomic_load_explicit(&spore__pub_says_of(map)->head, memory_order_acquire);
	if (released >= head)
		return false;
	return head - released >= s->log / 2 ||
	       (is_there(map, released) && spore__pub_word(map, s, released, 1) >> 56 == SPORE__PUB_FAR);
}

void spore__cursor_unmap(struct spore__cursor *c)
{
	if (c != NULL)
		(void)munmap(c, SPORE__PUB_PAGE);
}

static int make_cursor(void)
{
	int fd = spore__io_memory(SPORE__PUB_PAGE);
	struct spore__cursor *c = NULL;
	if (fd >= 0 && spore__io_memory_reserve(fd, 0, SPORE__PUB_PAGE) == 0)
		c = spore__io_map(fd, 0, SPORE__PUB_PAGE, SPORE__IO_WRITE);
	if (c == NULL) {
		int e = errno;
		if (fd >= 0)
			close(fd);
		errno = e;
		return -1;
	}
	c->cookie = SPORE__CURSOR_COOKIE;
	c->layout = SPORE__PUB_LAYOUT;
	atomic_store(&c->released, SPORE__PUB_NOWHERE);
	spore__cursor_unmap(c);
	return fd;
}

enum spore_err spore__pub_make(const struct spore__channel_sizes *sizes, struct spore__channel_end ends[2])
{
	int memory[2] = {-1, -1}, sockets[2];
	(void)sizes;
	memory[0] = make_cursor();
	memory[1] = memory[0] >= 0 ? fcntl(memory[0], F_DUPFD_CLOEXEC, 3) : -1;
	if (memory[1] < 0 || spore__io_pair(sockets) != 0) {
		int e = errno;
		for (int i = 0; i < 2; i++)
			if (memory[i] >= 0)
				close(memory[i]);
		errno = e;
		return e == ENOSYS ? SPORE_EUNSUPPORTED : e == ENOMEM || e == ENOSPC ? SPORE_ENOMEM : SPORE_ESYSTEM;
	}
	for (int i = 0; i < 2; i++)
		ends[i] = (struct spore__channel_end){.role = i, .fds = {memory[i], sockets[i]}};
	return SPORE_OK;
}

bool spore__pub_listen(int sock)
{
	enum {
		READS = 4
	}; // more than an honest peer rings; what one that never stops leaves here is looked at next time
	char rung[256];
	int e = errno;
	ssize_t n = sizeof rung;
	for (int i = 0; i < READS && n == (ssize_t)sizeof rung; i++)
		n = spore__io_receive(sock, rung, sizeof rung);
	bool gone = n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
	errno = e;
	return !gone;
}
