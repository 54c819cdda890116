// How fast channels are, beside the least that the machine needs and beside what one would use instead: channels [SECONDS PER ROW [PLACE]].
// Every round measures each candidate once, in turn, so that what disturbs the machine disturbs all; medians and ratios of the same run are
// printed, the goals beside them. Nothing fails for being slow.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE // sched_setaffinity
#endif
#include "channels.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	ROUNDS = 15,
	WARM = 64,
	SAMPLES = 20000, // of round trips in a round at most
	ROWS = 16,
	LARGEST = 4 << 20,
};

static double seconds = 0.05; // per measurement
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

struct places {
	const char *name;
	int cpu[2]; // -1: anywhere
};

// ---- one measurement

struct row {
	const struct candidate *c;
	const char *name; // NULL: the candidate's
	size_t size;
	unsigned batch;                                // messages per publication; 0: round trips
	double goal;                                   // of the ratio; 0: none
	double p50[ROUNDS], p99[ROUNDS], p999[ROUNDS]; // ns, or in p50 messages per second
};

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

static double median(const double *values, size_t count)
{
	double sorted[ROUNDS];
	memcpy(sorted, values, count * sizeof sorted[0]);
	qsort(sorted, count, sizeof sorted[0], by_value);
	return sorted[count / 2];
}

static double best(const struct row *r)
{
	double b = r->p50[0];
	for (int i = 1; i < ROUNDS; i++)
		b = (r->batch == 0) == (r->p50[i] < b) ? r->p50[i] : b;
	return b;
}

static void answer(const struct row *r, struct end *e, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		r->c->receive(e, buffer, r->size);
		if (r->batch == 0 || i == count - 1)
			r->c->send(e, buffer, r->batch == 0 || r->size < 64 ? r->size : 64, false);
	}
}

// Round trips; each sample is several of them when they are shorter than the clock's own cost.
static void ask(struct row *r, struct end *e, uint64_t count, unsigned each, int round)
{
	static double samples[SAMPLES];
	size_t n = 0;
	for (uint64_t i = 0; i < count; i += each) {
		uint64_t start = now();
		for (unsigned k = 0; k < each; k++) {
			r->c->send(e, message, r->size, false);
			r->c->receive(e, buffer, r->size);
		}
		if (i >= WARM && n < SAMPLES)
			samples[n++] = (double)(now() - start) / each;
	}
	qsort(samples, n, sizeof samples[0], by_value);
	r->p50[round] = samples[n / 2];
	r->p99[round] = samples[n * 99 / 100];
	r->p999[round] = samples[n * 999 / 1000];
}

static uint64_t warming(const struct row *r)
{
	return r->batch == 0 ? 0 : r->size > 4096 ? 32 : 4096;
}

static void pour(struct row *r, struct end *e, uint64_t count, int round)
{
	for (uint64_t i = 0; i < warming(r); i++)
		r->c->send(e, message, r->size, false);
	uint64_t start = now();
	for (uint64_t i = 0; i < count; i++)
		r->c->send(e, message, r->size, r->batch > 1 && (i + 1) % r->batch != 0 && i + 1 < count);
	r->c->receive(e, buffer, r->size < 64 ? r->size : 64);
	r->p50[round] = (double)count / ((double)(now() - start) / 1e9);
}

static void run(struct row *r, const struct places *p, uint64_t count, unsigned each, int round)
{
	void *made = r->c->make(r->size);
	if (made == NULL)
		return;
	pid_t pid = fork();
	if (pid < 0)
		fail("fork");
	struct end *e;
	if (pid == 0) {
		pin(p->cpu[1]);
		e = r->c->open(made, 1, r->size);
		answer(r, e, warming(r) + count);
		r->c->close(e);
		_exit(0);
	}
	pin(p->cpu[0]);
	e = r->c->open(made, 0, r->size);
	if (r->batch == 0)
		ask(r, e, count, each, round);
	else
		pour(r, e, count, round);
	int status;
	if (waitpid(pid, &status, 0) != pid || status != 0)
		fail("the answering process");
	r->c->close(e);
	r->c->finish(made);
}

// How many make up `seconds`.
static uint64_t calibrate(struct row *r, const struct places *p)
{
	uint64_t count = r->batch == 0 ? 2000 : r->size > 100000 ? 20 : 2000;
	for (;;) {
		uint64_t start = now();
		run(r, p, count, 1, 0);
		double took = (double)(now() - start) / 1e9;
		if (took > seconds / 2 || count > 1U << 26)
			return count;
		count *= 2;
	}
}

