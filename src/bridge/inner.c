// The inner process of a bridge between two ends: bytes in, bytes out.
#include "bridge/between.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bridge/bridge.h"
#include "bridge/resend.h"
#include "bridge/work.h"
#include "chan/framing.h"
#include "os/os.h"

enum {
	PIECE = 64 * 1024,    // of one read
	LONGEST_MS = 3600000, // of one wait
	LEAVE_MS = 10000,     // for what is left to be written, when the other end is gone
};

static volatile sig_atomic_t restarted[2], got_look;
static int wakes[2] = {-1, -1};

static void on_signal(int number)
{
	int saved = errno;
	if (number == SIGUSR1)
		restarted[0] = 1;
	else if (number == SIGUSR2)
		restarted[1] = 1;
	else
		got_look = 1;
	(void)!write(wakes[1], "", 1);
	errno = saved;
}

static int64_t now_ms(void)
{
	struct timespec t = {0};
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int index_of(const struct spore__work *w, const struct spore__bridge_end *end)
{
	return w->sides[1].end == end;
}

static bool is_messages(const struct spore__work_side *s)
{
	return strcmp(s->start->how, "messages") == 0;
}

// ---- what the bridge tells

static struct spore__bridge_end *on_open(void *owner, const char *session)
{
	struct spore__work *w = owner;
	(void)session;
	return w->sides[w->sides[0].calls].end;
}

static void on_close(void *owner, struct spore__bridge_end *right)
{
	(void)owner, (void)right; // it is a program, and stays
}

static void on_parked(void *owner, const struct spore__bridge_parked *p)
{
	struct spore__work *w = owner;
	int side = (p->side == SPORE__BRIDGE_LEFT) == w->sides[0].calls ? 0 : 1;
	const struct spore__dead_message m = {
	    .side = side,
	    .raw = p->raw,
	    .place = spore__journal_step(w->life->journal)->messages[side] + 1,
	    .wall_ns = p->wall_ms * 1000000,
	    .reason = p->why,
	    .bytes = p->bytes,
	    .kept = p->kept,
	    .len = p->len,
	};
	atomic_fetch_add(&w->life->record->refused[side], 1);
	uint64_t number = w->life->dead >= 0 ? spore__dead_park(w->life->dead, &m) : 0;
	if (number > 0)
		w->parked[w->parked_count++ % SPORE__BRIDGE_PARKED] = (struct spore__work_parked){number, p->number};
	(void)fprintf(stderr, "a message of %s could not be translated: %s%s\n", w->sides[side].start->name, p->why,
	              number > 0 ? "; 'spore dead' has it" : "");
}

static int on_call(void *owner, const struct spore__bridge_end *end, struct spore__span id)
{
	struct spore__work *w = owner;
	return spore__journal_call(w->life->journal, index_of(w, end), id.bytes, id.len);
}

static void on_answer(void *owner, int token)
{
	struct spore__work *w = owner;
	spore__journal_answer(w->life->journal, token);
}

static const struct spore__bridge_host host = {
    .open = on_open,
    .close = on_close,
    .parked = on_parked,
    .called = on_call,
    .answered = on_answer,
};

// ---- ends

static bool add(struct spore__work *w, struct spore__work_side *s)
{
	static const struct spore__framing *const framings[] = {&spore__framing_lines, &spore__framing_u32le,
	                                                        &spore__framing_u32be, &spore__framing_netstring, NULL};
	char why[256];
	enum spore__bridge_side side = s->calls ? SPORE__BRIDGE_LEFT : SPORE__BRIDGE_RIGHT;
	if (spore__bridge_add(w->bridge, side, s->start->spec, NULL, &s->end, why, sizeof why) != SPORE_OK) {
		(void)fprintf(stderr, "%s: %s\n", s->start->name, why);
		return false;
	}
	if (is_messages(s))
		spore__codec_frame(s->end->codec, &spore__framing_stream);
	for (size_t i = 0; framings[i] != NULL; i++)
		if (strcmp(framings[i]->name, s->start->how) == 0)
			spore__codec_frame(s->end->codec, framings[i]);
	s->end->host = s;
	s->end->patient = true; // a program that is full is not read; that is how it feels it
	return true;
}

static void prepare(struct spore__work_side *s, int in, int out)
{
	struct stat st;
	s->in = in;
	s->out = out;
	s->is_socket = out >= 0 && fstat(out, &st) == 0 && S_ISSOCK(st.st_mode);
	s->read_over = in < 0;
	s->shut = out < 0;
	const int fds[] = {in, out};
	for (int i = 0; i < 2; i++)
		if (fds[i] >= 0) {
			int flags = fcntl(fds[i], F_GETFL);
			(void)fcntl(fds[i], F_SETFL, flags | O_NONBLOCK);
		}
}

// ---- out

// What the codecs have made becomes part of the step.
static void gather(struct spore__work *w)
{
	for (int i = 0; i < 2; i++) {
		struct spore__work_side *s = &w->sides[i];
		struct spore__buf *out = s->end != NULL ? &s->end->codec->out : NULL;
		if (out == NULL || out->len == 0)
			continue;
		if (s->shut) {
			out->len = 0;
			continue;
		}
		spore__journal_made(w->life->journal, i, out->data, out->len);
		if (s->sends.len == 0) {
			struct spore__buf empty = s->sends;
			s->sends = *out;
			*out = empty;
		} else {
			spore__buf_add(&s->sends, out->data, out->len);
		}
		out->len = 0;
	}
}

static void commit(struct spore__work *w)
{
	struct spore__journal_step *step = spore__journal_step(w->life->journal);
	const struct spore__bridge_counts *counts = spore__bridge_counts(w->bridge);
	gather(w);
	for (int i = 0; i < 2; i++) {
		enum spore__bridge_side side = w->sides[i].calls ? SPORE__BRIDGE_LEFT : SPORE__BRIDGE_RIGHT;
		step->messages[i] = w->sides[i].counted + counts->messages[side];
		atomic_store_explicit(&w->life->record->passed[i], step->messages[i], memory_order_relaxed);
	}
	step->uses = spore__bridge_uses(w->bridge);
	spore__journal_commit(w->life->journal);
}

static void give_up_writing(struct spore__work_side *s)
{
	s->shut = s->broken = true;
	s->sends.len = 0;
	s->sent = 0;
}

static void write_some(struct spore__work *w, int i)
{
	struct spore__work_side *s = &w->sides[i];
	while (s->sent < s->sends.len && !s->shut) {
		spore__journal_moves(w->life->journal);
		ssize_t n = write(s->out, s->sends.data + s->sent, s->sends.len - s->sent);
		int why = errno;
		spore__journal_sent(w->life->journal, i, n > 0 ? (size_t)n : 0);
		if (n > 0)
			s->sent += (size_t)n;
		else if (n < 0 && why == EINTR)
			continue;
		else if (n < 0 && (why == EAGAIN || why == EWOULDBLOCK))
			return;
		else
			give_up_writing(s);
	}
	s->sends.len = s->sent = 0;
}

static void shut(struct spore__work *w, int i)
{
	struct spore__work_side *s = &w->sides[i];
	if (s->shut)
		return;
	s->shut = true;
	if (s->is_socket) {
		(void)shutdown(s->out, SHUT_WR);
		return;
	}
	close(s->out);
	(void)!write(w->life->asks, i == 0 ? "0" : "1", 1);
}

// Behind all that was made for it: nothing more comes. TOLD: the other end has said so, and did not just vanish.
static void finish(struct spore__work *w, int i, bool told)
{
	struct spore__work_side *s = &w->sides[i];
	unsigned char end[SPORE__FRAMING_HEAD];
	if (s->finishing || s->shut)
		return;
	s->finishing = true;
	if (!is_messages(s) || !told)
		return;
	size_t n = spore__framing_stream.finish(end);
	spore__journal_made(w->life->journal, i, end, n);
	spore__buf_add(&s->sends, end, n);
	commit(w);
}

// ---- in

static bool says_finish(const struct spore__work_side *s)
{
	return is_messages(s) && s->waits.len >= 4 && memcmp(s->waits.data, "\xff\xff\xff\xff", 4) == 0;
}

static void use(struct spore__work *w, int i, size_t used)
{
	struct spore__work_side *s = &w->sides[i];
	if (used == 0)
		return;
	spore__journal_step(w->life->journal)->used[i] += used;
	s->waits.len -= used;
	memmove(s->waits.data, s->waits.data + used, s->waits.len);
}

// Answers to calls that an inner process before this one made are passed over: nobody waits for them, and without ids they would be taken for others.
static void skip(struct spore__work *w, int i)
{
	struct spore__work_side *s = &w->sides[i];
	const struct spore__framing *f = s->end->codec->framing;
	while (s->skip > 0 && s->waits.len > 0) {
		struct spore__framed m = {0};
		if (f->take((const unsigned char *)s->waits.data, s->waits.len, false, &m) != SPORE_OK ||
		    m.head + m.len + m.tail > s->waits.len)
			return;
		use(w, i, m.head + m.len + m.tail);
		s->skip--;
		commit(w);
	}
}

static void translate(struct spore__work *w, int i)
{
	struct spore__work_side *s = &w->sides[i];
	skip(w, i);
	while (s->end != NULL && s->skip == 0 && s->waits.len > s->looked && spore__bridge_may_read(s->end)) {
		size_t used = 0;
		enum spore_err err = spore__bridge_feed(s->end, NULL, s->waits.data, s->waits.len, &used);
		use(w, i, used);
		s->looked = used == 0 ? s->waits.len : 0;
		commit(w);
		if (err != SPORE_OK) {
			(void)fprintf(stderr, "%s: %s\n", s->start->name,
			              s->end->codec->why[0] != '\0' ? s->end->codec->why : spore_err_text(err));
			s->read_over = s->failed = true;
			return;
		}
	}
	if (says_finish(s))
		s->read_over = s->told = true;
}

static void read_some(struct spore__work *w, int i)
{
	static char piece[PIECE];
	struct spore__work_side *s = &w->sides[i];
	spore__journal_moves(w->life->journal);
	ssize_t n = read(s->in, piece, sizeof piece);
	int why = errno;
	spore__journal_came(w->life->journal, i, piece, n > 0 ? (size_t)n : 0);
	if (n > 0) {
		spore__buf_add(&s->waits, piece, (size_t)n);
		s->looked = 0;
		translate(w, i);
	} else if (n == 0 || (why != EINTR && why != EAGAIN && why != EWOULDBLOCK)) {
		s->read_over = true;
		s->told = n == 0 && !is_messages(s);
		if (s->end != NULL && spore__codec_feed_end(s->end->codec, s->waits.data, s->waits.len) != SPORE_OK)
			s->told = false;
		use(w, i, s->waits.len);
		commit(w);
	}
}

// ---- ends that end

static void remove_end(struct spore__work *w, int i, const char *why)
{
	struct spore__work_side *s = &w->sides[i];
	if (s->end == NULL)
		return;
	atomic_fetch_add(&w->life->record->failed, s->end->awaited);
	gather(w);
	spore__bridge_remove(s->end, why);
	s->end = NULL;
	commit(w);
}

// Another instance of the program has begun: what was asked of the one before is answered with an error.
static void renew(struct spore__work *w, int i)
{
	struct spore__work_side *s = &w->sides[i];
	if (s->end == NULL || s->read_over)
		return;
	read_some(w, i); // what it said at last
	(void)fprintf(stderr, "%s was started again\n", s->start->name);
	remove_end(w, i, "the program was started again before it answered");
	use(w, i, s->waits.len); // the part of a message that the other half never comes to
	s->looked = s->skip = 0;
	commit(w);
	if (!add(w, s))
		w->status = SPORE__BRIDGE_CANNOT;
}

static bool is_flushed(const struct spore__work_side *s)
{
	return s->shut || s->sends.len == 0;
}

static void look_at_ends(struct spore__work *w)
{
	for (int i = 0; i < 2; i++) {
		struct spore__work_side *s = &w->sides[i], *other = &w->sides[1 - i];
		bool gone = s->broken || (s->read_over && s->shut) || s->failed;
		if (s->end != NULL && (gone || (s->read_over && s->end->unanswered == 0 && s->end->awaited > 0)))
			remove_end(w, i, "the program that was called has ended");
		if (s->read_over && (gone || s->end == NULL || s->end->unanswered == 0 || !other->read_over))
			finish(w, 1 - i, s->told);
		if (gone && is_flushed(other))
			w->status = SPORE__BRIDGE_DONE;
		else if (gone && w->leave_ms == 0)
			w->leave_ms = now_ms() + LEAVE_MS;
		if (s->finishing && is_flushed(s))
			shut(w, i);
	}
	if (w->sides[0].read_over && w->sides[1].read_over && is_flushed(&w->sides[0]) && is_flushed(&w->sides[1]))
		w->status = SPORE__BRIDGE_DONE;
	if (w->leave_ms != 0 && now_ms() >= w->leave_ms)
		w->status = SPORE__BRIDGE_DONE;
}

// ---- after another

struct orphans {
	struct spore__work *w;
	size_t awaited[2]; // calls that were made to each end
};

static void fail_orphan(void *arg, int side, const void *id, size_t len)
{
	struct orphans *o = arg;
	o->awaited[1 - side]++;
	spore__bridge_fail(o->w->sides[side].end, (struct spore__span){id, len}, SPORE_ECLOSED,
	                   "the bridge was killed before the answer came");
	atomic_fetch_add(&o->w->life->record->failed, 1);
}

static bool go_on(struct spore__work *w)
{
	struct spore__journal *j = w->life->journal;
	struct orphans o = {.w = w};
	struct spore__buf in[2] = {{0}}, out[2] = {{0}};
	if (!spore__journal_recover(j, in, out)) {
		(void)fprintf(stderr,
		              "what it was in the middle of cannot be told: its channel ends, and a new one is made\n");
		return false;
	}
	for (int i = 0; i < 2; i++) {
		struct spore__work_side *s = &w->sides[i];
		s->waits = in[i];
		s->sends = out[i];
		s->counted = spore__journal_step(j)->messages[i];
	}
	spore__bridge_set_uses(w->bridge,
	                       (uint16_t)(spore__journal_step(j)->uses + 2)); // one may not have been committed
	spore__journal_orphans(j, fail_orphan, &o);
	for (int i = 0; i < 2; i++) {
		struct spore__work_side *s = &w->sides[i];
		if (s->end->codec->ops->ids || o.awaited[i] == 0)
			continue;
		s->skip = o.awaited[i];
		if (s->end->codec->framing == NULL) {
			(void)fprintf(stderr, "%s has calls to answer and no numbers for them: its channel ends\n",
			              s->start->name);
			return false;
		}
	}
	commit(w);
	for (int i = 0; i < 2 && w->life->crashed; i++)
		if (!spore__resend_poison(w, i)) {
			(void)fprintf(stderr,
			              "where the message ends that ended it cannot be told: its channel ends\n");
			return false;
		}
	for (int i = 0; i < 2; i++)
		translate(w, i);
	return true;
}

// ---- the loop

static void wait(struct spore__work *w, int64_t until_ms)
{
	struct pollfd p[6];
	int count = 0, reads[2] = {-1, -1}, writes[2] = {-1, -1};
	int64_t left = until_ms - now_ms();
	p[count++] = (struct pollfd){.fd = w->life->outer};
	p[count++] = (struct pollfd){.fd = wakes[0], .events = POLLIN};
	for (int i = 0; i < 2; i++) {
		struct spore__work_side *s = &w->sides[i];
		if (!s->read_over && (s->end == NULL || spore__bridge_may_read(s->end)) &&
		    w->sides[1 - i].sends.len < SPORE__BRIDGE_HIGH) {
			reads[i] = count;
			p[count++] = (struct pollfd){.fd = s->in, .events = POLLIN};
		}
		if (!s->shut) {
			writes[i] = count;
			p[count++] = (struct pollfd){.fd = s->out, .events = s->sends.len > 0 ? POLLOUT : 0};
		}
	}
	if (poll(p, (nfds_t)count, left < 0 ? 0 : left > LONGEST_MS ? LONGEST_MS : (int)left) < 0)
		return;
	if (p[0].revents != 0)
		_exit(SPORE__BRIDGE_CANNOT);
	if (p[1].revents != 0) {
		char bytes[64];
		(void)!read(wakes[0], bytes, sizeof bytes);
	}
	(void)spore__bridge_tick(w->bridge, now_ms());
	for (int i = 0; i < 2; i++) {
		if (writes[i] >= 0 && (p[writes[i]].revents & POLLOUT) != 0)
			write_some(w, i);
		else if (writes[i] >= 0 &&
		         (p[writes[i]].revents & (POLLERR | (w->sides[i].read_over ? POLLHUP : 0))) != 0)
			give_up_writing(&w->sides[i]);
		if (reads[i] >= 0 && p[reads[i]].revents != 0)
			read_some(w, i);
	}
}

static void turn(struct spore__work *w)
{
	int64_t next = spore__bridge_tick(w->bridge, now_ms());
	commit(w);
	for (int i = 0; i < 2; i++)
		if (restarted[i]) {
			restarted[i] = 0;
			renew(w, i);
		}
	if (got_look) {
		got_look = 0;
		spore__resend_due(w);
	}
	for (int i = 0; i < 2; i++) { // what had to wait for room
		w->sides[i].looked = w->sides[i].paused ? 0 : w->sides[i].looked;
		translate(w, i);
		w->sides[i].paused = w->sides[i].end != NULL && !spore__bridge_may_read(w->sides[i].end);
	}
	for (int i = 0; i < 2; i++)
		write_some(w, i);
	look_at_ends(w);
	if (w->leave_ms != 0 && w->leave_ms < next)
		next = w->leave_ms;
	if (w->status < 0)
		wait(w, next);
}

static bool begin(struct spore__work *w)
{
	static const int numbers[] = {SIGUSR1, SIGUSR2, SIGHUP};
	struct sigaction action = {.sa_handler = on_signal};
	sigset_t set;
	sigemptyset(&set);
	sigemptyset(&action.sa_mask);
	if (spore__os_pipe(wakes) != 0)
		return false;
	for (int i = 0; i < 2; i++)
		(void)fcntl(wakes[i], F_SETFL, O_NONBLOCK);
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		(void)sigaction(numbers[i], &action, NULL);
		sigaddset(&set, numbers[i]);
	}
	(void)signal(SIGTERM, SIG_DFL);
	sigaddset(&set, SIGTERM);
	w->bridge = spore__bridge_create(&host, w, !(w->life->start.ends[0].reads && w->life->start.ends[1].reads));
	(void)spore__bridge_tick(w->bridge, now_ms());
	for (int i = 0; i < 2; i++) {
		w->sides[i].start = &w->life->start.ends[i];
		w->sides[i].calls = w->sides[i].start->role == SPORE__CODEC_PEER_CALLS;
		prepare(&w->sides[i], w->life->in[i], w->life->out[i]);
		if (!add(w, &w->sides[i]))
			return false;
	}
	(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
	return true;
}

int spore__bridge_translate(const struct spore__bridge_life *life)
{
	static struct spore__work w;
	w = (struct spore__work){.life = life, .status = -1};
	(void)setvbuf(stderr, NULL, _IOLBF, 0);
	if (!begin(&w))
		return SPORE__BRIDGE_CANNOT;
	if (life->again && !go_on(&w))
		return SPORE__BRIDGE_BROKEN;
	got_look = 1; // what was to be sent again while there was no bridge
	while (w.status < 0)
		turn(&w);
	for (int i = 0; i < 2 && w.status == SPORE__BRIDGE_DONE; i++)
		if (w.sides[i].failed)
			return SPORE__BRIDGE_UNREAD + i;
	return w.status;
}
