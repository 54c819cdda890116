// What test_pubsub runs:
//	pub_program publish PORT COUNT US SIZE   publishes so many messages `PID NUMBER` (0: for ever), padded to SIZE bytes, one every US
//	                                         microseconds; prints `gave`, and waits for its stop
//	pub_program lines PORT COUNT             publishes `first`, one with a newline in it and `last` once COUNT subscribers are there
//	pub_program subscribe PORT SLOW LAST     prints `first PID NUMBER` after each (re)wiring, `returned`, `gone`, `end`; when it is asked to
//	                                         stop `got N dropped D wrong W`
//	pub_program stuck PORT SLOW              receives one message, and never another
//	pub_program many PORT COUNT              subscribes by COUNT ports PORT0, PORT1 ...; prints `all` when each got a message
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <spore/chan.h>

enum { SIZE = 1 << 20 };
static char buffer[SIZE];

static void say(const char *word)
{
	printf("%s\n", word);
	fflush(stdout);
}

static int publish(const char *port, long count, long us, size_t size)
{
	const struct spore_chan_options options = {.shape = SPORE_PUBLISH};
	const struct timespec pause = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
	struct spore_chan *c;
	enum spore_err e = spore_chan_open(port, &options, &c);
	if (e != SPORE_OK)
		return (int)e;
	spore_ready();
	for (long i = 0; (count == 0 || i < count) && !spore_stop_wait(0); i++) {
		int len = snprintf(buffer, sizeof buffer, "%ld %ld", (long)getpid(), i);
		e = spore_chan_send(c, buffer, (size_t)len > size ? (size_t)len : size, SPORE_FOREVER);
		if (e != SPORE_OK)
			return (int)e;
		if (us > 0)
			(void)nanosleep(&pause, NULL);
	}
	say("gave");
	for (struct timespec hour = {.tv_sec = 3600};;) // nothing of libspore runs
		(void)nanosleep(&hour, NULL);
}

static int lines(const char *port, uint64_t count)
{
	static const char *const words[] = {"first", "broken\nin two", "last"};
	const struct spore_chan_options options = {.shape = SPORE_PUBLISH};
	struct spore_chan_stats stats = {0};
	struct spore_chan *c;
	enum spore_err e = spore_chan_open(port, &options, &c);
	spore_ready();
	while (e == SPORE_OK && stats.subscribers < count && !spore_stop_wait(1)) {
		(void)spore_chan_flush(c, SPORE_NOW); // hears of those who come
		spore_chan_stats(c, &stats);
	}
	for (int i = 0; i < 3 && e == SPORE_OK; i++)
		e = spore_chan_send(c, words[i], strlen(words[i]), SPORE_FOREVER);
	(void)spore_stop_wait(-1);
	return (int)e;
}

static enum spore_slow slow_of(const char *word)
{
	return strcmp(word, "drop-oldest") == 0  ? SPORE_SLOW_DROP
	       : strcmp(word, "disconnect") == 0 ? SPORE_SLOW_DISCONNECT
	                                         : SPORE_SLOW_BLOCK;
}

static int subscribe(const char *port, const char *slow, const char *last)
{
	const struct spore_chan_options options = {
	    .shape = SPORE_SUBSCRIBE, .slow = slow_of(slow), .last = strcmp(last, "last") == 0};
	struct spore_chan_stats stats;
	struct spore_chan *c;
	long pid = 0, number = 0, before = -1, got = 0, wrong = 0;
	size_t len;
	enum spore_err e = spore_chan_open(port, &options, &c);
	if (e != SPORE_OK)
		return (int)e;
	spore_ready();
	while (!spore_stop_wait(0)) {
		e = spore_chan_recv(c, buffer, sizeof buffer - 1, &len, 50);
		if (e == SPORE_OK) {
			buffer[len] = '\0';
			wrong += sscanf(buffer, "%ld %ld", &pid, &number) != 2;
			if (before < 0) {
				printf("first %s\n", buffer);
				fflush(stdout);
			} else {
				wrong += slow_of(slow) == SPORE_SLOW_BLOCK ? number != before + 1 : number <= before;
			}
			before = number;
			got++;
		} else if (e == SPORE_EEND || e == SPORE_ECLOSED || e == SPORE_ERETURNED) {
			say(e == SPORE_EEND ? "end" : e == SPORE_ECLOSED ? "gone" : "returned");
			before = -1;
		} else if (e != SPORE_ETIMEOUT && e != SPORE_ENOTWIRED && e != SPORE_ECANCELLED) {
			printf("failed %d\n", (int)e);
			return (int)e;
		}
	}
	spore_chan_stats(c, &stats);
	printf("got %ld dropped %llu wrong %ld\n", got, (unsigned long long)stats.dropped, wrong);
	spore_chan_close(c);
	return 0;
}

static int stuck(const char *port, const char *slow)
{
	const struct spore_chan_options options = {.shape = SPORE_SUBSCRIBE, .slow = slow_of(slow)};
	struct spore_chan *c;
	size_t len;
	if (spore_chan_open(port, &options, &c) != SPORE_OK)
		return 1;
	spore_ready();
	(void)spore_chan_recv(c, buffer, sizeof buffer, &len, SPORE_FOREVER);
	say("stuck");
	(void)spore_stop_wait(-1);
	return 0;
}

static int many(const char *port, long count)
{
	enum { MOST = 1024 };
	static struct spore_chan *chans[MOST];
	static bool got[MOST];
	const struct spore_chan_options options = {.shape = SPORE_SUBSCRIBE, .slow = SPORE_SLOW_DROP, .last = true};
	size_t len;
	for (long i = 0; i < count && i < MOST; i++) {
		char name[40];
		(void)snprintf(name, sizeof name, "%s%ld", port, i);
		if (spore_chan_open(name, &options, &chans[i]) != SPORE_OK)
			return 1;
	}
	spore_ready();
	// All of them again and again: what has come for one and is not looked at counts as under way for all processes of this user.
	for (long left = count < MOST ? count : MOST; left > 0;) {
		for (long i = 0; i < count && i < MOST; i++) {
			if (got[i])
				continue;
			enum spore_err e = spore_chan_recv(chans[i], buffer, sizeof buffer, &len, SPORE_NOW);
			if (e == SPORE_OK) {
				got[i] = true;
				left--;
			} else if (e != SPORE_EAGAIN && e != SPORE_ENOTWIRED && e != SPORE_ETIMEOUT) {
				return (int)e;
			}
		}
		if (left > 0 && spore_stop_wait(1))
			return 0;
	}
	say("all");
	(void)spore_stop_wait(-1);
	return 0;
}

int main(int argc, char **argv)
{
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	if (argc == 6 && strcmp(argv[1], "publish") == 0)
		return publish(argv[2], atol(argv[3]), atol(argv[4]), (size_t)atol(argv[5]));
	if (argc == 4 && strcmp(argv[1], "lines") == 0)
		return lines(argv[2], (uint64_t)atol(argv[3]));
	if (argc == 5 && strcmp(argv[1], "subscribe") == 0)
		return subscribe(argv[2], argv[3], argv[4]);
	if (argc == 4 && strcmp(argv[1], "stuck") == 0)
		return stuck(argv[2], argv[3]);
	return argc == 4 && strcmp(argv[1], "many") == 0 ? many(argv[2], atol(argv[3])) : 2;
}
