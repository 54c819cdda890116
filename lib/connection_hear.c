#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "background.h"
#include "chan/port.h"
#include "connection_inside.h"
#include "hold_side.h"
#include "os/os.h"
#include "pass.h"
#include "stop.h"

// With spore__connection_in.
// For the largest frame, so that there is always room: to hear needs no memory. Pages of it that are never used do not exist.
static unsigned char room[SPORE__CONTROL_FRAME];
static struct spore__control_input input = {.data = room, .cap = sizeof room};
static struct spore__passed came;
static bool crowded; // the last channel could not be taken
static bool heard_hello;
static bool waited; // for it, in vain
static struct setting {
	char *key;
	char *value;
	struct setting *next;
} * settings;

static atomic_bool heard_stop;
static atomic_bool swapped; // ... since another instance takes over

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

// A channel for which this program has no descriptors left is closed: its peer sees that, and this port waits on.
static void take_channel(const struct spore__control_message *m)
{
	int fds[SPORE__PASSED];
	char what[80];
	enum spore_err e = m->descriptors > 0 ? spore__passed_take(&came, fds, m->descriptors) : SPORE_OK;
	if (e == SPORE_OK) {
		spore__port_hear(m, fds);
	} else if (e == SPORE_EMALFORMED) {
		spore__connection_complain("the hold cannot be understood", "descriptors are missing");
		atomic_store(&heard_stop, true);
	} else if (!crowded) {
		snprintf(what, sizeof what, "port %.*s", m->port.len < 60 ? (int)m->port.len : 60, m->port.s);
		spore__connection_complain(
		    what, "a channel was refused, since too many files are open; raise the limit (limits: files)");
	}
	crowded = e == SPORE_ESYSTEM;
}

static void take(const struct spore__control_message *m)
{
	char text[200];
	spore__connection_trace("<-", m);
	switch (m->type) {
	case SPORE__CONTROL_HELLO:
		if (m->number != SPORE__CONTROL_MAJOR) {
			snprintf(text, sizeof text,
			         "it speaks version %llu of the control protocol, this program speaks %d",
			         (unsigned long long)m->number, SPORE__CONTROL_MAJOR);
			spore__connection_complain("the hold cannot be understood", text);
			atomic_store(&heard_stop, true);
		} else if (!heard_hello) {
			take_settings(m->fields);
		}
		heard_hello = true;
		return;
	case SPORE__CONTROL_REFUSE:
		snprintf(text, sizeof text, "%.*s", m->text_len < 150 ? (int)m->text_len : 150, m->text);
		spore__connection_complain("the hold refused this program", text);
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
	case SPORE__CONTROL_ALONE:
		spore__connection_is_alone();
		spore__port_is_alone();
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
	int fd;
	while (!atomic_load(&heard_stop) && (fd = spore__connection_fd()) >= 0) {
		size_t size;
		unsigned char *space = spore__control_space(&input, &size);
		ssize_t n = spore__passed_receive(&came, fd, space, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			atomic_store(&heard_stop, true); // nobody is left who could ask
			return;
		}
		spore__control_received(&input, (size_t)n);
		struct spore__control_message m;
		enum spore_err e;
		while ((e = spore__control_next(&input, &m)) == SPORE_OK)
			take(&m);
		if (input.from == input.len)
			spore__passed_close(&came); // they were of a message that this version does not know
		if (e != SPORE_EAGAIN) {
			spore__connection_complain("the hold cannot be understood", spore_err_text(e));
			atomic_store(&heard_stop, true);
		}
	}
}

static void hear(void)
{
	receive();
	// Another thread, or the program's own loop, may poll the descriptor for what was read here.
	int fd = atomic_load(&heard_stop) ? spore__connection_fd() : -1;
	if (fd >= 0)
		(void)shutdown(fd, SHUT_RD);
}

void spore__connection_hear_after_fork(void)
{
	atomic_store(&heard_stop, false);
	atomic_store(&swapped, false);
}

bool spore__connection_is_swapped(void)
{
	return atomic_load(&swapped);
}

bool spore__connection_was_asked(void)
{
	return atomic_load(&heard_stop);
}

bool spore__connection_heard_stop(void)
{
	int e = errno;
	if (!spore__connection_is_over() && pthread_mutex_trylock(&spore__connection_in) == 0) {
		hear();
		pthread_mutex_unlock(&spore__connection_in);
	}
	spore__connection_catch_up();
	spore__port_leave_moved();
	errno = e;
	return atomic_load(&heard_stop);
}

void spore__connection_hear_all(void)
{
	int e = errno;
	if (!spore__connection_is_lost()) {
		pthread_mutex_lock(&spore__connection_in);
		if (!atomic_load(&heard_stop))
			hear();
		pthread_mutex_unlock(&spore__connection_in);
	}
	errno = e;
}

void spore__connection_hear_last(int ms)
{
	if (spore__connection_is_over() || !spore__lock_within(&spore__connection_in, ms))
		return;
	hear();
	pthread_mutex_unlock(&spore__connection_in);
}

bool spore__connection_is_over(void)
{
	return atomic_load(&heard_stop) || spore__connection_is_lost();
}

bool spore__connection_wait(int also)
{
	struct pollfd p[] = {{.events = POLLIN}, {.fd = also, .events = POLLIN}};
	while (!atomic_load(&heard_stop) && (p[0].fd = spore__connection_fd()) >= 0) {
		int n = poll(p, 2, -1);
		if (n > 0 && (p[0].revents & POLLNVAL) == 0)
			return true;
		if (n < 0 && errno != EINTR)
			return false;
	}
	return false;
}

const char *spore__connection_config(const char *key)
{
	int e = errno;
	const char *value = NULL;
	pthread_mutex_lock(&spore__connection_in);
	int64_t deadline = spore__connection_now_ms() + SPORE__PATIENCE_MS;
	while (!heard_hello && !waited && !spore__connection_is_over()) {
		hear();
		int64_t left = deadline - spore__connection_now_ms();
		waited = left <= 0;
		struct pollfd p = {.fd = spore__connection_fd(), .events = POLLIN};
		if (!heard_hello && !waited && p.fd >= 0)
			(void)poll(&p, 1, (int)left);
	}
	for (const struct setting *s = settings; s != NULL && value == NULL; s = s->next) {
		if (strcmp(s->key, key) == 0)
			value = s->value;
	}
	pthread_mutex_unlock(&spore__connection_in);
	errno = e;
	return value;
}
