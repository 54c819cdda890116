#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "connection_inside.h"
#include "os/os.h"
#include "pass.h"

enum { KEPT = SPORE__CONTROL_FRAME + 8 * 1024 }; // the rest of a frame, and state messages behind it

// All with spore__connection_out.
static unsigned char frame[SPORE__CONTROL_FRAME];
static unsigned char kept[KEPT]; // could not be sent yet
static size_t kept_len;
static uint64_t lost; // records, since the hold was last told
static bool gave_up;  // the hold did not read for that long
static int64_t patience = SPORE__PATIENCE_MS;
static bool hold_dead; // sending failed
static bool said_hello;

static size_t send_some(const unsigned char *bytes, size_t len)
{
	size_t sent = 0;
	int64_t deadline = spore__connection_now_ms() + patience;
	int fd = spore__connection_fd();
	hold_dead = hold_dead || fd < 0;
	while (sent < len && !hold_dead) {
		ssize_t n = spore__io_send(fd, bytes + sent, len - sent);
		if (n > 0) {
			sent += (size_t)n;
			gave_up = false;
			deadline = spore__connection_now_ms() + patience;
		} else if (n < 0 && errno == EINTR) {
			continue;
		} else if (n < 0 && (errno == EAGAIN || errno == ENOBUFS)) {
			int64_t left = deadline - spore__connection_now_ms();
			gave_up = gave_up || left <= 0;
			if (gave_up)
				break;
			struct pollfd p = {.fd = fd, .events = POLLOUT};
			if (poll(&p, 1, (int)left) == 0)
				gave_up = true;
		} else {
			hold_dead = true;
		}
	}
	return sent;
}

static void send_kept(void)
{
	size_t sent = kept_len > 0 ? send_some(kept, kept_len) : 0;
	memmove(kept, kept + sent, kept_len - sent);
	kept_len -= sent;
}

// Sends a whole frame, now or later. False when there is no room to keep it.
static bool send_frame(const unsigned char *bytes, size_t len)
{
	send_kept();
	size_t sent = kept_len == 0 ? send_some(bytes, len) : 0;
	if (kept_len + (len - sent) > KEPT)
		return false;
	memcpy(kept + kept_len, bytes + sent, len - sent);
	kept_len += len - sent;
	return true;
}

static void send_small(void (*put)(struct spore__msgpack_writer *w, uint64_t number), uint64_t number)
{
	unsigned char bytes[256];
	struct spore__msgpack_writer w;
	struct spore__control_message m;
	size_t used;
	spore__msgpack_writer_fixed(&w, bytes, sizeof bytes);
	put(&w, number);
	if (w.err != 0)
		return;
	if (spore__control_decode(bytes, w.len, &m, &used) == SPORE_OK)
		spore__connection_trace("->", &m);
	(void)send_frame(bytes, w.len);
}

static void put_hello(struct spore__msgpack_writer *w, uint64_t unused)
{
	enum { SHARING = 5 }; // of them need shared memory
	const char *const features[] = {"ring-1",   "publication-1", "early-1", "beside-1", "resumes-1",
	                                "stream-1", "lines-1",       "u32le-1", "u32be-1",  "netstring-1",
	                                "bytes-1",  "swap-1",        "moves-1", NULL};
	(void)unused;
	spore__control_put_hello(w, spore__io_shares_memory() ? features : features + SHARING, NULL);
}

static void catch_up(void)
{
	send_kept();
	if (kept_len == 0 && lost > 0 && !hold_dead) {
		send_small(spore__control_put_lost, lost);
		lost = 0;
	}
	if (lost > 0 && hold_dead) {
		char text[80];
		snprintf(text, sizeof text, "%llu log records were lost", (unsigned long long)lost);
		spore__connection_complain("the hold is gone", text);
		lost = 0;
	}
}

// At exit it is the last chance.
__attribute__((destructor)) void spore__connection_catch_up(void)
{
	if (spore__connection_is_lost() || pthread_mutex_trylock(&spore__connection_out) != 0)
		return;
	patience = 0;
	if (gave_up)
		catch_up();
	patience = SPORE__PATIENCE_MS;
	pthread_mutex_unlock(&spore__connection_out);
}

// The beginning of the frame, with descriptors. Returns how many bytes went; 0: it cannot go with them now.
static size_t send_first(size_t len, const int *fds, unsigned count)
{
	struct pollfd p = {.fd = spore__connection_fd(), .events = POLLOUT};
	int64_t left = patience, deadline = spore__connection_now_ms() + left;
	int ready = -1;
	if (kept_len > 0 || hold_dead || gave_up || p.fd < 0)
		return 0;
	while ((ready = poll(&p, 1, (int)left)) < 0 && errno == EINTR) {
		left = deadline - spore__connection_now_ms();
		left = left > 0 ? left : 0;
	}
	gave_up = ready == 0;
	if (ready <= 0)
		return 0;
	ssize_t n;
	while ((n = spore__pass_send(p.fd, frame, len, fds, count)) < 0 && errno == EINTR)
		;
	return n > 0 ? (size_t)n : 0;
}

static void deliver(size_t sent, size_t len, bool record)
{
	if (record && kept_len > 0)
		lost++;
	else if (!hold_dead && !send_frame(frame + sent, len - sent))
		lost += record ? 1 : 0;
}

struct saying {
	void (*put)(struct spore__msgpack_writer *w, const void *arg);
	const void *arg, *bare; // `bare`: where descriptors cannot go with it
	const int *fds;
	unsigned count;
	void (*without)(const struct spore__control_message *m);
};

// The length of the frame; 0: it cannot be one.
static size_t encode(const struct saying *s, const void *arg, struct spore__control_message *m)
{
	struct spore__msgpack_writer w;
	size_t used;
	spore__msgpack_writer_fixed(&w, frame, sizeof frame);
	s->put(&w, arg);
	return w.err == 0 && spore__control_decode(frame, w.len, m, &used) == SPORE_OK ? w.len : 0;
}

static void say_to_hold(const struct saying *s, size_t len, struct spore__control_message *m)
{
	size_t sent = 0;
	if (!said_hello)
		send_small(put_hello, 0);
	said_hello = true;
	catch_up();
	if (s->count > 0 && (sent = send_first(len, s->fds, s->count)) == 0)
		len = encode(s, s->bare, m);
	spore__connection_trace("->", m);
	deliver(sent, len, m->type == SPORE__CONTROL_LOG);
}

static void say(const struct saying *s)
{
	int e = errno;
	struct spore__control_message m;
	pthread_mutex_lock(&spore__connection_out);
	const char *complaint = spore__connection_complaint();
	if (complaint != NULL)
		spore__connection_complain("SPORE_FD", complaint);
	size_t len = encode(s, s->arg, &m);
	if (len > 0 && spore__connection_fd() >= 0 && !hold_dead)
		say_to_hold(s, len, &m);
	else if (len > 0)
		spore__connection_trace("- ", &m);
	if (len > 0 && (spore__connection_is_lost() || hold_dead) && s->without != NULL)
		s->without(&m);
	pthread_mutex_unlock(&spore__connection_out);
	errno = e;
}

void spore__connection_say(void (*put)(struct spore__msgpack_writer *w, const void *arg), const void *arg,
                           void (*without)(const struct spore__control_message *m))
{
	say(&(struct saying){.put = put, .arg = arg, .without = without});
}

void spore__connection_say_with(void (*put)(struct spore__msgpack_writer *w, const void *arg), const void *arg,
                                const void *bare, const int *fds, unsigned count)
{
	say(&(struct saying){.put = put, .arg = arg, .bare = bare, .fds = fds, .count = count});
}
