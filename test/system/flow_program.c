// What test_fault sends through wires whose faults change. Each message has a number, and one of many lengths; numbers begin with 0 and have no gaps.
//	flow_program give PORT COUNT US      sends so many, one each US microseconds (0: as fast as it goes), then finishes; never receives
//	flow_program take PORT US            receives, and does something else for US after each; never sends
//	flow_program both PORT COUNT US      gives in one thread and takes in another
//	flow_program ask PORT COUNT US       sends one after the other, and waits for each to come back
//	flow_program answer PORT             sends back what it receives
// Once its peer has finished, one that takes prints `received COUNT, WRONG wrong`; one that gives prints `sent COUNT, LOST lost` at its end.
// How many it has sent so far is in the file that FLOW_SENT names, if it does, 8 bytes.
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <spore/chan.h>

enum { LARGEST = 100000 };

struct part {
	struct spore_chan *c;
	long count, us;
};

static _Atomic uint64_t unheard, *sent = &unheard;

static bool count_in(const char *path)
{
	if (path == NULL)
		return true;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, sizeof *sent) != 0)
		return false;
	void *map = mmap(NULL, sizeof *sent, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	sent = map != MAP_FAILED ? map : NULL;
	return sent != NULL;
}

static size_t length_of(long number)
{
	if (number % 997 == 0)
		return LARGEST;
	return number % 31 == 0 ? 2000 : sizeof number + (size_t)(number % 50);
}

static void rest(long us)
{
	const struct timespec t = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
	if (us > 0)
		(void)nanosleep(&t, NULL);
}

static bool send_number(struct spore_chan *c, long number)
{
	static char bytes[LARGEST];
	enum spore_err e;
	memcpy(bytes, &number, sizeof number);
	do
		e = spore_chan_send(c, bytes, length_of(number), SPORE_FOREVER);
	while (e == SPORE_ERETURNED);
	if (e == SPORE_OK)
		atomic_fetch_add(sent, 1);
	else
		printf("not sent: %s\n", spore_err_text(e));
	return e == SPORE_OK;
}

static bool receive_number(struct spore_chan *c, long *number)
{
	static char bytes[LARGEST];
	size_t len;
	enum spore_err e;
	do
		e = spore_chan_recv(c, bytes, sizeof bytes, &len, SPORE_FOREVER);
	while (e == SPORE_ERETURNED);
	if (e == SPORE_OK)
		memcpy(number, bytes, sizeof *number);
	else if (e != SPORE_EEND)
		printf("not received: %s\n", spore_err_text(e));
	if (e == SPORE_OK && len != length_of(*number))
		*number = -1;
	return e == SPORE_OK;
}

static void *give(void *arg)
{
	const struct part *p = arg;
	struct spore_chan_stats stats;
	for (long i = 0; i < p->count; i++) {
		if (!send_number(p->c, i))
			break;
		rest(p->us);
	}
	while (spore_chan_finish(p->c, SPORE_FOREVER) == SPORE_ERETURNED)
		;
	spore_chan_stats(p->c, &stats);
	printf("sent %llu, %llu lost\n", (unsigned long long)stats.sent, (unsigned long long)stats.lost);
	fflush(stdout);
	return NULL;
}

static void *take(void *arg)
{
	const struct part *p = arg;
	long number, count = 0, wrong = 0;
	for (; receive_number(p->c, &number); count++) {
		wrong += number != count;
		if (number != count && wrong < 5)
			printf("%ld in place of %ld\n", number, count);
		rest(p->us);
	}
	printf("received %ld, %ld wrong\n", count, wrong);
	fflush(stdout);
	return NULL;
}

static void ask(const struct part *p)
{
	long number, i = 0, wrong = 0;
	for (; i < p->count && send_number(p->c, i) && receive_number(p->c, &number); i++) {
		wrong += number != i;
		rest(p->us);
	}
	printf("received %ld, %ld wrong\n", i, wrong);
	fflush(stdout);
}

static void answer(const struct part *p)
{
	long number;
	while (receive_number(p->c, &number) && send_number(p->c, number))
		;
}

int main(int argc, char **argv)
{
	struct part p = {0};
	pthread_t other;
	bool both = argc == 5 && strcmp(argv[1], "both") == 0;
	if (argc < 3 || !count_in(getenv("FLOW_SENT")) || spore_chan_open(argv[2], NULL, &p.c) != SPORE_OK)
		return 2;
	spore_ready();
	if (argc == 5) {
		p.count = atol(argv[3]);
		p.us = atol(argv[4]);
	} else if (argc == 4) {
		p.us = atol(argv[3]);
	}
	struct part taking = {.c = p.c};
	if (both && pthread_create(&other, NULL, take, &taking) != 0)
		return 2;
	if (both || strcmp(argv[1], "give") == 0)
		give(&p);
	else if (strcmp(argv[1], "take") == 0)
		take(&p);
	else if (strcmp(argv[1], "ask") == 0)
		ask(&p);
	else
		answer(&p);
	if (both)
		(void)pthread_join(other, NULL);
	(void)spore_stop_wait(-1);
	spore_chan_close(p.c);
	return 0;
}
