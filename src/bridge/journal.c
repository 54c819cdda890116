#include "bridge/journal.h"

#include <string.h>

// The other process looks when this one is dead, so that the order of the program is all that is needed.
static void in_order(void)
{
	atomic_signal_fence(memory_order_seq_cst);
}

static void put(unsigned char ring[SPORE__JOURNAL_ROOM], uint64_t at, const unsigned char *bytes, size_t len)
{
	if (len > SPORE__JOURNAL_ROOM) { // of more than fits the end: nothing of it counts
		at += len - SPORE__JOURNAL_ROOM;
		bytes += len - SPORE__JOURNAL_ROOM;
		len = SPORE__JOURNAL_ROOM;
	}
	size_t place = (size_t)(at % SPORE__JOURNAL_ROOM), first = SPORE__JOURNAL_ROOM - place;
	first = first < len ? first : len;
	memcpy(ring + place, bytes, first);
	memcpy(ring, bytes + first, len - first);
}

static void get(struct spore__buf *out, const unsigned char ring[SPORE__JOURNAL_ROOM], uint64_t at, size_t len)
{
	size_t place = (size_t)(at % SPORE__JOURNAL_ROOM), first = SPORE__JOURNAL_ROOM - place;
	first = first < len ? first : len;
	spore__buf_add(out, ring + place, first);
	spore__buf_add(out, ring, len - first);
}

void spore__journal_moves(struct spore__journal *j)
{
	atomic_store_explicit(&j->moving, 1, memory_order_relaxed);
	in_order();
}

static void moved(struct spore__journal *j)
{
	in_order();
	atomic_store_explicit(&j->moving, 0, memory_order_relaxed);
}

void spore__journal_came(struct spore__journal *j, int side, const void *bytes, size_t len)
{
	uint64_t came = atomic_load_explicit(&j->came[side], memory_order_relaxed);
	put(j->in[side], came, bytes, len);
	in_order();
	atomic_store_explicit(&j->came[side], came + len, memory_order_relaxed);
	moved(j);
}

void spore__journal_sent(struct spore__journal *j, int side, size_t len)
{
	uint64_t sent = atomic_load_explicit(&j->sent[side], memory_order_relaxed);
	atomic_store_explicit(&j->sent[side], sent + len, memory_order_relaxed);
	moved(j);
}

static struct spore__journal_step *latest(struct spore__journal *j)
{
	return &j->steps[atomic_load_explicit(&j->latest, memory_order_relaxed) & 1];
}

struct spore__journal_step *spore__journal_step(struct spore__journal *j)
{
	struct spore__journal_step *next = &j->steps[(atomic_load_explicit(&j->latest, memory_order_relaxed) & 1) ^ 1];
	const struct spore__journal_step *now = latest(j);
	if (next->number != now->number + 1) { // it begins
		*next = *now;
		next->number++;
	}
	return next;
}

void spore__journal_made(struct spore__journal *j, int side, const void *bytes, size_t len)
{
	struct spore__journal_step *step = spore__journal_step(j);
	uint64_t at = step->made[side];
	step->made[side] += len; // first: what is overwritten by it is known to be
	in_order();
	put(j->out[side], at, bytes, len);
}

void spore__journal_commit(struct spore__journal *j)
{
	(void)spore__journal_step(j);
	in_order();
	(void)atomic_fetch_add_explicit(&j->latest, 1, memory_order_relaxed);
	in_order();
	while (j->due_count > 0)
		j->calls[j->due[--j->due_count]].there = 0;
}

int spore__journal_call(struct spore__journal *j, int side, const void *id, size_t len)
{
	if (len > SPORE__JOURNAL_ID)
		return -1;
	for (int n = 0; n < SPORE__JOURNAL_CALLS; n++) {
		int i = (int)(j->hint++ % SPORE__JOURNAL_CALLS);
		struct spore__journal_call *c = &j->calls[i];
		if (c->there)
			continue;
		c->side = (uint8_t)side;
		c->id_len = (uint8_t)len;
		c->answered = 0;
		memcpy(c->id, id, len);
		in_order();
		c->there = 1;
		return i;
	}
	return -1;
}

void spore__journal_answer(struct spore__journal *j, int slot)
{
	if (slot < 0 || slot >= SPORE__JOURNAL_CALLS || j->calls[slot].answered != 0)
		return;
	j->calls[slot].answered = spore__journal_step(j)->number;
	j->due[j->due_count++] = (uint16_t)slot;
}

bool spore__journal_recover(struct spore__journal *j, struct spore__buf in[2], struct spore__buf out[2])
{
	const struct spore__journal_step *now = latest(j);
	if (atomic_load_explicit(&j->moving, memory_order_relaxed) != 0)
		return false;
	for (int i = 0; i < 2; i++) {
		uint64_t came = atomic_load_explicit(&j->came[i], memory_order_relaxed);
		uint64_t sent = atomic_load_explicit(&j->sent[i], memory_order_relaxed);
		// Bytes of a step that was not committed lie behind, and may have overwritten as many.
		if (came < now->used[i] || came - now->used[i] > SPORE__JOURNAL_ROOM || now->made[i] < sent ||
		    now->made[i] - sent > SPORE__JOURNAL_ROOM)
			return false;
		const struct spore__journal_step *torn =
		    &j->steps[(atomic_load_explicit(&j->latest, memory_order_relaxed) & 1) ^ 1];
		if (torn->number > now->number && torn->made[i] - sent > SPORE__JOURNAL_ROOM)
			return false;
		get(&in[i], j->in[i], now->used[i], (size_t)(came - now->used[i]));
		get(&out[i], j->out[i], sent, (size_t)(now->made[i] - sent));
	}
	return true;
}

void spore__journal_orphans(struct spore__journal *j, void (*fn)(void *arg, int side, const void *id, size_t len),
                            void *arg)
{
	uint64_t now = latest(j)->number;
	// The step that was under way never was.
	j->steps[(atomic_load_explicit(&j->latest, memory_order_relaxed) & 1) ^ 1].number = 0;
	for (size_t i = 0; i < SPORE__JOURNAL_CALLS; i++) {
		struct spore__journal_call *c = &j->calls[i];
		bool answered = c->answered != 0 && c->answered <= now;
		if (c->there && !answered)
			fn(arg, c->side, c->id, c->id_len);
		c->there = 0;
	}
	j->due_count = 0;
}
