// Numbered messages whose numbers are kept outside of the channels, in files that outlive whoever is killed. test_ledger kills and swaps these.
//	ledger_program send PORT LEDGER         sends the numbers that follow the last one in its ledger, until it is asked to stop
//	ledger_program pass IN OUT LEDGER       passes them on
//	ledger_program take PORT LEDGER         takes them, and keeps each that does not follow the one before
//	ledger_program publish PORT LEDGER      as send, to subscribers
//	ledger_program subscribe PORT SLOW LEDGER       as take, of a publisher; SLOW is block, drop or disconnect, or with `-last` behind it
// A ledger is a file of words: of `send` the number that was to be sent last, and the one that was (its call returned); of `pass` the number that was
// received last, and the one that was passed on; of `take` the last number, how many are missing before it, and the process that took it. A message is
// its number, and bytes that follow from that. What is torn, repeated or out of order is said: `WRONG ...`.
// LEDGER_FOLDER in the environment: before it is ready it waits until there is no file `wait` there, and takes its time to stop while there is `slow`,
// of which a file `is-slow` tells.
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <spore/chan.h>

enum { LARGEST = 200000, BATCH = 16, LEDGER = 4096, PATIENCE = 100 };
enum { ATTEMPTED, ACKNOWLEDGED }; // send
enum { RECEIVED, PASSED };        // pass
enum { LAST, MISSING, WHO };      // take

static unsigned char buffer[LARGEST];

static _Noreturn void fail(const char *what, enum spore_err e)
{
	printf("WRONG %s: %s\n", what, spore_err_text(e));
	fflush(stdout);
	_exit(4);
}

static _Atomic uint64_t *open_ledger(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, LEDGER) != 0)
		fail(path, SPORE_ESYSTEM);
	void *p = mmap(NULL, LEDGER, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		fail(path, SPORE_ESYSTEM);
	close(fd);
	return p;
}

static bool path_of(const char *name, char path[1024])
{
	const char *folder = getenv("LEDGER_FOLDER");
	return folder != NULL && snprintf(path, 1024, "%s/%s", folder, name) < 1024;
}

static void wait_while(const char *name)
{
	const struct timespec brief = {.tv_nsec = 1000000};
	char path[1024];
	while (path_of(name, path) && access(path, F_OK) == 0)
		(void)nanosleep(&brief, NULL);
}

