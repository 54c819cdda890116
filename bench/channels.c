// How fast channels are, beside the least that the machine needs and beside what one would use instead: channels [quick|full [PLACE [WHAT [SIZE]]]].
// PLACE: two, one, any (cores); WHAT: trips, streams; SIZE: bytes of a message. Every round measures each candidate once, in turn, so that what disturbs the machine disturbs
// all; what is compared is the medians of the ratios of each round, and the best rounds. Nothing fails for being slow.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE // sched_setaffinity
#endif
#include "channels.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	ROUNDS = 11,
	SAMPLES = 20000, // of round trips in a round at most
	ROWS = 24,
	LARGEST = 4 << 20,
	TOO_LONG = 60, // seconds of one measurement
	BATCH = 16,
};

static struct {
	const char *name;
	int rounds, slow_rounds; // of those that start slowly
	double seconds;          // per measurement
	double most;             // seconds, then what is left is left out
} how = {"full", ROUNDS, 3, 0.03, 900};

static unsigned char message[LARGEST], buffer[LARGEST];

void fail(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void pin(int cpu)
{
	cpu_set_t set;
	if (cpu < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET((unsigned)cpu, &set);
	if (sched_setaffinity(0, sizeof set, &set) != 0)
		fail("sched_setaffinity");
}

static const struct place {
	const char *name, *title;
	int cpu[2]; // -1: anywhere
} places[] = {{"two", "two cores", {0, 1}}, {"one", "one core", {0, 0}}, {"any", "not pinned", {-1, -1}}};

// ---- one measurement

struct figures {
	double p50, p99, p999; // ns, or in p50 messages per second
	double took;           // seconds
};

struct row {
	const struct candidate *c;
	size_t size;
	unsigned batch; // messages per publication; 0: round trips
	uint64_t count;
	unsigned each; // round trips in a sample
	bool out;      // it is not here, or failed
	int rounds;
	struct figures f[ROUNDS];
};

static struct figures *result; // shared with the asking process

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

static uint64_t warming(const struct row *r)
{
	if (r->batch == 0)
		return r->size > 4096 ? 4 : 64;
	return r->size > 4096 ? 64 : 4096;
}

static void answer(const struct row *r, struct end *e)
{
	uint64_t count = r->count + warming(r);
	for (uint64_t i = 0; i < count; i++) {
		r->c->receive(e, buffer, r->size);
		if (r->batch == 0 || i == count - 1)
			r->c->send(e, buffer, r->batch == 0 || r->size < 64 ? r->size : 64, false);
	}
}

// Each sample is several round trips when they are shorter than the clock's own cost.
static void ask(const struct row *r, struct end *e)
{
	static double samples[SAMPLES];
	size_t n = 0;
	for (uint64_t i = 0; i < warming(r); i++) {
		r->c->send(e, message, r->size, false);
		r->c->receive(e, buffer, r->size);
	}
	uint64_t begin = now();
	for (uint64_t i = 0; i < r->count; i += r->each) {
		uint64_t start = now();
		for (unsigned k = 0; k < r->each; k++) {
			r->c->send(e, message, r->size, false);
			r->c->receive(e, buffer, r->size);
		}
		if (n < SAMPLES)
			samples[n++] = (double)(now() - start) / r->each;
	}
	result->took = (double)(now() - begin) / 1e9;
	qsort(samples, n, sizeof samples[0], by_value);
	result->p50 = samples[n / 2];
	result->p99 = samples[n * 99 / 100];
	result->p999 = samples[n * 999 / 1000];
}

static void pour(const struct row *r, struct end *e)
{
	for (uint64_t i = 0; i < warming(r); i++)
		r->c->send(e, message, r->size, false);
	uint64_t start = now();
	for (uint64_t i = 0; i < r->count; i++)
		r->c->send(e, message, r->size, r->batch > 1 && (i + 1) % r->batch != 0 && i + 1 < r->count);
	r->c->receive(e, buffer, r->size < 64 ? r->size : 64);
	result->took = (double)(now() - start) / 1e9;
	result->p50 = (double)r->count / result->took;
}

static pid_t begin(const struct row *r, const struct place *p, void *made, int role)
{
	pid_t pid = fork();
	if (pid < 0)
		fail("fork");
	if (pid > 0)
		return pid;
	alarm(TOO_LONG);
	pin(p->cpu[role]);
	struct end *e = r->c->open(made, role, r->size);
	if (role == 1)
		answer(r, e);
	else if (r->batch == 0)
		ask(r, e);
	else
		pour(r, e);
	r->c->close(e);
	exit(0); // some have things to do then
}

// Both in processes of their own, so that none inherits what another began.
static bool run(struct row *r, const struct place *p)
{
	void *made = r->c->make(r->size);
	if (made == NULL)
		return false;
	bool ok = true;
	fflush(NULL);
	pid_t pids[2] = {begin(r, p, made, 0), begin(r, p, made, 1)};
	// The first that fails takes the other along.
	for (int left = 2; left > 0; left--) {
		int status;
		pid_t pid = wait(&status);
		for (int i = 0; i < 2; i++) {
			if (pids[i] == pid)
				pids[i] = 0;
		}
		if (ok && status != 0) {
			ok = false;
			for (int i = 0; i < 2; i++) {
				if (pids[i] > 0)
					kill(pids[i], SIGKILL);
			}
		}
	}
	r->c->finish(made);
	return ok;
}

// How many make up the time of a measurement.
static void calibrate(struct row *r, const struct place *p)
{
	enum { LEAST = 16, MOST = 1 << 26 };
	r->each = 1;
	r->count = r->size > 100000 ? LEAST : 512;
	for (int tries = 0; tries < 6; tries++) {
		if (!run(r, p)) {
			r->out = true;
			return;
		}
		double more = how.seconds / result->took;
		if (more < 1.5 && (more > 0.7 || r->count == LEAST))
			break;
		uint64_t count = (uint64_t)((double)r->count * (more < 64 ? more : 64));
		r->count = (count < LEAST ? LEAST : count > MOST ? MOST : count) / LEAST * LEAST;
	}
	if (r->batch == 0 && result->p50 < 2000)
		r->each = 16;
}

// ---- tables, goals

struct goal {
	const char *text;
	const char *place; // NULL: any
	size_t size;
	const struct candidate *c, *base;
	unsigned batch, base_batch;
	bool most; // the ratio is to be no more than this, else no less
	double ratio;
	size_t base_size; // 0: `size`
};

static const struct goal goals[] = {
    {"round trip of 56 B, spinning, to a bounced line", "two", 56, &spinning, &line, 0, 0, true, 1.6, 0},
    {"round trip of 64 B, spinning, to a bounced line", "two", 64, &spinning, &line, 0, 0, true, 1.7, 0},
    {"round trip of 56 B to a bounced line", "two", 56, &adaptive, &line, 0, 0, true, 3, 0},
    {"round trip of 56 B, sleeping at once, to a pipe", NULL, 56, &blocking, &pipe_pair, 0, 0, true, 1.1, 0},
    {"round trip of 56 B to a futex", "one", 56, &adaptive, &futex, 0, 0, true, 1.5, 0},
    {"64 B, each published, to the simple ring", "two", 64, &adaptive, &simple_ring, 1, 1, false, 0.5, 0},
    {"64 B in batches to the simple ring", "two", 64, &adaptive, &simple_ring, BATCH, 1, false, 1.5, 0},
    {"64 KiB, copied in and out, to the byte ring", "two", 65536, &adaptive, &byte_ring, 1, 1, false, 0.9, 0},
    {"4 MiB, copied in and out, to the byte ring", "two", LARGEST, &adaptive, &byte_ring, 1, 1, false, 1.1, 0},
    {"4 MiB, read in place, to memcpy", "two", LARGEST, &in_place, &copying, 1, 1, false, 0.5, 0},
    {"a loan of 4 MiB untouched to one of 64 KiB", "two", LARGEST, &untouched, &untouched, 1, 1, false, 0.9, 65536},
    {"a loan of 4 MiB untouched to a message of 64 B", "two", LARGEST, &untouched, &adaptive, 1, 1, false, 1, 64},
};
static char verdicts[64][160];
static unsigned verdict_count;

static double ratio_of(const struct row *r, const struct row *base, bool best)
{
	double ratios[ROUNDS], mine = r->f[0].p50, its = base->f[0].p50;
	int n = r->rounds < base->rounds ? r->rounds : base->rounds;
	bool less = r->batch == 0;
	for (int i = 0; i < n; i++) {
		ratios[i] = r->f[i].p50 / base->f[i].p50;
		mine = less == (r->f[i].p50 < mine) ? r->f[i].p50 : mine;
		its = less == (base->f[i].p50 < its) ? base->f[i].p50 : its;
	}
	qsort(ratios, (size_t)n, sizeof ratios[0], by_value);
	return best ? mine / its : ratios[n / 2];
}

static const struct row *row_of(const struct row *rows, size_t count, const struct candidate *c, unsigned batch,
                                size_t size)
{
	for (size_t i = 0; i < count; i++) {
		if (rows[i].c == c && rows[i].batch == batch && rows[i].size == size && !rows[i].out)
			return &rows[i];
	}
	return NULL;
}

static void judge(const struct place *p, size_t size, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < sizeof goals / sizeof goals[0]; i++) {
		const struct goal *g = &goals[i];
		if (g->size != size || (g->place != NULL && strcmp(g->place, p->name) != 0))
			continue;
		const struct row *r = row_of(rows, count, g->c, g->batch, size);
		const struct row *base =
		    row_of(rows, count, g->base, g->base_batch, g->base_size != 0 ? g->base_size : size);
		if (r == NULL || base == NULL || verdict_count == sizeof verdicts / sizeof verdicts[0])
			continue;
		double median = ratio_of(r, base, false), best = ratio_of(r, base, true);
		snprintf(verdicts[verdict_count++], sizeof verdicts[0], "%-50s %-10s %6.2f %6.2f   at %s %.2f  %s",
		         g->text, p->title, median, best, g->most ? "most" : "least", g->ratio,
		         g->most == (median <= g->ratio) || median == g->ratio ? "reached"
		         : g->most == (best <= g->ratio)                       ? "in the best rounds"
		                                                               : "missed");
	}
}

static double median_of(const struct row *r, size_t offset)
{
	double values[ROUNDS];
	for (int i = 0; i < r->rounds; i++)
		memcpy(&values[i], (const char *)&r->f[i] + offset, sizeof values[i]);
	qsort(values, (size_t)r->rounds, sizeof values[0], by_value);
	return values[r->rounds / 2];
}

static void show(const struct row *r, const struct row *base)
{
	char name[64];
	bool other = r->size != base->size;
	snprintf(name, sizeof name, "%s%s%s", r->c->name, r->batch > 1 ? ", batches" : "",
	         !other          ? ""
	         : r->size == 64 ? ", 64 B"
	                         : ", 64 KiB");
	double p50 = median_of(r, offsetof(struct figures, p50));
	if (r->batch == 0)
		printf("  %-28s %11.0f ns  p99 %10.0f  p99.9 %10.0f  x%.2f\n", name, p50,
		       median_of(r, offsetof(struct figures, p99)), median_of(r, offsetof(struct figures, p999)),
		       ratio_of(r, base, false));
	else
		printf("  %-28s %11.4f M/s  %8.3f GB/s  x%.3f\n", name, p50 / 1e6, p50 * (double)r->size / 1e9,
		       ratio_of(r, base, false));
}

static void measure(const struct place *p, struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		calibrate(&rows[i], p);
	for (int round = 0; round < how.rounds; round++) {
		for (size_t i = 0; i < count; i++) {
			struct row *r = &rows[i];
			if (r->out || (r->c->slow_start && round >= how.slow_rounds))
				continue;
			r->out = !run(r, p);
			r->f[r->rounds++] = *result;
		}
	}
}

static void table(const struct place *p, size_t size, const char *what, struct row *rows, size_t count)
{
	const struct row *base = NULL;
	measure(p, rows, count);
	printf("\n%s of %zu B, %s\n", what, size, p->title);
	for (size_t i = 0; i < count; i++) {
		if (base == NULL && !rows[i].out)
			base = &rows[i];
		if (rows[i].out)
			printf("  %-28s %s%s\n", rows[i].c->name,
			       rows[i].c->package != NULL ? "not here: install " : "failed",
			       rows[i].c->package != NULL ? rows[i].c->package : "");
		else
			show(&rows[i], base);
	}
	judge(p, size, rows, count);
	fflush(stdout);
}

static void add(struct row *rows, size_t *count, const struct place *p, const struct candidate *c, size_t size,
                unsigned batch)
{
	if ((c->most != 0 && size > c->most) || (c->spins && p->cpu[0] >= 0 && p->cpu[0] == p->cpu[1]))
		return;
	rows[(*count)++] = (struct row){.c = c, .size = size, .batch = batch};
}

static void trips(const struct place *p, size_t size)
{
	static const struct candidate *const all[] = {
	    &line,       &line_payload,    &slot_ring,       &simple_ring, &futex,
	    &pipe_pair,  &unix_stream,     &spinning,        &adaptive,    &blocking,
	    &our_stream, &iceoryx_polling, &iceoryx_waiting, &zeromq,      &nng};
	static struct row rows[ROWS];
	size_t count = 0;
	if (size > 64)
		add(rows, &count, p, &byte_ring, size, 0);
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		add(rows, &count, p, all[i], size, 0);
	table(p, size, "round trips", rows, count);
}

static void streams(const struct place *p, size_t size)
{
	static const struct candidate *const others[] = {&pipe_pair,       &unix_stream, &our_stream, &iceoryx_polling,
	                                                 &iceoryx_waiting, &zeromq,      &nng};
	static struct row rows[ROWS];
	size_t count = 0;
	if (size <= 64) {
		add(rows, &count, p, &simple_ring, size, 1);
		add(rows, &count, p, &simple_ring, size, BATCH);
	} else {
		add(rows, &count, p, &byte_ring, size, 1);
	}
	if (size > 1024)
		add(rows, &count, p, &copying, size, 1);
	add(rows, &count, p, &adaptive, size, 1);
	if (size <= 1024) {
		add(rows, &count, p, &adaptive, size, BATCH);
	} else {
		add(rows, &count, p, &in_place, size, 1);
		add(rows, &count, p, &untouched, size, 1);
	}
	if (size == LARGEST) {
		add(rows, &count, p, &untouched, 65536, 1);
		add(rows, &count, p, &adaptive, 64, 1);
	}
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		add(rows, &count, p, others[i], size, 1);
	table(p, size, "streams", rows, count);
}

static void all(const char *place, const char *what, const char *size)
{
	static const size_t sizes[] = {56, 64, 1024, 65536, LARGEST};
	uint64_t start = now();
	for (size_t i = 0; i < 2 * sizeof sizes / sizeof sizes[0] * (sizeof places / sizeof places[0]); i++) {
		const struct place *p = &places[i / 10];
		bool is_stream = i % 10 >= 5;
		if ((place != NULL && strcmp(place, p->name) != 0) ||
		    (what != NULL && strcmp(what, is_stream ? "streams" : "trips") != 0) ||
		    (size != NULL && strtoul(size, NULL, 10) != sizes[i % 5]))
			continue;
		if (p->cpu[1] > 0 && sysconf(_SC_NPROCESSORS_ONLN) < 2)
			continue;
		if ((double)(now() - start) / 1e9 > how.most) {
			printf("\nleft out after %.0f seconds: %s and what follows\n", how.most, p->title);
			return;
		}
		if (is_stream)
			streams(p, sizes[i % 5]);
		else
			trips(p, sizes[i % 5]);
	}
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "quick") == 0) {
		how.name = "quick";
		how.rounds = 3;
		how.slow_rounds = 1;
		how.seconds = 0.015;
		how.most = 180;
	}
	memset(message, 1, sizeof message);
	memset(buffer, 2, sizeof buffer);
	result = mmap(NULL, sizeof *result, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (result == MAP_FAILED)
		fail("mmap");
	printf("channels, %s: %d rounds; x: to the first row, median of the rounds\n", how.name, how.rounds);
	all(argc > 2 ? argv[2] : NULL, argc > 3 ? argv[3] : NULL, argc > 4 ? argv[4] : NULL);
	printf("\n%-61s median best rounds\n", "goals");
	for (unsigned i = 0; i < verdict_count; i++)
		printf("  %s\n", verdicts[i]);
	return 0;
}
