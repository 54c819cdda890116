#include "pump/window.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "os/os.h"

struct spore__window *spore__window_map(int fd, bool write)
{
	if (spore__os_memory_size(fd, false) != SPORE__WINDOW_SIZE) {
		errno = EINVAL;
		return NULL;
	}
	void *map = mmap(NULL, SPORE__WINDOW_SIZE, write ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
	return map != MAP_FAILED ? map : NULL;
}

void spore__window_unmap(struct spore__window *w)
{
	if (w != NULL)
		(void)munmap(w, SPORE__WINDOW_SIZE);
}

static size_t place(uint64_t at)
{
	return (size_t)(at % SPORE__WINDOW_RING);
}

static size_t ring_of(enum spore__window_way way)
{
	return SPORE__WINDOW_PAGE + (size_t)way * SPORE__WINDOW_RING;
}

// ---- the pump

unsigned spore__window_room(struct spore__window *w, enum spore__window_way way, size_t n, struct iovec pieces[2])
{
	struct spore__window_lane *l = &w->lanes[way];
	unsigned char *ring = (unsigned char *)w + ring_of(way);
	uint64_t at = atomic_load_explicit(&l->passed, memory_order_relaxed);
	// One that was killed may have begun further on.
	if (atomic_load_explicit(&l->begun, memory_order_relaxed) < at + n)
		atomic_store_explicit(&l->begun, at + n, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst); // before any of the bytes
	size_t first = SPORE__WINDOW_RING - place(at);
	first = first < n ? first : n;
	pieces[0] = (struct iovec){ring + place(at), first};
	pieces[1] = (struct iovec){ring, n - first};
	return n > first ? 2 : 1;
}

void spore__window_passed(struct spore__window *w, enum spore__window_way way, size_t n, bool copied)
{
	struct spore__window_lane *l = &w->lanes[way];
	uint64_t now = atomic_load_explicit(&l->passed, memory_order_relaxed) + n;
	if (!copied)
		atomic_store_explicit(&l->unseen, now, memory_order_release);
	atomic_store_explicit(&l->passed, now, memory_order_release);
}

// ---- who looks on

bool spore__window_view_open(int fd, struct spore__window_view *v)
{
	*v = (struct spore__window_view){.window = spore__window_map(fd, false)};
	close(fd);
	if (v->window == NULL)
		return false;
	if (v->window->magic != SPORE__WINDOW_MAGIC) {
		spore__window_view_close(v);
		return false;
	}
	for (int way = 0; way < SPORE__WINDOW_WAYS; way++)
		v->at[way] = spore__window_count(v, (enum spore__window_way)way);
	return true;
}

void spore__window_view_close(struct spore__window_view *v)
{
	spore__window_unmap((struct spore__window *)v->window);
	v->window = NULL;
}

uint64_t spore__window_count(const struct spore__window_view *v, enum spore__window_way way)
{
	return atomic_load_explicit(&v->window->lanes[way].passed, memory_order_acquire);
}

bool spore__window_is_finished(const struct spore__window_view *v, enum spore__window_way way)
{
	return atomic_load_explicit(&v->window->lanes[way].finished, memory_order_acquire) != 0;
}

// The first position that is in the ring for certain.
static uint64_t first_there(const struct spore__window_lane *l)
{
	uint64_t begun = atomic_load_explicit(&l->begun, memory_order_relaxed);
	uint64_t unseen = atomic_load_explicit(&l->unseen, memory_order_relaxed);
	uint64_t left = begun > SPORE__WINDOW_RING ? begun - SPORE__WINDOW_RING : 0;
	return left > unseen ? left : unseen;
}

size_t spore__window_read(struct spore__window_view *v, enum spore__window_way way, void *to, size_t size,
                          uint64_t *missed)
{
	enum { TRIES = 8 };
	const struct spore__window_lane *l = &v->window->lanes[way];
	const unsigned char *ring = (const unsigned char *)v->window + ring_of(way);
	*missed = 0;
	for (int i = 0; i < TRIES; i++) {
		uint64_t passed = spore__window_count(v, way), first = first_there(l);
		if (v->at[way] < first) {
			// It begins where the pump knows of it.
			*missed += v->began[way] ? first - v->at[way] : 0;
			v->at[way] = first;
		}
		if (passed <= v->at[way])
			return 0;
		size_t n = passed - v->at[way] < size ? (size_t)(passed - v->at[way]) : size;
		size_t before = SPORE__WINDOW_RING - place(v->at[way]);
		before = before < n ? before : n;
		memcpy(to, ring + place(v->at[way]), before);
		memcpy((unsigned char *)to + before, ring, n - before);
		atomic_thread_fence(memory_order_seq_cst);
		if (first_there(l) > v->at[way])
			continue;
		v->at[way] += n;
		v->began[way] = true;
		return n;
	}
	return 0;
}
