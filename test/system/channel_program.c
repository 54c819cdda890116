// What test_look looks at:
//	channel_program echo PORT            serves, one client after the other; sends each message back
//	channel_program take PORT            prints each message that it receives, and `end` or `gone`
//	channel_program give PORT COUNT US   waits for a peer, sends so many messages `message I`, one every US microseconds; prints `gave`
//	channel_program deaf PORT            receives nothing
//	channel_program count PORT           prints the first message, then how many came, and whether each was the one after that before, when the peer ends
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

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "echo") == 0)
		return echo(argv[2]);
	if (argc == 3 && strcmp(argv[1], "deaf") == 0)
		return deaf(argv[2]);
	if (argc == 3)
		return take(argv[2], strcmp(argv[1], "count") == 0);
	return argc == 5 ? give(argv[2], atol(argv[3]), atol(argv[4])) : 2;
}