static void stop_slowly(void)
{
	char slow[1024], says[1024];
	if (path_of("slow", slow) && path_of("is-slow", says) && access(slow, F_OK) == 0)
		close(open(says, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	wait_while("slow");
}

static struct spore_chan *open_port(const char *port, const struct spore_chan_options *options)
{
	struct spore_chan *c;
	enum spore_err e = spore_chan_open(port, options, &c);
	if (e != SPORE_OK)
		fail(port, e);
	return c;
}

// Mostly small; some in the heap of a ring, a few larger than a quarter of it.
static size_t size_of(uint64_t number)
{
	return number % 4096 == 4095 ? LARGEST : 8 + (number % 64 == 63 ? number % 7000 : number * 7 % 200);
}

static void fill(unsigned char *to, uint64_t number)
{
	size_t len = size_of(number);
	memcpy(to, &number, 8);
	for (size_t i = 8; i < len; i++)
		to[i] = (unsigned char)(number + i);
}

// Its number; a message that is not what was sent ends the program.
static uint64_t number_of(const unsigned char *message, size_t len)
{
	uint64_t number = 0;
	memcpy(&number, message, len < 8 ? len : 8);
	bool whole = len == size_of(number);
	for (size_t i = 8; whole && i < len; i++)
		whole = message[i] == (unsigned char)(number + i);
	if (!whole) {
		printf("WRONG message %" PRIu64 " of %zu bytes\n", number, len);
		fflush(stdout);
		_exit(5);
	}
	return number;
}

// Of the peer, or that this one is asked to stop.
static bool is_no_failure(enum spore_err e)
{
	return e == SPORE_ERETURNED || e == SPORE_ECLOSED || e == SPORE_EEND || e == SPORE_ETIMEOUT ||
	       e == SPORE_ENOTWIRED || e == SPORE_ECANCELLED;
}

typedef enum spore_err way_to_send(struct spore_chan *, const void *, size_t, int);

// One that was refused was not sent, and is sent again. False: it is to stop, and there is nobody to take it. That it is to stop is said to a call that
// waits, too, and is no reason to keep what was received: there is room for it once the peer has received something.
static bool give(struct spore_chan *c, way_to_send *how, uint64_t number)
{
	for (;;) {
		bool stops = spore_stop_requested();
		enum spore_err e = how(c, buffer, size_of(number), PATIENCE);
		if (e == SPORE_OK)
			return true;
		if (!is_no_failure(e))
			fail("send", e);
		if (stops && (e == SPORE_ECLOSED || e == SPORE_ENOTWIRED || e == SPORE_EEND))
			return false;
	}
}

// The one before may still be at work while this one begins: it sends nothing more once this one has a channel.
static void wait_for_channel(struct spore_chan *c)
{
	void *loan;
	enum spore_err e;
	do
		e = spore_chan_loan(c, 8, &loan, 20);
	while (is_no_failure(e) && e != SPORE_OK && !spore_stop_requested());
	if (e == SPORE_OK)
		spore_chan_abandon(c);
	else if (!spore_stop_requested())
		fail("loan", e);
}

static int send_numbers(const char *port, enum spore_shape shape, const char *path)
{
	const struct spore_chan_options options = {.shape = shape};
	struct spore_chan *c = open_port(port, &options);
	_Atomic uint64_t *ledger = open_ledger(path);
	wait_while("wait");
	spore_ready();
	if (shape == SPORE_CONNECT)
		wait_for_channel(c);
	bool good = true;
	for (uint64_t n = ledger[ATTEMPTED]; good && !spore_stop_requested();) {
		int batch = n % 128 < BATCH ? BATCH : 1;
		for (int i = 0; good && i < batch; i++) {
			ledger[ATTEMPTED] = ++n;
			fill(buffer, n);
			good = give(c, i + 1 < batch ? spore_chan_queue : spore_chan_send, n);
		}
		if (good)
			ledger[ACKNOWLEDGED] = n;
	}
	stop_slowly();
	spore_chan_close(c);
	return 0;
}

static int pass(const char *in, const char *out, const char *path)
{
	struct spore_chan *from = open_port(in, NULL), *to = open_port(out, NULL);
	_Atomic uint64_t *ledger = open_ledger(path);
	size_t len;
	wait_while("wait");
	spore_ready();
	for (bool good = true; good && !spore_stop_requested();) {
		enum spore_err e = spore_chan_recv(from, buffer, sizeof buffer, &len, 20);
		if (is_no_failure(e))
			continue;
		if (e != SPORE_OK)
			fail("recv", e);
		ledger[RECEIVED] = number_of(buffer, len);
		good = give(to, spore_chan_send, ledger[RECEIVED]);
		if (good)
			ledger[PASSED] = ledger[RECEIVED];
	}
	stop_slowly();
	spore_chan_close(to); // when its peer has received it, if that is swapped as well
	return 0;
}

static _Noreturn void say_wrong(const char *what, uint64_t number, uint64_t last)
{
	printf("WRONG %s: %" PRIu64 " after %" PRIu64 "\n", what, number, last);
	fflush(stdout);
	_exit(6);
}

static int take(const char *port, const char *path)
{
	struct spore_chan *c = open_port(port, NULL);
	_Atomic uint64_t *ledger = open_ledger(path);
	size_t len;
	wait_while("wait");
	spore_ready();
	while (!spore_stop_requested()) {
		enum spore_err e = spore_chan_recv(c, buffer, sizeof buffer, &len, 20);
		if (is_no_failure(e))
			continue;
		if (e != SPORE_OK)
			fail("recv", e);
		uint64_t number = number_of(buffer, len), last = ledger[LAST];
		if (number <= last)
			say_wrong("order", number, last);
		ledger[MISSING] += number - last - 1;
		ledger[LAST] = number;
		ledger[WHO] = (uint64_t)getpid();
	}
	stop_slowly();
	return 0;
}

struct subscribed {
	enum spore_slow slow;
	bool again;       // the last one may come again, at the beginning
	bool fresh;       // what comes next is the first of a channel
	bool begun;       // this process has had some
	uint64_t dropped; // that were said to be so far
};

// One subscriber, and so one who says what it did not get.
static void subscribed(struct subscribed *s, struct spore_chan *c, _Atomic uint64_t *ledger, uint64_t number)
{
	struct spore_chan_stats stats;
	uint64_t last = ledger[LAST];
	spore_chan_stats(c, &stats);
	if (number < last || (number == last && !(s->fresh && s->again)))
		say_wrong("order", number, last);
	// Before it was joined with another publisher that may have published more.
	if (s->begun && !s->fresh && number - last - 1 != stats.dropped - s->dropped)
		say_wrong("count of what was dropped", number, last);
	s->dropped = stats.dropped;
	s->begun = true;
	s->fresh = false;
	ledger[LAST] = number;
	ledger[WHO] = (uint64_t)getpid();
}

static int subscribe(const char *port, const char *slow, const char *path)
{
	struct subscribed s = {.fresh = true, .again = strstr(slow, "-last") != NULL};
	s.slow = strncmp(slow, "drop", 4) == 0          ? SPORE_SLOW_DROP
	         : strncmp(slow, "disconnect", 10) == 0 ? SPORE_SLOW_DISCONNECT
	                                                : SPORE_SLOW_BLOCK;
	const struct spore_chan_options options = {.shape = SPORE_SUBSCRIBE, .slow = s.slow, .last = s.again};
	struct spore_chan *c = open_port(port, &options);
	_Atomic uint64_t *ledger = open_ledger(path);
	size_t len;
	spore_ready();
	while (!spore_stop_requested()) {
		enum spore_err e = spore_chan_recv(c, buffer, sizeof buffer, &len, 20);
		if (e == SPORE_OK)
			subscribed(&s, c, ledger, number_of(buffer, len));
		else if (!is_no_failure(e))
			fail("recv", e);
		s.fresh |= e == SPORE_ERETURNED || e == SPORE_ECLOSED || e == SPORE_EEND;
		if (e == SPORE_ECLOSED && s.slow == SPORE_SLOW_DISCONNECT) { // it may have been too slow
			spore_chan_close(c);
			c = open_port(port, &options);
			s.dropped = 0;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "send") == 0)
		return send_numbers(argv[2], SPORE_CONNECT, argv[3]);
	if (argc == 4 && strcmp(argv[1], "publish") == 0)
		return send_numbers(argv[2], SPORE_PUBLISH, argv[3]);
	if (argc == 5 && strcmp(argv[1], "subscribe") == 0)
		return subscribe(argv[2], argv[3], argv[4]);
	if (argc == 5 && strcmp(argv[1], "pass") == 0)
		return pass(argv[2], argv[3], argv[4]);
	return argc == 4 && strcmp(argv[1], "take") == 0 ? take(argv[2], argv[3]) : 2;
}
