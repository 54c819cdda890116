// What test_look looks at:
//	channel_program echo PORT            serves, one client after the other; sends each message back
//	channel_program take PORT            prints each message that it receives, and `end` or `gone`
//	channel_program give PORT COUNT US   waits for a peer, sends so many messages `message I`, one every US microseconds; prints `gave`, or `gone` when its peer is
//	channel_program deaf PORT            receives nothing
//	channel_program count PORT           prints the first message, then how many came, and whether each was the one after that before, when the peer ends
//	channel_program upper PORT           a port of bytes: sends back what it receives, in capitals, 100 bytes at a time at most; prints how many
//	channel_program dump PORT            a port of bytes: sends a megabyte, and prints what it receives, in pieces of 7 bytes at most
//	channel_program ask PORT             sends one message, finishes, and receives: prints `got` with the first answer, then how many came until which end
//	channel_program answer PORT COUNT    receives until its peer has finished, then sends so many messages as `give` does, and finishes
//	channel_program drain PORT           when it is asked to stop it prints `drains`, and goes on for ever
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <spore/chan.h>

enum { SIZE = 1 << 20 };
static char buffer[SIZE];

static void say(const char *word)
{
	printf("%s\n", word);
	fflush(stdout);
}

static int echo(const char *port)
{
	struct spore_port *p;
	struct spore_chan *c;
	size_t len;
	if (spore_port_open(port, NULL, &p) != SPORE_OK)
		return 1;
	spore_ready();
	while (spore_port_accept(p, SPORE_FOREVER, &c) == SPORE_OK) {
		say("client");
		while (spore_chan_recv(c, buffer, sizeof buffer, &len, SPORE_FOREVER) == SPORE_OK)
			if (spore_chan_send(c, buffer, len, SPORE_FOREVER) != SPORE_OK)
				break;
		say("left");
		spore_chan_close(c);
	}
	return 0;
}

static int take(const char *port, int counts)
{
	struct spore_chan *c;
	size_t len;
	long number, count = 0, wrong = 0;
	if (spore_chan_open(port, NULL, &c) != SPORE_OK)
		return 1;
	spore_ready();
	for (;;) {
		enum spore_err e = spore_chan_recv(c, buffer, sizeof buffer - 1, &len, SPORE_FOREVER);
		if (e == SPORE_OK) {
			buffer[len] = '\0';
			wrong += sscanf(buffer, "message %ld", &number) != 1 || number != count;
			count++;
			if (!counts || count == 1)
				say(buffer);
		} else if (e == SPORE_EEND || e == SPORE_ECLOSED) {
			if (counts && count > 0) {
				printf("%ld messages, %ld wrong\n", count, wrong);
				count = wrong = 0;
			}
			say(e == SPORE_EEND ? "end" : "gone");
			if (e == SPORE_EEND)
				continue;
		} else if (e != SPORE_ERETURNED) {
			return (int)e;
		}
	}
}

static int give(const char *port, long count, long us)
{
	struct spore_chan *c;
	char text[40];
	if (spore_chan_open(port, NULL, &c) != SPORE_OK)
		return 1;
	spore_ready();
	for (long i = 0; i < count; i++) {
		const struct timespec pause = {.tv_nsec = us % 1000000 * 1000, .tv_sec = us / 1000000};
		snprintf(text, sizeof text, "message %ld", i);
		enum spore_err e = spore_chan_send(c, text, strlen(text), SPORE_FOREVER);
		if (e == SPORE_ECLOSED || e == SPORE_ERETURNED)
			say("gone");
		if (e != SPORE_OK)
			return (int)e;
		if (us > 0)
			(void)nanosleep(&pause, NULL);
	}
	(void)spore_chan_finish(c, SPORE_FOREVER);
	say("gave");
	(void)spore_stop_wait(-1);
	spore_chan_close(c);
	return 0;
}

static int deaf(const char *port)
{
	struct spore_chan *c;
	if (spore_chan_open(port, NULL, &c) != SPORE_OK)
		return 1;
	spore_ready();
	(void)spore_stop_wait(-1);
	return 0;
}

static int drain(const char *port)
{
	const struct timespec hour = {.tv_sec = 3600};
	struct spore_chan *c;
	if (spore_chan_open(port, NULL, &c) != SPORE_OK)
		return 1;
	spore_ready();
	(void)spore_stop_wait(-1);
	say("drains");
	for (;;)
		(void)nanosleep(&hour, NULL);
}

