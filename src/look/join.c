// Becomes the other end of a port, by a channel of its own.
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "chan/chan.h"
#include "chan/pub.h"
#include "look/join.h"
#include "look/look.h"
#include "look/record.h"

enum { MOMENT_US = 500000 };

// Our end of what was passed on. To a port that subscribes we are the publisher.
static enum spore_err open_end(struct spore__joint *j, struct spore__channel_end *ours)
{
	struct spore__transport *t;
	if (!j->link.subscribes)
		return spore__chan_create(ours, &j->chan);
	enum spore_err e = spore__pub_create(NULL, NULL, &t);
	if (e == SPORE_OK && (e = spore__chan_create_over(t, &j->chan)) != SPORE_OK)
		t->ops->destroy(t);
	if (e != SPORE_OK)
		spore__channel_end_close(ours);
	else
		spore__pub_add(t, ours, 0);
	return e == SPORE_OK ? spore_chan_flush(j->chan, SPORE_NOW) : e; // it is taken before anything is published
}

static bool try_transport(struct spore__joint *j, const char *transport)
{
	struct spore__channel_end ours;
	if (!spore__link_offer(&j->link, transport, &ours))
		return false;
	if (open_end(j, &ours) != SPORE_OK)
		spore__die(SPORE__EXIT_SPORE, NULL, "%s: the channel cannot be opened", j->look->what);
	return true;
}

// False: the port, which is open, took none.
static bool try_transports(struct spore__joint *j)
{
	if (j->link.plain)
		return try_transport(j, j->link.framing);
	if (j->link.publishes || j->link.subscribes)
		return try_transport(j, spore__publication_ops.name);
	for (size_t i = 0; spore__transports[i] != NULL && j->link.id >= 0; i++)
		if (try_transport(j, spore__transports[i]->name))
			return true;
	return false;
}

void spore__look_join(struct spore__joint *j, const struct spore__look *look, bool receives)
{
	*j = (struct spore__joint){.look = look};
	spore__link_open(&j->link, look->what, look->operands[0]);
	do {
		spore__link_await_port(&j->link);
		if (receives ? j->link.subscribes : j->link.publishes)
			spore__die(SPORE__EXIT_FAILED,
			           receives ? "'spore send' publishes to it" : "'spore cat' subscribes to it",
			           "%s: %s.%s %s", look->what, j->link.held.name, j->link.port,
			           receives ? "subscribes, and sends nothing" : "publishes, and receives nothing");
	} while (!try_transports(j) && j->link.id < 0); // it was closed meanwhile
	if (j->chan == NULL)
		spore__link_not_taken(&j->link);
	j->id = j->link.id;
}

int spore__look_leave(struct spore__joint *j, int status)
{
	spore_chan_close(j->chan);
	spore__link_close(&j->link);
	return status;
}

struct became {
	const char *why, *remedy; // NULL: nothing is known
};

static bool is_replaced(const struct spore__link *l)
{
	return !l->serves && !l->publishes && l->taken != 0 && l->taken != l->joined;
}

// What became of the port, as far as its hold has said. OVER: the channel is, so it is about to say it; else what counts is that another one took its
// place, since a program may close its port when it has received everything.
static struct became became(struct spore__joint *j, bool over)
{
	struct spore__link *l = &j->link;
	struct spore__hold_message m;
	for (;;) {
		enum spore__link_heard heard = spore__link_next(l, &m);
		if (heard == SPORE__LINK_GONE && !over)
			return (struct became){0};
		if (heard == SPORE__LINK_GONE)
			return (struct became){"its task has ended", "'spore ps' says what became of it"};
		if (over && l->told && l->id != j->id)
			return (struct became){"its program has closed the port, or ended",
			                       "'spore ps' says what became of the task"};
		if (is_replaced(l))
			return (struct became){"it was wired, and that took the place of this channel",
			                       "'spore wires' shows to what; 'spore tap' looks on beside it"};
		if (heard == SPORE__LINK_NOTHING && (!over || !spore__link_wait(l, MOMENT_US)))
			return (struct became){0};
	}
}

static int failed(struct spore__joint *j, enum spore_err e)
{
	struct became b = {spore_err_text(e), NULL};
	if (e == SPORE_ECLOSED)
		b = became(j, true);
	else if (e == SPORE_EINVALID) // it knows its framing, and takes no message that would be two
		b = (struct became){"it takes lines, and there is a newline in the message",
		                    "on standard input each line is a message"};
	if (b.why == NULL)
		b = (struct became){"its program has closed the channel", "'spore logs' may say why"};
	spore__report(b.remedy, "%s: %s.%s: %s", j->look->what, j->link.held.name, j->link.port, b.why);
	return SPORE__EXIT_FAILED;
}

