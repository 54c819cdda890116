// A small call and its answer, beside the round trip of the channel under it and the same call over a Unix socket: rpc [ROUNDS]. Two processes, each on
// its processor where there are two, and each waits as the library does. In each round every one is measured once, in turn, over a new channel, for so
// short a time that some rounds are free of what else the machine does: what is said are the best and the median of all, and of the ratios to the channel
// in the same round. Nothing fails for being slow.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE // sched_setaffinity
#endif
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "chan/chan.h"
#include "spore/rpc.h"

enum { MOST = 401, WARM = 2000, MESSAGE = 24, TOO_LONG = 60 };

static const struct {
	const char *name, *transport;
	bool calls;
	int count;
} rows[] = {
    {"round trip of 24 B, shared memory", "ring", false, 20000},
    {"call and answer, shared memory", "ring", true, 20000},
    {"round trip of 24 B, Unix socket", "stream", false, 1000},
    {"call and answer, Unix socket", "stream", true, 1000},
};
enum { ROWS = sizeof rows / sizeof rows[0] };

static _Noreturn void fail(const char *what)
{
	perror(what);
	exit(1);
}

static double now(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void pin(int cpu)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET((unsigned)cpu, &set);
	(void)sched_setaffinity(0, sizeof set, &set); // on one core it is worse, and still true
}

static void add(struct spore_rpc_call *call, void *data)
{
	(void)data;
	int64_t a, b;
	if (spore_rpc_int(call, 0, "a", &a) && spore_rpc_int(call, 1, "b", &b)) {
		spore_write_int(spore_rpc_result(call, 0), a + b);
		spore_rpc_done(call);
	}
}

static const struct spore_rpc_method methods[] = {{.name = "add", .handle = add}, {0}};

static void answer(struct spore_chan *c, int row)
{
	char buffer[MESSAGE];
	size_t len;
	if (!rows[row].calls) {
		while (spore_chan_recv(c, buffer, sizeof buffer, &len, SPORE_FOREVER) == SPORE_OK)
			(void)spore_chan_send(c, buffer, len, SPORE_FOREVER);
		return;
	}
	const struct spore_rpc_options options = {.methods = methods};
	struct spore_rpc *r;
	enum spore_err e = spore_rpc_create(c, &options, &r);
	while (e == SPORE_OK)
		e = spore_rpc_turn(r, SPORE_FOREVER);
}

static void call(struct spore_rpc *r, int64_t i)
{
	struct spore_rpc_ask *a;
	struct spore_writer *w;
	struct spore_reader at;
	int64_t sum;
	if (spore_rpc_ask(r, "add", 0, &a, &w) != SPORE_OK)
		fail("ask");
	spore_write_array(w, 2);
	spore_write_int(w, i);
	spore_write_int(w, 2);
	if (spore_rpc_wait(a, SPORE_FOREVER, &at) != SPORE_OK || !spore_read_int(&at, &sum) || sum != i + 2)
		fail("wait");
	spore_rpc_end(a);
}

// Nanoseconds of one.
static double ask(struct spore_chan *c, int row)
{
	struct spore_rpc *r = NULL;
	char buffer[MESSAGE] = {0};
	double start = 0;
	size_t len;
	if (rows[row].calls && spore_rpc_create(c, NULL, &r) != SPORE_OK)
		fail("create");
	int warm = rows[row].count < WARM ? rows[row].count / 2 : WARM;
	for (int i = -warm; i < rows[row].count; i++) {
		if (i == 0)
			start = now();
		if (r != NULL)
			call(r, i);
		else if (spore_chan_send(c, buffer, sizeof buffer, SPORE_FOREVER) != SPORE_OK ||
		         spore_chan_recv(c, buffer, sizeof buffer, &len, SPORE_FOREVER) != SPORE_OK)
			fail("round trip");
	}
	double each = (now() - start) / rows[row].count;
	if (r != NULL)
		spore_rpc_close(r);
	else
		spore_chan_close(c);
	return each;
}

static double measure(int row)
{
	struct spore__channel_end ends[2];
	struct spore_chan *c;
	if (spore__channel_make(rows[row].transport, NULL, ends) != SPORE_OK)
		fail(rows[row].transport);
	pid_t pid = fork();
	if (pid < 0)
		fail("fork");
	pin(pid == 0);
	(void)alarm(TOO_LONG);
	spore__channel_end_close(&ends[pid != 0]);
	if (spore__chan_create(&ends[pid == 0], &c) != SPORE_OK)
		fail("open");
	if (pid == 0) {
		answer(c, row);
		_exit(0);
	}
	double each = ask(c, row);
	(void)waitpid(pid, NULL, 0);
	return each;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

// Of the sorted values.
static double median(const double *values, int n)
{
	return values[n / 2];
}

int main(int argc, char **argv)
{
	static double ns[ROWS][MOST], ratios[ROWS][MOST];
	int rounds = argc > 1 ? atoi(argv[1]) : 101;
	rounds = rounds < 1 ? 1 : rounds > MOST ? MOST : rounds;
	for (int i = 0; i < rounds; i++) {
		for (int row = 0; row < ROWS; row++) {
			ns[row][i] = measure(row);
			ratios[row][i] = ns[row][i] / ns[row / 2 * 2][i]; // to the channel under it
		}
	}
	for (int row = 0; row < ROWS; row++) {
		qsort(ns[row], (size_t)rounds, sizeof ns[row][0], by_value);
		qsort(ratios[row], (size_t)rounds, sizeof ratios[row][0], by_value);
	}
	for (int row = 0; row < ROWS; row++) {
		const double *under = ns[row / 2 * 2];
		printf("%-36s best %8.0f ns  median %8.0f ns  x%.2f of the best, x%.2f median\n", rows[row].name,
		       ns[row][0], median(ns[row], rounds), ns[row][0] / under[0], median(ratios[row], rounds));
	}
	double best = ns[1][0] / ns[0][0];
	printf("goal: a call over shared memory at most x2.00 of the channel's round trip: %s (best of both: x%.2f)\n",
	       best <= 2 ? "reached" : "missed", best);
	return 0;
}
