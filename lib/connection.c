#include "connection.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "chan/port.h"
#include "chan/transport.h"
#include "hold_side.h"
#include "os/os.h"
#include "pass.h"
#include "stop.h"

enum {
	PATIENCE_MS = 5000,                     // without progress, before records are dropped
	KEPT = SPORE__CONTROL_FRAME + 8 * 1024, // the rest of a frame, and state messages behind it
	DESCRIPTORS = 2 * SPORE__CONTROL_DESCRIPTORS,
};

static int hold_fd = -1; // set before main and in a forked child only
static bool forked;      // this is a child made by fork
static struct spore__io_id hold_id;
static bool traces;
static const char *complaint; // about SPORE_FD, not yet said

// Guards what is sent.
static pthread_mutex_t out_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned char frame[SPORE__CONTROL_FRAME];
static unsigned char kept[KEPT]; // could not be sent yet
static size_t kept_len;
static uint64_t lost; // records, since the hold was last told
static bool gave_up;  // the hold did not read for that long
static int64_t patience = PATIENCE_MS;
static bool hold_dead; // sending failed
static bool said_hello;

// Guards what is received.
static pthread_mutex_t in_lock = PTHREAD_MUTEX_INITIALIZER;
static struct spore__control_input input;
static int descriptors[DESCRIPTORS]; // that came, of messages which are not complete yet
static unsigned came;
static bool heard_hello;
static bool waited; // for it, in vain
static atomic_bool heard_stop;
static atomic_bool swapped; // ... since another instance takes over
static struct setting {
	char *key;
	char *value;
	struct setting *next;
} * settings;

// ---- standard error