// ---- cat

static void put_length(unsigned char head[4], size_t len)
{
	for (int i = 0; i < 4; i++)
		head[i] = (unsigned char)(len >> (8 * i));
}

static bool print(const struct spore__look *look, const void *data, size_t len)
{
	unsigned char head[4];
	put_length(head, len);
	return (!look->u32le || fwrite(head, 1, sizeof head, stdout) == sizeof head) &&
	       (len == 0 || fwrite(data, 1, len, stdout) == len) && (look->u32le || look->raw || putchar('\n') != EOF);
}

// A subscriber that was too slow has lost something.
static void say_dropped(const struct spore__joint *j)
{
	struct spore_chan_stats stats;
	spore_chan_stats(j->chan, &stats);
	if (stats.dropped > 0)
		(void)fprintf(stderr, "%s: %" PRIu64 " messages came too fast, and were dropped\n", j->look->what,
		              stats.dropped);
}

int spore__look_cat(const struct spore__look *look)
{
	struct spore__joint j;
	int64_t left = look->count;
	enum spore_err e = SPORE_OK;
	spore__look_join(&j, look, true);
	while (left != 0) {
		const void *data;
		size_t len;
		e = spore_chan_read(j.chan, &data, &len, SPORE_NOW);
		if (e == SPORE_EAGAIN) {
			if (fflush(stdout) != 0)
				break;
			e = spore_chan_read(j.chan, &data, &len, SPORE_FOREVER);
		}
		if (e == SPORE_ECANCELLED)
			continue;
		if (e != SPORE_OK)
			break;
		if (!print(look, data, len))
			break;
		spore_chan_release(j.chan);
		left -= left > 0;
	}
	say_dropped(&j);
	bool written = fflush(stdout) == 0 && !ferror(stdout);
	if (!written && errno != EPIPE)
		spore__die(SPORE__EXIT_SPORE, NULL, "cat: standard output cannot be written: %s", strerror(errno));
	return spore__look_leave(&j, e == SPORE_OK || e == SPORE_EEND || !written ? SPORE__EXIT_OK : failed(&j, e));
}

// ---- send

// What was sent stays for the program to receive, also when this process has ended. The exit status. That its peer is gone is not always told to
// who sends.
static int finish(struct spore__joint *j, enum spore_err e)
{
	if (e == SPORE_OK)
		e = spore_chan_flush(j->chan, SPORE_FOREVER);
	if (e == SPORE_OK)
		e = spore_chan_finish(j->chan, SPORE_FOREVER);
	if (e != SPORE_OK)
		return failed(j, e);
	struct became b = became(j, false);
	if (b.why == NULL)
		return SPORE__EXIT_OK;
	spore__report(b.remedy, "%s: %s.%s: %s: what was sent last may not have been received", j->look->what,
	              j->link.held.name, j->link.port, b.why);
	return SPORE__EXIT_FAILED;
}

// False; where it is not the end it says so.
static bool at_end(void)
{
	if (ferror(stdin))
		spore__die(SPORE__EXIT_SPORE, NULL, "send: standard input: %s", strerror(errno));
	return false;
}

// The next message of standard input in *BUFFER of *SIZE bytes. False: the end.
static bool next_input(const struct spore__look *look, char **buffer, size_t *size, size_t *len)
{
	if (!look->u32le) {
		ssize_t n = getline(buffer, size, stdin);
		if (n < 0)
			return at_end();
		*len = (size_t)n - (n > 0 && (*buffer)[n - 1] == '\n');
		return true;
	}
	unsigned char head[4];
	size_t n = fread(head, 1, sizeof head, stdin);
	*len = (size_t)head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16 | (size_t)head[3] << 24;
	if (n == 0)
		return at_end();
	if (n < sizeof head || *len > SPORE_CHAN_LARGEST)
		spore__die(SPORE__EXIT_FAILED, "each message is its length in 4 bytes, the lowest first, and its bytes",
		           "send: standard input is not framed as u32le");
	if (*size < *len || *buffer == NULL) {
		free(*buffer);
		*size = *len > 0 ? *len : 1;
		*buffer = spore__xmalloc(*size);
	}
	if (fread(*buffer, 1, *len, stdin) != *len)
		spore__die(SPORE__EXIT_FAILED, NULL, "send: standard input ends in the middle of a message");
	return true;
}

