// What a port takes along when its peer is swapped for another, or has died where messages are delivered again: those that it had sent and that
// were not released. They stay in the memory of the channel that is over until they have been sent over the next one, before anything else is.
//
// The thread that sends does this in its calls. It may not make any for long, while another one waits for an answer: so a thread that is going
// to wait for messages does it too, when no call that sends is on its way. The sender marks its calls (busy) and then looks whether there is
// something new; who helps says that there is, makes every processor fence, and then looks at the mark. So one of the two sees the other, and
// sending costs no fence. Both do it under one lock.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "../os/os.h"
#include "background.h"
#include "chan/bell.h"
#include "chan/inside.h"

static bool keeps(const struct spore__installed *i)
{
	return i->t->ops->left != NULL && (i->redeliver || atomic_load(&i->swaps));
}

bool spore__way_swaps(struct spore_chan *c, enum spore__way way, enum spore_err e)
{
	const struct spore__wiring *p = c->port;
	const struct spore__installed *i = c->ways[way].use;
	if (p == NULL || i == NULL || e == SPORE_EMALFORMED)
		return false;
	// It was said before the peer's end, but may not have been heard.
	if (!atomic_load(&i->swaps) && p->hear_all != NULL)
		p->hear_all();
	atomic_thread_fence(
	    memory_order_seq_cst); // who says that it is off sees that the peer is gone, or its word is seen here
	return atomic_load(&i->swaps);
}

// ---- the end of a peer that is still open

static void await_no_more(const struct spore_chan *c, struct spore__left *l)
{
	int *fds[] = {&l->end, &l->timer}, e = errno;
	for (int i = 0; i < 2; i++) {
		if (*fds[i] < 0)
			continue;
		spore__io_gather_remove(c->port->gather, *fds[i]);
		close(*fds[i]);
		*fds[i] = -1;
	}
	l->until = 0;
	errno = e;
}

// False: no longer. Who polls the port hears of either.
static bool is_awaited(const struct spore_chan *c, struct spore__left *l)
{
	const struct spore__wiring *p = c->port;
	int e = errno;
	if (l->until == 0) {
		l->until = spore__bell_now() + (int64_t)p->closing_ms * 1000000;
		if (p->gather >= 0) {
			l->timer = spore__io_timer(p->closing_ms);
			// The way that receives may wait on the same one, for more than its end.
			l->end = fcntl(l->from->t->ops->fd(l->from->t), F_DUPFD_CLOEXEC, 3);
		}
		if (l->timer >= 0)
			(void)spore__io_gather_add(p->gather, l->timer, POLLIN);
		if (l->end >= 0)
			(void)spore__io_gather_add(p->gather, l->end, 0);
	}
	errno = e;
	return spore__bell_now() < l->until;
}

enum spore_err spore__sending_await(struct spore_chan *c, int64_t deadline, struct pollfd *p, unsigned count)
{
	const struct spore__left *l = c->ways[SPORE__SEND].left;
	bool sooner = deadline < 0 || l->until < deadline;
	p[count] = (struct pollfd){.fd = l->from->t->ops->fd(l->from->t)};
	int n = spore__bell_poll(p, count + 1, sooner ? l->until : deadline);
	if (n < 0)
		return errno == EINTR ? SPORE_ECANCELLED : SPORE_ESYSTEM;
	return n == 0 && !sooner ? SPORE_ETIMEOUT : SPORE_OK;
}

// ----

bool spore__sending_keep(struct spore_chan *c)
{
	struct spore__side *w = &c->ways[SPORE__SEND];
	bool kept = w->part != SPORE__PART_DONE && keeps(w->use);
	struct spore__left *l = kept ? calloc(1, sizeof *l) : NULL;
	w->awaits = false;
	if (w->left != NULL) // there is nothing to send it to, or something else first
		await_no_more(c, w->left);
	if (l == NULL)
		return false;
	l->end = l->timer = -1;
	// What was sent over it is older than what could not be yet.
	l->from = w->use;
	l->next = w->left;
	w->left = l;
	// A peer that died had not received the end while there is something before it; one that is swapped tells the next nothing of it.
	struct spore__transport *t = w->use->t;
	w->refinish = w->refinish || (w->finished && (atomic_load(&w->use->swaps) || t->ops->lost(t) > 0));
	spore__way_not_now(w);
	return true;
}

static void lose(struct spore__side *w, uint64_t count)
{
	atomic_fetch_add_explicit(&w->lost, count, memory_order_relaxed);
}

static void drop_first(struct spore_chan *c)
{
	struct spore__side *w = &c->ways[SPORE__SEND];
	struct spore__left *l = w->left;
	w->left = l->next;
	await_no_more(c, l);
	spore__installed_unref(l->from);
	free(l);
}

void spore__left_drop(struct spore_chan *c)
{
	while (c->ways[SPORE__SEND].left != NULL)
		drop_first(c);
}