static int ask(const char *port)
{
	struct spore_chan *c;
	enum spore_err e;
	size_t len;
	long count = 0;
	if (spore_chan_open(port, NULL, &c) != SPORE_OK)
		return 1;
	spore_ready();
	if (spore_chan_send(c, "question", strlen("question"), SPORE_FOREVER) != SPORE_OK ||
	    spore_chan_finish(c, SPORE_FOREVER) != SPORE_OK)
		return 1;
	for (; (e = spore_chan_recv(c, buffer, sizeof buffer - 1, &len, SPORE_FOREVER)) == SPORE_OK; count++) {
		buffer[len] = '\0';
		if (count == 0)
			printf("got %s\n", buffer);
		fflush(stdout);
	}
	printf("%ld until %s\n", count, e == SPORE_EEND ? "end" : spore_err_text(e));
	fflush(stdout);
	(void)spore_stop_wait(-1);
	spore_chan_close(c);
	return 0;
}

static int answer(const char *port, long count)
{
	struct spore_chan *c;
	enum spore_err e;
	size_t len;
	char text[40];
	if (spore_chan_open(port, NULL, &c) != SPORE_OK)
		return 1;
	spore_ready();
	while ((e = spore_chan_recv(c, buffer, sizeof buffer, &len, SPORE_FOREVER)) == SPORE_OK)
		;
	for (long i = 0; i < count && (e == SPORE_EEND || e == SPORE_OK); i++) {
		snprintf(text, sizeof text, "message %ld", i);
		e = spore_chan_send(c, text, strlen(text), SPORE_FOREVER);
	}
	(void)spore_chan_finish(c, SPORE_FOREVER);
	(void)spore_stop_wait(-1);
	spore_chan_close(c);
	return 0;
}

static int upper(const char *port)
{
	enum { AT_ONCE = 100 };
	const struct spore_chan_options options = {.bytes = true};
	struct spore_chan *c;
	size_t len, all = 0;
	bool heard = true; // not where the wire goes one way
	if (spore_chan_open(port, &options, &c) != SPORE_OK)
		return 1;
	spore_ready();
	for (;;) {
		enum spore_err e = spore_chan_recv(c, buffer, AT_ONCE, &len, SPORE_FOREVER);
		for (size_t i = 0; e == SPORE_OK && i < len; i++)
			buffer[i] = (char)toupper((unsigned char)buffer[i]);
		if (e != SPORE_OK)
			break;
		heard = heard && spore_chan_send(c, buffer, len, SPORE_FOREVER) == SPORE_OK;
		all += len;
	}
	if (heard) // else it would wait for the next wire
		(void)spore_chan_finish(c, SPORE_FOREVER);
	printf("%zu bytes\n", all);
	spore_chan_close(c);
	return 0;
}

static int dump(const char *port)
{
	enum { AT_ONCE = 7 };
	const struct spore_chan_options options = {.bytes = true};
	struct spore_chan *c;
	size_t len, all = 0, wrong = 0;
	if (spore_chan_open(port, &options, &c) != SPORE_OK)
		return 1;
	spore_ready();
	memset(buffer, 'x', sizeof buffer);
	for (size_t sent = 0; sent < sizeof buffer;) {
		size_t n = sizeof buffer - sent < 1000 ? sizeof buffer - sent : 1000;
		if (spore_chan_send(c, buffer, n, SPORE_FOREVER) != SPORE_OK)
			return 1;
		sent += n;
		for (size_t got = 0; got < n; got += len) {
			char back[AT_ONCE];
			if (spore_chan_recv(c, back, sizeof back, &len, SPORE_FOREVER) != SPORE_OK)
				return 1;
			for (size_t i = 0; i < len; i++)
				wrong += back[i] != 'X';
			all += len;
		}
	}
	printf("%zu bytes, %zu wrong\n", all, wrong);
	spore_chan_close(c);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "echo") == 0)
		return echo(argv[2]);
	if (argc == 3 && strcmp(argv[1], "deaf") == 0)
		return deaf(argv[2]);
	if (argc == 3 && strcmp(argv[1], "drain") == 0)
		return drain(argv[2]);
	if (argc == 3 && strcmp(argv[1], "ask") == 0)
		return ask(argv[2]);
	if (argc == 4 && strcmp(argv[1], "answer") == 0)
		return answer(argv[2], atol(argv[3]));
	if (argc == 3 && strcmp(argv[1], "upper") == 0)
		return upper(argv[2]);
	if (argc == 3 && strcmp(argv[1], "dump") == 0)
		return dump(argv[2]);
	if (argc == 3)
		return take(argv[2], strcmp(argv[1], "count") == 0);
	return argc == 5 ? give(argv[2], atol(argv[3]), atol(argv[4])) : 2;
}
