#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chan/bell.h"
#include "chan/inside.h"
#include "os/os.h"
#include "rpc_inside.h"

enum {
	IN_FLIGHT = 128,
	MOST_IN_FLIGHT = 1 << 20,
	OUTGOING = 4 << 20,
	LARGEST = 64 << 20,
};

// ---- creating, closing

void spore__rpc_destroy(struct spore_rpc *r)
{
	spore__rpc_drop_parcels(r);
	spore__rpc_asks_finish(r);
	spore__rpc_calls_finish(r);
	spore__io_wake_close(r->wake);
	free(r->table);
	free(r->in.data);
	free(r->stream.data);
	(void)pthread_cond_destroy(&r->woken);
	(void)pthread_mutex_destroy(&r->lock);
	free(r);
}

static bool init_waiting(struct spore_rpc *r)
{
	pthread_condattr_t attr;
	if (pthread_condattr_init(&attr) != 0)
		return false;
	bool ok = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 && pthread_cond_init(&r->woken, &attr) == 0;
	(void)pthread_condattr_destroy(&attr);
	if (ok && pthread_mutex_init(&r->lock, NULL) != 0) {
		(void)pthread_cond_destroy(&r->woken);
		ok = false;
	}
	return ok;
}

static struct spore_rpc *new_rpc(const struct spore_rpc_options *options)
{
	struct spore_rpc *r = aligned_alloc(alignof(struct spore_rpc), sizeof *r);
	if (r == NULL)
		return NULL;
	memset(r, 0, sizeof *r);
	if (options != NULL)
		r->options = *options;
	struct spore_rpc_options *o = &r->options;
	o->in_flight = o->in_flight == 0 ? IN_FLIGHT : o->in_flight;
	o->outgoing = o->outgoing == 0 ? OUTGOING : o->outgoing;
	o->largest = o->largest == 0 ? LARGEST : o->largest;
	r->wake[0] = r->wake[1] = r->gather = -1;
	r->queue_end = &r->queue;
	r->due_at = SPORE__RPC_NEVER;
	atomic_store(&r->next_due, SPORE__RPC_NEVER);
	if (!init_waiting(r)) {
		free(r);
		return NULL;
	}
	return r;
}

// Where there is such a thing, one descriptor for all that is waited for.
static void gather(struct spore_rpc *r)
{
	if (r->port) {
		r->gather = spore_chan_fd(r->chan);
	} else {
		r->gather = spore__io_gather();
		if (r->gather < 0) {
			r->gather = spore_chan_fd(r->chan);
			return;
		}
		r->owns_gather = true;
		r->gathered = spore_chan_events(r->chan);
		(void)spore__io_gather_add(r->gather, spore_chan_fd(r->chan), r->gathered);
	}
	if (r->gather >= 0)
		(void)spore__io_gather_add(r->gather, r->wake[0], POLLIN);
}

enum spore_err spore_rpc_create(struct spore_chan *c, const struct spore_rpc_options *options, struct spore_rpc **out)
{
	if (options != NULL && options->in_flight > MOST_IN_FLIGHT) {
		spore_chan_close(c);
		return SPORE_EINVALID;
	}
	struct spore_rpc *r = new_rpc(options);
	if (r == NULL) {
		spore_chan_close(c);
		return SPORE_ENOMEM;
	}
	r->chan = c;
	r->bytes = spore__chan_is_bytes(c);
	r->port = spore__chan_is_port(c);
	r->barrier = spore__io_barrier_join();
	bool ok = spore__rpc_table_init(r) && spore__rpc_asks_init(r) && spore__rpc_calls_init(r);
	bool wakes = ok && spore__io_wake(r->wake) == 0;
	if (!wakes) {
		spore_rpc_close(r);
		return ok ? SPORE_ESYSTEM : SPORE_ENOMEM;
	}
	gather(r);
	*out = r;
	return SPORE_OK;
}

enum spore_err spore_rpc_open(const char *port, const struct spore_rpc_options *options, struct spore_rpc **r)
{
	// A peer that is swapped goes on with the calls that were sent to the one before.
	bool bytes = options != NULL && options->bytes;
	const struct spore_chan_options how = {
	    .protocol = bytes ? "msgpack-rpc" : "rpc", .bytes = bytes, .stateless = true};
	struct spore_chan *c;
	if (options != NULL && options->in_flight > MOST_IN_FLIGHT)
		return SPORE_EINVALID;
	enum spore_err e = spore_chan_open(port, &how, &c);
	return e == SPORE_OK ? spore_rpc_create(c, options, r) : e;
}

void spore_rpc_close(struct spore_rpc *r)
{
	enum { SOON_MS = 200 };
	bool nested;
	if (r == NULL)
		return;
	(void)spore__rpc_enter(r, &nested);
	r->options.peer = NULL;
	atomic_store(&r->over, SPORE_ECLOSED);
	spore__rpc_drop_parked(r);
	spore__rpc_flush(r);
	atomic_store(&r->closed, true);
	spore__rpc_stop_sending(r);
	spore__rpc_calls_end(r, UINT64_MAX);
	spore__rpc_asks_end(r, UINT64_MAX, SPORE_ECLOSED);
	if (r->queue == NULL && spore_chan_finish(r->chan, SPORE_NOW) == SPORE_OK)
		(void)spore_chan_flush(r->chan, SOON_MS);
	if (r->owns_gather)
		close(r->gather);
	spore_chan_close(r->chan);
	// Of these, other threads may have answered some.
	int64_t open = (int64_t)(atomic_load(&r->called) - atomic_load(&r->answered));
	spore__rpc_leave(r, nested && !r->served);
	if (atomic_fetch_add(&r->owed, open) + open == 0)
		spore__rpc_destroy(r);
}

// ---- looking

const struct spore_chan *spore_rpc_chan(const struct spore_rpc *r)
{
	return r->chan;
}

void *spore_rpc_data(const struct spore_rpc *r)
{
	return r->options.data;
}

void spore_rpc_stats(const struct spore_rpc *r, struct spore_rpc_stats *stats)
{
	*stats = (struct spore_rpc_stats){
	    .asked = spore__rpc_asked(r),
	    .called = spore__rpc_open_calls(r),
	    .asks = atomic_load_explicit(&r->stat_asks, memory_order_relaxed),
	    .calls = atomic_load_explicit(&r->called, memory_order_relaxed),
	    .busy = atomic_load_explicit(&r->stat_busy, memory_order_relaxed),
	    .late = atomic_load_explicit(&r->stat_late, memory_order_relaxed),
	    .queued = atomic_load_explicit(&r->queued, memory_order_relaxed),
	};
}

// ---- for poll

int spore_rpc_fd(const struct spore_rpc *r)
{
	return r->gather;
}

short spore_rpc_events(const struct spore_rpc *r)
{
	(void)r;
	return POLLIN;
}

int spore_rpc_timeout(const struct spore_rpc *r)
{
	int64_t due = atomic_load(&r->next_due);
	if (due == SPORE__RPC_NEVER)
		return -1;
	int64_t left = due - spore__bell_now();
	if (left <= 0)
		return 0;
	left = (left + 999999) / 1000000;
	return left < INT32_MAX ? (int)left : INT32_MAX;
}
