// Looks on at each channel of a port: prints the messages, or writes them to a file.
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "chan/spy.h"
#include "look/heard.h"
#include "look/link.h"
#include "look/look.h"
#include "look/peep.h"
#include "look/record.h"
#include "look/shown.h"
#include "spore/chan.h"
#include "task/port.h"

enum {
	SPIES = 64, // channels at a time
	SHORTEST_US = 200,
	LONGEST_US = 10000,
	LINGER_US = 5000000,
	AT_ONCE = 256, // messages of a channel before the next one's turn
	SHOWN = 1 << 20,
};

struct seen {
	struct spore__spy *spy;
	struct spore__peep *peep;   // in its place, of what a pump carries
	struct spore__heard *heard; // likewise, of what is published
	uint64_t serial;
	unsigned role; // of the task's end
	bool over;     // only what is left
	bool ended[2];
	uint64_t missed[2]; // as said
};

struct tap {
	const struct spore__look *look;
	struct spore__link link;
	struct seen seen[SPIES];
	size_t count;
	uint64_t wanted[SPIES]; // serials to be asked for
	size_t wanted_count;
	bool asked;
	bool opened;     // the port was
	bool subscribes; // is to be looked at where it is published
	bool published;  // is to be subscribed to
	bool streams;    // is to be looked at where a program without libspore has it
	bool turned;     // what is looked at is the other end of the port that was asked for
	int64_t left;    // messages; -1: no limit
	uint64_t shown, missed;
	const char *unit; // ... of what was missed
	FILE *file;       // of a recording; NULL: none
	uint64_t began;
	struct spore__buf line;
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

// The first one ends it in order; what was ignored stays so (nohup).
static void handle(int number)
{
	struct sigaction action;
	if (sigaction(number, NULL, &action) != 0 || action.sa_handler == SIG_IGN)
		return;
	action = (struct sigaction){.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
	(void)sigaction(number, &action, NULL);
}

static uint64_t now_ns(clockid_t clock)
{
	struct timespec t = {0};
	(void)clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

// ---- what is shown

static void put_time(struct spore__buf *out, bool date)
{
	struct tm tm;
	char text[40];
	uint64_t ns = now_ns(CLOCK_REALTIME);
	time_t s = (time_t)(ns / 1000000000U);
	(void)(date ? gmtime_r(&s, &tm) : localtime_r(&s, &tm));
	(void)strftime(text, sizeof text, date ? "%Y-%m-%dT%H:%M:%S" : "%H:%M:%S", &tm);
	spore__buf_printf(out, "%s.%06" PRIu64 "%s", text, ns / 1000 % 1000000, date ? "Z" : "");
}

static void put_json(struct tap *t, const struct seen *s, bool sent, const struct spore__spied *m, uint64_t missed)
{
	struct spore__json j = {.out = &t->line};
	struct spore__buf text = {0};
	spore__json_open(&j, NULL, '{');
	put_time(&text, true);
	spore__json_str(&j, "time", text.data);
	spore__json_str(&j, "direction", sent ? "sent" : "received");
	spore__json_int(&j, "channel", (int64_t)s->serial);
	if (m == NULL) {
		spore__json_int(&j, s->peep != NULL ? "missed_bytes" : "missed", (int64_t)missed);
	} else {
		spore__json_int(&j, "bytes", (int64_t)m->len);
		if (m->kept < m->len)
			spore__json_bool(&j, "cut", true);
		text.len = 0;
		if (spore__json_is_text((const char *)m->data, (size_t)m->kept)) {
			spore__json_strn(&j, "text", (const char *)m->data, (size_t)m->kept);
		} else {
			spore__put_base64(&text, m->data, (size_t)m->kept);
			spore__json_strn(&j, "base64", text.data, text.len);
		}
	}
	spore__json_close(&j, '}');
	spore__buf_char(&t->line, '\n');
	spore__buf_finish(&text);
}

static void put_line(struct tap *t, const struct seen *s, bool sent, const struct spore__spied *m)
{
	put_time(&t->line, false);
	if (t->link.serves)
		spore__buf_printf(&t->line, " %" PRIu64, s->serial);
	spore__buf_printf(&t->line, " %s %" PRIu64 " ", sent ? "->" : "<-", m->len);
	if (t->look->hex)
		spore__put_hex(&t->line, m->data, (size_t)m->kept);
	else
		spore__put_bytes(&t->line, m->data, (size_t)m->kept);
	spore__buf_printf(&t->line, "%s\n", m->kept < m->len ? "..." : "");
}

static _Noreturn void cannot_write(const struct tap *t)
{
	if ((t->file == NULL || t->file == stdout) && errno == EPIPE)
		exit(SPORE__EXIT_OK); // whoever read has seen enough
	spore__die(SPORE__EXIT_SPORE, "make room, or name another file", "%s: %s cannot be written: %s", t->look->what,
	           t->file != NULL ? t->look->output : "standard output", strerror(errno));
}

static void record(struct tap *t, enum spore__rec_what what, const void *bytes, uint64_t len)
{
	unsigned char head[SPORE__REC_HEAD];
	uint64_t now = now_ns(CLOCK_MONOTONIC);
	if (t->began == 0)
		t->began = now;
	const struct spore__rec_entry e = {.ns = now - t->began, .len = (uint32_t)len, .what = what};
	spore__rec_encode(&e, bytes, head);
	if (fwrite(head, 1, sizeof head, t->file) != sizeof head ||
	    (len > 0 && fwrite(bytes, 1, (size_t)len, t->file) != (size_t)len))
		cannot_write(t);
}

static void show(struct tap *t, const struct seen *s, bool sent, const struct spore__spied *m)
{
	if (t->file != NULL) {
		record(t, sent ? SPORE__REC_SENT : SPORE__REC_RECEIVED, m->data, m->len);
		return;
	}
	t->line.len = 0;
	if (t->look->json)
		put_json(t, s, sent, m, 0);
	else if (!t->look->raw)
		put_line(t, s, sent, m);
	const char *bytes = t->look->raw ? (const char *)m->data : t->line.data;
	size_t len = t->look->raw ? (size_t)m->kept : t->line.len;
	if (len > 0 && fwrite(bytes, 1, len, stdout) != len)
		cannot_write(t);
}

static uint64_t missed_by(const struct seen *s, int direction)
{
	if (s->heard != NULL)
		return direction == 0 ? spore__heard_missed(s->heard) : 0;
	return s->peep != NULL ? spore__peep_missed(s->peep, direction) : spore__spy_missed(s->spy, direction);
}

static void show_missed(struct tap *t, struct seen *s, int direction)
{
	uint64_t missed = missed_by(s, direction) - s->missed[direction];
	bool sent = (unsigned)direction == s->role;
	if (missed == 0)
		return;
	s->missed[direction] += missed;
	t->missed += missed;
	t->unit = s->peep != NULL ? "bytes" : "messages";
	t->line.len = 0;
	if (t->file != NULL) {
		unsigned char count[8];
		for (int i = 0; i < 8; i++)
			count[i] = (unsigned char)(missed >> (8 * i));
		record(t, SPORE__REC_MISSED, count, sizeof count);
	} else if (t->look->json) {
		put_json(t, s, sent, NULL, missed);
	} else if (!t->look->raw) {
		put_time(&t->line, false);
		spore__buf_printf(&t->line, " %s %" PRIu64 " %s were too fast to be seen\n", sent ? "->" : "<-", missed,
		                  t->unit);
	}
	if (t->file == NULL && t->line.len > 0 && fwrite(t->line.data, 1, t->line.len, stdout) != t->line.len)
		cannot_write(t);
}

// ---- looking

static bool is_known(const struct tap *t, uint64_t serial)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->seen[i].serial == serial)
			return true;
	for (size_t i = 0; i < t->wanted_count; i++)
		if (t->wanted[i] == serial)
			return true;
	return false;
}

static void want(struct tap *t, uint64_t serial)
{
	if (!is_known(t, serial) && t->wanted_count < SPIES)
		t->wanted[t->wanted_count++] = serial;
}

static void ask(struct tap *t)
{
	struct spore__msgpack_writer w = {0};
	if (t->asked || t->wanted_count == 0 || t->link.id < 0)
		return;
	spore__hold_put_watch(&w, (uint64_t)t->link.id, t->wanted[0]);
	spore__link_say(&t->link, &w, NULL, 0);
	t->asked = true;
}

// Of a port with a pump only its channel is: the next is seen at the same place.
static void all_over(struct tap *t)
{
	for (size_t i = 0; i < t->count; i++)
		t->seen[i].over |= t->seen[i].peep == NULL;
	t->wanted_count = 0;
}

static void cannot(const struct tap *t, uint64_t serial, const char *why)
{
	(void)fprintf(stderr, "%s: channel %" PRIu64 " of %s.%s cannot be looked at%s\n", t->look->what, serial,
	              t->link.held.name, t->link.port, why);
}

// What a pump carries is seen at one place, whatever the channel is.
static void add_peep(struct tap *t, const struct spore__hold_message *m, int fd)
{
	struct spore__peep *peep = NULL;
	for (size_t i = 0; i < t->count; i++)
		if (t->seen[i].peep != NULL) {
			close(fd);
			t->seen[i].serial = m->serial;
			return;
		}
	if (t->count == SPIES ||
	    !spore__peep_open(fd, t->link.framing, t->file != NULL ? SPORE_CHAN_LARGEST : SHOWN, &peep)) {
		if (t->count == SPIES)
			close(fd);
		cannot(t, m->serial, "");
		return;
	}
	t->seen[t->count++] = (struct seen){.peep = peep, .serial = m->serial, .role = (m->role & 1) ^ t->turned};
}

static void add_spy(struct tap *t, const struct spore__hold_message *m, int fd)
{
	struct spore__spy *spy = NULL;
	if (t->count == SPIES || spore__spy_open(fd, t->file != NULL ? SPORE_CHAN_LARGEST : SHOWN, &spy) != SPORE_OK) {
		if (t->count == SPIES)
			close(fd);
		cannot(t, m->serial, "");
		return;
	}
	if (!t->link.serves)
		all_over(t); // the one before
	t->seen[t->count++] = (struct seen){.spy = spy, .serial = m->serial, .role = m->role & 1};
}

// The answer to what was asked.
static void take_memory(struct tap *t, const struct spore__hold_message *m)
{
	static const char pump[] = "pump";
	int fds[SPORE__HOLD_DESCRIPTORS];
	bool took = spore__link_take(&t->link, m, fds);
	t->asked = false;
	if (t->wanted_count > 0 && t->wanted[0] == m->serial)
		memmove(t->wanted, t->wanted + 1, --t->wanted_count * sizeof t->wanted[0]);
	for (unsigned i = 1; took && i < m->descriptors; i++)
		close(fds[i]);
	t->streams = took && m->descriptors == 0 && !t->turned && !t->link.serves;
	if (t->streams)
		return;
	if (!took || m->descriptors == 0)
		cannot(t, m->serial, ": it is over, or a stream");
	else if (m->kind.len == sizeof pump - 1 && memcmp(m->kind.s, pump, sizeof pump - 1) == 0)
		add_peep(t, m, fds[0]);
	else
		add_spy(t, m, fds[0]);
}

// A pipe shows what is in it to nobody.
static void refuse(const struct tap *t)
{
	if (t->link.plain && !t->link.pumped)
		spore__die(
		    SPORE__EXIT_FAILED,
		    "start its task with 'tap: true' of the wire ('spore wire --tap'): then its bytes can be seen",
		    "%s: %s.%s is a pipe: nobody else sees what passes through it", t->look->what, t->link.held.name,
		    t->link.port);
}

// Of what is published nothing passes by: each subscriber reads it where it lies, and so do we.
static void subscribe(struct tap *t)
{
	t->published = false;
	struct spore__heard *h = spore__heard_open(&t->link, t->file != NULL ? SPORE_CHAN_LARGEST : SHOWN);
	if (h == NULL)
		return;
	for (size_t i = 0; i < t->count; i++)
		t->seen[i].over = true; // of the publisher before; what is left of it is still read
	if (t->count == SPIES) {
		spore__heard_close(h);
		return;
	}
	t->seen[t->count++] = (struct seen){.heard = h, .role = t->turned, .ended = {false, true}};
}

static void turn_to(struct tap *t, char *port)
{
	t->turned = true;
	t->opened = false;
	t->wanted_count = 0;
	spore__link_close(&t->link);
	spore__link_open(&t->link, t->look->what, port);
	free(port);
}

// Where the port has nothing to be looked at its other end may.
static void turn(struct tap *t)
{
	char *other = t->subscribes ? spore__heard_publisher(&t->link) : spore__heard_plain_peer(&t->link);
	t->subscribes = t->streams = false;
	if (other != NULL)
		turn_to(t, other);
	else
		cannot(t, t->link.taken, ": it is over, or a stream");
}

static void hear(struct tap *t, const struct spore__hold_message *m)
{
	struct spore__msgpack_reader r = m->held;
	uint32_t count = 0;
	int64_t serial;
	switch (m->type) {
	case SPORE__HOLD_OPEN:
		t->opened = true;
		refuse(t);
		t->published = t->link.publishes;
		t->subscribes = t->link.subscribes;
		if (t->published || t->subscribes)
			break;
		(void)spore__msgpack_read_array(&r, &count);
		for (uint32_t i = 0; i < count && spore__msgpack_read_int(&r, &serial) == SPORE__MSGPACK_OK; i++)
			want(t, (uint64_t)serial);
		break;
	case SPORE__HOLD_WIRED:
		if (!t->link.publishes && !t->link.subscribes)
			want(t, m->serial);
		break;
	case SPORE__HOLD_CHANNEL:
		take_memory(t, m);
		break;
	case SPORE__HOLD_CLOSE:
		all_over(t);
		break;
	default:
		break;
	}
	ask(t);
}

static enum spore_err next_seen(struct seen *s, int direction, struct spore__spied *m)
{
	return s->peep != NULL    ? spore__peep_next(s->peep, direction, s->over, m)
	       : s->heard != NULL ? spore__heard_next(s->heard, m)
	                          : spore__spy_next(s->spy, direction, m);
}

static void forget(struct seen *s)
{
	spore__spy_close(s->spy);
	spore__peep_close(s->peep);
	spore__heard_close(s->heard);
}

static bool look_at(struct tap *t, struct seen *s)
{
	bool any = false;
	for (int n = 0; n < AT_ONCE && t->left != 0; n++) {
		bool found = false;
		for (int d = 0; d < 2 && t->left != 0; d++) {
			struct spore__spied m;
			enum spore_err e = s->ended[d] ? SPORE_EAGAIN : next_seen(s, d, &m);
			show_missed(t, s, d);
			if (e == SPORE_OK) {
				show(t, s, (unsigned)d == s->role, &m);
				t->shown++;
				t->left -= t->left > 0;
				found = true;
			} else if (e == SPORE_EMALFORMED || e == SPORE_ESYSTEM) {
				(void)fprintf(stderr, "%s: channel %" PRIu64 " has nonsense in its memory\n",
				              t->look->what, s->serial);
			}
			s->ended[d] |= e != SPORE_OK && e != SPORE_EAGAIN && e != SPORE_ENOMEM;
		}
		any |= found;
		if (!found)
			break;
	}
	return any;
}

// False: nothing was new.
static bool look_at_all(struct tap *t)
{
	bool any = false;
	for (size_t i = 0; i < t->count && t->left != 0;) {
		bool found = look_at(t, &t->seen[i]);
		any |= found;
		if (!found && (t->seen[i].over || (t->seen[i].ended[0] && t->seen[i].ended[1]))) {
			forget(&t->seen[i]);
			t->seen[i] = t->seen[--t->count];
			continue;
		}
		i++;
	}
	return any;
}

// Its hold has ended, and its pump may still pass on what the program wrote last; one that was killed never says that it has.
static bool passes_on(const struct tap *t, int64_t *waited)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->seen[i].peep != NULL && !spore__peep_is_finished(t->seen[i].peep) && *waited < LINGER_US) {
			const struct timespec pause = {.tv_nsec = LONGEST_US * 1000L};
			(void)nanosleep(&pause, NULL);
			*waited += LONGEST_US;
			return true;
		}
	return false;
}