// One write as a rule; a closed pipe at the other end is no reason to die.
void spore__connection_print(const char *line, size_t len)
{
	sigset_t pipe_only, before, pending;
	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	bool masked = pthread_sigmask(SIG_BLOCK, &pipe_only, &before) == 0;
	bool was_pending = sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
	ssize_t n;
	while ((n = write(STDERR_FILENO, line, len)) != (ssize_t)len) {
		struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
		line += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
		// Somebody may have made it non-blocking.
		if (n == 0 || (n < 0 && errno != EINTR && !(errno == EAGAIN && poll(&p, 1, PATIENCE_MS) != 0)))
			break;
	}
	if (n < 0 && errno == EPIPE && !was_pending && sigpending(&pending) == 0 &&
	    sigismember(&pending, SIGPIPE) == 1) {
		int sig;
		(void)sigwait(&pipe_only, &sig);
	}
	if (masked)
		(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void complain(const char *what, const char *why)
{
	char line[256];
	int n = snprintf(line, sizeof line, "spore: %s: %s\n", what, why);
	if (n > 0)
		spore__connection_print(line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
}

static void trace(const char *way, const struct spore__control_message *m)
{
	char line[1024];
	int n = snprintf(line, sizeof line, "spore %s ", way);
	spore__control_print(m, line + n, sizeof line - (size_t)n - 1);
	strcat(line, "\n");
	spore__connection_print(line, strlen(line));
}

// ---- setting up

static void before_fork(void)
{
	pthread_mutex_lock(&out_lock);
	pthread_mutex_lock(&in_lock);
}

static void after_fork_in_parent(void)
{
	pthread_mutex_unlock(&in_lock);
	pthread_mutex_unlock(&out_lock);
}

// Two processes cannot share one control connection: the child goes on without.
static void after_fork_in_child(void)
{
	if (hold_fd >= 0 && spore__io_is(hold_fd, &hold_id))
		close(hold_fd);
	hold_fd = -1;
	forked = true;
	atomic_store(&heard_stop, false);
	atomic_store(&swapped, false);
	after_fork_in_parent();
	spore__stop_after_fork();
	spore__port_after_fork();
}

// Before main, so that whatever the program starts and however early, inherits neither the descriptor nor the variable.
__attribute__((constructor)) static void start(void)
{
	const char *text = getenv("SPORE_FD"), *tracing = getenv("SPORE_TRACE");
	traces = tracing != NULL && strcmp(tracing, "1") == 0;
	(void)pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
	if (text == NULL)
		return;
	char *end;
	errno = 0;
	long fd = strtol(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || fd < 0 || fd > INT_MAX)
		complaint = "not the number of a descriptor";
	else if (spore__io_adopt((int)fd) != 0)
		complaint = "not a connected Unix stream socket";
	else
		hold_fd = (int)fd;
	spore__io_identify(hold_fd, &hold_id);
	(void)unsetenv("SPORE_FD");
}

int spore__connection_fd(void)
{
	return hold_fd;
}

// ---- sending; all under out_lock

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

// Sends what it can of BYTES; waits while there is progress, `patience` at most. Returns how many bytes went.
static size_t send_some(const unsigned char *bytes, size_t len)
{
	size_t sent = 0;
	int64_t deadline = now_ms() + patience;
	if (!spore__io_is(hold_fd, &hold_id))
		hold_dead = true;
	while (sent < len && !hold_dead) {
		ssize_t n = spore__io_send(hold_fd, bytes + sent, len - sent);
		if (n > 0) {
			sent += (size_t)n;
			gave_up = false;
			deadline = now_ms() + patience;
		} else if (n < 0 && errno == EINTR) {
			continue;
		} else if (n < 0 && (errno == EAGAIN || errno == ENOBUFS)) {
			int64_t left = deadline - now_ms();
			gave_up = gave_up || left <= 0;
			if (gave_up)
				break;
			struct pollfd p = {.fd = hold_fd, .events = POLLOUT};
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
	if (traces && spore__control_decode(bytes, w.len, &m, &used) == SPORE_OK)
		trace("->", &m);
	(void)send_frame(bytes, w.len);
}

static void put_hello(struct spore__msgpack_writer *w, uint64_t unused)
{
	const char *const features[] = {"ring-1",  "publication-1", "stream-1", "lines-1", "u32le-1",
	                                "u32be-1", "netstring-1",   "bytes-1",  "swap-1",  NULL};
	(void)unused;
	spore__control_put_hello(w, spore__io_shares_memory() ? features : features + 2, NULL);
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
		complain("the hold is gone", text);
		lost = 0;
	}
}

// What a slow hold did not take before, if it takes it now; does not wait. At exit it is the last chance.
__attribute__((destructor)) static void try_to_catch_up(void)
{
	if (hold_fd < 0 || pthread_mutex_trylock(&out_lock) != 0)
		return;
	patience = 0;
	if (gave_up)
		catch_up();
	patience = PATIENCE_MS;
	pthread_mutex_unlock(&out_lock);
}

// The beginning of the frame, with descriptors. Returns how many bytes went.
static size_t send_first(size_t len, const int *fds, unsigned count)
{
	struct pollfd p = {.fd = hold_fd, .events = POLLOUT};
	if (count == 0 || kept_len > 0 || hold_dead || gave_up || !spore__io_is(hold_fd, &hold_id) ||
	    poll(&p, 1, (int)patience) <= 0)
		return 0;
	ssize_t n;
	while ((n = spore__pass_send(hold_fd, frame, len, fds, count)) < 0 && errno == EINTR)
		;
	return n > 0 ? (size_t)n : 0;
}

static void deliver(size_t len, bool record, const int *fds, unsigned count)
{
	catch_up();
	size_t sent = send_first(len, fds, count);
	if (record && kept_len > 0)
		lost++;
	else if (!hold_dead && !send_frame(frame + sent, len - sent))
		lost += record ? 1 : 0;
}

static void say(void (*put)(struct spore__msgpack_writer *w, const void *arg), const void *arg, const int *fds,
                unsigned count, void (*without)(const struct spore__control_message *m))
{
	int e = errno;
	struct spore__msgpack_writer w;
	struct spore__control_message m;
	size_t used;
	pthread_mutex_lock(&out_lock);
	if (complaint != NULL)
		complain("SPORE_FD", complaint);
	complaint = NULL;
	spore__msgpack_writer_fixed(&w, frame, sizeof frame);
	put(&w, arg);
	if (w.err == 0 && spore__control_decode(frame, w.len, &m, &used) == SPORE_OK) {
		bool to_hold = hold_fd >= 0 && !hold_dead;
		if (to_hold && !said_hello)
			send_small(put_hello, 0);
		said_hello = true;
		if (traces)
			trace(to_hold ? "->" : "- ", &m);
		if (to_hold)
			deliver(w.len, m.type == SPORE__CONTROL_LOG, fds, count);
		if ((hold_fd < 0 || hold_dead) && without != NULL)
			without(&m);
	}
	pthread_mutex_unlock(&out_lock);
	errno = e;
}

void spore__connection_say(void (*put)(struct spore__msgpack_writer *w, const void *arg), const void *arg,
                           void (*without)(const struct spore__control_message *m))
{
	say(put, arg, NULL, 0, without);
}

void spore__connection_say_with(void (*put)(struct spore__msgpack_writer *w, const void *arg), const void *arg,
                                const int *fds, unsigned count)
{
	say(put, arg, fds, count, NULL);
}

// ---- receiving; all under in_lock

static char *copy(const struct spore__msgpack_value *v)
{
	char *s = malloc((size_t)v->s.len + 1);
	if (s == NULL)
		return NULL;
	memcpy(s, v->s.bytes, v->s.len);
	s[v->s.len] = '\0';
	return s;
}

static void take_settings(struct spore__msgpack_reader r)
{
	uint32_t pairs;
	if (spore__msgpack_read_map(&r, &pairs) != SPORE__MSGPACK_OK)
		return;
	for (uint32_t i = 0; i < pairs; i++) {
		struct spore__msgpack_value key, value;
		struct spore__msgpack_reader after = r;
		bool strings =
		    spore__msgpack_read(&after, &key) == SPORE__MSGPACK_OK && key.type == SPORE__MSGPACK_STR &&
		    spore__msgpack_read(&after, &value) == SPORE__MSGPACK_OK && value.type == SPORE__MSGPACK_STR;
		struct setting *s = strings ? calloc(1, sizeof *s) : NULL;
		if (s != NULL) {
			s->key = copy(&key);
			s->value = copy(&value);
			s->next = settings;
		}
		if (s != NULL && s->key != NULL && s->value != NULL) {
			settings = s;
		} else if (s != NULL) {
			free(s->key);
			free(s->value);
			free(s);
		}
		if (spore__msgpack_skip(&r) != SPORE__MSGPACK_OK || spore__msgpack_skip(&r) != SPORE__MSGPACK_OK)
			return;
	}
}

// The descriptors of a message came with it, and it says how many they are.
static void take_channel(const struct spore__control_message *m)
{
	if (m->descriptors > came) {
		complain("the hold cannot be understood", "descriptors are missing");
		atomic_store(&heard_stop, true);
		return;
	}
	spore__port_hear(m, descriptors);
	came -= m->descriptors;
	memmove(descriptors, descriptors + m->descriptors, came * sizeof descriptors[0]);
}

static void take(const struct spore__control_message *m)
{
	char text[200];
	if (traces)
		trace("<-", m);
	switch (m->type) {
	case SPORE__CONTROL_HELLO:
		if (m->number != SPORE__CONTROL_MAJOR) {
			snprintf(text, sizeof text,
			         "it speaks version %llu of the control protocol, this program speaks %d",
			         (unsigned long long)m->number, SPORE__CONTROL_MAJOR);
			complain("the hold cannot be understood", text);
			atomic_store(&heard_stop, true);
		} else if (!heard_hello) {
			take_settings(m->fields);
		}
		heard_hello = true;
		return;
	case SPORE__CONTROL_REFUSE:
		snprintf(text, sizeof text, "%.*s", m->text_len < 150 ? (int)m->text_len : 150, m->text);
		complain("the hold refused this program", text);
		atomic_store(&heard_stop, true);
		return;
	case SPORE__CONTROL_STOP:
		atomic_store(&swapped, m->swap);
		if (m->swap && !spore__stop_is_listening())
			spore__port_quiet_all();
		atomic_store(&heard_stop, true);
		return;
	case SPORE__CONTROL_CHANNEL:
		take_channel(m);
		return;
	case SPORE__CONTROL_UNWIRED:
	case SPORE__CONTROL_CLOSED:
	case SPORE__CONTROL_SWAP:
		spore__port_hear(m, NULL);
		return;
	default:
		return;
	}
}

static void receive(void)
{
	while (!atomic_load(&heard_stop) && spore__io_is(hold_fd, &hold_id)) {
		size_t size;
		unsigned char *space = spore__control_space(&input, &size);
		if (space == NULL)
			return; // out of memory: the next call may have more luck
		unsigned fresh;
		ssize_t n = spore__pass_receive(hold_fd, space, size, descriptors + came, DESCRIPTORS - came, &fresh);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			atomic_store(&heard_stop, true); // nobody is left who could ask
			return;
		}
		came += fresh;
		spore__control_received(&input, (size_t)n);
		struct spore__control_message m;
		enum spore_err e;
		while ((e = spore__control_next(&input, &m)) == SPORE_OK)
			take(&m);
		if (e != SPORE_EAGAIN) {
			complain("the hold cannot be understood", spore_err_text(e));
			atomic_store(&heard_stop, true);
		}
	}
}

static void hear(void)
{
	receive();
	// Another thread, or the program's own loop, may poll the descriptor for what was read here.
	if (atomic_load(&heard_stop) && spore__io_is(hold_fd, &hold_id))
		(void)shutdown(hold_fd, SHUT_RD);
}

bool spore__connection_is_swapped(void)
{
	return atomic_load(&swapped);
}

bool spore__connection_heard_stop(void)
{
	int e = errno;
	if (hold_fd >= 0 && !atomic_load(&heard_stop) && pthread_mutex_trylock(&in_lock) == 0) {
		hear();
		pthread_mutex_unlock(&in_lock);
	}
	try_to_catch_up();
	errno = e;
	return atomic_load(&heard_stop);
}

bool spore__connection_heard_all(void)
{
	int e = errno;
	if (hold_fd >= 0) {
		pthread_mutex_lock(&in_lock);
		if (!atomic_load(&heard_stop))
			hear();
		pthread_mutex_unlock(&in_lock);
	}
	errno = e;
	return atomic_load(&heard_stop);
}

bool spore__connection_wait(void)
{
	struct pollfd p = {.fd = hold_fd, .events = POLLIN};
	while (hold_fd >= 0 && !atomic_load(&heard_stop) && spore__io_is(hold_fd, &hold_id)) {
		int n = poll(&p, 1, -1);
		if (n > 0)
			return (p.revents & POLLNVAL) == 0;
		if (n < 0 && errno != EINTR)
			return false;
	}
	return false;
}

const char *spore__connection_config(const char *key)
{
	int e = errno;
	const char *value = NULL;
	pthread_mutex_lock(&in_lock);
	int64_t deadline = now_ms() + PATIENCE_MS;
	while (hold_fd >= 0 && !heard_hello && !waited && !atomic_load(&heard_stop)) {
		hear();
		int64_t left = deadline - now_ms();
		waited = left <= 0;
		if (heard_hello || waited || !spore__io_is(hold_fd, &hold_id))
			break;
		struct pollfd p = {.fd = hold_fd, .events = POLLIN};
		(void)poll(&p, 1, (int)left);
	}
	for (const struct setting *s = settings; s != NULL && value == NULL; s = s->next) {
		if (strcmp(s->key, key) == 0)
			value = s->value;
	}
	pthread_mutex_unlock(&in_lock);
	errno = e;
	return value;
}

// ---- systemd

void spore__connection_notify(const char *text)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address;
	socklen_t len;
	int e = errno;
	if (path == NULL || hold_fd >= 0 || forked || spore__io_notify_address(path, &address, &len) != 0) {
		errno = e;
		return;
	}
	int fd = spore__io_datagram(PATIENCE_MS);
	if (fd >= 0) {
		spore__io_send_to(fd, text, strlen(text), &address, len);
		close(fd);
	}
	errno = e;
}
