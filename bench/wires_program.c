// The programs of bench/wires:
//	wires-program serve FILE COUNT    serves COUNT clients of the port `clients`, and writes when the first and the last one's message came
//	wires-program connect COUNT       opens so many ports p0, p1 ..., each of which says one word
//	wires-program answer              sends each message of the port `in` back, with the time at which it came in front
//	wires-program first FILE ROUNDS   opens the port `out` anew each round: how long until the first message was at the other program
// Times are nanoseconds of the monotonic clock, one a line.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <spore/chan.h>

static _Noreturn void fail(const char *what, enum spore_err e)
{
	fprintf(stderr, "%s: %s\n", what, spore_err_text(e));
	exit(1);
}

static void check(enum spore_err e, const char *what)
{
	if (e != SPORE_OK)
		fail(what, e);
}

static long long now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

// Whole at once: who waits for the file finds all of it.
static void put(const char *path, const long long *times, size_t count)
{
	char other[4096];
	snprintf(other, sizeof other, "%s.new", path);
	FILE *f = fopen(other, "w");
	for (size_t i = 0; f != NULL && i < count; i++)
		fprintf(f, "%lld\n", times[i]);
	if (f == NULL || fclose(f) != 0 || rename(other, path) != 0) {
		perror(path);
		exit(1);
	}
}

static void wait_for_stop(void)
{
	while (!spore_stop_wait(1000))
		;
}

static void serve(const char *path, long count)
{
	struct spore_port *p;
	struct spore_chan *c;
	long long times[2] = {0};
	char word[8];
	size_t len;
	check(spore_port_open("clients", NULL, &p), "open");
	spore_ready();
	for (long i = 0; i < count; i++) {
		check(spore_port_accept(p, SPORE_FOREVER, &c), "accept");
		check(spore_chan_recv(c, word, sizeof word, &len, SPORE_FOREVER), "receive");
		if (i == 0)
			times[0] = now();
	}
	times[1] = now();
	put(path, times, 2);
	wait_for_stop();
}

static void open_many(long count)
{
	struct spore_chan **all = calloc((size_t)count, sizeof(struct spore_chan *));
	if (all == NULL)
		fail("memory", SPORE_ENOMEM);
	for (long i = 0; i < count; i++) {
		char name[32];
		snprintf(name, sizeof name, "p%ld", i);
		check(spore_chan_open(name, NULL, &all[i]), "open");
	}
	spore_ready();
	for (long i = 0; i < count; i++)
		check(spore_chan_send(all[i], "hello", 5, SPORE_FOREVER), "send");
	wait_for_stop();
	free(all);
}

static void answer(void)
{
	struct spore_chan *c;
	long long came;
	check(spore_chan_open("in", NULL, &c), "open");
	spore_ready();
	while (!spore_stop_requested()) {
		char word[8];
		size_t len;
		if (spore_chan_recv(c, word, sizeof word, &len, 1000) != SPORE_OK)
			continue; // gone, and come again: a round is over
		came = now();
		// The same is said to who sends.
		for (enum spore_err e = SPORE_ECLOSED; e == SPORE_ECLOSED || e == SPORE_ERETURNED;)
			e = spore_chan_send(c, &came, sizeof came, 1000);
	}
}

static void first(const char *path, long rounds)
{
	long long *took = calloc((size_t)rounds, sizeof *took);
	if (took == NULL)
		fail("memory", SPORE_ENOMEM);
	spore_ready();
	for (long i = 0; i < rounds; i++) {
		struct spore_chan *c;
		long long came;
		size_t len;
		const struct timespec pause = {.tv_nsec = 5000000}; // the node has done with the round before
		nanosleep(&pause, NULL);
		long long began = now();
		check(spore_chan_open("out", NULL, &c), "open");
		check(spore_chan_send(c, "hello", 5, SPORE_FOREVER), "send");
		check(spore_chan_recv(c, &came, sizeof came, &len, SPORE_FOREVER), "receive");
		took[i] = came - began;
		spore_chan_close(c);
	}
	put(path, took, (size_t)rounds);
	free(took);
	wait_for_stop();
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "serve") == 0)
		serve(argv[2], atol(argv[3]));
	else if (argc == 3 && strcmp(argv[1], "connect") == 0)
		open_many(atol(argv[2]));
	else if (argc == 2 && strcmp(argv[1], "answer") == 0)
		answer();
	else if (argc == 4 && strcmp(argv[1], "first") == 0)
		first(argv[2], atol(argv[3]));
	else
		return 2;
	return 0;
}