static void table(const char *title, const struct places *p, struct row *rows, size_t count)
{
	uint64_t counts[ROWS];
	unsigned each[ROWS];
	for (size_t i = 0; i < count; i++) {
		counts[i] = calibrate(&rows[i], p);
		each[i] = rows[i].batch == 0 && rows[i].p50[0] < 2000 ? 16 : 1;
		counts[i] -= counts[i] % 16;
	}
	for (int round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < count; i++)
			run(&rows[i], p, counts[i], each[i], round);
	}
	printf("\n%s, %s\n", title, p->name);
	for (size_t i = 0; i < count; i++) {
		const struct row *r = &rows[i];
		// Bytes, where the sizes are not the same; of large messages always.
		double each_one = r->size < 4096 ? 1e-6 : (double)r->size / 1e9;
		double base_one = r->batch == 0 ? 1 : rows[0].size < 4096 ? 1e-6 : (double)rows[0].size / 1e9;
		each_one = r->batch == 0 ? 1 : each_one;
		double p50 = median(r->p50, ROUNDS) * each_one;
		printf("  %-36s %9.2f %s", r->name != NULL ? r->name : r->c->name, p50,
		       r->batch == 0    ? "ns  "
		       : r->size < 4096 ? "M/s "
		                        : "GB/s");
		if (r->batch == 0)
			printf("  p99 %9.0f  p99.9 %9.0f", median(r->p99, ROUNDS), median(r->p999, ROUNDS));
		printf("  ratio %6.2f, of the best rounds %6.2f", p50 / (median(rows[0].p50, ROUNDS) * base_one),
		       best(r) * each_one / (best(&rows[0]) * base_one));
		if (r->goal > 0)
			printf("  (goal %.2f)", r->goal);
		printf("\n");
	}
	fflush(stdout);
}

static double copy_speed(size_t size) // GB/s
{
	double best[ROUNDS];
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t start = now(), bytes = 0;
		while (now() - start < (uint64_t)(seconds * 1e8)) {
			for (int k = 0; k < 8; k++, bytes += size) {
				memcpy(buffer, message, size);
				atomic_signal_fence(memory_order_seq_cst);
			}
		}
		best[i] = (double)bytes / (double)(now() - start);
	}
	return median(best, ROUNDS);
}

int main(int argc, char **argv)
{
	const struct places two = {"two cores", {0, 1}}, one = {"one core", {0, 0}}, any = {"not pinned", {-1, -1}};
	if (argc > 1)
		seconds = atof(argv[1]) / ROUNDS;
	memset(message, 1, sizeof message);
	memset(buffer, 2, sizeof buffer);
	const struct places *const all[] = {&any, &two, &one};
	for (int i = 0; i < 3; i++) {
		const struct places *p = all[i];
		if (argc > 2 && strcmp(argv[2], p->name) != 0)
			continue;
		if (p == &two && sysconf(_SC_NPROCESSORS_ONLN) < 2)
			continue;
		if (p != &one) {
			struct row spin[] = {
			    {.c = &line, .size = 8},
			    {.c = &line_payload, .size = 56},
			    {.c = &simple_ring, .size = 64},
			    {.c = &spinning, .name = "spore, spinning, 56 B", .size = 56, .goal = 1.6},
			    {.c = &spinning, .name = "spore, spinning, 64 B", .size = 64, .goal = 1.7},
			    {.c = &adaptive, .name = "spore, 56 B", .size = 56, .goal = 3},
			    {.c = &adaptive, .name = "spore, 1 KiB", .size = 1024},
			};
			table("round trip", p, spin, sizeof spin / sizeof spin[0]);
		}
		struct row slow[] = {
		    {.c = &pipe_pair, .size = 56},
		    {.c = &unix_stream, .size = 56},
		    {.c = &blocking, .size = 56, .goal = 1.1},
		    {.c = &adaptive, .size = 56, .goal = p == &one ? 1.5 : 0},
		    {.c = &our_stream, .size = 56},
		};
		table("round trip, 56 B", p, slow, sizeof slow / sizeof slow[0]);
		if (p == &one)
			continue;
		struct row small[] = {
		    {.c = &simple_ring, .size = 64, .batch = 1},
		    {.c = &simple_ring, .name = "simple ring, batches of 16", .size = 64, .batch = 16},
		    {.c = &pipe_pair, .size = 64, .batch = 1},
		    {.c = &adaptive, .name = "spore, each published", .size = 64, .batch = 1, .goal = 0.5},
		    {.c = &adaptive, .name = "spore, batches of 16", .size = 64, .batch = 16, .goal = 1.5},
		    {.c = &adaptive, .name = "spore, 56 B, each published", .size = 56, .batch = 1},
		    {.c = &adaptive, .name = "spore, 1 KiB", .size = 1024, .batch = 1},
		    {.c = &untouched, .name = "spore, loan of 64 KiB untouched", .size = 65000, .batch = 1},
		    {.c = &our_stream, .size = 64, .batch = 1},
		    {.c = &our_stream, .name = "spore, over a stream, batches", .size = 64, .batch = 16},
		};
		table("messages of 64 B", p, small, sizeof small / sizeof small[0]);
		for (size_t size = 65536; size <= LARGEST; size *= 64) {
			char title[64];
			double copy = copy_speed(size);
			struct row large[] = {
			    {.c = &byte_ring, .size = size, .batch = 1},
			    {.c = &pipe_pair, .size = size, .batch = 1},
			    {.c = &unix_stream, .size = size, .batch = 1},
			    {.c = &adaptive, .size = size, .batch = 1, .goal = size > 65536 ? 1.1 : 0.9},
			    {.c = &in_place, .size = size, .batch = 1},
			    {.c = &untouched, .size = size, .batch = 1},
			    {.c = &our_stream, .size = size, .batch = 1},
			};
			snprintf(title, sizeof title, "%zu KiB (memcpy %.1f GB/s)", size / 1024, copy);
			table(title, p, large, sizeof large / sizeof large[0]);
		}
	}
	return 0;
}
