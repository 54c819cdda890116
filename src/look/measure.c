#include "look/measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../lib/os/os.h"
#include "base/mem.h"
#include "look/link.h"
#include "look/relay.h"

enum {
	PATIENCE_US = 2000000,
	LINKS = 16,
	MOST = 64, // channels of a port that are looked at
};

// The end of a wire at which its channels are looked at.
enum at { AT_LEFT, AT_RIGHT, AT_PUBLISHER };

static int64_t now_ns(void)
{
	struct timespec t = {0};
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

// Also when all ports have been told of, which another port's may be the last word of.
static enum spore__link_heard next(struct spore__link *l, struct spore__hold_message *m, int64_t until)
{
	enum spore__link_heard heard;
	bool told = l->told;
	while ((heard = spore__link_next(l, m)) == SPORE__LINK_NOTHING && told == l->told && now_ns() < until)
		spore__link_wait(l, (until - now_ns()) / 1000 + 1);
	return heard;
}

static bool is(const struct spore__hold_word *word, const char *text)
{
	return word->len == strlen(text) && memcmp(word->s, text, word->len) == 0;
}

// The subscription SERIAL is to the memory FD.
static void see_published(struct spore__measured *m, int fd, uint64_t serial)
{
	struct spore__published *p = spore__xcalloc(1, sizeof *p);
	for (size_t i = 0; i < m->count && p != NULL; i++) {
		if (m->cursors[i] == NULL || m->serials[i] != serial || m->published[i] != NULL ||
		    spore__pub_map(fd, &p->shape, &p->map) != SPORE_OK)
			continue;
		m->published[i] = p;
		p = NULL;
	}
	free(p);
}

static void look_at(struct spore__measured *m, struct spore__link *l, uint64_t serial, bool left, int64_t until)
{
	struct spore__hold_message answer;
	struct spore__msgpack_writer w = {0};
	int fds[SPORE__HOLD_DESCRIPTORS];
	spore__hold_put_serial(&w, SPORE__HOLD_MEMORY, (uint64_t)l->id, serial);
	spore__link_say(l, &w, NULL, 0);
	do {
		if (next(l, &answer, until) != SPORE__LINK_MESSAGE)
			return;
	} while (answer.type != SPORE__HOLD_CHANNEL);
	if (!spore__link_take(l, &answer, fds) || answer.descriptors != 1)
		return;
	if (is(&answer.kind, "pump")) {
		if (spore__window_view_open(fds[0], &m->views[m->count])) {
			m->pumped = true;
			m->forward[m->count++] = left ? SPORE__WINDOW_OUT : SPORE__WINDOW_IN;
		}
	} else if (is(&answer.kind, "publication")) {
		m->serials[m->count] = serial;
		if (spore__cursor_map(fds[0], SPORE__IO_READ, &m->cursors[m->count]) == SPORE_OK)
			m->forward[m->count++] = 0;
		close(fds[0]);
	} else if (is(&answer.kind, "published")) {
		see_published(m, fds[0], serial);
		close(fds[0]);
	} else if (spore__spy_open(fds[0], 0, &m->spies[m->count]) == SPORE_OK) {
		m->forward[m->count++] = left ? answer.role & 1 : 1 - (answer.role & 1);
	}
}

static bool is_measured(const struct spore__measured *m, uint64_t serial)
{
	for (size_t i = 0; i < m->count; i++)
		if (m->cursors[i] != NULL && m->serials[i] == serial)
			return true;
	return false;
}

// Of the channels in the list at R those that are to be looked at: of a publisher's those whose other ends are known.
static size_t take_serials(const struct spore__measured *m, struct spore__msgpack_reader r, enum at at,
                           uint64_t serials[MOST], size_t count)
{
	uint32_t items = 0;
	int64_t serial;
	if (spore__msgpack_read_array(&r, &items) != SPORE__MSGPACK_OK)
		return count;
	for (; items > 0 && count < MOST; items--)
		if (spore__msgpack_read_int(&r, &serial) == SPORE__MSGPACK_OK && serial >= 0 &&
		    (uint64_t)serial < SPORE__HOLD_JOINED && (at != AT_PUBLISHER || is_measured(m, (uint64_t)serial)))
			serials[count++] = (uint64_t)serial;
	return count;
}

// False: the port serves, or is not open.
static bool look_at_all(struct spore__measured *m, struct spore__link *l, const char *folder, enum at at, bool serves)
{
	struct spore__hold_message answer;
	uint64_t serials[MOST];
	size_t count = 0;
	int64_t until = now_ns() + PATIENCE_US * INT64_C(1000);
	while (!l->told) {
		enum spore__link_heard heard = next(l, &answer, until);
		if (heard == SPORE__LINK_NOTHING && l->told)
			break;
		if (heard != SPORE__LINK_MESSAGE)
			return false;
		if (answer.type == SPORE__HOLD_OPEN)
			count = take_serials(m, answer.held, at, serials, count);
	}
	if (l->id < 0 || (l->serves && !serves))
		return false;
	for (size_t i = 0; i < count && (at == AT_PUBLISHER || m->count < SPORE__MEASURED); i++) {
		look_at(m, l, serials[i], at == AT_LEFT, until);
		m->between |= spore__relay_dropped(folder, serials[i], m->dropped);
	}
	return true;
}

static void text(const struct spore__msgpack_reader *map, const char *key, char *out, size_t size)
{
	struct spore__msgpack_reader at;
	const char *s = "";
	uint32_t len = 0;
	if (spore__msgpack_find(map, key, &at))
		(void)spore__msgpack_read_str(&at, &s, &len);
	(void)snprintf(out, size, "%.*s", (int)len, s);
}

// The channels at the port NAME of all replicas of its task.
static bool look_from(struct spore__tasks *t, const char *port, struct spore__measured *m, enum at at_end, bool serves)
{
	char name[SPORE__HOLD_NAME], folders[LINKS][PATH_MAX], *names[] = {name};
	const char *dot = strrchr(port, '.');
	struct spore__msgpack_writer w = {0};
	struct spore__msgpack_reader at;
	uint32_t count = 0, folder_count = 0;
	bool found = false;
	if (dot == NULL || (size_t)(dot - port) >= sizeof name)
		return false;
	(void)snprintf(name, sizeof name, "%.*s", (int)(dot - port), port);
	spore__tasks_put_names(&w, names, 1, 0);
	if (spore__tasks_call(t, "tasks.resolve", &w, true, SPORE__TASKS_PATIENCE_MS) != SPORE_OK ||
	    !spore__msgpack_find(&t->rpc.m.result, "tasks", &at) ||
	    spore__msgpack_read_array(&at, &count) != SPORE__MSGPACK_OK)
		return false;
	for (; count > 0 && folder_count < LINKS; count--) {
		text(&at, "folder", folders[folder_count++], PATH_MAX);
		if (spore__msgpack_skip(&at) != SPORE__MSGPACK_OK)
			break;
	}
	for (uint32_t i = 0; i < folder_count; i++) {
		struct spore__link l;
		if (folders[i][0] == '\0' || !spore__link_begin(&l, t->what, folders[i], name, dot + 1))
			continue;
		found |= look_at_all(m, &l, folders[i], at_end, serves);
		spore__link_close(&l);
	}
	return found;
}

// A publisher tells all subscribers that block that it waits, and those that look at their port never that it does no more. So the one that it
// waits for is known by where it is.
static void read_published(const struct spore__published *p, const struct spore__cursor *c,
                           struct spore__spy_counts *counts)
{
	uint64_t next = atomic_load_explicit(&c->next, memory_order_relaxed), number;
	uint64_t released = atomic_load_explicit(&c->released, memory_order_relaxed);
	if (next != 0 && spore__pub_published(p->map, &p->shape, &number) && number > next - 1)
		counts->depth = number - (next - 1);
	counts->sender_sleeps = (atomic_load_explicit(&c->waits, memory_order_relaxed) & 1) != 0;
	counts->cells = 1;
	counts->used = counts->sender_sleeps && spore__pub_is_full(p->map, &p->shape, released);
}

static void read_cursor(const struct spore__published *p, const struct spore__cursor *c,
                        struct spore__spy_counts *counts, uint64_t *dropped)
{
	*counts = (struct spore__spy_counts){.sent = atomic_load_explicit(&c->received, memory_order_relaxed),
	                                     .bytes = atomic_load_explicit(&c->bytes, memory_order_relaxed),
	                                     .released = atomic_load_explicit(&c->next, memory_order_relaxed)};
	*dropped = atomic_load_explicit(&c->dropped, memory_order_relaxed);
	if (p != NULL)
		read_published(p, c, counts);
}

static void read_counts(struct spore__measured *m, struct spore__spy_counts counts[SPORE__MEASURED][2], int64_t *ns)
{
	*ns = now_ns();
	for (size_t i = 0; i < m->count; i++)
		for (int d = 0; d < 2 && m->spies[i] != NULL; d++)
			spore__spy_count(m->spies[i], d, &counts[i][d]);
	for (size_t i = 0; i < m->count; i++)
		for (int d = 0; d < 2 && m->views[i].window != NULL; d++)
			counts[i][d] = (struct spore__spy_counts){
			    .bytes = spore__window_count(&m->views[i], (enum spore__window_way)d)};
	for (size_t i = 0; i < m->count; i++)
		if (m->cursors[i] != NULL)
			read_cursor(m->published[i], m->cursors[i], &counts[i][0], &m->overrun[i]);
}

void spore__measure_begin(struct spore__tasks *t, const struct spore__wire_info *w, struct spore__measured *m)
{
	memset(m, 0, sizeof *m);
	// At a port that serves there are channels of other wires too.
	if (strcmp(w->state, "wired") == 0 && strcmp(w->transport, "publication") == 0 &&
	    look_from(t, w->to, m, AT_RIGHT, false))
		(void)look_from(t, w->from, m, AT_PUBLISHER, false);
	// Of one replica at the right end alone there are others too at the left one.
	bool right = strchr(w->to, '@') != NULL && strchr(w->from, '@') == NULL;
	if (strcmp(w->state, "wired") == 0 && strcmp(w->transport, "ring") == 0 && right)
		right = look_from(t, w->to, m, AT_RIGHT, false);
	if (strcmp(w->state, "wired") == 0 && strcmp(w->transport, "ring") == 0 && !right &&
	    !look_from(t, w->from, m, AT_LEFT, false) && !look_from(t, w->to, m, AT_RIGHT, false))
		(void)look_from(t, w->from, m, AT_LEFT, true);
	// Bytes of programs without libspore are counted by a pump, at one end or the other.
	if (strcmp(w->state, "wired") == 0 && m->count == 0 && strcmp(w->transport, "ring") != 0 &&
	    strcmp(w->transport, "publication") != 0 && (!look_from(t, w->from, m, AT_LEFT, false) || m->count == 0))
		(void)look_from(t, w->to, m, AT_RIGHT, false);
	read_counts(m, m->before, &m->before_ns);
	memcpy(m->now, m->before, sizeof m->now);
	m->now_ns = m->before_ns;
}

void spore__measure_again(struct spore__measured *m)
{
	read_counts(m, m->now, &m->now_ns);
}

void spore__measure_flow(const struct spore__measured *m, unsigned way, struct spore__flow *f)
{
	double seconds = (double)(m->now_ns - m->before_ns) / 1e9;
	struct spore__spy_counts all = {0};
	uint64_t sent = 0, bytes = 0;
	*f = (struct spore__flow){.dropped = m->dropped[way == SPORE__FORWARD ? 0 : 1]};
	for (size_t i = 0; i < m->count; i++) {
		unsigned d = way == SPORE__FORWARD ? m->forward[i] : 1 - m->forward[i];
		const struct spore__spy_counts *before = &m->before[i][d], *now = &m->now[i][d];
		f->messages += now->sent;
		f->dropped += d == 0 ? m->overrun[i] : 0;
		f->bytes += now->bytes;
		f->depth += now->depth;
		f->moved += now->released - before->released;
		f->full |= now->sender_sleeps && now->used + now->cells / 8 >= now->cells;
		sent += now->sent - before->sent;
		bytes += now->bytes - before->bytes;
		for (int k = 0; k < SPORE__SPY_LATENCIES; k++)
			all.latencies[k] += now->latencies[k];
	}
	f->rate = seconds > 0 ? (double)sent / seconds : 0;
	f->byte_rate = seconds > 0 ? (double)bytes / seconds : 0;
	f->p50 = spore__spy_latency(NULL, &all, 500);
	f->p99 = spore__spy_latency(NULL, &all, 990);
}

void spore__measure_finish(struct spore__measured *m)
{
	for (size_t i = 0; i < m->count; i++) {
		spore__spy_close(m->spies[i]);
		spore__window_view_close(&m->views[i]);
		spore__cursor_unmap(m->cursors[i]);
		if (m->published[i] != NULL)
			spore__pub_unmap(m->published[i]->map, &m->published[i]->shape);
		free(m->published[i]);
	}
	m->count = 0;
}