// One message of the oldest that is over. SPORE_EAGAIN, SPORE_ENOMEM, and what ends the channel in use: it stays.
static enum spore_err move_one(struct spore_chan *c)
{
	struct spore__side *w = &c->ways[SPORE__SEND];
	struct spore__left *l = w->left;
	struct spore__transport *from = l->from->t, *to = w->use->t;
	enum spore_err e = SPORE_OK;
	if (l->pending == NULL)
		e = from->ops->left(from, &l->pending, &l->pending_len);
	w->awaits = e == SPORE_EBUSY && is_awaited(c, l);
	if (w->awaits)
		return SPORE_EAGAIN;
	if (l->until != 0)
		await_no_more(c, l);
	if (e != SPORE_OK) {
		if (e != SPORE_EEND && e != SPORE_ECLOSED) // it was spoiled, or somebody else has that end still
			lose(w, from->ops->lost(from));
		drop_first(c);
		return SPORE_OK;
	}
	e = to->ops->send(to, l->pending, l->pending_len, true);
	if (e == SPORE_EBUSY)
		e = to->ops->keep(to, SPORE__SEND, NULL);
	if (e == SPORE_ETOOBIG || e == SPORE_EINVALID)
		lose(w, 1); // what is wired now does not take it
	else if (e == SPORE_OK)
		atomic_fetch_add_explicit(&c->port->redelivered, 1, memory_order_relaxed);
	else
		return e;
	l->pending = NULL;
	return SPORE_OK;
}

static enum spore_err move(struct spore_chan *c)
{
	struct spore__side *w = &c->ways[SPORE__SEND];
	struct spore__transport *to = w->use->t;
	enum spore_err e = SPORE_OK;
	while (w->left != NULL && e == SPORE_OK)
		e = move_one(c);
	if (e == SPORE_OK && w->refinish) {
		e = to->ops->finish(to);
		if (e == SPORE_EBUSY)
			e = to->ops->keep(to, SPORE__SEND, NULL);
		w->refinish = e != SPORE_OK;
	}
	(void)to->ops->flush(to);
	return e == SPORE_OK || e == SPORE_EAGAIN || e == SPORE_ENOMEM ? e : spore__way_judge(c, SPORE__SEND, e);
}

static void note(struct spore_chan *c)
{
	struct spore__side *w = &c->ways[SPORE__SEND];
	atomic_store(&c->port->behind, w->left != NULL || w->refinish || w->part == SPORE__PART_WAITS);
	spore__way_ready(w);
}

void spore__sending_settled(struct spore_chan *c)
{
	if (c->port == NULL || (!spore__way_is_new(c, SPORE__SEND) && spore__way_now(&c->ways[SPORE__SEND]) != NULL))
		return;
	pthread_mutex_lock(&c->port->sending);
	pthread_mutex_unlock(&c->port->sending); // later ones see the mark
}

enum spore_err spore__sending_usable(struct spore_chan *c)
{
	struct spore__wiring *p = c->port;
	struct spore__side *w = &c->ways[SPORE__SEND];
	enum spore_err e = SPORE_OK;
	if (!w->loan && (spore__way_is_new(c, SPORE__SEND) || spore__way_now(w) == NULL)) {
		pthread_mutex_lock(&p->sending);
		if (spore__way_is_new(c, SPORE__SEND))
			spore__way_update(c, SPORE__SEND);
		bool waits = w->part == SPORE__PART_WAITS && spore__sending_part(c);
		e = spore__way_say(w);
		if (e == SPORE_OK && waits)
			e = SPORE_EAGAIN;
		if (e == SPORE_OK && w->use != NULL && (w->left != NULL || w->refinish))
			e = move(c);
		note(c);
		pthread_mutex_unlock(&p->sending);
	}
	if (e != SPORE_OK || w->use != NULL)
		return e;
	return spore__way_unwired(w);
}

// Outside of the calls that send, with the lock. IS_NEW: every sender sees that the port was wired anew, and takes the lock. True: there is
// more, for which there is no room.
static bool settle(struct spore_chan *c, bool is_new)
{
	struct spore__side *w = &c->ways[SPORE__SEND];
	bool kept = w->left != NULL || w->refinish || (w->use != NULL && keeps(w->use)) || spore__sending_is_moved(c);
	enum spore_err e = SPORE_OK;
	bool handing = w->handing;
	w->handing = true; // until it is done no call goes on by itself
	if (kept && is_new)
		spore__way_update(c, SPORE__SEND);
	bool waits = w->part == SPORE__PART_WAITS && spore__sending_part(c);
	w->handing = handing;
	if (!waits && w->use != NULL && (w->left != NULL || w->refinish))
		e = move(c);
	if (e == SPORE_ECLOSED || e == SPORE_EMALFORMED) { // that one is gone again
		w->owed = e;
		w->returned = false;
	}
	bool more = w->use != NULL && (waits || e == SPORE_EAGAIN || e == SPORE_ENOMEM);
	note(c); // from here on the calls that send may be at work, unless there is more
	return more;
}