// Nothing is to be seen yet, or not any more.
static void await(struct tap *t)
{
	char what[sizeof t->link.noted];
	(void)snprintf(what, sizeof what, "%s.%s has no channel; waiting for one", t->link.held.name, t->link.port);
	if (t->link.id < 0)
		spore__link_wait_open(&t->link);
	else if (t->asked)
		(void)spore__link_wait(&t->link, -1);
	else
		spore__link_wait_for(&t->link, what);
}

static void follow(struct tap *t)
{
	struct spore__hold_message m;
	int64_t pause = SHORTEST_US, waited = 0;
	bool gone = false;
	while (t->left != 0 && !interrupted) {
		enum spore__link_heard heard = gone ? SPORE__LINK_GONE : spore__link_next(&t->link, &m);
		while (heard == SPORE__LINK_MESSAGE) {
			hear(t, &m);
			if (t->subscribes || t->streams)
				turn(t);
			heard = spore__link_next(&t->link, &m);
		}
		if (t->published)
			subscribe(t);
		gone = heard == SPORE__LINK_GONE;
		bool finished = gone && !passes_on(t, &waited);
		for (size_t i = 0; i < t->count; i++)
			t->seen[i].over |= finished;
		if (look_at_all(t)) {
			pause = SHORTEST_US;
			waited = 0;
			continue;
		}
		if (fflush(t->file != NULL ? t->file : stdout) != 0)
			cannot_write(t);
		if (finished && !t->opened)
			spore__link_gone(&t->link);
		if (finished)
			return;
		if (gone)
			continue;
		if (t->count > 0)
			(void)spore__link_wait(&t->link, pause);
		else
			await(t);
		pause = pause * 2 < LONGEST_US ? pause * 2 : LONGEST_US;
	}
}

