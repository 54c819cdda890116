// A conversation and many threads, over every transport.
#include "rpc_rig.h"

#include <time.h>
#include <unistd.h>

static void *hammer(void *arg)
{
	struct spore_rpc *r = arg;
	for (int i = 0; i < 300; i++)
		rig_check_add(r, i, i);
	return NULL;
}

static void case_threads(const char *transport)
{
	enum { THREADS = 4 };
	struct rig p;
	pthread_t threads[THREADS];
	rig_open(&p, transport, NULL, NULL);
	rig_start(&p);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hammer, p.a), 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(atomic_load(&p.ran), THREADS * 300);
	rig_stop(&p);
	rig_close(&p);
}

// Both ends call without pause, from two threads each, and neither reads for a while.
struct flood {
	struct spore_rpc *r;
	unsigned accepted;
	struct ended *ended;
	unsigned count;
};

static void *flood(void *arg)
{
	struct flood *f = arg;
	unsigned char bytes[1000] = {0};
	for (unsigned i = 0; i < f->count; i++) {
		struct spore_rpc_ask *a;
		struct spore_writer *w;
		enum spore_err e = spore_rpc_ask(f->r, "echo", 0, &a, &w);
		if (e == SPORE_OK) {
			spore_write_array(w, 1);
			spore_write_bytes(w, bytes, sizeof bytes);
			e = spore_rpc_start(a, SPORE_FOREVER, rig_note_end, f->ended);
		}
		if (e == SPORE_OK)
			f->accepted++;
		else
			assert_int_equal(e, SPORE_EBUSY);
	}
	return NULL;
}

