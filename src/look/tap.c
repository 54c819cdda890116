// Looks on at each channel of a port. What is seen tap_show.c prints, or writes to a file.
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "look/other.h"
#include "look/record.h"
#include "look/tap.h"
#include "spore/chan.h"
#include "task/port.h"

enum {
	SHORTEST_US = 200,
	LONGEST_US = 10000,
	LINGER_US = 5000000,
	AT_ONCE = 256, // messages of a channel before the next one's turn
	SHOWN = 1 << 20,
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

static bool is_known(const struct spore__tap *t, uint64_t serial)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->seen[i].serial == serial)
			return true;
	for (size_t i = 0; i < t->wanted_count; i++)
		if (t->wanted[i] == serial)
			return true;
	return false;
}

static void want(struct spore__tap *t, uint64_t serial)
{
	if (!is_known(t, serial) && t->wanted_count < SPORE__TAP_SPIES)
		t->wanted[t->wanted_count++] = serial;
}

static void ask(struct spore__tap *t)
{
	struct spore__msgpack_writer w = {0};
	if (t->asked || t->wanted_count == 0 || t->link.id < 0)
		return;
	spore__hold_put_watch(&w, (uint64_t)t->link.id, t->wanted[0]);
	spore__link_say(&t->link, &w, NULL, 0);
	t->asked = true;
}

// Of a port with a pump only its channel is: the next is seen at the same place.
static void all_over(struct spore__tap *t)
{
	for (size_t i = 0; i < t->count; i++)
		t->seen[i].over |= t->seen[i].peep == NULL;
	t->wanted_count = 0;
}

static void cannot(const struct spore__tap *t, uint64_t serial, const char *why)
{
	(void)fprintf(stderr, "%s: channel %" PRIu64 " of %s.%s cannot be looked at%s\n", t->look->what, serial,
	              t->link.held.name, t->link.port, why);
}

// What a pump carries is seen at one place, whatever the channel is.
static void add_peep(struct spore__tap *t, const struct spore__hold_message *m, int fd)
{
	struct spore__peep *peep = NULL;
	for (size_t i = 0; i < t->count; i++)
		if (t->seen[i].peep != NULL) {
			close(fd);
			t->seen[i].serial = m->serial;
			return;
		}
	if (t->count == SPORE__TAP_SPIES ||
	    !spore__peep_open(fd, t->link.framing, t->file != NULL ? SPORE_CHAN_LARGEST : SHOWN, &peep)) {
		if (t->count == SPORE__TAP_SPIES)
			close(fd);
		cannot(t, m->serial, "");
		return;
	}
	t->seen[t->count++] =
	    (struct spore__seen){.peep = peep, .serial = m->serial, .role = (m->role & 1) ^ t->turned};
}

static void add_spy(struct spore__tap *t, const struct spore__hold_message *m, int fd)
{
	struct spore__spy *spy = NULL;
	if (t->count == SPORE__TAP_SPIES ||
	    spore__spy_open(fd, t->file != NULL ? SPORE_CHAN_LARGEST : SHOWN, &spy) != SPORE_OK) {
		if (t->count == SPORE__TAP_SPIES)
			close(fd);
		cannot(t, m->serial, "");
		return;
	}
	if (!t->link.serves)
		all_over(t); // the one before
	t->seen[t->count++] = (struct spore__seen){.spy = spy, .serial = m->serial, .role = m->role & 1};
}

// The answer to what was asked.
static void take_memory(struct spore__tap *t, const struct spore__hold_message *m)
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
static void refuse(const struct spore__tap *t)
{
	if (t->link.plain && !t->link.pumped)
		spore__die(
		    SPORE__EXIT_FAILED,
		    "start its task with 'tap: true' of the wire ('spore wire --tap'): then its bytes can be seen",
		    "%s: %s.%s is a pipe: nobody else sees what passes through it", t->look->what, t->link.held.name,
		    t->link.port);
}

// Of what is published nothing passes by: each subscriber reads it where it lies, and so do we.
static void subscribe(struct spore__tap *t)
{
	t->published = false;
	struct spore__heard *h = spore__heard_open(&t->link, t->file != NULL ? SPORE_CHAN_LARGEST : SHOWN);
	if (h == NULL)
		return;
	for (size_t i = 0; i < t->count; i++)
		t->seen[i].over = true; // of the publisher before; what is left of it is still read
	if (t->count == SPORE__TAP_SPIES) {
		spore__heard_close(h);
		return;
	}
	t->seen[t->count++] = (struct spore__seen){.heard = h, .role = t->turned, .ended = {false, true}};
}

static void turn_to(struct spore__tap *t, char *port)
{
	t->turned = true;
	t->opened = false;
	t->wanted_count = 0;
	spore__link_close(&t->link);
	spore__link_open(&t->link, t->look->what, port);
	free(port);
}

// Where the port has nothing to be looked at its other end may.
static void turn(struct spore__tap *t)
{
	char *other = t->subscribes ? spore__other_publisher(&t->link) : spore__other_plain(&t->link);
	t->subscribes = t->streams = false;
	if (other != NULL)
		turn_to(t, other);
	else
		cannot(t, t->link.taken, ": it is over, or a stream");
}

static void hear(struct spore__tap *t, const struct spore__hold_message *m)
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

static enum spore_err next_seen(struct spore__seen *s, int direction, struct spore__spied *m)
{
	return s->peep != NULL    ? spore__peep_next(s->peep, direction, s->over, m)
	       : s->heard != NULL ? spore__heard_next(s->heard, m)
	                          : spore__spy_next(s->spy, direction, m);
}

static void forget(struct spore__seen *s)
{
	spore__spy_close(s->spy);
	spore__peep_close(s->peep);
	spore__heard_close(s->heard);
}

static bool look_at(struct spore__tap *t, struct spore__seen *s)
{
	bool any = false;
	for (int n = 0; n < AT_ONCE && t->left != 0; n++) {
		bool found = false;
		for (int d = 0; d < 2 && t->left != 0; d++) {
			struct spore__spied m;
			enum spore_err e = s->ended[d] ? SPORE_EAGAIN : next_seen(s, d, &m);
			spore__tap_show_missed(t, s, d);
			if (e == SPORE_OK) {
				spore__tap_show(t, s, (unsigned)d == s->role, &m);
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
static bool look_at_all(struct spore__tap *t)
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
static bool passes_on(const struct spore__tap *t, int64_t *waited)
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
static void await(struct spore__tap *t)
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

static void follow(struct spore__tap *t)
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
			spore__tap_cannot_write(t);
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
static void report(const struct spore__tap *t)
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
	static struct spore__tap t;
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
		spore__tap_cannot_write(&t);
	for (size_t i = 0; i < t.count; i++)
		forget(&t.seen[i]);
	report(&t);
	spore__link_close(&t.link);
	spore__buf_finish(&t.line);
	return SPORE__EXIT_OK;
}
