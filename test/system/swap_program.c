// What test_swap swaps. Numbered messages, as fast as they go:
//	swap_program send PORT FILE        sends 0, 1, 2, ... until there is a FILE, then how many they were; prints `sent N`
//	swap_program pass IN OUT           passes on what it receives; takes the stop request
//	swap_program deaf IN OUT           likewise, and does not: it ends when there is no more to receive
//	swap_program take PORT             prints `took FROM TO` when it stops: the numbers that came, in order; else `wrong`
//	swap_program pub IN OUT            as pass, and publishes it
//	swap_program broadcast PORT FILE   as send, and publishes it, once it has a subscriber
//	swap_program relay IN OUT          as pass, and subscribes
//	swap_program repub IN OUT          likewise, and publishes it
//	swap_program sub PORT SLOW         as take; it subscribes. What a slow one lost has to have been counted
//	swap_program ask PORT FILE         asks for each number until there is a FILE, one after the other; prints `asked N`
//	swap_program serve PORT            answers those who ask
// SWAP_FOLDER in the environment: before it is ready it waits until there is no file `wait` there, and fails when there is `fail`; with
// `slow` it takes its time to stop until that is gone. STATELESS=1: its peers may be swapped without a word. TOLERANT=1: they may
// end as well. SLOWLY=1: it sends a number each 2 ms. LOSSES=1: `took` also says how many are missing between those that came, and how many are known
// to have been lost, which may be more.
#include <inttypes.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <spore/chan.h>

#define LAST UINT64_MAX // behind it the number of messages

enum { PEERS = 16 };

static uint64_t returned;
static bool tolerant;

static _Noreturn void fail(const char *what, enum spore_err e)
{
	printf("%s: %s\n", what, spore_err_text(e));
	fflush(stdout);
	_exit(4);
}

static bool is_there(const char *name)
{
	const char *folder = getenv("SWAP_FOLDER");
	char path[1024];
	return folder != NULL && (size_t)snprintf(path, sizeof path, "%s/%s", folder, name) < sizeof path &&
	       access(path, F_OK) == 0;
}

static void pause_briefly(void)
{
	const struct timespec brief = {.tv_nsec = 2000000};
	(void)nanosleep(&brief, NULL);
}

static struct spore_chan *open_as(const char *port, enum spore_shape shape, enum spore_slow slow)
{
	const char *stateless = getenv("STATELESS");
	const struct spore_chan_options options = {
	    .shape = shape, .slow = slow, .stateless = stateless != NULL && strcmp(stateless, "1") == 0};
	struct spore_chan *c;
	enum spore_err e = spore_chan_open(port, &options, &c);
	if (e != SPORE_OK)
		fail(port, e);
	return c;
}

static struct spore_chan *open_port(const char *port)
{
	return open_as(port, SPORE_CONNECT, SPORE_SLOW_BLOCK);
}

static void become_ready(void)
{
	while (is_there("wait"))
		pause_briefly();
	if (is_there("fail"))
		_exit(3);
	spore_ready();
}

static void stop_slowly(void)
{
	if (is_there("slow")) {
		printf("slow\n");
		fflush(stdout);
	}
	while (is_there("slow"))
		pause_briefly();
}

static void give(struct spore_chan *c, const void *data, size_t len)
{
	enum spore_err e;
	// That it is to stop is said once; what was begun is brought to its end.
	while ((e = spore_chan_send(c, data, len, SPORE_FOREVER)) == SPORE_ERETURNED || e == SPORE_ECANCELLED ||
	       (e == SPORE_ECLOSED && tolerant))
		returned += e != SPORE_ECANCELLED;
	if (e != SPORE_OK)
		fail("send", e);
}

static void await_subscriber(struct spore_chan *c)
{
	struct spore_chan_stats stats = {0};
	for (; stats.subscribers == 0; spore_chan_stats(c, &stats)) {
		(void)spore_chan_flush(c, SPORE_NOW);
		pause_briefly();
	}
}

