// What a sender has free beyond what is kept for good. A stream of large messages uses the same memory again: to have it zeroed, and mapped page by
// page, takes several times as long as to fill it. But a sender makes no call that would give it back when nothing more comes. So a thread does, which
// is there only as long as something is spare; under one lock, since it is no sender's.
#include <pthread.h>
#include <sys/mman.h>
#include <time.h>

#include "../os/os.h"
#include "background.h"
#include "chan/ring.h"

enum { SECOND = 1000000000 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; // of all below, and of the `spare` of each ring
static struct spore__ring *all;
static bool looks; // a thread does

static void leave(struct spore__ring *r)
{
	struct spore__ring **at = &all;
	while (*at != NULL && *at != r)
		at = &(*at)->spare.next;
	if (*at != NULL)
		*at = r->spare.next;
	r->spare.next = NULL;
}

static void give_back(struct spore__ring *r)
{
	const struct spore__ring_sender *s = &r->send;
	for (int i = 0; i < SPORE__RING_SLABS; i++) {
		const struct spore__ring_slab *slab = &s->slabs[i];
		if ((r->spare.slabs >> i & 1) == 0)
			continue;
		(void)munmap(slab->at, slab->len);
		(void)spore__io_memory_release(r->memory, s->large_offset + slab->offset, slab->len);
	}
	r->spare.slabs = 0;
}

static void *look_after(void *unused)
{
	int64_t wait = SPORE__RING_SPARE_NS;
	(void)unused;
	for (;;) {
		const struct timespec t = {.tv_sec = wait / SECOND, .tv_nsec = wait % SECOND};
		(void)nanosleep(&t, NULL);
		pthread_mutex_lock(&lock);
		int64_t now = spore__bell_now();
		wait = SPORE__RING_SPARE_NS;
		for (struct spore__ring *r = all, *next; r != NULL; r = next) {
			int64_t left = r->spare.since + SPORE__RING_SPARE_NS - now;
			next = r->spare.next;
			if (left <= 0) {
				give_back(r);
				leave(r);
			} else if (left < wait) {
				wait = left;
			}
		}
		looks = all != NULL;
		bool done = !looks;
		pthread_mutex_unlock(&lock);
		if (done)
			return NULL;
	}
}

bool spore__ring_spare(struct spore__ring *r, int slab)
{
	enum { STACK = 64 * 1024 };
	pthread_mutex_lock(&lock);
	if (!looks)
		looks = spore__background_start(look_after, STACK) == 0;
	bool spared = looks;
	if (spared) {
		leave(r);
		r->spare.next = all;
		all = r;
		r->spare.slabs |= UINT64_C(1) << slab;
		r->spare.since = spore__bell_now();
	}
	pthread_mutex_unlock(&lock);
	return spared;
}

uint64_t spore__ring_unspare(struct spore__ring *r)
{
	pthread_mutex_lock(&lock);
	uint64_t slabs = r->spare.slabs;
	r->spare.slabs = 0;
	leave(r);
	pthread_mutex_unlock(&lock);
	return slabs;
}

void spore__ring_spare_after_fork(void)
{
	static const pthread_mutex_t fresh = PTHREAD_MUTEX_INITIALIZER;
	lock = fresh;
	all = NULL;
	looks = false;
}