int spore__look_send(const struct spore__look *look)
{
	struct spore__joint j;
	char *buffer = NULL;
	size_t size = 0, len;
	enum spore_err e = SPORE_OK;
	spore__look_join(&j, look, false);
	if (look->operands[1] != NULL) {
		for (size_t i = 1; look->operands[i] != NULL && e == SPORE_OK; i++)
			e = spore_chan_send(j.chan, look->operands[i], strlen(look->operands[i]), SPORE_FOREVER);
	} else {
		while (e == SPORE_OK && next_input(look, &buffer, &size, &len))
			e = spore_chan_send(j.chan, buffer, len, SPORE_FOREVER);
	}
	free(buffer);
	return spore__look_leave(&j, finish(&j, e));
}

// ---- replay

struct tape {
	FILE *file;
	const char *path;
	unsigned char *bytes; // malloc'ed
	size_t size;
};

static _Noreturn void bad_file(const struct tape *t, const char *why)
{
	spore__die(SPORE__EXIT_FAILED, "what 'spore record' writes can be replayed", "replay: %s: %s", t->path, why);
}

static void open_tape(struct tape *t, const char *path)
{
	char magic[SPORE__REC_MAGIC];
	*t = (struct tape){.path = path, .file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rbe")};
	if (t->file == NULL)
		spore__die(SPORE__EXIT_FAILED, NULL, "replay: %s: %s", path, strerror(errno));
	if (fread(magic, 1, sizeof magic, t->file) != sizeof magic ||
	    memcmp(magic, SPORE__REC_MAGIC_TEXT, sizeof magic) != 0)
		bad_file(t, "this is no recording");
}

static bool next_entry(struct tape *t, struct spore__rec_entry *e)
{
	unsigned char head[SPORE__REC_HEAD];
	size_t n = fread(head, 1, sizeof head, t->file);
	if (n == 0 && feof(t->file))
		return false;
	if (n < sizeof head)
		bad_file(t, "it ends in the middle of a message");
	if (spore__rec_decode(head, e) != SPORE_OK)
		bad_file(t, "it is damaged");
	// Not all at once: the length may be nonsense.
	for (size_t done = 0, step; done < e->len; done += step) {
		if (done == t->size) {
			t->size = t->size == 0 ? 65536 : t->size * 2;
			t->bytes = spore__xrealloc(t->bytes, t->size);
		}
		step = t->size - done < e->len - done ? t->size - done : e->len - done;
		if (fread(t->bytes + done, 1, step, t->file) != step)
			bad_file(t, "it ends in the middle of a message");
	}
	if (!spore__rec_is_whole(e, t->bytes, head))
		bad_file(t, "it is damaged");
	return true;
}

static void sleep_until(uint64_t ns)
{
	struct timespec t = {.tv_sec = (time_t)(ns / 1000000000U), .tv_nsec = (long)(ns % 1000000000U)};
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}

// Answers are not looked at; without this a program that answers would wait for room for ever.
static void pass_over_answers(struct spore__joint *j)
{
	const void *data;
	size_t len;
	while (spore_chan_read(j->chan, &data, &len, SPORE_NOW) == SPORE_OK)
		spore_chan_release(j->chan);
}

int spore__look_replay(const struct spore__look *look)
{
	struct spore__joint j;
	struct tape t;
	struct spore__rec_entry entry;
	struct timespec began;
	enum spore_err e = SPORE_OK;
	char *const to[] = {look->operands[1], NULL};
	struct spore__look at = *look;
	at.operands = to;
	open_tape(&t, look->operands[0]);
	spore__look_join(&j, &at, false);
	(void)clock_gettime(CLOCK_MONOTONIC, &began);
	uint64_t start = (uint64_t)began.tv_sec * 1000000000U + (uint64_t)began.tv_nsec, missed = 0;
	while (e == SPORE_OK && next_entry(&t, &entry)) {
		if (entry.what == SPORE__REC_MISSED)
			missed++;
		if (entry.what != (look->received ? SPORE__REC_RECEIVED : SPORE__REC_SENT))
			continue;
		double due = look->speed > 0 ? (double)entry.ns / look->speed : 0;
		if (due > 0 && due < 1e18)
			sleep_until(start + (uint64_t)due);
		e = spore_chan_send(j.chan, t.bytes, entry.len, SPORE_NOW);
		while (e == SPORE_EAGAIN) {
			pass_over_answers(&j);
			e = spore_chan_send(j.chan, t.bytes, entry.len, 10);
			if (e == SPORE_ETIMEOUT)
				e = SPORE_EAGAIN;
		}
		pass_over_answers(&j);
	}
	if (missed > 0)
		spore__report(NULL, "replay: %s: in %" PRIu64 " places it is not complete", t.path, missed);
	free(t.bytes);
	return spore__look_leave(&j, finish(&j, e));
}
