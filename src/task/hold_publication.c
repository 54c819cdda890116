// The memory of a port that publishes, which its program gave with `open`: for those who subscribe later. It is given over the socket of a
// subscription as soon as the node brings that, so that a subscriber has the last message though the program sleeps for an hour, or is stopped. The
// other memory that came is a page in which the hold says that the program has something to hear, since a program that only publishes looks
// there and not at its socket.
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "os/os.h"
#include "pass.h"
#include "task/hold.h"

enum {
	PAGE = 4096,
	COUNT = 2, // descriptors
};

struct spore__hold_publication {
	int memory; // can only be read
	_Atomic uint32_t *notice;
};

static _Atomic uint32_t *map_notice(int fd)
{
	if (spore__os_memory_size(fd, false) != PAGE)
		return NULL;
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return page != MAP_FAILED ? page : NULL;
}

struct spore__hold_publication *spore__hold_publication_take(struct spore__hold *h,
                                                             const struct spore__control_message *m)
{
	int fds[COUNT];
	struct spore__msgpack_reader at;
	struct spore__msgpack_value v;
	if (!spore__msgpack_find(&m->fields, "descriptors", &at) || spore__msgpack_read(&at, &v) != SPORE__MSGPACK_OK ||
	    !spore__msgpack_is(&v, "2") || spore__passed_take(&h->run.came, fds, COUNT) != SPORE_OK)
		return NULL;
	int memory = fds[0], notice = fds[1];
	struct spore__hold_publication *p = calloc(1, sizeof *p);
	if (p != NULL) {
		p->memory = spore__os_memory_size(memory, true) > 0 ? spore__os_for_reading(memory) : -1;
		p->notice = map_notice(notice);
	}
	close(memory);
	close(notice);
	if (p != NULL && (p->memory < 0 || p->notice == NULL)) {
		spore__hold_publication_finish(p);
		return NULL;
	}
	if (p != NULL)
		atomic_store(p->notice, 1); // the program leaves it to the hold to give the memory
	return p;
}

void spore__hold_publication_finish(struct spore__hold_publication *p)
{
	if (p == NULL)
		return;
	if (p->memory >= 0)
		close(p->memory);
	if (p->notice != NULL)
		(void)munmap((void *)p->notice, PAGE);
	free(p);
}

void spore__hold_publication_give(struct spore__hold_publication *p, int sock)
{
	if (spore__pass_send(sock, "m", 1, &p->memory, 1) < 0)
		atomic_store(p->notice, 0); // from now on the program does it
}

int spore__hold_publication_memory(const struct spore__hold_publication *p)
{
	return p->memory;
}

void spore__hold_publication_passed(struct spore__hold_publication *p, int sock)
{
	uint32_t number = atomic_load(p->notice);
	if (number != 0)
		atomic_store(p->notice, number == UINT32_MAX ? 1 : number + 1);
	// What was published before that could be seen was not rung for.
	(void)spore__pass_send(sock, "t", 1, NULL, 0);
}
