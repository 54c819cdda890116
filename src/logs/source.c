#include "logs/source.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "os/os.h"

enum {
	SMALL = 64 * 1024,
	LARGE = 1024 * 1024,
	STEP_NS = 1000000000, // clocks that differ by less were not set in between
};

static uint64_t now(clockid_t clock)
{
	struct timespec t = {0};
	(void)clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

void spore__log_clock_init(struct spore__log_clock *c, bool follow)
{
	*c =
	    (struct spore__log_clock){.follow = follow, .wall = now(CLOCK_REALTIME), .monotonic = now(CLOCK_MONOTONIC)};
	spore__os_boot_id(c->boot);
}

void spore__source_init(struct spore__source *s, struct spore__log_files *files, struct spore__log_clock *clock,
                        uint64_t generation, uint64_t number)
{
	*s = (struct spore__source){
	    .files = files, .clock = clock, .generation = generation, .number = number, .fd = -1, .boot = SPORE__BOOTS};
}

void spore__source_rest(struct spore__source *s, bool close_file)
{
	s->offset -= (off_t)(s->len - s->start);
	s->start = s->len = s->cap = 0;
	s->used = 0;
	free(s->bytes);
	s->bytes = NULL;
	if (close_file && s->fd >= 0) {
		close(s->fd);
		s->fd = -1;
	}
}

void spore__source_finish(struct spore__source *s)
{
	spore__source_rest(s, true);
}

bool spore__source_was_cut(const struct spore__source *s)
{
	return s->dead && !s->ended;
}

// ---- the order of blocks

static size_t boot_of(struct spore__log_clock *c, const struct spore__log_block *block)
{
	char id[40] = "";
	const char *text;
	uint32_t len;
	struct spore__msgpack_reader at, map = spore__msgpack_reader(block->payload, block->len);
	if (!spore__msgpack_find(&map, "boot", &at) || spore__msgpack_read_str(&at, &text, &len) != SPORE__MSGPACK_OK ||
	    len == 0 || len >= sizeof id)
		return SPORE__BOOTS;
	memcpy(id, text, len);
	for (size_t i = 0; i < c->count; i++)
		if (memcmp(c->boots[i].id, id, sizeof id) == 0)
			return i;
	if (c->count == SPORE__BOOTS)
		return SPORE__BOOTS;
	memcpy(c->boots[c->count].id, id, sizeof id);
	c->boots[c->count].wall = block->wall;
	c->boots[c->count].monotonic = block->monotonic;
	return c->count++;
}

static void set_key(struct spore__source *s)
{
	uint64_t key = s->block.wall;
	if (s->boot < SPORE__BOOTS)
		key = s->clock->boots[s->boot].wall + (s->block.monotonic - s->clock->boots[s->boot].monotonic);
	if (key > s->key)
		s->key = key; // the order within a log is that of its blocks
}

static const uint64_t FAR_AHEAD = 60 * (uint64_t)1000000000;

static bool is_later_than_start(const struct spore__source *s)
{
	const struct spore__log_clock *c = s->clock;
	if (c->follow)
		return false;
	if (s->boot < SPORE__BOOTS && c->boot[0] != '\0')
		return strcmp(c->boots[s->boot].id, c->boot) == 0 && s->block.monotonic > c->monotonic;
	// What is far ahead was written before a clock was set back, not since this began.
	return s->block.wall > c->wall && s->block.wall - c->wall < FAR_AHEAD;
}

// ---- files

static int open_number(const struct spore__source *s, uint64_t number)
{
	char name[48];
	(void)snprintf(name, sizeof name, "%" PRIu64 "-%" PRIu64 ".log", s->generation, number);
	return openat(s->files->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

// The next file, when there is one: nothing more is written to this one then.
static uint64_t successor(const struct spore__source *s)
{
	bool gone;
	(void)spore__log_files_refresh(s->files, &gone);
	uint64_t next = spore__log_files_next(s->files, s->generation, s->number);
	return s->last_file != 0 && next > s->last_file ? 0 : next;
}

static void go_to(struct spore__source *s, uint64_t number)
{
	spore__source_rest(s, true);
	s->number = number;
	s->offset = 0;
	s->closed = s->drained = s->known = false;
}

// False when there is none left.
static bool open_file(struct spore__source *s)
{
	while ((s->fd = open_number(s, s->number)) < 0) {
		uint64_t next =
		    successor(s); // removed to make room, or it cannot be read: the numbers of blocks will tell
		if (next == 0)
			return false;
		go_to(s, next);
	}
	return true;
}

// Reads more. 0 at the end of what there is.
static ssize_t fill(struct spore__source *s)
{
	if (s->start > 0 && s->start == s->len)
		s->start = s->len = 0;
	if (s->len == s->cap && s->start > 0) {
		memmove(s->bytes, s->bytes + s->start, s->len - s->start);
		s->len -= s->start;
		s->start = 0;
	}
	if (s->len == s->cap) {
		s->cap = s->cap == 0 ? SMALL : LARGE;
		s->bytes = spore__xrealloc(s->bytes, s->cap);
	}
	ssize_t n;
	do
		n = pread(s->fd, s->bytes + s->len, s->cap - s->len, s->offset);
	while (n < 0 && errno == EINTR);
	if (n > 0) {
		s->len += (size_t)n;
		s->offset += n;
	}
	return n;
}

// The lock is the writer's for as long as the file is open there.
static bool writer_is_gone(const struct spore__source *s)
{
	return s->known && spore__os_lock(s->fd, false, false) == 0;
}

// At the end of what there is. True: look again.
static bool at_end(struct spore__source *s)
{
	if (s->closed) {
		s->drained = true;
		return true;
	}
	if (successor(s) != 0 || s->ended)
		return s->closed = true;
	if (s->last_file != 0 || !writer_is_gone(s))
		return false;
	return s->closed = s->dead = true;
}

static bool go_on(struct spore__source *s)
{
	uint64_t next = successor(s);
	if (next == 0)
		return false;
	s->dead = false;
	go_to(s, next);
	return true;
}

static void met(struct spore__source *s)
{
	if (s->block.kind == SPORE__LOG_FILE) {
		s->known = true;
		s->boot = boot_of(s->clock, &s->block);
	}
	set_key(s);
}

enum spore__source_state spore__source_look(struct spore__source *s)
{
	if (s->used > 0)
		return SPORE__SOURCE_READY;
	for (;;) {
		if (s->fd < 0 && !open_file(s))
			return SPORE__SOURCE_OVER;
		size_t left = s->len - s->start, used = 0;
		enum spore_err err =
		    left == 0 ? SPORE_EAGAIN : spore__log_decode(s->bytes + s->start, left, &s->block, &used);
		if (err == SPORE_OK) {
			s->used = used;
			met(s);
			return is_later_than_start(s) ? SPORE__SOURCE_OVER : SPORE__SOURCE_READY;
		}
		if (err == SPORE_EMALFORMED) {
			s->start += used;
		} else if (s->drained && left > 0) {
			s->start++; // cut off: what is whole behind it, should it have been damaged rather, is found
		} else if (s->drained) {
			if (!go_on(s))
				return SPORE__SOURCE_OVER;
		} else if (fill(s) <= 0 && !at_end(s)) {
			return s->clock->follow ? SPORE__SOURCE_WAIT : SPORE__SOURCE_OVER;
		}
	}
}

void spore__source_pass(struct spore__source *s)
{
	s->ended = s->block.kind == SPORE__LOG_END;
	s->start += s->used;
	s->used = 0;
}

// ---- where to begin

// The times of the first block of a file.
static bool first_of(const struct spore__source *s, uint64_t number, struct spore__log_block *block)
{
	unsigned char bytes[1024];
	size_t used;
	int fd = open_number(s, number);
	if (fd < 0)
		return false;
	ssize_t n = pread(fd, bytes, sizeof bytes, 0);
	close(fd);
	return n > 0 && spore__log_decode(bytes, (size_t)n, block, &used) == SPORE_OK;
}

// Was the wall clock left alone between the two, as far as the monotonic one can tell?
static bool same_clock(const struct spore__log_block *a, const struct spore__log_block *b)
{
	uint64_t wall = b->wall - a->wall, monotonic = b->monotonic - a->monotonic;
	return wall - monotonic + STEP_NS < UINT64_C(2) * STEP_NS;
}

void spore__source_seek(struct spore__source *s, uint64_t since)
{
	struct spore__log_block before, next;
	uint64_t number = s->number;
	if (!first_of(s, number, &before))
		return;
	while ((number = spore__log_files_next(s->files, s->generation, number)) != 0) {
		if (!first_of(s, number, &next) || !same_clock(&before, &next) || next.wall > since)
			return;
		go_to(s, number);
		before = next;
	}
}