static int send_numbers(const char *port, const char *file, enum spore_shape shape)
{
	struct spore_chan *c = open_as(port, shape, SPORE_SLOW_BLOCK);
	unsigned char message[300] = {0};
	uint64_t n = 0;
	become_ready();
	bool slowly = getenv("SLOWLY") != NULL;
	if (shape == SPORE_PUBLISH)
		await_subscriber(c);
	for (; (n & 255) != 0 || access(file, F_OK) != 0; n++) {
		memcpy(message, &n, sizeof n);
		give(c, message, n % 7 == 0 ? sizeof message : sizeof n);
		if (slowly)
			pause_briefly();
	}
	const uint64_t last[2] = {LAST, n};
	give(c, last, sizeof last);
	printf("sent %" PRIu64 ", returned %" PRIu64 "\n", n, returned);
	fflush(stdout);
	(void)spore_stop_wait(-1);
	return 0;
}

static int pass(const char *in, enum spore_shape takes, const char *out, enum spore_shape gives, bool listens)
{
	struct spore_chan *from = open_as(in, takes, SPORE_SLOW_BLOCK), *to = open_as(out, gives, SPORE_SLOW_BLOCK);
	static unsigned char message[4096];
	enum spore_err e = SPORE_OK;
	size_t len;
	become_ready();
	while (e == SPORE_OK || e == SPORE_ETIMEOUT || e == SPORE_ENOTWIRED || e == SPORE_ERETURNED ||
	       e == SPORE_ECANCELLED || (e == SPORE_ECLOSED && tolerant)) {
		if (listens && spore_stop_requested())
			break;
		e = spore_chan_recv(from, message, sizeof message, &len, listens ? 20 : SPORE_FOREVER);
		if (e == SPORE_OK)
			give(to, message, len);
	}
	if (e == SPORE_ECLOSED && !tolerant)
		fail("recv", e);
	stop_slowly();
	spore_chan_close(to); // when the peer has received it: that one may be swapped as well
	return 0;
}

static enum spore_slow slow_of(const char *word)
{
	return strcmp(word, "drop-oldest") == 0  ? SPORE_SLOW_DROP
	       : strcmp(word, "disconnect") == 0 ? SPORE_SLOW_DISCONNECT
	                                         : SPORE_SLOW_BLOCK;
}

static uint64_t dropped_by(struct spore_chan *c)
{
	struct spore_chan_stats stats;
	spore_chan_stats(c, &stats);
	return stats.dropped;
}

static int take(struct spore_chan *c, bool drops)
{
	static unsigned char message[4096];
	uint64_t first = 0, next = 0, count = 0, number = 0, missing = 0;
	size_t len;
	become_ready();
	while (!spore_stop_requested()) {
		enum spore_err e = spore_chan_recv(c, message, sizeof message, &len, 20);
		if (e == SPORE_ERETURNED)
			returned++;
		else if (e != SPORE_OK && e != SPORE_ETIMEOUT && e != SPORE_ENOTWIRED && e != SPORE_ECANCELLED &&
		         !(e == SPORE_ECLOSED && tolerant))
			fail("recv", e);
		if (e != SPORE_OK)
			continue;
		memcpy(&number, message, sizeof number);
		if (number == LAST) {
			memcpy(&number, message + 8, sizeof number);
			printf("all %" PRIu64 "\n", number);
		} else if (count > 0 && number > next && drops) {
			missing += number - next;
		} else if (count > 0 && number != next) {
			printf("wrong: %" PRIu64 " after %" PRIu64 "\n", number, next - 1);
		}
		fflush(stdout);
		if (count == 0) {
			first = number;
			printf("begins %" PRIu64 "\n", number);
			fflush(stdout);
		}
		next = number + 1;
		count++;
	}
	stop_slowly();
	bool losses = getenv("LOSSES") != NULL; // before the first one some may be as well
	if (missing > dropped_by(c) || (missing < dropped_by(c) && !losses))
		printf("wrong: %" PRIu64 " are missing, %" PRIu64 " were dropped\n", missing, dropped_by(c));
	printf("took %" PRIu64 " %" PRIu64 ", returned %" PRIu64, first, next, returned);
	if (losses)
		printf(", lost %" PRIu64 " %" PRIu64, missing, dropped_by(c));
	printf(", process %d\n", (int)getpid());
	return 0;
}