// With the lock.
static void catch_up(struct spore_chan *c)
{
	(void)settle(c, spore__way_is_new(c, SPORE__SEND));
}

void spore__sending_catch_up(struct spore_chan *c)
{
	pthread_mutex_lock(&c->port->sending);
	catch_up(c);
	pthread_mutex_unlock(&c->port->sending);
}

static bool is_received(struct spore_chan *c)
{
	struct spore__side *w = &c->ways[SPORE__SEND];
	struct spore__transport *t = w->use != NULL ? w->use->t : NULL;
	if (t == NULL || t->ops->left == NULL || t->ops->gone(t))
		return true;
	return w->left == NULL && t->ops->lost(t) == 0;
}

enum { MS = 1000000, LINGER_MS = 2000, LOOK_MS = 2 };

// With the lock, while no call that sends is on its way.
static void hand_over(struct spore_chan *c, bool lingers)
{
	static _Atomic int64_t until; // by the first that lingers; ns of the monotonic clock
	const struct spore__side *w = &c->ways[SPORE__SEND];
	int64_t now = spore__bell_now(), none = 0;
	struct pollfd end;
	enum spore_err e = SPORE_OK;
	catch_up(c);
	while (w->awaits && (e == SPORE_OK || e == SPORE_ECANCELLED)) { // not for ever
		e = spore__sending_await(c, -1, &end, 0);
		catch_up(c);
	}
	if (w->use != NULL)
		(void)w->use->t->ops->flush(w->use->t); // what was queued is received, too
	if (!lingers)
		return;
	(void)atomic_compare_exchange_strong(&until, &none, now + (int64_t)LINGER_MS * MS);
	while (!is_received(c) && now < atomic_load(&until)) {
		struct spore__transport *t = w->use->t;
		(void)t->ops->wait(t, SPORE__SEND, now + LOOK_MS * MS, NULL, 0);
		catch_up(c);
		now = spore__bell_now();
	}
}

void spore__sending_hand_over(struct spore_chan *c, bool lingers)
{
	if (c->port->never[SPORE__SEND] || c->ways[SPORE__SEND].loan)
		return;
	pthread_mutex_lock(&c->port->sending);
	hand_over(c, lingers);
	pthread_mutex_unlock(&c->port->sending);
}

void spore__sending_exit(struct spore_chan *c, bool lingers)
{
	struct spore__wiring *p = c->port;
	struct spore__side *w = &c->ways[SPORE__SEND];
	if (p->never[SPORE__SEND] || !spore__lock_within(&p->sending, LINGER_MS)) // another thread may be closing it
		return;
	pthread_mutex_lock(&p->lock);
	atomic_fetch_add_explicit(&c->generation, 1, memory_order_release); // so that later calls take the lock
	pthread_mutex_unlock(&p->lock);
	if (p->barrier)
		(void)spore__io_barrier();
	atomic_thread_fence(memory_order_seq_cst);
	if (!atomic_load_explicit(&w->busy, memory_order_acquire)) {
		w->handing = true;
		hand_over(c, lingers);
		w->handing = false;
		note(c);
	}
	pthread_mutex_unlock(&p->sending);
}

// With the lock. True: it was done, and *MORE says what settle says. False: a call that sends does it.
static bool settle_for_another(struct spore_chan *c, bool *more)
{
	struct spore__wiring *p = c->port;
	const struct spore__side *w = &c->ways[SPORE__SEND];
	// What a sender sees when its mark is not seen here has to be looked at before.
	bool is_new = spore__way_is_new(c, SPORE__SEND), behind = atomic_load(&p->behind);
	if (p->barrier)
		(void)spore__io_barrier();
	atomic_thread_fence(memory_order_seq_cst);
	if ((!is_new && !behind) || atomic_load_explicit(&w->busy, memory_order_acquire))
		return false;
	*more = settle(c, is_new);
	return true;
}

bool spore__sending_help(struct spore_chan *c)
{
	struct spore__wiring *p = c->port;
	const struct spore__side *w = &c->ways[SPORE__SEND];
	uint64_t generation = atomic_load_explicit(&c->generation, memory_order_acquire);
	bool more = false;
	if (!atomic_load(&p->behind) && (generation == p->helped || !spore__way_is_new(c, SPORE__SEND)))
		return false;
	pthread_mutex_lock(&p->sending);
	if (settle_for_another(c, &more)) {
		p->helped = generation;
		if (more && !w->awaits)
			(void)w->use->t->ops->arm(w->use->t, SPORE__SEND);
	}
	pthread_mutex_unlock(&p->sending);
	return more;
}

void spore__sending_nudge(struct spore_chan *c)
{
	bool more;
	if (pthread_mutex_trylock(&c->port->sending) != 0)
		return; // who has it looks afterwards
	(void)settle_for_another(c, &more);
	pthread_mutex_unlock(&c->port->sending);
}