// What came of it.
static void report(const struct tap *t)
{
	if (t->file != NULL)
		(void)fprintf(stderr, "%s: %" PRIu64 " message%s in %s\n", t->look->what, t->shown,
		              t->shown != 1 ? "s" : "", t->file != stdout ? t->look->output : "what was written");
	if (t->missed > 0)
		spore__report("a slower sender, or less load on this machine, lets all be seen",
		              "%s: %" PRIu64 " %s were too fast, and are missing", t->look->what, t->missed, t->unit);
}

int spore__look_tap(const struct spore__look *look)
{
	static struct tap t;
	t.look = look;
	t.left = look->count;
	if (look->output != NULL) {
		bool standard = strcmp(look->output, "-") == 0;
		t.file = standard ? stdout : fopen(look->output, "wbe");
		if (t.file == NULL || fwrite(SPORE__REC_MAGIC_TEXT, 1, SPORE__REC_MAGIC, t.file) != SPORE__REC_MAGIC ||
		    fflush(t.file) != 0)
			spore__die(SPORE__EXIT_SPORE, NULL, "%s: %s: %s", look->what, look->output, strerror(errno));
	}
	handle(SIGINT);
	handle(SIGTERM);
	handle(SIGHUP);
	spore__link_open(&t.link, look->what, look->operands[0]);
	follow(&t);
	(void)look_at_all(&t); // what was there when it was interrupted
	if (fflush(t.file != NULL ? t.file : stdout) != 0)
		cannot_write(&t);
	for (size_t i = 0; i < t.count; i++)
		forget(&t.seen[i]);
	report(&t);
	spore__link_close(&t.link);
	spore__buf_finish(&t.line);
	return SPORE__EXIT_OK;
}