static int ask(const char *port, const char *file)
{
	struct spore_chan *c = open_port(port);
	uint64_t n = 0, answer;
	size_t len;
	become_ready();
	for (; access(file, F_OK) != 0; n++) {
		enum spore_err e;
		give(c, &n, sizeof n);
		while ((e = spore_chan_recv(c, &answer, sizeof answer, &len, SPORE_FOREVER)) == SPORE_ERETURNED)
			returned++;
		if (e != SPORE_OK)
			fail("recv", e);
		if (answer != n + 1) {
			printf("wrong: %" PRIu64 " is the answer to %" PRIu64 "\n", answer, n);
			return 5;
		}
	}
	printf("asked %" PRIu64 ", returned %" PRIu64 "\n", n, returned);
	fflush(stdout);
	(void)spore_stop_wait(-1);
	return 0;
}

static int serve(const char *port)
{
	struct spore_port *p;
	struct spore_chan *peers[PEERS] = {0}, *c;
	enum spore_err e = spore_port_open(port, NULL, &p);
	uint64_t number;
	size_t len;
	if (e != SPORE_OK)
		fail(port, e);
	become_ready();
	while (!spore_stop_requested()) {
		struct pollfd polled[2 + PEERS] = {{.fd = spore_stop_fd(), .events = POLLIN},
		                                   {.fd = spore_port_fd(p), .events = POLLIN}};
		for (int i = 0; i < PEERS; i++) {
			if (peers[i] == NULL && spore_port_accept(p, SPORE_NOW, &c) == SPORE_OK)
				peers[i] = c;
			e = SPORE_OK;
			while (peers[i] != NULL &&
			       (e = spore_chan_recv(peers[i], &number, sizeof number, &len, SPORE_NOW)) == SPORE_OK) {
				number++;
				give(peers[i], &number, sizeof number);
			}
			if (e != SPORE_OK && e != SPORE_EAGAIN) {
				spore_chan_close(peers[i]);
				peers[i] = NULL;
			}
			polled[2 + i].fd = peers[i] != NULL ? spore_chan_fd(peers[i]) : -1;
			polled[2 + i].events = POLLIN;
		}
		(void)poll(polled, 2 + PEERS, -1);
	}
	stop_slowly();
	return 0;
}

int main(int argc, char **argv)
{
	tolerant = getenv("TOLERANT") != NULL;
	if (argc == 4 && strcmp(argv[1], "send") == 0)
		return send_numbers(argv[2], argv[3], SPORE_CONNECT);
	if (argc == 4 && strcmp(argv[1], "broadcast") == 0)
		return send_numbers(argv[2], argv[3], SPORE_PUBLISH);
	if (argc == 4 && strcmp(argv[1], "pass") == 0)
		return pass(argv[2], SPORE_CONNECT, argv[3], SPORE_CONNECT, true);
	if (argc == 4 && strcmp(argv[1], "pub") == 0)
		return pass(argv[2], SPORE_CONNECT, argv[3], SPORE_PUBLISH, true);
	if (argc == 4 && strcmp(argv[1], "relay") == 0)
		return pass(argv[2], SPORE_SUBSCRIBE, argv[3], SPORE_CONNECT, true);
	if (argc == 4 && strcmp(argv[1], "repub") == 0)
		return pass(argv[2], SPORE_SUBSCRIBE, argv[3], SPORE_PUBLISH, true);
	if (argc == 4 && strcmp(argv[1], "deaf") == 0)
		return pass(argv[2], SPORE_CONNECT, argv[3], SPORE_CONNECT, false);
	if (argc == 4 && strcmp(argv[1], "ask") == 0)
		return ask(argv[2], argv[3]);
	if (argc == 3 && strcmp(argv[1], "take") == 0)
		return take(open_port(argv[2]), false);
	if (argc == 4 && strcmp(argv[1], "sub") == 0)
		return take(open_as(argv[2], SPORE_SUBSCRIBE, slow_of(argv[3])), strcmp(argv[3], "block") != 0);
	return argc == 3 && strcmp(argv[1], "serve") == 0 ? serve(argv[2]) : 2;
}