static void case_flood(const char *transport)
{
	enum { THREADS = 4, EACH = 2000 };
	struct rig p;
	struct spore_rpc_options wide[2] = {{.in_flight = 10000, .outgoing = 1 << 20},
	                                    {.in_flight = 10000, .outgoing = 1 << 20}};
	struct flood floods[THREADS];
	struct ended ended[2] = {0};
	pthread_t threads[THREADS];
	rig_open(&p, transport, &wide[0], &wide[1]);
	unsigned sent[2] = {0};
	for (int i = 0; i < THREADS; i++) {
		floods[i] = (struct flood){.r = i % 2 ? p.b : p.a, .ended = &ended[i % 2], .count = EACH};
		assert_int_equal(pthread_create(&threads[i], NULL, flood, &floods[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		sent[i % 2] += floods[i].accepted;
	}
	assert_true(sent[0] > 0 && sent[1] > 0);
	rig_start(&p);
	rig_turn_until(p.a, &ended[0], sent[0]);
	time_t late = time(NULL) + SOON / 1000;
	while (atomic_load(&ended[1].count) < sent[1] && time(NULL) < late)
		(void)spore_rpc_turn(p.a, 20);
	assert_int_equal(atomic_load(&ended[1].count), sent[1]);
	rig_stop(&p);
	rig_close(&p);
}

// ---- many calls, many in flight

enum { CALLERS = 4, MOST = 128, WINDOW = 48 };

struct many {
	struct rig p;
	unsigned each;
	atomic_uchar *answers; // of each call
	atomic_int flying, most;
	atomic_uint busy, over;
	pthread_mutex_t lock;
	pthread_cond_t moved; // a call is over, or the first was refused
	unsigned moves;
	pthread_t helper; // answers what the handler leaves to it
	struct spore_rpc_call *left;
	atomic_bool stop;
};

struct caller {
	struct many *m;
	unsigned first;
	pthread_t thread;
};

static void move(struct many *m)
{
	pthread_mutex_lock(&m->lock);
	m->moves++;
	(void)pthread_cond_broadcast(&m->moved);
	pthread_mutex_unlock(&m->lock);
}

static void answer_twice(struct spore_rpc_call *call)
{
	int64_t n;
	if (spore_rpc_int(call, 0, "n", &n)) {
		spore_write_int(spore_rpc_result(call, 0), 2 * n);
		spore_rpc_done(call);
	}
}

// Every third is answered by another thread, if that is free.
static void twice(struct spore_rpc_call *call, void *data)
{
	struct many *m = data;
	static unsigned turn; // of the thread that serves
	if (++turn % 3 == 0) {
		pthread_mutex_lock(&m->lock);
		bool free = m->left == NULL;
		if (free)
			m->left = call;
		(void)pthread_cond_broadcast(&m->moved);
		pthread_mutex_unlock(&m->lock);
		if (free)
			return;
	}
	answer_twice(call);
}

static void *help(void *arg)
{
	struct many *m = arg;
	pthread_mutex_lock(&m->lock);
	while (!atomic_load(&m->stop) || m->left != NULL) {
		struct spore_rpc_call *call = m->left;
		m->left = NULL;
		if (call == NULL) {
			(void)pthread_cond_wait(&m->moved, &m->lock);
			continue;
		}
		pthread_mutex_unlock(&m->lock);
		answer_twice(call);
		pthread_mutex_lock(&m->lock);
	}
	pthread_mutex_unlock(&m->lock);
	return NULL;
}

static void note_answer(struct many *m, unsigned n, enum spore_err e, struct spore_reader *result)
{
	int64_t got;
	assert_int_equal(e, SPORE_OK);
	assert_true(spore_read_int(result, &got));
	assert_int_equal(got, 2 * (int64_t)n);
	atomic_fetch_add(&m->answers[n], 1);
	atomic_fetch_add(&m->over, 1);
	atomic_fetch_sub(&m->flying, 1);
}

struct one {
	struct many *m;
	unsigned n;
};

static void take_answer(struct spore_rpc_ask *a, enum spore_err e, struct spore_reader result, void *arg)
{
	struct one *one = arg;
	(void)a;
	note_answer(one->m, one->n, e, &result);
	move(one->m);
	free(one);
}

// A slot for a call: none is free while as many are in flight as may be, and then this waits for one that is over.
static struct spore_rpc_ask *begin_one(struct many *m, unsigned n, bool *refused)
{
	struct spore_rpc_ask *a = NULL;
	struct spore_writer *w;
	pthread_mutex_lock(&m->lock);
	unsigned seen = m->moves;
	pthread_mutex_unlock(&m->lock);
	enum spore_err e = spore_rpc_ask(m->p.a, "twice", 0, &a, &w);
	*refused = e == SPORE_EBUSY;
	if (*refused) {
		if (atomic_fetch_add(&m->busy, 1) == 0)
			move(m);
		pthread_mutex_lock(&m->lock);
		while (m->moves == seen)
			(void)pthread_cond_wait(&m->moved, &m->lock);
		pthread_mutex_unlock(&m->lock);
		return NULL;
	}
	assert_int_equal(e, SPORE_OK);
	int flying = atomic_fetch_add(&m->flying, 1) + 1, most = atomic_load(&m->most);
	while (flying > most && !atomic_compare_exchange_weak(&m->most, &most, flying))
		;
	spore_write_array(w, 1);
	spore_write_int(w, n);
	return a;
}

static void *call_with_a_function(void *arg)
{
	const struct caller *c = arg;
	for (unsigned n = c->first; n < c->first + c->m->each;) {
		bool refused;
		struct spore_rpc_ask *a = begin_one(c->m, n, &refused);
		if (refused)
			continue;
		struct one *one = malloc(sizeof *one);
		assert_non_null(one);
		*one = (struct one){c->m, n++};
		assert_int_equal(spore_rpc_start(a, n % 7 == 0 ? 10 * SOON : SPORE_FOREVER, take_answer, one),
		                 SPORE_OK);
	}
	return NULL;
}

static void *call_and_wait(void *arg)
{
	const struct caller *c = arg;
	struct spore_rpc_ask *asks[WINDOW];
	unsigned n = c->first, end = c->first + c->m->each;
	while (n < end) {
		unsigned count = 0;
		bool refused = false;
		while (count < WINDOW && n + count < end && !(refused && count > 0)) {
			asks[count] = begin_one(c->m, n + count, &refused);
			if (!refused) {
				assert_int_equal(spore_rpc_start(asks[count], SPORE_FOREVER, NULL, NULL), SPORE_OK);
				count++;
			}
		}
		for (unsigned i = 0; i < count; i++) {
			struct spore_reader result;
			enum spore_err e = spore_rpc_wait(asks[i], SPORE_FOREVER, &result);
			note_answer(c->m, n + i, e, &result);
			spore_rpc_end(asks[i]);
			move(c->m);
		}
		n += count;
	}
	return NULL;
}

static void check_many(const struct many *m)
{
	struct spore_rpc_stats stats;
	for (unsigned n = 0; n < CALLERS * m->each; n++)
		assert_int_equal(m->answers[n], 1);
	assert_true(atomic_load(&m->busy) > 0);
	assert_true(atomic_load(&m->most) <= MOST);
	spore_rpc_stats(m->p.a, &stats);
	assert_int_equal(stats.asked, 0);
	assert_int_equal(stats.asks, CALLERS * m->each);
	spore_rpc_stats(m->p.b, &stats);
	assert_int_equal(stats.calls, CALLERS * m->each);
	assert_int_equal(stats.busy, 0); // the bound holds before anything is sent
}

static void case_many(const char *transport)
{
	static const struct spore_rpc_method methods[] = {{.name = "twice", .handle = twice}, {0}};
	struct many m = {.each = strcmp(transport, "ring") == 0 ? 25000 : 2500};
	struct spore_rpc_options serves = {.methods = methods, .data = &m};
	struct caller callers[CALLERS];
	assert_int_equal(pthread_mutex_init(&m.lock, NULL), 0);
	assert_int_equal(pthread_cond_init(&m.moved, NULL), 0);
	m.answers = calloc(CALLERS * (size_t)m.each, sizeof m.answers[0]);
	assert_non_null(m.answers);
	rig_open(&m.p, transport, NULL, &serves);
	assert_int_equal(pthread_create(&m.helper, NULL, help, &m), 0);
	for (unsigned i = 0; i < CALLERS; i++) {
		callers[i] = (struct caller){.m = &m, .first = i * m.each};
		void *(*const how)(void *arg) = i % 2 == 0 ? call_with_a_function : call_and_wait;
		assert_int_equal(pthread_create(&callers[i].thread, NULL, how, &callers[i]), 0);
	}
	pthread_mutex_lock(&m.lock); // nobody serves before one of them was refused
	while (atomic_load(&m.busy) == 0)
		(void)pthread_cond_wait(&m.moved, &m.lock);
	pthread_mutex_unlock(&m.lock);
	rig_start(&m.p);
	while (atomic_load(&m.over) < CALLERS * m.each) {
		enum spore_err e = spore_rpc_turn(m.p.a, 20);
		assert_true(e == SPORE_OK || e == SPORE_EBUSY || e == SPORE_ETIMEOUT);
	}
	for (unsigned i = 0; i < CALLERS; i++)
		assert_int_equal(pthread_join(callers[i].thread, NULL), 0);
	atomic_store(&m.stop, true);
	move(&m);
	assert_int_equal(pthread_join(m.helper, NULL), 0);
	rig_stop(&m.p);
	check_many(&m);
	rig_close(&m.p);
	free(m.answers);
	(void)pthread_cond_destroy(&m.moved);
	(void)pthread_mutex_destroy(&m.lock);
}

static rig_case *const cases[] = {case_threads, case_flood, case_many, NULL};

int main(void)
{
	return rig_run(cases);
}
